"""What the reader can move in Chapter 1, against integrators, plain loops and NumPy, over the whole box of controls."""

import math

import jax
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import digamma

from solvable import deep_linear as dl
from solvable.deep_linear import explorables
from solvable.deep_linear.experiment import gradient_descent, product_singular_values
from solvable.deep_linear.experiment.stack import descend_stack
from solvable.deep_linear.explorables import LAZY_TO_RICH, MODES, PRODUCTS, TRAIN
from solvable.explore.live import sentences

# the global error of DOP853 at rtol = 1e-12 over these intervals is 1e-11 or less
INTEGRATED = 1e-10


def integrate(velocity, times, start):
    """Solutions at ``times``, which may come in any order and more than once."""
    unique, index = np.unique(np.append(times, 0.0), return_inverse=True)
    run = solve_ivp(velocity, (0, unique[-1]), start, method="DOP853", t_eval=unique, rtol=1e-12, atol=1e-16)
    return run.y[:, index[:-1]]


# Modes


@pytest.mark.parametrize("depth", [1, 2, 3, 16, math.inf])
def test_strengths_are_those_of_the_depth(depth):
    at = MODES.evaluate(depth=depth, spread=5.0, tau=1.7)
    layers = 1 if math.isinf(depth) else depth
    for k, power in enumerate((1 / 2, 1 / 6, -1 / 6, -1 / 2)):
        expected = dl.mode_strength(at["time"] / layers, 5.0**power, 1e-3, tau=1.7, depth=depth)
        # L t is at most some thousands, and its rounding is multiplied by a speed below 1: thousands of eps
        np.testing.assert_allclose(at[f"mode {k + 1}"], expected, rtol=1e-11)


@pytest.mark.parametrize(("depth", "tau"), [(2, 1.0), (2, 0.6), (3, 1.7)])
def test_strengths_half_times_and_loss_follow_the_differential_equation(depth, tau):
    at = MODES.evaluate(depth=depth, tau=tau, spread=5.0, u0=1e-3)
    s = np.array([5.0 ** (1 / 2), 5.0 ** (1 / 6), 5.0 ** (-1 / 6), 5.0 ** (-1 / 2)])

    def velocity(_, u):  # by L t
        return u ** (2 - 2 / depth) * (s - u) / tau

    u = integrate(velocity, at["time"], np.full(4, 1e-3))
    np.testing.assert_allclose([at[f"mode {k + 1}"] for k in range(4)], u, atol=INTEGRATED)
    loss = sum((s[:, None] - u) ** 2) / sum((s - 1e-3) ** 2)
    # the derivative of each square is at most 2 s, and they are divided by a sum above 1
    np.testing.assert_allclose(at["loss"], loss, atol=10 * INTEGRATED)
    halves = [at[f"half-time {k + 1}"] for k in range(4)]
    np.testing.assert_array_equal(at["half times"], halves)
    np.testing.assert_allclose(at["half strengths"], s / 2, rtol=1e-14)
    np.testing.assert_allclose(np.diag(integrate(velocity, halves, np.full(4, 1e-3))), s / 2, atol=INTEGRATED)


def test_the_window_shows_every_mode_and_does_not_follow_tau():
    at = MODES.evaluate(spread=10.0)
    assert all(at[f"mode {k + 1}"][-1] > 0.99 * 10 ** (0.5 - k / 3) for k in range(4))
    np.testing.assert_allclose(MODES.evaluate(spread=10.0, tau=2.0)["time"][-1], at["time"][-1], rtol=1e-14)
    assert at["time"][0] == 0


def test_curves_follow_every_jump():
    for at in MODES.corners():
        results = MODES.evaluate(**at)
        assert (np.diff(results["time"]) >= 0).all()
        for k, power in enumerate((1 / 2, 1 / 6, -1 / 6, -1 / 2)):
            steps = np.diff(results[f"mode {k + 1}"]) / at["spread"] ** power
            # 16 places from -5 to 5 on the logit are 2/3 apart: at most tanh(1/6) of the way between two of them
            assert np.abs(steps).max() < math.tanh(1 / 6) + 1e-9, at


