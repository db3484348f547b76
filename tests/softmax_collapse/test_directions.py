"""Projections against double precision and geometry, and Euler's identity on networks of ReLUs."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvable.softmax_collapse.theory.directions import (
    WHOLE,
    inner,
    naive_loss_minimisation_cosine,
    norm,
    project_orthogonal,
    radial_slope,
)
from solvable.softmax_collapse.theory.losses import LOSSES

SHAPES = [(4, 3), (3,), (2, 3, 5)]


def tree(seed, dtype="float64", size=1.0):
    """Tensors of several shapes, in containers of several kinds, one of them empty."""
    draw = np.random.default_rng(seed)
    first, second, third = (jnp.asarray(size * draw.normal(size=shape), dtype) for shape in SHAPES)
    return {"layers": [(first, None), (second, third)]}


def flat(*trees):
    """Each tree as one vector, in double precision."""
    vectors = [np.concatenate([np.ravel(leaf).astype(float) for leaf in jax.tree.leaves(one)]) for one in trees]
    return vectors[0] if len(vectors) == 1 else vectors


def projected(gradient, parameters, whole, rescale):
    """What the equation says, in double precision."""
    pairs = [(flat(gradient), flat(parameters))]
    if whole == "tensor":
        leaves = zip(jax.tree.leaves(gradient), jax.tree.leaves(parameters), strict=True)
        pairs = [(np.ravel(g).astype(float), np.ravel(w).astype(float)) for g, w in leaves]
    parts = [g - (w @ g) / (w @ w) * w for g, w in pairs]
    if rescale:
        parts = [part * np.linalg.norm(g) / np.linalg.norm(part) for part, (g, _) in zip(parts, pairs, strict=True)]
    return np.concatenate(parts)


@pytest.mark.parametrize("whole", WHOLE)
@pytest.mark.parametrize("rescale", [False, True])
# squares of numbers of size 1e-25 are 0 in float32, and of 1e25 infinite
@pytest.mark.parametrize(
    ("dtype", "size", "other"),
    [("float64", 1, 1), ("float32", 1, 1), ("float32", 1e-25, 1), ("float32", 1, 1e-25), ("float32", 1e25, 1e25)],
)
def test_the_equation_in_double_precision(whole, rescale, dtype, size, other):
    gradient, parameters = tree(0, dtype, size), tree(1, dtype, other)
    found = project_orthogonal(gradient, parameters, whole=whole, rescale=rescale)
    assert jax.tree.structure(found) == jax.tree.structure(gradient)
    assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {np.dtype(dtype)}
    expected = projected(gradient, parameters, whole, rescale)
    # rounding of sums over at most 45 numbers of size 1
    np.testing.assert_allclose(flat(found) / size, expected / size, rtol=0, atol=40 * jnp.finfo(dtype).eps)


@pytest.mark.parametrize("rescale", [False, True])
def test_what_is_left_is_orthogonal_and_falls(rescale):
    gradient, parameters = tree(2), tree(3)
    g, w = flat(gradient, parameters)
    found = flat(project_orthogonal(gradient, parameters, rescale=rescale))
    assert abs(found @ w) < 1e-13  # rounding of 45 products
    if rescale:
        assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(g), rel=1e-14)  # rounding
        assert found @ g > 0
    else:
        # proposition 2: against the gradient, and by the square of what is left
        assert found @ g == pytest.approx(found @ found, rel=1e-13)
        assert found @ found < g @ g


def test_of_tensors_each_is_orthogonal_to_its_own():
    gradient, parameters = tree(2), tree(3)
    found = project_orthogonal(gradient, parameters, whole="tensor")
    products = jax.tree.map(lambda g, w: float(jnp.sum(g * w)), found, parameters)
    np.testing.assert_allclose(jax.tree.leaves(products), 0, rtol=0, atol=1e-13)  # rounding of 30 products


@pytest.mark.parametrize("whole", WHOLE)
@pytest.mark.parametrize("rescale", [False, True])
def test_parameters_of_zero_take_nothing_away(whole, rescale):
    gradient = tree(4)
    zeros = jax.tree.map(jnp.zeros_like, gradient)
    found = project_orthogonal(gradient, zeros, whole=whole, rescale=rescale)
    np.testing.assert_allclose(flat(found), flat(gradient), rtol=1e-15, atol=0)  # it is divided by its size, and back
    for one in jax.tree.leaves(project_orthogonal(zeros, gradient, whole=whole, rescale=rescale)):
        np.testing.assert_array_equal(one, 0)
    # a layer that starts at 0 among others that do not
    part = {"layers": [(zeros["layers"][0][0], None), gradient["layers"][1]]}
    mixed = project_orthogonal(gradient, part, whole=whole)["layers"]
    np.testing.assert_allclose(mixed[0][0], gradient["layers"][0][0], rtol=1e-15, atol=0)
    np.testing.assert_allclose(flat(mixed[1]), 0, rtol=0, atol=1e-15)


@pytest.mark.parametrize("rescale", [False, True])
def test_a_tensor_of_one_number_has_no_other_direction(rescale):
    found = project_orthogonal(np.array([0.3]), np.array([-7.1]), whole="tensor", rescale=rescale)
    np.testing.assert_array_equal(found, 0)


def test_tensors_of_different_precision_are_projected_one_by_one():
    gradient = [jnp.array([1.0, 2.0], "float32"), jnp.array([1.0, 2.0])]
    found = project_orthogonal(gradient, [2 * gradient[0], gradient[1][::-1]], whole="tensor")
    np.testing.assert_array_equal(found[0], 0)
    # (1, 2) less four fifths of (2, 1)
    np.testing.assert_allclose(found[1], [-0.6, 1.2], rtol=0, atol=1e-15)  # rounding


def test_half_precision_has_room_for_gradients_below_its_normal_numbers():
    # 6e-8 is float16's smallest number; its reciprocal is infinite
    gradient = jnp.array([3e-6, 1e-6], "float16")
    found = project_orthogonal(gradient, jnp.array([0.0, 1e-6], "float16"))
    np.testing.assert_allclose(found.astype(float), [3e-6, 0], rtol=0, atol=6e-8)  # the spacing there
    cosine = naive_loss_minimisation_cosine(gradient, gradient)
    # the unit is 2^-14, so that the square of a twentieth has eight digits
    assert float(cosine) == pytest.approx(-1, abs=1e-2)


@pytest.mark.parametrize(("dtype", "size"), [("float64", 1), ("float32", 1), ("float32", 1e-25), ("float32", 1e25)])
def test_lengths_and_cosines(dtype, size):
    gradient, parameters = tree(5, dtype, size), tree(6, dtype)
    g, w = flat(gradient, parameters)
    eps = float(jnp.finfo(dtype).eps)  # rounding of sums over 45 products: less than 20 times this
    assert float(norm(gradient)) == pytest.approx(np.linalg.norm(g), rel=20 * eps)
    expected = -(g @ w) / (np.linalg.norm(g) * np.linalg.norm(w))
    assert float(naive_loss_minimisation_cosine(gradient, parameters)) == pytest.approx(expected, abs=20 * eps)
    along = jax.tree.map(lambda x: -3 * x, parameters)
    assert float(naive_loss_minimisation_cosine(along, parameters)) == pytest.approx(1, abs=20 * eps)
    if size == 1:
        assert float(inner(gradient, parameters)) == pytest.approx(g @ w, abs=400 * eps)


def test_zero_has_no_direction_and_no_length():
    some = tree(7)
    zeros = jax.tree.map(jnp.zeros_like, some)
    assert norm(zeros) == 0
    assert naive_loss_minimisation_cosine(zeros, some) == 0
    assert naive_loss_minimisation_cosine(some, zeros) == 0


def test_compiled_and_mapped():
    gradients, parameters = [jax.tree.map(lambda x: jnp.stack([x, 2 * x + 1]), tree(k)) for k in (8, 9)]
    found = jax.jit(jax.vmap(project_orthogonal))(gradients, parameters)
    for k in range(2):
        ours, its, theirs = ([leaf[k] for leaf in jax.tree.leaves(t)] for t in (found, gradients, parameters))
        # the order of the sums may change
        np.testing.assert_allclose(flat(ours), flat(project_orthogonal(its, theirs)), rtol=0, atol=1e-14)


@pytest.mark.parametrize("widths", [(3, 4), (3, 6, 4), (3, 6, 5, 4)])
@pytest.mark.parametrize("name", LOSSES)
def test_eulers_identity_on_a_network_of_relus(widths, name):
    draw = np.random.default_rng(10)
    layers = [jnp.asarray(draw.normal(size=shape)) for shape in pairwise(widths)]
    inputs, labels = jnp.asarray(draw.normal(size=(7, 3))), draw.integers(0, 4, size=7)

    def network(layers):
        hidden = inputs
        for weights in layers[:-1]:
            hidden = jnp.maximum(hidden @ weights, 0)
        return hidden @ layers[-1]

    def loss(logits):
        return jnp.mean(LOSSES[name](logits, labels))

    gradient = jax.grad(lambda layers: loss(network(layers)))(layers)
    logits = network(layers)
    slopes = len(inputs) * jax.grad(loss)(logits)
    along = sum(np.sum(np.asarray(g) * np.asarray(w)) for g, w in zip(gradient, layers, strict=True))
    found = float(radial_slope(logits, slopes, degree=len(layers)))
    # rounding of some hundred products of size 1; the spherical loss does not change along the weights, so both are 0
    assert found == pytest.approx(along, rel=1e-12, abs=1e-13)
    assert (abs(found) < 1e-13) == (name == "spherical_z")


def test_refuses_what_has_no_meaning():
    with pytest.raises(ValueError, match="whole must be one of 'tensor', 'tree', got 'layer'"):
        project_orthogonal(np.ones(2), np.ones(2), whole="layer")
    with pytest.raises(ValueError, match="degree must be a whole number of at least 1, got 0"):
        radial_slope(jnp.ones((1, 2)), jnp.ones((1, 2)), degree=0)
