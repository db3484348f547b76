"""The chapter's figures: arrays of results in, a matplotlib figure out; nothing is computed but means and differences.

Theory is a line, what was measured is a marker, a limiting case or a guide of a known slope is thin and dashed. A
marker with a bar is a mean over seeds and their standard deviation.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator, StrMethodFormatter

from solvable import style
from solvable._types import RealLike

from .experiment import CircleKernels, ComponentRun, RateSweep, SampleSweep, ScaleSweep, WidthSweep
from .theory import Catapult

OUTER = 1.2816
"""Standard deviations from the mean of a Gaussian to its 10th and its 90th percentile."""
LOSSES = (1e-6, 1e6)
"""The losses that are shown: a run that diverges knows no bounds."""
OUTPUTS = (1e-6, 1e4)
"""The same for the outputs of the smallest network."""


def _angle_axis(axes: Axes) -> None:
    names = {-2: "−π", -1: "−π/2", 0: "0", 1: "π/2", 2: "π", 3: "3π/2", 4: "2π"}
    axes.xaxis.set_major_locator(MultipleLocator(np.pi / 2))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda angle, _: names.get(round(2 * angle / np.pi), f"{angle:.2g}")))
    axes.set_xlabel("angle (rad)")


def _guide(axes: Axes, x, anchor, slope: float, *, at: int = -1, label: str | None = None, **options) -> None:
    """A power of ``x`` through the anchor's entry ``at``."""
    x, anchor = np.asarray(x, dtype=float), np.asarray(anchor)
    style.limit(axes, x, anchor[at] * (x / x[at]) ** slope, label=label, **options)


_HALF = {"slope": -0.5, "label": "slope −1/2", "linestyle": (0, (1, 2)), "linewidth": 1.4}
_WHOLE = {"slope": -1.0, "label": "slope −1"}


def birth(
    angles: RealLike,
    nngp: RealLike,
    sampled: RealLike,
    widths: RealLike,
    kurtosis: RealLike,
    sampled_kurtosis: RealLike,
) -> Figure:
    """Outputs of networks at birth: their covariance, and how far from Gaussian they are at each width.

    Args:
        angles: ``(n,)``; of an input on the circle, in radians.
        nngp: ``(n,)``; covariance of the outputs there and at angle 0, at infinite width.
        sampled: ``(n,)``; the same over many networks.
        widths: ``(widths,)``; of the hidden layers.
        kurtosis: ``(widths,)``; excess kurtosis of one output, from the theory.
        sampled_kurtosis: ``(widths, seeds)``; over many networks.
    """
    figure, (left, right) = style.panels(columns=2, height=3.1)
    style.theory(left, angles, nngp, label="infinite width")
    style.experiment(left, style.thin(angles), style.thin(sampled), label="networks")
    left.set_ylabel("covariance with output at angle 0")
    _angle_axis(left)
    style.legend(left, 2)
    style.theory(right, widths, kurtosis, colour=1, label="theory")
    mean = style.over_seeds(right, widths, sampled_kurtosis, colour=1, label="networks")
    shown = np.concatenate([np.asarray(kurtosis), mean[mean > 0]])
    right.set(yscale="log", ylabel="excess kurtosis of output", ylim=(shown.min() / 3, shown.max() * 2))
    style.log_axis(right, widths, "width")
    style.legend(right, 2)
    return figure


def heavy_tails(values: RealLike, gaussian: RealLike, student: RealLike, edges: RealLike, density: RealLike) -> Figure:
    """Density of an output whose scale is random, beside a Gaussian.

    Args:
        values: ``(n,)``; outputs.
        gaussian: ``(n,)``; density of the Gaussian.
        student: ``(n,)``; density of the Student-t.
        edges: ``(bins + 1,)``; of a histogram.
        density: ``(bins,)``; measured; bins that are empty are not drawn.
    """
    figure, axes = style.panels(height=3.0)
    edges, density = np.asarray(edges), np.asarray(density)
    full = density > 0
    style.theory(axes, values, gaussian, colour=1, label="Gaussian")
    style.theory(axes, values, student, label="Student-t")
    style.experiment(axes, ((edges[1:] + edges[:-1]) / 2)[full], density[full], label="networks", markersize=3.5)
    axes.set(yscale="log", xlabel="output", ylabel="density", ylim=(density[full].min() / 5, 3 * density.max()))
    style.legend(axes, 3)
    return figure


