"""A perceptron that is taught with the examples a probe finds hardest, or easiest: how its error falls."""

import math
from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtri
from jaxtyping import Array, Float

from solvable import require
from solvable._types import RealLike, promote

Keep = Literal["hard", "easy"]

FAR = 9.0
"""Standard deviations beyond which a Gaussian counts for nothing: 1e-19 of it lies there."""
SMALLEST_ANGLE = 0.05
"""Below this angle, but at 0, what is kept has too sharp an edge for the quadrature."""
NODES = {1: 64, 2: 40}
"""Nodes of each rule of Gauss and Legendre, in one and in two dimensions: errors of 1e-4 at worst, 1e-7 as a rule."""
COARSE = 12
"""Nodes with which a start is sought."""
STARTS = (-2.0, 9.0, 25)
"""Powers of ten, and how many of them, among which it is."""
MARGIN_STEPS = 20
"""Newton steps to the margin of one direction: they come from the right of a convex function and never overshoot."""
DIRECTION_STEPS = 60
"""Newton steps to the direction at most; ten are enough as a rule."""
BLOCK = 64
"""Settings that one program serves, so that it is compiled once whatever the shape of the arguments."""
SHORTER = 6
"""How many lengths of a step are tried, each half of the one before."""


class PrunedPerceptron(NamedTuple):
    r"""A student with the largest margin on the examples that were kept.

    Attributes:
        error: :math:`\epsilon = \arccos(R)/\pi`; how often the student contradicts the teacher on a fresh input.
        overlap: ``R``; cosine between student and teacher.
        margin: :math:`\kappa`; least distance of a kept example from the student's boundary, in standard deviations
            of an input along any direction.
    """

    error: Float[Array, "..."]
    overlap: Float[Array, "..."]
    margin: Float[Array, "..."]


def pruned_perceptron_error(
    alpha_total: RealLike, fraction: RealLike, *, keep: Keep = "hard", probe_angle: float = 0.0
) -> PrunedPerceptron:
    r"""Generalisation error of a max-margin perceptron that is taught with a part of the examples, for large ``N``.

    A teacher :math:`T` labels :math:`\alpha_{\text{tot}} N` Gaussian inputs in ``N`` dimensions by the sign of
    :math:`T \cdot x`. A probe at the angle :math:`\theta` to the teacher keeps the fraction ``f`` of them nearest to
    its own boundary (hard) or farthest from it (easy). The student separates the :math:`\alpha N` that are left,
    :math:`\alpha = f \alpha_{\text{tot}}`, with the largest margin :math:`\kappa`, through the origin.

    Let ``u`` be the input along the teacher, ``w`` along the direction that the teacher and the probe span beside it,
    :math:`z = u \cos\theta + w \sin\theta` along the probe. A student with :math:`J \propto (p_u, p_w, 1)`, the last
    entry being all that is orthogonal to both, can have the margin :math:`\kappa = k(p) / \sqrt{1 + |p|^2}`,

    .. math::

        \alpha\, \mathbb E\left[(k - p_u u - p_w w - \xi)_+^2 \;\middle|\; u > 0,\ |z| < z_f\right] = 1, \qquad
        \kappa = \max_p \frac{k(p)}{\sqrt{1 + |p|^2}},

    with independent unit Gaussians ``u``, ``w``, :math:`\xi`, and :math:`P(|z| < z_f) = f`; for the easy ones
    :math:`|z| > z_f` and :math:`P(|z| > z_f) = f`. At :math:`\theta = 0` the probe is the teacher, and :math:`p_w = 0`.
    The error is :math:`\arctan(\sqrt{1 + p_w^2} / p_u)/\pi`.

    Args:
        alpha_total: :math:`\alpha_{\text{tot}}`; examples for each dimension before pruning, any shape.
        fraction: ``f``; the part that is kept, above 0 and up to 1, where nothing is pruned.
        keep: the ``"hard"`` examples, near the probe's boundary, or the ``"easy"`` ones, far from it.
        probe_angle: :math:`\theta` in radians; between 0 and :math:`\pi/2`. Angles below 0.05, but 0, are too small
            for the quadrature.

    Returns:
        Error, overlap and margin, in the common shape of ``alpha_total`` and ``fraction``.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter, by Gordon's comparison of Gaussian processes, and not the equations of Sorscher et
    al. (2022), whose setting it is.

    >>> pruned_perceptron_error(3.0, np.array([1.0, 0.5])).error.round(3)
    Array([0.143, 0.215], dtype=float64)
    """
    require.positive(alpha_total=alpha_total, fraction=fraction)
    require.within(0, 1, fraction=fraction)
    require.one_of(("hard", "easy"), keep=keep)
    if probe_angle != 0:
        require.within(SMALLEST_ANGLE, np.pi / 2, probe_angle=probe_angle)
    alpha_total, fraction = jnp.broadcast_arrays(*promote(alpha_total, fraction))
    angle, size = jnp.asarray(probe_angle, alpha_total.dtype), alpha_total.size
    padded = [jnp.pad(setting.ravel(), (0, -size % BLOCK)) for setting in (alpha_total, fraction)]
    columns = [jnp.zeros((3, 0), alpha_total.dtype)]
    for first in range(0, size, BLOCK):
        totals, parts = (setting[first : first + BLOCK] for setting in padded)
        count = min(BLOCK, size - first)
        columns.append(_errors(totals, parts, count, keep == "hard", angle, plane=probe_angle != 0)[:, :count])
    return PrunedPerceptron(*jnp.concatenate(columns, axis=1).reshape(3, *alpha_total.shape))