# From lazy to rich


@pytest.mark.parametrize(("c", "s", "u0"), [(0.3, 1.0, 0.01), (1e-3, 4.0, 1e-4), (100.0, 0.25, 0.1), (2.0, 3.0, 0.05)])
def test_layers_kernel_and_limits_follow_their_equations(c, s, u0):
    at = LAZY_TO_RICH.evaluate(imbalance=c, s=s, u0=u0)
    t = at["time"]
    b0 = math.sqrt((c + math.sqrt(c**2 + 4 * u0**2)) / 2)
    a, b = integrate(lambda _, x: x[::-1] * (s - x[0] * x[1]), t, [u0 / b0, b0])
    # learned modes at a large imbalance are stiff, where the method's error is ten times that of the others
    close = {"rtol": 10 * INTEGRATED, "atol": 10 * INTEGRATED}
    np.testing.assert_allclose(at["strength"], a * b, **close)
    np.testing.assert_allclose(at["kernel"], (a**2 + b**2) / ((u0 / b0) ** 2 + b0**2), **close)
    (u,) = integrate(lambda _, u: (s - u) * np.sqrt(4 * u**2 + c**2), t, [u0])
    np.testing.assert_allclose(at["strength"], u, **close)
    (lazy,) = integrate(lambda _, u: c * (s - u), t, [u0])
    np.testing.assert_allclose(at["lazy"], lazy, **close)
    (rich,) = integrate(lambda _, u: 2 * u * (s - u), t, [u0])
    np.testing.assert_allclose(at["rich"], rich, **close)
    assert at["from lazy"] == pytest.approx(np.abs(u - lazy).max() / s, abs=1e-8)
    assert at["from rich"] == pytest.approx(np.abs(u - rich).max() / s, abs=1e-8)
    # the slower limit has all but arrived
    assert at["rich"][-1] == pytest.approx(0.999 * s, rel=1e-9)
    # a^2 + b^2 = sqrt(c^2 + 4 u^2), at u = s
    assert at["growth"] == pytest.approx(math.sqrt((c**2 + 4 * s**2) / (c**2 + 4 * u0**2)), rel=1e-12)


def test_a_mode_is_never_later_than_either_limit():
    for at in LAZY_TO_RICH.corners() + LAZY_TO_RICH.random_points(20):
        results = LAZY_TO_RICH.evaluate(**at)
        latest = np.maximum(results["lazy"], results["rich"])
        # they touch at both ends, but for some tens of roundings
        assert (results["strength"] >= latest - 1e-13 * at["s"]).all(), at


# Training on the spot


def strengths_by_loop(eta, depth, u0, steps=300):
    path = []
    for s in (2.0, 1.0, 0.5):
        a, mode = u0 ** (1 / depth), []
        for _ in range(steps + 1):
            mode.append(math.prod([a] * depth))
            a += eta * math.prod([a] * (depth - 1)) * (s - mode[-1])
        path.append(mode)
    return np.array(path)


def stable_rate(depth, s=2.0):
    return 2 / (depth * s ** (2 - 2 / depth))


@pytest.mark.parametrize("depth", range(1, 7))
def test_an_aligned_network_is_the_recursion_and_that_is_a_loop(depth):
    for part, u0, seed in ((0.9, 0.01, 0), (0.3, 0.1, 5)):
        eta = part * stable_rate(depth)
        at = TRAIN.evaluate(eta=eta, depth=depth, u0=u0, misalignment=0.0, seed=seed)
        # roundings of 1e-16 grow as the weakest mode does: a few hundred times, in each of six layers
        assert at["distance"] < 1e-9
        path = strengths_by_loop(eta, depth, u0)
        for k in range(3):
            np.testing.assert_allclose(at[f"recursion {k + 1}"], path[k], atol=1e-9)
            np.testing.assert_allclose(at[f"network {k + 1}"], path[k, ::10], atol=1e-9)
        loss = sum((s - mode) ** 2 for s, mode in zip((2.0, 1.0, 0.5), path, strict=True)) / 5.25
        np.testing.assert_allclose(at["recursion loss"], np.maximum(loss, 1e-12), atol=1e-9)
        np.testing.assert_allclose(at["network loss"], np.maximum(loss, 1e-12)[::10], atol=1e-9)
        assert at["final loss"] == at["network loss"][-1]
        assert sentences(TRAIN, at)[3:] == []


