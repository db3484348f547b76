"""Dual activations: Gaussian means of products of an activation, from which every kernel of a wide network is built."""

import math
from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from solvable import require

Activation = str | Callable[[Array], Array]
"""The name of an activation with a closed form, or any function of an array that acts on each entry by itself."""

HERMITE_TERMS = 512
"""Terms of the expansion in Hermite polynomials."""
_NODES = 300  # on each half of the line
_REACH = 13.0  # standard deviations: beyond, the Gaussian density is below the rounding of its middle
_COARSER = ((211, 16.0), (257, 19.0))


class DualActivation(NamedTuple):
    r"""Gaussian means of products, as functions of the covariances :math:`(k_{11}, k_{22}, k_{12})`, which broadcast.

    Attributes:
        kappa: :math:`\mathbb{E}[\phi(u)\phi(v)]`.
        kappa_dot: :math:`\mathbb{E}[\phi'(u)\phi'(v)]`.
        left_out: error of either of the two as a fraction of the mean square, for activations that are integrated
            numerically: a bound on the terms left out, and an estimate of the quadrature's own error from two coarser
            ones. Zero for closed forms.
    """

    kappa: Callable[[Array, Array, Array], Array]
    kappa_dot: Callable[[Array, Array, Array], Array]
    left_out: Callable[[Array, Array, Array], Array]


def dual_activation(activation: Activation) -> DualActivation:
    r"""Gaussian means of products of an activation and of its derivative.

    .. math::

        \kappa(k_{11}, k_{22}, k_{12}) = \mathbb{E}[\phi(u)\phi(v)], \qquad
        \dot\kappa = \mathbb{E}[\phi'(u)\phi'(v)] = \frac{\partial \kappa}{\partial k_{12}}, \qquad
        \begin{pmatrix} u \\ v \end{pmatrix} \sim
        \mathcal{N}\left(0, \begin{pmatrix} k_{11} & k_{12} \\ k_{12} & k_{22} \end{pmatrix}\right)

    With :math:`r = \sqrt{k_{11}k_{22} - k_{12}^2}` and :math:`\vartheta = \operatorname{atan2}(r, k_{12})` the angle
    between the two,

    ====== ======================================================= ==========================================
    name   mean of values :math:`\kappa`                           mean of slopes :math:`\dot\kappa`
    ====== ======================================================= ==========================================
    relu   :math:`\frac{r + (\pi - \vartheta) k_{12}}{2\pi}`       :math:`\frac{\pi - \vartheta}{2\pi}`
    erf    :math:`\frac{2}{\pi}\operatorname{atan2}(2k_{12}, d)`   :math:`\frac{4}{\pi d}`, with
                                                                   :math:`d^2 = 1 + 2k_{11} + 2k_{22} + 4r^2`
    linear :math:`k_{12}`                                          1
    ====== ======================================================= ==========================================

    Any other activation is expanded in normalised Hermite polynomials :math:`h_j`, whose products have the mean
    :math:`\rho^j` at correlation :math:`\rho = k_{12}/\sqrt{k_{11}k_{22}}`:

    .. math::

        \kappa = \sum_j a_j(k_{11})\, a_j(k_{22})\, \rho^j, \qquad
        a_j(k) = \mathbb{E}_{z \sim \mathcal{N}(0, 1)}\left[\phi(\sqrt{k} z)\, h_j(z)\right],

    with the one-dimensional means by quadrature on each half of the line. Of the terms beyond
    the first 512 the mean square is known, and added as :math:`\rho^{512}` times it: exact for coincident
    inputs, and off by at most ``left_out`` elsewhere. That is rounding for smooth activations, more for those with a
    kink at zero where correlations are close to 1, and more everywhere for those with a kink elsewhere.

    Args:
        activation: ``relu``, ``erf``, ``linear``, or a function that maps each entry of an array by itself.

    Returns:
        The two means as functions, and a bound on their error.

    Raises:
        ValueError: the activation is neither a known name nor a function.

    Source: Cho and Saul (2009) for ReLU, Williams (1997) for erf, in these stable forms derived; the expansion is
    Mehler's formula.

    >>> relu = dual_activation("relu")
    >>> [round(float(mean(1.0, 1.0, 0.0)), 6) for mean in relu[:2]]
    [0.159155, 0.25]
    """
    if callable(activation):
        return by_quadrature(activation, quadrature())
    require.one_of(tuple(CLOSED_FORMS), activation=activation)
    return CLOSED_FORMS[activation]


