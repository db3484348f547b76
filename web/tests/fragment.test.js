import assert from "node:assert/strict";
import test from "node:test";
import { decodeQuery, defaultScales, encodeFragment, splitFragment } from "../src/fragment.js";

const controls = [
  { kind: "range", name: "u0", scale: "log", low: 1e-6, high: 0.1, default: 0.01, step: null },
  { kind: "stops", name: "depth", values: [1, 2, "Infinity"], texts: ["1", "2", "∞"], default: 2 },
];
const fixed = { scales: ["linear"] };
const panels = [
  { x: fixed, y: fixed },
  { x: fixed, y: { scales: ["log", "linear"] } },
];
const usual = { u0: 0.01, depth: 2 };

test("only what differs from the defaults is written", () => {
  assert.equal(encodeFragment("a-b", controls, usual, panels, { y2: "log" }), "#a-b");
  const fragment = encodeFragment("a-b", controls, { u0: 1e-3, depth: Infinity }, panels, { y2: "linear" });
  assert.equal(fragment, "#a-b?u0=0.001&depth=Infinity&y2=linear");
});

test("what was written is read again", () => {
  const values = { u0: 1.234e-6, depth: Infinity };
  const { id, query } = splitFragment(encodeFragment("a-b", controls, values, panels, { y2: "linear" }));
  assert.equal(id, "a-b");
  assert.deepEqual(decodeQuery(query, controls, panels), { values, scales: { y2: "linear" } });
});

test("wrong names and values are ignored, values outside are drawn in", () => {
  const { values, scales } = decodeQuery("u0=7&depth=3&y1=log&y2=cubic&__proto__=1", controls, panels);
  assert.deepEqual(values, { u0: 0.1, depth: 2 });
  assert.deepEqual(scales, defaultScales(panels));
  for (const query of ["", "u0=", "u0=abc", "u0=NaN", "%E0%A4%A"]) {
    assert.deepEqual(decodeQuery(query, controls, panels).values, usual);
  }
});

test("an ordinary anchor has no query", () => {
  assert.deepEqual(splitFragment("#section-2"), { id: "section-2", query: null });
  assert.deepEqual(splitFragment(""), { id: "", query: null });
  assert.equal(splitFragment("#%E0%A4%A").id, "%E0%A4%A");
});
