"""What the reader can move in Chapter 1."""

import math
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from solvable.explore import Axis, Choice, Curve, Explorable, Markers, Notice, Panel, Readout, Slider, Stops
from solvable.randomness import orthonormal_columns

from .experiment.initialisation import gaussian_initialisation, orthogonal_initialisation
from .experiment.stack import descend_stack
from .theory import (
    discrete_mode_strength,
    gaussian_product_exponents,
    lazy_limit,
    mode_strength,
    mode_strength_among,
    mode_strength_unbalanced,
    optimal_learning_rate,
    time_to_reach,
    time_to_reach_among,
)

DEPTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64, math.inf)

# Places between 0 and 1 at which a curve is computed that can be looked at on a linear and on a log axis
WINDOW = np.union1d(np.linspace(0, 1, 31), np.geomspace(1e-4, 1, 16))
# Coordinates ln(u / (s - u)) that follow a mode through its jump, wherever in the window it falls
JUMP = np.linspace(-5.0, 5.0, 16)


def mode_stages(u0, spread, depth, tau):
    """Four modes of a network of any depth, their half-times, and the loss."""
    s = spread ** np.array([1 / 2, 1 / 6, -1 / 6, -1 / 2])
    layers = jnp.where(jnp.isinf(depth), 1.0, depth)

    def reach(u, modes):
        # L t, which infinite depth keeps finite
        return layers * time_to_reach_among(u, modes, u0, depth, depths=DEPTHS)

    # the window does not follow tau, so that the reader sees what tau does
    end = 1.25 * reach(0.99 * s[-1:], s[-1:])
    levels = jnp.maximum(s[:, None] * jax.nn.sigmoid(JUMP), u0)
    jumps = jnp.minimum(tau * reach(levels, s[:, None]), end).ravel()
    times = jnp.sort(jnp.concatenate([end * WINDOW, jumps]))
    u = mode_strength_among(times[:, None] / layers, s, u0, depth, depths=DEPTHS, tau=tau, growing=True)
    half_times = tau * reach(s / 2, s)
    loss = jnp.sum((s - u) ** 2, axis=1) / jnp.sum((s - u0) ** 2)
    results = {"time": times, "loss": loss, "half times": half_times, "half strengths": s / 2}
    results |= {f"mode {k + 1}": u[:, k] for k in range(4)}
    return results | {f"half-time {k + 1}": half_times[k] for k in range(4)}


MODES = Explorable(
    "deep_linear.modes",
    mode_stages,
    controls=[
        Slider("u0", "initial strength u₀", 1e-6, 0.1, default=1e-3, scale="log"),
        Slider("spread", "spread s₁/s₄ of the strengths", 1.0, 10.0, default=3.0, scale="log"),
        Stops("depth", "depth L", DEPTHS, default=2),
        Slider("tau", "time constant τ", 0.25, 4.0, default=1.0, scale="log"),
    ],
    panels=[
        Panel(
            Axis("depth × time, L t", scale=("linear", "log")),
            Axis("mode strength u", limits=(-0.1, 3.4)),
            curves=[Curve("time", f"mode {k + 1}", f"mode {k + 1}", colour=k) for k in range(4)]
            + [Curve("half times", "half strengths", "half-time", kind="mark")],
            markers=[Markers(f"mode_{k + 1}", colour=k) for k in range(4)],
        ),
        Panel(
            Axis("depth × time, L t", scale=("linear", "log")),
            Axis("loss, relative to its start", scale=("linear", "log")),
            curves=[Curve("time", "loss")],
        ),
    ],
    readouts=[Readout(f"half-time {k + 1}", f"half of mode {k + 1} at L t =") for k in range(4)],
    play="u0",
    caption=(
        "Four modes of a deep linear network, of strengths spread evenly on a log scale about 1 (lines), their "
        "half-times (crosses), and the loss. Markers: a network of two layers, trained at the settings shown first; "
        "they stay where they are. For L = ∞ the axis is the limit of L t."
    ),
    alt=lambda at: (
        "Two panels. Left: the strengths of four modes rise one after another in S-shaped curves, half of each at "
        f"L t = {at['half-time 1']:.1f}, {at['half-time 2']:.1f}, {at['half-time 3']:.1f} and "
        f"{at['half-time 4']:.1f}; markers of a trained network lie on them. Right: the loss falls in four steps."
    ),
)


# enough for a smooth curve on either scale of the time axis
TIMES = np.union1d(np.geomspace(1e-4, 1, 90), np.linspace(0.01, 1, 90))


