"""Times of collapse: straight lines solved by hand, and gradient descent run to its end."""

import numpy as np
import pytest

from solvable.softmax_collapse.theory.clock import collapse_time, descent_collapse_steps

GROWING = {"times": np.array([100, 200, 400]), "gaps": np.array([2.0, 3.0, 5.0]), "odds": np.array([0.0, 0.5, 1.5])}


@pytest.mark.parametrize(("dtype", "bits"), [("bfloat16", 8), ("float16", 11), ("float32", 24), ("float64", 53)])
def test_straight_lines_reach_the_threshold(dtype, bits):
    # the gap is 1 + t / 100, the log-odds are (t - 100) / 200
    threshold = bits * np.log(2)
    found = collapse_time(**GROWING, dtype=dtype)
    assert found.earliest == pytest.approx(100 * (threshold - 1), rel=1e-12)  # rounding of a fit
    assert found.latest == pytest.approx(100 + 200 * threshold, rel=1e-12)


def test_a_fit_is_that_of_least_squares():
    # slope -> sum of (t - mean)(g - mean) over that of (t - mean)^2
    times, gaps = np.array([0.0, 1.0, 2.0, 5.0]), np.array([1.0, 0.0, 3.0, 4.0])
    slope = (-2 * -1 + -1 * -2 + 0 * 1 + 3 * 2) / (4 + 1 + 0 + 9)
    expected = 2 + (24 * np.log(2) - 2) / slope
    found = collapse_time(times, gaps, gaps - 1, dtype="float32")
    assert found.earliest == pytest.approx(expected, rel=1e-12)  # rounding
    assert found.latest == pytest.approx(expected + 1 / slope, rel=1e-12)


def test_what_does_not_rise_never_collapses():
    falling = {**GROWING, "gaps": np.array([3.0, 2.0, 1.0])}
    assert collapse_time(**falling, dtype="float32").earliest == np.inf
    assert np.isfinite(collapse_time(**falling, dtype="float32").latest)
    still = {**GROWING, "odds": np.zeros(3)}
    assert collapse_time(**still, dtype="float32").latest == np.inf


@pytest.mark.parametrize(("dtype", "bits"), [("bfloat16", 8), ("float16", 11)])
@pytest.mark.parametrize("rate", [1.0, 0.1])
def test_gradient_descent_run_to_the_end(dtype, bits, rate):
    margin, steps = 0.0, 0
    while margin < bits * np.log(2):
        margin += rate / (1 + np.exp(margin))
        steps += 1
    # the flow has e^m + m - 1 = rate t, so the margin itself is left out; a large first step adds 3 in 256
    assert steps == pytest.approx(descent_collapse_steps(dtype, rate=rate), rel=(bits * np.log(2) + 3) / 2**bits)


def test_steps_double_with_every_digit_and_halve_with_twice_the_rate():
    found = [
        descent_collapse_steps(dtype, rate=rate) for dtype, rate in [("float32", 1), ("float64", 1), ("float32", 2)]
    ]
    np.testing.assert_array_equal(found, [2.0**24, 2.0**53, 2.0**23])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: collapse_time(np.zeros(1), np.zeros(1), np.zeros(1), dtype="float32"), "times must be at least two"),
        (
            lambda: collapse_time(**{**GROWING, "times": np.array([1, 3, 3])}, dtype="float32"),
            "increasing numbers, got",
        ),
        (lambda: collapse_time(**{**GROWING, "gaps": np.array([0, np.nan, 1])}, dtype="float32"), "gaps must be"),
        (lambda: collapse_time(**{**GROWING, "odds": np.array([0, np.inf, 1])}, dtype="float32"), "odds must be"),
        (lambda: collapse_time(**GROWING, dtype="float8"), "dtype must be one of"),
        (lambda: descent_collapse_steps("float32", rate=0.0), "rate must be positive, got 0.0"),
        (lambda: descent_collapse_steps("float8", rate=1.0), "dtype must be one of"),
    ],
)
def test_refuses_what_has_no_meaning(call, message):
    with pytest.raises(ValueError, match=message):
        call()
