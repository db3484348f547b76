import assert from "node:assert/strict";
import test from "node:test";
import * as runtime from "onnxruntime-web/wasm";
import { openGraph } from "../src/runtime.js";

// y = a * [1, 2, 4] and z = -a, for a double a without dimensions
const GRAPH = [
  "CAgSADpuCg4KAWEKAWMSAXkiA011bAoLCgFhEgF6IgNOZWcSAWcqIQgDEAtCAWNSGAAAAAAAAPA/AAAAAA",
  "AAAEAAAAAAAAAQQFoLCgFhEgYKBAgLEgBiDwoBeRIKCggICxIECgIIA2ILCgF6EgYKBAgLEgBCBAoAEBE=",
].join("");

runtime.env.wasm.numThreads = 1;
runtime.env.logLevel = "error";

/** @param {Partial<import("../types.js").Manifest>} changes */
function manifest(changes = {}) {
  return {
    precision: "float64",
    inputs: [null, "a"],
    controls: [{ name: "unused" }, { name: "strength" }],
    outputs: [
      { name: "opposite", graph: "z" },
      { name: "multiples", graph: "y" },
    ],
    ...changes,
  };
}

test("a graph is evaluated with the controls by their places, and answers by name", async () => {
  const evaluate = await openGraph(runtime, Buffer.from(GRAPH, "base64"), manifest());
  const outputs = await evaluate({ unused: 7, strength: 0.1 });
  assert.deepEqual(Object.keys(outputs), ["opposite", "multiples"]);
  assert.deepEqual([...outputs.multiples], [0.1, 0.2, 0.4]);
  assert.deepEqual([...outputs.opposite], [-0.1]);
});

test("infinity reaches the graph", async () => {
  const evaluate = await openGraph(runtime, Buffer.from(GRAPH, "base64"), manifest());
  assert.deepEqual([...(await evaluate({ unused: 0, strength: Infinity })).opposite], [-Infinity]);
});

test("a graph that is none is refused", async () => {
  await assert.rejects(openGraph(runtime, Buffer.from("not a graph"), manifest()));
});

test("a precision that the graph does not have is refused", async () => {
  const evaluate = await openGraph(runtime, Buffer.from(GRAPH, "base64"), manifest({ precision: "float32" }));
  await assert.rejects(evaluate({ unused: 0, strength: 1 }));
});
