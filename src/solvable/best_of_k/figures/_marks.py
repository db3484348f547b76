"""Marks and words that the figures of this chapter share."""

from collections.abc import Mapping, Sequence
from numbers import Real

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from solvable import style
from solvable._types import RealLike

Values = RealLike | Sequence[RealLike]
"""An array, or numbers one after the other."""
Points = tuple[Values, Values]
"""Places, and what is there."""
Measured = tuple[Values, Values, Values | None]
"""Places, what was measured there, and its standard error, if there is one."""
Compared = tuple[Values, Values, Values, Values]
"""Places, what was measured there, its standard error, and what it should be."""
Name = str | Real
"""A number that a symbol has, or what is to be written in the place of both."""

ANSWERS = "answers $k$"
ERROR = r"error $\delta / s^2$"
SLOPE_IN_K = r"exponent $-d\ln\delta\, /\, d\ln k$"
FEW_OCTAVES = 9
"""Powers of two that have room for their numbers along an axis; beyond, powers of ten are named."""
SHORT_NUMBERS = 11
"""The largest power of two whose digits fit below a tick."""
BLACK = style.COLOURS[6]


def named(symbol: str, name: Name) -> str:
    """What a legend says of one of several curves."""
    if isinstance(name, str):
        return name
    number = "∞" if np.isinf(name) else f"{name:g}".replace("-", "−")
    return f"${symbol}$ = {number}"


def along(axes: Axes, ks: Values, label: str = ANSWERS) -> None:
    """Make an axis of whole numbers logarithmic, with powers of two where they are few and small."""
    first, last = np.log2(np.min(ks)), np.log2(np.max(ks))
    if last - first > FEW_OCTAVES or last > SHORT_NUMBERS:
        axes.set(xscale="log", xlabel=label)
    else:
        style.log_axis(axes, 2.0 ** np.arange(np.ceil(first), np.floor(last) + 1), label)


def plain_log(axes: Axes) -> None:
    """Make the vertical axis logarithmic, with plain numbers, several in a decade: for values that span few of them."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def lines(axes: Axes, x: Values, curves: Mapping[Name, Values], symbol: str, **options) -> None:
    """A line for each of several values of what a symbol stands for."""
    for colour, (name, curve) in enumerate(curves.items()):
        style.theory(axes, x, curve, colour=colour, label=named(symbol, name), **options)


def dashed(axes: Axes, x: Values, y: Values, *, colour: int) -> None:
    """A limit of one of several curves, in its colour."""
    style.limit(axes, x, y, color=style.COLOURS[colour], linewidth=1.2)


def measure(axes: Axes, measured: Measured, *, colour: int = 0, **options) -> None:
    places, means, errors = measured
    style.experiment(axes, places, means, spread=errors, colour=colour, **options)


def measure_all(axes: Axes, curves: Mapping[Name, Values], measured: Mapping[Name, Measured], **options) -> None:
    """Markers in the colours of the curves of the same names."""
    for colour, name in enumerate(curves):
        if name in measured:
            measure(axes, measured[name], colour=colour, **options)


def ticks_at(axes: Axes, curves: Mapping[Name, Values], places: Mapping[Name, tuple[float, float]]) -> None:
    """A tick across each curve at its best place, which none has at infinity, nor at zero of a logarithmic axis."""
    for colour, name in enumerate(curves):
        x, y = places.get(name, (np.inf, np.nan))
        if np.isfinite(x) and (x > 0 or axes.get_xscale() == "linear"):
            look = {"color": style.COLOURS[colour], "linestyle": "none", "marker": "|", "zorder": 4}
            axes.plot([x], [y], markersize=13, markeredgewidth=1.8, **look)


def explain(axes: Axes, *, tick: str = "", measured: str = "", dashed: str = "") -> None:
    """Entries of a legend that hold for all colours."""
    if dashed:
        axes.plot([], [], color=style.GREY, linestyle="--", linewidth=1.2, label=dashed)
    if measured:
        style.experiment(axes, [], [], label=measured, color=style.GREY)
    if tick:
        axes.plot([], [], color=style.GREY, linestyle="none", marker="|", markersize=9, markeredgewidth=1.8, label=tick)
