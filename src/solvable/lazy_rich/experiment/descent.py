"""The network itself, trained by automatic differentiation: it knows nothing of moments."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, ArrayLike, Float, Int, Key

from solvable import require, training
from solvable._types import RealLike, place
from solvable.training import Trained

from ..theory import (
    PopulationLoss,
    committee_predict,
    moment_dynamics,
    moments,
    population_test_loss,
)
from .many import every_pair
from .task import Task, draw_committee, draw_task


def train_committee(
    weights: Float[ArrayLike, "n d"],
    task: Task,
    *,
    alpha: RealLike,
    eps: RealLike,
    eta0: RealLike,
    steps: Int[np.ndarray, " k"],
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
        The last weights, and at each step observed the training loss and, by :func:`population_test_loss` from the
        weights as they are, the test loss in its three parts.
    """
    require.positive(alpha=alpha, eta0=eta0)
    weights, x, y, beta = map(place, (weights, *task))
    settings = {"alpha": alpha, "eps": eps}
    start = moments(weights) if centred else None
    offset = committee_predict(weights, x, **settings) if centred else jnp.zeros_like(y)

    def loss(weights: Float[Array, "n d"]) -> Float[Array, ""]:
        return jnp.mean((committee_predict(weights, x, **settings) - offset - y) ** 2)

    def observe(weights: Float[Array, "n d"]) -> tuple[Float[Array, ""], PopulationLoss]:
        return loss(weights), population_test_loss(*moments(weights), beta, start=start, **settings)

    optimiser = optax.sgd(eta0 * len(weights) / alpha**2)
    return training.train(loss, weights, optimiser, steps=steps, observe=observe)


class Networks(NamedTuple):
    """The same few networks and tasks at several output scales.

    Attributes:
        tasks: what was learned, a task for each seed.
        starts: ``(seeds, N, D)``; the networks at their start.
        final: ``(alphas, seeds, N, D)``; and at their end.
        steps: ``(n,)``; when they were observed.
        train: ``(alphas, seeds, n)``; training loss.
        test: ``(alphas, seeds, n)``; test loss.
    """

    tasks: Task
    starts: Float[np.ndarray, "seeds n d"]
    final: Float[np.ndarray, "alphas seeds n d"]
    steps: Int[np.ndarray, " k"]
    train: Float[np.ndarray, "alphas seeds k"]
    test: Float[np.ndarray, "alphas seeds k"]


def run_networks(
    alphas: Sequence[float],
    *,
    seeds: int,
    key: Key[Array, ""],
    dim: int = 40,
    samples: int = 200,
    width: int = 200,
    eps: float = 0.1,
    eta0: float = 4.0,
    steps: Int[np.ndarray, " k"],
    centred: bool = True,
) -> Networks:
    """Draw tasks and networks, and train every network on its task at every output scale.

    Args:
        alphas: scales of the output; positive.
        seeds: tasks and networks, the same for all scales.
        key: the source of randomness.
        dim: ``D``.
        samples: ``P``.
        width: ``N``.
        eps: bend of the activation.
        eta0: learning rate in units of ``N / alpha²``.
        steps: when to observe; strictly increasing.
        centred: whether what each network said at its start is subtracted from its output.
    """
    require.positive(alphas=np.asarray(alphas))
    data, own = jax.random.split(key)
    tasks = draw_task(dim, samples, key=data, seeds=seeds)
    starts = draw_committee(width, dim, key=own, seeds=seeds)

    def one(alpha, seed):
        start, task = seed
        run = train_committee(start, task, alpha=alpha, eps=eps, eta0=eta0, steps=steps, centred=centred)
        train, test = run.observed
        return run.parameters, train, test.total

    final, train, test = every_pair(one, np.asarray(alphas, dtype=float), (starts, tasks))
    return Networks(tasks, starts, final, np.asarray(steps), train, test)


def follow_networks(
    networks: Networks,
    alphas: Sequence[float],
    *,
    eps: float = 0.1,
    eta0: float = 4.0,
    centred: bool = True,
    form: str | None = None,
) -> tuple[Float[np.ndarray, "alphas seeds k"], Float[np.ndarray, "alphas seeds k"]]:
    """Training and test losses of the same networks by :func:`moment_dynamics`, from their starts alone.

    Args:
        networks: from :func:`run_networks`, with the same settings.
        alphas: scales of the output.
        eps: bend of the activation.
        eta0: learning rate in units of ``N / alpha²``.
        centred: whether what each network said at its start is subtracted from its output.
        form: as for :func:`moment_dynamics`.
    """

    def one(alpha, seed):
        start, task = seed
        settings = {"alpha": alpha, "eps": eps, "eta0": eta0, "steps": networks.steps}
        run = moment_dynamics(start, *task, **settings, centred=centred, form=form)
        return run.train, run.test.total

    return every_pair(one, np.asarray(alphas, dtype=float), (networks.starts, networks.tasks))
