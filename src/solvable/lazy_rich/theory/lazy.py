"""The lazy end: the network as a kernel machine, its whole training without a step of training, and where it ends."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Real

from solvable import require
from solvable._types import RealLike, promote

from .committee import Moments, PopulationLoss, committee_ntk, infinite_width, loss_of_increments


class LazyRun(NamedTuple):
    """Training with the kernel of the start.

    Attributes:
        train: ``(n,)``; mean squared error on the training inputs.
        test: the same on fresh inputs, in three parts of shape ``(n,)``.
    """

    train: Float[Array, " n"]
    test: PopulationLoss


def lazy_flow(
    x: Float[ArrayLike, "p d"],
    y: Float[ArrayLike, " p"],
    beta: Float[ArrayLike, " d"],
    *,
    eps: RealLike,
    times: Float[ArrayLike, " n"],
    start: Moments | None = None,
) -> LazyRun:
    r"""Gradient flow at :math:`\alpha = \infty`, where the kernel :math:`K_0` of the start never moves.

    .. math::

        f_\tau(x) = \sum_\mu c_\mu(\tau)\, K_0(x_\mu, x), \qquad
        c(\tau) = K_0^{-1} \left(1 - e^{-2\tau K_0/P}\right) y

    Only :math:`(1 - e^{-2\tau\lambda/P})/\lambda` of each eigenvalue enters, so that a singular kernel does no
    harm. The test loss follows from the moments' increments :math:`u = X^\top c + \epsilon C \bar w_0` and
    :math:`S = \bar w_0 c^\top X + X^\top c\, \bar w_0^\top + \epsilon (M_0 C + C M_0)` with
    :math:`C = \sum_\mu c_\mu x_\mu x_\mu^\top`.

    Args:
        x: ``(P, D)``; training inputs.
        y: ``(P,)``; targets.
        beta: ``(D,)``; direction and size of the target, for the test loss.
        eps: bend of the activation.
        times: ``(n,)``; learning rate ``eta0`` times steps; infinity allowed.
        start: moments of the network at the start; those of infinitely many neurons by default.

    Returns:
        Losses at every time.

    Raises:
        ValueError: a time is negative, or the shapes do not match.

    Source: derived in the chapter.

    >>> x = jnp.array([[1.0]])
    >>> lazy_flow(x, jnp.array([1.0]), jnp.array([2**0.5]), eps=0.0, times=jnp.array([0.0, jnp.inf])).train.tolist()
    [1.0, 0.0]
    """
    require.non_negative_or_infinite(times=times)

    return _lazy(x, y, beta, eps, times, start, _flow_factors)


def lazy_descent(
    x: Float[ArrayLike, "p d"],
    y: Float[ArrayLike, " p"],
    beta: Float[ArrayLike, " d"],
    *,
    eps: RealLike,
    eta0: RealLike,
    steps: Real[ArrayLike, " n"],
    start: Moments | None = None,
) -> LazyRun:
    r"""Gradient descent at :math:`\alpha = \infty`: as :func:`lazy_flow` with
    :math:`\left(1 - 2\eta_0 K_0/P\right)^n` in the place of the exponential.

    Args:
        x: ``(P, D)``; training inputs.
        y: ``(P,)``; targets.
        beta: ``(D,)``; direction and size of the target, for the test loss.
        eps: bend of the activation.
        eta0: learning rate in units of ``N / alpha²``; positive.
        steps: ``(n,)``; whole numbers.
        start: moments of the network at the start; those of infinitely many neurons by default.

    Returns:
        Losses after every number of steps.

    Raises:
        ValueError: an argument lies outside its domain, or the shapes do not match.

    Source: derived in the chapter.

    >>> task = jnp.array([[1.0]]), jnp.array([1.0]), jnp.array([2**0.5])
    >>> lazy_descent(*task, eps=0.0, eta0=0.25, steps=jnp.arange(3)).train.tolist()
    [1.0, 0.25, 0.0625]
    """
    require.positive(eta0=eta0)
    require.integer(0, steps=steps)

    return _lazy(x, y, beta, eps, steps, start, _descent_factors, eta0)


def _flow_factors(lam, rate, times):
    settled = (lam <= lam[-1] * lam.size * jnp.finfo(lam.dtype).eps) & jnp.isinf(times)
    # a direction without an eigenvalue never moves, not even in an infinite time
    decay = -jnp.expm1(-rate * lam * jnp.where(settled, 0, times))
    grown = jnp.where(lam > 0, decay / jnp.where(lam > 0, lam, 1), rate * jnp.where(settled, 0, times))
    return jnp.where(settled, 0, grown)


def _descent_factors(lam, rate, steps, eta0):
    factor = 1 - rate * eta0 * lam
    # the sign apart from the size: a power of a negative number is not one of its logarithm
    left = jnp.where((factor < 0) & (steps % 2 == 1), -1, 1) * jnp.abs(factor) ** steps
    gone = jnp.where(factor > 0, -jnp.expm1(steps * jnp.log1p(jnp.where(factor > 0, -rate * eta0 * lam, 0))), 1 - left)
    return jnp.where(lam > 0, gone / jnp.where(lam > 0, lam, 1), rate * eta0 * steps)


def _lazy(x, y, beta, eps, times, start, factors, *rates):
    require.shape((None, None), x=x)
    samples, dim = jnp.shape(x)
    require.shape((samples,), y=y)
    require.shape((dim,), beta=beta)
    x, y, beta, eps, times, *rates = promote(x, y, beta, eps, times, *rates)
    start = infinite_width(dim, x.dtype) if start is None else Moments(*promote(*start, x)[:2])
    return _losses(x, y, beta, eps, times, start, rates, factors=factors)


@partial(jax.jit, static_argnames="factors")
def _losses(x, y, beta, eps, times, start, rates, *, factors):
    kernel = committee_ntk(x, moments=start, eps=eps)
    lam, vectors = jnp.linalg.eigh(kernel)
    lam = jnp.maximum(lam, 0)
    parts = vectors.T @ y

    def at(time):
        found = factors(lam, 2 / len(x), time, *rates) * parts
        c = vectors @ found
        pull, big_c = c @ x, (c[:, None] * x).T @ x
        cross = jnp.outer(start.wbar, pull) + eps * (start.m @ big_c)
        test = loss_of_increments(pull + eps * (big_c @ start.wbar), cross + cross.T, beta, eps)
        return jnp.mean((parts - lam * found) ** 2), test

    return LazyRun(*jax.lax.map(at, times))


class LearningCurve(NamedTuple):
    """What kernel regression makes of a number of examples.

    Attributes:
        test: mean squared error on fresh inputs.
        kappa: the effective ridge, in the unit of the kernel's eigenvalues times the number of examples.
    """

    test: Float[Array, "..."]
    kappa: Float[Array, "..."]


def kernel_modes(
    dim: RealLike, *, eps: RealLike
) -> tuple[Float[Array, "3 ..."], Float[Array, "3 ..."], Float[Array, "3 ..."]]:
    r"""Eigenvalues of the kernel of infinitely many neurons over all inputs, how many modes share each, and the target.

    .. math::

        \lambda = \frac1D, \quad \frac{\epsilon^2}{D}\left(1 + \frac2D\right), \quad \frac{2\epsilon^2}{D^2}; \qquad
        n = D, \quad 1, \quad \frac{D(D+1)}{2} - 1; \qquad
        a = 0, \quad \frac14\left(1 + \frac2D\right), \quad \frac34 - \frac14\left(1 + \frac2D\right)

    for functions that are linear in the input, :math:`|x|^2`, and the quadratic ones without a trace. The power ``a``
    of the target in each is that of :math:`|\beta|^2 = D`.

    Args:
        dim: ``D``, the dimension of the inputs.
        eps: bend of the activation.

    Returns:
        Eigenvalues, multiplicities, powers of the target.

    Source: derived in the chapter; Kumar et al. (2024), section 5, prints the third eigenvalue without the square.
    """
    require.positive(dim=dim, eps=eps)
    dim, eps = jnp.broadcast_arrays(*promote(dim, eps))
    radial = (1 + 2 / dim) / 4
    return (
        jnp.stack([1 / dim, eps**2 * (1 + 2 / dim) / dim, 2 * eps**2 / dim**2]),
        jnp.stack([dim, jnp.ones_like(dim), dim * (dim + 1) / 2 - 1]),
        jnp.stack([jnp.zeros_like(dim), radial, 0.75 - radial]),
    )


def kernel_regression_learning_curve(
    samples: RealLike, *, dim: RealLike, eps: RealLike, ridge: RealLike = 0.0
) -> LearningCurve:
    r"""Test loss where the lazy end ends, as a function of the number of examples: kernel regression with :math:`K_0`.

    .. math::

        E = \frac{1}{1 - \gamma} \sum_k a_k \left(\frac{\kappa}{\kappa + P\lambda_k}\right)^2, \qquad
        \kappa = \delta + \sum_k \frac{n_k \lambda_k \kappa}{P\lambda_k + \kappa}, \qquad
        \gamma = \sum_k \frac{n_k P \lambda_k^2}{(P\lambda_k + \kappa)^2}

    with the modes of :func:`kernel_modes`. It peaks where the examples become as many as the dimensions, because the
    linear modes are then pinned by noise-like residuals of the quadratic ones. An average over data sets, exact as
    ``P`` and ``D`` grow together.

    Args:
        samples: ``P``; at least 1, any shape.
        dim: ``D``.
        eps: bend of the activation.
        ridge: :math:`\delta`; not negative.

    Returns:
        Test loss and effective ridge; both 0 where there are more examples than modes and no ridge.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: Bordelon, Canatar and Pehlevan (2020) and Canatar, Bordelon and Pehlevan (2021), for this kernel.

    >>> curve = kernel_regression_learning_curve(jnp.array([40.0, 200.0]), dim=40, eps=0.1)
    >>> curve.test.round(2).tolist()
    [3.81, 0.5]
    """
    require.positive(samples=samples, dim=dim, eps=eps)
    require.non_negative(ridge=ridge)
    samples, dim, eps, ridge = jnp.broadcast_arrays(*promote(samples, dim, eps, ridge))
    return _learning_curve(samples, ridge, *kernel_modes(dim, eps=eps))


NEWTON_STEPS = 40
"""From the left of a convex function Newton's method never overshoots. Twenty steps were enough wherever we tried."""


