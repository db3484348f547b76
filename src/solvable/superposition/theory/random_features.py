"""Ridge regression on random features: its test loss from the spectrum, the examples and the features."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from solvable import require
from solvable._types import RealLike, promote

HALVINGS = 60
"""Of the interval in which the logarithm of gamma lies; the last ones are below rounding."""
RIDGES = 60
"""Candidates, evenly on a log axis, between which the best ridge is sought."""
SECTIONS = 50
"""Golden sections of the interval around the best of them: rounding, which is flat at a minimum, ends the search."""
GOLDEN = (5**0.5 - 1) / 2
BLOCK = 16
"""Settings of one compiled program; whatever the shape of the arguments, it is compiled once."""
WIDEST = 1e4
"""How far beyond the sum of the eigenvalues the best gamma may lie, times one plus the ratio of noise to signal."""


class RidgeRisk(NamedTuple):
    r"""Mean squared errors of ridge regression on random features, averaged over examples and features.

    Attributes:
        test: on fresh inputs, whose targets have noise too.
        train: on the examples.
        kappa: :math:`\kappa`; the ridge that the examples leave, in the unit of the eigenvalues.
        gamma: :math:`\gamma`; what the features make of it, at least :math:`\kappa`. An eigenfunction is learned where
            its eigenvalue is larger.
    """

    test: Float[Array, "..."]
    train: Float[Array, "..."]
    kappa: Float[Array, "..."]
    gamma: Float[Array, "..."]


def random_feature_ridge_risk(
    samples: RealLike,
    features: RealLike,
    *,
    eigenvalues: Float[ArrayLike, " modes"],
    coefficients: Float[ArrayLike, " modes"],
    ridge: RealLike,
    noise: RealLike = 0.0,
) -> RidgeRisk:
    r"""Test and training error of ridge regression with ``n`` examples on ``k`` random features of a kernel.

    .. math::

        \sum_i \frac{\lambda_i}{\lambda_i + \gamma} + \frac{\delta}{\kappa} = n, \qquad
        \sum_i \frac{\lambda_i}{\lambda_i + \gamma} + \frac{k \kappa}{\gamma} = k

    have one solution :math:`\gamma \ge \kappa \ge 0`. With :math:`L_i = \lambda_i / (\lambda_i + \gamma)`,
    :math:`z = \sum_i L_i` and :math:`q = \sum_i L_i^2`,

    .. math::

        E_{\text{test}} = \frac{\sum_i \left(1 - L_i - \frac{\kappa L_i}{\lambda_i + \gamma} \frac{k}{k - q}\right)
        v_i^2 + \sigma^2}{1 - \frac{q (k - 2z) + z^2}{n (k - q)}}, \qquad
        E_{\text{train}} = \left(\frac{\delta}{n \kappa}\right)^2 E_{\text{test}}.

    The target is :math:`\sum_i v_i \phi_i` in the kernel's eigenfunctions, and a feature is :math:`\sum_i
    \omega_i \sqrt{\lambda_i} \phi_i` with independent unit Gaussians :math:`\omega_i`. The student minimises the *sum*
    of the squared errors plus :math:`\delta |w|^2`, its output being :math:`w` times the features by :math:`\sqrt k`.
    With :math:`k = \infty` it is kernel ridge regression, and :math:`\gamma = \kappa`.

    Args:
        samples: ``n``; positive, any shape, as for ``features``, ``ridge`` and ``noise``.
        features: ``k``; positive, infinity allowed.
        eigenvalues: :math:`\lambda`, ``(modes,)``; positive.
        coefficients: ``v``, ``(modes,)``; of the target.
        ridge: :math:`\delta`; not negative. At 0 both equations have the limit of a small ridge.
        noise: :math:`\sigma^2`; variance of what is added to each target, not negative.

    Returns:
        Errors and effective ridges. Without a ridge the test error is infinite where there are as many features as
        examples, or as many examples as modes, and something is left to fit.

    Raises:
        ValueError: an argument lies outside its domain, or the shapes do not match.

    Source: Simon et al. (2024), section 4; derived in the chapter from kernel regression given the features.

    >>> modes = jnp.arange(1.0, 1001.0)
    >>> task = {"eigenvalues": modes**-1.5, "coefficients": modes**-0.9, "ridge": 1e-3}
    >>> random_feature_ridge_risk(100, jnp.array([50, 100, jnp.inf]), **task).test.round(3).tolist()
    [0.305, 0.76, 0.063]
    """
    require.positive(samples=samples)
    require.positive_or_infinite(features=features)
    require.non_negative(ridge=ridge, noise=noise)
    _check_task(eigenvalues, coefficients)
    samples, features, ridge, noise, eigenvalues, coefficients = promote(
        samples, features, ridge, noise, eigenvalues, coefficients
    )
    return _risks(jnp.broadcast_arrays(samples, features, ridge, noise), (eigenvalues, coefficients))


def optimal_ridge(
    samples: RealLike,
    features: RealLike,
    *,
    eigenvalues: Float[ArrayLike, " modes"],
    coefficients: Float[ArrayLike, " modes"],
    noise: RealLike = 0.0,
) -> Float[Array, "..."]:
    r"""The ridge :math:`\delta \ge 0` with the least test error of :func:`random_feature_ridge_risk`.

    Nothing has to be solved for it: every :math:`\gamma` belongs to the ridge
    :math:`\delta = \gamma (n - z)(1 - z/k)`, and the least error is sought over :math:`\gamma`, on a grid and then by
    golden sections.

    Args:
        samples: ``n``; positive, any shape, as for ``features`` and ``noise``.
        features: ``k``; positive, infinity allowed.
        eigenvalues: :math:`\lambda`, ``(modes,)``; positive.
        coefficients: ``v``, ``(modes,)``; not all 0.
        noise: :math:`\sigma^2`; not negative.

    Returns:
        The ridge, to the square root of rounding; exactly 0 where any ridge does harm.

    Raises:
        ValueError: an argument lies outside its domain, or the shapes do not match.

    Source: derived in the chapter.

    >>> modes = jnp.arange(1.0, 1001.0)
    >>> task = {"eigenvalues": modes**-1.5, "coefficients": modes**-0.9}
    >>> optimal_ridge(100, jnp.inf, **task, noise=jnp.array([0.0, 1.0])).round(2).tolist()
    [0.0, 2.0]
    """
    require.positive(samples=samples)
    require.positive_or_infinite(features=features)
    require.non_negative(noise=noise)
    _check_task(eigenvalues, coefficients)
    if not isinstance(coefficients, jax.core.Tracer):
        require.positive(**{"sum of squared coefficients": np.sum(np.square(coefficients))})
    samples, features, noise, eigenvalues, coefficients = promote(samples, features, noise, eigenvalues, coefficients)
    return _best_ridges(jnp.broadcast_arrays(samples, features, noise), (eigenvalues, coefficients))


def _check_task(eigenvalues, coefficients):
    require.shape((None,), eigenvalues=eigenvalues)
    require.shape(jnp.shape(eigenvalues), coefficients=coefficients)
    require.positive(eigenvalues=eigenvalues)
    require.finite(coefficients=coefficients)


def _over_settings(one):
    """A function of scalars and of the task as one of arrays of settings, of any shape with a single program."""

    @jax.jit
    def block(settings, task):
        return jax.lax.map(lambda setting: one(*setting, *task), settings)

    def every(settings, task):
        shape, size = settings[0].shape, settings[0].size
        rest = -size % BLOCK
        padded = [jnp.pad(setting.ravel(), (0, rest), mode="edge").reshape(-1, BLOCK) for setting in settings]
        if not size:
            padded = [jnp.ones((1, BLOCK), setting.dtype) for setting in settings]
        blocks = [block(settings, task) for settings in zip(*padded, strict=True)]
        return jax.tree.map(lambda *parts: jnp.concatenate(parts)[:size].reshape(shape), *blocks)

    return every


def _unexplained(gamma, n, k, ridge):
    r"""``n - z`` and ``k - z`` as functions of gamma, from both equations without a difference of large numbers.

    Their product is ``k ridge / gamma`` and their difference ``n - k``, so that they solve a quadratic equation.
    """
    finite = jnp.where(jnp.isinf(k), n + 1, k)
    gap, product = n - finite, finite * ridge / gamma
    square = gap**2 + 4 * product
    # both are 0 where there is no ridge and k = n
    larger = jnp.where(square > 0, (jnp.abs(gap) + jnp.sqrt(jnp.where(square > 0, square, 1))) / 2, 0)
    smaller = jnp.where(larger > 0, product / jnp.where(larger > 0, larger, 1), 0)
    left_n = jnp.where(jnp.isinf(k), ridge / gamma, jnp.where(gap > 0, larger, smaller))
    return left_n, jnp.where(jnp.isinf(k), jnp.inf, jnp.where(gap > 0, smaller, larger))


def _solve(n, k, ridge, lam):
    """Gamma: the root of ``sum lam/(lam + gamma) + (n - z)(gamma) = n``, whose left side falls."""
    most = jnp.minimum(n, k)
    total = jnp.sum(lam)
    # at the lower end the left side is too large, at the upper end each of its terms is at most half of what is left
    low = jnp.maximum(ridge / n, jnp.min(lam) * (lam.size / most - 1))
    high = 2 * total / most + 4 * ridge / most
    exists = low > 0

    def excess(log_gamma):
        gamma = jnp.exp(log_gamma)
        return jnp.sum(lam / (lam + gamma)) + _unexplained(gamma, n, k, ridge)[0] - n

    def halve(_, ends):
        low, high = ends
        middle = (low + high) / 2
        above = excess(middle) > 0
        return jnp.where(above, middle, low), jnp.where(above, high, middle)

    ends = jnp.log(jnp.where(exists, low, high / 2)), jnp.log(high)
    root = jax.lax.stop_gradient(sum(jax.lax.fori_loop(0, HALVINGS, halve, ends)) / 2)
    # one step of Newton's, which carries the derivatives
    gamma = jnp.exp(root)
    left_n, left_k = _unexplained(gamma, n, k, ridge)
    falls = jnp.sum(lam * gamma / (lam + gamma) ** 2) + left_n / (1 + left_n / jnp.where(left_k > 0, left_k, 1))
    return jnp.where(exists, jnp.exp(root + excess(root) / jax.lax.stop_gradient(falls)), 0)


def _test_error(gamma, n, k, left_n, left_k, lam, v, noise):
    """Test error, where ``left_n`` and ``left_k`` are ``n - z`` and ``k - z``."""
    learned = lam / (lam + gamma)
    # z - q, and in its terms k - q and n (k - q) - q (k - 2z) - z^2 = (n - z)(k - q) + (k - z)(z - q)
    spread = jnp.sum(learned * gamma / (lam + gamma))
    ratio = 1 / (1 + spread / left_k)  # (k - z)/(k - q), 1 where k is infinite
    bias = jnp.sum((1 - learned) * (1 - learned * ratio) * v**2)
    return n * (bias + noise) / (left_n + ratio * spread)


def _noise_alone(n, noise, lam):
    """Test error of least squares where the model holds: examples and features are at least as many as modes."""
    return jnp.where(noise > 0, n * noise / jnp.maximum(n - lam.size, 0), 0)


def _risk(n, k, ridge, noise, lam, v):
    gamma = _solve(n, k, ridge, lam)
    # without a ridge and with examples and features to spare nothing but noise is left
    spent = gamma == 0
    gamma_or_one = jnp.where(spent, 1, gamma)
    left_n, left_k = _unexplained(gamma_or_one, n, k, ridge)
    solved = _test_error(gamma_or_one, n, k, left_n, left_k, lam, v, noise)
    test = jnp.where(spent, _noise_alone(n, noise, lam), solved)
    kappa = jnp.where(spent, 0, gamma * jnp.where(jnp.isinf(k), 1, left_k / k))
    unfit = jnp.where(spent, n - lam.size, left_n) / n
    return RidgeRisk(test, jnp.where(unfit > 0, unfit**2 * test, 0), kappa, gamma)


def _best_ridge(n, k, noise, lam, v):
    least = _solve(n, k, jnp.zeros_like(n), lam)
    end = WIDEST * jnp.sum(lam) * (1 + noise / jnp.sum(v**2))
    start = jnp.where(least > 0, least, jnp.min(lam) / WIDEST**2)

    def ridge_of(gamma):
        z = jnp.sum(lam / (lam + gamma))
        left_n, left_k = jnp.maximum(n - z, 0), jnp.maximum(k - z, 0)
        return gamma * left_n * jnp.where(jnp.isinf(k), 1, left_k / k), left_n, left_k

    def error(log_gamma):
        gamma = jnp.exp(log_gamma)
        _, left_n, left_k = ridge_of(gamma)
        return _test_error(gamma, n, k, left_n, left_k, lam, v, noise)

    grid = jnp.linspace(jnp.log(start), jnp.log(end), RIDGES)
    found = jnp.argmin(jax.lax.map(error, grid))
    low, high = grid[jnp.maximum(found - 1, 0)], grid[jnp.minimum(found + 1, RIDGES - 1)]

    def section(_, ends):
        low, high = ends
        inner, outer = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        lower = error(inner) < error(outer)
        return jnp.where(lower, low, inner), jnp.where(lower, outer, high)

    low, high = jax.lax.fori_loop(0, SECTIONS, section, (low, high))
    best = (low + high) / 2
    ridge = ridge_of(jnp.exp(best))[0]
    unridged = _test_error(start, n, k, jnp.maximum(n - k, 0), jnp.maximum(k - n, 0), lam, v, noise)
    without = jnp.where(least > 0, unridged, _noise_alone(n, noise, lam))
    return jnp.where(without <= error(best), 0, ridge)


_risks = _over_settings(_risk)
_best_ridges = _over_settings(_best_ridge)
