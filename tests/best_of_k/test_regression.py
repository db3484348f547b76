"""Bayesian linear regression: in its dual form, on a grid of weights, and at inputs that are drawn."""

import re

import jax
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from solvable.best_of_k.experiment.regression import (
    BayesianLinearRegression,
    draw_features,
    draw_regression,
    measure_posterior,
)


def process(features, labels, noise, prior_scale, at):
    """Mean and covariance of the values at some inputs: of a Gaussian process whose kernel is the prior's."""

    def kernel(one, other):
        return prior_scale**2 * one @ other.T

    data = kernel(features, features) + noise**2 * np.eye(len(features))
    gain = np.linalg.solve(data, kernel(features, at)).T
    return gain @ labels, kernel(at, at) - gain @ kernel(features, at)


@pytest.mark.parametrize(("n", "d"), [(7, 4), (3, 6), (1, 1)])
@pytest.mark.parametrize(("noise", "prior_scale"), [(0.5, 1.0), (1.3, 0.4), (0.05, 2.0)])
def test_the_posterior_is_that_of_a_gaussian_process(n, d, noise, prior_scale):
    draw = np.random.default_rng(n)
    features, labels, at = draw.normal(size=(n, d)), draw.normal(size=n), draw.normal(size=(5, d))
    model = BayesianLinearRegression(noise, prior_scale)
    posterior = model.posterior(features, labels)
    mean, covariance = process(features, labels, noise, prior_scale, np.eye(d))
    # rounding, times a condition number of at most 1e4
    np.testing.assert_allclose(posterior.mean, mean, rtol=0, atol=1e-11)
    np.testing.assert_allclose(posterior.covariance, covariance, rtol=0, atol=1e-11)
    found = model.predictive(posterior, at)
    mean, covariance = process(features, labels, noise, prior_scale, at)
    np.testing.assert_allclose(found.mean, mean, rtol=0, atol=1e-10)
    np.testing.assert_allclose(found.variance, noise**2 + np.diag(covariance), rtol=0, atol=1e-10)


def test_the_posterior_of_one_weight_on_a_grid():
    features, labels = np.array([[0.4], [-1.1], [2.0]]), np.array([1.0, 0.3, 2.2])
    w = np.linspace(-8, 8, 40_001)
    log_law = -(w**2) / (2 * 1.5**2) - ((labels[:, None] - features * w) ** 2).sum(axis=0) / (2 * 0.7**2)
    law = np.exp(log_law - log_law.max())
    law /= law.sum()
    posterior = BayesianLinearRegression(0.7, 1.5).posterior(features, labels)
    # the sum over a grid of a Gaussian function is exact to rounding
    assert float(posterior.mean[0]) == pytest.approx(law @ w, rel=1e-11)
    assert float(posterior.covariance[0, 0]) == pytest.approx(law @ (w - law @ w) ** 2, rel=1e-11)


def test_a_model_refuses_scales_that_are_none():
    with pytest.raises(ValueError, match="noise must be positive, got 0"):
        BayesianLinearRegression(0.0, 1.0)
    with pytest.raises(ValueError, match="prior_scale must be positive, got -1"):
        BayesianLinearRegression(1.0, -1.0)


def test_a_model_refuses_data_that_do_not_fit():
    model = BayesianLinearRegression(1.0, 1.0)
    with pytest.raises((TypeCheckError, ValueError), match="labels"):
        model.posterior(np.ones((3, 2)), np.ones(2))
    with pytest.raises((TypeCheckError, ValueError), match="features"):
        model.posterior(np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match=re.escape("labels must be finite, got nan at index (1,)")):
        model.posterior(np.ones((2, 1)), np.array([0.0, np.nan]))
    with pytest.raises(ValueError, match=re.escape("features must be finite, got inf at index (0, 0)")):
        model.posterior(np.full((2, 1), np.inf), np.zeros(2))
    posterior = model.posterior(np.ones((3, 2)), np.ones(3))
    with pytest.raises(ValueError, match=re.escape("features must have shape (any, 2), got (4, 3)")):
        model.predictive(posterior, np.ones((4, 3)))


def test_a_drawn_task_has_the_scales_that_were_asked_for(key):
    n, d = 500, 400
    task = draw_regression(n, d, noise=0.3, teacher_scale=2.0, key=key)
    residual = task.labels - task.features @ task.teacher
    # a mean square of N Gaussian numbers is known to sqrt(2 / N): four and a half of these
    for values, variance in [(task.features, 1 / d), (task.teacher, 4.0), (residual, 0.09)]:
        assert np.mean(values**2) == pytest.approx(variance, rel=4.5 * np.sqrt(2 / values.size))
        assert abs(np.mean(values)) < 4.5 * np.sqrt(variance / values.size)
    # three draws, not one in three guises: correlations of 400 pairs
    for one, other in [(task.teacher, residual[:d]), (task.teacher, task.features[0]), (residual, task.features[:, 0])]:
        assert abs(np.corrcoef(one, other)[0, 1]) < 4.5 / np.sqrt(d)


