"""Classifiers: against AdamW and back-propagation in NumPy, and what is observed, recomputed from the weights."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from solvable.softmax_collapse.experiment.classifier import (
    Classifier,
    advance,
    paper_adamw,
    prepare,
    train_classifier,
    train_seeds,
)
from solvable.softmax_collapse.experiment.data import Task, modular_addition, sparse_parity
from solvable.softmax_collapse.experiment.network import Layer
from solvable.softmax_collapse.theory.losses import LOSSES

KEY = jax.random.key(0)
TASK = modular_addition(7, fraction=0.6, key=KEY)
HIDDEN = (8, 6)
STEPS = np.array([0, 1, 5, 20])
ADAM = paper_adamw(0.01)
DOUBLE = {"dtype": "float64", "loss_dtype": "float64"}


def vectors(inputs, width):
    """Inputs as rows of zeros and ones."""
    if not np.issubdtype(inputs.dtype, np.integer):
        return inputs
    rows = np.zeros((len(inputs), width))
    for row, places in zip(rows, inputs, strict=True):
        row[places] += 1
    return rows


def arrays(network):
    return [[None if part is None else np.asarray(part, float) for part in layer] for layer in network]


def forward(network, inputs):
    """What each layer reads, and the logits."""
    seen, values = [], inputs
    for depth, (weights, biases) in enumerate(network):
        values = np.maximum(values, 0) if depth else values
        seen.append(values)
        values = values @ weights + (0 if biases is None else biases)
    return seen, values


def softmax_terms(z, y):
    """Loss of each example and its derivatives by the logits."""
    odds = np.exp(z - z.max(axis=1, keepdims=True))
    shares = odds / odds.sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    slopes = shares.copy()
    slopes[rows, y] -= 1
    return -np.log(shares[rows, y]), slopes


def stablemax_terms(z, y):
    weights = np.where(z >= 0, z + 1, 1 / (1 + np.abs(z)))
    slopes = np.where(z >= 0, 1, 1 / (1 + np.abs(z)) ** 2)
    rows, sums = np.arange(len(y)), weights.sum(axis=1)
    derivatives = slopes / sums[:, None]
    derivatives[rows, y] -= slopes[rows, y] / weights[rows, y]
    return np.log(sums / weights[rows, y]), derivatives


def squared_terms(z, y):
    missed = z - np.eye(z.shape[1])[y]
    return np.sum(missed**2, axis=1), 2 * missed


def squared(z, y):
    return jnp.sum((z - jax.nn.one_hot(y, z.shape[-1], dtype=z.dtype)) ** 2, axis=-1)


def gradient(network, inputs, labels, terms):
    """Of the mean loss, by back-propagation; the losses and their derivatives by the logits too."""
    seen, logits = forward(network, inputs)
    losses, slopes = terms(logits, labels)
    back, parts = slopes / len(labels), []
    for depth in reversed(range(len(network))):
        weights, biases = network[depth]
        parts.insert(0, [seen[depth].T @ back, None if biases is None else back.sum(axis=0)])
        back = (back @ weights.T) * (seen[depth] > 0)
    return losses, slopes, parts


def flat(network):
    return np.concatenate([part.ravel() for layer in network for part in layer if part is not None])


def unflat(values, network):
    parts, at = [], 0
    for layer in network:
        new = []
        for part in layer:
            size = 0 if part is None else part.size
            new.append(None if part is None else values[at : at + size].reshape(part.shape))
            at += size
        parts.append(new)
    return parts


def adamw(network, inputs, labels, terms, steps, *, rate, beta2, decay):
    """Weights after all steps of AdamW, with bias correction, the decay decoupled from the gradient."""
    w, m, v = flat(network), 0.0, 0.0
    for t in range(1, steps + 1):
        g = flat(gradient(unflat(w, network), inputs, labels, terms)[2])
        m, v = 0.9 * m + 0.1 * g, beta2 * v + (1 - beta2) * g * g
        w = w - rate * (m / (1 - 0.9**t) / (np.sqrt(v / (1 - beta2**t)) + 1e-25) + decay * w)
    return unflat(w, network)


def measured(network, task, terms):
    """All that a run observes of a network, in float64."""
    inputs, tests = vectors(task.train_inputs, task.width), vectors(task.test_inputs, task.width)
    losses, slopes, parts = gradient(network, inputs, task.train_labels, terms)
    logits, rows, y = forward(network, inputs)[1], np.arange(len(losses)), task.train_labels
    others = np.array([np.delete(z, label) for z, label in zip(logits, y, strict=True)])
    w, g = flat(network), flat(parts)
    return {
        "train_loss": losses.mean(),
        "train_accuracy": np.mean(logits.argmax(axis=1) == y),
        "test_accuracy": np.mean(forward(network, tests)[1].argmax(axis=1) == task.test_labels),
        "lost": np.mean(slopes[rows, y] == 0),
        "silent": np.mean(~slopes.any(axis=1)),
        "gap": np.median(logits[rows, y] - others.max(axis=1)),
        "odds": np.median(logits[rows, y] - np.log(np.exp(others).sum(axis=1))),
        "cosine": -(w @ g) / np.sqrt((w @ w) * (g @ g)),
        "gradient_norm": np.sqrt(g @ g),
        "weight_norm": np.sqrt(w @ w),
    }


def assert_observed(run, at, network, task, terms, *, rtol):
    for name, value in measured(network, task, terms).items():
        np.testing.assert_allclose(getattr(run, name)[at], value, rtol=rtol, atol=rtol, err_msg=name)


# Training


@pytest.mark.parametrize(
    ("loss", "terms", "scale"),
    # a power of two leaves all digits of a gradient as they are
    [("softmax", softmax_terms, 1024.0), ("stablemax", stablemax_terms, 1.0)],
)
def test_a_run_is_adamw_on_the_mean_loss_whatever_its_scale(loss, terms, scale):
    optimiser = paper_adamw(0.02, beta2=0.98, weight_decay=0.5)
    run = train_classifier(TASK, optimiser, key=KEY, steps=STEPS, loss=loss, hidden=HIDDEN, loss_scale=scale, **DOUBLE)
    first = arrays(prepare(TASK, KEY, hidden=HIDDEN, biases=False, dtype="float64")[0])
    inputs = vectors(TASK.train_inputs, TASK.width)
    path = [adamw(first, inputs, TASK.train_labels, terms, n, rate=0.02, beta2=0.98, decay=0.5) for n in STEPS]
    # rounding, which Adam's division by small roots amplifies: twenty steps of 0.02 with five digits to spare
    np.testing.assert_allclose(flat(arrays(run.network)), flat(path[-1]), rtol=0, atol=1e-10)
    assert np.abs(flat(path[-1]) - flat(first)).max() > 0.1
    for at, network in enumerate(path):
        assert_observed(run, at, network, TASK, terms, rtol=1e-8)  # that of the weights
    assert (run.collapsed == 0).all()
    np.testing.assert_array_equal(run.steps, STEPS)
    assert {np.shape(curve) for curve in run[1:-1]} == {(4,)}
    assert {np.asarray(curve).dtype for curve in run[1:-1]} == {np.dtype(float)}
    assert len(run.network) == 3
    assert all(part is None or part.dtype == np.float64 for layer in run.network for part in layer)


def test_a_loss_may_be_a_function_and_a_network_may_have_biases_and_read_vectors():
    task = sparse_parity(8, parity_bits=2, samples=400, fraction=0.5, key=KEY)
    options = {"key": KEY, "steps": np.array([0, 10, 200]), "hidden": (16, 12), "biases": True}
    run = train_classifier(task, ADAM, loss=squared, **options, **DOUBLE)
    first = arrays(prepare(task, KEY, hidden=(16, 12), biases=True, dtype="float64")[0])
    assert_observed(run, 0, first, task, squared_terms, rtol=1e-12)  # rounding
    early = adamw(first, task.train_inputs, task.train_labels, squared_terms, 10, rate=0.01, beta2=0.99, decay=0.0)
    assert_observed(run, 1, early, task, squared_terms, rtol=1e-8)  # rounding, amplified
    # the parity is learned: by guessing one half of 200 is right, with a deviation of 0.035
    assert run.train_accuracy[0] < 0.7
    assert run.train_accuracy[-1] > 0.95
    assert run.test_accuracy[-1] > 0.9


def test_the_settings_of_the_paper():
    update = {"w": jnp.array([3.0, -1e-19])}
    for options, second, decay in [({}, 0.99, 0.0), ({"beta2": 0.5, "weight_decay": 0.25}, 0.5, 0.25)]:
        rule, w = paper_adamw(0.1, **options), np.array([2.0, 5.0])
        state = rule.init({"w": jnp.asarray(w)})
        with jax.numpy_dtype_promotion("standard"):
            _, state = rule.update(update, state, {"w": jnp.asarray(w)})
            change, _ = rule.update({"w": jnp.zeros(2)}, state, {"w": jnp.asarray(w)})
        # means of a gradient and 0, with memories of 0.9 and beta2
        size = 0.9 * 0.1 / (1 - 0.9**2) / np.sqrt(second * (1 - second) / (1 - second**2))
        # an epsilon of 1e-25 beside a root of about 1e-19
        np.testing.assert_allclose(change["w"], -0.1 * (size * np.array([1, -1]) + decay * w), rtol=1e-5, atol=0)
    coarse = paper_adamw(0.1, epsilon=1.0)
    with jax.numpy_dtype_promotion("standard"):
        change, _ = coarse.update(update, coarse.init(update), update)
    np.testing.assert_allclose(change["w"], [-0.1 * 3 / 4, 1e-20], rtol=1e-12, atol=0)


def test_the_scale_of_a_loss_is_seen_by_descent():
    run = train_classifier(
        TASK,
        optax.sgd(0.05),
        key=KEY,
        steps=np.array([0, 5]),
        hidden=(),
        loss="softmax_log1p",
        loss_scale=4.0,
        **DOUBLE,
    )
    network, inputs = (
        arrays(prepare(TASK, KEY, hidden=(), biases=False, dtype="float64")[0]),
        vectors(TASK.train_inputs, TASK.width),
    )
    assert_observed(run, 0, network, TASK, softmax_terms, rtol=1e-12)  # of the loss itself
    for _ in range(5):
        slopes = gradient(network, inputs, TASK.train_labels, softmax_terms)[2]
        network = unflat(flat(network) - 4 * 0.05 * flat(slopes), network)
    assert_observed(run, -1, network, TASK, softmax_terms, rtol=1e-12)  # rounding
    np.testing.assert_allclose(flat(arrays(run.network)), flat(network), rtol=0, atol=1e-13)


def test_the_scale_keeps_squares_of_tiny_gradients():
    """Of 1e-24 the square is 0 in float32, so that Adam would divide by its epsilon alone."""
    plain = train_classifier(TASK, ADAM, key=KEY, steps=STEPS, hidden=HIDDEN)
    tiny = train_classifier(
        TASK,
        ADAM,
        key=KEY,
        steps=STEPS,
        hidden=HIDDEN,
        loss=lambda z, y: 1e-24 * LOSSES["softmax"](z, y),
        loss_scale=1e24,
        loss_dtype="float64",
    )
    # roundings of float32, amplified by Adam where a gradient is a small difference
    np.testing.assert_allclose(flat(arrays(tiny.network)), flat(arrays(plain.network)), rtol=0, atol=1e-3)
    assert all(layer.weights.dtype == np.float32 for layer in (*tiny.network, *plain.network))
    for name in ("gradient_norm", "train_loss"):
        np.testing.assert_allclose(getattr(tiny, name), 1e-24 * getattr(plain, name), rtol=1e-3, atol=0)
    np.testing.assert_allclose(tiny.cosine, plain.cosine, rtol=0, atol=1e-3)


def test_a_run_without_64_bits():
    with jax.enable_x64(False):
        run = train_classifier(TASK, optax.sgd(0.2), key=KEY, steps=np.array([0, 5]), hidden=())
        assert run.network[0].weights.dtype == np.float32
        network = arrays(run.network)
    first, inputs = (
        arrays(prepare(TASK, KEY, hidden=(), biases=False, dtype="float64")[0]),
        vectors(TASK.train_inputs, TASK.width),
    )
    assert_observed(run, 0, first, TASK, softmax_terms, rtol=1e-5)  # rounding of float32
    for _ in range(5):
        first = unflat(flat(first) - 0.2 * flat(gradient(first, inputs, TASK.train_labels, softmax_terms)[2]), first)
    np.testing.assert_allclose(flat(network), flat(first), rtol=0, atol=1e-6)
    assert_observed(run, -1, first, TASK, softmax_terms, rtol=1e-5)


# What the loss no longer sees

STILL = optax.sgd(0.0)
PARITY = sparse_parity(8, parity_bits=2, samples=500, fraction=0.8, key=KEY)


def observed(task, weights, loss, loss_dtype):
    """What is seen of a network of one layer as it is."""
    _, data = prepare(task, KEY, hidden=(), biases=False, dtype="float32")
    _, _, curves = advance(
        (Layer(jnp.asarray(weights, "float32"), None),),
        None,
        data,
        optimiser=STILL,
        steps=(0,),
        loss=LOSSES[loss],
        loss_dtype=loss_dtype,
        loss_scale=1.0,
    )
    return Classifier(np.arange(1), *(np.asarray(curve) for curve in curves), ())


def spread(size):
    """Weights whose logits have a median magnitude of ``size``; the right logits, and the wrong ones."""
    weights = np.random.default_rng(3).normal(size=(8, 1)) * [[1, -1]]
    logits = PARITY.train_inputs @ weights
    weights *= size / np.median(np.abs(logits))
    logits, rows = PARITY.train_inputs @ weights, np.arange(len(logits))
    return weights, logits[rows, PARITY.train_labels], logits[rows, 1 - PARITY.train_labels]


def assert_share(share, certain, possible):
    """A share has those examples that are certain and none but those that are possible; few are in doubt."""
    assert certain.mean() - 1e-12 <= share <= possible.mean() + 1e-12
    assert possible.mean() - certain.mean() < 0.08
    assert 0.05 < certain.mean() < 0.5


@pytest.mark.parametrize(("dtype", "bits"), [("bfloat16", 8), ("float16", 11), ("float32", 24)])
def test_what_has_collapsed_is_counted_in_the_arithmetic_of_the_loss(dtype, bits):
    threshold = bits * np.log(2)
    weights, right, wrong = spread(threshold / 2)
    # each logit is rounded by half a unit in the last place, and so is their difference and its exponential
    slack = 4 * np.abs(right).max() * 2.0**-bits + 1e-5
    run = observed(PARITY, weights, "softmax", dtype)
    assert_share(run.collapsed[0], right - wrong > threshold + slack, right - wrong > threshold - slack)
    # there the cross-entropy of libraries has no pull on the right logit
    assert run.lost[0] == run.collapsed[0]
    assert run.silent[0] < run.lost[0]
    # what is seen of the logits themselves is not rounded to the loss's type
    assert run.gap[0] == pytest.approx(np.median(right - wrong), rel=1e-5)
    assert run.odds[0] == pytest.approx(np.median(right - wrong), rel=1e-5)


def test_an_example_is_silent_where_all_exponentials_underflow():
    weights, right, wrong = spread(60.0)
    run = observed(PARITY, weights, "softmax", "float32")
    # from the smallest normal number to half of the smallest of all
    assert_share(run.silent[0], right - wrong > 150 * np.log(2), right - wrong > 126 * np.log(2))


def test_the_right_logit_is_lost_to_stablemax_by_its_own_derivative():
    weights, right, wrong = spread(4000.0)
    run = observed(PARITY, weights, "stablemax", "float32")
    share = np.where(right > wrong, (1 + np.abs(right)) ** -2.0, 1)
    # a share below a quarter of a unit in the last place, and one that two roundings of half a unit may hide
    assert_share(run.lost[0], share < 2.0**-25, share < 2.0**-22.5)
    # by then the exponentials are gone, and the others still have a derivative
    assert run.collapsed[0] == np.mean(right > wrong)
    assert run.silent[0] == 0


def test_derivatives_are_averaged_where_they_do_not_underflow():
    """In float16 a derivative of exp(-12.5) has six units; a thousandth of it has none."""
    labels = np.arange(1000, dtype=np.int32) % 2
    task = Task(labels[:, None], labels, labels[:2, None], labels[:2], 2, 2)
    run = observed(task, 12.5 * np.eye(2), "softmax_log1p", "float16")
    # each input has half of the examples, and a derivative of one sign by each logit
    expected = np.exp(-12.5) / 2 * np.sqrt(4)
    # half of a unit, of 2^-24, beside 62 of them
    assert run.gradient_norm[0] == pytest.approx(expected, rel=0.01)
    assert run.train_loss[0] == pytest.approx(np.exp(-12.5), rel=0.01)
    # both are whole numbers of units, where exp(-12.5) has 62.5
    for value in (run.train_loss[0], run.gradient_norm[0]):
        assert value * 2**24 == pytest.approx(round(value * 2**24), abs=1e-3)
    # the softmax of the same logits has collapsed
    assert (run.collapsed[0], run.lost[0], run.silent[0]) == (1, 0, 0)
    # half the gradient is along the two weights that are not 0
    assert run.cosine[0] == pytest.approx(np.sqrt(0.5), rel=1e-3)


# Seeds

SEEDED = {"key": jax.random.key(5), "steps": STEPS, "hidden": HIDDEN}
DRAW = partial(modular_addition, 7, fraction=0.6)


def test_each_seed_has_its_own_split_and_start_and_does_not_hang_on_how_many_there_are():
    many = train_seeds(DRAW, ADAM, seeds=3, **SEEDED)
    two = train_seeds(DRAW, ADAM, seeds=2, **SEEDED)
    np.testing.assert_array_equal(many.steps, STEPS)
    assert {np.shape(curve) for curve in many[1:-1]} == {(3, 4)}
    assert [layer.weights.shape for layer in many.network] == [(3, 14, 8), (3, 8, 6), (3, 6, 7)]
    for seed in range(3):
        split, start = jax.random.split(jax.random.fold_in(jax.random.key(5), seed))
        alone = train_classifier(DRAW(key=split), ADAM, **(SEEDED | {"key": start}))
        for name in Classifier._fields[1:-1]:
            np.testing.assert_array_equal(getattr(many, name)[seed], getattr(alone, name), err_msg=name)
            if seed < 2:
                np.testing.assert_array_equal(getattr(two, name)[seed], getattr(alone, name), err_msg=name)
        for stacked, one in zip(many.network, alone.network, strict=True):
            np.testing.assert_array_equal(stacked.weights[seed], one.weights)
    # other first weights, and other examples
    assert len(set(many.weight_norm[:, 0])) == len(set(many.train_loss[:, 0])) == 3


def test_one_optimiser_trains_all_seeds_with_one_program():
    train_classifier(TASK, ADAM, key=KEY, steps=STEPS, hidden=HIDDEN)
    before = advance._cache_size()
    train_classifier(TASK, ADAM, key=jax.random.key(3), steps=STEPS, hidden=list(HIDDEN))
    train_seeds(DRAW, ADAM, seeds=2, **SEEDED)
    assert advance._cache_size() == before


def test_when_a_curve_comes_to_a_level():
    curves = np.array([[0.0, 0.4, 0.5, 0.3], [0.6, 0.1, 0.0, 0.9], [0.1, 0.2, 0.3, 0.4]])
    run = Classifier(np.array([0, 10, 20, 70]), *[curves] * 11, ())
    np.testing.assert_array_equal(run.reached(run.train_loss, 0.5), [20, 0, np.nan])
    np.testing.assert_array_equal(run.reached(curves[0], 0.5), 20)
    np.testing.assert_array_equal(run.reached(curves[2], 0.5), np.nan)
    np.testing.assert_array_equal(run.reached(curves[None, :2], 0.8), [[np.nan, 70]])


# What is refused


def refused(**options):
    return train_classifier(TASK, ADAM, **({"key": KEY, "steps": STEPS} | options))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: refused(loss="hinge"), "loss must be one of 'softmax', 'softmax_log1p', 'stablemax', 'taylor'"),
        (lambda: refused(loss_dtype="float8"), "loss_dtype must be one of 'bfloat16', 'float16', 'float32', 'float64'"),
        (lambda: refused(dtype="float16"), "dtype must be one of 'float32', 'float64', got 'float16'"),
        (lambda: refused(hidden=(8, 0)), "hidden must be a whole number of at least 1, got 0 at index (1,)"),
        (lambda: refused(loss_scale=0.0), "loss_scale must be positive, got 0.0"),
        (lambda: refused(steps=np.array([0, 5, 5])), "steps must be strictly increasing and not empty, got [0, 5, 5]"),
        (lambda: refused(steps=np.array([-1, 5])), "steps must be a whole number of at least 0, got -1"),
        (lambda: train_seeds(DRAW, ADAM, seeds=0, **SEEDED), "seeds must be a whole number of at least 1, got 0"),
        (lambda: train_seeds(DRAW, ADAM, seeds=1, loss="hinge", **SEEDED), "loss must be one of 'softmax'"),
        (lambda: paper_adamw(0.0), "learning_rate must be positive, got 0.0"),
        (lambda: paper_adamw(0.1, epsilon=0.0), "epsilon must be positive, got 0.0"),
        (lambda: paper_adamw(0.1, beta2=1.1), "beta2 must be between 0 and 1, got 1.1"),
        (lambda: paper_adamw(0.1, weight_decay=-1.0), "weight_decay must be non-negative, got -1.0"),
    ],
)
def test_refuses_what_has_no_meaning(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


@pytest.mark.parametrize("name", ["loss_dtype", "dtype"])
def test_refuses_64_bits_where_they_are_switched_off(name):
    message = f"{name} must be at most 'float32' until jax_enable_x64 is switched on, got 'float64'"
    with jax.enable_x64(False), pytest.raises(ValueError, match=message):
        refused(**{name: "float64"})
