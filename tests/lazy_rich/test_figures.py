"""Every figure of the chapter draws theory as lines and measurements as markers, labels its axes, and fits its page."""

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.colors import same_color

from solvable import style
from solvable.lazy_rich import figures
from solvable.lazy_rich.experiment.initial_rank import InitialRanks, Movement
from solvable.lazy_rich.experiment.modular_addition import ModularAddition
from solvable.lazy_rich.experiment.stability import StableRates
from solvable.lazy_rich.experiment.survival import FeatureSurvival
from solvable.lazy_rich.theory import GrokkingDelay, PopulationLoss
from tests.figure_rules import (
    check_can_be_read,
    check_every_figure_is_tested,
    check_legends_cover_nothing,
    is_line,
    is_marked,
    marked,
)

pytestmark = pytest.mark.usefixtures("book_look")

STEPS = np.union1d(np.arange(30), np.geomspace(30, 2000, 60).astype(int))
TRAIN = 0.7 / (1 + STEPS / 5)
TEST = 0.75 / (1 + (STEPS / 100) ** 2)
PARTS = PopulationLoss(0.2 * TEST, 0.7 * TEST, 0.1 * TEST)
SEEDS = np.array([0.9, 1.0, 1.2])
MANY = TEST * SEEDS[:, None]
ALPHAS = np.array([0.25, 1.0, 4.0, np.inf])
EPSILONS = np.array([0.05, 0.2])
RATIOS = np.array([[2.0, 3.0, 4.0], [3.0, 4.0, 5.0], [4.0, 5.0, np.nan], [np.nan, np.nan, 9.0]])
# the last cell is reached by one seed of three, one cell without any delay, and one where the test is earlier
DELAYS = np.stack([10 * RATIOS, [[0.0, 0.0, 0.0], [-1.0, 0.0, 2.0], [5.0, 6.0, 7.0], [20_000.0, 30_000.0, 9.0]]])
SAMPLES = np.array([10, 40, 160, 640])
CURVE = np.array([1.0, 4.0, 0.5, 0.0])
PAIRS = np.array([20, 40, 80])
RANKS = np.array([1, 4, 16])


def _named(values, *factors):
    return {f"$x$ = {factor:g}": factor * values for factor in factors}


def _addition(alpha, seeds=3, last=2000):
    steps = STEPS[last >= STEPS]
    accuracy = np.minimum(1, steps / 200) * np.ones((seeds, 1))
    norm = (1 + steps[:, None] / [100, 200]) * np.ones((seeds, 1, 1))
    return ModularAddition(
        fraction=0.9,
        alpha=alpha,
        eta=500.0,
        steps=steps,
        train_loss=1 - accuracy,
        test_loss=1 - accuracy,
        train_accuracy=accuracy,
        test_accuracy=accuracy**2,
        weight_norm=norm,
    )


def _movement(*shape):
    return Movement(*(np.linspace(0.5, 0.9, int(np.prod(shape))).reshape(shape) for _ in Movement._fields))


# at the first scale the last rate does not settle, at the second the first does not, at the third all do
SETTLES = np.array([[True, True, False], [False, True, True], [True, True, True]])
RATES = StableRates(
    np.array([20.0, 18.0]),
    np.array([[1.0, 10.0, 19.0], [0.8, 9.0, 17.0]]),
    np.array([0.9, 1.0, 1.1]),
    np.stack([SETTLES, SETTLES]),
)
DELAY = GrokkingDelay(np.ones((4, 3)), 1 + DELAYS[0], np.ones((4, 3)), RATIOS)

