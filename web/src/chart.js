// One panel: uPlot has the axes and the canvas, the look is the book's.

import uPlot from "../uplot/uPlot.esm.js";
import { limitsOf, stepThatFits, ticksOf } from "./axes.js";
import { drawField, edgesOf } from "./field.js";
import { CASING, CASING_WIDTH, colourOf, DEPTH, drawMarker, fillOf, GRID, INK, lineOf } from "./look.js";
import { tracesOf } from "./traces.js";

/** @typedef {import("../types.js").Axis} Axis */
/** @typedef {import("../types.js").Numbers} Numbers */
/** @typedef {import("../types.js").Outputs} Outputs */
/** @typedef {import("../types.js").Panel} Panel */
/** @typedef {import("../types.js").Points} Points */
/** @typedef {import("../types.js").Scale} Scale */
/** @typedef {import("../types.js").Trace} Trace */
/** @typedef {{ x: Scale, y: Scale }} Sides */
/** @typedef {{ width: number, height: number, font: string, scale: number }} Paper
 *   the size in CSS pixels, the font's family, and how many of them one pixel of the look takes */

const TICK_TEXT = 12;
const LABEL_TEXT = 13;
const FARTHEST = 1e5;

/**
 * @param {HTMLElement} place
 * @param {Panel} panel
 * @param {Sides} scales
 * @param {Paper} paper
 * @param {Outputs} outputs
 */
export function createChart(place, panel, scales, paper, outputs) {
  const traces = tracesOf(panel).sort((one, other) => DEPTH[one.kind] - DEPTH[other.kind]);
  /** @type {{ x: [number, number], y: [number, number] }} */
  const limits = { x: [0, 1], y: [0, 1] };
  const { field } = panel;
  let last = outputs;

  /** @param {Outputs} now */
  function dataOf(now) {
    last = now;
    const data = traces.map((trace) => trace.read(now));
    const shown = data.map((one) => visible(one, scales));
    const bases = data.flatMap(({ base }) => (base ? [base] : []));
    // a map ends with its cells
    const across = field ? [edgesOf(now[field.x], scales.x)] : shown.map((one) => one.x);
    const along = field ? [edgesOf(now[field.y], scales.y)] : [...shown.map((one) => one.y), ...bases];
    limits.x = limitsOf(across, scales.x, panel.x.limits, false);
    limits.y = limitsOf(along, scales.y, panel.y.limits, !field);
    return [null, ...data.map((one) => [one.x, one.y, one.base])];
  }

  /** @param {uPlot} plot */
  function drawMap(plot) {
    if (!field) return;
    const columns = edgesOf(last[field.x], scales.x).map((edge) => near(plot.valToPos(edge, "x", true)));
    const rows = edgesOf(last[field.y], scales.y).map((edge) => near(plot.valToPos(edge, "y", true)));
    drawField(plot.ctx, field, last, columns, rows, plot.bbox, paper.scale * devicePixelRatio);
    drawCasings(plot, traces, scales, paper);
  }

  const options = {
    mode: 2,
    width: paper.width,
    height: paper.height,
    padding: [8, 14, 2, 2].map((side) => side * paper.scale),
    cursor: { show: false },
    legend: { show: false },
    select: { show: false },
    scales: {
      x: { time: false, distr: scales.x === "log" ? 3 : 1, range: () => limits.x },
      y: { time: false, distr: scales.y === "log" ? 3 : 1, range: () => limits.y },
    },
    axes: [axisOptions(panel.x, scales.x, "x", paper, !field), axisOptions(panel.y, scales.y, "y", paper, !field)],
    series: [{}, ...traces.map((trace) => seriesOptions(trace, scales, paper))],
    hooks: {
      drawClear: [drawMap],
      drawSeries: [
        (/** @type {uPlot} */ plot, /** @type {number} */ index) =>
          drawMarkers(plot, index, traces[index - 1], scales, paper, Boolean(field)),
      ],
    },
  };
  const data = /** @type {any} */ (dataOf(outputs));
  const plot = new uPlot(/** @type {any} */ (options), data, place);
  // uPlot draws later by itself; nothing is shown, timed or copied before it has
  plot.batch(() => plot.setData(data));
  return {
    /** @param {Outputs} now */
    draw(now) {
      plot.batch(() => plot.setData(/** @type {any} */ (dataOf(now))));
    },
    /**
     * @param {number} width
     * @param {number} height
     */
    resize(width, height) {
      plot.setSize({ width, height });
    },
    canvas: plot.ctx.canvas,
    destroy: () => plot.destroy(),
  };
}

