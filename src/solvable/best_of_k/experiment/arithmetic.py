"""What single precision makes of a softmax and of samples."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from solvable import require

PIECE = 2**20
"""Numbers that are drawn at once."""


def vanished_share(
    key: Key[Array, ""], k: int, t: float, trials: int, *, bias_reward: float, dtype: str = "float32"
) -> float:
    """Share of trials in which a softmax of rewards, written as a ratio of raw exponentials, is 0/0.

    Args:
        key: of the draw.
        k: number of answers, at least 1.
        t: temperature, positive.
        trials: how many sets of answers.
        bias_reward: of the predictive mean against the judge's target.
        dtype: in which exponentials are taken and added.

    Returns:
        The share, to be held against ``vanishing_share``. NumPy's exponentials keep subnormal numbers.

    Raises:
        ValueError: an argument is outside its domain.
    """
    require.integer(1, k=k, trials=trials)
    require.positive(t=t)
    require.finite(bias_reward=bias_reward)
    z = np.asarray(jax.random.normal(key, (trials, k)))
    with np.errstate(under="ignore"):
        weights = np.exp((-((z + bias_reward) ** 2) / (2 * t)).astype(dtype))
    return float(np.mean(weights.sum(axis=1) == 0))


class NearestOfMany(NamedTuple):
    """What the nearest of ever more draws leaves.

    Attributes:
        draws: ``(levels,)``; powers of two.
        distinct: ``(levels,)``; share of different values among them.
        error: ``(levels,)``; squared distance of the nearest draw to a target, mean over the targets.
    """

    draws: Int[np.ndarray, " levels"]
    distinct: Float[np.ndarray, " levels"]
    error: Float[np.ndarray, " levels"]


def nearest_of_many(
    key: Key[Array, ""], doublings: range, *, target: float, targets: int, dtype: str = "float32"
) -> NearestOfMany:
    """Draw normal numbers in a given precision, and look for the nearest ones to many targets in one place.

    All targets share the draws: they are spread evenly over a hundredth around the place, so each has its own
    neighbours.

    Args:
        key: of the draw.
        doublings: exponents of two; the last is the number of draws made, the others are the first of them.
        target: the place, in standard deviations.
        targets: how many, at least 2.
        dtype: in which numbers are drawn; distances are taken in double precision.

    Raises:
        ValueError: an argument is outside its domain.
    """
    require.integer(2, targets=targets)
    require.finite(target=target)
    if len(doublings) == 0 or min(doublings) < 1:
        raise ValueError(f"doublings must be at least one whole number from 1 on, got {doublings!r}")
    most = 2 ** max(doublings)
    piece = min(most, PIECE)
    # in pieces, which need no room for the bits that all would be made from
    drawn = np.empty(most, dtype)
    for index in range(most // piece):
        normal = jax.random.normal(jax.random.fold_in(key, index), (piece,), jnp.dtype(dtype))
        drawn[index * piece : (index + 1) * piece] = normal
    places = target + np.linspace(-5e-3, 5e-3, targets)
    rows = []
    for doubling in doublings:
        ordered = np.sort(drawn[: 2**doubling])
        right = np.clip(np.searchsorted(ordered, places), 1, ordered.size - 1)
        apart = np.minimum(np.abs(ordered[right] - places), np.abs(ordered[right - 1] - places))
        rows.append((1 - np.mean(ordered[1:] == ordered[:-1]), np.mean(apart**2)))
    distinct, error = np.array(rows).T
    return NearestOfMany(2 ** np.array(doublings), distinct, error)


def coefficient_estimates(
    key: Key[Array, ""], inputs: int, repeats: int, *, bias_variance: float
) -> Float[np.ndarray, " repeats"]:
    r"""Sample means of :math:`e^{b^2}` over inputs, from which the coefficient of :math:`1/k^2` would be estimated.

    Their expectation is :math:`1 / \sqrt{1 - 2 \tau^2}`; their variance is infinite for :math:`\tau^2 \ge 1/4`.

    Args:
        key: of the draw.
        inputs: how many biases each mean is over.
        repeats: how many means.
        bias_variance: :math:`\tau^2`, below 1/2.

    Raises:
        ValueError: an argument is outside its domain.
    """
    require.integer(1, inputs=inputs, repeats=repeats)
    require.within(0, 0.5, bias_variance=bias_variance)
    at_once = max(1, PIECE // inputs)
    means = []
    for index in range(-(-repeats // at_once)):
        b = np.asarray(jax.random.normal(jax.random.fold_in(key, index), (at_once, inputs)))
        means.append(np.exp(bias_variance * b**2).mean(axis=1))
    return np.concatenate(means)[:repeats]
