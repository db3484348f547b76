"""What the reader can move in Chapter 2."""

import math
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from solvable.explore import Axis, Choice, Curve, Explorable, Notice, Panel, Readout, Slider, Stops
from solvable.tangent_kernel import empirical_ntk

from .experiment import circle
from .theory import catapult_recursion, dual_activation, early_stopping_risk, nngp_and_ntk, relative_kernel_change

POINTS = 64
"""Inputs spread evenly on the circle, on which a kernel is one row and its eigenvectors are sines and cosines."""
FREQUENCIES = np.arange(POINTS // 2 + 1)
MOST_LAYERS = 6
OUT_OF_SIGHT = 1e3
"""Where curves that leave the figure are cut off, so that a diverging run has numbers to draw."""


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
POOL = 2 * CIRCLE_SEEDS
"""Hidden layers to take from, by turns: seeds have some in common, but in different places."""
STEP_OF_WEIGHTS = 1 / 32
"""Weights and biases are normal numbers rounded to this, and take up a byte each in the graph."""


@cache
def _weights():
    """First layer, biases and readout of the widest and deepest network for each seed, and a pool of hidden layers."""
    widest = CIRCLE_WIDTHS[-1]
    draws = [np.random.default_rng(seed) for seed in range(CIRCLE_SEEDS)]
    # not rounded, so that no unit is at its kink exactly, where rounding would decide
    first = np.stack([draw.normal(size=(widest, 2)) for draw in draws])
    biases, readout = (
        np.stack([draw.normal(size=shape) for draw in draws]) for shape in ((MOST_LAYERS, widest), (widest,))
    )
    pool = np.random.default_rng(CIRCLE_SEEDS).normal(size=(POOL, widest, widest))
    steps = (np.round(weights / STEP_OF_WEIGHTS) for weights in (biases, readout, pool))
    return first, *(np.clip(some, -127, 127).astype(np.int8) for some in steps)


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

    # a new array at each call: JAX keeps what it has made of one, in the precision of that time
    start = sigma_w**2 / 2 * jnp.asarray(np.cos(HALF_TURN)) + sigma_b**2
    return jax.lax.scan(layer, (start, start), length=MOST_LAYERS)[1]


def _kernel_of_a_network(activation, hidden, sigma_w, sigma_b, width, seed):
    """The kernel of one network between all inputs, layer by layer; units beyond ``width`` are left out."""
    index = jnp.round(seed).astype(int)
    *own, pool = map(jnp.asarray, _weights())
    first, biases, readout = (weights[index].astype(float) for weights in own)
    middle = pool[(POOL // CIRCLE_SEEDS * index + np.arange(MOST_LAYERS - 1)) % POOL].astype(float)
    biases, readout, middle = (STEP_OF_WEIGHTS * rounded for rounded in (biases, readout, middle))
    x = jnp.asarray(circle(_evenly(POINTS)))
    used = (jnp.arange(float(CIRCLE_WIDTHS[-1])) < width).astype(float)
    scale = sigma_w / jnp.sqrt(width)

    def units(z):
        phi = _activated(activation, (jax.nn.relu, jax.scipy.special.erf, lambda z: z), z)
        # that of erf, and at no curvature that of a line: an array of ones would take up space in the graph
        curvature = (activation < 1.5).astype(float)
        smooth = jnp.where(activation < 1.5, 2 / math.sqrt(math.pi), 1.0) * jnp.exp(-curvature * z**2)
        return used * phi, used * jnp.where(activation < 0.5, (z > 0).astype(float), smooth)

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
    last = (hidden == MOST_LAYERS).astype(float) * top * slopes[-1]
    start = last, grams[jnp.round(hidden).astype(int)] + grams[-2] * (last @ last.T)
    # turned around by hand: a scan that runs backwards cannot be exported
    layers = middle[::-1], slopes[-2::-1], grams[-3::-1], jnp.arange(MOST_LAYERS - 1.0, 0.0, -1.0)
    return jax.lax.scan(backward, start, layers)[0][1]


def circle_kernel(activation, hidden, sigma_w, sigma_b, width, seed):
    """The kernel on the circle, its eigenvalues, and those of one network at birth."""
    kernels = _kernels_of_the_wide(activation, sigma_w, sigma_b)
    nngp, ntk = (kernel[jnp.round(hidden).astype(int) - 1] for kernel in kernels)
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
        "constant": jnp.where(eigenvalues > floor, eigenvalues, 0)[0] / ntk[0],
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
                Curve("angle", "ntk", "Θ, n = ∞"),
                Curve("angle", "nngp", "Σ, n = ∞", colour=1),
                Curve("shown angle", "network", "Θ, network", kind="experiment"),
            ],
        ),
        Panel(
            Axis("frequency k on the circle", scale=("log", "linear")),
            Axis("eigenvalue, part of Θ(0)", scale=("log", "linear"), limits=(1e-6, 1.0)),
            curves=[
                Curve("frequency", "eigenvalues", "n = ∞"),
                Curve("frequency", "network eigenvalues", "network", kind="experiment"),
            ],
        ),
    ],
    readouts=[
        Readout("here", "Θ(0) ="),
        Readout("opposite", "Θ(π)/Θ(0) ="),
        Readout("constant", "eigenvalue of the constant", "Θ(0)"),
        Readout("distance", "the network's Θ is off by a part of", digits=2),
    ],
    play="sigma_w",
    caption=(
        "Between two inputs on the unit circle: the tangent kernel Θ and the output covariance Σ of an infinitely wide "
        "network (lines), and Θ of one network at birth, with weights drawn once (markers). Right: eigenvalues of Θ on "
        "64 inputs spread evenly, the speed at which sines and cosines of frequency k are learned; of the network, the "
        "means of its kernel along them. An eigenvalue of zero is below the picture."
    ),
    alt=lambda at: (
        "Two panels. Left: against the angle, the tangent kernel has a kink at 0, where it is "
        f"{at['here']:.2g}, and falls to {at['opposite']:.2g} of that on the opposite side; the output covariance is "
        f"lower and flatter; markers of one network are off by {100 * at['distance']:.0f} per cent of the line. Right: "
        f"on logarithmic axes the eigenvalues fall from {at['eigenvalues'][0]:.2g} at frequency 1 to "
        f"{at['eigenvalues'][-1]:.1g} at frequency 32, nearly along a straight line; markers lie close to it."
    ),
)


