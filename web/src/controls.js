// The controls under a figure: native sliders and radio buttons, so that every key works as readers know it.

import { element } from "./dom.js";
import { formatShort, withUnit } from "./numbers.js";
import { choices, describe, stepsOf, toPosition, toValue } from "./sliders.js";

/** @typedef {import("../types.js").ChoiceControl} ChoiceControl */
/** @typedef {import("../types.js").Control} Control */
/** @typedef {import("../types.js").Outputs} Outputs */
/** @typedef {import("../types.js").RangeControl} RangeControl */
/** @typedef {import("../types.js").StopsControl} StopsControl */
/** @typedef {import("../types.js").Values} Values */
/** @typedef {(name: string, value: number, event: Event) => void} Change */
/** @typedef {{ element: HTMLElement, show(values: Values): void, mark(outputs: Outputs): void }} Row */

/**
 * @param {Control} control
 * @param {string} id of the figure
 * @param {Change} onChange
 * @returns {Row}
 */
export function createControl(control, id, onChange) {
  return control.kind === "choice" ? createChoice(control, id, onChange) : createSlider(control, id, onChange);
}

/**
 * @param {RangeControl | StopsControl} control
 * @param {string} figure
 * @param {Change} onChange
 * @returns {Row}
 */
function createSlider(control, figure, onChange) {
  const id = `${figure}-${control.name}`;
  const steps = stepsOf(control);
  // without steps a browser moves by a hundredth for an arrow and by a tenth for a page
  const last = steps || 100;
  const input = element("input", { type: "range", id, min: 0, max: last, step: steps ? 1 : "any" });
  // its text is the slider's own, which a screen reader has already said
  const value = element("span", { class: "explorable-value", "aria-hidden": "true" });
  const track = element("div", { class: "explorable-track" }, input);
  const root = element(
    "div",
    { class: "explorable-control" },
    element("label", { for: id }, control.label),
    value,
    track,
  );
  const current = () => toValue(control, Number(input.value) / last);

  /** @param {number} now */
  function tell(now) {
    const text = describe(control, now);
    value.textContent = text;
    input.setAttribute("aria-valuetext", text);
    input.style.setProperty("--position", String(Number(input.value) / last));
  }

  input.addEventListener("input", (event) => {
    tell(current());
    onChange(control.name, current(), event);
  });
  return {
    element: root,
    show(values) {
      const now = values[control.name];
      // a slider that stands for this value already is left where the reader's hand has it
      if (current() !== now) input.value = String(toPosition(control, now) * last);
      tell(now);
    },
    mark:
      control.kind === "range" && control.mark ? createMark(control, control.mark, id, input, track, root) : () => {},
  };
}

/**
 * @param {RangeControl} control
 * @param {NonNullable<RangeControl["mark"]>} mark
 * @param {string} id
 * @param {HTMLInputElement} input
 * @param {HTMLElement} track
 * @param {HTMLElement} root
 * @returns {(outputs: Outputs) => void}
 */
function createMark(control, mark, id, input, track, root) {
  const tick = element("span", { class: "explorable-mark", "aria-hidden": "true" });
  const text = element("div", { class: "explorable-marktext", id: `${id}-mark` });
  track.append(tick);
  root.append(text);
  input.setAttribute("aria-describedby", text.id);
  return (outputs) => {
    const value = outputs[mark.output][0];
    const inside = value >= control.low && value <= control.high;
    tick.hidden = !inside;
    if (inside) tick.style.setProperty("--position", String(toPosition(control, value)));
    const words = `${mark.label}: ${withUnit(formatShort(value), control.unit)}`;
    text.textContent = inside ? words : `${words}, beyond this slider`;
  };
}

/**
 * @param {ChoiceControl} control
 * @param {string} figure
 * @param {Change} onChange
 * @returns {Row}
 */
function createChoice(control, figure, onChange) {
  const name = `${figure}-${control.name}`;
  const values = choices(control);
  const inputs = values.map((value, index) => {
    const input = element("input", { type: "radio", name, id: `${name}-${index}` });
    input.addEventListener("input", (event) => onChange(control.name, value, event));
    return input;
  });
  const options = inputs.map((input, index) =>
    element("label", { class: "explorable-option" }, input, element("span", {}, control.texts[index])),
  );
  const root = element(
    "fieldset",
    { class: "explorable-control explorable-choice" },
    element("legend", {}, control.label),
    element("div", { class: "explorable-options" }, ...options),
  );
  return {
    element: root,
    show(now) {
      for (const [index, input] of inputs.entries()) input.checked = values[index] === now[control.name];
    },
    mark() {},
  };
}