ARGUMENTS = {
    "phenomenon": (STEPS, TRAIN, TEST, STEPS, TRAIN + 0.01, TEST + 0.01, 0.75),
    "closure": (STEPS, _named(TEST, 1, 1.1), _named(TEST + 1e-9, 1, 1.1)),
    "parts": (STEPS, TRAIN, PARTS, 0.75),
    "widths": (np.array([40, 400, np.inf]), STEPS, np.stack([MANY] * 3), 300 * np.stack([SEEDS, SEEDS, np.ones(3)])),
    "lazy": (STEPS / 2, TRAIN, TEST, {"one": (STEPS, TRAIN, TEST), "two": (3 * STEPS, TRAIN, TEST)}),
    "learning_curve": (SAMPLES, _named(CURVE, 1, 2), SAMPLES[:2], {"$x$ = 2": CURVE[:2, None] * SEEDS}, 40),
    "two_modes": (STEPS, TEST, {"many": (STEPS, TEST), "few": (STEPS[::2], 1.1 * TEST[::2])}),
    "collapse": (STEPS, {"one": (1.0, TEST), "two": (0.1, TEST**2)}),
    "delay_map": (ALPHAS, EPSILONS, DELAYS),
    "gap": (ALPHAS, {"few": DELAY, "plenty": DELAY._replace(test_onset=DELAY.train_onset)}),
    "samples": (STEPS, np.stack([MANY] * 4), np.stack([MANY**2] * 4), (20, 200, 400, 2000)),
    "figure_1": (
        STEPS,
        TRAIN,
        TEST,
        TRAIN,
        TEST,
        0.4,
        1 + STEPS / 500,
        STEPS / 2000,
        STEPS[:40],
        TRAIN[:40],
        TEST[:40],
    ),
    "figure_4": (STEPS, TRAIN, PARTS, np.array([[1e-3, 1.2], [0.0, 0.0], [1e-9, 1e-5]])),
    "initial_ranks": (InitialRanks(RANKS, _movement(3, 4), _movement(4)),),
    "modular_addition": ([_addition(0.25, last=500), _addition(1.0), _addition(4.0)],),
    "survival": ([FeatureSurvival(m, PAIRS, np.linspace(0, 1, 12).reshape(3, 4)) for m in (11, 23)],),
    "stable_rates": (ALPHAS[:3], RATES, 19.0, np.array([1.0, 11.0, 100.0])),
    "precision": (ALPHAS, {"one": np.array([1e-7, 1e-6, 0.0, np.nan]), "several": 1e-7 * np.ones((4, 1)) * SEEDS}),
    "alignment": (SAMPLES, 6 / SAMPLES[:, None] * SEEDS, (SEEDS - 1) / SAMPLES[:, None], 1e-4, 40),
}
OPTIONS = {"lazy": {"plateau": 0.6, "peak": 0.9, "final": 0.4}}
THEORY_ALONE = {"collapse", "parts", "samples"}
"""What is exact needs no measurement to be held against."""


def _draw(name, *arguments, **options):
    return getattr(figures, name)(*(arguments or ARGUMENTS[name]), **(OPTIONS.get(name, {}) | options))


def _lines(axes, colour=None, dashed=False):
    return [
        line
        for line in axes.lines
        if line.get_linestyle() == ("--" if dashed else "-")
        and (colour is None or same_color(line.get_color(), style.COLOURS[colour]))
    ]


def _levels(axes):
    return [float(line.get_ydata()[0]) for line in _lines(axes, dashed=True) if len(set(line.get_ydata())) == 1]


def _bars(container):
    return [segment[:, 1].tolist() for segment in container.lines[2][0].get_segments() if len(segment)]


def _arrows(axes):
    return [line for line in axes.lines if line.get_marker() == r"$\uparrow$" and len(line.get_xdata())]


def test_every_figure_is_here():
    check_every_figure_is_tested(figures, ARGUMENTS)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_the_figure_can_be_read(name):
    check_can_be_read(_draw(name))


@pytest.mark.parametrize("name", ARGUMENTS)
def test_the_picture_is_light(name):
    picture, _ = style.sharp_png(_draw(name))
    assert len(picture) < 60_000


@pytest.mark.parametrize("name", ARGUMENTS)
def test_theory_and_experiment_are_both_drawn(name):
    artists = [line for axes in _draw(name).axes for line in axes.lines]
    assert any(is_line(line) for line in artists) == (name != "delay_map")  # which is a map, and what it was made from
    assert any(is_marked(line) for line in artists) == (name not in THEORY_ALONE)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_legends_cover_no_data(name):
    check_legends_cover_nothing(_draw(name))


# the lazy flow has a time in the place of a step, and the learning curve ends where nothing is left of the loss
@pytest.mark.parametrize("name", sorted(set(ARGUMENTS) - {"lazy", "learning_curve"}))
def test_nothing_is_drawn_outside_its_panel(name):
    figure = _draw(name)
    figure.draw_without_rendering()
    for axes in figure.axes:
        for line in axes.lines:
            if line.get_marker() in style.MARKERS and len(line.get_xdata()):
                shown = axes.transData.transform(np.column_stack(line.get_data()).astype(float))
                known = np.isfinite(shown).all(axis=1)
                assert axes.bbox.padded(1).count_contains(shown[known]) == known.sum()


