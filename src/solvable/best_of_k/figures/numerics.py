"""Figures of what finite precision and finite samples do: exponentials that vanish, numbers on a grid, heavy tails.

Theory is a line, what was measured is a marker with its standard error, a limit or a level is thin and dashed.
"""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from solvable import style

from . import _marks as marks
from ._marks import Measured, Name, Points, Values

LEAST = 0.7
"""The end of an axis of numbers of answers."""


def vanished(ks: Values, predicted: Mapping[Name, Values], measured: Mapping[Name, Measured]) -> Figure:
    r"""Share of inputs on which a ratio of raw exponentials is 0/0.

    Args:
        ks: ``(m,)``.
        predicted: for each temperature ``(m,)``.
        measured: for the same temperatures numbers of answers, shares, their standard errors.
    """
    figure, axes = style.panels(height=3.1)
    marks.lines(axes, ks, predicted, "t")
    marks.measure_all(axes, predicted, measured)
    marks.explain(axes, measured="measured")
    axes.set_ylabel("share of 0/0")
    marks.along(axes, ks)
    style.legend(axes, 4)
    return figure


def grid(
    draws: Values,
    share: Values,
    measured: Points,
    ks: Values,
    laws: Mapping[str, Values],
    floor: float,
    nearest: Mapping[str, Measured],
) -> Figure:
    r"""Numbers of a generator lie on a grid: how many are different, and how near the nearest comes to a target.

    Args:
        draws: ``(m,)``; numbers of draws.
        share: ``(m,)``; predicted share of different values.
        measured: numbers of draws, and that share among them.
        ks: ``(n,)``; numbers of answers.
        laws: for each precision ``(n,)``; predicted error of the best of k, the one with the grid first.
        floor: the least that the grid allows on average.
        nearest: for the same precisions numbers of answers, mean errors over targets, their standard errors.
    """
    figure, (left, right) = style.panels(2, height=3.1)
    style.theory(left, draws, share, label="predicted")
    style.experiment(left, *measured, label="drawn")
    left.set_ylabel("share of different values")
    marks.along(left, draws, "draws")
    marks.lines(right, ks, laws, "")
    marks.measure_all(right, laws, nearest)
    marks.explain(right, measured="drawn")
    style.level(right, floor, r"$\Delta^2 / 12$ of the grid", x=0.02)
    right.set(yscale="log", ylabel=marks.ERROR)
    marks.along(right, ks)
    style.legend(left, 2)
    style.legend(right, 3)
    return figure


def effective(ks: Values, predicted: Mapping[Name, Values], measured: Mapping[Name, Measured]) -> Figure:
    r"""How many answers a softmax effectively averages over.

    Args:
        ks: ``(m,)``.
        predicted: for each temperature ``(m,)``; :math:`k / n_2`.
        measured: for the same temperatures numbers of answers, effective numbers, their standard errors.
    """
    figure, axes = style.panels(height=3.2)
    style.limit(axes, ks, ks, label="all $k$", linewidth=1.4)
    marks.lines(axes, ks, predicted, "t")
    marks.measure_all(axes, predicted, measured)
    marks.explain(axes, measured="measured")
    axes.set(yscale="log", ylabel="effective number of answers")
    # the prediction is for many answers: a number below 1 means nothing
    axes.set_ylim(bottom=LEAST)
    marks.along(axes, ks, marks.ANSWERS)
    style.legend(axes, 3)
    return figure


def heavy(spreads: Mapping[Name, Measured], slopes: Mapping[Name, float]) -> Figure:
    r"""Spread of a mean over inputs whose error has a heavy tail, against how many there are.

    Args:
        spreads: for each variance of the bias numbers of inputs, interquartile ranges of their means relative to the
            expectation, standard errors.
        slopes: for the same variances the predicted slope; drawn through the first range.
    """
    figure, axes = style.panels(height=3.1)
    for colour, (name, (inputs, ranges, errors)) in enumerate(spreads.items()):
        inputs, ranges = np.asarray(inputs, dtype=float), np.asarray(ranges, dtype=float)
        style.theory(axes, inputs, ranges[0] * (inputs / inputs[0]) ** slopes[name], colour=colour)
        marks.measure(axes, (inputs, ranges, errors), colour=colour, label=marks.named(r"\tau^2", name))
    axes.plot([], [], color=style.GREY, label="predicted slope")
    axes.set_ylabel("interquartile range / expectation")
    marks.plain_log(axes)
    marks.along(axes, inputs, "inputs")
    style.legend(axes, 4)
    return figure
