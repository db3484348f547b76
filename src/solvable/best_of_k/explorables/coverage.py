"""From the difficulties of problems to the share that many tries leave unsolved, and to what a benchmark shows."""

import math
from functools import cache

import jax.numpy as jnp
import numpy as np

from solvable.explore import Axis, Curve, Explorable, Notice, Panel, Readout, Slider, Stops

SIZES = (32, 128, 512, 2048)
SEED = 2
STEP = 0.2
LOGITS = STEP * np.arange(-175, 71)
"""Of chances of success: the law falls exponentially to both sides, and the trapezoidal rule is exact to rounding."""
CHANCES = (1e-9, 1.0)
SHOWN = slice(*np.searchsorted(LOGITS, (math.log(CHANCES[0]), 7.0)))
"""Between the smallest chance that counts and one that is as good as 1."""
KS = 2.0 ** (np.arange(41) / 2)
HUNDRED = 100.0
FAILURES, DENSITIES = (1e-6, 2.0), (1e-4, 3.0)
"""Limits of their axes."""
OUT_OF_SIGHT, ROW = 1e-12, 1.6e-4
NOTHING = 1e-30
SOLVED = 60.0
"""Minus the logarithm of a chance of failure that does not count."""
FACTOR = 2.0
"""How far the benchmark may be off the law before that is said."""


@cache
def _logits_of_ranks():
    """Of fixed uniform numbers, one for each problem: the share of all problems that are harder."""
    drawn = np.random.default_rng(SEED).uniform(size=SIZES[-1])
    return np.log(drawn) - np.log1p(-drawn)


def _logs(logits):
    """Logarithms of the chances of success and of failure."""
    both = -np.log1p(np.exp(-np.abs(logits)))
    return np.minimum(logits, 0) + both, np.minimum(-logits, 0) + both


def _beta(logits, a, b):
    """The law's density in the logit, up to a factor."""
    success, failure = _logs(logits)
    return jnp.exp(a * success + b * failure)


def _log_of_one_and(part):
    """``log(1 + part)``: the page has no logarithm that keeps the digits of a small part."""
    small = part * (1 - part * (1 / 2 - part * (1 / 3 - part / 4)))
    return jnp.where(part < 1e-3, small, jnp.log(1 + part))


def _integral(values, left, right):
    """Over all logits, of what falls by these factors a step beyond the ends of the grid."""
    ends = values[..., 0] * left / (1 - left) + values[..., -1] * right / (1 - right)
    return STEP * (jnp.sum(values, axis=-1) + ends)


def _problems(law, a, b):
    """Logits of the benchmark's problems, from the shares of problems that are harder, and easier, than a logit."""
    parts = STEP / 6 * (law[:-1] + 4 * _beta(LOGITS[1:] - STEP / 2, a, b) + law[1:])
    nodes, steps = np.arange(float(len(LOGITS)))[SHOWN, None], np.arange(float(len(LOGITS) - 1))
    harder = jnp.clip(jnp.asarray(nodes) - steps, 0, 1) @ parts + law[0] / a
    easier = jnp.clip(jnp.asarray(steps) + 1 - nodes, 0, 1) @ parts + law[-1] / b
    # against the logit of success nearly a straight line, with the slopes a and b at its ends
    ranks = jnp.log(harder) - jnp.log(jnp.maximum(easier, NOTHING))
    rises = jnp.maximum(ranks[1:] - ranks[:-1], 1e-6)
    return LOGITS[SHOWN][0] + STEP * jnp.sum(jnp.clip((_logits_of_ranks()[:, None] - ranks[:-1]) / rises, 0, 1), axis=1)


