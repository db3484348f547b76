"""Modular addition by full-batch gradient descent: grokking without weight decay, from an output scale alone.

The curves for the book take some minutes; ``python -m solvable.lazy_rich.experiment.modular_addition`` computes them
afresh and stores them beside this file.
"""

from functools import partial
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key

from solvable import require, training
from solvable._types import place
from solvable.randomness import generator

STORED = "modular_addition.npz"
STORED_SEEDS = 5
STORED_RUNS = {
    (0.9, 0.0625): (100.0, 5_000),
    (0.9, 0.25): (500.0, 4_000),
    (0.9, 1.0): (500.0, 10_000),
    (0.9, 2.25): (500.0, 25_000),
    (0.9, 4.0): (500.0, 50_000),
    (0.65, 0.0625): (100.0, 8_000),
    (0.65, 0.25): (500.0, 6_000),
    (0.65, 1.0): (500.0, 20_000),
    (0.65, 4.0): (500.0, 120_000),
}
"""Learning rate and last step of each stored run, by its fraction of examples and its output scale.

At a quarter and below, half of the learning rate gives the same curves to two per cent. At 500 the smallest scale is
unstable, and learns from half of the pairs what it does not learn at 100.
"""


class ModularAddition(NamedTuple):
    """Networks that learn to add modulo a prime, from several seeds.

    Attributes:
        fraction: of all pairs that are examples.
        alpha: output scale.
        eta: learning rate.
        steps: ``(n,)`` at which the networks were observed; 0 is before the first update.
        train_loss: ``(seeds, n)``; squared length of the error, averaged over the examples; 1 where outputs vanish.
        test_loss: ``(seeds, n)``; the same on the pairs that are kept back.
        train_accuracy: ``(seeds, n)``; fraction of examples whose largest output is the right one.
        test_accuracy: ``(seeds, n)``; the same on the pairs that are kept back.
        weight_norm: ``(seeds, n, 2)``; of the first layer and of the second.
    """

    fraction: float
    alpha: float
    eta: float
    steps: Int[np.ndarray, " n"]
    train_loss: Float[np.ndarray, "seeds n"]
    test_loss: Float[np.ndarray, "seeds n"]
    train_accuracy: Float[np.ndarray, "seeds n"]
    test_accuracy: Float[np.ndarray, "seeds n"]
    weight_norm: Float[np.ndarray, "seeds n 2"]

    @property
    def times(self) -> Float[np.ndarray, " n"]:
        """Learning rate times steps, in which runs with different rates can be compared."""
        return self.eta * self.steps

    def reached(self, accuracy: Float[np.ndarray, "seeds n"], level: float) -> Float[np.ndarray, " seeds"]:
        """Time at which each seed's accuracy first comes to ``level``, between observations on a log scale; or NaN."""
        found = []
        for row in accuracy:
            above = np.flatnonzero(row >= level)
            if above.size == 0 or above[0] == 0:
                found.append(np.nan if above.size == 0 else 0.0)
                continue
            pair = slice(above[0] - 1, above[0] + 1)
            # one more than the step, which may be 0
            found.append(self.eta * np.expm1(np.interp(level, row[pair], np.log1p(self.steps[pair]))))
        return np.asarray(found)


_CURVES = ModularAddition._fields[3:]


def run_modular_addition(
    alpha: float,
    *,
    seeds: int,
    key: Key[Array, ""],
    last_step: int,
    p: int = 23,
    width: int = 100,
    fraction: float = 0.9,
    eta: float = 500.0,
    observations: int = 120,
) -> ModularAddition:
    r"""Train a two-layer network with square units on ``(a + b) mod p``.

    .. math::

        f_c(a, b) = \frac{\alpha}{2pN} \sum_{i=1}^{N} v_{ci} \left(u_{ia} + u'_{ib}\right)^2, \qquad
        \mathcal{L} = \frac{1}{\alpha^2} \, \frac{1}{np} \sum_{\mu, c} \left(f_c(a_\mu, b_\mu) - y_{\mu c}\right)^2

    for one-hot inputs and targets. All weights begin as independent standard normal numbers; there are no biases, no
    weight decay and no centring. The gradient step ``eta`` on this loss makes the outputs begin with a speed that does
    not depend on :math:`\alpha`. In float32.

    Our :math:`\alpha` is what the output is multiplied by. The code behind Kumar et al.'s figure multiplies by its
    ``scale`` twice, so that it is the square of theirs: their 0.5, 1, 1.5 and 2 are 0.25, 1, 2.25 and 4 here. Their
    step is 100.

    Args:
        alpha: output scale; positive; small is rich.
        seeds: networks, each with its own split of the pairs; the same for every ``alpha``.
        key: the source of randomness.
        last_step: of gradient descent; at least 1.
        p: how many numbers; at least 2, and prime in the paper.
        width: ``N``, number of hidden units.
        fraction: of the ``p**2`` pairs that are examples, rounded down; at least one pair on either side.
        eta: learning rate; positive.
        observations: how many steps to observe at most, spread evenly on a log scale.

    Returns:
        Errors, accuracies and norms along the runs.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: Kumar et al. (2024), figure 2, with the settings of their code.
    """
    require.positive(alpha=alpha, eta=eta)
    require.integer(1, seeds=seeds, width=width)
    require.integer(2, p=p)
    require.within(1 / p**2, 1 - 1 / p**2, fraction=fraction)
    # folded in, not split, so that the first seeds do not depend on how many there are
    runs = [_draw(p, width, int(fraction * p**2), jax.random.fold_in(key, seed)) for seed in range(seeds)]
    drawn = jax.tree.map(lambda *leaves: place(np.stack(leaves), "float32"), *runs)
    numbers = np.arange(p)
    targets = np.eye(p)[(numbers[:, None] + numbers) % p]
    steps = training.log_spaced_steps(last_step, observations)
    # the data are arguments: XLA would spend a minute on folding them into the program as constants
    data = (place(targets, "float32"), place(alpha, "float32"), place(eta, "float32"))
    observed = _train(drawn, *data, steps=tuple(steps.tolist()))
    return ModularAddition(float(fraction), float(alpha), float(eta), steps, *map(np.asarray, observed))


