"""When collapse comes: from the early growth of the gap, and for plain gradient descent."""

import math

import jax.numpy as jnp
import numpy as np

from solvable.explore import Axis, Choice, Curve, Explorable, Notice, Panel, Readout, Slider, Stops

from ..theory.precision import DTYPES, significand_bits

CLASSES = (2, 31, 113)
EPOCHS = 10_000
THRESHOLDS = np.array([significand_bits(dtype) * math.log(2) for dtype in DTYPES])
GAPS = (0.0, 50.0)
LONGEST = 1e20
STEPS = np.geomspace(1, LONGEST, 181)
OUT_OF_SIGHT = 1e3
"""A gap that no panel shows."""
SOON = 1.0
"""Epochs that count as at once, so that times can be divided."""


def collapse_clock(slope, start, dtype, classes, rate):
    """Two lines that are met by a gap: one that grows by equal amounts, and one that grows as a logarithm."""
    chosen = jnp.clip(1 - jnp.abs(dtype - np.arange(4.0)), 0, 1)
    earliest = chosen @ THRESHOLDS
    several = jnp.log(classes - 1)
    ends = jnp.stack([earliest, earliest + several])
    reached = jnp.maximum((ends - start) / slope, 0.0) * 1000
    last = jnp.maximum((THRESHOLDS[-1] - start) / slope, 0.0) * 1000
    epochs = np.array([0.0, EPOCHS])
    adaptive = start + slope * STEPS / 1000
    plain = jnp.log1p(rate * STEPS)
    until = jnp.exp(earliest) / rate
    return {
        **{name: jnp.full(2, THRESHOLDS[index]) for index, name in enumerate(DTYPES)},
        "epoch": jnp.asarray(epochs),
        "gap": start + slope * epochs / 1000,
        "low": jnp.full(2, earliest),
        "high": jnp.full(2, earliest + several),
        "reached": reached,
        "ends": ends,
        "step": jnp.asarray(STEPS),
        "adaptive": jnp.minimum(adaptive, OUT_OF_SIGHT),
        "plain": plain,
        "all steps": jnp.asarray([1.0, LONGEST]),
        "until": jnp.stack([jnp.maximum(reached[0], SOON), until]),
        "both": jnp.full(2, earliest),
        "earliest": reached[0],
        "latest": reached[1],
        "most precise": last,
        "later": jnp.maximum(last, SOON) / jnp.maximum(reached[0], SOON),
        "descent": until,
        "at once": (earliest <= start).astype(float),
        "beyond": (reached[0] > EPOCHS).astype(float),
    }


CLOCK = Explorable(
    "softmax_collapse.clock",
    collapse_clock,
    controls=[
        Slider("slope", "growth of the gap", 1.0, 20.0, default=5.4, step=0.2, unit="per 1000 epochs"),
        Slider("start", "gap where the line starts", 0.0, 15.0, default=8.9, step=0.1),
        Choice("dtype", "format of the loss", DTYPES, default=DTYPES.index("float32")),
        Stops("classes", "classes K", CLASSES, default=31),
        Slider("rate", "plain descent: rate ηr", 0.001, 4.0, default=1.0, scale="log"),
    ],
    panels=[
        Panel(
            Axis("epoch", limits=(0.0, float(EPOCHS))),
            Axis("gap g", limits=GAPS),
            curves=[
                Curve("epoch", "low", colour=4),
                Curve("epoch", "high", "collapse", kind="area", colour=4, base="low"),
                Curve("epoch", "gap", "Adam", colour=0),
                Curve("reached", "ends", "earliest, latest", kind="mark"),
            ],
        ),
        Panel(
            Axis("step", scale="log", limits=(1.0, LONGEST)),
            Axis("gap g", limits=GAPS),
            curves=[
                *(Curve("all steps", name, "formats" if name == DTYPES[0] else None, kind="limit") for name in DTYPES),
                Curve("step", "adaptive", "Adam", colour=0),
                Curve("step", "plain", "plain descent", colour=1),
                Curve("until", "both", kind="mark"),
            ],
        ),
    ],
    readouts=[
        Readout("earliest", "half of the samples collapse between epoch", digits=4),
        Readout("latest", "and", digits=4),
        Readout("most precise", "in float64 from epoch", digits=4),
        Readout("later", "later by a factor of"),
        Readout("descent", "plain descent: step", digits=2),
    ],
    notices=[
        Notice("at once", "The line starts above the threshold: the first samples have collapsed before."),
        Notice("beyond", f"No sample collapses within the {EPOCHS} epochs that are shown."),
    ],
    play="slope",
    caption=(
        "When training collapses. Left: under Adam the median gap between the right logit and the largest other one "
        "grows by equal amounts; where a line through early observations enters the band, samples may collapse, and "
        "where it leaves it, they must have (crosses). Adam's limit, −½ ln β₂, is 5.0 per 1000 steps for β₂ = 0.99. "
        "The band reaches from t ln 2, for t binary digits, to t ln 2 + ln(K − 1). Right, over many decades of steps: "
        "Adam's line again, and plain gradient descent on one example of squared length r, whose gap is about ln(1 + "
        "ηr · steps) in exact arithmetic; dashed, t ln 2 of bfloat16, float16, float32 and float64 from below. "
        "Simplified: one straight line for the whole run."
    ),
    alt=lambda at: (
        f"Two panels of the gap, up to {GAPS[1]:.0f}. Left: a straight line rises from {at['gap'][0]:.1f} and crosses "
        f"a band from {at['low'][0]:.1f} to {at['high'][0]:.1f} between epochs {at['earliest']:.0f} and "
        f"{at['latest']:.0f}. Right, against steps on a logarithmic axis, with four dashed lines for the formats: the "
        f"same line turns up steeply after a thousand steps and crosses the third at {at['until'][0]:.0f}; that of "
        f"plain descent rises evenly and crosses it at {at['descent']:.1e} steps."
    ),
)
