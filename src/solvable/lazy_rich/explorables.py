"""What the reader can move in Chapter 3."""

from functools import cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from solvable._types import place
from solvable.explore import Axis, Curve, Explorable, Field, Markers, Notice, Panel, Readout, Slider, Stops

from .experiment import quadratic_target
from .experiment.sweeps import LOSS_OF_ZERO
from .theory import (
    Moments,
    committee_ntk,
    grokking_delay,
    increment_step,
    infinite_width,
    kernel_modes,
    kernel_regression_learning_curve,
    moment_dynamics,
    population_two_mode_descent,
)
from .theory.committee import output_of_increments

DIM = 20
MOST_EXAMPLES = 160
DATA_SEEDS = (97, 23, 42)
"""Of data sets of which nothing is unusual: of the first hundred seeds these come closest, for every number of examples
here, to the mean square of the target over all inputs and to the mean test loss of least squares."""
BEGUN, LEARNED = 0.9, 0.1
"""Levels of a loss, relative to its start: below the first it has begun to fall, below the second it has fallen."""
OUT_OF_SIGHT = 1e3
"""Where curves that leave the figure are cut off, so that a diverging run has numbers to draw."""
NOTHING = 1e-6
"""Where a loss that has vanished is drawn."""
LARGEST_MOMENT = 1e5
"""Where diverging moments are held, so that their products stay finite numbers in single precision too."""
TRAIN_COLOUR, TEST_COLOUR = 0, 1


@cache
def _data(seed):
    """Inputs, targets and the direction of one data set."""
    draw = np.random.default_rng(seed)
    x, beta = draw.normal(size=(MOST_EXAMPLES, DIM)) / np.sqrt(DIM), draw.normal(size=DIM)
    beta *= np.sqrt(DIM / np.sum(beta**2))
    return x, quadratic_target(x, beta), beta


class _Given(NamedTuple):
    """The first so many examples of a data set; the others are zeros, which pull at nothing."""

    x: Array
    y: Array
    beta: Array
    count: Array


def _given(count, most, seed=DATA_SEEDS[0]):
    x, y, beta = map(jnp.asarray, _data(seed))
    used = (jnp.arange(float(most)) < count).astype(float)
    return _Given(used[:, None] * x[:most], used * y[:most], beta, jnp.asarray(count, float))


class _Losses(NamedTuple):
    """Of a run, relative to the start: in training, and on fresh inputs in three parts, each on top of the one before.

    Also the squared length of a neuron, relative to the start.
    """

    train: Array
    variance: Array
    misalignment: Array
    test: Array
    square_norm: Array


def _seen(loss):
    return jnp.clip(loss, NOTHING, OUT_OF_SIGHT)


def _relative_test(linear, quadratic, beta, eps):
    """Cumulative sums of the parts of the test loss, for each of many increments of the moments at once.

    :func:`population_test_loss` is the same for one of them; mapped over many, its trace would fill the graph.
    """
    misses = jnp.outer(beta, beta) - eps * quadratic
    mean = jnp.sum(jnp.eye(DIM) * misses, axis=(1, 2)) / DIM
    variance = mean**2 / 4 / LOSS_OF_ZERO
    shape = variance + jnp.sum(misses**2, axis=(1, 2)) / (2 * DIM**2) / LOSS_OF_ZERO
    return _seen(variance), _seen(shape), _seen(shape + jnp.sum(linear**2, axis=1) / DIM / LOSS_OF_ZERO)


def _descend(given, *, alpha, eps, eta0, steps):
    """The exact recursion of infinitely many neurons, before the first step and after each."""
    x, y, beta, count = given
    start = infinite_width(DIM, float)
    settings = {"inverse_alpha": 1 / alpha, "eps": eps, "eta0": eta0 * len(x) / count}

    def step(state, _):
        u, s = state
        residuals = output_of_increments(u, s, x, eps) - y
        moved = increment_step(state, start, x, y, **settings)
        moved = tuple(jnp.clip(part, -LARGEST_MOMENT, LARGEST_MOMENT) for part in moved)
        return moved, (jnp.sum(residuals**2), u, s)

    birth = jnp.zeros_like(beta), jnp.zeros_like(start.m)
    train, linear, quadratic = jax.lax.scan(step, birth, length=steps + 1)[1]
    grown = 1 + jnp.trace(quadratic[-1]) / (alpha * DIM)
    return _Losses(
        _seen(train / jnp.sum(y**2)), *_relative_test(linear, quadratic, beta, eps), jnp.minimum(grown, OUT_OF_SIGHT)
    )


