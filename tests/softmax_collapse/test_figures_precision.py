"""The figures of floating point draw the thresholds and derivatives that they are given, and exact zeros apart."""

import numpy as np
import pytest
from matplotlib.colors import same_color

from solvable import style
from solvable.softmax_collapse import figures as package
from solvable.softmax_collapse.figures import neighbours, precision, training
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

LN2 = 0.6931471805599453
BITS = {"bfloat16": 8, "float16": 11, "float32": 24, "float64": 53}
COLOURS = {"bfloat16": 3, "float16": 4, "float32": 0, "float64": 1, "float32, log1p": 5}
CLASSES = np.array([2, 5, 30, 200, 1000])
OVER = {
    "right class first": np.zeros(5),
    "in the middle": np.log(np.maximum(CLASSES // 2, 1)),
    "right class last": np.log(CLASSES - 1),
    "the library's own sum": np.log(CLASSES - 1) - 0.1,
}
GAPS = np.linspace(0, 40, 41)
FEW = np.array([0.0, 10.0, 16.0, 17.0, 30.0, 40.0])
SLOPES = {
    "float32": np.where(FEW < 16.6, 1.1 / (1 + np.exp(FEW)), 0.0),
    "float32, log1p": 0.9 / (1 + np.exp(FEW)),
}
SOME = np.linspace(0, 20, 21)
VIOLATIONS = {name: np.where(BITS[name] * LN2 > SOME, 0.01 * SOME, 1.0) for name in ("bfloat16", "float16", "float32")}
SIZES = np.geomspace(0.5, 1e5, 60)
MARKED_SIZES = np.array([1.0, 10.0, 1e3, 1e5])
TAILS = {
    "softmax": lambda x: 30 * np.exp(-2 * x),
    "StableMax": lambda x: 30 / (1 + x) ** 2,
    "Taylor softmax": lambda x: 3.4 + 0 * x,
}
ROUNDED = {name: np.where(tail(MARKED_SIZES) < 1e-7, 0, 1.01 * tail(MARKED_SIZES)) for name, tail in TAILS.items()}
# a rounding of double precision may leave the wrong sign
ROUNDED["StableMax"][-1] = -1e-9
SPANS = {"softmax": (8.3, 10.0), "StableMax": (4e3, 3e4)}

ARGUMENTS = {
    "thresholds": (
        {name: bits * LN2 + 0.3 for name, bits in BITS.items()},
        CLASSES,
        {name: list(24 * LN2 + over) for name, over in OVER.items()},
    ),
    "derivatives": (GAPS, 1 / (1 + np.exp(GAPS)), FEW, SLOPES, SOME, VIOLATIONS),
    "tails": (
        SIZES,
        {name: (tail(SIZES), 0.1 * tail(SIZES)) for name, tail in TAILS.items()},
        MARKED_SIZES,
        {name: (values, 0.1 * values) for name, values in ROUNDED.items()},
        SPANS,
    ),
}
# a rounding of double precision, of sums and products
EXACT = {"rtol": 1e-12, "atol": 1e-12}


def _draw(name, **options):
    return getattr(precision, name)(*ARGUMENTS[name], **options)


def _spans(axes):
    return [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in axes.patches]


def test_every_figure_is_here():
    check_every_figure_is_tested(precision, ARGUMENTS)


def test_the_package_lists_the_figures_of_its_modules():
    public = {
        name
        for module in (neighbours, precision, training)
        for name, function in vars(module).items()
        if callable(function) and getattr(function, "__module__", None) == module.__name__ and not name.startswith("_")
    }
    assert set(package.__all__) == public
    assert package.__all__ == sorted(package.__all__)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_the_figure_can_be_read(name):
    check_figure(_draw(name))


def test_thresholds_of_two_classes_stand_beside_the_digits_of_their_format():
    left, _ = _draw("thresholds").axes
    for name, bits in BITS.items():
        (mark,) = marked(left, COLOURS[name])
        np.testing.assert_allclose(mark.get_data(), [[bits], [bits * LN2 + 0.3]], **EXACT)
        assert mark.get_label() == name
    (line,) = lines(left, 6)
    x, y = line.get_data()
    np.testing.assert_allclose(y, x * LN2, **EXACT)
    assert x[0] == 0
    assert x[-1] > 53
    assert left.get_ylim()[0] == 0


def test_thresholds_of_many_classes_are_drawn_above_the_earliest_one():
    _, right = _draw("thresholds").axes
    for colour, (name, over) in enumerate(OVER.items()):
        (marks,) = marked(right, colour)
        # the difference of two numbers of size 20
        np.testing.assert_allclose(marks.get_data(), [CLASSES, over], rtol=1e-12, atol=1e-13)
        assert marks.get_label() == name
    upper, lower = lines(right, 6)
    x, y = upper.get_data()
    np.testing.assert_allclose(np.exp(y), x - 1, **EXACT)
    np.testing.assert_allclose([x[0], x[-1]], [2, 1000], **EXACT)
    assert set(lower.get_ydata()) == {0}
    sizes = [line.get_markersize() for line in marked(right)]
    assert sizes == sorted(sizes, reverse=True)  # a later one does not hide an earlier one
    assert right.get_xscale() == "log"
    assert [tick.get_text() for tick in right.get_xticklabels()] == ["2", "10", "100", "1000"]


def test_the_other_formats_have_a_threshold_of_their_own():
    figure = precision.thresholds({"float16": 7.6}, [2, 10], {"last": [11 * LN2, 11 * LN2 + 2]}, "float16")
    check_can_be_read(figure)
    (marks,) = marked(figure.axes[1])
    np.testing.assert_allclose(marks.get_ydata(), [0, 2], **EXACT)
    assert "float16" in figure.axes[1].get_ylabel()


def test_derivatives_follow_the_exact_line_until_they_are_exactly_0():
    left, _ = _draw("derivatives").axes
    (line,) = lines(left, 6)
    np.testing.assert_allclose(line.get_data(), [GAPS, 1 / (1 + np.exp(GAPS))], rtol=1e-12, atol=0)
    (level,) = lines(left, style_of_line="--")
    floor = level.get_ydata()[0]
    for name, slopes in SLOPES.items():
        (marks,) = marked(left, COLOURS[name])
        x, y = marks.get_data()
        np.testing.assert_allclose(x, FEW, **EXACT)
        np.testing.assert_allclose(y[slopes > 0], slopes[slopes > 0], rtol=1e-12, atol=0)
        assert (y[slopes == 0] < floor).all()
        assert (y[slopes > 0] > floor).all()
    assert line.get_ydata().min() > floor
    assert notes(left) == ["0 exactly"]
    assert left.get_yscale() == "log"
    assert left.get_ylim()[1] > 0.5
    # nothing below the line has a number
    assert min(left.get_yticks()) > floor


def test_violations_reach_1_at_the_threshold_of_their_format():
    _, right = _draw("derivatives").axes
    for name, parts in VIOLATIONS.items():
        (marks,) = marked(right, COLOURS[name])
        (line,) = lines(right, COLOURS[name])
        for drawn in (marks, line):
            np.testing.assert_allclose(drawn.get_data(), [SOME, parts], **EXACT)
    levels = [line.get_xdata()[0] for line in lines(right, style_of_line="--")]
    np.testing.assert_allclose(levels, [8 * LN2, 11 * LN2, 24 * LN2], **EXACT)
    assert notes(right) == [r"$8\,\ln 2$", r"$11\,\ln 2$", r"$24\,\ln 2$"]


def test_tails_are_drawn_with_the_place_of_their_collapse():
    figure = _draw("tails")
    for factor, axes in zip((1, 0.1), figure.axes, strict=True):
        (level,) = lines(axes, style_of_line="--")
        floor = level.get_ydata()[0]
        for (name, tail), colour in zip(TAILS.items(), (0, 2, 3), strict=True):
            (line,) = lines(axes, colour)
            x, y = line.get_data()
            np.testing.assert_allclose(y, factor * tail(x), rtol=1e-12, atol=0)
            assert len(x) == (factor * tail(SIZES) > floor).sum()
            (marks,) = marked(axes, colour)
            x, y = marks.get_data()
            np.testing.assert_allclose(x, MARKED_SIZES, **EXACT)
            seen = ROUNDED[name] > 0
            np.testing.assert_allclose(y[seen], factor * ROUNDED[name][seen], rtol=1e-12, atol=0)
            assert (y[~seen] < floor).all()
            assert (y[seen] > floor).all()
        np.testing.assert_allclose(_spans(axes), [SPANS["softmax"], SPANS["StableMax"]], rtol=1e-9, atol=0)
        for patch, colour in zip(axes.patches, (0, 2), strict=True):
            assert same_color(patch.get_facecolor()[:3], style.COLOURS[colour])
        assert axes.get_xscale() == axes.get_yscale() == "log"
    assert "loss" in figure.axes[0].get_ylabel()
    assert "partial" in figure.axes[1].get_ylabel()
    # a legend is filled down its columns: each line has its markers below it
    (legend,) = figure.legends
    assert legend_texts(legend) == [name for scale in TAILS for name in (scale, "in float32")]
    shown = [handle.get_color() for handle in legend.legend_handles]
    assert shown == [style.COLOURS[colour] for colour in (0, 0, 2, 2, 3, 3)]
