"""How often features are active: sums by hand and in high precision, linear codes by their covariance, Monte Carlo."""

from fractions import Fraction
from itertools import combinations

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from solvable.superposition.theory.frequencies import (
    SPECTRA,
    evened_frequencies,
    feature_frequencies,
    feature_variances,
    ideal_loss,
    pca_loss,
    unlearned_loss,
)

# neither ordered by size nor by variance: 4/3 p - p² falls beyond 2/3
MIXED = np.array([0.3, 0.98, 0.5, 0.1, 0.7])
VARIANCES = np.array([0.31, 1.04 / 3 - 0.0004, 1.25 / 3, 0.37 / 3, 1.33 / 3])
WIDTHS = np.array([4, 7, 12, 20, 34])


def sample(frequencies, count, seed=0):
    draw = np.random.default_rng(seed)
    shape = count, len(frequencies)
    return (draw.random(shape) < frequencies) * draw.uniform(0, 2, size=shape)


def test_spectra_are_those_of_hand_sums():
    np.testing.assert_allclose(
        feature_frequencies("power", 4, alpha=2.0), np.array([144, 36, 16, 9]) / 205, rtol=1e-15, atol=0
    )
    np.testing.assert_allclose(feature_frequencies("power", 3), np.array([6, 3, 2]) / 11, rtol=1e-15, atol=0)
    np.testing.assert_allclose(feature_frequencies("linear", 4), [0.4, 0.3, 0.2, 0.1], rtol=1e-15, atol=0)
    np.testing.assert_allclose(feature_frequencies("uniform", 5), np.full(5, 0.2), rtol=1e-15, atol=0)
    halves = feature_frequencies("exponential", 4, length=1 / np.log(2))
    np.testing.assert_allclose(halves, np.array([8, 4, 2, 1]) / 15, rtol=1e-14, atol=0)
    # a length of 400 where none is given, as in the paper
    ratio = np.divide(*feature_frequencies("exponential", 2)[::-1])
    np.testing.assert_allclose(ratio, np.exp(-1 / 400), rtol=1e-14, atol=0)
    np.testing.assert_array_equal(feature_frequencies("power", 6, alpha=0.0), feature_frequencies("uniform", 6))


@pytest.mark.parametrize("kind", SPECTRA)
def test_spectra_are_normalised_and_ordered(kind):
    p = np.asarray(feature_frequencies(kind, 1000, alpha=1.2, density=2.5))
    np.testing.assert_allclose(p.sum(), 2.5, rtol=1e-13, atol=0)  # a sum of a thousand
    assert (np.diff(p) <= 0).all()
    np.testing.assert_array_equal(feature_frequencies(kind, 1), [1.0])


def test_the_precision_of_spectra_is_the_default_one():
    assert feature_frequencies("power", 3).dtype == np.float64
    with jax.enable_x64(False):
        assert feature_frequencies("power", 3).dtype == np.float32


def test_a_spectrum_is_evened_up_to_its_most_frequent_feature():
    p = np.asarray(feature_frequencies("power", 1000, alpha=1.0))
    np.testing.assert_array_equal(evened_frequencies(p, 0.0), p)
    full = np.asarray(evened_frequencies(p, 1))
    # the harmonic number of 1000, to the digits of the tables
    np.testing.assert_allclose(full.sum(), 7.485470860550345, rtol=1e-13, atol=0)
    np.testing.assert_allclose(full, 1 / np.arange(1, 1001), rtol=1e-13, atol=0)
    np.testing.assert_allclose(evened_frequencies(p, 0.25), 0.75 * p + 0.25 * full, rtol=1e-13, atol=0)
    # the largest wherever it stands
    np.testing.assert_allclose(evened_frequencies(np.array([0.1, 0.4]), 0.5), [0.175, 0.7], rtol=1e-15, atol=0)


def test_an_evened_spectrum_stays_a_probability():
    largest = np.linspace(0.01, 1, 400, dtype=np.float32)
    assert max(float(evened_frequencies(np.array([p, p / 2]), 1.0)[0]) for p in largest) == 1


def test_variances_are_those_of_the_law():
    np.testing.assert_allclose(feature_variances(MIXED), VARIANCES, rtol=1e-14, atol=0)
    x = sample(MIXED, 200_000)
    fourth = ((x - x.mean(axis=0)) ** 4).mean(axis=0)
    # four standard errors of a variance
    np.testing.assert_array_less(np.abs(x.var(axis=0) - VARIANCES), 4 * np.sqrt(fourth / len(x)))
    # it is largest at 2/3, where it is 4/9, and an always active feature has that of a uniform number of width 2
    np.testing.assert_allclose(feature_variances(np.array([[2 / 3, 1], [0, 0.5]])), [[4 / 9, 1 / 3], [0, 5 / 12]])
    assert feature_variances(0.9) < feature_variances(0.8) < feature_variances(0.7)


