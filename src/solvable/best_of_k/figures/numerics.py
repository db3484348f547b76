"""Figures of what finite precision and finite samples do: exponentials that vanish, numbers on a grid, heavy tails.

Theory is a line, what was measured is a marker with its standard error, a limit or a level is thin and dashed.
"""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from solvable import style

from .selection import (
    ANSWERS,
    BLACK,
    ERROR,
    Measured,
    Name,
    Points,
    Values,
    _along,
    _curves,
    _explain,
    _measure,
    _measure_all,
    _named,
)


def vanished(ks: Values, predicted: Mapping[Name, Values], measured: Mapping[Name, Measured]) -> Figure:
    r"""Share of inputs on which a ratio of raw exponentials is 0/0.

    Args:
        ks: ``(m,)``.
        predicted: for each temperature ``(m,)``.
        measured: for the same temperatures numbers of answers, shares, their standard errors.
    """
    figure, axes = style.panels(height=3.1)
    _curves(axes, ks, predicted, "t")
    _measure_all(axes, predicted, measured)
    _explain(axes, measured="measured")
    axes.set_ylabel("share of 0/0")
    _along(axes, ks)
    style.legend(axes, 4)
    return figure


def grid(
    draws: Values,
    share: Values,
    measured: Points,
    ks: Values,
    law: Values,
    floor: float,
    nearest: Mapping[str, Points],
) -> Figure:
    r"""Numbers of a generator lie on a grid: how many are different, and how near the nearest comes to a target.

    Args:
        draws: ``(m,)``; numbers of draws.
        share: ``(m,)``; predicted share of different values.
        measured: numbers of draws, and that share among them.
        ks: ``(n,)``; numbers of answers.
        law: ``(n,)``; error of the best of k real numbers.
        floor: the least that the grid allows on average.
        nearest: for each precision numbers of answers, and the mean error over targets.
    """
    figure, (left, right) = style.panels(2, height=3.1)
    style.theory(left, draws, share, color=BLACK, label="predicted")
    style.experiment(left, *measured, colour=0, label="float32")
    left.set_ylabel("share of different values")
    _along(left, draws, "draws")
    style.theory(right, ks, law, color=BLACK, label="real numbers")
    for colour, (name, points) in enumerate(nearest.items()):
        style.experiment(right, *points, colour=colour, label=name)
    style.level(right, floor, r"grid: $\Delta^2 / 12$", x=0.02, above=False)
    right.set(yscale="log", ylabel=ERROR)
    _along(right, ks)
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
    _curves(axes, ks, predicted, "t")
    _measure_all(axes, predicted, measured)
    _explain(axes, measured="measured")
    axes.set(yscale="log", ylabel="effective number of answers")
    _along(axes, ks, ANSWERS)
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
        _measure(axes, (inputs, ranges, errors), colour=colour, label=_named(r"\tau^2", name))
    axes.plot([], [], color=style.GREY, label="predicted slope")
    axes.set(yscale="log", ylabel="interquartile range / expectation")
    _along(axes, inputs, "inputs")
    style.legend(axes, 4)
    return figure
