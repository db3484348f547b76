"""Logistic regression in the plane by gradient descent with any step size, trained in the page."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from solvable.explore import Axis, Curve, Explorable, Notice, Panel, Readout, Slider, Stops

SEEDS = (0, 1, 2, 3, 4)
MANY, RARE = 18, 2
LABELS = np.tile([1.0, -1.0], (MANY + RARE) // 2)
STEPS = 300
DIRECTION = np.array([np.cos(2.0), np.sin(2.0)])
"""Of the weights that separate the classes."""
EDGES = 2.2, 1.6
"""Where the plane ends, to both sides."""
OUT_OF_SIGHT = 9.0
MOST_ERROR = 1e30
CHAOTIC = 1e5
"""Growth of rounding errors, relative to the weights, from which no two machines agree on ten digits."""
LIMITS = (1e-3, 1e2)
"""Of losses and shares; a share of 0 is drawn at the bottom."""


@cache
def _draws():
    """Examples times their labels, of each seed: along the direction, and across it, both ``(seeds, examples)``.

    Most lean to one side of the direction, and drag the mean with them. The rare ones are nearest to the boundary and
    on the other side, so that they are wrong for whoever follows the mean, unless they are far from the boundary.
    """
    draw = np.random.default_rng(5)
    along = 0.45 * np.abs(draw.normal(size=(len(SEEDS), MANY)))
    across = draw.normal(0.75, 0.4, size=(len(SEEDS), MANY))
    rare = draw.uniform(-1.3, -0.7, size=(len(SEEDS), RARE))
    return np.concatenate([np.zeros_like(rare), along], axis=1), np.concatenate([rare, across], axis=1)


def _rotated(vector):
    """The vector at a right angle to the left."""
    return jnp.stack([-vector[1], vector[0]])


def _nearest(points):
    """The point of a convex hull that is nearest to the origin; it points along the largest margin.

    The origin is outside, so that the point lies on an edge, and all edges are among the segments between two points.
    """
    between = points[:, None] - points[None, :]
    square = jnp.sum(between**2, axis=2)
    part = jnp.clip(jnp.sum(points[:, None] * between, axis=2) / jnp.where(square > 0, square, 1), 0, 1)
    feet = jnp.reshape(points[:, None] - part[:, :, None] * between, (-1, 2))
    return feet[jnp.argmin(jnp.sum(feet**2, axis=1))]


def _wrong(margins):
    """1 for each mistake, and one half where the weights do not decide."""
    return (margins < 0).astype(float) + 0.5 * (margins == 0).astype(float)


def _descend(signed, rate):
    """Weights of gradient descent, and of the batch perceptron, before each step and after the last.

    And the mean square of what rounding makes of the former, if every step rounds by a part 1 and passes on, by its
    derivative, what those before it have left.
    """

    def step(state, _):
        weights, perceptron, error = state
        missed = jax.nn.sigmoid(-(signed @ weights))
        bend = (missed * (1 - missed))[:, None] * signed
        passed = jnp.eye(2) - rate / len(LABELS) * (signed.T @ bend)
        moved = weights + rate / len(LABELS) * (missed @ signed)
        error = passed @ error @ passed.T + jnp.sum(moved**2) * jnp.eye(2)
        correction = _wrong(signed @ perceptron) @ signed / len(LABELS)
        return (moved, perceptron + correction, jnp.clip(error, -MOST_ERROR, MOST_ERROR)), (*state[:2], error)

    start = jnp.zeros(2), jnp.zeros(2), jnp.zeros((2, 2))
    weights, perceptron, error = jax.lax.scan(step, start, length=STEPS + 1)[1]
    return weights, perceptron, error[:, 0, 0] + error[:, 1, 1]


def _first_without(shares):
    """The first step that leaves no mistake, and whether there is none."""
    steps = jnp.where(shares == 0, jnp.arange(STEPS + 1.0), STEPS + 1.0)
    return jnp.minimum(jnp.min(steps), STEPS), (jnp.min(steps) > STEPS).astype(float)


def train_in_the_plane(rate, margin, step, seed):
    """Descend on the logistic loss of a few separable points, beside the batch perceptron."""
    chosen = (jnp.arange(float(len(SEEDS))) == seed).astype(float)
    along, across = (chosen @ table for table in _draws())
    signed = (margin + along)[:, None] * DIRECTION + across[:, None] * np.array([-DIRECTION[1], DIRECTION[0]])
    weights, perceptron, error = _descend(signed, rate)

    losses = jnp.mean(jax.nn.softplus(-(weights @ signed.T)), axis=1)
    shares, perceptron_shares = (jnp.mean(_wrong(run @ signed.T), axis=1) for run in (weights, perceptron))
    growth = jnp.max(error[1:] / jnp.sum(weights[1:] ** 2, axis=1))
    first, never = _first_without(shares)
    perceptron_first, _ = _first_without(perceptron_shares)

    # the last step may be a part of one, so that nothing jumps
    reached = jnp.maximum(1 - jnp.abs(step - jnp.arange(STEPS + 1.0)), 0)
    here = reached @ weights
    margins = signed @ here
    wrong = _wrong(margins)
    loss_here = jnp.mean(jax.nn.softplus(-margins))
    best = _nearest(signed)
    turn = jnp.abs(best[0] * here[1] - best[1] * here[0])
    ends = np.array([-1.0, 1.0]) * 2 * EDGES[0]
    boundary = _rotated(here / jnp.sqrt(jnp.sum(here**2)))
    optimum = _rotated(best / jnp.sqrt(jnp.sum(best**2)))
    points = signed * LABELS[:, None]
    seen = jnp.where(wrong[:, None] > 0, points, OUT_OF_SIGHT)
    return {
        "positive across": points[::2, 0],
        "positive up": points[::2, 1],
        "negative across": points[1::2, 0],
        "negative up": points[1::2, 1],
        "wrong across": seen[:, 0],
        "wrong up": seen[:, 1],
        "boundary across": ends * boundary[0],
        "boundary up": ends * boundary[1],
        "optimum across": ends * optimum[0],
        "optimum up": ends * optimum[1],
        "step": jnp.arange(1.0, STEPS + 1),
        "losses": jnp.clip(losses[1:], *LIMITS),
        "shares": jnp.maximum(shares[1:], LIMITS[0]),
        "perceptron shares": jnp.maximum(perceptron_shares[1:], LIMITS[0]),
        "step here": jnp.reshape(jnp.asarray(step, float), (1,)),
        "loss here": jnp.reshape(jnp.clip(loss_here, *LIMITS), (1,)),
        "first": first,
        "loss then": jnp.maximum(1 - jnp.abs(first - jnp.arange(STEPS + 1.0)), 0) @ losses,
        "never": never,
        "perceptron": perceptron_first,
        "mistakes": jnp.sum(wrong),
        "loss": loss_here,
        "angle": jnp.degrees(jnp.arctan2(turn, jnp.sum(best * here))),
        "chaotic": (growth > CHAOTIC**2).astype(float),
    }


PLANE = Explorable(
    "softmax_collapse.plane",
    train_in_the_plane,
    controls=[
        Slider("rate", "step size γ", 0.01, 1e6, default=3.0, scale="log"),
        Slider("margin", "distance of the nearest points from the boundary", 0.04, 0.6, default=0.06, scale="log"),
        Slider("step", "step that is shown", 1.0, STEPS, default=20.0, scale="log"),
        Stops("seed", "seed of the points", SEEDS, default=3),
    ],
    panels=[
        Panel(
            Axis("first input", limits=(-EDGES[0], EDGES[0])),
            Axis("second input", limits=(-EDGES[1], EDGES[1])),
            curves=[
                Curve("optimum across", "optimum up", "largest margin", kind="limit"),
                Curve("boundary across", "boundary up", "boundary", colour=2),
                Curve("wrong across", "wrong up", "mistake", kind="mark"),
                Curve("positive across", "positive up", kind="experiment", colour=0),
                Curve("negative across", "negative up", kind="experiment", colour=1),
            ],
        ),
        Panel(
            Axis("step of gradient descent", scale="log", limits=(1.0, STEPS)),
            Axis("loss, and share of mistakes", scale="log", limits=LIMITS),
            curves=[
                Curve("step", "perceptron shares", "perceptron", kind="limit"),
                Curve("step", "losses", "loss", colour=5),
                Curve("step", "shares", "mistakes", colour=2),
                Curve("step here", "loss here", kind="mark"),
            ],
        ),
    ],
    readouts=[
        Readout("first", "no mistake from step"),
        Readout("loss then", "loss then", digits=2),
        Readout("perceptron", "batch perceptron: from step"),
        Readout("mistakes", "at the step shown: mistakes"),
        Readout("loss", "loss", digits=2),
        Readout("angle", "angle to the largest margin", "°", digits=2),
    ],
    notices=[
        Notice("never", f"Gradient descent still makes mistakes after {STEPS} steps."),
        Notice("chaotic", "Errors of rounding grow here until they show: another machine may take another path."),
    ],
    play="step",
    chaotic="chaotic",
    caption=(
        "Logistic regression on two classes of points that a line through the origin separates, by gradient descent "
        "from zero with a step size γ of your choice, here and now. Left: the boundary at the step shown, the one of "
        "the largest margin (dashed), and crosses on what is still wrong. Right: loss and share of mistakes; what is "
        "less than a thousandth lies on the bottom. As γ grows, descent becomes the batch perceptron (dashed), which "
        "adds the mean of the examples that are wrong: the loss may rise, and the mistakes still end soon. Simplified: "
        "few points, most of which lean to one side, and no bias."
    ),
    alt=lambda at: (
        f"Two panels. Left: {len(LABELS)} points of two kinds in a plane on either side of a line through the origin, "
        f"which is turned by {at['angle']:.0f} degrees from the dashed line of the largest margin; crosses mark "
        f"{at['mistakes']:.0f} points on the wrong side. Right, on logarithmic axes against the step: the loss falls "
        f"from {at['losses'][0]:.2g} to {at['losses'][-1]:.2g}, and the share of mistakes from {at['shares'][0]:.2g} "
        f"to 0 at step {at['first']:.0f}; that of the perceptron, dashed, at step {at['perceptron']:.0f}."
    ),
)
