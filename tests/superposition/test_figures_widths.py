"""The figures of weak and strong superposition show the runs that they name, against the theory that they name."""

import numpy as np
import pytest
from matplotlib.colors import same_color

from solvable.superposition.experiment.grid import Grid, Table
from solvable.superposition.experiment.sweeps import Held, Measured
from solvable.superposition.figures import widths as figures
from tests.figure_rules import (
    check_can_be_read,
    check_every_figure_is_tested,
    check_figure,
    legend_texts,
    lines,
    marked,
    notes,
)

pytestmark = pytest.mark.usefixtures("book_look")

FEATURES = 512
WIDTHS = np.array([6, 9, 14, 21, 32])
WIDE = np.array([32, 48, 64, 96, 128])
SEEDS = np.array([0.9, 1.0, 1.2])
MEAN = 3.1 / 3
# the mean is near 1/m, with scatter
STRONG = np.array([1.02, 0.74, 0.48, 0.29, 0.145])
WEAK = np.array([0.43, 0.17, 0.08, 0.05, 0.03])
COUNTS = np.array([4, 9, 20, 35, 57])
# a rounding of double precision, of quotients and means
EXACT = {"rtol": 1e-12, "atol": 0}


def _measured(loss, represented=None, unlearned=None):
    """All else is nan, so that a figure of the wrong column is empty."""
    nothing = np.full(loss.shape, np.nan)
    return Measured(nothing, *[nothing] * 8)._replace(
        loss=loss,
        represented=nothing if represented is None else represented,
        unlearned=nothing if unlearned is None else unlearned,
        overlap=1.01 * (1 / WIDTHS[:, None]) * SEEDS if loss.shape == (5, 3) else nothing,
    )


def _table(alphas, gammas, seeds):
    """Losses that differ from each cell to the next; the share of represented rows falls with the pull."""
    alphas, gammas = np.asarray(alphas, dtype=float), np.asarray(gammas, dtype=float)
    falls = 1 / (1 + np.exp(4 * gammas))
    cells = (2.1 - 0.5 * alphas)[:, None] * (1 + 0.3 * gammas)
    loss = cells[..., None, None] * STRONG[:, None] * seeds
    represented = ((1 - 0.2 * alphas)[:, None] * falls)[..., None, None] * (COUNTS / 57)[:, None] * np.sqrt(seeds) / 1.1
    return Table(alphas, gammas, _measured(loss, represented, loss / 1.05))


GRID = Grid(
    WIDTHS,
    ends=_table(np.arange(9) * 0.25, (-1, 1), SEEDS),
    held=_table((1.5, 2), (0.7, 1, 1.4, 2, 2.8), SEEDS),
    knob=_table((0, 1, 2), (-1, -0.4, -0.2, 0, 0.2, 0.5, 1), SEEDS[:1]),
    laws={name: _measured(STRONG[:, None] * SEEDS) for name in ("exponential", "linear")},
    evened=_measured(np.array([1.5, 3, 7])[:, None, None] * STRONG[:, None] * SEEDS),
    wide=_measured(4.6 / WIDE[1:, None] * SEEDS),
)
IDEAL = np.arange(1, 10)[:, None] * WEAK
HELD = np.stack([1.1 * WEAK[:, None] * SEEDS, 2.2 * WEAK[:, None] * SEEDS])
# at the second width one seed never had the count, at the last none
HELD[0, 1, 2] = HELD[1, 4] = np.nan
CODE_WIDTHS = np.array([5, 10, 20, 34])
CODES = {0.0: 20 / CODE_WIDTHS, 1.0: 10 / CODE_WIDTHS}
LARGE = 2.0 ** np.arange(2, 8)
ALPHAS = np.arange(9) * 0.25

