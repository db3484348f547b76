"""Training, against closed forms of the smallest networks, another integrator, and automatic differentiation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from solvable.deep_linear.experiment import (
    decoupled_initialisation,
    end_to_end,
    gaussian_initialisation,
    gradient_descent,
    gradient_flow,
    hierarchical_dataset,
    mode_projections,
    run_step_size_sweep,
)

# the integrator's accumulated error at relative tolerance 1e-13, and that of the references below
FLOW = {"rtol": 0, "atol": 1e-9}


def _problem(seed=0):
    draw = np.random.default_rng(seed)
    sigma_yx, root = draw.normal(size=(3, 4)), draw.normal(size=(4, 4))
    return sigma_yx, root @ root.T / 4


def test_the_end_to_end_map_is_the_product_from_the_right():
    w1, w2, w3 = (np.random.default_rng(0).normal(size=s) for s in ((4, 5), (3, 4), (2, 3)))
    np.testing.assert_allclose(end_to_end((w1, w2, w3)), w3 @ (w2 @ w1), rtol=1e-14)


def test_projections_are_bilinear_forms():
    products = np.random.default_rng(1).normal(size=(6, 3, 4))
    u, v = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 2)))[0], np.eye(4)[:, 1:3]
    expected = [[u[:, m] @ w @ v[:, m] for m in range(2)] for w in products]
    np.testing.assert_allclose(mode_projections(products, u, v), expected, rtol=1e-13)


@pytest.mark.parametrize("tau", [0.5, 2.0])
def test_one_layer_follows_the_matrix_exponential(tau):
    sigma_yx, sigma_x = _problem()
    start = np.random.default_rng(5).normal(size=(3, 4))
    times = np.array([0.0, 0.3, 2.0, 11.0])
    flow = gradient_flow((start,), sigma_yx, times, sigma_x=sigma_x, tau=tau)
    best = sigma_yx @ np.linalg.inv(sigma_x)
    expected = [best + (start - best) @ expm(-sigma_x * t / tau) for t in times]
    np.testing.assert_allclose(flow.products, expected, **FLOW)


def test_two_layers_follow_the_logistic_curve():
    data = hierarchical_dataset()
    times = np.linspace(0.0, 12.0, 49)
    flow = gradient_flow(decoupled_initialisation(data.u, data.v, 1e-3, 6, key=jax.random.key(0)), data.targets, times)
    growth = 2 * data.s * times[:, None]
    expected = data.s / (1 + (data.s / 1e-3 - 1) * np.exp(-growth))
    np.testing.assert_allclose(mode_projections(flow.products, data.u, data.v), expected, **FLOW)


@pytest.mark.parametrize("whitened", [True, False])
@pytest.mark.parametrize("widths", [(4, 3), (4, 5, 3), (4, 2, 6, 5, 3)])
def test_the_flow_goes_down_the_gradient_of_the_loss(widths, whitened, key):
    sigma_yx, sigma_x = _problem()
    sigma_x = np.eye(4) if whitened else sigma_x
    weights = gaussian_initialisation(widths, 0.8, key=key)
    ends = np.cumsum([w.size for w in weights])[:-1]

    def loss(flat):
        product = end_to_end([p.reshape(w.shape) for p, w in zip(jnp.split(flat, ends), weights, strict=True)])
        return 0.5 * jnp.trace(product @ sigma_x @ product.T) - jnp.trace(product.T @ sigma_yx)

    gradient = jax.jit(jax.grad(loss))
    times = np.array([0.0, 0.5, 3.0])
    reference = solve_ivp(
        lambda _, flat: -np.asarray(gradient(flat)) / 1.5,
        (0, 3),
        np.concatenate([w.ravel() for w in weights]),
        method="LSODA",
        t_eval=times,
        rtol=1e-11,
        atol=1e-13,
    )
    flow = gradient_flow(weights, sigma_yx, times, sigma_x=None if whitened else sigma_x, tau=1.5)
    got = np.concatenate([w.reshape(len(times), -1) for w in flow.weights], axis=1)
    np.testing.assert_allclose(got, reference.y.T, rtol=0, atol=1e-8)  # LSODA's own error at these tolerances
    np.testing.assert_allclose(flow.products, end_to_end(flow.weights), rtol=1e-14)


def test_a_saddle_stays_where_it_is():
    flow = gradient_flow((np.zeros((2, 3)), np.zeros((2, 2))), np.ones((2, 3)), np.array([1.0, 5.0]))
    np.testing.assert_array_equal(flow.products, 0.0)


@pytest.mark.parametrize("whitened", [True, False])
def test_descent_takes_the_steps_of_the_written_out_gradient(whitened, key):
    sigma_yx, sigma_x = _problem()
    weights = gaussian_initialisation((4, 5, 2, 3), key=key)
    run = gradient_descent(weights, sigma_yx, np.array([0, 1, 7]), eta=0.05, sigma_x=None if whitened else sigma_x)
    w1, w2, w3 = weights
    expected = [w3 @ w2 @ w1]
    for _ in range(7):
        error = sigma_yx - w3 @ w2 @ w1 @ (np.eye(4) if whitened else sigma_x)
        w1, w2, w3 = (
            w1 + 0.05 * w2.T @ w3.T @ error,
            w2 + 0.05 * w3.T @ error @ w1.T,
            w3 + 0.05 * error @ w1.T @ w2.T,
        )
        expected.append(w3 @ w2 @ w1)
    # rounding of seven steps with entries below 10
    np.testing.assert_allclose(run.products, [expected[0], expected[1], expected[7]], rtol=0, atol=1e-13)
    np.testing.assert_allclose(run.times, [0.0, 0.05, 0.35], rtol=1e-15)


def test_descent_keeps_the_precision_of_its_weights(key):
    weights = tuple(w.astype(np.float32) for w in gaussian_initialisation((4, 5, 3), key=key))
    assert gradient_descent(weights, _problem()[0], np.array([0, 2]), eta=0.1).products.dtype == np.float32


def test_the_gap_to_the_flow_is_proportional_to_the_learning_rate(key):
    data = hierarchical_dataset()
    weights = decoupled_initialisation(data.u, data.v, 1e-2, 4, key=key)
    sweep = run_step_size_sweep(weights, data.targets, [0.002, 0.004], u=data.u, v=data.v, end=5.0)
    # Euler's method is of first order; at eta s = 0.01 the next order is about 1 %
    assert sweep.gaps[1] / sweep.gaps[0] == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": (np.ones((2, 4)), np.ones((3, 3)))}, r"weights\[1\] must have shape \(any, 2\), got \(3, 3\)"),
        ({"sigma_yx": np.ones((4, 3))}, r"sigma_yx must have shape \(3, 4\)"),
        ({"sigma_x": np.ones((3, 3))}, r"sigma_x must have shape \(4, 4\)"),
        ({"sigma_yx": np.full((3, 4), np.nan)}, "sigma_yx must be finite"),
        ({"times": np.array([1.0, 0.5])}, "times must be increasing"),
        ({"times": np.array([0.0])}, "times must be increasing and end above 0"),
        ({"times": np.array([-1.0, 2.0])}, "times must be non-negative"),
        ({"tau": 0.0}, "tau must be positive"),
        ({"rtol": 1e-16}, "rtol must be between"),
    ],
)
def test_the_flow_rejects_what_does_not_fit(change, message):
    good = {"weights": (np.ones((2, 4)), np.ones((3, 2))), "sigma_yx": np.ones((3, 4)), "times": np.array([0.0, 1.0])}
    with pytest.raises(ValueError, match=message):
        gradient_flow(**(good | change))


def test_descent_rejects_a_rate_that_is_not_positive():
    with pytest.raises(ValueError, match="eta must be positive"):
        gradient_descent((np.ones((1, 1)),), np.ones((1, 1)), np.array([1]), eta=0.0)