def lazy_to_rich(imbalance, s, u0):
    """One mode of two layers, its two limits, and how far its kernel moves."""
    root = jnp.hypot(imbalance, 2 * u0)
    b0 = jnp.sqrt((root + imbalance) / 2)
    # the slower of the two limits decides how long one has to look
    times = TIMES * jnp.maximum(time_to_reach(0.999 * s, s, u0), 0.0)
    u = mode_strength_unbalanced(times, s, u0 / b0, b0)
    lazy, rich = lazy_limit(times, s, u0, imbalance), mode_strength(times, s, u0)
    kernel = jnp.hypot(imbalance, 2 * u) / root
    return {
        "time": times,
        "strength": u,
        "lazy": lazy,
        "rich": rich,
        "kernel": kernel,
        "growth": jnp.hypot(imbalance, 2 * s) / root,
        "from lazy": jnp.max(jnp.abs(u - lazy)) / s,
        "from rich": jnp.max(jnp.abs(u - rich)) / s,
    }


LAZY_TO_RICH = Explorable(
    "deep_linear.lazy_to_rich",
    lazy_to_rich,
    controls=[
        Slider("imbalance", "imbalance c = b₀² − a₀²", 1e-3, 100.0, default=0.3, scale="log"),
        Slider("s", "singular value s", 0.25, 4.0, default=1.0, scale="log"),
        Slider("u0", "initial strength u₀", 1e-4, 0.1, default=0.01, scale="log"),
    ],
    panels=[
        Panel(
            Axis("time", "τ", scale=("log", "linear")),
            Axis("mode strength u"),
            curves=[
                Curve("time", "lazy", "lazy and rich limits", kind="limit"),
                Curve("time", "rich", kind="limit"),
                Curve("time", "strength", "closed form"),
            ],
            markers=[Markers("network", "network, c = 0.3")],
        ),
        Panel(
            Axis("time", "τ", scale=("log", "linear")),
            Axis("kernel, relative to its start", scale=("log", "linear")),
            curves=[Curve("time", "kernel", colour=1)],
        ),
    ],
    readouts=[
        Readout("growth", "kernel grows by a factor of"),
        Readout("from lazy", "largest distance from the lazy limit, in units of s:"),
        Readout("from rich", "from the rich limit:"),
    ],
    play="imbalance",
    caption=(
        "One mode of two layers (line), the exponential of a lazy network and the sigmoid of a rich one (dashed "
        "lines), and the kernel a² + b². The mode is never later than either limit. Markers: a network trained at the "
        "settings shown first; they stay where they are."
    ),
    alt=lambda at: (
        "Two panels against time on a log axis. Left: the strength of a mode rises to 1 ahead of two dashed curves, "
        "the exponential, with which it starts, and the sigmoid; markers lie on the line. Right: the kernel stays at "
        f"its start, then grows by a factor of {at['growth']:.1f} while the mode is learned."
    ),
)


WIDTH = 8
STRENGTHS = np.array([2.0, 1.0, 0.5])
MOST_LAYERS = 6
SEEDS = 8
STEPS = 300
FLOW_STEPS = np.arange(0, STEPS + 1, 3)
SHOWN_STEPS = np.arange(0, STEPS + 1, 10)
OUT_OF_SIGHT = 1e3
"""Where curves that leave the figure are cut off, so that a diverging run has numbers to draw."""


@cache
def _draws():
    """Patterns of the modes, hidden frames and noise, the last two for each seed."""
    draw = np.random.default_rng(0)
    u, v = (orthonormal_columns(WIDTH, len(STRENGTHS), draw) for _ in range(2))
    seeds = [np.random.default_rng(1 + seed) for seed in range(SEEDS)]
    frames = np.array(
        [[orthonormal_columns(WIDTH, len(STRENGTHS), one) for _ in range(MOST_LAYERS - 1)] for one in seeds]
    )
    noise = np.array([one.normal(size=(MOST_LAYERS, WIDTH, WIDTH)) for one in seeds]) / math.sqrt(WIDTH)
    return u, v, frames, noise


