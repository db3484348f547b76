// Between a slider's position and the value that it stands for. A position runs from 0 to 1.

import { formatShort, withUnit } from "./numbers.js";

/** @typedef {import("../types.js").Control} Control */
/** @typedef {import("../types.js").RangeControl} RangeControl */

/** More steps than these are too fine for the arrow keys: they then move a hundredth of the way. */
const MOST_STEPS = 150;

/**
 * @param {Control} control
 * @returns {number[]} the values that a control can only take, none for a range
 */
export function choices(control) {
  return control.kind === "range" ? [] : control.values.map(Number);
}

/**
 * @param {Control} control
 * @returns {number}
 */
export function defaultOf(control) {
  return Number(control.default);
}

/**
 * @param {Control} control
 * @returns {number} the steps of its slider; 0 where it moves freely
 */
export function stepsOf(control) {
  if (control.kind !== "range") return control.values.length - 1;
  const steps = control.step ? lastStep(control, control.step) : 0;
  return steps > MOST_STEPS ? 0 : steps;
}

/**
 * @param {Control} control
 * @param {number} position
 * @returns {number}
 */
export function toValue(control, position) {
  if (control.kind !== "range") {
    const values = choices(control);
    return values[Math.round(position * (values.length - 1))];
  }
  const { low, high } = control;
  if (control.step) {
    const last = lastStep(control, control.step);
    const end = stepsOf(control) ? last : span(control) / control.step;
    const taken = Math.min(last, Math.round(position * end)) * control.step;
    return tidy(control.scale === "log" ? low * 10 ** taken : low + taken, 12);
  }
  // short enough to read in a link, and far finer than a hand can move the slider
  if (control.scale === "log") return inside(control, tidy(low * (high / low) ** position, 4));
  const unit = 10 ** Math.floor(Math.log10((high - low) / 1000));
  return inside(control, tidy(Math.round((low + position * (high - low)) / unit) * unit, 12));
}

/**
 * @param {Control} control
 * @param {number} value
 * @returns {number}
 */
export function toPosition(control, value) {
  if (control.kind !== "range") {
    const values = choices(control);
    return values.length > 1 ? Math.max(0, values.indexOf(value)) / (values.length - 1) : 0;
  }
  const way = control.scale === "log" ? Math.log10(value / control.low) : value - control.low;
  const steps = stepsOf(control);
  const whole = steps && control.step ? steps * control.step : span(control);
  return Math.min(1, Math.max(0, way / whole));
}

/**
 * @param {Control} control
 * @param {number} value
 * @returns {number | null} the value, or the nearest that the control has; null where there is none
 */
export function allowed(control, value) {
  if (Number.isNaN(value)) return null;
  if (control.kind === "range") return inside(control, value);
  return choices(control).includes(value) ? value : null;
}

/**
 * @param {Control} control
 * @param {number} value
 * @returns {string} the value in words, with its unit
 */
export function describe(control, value) {
  if (control.kind === "range") return withUnit(formatShort(value), control.unit);
  const text = control.texts[choices(control).indexOf(value)];
  return control.kind === "stops" ? withUnit(text, control.unit) : text;
}

/**
 * @param {RangeControl} control
 * @returns {number} the whole way: decades on a log scale
 */
function span(control) {
  return control.scale === "log" ? Math.log10(control.high / control.low) : control.high - control.low;
}

/**
 * @param {RangeControl} control
 * @param {number} step
 * @returns {number} the last step that stays in the range
 */
function lastStep(control, step) {
  return Math.floor(span(control) / step + 1e-9);
}

/**
 * @param {RangeControl} control
 * @param {number} value
 * @returns {number}
 */
function inside(control, value) {
  return Math.min(control.high, Math.max(control.low, value));
}

/**
 * @param {number} value
 * @param {number} digits
 * @returns {number}
 */
function tidy(value, digits) {
  return Number(value.toPrecision(digits));
}
