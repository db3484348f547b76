"""Power by frequency: against sums of cosines and sines, Parseval's theorem, waves that have one frequency."""

import numpy as np
import pytest

from solvable.softmax_collapse.theory.fourier import fourier_power, top_frequency_share, unit_frequency_share


def drawn(p, width=3):
    return np.random.default_rng(p).normal(size=(p, width))


@pytest.mark.parametrize("p", [1, 2, 7, 8, 31])
def test_power_is_that_of_cosines_and_sines(p):
    embedding = drawn(p)
    expected = []
    for k in range(p // 2 + 1):
        angle = 2 * np.pi * k * np.arange(p) / p
        # orthogonal projections on what oscillates k times: a cosine and, where it is not 0 everywhere, a sine
        waves = [wave for wave in (np.cos(angle), np.sin(angle)) if wave @ wave > 1e-9]
        expected.append(sum((wave @ embedding) ** 2 / (wave @ wave) for wave in waves))
    # rounding of sums of 31 products
    np.testing.assert_allclose(fourier_power(embedding), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("p", [1, 2, 7, 8, 31, 32])
def test_the_power_of_all_frequencies_is_the_sum_of_squares(p):
    embedding = drawn(p)
    found = fourier_power(embedding)
    assert found.shape == (p // 2 + 1, 3)
    np.testing.assert_allclose(found.sum(axis=0), (embedding**2).sum(axis=0), rtol=1e-13, atol=0)  # rounding


def test_a_wave_has_its_frequency_alone_whatever_its_phase():
    a = np.arange(12)
    waves = np.stack([3 * np.cos(2 * np.pi * 5 * a / 12 + 0.7), np.ones(12), np.cos(np.pi * a)], axis=1)
    expected = np.zeros((7, 3))
    expected[[5, 0, 6], [0, 1, 2]] = [9 * 6, 12, 12]
    np.testing.assert_allclose(fourier_power(waves), expected, rtol=0, atol=1e-13)  # rounding


def test_float32_stays_float32():
    found = fourier_power(drawn(31).astype(np.float32))
    assert found.dtype == "float32"
    np.testing.assert_allclose(found, fourier_power(drawn(31)), rtol=0, atol=1e-4)  # rounding of sums up to 100


def test_the_share_of_the_strongest_is_over_all_columns():
    # frequency 0 is left out; over both columns together 2 and 3 are the strongest
    power = np.array([[50.0, 50.0], [4.0, 0.0], [3.0, 4.0], [1.0, 5.0], [2.0, 1.0]])
    found = [float(top_frequency_share(power, count)) for count in (1, 2, 3, 4, 9)]
    np.testing.assert_allclose(found, np.array([7, 13, 17, 20, 20]) / 20, rtol=1e-15, atol=0)  # rounding


def test_noise_has_somewhat_more_than_a_third_in_five_of_15():
    draw = np.random.default_rng(1)
    found = [top_frequency_share(fourier_power(draw.normal(size=(31, 128))), 5) for _ in range(5)]
    # 128 cosines and sines each: powers differ by a part in sqrt(128), the strongest third by one such part on average
    assert np.mean(found) == pytest.approx((1 + 1.05 / np.sqrt(128)) / 3, abs=0.01)


def test_each_unit_has_a_strongest_frequency_of_its_own():
    # frequency 0 is left out; the largest of the columns are 4 and 5, and one of 0
    power = np.array([[50.0, 9.0, 1.0], [4.0, 0.0, 0.0], [3.0, 4.0, 0.0], [1.0, 5.0, 0.0], [2.0, 1.0, 0.0]])
    assert float(unit_frequency_share(power)) == pytest.approx(9 / 20, rel=1e-15)  # rounding


def test_waves_of_any_frequency_and_phase_have_all_their_power_in_one():
    a, draw = np.arange(31), np.random.default_rng(4)
    frequencies, phases = draw.integers(1, 16, size=12), draw.uniform(0, 2 * np.pi, size=12)
    waves = np.cos(2 * np.pi * np.outer(a, frequencies) / 31 + phases) * draw.uniform(1, 9, size=12)
    assert float(unit_frequency_share(fourier_power(waves + 7))) == pytest.approx(1, rel=1e-13)  # rounding
    # while of all together each has about its part
    assert float(top_frequency_share(fourier_power(waves + 7), 1)) < 0.7


def test_units_of_noise_have_the_largest_of_15_exponentials():
    draw = np.random.default_rng(5)
    found = float(unit_frequency_share(fourier_power(draw.normal(size=(31, 20_000)))))
    # 15 powers of two squares of normal numbers each, which are exponential: the mean of the largest of 15 is the
    # harmonic number of 15 times their mean; 20 000 units know it to half a per cent
    assert found == pytest.approx(sum(1 / k for k in range(1, 16)) / 15, rel=0.02)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: top_frequency_share(np.ones((3, 2)), 0), "count must be a whole number of at least 1, got 0"),
        (lambda: top_frequency_share(np.ones((3, 2)), -2), "count must be a whole number of at least 1, got -2"),
    ],
)
def test_refuses_what_has_no_meaning(call, message):
    with pytest.raises(ValueError, match=message):
        call()