def kernels(
    angles: RealLike,
    curves: Mapping[str, RealLike],
    quadrature: Mapping[str, RealLike],
    frequencies: RealLike,
    eigenvalues: Mapping[str, RealLike],
) -> Figure:
    """Tangent kernels on the circle, and their eigenvalues.

    Args:
        angles: ``(n,)``; between two inputs, in radians.
        curves: for each name ``(n,)``, the kernel; drawn relative to its value at angle 0.
        quadrature: for some of these names ``(n,)``, the same by another way; drawn relative to the same value.
        frequencies: ``(k,)``; frequencies from 0 on, or ranks from 1 on.
        eigenvalues: for each name ``(k,)``; drawn relative to the largest of that name.
    """
    figure, (left, right) = style.panels(columns=2, height=3.3)
    angles, frequencies = np.asarray(angles), np.asarray(frequencies)
    colours = {name: colour for colour, name in enumerate(curves)}
    for name, curve in curves.items():
        here = np.asarray(curve)[np.argmin(np.abs(angles))]
        style.theory(left, angles, curve / here, colour=colours[name], label=name)
        if name in quadrature:
            points = (style.thin(angles, colours[name]), style.thin(quadrature[name] / here, colours[name]))
            style.experiment(left, *points, colour=colours[name])
    left.set_ylabel("kernel / kernel at angle 0")
    _angle_axis(left)
    for name, values in eigenvalues.items():
        new = name not in colours
        colour = colours.setdefault(name, len(colours))
        values = np.maximum(np.asarray(values) / np.max(values), style.FLOOR)
        style.theory(right, frequencies, values, colour=colour, label=name if new else None, linewidth=1.2)
        right.plot(frequencies, values, color=style.COLOURS[colour % len(style.COLOURS)], linestyle="none", marker=".")
    right.axhline(style.FLOOR, color=style.GREY, linestyle="--", linewidth=1.0)
    if frequencies.min() > 0:
        right.set(xscale="log", xlabel="rank")
    else:  # frequency 0, a constant, has its place too
        right.set_xlabel("frequency")
        right.set_xscale("symlog", linthresh=1, linscale=0.4)
        right.set_xlim(left=-0.15)
    right.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    right.set(yscale="log", ylabel="eigenvalue / largest", ylim=(style.FLOOR / 5, 5))
    figure.legend(loc="outside upper left", ncols=len(colours), handlelength=1.6, columnspacing=1.2)
    return figure


def widths(sweep: WidthSweep) -> Figure:
    """How fast the theory becomes true as networks widen, and which weights move.

    Args:
        sweep: networks of several widths, trained from several seeds.
    """
    figure, (left, right) = style.panels(columns=2, height=3.6)
    distances = (
        (sweep.kernel_error, "kernel at birth, to infinite width"),
        (sweep.kernel_change, "kernel, change in training"),
        (sweep.to_infinite_width, "output, to infinite width"),
        (sweep.to_own_linear, "output, to own linear model"),
    )
    for colour, (values, label) in enumerate(distances):
        x = style.beside(sweep.widths, colour, len(distances))
        mean = style.over_seeds(left, x, values, colour=colour, label=label)
        # the same dashes as on the right, where the legend has room for them
        if values is sweep.kernel_error:
            _guide(left, x, mean, **_HALF | {"label": None})
        elif values is sweep.to_own_linear:
            _guide(left, x, mean, **_WHOLE | {"label": None})
    left.set(yscale="log", ylabel="distance or relative change")
    layers = sweep.weight_change.shape[-1]
    hidden = ["hidden"] if layers == 3 else [f"hidden {layer + 1}" for layer in range(layers - 2)]
    for layer, label in enumerate(["input", *hidden, "output"]):
        x = style.beside(sweep.widths, layer, layers)
        mean = style.over_seeds(right, x, sweep.weight_change[..., layer], colour=layer, label=label)
        outer = layer in (0, layers - 1)
        _guide(right, x, mean, **(_HALF if outer else _WHOLE) | ({} if layer < 2 else {"label": None}))
    right.set(yscale="log", ylabel="relative change of weights")
    for axes, columns in ((left, 1), (right, 2)):
        style.log_axis(axes, sweep.widths, "width")
        style.legend(axes, columns)
    return figure


