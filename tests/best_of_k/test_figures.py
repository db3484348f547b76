"""The figures of best-of-k draw the numbers that they are given: theory as lines, measurements as markers."""

import numpy as np
import pytest
from matplotlib.colors import same_color
from scipy.special import erf, gamma

from solvable import style
from solvable.best_of_k import figures as package
from solvable.best_of_k.figures import counting, numerics, selection, temperature
from tests.figure_rules import (
    check_can_be_read,
    check_every_figure_is_tested,
    check_figure,
    check_legends_cover_nothing,
    legend_texts,
    lines,
    marked,
    notes,
)

pytestmark = pytest.mark.usefixtures("book_look")

MODULES = (counting, numerics, selection, temperature)
# a rounding of double precision, of sums and products
EXACT = {"rtol": 1e-12, "atol": 1e-12}
RANDOM = np.random.default_rng(0)

KS = 2.0 ** np.arange(31)
FEW = 2.0 ** np.arange(7)
SOME = 2.0 ** np.arange(0, 17, 2)
FINE = np.geomspace(1, 128, 60)
RATIOS = np.geomspace(0.01, 2, 40)
COARSE = np.geomspace(0.01, 2, 6)
SAMPLES = np.geomspace(100, 1e5, 50)


def _fall(k, coefficient=3.3):
    """About the shape of an exact error."""
    return coefficient / ((k + 1) * (k + 2)) * (1 + 0.6 / k)


def _seeds(curve):
    return curve * (1 + 0.15 * RANDOM.standard_normal((5, len(curve))))


def _near(x, curve, relative=0.02):
    """Measured means that stray from a curve by their standard errors."""
    errors = relative * np.abs(curve)
    return np.asarray(x), curve + errors * RANDOM.standard_normal(len(curve)), errors


def _warm(k, c):
    """Errors that fall and then, for judges far beyond the teacher, rise again."""
    end = 0.92 + 0.0015 * (c - 10) ** 2 * (c > 10)
    return end + (1.04 - end) / k - 0.4 * (c > 10) * (c - 10) / 10 * (1 - 1 / k) / k


def _excess(k, a):
    return ((1 + 2 * a * (0.2 - a)) * np.exp(a**2) * np.pi) / ((k + 1) * (k + 2)) + 3 / k**4


def _compared(k):
    places, means, errors = _near(k, _fall(k))
    return places, means, errors, _fall(k)


A = np.linspace(-3, 3, 201)
WARM_A = np.concatenate([A[:100], A[101:]])  # without the pole
GRID_A, GRID_B = (axis.ravel() for axis in np.meshgrid(np.linspace(-2.8, 2.8, 12), np.linspace(-1.5, 1.5, 9)))


def _pairs(t):
    finite = (1 / (1 + t) + 2 / (2 + t)) * GRID_A**2 > 1 + 2 * GRID_A * GRID_B
    pairs = np.column_stack([GRID_A, GRID_B])
    return pairs[finite], pairs[~finite]


def _boundary(t):
    return ((1 / (1 + t) + 2 / (2 + t)) * WARM_A**2 - 1) / (2 * WARM_A)


LAWS = {
    "matched": (RATIOS * 1.1, RATIOS**2, 1 + RATIOS * 1.1),
    "too narrow": (RATIOS * 0.9 + 0.3, RATIOS**2 + 0.3, 1 + RATIOS / 2),
    r"too wide": (RATIOS * 1.6, RATIOS**2 / 5, 1 + RATIOS * 1.7),
}
MEASURED_LAWS = {
    "matched": (_seeds(COARSE * 1.1), _seeds(1 + COARSE * 1.1)),
    "too narrow": (_seeds(COARSE * 0.9 + 0.3), _seeds(1 + COARSE / 2)),
    "too wide": (_seeds(COARSE * 1.6), _seeds(1 + COARSE * 1.7)),
}
GAIN = {"streamed": _compared(2.0 ** np.arange(17)), "drawn at once": _compared(2.0 ** np.arange(0, 31, 3))}
TAU2 = (0.1, 0.25, 0.5, 0.6, 0.75, 0.9)
VARIANCES = np.linspace(0.1, 1.1, 60)
SLOPES = {
    "$2^8$ to $2^{16}$": (TAU2, np.minimum(2, 1 / np.array(TAU2)) - 0.05),
    "$2^{28}$ to $2^{30}$": (TAU2, np.minimum(2, 1 / np.array(TAU2)) - 0.01),
}
OFFSETS = (5, 10, 15, 20, 25)
BEST_K = {5: np.inf, 10: np.inf, 15: 4.0, 20: 2.0, 25: 1.5}
MINIMA = {c: (k, _warm(k, c)) for c, k in BEST_K.items()}
JUDGED = {c: _near(FEW, _warm(FEW, c), 0.002) for c in (5, 15, 20)}
SINGLE = {a: _excess(KS[:11], a) for a in (-0.5, 0.5, 0.8, 0.82, 1.0, 1.5)}
DISTANCE = np.linspace(0, 2, 50)
TURN = 1.2 - 0.6 * DISTANCE + 0.3 * DISTANCE**2

