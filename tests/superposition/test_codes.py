"""The loss of codes with overlaps of a known law: by Monte Carlo with other minimisers, and by its limits."""

import jax
import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar
from scipy.stats import norm

from solvable.superposition.theory import codes
from solvable.superposition.theory.codes import code_constant, code_loss

# one size, and one compiled program; most ranks have a law of their own, and the others are interpolated
N = 20
EVEN = np.full(N, 1 / N)
STEEP = np.arange(1.0, N + 1) ** -1 / np.sum(np.arange(1.0, N + 1) ** -1)
LAWS = ("random", "equiangular")


def examples(frequencies, count, draw):
    """Which features are active where, and how strongly: rows, columns and values."""
    rows, columns = np.nonzero(draw.random((count, N)) < frequencies)
    return rows, columns, draw.uniform(0, 2, size=len(rows))


def overlap(law, m, size, draw):
    sign = draw.choice([-1.0, 1.0], size=size)
    if law == "equiangular":
        return sign * np.sqrt((N - m) / (m * (N - 1)))
    # the square of a coordinate of a random direction
    return sign * np.sqrt(draw.beta(1 / 2, (m - 1) / 2, size=size))


def by_monte_carlo(frequencies, m, law, g, count):
    """Loss and its standard error; features of the same frequency count as one."""
    draw = np.random.default_rng([m, count, LAWS.index(law)])
    rows, columns, values = examples(frequencies, count, draw)
    total = np.zeros(count)
    kinds, multiplicity = np.unique(frequencies, return_counts=True)
    for p, times in zip(kinds, multiplicity, strict=True):
        feature = int(np.flatnonzero(frequencies == p)[0])
        others = columns != feature
        seen = overlap(law, m, others.sum(), draw) * values[others]
        interference = g * np.bincount(rows[others], weights=seen, minlength=count)
        v = draw.uniform(0, 2, size=count)

        def loss(b, p=p, interference=interference, v=v):
            active = (np.maximum(g * v + b + interference, 0) - v) ** 2
            return p * active + (1 - p) * np.maximum(b + interference, 0) ** 2

        best = minimize_scalar(lambda b: loss(b).mean(), bounds=(-5, 1), method="bounded", options={"xatol": 1e-4}).x
        total += times * loss(best)
    return total.mean(), total.std() / np.sqrt(count)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("m", "g"), [(3, 0.7), (12, 1.15)])
@pytest.mark.parametrize(("frequencies", "count"), [(EVEN, 300_000), (STEEP, 25_000)], ids=["even", "steep"])
def test_the_loss_is_that_of_drawn_overlaps(frequencies, count, m, g, law):
    found = code_loss(frequencies, m, overlaps=law, square_norm=g)
    expected, error = by_monte_carlo(frequencies, m, law, g, count)
    assert error < 0.02 * expected
    # four standard errors; the quadrature over strengths and what is interpolated are good to a thousandth
    assert abs(found.loss - expected) < 4 * error + 1e-3 * expected
    assert found.square_norm == pytest.approx(g, rel=1e-14)


@pytest.mark.parametrize("law", LAWS)
def test_the_best_length_is_the_best(law):
    best = code_loss(STEEP, 6, overlaps=law)
    g = float(best.square_norm)
    again, shorter, longer = (float(code_loss(STEEP, 6, overlaps=law, square_norm=g * c).loss) for c in (1, 0.9, 1.1))
    assert again == pytest.approx(float(best.loss), rel=1e-8)
    assert min(shorter, longer) > best.loss
    # a parabola through the three in the logarithm
    a, c = np.log(0.9), np.log(1.1)
    slopes = (again - shorter) / -a, (longer - again) / c
    vertex = -(slopes[0] * c - slopes[1] * a) / (c - a) / (2 * (slopes[1] - slopes[0]) / (c - a))
    # a third derivative as large as the second moves it by 0.1² / 2
    assert abs(vertex) < 0.01
    grid = [float(code_loss(STEEP, 6, overlaps=law, square_norm=c).loss) for c in (0.1, 0.3, 0.6, 1.5, 2.0, 3.0)]
    assert min(grid) > best.loss


