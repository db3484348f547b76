"""The chapter's figures: results in, a matplotlib figure out; nothing is computed but means, differences and ratios.

Theory is a line, what was measured is a marker, a limiting case or a level is thin and dashed. What is exact for one
data set is theory too: several data sets are several thin lines. A marker with a bar is a mean and a standard
deviation, or a median from the least to the greatest where a run may never get there, as the figure says.
"""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from matplotlib.transforms import offset_copy

from solvable import style
from solvable._types import RealLike

from .experiment.initial_rank import InitialRanks
from .experiment.modular_addition import ModularAddition
from .experiment.stability import StableRates
from .experiment.survival import FeatureSurvival
from .theory import GrokkingDelay, PopulationLoss

TRAIN, TEST = 0, 1
"""Colours of the training and of the test loss in every figure that has both."""
PARTS = {"variance": 2, "misalignment": 3, "linear_power": 4}
"""Colours of the three parts of the test loss."""
STEP = "step of gradient descent"
SCALE = r"output scale $\alpha$"
LOSS = "mean squared error"
FIRST = 0.4
"""Room for step 0 on a logarithmic axis, in decades."""
LOWEST = 1e-2
"""The least test loss of kernel regression that is shown: with enough examples nothing is left of it."""
LOTTERY_FLOOR = 1e-6
"""Where a loss of nothing is drawn."""
MANY = 8
"""Columns of a map up to which there is room for a number in each of its cells."""


def _counted(axes: Axes, along: str = "x") -> None:
    """Make an axis of steps logarithmic, and keep a place for step 0."""
    scale = {"x": axes.set_xscale, "y": axes.set_yscale}[along]
    scale("symlog", linthresh=1, linscale=FIRST, subs=range(2, 10))
    names = FuncFormatter(
        lambda step, _: (
            f"{step:g}".replace("-", "−") if step <= 1000 else f"$\\mathdefault{{10^{{{round(np.log10(step))}}}}}$"
        )
    )
    {"x": axes.xaxis, "y": axes.yaxis}[along].set_major_formatter(names)


def _step_axis(axes: Axes, label: str = STEP) -> None:
    """The same for steps along the panel, whose first and last marker are whole."""
    _counted(axes)
    axes.set_xlabel(label)
    last = max(other.dataLim.x1 for other in axes.get_shared_x_axes().get_siblings(axes))
    axes.set_xlim(-0.2, 1.2 * last)


def _from_zero(axes: Axes, top: float | None = None) -> None:
    """A vertical axis from 0 on which a marker at 0 is whole; ``top`` is the highest value, as drawn by default."""
    top = 1.1 * (axes.dataLim.y1 if top is None else float(top))
    axes.set_ylim(-0.02 * top, top)


def _evenly(steps: RealLike, offset: int = 0) -> np.ndarray:
    """Indices of about as many steps as a curve has markers, evenly on a log axis; each offset has its own."""
    steps = np.asarray(steps, dtype=float)
    first, last = steps[steps > 0][[0, -1]]
    spread = np.geomspace(first, last, style.MARKS)
    spread = spread * (spread[-1] / spread[-2]) ** ((offset % 4) / 4)
    return np.union1d(0, np.minimum(np.searchsorted(steps, spread), len(steps) - 1))


def _marks(axes: Axes, steps: RealLike, values: RealLike, *, colour: int, **options) -> None:
    """What was measured at steps of which some are marked, evenly on a log axis."""
    shown = _evenly(steps, colour)
    style.experiment(axes, np.asarray(steps)[shown], np.asarray(values)[shown], colour=colour, **options)


def _median(axes: Axes, x: RealLike, values: RealLike, **options) -> None:
    """Median over the last axis, with a bar from the least to the greatest.

    NaN is a run that never got there: later than all others, and an arrow at the end of the bar. A median that never
    got there is not drawn.
    """
    x, values = np.broadcast_to(np.asarray(x, dtype=float), np.shape(values)[:-1]), np.asarray(values, dtype=float)
    never = np.isnan(values)
    middle = np.median(np.where(never, np.inf, values), axis=-1)
    shown = np.isfinite(middle)
    x, values, never, middle = (found[shown] for found in (x, values, never, middle))
    least, greatest = np.nanmin(values, axis=-1, initial=np.inf), np.nanmax(values, axis=-1, initial=-np.inf)
    style.experiment(axes, x, middle, spread=(middle - least, greatest - middle), **options)
    _arrows(axes, x, greatest, never.any(axis=-1), options.get("color", style.COLOURS[options.get("colour", 0)]))