T = np.geomspace(0.1, 100, 80)
BY_K = {3: 12.2, 10: 25.2, 100: 30.5, np.inf: 31.0}
HEAT = {k: 1 + 0.2 * (np.log(T / best)) ** 2 / (1 + 1 / k) for k, best in BY_K.items()}
OPTIMA = {3: (12.2, 1.0), 10: (25.2, 1.0), 100: (30.5, 1.0), np.inf: (0.0, 1.0)}
BIASES = np.linspace(0, 6, 40)
BY_BIAS = {k: (2 * (1 - 2 / k) * BIASES**2, 2 * (1 - 2 / k) * (1 + BIASES**2)) for k in (3, 10, 1000)}
FLOORS = {0: 0.0, 0.001: 0.001, 0.01: 0.00993, 0.1: 0.0911, 1: 0.5}
FALLS = {t: _fall(KS[:17]) + floor for t, floor in FLOORS.items()}
C = np.linspace(-1, 4, 80)
BENT = {k: 0.5 + 0.05 * (C - c) ** 2 for k, c in {4: 2.5, 16: 1.4, 256: 1.05, np.inf: 1.0}.items()}
BEST_C = {4: (2.5, 0.5), 16: (1.4, 0.5), 256: (1.05, 0.5), np.inf: (1.0, 0.5)}
FEW_T = np.array([0.1, 0.5, 1, 2, 4])
RESIDUALS = {
    "first order": -1e-1 / (1 + 1 / FINE),
    "second order": 1e-2 / (1 + 1 / FINE),
    "third order": 1e-4 / FINE,
    "third order, published": 3e-3 * (FINE - 20) / FINE**2,
}

TRIES = 2.0 ** np.arange(8)
BETA = {a: gamma(a + 3) / gamma(3) * (KS + 1 / a) ** -a for a in (0.1, 0.3, 0.7, 1.5)}
BETA_LAWS = {a: gamma(a + 3) / gamma(3) * KS**-a for a in BETA}
BENCHMARKS = {Q: BETA[0.3] * np.exp(-KS / Q**3) for Q in (16, 128, 1024)}
COSTS = (0, 0.5, 1, 4)
HARDNESS = np.linspace(0.01, 0.99, 50)[:, None]
WRONG = 0.15 * (1 - HARDNESS)
WORTH = {
    c: np.mean((1 - (1 - HARDNESS - WRONG) ** TRIES) * (HARDNESS - c * WRONG) / (HARDNESS + WRONG), axis=0)
    for c in COSTS
}
CHANCES = np.geomspace(1e-4, 0.9, 60)
NS = np.arange(1, 33)
POLICY = {0.6: (1 + 2 / NS) / 3, 0.3: (1 - 1 / NS) / 3, 0.1: (1 - 1 / NS) ** 2 / 3}
TRAINED = {name: (NS[[0, 1, 3, 15]], q[[0, 1, 3, 15]]) for name, q in POLICY.items()}
STEPS = np.array([4, 16, 64, 256, 1024])
MISSES = np.geomspace(0.3, 1e-4, 60)
FEW_MISSES = np.array([0.1, 0.01, 0.001, 1e-4])
LENGTHS = np.geomspace(100, 1e5, 40)

DRAWS = 2 ** np.arange(10, 28)
GRID_FLOOR = 7.4e-15
HALF = {1e-3: 0.0144, 1e-2: 0.045, 0.1: 0.14}
NANS = {t: (1 - erf(np.sqrt(103.3 * t))) ** FEW for t in HALF}
EFFECTIVE = {1e-3: 25.0, 1e-2: 8.0, 0.1: 2.7, 1: 1.4}
INPUTS = np.array([100, 1000, 10_000, 100_000])
SPREADS = {0.1: (0.02, 0.5), 0.3: (0.06, 0.4), 0.45: (0.2, 0.1)}

