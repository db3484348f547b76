r"""One mode of a deep linear network: how its strength grows, at every depth, balanced or not.

Conventions of the chapter: ``depth`` :math:`L` counts weight matrices, the loss is
:math:`E = \frac12 \lVert Y - W_L \cdots W_1 X \rVert_F^2`, inputs are whitened, weights follow the gradient flow
:math:`\tau\, dW_l/dt = -\partial E / \partial W_l` from a start that is aligned with the data, and a mode of singular
value :math:`s` has the strength :math:`u`, which starts at :math:`u_0` and tends to :math:`s`. All is written in
decaying exponentials, so no argument is too large.
"""

import math
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from solvable import require
from solvable._types import RealLike, promote

from . import implicit

# from here on the table of a depth makes the difference, and one compiled function serves all
DEEP = 3


def mode_strength(
    t: RealLike, s: RealLike, u0: RealLike, *, tau: RealLike = 1.0, depth: float = 2
) -> Float[Array, "..."]:
    r"""Strength of a mode at time ``t``, from a balanced start, in a network of any depth.

    .. math:: \tau \frac{du}{dt} = L\,u^{2-2/L}\,(s - u), \qquad u(0) = u_0

    One layer gives an exponential, two the sigmoid
    :math:`u_0 / \left(e^{-2st/\tau} + (u_0/s)(1 - e^{-2st/\tau})\right)`; beyond, the implicit solution is inverted to
    rounding. Infinite depth is the limit in which :math:`L t` is kept: there ``t`` stands for :math:`L t`, and
    :math:`\tau\,du/dt = u^2 (s - u)`.

    Args:
        t: time, in the unit of ``tau``; non-negative, infinity allowed. All arguments but ``depth`` broadcast together.
        s: singular value, the strength that will be reached; non-negative.
        u0: initial strength, in the unit of ``s``; non-negative, below or above ``s``. Zero stays zero from two layers
            on.
        tau: time constant; positive.
        depth: number of weight matrices :math:`L`, a whole number of at least 1, or ``math.inf``.

    Returns:
        ``u(t)`` in the unit of ``s``, in the promoted dtype of the arguments. Derivatives are exact at ``s = 0``,
        ``u0 = 0`` and ``u0 = s`` too; from three layers on, the one by ``s`` keeps half of its digits where ``s`` is
        far below ``u0``.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: the equation and its solution are derived in the chapter; Saxe, McClelland and Ganguli (2013) announce exact
    solutions and a finite limit of infinite depth in their abstract.

    >>> float(mode_strength(math.log(99.0) / 2, 1.0, 0.01).round(12))
    0.5
    >>> float(mode_strength(math.inf, 3.0, 1e-9, depth=7))
    3.0
    """
    require.non_negative_or_infinite(t=t)
    require.non_negative(s=s, u0=u0)
    require.positive(tau=tau)
    depth = _require_depth(depth)
    t, s, u0, tau = promote(t, s, u0, tau)
    return _mode_strength(t, s, u0, tau, _table(depth, t.dtype), depth=min(depth, DEEP))


@partial(jax.jit, static_argnames=("depth", "growing"))
def _mode_strength(t, s, u0, tau, table, *, depth, growing=False):
    deep = implicit.growing_strength if growing else implicit.strength
    solution = {1: _one_layer, 2: _two_layers, DEEP: partial(deep, table)}[depth]
    t, s, u0, tau = jnp.broadcast_arrays(t, s, u0, tau)
    # infinity is taken out before it meets tau, whose derivative it would turn into 0 * infinity
    ended = jnp.isinf(t / tau)
    u = solution(jnp.where(ended, 0.0, t) / tau, s, u0)
    return jnp.where(ended, s if depth == 1 else jnp.where(u0 > 0, s, 0.0), u)


def _one_layer(t, s, u0):
    return u0 * jnp.exp(-t) + s * -jnp.expm1(-t)


def _two_layers(t, s, u0):
    # the start is divided out, so that nothing underflows however small it is
    size = jax.lax.stop_gradient(jnp.where(u0 > 0, u0, 1.0))
    # by its reciprocal: XLA would join two divisions into one, by a
    # product that underflows
    start = u0 * (1 / size)
    remaining = jnp.exp(-2 * s * t - jnp.log(size))
    return _ratio(start, remaining + start * 2 * _decay_integral(2 * s, t))


