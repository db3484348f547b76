"""The loss of a code with rows of one length and overlaps of a known law: a reference for what is trained, no bound."""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Real

from solvable import require
from solvable._types import place, promote

from .frequencies import MEAN_SQUARE
from .geometry import welch_bound

Overlaps = Literal["random", "equiangular"]

REACH = 16.0
"""Largest interference, in units of a typical overlap; more has a probability below 1e-9 at a density of 1."""
LATTICE = 4096
STEP = 2 * REACH / LATTICE
"""Interference is rounded to multiples of this, which adds less than its square to a variance."""
CLASSES = 12
"""Features at which the loss is computed; between them it is smooth in the rank."""
SPREAD = 7.5
"""Largest overlap of random directions that counts, in units of a typical one."""
NODES = 64
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
    require.integer(2, m=m)
    frequencies, ranks = _ready(frequencies)
    n = len(frequencies)
    # the lattice counts in units of a typical overlap
    unit = (1 / m if overlaps == "random" else float(welch_bound(n, m))) ** 0.5
    if not unit:
        raise ValueError(f"m must be below the number of frequencies, {n}, got {m}: no two of so few rows overlap")
    single = _random_overlaps(m) if overlaps == "random" else _equal_overlaps()
    if square_norm is None:
        bounds = SHORTEST, LONGEST
    else:
        require.positive(square_norm=square_norm)
        bounds = (square_norm, square_norm)
    numbers = (place(number, frequencies.dtype) for number in (single, unit, *bounds))
    return CodeLoss(*_code_loss(frequencies, ranks, *numbers))


def code_constant(frequencies: Float[ArrayLike, " n"]) -> Float[Array, ""]:
    r"""What the loss of a random code tends to at large width, times the width.

    .. math::

        \lim_{m \to \infty} m L = \min_\gamma \sum_i \min_\beta \Big\{ p_i \big\langle (\gamma v + \beta + \zeta_i)^2
        \big\rangle + (1 - p_i) \big\langle \text{ReLU}(\beta + \zeta_i)^2 \big\rangle \Big\}, \qquad
        \zeta_i = \sum_{j \ne i} z_{ij} x_j, \quad z \sim \mathcal{N}(0, 1)

    Overlaps shrink as :math:`z/\sqrt m`, and so do the best bias, :math:`\beta/\sqrt m`, and the distance of the best
    squared length from 1, :math:`\gamma/\sqrt m`; every square has a factor of 1/m. So the exponent is 1, exactly,
    whatever the frequencies are. It is reached from above, with corrections of :math:`1/\sqrt m`.

    Args:
        frequencies: ``(n,)``; as for :func:`code_loss`.

    Returns:
        The constant, in the unit of the squared error.

    Source: derived in the chapter.
    """
    frequencies, ranks = _ready(frequencies)
    return _code_constant(frequencies, ranks, place(_normal_overlaps(), frequencies.dtype))


def _ready(frequencies):
    """Checked frequencies, and the features at which the loss is computed."""
    require.positive(frequencies=frequencies)
    require.within(0, 1, frequencies=frequencies)
    require.integer(2, **{"the number of frequencies": len(frequencies)})
    p = np.asarray(frequencies, dtype=float)
    if (np.diff(p) > 0).any() or p.sum() > 2:
        raise ValueError(f"frequencies must not increase nor add up to more than 2, got a sum of {p.sum()}")
    ranks = np.unique(np.round(np.geomspace(1, len(p), CLASSES)).astype(int)) - 1
    return promote(frequencies)[0], place(ranks)


def _lattice():
    """Multiples of the step, in the order of a Fourier transform."""
    return np.fft.fftfreq(LATTICE, 1 / LATTICE) * STEP


def _random_overlaps(m):
    """Law on the lattice of an overlap times a strength, s v, where s is a coordinate of a random vector."""
    strengths, masses = np.polynomial.legendre.leggauss(64)
    # s = cos(angle), and the angle has the density sin^(m-2), which for large m has all its weight near a right angle
    half = min(np.pi / 2, SPREAD / np.sqrt(m))
    angle = np.pi / 2 + half * ((np.arange(2000) + 0.5) / 1000 - 1)
    weight = np.sin(angle) ** (m - 2)
    points = np.sqrt(m) * np.cos(angle)[:, None] * (strengths + 1)
    return _spread(points.ravel(), np.outer(weight / weight.sum(), masses / 2).ravel())


def _normal_overlaps():
    """The same for a standard normal overlap."""
    strengths, masses = np.polynomial.legendre.leggauss(64)
    normal, weight = np.polynomial.hermite_e.hermegauss(100)
    return _spread(np.outer(normal, strengths + 1).ravel(), np.outer(weight / weight.sum(), masses / 2).ravel())


def _equal_overlaps():
    """The same for an overlap of 1 or -1."""
    strengths, masses = np.polynomial.legendre.leggauss(64)
    points = strengths + 1
    return _spread(np.concatenate([points, -points]), np.concatenate([masses, masses]) / 4)