ARGUMENTS = {
    "posterior_law": (RATIOS, LAWS, COARSE, MEASURED_LAWS),
    "gain": (KS, _fall(KS), 3.3 / KS**2, GAIN, 0.04),
    "refinement": (KS[:17], _fall(KS[:17]), 3.3 / KS[:17] ** 2, 3.3 / ((KS[:17] + 1) * (KS[:17] + 2))),
    "harder": (
        KS,
        {tau2: (1 + tau2) * KS ** -min(2, 1 / tau2) for tau2 in TAU2},
        (VARIANCES, np.minimum(2, 1 / VARIANCES)),
        SLOPES,
    ),
    "wrong_judge": (FINE, {c: _warm(FINE, c) for c in OFFSETS}, MINIMA, JUDGED, KS[:11], SINGLE),
    "criterion": (WARM_A, {t: _boundary(t) for t in (0, 5)}, {t: _pairs(t) for t in (0, 5)}),
    "over_optimisation": (
        DISTANCE,
        np.exp(-2 * DISTANCE),
        TURN,
        1.0,
        _near(DISTANCE[::7], np.exp(-2 * DISTANCE[::7])),
        _near(DISTANCE[::7], TURN[::7]),
    ),
    "temperatures": (T, HEAT, OPTIMA, BIASES, BY_BIAS),
    "floors": (
        KS[:17],
        FALLS,
        {t: floor for t, floor in FLOORS.items() if t},
        {t: _near(SOME, falls[::2], 0.05) for t, falls in FALLS.items() if t != 1},
    ),
    "best_judge": (C, BENT, BEST_C, {4: (FEW_T, 2.5 * FEW_T), 16: (FEW_T[:3], 1.4 * FEW_T[:3])}),
    "series": (FINE, RESIDUALS),
    "trade": (
        SAMPLES,
        {k: _fall(k) * (1 + 80 / SAMPLES) for k in (1, 2, 16, 256)},
        80 / SAMPLES,
        -80 / SAMPLES,
        -1e-3 / SAMPLES,
        _near(SAMPLES[10::12], -80 / SAMPLES[10::12], 0.1),
    ),
    "estimators": (
        np.arange(1, 51),
        1 - 0.97 ** np.arange(1, 51),
        _near(2.0 ** np.arange(6), 1 - 0.97**2.0 ** np.arange(6)),
        _near(2.0 ** np.arange(6), 0.9 - 0.9 * 0.97**2.0 ** np.arange(6)),
    ),
    "coverage": (KS, BETA, BETA_LAWS, BETA[0.3], BENCHMARKS),
    "verifiers": (
        TRIES,
        WORTH,
        {0: (np.inf, 0.8), 0.5: (8, WORTH[0.5][3]), 1: (4, WORTH[1][2]), 4: (1, WORTH[4][0])},
        {c: _near(TRIES, worth, 0.01) for c, worth in WORTH.items() if c != 1},
        0.82,
    ),
    "policies": (
        CHANCES,
        {n: n * CHANCES * (1 - CHANCES) ** (n - 1) / (1 - (1 - CHANCES) ** n) for n in (1, 4, 16, 64)},
        NS,
        POLICY,
        TRAINED,
    ),
    "verified_gap": (
        np.geomspace(4, 1024, 30),
        1.77 * np.geomspace(4, 1024, 30) ** 0.5,
        _near(STEPS, 1.77 * STEPS**0.5),
    ),
    "emergence": (
        MISSES,
        {n: (1 - MISSES) ** n for n in (10, 100, 1000)},
        np.log(0.5) / np.log(1 - MISSES),
        _near(FEW_MISSES, np.log(0.5) / np.log(1 - FEW_MISSES)),
    ),
    "costs": (LENGTHS, 1e10 * LENGTHS + 1e5 * LENGTHS**2, 3e7 * LENGTHS**2, 1e10 * LENGTHS + 3.01e7 * LENGTHS**2),
    "vanished": (FEW, NANS, {t: _near(FEW, share, 0.01) for t, share in NANS.items()}),
    "grid": (
        DRAWS,
        np.exp(-DRAWS / 2**25),
        (DRAWS, np.exp(-DRAWS / 2**25)),
        DRAWS,
        {"float32": 3.3 / DRAWS**2.0 + GRID_FLOOR, "float64": 3.3 / DRAWS**2.0},
        GRID_FLOOR,
        {"float32": _near(DRAWS, 3.3 / DRAWS**2.0 + GRID_FLOOR, 0.2), "float64": (DRAWS, 3.5 / DRAWS**2.0, None)},
    ),
    "effective": (
        KS[:17],
        {t: KS[:17] / n2 for t, n2 in EFFECTIVE.items()},
        {t: (SOME, 1 + SOME / n2, None) for t, n2 in EFFECTIVE.items()},
    ),
    "heavy": (
        {tau2: _near(INPUTS, first * (INPUTS / 100.0) ** -slope) for tau2, (first, slope) in SPREADS.items()},
        {0.1: -0.5, 0.3: -0.4, 0.45: -0.1},
    ),
}
WITHOUT_MARKERS = {"refinement", "series", "costs"}