def coverage(a, b, problems):
    """The law of chances of success, what it makes of many tries, and a benchmark drawn from it."""
    law = _beta(LOGITS, a, b)
    left, right = jnp.exp(-a * STEP), jnp.exp(-b * STEP)
    total = _integral(law, left, right)
    ks = jnp.asarray(np.append(KS, HUNDRED))
    failing = jnp.exp(ks[:, None] * _logs(LOGITS)[1])
    # of what lies beyond the right end a single try leaves nothing
    failed = _integral(law * failing, left, 0.0) / total
    # Euler's integral on the same grid
    gamma = _integral(jnp.exp(a * LOGITS - np.exp(LOGITS)), left, 0.0)
    power = gamma / total * jnp.exp(-a * np.log(KS))

    logits = _problems(law, a, b)
    chosen = jnp.arange(float(SIZES[-1])) < problems - 0.5
    # minus the logarithm of the chance of failure
    softplus = jnp.maximum(logits, 0) + _log_of_one_and(jnp.exp(-jnp.abs(logits)))
    ease = jnp.where(chosen, softplus, SOLVED)
    hardest = jnp.min(ease)
    beside = jnp.sum(jnp.exp((hardest - ease) * KS[:, None]), axis=1) / problems
    log_unsolved = jnp.log(beside) - hardest * KS
    unsolved = jnp.exp(jnp.maximum(log_unsolved, math.log(NOTHING)))
    off = log_unsolved[-1] - jnp.log(failed[-2])
    return {
        "p": jnp.asarray(1 / (1 + np.exp(-LOGITS[SHOWN]))),
        "density": law[SHOWN] * (1 + np.exp(LOGITS[SHOWN])) / total,
        "problem": jnp.where(chosen, 1 / (1 + jnp.exp(-logits)), OUT_OF_SIGHT),
        "row": jnp.full(SIZES[-1], ROW),
        "k": jnp.asarray(KS),
        "failed": failed[:-1],
        "power": power,
        "unsolved": unsolved,
        "ends": jnp.asarray(KS[[0, -1]]),
        "one": jnp.full(2, 1 / problems),
        "first": 1 - failed[0],
        "hundred": 1 - failed[-1],
        "slope": jnp.log2(failed[-2] / failed[-4]),
        "benchmark's slope": (log_unsolved[-1] - log_unsolved[-3]) / math.log(2),
        "never": problems * jnp.exp(log_unsolved[-1]),
        "off": (jnp.abs(off) > math.log(FACTOR)).astype(float),
    }


COVERAGE = Explorable(
    "best_of_k.coverage",
    coverage,
    controls=[
        Slider("a", "exponent a of hard problems", 0.1, 2.0, default=0.4, step=0.02),
        Slider("b", "exponent b of easy problems", 0.5, 10.0, default=3.0, step=0.1),
        Stops("problems", "problems Q of the benchmark", SIZES, default=128),
    ],
    panels=[
        Panel(
            Axis("chance of success p", scale="log", limits=CHANCES),
            Axis("density of ln p", scale="log", limits=DENSITIES),
            curves=[
                Curve("p", "density", "all problems", colour=0),
                Curve("problem", "row", "benchmark", kind="experiment", colour=1),
            ],
        ),
        Panel(
            Axis("tries k", scale="log", limits=(1.0, KS[-1])),
            Axis("1 − pass@k", scale="log", limits=FAILURES),
            curves=[
                Curve("ends", "one", "1/Q", colour=4),
                Curve("k", "power", "power law", kind="limit"),
                Curve("k", "failed", "exact", colour=0),
                Curve("k", "unsolved", "benchmark", colour=1),
            ],
        ),
    ],
    readouts=[
        Readout("first", "solved in one try: share"),
        Readout("hundred", "in 100"),
        Readout("slope", "local exponent at 2²⁰ tries"),
        Readout("benchmark's slope", "of the benchmark"),
        Readout("never", "its problems that a million tries leave unsolved"),
    ],
    notices=[
        Notice("off", "After a million tries the benchmark is off the law by more than a factor of 2."),
    ],
    play="a",
    caption=(
        "How coverage follows from difficulties. Left: the chance of success in one try has a Beta law over problems, "
        "with the density pᵃ⁻¹(1 − p)ᵇ⁻¹ / B(a, b); shown is p times that, which rises as pᵃ. Markers at the bottom: "
        "the problems of a benchmark drawn from it. Right: the share that k tries leave unsolved. Every problem fails "
        "exponentially, as (1 − p)ᵏ, their mean as a power, Γ(a + b)/Γ(b) · k⁻ᵃ (dashed). A benchmark of Q problems "
        "follows it as far as it has problems that are hard enough: below the level of one problem, 1/Q, its hardest "
        "ones decide, and in the end it fails exponentially. Chances below 10⁻⁹ count as that. One draw is stored."
    ),
    alt=lambda at: (
        "Two panels, all axes logarithmic. Left: the density rises along a straight line from "
        f"{at['density'][0]:.1e} at a chance of success of {at['p'][0]:.0e} to {at['density'].max():.2f} and drops "
        "near 1; markers at the bottom reach down to "
        f"{at['problem'][at['problem'] > OUT_OF_SIGHT].min():.0e}. Right, from one try to a million: the share of all "
        f"problems that are unsolved falls from {at['failed'][0]:.2f} to {at['failed'][-1]:.1e}, after ten tries along "
        f"the dashed line; the benchmark's goes with it to the level of one problem, {at['one'][0]:.1e}, and is "
        f"{at['unsolved'][-1]:.1e} in the end."
    ),
)
