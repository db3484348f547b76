"""A square network whose depth is a number in the data, so that code compiled once trains every depth."""

from functools import partial, reduce

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from solvable import require
from solvable._types import RealLike

LARGEST_WEIGHT = 1e8
"""Where diverging weights are held, so that their products stay finite numbers."""


def descend_stack(
    layers: Float[Array, "most n n"], target: Float[Array, "n n"], depth: RealLike, *, eta: RealLike, steps: int
) -> Float[Array, "observed n n"]:
    r"""Gradient descent on :math:`\frac12 \lVert \Sigma^{yx} - W_L \cdots W_1 \rVert_F^2` by automatic differentiation.

    Args:
        layers: weights at the start, from the input to the output; those beyond ``depth`` are left out of the product.
        target: the correlations :math:`\Sigma^{yx}` of whitened inputs.
        depth: number :math:`L` of layers that are used; a scalar from 1 to ``most``, which may be traced.
        eta: learning rate; positive.
        steps: number of steps; at least 1.

    Returns:
        The product before the first step and after each. Weights are held at :data:`LARGEST_WEIGHT`: a run that
        diverges stays finite, and is far from every target.

    Raises:
        ValueError: an argument lies outside its domain.

    >>> one = jnp.ones((3, 1, 1))
    >>> descend_stack(0.5 * one, one[0], 1, eta=0.5, steps=2).ravel().tolist()
    [0.5, 0.75, 0.875]
    """
    require.within(1, len(layers), depth=depth)
    require.positive(eta=eta)
    require.integer(1, steps=steps)
    return _descend_stack(layers, target, jnp.asarray(depth, layers.dtype), jnp.asarray(eta, layers.dtype), steps=steps)


@partial(jax.jit, static_argnames="steps")
def _descend_stack(layers, target, depth, eta, *, steps):
    identity = jnp.eye(target.shape[0], dtype=layers.dtype)
    used = jnp.arange(len(layers)).astype(layers.dtype) < depth

    def product(layers):
        kept = [jnp.where(used[i], layer, identity) for i, layer in enumerate(layers)]
        return reduce(lambda below, layer: layer @ below, kept)

    def loss(layers):
        return 0.5 * jnp.sum((target - product(layers)) ** 2)

    def step(layers, _):
        moved = layers - eta * jax.grad(loss)(layers)
        return jnp.clip(moved, -LARGEST_WEIGHT, LARGEST_WEIGHT), product(layers)

    return jax.lax.scan(step, layers, length=steps + 1)[1]
