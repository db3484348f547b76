"""Ensembles, against each network trained by itself in a plain loop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvable.ntk.experiment import Inputs, init_mlp, run_ensemble

ACTIVATIONS = {"relu": lambda z: jnp.maximum(z, 0.0), "erf": jax.scipy.special.erf}


def _forward(params, x, *, activation="relu", sigma_w=1.0, sigma_b=0.1):
    h = x
    for index, (weights, biases) in enumerate(params):
        z = sigma_w * h @ weights.T / np.sqrt(weights.shape[1]) + sigma_b * biases
        h = z if index == len(params) - 1 else ACTIVATIONS[activation](z)
    return h[:, 0]


@pytest.fixture
def task():
    draw = np.random.default_rng(0)
    return Inputs(draw.normal(size=(5, 2)), draw.normal(size=5), draw.normal(size=(4, 2)))


@pytest.mark.parametrize(
    "change", [{}, {"hidden_layers": 1, "activation": "erf", "sigma_w": 1.3, "sigma_b": 0.5}], ids=["default", "erf"]
)
def test_every_member_is_a_network_trained_in_a_plain_loop(change, task, key, monkeypatch):
    monkeypatch.setattr("solvable.ntk.experiment.ensemble.AT_ONCE", 2)  # a full batch, and one that is not
    found = run_ensemble(task, 4, networks=3, eta=0.7, steps=6, key=key, **change)
    settings = {**change}
    drawn = init_mlp((2, *[4] * settings.pop("hidden_layers", 3), 1), key=key, networks=3)
    # the run rounds its data to float32; the loop starts from the same numbers and goes on in float64
    rounded = jax.tree.map(lambda leaf: np.asarray(leaf, np.float32).astype(float), (drawn, *task))

    def loss(params):
        return 0.5 * jnp.mean((_forward(params, rounded[1], **settings) - rounded[2]) ** 2)

    gradient, outputs = jax.jit(jax.grad(loss)), jax.jit(lambda params, x: _forward(params, x, **settings))
    for network in range(3):
        params = jax.tree.map(lambda leaf, index=network: leaf[index], rounded[0])
        for _ in range(6):
            params = jax.tree.map(lambda p, g: p - 0.7 * np.asarray(g), params, gradient(params))
        expected = outputs(params, rounded[3])
        # float32 rounds to 6e-8; outputs of order one after a hundred operations and six steps that amplify little
        np.testing.assert_allclose(found[network], expected, rtol=0, atol=2e-5)


def test_every_network_has_a_row_and_the_run_repeats_itself(task, key):
    first, again, other = (
        run_ensemble(task, 4, networks=3, eta=0.5, steps=2, key=k) for k in (key, key, jax.random.key(1))
    )
    assert first.shape == (3, 4)
    np.testing.assert_array_equal(first, again)
    assert len(np.unique(first[:, 0])) == 3
    assert (first != other).all()
