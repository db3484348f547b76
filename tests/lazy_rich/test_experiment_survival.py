"""Features on fewer pairs, against the energy's definition with explicit matrices in double precision."""

import jax
import numpy as np
import pytest

from solvable.lazy_rich.experiment import survival
from solvable.lazy_rich.experiment.survival import FeatureSurvival, run_feature_survival, run_survival_thresholds
from solvable.lazy_rich.theory.energy import addition_pairs, single_frequency_feature
from solvable.randomness import generator


def _ascend(w, x, y, eta, steps):
    """Normalised ascent of the logarithm of the energy, its gradient by hand."""
    centred = y - y.mean(axis=0)
    for _ in range(steps):
        z = x @ w
        seen = centred.T @ z**2
        gradient = 2 * x.T @ (z * (centred @ seen))
        w = w + eta * gradient / (seen @ seen / 2)
        w = w / np.linalg.norm(w)
    return w


def _power(w, k):
    m = len(w) // 2
    waves = np.exp(-2j * np.pi * k * np.arange(m) / m)
    return sum(abs(waves @ half) ** 2 for half in (w[:m], w[m:])) * 2 / m / (w @ w)


def test_power_is_that_of_an_ascent_with_explicit_matrices(key):
    m, pairs, restarts, eta, steps = 7, (12, 25, 40), 4, 0.3, 12
    found = run_feature_survival(m, pairs, restarts=restarts, key=key, eta=eta, steps=steps)
    draw = generator(key)
    frequencies = draw.integers(1, 4, size=restarts)
    phases = draw.uniform(0, 2 * np.pi, size=(restarts, 2))
    ranks = [draw.permutation(m * m) for _ in range(restarts)]
    x, y = addition_pairs(m)
    for j, (k, phase, rank) in enumerate(zip(frequencies, phases, ranks, strict=True)):
        for i, n in enumerate(pairs):
            end = _ascend(single_frequency_feature(m, int(k), *phase.tolist()), x[rank < n], y[rank < n], eta, steps)
            # float32 rounds to 6e-8 and twelve steps near a saddle can make a hundred times as much of it
            np.testing.assert_allclose(found.power[i, j], _power(end, k), atol=2e-5)
    assert found.power.min() < 0.9
    np.testing.assert_array_equal(found.pairs, pairs)


def test_on_all_pairs_nothing_is_lost_and_on_few_everything(key):
    found = run_feature_survival(11, (12, 121), restarts=8, key=key, eta=1.0, steps=100)
    # a maximum stays where it is, up to the rounding of float32 along its flat directions
    np.testing.assert_allclose(found.power[1], 1, atol=1e-5)
    assert found.survived.tolist() == [0, 1]


def test_larger_subsets_contain_the_smaller_ones_so_that_numbers_of_pairs_do_not_affect_each_other(key):
    together = run_feature_survival(7, (20, 30), restarts=3, key=key, steps=5)
    alone = run_feature_survival(7, (30,), restarts=3, key=key, steps=5)
    np.testing.assert_allclose(together.power[1], alone.power[0], atol=1e-6)  # float32, compiled for other shapes


def _survival(pairs, fractions):
    restarts = 20
    power = [[1.0] * round(f * restarts) + [0.0] * round((1 - f) * restarts) for f in fractions]
    return FeatureSurvival(7, np.asarray(pairs), np.asarray(power))


def test_survivors_have_more_than_half_of_their_power():
    found = FeatureSurvival(7, np.array([10]), np.array([[0.5, 0.51, 0.1, 1.0]]))
    assert found.survived.tolist() == [0.5]


@pytest.mark.parametrize(
    ("fractions", "level", "expected"),
    [
        ((0.0, 0.2, 0.7, 1.0), 0.5, 26.0),  # three fifths of the way from 20 to 30
        ((0.0, 0.2, 0.7, 1.0), 0.85, 35.0),
        ((0.1, 0.6, 0.4, 1.0), 0.5, 20.0),  # monotone from both sides, it is .1, .5, .5, 1
        ((0.0, 0.0, 0.1, 0.4), 0.5, np.nan),
        ((0.6, 0.7, 0.8, 0.9), 0.5, np.nan),
    ],
)
def test_what_half_of_the_features_need_is_read_between_entries(fractions, level, expected):
    found = _survival((10, 20, 30, 40), fractions).needed(level)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_thresholds_are_those_of_each_size_and_their_errors_shrink_with_the_root_of_restarts(key, monkeypatch):
    few, many = (survival._Size(7, restarts, 0.3, 0.95) for restarts in (32, 512))
    monkeypatch.setitem(survival.PRESETS, "notebook", (few, many))
    found = run_survival_thresholds(key=key, steps=30)
    np.testing.assert_array_equal(found.m, (7, 7))
    # two estimates of one number
    assert abs(found.needed[0] - found.needed[1]) < 4 * np.hypot(*found.error)
    # sixteen times the restarts are a quarter of the error; an error of an error, by resampling, scatters by a third
    np.testing.assert_allclose(found.error[0] / found.error[1], 4, rtol=0.6)
    one = jax.random.split(jax.random.split(key, 2)[0])[0]
    pairs = [round(49 * f) for f in np.linspace(0.3, 0.95, 9)]
    assert found.needed[0] == run_feature_survival(7, pairs, restarts=32, key=one, steps=30).needed()


def test_a_preset_that_there_is_not_is_refused(key):
    with pytest.raises(ValueError, match="preset must be one of 'notebook', 'large', got 'huge'"):
        run_survival_thresholds(key=key, preset="huge")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"m": 2}, "m must be a whole number of at least 3, got 2"),
        ({"pairs": (10, 50)}, r"pairs must be between 1 and 49, got 50 at index \(1,\)"),
        ({"pairs": (20, 10)}, r"pairs must increase, got \[20, 10\]"),
        ({"restarts": 0}, "restarts must be a whole number of at least 1, got 0"),
        ({"eta": 0.0}, "eta must be positive, got 0.0"),
        ({"steps": 0}, "steps must be a whole number of at least 1, got 0"),
    ],
)
def test_arguments_outside_their_domain_are_refused(change, message, key):
    arguments = {"m": 7, "pairs": (10, 20), "restarts": 2, "key": key} | change
    with pytest.raises(ValueError, match=message):
        run_feature_survival(arguments.pop("m"), arguments.pop("pairs"), **arguments)
