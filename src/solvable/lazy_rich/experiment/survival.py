"""Do features of modular addition outlive the loss of data? Ascent of the energy on fewer and fewer pairs."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key

from solvable import require, training
from solvable._types import place
from solvable.randomness import generator

from ..theory.energy import frequency_power, single_frequency_feature


class FeatureSurvival(NamedTuple):
    """Features that are let go from a maximum of the energy of all pairs, on the energy of some of them.

    Attributes:
        m: how many numbers are added.
        pairs: ``(n,)``; how many of the ``m**2`` pairs are left.
        power: ``(n, restarts)``; fraction of each feature's squared norm that is still at its own frequency.
    """

    m: int
    pairs: Int[np.ndarray, " n"]
    power: Float[np.ndarray, "n restarts"]

    @property
    def survived(self) -> Float[np.ndarray, " n"]:
        """Fraction of the features with more than half of their power at their own frequency."""
        return (self.power > 0.5).mean(axis=1)

    def needed(self, level: float = 0.5) -> float:
        """How many pairs let ``level`` of the features survive; NaN where the fraction does not cross it.

        The fraction is made monotone first, from both sides, and read between its entries on a linear scale.
        """
        upper, lower = np.maximum.accumulate(self.survived), np.minimum.accumulate(self.survived[::-1])[::-1]
        curve = (upper + lower) / 2
        above = np.flatnonzero(curve >= level)
        if above.size == 0 or above[0] == 0:
            return float("nan")
        pair = slice(above[0] - 1, above[0] + 1)
        return float(np.interp(level, curve[pair], self.pairs[pair]))


def run_feature_survival(
    m: int,
    pairs: Sequence[int],
    *,
    restarts: int,
    key: Key[Array, ""],
    eta: float = 1.0,
    steps: int = 150,
) -> FeatureSurvival:
    r"""Ascend the energy of a random subset of the pairs, from a maximum of the energy of all.

    .. math:: w \leftarrow \frac{w + \eta \nabla \ln E(w)}{\lVert w + \eta \nabla \ln E(w) \rVert}

    Each restart has its own frequency, phases, and order in which pairs are lost, so that larger subsets contain the
    smaller ones. The logarithm makes the step relative to the energy, and the ascent goes on until it has converged:
    fewer or smaller steps find more survivors, which would be lost later. In float32.

    Args:
        m: how many numbers; at least 3.
        pairs: how many pairs to keep; at least 1 and at most ``m**2``, increasing.
        restarts: features for each number of pairs.
        key: the source of randomness.
        eta: step; positive.
        steps: of ascent; at least 1.

    Returns:
        What is left of the features.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: Tian (2025), theorem 4, asks for at least :math:`M \ln M` pairs up to a constant.
    """
    require.integer(3, m=m)
    require.integer(1, restarts=restarts, steps=steps, pairs=pairs)
    require.within(1, m * m, pairs=pairs)
    require.positive(eta=eta)
    if (np.diff(pairs) <= 0).any():
        raise ValueError(f"pairs must increase, got {list(pairs)}")
    draw = generator(key)
    frequencies = draw.integers(1, (m + 1) // 2, size=restarts)
    phases = draw.uniform(0, 2 * np.pi, size=(restarts, 2))
    features = np.stack(
        [single_frequency_feature(m, int(k), *map(float, p)) for k, p in zip(frequencies, phases, strict=True)]
    )
    ranks = np.stack([draw.permutation(m * m).reshape(m, m) for _ in range(restarts)])
    data = (place(features, "float32"), place(ranks, "int32"), place(np.asarray(pairs), "int32"), place(eta, "float32"))
    final = np.asarray(_ascend(*data, steps=steps), dtype=float)
    power = np.stack([frequency_power(final[:, i], int(k)) for i, k in enumerate(frequencies)], axis=1)
    return FeatureSurvival(m, np.asarray(pairs), power)


class SurvivalThresholds(NamedTuple):
    """How many pairs half of the features need, for several sizes of the addition.

    Attributes:
        m: ``(sizes,)``; how many numbers are added.
        needed: ``(sizes,)``; pairs that let half of the features survive.
        error: ``(sizes,)``; standard error of ``needed``, by drawing the restarts again with replacement.
    """

    m: Int[np.ndarray, " sizes"]
    needed: Float[np.ndarray, " sizes"]
    error: Float[np.ndarray, " sizes"]


class _Size(NamedTuple):
    m: int
    restarts: int
    low: float
    high: float


PRESETS = {
    "notebook": (
        _Size(11, 128, 0.3, 0.85),
        _Size(23, 64, 0.4, 0.75),
        _Size(47, 32, 0.35, 0.7),
        _Size(101, 16, 0.25, 0.6),
    ),
    "large": (
        _Size(11, 256, 0.3, 0.85),
        _Size(17, 256, 0.4, 0.75),
        _Size(23, 128, 0.4, 0.75),
        _Size(41, 128, 0.35, 0.7),
        _Size(71, 64, 0.3, 0.65),
        _Size(113, 48, 0.25, 0.55),
        _Size(173, 32, 0.2, 0.45),
        _Size(251, 24, 0.15, 0.4),
    ),
}
"""Sizes, restarts, and between which fractions of all pairs to look; ``large`` takes about two minutes."""


def run_survival_thresholds(
    *, key: Key[Array, ""], preset: str = "notebook", eta: float = 1.0, steps: int = 150
) -> SurvivalThresholds:
    """Find the number of pairs that half of the features need, for several sizes of the addition.

    Args:
        key: the source of randomness.
        preset: ``notebook``, with four sizes up to 101, or ``large``, with eight up to 251.
        eta: step of the ascent, as for :func:`run_feature_survival`.
        steps: of ascent.

    Returns:
        The numbers of pairs and their standard errors.

    Raises:
        ValueError: an argument lies outside its domain.
    """
    require.one_of(PRESETS, preset=preset)
    sizes = PRESETS[preset]
    needed, errors = [], []
    for size, one in zip(sizes, jax.random.split(key, len(sizes)), strict=True):
        first, second = jax.random.split(one)
        pairs = np.unique(np.round(size.m**2 * np.linspace(size.low, size.high, 9)).astype(int)).tolist()
        found = run_feature_survival(size.m, pairs, restarts=size.restarts, key=first, eta=eta, steps=steps)
        again = generator(second).integers(0, size.restarts, size=(200, size.restarts))
        needed.append(found.needed())
        errors.append(np.nanstd([found._replace(power=found.power[:, chosen]).needed() for chosen in again]))
    return SurvivalThresholds(np.array([size.m for size in sizes]), np.array(needed), np.array(errors))


def _along_sums(table):
    """From ``table[a, b]`` to ``[a, (a + b) mod M]``, by slices alone: a gather would make the gradient scatter."""
    m = table.shape[-1]
    twice = jnp.concatenate([table, table], axis=-1).reshape(2 * m * m)
    return twice[m:].reshape(m, 2 * m - 1)[:, :m]


def _energy(w, kept):
    m = kept.shape[-1]
    responses = kept * (w[:m, None] + w[None, m:]) ** 2
    # the columns of the targets are centred over the pairs that are kept
    share = _along_sums(kept).sum(axis=0) / kept.sum()
    return jnp.sum((_along_sums(responses).sum(axis=0) - share * responses.sum()) ** 2) / 2


@partial(jax.jit, static_argnames="steps")
def _ascend(features, ranks, pairs, eta, *, steps):
    onto_sphere = optax.stateless(lambda change, w: (w + change) / jnp.linalg.norm(w + change) - w)

    def one(w, rank, n):
        kept = (rank < n).astype(w.dtype)
        return training.train(
            lambda w: -jnp.log(_energy(w, kept)),
            w,
            optax.chain(optax.sgd(eta), onto_sphere),
            steps=np.array([steps]),
            observe=lambda w: (),
        ).parameters

    over_restarts = jax.vmap(one, in_axes=(0, 0, None))
    return jax.lax.map(lambda n: over_restarts(features, ranks, n), pairs)