@partial(jax.jit, static_argnames="plane")
def _errors(totals, fractions, count, hard, angle, *, plane):
    """Columns of error, overlap and margin for the first ``count`` settings of a block."""

    def one(index, columns):
        alpha, part = totals[index] * fractions[index], fractions[index]
        edge = jnp.minimum(-ndtri(jnp.where(hard, 1 - part, part) / 2), FAR)
        kept = jnp.where(hard, 0, edge), jnp.where(hard, edge, jnp.sqrt(edge**2 + FAR**2))
        if plane:
            found = _largest_margin(alpha, 2, lambda p, k, count: _in_plane(p, k, kept, part, angle, count))
        else:
            found = _largest_margin(alpha, 1, lambda p, k, count: _along(p, k, kept, part, count))
        return columns.at[:, index].set(jnp.stack(found))

    return jax.lax.fori_loop(0, count, one, jnp.zeros((3, BLOCK), totals.dtype))


def _legendre(count, dtype):
    """Nodes and weights on the interval from 0 to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return jnp.asarray((nodes + 1) / 2, dtype), jnp.asarray(weights / 2, dtype)


def _density(x):
    return jnp.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def _along(p, k, kept, fraction, count):
    """Where the probe is the teacher: nodes ``(1, q)`` for ``u`` and weights ``(q,)``, with which 1 has the mean 1."""
    t, weight = _legendre(count, p.dtype)
    low, high = kept
    # what lies deep on the right side of the boundary costs nothing
    high = jnp.maximum(jnp.minimum(high, (k + FAR) / p[0]), low)
    u = low + (high - low) * t
    return u[None], 2 * (high - low) * weight * _density(u) / fraction


def _in_plane(p, k, kept, fraction, angle, count):
    """Where it is not: nodes ``(2, q)`` for ``u`` and ``w``."""
    t, weight = _legendre(count, p.dtype)
    c, s, tiny = jnp.cos(angle), jnp.sin(angle), jnp.finfo(p.dtype).eps
    low, high = kept
    deep = jnp.maximum(k + FAR * (1 + jnp.abs(p[1])), 0) / jnp.maximum(p[0], tiny)
    end = jnp.minimum(jnp.minimum(FAR, deep), (high + FAR * s) / jnp.maximum(c, tiny))
    # as a function of u what is kept changes fastest where an edge meets the teacher's axis
    turn = jnp.minimum(end, jnp.where(low > 0, low, high) / jnp.maximum(c, tiny))
    u = jnp.concatenate([turn * t, turn + (end - turn) * t])
    across = jnp.concatenate([turn * weight, (end - turn) * weight]) * _density(u)
    edges = jnp.clip((jnp.stack([-high, -low, low, high])[:, None] - c * u) / s, -FAR, FAR)
    start, width = edges[::2, :, None], (edges[1::2] - edges[::2])[..., None]
    w = start + width * t
    along = width * weight * _density(w)
    nodes = jnp.stack([jnp.broadcast_to(u[:, None], w.shape), w])
    return nodes.reshape(2, -1), (2 * across[:, None] * along / fraction).ravel()


def _largest_margin(alpha, size, rule):
    """Error, overlap and margin from the nodes ``rule(p, k, count)`` for the ``size`` coordinates that matter."""
    fine, target = NODES[size], 1 / jnp.sqrt(alpha)

    def moments(p, k, count):
        g, weight = rule(p, k, count)
        a = k - p @ g
        return g, weight, a, jax.lax.erfc(-a / math.sqrt(2)) / 2, _density(a)

    def margin(p, count):
        g, weight = rule(p, jnp.asarray(jnp.inf, p.dtype), count)
        # on the right of the root, because a mean square is not below the square of the mean
        start = p @ (g @ weight) + target

        def newton(_, k):
            _, weight, a, cdf, pdf = moments(p, k, count)
            root = jnp.sqrt(weight @ ((a**2 + 1) * cdf + a * pdf))
            return k - (root - target) * root / (weight @ (a * cdf + pdf))

        return jax.lax.fori_loop(0, MARGIN_STEPS, newton, start)

    def gain(p, count=fine):
        k = margin(p, count)
        return k / jnp.sqrt(1 + p @ p), k

    def step(state):
        p, k, best, count, _ = state
        g, weight, a, cdf, pdf = moments(p, k, fine)
        first = weight * (a * cdf + pdf)
        slope = g @ first / jnp.sum(first)  # of k(p), and its curvature
        away = g - slope[:, None]
        bend = -(away * (weight * cdf)) @ away.T / jnp.sum(first)
        # The margin is a concave function F of the whole vector J = (p, 1)/k, of degree 1, so that it has no curvature
        # along J. Sought is the shortest J with F = 1: a quadratic programme for each step.
        whole = jnp.append(p, 1.0) / k
        tangent = jnp.concatenate([jnp.eye(size, dtype=p.dtype), (-slope / (k - slope @ p))[None]])
        across = jnp.concatenate([jnp.eye(size, dtype=p.dtype), -p[:, None]], axis=1) @ tangent
        curved = tangent.T @ tangent - (whole @ whole) * k * across.T @ bend @ across
        move = -tangent @ jnp.linalg.solve(curved, tangent.T @ whole)
        tried = whole + 0.5 ** jnp.arange(SHORTER, dtype=p.dtype)[:, None] * move
        allowed = tried[:, -1:] > 0
        candidates = jnp.where(allowed, tried[:, :-1] / jnp.where(allowed, tried[:, -1:], 1), p)
        gains, margins = jax.vmap(gain)(candidates)
        found = jnp.argmax(gains)
        better = gains[found] > best
        new = candidates[found], margins[found], gains[found]
        kept = jax.tree.map(lambda new, old: jnp.where(better, new, old), new, (p, k, best))
        return *kept, count + 1, better

    along = jnp.logspace(*STARTS, dtype=alpha.dtype)
    starts = jnp.pad(along[:, None], ((0, 0), (0, size - 1)))
    coarse, margins = jax.vmap(lambda p: gain(p, COARSE))(starts)
    start = jnp.argmax(coarse)
    # as if nothing had been found yet, because the fine rule gives another number for the start
    state = starts[start], margins[start], jnp.asarray(-jnp.inf, alpha.dtype), 0, True
    p, _, best, _, _ = jax.lax.while_loop(lambda s: s[4] & (s[3] < DIRECTION_STEPS), step, state)
    return jnp.arctan2(jnp.sqrt(1 + p[1:] @ p[1:]), p[0]) / np.pi, p[0] / jnp.sqrt(1 + p @ p), best
