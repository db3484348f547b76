"""The autoencoder, and its training with a pull on the lengths of its rows."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, ArrayLike, Float, Key, Real

from solvable import require
from solvable._types import RealLike, place, promote
from solvable.training import train

from .data import Dense, Sparse, draw_batch, prepare, room_for

NO_LENGTH = 1e-8
"""Added to the length of a row before it divides, as in the authors' code."""
LAST_RATE = 0.05
"""Part of the peak learning rate that is left at the end."""
WARM_UP = 0.1
"""Part of the steps over which the learning rate rises."""


def autoencode(
    weights: Float[ArrayLike, "n m"], biases: Float[ArrayLike, " n"], x: Float[ArrayLike, "*batch n"]
) -> Float[Array, "*batch n"]:
    r"""What the network makes of its input: :math:`y = \text{ReLU}(W W^\top x + b)`.

    Args:
        weights: :math:`W`, ``(n, m)``; a row for each feature. Elhage et al. (2022) write its transpose.
        biases: :math:`b`, ``(n,)``.
        x: inputs, ``(..., n)``.

    Source: Elhage et al. (2022); Liu, Liu and Gore (2025).
    """
    weights, biases, x = promote(weights, biases, x)
    return _autoencode(weights.T, biases, x)


def _autoencode(columns, biases, x):
    # Written in the transpose of W, whose products XLA takes at five times the speed: the gradient of the other form
    # has to turn a matrix of the size of the batch
    return jax.nn.relu((x @ columns.T) @ columns + biases)


class Parameters(NamedTuple):
    """What is trained.

    Attributes:
        columns: the transpose of W, ``(m, n)``.
        biases: ``(n,)``.
    """

    columns: Float[Array, "m n"]
    biases: Float[Array, " n"]


def decoupled_pull(gamma: RealLike) -> optax.GradientTransformation:
    r"""Decay (``gamma > 0``) or growth to length 1 (``gamma < 0``) of the rows of W, apart from the gradient.

    .. math::

        W_i \leftarrow W_i - \eta_t \gamma W_i \;\; (\gamma \ge 0), \qquad
        W_i \leftarrow W_i - \eta_t \gamma \Big(\frac{1}{\lVert W_i\rVert} - 1\Big) W_i \;\; (\gamma < 0)

    Negative values do not make rows grow without bound: they are a spring that pulls every row to length 1. Put it
    between the scaling by Adam and that by the learning rate. The authors apply it before Adam's update; as neither
    depends on what the other has done in this step, that is the same.

    Args:
        gamma: strength of the pull, without a unit.

    Returns:
        An optax transformation of the weights and biases, which leaves the biases alone.

    Source: Liu, Liu and Gore (2025), and their code.
    """

    def init(parameters):
        return optax.EmptyState()

    def update(updates, state, parameters):
        columns = parameters.columns
        length = jnp.linalg.norm(columns, axis=0)
        factor = jnp.where(gamma >= 0, 1, 1 / (length + NO_LENGTH) - 1)
        pull = jnp.asarray(gamma, columns.dtype) * factor * columns
        return updates._replace(columns=updates.columns + pull), state

    return optax.GradientTransformation(init, update)


class Superposition(NamedTuple):
    """A trained autoencoder.

    Attributes:
        weights: W, ``(n, m)``.
        biases: b, ``(n,)``.
        loss: squared error on fresh examples, summed over the features.
        error: standard error of that mean.
    """

    weights: Float[np.ndarray, "*runs n m"]
    biases: Float[np.ndarray, "*runs n"]
    loss: Float[np.ndarray, "*runs"]
    error: Float[np.ndarray, "*runs"]


class Settings(NamedTuple):
    """How an autoencoder is trained, but for its width and the strength of the pull.

    Attributes:
        steps: of training.
        batch: examples in a step, all fresh.
        learning_rate: its peak; it rises linearly over the first tenth, and falls as a cosine to a twentieth.
        bias_scale: standard deviation of the biases at the start.
        loss_scale: factor of the loss; 1/n averages it over the features, as the authors' code does.
        epsilon: of Adam.
        test_batches: number of fresh batches on which the loss is measured.
        bias_rate: learning rate of the biases, as a multiple of that of the weights.
        warm_up: part of the steps over which the learning rate rises.
    """

    steps: int = 2000
    batch: int = 256
    learning_rate: float = 1e-2
    bias_scale: float = 0.0
    loss_scale: float = 1.0
    epsilon: float = 1e-8
    test_batches: int = 160
    bias_rate: float = 1.0
    warm_up: float = WARM_UP


COUNTED = ("steps", "batch", "test_batches", "warm_up")
"""Settings on which the shape of a compiled program depends."""


