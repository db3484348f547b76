r"""The implicit solution for three layers and more, and its inversion to rounding.

.. math:: \frac{du}{dt} = L\,u^{q}\,(s - u), \qquad q = 2 - 2/L, \qquad p = q - 1

In units of :math:`s`, with :math:`y = u/s` and :math:`T = L s^q t`, each side of :math:`s` has a coordinate in which
time is a smooth integral:

* below, :math:`z = \ln\frac{y}{1-y}` and :math:`T = G(z) - G(z_0)` with :math:`G'(z) = (1 + e^{-z})^p`;
* above, :math:`h = -\ln(1 - 1/y)` and :math:`T = M(h) - M(h_0)` with :math:`M'(h) = (1 - e^{-h})^p`, :math:`M(0) = 0`.

Derived in the chapter.
"""

import math
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import binom, roots_jacobi, roots_legendre

# Where the integrals below change from quadrature to series. At 2 the series in exp(-2k) reaches float64 in 20 terms,
# and the nearest singularity of the integrands, at distance pi, leaves 16 nodes far more than they need.
_SPLIT = 2.0
_TERMS = 20
_NODES = 16


def exponents(depth):
    """``q``, ``p`` and the factor ``L`` of the equation, which infinite depth leaves to the unit of time."""
    return (2.0, 1.0, 1.0) if math.isinf(depth) else (2 - 2 / depth, 1 - 2 / depth, float(depth))


class Table(NamedTuple):
    """What the solution needs to know of a depth, as arrays, so that code compiled once serves every depth.

    Attributes:
        q: exponent of the equation.
        p: ``q - 1``.
        layers: factor ``L``.
        binomials: ``(terms,)``; binomial coefficients of ``p``.
        nodes: ``(nodes,)``; of Gauss–Jacobi quadrature on (0, 1) with the weight ``x^p``.
        weights: ``(nodes,)``; of the same.
    """

    q: np.ndarray
    p: np.ndarray
    layers: np.ndarray
    binomials: np.ndarray
    nodes: np.ndarray
    weights: np.ndarray


@cache
def table(depth: float, dtype: np.dtype) -> Table:
    """The table of one depth, in the precision of the calculation."""
    q, p, layers = exponents(depth)
    nodes, weights = roots_jacobi(_NODES, 0.0, p)
    binomials = binom(p, np.arange(_TERMS))
    values = (q, p, layers, binomials, (1 + nodes) / 2, weights / 2 ** (p + 1))
    return Table(*(np.asarray(value, dtype) for value in values))


def without_target(s, u):
    """Whether ``s`` is zero to within the smallest numbers, beside a strength ``u`` above it."""
    return s <= u * jnp.finfo(s.dtype).tiny ** 0.49


def place_below(u, s):
    """Coordinate ``z`` of ``u < s``, from the difference ``s - u``, which is exact near ``s``."""
    ratio = u / (s - u)
    underflows = ratio < jnp.finfo(s.dtype).tiny ** 0.5
    return jnp.where(underflows, jnp.log(u) - jnp.log(s), jnp.log(jnp.where(underflows, 1.0, ratio)))


def place_above(u, s):
    """Coordinate ``h`` of ``u > s``."""
    return jnp.log1p(s / (u - s))


def growth_below(z, table):
    """``G(z)`` with ``G(0) = 0``: Gauss–Legendre in the middle, binomial series in ``exp(-|z|)`` outside."""
    p, k = table.p, np.arange(_TERMS, dtype=z.dtype)
    nodes, weights = (np.asarray(x, z.dtype) for x in roots_legendre(_NODES))
    inner = jnp.clip(z, -_SPLIT, _SPLIT)
    x = inner[..., None] * (1 + nodes) / 2
    middle = inner / 2 * jnp.sum(weights * jnp.exp(p * jnp.log1p(jnp.exp(-x))), axis=-1)
    left, right = jnp.minimum(z + _SPLIT, 0.0), jnp.maximum(z - _SPLIT, 0.0)
    rates = k - p
    # at infinite depth one rate is zero, and its term grows in a straight line
    flat = rates == 0
    safe = jnp.where(flat, 1.0, rates)
    growth = jnp.where(flat, left[..., None], jnp.expm1(safe * left[..., None]) / safe)
    lower = table.binomials * jnp.exp(-_SPLIT * rates) * growth
    upper = table.binomials[1:] * np.exp(-_SPLIT * k[1:]) / k[1:] * -jnp.expm1(-k[1:] * right[..., None])
    return middle + jnp.sum(lower, axis=-1) + right + jnp.sum(upper, axis=-1)


def growth_above(h, table):
    """``M(h)``: Gauss–Jacobi near 0, where it behaves as a power, and a binomial series in ``exp(-h)`` beyond."""
    p, k = table.p, np.arange(1, _TERMS, dtype=h.dtype)
    inside = jnp.minimum(h, _SPLIT)
    x = inside[..., None] * table.nodes
    smooth = jnp.exp(p * jnp.log(-jnp.expm1(-x) / jnp.where(x > 0, x, 1.0) + jnp.where(x > 0, 0.0, 1.0)))
    inner = inside ** (p + 1) * jnp.sum(table.weights * smooth, axis=-1)
    outside = jnp.maximum(h - _SPLIT, 0.0)
    coefficients = table.binomials[1:] * (-1.0) ** k * np.exp(-_SPLIT * k) / k
    return inner + outside + jnp.sum(coefficients * -jnp.expm1(-k * outside[..., None]), axis=-1)


