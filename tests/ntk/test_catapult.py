"""The recursion of output and kernel, against the weights of the network that it stands for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvable.ntk.theory import catapult_recursion


def weights(width, f0, lam0, seed=0):
    """Two vectors u and v with u.v = f0 sqrt(n) and |u|^2 + |v|^2 = n lam0."""
    p, q = np.linalg.qr(np.random.default_rng(seed).normal(size=(width, 2)))[0].T
    # u + v and u - v may point anywhere: only their lengths are set
    plus, minus = np.sqrt(width * lam0 + 2 * f0 * np.sqrt(width)), np.sqrt(width * lam0 - 2 * f0 * np.sqrt(width))
    return (plus * p + minus * q) / 2, (plus * p - minus * q) / 2


def train(u, v, eta, steps):
    """Gradient descent on f^2 / 2 for f = u.v / sqrt(n), by automatic differentiation; kernels by it, too."""

    def output(params):
        return params[0] @ params[1] / jnp.sqrt(1.0 * len(u))

    observe = jax.jit(jax.value_and_grad(output))
    slope = jax.jit(jax.grad(lambda params: output(params) ** 2 / 2))
    params, outputs, kernels = (jnp.asarray(u), jnp.asarray(v)), [], []
    for _ in range(steps + 1):
        value, gradient = observe(params)
        outputs.append(float(value))
        kernels.append(sum(float(part @ part) for part in gradient))
        params = tuple(p - eta * g for p, g in zip(params, slope(params), strict=True))
    return np.array(outputs), np.array(kernels)


@pytest.mark.parametrize("width", [2, 16, 1000])
@pytest.mark.parametrize("rate", [0.5, 1.0, 1.9, 2.5, 3.5])
def test_the_recursion_is_that_of_a_trained_network(width, rate):
    lam0, f0 = 1.4, 0.3
    eta = rate / lam0
    steps = 12
    outputs, kernels = train(*weights(width, f0, lam0), eta, steps)
    found = catapult_recursion(f0, lam0, eta=eta, width=width, steps=steps)
    # roundings of sums, which grow as the output does, by a factor of 2.5 a step at most before the kernel falls
    grown = max(1.0, (rate - 1) ** 8)
    np.testing.assert_allclose(found.outputs, outputs, rtol=0, atol=1e-14 * grown * np.abs(outputs).max())
    np.testing.assert_allclose(found.kernels, kernels, rtol=0, atol=1e-14 * grown * np.abs(kernels).max())


def test_between_two_and_four_the_output_grows_the_kernel_falls_and_both_settle():
    lam0, width = 2.0, 500
    eta = 3.0 / lam0
    found = catapult_recursion(0.1, lam0, eta=eta, width=width, steps=400)
    outputs, kernels = map(np.asarray, found)
    assert np.abs(outputs).max() > 10 * 0.1
    assert (np.diff(kernels) <= 0).all()
    assert eta * kernels[-1] < 2
    assert abs(outputs[-1]) < 1e-6


def test_below_two_nothing_happens_to_speak_of():
    found = catapult_recursion(0.1, 2.0, eta=0.75, width=500, steps=100)
    # |1 - 1.5| a step; and the kernel moves by sums of 4 eta f^2 / n, 1e-4 in all
    np.testing.assert_allclose(found.outputs, 0.1 * (-0.5) ** np.arange(101), rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.kernels, 2.0, rtol=1e-4)


def test_at_infinite_width_the_kernel_stands_still():
    for rate in (0.5, 1.7, 2.0, 3.0):
        found = catapult_recursion(0.7, 1.4, eta=rate / 1.4, width=np.inf, steps=20)
        np.testing.assert_array_equal(found.kernels, 1.4)
        # twenty roundings
        np.testing.assert_allclose(found.outputs, 0.7 * (1 - rate) ** np.arange(21), rtol=1e-14)


def test_a_wide_network_is_nearly_an_infinitely_wide_one():
    gaps = [
        np.abs(catapult_recursion(0.7, 1.4, eta=1.0, width=width, steps=20).kernels - 1.4).max() for width in (1e4, 1e5)
    ]
    # the kernel moves by 1 / n
    np.testing.assert_allclose(gaps[0] / gaps[1], 10, rtol=1e-2)


@pytest.mark.parametrize("rate", [4.1, 6.0])
def test_above_four_it_diverges(rate):
    found = catapult_recursion(0.3, 1.0, eta=rate, width=100, steps=60)
    assert not np.abs(found.outputs[-1]) < 1e6
    # the kernel grows with it
    assert not found.kernels[-1] < 1.0


def test_arguments_broadcast_and_the_steps_come_last():
    etas, f0s = np.array([0.3, 1.2, 2.1]), np.array([[0.1], [0.4]])
    found = catapult_recursion(f0s, 1.0, eta=etas, width=np.array(50), steps=7)
    assert found.outputs.shape == found.kernels.shape == (2, 3, 8)
    for i, j in np.ndindex(2, 3):
        alone = catapult_recursion(f0s[i, 0], 1.0, eta=etas[j], width=50, steps=7)
        np.testing.assert_allclose(found.outputs[i, j], alone.outputs, rtol=1e-13)
        np.testing.assert_allclose(found.kernels[i, j], alone.kernels, rtol=1e-13)


def test_the_recursion_may_be_compiled_and_differentiated():
    end = jax.jit(lambda eta, width: catapult_recursion(0.5, 1.0, eta=eta, width=width, steps=5).outputs[-1])
    step = 1e-4
    near, far = (end(2.2 + c * step, 20.0) - end(2.2 - c * step, 20.0) for c in (1, 2))
    # fourth order: 1e-16 times a fifth derivative of order 1e4, and roundings / step = 1e-11
    np.testing.assert_allclose(jax.grad(end)(2.2, 20.0), (8 * near - far) / (12 * step), rtol=0, atol=1e-9)


def test_the_recursion_may_be_compiled_for_one_width():
    end = jax.jit(lambda eta: catapult_recursion(0.5, 1.0, eta=eta, width=20.0, steps=5).outputs[-1])
    expected = catapult_recursion(0.5, 1.0, eta=2.2, width=20.0, steps=5).outputs[-1]
    np.testing.assert_allclose(end(2.2), expected, rtol=1e-14)


def test_float32_stays_float32():
    found = catapult_recursion(np.float32(0.5), np.float32(1.0), eta=0.3, width=20, steps=5)
    assert {part.dtype for part in found} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"f0": np.nan}, "f0 must be finite"),
        ({"lam0": 0.0}, "lam0 must be positive"),
        ({"eta": -1.0}, "eta must be positive"),
        ({"eta": np.inf}, "eta must be positive"),
        ({"width": 0}, "width must be positive, got 0"),
        ({"width": np.nan}, "width must be positive"),
        ({"steps": 0}, "steps must be a whole number of at least 1, got 0"),
        ({"steps": 2.5}, "steps must be a whole number of at least 1"),
    ],
)
def test_refuses_what_it_cannot_answer(wrong, message):
    good = {"f0": 0.5, "lam0": 1.0, "eta": 0.5, "width": 10, "steps": 3}
    with pytest.raises(ValueError, match=message):
        catapult_recursion.__wrapped__(**(good | wrong))
