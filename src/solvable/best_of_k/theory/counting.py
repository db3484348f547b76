"""Success in k tries, each right or wrong: estimates, coverage over problems, and the policy that tries best."""

import numpy as np
from jaxtyping import ArrayLike, Float, Real
from scipy.special import gamma, gammaln, xlog1py

from solvable import require
from solvable._types import RealLike

STIRLING_FROM = 20.0
"""Arguments of the gamma function from which six terms of Stirling's series are exact to rounding."""
STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)
SUM_TOLERANCE = 1e-9
"""How far probabilities may add up to something else than 1."""


def _checked_law(**subjects: object) -> Float[np.ndarray, " answers"]:
    ((name, value),) = subjects.items()
    require.shape((None,), **subjects)
    require.non_negative(**subjects)
    law = np.asarray(value, float)
    if not abs(law.sum() - 1) <= SUM_TOLERANCE:
        raise ValueError(f"{name} must add up to 1, got a sum of {float(law.sum())!r}")
    return law / law.sum()


def _require_at_most(largest: RealLike, called: str, **subjects: object) -> None:
    for name, value in subjects.items():
        below, above = np.broadcast_arrays(value, largest)
        if (below > above).any():
            at = tuple(np.argwhere(below > above)[0])
            raise ValueError(f"{name} must be at most {called}, got {below[at].item()!r} and {above[at].item()!r}")


def pass_at_k(samples: RealLike, correct: RealLike, k: RealLike) -> Float[np.ndarray, "..."]:
    r"""Estimate without bias of the chance that one of ``k`` answers is right, from more answers than that.

    .. math::

        1 - \binom{n - c}{k} \Big/ \binom{n}{k} = 1 - \prod_{i = n - c + 1}^{n} \Big(1 - \frac{k}{i}\Big)

    It is the share of all choices of :math:`k` from the :math:`n` answers that contain a right one. The product is the
    same with :math:`c` and :math:`k` exchanged; the shorter one is taken, as a sum of logarithms.

    Args:
        samples: :math:`n`, answers that were drawn.
        correct: :math:`c`, how many of them were right, from 0 to :math:`n`.
        k: from 1 to :math:`n`; all three are broadcast.

    Returns:
        The estimate, 1 where fewer than :math:`k` answers were wrong; relative error 1e-14.

    Raises:
        ValueError: a number is not whole or lies outside its range.

    Source: the estimator is that of Chen et al. (2021), arXiv:2107.03374; the symmetric form is derived in the chapter.

    >>> print(pass_at_k(4, np.array([0, 1, 2, 3]), 2).round(4))
    [0.     0.5    0.8333 1.    ]
    """
    require.integer(1, samples=samples, k=k)
    require.integer(0, correct=correct)
    _require_at_most(samples, "samples", correct=correct, k=k)
    n, c, k = np.broadcast_arrays(*(np.asarray(value, float) for value in (samples, correct, k)))
    fewer, more = np.minimum(c, k)[..., None], np.maximum(c, k)[..., None]
    enough = n - c >= k
    drawn = np.arange(int(fewer.max(initial=0)))
    lacking = np.where((drawn < fewer) & enough[..., None], more / np.maximum(n[..., None] - drawn, 1), 0)
    return np.where(enough, 0 - np.expm1(np.log1p(-lacking).sum(axis=-1)), 1.0)


def pass_at_k_plug_in(samples: RealLike, correct: RealLike, k: RealLike) -> Float[np.ndarray, "..."]:
    r"""Estimate of the chance that one of ``k`` answers is right, from the share of right answers; biased low.

    .. math:: 1 - (1 - c / n)^k

    :math:`(1 - p)^k` is convex in :math:`p`, so that its mean over the share :math:`c/n` exceeds its value at the mean.

    Args:
        samples: :math:`n`, answers that were drawn.
        correct: :math:`c`, how many of them were right, from 0 to :math:`n`.
        k: at least 1, and not bounded by :math:`n`; all three are broadcast.

    Returns:
        The estimate; relative error 1e-15.

    Raises:
        ValueError: a number is not whole or lies outside its range.

    Source: derived in the chapter.

    >>> print(pass_at_k_plug_in(4, np.array([0, 1, 2, 3]), 2).round(4))
    [0.     0.4375 0.75   0.9375]
    """
    require.integer(1, samples=samples, k=k)
    require.integer(0, correct=correct)
    _require_at_most(samples, "samples", correct=correct)
    return np.asarray(0 - np.expm1(xlog1py(np.asarray(k, float), -np.asarray(correct, float) / samples)))


