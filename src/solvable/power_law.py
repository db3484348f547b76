"""Exponents read off measured curves."""

from typing import NamedTuple

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
    return _slope(_deviation(np.log(x)), np.log(y))


class PowerLawFit(NamedTuple):
    """A power law through measured points, and what speaks against it.

    Attributes:
        exponent: the power of ``x``; negative where ``y`` falls.
        standard_error: of the exponent, by ordinary least squares.
        amplitude: the law at ``x = 1``, in the unit of ``y``.
        r_squared: share of the variance of ``ln y`` that the law explains; nan for a constant curve, which has none.
        local: slopes between neighbouring points, in the order of ascending ``x``; those of a power law are equal.
        midpoints: geometric means of the neighbouring ``x``, where those slopes belong.
    """

    exponent: Float[np.ndarray, "*curves"]
    standard_error: Float[np.ndarray, "*curves"]
    amplitude: Float[np.ndarray, "*curves"]
    r_squared: Float[np.ndarray, "*curves"]
    local: Float[np.ndarray, "*curves gaps"]
    midpoints: Float[np.ndarray, " gaps"]


def fit_power_law(x: Real[ArrayLike, " n"], y: Real[ArrayLike, "*curves n"]) -> PowerLawFit:
    r"""A power law through measured points, by least squares in the logarithms.

    .. math::

        \ln y_k = \ln A + p \ln x_k + r_k, \qquad
        \mathrm{s.e.}(p) = \sqrt{\frac{\sum_k r_k^2 / (n - 2)}{\sum_k (\ln x_k - \overline{\ln x})^2}}, \qquad
        R^2 = 1 - \frac{\sum_k r_k^2}{\sum_k (\ln y_k - \overline{\ln y})^2}

    As everywhere here, :math:`y = A x^p`: a loss that falls like :math:`m^{-\alpha}` has :math:`p = -\alpha`. The
    standard error supposes independent residuals of equal variance. Where the points bend away from the line
    they are neither, so look at the local slopes :math:`\ln(y_{k+1}/y_k) / \ln(x_{k+1}/x_k)` as well.

    Args:
        x: ``(n,)``, positive, at least three, all different.
        y: ``(..., n)``, positive; one curve for each of the leading axes.

    Raises:
        ValueError: a value is not positive, or there are fewer than three points, or two with the same ``x``.

    Source: ordinary least squares.

    >>> fit = fit_power_law(np.array([1, 2, 4]), np.array([3.0, 12.0, 48.0]))
    >>> fit.exponent.round(12).item(), fit.amplitude.round(12).item(), fit.local.round(12).tolist()
    (2.0, 3.0, [2.0, 2.0])
    """
    require.positive(x=x, y=y)
    if np.ndim(x) != 1 or np.size(x) < 3 or np.unique(x).size < np.size(x):
        raise ValueError(f"x must hold at least three values on one axis, all different, got {x!r}")
    order = np.argsort(np.asarray(x))
    log_x, log_y = np.log(np.asarray(x)[order]), np.log(np.asarray(y)[..., order])
    deviation = _deviation(log_x)
    slope = _slope(deviation, log_y)
    mean = log_y.mean(axis=-1)
    spread = log_y - mean[..., None]
    unexplained = np.sum((spread - slope[..., None] * deviation) ** 2, axis=-1)
    varies = np.ptp(log_y, axis=-1) > 0
    total = np.where(varies, np.sum(spread**2, axis=-1), 1)
    return PowerLawFit(
        exponent=slope,
        standard_error=np.asarray(np.sqrt(unexplained / (log_x.size - 2) / (deviation @ deviation))),
        amplitude=np.asarray(np.exp(mean - slope * log_x.mean())),
        r_squared=np.asarray(np.where(varies, 1 - unexplained / total, np.nan)),
        local=np.diff(log_y) / np.diff(log_x),
        midpoints=np.exp((log_x[1:] + log_x[:-1]) / 2),
    )


def _deviation(log_x: np.ndarray) -> np.ndarray:
    return log_x - log_x.mean()


def _slope(deviation: np.ndarray, log_y: np.ndarray) -> np.ndarray:
    return np.asarray(log_y @ deviation / (deviation @ deviation))
