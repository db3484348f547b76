import assert from "node:assert/strict";
import test from "node:test";
import { allowed, describe, stepsOf, toPosition, toValue } from "../src/sliders.js";

const linear = {
  kind: "range",
  name: "a",
  label: "a",
  unit: "τ",
  scale: "linear",
  low: -1,
  high: 3,
  default: 0,
  step: null,
};
const log = { ...linear, unit: "", scale: "log", low: 1e-6, high: 0.1 };
const stops = {
  kind: "stops",
  name: "d",
  unit: "layers",
  values: [1, 2, "Infinity"],
  texts: ["1", "2", "∞"],
  default: 2,
};

test("a range goes from its low to its high end", () => {
  assert.deepEqual(
    [0, 0.25, 0.5, 1].map((position) => toValue(linear, position)),
    [-1, 0, 1, 3],
  );
  assert.deepEqual(
    [0, 0.2, 1].map((position) => toValue(log, position)),
    [1e-6, 1e-5, 0.1],
  );
});

test("a value is short in a link and its position leads back to it", () => {
  for (const control of [linear, log, { ...linear, step: 0.25 }, { ...log, step: 0.5 }, { ...linear, step: 0.001 }]) {
    for (let index = 0; index <= 97; index++) {
      const value = toValue(control, index / 97);
      assert.equal(toValue(control, toPosition(control, value)), value);
    }
  }
  assert.equal(toValue(log, 0.123456), 4.143e-6);
});

test("a step holds the value to its grid, in decades on a log scale", () => {
  assert.equal(toValue({ ...linear, step: 0.1 }, 0.503), 1);
  assert.equal(toValue({ ...log, step: 0.5 }, 0.1), 3.16227766017e-6);
  assert.equal(stepsOf({ ...linear, step: 0.1 }), 40);
  // a step that does not divide the range stops before its end
  assert.equal(toValue({ ...linear, step: 3 }, 1), 2);
});

test("too many steps for the arrow keys leave the slider free, and its values on the grid", () => {
  const fine = { ...linear, step: 0.001 };
  assert.equal(stepsOf(fine), 0);
  assert.equal(toValue(fine, 0.12345), -0.506);
});

test("stops are taken in turn, infinity among them", () => {
  assert.deepEqual(
    [0, 0.5, 1].map((position) => toValue(stops, position)),
    [1, 2, Infinity],
  );
  assert.equal(toPosition(stops, Infinity), 1);
  assert.equal(describe(stops, Infinity), "∞ layers");
});

test("values outside are drawn in, and values that are none are refused", () => {
  assert.equal(allowed(linear, 99), 3);
  assert.equal(allowed(log, -1), 1e-6);
  assert.equal(allowed(linear, Number.NaN), null);
  assert.equal(allowed(stops, 3), null);
  assert.equal(allowed(stops, Infinity), Infinity);
});
