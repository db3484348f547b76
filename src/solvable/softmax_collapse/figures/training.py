"""Figures of training: what each way to train learns, what its loss still sees, and where its steps go.

Seeds are not averaged where their curves are jagged: each has its own thin line and its own markers. A level is thin
and dashed, a prediction is a line or a shaded span.
"""

from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from solvable import style
from solvable._types import RealLike

from ..experiment.classifier import Classifier
from ..experiment.variants import Variants
from ..theory.clock import CollapseTime
from ..theory.precision import collapse_threshold, significand_bits
from .precision import WAYS, Values, _span

EPOCH = "epoch"
ACCURACY = "accuracy on kept-back pairs"
LOST = "share without\nderivative by the right logit"
QUANTITIES = {
    "train_accuracy": (0, "train accuracy"),
    "test_accuracy": (1, "test accuracy"),
    "lost": (2, "no derivative by the right logit"),
}
"""Colour and name of what is shown of one way to train."""
VARIANTS = {
    "float64": (2, "StableMax, float64"),
    "float32": (0, "StableMax, float32"),
    "float64, beta2 0.999": (5, r"StableMax, $\beta_2 = 0.999$"),
    "Taylor": (3, "Taylor softmax, float64"),
}
"""Colour and name of each of the stored remedies."""
EACH = 14
"""Markers along the curve of each seed."""
SMALLER = 3.5
"""Points of a marker that has many neighbours."""
LEAST_ACCURACY = 0.1
"""Accuracies near chance have an axis that reaches at least so far."""


def _marked(steps: np.ndarray, offset: float, log: bool) -> np.ndarray:
    """Indices of about :data:`EACH` observations, evenly along the axis; ``offset`` is a fraction of their distance."""
    if not log:
        distance = max(1, len(steps) / EACH)
        shown = (distance * (np.arange(EACH) + offset % 1)).astype(int)
        return shown[shown < len(steps)]
    first = np.flatnonzero(steps > 0)[0]
    evenly = np.geomspace(steps[first], steps[-1], EACH)
    shifted = evenly * (evenly[1] / evenly[0]) ** (offset % 1)
    return np.unique(np.searchsorted(steps, shifted[shifted <= steps[-1]]))


def _seeds(
    axes: Axes, steps: RealLike, runs: RealLike, *, colour: int, label: str | None = None, log: bool = False
) -> None:
    """Each seed by itself, of several ``(seeds, n)`` or of one ``(n,)``: a thin line, and some markers."""
    steps, runs = np.asarray(steps), np.atleast_2d(runs)
    drawn = steps > 0 if log else np.ones(len(steps), bool)
    for seed, run in enumerate(runs):
        # other places for each seed and each colour, so that none hides another
        shown = _marked(steps, seed / len(runs) + 0.4 * colour, log)
        style.theory(axes, steps[drawn], run[drawn], colour=colour, linewidth=0.8, alpha=0.6)
        look = {"colour": colour, "label": None if seed else label, "markersize": SMALLER}
        style.experiment(axes, steps[shown], run[shown], **look)


def _mean(axes: Axes, steps: RealLike, runs: RealLike, *, colour: int, label: str) -> None:
    """The mean over seeds as markers that a line joins, and each seed ``(seeds, n)`` as a thin line."""
    steps, mean = np.asarray(steps), np.mean(runs, axis=0)
    shown = _marked(steps, 0.4 * colour, log=False)
    for run in np.asarray(runs):
        style.theory(axes, steps, run, colour=colour, linewidth=0.8, alpha=0.5)
    style.theory(axes, steps, mean, colour=colour, linewidth=1.2)
    style.experiment(axes, steps[shown], mean[shown], colour=colour, label=label)


def _shares(axes: Axes) -> None:
    """An axis for shares, on which markers at 0 and at 1 are whole."""
    axes.set_ylim(-0.05, 1.06)


def _chance(axes: Axes, chance: float) -> None:
    axes.axhline(chance, color=style.GREY, linestyle="--", linewidth=1.0, zorder=1, label="chance")


