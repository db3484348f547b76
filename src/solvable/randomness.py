"""From a JAX key to draws that are the same in every precision, and that no compilation has to wait for."""

import jax
import numpy as np
from jaxtyping import Array, Key


def generator(key: Key[Array, ""]) -> np.random.Generator:
    """A NumPy generator seeded by a JAX key: the same key gives the same draws, in float32 and in float64.

    >>> import jax
    >>> a, b = (generator(jax.random.key(0)).normal(size=3) for _ in range(2))
    >>> (a == b).all()
    np.True_
    """
    return np.random.default_rng(np.asarray(jax.random.key_data(key)))


def orthonormal_columns(rows: int, columns: int, draw: np.random.Generator) -> np.ndarray:
    """A ``(rows, columns)`` matrix, ``columns <= rows``, uniform among those with orthonormal columns."""
    q, r = np.linalg.qr(draw.normal(size=(rows, columns)))
    # QR leaves the signs to the library; fixing them makes the draw uniform
    return q * np.sign(np.diag(r))
