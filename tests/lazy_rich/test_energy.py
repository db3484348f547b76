"""The energy of a neuron in modular addition, against loops, its form in frequencies, and a search for its maxima."""

import numpy as np
import pytest
import scipy.optimize
from jaxtyping import TypeCheckError

from solvable.lazy_rich.theory.energy import (
    addition_pairs,
    feature_energy,
    frequency_power,
    single_frequency_energy,
    single_frequency_feature,
)
from solvable.randomness import generator


def test_pairs_hold_each_sum_once_for_each_first_number():
    x, y = addition_pairs(5)
    for row, target in zip(x, y, strict=True):
        a, b = np.flatnonzero(row[:5]), np.flatnonzero(row[5:])
        assert (a + b) % 5 == np.flatnonzero(target)
    assert len(np.unique(x, axis=0)) == 25


def test_energy_is_that_of_the_definition_in_loops(key):
    draw = generator(key)
    w, x, y = draw.normal(size=4), draw.normal(size=(6, 4)), draw.normal(size=(6, 3))
    total = 0.0
    for c in range(3):
        centred = y[:, c] - sum(y[:, c]) / 6
        total += sum(centred[i] * sum(x[i, j] * w[j] for j in range(4)) ** 2 for i in range(6)) ** 2
    np.testing.assert_allclose(feature_energy(w, x, y), total / 2, rtol=1e-13)  # a hundred roundings


@pytest.mark.parametrize("m", [5, 6])
def test_energy_of_all_pairs_is_a_sum_over_frequencies(m, key):
    u, v = generator(key).normal(size=(2, m))
    product = np.abs(np.fft.fft(u) * np.fft.fft(v)) ** 2
    found = feature_energy(np.concatenate([u, v]), *addition_pairs(m))
    np.testing.assert_allclose(found, 2 / m * product[1:].sum(), rtol=1e-12)  # rounding


@pytest.mark.parametrize("m", [7, 8])
def test_single_frequencies_have_the_energy_derived_for_them(m):
    pairs = addition_pairs(m)
    for k in range(1, m // 2 + 1):
        for phases in ((), (0.7,), (0.7, 2.1)):
            w = single_frequency_feature(m, k, *phases)
            np.testing.assert_allclose(np.linalg.norm(w), 1, rtol=1e-14)
            # |u| = |v| = 1/sqrt(2), so at +k and -k the squared transforms are m/4 each, or m/2 where both are one
            expected = m / 2 if 2 * k == m else m / 4
            np.testing.assert_allclose(feature_energy(w, *pairs), expected, rtol=1e-12)
            assert single_frequency_energy(m, k) == expected


@pytest.mark.parametrize("half_length", [False, True])
def test_the_printed_value_is_a_quarter_of_it_without_the_cross_terms_factor_or_at_half_the_squared_length(half_length):
    m, k = 11, 2
    w = single_frequency_feature(m, k)
    if half_length:
        found = feature_energy(w / np.sqrt(2), *addition_pairs(m))
    else:
        u, v = w[:m], w[m:]
        convolution = np.array([sum(u[a] * v[(c - a) % m] for a in range(m)) for c in range(m)])
        found = np.sum((convolution - convolution.mean()) ** 2) / 2
    np.testing.assert_allclose(found, m / 16, rtol=1e-12)


def test_the_papers_pair_of_a_feature_and_its_reflection_is_among_them():
    m = 9
    w = single_frequency_feature(m, 2, 0.4)
    u, v = w[:m], w[m:]
    np.testing.assert_allclose(v, u[-np.arange(m)], atol=1e-15)


def test_a_search_from_random_weights_finds_nothing_above_and_ends_at_single_frequencies(key):
    m = 7
    x, y = addition_pairs(m)

    def minus_energy(w):
        return -feature_energy(w / np.linalg.norm(w), x, y)

    draw = generator(key)
    for _ in range(3):
        end = scipy.optimize.minimize(minus_energy, draw.normal(size=2 * m), tol=1e-10)
        # finite differences leave a gradient of 1e-6 and so a squared distance of 1e-12; some room for slow directions
        np.testing.assert_allclose(-end.fun, m / 4, rtol=1e-8)
        assert max(frequency_power(end.x, k) for k in range(1, 4)) > 1 - 1e-6


def test_power_at_all_frequencies_is_everything(key):
    for m in (6, 7):
        w = generator(key).normal(size=(3, 2 * m))
        total = sum(frequency_power(w, k) for k in range(m // 2 + 1))
        np.testing.assert_allclose(total, 1, rtol=1e-13)  # Parseval
        # one frequency by projection on its cosines and sines
        angle = 2 * np.pi * 2 * np.arange(m) / m
        waves = np.stack([np.cos(angle), np.sin(angle)]) * np.sqrt(2 / m)
        projected = np.sum((w.reshape(3, 2, m) @ waves.T) ** 2, axis=(1, 2)) / np.sum(w**2, axis=1)
        np.testing.assert_allclose(frequency_power(w, 2), projected, rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: addition_pairs(0), "m must be a whole number of at least 1, got 0"),
        (lambda: single_frequency_feature(1, 1), "m must be a whole number of at least 2, got 1"),
        (lambda: single_frequency_feature(8, 5), "k must be between 1 and 4.0, got 5"),
        (lambda: single_frequency_feature(8, 4, np.pi / 2), "a cosine of frequency 4 vanishes at all 8 numbers"),
        (lambda: single_frequency_feature(8, 3, np.inf), "phase must be finite, got inf"),
        (lambda: single_frequency_energy(9, 0), "k must be a whole number of at least 1, got 0"),
        (lambda: frequency_power(np.ones(5), 1), "w must hold two numbers of equal size, got 5 entries"),
        (lambda: frequency_power(np.ones(6), 2), "k must be between 0 and 1.5, got 2"),
        (lambda: frequency_power(np.zeros(6), 1), "the length of w must be positive, got 0.0"),
        (lambda: feature_energy(np.full(4, np.nan), *addition_pairs(2)), "w must be finite, got nan"),
    ],
)
def test_arguments_outside_their_domain_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_weights_and_targets_that_do_not_fit_the_examples_are_refused():
    # by the type where types are checked, as here, and by the function elsewhere
    for w, y, name in ((np.ones(3), np.ones((3, 2)), "x"), (np.ones(2), np.ones((2, 1)), "y")):
        with pytest.raises((TypeCheckError, ValueError), match=name):
            feature_energy(w, np.ones((3, 2)), y)
