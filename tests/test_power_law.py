"""Exponents of measured curves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
