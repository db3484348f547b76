// All panels of a figure on one white sheet.

import { keysOf } from "./field.js";
import { drawSample, INK, SAMPLE, SWATCH } from "./look.js";
import { labelled } from "./traces.js";

/** @typedef {import("./field.js").Key} Key */
/** @typedef {import("../types.js").Panel} Panel */
/** @typedef {{ panel: Panel, canvas: HTMLCanvasElement, width: number, height: number }} Print
 *   a panel, drawn at the sheet's sharpness, and its size on the page */

const MARGIN = 12;
const LINE = 20;
const TEXT = 13;

/**
 * @param {Print[]} prints
 * @param {number} columns
 * @param {string} setting one line under the panels
 * @param {string} font
 * @param {number} sharpness pixels of the picture for one of the page
 * @returns {Promise<Blob>} a PNG
 */
export function pictureOf(prints, columns, setting, font, sharpness) {
  const sheet = document.createElement("canvas");
  const context = /** @type {CanvasRenderingContext2D} */ (sheet.getContext("2d"));
  context.font = `${TEXT}px ${font}`;
  const boxes = layOut(context, prints, columns);
  const width = Math.max(...boxes.map(({ x, print }) => x + print.width)) + MARGIN;
  const words = wrapped(context, setting, width - 2 * MARGIN);
  const bottom = Math.max(...boxes.map(({ y, height }) => y + height));
  sheet.width = width * sharpness;
  sheet.height = (bottom + words.length * LINE + MARGIN) * sharpness;
  context.scale(sharpness, sharpness);
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, sheet.width, sheet.height);
  context.textBaseline = "middle";
  for (const box of boxes) drawBox(context, box, font);
  write(context, words, MARGIN, bottom, `${TEXT}px ${font}`);
  return new Promise((resolve, reject) => {
    sheet.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), "image/png");
  });
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Print[]} prints
 * @param {number} columns
 */
function layOut(context, prints, columns) {
  const boxes = prints.map((print) => {
    const legend = legendOf(context, print);
    const lines = (legend.at(-1)?.line ?? -1) + 1 + (print.panel.title ? 1 : 0);
    return { print, legend, x: MARGIN, y: MARGIN, height: lines * LINE + print.height + MARGIN };
  });
  let y = MARGIN;
  for (let first = 0; first < boxes.length; first += columns) {
    const row = boxes.slice(first, first + columns);
    const height = Math.max(...row.map((box) => box.height));
    let x = MARGIN;
    for (const box of row) {
      Object.assign(box, { x, y, height });
      x += box.print.width + MARGIN;
    }
    y += height;
  }
  return boxes;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Print} print
 */
function legendOf(context, print) {
  let line = 0;
  let x = 0;
  return keys(print.panel).map((key) => {
    const indent = key.before ? context.measureText(key.before).width + 6 : 0;
    const width = indent + key.width + 6 + context.measureText(key.after).width + 14;
    if (x > 0 && x + width > print.width) {
      line += 1;
      x = 0;
    }
    const entry = { key, line, x, sample: x + indent };
    x += width;
    return entry;
  });
}

/**
 * @param {Panel} panel
 * @returns {Key[]} the entries of its legend
 */
function keys(panel) {
  return [
    ...(panel.field ? keysOf(panel.field) : []),
    ...labelled(panel).map((trace) => ({
      before: "",
      after: trace.label ?? "",
      width: SAMPLE,
      /** @type {Key["draw"]} */
      draw: (context, { left, top, width, height }) => drawSample(context, trace, left, top + height / 2, width, 1),
    })),
  ];
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {ReturnType<typeof layOut>[number]} box
 * @param {string} font
 */
function drawBox(context, { print, legend, x, y, height }, font) {
  const { title } = print.panel;
  if (title) write(context, [title], x, y, `600 ${TEXT}px ${font}`);
  const top = y + (title ? LINE : 0);
  for (const { key, line, x: start, sample } of legend) {
    const middle = top + (line + 0.5) * LINE;
    const { before, after, width } = key;
    key.draw(context, { left: x + sample, top: middle - SWATCH, width, height: 2 * SWATCH });
    write(context, [before], x + start, middle - LINE / 2, `${TEXT}px ${font}`);
    write(context, [after], x + sample + width + 6, middle - LINE / 2, `${TEXT}px ${font}`);
  }
  context.drawImage(print.canvas, x, y + height - MARGIN - print.height, print.width, print.height);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string[]} lines
 * @param {number} x
 * @param {number} y
 * @param {string} font
 */
function write(context, lines, x, y, font) {
  context.fillStyle = INK;
  context.font = font;
  for (const [index, line] of lines.entries()) context.fillText(line, x, y + (index + 0.5) * LINE);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {number} width
 * @returns {string[]} lines that are no wider
 */
function wrapped(context, text, width) {
  /** @type {string[]} */
  const lines = [];
  for (const word of text.split(" ")) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && context.measureText(longer).width <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
