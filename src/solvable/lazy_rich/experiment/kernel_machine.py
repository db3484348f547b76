"""What the lazy end makes of drawn data sets: least squares, kernel regression, and a sample's view of alignment."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Float, Key

from solvable import require
from solvable.randomness import generator

from ..theory import committee_ntk, infinite_width, kernel_task_alignment
from .task import draw_task, quadratic_target


class LeastSquares(NamedTuple):
    """A linear fit to a quadratic target, in units of the target's mean square on the sample and over all inputs.

    Attributes:
        train: ``(seeds,)``; training error that is left.
        test: ``(seeds,)``; error on fresh inputs.
    """

    train: Float[np.ndarray, " seeds"]
    test: Float[np.ndarray, " seeds"]


def sample_least_squares(dim: int, samples: int, *, seeds: int, key: Key[Array, ""]) -> LeastSquares:
    """Fit a linear function to drawn data sets, by NumPy's least squares.

    Args:
        dim: ``D``.
        samples: ``P``; more than ``dim``.
        seeds: data sets.
        key: the source of randomness.
    """
    require.integer(dim + 1, samples=samples)
    tasks = draw_task(dim, samples, key=key, seeds=seeds)
    fits = [np.linalg.lstsq(x, y, rcond=None)[0] for x, y in zip(tasks.x, tasks.y, strict=True)]
    left = [np.mean((y - x @ fit) ** 2) / np.mean(y**2) for x, y, fit in zip(tasks.x, tasks.y, fits, strict=True)]
    # the target is even: what is linear in the input only adds
    return LeastSquares(np.array(left), 1 + np.array([fit @ fit / dim for fit in fits]) / tasks.reference)


def sample_kernel_regression(
    samples: Sequence[int], *, dim: int, eps: float, seeds: int, key: Key[Array, ""], ridge: float = 0.0
) -> Float[np.ndarray, "samples seeds"]:
    r"""Test loss of regression with the kernel of infinitely many neurons, on drawn data sets.

    Args:
        samples: numbers of examples.
        dim: ``D``.
        eps: bend of the activation.
        seeds: data sets for each number; each is a beginning of the same draw.
        key: the source of randomness.
        ridge: added to the diagonal of the kernel.
    """
    require.integer(1, samples=np.asarray(samples))
    tasks = draw_task(dim, max(samples), key=key, seeds=seeds)
    # x·x' + eps² (x·x')² in the features that make it a linear kernel, which is exact where there are fewer of them
    first, second = np.triu_indices(dim)
    twice = np.where(first == second, 1.0, np.sqrt(2.0))

    def test_loss(x, y, beta):
        features = np.concatenate([x, eps * twice * x[:, first] * x[:, second]], axis=1)
        # the smaller of the two systems that have the same solution
        if len(x) <= features.shape[1]:
            weights = features.T @ np.linalg.solve(features @ features.T + ridge * np.eye(len(x)), y)
        else:
            weights = np.linalg.solve(features.T @ features + ridge * np.eye(features.shape[1]), features.T @ y)
        quadratic = np.zeros((dim, dim))
        quadratic[first, second] = eps * weights[dim:] / np.where(first == second, 1, np.sqrt(2))
        # what the output xᵀ Q x leaves of β βᵀ/2, doubled; both halves of Q beside the diagonal are counted once
        a = np.outer(beta, beta) - 2 * (quadratic + quadratic.T - np.diag(np.diag(quadratic)))
        return (np.trace(a) / dim) ** 2 / 4 + np.sum(a**2) / (2 * dim**2) + weights[:dim] @ weights[:dim] / dim

    return np.array([[test_loss(x[:p], y[:p], beta) for x, y, beta in zip(*tasks, strict=True)] for p in samples])


def sample_alignment(
    samples: Sequence[int], *, dim: int, eps: float, seeds: int, key: Key[Array, ""], diagonal: bool = True
) -> Float[np.ndarray, "samples seeds"]:
    """Kernel-task alignment at the start, as it is seen on so many inputs.

    Args:
        samples: numbers of inputs.
        dim: ``D``.
        eps: bend of the activation.
        seeds: draws of the inputs for each number.
        key: the source of randomness.
        diagonal: whether the kernel's diagonal counts.
    """
    draw = generator(key)
    beta = np.ones(dim)
    start = infinite_width(dim, float)

    def one(count):
        x = draw.normal(size=(count, dim)) / np.sqrt(dim)
        kernel = np.asarray(committee_ntk(x, moments=start, eps=eps))
        return float(kernel_task_alignment(kernel, quadratic_target(x, beta), diagonal=diagonal))

    return np.array([[one(count) for _ in range(seeds)] for count in samples])
