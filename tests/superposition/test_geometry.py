"""The geometry of features, against tables of all pairs, known figures, and samples without a plateau."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from solvable.superposition.theory.geometry import (
    PLATEAUS,
    feature_dimensionality,
    feature_geometry,
    interference,
    max_overlap,
    mean_squared_overlap,
    plateau_excess,
    random_code_overlap,
    represented_fraction,
    tightness,
    welch_bound,
)

SIZES = [(2, 1), (5, 2), (7, 7), (4, 9), (30, 6)]
# sums of at most 900 products of numbers of order 1 in float64
CLOSE = {"rtol": 1e-12, "atol": 1e-13}


def draw(n, m, seed=0):
    """Rows of unequal lengths."""
    source = np.random.default_rng([n, m, seed])
    return source.normal(size=(n, m)) * source.uniform(0.2, 2, size=(n, 1))


def cosines(weights):
    """Of every pair, one by one."""
    n = len(weights)
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j]
    lengths = [np.sqrt(sum(row**2)) for row in weights]
    return np.array([sum(weights[i] * weights[j]) / lengths[i] / lengths[j] for i, j in pairs])


def polygon(corners, length=1.0):
    angles = 2 * np.pi * np.arange(corners) / corners
    return length * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def at(*degrees, length=1.0):
    return length * np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=1)


def antiprism():
    """Two squares, one above the other and turned by an eighth, at the height that makes the frame tight."""
    height, radius = np.sqrt(1 / 3), np.sqrt(2 / 3)
    upper, lower = at(0, 90, 180, 270, length=radius), at(45, 135, 225, 315, length=radius)
    return np.concatenate([np.c_[upper, np.full(4, height)], np.c_[lower, np.full(4, -height)]])


TETRAHEDRON = np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])


@pytest.mark.parametrize("size", SIZES)
def test_overlaps_are_those_of_all_pairs(size):
    weights = draw(*size)
    found = cosines(weights)
    np.testing.assert_allclose(mean_squared_overlap(weights), np.mean(found**2), **CLOSE)
    np.testing.assert_allclose(max_overlap(weights), np.max(np.abs(found)), **CLOSE)
    shifted = weights + 3
    centred = cosines(shifted - shifted.mean(axis=0))
    np.testing.assert_allclose(mean_squared_overlap(shifted, centred=True), np.mean(centred**2), **CLOSE)
    np.testing.assert_allclose(mean_squared_overlap(shifted), np.mean(cosines(shifted) ** 2), **CLOSE)


# blocks that divide the number of rows, that do not, that are larger, and of one row
@pytest.mark.parametrize("block", [1, 3, 5, 10, 11, 64])
def test_the_largest_overlap_is_found_in_whatever_block_it_is(block):
    weights = np.concatenate([np.eye(10), np.zeros((10, 2))], axis=1)
    for one, other in [(0, 9), (4, 5), (8, 2)]:
        close = weights.copy()
        close[one] = 0.6 * weights[one] - 0.8 * weights[other]
        np.testing.assert_allclose(max_overlap(close, block=block), 0.8, **CLOSE)


def test_parallel_rows_do_not_overlap_by_more_than_one():
    row = np.random.default_rng(0).normal(size=(200, 1, 7))
    found = jax.vmap(max_overlap)(np.concatenate([row, -0.3 * row], axis=1))
    assert np.max(found) <= 1
    np.testing.assert_allclose(found, 1, rtol=0, atol=1e-15)


@pytest.mark.parametrize("size", SIZES)
def test_interference_and_dimensionality_are_those_of_all_pairs(size):
    weights = draw(*size)
    weights[-1] = 0 if size[0] > 2 else weights[-1]
    n = len(weights)
    for i, (disturbed, dimensionality) in enumerate(
        zip(interference(weights), feature_dimensionality(weights), strict=True)
    ):
        square = sum(weights[i] ** 2)
        if square == 0:
            assert disturbed == dimensionality == 0
            continue
        others = sum(sum(weights[i] * weights[j]) ** 2 / square for j in range(n) if j != i)
        np.testing.assert_allclose(disturbed, others, **CLOSE)
        np.testing.assert_allclose(dimensionality, square / (others + square), **CLOSE)


@pytest.mark.parametrize(
    ("weights", "level"),
    [
        (np.eye(3), 1),
        (TETRAHEDRON, 3 / 4),
        (polygon(3, 1.7), 2 / 3),
        (polygon(4), 1 / 2),
        (at(10, 190), 1 / 2),
        (polygon(5, 0.3), 2 / 5),
        (antiprism(), 3 / 8),
    ],
)
def test_known_figures_have_their_dimensionality(weights, level):
    np.testing.assert_allclose(feature_dimensionality(weights), np.full(len(weights), level), **CLOSE)
    assert any(level == plateau for plateau in PLATEAUS)
    # each of the others is at the same lengths and shares what is left: D = |W|^2 / (|W|^2 + I)
    squares = np.sum(weights**2, axis=1)
    np.testing.assert_allclose(interference(weights), squares * (1 / level - 1), **CLOSE)


# a few sizes only: each compiles anew
@given(st.sampled_from(SIZES), st.integers(0, 2**31))
@settings(max_examples=40)
def test_dimensionality_is_at_most_the_leverage_and_sums_to_no_more_than_the_rank(size, seed):
    n, m = size
    weights = draw(n, m, seed)
    leverage = np.sum(np.linalg.qr(weights)[0] ** 2, axis=1) if n > m else np.ones(n)
    found = np.asarray(feature_dimensionality(weights))
    # rounding, which a badly conditioned draw of weights may amplify
    assert np.all(found <= leverage + 1e-9)
    assert np.sum(found) <= min(n, m) + 1e-9


@given(st.sampled_from(SIZES), st.integers(0, 2**31))
@settings(max_examples=30)
def test_no_rotation_order_or_sign_changes_the_geometry(size, seed):
    n, m = size
    weights = draw(n, m, seed)
    source = np.random.default_rng(seed)
    order, signs = source.permutation(n), source.choice([-1.0, 1.0], size=(n, 1))
    moved = (signs * weights)[order] @ np.linalg.qr(source.normal(size=(m, m)))[0]
    for of_all in (mean_squared_overlap, max_overlap, tightness, represented_fraction):
        np.testing.assert_allclose(of_all(moved), of_all(weights), rtol=1e-11, atol=1e-12)
    for of_each in (interference, feature_dimensionality):
        np.testing.assert_allclose(of_each(moved), of_each(weights)[order], rtol=1e-11, atol=1e-11)
    # lengths of rows do not count for overlaps, nor the unit for dimensionality
    lengths = source.uniform(0.1, 10, size=(n, 1))
    np.testing.assert_allclose(mean_squared_overlap(lengths * weights), mean_squared_overlap(weights), **CLOSE)
    np.testing.assert_allclose(max_overlap(lengths * weights), max_overlap(weights), **CLOSE)
    np.testing.assert_allclose(
        feature_dimensionality(7 * weights), feature_dimensionality(weights), rtol=1e-11, atol=1e-12
    )
    np.testing.assert_allclose(interference(7 * weights), 49 * interference(weights), rtol=1e-11, atol=1e-10)
    np.testing.assert_allclose(tightness(7 * weights), tightness(weights), rtol=1e-11, atol=1e-12)


def simplex(n):
    """From its inner products, by Cholesky; its last column is zero."""
    overlaps = n / (n - 1) * np.eye(n) - 1 / (n - 1)
    values, vectors = np.linalg.eigh(overlaps)
    return vectors[:, 1:] * np.sqrt(values[1:])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_mean_overlap_loses_nothing_to_cancellation(dtype):
    eps = np.finfo(dtype).eps
    # 1 / m^2 of a simplex is 2.5e-5; the difference of the textbook form is one of numbers of order 201
    weights = simplex(201).astype(dtype)
    np.testing.assert_allclose(mean_squared_overlap(weights), 1 / 200**2, rtol=20 * eps, atol=0)
    # orthonormal rows: products of rounding errors, which are some units in the last place
    rows = np.linalg.qr(draw(300, 300))[0].astype(dtype)
    assert mean_squared_overlap(rows) < (10 * eps) ** 2
    assert mean_squared_overlap(rows[:100]) < (10 * eps) ** 2


@pytest.mark.parametrize("size", [(2, 1), (3, 2), (5, 2), (30, 6), (6, 6), (3, 8)])
def test_no_code_is_below_welch(size):
    bound = welch_bound(*size)
    for seed in range(5):
        weights = draw(*size, seed)
        found = cosines(weights)
        assert np.mean(found**2) >= bound - 1e-14
        assert np.max(np.abs(found)) >= np.sqrt(bound) - 1e-14


def test_tight_frames_reach_welch_and_equiangular_ones_with_every_pair():
    np.testing.assert_allclose(np.mean(cosines(polygon(5)) ** 2), welch_bound(5, 2), **CLOSE)
    assert np.max(np.abs(cosines(polygon(5)))) > np.sqrt(welch_bound(5, 2)) + 0.1
    np.testing.assert_allclose(cosines(TETRAHEDRON) ** 2, np.full(12, welch_bound(4, 3)), **CLOSE)


def test_welch_broadcasts_and_has_its_edges():
    n, m = np.array([2, 16, 400]), np.array([[1], [6], [16], [400]])
    expected = [[max(0, (a - b) / (b * (a - 1))) for a in (2, 16, 400)] for b in (1, 6, 16, 400)]
    np.testing.assert_allclose(welch_bound(n, m), expected, rtol=1e-15, atol=0)
    assert welch_bound(7, 7) == 0
    assert welch_bound(7, 1) == 1


def test_the_overlap_of_random_directions_is_that_of_the_sphere():
    # in the plane: the mean of cos^2, and of cos^4 which is 3/8
    np.testing.assert_allclose(random_code_overlap(2), (1 / 2, 3 / 8 - 1 / 4), rtol=1e-15, atol=0)
    # on a line: always 1
    np.testing.assert_allclose(random_code_overlap(1), (1, 0), rtol=0, atol=0)
    for m in (3, 4, 9):
        # a coordinate t of the sphere has the density (1 - t^2)^((m - 3) / 2)
        moments = [integrate.quad(lambda t, k=k, m=m: t**k * (1 - t**2) ** ((m - 3) / 2), -1, 1)[0] for k in (0, 2, 4)]
        mean, square = np.divide(moments[1:], moments[0])
        # quadrature is good to 1e-10
        np.testing.assert_allclose(random_code_overlap(m), (mean, square - mean**2), rtol=1e-9, atol=0)
        np.testing.assert_allclose(random_code_overlap(m), stats.beta(0.5, (m - 1) / 2).stats("mv"), rtol=1e-12, atol=0)
    found = random_code_overlap(np.array([2, 5]))
    assert found.mean.shape == found.variance.shape == (2,)


@pytest.mark.parametrize("size", SIZES)
def test_tightness_is_the_distance_from_a_multiple_of_the_identity(size):
    weights = draw(*size)
    n, m = size
    gram = sum(np.outer(row, row) for row in weights)
    level = np.trace(gram) / m
    distance = np.linalg.norm(gram - level * np.eye(m)) / np.linalg.norm(level * np.eye(m))
    np.testing.assert_allclose(tightness(weights), distance, **CLOSE)
    unit = weights / np.linalg.norm(weights, axis=1, keepdims=True)
    uncut = (n - m) / (m * (n - 1))
    np.testing.assert_allclose(
        tightness(unit) ** 2, m * (1 - 1 / n) * (np.mean(cosines(unit) ** 2) - uncut), rtol=1e-11, atol=1e-12
    )
    assert tightness(weights) >= np.sqrt(max(0, (m - n) / n)) - 1e-13


def test_tightness_at_its_ends():
    for frame in (polygon(5), TETRAHEDRON, antiprism(), np.eye(4)):
        assert tightness(3 * frame) < 1e-15 * len(frame)
    np.testing.assert_allclose(tightness(np.outer([1.0, -2, 3], [1.0, 2, 0, 4, 5])), np.sqrt(4), **CLOSE)
    np.testing.assert_allclose(tightness(np.eye(3, 7)), np.sqrt(4 / 3), **CLOSE)


def test_the_represented_are_longer_than_the_threshold():
    weights = at(0, 50, 100, 200) * np.array([[0.2], [0.5], [0.6], [1.5]])
    weights[1] = [0.5, 0]  # exactly at the threshold
    assert represented_fraction(weights) == 0.5
    assert represented_fraction(weights, threshold=1) == 0.25
    assert represented_fraction(weights, threshold=0) == 1
    assert represented_fraction(np.zeros((3, 2)), threshold=0) == 0


# --- plateaus


def test_an_excess_is_what_the_neighbourhood_does_not_explain():
    window, lower, upper = [0.41, 0.5, 0.5, 0.59], [0.21, 0.3, 0.39], [0.61, 0.79]
    elsewhere = [0.0, 0.05, 0.15, 0.85, 1.0, 1.0]
    found = plateau_excess(np.array([*window, *lower, *upper, *elsewhere]), levels=(0.5,), width=0.1)
    assert found.count.tolist() == [4]
    # window and flanks are of one length, and each flank counts half
    np.testing.assert_allclose(found.expected, [2.5], rtol=1e-12, atol=0)
    np.testing.assert_allclose(found.excess, [1.5], rtol=1e-12, atol=0)
    np.testing.assert_allclose(found.standard_error, [np.sqrt(4 + (3 + 2) / 4)], rtol=1e-12, atol=0)


@pytest.mark.parametrize("turn", [lambda d: d, lambda d: 1 - d])
def test_at_an_end_the_line_is_continued(turn):
    window, near, far = [0.91, 1.0, 1.0, 1.0], [0.71, 0.8, 0.81, 0.82, 0.89], [0.51, 0.6, 0.69]
    found = plateau_excess(turn(np.array([*window, *near, *far, 0.3, 0.4])), levels=(float(turn(1.0)),), width=0.1)
    assert found.count.tolist() == [4]
    # densities 25 at 0.8 and 15 at 0.6 are 32.5 at 0.95, over a length of 0.1
    np.testing.assert_allclose(found.expected, [3.25], rtol=1e-12, atol=0)
    # weights 0.1 * 1.75 / 0.2 and 0.1 * 0.75 / 0.2
    variance = 4 + 0.875**2 * 5 + 0.375**2 * 3
    np.testing.assert_allclose(found.standard_error, [np.sqrt(variance)], rtol=1e-12, atol=0)


def test_a_flank_leaves_out_the_window_of_another_level():
    # the upper flank of 0.5, from 0.55 to 0.65, keeps only what is below 0.57: centre 0.56, length 0.02
    sample = np.array([0.5, 0.5, 0.36, 0.4, 0.42, 0.44, 0.555, 0.565, *[0.62] * 50])
    found = plateau_excess(sample, levels=(0.5, 0.62), width=0.05)
    assert found.count.tolist() == [2, 50]
    # densities 40 at 0.40 and 100 at 0.56 are 77.5 at 0.50, over a length of 0.1
    np.testing.assert_allclose(found.expected[0], 7.75, rtol=1e-12, atol=0)
    np.testing.assert_allclose(found.standard_error[0], np.sqrt(2 + 0.375**2 * 4 + 3.125**2 * 2), rtol=1e-12, atol=0)
    # where less than a quarter of the width is left, the next flank on the other side, from 0.25 to 0.35, stands in
    found = plateau_excess(np.array([0.3, 0.31, *sample]), levels=(0.5, 0.61), width=0.05)
    # densities 40 at 0.4 and 20 at 0.3 are 60 at 0.5
    np.testing.assert_allclose(found.expected[0], 6, rtol=1e-12, atol=0)


@pytest.mark.parametrize("slope", [-1.9, 0.0, 1.2])
def test_a_linear_density_has_no_excess(slope):
    # quantiles of 1 + slope (d - 1/2): no noise but that of whole numbers
    size = 400_000
    share = (np.arange(size) + 0.5) / size
    if slope:
        base = 1 - slope / 2
        sample = (np.sqrt(base**2 + 2 * slope * share) - base) / slope
    else:
        sample = share
    found = plateau_excess(sample)
    # each count is off by less than two, and no flank counts more than threefold; the windows hold thousands
    assert np.all(np.abs(found.excess) < 8)
    # and so has every other choice of levels and of the width
    found = plateau_excess(sample, levels=(0.0, 0.31, 0.36, 0.9, 0.97), width=0.024)
    assert np.all(np.abs(found.excess) < 8 * 5)  # a short flank counts up to seven times


def curvature(a, b, x, step=1e-3):
    density = stats.beta(a, b).pdf
    return (density(x + step) - 2 * density(x) + density(x - step)) / step**2


# weight, beginning and end of what is counted for each level at a width of 0.02, worked out by hand: at 1 the line goes
# on from two flanks; 2/5 and 3/8 leave a flank of 0.015 of each other, centred at 0.3475 and at 0.4275
FLANKS = {
    1: [(1, 0.98, 1), (-0.875, 0.94, 0.98), (0.375, 0.90, 0.94)],
    3 / 4: [(1, 0.73, 0.77), (-0.5, 0.69, 0.73), (-0.5, 0.77, 0.81)],
    2 / 3: [(1, 2 / 3 - 0.02, 2 / 3 + 0.02), (-0.5, 2 / 3 - 0.06, 2 / 3 - 0.02), (-0.5, 2 / 3 + 0.02, 2 / 3 + 0.06)],
    1 / 2: [(1, 0.48, 0.52), (-0.5, 0.44, 0.48), (-0.5, 0.52, 0.56)],
    2 / 5: [(1, 0.38, 0.42), (-400 / 925 * 8 / 3, 0.34, 0.355), (-525 / 925, 0.42, 0.46)],
    3 / 8: [(1, 0.355, 0.395), (-525 / 925, 0.315, 0.355), (-400 / 925 * 8 / 3, 0.42, 0.435)],
}


@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (1.5, 4)])
def test_a_smooth_density_has_an_excess_within_its_error(shape):
    below = stats.beta(*shape).cdf
    # what is left of a smooth density, as a share of all features
    left = np.array([sum(w * (below(high) - below(low)) for w, low, high in FLANKS[level]) for level in PLATEAUS])
    size = 400_000
    even = plateau_excess(stats.beta(*shape).ppf((np.arange(size) + 0.5) / size))
    # every count is within one of its mean, and they are weighed by 1 + 0.6 + 1.2 at most
    np.testing.assert_allclose(even.excess, size * left, rtol=0, atol=3)

    features, networks = 1000, 400
    source = np.random.default_rng(3)
    runs = [plateau_excess(source.beta(*shape, size=features)) for _ in range(networks)]
    excess = np.array([run.excess for run in runs])
    error = np.array([run.standard_error for run in runs])
    # four standard errors
    distance = np.abs(excess.mean(axis=0) - features * left)
    assert np.all(distance < 4 * excess.std(axis=0) / np.sqrt(networks))
    # so that a thousand features do not tell the bias from chance, where there are any features at all
    some = np.mean([run.count for run in runs], axis=0) > 1
    assert np.all((np.abs(features * left) < 0.5 * error.mean(axis=0))[some])
    assert np.all(some[1:])
    # the standard error is the deviation over networks, to four times sqrt(2 / 400), where counts are large; that the
    # total is fixed lowers the deviation by a few hundredths
    ratio = np.var(excess, axis=0) / np.mean(error**2, axis=0)
    assert np.all(np.abs(ratio - 1)[1:] < 4 * np.sqrt(2 / networks) + 0.05)


def test_the_bias_of_a_curved_density_is_the_one_stated():
    size, width = 1_000_000, 0.02
    sample = stats.beta(3, 3).ppf((np.arange(size) + 0.5) / size)
    found = plateau_excess(sample, levels=(0.5, 1.0), width=width)
    # between flanks the next order is that of the fourth derivative, a hundredth; at the end that of the third,
    # which is -6 of the second there, times the width
    inside, end = size * width**3 * np.array([-4 * curvature(3, 3, 0.5), 2.5 * curvature(3, 3, 1 - 2 * width)])
    np.testing.assert_allclose(found.excess[0], inside, rtol=0.01, atol=4)
    np.testing.assert_allclose(found.excess[1], end, rtol=0.3, atol=4)


def test_planted_features_are_the_excess():
    source = np.random.default_rng(0)
    smooth = source.beta(2, 3, size=3000)
    planted = {1: 40, 3 / 4: 5, 2 / 3: 11, 1 / 2: 70, 2 / 5: 33, 3 / 8: 21}
    both = np.concatenate([smooth, *(np.full(number, level) for level, number in planted.items())])
    before, after = plateau_excess(smooth), plateau_excess(source.permutation(both).reshape(2, -1))
    np.testing.assert_allclose(after.excess - before.excess, list(planted.values()), rtol=0, atol=1e-9)
    np.testing.assert_array_equal(after.count - before.count, list(planted.values()))
    np.testing.assert_allclose(after.excess, after.count - after.expected, rtol=0, atol=1e-12)


# --- the small picture


@pytest.mark.parametrize(
    ("degrees", "form"),
    [
        ([], "nothing"),
        ([77], "one feature"),
        ([10, 100], "orthogonal pair"),
        ([350, 80], "orthogonal pair"),
        ([10, 190], "antipodal pair"),
        ([10, 150], "other"),
        ([0, 120, 240], "triangle"),
        ([40, 130, 220], "one pair and one"),
        ([310, 40, 220], "one pair and one"),
        ([0, 60, 180], "other"),
        ([5, 95, 185, 275], "two pairs"),
        ([0, 60, 180, 240], "other"),
        ([1, 73, 145, 217, 289], "pentagon"),
        ([0, 60, 120, 180, 240], "other"),
        ([0, 60, 120, 180, 240, 300], "hexagon"),
        ([0, 50, 100, 150, 200, 250, 300], "other"),
    ],
)
def test_figures_have_their_names(degrees, form):
    source = np.random.default_rng(len(degrees))
    rows = at(*degrees, length=1.1) if degrees else np.zeros((0, 2))
    rows = np.concatenate([rows, at(33, length=0.4)])  # and one that is not represented
    order = source.permutation(len(rows))
    found = feature_geometry(rows[order])
    assert found.form == form
    np.testing.assert_allclose(found.angles, sorted(degrees), rtol=0, atol=1e-10)
    np.testing.assert_allclose(found.norms, np.full(len(degrees), 1.1), rtol=1e-14, atol=0)
    assert found.gaps.shape == found.angles.shape
    if degrees:
        np.testing.assert_allclose(np.sum(found.gaps), 360, rtol=1e-14, atol=0)
        np.testing.assert_allclose((found.angles + found.gaps) % 360, np.roll(sorted(degrees), -1), rtol=0, atol=1e-10)
    # the features are the rows at those angles
    np.testing.assert_allclose(rows[order][found.features], at(*sorted(degrees), length=1.1), rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        found.dimensionality, feature_dimensionality(rows[order])[found.features], rtol=0, atol=1e-15
    )


def test_a_figure_may_miss_its_gaps_by_the_tolerance():
    bent = at(0, 72 + 3.9, 144, 216, 288)
    assert feature_geometry(bent).form == "pentagon"
    assert feature_geometry(bent, tolerance=3.8).form == "other"
    assert feature_geometry(at(0, 94.1)).form == "other"
    assert feature_geometry(at(0, 93.9)).form == "orthogonal pair"
    assert feature_geometry(0.4 * bent).form == "nothing"
    assert feature_geometry(0.4 * bent, threshold=0.3).form == "pentagon"


# --- as functions


def test_float32_stays_float32():
    weights = draw(6, 3).astype(np.float32)
    results = [
        represented_fraction(weights),
        mean_squared_overlap(weights),
        mean_squared_overlap(weights[:2]),
        mean_squared_overlap(weights, centred=True),
        max_overlap(weights),
        interference(weights),
        interference(weights[:3]),
        feature_dimensionality(weights),
        tightness(weights),
        welch_bound(np.float32(7), 3),
        *random_code_overlap(np.float32(7)),
    ]
    assert {result.dtype for result in results} == {np.dtype(np.float32)}


MEASURES = [
    mean_squared_overlap,
    lambda weights: mean_squared_overlap(weights, centred=True),
    max_overlap,
    lambda weights: jnp.sum(interference(weights) ** 2),
    lambda weights: jnp.sum(feature_dimensionality(weights) ** 2),
    tightness,
]


@pytest.mark.parametrize("size", [(5, 3), (3, 5)])
@pytest.mark.parametrize("measure", MEASURES)
def test_measures_may_be_mapped_and_differentiated(measure, size):
    weights = np.stack([draw(*size, 1), draw(*size, 2)])
    mapped = jax.jit(jax.vmap(measure))(weights)
    np.testing.assert_allclose(mapped, [measure(one) for one in weights], rtol=1e-12, atol=0)
    way, step = draw(*size, 3), 1e-3
    near, far = (measure(weights[0] + c * step * way) - measure(weights[0] - c * step * way) for c in (1, 2))
    slope = np.sum(jax.grad(measure)(jnp.asarray(weights[0])) * way)
    # fourth order: 1e-12 times a fifth derivative of order 1000, of a slope of order 1
    np.testing.assert_allclose(slope, (8 * near - far) / (12 * step), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("size", [(5, 3), (3, 5)])
def test_a_row_of_zeros_does_not_spoil_the_gradient(size):
    weights = draw(*size)
    weights[1] = 0
    for measure in MEASURES[3:5]:
        assert np.all(np.isfinite(jax.grad(measure)(jnp.asarray(weights))))


def test_what_has_no_direction_is_not_a_number_under_jit():
    for size in [(5, 3), (3, 5)]:
        weights = draw(*size)
        weights[1] = 0
        assert np.isnan(jax.jit(mean_squared_overlap)(weights))
        assert np.isnan(jax.jit(max_overlap)(weights))
        assert np.isnan(jax.jit(tightness)(0 * weights))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: represented_fraction(np.ones((2, 2)), threshold=-0.1), "threshold must be non-negative, got -0.1"),
        (lambda: represented_fraction(np.ones((0, 2))), "at least 1 x 1 entries, got shape"),
        (lambda: mean_squared_overlap(np.ones((1, 2))), "at least 2 x 1 entries, got shape"),
        (lambda: mean_squared_overlap(np.ones((2, 0))), "at least 2 x 1 entries, got shape"),
        (
            lambda: mean_squared_overlap(np.diag([1.0, 0])),
            r"norms of weights must be positive, got 0.0 at index \(1,\)",
        ),
        (lambda: mean_squared_overlap(np.ones((3, 2)), centred=True), "norms of centred weights must be positive"),
        (lambda: max_overlap(np.ones((1, 2))), "at least 2 x 1 entries"),
        (lambda: max_overlap(np.diag([0.0, 1])), "norms of weights must be positive"),
        (lambda: max_overlap(np.ones((2, 2)), block=0), "block must be a whole number of at least 1, got 0"),
        (lambda: welch_bound(1, 1), "n must be a whole number of at least 2, got 1"),
        (lambda: welch_bound(2.5, 1), "n must be a whole number"),
        (lambda: welch_bound(4, 0), "m must be a whole number of at least 1, got 0"),
        (lambda: random_code_overlap(0), "m must be a whole number of at least 1, got 0"),
        (lambda: tightness(np.zeros((2, 2))), "norm of weights must be positive, got 0.0"),
        (lambda: tightness(np.ones((0, 2))), "at least 1 x 1 entries"),
        (lambda: interference(np.ones((0, 2))), "at least 1 x 1 entries"),
        (lambda: feature_dimensionality(np.ones((0, 2))), "at least 1 x 1 entries"),
        (lambda: plateau_excess(np.array([-0.1])), "dimensionalities must be non-negative, got -0.1"),
        (lambda: plateau_excess(np.array([0.1]), levels=(1.1,)), "levels must be between 0 and 1, got 1.1"),
        (lambda: plateau_excess(np.array([0.1]), levels=(0.5, 0.5)), "levels must be different"),
        (lambda: plateau_excess(np.array([0.1]), width=0.0), "width must be positive"),
        (lambda: plateau_excess(np.array([0.1]), levels=(0.5,), width=0.5), "width must leave every level two flanks"),
        (lambda: feature_geometry(np.full((2, 2), np.nan)), "weights must be finite"),
        (lambda: feature_geometry(np.ones((2, 2)), threshold=-1.0), "threshold must be non-negative"),
        (lambda: feature_geometry(np.ones((2, 2)), tolerance=-1.0), "tolerance must be non-negative"),
        (lambda: feature_geometry.__wrapped__(np.ones((2, 3))), r"weights must have shape \(any, 2\)"),
        (lambda: interference.__wrapped__(np.ones(3)), r"weights must have shape \(any, any\)"),
    ],
)
def test_refuses_what_it_cannot_answer(call, message):
    with pytest.raises(ValueError, match=message):
        call()
