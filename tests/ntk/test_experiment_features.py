"""Learning from more and more examples, against plain loops on shortened arrays and a textbook ridge regression."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvable.ntk.experiment import SampleSweep, absolute_value_task, init_mlp, run_samples
from solvable.ntk.experiment.features import RIDGES

SIZES = {"n_in": 3, "width": 6, "tests": 12}
EXAMPLES = (5, 14, 32)


def _drawn(key, seeds):
    """Data sets and networks of every seed."""
    for one in jax.random.split(key, seeds):
        first, second = jax.random.split(one)
        task, y_test = absolute_value_task(SIZES["n_in"], EXAMPLES[-1], SIZES["tests"], key=first)
        yield task, y_test, init_mlp((SIZES["n_in"], SIZES["width"], 1), key=second)


def _mean_field(params, x):
    (w1, b1), (w2, b2) = params
    hidden = jnp.maximum(x @ w1.T / np.sqrt(w1.shape[1]) + b1, 0.0)
    return (hidden @ w2.T / np.sqrt(w2.shape[1]) + b2)[:, 0] / np.sqrt(w2.shape[1])


@jax.jit
def _error(params, start, x, y):
    return jnp.mean((_mean_field(params, x) - _mean_field(start, x) - y) ** 2)


_gradient = jax.jit(jax.grad(_error))


def test_a_network_is_trained_on_shortened_arrays_and_stopped_on_those_kept_back(key):
    sweep = run_samples(EXAMPLES, seeds=2, key=key, eta=0.1, steps=100, **SIZES)
    stops = []
    for found, (task, y_test, params) in zip(sweep.network, _drawn(key, 2), strict=True):
        # the run rounds its data to float32; the loop starts from the same numbers and goes on in float64
        task, start = jax.tree.map(lambda leaf: np.asarray(leaf, np.float32).astype(float), (task, params))
        for j, n in enumerate(EXAMPLES):
            kept_back, trained_on = slice(n // 5), slice(n // 5, n)
            p, velocity, errors = start, jax.tree.map(np.zeros_like, start), []
            for step in range(101):
                if step % 20 == 0:
                    held = _error(p, start, task.x[kept_back], task.y[kept_back])
                    errors.append((held, _error(p, start, task.x_test, y_test) / np.var(y_test)))
                gradient = _gradient(p, start, task.x[trained_on], task.y[trained_on])
                velocity = jax.tree.map(lambda v, g: 0.9 * v + np.asarray(g), velocity, gradient)
                p = jax.tree.map(lambda w, v: w - 0.1 * SIZES["width"] * v, p, velocity)
            stop = np.argmin([held for held, _ in errors])
            stops.append(stop)
            # float32 rounds to 6e-8; a hundred operations a step, and steps of momentum that add up rounding like moves
            np.testing.assert_allclose(found[j], errors[stop][1], rtol=2e-4)
    # the validation has a say: some runs stop early, and some not at the start
    assert min(stops) < 5
    assert max(stops) > 0


def test_the_kernel_is_that_of_infinite_width_with_the_best_ridge(key):
    sweep = run_samples(EXAMPLES, seeds=2, key=key, steps=20, **SIZES)
    chosen = set()
    for found, (task, y_test, _) in zip(sweep.kernel, _drawn(key, 2), strict=True):
        x = np.concatenate([task.x, task.x_test])
        # one hidden layer of ReLU with sigma_w = sigma_b = 1, by arc cosine
        cov = x @ x.T / 3 + 1
        size = np.sqrt(np.outer(np.diag(cov), np.diag(cov)))
        angle = np.arccos(np.clip(cov / size, -1, 1))
        np.fill_diagonal(angle, 0)
        slopes = (np.pi - angle) / (2 * np.pi)
        ntk = slopes * cov + size * (np.sin(angle) / (2 * np.pi) + slopes * np.cos(angle)) + 1
        for j, n in enumerate(EXAMPLES):
            errors = [
                np.mean((ntk[-12:, :n] @ np.linalg.solve(ntk[:n, :n] + ridge * np.eye(n), task.y[:n]) - y_test) ** 2)
                for ridge in (1e-3, 0.05, 0.2, 0.6, 2.0)
            ]
            chosen.add(int(np.argmin(errors)))
            # rounding times a condition number of 1e5, on both sides
            np.testing.assert_allclose(found[j], min(errors) / np.var(y_test), rtol=1e-9)
    assert RIDGES == (1e-3, 0.05, 0.2, 0.6, 2.0)
    assert len(chosen) > 1


def test_there_is_an_entry_for_each_seed_and_number_and_the_run_repeats_itself(key):
    first, again = (run_samples((5, 10), seeds=3, key=key, steps=20, **SIZES) for _ in range(2))
    assert first.network.shape == first.kernel.shape == (3, 2)
    np.testing.assert_array_equal(first.examples, (5, 10))
    np.testing.assert_array_equal(first.network, again.network)
    np.testing.assert_array_equal(first.kernel, again.kernel)
    assert len(np.unique(first.kernel)) == 6


def _sweep(examples):
    return SampleSweep(np.asarray(examples), np.zeros((1, len(examples))), np.zeros((1, len(examples))))


def test_too_few_examples_to_keep_one_back_are_refused(key):
    with pytest.raises(ValueError, match="examples must be a whole number of at least 5, got 4 at index"):
        run_samples((4, 10), seeds=1, key=key, **SIZES)
    with pytest.raises(ValueError, match="steps must be a whole number of at least 1, got 0"):
        run_samples((5, 10), seeds=1, key=key, steps=0, **SIZES)


def test_what_a_power_law_needs_is_exact():
    examples = np.array([10, 20, 50, 200, 1000])
    powers, sizes = np.array([0.5, 1.0, 2.0]), np.array([3.0, 8.0, 90.0])
    errors = sizes[:, None] * examples ** -powers[:, None]
    # both logarithms are linear in each other
    np.testing.assert_allclose(_sweep(examples).needed(errors, 0.3), (sizes / 0.3) ** (1 / powers), rtol=1e-12)


def test_what_is_needed_is_infinite_where_the_level_is_not_reached():
    np.testing.assert_array_equal(_sweep([10, 20]).needed(np.array([[1.0, 0.9], [0.9, 0.8]]), 0.5), [np.inf, np.inf])


def test_what_is_needed_is_the_first_number_where_that_is_enough():
    np.testing.assert_array_equal(_sweep([10, 20]).needed(np.array([[0.4, 0.1], [0.5, 0.9]]), 0.5), [10, 10])


def test_what_is_needed_is_the_first_crossing_of_several():
    # from 10 to 40 the error falls from 1 to 1/4: it is 1/2 at 20
    np.testing.assert_allclose(
        _sweep([10, 40, 80, 160]).needed(np.array([[1.0, 0.25, 0.9, 0.1]]), 0.5), [20], rtol=1e-14
    )


@pytest.mark.parametrize("level", [0.5, 0.25])
def test_each_seed_is_asked_by_itself(level):
    errors = np.array([[1.0, 0.125], [1.0, 1.0], [0.1, 0.1]])
    # an error that falls by 8 while the number grows by 8
    np.testing.assert_allclose(_sweep([10, 80]).needed(errors, level), [10 / level, np.inf, 10], rtol=1e-14)
