// What the site serves beside these modules, under the names by which they ask for it.

declare module "*/onnxruntime/ort.wasm.min.mjs" {
  export * from "onnxruntime-web";
}

declare module "*/uplot/uPlot.esm.js" {
  export { default } from "uplot";
}