def _spread(points, masses):
    """Each mass to its two neighbours on the lattice, so that the mean stays."""
    place_, lower = points / STEP, np.floor(points / STEP)
    law = np.zeros(LATTICE)
    for index, part in ((lower, lower + 1 - place_), (lower + 1, place_ - lower)):
        np.add.at(law, index.astype(int) % LATTICE, part * masses)
    return law


class _Interference(NamedTuple):
    """What each of some features sees of the others, on the lattice.

    Attributes:
        square: ``(k,)``; mean square.
        beyond: ``(3, k, lattice + 1)``; moments of order 0, 1 and 2 beyond each point, from which every mean of a ReLU
            follows.
    """

    square: Float[Array, " k"]
    beyond: Float[Array, "3 k points"]

    def relu_means(self, shift, g):
        """Mean and mean square of ReLU(shift + g xi), of one feature."""
        index = jnp.clip(jnp.ceil(-shift / g / STEP) + LATTICE // 2, 0, LATTICE).astype(int)
        zeroth, first, second = (moment[index] for moment in self.beyond)
        return shift * zeroth + g * first, shift**2 * zeroth + 2 * shift * g * first + g**2 * second


def _interference(p, ranks, single):
    # real, because overlaps of both signs are equally likely
    wave = jnp.real(jnp.fft.fft(single))
    order = np.argsort(_lattice())
    points = jnp.asarray(_lattice()[order], p.dtype)

    def law_without(rank):
        """Law of the interference that one feature sees, in the order of the points."""
        others = jnp.where(jnp.arange(len(p)) == rank, 0, p)
        product = jax.lax.fori_loop(0, len(p), lambda j, so_far: so_far * (1 + others[j] * (wave - 1)), wave * 0 + 1)
        return jnp.real(jnp.fft.ifft(product))[order]

    laws = jax.lax.map(law_without, ranks)
    moments = [laws * points**k for k in range(3)]
    beyond = [jnp.flip(jnp.cumsum(jnp.flip(moment, axis=1), axis=1), axis=1) for moment in moments]
    return _Interference(jnp.sum(moments[2], axis=1), jnp.stack([jnp.pad(one, ((0, 0), (0, 1))) for one in beyond]))


def _summed(p, ranks, found):
    """Sum over all features of what is known for some, relative to its frequency: a rare one has little to lose."""
    share = jnp.interp(
        jnp.log(jnp.arange(1.0, len(p) + 1, dtype=p.dtype)), jnp.log(ranks.astype(p.dtype) + 1), found / p[ranks]
    )
    return jnp.sum(share * p)


@jax.jit
def _code_loss(p, ranks, single, unit, shortest, longest):
    interference = _interference(p, ranks, single)
    nodes, masses = (jnp.asarray(part, p.dtype) for part in np.polynomial.legendre.leggauss(NODES))
    strengths = nodes + 1

    def best_bias(interference, frequency, g):
        def at(bias):
            mean, square = interference.relu_means(g * (strengths + bias), g * unit)
            active = jnp.sum(masses * (square - 2 * strengths * mean + strengths**2)) / 2
            return frequency * active + (1 - frequency) * interference.relu_means(g * bias, g * unit)[1]

        return _least(at, LOWEST_BIAS, HIGHEST_BIAS, p.dtype)[0]

    def total(g):
        axes = _Interference(0, 1), 0, None
        return _summed(p, ranks, jax.vmap(best_bias, in_axes=axes)(interference, p[ranks], g))

    loss, log_g = _least(lambda log_g: total(jnp.exp(log_g)), jnp.log(shortest), jnp.log(longest), p.dtype)
    return loss, jnp.exp(log_g)


@jax.jit
def _code_constant(p, ranks, single):
    interference = _interference(p, ranks, single)

    def best_bias(interference, frequency, gamma):
        def at(bias):
            active = MEAN_SQUARE * gamma**2 + 2 * gamma * bias + bias**2 + interference.square
            return frequency * active + (1 - frequency) * interference.relu_means(bias, 1)[1]

        return _least(at, 2 * LOWEST_BIAS, 0.0, p.dtype)[0]

    def total(gamma):
        axes = _Interference(0, 1), 0, None
        return _summed(p, ranks, jax.vmap(best_bias, in_axes=axes)(interference, p[ranks], gamma))

    return _least(total, 0.0, -2 * LOWEST_BIAS, p.dtype)[0]


def _least(function, low, high, dtype):
    """Least value on an interval and where: the best of a grid, refined by a golden section around it."""
    low, high = (jnp.asarray(end, dtype) for end in (low, high))
    grid = low + (high - low) * jnp.linspace(0, 1, GRID, dtype=dtype)
    best = jnp.argmin(jax.lax.map(function, grid))
    width = (high - low) / (GRID - 1)
    golden = (5**0.5 - 1) / 2

    def section(_, bracket):
        left, right = bracket
        inner = right - golden * (right - left), left + golden * (right - left)
        keeps_left = function(inner[0]) < function(inner[1])
        return jnp.where(keeps_left, left, inner[0]), jnp.where(keeps_left, inner[1], right)

    left, right = jax.lax.fori_loop(0, HALVINGS, section, (grid[best] - width, grid[best] + width))
    middle = jnp.clip((left + right) / 2, low, high)
    return function(middle), middle
