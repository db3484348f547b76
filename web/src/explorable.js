// One explorable: fetches what it needs, takes the place of the picture, and redraws when the reader moves something.

import { createControl } from "./controls.js";
import { button, element, loadStyle, nextFrame, save, settled } from "./dom.js";
import { decodeQuery, defaultScales, encodeFragment, splitFragment } from "./fragment.js";
import { createPatience, latest } from "./latest.js";
import { createPanel, fontOf } from "./panel.js";
import { pictureOf } from "./picture.js";
import { createPlayer } from "./play.js";
import { loadRuntime, openGraph } from "./runtime.js";
import { allowed, defaultOf, describe } from "./sliders.js";
import { tableOf } from "./table.js";
import { createNotices, createReadouts } from "./words.js";

/** @typedef {import("../types.js").Manifest} Manifest */
/** @typedef {import("../types.js").Outputs} Outputs */
/** @typedef {import("../types.js").Scales} Scales */
/** @typedef {import("../types.js").Stage} Stage */
/** @typedef {import("../types.js").Values} Values */
/** @typedef {(values: Values) => Promise<Outputs>} Evaluate */
/** @typedef {{ values: Values, scales: Scales }} Setting */

const SETTLED = 300;
const PATIENCE = 120;
const SHARPNESS = 2;
/** The figure that was moved last: the address is its alone, also where an earlier one has still to settle. */
let movedLast = "";

const STOPPED = "The calculation has stopped. Load the page again to go on.";

/**
 * @param {Stage} stage
 * @returns {Promise<void>} settles when the figure is alive
 */
export async function start(stage) {
  const box = /** @type {HTMLElement} */ (stage.closest(".explorable"));
  const { manifest, evaluate } = await load(stage);
  const setting = readSetting(box.id, manifest, location.hash) ?? decodeQuery("", manifest.controls, manifest.panels);
  const outputs = await evaluate(setting.values);
  bringAlive(stage, box, manifest, evaluate, setting, outputs);
}

/**
 * @param {Stage} stage
 * @returns {Promise<{ manifest: Manifest, evaluate: Evaluate }>}
 */
async function load(stage) {
  const version = `?v=${stage.dataset.version}`;
  const graphs = new URL("graphs/", import.meta.url);
  const opening = fetched(new URL(`${stage.dataset.explorable}.json${version}`, graphs)).then(async (response) => {
    /** @type {Manifest} */
    const manifest = await response.json();
    const [runtime, graph] = await Promise.all([loadRuntime(), fetched(new URL(manifest.graph + version, graphs))]);
    const evaluate = await openGraph(runtime, new Uint8Array(await graph.arrayBuffer()), manifest);
    return { manifest, evaluate };
  });
  const styles = ["explorables.css", "../uplot/uPlot.min.css"].map((path) => new URL(path, import.meta.url).href);
  const [opened] = await Promise.all([opening, loadRuntime(), ...styles.map(loadStyle)]);
  return opened;
}

/**
 * @param {URL} address
 * @returns {Promise<Response>}
 */
