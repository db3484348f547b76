"""What the best of many costs: divergence from the base, computation, and the gain that it buys."""

from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Float, Real
from scipy.special import ndtri_exp, xlog1py

from solvable import require
from solvable._types import RealLike

from .counting import _checked_law

TAU_LOGS, TAU_STEP = np.linspace(-42, 4, 231, retstep=True)
"""Nodes in the logarithm of an exponential variable, and their spacing. The integrand is analytic up to an imaginary
part of half of pi: the sum is the integral to 1e-20, and what is left out is below 1e-17."""


class InferenceCost(NamedTuple):
    """What answering costs.

    Attributes:
        compute: floating-point operations.
        memory: bytes of keys and values that are read.
        equivalent: operations, and reads at what they would be worth in operations.
    """

    compute: Float[np.ndarray, "..."]
    memory: Float[np.ndarray, "..."]
    equivalent: Float[np.ndarray, "..."]


def best_of_n_kl(n: RealLike) -> Float[np.ndarray, "..."]:
    r"""Divergence of the best of ``n`` answers from one answer, where no two rewards are equal.

    .. math:: \mathrm{KL} = \ln n - \frac{n - 1}{n}

    The best of :math:`n` has the density :math:`n u^{n-1}` in the quantile :math:`u` of its reward. With ties the
    formula is an upper bound; :func:`best_of_n_kl_discrete` counts them.

    Args:
        n: numbers of answers, at least 1.

    Returns:
        Nats, error 1e-16 times :math:`1 + \ln n`.

    Raises:
        ValueError: ``n`` is not a whole number of at least 1.

    Source: derived in the chapter.

    >>> print(best_of_n_kl(np.array([1, 2, 10, 100])).round(4))
    [0.     0.1931 1.4026 3.6152]
    """
    require.integer(1, n=n)
    n = np.asarray(n, float)
    return np.asarray(np.log(n) - (n - 1) / n)


def best_of_n_kl_discrete(probabilities: Real[ArrayLike, " outcomes"], n: RealLike) -> Float[np.ndarray, "..."]:
    r"""Divergence of the best of ``n`` answers from one answer, where there are finitely many rewards.

    .. math:: \mathrm{KL} = \sum_j P_j \ln \frac{P_j}{p_j}, \qquad P_j = F_j^n - F_{j-1}^n, \quad
        F_j = \sum_{i \le j} p_i

    It grows to :math:`-\ln p` of the best outcome, which no number of answers exceeds, while
    :func:`best_of_n_kl` grows without bound.

    Args:
        probabilities: ``(outcomes,)``, :math:`p_j`, of distinct rewards in ascending order, adding up to 1. Answers of
            one reward are one outcome.
        n: numbers of answers, at least 1.

    Returns:
        Nats, with the shape of ``n``; error 1e-13 for :math:`n` up to :math:`2^{30}`.

    Raises:
        ValueError: the probabilities are negative or do not add up to 1, or ``n`` is not a positive whole number.

    Source: derived in the chapter.

    >>> print(best_of_n_kl_discrete(np.full(4, 0.25), np.array([1, 10])).round(3))
    [0.    1.165]
    """
    law = _checked_law(probabilities=probabilities)
    require.integer(1, n=n)
    law = law[law > 0]
    n = np.asarray(n, float)[..., None]
    up_to, above = np.cumsum(law), np.r_[np.cumsum(law[::-1])[-2::-1], 0.0]
    # ln F from whichever of F and 1 - F is small; the other is kept from the logarithm of zero
    log_up_to = np.where(up_to < 0.5, np.log(up_to), np.log1p(-np.minimum(above, 0.75)))
    log_best = n * log_up_to + np.log(-np.expm1(xlog1py(n, -np.minimum(law / up_to, 1))))
    # of a divergence of zero, rounding may make a negative number
    return np.asarray(np.maximum(np.sum(np.exp(log_best) * (log_best - np.log(law)), axis=-1), 0))


