"""Features of a small model that share two dimensions, trained in the page."""

from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from solvable.explore import Axis, Curve, Explorable, Notice, Panel, Readout, Slider, Stops

MOST = 6
"""Features of the arrays; those that are not asked for are zeros, which nothing moves."""
FEATURES = (3, 4, 5, 6)
RESTARTS = (1, 2, 4, 8)
SEEDS = 10
STEPS = 300
BATCH = 96
RATE = 0.04
FLAT = 0.3
"""Part of the steps at the full learning rate, which then falls to 0 along a cosine."""
MEAN_DECAY, SQUARE_DECAY = 0.9, 0.99
DAMPING = 0.01
"""What Adam adds to the root of a mean square; for biases divided by the density. Most inputs are nothing but zeros
where few are active, and a bias that they alone pull across the kink of the ReLU would bounce there, chaotically."""
TINY = 1e-12
OFTEN = 0.25
"""Density at which examples are drawn where the reader's is lower; weights make up for it. At a density of 0.02 nine
examples of ten would be nothing but zeros."""
SHOWN = np.arange(0, STEPS + 1, 10)
CURVE_EXAMPLES, FINAL_EXAMPLES = 512, 4096
"""Held out for the losses along the way, good to a tenth, and at the end, good to a few hundredths."""
SPREAD = np.sqrt(2 / 7)
"""Standard deviation of the weights at the start: that of five features in two dimensions, for every number of them."""
REPRESENTED = 0.5
"""Length from which a feature counts as represented."""
TOLERANCE = 4.0
"""Degrees by which the gaps of a form may miss."""
LOSS_LIMITS = (5e-3, 1e1)
BEST_COLOUR, OTHER_COLOUR, TIP_COLOUR = 1, 5, 6
FORMS = {
    "pentagon": (5, 72, 72, "Five features make a pentagon."),
    "hexagon": (6, 60, 60, "Six features make a hexagon."),
    "two pairs": (4, 90, 90, "Four features make two antipodal pairs, at right angles."),
    "triangle": (3, 120, 120, "Three features make a triangle."),
    "one pair and one": (3, 90, 180, "Three features: an antipodal pair, and one at right angles to it."),
    "orthogonal pair": (2, 90, 270, "Two features at right angles: as many as dimensions, no superposition."),
    "antipodal pair": (2, 180, 180, "Two features make an antipodal pair, along one dimension."),
}
"""Number of features, smallest and largest gap in degrees, and what is said of them."""
CIRCLE = np.stack([turn(np.linspace(0, 2 * np.pi, 65)) for turn in (np.cos, np.sin)])


@cache
def _starts():
    """Weights at the start, for each seed and restart."""
    return np.random.default_rng(4).normal(scale=SPREAD, size=(SEEDS, RESTARTS[-1], MOST, 2))


@cache
def _ratios():
    """By how much the multiples of each move a coordinate: powers of the root of x^(d+1) = x + 1, as in Roberts' R_d.

    The multiples of such ratios, less their whole parts, fill the cube evenly from the first to the last.
    """
    root = 2.0
    for _ in range(64):
        root = (1 + root) ** (1 / (MOST + 1))
    return root ** -np.arange(1.0, MOST + 1)


@cache
def _schedule():
    """Adam's step of each update with the correction of its first mean, and the correction of its second."""
    step = np.arange(STEPS + 1.0)
    fallen = np.clip((step / STEPS - FLAT) / (1 - FLAT), 0, 1)
    rate = RATE * (1 + np.cos(np.pi * fallen)) / 2
    return rate / (1 - MEAN_DECAY ** (step + 1)), 1 / (1 - SQUARE_DECAY ** (step + 1))


class _Task(NamedTuple):
    """What is asked of the model: density, and for each feature whether it is there and how much its error counts."""

    density: Array
    present: Array
    importance: Array


def _examples(task, first, count):
    """Inputs ``(count, features)`` from one place of the sequence on, and the weight of each.

    Entries are drawn active with probability ``q``, and the weight is what the density makes of that.
    """
    number = first + jnp.arange(1.0, count + 1)
    u = number[:, None] * jnp.asarray(_ratios())
    u = u - jnp.floor(u)
    often = jnp.maximum(task.density, OFTEN)
    active = (u < often).astype(float)
    more = jnp.minimum(task.density / OFTEN, 1.0)
    fewer = jnp.maximum((1 - task.density) / (1 - OFTEN), 1.0)
    # sums of products instead of a choice, whose alternatives would be constants of this size in the graph
    factors = active * more + (1 - active) * fewer
    weight = jnp.prod(task.present * factors + (1 - task.present), axis=1)
    return task.present * active * u / often, weight


