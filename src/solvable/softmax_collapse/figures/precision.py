"""Figures of floating point: where a sum of exponentials is its largest term alone, and what is left of the loss.

Theory is a line, what was measured is a marker, a level is thin and dashed. Thin lines between markers lead the eye.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from solvable import style
from solvable._types import RealLike

from ..theory.precision import collapse_threshold, significand_bits

Values = RealLike | Sequence[RealLike]
"""An array, or numbers one after the other."""

WAYS = {
    "bfloat16": 3,
    "float16": 4,
    "float32": 0,
    "float64": 1,
    "float32, log1p": 5,
    "cross-entropy": 0,
    "cross-entropy, float64": 1,
    "cross-entropy, log1p": 5,
    "StableMax": 2,
    "orthogonal gradients": 3,
    "weight decay": 4,
}
"""Colours of formats and of ways to train, the same in all figures."""
SCALES = {"softmax": 0, "StableMax": 2, "Taylor softmax": 3}
"""Colours of what a loss has in the place of the exponential."""
ROOM_BELOW = 20.0
"""On a logarithmic axis a line is so far below all numbers, and exactly 0 so far below that line."""
LARGEST = 7.0
"""Points of the largest of several markers that may share a place."""
TICKS = np.array([2, 10, 100, 1000])
"""Numbers of classes that stand at an axis."""
GAP = "gap $g$"


def _joined(axes: Axes, x: RealLike, y: RealLike, *, colour: int, label: str | None = None, **options) -> None:
    """Markers, and a thin line between them that leads the eye."""
    style.experiment(axes, x, y, colour=colour, label=label, **options)
    style.theory(axes, x, y, colour=colour, linewidth=0.8, alpha=0.6)


def _span(axes: Axes, span: tuple[float, float], *, colour: int, **options) -> None:
    """Shade what is predicted between two ends."""
    axes.axvspan(*span, **{"color": style.COLOURS[colour], "alpha": 0.25, "linewidth": 0, "zorder": 0} | options)


def _drop_to(lowest: float) -> float:
    """Where on a logarithmic axis what is exactly 0 stands, given the smallest number that is drawn otherwise."""
    return lowest / ROOM_BELOW**2


def _decades(axes: Axes, zero: float) -> None:
    """Make an axis logarithmic, with a dashed line that has only what is exactly 0 below it, and no ticks."""
    axes.set_yscale("log")
    style.level(axes, ROOM_BELOW * zero, "0 exactly", x=0.02, above=False)
    axes.set_ylim(bottom=zero / ROOM_BELOW)
    top = axes.get_ylim()[1]
    axes.set_yticks([tick for tick in axes.get_yticks() if ROOM_BELOW * zero < tick <= top])
    axes.yaxis.set_minor_locator(NullLocator())


def thresholds(
    measured: Mapping[str, float], classes: Values, orders: Mapping[str, Values], dtype: str = "float32"
) -> Figure:
    """Gap at which a sample collapses, against the digits of the format; and how it depends on the others' number.

    Args:
        measured: for each format the threshold of two classes.
        classes: ``(k,)``; numbers of classes, increasing.
        orders: for each order of summation ``(k,)``; thresholds where all others are equal.
        dtype: the format of those.
    """
    figure, (left, right) = style.panels(2, height=3.2)
    bits = [significand_bits(name) for name in measured]
    ends = np.array([0, max(bits) * 1.12])
    style.theory(left, ends, ends * np.log(2), color=style.COLOURS[6], label=r"$t\,\ln 2$")
    for (name, gap), digits in zip(measured.items(), bits, strict=True):
        style.experiment(left, [digits], [gap], colour=WAYS[name], label=name)
    left.set(xlabel="binary digits $t$", ylabel="threshold $g^*$ of two classes", xlim=ends)
    left.set_ylim(bottom=0)
    classes = np.asarray(classes)
    between = np.geomspace(classes[0], classes[-1], 100)
    style.theory(right, between, np.log(between - 1), color=style.COLOURS[6], label=r"$\ln(K - 1)$")
    style.theory(right, between, np.zeros(100), color=style.COLOURS[6])
    earliest = collapse_threshold(dtype).earliest
    for colour, (name, gaps) in enumerate(orders.items()):
        # smaller in turn, so that none hides one of the same place
        look = {"colour": colour, "label": name, "markersize": LARGEST - 1.2 * colour}
        style.experiment(right, classes, np.asarray(gaps) - earliest, **look)
    style.log_axis(right, TICKS[(classes[0] <= TICKS) & (classes[-1] >= TICKS)], "classes $K$")
    right.set_ylabel(rf"$g^* - t\,\ln 2$ in {dtype}")
    for axes, columns in ((left, 3), (right, 2)):
        style.legend(axes, columns, handletextpad=0.5)
    return figure


def derivatives(
    gaps: RealLike,
    exact: RealLike,
    measured_gaps: RealLike,
    measured: Mapping[str, RealLike],
    violation_gaps: RealLike,
    violations: Mapping[str, RealLike],
) -> Figure:
    r"""Derivative by the right logit, for two classes in float32; and by how much all derivatives fail to cancel.

    Args:
        gaps: ``(m,)``.
        exact: ``(m,)``; magnitude of the derivative in exact arithmetic.
        measured_gaps: ``(k,)``.
        measured: for each form of the cross-entropy ``(k,)``; magnitude of the derivative. Those that are exactly 0
            stand below a dashed line.
        violation_gaps: ``(v,)``.
        violations: for each format ``(v,)``; part of the derivatives that does not cancel, from 0 to 1.
    """
    figure, (left, right) = style.panels(2, height=3.2)
    style.theory(left, gaps, exact, color=style.COLOURS[6], linewidth=1.4, label="exact")
    zero = _drop_to(np.min(exact))
    for size, (name, slopes) in zip((LARGEST, 4.5), measured.items(), strict=True):
        slopes = np.asarray(slopes)
        look = {"colour": WAYS[name], "label": name, "markersize": size}
        style.experiment(left, measured_gaps, np.where(slopes == 0, zero, slopes), **look)
    _decades(left, zero)
    left.set(xlabel=GAP, ylabel=r"$|\partial\ell / \partial z_y|$")
    for name, parts in violations.items():
        _joined(right, violation_gaps, parts, colour=WAYS[name], label=name, markersize=3)
        threshold, digits = collapse_threshold(name).earliest, significand_bits(name)
        right.axvline(threshold, color=style.GREY, linestyle="--", linewidth=1.0, zorder=1)
        place = right.get_xaxis_transform()
        style.note(
            right, rf"${digits}\,\ln 2$", (threshold, 0.55), shift=(-2, 0), xycoords=place, ha="right", rotation=90
        )
    right.set(xlabel=GAP, ylabel="part that does not cancel", ylim=(-0.04, 1.06))
    for axes in (left, right):
        style.legend(axes, 3, handletextpad=0.5)
    return figure


def tails(
    sizes: RealLike,
    exact: Mapping[str, tuple[RealLike, RealLike]],
    measured_sizes: RealLike,
    measured: Mapping[str, tuple[RealLike, RealLike]],
    collapses: Mapping[str, tuple[float, float]],
) -> Figure:
    """Losses and their derivatives against the size of the logits, where the right one is positive and all others not.

    Args:
        sizes: ``(m,)``.
        exact: for softmax, StableMax and Taylor softmax loss and magnitude of its derivative by the right logit, both
            ``(m,)``.
        measured_sizes: ``(k,)``.
        measured: for the same both ``(k,)``, in float32. What is 0, or below, stands below a dashed line.
        collapses: for those that collapse the size at which they do, at the earliest and at the latest; shaded.
    """
    figure, panels = style.panels(2, height=3.2)
    measured_sizes = np.asarray(measured_sizes)
    for index, (axes, name) in enumerate(
        zip(panels, (r"loss $\ell$", r"$|\partial\ell / \partial z_y|$"), strict=True)
    ):
        found = {scale: np.asarray(pair[index]) for scale, pair in measured.items()}
        zero = _drop_to(min(values[values > 0].min() for values in found.values()))
        for scale, pair in exact.items():
            curve = np.asarray(pair[index])
            seen = curve > zero * ROOM_BELOW
            style.theory(axes, np.asarray(sizes)[seen], curve[seen], colour=SCALES[scale], label=scale)
        for scale, values in found.items():
            # the first one is larger, so that others of the same place do not hide it
            look = {"colour": SCALES[scale], "label": "in float32", "markersize": 4 if SCALES[scale] else 6}
            style.experiment(axes, measured_sizes, np.where(values > 0, values, zero), **look)
        for scale, span in collapses.items():
            _span(axes, span, colour=SCALES[scale])
        axes.set(xscale="log", xlabel="size of the logits $L$", ylabel=name)
        _decades(axes, zero)
    handles, names = panels[0].get_legend_handles_labels()
    look = {"ncols": len(exact), "handlelength": 1.6, "columnspacing": 1.2}
    figure.legend(*_by_column(handles, names, len(exact)), loc="outside upper left", **look)
    return figure


def _by_column(handles: list, names: list, columns: int) -> tuple[list, list]:
    """Entries of a legend whose second row belongs to its first: a legend is filled down its columns."""
    order = [index + row for index in range(columns) for row in range(0, len(names), columns)]
    return [handles[index] for index in order], [names[index] for index in order]
