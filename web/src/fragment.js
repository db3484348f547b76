// The setting of an explorable in the address: `#deep-linear-modes?u0=0.001&depth=Infinity&y1=log`.

import { allowed, defaultOf } from "./sliders.js";

/** @typedef {import("../types.js").Control} Control */
/** @typedef {import("../types.js").Panel} Panel */
/** @typedef {import("../types.js").Scales} Scales */
/** @typedef {import("../types.js").Values} Values */

/**
 * @param {string} hash
 * @returns {{ id: string, query: string | null }} the element's id, and what follows the question mark
 */
export function splitFragment(hash) {
  const [id, ...rest] = hash.replace(/^#/, "").split("?");
  return { id: decoded(id), query: rest.length ? rest.join("?") : null };
}

/**
 * @param {Panel[]} panels
 * @returns {Scales} the scale that each axis with two starts with
 */
export function defaultScales(panels) {
  /** @type {Scales} */
  const scales = {};
  for (const [index, panel] of panels.entries()) {
    for (const side of /** @type {const} */ (["x", "y"])) {
      if (panel[side].scales.length > 1) scales[`${side}${index + 1}`] = panel[side].scales[0];
    }
  }
  return scales;
}

/**
 * @param {string} id
 * @param {Control[]} controls
 * @param {Values} values
 * @param {Panel[]} panels
 * @param {Scales} scales
 * @returns {string} a fragment that holds what differs from the defaults
 */
export function encodeFragment(id, controls, values, panels, scales) {
  const usual = defaultScales(panels);
  const entries = [
    ...controls
      .filter((control) => values[control.name] !== defaultOf(control))
      .map((control) => [control.name, String(values[control.name])]),
    ...Object.entries(scales).filter(([axis, scale]) => scale !== usual[axis]),
  ];
  const query = entries.map((entry) => entry.map(encodeURIComponent).join("=")).join("&");
  return query ? `#${id}?${query}` : `#${id}`;
}

/**
 * What a query says, laid over the defaults; what it has no right to say is ignored.
 * @param {string} query
 * @param {Control[]} controls
 * @param {Panel[]} panels
 * @returns {{ values: Values, scales: Scales }}
 */
export function decodeQuery(query, controls, panels) {
  const parameters = new URLSearchParams(query);
  /** @type {Values} */
  const values = {};
  for (const control of controls) {
    const text = parameters.get(control.name)?.trim();
    values[control.name] = (text ? allowed(control, Number(text)) : null) ?? defaultOf(control);
  }
  const scales = defaultScales(panels);
  for (const axis of Object.keys(scales)) {
    const text = parameters.get(axis);
    if (text === "linear" || text === "log") scales[axis] = text;
  }
  return { values, scales };
}

/**
 * @param {string} text
 * @returns {string}
 */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
