"""Losses: against fifty digits and against NumPy, their derivatives, their invariances, and where they end."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from solvable.softmax_collapse.theory.losses import (
    LOSSES,
    checked,
    softmax_cross_entropy,
    softmax_cross_entropy_log1p,
    spherical_z_loss,
    stablemax,
    stablemax_collapse_scale,
    stablemax_cross_entropy,
    stablemax_logits,
    stablemax_weights,
    taylor_softmax,
    taylor_softmax_cross_entropy,
    z_loss,
)

CROSS_ENTROPIES = (softmax_cross_entropy, softmax_cross_entropy_log1p)
DTYPES = ("bfloat16", "float16", "float32", "float64")
# of both signs, with zeros, some right and some wrong, some by far
LOGITS = np.random.default_rng(0).normal(size=(3, 4, 5)) * np.array([0.3, 2.0, 9.0])[:, None, None]
LOGITS[0, 0, :3] = [0.0, 1.0, -1.0]
LABELS = np.random.default_rng(1).integers(0, 5, size=(3, 4))
EACH = list(np.ndindex(LABELS.shape))


def s(x):
    return x + 1 if x >= 0 else 1 / (1 - x)


def minus_log_share(weights, label):
    return mpmath.log(mpmath.fsum(weights) / weights[label])


def spherical(z, label, a, b):
    mean = mpmath.fsum(z) / len(z)
    deviation = mpmath.sqrt(mpmath.fsum((x - mean) ** 2 for x in z) / len(z))
    return mpmath.log1p(mpmath.exp(a * (b - (z[label] - mean) / deviation))) / a


REFERENCES = {
    "softmax": lambda z, y: minus_log_share([mpmath.exp(x) for x in z], y),
    "softmax_log1p": lambda z, y: minus_log_share([mpmath.exp(x) for x in z], y),
    "stablemax": lambda z, y: minus_log_share([s(x) for x in z], y),
    "taylor": lambda z, y: minus_log_share([1 + x + x**2 / 2 for x in z], y),
    "spherical_z": lambda z, y: spherical(z, y, mpmath.mpf("0.1"), 10),
}


def reference(name, logits, labels):
    with mpmath.workdps(50):
        rows = [[mpmath.mpf(float(x)) for x in logits[place]] for place in EACH]
        return np.array([float(REFERENCES[name](z, labels[i])) for z, i in zip(rows, EACH, strict=True)])


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_against_fifty_digits(name):
    assert set(REFERENCES) == set(LOSSES)
    double = LOSSES[name](LOGITS, LABELS)
    assert double.shape == LABELS.shape
    # a few operations on numbers up to 30, each rounded: absolute, as a loss is the difference of two logarithms
    np.testing.assert_allclose(np.ravel(double), reference(name, LOGITS, LABELS), rtol=1e-14, atol=2e-14)
    single = LOGITS.astype(np.float32)
    found = LOSSES[name](single, LABELS)
    np.testing.assert_allclose(np.ravel(found), reference(name, single, LABELS), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_arithmetic_is_that_of_the_logits(name, dtype):
    found = LOSSES[name](jnp.asarray(LOGITS, dtype), LABELS)
    assert found.dtype == dtype
    # two logits of up to 25 are rounded by half of eps, and so are their sums and logarithms; a loss changes by no more
    # than they do, Taylor's by twice as much
    atol = 50 * float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(np.ravel(found).astype(float), reference(name, LOGITS, LABELS), rtol=0, atol=atol)


@pytest.mark.parametrize("name", LOSSES)
def test_derivatives_are_those_of_finite_differences(name):
    loss = LOSSES[name]
    logits = LOGITS + 0.01  # StableMax has no second derivative at 0
    found = jax.grad(lambda z: jnp.sum(loss(z, LABELS)))(jnp.asarray(logits))
    step = 1e-5
    for c in range(5):
        shift = step * np.eye(5)[c]
        slope = (loss(logits + shift, LABELS) - loss(logits - shift, LABELS)) / (2 * step)
        # third derivatives of up to 10, times a step squared; the rounding of a loss of 30 over the step
        np.testing.assert_allclose(found[..., c], slope, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", LOSSES)
def test_one_sample_a_batch_and_a_compiled_map_agree(name):
    loss = LOSSES[name]
    whole = loss(LOGITS, LABELS)
    labels = LABELS.astype(np.int64)
    # the order of a sum over five classes may change: a few roundings of numbers up to 30
    close = {"rtol": 1e-14, "atol": 1e-14}
    np.testing.assert_allclose(jax.jit(loss)(LOGITS, labels), whole, **close)
    np.testing.assert_allclose(jax.vmap(jax.vmap(loss))(jnp.asarray(LOGITS), jnp.asarray(labels)), whole, **close)
    for label in (labels[1, 2], int(labels[1, 2]), jnp.asarray(labels[1, 2], "int32")):
        alone = loss(LOGITS[1, 2], label)
        assert alone.shape == ()
        np.testing.assert_allclose(alone, whole[1, 2], **close)


def test_whole_numbers_become_the_default_of_floating_point():
    logits, labels = checked(np.array([[1, 2]]), np.array([1]))
    assert (logits.dtype, labels.dtype) == ("float64", "int32")
    assert stablemax_weights(3).dtype == "float64"


@pytest.mark.parametrize("loss", CROSS_ENTROPIES)
def test_derivatives_of_cross_entropy_are_probabilities_less_the_truth(loss):
    weights = np.exp(LOGITS - LOGITS.max(axis=-1, keepdims=True))
    truth = np.eye(5)[LABELS]
    found = jax.grad(lambda z: jnp.sum(loss(z, LABELS)))(jnp.asarray(LOGITS))
    # rounding of numbers of at most 1
    np.testing.assert_allclose(found, weights / weights.sum(axis=-1, keepdims=True) - truth, rtol=0, atol=1e-15)


@pytest.mark.parametrize("loss", CROSS_ENTROPIES)
@pytest.mark.parametrize("offset", [1e4, -1e4])
def test_an_offset_of_all_logits_changes_nothing(loss, offset):
    # eighths, which float32 holds beside 1e4: the shift is exact, and so is the equality
    logits = (np.round(LOGITS * 8) / 8).astype(np.float32)
    np.testing.assert_array_equal(loss(logits + np.float32(offset), LABELS), loss(logits, LABELS))


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-5), ("float64", 2e-14)])
@pytest.mark.parametrize("classes", [2, 31])
def test_the_other_form_keeps_its_digits_at_every_gap(dtype, rtol, classes):
    # rtol: log-odds of up to 80 are rounded, which is a relative error of 80 * 2^-t of what they are exponents of
    gaps = np.arange(-80, 81)
    rivals = np.linspace(0, 3, classes - 1) if classes > 2 else np.zeros(1)
    logits = np.concatenate([gaps[:, None] + np.zeros(1), np.tile(-rivals, (len(gaps), 1))], axis=1).astype(dtype)
    found = softmax_cross_entropy_log1p(logits, np.zeros(len(gaps), int))
    with mpmath.workdps(50):
        exact = [mpmath.log1p(mpmath.fsum(mpmath.exp(float(x) - int(g)) for x in row[1:])) for g, row in
                 zip(gaps, logits, strict=True)]  # fmt: skip
    np.testing.assert_allclose(found, np.array(exact, float), rtol=rtol, atol=0)


def test_only_one_of_two_equal_formulas_still_learns_at_a_gap_of_17():
    logits = jnp.array([17.0, 0.0], "float32")
    share = np.exp(-17.0) / (1 + np.exp(-17.0))
    assert softmax_cross_entropy(logits, 0) == 0
    pull, push = jax.grad(softmax_cross_entropy)(logits, 0)
    assert pull == 0
    assert push == pytest.approx(share, rel=1e-5)  # the exponential in float32
    np.testing.assert_allclose(
        jax.grad(softmax_cross_entropy_log1p)(logits, 0), [-share, share], rtol=1e-5, atol=0
    )  # the same


@pytest.mark.parametrize("loss", [*CROSS_ENTROPIES, stablemax_cross_entropy])
@pytest.mark.parametrize("size", [1e4, 1e18, 1e30])
def test_enormous_logits_give_finite_losses_and_derivatives(loss, size):
    logits = jnp.array([[size, -size, 0], [-size, size, 0]], "float32")
    labels = np.array([0, 0])
    value = loss(logits, labels)
    slopes = jax.grad(lambda z: jnp.sum(loss(z, labels)))(logits)
    assert np.isfinite(value).all()
    assert np.isfinite(slopes).all()
    assert value[0] < 1e-3
    expected = 2 * np.log1p(size) if loss is stablemax_cross_entropy else 2 * size
    assert value[1] == pytest.approx(expected, rel=1e-3)  # zero's share of 1 / size is left out


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "spherical_z"])
def test_equal_logits_cost_the_logarithm_of_their_number(name):
    logits = jnp.zeros((2, 6), "float32")
    labels = np.array([0, 5])
    np.testing.assert_allclose(LOSSES[name](logits, labels), np.log(6), rtol=1e-6, atol=0)  # rounding
    # each derivative of ln of a weight is 1 at 0, so that all of these are the softmax's
    slopes = jax.grad(lambda z: jnp.sum(LOSSES[name](z, labels)))(logits)
    np.testing.assert_allclose(slopes, 1 / 6 - np.eye(6)[labels], rtol=0, atol=1e-7)  # rounding


@pytest.mark.parametrize("dtype", DTYPES)
def test_stablemax_weights_and_their_derivative(dtype):
    x = jnp.array([-3.0, -1.0, -0.0, 0.0, 1.0, 7.0], dtype)
    found, slopes = stablemax_weights(x), jax.vmap(jax.grad(stablemax_weights))(x)
    assert found.dtype == slopes.dtype == dtype
    # powers of two, so that every division is exact
    np.testing.assert_array_equal(found.astype(float), [0.25, 0.5, 1, 1, 2, 8])
    np.testing.assert_array_equal(slopes.astype(float), [1 / 16, 0.25, 1, 1, 1, 1])


def test_stablemax_weights_of_opposite_numbers_are_reciprocal():
    x = np.linspace(0, 50, 101)
    np.testing.assert_allclose(stablemax_weights(x) * stablemax_weights(-x), 1, rtol=1e-15, atol=0)  # rounding
    assert (np.diff(stablemax_weights(np.linspace(-50, 50, 1001))) > 0).all()


def test_stablemax_is_a_softmax_of_other_logits():
    weights = np.vectorize(s)(LOGITS)
    expected = weights / weights.sum(axis=-1, keepdims=True)
    found = stablemax(LOGITS)
    # rounding of a few operations, and for the softmax of logits of size 3
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=0)
    np.testing.assert_allclose(jax.nn.softmax(stablemax_logits(LOGITS), axis=-1), expected, rtol=1e-14, atol=0)
    np.testing.assert_allclose(stablemax_logits(LOGITS), np.sign(LOGITS) * np.log1p(np.abs(LOGITS)), rtol=1e-15, atol=0)
    np.testing.assert_allclose(np.sum(found, axis=-1), 1, rtol=1e-15, atol=0)


def test_the_derivative_of_stablemax_logits_is_finite_everywhere():
    x = jnp.array([-1e30, -1.0, 0.0, 1.0, 1e30])
    slopes = jax.vmap(jax.grad(stablemax_logits))(x)
    np.testing.assert_allclose(slopes, 1 / (1 + np.abs(x)), rtol=1e-15, atol=0)  # rounding


def test_stablemax_falls_off_as_a_power():
    size, classes = 1e4, 31
    logits = np.full(classes, -size)
    logits[3] = size
    # ln(1 + x) = x (1 - x/2 + ...) with x = 3e-7; two logarithms of about 10 are rounded to 1e-15, which is 1e-8 of it
    expected = (classes - 1) / (1 + size) ** 2
    assert float(stablemax_cross_entropy(logits, 3)) == pytest.approx(expected, rel=3e-7)


@pytest.mark.parametrize(("dtype", "bits"), [("float32", 24), ("float64", 53)])
@pytest.mark.parametrize("compiled", [False, True])
def test_stablemax_collapses_at_its_own_scale(dtype, bits, compiled):
    slope = jax.grad(lambda z: jnp.sum(stablemax_cross_entropy(z, np.ones(len(z), int))))
    slope = jax.jit(slope) if compiled else slope
    scale = stablemax_collapse_scale(bits, classes=2)

    def pull(*ratios):
        right = scale * np.array(ratios)
        return np.asarray(slope(jnp.asarray(np.stack([-right, right], axis=1), dtype)))[:, 1]

    # a share of four parts in 2^t, or more, is in the sum and its reciprocal; less than one may be rounded away, and at
    # the root of two times the scale all is, whatever the first digits; never does the pull become a push
    assert (pull(0.1, 0.3, 0.49) < 0).all()
    assert (pull(*np.linspace(0.5, 1.42, 50)) <= 0).all()
    assert (pull(*np.linspace(1.42, 8, 50)) == 0).all()


def test_stablemax_collapses_at_its_scale_where_the_right_weight_is_a_power_of_two():
    scale = stablemax_collapse_scale(24, classes=17)
    assert scale + 1 == 2**14
    for right, lost in ((0.98 * 2**14, False), (2**14, True)):
        others = np.float32(16 / right)  # summed before they meet the right one
        assert (np.float32(right) + others == np.float32(right)) == lost


def test_taylor_softmax_of_far_logits_does_not_overflow():
    far = np.array([[1e25, -3e25, 1e24], [2.0, 1e20, 0.0]], np.float32)
    # squares alone matter there, in double precision without overflow
    weights = far.astype(float) ** 2
    found = taylor_softmax(far)
    # a few roundings of single precision
    np.testing.assert_allclose(found, weights / weights.sum(axis=-1, keepdims=True), rtol=1e-6, atol=1e-30)
    slopes = jax.grad(lambda z: taylor_softmax_cross_entropy(z, 0))(far[0])
    # of ln(sum of squares / z_0^2) with respect to every logit
    shares = far[0].astype(float) / weights[0].sum()
    np.testing.assert_allclose(slopes, 2 * (shares - np.array([1 / 1e25, 0, 0])), rtol=2e-6, atol=0)


def test_taylor_softmax_is_symmetric_about_minus_one():
    weights = 1 + LOGITS + LOGITS**2 / 2
    # near -1 the direct sum of the terms loses a digit, not more
    np.testing.assert_allclose(
        taylor_softmax(LOGITS), weights / weights.sum(axis=-1, keepdims=True), rtol=1e-14, atol=0
    )
    np.testing.assert_allclose(taylor_softmax(-2 - LOGITS), taylor_softmax(LOGITS), rtol=1e-13, atol=0)
    assert taylor_softmax_cross_entropy(np.array([-5.0, 0.0]), 0) < np.log(2)


def test_z_loss_is_the_square_of_the_logarithm_of_the_normaliser():
    normaliser = np.log(np.exp(LOGITS).sum(axis=-1))
    found = z_loss(LOGITS, coefficient=0.3)
    np.testing.assert_allclose(found, 0.3 * normaliser**2, rtol=1e-13, atol=0)  # rounding
    np.testing.assert_allclose(z_loss(LOGITS), 1e-4 * normaliser**2, rtol=1e-13, atol=0)
    # the least is reached by a common shift, which changes no gap
    np.testing.assert_allclose(z_loss(LOGITS - normaliser[..., None], coefficient=1.0), 0, rtol=0, atol=1e-27)
    pull = jax.grad(lambda z: jnp.sum(z_loss(z, coefficient=0.3)))(jnp.asarray(LOGITS))
    np.testing.assert_allclose(np.sum(pull, axis=-1), 0.6 * normaliser, rtol=1e-13, atol=0)


def test_spherical_z_loss_knows_neither_scale_nor_shift():
    found = spherical_z_loss(LOGITS, LABELS)
    # rounding of a mean and a deviation of numbers of 30, at most 3 deviations from it
    np.testing.assert_allclose(spherical_z_loss(7 * LOGITS + 3, LABELS), found, rtol=1e-13, atol=0)
    slopes = jax.grad(lambda z: jnp.sum(spherical_z_loss(z, LABELS)))(jnp.asarray(LOGITS))
    np.testing.assert_allclose(np.sum(slopes, axis=-1), 0, rtol=0, atol=1e-14)
    np.testing.assert_allclose(np.sum(slopes * LOGITS, axis=-1), 0, rtol=0, atol=1e-14)


def test_spherical_z_loss_bends_where_it_is_told_to():
    # of two logits one is a deviation above the mean
    found = [
        float(spherical_z_loss(np.array([4.0, 1.0]), 0, a=a, b=b)) for a, b in ((2.0, 1.0), (2.0, 3.0), (0.5, 1.0))
    ]
    expected = [np.log(2) / 2, np.log1p(np.exp(4)) / 2, np.log(2) / 0.5]
    np.testing.assert_allclose(found, expected, rtol=1e-15, atol=0)  # rounding


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: checked(np.zeros((3, 1)), np.zeros(3, int)), r"at least two classes, got shape \(3, 1\)"),
        (lambda: checked(np.array(1.0), 0), r"at least two classes, got shape \(\)"),
        (lambda: checked(np.zeros((3, 2)), np.zeros(2, int)), r"labels must have shape \(3,\), got \(2,\)"),
        (lambda: checked(np.zeros((2, 3)), np.array([0, 3])), r"labels must be between 0 and 2, got 3 at index \(1,\)"),
        (lambda: checked(np.zeros(3), -1), "labels must be a whole number of at least 0, got -1"),
        (lambda: checked(np.zeros(3), 0.5), "labels must be a whole number of at least 0, got 0.5"),
        (lambda: z_loss(np.zeros(3), coefficient=-1.0), "coefficient must be non-negative, got -1.0"),
        (lambda: spherical_z_loss(np.arange(3.0), 0, a=0.0), "a must be positive, got 0.0"),
        (lambda: spherical_z_loss(np.arange(3.0), 0, b=np.inf), "b must be finite|b must be a finite number"),
        (lambda: stablemax_collapse_scale(0, classes=2), "dtype_bits must be a whole number of at least 1, got 0"),
        (lambda: stablemax_collapse_scale(24, classes=1), "classes must be a whole number of at least 2, got 1"),
    ],
)
def test_refuses_what_has_no_meaning(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_refuses_a_class_that_does_not_exist(name):
    with pytest.raises(ValueError, match="labels must be between 0 and 4, got 5"):
        LOSSES[name](LOGITS, np.full(LABELS.shape, 5))
