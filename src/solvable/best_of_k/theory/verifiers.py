"""Retrying until an imperfect verifier accepts: what more tries are worth, and when to stop."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Float, Real
from scipy.linalg import eigh_tridiagonal
from scipy.special import xlog1py

from solvable import require
from solvable._types import RealLike

MOST_TRIES = 2**30
"""Up to where a turn of the utility is looked for."""
TRIES = np.unique(np.r_[np.arange(65), np.round(np.geomspace(64, MOST_TRIES, 400))])
"""Every number of tries at first, then steps of four per cent; a turn between two of them is found exactly."""
NEVER = -1e4
"""Stands for the logarithm of zero: below that of every positive number."""


class Difficulties(NamedTuple):
    """Problems, and how often each kind occurs.

    Attributes:
        success: ``(nodes,)``, chances of success in one try.
        weights: ``(nodes,)``, adding up to 1.
    """

    success: Float[np.ndarray, " nodes"]
    weights: Float[np.ndarray, " nodes"]


class _Problems(NamedTuple):
    right: Float[np.ndarray, " problems"]
    wrong: Float[np.ndarray, " problems"]
    weights: Float[np.ndarray, " problems"]


def _problems(success: ArrayLike, false_accept: RealLike, miss: RealLike, weights: ArrayLike | None) -> _Problems:
    """Chances that a try is accepted, rightly and wrongly, and how much each problem counts."""
    require.shape((None,), success=success)
    require.within(0, 1, success=success, false_accept=false_accept, miss=miss)
    p = np.asarray(success, float)
    if not p.size:
        raise ValueError(f"success must have at least one problem, got shape {p.shape}")
    for name, value in {"false_accept": false_accept, "miss": miss}.items():
        if np.ndim(value):
            require.shape(p.shape, **{name: value})
    if weights is None:
        w = np.ones(p.shape)
    else:
        require.shape(p.shape, weights=weights)
        require.non_negative(weights=weights)
        w = np.asarray(weights, float)
        if not w.sum() > 0:
            raise ValueError(f"weights must have a positive sum, got {float(w.sum())!r}")
    return _Problems(p * (1 - np.asarray(miss, float)), (1 - p) * np.asarray(false_accept, float), w / w.sum())


def verifier_utility(
    tries: RealLike,
    success: Real[ArrayLike, " problems"],
    *,
    false_accept: Real[ArrayLike, " #problems"] | RealLike,
    miss: Real[ArrayLike, " #problems"] | RealLike = 0.0,
    cost: float = 0.0,
    weights: Real[ArrayLike, " problems"] | None = None,
) -> Float[np.ndarray, "..."]:
    r"""Mean reward where answers are drawn until a verifier accepts one, or the tries run out.

    .. math::

        U(K) = \mathbb{E}\left[ (1 - q^K)\, \frac{t - c f}{t + f} \right], \qquad
        t = p\, (1 - f_n), \quad f = (1 - p)\, f_p, \quad q = 1 - t - f

    A right answer counts 1, a wrong one that was accepted :math:`-c`, none at all 0. A problem with success :math:`p`
    is left without an answer with probability :math:`q^K`; of the answers that are accepted, the share
    :math:`t/(t + f)` is right, whatever :math:`K`. At ``cost=0`` it is the share of problems answered correctly.

    Args:
        tries: :math:`K`, not negative; infinity is allowed.
        success: ``(problems,)``, :math:`p`, between 0 and 1.
        false_accept: :math:`f_p`, chance that a wrong answer is accepted; one, or ``(problems,)``.
        miss: :math:`f_n`, chance that a right answer is rejected; one, or ``(problems,)``.
        cost: :math:`c`, of a wrong answer, not negative.
        weights: ``(problems,)``, how often each occurs, up to a factor; equal where not given.

    Returns:
        :math:`U`, with the shape of ``tries``; error 1e-15 times :math:`1 + c`. A problem of which no answer is ever
        accepted counts 0.

    Raises:
        ValueError: an argument lies outside its domain, or lengths differ.

    Source: derived in the chapter; the question is that of Stroebl et al. (2024), arXiv:2411.17501.

    >>> print(verifier_utility(np.array([1, 4, 100]), np.array([0.5, 0.0]), false_accept=0.02, cost=4.0).round(4))
    [ 0.19    0.2697 -1.2838]
    """
    require.non_negative_or_infinite(tries=tries)
    require.non_negative(cost=cost)
    problems = _problems(success, false_accept, miss, weights)
    accepted = np.minimum(problems.right + problems.wrong, 1)
    some = accepted > 0
    # of which nothing is accepted, the worth is zero and the rate may be any
    worth = np.divide(problems.right - cost * problems.wrong, accepted, out=np.zeros_like(accepted), where=some)
    rate = np.where(some, accepted, 1)
    answered = 0 - np.expm1(xlog1py(np.asarray(tries, float)[..., None], -rate))
    return np.asarray(answered @ (problems.weights * worth))


def verifier_ceiling(
    success: Real[ArrayLike, " problems"],
    *,
    false_accept: Real[ArrayLike, " #problems"] | RealLike,
    miss: Real[ArrayLike, " #problems"] | RealLike = 0.0,
    weights: Real[ArrayLike, " problems"] | None = None,
) -> float:
    r"""Share of problems answered correctly after endlessly many tries.

    .. math:: \mathbb{E}\left[ \frac{t}{t + f} \right]

    It is the mean of each problem's precision, below 1 wherever a wrong answer can be accepted: the verifier's errors,
    not the number of tries, set the limit. With ``miss`` the ceiling falls further.

    Args:
        success: ``(problems,)``, between 0 and 1.
        false_accept: chance that a wrong answer is accepted; one, or ``(problems,)``.
        miss: chance that a right answer is rejected; one, or ``(problems,)``.
        weights: ``(problems,)``; equal where not given.

    Returns:
        The share; error 1e-15.

    Raises:
        ValueError: an argument lies outside its domain, or lengths differ.

    Source: derived in the chapter; the question is that of Stroebl et al. (2024), arXiv:2411.17501.

    >>> print(f"{verifier_ceiling(np.array([0.5, 0.1]), false_accept=0.1):.4f}")
    0.7177
    """
    return float(verifier_utility(math.inf, success, false_accept=false_accept, miss=miss, weights=weights))


def _rise(
    tries: RealLike, gains: Float[np.ndarray, " problems"], left: Float[np.ndarray, " problems"]
) -> Float[np.ndarray, "..."]:
    """Change of the utility with one more try, up to a positive factor that keeps the slowest problem in sight."""
    tries = np.asarray(tries, float)
    if left.max() <= NEVER:
        return np.where(tries == 0, gains.sum(), 0.0)
    return np.asarray(np.exp(tries[..., None] * (left - left.max())) @ gains)


def optimal_tries(
    success: Real[ArrayLike, " problems"],
    *,
    false_accept: Real[ArrayLike, " #problems"] | RealLike,
    miss: Real[ArrayLike, " #problems"] | RealLike = 0.0,
    cost: float = 0.0,
    weights: Real[ArrayLike, " problems"] | None = None,
) -> float:
    r"""Smallest number of tries with the largest :func:`verifier_utility`.

    .. math:: U(K + 1) - U(K) = \mathbb{E}\left[ q^K\, (t - c f) \right]

    For one kind of problem the sign of that does not depend on :math:`K`: the utility rises for ever or falls from the
    start. A finite optimum needs problems that differ: the easy ones are answered first, and further tries are spent on
    those whose accepted answers are wrong. Where the verifier's errors are the same for all problems, :math:`t - c f`
    changes its sign once in the order of :math:`q`, and the change of :math:`U` at most once in :math:`K` (Descartes'
    rule of signs for sums of exponentials), so that the search below misses nothing.

    Args:
        success: ``(problems,)``, between 0 and 1.
        false_accept: chance that a wrong answer is accepted; one, or ``(problems,)``.
        miss: chance that a right answer is rejected; one, or ``(problems,)``.
        cost: of a wrong answer that was accepted, not negative.
        weights: ``(problems,)``; equal where not given.

    Returns:
        A whole number; 0 where it is best to abstain; infinity where the utility still rises at :math:`2^{30}` tries
        and its limit is the best. Turns are looked for at all numbers up to 64 and then in steps of four per cent.

    Raises:
        ValueError: an argument lies outside its domain, or lengths differ.

    Source: derived in the chapter.

    >>> optimal_tries(np.array([0.5, 0.0]), false_accept=0.02, cost=4.0, weights=np.array([0.6, 0.4]))
    4.0
    """
    require.non_negative(cost=cost)
    problems = _problems(success, false_accept, miss, weights)
    gains = problems.weights * (problems.right - cost * problems.wrong)
    accepted = np.minimum(problems.right + problems.wrong, 1)
    counts = gains != 0
    gains, accepted = gains[counts], accepted[counts]
    if not gains.size:
        return 0.0
    left = np.log1p(-accepted, out=np.full(accepted.shape, NEVER), where=accepted < 1)
    rises = _rise(TRIES, gains, left) > 0
    candidates = [0.0]
    for at in np.flatnonzero(rises[:-1] & ~rises[1:]):
        below, above = TRIES[at], TRIES[at + 1]
        while above - below > 1:
            middle = (below + above) // 2
            rising = bool(_rise(middle, gains, left) > 0)
            below, above = (middle, above) if rising else (below, middle)
        candidates.append(float(above))
    if rises[-1]:
        candidates.append(math.inf)
    utilities = verifier_utility(
        np.array(candidates), success, false_accept=false_accept, miss=miss, cost=cost, weights=weights
    )
    return candidates[int(np.argmax(utilities))]


def two_point_optimal_tries(
    *, easy_share: float, easy_success: float, false_accept_easy: float, false_accept_impossible: float, cost: float
) -> float:
    r"""Best number of tries where some problems are easy and the others impossible.

    .. math::

        K^* = \left\lceil \frac{\ln (A/B)}{\ln (d_2 / d_1)} \right\rceil, \qquad
        A = \alpha\, [p_1 - c (1 - p_1) f_1], \quad B = (1 - \alpha)\, c f_2, \quad
        d_1 = (1 - p_1)(1 - f_1), \quad d_2 = 1 - f_2

    One more try changes the utility by :math:`A d_1^K - B d_2^K`: what is still to be gained from the easy problems,
    less what the impossible ones cost. This is the formula where :math:`A > B` and :math:`d_1 < d_2`. Without a first
    gain, :math:`A \le B`, no try is worth it. Where impossible problems cost nothing, or are over sooner,
    :math:`d_2 \le d_1`, the best is the limit of many tries if that is positive, and no try otherwise.

    Args:
        easy_share: :math:`\alpha`, between 0 and 1.
        easy_success: :math:`p_1`, chance that a try at an easy problem is right.
        false_accept_easy: :math:`f_1`, chance that a wrong answer to an easy problem is accepted.
        false_accept_impossible: :math:`f_2`, the same for an impossible one.
        cost: :math:`c`, of a wrong answer that was accepted, not negative.

    Returns:
        The smallest best whole number, 0 for abstaining, or infinity. At a tie rounding may give the other of the two.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.

    >>> two_point_optimal_tries(
    ...     easy_share=0.6, easy_success=0.5, false_accept_easy=0.02, false_accept_impossible=0.02, cost=4.0
    ... )
    4.0
    """
    require.within(
        0,
        1,
        easy_share=easy_share,
        easy_success=easy_success,
        false_accept_easy=false_accept_easy,
        false_accept_impossible=false_accept_impossible,
    )
    require.non_negative(cost=cost)
    gain = easy_share * (easy_success - cost * (1 - easy_success) * false_accept_easy)
    loss = (1 - easy_share) * cost * false_accept_impossible
    easy_left = (1 - easy_success) * (1 - false_accept_easy)
    impossible_left = 1 - false_accept_impossible
    if gain <= 0:
        return 0.0
    if easy_left == 0 or (loss > 0 and easy_left < impossible_left):
        if gain <= loss:
            return 0.0
        if easy_left == 0:
            return 1.0
        return float(math.ceil(math.log(gain / loss) / math.log(impossible_left / easy_left)))
    limit = gain / (1 - easy_left) - (loss / false_accept_impossible if loss else 0)
    return math.inf if limit > 0 else 0.0


def beta_difficulties(a: float, b: float, nodes: int = 64) -> Difficulties:
    r"""Problems whose chances of success stand for a Beta law: nodes and weights of Gauss's quadrature.

    .. math:: \int_0^1 g(p)\, \frac{p^{a - 1} (1 - p)^{b - 1}}{B(a, b)}\, dp = \sum_i w_i\, g(p_i)

    for every polynomial :math:`g` of a degree below :math:`2 n`. The utility of :math:`K` tries is one of degree
    :math:`K` in :math:`p`, where the verifier's errors are the same for all problems: it is exact up to
    :math:`K = 2 n - 1`, which is 127 at 64 nodes. The limit of many tries is rational, with its pole at
    :math:`p = -f_p / (1 - f_n - f_p)`, and its error falls as :math:`\rho^{-2n}` with
    :math:`\rho = x + \sqrt{x^2 - 1}`, :math:`x = 1 + 2 f_p / (1 - f_n - f_p)`: below 1e-15 at 64 nodes for
    :math:`f_p \ge 0.02`. Nodes are the eigenvalues of the matrix that multiplies by :math:`p` in the law's orthogonal
    polynomials, and weights the squares of the eigenvectors' first entries. SciPy's ``roots_jacobi`` has the same
    nodes, but for small :math:`a` its weights are right to 1e-9 only.

    Args:
        a: of the Beta law, positive.
        b: of the Beta law, positive.
        nodes: :math:`n`, at least 1.

    Returns:
        Nodes, in ascending order, and weights; the error of moments is 1e-13 for :math:`a, b` from 0.05 to 20 and up to
        256 nodes.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter; the matrix is that of Golub and Welsch (1969).

    >>> success, weights = beta_difficulties(0.4, 0.4)
    >>> print(f"{verifier_ceiling(success, false_accept=0.15, weights=weights):.4f}")
    0.6985
    """
    require.positive(a=a, b=b)
    require.integer(1, nodes=nodes)
    k, both = np.arange(1, int(nodes)), a + b
    twice = 2 * k + both - 2
    # two factors of the first square are equal, and may both be zero
    ratio = np.where(k == 1, 1, (k + both - 2) / np.where(k == 1, 1, twice - 1))
    squares = k * (k + a - 1) * (k + b - 1) * ratio / (twice**2 * (twice + 1))
    diagonal = np.r_[a / both, 0.5 + (a - b) * (both - 2) / (2 * twice * (twice + 2))]
    success, vectors = eigh_tridiagonal(diagonal, np.sqrt(squares))
    weights = vectors[0] ** 2
    return Difficulties(np.clip(success, 0, 1), weights / weights.sum())
