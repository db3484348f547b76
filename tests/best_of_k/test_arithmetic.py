"""Weights that vanish and samples from a grid: exact chances, few bits that can be counted out, and loops."""

import re

import jax
import numpy as np
import pytest
from scipy.stats import norm

from solvable.best_of_k.experiment import arithmetic
from solvable.best_of_k.experiment.arithmetic import coefficient_estimates, nearest_of_many, vanished_share
from solvable.best_of_k.theory.arithmetic import distinct_share, grid_error, normal_spacing, vanishing_share

SINGLE, DOUBLE = 2.0**-150, 5e-324
"""Half of the smallest subnormal number rounds to zero; in double precision that is not a number itself."""


def all_beyond(k, t, a, log_smallest):
    far = np.sqrt(-2 * t * log_smallest)
    return (norm.cdf(-far - a) + norm.sf(far - a)) ** k


@pytest.mark.parametrize("k", [1, 4, 100])
@pytest.mark.parametrize("t", [1e-4, 1e-2, 0.05])
def test_all_weights_vanish_where_all_samples_are_beyond_a_distance(k, t):
    biases = np.array([-2.0, 0.0, 0.5])
    found = vanishing_share(k, t, bias_reward=biases, smallest=SINGLE)
    # k times the rounding of one chance's logarithm, which is at most 20 here
    np.testing.assert_allclose(found, all_beyond(k, t, biases, np.log(SINGLE)), rtol=1e-13 * k, atol=0)


def test_shares_that_were_predicted():
    for k, digits in {1: "0.688", 4: "0.224", 16: "0.0025"}.items():
        found = vanishing_share(k, 1e-3, bias_reward=0.5, smallest=2.0**-149)
        assert f"{float(found):.{len(digits) - 2}f}" == digits


@pytest.mark.parametrize(
    ("dtype", "t", "k", "digits"), [("float32", 1e-3, 1, 150), ("float32", 1e-3, 4, 150), ("float64", 1e-4, 1, 1075)]
)
@pytest.mark.parametrize("seed", [0, 1])
def test_counted_shares_are_those_of_the_smallest_number(dtype, t, k, digits, seed):
    trials = 40_000
    expected = all_beyond(k, t, 0.5, -digits * np.log(2))
    found = vanished_share(jax.random.key(seed), k, t, trials, bias_reward=0.5, dtype=dtype)
    # four and a half standard errors
    assert abs(found - expected) < 4.5 * np.sqrt(expected * (1 - expected) / trials)


def test_a_bias_counts_with_its_sign(key):
    # the same draws, seen from both sides: a sum in single precision vanishes only where every weight does
    z = np.asarray(jax.random.normal(key, (2000, 3)))
    for a in [-0.8, 0.8]:
        lost = np.abs(z + a) > np.sqrt(2 * 1e-3 * 150 * np.log(2))
        # a sample at the very edge may fall either way: none is expected among 6000
        assert vanished_share(key, 3, 1e-3, 2000, bias_reward=a) == pytest.approx(lost.all(axis=1).mean(), abs=1e-12)


def test_a_share_is_that_of_its_key(key):
    found = [vanished_share(k, 1, 1e-3, 500, bias_reward=0.5) for k in [key, key, jax.random.key(5)]]
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("draws", [1, 30, 256, 2000])
def test_the_distinct_share_of_values_of_eight_bits(draws):
    draw = np.random.default_rng(draws)
    shares = [np.unique(draw.integers(256, size=draws)).size / draws for _ in range(3000)]
    # four and a half standard errors, and rounding where there is none
    allowed = 4.5 * np.std(shares) / np.sqrt(len(shares)) + 1e-14
    assert abs(float(distinct_share(draws, bits=8)) - np.mean(shares)) < allowed


def test_the_distinct_share_of_few_values_and_of_many():
    assert float(distinct_share(2, bits=1)) == pytest.approx(0.75, rel=1e-14)
    # 1 - (n - 1) / 2 M where n is far below M; the next term is 1e-9
    np.testing.assert_allclose(1 - distinct_share(np.array([2.0, 257.0])), [2.0**-24, 2.0**-16], rtol=1e-4, atol=0)


@pytest.mark.parametrize("z", [-3.0, -0.5, 0.0, 1.5])
@pytest.mark.parametrize("bits", [16, 20])
def test_the_spacing_is_the_difference_of_neighbours(z, bits):
    middle, half = norm.cdf(z), 2.0 ** -(bits + 1)
    expected = norm.ppf(middle + half) - norm.ppf(middle - half)
    # the third derivative: h^2 (1 + 2 z^2) / 24 phi^2, below 1e-5; rounding of a difference: below 1e-9
    assert float(normal_spacing(z, bits=bits)) == pytest.approx(expected, rel=2e-5)


def test_the_spacing_has_the_bits_of_single_precision_if_nothing_is_said():
    assert float(normal_spacing(0.0)) == pytest.approx(2.0**-23 * np.sqrt(2 * np.pi), rel=1e-14)


