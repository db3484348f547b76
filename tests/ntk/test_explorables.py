"""What the reader can move in Chapter 2, against NumPy, over the whole box of controls."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm
from scipy.special import erf

from solvable import ntk
from solvable.explore.live import sentences
from solvable.ntk import explorables
from solvable.ntk.explorables import CATAPULT, CIRCLE, EXPLORABLES, SPECTRUM, TRAIN
from tests.explorable_rules import check_finite_in_single_precision, check_positive_on_log_axes


def circle(angles):
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


# All of them


def test_every_result_is_finite_in_single_precision_too():
    check_finite_in_single_precision(EXPLORABLES)


@pytest.mark.parametrize("explorable", EXPLORABLES, ids=lambda explorable: explorable.id)
def test_what_is_drawn_on_log_axes_is_positive(explorable):
    check_positive_on_log_axes(explorable)


# The kernel on the circle

EVEN = 2 * np.pi * np.arange(64) / 64
KINDS = [
    {"activation": 0, "hidden": 1, "sigma_w": 1.4, "sigma_b": 0.1},
    {"activation": 0, "hidden": 6, "sigma_w": 0.5, "sigma_b": 1.0},
    {"activation": 0, "hidden": 3, "sigma_w": 3.0, "sigma_b": 0.0},
    {"activation": 1, "hidden": 2, "sigma_w": 1.7, "sigma_b": 0.0},
    {"activation": 1, "hidden": 5, "sigma_w": 2.5, "sigma_b": 0.7},
    {"activation": 2, "hidden": 4, "sigma_w": 1.1, "sigma_b": 0.3},
]


def kernels(angles, activation, hidden, sigma_w, sigma_b):
    name = ("relu", "erf", "linear")[activation]
    kind = {"hidden_layers": hidden, "activation": name, "sigma_w": sigma_w, "sigma_b": sigma_b}
    return (np.asarray(kernel) for kernel in ntk.nngp_and_ntk(circle(angles), **kind))


@pytest.mark.parametrize("kind", KINDS)
def test_lines_are_the_kernels_of_the_theory(kind):
    at = CIRCLE.evaluate(**kind)
    assert len(at["angle"]) == 129
    assert (at["angle"][0], at["angle"][64], at["angle"][-1]) == (-np.pi, 0, np.pi)
    # the first input is the one at angle 0, and the others go around from there
    nngp, theta = kernels(np.append(0.0, at["angle"]), **kind)
    # some tens of roundings in each of up to six layers, and close to 0 a root that multiplies them
    np.testing.assert_allclose(at["nngp"], nngp[0, 1:], rtol=1e-11, atol=1e-11 * nngp[0, 0])
    away = np.abs(at["angle"]) > 0
    np.testing.assert_allclose(at["ntk"][away], theta[0, 1:][away], rtol=1e-11, atol=1e-11 * theta[0, 0])
    assert at["here"] == at["ntk"][64] == pytest.approx(theta[0, 0], rel=1e-13)
    assert at["opposite"] == pytest.approx(theta[0, 1] / theta[0, 0], abs=1e-12)


@pytest.mark.parametrize("hidden", [1, 4])
def test_a_critical_network_without_biases_has_the_kernel_of_its_closed_form(hidden):
    at = CIRCLE.evaluate(activation=0, hidden=hidden, sigma_w=math.sqrt(2), sigma_b=0.0)
    # the cosine of the angle follows the arc-cosine map, and each layer adds it to what the layers above let through
    cosine = np.cos(at["angle"])
    theta = cosine
    for _ in range(hidden):
        angle = np.arccos(np.clip(cosine, -1, 1))
        cosine = (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi
        theta = theta * (np.pi - angle) / np.pi + cosine
    # an arc cosine near 1 loses half of the digits
    np.testing.assert_allclose(at["nngp"], cosine, rtol=0, atol=1e-7)
    np.testing.assert_allclose(at["ntk"], theta, rtol=0, atol=1e-7 * (hidden + 1))


@pytest.mark.parametrize("kind", KINDS)
def test_eigenvalues_are_those_of_the_matrix(kind):
    at = CIRCLE.evaluate(**kind)
    theta = list(kernels(EVEN, **kind))[1] / 64
    each_once = np.append(at["constant"], at["eigenvalues"]) * at["here"]
    # of frequencies 1 to 31 a cosine and a sine
    found = np.sort(np.concatenate([each_once, each_once[1:-1]]))
    expected = np.linalg.eigvalsh(theta)
    floor = 1e-9 * at["here"]
    # eigenvalues of a matrix are sure to some roundings of the largest; those too small for that are drawn at the floor
    np.testing.assert_allclose(np.maximum(found, floor), np.maximum(expected, floor), rtol=0, atol=1e-12 * at["here"])
    for k in (1, 2, 7, 32):
        wave = np.cos(k * EVEN)
        rayleigh = wave @ theta @ wave / (wave @ wave) / at["here"]
        # as close as the kernels are
        assert at["eigenvalues"][k - 1] == pytest.approx(max(rayleigh, 1e-9), abs=1e-11)
    assert at["frequency"].tolist() == list(range(1, 33))


def test_without_biases_one_layer_does_not_learn_odd_frequencies():
    values = CIRCLE.evaluate(activation=0, hidden=1, sigma_b=0.0)["eigenvalues"]
    assert (values[2::2] == 1e-9).all()
    assert (values[1::2] > 1e-5).all()
    assert (CIRCLE.evaluate(activation=0, hidden=2, sigma_b=0.0)["eigenvalues"] > 1e-5).all()


def plain_network(activation, hidden, sigma_w, sigma_b, width, seed):
    """Gradients by hand of a network of exactly ``width`` units, at the even inputs: one row an input."""
    phi = (lambda z: np.maximum(z, 0), erf, lambda z: z)[activation]
    slope = (lambda z: 1.0 * (z > 0), lambda z: 2 / np.sqrt(np.pi) * np.exp(-(z**2)), np.ones_like)[activation]
    first, biases, readout, pool = (np.asarray(w, float) for w in explorables._weights())
    weights = [first[seed][:width]]
    weights += [pool[(2 * seed + layer) % 6][:width, :width] / 32 for layer in range(hidden - 1)]
    rows = []
    for x in circle(EVEN):
        entering, preactivations = [x], []
        for layer, w in enumerate(weights):
            z = sigma_w / np.sqrt(w.shape[1]) * w @ entering[-1] + sigma_b * biases[seed][layer][:width] / 32
            preactivations.append(z)
            entering.append(phi(z))
        scale = sigma_w / np.sqrt(width)
        gradient = [scale * entering[-1], [sigma_b]]
        back = scale * readout[seed][:width] / 32
        for layer in range(hidden - 1, -1, -1):
            delta = back * slope(preactivations[layer])
            fan = weights[layer].shape[1]
            gradient += [(sigma_w / np.sqrt(fan) * np.outer(delta, entering[layer])).ravel(), sigma_b * delta]
            back = sigma_w / np.sqrt(fan) * weights[layer].T @ delta
        rows.append(np.concatenate(gradient))
    return np.array(rows)


@pytest.mark.parametrize(
    ("kind", "width", "seed"), list(zip(KINDS, (16, 64, 128, 32, 64, 16), (0, 1, 2, 2, 1, 0), strict=True))
)
def test_markers_are_the_kernel_of_a_network(kind, width, seed):
    at = CIRCLE.evaluate(**kind, width=width, seed=seed)
    gradients = plain_network(**kind, width=width, seed=seed)
    theta = gradients @ gradients.T
    shown = np.round(at["shown angle"] / (2 * np.pi / 64)).astype(int)
    assert (shown[0], shown[-1], len(shown)) == (-32, 32, 33)
    # sums of up to 80 000 products
    close = {"rtol": 1e-11, "atol": 1e-11 * theta[0, 0]}
    np.testing.assert_allclose(at["network"], theta[0, shown % 64], **close)
    along = []
    for k in range(1, 33):
        waves = [wave for wave in (np.cos(k * EVEN), np.sin(k * EVEN)) if np.abs(wave).max() > 0.5]
        along.append(np.mean([wave @ theta @ wave / (wave @ wave) for wave in waves]) / 64)
    np.testing.assert_allclose(at["network eigenvalues"], np.maximum(along / at["here"], 1e-9), rtol=1e-9, atol=1e-12)
    wide = list(kernels(EVEN, **kind))[1][0]
    assert at["distance"] == pytest.approx(np.linalg.norm(theta[0] - wide) / np.linalg.norm(wide), rel=1e-9)


def test_wider_networks_are_closer():
    typical = [np.mean([CIRCLE.evaluate(hidden=1, width=n, seed=s)["distance"] for s in range(3)]) for n in (16, 64)]
    # in the mean of many seeds it is a factor of 2; these are three
    assert typical[1] < 0.8 * typical[0]


# Which components first


def setting(activation, hidden, noise, seed):
    """The kernel between the inputs and from the inputs and the places between them, the truth and noisy targets."""
    name = ("relu", "erf")[activation]
    kind = {"hidden_layers": hidden, "activation": name, "sigma_w": math.sqrt(2), "sigma_b": 0.5}
    x, between = circle(EVEN), circle(EVEN + np.pi / 64)
    theta = np.asarray(ntk.nngp_and_ntk(x, **kind).ntk)
    across = np.asarray(ntk.nngp_and_ntk(between, x, **kind).ntk)
    draws = np.random.default_rng(0).normal(size=(4, 64))
    truth = sum(
        size * math.sqrt(2 / 33) * np.cos(k * EVEN - phase)
        for k, size, phase in ((1, 4, 0.0), (2, 3, 1.0), (4, 2, 2.5), (8, 2, 0.5))
    )
    return theta, across, truth, truth + noise * draws[seed]


SETTINGS = [(0, 1, 0.5, 0), (0, 6, 1.0, 3), (0, 3, 0.0, 1), (1, 2, 0.3, 2)]


@pytest.mark.parametrize(("activation", "hidden", "noise", "seed"), SETTINGS)
@pytest.mark.parametrize("time", [0.1, 7.0, 500.0, 1e5])
def test_the_fit_is_gradient_flow_with_the_matrix(activation, hidden, noise, seed, time):
    at = SPECTRUM.evaluate(activation=activation, hidden=hidden, noise=noise, seed=seed, time=time)
    theta, across, truth, y = setting(activation, hidden, noise, seed)
    places = np.round(at["angle"] / (np.pi / 64)).astype(int)
    assert (places[0], places[-1], len(places)) == (-64, 64, 129)
    on = places % 2 == 0
    inputs = places[on] // 2 % 64
    left = expm(-time * theta / 64)
    # squaring and scaling multiplies rounding by the norm of the exponent
    close = {"rtol": 0, "atol": 1e-14 * max(1e3, time * theta.sum(axis=1).max() / 64)}
    np.testing.assert_allclose(at["fit"][on], (y - left @ y)[inputs], **close)
    np.testing.assert_allclose(at["target"][on], truth[inputs], rtol=0, atol=1e-13)
    np.testing.assert_allclose(at["data"], y[inputs], rtol=0, atol=1e-13)
    np.testing.assert_allclose(at["input"], at["angle"][on], rtol=1e-14)
    # between the inputs what the flow adds up to, over eigenvalues that are off by 1e-15 in an exponent of up to 1e5
    values, vectors = np.linalg.eigh(theta / 64)
    added = -np.expm1(-values * time) / values * vectors @ (vectors.T @ y)
    between = (places[~on] - 1) // 2 % 64
    np.testing.assert_allclose(at["fit"][~on], (across @ added / 64)[between], rtol=0, atol=1e-9)
    assert (at["now"], at["all now"].tolist()) == (time, [time] * 4)
    risk = np.mean((left @ truth) ** 2) + noise**2 / 64 * np.sum((np.eye(64) - left) ** 2)
    assert at["risk now"] == pytest.approx(risk, abs=2 * close["atol"])
    assert at["here"] == max(at["risk now"], 1e-9)


@pytest.mark.parametrize(("activation", "hidden", "noise", "seed"), SETTINGS)
def test_risks_are_those_of_the_matrix_and_of_one_draw(activation, hidden, noise, seed):
    at = SPECTRUM.evaluate(activation=activation, hidden=hidden, noise=noise, seed=seed)
    theta, _, truth, y = setting(activation, hidden, noise, seed)
    values, vectors = np.linalg.eigh(theta / 64)

    def filtered(t):
        return vectors * -np.expm1(-np.maximum(values, 0) * t) @ vectors.T

    # the eigenvalues are off by 1e-15, in an exponent up to 1e5 times as large
    close = {"rtol": 1e-8, "atol": 1e-10}
    clock = at["time"]
    assert (clock[0], clock[-1]) == pytest.approx((0.1, 1e5))
    filters = [filtered(t) for t in clock]
    bias = np.array([np.mean((truth - f @ truth) ** 2) for f in filters])
    variance = np.array([noise**2 * np.sum(f**2) / 64 for f in filters])
    np.testing.assert_allclose(at["bias"], np.maximum(bias, 1e-9), **close)
    np.testing.assert_allclose(at["variance"], np.maximum(variance, 1e-9), **close)
    np.testing.assert_allclose(at["risk"], np.maximum(bias + variance, 1e-9), **close)
    happened = [np.mean((filtered(t) @ y - truth) ** 2) for t in at["measured time"]]
    np.testing.assert_allclose(at["measured risk"], np.maximum(happened, 1e-9), **close)
    for k in (1, 2, 4, 8):
        wave = np.cos(k * EVEN)
        learned = [wave @ f @ wave / (wave @ wave) for f in filters]
        np.testing.assert_allclose(at[f"learned {k}"], learned, **close)
        now = wave @ filtered(30.0) @ wave / (wave @ wave)
        assert at["learned now"][(1, 2, 4, 8).index(k)] == pytest.approx(now, abs=1e-10)
    if noise:
        best = np.argmin(bias + variance)
        assert at["best time"] == clock[best]
        assert at["best risk"] == pytest.approx((bias + variance)[best], rel=1e-9)
        assert 0 < best < len(clock) - 1
    assert at["final risk"] == noise**2


def test_without_noise_the_best_time_is_when_nothing_is_left():
    at = SPECTRUM.evaluate(noise=0.0)
    assert at["best risk"] < 1e-12
    assert at["best time"] < at["time"][-1]
    assert sentences(SPECTRUM, at)[-1] == "after an infinite time 0"


# Training on the spot

ANGLES = np.array([-2.9, -2.3, -1.5, -1.0, -0.4, 0.3, 0.9, 2.4])


class Plain:
    """A network of one hidden layer of exactly ``width`` units, with gradients by hand."""

    def __init__(self, width, seed):
        into, bias, out, last = explorables._births()
        self.width = width
        self.start = [into[seed][:width], bias[seed][:width], out[seed][:width], np.array([last[seed]])]

    def __call__(self, weights, x):
        into, bias, out, last = weights
        return 2 / np.sqrt(self.width) * np.tanh(2 / np.sqrt(2) * x @ into.T + bias) @ out + last[0]

    def gradients(self, weights, x):
        into, bias, out, _ = weights
        h = np.tanh(2 / np.sqrt(2) * x @ into.T + bias)
        back = 2 / np.sqrt(self.width) * out * (1 - h**2)
        first = 2 / np.sqrt(2) * back[:, :, None] * x[:, None, :]
        parts = [first.reshape(len(x), -1), back, 2 / np.sqrt(self.width) * h, np.ones((len(x), 1))]
        return np.concatenate(parts, axis=1)

    def moved(self, weights, change):
        ends = np.cumsum([w.size for w in weights])[:-1]
        return [w + part.reshape(w.shape) for w, part in zip(weights, np.split(change, ends), strict=True)]


TRAININGS = [
    {"width": 32, "alpha": 1.0, "rate": 0.5, "seed": 0},
    {"width": 8, "alpha": 0.25, "rate": 0.9, "seed": 1},
    {"width": 256, "alpha": 16.0, "rate": 0.1, "seed": 3},
    {"width": 64, "alpha": 4.0, "rate": 0.7, "seed": 2},
]


@pytest.mark.parametrize("kind", TRAININGS)
def test_a_network_its_linear_model_and_the_wide_one_are_plain_descent(kind):
    at = TRAIN.evaluate(**kind)
    x, tests = circle(ANGLES), circle(at["angle"])
    y, alpha = x[:, 0] * x[:, 1], kind["alpha"]
    net = Plain(kind["width"], kind["seed"])
    before, seen_before = net.gradients(net.start, x), net.gradients(net.start, tests)
    theta = before @ before.T
    eta = kind["rate"] * 2 / np.linalg.eigvalsh(theta / 8)[-1]
    # the power that finds the largest eigenvalue leaves nothing of the others here
    assert at["eta"] == pytest.approx(eta, rel=1e-12)

    weights, linear = net.start, np.zeros(before.shape[1])
    losses, linear_losses = [], []
    for step in range(151):
        error = alpha * (net(weights, x) - net(net.start, x)) - y
        linear_error = alpha * before @ linear - y
        losses.append(np.mean(error**2))
        linear_losses.append(np.mean(linear_error**2))
        if step < 150:
            weights = net.moved(weights, -eta / (8 * alpha) * error @ net.gradients(weights, x))
            linear = linear - eta / (8 * alpha) * linear_error @ before
    # rounding of 1e-16 in each of 150 steps, divided by an output scale down to a quarter, hardly amplified below the
    # largest stable rate; differences of outputs of order 1 are multiplied by up to 16
    close = {"rtol": 0, "atol": 1e-11}
    trained = alpha * (net(weights, tests) - net(net.start, tests))
    np.testing.assert_allclose(at["network"], trained[::2], **close)
    np.testing.assert_allclose(at["shown angle"], at["angle"][::2], rtol=1e-14)
    np.testing.assert_allclose(at["linear"], alpha * seen_before @ linear, **close)
    np.testing.assert_allclose(at["network loss"], np.array(losses)[::5] / np.mean(y**2), **close)
    np.testing.assert_allclose(at["linear loss"], np.array(linear_losses) / np.mean(y**2), **close)
    after = net.gradients(weights, x)
    change = np.linalg.norm(after @ after.T - theta) / np.linalg.norm(theta)
    assert at["change"] == pytest.approx(change, abs=1e-10)
    assert at["distance"] == pytest.approx(np.sqrt(np.mean((trained - at["linear"]) ** 2)), abs=1e-11)
    assert at["from wide"] == pytest.approx(np.sqrt(np.mean((trained - at["wide"]) ** 2)), abs=1e-11)

    wide = {"hidden_layers": 1, "activation": jnp.tanh, "sigma_w": 2.0, "sigma_b": 1.0}
    tt, st = ntk.nngp_and_ntk(x, **wide).ntk, ntk.nngp_and_ntk(tests, x, **wide).ntk
    predicted = ntk.kernel_gradient_descent(tt, y, eta=eta, steps=np.arange(151), ntk_st=st)
    # both by one kernel, whose quadrature is deterministic
    np.testing.assert_allclose(at["wide"], predicted.test[-1], rtol=1e-9, atol=1e-10)
    wide_losses = np.mean((np.asarray(predicted.train) - y) ** 2, axis=1) / np.mean(y**2)
    np.testing.assert_allclose(at["wide loss"], wide_losses, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(at["training angle"], ANGLES, rtol=1e-14)
    np.testing.assert_allclose(at["targets"], y, rtol=0, atol=1e-15)
    assert sentences(TRAIN, at)[4:] == []


@pytest.mark.parametrize("width", explorables.TRAIN_WIDTHS)
@pytest.mark.parametrize("seed", range(4))
def test_the_unit_of_the_rate_is_where_the_linear_model_becomes_unstable(width, seed):
    net = Plain(width, seed)
    gradients = net.gradients(net.start, circle(ANGLES))
    stable = 2 / np.linalg.eigvalsh(gradients @ gradients.T / 8)[-1]
    # two nearly equal eigenvalues are told apart by a power of 2^14 to a few parts in 1e5 of their sum
    assert TRAIN.evaluate(width=width, seed=seed, rate=1.0)["eta"] == pytest.approx(stable, rel=5e-5)
    assert TRAIN.evaluate(width=width, seed=seed)["edge"] == 1


def test_departures_fall_with_width_and_scale():
    def typical(name, **at):
        return np.exp(np.mean([np.log(TRAIN.evaluate(seed=seed, **at)[name]) for seed in range(4)]))

    # 1/alpha, where alpha is large
    for name in ("distance", "change"):
        ratio = typical(name, alpha=8.0) / typical(name, alpha=16.0)
        assert ratio == pytest.approx(2, rel=0.1)
    # 1/n in the mean of many networks; these are four
    assert 4 < typical("change", width=32) / typical("change", width=256) < 16
    # the kernel at birth stays what it is
    assert typical("from wide", width=32, alpha=16.0) > 5 * typical("distance", width=32, alpha=16.0)


def test_above_the_stable_rate_the_network_survives_its_linear_model():
    at = TRAIN.evaluate(rate=1.3)
    assert (at["diverged"], at["left behind"]) == (0, 1)
    assert (at["linear loss"][-1], at["chaotic"]) == (1e3, 1)
    assert at["network loss"][-1] < 1e-3
    assert "its kernel has moved" in sentences(TRAIN, at)[-1]
    at = TRAIN.evaluate(rate=2.5)
    assert (at["diverged"], at["left behind"]) == (1, 0)
    assert "diverges" in sentences(TRAIN, at)[-1]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("width", [16, 64, 128])
def test_a_rate_that_is_too_large_for_infinite_width_is_said(width, seed):
    at = TRAIN.evaluate(width=width, seed=seed, rate=0.95)
    kind = {"hidden_layers": 1, "activation": jnp.tanh, "sigma_w": 2.0, "sigma_b": 1.0}
    largest = np.linalg.eigvalsh(ntk.nngp_and_ntk(circle(ANGLES), **kind).ntk / 8)[-1]
    part = at["eta"] * largest / 2
    assert abs(part - 1) > 0.05  # so that 150 steps show on which side it is
    assert (at["too fast"], at["left behind"], at["diverged"]) == (part > 1, 0, 0)


# The catapult


def two_layers_by_hand(eta, width, f0, steps=60):
    """Two vectors with the output and the kernel asked for, in directions of their own, and plain descent."""
    draw = np.random.default_rng(7)
    p, q = np.linalg.qr(draw.normal(size=(width, 2)))[0].T
    # u = a p + b q and v = a p - b q: u.v = a^2 - b^2 and |u|^2 + |v|^2 = 2 (a^2 + b^2)
    a, b = math.sqrt((width / 2 + math.sqrt(width) * f0) / 2), math.sqrt((width / 2 - math.sqrt(width) * f0) / 2)
    u, v = a * p + b * q, a * p - b * q
    path = []
    for _ in range(steps + 1):
        f = u @ v / math.sqrt(width)
        path.append((f, (u @ u + v @ v) / width))
        u, v = u - eta * f * v / math.sqrt(width), v - eta * f * u / math.sqrt(width)
    return np.array(path).T


@pytest.mark.parametrize(
    ("eta", "width", "f0"),
    [(2.5, 256, 0.3), (0.5, 4, 1.0), (1.9, 16, 0.1), (2.2, 4096, 0.01), (3.5, 1024, 1.0), (3.0, 4, 0.5)],
)
def test_the_recursion_and_the_network_are_plain_descent(eta, width, f0):
    at = CATAPULT.evaluate(eta=eta, width=width, f0=f0)
    f, kernel = two_layers_by_hand(eta, width, f0)
    loss = np.clip(f**2 / 2, 1e-12, 1e6)
    # outputs grow up to some tens, and their roundings with them, by a factor of a thousand
    np.testing.assert_allclose(at["loss"], loss, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(at["network loss"], loss[::2], rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(at["kernel"], eta * kernel, rtol=1e-9)
    np.testing.assert_allclose(at["network kernel"], eta * kernel[::2], rtol=1e-9)
    assert (at["network loss"][0], at["network kernel"][0]) == pytest.approx((f0**2 / 2, eta), rel=1e-13)
    wide = (f0 * (1 - eta) ** np.arange(61.0)) ** 2 / 2
    np.testing.assert_allclose(at["wide loss"], np.where(wide < 5e11, np.clip(wide, 1e-12, 1e6), 1e6), rtol=1e-11)
    assert at["highest"] == pytest.approx(loss.max() / loss[0], rel=1e-9)
    assert at["final kernel"] == pytest.approx(eta * kernel[-1], rel=1e-9)
    np.testing.assert_array_equal(at["step"], range(61))
    np.testing.assert_array_equal(at["shown step"], range(0, 61, 2))
    assert (at["two"] == 2).all()


@pytest.mark.parametrize("width", explorables.CATAPULT_WIDTHS)
def test_the_network_has_as_many_units_as_it_says(width):
    u, v = (np.asarray(w) for w in explorables._two_layers(np.float64(width), np.float64(0.3)))
    assert np.count_nonzero(u) == np.count_nonzero(v) == width
    assert u @ v / math.sqrt(width) == pytest.approx(0.3, rel=1e-12)
    assert (u @ u + v @ v) / width == pytest.approx(1, rel=1e-12)


def test_three_phases_are_told_apart():
    small, medium, large = (CATAPULT.evaluate(eta=eta) for eta in (1.9, 2.5, 4.1))
    assert [(at["caught"], at["diverged"]) for at in (small, medium, large)] == [(0, 0), (1, 0), (0, 1)]
    assert small["highest"] == 1 < medium["highest"]
    assert medium["final kernel"] < 2
    assert sentences(CATAPULT, small)[2:] == []
    assert "catapult" in sentences(CATAPULT, medium)[-1]
    assert "diverges" in sentences(CATAPULT, large)[-1]
    # a width at which one step is enough for the kernel to fall: nothing was thrown
    assert CATAPULT.evaluate(eta=2.5, width=4, f0=1.0)["caught"] == 0
