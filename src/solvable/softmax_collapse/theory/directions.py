"""Steps along the weights themselves, which only make the logits larger, and steps at right angles to them."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from solvable import require

WHOLE = ("tensor", "tree")
"""What a gradient is made orthogonal to: each tensor of the parameters by itself, or all of them as one vector."""


def _largest(tree: PyTree) -> Float[Array, ""]:
    return jnp.max(jnp.stack([jnp.max(jnp.abs(leaf)) for leaf in jax.tree.leaves(tree)]))


def _unit(tree: PyTree) -> tuple[PyTree, Float[Array, ""]]:
    """A tree divided by its largest magnitude, so that squares are in range; and what it was divided by."""
    size = _largest(tree)
    # the compiler may multiply by the reciprocal, which has to be finite
    size = jnp.maximum(size, jnp.finfo(size.dtype).tiny)
    return jax.tree.map(lambda leaf: leaf / size, tree), size


def inner(a: PyTree, b: PyTree) -> Float[Array, ""]:
    """Inner product of two trees of the same shapes, as vectors."""
    return sum(jax.tree.leaves(jax.tree.map(lambda x, y: jnp.sum(x * y), a, b)))


def norm(tree: PyTree) -> Float[Array, ""]:
    """Length of a tree as a vector; entries may be tinier than the root of the smallest number."""
    unit, size = _unit(tree)
    return size * jnp.sqrt(inner(unit, unit))


def project_orthogonal(gradient: PyTree, parameters: PyTree, *, whole: str = "tree", rescale: bool = False) -> PyTree:
    r"""The part of a gradient that is orthogonal to the parameters.

    .. math:: \nabla_\perp L = \nabla L - \frac{\langle \theta, \nabla L\rangle}{\langle \theta, \theta\rangle}\, \theta

    Minus this is a direction of descent:
    :math:`\langle \nabla L, \nabla_\perp L\rangle = \lVert\nabla_\perp L\rVert^2`.

    Args:
        gradient: any pytree of arrays.
        parameters: :math:`\theta`, of the same structure.
        whole: ``"tree"`` takes everything as one vector, as the paper's equation does; ``"tensor"`` each array by
            itself, as the authors' code does.
        rescale: whether to give the result the length that the gradient had, as the authors' code does.

    Returns:
        A pytree of the same structure. Parameters that are all 0 leave the gradient as it is.

    Raises:
        ValueError: ``whole`` is neither.

    Source: Prieto et al. (2025), equation 12 and proposition 2.

    >>> print(project_orthogonal(jnp.array([1.0, 1.0]), jnp.array([2.0, 0.0])))
    [0. 1.]
    """
    require.one_of(WHOLE, whole=whole)
    if whole == "tensor":
        return jax.tree.map(lambda g, w: project_orthogonal(g, w, rescale=rescale), gradient, parameters)
    (along, _), (unit, size) = _unit(parameters), _unit(gradient)
    square = inner(along, along)
    factor = inner(along, unit) / jnp.where(square > 0, square, 1)
    left = jax.tree.map(lambda g, w: g - factor * w, unit, along)
    if rescale:
        length = norm(left)
        ratio = norm(unit) / jnp.where(length > 0, length, 1)
        left = jax.tree.map(lambda g: g * ratio, left)
    return jax.tree.map(lambda g: g * size, left)


def naive_loss_minimisation_cosine(gradient: PyTree, parameters: PyTree) -> Float[Array, ""]:
    r"""Cosine between a step of descent and the parameters.

    .. math:: \cos(-\nabla L, \theta) = \frac{-\langle \nabla L, \theta\rangle}{\lVert\nabla L\rVert\lVert\theta\rVert}

    For a network that is positively homogeneous, a step along :math:`\theta` multiplies all logits by the same factor:
    it lowers the loss of what is classified correctly, and changes no decision.

    Args:
        gradient: of the loss; any pytree of arrays.
        parameters: of the same structure.

    Returns:
        From -1 to 1; 0 where one of them is 0.

    Source: Prieto et al. (2025), definition 5.
    """
    (g, _), (w, _) = _unit(gradient), _unit(parameters)
    square = inner(g, g) * inner(w, w)
    return -inner(g, w) / jnp.sqrt(jnp.where(square > 0, square, 1))


def radial_slope(
    logits: Float[Array, "n classes"], slopes: Float[Array, "n classes"], *, degree: int
) -> Float[Array, ""]:
    r"""Inner product of the gradient with the parameters, from the logits alone.

    .. math::

        \langle \nabla_\theta L, \theta\rangle = \frac{d}{n} \sum_{i,k} \frac{\partial \ell_i}{\partial z_{ik}}\, z_{ik}

    by Euler's identity, for logits that are positively homogeneous of degree :math:`d` in the parameters.

    Args:
        logits: ``(n, K)``.
        slopes: ``(n, K)``; derivatives of each sample's loss by its own logits.
        degree: :math:`d`, the number of layers of a network of ReLUs without biases; at least 1.

    Raises:
        ValueError: ``degree`` is below 1.

    Source: derived in the chapter.
    """
    require.integer(1, degree=degree)
    return degree * jnp.mean(jnp.sum(slopes * logits, axis=-1))
