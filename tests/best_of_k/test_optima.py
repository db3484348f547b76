"""The best number of answers, temperature and judge: against errors summed in another way, all of them compared."""

import math
import re

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from solvable.best_of_k.theory.optima import (
    average_optimal_k,
    optimal_k,
    optimal_reward_offset,
    optimal_temperature,
    optimal_temperature_series,
    samples_to_beat_the_mean,
)
from tests.best_of_k import references

VARIANCE = 0.0411 / 1.001  # of the paper's setting, in units of the predictive variance


def biases(b, a):
    return {"bias_teacher": b, "bias_reward": a}


@pytest.mark.parametrize(
    ("b", "a"), [(0.2, 0.82), (0.2, 0.9), (0.2, 1.0), (0.2, 2.0), (0.2, -0.7), (0.2, -1.8), (1.0, 1.5), (1.0, 2.0)]
)
def test_the_best_number_of_nearest_answers_is_the_best_of_all(b, a):
    ks = np.arange(1, 41)
    errors = [references.nearest(float(k), a, references.error_from(b, a)) for k in ks]
    assert optimal_k(0.0, **biases(b, a)) == ks[np.argmin(errors)]


@pytest.mark.parametrize(
    ("b", "a", "t", "published"), [(0.2, -1.8, 5.0, 2), (0.2, -1.8, 12.0, 2), (0.2, 2.2, 5.0, 7), (0.2, 3.6, 10.0, 4)]
)
def test_the_best_number_of_answers_of_a_softmax_is_the_best_of_all(b, a, t, published):
    ks = np.arange(1, 201)
    best = ks[np.argmin(references.soft_error(ks, t, b, a))]
    assert best == published  # by an independent program
    assert optimal_k(t, **biases(b, a)) == best


def test_a_best_number_of_some_hundred_answers():
    b, t = 0.2, 5.0
    # just beyond the criterion, (1/6 + 2/7) a^2 > 1 + 0.4 a
    a = np.roots([1 / 6 + 2 / 7, -2 * b, -1]).max() + 0.005
    ks = np.arange(1, 2001)
    errors = references.soft_error(ks, t, b, a)
    best = int(ks[np.argmin(errors)])
    assert 100 < best < 1900
    found = optimal_k(t, **biases(b, a))
    # around the minimum the errors of neighbours differ by 1e-11 of themselves and less
    assert found == pytest.approx(best, rel=0.02)
    assert errors[int(found) - 1] == pytest.approx(errors.min(), rel=1e-12)


@pytest.mark.parametrize(("b", "a", "t"), [(0.2, 0.8, 0.0), (0.5, 0.5, 0.0), (0.2, 4.0, 20.0), (0.5, 0.5, 2.0)])
def test_without_a_best_number_there_is_none(b, a, t):
    assert optimal_k(t, **biases(b, a)) == math.inf


def test_the_best_number_of_answers_on_average():
    b, weights = references.inputs(VARIANCE, 20)
    ks = np.arange(1, 41)
    published = {15.0: 8, 20.0: 4, 25.0: 3}  # by an independent program, and the first two by drawing
    for offset, best in published.items():
        errors = weights @ [references.soft_error(ks, 10.0, x, (1 + offset) * x) for x in b]
        assert ks[np.argmin(errors)] == best
    assert average_optimal_k(10.0, bias_variance=VARIANCE, offset=15.0) == 8


@pytest.mark.parametrize(("t", "offset"), [(10.0, 10.0), (10.0, 0.0), (0.0, 0.0), (0.0, 1.0)])
def test_without_a_best_number_on_average_there_is_none(t, offset):
    # at temperature zero 2 (1 + c)(1 + 2c) tau^2 = 0.5 at the most
    assert average_optimal_k(t, bias_variance=VARIANCE, offset=offset) == math.inf


@pytest.mark.parametrize(
    ("k", "b", "a", "measured"),
    [
        (3.0, 0.0, 4.0, 12.20), (10.0, 0.0, 4.0, 25.24), (1000.0, 0.0, 4.0, 30.94), (3.0, 0.0, 6.0, 25.82),
        (50.0, 0.0, 6.0, 68.2), (1000.0, 0.3, 4.0, 8.40),
    ],
)  # fmt: skip
def test_the_best_temperature(k, b, a, measured):
    expected = minimize_scalar(
        lambda t: references.soft_error([k], t, b, a)[0], bounds=(1, 200), method="bounded", options={"xatol": 1e-6}
    ).x
    found = optimal_temperature(k, **biases(b, a))
    # an independent program, to its last digit
    assert found == pytest.approx(measured, abs=0.06 if measured == 68.2 else 0.006)
    # both look for a minimum in numbers that are exact to 1e-14, whose root, 1e-7, is amplified by a flat minimum
    assert found == pytest.approx(expected, rel=2e-5)


