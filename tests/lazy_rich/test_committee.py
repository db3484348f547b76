"""Outputs, losses, kernels and alignments of a committee: sums by hand, quadrature, derivatives, Monte Carlo."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvable.lazy_rich.theory import (
    Moments,
    committee_ntk,
    committee_predict,
    infinite_width,
    kernel_task_alignment,
    moments,
    population_task_alignment,
    population_test_loss,
)
from tests.lazy_rich.gaussian import Task, grid, second_moments, target


def says(weights, x, alpha, eps):
    """A committee's outputs, neuron by neuron."""
    total = 0.0
    for w in weights:
        h = x @ w
        total = total + h + eps * h**2 / 2
    return alpha * total / len(weights)


SIZES = pytest.mark.parametrize(("dim", "width"), [(1, 1), (2, 1), (2, 5), (3, 2), (3, 8)])


def test_a_committee_is_the_mean_of_its_neurons():
    task = Task(samples=6, dim=3, width=5)
    found = committee_predict(task.weights, task.x, alpha=1.7, eps=0.3)
    # sums of five numbers of order 1, which may cancel
    np.testing.assert_allclose(found, says(task.weights, task.x, 1.7, 0.3), rtol=0, atol=1e-14)


@SIZES
def test_moments_are_means_over_neurons(dim, width):
    weights = Task(dim=dim, width=width).weights
    found = moments(weights)
    for one, other in zip(found, second_moments(weights), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14, atol=1e-15)  # sums of eight at most


def test_infinitely_many_neurons_have_the_moments_of_a_normal_law():
    found = infinite_width(3)
    np.testing.assert_array_equal(found.wbar, np.zeros(3))
    np.testing.assert_array_equal(found.m, np.eye(3))
    draws = 20_000
    many = moments(np.random.default_rng(0).normal(size=(draws, 3)))
    # five standard errors; the square of a normal number has variance 2
    np.testing.assert_allclose(many.wbar, found.wbar, rtol=0, atol=5 / np.sqrt(draws))
    np.testing.assert_allclose(many.m, found.m, rtol=0, atol=5 * np.sqrt(2 / draws))


@SIZES
@pytest.mark.parametrize("centred", [False, True])
def test_the_test_loss_is_the_mean_over_all_inputs(dim, width, centred):
    now, before = Task(dim=dim, width=width).weights, Task(dim=dim, width=width, seed=1).weights
    alpha, eps, beta = 1.3, 0.4, 1.1 * target(dim)  # of any length
    x, weight = grid(dim)
    error = says(now, x, alpha, eps) - (x @ beta) ** 2 / 2 - (says(before, x, alpha, eps) if centred else 0)
    flipped = says(now, -x, alpha, eps) - (x @ beta) ** 2 / 2 - (says(before, -x, alpha, eps) if centred else 0)
    even, odd = (error + flipped) / 2, (error - flipped) / 2
    found = population_test_loss(*moments(now), beta, alpha=alpha, eps=eps, start=moments(before) if centred else None)
    # the rule is exact for a square of quadratic functions: sums of a hundred points
    np.testing.assert_allclose(found.variance, (weight @ even) ** 2, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(found.misalignment, weight @ even**2 - (weight @ even) ** 2, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(found.linear_power, weight @ odd**2, rtol=1e-11)
    np.testing.assert_allclose(found.total, weight @ error**2, rtol=1e-11)


def test_the_test_loss_is_that_of_a_large_sample():
    task = Task(dim=40, width=30)
    draws = 40_000
    x = np.random.default_rng(1).normal(size=(draws, 40)) / np.sqrt(40)
    squares = (says(task.weights, x, 0.8, 0.5) - (x @ task.beta) ** 2 / 2) ** 2
    found = population_test_loss(*moments(task.weights), task.beta, alpha=0.8, eps=0.5)
    # four standard errors
    assert abs(squares.mean() - found.total) < 4 * squares.std() / np.sqrt(draws)


def test_a_network_that_says_nothing_has_the_power_of_the_target():
    for dim in (1, 2, 40):
        start = infinite_width(dim)
        found = population_test_loss(*start, target(dim), alpha=2.0, eps=0.3, start=start)
        # the mean of y is 1/2 and that of y^2 is 3/4: rounding of sums of D^2
        np.testing.assert_allclose(found, [0.25, 0.5, 0.0], rtol=1e-13)


def test_a_network_that_is_the_target_has_no_loss():
    beta, alpha, eps = target(5), 0.7, 0.2
    pair = np.outer([1, -1], beta / np.sqrt(alpha * eps))
    found = population_test_loss(*moments(pair), beta, alpha=alpha, eps=eps)
    np.testing.assert_allclose(found, 0.0, atol=1e-28)  # squares of roundings


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), alpha=st.floats(1e-3, 1e3), eps=st.floats(1e-3, 10))
def test_neither_axes_nor_the_order_of_neurons_matter(seed, alpha, eps):
    task = Task(samples=5, dim=4, width=6, seed=seed)
    rng = np.random.default_rng(seed)
    turn, order = np.linalg.qr(rng.normal(size=(4, 4)))[0], rng.permutation(6)
    one, other = moments(task.weights), moments(task.weights[order] @ turn)
    # rounding of sums of squares; the loss is that of numbers as large as the larger of target and output
    scale = 1e-13 * (1 + (alpha * (1 + eps)) ** 2 * np.sum(task.weights**2) ** 2)
    losses = [
        population_test_loss(*now, beta, alpha=alpha, eps=eps)
        for now, beta in ((one, task.beta), (other, task.beta @ turn))
    ]
    np.testing.assert_allclose(*losses, rtol=0, atol=scale)
    alignments = [
        population_task_alignment(now, beta, eps=eps) for now, beta in ((one, task.beta), (other, task.beta @ turn))
    ]
    np.testing.assert_allclose(*alignments, rtol=1e-12)
    kernels = [committee_ntk(x, moments=now, eps=eps) for now, x in ((one, task.x), (other, task.x @ turn))]
    np.testing.assert_allclose(*kernels, rtol=0, atol=1e-14 * (1 + eps**2) * (1 + np.sum(task.weights**2) ** 2))