ARGUMENTS = {
    "knob": (GRID,),
    "overlaps": (
        tuple(WIDTHS),
        {"uniform": 1.02 / WIDTHS[:, None] * SEEDS, r"$\alpha = 1$": 1.1 / WIDTHS[:, None] * SEEDS},
        {"linear": 1.05 / WIDTHS[1:, None] * SEEDS},
        WIDTHS[1:],
        FEATURES,
    ),
    "random_codes": (
        LARGE,
        {0.0: 9 / LARGE, 1.0: 7 / (LARGE + 1)},
        {0.0: np.linspace(0.1, 1.2, 5), 1.0: np.linspace(0.2, 1.1, 5)},
        {0.0: 9.0, 1.0: 7.0},
    ),
    "strong": (
        tuple(WIDTHS),
        {0.0: 1.4 * STRONG[:, None] * SEEDS, 1.0: STRONG[:, None] * SEEDS},
        {1.0: 0.8 * STRONG[:, None] * SEEDS, 0.0: 1.2 * STRONG[:, None] * SEEDS},
        CODE_WIDTHS,
        {"random": CODES, "equiangular": {alpha: curve / 2 for alpha, curve in CODES.items()}},
    ),
    "weak": (GRID, IDEAL),
    "held": (GRID, Held(np.ones(HELD.shape), HELD), {1.5: WEAK, 2.0: 2 * WEAK}, FEATURES),
    "exponents": (ALPHAS, (1 + ALPHAS[:, None] / 3) * SEEDS, (0.2 + ALPHAS[:, None]) * SEEDS, ALPHAS**2 / 3),
    "bends": (
        GRID,
        np.array([1.58, 2.75, 6.82]),
        WIDE,
        4.6 / WIDE[:, None] * SEEDS,
        {"random": list(10 / WIDE), "equiangular": list(7 / WIDE)},
    ),
}
THEORY_ALONE = {"random_codes"}
"""A computed curve with its own limit."""


def _draw(name, *arguments):
    return getattr(figures, name)(*(arguments or ARGUMENTS[name]))


def _bars(container):
    return np.array([segment[:, 1] for segment in container.lines[2][0].get_segments()])


def _is_filled(line):
    return same_color(line.get_markerfacecolor(), line.get_color())


def test_every_figure_is_here():
    check_every_figure_is_tested(figures, ARGUMENTS)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_figure_can_be_read_and_covers_nothing(name):
    check_figure(_draw(name), experiment=name not in THEORY_ALONE)


def test_the_knob_is_turned_at_every_width_and_for_every_spectrum():
    left, right = _draw("knob").axes
    shares = GRID.knob.runs.represented
    for colour in range(5):
        (marks,) = marked(left, colour)
        np.testing.assert_allclose(marks.get_data(), [GRID.knob.gammas, shares[1, :, colour, 0]], **EXACT)
        (eye,) = lines(left, colour)
        np.testing.assert_allclose(eye.get_ydata(), marks.get_ydata(), **EXACT)
        assert eye.get_linewidth() < 1
    for row, colour in enumerate((5, 2, 6)):
        (marks,) = marked(right, colour)
        np.testing.assert_allclose(marks.get_ydata(), shares[row, :, 2, 0], **EXACT)
    assert legend_texts(left.get_legend()) == [f"$m$ = {m}" for m in WIDTHS]
    assert legend_texts(right.get_legend()) == [rf"$\alpha$ = {alpha}" for alpha in (0, 1, 2)]
    assert ["14" in right.get_xlabel(), notes(right)] == [True, ["spring", "decay"]]
    # nothing else is at a pull of 0 but the line that marks it
    for axes in (left, right):
        assert [line.get_xdata() for line in lines(axes, style_of_line="--")] == [[0, 0]]


def test_overlaps_are_drawn_over_welchs_bound():
    (axes,) = _draw("overlaps").axes
    bound = (FEATURES - WIDTHS) / (WIDTHS * (FEATURES - 1))
    for colour, (factor, at) in enumerate(((1.02, WIDTHS), (1.1, WIDTHS), (1.05, WIDTHS[1:]))):
        (marks,) = marked(axes, colour)
        ratio = factor / at / bound[-len(at) :]
        np.testing.assert_allclose(marks.get_ydata(), ratio * MEAN, rtol=1e-6, atol=0)  # a bound in single precision
        deviation = ratio * np.std(SEEDS, ddof=1)
        bars = np.stack([ratio * MEAN - deviation, ratio * MEAN + deviation], axis=1)
        np.testing.assert_allclose(_bars(axes.containers[colour]), bars, rtol=1e-6, atol=0)
        # beside each other, and no further than half-way to the next width
        np.testing.assert_allclose(marks.get_xdata(), at, rtol=0.1, atol=0)
        assert _is_filled(marks) == (colour == 2)
    (random,) = lines(axes, style_of_line="--")
    x, y = random.get_data()
    np.testing.assert_allclose(y, 1 / x / ((FEATURES - x) / (x * (FEATURES - 1))), **EXACT)
    assert [x[0], x[-1]] == [pytest.approx(9), pytest.approx(32)]
    (one,) = lines(axes, 6)
    assert set(one.get_ydata()) == {1}


