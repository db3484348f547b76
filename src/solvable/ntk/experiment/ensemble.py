"""Many networks, each trained from its own start, for the distribution over functions that they draw from."""

import numpy as np
from jaxtyping import Array, Float, Key

from solvable._types import place

from ..theory.duals import Activation
from .data import Inputs
from .descent import descend
from .many import a_few_at_a_time
from .networks import apply_mlp, init_mlp

AT_ONCE = 16
"""Networks that are trained side by side, so that they fit into the processor's cache."""


def run_ensemble(
    task: Inputs,
    width: int,
    *,
    networks: int,
    eta: float,
    steps: int,
    key: Key[Array, ""],
    hidden_layers: int = 3,
    activation: Activation = "relu",
    sigma_w: float = 1.0,
    sigma_b: float = 0.1,
) -> Float[np.ndarray, "networks m"]:
    """Train an ensemble and ask each network what it says at the test inputs; in float32.

    Args:
        task: training inputs and targets, test inputs.
        width: of every hidden layer.
        networks: how many.
        eta: learning rate on the mean loss.
        steps: of full-batch gradient descent.
        key: the source of randomness.
        hidden_layers: layers of units between input and output.
        activation: as for :func:`apply_mlp`.
        sigma_w: scale of the weights.
        sigma_b: scale of the biases.

    Returns:
        ``(networks, m)``.
    """
    settings = {"activation": activation, "sigma_w": sigma_w, "sigma_b": sigma_b}
    x, y, x_test = (place(part, "float32") for part in task)
    params = init_mlp((x.shape[1], *[width] * hidden_layers, 1), key=key, networks=networks, dtype="float32")

    def one(params):
        trained = descend(
            lambda p: apply_mlp(p, x, **settings)[:, 0], params, y, eta=eta, steps=np.array([steps])
        ).parameters
        return apply_mlp(trained, x_test, **settings)[:, 0]

    return np.asarray(a_few_at_a_time(one, params, AT_ONCE))
