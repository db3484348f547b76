"""Success in k tries: against enumeration, exact fractions, fifty digits, sampling, and a general optimiser."""

import itertools
import math
import re
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from scipy.optimize import minimize

from solvable.best_of_k.theory.counting import (
    best_policy_for_n_tries,
    beta_failure,
    beta_power_law,
    coverage_power_law,
    exact_match,
    finite_benchmark_failure,
    horizon_length,
    pass_at_k,
    pass_at_k_plug_in,
    pass_at_n_weight,
    pass_until_estimate,
    success_in_n_tries,
)


def test_the_estimator_is_the_share_of_choices_that_hold_a_right_answer():
    for n in range(1, 8):
        for c, k in itertools.product(range(n + 1), range(1, n + 1)):
            chosen = list(itertools.combinations([True] * c + [False] * (n - c), k))
            expected = sum(any(choice) for choice in chosen) / len(chosen)
            assert pass_at_k(n, c, k) == pytest.approx(expected, rel=1e-14, abs=0)  # a sum of at most 4 logarithms


@pytest.mark.parametrize(
    ("n", "c", "k"), [(50, 3, 20), (10_000, 1, 3), (10_000, 4000, 7), (3000, 2, 2998), (2**40, 5, 2**20), (60, 30, 30)]
)
def test_the_estimator_keeps_its_digits(n, c, k):
    ways = [Fraction(n - c - j, n - j) for j in range(k)] if k < c else [Fraction(n - k - j, n - j) for j in range(c)]
    expected = float(1 - math.prod(ways))
    assert pass_at_k(n, c, k) == pytest.approx(expected, rel=1e-14, abs=0)  # rounding of at most thirty terms


@pytest.mark.parametrize(("p", "n", "k"), [(0.03, 50, 20), (0.4, 9, 1), (0.2, 12, 12)])
def test_the_estimator_is_unbiased_and_the_plug_in_is_low(p, n, k):
    c = np.arange(n + 1)
    chances = np.array([math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(n + 1)])
    truth = 1 - (1 - p) ** k
    # an exact mean over all outcomes: rounding
    assert chances @ pass_at_k(n, c, k) == pytest.approx(truth, rel=1e-13)
    plug_in = chances @ pass_at_k_plug_in(n, c, k)
    if k == 1:
        assert plug_in == pytest.approx(truth, rel=1e-13)
    else:
        assert plug_in < truth - 0.01


def test_the_bias_of_the_plug_in_is_the_one_that_was_measured():
    chances = np.array([math.comb(50, i) * 0.03**i * 0.97 ** (50 - i) for i in range(51)])
    # measured by simulation: three of its standard errors, of 0.002
    assert chances @ pass_at_k_plug_in(50, np.arange(51), 20) == pytest.approx(0.399, abs=6e-3)


@pytest.mark.parametrize(("n", "c", "k"), [(4, 4, 3), (10**12, 1, 5), (7, 0, 2), (5, 2, 400)])
def test_the_plug_in_is_the_chance_at_the_observed_share(n, c, k):
    expected = float(1 - (1 - Fraction(c, n)) ** k)
    assert pass_at_k_plug_in(n, c, k) == pytest.approx(expected, rel=4e-15, abs=0)  # rounding


@pytest.mark.parametrize(("a", "b"), [(0.3, 3.0), (0.1, 1.0), (10.0, 10.0), (0.7, 0.05), (2.5, 7.0)])
def test_failure_under_a_beta_law_is_a_ratio_of_beta_functions(a, b):
    k = np.array([0, 1, 2.5, 7.5, 15, 19, 25, 1000, 2**20, 2**30, 2**40])
    with mpmath.workdps(50):
        expected = [float(mpmath.beta(a, b + mpmath.mpf(i)) / mpmath.beta(a, b)) for i in k]
    # the logarithm is up to 300, of which rounding is 6e-14
    np.testing.assert_allclose(beta_failure(k, a=a, b=b), expected, rtol=1e-13, atol=0)


