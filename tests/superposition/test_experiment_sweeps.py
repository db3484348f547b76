"""Many autoencoders at once: the same as one by one, and what is measured of them as NumPy measures it."""

import jax
import numpy as np
import pytest

from solvable.superposition.experiment import sweeps
from solvable.superposition.experiment.model import Settings, Superposition, _run, train_superposition
from solvable.superposition.experiment.sweeps import Measured, hold_count, measure, run_widths

N, WIDTHS, GAMMAS, SEEDS = 12, (2, 3), (-1.0, 0.5, -1.0), 2
SHORT = {"steps": 30, "batch": 16, "test_batches": 4}
STEEP = 0.5 ** np.arange(1, N + 1)
SPECTRA = np.array([STEEP, STEEP, np.full(N, 1 / N)])


@pytest.fixture(scope="module")
def found():
    return run_widths(SPECTRA, WIDTHS, gammas=GAMMAS, seeds=SEEDS, key=jax.random.key(4), settings=Settings(**SHORT))


def by_loops(frequencies, weights, biases):
    """All but the loss, of a run."""
    weights = weights.astype(float)
    lengths = [np.sqrt(sum(w**2 for w in row)) for row in weights]
    cosines = [abs(weights[i] @ weights[j]) / lengths[i] / lengths[j] for i in range(len(weights)) for j in range(i)]
    return {
        "represented": np.mean([length > 0.5 for length in lengths]),
        "strongly": np.mean([length > 1 for length in lengths]),
        "overlap": np.mean(np.square(cosines)),
        "largest": max(cosines),
        "unlearned": sum(4 / 3 * p for p, length in zip(frequencies, lengths, strict=True) if length <= 0.5),
        "square_norm": np.mean(np.square(lengths)),
        "bias": np.median(biases),
    }


def test_a_sweep_is_its_runs_one_by_one(found):
    keys = jax.random.split(jax.random.key(4), SEEDS)
    for place in [(0, 0, 0), (0, 1, 1), (1, 1, 0), (2, 0, 1), (2, 1, 0)]:
        setting, width, seed = place
        run = train_superposition(SPECTRA[setting], WIDTHS[width], gamma=GAMMAS[setting], key=keys[seed], **SHORT)
        assert found.loss[place] == run.loss
        assert found.error[place] == run.error
        for name, expected in by_loops(SPECTRA[setting], run.weights, run.biases).items():
            # single precision
            np.testing.assert_allclose(getattr(found, name)[place], expected, rtol=2e-6, atol=1e-7, err_msg=name)


def test_every_place_has_a_number_of_its_own(found):
    assert isinstance(found, Measured)
    for name, values in found._asdict().items():
        assert values.shape == (3, 2, SEEDS), name
        assert np.isfinite(values).all(), name
    # settings that differ in their strength, or in their spectrum alone; widths; and seeds
    assert len(np.unique(found.loss)) == found.loss.size
    assert len(np.unique(found.overlap)) == found.overlap.size


def test_what_is_measured_is_that_of_the_weights(key):
    draw = np.random.default_rng(0)
    # rows on both sides of 1/2 and of 1
    lengths = np.array([0.2, 0.49, 0.51, 0.7, 0.99, 1.01, 1.5, 0.3, 0.8, 2.0, 1.2, 0.1])
    weights = draw.normal(size=(N, 3))
    weights *= (lengths / np.linalg.norm(weights, axis=1))[:, None]
    run = Superposition(
        weights.astype(np.float32), draw.normal(size=N).astype(np.float32), np.float32(0.7), np.float32(0.1)
    )
    found = measure(STEEP, run)
    assert (found.loss, found.error) == (run.loss, run.error)
    expected = by_loops(STEEP, run.weights, run.biases)
    assert (expected["represented"], expected["strongly"]) == (8 / 12, 4 / 12)
    for name, value in expected.items():
        np.testing.assert_allclose(getattr(found, name), value, rtol=2e-6, atol=1e-7, err_msg=name)
    # frequencies of any type and kind
    again = measure(jax.numpy.asarray(STEEP, np.float32), run)
    np.testing.assert_array_equal(again.unlearned, found.unlearned)


def test_seeds_see_the_same_examples_at_every_width():
    # at the peak of the schedule a decay takes all of a row, to the bit, and the loss is the square of the examples
    settings = Settings(**SHORT, learning_rate=2.0**-40)
    found = run_widths(SPECTRA[:1], WIDTHS, gammas=[2.0**40], seeds=3, key=jax.random.key(1), settings=settings)
    np.testing.assert_allclose(found.loss[0, 0], found.loss[0, 1], rtol=1e-6, atol=0)
    assert len(np.unique(found.loss[0, 0])) == 3
    assert (found.represented == 0).all()


def test_a_program_serves_all_settings_and_seeds(found):
    before = _run._cache_size()
    run_widths(SPECTRA[[2, 0]], WIDTHS, gammas=[0.1, -0.2], seeds=1, key=jax.random.key(2), settings=Settings(**SHORT))
    assert _run._cache_size() == before


