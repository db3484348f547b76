"""The matplotlib figure of an explorable: drawn once, then moved."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import FillBetweenPolyCollection
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogFormatter, LogFormatterMathtext

from solvable import style

from .declaration import Curve, Explorable, Field, Panel

Points = Mapping[str, tuple]
Results = Mapping[str, np.ndarray]

PALETTE = mpl.colormaps["cividis"].resampled(32)
"""Colours of a map, from the lowest number to the highest: in order of lightness, also for the colour-blind."""

LEGEND_COLUMNS = 3
LEGEND_ROW = 0.24
"""Height of a row of the legend, or of a title above it, in inches."""

_DRAW = {"theory": style.theory, "experiment": style.experiment, "limit": style.limit}
_MARK = {"color": "black", "linestyle": "none", "marker": "x", "markersize": 7, "zorder": 4}
_EDGE = {"linewidth": 1.0, "zorder": 1.5}
_FILL = {"alpha": 0.4, "linewidth": 0, "zorder": 0.5}
# what lies over a map needs an edge to be seen on each of its colours
_CASING = 1.2
_UNBROKEN = {"dash_offset": 0, "dash_list": None}
_NO_VALUE = {"facecolor": "#e4e4e4", "edgecolor": style.GREY, "hatch": "////", "linewidth": 0, "zorder": 0.1}


class _Area:
    """What is filled between a curve and its base, or the bottom of the panel."""

    def __init__(self, axes: Axes, curve: Curve, results: Results) -> None:
        self._axes, self._curve = axes, curve
        colour = style.COLOURS[curve.colour % len(style.COLOURS)]
        y = results[curve.y]
        self._filled: FillBetweenPolyCollection = axes.fill_between(
            results[curve.x], y, y, color=colour, label=curve.label, **_FILL
        )

    def take(self, results: Results) -> None:
        """Before the limits are found: no more than the results themselves has a say in them."""
        self._fill(results, results[self._curve.base or self._curve.y])

    def settle(self, results: Results) -> None:
        """After they are."""
        if not self._curve.base:
            self._fill(results, np.full_like(results[self._curve.y], self._axes.get_ylim()[0]))

    def _fill(self, results: Results, base: np.ndarray) -> None:
        self._filled.set_data(results[self._curve.x], base, results[self._curve.y])


class _Map:
    """The cells of a field, with their colour bar."""

    def __init__(self, axes: Axes, field: Field) -> None:
        self._axes, self._field = axes, field
        self._norm = (LogNorm if field.scale == "log" else Normalize)(*field.limits, clip=True)
        self._cells = None
        # cells without a value are left out, and this is seen through them
        self._behind = axes.add_patch(Rectangle((1, 1), 1, 1, label=field.missing_label or None, **_NO_VALUE))
        axes.grid(False)
        axes.figure.colorbar(ScalarMappable(self._norm, PALETTE), ax=axes, label=field.label, aspect=30, pad=0.03)

    def settle(self, results: Results) -> None:
        """Draw the cells on the axes' present scales, and end the axes with them."""
        field, axes = self._field, self._axes
        x = style.cell_edges(results[field.x], axes.get_xscale())
        y = style.cell_edges(results[field.y], axes.get_yscale())
        missing = results[field.missing] > 0.5 if field.missing else False
        if self._cells is not None:
            self._cells.remove()
        values = np.ma.masked_array(results[field.z], missing)
        self._cells = axes.pcolormesh(x, y, values, norm=self._norm, cmap=PALETTE, zorder=0.2)
        self._behind.set_bounds(x[0], y[0], x[-1] - x[0], y[-1] - y[0])
        axes.set(xlim=x[[0, -1]], ylim=y[[0, -1]])


