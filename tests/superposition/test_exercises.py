"""Reference answers of Chapter 4, against computations that do not use their formulas."""

import numpy as np
import pytest

from solvable.superposition.exercises import EXERCISES


def reference(name, *arguments):
    return EXERCISES[name].reference(*arguments)


def test_giving_up_costs_the_variance():
    draw = np.random.default_rng(0)
    x = np.where(draw.random(2_000_000) < 0.3, draw.random(2_000_000), 0)
    # the variance of a sample of two million is known to a tenth of a per cent
    np.testing.assert_allclose(reference("unrepresented", 0.3), x.var(), rtol=4e-3, atol=0)


@pytest.mark.parametrize("k", [3, 5, 8])
def test_a_polygon_shares_its_plane(k):
    angles = 2 * np.pi * np.arange(k) / k
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    # rounding of a sum of a few squares
    np.testing.assert_allclose(reference("polygon", k), 1 / ((rows @ rows.T)[0] ** 2).sum(), rtol=1e-14, atol=0)


@pytest.mark.parametrize(("gamma", "pull"), [(0.5, lambda w: w), (-0.5, lambda w: w / np.linalg.norm(w) - w)])
def test_the_knob_moves_a_row_along_itself(gamma, pull):
    row = np.array([0.3, -0.4])
    moved = row - 0.1 * gamma * pull(row)
    np.testing.assert_allclose(reference("spring", 0.5, gamma, 0.1), np.linalg.norm(moved), rtol=1e-14, atol=0)


@pytest.mark.parametrize(("n", "overlap"), [(512, 0.1), (32_000, 0.004), (10, 0.5)])
def test_one_dimension_fewer_is_not_enough(n, overlap):
    m = reference("dimensions", n, overlap)
    least = (n - np.array([m - 1, m])) / (np.array([m - 1, m]) * (n - 1))
    assert least[0] > overlap >= least[1]


def test_the_factor_halves_the_loss():
    weak, strong = reference("halving", 1.5)
    assert weak**-0.5 == pytest.approx(0.5, rel=1e-14)
    assert strong**-1 == 0.5


def test_the_first_component_is_that_of_a_covariance():
    frequencies = np.array([0.95, 0.6, 0.3])
    draw = np.random.default_rng(1)
    x = (draw.random((200_000, 3)) < frequencies) * draw.uniform(0, 2, (200_000, 3))
    vectors = np.linalg.eigh(np.cov(x.T))[1]
    assert np.argmax(np.abs(vectors[:, -1])) == reference("first_component", frequencies) == 1


def test_local_slopes_of_a_power_law_are_its_exponent():
    widths = np.array([3.0, 5.0, 11.0])
    np.testing.assert_allclose(reference("local_slopes", widths, 7 * widths**-1.3), 1.3, rtol=1e-13, atol=0)


def test_the_error_of_a_product():
    draw = np.random.default_rng(2)
    products = draw.normal(2.52, 0.03, 400_000) * draw.normal(0.35, 0.02, 400_000)
    # a standard deviation of 400 000 numbers is known to 0.1 per cent; the product of both errors adds less
    np.testing.assert_allclose(
        reference("chinchilla", 2.52, 0.03, 0.35, 0.02), [products.mean(), products.std()], rtol=6e-3, atol=0
    )
