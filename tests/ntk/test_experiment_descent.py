"""The loop on the mean loss, against steps written out in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvable.ntk.experiment import descend

# rounding of some ten steps between numbers of order one
STEPS = {"rtol": 0, "atol": 1e-14}


def _problem():
    draw = np.random.default_rng(0)
    return draw.normal(size=(6, 3)), draw.normal(size=6), draw.normal(size=3)


def _path(x, y, theta, eta, steps):
    path = [theta]
    for _ in range(steps):
        theta = theta - eta * x.T @ (x @ theta - y) / len(y)
        path.append(theta)
    return np.array(path)


def test_a_linear_model_takes_the_steps_of_the_written_out_gradient():
    x, y, theta = _problem()
    run = descend(
        lambda p: x @ p, jnp.asarray(theta), jnp.asarray(y), eta=0.3, steps=np.array([0, 2, 9]), observe=lambda p: 2 * p
    )
    expected = _path(x, y, theta, 0.3, 9)
    np.testing.assert_allclose(run.observed, 2 * expected[[0, 2, 9]], **STEPS)
    np.testing.assert_allclose(run.parameters, expected[9], **STEPS)
    np.testing.assert_array_equal(run.steps, [0, 2, 9])


def test_it_observes_nothing_unless_asked():
    x, y, theta = _problem()
    run = descend(lambda p: x @ p, jnp.asarray(theta), jnp.asarray(y), eta=0.3, steps=np.array([1, 4]))
    assert run.observed == ()


@pytest.mark.parametrize("scale", [0.25, 8.0])
def test_a_scaled_model_moves_its_outputs_at_the_same_pace(scale):
    x, y, theta = _problem()
    run = descend(
        lambda p: scale * (x @ p), jnp.asarray(theta / scale), jnp.asarray(y), eta=0.3, steps=np.array([9]), scale=scale
    )
    # outputs are linear in scale times theta, which obeys the equations of the unscaled model
    np.testing.assert_allclose(scale * run.parameters, _path(x, y, theta, 0.3, 9)[9], **STEPS)


def test_the_learning_rate_may_be_mapped_over():
    x, y, theta = _problem()
    rates = np.array([0.1, 0.2])
    ends = jax.vmap(
        lambda eta: (
            descend(lambda p: x @ p, jnp.asarray(theta), jnp.asarray(y), eta=eta, steps=np.array([5])).parameters
        )
    )(rates)
    np.testing.assert_allclose(ends, [_path(x, y, theta, eta, 5)[5] for eta in rates], **STEPS)


def test_parameters_of_several_parts_follow_a_gradient_that_is_not_linear():
    x, y, _ = _problem()
    a, b = np.array([0.5, -0.2, 0.1]), 0.3
    run = descend(
        lambda p: jnp.tanh(x @ p["a"]) + p["b"],
        {"a": jnp.asarray(a), "b": jnp.asarray(b)},
        jnp.asarray(y),
        eta=0.4,
        steps=np.array([6]),
    )
    for _ in range(6):
        hidden = np.tanh(x @ a)
        error = hidden + b - y
        a, b = a - 0.4 * x.T @ (error * (1 - hidden**2)) / 6, b - 0.4 * error.mean()
    np.testing.assert_allclose(run.parameters["a"], a, **STEPS)
    np.testing.assert_allclose(run.parameters["b"], b, **STEPS)


def test_descent_keeps_the_precision_of_its_parameters():
    x, y, theta = (jnp.asarray(part, jnp.float32) for part in _problem())
    run = descend(lambda p: x @ p, theta, y, eta=0.3, steps=np.array([0, 3]), observe=lambda p: p)
    assert run.parameters.dtype == run.observed.dtype == np.float32


def test_steps_that_do_not_increase_are_rejected():
    x, y, theta = (jnp.asarray(part) for part in _problem())
    with pytest.raises(ValueError, match="steps must be strictly increasing"):
        descend(lambda p: x @ p, theta, y, eta=0.3, steps=np.array([3, 3]))
