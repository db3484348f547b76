"""Kernels of an infinitely wide network: its outputs' covariance at birth, and the kernel that trains it."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Real

from solvable import require
from solvable._types import RealLike, promote

from .duals import Activation, by_quadrature, dual_activation, quadrature

LEFT_OUT = 1e-8
"""Largest error, as a fraction of the mean square, that a user's activation may have; more where rounding is more."""


class Kernels(NamedTuple):
    """The two kernels of a wide network between two sets of inputs.

    Attributes:
        nngp: ``(n1, n2)``; covariance of the outputs at initialisation (the Gaussian process).
        ntk: ``(n1, n2)``; inner products of the outputs' gradients (the neural tangent kernel).
    """

    nngp: Float[Array, "n1 n2"]
    ntk: Float[Array, "n1 n2"]


def nngp_and_ntk(
    x1: Real[ArrayLike, "n1 n_in"],
    x2: Real[ArrayLike, "n2 n_in"] | None = None,
    *,
    hidden_layers: int,
    activation: Activation,
    sigma_w: RealLike = 1.0,
    sigma_b: RealLike = 0.1,
) -> Kernels:
    r"""Both kernels of an infinitely wide network of dense layers, by recursion over the layers.

    .. math::

        \Sigma^{(1)} &= \sigma_w^2 \frac{x \cdot x'}{n_0} + \sigma_b^2, &
        \Theta^{(1)} &= \Sigma^{(1)}, \\
        \Sigma^{(l+1)} &= \sigma_w^2\, \kappa(\Sigma^{(l)}) + \sigma_b^2, &
        \Theta^{(l+1)} &= \sigma_w^2\, \dot\kappa(\Sigma^{(l)})\, \Theta^{(l)} + \Sigma^{(l+1)}

    up to :math:`l = H + 1` for ``H`` hidden layers, with the dual activations of :func:`dual_activation`.

    Args:
        x1: ``(n1, n_in)``; inputs, a row each.
        x2: ``(n2, n_in)``; other inputs. Without them the kernels of ``x1`` with itself, whose diagonals are then
            exact: an input knows that it coincides with itself. Give coincident inputs this way: between ``x1`` and an
            ``x2`` that holds the same rows, ReLU's kernel is off by the square root of the rounding error.
        hidden_layers: ``H``, layers of units between input and output; Jacot et al. count layers of weights,
            ``L = H + 1``. 0 is a linear model.
        activation: ``relu``, ``erf``, ``linear``, or any function that acts on each entry of an array by itself.
        sigma_w: scale of the weights (``W_std``); positive. Jacot et al. have 1, with no compensation for ReLU.
        sigma_b: scale of the biases (``b_std``, Jacot's ``beta``); not negative.

    Returns:
        Both kernels, each without the factor of the number of outputs, ``Θ ⊗ I``; the mean loss's ``1 / N`` is left to
        the equations of training.

    Raises:
        ValueError: an argument lies outside its domain, shapes do not match, or an activation is too rough for the
            quadrature at inputs this close to each other.

    Derivatives by the inputs are finite everywhere; where two inputs of a ReLU kernel coincide, a corner, they are
    those of the diagonal.

    Source: Jacot, Gabriel and Hongler (2018), Proposition 1 and Theorem 1, with gains as in neural-tangents.

    >>> x = np.array([[3.0, 4.0]])
    >>> kernels = nngp_and_ntk(x, hidden_layers=3, activation="relu", sigma_w=2**0.5, sigma_b=0.0)
    >>> [round(kernel.item(), 5) for kernel in kernels]
    [25.0, 100.0]
    """
    _check(x1, x2, hidden_layers, sigma_w, sigma_b)
    # looked up here, so that an unknown name is refused before anything is compiled
    dual_activation(activation)
    inputs = promote(x1) if x2 is None else promote(x1, x2)
    gains = (jnp.asarray(sigma, inputs[0].dtype) for sigma in (sigma_w, sigma_b))
    rule = quadrature() if callable(activation) else None
    kernels, left_out = _recursion(
        *inputs, gains=tuple(gains), rule=rule, hidden_layers=hidden_layers, activation=activation
    )
    allowed = max(LEFT_OUT, 100 * float(jnp.finfo(left_out.dtype).eps))
    # an activation that overflows leaves nan
    if not isinstance(left_out, jax.core.Tracer) and not left_out <= allowed:
        raise ValueError(
            f"activation must be smooth enough for a quadrature of error {allowed:.1g} at these inputs, got one of "
            f"up to {float(left_out):.1g}: it has a kink away from zero, or inputs that are very close to each other "
            f"or very large; scale them to a mean square of about 1"
        )
    return kernels


