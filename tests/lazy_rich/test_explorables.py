"""What the reader can move in Chapter 3, against networks of neurons and NumPy, over the whole box of controls."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvable.explore.live import sentences
from solvable.lazy_rich import (
    Moments,
    committee_ntk,
    grokking_delay,
    infinite_width,
    kernel_regression_learning_curve,
    lazy_descent,
    max_stable_learning_rate,
    moment_dynamics,
)
from solvable.lazy_rich import explorables as declared
from solvable.lazy_rich.explorables import EXPLORABLES, LAZY, LEARNING_CURVE, MAP, TRAIN
from tests.explorable_rules import check_finite_in_single_precision, check_positive_on_log_axes

DIM = 20
FIRST, *OTHERS = declared.DATA_SEEDS


def data(count, seed=FIRST):
    """The first examples of a data set, drawn again."""
    draw = np.random.default_rng(seed)
    x, beta = draw.normal(size=(160, DIM)) / np.sqrt(DIM), draw.normal(size=DIM)
    beta = beta * np.sqrt(DIM) / np.linalg.norm(beta)
    return x[:count], (x[:count] @ beta) ** 2 / 2, beta


def seen(loss):
    return np.clip(loss, 1e-6, 1e3)


# All of them


def test_every_result_is_finite_in_single_precision_too():
    check_finite_in_single_precision(EXPLORABLES)


@pytest.mark.parametrize("explorable", EXPLORABLES, ids=lambda explorable: explorable.id)
def test_what_is_drawn_on_log_axes_is_positive(explorable):
    check_positive_on_log_axes(explorable)


@pytest.mark.parametrize("explorable", EXPLORABLES, ids=lambda explorable: explorable.id)
def test_constants_do_not_fill_the_graph(explorable):
    """A constant of the size of a run's moments is a megabyte; all the data take up 26 kB."""
    with jax.enable_x64(True):
        given = [jnp.zeros(()) for _ in explorable.controls]
        traced = jax.make_jaxpr(lambda *values: explorable.function(*values))(*given)
    assert sum(np.asarray(constant).nbytes for constant in traced.consts) < 60e3


def test_nothing_is_unusual_about_the_data():
    """Targets as large as on average, and least squares as wrong, up to a third, for every number of examples."""
    for seed in declared.DATA_SEEDS:
        for count in (40, 60, 100, 160):
            x, y, _ = data(count, seed)
            assert abs(np.log(np.mean(y**2) / 0.75)) < 1 / 3
            excess = np.sum(np.linalg.lstsq(x, y)[0] ** 2) / DIM / 0.75
            assert abs(excess * (count - DIM) / DIM - 1) < 1 / 3
        assert abs(np.log(np.mean(data(20, seed)[1] ** 2) / 0.75)) < 1 / 3


# Training on the spot


@jax.jit
def descend_by_gradients(weights, x, y, alpha, eps, eta0):
    """Neurons before each of 400 steps of gradient descent and after the last, and the training losses."""

    def says(w):
        h = x @ w.T
        return alpha * jnp.mean(h + eps / 2 * h**2, axis=1)

    first = says(weights)

    def loss(w):
        return jnp.mean((says(w) - first - y) ** 2)

    def step(now, _):
        value, slope = jax.value_and_grad(loss)(now)
        return now - eta0 * len(weights) / alpha**2 * slope, (now, value)

    return jax.lax.scan(step, weights, length=401)[1]


TRAININGS = [
    {"alpha": 1.0, "eps": 0.1, "samples": 100, "rate": 0.5},
    {"alpha": 0.125, "eps": 0.05, "samples": 60, "rate": 0.2},
    {"alpha": 16.0, "eps": 1.0, "samples": 20, "rate": 0.8},
    {"alpha": 4.0, "eps": 0.3, "samples": 160, "rate": 0.05},
]