def _draw(name):
    return getattr(package, name)(*ARGUMENTS[name])


def _check_line(axes, colour, x, y, *, label=None, dashed=False):
    """There is one curve of this colour and style, and it is this one."""
    drawn = [line for line in lines(axes, colour, "--" if dashed else "-") if len(line.get_xdata()) > 2]
    (line,) = drawn
    np.testing.assert_allclose(line.get_data(), [x, y], **EXACT)
    if label is not None:
        assert line.get_label() == label


def _check_curves(axes, x, curves, symbol, **options):
    for colour, (name, curve) in enumerate(curves.items()):
        number = "∞" if name == np.inf else f"{name:g}".replace("-", "−")
        _check_line(axes, colour, x, curve, label=f"${symbol}$ = {number}", **options)


def _check_marks(axes, colour, measured, *, label=None):
    """Means at their places, and bars from one standard error below to one above."""
    places, means, errors = measured
    (marks,) = marked(axes, colour)
    np.testing.assert_allclose(marks.get_data(), [places, means], **EXACT)
    assert marks.get_marker() == style.MARKERS[colour]
    bars = [bar for bar in axes.containers if bar.lines[0] is marks]
    if errors is None:
        assert not bars
    else:
        ((_, _, (segments,)),) = bars
        ends = np.array([segment[:, 1] for segment in segments.get_segments()]).T
        np.testing.assert_allclose(ends, [np.subtract(means, errors), np.add(means, errors)], **EXACT)
    if label is not None:
        named = bars[0] if bars else marks
        assert named.get_label() == label


def _grey_line(axes):
    """The dashed curve that is a limit, not a level across the panel."""
    (line,) = (
        line
        for line in axes.lines
        if line.get_linestyle() == "--" and same_color(line.get_color(), style.GREY) and len(line.get_xdata()) > 2
    )
    return line.get_data()


def _levels(axes):
    """Heights of the dashed lines across the panel."""
    return [
        line.get_ydata()[0]
        for line in lines(axes, style_of_line="--")
        if list(line.get_xdata()) == [0, 1] and line.get_transform() == axes.get_yaxis_transform()
    ]


def _best(axes):
    """Colour and place of each tick across a curve."""
    found = [line for line in axes.lines if line.get_marker() == "|" and len(line.get_xdata())]
    return {style.COLOURS.index(line.get_color()): tuple(np.ravel(line.get_data())) for line in found}


def _tick_names(axis):
    """Names of the places that the axis shows."""
    low, high = sorted(axis.get_view_interval())
    axis.axes.figure.draw_without_rendering()
    ticks = zip(axis.get_majorticklocs(), axis.get_majorticklabels(), strict=True)
    return [name.get_text() for place, name in ticks if low <= place <= high]


def _check_names_are_inside(figure):
    """No name of an axis is cut off; the figure was drawn before."""
    for axes in figure.axes:
        for label in (axes.xaxis.label, axes.yaxis.label):
            if label.get_text():
                box = label.get_window_extent()
                # a pixel of slack for the layout, which converges and does not end exactly
                assert -1 <= box.x0 < box.x1 <= figure.bbox.x1 + 1
                assert -1 <= box.y0 < box.y1 <= figure.bbox.y1 + 1


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_figure_is_here(module):
    check_every_figure_is_tested(module, [name for name in ARGUMENTS if hasattr(module, name)])


def test_the_package_lists_the_figures_of_its_modules():
    assert set(package.__all__) == set(ARGUMENTS)
    assert package.__all__ == sorted(package.__all__)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_the_figure_can_be_read(name):
    figure = _draw(name)
    if name in WITHOUT_MARKERS:
        check_can_be_read(figure)
        check_legends_cover_nothing(figure)
        assert not any(marked(axes) for axes in figure.axes)
    else:
        check_figure(figure)
    _check_names_are_inside(figure)


def test_few_answers_are_named_as_powers_of_two_and_many_as_powers_of_ten():
    few, many = (selection.refinement(ks, _fall(ks), 3 / ks**2, 3 / ks**2) for ks in (KS[:8], KS[:17]))
    assert _tick_names(few.axes[0].xaxis) == ["1", "2", "4", "8", "16", "32", "64", "128"]
    assert not {"2", "16"} & set(_tick_names(many.axes[0].xaxis))
    assert few.axes[0].get_xscale() == many.axes[0].get_xscale() == "log"


# selection


