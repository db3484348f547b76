import itertools

import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy.special import polygamma

from solvable.deep_linear.theory.spectra import (
    branching_multiplicities,
    branching_singular_values,
    gaussian_product_exponents,
)

TREES = [(1, 2), (2, 2), (3, 2), (2, 3), (3, 3), (1, 5), (4, 1)]
FLIPS = [0.0, 1e-9, 0.15, 0.5, 0.7, 1.0]


def population_covariance(levels, branching, flip_probability):
    """Correlation of every pair of items, from the edges on the path between them."""
    items = list(itertools.product(range(branching), repeat=levels))  # an item is the choices on the way to it
    covariance = np.empty((len(items), len(items)))
    for (i, a), (j, b) in itertools.product(enumerate(items), repeat=2):
        shared = next((k for k in range(levels) if a[k] != b[k]), levels)
        # each edge multiplies the correlation by P(same) - P(flipped)
        covariance[i, j] = (1 - 2 * flip_probability) ** (2 * (levels - shared))
    return covariance


@pytest.mark.parametrize(("levels", "branching"), TREES)
@pytest.mark.parametrize("flip_probability", FLIPS)
def test_squared_singular_values_are_the_eigenvalues_of_the_population(levels, branching, flip_probability):
    features = 50
    eigenvalues = np.linalg.eigvalsh(features * population_covariance(levels, branching, flip_probability))[::-1]
    values = branching_singular_values(levels, branching, flip_probability, features=features)
    # a hundred roundings of the largest eigenvalue, which is at most features * items <= 1350
    np.testing.assert_allclose(values**2, eigenvalues, rtol=0, atol=3e-11)
    assert (np.diff(values) <= 0).all()


def test_singular_values_of_few_flips_keep_their_digits():
    # levels 1: half the differences of two items, s^2 = N (1 - (1 - 2 eps)^2) = 4 N eps (1 - eps)
    small = branching_singular_values(1, 2, 1e-14, features=1)[1]
    np.testing.assert_allclose(small, 2e-7, rtol=1e-13)


def test_multiplicities_count_equal_eigenvalues():
    for levels, branching in TREES[:-1]:
        eigenvalues = np.linalg.eigvalsh(population_covariance(levels, branching, 0.15))[::-1]
        starts = np.flatnonzero(np.abs(np.diff(eigenvalues, prepend=np.inf)) > 1e-9)
        counts = np.diff(np.append(starts, eigenvalues.size))
        np.testing.assert_array_equal(branching_multiplicities(levels, branching), counts)
    # a tree without branches has one item
    np.testing.assert_array_equal(branching_multiplicities(4, 1), [1, 0, 0, 0, 0])


def test_singular_values_of_a_sample_come_close():
    levels, branching, flip, features = 2, 3, 0.2, 20_000
    draw = np.random.default_rng(0)
    signs = draw.choice([-1, 1], size=(features, 1))
    for _ in range(levels):
        signs = np.repeat(signs, branching, axis=1)
        signs = signs * np.where(draw.random(signs.shape) < flip, -1, 1)
    sample = np.linalg.svd(signs, compute_uv=False)
    # finite samples spread equal singular values by sqrt(items / features) = 2.1 % to either side
    np.testing.assert_allclose(
        sample, branching_singular_values(levels, branching, flip, features=features), rtol=2 * np.sqrt(9 / features)
    )


def test_singular_values_keep_the_precision_that_they_are_given():
    single = branching_singular_values(3, 2, jnp.float32(0.15), features=10_000)
    assert single.dtype == jnp.float32
    # ten float32 roundings
    np.testing.assert_allclose(single, branching_singular_values(3, 2, 0.15, features=10_000), rtol=1.2e-6)
    assert branching_singular_values(3, 2, 1, features=1).dtype == jnp.float64


@pytest.mark.parametrize("function", [branching_singular_values, branching_multiplicities])
@pytest.mark.parametrize(("wrong", "name"), [((0, 2), "levels"), ((2, 0), "branching"), ((-1, 2), "levels")])
def test_trees_without_levels_or_branches_are_refused(function, wrong, name):
    rest = {"flip_probability": 0.1, "features": 5} if function is branching_singular_values else {}
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1"):
        function(*wrong, **rest)


@pytest.mark.parametrize("flip_probability", [-0.1, 1.1, np.nan])
def test_flips_that_are_no_probability_are_refused(flip_probability):
    with pytest.raises(ValueError, match="flip_probability must be between"):
        branching_singular_values(2, 2, flip_probability, features=5)


def test_no_features_are_refused():
    with pytest.raises(ValueError, match="features must be a whole number of at least 1, got 0"):
        branching_singular_values(2, 2, 0.1, features=0)


@pytest.mark.parametrize("n", [1, 2, 7, 200])
def test_exponents_are_mean_logarithms_of_chi_variables(n):
    # E[ln chi_m] by quadrature of its density, for entries of variance 1 / n
    expected = []
    for m in {n, (n + 1) // 2, 1}:

        def weighted_logarithm(r, m=m):
            log_norm = (m / 2 - 1) * mpmath.log(2) + mpmath.loggamma(m / 2)
            return mpmath.exp((m - 1) * mpmath.log(r) - r**2 / 2 - log_norm) * mpmath.log(r)

        peak = np.sqrt(m)
        mean = mpmath.quad(weighted_logarithm, [0, peak / 2, peak, peak + 3, peak + 12])
        expected.append((n - m, float(mean - mpmath.log(n) / 2)))
    exponents = gaussian_product_exponents(n)
    assert exponents.shape == (n,)
    for index, mean in expected:
        # quadrature is good to 15 digits, jax's digamma to a few units in the last place
        np.testing.assert_allclose(exponents[index], mean, rtol=0, atol=1e-12)
    assert (np.diff(exponents) < 0).all()


def test_exponents_are_those_of_a_long_product():
    n, layers = 5, 4000
    draw = np.random.default_rng(1)
    frame, total = np.eye(n), np.zeros(n)
    for w in draw.normal(size=(layers, n, n)) / np.sqrt(n):
        frame, triangle = np.linalg.qr(w @ frame)
        total += np.log(np.abs(np.diag(triangle)))
    # ln chi_m has variance polygamma(1, m / 2) / 4, independent from layer to layer; four standard errors
    error = np.sqrt(polygamma(1, np.arange(n, 0, -1) / 2) / 4 / layers)
    assert (np.abs(total / layers - gaussian_product_exponents(n)) < 4 * error).all()


@pytest.mark.parametrize("n", [0, -3])
def test_widths_below_one_are_refused(n):
    with pytest.raises(ValueError, match="n must be a whole number of at least 1"):
        gaussian_product_exponents(n)