@pytest.mark.parametrize("name", ["phenomenon", "closure", "parts", "two_modes", "samples", "figure_1", "figure_4"])
def test_step_0_has_its_place_on_the_log_axis(name):
    figure = _draw(name)
    figure.draw_without_rendering()
    axes = next(axes for axes in figure.axes if axes.get_xlabel() == figures.STEP)
    assert axes.get_xscale() == "symlog"
    labels = {label.get_text(): label.get_position()[0] for label in axes.get_xticklabels()}
    assert labels["0"] == 0
    assert labels["1"] == 1
    zero, one, ten = axes.transData.transform([(0, 0), (1, 0), (10, 0)])[:, 0]
    assert axes.bbox.x0 < zero
    assert one - zero == pytest.approx(figures.FIRST * (ten - one), rel=0.15)


def test_ticks_count_in_powers_where_numbers_are_long():
    steps = np.array([0, 1, 10, 1000, 10_000, 100_000])
    figure = _draw("parts", steps, 1 / (1 + steps), PopulationLoss(*np.ones((3, 6))), 0.75)
    figure.draw_without_rendering()
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels[:5] == ["0", "1", "10", "100", "1000"]
    assert labels[5:7] == [r"$\mathdefault{10^{4}}$", r"$\mathdefault{10^{5}}$"]


def test_markers_are_spread_evenly_on_the_log_axis():
    (marks,) = marked(_draw("phenomenon").axes[0], figures.TRAIN)
    steps = marks.get_xdata()
    assert steps[0] == 0
    assert steps[-1] == STEPS[-1]
    late = steps[steps >= 30]
    assert 5 < len(late) < style.MARKS
    gaps = np.diff(np.log(late[:-1]))
    assert gaps.max() < 2 * gaps.min()
    np.testing.assert_allclose(marks.get_ydata(), np.interp(steps, STEPS, TRAIN + 0.01))


def test_onset_and_threshold_are_marked_in_the_phenomenon():
    axes = _draw("phenomenon").axes[0]
    np.testing.assert_allclose(_levels(axes), [0.675, 0.075])
    assert [text.get_text() for text in axes.texts] == ["begun", "learned"]


def test_the_residual_is_the_distance_between_moments_and_network():
    residual = _draw("closure").axes[1]
    assert len(residual.lines) == 2
    for line, factor in zip(residual.lines, (1, 1.1), strict=True):
        np.testing.assert_allclose(line.get_ydata(), factor * 1e-9, rtol=1e-6)


def test_the_parts_add_up_to_the_test_loss():
    axes = _draw("parts").axes[0]
    tops = [area.get_paths()[0].vertices[:, 1].max() for area in axes.collections]
    np.testing.assert_allclose(tops, [0.7 * 0.75, 0.9 * 0.75, 0.75])
    (line,) = _lines(axes, figures.TEST)
    np.testing.assert_allclose(line.get_ydata(), TEST)
    assert _levels(axes) == [0.75]


def test_each_network_of_a_width_is_a_line_and_infinity_the_last_tick():
    figure = _draw("widths")
    figure.draw_without_rendering()
    left, right = figure.axes
    assert [len(_lines(left, colour)) for colour in (0, 1)] == [3, 3]
    assert len(_lines(left, dashed=True)) == 3
    assert [label.get_text() for label in right.get_xticklabels()] == ["40", "400", "∞"]
    (marks,) = marked(right)
    np.testing.assert_allclose(marks.get_data(), [[40, 400, 4000], [300] * 3])
    np.testing.assert_allclose(_bars(right.containers[0]), [[270, 360], [270, 360], [300, 300]])
    assert _levels(right) == [300]


def test_widths_that_are_all_finite_have_no_limit():
    figure = _draw("widths", np.array([40, 400]), STEPS, np.stack([MANY] * 2)[:, :1], np.full((2, 1), 300.0))
    check_can_be_read(figure)
    assert not [line for axes in figure.axes for line in _lines(axes, dashed=True)]


def test_the_lazy_end_is_marked_by_its_levels():
    left, right = _draw("lazy").axes
    assert _levels(left) == [0.9, 0.4]
    assert _levels(right) == [0.6]
    for axes in (left, right):
        assert len(marked(axes)) == 2
        assert all((line.get_xdata() > 0).all() for line in marked(axes))


