"""The data sets: what is true of which item, and what a tree correlates."""

from itertools import product

import jax
import numpy as np
import pytest

from solvable.deep_linear.experiment import branching_dataset, hierarchical_dataset


def test_items_share_more_the_closer_they_are():
    data = hierarchical_dataset()
    # properties in common: 3 with oneself, 2 with the sibling, 1 with the cousins
    expected = [[3, 2, 1, 1], [2, 3, 1, 1], [1, 1, 3, 2], [1, 1, 2, 3]]
    np.testing.assert_array_equal(data.targets.T @ data.targets, expected)
    np.testing.assert_array_equal(data.inputs @ data.inputs.T, np.eye(4))
    assert data.targets.shape == (len(data.properties), len(data.items))


def test_names_fit_the_numbers():
    data = hierarchical_dataset()
    says = {
        item: {p for p, true in zip(data.properties, column, strict=True) if true}
        for item, column in zip(data.items, data.targets.T, strict=True)
    }
    assert says == {
        "canary": {"grows", "moves", "flies"},
        "salmon": {"grows", "moves", "swims"},
        "oak": {"grows", "has roots", "has leaves"},
        "rose": {"grows", "has roots", "has petals"},
    }


def test_modes_are_a_singular_value_decomposition():
    data = hierarchical_dataset()
    np.testing.assert_allclose(data.s, np.linalg.svd(data.targets, compute_uv=False), rtol=1e-14)  # rounding
    for vectors in (data.u, data.v):
        np.testing.assert_allclose(vectors.T @ vectors, np.eye(4), atol=1e-15)
    np.testing.assert_allclose(data.u * data.s @ data.v.T, data.targets, atol=1e-15)


def test_equal_modes_are_the_named_contrasts():
    v = hierarchical_dataset().v
    np.testing.assert_array_equal(np.sign(v[:, 2]), [1, -1, 0, 0])
    np.testing.assert_array_equal(np.sign(v[:, 3]), [0, 0, 1, -1])


def test_a_tree_without_flips_is_one_item(key):
    signs = branching_dataset(3, 2, 0.0, 50, key=key)
    assert signs.shape == (50, 8)
    np.testing.assert_array_equal(signs, signs[:, :1] * np.ones(8))
    assert set(np.unique(signs)) == {-1.0, 1.0}


def test_a_tree_that_always_flips_alternates_with_depth(key):
    for levels in (2, 3):
        signs = branching_dataset(levels, 2, 1.0, 20, key=key)
        np.testing.assert_array_equal(signs, signs[:, :1] * np.ones(2**levels))


def test_leaves_correlate_as_far_as_their_common_ancestor(key):
    levels, branching, flip, features = 3, 2, 0.15, 40_000
    signs = branching_dataset(levels, branching, flip, features, key=key)
    correlations = signs.T @ signs / features
    # by counting: the signs of two leaves agree unless an odd number of the edges between them flipped
    for i, j in product(range(branching**levels), repeat=2):
        up = next(k for k in range(levels + 1) if i // branching**k == j // branching**k)
        agree = sum(
            np.prod([flip if f else 1 - flip for f in flips]) * (-1) ** sum(flips)
            for flips in product((0, 1), repeat=2 * up)
        )
        # standard deviation of a correlation is below 1/sqrt(40000) = 0.005; 36 pairs stay within 4 of them
        assert correlations[i, j] == pytest.approx(agree, abs=0.02)


def test_the_same_key_grows_the_same_tree():
    one, same, other = (branching_dataset(2, 3, 0.3, 9, key=jax.random.key(k)) for k in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_the_draw_does_not_depend_on_the_precision(key):
    wide = branching_dataset(2, 2, 0.3, 9, key=key)
    with jax.enable_x64(False):
        np.testing.assert_array_equal(branching_dataset(2, 2, 0.3, 9, key=key), wide)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 2, 0.1, 5), "levels must be a whole number of at least 1, got 0"),
        ((2, 0, 0.1, 5), "branching must be a whole number of at least 1, got 0"),
        ((2, 2, 1.5, 5), r"flip_probability must be between 0.0 and 1.0, got 1.5"),
        ((2, 2, float("nan"), 5), "flip_probability must be between"),
        ((2, 2, 0.1, 0), "features must be a whole number of at least 1, got 0"),
    ],
)
def test_rejects_impossible_trees(arguments, message, key):
    with pytest.raises(ValueError, match=message):
        branching_dataset(*arguments, key=key)
