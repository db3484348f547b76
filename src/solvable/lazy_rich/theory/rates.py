"""How large a step may be, at either end."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from solvable import require
from solvable._types import RealLike, promote

from .committee import Moments, committee_ntk


def max_stable_learning_rate(x: Float[ArrayLike, "p d"], moments: Moments, *, eps: RealLike) -> Float[Array, ""]:
    r"""Largest learning rate at which gradient descent does not leave a committee with these moments.

    .. math:: \eta_0 < \frac{P}{\lambda_{\max}(K)}

    for the loss :math:`\frac1P \sum_\mu (f - y)^2`, in units of :math:`N/\alpha^2`; :math:`K` is the kernel of
    :func:`committee_ntk` on the training inputs. At the start it is the limit of the lazy end. At the end of the rich
    one, :math:`M = \beta\beta^\top/(\alpha\epsilon)`, it is a limit that tightens as ``alpha`` falls.

    Args:
        x: ``(P, D)``; training inputs.
        moments: of the network as it stands.
        eps: bend of the activation.

    Source: derived in the chapter.

    >>> float(max_stable_learning_rate(jnp.ones((1, 1)), Moments(jnp.zeros(1), jnp.eye(1)), eps=0.0))
    1.0
    """
    kernel = committee_ntk(x, moments=moments, eps=eps)
    return len(kernel) / jnp.linalg.eigvalsh(kernel)[-1]


def learned(beta: Float[ArrayLike, " d"], *, alpha: RealLike, eps: RealLike) -> Moments:
    r"""Moments of a committee that has learned the target, without centring: :math:`\bar w = 0` and
    :math:`M = \beta\beta^\top / (\alpha\epsilon)`.

    Args:
        beta: ``(D,)``; direction and size of the target.
        alpha: scale of the output; positive.
        eps: bend of the activation; positive.
    """
    require.positive(alpha=alpha, eps=eps)
    beta, alpha, eps = promote(beta, alpha, eps)
    return Moments(jnp.zeros_like(beta), jnp.outer(beta, beta) / (alpha * eps))


def lazy_bound(samples: RealLike, dim: RealLike) -> Float[Array, "..."]:
    r"""The limit of the lazy end for large ``P`` and ``D``, without the data: :math:`D / (1 + \sqrt{D/P})^2`.

    Args:
        samples: ``P``; positive.
        dim: ``D``; positive.

    Source: the upper edge of the law of Marchenko and Pastur (1967), for the linear part of the kernel.
    """
    require.positive(samples=samples, dim=dim)
    samples, dim = promote(samples, dim)
    return dim / (1 + jnp.sqrt(dim / samples)) ** 2


def rich_bound(dim: RealLike, *, alpha: RealLike, eps: RealLike) -> Float[Array, "..."]:
    r"""The limit at the end of the rich end with data without end: :math:`D \min(1, \alpha / 3\epsilon)`,
    that of the linear modes, or where the kernel has grown beyond them that of what it has learned.

    Args:
        dim: ``D``; the target has :math:`|\beta|^2 = D`.
        alpha: scale of the output; positive.
        eps: bend of the activation; positive.

    Source: derived in the chapter.
    """
    require.positive(dim=dim, alpha=alpha, eps=eps)
    dim, alpha, eps = promote(dim, alpha, eps)
    return dim * jnp.minimum(1, alpha / (3 * eps))