def _nothing(k11, k22, k12):
    return jnp.zeros_like(k12)


def _squared_area(k11, k22, k12):
    """Determinant of the covariance, which is exactly zero where the inputs coincide, however it is compiled."""
    size = jnp.abs(k12)
    alike = (k11 - size) * (k22 - size) + size * ((k11 - size) + (k22 - size))
    # where one variance dwarfs the other, the differences above would lose the smaller
    return jnp.maximum(jnp.where((k11 < 2 * k22) & (k22 < 2 * k11), alike, k11 * k22 - k12**2), 0)


def _root_and_angle(k11, k22, k12):
    square = _squared_area(k11, k22, k12)
    apart = square > 0
    # the inner selection keeps the derivative of the root out of the branch that is not taken
    root = jnp.where(apart, jnp.sqrt(jnp.where(apart, square, 1)), 0)
    angle = jnp.where(apart, jnp.arctan2(jnp.where(apart, root, 1), k12), jnp.where(k12 < 0, jnp.pi, 0))
    return root, angle.astype(root.dtype)


@jax.jit
def _relu(k11, k22, k12):
    root, angle = _root_and_angle(k11, k22, k12)
    return (root + (jnp.pi - angle) * k12) / (2 * jnp.pi)


@jax.jit
def _relu_dot(k11, k22, k12):
    _, angle = _root_and_angle(k11, k22, k12)
    return (jnp.pi - angle) / (2 * jnp.pi)


def _erf_root(k11, k22, k12):
    return jnp.sqrt(1 + 2 * k11 + 2 * k22 + 4 * _squared_area(k11, k22, k12))


@jax.jit
def _erf(k11, k22, k12):
    return 2 / jnp.pi * jnp.arctan2(2 * k12, _erf_root(k11, k22, k12))


@jax.jit
def _erf_dot(k11, k22, k12):
    return 4 / jnp.pi / _erf_root(k11, k22, k12)


def _linear(k11, k22, k12):
    return jnp.asarray(k12)


def _linear_dot(k11, k22, k12):
    return jnp.ones_like(k12)


CLOSED_FORMS = {
    "relu": DualActivation(_relu, _relu_dot, _nothing),
    "erf": DualActivation(_erf, _erf_dot, _nothing),
    "linear": DualActivation(_linear, _linear_dot, _nothing),
}
FUNCTIONS = {"relu": jax.nn.relu, "erf": jax.scipy.special.erf, "linear": lambda z: z}


