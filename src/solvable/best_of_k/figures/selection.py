"""Figures of selection: what a posterior comes to, what the best of k gains, and what a wrong judge does to it.

Theory is a line, what was measured is a marker with its standard error, a limit or a level is thin and dashed. A tick
across a curve is where it is best.
"""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from solvable import style
from solvable._types import RealLike

from . import _marks as marks
from ._marks import Compared, Measured, Name, Points, Values

LINEAR_PART = 1e-5
"""Below it an axis with values of both signs is linear, beyond it logarithmic."""
SIGNED_TICKS = [sign * 10.0**power for sign in (-1, 1) for power in (-4, -2, 0)]
"""Of such an axis, beside 0."""


def posterior_law(
    ratios: Values,
    laws: Mapping[Name, tuple[Values, Values, Values]],
    measured_ratios: Values,
    measured: Mapping[Name, Points],
) -> Figure:
    r"""What a posterior comes to, against the number of features for each sample.

    Args:
        ratios: ``(m,)``; :math:`\alpha = d/n`.
        laws: for each prior, by its name or its scale, three of ``(m,)`` in units of the label's variance: error of
            the posterior mean, what shrinkage alone makes of it, and predictive variance of an answer.
        measured_ratios: ``(n,)``.
        measured: for the same priors error of the posterior mean and predictive variance, both ``(seeds, n)``.
    """
    figure, (left, right) = style.panels(2, height=3.1)
    for colour, (name, (risk, shrinkage, variance)) in enumerate(laws.items()):
        style.theory(left, ratios, risk, colour=colour, label=marks.named(r"\gamma", name))
        marks.dashed(left, ratios, shrinkage, colour=colour)
        style.theory(right, ratios, variance, colour=colour)
        if name in measured:
            places = style.beside(measured_ratios, colour, len(laws))
            for axes, seeds in zip((left, right), measured[name], strict=True):
                style.over_seeds(axes, places, seeds, axis=0, colour=colour)
    marks.explain(left, dashed="shrinkage alone", measured="measured")
    left.set(yscale="log", ylabel=r"error of the posterior mean / $\sigma^2$")
    right.set(ylabel=r"predictive variance $s^2 / \sigma^2$")
    for axes in (left, right):
        axes.set(xscale="log", xlabel=r"features for each sample, $\alpha = d/n$")
    style.legend_above(figure, left, len(laws) + 2)
    return figure


def gain(
    ks: Values, exact: Values, law: Values, measured: Mapping[str, Compared], mean_risk: float | None = None
) -> Figure:
    r"""Error of the answer that the teacher selects from k, and how far what was measured is from the exact one.

    Args:
        ks: ``(m,)``; numbers of answers.
        exact: ``(m,)``; error.
        law: ``(m,)``; :math:`C / k^2`.
        measured: for each way to measure numbers of answers, mean error, its standard error and the exact error of the
            same inputs.
        mean_risk: error of the posterior mean.
    """
    layout = {"sharex": True, "gridspec_kw": {"height_ratios": (2.4, 1.0)}}
    figure, (main, below) = style.panels(rows=2, height=2.5, **layout)
    style.theory(main, ks, exact, color=marks.BLACK, label="exact")
    style.limit(main, ks, law, label="$C / k^2$", linewidth=1.4)
    if mean_risk is not None:
        style.level(main, mean_risk, "posterior mean")
    below.axhline(0, color=marks.BLACK, linewidth=1.8, zorder=2)
    for colour, (name, (places, means, errors, expected)) in enumerate(measured.items()):
        means, errors, expected = (np.asarray(values, dtype=float) for values in (means, errors, expected))
        marks.measure(main, (places, means, errors), colour=colour, label=name)
        marks.measure(below, (places, means / expected - 1, errors / expected), colour=colour)
    main.set(yscale="log", ylabel=marks.ERROR)
    below.set_ylabel("measured\n/ exact − 1")
    marks.along(below, ks)
    figure.align_ylabels((main, below))
    style.legend(main, 4)
    return figure


def refinement(ks: Values, exact: Values, plain: Values, refined: Values) -> Figure:
    r"""How far two forms of the law of large k are from the exact error.

    Args:
        ks: ``(n,)``.
        exact: ``(n,)``; error.
        plain: ``(n,)``; :math:`C / k^2`.
        refined: ``(n,)``; :math:`C / ((k + 1)(k + 2))`.
    """
    figure, axes = style.panels(height=3.1)
    for colour, (name, law) in enumerate({"$C / k^2$": plain, "$C / ((k + 1)(k + 2))$": refined}.items()):
        away = np.abs(np.asarray(exact) / np.asarray(law) - 1)
        style.theory(axes, ks, np.maximum(away, style.FLOOR), colour=colour, label=name)
    axes.set(yscale="log", ylabel="|exact / law − 1|")
    marks.along(axes, ks)
    style.legend(axes, 2)
    return figure


def harder(ks: Values, curves: Mapping[Name, Values], law: Points, slopes: Mapping[str, Points]) -> Figure:
    r"""Error against the number of answers for inputs of different difficulty, and the exponent of its fall.

    Args:
        ks: ``(n,)``.
        curves: for each variance of the bias ``(n,)``; exact error.
        law: variances, and the exponent :math:`\min(2, 1/\tau^2)`, both ``(m,)``.
        slopes: for each range of k, by its name, variances and the exponent there.
    """
    figure, (left, right) = style.panels(2, height=3.2)
    marks.lines(left, ks, curves, r"\tau^2")
    left.set(yscale="log", ylabel=marks.ERROR)
    marks.along(left, ks)
    style.theory(right, *law, color=marks.BLACK, label=r"$\min(2,\ 1/\tau^2)$")
    for colour, (name, (variances, exponents)) in enumerate(slopes.items()):
        style.experiment(right, variances, exponents, colour=colour, label=name)
    right.set(xlabel=r"variance of the bias $\tau^2$", ylabel=marks.SLOPE_IN_K)
    style.legend(left, 3)
    style.legend(right, 2)
    return figure