def test_the_posterior_is_drawn_with_its_seeds_beside_both_forms_of_its_risk():
    figure = _draw("posterior_law")
    left, right = figure.axes
    for colour, (name, (risk, shrinkage, variance)) in enumerate(LAWS.items()):
        _check_line(left, colour, RATIOS, risk, label=name)
        _check_line(left, colour, RATIOS, shrinkage, dashed=True)
        _check_line(right, colour, RATIOS, variance)
        for axes, seeds in zip((left, right), MEASURED_LAWS[name], strict=True):
            # five seeds, a little apart so that no bar hides another
            mean = sum(seeds) / 5
            spread = np.sqrt(sum((seed - mean) ** 2 for seed in seeds) / 4)
            _check_marks(axes, colour, (COARSE * 1.05 ** (colour - 1), mean, spread))
    assert left.get_yscale() == left.get_xscale() == right.get_xscale() == "log"
    assert legend_texts(figure.legends[0]) == [*LAWS, "shrinkage alone", "measured"]


def test_priors_may_be_given_by_their_scale():
    ratios, laws, coarse, measured = ARGUMENTS["posterior_law"]
    numbered = [{0.5: some["matched"], 2: some["too wide"]} for some in (laws, measured)]
    figure = selection.posterior_law(ratios, numbered[0], coarse, numbered[1])
    assert legend_texts(figure.legends[0])[:2] == [r"$\gamma$ = 0.5", r"$\gamma$ = 2"]


def test_the_gain_is_held_against_what_is_exact_for_the_same_inputs():
    main, below = _draw("gain").axes
    _check_line(main, 6, KS, _fall(KS), label="exact")
    np.testing.assert_allclose(_grey_line(main), [KS, 3.3 / KS**2], **EXACT)
    assert _levels(main) == [0.04]
    assert notes(main) == ["posterior mean"]
    for colour, (name, (places, means, errors, expected)) in enumerate(GAIN.items()):
        _check_marks(main, colour, (places, means, errors), label=name)
        _check_marks(below, colour, (places, (means - expected) / expected, errors / expected))
    (zero,) = lines(below, 6)
    assert set(zero.get_ydata()) == {0}
    assert main.get_xscale() == main.get_yscale() == "log"
    assert below.get_yscale() == "linear"
    assert main.get_shared_x_axes().joined(main, below)
    assert legend_texts(main.get_legend()) == ["exact", "$C / k^2$", *GAIN]


def test_the_gain_is_drawn_without_the_posterior_mean_where_there_is_none():
    main, _ = selection.gain(*ARGUMENTS["gain"][:4]).axes
    assert _levels(main) == notes(main) == []


def test_the_refinement_shows_distances_of_either_sign_and_none():
    exact = np.array([1.0, 0.5, 0.25])
    (axes,) = selection.refinement([1, 2, 4], exact, [2.0, 0.4, 0.2], [1.0, 0.5, 0.2]).axes
    _check_line(axes, 0, [1, 2, 4], [0.5, 0.25, 0.25], label="$C / k^2$")
    # an exact agreement has a place on a log axis
    _check_line(axes, 1, [1, 2, 4], [1e-17, 1e-17, 0.25], label="$C / ((k + 1)(k + 2))$")
    assert axes.get_xscale() == axes.get_yscale() == "log"


def test_harder_inputs_have_their_exponents_beside_the_law():
    left, right = _draw("harder").axes
    _, curves, law, _ = ARGUMENTS["harder"]
    _check_curves(left, KS, curves, r"\tau^2")
    _check_line(right, 6, *law)
    for colour, (name, (variances, exponents)) in enumerate(SLOPES.items()):
        _check_marks(right, colour, (variances, exponents, None), label=name)
    assert left.get_xscale() == left.get_yscale() == "log"
    assert right.get_xscale() == right.get_yscale() == "linear"
    assert legend_texts(right.get_legend()) == [r"$\min(2,\ 1/\tau^2)$", *SLOPES]


def test_a_wrong_judge_has_a_tick_where_some_number_of_answers_is_the_best():
    left, right = _draw("wrong_judge").axes
    _check_curves(left, FINE, {c: _warm(FINE, c) for c in OFFSETS}, "c")
    assert _best(left) == {2: MINIMA[15], 3: MINIMA[20], 4: MINIMA[25]}
    for colour, c in enumerate(OFFSETS):
        if c in JUDGED:
            _check_marks(left, colour, JUDGED[c])
        else:
            assert not marked(left, colour)
    assert legend_texts(left.get_legend())[-2:] == ["measured", "least error"]
    _check_curves(right, KS[:11], SINGLE, "a")
    assert legend_texts(right.get_legend())[0] == "$a$ = −0.5"
    # of either sign
    assert right.get_yscale() == "symlog"
    assert _levels(right) == [0]