def activation_function(activation: Activation) -> Callable[[Array], Array]:
    """The function that an activation's name stands for; a function is returned as it is.

    >>> activation_function("relu")(jnp.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    if callable(activation):
        return activation
    require.one_of(tuple(FUNCTIONS), activation=activation)
    return FUNCTIONS[activation]


@cache
def _derivative(activation):
    # kept, so that the same activation gives the same function and is compiled once
    return lambda z: jax.jvp(activation, (z,), (jnp.ones_like(z),))[1]


class Quadrature(NamedTuple):
    r"""Gaussian means in one dimension, as sums over nodes.

    Attributes:
        nodes: ``(nodes,)``; each half of the line has its own, so that a kink at zero costs nothing.
        density: ``(nodes,)``; weights times the standard normal density.
        basis: ``(terms, nodes)``; that times :math:`h_j` for every ``j``.
        coarser: nodes and weights times the density of other rules, which reach further.
    """

    nodes: Float[ArrayLike, " nodes"]
    density: Float[ArrayLike, " nodes"]
    basis: Float[ArrayLike, "terms nodes"]
    coarser: tuple[tuple[Float[ArrayLike, "..."], Float[ArrayLike, "..."]], ...]


@cache
def quadrature() -> Quadrature:
    """The rule for activations without a closed form; in double precision."""
    nodes, density = _both_halves(_NODES, _REACH)
    # the polynomials times the square root of the density stay small where they alone would overflow
    root = np.exp(-(nodes**2) / 4)
    terms = [root, nodes * root]
    for j in range(2, HERMITE_TERMS):
        terms.append((nodes * terms[-1] - math.sqrt(j - 1) * terms[-2]) / math.sqrt(j))
    basis = density * np.exp(nodes**2 / 4) * np.stack(terms)
    return Quadrature(nodes, density, basis, tuple(_both_halves(*rule) for rule in _COARSER))


def _both_halves(count, reach):
    """Fejér's rule on each half of the line: its weights are known to the last digit, unlike Gauss's."""
    angles = (np.arange(count) + 0.5) * np.pi / count
    orders = np.arange(1, count // 2 + 1)
    weights = 2 / count * (1 - 2 * np.cos(2 * angles[:, None] * orders) @ (1 / (4.0 * orders**2 - 1)))
    half = reach * (1 - np.cos(angles)) / 2
    density = weights * reach / 2 * np.exp(-(half**2) / 2) / math.sqrt(2 * math.pi)
    return np.concatenate([-half[::-1], half]), np.concatenate([density[::-1], density])


def by_quadrature(activation: Callable[[Array], Array], rule: Quadrature) -> DualActivation:
    """As :func:`dual_activation` for a function; the rule is an argument, so that no program carries a copy of it."""
    means = (partial(_mean, function, rule) for function in (activation, _derivative(activation)))
    return DualActivation(*means, partial(_left_out, activation, rule))


def _on_nodes(activation, variance, nodes):
    positive = variance > 0
    scale = jnp.where(positive, jnp.sqrt(jnp.where(positive, variance, 1)), 0)
    return activation(scale[..., None] * nodes)


def _quadrature_error(activation, rule, variance, square):
    """How far coarser rules are from the mean square; relative to it."""
    worst = jnp.zeros_like(square)
    for nodes, density in rule.coarser:
        other = _on_nodes(activation, variance, nodes) ** 2 @ density
        worst = jnp.maximum(worst, jnp.abs(other - square) / jnp.maximum(square, jnp.finfo(square.dtype).tiny))
    return worst


def _coefficients(activation, rule, variance):
    """Coefficients ``a_j`` along a new first axis, the mean square that they leave out, and the mean square."""
    values = _on_nodes(activation, variance, rule.nodes)
    terms = jnp.moveaxis(values @ rule.basis.T, -1, 0)
    square = values**2 @ rule.density
    return terms, jnp.maximum(square - jnp.sum(terms**2, axis=0), 0), square


def _correlation(k11, k22, k12):
    size = k11 * k22
    positive = size > 0
    return jnp.where(positive, jnp.clip(k12 / jnp.sqrt(jnp.where(positive, size, 1)), -1, 1), 0)


def _in_precision_of(k12, rule):
    return jax.tree.map(lambda part: jnp.asarray(part, k12.dtype), rule)


@partial(jax.jit, static_argnames="activation")
def _mean(activation, rule, k11, k22, k12):
    rule = _in_precision_of(k12, rule)
    rho = _correlation(k11, k22, k12)
    first, first_rest, _ = _coefficients(activation, rule, k11)
    second, second_rest, _ = _coefficients(activation, rule, k22)

    def horner(total, terms):
        return total * rho + terms[0] * terms[1], None

    start = jnp.broadcast_to((first_rest + second_rest) / 2, rho.shape)
    return jax.lax.scan(horner, start, (first, second), reverse=True)[0]


@partial(jax.jit, static_argnames="activation")
def _left_out(activation, rule, k11, k22, k12):
    rule = _in_precision_of(k12, rule)
    size = jnp.abs(_correlation(k11, k22, k12)) ** HERMITE_TERMS
    distinct = (k11 != k12) | (k22 != k12)
    bounds = []
    for function in (activation, _derivative(activation)):
        (_, first_rest, first), (_, second_rest, second) = (_coefficients(function, rule, k) for k in (k11, k22))
        share = (first_rest + second_rest) / jnp.maximum(first + second, jnp.finfo(k12.dtype).tiny)
        coarse = sum(_quadrature_error(function, rule, k, square) for k, square in ((k11, first), (k22, second)))
        bounds.append(jnp.where(distinct, 2 * share * size, 0) + coarse)
    return jnp.maximum(*bounds)
