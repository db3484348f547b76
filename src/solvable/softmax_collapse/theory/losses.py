"""Losses of a classifier, and in which of their forms the right class stops to count."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from solvable import require
from solvable._types import RealLike, place, promote


def checked(logits: ArrayLike, labels: ArrayLike) -> tuple[Array, Array]:
    """Logits as an array of floating-point numbers, and labels as whole numbers that name one of the classes.

    Raises:
        ValueError: there are fewer than two classes, or a label is none of them.
    """
    (logits,) = promote(logits)
    require.integer(0, labels=labels)
    if logits.ndim == 0 or logits.shape[-1] < 2:
        raise ValueError(f"logits must have at least two classes, got shape {logits.shape}")
    require.shape(logits.shape[:-1], labels=labels)
    require.within(0, logits.shape[-1] - 1, labels=labels)
    return logits, place(labels, np.int32)


def shifted(logits: Float[Array, "*batch classes"]) -> Float[Array, "*batch classes"]:
    """Logits less the largest one, so that no exponential overflows; the shift has no derivative of its own."""
    return logits - jax.lax.stop_gradient(jnp.max(logits, axis=-1, keepdims=True))


def right_one(values: Float[Array, "*batch classes"], labels: Int[Array, "*batch"]) -> Float[Array, "*batch"]:
    """The value of the right class."""
    return jnp.take_along_axis(values, labels[..., None], axis=-1)[..., 0]


def rivals(logits: Float[Array, "*batch classes"], labels: Int[Array, "*batch"]) -> Float[Array, "*batch classes"]:
    """The other logits less the right one, and minus infinity in its own place."""
    wrong = labels[..., None] != jnp.arange(logits.shape[-1], dtype=labels.dtype)
    # subtracted before anything is summed, so that no digits go to what all logits have in common
    return jnp.where(wrong, logits - right_one(logits, labels)[..., None], -jnp.inf)


def softmax_cross_entropy(
    logits: Float[ArrayLike, "*batch classes"], labels: Int[ArrayLike, "*batch"]
) -> Float[Array, "*batch"]:
    r"""Cross-entropy as libraries compute it: the logarithm of a sum that is shifted by the largest logit.

    .. math::

        \ell = \ln \sum_k e^{z_k - z_{\max}} - (z_y - z_{\max}), \qquad
        \frac{\partial \ell}{\partial z_c} = \frac{e^{z_c - z_{\max}}}{\sum_k e^{z_k - z_{\max}}} - \delta_{cy}

    In the arithmetic of the logits. Where the right class wins by the gap of ``collapse_threshold``, the sum is 1 and
    the derivative by the right logit is exactly 0.

    Args:
        logits: ``(..., K)``, with at least two classes.
        labels: ``(...,)``; the right classes, from 0.

    Returns:
        The loss of each sample, in nats.

    Raises:
        ValueError: there are fewer than two classes, or a label is none of them.

    Source: Prieto et al. (2025), section 3.

    >>> print(f"{softmax_cross_entropy(np.float32([17, 0]), 0):.1e}")
    0.0e+00
    """
    logits, labels = checked(logits, labels)
    z = shifted(logits)
    return jnp.log(jnp.sum(jnp.exp(z), axis=-1)) - right_one(z, labels)


def softmax_cross_entropy_log1p(
    logits: Float[ArrayLike, "*batch classes"], labels: Int[ArrayLike, "*batch"]
) -> Float[Array, "*batch"]:
    r"""Cross-entropy in a form that does not collapse: the 1 of the right class never meets the small numbers.

    .. math:: \ell = \ln\Big(1 + \sum_{k \ne y} e^{z_k - z_y}\Big)

    by ``log1p`` where the right class wins. In float32 it is accurate until the exponentials underflow, at a gap of 87.

    Args:
        logits: ``(..., K)``, with at least two classes.
        labels: ``(...,)``; the right classes, from 0.

    Returns:
        The loss of each sample, in nats.

    Raises:
        ValueError: there are fewer than two classes, or a label is none of them.

    Source: derived in the chapter.

    >>> print(f"{softmax_cross_entropy_log1p(np.float32([17, 0]), 0):.1e}")
    4.1e-08
    """
    logits, labels = checked(logits, labels)
    return jax.nn.softplus(jax.nn.logsumexp(rivals(logits, labels), axis=-1))


def stablemax_weights(x: RealLike) -> Float[Array, "..."]:
    r"""What StableMax has in the place of the exponential.

    .. math:: s(x) = x + 1 \;\; (x \ge 0), \qquad s(x) = \frac{1}{1 - x} \;\; (x < 0)

    It grows with :math:`x`, linearly; :math:`s(0) = s'(0) = 1` and :math:`s(x)\,s(-x) = 1`.

    Args:
        x: any shape.

    Source: Prieto et al. (2025), section 3.3.

    >>> print(stablemax_weights(np.array([-1.0, 0.0, 1.0])))
    [0.5 1.  2. ]
    """
    (x,) = promote(x)
    # the branch that is not taken is evaluated at 0: at 1 its derivative would be infinite, and 0 times that is NaN
    return jnp.where(x >= 0, x + 1, 1 / (1 - jnp.minimum(x, 0)))


def stablemax_logits(x: RealLike) -> Float[Array, "..."]:
    r"""The logits of which the softmax is StableMax, :math:`\ln s(x) = \operatorname{sign}(x) \ln(1 + \lvert x\rvert)`.

    Args:
        x: any shape.

    Source: Prieto et al. (2025), proposition 1; the form is derived in the chapter.
    """
    (x,) = promote(x)
    return jnp.log1p(jnp.maximum(x, 0)) - jnp.log1p(jnp.maximum(-x, 0))


def stablemax(logits: Float[ArrayLike, "*batch classes"]) -> Float[Array, "*batch classes"]:
    r"""Probabilities that fall off as a power of the logits, :math:`s(z_i) / \sum_j s(z_j)`.

    Args:
        logits: ``(..., K)``.

    Returns:
        Positive numbers that sum to 1 along the last axis.

    Source: Prieto et al. (2025), section 3.3.

    >>> print(stablemax(np.array([3.0, 0.0, -1.0])).round(3))
    [0.727 0.182 0.091]
    """
    weights = stablemax_weights(logits)
    return weights / jnp.sum(weights, axis=-1, keepdims=True)


def stablemax_cross_entropy(
    logits: Float[ArrayLike, "*batch classes"], labels: Int[ArrayLike, "*batch"]
) -> Float[Array, "*batch"]:
    r"""Minus the logarithm of the right class's ``stablemax``.

    .. math:: \ell = \ln \sum_k s(z_k) - \ln s(z_y)

    For a right logit :math:`L` and others :math:`-L` it is about :math:`(K - 1) / (1 + L)^2`, where cross-entropy is
    :math:`(K - 1)\,e^{-2L}`. It collapses too, but later: ``stablemax_collapse_scale``. The value has the rounding of
    both logarithms, about 1e-6 in float32; the derivatives do not.

    Args:
        logits: ``(..., K)``, with at least two classes.
        labels: ``(...,)``; the right classes, from 0.

    Returns:
        The loss of each sample, in nats.

    Raises:
        ValueError: there are fewer than two classes, or a label is none of them.

    Source: Prieto et al. (2025), section 3.3. Their code computes it in float64.
    """
    logits, labels = checked(logits, labels)
    weights = stablemax_weights(logits)
    # as a difference: the derivative by the right logit is then 0, and not rounding of either sign, once both are equal
    return jnp.log(jnp.sum(weights, axis=-1)) - jnp.log(right_one(weights, labels))


def taylor_softmax(logits: Float[ArrayLike, "*batch classes"]) -> Float[Array, "*batch classes"]:
    r"""Probabilities from the first three terms of the exponential.

    .. math:: T(z)_i = \frac{1 + z_i + z_i^2/2}{\sum_j \big(1 + z_j + z_j^2/2\big)}

    The numerator is :math:`((z + 1)^2 + 1)/2`: positive, but it grows again below :math:`z = -1`, so that a low logit
    is no longer an unlikely class.

    Args:
        logits: ``(..., K)``.

    Returns:
        Positive numbers that sum to 1 along the last axis.

    Source: de Brébisson and Vincent (2015).

    >>> print(taylor_softmax(np.array([1.0, -1.0, -3.0])).round(3))
    [0.455 0.091 0.455]
    """
    (logits,) = promote(logits)
    # twice every numerator, over the largest square: in float32 that would overflow from a logit of 2e19
    scale = jax.lax.stop_gradient(jnp.maximum(jnp.max(jnp.abs(logits + 1), axis=-1, keepdims=True), 1))
    weights = ((logits + 1) / scale) ** 2 + (1 / scale) ** 2
    return weights / jnp.sum(weights, axis=-1, keepdims=True)


def taylor_softmax_cross_entropy(
    logits: Float[ArrayLike, "*batch classes"], labels: Int[ArrayLike, "*batch"]
) -> Float[Array, "*batch"]:
    """Minus the logarithm of the right class's ``taylor_softmax``.

    Args:
        logits: ``(..., K)``, with at least two classes.
        labels: ``(...,)``; the right classes, from 0.

    Returns:
        The loss of each sample, in nats.

    Raises:
        ValueError: there are fewer than two classes, or a label is none of them.

    Source: de Brébisson and Vincent (2015).
    """
    logits, labels = checked(logits, labels)
    return -jnp.log(right_one(taylor_softmax(logits), labels))


def z_loss(logits: Float[ArrayLike, "*batch classes"], *, coefficient: float = 1e-4) -> Float[Array, "*batch"]:
    r"""Penalty that keeps the normaliser of a softmax near 1.

    .. math:: c \, \ln^2 Z, \qquad Z = \sum_k e^{z_k}

    Cross-entropy does not change when all logits move together; this term stops that drift, and leaves the gap alone.

    Args:
        logits: ``(..., K)``.
        coefficient: :math:`c`, non-negative.

    Returns:
        The penalty of each sample, to be added to its loss.

    Raises:
        ValueError: ``coefficient`` is negative.

    Source: Wortsman et al. (2023). Another thing by the same name is ``spherical_z_loss``.
    """
    require.non_negative(coefficient=coefficient)
    (logits,) = promote(logits)
    return coefficient * jax.nn.logsumexp(logits, axis=-1) ** 2


def spherical_z_loss(
    logits: Float[ArrayLike, "*batch classes"], labels: Int[ArrayLike, "*batch"], *, a: float = 0.1, b: float = 10.0
) -> Float[Array, "*batch"]:
    r"""A loss of logits that are standardised over the classes, so that their scale and their shift do not count.

    .. math::

        \ell = \frac{1}{a} \ln\big(1 + e^{a (b - \tilde z_y)}\big), \qquad
        \tilde z_k = \frac{z_k - \mu}{\sigma}

    with mean :math:`\mu` and standard deviation :math:`\sigma` over the classes. Larger logits in the same direction
    do not lower it.

    Args:
        logits: ``(..., K)``, with at least two classes, and not all equal.
        labels: ``(...,)``; the right classes, from 0.
        a: steepness; positive.
        b: where the loss bends, in standard deviations.

    Returns:
        The loss of each sample.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: de Brébisson and Vincent (2016).
    """
    require.positive(a=a)
    require.finite(b=b)
    logits, labels = checked(logits, labels)
    scores = (logits - jnp.mean(logits, axis=-1, keepdims=True)) / jnp.std(logits, axis=-1, keepdims=True)
    return jax.nn.softplus(a * (b - right_one(scores, labels))) / a


LOSSES = {
    "softmax": softmax_cross_entropy,
    "softmax_log1p": softmax_cross_entropy_log1p,
    "stablemax": stablemax_cross_entropy,
    "taylor": taylor_softmax_cross_entropy,
    "spherical_z": spherical_z_loss,
}
"""Losses that a classifier can be trained with, by name."""


def stablemax_collapse_scale(dtype_bits: int, *, classes: int) -> float:
    r"""Size of the logits at which StableMax collapses in turn.

    .. math:: L^* = \sqrt{(K - 1)\, 2^t} - 1

    where the right logit is :math:`L` and the others :math:`-L`: their share :math:`(K-1)/(1+L)^2` is then
    :math:`2^{-t}`, and is lost where :math:`1 + L` is a power of 2. Elsewhere it is lost at up to :math:`\sqrt 2` times
    this, as the numbers there are up to twice as dense; and sooner where the others are not summed before they meet the
    right one.

    Args:
        dtype_bits: :math:`t`, as ``significand_bits`` counts them.
        classes: :math:`K`, at least 2.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.

    >>> print(f"{stablemax_collapse_scale(24, classes=31):.3g}")
    2.24e+04
    """
    require.integer(1, dtype_bits=dtype_bits)
    require.integer(2, classes=classes)
    return ((classes - 1) * 2.0**dtype_bits) ** 0.5 - 1
