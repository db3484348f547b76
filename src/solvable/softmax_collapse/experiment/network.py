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


def network_logits(layers: tuple[Layer, ...], inputs: Shaped[Array, "n places"]) -> Float[Array, "n classes"]:
    r"""What a network of ReLUs says of each input.

    .. math::

        f(\theta; x) = W_L^\top \operatorname{ReLU}\big(\cdots \operatorname{ReLU}(W_1^\top x + b_1) \cdots\big) + b_L

    Args:
        layers: weights ``(inputs, outputs)`` and biases, as trained.
        inputs: as in a ``Task``: ``(n, places)`` whole numbers, or ``(n, width)``.

    Source: the networks of Prieto et al. (2025).
    """
    inputs, hidden = jnp.asarray(inputs), None
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
