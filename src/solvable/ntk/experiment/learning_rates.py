"""Learning rates below and above the critical one: a linear model, a network, and the smallest network of all."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from solvable import tangent_kernel
from solvable._types import place
from solvable.randomness import generator

from ..theory import Catapult, critical_learning_rate
from ..theory.duals import Activation
from .data import Inputs
from .descent import descend
from .many import at_every
from .networks import apply_mlp, empirical_ntk_mlp, init_mlp


class RateSweep(NamedTuple):
    """A network and its linear model, trained at several learning rates from several seeds.

    Attributes:
        rates: ``(rates,)``; learning rates, in units of each network's own critical rate at birth.
        steps: ``(n,)``; when the runs were observed.
        linear_loss: ``(rates, seeds, n)``; mean loss of the linear model.
        loss: ``(rates, seeds, n)``; of the network.
        sharpness: ``(rates, seeds, n)``; largest eigenvalue of the network's kernel, relative to that at birth.
    """

    rates: Float[np.ndarray, " rates"]
    steps: Int[np.ndarray, " n"]
    linear_loss: Float[np.ndarray, "rates seeds n"]
    loss: Float[np.ndarray, "rates seeds n"]
    sharpness: Float[np.ndarray, "rates seeds n"]


def run_learning_rates(
    task: Inputs,
    rates: Sequence[float],
    *,
    seeds: int,
    key: Key[Array, ""],
    width: int = 128,
    hidden_layers: int = 2,
    activation: Activation = "erf",
    sigma_w: float = 1.5,
    sigma_b: float = 0.1,
    steps: Int[np.ndarray, " n"],
) -> RateSweep:
    """Train a network and the model that is linear in its parameters, both by automatic differentiation.

    Args:
        task: training inputs and targets; its test inputs are not used.
        rates: in units of the critical learning rate of each network at birth; positive.
        seeds: networks for each rate, the same for all.
        key: the source of randomness.
        width: of every hidden layer.
        hidden_layers: layers of units between input and output.
        activation: as for :func:`apply_mlp`.
        sigma_w: scale of the weights.
        sigma_b: scale of the biases.
        steps: when to observe; strictly increasing.

    Returns:
        Losses and sharpness along every run; not finite where it has diverged.
    """
    settings = {"activation": activation, "sigma_w": sigma_w, "sigma_b": sigma_b}
    x, y = place(task.x), place(task.y)

    def network(params, x):
        return apply_mlp(params, x, **settings)

    def one(params, rate):
        eta = rate * critical_learning_rate(empirical_ntk_mlp(params, x, **settings)).stable
        linear = tangent_kernel.linearize(network, params)

        def loss(model, p):
            return jnp.mean((model(p, x)[:, 0] - y) ** 2) / 2

        def sharpness(p):
            return jnp.linalg.eigvalsh(empirical_ntk_mlp(p, x, **settings))[-1]

        runs = [
            descend(lambda p, m=model: m(p, x)[:, 0], params, y, eta=eta, steps=steps, observe=observe).observed
            for model, observe in (
                (linear, lambda p: loss(linear, p)),
                (network, lambda p: (loss(network, p), sharpness(p))),
            )
        ]
        losses, sharp = runs[1]
        return runs[0], losses, sharp / sharp[0]

    params = init_mlp((x.shape[1], *[width] * hidden_layers, 1), key=key, networks=seeds)
    found = at_every(one, params, place(np.asarray(rates), x.dtype))
    return RateSweep(np.asarray(rates, dtype=float), np.asarray(steps), *map(np.asarray, found))


def run_catapult(width: int, *, eta: float, steps: int, key: Key[Array, ""]) -> tuple[Catapult, float]:
    r"""Train a two-layer linear network, :math:`f = u \cdot v / \sqrt{n}`, on one example whose target is 0.

    Args:
        width: number of hidden units.
        eta: learning rate times the initial kernel, :math:`\eta \lambda_0`.
        steps: of gradient descent.
        key: the source of randomness.

    Returns:
        Output and kernel along the run, and the learning rate.
    """
    layers = tuple(place(part) for part in generator(key).normal(size=(2, width)))
    rate = eta / float(_tangent_kernel(layers))
    return Catapult(*_descend(layers, rate, steps=steps)), rate


def _output(layers):
    return layers[0] @ layers[1] / layers[0].size ** 0.5


def _tangent_kernel(layers):
    return sum(jnp.sum(layer**2) for layer in layers) / layers[0].size


@partial(jax.jit, static_argnames="steps")
def _descend(layers, rate, *, steps):
    return descend(
        lambda layers: _output(layers)[None],
        layers,
        jnp.zeros(1, layers[0].dtype),
        eta=rate,
        steps=np.arange(steps + 1),
        observe=lambda layers: (_output(layers), _tangent_kernel(layers)),
    ).observed
