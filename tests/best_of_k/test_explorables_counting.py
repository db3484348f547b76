"""Coverage and verifiers in the page, against special functions, quadrature, loops and drawing."""

import mpmath
import numpy as np
import pytest
from scipy import integrate, special, stats

from solvable.best_of_k import theory
from solvable.best_of_k.explorables.coverage import CHANCES, COVERAGE, KS, NOTHING, OUT_OF_SIGHT, SEED, SIZES
from solvable.best_of_k.explorables.verifier import LAWS, MOST, VERIFIER
from solvable.best_of_k.explorables.verifier import OUT_OF_SIGHT as ABSTAINED
from solvable.explore.live import sentences
from tests.explorable_rules import check_finite_in_single_precision, check_positive_on_log_axes

BOTH = (COVERAGE, VERIFIER)
each = pytest.mark.parametrize("explorable", BOTH, ids=lambda explorable: explorable.id)
laws = pytest.mark.parametrize(("a", "b"), [(0.1, 0.5), (0.1, 10.0), (0.4, 3.0), (1.0, 1.0), (2.0, 0.5), (2.0, 10.0)])


def said(explorable, **setting):
    return " ".join(sentences(explorable, explorable.evaluate(**setting)))


def test_every_result_is_finite_in_single_precision_too():
    check_finite_in_single_precision(BOTH)


@each
def test_every_result_is_finite_in_the_whole_box(explorable):
    explorable.check({})
    for at in explorable.corners() + explorable.random_points(40):
        for name, result in explorable.evaluate(**at).items():
            assert np.isfinite(result).all(), (name, at)


@each
def test_what_is_drawn_on_log_axes_is_positive(explorable):
    check_positive_on_log_axes(explorable)


# From difficulties to coverage

CLOSED = {"rtol": 1e-8, "atol": 0}
"""Beyond logits of -35 and 14 the law is exponential: e^-14 of a share of 2 e^-7 is lost, and 2^20 e^-35 of a fifth."""


@laws
def test_coverage_is_a_ratio_of_beta_functions(a, b):
    at = COVERAGE.evaluate(a=a, b=b)
    for k, failed, power in zip(KS[::5], at["failed"][::5], at["power"][::5], strict=True):
        np.testing.assert_allclose(failed, float(mpmath.beta(a, b + k) / mpmath.beta(a, b)), **CLOSED)
        np.testing.assert_allclose(power, float(mpmath.gamma(a + b) / mpmath.gamma(b) * k**-a), **CLOSED)
    # the first try by hand: the mean of the law
    np.testing.assert_allclose(at["first"], a / (a + b), **CLOSED)
    np.testing.assert_allclose(at["hundred"], 1 - theory.beta_failure(100, a=a, b=b), **CLOSED)
    # the correction to the power is of order a b / k, and a doubling takes half of it
    np.testing.assert_allclose(at["slope"], -a, rtol=1e-4, atol=0)


@laws
def test_the_density_is_that_of_the_logarithm(a, b):
    at = COVERAGE.evaluate(a=a, b=b)
    p = at["p"]
    assert p[0] < 1.2 * CHANCES[0]
    # SciPy forms 1 - p, which near 1 has lost three of sixteen digits
    np.testing.assert_allclose(at["density"], p * stats.beta.pdf(p, a, b), **CLOSED)


@laws
def test_problems_are_quantiles(a, b):
    at = COVERAGE.evaluate(a=a, b=b, problems=SIZES[-1])
    drawn = np.random.default_rng(SEED).uniform(size=SIZES[-1])
    expected, found = special.logit(stats.beta.ppf(drawn, a, b)), special.logit(at["problem"])
    # what is beyond the last node is at most a step beyond the ends; 0.01 is half a pixel of nine decades
    least, most = np.log(CHANCES[0]), 7.0
    seen = (expected > least + 0.3) & (expected < most - 0.3)
    np.testing.assert_allclose(found[seen], expected[seen], rtol=0, atol=0.01)
    assert (found[expected <= least] < least + 0.3).all()
    assert (found[expected >= most] > most - 0.3).all()
    assert len(np.unique(drawn)) == SIZES[-1]


