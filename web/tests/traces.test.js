import assert from "node:assert/strict";
import test from "node:test";
import { colourOf, DEPTH, fillOf } from "../src/look.js";
import { tracesOf } from "../src/traces.js";

const curve = { x: "t", y: "u", base: null, label: null, kind: "theory", colour: 0 };

test("an area stands on a result, or on the bottom of the panel", () => {
  const outputs = { t: [0, 1], u: [2, 3], v: [4, 5] };
  const area = { ...curve, kind: "area" };
  const panel = {
    curves: [area, { ...area, y: "v", base: "u" }],
    markers: [{ label: "m", colour: 0, x: [1], y: [2] }],
  };
  assert.deepEqual(
    tracesOf(panel).map((trace) => trace.read(outputs).base),
    [null, [2, 3], null],
  );
});

test("an area is filled with its own colour, and lies under every line", () => {
  assert.ok(fillOf({ ...curve, kind: "area" }).startsWith(colourOf(curve)));
  assert.equal(fillOf(curve), null);
  assert.equal(Math.min(...Object.values(DEPTH)), DEPTH.area);
});
