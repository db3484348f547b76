"""Runs that take an hour, stored with the book; ``python -m solvable.superposition.experiment.grid`` makes them anew.

Each of a spectrum and a strength of the pull is a cell with all widths and seeds. A broken run goes on where it was.
"""

import itertools
from functools import partial
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from solvable import long_runs

from ..theory.frequencies import evened_frequencies, feature_frequencies
from .model import Settings
from .sweeps import Measured, run_widths

FEATURES = 512
WIDTHS = (6, 9, 14, 21, 32)
"""The last one is the square root of twice the number of features, where equal overlaps become possible."""
SETTINGS = Settings(steps=6000)
WIDE = (48, 64, 96, 128)
LAWS = {
    "exponential": lambda: feature_frequencies("exponential", FEATURES, length=60.0),
    "linear": lambda: feature_frequencies("linear", FEATURES),
}
EVENED = (0.1, 0.3, 1.0)
"""Steps from rare features, with one active in the mean, to a most frequent one that is always active."""
STORED = "grid.npz"


class Table(NamedTuple):
    """Exponents of the frequencies with strengths of the pull, each with every width from some seeds.

    Attributes:
        alphas: exponents of the frequencies.
        gammas: strengths of the pull.
        runs: ``(alphas, gammas, widths, seeds)``.
    """

    alphas: Float[np.ndarray, " alphas"]
    gammas: Float[np.ndarray, " gammas"]
    runs: Measured


TABLES = {
    "ends": (np.arange(9) * 0.25, (-1.0, 1.0), 3),
    "held": ((1.5, 2.0), (0.7, 1.0, 1.4, 2.0, 2.8), 3),
    "knob": ((0.0, 1.0, 2.0), (-1.0, -0.4, -0.2, 0.0, 0.2, 0.5, 1.0), 1),
}
"""Exponents, strengths and seeds of each table."""


class Grid(NamedTuple):
    """Trained autoencoders with 512 features, over spectra, strengths of the pull, widths and seeds.

    Attributes:
        widths: ``(5,)``; of the bottleneck.
        ends: weak and strong superposition, over many exponents.
        held: decay of many strengths, among which the one that represents as many features as dimensions.
        knob: from weak to strong superposition.
        laws: strong superposition with other spectra, by name, each ``(widths, seeds)``.
        evened: ``(3, widths, seeds)``; strong superposition at higher densities, where ``alpha`` is 1.
        wide: ``(4, seeds)``; strong superposition at widths beyond ``widths``, where ``alpha`` is 1.
    """

    widths: Int[np.ndarray, " widths"]
    ends: Table
    held: Table
    knob: Table
    laws: dict[str, Measured]
    evened: Measured
    wide: Measured


def stored_grid() -> Grid:
    """The runs of this module, from the file that is stored with the book."""
    with resources.files(__package__).joinpath(STORED).open("rb") as file, np.load(file) as kept:
        cells = {name: kept[name].astype(float) for name in kept}
    tables = {}
    for table, (alphas, gammas, _) in TABLES.items():
        rows = np.array([[cells[_name(table, alpha, gamma)] for gamma in gammas] for alpha in alphas])
        tables[table] = Table(np.array(alphas), np.array(gammas), Measured(*np.moveaxis(rows, 2, 0)))
    laws = {name: Measured(*cells[name]) for name in LAWS}
    evened = Measured(*np.stack([cells[f"evened {s}"] for s in EVENED], axis=1))
    return Grid(np.array(WIDTHS), **tables, laws=laws, evened=evened, wide=Measured(*cells["wide"]))


def _name(table: str, alpha: float, gamma: float) -> str:
    return f"{table} alpha {alpha:.2f} gamma {gamma:.2f}"


def _power(alpha):
    return feature_frequencies("power", FEATURES, alpha=alpha)


def _evened(s):
    return evened_frequencies(_power(1.0), s)


def _cell(spectrum, gamma, seeds, widths=WIDTHS):
    key = jax.random.key(0)
    frequencies = np.asarray(spectrum())[None]
    found = run_widths(frequencies, widths, gammas=[gamma], seeds=seeds, key=key, settings=SETTINGS)
    return np.array(found, np.float32)[:, 0]


def store_grid(file: Path, *, budget: float = float("inf")) -> None:
    """Compute :func:`stored_grid` anew.

    Args:
        file: an ``.npz``.
        budget: seconds after which no new cell is begun.
    """
    cells = {kind: partial(_cell, spectrum, -1.0, 3) for kind, spectrum in LAWS.items()}
    cells["wide"] = partial(_cell, partial(_power, 1.0), -1.0, 3, WIDE)
    for s in EVENED:
        cells[f"evened {s}"] = partial(_cell, partial(_evened, s), -1.0, 3)
    for table, (alphas, gammas, seeds) in TABLES.items():
        for alpha, gamma in itertools.product(alphas, gammas):
            cells[_name(table, alpha, gamma)] = partial(_cell, partial(_power, alpha), gamma, seeds)
    long_runs.resume(file, cells, budget=budget)


if __name__ == "__main__":
    store_grid(Path(__file__).with_name(STORED))
