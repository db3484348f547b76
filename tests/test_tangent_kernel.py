"""The tangent kernel of any network, against differences in every single parameter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvable.tangent_kernel import empirical_ntk, kernel_cosine, linearize, ntk_vector_product

RNG = np.random.default_rng(0)
# parameters in a tree of no particular shape, inputs of two axes each, three outputs
PARAMS = {
    "first": (jnp.asarray(RNG.normal(size=(4, 2, 3))), jnp.asarray(RNG.normal(size=4))),
    "second": [jnp.asarray(RNG.normal(size=(3, 4)))],
    "scale": jnp.asarray(1.3),
}
X, Z = (jnp.asarray(RNG.normal(size=(n, 2, 3))) for n in (5, 4))


def network(params, x):
    weights, biases = params["first"]
    h = jnp.tanh(jnp.einsum("nab,hab->nh", x, weights) / 2 + biases)
    return params["scale"] * h @ params["second"][0].T


def single(params, x):
    return network(params, x)[:, :1]


def jacobian_by_differences(function, x):
    """Every output at every input by every parameter in turn, ``(inputs, outputs, parameters)``."""
    leaves, tree = jax.tree.flatten(PARAMS)
    columns = []
    for index, leaf in enumerate(leaves):
        for place in np.ndindex(leaf.shape):

            def at(shift, index=index, leaf=leaf, place=place):
                moved = [*leaves[:index], leaf.at[place].add(shift), *leaves[index + 1 :]]
                return np.asarray(function(jax.tree.unflatten(tree, moved), x))

            near, far = (at(c * 1e-3) - at(-c * 1e-3) for c in (1, 2))
            columns.append((8 * near - far) / (12 * 1e-3))
    return np.stack(columns, axis=-1)


@pytest.fixture(scope="module")
def jacobians():
    compiled = jax.jit(network)
    return tuple(jacobian_by_differences(compiled, x) for x in (X, Z))


# fourth order: 1e-12 times a fifth derivative of order 100, and roundings / step = 1e-13; kernels are of order 10
DIFFERENCES = {"rtol": 0, "atol": 1e-8}


@pytest.mark.parametrize(("method", "block"), [("jacobian", None), ("jacobian", 2), ("ntk_vp", None), ("ntk_vp", 5)])
def test_the_kernel_is_that_of_differences(method, block, jacobians):
    first, second = jacobians
    for others, jacobian in [(None, first), (Z, second)]:
        full = np.einsum("icp,jdp->ijcd", first, jacobian)
        found = empirical_ntk(network, PARAMS, X, others, method=method, block=block, trace_outputs=False)
        assert found.shape == full.shape
        # rows come first, with their outputs: Theta_cd(x, x') is not symmetric in c and d for different inputs
        np.testing.assert_allclose(found, full, **DIFFERENCES)
        mean = empirical_ntk(network, PARAMS, X, others, method=method, block=block)
        np.testing.assert_allclose(mean, np.einsum("ijcc->ij", full) / 3, **DIFFERENCES)


def test_methods_and_blocks_give_one_kernel():
    expected = empirical_ntk(network, PARAMS, X, Z, trace_outputs=False)
    # tens of terms of order 1 in another order
    for method, block in [("jacobian", 1), ("jacobian", 3), ("jacobian", 100), ("ntk_vp", None), ("ntk_vp", 100)]:
        found = empirical_ntk(network, PARAMS, X, Z, method=method, block=block, trace_outputs=False)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


def test_one_output_is_a_block_of_all(jacobians):
    alone = empirical_ntk(single, PARAMS, X, trace_outputs=False)
    assert alone.shape == (5, 5, 1, 1)
    np.testing.assert_allclose(alone[..., 0, 0], jacobians[0][:, 0] @ jacobians[0][:, 0].T, **DIFFERENCES)
    np.testing.assert_array_equal(empirical_ntk(single, PARAMS, X), alone[..., 0, 0])


def test_the_kernel_is_symmetric_and_positive_semidefinite():
    full = np.asarray(empirical_ntk(network, PARAMS, X, trace_outputs=False)).transpose(0, 2, 1, 3).reshape(15, 15)
    np.testing.assert_allclose(full, full.T, rtol=0, atol=1e-13)
    assert np.linalg.eigvalsh(full)[0] > -1e-13


@pytest.mark.parametrize("others", [None, Z], ids=["same", "others"])
def test_the_product_with_a_vector_is_that_of_the_matrix(others, jacobians):
    columns = jacobians[0] if others is None else jacobians[1]
    vector = np.random.default_rng(1).normal(size=columns.shape[:2])
    expected = np.einsum("icp,jdp,jd->ic", jacobians[0], columns, vector)
    product = jax.jit(ntk_vector_product(network, PARAMS, X, others))
    np.testing.assert_allclose(product(jnp.asarray(vector)), expected, **DIFFERENCES)


def shifted(scale, seed=2):
    """A direction in parameters, and the parameters moved along it."""
    rng = np.random.default_rng(seed)
    direction = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape)), PARAMS)
    return direction, jax.tree.map(lambda a, b: a + scale * b, PARAMS, direction)


def test_the_linear_model_touches_the_network_at_the_start(jacobians):
    linear = linearize(network, PARAMS)
    np.testing.assert_array_equal(linear(PARAMS, X), network(PARAMS, X))
    direction, moved = shifted(1.0)
    flat = np.concatenate([np.asarray(leaf).ravel() for leaf in jax.tree.leaves(direction)])
    # not a small step: the model is linear, and its slope is the network's
    np.testing.assert_allclose(linear(moved, X), network(PARAMS, X) + jacobians[0] @ flat, **DIFFERENCES)
    _, far = shifted(-7.0)
    np.testing.assert_allclose(linear(far, X), network(PARAMS, X) - 7 * jacobians[0] @ flat, rtol=0, atol=1e-7)


def test_the_linear_model_keeps_its_kernel_wherever_it_goes():
    linear = linearize(network, PARAMS)
    expected = empirical_ntk(network, PARAMS, X)
    # the same gradients, of parameters that do not enter
    np.testing.assert_allclose(empirical_ntk(linear, shifted(3.0)[1], X), expected, rtol=0, atol=1e-13)
    assert np.abs(empirical_ntk(network, shifted(3.0)[1], X) - expected).max() > 0.1


def test_the_network_leaves_its_linear_model_by_the_square_of_the_step():
    linear = linearize(network, PARAMS)
    gaps = [np.abs(linear(shifted(s)[1], X) - network(shifted(s)[1], X)).max() for s in (1e-3, 1e-4)]
    # a hundredfold for a tenth, up to the next order
    np.testing.assert_allclose(gaps[0] / gaps[1], 100, rtol=0.05)


def test_float32_stays_float32():
    params = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), PARAMS)
    x = X.astype(jnp.float32)
    for method in ("jacobian", "ntk_vp"):
        assert empirical_ntk(network, params, x, method=method).dtype == jnp.float32
    assert linearize(network, params)(params, x).dtype == jnp.float32


def test_parameters_and_inputs_may_be_traced():
    expected = empirical_ntk(network, PARAMS, X, Z)
    found = jax.jit(lambda params, x: empirical_ntk(network, params, x, Z))(PARAMS, X)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)
    mapped = jax.vmap(lambda scale: empirical_ntk(network, PARAMS | {"scale": scale}, X))(jnp.array([1.3, 2.6]))
    np.testing.assert_allclose(mapped[0], empirical_ntk(network, PARAMS, X), rtol=0, atol=1e-13)


def test_other_parameters_of_the_same_function_give_another_kernel():
    # what is compiled once must not remember the parameters
    first, second = (empirical_ntk(network, PARAMS | {"scale": jnp.asarray(s)}, X) for s in (0.0, 1.0))
    assert np.abs(first - second).max() > 0.1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"method": "structured"}, "method must be one of 'jacobian', 'ntk_vp', got 'structured'"),
        ({"block": 0}, "block must be a whole number of at least 1, got 0"),
        ({"block": -2}, "block must be a whole number of at least 1"),
    ],
)
def test_refuses_what_is_not_a_way_to_compute_it(wrong, message):
    with pytest.raises(ValueError, match=message):
        empirical_ntk(network, PARAMS, X, **wrong)


def test_the_cosine_is_that_of_all_entries():
    a, b = np.random.default_rng(3).normal(size=(2, 4, 3, 3))
    expected = [np.vdot(p, q) / np.sqrt(np.vdot(p, p) * np.vdot(q, q)) for p, q in zip(a, b, strict=True)]
    np.testing.assert_allclose(kernel_cosine(a, b), expected, rtol=0, atol=1e-15)
    np.testing.assert_allclose(kernel_cosine(a, -2 * a[:1])[0], -1.0, rtol=1e-15)