def _onsets(losses):
    """When training and test loss began to fall, the second for good; the last step where they did not, and if so."""
    last = len(losses.train) - 1
    steps = jnp.arange(last + 1.0)
    train = jnp.min(jnp.where(losses.train < BEGUN, steps, last))
    above = jnp.max(jnp.where(losses.test < BEGUN, 0.0, steps))
    return train, jnp.minimum(above + 1, last), (above == last).astype(float)


def _level(steps, value):
    """A horizontal line from the first to the last of some steps."""
    return steps[np.array([0, -1])], jnp.full(2, value)


TRAIN_STEPS = 400
EXAMPLES = (20, 40, 60, 100, 160)
RATES = (0.05, 2.5)
POWER_STEPS = 128
"""Of an iteration for largest eigenvalues. Eigenvalues a part d below the largest fade as exp(-2 d steps), so that what
they take off it is at most a part 1/(2e steps), 0.0014, for each that is so close."""


def _largest_eigenvalues(kernels):
    """One for each of a few kernels, by the power method: squares of such large matrices take too long."""
    columns = jnp.sum(kernels[:, :, :2], axis=2, keepdims=True)

    def step(columns, _):
        moved = kernels @ columns
        size = jnp.sqrt(jnp.sum(moved**2, axis=(1, 2), keepdims=True))
        return moved / size, jnp.sum(columns * moved, axis=(1, 2)) / jnp.sum(columns**2, axis=(1, 2))

    return jax.lax.scan(step, columns, length=POWER_STEPS)[1][-1]


def _stable_rates(given, alpha, eps):
    """Largest stable learning rates with the moments of the start, and with those that have learned the target."""
    start = infinite_width(DIM, float)
    learned = jnp.outer(given.beta, given.beta) / (alpha * eps)
    kernels = [committee_ntk(given.x, moments=Moments(start.wbar, m), eps=eps) for m in (start.m, start.m + learned)]
    return given.count / _largest_eigenvalues(jnp.stack(kernels))


def train_here(alpha, eps, samples, rate):
    """A committee that learns from a few examples, with its training loss and the parts of its test loss."""
    given = _given(samples, MOST_EXAMPLES)
    at_start, at_end = _stable_rates(given, alpha, eps)
    eta0 = rate * at_start
    losses = _descend(given, alpha=alpha, eps=eps, eta0=eta0, steps=TRAIN_STEPS)
    train_onset, test_onset, never = _onsets(losses)
    steps = jnp.arange(1.0, TRAIN_STEPS + 1)
    ends, begun = _level(steps, BEGUN)
    diverged = (losses.train[-1] > 2).astype(float)
    return {
        "step": steps,
        "train": losses.train[1:],
        "test": losses.test[1:],
        "variance": losses.variance[1:],
        "misalignment": losses.misalignment[1:],
        "ends": ends,
        "begun": begun,
        "learned": jnp.full_like(begun, LEARNED),
        "train onset": train_onset,
        "test onset": test_onset,
        "highest": jnp.max(losses.test),
        "final": losses.test[-1],
        "growth": jnp.where(diverged > 0.5, OUT_OF_SIGHT, losses.square_norm),
        "eta0": eta0,
        "edge": jnp.minimum(at_end / at_start, 1.0),
        "diverged": diverged,
        "never": never * (1 - diverged),
        "unsettled": (rate * at_start > at_end).astype(float) * (1 - diverged),
        "chaotic": (rate * at_start > 0.9 * at_end).astype(float),
    }


ALPHA = "scale α of the output"
EPS = "bend ε"
STEP_AXIS = Axis("step of gradient descent", scale=("log", "linear"))
LEVELS = [
    Curve("ends", "begun", "0.9 and 0.1", kind="limit"),
    Curve("ends", "learned", kind="limit"),
]