def _log_rising(z: RealLike, a: RealLike) -> Float[np.ndarray, "..."]:
    r""":math:`\ln \Gamma(z + a) - \ln \Gamma(z)`, where the difference of the two would lose digits."""
    large = np.maximum(z, STIRLING_FROM)
    # Stirling's series for both, their leading terms subtracted by hand
    found = (large - 0.5) * np.log1p(a / large) - a + a * np.log(large + a)
    for order, term in enumerate(STIRLING):
        power = 2 * order + 1
        found = found + term * ((large + a) ** -power - large**-power)
    return np.where(z < STIRLING_FROM, gammaln(z + a) - gammaln(z), found)


def beta_failure(k: RealLike, *, a: RealLike, b: RealLike) -> Float[np.ndarray, "..."]:
    r"""Share of problems that ``k`` tries leave unsolved, where the chance of success has a Beta law over problems.

    .. math:: \mathbb{E}(1 - p)^k = \frac{B(a, b + k)}{B(a, b)}
        = \frac{\Gamma(a + b)}{\Gamma(b)} \frac{\Gamma(b + k)}{\Gamma(a + b + k)}

    Every problem fails exponentially in :math:`k`, their mean as a power: with :math:`k` grows the weight of the
    problems that are hardly ever solved.

    Args:
        k: numbers of tries, not negative; need not be whole.
        a: of the Beta law, positive: the density of small :math:`p` is as :math:`p^{a - 1}`.
        b: of the Beta law, positive; all three are broadcast.

    Returns:
        The share; relative error 1e-13 for :math:`a, b \le 10` and :math:`k` up to :math:`2^{40}`.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter; that a power law of the mean comes from the density at zero is the argument of
    Schaeffer et al. (2025), arXiv:2502.17578.

    >>> print(beta_failure(np.array([0, 1, 2]), a=1.0, b=1.0).round(4))
    [1.     0.5    0.3333]
    """
    require.non_negative(k=k)
    require.positive(a=a, b=b)
    k, a, b = (np.asarray(value, float) for value in (k, a, b))
    return np.asarray(np.exp(_log_rising(b, a) - _log_rising(b + k, a)))


def coverage_power_law(k: RealLike, *, exponent: RealLike, density: RealLike) -> Float[np.ndarray, "..."]:
    r"""Share of problems that many tries leave unsolved, from the density of chances of success at zero.

    .. math:: \mathbb{E}(1 - p)^k \simeq C\, \Gamma(b)\, k^{-b} \qquad\text{where the density is}\quad C p^{b - 1}

    for small :math:`p`: :math:`(1 - p)^k` is then :math:`e^{-kp}`. Where the density vanishes faster than every power,
    as it does when a hardest problem exists, there is no such law.

    Args:
        k: numbers of tries, positive.
        exponent: :math:`b`, positive.
        density: :math:`C`, positive; all three are broadcast.

    Returns:
        The leading term; what is neglected is smaller by a factor of order :math:`1/k`, or by :math:`k^{-\delta}` where
        the density has a correction :math:`p^{\delta}` with :math:`\delta < 1`.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: Schaeffer et al. (2025), arXiv:2502.17578, in the reading of the chapter, which derives it.

    >>> print(f"{float(coverage_power_law(100, exponent=0.5, density=0.5)):.4f}")
    0.0886
    """
    require.positive(k=k, exponent=exponent, density=density)
    k, exponent = np.asarray(k, float), np.asarray(exponent, float)
    return np.asarray(density * gamma(exponent) * k**-exponent)


def beta_power_law(k: RealLike, *, a: RealLike, b: RealLike) -> Float[np.ndarray, "..."]:
    r"""What :func:`beta_failure` tends to after many tries.

    .. math:: \mathbb{E}(1 - p)^k \simeq \frac{\Gamma(a + b)}{\Gamma(b)}\, k^{-a}

    It is :func:`coverage_power_law` with the exponent :math:`a` and the density :math:`1 / B(a, b)`. The relative
    correction is :math:`-a (a + 2b - 1) / 2k`.

    Args:
        k: numbers of tries, positive.
        a: of the Beta law, positive.
        b: of the Beta law, positive; all three are broadcast.

    Returns:
        The leading term; it is computed with a relative error of 1e-13 for :math:`a, b \le 10`.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.

    >>> print(f"{float(beta_power_law(2**10, a=0.3, b=3.0) / beta_failure(2**10, a=0.3, b=3.0)):.4f}")
    1.0008
    """
    require.positive(k=k, a=a, b=b)
    k, a, b = (np.asarray(value, float) for value in (k, a, b))
    return np.asarray(np.exp(_log_rising(b, a)) * k**-a)


