"""Every start satisfies the constraint that its name promises."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvable.deep_linear.experiment import (
    balanced_initialisation,
    decoupled_initialisation,
    end_to_end,
    gaussian_initialisation,
    hierarchical_dataset,
    imbalances,
    normal_initialisation,
    orthogonal_initialisation,
)

ROUNDING = {"atol": 1e-13}  # products of a few matrices of norm below 10, in float64


@pytest.mark.parametrize("depth", [1, 2, 3, 8])
def test_decoupled_layers_are_balanced_and_multiply_to_the_start(depth, key):
    data = hierarchical_dataset()
    weights = decoupled_initialisation(data.u, data.v, 0.02, 9, depth=depth, key=key)
    assert len(weights) == depth
    np.testing.assert_allclose(end_to_end(weights), 0.02 * data.u @ data.v.T, **ROUNDING)
    for imbalance in imbalances(weights):
        np.testing.assert_allclose(imbalance, 0.0, **ROUNDING)
    for layer in weights:
        # each layer holds the L-th root of the strength for each of four modes
        np.testing.assert_allclose(np.linalg.svd(layer, compute_uv=False)[:4], 0.02 ** (1 / depth), rtol=1e-12)


def test_decoupled_layers_need_room_for_the_modes(key):
    with pytest.raises(ValueError, match="hidden must be a whole number of at least 4, got 3"):
        decoupled_initialisation(np.eye(4), np.eye(4), 0.1, 3, key=key)
    with pytest.raises(ValueError, match="u0 must be non-negative"):
        decoupled_initialisation(np.eye(4), np.eye(4), -0.1, 4, key=key)


def test_gaussian_entries_have_the_variance_of_the_width_they_read(key):
    w1, w2 = gaussian_initialisation((400, 900, 100), 2.0, key=key)
    assert (w1.shape, w2.shape) == ((900, 400), (100, 900))
    # 360 000 and 90 000 entries: the deviation is known to 1/sqrt(2 * 90 000) = 0.24 %, four times that is 1 %
    assert w1.std() == pytest.approx(2 / 20, rel=0.01)
    assert w2.std() == pytest.approx(2 / 30, rel=0.01)
    assert abs(w1.mean()) < 4 * 0.1 / 600


def test_normal_entries_have_one_deviation(key):
    for layer in normal_initialisation((400, 900, 100), 1e-4, key=key):
        assert layer.std() == pytest.approx(1e-4, rel=0.01)


@pytest.mark.parametrize("widths", [(5, 5), (7, 4), (4, 7), (3, 8, 8, 2)])
def test_orthogonal_layers_have_one_singular_value(widths, key):
    for layer in orthogonal_initialisation(widths, 1.3, key=key):
        np.testing.assert_allclose(np.linalg.svd(layer, compute_uv=False), 1.3, rtol=1e-13)


def test_orthogonal_layers_are_uniform_in_sign():
    # a library's QR fixes signs; uniform matrices have reflections and rotations equally often
    keys = jax.random.split(jax.random.key(3), 64)
    signs = [np.sign(np.linalg.det(orthogonal_initialisation((3, 3), key=k)[0])) for k in keys]
    assert abs(np.mean(signs)) < 4 / np.sqrt(64)  # four standard deviations of a fair coin


SHAPES = st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 6))


@settings(max_examples=60)
@given(shape=SHAPES, lam=st.floats(-5, 5), scale=st.floats(0, 2))
def test_balanced_layers_differ_by_a_multiple_of_the_identity(shape, lam, scale):
    n_in, n_hidden, n_out = shape
    sigma = scale * np.linspace(1, 0.3, min(shape))
    if (lam > 0 and n_hidden > n_out) or (lam < 0 and n_hidden > n_in):
        with pytest.raises(ValueError, match="n_hidden must be at most"):
            balanced_initialisation(sigma, *shape, lam, key=jax.random.key(1))
        return
    w1, w2 = balanced_initialisation(sigma, *shape, lam, key=jax.random.key(1))
    assert (w1.shape, w2.shape) == ((n_hidden, n_in), (n_out, n_hidden))
    np.testing.assert_allclose(w2.T @ w2 - w1 @ w1.T, lam * np.eye(n_hidden), **ROUNDING)
    np.testing.assert_allclose(np.linalg.svd(w2 @ w1, compute_uv=False)[: sigma.size], sigma, **ROUNDING)


def test_balanced_layers_of_tiny_strength_keep_their_digits(key):
    w1, w2 = balanced_initialisation([1e-12], 2, 1, 1, 1.0, key=key)
    # sigma / sqrt(lam): the smaller layer must not be a difference of nearly equal numbers
    np.testing.assert_allclose(np.linalg.norm(w1), 1e-12, rtol=1e-13)
    np.testing.assert_allclose(np.linalg.norm(w2), 1.0, rtol=1e-13)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.1, 0.1, 0.1], 2, 5, 5), "singular_values must be at most 2 for these shapes, got 3 of them"),
        (([0.1], 2, 3, 2, 1.0), "n_hidden must be at most n_out = 2 where lam > 0, got 3"),
        (([0.1], 2, 3, 2, -1.0), "n_hidden must be at most n_in = 2 where lam < 0, got 3"),
        (([-0.1], 2, 3, 2), "singular_values must be non-negative"),
        (([0.1], 2, 2, 2, float("inf")), "lam must be finite"),
        (([0.1], 0, 2, 2), "n_in must be a whole number of at least 1, got 0"),
    ],
)
def test_rejects_what_no_weights_can_be(arguments, message, key):
    with pytest.raises(ValueError, match=message):
        balanced_initialisation(*arguments, key=key)


@pytest.mark.parametrize("start", [gaussian_initialisation, orthogonal_initialisation])
def test_rejects_widths_that_make_no_layer(start, key):
    with pytest.raises(ValueError, match="widths must hold at least two numbers"):
        start((4,), key=key)
    with pytest.raises(ValueError, match=r"widths must be a whole number of at least 1, got 0 at index \(1,\)"):
        start((4, 0, 2), key=key)


def test_a_key_is_a_draw_whatever_the_precision(key):
    wide = gaussian_initialisation((3, 4, 2), key=key)
    with jax.enable_x64(False):
        narrow = gaussian_initialisation((3, 4, 2), key=key)
    for a, b in zip(wide, narrow, strict=True):
        np.testing.assert_array_equal(a, b)
    other = gaussian_initialisation((3, 4, 2), key=jax.random.key(9))
    assert (wide[0] != other[0]).all()