def train_here(eta, depth, u0, misalignment, seed):
    """A network trained by gradient descent, beside the recursion that it should follow and the flow."""
    u, v, frames, noise = _draws()
    index = jnp.round(seed).astype(int)
    hidden, noise = jnp.asarray(frames)[index], jnp.asarray(noise)[index]
    share = u0 ** (1 / depth)
    before = [v, *hidden]
    after = [jnp.where(depth == layer + 1, u, hidden[min(layer, MOST_LAYERS - 2)]) for layer in range(MOST_LAYERS)]
    aligned = jnp.stack([a @ b.T for a, b in zip(after, before, strict=True)])
    layers = share * (aligned + misalignment * noise)
    target = jnp.asarray(u * STRENGTHS @ v.T)

    products = descend_stack(layers, target, depth, eta=eta, steps=STEPS)
    network = jnp.sum(u * (products @ v), axis=1)
    recursion = discrete_mode_strength(np.arange(STEPS + 1)[:, None], STRENGTHS, u0, eta=eta, depth=depth)
    flow_steps = jnp.asarray(FLOW_STEPS, float)
    depths = range(1, MOST_LAYERS + 1)
    flow = mode_strength_among(eta * flow_steps[:, None], STRENGTHS, u0, depth, depths=depths, growing=True)
    losses = [
        jnp.sum((target - products) ** 2, axis=(1, 2)),
        jnp.sum((STRENGTHS - jnp.clip(recursion, -OUT_OF_SIGHT, OUT_OF_SIGHT)) ** 2, axis=1),
    ]
    start = float(np.sum(STRENGTHS**2))
    network_loss, recursion_loss = (jnp.clip(loss / start, 1e-12, OUT_OF_SIGHT) for loss in losses)
    rates = jnp.stack([2 * optimal_learning_rate(STRENGTHS[0], layers) for layers in depths])
    stable = rates[jnp.round(depth).astype(int) - 1]
    network, recursion = (jnp.clip(x, -OUT_OF_SIGHT, OUT_OF_SIGHT) for x in (network, recursion))
    diverged = network_loss[-1] >= OUT_OF_SIGHT
    results = {
        "step": jnp.arange(STEPS + 1.0),
        "flow step": flow_steps,
        "shown step": jnp.asarray(SHOWN_STEPS, float),
        "network loss": network_loss[SHOWN_STEPS],
        "recursion loss": recursion_loss,
        "stable": stable,
        "final loss": network_loss[-1],
        "distance": jnp.max(jnp.abs(network - recursion)),
        "diverged": diverged.astype(float),
        "unsettled": ((eta > stable) & ~diverged).astype(float),
        # noise makes layers larger than the aligned start has them, and the loss steeper
        "chaotic": (eta * (1 + 2 * misalignment) ** 2 > stable).astype(float),
    }
    for k in range(len(STRENGTHS)):
        results |= {
            f"network {k + 1}": network[SHOWN_STEPS, k],
            f"recursion {k + 1}": recursion[:, k],
            f"flow {k + 1}": flow[:, k],
        }
    return results


TRAIN = Explorable(
    "deep_linear.train",
    train_here,
    controls=[
        Slider("eta", "learning rate η", 0.01, 2.5, default=0.1, scale="log", mark=("stable", "largest stable rate")),
        Stops("depth", "depth L", tuple(range(1, MOST_LAYERS + 1)), default=2),
        Slider("u0", "initial strength u₀", 1e-3, 0.3, default=0.01, scale="log"),
        Slider("misalignment", "misalignment of the start", 0.0, 1.0, default=0.1),
        Stops("seed", "seed", tuple(range(SEEDS)), default=0),
    ],
    panels=[
        Panel(
            Axis("step of gradient descent"),
            Axis("mode strength u", limits=(-1.0, 4.0)),
            curves=[Curve("flow step", f"flow {k + 1}", "flow" if k == 0 else None, kind="limit") for k in range(3)]
            + [Curve("step", f"recursion {k + 1}", f"s = {s:g}", colour=k) for k, s in enumerate(STRENGTHS)]
            + [Curve("shown step", f"network {k + 1}", kind="experiment", colour=k) for k in range(3)],
        ),
        Panel(
            Axis("step of gradient descent"),
            Axis("relative loss", scale=("log", "linear"), limits=(1e-6, 1e3)),
            curves=[
                Curve("step", "recursion loss", "recursion"),
                Curve("shown step", "network loss", "network", kind="experiment"),
            ],
        ),
    ],
    readouts=[
        Readout("stable", "largest stable rate"),
        Readout("distance", "largest distance of network and recursion", digits=2),
        Readout("final loss", f"relative loss after {STEPS} steps", digits=2),
    ],
    notices=[
        Notice("diverged", "Gradient descent diverges at this learning rate. Curves are cut off where they leave."),
        Notice("unsettled", "Above the largest stable rate the strongest mode cannot settle: it oscillates."),
    ],
    play="eta",
    chaotic="chaotic",
    caption=(
        "A network of width 8, trained here by gradient descent (markers), the exact recursion of an aligned start "
        "(lines) and the gradient flow (dashed). With no misalignment network and recursion agree to rounding, until "
        "the learning rate passes the largest stable one and every rounding error grows."
    ),
    alt=lambda at: (
        "Two panels against the step of gradient descent. Left: three modes of strengths 2, 1 and 0.5 rise one after "
        f"another; markers of the network stay within {at['distance']:.1g} of the recursion's lines, and the dashed "
        "flow runs a little ahead. Right: the loss falls in three steps. The largest stable learning rate is "
        f"{at['stable']:.2g}."
    ),
)


PRODUCT_WIDTH = 32
PRODUCT_DEPTHS = (1, 2, 4, 8, 16, 32, 64)
ROUNDING = -14.0
"""Decades below the largest singular value at which rounding hides the rest."""