TRAIN = Explorable(
    "lazy_rich.train",
    train_here,
    controls=[
        Slider("alpha", ALPHA, 0.125, 16.0, default=1.0, scale="log"),
        Slider("eps", EPS, 0.05, 1.0, default=0.1, scale="log"),
        Stops("samples", "examples P", EXAMPLES, default=100),
        Slider(
            "rate",
            "learning rate η₀, in units of P/λ",
            *RATES,
            default=0.5,
            scale="log",
            mark=("edge", "largest stable rate at the end"),
        ),
    ],
    panels=[
        Panel(
            STEP_AXIS,
            Axis("loss, relative to its start", scale=("log", "linear"), limits=(1e-4, 1e1)),
            curves=[
                *LEVELS,
                Curve("step", "train", "training", colour=TRAIN_COLOUR),
                Curve("step", "test", "test", colour=TEST_COLOUR),
            ],
        ),
        Panel(
            STEP_AXIS,
            Axis("loss, relative to its start", limits=(0.0, 2.0)),
            curves=[
                Curve("step", "variance", "variance", kind="area", colour=2),
                Curve("step", "misalignment", "misalignment", kind="area", colour=3, base="variance"),
                Curve("step", "test", "linear", kind="area", colour=4, base="misalignment"),
                Curve("step", "train", "training", colour=TRAIN_COLOUR),
            ],
        ),
    ],
    readouts=[
        Readout("train onset", "the training loss begins to fall at step"),
        Readout("test onset", "the test loss at step"),
        Readout("highest", "highest test loss"),
        Readout("final", f"test loss after {TRAIN_STEPS} steps", digits=2),
        Readout("growth", "squared length of the neurons grows by a factor of"),
        Readout("eta0", "η₀ =", digits=2),
    ],
    notices=[
        Notice("never", f"The test loss has not begun to fall for good after {TRAIN_STEPS} steps, the last one said."),
        Notice("diverged", "Gradient descent diverges. Curves are cut off where they leave."),
        Notice("unsettled", "Above the marked rate descent cannot come to rest once the target is learned."),
    ],
    play="alpha",
    chaotic="chaotic",
    caption=(
        f"A committee of infinitely many neurons learns a quadratic target in {DIM} dimensions from P examples, by "
        f"{TRAIN_STEPS} exact steps of gradient descent, here and now. Left: training and test loss, each relative to "
        "its start; a loss begins to fall at 0.9 (dashed). Right: the three parts of the same test loss on top of one "
        "another, the linear power uppermost, with the training loss as a line. The learning rate counts in units of "
        "P/λ, the largest stable one at the start, where λ is the largest eigenvalue of the kernel on the P examples; "
        "once the target is learned, a smaller one is the largest."
    ),
    alt=lambda at: (
        "Two panels against the step of gradient descent, on a logarithmic axis. Left: the training loss falls below "
        f"0.9 of its start at step {at['train onset']:.0f}, lingers, and is below 0.1 from step "
        f"{np.argmax(at['train'] < LEARNED) + 1} on; the test loss rises to {at['highest']:.3g} of its start, falls "
        f"below 0.9 at step {at['test onset']:.0f}, and ends at {at['final']:.1g}. Right: the rise is that of the "
        "linear power, a band on top of the variance and the misalignment; then all three shrink."
    ),
)


LAZY_EXAMPLES = (20, 30, 40, 60, 80)
LAZY_RATE = 2.0
LAZY_RUN = 320
"""Steps of the run beside the lazy curve; one of the places at which that is known."""
DOUBLINGS = 18
FIRST_CHAINS = np.arange(1, 8)
"""Steps from which the lazy curve is known, and from the last four of which it is doubled."""
LAZY_STEPS = np.concatenate([FIRST_CHAINS[:3], np.outer(2 ** np.arange(DOUBLINGS), FIRST_CHAINS[3:]).ravel()])
SHOWN_RUN = LAZY_STEPS[LAZY_STEPS <= LAZY_RUN]
LEAVES = 0.1
"""Part of the lazy test loss by which a run differs when it is said to have left it."""


@cache
def _least_squares():
    """Training and test loss of the best linear fit, relative to the start, for each number of examples."""
    x, y, _ = _data(DATA_SEEDS[0])
    found = []
    for count in LAZY_EXAMPLES:
        fit = np.linalg.lstsq(x[:count], y[:count], rcond=None)[0]
        left = np.mean((x[:count] @ fit - y[:count]) ** 2) / np.mean(y[:count] ** 2)
        found.append((max(left, NOTHING), 1 + np.sum(fit**2) / DIM / LOSS_OF_ZERO))
    return np.array(found)