def test_the_criterion_has_a_panel_for_each_temperature_and_no_line_across_its_pole():
    figure = _draw("criterion")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["$t$ = 0", "$t$ = 5"]
    for axes, t in zip(figure.axes, (0, 5), strict=True):
        branches = lines(axes, 6)
        for line, side in zip(branches, (WARM_A < 0, WARM_A > 0), strict=True):
            np.testing.assert_allclose(line.get_data(), [WARM_A[side], _boundary(t)[side]], **EXACT)
        finite, monotone = _pairs(t)
        for colour, pairs, filled in ((1, finite, True), (0, monotone, False)):
            (marks,) = marked(axes, colour)
            np.testing.assert_allclose(marks.get_data(), pairs.T, **EXACT)
            assert same_color(marks.get_markerfacecolor(), style.COLOURS[colour] if filled else "white")
        # the pole does not set the scale
        assert axes.get_ylim() == pytest.approx((-1.74, 1.74))
        assert axes.get_xlim() == pytest.approx((-3.248, 3.248))
    assert legend_texts(figure.legends[0]) == ["boundary", "some $k$ is the best", "falls for ever"]


def test_the_criterion_may_have_one_kind_of_points_only():
    points = _pairs(0)[0]
    (axes,) = selection.criterion(WARM_A, {0: _boundary(0)}, {0: (points, np.zeros((0, 2)))}).axes
    (marks,) = marked(axes)
    assert len(marks.get_xdata()) == len(points)


def test_over_optimisation_goes_on_where_the_judge_is_content():
    left, right = _draw("over_optimisation").axes
    distance, judged, true, best, seen, found = ARGUMENTS["over_optimisation"]
    for axes, colour, curve, measured in ((left, 0, judged, seen), (right, 1, true, found)):
        _check_line(axes, colour, distance, curve, label="exact")
        _check_marks(axes, colour, measured, label="measured")
        (place,) = (line for line in lines(axes, style_of_line="--") if line.get_label() == "least error")
        assert set(place.get_xdata()) == {best}
    assert left.get_yscale() == "log"
    assert right.get_yscale() == "linear"


# temperature


def test_the_best_temperature_has_a_tick_unless_it_is_zero():
    figure = _draw("temperatures")
    left, right = figure.axes
    _check_curves(left, T, HEAT, "k")
    assert _best(left) == {0: OPTIMA[3], 1: OPTIMA[10], 2: OPTIMA[100]}
    # a number of answers keeps its colour, and a new one has a new colour
    for colour, k in ((0, 3), (1, 10), (4, 1000)):
        exact, approximate = BY_BIAS[k]
        _check_line(right, colour, BIASES, exact)
        _check_line(right, colour, BIASES, approximate, dashed=True)
    names = ["$k$ = 3", "$k$ = 10", "$k$ = 100", "$k$ = ∞", "$k$ = 1000", "series", "least error"]
    assert legend_texts(figure.legends[0]) == names
    assert left.get_xscale() == "log"
    assert left.get_yscale() == right.get_xscale() == "linear"
    assert right.get_ylim()[0] == 0


def test_each_temperature_above_zero_has_its_floor():
    (axes,) = _draw("floors").axes
    _, curves, levels, measured = ARGUMENTS["floors"]
    _check_curves(axes, KS[:17], curves, "t")
    assert _levels(axes) == list(levels.values())
    for colour, t in enumerate(curves):
        dashed = lines(axes, colour, "--")
        assert [line.get_ydata()[0] for line in dashed] == ([levels[t]] if t else [])
        if t in measured:
            _check_marks(axes, colour, measured[t])
        else:
            assert not marked(axes, colour)
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert legend_texts(axes.get_legend())[-2:] == ["floor", "measured"]


def test_the_best_judge_aims_as_far_beyond_as_the_temperature_is_high():
    left, right = _draw("best_judge").axes
    _check_curves(left, C, BENT, "k")
    assert _best(left) == dict(enumerate(BEST_C.values()))
    _check_marks(right, 0, (FEW_T, 2.5 * FEW_T, None), label="$k$ = 4")
    _check_marks(right, 1, (FEW_T[:3], 1.4 * FEW_T[:3], None), label="$k$ = 16")
    (line,) = lines(right, 6)
    np.testing.assert_allclose(line.get_data(), [[0, 4], [0, 4]], **EXACT)
    assert legend_texts(right.get_legend()) == ["$k$ = ∞: $c^* = t$", "$k$ = 4", "$k$ = 16"]


