"""Where floating point ends: the gap between logits beyond which a sum of exponentials is its largest term alone."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from solvable import require

from .losses import checked, right_one, rivals, shifted, softmax_cross_entropy

DTYPES = ("bfloat16", "float16", "float32", "float64")
"""Floating-point formats in the order of their precision."""


class CollapseThreshold(NamedTuple):
    """Gap from the right logit to the largest other one at which a sample collapses.

    Attributes:
        earliest: below this gap no sample collapses, whatever the other logits are.
        latest: above this gap every sample has collapsed, in whatever order the exponentials are summed, up to the
            rounding of the sum of the small ones.
    """

    earliest: float
    latest: float


def significand_bits(dtype: str) -> int:
    """Binary digits of a floating-point number, with the one that is not stored.

    Args:
        dtype: one of ``DTYPES``.

    Raises:
        ValueError: ``dtype`` is another one.

    Source: IEEE 754 (2019), table 3.5; for bfloat16 its 7 stored digits.

    >>> [significand_bits(dtype) for dtype in DTYPES]
    [8, 11, 24, 53]
    """
    require.one_of(DTYPES, dtype=dtype)
    return int(jnp.finfo(dtype).nmant) + 1


def collapse_threshold(dtype: str, *, classes: int = 2) -> CollapseThreshold:
    r"""Gap between logits beyond which the right class stands alone.

    .. math:: t \ln 2 \;\le\; g^* \;\le\; t \ln 2 + \ln(K - 1)

    With :math:`t` binary digits and rounding to the nearest, to even in a tie, :math:`1 + u` is 1 for
    :math:`u \le 2^{-t}`. A single rival adds :math:`u = e^{-g}`. Of several, each may be rounded away by itself, at the
    lower end, or they may be summed before they meet the 1; at the upper end all are equal and so summed.

    Args:
        dtype: of the arithmetic, one of ``DTYPES``.
        classes: :math:`K`; at least 2.

    Returns:
        Both ends, which are one number for two classes.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.

    >>> print([f"{gap:.3f}" for gap in collapse_threshold("float32", classes=31)])
    ['16.636', '20.037']
    """
    require.integer(2, classes=classes)
    alone = significand_bits(dtype) * math.log(2)
    return CollapseThreshold(alone, alone + math.log(classes - 1))


def logit_gap(logits: Float[ArrayLike, "*batch classes"], labels: Int[ArrayLike, "*batch"]) -> Float[Array, "*batch"]:
    r"""Gap from the right logit to the largest other one, :math:`g = z_y - \max_{k \ne y} z_k`.

    Args:
        logits: ``(..., K)``, with at least two classes.
        labels: ``(...,)``; the right classes, from 0.

    Raises:
        ValueError: there are fewer than two classes, or a label is none of them.

    Source: Prieto et al. (2025), section 3.
    """
    logits, labels = checked(logits, labels)
    return -jnp.max(rivals(logits, labels), axis=-1)


def log_odds(logits: Float[ArrayLike, "*batch classes"], labels: Int[ArrayLike, "*batch"]) -> Float[Array, "*batch"]:
    r"""Logarithm of the odds of the right class, :math:`\ell = z_y - \ln \sum_{k \ne y} e^{z_k}`.

    The cross-entropy is :math:`\ln(1 + e^{-\ell})`. Where the others are summed exactly, a sample collapses at
    :math:`\ell = t \ln 2`; the gap is larger, by at most :math:`\ln(K - 1)`.

    Args:
        logits: ``(..., K)``, with at least two classes.
        labels: ``(...,)``; the right classes, from 0.

    Raises:
        ValueError: there are fewer than two classes, or a label is none of them.

    Source: derived in the chapter.
    """
    logits, labels = checked(logits, labels)
    return -jax.nn.logsumexp(rivals(logits, labels), axis=-1)


def collapsed(logits: Float[ArrayLike, "*batch classes"], labels: Int[ArrayLike, "*batch"]) -> Bool[Array, "*batch"]:
    r"""Whether the sum of exponentials is that of the right class alone, in the arithmetic of the logits.

    .. math:: \sum_k e^{z_k - z_{\max}} \doteq e^{z_y - z_{\max}}

    where both sides are floating-point numbers. The loss is then exactly 0, and so is its derivative by the right
    logit.

    Args:
        logits: ``(..., K)``, with at least two classes.
        labels: ``(...,)``; the right classes, from 0.

    Raises:
        ValueError: there are fewer than two classes, or a label is none of them.

    Source: Prieto et al. (2025), section 3, equation 2.
    """
    logits, labels = checked(logits, labels)
    exponentials = jnp.exp(shifted(logits))
    return jnp.sum(exponentials, axis=-1) == right_one(exponentials, labels)


def collapsed_fraction(
    logits: Float[ArrayLike, "*batch classes"], labels: Int[ArrayLike, "*batch"]
) -> Float[Array, ""]:
    """Share of samples that are ``collapsed``.

    Args:
        logits: ``(..., K)``, with at least two classes.
        labels: ``(...,)``; the right classes, from 0.

    Raises:
        ValueError: there are fewer than two classes, or a label is none of them.

    Source: Prieto et al. (2025), section 3.

    >>> logits = jnp.array([[17.0, 0.0], [16.0, 0.0]], "float32")
    >>> float(collapsed_fraction(logits, jnp.array([0, 0])))
    0.5
    """
    return jnp.mean(collapsed(logits, labels), dtype=float)


def zero_sum_violation(
    logits: Float[ArrayLike, "*batch classes"], labels: Int[ArrayLike, "*batch"]
) -> Float[Array, "*batch"]:
    r"""By how much the derivatives of a sample's cross-entropy fail to cancel.

    .. math::

        v = \frac{\lvert\sum_c \partial \ell / \partial z_c\rvert}{\sum_c \lvert\partial \ell / \partial z_c\rvert}

    In exact arithmetic the pull on the right logit is the sum of the pushes on the others, and :math:`v = 0`. In
    floating-point numbers of :math:`t` binary digits the pull is a small difference from 1, with an error of about
    :math:`2^{-t}`, so that :math:`v` is about :math:`2^{-t} / (1 - p_y)`: it grows with the gap, to 1/3 for two classes
    at the last gap before they collapse. In a collapsed sample only the pushes are left, and :math:`v = 1`.

    Args:
        logits: ``(..., K)``, with at least two classes.
        labels: ``(...,)``; the right classes, from 0.

    Returns:
        From 0 to 1 for each sample; 0 where every derivative is 0, as it is in a collapsed sample whose exponentials
        have all underflowed.

    Raises:
        ValueError: there are fewer than two classes, or a label is none of them.

    Source: derived in the chapter.
    """
    logits, labels = checked(logits, labels)
    slopes = jax.grad(lambda z: jnp.sum(softmax_cross_entropy(z, labels)))(logits)
    # divided first, as sums of tiny numbers would be flushed to zero; by a number whose reciprocal is finite, as the
    # compiler may multiply by that
    largest = jnp.max(jnp.abs(slopes), axis=-1, keepdims=True)
    parts = slopes / jnp.maximum(largest, jnp.finfo(slopes.dtype).tiny)
    total = jnp.sum(jnp.abs(parts), axis=-1)
    return jnp.abs(jnp.sum(parts, axis=-1)) / jnp.where(total > 0, total, 1)