def _arrows(axes: Axes, x: np.ndarray, y: np.ndarray, where: np.ndarray, colour: str) -> None:
    """Arrows above bars that have no end."""
    axes.margins(y=0.1)  # room for them
    above = offset_copy(axes.transData, axes.figure, y=9, units="points")
    axes.plot(x[where], y[where], marker=r"$\uparrow$", linestyle="none", color=colour, transform=above, markersize=8)


def _number(value: float) -> str:
    return "∞" if np.isinf(value) else f"{value:g}"


def _seeds(axes: Axes, x: RealLike, curves: RealLike, *, colour: int, label: str | None = None, **options) -> None:
    """A thin line for each seed, the first axis."""
    for seed, curve in enumerate(np.asarray(curves)):
        name = None if seed else label
        style.theory(axes, x, curve, colour=colour, label=name, **{"linewidth": 0.9} | options)


def _losses_by_part(axes: Axes, steps: RealLike, test: PopulationLoss, **options) -> None:
    for name, values in zip(test._fields, test, strict=True):
        style.theory(axes, steps, values, colour=PARTS[name], label=name.replace("_", " "), **options)


def phenomenon(
    steps: RealLike,
    train: RealLike,
    test: RealLike,
    network_steps: RealLike,
    network_train: RealLike,
    network_test: RealLike,
    reference: float,
) -> Figure:
    """Grokking: the training loss falls early, the test loss late.

    Args:
        steps: ``(n,)``; of gradient descent, from 0 on.
        train: ``(n,)``; training loss, from the moments.
        test: ``(n,)``; test loss, from the moments.
        network_steps: ``(k,)``; when the trained network was observed.
        network_train: ``(k,)``; training loss of the network.
        network_test: ``(k,)``; its test loss.
        reference: loss of a network that says 0.
    """
    figure, axes = style.panels(height=3.4)
    for colour, name, exact, measured in (
        (TRAIN, "training", train, network_train),
        (TEST, "test", test, network_test),
    ):
        style.theory(axes, steps, exact, colour=colour, label=f"{name}, exact")
        _marks(axes, network_steps, measured, colour=colour, label=f"{name}, network")
    style.level(axes, 0.9 * reference, "begun", x=0.99)
    style.level(axes, 0.1 * reference, "learned", x=0.01)
    _step_axis(axes)
    axes.set_ylabel(LOSS)
    _from_zero(axes)
    style.legend(axes, 2)
    return figure


def closure(steps: RealLike, curves: Mapping[str, RealLike], network: Mapping[str, RealLike]) -> Figure:
    """The moments' own dynamics, and a network trained by automatic differentiation.

    Args:
        steps: ``(n,)``; of gradient descent, from 0 on.
        curves: for each name ``(n,)``; test loss from the moments.
        network: for each of the same names ``(n,)``; test loss of the network.
    """
    figure, main, residual = style.with_residual()
    for colour, (name, curve) in enumerate(curves.items()):
        style.theory(main, steps, curve, colour=colour, label=name)
        _marks(main, steps, network[name], colour=colour)
        style.residual(residual, steps, curve, network[name], colour=colour)
    main.set_ylabel("test loss")
    _from_zero(main)
    style.legend(main, min(len(curves), 4))
    _step_axis(residual)
    return figure


def parts(steps: RealLike, train: RealLike, test: PopulationLoss, reference: float) -> Figure:
    """What the test loss consists of, while the training loss falls.

    Args:
        steps: ``(n,)``; of gradient descent, from 0 on.
        train: ``(n,)``; training loss.
        test: its three parts, ``(n,)`` each, one upon the other.
        reference: loss of a network that says 0.
    """
    figure, axes = style.panels(height=3.4)
    below = np.zeros(len(np.asarray(steps)))
    # the greatest part at the bottom
    for name in ("misalignment", "variance", "linear_power"):
        above = below + np.asarray(getattr(test, name))
        colour = style.COLOURS[PARTS[name]]
        axes.fill_between(steps, below, above, color=colour, alpha=0.45, linewidth=0, label=name.replace("_", " "))
        below = above
    style.theory(axes, steps, below, colour=TEST, label="test")
    style.theory(axes, steps, train, colour=TRAIN, label="training")
    style.level(axes, reference, "a network that says 0", x=0.99, zorder=3)
    _step_axis(axes)
    axes.set(ylabel=LOSS, ylim=(0, 1.1 * float(np.nanmax(below))))
    style.legend(axes, 3)
    return figure


