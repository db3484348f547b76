"""Which frequencies a network that adds modulo p has learned."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from solvable import require
from solvable._types import promote


def fourier_power(embedding: Float[ArrayLike, "p width"]) -> Float[Array, "frequencies width"]:
    r"""Power of each column at each frequency of the discrete Fourier transform over its rows.

    .. math:: P_{kj} = \frac{c_k}{p} \Big\lvert \sum_{a=0}^{p-1} E_{aj}\, e^{-2\pi i k a / p} \Big\rvert^2

    with :math:`c_k = 2` for the frequencies that stand for themselves and their negative, and 1 for the others, so that
    :math:`\sum_k P_{kj} = \sum_a E_{aj}^2`.

    Args:
        embedding: :math:`E`, ``(p, width)``; a row for each number, a column for each hidden unit.

    Returns:
        ``(p // 2 + 1, width)``, from frequency 0 on.

    Source: Parseval's theorem; used on networks by Nanda et al. (2023).

    >>> wave = np.cos(2 * np.pi * 3 * np.arange(7) / 7)[:, None]
    >>> print(fourier_power(wave)[:, 0].round(6) + 0.0)
    [0.  0.  0.  3.5]
    """
    (embedding,) = promote(embedding)
    require.shape((None, None), embedding=embedding)
    p = embedding.shape[0]
    power = jnp.abs(jnp.fft.rfft(embedding, axis=0)) ** 2 / p
    double = np.where((np.arange(p // 2 + 1) == 0) | (2 * np.arange(p // 2 + 1) == p), 1.0, 2.0)
    return power * jnp.asarray(double, power.dtype)[:, None]


def top_frequency_share(power: Float[ArrayLike, "frequencies width"], count: int) -> Float[Array, ""]:
    """Share of all power in the ``count`` strongest frequencies, without frequency 0.

    Args:
        power: ``(frequencies, width)``, from ``fourier_power``.
        count: at least 1.

    Raises:
        ValueError: ``count`` is below 1.

    Source: derived in the chapter. Of noise, the five strongest of 15 frequencies have somewhat more than a third.
    """
    require.integer(1, count=count)
    (power,) = promote(power)
    by_frequency = jnp.sort(jnp.sum(power[1:], axis=1))[::-1]
    return jnp.sum(by_frequency[:count]) / _or_one(jnp.sum(by_frequency))


def unit_frequency_share(power: Float[ArrayLike, "frequencies width"]) -> Float[Array, ""]:
    r"""Share of the power of all units that each has in its own strongest frequency, without frequency 0.

    .. math:: \frac{\sum_j \max_{k \ge 1} P_{kj}}{\sum_j \sum_{k \ge 1} P_{kj}}

    Args:
        power: ``(frequencies, width)``, from ``fourier_power``.

    Source: derived in the chapter. It is 1 where every unit is a wave, whatever frequencies they have.

    >>> waves = np.cos(2 * np.pi * np.outer(np.arange(7), [1, 3]) / 7)
    >>> print(f"{unit_frequency_share(fourier_power(waves)):.6f}")
    1.000000
    """
    (power,) = promote(power)
    return jnp.sum(jnp.max(power[1:], axis=0)) / _or_one(jnp.sum(power[1:]))


def _or_one(total: Float[Array, ""]) -> Float[Array, ""]:
    """What may divide: without any power beyond frequency 0 the share is 0."""
    return jnp.where(total > 0, total, 1)