@laws
@pytest.mark.parametrize("size", SIZES)
def test_the_benchmark_is_a_mean_over_its_problems(size, a, b):
    at = COVERAGE.evaluate(a=a, b=b, problems=size)
    everything = COVERAGE.evaluate(a=a, b=b, problems=SIZES[-1])["problem"]
    problems = at["problem"][at["problem"] > OUT_OF_SIGHT]
    # a smaller benchmark is the beginning of the larger ones, by the same operations
    np.testing.assert_array_equal(problems, everything[:size])
    unsolved = np.mean([np.exp(KS * np.log1p(-p)) for p in problems], axis=0)
    # an exponent of up to 70 from a logarithm near p = 1, where 1 - p has lost three of sixteen digits
    np.testing.assert_allclose(at["unsolved"], np.maximum(unsolved, NOTHING), rtol=1e-9, atol=0)
    np.testing.assert_allclose(at["never"], size * unsolved[-1], rtol=1e-6, atol=1e-30)
    np.testing.assert_allclose(at["one"], 1 / size, rtol=1e-15, atol=0)
    # one doubling before the end, of logarithms that may be far too small for a number
    logs = [special.logsumexp(k * np.log1p(-problems)) for k in (KS[-1], KS[-1] / 2)]
    np.testing.assert_allclose(at["benchmark's slope"], (logs[0] - logs[1]) / np.log(2), rtol=1e-6, atol=1e-9)


def test_a_benchmark_that_is_off_the_law_is_said():
    ratios = []
    for a in np.linspace(0.3, 0.6, 31):
        at = COVERAGE.evaluate(a=a, b=3.0)
        problems = at["problem"][at["problem"] > OUT_OF_SIGHT]
        ratio = np.mean((1 - problems) ** KS[-1]) / theory.beta_failure(KS[-1], a=a, b=3.0)
        assert at["off"] == (not 0.5 < ratio < 2)
        ratios.append(ratio)
    # on both sides of the bound, and not far from it
    assert any(0.25 < ratio < 0.5 for ratio in ratios)
    assert any(0.5 < ratio < 1 for ratio in ratios)


def test_a_benchmark_follows_the_law_as_far_as_its_problems_go():
    small, large = (COVERAGE.evaluate(a=0.4, b=3.0, problems=size) for size in (SIZES[0], SIZES[-1]))
    hundreds = 14  # 2^7 tries
    for at in (small, large):
        # four standard errors of a mean of shares
        spread = 4 * np.sqrt(at["failed"][hundreds] / (1 / at["one"][0]))
        assert abs(at["unsolved"][hundreds] - at["failed"][hundreds]) < spread
    assert "off the law" in said(COVERAGE, a=1.5, problems=32)
    assert "off the law" not in said(COVERAGE, a=0.2, problems=2048)


# Retries with a verifier

SETTINGS = [(0.0, 0.3, 2.0), (0.02, 0.0, 4.0), (0.15, 0.0, 0.5), (0.15, 0.0, 2.0), (0.1, 0.5, 0.0), (0.5, 0.1, 5.0)]
settings = pytest.mark.parametrize(("false_accept", "miss", "cost"), SETTINGS)
everyone = pytest.mark.parametrize("law", range(len(LAWS)))
EDGES = {0: (-0.6, -0.6), 1: (0.0, 0.0)}
POINTS = {2: ((0.5, 0.0), (0.6, 0.4)), 3: ((0.5,), (1.0,))}


def mean_over(law, function, *given):
    """Over problems, by SciPy's rule for algebraic ends or by a sum."""
    if law in POINTS:
        return sum(w * function(p, *given) for p, w in zip(*POINTS[law], strict=True))
    a, b = EDGES[law]
    # in two pieces, since what happens near 0 is narrow
    options = {"weight": "alg", "limit": 400, "epsabs": 0, "epsrel": 1e-10}
    low, _ = integrate.quad(lambda p: function(p, *given) * (1 - p) ** b, 0, 0.02, wvar=(a, 0), **options)
    high, _ = integrate.quad(lambda p: function(p, *given) * p**a, 0.02, 1, wvar=(0, b), **options)
    return (low + high) / special.beta(a + 1, b + 1)


def chances(p, false_accept, miss):
    return p * (1 - miss), (1 - p) * false_accept


@everyone
@settings
def test_utilities_and_shares_are_means_over_problems(false_accept, miss, cost, law):
    at = VERIFIER.evaluate(false_accept=false_accept, miss=miss, cost=cost, law=law)

    def worth(p, of, tries=np.inf):
        right, wrong = chances(p, false_accept, miss)
        accepted = right + wrong
        if accepted == 0:
            return 0.0
        return (right - of * wrong) * (1 if np.isinf(tries) else 1 - (1 - accepted) ** tries) / accepted

    def still_open(p, tries):
        return (1 - sum(chances(p, false_accept, miss))) ** tries

    def on_try(p, tries, count_wrong):
        right, wrong = chances(p, false_accept, miss)
        return still_open(p, tries - 1) * (right + count_wrong * wrong)

    # the quadrature of SciPy, near a pole at p = -0.02 / 0.98; a sixth digit is beyond what is drawn or said
    close = {"rtol": 1e-7, "atol": 1e-9}
    for tries in (1, 2, 7, 60, MOST):
        expected = mean_over(law, worth, cost, tries)
        np.testing.assert_allclose(at["utility"][tries - 1], expected, **close)
        np.testing.assert_allclose(at["open"][tries - 1], mean_over(law, still_open, tries), **close)
    for tries in (1, 2, 7, 60):
        right, accepted = (mean_over(law, on_try, tries, wrong) for wrong in (0, 1))
        np.testing.assert_allclose(at["precision"][tries - 1], right / accepted, rtol=1e-6, atol=0)
    np.testing.assert_allclose(at["once"], at["utility"][0], rtol=0, atol=0)
    for name, of in (("limit", cost), ("ceiling", 0)):
        expected = mean_over(law, worth, of)
        np.testing.assert_allclose(at[name], expected, **close)
    assert (at["end"], at["correct"]) == (at["limit"][0], at["ceiling"][0])


