"""Directions in few dimensions: Welch's bound, and how near three kinds of codes come to it."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from solvable.explore import Axis, Choice, Curve, Explorable, Notice, Panel, Readout, Slider, Stops

COUNTS = (4, 6, 8, 12, 16, 24, 28, 40, 64)
DIMENSIONS = (2, 3, 4, 6, 7, 8, 12, 16)
SEEDS = (0, 1, 2, 3, 4)
RANDOM, TIGHT, SPREAD = 0, 1, 2
STEPS = 240
LAST_POWER = 24.0
"""Of the overlaps whose sum the spread code makes small at last; it begins at 2."""
RATE = 0.25
BINS = np.linspace(0.0, 1.0, 81)
SMOOTHED = 0.01
"""Width of the steps of the share of pairs, which a jump would hang on rounding."""
LEAST = 1e-3
"""Where an overlap of nothing is drawn."""


@cache
def _starts():
    """Normal numbers for every seed, ``(seeds, rows, columns)``."""
    return np.random.default_rng(0).normal(size=(len(SEEDS), COUNTS[-1], DIMENSIONS[-1]))


def _units(rows, used):
    """Rows of unit length; what is not used stays 0."""
    square = jnp.sum(rows**2, axis=1, keepdims=True)
    return used * rows / jnp.sqrt(jnp.where(square > 0, square, 1))


def frames(n, m, kind, seed, progress):
    """Overlaps of one code, and what is possible."""
    start = jnp.asarray(_starts())
    which = jnp.clip(1 - jnp.abs(seed - jnp.asarray(SEEDS, float)), 0, 1)
    counted = jnp.arange(float(COUNTS[-1]))
    used = (counted < n).astype(float)[:, None]
    columns = (jnp.arange(float(DIMENSIONS[-1])) < m).astype(float)
    rows = _units(jnp.sum(which[:, None, None] * start, axis=0) * columns, used)
    moves = (kind > RANDOM + 0.5).astype(float)
    spread = (kind > TIGHT + 0.5).astype(float)
    other = 1 - jnp.eye(COUNTS[-1])

    def step(rows, index):
        overlaps = (rows @ rows.T) * other
        part = index / STEPS
        power = 2 + spread * (LAST_POWER - 2) * part
        largest = jnp.maximum(jnp.max(jnp.abs(overlaps)), 1e-9)
        # |overlap|^(power - 2), relative to the largest, so that nothing overflows
        weight = jnp.exp((power - 2) * jnp.log(jnp.maximum(jnp.abs(overlaps) / largest, 1e-12)))
        # the steepest row sets the step: for squares its sum is n/m where the code is tight
        steepest = jnp.max(jnp.sum(weight * overlaps**2, axis=1))
        pull = (weight * overlaps) @ rows
        # the last step may be a part of one, so that nothing jumps
        taken = jnp.clip(progress * STEPS - index, 0, 1)
        rate = taken * moves * RATE * (1 - spread * part) / (1 + steepest)
        return _units(rows - rate * pull, used), None

    rows = jax.lax.scan(step, rows, jnp.arange(float(STEPS)))[0]
    overlaps = jnp.abs(rows @ rows.T)
    pairs = other * used * used.T
    count = jnp.sum(pairs)
    mean_square = jnp.sum(pairs * overlaps**2) / count
    largest = jnp.max(pairs * overlaps)
    bins = jnp.asarray(BINS)
    above = jax.nn.sigmoid((overlaps[None] - bins[:, None, None]) / SMOOTHED)
    share = jnp.sum(pairs * above, axis=(1, 2)) / count
    welch = jnp.maximum(n - m, 0) / (m * (n - 1))
    widths = jnp.asarray(np.geomspace(1, DIMENSIONS[-1] * 2, 41))
    bound = jnp.maximum(jnp.maximum(n - widths, 0) / (widths * (n - 1)), LEAST)
    level = jnp.asarray([0.0, 1.0])
    return {
        "overlap": bins,
        "share": share,
        "kappa": jnp.full(2, jnp.sqrt(welch)),
        "level": level,
        "width": widths,
        "bound": bound,
        "random": 1 / widths,
        "place": jnp.reshape(jnp.asarray(m, float), (1,)),
        "here": jnp.reshape(jnp.maximum(mean_square, LEAST), (1,)),
        "mean square": mean_square,
        "welch": welch,
        "root": jnp.sqrt(welch),
        "largest": largest,
        "enough": (m > n - 0.5).astype(float),
        "chaotic": spread,
        "too many": (n > m * (m + 1) / 2 + 0.5).astype(float),
    }


FRAMES = Explorable(
    "superposition.frames",
    frames,
    controls=[
        Stops("n", "number of directions n", COUNTS, default=40),
        Stops("m", "dimensions m", DIMENSIONS, default=12),
        Choice("kind", "code", ("random", "tight, by descent", "spread out, by descent"), default=SPREAD),
        Stops("seed", "seed", SEEDS, default=0),
        Slider("progress", "part of the descent that is done", 0.0, 1.0, default=0.3, step=0.02),
    ],
    panels=[
        Panel(
            Axis("|overlap|", limits=(0.0, 1.0)),
            Axis("share of pairs with more", limits=(0.0, 1.02)),
            curves=[
                Curve("kappa", "level", "κ, the least largest one", kind="limit"),
                Curve("overlap", "share", "this code", colour=1),
            ],
        ),
        Panel(
            Axis("dimensions m", scale="log"),
            Axis("mean squared overlap", scale="log", limits=(LEAST, 1.1)),
            curves=[
                Curve("width", "bound", "Welch's bound", colour=0),
                Curve("width", "random", "random", kind="limit"),
                Curve("place", "here", "this code", kind="mark"),
            ],
        ),
    ],
    readouts=[
        Readout("mean square", "mean squared overlap"),
        Readout("welch", "Welch's bound"),
        Readout("largest", "largest |overlap|"),
        Readout("root", "κ ="),
    ],
    notices=[
        Notice("enough", "There are as many dimensions as directions: nothing needs to overlap."),
        Notice("too many", "More than m(m + 1)/2 directions cannot all have equal overlaps."),
    ],
    play="progress",
    chaotic="chaotic",
    caption=(
        "Directions in few dimensions. Left: the share of pairs that overlap by more than a value; where all overlaps "
        "are equal it falls from 1 to 0 at κ (dashed). Right: mean squared overlap against the number of dimensions, "
        "Welch's bound (line), the mean 1/m of random directions (dashed), this code (cross). Descent on the sum of "
        "squared overlaps finds a tight frame; on a high power, a code without large overlaps. Steps are smoothed."
    ),
    alt=lambda at: (
        "Two panels. Left: the share of pairs whose overlap exceeds a value stays near 1 up to about "
        f"{at['overlap'][np.argmax(at['share'] < 0.9)]:.2f} and is 0 from {at['largest']:.2f} on; a vertical dashed "
        f"line stands at {at['root']:.2f}. Right: Welch's bound falls with the number of dimensions, below the dashed "
        f"line of random directions; a cross stands at a mean squared overlap of {at['mean square']:.3f}, near it."
    ),
)
