"""Memory between the sections of a notebook."""

import ctypes
import sys

import jax
import jax.numpy as jnp
import pytest

from solvable import memory


def test_what_was_compiled_is_compiled_again():
    traced = []

    @jax.jit
    def double(x):
        traced.append(x)
        return 2 * x

    for _ in range(2):
        double(jnp.ones(3))
    assert len(traced) == 1
    memory.give_back()
    assert double(jnp.ones(3)).tolist() == [2, 2, 2]
    assert len(traced) == 2


def resident() -> int:
    """Pages of memory that this process has."""
    with open("/proc/self/statm") as pages:
        return int(pages.read().split()[1])


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"),
    reason="memory is handed back by a function of the GNU C library",
)
def test_freed_memory_is_handed_back():
    # blocks too small for the library to map one by one, every second of which is freed
    blocks = [bytes(60_000) for _ in range(2000)]
    full = resident()
    keep = blocks[-1]
    del blocks
    memory.give_back()
    # 120 MB were taken; other objects may lie between them
    assert (full - resident()) * 4096 > 60e6
    assert len(keep) == 60_000


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_only_programs_are_forgotten(monkeypatch, platform):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(ctypes, "CDLL", None)
    memory.give_back()