def train_superposition(
    frequencies: Real[np.ndarray | Array, " n"],
    m: int,
    *,
    gamma: float,
    key: Key[Array, ""],
    steps: int = Settings().steps,
    batch: int = Settings().batch,
    learning_rate: float = Settings().learning_rate,
    bias_scale: float = Settings().bias_scale,
    loss_scale: float = Settings().loss_scale,
    epsilon: float = Settings().epsilon,
    test_batches: int = Settings().test_batches,
) -> Superposition:
    r"""Train an autoencoder of width ``m`` on sparse features, in single precision.

    .. math:: L = \Big\langle \sum_i (y_i - x_i)^2 \Big\rangle, \qquad y = \text{ReLU}(W W^\top x + b)

    by Adam with :func:`decoupled_pull` on the weights. Every step sees fresh examples. Weights start as
    :math:`\mathcal{N}(0, 1/m)`.

    Args:
        frequencies: ``(n,)``; how often each feature is active.
        m: width of the bottleneck; at least 1.
        gamma: above 0 weight decay, weak superposition; below 0 a pull to length 1, strong superposition.
        key: the source of randomness. The examples on which the loss is measured do not depend on ``m``.
        steps: of training.
        batch: examples in a step.
        learning_rate: peak of the schedule, for weights and biases: up over the first tenth of the steps, then along a
            cosine down to a twentieth.
        bias_scale: standard deviation of the biases at the start; the authors take 1, which needs their 20 000 steps.
        loss_scale: factor of the loss in training; 1/n averages it over the features, as the authors' code does. With
            Adam it changes nothing but the weight of ``epsilon``.
        epsilon: of Adam.
        test_batches: fresh batches on which the final loss is measured.

    Returns:
        Weights, biases, the loss on fresh examples and its standard error.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: Liu, Liu and Gore (2025), and their code.

    >>> run = train_superposition(np.full(8, 1 / 8), 8, gamma=0.0, key=jax.random.key(0), steps=1000)
    >>> bool(run.loss < 0.1)
    True
    """
    settings = Settings(steps, batch, learning_rate, bias_scale, loss_scale, epsilon, test_batches)
    check_settings(settings)
    require.integer(1, m=m)
    require.finite(gamma=gamma)
    run = run_prepared(prepare(frequencies, batch), m, gamma, key, settings)
    return Superposition(*map(np.asarray, run))


def check_settings(settings: Settings) -> None:
    """Refuse settings with which nothing can be trained."""
    require.integer(1, steps=settings.steps, batch=settings.batch, test_batches=settings.test_batches)
    positive = ("learning_rate", "loss_scale", "epsilon", "bias_rate")
    require.positive(**{name: getattr(settings, name) for name in positive})
    require.non_negative(bias_scale=settings.bias_scale)
    require.within(0, 1, warm_up=settings.warm_up)
    if round(settings.warm_up * settings.steps) == settings.steps:
        raise ValueError(f"warm_up must leave some of {settings.steps} steps, got {settings.warm_up!r}")


def run_prepared(
    tables: Sparse | Dense, m: int, gamma: float, key: Key[Array, ""], settings: Settings
) -> Superposition:
    """A run from tables that are there already; one compiled program for each width, kind of tables and length.

    Strengths, rates and scales are arguments of the program.
    """
    numbers = settings._replace(**dict.fromkeys(COUNTED))
    counted = tuple(getattr(settings, name) for name in COUNTED)
    placed = jax.tree.map(lambda value: place(value, np.float32), (gamma, numbers))
    return _run(tables, *placed, key, m=m, slots=room_for(tables), counted=counted)


@partial(jax.jit, static_argnames=("m", "slots", "counted"))
def _run(tables, gamma, numbers, key, *, m, slots, counted):
    settings = numbers._replace(**dict(zip(COUNTED, counted, strict=True)))
    n = tables.bounds.shape[0]
    # the first key is the same for every width, and the examples with it
    examples, test, start_columns, start_biases = jax.random.split(key, 4)
    parameters = Parameters(
        jax.random.normal(start_columns, (n, m), jnp.float32).T / jnp.sqrt(jnp.float32(m)),
        settings.bias_scale * jax.random.normal(start_biases, (n,), jnp.float32),
    )
    steps = settings.steps
    shape = optax.warmup_cosine_decay_schedule(0.0, 1.0, round(settings.warm_up * steps), steps, end_value=LAST_RATE)
    rates = Parameters(settings.learning_rate, settings.bias_rate * settings.learning_rate)
    optimiser = optax.chain(
        optax.scale_by_adam(eps=settings.epsilon),
        decoupled_pull(gamma),
        optax.stateless(lambda updates, _: jax.tree.map(jnp.multiply, rates, updates)),
        optax.scale_by_learning_rate(shape),
    )
    draw = partial(draw_batch, tables, settings.batch, slots=slots)

    def errors(parameters, x):
        return jnp.sum((_autoencode(*parameters, x) - x) ** 2, axis=-1)

    def loss(parameters, x):
        return settings.loss_scale * jnp.mean(errors(parameters, x))

    last = np.array([steps])
    # optax raises numbers to the power of its counter, an integer
    with jax.numpy_dtype_promotion("standard"):
        trained = train(
            loss, parameters, optimiser, steps=last, observe=lambda _: (), draw=draw, key=examples
        ).parameters

    def measure(_, key):
        found = errors(trained, draw(key))
        return None, (jnp.mean(found), jnp.mean(found**2))

    mean, square = jax.lax.scan(measure, None, jax.random.split(test, settings.test_batches))[1]
    mean, square = jnp.mean(mean), jnp.mean(square)
    error = jnp.sqrt(jnp.maximum(square - mean**2, 0) / (settings.batch * settings.test_batches))
    return Superposition(trained.columns.T, trained.biases, mean, error)