@pytest.mark.parametrize("kind", TRAININGS)
def test_the_run_is_that_of_neurons_trained_by_gradients(kind):
    at = TRAIN.evaluate(**kind)
    x, y, beta = data(kind["samples"])
    # two opposite neurons along each axis have the moments of infinitely many
    start = np.sqrt(DIM) * np.concatenate([np.eye(DIM), -np.eye(DIM)])
    alpha, eps = kind["alpha"], kind["eps"]
    neurons, train = descend_by_gradients(start, x, y, alpha, eps, float(at["eta0"]))
    neurons = np.asarray(neurons)
    linear = alpha * (neurons.mean(axis=1) - start.mean(axis=0))
    moved = np.einsum("tni,tnj->tij", neurons, neurons) / len(start) - np.eye(DIM)
    misses = alpha * eps * moved - np.outer(beta, beta)
    trace = np.trace(misses, axis1=1, axis2=2)
    # means over x ~ N(0, I/D): of a form squared, by Isserlis' theorem, and of a linear function squared
    variance = (trace / DIM / 2) ** 2 / 0.75
    shape = np.sum(misses**2, axis=(1, 2)) / 2 / DIM**2 / 0.75
    power = np.sum(linear**2, axis=1) / DIM / 0.75
    # rounding of 1e-16 in each of 400 steps of a contraction, times up to 100 where features grow
    close = {"rtol": 1e-9, "atol": 1e-11}
    np.testing.assert_allclose(at["train"], seen(np.asarray(train) / np.mean(y**2))[1:], **close)
    np.testing.assert_allclose(at["variance"], seen(variance)[1:], **close)
    np.testing.assert_allclose(at["misalignment"], seen(variance + shape)[1:], **close)
    np.testing.assert_allclose(at["test"], seen(variance + shape + power)[1:], **close)
    np.testing.assert_array_equal(at["step"], range(1, 401))
    grown = np.mean(np.sum(neurons[-1] ** 2, axis=1)) / DIM
    assert at["growth"] == pytest.approx(grown, rel=1e-9)
    assert at["final"] == at["test"][-1]
    assert at["highest"] == pytest.approx(max(1, at["test"].max()), rel=1e-14)
    assert (at["diverged"], at["chaotic"]) == (0, 0)

    test = variance + shape + power
    delay = grokking_delay(np.arange(401.0), np.asarray(train) / np.mean(y**2), test, reference=1.0)
    assert at["train onset"] == delay.train_onset
    assert at["never"] == np.isnan(delay.test_onset)
    assert at["test onset"] == (400 if at["never"] else delay.test_onset)


def rates(alpha, eps, samples):
    """Largest stable learning rates by eigenvalues: at the start, and where the target is learned."""
    x, _, beta = data(samples)
    ends = np.eye(DIM), np.eye(DIM) + np.outer(beta, beta) / (alpha * eps)
    return [float(max_stable_learning_rate(x, Moments(np.zeros(DIM), m), eps=eps)) for m in ends]


def test_the_unit_of_the_rate_and_its_mark_are_the_largest_stable_ones():
    for alpha, eps, samples in itertools.product((0.125, 1.0, 16.0), (0.05, 0.2, 1.0), declared.EXAMPLES):
        at = TRAIN.evaluate(alpha=alpha, eps=eps, samples=samples, rate=1.0)
        start, end = rates(alpha, eps, samples)
        # what nearby eigenvalues take off in 128 steps of the power method
        assert at["eta0"] == pytest.approx(start, rel=5e-3)
        assert at["edge"] == pytest.approx(end / start, rel=1e-2)
        # never too small an answer: a mean of eigenvalues is below the largest
        assert at["eta0"] >= start * (1 - 1e-12)
        assert at["edge"] <= 1


def test_a_rate_above_the_mark_is_said_and_one_above_its_unit_diverges():
    assert sentences(TRAIN, TRAIN.evaluate())[len(TRAIN.readouts) :] == []
    for alpha in (0.125, 1.0, 16.0):
        at = TRAIN.evaluate(alpha=alpha, rate=2.5)
        assert (at["diverged"], at["chaotic"], at["never"], at["unsettled"]) == (1, 1, 0, 0)
        assert (at["train"][-1], at["test"][-1], at["growth"]) == (1e3, 1e3, 1e3)
        assert "diverges" in sentences(TRAIN, at)[-1]
    # a run that has not learned anything does not know that it could not come to rest
    at = TRAIN.evaluate(alpha=0.25, eps=0.3, rate=0.5, samples=20)
    assert at["edge"] < 0.5
    assert at["unsettled"] + at["diverged"] == 1
    at = TRAIN.evaluate(alpha=16.0, rate=0.999)
    assert (at["diverged"], at["unsettled"]) == (0, at["edge"] < 0.999)


