"""How large a step may be: by taking steps a little smaller and a little larger, and by quadrature."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvable.lazy_rich.theory import (
    Moments,
    committee_ntk,
    infinite_width,
    lazy_bound,
    learned,
    max_stable_learning_rate,
    rich_bound,
)
from tests.lazy_rich.gaussian import Task, grid, second_moments, target


def says(weights, x, alpha, eps):
    h = x @ weights.T
    return alpha * jnp.mean(h + eps / 2 * h**2, axis=1)


def test_above_the_bound_a_network_leaves_its_solution_and_below_it_comes_back():
    task = Task(samples=7, dim=3)
    alpha, eps = 0.5, 0.4
    pair = np.outer([1, -1], task.beta / np.sqrt(alpha * eps))  # says the target, and no more
    assert np.abs(says(pair, task.x, alpha, eps) - task.y).max() < 1e-14
    largest = max_stable_learning_rate(task.x, Moments(*second_moments(pair)), eps=eps)
    weights = pair + 1e-5 * np.random.default_rng(0).normal(size=pair.shape)

    @jax.jit
    def loss_after_steps(eta0):
        slope = jax.grad(lambda w: jnp.mean((says(w, task.x, alpha, eps) - task.y) ** 2))
        end = jax.lax.fori_loop(0, 400, lambda _, w: w - eta0 * 2 / alpha**2 * slope(w), jnp.asarray(weights))
        return jnp.mean((says(end, task.x, alpha, eps) - task.y) ** 2)

    start = np.mean((says(weights, task.x, alpha, eps) - task.y) ** 2)
    # 0.98 and 1.02 to the power of 800, 1e-7 and 7e6, of the part of the loss in the steepest direction; the rest falls
    assert loss_after_steps(0.99 * largest) < 1e-2 * start
    assert not loss_after_steps(1.01 * largest) < 1e3 * start


@pytest.mark.parametrize("width", [1, 2, 9])
def test_at_the_start_the_bound_is_that_of_the_linearised_network(width):
    task = Task(samples=6, dim=4, width=width)
    eps = 0.7
    start = Moments(*second_moments(task.weights))
    largest = float(max_stable_learning_rate(task.x, start, eps=eps))
    slopes = jax.jacrev(lambda w: says(w, task.x, 1.0, eps))(jnp.asarray(task.weights)).reshape(6, -1)

    def left(eta0):
        change = np.zeros(slopes.shape[1])
        for _ in range(1500):
            # N / alpha^2 times the gradient of the mean squared error of the linear output
            change = change - eta0 * width * 2 / 6 * slopes.T @ (slopes @ change - task.y)
        return np.mean((slopes @ change - task.y) ** 2)

    # 0.98 and 1.02 to the power of 3000, of the steepest direction; others keep what they cannot learn
    assert left(0.99 * largest) < 2 * np.mean(task.y**2)
    assert left(1.01 * largest) > 1e15 * np.mean(task.y**2)


def test_what_is_learned_is_the_target():
    beta, alpha, eps = 1.3 * target(5), 0.7, 0.2
    found = learned(beta, alpha=alpha, eps=eps)
    np.testing.assert_array_equal(found.wbar, np.zeros(5))
    x = Task(dim=5).x
    # the output of these moments, by which a committee says nothing but the target
    said = alpha * eps / 2 * np.einsum("pi,ij,pj->p", x, np.asarray(found.m), x)
    np.testing.assert_allclose(said, (x @ beta) ** 2 / 2, rtol=1e-13, atol=1e-15)  # sums of 25


@pytest.mark.parametrize(("samples", "dim"), [(400, 100), (250, 250)])
def test_the_bound_of_the_lazy_end_is_that_of_large_data(samples, dim):
    seeds, found = 6, []
    for seed in range(seeds):
        x = np.random.default_rng([seed, dim]).normal(size=(samples, dim)) / np.sqrt(dim)
        # the bend adds nothing
        found.append(float(max_stable_learning_rate(x, infinite_width(dim), eps=1e-3)))
    # the edge of a random spectrum follows the law of Tracy and Widom (Johnstone, 2001) in this unit, relative to the
    # edge itself, with a mean of -1.21 and a deviation of 1.27: four standard errors
    unit = (1 / np.sqrt(samples) + 1 / np.sqrt(dim)) ** (1 / 3) / (np.sqrt(samples) + np.sqrt(dim))
    assert abs(np.mean(found) / lazy_bound(samples, dim) - 1) < (1.21 + 4 * 1.27 / np.sqrt(seeds)) * unit < 0.06


def test_the_bound_of_the_lazy_end_has_its_limits():
    # all of the data there can be: every linear mode has the eigenvalue 1 / D
    np.testing.assert_allclose(lazy_bound(1e14, 40), 40, rtol=1e-5)
    np.testing.assert_allclose(lazy_bound(np.array([40.0, 160.0]), np.array([[40.0], [40.0]])), [[10, 160 / 9]] * 2)


@pytest.mark.parametrize("dim", [2, 3])
# where alpha is below 3 eps the quadratic part of the kernel has outgrown the linear one, and where it is not, not
@pytest.mark.parametrize(("alpha", "eps"), [(0.25, 0.1), (1.0, 0.5), (0.5, 2.0), (1.0, 0.1), (8.0, 0.2)])
def test_the_bound_of_the_rich_end_is_that_of_all_inputs(dim, alpha, eps):
    x, weight = grid(dim)
    root = np.sqrt(weight)
    beta = target(dim)
    # K = x.x' (1 + eps^2 (beta.x) (beta.x') / (alpha eps)), of which the largest eigenvalue over all inputs is sought
    kernel = x @ x.T * (1 + eps / alpha * np.outer(x @ beta, x @ beta))
    largest = np.linalg.eigvalsh(root[:, None] * kernel * root)[-1]
    np.testing.assert_allclose(rich_bound(dim, alpha=alpha, eps=eps), 1 / largest, rtol=1e-12)  # sums of 125
    # and it is this kernel
    np.testing.assert_allclose(
        committee_ntk(x, moments=learned(beta, alpha=alpha, eps=eps), eps=eps), kernel, rtol=0, atol=1e-12
    )


def test_the_bound_of_the_rich_end_is_that_of_a_large_sample():
    dim, alpha, eps, samples = 12, 0.25, 0.1, 1000
    beta = target(dim)
    now = learned(beta, alpha=alpha, eps=eps)
    found, exact = [], rich_bound(dim, alpha=alpha, eps=eps)
    for seed in range(6):
        x = np.random.default_rng([seed, 3]).normal(size=(samples, dim)) / np.sqrt(dim)
        found.append(float(max_stable_learning_rate(x, now, eps=eps)))
    # a mean of fourth powers, known to sqrt(96 / P) / 3 = 10 % in each of six samples: four standard errors; and the
    # largest eigenvalue of a sample lies above that of the law, by D / P of what the others add
    assert abs(np.mean(found) / exact - 1) < 4 * 0.1 / np.sqrt(6) + 3 * dim / samples


def test_float32_stays_float32():
    task = Task()
    beta = task.beta.astype(np.float32)
    now = learned(beta, alpha=0.5, eps=0.3)
    results = [
        *now,
        max_stable_learning_rate(task.x.astype(np.float32), now, eps=0.3),
        lazy_bound(np.float32(100), 40),
        rich_bound(np.float32(40), alpha=0.5, eps=0.3),
    ]
    assert {result.dtype for result in results} == {np.dtype(np.float32)}


def test_rates_may_be_mapped_and_differentiated():
    task = Task()
    bends = jnp.array([0.2, 0.6])

    def largest(eps):
        return max_stable_learning_rate(task.x, learned(task.beta, alpha=0.5, eps=eps), eps=eps)

    mapped = jax.vmap(largest)(bends)
    np.testing.assert_allclose(mapped, [largest(0.2), largest(0.6)], rtol=1e-12)
    step = 1e-3
    near, far = (largest(0.6 + c * step) - largest(0.6 - c * step) for c in (1, 2))
    # fourth order: 1e-12 times a fifth derivative of order 1000
    np.testing.assert_allclose(jax.grad(largest)(0.6), (8 * near - far) / (12 * step), rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: learned.__wrapped__(np.ones(2), alpha=0.0, eps=0.1), "alpha must be positive"),
        (lambda: learned.__wrapped__(np.ones(2), alpha=1.0, eps=-0.1), "eps must be positive"),
        (lambda: lazy_bound.__wrapped__(0, 40), "samples must be positive"),
        (lambda: lazy_bound.__wrapped__(10, np.inf), "dim must be positive"),
        (lambda: rich_bound.__wrapped__(0, alpha=1.0, eps=0.1), "dim must be positive"),
        (lambda: rich_bound.__wrapped__(40, alpha=-1.0, eps=0.1), "alpha must be positive"),
        (lambda: rich_bound.__wrapped__(40, alpha=1.0, eps=0.0), "eps must be positive"),
    ],
)
def test_refuses_what_it_cannot_answer(call, message):
    with pytest.raises(ValueError, match=message):
        call()
