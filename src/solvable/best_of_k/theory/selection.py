"""The error of the one answer that is selected from k, exact at every k and temperature."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm
from jaxtyping import Array, Float

from solvable import require
from solvable._types import RealLike, promote

from .nearest import _distance, _mass

TAUS = np.linspace(-13, 3.9, 136)
"""Nodes in the logarithm of an exponential variable; what they leave out is below 1e-16 of its mean square."""
SCORES, BAND = 512, 96
"""Nodes in the score of the selected sample, and in the noise that a score is made of."""
LONGEST_EVEN = 100.0
"""Scores that nodes are evenly spread over; beyond, a judge's target is so far out that the noise does not decide."""


class Selected(NamedTuple):
    """Where the selected sample lies, as seen from the judge's target, in standard deviations.

    Attributes:
        first: mean of its signed distance, away from the predictive mean.
        second: mean square of its distance.
    """

    first: Float[Array, "..."]
    second: Float[Array, "..."]


def selected_moments(k: RealLike, t: RealLike, *, bias_reward: RealLike) -> Selected:
    r"""Where the selected sample lies, as seen from the judge's target.

    With :math:`w` the selected sample and :math:`-a` the target, in standard deviations of the predictive law,

    .. math:: I_1 = \mathbb{E}[w + a], \qquad I_2 = \mathbb{E}[(w + a)^2] .

    At :math:`t = 0` the distance of the selected sample is that of the nearest, and the integral is over its law. At
    :math:`t > 0` the softmax picks the largest sum of :math:`-(z + a)^2 / 2t` and a Gumbel variable (the Gumbel-max
    identity), which makes the best score a maximum of :math:`k` independent ones; the integral is over its law.

    Args:
        k: numbers of samples, ``*ks``, at least 1.
        t: temperature in units of twice the predictive variance, not negative.
        bias_reward: :math:`a = (m - y_R) / s`, of the judge; ``t`` and it are broadcast to ``*points``.

    Returns:
        The moments, for every point and every ``k``. Relative error in double precision: 1e-12 at :math:`t = 0`; 1e-11
        down to :math:`t = 10^{-3}`, 1e-8 at :math:`10^{-6}`.

    Raises:
        ValueError: ``k`` is below 1, a temperature is negative, or a number is not finite.
        ArithmeticError: at :math:`t > 0`, the law of the selected sample does not add up to one.

    Source: derived in the chapter.

    >>> first, second = selected_moments(2, 0.0, bias_reward=0.0)
    >>> print(f"{float(first):.4f} {float(second):.4f}")
    0.0000 0.3634
    """
    require.within(1, np.inf, k=k)
    require.finite(k=k, bias_reward=bias_reward)
    require.non_negative(t=t)
    k, t, a = promote(k, t, bias_reward)
    t, a = jnp.broadcast_arrays(t, a)
    hard = t == 0
    if not isinstance(hard, jax.core.Tracer) and hard.all():
        return _nearest_moments(k, a)
    # a temperature of one where there is none keeps the branch that is not taken finite
    total, first, second = _softmax_moments(k, jnp.where(hard, 1, t), a)
    _check_total(total)
    if not isinstance(hard, jax.core.Tracer) and not hard.any():
        return Selected(first, second)
    nearest = _nearest_moments(k, a)
    hard = hard.reshape(hard.shape + (1,) * k.ndim)
    return Selected(jnp.where(hard, nearest.first, first), jnp.where(hard, nearest.second, second))


def _check_total(total: Array) -> None:
    if isinstance(total, jax.core.Tracer):
        return
    off = float(jnp.max(jnp.abs(total - 1), initial=0))
    # half of the digits: in double precision six times what was seen from t = 1e-6 to 1e4 and k to 2^30
    if not off < jnp.sqrt(jnp.finfo(total.dtype).eps):
        raise ArithmeticError(f"the law of the selected sample adds up to 1 only within {off:.1e}; use float64")


