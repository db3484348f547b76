import assert from "node:assert/strict";
import test from "node:test";
import { cellsOf, colourAt, drawField, edgesOf, keysOf } from "../src/field.js";

const field = {
  x: "x",
  y: "y",
  z: "z",
  label: "time",
  scale: "linear",
  limits: [0, 4],
  colours: ["a", "b", "c", "d"],
  missing: { output: "gone", label: "never reached" },
};
const outputs = { x: [1, 2, 3], y: [1, 2], z: [0, 1, 2, 3, 4, 9], gone: [0, 0, 0, 0, 1, 0] };

/** A stand-in that notes the rectangles of each colour. */
function paper() {
  const filled = [];
  const nothing = () => {};
  const context = { fillRect: (...box) => filled.push([context.fillStyle, ...box]) };
  for (const name of ["save", "restore", "beginPath", "rect", "clip", "moveTo", "lineTo", "stroke", "setLineDash"]) {
    context[name] = nothing;
  }
  return { context, filled };
}

test("cells end half-way to their neighbours on the axis's scale", () => {
  assert.deepEqual(edgesOf([0, 1, 3], "linear"), [-0.5, 0.5, 2, 4]);
  const edges = edgesOf([1, 100], "log");
  for (const [index, exponent] of [-1, 1, 3].entries()) {
    assert.ok(Math.abs(Math.log10(edges[index]) - exponent) < 1e-12);
  }
});

test("a number has the colour of its share of the limits, in decades on a log scale", () => {
  assert.equal([-7, 0, 0.9, 1, 3.9, 4, 70].map((value) => colourAt(field, value)).join(""), "aaabddd");
  const log = { ...field, scale: "log", limits: [0.01, 100] };
  assert.equal([-1, 0, 0.02, 0.5, 2, 50, Infinity].map((value) => colourAt(log, value)).join(""), "aaabcdd");
});

test("rows follow one another, and a cell without a value has none", () => {
  const { z } = cellsOf(field, outputs);
  assert.deepEqual([z(0, 2), z(1, 0), z(1, 1)], [2, 3, null]);
  assert.equal(cellsOf({ ...field, missing: null }, outputs).z(1, 1), 4);
});

test("cells meet on whole pixels, the first row lowest, over what shows where one is missing", () => {
  const { context, filled } = paper();
  const box = { left: 0, top: 0, width: 30, height: 20 };
  drawField(context, field, outputs, [0, 10.4, 20, 30], [20, 9.6, 0], box, 1);
  assert.deepEqual(filled.slice(1), [
    ["a", 0, 10, 10, 10],
    ["b", 10, 10, 10, 10],
    ["c", 20, 10, 10, 10],
    ["d", 0, 0, 10, 10],
    ["d", 20, 0, 10, 10],
  ]);
  assert.deepEqual(filled[0].slice(1), [0, 0, 30, 20]);
});

test("a legend says where the colours begin and end", () => {
  const words = (given) => keysOf(given).map(({ before, after }) => [before, after]);
  assert.deepEqual(words(field), [
    ["time: 0", "4"],
    ["", "never reached"],
  ]);
  assert.deepEqual(words({ ...field, scale: "log", limits: [0.01, 4], missing: null }), [["time: 0.01", "4 (log)"]]);
});
