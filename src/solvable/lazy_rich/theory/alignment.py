"""How far a network's representation and kernel have turned in training, and how many directions a matrix uses."""

import numpy as np
from jaxtyping import Float

from solvable import require
from solvable.tangent_kernel import kernel_cosine


def representation_alignment(
    h0: Float[np.ndarray, "*batch n units0"], h1: Float[np.ndarray, "*batch n units1"]
) -> Float[np.ndarray, "*batch"]:
    r"""Cosine of the angle between the similarity matrices of two representations of the same inputs.

    .. math::

        \text{RA} = \frac{\langle R_1, R_0 \rangle_F}{\lVert R_1 \rVert_F \lVert R_0 \rVert_F}, \qquad
        R = H H^\top

    It is 1 where the second representation is the first one, rotated or scaled, and stays near 1 where training is
    lazy. The activations are not centred.

    Args:
        h0: ``(..., n, units0)``; activations before training, a row for each input.
        h1: ``(..., n, units1)``; activations at the same inputs after training.

    Returns:
        ``(...)``; between 0 and 1.

    Raises:
        ValueError: the representations differ in their numbers of inputs or in their leading axes, an entry is not
            finite, or all activations of a representation vanish.

    Source: Liu et al. (2024), one of their measures of laziness.

    >>> h = np.array([[1.0, 0.0], [0.0, 2.0]])
    >>> float(representation_alignment(h, 3 * h[:, ::-1]).round(12))
    1.0
    >>> float(representation_alignment(h, h[::-1]).round(3))
    0.471
    """
    require.shape((*np.shape(h0)[:-1], None), h1=h1)
    _not_all_zero(h0=h0, h1=h1)
    return kernel_cosine(*(h @ np.swapaxes(h, -1, -2) for h in (h1, h0)))


def tangent_kernel_alignment(
    k0: Float[np.ndarray, "*batch n n"], k1: Float[np.ndarray, "*batch n n"]
) -> Float[np.ndarray, "*batch"]:
    r"""Cosine of the angle between the tangent kernels before and after training.

    .. math::

        \text{KA} = \frac{\operatorname{tr}(K_1 K_0)}{\lVert K_1 \rVert_F \lVert K_0 \rVert_F}

    It is 1 where the kernel has at most grown as a whole. Nothing is centred.

    Args:
        k0: ``(..., n, n)``; kernel before training.
        k1: ``(..., n, n)``; kernel after training, between the same inputs.

    Returns:
        ``(...)``; between 0 and 1 for kernels, which are positive semidefinite.

    Raises:
        ValueError: the shapes differ, an entry is not finite, or all entries of a kernel vanish.

    Source: Liu et al. (2024), one of their measures of laziness.

    >>> float(tangent_kernel_alignment(np.eye(2), np.ones((2, 2))).round(3))
    0.707
    """
    require.shape(np.shape(k0), k1=k1)
    _not_all_zero(k0=k0, k1=k1)
    return kernel_cosine(k1, k0)


def effective_rank(w: Float[np.ndarray, "*batch n m"]) -> Float[np.ndarray, "*batch"]:
    r"""How many singular values a matrix has that are of the size of its largest ones.

    .. math:: \frac{\left(\sum_i s_i\right)^2}{\sum_i s_i^2}

    It is the rank where all non-zero singular values are equal, and smaller where they are not.

    Args:
        w: ``(..., n, m)``; a matrix.

    Returns:
        ``(...)``; between 1 and the rank.

    Raises:
        ValueError: an entry is not finite, or all entries of a matrix vanish.

    Source: a definition of ours; Liu et al. (2024) draw an effective rank, and their code has no definition of it.

    >>> float(effective_rank(np.diag([2.0, 2.0, 0.0])).round(12))
    2.0
    >>> float(effective_rank(np.diag([3.0, 1.0])).round(12))
    1.6
    """
    _not_all_zero(w=w)
    s = np.linalg.svd(w, compute_uv=False)
    return np.asarray(np.sum(s, axis=-1) ** 2 / np.sum(s**2, axis=-1))


def _not_all_zero(**subjects: np.ndarray) -> None:
    require.finite(**subjects)
    require.positive(**{f"the norm of {name}": np.linalg.norm(x, axis=(-2, -1)) for name, x in subjects.items()})
