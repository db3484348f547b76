"""The collapse clock, against the formulas of the chapter and a descent of its own."""

import math

import numpy as np
import pytest

from solvable.softmax_collapse.explorables.clock import CLASSES, CLOCK, EPOCHS
from solvable.softmax_collapse.theory.clock import collapse_time
from solvable.softmax_collapse.theory.precision import DTYPES

BITS = (8, 11, 24, 53)


def test_the_measured_line_collapses_when_it_did():
    """In small runs half of the samples had collapsed after 1700 to 2000 epochs, in float64 after 5400 to 5500."""
    at = CLOCK.evaluate()
    assert at["earliest"] < 1700 < 2000 < at["latest"] < 2100
    float64 = CLOCK.evaluate(dtype=3)
    assert float64["earliest"] < 5400 < 5500 < float64["latest"]
    assert at["most precise"] == float64["earliest"]
    np.testing.assert_allclose(at["later"], float64["earliest"] / at["earliest"], rtol=1e-14, atol=0)


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("which", range(4))
def test_crossings_are_those_of_the_theory(which, classes):
    setting = {"slope": 5.2, "start": 2.1, "dtype": which, "classes": classes}
    at = CLOCK.evaluate(**setting)
    times = np.array([100.0, 400.0, 700.0])
    gaps = 2.1 + 5.2 * times / 1000
    expected = collapse_time(times, gaps, gaps - math.log(classes - 1), dtype=DTYPES[which])
    # a straight line through points of a straight line, to rounding of its fit
    np.testing.assert_allclose([at["earliest"], at["latest"]], expected, rtol=1e-10, atol=0)
    np.testing.assert_allclose(at["reached"], expected, rtol=1e-10, atol=0)
    np.testing.assert_allclose(np.interp(expected, at["epoch"], at["gap"]), at["ends"], rtol=1e-10, atol=0)
    np.testing.assert_allclose(at["low"], BITS[which] * math.log(2), rtol=1e-14, atol=0)
    np.testing.assert_allclose(at["high"], BITS[which] * math.log(2) + math.log(classes - 1), rtol=1e-14, atol=0)
    np.testing.assert_allclose(at[DTYPES[which]], at["low"], rtol=1e-14, atol=0)


@pytest.mark.parametrize("rate", [0.01, 0.3, 1.0])
def test_plain_descent_of_one_example(rate):
    margin, seen = 0.0, []
    for _ in range(4000):
        margin += rate / (1 + math.exp(margin))
        seen.append(margin)
    at = CLOCK.evaluate(rate=rate)
    late = (at["step"] < 4000) & (at["step"] * rate > 100)
    # e^m + m = rate * steps + 1, so that the logarithm is ahead by about m / e^m, at most 0.05 here
    expected = np.interp(np.log(at["step"][late]), np.log(np.arange(1, 4001)), seen)
    np.testing.assert_allclose(at["plain"][late], expected, rtol=0, atol=0.06)
    assert late.any() == (rate > 0.1)
    early = at["step"] * rate < 0.03
    # at first half of the rate a step, of which the logarithm makes the whole rate
    assert (at["plain"][early] <= rate * at["step"][early]).all()


@pytest.mark.parametrize("which", range(4))
def test_plain_descent_collapses_when_the_theory_says(which):
    at = CLOCK.evaluate(dtype=which, rate=0.37)
    steps = 2.0 ** BITS[which] / 0.37
    np.testing.assert_allclose([at["descent"], at["until"][1]], steps, rtol=1e-12, atol=0)
    # the cross lies on the curve: ln(1 + 2^t) for t ln 2, read off between points that are 0.25 apart
    found = np.interp(np.log(steps), np.log(at["step"]), at["plain"])
    np.testing.assert_allclose(found, at["both"][1], rtol=0, atol=5e-3)


def test_the_same_line_in_both_panels():
    at = CLOCK.evaluate(slope=7.0, start=3.0)
    shown = at["step"] < EPOCHS
    left = np.interp(at["step"][shown], at["epoch"], at["gap"])
    np.testing.assert_allclose(at["adaptive"][shown], left, rtol=1e-12, atol=0)
    np.testing.assert_allclose(at["until"][0], at["earliest"], rtol=1e-14, atol=0)


def test_a_line_that_starts_above_the_threshold():
    at = CLOCK.evaluate(dtype=0)
    assert at["earliest"] == 0
    assert at["at once"] == 1
    # 8.95 for 31 classes
    np.testing.assert_allclose(at["latest"], (8.945 - 8.9) / 5.4e-3, rtol=0, atol=2)
    assert at["until"][0] == 1
    assert CLOCK.evaluate()["at once"] == 0


def test_a_line_that_is_too_slow():
    assert CLOCK.evaluate(slope=1.0, dtype=3)["beyond"] == 1
    assert CLOCK.evaluate(slope=1.0, dtype=2)["beyond"] == 0
