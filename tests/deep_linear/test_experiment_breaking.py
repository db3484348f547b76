"""Where the theory stops: each failure is there, and none where there should be none."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvable.deep_linear.experiment import (
    hierarchical_dataset,
    run_coloured_inputs,
    run_precision,
    textbook_mode_strength,
)

VARIANCES = np.array([2.0, 1.0, 0.5, 0.25])


def logistic(t, s, u0):
    return s / (1 + (s / u0 - 1) * np.exp(-2 * s * t))


def test_variances_along_the_modes_only_change_their_clocks(key):
    data, times = hierarchical_dataset(), np.linspace(0, 20, 41)
    run = run_coloured_inputs(data, VARIANCES, times, rotated=False, key=key)
    # tau u' = 2 d u (s - u): time runs d times as fast; the integrator's error at rtol 1e-13
    np.testing.assert_allclose(run.strengths, logistic(VARIANCES * times[:, None], data.s, 1e-3), atol=1e-9)
    assert run.leakage.max() < 1e-9
    np.testing.assert_allclose(data.v.T @ run.sigma_x @ data.v, np.diag(VARIANCES), atol=1e-14)


def test_variances_across_the_modes_couple_them(key):
    data, times = hierarchical_dataset(), np.linspace(0, 30, 61)
    run = run_coloured_inputs(data, VARIANCES, times, rotated=True, key=key)
    np.testing.assert_allclose(np.linalg.eigvalsh(run.sigma_x), VARIANCES[::-1], rtol=1e-13)
    assert np.abs(run.strengths - logistic(VARIANCES * times[:, None], data.s, 1e-3)).max() > 0.05
    assert run.leakage.max() > 0.05
    # what is learned in the end is the same
    np.testing.assert_allclose(run.strengths[-1], data.s, atol=0.05)


def test_rejects_variances_that_are_not_there(key):
    with pytest.raises(ValueError, match="variances must be positive"):
        run_coloured_inputs(hierarchical_dataset(), (1.0, 1.0, 1.0, 0.0), np.array([1.0]), rotated=False, key=key)
    with pytest.raises(ValueError, match=r"variances must have shape \(4"):
        run_coloured_inputs(hierarchical_dataset(), (1.0, 1.0), np.array([1.0]), rotated=False, key=key)


def test_float32_is_good_until_the_start_is_below_its_rounding(key):
    data = hierarchical_dataset()
    run = run_precision(data, (1e-6, 1e-30), key=key, eta=0.05)
    assert run.gaps[0] < 1e-4
    assert run.gaps[1] > 0.1
    # the run in 64 bits is right at both: the recursion of each mode alone
    for start, path in zip(run.u0, run.double, strict=True):
        u, k = np.full(4, start), 0
        for time, strengths in zip(run.times, path, strict=True):
            while k < round(time / 0.05):
                u, k = u * (1 + 0.05 * (data.s - u)) ** 2, k + 1
            np.testing.assert_allclose(strengths, u, atol=1e-6)  # 1e-16 of a strong mode leaks into a start of 1e-30


@pytest.mark.parametrize(("dtype", "largest"), [(jnp.float32, 88.72), (jnp.float64, 709.78)])
def test_the_textbook_form_fails_where_the_exponential_does(dtype, largest):
    t = jnp.array([0.49, 0.51], dtype) * largest
    early, late = textbook_mode_strength(t, 1.0, 0.01)
    assert early == pytest.approx(1.0)
    assert jnp.isnan(late)


def test_the_textbook_form_is_right_before_it_fails():
    t = np.linspace(0, 30, 31)
    np.testing.assert_allclose(textbook_mode_strength(jnp.asarray(t), 1.7, 0.01), logistic(t, 1.7, 0.01), rtol=1e-13)


def test_precision_rejects_a_start_from_nothing():
    with pytest.raises(ValueError, match="starts must be positive"):
        run_precision(hierarchical_dataset(), (0.0,), key=jax.random.key(0))
