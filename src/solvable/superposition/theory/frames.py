"""Sets of unit vectors that overlap as little as their number allows: tight frames, and the equiangular ones."""

from collections.abc import Callable
from functools import partial
from itertools import combinations
from math import isqrt

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from solvable import require
from solvable._types import RealLike, place, promote


def simplex_frame(n: int) -> Float[Array, "n m"]:
    r"""Corners of a regular simplex: ``n`` unit vectors in ``n - 1`` dimensions that all repel each other.

    .. math:: w_i \cdot w_j = -\frac{1}{n - 1} \quad (i \ne j)

    Args:
        n: number of vectors; at least 2.

    Returns:
        ``(n, n - 1)``; unit rows.

    Raises:
        ValueError: ``n`` is not a whole number of at least 2.

    Source: the rows of Helmert's matrix without the constant one, turned into columns.

    >>> simplex_frame(3).round(3).tolist()
    [[0.866, 0.5], [-0.866, 0.5], [0.0, -1.0]]
    """
    require.integer(2, n=n)
    return _placed(_simplex(n))


def harmonic_frame(n: int, m: int) -> Float[Array, "n m"]:
    r"""A tight frame of any size: unit vectors along a curve of harmonics.

    .. math::

        w_k = \sqrt{\tfrac2m} \left(\cos \tfrac{2\pi k}{n}, \sin \tfrac{2\pi k}{n}, \dots,
        \cos \tfrac{2\pi k}{n} \lfloor \tfrac m2 \rfloor, \sin \tfrac{2\pi k}{n} \lfloor \tfrac m2 \rfloor\right),
        \qquad k = 0, \dots, n - 1

    with another column of :math:`1/\sqrt m` where ``m`` is odd. Where ``m = n`` is even the last sine vanishes on all
    ``k``; there the last two columns are :math:`1/\sqrt m` and :math:`(-1)^k/\sqrt m`.

    Args:
        n: number of vectors; at least ``m``.
        m: number of dimensions; at least 1.

    Returns:
        ``(n, m)``; unit rows, and orthogonal columns of equal length.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: harmonic frames (Benedetto and Fickus, 2003), with the edge ``m = n`` derived here.

    >>> abs(harmonic_frame(4, 2)).round(3).tolist()
    [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]
    """
    require.integer(1, m=m)
    require.integer(m, n=n)
    pairs = (m - 1) // 2 if m == n else m // 2
    phases = 2 * np.pi / n * np.outer(np.arange(n), np.arange(1, pairs + 1))
    columns = np.sqrt(2) * np.stack([np.cos(phases), np.sin(phases)], axis=2).reshape(n, 2 * pairs)
    constant, alternating = np.ones((n, 1)), (-1.0) ** np.arange(n)[:, None]
    missing = [constant, alternating][: m - 2 * pairs]
    return _placed(np.concatenate([columns, *missing], axis=1) / np.sqrt(m))


def equiangular_frame(n: int, m: int) -> Float[Array, "n m"]:
    r"""Unit vectors that all overlap equally strongly, at Welch's bound, for the sizes in :func:`equiangular_sizes`.

    .. math:: |w_i \cdot w_j| = \sqrt{\frac{n - m}{m (n - 1)}} \quad (i \ne j), \qquad W^\top W = \frac nm 1

    These are an orthonormal basis, ``n = m``; a simplex, ``n = m + 1``; ``n`` equal numbers, ``m = 1``; eigenvectors of
    Paley's conference matrix, ``n = 2m = q + 1`` for a prime ``q`` that leaves 1 when divided by 4; the 28
    permutations of ``(3, 3, -1, -1, -1, -1, -1, -1)`` in the 7 dimensions orthogonal to the constant; Steiner frames of
    all pairs of ``v`` points with a Hadamard matrix, ``n = v²`` and ``m = v(v-1)/2`` for a power of two ``v``; and
    of each the Naimark complement, ``n`` vectors in ``n - m`` dimensions.

    Args:
        n: number of vectors.
        m: number of dimensions.

    Returns:
        ``(n, m)``; unit rows.

    Raises:
        ValueError: none of these constructions has this size; others may exist.

    Source: Strohmer and Heath (2003) for conference matrices; Fickus, Mixon and Tremain (2012) for Steiner frames.

    >>> overlaps = equiangular_frame(6, 3) @ equiangular_frame(6, 3).T
    >>> float(abs(overlaps[0, 1]).round(6)), round(5**-0.5, 6)
    (0.447214, 0.447214)
    """
    require.integer(1, n=n, m=m)
    made = _recipe(n, m)
    if made is None:
        known = sorted(equiangular_sizes(n + 8), key=lambda size: (abs(size[0] - n) + abs(size[1] - m), size))
        nearby = ", ".join(map(str, known[:6]))
        raise ValueError(f"(n, m) must be a size from equiangular_sizes, such as {nearby}, got {(n, m)}")
    return _placed(made())


