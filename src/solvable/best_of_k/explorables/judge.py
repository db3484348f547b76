"""One input: draw k answers and see which of them the judge takes."""

from functools import cache

import jax.numpy as jnp
import numpy as np

from solvable.explore import Axis, Curve, Explorable, Notice, Panel, Readout, Slider, Stops

from ..theory import error_floor, has_finite_optimal_k
from .quadrature import error, nearest_moments, softmax_moments

MOST = 64
TEMPERATURES = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
DRAWS = (1, 2, 3, 4, 5, 6)
SCORES, BAND = 240, 48
PLACES = np.linspace(-8.5, 4.5, 131)
OUT_OF_SIGHT = -99.0
TOP = 1.05
ERRORS = (1e-4, 1e2)
"""Ends of their axis; what is beyond lies on them."""


@cache
def _draws():
    """Standard normal answers, ``(draws, answers)``."""
    return np.random.default_rng(6).normal(size=(len(DRAWS), MOST))


def _weights(distance, t):
    """How the judge chooses from the first answers, ``(ks, answers)``: with one answer, with two, and so on."""
    count = jnp.arange(float(MOST))
    drawn = count <= count[:, None]
    # what is not drawn yet is farther away than anything; compared with the nearest, no exponential is too small
    farther = jnp.where(drawn, distance, 1e6)
    nearest = jnp.min(farther, axis=1, keepdims=True)
    warm = jnp.exp(-(farther - nearest) / (2 * jnp.where(t > 0, t, 1)))
    chosen = jnp.where(t > 0, warm, (farther <= nearest).astype(float))
    return chosen / jnp.sum(chosen, axis=1, keepdims=True)


def judged_answers(k, b, c, t, draw):
    """The answers of one draw and their weights, and the error against the number of answers."""
    a = (1 + c) * b
    which = jnp.clip(1 - jnp.abs(draw - np.array(DRAWS, float)), 0, 1)
    z = which @ _draws()
    squares = (z + b) ** 2
    weights = _weights((z + a) ** 2, t)
    ks = jnp.arange(1.0, MOST + 1)
    here = jnp.clip(1 - jnp.abs(ks - jnp.floor(k + 0.5)), 0, 1)
    mine = here @ weights
    drawn = ks <= k + 0.5

    bias = jnp.reshape(a, (1,))
    warm = jnp.reshape(jnp.where(t > 0, t, 1.0), (1,))
    hard = error(b, bias, *nearest_moments(ks, bias))[0]
    soft = error(b, bias, *softmax_moments(ks, warm, bias, SCORES, BAND))[0]
    expected = jnp.where(t > 0, soft, hard)
    found = weights @ squares
    floor = error_floor(t, bias_teacher=b, bias_reward=a)
    one = jnp.argmax(mine)
    best = (jnp.arange(MOST) == one).astype(float)
    found_here = here @ found
    return {
        "place": jnp.asarray(PLACES),
        "density": jnp.exp(jnp.asarray(-(PLACES**2) / 2)) / np.sqrt(2 * np.pi),
        "answer": jnp.where(drawn, z, OUT_OF_SIGHT),
        "weight": jnp.where(drawn, mine, 0.0),
        "teacher": jnp.full(2, -b),
        "target": jnp.full(2, -a),
        "height": jnp.asarray([0.0, TOP]),
        "likeliest": jnp.reshape(best @ z, (1,)),
        "its weight": jnp.reshape(best @ mine, (1,)),
        "k": ks,
        "found": jnp.clip(found, *ERRORS),
        "expected": jnp.clip(expected, *ERRORS),
        "ends": jnp.asarray([0.9, 72.0]),
        "floor": jnp.full(2, jnp.clip(floor, *ERRORS)),
        "k here": jnp.reshape(here @ ks, (1,)),
        "found here": jnp.reshape(jnp.clip(found_here, *ERRORS), (1,)),
        "error": found_here,
        "mean error": here @ expected,
        "least error": floor,
        "effective": 1 / jnp.sum(mine**2),
        "harmful": has_finite_optimal_k(t, bias_teacher=b, bias_reward=a).astype(float),
        "teacher judges": (jnp.abs(b - a) < 1e-9).astype(float),
    }


JUDGE = Explorable(
    "best_of_k.judge",
    judged_answers,
    controls=[
        Slider("k", "answers k", 1.0, float(MOST), default=8.0, step=1.0),
        Slider("b", "bias b of the mean against the teacher", -1.0, 2.0, default=1.0, step=0.05),
        Slider("c", "how far the judge aims beyond the teacher, c", 0.0, 3.0, default=0.5, step=0.05),
        Stops("t", "temperature t of the judge", TEMPERATURES, default=0.0),
        Stops("draw", "draw", DRAWS, default=1),
    ],
    panels=[
        Panel(
            Axis("answer, from the mean", unit="s", limits=(PLACES[0], PLACES[-1])),
            Axis("density; weight", limits=(0.0, TOP)),
            curves=[
                Curve("place", "density", "law", colour=0),
                Curve("teacher", "height", "teacher", colour=2),
                Curve("target", "height", "target", colour=1),
                Curve("answer", "weight", "answers", kind="experiment", colour=0),
                Curve("likeliest", "its weight", "likeliest", kind="mark"),
            ],
        ),
        Panel(
            Axis("answers k", scale="log", limits=(0.9, 72.0)),
            Axis("squared error", unit="s²", scale="log", limits=ERRORS),
            curves=[
                Curve("k", "expected", "expected", colour=1),
                Curve("ends", "floor", "k = ∞", kind="limit"),
                Curve("k", "found", "this draw", kind="experiment", colour=0),
                Curve("k here", "found here", kind="mark"),
            ],
        ),
    ],
    readouts=[
        Readout("error", "squared error of what is chosen here"),
        Readout("mean error", "expected"),
        Readout("least error", "with endlessly many answers"),
        Readout("effective", "answers that effectively take part in the choice"),
    ],
    notices=[
        Notice("teacher judges", "The judge is the teacher."),
        Notice("harmful", "Beyond some k more answers are worse: they come nearer to what the judge wants."),
    ],
    play="k",
    caption=(
        "One input, of which the model's answers follow a Gaussian law of standard deviation s. Left: k answers, at "
        "the height of the chance that the judge takes them; it prefers those near its target, and at temperature 0 "
        "takes the nearest. Right: the squared distance of the chosen answer from the teacher's, in units of s²: "
        "markers, for the first k answers of this draw, averaged over the judge's choice; line, averaged over draws as "
        "well; dashed, with endlessly many answers. What is beyond an axis lies on its end. Six draws are stored."
    ),
    alt=lambda at: (
        "Two panels. Left: a bell curve around 0, a vertical line for the teacher at "
        f"{at['teacher'][0]:.1f} and one for the judge's target at {at['target'][0]:.2g}; "
        f"{int((at['answer'] > OUT_OF_SIGHT).sum())} answers lie on the bottom but for the one that is chosen, at "
        f"{at['likeliest'][0]:.2f}. Right, on logarithmic axes: the expected squared error falls from "
        f"{at['expected'][0]:.2f} at one answer to {at['expected'][-1]:.2f} at {MOST}, near the dashed line at "
        f"{at['floor'][0]:.2f}; the markers of this draw jump around it and settle."
    ),
)
