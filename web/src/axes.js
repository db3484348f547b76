// Limits and ticks of an axis.

import { formatShort, raised, withMinus } from "./numbers.js";

/** @typedef {import("../types.js").Numbers} Numbers */
/** @typedef {import("../types.js").Scale} Scale */
/** @typedef {{ at: number, text: string }} Tick */

const MOST_DECADES = 14;

/**
 * @param {Numbers[]} data everything that the axis has to show
 * @param {Scale} scale
 * @param {[number, number] | null} fixed
 * @param {boolean} round whether limits go out to a round number; else they are where the data end
 * @returns {[number, number]}
 */
export function limitsOf(data, scale, fixed, round) {
  if (fixed && (scale === "linear" || fixed[0] > 0)) return fixed;
  let [low, high] = extent(data, scale);
  if (fixed) high = fixed[1];
  if (scale === "log") {
    low = Math.min(high, Math.max(low, high * 10 ** -MOST_DECADES));
    if (low === high) return [low / 10, high * 10];
    if (!round) return [low, high];
    return [10 ** Math.floor(Math.log10(low) + 1e-9), 10 ** Math.ceil(Math.log10(high) - 1e-9)];
  }
  if (low === high) return low === 0 ? [-1, 1] : [low - Math.abs(low) / 2, high + Math.abs(high) / 2];
  if (!round) return [low, high];
  const step = niceStep(low, high, 5);
  return [clean(Math.floor(low / step + 1e-9) * step), clean(Math.ceil(high / step - 1e-9) * step)];
}

/**
 * @param {number} low
 * @param {number} high
 * @param {Scale} scale
 * @param {number} most about how many there is room for
 * @returns {Tick[]}
 */
export function ticksOf(low, high, scale, most) {
  return scale === "log" ? logTicks(low, high, most) : linearTicks(low, high, most);
}

/**
 * A step for uPlot's own search, which is not used and hides the axis where it finds none: no step so small that its
 * ticks would have no room, and none below five, whose digits it would have to know.
 *
 * @param {number} low
 * @param {number} high
 * @returns {number}
 */
export function stepThatFits(low, high) {
  return Math.max(10, high - low);
}

/**
 * @param {number} low
 * @param {number} high
 * @param {number} most
 * @returns {Tick[]}
 */
function linearTicks(low, high, most) {
  const step = niceStep(low, high, most);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const plain = decimals <= 4 && Math.max(Math.abs(low), Math.abs(high)) < 1e5;
  const ticks = [];
  for (let index = Math.ceil(low / step - 1e-9); index * step <= high + step * 1e-9; index++) {
    const at = clean(index * step);
    ticks.push({ at, text: plain ? withMinus(at.toFixed(decimals)) : formatShort(at) });
  }
  return ticks;
}

/**
 * @param {number} low
 * @param {number} high
 * @param {number} most
 * @returns {Tick[]}
 */
function logTicks(low, high, most) {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  if (last - first >= 2) {
    const stride = Math.ceil((last - first + 1) / most);
    const exponents = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    return exponents
      .filter((exponent) => exponent % stride === 0)
      .map((exponent) => ({ at: 10 ** exponent, text: `10${raised(exponent)}` }));
  }
  const ticks = [];
  for (let exponent = first - 1; exponent <= last; exponent++) {
    for (const digit of [1, 2, 5]) {
      const at = clean(digit * 10 ** exponent);
      if (at >= low * (1 - 1e-9) && at <= high * (1 + 1e-9)) ticks.push({ at, text: formatShort(at) });
    }
  }
  return ticks.length > 1 ? ticks : linearTicks(low, high, most);
}

/**
 * @param {Numbers[]} data
 * @param {Scale} scale
 * @returns {[number, number]} the least and the greatest that the scale can show
 */
function extent(data, scale) {
  let low = Infinity;
  let high = -Infinity;
  for (const numbers of data) {
    for (let index = 0; index < numbers.length; index++) {
      const value = numbers[index];
      if (!Number.isFinite(value) || (scale === "log" && value <= 0)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (low <= high) return [low, high];
  return scale === "log" ? [0.1, 1] : [0, 1];
}

/**
 * @param {number} low
 * @param {number} high
 * @param {number} most
 * @returns {number} 1, 2 or 5 times a power of ten
 */
function niceStep(low, high, most) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const multiple = [1, 2, 5, 10].find((candidate) => candidate * power >= rough * (1 - 1e-9)) ?? 10;
  return multiple * power;
}

/**
 * @param {number} value
 * @returns {number} without the noise of binary fractions
 */
function clean(value) {
  return Number(value.toPrecision(12));
}
