"""Crossing times against curves whose crossings are known."""

import numpy as np
import pytest

from solvable.deep_linear.experiment import crossing_times

T = np.linspace(0.0, 4.0, 401)


def test_finds_where_a_known_curve_passes_its_level():
    curves = np.stack([np.tanh(T), 1 - np.exp(-T)], axis=1)
    expected = [np.arctanh(0.5), np.log(2.0)]
    # a cubic spline errs by about step^4 times the fourth derivative over 384: 1e-10
    np.testing.assert_allclose(crossing_times(T, curves, np.array([0.5, 0.5])), expected, atol=1e-8)


def test_takes_the_first_crossing_on_the_way_up():
    # the sine falls through 0.5 at 5 pi / 6 and rises through -0.5 only at 11 pi / 6
    curves = np.stack([np.sin(T), np.cos(T)], axis=1)
    first = crossing_times(T, curves, np.array([0.5, 0.5]))
    assert first[0] == pytest.approx(np.pi / 6, abs=1e-8)
    assert np.isnan(first[1])