def test_a_misaligned_network_leaves_the_recursion():
    near, far = (TRAIN.evaluate(misalignment=x)["distance"] for x in (0.01, 1.0))
    assert 1e-6 < near < far


@pytest.mark.parametrize("depth", [2, 3])
def test_the_dashed_curves_are_the_flow(depth):
    at = TRAIN.evaluate(depth=depth, eta=0.1, u0=0.01)
    s = np.array([2.0, 1.0, 0.5])
    u = integrate(lambda _, u: depth * u ** (2 - 2 / depth) * (s - u), 0.1 * at["flow step"], np.full(3, 0.01))
    np.testing.assert_allclose([at[f"flow {k + 1}"] for k in range(3)], u, atol=INTEGRATED)


@pytest.mark.parametrize("depth", range(1, 7))
def test_the_marked_rate_is_where_the_strongest_mode_begins_to_leave(depth):
    at = TRAIN.evaluate(depth=depth)
    assert at["stable"] == pytest.approx(stable_rate(depth), rel=1e-14)
    # by a loop: near its target the mode comes closer below the rate, and leaves above
    for part, leaves in ((0.95, False), (1.05, True)):
        a = (2.0 + 1e-6) ** (1 / depth)
        for _ in range(20):
            a += part * float(at["stable"]) * a ** (depth - 1) * (2.0 - a**depth)
        assert (abs(a**depth - 2.0) > 1e-6) == leaves


@pytest.mark.parametrize("depth", range(1, 7))
def test_a_run_that_diverges_says_so_with_finite_numbers(depth):
    at = TRAIN.evaluate(depth=depth, eta=2.5)
    assert all(np.isfinite(result).all() for result in at.values())
    assert (at["diverged"], at["unsettled"]) == (1, 0)
    assert "diverges" in sentences(TRAIN, at)[-1]


def test_a_run_that_cannot_settle_says_so():
    at = TRAIN.evaluate(depth=2, eta=1.1 * stable_rate(2))
    assert (at["diverged"], at["unsettled"]) == (0, 1)
    assert "oscillates" in sentences(TRAIN, at)[-1]


@pytest.fixture(scope="module")
def start():
    draw = np.random.default_rng(3)
    layers = 0.6 * np.eye(5) + 0.3 * draw.normal(size=(6, 5, 5))
    return layers, draw.normal(size=(5, 5))


def descend_by_hand(weights, target, eta, steps):
    weights, seen = [w.copy() for w in weights], []
    for _ in range(steps + 1):
        below = [np.eye(5)]
        for w in weights:
            below.append(w @ below[-1])
        seen.append(below[-1])
        back, changes = target - below[-1], []
        for w, lower in zip(weights[::-1], below[-2::-1], strict=True):
            changes.append(back @ lower.T)
            back = w.T @ back
        weights = [w + eta * change for w, change in zip(weights, changes[::-1], strict=True)]
    return np.array(seen)


@pytest.mark.parametrize("depth", [1, 2, 3, 6])
def test_a_stack_is_a_network_of_its_depth(depth, start):
    layers, target = start
    found = descend_stack(jax.numpy.asarray(layers), jax.numpy.asarray(target), depth, eta=0.01, steps=60)
    expected = gradient_descent(tuple(layers[:depth]), target, np.arange(61), eta=0.01).products
    # sixty steps of a hundred or so roundings, which descent at a small rate hardly multiplies
    np.testing.assert_allclose(found, expected, atol=1e-11)
    np.testing.assert_allclose(found, descend_by_hand(layers[:depth], target, 0.01, 60), atol=1e-11)


