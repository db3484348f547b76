"""The figures of the language models: a fit for each assumed offset, and overlaps over Welch's bound."""

import numpy as np
import pytest
from matplotlib.colors import same_color

from solvable import style
from solvable.power_law import PowerLawFit
from solvable.superposition.figures import language
from tests.figure_rules import (
    check_every_figure_is_tested,
    check_figure,
    marked,
)

pytestmark = pytest.mark.usefixtures("book_look")

WIDTHS = np.array([6, 9, 14, 21, 32])
LOSS = np.array([0.83, 0.65, 0.44, 0.25, 0.12])
OFFSETS = np.linspace(-0.9, 0.9, 37) * LOSS[-1]
MIDPOINTS = np.sqrt(WIDTHS[1:] * WIDTHS[:-1])
# any numbers that differ from offset to offset
POWERS = -np.linspace(0.85, 2.2, 37)
BY_OFFSET = PowerLawFit(POWERS, np.ones(37), np.linspace(5, 9, 37), np.linspace(0.99, 0.83, 37), None, MIDPOINTS)
PLAIN = PowerLawFit(np.array(-1.15), np.ones(()), np.array(8.0), np.array(0.95), -np.ones(4), MIDPOINTS)
COLUMNS = np.array([16, 64, 256])
TOKENS = 32_000
ARGUMENTS = {
    "offsets": (WIDTHS, LOSS, OFFSETS, BY_OFFSET, PLAIN),
    "embedding": (COLUMNS, 1.2 / COLUMNS, 1.1 / COLUMNS, 1.0 / COLUMNS, TOKENS),
}
# a rounding of double precision, of quotients
EXACT = {"rtol": 1e-12, "atol": 1e-15}


def _draw(name, *arguments):
    return getattr(language, name)(*(arguments or ARGUMENTS[name]))


def _line(axes, colour):
    (line,) = (one for one in axes.lines if one.get_linestyle() == "-" and same_color(one.get_color(), colour))
    return line


def test_every_figure_is_here():
    check_every_figure_is_tested(language, ARGUMENTS)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_figure_can_be_read_and_covers_nothing(name):
    check_figure(_draw(name))


def test_three_offsets_are_marked_on_both_curves_and_drawn_with_their_fits():
    figure = _draw("offsets")
    top, bottom, right = figure.axes
    for axes, values in ((top, -POWERS), (bottom, BY_OFFSET.r_squared)):
        curve = _line(axes, style.COLOURS[6])
        np.testing.assert_allclose(curve.get_data(), [np.linspace(-0.9, 0.9, 37), values], **EXACT)
    # of 37 offsets from -0.9 to 0.9 in steps of 0.05
    for colour, (row, offset) in enumerate(((0, -0.9), (18, 0), (28, 0.5))):
        for axes, values in ((top, -POWERS), (bottom, BY_OFFSET.r_squared)):
            (mark,) = marked(axes, colour)
            np.testing.assert_allclose(np.ravel(mark.get_data()), [offset, values[row]], **EXACT)
        (marks,) = marked(right, colour)
        np.testing.assert_allclose(marks.get_data(), [WIDTHS, LOSS - offset * 0.12], **EXACT)
        fit = _line(right, style.COLOURS[colour])
        np.testing.assert_allclose(fit.get_ydata(), BY_OFFSET.amplitude[row] * WIDTHS ** POWERS[row], **EXACT)
    (level,) = (line for line in bottom.lines if line.get_linestyle() == "--")
    assert set(level.get_ydata()) == {0.95}
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["$B$ = −0.9: exponent 0.85", "$B$ = 0: exponent 1.52", "$B$ = 0.5: exponent 1.90"]
    assert right.get_xscale() == right.get_yscale() == "log"
    assert top.get_shared_x_axes().joined(top, bottom)


def test_offsets_are_in_units_of_the_smallest_loss_whatever_the_order():
    top = _draw("offsets", WIDTHS[::-1], LOSS[::-1], OFFSETS, BY_OFFSET, PLAIN).axes[0]
    np.testing.assert_allclose(_line(top, style.COLOURS[6]).get_xdata(), np.linspace(-0.9, 0.9, 37), **EXACT)


def test_overlaps_of_the_embedding_are_drawn_over_welchs_bound():
    (axes,) = _draw("embedding").axes
    bound = (TOKENS - COLUMNS) / (COLUMNS * (TOKENS - 1))
    for colour, factor in enumerate((1.2, 1.1, 1.0)):
        (marks,) = marked(axes, colour)
        expected = [COLUMNS, factor / COLUMNS / bound]
        np.testing.assert_allclose(marks.get_data(), expected, rtol=1e-6, atol=0)  # a bound in single precision
    assert set(_line(axes, style.COLOURS[6]).get_ydata()) == {1}
    assert axes.get_xscale() == "log"
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["embedding", "embedding, centred", "random rows", "Welch's bound"]
