// What a figure says in words: its readouts at once for the eye, and when a change has settled for the ear.

import { element, settled } from "./dom.js";
import { formatNumber, withUnit } from "./numbers.js";

/** @typedef {import("../types.js").Manifest} Manifest */
/** @typedef {import("../types.js").Outputs} Outputs */

export const CANNOT_DRAW = "This setting gives numbers that cannot be drawn.";
const PAUSE = 300;

/**
 * @param {Manifest} manifest
 */
export function createReadouts(manifest) {
  const seen = element("p", { class: "explorable-readouts" });
  const heard = element("p", { class: "explorable-heard", "aria-live": "polite" });
  const announce = settled(() => {
    heard.textContent = seen.textContent;
  }, PAUSE);
  return {
    elements: manifest.readouts.length ? [seen, heard] : [],
    /** @param {Outputs} outputs */
    show(outputs) {
      const parts = manifest.readouts.map(({ output, label, unit, digits }) => {
        const value = withUnit(formatNumber(outputs[output][0], digits), unit);
        return element("span", {}, `${label} `, element("b", {}, value));
      });
      seen.replaceChildren(...parts.flatMap((part, index) => (index ? ["; ", part] : [part])));
      announce();
    },
  };
}

/**
 * @param {Manifest} manifest
 */
export function createNotices(manifest) {
  const root = element("div", { class: "explorable-notices", role: "status" });
  let said = "";

  /** @param {string[]} texts */
  function say(texts) {
    // the same words again would be read out again
    if (texts.join("\n") === said) return;
    said = texts.join("\n");
    root.replaceChildren(...texts.map((text) => element("p", {}, text)));
  }

  return {
    element: root,
    say,
    /**
     * @param {Outputs} outputs
     * @param {boolean} finite
     */
    show(outputs, finite) {
      const due = manifest.notices.filter(({ output }) => outputs[output][0] > 0.5).map(({ text }) => text);
      say(finite ? due : [...due, CANNOT_DRAW]);
    },
  };
}