async function fetched(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${response.status} for ${address}`);
  return response;
}

/**
 * @param {string} id
 * @param {Manifest} manifest
 * @param {string} hash
 * @returns {Setting | null} what the address says about this figure, if it does
 */
function readSetting(id, manifest, hash) {
  const fragment = splitFragment(hash);
  if (fragment.id !== id || fragment.query === null) return null;
  return decodeQuery(fragment.query, manifest.controls, manifest.panels);
}

/**
 * @param {Stage} stage
 * @param {HTMLElement} box
 * @param {Manifest} manifest
 * @param {Evaluate} evaluate
 * @param {Setting} setting
 * @param {Outputs} outputs
 */
function bringAlive(stage, box, manifest, evaluate, setting, outputs) {
  const { controls, panels } = manifest;
  const values = { ...setting.values };
  const scales = { ...setting.scales };
  /** @type {number[]} */
  const times = [];
  let shown = outputs;

  const views = panels.map((panel, index) => createPanel(panel, index + 1, changeScale));
  const rows = controls.map((control) =>
    createControl(control, box.id, (name, value, event) => {
      player?.stop();
      change({ [name]: value }, event.timeStamp);
    }),
  );
  const readouts = createReadouts(manifest);
  const notices = createNotices(manifest);
  const message = element("span", { class: "explorable-message", role: "status" });
  const played = controls.find(({ name }) => name === manifest.play);
  const playButton = button("Play", () => player?.toggle());
  const player =
    played &&
    createPlayer(played, {
      get: () => values[played.name],
      set: (value) => change({ [played.name]: value }),
      onChange(playing) {
        playButton.textContent = playing ? "Pause" : "Play";
        if (!playing) writeFragment();
      },
    });

  const writeFragment = settled(() => {
    if (player?.playing() || movedLast !== box.id) return;
    const fragment = encodeFragment(box.id, controls, values, panels, scales);
    // at its defaults a figure takes back its own words from the address, never those of another
    if (fragment.includes("?") || splitFragment(location.hash).id === box.id) replaceFragment(fragment);
  }, SETTLED);

  const patient = createPatience(PATIENCE, (busy) => {
    if (busy) stage.setAttribute("aria-busy", "true");
    else stage.removeAttribute("aria-busy");
  });

  /**
   * @param {Values} changes
   * @param {number} [since] when the reader made them
   * @returns {Promise<void>}
   */
  function change(changes, since = performance.now()) {
    movedLast = box.id;
    for (const control of controls) {
      const value = control.name in changes ? allowed(control, Number(changes[control.name])) : null;
      if (value !== null) values[control.name] = value;
    }
    for (const row of rows) row.show(values);
    message.textContent = "";
    writeFragment();
    return patient(request({ values: { ...values }, since }));
  }

  /**
   * @param {string} axis
   * @param {"linear" | "log"} scale
   */
  function changeScale(axis, scale) {
    movedLast = box.id;
    scales[axis] = scale;
    for (const view of views) view.build(shown, scales);
    writeFragment();
  }

  const request = latest(async (/** @type {{ values: Values, since: number }} */ move) => {
    try {
      const now = await evaluate(move.values);
      await nextFrame();
      show(now);
      record(performance.now() - move.since);
    } catch {
      stage.dataset.state = "failed";
      notices.say([STOPPED]);
    }
  });

  /** @param {Outputs} now */
  function show(now) {
    const finite = Object.values(now).every((numbers) => numbers.every(Number.isFinite));
    if (finite) delete stage.dataset.fault;
    else stage.dataset.fault = "nonfinite";
    notices.show(now, finite);
    // a blank would say less than the last setting that could be drawn
    stage.classList.toggle("stale", !finite);
    if (!finite) return;
    shown = now;
    api.outputs = now;
    for (const view of views) view.draw(now);
    for (const row of rows) row.mark(now);
    readouts.show(now);
  }

  /** @param {number} milliseconds */
  function record(milliseconds) {
    times.push(milliseconds);
    stage.dataset.lastMs = milliseconds.toFixed(1);
    stage.dataset.moves = String(times.length);
  }

  function reset() {
    player?.stop();
    Object.assign(scales, defaultScales(panels));
    for (const view of views) view.build(shown, scales);
    change(Object.fromEntries(controls.map((control) => [control.name, defaultOf(control)])));
  }

  function address() {
    return new URL(encodeFragment(box.id, controls, values, panels, scales), location.href).href;
  }

  async function copyLink() {
    movedLast = box.id;
    replaceFragment(encodeFragment(box.id, controls, values, panels, scales));
    try {
      await navigator.clipboard.writeText(address());
      message.textContent = "Link copied.";
    } catch {
      message.textContent = "The link is in the address bar.";
    }
  }

  async function savePicture() {
    const prints = views.map((view, index) => ({ panel: panels[index], ...view.print(shown, scales, SHARPNESS) }));
    const words = controls.map((control) => `${control.label}: ${describe(control, values[control.name])}`).join(";  ");
    const columns = views.filter(({ element: view }) => view.offsetTop === views[0].element.offsetTop).length;
    save(`${box.id}.png`, await pictureOf(prints, columns, words, fontOf(stage), SHARPNESS));
    for (const print of prints) print.destroy();
  }

  function saveTable() {
    save(`${box.id}.csv`, new Blob([tableOf(manifest, values, shown, address())], { type: "text/csv" }));
  }

  const api = { outputs, values, times, set: change };
  stage.explorable = api;
  const buttons = [
    ...(player ? [playButton] : []),
    button("Reset", reset),
    button("Copy link", copyLink),
    button("Picture (PNG)", savePicture),
    button("Numbers (CSV)", saveTable),
  ];
  stage.replaceChildren(
    element("div", { class: "explorable-panels" }, ...views.map((view) => view.element)),
    element("span", { class: "explorable-busy", "aria-hidden": "true" }, "computing…"),
    ...readouts.elements,
    notices.element,
    element("div", { class: "explorable-controls" }, ...rows.map((row) => row.element)),
    ...(manifest.note ? [element("p", { class: "explorable-note" }, manifest.note)] : []),
    element("div", { class: "explorable-buttons" }, ...buttons, message),
  );
  box.classList.add("alive");
  for (const row of rows) row.show(values);
  for (const view of views) view.build(outputs, scales);
  show(outputs);
  new ResizeObserver(() => {
    for (const view of views) view.resize();
  }).observe(stage);
  addEventListener("hashchange", ({ newURL }) => {
    // not `location.hash`: a move that waited to be written may have replaced it since
    const named = readSetting(box.id, manifest, new URL(newURL).hash);
    if (!named) return;
    player?.stop();
    Object.assign(scales, named.scales);
    for (const view of views) view.build(shown, scales);
    change(named.values);
  });
  stage.dataset.moves = "0";
  stage.dataset.state = "ready";
  if (splitFragment(location.hash).id === box.id) box.scrollIntoView();
}

/** @param {string} fragment */
function replaceFragment(fragment) {
  history.replaceState(history.state, "", fragment);
}