SPECTRUM_ACTIVATIONS = ("relu", "erf")
SPECTRUM_SCALES = {"sigma_w": math.sqrt(2), "sigma_b": 0.5}
LEARNED = np.array([1, 2, 4, 8])
"""Frequencies of the target."""
SIZES = np.array([4, 3, 2, 2]) / math.sqrt(33)
"""Root mean square of each; that of the target is 1."""
PHASES = np.array([0.0, 1.0, 2.5, 0.5])
NOISES = 4
CLOCK = np.geomspace(0.1, 1e5, 91)
MEASURED = np.arange(0, len(CLOCK), 3)
LEAST_RISK = 1e-9
INPUT_ANGLES = _evenly(POINTS)
# the inputs and the places halfway between them, once around and back to the first
AROUND = np.arange(-POINTS, POINTS + 1)


@cache
def _rates():
    """For each activation and depth, by frequency: eigenvalues, and the same sums as seen from between two inputs."""
    # angles between inputs stand at even places of the turn, and those seen from between two inputs at odd ones
    turn = np.concatenate([HALF_TURN, 2 * np.pi - HALF_TURN[-2:0:-1]])
    waves = np.cos(FREQUENCIES[:, None] * turn) / POINTS
    mirror = np.concatenate([np.arange(POINTS + 1), np.arange(POINTS - 1, 0, -1)])
    found = []
    # computed once, in double precision, also where the function that needs them is being traced
    with jax.enable_x64(True), jax.ensure_compile_time_eval():
        of_all_depths = jax.jit(_kernels_of_the_wide)
        for number in range(len(SPECTRUM_ACTIVATIONS)):
            for kernel in np.asarray(of_all_depths(float(number), **SPECTRUM_SCALES)[1])[:, mirror]:
                found.append([waves[:, start::2] @ kernel[start::2] for start in (0, 1)])
    rates = np.array(found).reshape(len(SPECTRUM_ACTIVATIONS), MOST_LAYERS, 2, -1)
    # below rounding there is nothing to learn by
    return np.where(rates < 1e-15 * rates.max(axis=-1, keepdims=True), 0.0, rates)


def _components(angles):
    """Cosines and sines of mean square 1 over the inputs, a column each."""
    inner = FREQUENCIES[1:-1]
    once, twice = np.cos(angles[:, None] * FREQUENCIES), np.sin(angles[:, None] * inner)
    once[:, 1:-1] *= math.sqrt(2)
    return np.concatenate([once, math.sqrt(2) * twice], axis=1)


