"""Sparse features: which are active, and how strongly. Only active entries are drawn.

Bits are compared as whole numbers: a uniform number in single precision has steps of 1e-7, to which a feature that is
active once in a million examples would be rounded.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats
from jaxtyping import Array, Float, Int, Key, Real, UInt32

from solvable import require
from solvable._types import place

WORD = 2.0**32
"""Number of values that 32 random bits have."""
OFTEN = 0.9
"""Where a feature is active more often than this, or :data:`CROWDED` of all entries are, all entries are drawn."""
CROWDED = 0.1
STEP = 64
"""Of the room for events."""
MISSED = 1e-12
"""Probability with which a batch has more active entries than there is room for, or fewer than are counted."""


class Sparse(NamedTuple):
    """How to draw the active entries of a batch as events that strike its entries independently.

    An entry is struck at a rate :math:`-\\ln(1-p)`, so that it stays at 0 with probability ``1 - p``, exactly; one
    that is struck twice is active once.

    Attributes:
        bounds: ``(n,)``; cumulative rates of the features, in 32 bits.
        counts: ``(k,)``; distribution function of the number of events, from ``fewest`` on.
        fewest: the least number of events.
    """

    bounds: UInt32[Array, " n"]
    counts: Float[Array, " k"]
    fewest: Int[Array, ""]


class Dense(NamedTuple):
    """How to draw all entries of a batch.

    Attributes:
        bounds: ``(n,)``; probabilities in 32 bits.
        scale: ``(n,)``; turns the bits below a bound into a number between 0 and 2.
    """

    bounds: UInt32[Array, " n"]
    scale: Float[Array, " n"]


def prepare(frequencies: Real[np.ndarray | Array, " n"], batch: int) -> Sparse | Dense:
    """The tables from which batches are drawn; all that hangs on the frequencies, so that a compiled program need not.

    Args:
        frequencies: ``(n,)``; probabilities.
        batch: number of examples in a batch.

    Raises:
        ValueError: a frequency lies outside [0, 1], or all are 0.
    """
    require.within(0, 1, frequencies=frequencies)
    require.integer(1, batch=batch)
    p = np.asarray(frequencies, dtype=float)
    require.positive(**{"the sum of frequencies": p.sum()})
    if p.max() > OFTEN or p.mean() > CROWDED:
        bounds = np.minimum(np.round(p * WORD), WORD - 1)
        return Dense(place(bounds, np.uint32), place(2 / np.maximum(bounds, 1), np.float32))
    rates = -np.log1p(-p)
    bounds = np.minimum(np.round(np.cumsum(rates) / rates.sum() * WORD), WORD - 1)
    law = scipy.stats.poisson(batch * rates.sum())
    # both ends in steps, so that spectra of nearly equal rates share one compiled program
    fewest = STEP * (law.ppf(MISSED) // STEP)
    room = STEP * -(-(law.isf(MISSED) - fewest + 1) // STEP)
    counts = law.cdf(fewest + np.arange(room))
    return Sparse(place(bounds, np.uint32), place(counts, np.float32), place(fewest, np.int32))


def draw_batch(
    tables: Sparse | Dense, batch: int, key: Key[Array, ""], *, slots: int | None = None
) -> Float[Array, "batch n"]:
    """A batch in single precision, from tables of :func:`prepare`; traceable.

    Args:
        tables: of the frequencies, for batches of this size.
        batch: number of examples.
        key: the source of randomness.
        slots: room for active entries; required for :class:`Sparse`, see :func:`room_for`.
    """
    n = tables.bounds.shape[0]
    if isinstance(tables, Dense):
        bits = jax.random.bits(key, (batch, n), jnp.uint32)
        return jnp.where(bits < tables.bounds, bits.astype(jnp.float32) * tables.scale, jnp.float32(0))
    which, where, how = jax.random.split(key, 3)
    bits = jax.random.bits(which, (slots + 1,), jnp.uint32)
    count = tables.fewest + jnp.sum(bits[0].astype(jnp.float32) / WORD > tables.counts, dtype=jnp.int32)
    column = jnp.searchsorted(tables.bounds, bits[1:], side="right")
    row = jax.random.randint(where, (slots,), 0, batch, jnp.int32)
    # what is beyond the count falls out of the batch
    row = jnp.where(jnp.arange(slots, dtype=jnp.int32) < count, row, batch)
    value = jax.random.uniform(how, (slots,), jnp.float32, 0, 2)
    return jnp.zeros((batch, n), jnp.float32).at[row, column].set(value, mode="drop")


def room_for(tables: Sparse | Dense) -> int | None:
    """The ``slots`` that :func:`draw_batch` needs, a number and not an array."""
    return None if isinstance(tables, Dense) else int(tables.fewest) + len(tables.counts)


def sample_sparse_features(
    frequencies: Real[np.ndarray | Array, " n"], samples: int, *, key: Key[Array, ""]
) -> Float[Array, "samples n"]:
    r"""Independent features, each 0 or, with its own probability, uniform between 0 and 2.

    .. math:: x_i = u_i v_i, \qquad u_i \sim \text{Bernoulli}(p_i), \quad v_i \sim U(0, 2)

    Args:
        frequencies: ``(n,)``; the probabilities :math:`p_i`.
        samples: how many examples; at least 1.
        key: the source of randomness.

    Returns:
        The examples, in single precision whatever JAX's default is.

    Raises:
        ValueError: a frequency lies outside [0, 1], or there are no samples.

    Source: the model of Liu, Liu and Gore (2025); the way of drawing is this book's.
    """
    require.integer(1, samples=samples)
    tables = prepare(frequencies, samples)
    return _draw(tables, samples, key, slots=room_for(tables))


_draw = jax.jit(draw_batch, static_argnames=("batch", "slots"))
