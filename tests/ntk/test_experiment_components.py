"""Learning one component at a time, against a plain loop, and the steps it takes, against an exact decay."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvable.ntk.experiment import ComponentRun, init_mlp, run_components
from solvable.ntk.theory import PrincipalComponents

ACTIVATIONS = {"relu": lambda z: jnp.maximum(z, 0.0), "erf": jax.scipy.special.erf}
X = np.random.default_rng(0).normal(size=(6, 2))
# orthogonal columns of mean square 1 that have nothing to do with a kernel
FUNCTIONS = np.sqrt(6) * np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0]
COMPONENTS = PrincipalComponents(jnp.arange(6.0)[::-1], jnp.asarray(FUNCTIONS))


def _forward(params, x, *, activation="relu", sigma_w=1.0, sigma_b=0.1):
    h = x
    for index, (weights, biases) in enumerate(params):
        z = sigma_w * h @ weights.T / np.sqrt(weights.shape[1]) + sigma_b * biases
        h = z if index == len(params) - 1 else ACTIVATIONS[activation](z)
    return h[:, 0]


@pytest.mark.parametrize(
    "change",
    [{}, {"scale": 5.0, "size": 2.0, "hidden_layers": 2, "activation": "erf", "sigma_w": 1.3, "sigma_b": 0.5}],
    ids=["default", "scaled"],
)
def test_what_is_left_and_what_is_spilled_are_those_of_a_plain_loop(change, key):
    which, eta, steps = (4, 0, 1), 0.8, 6
    run = run_components(X, COMPONENTS, which, width=5, seeds=2, eta=eta, steps=steps, key=key, **change)
    settings = {"scale": 1.0, "size": 0.5, "hidden_layers": 1} | change
    scale, size = settings.pop("scale"), settings.pop("size")
    drawn = init_mlp((2, *[5] * settings.pop("hidden_layers"), 1), key=key, networks=2)
    x, drawn = jax.tree.map(lambda leaf: np.asarray(leaf, np.float32).astype(float), (X, drawn))

    @jax.jit
    def outputs(p, start):
        return scale * (_forward(p, x, **settings) - _forward(start, x, **settings))

    @jax.jit
    @jax.grad
    def gradient(p, start, target):
        return 0.5 * jnp.mean((outputs(p, start) - target) ** 2) / scale**2

    for i, number in enumerate(which):
        target = size * FUNCTIONS[:, number]
        for seed in range(2):
            start = params = jax.tree.map(lambda leaf, index=seed: leaf[index], drawn)
            left, spilled = [], []
            for _ in range(steps + 1):
                # coordinates of what is still missing among the components, in units of the target
                missing = FUNCTIONS.T @ np.asarray(target - outputs(params, start)) / (6 * size)
                left.append(missing[number])
                spilled.append(np.linalg.norm(np.delete(missing, number)))
                params = jax.tree.map(lambda p, g: p - eta * np.asarray(g), params, gradient(params, start, target))
            # float32 rounds to 6e-8; outputs up to ten units after a hundred operations and six steps
            np.testing.assert_allclose(run.left[i, seed], left, rtol=0, atol=2e-5)
            np.testing.assert_allclose(run.spilled[i, seed], spilled, rtol=0, atol=2e-5)
    np.testing.assert_array_equal(run.steps, np.arange(steps + 1))


def test_every_component_and_seed_starts_with_all_to_learn_and_nothing_spilled(key):
    first, again = (run_components(X, COMPONENTS, (0, 3), width=4, seeds=3, eta=0.5, steps=2, key=key) for _ in "ab")
    assert first.left.shape == first.spilled.shape == (2, 3, 3)
    # rounding of a mean of six numbers, and of its root, in float32
    np.testing.assert_allclose(first.left[..., 0], 1, rtol=1e-6)
    np.testing.assert_allclose(first.spilled[..., 0], 0, atol=1e-6)
    np.testing.assert_array_equal(first.left, again.left)
    np.testing.assert_array_equal(first.spilled, again.spilled)


def _run(left):
    left = np.asarray(left, float)
    return ComponentRun(np.arange(left.shape[-1]), left, np.zeros_like(left))


@pytest.mark.parametrize("fraction", [0.9, 0.5, 0.1])
def test_steps_along_an_exponential_decay_are_exact(fraction):
    rates = np.array([[0.02, 0.3], [0.11, 2.5]])
    left = np.exp(-rates[..., None] * np.arange(150))
    # a few roundings of logarithms of at most 10
    np.testing.assert_allclose(_run(left).steps_to(fraction), np.log(1 / fraction) / rates, rtol=1e-12)


def test_steps_are_infinite_where_the_fraction_is_not_reached():
    steps = _run([[[1.0, 0.9, 0.8], [1.0, 0.9, 0.45]]]).steps_to(0.5)
    # between 0.9 after one step and 0.45 after two
    np.testing.assert_allclose(steps, [[np.inf, 1 + np.log(0.9 / 0.5) / np.log(2)]], rtol=1e-14)


def test_steps_count_to_the_first_time_of_several():
    np.testing.assert_allclose(_run([[[1.0, 0.25, 0.9, 0.1]]]).steps_to(0.5), [[0.5]], rtol=1e-14)


@pytest.mark.parametrize("left", [[1.0, 0.25], [1.0, 1.0], [1.0, 2.0]])
def test_what_is_where_it_should_be_at_the_start_takes_no_steps(left):
    assert _run([[left]]).steps_to(1.0) == 0


@pytest.mark.parametrize("left", [[1.0, 1.0, 1.0], [1.0, 3.0, 9.0], [1.0, np.nan, np.nan]])
def test_steps_are_infinite_where_nothing_is_learned_at_all(left):
    assert _run([[left]]).steps_to(0.5) == np.inf


def test_steps_to_a_fraction_that_a_step_goes_beyond_zero_for_lie_on_a_straight_line():
    # from 1 to −0.25, which has no logarithm: 0.5 is two fifths of the way
    np.testing.assert_allclose(_run([[[1.0, 1.0, -0.25]]]).steps_to(0.5), [[1.4]], rtol=1e-14)