def widths(widths: RealLike, steps: RealLike, test: RealLike, reached: RealLike) -> Figure:
    """The width adds nothing but the luck of the draw.

    Args:
        widths: ``(widths,)``; the last may be infinite.
        steps: ``(n,)``; of gradient descent, from 0 on.
        test: ``(widths, seeds, n)``; test losses.
        reached: ``(widths, seeds)``; step at which each falls below a tenth of where it starts.
    """
    figure, (left, right) = style.panels(columns=2, height=3.3)
    widths, reached = np.asarray(widths, dtype=float), np.asarray(reached, dtype=float)
    for colour, (width, curves) in enumerate(zip(widths, test, strict=True)):
        # a limit, and on top of the others, which gather about it
        look = {"color": "black", "linestyle": "--"} if np.isinf(width) else {"linewidth": 1.3}
        _seeds(left, steps, curves, colour=colour, label=f"$N$ = {_number(width)}", zorder=2 + colour, **look)
    left.set_ylabel("test loss")
    _from_zero(left)
    _step_axis(left)
    places = style.log_axis(right, widths, "width $N$")
    _median(right, places, reached, color="black", marker="o")
    if np.isinf(widths[-1]):
        style.level(right, float(np.median(reached[-1])), "infinite width", x=0.98, above=False)
    right.set(ylabel="steps to a tenth of the loss", ylim=(0.8 * np.nanmin(reached), 1.2 * np.nanmax(reached)))
    style.legend(left, 3, handlelength=1.2, columnspacing=0.9)
    return figure


def lazy(
    times: RealLike,
    flow_train: RealLike,
    flow_test: RealLike,
    runs: Mapping[str, tuple[RealLike, RealLike, RealLike]],
    *,
    plateau: float,
    peak: float,
    final: float,
) -> Figure:
    """The lazy end: two stages without any learned feature.

    Args:
        times: ``(n,)``; of the flow; those that are positive are drawn.
        flow_train: ``(n,)``; training loss of the kernel machine.
        flow_test: ``(n,)``; its test loss.
        runs: for each name the times, training losses and test losses of a network, ``(k,)`` each.
        plateau: training loss of least squares, linear in the input.
        peak: test loss of the same.
        final: test loss of kernel regression.
    """
    figure, (left, right) = style.panels(columns=2, height=3.4)
    times = np.asarray(times)
    later = times > 0
    for axes, flow, index in ((left, flow_test, 2), (right, flow_train, 1)):
        style.theory(axes, times[later], np.asarray(flow)[later], label=r"$\alpha=\infty$", color="black")
        for colour, (name, run) in enumerate(runs.items()):
            shown = np.asarray(run[0]) > 0
            _marks(axes, np.asarray(run[0])[shown], np.asarray(run[index])[shown], colour=colour, label=name)
        axes.set(xscale="log", xlabel=r"time $\eta_0\times$ step")
    style.level(left, peak, "least squares", x=0.02)
    style.level(left, final, "kernel regression", x=0.02)
    style.level(right, plateau, "least squares", x=0.99)
    left.set_ylabel("test loss")
    _from_zero(left, max(left.dataLim.y1, peak))
    right.set_ylabel("training loss")
    _from_zero(right)
    style.legend_above(figure, left, 1 + len(runs))
    return figure