def test_a_random_code_tends_to_its_constant_and_to_slope_1():
    left, right = _draw("random_codes").axes
    _, losses, slopes, constants = ARGUMENTS["random_codes"]
    for colour, alpha in enumerate(losses):
        (line,) = lines(left, colour)
        np.testing.assert_allclose(line.get_data(), [LARGE, LARGE * losses[alpha]], **EXACT)
        (level,) = lines(left, colour, "--")
        assert set(level.get_ydata()) == {constants[alpha]}
        (line,) = lines(right, colour)
        # between powers of 2
        np.testing.assert_allclose(line.get_data(), [2 ** np.arange(2.5, 7), slopes[alpha]], **EXACT)
    assert [set(line.get_ydata()) for line in lines(right, style_of_line="--")] == [{1}]
    assert left.get_xlim() == right.get_xlim()
    assert left.get_ylim()[0] == right.get_ylim()[0] == 0


def test_training_stands_between_two_codes_in_a_panel_for_each_spectrum():
    figure = _draw("strong")
    left, right = figure.axes
    assert [axes.get_title(loc="left") for axes in figure.axes] == [r"$\alpha = 0$", r"$\alpha = 1$"]
    for axes, alpha, short, long in ((left, 0.0, 1.4, 1.2), (right, 1.0, 1.0, 0.8)):
        hollow, filled = marked(axes)
        assert [_is_filled(line) for line in (hollow, filled)] == [False, True]
        np.testing.assert_allclose(hollow.get_data(), [WIDTHS, short * STRONG * MEAN], **EXACT)
        np.testing.assert_allclose(filled.get_data(), [WIDTHS, long * STRONG * MEAN], **EXACT)
        (random,), (equiangular,) = lines(axes, 2), lines(axes, 3)
        np.testing.assert_allclose(random.get_data(), [CODE_WIDTHS, CODES[alpha]], **EXACT)
        np.testing.assert_allclose(equiangular.get_ydata(), CODES[alpha] / 2, **EXACT)
        (guide,) = lines(axes, style_of_line="--")
        x, y = guide.get_data()
        # through the middle width, where it is 14
        np.testing.assert_allclose(x * y, 14 * short * 0.48 * MEAN, **EXACT)
        (silence,) = lines(axes, style_of_line=":")
        # all features active once in the mean, of mean square 4/3
        np.testing.assert_allclose(silence.get_ydata(), 4 / 3, **EXACT)
        assert axes.get_xscale() == axes.get_yscale() == "log"
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["random code", "equiangular code", "slope −1", "trained", "trained longer"]


def test_a_single_spectrum_has_a_single_panel():
    widths, losses, *others = ARGUMENTS["strong"]
    figure = _draw("strong", widths, {1.0: losses[1.0]}, *others)
    check_can_be_read(figure)
    assert len(figure.axes) == 1


def test_weak_runs_lie_against_what_they_drop_and_against_the_ideal():
    left, right = _draw("weak").axes
    loss, unlearned = (part[:, 1] for part in (GRID.ends.runs.loss, GRID.ends.runs.unlearned))
    for colour, rows in ((2, slice(4, None)), (3, slice(4))):
        (marks,) = marked(left, colour)
        np.testing.assert_allclose(marks.get_data(), [unlearned[rows].ravel(), loss[rows].ravel()], **EXACT)
    (equal,) = lines(left, 6)
    np.testing.assert_allclose(equal.get_ydata(), [unlearned.min(), unlearned.max()], **EXACT)
    np.testing.assert_allclose(equal.get_xdata(), equal.get_ydata(), **EXACT)
    for colour, row in ((0, 6), (1, 8)):
        (marks,) = marked(right, colour)
        np.testing.assert_allclose(marks.get_data(), [WIDTHS, loss[row].mean(axis=-1)], **EXACT)
        (line,) = lines(right, colour)
        np.testing.assert_allclose(line.get_ydata(), (row + 1) * WEAK, **EXACT)
    # down the columns, so that runs stand beside their ideal
    assert legend_texts(right.get_legend()) == [r"ideal, $\alpha$ = 1.5", r"ideal, $\alpha$ = 2", "trained", "trained"]
    assert {axes.get_yscale() for axes in (left, right)} == {left.get_xscale()} == {"log"}


