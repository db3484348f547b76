"""When a measured curve reaches a level."""

import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline

from solvable import require


def crossing_times(
    times: Float[np.ndarray, " n"], curves: Float[np.ndarray, "n modes"], levels: Float[np.ndarray, " modes"]
) -> Float[np.ndarray, " modes"]:
    """First time at which each curve passes its level from below, on a cubic spline through the samples.

    Args:
        times: when the curves were sampled; increasing.
        curves: one column a mode.
        levels: one for each mode, in the unit of the curves.

    Returns:
        ``(modes,)`` in the unit of ``times``; ``nan`` where a level is never passed.

    Raises:
        ValueError: the shapes do not fit together.

    >>> t = np.linspace(0.0, 2.0, 201)
    >>> crossing_times(t, t[:, None] ** 2, np.array([2.0])).round(6).tolist()
    [1.414214]
    """
    require.shape((len(times), len(levels)), curves=curves)
    first = np.full(len(levels), np.nan)
    for mode, level in enumerate(levels):
        offset = CubicSpline(times, curves[:, mode] - level)
        roots = offset.roots(extrapolate=False)
        rising = roots[offset(roots, 1) > 0]
        if rising.size:
            first[mode] = rising[0]
    return first
