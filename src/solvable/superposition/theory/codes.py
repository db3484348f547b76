"""The loss of a code whose rows are all equally long and whose overlaps follow a known law: a reference, not a bound."""

from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Real

from solvable import require
from solvable._types import place, promote

from .geometry import welch_bound

Overlaps = Literal["random", "equiangular"]

REACH = 12.0
"""Largest interference, in units of a row's squared length; more has a probability below 1e-9 at a density of 1."""
LATTICE = 4096
STEP = 2 * REACH / LATTICE
"""Interference is rounded to multiples of this, which adds less than its square to a variance."""
CLASSES = 20
"""Features at which the loss is computed; between them it is smooth in the rank."""
NODES = 16
"""Of a quadrature over the strength of the feature itself."""
GRID = 41
"""Settings of a bias and of a length from which the best one is refined."""
LOWEST_BIAS, HIGHEST_BIAS = -4.0, 0.5
"""In units of a row's squared length."""
SHORTEST, LONGEST = 0.1, 3.0
"""Squared lengths among which the best one is looked for."""
HALVINGS = 24
"""Of a golden section, by 0.618 each."""


class CodeLoss(NamedTuple):
    """What a code can reach.

    Attributes:
        loss: squared error, summed over the features.
        square_norm: squared length of every row, the best one where none was given.
    """

    loss: Float[Array, "..."]
    square_norm: Float[Array, "..."]


def code_loss(
    frequencies: Float[ArrayLike, " n"],
    m: int,
    *,
    overlaps: Overlaps,
    square_norm: Real[ArrayLike, ""] | None = None,
) -> CodeLoss:
    r"""Loss of a code with one length of rows, with overlaps of a known law, and with the best bias for each feature.

    .. math::

        L = \sum_i \min_{b} \Big\{ p_i \big\langle (\text{ReLU}(g v + b + g \xi_i) - v)^2 \big\rangle
        + (1 - p_i) \big\langle \text{ReLU}(b + g \xi_i)^2 \big\rangle \Big\}, \qquad
        \xi_i = \sum_{j \ne i} s_{ij} x_j

    where ``g`` is the squared length of every row, ``v`` is uniform between 0 and 2, and the overlaps ``s`` are
    independent: those of uniformly random directions in ``m`` dimensions (``random``), or one of
    :math:`\pm\kappa` with equal odds (``equiangular``), where :math:`\kappa^2` is :func:`welch_bound`. The law of the
    interference is not taken to be Gaussian: with one active feature in the mean it has an atom at 0.

    A trained code may lie on either side of both.

    Args:
        frequencies: ``(n,)``; how often each feature is active, the most frequent first; at least two.
        m: width; at least 2.
        overlaps: their law.
        square_norm: ``g``; the best one in [0.1, 3] where none is given.

    Returns:
        The loss, and ``g``.

    Raises:
        ValueError: an argument lies outside its domain, or the frequencies increase or add up to more than 2.

    Source: derived in the chapter. The law of the interference is computed on a lattice, by Fourier transform.
    """
    require.one_of(("random", "equiangular"), overlaps=overlaps)
    require.within(0, 1, frequencies=frequencies)
    require.integer(2, m=m, **{"the number of frequencies": len(frequencies)})
    p = np.asarray(frequencies, dtype=float)
    if (np.diff(p) > 0).any() or p.sum() > 2:
        raise ValueError(f"frequencies must not increase nor add up to more than 2, got a sum of {p.sum()}")
    (frequencies,) = promote(frequencies)
    ranks = np.unique(np.round(np.geomspace(1, len(p), CLASSES)).astype(int)) - 1
    single = _random_overlaps(m) if overlaps == "random" else _equal_overlaps(float(welch_bound(len(p), m)))
    if square_norm is None:
        bounds = SHORTEST, LONGEST
    else:
        require.positive(square_norm=square_norm)
        bounds = (square_norm, square_norm)
    bounds = tuple(place(bound, frequencies.dtype) for bound in bounds)
    return CodeLoss(*_code_loss(frequencies, place(ranks), place(single, frequencies.dtype), *bounds))


def _lattice():
    """Multiples of the step, in the order of a Fourier transform."""
    return np.fft.fftfreq(LATTICE, 1 / LATTICE) * STEP


