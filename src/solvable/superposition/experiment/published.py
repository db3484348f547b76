"""The published sweeps at their own size, which take days: every cell is kept as soon as it is there."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import jax
import numpy as np

from solvable import long_runs

from ..theory.frequencies import feature_frequencies
from .data import prepare
from .model import Settings, run_prepared
from .sweeps import Measured, measure, run_widths

FEATURES = 1000
WIDTHS = (10, 15, 25, 39, 63, 100)
GAMMAS = np.linspace(-1, 1, 10)
ALPHAS = np.linspace(0, 1, 9)
"""Exponents of the frequencies, as in the paper's figures; a second sweep of theirs goes from 1 to 2."""
SETTINGS = Settings(steps=20_000, batch=2048, bias_scale=1.0, loss_scale=1 / FEATURES, test_batches=20)

FIGURE_1_FEATURES = 10_240
FIGURE_1_WIDTHS = (8, 16, 32, 64, 128, 256, 512, 1024)
FIGURE_1_SPECTRA = {"power": {"alpha": 1.2}, "exponential": {"length": 400.0}, "linear": {}}
FIGURE_1_GAMMAS = (-1.0, 0.1)


def run_paper_sweep(
    file: str | Path,
    *,
    alphas: Sequence[float] | np.ndarray = ALPHAS,
    gammas: Sequence[float] | np.ndarray = GAMMAS,
    settings: Settings = SETTINGS,
    budget: float = float("inf"),
) -> Measured:
    """The main sweep of Liu, Liu and Gore (2025): 1000 features, 20 000 steps, six widths, one seed.

    A second call goes on where the first was broken off. The whole takes about a day on two cores.

    Args:
        file: an ``.npz``.
        alphas: exponents of the frequencies.
        gammas: strengths of the pull.
        settings: how to train; the authors' by default.
        budget: seconds after which no new cell is begun.

    Returns:
        Measurements ``(alphas, gammas, widths)``; NaN where a cell has not been computed.
    """

    def compute(alpha, gamma):
        spectrum = np.asarray(feature_frequencies("power", FEATURES, alpha=alpha))[None]
        key = jax.random.key(0)
        found = run_widths(spectrum, WIDTHS, gammas=[gamma], seeds=1, key=key, settings=settings)
        return np.array(found)[:, 0, :, 0]

    places = [(alpha, gamma) for alpha in alphas for gamma in gammas]
    # a file may hold runs with other settings too
    how = " ".join(f"{setting:.12g}" for setting in settings)
    cells = {_name(alpha=alpha, gamma=gamma, settings=how): partial(compute, alpha, gamma) for alpha, gamma in places}
    shape = len(alphas), len(gammas), len(Measured._fields), len(WIDTHS)
    return _gathered(file, cells, shape, budget)


def run_paper_figure_1(
    file: str | Path,
    *,
    spectra: Sequence[str] = tuple(FIGURE_1_SPECTRA),
    gammas: Sequence[float] = FIGURE_1_GAMMAS,
    widths: Sequence[int] = FIGURE_1_WIDTHS,
    budget: float = float("inf"),
) -> Measured:
    """Figure 1 of the same paper: 10 240 features, 40 000 steps of 8192 examples. It takes days, and 4 GB of memory.

    Args:
        file: an ``.npz``.
        spectra: of ``power`` (with alpha = 1.2), ``exponential`` and ``linear``.
        gammas: strengths of the pull; the authors take -1 and 0.1.
        widths: of the bottleneck.
        budget: seconds after which no new cell is begun.

    Returns:
        Measurements ``(spectra, gammas, widths)``; NaN where a cell has not been computed.
    """

    def compute(kind, gamma, m):
        frequencies = np.asarray(feature_frequencies(kind, FIGURE_1_FEATURES, **FIGURE_1_SPECTRA[kind]))
        settings = figure_1_settings(m)
        run = run_prepared(prepare(frequencies, settings.batch), m, gamma, jax.random.key(0), settings)
        return np.array(measure(frequencies, run))

    cells = {
        _name(spectrum=kind, gamma=gamma, width=m): partial(compute, kind, gamma, m)
        for kind in spectra
        for gamma in gammas
        for m in widths
    }
    shape = len(spectra), len(gammas), len(widths), len(Measured._fields)
    return _gathered(file, cells, shape, budget, fields=3)


def figure_1_settings(m: int) -> Settings:
    """How the authors train a width of Figure 1: the larger, the slower.

    Args:
        m: the width.
    """
    rate = 0.02 * (8 / m) ** 0.25
    return Settings(
        steps=40_000,
        batch=8192,
        learning_rate=rate,
        bias_scale=1.0,
        loss_scale=100 / FIGURE_1_FEATURES,
        test_batches=100,
        bias_rate=2 / m / rate,
        warm_up=0.05,
    )


def _gathered(file, cells, shape, budget, fields=2):
    """All cells in one array, with the measurements, its axis ``fields``, first."""
    found = long_runs.resume(file, cells, budget=budget)
    size = int(np.prod(shape)) // len(cells)
    rows = [np.ravel(found.get(name, np.full(size, np.nan))) for name in cells]
    return Measured(*np.moveaxis(np.reshape(rows, shape), fields, 0))


def _name(**parts) -> str:
    """All digits of a value are in a cell's name, so that no two cells of any grid share one."""
    texts = {name: part if isinstance(part, str) else np.round(float(part), 12) for name, part in parts.items()}
    return " ".join(f"{name} {text}" for name, text in texts.items())
