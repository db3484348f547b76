"""The best number of answers, the best temperature and the best judge."""

import numpy as np
from scipy.optimize import minimize_scalar

from solvable import require

from .averages import average_error, average_has_finite_optimal_k
from .expansions import has_finite_optimal_k
from .selection import softmax_selection_error

LARGEST_K = 2**30
REFINED = 128
"""Numbers of answers that are compared at once."""
TEMPERATURES = (1e-4, 1e4)


def optimal_k(t: float, *, bias_teacher: float, bias_reward: float) -> float:
    r"""Number of answers beyond which more of them do harm, at one input.

    Args:
        t: :math:`T / 2 s^2`, not negative.
        bias_teacher: :math:`b = (m - y_T) / s`.
        bias_reward: :math:`a = (m - y_R) / s`.

    Returns:
        The whole number with the smallest error; infinity where the error falls for ever, or beyond :math:`2^{30}`.

    Raises:
        ValueError: an argument is outside its domain.

    Source: exact errors compared; whether there is one, by :func:`has_finite_optimal_k`.

    >>> optimal_k(5.0, bias_teacher=0.2, bias_reward=-1.8)
    2.0
    """
    if not has_finite_optimal_k(t, bias_teacher=bias_teacher, bias_reward=bias_reward):
        return float("inf")
    return _best_whole_number(
        lambda k: softmax_selection_error(k, t, bias_teacher=bias_teacher, bias_reward=bias_reward)
    )


def average_optimal_k(t: float, *, bias_variance: float, offset: float) -> float:
    r"""Number of answers beyond which more of them do harm, on average over inputs.

    Args:
        t: :math:`T / 2 s^2`, not negative.
        bias_variance: :math:`\tau^2 = V_T / s^2`, not negative.
        offset: :math:`c` of the judge, as in :func:`average_error`.

    Returns:
        The whole number with the smallest error; infinity where the error falls for ever, or beyond :math:`2^{30}`.

    Raises:
        ValueError: an argument is outside its domain.

    Source: exact errors compared.

    >>> average_optimal_k(0.0, bias_variance=0.04, offset=0.0)
    inf
    """
    if not average_has_finite_optimal_k(t, bias_variance=bias_variance, offset=offset):
        return float("inf")
    return _best_whole_number(lambda k: average_error(k, t, bias_variance=bias_variance, offset=offset))


def _best_whole_number(error) -> float:
    # one shape for all comparisons: what is compiled once serves them all
    ks = np.unique(np.geomspace(1, LARGEST_K, REFINED).round())
    ks = np.concatenate([ks, np.full(REFINED - ks.size, LARGEST_K)])
    while True:
        best = int(np.argmin(error(ks)))
        if ks[best] >= LARGEST_K:
            return float("inf")
        low, high = ks[max(best - 1, 0)], ks[best + 1]
        if high - low <= 2:
            return float(ks[best])
        ks = np.linspace(low, high, REFINED).round() if high - low >= REFINED else low + np.arange(REFINED)


def optimal_temperature(k: float, *, bias_teacher: float, bias_reward: float) -> float:
    r"""Temperature at which :math:`k` answers give the smallest error, at one input.

    With endlessly many answers it is

    .. math:: t^* = \max\Big(0, \frac{2 a^2}{1 + 2ab} - 1\Big),

    and infinite where :math:`1 + 2ab \le 0`: a judge on the wrong side of the mean is best ignored.

    Args:
        k: number of answers, at least 1; may be infinite.
        bias_teacher: :math:`b = (m - y_T) / s`.
        bias_reward: :math:`a = (m - y_R) / s`.

    Returns:
        :math:`t^* = T^* / 2 s^2`, to a relative 1e-6; 0 or infinity where the error is smallest at that end. With a
        single answer there is nothing to select, and every temperature is as good: 0.

    Raises:
        ValueError: ``k`` is below 1, or a bias is not finite.
        ArithmeticError: a judge is farther out than the quadrature reaches, about 14 standard deviations.

    Source: exact errors compared; the limit derived in the chapter.

    >>> print(f"{optimal_temperature(3, bias_teacher=0.0, bias_reward=6.0):.2f}")
    25.82
    """
    require.within(1, np.inf, k=k)
    require.finite(bias_teacher=bias_teacher, bias_reward=bias_reward)
    biases = {"bias_teacher": bias_teacher, "bias_reward": bias_reward}
    if k == 1:
        return 0.0
    if np.isinf(k):
        slope = 1 + 2 * bias_teacher * bias_reward
        return max(0.0, 2 * bias_reward**2 / slope - 1) if slope > 0 else float("inf")
    grid = np.geomspace(*TEMPERATURES, 33)
    errors = np.asarray(softmax_selection_error(k, np.concatenate([[0.0], grid]), **biases))
    best = int(np.argmin(errors))
    if best <= 1 and errors[0] <= errors.min() * (1 + 1e-12):
        return 0.0
    if errors[best] >= 1 + bias_teacher**2 or best == grid.size:
        return float("inf")
    around = np.log(grid[[max(best - 2, 0), min(best, grid.size - 1)]])
    found = minimize_scalar(
        lambda log_t: float(softmax_selection_error(k, np.exp(log_t), **biases)),
        bounds=tuple(around),
        method="bounded",
        options={"xatol": 1e-7},
    )
    return float(np.exp(found.x))


