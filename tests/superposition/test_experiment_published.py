"""The published sweeps, made small: what is run in each cell, what is kept, and that a run goes on."""

import jax
import numpy as np
import pytest

from solvable.superposition.experiment import published
from solvable.superposition.experiment.data import prepare
from solvable.superposition.experiment.model import Settings, run_prepared, train_superposition
from solvable.superposition.experiment.published import figure_1_settings, run_paper_figure_1, run_paper_sweep
from solvable.superposition.experiment.sweeps import Measured, measure

N, WIDTHS = 12, (2, 3)
SHORT = Settings(steps=30, batch=16, test_batches=4)
ALPHAS, GAMMAS = np.array([0.5, 1.0]), np.array([-1.0, 0.2, 1.0])


def power(alpha):
    p = np.arange(1.0, N + 1) ** -alpha
    return p / p.sum()


@pytest.fixture
def small(monkeypatch):
    """Sizes of tests, and a list of the cells that are computed."""
    computed = []
    for name, value in {"FEATURES": N, "FIGURE_1_FEATURES": N, "WIDTHS": WIDTHS}.items():
        monkeypatch.setattr(published, name, value)
    monkeypatch.setattr(published, "figure_1_settings", lambda m: SHORT._replace(learning_rate=0.05 / m))
    for name in ("run_widths", "run_prepared"):
        run = getattr(published, name)
        monkeypatch.setattr(
            published, name, lambda *given, run=run, **named: computed.append((given, named)) or run(*given, **named)
        )
    return computed


def cells(file):
    with np.load(file) as stored:
        return {name: stored[name] for name in stored}


def test_settings_are_those_of_the_paper():
    assert published.FEATURES == 1000
    assert tuple(np.floor(np.exp(np.linspace(np.log(10), np.log(100), 6)) + 1e-9).astype(int)) == published.WIDTHS
    np.testing.assert_allclose(published.GAMMAS, [-1 + 2 * k / 9 for k in range(10)], rtol=0, atol=1e-15)
    np.testing.assert_array_equal(published.ALPHAS, [k / 8 for k in range(9)])
    # batch, steps, peak, biases of scale 1 at the start, the mean over features, epsilon, warm-up of 2000 steps
    s = published.SETTINGS
    assert (s.batch, s.steps, s.learning_rate, s.bias_scale, s.loss_scale) == (2048, 20_000, 1e-2, 1.0, 1e-3)
    assert (s.epsilon, s.bias_rate, s.warm_up * s.steps) == (1e-8, 1.0, 2000)
    # the first figure
    assert published.FIGURE_1_FEATURES == 10_240
    assert tuple(2**k for k in range(3, 11)) == published.FIGURE_1_WIDTHS
    assert published.FIGURE_1_GAMMAS == (-1.0, 0.1)
    assert published.FIGURE_1_SPECTRA == {"power": {"alpha": 1.2}, "exponential": {"length": 400.0}, "linear": {}}


@pytest.mark.parametrize(
    ("m", "weights", "biases"),
    # 0.02 (8/m)^(1/4), 2/m: 1/128 to the power of 1/4 is 2^-(7/4)
    [(8, 0.02, 0.25), (128, 0.01, 2 / 128), (1024, 0.02 * 2**-1.75, 2 / 1024)],
)
def test_settings_of_the_first_figure_are_those_of_the_paper(m, weights, biases):
    s = figure_1_settings(m)
    assert s.learning_rate == pytest.approx(weights, rel=1e-14)
    assert s.learning_rate * s.bias_rate == pytest.approx(biases, rel=1e-14)
    assert (s.batch, s.steps, s.warm_up, s.bias_scale, s.epsilon) == (8192, 40_000, 0.05, 1.0, 1e-8)
    # the mean over the features, times a hundred
    assert s.loss_scale == pytest.approx(100 / 10_240, rel=1e-14)


def test_the_sweep_is_training_cell_by_cell(small, tmp_path):
    found = run_paper_sweep(tmp_path / "run.npz", alphas=ALPHAS, gammas=GAMMAS, settings=SHORT)
    assert isinstance(found, Measured)
    assert {values.shape for values in found} == {(2, 3, 2)}
    assert len(small) == 6
    for i, j, k in [(0, 0, 0), (0, 2, 1), (1, 1, 0)]:
        seed = jax.random.split(jax.random.key(0), 1)[0]
        run = train_superposition(power(ALPHAS[i]), WIDTHS[k], gamma=GAMMAS[j], key=seed, **_counts(SHORT))
        expected = measure(power(ALPHAS[i]), run)
        # frequencies to rounding, of which the draws' bounds are whole numbers of 32 bits
        np.testing.assert_allclose(np.array(found)[:, i, j, k], np.array(expected), rtol=1e-4, atol=1e-5)


def _counts(settings):
    return {name: getattr(settings, name) for name in ("steps", "batch", "test_batches")}


