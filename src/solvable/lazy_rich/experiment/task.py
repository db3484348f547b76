"""Tasks and networks drawn at random, those of the paper among them, and the test loss by Monte Carlo."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from solvable import require
from solvable._types import place
from solvable.randomness import generator

BLOCK = 10_000
"""Inputs that are looked at together in a Monte Carlo mean."""


class Task(NamedTuple):
    """A training set; leading axes, if any, are those of seeds.

    Attributes:
        x: ``(P, D)``; inputs.
        y: ``(P,)``; targets.
        beta: ``(D,)``; direction and size of the target.
    """

    x: Float[ArrayLike, "*s p d"]
    y: Float[ArrayLike, "*s p"]
    beta: Float[ArrayLike, "*s d"]

    @property
    def reference(self) -> np.ndarray:
        r"""Mean square of the target over all inputs, :math:`\frac34 (|\beta|^2/D)^2`: the loss of saying 0."""
        return np.asarray(0.75 * np.mean(np.square(self.beta), axis=-1) ** 2)


def quadratic_target(x: Float[np.ndarray, "*s p d"], beta: Float[np.ndarray, "*s d"]) -> Float[np.ndarray, "*s p"]:
    r"""Targets :math:`y = \frac12 (\beta \cdot x)^2`."""
    return np.einsum("...pd,...d->...p", x, beta) ** 2 / 2


def draw_task(dim: int, samples: int, *, key: Key[Array, ""], seeds: int | None = None) -> Task:
    r"""Draw inputs :math:`x \sim N(0, I/D)` and a direction with :math:`|\beta|^2 = D`.

    Args:
        dim: ``D``.
        samples: ``P``.
        key: the source of randomness; the same key gives the same draw in every precision.
        seeds: how many tasks, along a new first axis of every array; one, without that axis, by default.

    Returns:
        NumPy arrays.
    """
    require.integer(1, dim=dim, samples=samples)
    if seeds is not None:
        require.integer(1, seeds=seeds)
    draw, batch = generator(key), () if seeds is None else (seeds,)
    x = draw.normal(size=(*batch, samples, dim)) / np.sqrt(dim)
    beta = draw.normal(size=(*batch, dim))
    beta *= np.sqrt(dim) / np.linalg.norm(beta, axis=-1, keepdims=True)
    return Task(x, quadratic_target(x, beta), beta)


def draw_committee(width: int, dim: int, *, key: Key[Array, ""], seeds: int | None = None) -> Float[np.ndarray, "..."]:
    """Draw the neurons of a network, ``(N, D)`` standard normal numbers; with ``seeds`` along a new first axis."""
    require.integer(1, width=width, dim=dim)
    return generator(key).normal(size=(width, dim) if seeds is None else (seeds, width, dim))


class PaperTask(NamedTuple):
    """What the authors' code draws for a figure.

    Attributes:
        task: the training set.
        weights: ``(N, D)``; the network at its start.
    """

    task: Task
    weights: Float[np.ndarray, "n d"]


@cache
def paper_task(dim: int, samples: int, width: int) -> PaperTask:
    """The draws of the authors' notebook: inputs, target and network from their keys, in single precision.

    Their direction is not normalised, so that the loss to start from is not 3/4.

    Args:
        dim: ``D``; 100 in their Figure 1, 40 in Figure 4.
        samples: ``P``; 550 and 120.
        width: ``N``; 500 and 2.
    """
    require.integer(1, dim=dim, samples=samples, width=width)
    # the generator that was JAX's default then; another one gives other draws from the same keys
    with jax.threefry_partitionable(False):
        x, beta, weights = (
            np.asarray(jax.random.normal(jax.random.PRNGKey(seed), shape, np.float32), dtype=float)
            for seed, shape in ((0, (dim, samples)), (2, (dim,)), (0, (width, dim)))
        )
    x = x.T / np.sqrt(dim)
    drawn = PaperTask(Task(x, quadratic_target(x, beta), beta), weights)
    for array in (*drawn.task, drawn.weights):
        # kept for whoever asks again
        array.setflags(write=False)
    return drawn


class MonteCarlo(NamedTuple):
    """A mean over fresh inputs.

    Attributes:
        mean: of the squared error.
        error: standard error of the mean.
    """

    mean: float
    error: float


def monte_carlo_test_loss(
    predict: Callable[[Float[Array, "p d"]], Float[Array, " p"]],
    beta: Float[np.ndarray, " d"],
    *,
    samples: int,
    key: Key[Array, ""],
) -> MonteCarlo:
    """Mean squared error of a function on fresh inputs of the same law, with its standard error.

    Args:
        predict: outputs at inputs ``(P, D)``.
        beta: ``(D,)``; direction and size of the target.
        samples: how many inputs; at least 2.
        key: the source of randomness.
    """
    require.integer(2, samples=samples)
    draw = generator(key)

    def squares(count: int) -> Float[np.ndarray, " count"]:
        x = draw.normal(size=(count, beta.size)) / np.sqrt(beta.size)
        return (np.asarray(predict(place(x))) - quadratic_target(x, beta)) ** 2

    # a network's hidden layer at all inputs would be the largest array of a notebook
    blocks = [BLOCK] * (samples // BLOCK) + [samples % BLOCK] * (samples % BLOCK > 0)
    squares = np.concatenate([squares(count) for count in blocks])
    return MonteCarlo(float(squares.mean()), float(squares.std(ddof=1) / np.sqrt(samples)))