def test_a_test_loss_that_never_falls_is_said():
    at = TRAIN.evaluate(samples=20)
    assert (at["never"], at["test onset"]) == (1, 400)
    assert at["train"][-1] < 1e-2
    assert at["test"][-1] > 0.9
    assert "has not begun to fall" in sentences(TRAIN, at)[-1]


def test_the_description_of_training_is_true():
    at = TRAIN.evaluate()
    power = at["test"] - at["misalignment"]
    highest = int(np.argmax(at["test"]))
    # the rise is that of the linear power: the two others have fallen by then
    assert power[highest] > at["test"][highest] - 1
    assert at["misalignment"][highest] < 1
    assert (np.diff(at["variance"]) < 0).all()
    reached = int(np.argmax(at["train"] < 0.1)) + 1
    assert f"below 0.1 from step {reached} on" in TRAIN.description()
    assert (at["train"][reached - 1 :] < 0.1).all()
    assert at["train onset"] < at["test onset"] < reached
    # "lingers": in the ten steps after the first it loses less than that first one took off
    assert at["train"][0] - at["train"][9] < 1 - at["train"][0]
    assert at["highest"] > 1.1


# The lazy curve and a run beside it


@pytest.mark.parametrize("samples", declared.LAZY_EXAMPLES)
@pytest.mark.parametrize("eps", [0.03, 0.05, 0.3])
def test_the_lazy_curve_is_that_of_the_kernels_eigenvectors(samples, eps):
    at = LAZY.evaluate(eps=eps, samples=samples)
    x, y, beta = data(samples)
    steps = at["step"].astype(int)
    assert (np.diff(steps) > 0).all()
    assert (steps[0], steps[-1]) == (1, 7 * 2**17)
    exact = lazy_descent(x, y, beta, eps=eps, eta0=2.0, steps=steps)
    # a power of 1e6 multiplies the rounding of its base by as much
    close = {"rtol": 1e-8, "atol": 1e-9}
    np.testing.assert_allclose(at["lazy train"], seen(np.asarray(exact.train) / np.mean(y**2)), **close)
    np.testing.assert_allclose(at["lazy test"], seen(np.asarray(exact.test.total) / 0.75), **close)
    assert at["lazy highest"] == max(at["lazy test"])
    # by then kernel regression is reached
    kernel = np.asarray(committee_ntk(x, moments=infinite_width(DIM), eps=eps))
    c = np.linalg.solve(kernel, y)
    misses = 2 * eps**2 * (c[:, None] * x).T @ x - np.outer(beta, beta)
    loss = np.trace(misses) ** 2 / 4 + np.sum(misses**2) / 2
    end = loss / DIM**2 + np.sum((x.T @ c) ** 2) / DIM
    assert at["lazy end"] == at["lazy test"][-1] == pytest.approx(end / 0.75, rel=1e-3)


def population(alpha, eps, beta):
    """Losses after each of 320 steps of gradient descent on the mean over all inputs, with the whole matrix."""
    m, losses = np.eye(DIM), []
    for _ in range(321):
        misses = alpha * eps * (m - np.eye(DIM)) - np.outer(beta, beta)
        trace = np.trace(misses)
        losses.append(((trace / DIM) ** 2 / 4 + np.sum(misses**2) / 2 / DIM**2) / 0.75)
        # the mean of (xᵀ misses x / 2) x xᵀ, by Isserlis' theorem
        pull = (trace * np.eye(DIM) + 2 * misses) / 2 / DIM**2
        turn = np.eye(DIM) - 2 * 2.0 * eps / alpha * pull
        m = turn @ m @ turn
    return np.array(losses[1:])


