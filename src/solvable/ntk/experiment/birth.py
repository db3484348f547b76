"""Networks at birth, drawn without their weights: what the weights do to a few inputs has a law of its own.

A Gaussian matrix ``W`` meets the activations of ``N`` inputs only through its products with them, forward and backward.
Write the activations as ``h = Q R`` with orthonormal columns ``Q``: then ``W Q`` is a matrix of independent normal
numbers, and the part of ``W`` that acts beside ``Q`` is independent of everything the forward pass has seen. The
backward pass meets that other part for the first time. So a network of width ``n`` is drawn, exactly in
distribution, from ``n N`` normal numbers a layer in each direction, and ``n = 10 000`` costs no more than its
activations.
"""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special
from jaxtyping import Array, Float, Key

from solvable import require
from solvable.randomness import generator

from ..theory.duals import Activation, activation_function

# without a compilation for every width, which would take longer than the draw
_ON_ARRAYS = {
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(z.dtype)),
    "erf": (scipy.special.erf, lambda z: 2 / np.sqrt(np.pi) * np.exp(-(z**2))),
    "linear": (lambda z: z, np.ones_like),
}
ENTRIES = 500_000
"""Activations of one layer that are held at a time."""


def sample_outputs_at_birth(
    x: Float[np.ndarray, "n n_in"],
    *,
    width: int,
    hidden_layers: int,
    activation: Activation,
    sigma_w: float = 1.0,
    sigma_b: float = 0.1,
    networks: int,
    key: Key[Array, ""],
) -> Float[np.ndarray, "networks n"]:
    """Outputs of many independent networks at initialisation, in the NTK parametrisation.

    Args:
        x: ``(n, n_in)``; inputs, a row each; at most ``width``.
        width: of every hidden layer.
        hidden_layers: layers of units between input and output; at least 1.
        activation: as for :func:`apply_mlp`.
        sigma_w: scale of the weights; positive.
        sigma_b: scale of the biases; not negative.
        networks: how many.
        key: the source of randomness.

    Returns:
        ``(networks, n)``; one output of each network at each input.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.
    """
    draw, phi, _ = _ready(x, width, hidden_layers, activation, sigma_w, sigma_b, key)
    require.integer(1, networks=networks)
    at_once = max(1, ENTRIES // (width * len(x)))
    counts = [min(at_once, networks - start) for start in range(0, networks, at_once)]
    return np.concatenate([_outputs(x, width, hidden_layers, phi, sigma_w, sigma_b, count, draw) for count in counts])


def _outputs(x, width, hidden_layers, phi, sigma_w, sigma_b, networks, draw):
    z = _first_layer(x, width, sigma_w, sigma_b, draw, networks)
    for _ in range(hidden_layers - 1):
        root = np.linalg.qr(phi(z), mode="r")
        z = _mix(draw.normal(size=z.shape) @ root, width, sigma_w, sigma_b, draw)
    readout = draw.normal(size=(networks, 1, width))
    bias = sigma_b * draw.normal(size=(networks, 1))
    return sigma_w / np.sqrt(width) * (readout @ phi(z))[:, 0] + bias


def sample_ntk_at_birth(
    x: Float[np.ndarray, "n n_in"],
    *,
    width: int,
    hidden_layers: int,
    activation: Activation,
    sigma_w: float = 1.0,
    sigma_b: float = 0.1,
    key: Key[Array, ""],
) -> Float[np.ndarray, "n n"]:
    """Neural tangent kernel of one network at initialisation, in the NTK parametrisation.

    Args:
        x: ``(n, n_in)``; inputs, a row each; at most ``width``.
        width: of every hidden layer.
        hidden_layers: layers of units between input and output; at least 1.
        activation: as for :func:`apply_mlp`.
        sigma_w: scale of the weights; positive.
        sigma_b: scale of the biases; not negative.
        key: the source of randomness.

    Returns:
        ``(n, n)``; no mean over inputs is taken.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.
    """
    draw, phi, slope = _ready(x, width, hidden_layers, activation, sigma_w, sigma_b, key)
    scale = sigma_w / np.sqrt(width)
    entering = [(sigma_w / np.sqrt(x.shape[1])) * x.T]
    z = _first_layer(x, width, sigma_w, sigma_b, draw, 1)[0]
    slopes, seen = [slope(z)], []
    for _ in range(hidden_layers - 1):
        h = phi(z)
        q, r = np.linalg.qr(h)
        image = draw.normal(size=(width, len(q.T)))
        seen.append((q, image))
        entering.append(scale * h)
        z = _mix(image @ r, width, sigma_w, sigma_b, draw)
        slopes.append(slope(z))
    entering.append(scale * phi(z))
    back = scale * draw.normal(size=(width, 1)) * slopes.pop()
    coming_back = [np.ones((1, len(x))), back]
    while slopes:
        q, image = seen.pop()
        fresh = draw.normal(size=back.shape) @ np.linalg.qr(back, mode="r")
        # beside what the forward pass has seen, the weights are still to be drawn
        returned = q @ (image.T @ back) + fresh - q @ (q.T @ fresh)
        back = scale * returned * slopes.pop()
        coming_back.append(back)
    pairs = zip(entering[::-1], coming_back, strict=True)
    return sum((h.T @ h + sigma_b**2) * (d.T @ d) for h, d in pairs)


def _ready(x, width, hidden_layers, activation, sigma_w, sigma_b, key):
    require.shape((None, None), x=x)
    require.finite(x=x)
    require.integer(len(x), width=width)
    require.integer(1, hidden_layers=hidden_layers)
    require.positive(sigma_w=sigma_w)
    require.non_negative(sigma_b=sigma_b)
    return generator(key), *_on_arrays(activation)


@cache
def _on_arrays(activation):
    """The activation and its derivative, from arrays of NumPy to arrays of NumPy."""
    if activation in _ON_ARRAYS:
        return _ON_ARRAYS[activation]
    phi = activation_function(activation)
    slope = jax.jit(lambda z: jax.jvp(phi, (z,), (jnp.ones_like(z),))[1])
    value = jax.jit(phi)
    return lambda z: np.asarray(value(z)), lambda z: np.asarray(slope(z))


def _first_layer(x, width, sigma_w, sigma_b, draw, networks):
    weights = draw.normal(size=(networks, width, x.shape[1]))
    return sigma_w / np.sqrt(x.shape[1]) * weights @ x.T + sigma_b * draw.normal(size=(networks, width, 1))


def _mix(products, width, sigma_w, sigma_b, draw):
    biases = sigma_b * draw.normal(size=(*products.shape[:-1], 1))
    return sigma_w / np.sqrt(width) * products + biases