def test_the_best_temperature_is_the_lowest_of_a_fine_grid():
    b, a, k = 0.2, 1.1, 40.0
    grid = np.geomspace(0.3, 2, 41)
    errors = [references.soft_error([k], t, b, a)[0] for t in grid]
    best = grid[np.argmin(errors)]
    assert optimal_temperature(k, **biases(b, a)) == pytest.approx(best, rel=grid[1] / grid[0] - 1)  # to one step


def test_the_best_temperature_of_endlessly_many_answers():
    for b, a in [(0.0, 4.0), (0.3, 1.0), (0.3, 4.0), (-0.2, 1.5), (1.0, 2.5)]:

        def floor(t, b=b, a=a):
            return (b - a / (1 + t)) ** 2 + t / (1 + t)

        expected = minimize_scalar(floor, bounds=(0, 100), method="bounded", options={"xatol": 1e-9}).x
        # the root of a minimum's rounding, 1e-8, times a flat one's width of some tens
        assert optimal_temperature(np.inf, **biases(b, a)) == pytest.approx(expected, abs=1e-4)
    assert optimal_temperature(np.inf, **biases(0.0, 0.5)) == 0  # 2 a^2 < 1
    assert optimal_temperature(1e6, **biases(0.0, 4.0)) == pytest.approx(31, rel=1e-3)


def test_a_best_number_of_answers_in_the_thousands():
    # just beyond the edge of the criterion at t = 5, (1/6 + 2/7) a^2 = (1 + 2ab)(1 + x): two orders in 1/k balance at a
    # number that grows as 1/x, with an error of order x^2 below that of half as many more or fewer
    t, b = 5.0, 0.2
    found = []
    for x in (1e-3, 1.5e-4):
        a = max(np.roots([1 / 6 + 2 / 7, -2 * b * (1 + x), -(1 + x)]))
        found.append(optimal_k(t, **biases(b, a)))
    assert 4096 < found[1] == pytest.approx(found[0] / 0.15, rel=0.02)  # the next order is x; the minimum is flat
    few, best, many = references.soft_error([found[1] / 1.5, found[1], found[1] * 1.5], t, b, a)
    assert best < few - 1e-10
    assert best < many - 1e-10


def test_a_best_temperature_that_is_all_but_zero():
    # 2 a^2 / (1 + 2 a b) is just above 1; the minimum is t^2 = 1e-8 deep, and the quadrature good to 1e-10 of 1/4
    found = optimal_temperature(2.0**30, **biases(1 / 1.00011 - 0.5, 1.0))
    assert found == pytest.approx(1.1e-4, rel=0.2)


@pytest.mark.parametrize("k", [2.0, 30.0, np.inf])
def test_the_teacher_as_judge_is_best_obeyed(k):
    for b in (0.0, 0.5, -1.5):
        assert optimal_temperature(k, **biases(b, b)) == 0


@pytest.mark.parametrize("k", [3.0, 30.0, np.inf])
def test_a_judge_on_the_wrong_side_is_best_ignored(k):
    assert optimal_temperature(k, **biases(1.0, -0.8)) == math.inf
    assert optimal_temperature(k, **biases(-2.0, 1.5)) == math.inf


@pytest.mark.parametrize(("b", "a"), [(0.0, 0.0), (0.3, 1.0), (0.0, 4.0), (0.3, 4.0), (1.0, 2.0), (0.2, -1.8)])
def test_with_a_single_answer_every_temperature_is_as_good(b, a):
    assert optimal_temperature(1, **biases(b, a)) == 0


def test_the_best_temperature_by_the_series():
    # of 1 + b^2 - A C1 / t + A (1 - 2 / k) C2 / t^2 by hand, at C1 = 1.6 and C2 = 2.6
    def series(t):
        return -(2 / 3) * 1.6 / t + (2 / 3) * (1 / 3) * 2.6 / t**2

    expected = minimize_scalar(series, bounds=(0.5, 5), method="bounded", options={"xatol": 1e-10}).x
    # the root of a minimum's rounding
    assert optimal_temperature_series(3, **biases(0.3, 1.0)) == pytest.approx(expected, rel=1e-6)
    # the paper's formula as an independent program evaluated it, to its last digit
    for k, b, a, value in [
        (3, 0, 4, 11.33),
        (10, 0, 4, 27.20),
        (1000, 0, 4, 33.93),
        (3, 0, 6, 24.67),
        (50, 0, 6, 71.0),
    ]:
        found = optimal_temperature_series(k, **biases(float(b), float(a)))
        assert found == pytest.approx(value, abs=0.06 if value == 71.0 else 0.006)
    assert optimal_temperature_series(1000, **biases(0.3, 4.0)) == pytest.approx(11.39, abs=0.006)
    assert optimal_temperature_series(np.inf, **biases(0.0, 4.0)) == pytest.approx(34, rel=1e-15)  # rounding
    assert optimal_temperature_series(2, **biases(0.0, 4.0)) == 0
    assert optimal_temperature_series(3, **biases(1.0, -0.5)) == math.inf
    assert optimal_temperature_series(3, **biases(1.0, -0.8)) == math.inf


