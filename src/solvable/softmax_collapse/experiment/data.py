"""What is learned: addition modulo a number, and the parity of a few bits among many."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Float, Int, Key

from solvable import require
from solvable.randomness import generator


class Task(NamedTuple):
    """Examples to learn from, and others to be judged by.

    Attributes:
        train_inputs: ``(n, ...)``; whole numbers are the places of ones in a vector of zeros, of length ``width``;
            others are that vector itself.
        train_labels: ``(n,)``; right classes, from 0.
        test_inputs: as ``train_inputs``.
        test_labels: as ``train_labels``.
        width: length of an input.
        classes: number of classes.
    """

    train_inputs: Int[np.ndarray, "n places"] | Float[np.ndarray, "n width"]
    train_labels: Int[np.ndarray, " n"]
    test_inputs: Int[np.ndarray, "m places"] | Float[np.ndarray, "m width"]
    test_labels: Int[np.ndarray, " m"]
    width: int
    classes: int


def modular_addition(p: int, *, fraction: float, key: Key[Array, ""]) -> Task:
    r"""The table of :math:`(a + b) \bmod p`, split at random.

    Args:
        p: how many numbers; at least 2.
        fraction: of the ``p**2`` pairs that are examples, rounded down; at least one pair is on either side.
        key: the source of randomness.

    Returns:
        Two ones in a vector of length ``2 p`` for each pair: at :math:`a`, and at :math:`p + b`.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: Prieto et al. (2025), section 4, with p = 113.

    >>> import jax
    >>> task = modular_addition(31, fraction=0.8, key=jax.random.key(0))
    >>> len(task.train_labels), len(task.test_labels), task.width, task.classes
    (768, 193, 62, 31)
    """
    require.integer(2, p=p)
    require.within(1 / p**2, 1 - 1 / p**2, fraction=fraction)
    pairs = generator(key).permutation(p * p).astype(np.int32)
    a, b = pairs // p, pairs % p
    # float(p * p) * fraction of a fraction such as 1 - 1/p**2 may fall short of the whole number by rounding
    examples = int(np.floor(p * p * fraction + 1e-9))
    inputs, labels = np.stack([a, p + b], axis=1), (a + b) % p
    return Task(inputs[:examples], labels[:examples], inputs[examples:], labels[examples:], 2 * p, p)


def sparse_parity(bits: int, *, parity_bits: int, samples: int, fraction: float, key: Key[Array, ""]) -> Task:
    """Random bits, of which the parity of the first few is to be found.

    Args:
        bits: length of an input.
        parity_bits: how many of them count; from 1 to ``bits``.
        samples: number of inputs; at least 2.
        fraction: of them that are examples, rounded down; at least one is on either side.
        key: the source of randomness.

    Returns:
        Inputs of zeros and ones, and two classes.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: Prieto et al. (2025), figure 4: 40 bits in its caption, of which 3 count; 43 in their code. Of
    2000 samples half are for training.

    >>> import jax
    >>> task = sparse_parity(40, parity_bits=3, samples=2000, fraction=0.5, key=jax.random.key(0))
    >>> task.train_inputs.shape, task.test_inputs.shape, task.classes
    ((1000, 40), (1000, 40), 2)
    """
    require.integer(1, bits=bits, parity_bits=parity_bits)
    require.within(1, bits, parity_bits=parity_bits)
    require.integer(2, samples=samples)
    require.within(1 / samples, 1 - 1 / samples, fraction=fraction)
    drawn = generator(key).integers(0, 2, size=(samples, bits))
    labels = (drawn[:, :parity_bits].sum(axis=1) % 2).astype(np.int32)
    inputs, examples = drawn.astype(float), int(np.floor(samples * fraction + 1e-9))
    return Task(inputs[:examples], labels[:examples], inputs[examples:], labels[examples:], bits, 2)
