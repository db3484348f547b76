"""Figures of weak and strong superposition: how the loss falls with the width, and why.

Theory is a line, what was measured is a marker, a guide or a level is thin and dashed. A marker with a bar is a mean
over seeds with its standard deviation. Where both are drawn, hollow is a run of the notebook and filled a longer one.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from solvable import style
from solvable._types import RealLike

from ..experiment.grid import Grid
from ..experiment.sweeps import Held
from ..theory.geometry import welch_bound

MIDDLE = 14
"""The width at which spectra are compared."""
SILENCE = 4 / 3
"""Loss of a network that always says 0, where one feature is active in the mean."""
WIDTH = "width $m$"
LOSS = "loss $L$"
LAWS = {"random": 2, "equiangular": 3}
"""Colours of the codes whose loss is known."""
SPECTRA = {0.0: 5, 1.0: 2, 2.0: 6}
"""Colours of spectra beside those of widths; the curve that is in both panels, of the third width, has one colour."""


def _row(values: RealLike, value: float) -> int:
    """Where among the values the one is that is nearest."""
    return int(np.argmin(np.abs(np.asarray(values) - value)))


def _log(axes: Axes, along: str = "y") -> None:
    """A logarithmic axis with plain numbers at 1, 2 and 5 of each decade, or at powers where there are many."""
    axes.set(**{f"{along}scale": "log"})
    axis = {"x": axes.xaxis, "y": axes.yaxis}[along]
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _guide(axes: Axes, x: RealLike, mean: RealLike, through: int, *, label: str | None = "slope −1") -> None:
    """A dashed line of slope -1 in logarithms through one of the means."""
    style.limit(axes, x, mean[through] * x[through] / x, label=label)


def _joined(axes: Axes, x: RealLike, runs: RealLike, *, colour: int, label: str) -> None:
    """Means over the last axis as markers; the thin line between them leads the eye, and is no theory."""
    mean = np.asarray(runs).mean(axis=-1)
    style.experiment(axes, x, mean, colour=colour, label=label)
    style.theory(axes, x, mean, colour=colour, linewidth=0.8, alpha=0.6)


def knob(stored: Grid) -> Figure:
    """Share of represented features against the strength of the pull, for all widths, and for several spectra.

    Args:
        stored: the grid, whose knob table is drawn; on the left where ``alpha`` is 1, on the right at width 14.
    """
    figure, (left, right) = style.panels(2, height=3.1, sharey=True)
    alphas, gammas, runs = stored.knob
    middle = _row(stored.widths, MIDDLE)
    for index, width in enumerate(stored.widths):
        shares = runs.represented[_row(alphas, 1), :, index]
        _joined(left, gammas, shares, colour=index, label=f"$m$ = {width}")
    for alpha, shares in zip(alphas, runs.represented[:, :, middle], strict=True):
        _joined(right, gammas, shares, colour=SPECTRA[alpha], label=rf"$\alpha$ = {alpha:g}")
    left.set(ylabel=r"share represented $\phi$", ylim=(-0.03, 1.05))
    for axes, title in ((left, r"$\alpha = 1$"), (right, f"$m = {stored.widths[middle]}$")):
        axes.axvline(0, color=style.GREY, linestyle="--", linewidth=1.0, zorder=1)
        axes.set(xlabel=rf"pull $\gamma$,  {title}", xticks=[-1, -0.5, 0, 0.5, 1])
        style.legend(axes, 3, handletextpad=0.4)
    style.note(right, "spring", (-1, 0), ha="left")
    style.note(right, "decay", (1, 0.95), ha="right")
    return figure


def overlaps(
    widths: RealLike | Sequence[RealLike],
    measured: Mapping[str, RealLike],
    longer: Mapping[str, RealLike],
    longer_widths: RealLike,
    n: int,
) -> Figure:
    """Mean squared overlap of trained rows over Welch's bound.

    Args:
        widths: ``(k,)``; of the runs of the notebook.
        measured: for each spectrum ``(k, seeds)``; mean squared overlaps of those.
        longer: for each further spectrum ``(l, seeds)``; mean squared overlaps of stored runs.
        longer_widths: ``(l,)``; of the stored runs.
        n: number of features.
    """
    figure, axes = style.panels(height=3.3)
    runs = [(name, widths, found, {}) for name, found in measured.items()]
    runs += [(name, longer_widths, found, {"markerfacecolor": None}) for name, found in longer.items()]
    for colour, (name, at, found, look) in enumerate(runs):
        ratio = np.asarray(found) / np.asarray(welch_bound(n, np.asarray(at)))[:, None]
        style.over_seeds(axes, style.beside(at, colour, len(runs)), ratio, colour=colour, label=name, **look)
    between = np.geomspace(np.min(longer_widths), np.max(longer_widths), 60)
    style.limit(axes, between, (n - 1) / (n - between), label="random directions")
    axes.axhline(1, color=style.COLOURS[6], linewidth=1.8, zorder=2, label="Welch's bound")
    style.log_axis(axes, longer_widths, WIDTH)
    axes.set_ylabel("mean squared overlap\n/ Welch's bound")
    style.legend(axes, 3)
    return figure


def random_codes(
    widths: RealLike,
    losses: Mapping[float, RealLike],
    slopes: Mapping[float, RealLike],
    constants: Mapping[float, float],
) -> Figure:
    """Loss of a random code: times the width, which tends to a constant, and its local exponents, which tend to 1.

    Args:
        widths: ``(k,)``.
        losses: for each exponent of the frequencies ``(k,)``.
        slopes: for the same ``(k - 1,)``; local exponents, positive where the loss falls.
        constants: for the same, the limit of the width times the loss.
    """
    figure, (left, right) = style.panels(2, height=3.1)
    widths = np.asarray(widths, dtype=float)
    for colour, (alpha, loss) in enumerate(losses.items()):
        style.theory(left, widths, widths * np.asarray(loss), colour=colour, label=rf"$\alpha$ = {alpha:g}")
        limit = np.full_like(widths, constants[alpha])
        style.limit(left, widths, limit, color=style.COLOURS[colour], label="its limit $C$")
        middles = np.sqrt(widths[1:] * widths[:-1])
        style.theory(right, middles, slopes[alpha], colour=colour)
    style.level(right, 1, "slope 1", x=0.02)
    for axes in (left, right):
        style.log_axis(axes, widths[::2], WIDTH)
        axes.set_xlim(widths[0] / 1.2, widths[-1] * 1.2)
        axes.set_ylim(bottom=0)
    left.set_ylabel("width times loss $mL$")
    right.set_ylabel("local exponent of the loss")
    style.legend(left, 2)
    return figure


def strong(
    widths: RealLike | Sequence[RealLike],
    losses: Mapping[float, RealLike],
    longer: Mapping[float, RealLike],
    theory_widths: RealLike,
    reference: Mapping[str, Mapping[float, RealLike]],
) -> Figure:
    """Loss against the width in strong superposition, a panel for each exponent of the frequencies.

    Args:
        widths: ``(k,)``.
        losses: for each exponent of the frequencies ``(k, seeds)``; after training.
        longer: for the same ``(k, seeds)``; after longer training.
        theory_widths: ``(t,)``.
        reference: for each law of overlaps, for each exponent ``(t,)``; loss of the best code of that law.
    """
    figure, panels = style.panels(len(losses), height=3.4, sharey=True, squeeze=False)
    widths = np.asarray(widths)
    for axes, (alpha, loss) in zip(panels[0], losses.items(), strict=True):
        for law, curves in reference.items():
            style.theory(axes, theory_widths, curves[alpha], colour=LAWS[law], label=f"{law} code")
        look = {"colour": 0, "marker": "o"}
        mean = style.over_seeds(axes, widths, loss, label="trained", **look)
        style.over_seeds(axes, widths, longer[alpha], label="trained longer", markerfacecolor=None, **look)
        _guide(axes, widths, mean, len(mean) // 2)
        axes.axhline(SILENCE, color=style.GREY, linestyle=":", linewidth=1.0, zorder=1)
        style.log_axis(axes, widths, WIDTH)
        axes.set_title(rf"$\alpha = {alpha:g}$")
        _log(axes)
    panels[0, 0].set_ylabel(LOSS)
    style.note(
        panels[0, -1], "always saying 0", (0.98, SILENCE), ha="right", xycoords=panels[0, -1].get_yaxis_transform()
    )
    handles, names = panels[0, 0].get_legend_handles_labels()
    look = {"ncols": len(names), "handlelength": 1.6, "columnspacing": 1.2}
    figure.legend(handles, names, loc="outside upper left", **look)
    return figure


def weak(stored: Grid, ideal: RealLike) -> Figure:
    """Weak superposition: the loss against that of what is not represented, and against the width.

    Args:
        stored: the grid, of which the runs with decay in the table of both ends are drawn.
        ideal: ``(alphas, widths)``; loss if the most frequent features were perfect, as many as dimensions.
    """
    figure, (left, right) = style.panels(2, height=3.4)
    table = stored.ends
    decay = _row(table.gammas, 1)
    loss, unlearned = table.runs.loss[:, decay], table.runs.unlearned[:, decay]
    steep = np.asarray(table.alphas) >= 1
    ends = np.array([unlearned.min(), unlearned.max()])
    style.theory(left, ends, ends, color=style.COLOURS[6], linewidth=1.2, label="equal")
    for colour, (which, name) in enumerate(((steep, r"$\alpha \geq 1$"), (~steep, r"$\alpha < 1$")), start=2):
        style.experiment(left, unlearned[which].ravel(), loss[which].ravel(), colour=colour, label=name, alpha=0.7)
    left.set(xlabel=r"$(4/3)\sum p_i$ of what is not represented", ylabel=LOSS)
    for colour, alpha in enumerate((1.5, 2.0)):
        row = _row(table.alphas, alpha)
        style.theory(right, stored.widths, np.asarray(ideal)[row], colour=colour, label=rf"ideal, $\alpha$ = {alpha:g}")
        style.over_seeds(right, stored.widths, loss[row], colour=colour, label="trained")
    style.log_axis(right, stored.widths, WIDTH)
    right.set_ylabel(LOSS)
    _log(left, "x")
    for axes, entries in ((left, 3), (right, 2)):
        _log(axes)
        style.legend(axes, entries)
    return figure


def held(stored: Grid, held: Held, targets: Mapping[float, RealLike], n: int) -> Figure:
    """The decay at which as many features are represented as there are dimensions, and the loss there.

    Args:
        stored: the grid, of whose table of decays the counts of the first spectrum are drawn.
        held: ``(alphas, widths, seeds)``; interpolated; NaN where the count was not enclosed.
        targets: for each exponent of the frequencies ``(widths,)``; loss of the ideal.
        n: number of features.
    """
    figure, (left, right) = style.panels(2, height=3.4)
    table, widths = stored.held, np.asarray(stored.widths)
    for colour, width in enumerate(widths):
        counts = table.runs.represented[0, :, colour] * n / width
        _joined(left, table.gammas, counts, colour=colour, label=f"$m$ = {width}")
    style.level(left, 1, "held: one for each dimension", x=0.02, above=False)
    style.log_axis(left, table.gammas, rf"decay $\gamma$,  $\alpha = {table.alphas[0]:g}$")
    left.set(ylabel="represented / $m$", ylim=(0, None))
    style.legend(left, 3, handletextpad=0.4)
    for colour, (alpha, target) in enumerate(targets.items()):
        style.theory(right, widths, target, colour=colour, label=rf"ideal, $\alpha$ = {alpha:g}")
        found = held.loss[_row(table.alphas, alpha)]
        x = np.stack([style.beside(widths, seed, found.shape[1]) for seed in range(found.shape[1])], axis=1)
        known = np.isfinite(found)
        style.experiment(right, x[known], found[known], colour=colour, label="trained, count held")
    style.log_axis(right, widths, WIDTH)
    _log(right)
    right.set_ylabel("loss with $m$ represented")
    style.legend(right, 2)
    return figure


def exponents(alphas: RealLike, strong: RealLike, weak: RealLike, ideal: RealLike) -> Figure:
    """Exponent of the loss in the width against that of the frequencies, in both regimes.

    Args:
        alphas: ``(a,)``; exponents of the frequencies.
        strong: ``(a, seeds)``; exponents in strong superposition.
        weak: ``(a, seeds)``; exponents in weak superposition.
        ideal: ``(a,)``; exponents if the most frequent features were perfect, as many as dimensions.
    """
    figure, axes = style.panels(height=3.8)
    alphas = np.asarray(alphas)
    style.over_seeds(axes, alphas, strong, colour=0, label="strong superposition")
    style.over_seeds(axes, alphas, weak, colour=1, label="weak superposition")
    style.theory(axes, alphas, ideal, colour=1, label="ideal, weak")
    falling = np.array([1, alphas.max()])
    style.limit(axes, alphas, np.ones(len(alphas)))
    for factor, at, name in ((1, 1.6, r"$\alpha - 1$"), (2, 1.7, r"$2(\alpha - 1)$")):
        style.limit(axes, falling, factor * (falling - 1))
        style.note(axes, name, (at, factor * (at - 1)), shift=(4, -3), va="top")
    axes.set(xlabel=r"exponent of the frequencies $\alpha$", ylabel="exponent of the loss in $m$")
    style.legend(axes, 3)
    return figure


def bends(
    stored: Grid,
    active: RealLike,
    wide_widths: RealLike,
    wide: RealLike,
    reference: Mapping[str, RealLike | Sequence[RealLike]],
) -> Figure:
    """Where the loss does not go as one over the width: at higher densities, and beyond the packing of equal overlaps.

    Args:
        stored: the grid, of which runs at several densities are drawn, where ``alpha`` is 1.
        active: ``(3,)``; features that are active in the mean, at the higher densities.
        wide_widths: ``(w,)``; of the wide runs.
        wide: ``(w, seeds)``; losses of the wide runs.
        reference: for each law of overlaps ``(w,)``; loss of the best code of that law.
    """
    figure, (left, right) = style.panels(2, height=3.4)
    table, widths = stored.ends, np.asarray(stored.widths)
    rare = table.runs.loss[_row(table.alphas, 1), _row(table.gammas, -1)]
    for colour, (count, loss) in enumerate(zip((1, *active), (rare, *stored.evened.loss), strict=True)):
        mean = style.over_seeds(left, widths, loss, colour=colour, label=f"{count:.1f} active")
        _guide(left, widths, mean, 0, label=None if colour else "slope −1")
    style.log_axis(left, widths, WIDTH)
    for law, curve in reference.items():
        style.theory(right, wide_widths, curve, colour=LAWS[law], label=f"{law} code")
    mean = style.over_seeds(right, wide_widths, wide, colour=0, label="trained")
    _guide(right, wide_widths, mean, 0)
    style.log_axis(right, wide_widths, WIDTH)
    for axes, entries in ((left, 3), (right, 2)):
        _log(axes)
        axes.set_ylabel(LOSS)
        style.legend(axes, entries, handletextpad=0.5)
    return figure
