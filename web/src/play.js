// Moving one control through its whole range.

import { toValue } from "./sliders.js";

/** @typedef {import("../types.js").Control} Control */

const SWEEP = 6000;
const STEPS = 10;
const STEP = 800;

/**
 * @param {Control} control
 * @param {{ get(): number, set(value: number): void, onChange(playing: boolean): void }} hooks
 * @returns {{ toggle(): void, stop(): void, playing(): boolean }} `stop` leaves the control where it is
 */
export function createPlayer(control, { get, set, onChange }) {
  /** @type {number | null} */
  let home = null;
  let position = 0;
  let playing = false;
  let previous = 0;

  /** @param {number} now */
  function glide(now) {
    if (!playing) return;
    position += (now - previous) / SWEEP;
    previous = now;
    move(() => requestAnimationFrame(glide));
  }

  function step() {
    if (!playing) return;
    position += 1 / STEPS;
    move(() => setTimeout(step, STEP));
  }

  /** @param {() => void} next */
  function move(next) {
    if (position > 1 + 1e-9) {
      finish();
      return;
    }
    set(toValue(control, Math.min(1, position)));
    next();
  }

  function finish() {
    if (home !== null) set(home);
    home = null;
    halt();
  }

  function halt() {
    playing = false;
    onChange(false);
  }

  function begin() {
    if (home === null) {
      home = get();
      position = 0;
    }
    playing = true;
    previous = performance.now();
    onChange(true);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) step();
    else requestAnimationFrame(glide);
  }

  return {
    toggle() {
      if (playing) halt();
      else begin();
    },
    stop() {
      home = null;
      if (playing) halt();
    },
    playing: () => playing,
  };
}
