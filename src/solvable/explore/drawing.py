"""The matplotlib figure of an explorable: drawn once, then moved."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from solvable import style

from .declaration import Curve, Explorable, Panel

Points = Mapping[str, tuple]

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
        self.figure, axes = style.panels(columns=len(self.panels), squeeze=False, height=3.4)
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
        labels = axes.get_legend_handles_labels()[1]
        if labels:
            axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2, columnspacing=1.2, handlelength=1.8)

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


def draw(explorable: Explorable, results: Mapping[str, np.ndarray], markers: Points) -> Figure:
    """The figure at one setting of the controls."""
    return Picture(explorable, results, markers).figure


def panel_names(panels: Sequence[Panel]) -> list[str]:
    """What to call each panel: its title, or what it shows."""
    return [panel.title or panel.y.label for panel in panels]
