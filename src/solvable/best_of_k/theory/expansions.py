"""What the error becomes at many samples, at high temperature, and where it ends."""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from solvable import require
from solvable._types import RealLike, promote


def error_floor(t: RealLike, *, bias_teacher: RealLike, bias_reward: RealLike) -> Float[Array, "..."]:
    r"""Error that is left with endlessly many answers, in units of the predictive variance.

    The selected answer then follows the Gaussian of the predictive law times the softmax's weight, of mean
    :math:`-q a` and variance :math:`1 - q`:

    .. math:: \frac{\delta_\infty}{s^2} = (b - q a)^2 + 1 - q, \qquad q = \frac{1}{1 + t} .

    Args:
        t: :math:`T / 2 s^2`, not negative; infinity for no judge at all.
        bias_teacher: :math:`b = (m - y_T) / s`.
        bias_reward: :math:`a = (m - y_R) / s`.

    Returns:
        :math:`\delta_\infty / s^2`, of the broadcast shape; about :math:`t` where that is small and the teacher
        judges.

    Raises:
        ValueError: a temperature is negative, or a bias is not finite.

    Source: derived in the chapter.

    >>> print(f"{float(error_floor(0.01, bias_teacher=0.5, bias_reward=0.5)):.5f}")
    0.00993
    """
    require.non_negative_or_infinite(t=t)
    require.finite(bias_teacher=bias_teacher, bias_reward=bias_reward)
    t, b, a = promote(t, bias_teacher, bias_reward)
    q = 1 / (1 + t)
    # 1 - q without its cancellation
    return (b - q * a) ** 2 + jnp.where(jnp.isinf(t), 1, t * q)


def large_k_error(k: RealLike, t: RealLike, *, bias_teacher: RealLike, bias_reward: RealLike) -> Float[Array, "..."]:
    r"""Leading correction to the floor at many answers, in units of the predictive variance.

    At temperature zero, with :math:`\varphi` the Gaussian density,

    .. math:: \frac{\delta}{s^2} = (b - a)^2 + \frac{1 + 2 a (b - a)}{2 \varphi(a)^2\, (k + 1)(k + 2)} ,

    where :math:`(k + 1)(k + 2)` instead of :math:`k^2` is exact for a density that is flat around the target. Above it,

    .. math::

        \delta = \delta_\infty(t) + \frac{n_2}{k} \left[ \delta_\infty(t) - \delta_\infty(t/2) \right], \qquad
        n_2 = \frac{1 + t}{\sqrt{t (t + 2)}}\, \exp \frac{a^2}{(1 + t)(2 + t)} .

    Here :math:`k / n_2` is the effective number of answers that the softmax averages over.

    Args:
        k: numbers of answers, ``*ks``, at least 1.
        t: :math:`T / 2 s^2`, not negative.
        bias_teacher: :math:`b = (m - y_T) / s`.
        bias_reward: :math:`a = (m - y_R) / s`; ``t`` and both biases are broadcast to ``*points``.

    Returns:
        The expansion. It is off by the order of :math:`k^{-3}` (at :math:`t = 0`: of :math:`k^{-4}`) or
        :math:`(n_2 / k)^2`.

    Raises:
        ValueError: ``k`` is below 1, a temperature is negative, or a number is not finite.

    Source: at temperature zero with the teacher as judge, Halder and Pehlevan (2026); the rest derived in the chapter.

    >>> print(f"{float(large_k_error(2, 0.0, bias_teacher=0.0, bias_reward=0.0)):.3f}")
    0.262
    """
    require.within(1, np.inf, k=k)
    require.non_negative(t=t)
    require.finite(k=k, bias_teacher=bias_teacher, bias_reward=bias_reward)
    k, t, b, a = promote(k, t, bias_teacher, bias_reward)
    t, b, a = (array.reshape(array.shape + (1,) * k.ndim) for array in jnp.broadcast_arrays(t, b, a))
    floor = error_floor(t, bias_teacher=b, bias_reward=a)
    hard = math.pi * jnp.exp(a**2) * (1 + 2 * a * (b - a)) / ((k + 1) * (k + 2))
    warm = jnp.where(t > 0, t, 1)
    gain = error_floor(warm, bias_teacher=b, bias_reward=a) - error_floor(warm / 2, bias_teacher=b, bias_reward=a)
    return floor + jnp.where(t > 0, samples_per_effective_one(warm, bias_reward=a) / k * gain, hard)


