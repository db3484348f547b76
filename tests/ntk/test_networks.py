"""Networks of finite width and their kernels, against loops over single units and differences of single parameters."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvable.ntk import Layer, apply_mlp, empirical_ntk, empirical_ntk_mlp, init_mlp

PARAMETRISATIONS = ["ntk", "standard", "mean_field"]
ACTIVATIONS = {"relu": "relu", "erf": "erf", "linear": "linear", "tanh": jnp.tanh}
PLAIN = {"relu": lambda z: max(z, 0.0), "erf": math.erf, "linear": lambda z: z, "tanh": math.tanh}


def inputs(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


@pytest.mark.parametrize("parametrisation", PARAMETRISATIONS)
def test_layers_join_adjacent_widths(parametrisation, key):
    params = init_mlp((3, 7, 5, 2), key=key, parametrisation=parametrisation)
    assert [layer.weights.shape for layer in params] == [(7, 3), (5, 7), (2, 5)]
    assert [layer.biases.shape for layer in params] == [(7,), (5,), (2,)]
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {np.dtype(float)}
    many = init_mlp((3, 7, 2), key=key, parametrisation=parametrisation, networks=4)
    assert [layer.weights.shape for layer in many] == [(4, 7, 3), (4, 2, 7)]
    assert [layer.biases.shape for layer in many] == [(4, 7), (4, 2)]


def test_a_key_is_a_draw_and_another_key_another(key):
    first, again, other = (init_mlp((3, 4, 2), key=k) for k in (key, key, jax.random.key(9)))
    for a, b, c in zip(*map(jax.tree.leaves, (first, again, other)), strict=True):
        np.testing.assert_array_equal(a, b)
        assert (a != c).all()


def test_a_key_is_a_draw_whatever_the_precision(key):
    wide = init_mlp((3, 4, 2), key=key)
    with jax.enable_x64(False):
        narrow = init_mlp((3, 4, 2), key=key)
        kernel = empirical_ntk_mlp(narrow, jnp.ones((2, 3)), activation="erf")
    for a, b in zip(jax.tree.leaves(wide), jax.tree.leaves(narrow), strict=True):
        assert b.dtype == jnp.float32
        np.testing.assert_array_equal(np.asarray(a, dtype=np.float32), b)
    assert kernel.dtype == jnp.float32


@pytest.mark.parametrize(
    ("parametrisation", "weights", "biases"),
    [("ntk", (1, 1), (1, 1)), ("mean_field", (1, 1), (1, 1)), ("standard", (1.5 / 10, 1.5 / 30), (0.3, 0.3))],
)
def test_entries_have_the_scale_of_their_parametrisation(parametrisation, weights, biases, key):
    params = init_mlp((100, 900, 400), key=key, parametrisation=parametrisation, sigma_w=1.5, sigma_b=0.3)
    for layer, scale_w, scale_b in zip(params, weights, biases, strict=True):
        # a deviation of m numbers is known to 1 / sqrt(2 m), a mean to 1 / sqrt(m), four times that
        for part, scale in ((layer.weights, scale_w), (layer.biases, scale_b)):
            assert abs(part.std() / scale - 1) < 4 / np.sqrt(2 * part.size)
            assert abs(part.mean() / scale) < 4 / np.sqrt(part.size)


def test_networks_of_a_batch_are_independent(key):
    params = init_mlp((40, 30, 1), key=key, networks=2)
    first, second = np.asarray(params[0].weights).reshape(2, -1)
    # 1200 pairs: a correlation of 1 / sqrt(1200), four times that
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(1200)


def plain_mlp(params, x, phi, sigma_w, sigma_b, parametrisation):
    """One input after another, one unit after another."""
    outputs = []
    for one in np.asarray(x):
        h = [float(value) for value in one]
        for index, (weights, biases) in enumerate(params):
            last = index == len(params) - 1
            scale_w, scale_b = sigma_w / math.sqrt(len(h)), sigma_b
            if parametrisation == "standard":
                scale_w = scale_b = 1.0
            elif parametrisation == "mean_field" and last:
                scale_w, scale_b = sigma_w / len(h), sigma_b / math.sqrt(len(h))
            z = [
                scale_w * sum(float(w) * v for w, v in zip(row, h, strict=True)) + scale_b * float(b)
                for row, b in zip(np.asarray(weights), np.asarray(biases), strict=True)
            ]
            h = z if last else [phi(value) for value in z]
        outputs.append(h)
    return np.array(outputs)


@pytest.mark.parametrize("parametrisation", PARAMETRISATIONS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_outputs_are_those_of_plain_loops(name, parametrisation, key):
    scales = {"sigma_w": 1.5, "sigma_b": 0.3}
    x = inputs(4, 3)
    for widths in [(3, 2), (3, 6, 1), (3, 6, 5, 2)]:
        params = init_mlp(widths, key=key, parametrisation=parametrisation, **scales)
        found = apply_mlp(params, x, activation=ACTIVATIONS[name], parametrisation=parametrisation, **scales)
        # sums of six terms of order 1, three times over
        np.testing.assert_allclose(
            found, plain_mlp(params, x, PLAIN[name], 1.5, 0.3, parametrisation), rtol=0, atol=1e-14
        )


def test_standard_and_ntk_parametrisations_are_one_function(key):
    scales = {"sigma_w": 1.5, "sigma_b": 0.3}
    x = inputs(4, 3)
    standard, plain = (init_mlp((3, 6, 5, 2), key=key, parametrisation=p, **scales) for p in ("standard", "ntk"))
    found = apply_mlp(standard, x, activation="erf", parametrisation="standard", **scales)
    # the same draw, scaled once by the parameters and once by the function
    np.testing.assert_allclose(found, apply_mlp(plain, x, activation="erf", **scales), rtol=0, atol=1e-14)


def test_mean_field_is_ntk_over_the_root_of_the_width(key):
    scales = {"sigma_w": 1.5, "sigma_b": 0.3, "activation": "erf"}
    x = inputs(4, 3)
    params = init_mlp((3, 6, 5, 2), key=key)
    # the last hidden layer counts, 5 units; and the kernel is quadratic in the output
    np.testing.assert_allclose(
        apply_mlp(params, x, parametrisation="mean_field", **scales),
        apply_mlp(params, x, **scales) / 5**0.5,
        rtol=1e-14,
    )
    np.testing.assert_allclose(
        empirical_ntk_mlp(params, x, parametrisation="mean_field", **scales),
        empirical_ntk_mlp(params, x, **scales) / 5,
        rtol=1e-13,
    )


def jacobian_by_differences(params, x, **settings):
    """Every output at every input by every parameter in turn, ``(inputs, outputs, parameters)``."""
    leaves, tree = jax.tree.flatten(params)
    sizes = np.cumsum([0, *(leaf.size for leaf in leaves)])
    flat = np.concatenate([np.asarray(leaf).ravel() for leaf in leaves])

    @jax.jit
    @jax.vmap
    def outputs(flat):
        parts = [flat[a:b].reshape(leaf.shape) for a, b, leaf in zip(sizes, sizes[1:], leaves, strict=False)]
        return apply_mlp(jax.tree.unflatten(tree, parts), x, **settings)

    shifts = 1e-3 * np.eye(flat.size)
    near, far = (np.asarray(outputs(flat + c * shifts) - outputs(flat - c * shifts)) for c in (1, 2))
    return np.moveaxis((8 * near - far) / (12 * 1e-3), 0, -1)


@pytest.mark.parametrize("parametrisation", PARAMETRISATIONS)
@pytest.mark.parametrize("widths", [(2, 1), (2, 5, 1), (2, 4, 3, 2), (2, 3, 4, 3, 1)], ids=str)
def test_the_kernel_is_that_of_differences(widths, parametrisation, key):
    settings = {"activation": "erf", "sigma_w": 1.5, "sigma_b": 0.3, "parametrisation": parametrisation}
    x, z = inputs(3, widths[0]), inputs(2, widths[0], seed=1)
    params = init_mlp(widths, key=key, parametrisation=parametrisation, sigma_w=1.5, sigma_b=0.3)
    first, second = (jacobian_by_differences(params, part, **settings) for part in (x, z))
    # fourth order: 1e-12 times a fifth derivative of order 10, and roundings / step = 1e-13; a kernel is of order 10
    for found, pair in [
        (empirical_ntk_mlp(params, x, **settings), (first, first)),
        (empirical_ntk_mlp(params, x, z, **settings), (first, second)),
    ]:
        expected = np.einsum("icp,jcp->ij", *pair) / widths[-1]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["relu", "tanh"])
@pytest.mark.parametrize("widths", [(3, 4), (3, 16, 1), (3, 8, 9, 10, 2)], ids=str)
def test_the_kernel_is_that_of_automatic_differentiation(widths, name, key):
    settings = {"activation": ACTIVATIONS[name], "sigma_w": 1.5, "sigma_b": 0.3}
    x, z = inputs(5, 3), inputs(4, 3, seed=1)
    params = init_mlp(widths, key=key)

    def network(params, x):
        return apply_mlp(params, x, **settings)

    expected = empirical_ntk(network, params, x, z)
    # the same sums in another order: tens of terms, three times over
    size = 1e-13 * float(np.abs(expected).max())
    np.testing.assert_allclose(empirical_ntk_mlp(params, x, z, **settings), expected, rtol=0, atol=size)
    joint = empirical_ntk_mlp(params, jnp.concatenate([x, z]), **settings)
    np.testing.assert_allclose(joint[:5, 5:], expected, rtol=0, atol=size)


@pytest.mark.parametrize("block", [1, 2, 5, 100])
def test_the_kernel_may_be_computed_in_blocks_of_rows(block, key):
    settings = {"activation": "erf", "sigma_w": 1.5, "sigma_b": 0.3}
    x, z = inputs(5, 3), inputs(4, 3, seed=1)
    params = init_mlp((3, 6, 5, 2), key=key)
    for pair in [(x, None), (x, z)]:
        # the same operations on fewer rows
        np.testing.assert_allclose(
            empirical_ntk_mlp(params, *pair, block=block, **settings),
            empirical_ntk_mlp(params, *pair, **settings),
            rtol=0,
            atol=1e-14,
        )


def test_networks_of_a_batch_may_be_mapped(key):
    settings = {"activation": "relu", "sigma_w": 1.4, "sigma_b": 0.1}
    x = inputs(3, 2)
    many = init_mlp((2, 8, 1), key=key, networks=3)
    kernels = jax.jit(jax.vmap(lambda params: empirical_ntk_mlp(params, x, **settings)))(many)
    for index in range(3):
        one = jax.tree.map(lambda leaf, index=index: leaf[index], many)
        np.testing.assert_allclose(kernels[index], empirical_ntk_mlp(one, x, **settings), rtol=1e-13)


def test_the_kernel_may_be_differentiated_by_inputs_and_parameters(key):
    x = inputs(3, 2)
    params = init_mlp((2, 6, 1), key=key)
    slopes = jax.jit(jax.grad(lambda p, x: jnp.sum(empirical_ntk_mlp(p, x, activation="erf")), argnums=(0, 1)))
    found, by_input = slopes(params, x)
    direction = init_mlp((2, 6, 1), key=jax.random.key(5))

    def along(t):
        moved = jax.tree.map(lambda a, b: a + t * b, params, direction)
        return float(jnp.sum(empirical_ntk_mlp(moved, x + t, activation="erf")))

    step = 1e-3
    near, far = (along(c * step) - along(-c * step) for c in (1, 2))
    expected = sum(float(jnp.sum(a * b)) for a, b in zip(*map(jax.tree.leaves, (found, direction)), strict=True))
    # fourth order: 1e-12 times a fifth derivative of order 1000
    np.testing.assert_allclose(expected + float(jnp.sum(by_input)), (8 * near - far) / (12 * step), rtol=0, atol=1e-7)


def test_float32_stays_float32(key):
    params = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), init_mlp((3, 8, 2), key=key))
    x = inputs(4, 3).astype(jnp.float32)
    for activation in ACTIVATIONS.values():
        for parametrisation in PARAMETRISATIONS:
            settings = {"activation": activation, "sigma_w": 1.5, "sigma_b": 0.1, "parametrisation": parametrisation}
            assert apply_mlp(params, x, **settings).dtype == jnp.float32
            assert empirical_ntk_mlp(params, x, **settings).dtype == jnp.float32


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"widths": (3,)}, r"widths must be at least those of input and output, got \(3,\)"),
        ({"widths": (3, 0, 1)}, r"widths must be a whole number of at least 1, got 0 at index \(1,\)"),
        ({"widths": (3, 2.5, 1)}, "widths must be a whole number of at least 1"),
        ({"parametrisation": "mup"}, "parametrisation must be one of 'ntk', 'standard', 'mean_field', got 'mup'"),
        ({"sigma_w": 0.0}, "sigma_w must be positive"),
        ({"sigma_b": -0.1}, "sigma_b must be non-negative"),
        ({"networks": 0}, "networks must be a whole number of at least 1"),
    ],
)
def test_init_refuses_what_is_not_a_network(wrong, message, key):
    with pytest.raises(ValueError, match=message):
        init_mlp.__wrapped__(**({"widths": (3, 4, 1), "key": key} | wrong))


@pytest.mark.parametrize("function", [apply_mlp, empirical_ntk_mlp])
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"activation": "tanh"}, "activation must be one of 'relu', 'erf', 'linear', got 'tanh'"),
        ({"parametrisation": "mup"}, "parametrisation must be one of"),
        ({"sigma_w": -1.0}, "sigma_w must be positive"),
        ({"sigma_b": np.nan}, "sigma_b must be non-negative"),
    ],
)
def test_refuses_what_is_not_a_setting(function, wrong, message):
    params = (Layer(jnp.ones((1, 2)), jnp.ones(1)),)
    with pytest.raises(ValueError, match=message):
        function(params, jnp.ones((3, 2)), **({"activation": "relu"} | wrong))


@pytest.mark.parametrize("block", [0, -1])
def test_refuses_blocks_of_nothing(block):
    params = (Layer(jnp.ones((1, 2)), jnp.ones(1)),)
    with pytest.raises(ValueError, match="block must be a whole number of at least 1"):
        empirical_ntk_mlp(params, jnp.ones((3, 2)), activation="relu", block=block)
