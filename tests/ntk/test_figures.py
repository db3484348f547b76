"""Every figure of the chapter draws theory as lines and measurements as markers, labels its axes, and fits its page."""

import numpy as np
import pytest

from solvable import style
from solvable.ntk import figures
from solvable.ntk.experiment import CircleKernels, ComponentRun, RateSweep, SampleSweep, ScaleSweep, WidthSweep
from solvable.ntk.theory import Catapult
from tests.figure_rules import (
    check_can_be_read,
    check_every_figure_is_tested,
    check_legends_cover_nothing,
    is_line,
    is_marked,
    marked,
)

pytestmark = pytest.mark.usefixtures("book_look")

ANGLES = np.linspace(-np.pi, np.pi, 61)
BUMP = 0.1 + np.exp(-(ANGLES**2))
STEPS = np.arange(61)
DECAY = np.exp(-STEPS / 15)
WIDTHS = np.array([64, 128, 256])
SEEDS = np.array([0.9, 1.0, 1.1, 1.2])
FALLING = 10 / WIDTHS[:, None] * SEEDS
LAYERS = FALLING[..., None] * np.array([1.0, 0.1, 0.8])
TIMES = np.geomspace(0.1, 100, 50)
BIAS, VARIANCE = np.exp(-TIMES), 0.5 * (1 - np.exp(-TIMES / 10))
RATES = np.array([0.5, 0.9, 1.1, 2.0, 4.0])

CIRCLE = CircleKernels(ANGLES, BUMP * SEEDS[:, None], 1.5 * BUMP * SEEDS[:, None])
# a mean of 0.1 whose spread reaches below zero
SCATTERED = CircleKernels(ANGLES, BUMP * np.ones((4, 1)), BUMP * np.array([[0.7], [1.5], [0.7], [1.5]]))
COMPONENTS = ComponentRun(
    STEPS, np.stack([np.exp(-STEPS / 4), np.exp(-STEPS / 40)])[:, None] * SEEDS[:, None], np.zeros((2, 4, 61))
)


def _rates():
    grows = np.where(RATES < 3, -0.1, 50.0)[:, None, None] * STEPS * np.ones((2, 1))
    with np.errstate(over="ignore"):
        loss = np.exp(grows)  # infinite at the end of the last rate
    linear = np.exp(np.where(RATES < 1, -0.1, 5.0)[:, None, None] * STEPS * np.ones((2, 1)))
    sharpness = np.where(np.isfinite(loss), 1 / np.maximum(RATES, 1)[:, None, None], np.nan)
    return RateSweep(RATES, STEPS, linear, loss, sharpness)


def _catapults(nudge):
    dies, blows_up = np.exp(-20.0 * STEPS), np.exp(np.minimum(12.0 * STEPS, 700.0))
    late = np.where(STEPS < 55, blows_up, np.nan)
    return [Catapult(dies + nudge, np.full(61, 1.0)), Catapult(-late, 1 + late)]


ARGUMENTS = {
    "birth": (ANGLES, BUMP, BUMP + 0.01, WIDTHS, 10 / WIDTHS, FALLING - np.array([[0.0], [0.0], [0.06]])),
    "heavy_tails": (ANGLES, BUMP, BUMP + 0.1, np.linspace(-3, 3, 6), np.array([0.1, 0.0, 0.5, 0.2, 0.1])),
    "kernels": (
        ANGLES,
        {"ReLU": 3 * BUMP, "erf": BUMP},
        {"erf": BUMP},
        np.arange(20),
        {"ReLU": 1 / (1 + np.arange(20.0)), "z²": np.maximum(1 - np.arange(20.0), -1e-18)},
    ),
    "widths": (WidthSweep(WIDTHS, FALLING, FALLING / 2, LAYERS, FALLING / 4, FALLING / 3),),
    "circle_at_birth": (ANGLES, BUMP, BUMP * SEEDS[:, None], BUMP * SEEDS[:2, None], 500, 10_000),
    "circle_trained": (BUMP, [CIRCLE, CIRCLE, SCATTERED], (64, 128, 10_000)),
    "output_scales": (ScaleSweep(WIDTHS / 64, FALLING, FALLING / 2, 10 * FALLING),),
    "training": (STEPS, DECAY, DECAY + 1e-9, DECAY + 0.05, DECAY - 0.01),
    "ensemble": (
        ANGLES,
        BUMP,
        0.1 * np.abs(np.sin(ANGLES)),
        BUMP + 0.1 * np.linspace(-2, 2, 40)[:, None],
        np.array([0.0, 1.0]),
        np.array([1.0, 0.5]),
        0.2 * np.abs(np.sin(ANGLES)),
        BUMP + 0.01,
    ),
    "components": (
        COMPONENTS,
        np.stack([np.exp(-STEPS / 4), np.exp(-STEPS / 40)]),
        (2, 10),
        1 / np.arange(1.0, 41.0) ** 2,
    ),
    "early_stopping": (TIMES, BIAS + VARIANCE, BIAS, VARIANCE, (BIAS + VARIANCE) * SEEDS[:, None]),
    "learning_rates": (_rates(), 60),
    "catapult": (_catapults(0.0), _catapults(1e-9), [1.0, 2.5], ["settles", "diverges"]),
    "samples": (SampleSweep(WIDTHS, FALLING.T, 2 * FALLING.T), 0.1),
}