def _decay_integral(rate, time):
    """Integral of ``exp(-rate h)`` over h from 0 to ``time``, with correct derivatives at ``rate = 0``."""
    x = rate * jnp.where(jnp.isinf(time) & (rate == 0), 0.0, time)
    small = jnp.abs(x) < 1e-3
    series = jnp.where(small, x, 0.0)
    # five terms leave 1e-18 at the border
    series = 1 - series / 2 * (1 - series / 3 * (1 - series / 4 * (1 - series / 5)))
    return jnp.where(small, time * series, -jnp.expm1(-x) / jnp.where(small, 1.0, rate))


def _ratio(numerator, denominator):
    """Quotient that is 0 where both vanish."""
    return numerator / jnp.where((denominator == 0) & (numerator == 0), 1.0, denominator)


def time_to_reach(
    u: RealLike, s: RealLike, u0: RealLike, *, tau: RealLike = 1.0, depth: float = 2
) -> Float[Array, "..."]:
    r"""Time at which a mode reaches the strength ``u``: the inverse of :func:`mode_strength`.

    .. math:: t = \frac{\tau}{L} \int_{u_0}^{u} \frac{dx}{x^{2-2/L}\,(s - x)}

    For two layers this is :math:`\frac{\tau}{2s} \ln \frac{u\,(s - u_0)}{u_0\,(s - u)}`.

    Args:
        u: strength to be reached, between ``u0`` and ``s`` (both included). All but ``depth`` broadcast together.
        s: singular value; non-negative.
        u0: initial strength, in the unit of ``s``; non-negative.
        tau: time constant; positive.
        depth: number of weight matrices :math:`L`, a whole number of at least 1, or ``math.inf``.

    Returns:
        The time, in the unit of ``tau``; for infinite depth, :math:`L` times the time. Infinite at ``u = s``, and from
        ``u0 = 0`` with two layers or more, unless ``u = u0``.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.

    >>> float(time_to_reach(0.5, 1.0, 0.01).round(12)) == round(math.log(99.0) / 2, 12)
    True
    """
    require.non_negative(u=u, s=s, u0=u0)
    require.positive(tau=tau)
    depth = _require_depth(depth)
    u, s, u0, tau = promote(u, s, u0, tau)
    _require_between(u, s, u0)
    return _time_to_reach(u, s, u0, tau, _table(depth, u.dtype), depth=min(depth, DEEP))


@partial(jax.jit, static_argnames="depth")
def _time_to_reach(u, s, u0, tau, table, *, depth):
    u, s, u0 = jnp.broadcast_arrays(u, s, u0)
    there, never = u == u0, (u == s) | ((u0 == 0) & (depth > 1))
    # arguments of an ordinary case stand in where the answer is 0 or infinite
    plain = there | never
    u, s, u0 = (jnp.where(plain, x, y) for x, y in zip((0.5, 1.0, 0.25), (u, s, u0), strict=True))
    if depth == 1:
        time = jnp.log1p((u - u0) / (s - u))
    else:
        q = table.q
        free = implicit.without_target(s, u)
        s1 = jnp.where(free, 1.0, s)
        below = u0 < s
        z, z0 = (implicit.place_below(jnp.where(below, x, 0.5), jnp.where(below, s1, 1.0)) for x in (u, u0))
        h, h0 = (implicit.place_above(jnp.where(below | free, 2.0, x), jnp.where(below, 1.0, s1)) for x in (u, u0))
        if depth == 2:
            scaled = jnp.where(below, z - z0, h - h0)
        else:
            scaled = jnp.where(
                below,
                implicit.growth_below(z, table) - implicit.growth_below(z0, table),
                implicit.growth_above(h, table) - implicit.growth_above(h0, table),
            )
        without_target = -jnp.expm1(q * (jnp.log(u) - jnp.log(u0))) / (q * u**q)
        time = jnp.where(free, without_target, scaled / s1**q) / table.layers
    return tau * jnp.where(there, 0.0, jnp.where(never, jnp.inf, time))


