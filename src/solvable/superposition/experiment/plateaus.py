"""Many features of the same importance in few dimensions, from dense to sparse: what part of a dimension each takes up.

``python -m solvable.superposition.experiment.plateaus`` computes the stored runs anew, in some minutes.
"""

from importlib import resources
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, Key

from solvable import require
from solvable._types import place
from solvable.randomness import generator

from ..theory.geometry import feature_dimensionality
from .small_model import descend

LEVELS = 20 ** -(np.arange(20) / 19)
"""Densities of the released notebook of Elhage et al. (2022), from 1 down to 1/20."""
STORED = "plateaus.npz"
STORED_SEEDS = 4


class Plateaus(NamedTuple):
    """Trained models, one at each density.

    Attributes:
        densities: ``(d,)``; at which they were trained.
        squared_norms: ``(..., d, n)``; squared length of each feature.
        dimensionality: ``(..., d, n)``; see :func:`feature_dimensionality`.
        dimensions: of the plane that they share, ``m``.
    """

    densities: Float[np.ndarray, " d"]
    squared_norms: Float[np.ndarray, "*seeds d n"]
    dimensionality: Float[np.ndarray, "*seeds d n"]
    dimensions: int

    @property
    def dimensions_per_feature(self) -> Float[np.ndarray, "*seeds d"]:
        r"""The part of a dimension per unit of squared length, :math:`D^* = m / \|W\|_F^2`."""
        return self.dimensions / self.squared_norms.sum(axis=-1)


def train_plateaus(
    densities: Float[np.ndarray, " d"] = LEVELS,
    *,
    key: Key[Array, ""],
    n: int = 200,
    m: int = 20,
    steps: int = 3000,
    batch: int = 128,
    learning_rate: float = 1e-2,
) -> Plateaus:
    """Train one model of ``n`` features in ``m`` dimensions at each density, all from one start and on one stream.

    The model and its training are those of :func:`train_small_model`.

    Args:
        densities: ``(d,)``; probabilities that a feature is active, above 0 and at most 1.
        key: the source of randomness.
        n: number of features.
        m: number of dimensions.
        steps: of training.
        batch: examples in a step.
        learning_rate: constant for a twentieth of the steps, then along a cosine to 0.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: Elhage et al. (2022), figure on feature dimensionality; sizes and densities are those of their released
    notebook, which trains ten thousand steps of 1024 examples at a constant rate of 1e-3.
    """
    require.shape((None,), densities=densities)
    require.within(0, 1, densities=densities)
    require.positive(densities=densities, learning_rate=learning_rate)
    require.integer(1, n=n, m=m, steps=steps, batch=batch)
    start, examples = jax.random.split(key)
    weights = generator(start).normal(scale=np.sqrt(2 / (n + m)), size=(1, n, m))
    tables = (place(value, np.float32) for value in (weights, densities, np.ones(n), learning_rate))
    trained, _ = descend(*tables, examples, steps=steps, batch=batch)
    squared_norms, dimensionality = map(np.asarray, _measure(trained[:, 0]))
    return Plateaus(np.asarray(densities, dtype=float), squared_norms, dimensionality, m)


@jax.jit
def _measure(weights):
    return (weights**2).sum(axis=-1), jax.lax.map(feature_dimensionality, weights)


def stored_plateaus() -> Plateaus:
    """Four such runs, of ten thousand steps of 256 examples: computed once and stored with the book.

    Returns:
        Arrays whose first axis counts runs.
    """
    with resources.files(__package__).joinpath(STORED).open("rb") as file, np.load(file) as kept:
        return Plateaus(LEVELS, kept["squared_norms"], kept["dimensionality"], int(kept["dimensions"]))


def store_plateaus(file: Path, *, seeds: int = STORED_SEEDS, **settings: int) -> None:
    """Compute :func:`stored_plateaus` anew.

    Args:
        file: where to.
        seeds: how many runs.
        settings: other arguments of :func:`train_plateaus`.
    """
    keys = jax.random.split(jax.random.key(0), seeds)
    runs = [train_plateaus(key=key, **({"steps": 10_000, "batch": 256} | settings)) for key in keys]
    # four digits, as no more are shown: the file is small
    found = {
        name: np.stack([getattr(run, name) for run in runs]).round(4) for name in ("squared_norms", "dimensionality")
    }
    np.savez_compressed(file, **found, dimensions=runs[0].dimensions)


if __name__ == "__main__":
    store_plateaus(Path(__file__).with_name(STORED))
