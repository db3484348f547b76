// Numbers as a reader wants to see them.

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/**
 * @param {number} exponent an integer
 * @returns {string} the integer in raised digits
 */
export function raised(exponent) {
  const digits = [...String(Math.abs(exponent))].map((digit) => SUPERSCRIPTS[Number(digit)]).join("");
  return exponent < 0 ? `⁻${digits}` : digits;
}

/**
 * @param {number} value
 * @param {number} [digits] significant digits
 * @returns {string} plain in the middle of the range, as a multiple of a power of ten far from it
 */
export function formatNumber(value, digits = 3) {
  if (Number.isNaN(value)) return "not a number";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e5) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    return `${withMinus(mantissa)}×10${raised(Number(exponent))}`;
  }
  return withMinus(plain(value, digits));
}

/**
 * @param {number} value
 * @returns {string} the same without zeros that say nothing
 */
export function formatShort(value) {
  return formatNumber(value)
    .replace(/(\.\d*?)0+(?!\d)/, "$1")
    .replace(/\.(?!\d)/, "");
}

/**
 * @param {string} text
 * @returns {string}
 */
export function withMinus(text) {
  return text.replace("-", "−");
}

/**
 * @param {string} text
 * @param {string} unit
 * @returns {string}
 */
export function withUnit(text, unit) {
  return unit ? `${text} ${unit}` : text;
}

/**
 * @param {number} value
 * @param {number} digits
 * @returns {string} that many significant digits, never in powers of ten
 */
function plain(value, digits) {
  const decimals = digits - 1 - Math.floor(Math.log10(Math.abs(value)));
  return value.toFixed(Math.min(100, Math.max(0, decimals)));
}
