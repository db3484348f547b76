"""How often each feature is active, and what that alone says about the loss."""

from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float

from solvable import require
from solvable._types import RealLike, promote

SPECTRA = ("power", "exponential", "linear", "uniform")
Spectrum = Literal["power", "exponential", "linear", "uniform"]

MEAN_SQUARE = 4 / 3
"""Mean square of an active feature, which is uniform between 0 and 2."""


def feature_frequencies(
    kind: Spectrum, n: int, *, alpha: float = 1.0, length: float = 400.0, density: float = 1.0
) -> Float[Array, " n"]:
    r"""Probabilities with which ``n`` features are active, the most frequent first.

    .. math::

        p_i \propto \quad i^{-\alpha} \;\text{(power)}, \quad e^{-i/\ell} \;\text{(exponential)}, \quad
        n + 1 - i \;\text{(linear)}, \quad 1 \;\text{(uniform)}, \qquad \sum_{i=1}^n p_i = E

    ``alpha`` is the exponent of the *data*. The authors' code names one less ``alpha``, the figures do not.

    Args:
        kind: of the spectrum, one of those above.
        n: number of features; at least 1.
        alpha: exponent of the power law, at least 0, which is uniform. Only for ``power``.
        length: :math:`\ell`, in features. Only for ``exponential``.
        density: :math:`E`, the mean number of features that are active at a time.

    Returns:
        The probabilities, ``(n,)``, in JAX's default precision.

    Raises:
        ValueError: an argument lies outside its domain, or a probability would exceed 1.

    Source: Liu, Liu and Gore (2025), and their code.

    >>> [f"{p:.4f}" for p in feature_frequencies("power", 3, alpha=1.0)]
    ['0.5455', '0.2727', '0.1818']
    """
    require.one_of(SPECTRA, kind=kind)
    require.integer(1, n=n)
    require.non_negative(alpha=alpha)
    require.positive(length=length, density=density)
    i = jnp.arange(1.0, n + 1)
    shapes = {"power": i**-alpha, "exponential": jnp.exp(-(i - 1) / length), "linear": n + 1 - i, "uniform": i**0}
    frequencies = density * shapes[kind] / jnp.sum(shapes[kind])
    if jnp.max(frequencies) > 1:
        raise ValueError(f"density must leave every probability at most 1, got {density} for a {kind} spectrum")
    return frequencies


def evened_frequencies(frequencies: Float[ArrayLike, " n"], s: RealLike) -> Float[Array, " n"]:
    r"""The same spectrum at a higher density: :math:`p_i \,(1 + s\,(1/p_{\max} - 1))`.

    Args:
        frequencies: ``(n,)``; in (0, 1].
        s: from 0, nothing changes, to 1, the most frequent feature is always active.

    Returns:
        The probabilities, ``(n,)``; their shape over the features is kept.

    Source: the code of Liu, Liu and Gore (2025).
    """
    require.positive(frequencies=frequencies)
    require.within(0, 1, frequencies=frequencies)
    require.within(0, 1, s=s)
    frequencies, s = promote(frequencies, s)
    # at s = 1 the largest is 1 but for rounding
    return jnp.minimum(frequencies * (1 + s * (1 / jnp.max(frequencies) - 1)), 1)


def feature_variances(frequencies: Float[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
    r"""Variance of features that are 0 or, with probability ``p``, uniform between 0 and 2: :math:`\frac43 p - p^2`.

    Args:
        frequencies: probabilities, any shape.

    Source: derived in the chapter.

    >>> [f"{variance:.4f}" for variance in feature_variances(jnp.array([0.0, 1.0]))]
    ['0.0000', '0.3333']
    """
    require.within(0, 1, frequencies=frequencies)
    (p,) = promote(frequencies)
    return MEAN_SQUARE * p - p**2


def unlearned_loss(frequencies: Float[ArrayLike, " n"], represented: Bool[ArrayLike, " n"]) -> Float[Array, ""]:
    r"""Loss of a network that knows some features perfectly and says 0 for the others.

    .. math:: L = \frac43 \sum_{i \text{ not represented}} p_i

    Args:
        frequencies: ``(n,)``; how often each is active.
        represented: ``(n,)``; which are known.

    Returns:
        The mean squared error, summed over the features.

    Source: Liu, Liu and Gore (2025), with :math:`\langle v^2\rangle = 4/3` filled in.

    >>> p = feature_frequencies("uniform", 4)
    >>> f'{unlearned_loss(p, jnp.array([True, True, True, False])):.4f}'
    '0.3333'
    """
    require.within(0, 1, frequencies=frequencies)
    (p,) = promote(frequencies)
    # jnp.where and not a product with a bool, so that no dtype is promoted
    return MEAN_SQUARE * jnp.sum(jnp.where(jnp.asarray(represented), 0, p))


def ideal_loss(frequencies: Float[ArrayLike, " n"], m: RealLike) -> Float[Array, "..."]:
    r"""The same where the most frequent ``m`` features are the ones that are known: :math:`\frac43\sum_{i>m} p_i`.

    For a power law with :math:`\alpha > 1` and infinitely many features it falls as :math:`m^{-(\alpha-1)}`; with
    finitely many it falls faster, and for :math:`\alpha \le 1` it is no power law.

    Args:
        frequencies: ``(n,)``; in any order.
        m: how many are known; whole numbers from 0 to ``n``, any shape.

    Source: Liu, Liu and Gore (2025).
    """
    require.within(0, 1, frequencies=frequencies)
    (p,) = promote(frequencies)
    return MEAN_SQUARE * _left_after(p, m)


def pca_loss(frequencies: Float[ArrayLike, " n"], m: RealLike) -> Float[Array, "..."]:
    r"""The least loss of a *linear* autoencoder of width ``m``, exactly and without training.

    .. math:: L = \sum_{i > m} \operatorname{Var}(x_i), \qquad \operatorname{Var}(x_i) = \frac43 p_i - p_i^2

    with the variances in descending order: features are independent, so the principal components are the features
    themselves. Biases take care of the mean.

    Args:
        frequencies: ``(n,)``; in any order.
        m: widths; whole numbers from 0 to ``n``, any shape.

    Returns:
        The mean squared error, summed over the features.

    Raises:
        ValueError: a frequency is no probability, or a width is not a whole number from 0 to ``n``.

    Source: derived in the chapter.

    >>> [f"{loss:.4f}" for loss in pca_loss(feature_frequencies("uniform", 4), jnp.array([0, 3, 4]))]
    ['1.0833', '0.2708', '0.0000']
    """
    return _left_after(feature_variances(frequencies), m)


def _left_after(power, m):
    """Sum of all but the ``m`` largest entries."""
    require.integer(0, m=m)
    require.within(0, len(power), m=m)
    # summed from the smallest on, so that nothing is lost where little is left
    left = jnp.concatenate([jnp.zeros(1, power.dtype), jnp.cumsum(jnp.sort(power))])
    return left[len(power) - jnp.asarray(m).astype(int)]
