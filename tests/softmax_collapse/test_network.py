"""Networks of ReLUs: against plain NumPy, of the degree that is their depth, and their first weights."""

from itertools import pairwise

import jax
import numpy as np
import pytest

from solvable._types import place
from solvable.softmax_collapse.experiment.network import Layer, initial_network, network_logits

KEY = jax.random.key(0)

# one program for each shape, in the place of one for each operation
logits = jax.jit(network_logits)


def drawn(widths, *, biases, seed=0):
    """Weights and biases of order 1, as lists of NumPy arrays."""
    draw = np.random.default_rng(seed)
    return [(draw.normal(size=(n, m)), draw.normal(size=m) if biases else None) for n, m in pairwise(widths)]


def layers(arrays, factor=1.0):
    return tuple(Layer(place(factor * w), None if b is None else place(factor * b)) for w, b in arrays)


def by_hand(arrays, vectors):
    """One example, one unit after the other."""
    out = []
    for values in vectors:
        for depth, (weights, biases) in enumerate(arrays):
            if depth:
                values = [max(value, 0.0) for value in values]
            sums = []
            for unit in range(weights.shape[1]):
                total = 0.0 if biases is None else biases[unit]
                for value, weight in zip(values, weights[:, unit], strict=True):
                    total += value * weight
                sums.append(total)
            values = sums
        out.append(values)
    return np.array(out)


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("widths", [(6, 3), (6, 4, 3), (6, 4, 5, 3), (6, 4, 5, 2, 3)])
def test_logits_by_hand(widths, biases):
    arrays = drawn(widths, biases=biases)
    inputs = np.random.default_rng(1).normal(size=(7, 6))
    # rounding of sums of six products in each of up to four layers
    np.testing.assert_allclose(logits(layers(arrays), place(inputs)), by_hand(arrays, inputs), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_whole_numbers_are_the_places_of_ones(biases, dtype):
    arrays = drawn((6, 4, 3), biases=biases)
    places = np.array([[0, 3], [2, 5], [5, 0], [1, 1]], dtype)
    vectors = np.zeros((4, 6))
    for row, pair in enumerate(places):
        for one in pair:
            vectors[row, one] += 1
    found = logits(layers(arrays), place(places))
    np.testing.assert_allclose(found, by_hand(arrays, vectors), rtol=1e-13, atol=1e-13)  # rounding
    np.testing.assert_allclose(found, logits(layers(arrays), place(vectors)), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_logits_grow_as_a_power_of_the_weights_that_is_the_number_of_layers(depth):
    arrays, inputs = drawn((5, *[4] * (depth - 1), 3), biases=False), np.array([[0, 4], [2, 3], [1, 1]])
    once, more = (np.asarray(logits(layers(arrays, factor), inputs)) for factor in (1.0, 1.7))
    np.testing.assert_allclose(more, 1.7**depth * once, rtol=1e-12, atol=1e-12)  # rounding
    assert np.abs(once).max() > 0.1
    shifted = drawn((5, *[4] * (depth - 1), 3), biases=True)
    once, more = (np.asarray(logits(layers(shifted, factor), inputs)) for factor in (1.0, 1.7))
    assert (np.abs(more - 1.7**depth * once).max() > 0.1) == (depth > 1)


def test_the_last_layer_may_be_negative():
    arrays = [(np.eye(2), None), (-np.eye(2), None)]
    np.testing.assert_array_equal(logits(layers(arrays), place(np.array([[3.0, -2.0]]))), [[-3.0, 0.0]])


def test_first_weights_are_uniform_up_to_the_root_of_the_inputs():
    network = initial_network((400, 100, 300), biases=True, key=KEY, dtype="float64")
    assert [layer.weights.shape for layer in network] == [(400, 100), (100, 300)]
    assert [layer.biases.shape for layer in network] == [(100,), (300,)]
    for layer, inputs in zip(network, (400, 100), strict=True):
        for part in layer:
            scaled = np.sort(np.asarray(part).ravel()) * np.sqrt(inputs)
            assert np.abs(scaled).max() <= 1
            # Kolmogorov: the largest distance of both distribution functions passes 2 / sqrt(n) once in 1500 times
            even = np.linspace(-1, 1, len(scaled))
            assert np.abs(scaled - even).max() / 2 < 2 / np.sqrt(len(scaled))
    # numbers of different arrays are not the same ones
    parts = [
        np.asarray(part).ravel()[:50] * np.sqrt(n)
        for layer, n in zip(network, (400, 100), strict=True)
        for part in layer
    ]
    assert np.abs(np.corrcoef(parts) - np.eye(4)).max() < 5 / np.sqrt(50)


def test_without_biases_there_are_none():
    assert [layer.biases for layer in initial_network((5, 4, 3), biases=False, key=KEY, dtype="float32")] == [None] * 2


@pytest.mark.parametrize("biases", [False, True])
def test_first_weights_hang_on_the_key_alone_and_not_on_the_precision(biases):
    def arrays(dtype, key=KEY):
        network = initial_network((5, 4, 3), biases=biases, key=key, dtype=dtype)
        return [np.asarray(part) for part in jax.tree.leaves(network)]

    double, again, single = arrays("float64"), arrays("float64"), arrays("float32")
    assert len(double) == len(single) == (4 if biases else 2)
    for one, same, short in zip(double, again, single, strict=True):
        np.testing.assert_array_equal(one, same)
        assert (one.dtype, short.dtype) == (np.float64, np.float32)
        np.testing.assert_array_equal(one.astype(np.float32), short)
    with jax.enable_x64(False):
        for one, same in zip(single, arrays("float32"), strict=True):
            np.testing.assert_array_equal(one, same)
    for one, other in zip(double, arrays("float64", jax.random.key(1)), strict=True):
        assert (one != other).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logits_have_the_precision_of_the_weights(dtype):
    network = initial_network((5, 4, 3), biases=True, key=KEY, dtype=dtype)
    assert logits(network, np.array([[0, 3]])).dtype == dtype
    assert logits(network, place(np.ones((2, 5)), dtype)).dtype == dtype
