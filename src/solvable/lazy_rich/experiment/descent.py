"""The network itself, trained by automatic differentiation: it knows nothing of moments."""

import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, ArrayLike, Float, Int

from solvable import require, training
from solvable._types import RealLike, place
from solvable.training import Trained

from ..theory import committee_predict
from .task import Task


def train_committee(
    weights: Float[ArrayLike, "n d"],
    task: Task,
    *,
    alpha: RealLike,
    eps: RealLike,
    eta0: RealLike,
    steps: Int[np.ndarray, " n"],
    centred: bool = True,
) -> Trained:
    r"""Full-batch gradient descent on the mean squared error, with learning rate :math:`\eta_0 N / \alpha^2`.

    Args:
        weights: ``(N, D)``; the network at its start.
        task: what to learn.
        alpha: scale of the output; positive.
        eps: bend of the activation.
        eta0: learning rate in units of ``N / alpha²``; positive.
        steps: when to observe; strictly increasing.
        centred: whether what the network said at its start is subtracted from its output.

    Returns:
        The last weights, and at each step observed the training loss and the weights.
    """
    require.positive(alpha=alpha, eta0=eta0)
    weights, x, y = map(place, (weights, task.x, task.y))
    settings = {"alpha": alpha, "eps": eps}
    offset = committee_predict(weights, x, **settings) if centred else jnp.zeros_like(y)

    def loss(weights: Float[Array, "n d"]) -> Float[Array, ""]:
        return jnp.mean((committee_predict(weights, x, **settings) - offset - y) ** 2)

    optimiser = optax.sgd(eta0 * len(weights) / alpha**2)
    return training.train(loss, weights, optimiser, steps=steps, observe=lambda w: (loss(w), w))
