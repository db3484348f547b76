"""When training collapses, from the early growth of the gap."""

from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Float, Real

from solvable import require

from .precision import collapse_threshold


class CollapseTime(NamedTuple):
    """When half of the samples will have collapsed.

    Attributes:
        earliest: when the median gap reaches the threshold of one rival.
        latest: when the median of the log-odds does.
    """

    earliest: float
    latest: float


def collapse_time(
    times: Real[ArrayLike, " n"], gaps: Float[ArrayLike, " n"], odds: Float[ArrayLike, " n"], *, dtype: str
) -> CollapseTime:
    r"""Extrapolate straight lines through early observations to the threshold of an arithmetic.

    A sample cannot have collapsed before its gap is :math:`t \ln 2`, and must have when its log-odds are.

    Args:
        times: ``(n,)``; steps of training, increasing, at least two.
        gaps: ``(n,)``; median ``logit_gap`` then.
        odds: ``(n,)``; median ``log_odds`` then.
        dtype: of the loss.

    Returns:
        Both ends, in the unit of ``times``; infinite where a line does not rise.

    Raises:
        ValueError: there are fewer than two times, or they do not increase, or the lengths differ, or a number is not
            finite.

    Source: derived in the chapter.

    >>> times, gaps = np.array([0, 100]), np.array([0.0, 1.0])
    >>> print([f"{time:.1f}" for time in collapse_time(times, gaps, gaps - 3, dtype="bfloat16")])
    ['554.5', '854.5']
    """
    require.finite(times=times, gaps=gaps, odds=odds)
    times = np.asarray(times, float)
    if times.ndim != 1 or times.size < 2 or (np.diff(times) <= 0).any():
        raise ValueError(f"times must be at least two increasing numbers, got {times.tolist()}")
    require.shape(times.shape, gaps=gaps, odds=odds)
    threshold = collapse_threshold(dtype).earliest
    return CollapseTime(_reach(times, gaps, threshold), _reach(times, odds, threshold))


def _reach(times: np.ndarray, values: ArrayLike, level: float) -> float:
    slope, start = np.polyfit(times, np.asarray(values, float), 1)
    return float((level - start) / slope) if slope > 0 else float("inf")