def test_what_is_not_learned_is_lost():
    represented = np.array([True, False, False, True, False])
    x = sample(MIXED, 100_000)
    error = ((x * ~represented) ** 2).sum(axis=1)
    found = float(unlearned_loss(MIXED, represented))
    assert abs(error.mean() - found) < 4 * error.std() / np.sqrt(len(x))  # four standard errors
    assert found == pytest.approx(4 / 3 * (0.98 + 0.5 + 0.7), rel=1e-14)
    assert unlearned_loss(MIXED, np.full(5, True)) == 0
    assert unlearned_loss(MIXED, np.full(5, False)) == pytest.approx(4 / 3 * 2.58, rel=1e-14)


def test_ideally_the_most_frequent_features_are_learned():
    # the best choice of features, by trying all; subsets of sums of five
    for m in range(6):
        best = min(4 / 3 * (MIXED.sum() - sum(chosen)) for chosen in combinations(MIXED, m))
        np.testing.assert_allclose(ideal_loss(MIXED, m), best, rtol=0, atol=1e-14)
    table = np.array([[0, 5], [2, 1]])
    np.testing.assert_allclose(ideal_loss(MIXED, table), np.array([[2.58, 0], [0.9, 1.6]]) * 4 / 3, rtol=0, atol=1e-14)


@pytest.mark.parametrize("alpha", [1.2, 1.5, 2.0])
def test_the_ideal_loss_of_a_power_law_is_a_ratio_of_zeta_functions(alpha):
    n, widths = 2**15, np.array([1, 10, 100, 1000, 2**15 - 1])
    found = ideal_loss(feature_frequencies("power", n, alpha=alpha), widths)
    with mpmath.workdps(40):
        beyond = mpmath.zeta(alpha, n + 1)
        whole = mpmath.zeta(alpha) - beyond
        expected = [float((mpmath.zeta(alpha, int(m) + 1) - beyond) / whole * 4 / 3) for m in widths]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0)  # sums of thirty thousand, the powers' rounding


def test_the_exponent_is_that_of_the_data_less_one_where_features_abound():
    n, alpha = 2**15, 3.0
    losses = ideal_loss(feature_frequencies("power", n, alpha=alpha), np.array([256, 512]))
    # the sum beyond m is that of an integral from m + 1/2 on, up to 1/m²; the end takes off (m/n)², 2.4e-4 at most
    expected = 2 * np.log2(512.5 / 256.5)
    np.testing.assert_allclose(np.log2(losses[0] / losses[1]), expected, rtol=0, atol=4e-4)
    assert abs(expected - (alpha - 1)) < 0.01


@pytest.mark.parametrize(
    ("alpha", "ideal", "linear"),
    # measured with another program, to these digits
    [(1.5, 0.621, 0.617), (2.0, 1.008, 1.005)],
)
def test_with_few_features_the_exponent_is_larger(alpha, ideal, linear):
    p = feature_frequencies("power", 256, alpha=alpha)
    for loss, exponent in ((ideal_loss, ideal), (pca_loss, linear)):
        slope = np.polyfit(np.log(WIDTHS), np.log(loss(p, WIDTHS)), 1)[0]
        assert -slope == pytest.approx(exponent, abs=6e-4)
        assert -slope > alpha - 1