def test_a_sweep_goes_on_where_it_was_broken_off(small, tmp_path, monkeypatch):
    file, run = tmp_path / "run.npz", published.run_widths
    whole = run_paper_sweep(tmp_path / "whole.npz", alphas=ALPHAS, gammas=GAMMAS, settings=SHORT)
    small.clear()

    def breaks(*given, **named):
        if len(small) == 2:
            raise KeyboardInterrupt
        return run(*given, **named)

    monkeypatch.setattr(published, "run_widths", breaks)
    with pytest.raises(KeyboardInterrupt):
        run_paper_sweep(file, alphas=ALPHAS, gammas=GAMMAS, settings=SHORT)
    assert len(cells(file)) == 2
    # no time for more: what is not there is not a number
    part = run_paper_sweep(file, alphas=ALPHAS, gammas=GAMMAS, settings=SHORT, budget=-1.0)
    for values, complete in zip(part, whole, strict=True):
        np.testing.assert_array_equal(values[0, :2], complete[0, :2])
        assert np.isnan(values[0, 2]).all()
        assert np.isnan(values[1]).all()
    monkeypatch.setattr(published, "run_widths", run)
    rest = run_paper_sweep(file, alphas=ALPHAS, gammas=GAMMAS, settings=SHORT)
    assert len(small) == 6
    np.testing.assert_array_equal(np.array(rest), np.array(whole))
    # and what is there is not computed again, in whatever grid it is asked for
    fewer = run_paper_sweep(file, alphas=ALPHAS[1:], gammas=GAMMAS[::-1], settings=SHORT)
    assert len(small) == 6
    np.testing.assert_array_equal(np.array(fewer), np.array(whole)[:, 1:, ::-1])


def test_a_number_names_one_cell_however_it_is_written(small, tmp_path):
    file = tmp_path / "run.npz"
    first = run_paper_sweep(file, alphas=[1.0], gammas=[-1.0], settings=SHORT)
    assert len(cells(file)) == 1
    for alpha, gamma in [(1, -1), (np.float64(1), -1), (1, np.float64(-1))]:
        again = run_paper_sweep(file, alphas=[alpha], gammas=[gamma], settings=SHORT)
        np.testing.assert_array_equal(np.array(again), np.array(first))
    assert len(cells(file)) == 1


def test_settings_are_part_of_a_cells_name(small, tmp_path):
    file, one = tmp_path / "run.npz", {"alphas": [1.0], "gammas": [-1.0]}
    first = run_paper_sweep(file, **one, settings=SHORT)
    for setting, value in {"steps": 31, "epsilon": 2e-8, "bias_scale": 0.5}.items():
        other = run_paper_sweep(file, **one, settings=SHORT._replace(**{setting: value}))
        assert not np.array_equal(np.array(other), np.array(first))
    assert len(cells(file)) == len(small) == 4
    again = run_paper_sweep(file, **one, settings=SHORT._replace(loss_scale=np.float32(1)))
    np.testing.assert_array_equal(np.array(again), np.array(first))
    assert len(small) == 4


def test_cells_of_the_whole_grids_have_names_of_their_own(tmp_path, monkeypatch):
    names = []
    monkeypatch.setattr(published.long_runs, "resume", lambda file, cells, budget: names.append(list(cells)) or {})
    fine = {"alphas": np.linspace(0, 2, 201), "gammas": np.linspace(-1, 1, 101)}
    assert all(np.isnan(values).all() for values in run_paper_sweep(tmp_path / "run.npz", **fine))
    assert len(set(names[0])) == len(names[0]) == 201 * 101
    found = run_paper_sweep(tmp_path / "run.npz")
    assert found.loss.shape == (9, 10, 6)
    assert len(set(names[1])) == len(names[1]) == 90
    # the two grids of the paper share the cell at 1
    run_paper_sweep(tmp_path / "run.npz", alphas=np.linspace(1, 2, 9))
    assert len(set(names[1]) & set(names[2])) == 10
    found = run_paper_figure_1(tmp_path / "one.npz")
    assert found.loss.shape == (3, 2, 8)
    assert len(set(names[3])) == len(names[3]) == 48
    assert not set(names[3]) & set(names[1])


def test_the_first_figure_is_training_cell_by_cell(small, tmp_path):
    file, spectra = tmp_path / "one.npz", ("power", "linear")
    found = run_paper_figure_1(file, spectra=spectra, gammas=(-1.0, 0.1), widths=WIDTHS)
    assert {values.shape for values in found} == {(2, 2, 2)}
    assert len(small) == 8
    line = np.arange(N, 0, -1) / (N * (N + 1) / 2)
    for place in [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)]:
        p = (power(1.2), line)[place[0]]
        m = WIDTHS[place[2]]
        settings = SHORT._replace(learning_rate=0.05 / m)
        run = run_prepared(prepare(p, 16), m, (-1.0, 0.1)[place[1]], jax.random.key(0), settings)
        expected = np.array(measure(p, run))
        np.testing.assert_allclose(np.array(found)[(slice(None), *place)], expected, rtol=1e-4, atol=1e-5)
    again = run_paper_figure_1(file, spectra=("linear", "exponential"), gammas=(0.1,), widths=WIDTHS[::-1], budget=-1)
    assert len(small) == 8
    np.testing.assert_array_equal(np.array(again)[:, 0, 0], np.array(found)[:, 1, 1, ::-1])
    assert np.isnan(again.loss[1]).all()


def test_refuses_other_files(tmp_path):
    for run in (run_paper_sweep, run_paper_figure_1):
        with pytest.raises(ValueError, match=r"file must end in .npz"):
            run(tmp_path / "run.csv")
