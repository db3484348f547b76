"""Networks that are drawn without their weights have the distribution of those that are drawn with them.

Two-sample tests of fixed seeds: each would fail by chance once in ten thousand times, and there are some tens of them.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from solvable.ntk import (
    apply_mlp,
    empirical_ntk_mlp,
    init_mlp,
    nngp_and_ntk,
    sample_ntk_at_birth,
    sample_outputs_at_birth,
)

CHANCE = 1e-4
X = np.random.default_rng(0).normal(size=(4, 3))
# few units for many inputs: what the forward pass has seen is then a large part of what the weights do
CASES = {
    "one layer": {"width": 8, "hidden_layers": 1, "activation": "erf", "sigma_w": 1.5, "sigma_b": 0.5},
    "two layers": {"width": 8, "hidden_layers": 2, "activation": "relu", "sigma_w": 1.4, "sigma_b": 0.2},
    "three layers": {"width": 8, "hidden_layers": 3, "activation": "erf", "sigma_w": 1.5, "sigma_b": 0.5},
    "wider": {"width": 20, "hidden_layers": 3, "activation": "relu", "sigma_w": 1.4, "sigma_b": 0.0},
    "as many inputs as units": {"width": 4, "hidden_layers": 2, "activation": "erf", "sigma_w": 1.5, "sigma_b": 0.5},
}


def drawn_with_weights(x, networks, seed, *, width, hidden_layers, **settings):
    """Outputs and kernels of networks that have their weights."""
    params = init_mlp((x.shape[1], *[width] * hidden_layers, 1), key=jax.random.key(seed), networks=networks)
    x = jnp.asarray(x)
    outputs = jax.jit(jax.vmap(lambda p: apply_mlp(p, x, **settings)[:, 0]))(params)
    kernels = jax.jit(jax.vmap(lambda p: empirical_ntk_mlp(p, x, **settings)))(params)
    return np.asarray(outputs), np.asarray(kernels)


def assert_same_distribution(first, second):
    """Columns are statistics, rows are draws."""
    for a, b in zip(first.T, second.T, strict=True):
        assert stats.ks_2samp(a, b).pvalue > CHANCE
        # means, and means of squares, within four standard errors
        for power in (1, 2):
            u, v = a**power, b**power
            assert abs(u.mean() - v.mean()) < 4 * np.sqrt(u.var() / u.size + v.var() / v.size)


def statistics_of_kernels(kernels):
    """Single entries and what they have in common, on a scale of their logarithms where they are positive."""
    values = np.linalg.eigvalsh(kernels)
    return np.stack(
        [
            np.log(kernels[:, 0, 0]),
            kernels[:, 0, 1],
            kernels[:, 2, 3] / np.sqrt(kernels[:, 2, 2] * kernels[:, 3, 3]),
            np.log(np.trace(kernels, axis1=1, axis2=2)),
            np.sqrt(np.maximum(values[:, 0], 1e-12)),  # a few ReLU networks are dead at an input
            values[:, -1] / values.sum(axis=1),
        ],
        axis=1,
    )


@pytest.mark.parametrize("case", CASES)
def test_kernels_have_the_distribution_of_networks_with_weights(case):
    draws = 1500
    _, kernels = drawn_with_weights(X, draws, 1, **CASES[case])
    keys = jax.random.split(jax.random.key(2), draws)
    sampled = np.stack([sample_ntk_at_birth(X, key=key, **CASES[case]) for key in keys])
    np.testing.assert_allclose(sampled, sampled.transpose(0, 2, 1), rtol=1e-10, atol=1e-12)  # rounding
    assert_same_distribution(statistics_of_kernels(sampled), statistics_of_kernels(kernels))


def test_the_way_back_meets_the_weights_of_the_way_there():
    # one unit a layer, and all linear: Theta is the sum over weights of the product of the squares of all others.
    # Weights that were drawn anew on the way back would hardly be seen in wide networks, but here they are everything
    draws, hidden_layers = 1500, 14
    settings = {"width": 1, "hidden_layers": hidden_layers, "activation": "linear", "sigma_w": 1.2, "sigma_b": 0.0}
    keys = jax.random.split(jax.random.key(8), draws)
    sampled = np.log([sample_ntk_at_birth(np.ones((1, 1)), key=key, **settings).item() for key in keys])
    squares = np.random.default_rng(9).normal(size=(draws, hidden_layers + 1)) ** 2
    products = np.prod(1.2**2 * squares, axis=1)
    assert_same_distribution(sampled[:, None], np.log(products * np.sum(1 / squares, axis=1))[:, None])


def statistics_of_outputs(outputs):
    """Outputs, what they have in common, and their size, for which a Gaussian of the wrong tails would not do."""
    return np.stack(
        [
            outputs[:, 0],
            outputs[:, 3],
            outputs[:, 1] * outputs[:, 2],
            outputs[:, 0] - outputs[:, 3],
            outputs.std(axis=1),
        ],
        axis=1,
    )


@pytest.mark.parametrize("case", CASES)
def test_outputs_have_the_distribution_of_networks_with_weights(case):
    outputs, _ = drawn_with_weights(X, 8000, 3, **CASES[case])
    sampled = sample_outputs_at_birth(X, networks=8000, key=jax.random.key(4), **CASES[case])
    assert sampled.shape == (8000, 4)
    assert_same_distribution(statistics_of_outputs(sampled), statistics_of_outputs(outputs))


def test_outputs_of_one_hidden_layer_have_exactly_the_covariance_of_infinite_width():
    # hidden units are independent of each other, so that their number does not matter to the mean of a product
    case = CASES["one layer"]
    outputs = sample_outputs_at_birth(X, networks=40_000, key=jax.random.key(5), **case)
    infinite = {name: value for name, value in case.items() if name != "width"}
    products = outputs[:, :, None] * outputs[:, None]
    error = products.std(axis=0) / np.sqrt(len(outputs))
    assert (np.abs(products.mean(axis=0) - nngp_and_ntk(X, **infinite).nngp) < 4 * error).all()
    assert (np.abs(outputs.mean(axis=0)) < 4 * outputs.std(axis=0) / np.sqrt(len(outputs))).all()


@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_kernels_become_those_of_infinite_width(activation):
    settings = {"hidden_layers": 3, "activation": activation, "sigma_w": 1.4, "sigma_b": 0.3}
    limit = np.asarray(nngp_and_ntk(X, **settings).ntk)
    size, gaps = np.linalg.norm(limit), {}
    for width in (256, 4096):
        keys = jax.random.split(jax.random.key(width), 24)
        sampled = np.stack([sample_ntk_at_birth(X, width=width, key=key, **settings) for key in keys])
        gaps[width] = np.sqrt(np.mean(np.sum((sampled - limit) ** 2, axis=(1, 2)))) / size
    # the mean is off by 1 / n, which is nothing beside the error of 24 draws at the larger width
    error = sampled.std(axis=0, ddof=1) / np.sqrt(24)
    assert (np.abs(sampled.mean(axis=0) - limit) < 5 * error).all()
    # fluctuations fall as n^-1/2: a factor of 4, each known to some 20 % from 24 draws of few independent numbers
    assert 2 < gaps[256] / gaps[4096] < 8
    assert gaps[4096] < 0.1


def test_outputs_of_wide_networks_become_gaussian():
    settings = {"hidden_layers": 2, "activation": "relu", "sigma_w": 1.4, "sigma_b": 0.3}
    outputs = sample_outputs_at_birth(X, width=500, networks=3000, key=jax.random.key(6), **settings)
    root = np.linalg.cholesky(np.asarray(nngp_and_ntk(X, **settings).nngp))
    white = np.linalg.solve(root, outputs.T)
    # excess kurtosis of order 5 / n = 0.01 is beyond 3000 draws
    for one in white:
        assert stats.kstest(one, "norm").pvalue > CHANCE
    assert (np.abs(np.corrcoef(white) - np.eye(4)) < 4 / np.sqrt(3000)).all()


def test_many_networks_are_drawn_in_pieces_that_do_not_repeat(monkeypatch):
    from solvable.ntk.experiment import birth

    monkeypatch.setattr(birth, "ENTRIES", 8 * 4 * 7)  # seven networks at a time
    outputs = sample_outputs_at_birth(X, networks=30, key=jax.random.key(7), **CASES["two layers"])
    assert outputs.shape == (30, 4)
    assert len(np.unique(outputs[:, 0])) == 30


@pytest.mark.parametrize("sample", [sample_ntk_at_birth, lambda *a, **k: sample_outputs_at_birth(*a, networks=3, **k)])
def test_a_key_is_a_draw(sample, key):
    case = CASES["three layers"]
    first, again, other = (sample(X, key=k, **case) for k in (key, key, jax.random.key(9)))
    np.testing.assert_array_equal(first, again)
    assert (np.abs(first - other) > 1e-9).all()


def test_an_input_that_occurs_twice_is_answered_the_same(key):
    x = np.concatenate([X[:2], X[:1]])
    case = CASES["three layers"]
    kernel = sample_ntk_at_birth(x, key=key, **case)
    # an orthonormal basis of inputs that depend on each other has a direction that no input has: rounding
    np.testing.assert_allclose(kernel[0], kernel[2], rtol=0, atol=1e-12 * kernel.max())
    outputs = sample_outputs_at_birth(x, networks=5, key=key, **case)
    np.testing.assert_allclose(outputs[:, 0], outputs[:, 2], rtol=0, atol=1e-12)


@pytest.mark.parametrize("sample", [sample_ntk_at_birth, sample_outputs_at_birth])
def test_refuses_what_cannot_be_drawn(sample, key):
    good = {"width": 8, "hidden_layers": 2, "activation": "relu", "key": key}
    if sample is sample_outputs_at_birth:
        good["networks"] = 3
        with pytest.raises(ValueError, match="networks must be a whole number of at least 1"):
            sample.__wrapped__(X, **(good | {"networks": 0}))
    for wrong, message in [
        ({"width": 3}, "width must be a whole number of at least 4, got 3"),
        ({"hidden_layers": 0}, "hidden_layers must be a whole number of at least 1, got 0"),
        ({"sigma_w": 0.0}, "sigma_w must be positive"),
        ({"sigma_b": -0.1}, "sigma_b must be non-negative"),
        ({"activation": "tanh"}, "activation must be one of"),
    ]:
        with pytest.raises(ValueError, match=message):
            sample.__wrapped__(X, **(good | wrong))
    with pytest.raises(ValueError, match="x must be finite"):
        sample(np.full((2, 3), np.nan), **good)
