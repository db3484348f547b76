"""Drawing answers and choosing among them: one by one in bounded memory, or the chosen one at once."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from solvable import require
from solvable._types import RealLike, promote

from ..theory.nearest import nearest_distance

CHUNK = 1024
"""Answers drawn at once for each input; a power of two."""
AT_ONCE = 2**19
"""Answers drawn at once for all inputs; more of them are faster by nothing and fill memory."""


def selection_sampler(
    key: Key[Array, ""], k: RealLike, draws: int, *, bias_reward: RealLike
) -> Float[Array, "*points draws"]:
    r"""Draw the answer that a judge picks from :math:`k`, without drawing the others.

    The nearest of :math:`k` answers to the target :math:`-a` is at the distance :math:`r` with
    :math:`-\ln \Pr(|z + a| > r) = \tau / k`, :math:`\tau` exponential of mean 1; it lies on the side of the mean with
    probability :math:`1 / (1 + e^{-2 |a| r})`. The cost does not depend on :math:`k`.

    Args:
        key: of the draw.
        k: number of answers, at least 1; broadcast with ``bias_reward`` to ``*points``.
        draws: how many independent choices, for each point.
        bias_reward: :math:`a = (m - y_R) / s`.

    Returns:
        Chosen answers in standard deviations from the mean.

    Raises:
        ValueError: an argument is outside its domain.

    Source: order statistics; derived in the chapter.

    >>> chosen = selection_sampler(jax.random.key(0), 2.0**24, 1000, bias_reward=0.5)
    >>> print(bool(jnp.all(jnp.abs(chosen + 0.5) < 1e-5)))
    True
    """
    require.within(1, np.inf, k=k)
    require.finite(k=k, bias_reward=bias_reward)
    require.integer(1, draws=draws)
    k, a = jnp.broadcast_arrays(*promote(k, bias_reward))
    return _sample(key, k, a, draws)


@partial(jax.jit, static_argnames="draws")
def _sample(key: Array, k: Array, a: Array, draws: int) -> Array:
    # separate keys: one uniform number for both would tie the side to the distance
    radius, side = jax.random.split(key)
    shape = (*a.shape, draws)
    tau = jax.random.exponential(radius, shape, a.dtype)
    # an exponential variable of zero, which floating point draws now and then, has no distance
    tau = jnp.maximum(tau, jnp.finfo(a.dtype).tiny * k[..., None])
    r = nearest_distance(tau / k[..., None], jnp.broadcast_to(a[..., None], shape))
    outward = jax.random.uniform(side, shape, a.dtype) < jax.nn.sigmoid(2 * a[..., None] * r)
    return -a[..., None] + jnp.where(outward, r, -r)


class Streamed(NamedTuple):
    """Choices among ever more answers; those among few are part of those among many.

    Attributes:
        k: ``(levels,)``; powers of two.
        error: ``(levels, points)``; squared error of the chosen answer, its mean over the softmax's choice at a
            temperature above zero, in units of the predictive variance.
        effective: ``(levels, points)``; number of answers that the softmax effectively averages over; 1 at zero.
    """

    k: Int[np.ndarray, " levels"]
    error: Float[np.ndarray, "levels points"]
    effective: Float[np.ndarray, "levels points"]


class _Running(NamedTuple):
    """Largest score so far, and sums over the answers of their weights relative to it: W, W f, W^2."""

    best: Array
    weight: Array
    weighted: Array
    squared: Array


def streamed_selection(
    key: Key[Array, ""], doublings: int, t: float, *, bias_teacher: RealLike, bias_reward: RealLike
) -> Streamed:
    r"""Draw :math:`2^j` answers for each input, for all :math:`j` up to ``doublings``, and let the judge choose.

    Answers are drawn in chunks, and of those that were judged only the best score and three sums are kept, relative to
    it: memory does not depend on :math:`k`, and no weight overflows or vanishes as long as its score is the best.

    Args:
        key: of the draw.
        doublings: the largest number of answers is two to this power, from 0 to 40.
        t: :math:`T / 2 s^2`, not negative.
        bias_teacher: :math:`b = (m - y_T) / s`, ``(points,)``.
        bias_reward: :math:`a = (m - y_R) / s`, ``(points,)``.

    Returns:
        Errors at every power of two.

    Raises:
        ValueError: an argument is outside its domain.

    Source: the model of Halder and Pehlevan (2026); sums relative to a running maximum are standard.

    >>> b = jnp.zeros(1000)
    >>> run = streamed_selection(jax.random.key(0), 4, 0.0, bias_teacher=b, bias_reward=b)
    >>> print(run.k, bool(abs(run.error.mean(axis=1)[1] - 0.3634) < 0.06))
    [ 1  2  4  8 16] True
    """
    require.integer(0, doublings=doublings)
    require.within(0, 40, doublings=doublings)
    require.non_negative(t=t)
    require.finite(bias_teacher=bias_teacher, bias_reward=bias_reward)
    # in NumPy: JAX would compile a program for every shape that is cut or joined
    b, a = (np.atleast_1d(bias) for bias in np.broadcast_arrays(*promote(bias_teacher, bias_reward)))
    require.shape((None,), bias_teacher=b)
    if b.size == 0:
        raise ValueError("bias_teacher must hold at least one bias, got none")
    inside = min(doublings, CHUNK.bit_length() - 1)
    size = min(b.size, AT_ONCE >> inside)
    # stretches of one length, so that one compiled program serves them all; the last one is filled up
    filled = [np.concatenate([bias, np.repeat(bias[-1:], -b.size % size)]) for bias in (b, a)]
    pieces = []
    for at in range(0, b.size, size):
        one = [bias[at : at + size] for bias in filled]
        pieces.append(_stream(jax.random.fold_in(key, at), doublings, inside, np.asarray(t, b.dtype), *one, t == 0))
    error, effective = (np.concatenate(parts, axis=1)[:, : b.size] for parts in zip(*pieces, strict=True))
    return Streamed(2 ** np.arange(doublings + 1), error, effective)


def _stream(key, doublings, inside, t, b, a, hard):
    """Errors and effective numbers at all powers of two, for points that fit into memory together."""
    state, *found = _first_chunk(key, t, b, a, hard=hard, inside=inside)
    levels = list(zip(*found, strict=True))
    for doubling in range(inside, doublings):
        chunks = 2**doubling // CHUNK
        state, *found = _more_chunks(key, state, chunks, 2 * chunks, t, b, a, hard=hard)
        levels.append(found)
    return tuple(np.stack(level) for level in zip(*levels, strict=True))


def _answers(key: Array, index: Array, points: int, dtype, size: int = CHUNK) -> Array:
    return jax.random.normal(jax.random.fold_in(key, index), (points, size), dtype)


def _weigh(z: Array, t: Array, b: Array, a: Array, hard: bool) -> _Running:
    apart, error = (z + a[:, None]) ** 2, (z + b[:, None]) ** 2
    if hard:
        # by its place, not by equality with the best score: compiled code may round a score anew where it uses it again
        place = jnp.argmin(apart, axis=1)[:, None]
        best, chosen = (jnp.take_along_axis(values, place, axis=1)[:, 0] for values in (-apart, error))
        return _Running(best, jnp.ones_like(best), chosen, jnp.ones_like(best))
    scores = -apart / (2 * t)
    best = scores.max(axis=1)
    weight = jnp.exp(scores - best[:, None])
    return _Running(best, weight.sum(axis=1), (weight * error).sum(axis=1), (weight**2).sum(axis=1))


def _merge(one: _Running, other: _Running, hard: bool) -> _Running:
    if hard:
        return jax.tree.map(partial(jnp.where, other.best > one.best), other, one)
    best = jnp.maximum(one.best, other.best)
    mine, theirs = jnp.exp(one.best - best), jnp.exp(other.best - best)
    return _Running(
        best,
        mine * one.weight + theirs * other.weight,
        mine * one.weighted + theirs * other.weighted,
        mine**2 * one.squared + theirs**2 * other.squared,
    )


def _read(state: _Running) -> tuple[Array, Array]:
    return state.weighted / state.weight, state.weight**2 / state.squared


@partial(jax.jit, static_argnames=("hard", "inside"))
def _first_chunk(key, t, b, a, *, hard, inside):
    z = _answers(key, jnp.asarray(0), b.size, b.dtype, 2**inside)
    states = [_weigh(z[:, :1], t, b, a, hard)]
    for j in range(inside):
        states.append(_merge(states[-1], _weigh(z[:, 2**j : 2 ** (j + 1)], t, b, a, hard), hard))
    errors, effective = zip(*map(_read, states), strict=True)
    return states[-1], jnp.stack(errors), jnp.stack(effective)


@partial(jax.jit, static_argnames="hard")
def _more_chunks(key, state, start, stop, t, b, a, *, hard):
    def chunk(index, state):
        return _merge(state, _weigh(_answers(key, index, b.size, b.dtype), t, b, a, hard), hard)

    # bounds are data: one compiled loop serves every doubling
    state = jax.lax.fori_loop(start, stop, chunk, state)
    return state, *_read(state)
