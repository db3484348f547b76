"""Figures of counting: coverage and its estimators, imperfect verifiers, many tries, long answers and their cost.

Theory is a line, what was measured is a marker with its standard error, a limit or a level is thin and dashed. A tick
across a curve is where it is best.
"""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from solvable import style

from . import _marks as marks
from ._marks import Measured, Name, Points, Values

TRIES = "tries $k$"
FAILURE = "failure, 1 − coverage"
BELOW = 30.0
"""A finite benchmark is drawn down to this part of the least of the law: it ends as an exponential."""
TOP = 1.5
"""The end of an axis of shares, which leaves room for a marker at 1."""
MISS = "error of a token $1 - p$"


def estimators(ks: Values, truth: Values, unbiased: Measured, plug_in: Measured) -> Figure:
    r"""Chance that one of k tries succeeds, and means of two of its estimators.

    Args:
        ks: ``(m,)``.
        truth: ``(m,)``; :math:`1 - (1 - p)^k`.
        unbiased: numbers of tries, means, their standard errors.
        plug_in: the same.
    """
    figure, axes = style.panels(height=3.1)
    style.theory(axes, ks, truth, color=marks.BLACK, label="pass@$k$")
    for colour, (name, found) in enumerate({"unbiased": unbiased, "plug-in": plug_in}.items()):
        marks.measure(axes, found, colour=colour, label=name)
    axes.set_ylabel("pass@$k$")
    marks.along(axes, ks, TRIES)
    style.legend(axes, 3)
    return figure


def coverage(
    ks: Values,
    exact: Mapping[Name, Values],
    laws: Mapping[Name, Values],
    infinite: Values,
    benchmarks: Mapping[Name, Values],
) -> Figure:
    r"""Share of problems that k tries leave unsolved: power laws of many problems, and benchmarks of few.

    Args:
        ks: ``(n,)``.
        exact: for each exponent ``(n,)``; failure, where chances of success follow a Beta law.
        laws: for the same exponents ``(n,)``; power law.
        infinite: ``(n,)``; exact failure for the law of which benchmarks are drawn.
        benchmarks: for each number of problems ``(n,)``; failure on problems that were drawn. What is far below the
            least of ``infinite`` is not shown.
    """
    figure, (left, right) = style.panels(2, height=3.2)
    marks.lines(left, ks, exact, "a")
    for index, name in enumerate(exact):
        # above the curve, which would hide it where they agree
        label = None if index else "power law"
        style.limit(left, ks, laws[name], color=marks.BLACK, zorder=3, dashes=(5, 6), label=label)
    style.theory(right, ks, infinite, color=marks.BLACK, label="$Q$ = ∞")
    bottom = np.min(infinite) / BELOW
    for colour, (name, failure) in enumerate(benchmarks.items()):
        shown = np.asarray(failure) > bottom
        places, values = np.asarray(ks)[shown], np.asarray(failure)[shown]
        style.experiment(right, places, values, colour=colour, label=marks.named("Q", name))
    for axes in (left, right):
        axes.set_yscale("log")
        marks.along(axes, ks, TRIES)
        style.legend(axes, 3)
    left.set_ylabel(FAILURE)
    # at few tries the laws lie above 1, where no failure is
    left.set_ylim(top=TOP)
    right.set_ylim(bottom / TOP, TOP)
    return figure


def verifiers(
    tries: Values,
    utilities: Mapping[Name, Values],
    best: Mapping[Name, tuple[float, float]],
    simulated: Mapping[Name, Measured],
    ceiling: float,
) -> Figure:
    r"""Worth of an answer against the number of tries, where the verifier accepts some wrong ones.

    Args:
        tries: ``(m,)``.
        utilities: for each cost of a wrong answer ``(m,)``; mean worth.
        best: for the same costs the best number of tries, and the worth there; not drawn where it is infinite.
        simulated: for some costs numbers of tries, means, their standard errors.
        ceiling: share of problems that are answered correctly with endlessly many tries.
    """
    figure, axes = style.panels(height=3.3)
    axes.margins(y=0.1)  # for the name of the ceiling
    marks.lines(axes, tries, utilities, "c")
    style.level(axes, ceiling, "ceiling at no cost")
    marks.measure_all(axes, utilities, simulated)
    marks.along(axes, tries, "tries $K$")
    marks.ticks_at(axes, utilities, best)
    marks.explain(axes, measured="simulated", tick="best $K$")
    axes.set_ylabel("mean worth $U$")
    style.legend(axes, 4)
    return figure