def _in_words(width: int) -> str:
    return f"width {width:,}".replace(",", " ") if width >= 10_000 else f"width {width}"


def circle_at_birth(
    angles: RealLike,
    analytic: RealLike,
    narrow: RealLike,
    wide: RealLike,
    narrow_width: int,
    wide_width: int,
) -> Figure:
    """The kernel between one point of the circle and the others, for each of several networks at birth.

    Args:
        angles: ``(n,)``; between the two points, in radians.
        analytic: ``(n,)``; at infinite width.
        narrow: ``(seeds, n)``; kernels of narrow networks.
        wide: ``(seeds, n)``; kernels of wide networks.
        narrow_width: of the hidden layers of the former.
        wide_width: of the hidden layers of the latter.
    """
    figure, panels = style.panels(columns=2, sharey=True, height=3.1)
    for axes, seeds, width in zip(panels, (narrow, wide), (narrow_width, wide_width), strict=True):
        style.theory(axes, angles, analytic, label="infinite width", zorder=4)
        for seed, curve in enumerate(seeds):
            axes.plot(
                angles,
                curve,
                color=style.COLOURS[1],
                linestyle="none",
                marker=".",
                markersize=2.2,
                label=None if seed else "each network",
            )
        axes.set_title(_in_words(width))
        _angle_axis(axes)
    panels[0].set_ylabel(r"kernel $\Theta(x_0, x)$")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=2, markerscale=3)
    return figure


def circle_trained(analytic: RealLike, runs: Sequence[CircleKernels], widths: Sequence[int]) -> Figure:
    """The same kernel before and after training, and by how much it grew.

    Args:
        analytic: ``(n,)``; at infinite width.
        runs: networks of one width each, at the same angles.
        widths: of their hidden layers.
    """
    figure, (left, right) = style.panels(columns=2, height=3.5)
    style.theory(left, runs[0].angles, analytic, label="infinite width", color="black", zorder=1)
    for colour, index in enumerate((int(np.argmin(widths)), int(np.argmax(widths)))):
        for after, kernel in enumerate((runs[index].before, runs[index].after)):
            offset = 2 * colour + after
            style.experiment(
                left,
                style.thin(runs[index].angles, offset),
                style.thin(kernel.mean(axis=0), offset),
                colour=colour,
                label=f"{_in_words(widths[index])}, {'trained' if after else 'at birth'}",
                **({"markerfacecolor": style.COLOURS[colour]} if after else {}),
            )
    left.set_ylabel(r"kernel $\Theta(x_0, x)$")
    _angle_axis(left)
    style.legend(left, 2, columnspacing=0.8, handlelength=1.0, handletextpad=0.4)
    inflation = np.stack([run.inflation for run in runs])
    mean = style.over_seeds(right, widths, inflation, colour=2, label="networks")
    _guide(right, widths, mean, **_WHOLE)
    right.set(yscale="log", ylabel=r"growth of $\Theta(x_0, x_0)$ in training")
    style.log_axis(right, widths, "width")
    style.legend(right, 2)
    return figure


