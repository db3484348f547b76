"""The error of the one answer that is selected from k, exact at every k and temperature."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm
from jaxtyping import Array, ArrayLike, Float

from solvable import require
from solvable._types import RealLike, at_hand, place, promote

from .nearest import _distance, _mass


def _exponential_law(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for means over an exponential variable, by the double-exponential rule.

    Both ends vanish doubly exponentially, whether the function of the variable starts like its square or like its
    logarithm.
    """
    w = np.linspace(-3.7, 3.85, nodes)
    tau = np.exp(w - np.exp(-w))
    return tau, (w[1] - w[0]) * (1 + np.exp(-w)) * tau * np.exp(-tau)


TAUS, TAU_WEIGHTS = _exponential_law(128)
PAIRS, POINTS, NUMBERS = 64, 8, (1, 16, 64, 128)
"""Lengths of the stretches that are computed together: pairs of k and bias, points; and of lists of k."""
SCORES = 384
"""Nodes in the score of the selected sample."""
BAND_NODES, BAND_WEIGHTS = np.polynomial.legendre.leggauss(96)
"""Nodes in the noise that a score is made of, over the stretch that it comes from."""
LONGEST_EVEN = 1e4
"""Scores that nodes are evenly spread over; beyond, the noise of a judge with so far a target does not decide."""


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
        The moments, for every point and every ``k``. Relative error in double precision: 1e-12 at :math:`t = 0`, 1e-11
        down to :math:`t = 10^{-3}`, 1e-8 at :math:`10^{-6}`.

    Raises:
        ValueError: ``k`` is below 1, a temperature is negative, or a number is not finite.
        ArithmeticError: at :math:`t > 0`, the law of the selected sample does not add up to one.

    Source: derived in the chapter.

    >>> first, second = selected_moments(2, 0.0, bias_reward=0.0)
    >>> print(f"{float(first):.4f} {float(second):.4f}")
    0.0000 0.3634
    """
    _check(k, t, bias_reward)
    return Selected(*map(place, _moments(*promote(k, t, bias_reward))))


def _check(k: RealLike, t: RealLike, bias_reward: RealLike) -> None:
    require.within(1, np.inf, k=k)
    require.finite(k=k, bias_reward=bias_reward)
    require.non_negative(t=t)


def _moments(k: ArrayLike, t: ArrayLike, a: ArrayLike) -> tuple[ArrayLike, ArrayLike]:
    numpy, (k, t, a) = at_hand(k, t, a)
    t, a = numpy.broadcast_arrays(t, a)
    hard = t == 0
    known = not isinstance(hard, jax.core.Tracer)
    if known and hard.all():
        return _nearest_moments(k, a)
    # a temperature of one where there is none keeps the branch that is not taken finite
    soft = _softmax_moments(k, numpy.where(hard, numpy.ones_like(t), t), a)
    if known and not hard.any():
        return soft
    nearest = _nearest_moments(k, a)
    hard = hard.reshape(hard.shape + (1,) * k.ndim)
    return tuple(numpy.where(hard, *both) for both in zip(nearest, soft, strict=True))


def _in_pieces(function: Callable[..., tuple[Array, ...]], size: int, *arrays: ArrayLike) -> tuple[ArrayLike, ...]:
    """Apply a compiled function to stretches of one length, so that it is compiled for that length alone.

    A single entry is a stretch of its own. The last stretch is filled with its last entry.
    """
    numpy, arrays = at_hand(*arrays)
    count = arrays[0].size
    size = 1 if count == 1 else size
    filled = [numpy.concatenate([array, numpy.repeat(array[-1:], -count % size)]) for array in arrays]
    pieces = [function(*(array[at : at + size] for array in filled)) for at in range(0, max(count, 1), size)]
    # what the function closes over may be traced where its arguments are not
    numpy, _ = at_hand(*pieces[0])
    return tuple(numpy.concatenate(parts)[:count] for parts in zip(*pieces, strict=True))


def _nearest_moments(k: ArrayLike, a: ArrayLike) -> tuple[ArrayLike, ArrayLike]:
    """At temperature zero: over the law of the nearest distance."""
    numpy, (k, a) = at_hand(k, a)
    every_k, every_a = numpy.broadcast_arrays(k, a.reshape(a.shape + (1,) * k.ndim))
    moments = _in_pieces(_over_distances, PAIRS, every_k.ravel(), every_a.ravel())
    return tuple(moment.reshape(every_k.shape) for moment in moments)


@jax.jit
def _over_distances(k: Array, a: Array) -> tuple[Array, Array]:
    tau, weights = (jnp.asarray(numbers, a.dtype) for numbers in (TAUS, TAU_WEIGHTS))
    a = a[:, None]
    r = _distance(*jnp.broadcast_arrays(tau / k[:, None], a))
    return jnp.sum(weights * r * jnp.tanh(a * r), axis=-1), jnp.sum(weights * r**2, axis=-1)


def _softmax_moments(k: ArrayLike, t: ArrayLike, a: ArrayLike) -> tuple[ArrayLike, ArrayLike]:
    """At a temperature above zero: over the law of the best score, whose total is one."""
    numpy, (k, t, a) = at_hand(k, t, a)
    room = next((size for size in NUMBERS if size >= k.size), k.size)
    ks = numpy.concatenate([k.ravel(), numpy.repeat(k.ravel()[-1:], room - k.size)])
    total, *moments = _in_pieces(partial(_over_points, ks), POINTS, t.ravel(), a.ravel())
    _check_total(total)
    return tuple(moment[:, : k.size].reshape(t.shape + k.shape) for moment in moments)


def _check_total(total: ArrayLike) -> None:
    if isinstance(total, jax.core.Tracer):
        return
    off = np.max(np.abs(total - 1), initial=0)
    # half of the digits: in double precision six times what was seen from t = 1e-6 to 1e4 and k to 2^30
    if not off < np.sqrt(np.finfo(total.dtype).eps):
        raise ArithmeticError(f"the law of the selected sample adds up to 1 only within {off:.1e}; use float64")


@jax.jit
def _over_points(k: Array, t: Array, a: Array) -> tuple[Array, Array, Array]:
    # one point after the other: its nodes fit into the cache
    return jax.lax.map(lambda point: _over_scores(k, *point), (t, a))


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

    The score is :math:`G - q` with :math:`q = (z + a)^2 / 2t` and :math:`G` a Gumbel variable, which is never below -5:
    what is nearer by more than that scores above. The rest is integrated over :math:`x` with :math:`q = q_0 + x^2`, in
    which the density of :math:`q` is smooth at 0.
    """
    farthest = (jnp.abs(a) + 10) ** 2 / (2 * t)
    start = jnp.maximum(y - 5, 0)
    reach = jnp.sqrt(jnp.maximum(jnp.minimum(farthest, jnp.maximum(y, 0) + 45) - start, 0))
    x = reach * (1 + BAND_NODES.astype(a.dtype)) / 2
    weights = reach / 2 * BAND_WEIGHTS.astype(a.dtype)
    q = start + x**2
    r = jnp.sqrt(2 * t * q)
    # both times dr/dx
    slope = jnp.sqrt(2 * t) * x / jnp.sqrt(q)
    near, far = weights * slope * norm.pdf(a - r), weights * slope * norm.pdf(a + r)
    rate = jnp.exp(y - q)
    noise = rate * jnp.exp(-rate)
    miss = _mass(jnp.sqrt(2 * t * start), a) - jnp.sum((near + far) * jnp.expm1(-rate))
    return (
        miss,
        jnp.sum(noise * (near + far)),
        # the difference of the densities is their sum times tanh(a r)
        jnp.sum(noise * r * (near - far)),
        jnp.sum(noise * r**2 * (near + far)),
    )


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
    _check(k, t, bias_reward)
    numpy, (k, t, b, a) = at_hand(*promote(k, t, bias_teacher, bias_reward))
    t, b, a = numpy.broadcast_arrays(t, b, a)
    first, second = _moments(k, t, a)
    apart = (b - a).reshape(b.shape + (1,) * k.ndim)
    return place(apart**2 + 2 * apart * first + second)