@jax.jit
def _nearest_moments(k: Array, a: Array) -> Selected:
    """At temperature zero: over the law of the nearest distance."""
    nodes = jnp.asarray(TAUS, a.dtype)
    tau = jnp.exp(nodes)
    weights = (nodes[1] - nodes[0]) * tau * jnp.exp(-tau)
    a = a.reshape(a.shape + (1,) * (k.ndim + 1))
    r = _distance(*jnp.broadcast_arrays(tau / k[..., None], a))
    return Selected(jnp.sum(weights * r * jnp.tanh(a * r), axis=-1), jnp.sum(weights * r**2, axis=-1))


@jax.jit
def _softmax_moments(k: Array, t: Array, a: Array) -> tuple[Array, Array, Array]:
    """The total of the law, which is one, and the moments, at a temperature above zero."""
    # one point after the other: its nodes fit into the cache, those of all may not fit into memory
    found = jax.lax.map(lambda point: _over_scores(k.ravel(), *point), (t.ravel(), a.ravel()))
    return tuple(moment.reshape(t.shape + k.shape) for moment in found)


def _over_scores(k: Array, t: Array, a: Array) -> tuple[Array, Array, Array]:
    # from scores that even the best of k almost surely exceeds, by 1 - F(y) <= e^y E[W], to those that it surely misses
    low = -40 - jnp.log(k.max()) + a**2 / (2 * (1 + t)) - jnp.log(t / (1 + t)) / 2
    high = _distance(48 / k.min(), a) ** 2 / (2 * t) + 9
    # even steps where the noise decides, ever longer ones where the distance does
    turn = jnp.clip(a**2 * t / 2, 1, LONGEST_EVEN) / 5
    first, last = (low - 1) / 5, jnp.minimum(high / 5, turn + jnp.log(high))
    step = (last - first) / (SCORES - 1)
    v = first + step * jnp.arange(SCORES, dtype=a.dtype)
    y = 5 * v + jnp.exp(v - turn)
    miss, *moments = jax.vmap(partial(_score, t=t, a=a))(y)
    survive = jnp.log1p(-jnp.minimum(miss, 1 - jnp.finfo(a.dtype).epsneg))
    selected = step * (5 + jnp.exp(v - turn)) * k[:, None] * jnp.exp((k[:, None] - 1) * survive)
    return tuple(selected @ moment for moment in moments)


def _score(y: Array, *, t: Array, a: Array) -> tuple[Array, Array, Array, Array]:
    r"""Of one sample: the chance of a score above :math:`-y`, the density there, and the moments within it.

    The score is :math:`G - q` with :math:`q = (z + a)^2 / 2t` and :math:`G` a Gumbel variable. Integrals over
    :math:`q = q_0 + x^2` are smooth at both ends: at :math:`q = 0` the integrand is even in :math:`x`.
    """
    farthest = (jnp.abs(a) + 10) ** 2 / (2 * t)
    # warm: the Gaussian is narrower than the noise. Otherwise the noise picks a band of q: it is never below -5
    warm = farthest < 50
    start = jnp.where(warm, 0, jnp.maximum(y - 5, 0))
    reach = jnp.sqrt(jnp.where(warm, farthest, jnp.maximum(y, 0) + 45 - start))
    x = reach * jnp.arange(BAND, dtype=a.dtype) / (BAND - 1)
    q = start + x**2
    r = jnp.sqrt(2 * t * q)
    weights = reach / (BAND - 1) * jnp.where(jnp.arange(BAND) == 0, 0.5, 1)
    # of q, times 2x; finite where both are zero
    density = (norm.pdf(a + r) + norm.pdf(a - r)) * jnp.sqrt(2 * t)
    density = density * jnp.where(q > 0, x / jnp.sqrt(jnp.where(q > 0, q, 1)), 1)
    exceed = -jnp.expm1(-jnp.exp(jnp.minimum(y - q, 40)))
    noise = jnp.exp(y - q - jnp.exp(jnp.minimum(y - q, 40)))
    # the same integral twice, by parts: one form ends with the Gaussian, the other with the noise
    miss = jnp.where(warm, exceed * density, noise * 2 * x * _mass(r, jnp.broadcast_to(a, r.shape)))
    drawn = weights * noise * density
    return jnp.sum(weights * miss), jnp.sum(drawn), jnp.sum(drawn * r * jnp.tanh(a * r)), jnp.sum(drawn * r**2)