def learning_curve(
    samples: RealLike,
    theory: Mapping[str, RealLike],
    sampled_samples: RealLike,
    sampled: Mapping[str, RealLike],
    dim: int,
) -> Figure:
    """Where the lazy end ends, against the number of examples: it peaks at as many as there are dimensions.

    Args:
        samples: ``(n,)``; numbers of examples.
        theory: for each name ``(n,)``; test loss of kernel regression; drawn where it is not below 0.01.
        sampled_samples: ``(k,)``; numbers of examples that were drawn.
        sampled: for some of these names ``(k, seeds)``; test loss on drawn data sets.
        dim: of the inputs.
    """
    figure, axes = style.panels(height=3.4)
    axes.set(xscale="log", yscale="log", xlabel="examples $P$", ylabel="test loss")
    for colour, (name, curve) in enumerate(theory.items()):
        curve = np.asarray(curve)
        style.theory(axes, samples, np.where(curve > 0, curve, np.nan), colour=colour, label=name)
        if name in sampled:
            x = style.beside(sampled_samples, colour, len(theory))
            style.over_seeds(axes, x, sampled[name], colour=colour)
    axes.axvline(dim, color=style.GREY, linestyle="--", linewidth=1.0, label="$P=D$", zorder=1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:g}"))
    axes.set_ylim(LOWEST, 2 * max(float(np.max(curve)) for curve in theory.values()))
    style.legend(axes, 4)
    return figure


def two_modes(steps: RealLike, loss: RealLike, runs: Mapping[str, tuple[RealLike, RealLike]]) -> Figure:
    """The onset of feature learning with examples without end, and with some.

    Args:
        steps: ``(n,)``; of gradient descent, from 0 on.
        loss: ``(n,)``; with examples without end.
        runs: for each name, a number of examples, the steps of a run and its test losses, ``(k,)`` each.
    """
    figure, axes = style.panels(height=3.3)
    style.theory(axes, steps, loss, color="black", linestyle="--", linewidth=1.4, label=r"$P=\infty$")
    for colour, (name, (run_steps, test)) in enumerate(runs.items()):
        _marks(axes, run_steps, test, colour=colour, label=name)
    axes.set_ylabel("test loss")
    _from_zero(axes)
    _step_axis(axes)
    style.legend(axes, 3, handletextpad=0.5)
    return figure


def collapse(
    steps: RealLike,
    curves: Mapping[str, tuple[float, RealLike]],
    unit: str = r"$\epsilon^2\eta_0\times$ step",
) -> Figure:
    """Test losses against the step, and the same against a time in which they fall on one another.

    Args:
        steps: ``(n,)``; of gradient descent, from 0 on.
        curves: for each name what to multiply the step by, and ``(n,)`` test losses.
        unit: what the product is called.
    """
    figure, (left, right) = style.panels(columns=2, height=3.2, sharey=True)
    steps = np.asarray(steps)
    later = steps > 0
    for colour, (name, (factor, curve)) in enumerate(curves.items()):
        # ever thinner: where the curves coincide, each is seen at the edges of the next
        look = {"linewidth": 1.2 + len(curves) - 1 - colour}
        style.theory(left, steps, curve, colour=colour, label=name, **look)
        style.theory(right, factor * steps[later], np.asarray(curve)[later], colour=colour, **look)
    _step_axis(left)
    right.set(xscale="log", xlabel=unit)
    left.set_ylabel("test loss")
    _from_zero(left)
    style.legend_above(figure, left, min(len(curves), 5))
    return figure


def _cell_texts(axes: Axes, x: np.ndarray, y: np.ndarray, values: np.ndarray, shade) -> None:
    for row, column in np.ndindex(values.shape):
        value = values[row, column]
        if np.isnan(value):
            text, colour = "never", "black"
        else:
            text = f"{value:.0f}" if value < 10_000 else f"{value / 1000:.0f}k"
            colour = "white" if shade(value) > 0.65 else "black"
        axes.text(x[column], y[row], text, ha="center", va="center", color=colour, fontsize=style.SMALL)