def _solve_below(target, z0, table):
    """``z`` with ``G(z) = G(z0) + target``.

    Newton's method in ``v = z - exp(-p z) / p``, of which G is nearly a straight line: its slope stays between
    ``2^(p-1)`` and 1. At infinite depth (p = 1) G is one, and the first guess, by the Wright omega
    function, is the answer.
    """

    p = table.p

    def inverse(v):
        # r = -p z solves r + exp(r) = x; convex, so Newton's method from the right is monotone: at most 0.57 away at
        # first, and squaring half of that seven times leaves nothing in float64
        x = -p * v
        start = jnp.where(x > 1, jnp.log(jnp.maximum(x, 1.0)), jnp.minimum(x, 0.0))
        root = jax.lax.fori_loop(0, 7, lambda _, r: r - (r + jnp.exp(r) - x) / (1 + jnp.exp(r)), start)
        return -root / p

    def straight(z):
        return z - jnp.exp(-p * z) / p

    first = inverse(straight(z0) + target)
    base = growth_below(z0, table)

    def newton(_, z):
        missing = target - (growth_below(z, table) - base)
        slope = jnp.exp(p * jnp.log1p(jnp.exp(-z)) - jnp.log1p(jnp.exp(-p * z)))
        return inverse(straight(z) + missing / slope)

    return jax.lax.fori_loop(0, 8, newton, first)


def _solve_above(target, h0, table):
    """``h`` with ``M(h) = M(h0) + target``: M is convex, so Newton's method from the right is monotone."""
    p = table.p
    total = growth_above(h0, table) + target
    # M(h) >= h - 1 everywhere, and (1 - exp(-h)) >= (1 - 1/e) h up to h = 1
    power = ((p + 1) * total / (1 - math.exp(-1)) ** p) ** (1 / (p + 1))
    start = jnp.where(power < 1, power, total + 1)

    def newton(_, h):
        return h - (growth_above(h, table) - total) * jnp.exp(-p * jnp.log(-jnp.expm1(-h)))

    return jax.lax.fori_loop(0, 10, newton, start)


def growing_strength(table, t, s, u0):
    """The same for starts between 0 and ``s``, both excluded, with half of the work."""
    return _strength_at(_solve_below(_target(table, t, s), place_below(u0, s), table), s)


def _target(table, t, s):
    """The scaled time ``T``."""
    # one factor s first, which keeps powers in range; a time that still overflows is as good as any long one
    return jnp.minimum(table.layers * s * t * s**table.p, float(jnp.finfo(t.dtype).max) / 4)


def _strength_at(z, s):
    # the sigmoid underflows before u does
    underflows = z < math.log(float(jnp.finfo(z.dtype).tiny)) / 2
    return jnp.where(underflows, jnp.exp(z + jnp.log(s)), s * jax.nn.sigmoid(z))


def strength(table, t, s, u0):
    """Solve the equation for arrays of one shape and dtype; ``t`` is finite, in the unit of ``tau``."""
    return _strength_and_gap(table, t, s, u0)[0]


@jax.custom_jvp
def _strength_and_gap(table, t, s, u0):
    """``u`` and ``s - u``, the second without cancellation near ``s``."""
    q, p, layers = table.q, table.p, table.layers
    info = jnp.finfo(t.dtype)
    # what lies beyond these is constant or has s = 0 to within the smallest numbers
    stuck = -p * (jnp.log(u0) - jnp.log(s)) > math.log(float(info.max)) - 5
    below, above = (u0 < s) & ~stuck, (u0 > s) & ~without_target(s, u0)

    s1 = jnp.where(below | above, s, 1.0)
    target = _target(table, t, s1)
    z = _solve_below(target, place_below(jnp.where(below, u0, 0.5), jnp.where(below, s1, 1.0)), table)
    u_below = _strength_at(z, s1)
    gap_below = s1 * jax.nn.sigmoid(-z)

    h = _solve_above(target, place_above(jnp.where(above, u0, 2.0), jnp.where(above, s1, 1.0)), table)
    u_above = s1 / -jnp.expm1(-h)
    gap_above = -s1 / jnp.expm1(h)

    u_free = jnp.maximum(u0 * jnp.exp(-jnp.log1p(q * layers * (u0 * t) * u0**p) / q), s)
    u = jnp.select([below, above, u0 > s], [u_below, u_above, u_free], u0)
    gap = jnp.select([below, above], [gap_below, gap_above], s - u)
    return u, gap


@_strength_and_gap.defjvp
def _strength_and_gap_jvp(primals, tangents):
    table, t, s, u0 = primals
    _, dt, ds, du0 = tangents
    q, layers = table.q, table.layers
    u, gap = _strength_and_gap(table, t, s, u0)
    by_t = layers * u**q * gap
    # f(u) / f(u0), with its limits where both vanish: at u0 = s and at u0 = 0
    gap0 = s - u0
    approach = jnp.where(gap0 == 0, jnp.exp(-layers * s**q * t), gap / jnp.where(gap0 == 0, 1.0, gap0))
    by_u0 = jnp.where(u0 == 0, 1.0, (u / jnp.where(u0 == 0, 1.0, u0)) ** q * approach)
    # u is homogeneous: s u_s + u0 u_u0 - q t u_t = u; where s is small that cancels, and the value at s = 0 is closer
    small = s <= u0 * math.sqrt(jnp.finfo(s.dtype).eps)
    euler = (u + q * (t * by_t) - u0 * by_u0) / jnp.where(small, 1.0, s)
    at_zero = -jnp.expm1((q + 1) * jnp.log(u / jnp.where(u0 == 0, 1.0, u0))) / (q + 1)
    by_s = jnp.where(u0 == 0, 0.0, jnp.where(small, at_zero, euler))
    du = by_t * dt + by_s * ds + by_u0 * du0
    return (u, gap), (du, ds - du)
