"""Spectra that need no simulation: of the branching data set, and of a product of many Gaussian matrices."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import digamma
from jaxtyping import Array, ArrayLike, Float, Int, Real

from solvable import require
from solvable._types import promote


def branching_singular_values(
    levels: int, branching: int, flip_probability: Real[ArrayLike, ""], *, features: int
) -> Float[Array, " items"]:
    r"""Singular values of the branching data set in the limit of many features.

    .. math::

        s_l^2 = N B^D \sum_{k=l}^{D} \frac{\Delta_k}{B^k}, \qquad
        \Delta_0 = q_0, \quad \Delta_k = q_k - q_{k-1}, \qquad q_k = (1 - 2\varepsilon)^{2(D-k)}

    where :math:`q_k` is the correlation of two items whose last common ancestor sits :math:`k` edges below the root.
    The squares are the eigenvalues of the population's item-by-item correlations, times the number of features ``N``.
    Level ``l = 0`` is what all items share; level ``l`` tells the branches that part at depth ``l`` from one another.

    Args:
        levels: edges ``D`` from the root to an item; at least 1.
        branching: children ``B`` of each node; at least 1.
        flip_probability: chance that a feature changes sign along an edge, between 0 and 1.
        features: number of features ``N``; at least 1.

    Returns:
        ``(branching**levels,)``; in decreasing order, each level repeated by its multiplicity
        (:func:`branching_multiplicities`).

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.

    >>> branching_singular_values(1, 2, 0.0, features=8).tolist()
    [4.0, 0.0]
    >>> np.asarray(branching_singular_values(2, 2, 0.5, features=9)).round(6).tolist()
    [3.0, 3.0, 3.0, 3.0]
    """
    multiplicities = branching_multiplicities(levels, branching)
    require.integer(1, features=features)
    require.within(0.0, 1.0, flip_probability=flip_probability)
    (flip,) = promote(flip_probability)
    squares = _squared_singular_values(flip, features, levels=levels, branching=branching)
    return jnp.repeat(jnp.sqrt(squares), multiplicities, total_repeat_length=branching**levels)


@partial(jax.jit, static_argnames=("levels", "branching"))
def _squared_singular_values(flip, features, *, levels, branching):
    edges = levels - jnp.arange(levels + 1).astype(flip.dtype)  # below level k
    # q_k - q_{k-1} = q_k (1 - q_{D-1}), without the cancellation at few flips
    gain = ((1 - 2 * flip) ** 2) ** edges * jnp.where(edges == levels, 1, 4 * flip * (1 - flip))
    # B^D / B^k = B^{D-k}
    return features * jnp.cumsum((gain * branching**edges)[::-1])[::-1]


def branching_multiplicities(levels: int, branching: int) -> Int[np.ndarray, " stages"]:
    r"""How many modes of the branching data set tell branches apart at each level of the tree.

    .. math:: 1, \qquad B^{l-1}(B - 1) \quad (l = 1, \dots, D)

    Args:
        levels: edges ``D`` from the root to an item; at least 1.
        branching: children ``B`` of each node; at least 1.

    Returns:
        ``(levels + 1,)``; from the mode that all items share to those that tell siblings apart; the sum is
        ``branching**levels``.

    Raises:
        ValueError: an argument is not a whole number of at least 1.

    Source: derived in the chapter.

    >>> branching_multiplicities(3, 2).tolist()
    [1, 1, 2, 4]
    """
    require.integer(1, levels=levels, branching=branching)
    return np.array([1] + [branching ** (level - 1) * (branching - 1) for level in range(1, levels + 1)])


def gaussian_product_exponents(n: int) -> Float[Array, " n"]:
    r"""Lyapunov exponents of a product of independent Gaussian matrices with entries of variance ``1 / n``.

    .. math:: \mu_k = \lim_{L \to \infty} \frac{1}{L} \ln \sigma_k(W_L \cdots W_1)
              = \frac12 \left[\psi\!\left(\frac{n - k + 1}{2}\right) + \ln \frac{2}{n}\right],
              \qquad k = 1, \dots, n

    with the digamma function :math:`\psi`: the ``k``-th diagonal entry of the triangular factor of a Gaussian matrix is
    a chi variable with ``n - k + 1`` degrees of freedom, whichever orthonormal frame it is applied to.

    Args:
        n: width of every layer; at least 1.

    Returns:
        ``(n,)``; growth of the logarithm of each singular value per layer, in decreasing order.

    Raises:
        ValueError: ``n`` is not a whole number of at least 1.

    Source: derived in the chapter.

    >>> np.asarray(gaussian_product_exponents(2)).round(6).tolist()
    [-0.288608, -0.981755]
    """
    require.integer(1, n=n)
    freedom = n - jnp.arange(n).astype(float)
    return (digamma(freedom / 2) + jnp.log(2 / n)) / 2