def best_of_n_gain(n: RealLike) -> Float[np.ndarray, "..."]:
    r"""Mean of the largest of ``n`` independent standard normal numbers.

    .. math:: \mathbb{E} \max_{i \le n} z_i = \int_0^\infty e^{-\tau}\, \Phi^{-1}\big(e^{-\tau/n}\big)\, d\tau
        \simeq \sqrt{2 \ln n}

    The chance that a number lies below the largest has the law of :math:`e^{-\tau/n}` with :math:`\tau` exponential of
    mean 1. The growth is slow, and :math:`\sqrt{2 \ln n}` is an upper bound that is approached as slowly: at
    :math:`n = 2^{30}` it is still six per cent too large.

    Args:
        n: at least 1.

    Returns:
        The mean; error 1e-14 for :math:`n` up to :math:`2^{30}`.

    Raises:
        ValueError: ``n`` is not a whole number of at least 1.

    Source: derived in the chapter.

    >>> print(best_of_n_gain(np.array([2, 16, 4096])).round(4))
    [0.5642 1.766  3.6261]
    """
    require.integer(1, n=n)
    tau = np.exp(TAU_LOGS)
    weights = TAU_STEP * tau * np.exp(-tau)
    return np.asarray(ndtri_exp(-tau / np.asarray(n, float)[..., None]) @ weights)


def verifier_gap(n: RealLike, horizon: RealLike, step_spread: RealLike = 1.0) -> Float[np.ndarray, "..."]:
    r"""What the best of ``n`` traces, by a verifier, gains over imitating them, in a model of independent steps.

    .. math:: \sigma_1 \sqrt{H}\; \mathbb{E} \max_{i \le n} z_i

    The reward of a trace is the sum of :math:`H` independent steps, each normal with standard deviation
    :math:`\sigma_1`. A policy that imitates the traces reaches their mean; a verifier that sees the reward reaches the
    best of :math:`n`. The gap grows with the length of the traces, as their spread does.

    Args:
        n: numbers of traces, at least 1.
        horizon: :math:`H`, positive.
        step_spread: :math:`\sigma_1`, positive; all three are broadcast.

    Returns:
        The gap, with the relative error of :func:`best_of_n_gain`.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter, as the smallest model of the claim of Setlur et al. (2025), arXiv:2502.12118.

    >>> print(verifier_gap(16, np.array([1, 100])).round(3))
    [ 1.766 17.66 ]
    """
    require.positive(horizon=horizon, step_spread=step_spread)
    return np.asarray(best_of_n_gain(n) * np.sqrt(np.asarray(horizon, float)) * step_spread)


def proxy_gain(n: RealLike, correlation: RealLike) -> Float[np.ndarray, "..."]:
    r"""True reward of the best of ``n`` by a proxy, where the two rewards are jointly normal.

    .. math:: \rho\; \mathbb{E} \max_{i \le n} z_i

    The true reward given the proxy is :math:`\rho` times it, and noise of mean zero. So it never turns over as
    :math:`n` grows: over-optimisation needs a proxy that is not linearly related to what is wanted.

    Args:
        n: numbers of answers, at least 1.
        correlation: :math:`\rho`, between -1 and 1; broadcast.

    Returns:
        The mean, in standard deviations of the true reward.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.

    >>> print(proxy_gain(np.array([16, 4096]), 0.7).round(3))
    [1.236 2.538]
    """
    require.within(-1, 1, correlation=correlation)
    return np.asarray(best_of_n_gain(n) * correlation)


