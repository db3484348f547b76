"""Dense networks of finite width: their parameters, their outputs, and their kernel layer by layer."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from solvable import require
from solvable._types import place
from solvable.randomness import generator

from ..theory.duals import Activation, activation_function

PARAMETRISATIONS = ("ntk", "standard", "mean_field")


class Layer(NamedTuple):
    """One dense layer.

    Attributes:
        weights: ``(n_out, n_in)``; leading axes, here and below, are those of a batch of networks.
        biases: ``(n_out,)``.
    """

    # sizes differ from layer to layer, so their names must not be tied to each other
    weights: Float[Array, "..."]
    biases: Float[Array, "..."]


Params = tuple[Layer, ...]


def init_mlp(
    widths: Sequence[int],
    *,
    key: Key[Array, ""],
    parametrisation: str = "ntk",
    sigma_w: float = 1.0,
    sigma_b: float = 0.1,
    networks: int | None = None,
    dtype: str | None = None,
) -> Params:
    r"""Draw the parameters of a dense network.

    Every entry is standard normal in the ``ntk`` and ``mean_field`` parametrisations, where :func:`apply_mlp` scales
    it; in the ``standard`` one weights have the variance :math:`\sigma_w^2 / n_{\text{in}}` and biases
    :math:`\sigma_b^2`.

    Args:
        widths: of the input, each hidden layer, and the output.
        key: the source of randomness; the same key gives the same draw in every precision.
        parametrisation: ``ntk``, ``standard`` or ``mean_field``.
        sigma_w: scale of the weights; positive; used by ``standard``.
        sigma_b: scale of the biases; not negative; used by ``standard``.
        networks: how many independent networks to draw, along a new first axis of every array; one, without that axis,
            by default.
        dtype: ``float32`` or ``float64``; JAX's default precision where it is not given.

    Returns:
        One layer for each pair of adjacent widths.

    Raises:
        ValueError: an argument lies outside its domain.

    >>> [layer.weights.shape for layer in init_mlp((2, 5, 1), key=jax.random.key(0))]
    [(5, 2), (1, 5)]
    """
    _check_scales(parametrisation, sigma_w, sigma_b)
    require.integer(1, widths=widths)
    if len(widths) < 2:
        raise ValueError(f"widths must be at least those of input and output, got {tuple(widths)}")
    if networks is not None:
        require.integer(1, networks=networks)
    draw = generator(key)
    batch = () if networks is None else (networks,)
    layers = []
    for n_in, n_out in pairwise(widths):
        scale_w, scale_b = (sigma_w / np.sqrt(n_in), sigma_b) if parametrisation == "standard" else (1.0, 1.0)
        weights = scale_w * draw.normal(size=(*batch, n_out, n_in))
        layers.append(Layer(place(weights, dtype), place(scale_b * draw.normal(size=(*batch, n_out)), dtype)))
    return tuple(layers)


def apply_mlp(
    params: Params,
    x: Float[Array, "n n_in"],
    *,
    activation: Activation,
    sigma_w: float = 1.0,
    sigma_b: float = 0.1,
    parametrisation: str = "ntk",
) -> Float[Array, "n n_out"]:
    r"""Outputs of a dense network.

    .. math::

        z^{(l+1)} = \frac{\sigma_w}{\sqrt{n_l}} W^{(l)} h^{(l)} + \sigma_b b^{(l)}, \qquad
        h^{(l)} = \phi(z^{(l)}), \qquad h^{(0)} = x, \qquad f = z^{(H + 1)}

    in the ``ntk`` parametrisation. ``standard`` has no factors, since its parameters carry them. ``mean_field`` divides
    the output of ``ntk`` by another :math:`\sqrt{n_H}`: an average over the last hidden layer in the place of a sum of
    random signs.

    Args:
        params: from :func:`init_mlp`, of the same parametrisation.
        x: ``(n, n_in)``; inputs, a row each.
        activation: ``relu``, ``erf``, ``linear``, or any function that acts on each entry by itself.
        sigma_w: scale of the weights; positive.
        sigma_b: scale of the biases; not negative.
        parametrisation: ``ntk``, ``standard`` or ``mean_field``.

    Returns:
        ``(n, n_out)``.

    Raises:
        ValueError: an argument lies outside its domain.

    >>> params = (Layer(jnp.array([[2.0, 0.0]]), jnp.array([3.0])),)
    >>> apply_mlp(params, jnp.array([[4.0, 5.0]]), activation="relu", sigma_w=2**0.5, sigma_b=1.0).tolist()
    [[11.0]]
    """
    _check_scales(parametrisation, sigma_w, sigma_b)
    return _forward(params, x, activation_function(activation), _scales(params, sigma_w, sigma_b, parametrisation))[-1]


def _check_scales(parametrisation, sigma_w, sigma_b) -> None:
    require.one_of(PARAMETRISATIONS, parametrisation=parametrisation)
    require.positive(sigma_w=sigma_w)
    require.non_negative(sigma_b=sigma_b)


def _scales(params, sigma_w, sigma_b, parametrisation) -> list[tuple[Array, Array]]:
    """What the weights and the biases of each layer are multiplied by."""
    dtype = params[0].weights.dtype
    if parametrisation == "standard":
        scales = [(1.0, 1.0)] * len(params)
    else:
        scales = [(sigma_w / layer.weights.shape[-1] ** 0.5, sigma_b) for layer in params]
        if parametrisation == "mean_field":
            root = params[-1].weights.shape[-1] ** 0.5
            scales[-1] = (scales[-1][0] / root, scales[-1][1] / root)
    return [(jnp.asarray(w, dtype), jnp.asarray(b, dtype)) for w, b in scales]


def _forward(params, x, activation, scales) -> list[Array]:
    """Preactivations of every layer, the output last."""
    preactivations = []
    for index, (layer, (scale_w, scale_b)) in enumerate(zip(params, scales, strict=True)):
        h = x if index == 0 else activation(preactivations[-1])
        preactivations.append(scale_w * (h @ layer.weights.T) + scale_b * layer.biases)
    return preactivations


def empirical_ntk_mlp(
    params: Params,
    x1: Float[Array, "n1 n_in"],
    x2: Float[Array, "n2 n_in"] | None = None,
    *,
    activation: Activation,
    sigma_w: float = 1.0,
    sigma_b: float = 0.1,
    parametrisation: str = "ntk",
    block: int | None = None,
) -> Float[Array, "n1 n2"]:
    r"""Neural tangent kernel of a dense network as it stands, layer by layer.

    .. math::

        \Theta(x, x') = \sum_l \left(\frac{\sigma_w^2}{n_l}\, h^{(l)}(x) \cdot h^{(l)}(x') + \sigma_b^2\right)
        \delta^{(l+1)}(x) \cdot \delta^{(l+1)}(x'), \qquad
        \delta^{(l)} = \frac{\partial f}{\partial z^{(l)}}

    The gradient of a weight is a product of what enters the layer and what comes back to it, so that inner products of
    gradients are products of two small inner products. That costs :math:`O(N^2 n H)` and memory for activations
    alone, where gradients cost :math:`O(N^2 n^2 H)` and memory for every parameter and input.

    Args:
        params: from :func:`init_mlp`.
        x1: ``(n1, n_in)``; inputs of the rows.
        x2: ``(n2, n_in)``; inputs of the columns; ``x1`` by default.
        activation: as for :func:`apply_mlp`.
        sigma_w: scale of the weights; positive.
        sigma_b: scale of the biases; not negative.
        parametrisation: ``ntk``, ``standard`` or ``mean_field``.
        block: rows to compute at a time, which bounds the memory beside the result; all by default.

    Returns:
        ``(n1, n2)``; averaged over outputs where there are several. No mean over inputs is taken.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.

    >>> params = (Layer(jnp.array([[2.0, 0.0]]), jnp.array([3.0])),)
    >>> empirical_ntk_mlp(params, jnp.array([[4.0, 6.0]]), activation="relu", sigma_b=1.0).round(6).tolist()
    [[27.0]]
    """
    _check_scales(parametrisation, sigma_w, sigma_b)
    if block is not None:
        require.integer(1, block=block)
    return _kernel(
        params, x1, x2, sigma_w, sigma_b, activation=activation, parametrisation=parametrisation, block=block
    )


@partial(jax.jit, static_argnames=("activation", "parametrisation", "block"))
def _kernel(params, x1, x2, sigma_w, sigma_b, *, activation, parametrisation, block):
    phi = activation_function(activation)
    scales = _scales(params, sigma_w, sigma_b, parametrisation)

    def sides(x):
        return _sides(params, x, phi, scales)

    columns = sides(x1 if x2 is None else x2)
    if block is None:
        return _pair(columns if x2 is None else sides(x1), columns, scales)
    return jax.lax.map(lambda one: _pair(sides(one[None]), columns, scales)[0], x1, batch_size=block)


def _sides(params, x, phi, scales):
    """What enters each layer, ``(n, n_in)``, and what comes back to it, ``(outputs, n, n_out)``."""
    preactivations = _forward(params, x, phi, scales)
    entering, slopes = [x], []
    for z in preactivations[:-1]:
        h, slope = jax.jvp(phi, (z,), (jnp.ones_like(z),))
        entering.append(h)
        slopes.append(slope)
    outputs = preactivations[-1].shape[-1]
    back = jnp.broadcast_to(jnp.eye(outputs, dtype=x.dtype)[:, None], (outputs, len(x), outputs))
    coming_back = [back]
    for layer, (scale_w, _), slope in zip(params[:0:-1], scales[:0:-1], slopes[::-1], strict=True):
        back = scale_w * (back @ layer.weights) * slope
        coming_back.append(back)
    return entering, coming_back[::-1]


def _pair(rows, columns, scales):
    kernel = 0.0
    for h1, d1, h2, d2, (scale_w, scale_b) in zip(*rows, *columns, scales, strict=True):
        inner = jnp.einsum("cip,cjp->ij", d1, d2) / d1.shape[0]
        kernel = kernel + (scale_w**2 * (h1 @ h2.T) + scale_b**2) * inner
    return kernel