def _draw(name, *arguments):
    return getattr(figures, name)(*(arguments or ARGUMENTS[name]))


def test_every_figure_is_here():
    check_every_figure_is_tested(figures, ARGUMENTS)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_the_figure_can_be_read(name):
    check_can_be_read(_draw(name))


@pytest.mark.parametrize("name", ARGUMENTS)
def test_theory_and_experiment_are_both_drawn(name):
    artists = [line for axes in _draw(name).axes for line in axes.lines]
    assert any(is_line(line) for line in artists)
    assert any(is_marked(line) for line in artists)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_legends_cover_no_data(name):
    check_legends_cover_nothing(_draw(name))


def test_the_residual_is_the_distance_between_formula_and_linear_model():
    residual = _draw("training").axes[1]
    assert residual.get_yscale() == "log"
    (line,) = residual.lines
    np.testing.assert_allclose(line.get_ydata(), 1e-9, rtol=1e-6)  # rounding of values near 1


def test_empty_bins_are_not_drawn():
    (markers,) = marked(_draw("heavy_tails").axes[0])
    np.testing.assert_allclose(markers.get_xdata(), [-2.4, 0.0, 1.2, 2.4], atol=1e-12)  # centres of full bins


def test_kernels_are_relative_whether_they_come_so_or_not():
    angles, curves, checks, ranks, spectra = ARGUMENTS["kernels"]
    relative = {name: curve / curve[30] for name, curve in curves.items()}
    checks_relative = {name: curve / curves[name][30] for name, curve in checks.items()}
    drawn, again = (
        [line.get_ydata() for axes in _draw("kernels", angles, *pair, ranks, spectra).axes for line in axes.lines]
        for pair in ((curves, checks), (relative, checks_relative))
    )
    for one, other in zip(drawn, again, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-15)


@pytest.mark.parametrize(("first", "label"), [(0, "frequency"), (1, "rank")])
def test_no_eigenvalue_is_lost_on_the_log_axes(first, label):
    angles, curves, checks, _, spectra = ARGUMENTS["kernels"]
    _, axes = _draw("kernels", angles, curves, checks, first + np.arange(20), spectra).axes
    assert axes.get_xlabel() == label
    dots = [line for line in axes.lines if line.get_marker() == "."]
    for line in dots:
        shown = axes.transData.transform(line.get_xydata())
        assert axes.bbox.padded(1).count_contains(shown) == 20
    # an eigenvalue of zero, or of a little less, lies on the floor
    assert min(line.get_ydata().min() for line in dots) == style.FLOOR


def test_guides_have_the_slopes_that_they_are_named_after():
    slopes = {"slope −1": [], "slope −1/2": []}
    for name in ("widths", "circle_trained", "output_scales"):
        for axes in _draw(name).axes:
            for line in axes.lines:
                if line.get_label() in slopes:
                    x, y = np.log(line.get_xdata()), np.log(line.get_ydata())
                    slopes[line.get_label()].append((y[-1] - y[0]) / (x[-1] - x[0]))
    assert len(slopes["slope −1"]) == 3
    np.testing.assert_allclose(slopes["slope −1"], -1)
    np.testing.assert_allclose(slopes["slope −1/2"], [-0.5])


