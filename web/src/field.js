// A map under the curves of a panel: a cell around each place of a grid, in the colour of its number.

import { INK, SAMPLE } from "./look.js";
import { formatShort } from "./numbers.js";

/** @typedef {import("../types.js").Field} Field */
/** @typedef {import("../types.js").Numbers} Numbers */
/** @typedef {import("../types.js").Outputs} Outputs */
/** @typedef {import("../types.js").Scale} Scale */
/** @typedef {{ before: string, after: string, width: number, draw: Draw }} Key */
/** @typedef {(context: CanvasRenderingContext2D, box: Box) => void} Draw */
/** @typedef {{ left: number, top: number, width: number, height: number }} Box */

const NO_VALUE = "#e4e4e4";
const HATCH = "#6e6e6e";
/** Between the lines of the hatching. */
const GAP = 6;

/**
 * @param {Numbers} centres at least two, increasing
 * @param {Scale} scale
 * @returns {number[]} the bounds of the cells around them, half-way to the neighbours on the axis's scale
 */
export function edgesOf(centres, scale) {
  if (scale === "log") return edgesOf(Array.from(centres, Math.log), "linear").map(Math.exp);
  const last = centres.length - 1;
  const middles = Array.from({ length: last }, (_, index) => (centres[index] + centres[index + 1]) / 2);
  return [2 * centres[0] - middles[0], ...middles, 2 * centres[last] - middles[last - 1]];
}

/**
 * @param {Field} field
 * @param {number} value
 * @returns {string} beyond the limits, the colour at the nearer one
 */
export function colourAt({ colours, limits, scale }, value) {
  const [low, high] = limits;
  const share = scale === "log" ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  // the logarithm of what is not positive is no number
  const inside = Math.min(1, Math.max(0, share || 0));
  return colours[Math.min(colours.length - 1, Math.floor(inside * colours.length))];
}

/**
 * @param {Field} field
 * @param {Outputs} outputs
 * @returns {{ x: Numbers, y: Numbers, z(row: number, column: number): number | null }} null where there is no value
 */
export function cellsOf(field, outputs) {
  const [x, y, z] = [outputs[field.x], outputs[field.y], outputs[field.z]];
  const missing = field.missing && outputs[field.missing.output];
  return {
    x,
    y,
    z(row, column) {
      const index = row * x.length + column;
      return missing && missing[index] > 0.5 ? null : z[index];
    },
  };
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Field} field
 * @param {Outputs} outputs
 * @param {number[]} across the cells' bounds from left to right, in pixels of the canvas
 * @param {number[]} down the same from the lowest row to the highest
 * @param {Box} box what is drawn of it
 * @param {number} scale pixels of the canvas for one of the look
 */
export function drawField(context, field, outputs, across, down, box, scale) {
  const cells = cellsOf(field, outputs);
  // on whole pixels no seam is left between cells
  const [columns, rows] = [across, down].map((bounds) => bounds.map(Math.round));
  context.save();
  context.beginPath();
  context.rect(box.left, box.top, box.width, box.height);
  context.clip();
  const left = columns[0];
  const top = rows[rows.length - 1];
  hatch(context, { left, top, width: (columns.at(-1) ?? left) - left, height: rows[0] - top }, scale);
  for (let row = 0; row < cells.y.length; row++) {
    for (let column = 0; column < cells.x.length; column++) {
      const value = cells.z(row, column);
      if (value === null) continue;
      context.fillStyle = colourAt(field, value);
      const [x, y] = [columns[column], rows[row + 1]];
      context.fillRect(x, y, columns[column + 1] - x, rows[row] - y);
    }
  }
  context.restore();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box
 * @param {number} scale
 */
function hatch(context, { left, top, width, height }, scale) {
  context.save();
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  context.fillStyle = NO_VALUE;
  context.fillRect(left, top, width, height);
  context.strokeStyle = HATCH;
  context.lineWidth = scale;
  context.setLineDash([]);
  context.beginPath();
  for (let start = left - height; start < left + width; start += GAP * scale) {
    context.moveTo(start, top + height);
    context.lineTo(start + height, top);
  }
  context.stroke();
  context.restore();
}

/**
 * What a legend says of a map: words before a sample, the sample, and words after it.
 *
 * @param {Field} field
 * @returns {Key[]}
 */
export function keysOf(field) {
  const [low, high] = field.limits.map(formatShort);
  /** @type {Key} */
  const bar = {
    before: `${field.label}: ${low}`,
    after: field.scale === "log" ? `${high} (log)` : high,
    width: 4 * SAMPLE,
    draw: (context, box) => drawBar(context, field.colours, box),
  };
  if (!field.missing) return [bar];
  return [
    bar,
    { before: "", after: field.missing.label, width: SAMPLE, draw: (context, box) => hatch(context, box, 1) },
  ];
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string[]} colours
 * @param {Box} box
 */
function drawBar(context, colours, { left, top, width, height }) {
  const wide = width / colours.length;
  for (const [index, colour] of colours.entries()) {
    context.fillStyle = colour;
    // on under the next, so that no seam is left between them
    context.fillRect(left + index * wide, top, Math.min(2, colours.length - index) * wide, height);
  }
  context.strokeStyle = INK;
  context.lineWidth = 0.5;
  context.setLineDash([]);
  context.strokeRect(left, top, width, height);
}
