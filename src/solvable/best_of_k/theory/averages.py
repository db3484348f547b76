"""Errors averaged over inputs, whose biases follow a Gaussian law."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from solvable import require
from solvable._types import RealLike, at_hand, place, promote

from .selection import softmax_selection_error

BIASES = 145
"""Nodes of the trapezoidal rule over the bias."""
REACH = {True: 13.0, False: 9.0}
"""Standard deviations of the bias, without a temperature and with one; only without it are errors ever tiny."""


def average_error(k: RealLike, t: float, *, bias_variance: float, offset: float = 0.0) -> Float[Array, "..."]:
    r"""Squared error of the selected answer, averaged over inputs, in units of the predictive variance.

    The bias of the predictive mean against the teacher is :math:`b \sim \mathcal N(0, \tau^2)` over inputs. The judge's
    target is off by a multiple of it, :math:`y_R = y_T - c\,(m - y_T)`, so :math:`a = (1 + c)\, b`.

    Args:
        k: numbers of answers, ``*ks``, at least 1.
        t: :math:`T / 2 s^2`, not negative.
        bias_variance: :math:`\tau^2 = V_T / s^2`, not negative.
        offset: :math:`c`; 0 for the teacher as judge, above 0 for one that pulls beyond the teacher.

    Returns:
        :math:`\mathbb{E}_b[\delta] / s^2`, of the shape of ``k``; relative error 1e-9 in double precision, for
        :math:`(1 + |c|)\, \tau \le 4`.

    Raises:
        ValueError: an argument is outside its domain.
        ArithmeticError: a judge aims so far out, at so low a temperature, that the quadrature is too coarse for it.

    Source: derived in the chapter; the family of judges is that of Halder and Pehlevan's code.

    >>> print(f"{float(average_error(1, 0.0, bias_variance=0.25)):.4f}")
    1.2500
    """
    require.non_negative(bias_variance=bias_variance)
    require.finite(offset=offset)
    cold = not isinstance(t, jax.core.Tracer) and float(t) == 0
    numpy, (k, t, variance, offset) = at_hand(*promote(k, t, bias_variance, offset))
    deviations = np.linspace(0, REACH[cold], BIASES)
    b = numpy.sqrt(variance) * numpy.asarray(deviations, k.dtype)
    density = np.exp(-(deviations**2) / 2)
    density[0] /= 2  # the law is even: half of it, and half of the node that both halves share
    errors = softmax_selection_error(k, t, bias_teacher=b, bias_reward=(1 + offset) * b)
    return place(numpy.tensordot(numpy.asarray(density / density.sum(), k.dtype), errors, axes=1))


def asymptotic_coefficient(bias_variance: RealLike, *, offset: RealLike = 0.0) -> Float[Array, "..."]:
    r"""Coefficient of :math:`1/k^2` in the average error of the best of :math:`k`, in units of the predictive variance.

    .. math::

        \mathbb{E}_b\, \delta = c^2 \tau^2 s^2 + \frac{C s^2}{k^2} + \dots, \qquad
        C = \frac{\pi}{\sqrt{1 - 2 \lambda \tau^2}} \Big[ 1 - \frac{2 c (1 + c)\, \tau^2}{1 - 2 \lambda \tau^2} \Big],
        \qquad \lambda = (1 + c)^2 .

    Args:
        bias_variance: :math:`\tau^2 = V_T / s^2`, not negative.
        offset: :math:`c` of the judge; 0 for the teacher.

    Returns:
        :math:`C`; infinite, with the sign of what grows, where :math:`2 \lambda \tau^2 \ge 1` and the decay is slower
        than :math:`1/k^2`.

    Raises:
        ValueError: a variance is negative, or an offset is not finite.

    Source: with the teacher as judge, Halder and Pehlevan (2026), Remark 5; with another one derived in the chapter.

    >>> print(f"{float(asymptotic_coefficient(0.04)):.3f}")
    3.275
    """
    require.non_negative(bias_variance=bias_variance)
    require.finite(offset=offset)
    variance, c = promote(bias_variance, offset)
    left = 1 - 2 * (1 + c) ** 2 * variance
    safe = jnp.where(left > 0, left, 1)
    inside = math.pi / jnp.sqrt(safe) * (1 - 2 * c * (1 + c) * variance / safe)
    return jnp.where(left > 0, inside, jnp.where(c * (1 + c) > 0, -jnp.inf, jnp.inf))


def gain_exponent(bias_variance: RealLike) -> Float[Array, "..."]:
    r"""Exponent with which the average error falls with :math:`k`, when the teacher is the judge.

    .. math:: \mathbb{E}_b\, \delta \sim k^{-\min(2,\, 1/\tau^2)}

    At an input of bias :math:`b` the error falls like :math:`e^{b^2} / k^2` once :math:`k \gg e^{b^2/2}`. Inputs beyond
    :math:`b^2 = 2 \ln k` have not begun to gain; they are a share of about :math:`k^{-1/\tau^2}`.

    Args:
        bias_variance: :math:`\tau^2 = V_T / s^2`, positive.

    Returns:
        The exponent; logarithms of :math:`k` multiply the power from :math:`\tau^2 = 1/2` on.

    Raises:
        ValueError: a variance is not positive.

    Source: derived in the chapter.

    >>> print(gain_exponent(jnp.array([0.1, 0.8])))
    [2.   1.25]
    """
    require.positive(bias_variance=bias_variance)
    (variance,) = promote(bias_variance)
    return jnp.minimum(2, 1 / variance)


def average_has_finite_optimal_k(t: RealLike, *, bias_variance: RealLike, offset: RealLike) -> Bool[Array, "..."]:
    r"""Whether the average error approaches its floor from below.

    At temperature zero, for :math:`2 (1 + c)^2 \tau^2 < 1`, this is :math:`2 (1 + c)(1 + 2c)\, \tau^2 > 1`. Above it,

    .. math::

        \Big[ \Big( \frac{1}{1 + t} + \frac{2}{2 + t} \Big)(1 + c)^2 - 2 (1 + c) \Big]
        \frac{\tau^2}{1 - 2 \kappa \tau^2} > 1, \qquad \kappa = \frac{(1 + c)^2}{(1 + t)(2 + t)} ,

    for :math:`2 \kappa \tau^2 < 1`: inputs count by how many answers the softmax needs there. Where that average
    diverges, the inputs decide for which :math:`k` answers just do not suffice. Their choice is the outermost answer,
    and the condition is

    .. math:: \frac{2 (1 + c)^2}{1 + t} + \frac{t}{2 \tau^2} > 2 (1 + c) ,

    at temperature zero :math:`c (1 + c) > 0`.

    Args:
        t: :math:`T / 2 s^2`, not negative.
        bias_variance: :math:`\tau^2 = V_T / s^2`, not negative.
        offset: :math:`c` of the judge.

    Returns:
        Truth values of the broadcast shape.

    Raises:
        ValueError: an argument is outside its domain.

    Source: derived in the chapter.

    >>> print(average_has_finite_optimal_k(10.0, bias_variance=0.0411, offset=jnp.array([10.0, 15.0])))
    [False  True]
    """
    require.non_negative(t=t, bias_variance=bias_variance)
    require.finite(offset=offset)
    t, variance, c = promote(t, bias_variance, offset)
    pull = jnp.where(t > 0, (1 / (1 + t) + 2 / (2 + t)) * (1 + c) ** 2 - 2 * (1 + c), 2 * c * (1 + c))
    left = 1 - 2 * variance * (1 + c) ** 2 * jnp.where(t > 0, 1 / ((1 + t) * (2 + t)), 1)
    inside = pull * variance - left
    outside = 2 * (1 + c) ** 2 / (1 + t) + t / (2 * jnp.where(variance > 0, variance, 1)) - 2 * (1 + c)
    return jnp.where(left > 0, inside, outside) > 0
