"""What the reader can move in Chapter 2."""

import math
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from solvable.explore import Axis, Choice, Curve, Explorable, Notice, Panel, Readout, Slider, Stops

from ..tangent_kernel import empirical_ntk
from .theory import (
    catapult_recursion,
    dual_activation,
    early_stopping_risk,
    nngp_and_ntk,
    relative_kernel_change,
)

POINTS = 64
"""Inputs spread evenly on the circle, on which a kernel is one row and its eigenvectors are sines and cosines."""
FREQUENCIES = np.arange(POINTS // 2 + 1)
MOST_LAYERS = 6
OUT_OF_SIGHT = 1e3
"""Where curves that leave the figure are cut off, so that a diverging run has numbers to draw."""


def _on_circle(angles):
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _evenly(count):
    return 2 * np.pi * np.arange(count) / count


ACTIVATIONS = ("relu", "erf", "linear")
CIRCLE_WIDTHS = (16, 32, 64, 128)
CIRCLE_SEEDS = 3
# twice as fine as the inputs, to be drawn
HALF_TURN = np.linspace(0, np.pi, POINTS + 1)
FULL_TURN = np.concatenate([-HALF_TURN[:0:-1], HALF_TURN])
SHOWN_INPUTS = np.arange(-POINTS // 2, POINTS // 2 + 1, 2)
NOT_LEARNED = 1e-9
"""Part of the kernel below which an eigenvalue is drawn as this: those of some components are nothing but rounding."""
STEP_OF_WEIGHTS = 1 / 32
"""Weights are normal numbers rounded to this, and take up a byte each in the graph."""


@cache
def _weights():
    """First layer, hidden layers, biases of each and readout of the widest and deepest network, of each seed."""

    def draw(source, *shape):
        steps = np.round(source.normal(size=shape) / STEP_OF_WEIGHTS)
        return np.clip(steps, -127, 127).astype(np.int8)

    widest, shapes = CIRCLE_WIDTHS[-1], []
    for seed in range(CIRCLE_SEEDS):
        source = np.random.default_rng(seed)
        shapes.append(
            (
                draw(source, widest, 2),
                draw(source, MOST_LAYERS - 1, widest, widest),
                draw(source, MOST_LAYERS, widest),
                draw(source, widest),
            )
        )
    return tuple(map(np.stack, zip(*shapes, strict=True)))


def _activated(activation, functions, *arguments):
    relu, erf, linear = (function(*arguments) for function in functions)
    return jnp.where(activation < 0.5, relu, jnp.where(activation < 1.5, erf, linear))


def _kernels_of_the_wide(activation, sigma_w, sigma_b):
    """Both kernels between an input and those half a turn around, for every number of hidden layers from 1."""
    duals = [dual_activation(name) for name in ACTIVATIONS]

    def layer(kernels, _):
        nngp, ntk = kernels
        # the variance is the same everywhere on the circle
        among = nngp[0], nngp[0], nngp
        slope = _activated(activation, [dual.kappa_dot for dual in duals], *among)
        nngp = sigma_w**2 * _activated(activation, [dual.kappa for dual in duals], *among) + sigma_b**2
        kernels = nngp, sigma_w**2 * slope * ntk + nngp
        return kernels, kernels

    start = sigma_w**2 / 2 * jnp.cos(HALF_TURN) + sigma_b**2
    return jax.lax.scan(layer, (start, start), length=MOST_LAYERS)[1]


def _kernel_of_a_network(activation, hidden, sigma_w, sigma_b, width, seed):
    """The kernel of one network between all inputs, layer by layer; units beyond ``width`` are left out."""
    index = jnp.round(seed).astype(int)
    first, middle, biases, readout = (STEP_OF_WEIGHTS * jnp.asarray(w)[index].astype(float) for w in _weights())
    x = jnp.asarray(_on_circle(_evenly(POINTS)))
    used = (jnp.arange(CIRCLE_WIDTHS[-1]) < width).astype(float)
    scale = sigma_w / jnp.sqrt(width)

    def units(z):
        phi = _activated(activation, (jax.nn.relu, jax.scipy.special.erf, lambda z: z), z)
        slopes = (lambda z: (z > 0).astype(float), lambda z: 2 / math.sqrt(math.pi) * jnp.exp(-(z**2)), jnp.ones_like)
        return used * phi, used * _activated(activation, slopes, z)

    def forward(h, layer):
        weights, bias = layer
        h, slope = units(scale * (h @ weights.T) + sigma_b * bias)
        return h, (slope, scale**2 * (h @ h.T) + sigma_b**2)

    def backward(carry, layer):
        back, kernel = carry
        weights, slope, entering, number = layer
        back = jnp.where(number == hidden, top, scale * (back @ weights)) * slope
        return (back, kernel + entering * (back @ back.T)), None

    h, slope = units(sigma_w / math.sqrt(2) * (x @ first.T) + sigma_b * biases[0])
    inputs, ends = (scale_w**2 * (h @ h.T) + sigma_b**2 for scale_w, h in ((sigma_w / math.sqrt(2), x), (scale, h)))
    slopes, grams = jax.lax.scan(forward, h, (middle, biases[1:]))[1]
    slopes, grams = jnp.concatenate([slope[None], slopes]), jnp.concatenate([inputs[None], ends[None], grams])
    top = jnp.broadcast_to(scale * readout, slope.shape)
    last = jnp.where(hidden == MOST_LAYERS, top * slopes[-1], 0)
    start = last, grams[jnp.round(hidden).astype(int)] + grams[-2] * (last @ last.T)
    layers = middle, slopes[:-1], grams[:-2], jnp.arange(1.0, MOST_LAYERS)
    return jax.lax.scan(backward, start, layers, reverse=True)[0][1]


def circle_kernel(activation, hidden, sigma_w, sigma_b, width, seed):
    """The kernel on the circle, its eigenvalues, and those of one network at birth."""
    nngp, ntk = (kernel[jnp.round(hidden).astype(int) - 1] for kernel in _kernels_of_the_wide(activation, sigma_w, sigma_b))
    network = _kernel_of_a_network(activation, hidden, sigma_w, sigma_b, width, seed)
    row = ntk[::2]
    between = jnp.asarray(FREQUENCIES[:, None] * _evenly(POINTS)[FREQUENCIES])
    ends = np.where((FREQUENCIES == 0) | (FREQUENCIES == POINTS // 2), 1.0, 2.0)
    eigenvalues = jnp.cos(between) @ (ends * row) / POINTS
    phases = jnp.asarray(_evenly(POINTS)[:, None] * FREQUENCIES)
    waves = jnp.cos(phases), jnp.sin(phases)
    seen = sum(jnp.sum(wave * (network @ wave), axis=0) for wave in waves) / POINTS**2
    everywhere = jnp.concatenate([row, row[-2:0:-1]])
    floor = NOT_LEARNED * ntk[0]
    return {
        "angle": jnp.asarray(FULL_TURN),
        "ntk": jnp.concatenate([ntk[:0:-1], ntk]),
        "nngp": jnp.concatenate([nngp[:0:-1], nngp]),
        "shown angle": jnp.asarray(_evenly(POINTS)[1] * SHOWN_INPUTS),
        "network": network[0, SHOWN_INPUTS % POINTS],
        "frequency": jnp.asarray(FREQUENCIES[1:], float),
        "eigenvalues": jnp.maximum(eigenvalues, floor)[1:] / ntk[0],
        "network eigenvalues": jnp.maximum(seen, floor)[1:] / ntk[0],
        "here": ntk[0],
        "opposite": ntk[-1] / ntk[0],
        "constant": eigenvalues[0] / ntk[0],
        "distance": jnp.sqrt(jnp.sum((network[0] - everywhere) ** 2) / jnp.sum(everywhere**2)),
    }


CIRCLE = Explorable(
    "ntk.circle",
    circle_kernel,
    controls=[
        Choice("activation", "activation", ("ReLU", "erf", "linear")),
        Stops("hidden", "hidden layers", tuple(range(1, MOST_LAYERS + 1)), default=3),
        Slider("sigma_w", "scale σ_w of the weights", 0.5, 3.0, default=1.4, step=0.05),
        Slider("sigma_b", "scale σ_b of the biases", 0.0, 1.0, default=0.1, step=0.05),
        Stops("width", "width n of the network", CIRCLE_WIDTHS, default=64),
        Stops("seed", "seed of the network", tuple(range(CIRCLE_SEEDS)), default=0),
    ],
    panels=[
        Panel(
            Axis("angle γ between two inputs", "rad", limits=(-np.pi, np.pi)),
            Axis("kernel"),
            curves=[
                Curve("angle", "ntk", "tangent kernel Θ"),
                Curve("angle", "nngp", "output covariance Σ", colour=1),
                Curve("shown angle", "network", "one network's Θ", kind="experiment"),
            ],
        ),
        Panel(
            Axis("frequency k on the circle", scale=("log", "linear")),
            Axis("eigenvalue, as a part of Θ(0)", scale=("log", "linear"), limits=(1e-6, 1.0)),
            curves=[
                Curve("frequency", "eigenvalues", "of Θ/64"),
                Curve("frequency", "network eigenvalues", "one network", kind="experiment"),
            ],
        ),
    ],
    readouts=[
        Readout("here", "Θ(0) ="),
        Readout("opposite", "Θ(π)/Θ(0) ="),
        Readout("constant", "the constant has an eigenvalue of", "Θ(0)"),
        Readout("distance", "the network's curve is off by a factor of", digits=2),
    ],
    play="sigma_w",
    caption=(
        "The kernels of an infinitely wide network between two inputs on the unit circle (lines), the tangent kernel of "
        "one network of width n with weights drawn once (markers), and the eigenvalues for 64 inputs spread evenly: the "
        "speed at which a sine or cosine of frequency k is learned. Of the network, the mean of the two along each "
        "sine and cosine."
    ),
    alt=lambda at: (
        "Two panels. Left: the tangent kernel against the angle peaks with a kink at 0, where it is "
        f"{at['here']:.2g}, and falls to {at['opposite']:.2g} of that on the opposite side; the output covariance is "
        f"lower and flatter; markers of one network scatter about the line, {100 * at['distance']:.0f} per cent off. "
        "Right: on logarithmic axes the eigenvalues fall with the frequency along a straight line."
    ),
)


SPECTRUM_ACTIVATIONS = ("relu", "erf")
SPECTRUM_SCALES = {"sigma_w": math.sqrt(2), "sigma_b": 0.5}
LEARNED = np.array([1, 2, 4, 8])
"""Frequencies of the target, of falling sizes; its mean square is 1."""
SIZES = np.array([8, 4, 2, 1]) / math.sqrt(85)
PHASES = np.array([0.0, 1.0, 2.5, 0.5])
NOISES = 4
CLOCK = np.geomspace(0.1, 1e5, 181)
MEASURED = np.arange(0, 181, 6)
LEAST_RISK = 1e-6


@cache
def _rates():
    """Eigenvalues on the inputs, and the same sums over the inputs seen from between two: ``(2, kinds, layers, k)``."""
    x = _on_circle(_evenly(POINTS))
    between = _on_circle(np.array([np.pi / POINTS]))
    shift = _evenly(POINTS) - np.pi / POINTS
    found = []
    with jax.enable_x64(True), jax.ensure_compile_time_eval():
        for name in SPECTRUM_ACTIVATIONS:
            for layers in range(1, MOST_LAYERS + 1):
                kind = {"hidden_layers": layers, "activation": name, **SPECTRUM_SCALES}
                here = np.asarray(nngp_and_ntk(x, **kind).ntk)[0]
                there = np.asarray(nngp_and_ntk(between, x, **kind).ntk)[0]
                waves = (np.cos(FREQUENCIES[:, None] * angles) for angles in (_evenly(POINTS), shift))
                found.append([wave @ row / POINTS for wave, row in zip(waves, (here, there), strict=True)])
    rates = np.array(found).reshape(len(SPECTRUM_ACTIVATIONS), MOST_LAYERS, 2, -1)
    # what rounding leaves of eigenvalues that are too small for it, of either sign, is none
    return np.where(rates < 1e-15 * rates.max(axis=-1, keepdims=True), 0.0, rates)


def _components(angles):
    """Sines and cosines of mean square 1 over the inputs, a column each, and the frequency of each."""
    kinds = [(k, wave) for k in FREQUENCIES for wave in (np.cos, np.sin) if wave is np.cos or 0 < k < POINTS // 2]
    sizes = [math.sqrt(2) if 0 < k < POINTS // 2 else 1.0 for k, _ in kinds]
    columns = [size * wave(k * angles) for size, (k, wave) in zip(sizes, kinds, strict=True)]
    return np.stack(columns, axis=1), np.array([k for k, _ in kinds])


@cache
def _task():
    """Coefficients of the target and of noise of size 1, and the components on the inputs and between them."""
    inputs, frequencies = _components(_evenly(POINTS))
    between, _ = _components(_evenly(POINTS) + np.pi / POINTS)
    angles = _evenly(POINTS)[:, None]
    target = math.sqrt(2) * np.cos(LEARNED * angles - PHASES) @ SIZES
    noise = np.random.default_rng(0).normal(size=(NOISES, POINTS))
    return inputs.T @ target / POINTS, noise @ inputs / POINTS, inputs, between, frequencies


def learn_components(activation, hidden, noise, time, seed):
    """Gradient flow of a wide network on noisy targets, component by component."""
    target, draws, inputs, between, frequencies = _task()
    rates = jnp.asarray(_rates())[jnp.round(activation).astype(int), jnp.round(hidden).astype(int) - 1]
    rate, across = rates[0, frequencies], rates[1, frequencies]
    draw = noise * jnp.asarray(draws)[jnp.round(seed).astype(int)]

    def learned(times):
        return -jnp.expm1(-rate * times[..., None])

    def risks(times):
        bias = early_stopping_risk(rate, target, noise=0.0, t=times)
        variance = early_stopping_risk(rate, jnp.zeros_like(rate), noise=noise, t=times)
        return bias, variance, bias + variance

    clock = jnp.asarray(CLOCK)
    bias, variance, risk = risks(clock)
    happened = jnp.sum((learned(clock[MEASURED]) * (target + draw) - target) ** 2, axis=-1)
    # without noise the risk falls until it is rounding, and the first such time is as good as any
    best = jnp.argmin(risk + 1e-12 * jnp.arange(len(CLOCK)))
    seen = rates[0, LEARNED]
    now = learned(time) * (target + draw)
    per_rate = jnp.where(rate > 0, learned(time) / jnp.where(rate > 0, rate, 1), time)
    fit = jnp.stack([jnp.asarray(inputs) @ now, jnp.asarray(between) @ (across * per_rate * (target + draw))], axis=1)
    turn = np.arange(-POINTS, POINTS + 1)
    results = {
        "time": clock,
        "bias": bias,
        "variance": variance,
        "risk": risk,
        "measured time": clock[MEASURED],
        "measured risk": happened,
        "now": jnp.stack([time]),
        "risk now": risks(jnp.stack([time]))[2],
        "all now": jnp.full(len(LEARNED), time),
        "learned now": -jnp.expm1(-seen * time),
        "angle": jnp.asarray(np.pi * turn / POINTS),
        "fit": fit.ravel()[turn % (2 * POINTS)],
        "target": jnp.asarray(_smooth_target(np.pi * turn / POINTS)),
        "input": jnp.asarray(_evenly(POINTS)[1] * SHOWN_INPUTS),
    }
    return results