def wrong_judge(
    ks: Values,
    exact: Mapping[Name, Values],
    minima: Mapping[Name, tuple[float, float]],
    measured: Mapping[Name, Measured],
    single_ks: Values,
    single: Mapping[Name, Values],
) -> Figure:
    r"""Error of the answer that a wrong judge selects: more answers first help, then harm.

    Args:
        ks: ``(m,)``.
        exact: for each offset of the judge ``(m,)``; error, mean over inputs.
        minima: for the same offsets k of the least error, and that error; not drawn where k is infinite.
        measured: for some of the offsets numbers of answers, mean errors and their standard errors.
        single_ks: ``(n,)``.
        single: for each bias of the judge ``(n,)``; error at temperature zero on one input, less its limit
            :math:`(b - a)^2`; of either sign.
    """
    figure, (left, right) = style.panels(2, height=3.3)
    marks.lines(left, ks, exact, "c")
    marks.measure_all(left, exact, measured)
    marks.along(left, ks)
    marks.ticks_at(left, exact, minima)
    marks.explain(left, measured="measured", tick="least error")
    left.set_ylabel(marks.ERROR)
    marks.lines(right, single_ks, single, "a")
    right.axhline(0, color=style.GREY, linestyle="--", linewidth=1.0, zorder=1)
    right.set_yscale("symlog", linthresh=LINEAR_PART)
    right.set_yticks([*SIGNED_TICKS, 0])
    right.yaxis.set_minor_locator(NullLocator())
    right.set_ylabel(r"$\delta / s^2 - (b - a)^2$")
    marks.along(right, single_ks)
    style.legend(left, 3)
    style.legend(right, 3)
    return figure


def criterion(
    biases: Values, boundaries: Mapping[float, Values], points: Mapping[float, tuple[RealLike, RealLike]]
) -> Figure:
    r"""Where more answers harm in the end: the criterion's boundary, and what exact errors do on either side.

    Args:
        biases: ``(m,)``; :math:`a` of the judge, increasing, of both signs or one.
        boundaries: for each temperature :math:`t` ``(m,)``; :math:`b` of the teacher on the boundary. It may have a
            pole at :math:`a = 0`.
        points: for the same temperatures pairs :math:`(a, b)`, ``(p, 2)``, at which some finite k is the best, and
            ``(q, 2)`` at which the error falls for ever.
    """
    figure, panels = style.panels(len(points), height=3.3, sharex=True, sharey=True, squeeze=False)
    a = np.asarray(biases)
    for axes, (t, both) in zip(panels[0], points.items(), strict=True):
        boundary = np.asarray(boundaries[t])
        for side, name in ((a < 0, None), (a > 0, "boundary")):
            style.theory(axes, a[side], boundary[side], color=marks.BLACK, label=name)
        looks = (
            ("some $k$ is the best", {"colour": 1, "markerfacecolor": style.COLOURS[1]}),
            ("falls for ever", {"colour": 0}),
        )
        for pairs, (name, look) in zip(both, looks, strict=True):
            style.experiment(axes, *np.asarray(pairs).reshape(-1, 2).T, label=name, **look)
        axes.set_title(f"$t$ = {t:g}")
        axes.set_xlabel("bias against the judge's target, $a$")
    everything = np.concatenate([np.asarray(pairs).reshape(-1, 2) for both in points.values() for pairs in both])
    margins = 0.08 * np.ptp(everything, axis=0)
    (low_a, low_b), (high_a, high_b) = everything.min(axis=0) - margins, everything.max(axis=0) + margins
    panels[0, 0].set(xlim=(low_a, high_a), ylim=(low_b, high_b), ylabel="bias against the teacher, $b$")
    style.legend_above(figure, panels[0, 0], 3)
    return figure


def over_optimisation(
    distance: Values,
    judged: Values,
    true: Values,
    best: float,
    measured_judged: Measured,
    measured_true: Measured,
) -> Figure:
    r"""What a wrong judge sees of its selection, and what is true of it, against the distance from the base.

    Args:
        distance: ``(m,)``; :math:`\sqrt{\mathrm{KL}}` of the best of n from one answer.
        judged: ``(m,)``; mean squared distance to the judge's target.
        true: ``(m,)``; error.
        best: distance at which the error is least.
        measured_judged: distances, what the judge sees, its standard errors.
        measured_true: distances, errors, their standard errors.
    """
    figure, (left, right) = style.panels(2, height=3.1)
    rows = ((left, 0, judged, measured_judged), (right, 1, true, measured_true))
    for axes, colour, curve, found in rows:
        style.theory(axes, distance, curve, colour=colour, label="exact")
        marks.measure(axes, found, colour=colour, label="measured")
        look = {"color": style.GREY, "linestyle": "--", "linewidth": 1.0, "zorder": 1}
        axes.axvline(best, label="least error", **look)
        axes.set(xlabel=r"distance from one answer $\sqrt{\mathrm{KL}}$")
        style.legend(axes, 3)
    left.set(yscale="log", ylabel="squared distance to the\njudge's target $/\\ s^2$")
    right.set_ylabel(marks.ERROR)
    return figure
