"""Full-batch gradient descent on the mean squared error, for networks and their linear models alike."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PyTree

from solvable import training
from solvable._types import RealLike
from solvable.training import Trained


def descend(
    predict: Callable[[PyTree], Float[Array, " n"]],
    params: PyTree,
    y: Float[Array, " n"],
    *,
    eta: RealLike,
    steps: np.ndarray,
    observe: Callable[[PyTree], PyTree] = lambda params: (),
    scale: RealLike = 1.0,
) -> Trained:
    r"""Minimise the mean loss :math:`\frac{1}{2N\alpha^2} \sum_i |f(x_i) - y_i|^2` in the parameters.

    Args:
        predict: outputs at the training inputs as a function of the parameters.
        params: where to start.
        y: ``(n,)``; targets.
        eta: learning rate; may be traced.
        steps: when to observe; strictly increasing whole numbers.
        observe: what to record then; nothing by default.
        scale: :math:`\alpha`, by which ``predict`` has multiplied the network; the loss is divided by its square, so
            that the pace of learning does not depend on it.

    Returns:
        Final parameters and what was observed.
    """

    def loss(params: PyTree) -> Float[Array, ""]:
        return jnp.mean((predict(params) - y) ** 2) / (2 * scale**2)

    return training.train(loss, params, optax.sgd(eta), steps=steps, observe=observe)
