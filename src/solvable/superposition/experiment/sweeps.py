"""Many trained autoencoders, and what is measured of each: over widths, spectra, strengths of the pull, and seeds."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, Real

from solvable import require
from solvable.threads import side_by_side

from ..theory.frequencies import unlearned_loss
from ..theory.geometry import max_overlap, mean_squared_overlap, represented_fraction
from .data import prepare
from .model import Settings, Superposition, check_settings, run_prepared


class Measured(NamedTuple):
    """What is measured of each run; ``*runs`` are usually settings, widths and seeds.

    Attributes:
        loss: squared error on fresh examples, summed over the features.
        error: standard error of that mean.
        represented: share of the features whose rows are longer than 1/2.
        strongly: share of those longer than 1.
        overlap: mean squared cosine between two rows.
        largest: largest absolute cosine between two rows.
        unlearned: 4/3 of the frequencies of all that is not represented, what the loss would be if the rest were
            perfect.
        square_norm: mean squared length of a row.
        bias: median of the biases.
    """

    loss: Float[np.ndarray, "*runs"]
    error: Float[np.ndarray, "*runs"]
    represented: Float[np.ndarray, "*runs"]
    strongly: Float[np.ndarray, "*runs"]
    overlap: Float[np.ndarray, "*runs"]
    largest: Float[np.ndarray, "*runs"]
    unlearned: Float[np.ndarray, "*runs"]
    square_norm: Float[np.ndarray, "*runs"]
    bias: Float[np.ndarray, "*runs"]


def measure(frequencies: Real[np.ndarray | Array, " n"], run: Superposition) -> Measured:
    """What the sweeps keep of a run.

    Args:
        frequencies: ``(n,)``; how often each feature is active.
        run: one run, without leading axes.
    """
    geometry = _geometry(jnp.asarray(frequencies, jnp.float32), *run[:2])
    return Measured(run.loss, run.error, *geometry)


@jax.jit
def _geometry(frequencies, weights, biases):
    length = jnp.linalg.norm(weights, axis=1)
    return (
        represented_fraction(weights),
        represented_fraction(weights, threshold=1.0),
        mean_squared_overlap(weights),
        max_overlap(weights, block=len(weights)),
        unlearned_loss(frequencies, length > 0.5),
        jnp.mean(length**2),
        jnp.median(biases),
    )


def run_widths(
    spectra: Real[np.ndarray | Array, "settings n"],
    widths: Sequence[int],
    *,
    gammas: Sequence[float] | np.ndarray,
    seeds: int,
    key: Key[Array, ""],
    settings: Settings | None = None,
) -> Measured:
    """Train at several settings, each at every width and from several seeds, and measure.

    A program is compiled for each width, and serves every setting and seed; runs go on two at a time. The seeds see the
    same examples at every width.

    Args:
        spectra: ``(settings, n)``; frequencies of the features, a row for each setting.
        widths: of the bottleneck.
        gammas: strength of the pull, one for each setting.
        seeds: how many.
        key: the source of randomness.
        settings: how to train; the defaults of :class:`Settings` where not given.

    Returns:
        Measurements ``(settings, widths, seeds)``.

    Raises:
        ValueError: an argument lies outside its domain, or there are not as many spectra as gammas.
    """
    settings = Settings() if settings is None else settings
    check_settings(settings)
    require.integer(1, widths=widths, seeds=seeds)
    require.shape((None, None), spectra=spectra)
    require.shape((len(spectra),), gammas=gammas)
    require.finite(gammas=gammas)
    keys = jax.random.split(key, seeds)
    tables = [prepare(spectrum, settings.batch) for spectrum in spectra]

    def job(setting, width, seed):
        run = run_prepared(tables[setting], width, gammas[setting], keys[seed], settings)
        return measure(spectra[setting], run)

    # widths innermost, so that two threads do not wait for one program to be compiled
    places = [(s, w, k) for k in range(seeds) for s in range(len(spectra)) for w in range(len(widths))]
    found = side_by_side([partial(job, s, widths[w], k) for s, w, k in places])
    shape = len(spectra), len(widths), seeds
    table = np.full((len(Measured._fields), *shape), np.nan)
    for where, one in zip(places, found, strict=True):
        table[(slice(None), *where)] = one
    return Measured(*table)


class Held(NamedTuple):
    """Where the number of represented features is the one wanted; NaN where no two neighbouring strengths enclose it.

    Attributes:
        gamma: strength of the decay.
        loss: squared error there.
    """

    gamma: Float[np.ndarray, "*runs"]
    loss: Float[np.ndarray, "*runs"]


def hold_count(
    runs: Measured,
    gammas: Real[np.ndarray, " gammas"],
    *,
    n: int,
    counts: Real[np.ndarray, " widths"],
) -> Held:
    """Find between runs of several strengths the one at which as many features are represented as wanted.

    Logarithms of the loss and of the strength are interpolated in that of the number of represented features, between
    the first two neighbouring strengths whose numbers enclose the one wanted.

    Args:
        runs: ``(settings, gammas, widths, seeds)``.
        gammas: ``(gammas,)``; strengths of the decay, increasing and positive.
        n: number of features.
        counts: ``(widths,)``; number of represented features wanted at each width; positive.

    Returns:
        Strength and loss, each ``(settings, widths, seeds)``.

    Raises:
        ValueError: shapes do not match, or a strength or a number is not positive.

    Source: derived in the chapter.
    """
    require.positive(gammas=gammas, counts=counts)
    require.integer(1, n=n)
    if (np.diff(gammas) <= 0).any():
        raise ValueError(f"gammas must increase, got {np.asarray(gammas).tolist()}")
    require.shape((None, len(gammas), len(counts), None), **{"runs.loss": runs.loss})
    represented, loss = (np.moveaxis(np.asarray(part), 1, -1) for part in (runs.represented * n, runs.loss))
    wanted = np.broadcast_to(np.asarray(counts, dtype=float)[None, :, None], represented.shape[:-1])
    found = np.full((2, *wanted.shape), np.nan)
    for place in np.ndindex(wanted.shape):
        number = represented[place]
        enclosed = np.flatnonzero((number[:-1] >= wanted[place]) & (number[1:] <= wanted[place]) & (number[1:] > 0))
        if len(enclosed):
            pair = slice(enclosed[0], enclosed[0] + 2)
            # np.interp wants increasing numbers, and decay makes them fall
            ends = np.log(number[pair])[::-1]
            values = np.log(np.stack([gammas[pair], loss[place][pair]]))[:, ::-1]
            found[(slice(None), *place)] = [np.exp(np.interp(np.log(wanted[place]), ends, one)) for one in values]
    return Held(*found)
