"""Figures of separable logistic regression: how many steps it takes to separate, and how slowly it grows afterwards."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from solvable import style

from ..theory.precision import collapse_threshold, significand_bits
from .precision import WAYS, Values, _joined

STEPS = "steps to separate"
ACROSS = 3
"""Data sets whose entries in a legend have room beside each other."""


def step_sizes(step_sizes: Values, steps: Mapping[str, Values], perceptron: Mapping[str, float]) -> Figure:
    r"""Steps of descent until every example is on its right side, against the step size.

    Args:
        step_sizes: ``(s,)``.
        steps: for each data set ``(s,)``; NaN where a run was given up, which is not drawn.
        perceptron: for the same steps of the batch perceptron; dashed.
    """
    figure, axes = style.panels(height=3.3)
    for colour, (name, taken) in enumerate(steps.items()):
        known = np.isfinite(taken)
        _joined(axes, np.asarray(step_sizes)[known], np.asarray(taken)[known], colour=colour, label=name)
        axes.axhline(perceptron[name], color=style.COLOURS[colour], linestyle="--", linewidth=1.2, zorder=1)
    axes.plot([], [], color=style.GREY, linestyle="--", linewidth=1.2, label="batch perceptron")
    axes.set(xscale="log", yscale="log", xlabel=r"step size $\eta$", ylabel=STEPS)
    style.legend(axes, len(steps) if len(steps) <= ACROSS else 2)
    return figure


def hard_instance(sizes: Values, steps: Mapping[str, Values], bounds: Mapping[str, Values]) -> Figure:
    r"""Steps until every example is on its right side where one of them is rare, against the number of examples.

    Args:
        sizes: :math:`n`, ``(k,)``.
        steps: for each method ``(k,)``.
        bounds: ``(k,)`` for each formula of a bound, in the order of the methods.
    """
    figure, axes = style.panels(height=3.3)
    for colour, ((formula, bound), (name, taken)) in enumerate(zip(bounds.items(), steps.items(), strict=True)):
        style.theory(axes, sizes, bound, colour=colour, label=formula)
        style.experiment(axes, sizes, taken, colour=colour, label=name)
    axes.set(xscale="log", yscale="log", xlabel="examples $n$", ylabel=STEPS)
    style.legend(axes, len(steps))
    return figure


def slow_growth(
    steps: Values,
    margins: Values,
    theory_steps: Values,
    theory: Values,
    collapses: Mapping[str, tuple[float, float]],
    norm_steps: Values,
    norms: Values,
    slope: float,
) -> Figure:
    r"""The margin of plain gradient descent and where formats end it; the length of the weights on many examples.

    Args:
        steps: ``(k,)``.
        margins: ``(k,)``; of one example.
        theory_steps: ``(m,)``.
        theory: ``(m,)``; margin under the flow.
        collapses: for each format, the lowest precision first, number of steps and margin at which the gradient was
            exactly 0; NaN where that was not waited for.
        norm_steps: ``(l,)``.
        norms: ``(l,)``; of the weights.
        slope: :math:`\lVert\hat w\rVert`, by which the length grows in the limit where the logarithm of the steps grows
            by 1; drawn through the last of ``norms``.
    """
    figure, (left, right) = style.panels(2, height=3.4)
    style.theory(left, theory_steps, theory, color=style.COLOURS[6], label="flow")
    style.experiment(left, style.thin(steps), style.thin(margins), colour=2, label="descent", markersize=3.5)
    middle = np.max(theory) / 2
    for index, (name, (taken, margin)) in enumerate(collapses.items()):
        threshold = collapse_threshold(name).earliest
        # where the curve is not; the lowest two lie close together
        look = {"x": 0.98 if threshold < middle else 0.02, "above": index > 0}
        style.level(left, threshold, rf"${significand_bits(name)}\,\ln 2$", **look)
        if np.isfinite(taken):
            style.experiment(left, [taken], [margin], colour=WAYS[name], markersize=7, label=f"end in {name}")
    left.set(xscale="log", xlabel="step $t$", ylabel="margin")
    left.set_ylim(bottom=0)
    norm_steps, norms = np.asarray(norm_steps), np.asarray(norms)
    style.experiment(right, norm_steps, norms, colour=0, label="descent")
    line = norms[-1] + slope * np.log(norm_steps / norm_steps[-1])
    style.limit(right, norm_steps[line > 0], line[line > 0], label=r"slope $\Vert\hat w\Vert$")
    right.set(xscale="log", xlabel="step $t$", ylabel=r"length of the weights $\Vert w\Vert$")
    right.set_ylim(bottom=0)
    style.legend(left, 3, handletextpad=0.5)
    style.legend(right, 2, handletextpad=0.5)
    return figure