def output_scales(sweep: ScaleSweep) -> Figure:
    """One narrow network becomes lazy as its output is scaled up.

    Args:
        sweep: the network trained at several scales, from several seeds.
    """
    figure, axes = style.panels(height=3.3)
    measures = (
        (sweep.moved, "parameters: distance moved"),
        (sweep.kernel_change, "kernel: relative change"),
        (sweep.to_own_linear, "output: to own linear model"),
    )
    for colour, (values, label) in enumerate(measures):
        x = style.beside(sweep.scales, colour, len(measures))
        mean = style.over_seeds(axes, x, values, colour=colour, label=label)
        _guide(axes, x, mean, **_WHOLE | ({"label": None} if colour else {}))
    axes.set(yscale="log", ylabel="distance or change")
    style.log_axis(axes, sweep.scales, r"output scale $\alpha$")
    style.legend(axes, 2)
    return figure


def training(steps: RealLike, recursion: RealLike, linear: RealLike, network: RealLike, flow: RealLike) -> Figure:
    """What a network says of a test point while it learns, and what its linear model and the formula say.

    Args:
        steps: ``(n,)``; of gradient descent.
        recursion: ``(n,)``; the formula with the kernel at birth.
        linear: ``(n,)``; the linear model, trained by automatic differentiation.
        network: ``(n,)``; the network, trained in the same way.
        flow: ``(n,)``; a limiting case: gradient flow at the same times, or where the formula ends.
    """
    figure, main, residual = style.with_residual()
    style.theory(main, steps, recursion, label="formula")
    style.experiment(main, style.thin(steps), style.thin(linear), label="linear model")
    style.experiment(main, style.thin(steps, 2), style.thin(network, 2), colour=1, label="network")
    style.limit(main, steps, flow, label="limit")
    main.set_ylabel("output at a test point")
    style.legend(main, 4)
    style.residual(residual, steps, recursion, linear)
    residual.set_xlabel("step of gradient descent")
    residual.set_ylabel("|linear − formula|")
    return figure


def ensemble(
    angles: RealLike,
    mean: RealLike,
    sd: RealLike,
    networks: RealLike,
    train_angles: RealLike,
    train_y: RealLike,
    posterior_sd: RealLike,
    posterior_mean: RealLike,
) -> Figure:
    """Functions that trained networks draw from: percentiles of the theory, of an ensemble, and of the posterior.

    Args:
        angles: ``(n,)``; of the test inputs, in radians.
        mean: ``(n,)``; of the Gaussian that networks of infinite width follow.
        sd: ``(n,)``; its standard deviation.
        networks: ``(count, n)``; outputs of trained networks.
        train_angles: ``(n_train,)``; of the training inputs.
        train_y: ``(n_train,)``; their targets.
        posterior_sd: ``(n,)``; standard deviation of the Bayesian posterior.
        posterior_mean: ``(n,)``; its mean.
    """
    figure, axes = style.panels(height=3.6)
    levels = ((90, OUTER), (50, 0.0), (10, -OUTER))
    measured = np.percentile(networks, [percent for percent, _ in levels], axis=0)
    for colour, ((percent, z), found) in enumerate(zip(levels, measured, strict=True)):
        style.theory(axes, angles, mean + z * np.asarray(sd), colour=colour, label=f"{percent}th percentile")
        style.experiment(axes, style.thin(angles, colour), style.thin(found, colour), colour=colour)
    for z in (-OUTER, OUTER):
        label = "Bayesian, 10th, 90th" if z > 0 else None
        style.limit(axes, angles, posterior_mean + z * np.asarray(posterior_sd), label=label, linewidth=1.3)
    style.experiment(axes, [], [], label="networks", color=style.GREY)
    axes.plot(
        train_angles, train_y, "x", color="black", markersize=8, markeredgewidth=2, zorder=4, label="training points"
    )
    axes.set_ylabel("output")
    _angle_axis(axes)
    style.legend(axes, 3)
    return figure


