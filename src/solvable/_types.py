"""Aliases for the array types in signatures."""

from jaxtyping import ArrayLike, Real

RealLike = Real[ArrayLike, "..."]
"""A real number or an array of them, of any shape; integers are promoted to the default floating-point type."""