def mode_strength_among(
    t: RealLike,
    s: RealLike,
    u0: RealLike,
    depth: RealLike,
    *,
    depths: Sequence[float],
    tau: RealLike = 1.0,
    growing: bool = False,
) -> Float[Array, "..."]:
    """:func:`mode_strength` of a depth that is known only when the code runs, as one of several.

    Args:
        t: time, in the unit of ``tau``; for infinite depth, ``L t``. All arguments but ``depths`` broadcast together.
        s: singular value; non-negative.
        u0: initial strength, in the unit of ``s``; non-negative.
        depth: a scalar; one of ``depths``.
        depths: numbers of weight matrices, in increasing order; the last may be infinite.
        tau: time constant; positive.
        growing: promise that every start lies between 0 and ``s``, both excluded: then half of the work is left out.
            Derivatives are those of the iteration.

    Returns:
        ``u(t)``, in the unit of ``s``.

    Raises:
        ValueError: an argument lies outside its domain, or breaks that promise.

    Source: that of :func:`mode_strength`.

    >>> compiled = jax.jit(lambda depth: mode_strength_among(0.1, 3.0, 0.5, depth, depths=(1, 2, 7)))
    >>> bool(jnp.isclose(compiled(7), mode_strength(0.1, 3.0, 0.5, depth=7)))
    True
    """
    require.non_negative_or_infinite(t=t)
    require.non_negative(s=s, u0=u0)
    require.positive(tau=tau)
    t, s, u0, tau = promote(t, s, u0, tau)
    if growing and not any(isinstance(x, jax.core.Tracer) for x in (s, u0)) and np.any((u0 <= 0) | (u0 >= s)):
        raise ValueError(f"u0 must be between 0 and s where growing, got u0 = {u0}, s = {s}")

    def solve(table, kind):
        return _mode_strength(t, s, u0, tau, table, depth=kind, growing=growing)

    return _among(solve, depth, depths, t.dtype)


def time_to_reach_among(
    u: RealLike, s: RealLike, u0: RealLike, depth: RealLike, *, depths: Sequence[float], tau: RealLike = 1.0
) -> Float[Array, "..."]:
    """:func:`time_to_reach` of a depth that is known only when the code runs, as one of several.

    Args:
        u: strength to be reached, between ``u0`` and ``s``. All arguments but ``depths`` broadcast together.
        s: singular value; non-negative.
        u0: initial strength, in the unit of ``s``; non-negative.
        depth: a scalar; one of ``depths``.
        depths: numbers of weight matrices, in increasing order; the last may be infinite.
        tau: time constant; positive.

    Returns:
        The time, in the unit of ``tau``; for infinite depth, :math:`L` times the time.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: that of :func:`time_to_reach`.

    >>> compiled = jax.jit(lambda depth: time_to_reach_among(1.0, 3.0, 0.5, depth, depths=(1, 2, 7)))
    >>> bool(jnp.isclose(compiled(7), time_to_reach(1.0, 3.0, 0.5, depth=7)))
    True
    """
    require.non_negative(u=u, s=s, u0=u0)
    require.positive(tau=tau)
    u, s, u0, tau = promote(u, s, u0, tau)
    _require_between(u, s, u0)
    return _among(lambda table, kind: _time_to_reach(u, s, u0, tau, table, depth=kind), depth, depths, u.dtype)


def _among(solve, depth, depths, dtype):
    """``solve(table, kind)`` for the one of ``depths`` that ``depth`` is."""
    depths = [_require_depth(layers) for layers in depths]
    if not depths or any(b <= a for a, b in pairwise(depths)):
        raise ValueError(f"depths must be in increasing order, got {depths}")
    if not isinstance(depth, jax.core.Tracer):
        require.one_of(depths, depth=float(depth))
    # one layer has no table: two layers' stands in, and is not used
    tables = [implicit.table(max(layers, 2), dtype) for layers in depths]
    index = jnp.sum(depth > np.asarray(depths[:-1], dtype))
    table = implicit.Table(*(jnp.asarray(np.stack(column))[index] for column in zip(*tables, strict=True)))
    found = solve(table, DEEP)
    for kind in sorted({1, 2} & set(depths)):
        found = jnp.where(depth == kind, solve(table, kind), found)
    return found


class LayerStrengths(NamedTuple):
    """Strengths of the two layers of one mode.

    Attributes:
        a: of the first layer, :math:`a(t)`.
        b: of the second layer, :math:`b(t)`; the kernel of the mode is :math:`a^2 + b^2`.
    """

    a: Float[Array, "..."]
    b: Float[Array, "..."]


