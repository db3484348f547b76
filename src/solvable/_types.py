"""Aliases for the array types in signatures, and the promotion that goes with them."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Real

RealLike = Real[ArrayLike, "..."]
"""A real number or an array of them, of any shape; integers are promoted to the default floating-point type."""


def promote(*values: RealLike) -> tuple[Float[Array, "..."], ...]:
    """Bring values to one floating-point type: that of the arrays among them, or JAX's default if all are integers.

    Plain Python numbers take the type of what they meet, as everywhere in JAX.
    """
    arrays = [jnp.asarray(value) for value in values]
    floating = [array for array in arrays if jnp.issubdtype(array.dtype, jnp.floating)]
    dtype = jnp.result_type(*floating) if floating else jnp.result_type(float)
    return tuple(jnp.asarray(array, dtype) for array in arrays)