/**
 * @param {Pick<Points, "x" | "y">} data
 * @param {Sides} scales
 * @returns {{ x: number[], y: number[] }} the points that both scales can show
 */
function visible({ x, y }, scales) {
  /** @type {{ x: number[], y: number[] }} */
  const shown = { x: [], y: [] };
  for (let index = 0; index < x.length; index++) {
    if (!canShow(x[index], scales.x) || !canShow(y[index], scales.y)) continue;
    shown.x.push(x[index]);
    shown.y.push(y[index]);
  }
  return shown;
}

/**
 * @param {number} value
 * @param {Scale} scale
 */
function canShow(value, scale) {
  return Number.isFinite(value) && (scale === "linear" || value > 0);
}

/**
 * @param {Axis} axis
 * @param {Scale} scale
 * @param {"x" | "y"} side
 * @param {Paper} paper
 * @param {boolean} grid whether its lines are drawn
 */
function axisOptions(axis, scale, side, paper, grid) {
  const across = side === "x";
  const line = { show: true, stroke: INK, width: paper.scale };
  /** @param {uPlot} plot @param {number} low @param {number} high */
  const ticks = (plot, low, high) => {
    const room = (across ? plot.bbox.width : plot.bbox.height) / devicePixelRatio / paper.scale;
    return ticksOf(low, high, scale, Math.max(2, Math.round(room / (across ? 62 : 38))));
  };
  return {
    scale: side,
    side: across ? 2 : 3,
    label: axis.unit ? `${axis.label} (${axis.unit})` : axis.label,
    labelSize: 20 * paper.scale,
    labelGap: 2 * paper.scale,
    labelFont: `${LABEL_TEXT * paper.scale}px ${paper.font}`,
    font: `${TICK_TEXT * paper.scale}px ${paper.font}`,
    stroke: INK,
    gap: 3 * paper.scale,
    space: 1,
    incrs: (
      /** @type {uPlot} */ _plot,
      /** @type {number} */ _index,
      /** @type {number} */ low,
      /** @type {number} */ high,
    ) => [stepThatFits(low, high)],
    splits: (
      /** @type {uPlot} */ plot,
      /** @type {number} */ _,
      /** @type {number} */ low,
      /** @type {number} */ high,
    ) => ticks(plot, low, high).map(({ at }) => at),
    values: (/** @type {uPlot} */ plot) => {
      const { min, max } = plot.scales[side];
      return ticks(plot, min ?? 0, max ?? 1).map(({ text }) => text);
    },
    filter: (/** @type {uPlot} */ _, /** @type {number[]} */ splits) => splits,
    size: (/** @type {uPlot} */ plot, /** @type {string[] | null} */ texts) =>
      across ? 24 * paper.scale : widthOf(plot, texts ?? [], paper) + 9 * paper.scale,
    ticks: { ...line, size: 4 * paper.scale },
    grid: {
      show: grid,
      stroke: GRID,
      width: paper.scale,
      // a line of the grid would cover the axis that it lies on
      filter: (/** @type {uPlot} */ plot, /** @type {number[]} */ splits) =>
        splits.map((split) => (split === plot.scales[side].min ? null : split)),
    },
    border: line,
  };
}

/**
 * @param {uPlot} plot
 * @param {string[]} texts
 * @param {Paper} paper
 * @returns {number} in CSS pixels; never so little that the panel moves when a digit goes
 */
function widthOf(plot, texts, paper) {
  const context = plot.ctx;
  context.save();
  context.font = `${TICK_TEXT * paper.scale}px ${paper.font}`;
  const widest = Math.max(22 * paper.scale, ...texts.map((text) => context.measureText(text).width));
  context.restore();
  return Math.ceil(widest);
}

/**
 * @param {Trace} trace
 * @param {Sides} scales
 * @param {Paper} paper
 */
