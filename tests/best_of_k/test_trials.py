"""Counts that formulas are held against: against hands, enumerations and the formulas themselves."""

import itertools
import re

import jax
import numpy as np
import pytest
from scipy.stats import chisquare

from solvable.best_of_k.experiment.trials import retry_utilities, steps_until_error, train_policy, verified_gains
from solvable.best_of_k.theory.counting import best_policy_for_n_tries
from solvable.best_of_k.theory.verifiers import verifier_utility

SUCCESS = np.array([0.5, 0.0, 0.9, 0.2])
ERRORS = {"false_accept": 0.15, "miss": 0.3, "cost": 1.7}


def test_the_mean_of_what_tries_bring_is_the_closed_form(key):
    found = retry_utilities(key, 12, SUCCESS, 60_000, **ERRORS)
    assert found.shape == (60_000, 12)
    expected = verifier_utility(np.arange(1, 13), SUCCESS, **ERRORS)
    # four and a half standard errors
    assert (np.abs(found.mean(axis=0) - expected) < 4.5 * found.std(axis=0) / np.sqrt(60_000)).all()


def test_all_ways_in_which_three_tries_can_end():
    success, (f, miss, cost) = np.array([0.6, 0.1]), (0.2, 0.3, 2.0)
    law = {}
    for p, *outcomes in itertools.product(success, *[list(itertools.product([True, False], repeat=2))] * 3):
        chance, path, brought = 0.5, [], 0.0
        for right, accepted in outcomes:
            accept = 1 - miss if right else f
            chance *= (p if right else 1 - p) * (accept if accepted else 1 - accept)
            # a first acceptance ends it
            if accepted and not brought:
                brought = 1.0 if right else -cost
            path.append(brought)
        law[tuple(path)] = law.get(tuple(path), 0) + chance
    trials = 30_000
    found = retry_utilities(jax.random.key(3), 3, success, trials, false_accept=f, miss=miss, cost=cost)
    paths, counts = np.unique(found, axis=0, return_counts=True)
    assert {tuple(path) for path in paths.tolist()} == set(law)
    assert chisquare(counts, [trials * law[tuple(path)] for path in paths.tolist()]).pvalue > 1e-4


def test_what_is_accepted_first_is_what_it_brings(key):
    found = retry_utilities(key, 20, SUCCESS, 2000, **ERRORS)
    assert set(np.unique(found)) == {-1.7, 0.0, 1.0}
    # nothing before, the same for ever after
    changes = np.diff(found, axis=1, prepend=0) != 0
    assert changes.sum(axis=1).max() == 1


def test_a_verifier_without_errors_pays_once_an_answer_is_right(key):
    found = retry_utilities(key, 4, np.array([1.0, 0.0]), 500, false_accept=0.0)
    assert set(map(tuple, found.tolist())) == {(1.0,) * 4, (0.0,) * 4}


def test_tries_are_those_of_the_key(key):
    one, same, other = (retry_utilities(k, 3, SUCCESS, 50, **ERRORS) for k in [key, key, jax.random.key(1)])
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@pytest.mark.parametrize(
    ("tries", "measured"),
    [(1, (1, 0, 0)), (2, (2 / 3, 1 / 3, 0)), (4, (0.509, 0.382, 0.109)), (16, (0.370, 0.340, 0.290))],
)
def test_a_trained_policy_is_the_best_one(tries, measured):
    law = np.array([0.6, 0.3, 0.1])
    policy = train_policy(law, tries)
    best = best_policy_for_n_tries(law, tries)
    assert policy.sum() == pytest.approx(1, abs=1e-14)
    # what Adam leaves of shares that go to zero as one over the number of steps
    np.testing.assert_allclose(policy, best, rtol=0, atol=2e-3)
    np.testing.assert_allclose(policy, measured, rtol=0, atol=2.5e-3)
    # it is an optimum: what is lost is less than a thousandth, and nothing is gained
    lost = law @ ((1 - policy) ** tries - (1 - best) ** tries)
    assert -1e-12 < lost < 1e-3


