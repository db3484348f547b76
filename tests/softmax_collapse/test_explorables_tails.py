"""Tails of three losses, in fifty digits and in the arithmetic that collapses."""

import mpmath
import numpy as np
import pytest

from solvable.softmax_collapse.explorables.tails import (
    CLASSES,
    LOSSES,
    NAMES,
    OPPOSITE,
    OUT_OF_REACH,
    SCALES,
    SLOPES,
    TAILS,
    ZERO,
)
from solvable.softmax_collapse.theory.losses import softmax_cross_entropy, stablemax_collapse_scale

BITS = (8, 11, 24, 53)


def weight(name, x):
    if name == "softmax":
        return mpmath.exp(x)
    if name == "StableMax":
        return x + 1 if x >= 0 else 1 / (1 - x)
    return 1 + x + x**2 / 2


def exact(name, scale, classes, others):
    """Loss and size of its derivative by the right logit, in fifty digits."""
    with mpmath.workdps(50):
        right = mpmath.mpf(float(scale))
        other = -right if others == OPPOSITE else mpmath.mpf(0)

        def loss(z):
            ratio = (classes - 1) * weight(name, other) / weight(name, z)
            return mpmath.log1p(ratio)

        step = right * mpmath.mpf(10) ** -12
        slope = (loss(right + step) - loss(right - step)) / (2 * step)
        return float(loss(right)), float(-slope)


@pytest.mark.parametrize("others", [OPPOSITE, ZERO])
@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("name", NAMES)
def test_curves_and_places_are_exact(name, classes, others):
    at = TAILS.evaluate(classes=classes, others=others)
    for index in range(0, len(at["scale"]), 30):
        loss, slope = exact(name, at["scale"][index], classes, others)
        # a ten-thousandth of a digit of a difference quotient, and rounding of an exponent of some hundreds
        close = {"rtol": 1e-11, "atol": 0}
        np.testing.assert_allclose(at[f"{name} loss"][index], np.clip(loss, *LOSSES), **close)
        np.testing.assert_allclose(at[f"{name} slope"][index], np.clip(slope, *SLOPES), **close)
        here = TAILS.evaluate(classes=classes, others=others, scale=at["scale"][index])
        if loss > 1e-300:
            np.testing.assert_allclose(here[f"{name} value"], loss, **close)
        np.testing.assert_allclose(here[f"{name} loss here"][0], np.clip(loss, *LOSSES), **close)
        np.testing.assert_allclose(here[f"{name} slope here"][0], np.clip(slope, *SLOPES), **close)


@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("others", [OPPOSITE, ZERO])
def test_crosses_lie_where_half_of_the_last_digit_is_left(which, classes, others):
    at = TAILS.evaluate(dtype=which, classes=classes, others=others)
    unit = 2.0 ** -BITS[which]
    np.testing.assert_array_equal(at["unit"], unit)
    for name in NAMES:
        place = at[f"{name} place"][0]
        if name == "Taylor" and others == OPPOSITE:
            assert place == OUT_OF_REACH > SCALES[1]
            continue
        loss, slope = exact(name, place, classes, others)
        # ln(1 + u) at u = 2^-t; an exponent of 40 and a root of 1e18 are rounded to parts of 1e-16
        np.testing.assert_allclose(loss, np.log1p(unit), rtol=1e-11, atol=0)
        np.testing.assert_allclose(at[f"{name} loss there"][0], loss, rtol=1e-11, atol=0)
        np.testing.assert_allclose(at[f"{name} slope there"][0], np.clip(slope, *SLOPES), rtol=1e-11, atol=0)
        np.testing.assert_allclose(at[f"{name} collapse"], place, rtol=0, atol=0)


def test_collapse_scales_are_those_of_the_theory():
    for which, bits in enumerate(BITS):
        at = TAILS.evaluate(dtype=which, classes=113)
        expected = stablemax_collapse_scale(bits, classes=113)
        np.testing.assert_allclose(at["StableMax collapse"], expected, rtol=1e-13, atol=0)


@pytest.mark.parametrize(("which", "dtype"), [(2, "float32"), (3, "float64")])
def test_softmax_is_exactly_0_beyond_its_cross(which, dtype):
    # for two classes the order of the sum does not count; one per cent is far more than the spacing of numbers there
    cross = float(TAILS.evaluate(dtype=which, classes=2)["softmax collapse"])
    for factor, lost in ((0.99, False), (1.01, True)):
        loss = softmax_cross_entropy(np.array([cross, -cross], dtype) * np.dtype(dtype).type(factor), 0)
        assert (float(loss) == 0) == lost
        assert TAILS.evaluate(dtype=which, classes=2, scale=cross * factor)["softmax gone"] == lost


def test_notices():
    far = TAILS.evaluate(scale=1e9, others=ZERO)
    assert [far[f"{name} gone"] for name in NAMES] == [1, 1, 1]
    assert far["Taylor stays"] == 0
    far = TAILS.evaluate(scale=1e10)
    assert [far[f"{name} gone"] for name in NAMES] == [1, 1, 0]
    assert far["Taylor stays"] == 1
    near = TAILS.evaluate()
    assert [near[f"{name} gone"] for name in NAMES] == [0, 0, 0]


def test_taylor_is_least_at_the_root_of_two():
    at = TAILS.evaluate()
    # the grid's points are 8 per cent apart
    np.testing.assert_allclose(at["scale"][at["Taylor loss"].argmin()], np.sqrt(2), rtol=0.04, atol=0)


@pytest.mark.parametrize("odds", [0.9e-3, 1.1e-3])
def test_no_digit_is_lost_where_the_series_ends(odds):
    scale = -np.log(odds)
    loss = TAILS.evaluate(classes=2, others=ZERO, scale=scale)["softmax value"]
    # the sixth term of the series is 2e-16 of the first, and a logarithm of 1.001 keeps 13 digits
    np.testing.assert_allclose(loss, exact("softmax", scale, 2, ZERO)[0], rtol=1e-15 if odds < 1e-3 else 3e-13, atol=0)