def samples_per_effective_one(t: RealLike, *, bias_reward: RealLike) -> Float[Array, "..."]:
    r"""How many answers a softmax needs for each one that it effectively averages over.

    .. math:: n_2 = \frac{\mathbb{E} W^2}{(\mathbb{E} W)^2} = \frac{1 + t}{\sqrt{t (t + 2)}}\,
        \exp \frac{a^2}{(1 + t)(2 + t)}, \qquad W = e^{-(z + a)^2 / 2t}

    Args:
        t: :math:`T / 2 s^2`, positive.
        bias_reward: :math:`a = (m - y_R) / s`.

    Returns:
        :math:`n_2 \ge 1`, of the broadcast shape: of :math:`k` answers :math:`k / n_2` count.

    Raises:
        ValueError: a temperature is not positive, or a bias is not finite.

    Source: derived in the chapter.

    >>> print(f"{float(samples_per_effective_one(0.1, bias_reward=0.5)):.2f}")
    2.67
    """
    require.positive(t=t)
    require.finite(bias_reward=bias_reward)
    t, a = promote(t, bias_reward)
    return (1 + t) / jnp.sqrt(t * (t + 2)) * jnp.exp(a**2 / ((1 + t) * (2 + t)))


def high_temperature_series(
    k: RealLike, t: RealLike, *, bias_teacher: RealLike, bias_reward: RealLike, order: int = 3
) -> Float[Array, "..."]:
    r"""Error at a high temperature, as a series in its inverse, in units of the predictive variance.

    .. math::

        \frac{\delta}{s^2} = 1 + b^2 - \Big(1 - \frac1k\Big) \frac{C_1}{t}
        + \Big(1 - \frac1k\Big)\Big(1 - \frac2k\Big) \frac{C_2}{t^2}
        - \frac{k - 1}{k^3} \Big[ (k^2 - 6k + 6)\, C_3 - k\, C_1 \big(\tfrac12 + a^2\big) \Big] \frac{1}{t^3}

    with :math:`C_1 = 1 + 2ab`, :math:`C_2 = C_1 + a^2`, :math:`C_3 = C_1 + 2a^2`. Every coefficient is exact in
    :math:`k`: they are expectations of the joint cumulants of a sample.

    Args:
        k: numbers of answers, ``*ks``, at least 1.
        t: :math:`T / 2 s^2`, positive.
        bias_teacher: :math:`b = (m - y_T) / s`.
        bias_reward: :math:`a = (m - y_R) / s`; ``t`` and both biases are broadcast to ``*points``.
        order: highest power of :math:`1/t`, from 0 to 3.

    Returns:
        The series up to ``order``; useful where :math:`t` is large against 1 and :math:`a^2`.

    Raises:
        ValueError: ``k`` is below 1, a temperature is not positive, a number is not finite, or ``order`` is none of 0
            to 3.

    Source: the first two terms, Halder and Pehlevan (2026), Result 2, as in their code; the third derived in the
    chapter.

    >>> print(f"{float(high_temperature_series(2, 80.0, bias_teacher=0.3, bias_reward=1.0, order=1)):.2f}")
    1.08
    """
    require.within(1, np.inf, k=k)
    require.positive(t=t)
    require.finite(k=k, bias_teacher=bias_teacher, bias_reward=bias_reward)
    require.one_of(range(4), order=order)
    k, t, b, a = promote(k, t, bias_teacher, bias_reward)
    t, b, a = (array.reshape(array.shape + (1,) * k.ndim) for array in jnp.broadcast_arrays(t, b, a))
    c1 = 1 + 2 * a * b
    coefficients = (
        1 + b**2,
        -(1 - 1 / k) * c1,
        (1 - 1 / k) * (1 - 2 / k) * (c1 + a**2),
        -(k - 1) / k**3 * ((k**2 - 6 * k + 6) * (c1 + 2 * a**2) - k * c1 * (0.5 + a**2)),
    )
    return sum(c / t**power for power, c in enumerate(coefficients[: order + 1])) + jnp.zeros_like(t * k)


def has_finite_optimal_k(t: RealLike, *, bias_teacher: RealLike, bias_reward: RealLike) -> Bool[Array, "..."]:
    r"""Whether more answers are worse in the end: the error approaches its floor from below.

    .. math:: \Big( \frac{1}{1 + t} + \frac{2}{2 + t} \Big)\, a^2 > 1 + 2 a b

    At temperature zero this is :math:`2 a (a - b) > 1`.

    Args:
        t: :math:`T / 2 s^2`, not negative.
        bias_teacher: :math:`b = (m - y_T) / s`.
        bias_reward: :math:`a = (m - y_R) / s`.

    Returns:
        Truth values of the broadcast shape.

    Raises:
        ValueError: a temperature is negative, or a number is not finite.

    Source: derived in the chapter, from the sign of the leading term of :func:`large_k_error`.

    >>> print(has_finite_optimal_k(0.0, bias_teacher=0.2, bias_reward=jnp.array([0.8, 0.82])))
    [False  True]
    """
    require.non_negative(t=t)
    require.finite(bias_teacher=bias_teacher, bias_reward=bias_reward)
    t, b, a = promote(t, bias_teacher, bias_reward)
    return (1 / (1 + t) + 2 / (2 + t)) * a**2 > 1 + 2 * a * b
