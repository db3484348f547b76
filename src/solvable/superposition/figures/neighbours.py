"""Figures of the two neighbours: random features, and pruned data."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from solvable import style
from solvable._types import RealLike

from ..experiment.random_features import RidgeTrials
from ..theory.random_features import RidgeRisk

CUT = 1e-4
"""The least ratio of training to test error that is shown."""


def _means(axes: Axes, x: RealLike, trials: RealLike, *, colour: int, **options) -> None:
    """The mean over the last axis, with its standard error."""
    trials = np.asarray(trials)
    spread = trials.std(axis=-1, ddof=int(trials.shape[-1] > 1)) / np.sqrt(trials.shape[-1])
    style.experiment(axes, np.asarray(x), trials.mean(axis=-1), spread=spread, colour=colour, **options)


def random_features(
    widths: RealLike,
    curves: Mapping[str, RealLike],
    measured_widths: RealLike,
    measured: Mapping[str, RealLike],
    samples: int,
    fits: Mapping[str, RidgeRisk],
    fitted: Mapping[str, RidgeTrials],
) -> Figure:
    """Test error against the number of features; and what it costs to fit the examples less closely.

    Args:
        widths: ``(m,)``; numbers of features of the curves.
        curves: for each choice of the ridge ``(m,)``; test error, theory.
        measured_widths: ``(k,)``; numbers of features of the simulation.
        measured: for some of the same names ``(k, trials)``; test error of each trial.
        samples: number of examples, where the two are as many.
        fits: for each noise errors over ridges ``(r,)``, theory.
        fitted: for some of the same names errors ``(ridges, trials)``, simulated.
    """
    figure, (left, right) = style.panels(2)
    for colour, (name, curve) in enumerate(curves.items()):
        style.theory(left, widths, curve, colour=colour, label=name)
        if name in measured:
            _means(left, measured_widths, measured[name], colour=colour)
    left.axvline(samples, color=style.GREY, linestyle="--", linewidth=1.0, zorder=1)
    left.annotate(
        "$k = n$",
        (samples, 0.97),
        xycoords=left.get_xaxis_transform(),
        xytext=(4, 0),
        textcoords="offset points",
        va="top",
        fontsize=8.5,
        color=style.GREY,
    )
    left.set(xscale="log", yscale="log", xlabel="random features $k$", ylabel="test error")
    style.legend(left, 1)
    for colour, (name, risk) in enumerate(fits.items(), start=len(curves)):
        train, test = np.asarray(risk.train), np.asarray(risk.test)
        best, shown = test.min(), train >= CUT * test
        style.theory(right, (train / test)[shown], (test / best)[shown], colour=colour, label=name)
        if name in fitted:
            trials = fitted[name]
            where = trials.train.mean(axis=-1) / trials.test.mean(axis=-1)
            seen = where >= CUT
            _means(right, where[seen], trials.test[seen] / best, colour=colour)
    right.set(xscale="log", xlabel="training error / test error", ylabel="test error / its least", yscale="log")
    style.legend(right, 1)
    for axes in (left, right):
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    return figure


def pruning(
    alphas: RealLike,
    fractions: Mapping[str, RealLike],
    choices: Mapping[str, RealLike],
    measured_alphas: RealLike,
    measured: Mapping[str, RealLike],
) -> Figure:
    """Error of a perceptron against the examples it is given, for several ways to choose them.

    Args:
        alphas: ``(m,)``; examples that are kept, for each dimension.
        fractions: for each part that is kept ``(m,)``; error, theory, of the hardest by the teacher itself.
        choices: for each way to choose a part of one size ``(m,)``; the same.
        measured_alphas: ``(k,)``; examples that are kept in the simulation.
        measured: for some of the names of either ``(k, seeds)``; error of each student.
    """
    figure, both = style.panels(2, sharey=True)
    for axes, curves in zip(both, (fractions, choices), strict=True):
        for colour, (name, curve) in enumerate(curves.items()):
            style.theory(axes, alphas, curve, colour=colour, label=name)
            if name in measured:
                _means(axes, measured_alphas, measured[name], colour=colour)
        axes.axvline(2, color=style.GREY, linestyle="--", linewidth=1.0, zorder=1)
        axes.set(yscale="log")
        style.log_axis(axes, np.asarray(measured_alphas), r"examples kept per dimension $\alpha$")
        style.legend(axes, 2)
    both[0].set_ylabel(r"error $\epsilon$ on fresh inputs")
    return figure
