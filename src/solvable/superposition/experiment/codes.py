"""Random sets of directions, and what becomes of them when their overlaps are pushed down."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from solvable import require
from solvable._types import place
from solvable.randomness import generator


def random_code(n: int, m: int, *, key: Key[Array, ""]) -> Float[Array, "n m"]:
    """Independent unit vectors, uniform on the sphere.

    Args:
        n: number of vectors.
        m: number of dimensions.
        key: the source of randomness.

    Returns:
        ``(n, m)``; unit rows.

    Raises:
        ValueError: a size is not a whole number of at least 1.
    """
    require.integer(1, n=n, m=m)
    rows = generator(key).normal(size=(n, m))
    return place(rows / np.linalg.norm(rows, axis=1, keepdims=True), jnp.result_type(float))


def packed_code(n: int, m: int, *, key: Key[Array, ""], steps: int = 300) -> Float[Array, "n m"]:
    r"""A tight frame near a random code, or orthonormal rows where ``n <= m``: descent of the frame potential.

    .. math::

        F = \sum_{ij} (w_i \cdot w_j)^2, \qquad
        w_i \leftarrow \frac{\tilde w_i}{|\tilde w_i|}, \quad
        \tilde w_i = w_i - \frac{1}{3c}\, W^\top W w_i, \qquad c = \max(1, n/m)

    The step is the one that takes a small deviation of :math:`W^\top W` from :math:`c\,1` away at once, were it not
    for the norms: :math:`(1 - (1 + \varepsilon)/3)^2 (1 + \varepsilon)` has no slope at 0. Because of the norms it
    takes some ten steps where ``n`` is large, a hundred where it is ``2m``, and ``30m`` where it is ``m + 1``.

    Args:
        n: number of vectors.
        m: number of dimensions.
        key: the source of randomness.
        steps: of descent.

    Returns:
        ``(n, m)``; unit rows.

    Raises:
        ValueError: an argument is not a whole number, or too small.

    Source: Benedetto and Fickus (2003), by whom every local minimum of the potential is a global one; the step is
    derived here.
    """
    require.integer(0, steps=steps)
    return _packed(random_code(n, m, key=key), steps=steps)


@partial(jax.jit, static_argnames="steps")
def _packed(code, *, steps):
    n, m = code.shape

    def step(code, _):
        return _unit(code - code @ (code.T @ code) / (3 * max(1, n / m))), None

    return jax.lax.scan(step, code, length=steps)[0]


def spread_code(n: int, m: int, *, key: Key[Array, ""], power: float = 512.0, steps: int = 1000) -> Float[Array, "n m"]:
    r"""Unit vectors whose largest overlap is small, from a random code: descent of a norm that rises to the largest.

    .. math:: \ell_p = \Big( \sum_{i \ne j} |w_i \cdot w_j|^p \Big)^{1/p}

    The power grows from 4 geometrically. In each step the row with the steepest slope moves by :math:`2/p`, times what
    is left of the steps as a fraction, and the other rows in proportion. All ``n x n`` overlaps are in memory.
    It ends in one of many local minima: that of the best packing for sizes such as (5, 2), (6, 3) and (28, 7), but
    mostly a tenth above the best for (16, 6).

    Args:
        n: number of vectors; at least 2.
        m: number of dimensions.
        key: the source of randomness.
        power: the last ``p``; from 4 to a million.
        steps: of descent.

    Returns:
        ``(n, m)``; unit rows.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived here, without a guarantee.
    """
    require.integer(2, n=n)
    require.integer(0, steps=steps)
    require.within(4, 1e6, power=power)
    code = random_code(n, m, key=key)
    left = np.arange(steps, 0, -1) / max(steps, 1)
    powers = power * (4 / power) ** left
    return _spread(code, *(place(values, code.dtype) for values in (powers, 2 * left / powers)))


@jax.jit
def _spread(code, powers, moves):
    own = jnp.eye(len(code), dtype=bool)
    tiny = jnp.finfo(code.dtype).tiny

    def log_norm(code, power):
        unit = _unit(code)
        squares = jnp.where(own, 0, (unit @ unit.T) ** 2)
        return jax.nn.logsumexp(power / 2 * jnp.log(squares + tiny)) / power

    def step(code, now):
        power, move = now
        slope = jax.grad(log_norm)(code, power)
        steepest = jnp.max(jnp.linalg.norm(slope, axis=1))
        # in one dimension there is no slope
        return _unit(code - move * slope / jnp.maximum(steepest, tiny)), None

    return jax.lax.scan(step, code, (powers, moves))[0]


def _unit(rows):
    return rows / jnp.linalg.norm(rows, axis=1, keepdims=True)
