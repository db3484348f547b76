"""One run for each of many networks, compiled together."""

from collections.abc import Callable

import jax
from jaxtyping import Array, Float, PyTree


def at_every(run: Callable[[PyTree, Array], PyTree], networks: PyTree, values: Float[Array, "values ..."]) -> PyTree:
    """``run(network, value)`` for every network at every value, along new axes of values and networks."""
    over_networks = jax.vmap(run, in_axes=(0, None))
    return jax.jit(jax.vmap(over_networks, in_axes=(None, 0)))(networks, values)


def a_few_at_a_time(run: Callable[[PyTree], PyTree], networks: PyTree, at_once: int) -> PyTree:
    """``run(network)`` for every network, ``at_once`` of them side by side: no more than a cache and a memory hold."""
    return jax.jit(lambda networks: jax.lax.map(run, networks, batch_size=at_once))(networks)