GRID = norm.ppf((np.arange(1024) + 0.5) / 1024)


@pytest.mark.parametrize("target", [0.0, 0.7])
@pytest.mark.parametrize("k", [64, 1024, 10_000])
def test_the_error_on_a_grid_of_ten_bits_drawn(target, k):
    draw = np.random.default_rng(k)
    # targets all over some spacings around the place, at which the density hardly changes
    places = target + draw.uniform(-0.02, 0.02, 2000)
    errors = []
    for place in places:
        # values that were drawn at least once, of those that can be the nearest
        errors.append(np.min((GRID[draw.integers(1024, size=k)] - place) ** 2))
    # four and a half standard errors; corrections for few answers are about 3 / k
    allowed = 4.5 * np.std(errors) / np.sqrt(len(errors)) + 4 / k * np.mean(errors)
    assert abs(float(grid_error(k, target, bits=10)) - np.mean(errors)) < allowed


@pytest.mark.parametrize("k", [256, 1024, 4096])
def test_the_error_on_a_grid_of_ten_bits_counted_out(k):
    # the chance that the m-th nearest value is the nearest one drawn: none of m - 1 values is, one of m is
    chances = -np.diff((1 - np.arange(1025) / 1024) ** k)
    # targets spread evenly over 40 cells, in the middle of the law
    edges = norm.ppf((np.array([492, 532])) / 1024)
    places = np.linspace(*edges, 4000, endpoint=False) + (edges[1] - edges[0]) / 8000
    nearest = np.sort((GRID - places[:, None]) ** 2, axis=1)
    # chances that are not quite geometric, and the curvature of the density: both some 1 / k
    assert float(grid_error(k, 0.0, bits=10)) == pytest.approx(np.mean(nearest @ chances), rel=4 / k)


