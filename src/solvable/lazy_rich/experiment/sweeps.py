"""Many runs in one compiled program: over the output scale and the bend, over widths, over numbers of examples."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from solvable import require
from solvable.training import log_spaced_steps

from ..theory import (
    GrokkingDelay,
    MomentRun,
    Moments,
    PopulationLoss,
    grokking_delay,
    infinite_width,
    moment_dynamics,
    moments,
)
from .many import every_pair
from .task import Task, draw_committee, draw_task

LOSS_OF_ZERO = 0.75
"""Mean square of a target whose direction has the squared length ``D``."""
DENSE = 64
"""Steps at the beginning that are all recorded: the training loss falls at the second of them."""


def recorded_steps(last: int, count: int = 240) -> Int[np.ndarray, " n"]:
    """Every step at the beginning, then log-spaced ones up to ``last``."""
    return np.union1d(np.arange(min(DENSE, last) + 1), log_spaced_steps(last, count))


class Sweep(NamedTuple):
    """Runs at several settings, each from several seeds; ``*settings`` are the axes of what was varied.

    Attributes:
        steps: ``(n,)``; when the runs were recorded.
        train: ``(*settings, seeds, n)``; mean squared error on the training inputs.
        test: the same on fresh inputs, in three parts.
        square_norm: ``(*settings, seeds, n)``; mean squared length of a neuron.
        cosine: ``(*settings, seeds, n)``; cosine between the change of M and the target's matrix.
        reference: the loss of saying 0.
    """

    steps: Int[np.ndarray, " n"]
    train: Float[np.ndarray, "*settings seeds n"]
    test: PopulationLoss
    square_norm: Float[np.ndarray, "*settings seeds n"]
    cosine: Float[np.ndarray, "*settings seeds n"]
    reference: float

    def delay(self, **fractions: float) -> GrokkingDelay:
        """When losses fell, and the delay between them, ``(*settings, seeds)``; see :func:`grokking_delay`.

        Each is measured by what a network that says 0 has: the first training loss, and ``reference``.
        """
        references = {"reference": self.reference, "train_reference": self.train[..., 0]}
        return grokking_delay(self.steps, self.train, self.test.total, **references, **fractions)


def _recorded(run: MomentRun) -> tuple:
    """What a sweep keeps of a run, and a map over runs can stack."""
    return run.train, run.test, run.square_norm, run.cosine


def _sweep(found: tuple, steps: Int[np.ndarray, " n"]) -> Sweep:
    return Sweep(steps, *jax.tree.map(np.asarray, found), reference=LOSS_OF_ZERO)


def run_settings(
    alphas: Sequence[float],
    epsilons: Sequence[float],
    *,
    seeds: int,
    key: Key[Array, ""],
    dim: int = 40,
    samples: int = 200,
    eta0: float = 4.0,
    steps: int = 2000,
) -> Sweep:
    """Infinitely wide committees at pairs of an output scale and a bend, each on the same few data sets.

    Args:
        alphas: scales of the output; positive, infinity allowed.
        epsilons: bends of the activation, one for each scale.
        seeds: data sets for each setting, the same for all.
        key: the source of randomness.
        dim: ``D``.
        samples: ``P``.
        eta0: learning rate in units of ``N / alpha²``.
        steps: of gradient descent.

    Returns:
        Runs with the settings' axis ``(pairs,)``.
    """
    require.positive_or_infinite(alphas=alphas)
    require.shape(np.shape(alphas), epsilons=epsilons)
    recorded, start = recorded_steps(steps), infinite_width(dim, float)

    def one(setting, task):
        alpha, eps = setting
        return _recorded(moment_dynamics(start, *task, alpha=alpha, eps=eps, eta0=eta0, steps=recorded))

    tasks = draw_task(dim, samples, key=key, seeds=seeds)
    settings = tuple(np.asarray(values, dtype=float) for values in (alphas, epsilons))
    return _sweep(every_pair(one, settings, tasks), recorded)


def run_map(alphas: Sequence[float], epsilons: Sequence[float], **settings: object) -> Sweep:
    """:func:`run_settings` at every output scale and every bend, in one compiled program.

    Args:
        alphas: scales of the output; positive, infinity allowed.
        epsilons: bends of the activation.
        settings: the other arguments of :func:`run_settings`.

    Returns:
        Runs with the settings' axes ``(epsilons, alphas)``.
    """
    grid = np.meshgrid(np.asarray(alphas, dtype=float), np.asarray(epsilons, dtype=float))
    sweep = run_settings(*(axis.ravel().tolist() for axis in grid), **settings)
    shape = grid[0].shape
    found = jax.tree.map(
        lambda part: part.reshape(*shape, *part.shape[1:]), (sweep.train, sweep.test, sweep.square_norm, sweep.cosine)
    )
    return _sweep(found, sweep.steps)


def run_widths(
    widths: Sequence[float],
    *,
    seeds: int,
    key: Key[Array, ""],
    dim: int = 40,
    samples: int = 200,
    alpha: float = 1.0,
    eps: float = 0.1,
    eta0: float = 4.0,
    steps: int = 2000,
) -> Sweep:
    """Committees of several widths on one data set, so that nothing differs but the draw of the neurons.

    Args:
        widths: numbers of neurons, none below ``dim``; infinity allowed.
        seeds: networks of each width.
        key: the source of randomness.
        dim: ``D``.
        samples: ``P``.
        alpha: scale of the output.
        eps: bend of the activation.
        eta0: learning rate in units of ``N / alpha²``.
        steps: of gradient descent.

    Returns:
        Runs with the settings' axis ``(widths,)``.
    """
    for width in widths:
        if not (np.isinf(width) or (width >= dim and width == int(width))):
            raise ValueError(f"widths must be whole numbers of at least dim = {dim}, or infinite, got {width!r}")
    data, *drawn = jax.random.split(key, 1 + len(widths))
    task = draw_task(dim, samples, key=data)
    recorded = recorded_steps(steps)

    def start(width, key):
        if np.isinf(width):
            return [infinite_width(dim, float)] * seeds
        return [moments(network) for network in draw_committee(int(width), dim, key=key, seeds=seeds)]

    starts = [start(width, own) for width, own in zip(widths, drawn, strict=True)]
    stacked = Moments(*(np.stack([m[part] for row in starts for m in row]) for part in (0, 1)))

    def one(start, task):
        return _recorded(moment_dynamics(start, *task, alpha=alpha, eps=eps, eta0=eta0, steps=recorded))

    found = every_pair(one, stacked, Task(*(part[None] for part in task)))
    shape = (len(widths), seeds)
    return _sweep(jax.tree.map(lambda part: part.reshape(*shape, *part.shape[2:]), found), recorded)


def run_samples(
    samples: Sequence[int],
    *,
    seeds: int,
    key: Key[Array, ""],
    dim: int = 40,
    alpha: float = 1.0,
    eps: float = 0.1,
    eta0: float = 4.0,
    steps: int = 3000,
) -> Sweep:
    """Infinitely wide committees that are given more and more examples of the same data sets.

    Args:
        samples: numbers of examples.
        seeds: data sets.
        key: the source of randomness.
        dim: ``D``.
        alpha: scale of the output.
        eps: bend of the activation.
        eta0: learning rate in units of ``N / alpha²``.
        steps: of gradient descent.

    Returns:
        Runs with the settings' axis ``(samples,)``.
    """
    require.integer(1, samples=np.asarray(samples))
    most, recorded, start = max(samples), recorded_steps(steps), infinite_width(dim, float)
    tasks = draw_task(dim, most, key=key, seeds=seeds)

    def one(count, task):
        # examples of zeros pull at nothing, so that one compiled program serves every number of the others
        used = (jnp.arange(most, dtype=count.dtype) < count).astype(count.dtype)
        padded = Task(used[:, None] * task.x, used * task.y, task.beta)
        more = most / count
        train, *rest = _recorded(
            moment_dynamics(start, *padded, alpha=alpha, eps=eps, eta0=eta0 * more, steps=recorded)
        )
        return more * train, *rest

    return _sweep(every_pair(one, np.asarray(samples, dtype=float), tasks), recorded)
