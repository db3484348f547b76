"""A network and its linear model, trained side by side by automatic differentiation."""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, Int, Key

from solvable import tangent_kernel
from solvable._types import place

from ..theory import critical_learning_rate, kernel_gradient_descent
from ..theory.duals import Activation
from .data import Inputs
from .descent import descend
from .networks import apply_mlp, empirical_ntk_mlp, init_mlp


class LinearRun(NamedTuple):
    """What each says at the test inputs along training.

    Attributes:
        steps: ``(n,)``; of gradient descent.
        network: ``(seeds, n, m)``.
        linear: ``(seeds, n, m)``; the network's linear model, trained in its parameters.
        recursion: ``(seeds, n, m)``; the kernel recursion with the network's kernel at birth, without any parameters.
    """

    steps: Int[np.ndarray, " n"]
    network: Float[np.ndarray, "seeds n m"]
    linear: Float[np.ndarray, "seeds n m"]
    recursion: Float[np.ndarray, "seeds n m"]


def run_linear_model(
    task: Inputs,
    width: int,
    *,
    seeds: int,
    key: Key[Array, ""],
    steps: int,
    hidden_layers: int = 2,
    activation: Activation = "erf",
    sigma_w: float = 1.5,
    sigma_b: float = 0.1,
) -> LinearRun:
    """Train both at half of the network's own critical learning rate, and compute what the kernel says of it.

    Args:
        task: training inputs and targets, test inputs.
        width: of every hidden layer.
        seeds: how many networks.
        key: the source of randomness.
        steps: of full-batch gradient descent on the mean loss, all observed.
        hidden_layers: layers of units between input and output.
        activation: as for :func:`apply_mlp`.
        sigma_w: scale of the weights.
        sigma_b: scale of the biases.

    Returns:
        Predictions along training.
    """
    settings = {"activation": activation, "sigma_w": sigma_w, "sigma_b": sigma_b}
    x, y, x_test = map(place, task)
    inputs, n, times = place(np.concatenate([task.x, task.x_test])), len(x), np.arange(steps + 1)

    def network(params, x):
        return apply_mlp(params, x, **settings)

    def one(params):
        kernel = empirical_ntk_mlp(params, inputs, **settings)
        eta = critical_learning_rate(kernel[:n, :n]).stable / 2
        runs = [
            descend(
                lambda p, m=model: m(p, x)[:, 0],
                params,
                y,
                eta=eta,
                steps=times,
                observe=lambda p, m=model: m(p, x_test)[:, 0],
            ).observed
            for model in (network, tangent_kernel.linearize(network, params))
        ]
        start = network(params, inputs)[:, 0]
        recursion = kernel_gradient_descent(
            kernel[:n, :n], y, eta=eta, steps=times, f0_t=start[:n], f0_s=start[n:], ntk_st=kernel[n:, :n]
        )
        return *runs, recursion.test

    params = init_mlp((x.shape[1], *[width] * hidden_layers, 1), key=key, networks=seeds)
    return LinearRun(times, *map(np.asarray, jax.jit(jax.vmap(one))(params)))
