"""Least squares and kernel regression on drawn data, against scikit-learn and quadrature, and alignment by loops."""

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression

from solvable.lazy_rich.experiment import draw_task, sample_alignment, sample_kernel_regression, sample_least_squares
from solvable.randomness import generator
from tests.lazy_rich import gaussian


def kernel(eps):
    return lambda a, b: a @ b + eps**2 * (a @ b) ** 2


def features(x, eps):
    """All products of two entries, each order of them for itself: their inner product is the kernel."""
    return np.concatenate([x, eps * np.einsum("pi,pj->pij", x, x).reshape(len(x), -1)], axis=1)


def fresh_error(fit, beta):
    """Mean square over all inputs, by a rule that is exact for polynomials of degree nine."""
    x, weight = gaussian.grid(len(beta))
    return weight @ (fit.predict(x) - (x @ beta) ** 2 / 2) ** 2


@pytest.mark.parametrize("ridge", [1e-3, 0.3])
def test_regression_with_a_ridge_is_that_of_scikit_learn(ridge, key):
    # nine features of three dimensions: fewer examples, as many, and more
    samples, eps = (2, 9, 5, 14, 10), 0.6
    found = sample_kernel_regression(samples, dim=3, eps=eps, seeds=3, key=key, ridge=ridge)
    tasks = draw_task(3, 14, key=key, seeds=3)
    expected = []
    for count in samples:
        given = [(x[:count], y[:count], beta) for x, y, beta in zip(*tasks, strict=True)]
        fits = [(KernelRidge(alpha=ridge, kernel=kernel(eps)).fit(x, y), beta) for x, y, beta in given]
        expected.append([fresh_error(fit, beta) for fit, beta in fits])
    # two ways to solve systems whose condition is at most some 1e4
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_without_a_ridge_the_features_interpolate_with_the_smallest_weights(key):
    samples, eps = (1, 4, 7), 0.6
    found = sample_kernel_regression(samples, dim=3, eps=eps, seeds=3, key=key)
    tasks = draw_task(3, 7, key=key, seeds=3)
    x_all, weight = gaussian.grid(3)
    for row, count in zip(found, samples, strict=True):
        for value, x, y, beta in zip(row, *tasks, strict=True):
            # of all solutions the least-squares solver takes the smallest
            solution = np.linalg.lstsq(features(x[:count], eps), y[:count])[0]
            error = weight @ (features(x_all, eps) @ solution - (x_all @ beta) ** 2 / 2) ** 2
            np.testing.assert_allclose(value, error, rtol=1e-9)  # the kernel's condition is the features' squared


def test_without_a_ridge_more_examples_than_features_leave_nothing(key):
    found = sample_kernel_regression((10, 25), dim=3, eps=0.6, seeds=3, key=key)
    # the target is among the features: rounding, times a condition of at most 1e6, squared
    np.testing.assert_allclose(found, 0, atol=1e-18)


def test_by_default_there_is_no_ridge_and_a_few_data_sets_behave_as_was_measured(key):
    found = sample_kernel_regression((60, 120, 200), dim=40, eps=0.1, seeds=5, key=key)
    # means of five data sets of another program; four standard errors of the difference of two such means
    error = np.sqrt(2 / 5) * found.std(axis=1, ddof=1)
    assert (np.abs(found.mean(axis=1) - [1.53, 0.661, 0.479]) < 4 * error).all()


def test_least_squares_are_those_of_scikit_learn(key):
    found = sample_least_squares(4, 9, seeds=5, key=key)
    for left, test, x, y, beta in zip(*found, *draw_task(4, 9, key=key, seeds=5), strict=True):
        fit = LinearRegression(fit_intercept=False).fit(x, y)
        nothing, weight = gaussian.grid(4)
        power = weight @ ((nothing @ beta) ** 2 / 2) ** 2
        # rounding of well-conditioned systems and of sums of 625
        np.testing.assert_allclose(left, np.mean((fit.predict(x) - y) ** 2) / np.mean(y**2), rtol=1e-12)
        np.testing.assert_allclose(test, fresh_error(fit, beta) / power, rtol=1e-11)


def test_least_squares_have_at_least_one_example_to_spare(key):
    assert sample_least_squares(4, 5, seeds=2, key=key).train.shape == (2,)
    with pytest.raises(ValueError, match="samples must be a whole number of at least 5, got 4"):
        sample_least_squares(4, 4, seeds=2, key=key)


def test_numbers_of_examples_below_one_are_refused(key):
    with pytest.raises(ValueError, match=r"samples must be a whole number of at least 1, got 0 at index \(1,\)"):
        sample_kernel_regression((3, 0), dim=3, eps=0.5, seeds=1, key=key)


@pytest.mark.parametrize("diagonal", [True, False])
def test_alignment_is_that_of_the_centred_kernel_entry_by_entry(diagonal, key):
    samples, dim, eps = (5, 8), 3, 0.7
    found = sample_alignment(samples, dim=dim, eps=eps, seeds=2, key=key, diagonal=diagonal)
    assert found.shape == (2, 2)
    draw = generator(key)
    for row, count in zip(found, samples, strict=True):
        for value in row:
            x = draw.normal(size=(count, dim)) / np.sqrt(3)
            y = np.sum(x, axis=1) ** 2 / 2
            k = np.array([[kernel(eps)(a, b) * (diagonal or i != j) for j, b in enumerate(x)] for i, a in enumerate(x)])
            k = k - k.mean(axis=0)
            y = y - y.mean()
            expected = sum(y[i] * k[i, j] * y[j] for i in range(count) for j in range(count))
            expected /= np.sqrt(np.sum(k**2)) * np.sum(y**2)
            np.testing.assert_allclose(value, expected, rtol=1e-12)  # sums of 64
    whole = sample_alignment(samples, dim=dim, eps=eps, seeds=2, key=key)
    assert (whole == found).all() == diagonal