def unbalanced_layer_strengths(
    t: RealLike, s: RealLike, a0: RealLike, b0: RealLike, *, tau: RealLike = 1.0
) -> LayerStrengths:
    r"""Both layers of one mode of a two-layer network, from any start.

    .. math:: \tau \dot a = b\,(s - ab), \qquad \tau \dot b = a\,(s - ab), \qquad b^2 - a^2 = c \text{ for all } t

    The Riccati solution of the chapter for one hidden unit, with :math:`m = \frac12\sqrt{c^2 + 4s^2}`; every power of
    :math:`e^{mt/\tau}` is divided out.

    Args:
        t: time, in the unit of ``tau``; non-negative, infinity allowed. All arguments broadcast together.
        s: singular value; non-negative.
        a0: initial strength of the first layer; any sign.
        b0: initial strength of the second layer; any sign.
        tau: time constant; positive.

    Returns:
        ``a(t)`` and ``b(t)``, in the unit of the square root of ``s``.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.

    >>> layers = unbalanced_layer_strengths(math.inf, 1.0, 0.0, 2.0)
    >>> float((layers.a * layers.b).round(12)), float((layers.b**2 - layers.a**2).round(12))
    (1.0, 4.0)
    """
    require.non_negative_or_infinite(t=t)
    require.non_negative(s=s)
    require.finite(a0=a0, b0=b0)
    require.positive(tau=tau)
    return LayerStrengths(*_unbalanced(*promote(t, s, a0, b0, tau)))


@jax.jit
def _unbalanced(t, s, a0, b0, tau):
    # the start is divided out, so that nothing underflows however small it is
    size = jnp.maximum(jnp.abs(a0), jnp.abs(b0))
    size = jax.lax.stop_gradient(jnp.where(size > 0, size, 1.0))
    # the sum before the division, which would round it away near the saddle
    total = (a0 + b0) / size
    a0, b0 = a0 / size, b0 / size
    c = size**2 * (b0 - a0) * total
    # the solution is even in m, so its derivative by m vanishes where m does
    positive = (c != 0) | (s > 0)
    m = jnp.where(positive, jnp.hypot(jnp.where(positive, c / 2, 1.0), s), 0.0)

    # infinity becomes a time after which every start is forgotten, so that derivatives stay finite
    endless = jnp.isinf(t / tau)
    forgotten = jax.lax.stop_gradient(jnp.minimum(2000 / jnp.where(positive, m, 1.0), jnp.finfo(m.dtype).max))
    t = jnp.where(endless, jnp.where(positive, forgotten, 0.0), jnp.where(endless, 0.0, t) / tau)

    exponent = 2 * m * t
    decayed = jnp.exp(-exponent)
    sine = _decay_integral(2 * m, t)
    start = a0**2 + b0**2

    # early, even in m: differences of hyperbolic functions
    cosine = (1 + decayed) / 2
    early_a = cosine * a0 + sine * (-c / 2 * a0 + s * b0)
    early_b = cosine * b0 + sine * (s * a0 + c / 2 * b0)
    early = start * _decay_integral(4 * m, t) + (c / 2 * (b0**2 - a0**2) + 2 * s * a0 * b0) * sine**2

    # late these cancel near the saddle a = -b, and the growing direction is split off: sums of one sign only
    mirrored = c < 0
    large, small = jnp.where(mirrored, a0, b0), jnp.where(mirrored, b0, a0)
    k = jnp.where(mirrored, -c, c) / 2
    lean = 1 / jnp.where(positive, m + k, 1.0)
    lift = sine * (s * total + k * large * (1 + k / jnp.where(positive, m + s, 1.0)))
    late_large, late_small = decayed * large + lift, decayed * small + lift * s * lean
    late = sine * decayed * start + lift**2 * lean

    is_early = exponent < 1
    a = jnp.where(is_early, early_a, jnp.where(mirrored, late_large, late_small))
    b = jnp.where(is_early, early_b, jnp.where(mirrored, late_small, late_large))
    grown = jnp.where(is_early, early, late)

    # the square root of decayed / size^2 + grown, with the larger of 1 and the first root divided out
    faded = -exponent / 2 - jnp.log(size)
    scale = jax.lax.stop_gradient(jnp.maximum(faded, 0.0))
    squared = jnp.exp(2 * (faded - scale)) + grown * jnp.exp(-2 * scale)
    root = jnp.sqrt(jnp.where(squared > 0, squared, 1.0))
    lost = endless & ~positive
    return tuple(jnp.where(lost, 0.0, _ratio(x * jnp.exp(-scale), root)) for x in (a, b))


