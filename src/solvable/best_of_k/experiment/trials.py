"""Trying again until something is accepted, and learning to try: the counts that the formulas are held against."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key, Real

from solvable import require
from solvable.randomness import generator


def retry_utilities(
    key: Key[Array, ""],
    tries: int,
    success: Float[np.ndarray, " problems"],
    trials: int,
    *,
    false_accept: float,
    miss: float = 0.0,
    cost: float = 0.0,
) -> Float[np.ndarray, "trials tries"]:
    """Answer a problem again and again until a verifier that errs accepts, and count what that brings.

    Each trial meets a problem at random. A right answer is accepted but for misses, a wrong one is let through now and
    then. Accepted and right counts 1, accepted and wrong minus the cost, nothing accepted 0.

    Args:
        key: of the draw.
        tries: the largest number allowed, at least 1.
        success: ``(problems,)``; chance of a right answer to each.
        trials: how many problems are met.
        false_accept: chance that a wrong answer is accepted.
        miss: chance that a right answer is not.
        cost: of an accepted wrong answer.

    Returns:
        What each trial brought with at most 1, 2, ..., ``tries`` tries.

    Raises:
        ValueError: an argument is outside its domain.
    """
    require.integer(1, tries=tries, trials=trials)
    require.within(0, 1, success=success, false_accept=false_accept, miss=miss)
    require.non_negative(cost=cost)
    draw = generator(key)
    problem = draw.integers(len(success), size=trials)
    right = draw.random((trials, tries)) < np.asarray(success)[problem, None]
    accepted = draw.random((trials, tries)) < np.where(right, 1 - miss, false_accept)
    gain = np.where(right, 1.0, -cost)
    # what the first accepted answer brought, from the try on at which it came
    first = accepted & (np.cumsum(accepted, axis=1) == 1)
    return np.cumsum(np.where(first, gain, 0.0), axis=1)


def train_policy(
    probabilities: Float[np.ndarray, " answers"], tries: int, *, steps: int = 3000, learning_rate: float = 0.05
) -> Float[np.ndarray, " answers"]:
    """Train a policy to answer right at least once in several tries, by gradient descent.

    The loss is the expected :math:`1 - (1 - q_i)^N` with its sign turned, over answers that are right with given
    probabilities; the policy is a softmax, trained by Adam from even odds.

    Args:
        probabilities: ``(answers,)``; how often each answer is the right one; they add up to 1.
        tries: :math:`N`.
        steps: of training.
        learning_rate: of Adam.

    Returns:
        The policy, ``(answers,)``.

    Raises:
        ValueError: an argument is outside its domain.

    >>> print(np.round(train_policy(np.array([0.6, 0.3, 0.1]), 2, steps=1000), 2))
    [0.67 0.33 0.  ]
    """
    require.integer(1, tries=tries, steps=steps)
    require.within(0, 1, probabilities=probabilities)
    require.positive(learning_rate=learning_rate)
    if abs(np.sum(probabilities) - 1) > 1e-9:
        raise ValueError(f"probabilities must add up to 1, got a sum of {float(np.sum(probabilities))!r}")

    def loss(logits: Array) -> Array:
        return -jnp.sum(probabilities * (1 - (1 - jax.nn.softmax(logits)) ** tries))

    optimiser = optax.adam(learning_rate)
    logits = jnp.zeros(len(probabilities))

    @partial(jax.jit, static_argnames="count")
    def descend(logits: Array, count: int) -> Array:
        def step(state, _):
            logits, moments = state
            # optax counts steps in 32 bits
            with jax.numpy_dtype_promotion("standard"):
                updates, moments = optimiser.update(jax.grad(loss)(logits), moments)
            return (logits + updates, moments), None

        (logits, _), _ = jax.lax.scan(step, (logits, optimiser.init(logits)), length=count)
        return logits

    return np.asarray(jax.nn.softmax(descend(logits, steps)))


def verified_gains(
    key: Key[Array, ""], horizons: Int[np.ndarray, " lengths"], n: int, trials: int
) -> Float[np.ndarray, "lengths trials"]:
    """Rewards that a verifier gains by its choice among ``n`` traces, over imitation of all of them.

    The reward of a trace is a sum of as many independent steps as it is long, each 1 or -1. Imitation reaches the mean,
    which is 0.

    Args:
        key: of the draw.
        horizons: ``(lengths,)``; numbers of steps.
        n: traces in each choice.
        trials: how many choices.

    Returns:
        Best reward of each choice.

    Raises:
        ValueError: an argument is outside its domain.
    """
    require.integer(1, horizons=horizons, n=n, trials=trials)
    draw = generator(key)
    return np.stack([(2 * draw.binomial(h, 0.5, (trials, n)) - h).max(axis=1) for h in horizons]).astype(float)


def steps_until_error(
    key: Key[Array, ""], accuracy: Real[np.ndarray, " accuracies"], trials: int
) -> Int[np.ndarray, "accuracies trials"]:
    """Number of steps that a task survives, when each step is right with the same probability.

    Args:
        key: of the draw.
        accuracy: ``(accuracies,)``; of one step, above 0 and below 1.
        trials: how many tasks.

    Returns:
        Steps before the first error.

    Raises:
        ValueError: an argument is outside its domain.
    """
    require.positive(accuracy=accuracy)
    require.within(0, 1 - 2.0**-40, accuracy=accuracy)
    require.integer(1, trials=trials)
    return generator(key).geometric(1 - np.asarray(accuracy)[:, None], (len(accuracy), trials)) - 1
