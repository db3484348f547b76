"""Losses of a sample whose logits grow: the exponential tail of softmax, and the tails of powers."""

import math

import jax.numpy as jnp
import numpy as np

from solvable.explore import Axis, Choice, Curve, Explorable, Notice, Panel, Readout, Slider, Stops

from ..theory.precision import DTYPES, significand_bits

CLASSES = (2, 31, 113)
OPPOSITE, ZERO = 0, 1
SCALES = (0.1, 1e10)
GRID = np.geomspace(*SCALES, 331)
LIMITS = (1e-24, 1e2)
"""Of losses and slopes; what is smaller lies on the bottom."""
MOST_EXPONENT = 80.0
"""Beyond it an exponential is far below what is drawn; in single precision it would be lost."""
NAMES = ("softmax", "StableMax", "Taylor")


def _odds(scale, others, sign):
    """What the other classes have, relative to the right one, for each loss; and by how much of itself it falls.

    The other logits are ``-sign * scale``, so ``sign`` is 1 or 0. The second is minus the derivative of its logarithm
    by the right logit.
    """
    low = sign * scale
    polynomial = 1 + scale + scale**2 / 2
    return {
        "softmax": (others * jnp.exp(-jnp.minimum(scale + low, MOST_EXPONENT)), jnp.ones_like(scale)),
        "StableMax": (others / ((1 + low) * (1 + scale)), 1 / (1 + scale)),
        "Taylor": (others * (1 - low + low**2 / 2) / polynomial, (1 + scale) / polynomial),
    }


def _loss_and_slope(odds, fall):
    return jnp.log1p(odds), odds / (1 + odds) * fall


def _seen(values):
    return jnp.clip(values, *LIMITS)


def loss_tails(scale, classes, others, dtype):
    """Losses and slopes against the size of the logits, at the reader's, and where each of them collapses."""
    count, sign = classes - 1, 1 - others
    which = jnp.clip(1 - jnp.abs(dtype - np.arange(4.0)), 0, 1)
    bits = which @ np.array([float(significand_bits(name)) for name in DTYPES])
    unit = which @ np.array([2.0 ** -significand_bits(name) for name in DTYPES])
    # where the others' share is half a unit in the last place
    ratio = count / unit
    collapse = {
        "softmax": (bits * math.log(2) + jnp.log(count)) / (1 + sign),
        "StableMax": sign * jnp.sqrt(ratio) + others * ratio - 1,
        "Taylor": others * (jnp.sqrt(2 * ratio - 1) - 1) + sign * OUT_OF_REACH,
    }
    grid, here = jnp.asarray(GRID), jnp.reshape(jnp.asarray(scale, float), (1,))
    curves, points = _odds(grid, count, sign), _odds(here, count, sign)
    results = {"scale": grid, "here": here}
    for name in NAMES:
        loss, slope = _loss_and_slope(*curves[name])
        loss_here, slope_here = _loss_and_slope(*points[name])
        place = jnp.reshape(collapse[name], (1,))
        loss_there, slope_there = _loss_and_slope(*_odds(place, count, sign)[name])
        results |= {
            f"{name} loss": _seen(loss),
            f"{name} slope": _seen(slope),
            f"{name} loss here": _seen(loss_here),
            f"{name} slope here": _seen(slope_here),
            f"{name} place": place,
            f"{name} loss there": _seen(loss_there),
            f"{name} slope there": _seen(slope_there),
            f"{name} value": loss_here[0],
            f"{name} collapse": place[0],
        }
    return results
