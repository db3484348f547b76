import assert from "node:assert/strict";
import test from "node:test";
import { tableOf } from "../src/table.js";

const manifest = {
  id: "a.b",
  controls: [{ name: "u0" }],
  readouts: [],
  panels: [
    {
      title: "Stages",
      x: { label: "time" },
      y: { label: "strength" },
      curves: [
        { x: "t", y: "u", label: "theory, s = 1", kind: "theory", colour: 0 },
        { x: "t", y: "v", label: null, kind: "theory", colour: 1 },
        { x: "p", y: "q", label: 'the "half"', kind: "mark", colour: 0 },
      ],
      markers: [{ label: "network", colour: 0, x: [5], y: [6] }],
    },
  ],
};

test("curves with the same x share a column of it; others bring their own", () => {
  const outputs = { t: [0, 1], u: [2, 3], v: [4, Infinity], p: [7], q: [8] };
  const text = tableOf(manifest, { u0: 0.5 }, outputs, "http://host/page.html#a-b?u0=0.5");
  assert.equal(
    text,
    [
      "# a.b",
      "# http://host/page.html#a-b?u0=0.5",
      "# u0 = 0.5",
      "",
      "# Stages",
      'time,"theory, s = 1",strength,time,"the ""half""",time,network',
      "0,2,4,7,8,5,6",
      "1,3,Infinity,,,,",
      "",
    ].join("\n"),
  );
});

test("a map follows, a row of cells for each of its own, empty where there is no value", () => {
  const field = { x: "c", y: "r", z: "z", label: "time", missing: { output: "gone", label: "never" } };
  const panel = { title: "", x: { label: "width" }, y: { label: "rate" }, curves: [], markers: [], field };
  const outputs = { c: [1, 2], r: [3, 4], z: [5, 6, 7, 8], gone: [0, 0, 1, 0] };
  const text = tableOf({ ...manifest, panels: [panel] }, { u0: 1 }, outputs, "address");
  assert.deepEqual(text.trimEnd().split("\n").slice(-5), [
    "# rate against width",
    "# time: a row for each rate, a column for each width",
    ",1,2",
    "3,5,6",
    "4,,8",
  ]);
});
