"""How the weights start: aligned with the data, Gaussian, orthogonal, or balanced up to a multiple of the identity.

Every function returns the weight matrices from the input to the output, ``(n_1, n_0), (n_2, n_1), ...``, in float64.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Array, Float, Key, Real

from solvable import require
from solvable.randomness import generator, orthonormal_columns

Numbers = Sequence[float | int] | Real[np.ndarray, " _"]
Weights = tuple[Float[np.ndarray, "_ _"], ...]


def decoupled_initialisation(
    u: Float[np.ndarray, "n_out modes"],
    v: Float[np.ndarray, "n_in modes"],
    u0: float,
    hidden: int,
    *,
    depth: int = 2,
    key: Key[Array, ""],
) -> Weights:
    r"""Layers that are aligned with the modes of the data and share each mode's strength equally.

    .. math:: W_1 = u_0^{1/L} R_1 V^\top, \quad W_l = u_0^{1/L} R_l R_{l-1}^\top, \quad
              W_L = u_0^{1/L} U R_{L-1}^\top

    with random :math:`R_l` of orthonormal columns, so that :math:`W_L \cdots W_1 = u_0 U V^\top` and every mode learns
    as if it were alone.

    Args:
        u: left singular vectors of the input–output correlations, a column a mode.
        v: right singular vectors.
        u0: initial strength of every mode; non-negative.
        hidden: width of every hidden layer; at least the number of modes.
        depth: number of weight matrices ``L``; at least 1.
        key: the source of randomness.

    Returns:
        The ``depth`` weight matrices.

    Raises:
        ValueError: an argument lies outside its domain, or the hidden layers are narrower than the modes are many.

    Source: derived in the chapter.

    >>> import jax
    >>> w1, w2 = decoupled_initialisation(np.eye(3, 2), np.eye(4, 2), 0.01, 5, key=jax.random.key(0))
    >>> bool(np.allclose(w2 @ w1, 0.01 * np.eye(3, 2) @ np.eye(4, 2).T))
    True
    """
    modes = np.shape(u)[-1]
    require.shape((None, modes), u=u, v=v)
    require.non_negative(u0=u0)
    require.integer(1, depth=depth)
    if depth > 1:
        require.integer(modes, hidden=hidden)
    draw = generator(key)
    frames = [v, *(orthonormal_columns(hidden, modes, draw) for _ in range(depth - 1)), u]
    share = u0 ** (1 / depth)
    return tuple(share * after @ before.T for before, after in pairwise(frames))


def gaussian_initialisation(widths: Sequence[int], scale: float = 1.0, *, key: Key[Array, ""]) -> Weights:
    r"""Independent normal entries of variance ``scale**2 / n_in``, with ``n_in`` the width that a matrix reads.

    Args:
        widths: widths of all layers from the input to the output; at least two.
        scale: standard deviation in units of ``1 / sqrt(n_in)``; non-negative.
        key: the source of randomness.

    Returns:
        One matrix less than there are widths.

    Raises:
        ValueError: fewer than two widths, or an argument outside its domain.

    >>> import jax
    >>> [w.shape for w in gaussian_initialisation((4, 16, 7), key=jax.random.key(0))]
    [(16, 4), (7, 16)]
    """
    _require_widths(widths)
    require.non_negative(scale=scale)
    draw = generator(key)
    return tuple(scale * draw.normal(size=(rows, columns)) / np.sqrt(columns) for columns, rows in pairwise(widths))


def normal_initialisation(widths: Sequence[int], deviation: float, *, key: Key[Array, ""]) -> Weights:
    """Independent normal entries of one standard deviation in every layer, whatever its width.

    Args:
        widths: widths of all layers from the input to the output; at least two.
        deviation: standard deviation of every entry; non-negative.
        key: the source of randomness.

    Returns:
        One matrix less than there are widths.

    Raises:
        ValueError: fewer than two widths, or an argument outside its domain.

    >>> import jax
    >>> [w.shape for w in normal_initialisation((4, 16, 7), 1e-4, key=jax.random.key(0))]
    [(16, 4), (7, 16)]
    """
    _require_widths(widths)
    require.non_negative(deviation=deviation)
    draw = generator(key)
    return tuple(deviation * draw.normal(size=(rows, columns)) for columns, rows in pairwise(widths))


def orthogonal_initialisation(widths: Sequence[int], gain: float = 1.0, *, key: Key[Array, ""]) -> Weights:
    r"""Matrices with all singular values equal to ``gain``: ``gain`` times an orthogonal one, cut where not square.

    A matrix with fewer rows than columns has orthonormal rows (times ``gain``), one with fewer columns has orthonormal
    columns.

    Args:
        widths: widths of all layers from the input to the output; at least two.
        gain: the common singular value; non-negative.
        key: the source of randomness.

    Returns:
        One matrix less than there are widths.

    Raises:
        ValueError: fewer than two widths, or an argument outside its domain.

    >>> import jax
    >>> (w,) = orthogonal_initialisation((6, 4), key=jax.random.key(0))
    >>> bool(np.allclose(w @ w.T, np.eye(4)))
    True
    """
    _require_widths(widths)
    require.non_negative(gain=gain)
    draw = generator(key)
    layers = []
    for columns, rows in pairwise(widths):
        tall = orthonormal_columns(max(rows, columns), min(rows, columns), draw)
        layers.append(gain * (tall if rows >= columns else tall.T))
    return tuple(layers)


def balanced_initialisation(
    singular_values: Numbers,
    n_in: int,
    n_hidden: int,
    n_out: int,
    lam: float = 0.0,
    *,
    key: Key[Array, ""],
) -> Weights:
    r"""Two random layers whose imbalance is a multiple of the identity.

    .. math:: W_2^\top W_2 - W_1 W_1^\top = \lambda I

    Each singular value :math:`\sigma` of :math:`W_2 W_1` is shared so that the layers' own singular values
    :math:`\sigma_2 \sigma_1 = \sigma` have :math:`\sigma_2^2 - \sigma_1^2 = \lambda`; hidden directions that carry no
    singular value hold :math:`\sqrt{|\lambda|}` in one layer and nothing in the other.

    Args:
        singular_values: of the product ``W_2 W_1``; non-negative, at most ``min(n_in, n_hidden, n_out)`` of them.
        n_in: number of inputs.
        n_hidden: number of hidden units; at most ``n_out`` where ``lam > 0`` and at most ``n_in`` where ``lam < 0``.
        n_out: number of outputs.
        lam: the imbalance; above 0 the second layer is the larger.
        key: the source of randomness.

    Returns:
        ``(W_1, W_2)``.

    Raises:
        ValueError: an argument lies outside its domain, or no weights of these shapes have this imbalance.

    Source: derived in the chapter.

    >>> import jax
    >>> w1, w2 = balanced_initialisation([0.3, 0.1], 3, 2, 4, 1.5, key=jax.random.key(0))
    >>> bool(np.allclose(w2.T @ w2 - w1 @ w1.T, 1.5 * np.eye(2)))
    True
    """
    sigma = np.asarray(singular_values, dtype=float)
    require.shape((None,), singular_values=sigma)
    require.non_negative(singular_values=sigma)
    require.finite(lam=lam)
    require.integer(1, n_in=n_in, n_hidden=n_hidden, n_out=n_out)
    if sigma.size > min(n_in, n_hidden, n_out):
        raise ValueError(
            f"singular_values must be at most {min(n_in, n_hidden, n_out)} for these shapes, got {sigma.size} of them"
        )
    if lam > 0 and n_hidden > n_out:
        raise ValueError(f"n_hidden must be at most n_out = {n_out} where lam > 0, got {n_hidden}")
    if lam < 0 and n_hidden > n_in:
        raise ValueError(f"n_hidden must be at most n_in = {n_in} where lam < 0, got {n_hidden}")
    draw = generator(key)
    # where lam is not zero every hidden direction carries something; surplus ones belong to the larger layer alone
    carried = np.zeros(n_hidden if lam else sigma.size)
    carried[: sigma.size] = sigma
    larger = np.sqrt((np.hypot(lam, 2 * carried) + abs(lam)) / 2)
    smaller = np.divide(carried, larger, out=np.zeros_like(carried), where=larger > 0)
    first, second = (smaller, larger) if lam > 0 else (larger, smaller)
    hidden = orthonormal_columns(n_hidden, carried.size, draw)
    v = orthonormal_columns(n_in, min(n_in, carried.size), draw)
    u = orthonormal_columns(n_out, min(n_out, carried.size), draw)
    w1 = hidden[:, : v.shape[1]] * first[: v.shape[1]] @ v.T
    w2 = u * second[: u.shape[1]] @ hidden[:, : u.shape[1]].T
    return w1, w2


def _require_widths(widths: Sequence[int]) -> None:
    require.integer(1, widths=widths)
    if len(widths) < 2:
        raise ValueError(f"widths must hold at least two numbers, got {list(widths)}")
