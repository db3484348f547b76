"""Exponents of measured curves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from solvable import power_law


@given(power=st.floats(-5, 5), factor=st.floats(1e-6, 1e6))
def test_a_power_law_gives_its_exponent_whatever_its_prefactor(power, factor):
    x = np.geomspace(0.1, 100, 7)
    # logarithms of numbers up to 1e16 in float64 are good to about 1e-14
    assert power_law.exponent(x, factor * x**power) == pytest.approx(power, abs=1e-12)


def test_several_curves_at_once_agree_with_polyfit():
    x = np.arange(1.0, 9.0)
    y = np.random.default_rng(0).uniform(1, 2, size=(3, 8))
    expected = np.polynomial.polynomial.polyfit(np.log(x), np.log(y).T, 1)[1]
    np.testing.assert_allclose(power_law.exponent(x, y), expected, rtol=1e-10)


@pytest.mark.parametrize(("x", "y"), [([1.0, 1.0], [1.0, 2.0]), ([1.0, 2.0], [0.0, 2.0]), ([1.0], [1.0])])
def test_what_has_no_slope_is_refused(x, y):
    with pytest.raises(ValueError, match="must"):
        power_law.exponent(np.array(x), np.array(y))


@pytest.mark.parametrize("seed", range(3))
def test_a_fit_is_that_of_linear_regression(seed):
    source = np.random.default_rng(seed)
    x = source.permutation(np.geomspace(2.0, 300.0, 6)) * source.uniform(0.9, 1.1, size=6)
    y = 5 * x**-0.8 * np.exp(0.2 * source.normal(size=(2, 4, 6)))
    fit = power_law.fit_power_law(x, y)
    assert fit.exponent.shape == fit.standard_error.shape == fit.amplitude.shape == fit.r_squared.shape == (2, 4)
    for curve in np.ndindex(2, 4):
        expected = stats.linregress(np.log(x), np.log(y[curve]))
        found = [fit.exponent[curve], fit.standard_error[curve], np.log(fit.amplitude[curve]), fit.r_squared[curve]]
        # sums of six logarithms of order 1
        reference = [expected.slope, expected.stderr, expected.intercept, expected.rvalue**2]
        np.testing.assert_allclose(found, reference, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(fit.exponent, power_law.exponent(x, y), rtol=1e-12, atol=0)


def test_a_fit_by_hand():
    # logarithms 0, 1, 2 and 0, 1, 0: no slope, a mean of 1/3, residuals -1/3, 2/3, -1/3
    fit = power_law.fit_power_law(np.exp([0.0, 1.0, 2.0]), np.exp([0.0, -1.0, 0.0]))
    found = [fit.exponent, fit.standard_error, fit.amplitude, fit.r_squared]
    np.testing.assert_allclose(found, [0, np.sqrt(6 / 9 / 1 / 2), np.exp(-1 / 3), 0], rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(fit.local, [-1, 1], rtol=1e-14, atol=0)
    np.testing.assert_allclose(fit.midpoints, np.exp([0.5, 1.5]), rtol=1e-14, atol=0)


def test_local_slopes_are_in_the_order_of_x():
    x, y = np.array([8.0, 1.0, 2.0]), np.array([[8.0, 1.0, 4.0], [1.0, 1.0, 1.0]])
    fit = power_law.fit_power_law(x, y)
    np.testing.assert_allclose(fit.local, [[2, 0.5], [0, 0]], rtol=1e-14, atol=0)
    np.testing.assert_allclose(fit.midpoints, [np.sqrt(2), 4], rtol=1e-14, atol=0)


@given(power=st.floats(-5, 5), factor=st.floats(1e-6, 1e6))
def test_a_power_law_fits_itself(power, factor):
    x = np.geomspace(0.1, 100, 7)
    fit = power_law.fit_power_law(x, factor * x**power)
    # as above; the local slopes divide by steps of about 1
    np.testing.assert_allclose(fit.exponent, power, rtol=0, atol=1e-12)
    np.testing.assert_allclose(fit.local, np.full(6, power), rtol=0, atol=1e-12)
    np.testing.assert_allclose(fit.amplitude, factor, rtol=1e-12, atol=0)
    assert fit.standard_error < 1e-13


def test_a_constant_curve_has_no_variance_to_explain():
    fit = power_law.fit_power_law(np.array([1.0, 2.0, 3.0]), np.full(3, 0.1))
    assert np.isnan(fit.r_squared)
    assert fit.exponent == pytest.approx(0, abs=1e-15)


def test_the_standard_error_is_the_scatter_of_the_exponent():
    x, noise = np.geomspace(1, 100, 8), 0.3
    y = x**-1.2 * np.exp(noise * np.random.default_rng(0).normal(size=(4000, 8)))
    fit = power_law.fit_power_law(x, y)
    # a variance from 4000 draws is known to sqrt(2 / 4000), and the mean of the estimates, from six each, to half of
    # that: four standard errors of the ratio
    ratio = np.mean(fit.standard_error**2) / np.var(fit.exponent)
    assert ratio == pytest.approx(1, abs=4 * np.sqrt(2 / 4000) * 1.2)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1.0, 2.0], [1.0, 2.0], "x must hold at least three values"),
        ([1.0, 2.0, 2.0], [1.0, 2.0, 3.0], "all different"),
        ([0.0, 1.0, 2.0], [1.0, 2.0, 3.0], "x must be positive, got 0.0"),
        ([3.0, 1.0, 2.0], [1.0, -2.0, 3.0], "y must be positive, got -2.0"),
    ],
)
def test_what_has_no_fit_is_refused(x, y, message):
    with pytest.raises(ValueError, match=message):
        power_law.fit_power_law(np.array(x), np.array(y))
