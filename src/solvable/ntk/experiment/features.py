"""A task that a network learns from few examples and its kernel only from many: a function of one direction."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import scipy.linalg
from jaxtyping import Array, Float, Int, Key

from solvable import require, training
from solvable._types import place

from ..theory import nngp_and_ntk
from .data import absolute_value_task
from .networks import apply_mlp, init_mlp

RIDGES = (1e-3, 0.05, 0.2, 0.6, 2.0)
MOMENTUM = 0.9
VALIDATION = 5
"""One example in so many is kept back from the network, to stop its training early."""


class SampleSweep(NamedTuple):
    """Test error against the number of examples, as a fraction of the target's variance.

    Attributes:
        examples: ``(n,)``.
        network: ``(seeds, n)``; a trained network, stopped on examples kept back from those it has.
        kernel: ``(seeds, n)``; regression with the same network's kernel at infinite width, with the ridge that is best
            on the test set.
    """

    examples: Int[np.ndarray, " n"]
    network: Float[np.ndarray, "seeds n"]
    kernel: Float[np.ndarray, "seeds n"]

    def needed(self, errors: Float[np.ndarray, "seeds n"], level: float) -> Float[np.ndarray, " seeds"]:
        """Examples at which each seed's error first falls to ``level``, between entries on log scales; or infinity."""
        found = []
        for row in errors:
            below = np.flatnonzero(row <= level)
            if below.size == 0 or below[0] == 0:
                found.append(np.inf if below.size == 0 else float(self.examples[0]))
                continue
            pair = slice(below[0] - 1, below[0] + 1)
            found.append(np.exp(np.interp(-np.log(level), -np.log(row[pair]), np.log(self.examples[pair]))))
        return np.asarray(found)


def run_samples(
    examples: Sequence[int],
    *,
    seeds: int,
    key: Key[Array, ""],
    n_in: int = 20,
    width: int = 128,
    tests: int = 500,
    eta: float = 0.1,
    steps: int = 400,
) -> SampleSweep:
    r"""Learn :math:`|w \cdot x|` from more and more examples: a two-layer ReLU network, and kernel regression.

    The network is in the mean-field parametrisation, minus its initial output; full-batch gradient descent with
    momentum, at the learning rate ``eta`` times the width, in float32.

    Args:
        examples: how many examples; each set contains the smaller ones.
        seeds: directions, data sets and networks.
        key: the source of randomness.
        n_in: dimension of the inputs.
        width: of the hidden layer.
        tests: test inputs.
        eta: learning rate per unit of width.
        steps: of gradient descent.

    Returns:
        Test errors of both.

    Raises:
        ValueError: there are fewer than five examples, of which none would be kept back, or no steps.
    """
    require.integer(VALIDATION, examples=examples)
    require.integer(1, steps=steps)
    rows = [_one(examples, n_in, width, tests, eta, steps, one) for one in jax.random.split(key, seeds)]
    return SampleSweep(np.asarray(examples), *(np.stack(columns) for columns in zip(*rows, strict=True)))


_SETTINGS = {"activation": "relu", "sigma_w": 1.0, "sigma_b": 1.0}


def _one(examples, n_in, width, tests, eta, steps, key):
    first, second = jax.random.split(key)
    task, y_test = absolute_value_task(n_in, max(examples), tests, key=first)
    params = init_mlp((n_in, width, 1), key=second, dtype="float32")
    data = jax.tree.map(lambda leaf: place(leaf, "float32"), (task, y_test, np.asarray(examples), eta * width))
    validation, test = _train(params, *data, steps=steps)
    network = np.take_along_axis(np.asarray(test), np.asarray(validation).argmin(axis=1)[:, None], axis=1)[:, 0]
    ntk_tt, ntk_st = (
        np.asarray(nngp_and_ntk(*inputs, hidden_layers=1, **_SETTINGS).ntk)
        for inputs in ((task.x,), (task.x_test, task.x))
    )
    return network / y_test.var(), _regression(ntk_tt, ntk_st, task.y, y_test, examples) / y_test.var()


def _regression(ntk_tt, ntk_st, y, y_test, examples):
    """Smallest mean squared test error over the ridges, for each number of examples."""
    errors = []
    for n in examples:
        fits = [
            ntk_st[:, :n] @ scipy.linalg.solve(ntk_tt[:n, :n] + ridge * np.eye(n), y[:n], assume_a="pos")
            for ridge in RIDGES
        ]
        errors.append(min(np.mean((fit - y_test) ** 2) for fit in fits))
    return np.asarray(errors)


@partial(jax.jit, static_argnames="steps")
def _train(params, task, y_test, counts, rate, *, steps):
    """Errors on the examples kept back and on the test inputs, along runs with more and more examples."""
    settings = _SETTINGS | {"parametrisation": "mean_field"}
    index = jnp.arange(len(task.y), dtype=jnp.float32)

    def predict(p, x):
        return apply_mlp(p, x, **settings)[:, 0]

    # what the network has to add to its start
    missing, missing_test = (y + predict(params, x) for x, y in ((task.x, task.y), (task.x_test, y_test)))

    def one(count):
        # masks in the place of shorter arrays: every number of examples shares one compilation
        kept_back = index < jnp.floor(count / VALIDATION)
        trained_on = (index < count) & ~kept_back

        def error(p, mask):
            return jnp.mean((predict(p, task.x) - missing) ** 2, where=mask)

        return training.train(
            lambda p: error(p, trained_on),
            params,
            optax.sgd(rate, momentum=MOMENTUM),
            steps=np.unique(np.append(np.arange(0, steps, 20), steps)),
            observe=lambda p: (error(p, kept_back), jnp.mean((predict(p, task.x_test) - missing_test) ** 2)),
        ).observed

    return jax.vmap(one)(counts)
