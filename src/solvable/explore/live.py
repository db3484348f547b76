"""Controls and a figure in a notebook with a kernel: the function itself runs at every move."""

from collections.abc import Mapping
from html import escape
from io import BytesIO

import ipywidgets as widgets
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from .declaration import Axis, Control, Explorable, Slider
from .drawing import Picture, Points, panel_names

STEPS = 200
"""Stops of a slider without a step of its own."""
FRAMES = 60
"""Moves in which the play button sweeps its slider."""


class Live:
    """An explorable with its controls as widgets.

    Args:
        explorable: what to show.
        markers: ``(x, y)`` for each of the declared markers.

    Attributes:
        box: the widget to display.
        controls: the widget of each control, by name.
    """

    def __init__(self, explorable: Explorable, markers: Points) -> None:
        self._explorable = explorable
        results = explorable.evaluate()
        self._picture = Picture(explorable, results, markers)
        self._canvas = FigureCanvasAgg(self._picture.figure)
        # the layout is found once: it takes longer than all the rest, and a figure whose axes jump cannot be compared
        self._canvas.draw()
        self._picture.figure.set_layout_engine("none")
        self._image = widgets.Image(format="png", value=self._png())
        self._readout = widgets.HTML(self._said(results))
        self.controls = {control.name: _widget(control) for control in explorable.controls}
        for widget in self.controls.values():
            widget.observe(self._moved, names="value")
        reset = widgets.Button(description="Reset", tooltip="Back to the settings at first")
        reset.on_click(self._reset)
        self.box = widgets.VBox(
            [
                self._image,
                self._readout,
                *self.controls.values(),
                *self._toggles(),
                widgets.HBox([reset, *self._play()]),
                widgets.HTML(f"<p>{escape(explorable.caption)}</p>"),
            ]
        )

    @property
    def values(self) -> dict[str, float]:
        """Where the controls stand."""
        return {name: float(widget.value) for name, widget in self.controls.items()}

    def _moved(self, change: object) -> None:
        results = self._explorable.evaluate(**self.values)
        self._picture.move(results)
        self._readout.value = self._said(results)
        self._redraw()

    def _said(self, results: Mapping[str, np.ndarray]) -> str:
        return " · ".join(sentences(self._explorable, results))

    def _redraw(self) -> None:
        self._canvas.draw()
        self._image.value = self._png()

    def _png(self) -> bytes:
        stored = BytesIO()
        # little compression: the picture goes to a browser nearby, and soon another follows
        Image.fromarray(np.asarray(self._canvas.buffer_rgba())).convert("RGB").save(stored, "png", compress_level=1)
        return stored.getvalue()

    def _reset(self, button: object) -> None:
        for control in self._explorable.controls:
            self.controls[control.name].value = control.default

    def _toggles(self) -> list[widgets.Widget]:
        found = []
        for index, (panel, name) in enumerate(
            zip(self._explorable.panels, panel_names(self._explorable.panels), strict=True)
        ):
            found += [self._toggle(index, which, axis, name) for which, axis in (("x", panel.x), ("y", panel.y))]
        return [toggle for toggle in found if toggle is not None]

    def _toggle(self, panel: int, which: str, axis: Axis, name: str) -> widgets.Widget | None:
        if len(axis.scales) < 2:
            return None
        toggle = widgets.ToggleButtons(options=axis.scales, description=f"{name}, {which} axis")

        def rescale(change: Mapping) -> None:
            self._picture.rescale(panel, **{which: change["new"]})
            self._redraw()

        toggle.observe(rescale, names="value")
        return toggle

    def _play(self) -> list[widgets.Widget]:
        name = self._explorable.play
        if name is None:
            return []
        slider = next(control for control in self._explorable.controls if control.name == name)
        play = widgets.Play(min=0, max=FRAMES, interval=120)

        def advance(change: Mapping) -> None:
            self.controls[name].value = slider.value(change["new"] / FRAMES)

        play.observe(advance, names="value")
        return [play]


def sentences(explorable: Explorable, results: Mapping[str, np.ndarray]) -> list[str]:
    """What the readouts say, and the notices that hold."""
    said = [entry.text(float(results[entry.name])) for entry in explorable.readouts]
    return said + [entry.text for entry in explorable.notices if float(results[entry.name]) > 0.5]


def _widget(control: Control) -> widgets.Widget:
    wide = {"layout": widgets.Layout(width="32rem"), "style": {"description_width": "14rem"}}
    text = f"{control.label} ({control.unit})" if control.unit else control.label
    if not isinstance(control, Slider):
        options = list(zip(control.texts, control.values, strict=True))
        return widgets.SelectionSlider(options=options, value=control.default, description=text, **wide)
    if control.scale == "linear":
        step = control.step or _step(control.low, control.high, control.default)
        return widgets.FloatSlider(
            control.default,
            min=control.low,
            max=control.high,
            step=step,
            description=text,
            readout_format=".3g",
            **wide,
        )
    low, high = np.log10(control.low), np.log10(control.high)
    return widgets.FloatLogSlider(
        control.default,
        base=10,
        min=low,
        max=high,
        step=control.step or _step(low, high, np.log10(control.default)),
        description=text,
        readout_format=".3g",
        **wide,
    )


def _step(low: float, high: float, default: float) -> float:
    """About a :data:`STEPS`-th of the way, such that the default is a stop: a browser moves it to one."""
    before = round(STEPS * (default - low) / (high - low))
    return (default - low) / before if before else (high - low) / STEPS