function seriesOptions(trace, scales, paper) {
  const line = lineOf(trace.kind);
  return {
    facets: [
      { scale: "x", auto: true },
      { scale: "y", auto: true },
    ],
    stroke: colourOf(trace),
    fill: fillOf(trace) ?? undefined,
    width: (line?.width ?? 1) * paper.scale,
    dash: line?.dash.map((part) => part * paper.scale * devicePixelRatio),
    points: { show: false },
    paths: (/** @type {uPlot} */ plot, /** @type {number} */ index) =>
      line && {
        stroke: pathOf(plot, index, scales),
        fill: trace.kind === "area" ? areaOf(plot, index, scales) : null,
        clip: null,
        band: null,
        gaps: null,
        flags: 0,
      },
  };
}

/**
 * @param {uPlot} plot
 * @param {number} index
 * @returns {Points}
 */
function pointsOf(plot, index) {
  const [x, y, base] = /** @type {[Numbers, Numbers, Numbers | null][]} */ (/** @type {unknown} */ (plot.data))[index];
  return { x, y, base };
}

/**
 * @param {uPlot} plot
 * @param {number} index
 * @param {Sides} scales
 * @returns {Path2D} from point to point, over those that the scales cannot show
 */
function pathOf(plot, index, scales) {
  const { x, y } = visible(pointsOf(plot, index), scales);
  const path = new Path2D();
  for (let point = 0; point < x.length; point++) {
    path.lineTo(near(plot.valToPos(x[point], "x", true)), near(plot.valToPos(y[point], "y", true)));
  }
  return path;
}

/**
 * @param {uPlot} plot
 * @param {number} index
 * @param {Sides} scales
 * @returns {Path2D} around what lies between a curve and its base, or the bottom of the panel, below which neither goes
 */
function areaOf(plot, index, scales) {
  const { x, y, base } = pointsOf(plot, index);
  const bottom = plot.scales.y.min ?? 0;
  const places = Array.from(x, (_, point) => point).filter((point) => canShow(x[point], scales.x));
  /** @param {number} point @param {number} value @returns {[number, number]} */
  const at = (point, value) => [
    near(plot.valToPos(x[point], "x", true)),
    near(plot.valToPos(Math.max(bottom, value), "y", true)),
  ];
  const path = new Path2D();
  for (const point of places) path.lineTo(...at(point, y[point]));
  for (const point of places.reverse()) path.lineTo(...at(point, base ? base[point] : bottom));
  path.closePath();
  return path;
}

/**
 * White under the lines of a map, which has every lightness.
 *
 * @param {uPlot} plot
 * @param {Trace[]} traces
 * @param {Sides} scales
 * @param {Paper} paper
 */
function drawCasings(plot, traces, scales, paper) {
  const { left, top, width, height } = plot.bbox;
  const context = plot.ctx;
  context.save();
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  context.strokeStyle = CASING;
  context.setLineDash([]);
  for (const [index, { kind }] of traces.entries()) {
    const line = lineOf(kind);
    if (!line) continue;
    context.lineWidth = (line.width + 2 * CASING_WIDTH) * paper.scale * devicePixelRatio;
    context.stroke(pathOf(plot, index + 1, scales));
  }
  context.restore();
}

/**
 * @param {number} pixels
 * @returns {number} a canvas loses lines that lead too far away
 */
function near(pixels) {
  return Math.min(FARTHEST, Math.max(-FARTHEST, pixels));
}

/**
 * @param {uPlot} plot
 * @param {number} index
 * @param {Trace} trace
 * @param {Sides} scales
 * @param {Paper} paper
 * @param {boolean} cased
 */
function drawMarkers(plot, index, trace, scales, paper, cased) {
  if (lineOf(trace.kind)) return;
  const { x, y } = visible(pointsOf(plot, index), scales);
  const { left, top, width, height } = plot.bbox;
  const context = plot.ctx;
  context.save();
  for (let point = 0; point < x.length; point++) {
    const across = plot.valToPos(x[point], "x", true);
    const down = plot.valToPos(y[point], "y", true);
    const inside = across >= left - 1 && across <= left + width + 1 && down >= top - 1 && down <= top + height + 1;
    if (inside) drawMarker(context, trace, across, down, paper.scale * devicePixelRatio, cased);
  }
  context.restore();
}