def test_defaults_are_those_of_training(monkeypatch):
    asked = []
    monkeypatch.setattr(
        sweeps, "run_prepared", lambda *given: asked.append(given) or (np.ones((N, 2)), np.ones(N), 0, 0)
    )
    monkeypatch.setattr(sweeps, "measure", lambda *_: np.zeros(9))
    run_widths(SPECTRA[:1], [2], gammas=[0.3], seeds=1, key=jax.random.key(0))
    ((_, width, gamma, key, settings),) = asked
    assert (width, gamma, settings) == (2, 0.3, Settings())
    assert key == jax.random.split(jax.random.key(0), 1)[0]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"widths": [2, 0]}, "widths must be a whole number of at least 1, got 0 at index"),
        ({"seeds": 0}, "seeds must be a whole number of at least 1, got 0"),
        ({"gammas": [0.1]}, r"gammas must have shape \(3,\), got \(1,\)"),
        ({"gammas": [0.1, np.nan, 0.2]}, "gammas must be finite"),
        ({"spectra": 2 * SPECTRA + 0.5}, "frequencies must be between 0 and 1"),
        ({"settings": Settings(steps=0)}, "steps must be a whole number of at least 1"),
        ({"settings": Settings(warm_up=2.0)}, "warm_up must"),
    ],
)
def test_refuses_what_it_cannot_sweep(changed, message, key):
    given = {"spectra": SPECTRA, "widths": WIDTHS, "gammas": GAMMAS, "seeds": 1} | changed
    with pytest.raises(ValueError, match=message):
        run_widths(given.pop("spectra"), given.pop("widths"), key=key, **given)


def test_refuses_one_spectrum_that_is_not_in_a_row(key):
    with pytest.raises(ValueError, match=r"spectra must have shape \(any, any\), got \(12,\)"):
        run_widths.__wrapped__(STEEP, WIDTHS, gammas=[0.1], seeds=1, key=key)


GRID = np.array([0.1, 0.2, 0.4, 0.8, 1.6])


def made_up(represented, loss, n=100):
    """Runs of which only these two numbers are known; ``(settings, gammas, widths, seeds)``."""
    represented, loss = np.broadcast_arrays(represented, loss)
    nothing = np.full(loss.shape, np.nan)
    return Measured(*[nothing] * 9)._replace(represented=represented / n, loss=loss)


def test_a_count_is_held_by_a_power_law():
    # numbers and losses that are powers of the strength, for which lines between logarithms are exact
    amplitude, wanted = np.array([[3.0, 5.0], [1.0, 12.0]])[:, None, :, None], np.array([7.0, 6.0])
    seeds = np.array([1.0, 1.1, 1.3])
    strength = GRID[None, :, None, None]
    runs = made_up(amplitude * strength**-0.7, seeds * strength**0.4)
    found = hold_count(runs, GRID, n=100, counts=wanted)
    expected = (amplitude[:, 0] / wanted[:, None]) ** (1 / 0.7) * np.ones(3)
    assert found.gamma.shape == found.loss.shape == (2, 2, 3)
    inside = (expected >= GRID[0]) & (expected <= GRID[-1])
    np.testing.assert_array_equal(np.isnan(found.gamma), ~inside)
    np.testing.assert_array_equal(np.isnan(found.loss), ~inside)
    np.testing.assert_allclose(found.gamma[inside], expected[inside], rtol=1e-12, atol=0)
    np.testing.assert_allclose(found.loss[inside], (seeds * expected**0.4)[inside], rtol=1e-12, atol=0)
    assert 0 < inside.sum() < inside.size


def test_the_first_crossing_counts_and_nothing_is_no_number():
    def held(numbers, wanted=4.0):
        runs = made_up(np.reshape(numbers, (1, 5, 1, 1)), np.reshape(2 * GRID, (1, 5, 1, 1)))
        return float(hold_count(runs, GRID, n=100, counts=np.array([wanted])).gamma[0, 0, 0])

    # twice below; the middle of a logarithmic interval
    assert held([16, 8, 2, 8, 2]) == pytest.approx(np.sqrt(0.2 * 0.4), rel=1e-12)
    assert held([16, 4, 3, 2, 1]) == pytest.approx(0.2, rel=1e-12)
    assert held([4, 3, 2, 1, 1]) == pytest.approx(0.1, rel=1e-12)
    assert held([9, 8, 7, 6, 4]) == pytest.approx(1.6, rel=1e-12)
    # a rise is no crossing; from nothing there is no line
    assert np.isnan(held([1, 8, 9, 9, 9]))
    assert np.isnan(held([9, 0, 0, 0, 0]))
    assert np.isnan(held([9, 8, 7, 6, 5]))
    assert np.isnan(held([3, 3, 2, 1, 1]))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"gammas": -GRID[::-1]}, "gammas must be positive"),
        ({"gammas": GRID[:4]}, "runs.loss must have shape"),
        ({"gammas": GRID[::-1]}, "gammas must increase"),
        ({"counts": np.array([0.0])}, "counts must be positive"),
        ({"counts": np.array([1.0, 2.0])}, "runs.loss must have shape"),
        ({"n": 0}, "n must be a whole number of at least 1"),
    ],
)
def test_refuses_to_hold_what_is_no_count(changed, message):
    given = {"gammas": GRID, "n": 100, "counts": np.array([4.0])} | changed
    with pytest.raises(ValueError, match=message):
        hold_count(made_up(np.ones((1, 5, 1, 1)), np.ones((1, 5, 1, 1))), given.pop("gammas"), **given)
