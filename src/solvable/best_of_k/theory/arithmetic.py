"""Where floating point ends the law: weights that vanish, and samples that come from a grid."""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from solvable import require
from solvable._types import RealLike, promote

from .nearest import survival_exponent

UNIFORM_BITS = 23
"""Of a uniform number in single precision, from which a normal one is made."""


def vanishing_share(k: RealLike, t: RealLike, *, bias_reward: RealLike, smallest: float) -> Float[Array, "..."]:
    r"""Probability that all weights of a softmax vanish when it is written without subtracting the best score.

    A weight :math:`e^{-(z + a)^2 / 2t}` is zero below the smallest positive number :math:`\epsilon`. If all are, the
    ratio of sums is 0/0:

    .. math:: \Pr\big(|z + a| > \sqrt{2 t \ln (1/\epsilon)}\big)^k .

    Args:
        k: number of answers, at least 1.
        t: :math:`T / 2 s^2`, positive.
        bias_reward: :math:`a = (m - y_R) / s`.
        smallest: :math:`\epsilon`, between 0 and 1; with subnormal numbers and rounding to the nearest half of the
            smallest of them.

    Returns:
        The probability, of the broadcast shape.

    Raises:
        ValueError: an argument is outside its domain.

    Source: derived in the chapter.

    >>> print(f"{float(vanishing_share(4, 1e-3, bias_reward=0.5, smallest=2.0**-150)):.3f}")
    0.223
    """
    require.within(1, np.inf, k=k)
    require.positive(t=t, smallest=smallest)
    require.within(0, 1, smallest=smallest)
    require.finite(bias_reward=bias_reward)
    k, t, a = jnp.broadcast_arrays(*promote(k, t, bias_reward))
    return jnp.exp(-k * survival_exponent(jnp.sqrt(-2 * t * math.log(smallest)), a))


def distinct_share(draws: RealLike, *, bits: int = UNIFORM_BITS) -> Float[Array, "..."]:
    r"""Share of distinct values among draws that are equally likely to be any of :math:`M = 2^{\text{bits}}`.

    .. math:: \frac{M}{n} \left[ 1 - \Big( 1 - \frac1M \Big)^n \right]

    Args:
        draws: :math:`n`, at least 1.
        bits: of randomness in one draw.

    Returns:
        The expected share, of the shape of ``draws``.

    Raises:
        ValueError: an argument is outside its domain.

    Source: derived in the chapter.

    >>> print(f"{float(distinct_share(2.0**23)):.3f}")
    0.632
    """
    require.within(1, np.inf, draws=draws)
    require.integer(1, bits=bits)
    (n,) = promote(draws)
    values = 2.0**bits
    return -jnp.expm1(n * math.log1p(-1 / values)) * values / n


def normal_spacing(z: RealLike, *, bits: int = UNIFORM_BITS) -> Float[Array, "..."]:
    r"""Distance between neighbours among the normal numbers that a generator makes from uniform ones.

    Uniform numbers on a grid of :math:`2^{\text{bits}}` become normal ones by the inverse of :math:`\Phi`:

    .. math:: \Delta(z) = \frac{2^{-\text{bits}}}{\varphi(z)} .

    Args:
        z: places.
        bits: of randomness in one uniform number.

    Returns:
        The spacing, of the shape of ``z``. No sample can be nearer to a target than its grid.

    Raises:
        ValueError: an argument is outside its domain.

    Source: derived in the chapter.

    >>> print(f"{float(normal_spacing(0.5)):.1e}")
    3.4e-07
    """
    require.finite(z=z)
    require.integer(1, bits=bits)
    (z,) = promote(z)
    return 2.0**-bits * math.sqrt(2 * math.pi) * jnp.exp(z**2 / 2)


def grid_error(k: RealLike, target: RealLike, *, bits: int = UNIFORM_BITS) -> Float[Array, "..."]:
    r"""Error of the best of :math:`k` by the teacher's choice, when answers come from a grid.

    A draw is each of :math:`M = 2^{\text{bits}}` values with equal probability. The :math:`m`-th nearest of them to a
    target at a random place is off by :math:`(3 m^2 - 3 m + 1)\, \Delta^2 / 12` in the mean square, and is the nearest
    one drawn with probability :math:`p (1 - p)^{m - 1}`:

    .. math::

        \frac{\delta}{s^2} = \frac{\Delta^2}{12} \Big( \frac{6}{p^2} - \frac{6}{p} + 1 \Big), \qquad
        p = 1 - \Big( 1 - \frac1M \Big)^k .

    For :math:`k \ll M` this is :math:`1 / 2 \varphi^2 k^2`, and for endlessly many answers :math:`\Delta^2 / 12`.

    Args:
        k: number of answers, at least 1.
        target: where the teacher's value is, in standard deviations from the mean.
        bits: of randomness in one draw.

    Returns:
        The error, of the broadcast shape. It supposes that the density is flat over the nearest answers, which takes
        many of them.

    Raises:
        ValueError: an argument is outside its domain.

    Source: derived in the chapter.

    >>> print(f"{float(grid_error(1e12, 0.5) / normal_spacing(0.5) ** 2):.4f}")  # 1 / 12
    0.0833
    """
    require.within(1, np.inf, k=k)
    require.finite(k=k, target=target)
    require.integer(1, bits=bits)
    k, target = promote(k, target)
    p = -jnp.expm1(k * math.log1p(-(2.0**-bits)))
    return normal_spacing(target, bits=bits) ** 2 / 12 * (6 / p**2 - 6 / p + 1)
