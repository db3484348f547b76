"""Solvable: closed forms of solvable models of deep learning, and the experiments that they are held against.

One subpackage a chapter of the book: :mod:`solvable.deep_linear`, :mod:`solvable.ntk`, :mod:`solvable.lazy_rich`,
:mod:`solvable.superposition`, :mod:`solvable.softmax_collapse`, :mod:`solvable.best_of_k`. Importing changes no global
setting of JAX; where theory meets experiment, ask for float64 first with ``jax.config.update("jax_enable_x64", True)``.
"""

from importlib.metadata import version

__version__ = version("solvable")