def test_wider_is_better_and_equal_overlaps_are_too():
    widths = [2, 3, 5, 8, 13, 19, 40, 200, 1000]
    for frequencies in (EVEN, STEEP):
        random = [float(code_loss(frequencies, m, overlaps="random").loss) for m in widths]
        equal = [float(code_loss(frequencies, m, overlaps="equiangular").loss) for m in widths[:6]]
        assert (np.diff(random) < 0).all()
        assert (np.diff(equal) < 0).all()
        assert (np.array(equal) < random[:6]).all()
        # where all say 0, or nearly, no more than that is lost: 4/3 of the density
        assert max(random) < 4 / 3


def test_almost_as_many_dimensions_as_features_leave_almost_no_overlap():
    found = code_loss(EVEN, N - 1, overlaps="equiangular")
    # variance of the interference 4/3 / (m (n - 1)), for each feature in proportion to how often it is active
    assert found.loss < 4 / 3 / (N - 1) ** 2 * 20
    assert abs(found.square_norm - 1) < 0.15


def constant(frequencies, count=400_000, bins=400):
    """The limit by other means: lengths of drawn examples, closed means over normal overlaps, minimisers of SciPy."""
    draw = np.random.default_rng(2)
    rows, columns, values = examples(frequencies, count, draw)
    features = []
    for p, times in zip(*np.unique(frequencies, return_counts=True), strict=True):
        others = columns != int(np.flatnonzero(frequencies == p)[0])
        squares = np.sort(np.bincount(rows[others], weights=values[others] ** 2, minlength=count))
        # means over groups of nearly equal lengths; the first of them are exactly 0
        silent = np.searchsorted(squares, 0, side="right")
        groups = [part.mean() for part in np.array_split(squares[silent:], bins)]
        features.append((p, times, squares.mean(), 1 - silent / count, np.sqrt(groups)))

    def best_bias(gamma, p, square, heard, deviation):
        def loss(beta):
            z = beta / deviation
            relu = (beta**2 + deviation**2) * norm.cdf(z) + beta * deviation * norm.pdf(z)
            active = 4 / 3 * gamma**2 + 2 * gamma * beta + beta**2 + square
            return p * active + (1 - p) * (heard * relu.mean() + (1 - heard) * max(beta, 0) ** 2)

        return minimize_scalar(loss, bounds=(-9, 1), method="bounded", options={"xatol": 1e-5}).fun

    def total(gamma):
        return sum(times * best_bias(gamma, p, *rest) for p, times, *rest in features)

    return minimize_scalar(total, bounds=(0, 9), method="bounded", options={"xatol": 1e-3}).fun


@pytest.mark.parametrize("frequencies", [EVEN, STEEP], ids=["even", "steep"])
def test_the_loss_of_a_random_code_falls_as_one_over_the_width(frequencies):
    limit = float(code_constant(frequencies))
    # mean squares of 400 000 examples, each to 1.5 / sqrt(400 000) of itself: four standard errors
    np.testing.assert_allclose(limit, constant(frequencies), rtol=1e-2, atol=0)
    widths = np.array([512, 1024, 2048, 4096, 65_536])
    products = widths * [float(code_loss(frequencies, int(m), overlaps="random").loss) for m in widths]
    # from above, by 1/sqrt(m)
    assert (np.diff(products) < 0).all()
    assert products[-1] > limit
    assert products[0] / products[3] < 1.06
    # without that order 1/m is left, 2e-4, and a quadrature over strengths, of whose nodes a bias of a few 1/sqrt(m)
    # meets few: half a per cent
    np.testing.assert_allclose((4 * products[4] - products[3]) / 3, limit, rtol=5e-3, atol=0)


def test_the_widest_codes_follow_the_limit():
    limit = float(code_constant(EVEN))
    for m in (10**6, 10**8):
        np.testing.assert_allclose(m * code_loss(EVEN, m, overlaps="random").loss, limit, rtol=2e-2, atol=0)