def mode_strength_unbalanced(
    t: RealLike, s: RealLike, a0: RealLike, b0: RealLike, *, tau: RealLike = 1.0
) -> Float[Array, "..."]:
    r"""Strength ``u = ab`` of one mode of a two-layer network whose layers start with different strengths.

    .. math:: \tau \frac{du}{dt} = (s - u) \sqrt{4u^2 + c^2}, \qquad c = b_0^2 - a_0^2

    (on the branch where :math:`a + b` grows). At :math:`c = 0` the sigmoid; for large :math:`|c|` an exponential of
    rate :math:`|c|/\tau`.

    Args:
        t: time, in the unit of ``tau``; non-negative, infinity allowed. All arguments broadcast together.
        s: singular value; non-negative.
        a0: initial strength of the first layer; any sign.
        b0: initial strength of the second layer; any sign.
        tau: time constant; positive.

    Returns:
        ``u(t)``, in the unit of ``s``.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.

    >>> float(mode_strength_unbalanced(math.log(99.0) / 2, 1.0, 0.1, 0.1).round(12))
    0.5
    """
    layers = unbalanced_layer_strengths(t, s, a0, b0, tau=tau)
    return layers.a * layers.b


def lazy_limit(t: RealLike, s: RealLike, u0: RealLike, c: RealLike, *, tau: RealLike = 1.0) -> Float[Array, "..."]:
    r"""What :func:`mode_strength_unbalanced` tends to at large imbalance: a linear model.

    .. math:: u(t) = s + (u_0 - s)\,e^{-|c|t/\tau}

    Args:
        t: time, in the unit of ``tau``; non-negative, infinity allowed. All arguments broadcast together.
        s: singular value; non-negative.
        u0: initial strength, in the unit of ``s``.
        c: imbalance :math:`b_0^2 - a_0^2`, in the unit of ``s``.
        tau: time constant; positive.

    Returns:
        ``u(t)``, in the unit of ``s``.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.

    >>> float(lazy_limit(math.inf, 2.0, 0.0, -3.0))
    2.0
    """
    require.non_negative_or_infinite(t=t)
    require.non_negative(s=s)
    require.finite(u0=u0, c=c)
    require.positive(tau=tau)
    t, s, u0, c, tau = promote(t, s, u0, c, tau)
    return _one_layer(jnp.abs(c) * t / tau, s, u0)


def discrete_mode_strength(
    steps: RealLike, s: RealLike, u0: RealLike, *, eta: RealLike, depth: RealLike = 2
) -> Float[Array, "..."]:
    r"""Strength of a mode after a number of steps of gradient descent, from a balanced start: an exact recursion.

    .. math:: a_{k+1} = a_k + \eta\, a_k^{L-1} (s - a_k^L), \qquad u_k = a_k^L

    For two layers, :math:`u_{k+1} = u_k (1 + \eta (s - u_k))^2`.

    Args:
        steps: numbers of steps; whole, non-negative, not traced. All arguments but ``depth`` broadcast together.
        s: singular value; non-negative.
        u0: initial strength, in the unit of ``s``; non-negative.
        eta: learning rate, in the unit of ``1 / s`` for two layers; positive.
        depth: number of weight matrices :math:`L`; a scalar, a whole number of at least 1.

    Returns:
        ``u`` after ``steps``, in the unit of ``s``; infinite where descent has diverged out of the range of its dtype.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.

    >>> discrete_mode_strength(np.array([0, 1]), 1.0, 0.5, eta=0.1).round(12).tolist()
    [0.5, 0.55125]
    """
    require.integer(0, steps=steps)
    require.non_negative(s=s, u0=u0)
    require.positive(eta=eta)
    require.integer(1, depth=depth)
    steps = np.asarray(steps).astype(int)
    s, u0, eta = jnp.broadcast_arrays(*promote(s, u0, eta))
    path = _descend(s, u0, eta, jnp.asarray(depth, s.dtype), last=int(steps.max(initial=0)))
    shape = np.broadcast_shapes(steps.shape, path.shape[1:])
    column = np.broadcast_to(np.arange(math.prod(path.shape[1:])).reshape(path.shape[1:]), shape)
    return path.reshape(len(path), -1)[np.broadcast_to(steps, shape), column]


