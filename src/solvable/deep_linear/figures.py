"""The chapter's figures: arrays of results in, a matplotlib figure out; nothing is computed here but differences.

Theory is a line, what was measured is a marker, a limiting case is thin and dashed; where one is held against the
other, a panel below shows the distance between them.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, ScalarFormatter

from solvable import style
from solvable._types import RealLike

from .experiment import Conservation, DepthRace, KernelRun, Precision, TanhJacobians


def _depth_axis(axes: Axes, depths) -> None:
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(list(depths)))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("depth $L$ (weight matrices)")


def stages(times: RealLike, theory: RealLike, network: RealLike, half_times: RealLike, labels: Sequence[str]) -> Figure:
    """Mode strengths against time: each rises in its own stage.

    Args:
        times: ``(n,)``; in units of ``tau``.
        theory: ``(n, modes)``; strengths from the closed form.
        network: ``(n, modes)``; strengths of the trained network at the same times.
        half_times: ``(modes,)``; when each mode is half learned, in units of ``tau``.
        labels: what each mode tells apart.
    """
    figure, main, residual = style.with_residual()
    for mode, label in enumerate(labels):
        style.theory(main, times, theory[:, mode], colour=mode, label=label)
        style.experiment(main, style.thin(times, mode), style.thin(network[:, mode], mode), colour=mode)
        main.plot(half_times[mode], theory[-1, mode] / 2, "x", color="black", markersize=7, zorder=4)
        style.residual(residual, times, theory[:, mode], network[:, mode], colour=mode)
    main.plot([], [], "x", color="black", label="half-time")
    main.set_ylabel("mode strength $u$")
    main.set_ylim(bottom=-0.05)
    style.legend(main, 2)
    residual.set_xlabel(r"time ($\tau$)")
    return figure


def differentiation(
    times: RealLike,
    deep: RealLike,
    network: RealLike,
    shallow: RealLike,
    labels: Sequence[str],
    illusion: int,
) -> Figure:
    """What a network says of one item while it learns: in stages when deep, all at once when shallow.

    Args:
        times: ``(n,)``; in units of ``tau``.
        deep: ``(n, properties)``; predictions of the two-layer network, from the closed form.
        network: ``(n, properties)``; predictions of the trained two-layer network.
        shallow: ``(n, properties)``; predictions of the one-layer network, from the closed form.
        labels: the properties.
        illusion: index of the property that is believed for a while and is false.
    """
    figure, (left, right) = style.panels(columns=2, sharey=True, height=3.2)
    for index, label in enumerate(labels):
        style.theory(left, times, deep[:, index], colour=index, label=label)
        style.experiment(left, style.thin(times, index), style.thin(network[:, index], index), colour=index)
        style.theory(right, times, shallow[:, index], colour=index)
    left.fill_between(times, 0, deep[:, illusion], color=style.COLOURS[illusion % len(style.COLOURS)], alpha=0.2, lw=0)
    top = int(np.argmax(deep[:, illusion]))
    left.annotate(
        "illusion",
        (times[top], deep[top, illusion]),
        xytext=(0.62, 0.55),
        textcoords="axes fraction",
        arrowprops={"arrowstyle": "-", "color": style.GREY},
    )
    rest = [label for index, label in enumerate(labels) if index != illusion]
    right.text(0.35, 0.6, "\n".join(rest), transform=right.transAxes, fontsize=8.5, va="top")
    left.set_ylabel("prediction (1 is true)")
    left.set_xlabel(r"time ($\tau$)")
    right.set_xlabel(r"time ($\tau$)")
    left.set_title("two layers: stages")
    right.set_title("one layer: none")
    figure.legend(loc="outside upper left", ncols=len(labels), handlelength=1.6, columnspacing=1.2)
    return figure


def recursion(
    steps: RealLike,
    theory: RealLike,
    network: RealLike,
    flow: RealLike,
    labels: Sequence[str],
) -> Figure:
    """Gradient descent on the exact recursion, and the gradient flow that it lags or leads.

    Args:
        steps: ``(n,)``.
        theory: ``(n, modes)``; strengths from the recursion.
        network: ``(n, modes)``; strengths of the network trained by gradient descent.
        flow: ``(n, modes)``; strengths under gradient flow at the same times ``eta * steps``.
        labels: names of the modes.
    """
    figure, main, residual = style.with_residual()
    for mode, label in enumerate(labels):
        style.theory(main, steps, theory[:, mode], colour=mode, label=label)
        style.limit(main, steps, flow[:, mode], label="gradient flow" if mode == len(labels) - 1 else None)
        style.experiment(main, style.thin(steps, mode), style.thin(network[:, mode], mode), colour=mode)
        style.residual(residual, steps, theory[:, mode], network[:, mode], colour=mode)
    main.set_ylabel("mode strength $u$")
    style.legend(main, 2)
    residual.set_xlabel("step of gradient descent")
    return figure


def flow_gap(etas: RealLike, gaps: RealLike, slope_line: RealLike) -> Figure:
    """Largest distance between gradient descent and gradient flow, against the learning rate.

    Args:
        etas: ``(rates,)``; learning rates.
        gaps: ``(rates,)``; the distances measured.
        slope_line: ``(rates,)``; a line of slope 1 through them.
    """
    figure, axes = style.panels()
    style.limit(axes, etas, slope_line, label="slope 1")
    style.experiment(axes, etas, gaps, label="network")
    axes.set(yscale="log", ylabel="largest gap to the flow")
    style.log_axis(axes, etas, r"learning rate $\eta$")
    axes.legend(loc="upper left")
    return figure


def depth(
    times: RealLike,
    depths: Sequence[int],
    theory: RealLike,
    network: RealLike,
    infinite: RealLike,
) -> Figure:
    """One mode at several depths, in the time unit in which infinite depth stays finite.

    Args:
        times: ``(n,)``; ``L t`` in units of ``tau``.
        depths: numbers of weight matrices.
        theory: ``(depths, n)``; strengths from the implicit solution.
        network: ``(depths, n)``; strengths of the trained networks.
        infinite: ``(n,)``; the limit of infinite depth.
    """
    figure, main, residual = style.with_residual()
    for index, layers in enumerate(depths):
        style.theory(main, times, theory[index], colour=index, label=f"$L={layers}$")
        style.experiment(main, style.thin(times, index), style.thin(network[index], index), colour=index)
        style.residual(residual, times, theory[index], network[index], colour=index)
    style.limit(main, times, infinite, label=r"$L=\infty$")
    main.set_ylabel("mode strength $u$")
    style.legend(main, 4)
    residual.set_xlabel(r"depth times time, $L\,t$ ($\tau$)")
    return figure


def finite_delay(
    depths: RealLike, starts: Sequence[float | int], learning_times: RealLike, limits: RealLike, delays: RealLike
) -> Figure:
    """Time to learn against depth at a fixed initial strength of the product: it stays finite.

    Args:
        depths: ``(depths,)``.
        starts: initial strengths of the product.
        learning_times: ``(starts, depths)``; ``L t`` to learn, in units of ``tau``.
        limits: ``(starts,)``; the same at infinite depth.
        delays: ``(starts,)``; what infinite depth costs against two layers, to be written beside each limit.
    """
    figure, axes = style.panels(height=3.2)
    for index, start in enumerate(starts):
        style.theory(axes, depths, learning_times[index], colour=index, label=f"$u_0={start:g}$")
        style.limit(axes, [depths[0], depths[-1]], [limits[index]] * 2)
        axes.annotate(
            f"$L=\\infty$: +{delays[index]:.3g} on $L=2$",
            (depths[-1], limits[index]),
            xytext=(0, 3),
            ha="right",
            textcoords="offset points",
            fontsize=8.5,
        )
    axes.set_yscale("log")
    _depth_axis(axes, depths)
    axes.set_ylabel(r"time to learn, $L\,t$ ($\tau$)")
    axes.set_ylim(top=2.5 * float(np.max(limits)))
    style.legend(axes, 3)
    return figure


def depth_race(orthogonal: DepthRace, gaussian: DepthRace, full_rank: DepthRace, cap: int) -> Figure:
    """Steps to a small loss against depth for two initialisations, and where the better one fails too.

    Args:
        orthogonal: race from orthogonal weights to a target of low rank.
        gaussian: race from scaled Gaussian weights to the same targets.
        full_rank: race from orthogonal weights to a square target of full rank.
        cap: steps after which a run has failed; failures are drawn above it.
    """
    figure, axes = style.panels(height=3.4)
    failed = 1.6 * cap
    races = ((orthogonal, "orthogonal"), (gaussian, "Gaussian"), (full_rank, "orthogonal, target of full rank"))
    for colour, (race, label) in enumerate(races):
        # seeds side by side, so that equal counts do not hide one another
        shift = 2.0 ** (0.07 * (np.arange(race.steps.shape[1]) - (race.steps.shape[1] - 1) / 2) + 0.12 * (colour - 1))
        x = race.depths[:, None] * shift
        arrived = np.isfinite(race.steps)
        style.experiment(axes, x[arrived], race.steps[arrived], colour=colour, label=label)
        style.experiment(axes, x[~arrived], np.full(x[~arrived].shape, failed), colour=colour, marker="x", markersize=6)
    axes.axhline(cap, color=style.GREY, linewidth=1.0, linestyle="--")
    axes.text(orthogonal.depths[0], 1.8 * failed, f"× not in {cap} steps", va="center", fontsize=8.5, color=style.GREY)
    axes.set(yscale="log", ylabel="steps to 1 % of the loss", ylim=(2, 5 * cap))
    _depth_axis(axes, orthogonal.depths)
    style.legend(axes, 2)
    return figure


def product_spectra(depths: Sequence[int], gaussian: RealLike, orthogonal: RealLike, lyapunov: RealLike) -> Figure:
    """Singular values of products of random layers, per layer and on a log scale.

    Args:
        depths: numbers of layers.
        gaussian: ``(depths, width)``; singular values of the products of Gaussian layers, 0 where rounded off.
        orthogonal: ``(depths, width)``; of orthogonal layers.
        lyapunov: ``(width,)``; exponents of the Gaussian product, the limit of infinite depth.
    """
    figure, (left, right) = style.panels(columns=2, height=3.1)
    rank = np.arange(1, lyapunov.size + 1) / lyapunov.size
    gaussian = np.where(np.asarray(gaussian) > 0, gaussian, np.nan)
    for index, layers in enumerate(depths):
        label = f"$L={layers}$"
        left.plot(
            rank, np.log(gaussian[index]) / layers, color=style.COLOURS[index], linestyle="none", marker=".", ms=2.5
        )
        right.plot(rank, gaussian[index], color=style.COLOURS[index], linestyle="none", marker=".", ms=2.5)
        left.plot([], [], color=style.COLOURS[index], linestyle="none", marker="o", label=label)
    right.plot(rank, orthogonal[-1], color="black", linestyle="none", marker=".", ms=2.5)
    right.annotate(
        f"orthogonal, $L={depths[-1]}$", (0.35, 1.0), xytext=(0, 5), textcoords="offset points", fontsize=8.5
    )
    left.plot(rank, lyapunov, color="black", linewidth=1.8, label="Lyapunov exponents")
    left.set(xlabel="rank / width", ylabel=r"$\ln(\mathrm{singular\ value})/L$", ylim=(-3.0, 0.9))
    right.set(xlabel="rank / width", ylabel="singular value", yscale="log", ylim=(1e-13, 1e3))
    figure.legend(loc="outside upper left", ncols=5, handlelength=1.4, columnspacing=1.0)
    return figure


def edge_of_chaos(orthogonal: Sequence[TanhJacobians], gaussian: Sequence[TanhJacobians]) -> Figure:
    """Signal and gradient through a deep tanh network against the gain, for several seeds.

    Args:
        orthogonal: networks of orthogonal layers, one for each seed.
        gaussian: networks of Gaussian layers, one for each seed.
    """
    figure, (left, right) = style.panels(columns=2, height=3.1)
    for colour, (label, runs) in enumerate((("orthogonal", orthogonal), ("Gaussian", gaussian))):
        for seed, run in enumerate(runs):
            style.experiment(left, run.gains, run.activities, colour=colour, label=None if seed else label)
            middle = np.median(run.singular_values, axis=1)
            style.experiment(right, run.gains, middle, colour=colour)
    for axes in (left, right):
        axes.axvline(1.0, color=style.GREY, linestyle="--", linewidth=1.0)
        axes.set(xlabel="gain $g$", yscale="log")
    left.set_ylabel("activity of the last layer (rms)")
    right.set_ylabel("median singular value")
    figure.legend(loc="outside upper left", ncols=2)
    return figure


def riccati(times: RealLike, theory: RealLike, network: RealLike, labels: Sequence[str]) -> Figure:
    """Entries of the network's map for several shapes and balances, on the Riccati solution.

    Args:
        times: ``(n,)``; in units of ``tau``.
        theory: ``(cases, n, entries)``; a few entries of the map, from the solution.
        network: ``(cases, n, entries)``; the same of the trained network.
        labels: shape and balance of each case.
    """
    rows = -(-len(labels) // 2)
    figure, axes = style.panels(columns=2, rows=rows + 1, height=2.1, sharex=True)
    grid = axes[-1, 0].get_gridspec()
    for empty in [*axes[-1], *axes.flat[len(labels) : 2 * rows]]:
        empty.remove()
    residual = figure.add_subplot(grid[-1, :])
    for case, label in enumerate(labels):
        panel = axes.flat[case]
        for entry in range(theory.shape[-1]):
            style.theory(panel, times, theory[case, :, entry], colour=entry)
            style.experiment(
                panel,
                style.thin(times, entry),
                style.thin(network[case, :, entry], entry),
                colour=entry,
                markersize=3.5,
            )
        panel.set_title(label)
        panel.tick_params(labelbottom=case >= len(labels) - 2)
        if case % 2 == 0:
            panel.set_ylabel("entries of $W_2W_1$")
        worst = np.abs(network[case] - theory[case]).max(axis=-1)
        style.residual(residual, times, 0.0, worst, colour=case, label=label)
    residual.set(yscale="log", xlabel=r"time ($\tau$)", ylabel="largest |difference|")
    style.legend(residual, 2)
    return figure


def textbook_error(times: RealLike, stable: RealLike, textbook: RealLike) -> Figure:
    """Error of two ways to evaluate the Riccati solution, against time.

    Args:
        times: ``(n,)``; largest singular value times ``t / tau``.
        stable: ``(n,)``; error of the restarted form in decaying exponentials.
        textbook: ``(n,)``; error of the form with growing exponentials, ``nan`` where it fails.
    """
    figure, axes = style.panels(height=3.0)
    axes.plot(times, np.maximum(textbook, style.FLOOR), color=style.COLOURS[1], label="textbook form")
    axes.plot(times, np.maximum(stable, style.FLOOR), color=style.COLOURS[0], label="stable form")
    broken = np.flatnonzero(~np.isfinite(textbook))
    if broken.size:
        axes.axvline(times[broken[0]], color=style.COLOURS[1], linestyle=":", linewidth=1.2, label="first failure")
    axes.set(yscale="log", xlabel=r"$s_{\max}\,t/\tau$", ylabel="largest error of $W_2W_1$", ylim=(style.FLOOR / 3, 30))
    style.legend(axes, 3)
    return figure


def random_start(times: RealLike, theory: RealLike, network: RealLike, labels: Sequence[str]) -> Figure:
    """Small random starts, predicted from the effective initial strength read off the weights.

    Args:
        times: ``(n,)``; in units of ``tau``.
        theory: ``(seeds, n, modes)``; sigmoids from the effective initial strengths.
        network: ``(seeds, n, modes)``; strengths of the trained networks. The first seed is drawn in full.
        labels: names of the modes.
    """
    figure, main, residual = style.with_residual()
    for mode, label in enumerate(labels):
        style.theory(main, times, theory[0, :, mode], colour=mode, label=label)
        style.experiment(main, style.thin(times, mode), style.thin(network[0, :, mode], mode), colour=mode)
        for seed in range(len(theory)):
            style.residual(residual, times, theory[seed, :, mode], network[seed, :, mode], colour=mode)
    main.set_ylabel("mode strength $u$")
    style.legend(main, 2)
    residual.set(xlabel=r"time ($\tau$)", ylim=(1e-9, 1))
    return figure


def lazy_to_rich(
    times: RealLike,
    imbalances: Sequence[float | int],
    theory: RealLike,
    network: RealLike,
    exponentials: RealLike,
    sigmoid: RealLike,
) -> Figure:
    """One mode from balanced (rich, a sigmoid) to unbalanced (lazy, an exponential).

    Args:
        times: ``(n,)``; in units of ``tau``; positive, for the axis is logarithmic.
        imbalances: difference of the squared layers.
        theory: ``(imbalances, n)``; strengths from the closed form.
        network: ``(imbalances, n)``; strengths of the integrated network.
        exponentials: ``(imbalances, n)``; the lazy limit of each.
        sigmoid: ``(n,)``; the balanced limit.
    """
    figure, main, residual = style.with_residual()
    for index, imbalance in enumerate(imbalances):
        style.theory(main, times, theory[index], colour=index, label=f"$c={imbalance:g}$")
        style.experiment(main, style.thin(times, index), style.thin(network[index], index), colour=index)
        style.limit(main, times, exponentials[index], label=None if index else "limits")
        style.residual(residual, times, theory[index], network[index], colour=index)
    style.limit(main, times, sigmoid)
    main.set(ylabel="mode strength $u$", xscale="log", ylim=(-0.05, 1.1 * float(np.max(sigmoid))))
    style.legend(main, 4)
    residual.set_xlabel(r"time ($\tau$)")
    return figure


def delayed_rich(
    lams: Sequence[float | int], runs: Sequence[KernelRun], theory: RealLike, movement: RealLike
) -> Figure:
    """A network that contracts: imbalance one way is fast and lazy, the other way slow and rich.

    Args:
        lams: imbalances ``lambda``.
        runs: one run for each.
        theory: ``(lams, n)``; the relative loss at each run's times, from the Riccati solution.
        movement: ``(lams, seeds)``; one minus the cosine between the kernels before and after.
    """
    figure, (left, right) = style.panels(columns=2, height=3.3)
    for index, (lam, run) in enumerate(zip(lams, runs, strict=True)):
        shown = run.times > 0
        style.theory(left, run.times[shown], theory[index][shown], colour=index, label=f"$\\lambda={lam:g}$")
        style.experiment(left, style.thin(run.times[shown], index), style.thin(run.losses[shown], index), colour=index)
        style.experiment(right, np.full(movement.shape[1], lam), movement[index], colour=index)
    left.set(xscale="log", yscale="log", xlabel=r"time ($\tau$)", ylabel="loss / initial loss", ylim=(3e-4, 2))
    right.set(yscale="log", xlabel=r"imbalance $\lambda$", ylabel="turn of the kernel, 1 − cosine")
    figure.legend(loc="outside upper left", ncols=len(lams), handlelength=1.4, columnspacing=1.0)
    return figure


def conservation(runs: Sequence[Conservation], slope_line: RealLike) -> Figure:
    """How far the conserved quantity drifts under gradient descent, against the learning rate.

    Args:
        runs: one for each seed, at the same learning rates.
        slope_line: ``(rates,)``; a line of slope 1.
    """
    figure, axes = style.panels(height=3.2)
    style.limit(axes, runs[0].etas, slope_line, label="slope 1")
    for seed, run in enumerate(runs):
        style.experiment(axes, run.etas, run.descent, label=None if seed else "gradient descent")
    worst = max(run.flow for run in runs)
    axes.text(0.98, 0.04, f"gradient flow: at most {worst:.0e}", transform=axes.transAxes, ha="right", fontsize=8.5)
    axes.set_yscale("log")
    axes.set_ylabel(r"largest drift of $W_2^\top W_2-W_1W_1^\top$")
    style.log_axis(axes, runs[0].etas, r"learning rate $\eta$")
    style.legend(axes, 2)
    return figure


def silent_alignment(white: Sequence[KernelRun], coloured: Sequence[KernelRun]) -> Figure:
    """Distance of the kernel's direction from its final one, while the loss falls.

    Args:
        white: runs on white inputs, one for each seed.
        coloured: runs on inputs whose variances differ, one for each seed.
    """
    figure, axes = style.panels(height=3.2)
    for colour, (label, runs) in enumerate((("white inputs", white), ("inputs that are not white", coloured))):
        for seed, run in enumerate(runs):
            learned = 1 - run.losses
            shown = (run.losses > 0.01) & (learned > 1e-6)
            axes.plot(
                learned[shown],
                np.maximum(run.misalignment[shown], style.FLOOR),
                color=style.COLOURS[colour],
                marker=style.MARKERS[colour],
                markersize=3,
                markerfacecolor="white",
                markeredgewidth=0.8,
                linestyle="none",
                label=None if seed else label,
            )
    axes.axvline(0.1, color=style.GREY, linestyle="--", linewidth=1.0)
    axes.set(yscale="log", xlabel="share of the loss that is gone", ylabel="1 − cosine to the final kernel")
    style.legend(axes, 2)
    return figure


def coloured_inputs(
    times: RealLike,
    aligned_theory: RealLike,
    aligned: RealLike,
    rotated_theory: RealLike,
    rotated: RealLike,
    labels: Sequence[str],
) -> Figure:
    """Inputs that are not white: harmless along the modes, outside the theory across them.

    Args:
        times: ``(n,)``; in units of ``tau``.
        aligned_theory: ``(n, modes)``; the rescaled sigmoids.
        aligned: ``(n, modes)``; strengths of a network whose input variances lie along the modes.
        rotated_theory: ``(n, modes)``; what separate modes would do with the same variances.
        rotated: ``(n, modes)``; strengths of a network whose input variances lie in other directions.
        labels: names of the modes.
    """
    figure, (left, right) = style.panels(columns=2, sharey=True, height=3.4)
    for axes, theory, network in ((left, aligned_theory, aligned), (right, rotated_theory, rotated)):
        for mode, label in enumerate(labels):
            style.theory(axes, times, theory[:, mode], colour=mode, label=label if axes is left else None)
            style.experiment(axes, style.thin(times, mode), style.thin(network[:, mode], mode), colour=mode)
        axes.set_xlabel(r"time ($\tau$)")
    left.set_ylabel("mode strength $u$")
    left.set_title("variances along the modes")
    right.set_title("variances across the modes")
    figure.legend(loc="outside upper left", ncols=2, handlelength=1.6)
    return figure


def precision(runs: Sequence[Precision], start: int = -1) -> Figure:
    """Where float32 leaves float64: the gap against the initial strength, and one run that is lost.

    Args:
        runs: one for each seed, at the same initial strengths.
        start: which of the initial strengths to draw in full.
    """
    figure, (left, right) = style.panels(columns=2, height=3.2)
    for seed, run in enumerate(runs):
        style.experiment(left, run.u0, run.gaps, label=None if seed else "seeds")
    left.set(xscale="log", yscale="log", xlabel="initial strength $u_0$", ylabel="largest gap, float32 to float64")
    run = runs[0]
    for mode in range(run.single.shape[-1]):
        label = f"mode {mode + 1}"
        right.plot(run.times, run.double[start, :, mode], color=style.COLOURS[mode], linewidth=1.2, label=label)
        style.experiment(right, run.times, run.single[start, :, mode], colour=mode, markersize=3.5)
    power = round(np.log10(run.u0[start]))
    right.set_title(f"$u_0=10^{{{power}}}$: line 64 bits, marker 32")
    right.set(xlabel=r"time $\eta k$", ylabel="mode strength $u$")
    right.set_xlim(left=0.3 * run.times[-1])
    return figure


def overflow(times: RealLike, stable: RealLike, textbook: RealLike) -> Figure:
    """The sigmoid in float32, in decaying and in growing exponentials.

    Args:
        times: ``(n,)``; in units of ``tau``.
        stable: ``(n,)``; decaying exponentials.
        textbook: ``(n,)``; growing exponentials, ``nan`` from the overflow on.
    """
    figure, axes = style.panels(height=2.7)
    style.theory(axes, times, stable, label="decaying exponentials")
    stride = max(1, len(times) // 40)
    style.experiment(axes, times[::stride], textbook[::stride], colour=1, label="growing exponentials")
    broken = np.flatnonzero(~np.isfinite(textbook))
    if broken.size:
        axes.axvspan(times[broken[0]], times[-1], color=style.COLOURS[1], alpha=0.12, lw=0)
        axes.text((times[broken[0]] + times[-1]) / 2, 0.5, "not a number", ha="center", fontsize=8.5)
    axes.set(xlabel=r"time ($\tau$)", ylabel="mode strength $u$")
    style.legend(axes, 2)
    return figure


def tree(theory: RealLike, samples: RealLike) -> Figure:
    """Singular values of a branching data set, and those of samples of it.

    Args:
        theory: ``(items,)``; in decreasing order, each repeated as often as it occurs.
        samples: ``(seeds, items)``; measured, in decreasing order.
    """
    figure, (main, residual) = style.panels(rows=2, height=2.4, sharex=True, gridspec_kw={"height_ratios": (2.4, 1.0)})
    rank = np.arange(1, theory.size + 1)
    style.theory(main, np.repeat(rank, 2) + np.tile([-0.5, 0.5], rank.size), np.repeat(theory, 2), label="theory")
    for seed, values in enumerate(samples):
        shift = 0.1 * (seed - (len(samples) - 1) / 2)
        style.experiment(main, rank + shift, values, colour=1, label=None if seed else "samples", markersize=3.5)
        style.experiment(residual, rank + shift, 100 * (values / theory - 1), colour=1, markersize=3.5)
    residual.axhline(0, color=style.COLOURS[0], linewidth=1.2)
    main.set_ylabel("singular value")
    main.set_ylim(bottom=0)
    main.legend(loc="upper right")
    residual.set(xlabel="rank", ylabel="off by (%)")
    residual.xaxis.set_major_locator(FixedLocator(list(rank)))
    return figure