@jax.jit
def _learning_curve(samples, ridge, lam, count, power):
    total = jnp.sum(count, axis=0)

    def newton(_, kappa):
        # of h(kappa) = ridge/kappa + sum n lam/(P lam + kappa) - 1, which falls and is convex
        value = jnp.sum(count * lam / (samples * lam + kappa), axis=0) - 1
        slope = -jnp.sum(count * lam / (samples * lam + kappa) ** 2, axis=0)
        safe = jnp.where(kappa > 0, kappa, 1)
        value = value + jnp.where(kappa > 0, ridge / safe, 0)
        slope = slope - jnp.where(kappa > 0, ridge / safe**2, 0)
        return jnp.maximum(kappa - value / slope, kappa)

    solved = jax.lax.fori_loop(0, NEWTON_STEPS, newton, ridge)
    kappa = jnp.where((samples < total) | (ridge > 0), solved, 0)
    left = kappa / (kappa + samples * lam)
    gamma = jnp.sum(count * samples * lam**2 / (samples * lam + kappa) ** 2, axis=0)
    # without a ridge and with examples to spare nothing is left, and gamma counts the modes instead
    test = jnp.sum(power * left**2, axis=0) / jnp.where(kappa > 0, 1 - gamma, 1)
    return LearningCurve(test, kappa)