@pytest.mark.parametrize(
    ("alpha", "eps", "samples"), [(1.0, 0.05, 80), (0.5, 0.3, 20), (64.0, 0.2, 60), (8.0, 0.03, 40)]
)
def test_markers_are_the_exact_run_and_the_third_line_is_data_without_end(alpha, eps, samples):
    at = LAZY.evaluate(alpha=alpha, eps=eps, samples=samples)
    x, y, beta = data(samples)
    run = moment_dynamics(infinite_width(DIM), x, y, beta, alpha=alpha, eps=eps, eta0=2.0, steps=np.arange(321))
    shown = at["shown step"].astype(int)
    np.testing.assert_array_equal(shown, at["step"][: len(shown)])
    assert shown[-1] == 320 < at["step"][len(shown)]
    close = {"rtol": 1e-9, "atol": 1e-12}
    test = np.asarray(run.test.total) / 0.75
    np.testing.assert_allclose(at["train"], seen(np.asarray(run.train) / np.mean(y**2))[shown], **close)
    np.testing.assert_allclose(at["test"], seen(test)[shown], **close)
    lazy = np.asarray(lazy_descent(x, y, beta, eps=eps, eta0=2.0, steps=shown).test.total) / 0.75
    apart = np.abs(test[shown] - lazy) > 0.1 * lazy
    assert at["stays"] == (not apart.any())
    assert at["leaves"] == (shown[np.argmax(apart)] if apart.any() else 320)
    assert at["run end"] == pytest.approx(test[-1], rel=1e-9)
    assert at["lazy there"] == pytest.approx(lazy[-1], rel=1e-9)
    np.testing.assert_allclose(at["population"], seen(population(alpha, eps, beta)), **close)
    np.testing.assert_array_equal(at["every step"], range(1, 321))


@pytest.mark.parametrize("samples", declared.LAZY_EXAMPLES)
def test_levels_are_those_of_the_linear_fit(samples):
    at = LAZY.evaluate(samples=samples)
    x, y, _ = data(samples)
    q = np.linalg.qr(x)[0]
    left = np.mean((y - q @ (q.T @ y)) ** 2) / np.mean(y**2)
    fit = np.linalg.pinv(x) @ y
    # at P = D the inputs are nearly dependent: a condition of some thousand, squared
    assert at["linear train"] == pytest.approx(seen(left) * np.ones(2), rel=1e-8)
    assert at["linear test"] == pytest.approx((0.75 + fit @ fit / DIM) / 0.75 * np.ones(2), rel=1e-8)
    assert at["ends"].tolist() == [1, at["step"][-1]]


@pytest.mark.parametrize("explorable", [LAZY, MAP], ids=lambda explorable: explorable.id)
def test_a_fixed_rate_is_stable_in_the_whole_box(explorable):
    for at in explorable.corners():
        x, y, beta = data(int(at.get("samples", declared.MAP_EXAMPLES)))
        settings = {"alpha": at["alpha"], "eps": at["eps"], "eta0": 2.0, "steps": np.array([0, 5, 20, 400])}
        for moments in (infinite_width(DIM), moment_dynamics(infinite_width(DIM), x, y, beta, **settings).final):
            assert max_stable_learning_rate(x, moments, eps=at["eps"]) > 2.0, at


def test_the_larger_the_scale_the_later_the_run_leaves():
    found = [float(LAZY.evaluate(alpha=alpha)["leaves"]) for alpha in (0.5, 1.0, 2.0, 4.0)]
    assert found == sorted(set(found))
    at = LAZY.evaluate(alpha=64.0)
    assert (at["stays"], at["leaves"]) == (1, 320)
    assert "stays within a tenth" in sentences(LAZY, at)[-1]


def test_the_description_of_the_lazy_curve_is_true():
    at = LAZY.evaluate()
    level = at["linear test"][0]
    assert 0.95 * level < at["lazy highest"] < level
    below = at["population"][at["shown step"].astype(int) - 1] < 0.9
    assert below.argmax() < (at["test"] < 0.9).argmax()
    assert (np.diff(at["population"]) < 0).all()
    # "lingers": between step 16 and 160 it loses less than a tenth of its start, and later all of it
    lazy = dict(zip(at["step"].tolist(), at["lazy train"], strict=True))
    assert lazy[16] == pytest.approx(at["linear train"][0], rel=0.01)
    assert lazy[16] - lazy[160] < 0.1
    assert at["lazy train"][-1] == 1e-6
    assert at["train"][-1] < 0.1 * lazy[320]


