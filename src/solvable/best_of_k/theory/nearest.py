"""The nearest of k Gaussian samples to a target: how far it is, in closed form up to one monotone equation."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erfc
from jax.scipy.stats import norm
from jaxtyping import Array, Float, Real

from solvable import require
from solvable._types import RealLike, promote

NODES, WEIGHTS = (numbers.tolist() for numbers in np.polynomial.legendre.leggauss(5))
"""Enough for fifteen digits of the mass within :data:`SHORT` of a decay length of the density."""
SHORT = 0.15
MOST_STEPS = 64
"""Of Newton's iteration, which needs about six."""


def mass_within(distance: RealLike, bias: RealLike) -> Float[Array, "..."]:
    r"""Probability that a standard Gaussian sample falls within a distance of a target.

    .. math:: P(r) = \Pr(|z + a| < r) = \Phi(a + r) - \Phi(a - r)

    The difference loses its digits where :math:`r` is small; there the density is integrated instead.

    Args:
        distance: :math:`r \ge 0`, in standard deviations.
        bias: :math:`a`; the target is at :math:`-a`.

    Returns:
        :math:`P`, to a relative error of some units of rounding.

    Raises:
        ValueError: a distance is negative, or a bias is not finite.

    Source: derived in the chapter.

    >>> print(f"{float(mass_within(1.0, 0.0)):.4f}")
    0.6827
    """
    require.non_negative_or_infinite(distance=distance)
    require.finite(bias=bias)
    return _mass(*promote(distance, bias))


def _mass(r: Array, a: Array) -> Array:
    return _split(r, a)[0]


def _split(r: Array, a: Array) -> tuple[Array, Array]:
    """Probabilities to be nearer than a distance, and farther, each with all its digits where it is the smaller one."""
    a = jnp.abs(a)
    near = r * (1 + a) < SHORT
    short = jnp.where(near, r, 0)
    # a sum written out: with an axis for the nodes everything would be five times as large
    small = short * sum(weight * norm.pdf(a + short * node) for node, weight in zip(NODES, WEIGHTS, strict=True))
    this_side, that_side = erfc(jnp.abs(r - a) / math.sqrt(2)) / 2, erfc((r + a) / math.sqrt(2)) / 2
    # up to the mean the mass is a difference of tails, beyond it what is farther is their sum
    mass = jnp.where(near, small, jnp.where(r < a, this_side - that_side, 1 - this_side - that_side))
    return mass, jnp.where(r < a, 1 - mass, this_side + that_side)


def _hazard(r: Array, a: Array) -> tuple[Array, Array]:
    """-ln Pr(|z + a| > r), and its derivative by r."""
    mass, beyond = _split(r, a)
    exponent = jnp.where(mass < 0.5, -jnp.log1p(-jnp.minimum(mass, 0.5)), -jnp.log(beyond))
    return exponent, (norm.pdf(a + r) + norm.pdf(a - r)) / beyond


def survival_exponent(distance: RealLike, bias: RealLike) -> Float[Array, "..."]:
    r"""How unlikely it is that a sample is farther than a distance.

    .. math:: e(r) = -\ln \Pr(|z + a| > r)

    Args:
        distance: :math:`r \ge 0`, in standard deviations.
        bias: :math:`a`; the target is at :math:`-a`.

    Returns:
        :math:`e`: all of :math:`k` samples are farther with probability :math:`e^{-k e}`.

    Raises:
        ValueError: a distance is negative, or a number is not finite.

    Source: derived in the chapter.

    >>> print(f"{float(survival_exponent(0.9004526, 0.0)):.4f}")
    1.0000
    """
    require.non_negative(distance=distance)
    require.finite(bias=bias)
    return _hazard(*jnp.broadcast_arrays(*promote(distance, bias)))[0]


def nearest_distance(exponent: RealLike, bias: RealLike) -> Float[Array, "..."]:
    r"""The distance that a sample exceeds with a given probability.

    .. math:: -\ln \Pr(|z + a| > r) = e

    Of :math:`k` samples the nearest is farther than :math:`r` with the :math:`k`-th power of that probability. So with
    :math:`e = \tau / k` and :math:`\tau` drawn from the exponential law of mean 1, :math:`r` is the distance of the
    nearest of :math:`k` samples, whatever :math:`k` is.

    Args:
        exponent: :math:`e`, positive, at most 80 in single precision.
        bias: :math:`a`; the target is at :math:`-a`.

    Returns:
        :math:`r`, by Newton's iteration between bounds; its relative error is about that of :func:`mass_within`.

    Raises:
        ValueError: an exponent is not positive, or a bias is not finite.

    Source: derived in the chapter.

    >>> print(f"{float(nearest_distance(1.0, 0.0)):.3f}")
    0.900
    """
    require.positive(exponent=exponent)
    require.finite(bias=bias)
    return _distance(*jnp.broadcast_arrays(*promote(exponent, bias)))


@jax.jit
def _distance(e: Array, a: Array) -> Array:
    a = jnp.abs(a)
    # 1 - e^{-e} = P <= r * 2 * (largest density); and S(r) <= e^{-(r - a)^2 / 2} beyond a
    low = -jnp.expm1(-e) * math.sqrt(math.pi / 2)
    high = a + jnp.sqrt(2 * e) + low
    start = jnp.minimum(low * jnp.exp(jnp.minimum(a * a / 2, 80)), high)

    def unfinished(state):
        step, *_, moved = state
        # the error after a step is about the square of its length
        return (step < MOST_STEPS) & (moved > jnp.sqrt(jnp.finfo(e.dtype).eps))

    def improve(state):
        step, r, low, high, _ = state
        value, slope = _hazard(r, a)
        low, high = jnp.where(value < e, r, low), jnp.where(value > e, r, high)
        # both axes logarithmic: there the curve is nearly straight, from slope 1 to slope 2
        newton = r * jnp.exp(jnp.clip((jnp.log(e) - jnp.log(value)) * value / (r * slope), -30, 30))
        following = jnp.where((newton >= low) & (newton <= high), newton, jnp.sqrt(low * high))
        return step + 1, following, low, high, jnp.max(jnp.abs(following / r - 1))

    state = (0, start, low * (1 - 1e-6), high * (1 + 1e-6), jnp.asarray(1.0, e.dtype))
    return jax.lax.while_loop(unfinished, improve, state)[1]


def selected_density(w: RealLike, k: Real[Array, ""] | float, *, bias_reward: float) -> Float[Array, "..."]:
    r"""Density of the sample that a judge picks: the nearest of :math:`k` to its target.

    .. math:: g(w) = k\, \varphi(w)\, \Pr(|z + a| > |w + a|)^{k - 1}

    Args:
        w: places, in standard deviations from the mean.
        k: number of samples, at least 1.
        bias_reward: :math:`a`; the judge's target is at :math:`-a`.

    Returns:
        :math:`g`, of the shape of ``w``.

    Raises:
        ValueError: ``k`` is below 1, or a number is not finite.

    Source: order statistics; derived in the chapter.

    >>> print(f"{float(selected_density(0.0, 1, bias_reward=0.0)):.4f}")
    0.3989
    """
    require.finite(w=w, bias_reward=bias_reward)
    require.within(1, np.inf, k=k)
    w, k, a = promote(w, k, bias_reward)
    exponent, _ = _hazard(jnp.abs(w + a), jnp.broadcast_to(a, w.shape))
    return k * norm.pdf(w) * jnp.exp(-(k - 1) * exponent)
