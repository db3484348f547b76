"""Two modes in the place of all neurons: against a whole network that is trained on all inputs, by quadrature."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from solvable.lazy_rich.theory import population_two_mode_descent, population_two_mode_flow
from tests.lazy_rich.gaussian import grid, risk, target


def network(dim):
    """Neurons both ways along every axis, the moments of which are those of infinitely many: 0 and the identity."""
    return np.sqrt(dim) * np.concatenate([np.eye(dim), -np.eye(dim)])


def slope_of_population_loss(dim, alpha, eps):
    """The gradient of the mean over all inputs of the squared error of a centred output, times N / alpha^2."""
    x, weight = map(jnp.asarray, grid(dim, 3))  # exact for squares of quadratic functions
    y, start = (x @ target(dim)) ** 2 / 2, jnp.asarray(network(dim))

    def says(weights):
        h = x @ weights.T
        return alpha * jnp.mean(h + eps / 2 * h**2, axis=1)

    def loss(weights):
        return weight @ (says(weights) - says(start) - y) ** 2

    both = jax.jit(jax.value_and_grad(loss))

    def scaled(weights):
        value, slope = both(weights)
        return value, len(start) / alpha**2 * slope

    return scaled


def modes(weights, dim):
    along = target(dim) / np.sqrt(dim)
    m = weights.T @ weights / len(weights)
    return along @ m @ along, (np.trace(m) - along @ m @ along) / (dim - 1)


CASES = pytest.mark.parametrize(("dim", "alpha", "eps"), [(2, 1.0, 0.3), (3, 0.2, 0.5), (3, 5.0, 1.5)])


@CASES
def test_descent_is_that_of_a_network_on_all_inputs(dim, alpha, eps):
    eta0, steps = 0.05 * min(1, alpha), 40
    slope, weights, rows = slope_of_population_loss(dim, alpha, eps), network(dim), []
    for _ in range(steps + 1):
        value, gradient = slope(weights)
        rows.append([*modes(weights, dim), float(value)])
        weights = weights - eta0 * np.asarray(gradient)
    found = population_two_mode_descent(alpha=alpha, eps=eps, dim=dim, eta0=eta0, steps=steps)
    assert rows[-1][2] < 0.9 * rows[0][2]
    # forty steps of rounding of modes that grow to D / (alpha eps) = 30 at most
    np.testing.assert_allclose(np.array(found).T, rows, rtol=1e-11, atol=1e-12)


@CASES
def test_flow_is_that_of_a_network_on_all_inputs(dim, alpha, eps):
    times = np.array([0.0, 0.5, 2.0, 6.0]) * min(1, alpha)
    slope = slope_of_population_loss(dim, alpha, eps)

    def velocity(_, flat):
        return -np.asarray(slope(flat.reshape(-1, dim))[1]).ravel()

    run = solve_ivp(
        velocity, (0, times[-1]), network(dim).ravel(), method="DOP853", rtol=1e-10, atol=1e-10, t_eval=times
    )
    found = population_two_mode_flow(times, alpha=alpha, eps=eps, dim=dim)
    for k, flat in enumerate(run.y.T):
        weights = flat.reshape(-1, dim)
        expected = [*modes(weights, dim), float(slope(weights)[0])]
        # a hundred times the integrator's tolerance, of entries up to 10
        np.testing.assert_allclose([part[k] for part in found], expected, rtol=0, atol=1e-7)
    assert found.loss[-1] < 0.9 * found.loss[0]


def test_the_loss_is_that_of_the_moments():
    dim, alpha, eps = 4, 0.6, 0.4
    flow = population_two_mode_flow(np.array([3.0]), alpha=alpha, eps=eps, dim=dim)
    descent = population_two_mode_descent(alpha=alpha, eps=eps, dim=dim, eta0=0.1, steps=20)
    along = np.outer(target(dim), target(dim)) / dim
    for found in (flow, descent):
        m1, m2, loss = (float(part[-1]) for part in found)
        change = (m1 - 1) * along + (m2 - 1) * (np.eye(dim) - along)
        expected = sum(risk(np.zeros(dim), alpha * eps / 2 * change, target(dim)))
        np.testing.assert_allclose(loss, expected, rtol=1e-12)  # sums of 256


@settings(max_examples=8)
@given(dim=st.integers(2, 200), gain=st.floats(0.01, 40), eps=st.floats(0.02, 2))
def test_the_flow_starts_with_all_of_the_target_learns_it_and_stays_positive(dim, gain, eps):
    alpha = dim / (gain * eps)  # the mode along the target grows by the gain
    grows = alpha * dim / (6 * eps)  # the time in which it grows by e at first
    slow = dim**2 / (4 * eps**2)  # in which the lazy end learns what is slowest
    first = 1e-3 * min(grows, slow / dim)
    found = population_two_mode_flow(np.array([0.0, first, grows, 10 * (grows + slow)]), alpha=alpha, eps=eps, dim=dim)
    np.testing.assert_allclose([found.along[0], found.across[0], found.loss[0]], [1, 1, 0.75], rtol=1e-12)
    # at first E1 = T = D and E2 = 0, of which a few thousandths are gone by then
    np.testing.assert_allclose(np.log(found.along[1]), first / grows, rtol=0.01)
    np.testing.assert_allclose(np.log(found.across[1]), first / grows / 3, rtol=0.01)
    # at last the output is the target, up to e^-10, of which the loss has the square
    np.testing.assert_allclose(found.loss[-1], 0, atol=1e-6)
    np.testing.assert_allclose(found.along[-1], 1 + gain, rtol=1e-3)
    assert (np.diff(found.loss) <= 1e-10).all()
    assert min(found.along.min(), found.across.min()) > 0


def test_descent_becomes_flow_at_first_order_in_the_learning_rate():
    time = 8.0
    flow = population_two_mode_flow(np.array([time]), alpha=0.5, eps=0.3, dim=10)
    ends = [
        np.array(population_two_mode_descent(alpha=0.5, eps=0.3, dim=10, eta0=time / n, steps=n))[:, -1]
        for n in (200, 400, 800)
    ]
    gaps = [np.abs(end - np.array(flow)[:, -1]) for end in ends]
    assert np.min(gaps) > 1e-8  # not rounding, nor the integrator
    # halving the steps halves the gap, up to the next order: 1/100 of a rate of order 1
    np.testing.assert_allclose(np.divide(gaps[:-1], gaps[1:]), 2, rtol=0.05)


def test_times_may_stand_still_and_must_not_go_back():
    whole = population_two_mode_flow(np.array([1.0, 1.0, 5.0]), alpha=0.5, eps=0.3, dim=10)
    assert whole.along[0] == whole.along[1]
    alone = population_two_mode_flow(np.array([5.0]), alpha=0.5, eps=0.3, dim=10)
    # the same integration, read at another time
    np.testing.assert_allclose(whole.along[2], alone.along[0], rtol=1e-14)


def test_descent_broadcasts_maps_and_has_slopes():
    alphas, bends = np.array([0.5, 2.0, 9.0]), np.array([[0.2], [0.4]])
    whole = population_two_mode_descent(alpha=alphas, eps=bends, dim=10, eta0=0.3, steps=6)
    assert whole.along.shape == whole.across.shape == whole.loss.shape == (7, 2, 3)
    for i, j in np.ndindex(2, 3):
        alone = population_two_mode_descent(alpha=alphas[j], eps=bends[i, 0], dim=10, eta0=0.3, steps=6)
        for one, other in zip(whole, alone, strict=True):
            np.testing.assert_allclose(one[:, i, j], other, rtol=1e-13)

    @jax.jit
    def end(alpha):
        return population_two_mode_descent(alpha=alpha, eps=0.4, dim=10, eta0=0.3, steps=6).loss[-1]

    np.testing.assert_allclose(jax.vmap(end)(jnp.asarray(alphas)), whole.loss[-1, 1], rtol=1e-13)
    step = 1e-3
    near, far = (end(0.5 + c * step) - end(0.5 - c * step) for c in (1, 2))
    # fourth order: 1e-12 times a fifth derivative of order 1000
    np.testing.assert_allclose(jax.grad(end)(0.5), (8 * near - far) / (12 * step), rtol=0, atol=1e-8)


def test_float32_stays_float32():
    found = population_two_mode_descent(alpha=np.float32(0.5), eps=0.4, dim=np.float32(10), eta0=0.3, steps=6)
    assert {part.dtype for part in found} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"alpha": 0.0}, "alpha must be positive"),
        ({"alpha": np.inf}, "alpha must be positive"),
        ({"eps": -0.1}, "eps must be positive"),
        ({"dim": 1}, "dim must be a whole number of at least 2, got 1"),
        ({"dim": 2.5}, "dim must be a whole number of at least 2"),
        ({"times": np.array([-1.0, 1.0])}, "times must be non-negative"),
        ({"times": np.array([0.0, np.inf])}, "times must be non-negative"),
        ({"times": np.array([0.0, 2.0, 1.0])}, "times must be one increasing axis"),
        ({"times": np.zeros(0)}, "times must be one increasing axis"),
        ({"times": np.ones((2, 2))}, "times must be one increasing axis"),
    ],
)
def test_the_flow_refuses_what_it_cannot_answer(wrong, message):
    good = {"times": np.array([0.0, 1.0]), "alpha": 1.0, "eps": 0.1, "dim": 10}
    with pytest.raises(ValueError, match=message):
        population_two_mode_flow.__wrapped__(**(good | wrong))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"alpha": 0.0}, "alpha must be positive"),
        ({"eps": np.nan}, "eps must be positive"),
        ({"dim": -2}, "dim must be positive"),
        ({"eta0": 0.0}, "eta0 must be positive"),
        ({"steps": 0}, "steps must be a whole number of at least 1, got 0"),
        ({"steps": 1.5}, "steps must be a whole number of at least 1"),
    ],
)
def test_the_descent_refuses_what_it_cannot_answer(wrong, message):
    good = {"alpha": 1.0, "eps": 0.1, "dim": 10, "eta0": 0.5, "steps": 3}
    with pytest.raises(ValueError, match=message):
        population_two_mode_descent.__wrapped__(**(good | wrong))
