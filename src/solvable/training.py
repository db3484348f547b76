"""The one training loop: an optax optimiser under ``lax.scan``, observed at chosen steps.

Nothing is stored between observations, and the whole run is compiled once whatever the spacing of the steps.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
import optax
from jaxtyping import Array, Int, Key, PyTree

from solvable import require
from solvable._types import place


class Trained(NamedTuple):
    """What a run leaves behind.

    Attributes:
        parameters: after the last step.
        steps: ``(n,)`` steps at which the run was observed; 0 is before the first update.
        observed: what ``observe`` returned, stacked along a new first axis of length ``n``.
        optimiser_state: of the optimiser after the last step; with it another call goes on from here.
    """

    parameters: PyTree
    steps: Int[np.ndarray, " n"]
    observed: PyTree
    optimiser_state: PyTree


def log_spaced_steps(last: int, count: int) -> Int[np.ndarray, " n"]:
    """At most ``count`` distinct whole numbers from 0 to ``last``, evenly spread on a log scale.

    >>> log_spaced_steps(1000, 8)
    array([   0,    1,    3,   10,   32,  100,  316, 1000])
    """
    require.integer(1, last=last)
    require.integer(2, count=count)
    spread = np.round(np.geomspace(1, last, count - 1)).astype(int)
    return np.unique(np.concatenate([[0], spread]))


def iterate(
    update: Callable[[Array, PyTree], PyTree],
    state: PyTree,
    intervals: tuple[Int[Array, " n"], Int[Array, " n"]],
    observe: Callable[[PyTree], PyTree],
) -> tuple[PyTree, PyTree]:
    """Apply ``update(index, state)`` again and again; the final state, and what was observed at the end of intervals.

    Traceable: it belongs inside ``jit``. ``intervals`` come from :func:`intervals_between`.
    """

    def advance(state, interval):
        # a loop whose bounds are data: one compiled step serves every interval, short or long
        state = jax.lax.fori_loop(*interval, update, state)
        return state, observe(state)

    return jax.lax.scan(advance, state, intervals)


def intervals_between(steps: Int[np.ndarray, " n"]) -> tuple[Int[Array, " n"], Int[Array, " n"]]:
    """First and last step of every stretch between observations, the first of which begins at step 0.

    Raises:
        ValueError: ``steps`` does not increase strictly from 0 or above.
    """
    steps = np.asarray(steps)
    require.integer(0, steps=steps)
    if steps.ndim != 1 or steps.size == 0 or (np.diff(steps) <= 0).any():
        raise ValueError(f"steps must be strictly increasing and not empty, got {steps.tolist()}")
    return place(np.concatenate([[0], steps[:-1]])), place(steps)


def train(
    loss: Callable[..., Array],
    parameters: PyTree,
    optimiser: optax.GradientTransformation,
    *,
    steps: Int[np.ndarray, " n"],
    observe: Callable[[PyTree], PyTree] = lambda parameters: parameters,
    draw: Callable[[Key[Array, ""]], PyTree] | None = None,
    key: Key[Array, ""] | None = None,
    optimiser_state: PyTree | None = None,
) -> Trained:
    """Minimise ``loss`` with ``optimiser`` up to the last of ``steps``, and observe the parameters at each of them.

    Args:
        loss: ``loss(parameters)``, or ``loss(parameters, batch)`` where ``draw`` is given; a scalar.
        parameters: any pytree of arrays.
        optimiser: an optax transformation.
        steps: strictly increasing whole numbers, not below 0.
        observe: what to record at each of ``steps``; the parameters themselves by default.
        draw: ``draw(key)`` makes a fresh batch for one step.
        key: the source of randomness for ``draw``; required with it, refused without it.
        optimiser_state: that of an earlier run, which is carried on; a fresh one by default. Steps are counted from
            0 again.

    Returns:
        The final parameters, what was observed, and the state of the optimiser.

    Raises:
        ValueError: ``steps`` does not increase strictly from 0 or above, or only one of ``draw`` and ``key`` is given.

    The caller maps over seeds: ``jax.vmap(lambda p: train(loss, p, optimiser, steps=steps))``.

    >>> import jax.numpy as jnp
    >>> shrink = train(lambda w: 0.5 * w**2, jnp.array(1.0), optax.sgd(0.5), steps=np.array([0, 1, 3]))
    >>> shrink.observed.tolist()
    [1.0, 0.5, 0.125]
    """
    intervals = intervals_between(steps)
    if (draw is None) != (key is None):
        raise ValueError(f"draw and key must be given together, got draw={draw!r} and key={key!r}")

    def update(index, state):
        parameters, optimiser_state = state
        batch = () if draw is None else (draw(jax.random.fold_in(key, index)),)
        gradient = jax.grad(loss)(parameters, *batch)
        change, optimiser_state = optimiser.update(gradient, optimiser_state, parameters)
        return optax.apply_updates(parameters, change), optimiser_state

    @jax.jit
    def run(parameters, optimiser_state):
        state = parameters, optimiser.init(parameters) if optimiser_state is None else optimiser_state
        return iterate(update, state, intervals, lambda state: observe(state[0]))

    (parameters, optimiser_state), observed = run(parameters, optimiser_state)
    return Trained(parameters, np.asarray(steps), observed, optimiser_state)