# The learning curve


@pytest.mark.parametrize(("dim", "eps", "ridge"), [(40, 0.1, 1e-6), (10, 1.0, 1.0), (80, 0.02, 1e-3), (20, 0.3, 0.03)])
def test_the_learning_curve_solves_its_equations(dim, eps, ridge):
    at = LEARNING_CURVE.evaluate(dim=dim, eps=eps, ridge=ridge)
    p, kappa = at["samples"], at["kappa"]
    lam = np.array([1 / dim, eps**2 * (1 + 2 / dim) / dim, 2 * eps**2 / dim**2])[:, None]
    count = np.array([dim, 1, dim * (dim + 1) / 2 - 1])[:, None]
    radial = (1 + 2 / dim) / 4
    power = np.array([0, radial, 0.75 - radial])[:, None]
    # the equation, multiplied by nothing that is small
    np.testing.assert_allclose(ridge / kappa + np.sum(count * lam / (p * lam + kappa), axis=0), 1, rtol=1e-9)
    gamma = np.sum(count * p * lam**2 / (p * lam + kappa) ** 2, axis=0)
    test = np.sum(power * (kappa / (kappa + p * lam)) ** 2, axis=0) / (1 - gamma)
    # 1 - gamma is as small as 1e-4 where there are as many examples as modes
    np.testing.assert_allclose(at["test"], seen(test), rtol=1e-9)
    for name, row in zip(("linear", "radial", "rest"), lam[:, 0], strict=True):
        np.testing.assert_allclose(at[name], p * row, rtol=1e-12)
    for name, samples in (("peak", dim), ("later", 5 * dim)):
        asked = kernel_regression_learning_curve(float(samples), dim=float(dim), eps=eps, ridge=ridge)
        assert at[name] == pytest.approx(max(float(asked.test), 1e-6), rel=1e-12)
    assert (at["at dim"] == dim).all()
    assert (at["at modes"] == at["modes"]).all()
    assert at["modes"] == count.sum()
    assert at["upright"].tolist() == list(LEARNING_CURVE.panels[0].y.limits)
    assert at["upright kappa"].tolist() == list(LEARNING_CURVE.panels[1].y.limits)


def test_a_ridge_takes_the_peak_away_and_a_small_bend_raises_it():
    peaks = [LEARNING_CURVE.evaluate(ridge=ridge)["peak"] for ridge in (1e-6, 1e-3, 1e-1, 1.0)]
    assert peaks == sorted(peaks, reverse=True)
    assert peaks[-1] < 1
    peaks = [LEARNING_CURVE.evaluate(eps=eps)["peak"] for eps in (0.02, 0.1, 0.5, 1.0)]
    assert peaks == sorted(peaks, reverse=True)
    assert (peaks[0] > 10, peaks[-1] < 0.75) == (True, True)


def test_the_description_of_the_learning_curve_is_true():
    at = LEARNING_CURVE.evaluate()
    grid = np.abs(np.log(at["samples"] / 40))
    assert np.argmax(at["test"]) == np.argmin(grid)
    assert at["test"][0] == pytest.approx(0.75, abs=0.05)
    ratios = at["test"][1:] / at["test"][:-1]
    steepest = at["samples"][1:][np.argmin(ratios)]
    assert 0.9 < steepest / 860 < 1.1
    crossed = [np.flatnonzero(np.diff(at["kappa"] < at[name])) for name in ("linear", "radial", "rest")]
    assert [len(places) for places in crossed] == [1, 1, 1]
    said = [f"{at['samples'][places[0] + 1]:.0f}" for places in crossed]
    assert "at {}, {} and {} examples".format(*said) in LEARNING_CURVE.description()


# The map


CORNERS_AND_A_DIAGONAL = [(0, 0), (0, 7), (0, 8), (10, 0), (10, 14), (9, 13), (3, 4), (5, 8), (7, 11)]


