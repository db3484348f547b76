"""Runs side by side on two cores: products of small matrices leave the second one idle."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import jax

Result = TypeVar("Result")

THREADS = 2
"""How many runs go on at a time."""


def side_by_side(jobs: Iterable[Callable[[], Result]]) -> list[Result]:
    """What each of the jobs returns, in their order; JAX lets go of Python while it computes.

    They compute in the precision of the caller, also where a context has set it.

    >>> side_by_side([lambda: 1, lambda: 2, lambda: 3])
    [1, 2, 3]
    """
    # a context of JAX holds for its own thread alone
    wide = jax.config.jax_enable_x64

    def run(job: Callable[[], Result]) -> Result:
        with jax.enable_x64(wide):
            return jax.block_until_ready(job())

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, jobs))