def delay_map(alphas: RealLike, epsilons: RealLike, delay: RealLike) -> Figure:
    """How long the test loss waits for the training loss, at every output scale and bend.

    Args:
        alphas: ``(A,)``; output scales; the last may be infinite.
        epsilons: ``(E,)``; bends.
        delay: ``(E, A, seeds)``; steps between the two onsets; NaN where the test loss never fell.
    """
    figure, (left, right) = style.panels(columns=2, height=3.6)
    delay, epsilons = np.asarray(delay, dtype=float), np.asarray(epsilons, dtype=float)
    places = style.log_axis(left, alphas, SCALE)
    rows = style.log_axis(left, epsilons, r"bend $\epsilon$", along="y")
    middle = np.median(np.where(np.isnan(delay), np.inf, delay), axis=-1)
    middle = np.where(np.isfinite(middle), middle, np.nan)
    reached = middle[np.isfinite(middle)]
    # a delay below one step is one of no step
    low = max(1.0, reached.min()) if reached.size else 1.0
    shade = LogNorm(low, max(2 * low, reached.max()) if reached.size else 10.0, clip=True)
    left.grid(False)
    left.patch.set(facecolor="#e4e4e4", edgecolor="#b5b5b5", hatch="////")
    shown = np.ma.masked_invalid(np.maximum(middle, 1))
    borders = (style.cell_edges(at, "log") for at in (places, rows))
    mesh = left.pcolormesh(*borders, shown, norm=shade, cmap=mpl.colormaps["YlGnBu"])
    if len(places) <= MANY:
        _cell_texts(left, places, rows, middle, shade)
    bar = figure.colorbar(mesh, cax=left.inset_axes((0.0, 1.04, 1.0, 0.05)), orientation="horizontal")
    bar.ax.xaxis.set_ticks_position("top")
    # beside the bar, where it needs no line of its own
    bar.ax.set_ylabel("steps", rotation=0, ha="right", va="center")
    style.log_axis(right, alphas, SCALE)
    _counted(right, "y")
    for colour, (eps, values) in enumerate(zip(epsilons, delay, strict=True)):
        x = style.beside(places, colour, len(epsilons))
        _median(right, x, values, colour=colour, label=rf"$\epsilon$ = {eps:g}")
    right.set_ylabel("delay (steps)")
    style.legend(right, 2)
    return figure


def gap(alphas: RealLike, delays: Mapping[str, GrokkingDelay]) -> Figure:
    """Which gap between training and test vanishes with the output scale: that in steps, or their ratio.

    Args:
        alphas: ``(A,)``; output scales; the last may be infinite.
        delays: for each name delays of shape ``(A, seeds)``.
    """
    figure, (left, right) = style.panels(columns=2, height=3.3)
    places = style.log_axis(left, alphas, SCALE)
    style.log_axis(right, alphas, SCALE)
    _counted(left, "y")
    for colour, (name, delay) in enumerate(delays.items()):
        x = style.beside(places, colour, len(delays))
        _median(left, x, delay.onset, colour=colour, label=name)
        _median(right, x, delay.ratio, colour=colour)
    left.set_ylabel("delay (steps)")
    right.set(yscale="log", ylabel="steps to a tenth, test / training")
    right.set_ylim(bottom=min(0.8, right.get_ylim()[0]))
    style.level(right, 1, "at once", x=0.99, above=False)
    right.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    right.yaxis.set_minor_locator(NullLocator())
    right.yaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"{ratio:g}"))
    style.legend_above(figure, left, len(delays))
    return figure


def samples(steps: RealLike, train: RealLike, test: RealLike, counts: Sequence[int]) -> Figure:
    """Too few examples, just few enough, and plenty.

    Args:
        steps: ``(n,)``; of gradient descent, from 0 on.
        train: ``(counts, seeds, n)``; training losses.
        test: ``(counts, seeds, n)``; test losses.
        counts: numbers of examples; three or four.
    """
    figure, axes = style.panels(columns=2, rows=2, height=2.2, sharex=True, sharey=True)
    for empty in axes.flat[len(counts) :]:
        empty.remove()
    for index, (count, early, late) in enumerate(zip(counts, train, test, strict=True)):
        panel = axes.flat[index]
        _seeds(panel, steps, early, colour=TRAIN, label="training")
        _seeds(panel, steps, late, colour=TEST, label="test")
        _step_axis(panel, STEP if index >= len(counts) - 2 else "")
        # the lowest panel of each column has the numbers
        panel.tick_params(labelbottom=index >= len(counts) - 2)
        panel.set_title(f"$P$ = {count:g}")
        if index % 2 == 0:
            panel.set_ylabel(LOSS)
    _from_zero(axes[0, 0], max(np.nanmax(train), np.nanmax(test)))
    style.legend_above(figure, axes[0, 0], 2)
    return figure


