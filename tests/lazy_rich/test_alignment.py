"""Measures of laziness, against singular values, angles known by construction, and loops over entries."""

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from solvable.lazy_rich.theory.alignment import effective_rank, representation_alignment, tangent_kernel_alignment
from solvable.randomness import generator, orthonormal_columns


def _cosine_by_loops(a, b):
    inner = norm_a = norm_b = 0.0
    for x, y in zip(a.ravel(), b.ravel(), strict=True):
        inner, norm_a, norm_b = inner + x * y, norm_a + x * x, norm_b + y * y
    return inner / np.sqrt(norm_a * norm_b)


def test_representation_alignment_is_the_ratio_of_cross_covariances(key):
    draw = generator(key)
    h0, h1 = draw.normal(size=(9, 4)), draw.normal(size=(9, 6))
    # <H1 H1', H0 H0'> = |H1' H0|^2, without any matrix of inputs by inputs
    expected = np.linalg.norm(h1.T @ h0) ** 2 / (np.linalg.norm(h1.T @ h1) * np.linalg.norm(h0.T @ h0))
    # sums of a few hundred products
    np.testing.assert_allclose(representation_alignment(h0, h1), expected, rtol=1e-13)
    np.testing.assert_allclose(representation_alignment(h0, h1), _cosine_by_loops(h1 @ h1.T, h0 @ h0.T), rtol=1e-13)


def test_rotated_and_scaled_representations_are_aligned_and_shifted_ones_are_not(key):
    draw = generator(key)
    h, turn = draw.normal(size=(8, 5)), orthonormal_columns(5, 5, draw)
    np.testing.assert_allclose(representation_alignment(h, -2.5 * h @ turn), 1, rtol=1e-13)  # rounding
    # a centred measure would not see this
    assert representation_alignment(h, h + 3) < 0.9


def test_representations_of_different_inputs_are_orthogonal():
    h0, h1 = np.diag([1.0, 0, 0]), np.diag([0, 2.0, 0])
    assert representation_alignment(h0, h1) == 0


def test_kernel_alignment_is_the_cosine_of_the_angle_by_which_a_kernel_is_turned(key):
    draw = generator(key)
    k0, other = (part + part.T for part in draw.normal(size=(2, 7, 7)))
    other -= k0 * np.sum(other * k0) / np.sum(k0 * k0)
    angle = np.array([0.0, 0.4, 1.3])[:, None, None]
    turned = np.cos(angle) * k0 / np.linalg.norm(k0) + np.sin(angle) * other / np.linalg.norm(other)
    found = tangent_kernel_alignment(np.broadcast_to(k0, (3, 7, 7)), 5 * turned)
    # the angle between nearly equal kernels is lost in rounding, its cosine is not
    np.testing.assert_allclose(found, np.cos(angle[:, 0, 0]), rtol=1e-13)


def test_effective_rank_is_that_of_the_singular_values_it_was_built_from(key):
    draw = generator(key)
    left, right = orthonormal_columns(9, 4, draw), orthonormal_columns(6, 4, draw)
    # by hand: 1 direction of weight 1; 4 equal ones; (1 + 2 + 3 + 4)^2 / (1 + 4 + 9 + 16)
    spectra = np.array([[1.0, 0, 0, 0], [2.0, 2, 2, 2], [1.0, 2, 3, 4]])
    w = np.einsum("ir,br,jr->bij", left, spectra, right)
    np.testing.assert_allclose(effective_rank(w), [1, 4, 10 / 3], rtol=1e-12)  # rounding of a small SVD


def test_leading_axes_are_a_batch(key):
    draw = generator(key)
    h0, h1 = draw.normal(size=(2, 3, 2, 5, 5))
    for measure in (representation_alignment, tangent_kernel_alignment):
        found = measure(h0, h1)
        assert found.shape == (3, 2)
        np.testing.assert_allclose(found[1, 1], measure(h0[1, 1], h1[1, 1]), rtol=1e-14)  # rounding, in another order
    np.testing.assert_allclose(effective_rank(h0)[2, 0], effective_rank(h0[2, 0]), rtol=1e-14)


@pytest.mark.parametrize("measure", [representation_alignment, tangent_kernel_alignment])
def test_what_has_no_direction_is_refused(measure):
    some = np.ones((2, 2))
    for pair in ((some, np.zeros((2, 2))), (np.zeros((2, 2)), some)):
        with pytest.raises(ValueError, match=r"the norm of \w+ must be positive, got 0"):
            measure(*pair)
    with pytest.raises(ValueError, match="must be finite, got nan"):
        measure(some, np.full((2, 2), np.nan))


def test_a_matrix_of_zeros_has_no_effective_rank():
    with pytest.raises(ValueError, match=r"the norm of w must be positive, got 0.0 at index \(1,\)"):
        effective_rank(np.stack([np.eye(2), np.zeros((2, 2))]))


def test_different_inputs_are_refused():
    # by the type where types are checked, as here, and by the function elsewhere
    with pytest.raises((TypeCheckError, ValueError), match="h1"):
        representation_alignment(np.ones((3, 2)), np.ones((4, 2)))
    with pytest.raises((TypeCheckError, ValueError), match="k1"):
        tangent_kernel_alignment(np.ones((3, 3)), np.ones((2, 2)))
