"""Modular addition, against a plain loop in double precision, and the stored curves against a fresh run."""

import jax
import numpy as np
import pytest

from solvable.lazy_rich.experiment.modular_addition import (
    STORED_RUNS,
    STORED_SEEDS,
    ModularAddition,
    cached_modular_addition,
    run_modular_addition,
)
from solvable.randomness import generator

CACHED = cached_modular_addition()


def _by_hand(p, width, examples, alpha, eta, steps, key):
    """Observations at each of ``steps`` of gradient descent on one-hot inputs, with the gradients written out."""
    draw = generator(key)
    first, second = draw.normal(size=(2 * p, width)), draw.normal(size=(width, p))
    order = draw.permutation(p * p)
    a, b = np.divmod(np.arange(p * p), p)
    x = np.zeros((p * p, 2 * p))
    x[np.arange(p * p), a] = x[np.arange(p * p), p + b] = 1
    y = np.zeros((p * p, p))
    y[np.arange(p * p), (a + b) % p] = 1
    seen, kept_back = order[:examples], order[examples:]
    observed = []
    for step in range(steps[-1] + 1):
        z = x @ first
        f = alpha / (2 * p * width) * z**2 @ second
        if step in steps:
            errors = np.sum((f - y) ** 2, axis=1)
            right = f.argmax(axis=1) == (a + b) % p
            observed.append(
                [
                    *(part[chosen].mean() for part in (errors, right) for chosen in (seen, kept_back)),
                    *(np.linalg.norm(layer) for layer in (first, second)),
                ]
            )
        # of the squared error averaged over examples and outputs, over alpha^2
        back = np.zeros_like(f)
        back[seen] = 2 * (f - y)[seen] / (examples * p * alpha**2) * alpha / (2 * p * width)
        first, second = (
            first - eta * x.T @ (2 * z * (back @ second.T)),
            second - eta * (z**2).T @ back,
        )
    return np.array(observed).T


@pytest.mark.parametrize("alpha", [0.25, 2.0])
def test_a_run_is_plain_gradient_descent_on_the_examples(alpha, key):
    p, width, steps = 5, 6, (0, 1, 7, 60)
    run = run_modular_addition(
        alpha, seeds=2, key=key, last_step=60, p=p, width=width, fraction=0.7, eta=4.0, observations=60
    )
    at = np.searchsorted(run.steps, steps)
    assert run.steps[at].tolist() == list(steps)
    for seed in range(2):
        expected = _by_hand(p, width, 17, alpha, 4.0, steps, jax.random.fold_in(key, seed))
        curves = [curve[seed, at] for curve in run[4:8]] + list(run.weight_norm[seed, at].T)
        # float32 rounds to 6e-8, and sixty steps add and amplify it
        np.testing.assert_allclose(curves, expected, rtol=1e-4)
    assert run.train_loss[:, -1].max() < run.train_loss[:, 0].min()


def test_the_first_seeds_do_not_depend_on_how_many_there_are(key):
    one, two = (
        run_modular_addition(1.0, seeds=seeds, key=key, last_step=5, p=3, width=2, fraction=0.5) for seeds in (1, 2)
    )
    np.testing.assert_allclose(one.test_loss[0], two.test_loss[0], rtol=1e-6)  # float32, compiled for other shapes
    assert two.test_loss[0, 0] != two.test_loss[1, 0]


def _run(accuracy, eta=2.0):
    curve = np.array([accuracy])
    return ModularAddition(0.5, 1.0, eta, np.array([0, 1, 9, 99]), curve, curve, curve, curve, np.zeros((1, 4, 2)))


@pytest.mark.parametrize(
    ("accuracy", "expected"),
    [
        ((0.0, 0.5, 1.0, 1.0), 2 * 1.0),  # exactly at an observation
        ((0.0, 0.0, 0.0, 1.0), 2 * (np.sqrt(10 * 100) - 1)),  # halfway between 9 and 99, each with one more
        ((0.0, 0.6, 0.0, 1.0), 2 * (2 ** (5 / 6) - 1)),  # the first of several times
        ((0.7, 0.0, 0.0, 0.0), 0.0),
        ((0.0, 0.1, 0.2, 0.3), np.nan),
    ],
)
def test_the_time_of_a_level_is_read_between_observations_and_in_units_of_the_learning_rate(accuracy, expected):
    run = _run(accuracy)
    np.testing.assert_allclose(run.reached(run.test_accuracy, 0.5), [expected], rtol=1e-12)
    np.testing.assert_array_equal(run.times, [0, 2, 18, 198])


def test_the_store_holds_every_run_and_nothing_that_is_not_finite():
    assert [(run.fraction, run.alpha) for run in CACHED] == list(STORED_RUNS)
    for run, (eta, last_step) in zip(CACHED, STORED_RUNS.values(), strict=True):
        assert (run.eta, run.steps[0], run.steps[-1]) == (eta, 0, last_step)
        assert (np.diff(run.steps) > 0).all()
        for curve in run[4:8]:
            assert curve.shape == (STORED_SEEDS, len(run.steps))
            assert np.isfinite(curve).all()
        assert run.weight_norm.shape == (STORED_SEEDS, len(run.steps), 2)


@pytest.mark.parametrize("index", [0, 3, 6])
def test_the_stored_curves_begin_as_a_fresh_run_does(index):
    stored = CACHED[index]
    fresh = run_modular_addition(
        stored.alpha,
        seeds=2,
        key=jax.random.key(0),
        last_step=int(stored.steps[stored.steps <= 300][-1]),
        fraction=stored.fraction,
        eta=stored.eta,
        # the log-spaced steps of a shorter run are others; these are all of them
        observations=1000,
    )
    shared, ours, theirs = np.intersect1d(fresh.steps, stored.steps, return_indices=True)
    assert shared.size > 40
    for name in ("train_loss", "test_loss", "weight_norm"):
        # stored with eleven bits, 5e-4; float32 in another order of summation stays below 1e-5 for so few steps
        np.testing.assert_allclose(getattr(fresh, name)[:, ours], getattr(stored, name)[:2, theirs], rtol=1e-3)
    for name, examples in (("train_accuracy", stored.fraction), ("test_accuracy", 1 - stored.fraction)):
        # two pairs of the table may be so close to a tie that rounding decides; eleven bits again
        close = 2 / (examples * 23**2) + 5e-4
        np.testing.assert_allclose(getattr(fresh, name)[:, ours], getattr(stored, name)[:2, theirs], atol=close)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alpha": 0.0}, r"alpha must be positive, got 0\.0"),
        ({"eta": -1.0}, r"eta must be positive, got -1\.0"),
        ({"fraction": 1.0}, r"fraction must be between .*, got 1\.0"),
        ({"p": 1}, "p must be a whole number of at least 2, got 1"),
        ({"width": 0}, "width must be a whole number of at least 1, got 0"),
        ({"seeds": 0}, "seeds must be a whole number of at least 1, got 0"),
        ({"last_step": 0}, "last must be a whole number of at least 1, got 0"),
    ],
)
def test_arguments_outside_their_domain_are_refused(change, message, key):
    arguments = {"alpha": 1.0, "seeds": 1, "key": key, "last_step": 2, "p": 3, "width": 2, "fraction": 0.5} | change
    with pytest.raises(ValueError, match=message):
        run_modular_addition(arguments.pop("alpha"), **arguments)