def _draw(p, width, examples, key):
    """Weights of both layers, and which cells of the table of sums are examples."""
    draw = generator(key)
    weights = (draw.normal(size=(2, p, width)), draw.normal(size=(width, p)))
    chosen = np.zeros(p * p)
    chosen[draw.permutation(p * p)[:examples]] = 1
    return weights, chosen.reshape(p, p)


@partial(jax.jit, static_argnames="steps")
def _train(drawn, targets, alpha, eta, *, steps):
    p = len(targets)
    right = targets.argmax(axis=-1)

    def outputs(weights):
        (first, second), out = weights
        # a one-hot input picks a row, so that the whole table of p by p pairs is a sum along its two sides: cheaper
        # than to gather the rows of the examples and, in the gradient, to scatter them back
        hidden = (first[:, None] + second[None]) ** 2
        return alpha * (hidden @ out) / (2 * p * out.shape[0])

    def error(table, where):
        return jnp.mean(jnp.sum((table - targets) ** 2, axis=-1), where=where)

    def one(drawn):
        weights, chosen = drawn
        train, test = chosen > 0, chosen == 0

        def observe(weights):
            table = outputs(weights)
            hit = (table.argmax(axis=-1) == right).astype(table.dtype)
            return (
                error(table, train),
                error(table, test),
                jnp.mean(hit, where=train),
                jnp.mean(hit, where=test),
                jnp.stack([jnp.linalg.norm(layer) for layer in weights]),
            )

        return training.train(
            lambda weights: error(outputs(weights), train) / (p * alpha**2),
            weights,
            optax.sgd(eta),
            steps=np.asarray(steps),
            observe=observe,
        ).observed

    # one after the other: a single run fits into the processor's cache
    return jax.lax.map(one, drawn)


def cached_modular_addition() -> tuple[ModularAddition, ...]:
    """Read the stored runs: five seeds of ``key(0)`` at each of several fractions and scales, rounded to eleven bits.

    >>> [(run.fraction, run.alpha) for run in cached_modular_addition()][:3]
    [(0.9, 0.0625), (0.9, 0.25), (0.9, 1.0)]
    """
    with resources.files(__package__).joinpath(STORED).open("rb") as file:
        arrays = dict(np.load(file))
    runs = []
    for index, ((fraction, alpha), (eta, _)) in enumerate(STORED_RUNS.items()):
        steps, *curves = (arrays[f"{name}_{index}"] for name in _CURVES)
        runs.append(ModularAddition(fraction, alpha, eta, steps, *(curve.astype(np.float32) for curve in curves)))
    return tuple(runs)


if __name__ == "__main__":
    arrays = {}
    for index, ((fraction, alpha), (eta, last_step)) in enumerate(STORED_RUNS.items()):
        run = run_modular_addition(
            alpha, seeds=STORED_SEEDS, key=jax.random.key(0), last_step=last_step, fraction=fraction, eta=eta
        )
        arrays |= {f"{name}_{index}": getattr(run, name).astype(np.float16) for name in _CURVES[1:]}
        arrays[f"steps_{index}"] = run.steps.astype(np.int32)
        print(f"{fraction:.0%} of the pairs, alpha {alpha}: {run.test_accuracy[:, -1].round(2)} right", flush=True)
    np.savez_compressed(Path(__file__).with_name(STORED), **arrays)