@SIZES
def test_the_kernel_is_that_of_derivatives(dim, width):
    task, z = Task(samples=4, dim=dim, width=width), Task(samples=3, dim=dim, seed=1).x
    alpha, eps = 1.3, 0.6

    def outputs(weights):
        h = np.concatenate([task.x, z]) @ weights.T
        return alpha * jnp.mean(h + eps / 2 * h**2, axis=1)

    slopes = np.split(np.asarray(jax.jacrev(outputs)(jnp.asarray(task.weights))).reshape(7, -1), [4])
    unit = alpha**2 / width
    found = committee_ntk(task.x, z, moments=moments(task.weights), eps=eps)
    # sums of 24 products
    np.testing.assert_allclose(found, slopes[0] @ slopes[1].T / unit, rtol=0, atol=1e-13)
    own = committee_ntk(task.x, moments=moments(task.weights), eps=eps)
    np.testing.assert_allclose(own, slopes[0] @ slopes[0].T / unit, rtol=0, atol=1e-13)


def test_the_kernel_of_infinitely_many_neurons_is_a_polynomial():
    x = Task(samples=5, dim=3).x
    inner = x @ x.T
    found = committee_ntk(x, moments=infinite_width(3), eps=0.7)
    np.testing.assert_allclose(found, inner + 0.49 * inner**2, rtol=0, atol=1e-15)  # three products


def by_hand(kernel, y):
    """A cosine between matrices: that of the kernel whose columns are centred, and that of the targets' outer product.

    Targets are centred; the cosine has the length of the outer product in it, |y|^2.
    """
    centre = np.eye(len(y)) - 1 / len(y)
    columns, outer = centre @ kernel, np.outer(centre @ y, centre @ y)
    return np.sum(columns * outer) / (np.linalg.norm(columns) * np.linalg.norm(outer))