def test_counts_fall_with_the_decay_and_seeds_without_the_count_are_not_drawn():
    left, right = _draw("held").axes
    for colour, m in enumerate(WIDTHS):
        (marks,) = marked(left, colour)
        counts = GRID.held.runs.represented[0, :, colour].sum(axis=-1) / 3 * 512 / m
        np.testing.assert_allclose(marks.get_data(), [[0.7, 1, 1.4, 2, 2.8], counts], **EXACT)
    assert [set(line.get_ydata()) for line in lines(left, style_of_line="--")] == [{1}]
    assert notes(left) == ["held: one for each dimension"]
    assert "1.5" in left.get_xlabel()
    assert left.get_ylim()[0] == 0
    for colour, (factor, known) in enumerate(((1, 14), (2, 12))):
        (marks,) = marked(right, colour)
        assert len(marks.get_xdata()) == known
        expected = HELD[colour][np.isfinite(HELD[colour])]
        np.testing.assert_allclose(marks.get_ydata(), expected, **EXACT)
        # seeds stand in their order around the width
        np.testing.assert_allclose(marks.get_xdata()[:3], [6 / 1.05, 6, 6 * 1.05], **EXACT)
        (line,) = lines(right, colour)
        np.testing.assert_allclose(line.get_data(), [WIDTHS, factor * WEAK], **EXACT)


def test_exponents_of_both_regimes_stand_before_three_laws():
    (axes,) = _draw("exponents").axes
    _, strong, weak, ideal = ARGUMENTS["exponents"]
    for colour, found in enumerate((strong, weak)):
        (marks,) = marked(axes, colour)
        np.testing.assert_allclose(marks.get_data(), [ALPHAS, found.sum(axis=-1) / 3], **EXACT)
        bars = np.ptp(_bars(axes.containers[colour]), axis=1)
        np.testing.assert_allclose(bars, 2 * found.std(axis=1, ddof=1), rtol=1e-12, atol=0)
    (line,) = lines(axes, 1)
    np.testing.assert_allclose(line.get_ydata(), ideal, **EXACT)
    ones, falling, twice = lines(axes, style_of_line="--")
    assert set(ones.get_ydata()) == {1}
    np.testing.assert_allclose(falling.get_data(), [[1, 2], [0, 1]], **EXACT)
    np.testing.assert_allclose(twice.get_data(), [[1, 2], [0, 2]], **EXACT)
    assert notes(axes) == [r"$\alpha - 1$", r"$2(\alpha - 1)$"]


def test_denser_features_and_wide_networks_have_a_guide_of_slope_minus_1():
    left, right = _draw("bends").axes
    rare = GRID.ends.runs.loss[4, 0].mean(axis=-1)
    guides = lines(left, style_of_line="--")
    for colour, (loss, guide) in enumerate(
        zip((rare, *(factor * STRONG * MEAN for factor in (1.5, 3, 7))), guides, strict=True)
    ):
        (marks,) = marked(left, colour)
        np.testing.assert_allclose(marks.get_data(), [WIDTHS, loss], **EXACT)
        np.testing.assert_allclose(guide.get_ydata() * WIDTHS, 6 * loss[0], **EXACT)
    assert legend_texts(left.get_legend()) == ["slope −1", "1.0 active", "1.6 active", "2.8 active", "6.8 active"]
    (marks,) = marked(right)
    np.testing.assert_allclose(marks.get_data(), [WIDE, 4.6 / WIDE * MEAN], **EXACT)
    for colour, factor in ((2, 10), (3, 7)):
        (line,) = lines(right, colour)
        np.testing.assert_allclose(line.get_data(), [WIDE, factor / WIDE], **EXACT)
    (guide,) = lines(right, style_of_line="--")
    np.testing.assert_allclose(guide.get_ydata() * WIDE, 4.6 * MEAN, **EXACT)


def test_a_log_axis_over_many_decades_has_a_tick_for_each_power():
    widths, losses, *others = ARGUMENTS["strong"]
    few, many = _draw("strong").axes[0], _draw("strong", widths, {1.0: losses[1.0] ** 3}, *others).axes[0]
    for axes, expected in ((few, {"0.2", "0.5", "1"}), (many, {"0.01", "0.1", "1"})):
        axes.figure.draw_without_rendering()
        low, high = axes.get_ylim()
        shown = {label.get_text() for label in axes.get_yticklabels() if low <= label.get_position()[1] <= high}
        assert expected <= shown
        assert ("0.5" in shown) == (axes is few)