def test_without_noise_labels_are_the_teacher_s_values(key):
    task = draw_regression(9, 4, noise=0.0, teacher_scale=2.0, key=key)
    np.testing.assert_array_equal(task.labels, task.features @ task.teacher)


def test_a_teacher_of_fixed_length_has_it(key):
    free, fixed = (
        draw_regression(5, 7, noise=0.1, teacher_scale=3.0, key=key, fixed_length=fixed) for fixed in [False, True]
    )
    assert fixed.teacher @ fixed.teacher == pytest.approx(9 * 7, rel=1e-14)
    # in the same direction, and with the same inputs
    np.testing.assert_allclose(
        fixed.teacher / np.linalg.norm(fixed.teacher), free.teacher / np.linalg.norm(free.teacher), rtol=1e-13
    )
    np.testing.assert_array_equal(fixed.features, free.features)


def test_a_task_is_that_of_its_key(key):
    one, same, other = (
        draw_regression(5, 3, noise=0.1, teacher_scale=1.0, key=k) for k in [key, key, jax.random.key(1)]
    )
    for a, b, c in zip(one, same, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert (a != c).all()


def test_inputs_vary_by_the_eigenvalues(key):
    eigenvalues = np.array([4.0, 1.0, 0.25])
    task = draw_regression(30_000, 3, noise=0.1, teacher_scale=1.0, key=key, eigenvalues=eigenvalues)
    # four and a half standard errors of a mean square
    np.testing.assert_allclose(
        np.mean(task.features**2, axis=0), eigenvalues / 3, rtol=4.5 * np.sqrt(2 / 30_000), atol=0
    )
    features = draw_features(30_000, 3, np.random.default_rng(0), eigenvalues)
    np.testing.assert_allclose(np.mean(features**2, axis=0), eigenvalues / 3, rtol=4.5 * np.sqrt(2 / 30_000), atol=0)


@pytest.mark.parametrize("eigenvalues", [None, np.array([3.0, 1.0, 0.2, 0.5])])
def test_what_is_measured_is_the_mean_over_drawn_inputs(eigenvalues):
    keys = jax.random.split(jax.random.key(4), 3)
    setting = {"noise": 0.6, "teacher_scale": 1.5, "eigenvalues": eigenvalues}
    found = measure_posterior(6, 4, prior_scale=0.8, keys=keys, **setting)
    draw = np.random.default_rng(9)
    spread = np.ones(4) if eigenvalues is None else eigenvalues
    at = draw.normal(size=(200_000, 4)) * np.sqrt(spread / 4)
    for row, key in enumerate(keys):
        task = draw_regression(6, 4, key=key, **setting)
        weights, covariance = process(task.features, task.labels, 0.6, 0.8, np.eye(4))
        mean, truth = at @ weights, at @ task.teacher
        slope = (mean @ truth) / (truth @ truth)
        variance = 0.36 + np.einsum("mi,ij,mj->m", at, covariance, at)
        risk = (mean - truth) ** 2
        # four and a half standard errors; the slope's is that of a regression through the origin
        error = np.sqrt(np.sum(truth**2 * (mean - slope * truth) ** 2)) / (truth @ truth)
        assert abs(found.shrinkage[row] - slope) < 4.5 * error
        assert abs(found.predictive_variance[row] - variance.mean()) < 4.5 * variance.std() / np.sqrt(len(at))
        assert abs(found.mean_risk[row] - risk.mean()) < 4.5 * risk.std() / np.sqrt(len(at))


GOOD = {"noise": 0.1, "teacher_scale": 1.0}


@pytest.mark.parametrize(
    ("samples", "dimension", "wrong", "message"),
    [
        (0, 2, {}, "samples must be a whole number of at least 1, got 0"),
        (2, 0, {}, "dimension must be a whole number of at least 1, got 0"),
        (2, 2, {"noise": -0.1}, "noise must be non-negative, got -0.1"),
        (2, 2, {"teacher_scale": -1.0}, "teacher_scale must be non-negative, got -1.0"),
        (2, 2, {"eigenvalues": np.ones(3)}, "eigenvalues must have shape (2,), got (3,)"),
        (2, 2, {"eigenvalues": np.array([1.0, 0.0])}, "eigenvalues must be positive, got 0.0 at index (1,)"),
    ],
)
def test_a_draw_refuses_what_has_no_meaning(key, samples, dimension, wrong, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        draw_regression(samples, dimension, key=key, **GOOD | wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"noise": 0.0}, "noise must be positive, got 0.0"),
        ({"prior_scale": 0.0}, "prior_scale must be positive, got 0.0"),
        ({"teacher_scale": 0.0}, "teacher_scale must be positive, got 0.0"),
        ({"eigenvalues": np.ones(3)}, "eigenvalues must have shape (2,), got (3,)"),
    ],
)
def test_a_measurement_refuses_what_has_no_meaning(key, wrong, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        measure_posterior(3, 2, keys=jax.random.split(key, 1), **GOOD | {"prior_scale": 1.0} | wrong)