def test_the_linear_optimum_is_the_best_choice_of_directions():
    for m in range(6):
        best = min(VARIANCES.sum() - sum(chosen) for chosen in combinations(VARIANCES, m))
        np.testing.assert_allclose(pca_loss(MIXED, m), best, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(pca_loss(MIXED, np.array([[5], [5]])), np.zeros((2, 1)))


def test_the_linear_optimum_is_that_of_a_sample():
    x = sample(MIXED, 200_000)
    centred = x - x.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    found = pca_loss(MIXED, np.arange(5))
    for m, loss in enumerate(found):
        # least squares from the m leading principal components
        kept = axes[:, len(MIXED) - m :]
        error = ((centred - centred @ kept @ kept.T) ** 2).sum(axis=1)
        # four standard errors; what the sample's own axes gain is far less, (1e-3)² over differences of 0.03
        assert abs(error.mean() - loss) < 4 * error.std() / np.sqrt(len(x)) + 1e-4


def test_little_is_left_and_none_of_it_is_lost():
    n, q = 200, Fraction(9, 10)
    # a geometric series, whose rest beyond m is exact
    p = feature_frequencies("exponential", n, length=-1 / np.log(0.9)).astype(jnp.float32)
    for m in (50, 150, 199):
        exact = float(Fraction(4, 3) * (q**m - q**n) / (1 - q**n))
        # single precision, a sum of numbers of one sign
        np.testing.assert_allclose(ideal_loss(p, m), exact, rtol=5e-6, atol=0)


def test_frequencies_of_any_precision():
    p = np.array([0.5, 0.25, 0.25])
    for dtype in (np.float32, jnp.bfloat16):
        low = jnp.asarray(p, dtype)
        found = [
            evened_frequencies(low, 0.5),
            feature_variances(low),
            unlearned_loss(low, np.array([True, False, True])),
            ideal_loss(low, 1),
            pca_loss(low, np.array([1, 2])),
        ]
        assert {value.dtype for value in found} == {jnp.dtype(dtype)}
        # numbers of order 1, to a few units in the last place
        np.testing.assert_allclose(np.float64(ideal_loss(low, 1)), 2 / 3, rtol=4 * float(jnp.finfo(dtype).eps), atol=0)
    assert feature_variances(np.float32(0.5)).dtype == np.float32


@pytest.mark.parametrize("loss", [ideal_loss, pca_loss])
def test_widths_of_any_type(loss):
    p = feature_frequencies("uniform", 300)
    widths = [1, 200]
    expected = np.array([299, 100]) * (4 / 900 if loss is ideal_loss else 4 / 900 - 1 / 90_000)
    # whole numbers may come as floats, and in bytes
    for dtype in (np.int64, np.uint8, np.float64):
        np.testing.assert_allclose(loss(p, np.array(widths, dtype)), expected, rtol=1e-12, atol=0)
    np.testing.assert_allclose(loss(p, 200.0), expected[1], rtol=1e-12, atol=0)


def test_losses_may_be_compiled_mapped_and_differentiated():
    p = jnp.asarray(MIXED)
    np.testing.assert_allclose(jax.jit(pca_loss)(p, 2), pca_loss(p, 2), rtol=1e-14, atol=0)
    np.testing.assert_allclose(jax.vmap(ideal_loss, (None, 0))(p, jnp.arange(6)), ideal_loss(p, np.arange(6)))
    # of the frequencies that are not among the two largest, and none of the others
    np.testing.assert_allclose(jax.grad(ideal_loss)(p, 2), np.array([1, 0, 1, 1, 0]) * 4 / 3, rtol=1e-14, atol=0)
    slope = 4 / 3 - 2 * MIXED
    np.testing.assert_allclose(jax.grad(pca_loss)(p, 1), np.where(MIXED == 0.7, 0, slope), rtol=1e-13, atol=0)
    np.testing.assert_allclose(
        jax.grad(lambda p: unlearned_loss(p, MIXED > 0.4))(p), np.array([4, 0, 0, 4, 0]) / 3, rtol=1e-14, atol=0
    )
    np.testing.assert_allclose(jax.jit(evened_frequencies)(p, 1.0), MIXED / 0.98, rtol=1e-14, atol=0)


NONE = np.array([0.5, 0.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: feature_frequencies.__wrapped__("zipf", 3), "kind must be one of 'power', 'exponential'"),
        (lambda: feature_frequencies("power", 0), "n must be a whole number of at least 1, got 0"),
        (lambda: feature_frequencies("power", 3, alpha=np.inf), "alpha must be non-negative"),
        (lambda: feature_frequencies("power", 3, alpha=-0.5), "alpha must be non-negative"),
        (lambda: feature_frequencies("exponential", 3, length=0.0), "length must be positive"),
        (lambda: feature_frequencies("uniform", 3, density=0.0), "density must be positive"),
        (lambda: feature_frequencies("uniform", 3, density=3.1), "density must leave every probability at most 1"),
        (lambda: feature_frequencies("power", 9, alpha=3.0, density=1.2), "density must leave .* got 1.2 for a power"),
        (lambda: evened_frequencies(NONE, 0.5), "frequencies must be positive, got 0.0 at index"),
        (lambda: evened_frequencies(np.array([1.1]), 0.5), "frequencies must be between 0 and 1"),
        (lambda: evened_frequencies(MIXED, 1.1), "s must be between 0 and 1, got 1.1"),
        (lambda: evened_frequencies(MIXED, -0.1), "s must be between 0 and 1"),
        (lambda: feature_variances(np.array([-0.1])), "frequencies must be between 0 and 1"),
        (lambda: feature_variances(np.nan), "frequencies must be between 0 and 1"),
        (lambda: unlearned_loss(np.array([1.1]), np.array([True])), "frequencies must be between 0 and 1"),
        (lambda: ideal_loss(np.array([1.1]), 0), "frequencies must be between 0 and 1"),
        (lambda: pca_loss(np.array([1.1]), 0), "frequencies must be between 0 and 1"),
        (lambda: ideal_loss(NONE, 3), "m must be between 0 and 2, got 3"),
        (lambda: ideal_loss(NONE, -1), "m must be a whole number of at least 0, got -1"),
        (lambda: pca_loss(NONE, 1.5), "m must be a whole number of at least 0, got 1.5"),
        (lambda: pca_loss(NONE, np.array([0, 3])), "m must be between 0 and 2, got 3 at index"),
    ],
)
def test_refuses_what_is_no_spectrum(call, message):
    with pytest.raises(ValueError, match=message):
        call()