def test_failure_under_a_beta_law_is_the_mean_of_the_failures():
    with mpmath.workdps(30):
        total = mpmath.quad(lambda p: p**1.5 * (1 - p) ** (0.5 + 6), [0, 1]) / mpmath.quad(
            lambda p: p**1.5 * (1 - p) ** 0.5, [0, 1]
        )
    assert beta_failure(6, a=2.5, b=1.5) == pytest.approx(float(total), rel=1e-13)  # rounding


def test_a_density_at_zero_makes_a_power_law():
    # the density C p^(b - 1) up to p = 1: C = b makes it a law
    b, k = 0.6, 1e4
    with mpmath.workdps(30):
        total = mpmath.quad(lambda p: b * p ** (b - 1) * (1 - p) ** k, [0, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 1])
    # what is neglected is b (b + 1) / 2k = 5e-5 of it
    assert coverage_power_law(k, exponent=b, density=b) == pytest.approx(float(total), rel=1e-4)
    # the leading term is exact for e^(-kp) on the half line
    half = mpmath.quad(lambda p: 2 * p**1.5 * mpmath.exp(-40 * p), [0, 0.1, mpmath.inf])
    assert coverage_power_law(40, exponent=2.5, density=2.0) == pytest.approx(float(half), rel=1e-12)  # quadrature


@pytest.mark.parametrize(("a", "b"), [(0.3, 3.0), (0.1, 1.0), (1.5, 0.5), (4.0, 2.0)])
def test_the_power_law_is_approached_as_one_over_k(a, b):
    k = np.array([2.0**14, 2.0**20])
    with mpmath.workdps(50):
        ratios = [float(mpmath.beta(a, b + i) / mpmath.beta(a, b) * mpmath.mpf(i) ** a) for i in k]
    found = beta_power_law(k, a=a, b=b) * k**a
    correction = 1 - a * (a + 2 * b - 1) / (2 * k)
    # the next term is of order (a + b)^4 / k^2, 5e-6 at the first k
    missed = np.abs(np.array(ratios) / found - correction)
    assert (missed < 1e-5 * (k[0] / k) ** 2 + 1e-13).all()


def test_the_two_power_laws_are_one():
    k, (a, b) = np.geomspace(10, 1e9, 5), (0.3, 3.0)
    density = math.gamma(a + b) / (math.gamma(a) * math.gamma(b))
    np.testing.assert_allclose(  # rounding
        beta_power_law(k, a=a, b=b), coverage_power_law(k, exponent=a, density=density), rtol=1e-13, atol=0
    )


def test_local_slopes_are_those_that_were_measured():
    # of -log pass@k, which is the failure only where that is small; three digits are given
    for a, b, slope in [(0.1, 1.0, -0.116), (0.3, 3.0, -0.304), (0.7, 3.0, -0.700), (1.5, 3.0, -1.500)]:
        first, last = np.log1p(-beta_failure(np.array([2.0**18, 2.0**20]), a=a, b=b))
        assert math.log(last / first) / math.log(4) == pytest.approx(slope, abs=5e-4)


def test_a_benchmark_fails_as_the_mean_of_its_problems():
    success = np.array([0.0, 1.0, 0.5, 1e-12, 0.3])
    k = np.array([[0, 1, 7], [1000, 10**12, 2**43]])
    with mpmath.workdps(40):
        expected = [float(sum((1 - mpmath.mpf(p)) ** int(i) for p in success) / 5) for i in k.ravel()]
    found = finite_benchmark_failure(success, k)
    assert found.shape == k.shape
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-14, atol=0)  # exponents of at most ten


def test_a_finite_benchmark_leaves_the_power_law_at_its_hardest_problem():
    # the middle of equal shares of a law with density 0.3 p^(-0.7)
    success = ((np.arange(128) + 0.5) / 128) ** (1 / 0.3)
    early, late = 100.0, 30 / success.min()
    law = coverage_power_law(np.array([early, late]), exponent=0.3, density=0.3)
    found = finite_benchmark_failure(success, np.array([early, late]))
    # 30 problems are left early on, so that a share is resolved to a thirtieth
    assert found[0] == pytest.approx(law[0], rel=0.03)
    assert found[1] < law[1] / 5


