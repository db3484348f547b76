"""What holds for every figure of the book, whatever its chapter."""

import inspect
import io
from collections.abc import Iterable
from types import ModuleType

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import same_color
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D

from solvable import style


def is_line(artist: Line2D) -> bool:
    return artist.get_linestyle() not in ("None", "none")


def is_marked(artist: Line2D) -> bool:
    return artist.get_marker() not in ("None", "none", None)


def marked(axes: Axes, colour: int | None = None) -> list[Line2D]:
    """What was measured: markers, without those of the bars' ends and without those that stand in the legend alone."""
    return [
        line
        for line in axes.lines
        if line.get_marker() in style.MARKERS
        and len(line.get_xdata())
        and (colour is None or same_color(line.get_color(), style.COLOURS[colour]))
    ]


def lines(axes: Axes, colour: int | None = None, style_of_line: str = "-") -> list[Line2D]:
    """Curves of one style, of one colour or of all."""
    return [
        line
        for line in axes.lines
        if line.get_linestyle() == style_of_line
        and (colour is None or same_color(line.get_color(), style.COLOURS[colour]))
    ]


def legend_texts(legend: Legend) -> list[str]:
    return [text.get_text() for text in legend.get_texts()]


def notes(axes: Axes) -> list[str]:
    """What is written into a panel."""
    return [text.get_text() for text in axes.texts]


def check_every_figure_is_tested(figures: ModuleType, tested: Iterable[str]) -> None:
    public = {
        name
        for name, function in inspect.getmembers(figures, inspect.isfunction)
        if function.__module__ == figures.__name__ and not name.startswith("_")
    }
    assert public == set(tested)


def check_can_be_read(figure: Figure) -> None:
    figure.savefig(io.BytesIO(), format="png")  # warnings are errors: no missing glyph, no layout that fails
    assert plt.get_fignums() == []
    drawn = [axes for axes in figure.axes if axes.get_visible()]
    rows = {round(axes.get_position().y0, 2) for axes in drawn}
    labelled = {round(axes.get_position().y0, 2) for axes in drawn if axes.get_ylabel()}
    assert labelled == rows  # panels side by side may share the label of the first
    assert all(axes.get_xlabel() for axes in drawn if round(axes.get_position().y0, 2) == min(rows))
    assert figure.get_figwidth() <= 2 * style.PANEL_WIDTH
    texts = [text for text in figure.findobj(mpl.text.Text) if text.get_text().strip()]
    assert min(text.get_fontsize() for text in texts) >= 8.5
    for axes in drawn:
        for line in axes.lines:
            assert is_line(line) != is_marked(line), "a curve is theory (a line) or experiment (markers), not both"


def check_legends_cover_nothing(figure: Figure) -> None:
    """Some legend is there, and every one lies inside the figure and outside the panels."""
    figure.draw_without_rendering()
    legends = [legend for legend in (*figure.legends, *(axes.get_legend() for axes in figure.axes)) if legend]
    assert legends
    for legend in legends:
        box = legend.get_window_extent()
        assert 0 <= box.x0 < box.x1 <= figure.bbox.x1 + 1
        # a pixel of slack for the layout, which converges and does not end exactly
        assert all(box.y0 > axes.bbox.y1 - 1 or not box.overlaps(axes.bbox) for axes in figure.axes)


def check_markers_are_inside(figure: Figure) -> None:
    """What was measured is drawn where it can be seen."""
    for axes in figure.axes:
        for line in marked(axes):
            shown = axes.transData.transform(np.column_stack(line.get_data()).astype(float))
            assert axes.bbox.padded(1).count_contains(shown) == len(shown)


def check_figure(figure: Figure, *, experiment: bool = True) -> None:
    """All of it: legible, with theory and ``experiment`` or without, light, and nothing covered or cut off."""
    check_can_be_read(figure)
    artists = [line for axes in figure.axes for line in axes.lines]
    assert any(map(is_line, artists))
    assert any(map(is_marked, artists)) == experiment
    assert len(style.sharp_png(figure)[0]) < 60_000
    check_legends_cover_nothing(figure)
    check_markers_are_inside(figure)