def test_a_best_offset_of_zero_has_a_tick():
    offsets, curves, _, best = ARGUMENTS["best_judge"]
    left, _ = temperature.best_judge(offsets, curves, {4: (0.0, 0.5)}, best).axes
    assert _best(left) == {0: (0.0, 0.5)}


def test_a_new_number_of_answers_beside_the_best_judges_has_a_new_colour():
    offsets, curves, minima, _ = ARGUMENTS["best_judge"]
    _, right = temperature.best_judge(offsets, curves, minima, {64: (FEW_T, FEW_T)}).axes
    _check_marks(right, 4, (FEW_T, FEW_T, None), label="$k$ = 64")


def test_the_series_is_as_far_off_below_as_above():
    (axes,) = temperature.series([1, 2, 4], {"one": [-0.1, 0.1, 0.0], "other": [1.0, 2.0, 3.0]}).axes
    _check_line(axes, 0, [1, 2, 4], [0.1, 0.1, 1e-17], label="one")
    _check_line(axes, 1, [1, 2, 4], [1, 2, 3], label="other")
    assert axes.get_yscale() == "log"
    assert legend_texts(axes.get_legend()) == ["one", "other"]


def test_answers_and_training_examples_are_traded():
    left, right = _draw("trade").axes
    samples, errors, mean_risk, slopes, shrinkage, measured = ARGUMENTS["trade"]
    _check_curves(left, samples, errors, "k")
    np.testing.assert_allclose(_grey_line(left), [samples, mean_risk], **EXACT)
    _check_line(right, 6, samples, slopes, label="exact")
    np.testing.assert_allclose(_grey_line(right), [samples, shrinkage], **EXACT)
    _check_marks(right, 0, measured, label="measured")
    assert left.get_xscale() == left.get_yscale() == right.get_xscale() == "log"
    assert right.get_yscale() == "linear"


# counting


def test_both_estimators_stand_beside_the_truth():
    (axes,) = _draw("estimators").axes
    ks, truth, unbiased, plug_in = ARGUMENTS["estimators"]
    _check_line(axes, 6, ks, truth, label="pass@$k$")
    _check_marks(axes, 0, unbiased, label="unbiased")
    _check_marks(axes, 1, plug_in, label="plug-in")
    assert _tick_names(axes.xaxis) == ["1", "2", "4", "8", "16", "32"]


def test_coverage_follows_its_law_and_a_benchmark_leaves_it():
    left, right = _draw("coverage").axes
    _check_curves(left, KS, BETA, "a")
    for line, law in zip(lines(left, 6, "--"), BETA_LAWS.values(), strict=True):
        np.testing.assert_allclose(line.get_data(), [KS, law], **EXACT)
    assert legend_texts(left.get_legend())[-1] == "power law"
    assert len(legend_texts(left.get_legend())) == len(BETA) + 1
    _check_line(right, 6, KS, BETA[0.3], label="$Q$ = ∞")
    least = BETA[0.3].min() / 30
    assert BENCHMARKS[16].min() < least < BENCHMARKS[1024].min()
    for colour, (problems, failure) in enumerate(BENCHMARKS.items()):
        shown = failure > least
        _check_marks(right, colour, (KS[shown], failure[shown], None), label=f"$Q$ = {problems}")
    for axes in (left, right):
        assert axes.get_xscale() == axes.get_yscale() == "log"
        assert axes.get_ylim()[1] == pytest.approx(1.5)
    assert left.get_ylim()[0] < BETA[1.5].min()


def test_verifiers_have_a_ceiling_and_a_best_number_of_tries():
    (axes,) = _draw("verifiers").axes
    tries, worth, best, simulated, ceiling = ARGUMENTS["verifiers"]
    _check_curves(axes, tries, worth, "c")
    assert _best(axes) == {colour: best[c] for colour, c in enumerate(COSTS) if c}
    for colour, c in enumerate(COSTS):
        if c in simulated:
            _check_marks(axes, colour, simulated[c])
        else:
            assert not marked(axes, colour)
    assert _levels(axes) == [ceiling]
    assert notes(axes) == ["ceiling at no cost"]
    assert legend_texts(axes.get_legend())[-2:] == ["simulated", "best $K$"]


def test_policies_are_trained_to_the_best_one():
    left, right = _draw("policies").axes
    p, weights, tries, best, trained = ARGUMENTS["policies"]
    _check_curves(left, p, weights, "N")
    _check_curves(right, tries, best, r"\pi")
    for colour, name in enumerate(best):
        _check_marks(right, colour, (*trained[name], None))
    assert legend_texts(right.get_legend())[-1] == "trained"
    assert left.get_xscale() == right.get_xscale() == "log"
    # markers at 0 and at 1 have room
    assert right.get_ylim()[0] < 0 < 1 < right.get_ylim()[1]


