"""A committee of neurons with a quadratic bend: what it says, its test loss, and its kernel, from two moments.

Inputs are ``x ~ N(0, I/D)``, the target is ``y = (β·x)²/2`` with ``|β|² = D`` where nothing else is said, and a network
of ``N`` neurons ``w_i`` enters through ``wbar``, the mean of its neurons, and ``m``, the mean of ``w_i w_iᵀ``.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from solvable import require
from solvable._types import RealLike, promote


class Moments(NamedTuple):
    """All that a committee's output depends on.

    Attributes:
        wbar: ``(D,)``; mean of the neurons.
        m: ``(D, D)``; mean of their outer products.
    """

    wbar: Float[ArrayLike, "*#b d"]
    m: Float[ArrayLike, "*#b d d"]


class PopulationLoss(NamedTuple):
    """The mean squared error on fresh inputs, in its three parts.

    Attributes:
        variance: of the mean of the target that is missed.
        misalignment: of the target's shape that is missed.
        linear_power: of what is linear in the input, of which the target has nothing.
    """

    variance: Float[ArrayLike, "..."]
    misalignment: Float[ArrayLike, "..."]
    linear_power: Float[ArrayLike, "..."]

    @property
    def total(self) -> Float[ArrayLike, "..."]:
        """The three parts together."""
        return self.variance + self.misalignment + self.linear_power


def moments(weights: Float[ArrayLike, "n d"]) -> Moments:
    r"""Both moments of the neurons of a network, :math:`\bar w = \frac1N \sum_i w_i` and
    :math:`M = \frac1N \sum_i w_i w_i^\top`.

    Args:
        weights: ``(N, D)``; a neuron each row.

    >>> moments(jnp.array([[1.0, 0.0], [-1.0, 2.0]])).m.tolist()
    [[1.0, -1.0], [-1.0, 2.0]]
    """
    require.shape((None, None), weights=weights)
    return _moments(*promote(weights))


@jax.jit
def _moments(weights):
    return Moments(jnp.mean(weights, axis=0), weights.T @ weights / len(weights))


def infinite_width(dim: int, dtype: object = None) -> Moments:
    r"""Moments of infinitely many standard normal neurons, :math:`\bar w = 0` and :math:`M = I`.

    Args:
        dim: ``D``, the dimension of the inputs.
        dtype: of both; JAX's default precision where it is not given.
    """
    require.integer(1, dim=dim)
    return Moments(jnp.zeros(dim, dtype), jnp.eye(dim, dtype=dtype))


def committee_predict(
    weights: Float[ArrayLike, "n d"], x: Float[ArrayLike, "p d"], *, alpha: RealLike, eps: RealLike
) -> Float[Array, " p"]:
    r"""Outputs of a committee machine with a quadratic bend.

    .. math:: f(x) = \frac{\alpha}{N} \sum_{i=1}^N \phi(w_i \cdot x), \qquad \phi(h) = h + \frac{\epsilon}{2} h^2

    Args:
        weights: ``(N, D)``; a neuron each row.
        x: ``(P, D)``; an input each row.
        alpha: scale of the output.
        eps: bend of the activation.

    Returns:
        ``(P,)``.

    Raises:
        ValueError: the dimensions of weights and inputs differ.

    Source: Kumar, Bordelon, Gershman and Pehlevan (2024), section 5.

    >>> committee_predict(jnp.array([[2.0]]), jnp.array([[1.0]]), alpha=3.0, eps=0.5).tolist()
    [9.0]
    """
    require.shape((None, None), weights=weights)
    require.shape((None, jnp.shape(weights)[1]), x=x)
    return _predict(*promote(weights, x, alpha, eps))


@jax.jit
def _predict(weights, x, alpha, eps):
    h = x @ weights.T
    return alpha * jnp.mean(h + eps / 2 * h**2, axis=1)


def population_test_loss(
    wbar: Float[ArrayLike, " d"],
    m: Float[ArrayLike, "d d"],
    beta: Float[ArrayLike, " d"],
    *,
    alpha: RealLike,
    eps: RealLike,
    start: Moments | None = None,
) -> PopulationLoss:
    r"""Test loss of a committee on :math:`y = \frac12 (\beta \cdot x)^2`, exact at every dimension and width.

    .. math::

        L = \frac14 \left(\frac{\operatorname{tr} A}{D}\right)^2 + \frac{\lVert A \rVert_F^2}{2 D^2}
            + \frac{\alpha^2}{D} \lvert \bar w \rvert^2, \qquad
        A = \beta\beta^\top - \alpha\epsilon M

    If the output is centred, that is if what the network said at its start is subtracted, both moments are replaced by
    their distances from those at the start.

    Args:
        wbar: ``(D,)``; mean of the neurons.
        m: ``(D, D)``; mean of their outer products.
        beta: ``(D,)``; direction and size of the target.
        alpha: scale of the output.
        eps: bend of the activation.
        start: moments at the start, for a centred output.

    Returns:
        Variance, misalignment and linear power, in the order of the formula.

    Raises:
        ValueError: the shapes do not match.

    Source: Kumar et al. (2024), equation 6, for the uncentred output; re-derived in the chapter.

    >>> loss = population_test_loss(jnp.zeros(2), jnp.zeros((2, 2)), jnp.array([1.0, 1.0]), alpha=1.0, eps=0.1)
    >>> float(loss.total)
    0.75
    """
    require.shape((None,), beta=beta)
    (dim,) = jnp.shape(beta)
    require.shape((dim,), wbar=wbar)
    require.shape((dim, dim), m=m)
    if start is None:
        wbar, m, beta, alpha, eps = promote(wbar, m, beta, alpha, eps)
    else:
        wbar, m, beta, alpha, eps, wbar0, m0 = promote(wbar, m, beta, alpha, eps, *start)
        wbar, m = wbar - wbar0, m - m0
    return loss_of_increments(alpha * wbar, alpha * m, beta, eps)


def output_of_increments(linear, quadratic, x, eps):
    """The output ``linear·x + (eps/2) xᵀ quadratic x`` at every input."""
    return x @ linear + eps / 2 * jnp.sum((x @ quadratic) * x, axis=1)


@jax.jit
def loss_of_increments(linear, quadratic, beta, eps) -> PopulationLoss:
    """Test loss of the output ``linear·x + (eps/2) xᵀ quadratic x``."""
    dim = beta.shape[0]
    a = jnp.outer(beta, beta) - eps * quadratic
    return PopulationLoss(
        variance=(jnp.trace(a) / dim) ** 2 / 4,
        misalignment=jnp.sum(a**2) / (2 * dim**2),
        linear_power=jnp.sum(linear**2) / dim,
    )


def committee_ntk(
    x1: Float[ArrayLike, "p1 d"],
    x2: Float[ArrayLike, "p2 d"] | None = None,
    *,
    moments: Moments,
    eps: RealLike,
) -> Float[Array, "p1 p2"]:
    r"""Tangent kernel of a committee, in units of :math:`\alpha^2 / N`.

    .. math:: K(x, x') = x \cdot x' \left[1 + \epsilon\, \bar w \cdot (x + x') + \epsilon^2 x^\top M x'\right]

    Args:
        x1: ``(P1, D)``; inputs of the rows.
        x2: ``(P2, D)``; inputs of the columns; ``x1`` by default.
        moments: of the network as it stands.
        eps: bend of the activation.

    Returns:
        ``(P1, P2)``.

    Source: derived in the chapter.

    >>> float(committee_ntk(jnp.ones((1, 1)), moments=infinite_width(1), eps=2.0)[0, 0])
    5.0
    """
    x2 = x1 if x2 is None else x2
    require.shape((None, None), x1=x1)
    require.shape((None, jnp.shape(x1)[1]), x2=x2)
    return _ntk(*promote(x1, x2, *moments, eps))


@jax.jit
def _ntk(x1, x2, wbar, m, eps):
    slopes = 1 + eps * ((x1 @ wbar)[:, None] + (x2 @ wbar)[None, :]) + eps**2 * (x1 @ m @ x2.T)
    return (x1 @ x2.T) * slopes


def kernel_task_alignment(
    kernel: Float[ArrayLike, "p p"], y: Float[ArrayLike, " p"], *, diagonal: bool = True
) -> Float[Array, ""]:
    r"""How much of a kernel is about the target.

    .. math:: \frac{y_c^\top K_c\, y_c}{\lVert K_c \rVert_F\, \lvert y_c \rvert^2}

    Targets are centred, and so is every column of the kernel.

    Args:
        kernel: ``(P, P)``.
        y: ``(P,)``; targets.
        diagonal: whether the kernel's diagonal counts. On a sample it adds about :math:`\sqrt{D}/P`, which at the start
            is far more than the alignment itself; :func:`population_task_alignment` has the value without it.

    Raises:
        ValueError: the kernel is not square, or there is not one target for each of its rows.

    Source: Kumar et al. (2024), section 5; the remark on the diagonal is derived in the chapter.

    >>> float(kernel_task_alignment(jnp.array([[1.0, -1.0], [-1.0, 1.0]]), jnp.array([1.0, -1.0])))
    1.0
    """
    require.square(kernel=kernel)
    require.shape(jnp.shape(kernel)[:1], y=y)
    kernel, y = promote(kernel, y)
    y = y - jnp.mean(y)
    if not diagonal:
        kernel = kernel - jnp.diag(jnp.diag(kernel))
    kernel = kernel - jnp.mean(kernel, axis=0)
    return y @ kernel @ y / (jnp.linalg.norm(kernel) * jnp.sum(y**2))


def population_task_alignment(moments: Moments, beta: Float[ArrayLike, " d"], *, eps: RealLike) -> Float[Array, ""]:
    r"""Alignment of a committee's kernel with the target, over all inputs in the place of a sample.

    .. math::

        \frac{2\epsilon^2\, \beta^\top M \beta}{D^2 \lvert\beta\rvert^2 \sqrt{n}}, \qquad
        n = \frac1D + \frac{(2D + 3)\, \epsilon^2}{D^3} \lvert \bar w \rvert^2
            + \frac{\epsilon^4}{D^4} \left[(D + 4) \operatorname{tr} M^2 + (\operatorname{tr} M)^2\right]

    where ``n`` is the mean square of the kernel whose columns are centred.

    Args:
        moments: of the network as it stands.
        beta: ``(D,)``; direction and size of the target.
        eps: bend of the activation.

    Source: derived in the chapter.

    >>> beta = jnp.full(40, 1.0)
    >>> f"{population_task_alignment(infinite_width(40), beta, eps=0.1):.1e}"
    '7.9e-05'
    """
    require.shape((None,), beta=beta)
    (dim,) = jnp.shape(beta)
    wbar, m, beta, eps = promote(*moments, beta, eps)
    square, trace = jnp.sum(m**2), jnp.trace(m)
    mean_square = (
        1 / dim + (2 * dim + 3) * eps**2 * jnp.sum(wbar**2) / dim**3 + eps**4 * ((dim + 4) * square + trace**2) / dim**4
    )
    return 2 * eps**2 * (beta @ m @ beta) / (dim**2 * jnp.sum(beta**2) * jnp.sqrt(mean_square))