@pytest.mark.parametrize("depth", [1, 2, 3, 6])
def test_a_diverging_stack_stays_finite(depth, start):
    layers, target = (jax.numpy.asarray(x) for x in start)
    found = np.asarray(descend_stack(layers, target, depth, eta=2.5, steps=300))
    assert np.isfinite(found).all()
    assert np.abs(found[-1]).max() > 1e6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"depth": 0}, "depth must be between 1 and 6, got 0"),
        ({"depth": 7}, "depth must be between 1 and 6, got 7"),
        ({"eta": 0.0}, "eta must be positive, got 0.0"),
        ({"steps": 0}, "steps must be a whole number of at least 1, got 0"),
    ],
)
def test_a_stack_refuses_what_it_cannot_descend(changes, message, start):
    layers, target = (jax.numpy.asarray(x) for x in start)
    with pytest.raises(ValueError, match=message):
        descend_stack(layers, target, **{"depth": 2, "eta": 0.1, "steps": 3} | changes)


# Products of random layers


@pytest.mark.parametrize("kind", ["gaussian", "orthogonal"])
def test_singular_values_are_those_of_the_product(kind):
    depths = explorables.PRODUCT_DEPTHS
    keys = jax.random.split(jax.random.key(0), 3)
    expected = np.array([product_singular_values(depths, width=32, kind=kind, key=key) for key in keys])
    number = ["gaussian", "orthogonal"].index(kind)
    for i, depth in enumerate(depths):
        at = PRODUCTS.evaluate(kind=number, depth=depth)
        measured, plain = at["measured"].reshape(3, 32), expected[:, i]
        # rounding in up to 64 products of width 32 is below 1e-12 of the largest, so of these a millionth
        sure = plain > 1e-6 * plain[:, :1]
        assert sure.sum() >= 3
        np.testing.assert_allclose(measured[sure], np.log10(plain[sure]), atol=1e-6)
        # what is lost to rounding is drawn fourteen decades down, and nothing below
        assert (measured >= measured[:, :1] - 14 - 1e-9).all()
        assert (np.diff(measured, axis=1) <= 1e-12).all()
        np.testing.assert_allclose(at["largest measured"].reshape(3, 7)[:, i], np.log10(plain[:, 0]), atol=1e-6)
        np.testing.assert_allclose(at["median measured"].reshape(3, 7)[:, i], measured[:, 15:17].mean(axis=1))
        assert at["median"] == pytest.approx(measured[:, 15:17].mean(), abs=1e-12)
        assert at["spread"] == pytest.approx((measured[:, 0] - measured[:, -1]).mean(), abs=1e-12)


@pytest.mark.parametrize("kind", [0, 1])
def test_theory_is_the_exponents_of_a_long_chain(kind):
    at = PRODUCTS.evaluate(kind=kind, depth=8, gain=1.1)
    freedom = 32.0 - np.arange(32)
    # each grows as a chi variable does, whose mean logarithm is a digamma function
    exponents = (1 - kind) * (digamma(freedom / 2) + math.log(2 / 32)) / 2 + math.log(1.1)
    theory = np.array([1, 2, 4, 8, 16, 32, 64])[:, None] * exponents / math.log(10)
    # 64 times an exponent of order 1, each of a few roundings
    np.testing.assert_allclose(at["theory"], theory[3], atol=1e-12)
    np.testing.assert_allclose(at["largest theory"], theory[:, 0], atol=1e-12)
    np.testing.assert_allclose(at["median theory"], theory[:, 15:17].mean(axis=1), atol=1e-12)


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("depth", [1, 16, 64])
def test_the_gain_moves_all_values_together(kind, depth):
    at = {gain: PRODUCTS.evaluate(kind=kind, depth=depth, gain=gain) for gain in (0.8, 1.0, 1.25)}
    for gain, results in at.items():
        # sums of numbers up to a hundred
        for name in ("measured", "theory", "median"):
            np.testing.assert_allclose(results[name] - at[1.0][name], depth * math.log10(gain), atol=1e-12)
        np.testing.assert_allclose(results["spread"], at[1.0]["spread"], atol=1e-12)
    # 1 is the middle of 0.8 and 1.25 on a log axis: between two settings every result is a straight line
    for name, middle in at[1.0].items():
        np.testing.assert_allclose(middle, (at[0.8][name] + at[1.25][name]) / 2, atol=1e-12, err_msg=name)