def _check(x1, x2, hidden_layers, sigma_w, sigma_b) -> None:
    require.shape((None, None), x1=x1)
    require.finite(x1=x1)
    if x2 is not None:
        require.shape((None, np.shape(x1)[1]), x2=x2)
        require.finite(x2=x2)
    require.integer(0, hidden_layers=hidden_layers)
    require.positive(sigma_w=sigma_w)
    require.non_negative(sigma_b=sigma_b)


@partial(jax.jit, static_argnames=("hidden_layers", "activation"))
def _recursion(x1, x2=None, *, gains, rule, hidden_layers, activation):
    sigma_w, sigma_b = gains
    kappa, kappa_dot, left_out = dual_activation(activation) if rule is None else by_quadrature(activation, rule)

    def covariance(a, b):
        return sigma_w**2 * (a @ b.T) / x1.shape[1] + sigma_b**2

    def variance(x):
        return sigma_w**2 * jnp.sum(x**2, axis=1) / x1.shape[1] + sigma_b**2

    def widen(mean):
        return sigma_w**2 * mean + sigma_b**2

    def layer(state, _):
        (nngp, ntk), variances, worst = state
        # the same numbers on the diagonal and beside it: only then is an input at an angle of exactly zero to itself
        k11, k22 = (jnp.diag(nngp),) * 2 if x2 is None else variances
        among = (k11[:, None], k22[None, :], nngp)
        worst = jnp.maximum(worst, jnp.max(left_out(*among), initial=0))
        nngp, ntk = widen(kappa(*among)), sigma_w**2 * kappa_dot(*among) * ntk
        if x2 is not None:
            variances = tuple(widen(kappa(k, k, k)) for k in variances)
        return (Kernels(nngp, ntk + nngp), variances, worst), None

    first = covariance(x1, x1 if x2 is None else x2)
    start = Kernels(first, first), () if x2 is None else (variance(x1), variance(x2)), jnp.zeros((), first.dtype)
    (kernels, _, worst), _ = jax.lax.scan(layer, start, length=hidden_layers)
    return kernels, worst


def relative_kernel_change(
    k0: Float[ArrayLike, "*batch n m"], k1: Float[ArrayLike, "*batch n m"]
) -> Float[Array, "*batch"]:
    r"""How far a kernel has moved, :math:`\lVert K_1 - K_0 \rVert_F / \lVert K_0 \rVert_F`; leading axes are a batch.

    Raises:
        ValueError: an entry is not finite.

    >>> float(relative_kernel_change(np.eye(2), 1.5 * np.eye(2)))
    0.5
    """
    require.finite(k0=k0, k1=k1)
    return _relative_change(*promote(k0, k1))


@jax.jit
def _relative_change(k0, k1):
    return jnp.linalg.norm(k1 - k0, axis=(-2, -1)) / jnp.linalg.norm(k0, axis=(-2, -1))


def kernel_alignment(k: Float[ArrayLike, "n n"], y: Real[ArrayLike, " n"]) -> Float[Array, ""]:
    r"""Cosine between a kernel and the outer product of the targets, both taken as vectors of their entries.

    .. math:: \frac{y^\top K y}{\lVert K \rVert_F\, \lVert y \rVert^2}

    It is 1 where the kernel is a multiple of :math:`y y^\top`, so that one component holds the whole target. Nothing is
    centred.

    Args:
        k: ``(n, n)``; a kernel between the training inputs.
        y: ``(n,)``; their targets.

    Raises:
        ValueError: shapes do not match, or an entry is not finite.

    >>> round(float(kernel_alignment(np.eye(4), np.ones(4))), 6)
    0.5
    """
    require.square(k=k)
    require.shape(np.shape(k)[:1], y=y)
    require.finite(k=k, y=y)
    return _alignment(*promote(k, y))


@jax.jit
def _alignment(k, y):
    return y @ k @ y / (jnp.linalg.norm(k) * (y @ y))