def test_an_answer_that_was_not_trained_has_no_markers():
    p, weights, tries, best, trained = ARGUMENTS["policies"]
    _, right = counting.policies(p, weights, tries, best, {0.3: trained[0.3]}).axes
    assert not marked(right, 0)
    _check_marks(right, 1, (*trained[0.3], None))


def test_the_gap_of_a_verifier_has_plain_numbers_at_its_axis():
    (axes,) = _draw("verified_gap").axes
    horizons, gap, measured = ARGUMENTS["verified_gap"]
    _check_line(axes, 0, horizons, gap)
    _check_marks(axes, 0, measured, label="simulated")
    assert axes.get_xscale() == axes.get_yscale() == "log"
    # from 1.77 times 2 to 1.77 times 32
    assert _tick_names(axes.yaxis) == ["5", "10", "20", "50"]


def test_long_answers_become_right_as_tokens_become_reliable():
    left, right = _draw("emergence").axes
    misses, exact, horizons, measured = ARGUMENTS["emergence"]
    _check_curves(left, misses, exact, "L")
    np.testing.assert_allclose(_grey_line(left), [misses, 1 - misses], **EXACT)
    _check_line(right, 6, misses, horizons)
    _check_marks(right, 0, measured, label="simulated")
    for axes in (left, right):
        assert axes.get_xscale() == "log"
        # the error falls from left to right
        assert axes.get_xlim()[0] > axes.get_xlim()[1]
    assert right.get_yscale() == "log"
    assert right.get_ylabel() == "length at success $s$ = 0.5"
    assert "0.8" in package.emergence(*ARGUMENTS["emergence"], success=0.8).axes[1].get_ylabel()


def test_both_parts_of_the_cost_add_up_to_the_third_curve():
    (axes,) = _draw("costs").axes
    lengths, compute, memory, together = ARGUMENTS["costs"]
    _check_line(axes, 0, lengths, compute, label="operations")
    _check_line(axes, 1, lengths, memory, label="reads of memory")
    _check_line(axes, 6, lengths, together, label="together")
    assert axes.get_xscale() == axes.get_yscale() == "log"


# numerics


def test_vanishing_weights_are_as_frequent_as_predicted():
    (axes,) = _draw("vanished").axes
    ks, predicted, measured = ARGUMENTS["vanished"]
    _check_curves(axes, ks, predicted, "t")
    for colour, t in enumerate(predicted):
        _check_marks(axes, colour, measured[t])
    assert axes.get_yscale() == "linear"
    assert legend_texts(axes.get_legend())[-1] == "measured"


def test_numbers_on_a_grid_repeat_and_come_no_nearer():
    left, right = _draw("grid").axes
    draws, share, measured, ks, laws, floor, nearest = ARGUMENTS["grid"]
    _check_line(left, 0, draws, share, label="predicted")
    _check_marks(left, 0, (*measured, None), label="drawn")
    for colour, name in enumerate(("float32", "float64")):
        _check_line(right, colour, ks, laws[name], label=name)
        _check_marks(right, colour, nearest[name])
    assert _levels(right) == [floor]
    assert notes(right) == [r"$\Delta^2 / 12$ of the grid"]
    assert left.get_xscale() == right.get_xscale() == right.get_yscale() == "log"
    assert left.get_yscale() == "linear"
    assert legend_texts(right.get_legend()) == ["float32", "float64", "drawn"]


def test_effective_answers_are_fewer_than_all():
    (axes,) = _draw("effective").axes
    ks, predicted, measured = ARGUMENTS["effective"]
    _check_curves(axes, ks, predicted, "t")
    for colour, t in enumerate(predicted):
        _check_marks(axes, colour, measured[t])
    np.testing.assert_allclose(_grey_line(axes), [ks, ks], **EXACT)
    assert axes.get_xscale() == axes.get_yscale() == "log"
    # a prediction below one answer is not shown
    assert 0.5 < axes.get_ylim()[0] < 1


def test_the_spread_of_heavy_tails_falls_from_its_first_value_with_the_predicted_slope():
    (axes,) = _draw("heavy").axes
    spreads, slopes = ARGUMENTS["heavy"]
    for colour, (tau2, measured) in enumerate(spreads.items()):
        _check_marks(axes, colour, measured, label=rf"$\tau^2$ = {tau2:g}")
        # three decades of inputs
        _check_line(axes, colour, INPUTS, measured[1][0] * 10.0 ** (slopes[tau2] * np.arange(4)))
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert "predicted slope" in legend_texts(axes.get_legend())
