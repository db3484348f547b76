"""One run for every setting with every task, on two cores."""

from collections.abc import Callable
from functools import partial

import jax
import numpy as np
from jaxtyping import PyTree

from solvable._types import place
from solvable.threads import THREADS, side_by_side


def every_pair(run: Callable[[PyTree, PyTree], PyTree], settings: PyTree, tasks: PyTree) -> PyTree:
    """``run(setting, task)`` for every setting with every task, along two new axes.

    One compiled program, whose runs are shared among threads. Runs batched by ``vmap`` take a quarter longer than one
    after the other, because together they outgrow the cache.

    Args:
        run: what to do with one entry of each; returns a pytree of arrays.
        settings: a pytree of arrays, whose first axis counts settings.
        tasks: a pytree of arrays, whose first axis counts tasks.

    Returns:
        NumPy arrays, with the settings' axis before that of the tasks.
    """
    counts = [len(jax.tree.leaves(part)[0]) for part in (settings, tasks)]
    pairs = np.indices(counts).reshape(2, -1)
    total = pairs.shape[1]
    share = -(-total // THREADS)
    # shares of one length have one program; where the last is short it repeats a run
    shares = [
        tuple(map(place, pairs[:, np.minimum(np.arange(first, first + share), total - 1)]))
        for first in range(0, total, share)
    ]
    settings, tasks = (jax.tree.map(place, part) for part in (settings, tasks))

    def at(pair):
        setting, task = pair
        return run(jax.tree.map(lambda leaf: leaf[setting], settings), jax.tree.map(lambda leaf: leaf[task], tasks))

    program = jax.jit(lambda pairs: jax.lax.map(at, pairs)).lower(shares[0]).compile()
    done = side_by_side(partial(program, some) for some in shares)
    found = jax.tree.map(lambda *parts: np.concatenate(parts)[:total], *done)
    return jax.tree.map(lambda part: part.reshape(*counts, *part.shape[1:]), found)