def finite_benchmark_failure(success: Real[ArrayLike, " problems"], k: RealLike) -> Float[np.ndarray, "..."]:
    r"""Share of the problems of a benchmark that ``k`` tries leave unsolved.

    .. math:: \frac{1}{Q} \sum_{i=1}^{Q} (1 - p_i)^k

    A finite benchmark has a hardest problem: it follows a power law only while :math:`k \ll 1/\min_i p_i`, and fails
    exponentially after that.

    Args:
        success: ``(problems,)``, :math:`p_i`, between 0 and 1.
        k: numbers of tries, not negative.

    Returns:
        The share, with the shape of ``k``. A problem whose chance is small counts with its full precision, and the
        error of a term is that of a rounding of :math:`k \ln(1 - p_i)`.

    Raises:
        ValueError: there is no problem, or an argument lies outside its domain.

    Source: derived in the chapter.

    >>> print(finite_benchmark_failure(np.array([0.5, 1e-6]), np.array([1, 10, 10**6])).round(4))
    [0.75   0.5005 0.1839]
    """
    require.shape((None,), success=success)
    require.within(0, 1, success=success)
    require.non_negative(k=k)
    if not np.size(success):
        raise ValueError(f"success must have at least one problem, got shape {np.shape(success)}")
    exponents = xlog1py(np.asarray(k, float)[..., None], -np.asarray(success, float))
    return np.asarray(np.exp(exponents).mean(axis=-1))


def pass_until_estimate(successes: RealLike, tries: RealLike) -> Float[np.ndarray, "..."]:
    r"""Estimate without bias of a chance of success, where trying went on until there were so many successes.

    .. math:: \hat p = \frac{r - 1}{K - 1}

    The last try is a success by construction, so it says nothing: :math:`r / K` is biased high.

    Args:
        successes: :math:`r`, fixed beforehand, at least 2.
        tries: :math:`K`, that it took; at least :math:`r`.

    Returns:
        The estimate, exact to rounding.

    Raises:
        ValueError: a number is not whole or lies outside its range.

    Source: derived in the chapter, for the sampling of Hu et al. (2023), arXiv:2310.03262.

    >>> print(pass_until_estimate(2, np.array([2, 11, 1001])))
    [1.    0.1   0.001]
    """
    require.integer(2, successes=successes)
    require.integer(2, tries=tries)
    _require_at_most(tries, "tries", successes=successes)
    return np.asarray((np.asarray(successes, float) - 1) / (np.asarray(tries, float) - 1))


def pass_at_n_weight(p: RealLike, n: RealLike) -> Float[np.ndarray, "..."]:
    r"""Factor between the gradients of a loss of ``n`` tries and of cross-entropy.

    .. math:: F = \frac{N p (1 - p)^{N - 1}}{1 - (1 - p)^N}, \qquad
        -\nabla \ln\!\big[1 - (1 - p)^N\big] = -F\, \nabla \ln p

    It is 1 where :math:`p \ll 1/N` and vanishes where :math:`p \gg 1/N`: once some try of :math:`N` will be right, the
    loss no longer asks for confidence.

    Args:
        p: probability of the right answer, above 0 and at most 1.
        n: :math:`N`, numbers of tries, at least 1; broadcast with ``p``.

    Returns:
        :math:`F`, between 0 and 1; relative error 1e-15 where :math:`N p` is at most 1, and growing with it.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter; the objective is that of Chen et al. (2025), arXiv:2502.07154.

    >>> print(pass_at_n_weight(np.array([1e-4, 0.01, 0.1]), 16).round(3))
    [0.999 0.926 0.404]
    """
    require.positive(p=p)
    require.within(0, 1, p=p)
    require.integer(1, n=n)
    p, n = np.asarray(p, float), np.asarray(n, float)
    return np.asarray(n * p * np.exp(xlog1py(n - 1, -p)) / -np.expm1(xlog1py(n, -p)))


def best_policy_for_n_tries(probabilities: Real[ArrayLike, " answers"], n: int) -> Float[np.ndarray, " answers"]:
    r"""The law to draw ``n`` tries from, where each answer may be the right one with a known probability.

    .. math::

        \max_q \sum_i \pi_i \big[1 - (1 - q_i)^n\big], \qquad
        1 - q_i = \min\!\big(1, (\lambda / \pi_i)^{1 / (n - 1)}\big)

    with :math:`\lambda` such that :math:`\sum_i q_i = 1`. One try goes to the most likely answer; two or more are
    spread, and evenly over all answers as :math:`n \to \infty`. :math:`q = \pi`, which cross-entropy teaches, is best
    for no number of tries in general. The :math:`m` likeliest answers have
    :math:`\lambda^{1/(n-1)} = (m - 1) / \sum_{i \le m} \pi_i^{-1/(n-1)}`; :math:`m` is the largest that leaves all of
    them above zero.

    Args:
        probabilities: ``(answers,)``, :math:`\pi_i`, adding up to 1.
        n: number of tries, at least 1.

    Returns:
        ``(answers,)``, :math:`q_i`; error 1e-15. For :math:`n = 1`, answers that are equally likely share equally.

    Raises:
        ValueError: the probabilities are negative or do not add up to 1, or ``n`` is not a positive whole number.

    Source: derived in the chapter.

    >>> print(best_policy_for_n_tries(np.array([0.6, 0.3, 0.1]), 4).round(3))
    [0.509 0.382 0.109]
    """
    law = _checked_law(probabilities=probabilities)
    require.integer(1, n=n)
    if n == 1:
        likeliest = (law == law.max()).astype(float)
        return likeliest / likeliest.sum()
    order = np.argsort(-law, kind="stable")
    # the rarest answers may overflow here, and get nothing
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        rarity = np.exp((np.log(law.max()) - np.log(law[order])) / (n - 1))
        level = np.arange(len(law)) / np.cumsum(rarity)
        count = int((level * rarity < 1).sum())
    policy = np.zeros(len(law))
    policy[order[:count]] = 1 - level[count - 1] * rarity[:count]
    return policy