def _descend(task, starts):
    """Weights and biases side by side, ``(steps + 1, restarts, features, 3)``, before each step and after the last."""
    keep, last = jnp.asarray([1.0, 1.0, 0.0]), jnp.asarray([0.0, 0.0, 1.0])
    damping = DAMPING * (keep + last / task.density)
    first = jnp.concatenate([starts, jnp.zeros_like(starts[:, :, :1])], axis=2) * task.present[:, None]

    def step(state, of_step):
        parameters, mean, square = state
        begin, size, correction = of_step
        x, weight = _examples(task, begin, BATCH)
        # what each example puts into the two dimensions, and a 1 that meets the bias
        hidden = x @ (parameters * keep) + last
        output = hidden @ jnp.swapaxes(parameters, 1, 2)
        errors = 2 / (BATCH * task.density) * weight[:, None] * (output - x) * task.importance
        pull = (output > 0).astype(float) * errors
        slope = jnp.swapaxes(pull, 1, 2) @ hidden + x.T @ (pull @ parameters) * keep
        mean = MEAN_DECAY * mean + (1 - MEAN_DECAY) * slope
        square = SQUARE_DECAY * square + (1 - SQUARE_DECAY) * slope**2
        moved = parameters - size * mean / (jnp.sqrt(square * correction) + damping)
        return (moved, mean, square), parameters

    sizes, corrections = map(jnp.asarray, _schedule())
    every = BATCH * jnp.arange(STEPS + 1.0), sizes, corrections
    return jax.lax.scan(step, (first, jnp.zeros_like(first), jnp.zeros_like(first)), every)[1]


def _losses(task, parameters, examples):
    """Loss on examples that training has not seen, relative to the best constants', for every set of parameters."""
    x, weight = _examples(task, jnp.asarray(BATCH * (STEPS + 1.0)), examples)
    weights, biases = parameters[..., :2], parameters[..., 2]
    output = jnp.maximum(x @ weights @ jnp.swapaxes(weights, -1, -2) + biases[..., None, :], 0.0)
    errors = (weight / examples) @ ((output - x) ** 2) @ task.importance
    return errors / (jnp.sum(task.importance) * (task.density / 3 - task.density**2 / 4))


def _gaps(weights, represented):
    """Degrees from each represented feature to the next; 0 for the others."""
    angles = jnp.degrees(jnp.arctan2(weights[:, 1], weights[:, 0]))
    ahead = angles[None, :] - angles[:, None]
    ahead = jnp.where(ahead < 0, ahead + 360.0, ahead)
    others = represented[None, :] * (1 - jnp.eye(MOST))
    return represented * jnp.min(jnp.where(others > 0.5, ahead, 360.0), axis=1)


def small_model(density, decay, features, restarts, seed):
    """Train from several starts at once, and show the one with the least loss."""
    present = (jnp.arange(float(MOST)) < features).astype(float)
    task = _Task(density, present, present * decay ** jnp.arange(float(MOST)))
    chosen = (jnp.arange(float(SEEDS)) == seed).astype(float)
    starts = jnp.tensordot(chosen, jnp.asarray(_starts()), 1)
    run = _descend(task, starts)[SHOWN]
    losses = _losses(task, run, CURVE_EXAMPLES)
    final = _losses(task, run[-1], FINAL_EXAMPLES)

    tried = (jnp.arange(float(RESTARTS[-1])) < restarts).astype(float)
    best = jnp.argmin(final + 1e9 * (1 - tried))
    lengths = jnp.sqrt(jnp.sum(run[-1, :, :, :2] ** 2, axis=2))
    every = (lengths > REPRESENTED).astype(float)
    represented = every[best]
    counts = jnp.sum(every, axis=1)
    count = counts[best]

    weights = run[-1, best, :, :2]
    gaps = _gaps(weights, represented)
    largest = jnp.max(gaps)
    smallest = jnp.minimum(jnp.min(jnp.where(represented > 0.5, gaps, 360.0)), largest)
    squares = (weights @ weights.T) ** 2
    shares = jnp.sum(jnp.eye(MOST) * squares, axis=1) / jnp.maximum(jnp.sum(squares, axis=1), TINY)

    seen = jnp.clip(losses, *LOSS_LIMITS)
    mine = seen[:, best]
    # the features that are not there have their tips under the first one's
    tips = jnp.where(present[:, None] > 0.5, weights, weights[:1])
    results = {
        "tips across": tips[:, 0],
        "tips up": tips[:, 1],
        "circle across": jnp.asarray(CIRCLE[0]),
        "circle up": jnp.asarray(CIRCLE[1]),
        "step": jnp.asarray(SHOWN, float),
        "best": mine,
        "ends": jnp.asarray(SHOWN[[0, -1]], float),
        "constant": jnp.ones(2),
        "count": count,
        "smallest": smallest,
        "largest": largest,
        "least share": jnp.minimum(jnp.min(jnp.where(represented > 0.5, shares, 1.0)), jnp.max(represented * shares)),
        "most share": jnp.max(represented * shares),
        "alike": jnp.sum(tried * (jnp.abs(counts - count) < 0.5).astype(float)),
        "final": final[best],
    }
    for index in range(MOST):
        results[f"across {index + 1}"] = weights[index, 0] * jnp.asarray([0.0, 1.0])
        results[f"up {index + 1}"] = weights[index, 1] * jnp.asarray([0.0, 1.0])
    for index in range(RESTARTS[-1]):
        results[f"start {index + 1}"] = jnp.where(tried[index] > 0.5, seen[:, index], mine)
    for name, (number, low, high, _) in FORMS.items():
        fits = (
            (jnp.abs(count - number) < 0.5)
            & (jnp.abs(smallest - low) <= TOLERANCE)
            & (jnp.abs(largest - high) <= TOLERANCE)
        )
        results[name] = fits.astype(float)
    return results


