"""Where numbers fail: matrices whose jitter is known, and predictions against one exponential of the whole flow."""

import numpy as np
import pytest
from scipy.linalg import expm

from solvable.ntk.experiment import integrated_prediction, jitter_needed, textbook_prediction


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("negative", "expected"),
    # the mean diagonal is close to 1/2, so the jitter must exceed twice the size of the negative eigenvalue
    [(-1e-12, 0.0), (4e-5, 1e-4), (6e-5, 1e-3), (4e-3, 1e-2), (6e-3, 1e-1)],
)
def test_the_jitter_is_the_power_of_ten_above_the_negative_eigenvalue(negative, expected, dtype):
    for scale in (1.0, 1e6):
        # powers of ten are rounded, but none of them lies close to what is needed
        np.testing.assert_allclose(jitter_needed(scale * np.diag([1.0, -negative]), dtype), expected, rtol=1e-12)


def test_a_rounded_kernel_needs_jitter_where_the_kernel_does_not():
    kernel = np.array([[1.0, 1 - 1e-9], [1 - 1e-9, 1.0]])
    assert jitter_needed(kernel, "float64") == 0
    # in float32 all four entries round to 1, a singular matrix; 1 + 1e-8 rounds to 1 as well, 1 + 1e-7 does not
    np.testing.assert_allclose(jitter_needed(kernel, "float32"), 1e-7, rtol=1e-12)


def test_the_smallest_jitter_in_float64_is_tried():
    # 1 + 1e-16 rounds to 1; 1 + 1e-15 does not
    np.testing.assert_allclose(jitter_needed(np.ones((2, 2)), "float64"), 1e-15, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_kernel_beyond_mending_is_rejected(dtype):
    with pytest.raises(
        ValueError, match=r"kernel must be positive semidefinite, got one that a jitter of 0\.1 does not"
    ):
        jitter_needed(np.array([[1.0, 3.0], [3.0, 1.0]]), dtype)


@pytest.mark.parametrize("dtype", ["float16", "double"])
def test_another_precision_is_rejected(dtype):
    with pytest.raises(ValueError, match="dtype must be one of 'float32', 'float64'"):
        jitter_needed(np.eye(2), dtype)


def _problem():
    draw = np.random.default_rng(0)
    joint = draw.normal(size=(7, 9))
    kernel = joint @ joint.T
    return kernel[:4, :4], draw.normal(size=4), kernel[4:, :4]


def _by_exponential(ntk_tt, y, ntk_st, t):
    """All outputs and the number 1 obey one linear equation, whose solution is an exponential: no inverse."""
    n, m = len(y), len(ntk_st)
    rows = np.concatenate([ntk_tt, ntk_st]) / n
    flow = np.zeros((n + m + 1, n + m + 1))
    flow[:-1, :n], flow[:-1, -1] = -rows, rows @ y
    return expm(t * flow)[n:-1, -1]


@pytest.mark.parametrize("t", [0.01, 1.0, 30.0])
def test_the_textbook_prediction_is_right_for_a_kernel_far_from_singular(t):
    # rounding times a condition number below 100, in both
    np.testing.assert_allclose(
        textbook_prediction(*_problem(), t=t), _by_exponential(*_problem(), t), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("t", [0.01, 1.0, 30.0])
def test_the_integrated_prediction_is_right(t):
    # the integrator's relative tolerance is 1e-12 a step; it takes up to a hundred or so, whose errors decay
    np.testing.assert_allclose(
        integrated_prediction(*_problem(), t=t), _by_exponential(*_problem(), t), rtol=0, atol=1e-10
    )


def test_beside_a_singular_kernel_the_textbook_loses_what_the_integrator_keeps():
    kernel = np.array([[1.0, 1 - 1e-13], [1 - 1e-13, 1.0]])
    small = 1 - kernel[0, 1]  # exact
    y, ntk_st, t = np.array([1.0, -1.0]), np.array([[1.0, 0.0]]), 3.0
    # the targets lie along the eigenvector of the eigenvalue `small`, on which the test input has 1 / 2 of its kernel
    expected = -np.expm1(-t * small / 2) / small
    np.testing.assert_allclose(integrated_prediction(kernel, y, ntk_st, t=t), expected, rtol=1e-10)  # as above
    # 1 − e^(−t small / 2) = 1.5e-13 is known to some parts in a thousand, or by luck in a million
    assert 1e-6 < abs(textbook_prediction(kernel, y, ntk_st, t=t) - expected) < 0.1
