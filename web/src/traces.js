// What a panel draws: the curves that the graph gives, and the markers that the notebook measured.

/** @typedef {import("../types.js").Outputs} Outputs */
/** @typedef {import("../types.js").Panel} Panel */
/** @typedef {import("../types.js").Trace} Trace */

/**
 * @param {Panel} panel
 * @returns {Trace[]} what it draws, in the order of the legend
 */
export function tracesOf(panel) {
  return [
    ...panel.curves.map(({ x, y, base, ...look }) => ({
      ...look,
      /** @param {Outputs} outputs */
      read: (outputs) => ({ x: outputs[x], y: outputs[y], base: base ? outputs[base] : null }),
    })),
    ...panel.markers.map(({ x, y, ...look }) => ({
      ...look,
      kind: /** @type {const} */ ("experiment"),
      read: () => ({ x, y, base: null }),
    })),
  ];
}

/**
 * @param {Panel} panel
 * @returns {Trace[]} those that the legend names
 */
export function labelled(panel) {
  return tracesOf(panel).filter((trace) => trace.label);
}

/**
 * @param {Panel} panel
 * @returns {string}
 */
export function nameOf(panel) {
  return panel.title || `${panel.y.label} against ${panel.x.label}`;
}
