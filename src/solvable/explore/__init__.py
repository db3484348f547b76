"""Figures that the reader moves: one declaration for the notebook, the page, and paper.

An :class:`Explorable` is a JAX function of named controls, and how its results are drawn. In a live kernel
:func:`show` gives it widgets; on the website the same function, exported to ONNX when the site is built, runs in the
reader's browser; everywhere else its figure at the defaults stands, with a description in words.
"""

from .declaration import (
    Axis,
    Choice,
    Control,
    Curve,
    Explorable,
    Field,
    Markers,
    Notice,
    Panel,
    Readout,
    Slider,
    Stops,
    declared,
    find,
)
from .showing import show

__all__ = [
    "Axis",
    "Choice",
    "Control",
    "Curve",
    "Explorable",
    "Field",
    "Markers",
    "Notice",
    "Panel",
    "Readout",
    "Slider",
    "Stops",
    "declared",
    "find",
    "show",
]