def test_trying_until_two_successes_gives_the_chance_without_bias():
    for p, r in [(0.3, 2), (0.7, 5)]:
        tries = np.arange(r, 400)
        chances = [math.comb(int(t) - 1, r - 1) * p**r * (1 - p) ** int(t - r) for t in tries]
        # an exact mean but for what lies beyond 400 tries, below 1e-50
        assert chances @ pass_until_estimate(r, tries) == pytest.approx(p, rel=1e-13)


@pytest.mark.parametrize("n", [1, 2, 16, 1000])
def test_the_weight_is_the_ratio_of_two_gradients(n):
    p = [1e-30, 1e-9, 1e-4, 0.01, 0.1, 0.5, 0.9]
    # digits enough for 1 - (1 - y)^n where that is 1 but for a thousand decimal places
    with mpmath.workdps(1100):
        expected = []
        for x in map(mpmath.mpf, p):
            slope = mpmath.diff(lambda y: mpmath.log(1 - (1 - y) ** n), x, h=x * mpmath.mpf(10) ** -30)
            expected.append(float(slope * x))
    # 1000 times the logarithm of a tenth is 2300, of which rounding is 5e-13
    np.testing.assert_allclose(pass_at_n_weight(np.array(p), n), expected, rtol=1e-12, atol=0)


def test_the_weight_at_its_ends_and_as_it_was_measured():
    assert pass_at_n_weight(1.0, 1) == 1
    assert pass_at_n_weight(1.0, 5) == 0
    np.testing.assert_allclose(pass_at_n_weight(5e-324, np.array([1, 2, 9])), 1, rtol=1e-15)  # rounding
    # three digits are given
    np.testing.assert_allclose(
        pass_at_n_weight(np.array([1e-4, 0.01, 0.1, 0.5]), 16), [0.999, 0.926, 0.404, 2.4e-4], rtol=0, atol=5e-4
    )


@pytest.mark.parametrize("n", [2, 3, 4, 16, 300])
@pytest.mark.parametrize("law", [[0.6, 0.3, 0.1], [0.1, 0.25, 0.05, 0.6], [0.25] * 4, [0.97, 0.02, 0.01, 0.0]])
def test_the_best_policy_meets_the_conditions_of_a_maximum(law, n):
    law = np.array(law)
    found = best_policy_for_n_tries(law, n)
    assert found.sum() == pytest.approx(1, abs=1e-14)  # rounding
    assert (found >= 0).all()
    # at a maximum of a concave function on the simplex, slopes agree where answers are tried and are lower elsewhere
    slopes = n * law * (1 - found) ** (n - 1)
    level = slopes[found > 0]
    np.testing.assert_allclose(level, level.max(), rtol=1e-12)  # rounding, by a power of up to 300
    assert (slopes[found == 0] <= level.max() * (1 + 1e-12)).all()


@pytest.mark.parametrize(("law", "n"), [([0.6, 0.3, 0.1], 2), ([0.6, 0.3, 0.1], 4), ([0.05, 0.5, 0.15, 0.3], 5)])
def test_a_general_optimiser_finds_the_same_policy(law, n):
    law = np.array(law)
    start = np.full(len(law), 1 / len(law))
    result = minimize(
        lambda q: float(law @ (1 - q) ** n),
        start,
        method="SLSQP",
        bounds=[(0, 1)] * len(law),
        constraints={"type": "eq", "fun": lambda q: q.sum() - 1},
        options={"ftol": 1e-15},
    )
    # a flat maximum: the optimiser's place is good to the root of its tolerance
    np.testing.assert_allclose(best_policy_for_n_tries(law, n), result.x, rtol=0, atol=1e-6)


def test_one_try_goes_to_the_likeliest_and_many_are_spread_evenly():
    np.testing.assert_array_equal(best_policy_for_n_tries(np.array([0.2, 0.5, 0.3]), 1), [0, 1, 0])
    np.testing.assert_array_equal(best_policy_for_n_tries(np.array([0.4, 0.4, 0.2]), 1), [0.5, 0.5, 0])
    np.testing.assert_array_equal(best_policy_for_n_tries(np.array([1.0]), 1), [1])
    np.testing.assert_array_equal(best_policy_for_n_tries(np.array([1.0]), 7), [1])
    # apart from an even spread by ln(6) / n at most
    np.testing.assert_allclose(best_policy_for_n_tries(np.array([0.6, 0.3, 0.1]), 10**6), 1 / 3, rtol=0, atol=2e-6)
    # answers so rare that the inverse of their probability overflows
    np.testing.assert_array_equal(best_policy_for_n_tries(np.array([1.0, 5e-324, 0.0]), 2), [1, 0, 0])


