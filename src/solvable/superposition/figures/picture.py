"""The small picture: forms of five features in a plane, what each form costs, and parts of a dimension.

Results in, a matplotlib figure out. Theory is a line, what was measured is a marker, a level is thin and dashed.
"""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from solvable import style
from solvable._types import RealLike

from ..experiment.plateaus import Plateaus
from ..experiment.small_model import SmallModels
from ..theory.geometry import PLATEAUS, PlateauExcess

COLUMNS = 4
"""Panels side by side, each of a density."""
REACH = 1.4
"""Half of the side of a panel; a feature of its own has length 1."""
OTHER = 6
"""Colour and marker of models that are in none of the forms."""
LEVELS = ("1", "3/4", "2/3", "1/2", "2/5", "3/8")
"""How the levels of a dimensionality are written."""
BIN = 0.02
"""Of the histogram of dimensionalities."""


def forms(models: SmallModels, norms: RealLike) -> Figure:
    """The best model at each density, its features in the plane, and how many of the starts came to its form.

    Args:
        models: trained, in two dimensions, at any number of densities.
        norms: ``(d,)``; length of a represented feature according to the theory, drawn as a circle; nan for none.
    """
    best, found = models.best(), models.forms()
    count = len(models.densities)
    rows = -(-count // COLUMNS)
    figure, grid = style.panels(COLUMNS, rows, height=2.45, squeeze=False, sharex=True, sharey=True)
    figure.set_figwidth(2 * style.PANEL_WIDTH)
    for empty in grid.ravel()[count:]:
        empty.remove()
    turn = np.linspace(0, 2 * np.pi, 181)
    circle = np.array([np.cos(turn), np.sin(turn)])
    shown = zip(models.densities, best.weights[:, 0], best.forms()[:, 0], found, np.asarray(norms), strict=True)
    for axes, (density, weights, name, starts, norm) in zip(grid.ravel(), shown, strict=False):
        style.limit(axes, *circle, label="length 1")
        style.theory(axes, *(norm * circle), linewidth=1.1, label="length, theory")
        axes.quiver(
            *np.zeros_like(weights.T),
            *weights.T,
            angles="xy",
            scale_units="xy",
            scale=1,
            width=0.014,
            headwidth=1,
            headlength=0,
            headaxislength=0,
            color=style.COLOURS[1],
            zorder=2,
        )
        style.experiment(axes, *weights.T, colour=1, marker="o", label="features, trained")
        axes.set_title(f"$p$ = {density:g}")
        axes.set_xlabel(f"{name}\n{np.count_nonzero(starts == name)} of {len(starts)} starts")
        axes.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal", xticks=[-1, 0, 1], yticks=[-1, 0, 1])
        axes.tick_params(labelbottom=False)
    for axes in grid[:, 0]:
        axes.set_ylabel("second dimension")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=3, handlelength=1.6, columnspacing=1.2)
    return figure


def form_losses(
    densities: RealLike, losses: Mapping[str, RealLike], models: SmallModels, boundary: float | None = None
) -> Figure:
    """Exact loss of each form against density, and where the trained models ended up.

    Every loss is divided by that of the best constants, the variance of the features.

    Args:
        densities: ``(k,)``; for which the theory is given.
        losses: for each form ``(k,)``; its least loss.
        models: trained, of the same number of features and the same importance.
        boundary: density at which another form becomes the best, if it is to be shown.
    """
    figure, axes = style.panels(height=3.6)
    count = len(models.importance)

    def variance(p):
        return count * (p / 3 - p**2 / 4)

    densities = np.asarray(densities, dtype=float)
    for colour, (name, loss) in enumerate(losses.items()):
        style.theory(axes, densities, np.asarray(loss) / variance(densities), colour=colour, label=name)
    found = models.forms()
    relative = models.loss / variance(models.densities)[:, None]
    for name in np.unique(found):
        colour = list(losses).index(name) if name in losses else OTHER
        label = None if name in losses else "any other"
        at, _ = np.nonzero(found == name)
        style.experiment(axes, models.densities[at], relative[found == name], colour=colour, label=label, alpha=0.8)
    if boundary is not None:
        axes.axvline(boundary, color=style.GREY, linestyle="--", linewidth=1.0, zorder=1)
        axes.annotate(
            f"{boundary:.3f}",
            (boundary, 0.02),
            xycoords=axes.get_xaxis_transform(),
            xytext=(3, 0),
            textcoords="offset points",
            color=style.GREY,
            fontsize=8.5,
        )
    style.log_axis(axes, np.sort(models.densities), "density $p$ of the features")
    axes.set_ylabel("loss / loss of the best constants")
    axes.set_ylim(bottom=0)
    style.legend(axes, 3)
    return figure


def plateaus(runs: Plateaus, excess: PlateauExcess) -> Figure:
    """Part of a dimension that each feature takes up, against sparsity, and how often each part occurs.

    Args:
        runs: one run, or several along the first axis.
        excess: features near the levels, and how many a smooth density would put there.
    """
    figure, (left, right) = style.panels(columns=2, height=3.6, sharey=True, gridspec_kw={"width_ratios": (1.7, 1)})
    parts = runs.dimensionality.reshape(-1, *runs.dimensionality.shape[-2:])
    sparsity = 1 / runs.densities
    style.experiment(
        left,
        np.broadcast_to(sparsity[:, None], parts.shape).ravel(),
        parts.ravel(),
        colour=0,
        marker=".",
        markersize=3,
        alpha=0.25,
        label="features $D_i$",
    )
    share = runs.dimensions_per_feature.reshape(-1, len(sparsity)).mean(axis=0)
    style.experiment(left, sparsity, share, colour=1, label=r"$D^*$ of the model")
    for level, name in zip(PLATEAUS, LEVELS, strict=True):
        for axes in (left, right):
            axes.axhline(level, color=style.GREY, linestyle="--", linewidth=0.8, zorder=1)
        # the lowest two are too close to each other for both names above their lines
        above = level > min(PLATEAUS)
        right.annotate(
            name,
            (1, level),
            xycoords=right.get_yaxis_transform(),
            xytext=(0, 1 if above else -1),
            textcoords="offset points",
            ha="right",
            va="bottom" if above else "top",
            fontsize=8.5,
            color=style.GREY,
        )
    # bins around the levels at 1/2 and 2/5, from where features are represented
    edges = np.arange(0.09, 1.0 + BIN, BIN)
    right.stairs(np.histogram(parts, edges)[0], edges, orientation="horizontal", fill=True, color=style.COLOURS[5])
    style.experiment(right, excess.count, PLATEAUS, colour=0, label="near a level", zorder=4)
    style.experiment(
        right, excess.expected, PLATEAUS, colour=6, marker="|", markersize=10, label="expected there", zorder=4
    )
    style.log_axis(left, [1, 2, 4, 8, 16], "sparsity $1/p$")
    left.set(ylabel="part of a dimension", ylim=(-0.02, 1.05))
    right.set_xlabel("features")
    for axes in (left, right):
        style.legend(axes, 1)
    return figure