PENTAGON = Explorable(
    "superposition.pentagon",
    small_model,
    controls=[
        Slider("density", "density p", 0.02, 1.0, default=0.05, scale="log"),
        Slider("decay", "importance of a feature, relative to the one before", 0.6, 1.0, default=1.0),
        Stops("features", "features n", FEATURES, default=5),
        Stops("restarts", "starts of which the best is shown", RESTARTS, default=8),
        Stops("seed", "seed of the starts", tuple(range(SEEDS)), default=0),
    ],
    panels=[
        Panel(
            Axis("first weight", limits=(-2.2, 2.2)),
            Axis("second weight", limits=(-1.6, 1.6)),
            curves=[
                Curve("circle across", "circle up", kind="limit"),
                *(
                    Curve(f"across {number}", f"up {number}", f"W{digit}", colour=number - 1)
                    for number, digit in enumerate("₁₂₃₄₅₆", 1)
                ),
                Curve("tips across", "tips up", kind="experiment", colour=TIP_COLOUR),
            ],
        ),
        Panel(
            Axis("step of training"),
            Axis("relative loss", scale="log", limits=LOSS_LIMITS),
            curves=[
                Curve("ends", "constant", "constants", kind="limit"),
                *(
                    Curve("step", f"start {number}", "" if number > 1 else "each start", colour=OTHER_COLOUR)
                    for number in range(1, RESTARTS[-1] + 1)
                ),
                Curve("step", "best", "the best", colour=BEST_COLOUR),
            ],
        ),
    ],
    readouts=[
        Readout("count", "represented features:"),
        Readout("smallest", "smallest gap between them", "°"),
        Readout("largest", "largest", "°"),
        Readout("least share", "their dimensionalities from", digits=2),
        Readout("most share", "to", digits=2),
        Readout("alike", "starts that represent as many:"),
        Readout("final", "loss at the end", digits=2),
    ],
    notices=[Notice(name, sentence) for name, (*_, sentence) in FORMS.items()],
    play="density",
    caption=(
        "Features that share two dimensions, trained here and now: each is a row of the weights W, drawn as a line "
        "from the origin (dashed: length 1). The model, y = ReLU(W Wᵀx + b), is to give back its inputs, each 0 or, "
        f"with probability p, anything between 0 and 1. A feature counts as represented if it is longer than "
        f"{REPRESENTED:g}. Right: the loss of every start on examples held out, relative to that of saying the mean. "
        f"Simplified: {STEPS} steps of Adam on {BATCH} examples each, from a sequence that fills the cube evenly "
        f"instead of at random; below p = {OFTEN:g} active inputs are drawn more often, and weighted to make up for it."
    ),
    alt=lambda at: (
        f"Two panels. Left: {at['count']:.0f} lines from the origin in a plane, each slightly longer than the dashed "
        f"circle of radius 1, with angles from {at['smallest']:.0f} to {at['largest']:.0f} degrees between neighbours: "
        f"a regular pentagon. Right, on a logarithmic axis against the step of training: the losses of "
        f"{RESTARTS[-1]} starts fall from {at['best'][0]:.2g} times that of the best constants and more to "
        f"{at['final']:.2g} of it for the best; {at['alike']:.0f} of the starts represent as many features."
    ),
)