def components(run: ComponentRun, predicted: RealLike, numbers: Sequence[int], eigenvalues: RealLike) -> Figure:
    """Components of a data set are learned one by one, at the pace of their eigenvalues.

    Args:
        run: networks that each learn one component.
        predicted: ``(components, n)``; what is left of each, as a fraction, at the run's steps.
        numbers: which components they are, counted from 1.
        eigenvalues: ``(k,)``; of the kernel over ``N``, in decreasing order.
    """
    figure, (left, right) = style.panels(columns=2, height=3.2)
    eigenvalues = np.asarray(eigenvalues)
    rank = np.arange(1, len(eigenvalues) + 1)
    style.theory(right, rank, eigenvalues, color=style.GREY)
    lowest, last = 1e-2, 1
    for colour, number in enumerate(numbers):
        measured = run.left[colour].mean(axis=0)
        style.theory(left, run.steps, predicted[colour], colour=colour, label=f"component {number}")
        shown = slice(int(np.argmax(measured < lowest)) or len(measured))
        last = max(last, run.steps[shown][-1])
        x, y = (style.thin(values[shown], colour) for values in (run.steps, measured))
        style.experiment(left, x, y, colour=colour)
        look = {"color": style.COLOURS[colour % len(style.COLOURS)], "markersize": 9, "markeredgewidth": 2.2}
        right.plot(number, eigenvalues[number - 1], "x", zorder=4, **look)
    left.set(yscale="log", ylim=(lowest, 1.15), xlabel="step of gradient descent", ylabel="still to learn")
    left.set_xlim(-0.03 * last, 1.05 * last)
    right.set(xscale="log", yscale="log", xlabel="rank", ylabel=r"eigenvalue of $\Theta/N$")
    right.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    figure.legend(loc="outside upper left", ncols=len(numbers), handlelength=1.6, columnspacing=1.2)
    return figure


def early_stopping(times: RealLike, risk: RealLike, bias: RealLike, variance: RealLike, measured: RealLike) -> Figure:
    """Risk against training time: what is not learned yet falls, the noise that is rises.

    Args:
        times: ``(n,)``; of the flow; positive, for the axis is logarithmic.
        risk: ``(n,)``; expected, the sum of both.
        bias: ``(n,)``; of the target, what is left.
        variance: ``(n,)``; of the noise, what has been learned.
        measured: ``(draws, n)``; risk for each draw of the noise.
    """
    figure, axes = style.panels(height=3.2)
    times, risk = np.asarray(times), np.asarray(risk)
    style.limit(axes, times, bias, label="not learned yet", linewidth=1.3)
    style.limit(axes, times, variance, label="noise learned", linewidth=1.3, color=style.COLOURS[1])
    style.theory(axes, times, risk, label="risk")
    style.over_seeds(axes, style.thin(times), style.thin(np.transpose(measured)), label="draws of the noise")
    best = int(np.argmin(risk))
    axes.plot(times[best], risk[best], "x", color="black", markersize=9, markeredgewidth=2, zorder=5, label="best time")
    axes.set(xscale="log", xlabel="time $t$", ylabel="mean squared error", ylim=(0, 1.15 * float(risk.max())))
    style.legend(axes, 3)
    return figure


