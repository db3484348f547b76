"""The limit of many samples and features: against roots of the equation, and against regressions that are drawn."""

import re

import jax
import mpmath
import numpy as np
import pytest
from scipy.optimize import brentq

from solvable.best_of_k.theory.equivalents import deterministic_equivalents

MIXED = np.r_[np.full(60, 2.0), np.full(40, 0.3)]
MIXED_TEACHER = np.r_[np.full(60, 0.5), np.full(40, 3.0)]
SETTING = {"teacher_variance": MIXED_TEACHER, "noise": 0.4, "prior_scale": 1.3}


def ridge(bare, ratio, eigenvalues):
    """Root of the fixed-point equation, between bounds: the missing part is at most the ratio times the mean."""

    def missing(r):
        return r * (1 - ratio * np.mean(eigenvalues / (eigenvalues + r))) - bare

    return brentq(missing, bare, bare + ratio * np.mean(eigenvalues) + 1e-9, xtol=1e-15, rtol=1e-14)


def from_roots(eigenvalues, samples, teacher_variance, noise, prior_scale):
    """Ridge, posterior variance, bias and risk. Fluctuations come in by the slope of the ridge in its bare value."""
    ratio = eigenvalues.size / samples
    bare = ratio * noise**2 / prior_scale**2
    r = ridge(bare, ratio, eigenvalues)
    step = 1e-5 * bare
    slope = (ridge(bare + step, ratio, eigenvalues) - ridge(bare - step, ratio, eigenvalues)) / (2 * step)
    v = prior_scale**2 * np.mean(1 / (1 / eigenvalues + 1 / r))
    bias = np.mean(teacher_variance * eigenvalues / (1 + eigenvalues / r) ** 2)
    return np.array([r, v, bias, slope * bias + (slope - 1) * noise**2])


@pytest.mark.parametrize("samples", [1000, 250, 100, 30])
@pytest.mark.parametrize("scale", [1.0, 0.5, 3.0])
@pytest.mark.parametrize(("noise", "prior_scale"), [(0.3, 1.0), (1.0, 0.7)])
def test_equal_eigenvalues_have_a_closed_form(samples, scale, noise, prior_scale):
    found = deterministic_equivalents(
        np.full(100, scale**2), samples, teacher_variance=1.0, noise=noise, prior_scale=prior_scale
    )
    with mpmath.workdps(40):
        s2 = mpmath.mpf(scale) ** 2
        alpha = mpmath.mpf(100) / samples
        bare = alpha * mpmath.mpf(noise) ** 2 / mpmath.mpf(prior_scale) ** 2
        b = alpha + bare / s2 - 1
        expected = s2 / 2 * (b + mpmath.sqrt(b**2 + 4 * bare / s2))
        kept = s2 / (s2 + expected)
    # rounding, divided by the slope of the equation, which is above a tenth here
    assert float(found.ridge) == pytest.approx(float(expected), rel=1e-13)
    np.testing.assert_allclose(found.shrinkage, np.full(100, float(kept)), rtol=1e-13, atol=0)


@pytest.mark.parametrize("samples", [900, 100, 40])
def test_any_eigenvalues_have_the_root_of_the_equation(samples):
    found = deterministic_equivalents(MIXED, samples, **SETTING)
    expected = from_roots(MIXED, samples, **SETTING)
    values = [found.ridge, found.posterior_variance, found.squared_bias, found.mean_risk]
    # a difference over 1e-5 of the bare value: its square, and the rounding of the roots divided by it
    np.testing.assert_allclose(values, expected, rtol=1e-8, atol=0)
    # the root itself to the rounding of the bracketing method
    assert float(found.ridge) == pytest.approx(expected[0], rel=1e-12)
    np.testing.assert_allclose(found.shrinkage, MIXED / (MIXED + expected[0]), rtol=1e-12, atol=0)


