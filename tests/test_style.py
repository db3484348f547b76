"""One look for every figure: what is a line, what is a marker, and colours that everyone can tell apart."""

from io import BytesIO

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from PIL import Image

from solvable import style

X = np.array([0.0, 1.0, 2.0])


@pytest.fixture(autouse=True)
def _closed():
    with mpl.rc_context():
        yield


def test_theory_is_a_line_and_experiment_is_a_marker():
    _, axes = style.panels()
    style.theory(axes, X, X, colour=1, label="theory")
    style.experiment(axes, X, X, colour=1, label="network")
    line, marks = axes.lines
    assert (line.get_linestyle(), line.get_marker()) == ("-", "None")
    assert (marks.get_linestyle(), marks.get_marker()) == ("None", style.MARKERS[1])
    assert line.get_color() == marks.get_color() == style.COLOURS[1]
    assert line.get_zorder() < marks.get_zorder()


def test_a_limit_is_thin_and_dashed_and_behind():
    _, axes = style.panels()
    style.limit(axes, X, X)
    style.theory(axes, X, X)
    limit, line = axes.lines
    assert limit.get_linestyle() == "--"
    assert limit.get_linewidth() < line.get_linewidth()
    assert limit.get_zorder() < line.get_zorder()


def test_a_spread_is_drawn_as_error_bars():
    _, axes = style.panels()
    style.experiment(axes, X, X, spread=np.full(3, 0.5))
    (bars,) = axes.containers
    segments = bars.lines[2][0].get_segments()
    np.testing.assert_allclose([s[:, 1] for s in segments], [[x - 0.5, x + 0.5] for x in X])


@pytest.mark.parametrize("seeds", [1, 3])
def test_seeds_are_a_mean_and_a_standard_deviation(seeds):
    _, axes = style.panels()
    values = np.array([[1.0, 2.0, 6.0], [0.0, 1.0, 2.0]])[:, :seeds]
    mean = style.over_seeds(axes, [1, 2], values)
    np.testing.assert_allclose(mean, values.mean(axis=1))
    (bars,) = axes.containers
    halves = [np.ptp(segment[:, 1]) / 2 for segment in bars.lines[2][0].get_segments()]
    np.testing.assert_allclose(halves, [np.sqrt(7), 1] if seeds == 3 else 0)  # one seed has no spread


def test_series_beside_each_other_surround_their_positions():
    first, second, third = (style.beside(X[1:], index, 3) for index in range(3))
    np.testing.assert_allclose(second, X[1:])
    np.testing.assert_allclose(first * third, X[1:] ** 2)
    assert (first < second).all()


@pytest.mark.parametrize("along", ["x", "y"])
def test_a_log_axis_has_its_ticks_at_the_values_and_infinity_a_step_beyond(along):
    figure, axes = style.panels()
    places = style.log_axis(axes, [1, 4, 16, np.inf], "scale", along=along)
    np.testing.assert_allclose(places, [1, 4, 16, 64])
    style.experiment(axes, places, places)
    figure.draw_without_rendering()
    axis = getattr(axes, f"{along}axis")
    assert [label.get_text() for label in axis.get_ticklabels()] == ["1", "4", "16", "∞"]
    assert (axis.get_scale(), axis.get_label_text(), axis.get_minorticklocs().size) == ("log", "scale", 0)


def test_a_log_axis_leaves_out_numbers_that_have_no_room():
    _, axes = style.panels()
    values = np.arange(1, 15) * 0.4
    np.testing.assert_allclose(style.log_axis(axes, values, "scale"), values)
    ticks = axes.xaxis.get_majorticklocs()
    assert set(ticks) < set(values)
    assert ticks[-1] == values[-1]
    assert np.diff(np.log(ticks)).min() > style.ROOM * np.log(14)
    np.testing.assert_allclose(style.log_axis(axes, [3.0, np.inf], "scale"), [3, 30])


def test_colours_and_markers_begin_again_when_they_run_out():
    _, axes = style.panels()
    style.experiment(axes, X, X, colour=len(style.COLOURS))
    assert axes.lines[0].get_color() == style.COLOURS[0]
    assert len(style.COLOURS) == len(style.MARKERS)


def test_options_override_the_look():
    _, axes = style.panels()
    style.theory(axes, X, X, linewidth=0.5)
    assert axes.lines[0].get_linewidth() == 0.5


@pytest.mark.parametrize(("columns", "rows"), [(1, 1), (2, 1), (1, 2), (2, 3)])
def test_panels_have_the_size_that_is_asked_for(columns, rows):
    figure, axes = style.panels(columns, rows, height=2.0)
    assert np.size(axes) == columns * rows
    assert figure.get_figheight() == 2.0 * rows
    assert figure.get_figwidth() == style.PANEL_WIDTH * max(columns, 1.6)


