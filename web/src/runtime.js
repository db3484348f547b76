// The exported function, evaluated by ONNX Runtime in a worker, so that the page never waits for it.

/** @typedef {import("../types.js").Manifest} Manifest */
/** @typedef {import("../types.js").Outputs} Outputs */
/** @typedef {import("../types.js").Values} Values */
/** @typedef {typeof import("onnxruntime-web")} Runtime */

/**
 * @returns {Promise<Runtime>} ONNX Runtime, from the site itself
 */
export async function loadRuntime() {
  const runtime = await import("../onnxruntime/ort.wasm.min.mjs");
  runtime.env.logLevel = "error";
  runtime.env.wasm.proxy = true;
  // more threads would need headers that a static host does not send
  runtime.env.wasm.numThreads = 1;
  runtime.env.wasm.wasmPaths = new URL("../onnxruntime/", import.meta.url).href;
  return runtime;
}

/**
 * @param {Runtime} runtime
 * @param {Uint8Array} graph
 * @param {Manifest} manifest
 * @returns {Promise<(values: Values) => Promise<Outputs>>} the function that the graph holds
 */
export async function openGraph(runtime, graph, manifest) {
  const session = await runtime.InferenceSession.create(graph, { executionProviders: ["wasm"], logSeverityLevel: 3 });
  return async (values) => {
    /** @type {Record<string, import("onnxruntime-web").Tensor>} */
    const feeds = {};
    for (const [index, control] of manifest.controls.entries()) {
      const input = manifest.inputs[index];
      if (input !== null) feeds[input] = scalar(runtime, manifest.precision, values[control.name]);
    }
    const results = await session.run(feeds);
    return Object.fromEntries(manifest.outputs.map(({ name, graph: key }) => [name, numbers(results[key].data)]));
  };
}

/**
 * @param {Runtime} runtime
 * @param {Manifest["precision"]} precision
 * @param {number} value
 */
function scalar(runtime, precision, value) {
  const data = precision === "float64" ? Float64Array.of(value) : Float32Array.of(value);
  return new runtime.Tensor(precision, data, []);
}

/**
 * @param {ArrayLike<unknown>} data of any type that a graph gives: whole numbers and truth values among them
 * @returns {Float64Array}
 */
function numbers(data) {
  return Float64Array.from(data, Number);
}
