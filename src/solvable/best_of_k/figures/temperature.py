"""Figures of the softmax: the best temperature, the floor that it leaves, and the judge that makes up for it.

Theory is a line, what was measured is a marker with its standard error, a limit or a level is thin and dashed. A tick
across a curve is where it is best.
"""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from solvable import style

from . import _marks as marks
from ._marks import Measured, Name, Points, Values

TEMPERATURE = "temperature $t = T / 2s^2$"
COLUMNS = 7
"""Short entries of a legend that have room above two panels."""


def _same_colours(curves: Mapping[Name, object], others: Mapping[Name, object]) -> dict[Name, int]:
    """Colours of what another panel shows: those of the same names, and new ones for new names."""
    names = [*curves, *(name for name in others if name not in curves)]
    return {name: names.index(name) for name in others}


def temperatures(
    t: Values,
    curves: Mapping[Name, Values],
    optima: Mapping[Name, tuple[float, float]],
    biases: Values,
    by_bias: Mapping[Name, Points],
) -> Figure:
    r"""Error against temperature, and the best temperature against the bias of the judge.

    Args:
        t: ``(n,)``; positive.
        curves: for each number of answers ``(n,)``; error.
        optima: for the same numbers the best temperature, and the error there; not drawn where it is zero or infinite.
        biases: ``(m,)``; :math:`a` of the judge.
        by_bias: for numbers of answers the best temperature, exact and by the series, both ``(m,)``.
    """
    figure, (left, right) = style.panels(2, height=3.2)
    marks.lines(left, t, curves, "k")
    left.set(xscale="log", xlabel=TEMPERATURE, ylabel=marks.ERROR)
    marks.ticks_at(left, curves, optima)
    for name, colour in _same_colours(curves, by_bias).items():
        exact, series = by_bias[name]
        style.theory(right, biases, exact, colour=colour)
        marks.dashed(right, biases, series, colour=colour)
        if name not in curves:
            style.theory(left, [], [], colour=colour, label=marks.named("k", name))
    marks.explain(left, dashed="series", tick="least error")
    right.set(xlabel="bias against the judge's target, $a$", ylabel="best temperature $t^*$")
    right.set_ylim(bottom=0)
    style.legend_above(figure, left, COLUMNS)
    return figure


def floors(
    ks: Values, curves: Mapping[Name, Values], levels: Mapping[Name, float], measured: Mapping[Name, Measured]
) -> Figure:
    r"""Error against the number of answers at several temperatures, and the floor of each.

    Args:
        ks: ``(n,)``.
        curves: for each temperature ``(n,)``; exact error.
        levels: for those above zero the error that is left with endlessly many answers.
        measured: for some numbers of answers, mean errors and their standard errors.
    """
    figure, axes = style.panels(height=3.3)
    marks.lines(axes, ks, curves, "t")
    for colour, name in enumerate(curves):
        if name in levels:
            axes.axhline(levels[name], color=style.COLOURS[colour], linestyle="--", linewidth=1.2, zorder=1)
    marks.measure_all(axes, curves, measured)
    marks.explain(axes, measured="measured", dashed="floor")
    axes.set(yscale="log", ylabel=marks.ERROR)
    marks.along(axes, ks)
    style.legend(axes, 4)
    return figure


def best_judge(
    offsets: Values,
    curves: Mapping[Name, Values],
    minima: Mapping[Name, tuple[float, float]],
    best: Mapping[Name, Points],
) -> Figure:
    r"""Error against how far beyond the teacher the judge aims, and the best offset against temperature.

    Args:
        offsets: ``(n,)``; :math:`c`.
        curves: for each number of answers ``(n,)``; error at one temperature.
        minima: for the same numbers the best offset, and the error there.
        best: for finite numbers of answers temperatures and the best offset at each, by search. The line is that of
            endlessly many.
    """
    figure, (left, right) = style.panels(2, height=3.2)
    marks.lines(left, offsets, curves, "k")
    marks.ticks_at(left, curves, minima)
    marks.explain(left, tick="least error")
    left.set(xlabel="offset $c$ beyond the teacher", ylabel=marks.ERROR)
    ends = np.array([0, max(np.max(t) for t, _ in best.values())])
    style.theory(right, ends, ends, color=marks.BLACK, label="$k$ = ∞: $c^* = t$")
    for name, colour in _same_colours(curves, best).items():
        style.experiment(right, *best[name], colour=colour, label=marks.named("k", name))
    right.set(xlabel=TEMPERATURE, ylabel="best offset $c^*$")
    style.legend(left, 3)
    style.legend(right, 3)
    return figure


def series(ks: Values, residuals: Mapping[str, Values]) -> Figure:
    r"""How far forms of the series in the inverse temperature are from the exact error.

    Args:
        ks: ``(n,)``.
        residuals: for each form ``(n,)``; its difference from the exact error, of either sign.
    """
    figure, axes = style.panels(height=3.2)
    for colour, (name, difference) in enumerate(residuals.items()):
        away = np.abs(np.asarray(difference))
        style.theory(axes, ks, np.maximum(away, style.FLOOR), colour=colour, label=name)
    axes.set(yscale="log", ylabel=r"|series − exact| $/\ s^2$")
    marks.along(axes, ks)
    style.legend(axes, 2)
    return figure


def trade(
    samples: Values,
    errors: Mapping[Name, Values],
    mean_risk: Values,
    slopes: Values,
    shrinkage_slopes: Values,
    measured: Measured,
) -> Figure:
    r"""What more training examples buy, beside what more answers do.

    Args:
        samples: ``(m,)``; numbers of training examples.
        errors: for each number of answers ``(m,)``; error in units of the label's variance.
        mean_risk: ``(m,)``; the same of the posterior mean.
        slopes: ``(m,)``; logarithmic slope of the error in the number of examples.
        shrinkage_slopes: ``(m,)``; the same where the posterior mean is taken to shrink and not to fluctuate.
        measured: numbers of examples, slopes of regressions that were drawn, their standard errors.
    """
    figure, (left, right) = style.panels(2, height=3.2)
    marks.lines(left, samples, errors, "k")
    style.limit(left, samples, mean_risk, label="posterior mean", linewidth=1.4)
    left.set(yscale="log", ylabel=r"error $\delta / \sigma^2$")
    style.theory(right, samples, slopes, color=marks.BLACK, label="exact")
    style.limit(right, samples, shrinkage_slopes, label="shrinkage alone", linewidth=1.4)
    marks.measure(right, measured, label="measured")
    right.set_ylabel(r"slope $d\ln\delta\, /\, d\ln n$")
    for axes in (left, right):
        axes.set(xscale="log", xlabel="training examples $n$")
    style.legend(left, 3)
    style.legend(right, 2)
    return figure
