"""Average error against the number of answers, for any judge of the family and any temperature."""

import jax.numpy as jnp
import numpy as np

from solvable.explore import Axis, Curve, Explorable, Notice, Panel, Readout, Slider, Stops

from ..theory import asymptotic_coefficient, average_has_finite_optimal_k
from .quadrature import error, nearest_moments, softmax_moments

KS = 2.0 ** np.arange(21)
TEMPERATURES = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)
VARIANCES = (0.02, 1.2)
OFFSETS = (0.0, 20.0)
NODES, SPAN, DENSE = 41, 9.0, 10.0
"""Biases over this many standard deviations, eleven times as dense around 0: a judge far out turns there."""
DISTANCES, SCORES, BAND = 128, 112, 32
OUT_OF_SIGHT = 1e-3
"""Of an axis that begins at one answer."""
BEYOND = 0.1
"""How far an approximation is followed beyond the errors themselves, as a part of their range on a log axis."""

FLAT = 1e-4
"""A slope that is none: what is left of it is rounding."""


def _biases():
    """Standard normal biases above 0 and their weights, by the trapezoidal rule."""
    place = np.linspace(0, 1, NODES)
    u = SPAN * (place + DENSE * place**3) / (1 + DENSE)
    weights = (1 + 3 * DENSE * place**2) * np.exp(-(u**2) / 2)
    weights[0] /= 2  # the law is even: half of it, and half of the node that both halves share
    return u, weights / weights.sum()


def _law(t, variance, c):
    """Coefficients of 1/k and of 1/k^2 in what the error is above its floor, and whether there are any."""
    far = (1 + c) ** 2
    spread = 1 - 2 * far * variance
    hard = jnp.where(spread > 0, asymptotic_coefficient(variance, offset=c), 0.0)
    warm = jnp.where(t > 0, t, 1.0)
    q, half = 1 / (1 + warm), 1 / (1 + warm / 2)
    left = 1 - 2 * far * variance / ((1 + warm) * (2 + warm))
    # the floor at t less that at t/2, each input weighted by how many answers the softmax needs there
    safe = jnp.where(left > 0, left, 1.0)
    gain = warm * q - warm / 2 * half + variance / safe * ((1 - q * (1 + c)) ** 2 - (1 - half * (1 + c)) ** 2)
    soft = (1 + warm) / jnp.sqrt(warm * (warm + 2)) * gain / jnp.sqrt(safe)
    return jnp.where(t > 0, soft, 0.0), jnp.where(t > 0, 0.0, hard), jnp.where(t > 0, left, spread) > 0


def average_curve(variance, c, t):
    """Errors averaged over inputs, at numbers of answers that double."""
    ks = jnp.asarray(KS)
    u, weights = _biases()
    b = jnp.sqrt(variance) * u
    a = (1 + c) * b
    warm = jnp.full(NODES, jnp.where(t > 0, t, 1.0))
    hard = error(b, a, *nearest_moments(ks, a, DISTANCES))
    soft = error(b, a, *softmax_moments(ks, warm, a, SCORES, BAND))
    errors = weights @ jnp.where(t > 0, soft, hard)

    q = 1 / (1 + t)
    floor = variance * (1 - q * (1 + c)) ** 2 + t * q
    first, second, there = _law(t, variance, c)
    beyond = (jnp.max(errors) / jnp.min(errors)) ** BEYOND
    lowest, highest = jnp.min(errors) / beyond, jnp.max(errors) * beyond

    def seen(level):
        return jnp.where((level > lowest) & (level < highest), KS[[0, -1]], OUT_OF_SIGHT)

    def at(level):
        return jnp.full(2, jnp.clip(level, lowest, highest))

    law = jnp.clip(floor + first / ks + second / ks**2, lowest, highest)
    slopes = jnp.log2(errors[1:] / errors[:-1])
    in_the_end = jnp.where((t > 0) | (c > 0), 0.0, -jnp.minimum(2.0, 1 / variance))

    best = jnp.argmin(errors)
    at_best = (jnp.arange(len(KS)) == best).astype(float)
    turns = average_has_finite_optimal_k(t, bias_variance=variance, offset=c) & (best < len(KS) - 1)
    harmful = turns.astype(float)
    ends = jnp.asarray(KS[[0, -1]])
    best_k = at_best @ ks
    return {
        "k": ks,
        "error": errors,
        "law k": jnp.where(there, ks, OUT_OF_SIGHT),
        "law": law,
        "ends": ends,
        "floor k": seen(floor),
        "floor": at(floor),
        "mean k": seen(variance),
        "mean": at(variance),
        "best k": jnp.reshape(jnp.where(turns, best_k, OUT_OF_SIGHT), (1,)),
        "best": jnp.reshape(at_best @ errors, (1,)),
        "between": jnp.asarray(np.sqrt(KS[1:] * KS[:-1])),
        "slope": slopes,
        "in the end": jnp.full(2, in_the_end),
        "level": jnp.zeros(2),
        "one": errors[0],
        "least": at_best @ errors,
        "least k": best_k,
        "last": errors[-1],
        "floor value": floor,
        "last slope": jnp.where(jnp.abs(slopes[-1]) > FLAT, slopes[-1], 0.0),
        "harmful": harmful,
        "slow": ((t == 0) & (c == 0) & ~there).astype(float),
        "no law": (~there).astype(float),
        "beaten": (jnp.min(errors) > variance).astype(float),
    }