def _lazy_descent(given, eps):
    """Training at alpha = infinity by doubling: what ``2n`` steps do is what ``n`` steps do, twice."""
    x, y, beta, count = given
    kernel = committee_ntk(x, moments=infinite_width(DIM, float), eps=eps)
    once = jnp.eye(len(x)) - 2 * LAZY_RATE / count * kernel
    powers, sums = {1: once}, {1: 2 * LAZY_RATE / count * y}
    for steps in FIRST_CHAINS[1:].tolist():
        half, rest = steps - steps // 2, steps // 2
        powers[steps] = powers[half] @ powers[rest]
        sums[steps] = sums[half] + powers[half] @ sums[rest]

    def step(state, _):
        power, total = state
        moved = power @ total
        return (power @ power, total + moved), (total, power @ y[:, None])

    first = FIRST_CHAINS.tolist()
    doubled = jnp.stack([powers[n] for n in first[3:]]), jnp.stack([sums[n] for n in first[3:]])[:, :, None]
    totals, residuals = (found.reshape(-1, len(x)) for found in jax.lax.scan(step, doubled, length=DOUBLINGS)[1])
    totals = jnp.concatenate([jnp.stack([sums[steps] for steps in first[:3]]), totals])
    residuals = jnp.concatenate([jnp.stack([powers[steps] @ y for steps in first[:3]]), residuals])
    train = jnp.sum(residuals**2, axis=1) / jnp.sum(y**2)
    pairs = (x[:, :, None] * x[:, None, :]).reshape(len(x), -1)
    quadratic = 2 * eps * (totals @ pairs).reshape(-1, DIM, DIM)
    return _seen(train), _relative_test(totals @ x, quadratic, beta, eps)[-1]


def lazy_and_rich(alpha, eps, samples):
    """The lazy curve to a million steps, a run at some alpha for as long as it can be had, and data without end."""
    given = _given(samples, LAZY_EXAMPLES[-1])
    lazy_train, lazy_test = _lazy_descent(given, eps)
    losses = _descend(given, alpha=alpha, eps=eps, eta0=LAZY_RATE, steps=LAZY_RUN)
    population = population_two_mode_descent(alpha=alpha, eps=eps, dim=float(DIM), eta0=LAZY_RATE, steps=LAZY_RUN)
    place = jnp.sum(samples > np.array(LAZY_EXAMPLES[:-1]) + 0.5)
    linear_train, linear_test = jnp.asarray(_least_squares())[place]
    shown = jnp.asarray(SHOWN_RUN, float)
    test = losses.test[SHOWN_RUN]
    lazy_beside = lazy_test[: len(SHOWN_RUN)]
    apart = jnp.abs(test - lazy_beside) > LEAVES * lazy_beside
    steps = jnp.asarray(LAZY_STEPS, float)
    ends, peak = _level(steps, linear_test)
    return {
        "step": steps,
        "lazy train": lazy_train,
        "lazy test": lazy_test,
        "shown step": shown,
        "train": losses.train[SHOWN_RUN],
        "test": test,
        "every step": jnp.arange(1.0, LAZY_RUN + 1),
        "population": _seen(population.loss[1:] / LOSS_OF_ZERO),
        "ends": ends,
        "linear test": peak,
        "linear train": jnp.full_like(peak, linear_train),
        "leaves": jnp.min(jnp.where(apart, shown, LAZY_RUN)),
        "stays": 1 - jnp.max(apart.astype(float)),
        "lazy highest": jnp.max(lazy_test),
        "lazy end": lazy_test[-1],
        "run end": test[-1],
        "lazy there": lazy_beside[-1],
    }