# of each of these components
COMPONENT_FREQUENCIES = np.concatenate([FREQUENCIES, FREQUENCIES[1:-1]])


def _target(angles):
    return math.sqrt(2) * np.cos(LEARNED * angles[:, None] - PHASES) @ SIZES


@cache
def _task():
    """Coefficients of the target and of noise of size 1, for each draw, and the components at the inputs."""
    inputs = _components(INPUT_ANGLES)
    noise = np.random.default_rng(0).normal(size=(NOISES, POINTS))
    return inputs.T @ _target(INPUT_ANGLES) / POINTS, noise @ inputs / POINTS, inputs


def learn_components(activation, hidden, noise, time, seed):
    """Gradient flow of an infinitely wide network on noisy targets, component by component."""
    target, draws, components = _task()
    by_frequency = jnp.asarray(_rates())[jnp.round(activation).astype(int), jnp.round(hidden).astype(int) - 1]
    rate, across = by_frequency[:, COMPONENT_FREQUENCIES]
    given = target + noise * jnp.asarray(draws)[jnp.round(seed).astype(int)]

    def risks(times):
        bias = early_stopping_risk(rate, jnp.asarray(target), noise=0.0, t=times)
        return bias, early_stopping_risk(rate, jnp.zeros_like(rate), noise=noise, t=times)

    clock = jnp.asarray(CLOCK)
    bias, variance = risks(clock)
    happened = jnp.sum((target - given * -jnp.expm1(-rate * clock[MEASURED, None])) ** 2, axis=1)
    # a slope below what can be seen picks one of many times where the risk has fallen to rounding
    best = jnp.argmin(bias + variance + 1e-12 * jnp.arange(float(len(CLOCK))))
    learned = -jnp.expm1(-rate * time)
    per_rate = jnp.where(rate > 0, learned / jnp.where(rate > 0, rate, 1), time)
    fit = [jnp.asarray(components) @ (learned * given)]
    fit += [jnp.asarray(_components(INPUT_ANGLES + np.pi / POINTS)) @ (across * per_rate * given)]
    risk_now = sum(risks(time))
    results = {
        "time": clock,
        "bias": jnp.maximum(bias, LEAST_RISK),
        "variance": jnp.maximum(variance, LEAST_RISK),
        "risk": jnp.maximum(bias + variance, LEAST_RISK),
        "measured time": clock[MEASURED],
        "measured risk": jnp.maximum(happened, LEAST_RISK),
        "now": jnp.stack([time]),
        "here": jnp.stack([jnp.maximum(risk_now, LEAST_RISK)]),
        "all now": jnp.full(len(LEARNED), time),
        "learned now": learned[LEARNED],
        "angle": jnp.asarray(np.pi / POINTS * AROUND),
        "fit": jnp.stack(fit, axis=1).ravel()[AROUND % (2 * POINTS)],
        "target": jnp.asarray(_target(np.pi / POINTS * AROUND)),
        "input": jnp.asarray(np.pi / POINTS * AROUND[::2]),
        "data": (jnp.asarray(components) @ given)[AROUND[::2] // 2 % POINTS],
        "best time": clock[best],
        "best risk": (bias + variance)[best],
        "risk now": risk_now,
        "final risk": noise**2,
    }
    return results | {f"learned {k}": -jnp.expm1(-by_frequency[0, k] * clock) for k in LEARNED}


SPECTRUM = Explorable(
    "ntk.spectrum",
    learn_components,
    controls=[
        Slider("time", "training time t", 0.1, 1e5, default=30.0, scale="log", mark=("best time", "lowest risk")),
        Slider("noise", "noise σ on each target", 0.0, 1.0, default=0.5, step=0.01),
        Choice("activation", "activation", ("ReLU", "erf")),
        Stops("hidden", "hidden layers", tuple(range(1, MOST_LAYERS + 1)), default=1),
        Stops("seed", "draw of the noise", tuple(range(NOISES)), default=0),
    ],
    panels=[
        Panel(
            Axis("time t", scale="log", limits=(0.1, 1e5)),
            Axis("part that is learned", limits=(-0.05, 1.05)),
            curves=[Curve("time", f"learned {k}", f"k = {k}", colour=i) for i, k in enumerate(LEARNED)]
            + [Curve("all now", "learned now", kind="mark")],
        ),
        Panel(
            Axis("time t", scale="log", limits=(0.1, 1e5)),
            Axis("distance from the truth", scale=("linear", "log"), limits=(1e-3, 1.4)),
            curves=[
                Curve("time", "bias", "not learned", kind="limit"),
                Curve("time", "variance", "noise", colour=1),
                Curve("time", "risk", "both"),
                Curve("measured time", "measured risk", "one draw", kind="experiment"),
                Curve("now", "here", kind="mark"),
            ],
        ),
        Panel(
            Axis("place on the circle γ", "rad", limits=(-np.pi, np.pi)),
            Axis("function", limits=(-4.0, 4.0)),
            curves=[
                Curve("angle", "target", "truth", kind="limit"),
                Curve("angle", "fit", "learned"),
                Curve("input", "data", "targets", kind="mark"),
            ],
        ),
    ],
    readouts=[
        Readout("risk now", "mean squared distance now"),
        Readout("best risk", "lowest"),
        Readout("best time", "at t =", digits=2),
        Readout("final risk", "after an infinite time"),
    ],
    play="time",
    caption=(
        "An infinitely wide network learns a sum of frequencies 1, 2, 4 and 8 from 64 noisy values on the circle. "
        "Left: how much of each it has learned. Middle: the expected mean squared distance from the truth at the "
        "inputs, in two parts and together, and that of one draw of the noise (markers). Right: the function at time "
        "t. Crosses on the curves are at t."
    ),
    alt=lambda at: (
        "Three panels. Left: the components of frequency 1, 2, 4 and 8 are learned one after another along S-shaped "
        f"curves; at the time that is marked, {100 * at['learned now'][0]:.0f}, {100 * at['learned now'][1]:.0f}, "
        f"{100 * at['learned now'][2]:.0f} and {100 * at['learned now'][3]:.0f} per cent of them. Middle: the distance "
        f"from the truth falls to {at['best risk']:.2g} at a time of {at['best time']:.0f} and rises again, to "
        f"{at['final risk']:.2g}, as the noise is learned; markers of one draw follow. Right: the learned function is "
        "smoother than the truth and runs between scattered targets."
    ),
)


TRAIN_WIDTHS = (8, 16, 32, 64, 128, 256)
TRAIN_SEEDS = 4
TRAIN_SCALES = {"sigma_w": 2.0, "sigma_b": 1.0}
TRAIN_STEPS = 150
SHOWN_STEPS = np.arange(0, TRAIN_STEPS + 1, 5)
TRAIN_ANGLES = np.array([-2.9, -2.3, -1.5, -1.0, -0.4, 0.3, 0.9, 2.4])
"""With a gap, in which nothing but the kernel says how the function goes on."""
TRAIN_INPUTS = circle(TRAIN_ANGLES)
TEST_ANGLES = np.linspace(-np.pi, np.pi, 65)
SHOWN_TESTS = np.arange(0, len(TEST_ANGLES), 2)
LARGEST_WEIGHT = 1e6
"""Where diverging weights are held, so that their products stay finite numbers."""


@cache
def _births():
    """Weights of the widest network for each seed: into each unit, its bias, and out of it; and the output's bias."""
    draws = [np.random.default_rng(seed) for seed in range(TRAIN_SEEDS)]
    shapes = (TRAIN_WIDTHS[-1], 2), (TRAIN_WIDTHS[-1],), (TRAIN_WIDTHS[-1],), ()
    return tuple(np.stack([draw.normal(size=shape) for draw in draws]) for shape in shapes)


@cache
def _wide_kernels():
    """The kernel of the infinitely wide network, among the training inputs and from the test inputs to them."""
    kind = {"hidden_layers": 1, "activation": jnp.tanh, **TRAIN_SCALES}
    with jax.enable_x64(True), jax.ensure_compile_time_eval():
        among = nngp_and_ntk(TRAIN_INPUTS, **kind).ntk
        return np.asarray(among), np.asarray(nngp_and_ntk(circle(TEST_ANGLES), TRAIN_INPUTS, **kind).ntk)


def _largest_eigenvalue(kernel):
    """By a high power of the kernel, which leaves of it a projection on its first component."""
    power = kernel / jnp.trace(kernel)
    for _ in range(14):
        power = power @ power
        power = power / jnp.trace(power)
    return jnp.sum(power * kernel)


def train_at_width(width, alpha, rate, seed):
    """A network trained by gradient descent, beside its linear model and the infinitely wide network."""
    sigma_w, sigma_b = TRAIN_SCALES.values()
    x, tests = jnp.asarray(TRAIN_INPUTS), jnp.asarray(circle(TEST_ANGLES))
    y = jnp.asarray(TRAIN_INPUTS.prod(axis=1))
    n = len(TRAIN_INPUTS)
    used = (jnp.arange(float(TRAIN_WIDTHS[-1])) < width).astype(float)

    def network(weights, x):
        into, bias, out, last = weights
        h = used * jnp.tanh(sigma_w / math.sqrt(2) * (x @ into.T) + sigma_b * bias)
        return sigma_w / jnp.sqrt(width) * (h @ out[:, None]) + sigma_b * last

    def outputs(weights, x):
        return alpha * (network(weights, x) - network(start, x))[:, 0]

    def loss(weights):
        return jnp.mean((outputs(weights, x) - y) ** 2) / (2 * alpha**2)

    start = tuple(jnp.asarray(weights)[jnp.round(seed).astype(int)] for weights in _births())
    own = empirical_ntk(network, start, x), empirical_ntk(network, start, tests, x)
    kernels, reach = (jnp.stack([a, jnp.asarray(b)]) for a, b in zip(own, _wide_kernels(), strict=True))
    eta = rate * 2 * n / _largest_eigenvalue(own[0])

    def step(state, _):
        weights, errors, pushes = state
        value, slope = jax.value_and_grad(loss)(weights)
        moved = tuple(
            jnp.clip(w - eta * change, -LARGEST_WEIGHT, LARGEST_WEIGHT)
            for w, change in zip(weights, slope, strict=True)
        )
        pushed = pushes + eta / n * errors
        remains = errors - eta / n * jnp.sum(kernels * errors[:, None, :], axis=2)
        losses = jnp.concatenate([2 * alpha**2 * value[None], jnp.mean(errors**2, axis=1)])
        return (moved, jnp.clip(remains, -OUT_OF_SIGHT, OUT_OF_SIGHT), pushed), losses

    errors = jnp.stack([y, y])
    (weights, errors, pushes), losses = jax.lax.scan(step, (start, errors, jnp.zeros_like(errors)), length=TRAIN_STEPS)
    final = jnp.concatenate([2 * alpha**2 * loss(weights)[None], jnp.mean(errors**2, axis=1)])
    losses = jnp.concatenate([losses, final[None]]) / jnp.mean(y**2)
    losses = jnp.clip(losses, 1e-12, OUT_OF_SIGHT)
    predicted = jnp.sum(reach * pushes[:, None, :], axis=2)
    functions = jnp.clip(jnp.stack([outputs(weights, tests), *predicted]), -OUT_OF_SIGHT, OUT_OF_SIGHT)
    steps = jnp.arange(TRAIN_STEPS + 1.0)
    change = relative_kernel_change(own[0], empirical_ntk(network, weights, x))
    return {
        "angle": jnp.asarray(TEST_ANGLES),
        "linear": functions[1],
        "wide": functions[2],
        "shown angle": jnp.asarray(TEST_ANGLES[SHOWN_TESTS]),
        "network": functions[0, SHOWN_TESTS],
        "training angle": jnp.asarray(TRAIN_ANGLES),
        "targets": y,
        "step": steps,
        "linear loss": losses[:, 1],
        "wide loss": losses[:, 2],
        "shown step": steps[SHOWN_STEPS],
        "network loss": losses[SHOWN_STEPS, 0],
        "edge": jnp.ones(()),
        "eta": eta,
        "distance": jnp.sqrt(jnp.mean((functions[0] - functions[1]) ** 2)),
        "from wide": jnp.sqrt(jnp.mean((functions[0] - functions[2]) ** 2)),
        "change": jnp.minimum(change, OUT_OF_SIGHT),
        "diverged": (losses[-1, 0] > 2).astype(float),
        "left behind": ((losses[-1, 1] > 2) & (losses[-1, 0] <= 2)).astype(float),
        "too fast": ((losses[-1, 2] > 2) & (losses[-1, 1] <= 2)).astype(float),
        "chaotic": (rate > 1).astype(float),
    }


TRAIN = Explorable(
    "ntk.train",
    train_at_width,
    controls=[
        Stops("width", "width n", TRAIN_WIDTHS, default=32),
        Slider("alpha", "scale α of the output", 0.25, 16.0, default=1.0, scale="log"),
        Slider(
            "rate",
            "learning rate η, in units of 2/λ",
            0.1,
            2.5,
            default=0.5,
            scale="log",
            mark=("edge", "largest stable rate of the linear model"),
        ),
        Stops("seed", "seed", tuple(range(TRAIN_SEEDS)), default=0),
    ],
    panels=[
        Panel(
            Axis("place on the circle γ", "rad", limits=(-np.pi, np.pi)),
            Axis("function", limits=(-1.2, 1.2)),
            curves=[
                Curve("angle", "wide", "n = ∞", kind="limit"),
                Curve("angle", "linear", "linear"),
                Curve("shown angle", "network", "network", kind="experiment"),
                Curve("training angle", "targets", "targets", kind="mark"),
            ],
        ),
        Panel(
            Axis("step of gradient descent"),
            Axis("relative loss", scale=("log", "linear"), limits=(1e-6, 1e2)),
            curves=[
                Curve("step", "wide loss", "n = ∞", kind="limit"),
                Curve("step", "linear loss", "linear"),
                Curve("shown step", "network loss", "network", kind="experiment"),
            ],
        ),
    ],
    readouts=[
        Readout("distance", "network and linear model are apart by", digits=2),
        Readout("from wide", "network and infinite width by", digits=2),
        Readout("change", "relative change of the kernel", digits=2),
        Readout("eta", "η =", digits=2),
    ],
    notices=[
        Notice("diverged", "Gradient descent diverges. Curves are cut off where they leave."),
        Notice("left behind", "The linear model diverges and the network does not: its kernel has moved."),
        Notice("too fast", "For infinite width this η is above the largest stable rate: its kernel is larger."),
    ],
    play="alpha",
    chaotic="chaotic",
    caption=(
        "A network of one hidden layer of tanh units learns x₁x₂ from eight points of the circle by 150 steps of "
        "gradient descent, here and now (markers). The output is α times its distance from the start, and the loss is "
        "divided by α². Beside it the linear model of the same network (lines) and an infinitely wide one (dashed), "
        "after as many steps. The learning rate counts in units of 2/λ, the largest stable one, where λ is the largest "
        "eigenvalue of the network's own kernel at birth."
    ),
    alt=lambda at: (
        "Two panels. Left: the functions learned by the network, its linear model and an infinitely wide network "
        f"pass through eight targets; between them the first two are {at['distance']:.1g} apart, and the network and "
        f"infinite width {at['from wide']:.1g}, most of it where no targets are. Right: on a log axis the three losses "
        "fall together at first, then that of infinite width fastest."
    ),
)


CATAPULT_WIDTHS = (4, 16, 64, 256, 1024, 4096)
CATAPULT_STEPS = 60
SHOWN_CATAPULT = np.arange(0, CATAPULT_STEPS + 1, 2)
LARGEST_OUTPUT = 1e6


@cache
def _directions():
    """Of the sum and of the difference of the two layers: a number for each unit of the widest network."""
    return np.random.default_rng(0).normal(size=(2, CATAPULT_WIDTHS[-1]))


def _two_layers(width, f0):
    """Weights of a network whose output is ``f0`` and whose kernel is 1; units beyond ``width`` are zero."""
    used = (jnp.arange(float(CATAPULT_WIDTHS[-1])) < width).astype(float)
    # |u + v|^2 and |u - v|^2 are all that output and kernel depend on
    squares = width + 2 * jnp.sqrt(width) * jnp.stack([f0, -f0])
    directions = used * jnp.asarray(_directions())
    lengths = jnp.sqrt(jnp.maximum(squares, 0) / jnp.sum(directions**2, axis=1))
    total, difference = lengths[:, None] * directions
    return (total + difference) / 2, (total - difference) / 2


def catapult(eta, width, f0):
    """A two-layer linear network that learns one example, beside its recursion and infinite width."""

    def output(u, v):
        return jnp.sum(u * v) / jnp.sqrt(width)

    def step(weights, _):
        f, slopes = jax.value_and_grad(output, argnums=(0, 1))(*weights)
        moved = (w - eta * f * slope for w, slope in zip(weights, slopes, strict=True))
        moved = tuple(jnp.clip(w, -LARGEST_WEIGHT, LARGEST_WEIGHT) for w in moved)
        return moved, (f, sum(jnp.sum(slope**2) for slope in slopes))

    network = jax.lax.scan(step, _two_layers(width, f0), length=CATAPULT_STEPS + 1)[1]
    widths = jnp.stack([width, jnp.full_like(width, jnp.inf)])
    outputs, kernels = catapult_recursion(f0, 1.0, eta=eta, width=widths, steps=CATAPULT_STEPS)

    def within(values):
        # also where the recursion has left the numbers
        return jnp.where(jnp.abs(values) < LARGEST_OUTPUT, values, LARGEST_OUTPUT)

    f, f_wide, f_network = map(within, (*outputs, network[0]))
    kernel, network_kernel = map(within, (kernels[0], network[1]))
    loss, wide_loss, network_loss = (jnp.clip(said**2 / 2, 1e-12, LARGEST_OUTPUT) for said in (f, f_wide, f_network))
    steps = jnp.arange(CATAPULT_STEPS + 1.0)
    left, grew = loss[-1] >= LARGEST_OUTPUT, jnp.max(loss) > loss[0]
    return {
        "step": steps,
        "loss": loss,
        "wide loss": wide_loss,
        "kernel": eta * kernel,
        "two": jnp.full_like(steps, 2.0),
        "shown step": steps[SHOWN_CATAPULT],
        "network loss": network_loss[SHOWN_CATAPULT],
        "network kernel": eta * network_kernel[SHOWN_CATAPULT],
        "edge": jnp.full((), 2.0),
        "highest": jnp.max(loss) / loss[0],
        "final kernel": eta * kernel[-1],
        "diverged": left.astype(float),
        "caught": (grew & (eta * kernel[-1] < 2) & ~left).astype(float),
        # close to 4 it takes many large steps until a run is caught
        "chaotic": (eta > 3.8).astype(float),
    }


CATAPULT = Explorable(
    "ntk.catapult",
    catapult,
    controls=[
        Slider(
            "eta",
            "learning rate times first kernel, ηλ₀",
            0.5,
            4.2,
            default=2.5,
            step=0.01,
            mark=("edge", "largest stable rate at infinite width"),
        ),
        Stops("width", "width n", CATAPULT_WIDTHS, default=256),
        Slider("f0", "output f₀ at the start", 0.01, 1.0, default=0.3, scale="log"),
    ],
    panels=[
        Panel(
            Axis("step of gradient descent"),
            Axis("loss", scale=("log", "linear"), limits=(1e-8, 1e4)),
            curves=[
                Curve("step", "wide loss", "n = ∞", kind="limit"),
                Curve("step", "loss", "recursion"),
                Curve("shown step", "network loss", "network", kind="experiment"),
            ],
        ),
        Panel(
            Axis("step of gradient descent"),
            Axis("rate times kernel, ηλ", limits=(0.0, 4.5)),
            curves=[
                Curve("step", "two", "2", kind="limit"),
                Curve("step", "kernel", "recursion"),
                Curve("shown step", "network kernel", "network", kind="experiment"),
            ],
        ),
    ],
    readouts=[
        Readout("highest", "highest loss, in units of the first,", digits=2),
        Readout("final kernel", f"ηλ after {CATAPULT_STEPS} steps"),
    ],
    notices=[
        Notice("caught", "A catapult: the loss grows until the kernel has fallen to where the rate is stable."),
        Notice("diverged", "Gradient descent diverges. Curves are cut off where they leave."),
    ],
    play="eta",
    chaotic="chaotic",
    caption=(
        "Two linear layers of n units learn one example, whose target is 0, from an output f₀ and a kernel λ₀ = 1. The "
        "exact recursion of output and kernel (lines), a network trained here and now by automatic differentiation, "
        "which agrees with it to rounding (markers), and infinite width, where the kernel cannot move (dashed). Right: "
        "descent settles where ηλ is below 2 (dashed)."
    ),
    alt=lambda at: (
        "Two panels against the step of gradient descent. Left, on a log axis: the loss grows to "
        f"{at['highest']:.2g} times its start, turns, and vanishes, while the dashed loss of infinite width grows on; "
        f"markers of the network lie on the line. Right: learning rate times kernel falls from {at['kernel'][0]:.2g} "
        f"through the dashed 2 to {at['final kernel']:.2g} as the loss turns, and stays there."
    ),
)

EXPLORABLES = (CIRCLE, SPECTRUM, TRAIN, CATAPULT)