def test_panels_have_the_look_without_changing_the_session():
    before = dict(mpl.rcParams)
    figure, axes = style.panels()
    assert not axes.spines["top"].get_visible()
    assert figure.get_layout_engine() is not None
    assert dict(mpl.rcParams) == before


def test_use_sets_the_session():
    style.use()
    assert mpl.rcParams["axes.grid"]
    before = dict(mpl.rcParams)
    style.use()  # twice is once
    assert dict(mpl.rcParams) == before


def test_a_figure_belongs_to_its_caller_alone():
    style.panels()
    assert plt.get_fignums() == []  # pyplot would show it a second time, and warn when many are left open


def test_a_notebook_shows_a_figure_sharp_and_light():
    figure, axes = style.panels()
    style.experiment(axes, X, X, label="network")
    data, size = style.sharp_png(figure)
    picture = Image.open(BytesIO(data))
    width, height = figure.get_size_inches() * figure.dpi
    assert size == {"width": round(width), "height": round(height)}
    assert picture.size == (2 * size["width"], 2 * size["height"])
    # fewer colours, and still the colour of the data
    blue = 255 * np.array(to_rgb(style.COLOURS[0]))
    nearest = min(np.abs(blue - colour).max() for _, colour in picture.convert("RGB").getcolors())
    assert nearest < 16


def test_a_figure_that_was_shown_holds_no_canvas():
    figure, axes = style.panels()
    axes.set_title("text")
    canvas, dpi = figure.canvas, figure.dpi
    style.sharp_png(figure)
    # a notebook keeps the figures that it shows, and a canvas is five megabytes
    assert all(text._renderer is None for text in figure.findobj(Text))
    assert (figure.canvas, figure.dpi) == (canvas, dpi)


def test_a_sharp_picture_is_what_matplotlib_saves():
    def drawn():
        figure, (left, right) = style.panels(2)
        style.theory(left, X, X, label="$\\kappa$")
        style.legend(left, 1)
        style.log_axis(right, [1, 10, 1000], "width")
        return figure

    figure, saved = drawn(), BytesIO()
    figure.savefig(saved, dpi=2 * figure.dpi)
    expected = Image.open(saved).convert("RGB").quantize(32, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    shown = Image.open(BytesIO(style.sharp_png(drawn())[0]))
    assert (np.array(shown.convert("RGB")) == np.array(expected.convert("RGB"))).all()


# what a dichromat sees: the projections of linear RGB that simulators of colour blindness commonly use
PROTANOPE = np.array([[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]])
DEUTERANOPE = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])


def _linear(colour):
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def _lab(linear):
    xyz = (
        np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
        @ np.clip(linear, 0, 1)
        / np.array([0.9505, 1.0, 1.089])
    )
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("sight", [np.eye(3), PROTANOPE, DEUTERANOPE], ids=["full", "protanope", "deuteranope"])
def test_the_first_four_colours_can_be_told_apart(sight):
    seen = [_lab(sight @ _linear(colour)) for colour in style.COLOURS[:4]]
    distances = [np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[:i]]
    # a difference of 10 in CIELAB is plain at a glance; 2.3 is just noticeable
    assert min(distances) > 10


@pytest.mark.parametrize("colour", [*style.COLOURS[:4], style.GREY])
def test_lines_stand_out_from_the_page(colour):
    luminance = _linear(colour) @ np.array([0.2126, 0.7152, 0.0722])
    assert 1.05 / (luminance + 0.05) > 3  # the contrast that WCAG 2 asks of graphics, on white


@pytest.mark.parametrize("above", [True, False])
@pytest.mark.parametrize("x", [0.02, 0.98])
def test_a_level_has_its_name_on_the_side_that_is_asked_for(above, x):
    figure, axes = style.panels()
    style.theory(axes, X, X)
    style.level(axes, 0.5, "half", x=x, above=above)
    line = axes.lines[-1]
    assert line.get_linestyle() == "--"
    assert set(line.get_ydata()) == {0.5}
    (text,) = axes.texts
    assert text.get_text() == "half"
    assert text.get_fontsize() == style.SMALL
    assert text.get_ha() == ("left" if x < 0.5 else "right")
    figure.draw_without_rendering()
    middle = (text.get_window_extent().y0 + text.get_window_extent().y1) / 2
    assert bool(middle > axes.transData.transform((0, 0.5))[1]) is above


def test_a_legend_above_all_panels_covers_none():
    figure, axes = style.panels(2)
    for one in axes:
        style.theory(one, X, X, label="theory")
    style.legend_above(figure, axes[0], 1)
    figure.draw_without_rendering()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["theory"]
    assert all(legend.get_window_extent().y0 > one.bbox.y1 - 1 for one in axes)