def test_the_variances_are_sums_and_ratios_of_these():
    found = deterministic_equivalents(MIXED, 150, **SETTING)
    _, v, bias, risk = from_roots(MIXED, 150, **SETTING)
    values = [found.noise_variance, found.predictive_variance, found.bias_variance, found.bias_variance_of_shrinkage]
    # as above
    np.testing.assert_allclose(values, [0.16, 0.16 + v, risk / (0.16 + v), bias / (0.16 + v)], rtol=1e-8, atol=0)


def posteriors(eigenvalues, samples, teacher_variance, noise, prior_scale, draws, seed):
    """Slope in the first and in the last half of directions, predictive variance and risk, for each draw."""
    draw = np.random.default_rng(seed)
    d = eigenvalues.size
    halves = [eigenvalues == eigenvalues[0], eigenvalues == eigenvalues[-1]]
    rows = []
    for _ in range(draws):
        teacher = draw.normal(size=d) * np.sqrt(teacher_variance)
        features = draw.normal(size=(samples, d)) * np.sqrt(eigenvalues / d)
        labels = features @ teacher + noise * draw.normal(size=samples)
        covariance = np.linalg.inv(features.T @ features / noise**2 + np.eye(d) / prior_scale**2)
        mean = covariance @ features.T @ labels / noise**2
        slopes = [(mean[half] @ teacher[half]) / (teacher[half] @ teacher[half]) for half in halves]
        variance = noise**2 + np.mean(eigenvalues * np.diag(covariance))
        rows.append([*slopes, variance, np.mean(eigenvalues * (mean - teacher) ** 2)])
    return np.array(rows)


@pytest.mark.parametrize(
    ("eigenvalues", "samples", "teacher_variance", "noise", "prior_scale"),
    [
        (np.ones(150), 300, 1.0, 0.5, 1.0),
        (np.ones(150), 300, 4.0, 0.5, 1.0),
        (np.ones(150), 75, 1.0, 0.5, 1.0),
        (np.full(120, 2.25), 1200, 0.5, 1.0, 1.0),
        (MIXED, 160, MIXED_TEACHER, 0.4, 1.3),
    ],
)
def test_drawn_regressions_come_to_the_equivalents(eigenvalues, samples, teacher_variance, noise, prior_scale):
    setting = {"teacher_variance": teacher_variance, "noise": noise, "prior_scale": prior_scale}
    found = deterministic_equivalents(eigenvalues, samples, **setting)
    drawn = posteriors(eigenvalues, samples, **setting, draws=80, seed=3)
    expected = np.array(
        [found.shrinkage[0], found.shrinkage[-1], float(found.predictive_variance), float(found.mean_risk)]
    )
    # four standard errors, and the neglected terms, which are of the relative size 1/d
    allowed = 4 * drawn.std(axis=0, ddof=1) / np.sqrt(len(drawn)) + expected / eigenvalues.size
    assert (np.abs(drawn.mean(axis=0) - expected) < allowed).all()


@pytest.mark.parametrize(
    ("samples", "d", "noise", "prior_scale", "teacher", "slope", "variance", "bias", "risk"),
    [
        (10_000, 10, 1e-4, 1e-3, 2.0, 0.999990, 1.00100, 0.0401, 0.0411),
        # the sheet has 0.0045 for the bias, rounded twice: (2 R / sigma)^2 with R = 3.3344e-6 is 0.00445 from below
        (30_000, 10, 1e-4, 1e-3, 2.0, 0.999997, 1.00033, 0.0044, 0.0048),
        (2000, 20, 1e-4, 1e-3, 2.0, 0.999899, 1.01010, 4.08, 4.13),
        (2000, 200, 1.0, 1.0, 1.0, 0.901, 1.0990, 0.0098, 0.0990),
        (400, 200, 0.5, 1.0, 1.0, 0.825, 1.702, 0.123, 0.702),
        (400, 200, 0.5, 1.0, 2.0, 0.825, 1.702, 0.49, 1.26),
        (200, 400, 0.5, 1.0, 1.0, 0.360, 3.562, 1.64, 2.562),
    ],
)
def test_the_settings_that_were_measured(samples, d, noise, prior_scale, teacher, slope, variance, bias, risk):
    found = deterministic_equivalents(
        np.ones(d), samples, teacher_variance=teacher**2, noise=noise, prior_scale=prior_scale
    )
    in_noise = [float(x) / noise**2 for x in (found.predictive_variance, found.squared_bias, found.mean_risk)]
    # half a unit of the last digit that is given
    for value, given in zip([float(found.shrinkage[0]), *in_noise], [slope, variance, bias, risk], strict=True):
        digits = len(f"{given}".partition(".")[2])
        assert value == pytest.approx(given, abs=0.501 * 10.0**-digits)


