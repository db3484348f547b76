"""The kernel against finite differences, and what runs of it must show whatever the draw."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvable.deep_linear.experiment import (
    KernelRun,
    balanced_initialisation,
    balanced_task,
    empirical_ntk,
    end_to_end,
    gaussian_initialisation,
    imbalances,
    loss_hessian,
    run_conservation,
    run_kernel,
    run_silent_alignment,
)
from solvable.tangent_kernel import kernel_cosine


@pytest.mark.parametrize("widths", [(3, 2), (3, 4, 2), (3, 4, 5, 2)])
def test_the_kernel_is_that_of_finite_differences(widths, key):
    weights = gaussian_initialisation(widths, key=key)
    x = np.random.default_rng(0).normal(size=(3, 5))
    rows = []
    for layer in range(len(weights)):
        for index in np.ndindex(weights[layer].shape):
            moved = []
            for sign in (1, -1):
                copy = [w.copy() for w in weights]
                copy[layer][index] += sign  # the map is linear in each entry: any step is exact
                moved.append(end_to_end(copy) @ x)
            rows.append((moved[0] - moved[1]).ravel() / 2)
    jacobian = np.array(rows)
    expected = jacobian.T @ jacobian
    np.testing.assert_allclose(
        empirical_ntk(tuple(jnp.asarray(w) for w in weights), jnp.asarray(x)), expected, rtol=1e-12, atol=1e-13
    )


def test_the_kernel_counts_outputs_before_samples():
    # one layer: output i depends on row i only, so blocks of different outputs vanish and each block is x^T x
    x = np.random.default_rng(1).normal(size=(3, 4))
    kernel = empirical_ntk((jnp.ones((2, 3)),), jnp.asarray(x))
    np.testing.assert_allclose(kernel, np.kron(np.eye(2), x.T @ x), atol=1e-14)


def test_the_cosine_ignores_size_and_sees_direction():
    a, b = np.diag([1.0, 0.0]), np.diag([0.0, 1.0])
    assert kernel_cosine(a, 5 * a) == pytest.approx(1.0)
    assert kernel_cosine(a, b) == 0.0
    np.testing.assert_allclose(kernel_cosine(np.stack([a, b, a + b]), a), [1.0, 0.0, np.sqrt(0.5)])


def test_the_hessian_is_that_of_finite_differences(key):
    weights = gaussian_initialisation((2, 3, 2), key=key)
    target = np.random.default_rng(2).normal(size=(2, 2))
    ends = [6]

    def loss(flat):
        w1, w2 = np.split(flat, ends)
        return 0.5 * np.sum((target - w2.reshape(2, 3) @ w1.reshape(3, 2)) ** 2)

    start = np.concatenate([w.ravel() for w in weights])
    step, basis = 1e-3, np.eye(start.size)
    expected = [
        [
            sum(a * b * loss(start + step * (a * e + b * f)) for a in (1, -1) for b in (1, -1)) / (4 * step**2)
            for f in basis
        ]
        for e in basis
    ]
    # the loss is of fourth order: truncation step^2 times its fourth derivative, a few 1e-6
    np.testing.assert_allclose(loss_hessian(weights, target), expected, atol=2e-5)


def test_imbalances_are_the_differences_of_gram_matrices(key):
    w1, w2 = balanced_initialisation([0.2, 0.1], 3, 2, 4, 0.7, key=key)
    (imbalance,) = imbalances((w1, w2))
    np.testing.assert_allclose(imbalance, 0.7 * np.eye(2), atol=1e-14)
    (stacked,) = imbalances((np.stack([w1, 2 * w1]), np.stack([w2, 2 * w2])))
    np.testing.assert_allclose(stacked[1], 4 * imbalance, atol=1e-14)


def test_a_run_ends_aligned_with_itself(key):
    times = np.linspace(0, 8, 81)
    run = run_kernel(gaussian_initialisation((3, 5, 2), 0.3, key=key), np.eye(2, 3), times)
    assert run.losses[0] == 1.0
    assert run.sizes[-1] == 1.0
    assert run.misalignment[-1] == pytest.approx(0.0, abs=1e-14)
    assert (np.diff(run.losses) < 0).all()  # gradient flow never climbs


def test_times_are_read_between_observations():
    times = np.array([0.0, 1.0, 2.0, 3.0])
    run = KernelRun(times, np.exp(-times), np.linspace(0.3, 0.0, 4), np.linspace(0.1, 0.4, 4))
    assert run.time_to(np.exp(-1.5)) == pytest.approx(1.5)
    assert run.time_to(1.0) == 0.0
    assert run.time_to(1e-9) == np.inf
    assert run.at_loss(np.exp(-0.5)) == pytest.approx((0.25, 0.15))


def test_correlated_inputs_are_fitted_as_far_as_a_linear_map_can(key):
    inputs = np.array([[1.0, 0.5, 0.0], [0.0, 0.8, 0.3], [0.4, 0.0, 1.2]])
    teacher = np.random.default_rng(4).normal(size=(2, 3))
    run = run_kernel(
        gaussian_initialisation((3, 6, 2), key=key),
        teacher @ inputs @ inputs.T,
        np.linspace(0, 40, 21),
        inputs=inputs,
    )
    assert run.losses[-1] < 1e-6


def test_square_networks_do_not_care_for_the_sign_of_the_balance(key):
    times = np.linspace(0, 12, 121)
    plus, minus = (
        run_kernel(*balanced_task((4, 4, 4), lam, key=key, singular_values=(1.5, 1.0)), times) for lam in (2.0, -2.0)
    )
    # transposing the network exchanges the layers and the sign of lambda; the draw of directions differs
    assert plus.time_to(0.1) == pytest.approx(minus.time_to(0.1), rel=0.05)
    assert plus.misalignment[0] == pytest.approx(minus.misalignment[0], rel=0.2)


def test_contracting_networks_are_lazy_one_way_and_rich_the_other(key):
    times = np.concatenate([[0.0], np.geomspace(0.01, 60, 200)])
    lazy, rich = (run_kernel(*balanced_task((6, 3, 3), lam, key=key), times) for lam in (5.0, -5.0))
    assert rich.time_to(0.01) > 5 * lazy.time_to(0.01)
    assert rich.misalignment[0] > 100 * lazy.misalignment[0]


def test_small_starts_align_before_the_loss_falls_on_white_inputs(key):
    white = run_silent_alignment(1e-3, np.linspace(0, 14, 141), key=key)
    other = run_silent_alignment(1e-3, np.concatenate([[0.0], np.geomspace(2, 600, 150)]), key=key, anisotropy=0.1)
    assert white.at_loss(0.9)[0] < 1e-3 < 1e-2 < white.misalignment[0]
    assert other.at_loss(0.9)[0] > 10 * white.at_loss(0.9)[0]


def test_the_flow_conserves_what_descent_does_not(key):
    run = run_conservation((0.02, 0.01), key=key, end=4.0)
    assert run.flow < 1e-10  # the integrator's error at relative tolerance 1e-13
    # one step breaks the law at second order in eta, over 1/eta steps
    assert run.descent[0] / run.descent[1] == pytest.approx(2.0, rel=0.15)


def test_the_key_decides_the_draw():
    times = np.array([0.0, 1.0])
    runs = [run_kernel(*balanced_task((3, 3, 3), 0.5, key=jax.random.key(k)), times).sizes[0] for k in (0, 0, 1)]
    assert runs[0] == runs[1] != runs[2]