def test_alignment_is_a_cosine_between_matrices():
    rng = np.random.default_rng(0)
    root, y = rng.normal(size=(7, 7)), rng.normal(size=7) + 2
    kernel = root @ root.T + 1
    np.testing.assert_allclose(kernel_task_alignment(kernel, y), by_hand(kernel, y), rtol=1e-13)  # sums of 49
    without = kernel - np.diag(np.diag(kernel))
    np.testing.assert_allclose(kernel_task_alignment(kernel, y, diagonal=False), by_hand(without, y), rtol=1e-13)
    # neither sizes nor constants matter, and a kernel about nothing but the target has all of the alignment
    other = kernel_task_alignment(3 * kernel + rng.normal(size=7), 2 - y)
    np.testing.assert_allclose(other, kernel_task_alignment(kernel, y), rtol=1e-12)
    np.testing.assert_allclose(kernel_task_alignment(np.outer(y - y.mean(), y - y.mean()), y), 1, rtol=1e-14)


def general_moments(dim, seed=0):
    """Of three neurons, which have a mean, and of a little in all directions."""
    wbar, m = second_moments(1.5 * Task(dim=dim, width=3, seed=seed).weights)
    return Moments(wbar, m + 0.2 * np.eye(dim))


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("eps", [0.1, 1.0, 3.0])
def test_the_alignment_over_all_inputs_is_that_of_a_quadrature(dim, eps):
    now, beta = general_moments(dim), 1.4 * target(dim)  # of any length
    x, weight = grid(dim)
    inner = x @ x.T
    slopes = 1 + eps * ((x @ now.wbar)[:, None] + x @ now.wbar) + eps**2 * x @ now.m @ x.T
    kernel = inner * slopes
    kernel = kernel - weight @ kernel  # the mean of every column
    y = (x @ beta) ** 2 / 2
    y = y - weight @ y
    size = np.sqrt(weight @ kernel**2 @ weight)
    expected = (weight * y) @ kernel @ (weight * y) / (size * (weight @ y**2))
    # the rule is exact for polynomials of degree 8: sums of 125^2
    np.testing.assert_allclose(population_task_alignment(now, beta, eps=eps), expected, rtol=1e-11)


def test_the_alignment_of_a_sample_without_the_diagonal_is_that_over_all_inputs():
    dim, samples, eps = 8, 800, 0.8
    now, beta = general_moments(dim), target(dim)
    assert np.linalg.norm(now.wbar) > 1
    found = []
    for seed in range(16):
        x = np.random.default_rng([seed, 5]).normal(size=(samples, dim)) / np.sqrt(dim)
        kernel = committee_ntk(x, moments=now, eps=eps)
        found.append(kernel_task_alignment(kernel, (x @ beta) ** 2 / 2, diagonal=False))
    expected = population_task_alignment(now, beta, eps=eps)
    # four standard errors, and the bias of a mean that was estimated: a few parts in a thousand, D / P
    assert abs(np.mean(found) - expected) < 4 * np.std(found) / np.sqrt(16) + dim / samples * expected


def test_the_diagonal_adds_what_the_docstring_says():
    dim, samples = 40, 1000
    gaps = []
    for seed in range(3):
        x = np.random.default_rng([seed, 6]).normal(size=(samples, dim)) / np.sqrt(dim)
        kernel, y = committee_ntk(x, moments=infinite_width(dim), eps=0.1), (x @ target(dim)) ** 2 / 2
        gaps.append(kernel_task_alignment(kernel, y) - kernel_task_alignment(kernel, y, diagonal=False))
    # targets are large where inputs are long: 4 / D = 10 %; and 2 % each for D / P and for eps^2, and the draw
    np.testing.assert_allclose(np.mean(gaps), np.sqrt(dim) / samples, rtol=0.2)
    # far more than the alignment itself
    assert np.mean(gaps) > 50 * population_task_alignment(infinite_width(dim), target(dim), eps=0.1)


def everything(weights, x, beta, y, start):
    now = moments(weights)
    kernel = committee_ntk(x, moments=now, eps=0.3)
    return [
        *now,
        committee_predict(weights, x, alpha=2.0, eps=0.3),
        *population_test_loss(*now, beta, alpha=2.0, eps=0.3),
        population_test_loss(*now, beta, alpha=2.0, eps=0.3, start=start).total,
        kernel,
        kernel_task_alignment(kernel, y),
        population_task_alignment(now, beta, eps=0.3),
    ]