LAZY = Explorable(
    "lazy_rich.lazy",
    lazy_and_rich,
    controls=[
        Slider("alpha", ALPHA, 0.5, 64.0, default=1.0, scale="log"),
        Slider("eps", EPS, 0.03, 0.3, default=0.05, scale="log"),
        Stops("samples", "examples P", LAZY_EXAMPLES, default=80),
    ],
    panels=[
        Panel(
            STEP_AXIS,
            Axis("test loss, relative to its start", scale=("log", "linear"), limits=(1e-3, 1e1)),
            curves=[
                Curve("ends", "linear test", "least squares", kind="limit"),
                Curve("step", "lazy test", "α = ∞", colour=TEST_COLOUR),
                Curve("every step", "population", "P = ∞", colour=2),
                Curve("shown step", "test", "finite α, P", kind="experiment", colour=TEST_COLOUR),
            ],
        ),
        Panel(
            STEP_AXIS,
            Axis("training loss, relative to its start", scale=("log", "linear"), limits=(1e-4, 2.0)),
            curves=[
                Curve("ends", "linear train", "least squares", kind="limit"),
                Curve("step", "lazy train", "α = ∞", colour=TRAIN_COLOUR),
                Curve("shown step", "train", "finite α, P", kind="experiment", colour=TRAIN_COLOUR),
            ],
        ),
    ],
    readouts=[
        Readout("leaves", "the test loss leaves the lazy curve by a tenth at step"),
        Readout("run end", f"test loss after {LAZY_RUN} steps", digits=2),
        Readout("lazy there", "on the lazy curve there", digits=2),
        Readout("lazy highest", "highest on the lazy curve"),
        Readout("lazy end", "and at its end", digits=2),
    ],
    notices=[
        Notice(
            "stays", f"The run stays within a tenth of the lazy curve for all its {LAZY_RUN} steps, the last one said."
        ),
    ],
    play="alpha",
    caption=(
        f"The lazy curve, α = ∞, to a million steps at η₀ = {LAZY_RATE:g} in {DIM} dimensions, by doubling and without "
        f"a step of training (lines), and the exact run at a finite α for its first {LAZY_RUN} steps (markers). "
        "Dashed: the linear fit by least squares to the same examples, which the lazy curve nears before it turns to "
        "kernel regression. Left, the line that never rises: data without end, P = ∞, at the same α. All losses are "
        "relative to their start."
    ),
    alt=lambda at: (
        "Two panels against the step of gradient descent, on a logarithmic axis to a million. Left: the lazy test loss "
        f"rises to {at['lazy highest']:.2f} of its start, just below the dashed {at['linear test'][0]:.2f} of least "
        f"squares, and comes down to {at['lazy end']:.2f}; markers of the run at a finite α follow it, leave it at "
        f"step {at['leaves']:.0f}, and reach {at['run end']:.2f} after {LAZY_RUN} steps; the line of data without end "
        "falls before them and never rises. Right: the lazy training loss comes down to the dashed level of least "
        "squares, lingers below it, and falls to nothing; the markers turn down much earlier."
    ),
)


DIMS = (10, 20, 40, 80)
CURVE_SAMPLES = np.geomspace(2, 5000, 160)
CURVE_LIMITS = (1e-3, 1e2)
KAPPA_LIMITS = (1e-7, 1e3)


def learning_curve(dim, eps, ridge):
    """What kernel regression makes of more and more examples, and the effective ridge that decides what it learns."""
    samples = jnp.asarray(CURVE_SAMPLES)
    asked = jnp.stack([dim, 5 * dim])
    found = kernel_regression_learning_curve(jnp.concatenate([samples, asked]), dim=dim, eps=eps, ridge=ridge)
    test = jnp.clip(found.test, NOTHING, OUT_OF_SIGHT)
    linear, radial, rest = kernel_modes(dim, eps=eps)[0]
    modes = dim * (dim + 3) / 2
    return {
        "samples": samples,
        "test": test[:-2],
        "kappa": found.kappa[:-2],
        "linear": samples * linear,
        "radial": samples * radial,
        "rest": samples * rest,
        "at dim": jnp.full(2, dim),
        "at modes": jnp.full(2, modes),
        "upright": jnp.asarray(CURVE_LIMITS),
        "upright kappa": jnp.asarray(KAPPA_LIMITS),
        "peak": test[-2],
        "later": test[-1],
        "modes": modes,
        "effective": found.kappa[-2],
    }


def _learned_from(at, modes):
    """The least number of examples on the axis at which a kind of modes lies above the effective ridge."""
    return at["samples"][np.argmax(at["kappa"] < at[modes])]


