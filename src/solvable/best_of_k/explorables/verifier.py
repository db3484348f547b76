"""Retrying until an imperfect verifier accepts: what more tries are worth."""

import math
from functools import cache

import jax.numpy as jnp
import numpy as np

from solvable.explore import Axis, Choice, Curve, Explorable, Notice, Panel, Readout, Slider

from ..theory import beta_difficulties

LAWS = ("Beta(0.4, 0.4)", "even", "60 % easy, 40 % impossible", "all alike")
NODES = 128
MOST = 1000
KS = np.arange(float(MOST + 1))
NOTHING = 1e-30
TIE = 1e-9
"""Part of the gains and losses below which their balance is rounding."""
OUT_OF_SIGHT = 1e-3
"""Of an axis that begins at one try."""
SHOWN, UTILITIES = (0.9, 1200.0), (-1.0, 1.05)
"""Limits of their axes."""


@cache
def _laws():
    """Chances of success and weights, ``(laws, problems)`` each."""
    success, weights = np.full((len(LAWS), NODES), 0.5), np.zeros((len(LAWS), NODES))
    for law, (a, b) in enumerate(((0.4, 0.4), (1.0, 1.0))):
        success[law], weights[law] = beta_difficulties(a, b, NODES)
    success[2, 1] = 0
    weights[2, :2] = 0.6, 0.4
    weights[3, 0] = 1
    return success, weights


def retries(false_accept, miss, cost, law):
    """Utility of up to so many tries, precision of what is accepted on the last of them, and what is still open."""
    which = jnp.clip(1 - jnp.abs(law - np.arange(float(len(LAWS)))), 0, 1)
    success, weights = (which @ table for table in _laws())
    right, wrong = success * (1 - miss), (1 - success) * false_accept
    accepted = right + wrong
    left = jnp.log(jnp.maximum(success * miss + (1 - success) * (1 - false_accept), NOTHING))
    gain = right - cost * wrong

    # of which nothing is accepted, the worth is zero
    worth = weights * gain / jnp.maximum(accepted, NOTHING)
    open_share = jnp.exp(KS[:, None] * left)
    limit = jnp.sum(worth)
    utility = (1 - open_share) @ worth
    # relative to the slowest problems of which some are accepted: their share may be too small for a number
    counted = jnp.where(accepted > 0, weights, 0)
    slowest = jnp.max(jnp.where(counted > 0, left, math.log(NOTHING)))
    waiting = jnp.exp(KS[:-1, None] * jnp.minimum(left - slowest, 0)) * counted
    precision = (waiting @ right) / jnp.maximum(waiting @ accepted, NOTHING)
    # the sign changes once, from gains to losses
    pays = waiting @ gain > TIE * (waiting @ (right + cost * wrong))
    best = jnp.sum(pays.astype(float))
    here = jnp.clip(1 - jnp.abs(KS - best), 0, 1)
    place = jnp.where(best > 0, best, OUT_OF_SIGHT)
    correct = jnp.sum(weights * right / jnp.maximum(accepted, NOTHING))
    return {
        "k": jnp.asarray(KS[1:]),
        "utility": utility[1:],
        "ends": jnp.asarray(SHOWN),
        "abstain": jnp.zeros(2),
        "limit": jnp.full(2, limit),
        "ceiling": jnp.full(2, correct),
        "best k": jnp.reshape(place, (1,)),
        "best": jnp.reshape(here @ utility, (1,)),
        "precision": precision,
        "open": (open_share @ weights)[1:],
        "enough": jnp.full(2, cost / (1 + cost)),
        "best precision": jnp.reshape(here[1:] @ precision, (1,)),
        "tries": best,
        "most": here @ utility,
        "once": utility[1],
        "end": limit,
        "correct": correct,
        "never": (best == 0).astype(float),
        "always": (best == MOST).astype(float),
        "worse": (utility[-1] < -TIE).astype(float),
    }


TRIES = Axis("tries K", scale="log", limits=SHOWN)

VERIFIER = Explorable(
    "best_of_k.verifier",
    retries,
    controls=[
        Slider("false_accept", "wrong answers accepted", 0.0, 0.5, default=0.05, step=0.01),
        Slider("miss", "right answers rejected", 0.0, 0.5, default=0.0, step=0.01),
        Slider("cost", "cost of a wrong answer", 0.0, 5.0, default=2.0, step=0.1),
        Choice("law", "chances of success", LAWS),
    ],
    panels=[
        Panel(
            TRIES,
            Axis("utility U", limits=UTILITIES),
            curves=[
                Curve("ends", "abstain", kind="limit"),
                Curve("ends", "ceiling", "K = ∞, no cost", colour=2),
                Curve("ends", "limit", "K = ∞", colour=1),
                Curve("k", "utility", "up to K tries", colour=0),
                Curve("best k", "best", "best K", kind="mark"),
            ],
        ),
        Panel(
            TRIES,
            Axis("share", limits=(0.0, 1.05)),
            curves=[
                Curve("ends", "enough", "break-even", kind="limit"),
                Curve("k", "precision", "right on try K", colour=0),
                Curve("k", "open", "open", colour=4),
                Curve("best k", "best precision", kind="mark"),
            ],
        ),
    ],
    readouts=[
        Readout("tries", "best number of tries, up to 1000:", digits=4),
        Readout("most", "utility there"),
        Readout("once", "of one try"),
        Readout("end", "of endlessly many"),
        Readout("correct", "answered correctly then: share"),
    ],
    notices=[
        Notice("never", "It never pays to try: abstaining is best."),
        Notice("always", "Another try pays all the way to 1000."),
        Notice("worse", "After many tries the utility is below 0: not to answer is better."),
    ],
    play="false_accept",
    caption=(
        "Answers are drawn until a verifier accepts one, K times at most. A right answer counts 1, a wrong one that "
        "was accepted minus its cost, none at all 0. Left: the mean over problems; its limit; and the share answered "
        "correctly in the end, which is the limit at no cost and stays below 1 wherever wrong answers are accepted. "
        "Right: of the answers that are accepted on try K, the share that is right; it falls because easy problems are "
        "over first. A try pays as long as that is above cost/(1 + cost) (dashed); the cross is the last that does. "
        "Problems that are all alike have no such turn. Of easy ones, and of those that are all alike, every second "
        "answer is right; even: all chances of success are equally frequent."
    ),
    alt=lambda at: (
        "Two panels against the number of tries, from 1 to 1000 on a logarithmic axis. Left: the utility rises from "
        f"{at['once']:.2f} at one try to {at['most']:.2f} at {at['tries']:.0f}, marked by a cross, and falls to "
        f"{at['utility'][-1]:.2f}; a level at {at['ceiling'][0]:.2f} is the share answered correctly in the end. "
        f"Right: the share of right answers among those accepted falls from {at['precision'][0]:.2f} towards 0 and "
        f"crosses the dashed break-even of {at['enough'][0]:.2f} at the cross; the share of problems that are still "
        f"open falls from {at['open'][0]:.2f} towards 0."
    ),
)
