"""Memory between the sections of a long notebook."""

import ctypes
import gc
import sys

import jax


def give_back() -> None:
    """Forget compiled programs, and hand memory that is no longer used back to the system.

    What JAX compiles stays in memory until it is told to forget it, and the C library of Linux keeps what was freed for
    later: together some hundred megabytes in a notebook of many sections. What is needed again is compiled again.
    """
    jax.clear_caches()
    gc.collect()
    if sys.platform == "linux":
        # only glibc has it, and only glibc needs it
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
