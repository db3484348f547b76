"""Figures of the language models: what an offset does to an exponent, and overlaps in an embedding."""

import numpy as np
from matplotlib.figure import Figure

from solvable import style
from solvable._types import RealLike
from solvable.power_law import PowerLawFit

from ..theory.geometry import welch_bound
from .widths import WIDTH, _log, _row

SHOWN = (-0.9, 0.0, 0.5)
"""Offsets whose fits are drawn, in units of the smallest loss."""


def offsets(widths: RealLike, loss: RealLike, offsets: RealLike, by_offset: PowerLawFit, plain: PowerLawFit) -> Figure:
    """Exponent and quality of a power law with an assumed offset, and the losses less some of the offsets.

    Args:
        widths: ``(k,)``.
        loss: ``(k,)``.
        offsets: ``(o,)``; assumed offsets, each below the smallest loss.
        by_offset: fits of the loss less each offset.
        plain: the fit without an offset.
    """
    figure, grid = style.panels(2, 2, height=1.9, sharex="col")
    for empty in grid[:, 1]:
        empty.remove()
    (top, bottom), right = grid[:, 0], figure.add_subplot(grid[0, 0].get_gridspec()[:, 1])
    widths, loss = np.asarray(widths), np.asarray(loss)
    relative = np.asarray(offsets) / loss.min()
    style.theory(top, relative, -by_offset.exponent, color=style.COLOURS[6])
    style.theory(bottom, relative, by_offset.r_squared, color=style.COLOURS[6])
    style.level(bottom, float(plain.r_squared), "no offset")
    top.set_ylabel("exponent")
    bottom.set(xlabel="assumed offset $B$ / smallest loss", ylabel="$R^2$", xticks=[-0.8, -0.4, 0, 0.4, 0.8])
    figure.align_ylabels((top, bottom))
    for colour, wanted in enumerate(SHOWN):
        row = _row(relative, wanted)
        look = {"colour": colour}
        style.experiment(top, relative[row], -by_offset.exponent[row], **look)
        style.experiment(bottom, relative[row], by_offset.r_squared[row], **look)
        fit = by_offset.amplitude[row] * widths.astype(float) ** by_offset.exponent[row]
        name = f"$B$ = {wanted:g}: exponent {-by_offset.exponent[row]:.2f}".replace("-", "−")
        style.theory(right, widths, fit, linewidth=1.2, **look)
        style.experiment(right, widths, loss - np.asarray(offsets)[row], label=name, **look)
    style.log_axis(right, widths, WIDTH)
    _log(right)
    right.set_ylabel("loss less offset, $L - B$")
    handles, names = right.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper left", ncols=len(names), handlelength=1.6, columnspacing=1.2)
    return figure


def embedding(columns: RealLike, overlap: RealLike, centred: RealLike, random_overlap: RealLike, tokens: int) -> Figure:
    """Mean squared overlap of the rows of an embedding over Welch's bound, in its first columns.

    Args:
        columns: ``(k,)``; how many.
        overlap: ``(k,)``; of the rows as they are.
        centred: ``(k,)``; of the rows less their mean.
        random_overlap: ``(k,)``; of as many random rows.
        tokens: number of rows.
    """
    figure, axes = style.panels(height=3.3)
    bound = np.asarray(welch_bound(tokens, np.asarray(columns)))
    series = {"embedding": overlap, "embedding, centred": centred, "random rows": random_overlap}
    for colour, (name, found) in enumerate(series.items()):
        style.experiment(axes, columns, np.asarray(found) / bound, colour=colour, label=name)
    axes.axhline(1, color=style.COLOURS[6], linewidth=1.8, zorder=2, label="Welch's bound")
    style.log_axis(axes, columns, "columns $m$")
    axes.set_ylabel("mean squared overlap\n/ Welch's bound")
    style.legend(axes, 2)
    return figure
