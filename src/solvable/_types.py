"""Aliases for the array types in signatures, and the ways in which values become arrays of them."""

from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Real

RealLike = Real[ArrayLike, "..."]
"""A real number or an array of them, of any shape; integers are promoted to the default floating-point type."""


def place(value: ArrayLike, dtype: object = None) -> Array:
    """Bring a value to JAX without compiling anything; in JAX's default precision where ``dtype`` is not given.

    ``jnp.asarray`` compiles a program for every shape of NumPy array that it meets, which takes tens of milliseconds
    and keeps more than a megabyte.
    """
    if isinstance(value, jax.Array):
        return jnp.asarray(value, dtype)
    return jax.device_put(np.asarray(value, dtype))


def promote(*values: RealLike) -> tuple[Float[Array, "..."], ...]:
    """Bring values to one floating-point type: that of the arrays among them, or JAX's default if all are integers.

    Plain Python numbers take the type of what they meet, as everywhere in JAX.
    """
    arrays = [value if isinstance(value, np.ndarray) else jnp.asarray(value) for value in values]
    floating = [array for array in arrays if jnp.issubdtype(array.dtype, jnp.floating)]
    dtype = jnp.result_type(*floating) if floating else jnp.result_type(float)
    return tuple(place(array, dtype) for array in arrays)


def at_hand(*arrays: ArrayLike) -> tuple[ModuleType, tuple[ArrayLike, ...]]:
    """The library that does the bookkeeping around compiled functions, and the arrays as that library wants them.

    Where all values are known it is NumPy: to reshape, join and compare a few numbers, JAX would compile a program for
    every shape. Where some are traced it is ``jax.numpy``.
    """
    if any(isinstance(array, jax.core.Tracer) for array in arrays):
        return jnp, arrays
    return np, tuple(np.asarray(array) for array in arrays)