def test_a_learning_curve_is_drawn_without_what_is_zero():
    axes = _draw("learning_curve").axes[0]
    for colour, factor in enumerate((1, 2)):
        (line,) = _lines(axes, colour)
        np.testing.assert_allclose(line.get_ydata(), [factor, 4 * factor, factor / 2, np.nan])
    assert len(axes.containers) == 1  # the other was not sampled
    (vertical,) = _lines(axes, dashed=True)
    assert vertical.get_xdata() == [40, 40]


def test_examples_without_end_are_a_dashed_line_and_runs_are_marked():
    (axes,) = _draw("two_modes").axes
    assert len(marked(axes)) == 2
    (line,) = _lines(axes, dashed=True)
    np.testing.assert_allclose(line.get_ydata(), TEST)


def test_a_collapse_rescales_the_steps_from_the_first_on():
    left, right = _draw("collapse").axes
    for drawn, there, factor in zip(right.lines, left.lines, (1.0, 0.1), strict=True):
        np.testing.assert_allclose(drawn.get_xdata(), factor * STEPS[1:])
        np.testing.assert_allclose(drawn.get_ydata(), there.get_ydata()[1:])
    thickness = [line.get_linewidth() for line in right.lines]
    assert thickness == sorted(thickness, reverse=True)


def test_a_map_prints_the_median_of_each_cell_and_says_where_it_never_fell():
    figure = _draw("delay_map")
    left = figure.axes[0]
    texts = [text.get_text() for text in left.texts]
    # two seeds of three reach the third cell, one the fourth
    assert texts == ["30", "40", "50", "never", "0", "0", "6", "20k"]
    (cells,) = (cells for cells in left.collections if isinstance(cells, QuadMesh))
    np.testing.assert_array_equal(np.ma.getmaskarray(cells.get_array()).ravel(), [False] * 3 + [True] + [False] * 4)
    assert left.patch.get_hatch()
    (bar,) = left.child_axes
    assert bar.get_ylabel() == "steps"


def test_a_map_of_many_columns_and_one_row_has_no_numbers():
    alphas = np.geomspace(0.1, 10, 12)
    figure = _draw("delay_map", alphas, np.array([0.1]), 10 * alphas[None, :, None])
    check_can_be_read(figure)
    assert not figure.axes[0].texts
    nothing = _draw("delay_map", alphas[:2], np.array([0.1]), np.full((1, 2, 1), np.nan))
    check_can_be_read(nothing)
    assert [text.get_text() for text in nothing.axes[0].texts] == ["never", "never"]


def test_medians_count_runs_that_never_got_there_as_the_latest():
    _, right = _draw("delay_map").axes
    first, second = right.containers
    (marks,) = marked(right, 0)
    np.testing.assert_allclose(marks.get_ydata(), [30, 40, 50])
    np.testing.assert_allclose(_bars(first), [[20, 40], [30, 50], [40, 50]])
    np.testing.assert_allclose(_bars(second), [[0, 0], [-1, 2], [5, 7], [9, 30_000]])
    (arrow,) = _arrows(right)
    assert arrow.get_ydata().tolist() == [50]
    assert right.get_yscale() == "symlog"  # no delay is a delay of 0


def test_which_gap_vanishes_is_seen_in_two_panels():
    left, right = _draw("gap").axes
    np.testing.assert_allclose(marked(left, 0)[0].get_ydata(), [30, 40, 50])
    np.testing.assert_allclose(marked(left, 1)[0].get_ydata(), 0)
    for colour in (0, 1):
        np.testing.assert_allclose(marked(right, colour)[0].get_ydata(), [3, 4, 5])
    assert _levels(right) == [1]
    assert right.get_ylim()[0] < 1


@pytest.mark.parametrize("count", [3, 4])
def test_every_number_of_examples_has_its_panel(count):
    steps, train, test, counts = ARGUMENTS["samples"]
    figure = _draw("samples", steps, train[:count], test[:count], counts[:count])
    check_can_be_read(figure)
    assert len(figure.axes) == count
    assert [axes.get_title(loc="left") for axes in figure.axes][:2] == ["$P$ = 20", "$P$ = 200"]
    for axes in figure.axes:
        assert [len(_lines(axes, colour)) for colour in (figures.TRAIN, figures.TEST)] == [3, 3]


def test_a_run_with_larger_steps_is_drawn_over_the_other():
    top, bottom, left = _draw("figure_1").axes
    (marks,) = marked(left, figures.TEST)
    np.testing.assert_allclose(marks.get_ydata(), np.interp(marks.get_xdata(), STEPS, TEST))
    assert _levels(left) == [0.4]
    assert [axes.get_ylabel() for axes in (top, bottom)] == ["weight norm\n/ initial", "cosine"]
    assert left.get_legend_handles_labels()[1][-1] == r"test, $\eta_0\times20$"


