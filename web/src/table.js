// The numbers behind a figure, as comma-separated values.

import { cellsOf } from "./field.js";
import { nameOf, tracesOf } from "./traces.js";

/** @typedef {import("../types.js").Field} Field */
/** @typedef {import("../types.js").Manifest} Manifest */
/** @typedef {import("../types.js").Numbers} Numbers */
/** @typedef {import("../types.js").Outputs} Outputs */
/** @typedef {import("../types.js").Panel} Panel */
/** @typedef {import("../types.js").Values} Values */
/** @typedef {{ name: string, numbers: Numbers }} Column */

/**
 * @param {Manifest} manifest
 * @param {Values} values
 * @param {Outputs} outputs
 * @param {string} address of the page, with this setting
 * @returns {string} the setting as comments, then a table for each panel, then one for each map
 */
export function tableOf(manifest, values, outputs, address) {
  const head = [
    `# ${manifest.id}`,
    `# ${address}`,
    ...manifest.controls.map(({ name }) => `# ${name} = ${values[name]}`),
    ...manifest.readouts.map(({ label, output }) => `# ${label} = ${outputs[output][0]}`),
  ];
  const tables = manifest.panels.map((panel) =>
    [`# ${nameOf(panel)}`, ...rowsOf(columnsOf(panel, outputs))].join("\n"),
  );
  const maps = manifest.panels.flatMap((panel) =>
    panel.field ? [[`# ${nameOf(panel)}`, ...mapOf(panel, panel.field, outputs)].join("\n")] : [],
  );
  return `${[head.join("\n"), ...tables, ...maps].join("\n\n")}\n`;
}

/**
 * @param {Panel} panel
 * @param {Field} field
 * @param {Outputs} outputs
 * @returns {string[]} a row for each of the map's, headed by its place; empty where a cell has no value
 */
function mapOf(panel, field, outputs) {
  const { x, y, z } = cellsOf(field, outputs);
  const columns = Array.from(x, (_, column) => column);
  const rows = Array.from(y, (place, row) => [place, ...columns.map((column) => z(row, column) ?? "")].join(","));
  const words = `# ${field.label}: a row for each ${panel.y.label}, a column for each ${panel.x.label}`;
  return [words, ["", ...columns.map((column) => x[column])].join(","), ...rows];
}

/**
 * @param {Panel} panel
 * @param {Outputs} outputs
 * @returns {Column[]} curves with the same x follow one column of it
 */
function columnsOf(panel, outputs) {
  /** @type {Map<Numbers, Column[]>} */
  const groups = new Map();
  for (const trace of tracesOf(panel)) {
    const { x, y } = trace.read(outputs);
    if (!groups.has(x)) groups.set(x, [{ name: panel.x.label, numbers: x }]);
    groups.get(x)?.push({ name: trace.label ?? panel.y.label, numbers: y });
  }
  return [...groups.values()].flat();
}

/**
 * @param {Column[]} columns
 * @returns {string[]}
 */
function rowsOf(columns) {
  const length = Math.max(0, ...columns.map(({ numbers }) => numbers.length));
  const rows = Array.from({ length }, (_, row) => columns.map(({ numbers }) => numbers[row] ?? "").join(","));
  return [columns.map(({ name }) => quoted(name)).join(","), ...rows];
}

/**
 * @param {string} text
 * @returns {string}
 */
function quoted(text) {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
