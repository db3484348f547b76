"""The projection as a part of optimisers: in chains, compiled, and under the library's own wrappers."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from solvable.softmax_collapse.experiment.orthogonal import orthogonal_gradients
from solvable.softmax_collapse.theory.directions import WHOLE

WEIGHTS = {"a": np.random.default_rng(0).normal(size=(3, 4)), "b": np.random.default_rng(1).normal(size=5)}
TARGET = {"a": np.random.default_rng(2).normal(size=(3, 4)), "b": np.random.default_rng(3).normal(size=5)}
OPTIONS = [(whole, rescale) for whole in WHOLE for rescale in (False, True)]


def gradient(weights):
    """Of half the squared distance from the target."""
    return jax.tree.map(lambda w, t: w - t, weights, TARGET)


def by_hand(weights, whole, rescale):
    """Projected gradients in NumPy."""
    g = {name: np.asarray(weights[name]) - TARGET[name] for name in weights}
    groups = [("a",), ("b",)] if whole == "tensor" else [("a", "b")]
    out = {}
    for names in groups:
        dot = sum(np.sum(weights[n] * g[n]) for n in names)
        square = sum(np.sum(weights[n] ** 2) for n in names)
        left = {n: g[n] - dot / square * weights[n] for n in names}
        ratio = np.sqrt(sum(np.sum(g[n] ** 2) for n in names) / sum(np.sum(left[n] ** 2) for n in names))
        out |= {n: left[n] * (ratio if rescale else 1) for n in names}
    return out


@pytest.mark.parametrize(("whole", "rescale"), OPTIONS)
def test_two_steps_of_adamw_by_hand(whole, rescale):
    rate, first, second, eps, decay = 0.01, 0.9, 0.99, 1e-25, 0.1
    with jax.numpy_dtype_promotion("standard"):
        rule = optax.chain(
            orthogonal_gradients(whole=whole, rescale=rescale),
            optax.adamw(rate, b1=first, b2=second, eps=eps, weight_decay=decay),
        )

        @jax.jit
        def step(weights, state):
            changes, state = rule.update(gradient(weights), state, weights)
            return optax.apply_updates(weights, changes), state

        weights = jax.tree.map(jnp.asarray, WEIGHTS)
        state = rule.init(weights)
        for _ in range(2):
            weights, state = step(weights, state)
    found, weights = weights, {name: w.copy() for name, w in WEIGHTS.items()}
    m, v = dict.fromkeys(weights, 0.0), dict.fromkeys(weights, 0.0)
    for t in (1, 2):
        g = by_hand(weights, whole, rescale)
        for name in weights:
            m[name] = first * m[name] + (1 - first) * g[name]
            v[name] = second * v[name] + (1 - second) * g[name] ** 2
            scaled = (m[name] / (1 - first**t)) / (np.sqrt(v[name] / (1 - second**t)) + eps)
            weights[name] = weights[name] - rate * (scaled + decay * weights[name])
    for name in weights:
        np.testing.assert_allclose(found[name], weights[name], rtol=1e-12, atol=1e-14)  # rounding of two steps


@pytest.mark.parametrize(("whole", "rescale"), OPTIONS)
def test_a_step_of_descent_adds_its_square_to_that_of_the_weights(whole, rescale):
    rule = optax.chain(orthogonal_gradients(whole=whole, rescale=rescale), optax.sgd(0.1))
    changes, _ = rule.update(gradient(WEIGHTS), rule.init(WEIGHTS), WEIGHTS)
    new = optax.apply_updates(WEIGHTS, changes)

    def square(tree):
        return sum(np.sum(np.asarray(leaf) ** 2) for leaf in jax.tree.leaves(tree))

    # Pythagoras
    assert square(new) == pytest.approx(square(WEIGHTS) + square(changes), rel=1e-13)  # rounding
    assert square(changes) > 1e-3


def test_wrappers_of_the_library_hand_the_parameters_on():
    wrapped = optax.MultiSteps(optax.chain(orthogonal_gradients(), optax.sgd(1.0)), 1)
    with jax.numpy_dtype_promotion("standard"):
        weights = jax.tree.map(jnp.asarray, WEIGHTS)
        changes, _ = wrapped.update(gradient(weights), wrapped.init(weights), weights)
    expected = by_hand(WEIGHTS, "tree", False)
    for name, change in changes.items():
        np.testing.assert_allclose(change, -expected[name], rtol=1e-13, atol=1e-14)  # rounding
    rule = orthogonal_gradients()
    named, _ = rule.update(gradient(WEIGHTS), rule.init(WEIGHTS), params=WEIGHTS)
    np.testing.assert_allclose(named["a"], expected["a"], rtol=1e-13, atol=1e-14)


def test_refuses_what_has_no_meaning():
    with pytest.raises(ValueError, match="whole must be one of 'tensor', 'tree', got 'layer'"):
        orthogonal_gradients(whole="layer")
    rule = orthogonal_gradients()
    with pytest.raises(ValueError, match="params must be given to update, got None"):
        rule.update(WEIGHTS, rule.init(WEIGHTS))
