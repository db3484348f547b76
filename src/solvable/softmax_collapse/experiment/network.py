"""A network of ReLUs whose first layer reads either a vector or the places of its ones."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, Shaped

from solvable._types import place
from solvable.randomness import generator


class Layer(NamedTuple):
    """Weights ``(inputs, outputs)``, and biases ``(outputs,)`` where there are any."""

    weights: Float[Array, "inputs outputs"]
    biases: Float[Array, " outputs"] | None


def initial_network(widths: Sequence[int], *, biases: bool, key: Key[Array, ""], dtype: str) -> tuple[Layer, ...]:
    r"""Layers of the given widths, from inputs to logits.

    All numbers are drawn uniformly from :math:`\pm 1/\sqrt{n}` for a layer of :math:`n` inputs, the default of PyTorch.
    """
    draw, layers = generator(key), []
    for inputs, outputs in pairwise(widths):
        bound = inputs**-0.5
        weights = draw.uniform(-bound, bound, size=(inputs, outputs))
        shifts = place(draw.uniform(-bound, bound, size=outputs), dtype) if biases else None
        layers.append(Layer(place(weights, dtype), shifts))
    return tuple(layers)


def logits_of(layers: tuple[Layer, ...], inputs: Shaped[Array, "n places"]) -> Float[Array, "n classes"]:
    """What the network says of each input."""
    hidden = None
    for layer in layers:
        if hidden is not None:
            values = jax.nn.relu(hidden) @ layer.weights
        elif jnp.issubdtype(inputs.dtype, jnp.integer):
            # a one in the input picks a row: cheaper than a product with a matrix of zeros
            values = jnp.sum(layer.weights[inputs], axis=1)
        else:
            values = inputs @ layer.weights
        hidden = values if layer.biases is None else values + layer.biases
    return hidden
