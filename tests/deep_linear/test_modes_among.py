"""Modes of a depth that is known only when the code runs, against those of each depth and plain loops."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvable.deep_linear.theory.modes import (
    discrete_mode_strength,
    mode_strength,
    mode_strength_among,
    time_to_reach,
    time_to_reach_among,
)

INF = math.inf
DEPTHS = (1, 2, 3, 7, 64, INF)
# the same formulas, compiled in another surrounding: a chain of some tens of roundings
ROUNDINGS = 64 * float(np.finfo(np.float64).eps)


@jax.jit
def strength(t, s, u0, depth):
    return mode_strength_among(t, s, u0, depth, depths=DEPTHS, tau=1.7)


@jax.jit
def reached(u, s, u0, depth):
    return time_to_reach_among(u, s, u0, depth, depths=DEPTHS, tau=1.7)


@pytest.mark.parametrize("depth", DEPTHS)
def test_strength_is_that_of_the_depth_that_is_picked(depth):
    t, s, u0 = (x.ravel() for x in np.meshgrid([0.0, 0.1, 2.0, INF], [0.0, 0.3, 2.0], [0.0, 1e-3, 0.5, 5.0]))
    found = strength(t, s, u0, float(depth))
    np.testing.assert_allclose(found, mode_strength(t, s, u0, depth=depth, tau=1.7), rtol=ROUNDINGS, atol=0)


@pytest.mark.parametrize("depth", DEPTHS)
def test_growing_strength_is_the_same_with_less_work(depth):
    t, s, u0 = (x.ravel() for x in np.meshgrid([0.0, 0.1, 2.0, 1e6, INF], [0.3, 2.0], [1e-300, 1e-3, 0.25]))
    found = mode_strength_among(t, s, u0, depth, depths=DEPTHS, growing=True)
    np.testing.assert_allclose(found, mode_strength(t, s, u0, depth=depth), rtol=ROUNDINGS, atol=0)
    with pytest.raises(ValueError, match=r"u0 must be between 0 and s where growing, got u0 = 3\.0, s = 2\.0"):
        mode_strength_among(0.1, 2.0, 3.0, depth, depths=DEPTHS, growing=True)


@pytest.mark.parametrize("depth", DEPTHS)
def test_time_is_that_of_the_depth_that_is_picked(depth):
    part, s, u0 = (x.ravel() for x in np.meshgrid([0.0, 0.1, 0.9, 1.0], [0.3, 2.0], [0.0, 1e-3, 0.5, 5.0]))
    u = np.where(part == 1, s, u0 + part * (s - u0))
    found = reached(u, s, u0, float(depth))
    expected = np.asarray(time_to_reach(u, s, u0, depth=depth, tau=1.7))
    assert np.isinf(expected).any()
    assert np.isfinite(expected).any()
    # close to its end, where time is a logarithm of the distance that remains, a rounding of u counts ten times
    np.testing.assert_allclose(found, expected, rtol=10 * ROUNDINGS, atol=0)


def test_a_depth_may_be_any_number_and_the_dtype_stays():
    for depth in (7, 7.0, np.float32(7), jnp.asarray(7.0)):
        found = mode_strength_among(0.1, 3.0, 0.5, depth, depths=DEPTHS)
        np.testing.assert_allclose(found, mode_strength(0.1, 3.0, 0.5, depth=7), rtol=ROUNDINGS)
    single = [np.float32(x) for x in (0.1, 3.0, 0.5)]
    assert mode_strength_among(*single, 2.0, depths=DEPTHS, tau=np.float32(1)).dtype == np.float32
    assert mode_strength_among(0.1, 3.0, 0.5, 1, depths=[1]) == mode_strength(0.1, 3.0, 0.5, depth=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"s": -1.0}, "s must be non-negative, got -1.0"),
        ({"u0": math.nan}, "u0 must be non-negative, got nan"),
        ({"tau": 0.0}, "tau must be positive, got 0.0"),
        ({"depth": 5}, "depth must be one of 1, 2, 7, got 5"),
        ({"depths": (0, 2)}, "depth must be a whole number of at least 1, got 0"),
        ({"depths": (2, 2.5)}, "depth must be a whole number of at least 1, got 2.5"),
        ({"depths": (7, 2)}, r"depths must be in increasing order, got \[7, 2\]"),
        ({"depths": ()}, r"depths must be in increasing order, got \[\]"),
    ],
)
def test_what_lies_outside_the_domain_is_refused(changes, message):
    given = {"s": 3.0, "u0": 0.5, "depth": 2, "depths": (1, 2, 7)} | changes
    for function, first in ((mode_strength_among, {"t": 0.1}), (time_to_reach_among, {"u": 1.0})):
        with pytest.raises(ValueError, match=message):
            function(**first, **given)


def test_the_first_argument_is_checked_too():
    with pytest.raises(ValueError, match=r"t must be non-negative, got -0.1"):
        mode_strength_among(-0.1, 3.0, 0.5, 2, depths=(1, 2))
    with pytest.raises(ValueError, match=r"u must be between u0 and s, got u = 4.0, s = 3.0, u0 = 0.5"):
        time_to_reach_among(4.0, 3.0, 0.5, 2, depths=(1, 2))


# s, u0, eta: a rise, one that overshoots, and starts above the target that descend to negative strengths
DESCENTS = ((1.0, 0.1, 0.1), (2.0, 0.3, 0.4), (0.5, 3.0, 0.5), (0.5, 2.0, 0.8), (0.5, 3.0, 1.5))


def by_loop(s, u0, eta, depth, last):
    a, path = u0 ** (1 / depth), []
    for _ in range(last + 1):
        path.append(math.prod([a] * depth))
        a += eta * math.prod([a] * (depth - 1)) * (s - path[-1])
    return path


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
def test_descent_of_a_depth_known_only_at_run_time_is_a_plain_loop(depth):
    s, u0, eta = np.array(DESCENTS).T
    steps = np.arange(11)[:, None]
    found = jax.jit(lambda depth: discrete_mode_strength(steps, s, u0, eta=eta, depth=depth))(float(depth))
    expected = np.array([by_loop(*case, depth, 10) for case in DESCENTS]).T
    # ten steps of a few roundings, each of which a step with a large rate multiplies by at most about ten; a loop that
    # has grown beyond a thousand is left out
    tame = np.abs(expected).max(axis=0) < 1e3
    assert tame.sum() >= 2
    if depth in (1, 3):
        assert expected[:, tame].min() < -0.1  # odd depths pass through zero
    np.testing.assert_allclose(found[:, tame], expected[:, tame], rtol=1e-9)


def test_a_depth_that_is_not_whole_is_refused():
    with pytest.raises(ValueError, match=r"depth must be a whole number of at least 1, got 1.5"):
        discrete_mode_strength(1, 1.0, 0.5, eta=0.1, depth=1.5)
