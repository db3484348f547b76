"""Does the rank of the initial weights decide between lazy and rich? One small network, many starts of one size."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key

from solvable import require, training
from solvable._types import place
from solvable.randomness import generator
from solvable.tangent_kernel import empirical_ntk

from ..theory.alignment import representation_alignment, tangent_kernel_alignment


def low_rank_initialisation(
    shape: tuple[int, int], rank: int, *, key: Key[Array, ""], scale: float = 1.0
) -> Float[np.ndarray, "n m"]:
    """A Gaussian matrix, cut down to its leading singular directions, at its old size.

    Independent normal entries of standard deviation ``scale``; then all singular values but the ``rank`` largest are
    set to zero; then the matrix is multiplied by the number that gives it the Frobenius norm that it had before the
    cut. One key gives matrices of one norm for all ranks, whose row spaces contain each other.

    Args:
        shape: ``(n, m)``.
        rank: at least 1 and at most the smaller side, which leaves the Gaussian matrix as it was drawn.
        key: the source of randomness.
        scale: standard deviation of the entries before the cut; positive.

    Returns:
        ``(n, m)``.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: Liu et al. (2024), as in their code.

    >>> w = low_rank_initialisation((6, 4), 2, key=jax.random.key(0))
    >>> np.linalg.matrix_rank(w).item()
    2
    """
    require.integer(1, shape=shape, rank=rank)
    require.within(1, min(shape), rank=rank)
    require.positive(scale=scale)
    drawn = scale * generator(key).normal(size=shape)
    left, s, right = np.linalg.svd(drawn, full_matrices=False)
    cut = (left[:, :rank] * s[:rank]) @ right[:rank]
    return cut * (np.linalg.norm(drawn) / np.linalg.norm(cut))


class Movement(NamedTuple):
    """How far networks have moved when they have learned; the last axis is that of the seeds.

    Attributes:
        kernel_alignment: cosine between the tangent kernels before and after; 1 is lazy.
        representation_alignment: cosine between the similarities of hidden units before and after; 1 is lazy.
        weight_change: Frobenius norm of the change of the first layer, relative to its initial norm; 0 is lazy.
        final_loss: mean squared error; at or just below the level at which training stops, or above it.
        steps: of gradient descent until then; NaN where the level was not reached.
    """

    kernel_alignment: Float[np.ndarray, "*runs seeds"]
    representation_alignment: Float[np.ndarray, "*runs seeds"]
    weight_change: Float[np.ndarray, "*runs seeds"]
    final_loss: Float[np.ndarray, "*runs seeds"]
    steps: Float[np.ndarray, "*runs seeds"]


class InitialRanks(NamedTuple):
    """One task from initial weights of several ranks and one Frobenius norm.

    Attributes:
        ranks: ``(ranks,)``; of the first layer at the start.
        random: ``(ranks, seeds)``; from directions that know nothing of the task.
        aligned: ``(seeds,)``; from rank one, along the direction that the targets depend on.
    """

    ranks: Int[np.ndarray, " ranks"]
    random: Movement
    aligned: Movement


ACTIVATIONS = {"tanh": jnp.tanh, "linear": lambda z: z}


def run_initial_ranks(
    ranks: Sequence[int],
    *,
    seeds: int,
    key: Key[Array, ""],
    activation: str = "tanh",
    n_in: int = 16,
    width: int = 64,
    examples: int = 64,
    norm: float = 2.0,
    readout: float = 0.1,
    eta: float = 0.02,
    level: float = 0.01,
    steps: int = 1000,
) -> InitialRanks:
    r"""Learn a linear function of Gaussian inputs with a two-layer network, from first layers of several ranks.

    .. math:: f(x) = v \cdot \phi(W x), \qquad y = \beta \cdot x, \qquad \lVert \beta \rVert = 1

    The readout begins small, so that the kernel is mostly that of the representation; with a readout of norm 1 or more
    the gradients of ``W``, which know no rank, take over and every start is lazy. Full-batch gradient descent on the
    mean squared error stops where that comes below ``level``: networks are compared at equal loss. Each seed has one
    task, one readout and one Gaussian matrix for all ranks. In float32.

    Args:
        ranks: of the first layer at the start, at most ``n_in`` and ``width``.
        seeds: tasks and networks for each rank.
        key: the source of randomness.
        activation: ``tanh`` or ``linear``.
        n_in: dimension of the inputs.
        width: number of hidden units.
        examples: number of inputs, of which all are used for training and for the alignments.
        norm: Frobenius norm of the first layer at the start, up to the scatter of a Gaussian matrix; positive.
        readout: norm of the readout at the start, up to the same; positive.
        eta: learning rate; positive.
        level: mean squared error at which to stop, out of about 1 at the start; positive.
        steps: of gradient descent at most; at least 1.

    Returns:
        How far each network has moved.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: Liu et al. (2024) for the starts and the measures; the task is ours.
    """
    require.integer(1, seeds=seeds, n_in=n_in, width=width, examples=examples, steps=steps)
    require.positive(norm=norm, readout=readout, eta=eta, level=level)
    require.one_of(ACTIVATIONS, activation=activation)
    shape, scale = (width, n_in), norm / np.sqrt(width * n_in)
    starts, readouts, inputs, targets = [], [], [], []
    for one in jax.random.split(key, seeds):
        first, second = jax.random.split(one)
        draw = generator(second)
        inputs.append(draw.normal(size=(examples, n_in)))
        direction = draw.normal(size=n_in)
        direction /= np.linalg.norm(direction)
        targets.append(inputs[-1] @ direction)
        readouts.append(readout * draw.normal(size=width) / np.sqrt(width))
        weights = [low_rank_initialisation(shape, rank, key=first, scale=scale) for rank in ranks]
        aligned = np.outer(draw.normal(size=width), direction)
        starts.append([*weights, aligned * (np.linalg.norm(weights[0]) / np.linalg.norm(aligned))])
    data = [place(np.stack(each), "float32") for each in (starts, readouts, inputs, targets)]
    final_weights, losses, kernels, hidden = (
        np.asarray(part, dtype=float)
        for part in _train(*data, place(eta, "float32"), place(level, "float32"), activation=activation, steps=steps)
    )
    start = np.asarray(data[0], dtype=float)
    learned = losses <= np.float32(level)
    change = np.linalg.norm(final_weights - start, axis=(-2, -1)) / np.linalg.norm(start, axis=(-2, -1))
    measures = (
        tangent_kernel_alignment(kernels[:, :, 0], kernels[:, :, 1]),
        representation_alignment(hidden[:, :, 0], hidden[:, :, 1]),
        change,
        losses[..., -1],
        np.where(learned.any(axis=-1), learned.argmax(axis=-1), np.nan),
    )
    return InitialRanks(
        np.asarray(ranks),
        Movement(*(measure.T[:-1] for measure in measures)),
        Movement(*(measure.T[-1] for measure in measures)),
    )


@partial(jax.jit, static_argnames=("activation", "steps"))
def _train(starts, readouts, inputs, targets, eta, level, *, activation, steps):
    """Final first layers, losses at every step, kernels and hidden units before and after: ``(seeds, starts, ...)``."""
    phi = ACTIVATIONS[activation]

    def hidden(params, x):
        return phi(x @ params[0].T)

    def apply(params, x):
        return hidden(params, x) @ params[1][:, None]

    def one(start, readout, x, y):
        def loss(params):
            return jnp.mean((apply(params, x)[:, 0] - y) ** 2)

        params = (start, readout)
        trained = training.train(
            # below the level there is no slope, and the network stays as it is
            lambda params: jnp.maximum(loss(params), level),
            params,
            optax.sgd(eta),
            steps=np.arange(steps + 1),
            observe=loss,
        )
        both = (params, trained.parameters)
        kernels, units = (
            jnp.stack([f(p) for p in both]) for f in (lambda p: empirical_ntk(apply, p, x), lambda p: hidden(p, x))
        )
        return trained.parameters[0], trained.observed, kernels, units

    over_starts = jax.vmap(one, in_axes=(0, None, None, None))
    return jax.vmap(over_starts)(starts, readouts, inputs, targets)