LEARNING_CURVE = Explorable(
    "lazy_rich.learning_curve",
    learning_curve,
    controls=[
        Stops("dim", "dimension D", DIMS, default=40),
        Slider("eps", EPS, 0.02, 1.0, default=0.1, scale="log"),
        Slider("ridge", "ridge δ, in units of |x|²", 1e-6, 1.0, default=1e-6, scale="log"),
    ],
    panels=[
        Panel(
            Axis("examples P", scale="log"),
            Axis("test loss", scale=("log", "linear"), limits=CURVE_LIMITS),
            curves=[
                Curve("at dim", "upright", "D, modes", kind="limit"),
                Curve("at modes", "upright", kind="limit"),
                Curve("samples", "test", "theory", colour=TEST_COLOUR),
            ],
            markers=[Markers("sampled", "drawn data", colour=TEST_COLOUR)],
        ),
        Panel(
            Axis("examples P", scale="log"),
            Axis("κ and Pλ", scale="log", limits=KAPPA_LIMITS),
            curves=[
                Curve("at dim", "upright kappa", kind="limit"),
                Curve("at modes", "upright kappa", kind="limit"),
                Curve("samples", "kappa", "κ", colour=6),
                Curve("samples", "rest", "Pλ quadratic", colour=2),
                Curve("samples", "linear", "Pλ linear", colour=0),
                Curve("samples", "radial", "Pλ |x|²", colour=3),
            ],
        ),
    ],
    readouts=[
        Readout("peak", "test loss at P = D:"),
        Readout("later", "at P = 5D:"),
        Readout("effective", "κ at P = D:", digits=2),
        Readout("modes", "number of modes", digits=4),
    ],
    play="eps",
    caption=(
        "Where the lazy end ends: the test loss of kernel regression on P examples in D dimensions, the mean over data "
        "sets (line), and regression on drawn data (markers, which stay at D = 40, ε = 0.1 and no ridge). Saying 0 has "
        "a loss of 0.75. Dashed: as many examples as dimensions, and as many as there are modes, D(D + 3)/2. Right: "
        "the effective ridge κ; modes are learned where their Pλ lies above it."
    ),
    alt=lambda at: (
        "Two panels against the number of examples P, on logarithmic axes. Left: the test loss of kernel regression "
        f"starts near {at['test'][0]:.2g}, rises to a peak of {at['peak']:.2g} at P = D, falls to {at['later']:.2g} at "
        f"5D, and drops steeply at {at['modes']:.0f} examples, the number of modes; markers of drawn data lie about "
        "the line. Right: the effective ridge falls below the rising lines of the linear modes, of |x|² and of the "
        f"quadratic modes at {_learned_from(at, 'linear'):.0f}, {_learned_from(at, 'radial'):.0f} and "
        f"{_learned_from(at, 'rest'):.0f} examples, and drops steeply where the test loss does."
    ),
)


MAP_ALPHAS = 0.5 * 2 ** (np.arange(15) / 2)
MAP_EPSILONS = 0.05 * 10 ** (np.arange(11) / 10)
MAP_EXAMPLES = 50
MAP_RATE = 2.0
MAP_STEPS = 2000
MAP_RUN = 400
"""Steps of the run at the reader's place."""
MAP_STORED = "map_delays.npz"


@cache
def _map_delays():
    """Steps between the onsets of training and test loss, a row for each bend and a column for each scale.

    The median of the data sets, 0 where the test loss does not begin to fall for good within the steps. Stored, because
    it takes half a minute; ``python -m solvable.lazy_rich.explorables`` computes it anew.
    """
    with resources.files(__package__).joinpath(MAP_STORED).open("rb") as file, np.load(file) as stored:
        return stored["delays"]


def compute_map_delays(alphas=MAP_ALPHAS, epsilons=MAP_EPSILONS):
    """The table of :func:`delay_map` at these scales and bends, in one compiled program."""
    steps = np.arange(MAP_STEPS + 1)
    tasks = [np.stack(parts) for parts in zip(*map(_data, DATA_SEEDS), strict=True)]
    tasks = [place(part) for part in (tasks[0][:, :MAP_EXAMPLES], tasks[1][:, :MAP_EXAMPLES], tasks[2])]

    def one(eps, alpha, *task):
        run = moment_dynamics(infinite_width(DIM, float), *task, alpha=alpha, eps=eps, eta0=MAP_RATE, steps=steps)
        return run.train, run.test.total

    every = jax.vmap(jax.vmap(jax.vmap(one, (None, None, 0, 0, 0)), (None, 0, None, None, None)), (0,) + (None,) * 4)
    train, test = map(np.asarray, jax.jit(every)(place(epsilons), place(alphas), *tasks))
    onset = grokking_delay(steps, train, test, reference=LOSS_OF_ZERO, train_reference=train[..., 0]).onset
    # a run that never begins is later than every other
    median = np.median(np.where(np.isnan(onset), np.inf, onset), axis=-1)
    return np.where(np.isinf(median), 0, median).astype(int)


