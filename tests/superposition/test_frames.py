"""Frames, by what defines them."""

import jax
import numpy as np
import pytest

from solvable.superposition.theory.frames import (
    equiangular_frame,
    equiangular_sizes,
    harmonic_frame,
    most_equiangular,
    simplex_frame,
)

# beyond bases, simplices, and the line
RARE = [
    *[(6, 3), (14, 7), (16, 6), (16, 10), (18, 9), (28, 7), (28, 21), (30, 15), (38, 19), (42, 21), (54, 27), (62, 31)],
    *[(64, 28), (64, 36)],
]
# sums of at most 64 products, after an eigendecomposition
CLOSE = {"rtol": 0, "atol": 1e-13}


@pytest.mark.parametrize("n", [2, 3, 4, 9, 40])
def test_the_corners_of_a_simplex_repel_each_other_equally(n):
    frame = np.asarray(simplex_frame(n))
    assert frame.shape == (n, n - 1)
    expected = np.where(np.eye(n, dtype=bool), 1, -1 / (n - 1))
    np.testing.assert_allclose(frame @ frame.T, expected, **CLOSE)


@pytest.mark.parametrize("n", range(1, 13))
def test_a_harmonic_frame_is_tight_and_of_unit_vectors(n):
    for m in range(1, n + 1):
        frame = np.asarray(harmonic_frame(n, m))
        assert frame.shape == (n, m)
        np.testing.assert_allclose(np.sum(frame**2, axis=1), np.ones(n), **CLOSE)
        np.testing.assert_allclose(frame.T @ frame, n / m * np.eye(m), **CLOSE)


def test_a_harmonic_frame_is_made_of_harmonics():
    phase = 2 * np.pi / 7 * np.arange(7)
    expected = [np.cos(phase), np.sin(phase), np.cos(2 * phase), np.sin(2 * phase), np.full(7, np.sqrt(0.5))]
    np.testing.assert_allclose(harmonic_frame(7, 5), np.sqrt(2 / 5) * np.stack(expected, axis=1), **CLOSE)


@pytest.mark.parametrize("size", [*RARE, (1, 1), (2, 1), (2, 2), (5, 1), (5, 4), (5, 5), (13, 12), (256, 120)])
def test_an_equiangular_frame_is_at_welch_with_every_pair(size):
    n, m = size
    frame = np.asarray(equiangular_frame(n, m))
    assert frame.shape == size
    overlaps = np.abs(frame @ frame.T)
    expected = np.full((n, n), np.sqrt((n - m) / (m * max(n - 1, 1))))
    np.fill_diagonal(expected, 1)
    np.testing.assert_allclose(overlaps, expected, **CLOSE)
    np.testing.assert_allclose(frame.T @ frame, n / m * np.eye(m), rtol=0, atol=1e-12)  # sums of 256


def test_the_known_sizes_are_those_that_are_listed():
    limit = 64
    plain = {(n, m) for n in range(1, limit + 1) for m in (1, n - 1, n) if m > 0}
    assert equiangular_sizes(limit) == sorted(plain | set(RARE))
    assert equiangular_sizes(1) == [(1, 1)]


def test_gerzon_bounds_all_but_equal_lines():
    for n, m in equiangular_sizes(64):
        # on a line all vectors are the same up to sign, and not so many lines
        assert m == 1 or n <= most_equiangular(m)
    np.testing.assert_array_equal(most_equiangular(np.array([1, 2, 3, 7, 23])), [1, 3, 6, 28, 276])
    assert most_equiangular(np.float32(3)).dtype == np.float32
    # the bound counts symmetric matrices: those of equiangular lines are independent
    frame = np.asarray(equiangular_frame(28, 7))
    squares = np.einsum("ni,nj->nij", frame, frame).reshape(28, -1)
    assert int(np.linalg.matrix_rank(squares)) == most_equiangular(7)


def test_frames_are_in_the_default_precision():
    makers = [lambda: simplex_frame(3), lambda: harmonic_frame(5, 3), lambda: equiangular_frame(6, 3)]
    assert {make().dtype for make in makers} == {np.dtype(np.float64)}
    with jax.enable_x64(False):
        assert {make().dtype for make in makers} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: simplex_frame(1), "n must be a whole number of at least 2, got 1"),
        (lambda: harmonic_frame(3, 4), "n must be a whole number of at least 4, got 3"),
        (lambda: harmonic_frame(3, 0), "m must be a whole number of at least 1, got 0"),
        (lambda: equiangular_frame(0, 1), "n must be a whole number of at least 1, got 0"),
        (lambda: equiangular_frame(3, 0), "m must be a whole number of at least 1, got 0"),
        (lambda: equiangular_frame(7, 3), r"such as .*\(6, 3\).*, got \(7, 3\)"),
        (lambda: equiangular_frame(15, 6), r"such as .*\(16, 6\).*, got \(15, 6\)"),
        (lambda: equiangular_frame(10, 5), r"got \(10, 5\)"),  # 9 is no prime
        (lambda: equiangular_frame(8, 4), r"got \(8, 4\)"),  # 7 leaves 3 when divided by 4
        (lambda: equiangular_frame(36, 15), r"got \(36, 15\)"),  # 6 is no power of two
        (lambda: equiangular_frame(3, 4), r"got \(3, 4\)"),
        (lambda: equiangular_sizes(0), "limit must be a whole number of at least 1, got 0"),
        (lambda: most_equiangular(0), "m must be a whole number of at least 1, got 0"),
    ],
)
def test_refuses_what_it_cannot_answer(call, message):
    with pytest.raises(ValueError, match=message):
        call()