def optimal_temperature_series(k: float, *, bias_teacher: float, bias_reward: float) -> float:
    r"""Optimal temperature by the first two terms of the high-temperature series.

    .. math:: t^* = 2 \Big(1 - \frac{2}{k}\Big) \frac{C_2}{C_1}, \qquad C_1 = 1 + 2ab, \qquad C_2 = C_1 + a^2

    It supposes that :math:`t^*` is large against 1. Where it is not, the formula still returns a number.

    Args:
        k: number of answers, at least 2; may be infinite.
        bias_teacher: :math:`b = (m - y_T) / s`.
        bias_reward: :math:`a = (m - y_R) / s`.

    Returns:
        :math:`t^*`; infinite where :math:`C_1 \le 0`.

    Raises:
        ValueError: ``k`` is below 2, or a bias is not finite.

    Source: Halder and Pehlevan (2026), Remark 4, as in their code.

    >>> print(f"{optimal_temperature_series(3, bias_teacher=0.0, bias_reward=6.0):.2f}")
    24.67
    """
    require.within(2, np.inf, k=k)
    require.finite(bias_teacher=bias_teacher, bias_reward=bias_reward)
    c1 = 1 + 2 * bias_teacher * bias_reward
    return 2 * (1 - 2 / k) * (1 + bias_reward**2 / c1) if c1 > 0 else float("inf")


def optimal_reward_offset(t: float, *, k: float = np.inf, bias_teacher: float = 1.0) -> float:
    r"""How far beyond the teacher the best judge aims, as a multiple of the bias.

    The judge's target is :math:`y_R = y_T - c\,(m - y_T)`. With endlessly many answers

    .. math:: c^* = t = \frac{T}{2 s^2}, \qquad \frac{\delta_\infty}{s^2} = \frac{t}{1 + t} :

    the softmax falls short of its target by a fraction, so the target has to lie as much farther.

    Args:
        t: :math:`T / 2 s^2`, not negative.
        k: number of answers, at least 2; may be infinite.
        bias_teacher: :math:`b = (m - y_T) / s`, not zero; with endlessly many answers the offset does not depend on it.

    Returns:
        :math:`c^*`, of the judges from the predictive mean to :math:`|a| = 12`; by comparison of exact errors, to
        1e-6, where ``k`` is finite.

    Raises:
        ValueError: an argument is outside its domain.

    Source: derived in the chapter.

    >>> optimal_reward_offset(0.5)
    0.5
    """
    require.non_negative(t=t)
    require.within(2, np.inf, k=k)
    require.finite(bias_teacher=bias_teacher)
    if bias_teacher == 0:
        raise ValueError(f"bias_teacher must differ from 0, got {bias_teacher!r}")
    if np.isinf(k):
        return float(t)

    def error(a):
        return softmax_selection_error(k, t, bias_teacher=abs(bias_teacher), bias_reward=a)

    grid = np.linspace(0, 12, 61)
    best = int(np.argmin(error(grid)))
    found = minimize_scalar(
        lambda a: float(error(a)),
        bounds=(grid[max(best - 1, 0)], grid[min(best + 1, 60)]),
        method="bounded",
        options={"xatol": 1e-7},
    )
    return float(found.x / abs(bias_teacher) - 1)


def samples_to_beat_the_mean(bias_variance: float) -> float:
    r"""Smallest number of answers of which the best, by the teacher's choice, beats the posterior mean.

    The mean has the error :math:`V_T = \tau^2 s^2`, a single answer :math:`(1 + \tau^2) s^2`: sampling has to make up
    for its own spread first. From the asymptotic law it is about :math:`\sqrt{C / \tau^2}`.

    Args:
        bias_variance: :math:`\tau^2 = V_T / s^2`, positive.

    Returns:
        The whole number, by comparison of exact average errors; infinity where it is beyond :math:`2^{30}`.

    Raises:
        ValueError: the variance is not positive.

    Source: derived in the chapter.

    >>> samples_to_beat_the_mean(0.25)
    4.0
    """
    require.positive(bias_variance=bias_variance)
    low, high = 1, LARGEST_K
    if average_error(high, 0.0, bias_variance=bias_variance) >= bias_variance:
        return float("inf")
    while high - low > 1:
        middle = (low + high) // 2
        better = average_error(middle, 0.0, bias_variance=bias_variance) < bias_variance
        low, high = (low, middle) if better else (middle, high)
    return float(high)