def test_bars_are_means_and_standard_deviations_over_seeds():
    axes = _draw("samples").axes[0]
    for container, factor in zip(axes.containers, (1, 2), strict=True):
        middle = factor * 10 / WIDTHS * 1.05  # the mean of the four seeds
        # squares of ±0.15 and ±0.05, summed and divided by three
        spread = factor * 10 / WIDTHS * np.sqrt(0.05 / 3)
        np.testing.assert_allclose(container.lines[0].get_ydata(), middle)
        ends = [segment[:, 1] for segment in container.lines[2][0].get_segments()]
        np.testing.assert_allclose(ends, np.stack([middle - spread, middle + spread], axis=1))


def test_a_mean_below_zero_does_not_spoil_a_log_axis():
    axes = _draw("birth").axes[1]
    low, high = axes.get_ylim()
    assert 10 / WIDTHS[-1] / 5 < low < high < 5 * 10 / WIDTHS[0] * 1.05


def test_percentiles_of_the_networks_are_those_of_the_theory():
    axes = _draw("ensemble").axes[0]
    lines = [line for line in axes.lines if (line.get_label() or "").endswith("percentile")]
    sd = np.abs(np.sin(ANGLES)) * 0.1
    for line, z in zip(lines, (1.2816, 0, -1.2816), strict=True):
        np.testing.assert_allclose(line.get_ydata(), BUMP + z * sd)
    for colour, z in enumerate((1.6, 0, -1.6)):  # 90th, 50th and 10th percentile of an even spread from -2 to 2
        (markers,) = marked(axes, colour)
        shift = markers.get_ydata() - np.interp(markers.get_xdata(), ANGLES, BUMP)
        np.testing.assert_allclose(shift, 0.1 * z, atol=1e-12)


def test_the_chosen_components_are_marked_by_their_rank():
    axes = _draw("components").axes[1]
    crosses = [line for line in axes.lines if line.get_marker() == "x"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in crosses] == [(2, 1 / 4), (10, 1 / 100)]


def test_the_best_timeis_marked():
    axes = _draw("early_stopping").axes[0]
    (cross,) = (line for line in axes.lines if line.get_marker() == "x")
    risk = BIAS + VARIANCE
    assert cross.get_ydata()[0] == risk.min()
    assert risk[cross.get_xdata()[0] == TIMES] == risk.min()


def test_a_run_that_diverged_has_no_final_sharpness():
    losses, final = _draw("learning_rates").axes
    measured = {float(x): float(y) for line in marked(final) for x, y in line.get_xydata()}
    assert measured == pytest.approx({0.5: 1, 0.9: 1, 1.1: 1 / 1.1, 2.0: 1 / 2})
    line = next(line for line in final.lines if is_line(line))
    np.testing.assert_allclose(line.get_ydata(), np.minimum(1, 1 / line.get_xdata()))
    assert losses.get_ylim() == (1e-6, 1e6)
    # STEPS goes on to 60
    assert (
        max(
            line.get_xdata().max()
            for line in _draw("learning_rates", _rates(), 25).axes[0].lines
            if len(line.get_xdata())
        )
        == 25
    )
    labels = [text.get_text() for text in losses.get_legend().get_texts()]
    assert [label for label in labels if label.startswith("rate")] == ["rate 0.9", "rate 1.1", "rate 2", "rate 4"]


def test_a_catapult_is_seen_in_its_limits_and_in_units_of_its_rate():
    top, bottom = _draw("catapult").axes
    assert top.get_ylim() == (1e-6, 1e4)
    assert bottom.get_ylim() == (0, pytest.approx(1.2 * 2.5 * 2))  # the kernel starts at 2, times the rate
    edge = next(line for line in bottom.lines if line.get_linestyle() == "--")
    assert set(edge.get_ydata()) == {2}


def test_each_network_at_birth_is_drawn():
    figure = _draw("circle_at_birth")
    dots = [sum(line.get_marker() == "." for line in axes.lines) for axes in figure.axes]
    assert dots == [4, 2]
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["width 500", "width 10 000"]


def test_the_narrowest_and_the_widest_are_compared():
    left, right = _draw("circle_trained").axes
    labels = [text.get_text() for text in left.get_legend().get_texts()]
    assert labels[1:] == ["width 64, at birth", "width 64, trained", "width 10 000, at birth", "width 10 000, trained"]
    (growth,) = marked(right)
    np.testing.assert_allclose(growth.get_ydata(), [0.5, 0.5, 0.1])
