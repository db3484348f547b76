"""Exponents read off measured curves."""

import numpy as np
from jaxtyping import ArrayLike, Float, Real

from solvable import require


def exponent(x: Real[ArrayLike, " n"], y: Real[ArrayLike, "*curves n"]) -> Float[np.ndarray, "*curves"]:
    r"""Exponent of a power law, as the slope of a straight line through logarithms.

    .. math:: y \propto x^p, \qquad p = \frac{\operatorname{cov}(\ln x, \ln y)}{\operatorname{var}(\ln x)}

    Args:
        x: ``(n,)``, positive, at least two different values.
        y: ``(..., n)``, positive; one curve for each of the leading axes.

    Returns:
        The least-squares slope for each curve, without a unit.

    Raises:
        ValueError: a value is not positive, or there are fewer than two points.

    Source: ordinary least squares.

    >>> exponent(np.array([1, 2, 4]), np.array([3.0, 12.0, 48.0])).round(12).item()
    2.0
    """
    require.positive(x=x, y=y)
    if np.ndim(x) != 1 or np.unique(x).size < 2:
        raise ValueError(f"x must hold at least two different values on one axis, got {x!r}")
    deviation = np.log(x) - np.mean(np.log(x))
    return np.asarray(np.log(y) @ deviation / (deviation @ deviation))
