// A panel with its title, its legend and the switches of its axes.

import { createChart } from "./chart.js";
import { button, element } from "./dom.js";
import { keysOf } from "./field.js";
import { colourOf, fillOf, lineOf, markerOf, SAMPLE, SWATCH } from "./look.js";
import { labelled, nameOf } from "./traces.js";

/** @typedef {import("./field.js").Key} Key */
/** @typedef {import("../types.js").Outputs} Outputs */
/** @typedef {import("../types.js").Panel} Panel */
/** @typedef {import("../types.js").Scale} Scale */
/** @typedef {import("../types.js").Scales} Scales */
/** @typedef {import("../types.js").Trace} Trace */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {Panel} panel
 * @param {number} number its place in the figure, from 1
 * @param {(axis: string, scale: Scale) => void} onScale what happens when the reader changes an axis
 */
export function createPanel(panel, number, onScale) {
  const drawing = element("div", {
    class: "explorable-drawing",
    role: "img",
    "aria-label": `${nameOf(panel)}. Its values are read out below.`,
  });
  const switches = /** @type {const} */ (["x", "y"])
    .filter((side) => panel[side].scales.length > 1)
    .map((side) => scaleSwitch(side, `${side}${number}`, onScale));
  const head = element(
    "div",
    { class: "explorable-head" },
    element("div", { class: "explorable-title" }, panel.title),
    ...switches.map(({ element: made }) => made),
  );
  const root = element("div", { class: "explorable-panel" }, head, legendOf(panel), drawing);
  /** @type {ReturnType<typeof createChart> | null} */
  let chart = null;
  let size = { width: 0, height: 0 };

  function measure() {
    const width = Math.floor(drawing.clientWidth);
    return { width, height: Math.round(Math.min(340, Math.max(220, width * (width > 480 ? 0.5 : 0.72)))) };
  }

  return {
    element: root,
    /**
     * @param {Outputs} outputs
     * @param {Scales} scales
     */
    build(outputs, scales) {
      for (const { show } of switches) show(scales);
      chart?.destroy();
      size = measure();
      chart = createChart(
        drawing,
        panel,
        sidesOf(panel, number, scales),
        { ...size, font: fontOf(drawing), scale: 1 },
        outputs,
      );
    },
    /** @param {Outputs} outputs */
    draw(outputs) {
      chart?.draw(outputs);
    },
    resize() {
      const now = measure();
      if (!chart || now.width === 0 || now.width === size.width) return;
      size = now;
      chart.resize(now.width, now.height);
    },
    /**
     * @param {Outputs} outputs
     * @param {Scales} scales
     * @param {number} sharpness pixels of the picture for one of the page
     * @returns {{ canvas: HTMLCanvasElement, destroy: () => void, width: number, height: number }}
     */
    print(outputs, scales, sharpness) {
      const scale = sharpness / devicePixelRatio;
      const paper = { width: size.width * scale, height: size.height * scale, font: fontOf(drawing), scale };
      const copy = createChart(element("div"), panel, sidesOf(panel, number, scales), paper, outputs);
      return { ...copy, ...size };
    },
  };
}

/**
 * @param {Element} place
 * @returns {string}
 */
export function fontOf(place) {
  return getComputedStyle(place).fontFamily;
}

/**
 * @param {Panel} panel
 * @param {number} number
 * @param {Scales} scales
 * @returns {{ x: Scale, y: Scale }}
 */
function sidesOf(panel, number, scales) {
  return { x: scales[`x${number}`] ?? panel.x.scales[0], y: scales[`y${number}`] ?? panel.y.scales[0] };
}

/**
 * @param {"x" | "y"} side
 * @param {string} axis
 * @param {(axis: string, scale: Scale) => void} onScale
 */
function scaleSwitch(side, axis, onScale) {
  const made = button(`log ${side}`, () => onScale(axis, made.ariaPressed === "true" ? "linear" : "log"));
  made.classList.add("explorable-switch");
  return {
    element: made,
    /** @param {Scales} scales */
    show(scales) {
      made.ariaPressed = String(scales[axis] === "log");
    },
  };
}

/**
 * @param {Panel} panel
 * @returns {HTMLElement}
 */
function legendOf(panel) {
  const entries = [
    ...(panel.field ? keysOf(panel.field).map(keyOf) : []),
    ...labelled(panel).map((trace) => element("li", {}, sampleOf(trace), trace.label ?? "")),
  ];
  return entries.length ? element("ul", { class: "explorable-legend" }, ...entries) : element("div");
}

/**
 * @param {Key} key
 * @returns {HTMLElement}
 */
function keyOf({ before, after, width, draw }) {
  const height = 2 * SWATCH;
  // twice as many pixels, for sharp screens
  const size = { width: 2 * width, height: 2 * height };
  const sample = element("canvas", { class: "explorable-sample", ...size, "aria-hidden": "true" });
  sample.style.width = `${width}px`;
  const context = /** @type {CanvasRenderingContext2D} */ (sample.getContext("2d"));
  context.scale(2, 2);
  draw(context, { left: 0, top: 0, width, height });
  return element("li", {}, ...(before ? [before] : []), sample, after);
}

/**
 * @param {Trace} trace
 * @returns {SVGElement}
 */
function sampleOf(trace) {
  const line = lineOf(trace.kind);
  const marker = markerOf(trace);
  const path = svg("path", { fill: "none", stroke: colourOf(trace) });
  const fill = fillOf(trace);
  if (line && fill) {
    attributes(path, { d: `M0 ${6 - SWATCH}H${SAMPLE}v${2 * SWATCH}H0Z`, fill, "stroke-width": line.width });
  } else if (line) {
    attributes(path, { d: `M0 6H${SAMPLE}`, "stroke-width": line.width, "stroke-dasharray": line.dash.join(" ") });
  } else if (marker) {
    attributes(path, {
      d: marker.outline,
      fill: marker.hollow ? "#ffffff" : "none",
      "stroke-width": marker.width,
      "vector-effect": "non-scaling-stroke",
      transform: `translate(${SAMPLE / 2} 6) scale(${marker.radius})`,
    });
  }
  const sample = svg("svg", { class: "explorable-sample", width: SAMPLE, height: 12, "aria-hidden": "true" });
  sample.append(path);
  return sample;
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} values
 * @returns {SVGElement}
 */
function svg(tag, values) {
  const made = document.createElementNS(SVG, tag);
  attributes(made, values);
  return made;
}

/**
 * @param {Element} target
 * @param {Record<string, string | number>} values
 */
function attributes(target, values) {
  for (const [name, value] of Object.entries(values)) target.setAttribute(name, String(value));
}
