import assert from "node:assert/strict";
import test from "node:test";
import { limitsOf, stepThatFits, ticksOf } from "../src/axes.js";
import { formatNumber, formatShort } from "../src/numbers.js";

const texts = (...parameters) => ticksOf(...parameters).map(({ text }) => text);

test("limits end where the data end, or at the next round number", () => {
  assert.deepEqual(limitsOf([[0.1, 2.7]], "linear", null, false), [0.1, 2.7]);
  assert.deepEqual(limitsOf([[0.1, 2.7]], "linear", null, true), [0, 3]);
  assert.deepEqual(limitsOf([[0.02, 30]], "log", null, true), [0.01, 100]);
});

test("what a scale cannot show has no say in its limits", () => {
  assert.deepEqual(limitsOf([[Number.NaN, 1, Infinity, 2]], "linear", null, false), [1, 2]);
  assert.deepEqual(limitsOf([[0, -1, 0.1, 10]], "log", null, true), [0.1, 10]);
  assert.deepEqual(limitsOf([[0, 0.1, 5]], "log", [0, 10], false), [0.1, 10]);
});

test("uPlot hides no axis, however many decades it spans", () => {
  for (const [low, high] of [
    [0, 1],
    [0.1, 1e5],
    [1e-8, 1e4],
    [-4, 4],
    [1e-6, 1e-5],
  ]) {
    const step = stepThatFits(low, high);
    // what uPlot asks of a step: a pixel of room on an axis of a hundred, and digits that it knows
    assert.ok((100 * step) / (high - low) >= 1);
    assert.ok(step >= 5);
  }
});

test("an axis is never empty", () => {
  for (const scale of ["linear", "log"]) {
    for (const data of [[], [[]], [[3, 3]], [[0, 0]], [[-2]]]) {
      const [low, high] = limitsOf(data, scale, null, true);
      assert.ok(low < high, `${scale} ${data}`);
      assert.ok(ticksOf(low, high, scale, 5).length >= 2);
    }
  }
});

test("ticks are round numbers inside the limits", () => {
  assert.deepEqual(texts(0, 1, "linear", 5), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
  assert.deepEqual(texts(-1.5, 1.5, "linear", 3), ["−1", "0", "1"]);
  assert.deepEqual(texts(1e-3, 10, "log", 9), ["10⁻³", "10⁻²", "10⁻¹", "10⁰", "10¹"]);
  assert.deepEqual(texts(1e-8, 1, "log", 5), ["10⁻⁸", "10⁻⁶", "10⁻⁴", "10⁻²", "10⁰"]);
  assert.deepEqual(texts(0.2, 3, "log", 5), ["0.2", "0.5", "1", "2"]);
});

test("numbers are written as readers write them", () => {
  assert.equal(formatNumber(0.14, 3), "0.140");
  assert.equal(formatShort(0.14), "0.14");
  assert.equal(formatShort(-1.5e-7), "−1.5×10⁻⁷");
  assert.equal(formatShort(1e-6), "1×10⁻⁶");
  assert.equal(formatShort(1200), "1200");
  assert.equal(formatShort(Infinity), "∞");
});