def test_float32_stays_float32():
    task = Task()
    arrays = task.weights, task.x, task.beta, task.y
    start = infinite_width(4, np.float32)
    assert {part.dtype for part in start} == {np.dtype(np.float32)}
    single = everything(*(value.astype(np.float32) for value in arrays), start)
    assert {part.dtype for part in single} == {np.dtype(np.float32)}
    for one, other in zip(single, everything(*arrays, infinite_width(4)), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)  # a hundred roundings of numbers of order 1


def test_functions_may_be_mapped_and_differentiated():
    task = Task()
    stack = jax.vmap(moments)(np.stack([task.weights, 2 * task.weights]))
    assert stack.m.shape == (2, 4, 4)
    losses = jax.vmap(
        lambda now, alpha: population_test_loss(*now, task.beta, alpha=alpha, eps=0.3).total, in_axes=(0, 0)
    )(stack, jnp.array([1.0, 2.0]))
    for k in range(2):
        alone = population_test_loss(*moments((k + 1) * task.weights), task.beta, alpha=k + 1.0, eps=0.3)
        np.testing.assert_allclose(losses[k], alone.total, rtol=1e-13)  # another order of the same sums

    def loss(weights):
        return population_test_loss(*moments(weights), task.beta, alpha=1.2, eps=0.3).total

    direction, step = np.random.default_rng(3).normal(size=task.weights.shape), 1e-4
    near, far = (loss(task.weights + c * step * direction) - loss(task.weights - c * step * direction) for c in (1, 2))
    slope = jnp.sum(jax.grad(loss)(task.weights) * direction)
    # a polynomial of degree four, which this difference is exact for: roundings / step
    np.testing.assert_allclose(slope, (8 * near - far) / (12 * step), rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: moments.__wrapped__(np.ones(3)), r"weights must have shape \(any, any\), got \(3,\)"),
        (lambda: infinite_width.__wrapped__(0), "dim must be a whole number of at least 1, got 0"),
        (lambda: infinite_width.__wrapped__(2.5), "dim must be a whole number of at least 1"),
        (
            lambda: committee_predict.__wrapped__(np.ones((2, 3)), np.ones((4, 2)), alpha=1.0, eps=1.0),
            r"x must have shape \(any, 3\), got \(4, 2\)",
        ),
        (
            lambda: committee_predict.__wrapped__(np.ones(3), np.ones((4, 3)), alpha=1.0, eps=1.0),
            r"weights must have shape \(any, any\)",
        ),
        (
            lambda: population_test_loss.__wrapped__(np.ones(2), np.eye(3), np.ones(3), alpha=1.0, eps=1.0),
            r"wbar must have shape \(3,\), got \(2,\)",
        ),
        (
            lambda: population_test_loss.__wrapped__(np.ones(3), np.eye(2), np.ones(3), alpha=1.0, eps=1.0),
            r"m must have shape \(3, 3\), got \(2, 2\)",
        ),
        (
            lambda: population_test_loss.__wrapped__(np.ones(1), np.eye(1), np.ones((1, 1)), alpha=1.0, eps=1.0),
            r"beta must have shape \(any,\), got \(1, 1\)",
        ),
        (
            lambda: committee_ntk.__wrapped__(np.ones((2, 3)), np.ones((2, 2)), moments=infinite_width(3), eps=1.0),
            r"x2 must have shape \(any, 3\), got \(2, 2\)",
        ),
        (
            lambda: committee_ntk.__wrapped__(np.ones(3), moments=infinite_width(3), eps=1.0),
            r"x1 must have shape \(any, any\), got \(3,\)",
        ),
        (
            lambda: kernel_task_alignment.__wrapped__(np.ones((2, 3)), np.ones(2)),
            r"kernel must have shape \(2, 2\), got \(2, 3\)",
        ),
        (lambda: kernel_task_alignment.__wrapped__(np.eye(2), np.ones(3)), r"y must have shape \(2,\), got \(3,\)"),
        (
            lambda: population_task_alignment.__wrapped__(infinite_width(2), np.ones((2, 1)), eps=1.0),
            r"beta must have shape \(any,\), got \(2, 1\)",
        ),
    ],
)
def test_refuses_what_it_cannot_answer(call, message):
    with pytest.raises(ValueError, match=message):
        call()
