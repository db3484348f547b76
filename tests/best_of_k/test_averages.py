"""Averages over inputs: by another rule, by drawing, by their slopes."""

import math
import re

import jax
import numpy as np
import pytest
from scipy.integrate import quad

from solvable.best_of_k.theory.averages import (
    asymptotic_coefficient,
    average_error,
    average_has_finite_optimal_k,
    gain_exponent,
)
from tests.best_of_k import references

KS = np.array([1.0, 2.0, 8.0, 64.0, 1000.0, 1e6])  # always six, so that little is compiled


def averages(ks, t, variance, offset=0.0):
    return np.asarray(average_error(np.asarray(ks, float), t, bias_variance=variance, offset=offset))


@pytest.mark.parametrize(("variance", "offset"), [(0.1, 0.0), (0.05, 0.6), (0.2, -1.7)])
def test_the_average_of_the_best_answer_by_another_rule(variance, offset):
    b, weights = references.inputs(variance)
    expected = [
        weights @ [references.nearest(k, (1 + offset) * x, lambda v, x=x: (v - offset * x) ** 2) for x in b]
        for k in KS[:5]
    ]
    # as documented; the rule of 48 nodes is good for a growth of e^{a^2} with 2 (1 + c)^2 tau^2 < 0.3: 0.3^48 is left
    np.testing.assert_allclose(averages(KS, 0.0, variance, offset)[:5], expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize(("t", "variance", "offset"), [(10.0, 0.0411, 15.0), (2.0, 0.3, 0.5)])
def test_the_average_of_the_softmax_by_another_rule(t, variance, offset):
    b, weights = references.inputs(variance, 32)
    expected = weights @ [references.soft_error(KS, t, x, (1 + offset) * x) for x in b]
    np.testing.assert_allclose(averages(KS, t, variance, offset), expected, rtol=1e-9, atol=0)  # as documented


@pytest.mark.parametrize(("t", "variance", "offset"), [(0.0, 0.8, 0.0), (0.0, 0.3, -0.6), (2.0, 0.3, 0.5)])
def test_the_average_over_drawn_inputs_and_answers(t, variance, offset):
    rng = np.random.default_rng([6, 3])
    teacher, mean = np.zeros(200_000), math.sqrt(variance) * rng.normal(size=200_000)
    target = teacher - offset * (mean - teacher)
    answers = mean[:, None] + rng.normal(size=(200_000, 8))
    rewards = -((answers - target[:, None]) ** 2)
    if t == 0:
        chosen = (answers[np.arange(200_000), rewards.argmax(axis=1)] - teacher) ** 2
    else:
        p = np.exp((rewards - rewards.max(axis=1, keepdims=True)) / (2 * t))
        chosen = np.sum(p * (answers - teacher[:, None]) ** 2, axis=1) / p.sum(axis=1)
    found = averages(KS, t, variance, offset)[2]
    assert abs(chosen.mean() - found) < 4 * chosen.std() / math.sqrt(len(chosen))  # four standard errors


def test_an_average_over_equal_inputs():
    expected = [references.nearest(k, 0.0, np.square) for k in KS[:5]]
    # rounding of the reference; the average of equal numbers is one of them
    np.testing.assert_allclose(averages(KS, 0.0, 0.0, 3.0)[:5], expected, rtol=2e-12, atol=0)


@pytest.mark.parametrize("t", [0.0, 2.0])
def test_the_average_of_a_single_answer(t):
    assert averages(KS, t, 0.9)[0] == pytest.approx(1.9, rel=1e-9)  # as documented


def test_the_average_has_the_shape_of_the_numbers_of_answers():
    shaped = jax.eval_shape(lambda k: average_error(k, 0.0, bias_variance=0.1), KS.reshape(2, 3))
    assert shaped.shape == (2, 3)


@pytest.mark.parametrize(("variance", "offset"), [(0.25, 0.0), (0.45, 0.0), (0.1, 0.5), (0.3, -0.4), (2.0, -0.9)])
def test_the_coefficient_is_an_average_of_that_of_each_input(variance, offset):
    def integrand(b):
        a = (1 + offset) * b
        return math.pi * math.exp(a * a - b * b / (2 * variance)) * (1 - 2 * a * (a - b))

    width = math.sqrt(variance / (1 - 2 * (1 + offset) ** 2 * variance))
    total = quad(integrand, -12 * width, 12 * width, epsabs=0, epsrel=1e-12)[0] / math.sqrt(2 * math.pi * variance)
    # what the quadrature was asked for, of a difference that may be ten times smaller than its terms
    assert asymptotic_coefficient(variance, offset=offset) == pytest.approx(total, rel=1e-10)


@pytest.mark.parametrize(("variance", "offset"), [(0.04, 0.0), (0.1, 0.0), (0.05, 0.4)])
def test_the_average_falls_as_its_coefficient_over_the_square(variance, offset):
    k = 2.0**20
    found = averages(np.full(6, k), 0.0, variance, offset)[0] - offset**2 * variance
    # 3 / k from (k + 1)(k + 2), and rounding of the floor; inputs that have not begun to gain are a share of
    # k^(-1 / (1 + c)^2 tau^2), nothing
    slack = 1e-5 + 1e-12 * (offset**2 * variance) * k**2
    assert k**2 * found == pytest.approx(float(asymptotic_coefficient(variance, offset=offset)), rel=slack)


def test_beyond_a_variance_of_one_half_there_is_no_coefficient():
    np.testing.assert_array_equal(asymptotic_coefficient(np.array([0.5, 0.7]), offset=0.0), np.inf)
    found = asymptotic_coefficient(0.2, offset=np.array([0.6, -2.6, 0.5]))
    # a judge beyond the teacher is right too soon, so that more answers cost; one behind the mean as well
    np.testing.assert_array_equal(found[:2], -np.inf)
    assert np.isfinite(found[2])
    assert asymptotic_coefficient(9.0, offset=-0.5) == np.inf


def slopes(variance, ks):
    found = np.log2(averages(ks, 0.0, variance))
    return np.diff(found) / np.diff(np.log2(ks))


FAR = 2.0 ** np.array([8, 12, 16, 24, 28, 30])


@pytest.mark.parametrize(
    ("variance", "last"), [(0.25, -2.0), (0.4, -2.0), (0.6, -1.710), (0.75, -1.380), (0.9, -1.161), (0.99, -1.062)]
)
def test_the_slope_nears_the_exponent(variance, last):
    found, expected = slopes(variance, FAR), -float(gain_exponent(variance))
    assert found[-1] == pytest.approx(last, abs=6e-4)  # an independent program, to the digits that it gave
    # what remains is a power of ln k: 1 / ln k = 0.05 at the end, times one or so
    assert found[-1] == pytest.approx(expected, abs=0.06)
    missed = np.abs(found - expected)
    assert (np.diff(missed) < 1e-6).all()  # ever nearer


def test_the_slope_up_to_65536_answers():
    ks = 2.0 ** np.array([8, 10, 12, 14, 15, 16])
    for variance, low, high in [(0.25, -2.02, -1.97), (0.4, -2.02, -1.97), (0.75, -1.52, -1.42)]:
        # bounds set by an independent program
        assert low < np.polyfit(np.log(ks), np.log(averages(ks, 0.0, variance)), 1)[0] < high


def test_the_exponent_is_two_or_less():
    found = gain_exponent(np.array([1e-3, 0.4, 0.5, 0.625, 2.0, 50.0]))
    np.testing.assert_allclose(found, [2, 2, 2, 1.6, 0.5, 0.02], rtol=1e-15, atol=0)  # rounding


def gain_left(k, t, variance, offset):
    """How far the average at k is above its floor."""
    q = 1 / (1 + t)
    return averages(np.full(6, float(k)), t, variance, offset)[0] - (1 - q * (1 + offset)) ** 2 * variance - (1 - q)


@pytest.mark.parametrize("offset", [5.0, 10.0, 15.0, 20.0, -1.5])
def test_many_answers_are_worse_than_endlessly_many_on_average(offset):
    found = average_has_finite_optimal_k(10.0, bias_variance=0.0411, offset=offset)
    # the next order is n_2 / k, a few thousandths where the average of n_2 still exists
    assert bool(found) is bool(gain_left(3000, 10.0, 0.0411, offset) < 0)


@pytest.mark.parametrize(
    ("t", "offset", "edge"),
    # where 1 / tau^2 = (1 + c)^2 [1 / (1 + t) + 2 / (2 + t) + 2 / ((1 + t)(2 + t))] - 2 (1 + c)
    [(1.0, 1.5, 0.22857), (10.0, 15.0, 0.026442), (3.0, -4.0, 0.078431), (0.2, 0.5, 0.38095)],
)
@pytest.mark.parametrize("off", [0.95, 1.05])
def test_the_softmax_of_many_is_worse_on_average(t, offset, edge, off):
    found = average_has_finite_optimal_k(t, bias_variance=off * edge, offset=offset)
    # 2^16 answers: the quadrature is good to 1e-9, 1e-3 of the 5 per cent of n_2 / k that are to be seen
    assert bool(found) is (off > 1) is bool(gain_left(2**16, t, off * edge, offset) < 0)


@pytest.mark.parametrize(
    ("variance", "offset"),
    [
        # 2 (1 + c)(1 + 2c) tau^2 on both sides of one, by 5 per cent
        (0.135, 0.6), (0.149, 0.6), (0.228, 0.3), (0.2525, 0.3), (0.1015, -2.3), (0.112, -2.3),
        # the teacher, and judges between the teacher and the mean
        (0.3, 0.0), (0.4, -0.5), (0.4, -0.9),
        # no average of e^{a^2}: the sign of c (1 + c)
        (0.4, 0.8), (0.8, -0.1), (0.5, -2.3),
    ],
)  # fmt: skip
def test_the_nearest_of_many_is_worse_on_average(variance, offset):
    found = average_has_finite_optimal_k(0.0, bias_variance=variance, offset=offset)
    # 2^16 answers: the floor, 0.05, is known to 1e-12, 1e-4 of the pi / k^2 of which 5 per cent are to be seen; inputs
    # that have not begun to gain are a share of k^(-1 / tau^2 (1 + c)^2), less than 1 per cent of it
    assert bool(found) is bool(gain_left(2**16, 0.0, variance, offset) < 0)


def test_where_the_average_diverges_the_inputs_that_just_begin_to_gain_decide():
    # t = 1, c = 0.8, tau^2 = 1.7: the edge of k samples, at w = -sqrt(2 ln k), is chosen where it is dense enough, with
    # a = w / (1 / (1 + t) + t / 2 tau^2 (1 + c)^2); its error is below the floor where 2 (1 + c)^2 / (1 + t) +
    # t / 2 tau^2 < 2 (1 + c)
    t, variance, offset = 1.0, 1.7, 0.8
    b = np.linspace(0, 11, 56)
    law = np.exp(-(b**2) / (2 * variance))
    law[0] /= 2
    ks = [2.0**14, 2.0**30]
    above = [references.soft_error(ks, t, x, 1.8 * x) - (x - 0.9 * x) ** 2 - 0.5 for x in b]
    gain = law @ np.array(above) / law.sum()
    # an integral of a smooth function over 8 standard deviations, of which 1e-12 of 6 is left at the end
    assert (gain > 1e-8).all()
    assert not average_has_finite_optimal_k(t, bias_variance=variance, offset=offset)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: average_error(2, 0.0, bias_variance=-0.1), "bias_variance must be non-negative, got -0.1"),
        (lambda: average_error(2, 0.0, bias_variance=np.inf), "bias_variance must be non-negative, got inf"),
        (lambda: average_error(2, 0.0, bias_variance=0.1, offset=np.nan), "offset must be "),
        (lambda: average_error(0, 0.0, bias_variance=0.1), "k must be between 1 and inf, got 0"),
        (lambda: average_error(2, -1.0, bias_variance=0.1), "t must be non-negative, got -1.0"),
        (lambda: asymptotic_coefficient(-0.1), "bias_variance must be non-negative, got -0.1"),
        (lambda: asymptotic_coefficient(0.1, offset=np.inf), "offset must be "),
        (lambda: gain_exponent(0.0), "bias_variance must be positive, got 0.0"),
        (
            lambda: average_has_finite_optimal_k(-1.0, bias_variance=0.1, offset=0.0),
            "t must be non-negative, got -1.0",
        ),
        (
            lambda: average_has_finite_optimal_k(0.0, bias_variance=-0.1, offset=0.0),
            "bias_variance must be non-negative, got -0.1",
        ),
        (lambda: average_has_finite_optimal_k(0.0, bias_variance=0.1, offset=np.nan), "offset must be "),
    ],
)
def test_refuses_what_has_no_meaning(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
