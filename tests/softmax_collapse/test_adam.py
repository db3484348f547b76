"""The speed limit of Adam: against plain loops of Adam, bias correction included, and in its limits."""

import math
import re

import mpmath
import numpy as np
import pytest

from solvable.softmax_collapse.theory.adam import adam_rate, adam_speed_limit, power_tail_growth_rate


def adam(gradient, weights, learning_rate, beta1, beta2, steps):
    """Weights before the first step and after each."""
    weights, mean, square, path = np.array(weights, float), 0.0, 0.0, []
    path.append(weights.copy())
    for t in range(1, steps + 1):
        g = gradient(weights)
        mean = beta1 * mean + (1 - beta1) * g
        square = beta2 * square + (1 - beta2) * g**2
        weights = weights - learning_rate * (mean / (1 - beta1**t)) / np.sqrt(square / (1 - beta2**t))
        path.append(weights.copy())
    return np.array(path)


@pytest.mark.parametrize(
    ("beta1", "beta2", "steps"), [(0.9, 0.99, 4000), (0.0, 0.99, 4000), (0.5, 0.9, 600), (0.9, 0.999, 24_000)]
)
def test_a_gap_grows_as_under_adam_with_exponential_loss(beta1, beta2, steps):
    rates = np.array([1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1])
    path = adam(lambda gap: -np.exp(-gap), np.zeros_like(rates), rates, beta1, beta2, steps)
    found = adam_rate(rates, beta1=beta1, beta2=beta2)
    # with u = sqrt(v) exp(g), du/dt = eta - c u where steps are held back: what is left of the start fades as
    # exp(-c t), the root of beta2 in each step, and sooner for small steps; the start counts for a few times as much
    np.testing.assert_allclose(found, (path[-1] - path[-21]) / 20, rtol=10 * beta2 ** (steps / 2) + 1e-11, atol=0)


def remembered(memory, growth):
    """Mean over all the past, as Adam takes it, of what is 1 now and was larger by a factor in each step before."""
    return mpmath.nsum(lambda age: (1 - memory) * (memory * growth) ** age, [0, mpmath.inf])


@pytest.mark.parametrize(
    ("step", "beta1", "beta2"), [(1e-6, 0.9, 0.999), (0.02, 0.9, 0.99), (0.5, 0.3, 0.6), (5.0, 0.0, 0.01)]
)
def test_the_rate_solves_the_equation_that_adam_obeys_for_an_exponential(step, beta1, beta2):
    s = float(adam_rate(step, beta1=beta1, beta2=beta2))
    with mpmath.workdps(30):
        mean, square = remembered(beta1, mpmath.exp(s)), remembered(beta2, mpmath.exp(2 * s))
        expected = float(step * mean / mpmath.sqrt(square))
    # rounding of s, which the root amplifies by up to 1e3 here
    assert s == pytest.approx(expected, rel=1e-11)


def test_the_fastest_decay_is_that_of_the_memory():
    # a single gradient of 1, and nothing after it: the root of the mean square is its memory alone
    square, roots = 0.0, []
    for g in [1.0, *[0.0] * 100]:
        square = 0.97 * square + 0.03 * g**2
        roots.append(math.sqrt(square))
    assert adam_speed_limit(0.97) == pytest.approx(math.log(roots[0] / roots[100]) / 100, rel=1e-13)  # rounding
    assert adam_speed_limit(0.25) == pytest.approx(math.log(2), rel=1e-15)


@pytest.mark.parametrize(("beta1", "beta2"), [(0.9, 0.999), (0.9, 0.99), (0.0, 0.5), (0.99, 0.9802)])
def test_small_steps_set_the_pace_and_large_ones_are_held(beta1, beta2):
    small = np.geomspace(1e-9, 1e-6, 4)
    # to first order each memory shifts what it remembers by its mean age
    first = small * (1 + small * (beta1 / (1 - beta1) - beta2 / (1 - beta2)))
    # the next order is the square of a step times memories of 1000 steps
    np.testing.assert_allclose(adam_rate(small, beta1=beta1, beta2=beta2), first, rtol=2e-6, atol=0)
    large, limit = np.geomspace(10, 1e6, 6), adam_speed_limit(beta2)
    found = adam_rate(large, beta1=beta1, beta2=beta2)
    assert (found <= limit).all()
    # 1 - beta2 exp(2 s) = (1 - beta2) (s / eta)^2 (...)^2, so that the limit is missed by the square of 1 / eta
    square = (1 - beta2) * (limit * (1 - beta1 / math.sqrt(beta2)) / (1 - beta1) / large) ** 2
    np.testing.assert_allclose(limit - found, square / 2, rtol=0.02, atol=4e-15 * limit)


