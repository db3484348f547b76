"""The figures of separable logistic regression draw the steps and the growth that they are given."""

import numpy as np
import pytest

from solvable.softmax_collapse.figures import neighbours
from tests.figure_rules import (
    check_can_be_read,
    check_every_figure_is_tested,
    check_figure,
    check_legends_cover_nothing,
    legend_texts,
    lines,
    marked,
)

pytestmark = pytest.mark.usefixtures("book_look")

LN2 = 0.6931471805599453
STEP_SIZES = np.geomspace(0.01, 1e4, 8)
STEPS = {
    "first": np.array([np.nan, 3000, 400, 60, 9, 4, 5, 5]),
    "second": np.array([9000, 1000, 130, 20, 30, 40, 40, 40.0]),
}
SIZES = np.array([4, 10, 100, 1000])
TIMES = np.array([1, 2, 5, 10, 100, 1000])
FLOW = np.geomspace(1, 1e17, 30)
GROWTH = np.array([1, 10, 100, 1000, 10_000])
COLLAPSES = {
    "bfloat16": (224.0, 5.55),
    "float16": (1791.0, 7.62),
    "float32": (1.5e7, 16.63),
    "float64": (np.nan, np.nan),
}

ARGUMENTS = {
    "step_sizes": (STEP_SIZES, STEPS, {"first": 5.0, "second": 41.0}),
    "hard_instance": (
        SIZES,
        {"batch perceptron": 3 * SIZES, "normalised": [9, 9, 10, 11]},
        {r"$n R^2 / \mu^2$": 25 * SIZES, r"$R^2 / \mu^2$": np.full(4, 25.0)},
    ),
    "slow_growth": (
        TIMES,
        np.log(1 + TIMES),
        FLOW,
        np.log(FLOW),
        COLLAPSES,
        GROWTH,
        [1.0, 3.0, 6.0, 13.0, 20.0],
        4.5,
    ),
}
# a rounding of double precision
EXACT = {"rtol": 1e-12, "atol": 0}


def _draw(name):
    return getattr(neighbours, name)(*ARGUMENTS[name])


def test_every_figure_is_here():
    check_every_figure_is_tested(neighbours, ARGUMENTS)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_the_figure_can_be_read(name):
    check_figure(_draw(name))


def test_each_data_set_falls_to_the_level_of_its_perceptron():
    (axes,) = _draw("step_sizes").axes
    for colour, (taken, level) in enumerate(zip(STEPS.values(), (5, 41), strict=True)):
        known = np.isfinite(taken)
        (marks,) = marked(axes, colour)
        (line,) = lines(axes, colour)
        for drawn in (marks, line):
            np.testing.assert_allclose(drawn.get_data(), [STEP_SIZES[known], taken[known]], **EXACT)
        (dashed,) = lines(axes, colour, "--")
        assert set(dashed.get_ydata()) == {level}
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert legend_texts(axes.get_legend()) == ["first", "second", "batch perceptron"]


def test_many_data_sets_have_a_legend_of_two_columns():
    names = ["one", "two", "three", "four"]
    figure = neighbours.step_sizes(STEP_SIZES, dict.fromkeys(names, STEPS["second"]), dict.fromkeys(names, 40.0))
    check_can_be_read(figure)
    check_legends_cover_nothing(figure)
    assert figure.axes[0].get_legend()._ncols == 2


def test_both_methods_of_the_hard_instance_stand_beside_their_bounds():
    (axes,) = _draw("hard_instance").axes
    for colour, (steps, bound) in enumerate(((3 * SIZES, 25 * SIZES), ([9, 9, 10, 11], [25] * 4))):
        (marks,) = marked(axes, colour)
        np.testing.assert_allclose(marks.get_data(), [SIZES, steps], **EXACT)
        (line,) = lines(axes, colour)
        np.testing.assert_allclose(line.get_data(), [SIZES, bound], **EXACT)
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert legend_texts(axes.get_legend()) == [r"$n R^2 / \mu^2$", "batch perceptron", r"$R^2 / \mu^2$", "normalised"]


def test_the_margin_grows_past_one_level_after_the_other():
    left, _ = _draw("slow_growth").axes
    (line,) = lines(left, 6)
    np.testing.assert_allclose(line.get_data(), [FLOW, np.log(FLOW)], **EXACT)
    (marks,) = marked(left, 2)
    np.testing.assert_allclose(marks.get_data(), [TIMES, np.log(1 + TIMES)], **EXACT)
    levels = [line.get_ydata()[0] for line in lines(left, style_of_line="--")]
    np.testing.assert_allclose(levels, np.array([8, 11, 24, 53]) * LN2, **EXACT)
    assert [text.get_text() for text in left.texts] == [rf"${bits}\,\ln 2$" for bits in (8, 11, 24, 53)]
    np.testing.assert_allclose([text.xy[1] for text in left.texts], levels, **EXACT)
    # at the side where the curve is not
    assert [text.xy[0] > 0.5 for text in left.texts] == [True, True, True, False]
    for name, colour in (("bfloat16", 3), ("float16", 4), ("float32", 0)):
        (end,) = marked(left, colour)
        assert np.ravel(end.get_data()).tolist() == list(COLLAPSES[name])
        assert end.get_label() == f"end in {name}"
    # nobody waited for the last one
    assert not marked(left, 1)
    assert left.get_xscale() == "log"


def test_many_steps_are_marked_here_and_there():
    _, _, *others = ARGUMENTS["slow_growth"]
    many = np.arange(1, 201)
    left, _ = neighbours.slow_growth(many, np.log(1 + many), *others).axes
    (marks,) = marked(left, 2)
    x, y = marks.get_data()
    np.testing.assert_allclose(y, np.log(1 + x), **EXACT)
    assert 20 <= len(x) <= 30


def test_weights_grow_with_the_slope_of_the_widest_margin():
    _, right = _draw("slow_growth").axes
    (marks,) = marked(right, 0)
    np.testing.assert_allclose(marks.get_data(), [GROWTH, [1, 3, 6, 13, 20]], **EXACT)
    (line,) = lines(right, style_of_line="--")
    x, y = line.get_data()
    # from 20 down by 4.5 times ln 10 a decade, as long as that is positive
    np.testing.assert_allclose(y, [20 - 4.5 * 2.302585092994046, 20], rtol=1e-12, atol=1e-12)
    assert x.tolist() == [1000, 10_000]
    assert right.get_xscale() == "log"