def equiangular_sizes(limit: int) -> list[tuple[int, int]]:
    """Sizes ``(n, m)`` for which :func:`equiangular_frame` has a construction, in ascending order.

    Args:
        limit: the largest ``n``.

    Raises:
        ValueError: ``limit`` is not a whole number of at least 1.

    >>> [size for size in equiangular_sizes(16) if 1 < size[1] < size[0] - 1]
    [(6, 3), (14, 7), (16, 6), (16, 10)]
    """
    require.integer(1, limit=limit)
    return [(n, m) for n in range(1, limit + 1) for m in range(1, n + 1) if _recipe(n, m) is not None]


def most_equiangular(m: RealLike) -> Float[Array, "..."]:
    r"""Gerzon's bound: no more than :math:`m(m+1)/2` lines in ``m`` dimensions have equal angles between them.

    Args:
        m: number of dimensions; whole, at least 1, any shape.

    Returns:
        The bound, which few ``m`` reach: 2, 3, 7 and 23 are those that are known.

    Raises:
        ValueError: ``m`` is not such a number.

    Source: Lemmens and Seidel (1973), who credit Gerzon.

    >>> most_equiangular(jnp.array([3.0, 7.0])).tolist()
    [6.0, 28.0]
    """
    require.integer(1, m=m)
    (m,) = promote(m)
    return m * (m + 1) / 2


def _placed(frame: np.ndarray) -> Array:
    return place(frame, jnp.result_type(float))


def _recipe(n: int, m: int) -> Callable[[], np.ndarray] | None:
    """How to make an equiangular tight frame of this size, if we know how."""
    own = _own_recipe(n, m)
    if own is not None:
        return own
    other = _own_recipe(n, n - m)
    return None if other is None else lambda: _complement(other())


def _own_recipe(n: int, m: int) -> Callable[[], np.ndarray] | None:
    if not 1 <= m <= n:
        return None
    if m == n:
        return partial(np.eye, n)
    if m == n - 1:
        return partial(_simplex, n)
    if m == 1:
        return partial(np.ones, (n, 1))
    if n == 2 * m and n % 4 == 2 and _is_prime(n - 1):
        return partial(_conference, n - 1)
    if (n, m) == (28, 7):
        return _permutations
    points = isqrt(n)
    if points**2 == n and points.bit_count() == 1 and 2 * m == points * (points - 1):
        return partial(_steiner, points)
    return None


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % factor for factor in range(2, isqrt(number) + 1))


def _simplex(n: int) -> np.ndarray:
    size = np.arange(1.0, n)
    helmert = np.tri(n, n - 1, -1)[::-1, ::-1] - np.diag(size, -1)[:, : n - 1]
    return helmert / np.sqrt(size * (size + 1)) * np.sqrt(n / (n - 1))


def _conference(prime: int) -> np.ndarray:
    residues = np.full(prime, -1.0)
    residues[np.arange(prime) ** 2 % prime] = 1
    residues[0] = 0
    matrix = np.ones((prime + 1, prime + 1))
    matrix[0, 0] = 0
    matrix[1:, 1:] = residues[np.subtract.outer(range(prime), range(prime)) % prime]
    # its square is the prime times the identity, so that half of the eigenvalues are the root, and half its negative
    return np.sqrt(2) * np.linalg.eigh(matrix)[1][:, (prime + 1) // 2 :]


def _permutations() -> np.ndarray:
    rows = np.full((28, 8), -1.0)
    for row, pair in zip(rows, combinations(range(8), 2), strict=True):
        row[list(pair)] = 3
    # the simplex of 8 spans what is orthogonal to the constant, with columns of one length
    return rows @ (_simplex(8) * np.sqrt(7 / 8)) / np.sqrt(24)


def _steiner(points: int) -> np.ndarray:
    hadamard = np.ones((1, 1))
    while len(hadamard) < points:
        hadamard = np.kron([[1, 1], [1, -1]], hadamard)
    blocks = list(combinations(range(points), 2))
    frame = np.zeros((points, points, len(blocks)))
    for point in range(points):
        through = [number for number, block in enumerate(blocks) if point in block]
        # one row of the matrix for each block through the point, and one is left out
        frame[point][:, through] = hadamard[:, 1:]
    return frame.reshape(points**2, -1) / np.sqrt(points - 1)


def _complement(frame: np.ndarray) -> np.ndarray:
    """The tight frame whose columns complete those of another to an orthogonal basis."""
    n, m = frame.shape
    return np.linalg.qr(frame, mode="complete")[0][:, m:] * np.sqrt(n / (n - m))
