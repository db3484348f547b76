"""The autoencoder and its training: against a literal one in NumPy, in the order of the authors' code; solved cases."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from solvable.superposition.experiment import model
from solvable.superposition.experiment.data import draw_batch, prepare, room_for
from solvable.superposition.experiment.model import (
    Parameters,
    Settings,
    autoencode,
    decoupled_pull,
    run_prepared,
    train_superposition,
)

FREQUENCIES = np.array([0.3, 0.2, 0.15, 0.1, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02, 0.01, 0.005])
N, M = 12, 3
SHORT = {"steps": 30, "batch": 16, "test_batches": 4}


def pull(weights, gamma):
    """By which a row changes in a step, divided by the learning rate: row by row, as in the paper."""
    moved = np.empty_like(weights)
    for i, row in enumerate(weights):
        length = np.sqrt(np.sum(row**2))
        moved[i] = -gamma * row if gamma >= 0 else -gamma * (1 / (length + 1e-8) - 1) * row
    return moved


def one_step(weights, gamma, rate):
    """What an update of the pull alone makes of weights; the biases are told as well."""
    parameters = Parameters(jnp.asarray(weights.T), jnp.arange(1.0, len(weights) + 1, dtype=weights.dtype))
    optimiser = optax.chain(decoupled_pull(gamma), optax.scale(-rate))
    nothing = jax.tree.map(jnp.zeros_like, parameters)
    change, _ = optimiser.update(nothing, optimiser.init(parameters), parameters)
    moved = optax.apply_updates(parameters, change)
    return np.asarray(moved.columns).T, np.asarray(moved.biases)


@pytest.fixture
def weights():
    rows = np.random.default_rng(1).normal(size=(4, 2))
    rows[3] = 0  # a row without a direction stays where it is
    return rows


@pytest.mark.parametrize("gamma", [0.7, 0.0, -0.4, 1, np.float32(-0.4), np.float64(-0.4)])
def test_the_pull_is_that_of_the_equations(weights, gamma):
    moved, biases = one_step(weights, gamma, rate=0.1)
    # rounding, and that of a strength in single precision
    np.testing.assert_allclose(moved, weights + 0.1 * pull(weights, float(gamma)), rtol=0, atol=1e-14)
    np.testing.assert_array_equal(biases, [1, 2, 3, 4])
    np.testing.assert_array_equal(moved[3], [0, 0])


def test_a_negative_strength_is_descent_to_length_1(weights):
    strength, rate = 0.4, 0.1
    rows = weights[:3]
    slope = np.empty_like(rows)
    for place in np.ndindex(rows.shape):
        away = np.zeros_like(rows)
        away[place] = 1e-5
        ends = [strength / 2 * np.sum((np.linalg.norm(rows + sign * away, axis=1) - 1) ** 2) for sign in (1, -1)]
        slope[place] = (ends[0] - ends[1]) / 2e-5
    moved, _ = one_step(weights, -strength, rate)
    # central differences, and the length that is added before dividing
    np.testing.assert_allclose(moved[:3], rows - rate * slope, rtol=0, atol=1e-8)
    lengths = np.linalg.norm(moved[:3], axis=1)
    before = np.linalg.norm(weights[:3], axis=1)
    assert before.min() < 1 < before.max()  # both ways
    np.testing.assert_allclose(lengths - 1, (1 - rate * strength) * (before - 1), rtol=0, atol=1e-8)
    for _ in range(300):
        weights, _ = one_step(weights, -1.0, 0.1)
    # 0.9 to the power of 300
    np.testing.assert_allclose(np.linalg.norm(weights, axis=1), [1, 1, 1, 0], rtol=0, atol=1e-7)


def test_the_pull_keeps_single_precision_and_adds_to_what_it_is_given(weights):
    single = weights.astype(np.float32)
    for gamma in (0.5, -0.5, np.float64(-0.5)):
        assert one_step(single, gamma, 0.1)[0].dtype == np.float32
    parameters = Parameters(jnp.asarray(weights.T), jnp.zeros(4))
    given = Parameters(jnp.full((2, 4), 3.0), jnp.full(4, 5.0))
    transform = decoupled_pull(0.5)
    updates, _ = jax.jit(transform.update)(given, transform.init(parameters), parameters)
    np.testing.assert_allclose(updates.columns, 3 + 0.5 * weights.T, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(updates.biases, np.full(4, 5.0))


@pytest.mark.parametrize("shape", [(), (3,), (2, 2)])
def test_the_output_is_that_of_loops(shape):
    draw = np.random.default_rng(0)
    w, b, x = draw.normal(size=(4, 2)), draw.normal(size=4), draw.normal(size=(*shape, 4))
    found = autoencode(w, b, x)
    assert found.shape == x.shape
    for place in product(*map(range, shape)):
        for i in range(4):
            h = [sum(w[j, k] * x[(*place, j)] for j in range(4)) for k in range(2)]
            y = max(0.0, sum(w[i, k] * h[k] for k in range(2)) + b[i])
            assert found[(*place, i)] == pytest.approx(y, abs=1e-14)
    single = autoencode(*(jnp.asarray(part, jnp.float32) for part in (w, b, x)))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, found, rtol=0, atol=1e-5)


def literal(key, m, gamma, settings):
    """The training in NumPy, in double precision: the authors' order, in which the pull comes before Adam's update."""
    examples, _, for_weights, for_biases = jax.random.split(key, 4)
    w = np.asarray(jax.random.normal(for_weights, (N, m), jnp.float32), dtype=float) / np.sqrt(m)
    b = settings.bias_scale * np.asarray(jax.random.normal(for_biases, (N,), jnp.float32), dtype=float)
    tables = prepare(FREQUENCIES, settings.batch)
    draw = jax.jit(lambda key: draw_batch(tables, settings.batch, key, slots=room_for(tables)))
    moments = [np.zeros_like(part) for part in (w, w, b, b)]
    warm = round(settings.warm_up * settings.steps)
    for step in range(settings.steps):
        x = np.asarray(draw(jax.random.fold_in(examples, step)), dtype=float)
        # learning rates
        if step < warm:
            eta = settings.learning_rate * step / warm
        else:
            progress = (step - warm) / (settings.steps - warm)
            eta = settings.learning_rate * (0.05 + 0.95 * (1 + np.cos(np.pi * progress)) / 2)
        # backwards through y = ReLU(W h + b), h = W'x
        h = x @ w
        z = h @ w.T + b
        back = settings.loss_scale * 2 * (np.maximum(z, 0) - x) * (z > 0) / len(x)
        slope_w = back.T @ h + x.T @ (back @ w)
        slope_b = back.sum(axis=0)
        # the pull, then Adam
        w = w + eta * pull(w, gamma)
        for k, (slope, rate) in enumerate([(slope_w, eta), (slope_b, settings.bias_rate * eta)]):
            first, second = moments[2 * k : 2 * k + 2]
            first += 0.1 * (slope - first)
            second += 0.001 * (slope**2 - second)
            mean, square = first / (1 - 0.9 ** (step + 1)), second / (1 - 0.999 ** (step + 1))
            change = -rate * mean / (np.sqrt(square) + settings.epsilon)
            w, b = (w + change, b) if k == 0 else (w, b + change)
    return w, b


PLAIN = Settings(**SHORT)
VARIED = PLAIN._replace(learning_rate=0.03, bias_scale=0.3, loss_scale=1 / N, epsilon=1e-3, bias_rate=0.4)


@pytest.mark.parametrize(
    ("m", "gamma", "settings"),
    [(M, -1.0, PLAIN), (2, -1.0, PLAIN), (M, 0.5, PLAIN), (M, -2.0, VARIED), (M, 1.0, VARIED._replace(warm_up=0.3))],
)
def test_training_is_that_of_the_authors(m, gamma, settings):
    key = jax.random.key(7)
    run = run_prepared(prepare(FREQUENCIES, settings.batch), m, gamma, key, settings)
    w, b = literal(key, m, gamma, settings)
    start = np.asarray(jax.random.normal(jax.random.split(key, 4)[2], (N, m), jnp.float32)) / np.sqrt(m)
    assert np.abs(w - start).max() > 0.1
    # thirty steps in single precision; Adam divides by slopes, of which the smallest are a few 1e-3 of the largest
    np.testing.assert_allclose(run.weights, w, rtol=0, atol=2e-5)
    np.testing.assert_allclose(run.biases, b, rtol=0, atol=2e-5)


def test_the_settings_are_those_that_are_said(key):
    defaults = Settings()
    assert defaults == (2000, 256, 1e-2, 0.0, 1.0, 1e-8, 160, 1.0, 0.1)
    given = {"learning_rate": 0.03, "bias_scale": 0.3, "loss_scale": 0.5, "epsilon": 1e-3}
    run = train_superposition(FREQUENCIES, M, gamma=-1, key=key, **SHORT, **given)
    same = run_prepared(prepare(FREQUENCIES, 16), M, -1.0, key, Settings(**SHORT, **given))
    for found, expected in zip(run, same, strict=True):
        assert isinstance(found, np.ndarray)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected)
    assert run.weights.shape == (N, M)
    assert run.biases.shape == (N,)
    assert run.loss.shape == run.error.shape == ()
    # every number matters
    for name in given:
        less = {other: value for other, value in given.items() if other != name}
        other = train_superposition(FREQUENCIES, M, gamma=-1, key=key, **SHORT, **less)
        assert np.abs(other.weights - run.weights).max() > 1e-5


def test_numbers_and_seeds_share_one_program():
    tables = prepare(FREQUENCIES, 16)
    run_prepared(tables, M, 0.0, jax.random.key(0), PLAIN)
    before = model._run._cache_size()
    run_prepared(prepare(FREQUENCIES[::-1], 16), M, -1.0, jax.random.key(1), VARIED)
    assert model._run._cache_size() == before


def test_the_scale_of_the_loss_is_that_of_epsilon(key):
    plain, scaled = (
        train_superposition(FREQUENCIES, M, gamma=0.1, key=key, **SHORT, loss_scale=scale, epsilon=scale * 1e-3)
        for scale in (1.0, 0.25)
    )
    # a power of two, which rounds nothing
    np.testing.assert_array_equal(plain.weights, scaled.weights)
    np.testing.assert_array_equal(plain.biases, scaled.biases)
    # and the loss that is measured is not scaled
    np.testing.assert_array_equal(plain.loss, scaled.loss)


def test_the_loss_is_that_of_fresh_examples(key):
    run = train_superposition(FREQUENCIES, M, gamma=-1.0, key=key, **SHORT, bias_scale=0.3)
    draw = np.random.default_rng(5)
    shape = 100_000, N
    x = (draw.random(shape) < FREQUENCIES) * draw.uniform(0, 2, size=shape)
    w, b = run.weights.astype(float), run.biases.astype(float)
    errors = ((np.maximum(x @ w @ w.T + b, 0) - x) ** 2).sum(axis=1)
    # 64 examples: an error of a standard error is half a standard error at most, within a factor of two
    expected = errors.std() / np.sqrt(64)
    assert 0.5 < run.error / expected < 2
    assert abs(run.loss - errors.mean()) < 4 * np.hypot(expected, errors.std() / np.sqrt(len(x)))


def test_the_standard_error_is_that_of_the_losses(key):
    # the same network, measured on other examples: rates so small that it stays at its start
    rates = {"learning_rate": 1e-12}
    tables, still = prepare(FREQUENCIES, 16), Settings(**SHORT, **rates)
    runs = [run_prepared(tables, M, 0.0, jax.random.key(k), still) for k in range(200)]
    losses, exact, errors = [], [], []
    draw = np.random.default_rng(5)
    x = (draw.random((4000, N)) < FREQUENCIES) * draw.uniform(0, 2, size=(4000, N))
    for run in runs:
        w = np.asarray(run.weights, dtype=float)
        exact.append(((np.maximum(x @ w @ w.T, 0) - x) ** 2).sum(axis=1).mean())
        losses.append(float(run.loss))
        errors.append(float(run.error))
    # deviations in units of the error: a mean of 0, a mean square of 1, up to 4 in sqrt(200), with heavy tails for the
    # square, and the same examples in all exact values, of an error of sqrt(64 / 4000)
    away = (np.array(losses) - exact) / errors
    assert abs(away.mean()) < 4 / np.sqrt(200) + 4 * np.sqrt(64 / 4000)
    assert 0.6 < np.mean(away**2) < 1.8


LONG = {"steps": 1500, "batch": 32, "test_batches": 300}


def test_a_loss_without_spread_has_no_error():
    tables = prepare(FREQUENCIES, LONG["batch"])
    # no event in any batch, so that each example costs the same
    silent = tables._replace(counts=jnp.ones_like(tables.counts), fewest=jnp.zeros_like(tables.fewest))
    settings = Settings(**LONG, bias_scale=1.0, learning_rate=1e-9)
    for k in range(6):
        run = run_prepared(silent, N, 0.0, jax.random.key(k), settings)
        assert run.loss > 0.1
        # a difference of two equal numbers in single precision, by the root
        assert 0 <= run.error < 1e-3 * run.loss


def test_where_there_is_room_all_is_learned_and_under_a_strong_pull_nothing(key):
    # as many dimensions as features: the identity has no loss
    free = train_superposition(FREQUENCIES, N, gamma=0.0, key=key, **LONG)
    assert free.loss < 0.01 * 4 / 3 * FREQUENCIES.sum()
    product = free.weights @ free.weights.T
    np.testing.assert_allclose(product[:6, :6], np.eye(6), rtol=0, atol=0.15)
    # what is left of the rows is where decay balances Adam, whose steps are 1 at most; and biases are means
    none = train_superposition(FREQUENCIES, N, gamma=50.0, key=key, **LONG)
    assert np.linalg.norm(none.weights, axis=1).max() < np.sqrt(N) / 50
    often = FREQUENCIES >= 0.05
    np.testing.assert_allclose(none.biases[often], FREQUENCIES[often], rtol=0, atol=0.03)
    variance = (4 / 3 * FREQUENCIES - FREQUENCIES**2).sum()
    # four standard errors; the noise of biases; a bias below 0, which a rare feature may end with, costs p²
    allowed = 4 * none.error + N * 0.015**2 + np.sum(FREQUENCIES[~often] ** 2)
    assert abs(none.loss - variance) < allowed
    # a strong spring holds all rows at length 1
    held = train_superposition(FREQUENCIES, N, gamma=-30.0, key=key, **LONG)
    np.testing.assert_allclose(np.linalg.norm(held.weights, axis=1), np.ones(N), rtol=0, atol=0.05)


def test_the_examples_of_the_loss_do_not_depend_on_the_width(key):
    # at the peak of the schedule the decay takes all of a row, to the bit; what Adam adds is nothing
    rates = {"gamma": 2.0**40, "learning_rate": 2.0**-40}
    narrow, wide = (train_superposition(FREQUENCIES, m, key=key, **SHORT, **rates).loss for m in (2, M))
    np.testing.assert_allclose(narrow, wide, rtol=1e-6, atol=0)  # single precision
    # outputs of 0 cost the squares of the inputs, of which 64 examples have a mean within four standard errors
    square = 4 / 3 * FREQUENCIES
    variance = (16 / 5 * FREQUENCIES - square**2).sum()
    assert abs(wide - square.sum()) < 4 * np.sqrt(variance / 64)


def test_the_same_key_trains_the_same_network(key):
    one, again, other = (
        train_superposition(FREQUENCIES, M, gamma=-1.0, key=k, **SHORT) for k in (key, key, jax.random.key(1))
    )
    np.testing.assert_array_equal(one.weights, again.weights)
    assert one.loss == again.loss
    assert np.abs(one.weights - other.weights).max() > 0.1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"frequencies": np.array([1.2, 0.1])}, "frequencies must be between 0 and 1"),
        ({"frequencies": np.zeros(2)}, "the sum of frequencies must be positive"),
        ({"m": 0}, "m must be a whole number of at least 1, got 0"),
        ({"gamma": np.nan}, "gamma must be finite"),
        ({"steps": 0}, "steps must be a whole number of at least 1, got 0"),
        ({"batch": 0}, "batch must be a whole number of at least 1, got 0"),
        ({"test_batches": 0}, "test_batches must be a whole number of at least 1, got 0"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"loss_scale": -1.0}, "loss_scale must be positive"),
        ({"bias_scale": -0.1}, "bias_scale must be non-negative"),
        ({"epsilon": -1e-9}, "epsilon must be positive"),
        # an entry without a slope so far would be 0 / 0
        ({"epsilon": 0.0}, "epsilon must be positive"),
    ],
)
def test_refuses_what_it_cannot_train(changed, message, key):
    given = {"frequencies": FREQUENCIES, "m": M, "gamma": 0.0} | SHORT | changed
    with pytest.raises(ValueError, match=message):
        train_superposition(given.pop("frequencies"), given.pop("m"), key=key, **given)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"bias_rate": 0.0}, "bias_rate must be positive"),
        ({"warm_up": -0.1}, "warm_up must be between 0 and 1"),
        ({"warm_up": 1.1}, "warm_up must be between 0 and 1"),
        # nothing would be left for the fall
        ({"warm_up": 1.0}, "warm_up must"),
        ({"steps": 30, "warm_up": 0.99}, "warm_up must leave some of 30 steps"),
    ],
)
def test_refuses_settings_with_which_nothing_is_trained(changed, message):
    model.check_settings(PLAIN)
    with pytest.raises(ValueError, match=message):
        model.check_settings(PLAIN._replace(**changed))