def policies(
    p: Values,
    weights: Mapping[Name, Values],
    tries: Values,
    best: Mapping[Name, Values],
    trained: Mapping[Name, Points],
) -> Figure:
    r"""What training for the best of N tries makes of an example, and of a policy.

    Args:
        p: ``(m,)``; chance that one try succeeds.
        weights: for each N ``(m,)``; weight of the gradient of an example relative to the cross-entropy's.
        tries: ``(n,)``; N.
        best: for each answer, by how often it is right, ``(n,)``; its chance in the policy that succeeds most often.
        trained: for the same answers values of N, and the chance in the policy that was trained.
    """
    figure, (left, right) = style.panels(2, height=3.2)
    marks.lines(left, p, weights, "N")
    left.set(xscale="log", xlabel="chance of success in one try $p$", ylabel="weight $F$ of the example")
    marks.lines(right, tries, best, r"\pi")
    for colour, name in enumerate(best):
        if name in trained:
            style.experiment(right, *trained[name], colour=colour)
    marks.explain(right, measured="trained")
    right.set(ylabel="chance of the answer $q$", ylim=(-0.04, 1.06))
    marks.along(right, tries, "tries $N$")
    style.legend(left, 4)
    style.legend(right, 2)
    return figure


def verified_gap(horizons: Values, gap: Values, measured: Measured) -> Figure:
    r"""What the best of n traces gains over imitating them, against their length.

    Args:
        horizons: ``(m,)``; :math:`H`, steps of a trace.
        gap: ``(m,)``.
        measured: horizons, mean gains, their standard errors.
    """
    figure, axes = style.panels(height=3.1)
    style.theory(axes, horizons, gap, label=r"$\sigma_1 \sqrt{H}\ \mathrm{E}[\max\, z]$")
    marks.measure(axes, measured, label="simulated")
    axes.set_ylabel("gain over imitation")
    marks.plain_log(axes)
    marks.along(axes, horizons, "steps of a trace $H$")
    style.legend(axes, 2)
    return figure


def emergence(
    misses: Values, exact: Mapping[Name, Values], horizons: Values, measured: Measured, success: float = 0.5
) -> Figure:
    r"""Share of long answers that are right throughout, and the length that is reached, as tokens become more reliable.

    The error of a token falls from left to right.

    Args:
        misses: ``(m,)``; :math:`1 - p`.
        exact: for each length ``(m,)``; :math:`p^L`.
        horizons: ``(m,)``; length that is right throughout with chance ``success``.
        measured: values of :math:`1 - p`, lengths, their standard errors.
        success: the chance.
    """
    figure, (left, right) = style.panels(2, height=3.2)
    marks.lines(left, misses, exact, "L")
    style.limit(left, misses, 1 - np.asarray(misses), label="tokens that are right", linewidth=1.4)
    left.set_ylabel("share of answers $p^L$")
    style.theory(right, misses, horizons, color=marks.BLACK, label=r"$\ln s\, /\, \ln p$")
    marks.measure(right, measured, label="simulated")
    right.set(yscale="log", ylabel=f"length at success $s$ = {success:g}")
    for axes in (left, right):
        axes.set(xscale="log", xlabel=MISS)
        axes.invert_xaxis()
    style.legend(left, 2)
    style.legend(right, 2)
    return figure


def costs(lengths: Values, compute: Values, memory: Values, equivalent: Values) -> Figure:
    r"""What one answer costs, against its length.

    Args:
        lengths: ``(m,)``; tokens that are generated.
        compute: ``(m,)``; operations.
        memory: ``(m,)``; reads of memory, at what they would be worth in operations.
        equivalent: ``(m,)``; the sum of both.
    """
    figure, axes = style.panels(height=3.1)
    style.theory(axes, lengths, equivalent, color=marks.BLACK, label="together", linewidth=3.0, alpha=0.35)
    style.theory(axes, lengths, compute, colour=0, label="operations")
    style.theory(axes, lengths, memory, colour=1, label="reads of memory")
    axes.set(xscale="log", yscale="log", xlabel="tokens of the answer", ylabel="equivalent operations")
    style.legend(axes, 3)
    return figure