def delay_map(alpha, eps):
    """A map of delays, which stays, and a run at one place of it."""
    alphas, epsilons = jnp.asarray(MAP_ALPHAS), jnp.asarray(MAP_EPSILONS)
    delays = jnp.asarray(_map_delays(), float)
    row, column = (jnp.argmin(jnp.abs(jnp.log(places / place))) for places, place in ((epsilons, eps), (alphas, alpha)))
    delay = delays[row, column]
    losses = _descend(_given(MAP_EXAMPLES, MAP_EXAMPLES), alpha=alpha, eps=eps, eta0=MAP_RATE, steps=MAP_RUN)
    train_onset, test_onset, never = _onsets(losses)
    steps = jnp.arange(1.0, MAP_RUN + 1)
    ends, begun = _level(steps, BEGUN)
    return {
        "alphas": alphas,
        "epsilons": epsilons,
        "delays": jnp.maximum(delays, 1.0),
        "missing": (delays < 0.5).astype(float),
        "here alpha": jnp.stack([alpha]),
        "here eps": jnp.stack([eps]),
        "step": steps,
        "train": losses.train[1:],
        "test": losses.test[1:],
        "ends": ends,
        "begun": begun,
        "delay": jnp.where(delay > 0, delay, MAP_STEPS),
        "never there": (delay < 0.5).astype(float),
        "train onset": train_onset,
        "test onset": test_onset,
        "never": never,
        "highest": jnp.max(losses.test),
        "final": losses.test[-1],
    }


MAP = Explorable(
    "lazy_rich.map",
    delay_map,
    controls=[
        Slider("alpha", ALPHA, MAP_ALPHAS[0], MAP_ALPHAS[-1], default=2.0, scale="log"),
        Slider("eps", EPS, MAP_EPSILONS[0], MAP_EPSILONS[-1], default=0.1, scale="log"),
    ],
    panels=[
        Panel(
            Axis(ALPHA, scale="log"),
            Axis(EPS, scale="log"),
            curves=[Curve("here alpha", "here eps", "here", kind="mark")],
            field=Field(
                "alphas",
                "epsilons",
                "delays",
                "delay in steps",
                limits=(1.0, float(MAP_STEPS)),
                scale="log",
                missing="missing",
                missing_label=f"not within {MAP_STEPS} steps",
            ),
        ),
        Panel(
            STEP_AXIS,
            Axis("loss, relative to its start", scale=("log", "linear"), limits=(1e-3, 1e1)),
            curves=[
                Curve("ends", "begun", "0.9", kind="limit"),
                Curve("step", "train", "training", colour=TRAIN_COLOUR),
                Curve("step", "test", "test", colour=TEST_COLOUR),
            ],
        ),
    ],
    readouts=[
        Readout("delay", "on the map the test loss waits for", "steps", digits=4),
        Readout("train onset", "in the run here the training loss begins to fall at step"),
        Readout("test onset", "the test loss at step"),
        Readout("final", f"test loss after {MAP_RUN} steps", digits=2),
    ],
    notices=[
        Notice("never there", f"On the map the test loss does not begin to fall within {MAP_STEPS} steps."),
        Notice(
            "never", f"In the run here the test loss has not begun to fall after {MAP_RUN} steps, the last one said."
        ),
    ],
    play="alpha",
    caption=(
        "Left: how many steps after the training loss the test loss begins to fall for good, below 0.9 of its start (D "
        f"= {DIM}, P = {MAP_EXAMPLES}, η₀ = {MAP_RATE:g}, infinite width; the median of {len(DATA_SEEDS)} data sets, "
        f"computed beforehand). Hatched: not within {MAP_STEPS} steps. Right: {MAP_RUN} exact steps of gradient "
        "descent at the place of the cross, here and now, on one of the data sets."
    ),
    alt=lambda at: (
        "Two panels. Left, a map over the scale of the output and the bend, both on logarithmic axes: the delay grows "
        "from a few steps at the top left, where the bend is strong and the scale small, to the right and downwards; a "
        "corner on the lower right is hatched, where the test loss does not begin to fall. A cross stands at a delay "
        f"of {at['delay']:.0f} steps. Right: in a run there the training loss falls below 0.9 of its start at step "
        f"{at['train onset']:.0f}; the test loss rises to {at['highest']:.2g} of its start and falls below 0.9 at step "
        f"{at['test onset']:.0f}."
    ),
)

EXPLORABLES = (TRAIN, LAZY, LEARNING_CURVE, MAP)

if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    np.savez_compressed(Path(__file__).with_name(MAP_STORED), delays=compute_map_delays())
