"""One look for every figure: theory is a line, experiment is a marker, colours are safe for the colour-blind.

Figures are drawn on white; the page inverts their lightness in dark mode, so nothing may rely on pure white or black.
"""

from io import BytesIO

import matplotlib as mpl
import numpy as np
from IPython import get_ipython
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from PIL import Image

# Okabe and Ito (2008), ordered so that neighbours differ in lightness as well as in hue
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
GREY = "#6e6e6e"

PANEL_WIDTH = 3.7  # inches; two panels fill the measure of the page
PANEL_HEIGHT = 2.9

MARKS = 25
"""Markers along one curve, so that the line between them stays visible."""
WINDOWS = 60
"""Stretches of a residual of which the largest value is drawn, because its size matters and its noise does not."""
FLOOR = 1e-17
"""Where an exact agreement is drawn on a log axis."""
SMALL = 8.5
"""The smallest letters of the book."""
ROOM = 0.06
"""Share of an axis that the number at a tick takes up."""

_SETTINGS = {
    "axes.grid": True,
    "axes.labelsize": 10,
    "axes.prop_cycle": mpl.cycler(color=COLOURS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # ships with matplotlib: the same figure on every machine
    "font.size": 9.5,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.5,
    "mathtext.fontset": "cm",
    "savefig.facecolor": "white",
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
}


def use() -> None:
    """Give this session's figures the look of the book, in print and where a notebook shows them."""
    mpl.rcParams.update(_SETTINGS)
    shell = get_ipython()
    if shell is not None:
        shell.display_formatter.formatters["image/png"].for_type(Figure, sharp_png)


def sharp_png(figure: Figure) -> tuple[bytes, dict[str, int]]:
    """A picture with twice the pixels that it takes up on the page, in few enough colours to weigh little."""
    usual, own, packed = figure.dpi, figure.canvas, BytesIO()
    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(2 * usual)
    try:
        # `savefig` would draw everything twice, the first time for the layout alone
        canvas.draw()
    finally:
        figure.set_dpi(usual)
        figure.set_canvas(own)
    for text in figure.findobj(Text):
        # a notebook keeps what it shows, and each text its canvas: five megabytes a figure
        text._renderer = None
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    # lines, markers and their smoothed edges: more colours than these add bytes that nobody sees, but in a map; the
    # octree keeps the colour of a thin line, which a cut by medians gives away to the areas
    colours = 128 if figure.findobj(QuadMesh) else 32
    picture.quantize(colours, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        packed, format="png", optimize=True
    )
    return packed.getvalue(), {"width": picture.width // 2, "height": picture.height // 2}


def panels(columns: int = 1, rows: int = 1, *, height: float = PANEL_HEIGHT, **options) -> tuple[Figure, object]:
    """A figure of ``rows`` by ``columns`` panels, and their axes as ``matplotlib.pyplot.subplots`` gives them.

    The figure belongs to the caller alone: pyplot does not keep it, so nothing is shown twice or left open.
    """
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(PANEL_WIDTH * max(columns, 1.6), height * rows))
        return figure, figure.subplots(rows, columns, **options)


def theory(axes: Axes, x, y, *, colour: int = 0, label: str | None = None, **options) -> None:
    """Draw what the theory says: a line."""
    axes.plot(x, y, **{"color": COLOURS[colour % len(COLOURS)], "label": label, "zorder": 2} | options)


def limit(axes: Axes, x, y, *, label: str | None = None, **options) -> None:
    """Draw a limiting case that the theory passes between: a thin dashed line."""
    axes.plot(x, y, **{"color": GREY, "label": label, "linestyle": "--", "linewidth": 1.0, "zorder": 1} | options)


def experiment(axes: Axes, x, y, *, colour: int = 0, label: str | None = None, spread=None, **options) -> None:
    """Draw what was measured: markers without a line, with error bars where ``spread`` is given."""
    look = {
        "color": COLOURS[colour % len(COLOURS)],
        "label": label,
        "linestyle": "none",
        "marker": MARKERS[colour % len(MARKERS)],
        "markerfacecolor": "white",
        "markeredgewidth": 1.1,
        "zorder": 3,
    } | options
    if spread is None:
        axes.plot(x, y, **look)
    else:
        axes.errorbar(x, y, yerr=spread, elinewidth=1.0, capsize=2.0, **look)


def over_seeds(axes: Axes, x, values, *, axis: int = 1, **options) -> np.ndarray:
    """Draw the mean over seeds, with their standard deviation as bars; returns the mean."""
    values = np.asarray(values)
    mean = values.mean(axis=axis)
    experiment(axes, x, mean, spread=values.std(axis=axis, ddof=int(values.shape[axis] > 1)), **options)
    return mean


def beside(x, index: int, count: int) -> np.ndarray:
    """Positions on a log axis, a little apart for each of several series, so that their bars do not hide each other."""
    return np.asarray(x) * 1.05 ** (index - (count - 1) / 2)


def thin(values, offset: int = 0) -> np.ndarray:
    """About :data:`MARKS` entries along the first axis; curves of different ``offset`` take different ones."""
    stride = max(1, len(values) // MARKS)
    return np.asarray(values)[(offset * stride // 4) % stride :: stride]


def log_axis(axes: Axes, values, label: str, *, along: str = "x") -> np.ndarray:
    """Make an axis logarithmic, with a tick at each of the values that has room for its number.

    Returns:
        Where the values stand; an infinite one, which has to be the last, is a step beyond the others.
    """
    values = np.asarray(values, dtype=float)
    places = values.copy()
    if np.isinf(values[-1]):
        places[-1] = values[-2] * (values[-2] / values[-3] if len(values) > 2 else 10)
    stands, kept = np.log(places), [len(values) - 1]
    for index in reversed(range(len(values) - 1)):
        if abs(stands[kept[-1]] - stands[index]) > ROOM * np.ptp(stands):
            kept.append(index)
    names = {places[index]: "∞" if np.isinf(values[index]) else f"{values[index]:g}" for index in sorted(kept)}
    axis = {"x": axes.xaxis, "y": axes.yaxis}[along]
    axes.set(**{f"{along}scale": "log", f"{along}label": label})
    axis.set_major_locator(FixedLocator(list(names)))
    axis.set_major_formatter(FuncFormatter(lambda place, _: names.get(place, f"{place:g}")))
    axis.set_minor_locator(NullLocator())
    return places


def cell_edges(centres, scale: str) -> np.ndarray:
    """Bounds ``(n + 1,)`` of cells around ``centres``, half-way to the neighbours on a ``linear`` or ``log`` axis.

    A single cell is of one unit, or reaches from half of its centre to twice.
    """
    if scale == "log":
        return np.exp(cell_edges(np.log(centres), "linear") if len(centres) > 1 else np.log(centres) + np.log([0.5, 2]))
    if len(centres) == 1:
        return centres + np.array([-0.5, 0.5])
    middles = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([2 * centres[:1] - middles[:1], middles, 2 * centres[-1:] - middles[-1:]])


def with_residual(*, height: float = 2.6) -> tuple[Figure, Axes, Axes]:
    """A figure of one panel, and below it a flat one with a log axis for a distance."""
    figure, (main, below) = panels(rows=2, height=height, sharex=True, gridspec_kw={"height_ratios": (2.6, 1.0)})
    below.set_yscale("log")
    below.set_ylabel("|difference|")
    return figure, main, below


def residual(axes: Axes, x, theory, network, *, colour: int = 0, **options) -> None:
    """Distance between theory and network: the largest in each of about :data:`WINDOWS` stretches, which hides none."""
    x, distance = np.broadcast_arrays(np.asarray(x), np.abs(np.asarray(network) - np.asarray(theory)))
    starts = np.arange(0, len(x), max(1, len(x) // WINDOWS))
    axes.plot(
        x[starts],
        np.maximum(np.maximum.reduceat(distance, starts), FLOOR),
        **{"color": COLOURS[colour % len(COLOURS)], "linewidth": 0.9} | options,
    )


def note(axes: Axes, text: str, place: tuple[float, float], *, shift: tuple[float, float] = (0, 3), **options) -> None:
    """A name beside a line; ``shift`` is in points."""
    look = {"textcoords": "offset points", "fontsize": SMALL, "color": GREY, "zorder": 4}
    axes.annotate(text, place, xytext=shift, **look | options)


def level(axes: Axes, y: float, text: str, *, x: float = 0.98, above: bool = True, **options) -> None:
    """A dashed line across the panel, and what it stands for; ``x`` is a fraction of the panel's width."""
    axes.axhline(y, **{"color": GREY, "linestyle": "--", "linewidth": 1.0, "zorder": 1} | options)
    look = {"ha": "right" if x > 0.5 else "left", "va": "bottom" if above else "top"}
    note(axes, text, (x, y), shift=(0, 3 if above else -3), xycoords=axes.get_yaxis_transform(), **look)


def legend_above(figure: Figure, axes: Axes, columns: int, **options) -> None:
    """One legend above all panels, of what one of them shows."""
    look = {"loc": "outside upper left", "ncols": columns, "handlelength": 1.6, "columnspacing": 1.2}
    figure.legend(*axes.get_legend_handles_labels(), **look | options)


def legend(axes: Axes, columns: int, **options) -> None:
    """A legend above the panel, where it covers no data."""
    axes.legend(
        **{
            "loc": "lower left",
            "bbox_to_anchor": (-0.02, 1.0),
            "ncols": columns,
            "columnspacing": 1.2,
            "handlelength": 1.8,
            "borderaxespad": 0.2,
        }
        | options
    )