def test_few_small_steps_leave_the_policy_near_even_odds():
    law = np.array([0.6, 0.3, 0.1])
    # Adam's step is its learning rate, whatever the gradient, in the sign of what each logit gains
    policy = train_policy(law, 2, steps=1, learning_rate=0.01)
    gains = 2 * law * (1 - 1 / 3)
    signs = np.sign(gains - gains.mean())
    expected = np.exp(0.01 * signs) / np.exp(0.01 * signs).sum()
    # its constant of 1e-8, beside a gradient above 1e-2
    np.testing.assert_allclose(policy, expected, rtol=1e-7, atol=0)
    later = train_policy(law, 2, steps=4, learning_rate=0.01)
    # gradients have changed by some per cent, and four steps by less than a hundredth of themselves
    np.testing.assert_allclose(later, np.exp(0.04 * signs) / np.exp(0.04 * signs).sum(), rtol=1e-3, atol=0)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_gains_of_short_traces_are_counted_out(key, n):
    horizons, trials = np.array([1, 2, 4]), 30_000
    found = verified_gains(key, horizons, n, trials)
    assert found.shape == (3, trials)
    for h, row in zip(horizons, found, strict=True):
        totals = np.sum(list(itertools.product([-1, 1], repeat=h)), axis=1)
        best = np.max(list(itertools.product(totals, repeat=n)), axis=1)
        values, ways = np.unique(best, return_counts=True)
        seen, counts = np.unique(row, return_counts=True)
        np.testing.assert_array_equal(seen, values)
        assert chisquare(counts, trials * ways / ways.sum()).pvalue > 1e-4
    if n == 2:
        # one step each: 1 in three cases of four, -1 in the last
        assert abs(found[0].mean() - 0.5) < 4.5 * np.sqrt(0.75 / trials)


def test_steps_before_the_first_error_fall_off_geometrically(key):
    accuracies, trials = np.array([0.2, 0.7, 0.99]), 30_000
    found = steps_until_error(key, accuracies, trials)
    assert found.shape == (3, trials)
    for p, row in zip(accuracies, found, strict=True):
        # up to where 20 are still expected
        last = int(np.log(20 / trials) / np.log(p))
        counts = np.bincount(np.minimum(row, last), minlength=last + 1)
        chances = np.append(p ** np.arange(last) * (1 - p), p**last)
        assert chisquare(counts, trials * chances).pvalue > 1e-4
        # of a geometric law: mean p / (1 - p), and its variance is that over 1 - p
        assert abs(row.mean() - p / (1 - p)) < 4.5 * np.sqrt(p / trials) / (1 - p)
    assert found.min() == 0


def test_gains_and_steps_are_those_of_the_key(key):
    for count in [
        lambda k: verified_gains(k, np.array([9]), 2, 50),
        lambda k: steps_until_error(k, np.array([0.9]), 50),
    ]:
        np.testing.assert_array_equal(count(key), count(key))
        assert (count(key) != count(jax.random.key(1))).any()


KEY = jax.random.key(0)
HALF = np.array([0.5])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: retry_utilities(KEY, 0, HALF, 1, false_accept=0.1), "tries must be a whole number of at least 1"),
        (lambda: retry_utilities(KEY, 1, HALF, 0, false_accept=0.1), "trials must be a whole number of at least 1"),
        (
            lambda: retry_utilities(KEY, 1, np.array([1.5]), 1, false_accept=0.1),
            "success must be between 0 and 1, got 1.5 at index (0,)",
        ),
        (lambda: retry_utilities(KEY, 1, HALF, 1, false_accept=-0.1), "false_accept must be between 0 and 1, got -0.1"),
        (
            lambda: retry_utilities(KEY, 1, HALF, 1, false_accept=0.1, miss=1.1),
            "miss must be between 0 and 1, got 1.1",
        ),
        (
            lambda: retry_utilities(KEY, 1, HALF, 1, false_accept=0.1, cost=-1.0),
            "cost must be non-negative, got -1.0",
        ),
        (lambda: train_policy(np.ones(1), 0), "tries must be a whole number of at least 1, got 0"),
        (lambda: train_policy(np.ones(1), 1, steps=0), "steps must be a whole number of at least 1, got 0"),
        (lambda: train_policy(np.ones(1), 1, learning_rate=0.0), "learning_rate must be positive, got 0.0"),
        (lambda: train_policy(np.array([1.5, -0.5]), 1), "probabilities must be between 0 and 1, got 1.5"),
        (lambda: train_policy(np.array([0.5, 0.4]), 1), "probabilities must add up to 1, got a sum of 0.9"),
        (lambda: verified_gains(KEY, np.array([0]), 1, 1), "horizons must be a whole number of at least 1, got 0"),
        (lambda: verified_gains(KEY, np.array([1]), 0, 1), "n must be a whole number of at least 1, got 0"),
        (lambda: verified_gains(KEY, np.array([1]), 1, 0), "trials must be a whole number of at least 1, got 0"),
        (lambda: steps_until_error(KEY, np.zeros(1), 1), "accuracy must be positive, got 0.0 at index (0,)"),
        (lambda: steps_until_error(KEY, np.ones(1), 1), "accuracy must be between 0 and"),
        (lambda: steps_until_error(KEY, HALF, 0), "trials must be a whole number of at least 1, got 0"),
    ],
)
def test_refuses_what_has_no_meaning(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