@pytest.mark.parametrize("t", [0.0, 0.5, 3.0])
def test_the_best_judge_of_endlessly_many_answers(t):
    b = 0.7

    def floor(c):
        return (b - (1 + c) * b / (1 + t)) ** 2 + t / (1 + t)

    expected = minimize_scalar(floor, bounds=(-2, 8), method="bounded", options={"xatol": 1e-9}).x
    # the root of a minimum's rounding
    assert optimal_reward_offset(t, bias_teacher=b) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("k", "t", "b"), [(2, 0.0, 1.0), (10, 0.0, -0.6), (10, 1.0, 0.8), (4, 0.5, -2.0)])
def test_the_best_judge_of_a_few_answers(k, t, b):
    def error(a):
        if t == 0:
            return references.nearest(float(k), a, references.error_from(abs(b), a))
        return references.soft_error([k], t, abs(b), a)[0]

    expected = minimize_scalar(error, bounds=(0, 12), method="bounded", options={"xatol": 1e-8}).x / abs(b) - 1
    found = optimal_reward_offset(t, k=k, bias_teacher=b)
    # both look for a minimum in numbers that are exact to 1e-12, or 1e-11, of which the root is 3e-6
    assert found == pytest.approx(expected, abs=3e-5)


def test_the_best_judge_of_more_answers_is_nearer_to_that_of_endlessly_many():
    found = [optimal_reward_offset(1.0, k=k, bias_teacher=0.8) for k in (10.0, 1000.0, 1e5)]
    # off by the order of n_2 / k, with n_2 = 2.2 here
    assert abs(found[1] - 1) < abs(found[0] - 1) / 10
    assert found[2] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("variance", [0.25, VARIANCE])
def test_how_many_answers_beat_the_mean(variance):
    b, weights = references.inputs(variance, 24)
    ks = np.arange(1, 16)
    errors = np.array([weights @ [references.nearest(float(k), x, np.square) for x in b] for k in ks])
    assert samples_to_beat_the_mean(variance) == ks[np.argmax(errors < variance)]


def test_no_number_of_answers_beats_a_mean_without_error():
    # sqrt(pi / tau^2), beyond 2^30 where tau^2 < 3e-18
    assert samples_to_beat_the_mean(1e-19) == math.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: optimal_k(-1.0, **biases(0.0, 0.0)), "t must be non-negative, got -1.0"),
        (lambda: optimal_k(1.0, **biases(np.nan, 0.0)), "bias_teacher must be "),
        (lambda: optimal_k(1.0, **biases(0.0, np.inf)), "bias_reward must be "),
        (lambda: average_optimal_k(-1.0, bias_variance=0.1, offset=0.0), "t must be non-negative, got -1.0"),
        (lambda: average_optimal_k(0.0, bias_variance=-0.1, offset=0.0), "bias_variance must be non-negative, got"),
        (lambda: average_optimal_k(0.0, bias_variance=0.1, offset=np.nan), "offset must be "),
        (lambda: optimal_temperature(0.5, **biases(0.0, 0.0)), "k must be between 1 and inf, got 0.5"),
        (lambda: optimal_temperature(2, **biases(np.nan, 0.0)), "bias_teacher must be "),
        (lambda: optimal_temperature(np.inf, **biases(0.0, np.inf)), "bias_reward must be "),
        (lambda: optimal_temperature_series(1, **biases(0.0, 0.0)), "k must be between 2 and inf, got 1"),
        (lambda: optimal_temperature_series(3, **biases(np.nan, 0.0)), "bias_teacher must be "),
        (lambda: optimal_temperature_series(3, **biases(0.0, np.nan)), "bias_reward must be "),
        (lambda: optimal_reward_offset(-1.0), "t must be non-negative, got -1.0"),
        (lambda: optimal_reward_offset(1.0, k=1), "k must be between 2 and inf, got 1"),
        (lambda: optimal_reward_offset(1.0, bias_teacher=np.inf), "bias_teacher must be "),
        (lambda: optimal_reward_offset(1.0, bias_teacher=0.0), "bias_teacher must differ from 0, got 0.0"),
        (lambda: samples_to_beat_the_mean(0.0), "bias_variance must be positive, got 0.0"),
    ],
)
def test_refuses_what_has_no_meaning(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