@cache
def _layers():
    """Layers of three seeds of each kind: ``(kinds, seeds, layers, width, width)``."""
    widths = (PRODUCT_WIDTH,) * (max(PRODUCT_DEPTHS) + 1)
    kinds = (gaussian_initialisation, orthogonal_initialisation)
    # drawn once, also where the function that needs them is being traced
    with jax.ensure_compile_time_eval():
        keys = jax.random.split(jax.random.key(0), 3)
        return np.array([[kind(widths, key=key) for key in keys] for kind in kinds])


def product_spectrum(kind, depth, gain):
    """Logarithms of the singular values of a product of random layers, and what theory expects."""
    layers = jnp.asarray(_layers())[jnp.round(kind).astype(int)]

    def multiply(carry, layer):
        # the size of the product is kept apart, so that it neither overflows nor fades
        product, size = carry
        product = layer @ product
        largest = jnp.max(jnp.abs(product))
        carry = product / largest, size + jnp.log10(largest)
        return carry, carry

    def spectra(chain):
        start = jnp.eye(PRODUCT_WIDTH), jnp.zeros(())
        products, sizes = jax.lax.scan(multiply, start, chain)[1]
        picked = np.array(PRODUCT_DEPTHS) - 1
        values = jnp.log10(jnp.linalg.svd(products[picked], compute_uv=False))
        return jnp.maximum(values, values[:, :1] + ROUNDING) + sizes[picked][:, None]

    depths = jnp.asarray(PRODUCT_DEPTHS, float)
    measured = jax.vmap(spectra)(layers) + depths[:, None] * jnp.log10(gain)
    chosen = jnp.argmin(jnp.abs(depths - depth))
    exponents = jnp.where(kind < 0.5, gaussian_product_exponents(PRODUCT_WIDTH) / math.log(10), 0.0)
    theory = depths[:, None] * (exponents + jnp.log10(gain))
    middle = slice(PRODUCT_WIDTH // 2 - 1, PRODUCT_WIDTH // 2 + 1)
    ranks = jnp.arange(1.0, PRODUCT_WIDTH + 1)
    return {
        "rank": ranks,
        "all ranks": jnp.tile(ranks, 3),
        "theory": theory[chosen],
        "measured": measured[:, chosen].ravel(),
        "depth": depths,
        "all depths": jnp.tile(depths, 3),
        "median theory": theory[:, middle].mean(axis=1),
        "median measured": measured[:, :, middle].mean(axis=2).ravel(),
        "largest measured": measured[:, :, 0].ravel(),
        "largest theory": theory[:, 0],
        "median": measured[:, chosen, middle].mean(),
        "spread": (measured[:, chosen, 0] - measured[:, chosen, -1]).mean(),
    }


PRODUCTS = Explorable(
    "deep_linear.products",
    product_spectrum,
    controls=[
        Choice("kind", "layers", ("Gaussian", "orthogonal")),
        Stops("depth", "depth L", PRODUCT_DEPTHS, default=16),
        Slider("gain", "gain of every layer", 0.8, 1.25, default=1.0, scale="log"),
    ],
    panels=[
        Panel(
            Axis("rank of the singular value"),
            Axis("log₁₀ of the singular value"),
            curves=[
                Curve("rank", "theory", "Lyapunov exponents"),
                Curve("all ranks", "measured", "three products", kind="experiment"),
            ],
        ),
        Panel(
            Axis("depth L", scale=("linear", "log")),
            Axis("log₁₀ of the singular value"),
            curves=[
                Curve("depth", "largest theory"),
                Curve("depth", "median theory", colour=1),
                Curve("all depths", "largest measured", "largest", kind="experiment"),
                Curve("all depths", "median measured", "median", kind="experiment", colour=1),
            ],
        ),
    ],
    readouts=[
        Readout("median", "median: 10 to the power of"),
        Readout("spread", "from largest to smallest:", "decades"),
    ],
    play="gain",
    # along a logarithm of the gain every result is a straight line, so that two settings say all
    grid={"gain": 2},
    caption=(
        "Singular values of a product of L random 32 × 32 layers: three products (markers) and what a deep chain tends "
        "to (lines). The gain moves all of them together; no gain brings them closer to each other. Values fourteen "
        "decades below the largest are lost to rounding and drawn there."
    ),
    alt=lambda at: (
        "Two panels. Left: the logarithm of the 32 singular values of a product of 16 Gaussian layers falls steeply "
        f"with their rank, over {at['spread']:.0f} decades; markers of three products scatter about the line. Right: "
        "the median falls in a straight line with depth, the largest stays near 1."
    ),
)

EXPLORABLES = (MODES, LAZY_TO_RICH, TRAIN, PRODUCTS)