def test_the_error_on_a_grid_in_its_limits():
    phi = norm.pdf(0.3)
    # next terms are k / M = 2^-13 of it
    assert float(grid_error(2.0**10, 0.3)) == pytest.approx(1 / (2 * phi**2 * 2.0**20), rel=2.0**-12)
    # nothing but half of a spacing is left; e^{-k / M} is zero
    assert float(grid_error(2.0**40, 0.3)) == pytest.approx(2.0**-46 / phi**2 / 12, rel=1e-13)
    # every draw counts, at a lower accuracy than the formula's own: k = M
    p = 1 - np.exp(-1.0)
    assert float(grid_error(2.0**23, 0.3)) == pytest.approx(2.0**-46 / phi**2 / 12 * (6 / p**2 - 6 / p + 1), rel=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("target", [0.5, -6.0])
def test_the_nearest_of_many_in_a_loop(key, dtype, target, monkeypatch):
    monkeypatch.setattr(arithmetic, "PIECE", 256)
    found = nearest_of_many(key, range(1, 11), target=target, targets=3, dtype=dtype)
    pieces = [jax.random.normal(jax.random.fold_in(key, index), (256,), dtype) for index in range(4)]
    drawn = np.concatenate(pieces).astype(float)
    distinct, error = [], []
    for k in found.draws:
        some = drawn[:k].tolist()
        distinct.append(len(set(some)) / k)
        error.append(np.mean([min((x - target - shift) ** 2 for x in some) for shift in [-0.005, 0, 0.005]]))
    np.testing.assert_array_equal(found.draws, 2 ** np.arange(1, 11))
    # 1 - share of repetitions among neighbours, of which there is one fewer than draws
    np.testing.assert_allclose(
        (1 - found.distinct) * (found.draws - 1), (1 - np.array(distinct)) * found.draws, atol=1e-9
    )
    # rounding of a difference that is squared
    np.testing.assert_allclose(found.error, error, rtol=1e-11, atol=0)


def test_single_precision_repeats_as_often_as_its_bits_say(key):
    found = nearest_of_many(key, range(20, 21), target=0.5, targets=2)
    repeated, expected = (1 - found.distinct[0]) * 2**20, (1 - float(distinct_share(2.0**20))) * 2**20
    # a count of rare events; neighbours are one fewer than draws, which is nothing beside that
    assert abs(repeated - expected) < 4.5 * np.sqrt(expected)


def test_the_mean_of_few_exponentials_of_squares(key):
    means = coefficient_estimates(key, 500, 80, bias_variance=0.1)
    assert means.shape == (80,)
    # E e^{b^2} = (1 - 2 tau^2)^{-1/2}, and of its square (1 - 4 tau^2)^{-1/2}: four and a half standard errors
    spread = np.sqrt(0.6**-0.5 - 1 / 0.8)
    assert abs(means.mean() - 0.8**-0.5) < 4.5 * spread / np.sqrt(500 * 80)
    # each mean is over 500: the standard deviation of 80 numbers with a heavy tail is known to a fifth or so
    assert means.std() == pytest.approx(spread / np.sqrt(500), rel=0.5)


def test_biases_that_do_not_vary_give_one(key):
    np.testing.assert_array_equal(coefficient_estimates(key, 3, 2, bias_variance=0.0), 1.0)


@pytest.mark.parametrize(("inputs", "rows"), [(30, 3), (200, 1)])
def test_means_are_over_rows_that_are_drawn_in_pieces(key, inputs, rows, monkeypatch):
    monkeypatch.setattr(arithmetic, "PIECE", 100)
    found = coefficient_estimates(key, inputs, 7, bias_variance=0.3)
    pieces = [jax.random.normal(jax.random.fold_in(key, index), (rows, inputs)) for index in range(-(-7 // rows))]
    expected = [np.mean([np.exp(0.3 * float(b) ** 2) for b in row]) for row in np.concatenate(pieces)]
    # rounding of a sum
    np.testing.assert_allclose(found, expected[:7], rtol=1e-13, atol=0)


def test_single_precision_stays_single():
    one = np.float32(0.5)
    results = [
        vanishing_share(np.float32(4), np.float32(1e-3), bias_reward=one, smallest=SINGLE),
        distinct_share(np.float32(1e6)),
        normal_spacing(one),
        grid_error(np.float32(1e6), one),
    ]
    assert {result.dtype for result in results} == {np.dtype(np.float32)}
    # the same numbers, to the rounding of exponents of a few hundred at most
    again = [
        vanishing_share(4, float(np.float32(1e-3)), bias_reward=0.5, smallest=SINGLE),
        distinct_share(1e6),
        normal_spacing(0.5),
        grid_error(1e6, 0.5),
    ]
    np.testing.assert_allclose(np.array(results, float), np.array(again, float), rtol=2e-5, atol=0)


KEY = jax.random.key(0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: vanishing_share(0.5, 1.0, bias_reward=0.0, smallest=0.1), "k must be between 1 and inf, got 0.5"),
        (lambda: vanishing_share(1, 0.0, bias_reward=0.0, smallest=0.1), "t must be positive, got 0.0"),
        (lambda: vanishing_share(1, 1.0, bias_reward=np.nan, smallest=0.1), "bias_reward must be finite, got nan"),
        (lambda: vanishing_share(1, 1.0, bias_reward=0.0, smallest=0.0), "smallest must be positive, got 0.0"),
        (lambda: vanishing_share(1, 1.0, bias_reward=0.0, smallest=2.0), "smallest must be between 0 and 1, got 2.0"),
        (lambda: distinct_share(0), "draws must be between 1 and inf, got 0"),
        (lambda: distinct_share(1, bits=0), "bits must be a whole number of at least 1, got 0"),
        (lambda: normal_spacing(np.inf), "z must be finite, got inf"),
        (lambda: normal_spacing(0.0, bits=0), "bits must be a whole number of at least 1, got 0"),
        (lambda: grid_error(0, 0.0), "k must be between 1 and inf, got 0"),
        (lambda: grid_error(np.inf, 0.0), "k must be finite, got inf"),
        (lambda: grid_error(1, np.nan), "target must be finite, got nan"),
        (lambda: grid_error(1, 0.0, bits=0), "bits must be a whole number of at least 1, got 0"),
        (lambda: vanished_share(KEY, 0, 1.0, 1, bias_reward=0.0), "k must be a whole number of at least 1, got 0"),
        (lambda: vanished_share(KEY, 1, 1.0, 0, bias_reward=0.0), "trials must be a whole number of at least 1, got 0"),
        (lambda: vanished_share(KEY, 1, -1.0, 1, bias_reward=0.0), "t must be positive, got -1.0"),
        (lambda: vanished_share(KEY, 1, 1.0, 1, bias_reward=np.inf), "bias_reward must be finite, got inf"),
        (
            lambda: nearest_of_many(KEY, range(1, 3), target=0.0, targets=1),
            "targets must be a whole number of at least 2, got 1",
        ),
        (lambda: nearest_of_many(KEY, range(1, 3), target=np.nan, targets=2), "target must be finite, got nan"),
        (
            lambda: nearest_of_many(KEY, range(0), target=0.0, targets=2),
            "doublings must be at least one whole number from 1 on, got range(0, 0)",
        ),
        (
            lambda: nearest_of_many(KEY, range(3), target=0.0, targets=2),
            "doublings must be at least one whole number from 1 on, got range(0, 3)",
        ),
        (
            lambda: coefficient_estimates(KEY, 0, 1, bias_variance=0.1),
            "inputs must be a whole number of at least 1, got 0",
        ),
        (
            lambda: coefficient_estimates(KEY, 1, 0, bias_variance=0.1),
            "repeats must be a whole number of at least 1, got 0",
        ),
        (
            lambda: coefficient_estimates(KEY, 1, 1, bias_variance=0.6),
            "bias_variance must be between 0 and 0.5, got 0.6",
        ),
    ],
)
def test_refuses_what_has_no_meaning(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
