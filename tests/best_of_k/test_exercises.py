"""Reference answers of Chapter 6, against computations that do not use their formulas."""

import math

import mpmath
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erfc
from scipy.stats import hypergeom

from solvable import exercises
from solvable.best_of_k.exercises import EXERCISES
from tests.best_of_k.references import error_from, nearest


def reference(name, *arguments):
    return EXERCISES[name].reference(*arguments)


def test_the_smaller_of_two_squares():
    # the mean of a positive variable is the integral of its tail: both are farther than r
    expected, _ = quad(lambda r: 2 * r * erfc(r / math.sqrt(2)) ** 2, 0, 20)
    # what the quadrature promises
    assert EXERCISES["two"].reference == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("tau2", [trial[0] for trial in EXERCISES["beat"].trials])
def test_there_the_best_of_many_is_as_good_as_the_mean(tau2):
    k = reference("beat", tau2)
    # pi e^{b^2}, over biases: exponents taken together
    total, _ = quad(lambda b: math.exp(b**2 - b**2 / (2 * tau2)), -math.inf, math.inf)
    total *= math.pi / math.sqrt(2 * math.pi * tau2)
    # what the quadrature promises
    assert total / k**2 == pytest.approx(tau2, rel=1e-7)


@pytest.mark.parametrize(("sigma2", "v"), EXERCISES["exponent"].trials)
def test_the_exponent_is_the_slope_of_an_average_at_very_many(sigma2, v):
    tau2 = mpmath.mpf(v) / (sigma2 + v)

    def error(log_k):
        # the mean of min(1, e^{b^2} / k^2): beyond the place where both are equal, and before it
        place = mpmath.sqrt(2 * log_k)
        beyond = mpmath.erfc(place / mpmath.sqrt(2 * tau2))
        rate = 1 / (2 * tau2) - 1
        before = mpmath.quad(lambda b: mpmath.exp(-rate * b**2 - 2 * log_k), mpmath.linspace(0, place, 200))
        return beyond + 2 * before / mpmath.sqrt(2 * mpmath.pi * tau2)

    slope = mpmath.log(error(2100) / error(1900)) / 200
    # logarithms that multiply the power add at most 1 / ln k to its slope
    assert reference("exponent", sigma2, v) == pytest.approx(-float(slope), abs=1e-3)


@pytest.mark.parametrize("b", [trial[0] for trial in EXERCISES["threshold"].trials])
def test_on_one_side_of_the_threshold_many_samples_are_approached_from_below(b):
    a, k = reference("threshold", b), 2**14

    def above_the_limit(a):
        return nearest(k, a, error_from(b, a)) - (b - a) ** 2

    # at one per cent on either side the term of 1 / k^2 has 1e-2 of its size, and the next ones 1e-4
    assert above_the_limit(0.99 * a) > 0 > above_the_limit(1.01 * a)


@pytest.mark.parametrize(("b", "a"), EXERCISES["obey"].trials)
def test_the_best_temperature_for_endless_samples_by_search(b, a):
    q = np.linspace(0, 1, 1_000_001)
    best = q[np.argmin((b - q * a) ** 2 + 1 - q)]
    # the grid of the search
    assert 1 / (1 + reference("obey", b, a)) == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize(("rewards", "temperature"), EXERCISES["weights"].trials)
def test_the_weights_in_fifty_digits(rewards, temperature):
    with mpmath.workdps(50):
        raw = [mpmath.exp(mpmath.mpf(float(r)) / mpmath.mpf(temperature)) for r in rewards]
        expected = [float(w / mpmath.fsum(raw)) for w in raw]
    # the rounding of differences of scores of 3e4
    np.testing.assert_allclose(reference("weights", rewards, temperature), expected, rtol=1e-11, atol=1e-300)


@pytest.mark.parametrize(("n", "c", "k"), EXERCISES["pass"].trials)
def test_passing_is_to_draw_a_right_one_without_replacement(n, c, k):
    # sums of a few terms of one sign
    assert reference("pass", n, c, k) == pytest.approx(hypergeom.sf(0, n, c, k), rel=1e-12)


@pytest.mark.parametrize(("tries", "easy", "false_accept", "cost"), EXERCISES["price"].trials)
def test_the_price_of_one_more_try_is_the_difference_of_two_sums(tries, easy, false_accept, cost):
    def utility(count):
        total = 0.0
        for share, p in [(easy, 0.5), (1 - easy, 0.0)]:
            still_open = share
            for _ in range(count):
                right, wrong = still_open * p, still_open * (1 - p) * false_accept
                total += right - cost * wrong
                still_open -= right + wrong
        return total

    # rounding of numbers of about 1
    assert reference("price", tries, easy, false_accept, cost) == pytest.approx(
        utility(tries + 1) - utility(tries), abs=1e-14
    )


@pytest.mark.parametrize("name", EXERCISES)
def test_the_reference_is_right_and_a_near_miss_is_not(name, capsys):
    exercise = EXERCISES[name]
    exercises.check(f"best_of_k.{name}", exercise.reference)
    if callable(exercise.reference):
        exercises.check(f"best_of_k.{name}", lambda *given: np.asarray(exercise.reference(*given)) * 1.001)
    else:
        exercises.check(f"best_of_k.{name}", exercise.reference * 1.001)
    right, wrong = capsys.readouterr().out.split("\n", 1)
    assert right == f"exercise best_of_k.{name}: right."
    assert exercise.hint in wrong
