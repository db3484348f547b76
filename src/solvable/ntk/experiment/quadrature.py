"""Gaussian means of products by brute force, to hold the dual activations against."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Array

NODES = 80
_REACH = 13.0  # standard deviations


def mean_of_product(function: Callable[[Array], Array], k11: float, k22: float, k12: float) -> float:
    r"""The mean of :math:`\phi(u)\phi(v)` over a pair of Gaussian variables, by quadrature in polar coordinates.

    The circle is cut where ``u`` or ``v`` changes sign, so that a kink or a jump of the function at zero costs nothing.

    Args:
        function: of an array, entry by entry; smooth except perhaps at zero.
        k11: variance of ``u``; positive.
        k22: variance of ``v``; positive.
        k12: their covariance; smaller than the root of the product.

    >>> round(mean_of_product(np.abs, 1.0, 1.0, 0.0), 12) == round(2 / np.pi, 12)
    True
    """
    between = np.arccos(k12 / np.sqrt(k11 * k22))
    cuts = np.sort(np.array([-np.pi / 2, np.pi / 2, between - np.pi / 2, between + np.pi / 2]))
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    radius = _REACH * (nodes + 1) / 2
    density = radius * np.exp(-(radius**2) / 2) * weights * _REACH / 2 / (2 * np.pi)
    total = 0.0
    for low, high in zip(cuts, np.append(cuts[1:], cuts[0] + 2 * np.pi), strict=True):
        angle = low + (high - low) * (nodes + 1) / 2
        u = np.sqrt(k11) * radius[:, None] * np.cos(angle)
        v = np.sqrt(k22) * radius[:, None] * np.cos(angle - between)
        total += density @ np.asarray(function(u) * function(v)) @ weights * (high - low) / 2
    return float(total)
