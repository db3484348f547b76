"""The smallest model of superposition, trained from many starts at many densities at once."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Key, Shaped

from solvable import require
from solvable._types import place
from solvable.randomness import generator
from solvable.training import train

from ..theory.geometry import feature_geometry
from ..theory.small_model import LARGEST, expected_loss

FLAT = 20
"""The learning rate stays at its peak for one part in so many of the steps, then falls to 0 along a cosine."""


class SmallModels(NamedTuple):
    """Trained models; every density has the same starts.

    Attributes:
        densities: ``(d,)``; at which they were trained.
        importance: ``(n,)``; of the features.
        weights: ``(d, restarts, n, m)``; rows are features.
        biases: ``(d, restarts, n)``.
        loss: ``(d, restarts)``; exact, summed over the features.
    """

    densities: Float[np.ndarray, " d"]
    importance: Float[np.ndarray, " n"]
    weights: Float[np.ndarray, "d restarts n m"]
    biases: Float[np.ndarray, "d restarts n"]
    loss: Float[np.ndarray, "d restarts"]

    def best(self) -> "SmallModels":
        """The start with the least loss at each density; the axis of restarts stays, with one entry."""
        chosen = np.argmin(self.loss, axis=1)[:, None]
        every = np.arange(len(self.densities))[:, None]
        return self._replace(**{name: getattr(self, name)[every, chosen] for name in ("weights", "biases", "loss")})

    def forms(self, **tolerances: float) -> Shaped[np.ndarray, "d restarts"]:
        """Name of the figure that the features of each model make; see :func:`feature_geometry`, for planes only."""
        names = [feature_geometry(weights, **tolerances).form for models in self.weights for weights in models]
        return np.array(names).reshape(self.loss.shape)


def train_small_model(
    densities: Float[np.ndarray, " d"],
    *,
    restarts: int,
    key: Key[Array, ""],
    n: int = 5,
    m: int = 2,
    importance: float = 1.0,
    steps: int = 3000,
    batch: int = 256,
    learning_rate: float = 1e-2,
) -> SmallModels:
    r"""Train models of ``n`` features in ``m`` dimensions from several starts at each density, in single precision.

    .. math:: L = \sum_i I^i\, E\,(x_i - y_i)^2, \quad i = 0, 1, \dots, \qquad y = \operatorname{ReLU}(W W^\top x + b)

    by Adam on fresh examples. All models see the same uniform numbers ``u``: a feature has the value ``u/p`` where
    ``u < p`` and 0 elsewhere, which is uniform where it is active. A step draws no more for all of them than for one.

    Args:
        densities: ``(d,)``; probabilities that a feature is active, above 0 and at most 1.
        restarts: starts at each density, the same for all; weights are normal with the variance ``2 / (n + m)``, biases
            are 0.
        key: the source of randomness.
        n: number of features, at most 8, so that the loss is known exactly.
        m: number of dimensions.
        importance: ``I``, by which each feature matters less than the one before; 1 if all matter the same.
        steps: of training.
        batch: examples in a step.
        learning_rate: constant for a twentieth of the steps, then along a cosine to 0.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: Elhage et al. (2022); the number of steps, the schedule and the shared examples are this book's.
    """
    require.shape((None,), densities=densities)
    require.within(0, 1, densities=densities)
    require.positive(densities=densities, importance=importance, learning_rate=learning_rate)
    require.integer(1, restarts=restarts, n=n, m=m, steps=steps, batch=batch)
    require.within(1, LARGEST, n=n)
    start, examples = jax.random.split(key)
    weights = generator(start).normal(scale=np.sqrt(2 / (n + m)), size=(restarts, n, m))
    importances = np.asarray(importance, dtype=float) ** np.arange(n)
    tables = (place(value, np.float32) for value in (weights, densities, importances, learning_rate))
    found = descend(*tables, examples, steps=steps, batch=batch)
    exact = _losses(*(place(value, float) for value in (*found, densities, importances)))
    return SmallModels(np.asarray(densities, dtype=float), importances, *map(np.asarray, (*found, exact)))


@partial(jax.jit, static_argnames=("steps", "batch"))
def descend(
    weights: Float[Array, "restarts n m"],
    densities: Float[Array, " d"],
    importance: Float[Array, " n"],
    learning_rate: Float[Array, ""],
    key: Key[Array, ""],
    *,
    steps: int,
    batch: int,
) -> tuple[Float[Array, "d restarts n m"], Float[Array, "d restarts n"]]:
    """Train from every start at every density; one compiled program for each shape of the arguments.

    Args:
        weights: the starts; biases start at 0.
        densities: probabilities that a feature is active.
        importance: weight of each feature's error.
        learning_rate: its peak.
        key: the source of the examples, the same for all models.
        steps: of training.
        batch: examples in a step.

    Returns:
        Weights and biases.
    """
    d, (restarts, n, m) = len(densities), weights.shape
    # the transpose, by which XLA multiplies faster
    start = (
        jnp.broadcast_to(weights.mT, (d, restarts, m, n)),
        jnp.zeros((d, restarts, n, 1), weights.dtype),
    )

    def loss(parameters, u):
        columns, biases = parameters
        x = jnp.where(u < densities[:, None, None], u / densities[:, None, None], jnp.zeros_like(u))[:, None]
        y = jax.nn.relu(columns.mT @ (columns @ x) + biases)
        # models do not see each other, and Adam works entry by entry: the sum trains each of them alone
        return jnp.sum(importance @ jnp.mean((x - y) ** 2, axis=-1)[..., None])

    flat = steps // FLAT
    fall = optax.cosine_decay_schedule(1.0, max(steps - flat, 1))
    optimiser = optax.chain(
        optax.scale_by_adam(),
        optax.scale_by_schedule(optax.join_schedules([optax.constant_schedule(1.0), fall], [flat])),
        optax.scale(-learning_rate),
    )
    # optax raises numbers to the power of its counter, an integer
    with jax.numpy_dtype_promotion("standard"):
        columns, biases = train(
            loss,
            start,
            optimiser,
            steps=np.array([steps]),
            observe=lambda _: (),
            draw=lambda key: jax.random.uniform(key, (n, batch), weights.dtype),
            key=key,
        ).parameters
    return columns.mT, biases[..., 0]


@jax.jit
def _losses(weights, biases, densities, importance):
    def one(weights, biases, density):
        return expected_loss(weights, biases, density=density, importance=importance)

    return jax.vmap(jax.vmap(one, (0, 0, None)))(weights, biases, densities)