def test_cells_of_the_map_are_what_they_were_computed_to_be():
    rows, columns = np.array(CORNERS_AND_A_DIAGONAL).T
    alphas, epsilons = 0.5 * np.sqrt(2) ** columns, 0.05 * 10 ** (rows / 10)
    tasks = [np.stack(found) for found in zip(*(data(50, seed) for seed in declared.DATA_SEEDS), strict=True)]
    steps = np.arange(2001)

    def one(alpha, eps, x, y, beta):
        run = moment_dynamics(infinite_width(DIM), x, y, beta, alpha=alpha, eps=eps, eta0=2.0, steps=steps)
        return run.train / jnp.mean(y**2), run.test.total / 0.75

    every = jax.jit(jax.vmap(jax.vmap(one, (0, 0, None, None, None)), (None, None, 0, 0, 0)))
    delay = grokking_delay(steps, *map(np.asarray, every(alphas, epsilons, *tasks)), reference=1.0).onset
    median = np.median(np.where(np.isnan(delay), np.inf, delay), axis=0)
    at = MAP.evaluate()
    np.testing.assert_array_equal(at["missing"][rows, columns], np.isinf(median))
    np.testing.assert_array_equal(at["delays"][rows, columns], np.where(np.isinf(median), 1, median))
    np.testing.assert_allclose(at["alphas"][columns], alphas, rtol=1e-14)
    np.testing.assert_allclose(at["epsilons"][rows], epsilons, rtol=1e-14)


def test_the_whole_map_is_smooth_enough_to_have_no_slip_of_the_pen():
    at = MAP.evaluate()
    delays = np.where(at["missing"] > 0.5, np.inf, at["delays"])
    assert delays.shape == (11, 15)
    # later to the right and downwards, a cell that is missing being the latest
    assert (delays[:, 1:] >= delays[:, :-1]).all()
    assert (delays[:-1] >= delays[1:]).all()
    assert (delays[np.isfinite(delays)] < declared.MAP_STEPS).all()


@pytest.mark.parametrize(("alpha", "eps"), [(2.0, 0.1), (0.5, 0.5), (64.0, 0.05), (10.0, 0.3)])
def test_the_run_at_the_cross(alpha, eps):
    at = MAP.evaluate(alpha=alpha, eps=eps)
    x, y, beta = data(50)
    run = moment_dynamics(infinite_width(DIM), x, y, beta, alpha=alpha, eps=eps, eta0=2.0, steps=np.arange(401))
    train, test = np.asarray(run.train) / np.mean(y**2), np.asarray(run.test.total) / 0.75
    np.testing.assert_allclose(at["train"], seen(train)[1:], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(at["test"], seen(test)[1:], rtol=1e-9, atol=1e-12)
    delay = grokking_delay(np.arange(401.0), train, test, reference=1.0)
    assert at["train onset"] == delay.train_onset
    assert at["never"] == np.isnan(delay.test_onset)
    assert at["test onset"] == (400 if at["never"] else delay.test_onset)
    assert (at["here alpha"].tolist(), at["here eps"].tolist()) == ([alpha], [eps])
    assert at["final"] == at["test"][-1]


def test_the_delay_said_is_that_of_the_cell_under_the_cross():
    at = MAP.evaluate()
    for row, column in ((0, 0), (4, 7), (10, 14), (0, 14)):
        for nudge in (0.9, 1.1):
            place = {"alpha": at["alphas"][column] * nudge, "eps": at["epsilons"][row] * nudge}
            place = {
                name: np.clip(value, *ends)
                for (name, value), ends in zip(place.items(), ((0.5, 64.0), (0.05, 0.5)), strict=True)
            }
            here = MAP.evaluate(**place)
            missing = at["missing"][row, column]
            assert here["never there"] == missing
            assert here["delay"] == (2000 if missing else at["delays"][row, column])
    said = sentences(MAP, MAP.evaluate(alpha=64.0, eps=0.05))
    assert "does not begin to fall within 2000 steps" in said[-2]
    assert "has not begun to fall after 400 steps" in said[-1]


def test_the_description_of_the_map_is_true():
    at = MAP.evaluate()
    assert at["delays"][-1, 0] <= 5
    assert at["missing"][0, -1] == 1
    assert (at["never"], at["never there"]) == (0, 0)
    assert f"a delay of {at['delay']:.0f} steps" in MAP.description()
    assert at["highest"] > 1.2