@pytest.mark.parametrize("law", LAWS)
def test_where_features_are_rare_they_meet_one_at_a_time(law):
    m, density = 8, 1e-4
    nodes, masses = np.polynomial.legendre.leggauss(400)
    v, masses = nodes + 1, masses / 2
    if law == "random":
        angle = np.pi * (nodes + 1) / 2
        overlaps, weights = np.cos(angle), masses * np.sin(angle) ** (m - 2)
    else:
        overlaps, weights = np.array([-1, 1]) * np.sqrt((N - m) / (m * (N - 1))), np.ones(2)
    weights = weights / weights.sum()

    def loss(p):
        g, b = p
        alone = masses @ (np.maximum(g * v + b, 0) - v) ** 2
        # what one active feature says in the place of each of the others
        other = masses @ np.maximum(b + g * v[:, None] * overlaps, 0) ** 2 @ weights
        return alone + (N - 1) * other

    best = minimize(loss, [1.0, -0.3], method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-10})
    found = code_loss(density * EVEN, m, overlaps=law)
    # two others at once, in one of 10 000 examples, and what they add with a weight of N; the quadrature's 1e-3
    np.testing.assert_allclose(found.loss / density, best.fun, rtol=3e-3, atol=0)
    # a minimum is flat: its place is known to the root of that
    np.testing.assert_allclose(found.square_norm, best.x[0], rtol=np.sqrt(1e-3), atol=0)


def test_the_precision_is_that_of_the_frequencies():
    for law in LAWS:
        double, single = (code_loss(p, 6, overlaps=law) for p in (STEEP, STEEP.astype(np.float32)))
        assert double.loss.dtype == double.square_norm.dtype == np.float64
        assert single.loss.dtype == single.square_norm.dtype == np.float32
        # sums over 4096 places in single precision; a minimum is flat
        np.testing.assert_allclose(single.loss, double.loss, rtol=1e-3, atol=0)
        np.testing.assert_allclose(single.square_norm, double.square_norm, rtol=2e-2, atol=0)
    # traced and not compiled
    place = jax.ShapeDtypeStruct
    traced = jax.eval_shape(
        codes._code_constant, place((N,), np.float32), place((7,), np.int64), place((codes.LATTICE,), np.float32)
    )
    assert traced.dtype == np.float32
    assert code_loss(jax.numpy.asarray(STEEP), 6, overlaps="random").loss.shape == ()
    np.testing.assert_allclose(code_loss(STEEP, 6, overlaps="random", square_norm=1).square_norm, 1, rtol=1e-14, atol=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: code_loss.__wrapped__(EVEN, 3, overlaps="normal"), "overlaps must be one of 'random', 'equiangular'"),
        (lambda: code_loss(EVEN, 1, overlaps="random"), "m must be a whole number of at least 2, got 1"),
        (lambda: code_loss(EVEN[:1], 2, overlaps="random"), "the number of frequencies must be .* at least 2, got 1"),
        (lambda: code_loss(EVEN[::-1] - 0.01 * np.arange(N)[::-1] / N, 2, overlaps="random"), "must not increase"),
        (lambda: code_loss(2.1 * EVEN, 2, overlaps="random"), "nor add up to more than 2, got a sum of 2.1"),
        (lambda: code_loss(np.array([1.2, 0.1]), 2, overlaps="random"), "frequencies must be between 0 and 1"),
        (lambda: code_loss(np.array([0.5, 0.0]), 2, overlaps="random"), "frequencies must be positive"),
        (lambda: code_loss(EVEN, 2, overlaps="random", square_norm=0.0), "square_norm must be positive"),
        (lambda: code_loss(EVEN, 2, overlaps="random", square_norm=np.inf), "square_norm must be positive"),
        (lambda: code_loss(EVEN, N, overlaps="equiangular"), "m must be below the number of frequencies, 20, got 20"),
        (lambda: code_constant(EVEN[:1]), "the number of frequencies must be a whole number of at least 2"),
        (lambda: code_constant(STEEP[::-1]), "frequencies must not increase"),
        (lambda: code_constant(np.array([0.5, 0.0])), "frequencies must be positive"),
    ],
)
def test_refuses_what_is_no_code(call, message):
    with pytest.raises(ValueError, match=message):
        call()
