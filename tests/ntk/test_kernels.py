"""Kernels of infinitely wide networks: the textbook recursion in many digits, and what every kernel has to be."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from solvable.ntk import reference_kernels
from solvable.ntk.theory import kernel_alignment, nngp_and_ntk, relative_kernel_change


def leaky(z):
    return jnp.where(z > 0, z, 0.2 * z)


def square(z):
    return z**2


ACTIVATIONS = {"relu": "relu", "erf": "erf", "linear": "linear", "tanh": jnp.tanh, "sine": jnp.sin, "leaky": leaky}
GAINS = [(1.0, 0.1), (2**0.5, 0.0), (1.5, 0.3)]


def inputs(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def textbook_means(activation, k11, k22, k12):
    """As printed in papers, with inverse cosines and sines: right in many digits, wrong in sixteen."""
    pi = mpmath.pi
    if activation == "linear":
        return k12, mpmath.mpf(1)
    if activation == "sine":
        plus, minus = mpmath.exp(-(k11 + k22) / 2 - k12), mpmath.exp(-(k11 + k22) / 2 + k12)
        return (minus - plus) / 2, (minus + plus) / 2
    if activation == "relu":
        size = mpmath.sqrt(k11 * k22)
        cosine = max(min(k12 / size, mpmath.mpf(1)), mpmath.mpf(-1))
        theta = mpmath.acos(cosine)
        return size * (mpmath.sin(theta) + (pi - theta) * cosine) / (2 * pi), (pi - theta) / (2 * pi)
    size = (1 + 2 * k11) * (1 + 2 * k22)
    return 2 / pi * mpmath.asin(2 * k12 / mpmath.sqrt(size)), 4 / pi / mpmath.sqrt(size - 4 * k12**2)


def textbook_kernels(x1, x2, hidden_layers, activation, sigma_w, sigma_b):
    """The recursion for one pair of inputs after another, in 50 digits."""

    def pair(a, b):
        w, bias = mpmath.mpf(sigma_w) ** 2, mpmath.mpf(sigma_b) ** 2

        def first(u, v):
            return w * mpmath.fdot(zip(map(mpmath.mpf, u), map(mpmath.mpf, v), strict=True)) / len(u) + bias

        k11, k22, k12 = first(a, a), first(b, b), first(a, b)
        theta = k12
        for _ in range(hidden_layers):
            kappa, dot = textbook_means(activation, k11, k22, k12)
            k11, k22 = (w * textbook_means(activation, k, k, k)[0] + bias for k in (k11, k22))
            k12 = w * kappa + bias
            theta = w * dot * theta + k12
        return float(k12), float(theta)

    with mpmath.workdps(50):
        table = np.array([[pair(map_a, map_b) for map_b in x2.tolist()] for map_a in x1.tolist()])
    return table[..., 0], table[..., 1]


@pytest.mark.parametrize("hidden_layers", [0, 1, 2, 3])
@pytest.mark.parametrize("name", ["relu", "erf", "linear"])
def test_kernels_are_those_of_the_textbook_in_many_digits(name, hidden_layers):
    x = inputs(4, 3)
    for sigma_w, sigma_b in GAINS:
        found = nngp_and_ntk(x, hidden_layers=hidden_layers, activation=name, sigma_w=sigma_w, sigma_b=sigma_b)
        for kernel, expected in zip(found, textbook_kernels(x, x, hidden_layers, name, sigma_w, sigma_b), strict=True):
            # some roundings a layer, relative to the largest entry
            np.testing.assert_allclose(kernel, expected, rtol=0, atol=1e-13 * expected.max())


@pytest.mark.parametrize("hidden_layers", [1, 2, 3])
def test_kernels_of_a_function_are_those_of_the_textbook_too(hidden_layers):
    x = inputs(4, 3)
    for sigma_w, sigma_b in GAINS:
        found = nngp_and_ntk(x, hidden_layers=hidden_layers, activation=jnp.sin, sigma_w=sigma_w, sigma_b=sigma_b)
        expected = textbook_kernels(x, x, hidden_layers, "sine", sigma_w, sigma_b)
        for kernel, one in zip(found, expected, strict=True):
            # rounding of hundreds of terms, of both signs
            np.testing.assert_allclose(kernel, one, rtol=0, atol=1e-13 * one.max())


@pytest.mark.parametrize("name", ["relu", "erf"])
def test_other_inputs_give_the_textbook_too(name):
    x, z = inputs(4, 3), inputs(3, 3, seed=1)
    found = nngp_and_ntk(x, z, hidden_layers=2, activation=ACTIVATIONS[name], sigma_w=1.5, sigma_b=0.3)
    assert found.ntk.shape == (4, 3)
    for kernel, expected in zip(found, textbook_kernels(x, z, 2, name, 1.5, 0.3), strict=True):
        np.testing.assert_allclose(kernel, expected, rtol=0, atol=1e-13 * np.abs(expected).max())


@pytest.mark.parametrize("hidden_layers", [0, 1, 3, 6])
def test_relu_of_gain_two_keeps_norms_and_adds_one_a_layer(hidden_layers):
    x = inputs(6, 5)
    size = 2 * np.sum(x**2, axis=1) / 5
    kernels = nngp_and_ntk(x, hidden_layers=hidden_layers, activation="relu", sigma_w=2**0.5, sigma_b=0.0)
    # derived: E[relu^2] is half of the variance and E[relu'^2] one half; a few roundings a layer
    np.testing.assert_allclose(np.diag(kernels.nngp), size, rtol=1e-13)
    np.testing.assert_allclose(np.diag(kernels.ntk), (hidden_layers + 1) * size, rtol=1e-13)


@pytest.mark.parametrize("name", ["relu", "erf", "linear", "tanh"])
def test_kernels_to_other_inputs_are_blocks_of_the_joint_kernel(name):
    x, z = inputs(5, 3), inputs(4, 3, seed=1)
    settings = {"hidden_layers": 2, "activation": ACTIVATIONS[name], "sigma_w": 1.3, "sigma_b": 0.2}
    joint = nngp_and_ntk(np.concatenate([x, z]), **settings)
    for kernel, block in zip(nngp_and_ntk(x, z, **settings), joint, strict=True):
        # the same formulas on variances of other roundings
        np.testing.assert_allclose(kernel, block[:5, 5:], rtol=0, atol=1e-13 * np.abs(block).max())


@pytest.mark.parametrize("name", ["relu", "erf", "tanh"])
def test_kernels_do_not_see_a_rotation(name):
    x = inputs(6, 4)
    turn = np.linalg.qr(inputs(4, 4, seed=2))[0]
    settings = {"hidden_layers": 3, "activation": ACTIVATIONS[name], "sigma_w": 1.5, "sigma_b": 0.1}
    for kernel, turned in zip(nngp_and_ntk(x, **settings), nngp_and_ntk(x @ turn, **settings), strict=True):
        # inner products of other roundings; six Gaussian inputs are nowhere near each other
        np.testing.assert_allclose(kernel, turned, rtol=0, atol=1e-13 * kernel.max())


ENTRIES = st.floats(-3, 3) | st.sampled_from([0.0, 1.0, -1.0, 1e-8, 1.0 + 2**-52, 5e-324])


@settings(max_examples=60)
@given(
    x=arrays(float, (5, 2), elements=ENTRIES),
    name=st.sampled_from(["relu", "erf", "tanh"]),
    bias=st.sampled_from([0.0, 0.1]),
)
def test_kernels_are_symmetric_and_positive_semidefinite(x, name, bias):
    # variances of 4.5 at most: tanh of parallel inputs is refused from about 9 on
    kernels = nngp_and_ntk(x, hidden_layers=2, activation=ACTIVATIONS[name], sigma_w=0.7, sigma_b=bias)
    # a few roundings a layer, or hundreds. ReLU's slope has the corner of an angle: inputs that differ by roundings are
    # off by the root of a rounding, 1e-8
    for kernel, rounding in zip(kernels, (1e-13, 1e-7 if name == "relu" else 1e-13), strict=True):
        kernel = np.asarray(kernel)
        scale = np.abs(kernel).max()
        assert np.isfinite(kernel).all()
        np.testing.assert_allclose(kernel, kernel.T, rtol=0, atol=rounding * scale)
        assert np.linalg.eigvalsh(kernel)[0] >= -5 * rounding * scale


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_input_that_occurs_twice_has_equal_rows(name):
    x = inputs(7, 5)
    x = np.concatenate([x, x[::-1]])
    for kernel in nngp_and_ntk(x, hidden_layers=3, activation=ACTIVATIONS[name], sigma_w=1.4, sigma_b=0.1):
        # "an input knows that it coincides with itself", wherever its copy stands: a rounding, not the root of one
        np.testing.assert_allclose(kernel, kernel[::-1], rtol=0, atol=1e-14 * np.abs(kernel).max())


def test_relu_is_off_by_the_root_of_a_rounding_only_where_the_other_inputs_are_the_same():
    x = inputs(7, 5)
    settings = {"hidden_layers": 3, "activation": "relu", "sigma_w": 1.4, "sigma_b": 0.1}
    alone, against = nngp_and_ntk(x, **settings), nngp_and_ntk(x, x, **settings)
    beside = ~np.eye(7, dtype=bool)
    np.testing.assert_allclose(against.ntk[beside], alone.ntk[beside], rtol=0, atol=1e-13 * alone.ntk.max())
    # an angle of the root of a rounding, 1.5e-8, some of them over three layers
    np.testing.assert_allclose(against.ntk, alone.ntk, rtol=0, atol=1e-7 * alone.ntk.max())
    np.testing.assert_allclose(against.nngp, alone.nngp, rtol=0, atol=1e-13 * alone.nngp.max())


@pytest.mark.parametrize("name", ["relu", "erf", "linear", "tanh"])
def test_an_input_of_zeros_is_answered(name):
    x = np.stack([np.zeros(3), [1.0, 2.0, -1.0], np.zeros(3)])
    bare = nngp_and_ntk(x, hidden_layers=2, activation=ACTIVATIONS[name], sigma_w=1.5, sigma_b=0.0)
    for kernel in bare:
        # odd activations and ReLU give 0 at 0, whatever the weights
        np.testing.assert_array_equal(kernel[0], 0)
        np.testing.assert_array_equal(kernel[:, 2], 0)
    biased = nngp_and_ntk(x, hidden_layers=2, activation=ACTIVATIONS[name], sigma_w=1.5, sigma_b=0.3)
    assert np.isfinite(biased.ntk).all()
    np.testing.assert_allclose(biased.ntk[0], biased.ntk[2], rtol=1e-14)


def test_no_inputs_and_one_input_are_answered():
    settings = {"hidden_layers": 1, "activation": "erf"}
    assert nngp_and_ntk(np.zeros((0, 3)), **settings).ntk.shape == (0, 0)
    assert nngp_and_ntk(np.ones((2, 3)), np.zeros((0, 3)), **settings).ntk.shape == (2, 0)
    assert nngp_and_ntk(np.ones((1, 1)), **settings).ntk.shape == (1, 1)


def test_whole_numbers_are_welcome():
    settings = {"hidden_layers": 1, "activation": "relu", "sigma_w": 1, "sigma_b": 0}
    whole = nngp_and_ntk(np.array([[1, 2], [3, -1]]), **settings)
    assert whole.ntk.dtype == jnp.float64
    np.testing.assert_array_equal(whole.ntk, nngp_and_ntk(np.array([[1.0, 2.0], [3.0, -1.0]]), **settings).ntk)


@pytest.mark.parametrize("name", ["relu", "erf", "linear", "tanh"])
def test_float32_stays_float32(name):
    x, z = inputs(4, 3), inputs(2, 3, seed=1)
    settings = {"hidden_layers": 2, "activation": ACTIVATIONS[name], "sigma_w": 1.5, "sigma_b": 0.1}
    for pair in [(x, None), (x, z)] if name == "relu" else [(x, None)]:
        single = nngp_and_ntk(*(None if part is None else part.astype(np.float32) for part in pair), **settings)
        for kernel, exact in zip(single, nngp_and_ntk(*pair, **settings), strict=True):
            assert kernel.dtype == jnp.float32
            # tens of roundings of float32, hundreds of both signs for the expansion
            np.testing.assert_allclose(kernel, exact, rtol=0, atol=1e-5 * float(exact.max()))


def central_differences(function, x, step=1e-4):
    slopes = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        shift = np.zeros_like(x)
        shift[index] = step
        near, far = (float(function(x + c * shift) - function(x - c * shift)) for c in (1, 2))
        slopes[index] = (8 * near - far) / (12 * step)
    return slopes


def weighted(activation, weights):
    def total(x, sigma_b=0.3):
        kernels = nngp_and_ntk(x, hidden_layers=2, activation=activation, sigma_w=1.5, sigma_b=sigma_b)
        return jnp.sum(weights * kernels.ntk) + jnp.sum(weights**2 * kernels.nngp)

    return jax.jit(total)


@pytest.mark.parametrize("name", ["relu", "erf", "tanh"])
def test_derivatives_by_the_inputs_are_those_of_differences(name):
    x, weights = inputs(3, 2), inputs(3, 3, seed=1)
    total = weighted(ACTIVATIONS[name], weights)
    # fourth order: 1e-16 times a fifth derivative of order 1000 near the corner, and roundings / step = 1e-12
    np.testing.assert_allclose(jax.grad(total)(x), central_differences(total, x), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["erf", "tanh"])
def test_derivatives_are_right_where_smooth_inputs_coincide(name):
    x, weights = inputs(3, 2), inputs(3, 3, seed=1)
    x[2] = x[0]
    total = weighted(ACTIVATIONS[name], weights)
    # as above; a smooth activation has no corner here
    np.testing.assert_allclose(jax.grad(total)(x), central_differences(total, x), rtol=0, atol=1e-9)


def test_derivatives_of_relu_are_those_of_the_diagonal_where_inputs_coincide():
    x = np.array([[0.6, -0.8], [0.6, -0.8]])
    settings = {"hidden_layers": 2, "activation": "relu", "sigma_w": 2**0.5, "sigma_b": 0.0}
    slope = jax.grad(lambda x: nngp_and_ntk(x, **settings).ntk[0, 1])(x)
    # on the diagonal the kernel is (H + 1) |x|^2, by x and x' each: half of its gradient, 3 x
    np.testing.assert_allclose(slope, 3 * x, rtol=1e-13)
    np.testing.assert_allclose(jax.grad(lambda x: nngp_and_ntk(x, **settings).ntk[0, 0])(x)[0], 6 * x[0], rtol=1e-13)


@pytest.mark.parametrize("name", ["relu", "erf", "tanh", "leaky"])
def test_derivatives_are_finite_at_coincident_opposite_and_zero_inputs(name):
    x = np.array([[1.0, 2.0], [1.0, 2.0], [-1.0, -2.0], [0.0, 0.0], [0.0, 0.0], [2.0, 4.0]])
    slopes = jax.jit(jax.value_and_grad(weighted(ACTIVATIONS[name], np.ones((len(x), len(x))))))
    for bias in (0.0, 0.2):
        value, slope = slopes(x, bias)
        assert np.isfinite(value)
        assert np.isfinite(slope).all()


def test_derivatives_by_the_scales_are_those_of_differences():
    x = inputs(3, 2)

    def total(sigmas):
        kernels = nngp_and_ntk(x, hidden_layers=2, activation="erf", sigma_w=sigmas[0], sigma_b=sigmas[1])
        return jnp.sum(kernels.ntk)

    sigmas = np.array([1.5, 0.3])
    # fourth order, as above
    np.testing.assert_allclose(
        jax.grad(total)(jnp.asarray(sigmas)), central_differences(total, sigmas), rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_kernels_may_be_jitted_and_mapped(name):
    batch = inputs(3, 4, 2)
    settings = {"hidden_layers": 2, "activation": ACTIVATIONS[name], "sigma_w": 1.5}
    mapped = jax.jit(jax.vmap(lambda x: nngp_and_ntk(x, **settings)))(batch)
    for index, x in enumerate(batch):
        for kernel, alone in zip(mapped, nngp_and_ntk(x, **settings), strict=True):
            # other roundings of the same operations; the diagonal stays exact however it is compiled
            np.testing.assert_allclose(kernel[index], alone, rtol=0, atol=1e-13 * alone.max())


def test_a_quadratic_network_knows_five_functions_on_the_circle():
    angles = np.sort(np.random.default_rng(3).uniform(-np.pi, np.pi, 12))
    x = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    kernels = nngp_and_ntk(x, hidden_layers=1, activation=square, sigma_w=1.2, sigma_b=0.4)
    cosines = np.cos(angles[:, None] - angles[None])
    first = 1.2**2 * cosines / 2 + 0.4**2
    variance = 1.2**2 / 2 + 0.4**2
    # Isserlis: E[u^2 v^2] = k11 k22 + 2 k12^2 and E[2u 2v] = 4 k12; rounding of hundreds of terms
    nngp = 1.2**2 * (variance**2 + 2 * first**2) + 0.4**2
    ntk = 1.2**2 * 4 * first * first + nngp
    np.testing.assert_allclose(kernels.nngp, nngp, rtol=1e-13)
    np.testing.assert_allclose(kernels.ntk, ntk, rtol=1e-13)
    for kernel in kernels:
        values = np.linalg.eigvalsh(np.asarray(kernel))[::-1]
        # 1, cos, sin, cos 2, sin 2: the five are seen, and the others are rounding of the largest
        assert values[4] > 1e-3 * values[0]
        assert np.abs(values[5:]).max() < 1e-13 * values[0]


def test_a_function_with_a_kink_is_refused_only_where_inputs_are_too_close():
    x = np.array([[1.0, 0.0], [0.0, 1.0], [0.8, 0.6]])
    settings = {"hidden_layers": 1, "activation": leaky, "sigma_b": 0.0}
    assert np.isfinite(nngp_and_ntk(x, **settings).ntk).all()
    # coincident inputs are exact
    assert np.isfinite(nngp_and_ntk(np.concatenate([x, x]), **settings).ntk).all()
    for close in ([1.0, 1e-3], [-1.0, 1e-3]):
        with pytest.raises(ValueError, match=r"activation must be smooth enough .* close to each other"):
            nngp_and_ntk(np.concatenate([x, [close]]), **settings)


def test_a_function_that_overflows_is_refused_rather_than_answered_by_nan():
    with pytest.raises(ValueError, match="activation must be smooth enough"):
        nngp_and_ntk(np.array([[100.0, 200.0], [200.0, 100.0]]), hidden_layers=1, activation=jnp.exp)


BAD = {
    "not a number": ({"x1": np.array([[np.nan, 1.0]])}, r"x1 must be finite, got nan at index \(0, 0\)"),
    "infinite": ({"x2": np.array([[1.0, np.inf]])}, r"x2 must be finite, got inf at index \(0, 1\)"),
    "one axis": ({"x1": np.ones(2)}, r"x1 must have shape \(any, any\), got \(2,\)"),
    "another dimension": ({"x2": np.ones((4, 3))}, r"x2 must have shape \(any, 2\), got \(4, 3\)"),
    "no scale": ({"sigma_w": 0.0}, r"sigma_w must be positive, got 0\.0"),
    "negative scale": ({"sigma_w": -1.0}, "sigma_w must be positive"),
    "negative bias": ({"sigma_b": -0.1}, r"sigma_b must be non-negative, got -0\.1"),
    "infinite bias": ({"sigma_b": np.inf}, "sigma_b must be non-negative"),
    "negative depth": ({"hidden_layers": -1}, "hidden_layers must be a whole number of at least 0, got -1"),
    "half a layer": ({"hidden_layers": 1.5}, "hidden_layers must be a whole number of at least 0"),
    "unknown name": ({"activation": "swish"}, "activation must be one of 'relu', 'erf', 'linear', got 'swish'"),
}


@pytest.mark.parametrize("case", BAD)
def test_refuses_what_it_cannot_answer(case):
    wrong, message = BAD[case]
    arguments = {"x1": np.ones((1, 2)), "x2": np.ones((1, 2)), "hidden_layers": 1, "activation": "relu"} | wrong
    # outside this suite nothing checks types: the function itself has to refuse
    with pytest.raises(ValueError, match=message):
        nngp_and_ntk.__wrapped__(arguments.pop("x1"), arguments.pop("x2"), **arguments)


def test_kernels_may_be_compared_one_by_one_or_in_batches():
    before, after = inputs(3, 2, 4, 5), inputs(3, 2, 4, 5, seed=1)
    change = relative_kernel_change(before, after)
    assert change.shape == (3, 2)
    for index in np.ndindex(3, 2):
        # |K1 - K0| / |K0| in the plain
        expected = np.sqrt(np.sum((after[index] - before[index]) ** 2)) / np.sqrt(np.sum(before[index] ** 2))
        np.testing.assert_allclose(change[index], expected, rtol=1e-14)
        np.testing.assert_allclose(relative_kernel_change(before[index], after[index]), expected, rtol=1e-14)
    assert relative_kernel_change(before[0, 0].astype(np.float32), after[0, 0].astype(np.float32)).dtype == jnp.float32


def test_alignment_is_the_cosine_to_the_targets_own_kernel():
    root, y = inputs(5, 3), inputs(5, seed=1)
    kernel, ideal = root @ root.T, np.outer(y, y)
    expected = np.sum(kernel * ideal) / np.sqrt(np.sum(kernel**2) * np.sum(ideal**2))
    # a few roundings
    np.testing.assert_allclose(kernel_alignment(kernel, y), expected, rtol=1e-14)
    np.testing.assert_allclose(kernel_alignment(3 * ideal, y), 1.0, rtol=1e-14)
    # one of four equal components holds the whole target; a scale does not matter
    np.testing.assert_allclose(kernel_alignment(7 * np.eye(4), np.array([0, 5, 0, 0])), 0.5, rtol=1e-14)


def test_comparisons_refuse_what_is_not_a_kernel():
    with pytest.raises(ValueError, match="k1 must be finite"):
        relative_kernel_change(np.eye(2), np.full((2, 2), np.nan))
    with pytest.raises(ValueError, match=r"y must have shape \(2.*, got \(3,\)"):
        kernel_alignment.__wrapped__(np.eye(2), np.ones(3))
    with pytest.raises(ValueError, match=r"k must have shape \(2, 2\), got \(2, 3\)"):
        kernel_alignment.__wrapped__(np.ones((2, 3)), np.ones(2))
    with pytest.raises(ValueError, match="y must be finite"):
        kernel_alignment(np.eye(2), np.array([1.0, np.inf]))


@pytest.fixture(scope="module")
def reference():
    return reference_kernels()


def found_and_reference(reference, entry):
    """Ours and theirs, each kernel relative to its largest entry."""
    found = nngp_and_ntk(
        reference.x if entry.between == "tt" else reference.z,
        None if entry.between == "tt" else reference.x,
        hidden_layers=entry.hidden_layers,
        activation=entry.activation,
        sigma_w=entry.sigma_w,
        sigma_b=entry.sigma_b,
    )
    return [
        (np.asarray(ours) / theirs.max(), theirs / theirs.max())
        for ours, theirs in zip(found, (entry.nngp, entry.ntk), strict=True)
    ]


def test_erf_kernels_are_those_of_another_library(reference):
    entries = [entry for entry in reference.entries if entry.activation == "erf"]
    assert {entry.between for entry in entries} == {"tt", "zt"}
    for entry in entries:
        for ours, theirs in found_and_reference(reference, entry):
            # both are rounded to about 1e-15 of the largest entry; measured in many digits
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


def test_relu_kernels_are_those_of_another_library(reference):
    entries = [entry for entry in reference.entries if entry.activation == "relu"]
    assert {entry.between for entry in entries} == {"tt", "zt"}
    norms = [np.linalg.norm(part, axis=1) for part in (reference.x, reference.z)]
    for entry in entries:
        (nngp, their_nngp), (ntk, their_ntk) = found_and_reference(reference, entry)
        np.testing.assert_allclose(nngp, their_nngp, rtol=0, atol=1e-12)
        if entry.between == "tt":
            close = np.eye(len(reference.x), dtype=bool)
        else:
            # without a bias the angle is the inputs' own, and with one it is smaller by no more than a factor of 10:
            # below a correlation of 1 - 1e-6 an angle of 1e-4 at least, known to 1e-16 / 1e-4
            close = reference.z @ reference.x.T > (1 - 1e-6) * norms[1][:, None] * norms[0][None]
        np.testing.assert_allclose(ntk[~close], their_ntk[~close], rtol=0, atol=1e-12)
        # elsewhere theirs, and on zt ours too, have lost the root of a rounding
        apart = 1e-7 if entry.between == "tt" else 1e-9
        np.testing.assert_allclose(ntk[close], their_ntk[close], rtol=0, atol=apart)
