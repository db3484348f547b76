"""At which gap this machine's own arithmetic loses the small exponentials, and how that depends on their order."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from solvable import require

from ..theory.losses import right_one, shifted
from ..theory.precision import DTYPES, collapsed

PLACES = ("first", "middle", "last")
"""Where the right class stands among the others."""


@jax.jit
def _collapsed_in_turn(logits: Float[Array, "n classes"], labels: Int[Array, " n"]) -> Bool[Array, " n"]:
    exponentials = jnp.exp(shifted(logits))
    # the carry of a loop is kept in its own type, so that every partial sum is rounded
    start = jnp.zeros(labels.shape, logits.dtype)
    total, _ = jax.lax.scan(lambda partial, one: (partial + one, None), start, exponentials.T)
    return total == right_one(exponentials, labels)


SUMMATIONS = {"library": jax.jit(collapsed), "in turn": _collapsed_in_turn}
"""How the exponentials are added: by the sum of the library, as in every loss here, or one after the other."""


def measured_threshold(
    dtype: str, *, classes: int = 2, right: str = "last", summation: str = "library", samples: int = 1
) -> float:
    r"""The smallest gap at which a sample is ``collapsed``, where all rivals of the right class are equal.

    .. math:: \min \Big\{ g : \sum_k e^{z_k - z_y} \doteq 1 \Big\}, \qquad z_y = 0, \quad z_k = -g

    It lies between the ends of ``collapse_threshold``; where, the order decides. Added one after the other, the
    :math:`m` rivals that come before the right class are summed before they meet its 1, and each that comes after meets
    the 1 alone: the threshold is :math:`t \ln 2 + \ln \max(m, 1)`, up to the rounding of the sum of the :math:`m`. A
    library adds in blocks, which may change with the number of samples, and in float32 what it is given in fewer bits.

    Found by bisection: a rounded sum never falls as its terms grow, so that a sample collapses at every larger gap too.

    Args:
        dtype: of the arithmetic, one of ``DTYPES``; float64 whatever JAX's default is.
        classes: :math:`K`; at least 2.
        right: place of the right class, one of ``PLACES``; in the middle, ``classes // 2`` rivals come before it.
        summation: one of ``SUMMATIONS``.
        samples: how many rows, all alike, are summed at a time; at least 1.

    Returns:
        A number of this ``dtype``; at the next smaller one not all samples have collapsed.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.

    >>> print([f"{measured_threshold('float32', classes=31, right=r, summation='in turn'):.3f}" for r in PLACES])
    ['16.636', '19.344', '20.037']
    """
    require.one_of(DTYPES, dtype=dtype)
    require.integer(2, classes=classes)
    require.one_of(PLACES, right=right)
    require.one_of(SUMMATIONS, summation=summation)
    require.integer(1, samples=samples)
    label = {"first": 0, "middle": classes // 2, "last": classes - 1}[right]
    labels = np.full(samples, label, np.int32)
    one_of_dtype = jnp.dtype(dtype).type

    def alone(gap: np.generic) -> bool:
        logits = np.full((samples, classes), -gap, dtype)
        logits[:, label] = 0
        return bool(SUMMATIONS[summation](logits, labels).all())

    # from equal logits to exponentials that are less than half of the smallest number
    low, high = one_of_dtype(0), one_of_dtype(1 - np.log(float(jnp.finfo(dtype).smallest_subnormal)))
    with jax.enable_x64(True):
        while True:
            middle = one_of_dtype((float(low) + float(high)) / 2)
            # no number of this type lies between neighbours: a tolerance would be too coarse for one type, or too fine
            if middle in (low, high):
                return float(high)
            low, high = (low, middle) if alone(middle) else (middle, high)