@partial(jax.jit, static_argnames="last")
def _descend(s, u0, eta, depth, *, last):
    def step(a, _):
        after = a + eta * a ** (depth - 1) * (s - a**depth)
        after = jnp.where(jnp.isfinite(after), after, jnp.inf)
        return after, a**depth

    return jax.lax.scan(step, u0 ** (1 / depth), length=last + 1)[1]


def optimal_learning_rate(s: RealLike, depth: float) -> Float[Array, "..."]:
    r"""Learning rate that is fastest near the solution: the inverse of the largest curvature there.

    .. math:: \eta_{\mathrm{opt}} = \frac{1}{L\, s^{2 - 2/L}}

    Twice this rate is the largest at which gradient descent is stable.

    Args:
        s: singular value; positive.
        depth: number of weight matrices :math:`L`, a whole number of at least 1, or ``math.inf``.

    Returns:
        The rate; for infinite depth, :math:`L` times the rate, :math:`1/s^2`.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.

    >>> float(optimal_learning_rate(4.0, 2))
    0.125
    """
    require.positive(s=s)
    q, _, layers = implicit.exponents(_require_depth(depth))
    (s,) = promote(s)
    return 1 / (layers * s**q)


def effective_initial_strength(
    w1: Float[Array | np.ndarray, "hidden n_in"],
    w2: Float[Array | np.ndarray, "n_out hidden"],
    u: Float[Array | np.ndarray, "n_out modes"],
    v: Float[Array | np.ndarray, "n_in modes"],
) -> Float[Array, " modes"]:
    r"""Initial strength of each mode that a small start of any kind amounts to.

    .. math:: u_{0,\alpha} = \lVert h_\alpha^\perp \rVert^2, \qquad
              h_\alpha = \tfrac12 \left(W_1 v_\alpha + W_2^\top u_\alpha\right)

    While the weights are small only these combinations grow; :math:`\perp` takes from each its projection on those of
    stronger modes, which claim their directions in the hidden layer first.

    Args:
        w1: first layer at the start.
        w2: second layer at the start.
        u: left singular vectors of the data, a column a mode, in order of decreasing singular value.
        v: right singular vectors.

    Returns:
        One strength for each mode; zero for modes beyond the width of the hidden layer.

    Raises:
        ValueError: the shapes do not fit together.

    Source: derived in the chapter.

    >>> one = jnp.ones((1, 1))
    >>> effective_initial_strength(0.1 * one, 0.3 * one, one, one).round(12).tolist()
    [0.04]
    """
    hidden, modes = np.shape(w1)[0], np.shape(u)[1]
    require.shape((hidden, np.shape(v)[0]), w1=w1)
    require.shape((np.shape(u)[0], hidden), w2=w2)
    require.shape((None, modes), v=v)
    w1, w2, u, v = promote(w1, w2, u, v)
    growing = (w1 @ v + w2.T @ u) / 2
    triangle = jnp.linalg.qr(growing, mode="r")
    found = jnp.diagonal(triangle) ** 2
    return jnp.concatenate([found, jnp.zeros(modes - found.size, found.dtype)])


def _table(depth: float, dtype: np.dtype) -> implicit.Table | None:
    return implicit.table(depth, dtype) if depth > 1 else None


def _require_depth(depth: float) -> float:
    if isinstance(depth, float) and math.isinf(depth) and depth > 0:
        return math.inf
    require.integer(1, depth=depth)
    return int(depth)


def _require_between(u, s, u0):
    if not any(isinstance(x, jax.core.Tracer) for x in (u, s, u0)):
        # by comparison: a product of differences can underflow
        low, high = np.minimum(u0, s), np.maximum(u0, s)
        if np.any((u < low) | (u > high)):
            raise ValueError(f"u must be between u0 and s, got u = {u}, s = {s}, u0 = {u0}")