def test_the_lottery_is_sorted_by_test_loss_and_zero_lies_on_the_floor():
    left, right = _draw("figure_4").axes
    train, test = (line.get_ydata() for line in marked(right))
    np.testing.assert_allclose(test, [1e-6, 1e-5, 1.2])
    np.testing.assert_allclose(train, [1e-6, 1e-6, 1e-3])
    assert len(_lines(left)) == 5


def test_a_start_along_the_target_stands_at_rank_one():
    left, right = _draw("initial_ranks").axes
    for axes, count in ((left, 4), (right, 2)):
        marks = marked(axes)
        assert len(marks) == count
        full = [line for line in marks if same_color(line.get_markerfacecolor(), line.get_color())]
        assert len(full) == count / 2
        for line in full:
            np.testing.assert_allclose(line.get_xdata(), 1, rtol=0.06)
            np.testing.assert_allclose(line.get_ydata(), 0.7)
    assert _levels(left) == [1]
    assert _levels(right) == [0]


def test_every_output_scale_of_modular_addition_has_its_panel_and_the_norms_one():
    *panels, norms = _draw("modular_addition").axes
    assert [axes.get_title(loc="left") for axes in panels] == [rf"$\alpha$ = {alpha}" for alpha in ("0.25", "1", "4")]
    for axes in panels:
        assert [len(_lines(axes, colour)) for colour in (0, 1)] == [3, 3]
        assert len(marked(axes)) == 2
    assert [text.get_text() for text in norms.texts] == ["0.25", "1", "4"]
    assert [line.get_ydata()[0] for line in marked(norms)] == [1, 1, 1]
    assert len({axes.get_xlim() for axes in (*panels, norms)}) == 1


def test_one_seed_and_an_odd_panel_can_be_read():
    figure = _draw("modular_addition", [_addition(1.0, seeds=1), _addition(2.0, seeds=1)])
    check_can_be_read(figure)
    assert len(figure.axes) == 3


def test_survival_is_drawn_against_both_counts_of_pairs():
    left, right = _draw("survival").axes
    for colour, m in enumerate((11, 23)):
        (share,) = marked(left, colour)
        (rescaled,) = marked(right, colour)
        np.testing.assert_allclose(share.get_xdata(), PAIRS / m**2)
        np.testing.assert_allclose(rescaled.get_xdata(), PAIRS / (m * np.log(m)))
        np.testing.assert_allclose(share.get_ydata(), [0, 0.5, 1])


def test_a_rate_is_stable_if_all_below_it_are():
    axes = _draw("stable_rates").axes[0]
    first, second = marked(axes, 2)
    np.testing.assert_allclose(first.get_ydata(), [1.0, np.nan, 1.1 * 19])
    np.testing.assert_allclose(second.get_ydata(), [0.8, np.nan, 1.1 * 17])
    np.testing.assert_allclose(_bars(axes.containers[0])[0], [1.0, 1.1])
    # above the last there is no rate that failed
    assert [line.get_ydata().tolist() for line in _arrows(axes)] == [[pytest.approx(1.1 * 19)], [pytest.approx(18.7)]]
    assert [len(_lines(axes, colour)) for colour in (0, 1)] == [2, 2]
    assert len(_lines(axes, dashed=True)) == 2


def test_a_form_is_drawn_where_it_exists_and_exactness_on_the_floor():
    axes = _draw("precision").axes[0]
    one, several = marked(axes, 0)[0], marked(axes, 1)[0]
    np.testing.assert_allclose(one.get_ydata(), [1e-7, 1e-6, style.FLOOR])
    np.testing.assert_allclose(several.get_ydata(), 1e-7)
    assert len(several.get_ydata()) == 4


def test_alignment_falls_as_the_diagonal_does():
    axes = _draw("alignment").axes[0]
    (guide,) = _lines(axes, dashed=True)
    np.testing.assert_allclose(guide.get_ydata(), np.sqrt(40) / SAMPLES)
    (line,) = _lines(axes, 2)
    assert set(line.get_ydata()) == {1e-4}
    np.testing.assert_allclose(marked(axes, 0)[0].get_ydata(), 6 / SAMPLES * SEEDS.mean())