@everyone
@settings
def test_the_best_number_of_tries(false_accept, miss, cost, law):
    at = VERIFIER.evaluate(false_accept=false_accept, miss=miss, cost=cost, law=law)
    utilities = np.append(0.0, at["utility"])
    best = int(at["tries"])
    # no other number is better by more than rounding, and with one try fewer it is worse
    assert utilities[best] >= utilities.max() - 1e-12
    assert at["most"] == utilities[best] == at["best"][0]
    success, weights = POINTS[law] if law in POINTS else theory.beta_difficulties(EDGES[law][0] + 1, EDGES[law][1] + 1)
    errors = {"false_accept": false_accept, "miss": miss, "cost": cost, "weights": np.array(weights)}
    assert best == min(theory.optimal_tries(np.array(success), **errors), MOST)
    assert (at["never"], at["always"]) == (best == 0, best == MOST)
    if best == 0:
        assert at["best k"][0] == ABSTAINED
        return
    assert (at["best k"][0], at["best precision"][0]) == (best, at["precision"][best - 1])
    # a try pays as long as its answers are right often enough
    assert at["precision"][best - 1] > cost / (1 + cost) == at["enough"][0]
    assert best == MOST or at["precision"][best] <= at["enough"][0]


def test_the_two_kinds_by_drawing():
    draw = np.random.default_rng(4)
    count, tries, false_accept, miss, cost = 200_000, 6, 0.1, 0.2, 1.5
    success = np.where(draw.uniform(size=(count, 1)) < 0.6, 0.5, 0.0)
    right = draw.uniform(size=(count, tries)) < success
    accepted = np.where(right, draw.uniform(size=right.shape) > miss, draw.uniform(size=right.shape) < false_accept)
    first = np.where(accepted.any(axis=1), accepted.argmax(axis=1), tries)
    correct = right[np.arange(count), np.minimum(first, tries - 1)]
    at = VERIFIER.evaluate(false_accept=false_accept, miss=miss, cost=cost, law=2)
    for k in range(1, tries + 1):
        rewards = np.where(first < k, np.where(correct, 1, -cost), 0)
        now = correct[first == k - 1]
        # four standard errors
        assert abs(at["utility"][k - 1] - rewards.mean()) < 4 * rewards.std() / np.sqrt(count)
        assert abs(at["open"][k - 1] - (first >= k).mean()) < 4 * 0.5 / np.sqrt(count)
        assert abs(at["precision"][k - 1] - now.mean()) < 4 * 0.5 / np.sqrt(len(now))


def test_optima_that_are_known():
    # from the closed form for easy and impossible problems, by hand: A = 0.276, B = 0.032, d = 0.49 and 0.98
    assert np.ceil(np.log(0.276 / 0.032) / np.log(0.98 / 0.49)) == 4
    assert VERIFIER.evaluate(false_accept=0.02, cost=4.0, law=2)["tries"] == 4
    assert [VERIFIER.evaluate(false_accept=0.15, cost=c, law=0)["tries"] for c in (0.5, 1.0, 2.0)] == [5, 3, 1]


def test_what_is_said():
    assert "It never pays to try" in said(VERIFIER, false_accept=0.5, cost=5.0, law=1)
    assert "below 0" in said(VERIFIER, false_accept=0.5, cost=5.0, law=1)
    # worth one try, but not many
    late = VERIFIER.evaluate(false_accept=0.02, cost=4.0, law=2)
    assert late["once"] > 0 > late["end"]
    assert late["worse"] == 1
    assert "all the way" in said(VERIFIER, false_accept=0.2, cost=0.0)
    # alike, a gain of 0.5 against a loss of 0.2, or against one of 1.25
    assert "all the way" in said(VERIFIER, false_accept=0.2, cost=2.0, law=3)
    assert "never pays" in said(VERIFIER, false_accept=0.5, cost=5.0, law=3)
    # nothing to gain or to lose, but for rounding
    even = VERIFIER.evaluate(false_accept=0.5, miss=0.5, cost=1.0, law=1)
    assert (even["tries"], even["most"], even["worse"]) == (0, 0, 0)
    usual = said(VERIFIER)
    assert not any(entry.text in usual for entry in VERIFIER.notices)