def figure_1(
    steps: RealLike,
    train: RealLike,
    test: RealLike,
    lazy_train: RealLike,
    lazy_test: RealLike,
    regression: float,
    norm: RealLike,
    cosine: RealLike,
    short_steps: RealLike,
    short_train: RealLike,
    short_test: RealLike,
    times_larger: float = 20.0,
) -> Figure:
    """Figure 1 of Kumar et al. (2024): grokking while the norm of the weights grows.

    Args:
        steps: ``(n,)``; of gradient descent, from 0 on.
        train: ``(n,)``; training loss.
        test: ``(n,)``; test loss.
        lazy_train: ``(n,)``; training loss of the linearised network.
        lazy_test: ``(n,)``; its test loss.
        regression: test loss of kernel regression.
        norm: ``(n,)``; of the weights, over that of the start.
        cosine: ``(n,)``; between the change of the second moment and the target's matrix.
        short_steps: ``(k,)``; of a run with larger steps, counted in those of the other.
        short_train: ``(k,)``; its training loss.
        short_test: ``(k,)``; its test loss.
        times_larger: how many times larger its steps are.
    """
    figure, axes = style.panels(columns=2, rows=2, height=1.85)
    grid = axes[0, 0].get_gridspec()
    for empty in axes[:, 0]:
        empty.remove()
    left, (top, bottom) = figure.add_subplot(grid[:, 0]), axes[:, 1]
    both = ((TRAIN, "training"), (TEST, "test"))
    # in the order of the legend, which goes down its columns
    for (colour, name), exact in zip(both, (train, test), strict=True):
        style.theory(left, steps, exact, colour=colour, label=name)
    for (colour, name), linear in zip(both, (lazy_train, lazy_test), strict=True):
        look = {"color": style.COLOURS[colour], "linewidth": 1.2}
        style.limit(left, steps, linear, label=f"{name}, linearised", **look)
    for (colour, name), short in zip(both, (short_train, short_test), strict=True):
        label = rf"{name}, $\eta_0\times{times_larger:g}$"
        _marks(left, short_steps, short, colour=colour, label=label)
    style.level(left, regression, "kernel regression", x=0.02, above=False)
    _step_axis(left)
    left.set_ylabel(LOSS)
    _from_zero(left)
    for panel, values, label in ((top, norm, "weight norm\n/ initial"), (bottom, cosine, "cosine")):
        style.theory(panel, steps, values, colour=2)
        _step_axis(panel, STEP if panel is bottom else "")
        panel.set_ylabel(label)
    top.tick_params(labelbottom=False)
    _from_zero(top)
    bottom.set_ylim(-0.05, 1.05)
    style.legend_above(figure, left, 3)
    return figure


def figure_4(steps: RealLike, train: RealLike, test: PopulationLoss, lottery: RealLike) -> Figure:
    """Figure 4 of the same paper, two neurons; and what fresh draws of the same setting come to.

    Args:
        steps: ``(n,)``; of gradient descent, from 0 on.
        train: ``(n,)``; training loss.
        test: test loss in three parts, ``(n,)`` each.
        lottery: ``(networks, 2)``; last training and test loss of each fresh draw.
    """
    figure, (left, right) = style.panels(columns=2, height=3.4)
    style.theory(left, steps, train, colour=TRAIN, label="training")
    style.theory(left, steps, np.sum(test, axis=0), colour=TEST, label="test")
    _losses_by_part(left, steps, test, linewidth=1.1)
    _step_axis(left)
    left.set_ylabel(LOSS)
    _from_zero(left)
    # sorted by the test loss, and the training loss of the same network with it
    lottery = np.asarray(lottery)
    found = np.maximum(lottery[np.argsort(lottery[:, 1])], LOTTERY_FLOOR)
    rank = np.arange(1, len(found) + 1)
    for colour, values in ((TRAIN, found[:, 0]), (TEST, found[:, 1])):
        style.experiment(right, rank, values, colour=colour)
    style.level(right, LOTTERY_FLOOR, "or less", x=0.99)
    right.set(yscale="log", xlabel="network, in the order of its test loss", ylabel="loss at the end")
    right.set_ylim(LOTTERY_FLOOR / 3, 3 * float(found.max()))
    style.legend_above(figure, left, 5)
    return figure


