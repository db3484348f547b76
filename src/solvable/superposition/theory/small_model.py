"""The smallest model of superposition: its expected loss without sampling, and the forms that its features may take.

The loss is a sum of integrals over cubes of a rectified linear function, which have a closed form, and so has its
gradient.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from solvable import require
from solvable._types import RealLike, place, promote

FEATURES = 5
"""Features of the model whose forms are compared here; they share two dimensions."""
LARGEST = 8
"""Features up to which the loss is computed: its cost grows as ``4**features``, and a little faster."""


BLOCKS = {
    "orthogonal pair": ((0,), (0,)),
    "one pair and one": ((0, 180), (0,)),
    "triangle": ((0, 120, 240),),
    "two pairs": ((0, 180), (0, 180)),
    "pentagon": ((0, 72, 144, 216, 288),),
}
"""The forms, by the blocks that they are made of: the angles in degrees of features of one norm and one bias. A second
block stands at right angles to the first, and neither sees the other."""
TOGETHER = 32
"""Densities for which one compiled program finds the optimum; it is used again for more."""


def expected_loss(
    weights: Float[ArrayLike, "n m"],
    biases: Float[ArrayLike, " n"],
    *,
    density: RealLike,
    importance: RealLike = 1.0,
) -> Float[Array, ""]:
    r"""Loss of the model over all its inputs, exactly.

    .. math::

       L = \sum_i I_i\, E\,(x_i - y_i)^2, \qquad y = \operatorname{ReLU}(W W^\top x + b), \qquad
       x_j = \begin{cases} u_j \sim U(0, 1) & \text{with probability } p \\ 0 & \text{else} \end{cases}

    Output ``i`` sees :math:`t = b_i + \sum_j c_j x_j` with :math:`c_j = W_i \cdot W_j`. Averaging a function of ``t``
    over one input is a difference of its antiderivative,

    .. math:: E f(t + c x) = (1 - p) f(t) + \frac{p}{c} \bigl(F(t + c) - F(t)\bigr), \qquad F' = f,

    so over all of them it is a sum over the corners of a cube, and the antiderivatives of
    :math:`\operatorname{ReLU}(t)^2` are :math:`2 \max(t, 0)^{k+2} / (k+2)!`. Differences over coefficients too small
    for the precision at hand, by which they would be divided, are replaced by a Taylor series.

    Args:
        weights: ``(n, m)``; rows are features, ``n <= 8``.
        biases: ``(n,)``.
        density: ``p``, the probability that a feature is not zero; one for all, or ``(n,)``.
        importance: ``I``, the weight of each feature's error; one for all, or ``(n,)``.

    Returns:
        The sum over features. Where weights and biases are of order 1 it is good to three quarters of the digits at
        least, :math:`10^{-12}` in float64 and :math:`10^{-5}` in float32.

    Raises:
        ValueError: a density is not between 0 and 1, an importance is negative, or there are more than eight features.

    Source: derived in the chapter; the model is that of Elhage et al. (2022).

    >>> zeros = np.zeros((5, 2)), np.zeros(5)
    >>> round(float(expected_loss(*zeros, density=0.3)), 12)  # saying 0 costs E x², a third of the density, each
    0.5
    """
    require.shape((None, None), weights=weights)
    require.shape(np.shape(weights)[:1], biases=biases)
    count = np.shape(weights)[0]
    if not 1 <= count <= LARGEST:
        raise ValueError(f"weights must have 1 to {LARGEST} rows, got {count}")
    for name, value in (("density", density), ("importance", importance)):
        if np.shape(value) not in ((), (count,)):
            require.shape((count,), **{name: value})
    require.within(0, 1, density=density)
    require.non_negative(importance=importance)
    weights, biases, density, importance = promote(weights, biases, density, importance)
    return jnp.sum(importance * _losses(weights, biases, jnp.broadcast_to(density, biases.shape)))


@jax.jit
def _losses(weights, biases, density):
    """E (x_i - y_i)² for every feature ``i``."""
    count = len(biases)
    products = weights @ weights.T
    # the inputs of output i without the i-th, which comes first: it is in the output and in what is asked for
    order = np.array([[i, *(j for j in range(count) if j != i)] for i in range(count)])
    seen, chances = jnp.take_along_axis(products, order, axis=1), density[order]
    patterns = place(np.indices((2,) * count).reshape(count, -1).T, weights.dtype)

    def given(c, bias, active):
        # what is not active is not there: a coefficient of 0 leaves no difference to lose digits in
        square, twice_cross = _output_moments(active * c, bias, active)
        return active[0] / 3 - twice_cross + square

    def of_output(arguments):
        c, bias, chance = arguments
        probability = jnp.prod(jnp.where(patterns > 0, chance, 1 - chance), axis=1)
        return probability @ jax.vmap(given, (None, None, 0))(c, bias, patterns)

    return jax.lax.map(of_output, (seen, biases, chances))


def _output_moments(c, bias, density):
    """E y² and 2 E x_0 y of y = ReLU(bias + c . x), over all numbers of active inputs, each of its own density.

    Every input is an operator on functions of the sum, a polynomial in the derivative and its inverse; the operators
    commute, and their product is applied to ReLU² at the corners of the cube.
    """
    own, others = c[0], c[1:]
    own_density, densities = density[0], density[1:]
    count = len(others)
    order = count + 1  # of the series: of ReLU² and ``count`` integrals of it, no more derivatives than two are left
    lowest = -order - 1
    large_others, large_own = _large(own, others, bias)

    # antiderivatives of ReLU² at the corners of the cube, from its second derivative up, and above them zeros
    corners = np.indices((2,) * (count + 1)).reshape(count + 1, -1)
    t = bias + place(corners, bias.dtype).T @ jnp.append(others, own)
    table = [jnp.where(t > 0, jnp.asarray(2, t.dtype), jnp.zeros_like(t))]
    for power in range(1, order + 3):
        table.append(table[-1] * t / power)
    table = jnp.pad(jnp.stack(table), ((-2 - lowest, 0), (0, 0)))  # (orders from ``lowest`` to ``order``, corners)

    # inputs of small coefficients: E f(t + c u) = sum_r c^r f^(r)(t) / (r + 1)!, one operator for all corners
    nothing = place(np.eye(1, order + 1)[0], t.dtype)

    def append(series, of_input):
        c, p, large = of_input
        factor = jnp.where(large, nothing, (1 - p) * nothing + p * _series(c, order, 1))
        return _toeplitz(factor, order + 1) @ series, None

    inputs = others, densities, large_others
    series, _ = jax.lax.scan(append, nothing, inputs)
    table = _toeplitz(series, len(table)) @ table

    # inputs of large coefficients, one axis of the cube after the other; a copy of what is left takes its place
    def contract(table, of_input):
        c, p, large = of_input
        at, beyond = jnp.split(table, 2, axis=1)
        slope = p / jnp.where(large, c, jnp.ones_like(c))
        rise = jnp.pad((beyond - at)[1:], ((0, 1), (0, 0)))
        left = jnp.where(large, (1 - p) * at + slope * rise, at)
        return jnp.repeat(left, 2, axis=1), None

    table, _ = jax.lax.scan(contract, table, inputs)
    # the axis that has not been contracted has come to the front
    table = table.reshape(len(table), 2, -1)[:, :, 0]

    # the input that is asked for: E y², and E x y by parts, as x ReLU is x (ReLU²)' / 2
    at, beyond = table[:, 0], table[:, 1]
    none, one = -lowest, -lowest + 1
    derivatives = at[none::-1]
    safe = jnp.where(large_own, own, jnp.ones_like(own))
    rise = (beyond[one] - at[one]) / safe
    square = jnp.where(large_own, rise, _series(own, order, 1) @ derivatives[:-1])
    twice_cross = jnp.where(large_own, (beyond[none] - rise) / safe, _series(own, order, 2) @ derivatives[1:])
    return (1 - own_density) * at[none] + own_density * square, own_density * twice_cross


def _toeplitz(series, size):
    """The matrix that multiplies a polynomial of ``size`` coefficients by ``series``."""
    lag = np.subtract.outer(np.arange(size), np.arange(size))
    inside = (lag >= 0) & (lag < len(series))
    return place(inside, series.dtype) * series[np.where(inside, lag, 0)]


def _series(c, order, moment):
    """Coefficients of E u^(moment - 1) f(t + c u) in the derivatives of ``f`` at ``t``."""
    powers = np.arange(order + 1)
    weights = np.array([1 / (math.factorial(power) * (power + moment)) for power in powers])
    # powers by products, whose derivative at c = 0 is a number
    return jnp.cumprod(jnp.where(place(powers == 0), jnp.ones_like(c), c)) * place(weights, c.dtype)


def _large(own, others, bias):
    """Which coefficients are large enough for differences: they lose 1 / prod (K + 2)! |c| of the digits."""
    own, others, bias = (jax.lax.stop_gradient(jnp.abs(part)) for part in (own, others, bias))
    total = own + bias + jnp.sum(others)
    # the own coefficient divides twice
    ratios = jnp.append(others, jnp.stack([own, own])) / jnp.where(total > 0, total, jnp.ones_like(total))
    descending = -jnp.sort(-ratios)
    factorials = place(np.array([math.factorial(k + 3) for k in range(len(ratios))]), ratios.dtype)
    enough = factorials * jnp.cumprod(descending) >= jnp.finfo(ratios.dtype).eps ** 0.25
    kept = jnp.cumprod(jnp.asarray(enough, ratios.dtype))
    rejected = jnp.max((1 - kept) * descending)
    return ratios[:-2] > rejected, ratios[-1] > rejected


class FormLoss(NamedTuple):
    """The best that a form can do.

    Attributes:
        loss: ``(...)``; summed over the five features, all of the same importance.
        norms: ``(..., 5)``; lengths of the features, 0 for those that are not represented.
        biases: ``(..., 5)``; mean of the feature where it is not represented.
    """

    loss: Float[np.ndarray, "*densities"]
    norms: Float[np.ndarray, "*densities features"]
    biases: Float[np.ndarray, "*densities features"]


def form_loss(form: str, *, density: RealLike) -> FormLoss:
    r"""Least loss of five features in two dimensions that stand in a given form.

    A form is made of blocks that do not see each other. In a block of ``k`` features of one norm ``r`` and one bias
    ``b``, at angles :math:`\theta_j` to the first, the output is a multiple of what depends on one number alone:

    .. math:: y_1 = r^2 g_\tau, \qquad g_\tau = \operatorname{ReLU}\Bigl(\sum_{j=1}^k \cos\theta_j\, x_j - \tau\Bigr),
       \qquad \tau = -b / r^2

    So the best norm is a matter of least squares, and one search is left:

    .. math:: r^2 = \frac{E\, x_1 g_\tau}{E\, g_\tau^2}, \qquad
       \min_{r, b} E (x_1 - y_1)^2 = \frac p3 - \max_\tau \frac{(E\, x_1 g_\tau)^2}{E\, g_\tau^2}

    A feature alone in its dimension costs nothing, one that is not represented its variance :math:`p/3 - p^2/4`.
    Whether a form is stable against leaving it is not asked.

    Args:
        form: one of the keys of ``BLOCKS``.
        density: ``p``; above 0 and at most 1, any shape.

    Raises:
        ValueError: the form is not known, or a density is not in its domain.

    Source: derived in the chapter; the forms are those that Elhage et al. (2022) find.

    >>> best = form_loss("orthogonal pair", density=0.3)
    >>> round(best.loss.item(), 12), best.norms.tolist()  # 3 (0.1 - 0.0225)
    (0.2325, [1.0, 1.0, 0.0, 0.0, 0.0])
    """
    require.one_of(BLOCKS, form=form)
    require.within(0, 1, density=density)
    require.positive(density=density)
    density = np.asarray(density, dtype=float)
    parts = [(len(block), *_block_optimum(block, density.ravel())) for block in BLOCKS[form]]
    represented = sum(count for count, *_ in parts)
    loss = sum(count * loss for count, loss, *_ in parts)
    loss = loss + (FEATURES - represented) * (density / 3 - density**2 / 4).ravel()
    norms, biases = np.zeros((density.size, FEATURES)), np.repeat(density.reshape(-1, 1) / 2, FEATURES, axis=1)
    first = 0
    for count, _, norm, bias in parts:
        norms[:, first : first + count], biases[:, first : first + count] = norm[:, None], bias[:, None]
        first += count
    return FormLoss(
        loss.reshape(density.shape), *(found.reshape(*density.shape, FEATURES) for found in (norms, biases))
    )


def form_weights(form: str, norms: Float[ArrayLike, "5"]) -> Float[np.ndarray, "5 2"]:
    """Weights of the model whose features stand in a form, those that are not represented at the origin.

    Args:
        form: one of the keys of ``BLOCKS``.
        norms: lengths of the features, as :func:`form_loss` returns them for one density.

    Raises:
        ValueError: the form is not known, or a length is negative.

    Source: Elhage et al. (2022).

    >>> form_weights("two pairs", np.array([1.0, 1.0, 2.0, 2.0, 0.0])).tolist()
    [[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, -2.0], [0.0, 0.0]]
    """
    require.one_of(BLOCKS, form=form)
    require.shape((FEATURES,), norms=norms)
    require.non_negative(norms=norms)
    angles = [angle + 90 * index for index, block in enumerate(BLOCKS[form]) for angle in block]
    angles = np.radians(angles + [0] * (FEATURES - len(angles)))
    # a right angle has to be one: what a cosine misses of 0 is 0
    directions = np.round(np.stack([np.cos(angles), np.sin(angles)], axis=1), 15) + 0.0
    return np.asarray(norms, dtype=float)[:, None] * directions


def form_boundary(first: str, second: str, *, low: float = 1e-3, high: float = 1.0) -> float:
    """Density at which two forms cost the same, :func:`form_loss` of each at its best.

    Args:
        first: the form with the lower loss at ``low``; one of the keys of ``BLOCKS``.
        second: that with the lower loss at ``high``.
        low: a density above 0.
        high: a density up to 1.

    Returns:
        To nine digits.

    Raises:
        ValueError: a form is not known, or the first does not win at ``low`` or the second not at ``high``.

    Source: derived in the chapter.
    """
    bounds = np.array([low, high], dtype=float)
    if not 0 < low < high <= 1:
        raise ValueError(f"low and high must satisfy 0 < low < high <= 1, got {low!r} and {high!r}")
    while np.ptp(bounds) > 1e-10:
        densities = np.linspace(*bounds, TOGETHER)
        gain = form_loss(second, density=densities).loss - form_loss(first, density=densities).loss
        if not gain[0] > 0 > gain[-1]:
            raise ValueError(
                f"first and second must cross between low and high, got {first!r} and {second!r} for {low} and {high}"
            )
        above = np.flatnonzero(gain > 0)[-1]
        bounds = densities[above : above + 2]
    return float(bounds.mean())


def _block_optimum(block, density):
    """Loss of one feature, norm and bias for densities ``(k,)``."""
    count = len(block)
    if count == 1:
        return np.zeros_like(density), np.ones_like(density), np.zeros_like(density)
    cosines = np.zeros(FEATURES)
    cosines[:count] = np.round(np.cos(np.radians(block)), 15)
    places = -(-density.size // TOGETHER) * TOGETHER
    filled = np.resize(density, places).reshape(-1, TOGETHER)
    parts = [_optima(place(cosines), place(part)) for part in filled]
    loss, squared_norm, bias = (np.concatenate(found)[: density.size] for found in zip(*parts, strict=True))
    return loss, np.sqrt(squared_norm), bias


@jax.jit
def _optima(cosines, densities):
    """Loss, squared norm and bias at the best threshold, in ever finer grids around the best of the last."""
    places = place(np.linspace(-1, 1, 41), cosines.dtype)

    def one(density):
        chances = jnp.full(FEATURES, density)

        def search(window, _):
            middle, half = window
            thresholds = middle + half * places
            square, twice_cross = jax.vmap(_output_moments, (None, 0, None))(cosines, -thresholds, chances)
            gain = twice_cross**2 / (4 * square)
            best = jnp.argmax(gain)
            squared_norm = twice_cross[best] / (2 * square[best])
            found = density / 3 - gain[best], squared_norm, -thresholds[best] * squared_norm
            return (thresholds[best], half / 10), found

        # with a threshold beyond either end nothing or everything passes, and less than all features suffice for that
        window = jnp.asarray(-0.75, cosines.dtype), jnp.asarray(1.25, cosines.dtype)
        return jax.tree.map(lambda rounds: rounds[-1], jax.lax.scan(search, window, length=9)[1])

    return jax.lax.map(one, densities)