def success_in_n_tries(
    probabilities: Real[ArrayLike, " answers"], policy: Real[ArrayLike, " answers"], n: RealLike
) -> Float[np.ndarray, "..."]:
    r"""Chance that one of ``n`` tries drawn from a policy is the right answer.

    .. math:: \sum_i \pi_i \big[1 - (1 - q_i)^n\big]

    Args:
        probabilities: ``(answers,)``, :math:`\pi_i`, of being the right answer, adding up to 1.
        policy: ``(answers,)``, :math:`q_i`, adding up to 1.
        n: numbers of tries, not negative.

    Returns:
        The chance, with the shape of ``n``; relative error 1e-15 where :math:`n` is at most :math:`1 / \max_i q_i`, and
        absolute error 1e-15 elsewhere.

    Raises:
        ValueError: a law is negative or does not add up to 1, the two differ in length, or ``n`` is negative.

    Source: derived in the chapter.

    >>> pi = np.array([0.6, 0.3, 0.1])
    >>> print(success_in_n_tries(pi, pi, np.array([1, 16])).round(4))
    [0.46   0.9805]
    """
    law, drawn = _checked_law(probabilities=probabilities), _checked_law(policy=policy)
    require.shape(law.shape, policy=policy)
    require.non_negative(n=n)
    return np.asarray((0 - np.expm1(xlog1py(np.asarray(n, float)[..., None], -drawn))) @ law)


def exact_match(token_accuracy: RealLike, length: RealLike) -> Float[np.ndarray, "..."]:
    r"""Chance that an answer is right in every token.

    .. math:: p^L

    A smooth growth of :math:`p` looks like a jump of :math:`p^L`: half of it lies within :math:`1 - p` of order
    :math:`1/L`. The expected number of wrong tokens, :math:`L (1 - p)`, is smooth.

    Args:
        token_accuracy: :math:`p`, the same for all tokens, between 0 and 1.
        length: :math:`L`, not negative; broadcast.

    Returns:
        The chance, exact to rounding of the given numbers.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: the idea is that of Schaeffer et al. (2023), arXiv:2304.15004; derived in the chapter.

    >>> print(exact_match(np.array([0.9, 0.99, 0.999]), 100).round(4))
    [0.     0.366  0.9048]
    """
    require.within(0, 1, token_accuracy=token_accuracy)
    require.non_negative(length=length)
    return np.asarray(np.power(np.asarray(token_accuracy, float), np.asarray(length, float)))


def horizon_length(step_accuracy: RealLike, success: RealLike = 0.5) -> Float[np.ndarray, "..."]:
    r"""Number of steps that are all right with a given chance.

    .. math:: H_s = \frac{\ln s}{\ln p}, \qquad \frac{dH_s}{dp} \approx \frac{\ln (1/s)}{(1 - p)^2}

    Near :math:`p = 1`, gains in accuracy that look small are long tasks. It supposes that a step's accuracy does not
    depend on the errors before it.

    Args:
        step_accuracy: :math:`p`, above 0 and below 1.
        success: :math:`s`, above 0 and below 1; broadcast.

    Returns:
        :math:`H_s`, not rounded to whole steps; relative error 1e-15 for the given number :math:`p`.

    Raises:
        ValueError: an argument is not above 0 and below 1.

    Source: the measure is that of Sinha et al. (2025), arXiv:2509.09677; derived in the chapter.

    >>> print(horizon_length(np.array([0.9, 0.99, 0.999])).round(1))
    [  6.6  69.  692.8]
    """
    require.positive(step_accuracy=step_accuracy, success=success)
    for name, value in {"step_accuracy": step_accuracy, "success": success}.items():
        if (np.asarray(value) >= 1).any():
            raise ValueError(f"{name} must be below 1, got {float(np.max(value))!r}")
    return np.asarray(np.log(np.asarray(success, float)) / np.log(np.asarray(step_accuracy, float)))