def initial_ranks(found: InitialRanks) -> Figure:
    """How far a network moves from first layers of several ranks, and from one along the target.

    Args:
        found: networks from several seeds, from starts of one size.
    """
    figure, (left, right) = style.panels(columns=2, height=3.3)
    measures = (
        (left, "kernel_alignment", "tangent kernel"),
        (left, "representation_alignment", "hidden units"),
        (right, "weight_change", "first layer"),
    )
    for colour, (axes, name, label) in enumerate(measures):
        values, aligned = getattr(found.random, name), getattr(found.aligned, name)
        x = style.beside(found.ranks, colour % 2, 2)
        style.over_seeds(axes, x, values, colour=colour, label=label)
        look = {"colour": colour, "markerfacecolor": style.COLOURS[colour], "label": f"{label}, along the target"}
        style.over_seeds(axes, style.beside([1], colour % 2, 2), aligned[None], **look)
    for axes, lazy, text in ((left, 1, "cosine before and after"), (right, 0, "relative change")):
        style.level(axes, lazy, "lazy", x=0.99)
        style.log_axis(axes, found.ranks, "initial rank")
        axes.set_ylabel(text)
        style.legend(axes, 1)
    left.set_ylim(top=1.08)
    return figure


def modular_addition(runs: Sequence[ModularAddition]) -> Figure:
    """Accuracy in training and test at each output scale, and how far the weights went.

    Args:
        runs: of one fraction of examples, in the order of their scales.
    """
    rows = -(-(len(runs) + 1) // 2)
    figure, axes = style.panels(columns=2, rows=rows, height=1.8, sharex=True)
    for empty in axes.flat[len(runs) + 1 :]:
        empty.remove()
    last = axes.flat[len(runs)]
    for index, run in enumerate(runs):
        panel = axes.flat[index]
        for colour, name, accuracy in ((TRAIN, "training", run.train_accuracy), (TEST, "test", run.test_accuracy)):
            _seeds(panel, run.times, accuracy, colour=colour, linewidth=0.6)
            _marks(panel, run.times, np.median(accuracy, axis=0), colour=colour, label=name, markersize=3.5)
        panel.set(title=rf"$\alpha$ = {run.alpha:g}", ylim=(-0.06, 1.06))
        norm = np.median(np.linalg.norm(run.weight_norm, axis=-1), axis=0)
        _marks(last, run.times, norm / norm[0], colour=index, markersize=3.5)
        end = {"xytext": (0, 5), "textcoords": "offset points", "ha": "center", "fontsize": style.SMALL}
        last.annotate(f"{run.alpha:g}", (run.times[-1], norm[-1] / norm[0]), **end)
    last.set(title=r"at each $\alpha$", ylabel="weight norm\n/ initial")
    last.set_ylim(top=1.15 * last.dataLim.y1)
    for index, panel in enumerate(axes.flat[: len(runs) + 1]):
        lowest = index >= len(runs) - 1
        _step_axis(panel, r"time $\eta\times$ step" if lowest else "")
        panel.tick_params(labelbottom=lowest)
        if index % 2 == 0 and panel is not last:
            panel.set_ylabel("accuracy")
    style.legend_above(figure, axes.flat[0], 2)
    return figure


def survival(runs: Sequence[FeatureSurvival]) -> Figure:
    """What part of the features outlives the loss of pairs, against how many pairs are left.

    Args:
        runs: one for each number of numbers.
    """
    figure, (left, right) = style.panels(columns=2, height=3.2, sharey=True)
    for colour, run in enumerate(runs):
        m = run.m
        left_over = ((left, run.pairs / m**2), (right, run.pairs / (m * np.log(m))))
        for axes, x in left_over:
            style.experiment(axes, x, run.survived, colour=colour, label=f"$M$ = {m}")
            axes.plot(x, run.survived, color=style.COLOURS[colour], linestyle=":", linewidth=1.0, zorder=1)
    for axes in (left, right):
        axes.axhline(0.5, color=style.GREY, linestyle="--", linewidth=1.0, zorder=1)
    left.set(xlabel=r"pairs / $M^2$", ylabel="features that survive", ylim=(-0.04, 1.04))
    right.set_xlabel(r"pairs / $M \ln M$")
    style.legend_above(figure, left, len(runs))
    return figure


def stable_rates(alphas: RealLike, rates: StableRates, lazy_bound: RealLike, rich_bound: RealLike) -> Figure:
    """The largest learning rate that gradient descent bears, at every output scale.

    A marker is the largest rate that was tried and settled, as all smaller ones did; its bar ends at the next one.

    Args:
        alphas: ``(A,)``; output scales.
        rates: the limits at both ends and what was tried, for each data set.
        lazy_bound: the limit of the lazy end without the data.
        rich_bound: ``(A,)``; that of the rich end.
    """
    figure, axes = style.panels(height=3.4)
    places = style.log_axis(axes, alphas, SCALE)
    seeds = len(rates.lazy)
    _seeds(axes, places, np.broadcast_to(rates.lazy[:, None], (seeds, len(places))), colour=0, label="lazy end")
    _seeds(axes, places, rates.rich, colour=1, label="rich end")
    for bound, label in ((lazy_bound, "without the data"), (rich_bound, None)):
        style.limit(axes, places, np.broadcast_to(bound, places.shape), label=label)
    # how many rates settle, from the smallest on, before one does not
    count = np.cumprod(rates.settles, axis=-1).sum(axis=-1)
    tried = np.concatenate([[np.nan], rates.factors, [np.nan]])
    stable, next_tried = (rates.limit * tried[index] for index in (count, count + 1))
    for seed in range(seeds):
        x = style.beside(places, seed, seeds)
        bar = np.nan_to_num(next_tried[seed] - stable[seed])
        label = None if seed else "settles"
        style.experiment(axes, x, stable[seed], spread=(0 * bar, bar), colour=2, label=label)
        _arrows(axes, x, stable[seed], np.isnan(next_tried[seed]) & (count[seed] > 0), style.COLOURS[2])
    axes.set(yscale="log", ylabel=r"learning rate $\eta_0$")
    style.legend(axes, 4)
    return figure


def precision(alphas: RealLike, errors: Mapping[str, RealLike]) -> Figure:
    """What 32 bits lose, against the output scale, for each form of the same dynamics.

    Args:
        alphas: ``(A,)``; output scales; the last may be infinite.
        errors: for each name ``(A,)`` or ``(A, seeds)``; relative distance between 32 and 64 bits, NaN where a form
            does not exist.
    """
    figure, axes = style.panels(height=3.3)
    places = style.log_axis(axes, alphas, SCALE)
    for colour, (name, error) in enumerate(errors.items()):
        error = np.asarray(error, dtype=float).reshape(len(places), -1)
        # no runs of which some never got there: what does not exist is not counted
        known = np.isfinite(error).all(axis=1)
        x = style.beside(places, colour, len(errors))
        _median(axes, x[known], np.maximum(error[known], style.FLOOR), colour=colour, label=name)
    style.level(axes, float(np.finfo(np.float32).eps), "rounding of 32 bits", x=0.99)
    axes.set(yscale="log", ylabel="relative distance to 64 bits")
    style.legend(axes, min(len(errors), 3))
    return figure


def alignment(samples: RealLike, with_diagonal: RealLike, without: RealLike, population: float, dim: int) -> Figure:
    """What a sample of inputs shows of the alignment of kernel and target.

    Args:
        samples: ``(n,)``; numbers of inputs.
        with_diagonal: ``(n, seeds)``; measured on so many.
        without: ``(n, seeds)``; the same without the kernel's diagonal.
        population: over all inputs.
        dim: of the inputs.
    """
    figure, axes = style.panels(height=3.3)
    samples = np.asarray(samples)
    style.limit(axes, samples, np.sqrt(dim) / samples, label=r"$\sqrt{D}/n$")
    style.theory(axes, samples, np.full(samples.shape, population), colour=2, label="all inputs")
    style.over_seeds(axes, samples, with_diagonal, colour=0, label="sample")
    style.over_seeds(axes, samples, without, colour=1, label="without diagonal")
    style.log_axis(axes, samples, "inputs $n$")
    axes.set_ylabel("kernel-task alignment")
    style.legend(axes, 2)
    return figure