def _random_overlaps(m):
    """Law on the lattice of an overlap times a strength, s v, for a coordinate s of a random unit vector."""
    strengths, masses = np.polynomial.legendre.leggauss(64)
    # s = cos(angle), and the angle has the density sin^(m-2)
    angle = (np.arange(2000) + 0.5) / 2000 * np.pi
    weight = np.sin(angle) ** (m - 2)
    points = np.cos(angle)[:, None] * (strengths + 1)
    return _spread(points.ravel(), np.outer(weight / weight.sum(), masses / 2).ravel())


def _equal_overlaps(square):
    strengths, masses = np.polynomial.legendre.leggauss(64)
    points = np.sqrt(square) * (strengths + 1)
    return _spread(np.concatenate([points, -points]), np.concatenate([masses, masses]) / 4)


def _spread(points, masses):
    """Each mass to its two neighbours on the lattice, so that the mean stays."""
    place_, lower = points / STEP, np.floor(points / STEP)
    law = np.zeros(LATTICE)
    for index, part in ((lower, lower + 1 - place_), (lower + 1, place_ - lower)):
        np.add.at(law, index.astype(int) % LATTICE, part * masses)
    return law


@jax.jit
def _code_loss(p, ranks, single, shortest, longest):
    # real, because overlaps of both signs are equally likely
    wave = jnp.real(jnp.fft.fft(single))
    points, order = jnp.asarray(np.sort(_lattice())), np.argsort(_lattice())

    def law_without(rank):
        """Law of the interference that one feature sees, in the order of the points."""
        others = jnp.where(jnp.arange(len(p)) == rank, 0, p)
        product = jax.lax.fori_loop(0, len(p), lambda j, so_far: so_far * (1 + others[j] * (wave - 1)), wave * 0 + 1)
        return jnp.real(jnp.fft.ifft(product))[order]

    laws = jax.lax.map(law_without, ranks)
    # moments of the interference beyond each point of the lattice, from which every mean of a ReLU follows
    moments = [jnp.flip(jnp.cumsum(jnp.flip(laws * points**k, axis=1), axis=1), axis=1) for k in range(3)]
    beyond = jnp.stack([jnp.pad(moment, ((0, 0), (0, 1))) for moment in moments])
    nodes, masses = (jnp.asarray(part) for part in np.polynomial.legendre.leggauss(NODES))
    strengths = nodes + 1

    def relu_means(tails, shift, g):
        """Mean and mean square of ReLU(shift + g xi)."""
        index = jnp.clip(jnp.ceil(-shift / g / STEP) + LATTICE // 2, 0, LATTICE).astype(int)
        zeroth, first, second = (tail[index] for tail in tails)
        return shift * zeroth + g * first, shift**2 * zeroth + 2 * shift * g * first + g**2 * second

    def of_feature(tails, frequency, bias, g):
        mean, square = relu_means(tails, g * strengths + bias, g)
        active = jnp.sum(masses * (square - 2 * strengths * mean + strengths**2)) / 2
        return frequency * active + (1 - frequency) * relu_means(tails, bias, g)[1]

    def best_bias(tails, frequency, g):
        def at(bias):
            return of_feature(tails, frequency, g * bias, g)

        return _least(at, jnp.asarray(LOWEST_BIAS, p.dtype), jnp.asarray(HIGHEST_BIAS, p.dtype))[0]

    per_rank = jnp.log(ranks + 1.0)

    def total(g):
        found = jax.vmap(best_bias, in_axes=(1, 0, None))(beyond, p[ranks], g)
        # relative to its frequency, because a rare feature has little to lose
        share = jnp.interp(jnp.log(jnp.arange(1.0, len(p) + 1)), per_rank, found / p[ranks])
        return jnp.sum(share * p)

    loss, log_g = _least(lambda log_g: total(jnp.exp(log_g)), jnp.log(shortest), jnp.log(longest))
    return loss, jnp.exp(log_g)


def _least(function, low, high):
    """Least value on an interval and where: the best of a grid, refined by a golden section around it."""
    grid = low + (high - low) * jnp.arange(GRID) / (GRID - 1)
    best = jnp.argmin(jax.lax.map(function, grid))
    width = (high - low) / (GRID - 1)
    left, right = grid[best] - width, grid[best] + width
    golden = (np.sqrt(5) - 1) / 2

    def section(_, bracket):
        left, right = bracket
        inner = right - golden * (right - left), left + golden * (right - left)
        keeps_left = function(inner[0]) < function(inner[1])
        return jnp.where(keeps_left, left, inner[0]), jnp.where(keeps_left, inner[1], right)

    left, right = jax.lax.fori_loop(0, HALVINGS, section, (left, right))
    middle = jnp.clip((left + right) / 2, low, high)
    return function(middle), middle
