"""Tasks: every pair once, labels by a loop, splits at random but the same for the same key."""

import jax
import numpy as np
import pytest

from solvable.softmax_collapse.experiment.data import modular_addition, sparse_parity

KEY = jax.random.key(0)


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("p", [2, 7, 31])
def test_every_pair_is_there_once_with_its_sum(p):
    task = modular_addition(p, fraction=0.5, key=KEY)
    inputs = np.concatenate([task.train_inputs, task.test_inputs])
    labels = np.concatenate([task.train_labels, task.test_labels])
    assert (task.width, task.classes) == (2 * p, p)
    assert {(int(a), int(b) - p) for a, b in inputs} == {(a, b) for a in range(p) for b in range(p)}
    assert len(inputs) == len(labels) == p * p
    for (a, place), label in zip(inputs, labels, strict=True):
        assert label == (int(a) + int(place) - p) % p


@pytest.mark.parametrize("p", [2, 3, 7, 31, 113])
def test_shares_are_rounded_down_but_whole_numbers_stay(p):
    for examples in {1, 2, p, p * p // 3, p * p - 1}:
        for fraction in (examples / p**2, (examples + 0.5) / p**2):
            if fraction <= 1 - 1 / p**2:
                task = modular_addition(p, fraction=fraction, key=KEY)
                assert (len(task.train_labels), len(task.test_labels)) == (examples, p * p - examples)


def test_the_paper_s_and_the_chapter_s_sizes():
    assert len(modular_addition(113, fraction=0.4, key=KEY).train_labels) == 5107
    assert len(modular_addition(31, fraction=0.8, key=KEY).train_labels) == 768


def test_the_split_is_at_random():
    task = modular_addition(31, fraction=0.5, key=KEY)
    # hypergeometric: 480 of 961 pairs, of which 31 have a given first number; a deviation is 2.8
    counts = np.bincount(task.train_inputs[:, 0], minlength=31)
    assert np.abs(counts - 480 / 31).max() < 5 * 2.8
    assert counts.std() > 1
    assert not same(task, modular_addition(31, fraction=0.5, key=jax.random.key(1)))


def test_parity_by_a_loop():
    task = sparse_parity(9, parity_bits=3, samples=200, fraction=0.25, key=KEY)
    assert task.train_inputs.shape == (50, 9)
    assert task.test_inputs.shape == (150, 9)
    assert (task.width, task.classes) == (9, 2)
    inputs = np.concatenate([task.train_inputs, task.test_inputs])
    assert set(np.unique(inputs)) == {0.0, 1.0}
    for row, label in zip(inputs, np.concatenate([task.train_labels, task.test_labels]), strict=True):
        odd = False
        for bit in row[:3]:
            odd ^= bit == 1
        assert label == odd


def test_bits_are_fair_and_independent():
    task = sparse_parity(10, parity_bits=2, samples=20_000, fraction=0.5, key=KEY)
    signs = 2 * task.train_inputs - 1
    moments = signs.T @ signs / len(signs)
    # means of 10 000 signs: a deviation is 0.01, of 55 numbers the largest is below 5 of them
    assert np.abs(moments - np.eye(10)).max() < 0.05
    assert np.abs(signs.mean(axis=0)).max() < 0.05
    assert abs(task.train_labels.mean() - 0.5) < 0.025


@pytest.mark.parametrize("parity_bits", [1, 6])
def test_one_bit_or_all_may_count(parity_bits):
    task = sparse_parity(6, parity_bits=parity_bits, samples=2, fraction=0.5, key=KEY)
    assert len(task.train_labels) == len(task.test_labels) == 1
    np.testing.assert_array_equal(task.train_labels, task.train_inputs[:, :parity_bits].sum(axis=1) % 2)


def test_the_same_key_draws_the_same_in_every_precision():
    def tasks():
        parity = sparse_parity(9, parity_bits=3, samples=40, fraction=0.5, key=KEY)
        return [modular_addition(7, fraction=0.5, key=KEY), parity]

    first = tasks()
    with jax.enable_x64(False):
        again = tasks()
    assert all(same(one, other) for one, other in zip(first, again, strict=True))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: modular_addition(1, fraction=0.5, key=KEY), "p must be a whole number of at least 2, got 1"),
        (lambda: modular_addition(5, fraction=0.03, key=KEY), "fraction must be between 0.04 and 0.96, got 0.03"),
        (lambda: modular_addition(5, fraction=1.0, key=KEY), "fraction must be between 0.04 and 0.96, got 1.0"),
        (lambda: sparse_parity(0, parity_bits=1, samples=4, fraction=0.5, key=KEY), "bits must be a whole number"),
        (lambda: sparse_parity(4, parity_bits=0, samples=4, fraction=0.5, key=KEY), "parity_bits must be a whole"),
        (
            lambda: sparse_parity(4, parity_bits=5, samples=4, fraction=0.5, key=KEY),
            "parity_bits must be between 1 and 4",
        ),
        (lambda: sparse_parity(4, parity_bits=2, samples=1, fraction=0.5, key=KEY), "samples must be a whole number"),
        (lambda: sparse_parity(4, parity_bits=2, samples=4, fraction=0.2, key=KEY), "fraction must be between 0.25"),
        (lambda: sparse_parity(4, parity_bits=2, samples=4, fraction=0.9, key=KEY), "fraction must be between 0.25"),
    ],
)
def test_refuses_what_cannot_be_split(call, message):
    with pytest.raises(ValueError, match=message):
        call()
