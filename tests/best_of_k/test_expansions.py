"""Many answers, high temperatures and what is left: against quadrature, and against errors summed in another way."""

import re

import numpy as np
import pytest
from scipy.integrate import quad

from solvable.best_of_k.theory.expansions import (
    error_floor,
    has_finite_optimal_k,
    high_temperature_series,
    large_k_error,
    samples_per_effective_one,
)
from tests.best_of_k import references

BIASES = [(0.0, 0.0), (0.5, 0.5), (0.2, -1.8), (0.3, 1.0), (-0.7, 2.2)]


def biases(b, a):
    return {"bias_teacher": b, "bias_reward": a}


def weighted(t, a, power, value):
    """Mean of a value under the predictive law, times a power of the softmax's weight."""

    def integrand(z):
        return references.density(z) * np.exp(-power * (z + a) ** 2 / (2 * t)) * value(z)

    middle = -power * a / (t + power)
    width = np.sqrt(t / (t + power))
    return quad(integrand, middle - 12 * width, middle + 12 * width, epsabs=0, epsrel=1e-12)[0]


@pytest.mark.parametrize("t", [0.01, 0.1, 1.0, 10.0])
def test_the_floor_is_the_error_under_the_law_that_the_softmax_tilts(t):
    expected = [weighted(t, a, 1, lambda z, b=b: (z + b) ** 2) / weighted(t, a, 1, np.ones_like) for b, a in BIASES]
    found = error_floor(t, **biases(*np.array(BIASES).T))
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=0)  # what the quadrature was asked for, twice


def test_the_floor_at_both_ends_of_temperature():
    b, a = np.array(BIASES).T
    np.testing.assert_allclose(error_floor(np.inf, **biases(b, a)), 1 + b**2, rtol=1e-15, atol=0)  # rounding
    np.testing.assert_allclose(error_floor(0.0, **biases(b, a)), (b - a) ** 2, rtol=1e-15, atol=0)
    # t (1 - t + b^2 t) without loss of digits
    np.testing.assert_allclose(error_floor(1e-12, **biases(0.5, 0.5)), 1e-12, rtol=1e-11, atol=0)


@pytest.mark.parametrize("t", [0.02, 0.5, 4.0])
def test_how_many_answers_count(t):
    a = np.array([0.0, 0.5, -2.0])
    expected = [weighted(t, x, 2, np.ones_like) / weighted(t, x, 1, np.ones_like) ** 2 for x in a]
    found = samples_per_effective_one(t, bias_reward=a)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=0)  # what the quadrature was asked for, three times


@pytest.mark.parametrize(("b", "a"), BIASES)
def test_many_of_the_nearest(b, a):
    ks = np.array([100.0, 200.0]) / references.density(a)
    exact = np.array([references.nearest(k, a, lambda v: v**2 + 2 * (b - a) * v) for k in ks])
    found = np.asarray(large_k_error(ks, 0.0, **biases(b, a))) - (b - a) ** 2
    # the distance of the nearest, 1 / 2 k phi(a) = 1 / 200, squared, times curvatures: of the law, 1 + a^2, and of its
    # two sides, a^2; 24 is the fourth moment of an exponential variable
    np.testing.assert_allclose(found, exact, rtol=24 * (1 + a**2) / 200**2, atol=0)
    # off by the order of k^-4: 16 times less at twice as many, up to the next order, 10 / k at k = 250 and less
    missed = np.abs(found - exact)
    assert missed[0] / missed[1] == pytest.approx(16, rel=0.05)


@pytest.mark.parametrize(("b", "a"), BIASES)
@pytest.mark.parametrize("t", [0.5, 3.0])
def test_many_answers_and_a_softmax(t, b, a):
    ks = np.array([3000.0, 6000.0])
    floor = weighted(t, a, 1, lambda z: (z + b) ** 2) / weighted(t, a, 1, np.ones_like)
    exact = references.soft_error(ks, t, b, a) - floor
    found = np.asarray(large_k_error(ks, t, **biases(b, a))) - floor
    # off by the next order, n_2 / k or n_3 / k n_2, of which the largest is 12 / 3000 here; and four times less at
    # twice as many, up to orders beyond
    np.testing.assert_allclose(found, exact, rtol=0.02, atol=0)
    missed = np.abs(found - exact)
    assert missed[0] / missed[1] == pytest.approx(4, rel=0.05)