def test_the_policies_of_three_answers_are_those_that_were_measured():
    law = np.array([0.6, 0.3, 0.1])
    # n = 2: slopes 0.6 (1 - q) and 0.3 q agree at q = 2/3; the rest has three digits
    np.testing.assert_allclose(best_policy_for_n_tries(law, 2), [2 / 3, 1 / 3, 0], rtol=0, atol=1e-15)
    np.testing.assert_allclose(best_policy_for_n_tries(law, 4), [0.509, 0.382, 0.109], rtol=0, atol=5e-4)
    np.testing.assert_allclose(best_policy_for_n_tries(law, 16), [0.370, 0.340, 0.290], rtol=0, atol=5e-4)
    success = [success_in_n_tries(law, best_policy_for_n_tries(law, n), n) for n in (4, 16)]
    np.testing.assert_allclose(success, [0.858, 0.9988], rtol=0, atol=5e-4)
    assert success_in_n_tries(law, law, 16) == pytest.approx(0.9805, abs=5e-5)
    assert success_in_n_tries(law, np.array([1.0, 0, 0]), 16) == pytest.approx(0.6, abs=1e-15)  # rounding


def test_success_in_n_tries_counts_every_sequence_of_tries():
    law, policy = np.array([0.6, 0.1, 0.3]), np.array([0.2, 0.3, 0.5])
    for n in (1, 2, 5):
        expected = sum(
            law[right] * math.prod(policy[i] for i in tries)
            for right in range(3)
            for tries in itertools.product(range(3), repeat=n)
            if right in tries
        )
        assert success_in_n_tries(law, policy, n) == pytest.approx(expected, rel=1e-13)  # rounding
    assert success_in_n_tries(law, policy, 0) == 0
    # a law that adds up to 1 but for rounding is taken as one that does
    assert success_in_n_tries(np.array([1 + 5e-10]), np.array([1.0]), 1) == 1
    assert success_in_n_tries(law, policy, np.array([[1, 2, 3]])).shape == (1, 3)


def test_an_answer_is_right_if_every_token_is():
    assert exact_match(0.9, 3) == pytest.approx(0.9 * 0.9 * 0.9, rel=1e-15)
    # (1 - x)^L against its exponential form, half a unit of L x^2
    assert exact_match(1 - 1e-6, 10**6) == pytest.approx(math.exp(-1 - 5e-7), rel=1e-9)  # digits of 1 - 1e-6
    np.testing.assert_array_equal(exact_match(np.array([0.0, 0.0, 1.0]), np.array([0, 2, 5])), [1, 0, 1])


def test_the_horizon_is_where_the_chance_is_the_given_one():
    p, s = np.array([0.9, 0.99, 0.999, 0.9999]), np.array([[0.5], [0.8]])
    # of a power of up to 7000, rounding is 1e-12
    np.testing.assert_allclose(p ** horizon_length(p, s), np.broadcast_to(s, (2, 4)), rtol=1e-11)
    # as many digits as are given
    np.testing.assert_array_equal(np.round(horizon_length(p[1:])), [69, 693, 6931])
    assert round(float(horizon_length(0.9)), 1) == 6.6
    np.testing.assert_array_equal(horizon_length(p), horizon_length(p, 0.5))