def best_of_k_error(k: RealLike, *, bias_teacher: RealLike, bias_reward: RealLike) -> Float[Array, "..."]:
    r"""Squared error of the best of :math:`k` answers, in units of the predictive variance.

    The judge takes the answer that is nearest to its target :math:`y_R`. With :math:`b = (m - y_T)/s` and
    :math:`a = (m - y_R)/s`,

    .. math:: \frac{\delta}{s^2} = (b - a)^2 + \mathbb{E}_r\!\left[ r^2 + 2 (b - a)\, r \tanh(a r) \right],

    where :math:`r`, the distance of the nearest answer, satisfies :math:`\Pr(|z + a| > r) = e^{-\tau / k}` with
    :math:`\tau` exponential of mean 1.

    Args:
        k: numbers of answers, ``*ks``, at least 1.
        bias_teacher: :math:`b`, of the predictive mean against the teacher.
        bias_reward: :math:`a`, of the predictive mean against the judge's target; equal to ``bias_teacher`` where the
            teacher is the judge.

    Returns:
        :math:`\delta / s^2`; relative error 1e-12 in double precision, for :math:`k` up to :math:`2^{30}`.

    Raises:
        ValueError: ``k`` is below 1, or a number is not finite.

    Source: derived in the chapter.

    >>> print(f"{float(best_of_k_error(2, bias_teacher=0.0, bias_reward=0.0)):.4f}")  # 1 - 2 / pi
    0.3634
    """
    return softmax_selection_error(k, 0.0, bias_teacher=bias_teacher, bias_reward=bias_reward)


def softmax_selection_error(
    k: RealLike, t: RealLike, *, bias_teacher: RealLike, bias_reward: RealLike
) -> Float[Array, "..."]:
    r"""Squared error of the answer that a softmax selects from :math:`k`, in units of the predictive variance.

    .. math::

        \frac{\delta}{s^2} = \mathbb{E} \sum_i p_i (z_i + b)^2 = (b - a)^2 + 2 (b - a) I_1 + I_2, \qquad
        p_i \propto e^{-(z_i + a)^2 / 2t},

    with the moments of :func:`selected_moments`. No expansion is made: it holds at every :math:`k` and :math:`t`.

    Args:
        k: numbers of answers, ``*ks``, at least 1.
        t: :math:`T / 2 s^2`, the temperature; 0 for the best answer.
        bias_teacher: :math:`b = (m - y_T) / s`.
        bias_reward: :math:`a = (m - y_R) / s`; ``t`` and both biases are broadcast to ``*points``.

    Returns:
        :math:`\delta / s^2`, for every point and every ``k``.

    Raises:
        ValueError: ``k`` is below 1, a temperature is negative, or a number is not finite.
        ArithmeticError: the law of the selected sample does not add up to one.

    Source: derived in the chapter.

    >>> print(jnp.round(softmax_selection_error(jnp.array([1, 2, 4]), 5.0, bias_teacher=0.2, bias_reward=-1.8), 4))
    [1.04   1.0233 1.0478]
    """
    require.finite(bias_teacher=bias_teacher)
    k, t, b, a = promote(k, t, bias_teacher, bias_reward)
    t, b, a = jnp.broadcast_arrays(t, b, a)
    first, second = selected_moments(k, t, bias_reward=a)
    apart = (b - a).reshape(b.shape + (1,) * k.ndim)
    return apart**2 + 2 * apart * first + second
