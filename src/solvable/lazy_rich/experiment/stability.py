"""How large a step gradient descent bears, by trying."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from solvable import require
from solvable._types import place

from ..theory import infinite_width, learned, max_stable_learning_rate, moment_dynamics
from .many import every_pair
from .task import draw_task

SETTLED = 100
"""Steps at the end of a run at each of which the training loss has to fall."""


class StableRates(NamedTuple):
    """The largest stable learning rates by theory, and whether runs a little below and above them settle.

    Attributes:
        lazy: ``(seeds,)``; limit for the kernel of the start, in units of ``N / alpha²``.
        rich: ``(seeds, alphas)``; limit for the kernel of the network that has learned the target.
        factors: ``(factors,)``; the rates that were tried, in units of the lower of the two limits.
        settles: ``(seeds, alphas, factors)``; whether the run was settling when it ended.
    """

    lazy: Float[np.ndarray, " seeds"]
    rich: Float[np.ndarray, "seeds alphas"]
    factors: Float[np.ndarray, " factors"]
    settles: Bool[np.ndarray, "seeds alphas factors"]

    @property
    def limit(self) -> Float[np.ndarray, "seeds alphas"]:
        """The lower of the two limits."""
        return np.minimum(self.lazy[:, None], self.rich)


def run_learning_rates(
    alphas: Sequence[float],
    factors: Sequence[float],
    *,
    seeds: int,
    key: Key[Array, ""],
    dim: int = 40,
    samples: int = 200,
    eps: float = 0.1,
    steps: int = 1000,
) -> StableRates:
    """Train infinitely wide committees at every output scale, at learning rates about the largest stable one.

    Args:
        alphas: scales of the output.
        factors: learning rates, in units of the largest one that is stable at both ends.
        seeds: data sets, the same for all.
        key: the source of randomness.
        dim: ``D``.
        samples: ``P``.
        eps: bend of the activation.
        steps: of gradient descent; more than 100, at the last hundred of which the loss has to fall.
    """
    require.positive(alphas=np.asarray(alphas), factors=np.asarray(factors))
    require.integer(SETTLED + 1, steps=steps)
    tasks, tried = draw_task(dim, samples, key=key, seeds=seeds), place(np.asarray(factors, dtype=float))
    start, end = infinite_width(dim, float), np.arange(steps - SETTLED, steps + 1)

    def one(task, alpha):
        lazy = max_stable_learning_rate(task.x, start, eps=eps)
        rich = max_stable_learning_rate(task.x, learned(task.beta, alpha=alpha, eps=eps), eps=eps)

        def settles(factor):
            rate = factor * jnp.minimum(lazy, rich)
            losses = moment_dynamics(start, *task, alpha=alpha, eps=eps, eta0=rate, steps=end).train
            # a run that oscillates neither diverges nor settles
            return (jnp.diff(losses) < 0).all()

        return lazy, rich, jax.vmap(settles)(tried)

    lazy, rich, settles = every_pair(one, tasks, np.asarray(alphas, dtype=float))
    return StableRates(lazy[:, 0], rich, np.asarray(tried), settles)