def test_the_horizon_keeps_its_digits_near_one():
    p = 1 - 2.0**-50
    with mpmath.workdps(40):
        expected = float(mpmath.log(mpmath.mpf(1) / 2) / mpmath.log(mpmath.mpf(p)))
    assert horizon_length(p) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pass_at_k(0, 0, 1), "samples must be a whole number of at least 1, got 0"),
        (lambda: pass_at_k(3, 4, 1), "correct must be at most samples, got 4 and 3"),
        (lambda: pass_at_k(3, -1, 1), "correct must be a whole number of at least 0, got -1"),
        (lambda: pass_at_k(3, 1, 4), "k must be at most samples, got 4 and 3"),
        (lambda: pass_at_k(3, 1, 0), "k must be a whole number of at least 1, got 0"),
        (lambda: pass_at_k_plug_in(1.5, 1, 4), "samples must be a whole number of at least 1, got 1.5"),
        (lambda: pass_at_k_plug_in(3, 0.5, 4), "correct must be a whole number of at least 0, got 0.5"),
        (lambda: pass_at_k_plug_in(3, np.array([1, 5]), 4), "correct must be at most samples, got 5 and 3"),
        (lambda: pass_at_k_plug_in(3, 1, 0), "k must be a whole number of at least 1, got 0"),
        (lambda: beta_failure(-1, a=1.0, b=1.0), "k must be non-negative, got -1"),
        (lambda: beta_failure(1, a=0.0, b=1.0), "a must be positive, got 0.0"),
        (lambda: beta_failure(1, a=1.0, b=0.0), "b must be positive, got 0.0"),
        (lambda: coverage_power_law(0, exponent=1.0, density=1.0), "k must be positive, got 0"),
        (lambda: coverage_power_law(1, exponent=0.0, density=1.0), "exponent must be positive, got 0.0"),
        (lambda: coverage_power_law(1, exponent=1.0, density=-1.0), "density must be positive, got -1.0"),
        (lambda: beta_power_law(0, a=1.0, b=1.0), "k must be positive, got 0"),
        (lambda: beta_power_law(1, a=-1.0, b=1.0), "a must be positive, got -1.0"),
        (lambda: beta_power_law(1, a=1.0, b=-1.0), "b must be positive, got -1.0"),
        (lambda: finite_benchmark_failure(np.array([1.1]), 1), "success must be between 0 and 1, got 1.1"),
        (lambda: finite_benchmark_failure(np.zeros(0), 1), "success must have at least one problem"),
        (lambda: finite_benchmark_failure(np.array([0.1]), -1), "k must be non-negative, got -1"),
        (lambda: pass_until_estimate(1, 5), "successes must be a whole number of at least 2, got 1"),
        (lambda: pass_until_estimate(3, 2), "successes must be at most tries, got 3 and 2"),
        (lambda: pass_until_estimate(2, 2.5), "tries must be a whole number of at least 2, got 2.5"),
        (lambda: pass_at_n_weight(0.0, 2), "p must be positive, got 0.0"),
        (lambda: pass_at_n_weight(1.5, 2), "p must be between 0 and 1, got 1.5"),
        (lambda: pass_at_n_weight(0.5, 0), "n must be a whole number of at least 1, got 0"),
        (lambda: best_policy_for_n_tries(np.array([0.5, 0.4]), 2), "probabilities must add up to 1, got a sum of 0.9"),
        (lambda: best_policy_for_n_tries(np.array([1.5, -0.5]), 2), "probabilities must be non-negative, got -0.5"),
        (lambda: best_policy_for_n_tries(np.array([1.0]), 0), "n must be a whole number of at least 1, got 0"),
        (lambda: success_in_n_tries(np.array([0.5]), np.array([1.0]), 1), "probabilities must add up to 1"),
        (lambda: success_in_n_tries(np.array([1.0]), np.array([2.0]), 1), "policy must add up to 1"),
        (lambda: success_in_n_tries(np.array([1.0]), np.array([1.0]), -1), "n must be non-negative, got -1"),
        (lambda: exact_match(1.1, 3), "token_accuracy must be between 0 and 1, got 1.1"),
        (lambda: exact_match(0.5, -3), "length must be non-negative, got -3"),
        (lambda: horizon_length(1.0), "step_accuracy must be below 1, got 1.0"),
        (lambda: horizon_length(0.0), "step_accuracy must be positive, got 0.0"),
        (lambda: horizon_length(0.5, 1.0), "success must be below 1, got 1.0"),
        (lambda: horizon_length(0.5, 0.0), "success must be positive, got 0.0"),
    ],
)
def test_refuses_what_has_no_meaning(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