class Picture:
    """The figure of an explorable and the lines in it that move.

    Args:
        explorable: what to draw.
        results: what its function returned.
        markers: ``(x, y)`` for each of the declared markers.
    """

    def __init__(self, explorable: Explorable, results: Results, markers: Points) -> None:
        self.panels = explorable.panels
        rows = max(_legend_rows(panel) + bool(panel.title) for panel in self.panels)
        height = style.PANEL_HEIGHT + LEGEND_ROW * rows
        self.figure, axes = style.panels(columns=len(self.panels), squeeze=False, height=height)
        # legends have a strip of their own, so that the panels are of one size whatever is in it; a title, which the
        # layout always makes room for, has its legend between itself and the panel
        strip = LEGEND_ROW * max((_legend_rows(panel) for panel in self.panels if not panel.title), default=0)
        self.figure.get_layout_engine().set(rect=(0, 0, 1, 1 - strip / height))
        if any(panel.field for panel in self.panels):
            # the label of a colour bar is not that of the axis beside it
            self.figure.get_layout_engine().set(wspace=0.08)
        self.axes: list[Axes] = list(axes[0])
        self._results = results
        self._lines: list[tuple[Axes, Curve, Line2D]] = []
        self._areas: list[_Area] = []
        self._maps: list[_Map | None] = []
        for panel, place in zip(self.panels, self.axes, strict=True):
            self._maps.append(_Map(place, panel.field) if panel.field else None)
            self._draw_panel(panel, place, results, markers)
        self.fit()

    def _draw_panel(self, panel: Panel, axes: Axes, results: Results, markers: Points) -> None:
        for curve in panel.curves:
            x, y = results[curve.x], results[curve.y]
            if curve.kind == "mark":
                axes.plot(x, y, label=curve.label, **_MARK)
            elif curve.kind == "limit":
                style.limit(axes, x, y, label=curve.label)
            elif curve.kind == "area":
                self._areas.append(_Area(axes, curve, results))
                style.theory(axes, x, y, colour=curve.colour, **_EDGE)
            else:
                _DRAW[curve.kind](axes, x, y, colour=curve.colour, label=curve.label)
            self._lines.append((axes, curve, axes.lines[-1]))
        for entry in panel.markers:
            style.experiment(axes, *markers[entry.name], colour=entry.colour, label=entry.label)
        axes.set(xlabel=panel.x.text, ylabel=panel.y.text)
        if panel.title:
            above = 72 * LEGEND_ROW * _legend_rows(panel) + mpl.rcParams["axes.titlepad"]
            axes.set_title(panel.title, pad=above)
        if panel.field:
            for line in axes.lines:
                line.set_path_effects([withStroke(linewidth=_casing(line), foreground="white", dashes=_UNBROKEN)])
        axes.set(xscale=panel.x.scales[0], yscale=panel.y.scales[0])
        if _legend_rows(panel):
            place = {"loc": "lower left", "bbox_to_anchor": (-0.02, 1.0), "borderaxespad": 0.2}
            look = {"columnspacing": 1.0, "handlelength": 1.5, "frameon": False}
            axes.legend(ncols=LEGEND_COLUMNS, **place, **look).set_in_layout(False)

    def move(self, results: Results) -> None:
        """Put the curves where ``results`` say."""
        self._results = results
        for _, curve, line in self._lines:
            line.set_data(results[curve.x], results[curve.y])
        self.fit()

    def rescale(self, panel: int, *, x: str | None = None, y: str | None = None) -> None:
        """Give an axis of one panel another scale."""
        if x:
            self.axes[panel].set_xscale(x)
        if y:
            self.axes[panel].set_yscale(y)
        self.fit()

    def fit(self) -> None:
        """Set the limits: those declared, else those of what is drawn; and fill what reaches to them."""
        for area in self._areas:
            area.take(self._results)
        for panel, axes, cells in zip(self.panels, self.axes, self._maps, strict=True):
            axes.relim()
            axes.autoscale()
            if cells is not None:
                cells.settle(self._results)
            axes.set(xlim=panel.x.limits, ylim=panel.y.limits)
            for axis in (axes.xaxis, axes.yaxis):
                if axis.get_scale() == "log":
                    low, high = axis.get_view_interval()
                    # over few decades plain numbers say more than powers of ten
                    formatter = LogFormatter if high < 100 * low else LogFormatterMathtext
                    axis.set_major_formatter(formatter())
                    axis.set_minor_formatter(formatter(labelOnlyBase=False))
        for area in self._areas:
            area.settle(self._results)


def _casing(line: Line2D) -> float:
    """How wide the white under a line over a map is, or around the outline of a marker."""
    width = line.get_linewidth() if line.get_linestyle() != "None" else line.get_markeredgewidth()
    return width + 2 * _CASING


def _legend_rows(panel: Panel) -> int:
    labels = [entry.label for entry in (*panel.curves, *panel.markers)]
    if panel.field:
        labels.append(panel.field.missing_label)
    return -(-len(list(filter(None, labels))) // LEGEND_COLUMNS)


def draw(explorable: Explorable, results: Results, markers: Points) -> Figure:
    """The figure at one setting of the controls."""
    return Picture(explorable, results, markers).figure


def panel_names(panels: Sequence[Panel]) -> list[str]:
    """What to call each panel: its title, or what it shows."""
    return [panel.title or panel.y.label for panel in panels]