@pytest.mark.parametrize("samples", [1000, 100, 20])
def test_with_the_right_prior_the_risk_is_the_posterior_variance(samples):
    found = deterministic_equivalents(MIXED, samples, teacher_variance=0.49, noise=0.2, prior_scale=0.7)
    # rounding, divided by the slope of the equation, above a hundredth
    assert float(found.mean_risk) == pytest.approx(float(found.posterior_variance), rel=1e-12)


def test_without_data_the_posterior_is_the_prior():
    found = deterministic_equivalents(MIXED, 1e-7, **SETTING)
    # the neglected terms are of the order of the number of samples
    assert float(found.posterior_variance) == pytest.approx(1.69 * MIXED.mean(), rel=1e-6)
    assert float(found.mean_risk) == pytest.approx(np.mean(MIXED * MIXED_TEACHER), rel=1e-6)
    np.testing.assert_allclose(found.shrinkage, 0, rtol=0, atol=1e-6)


@pytest.mark.parametrize("samples", [900.0, 100.0, 40.0])
def test_gradients_are_slopes_of_the_roots(samples):
    def outcomes(samples, noise):
        found = deterministic_equivalents(MIXED, samples, **SETTING | {"noise": noise})
        return found.mean_risk, found.ridge, found.posterior_variance

    by_samples, by_noise = np.array(jax.jacobian(outcomes, argnums=(0, 1))(samples, 0.4)).T
    order = [3, 0, 1]
    more, less = (from_roots(MIXED, samples * (1 + e), **SETTING) for e in (1e-4, -1e-4))
    louder, quieter = (from_roots(MIXED, samples, **SETTING | {"noise": 0.4 * (1 + e)}) for e in (1e-4, -1e-4))
    # the square of the step, and what the roots are known to, 1e-9 for the risk, divided by the step
    np.testing.assert_allclose(by_samples, ((more - less) / (2e-4 * samples))[order], rtol=1e-4, atol=0)
    np.testing.assert_allclose(by_noise, ((louder - quieter) / (2e-4 * 0.4))[order], rtol=1e-4, atol=0)


GOOD = {"eigenvalues": np.ones(3), "samples": 5, "teacher_variance": 1.0, "noise": 0.5, "prior_scale": 1.0}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"eigenvalues": np.array([1.0, 0.0, 1.0])}, "eigenvalues must be positive, got 0.0 at index (1,)"),
        ({"eigenvalues": np.ones(0)}, "eigenvalues must lie on one axis and be at least one, got shape (0,)"),
        ({"samples": 0}, "samples must be positive, got 0"),
        ({"teacher_variance": -1.0}, "teacher_variance must be non-negative, got -1.0"),
        ({"teacher_variance": np.ones(2)}, "teacher_variance must have shape (3,), got (2,)"),
        ({"noise": 0.0}, "noise must be positive, got 0.0"),
        ({"prior_scale": -2.0}, "prior_scale must be positive, got -2.0"),
        ({"noise": np.inf}, "noise must be positive, got inf"),
    ],
)
def test_refuses_what_has_no_meaning(wrong, message):
    arguments = GOOD | wrong
    with pytest.raises(ValueError, match=re.escape(message)):
        deterministic_equivalents(arguments.pop("eigenvalues"), arguments.pop("samples"), **arguments)