def learning_rates(sweep: RateSweep, shown: int) -> Figure:
    """Learning rates below and above the critical one: the linear model diverges, the network finds a flatter place.

    The losses are those of the first seed, at the rates around the critical one, at the largest that the network
    survives, and at the largest of all. A run that diverged has no final sharpness.

    Args:
        sweep: a network and its linear model, trained at several rates from several seeds.
        shown: step up to which the losses are drawn.
    """
    figure, (left, right) = style.panels(columns=2, height=3.5)
    # before anything is drawn: limits that follow a run that diverges would overflow
    left.set(yscale="log", xlabel="step of gradient descent", ylabel="loss", ylim=LOSSES)
    rates, final = np.asarray(sweep.rates), sweep.sharpness[..., -1]
    # a comparison with what is not a number is false
    survived = (sweep.loss[..., -1] <= sweep.loss[..., 0]) & np.isfinite(final)
    below, above, alive = (np.flatnonzero(chosen) for chosen in (rates < 1, rates > 1, survived[:, 0]))
    few = {*below[-1:], *above[:1], *alive[-1:], len(rates) - 1}
    early = sweep.steps <= shown
    for colour, index in enumerate(sorted(few)):
        linear, network = (
            np.where(np.isfinite(runs), runs, np.nan)[index, 0, early] for runs in (sweep.linear_loss, sweep.loss)
        )
        style.limit(left, sweep.steps[early], linear, color=style.COLOURS[colour])
        label = f"rate {rates[index]:g}"
        marks = (style.thin(values, colour) for values in (sweep.steps[early], network))
        style.experiment(left, *marks, colour=colour, label=label)
    style.limit(left, [], [], label="linear model")
    style.legend(left, 3, columnspacing=0.8, handletextpad=0.5)
    look = {"color": "black", "marker": "o"}
    for rate, kept, sharpness in zip(rates, survived, final, strict=True):
        if kept.any():
            style.over_seeds(right, [rate], sharpness[kept][None], **look)
    line = np.linspace(rates.min(), rates.max(), 200)
    style.theory(right, line, 1 / np.maximum(line, 1), color="black", label="stable below")
    style.experiment(right, [], [], label="networks", **look)
    right.set(xlabel="learning rate / critical rate", ylabel="final sharpness / initial")
    right.set_ylim(bottom=0)
    style.legend(right, 2)
    return figure


def catapult(
    predicted: Sequence[Catapult], measured: Sequence[Catapult], rates: Sequence[float], labels: Sequence[str]
) -> Figure:
    """Output and kernel of the smallest network, step by step: below the edge, above it, and beyond rescue.

    Args:
        predicted: runs of the recursion.
        measured: the same runs of a network.
        rates: the learning rate of each.
        labels: what each shows.
    """
    figure, (top, bottom) = style.panels(rows=2, height=2.5, sharex=True)
    # before anything is drawn: limits that follow a run that diverges would overflow
    highest = max(rate * float(run.kernels[0]) for rate, run in zip(rates, predicted, strict=True))
    top.set(yscale="log", ylabel="$|f|$", ylim=OUTPUTS)
    bottom.set(xlabel="step of gradient descent", ylabel=r"$\eta\lambda$", ylim=(0, 1.2 * max(highest, 2)))
    for colour, (theory, network, rate, label) in enumerate(zip(predicted, measured, rates, labels, strict=True)):
        steps = np.arange(len(theory.outputs))
        style.theory(top, steps, np.abs(theory.outputs), colour=colour, label=label)
        style.theory(bottom, steps, rate * np.asarray(theory.kernels), colour=colour)
        for axes, values in ((top, np.abs(network.outputs)), (bottom, rate * np.asarray(network.kernels))):
            style.experiment(axes, style.thin(steps, colour), style.thin(values, colour), colour=colour)
    bottom.axhline(2, color=style.GREY, linestyle="--", linewidth=1.0)
    style.legend(top, len(labels))
    return figure


def samples(sweep: SampleSweep, level: float) -> Figure:
    """Test error against the number of examples: what a network learns from few, its kernel learns from many.

    Args:
        sweep: test errors of both, for several seeds.
        level: the error at which they are compared, as a fraction of the target's variance.
    """
    figure, axes = style.panels(height=3.2)
    for colour, (errors, label) in enumerate(((sweep.network, "network"), (sweep.kernel, "its kernel"))):
        mean = style.over_seeds(axes, sweep.examples, errors, axis=0, colour=colour, label=label)
        axes.plot(sweep.examples, mean, color=style.COLOURS[colour], linestyle=":", linewidth=1.0, zorder=1)
    axes.axhline(level, color=style.GREY, linestyle="--", linewidth=1.0, label=f"{level:g} of the variance")
    axes.set(yscale="log", ylabel="test error / variance")
    style.log_axis(axes, sweep.examples, "examples")
    style.legend(axes, 3)
    return figure
