"""The matplotlib figure of an explorable: drawn once, then moved."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogFormatter, LogFormatterMathtext

from solvable import style

from .declaration import Curve, Explorable, Panel

Points = Mapping[str, tuple]

LEGEND_COLUMNS = 3
LEGEND_ROW = 0.24
"""Height of a row of the legend, in inches."""

_DRAW = {"theory": style.theory, "experiment": style.experiment, "limit": style.limit}
_MARK = {"color": "black", "linestyle": "none", "marker": "x", "markersize": 7, "zorder": 4}


class Picture:
    """The figure of an explorable and the lines in it that move.

    Args:
        explorable: what to draw.
        results: what its function returned.
        markers: ``(x, y)`` for each of the declared markers.
    """

    def __init__(self, explorable: Explorable, results: Mapping[str, np.ndarray], markers: Points) -> None:
        self.panels = explorable.panels
        rows = max(_legend_rows(panel) for panel in self.panels)
        height = style.PANEL_HEIGHT + LEGEND_ROW * rows
        self.figure, axes = style.panels(columns=len(self.panels), squeeze=False, height=height)
        # legends have a strip of their own, so that the panels are of one size whatever is in it
        self.figure.get_layout_engine().set(rect=(0, 0, 1, 1 - LEGEND_ROW * rows / height))
        self.axes: list[Axes] = list(axes[0])
        self._lines: list[tuple[Axes, Curve, Line2D]] = []
        for panel, place in zip(self.panels, self.axes, strict=True):
            self._draw_panel(panel, place, results, markers)
        self.fit()

    def _draw_panel(self, panel: Panel, axes: Axes, results: Mapping[str, np.ndarray], markers: Points) -> None:
        for curve in panel.curves:
            x, y = results[curve.x], results[curve.y]
            if curve.kind == "mark":
                axes.plot(x, y, label=curve.label, **_MARK)
            elif curve.kind == "limit":
                style.limit(axes, x, y, label=curve.label)
            else:
                _DRAW[curve.kind](axes, x, y, colour=curve.colour, label=curve.label)
            self._lines.append((axes, curve, axes.lines[-1]))
        for entry in panel.markers:
            style.experiment(axes, *markers[entry.name], colour=entry.colour, label=entry.label)
        axes.set(xlabel=panel.x.text, ylabel=panel.y.text, title=panel.title)
        axes.set(xscale=panel.x.scales[0], yscale=panel.y.scales[0])
        if _legend_rows(panel):
            place = {"loc": "lower left", "bbox_to_anchor": (-0.02, 1.0), "borderaxespad": 0.2}
            look = {"columnspacing": 1.2, "handlelength": 1.8, "frameon": False}
            axes.legend(ncols=LEGEND_COLUMNS, **place, **look).set_in_layout(False)

    def move(self, results: Mapping[str, np.ndarray]) -> None:
        """Put the curves where ``results`` say."""
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
        """Set the limits: those declared, else those of what is drawn."""
        for panel, axes in zip(self.panels, self.axes, strict=True):
            axes.relim()
            axes.autoscale()
            axes.set(xlim=panel.x.limits, ylim=panel.y.limits)
            for axis in (axes.xaxis, axes.yaxis):
                if axis.get_scale() == "log":
                    low, high = axis.get_view_interval()
                    # over few decades plain numbers say more than powers of ten
                    formatter = LogFormatter if high < 100 * low else LogFormatterMathtext
                    axis.set_major_formatter(formatter())
                    axis.set_minor_formatter(formatter(labelOnlyBase=False))


def _legend_rows(panel: Panel) -> int:
    labels = [entry.label for entry in (*panel.curves, *panel.markers) if entry.label]
    return -(-len(labels) // LEGEND_COLUMNS)


def draw(explorable: Explorable, results: Mapping[str, np.ndarray], markers: Points) -> Figure:
    """The figure at one setting of the controls."""
    return Picture(explorable, results, markers).figure


def panel_names(panels: Sequence[Panel]) -> list[str]:
    """What to call each panel: its title, or what it shows."""
    return [panel.title or panel.y.label for panel in panels]