@pytest.mark.parametrize(("beta1", "beta2"), [(0.9, 0.999), (0.0, 0.5), (0.9, 0.82)])
def test_a_larger_step_is_a_faster_one(beta1, beta2):
    found = adam_rate(np.geomspace(1e-5, 10, 200), beta1=beta1, beta2=beta2)
    assert (np.diff(found) > 0).all()


def test_the_memories_are_those_of_the_library_where_none_are_given():
    np.testing.assert_array_equal(adam_rate(0.001), adam_rate(0.001, beta1=0.9, beta2=0.999))


@pytest.mark.parametrize("step", [0.01, np.float32(0.01), 1, np.full((2, 3), 0.01)])
def test_a_rate_has_the_shape_of_the_step(step):
    found = adam_rate(step)
    assert isinstance(found, np.ndarray)
    assert (found.shape, found.dtype) == (np.shape(step), np.float64)
    np.testing.assert_array_equal(found, np.full(np.shape(step), adam_rate(np.array([step]).ravel()[:1])))


@pytest.mark.parametrize(
    ("beta2", "degree", "power", "steps"), [(0.99, 3, 2.0, 7000), (0.99, 1, 2.0, 2400), (0.95, 2, 3.0, 1500)]
)
def test_weights_grow_as_under_adam_with_a_loss_that_is_a_power(beta2, degree, power, steps):
    # from 1 on, the first step of 1 is far along the tail; later steps grow from a hundredth to a tenth of it
    tail = power * degree
    path = adam(lambda w: -tail * w ** (-tail - 1), 1.0, 1.0, 0.9, beta2, steps)
    changes = np.diff(path)
    at = int(np.flatnonzero(changes < 0.06)[-1])
    assert 20 < at < steps - 20
    found = np.log(path[at + 5] / path[at - 5]) / 10
    # a step of y learning rates adds y^2 (1 - beta2) to the forgetting, less than 0.4 per cent at y = 0.06; the start
    # fades as the power tail + 2 of the growth of y, to (0.015 / 0.06)^4 at most, half a per cent
    assert power_tail_growth_rate(beta2, degree=degree, power=power) == pytest.approx(found, rel=0.01)


def test_stablemax_is_a_square():
    assert power_tail_growth_rate(0.99, degree=3) == power_tail_growth_rate(0.99, degree=3, power=2.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: adam_rate(0.0), "step must be positive, got 0.0"),
        (lambda: adam_rate(np.array([0.1, -0.1])), "step must be positive, got -0.1 at index (1,)"),
        (lambda: adam_rate(0.1, beta1=-0.1), "beta1 must be between 0 and 1, got -0.1"),
        (lambda: adam_rate(0.1, beta2=1.5), "beta2 must be above beta1**2 and below 1, got 1.5"),
        (lambda: adam_rate(0.1, beta2=1.0), "beta2 must be above beta1**2 and below 1, got 1.0 and beta1 = 0.9"),
        (lambda: adam_rate(0.1, beta1=0.9, beta2=0.8), "beta2 must be above beta1**2 and below 1, got 0.8"),
        (lambda: adam_speed_limit(0.0), "beta2 must be above 0 and below 1, got 0.0"),
        (lambda: adam_speed_limit(1.0), "beta2 must be above 0 and below 1, got 1.0"),
        (lambda: adam_speed_limit(math.nan), "beta2 must be above 0 and below 1, got nan"),
        (lambda: power_tail_growth_rate(2.0, degree=3), "beta2 must be above 0 and below 1, got 2.0"),
        (lambda: power_tail_growth_rate(0.99, degree=0), "degree must be a whole number of at least 1, got 0"),
        (lambda: power_tail_growth_rate(0.99, degree=3, power=0.0), "power must be positive, got 0.0"),
    ],
)
def test_refuses_what_has_no_meaning(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