def test_many_answers_at_all_temperatures_at_once():
    t, ks = np.array([0.0, 0.5, 3.0]), np.array([10.0, 100.0])
    found = large_k_error(ks, t, **biases(0.2, -1.8))
    assert found.shape == (3, 2)
    for i in range(3):
        one = large_k_error(ks, t[i], **biases(0.2, -1.8))
        np.testing.assert_allclose(found[i], one, rtol=1e-14, atol=0)  # the same operations


@pytest.mark.parametrize(("b", "a"), [(0.3, 1.0), (0.2, -1.8), (0.0, 0.0)])
@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_what_the_series_leaves_is_of_the_next_power(order, b, a):
    ks, t = np.array([2.0, 3.0, 5.0, 20.0, 1e6]), [200.0, 400.0]
    scaled = []
    for at in t:
        left = references.soft_error(ks, at, b, a) - high_temperature_series(ks, at, **biases(b, a), order=order)
        scaled.append(np.abs(left) * at ** (order + 1))
    # a wrong term would make it twice as large; the power after it changes it by some C / t, with C of 10 or so where
    # a^2 is 3; and the reference is a sum of numbers of order 1 to 1e-14
    rounding = 5e-14 * 400.0 ** (order + 1)
    assert (scaled[1] < 1.2 * scaled[0] + rounding).all()
    if order < 3:
        following = np.asarray(
            high_temperature_series(ks, 1.0, **biases(b, a), order=order + 1)
            - high_temperature_series(ks, 1.0, **biases(b, a), order=order)
        )
        np.testing.assert_allclose(scaled[1], np.abs(following), rtol=0.1, atol=0.1 + rounding)


def test_the_third_term_at_few_answers():
    # what an independent program left after two terms at t = 80, to three digits
    ks, t = np.array([2.0, 3.0, 5.0, 20.0]), 80.0
    two, three = (np.asarray(high_temperature_series(ks, t, **biases(0.3, 1.0), order=order)) for order in (2, 3))
    # 1.50 is what is left at infinity, and a later term is some three eightieths of it
    np.testing.assert_allclose((three - two) * t**3, [1.50, 1.29, 0.22, -2.32], rtol=0, atol=0.15)
    left = (references.soft_error(ks, t, 0.3, 1.0) - two) * t**3
    np.testing.assert_allclose(left, [1.50, 1.29, 0.22, -2.32], rtol=0, atol=0.006)


def test_a_single_answer_has_no_series():
    found = high_temperature_series(1, np.array([2.0, 50.0]), **biases(0.3, np.array([1.0, -2.0])))
    np.testing.assert_allclose(found, 1.09, rtol=1e-15, atol=0)  # rounding


def test_the_series_at_every_point_and_k():
    found = high_temperature_series(
        np.array([2.0, 9.0]), np.array([[20.0], [30.0]]), **biases(0.1, np.zeros(3)), order=0
    )
    assert found.shape == (2, 3, 2)
    one = high_temperature_series(9, 30.0, **biases(0.1, 0.0))
    every = high_temperature_series(np.array([2.0, 9.0]), np.array([[20.0], [30.0]]), **biases(0.1, np.zeros(3)))
    assert every[1, 2, 1] == pytest.approx(float(one), rel=1e-15)  # the same operations


HARD = [(0.2, a) for a in (0.5, 0.8, 0.82, 0.9, 1.0, 1.5, 2.0, -0.5, -0.7, -1.0, -1.8)]
HARD += [(1.0, a) for a in (1.2, 1.5, 2.0)] + [(0.0, 0.65), (0.0, 0.75), (-0.5, 0.6)]


