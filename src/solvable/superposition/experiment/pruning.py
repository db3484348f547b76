"""A max-margin perceptron of finite size, taught with the examples that a probe keeps."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Array, Float, Key
from scipy.optimize import nnls

from solvable import require
from solvable.randomness import generator


def simulate_pruned_perceptron(
    alpha_total: Sequence[float],
    fraction: Sequence[float],
    *,
    key: Key[Array, ""],
    seeds: int = 12,
    dim: int = 100,
    keep: Literal["hard", "easy"] = "hard",
    probe_angle: float = 0.0,
) -> Float[np.ndarray, "settings seeds"]:
    r"""Generalisation errors of students in ``N`` dimensions; see :func:`pruned_perceptron_error`.

    The student is the shortest ``J`` with :math:`y_\mu J \cdot x_\mu \ge 1` on every kept example, found exactly as a
    problem of non-negative least squares. Its error is :math:`\arccos(R)/\pi`, so that nothing has to be tested.

    Args:
        alpha_total: :math:`\alpha_{\text{tot}}` of each setting; :math:`\alpha_{\text{tot}} N` examples, rounded.
        fraction: ``f`` of each setting; of the examples, rounded, at least one.
        key: the source of randomness; the same for hard and easy gives them the same examples.
        seeds: students of each setting, with examples of their own.
        dim: ``N``; at least 2.
        keep: the ``"hard"`` examples, near the probe's boundary, or the ``"easy"`` ones, far from it.
        probe_angle: :math:`\theta` in radians; between 0 and :math:`\pi/2`.

    Returns:
        ``(settings, seeds)``; errors.

    Raises:
        ValueError: an argument lies outside its domain, or nothing is kept.

    Source: the setting of Sorscher et al. (2022); the solver is that of Lawson and Hanson (1974), chapter 23.
    """
    require.positive(alpha_total=alpha_total, fraction=fraction)
    require.shape((None,), alpha_total=alpha_total)
    require.shape(np.shape(alpha_total), fraction=fraction)
    require.within(0, 1, fraction=fraction)
    require.integer(1, seeds=seeds)
    require.integer(2, dim=dim)
    require.one_of(("hard", "easy"), keep=keep)
    require.within(0, np.pi / 2, probe_angle=probe_angle)
    totals = [round(alpha * dim) for alpha in alpha_total]
    counts = [(total, round(part * total)) for total, part in zip(totals, fraction, strict=True)]
    require.integer(1, kept=[kept for _, kept in counts])
    draw = generator(key)
    errors = [[_error(*count, dim, keep, probe_angle, draw) for _ in range(seeds)] for count in counts]
    return np.asarray(errors)


def _error(total, kept, dim, keep, angle, draw):
    # by symmetry the teacher may be the first axis, and the probe lie in the plane of the first two
    x = draw.normal(size=(total, dim))
    distance = np.abs(np.cos(angle) * x[:, 0] + np.sin(angle) * x[:, 1])
    order = np.argsort(distance)
    chosen = x[order[:kept] if keep == "hard" else order[total - kept :]]
    student = shortest_separator(chosen * np.sign(chosen[:, :1]))
    return np.arctan2(np.linalg.norm(student[1:]), student[0]) / np.pi


def shortest_separator(x: Float[np.ndarray, "p n"]) -> Float[np.ndarray, " n"]:
    r"""The shortest ``J`` with :math:`J \cdot x_\mu \ge 1` for every row, of rows that some vector separates.

    Args:
        x: ``(P, N)``; examples times their labels.

    Raises:
        ValueError: there is no row, or no vector has a positive product with every row.

    Source: Lawson and Hanson (1974), chapter 23.

    >>> shortest_separator(np.array([[1.0, 1.0], [1.0, -1.0]])).round(12) + 0.0
    array([1., 0.])
    """
    require.finite(x=x)
    require.integer(1, **{"number of rows": len(x)})
    rows = np.vstack([x.T, np.ones(len(x))])
    goal = np.append(np.zeros(x.shape[1]), 1.0)
    weights, _ = nnls(rows, goal)
    left = goal - rows @ weights
    if left[-1] <= np.sqrt(np.finfo(float).eps):
        raise ValueError("x must be rows that some vector separates from the origin, got rows that none does")
    return -left[:-1] / left[-1]
