// The look of the book's figures, as in solvable.style: theory is a line, a limit thin and dashed, a measurement a
// marker.

/** @typedef {import("../types.js").Kind} Kind */
/** @typedef {Pick<import("../types.js").Trace, "kind" | "colour">} Drawn */

export const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442"];
export const INK = "#1a1a1a";
export const GRID = "#ebebeb";
export const CASING = "#ffffff";
export const CASING_WIDTH = 1.2;
const GREY = "#6e6e6e";

/** Outlines around the origin, each about one unit in radius. */
const SHAPES = [
  "M1 0A1 1 0 1 1 -1 0A1 1 0 1 1 1 0Z",
  "M-.9-.9H.9V.9H-.9Z",
  "M0-1.1L1.05.85H-1.05Z",
  "M0-1.25L1.25 0L0 1.25L-1.25 0Z",
  "M0 1.1L1.05-.85H-1.05Z",
];
const CROSS = "M-1-1L1 1M-1 1L1-1";

/** Of a legend's sample: its length, and half the height of one that is filled. */
export const SAMPLE = 24;
export const SWATCH = 4.5;

/** @type {Record<Kind, number>} what lies over what */
export const DEPTH = { area: 0, limit: 1, theory: 2, experiment: 3, mark: 4 };

/**
 * @param {Drawn} trace
 * @returns {string}
 */
export function colourOf({ kind, colour }) {
  if (kind === "limit") return GREY;
  return kind === "mark" ? "#000000" : COLOURS[colour % COLOURS.length];
}

/**
 * @param {Kind} kind
 * @returns {{ width: number, dash: number[] } | null} null for what is drawn in markers
 */
export function lineOf(kind) {
  if (kind === "theory") return { width: 2.2, dash: [] };
  if (kind === "area") return { width: 1.25, dash: [] };
  return kind === "limit" ? { width: 1.25, dash: [5, 3.5] } : null;
}

/**
 * @param {Drawn} trace
 * @returns {string | null} what fills an area: its colour, let through to 40%
 */
export function fillOf(trace) {
  return trace.kind === "area" ? `${colourOf(trace)}66` : null;
}

/**
 * @param {Drawn} trace
 * @returns {{ outline: string, radius: number, width: number, hollow: boolean } | null} null for a line
 */
export function markerOf({ kind, colour }) {
  if (kind === "mark") return { outline: CROSS, radius: 4, width: 2, hollow: false };
  if (kind !== "experiment") return null;
  return { outline: SHAPES[(colour % COLOURS.length) % SHAPES.length], radius: 2.9, width: 1.4, hollow: true };
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Drawn} trace
 * @param {number} x in pixels of the canvas
 * @param {number} y
 * @param {number} scale pixels of the canvas for one of the look
 * @param {boolean} cased whether it lies on a map, and needs white around it to be seen on each of its colours
 */
export function drawMarker(context, trace, x, y, scale, cased = false) {
  const marker = markerOf(trace);
  if (!marker) return;
  const size = marker.radius * scale;
  const outline = new Path2D();
  outline.addPath(new Path2D(marker.outline), new DOMMatrix([size, 0, 0, size, x, y]));
  if (marker.hollow) {
    context.fillStyle = "#ffffff";
    context.fill(outline);
  }
  context.setLineDash([]);
  if (cased) {
    context.strokeStyle = CASING;
    context.lineWidth = (marker.width + 2 * CASING_WIDTH) * scale;
    context.stroke(outline);
  }
  context.strokeStyle = colourOf(trace);
  context.lineWidth = marker.width * scale;
  context.stroke(outline);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Drawn} trace
 * @param {number} x where the sample begins
 * @param {number} y its middle
 * @param {number} length
 * @param {number} scale
 */
export function drawSample(context, trace, x, y, length, scale) {
  const line = lineOf(trace.kind);
  if (!line) {
    drawMarker(context, trace, x + length / 2, y, scale);
    return;
  }
  const fill = fillOf(trace);
  context.strokeStyle = colourOf(trace);
  context.lineWidth = line.width * scale;
  context.setLineDash(line.dash.map((part) => part * scale));
  context.beginPath();
  if (fill) {
    context.rect(x, y - SWATCH * scale, length, 2 * SWATCH * scale);
    context.fillStyle = fill;
    context.fill();
    context.stroke();
    return;
  }
  context.moveTo(x, y);
  context.lineTo(x + length, y);
  context.stroke();
}