ANSWERS = Axis("answers k", scale="log", limits=(1.0, KS[-1]))

CURVE = Explorable(
    "best_of_k.curve",
    average_curve,
    controls=[
        Slider("variance", "variance τ² of the bias over inputs", *VARIANCES, default=0.2, scale="log"),
        Slider("c", "how far the judge aims beyond the teacher, c", *OFFSETS, default=0.0, step=0.25),
        Stops("t", "temperature t of the judge", TEMPERATURES, default=0.0),
    ],
    panels=[
        Panel(
            ANSWERS,
            Axis("average squared error", unit="s²", scale="log"),
            curves=[
                Curve("mean k", "mean", "posterior mean", colour=4),
                Curve("k", "error", "chosen answer", colour=0),
                Curve("law k", "law", "leading term", kind="limit"),
                Curve("floor k", "floor", "endlessly many", colour=2),
                Curve("best k", "best", "best k", kind="mark"),
            ],
        ),
        Panel(
            ANSWERS,
            Axis("local exponent", limits=(-2.4, 0.8)),
            curves=[
                Curve("ends", "level", kind="limit"),
                Curve("ends", "in the end", "in the end", colour=2),
                Curve("between", "slope", "chosen answer", colour=0),
            ],
        ),
    ],
    readouts=[
        Readout("one", "error of one answer", digits=4),
        Readout("least", "smallest error", digits=4),
        Readout("least k", "at k =", digits=7),
        Readout("last", "at k = 2²⁰", digits=4),
        Readout("floor value", "with endlessly many", digits=4),
        Readout("last slope", "last local exponent"),
    ],
    notices=[
        Notice("harmful", "More answers hurt: beyond the cross the error rises."),
        Notice("slow", "Hard inputs decide: the error falls as the power −1/τ² of k, slower than 1/k²."),
        Notice("no law", "The leading term is not drawn: its average over inputs is infinite."),
        Notice("beaten", "No number of answers shown beats the posterior mean."),
    ],
    play="variance",
    caption=(
        "The error of the chosen answer, averaged over inputs whose bias against the teacher is Gaussian with variance "
        "τ² s², against the number of answers, which doubles from point to point. Left: the error, its value with "
        "endlessly many answers, and (dashed) that value plus the leading term for many answers: C/k² at temperature "
        "0, C/k above it; a cross where more answers begin to hurt. An answer has to make up for its own spread before "
        "it beats the posterior mean, whose error is τ². Right: the slope of the error on logarithmic axes, and what "
        "it tends to. Levels far from all errors are left out, and the dashed law is cut off there."
    ),
    alt=lambda at: (
        "Two panels against the number of answers, from 1 to a million on a logarithmic axis. Left, also logarithmic: "
        f"the average error falls from {at['one']:.2f} to {at['last']:.1e}, from k of about ten on along the dashed "
        f"law, and crosses the level of the posterior mean, {at['mean'][0]:.2f}, near k = "
        f"{at['k'][np.argmax(at['error'] < at['mean'][0])]:.0f}. Right: the local exponent falls from "
        f"{at['slope'][0]:.2f} to {at['last slope']:.2f} and stays at the level {at['in the end'][0]:.2f}."
    ),
)