def inference_cost(
    trials: RealLike,
    *,
    parameters: RealLike,
    prompt: RealLike,
    generated: RealLike,
    kv_size: RealLike,
    gqa_ratio: RealLike,
    intensity: RealLike = 562.5,
) -> InferenceCost:
    r"""Operations and reads of memory that ``trials`` answers to one prompt take.

    .. math::

        C_{\mathrm{comp}} &= 2 N P L_{\mathrm{out}} + 2 r N L_{\mathrm{in}} D L_{\mathrm{out}}
            + r N D L_{\mathrm{out}}^2 \\
        C_{\mathrm{mem}} &= 2 L_{\mathrm{in}} D L_{\mathrm{out}} + N D L_{\mathrm{out}}^2 \\
        \mathrm{eFLOPs} &= C_{\mathrm{comp}} + I\, C_{\mathrm{mem}}

    Parameters cost the same for every token, attention costs more the more there is to look back on: a long answer pays
    as the square of its length. The keys and values of the prompt are read once for all trials. Reading the parameters
    is left out, as a large batch shares it; so is the pass over the prompt.

    Args:
        trials: :math:`N`, answers, not negative.
        parameters: :math:`P`, active parameters of the model, not negative.
        prompt: :math:`L_{\mathrm{in}}`, tokens, not negative.
        generated: :math:`L_{\mathrm{out}}`, tokens of an answer, not negative.
        kv_size: :math:`D`, numbers in the keys and values of a token: twice the layers, times heads of keys, times the
            dimension of a head.
        gqa_ratio: :math:`r`, heads of queries that share a head of keys, positive.
        intensity: :math:`I`, operations that the hardware does in the time that it reads a byte; 562.5 is the source's
            number for an NVIDIA B200. All are broadcast.

    Returns:
        Operations, bytes read at 16 bits a number, and both as operations.

    Raises:
        ValueError: an argument is negative or not finite.

    Source: Sadhukhan et al. (2025), "Kinetics: Rethinking Test-Time Scaling Laws", arXiv:2506.05333, as on the authors'
    project page and in their code, ``dense_cost``, from which the meaning of :math:`D` is taken.

    >>> cost = inference_cost(1, parameters=8e9, prompt=1e3, generated=1e4, kv_size=73728, gqa_ratio=4)
    >>> print(f"{cost.compute:.3g} {cost.memory:.3g} {cost.equivalent:.3g}")
    1.95e+14 8.85e+12 5.17e+15
    """
    require.non_negative(trials=trials, parameters=parameters, prompt=prompt, generated=generated, kv_size=kv_size)
    require.positive(gqa_ratio=gqa_ratio)
    require.non_negative(intensity=intensity)
    n, p, inputs, outputs, d, r, i = np.broadcast_arrays(
        *(np.asarray(value, float) for value in (trials, parameters, prompt, generated, kv_size, gqa_ratio, intensity))
    )
    looked_up = d * outputs * (2 * inputs + outputs)
    compute = n * (2 * p * outputs + r * looked_up)
    memory = d * outputs * (2 * inputs + n * outputs)
    return InferenceCost(np.asarray(compute), np.asarray(memory), np.asarray(compute + i * memory))


def attention_share(
    trials: RealLike,
    *,
    parameters: RealLike,
    prompt: RealLike,
    generated: RealLike,
    kv_size: RealLike,
    gqa_ratio: RealLike,
    intensity: RealLike = 562.5,
) -> Float[np.ndarray, "..."]:
    r"""Share of the equivalent cost of an answer that is attention; it grows to 1 with the length of the answer.

    .. math:: 1 - \frac{2 N P L_{\mathrm{out}}}{\mathrm{eFLOPs}}

    Args:
        trials: :math:`N`, answers, positive.
        parameters: :math:`P`, active parameters of the model, positive.
        prompt: :math:`L_{\mathrm{in}}`, tokens, not negative.
        generated: :math:`L_{\mathrm{out}}`, tokens of an answer, positive.
        kv_size: :math:`D`, numbers in the keys and values of a token, not negative.
        gqa_ratio: :math:`r`, heads of queries that share a head of keys, positive.
        intensity: :math:`I`, operations in the time of reading a byte. All are broadcast.

    Returns:
        The share; error 1e-15.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter from :func:`inference_cost`.

    >>> model = dict(parameters=8e9, prompt=1e3, kv_size=73728, gqa_ratio=4)
    >>> print(attention_share(1, generated=np.array([100, 1000, 10_000]), **model).round(3))
    [0.846 0.887 0.969]
    """
    require.positive(trials=trials, parameters=parameters, generated=generated)
    model = {"parameters": parameters, "prompt": prompt, "kv_size": kv_size, "gqa_ratio": gqa_ratio}
    cost = inference_cost(trials, generated=generated, intensity=intensity, **model)
    return np.asarray(1 - 2 * np.asarray(trials, float) * parameters * np.asarray(generated, float) / cost.equivalent)
