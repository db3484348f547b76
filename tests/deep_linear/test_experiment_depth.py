"""The race of depths and random products, against runs step by step and laws of random matrices."""

import jax
import numpy as np
import pytest
from scipy.special import digamma

from solvable.deep_linear.experiment import (
    chain_steps,
    depth_race,
    gradient_descent,
    orthogonal_initialisation,
    product_singular_values,
    tanh_jacobians,
)
from solvable.randomness import generator, orthonormal_columns


@pytest.mark.parametrize(("kind", "depth"), [("orthogonal", 1), ("orthogonal", 5), ("gaussian", 5)])
def test_the_race_counts_the_steps_of_plain_descent(kind, depth, key):
    values, width, rates = (1.0, 0.5), 6, (0.3, 0.9)
    race = depth_race([depth], kind=kind, key=key, seeds=1, width=width, singular_values=values, rates=rates)
    # the same target and start, and each rate run alone by automatic differentiation
    target_key, start_key = jax.random.split(jax.random.split(key, 1)[0])
    draw = generator(target_key)
    u, v = orthonormal_columns(2, 2, draw), orthonormal_columns(width, 2, draw)
    target = u * values @ v.T
    start = orthogonal_initialisation((*(width,) * depth, 2), key=start_key)
    if kind == "gaussian":
        rows = generator(start_key)
        start = tuple(rows.normal(size=w.shape) / np.sqrt(width) for w in start)
    counts = []
    for rate in rates:
        run = gradient_descent(start, target, np.arange(200), eta=rate / depth)
        losses = np.sum((target - run.products) ** 2, axis=(1, 2))
        counts.append(np.flatnonzero(losses <= 0.01 * np.sum(target**2))[:1])
    arrived = [(int(count[0]), rate) for count, rate in zip(counts, rates, strict=True) if count.size]
    assert race.steps[0, 0] == min(arrived)[0]
    assert race.rates[0, 0] == pytest.approx(min(arrived)[1])


def test_orthogonal_starts_do_not_wait_for_depth_and_gaussian_ones_do(key):
    depths = [4, 16]
    orthogonal = depth_race(depths, kind="orthogonal", key=key)
    gaussian = depth_race(depths, kind="gaussian", key=key)
    assert orthogonal.steps.shape == (2, 3)
    assert orthogonal.steps.max() <= 20
    assert (gaussian.steps[1] >= 3 * gaussian.steps[0]).all()
    assert (orthogonal.losses <= 0.01).all()


def test_a_rate_that_diverges_is_no_time(key):
    race = depth_race([16], kind="orthogonal", key=key, rates=(50.0, 1e4), seeds=1)
    assert race.steps[0, 0] == np.inf
    assert np.isnan(race.rates[0, 0])


def test_the_race_stops_at_its_cap(key):
    race = depth_race([2], kind="gaussian", key=key, rates=(1e-4,), seeds=1, cap=5)
    assert race.steps[0, 0] == np.inf
    assert 0.01 < race.losses[0, 0] < 10


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depths": [0]}, "depths must be a whole number of at least 1"),
        ({"singular_values": (1.0,) * 40}, "singular_values must be at most width = 32, got 40 of them"),
        ({"rates": (0.0,)}, "rates must be positive"),
    ],
)
def test_the_race_rejects(change, message, key):
    arguments = {"depths": [2], "kind": "orthogonal", "key": key} | change
    with pytest.raises(ValueError, match=message):
        depth_race(arguments.pop("depths"), **arguments)


def test_a_chain_takes_the_steps_of_its_recursion():
    a, steps = 0.9, 0
    while a**20 < 0.5:
        a, steps = a + 0.05 * a**19 * (1 - a**20), steps + 1
    assert chain_steps(20, 0.9, eta=0.05) == steps
    assert chain_steps(1, 0.6, eta=0.1) == 0
    assert chain_steps(50, 0.5, eta=0.02, cap=100) == np.inf


def test_orthogonal_products_keep_their_singular_values(key):
    values = product_singular_values([1, 60], width=40, kind="orthogonal", gain=1.0, key=key)
    np.testing.assert_allclose(values, 1.0, atol=1e-12)  # 60 products, each adding about sqrt(40) * 2.2e-16
    stretched = product_singular_values([3, 7], width=10, kind="orthogonal", gain=1.1, key=key)
    np.testing.assert_allclose(stretched, np.outer([1.1**3, 1.1**7], np.ones(10)), rtol=1e-13)


def test_gaussian_products_have_the_norm_of_their_first_layer_on_average():
    keys = jax.random.split(jax.random.key(4), 40)
    power = [np.sum(product_singular_values([1, 3], width=30, kind="gaussian", key=k) ** 2, axis=1) / 30 for k in keys]
    # E |W x|^2 = |x|^2; the power of three layers scatters by about sqrt(3 * 2) / 30 = 8 %, its mean by 1.3 %
    np.testing.assert_allclose(np.mean(power, axis=0), 1.0, atol=0.052)


def test_the_median_of_gaussian_products_shrinks_at_its_lyapunov_exponent(key):
    width, depth = 100, 20
    values = product_singular_values([depth], width=width, kind="gaussian", key=key)[0]
    middle = width // 2
    exponent = 0.5 * (digamma((width - middle + 1) / 2) + np.log(2 / width))
    # one seed scatters by about sqrt(1 / (2 width depth)) = 0.016 per layer; finite depth adds less than that
    assert np.log(values[middle - 1]) / depth == pytest.approx(exponent, abs=0.05)


def test_rounding_noise_is_not_passed_off_as_a_singular_value(key):
    values = product_singular_values([1, 200], width=50, kind="gaussian", key=key)
    assert (values[0] > 0).all()
    assert values[1, -1] == 0
    known = values[1][values[1] > 0]
    assert (known > 50 * np.finfo(float).eps * known[0]).all()


@pytest.mark.parametrize("kind", ["orthogonal", "gaussian"])
def test_the_jacobian_is_the_derivative_of_the_network(kind, key):
    gains, depth, width = [0.7, 1.2], 4, 6
    run = tanh_jacobians(depth, gains, kind=kind, width=width, key=key)
    start_key, input_key = jax.random.split(key)
    first = generator(input_key).normal(size=width)
    rows = generator(start_key)
    layers = (
        orthogonal_initialisation((width,) * (depth + 1), key=start_key)
        if kind == "orthogonal"
        else [rows.normal(size=(width, width)) / np.sqrt(width) for _ in range(depth)]
    )

    def last(x, gain):
        for layer in layers:
            x = np.tanh(gain * layer @ x)
        return x

    for index, gain in enumerate(gains):
        step = 1e-6
        columns = [(last(first + step * e, gain) - last(first - step * e, gain)) / (2 * step) for e in np.eye(width)]
        expected = np.linalg.svd(np.array(columns).T, compute_uv=False)
        # central differences: truncation 1e-12, rounding 2e-16 / 1e-6 = 2e-10
        np.testing.assert_allclose(run.singular_values[index], expected, atol=2e-9)
        assert run.activities[index] == pytest.approx(np.sqrt(np.mean(last(first, gain) ** 2)), rel=1e-12)


def test_only_orthogonal_layers_pass_gradients_on_at_the_edge_of_chaos(key):
    orthogonal, gaussian = (
        tanh_jacobians(60, [1.05], kind=kind, width=60, key=key).singular_values[0]
        for kind in ("orthogonal", "gaussian")
    )
    assert np.mean(orthogonal > 1e-3) > 0.9
    assert np.mean(gaussian > 1e-3) < 0.4