def four_ways(runs: Mapping[str, Classifier], chance: float) -> Figure:
    """What each way to train makes of the examples and of the pairs kept back, and which share its loss no longer sees.

    Args:
        runs: for each way a run or several seeds; two panels in a row.
        chance: accuracy of a guess.
    """
    rows = -(-len(runs) // 2)
    figure, panels = style.panels(2, rows, height=2.5, sharey=True, squeeze=False)
    for empty in panels.flat[len(runs) :]:
        empty.set_visible(False)
    for axes, (name, run) in zip(panels.flat[: len(runs)], runs.items(), strict=True):
        for quantity, (colour, label) in QUANTITIES.items():
            _seeds(axes, run.steps, getattr(run, quantity), colour=colour, label=label)
        _chance(axes, chance)
        axes.set_title(name)
        _shares(axes)
    for axes in panels[:, 0]:
        axes.set_ylabel("share")
    for axes in panels[-1]:
        axes.set_xlabel(EPOCH)
    style.legend_above(figure, panels[0, 0], 4)
    return figure


def clock(
    runs: Mapping[str, Classifier],
    lines: Mapping[str, tuple[RealLike, RealLike]],
    predicted: Mapping[str, CollapseTime],
    window: tuple[float, float],
    classes: int,
) -> Figure:
    r"""The median gap, its early growth extrapolated, and the share of collapsed examples.

    Args:
        runs: for each format of the loss a run or several seeds.
        lines: for each format steps and gaps ``(m,)`` of the straight line.
        predicted: for each format when half of the examples will have collapsed; shaded.
        window: first and last step of the observations that the lines are fitted to; shaded.
        classes: number of classes, on which the upper end of the thresholds hangs.
    """
    figure, (top, bottom) = style.panels(1, 2, height=2.7, sharex=True, gridspec_kw={"height_ratios": (1.5, 1)})
    for name, run in runs.items():
        colour, digits = WAYS[name], significand_bits(name)
        _seeds(top, run.steps, run.gap, colour=colour, label=name)
        style.theory(top, *lines[name], colour=colour, label="extrapolated")
        earliest, latest = collapse_threshold(name, classes=classes)
        style.level(top, earliest, rf"${digits}\,\ln 2$", x=0.01)
        style.level(top, latest, rf"${digits}\,\ln 2 + \ln {classes - 1}$", x=0.01)
        _seeds(bottom, run.steps, run.collapsed, colour=colour)
        _span(bottom, predicted[name], colour=colour)
    _span(top, window, colour=6, alpha=0.12, label="fitted here")
    top.set(ylabel="median gap")
    bottom.set(xlabel=EPOCH, ylabel="collapsed share")
    _shares(bottom)
    style.legend(top, 3)
    return figure


def _near_chance(axes: Axes, chance: float) -> None:
    """An axis for accuracies that may all be at chance."""
    top = max(LEAST_ACCURACY, 1.1 * axes.dataLim.y1)
    axes.set_ylim(-0.04 * top, top)
    _chance(axes, chance)


def controls(runs: Mapping[str, Classifier], chance: float) -> Figure:
    """Cross-entropy that collapses early, late and never: what it learns, and which share of the examples it loses.

    Args:
        runs: for each arithmetic of the loss a run or several seeds.
        chance: accuracy of a guess.
    """
    figure, (left, right) = style.panels(2, height=3.1)
    for name, run in runs.items():
        for axes, values in ((left, run.test_accuracy), (right, run.lost)):
            _seeds(axes, run.steps, values, colour=WAYS[name], label=name)
    _near_chance(left, chance)
    left.set_ylabel(ACCURACY)
    right.set_ylabel(LOST)
    _shares(right)
    for axes in (left, right):
        axes.set_xlabel(EPOCH)
    style.legend_above(figure, left, len(runs) + 1)
    return figure


def _variants(
    stored: Variants, looks: Mapping[str, tuple[int, str]], draw_accuracy: Callable[..., None]
) -> tuple[Figure, Axes]:
    figure, (left, right) = style.panels(2, height=3.1)
    for name, accuracy, lost in zip(stored.names, stored.test_accuracy, stored.lost, strict=True):
        colour, label = looks[name]
        draw_accuracy(left, stored.steps, accuracy, colour=colour, label=label)
        _seeds(right, stored.steps, lost, colour=colour)
    left.set_ylabel(ACCURACY)
    right.set_ylabel(LOST)
    _shares(right)
    for axes in (left, right):
        axes.set_xlabel(EPOCH)
    return figure, left


def precisions(stored: Variants, chance: float) -> Figure:
    """Test accuracy in several precisions of the loss, and when each stops to see its examples.

    Args:
        stored: the table of that name.
        chance: accuracy of a guess.
    """
    # seeds differ by more than precisions do
    figure, left = _variants(stored, {name: (WAYS[name], name) for name in stored.names}, _mean)
    _near_chance(left, chance)
    style.legend_above(figure, left, len(stored.names) + 1)
    return figure


def remedies(stored: Variants, chance: float) -> Figure:
    """Test accuracy with losses whose tail is a power, and when each stops to see its examples.

    Args:
        stored: the table of that name.
        chance: accuracy of a guess.
    """
    figure, left = _variants(stored, VARIANTS, _seeds)
    _shares(left)
    _chance(left, chance)
    style.legend_above(figure, left, 3)
    return figure


def alignment(runs: Mapping[str, Classifier]) -> Figure:
    """Cosine between a step of descent and the weights, and the length of the weights.

    Args:
        runs: for each way to train a run or several seeds.
    """
    figure, (left, right) = style.panels(2, height=3.2)
    for name, run in runs.items():
        for axes, values in ((left, run.cosine), (right, run.weight_norm)):
            _seeds(axes, run.steps, values, colour=WAYS[name], label=name, log=True)
    for level in (0, 1):
        left.axhline(level, color=style.GREY, linestyle="--", linewidth=1.0, zorder=1)
    left.set(ylabel=r"$\cos(-\nabla L, \theta)$")
    right.set(yscale="log", ylabel=r"length of the weights $\Vert\theta\Vert$")
    for axes in (left, right):
        axes.set(xscale="log", xlabel=EPOCH)
    style.legend_above(figure, left, 3)
    return figure


def spectrum(
    shares: Mapping[str, RealLike], initial: RealLike, strongest: Mapping[str, Values], initial_strongest: float
) -> Figure:
    """Which part of the first layer's power has each frequency, and how sharply a unit is tuned to one.

    Args:
        shares: for each way to train ``(f,)``; the frequencies' shares of one seed, without frequency 0. They are drawn
            in the order of their size.
        initial: ``(f,)``; the same before training.
        strongest: for each way ``(seeds,)``; share of a unit's power in its strongest frequency.
        initial_strongest: the same before training.
    """
    figure, (left, right) = style.panels(2, height=3.1)

    def sort(values):
        return np.sort(np.asarray(values))[::-1]

    ranks = 1 + np.arange(len(np.asarray(initial)))
    style.limit(left, ranks, sort(initial), label="before training")
    for index, (name, values) in enumerate(shares.items()):
        colour, found = WAYS[name], np.asarray(strongest[name])
        style.experiment(left, ranks, sort(values), colour=colour, label=name)
        style.theory(left, ranks, sort(values), colour=colour, linewidth=0.8, alpha=0.6)
        across = index + np.linspace(-0.2, 0.2, len(found)) * (len(found) > 1)
        style.experiment(right, across, found, colour=colour)
    left.set(xlabel="frequencies in the order of their power", ylabel="share of the power")
    # markers at 0 are whole
    left.set_ylim(bottom=-0.04 * left.dataLim.y1)
    style.level(right, initial_strongest, "before training", above=False)
    right.set_xticks(range(len(shares)), [name.replace(" ", "\n").replace("-", "-\n") for name in shares])
    right.set(xlim=(-0.5, len(shares) - 0.5), ylim=(0, 1.03), xlabel="way to train")
    right.set_ylabel("power of a unit in its\nstrongest frequency")
    style.legend(left, 2)
    return figure


def paper_size(run: Classifier) -> Figure:
    """A network of the paper's size: accuracies, and the length of the weights.

    Args:
        run: one seed, or several.
    """
    figure, (left, right) = style.panels(2, height=3.0)
    for quantity in ("train_accuracy", "test_accuracy"):
        colour, label = QUANTITIES[quantity]
        _seeds(left, run.steps, getattr(run, quantity), colour=colour, label=label)
    _seeds(right, run.steps, run.weight_norm, colour=WAYS["StableMax"])
    left.set_ylabel("accuracy")
    _shares(left)
    right.set_ylabel(r"length of the weights $\Vert\theta\Vert$")
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.set_xlabel(EPOCH)
    style.legend(left, 2)
    return figure


def z_loss(
    steps: Values, normalisers: Mapping[str, Values], gaps: Mapping[str, Values], laws: Mapping[str, Values]
) -> Figure:
    r"""What a penalty on the normaliser does to it, and what to the gap, in descent on free logits.

    Args:
        steps: ``(n,)``, positive.
        normalisers: for each penalty :math:`\ln Z`, ``(n,)``.
        gaps: for the same the gap ``(n,)``.
        laws: for the same what theory says of the gap, ``(n,)``.
    """
    figure, (left, right) = style.panels(2, height=3.1)
    for colour, name in enumerate(normalisers):
        style.experiment(left, steps, normalisers[name], colour=colour, label=name)
        style.experiment(right, steps, gaps[name], colour=colour)
        style.theory(right, steps, laws[name], colour=colour)
    style.level(left, 0, "$Z = 1$", x=0.02)
    left.set_ylabel(r"$\ln Z$")
    right.set_ylabel("gap $g$")
    right.set_ylim(bottom=-0.5)
    for axes in (left, right):
        axes.set(xscale="log", xlabel="step $t$")
    style.legend(left, len(normalisers))
    return figure