def test_the_nearest_of_many_is_worse_than_that_of_all():
    for b, a in HARD:
        # 2a (a - b) is 2 per cent from 1 at the least, and terms beyond are of order 1 / k^2
        gain = references.nearest(4000, a, lambda v, shift=b - a: v**2 + 2 * shift * v)
        assert bool(has_finite_optimal_k(0.0, **biases(b, a))) is bool(gain < 0), (b, a)


SOFT = [(0.2, -1.8, 5.0), (0.2, -1.8, 12.0), (0.2, 2.2, 5.0), (0.2, 3.6, 10.0), (0.2, 4.0, 20.0), (0.2, 4.0, 17.0)]
SOFT += [(0.2, 2.4, 10.0), (0.5, 0.5, 1.0), (0.0, 1.0, 1.0), (0.0, 0.9, 1.0), (0.3, -1.0, 2.0), (1.0, 3.0, 0.5)]
SOFT += [(-0.4, 0.8, 3.0)]


def test_many_answers_are_worse_than_endlessly_many():
    for b, a, t in SOFT:
        floor = weighted(t, a, 1, lambda z, b=b: (z + b) ** 2) / weighted(t, a, 1, np.ones_like)
        # the next order is n_2 / k and less, 1e-4 here for each of the cases
        gain = references.soft_error([30_000.0], t, b, a)[0] - floor
        assert bool(has_finite_optimal_k(t, **biases(b, a))) is bool(gain < 0), (b, a, t)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: error_floor(-1.0, **biases(0.0, 0.0)), "t must be non-negative, got -1.0"),
        (lambda: error_floor(1.0, **biases(np.nan, 0.0)), "bias_teacher must be "),
        (lambda: error_floor(1.0, **biases(0.0, np.inf)), "bias_reward must be "),
        (lambda: large_k_error(0.5, 1.0, **biases(0.0, 0.0)), "k must be between 1 and inf, got 0.5"),
        (lambda: large_k_error(np.inf, 1.0, **biases(0.0, 0.0)), "k must be "),
        (lambda: large_k_error(2, -1.0, **biases(0.0, 0.0)), "t must be non-negative, got -1.0"),
        (lambda: large_k_error(2, 1.0, **biases(np.inf, 0.0)), "bias_teacher must be "),
        (lambda: large_k_error(2, 1.0, **biases(0.0, np.nan)), "bias_reward must be "),
        (lambda: samples_per_effective_one(0.0, bias_reward=0.0), "t must be positive, got 0.0"),
        (lambda: samples_per_effective_one(1.0, bias_reward=np.inf), "bias_reward must be "),
        (lambda: high_temperature_series(0, 1.0, **biases(0.0, 0.0)), "k must be between 1 and inf, got 0"),
        (lambda: high_temperature_series(np.inf, 1.0, **biases(0.0, 0.0)), "k must be "),
        (lambda: high_temperature_series(2, 0.0, **biases(0.0, 0.0)), "t must be positive, got 0.0"),
        (lambda: high_temperature_series(2, 1.0, **biases(np.nan, 0.0)), "bias_teacher must be "),
        (lambda: high_temperature_series(2, 1.0, **biases(0.0, np.nan)), "bias_reward must be "),
        (
            lambda: high_temperature_series(2, 1.0, **biases(0.0, 0.0), order=4),
            "order must be one of 0, 1, 2, 3, got",
        ),
        (lambda: has_finite_optimal_k(-1.0, **biases(0.0, 0.0)), "t must be non-negative, got -1.0"),
        (lambda: has_finite_optimal_k(np.inf, **biases(0.0, 0.0)), "t must be non-negative, got inf"),
        (lambda: has_finite_optimal_k(1.0, **biases(np.nan, 0.0)), "bias_teacher must be "),
        (lambda: has_finite_optimal_k(1.0, **biases(0.0, np.inf)), "bias_reward must be "),
    ],
)
def test_refuses_what_has_no_meaning(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
