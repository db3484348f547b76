"""Losses of a sample whose logits grow: the exponential tail of softmax, and the tails of powers."""

import math

import jax.numpy as jnp
import numpy as np

from solvable.explore import Axis, Choice, Curve, Explorable, Notice, Panel, Readout, Slider, Stops

from ..theory.precision import DTYPES, significand_bits

CLASSES = (2, 31, 113)
BITS = np.array([float(significand_bits(dtype)) for dtype in DTYPES])
OPPOSITE, ZERO = 0, 1
SCALES = (0.1, 1e10)
GRID = np.geomspace(*SCALES, 331)
LOSSES, SLOPES = (1e-20, 1e2), (1e-28, 1e1)
"""Limits of their axes; what is smaller lies on the bottom."""
SMALL = 1e-3
"""Below this a series has the digits that the logarithm of a sum with 1 has lost, as losses do."""
OUT_OF_REACH = 1e12
"""Where a loss that never collapses is said to, beyond every axis."""
NAMES = ("softmax", "StableMax", "Taylor")


def _odds(scale, others, sign):
    """What the other classes have, relative to the right one, for each loss; and by how much of itself it falls.

    The other logits are ``-sign * scale``, so ``sign`` is 1 or 0. The second is minus the derivative of its logarithm
    by the right logit.
    """
    low = sign * scale
    polynomial = 1 + scale + scale**2 / 2
    return {
        "softmax": (others * jnp.exp(-scale - low), jnp.ones_like(scale)),
        "StableMax": (others / ((1 + low) * (1 + scale)), 1 / (1 + scale)),
        "Taylor": (others * (1 - low + low**2 / 2) / polynomial, (1 + scale) / polynomial),
    }


def _loss_and_slope(odds, fall):
    series = odds * (1 - odds * (1 / 2 - odds * (1 / 3 - odds * (1 / 4 - odds / 5))))
    return jnp.where(odds < SMALL, series, jnp.log(1 + odds)), odds / (1 + odds) * fall


def loss_tails(scale, classes, others, dtype):
    """Losses and slopes against the size of the logits, at the reader's, and where each of them collapses."""
    count, sign = classes - 1, 1 - others
    which = jnp.clip(1 - jnp.abs(dtype - np.arange(4.0)), 0, 1)
    bits = which @ BITS
    unit = which @ 2.0**-BITS
    # where the others' share is half a unit in the last place
    ratio = count / unit
    collapse = {
        "softmax": (bits * math.log(2) + jnp.log(count)) / (1 + sign),
        "StableMax": sign * jnp.sqrt(ratio) + others * ratio - 1,
        "Taylor": others * (jnp.sqrt(2 * ratio - 1) - 1) + sign * OUT_OF_REACH,
    }
    grid, here = jnp.asarray(GRID), jnp.reshape(jnp.asarray(scale, float), (1,))
    curves, points = _odds(grid, count, sign), _odds(here, count, sign)
    results = {
        "scale": grid,
        "here": here,
        "ends": jnp.asarray(SCALES),
        "unit": jnp.full(2, unit),
        "softmax gone": (scale > collapse["softmax"]).astype(float),
        "StableMax gone": (scale > collapse["StableMax"]).astype(float),
        "Taylor gone": (scale > collapse["Taylor"]).astype(float),
        "Taylor stays": jnp.asarray(sign, float),
    }
    for name in NAMES:
        loss, slope = _loss_and_slope(*curves[name])
        loss_here, slope_here = _loss_and_slope(*points[name])
        place = jnp.reshape(collapse[name], (1,))
        loss_there, slope_there = _loss_and_slope(*_odds(place, count, sign)[name])
        results |= {
            f"{name} loss": jnp.clip(loss, *LOSSES),
            f"{name} slope": jnp.clip(slope, *SLOPES),
            f"{name} loss here": jnp.clip(loss_here, *LOSSES),
            f"{name} slope here": jnp.clip(slope_here, *SLOPES),
            f"{name} place": place,
            f"{name} loss there": jnp.clip(loss_there, *LOSSES),
            f"{name} slope there": jnp.clip(slope_there, *SLOPES),
            f"{name} value": loss_here[0],
            f"{name} collapse": place[0],
        }
    return results


def _panel(of, limits, *, unit):
    """Curves of one quantity, where they collapse, and the reader's place on each."""
    lines = [Curve("scale", f"{name} {of}", name, colour=index) for index, name in enumerate(NAMES)]
    crosses = [Curve(f"{name} place", f"{name} {of} there", kind="mark") for name in NAMES]
    places = [Curve("here", f"{name} {of} here", kind="experiment", colour=index) for index, name in enumerate(NAMES)]
    return Panel(
        Axis("size L of the logits", scale="log", limits=SCALES),
        Axis("loss" if of == "loss" else "|derivative|", scale="log", limits=limits),
        curves=[*unit, *lines, *crosses, *places],
    )


TAILS = Explorable(
    "softmax_collapse.tails",
    loss_tails,
    controls=[
        Slider("scale", "size L of the logits", *SCALES, default=5.0, scale="log"),
        Stops("classes", "classes K", CLASSES, default=31),
        Choice("others", "the other logits are", ("−L", "0"), default=OPPOSITE),
        Choice("dtype", "format", DTYPES, default=DTYPES.index("float32")),
    ],
    panels=[
        _panel("loss", LOSSES, unit=[Curve("ends", "unit", kind="limit")]),
        _panel("slope", SLOPES, unit=[]),
    ],
    readouts=[
        *(Readout(f"{name} value", f"loss of {name}" if index == 0 else name) for index, name in enumerate(NAMES)),
        Readout("softmax collapse", "softmax collapses from L ="),
        Readout("StableMax collapse", "StableMax from"),
    ],
    notices=[
        Notice("softmax gone", "Softmax has collapsed: what is computed is exactly 0."),
        Notice("StableMax gone", "StableMax has collapsed, too."),
        Notice("Taylor gone", "The Taylor softmax has collapsed, too."),
        Notice("Taylor stays", "The Taylor softmax grows again for low logits: its loss is least at L = √2."),
    ],
    play="scale",
    caption=(
        "One sample whose right logit is L and whose others are all −L, or 0: its loss and the derivative by the right "
        "logit, in exact arithmetic, under three functions in the place of the exponential. With the exponential they "
        "fall as e⁻²ᴸ, or e⁻ᴸ; with StableMax's line and its inverse as a power of L; the second-order polynomial of "
        "the Taylor softmax rises again for negative logits. Crosses: where the other classes' part is 2⁻ᵗ (dashed), "
        "half of the last digit of 1 in the format, and the computed loss becomes exactly 0. Markers: your L."
    ),
    alt=lambda at: (
        "Two panels against the size L of the logits, from 0.1 to 10 billion, all axes logarithmic. Left, the loss: "
        f"softmax plunges and crosses the dashed line at {at['unit'][0]:.1e} near L = {at['softmax collapse']:.1f}; "
        f"StableMax falls along a straight line and crosses it at {at['StableMax collapse']:.1e}; Taylor dips and "
        f"returns to {at['Taylor loss'][-1]:.2f}. Right, the derivatives: the same, but Taylor falls along a straight "
        "line, slower than StableMax."
    ),
)
