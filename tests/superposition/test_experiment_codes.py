"""Codes: uniform ones by their moments, packed ones by Welch's bound, spread ones by the packings that are known."""

import jax
import numpy as np
import pytest

from solvable.superposition.experiment.codes import packed_code, random_code, spread_code

MAKERS = [random_code, packed_code, spread_code]


def overlaps(code):
    """Of every pair, each once."""
    code = np.asarray(code)
    return np.abs(code @ code.T)[np.triu_indices(len(code), 1)]


@pytest.mark.parametrize("make", MAKERS)
def test_rows_are_unit_vectors_and_the_same_for_the_same_key(make, key):
    code = make(9, 4, key=key)
    assert code.shape == (9, 4)
    assert code.dtype == np.float64
    np.testing.assert_allclose(np.linalg.norm(code, axis=1), np.ones(9), rtol=1e-14, atol=0)
    np.testing.assert_array_equal(code, make(9, 4, key=key))
    assert np.abs(code - make(9, 4, key=jax.random.key(1))).max() > 0.1


@pytest.mark.parametrize("make", MAKERS)
def test_the_precision_is_the_default_one(make, key):
    code = make(9, 4, key=key)
    with jax.enable_x64(False):
        single = make(9, 4, key=key)
    assert single.dtype == np.float32
    if make is random_code:
        # the same draw
        np.testing.assert_allclose(single, code, rtol=1e-6, atol=0)


def test_a_random_code_is_uniform(key):
    n, m = 20_000, 5
    code = np.asarray(random_code(n, m, key=key))
    # a coordinate has the variance 1/m, and its square that of the overlap, 2(m-1)/(m^2 (m+2)): four standard errors
    np.testing.assert_allclose(code.mean(axis=0), np.zeros(m), rtol=0, atol=4 / np.sqrt(m * n))
    variance = 2 * (m - 1) / (m**2 * (m + 2))
    np.testing.assert_allclose((code**2).mean(axis=0), np.full(m, 1 / m), rtol=0, atol=4 * np.sqrt(variance / n))
    # the variance of a sample's variance is below 3 variance^2 / n for a bounded square such as this
    np.testing.assert_allclose((code**2).var(axis=0), np.full(m, variance), rtol=4 * np.sqrt(3 / n), atol=0)
    products = code.T @ code / n - np.diag(np.mean(code**2, axis=0))
    np.testing.assert_allclose(products, np.zeros((m, m)), rtol=0, atol=4 / np.sqrt(m * (m + 2) * n))


@pytest.mark.parametrize("size", [(5, 2), (40, 20), (64, 16), (300, 12), (7, 1)])
def test_a_packed_code_reaches_the_bound_of_welch(size, key):
    n, m = size
    code = np.asarray(packed_code(n, m, key=key))
    # 300 steps, each of which takes at least a tenth of what is left at these sizes
    np.testing.assert_allclose(code.T @ code, n / m * np.eye(m), rtol=0, atol=1e-10 * n / m)
    np.testing.assert_allclose(np.mean(overlaps(code) ** 2), (n - m) / (m * (n - 1)), rtol=1e-10, atol=0)
    # but it is no equiangular frame
    assert m == 1 or np.ptp(overlaps(code)) > 0.1


@pytest.mark.parametrize("size", [(4, 4), (5, 12)])
def test_few_rows_become_orthonormal(size, key):
    # a deviation is squared in every step
    np.testing.assert_allclose(overlaps(packed_code(*size, key=key)), 0, rtol=0, atol=1e-14)


def test_one_step_of_packing_is_down_the_slope_of_the_potential(key):
    n, m = 9, 4
    start, end = (np.asarray(packed_code(n, m, key=key, steps=steps)) for steps in (0, 1))
    np.testing.assert_array_equal(start, random_code(n, m, key=key))
    slope, step = np.empty((n, m)), 1e-5
    for place in np.ndindex(n, m):
        values = []
        for sign in (1, -1):
            moved = start.copy()
            moved[place] += sign * step
            values.append(np.sum((moved @ moved.T) ** 2))
        slope[place] = (values[0] - values[1]) / (2 * step)
    # the slope of the potential is 4 W (W'W), and the step m / (3 n) of the matrix in it
    moved = start - m / (12 * n) * slope
    expected = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    np.testing.assert_allclose(end, expected, rtol=0, atol=1e-9)  # central differences


@pytest.mark.parametrize(
    ("size", "best"),
    [
        ((2, 1), 1.0),
        ((2, 2), 0.0),
        ((3, 2), 1 / 2),
        ((5, 2), np.cos(np.pi / 5)),  # lines in the plane
        ((6, 3), 1 / np.sqrt(5)),  # diagonals of the icosahedron
        ((28, 7), 1 / 3),
    ],
)
def test_a_spread_code_finds_the_best_packings(size, best, key):
    found = np.max(overlaps(spread_code(*size, key=key)))
    # no packing is better; the last steps move by 2 / 512 / 1000, and the norm of 512 weighs 378 pairs as one to 2 %
    # of which equal overlaps feel nothing
    assert best - 1e-12 <= found < best + 1e-3


def test_a_spread_code_lies_between_welch_and_chance(key):
    n, m = 64, 16
    start, end = (np.max(overlaps(spread_code(n, m, key=key, steps=steps))) for steps in (0, 1000))
    assert start == np.max(overlaps(random_code(n, m, key=key)))
    # a packed code has the smallest mean square, and still far larger overlaps
    packed = np.max(overlaps(packed_code(n, m, key=key)))
    assert np.sqrt((n - m) / (m * (n - 1))) < end < 0.5 * packed < 0.5 * start
    # a higher norm presses harder on the largest
    assert end < np.max(overlaps(spread_code(n, m, key=key, power=8.0)))


@pytest.mark.parametrize("make", MAKERS)
def test_refuses_sizes_that_are_none(make, key):
    with pytest.raises(ValueError, match="n must be a whole number of at least"):
        make(0, 3, key=key)
    with pytest.raises(ValueError, match="m must be a whole number of at least 1, got 0"):
        make(3, 0, key=key)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda key: packed_code(3, 2, key=key, steps=-1), "steps must be a whole number of at least 0, got -1"),
        (lambda key: spread_code(3, 2, key=key, steps=-1), "steps must be a whole number of at least 0, got -1"),
        (lambda key: spread_code(1, 2, key=key), "n must be a whole number of at least 2, got 1"),
        (lambda key: spread_code(3, 2, key=key, power=3.0), "power must be between 4 and"),
    ],
)
def test_refuses_what_it_cannot_do(call, message, key):
    with pytest.raises(ValueError, match=message):
        call(key)
