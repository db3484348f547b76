"""Distributions over functions: the ensemble of trained networks, the Bayesian posterior, and scale mixtures."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, ArrayLike, Float, Real

from solvable import require
from solvable._types import RealLike, promote

from .regression import kernel_gradient_flow


class Gaussian(NamedTuple):
    """A Gaussian over the values of a function.

    Attributes:
        mean: ``(n,)``.
        cov: ``(n, n)``.
    """

    mean: Float[Array, " n"]
    cov: Float[Array, "n n"]


class StudentT(NamedTuple):
    """A multivariate Student-t over the values of a function.

    Attributes:
        dof: degrees of freedom.
        mean: ``(n,)``; the centre (the mean where ``dof > 1``).
        scale: ``(n, n)``; the scale matrix; the covariance is ``dof / (dof - 2)`` times it where ``dof > 2``.
    """

    dof: Float[Array, ""]
    mean: Float[Array, " n"]
    scale: Float[Array, "n n"]


def ensemble_mean_cov(
    nngp: Float[ArrayLike, "n n"],
    ntk: Float[ArrayLike, "n n"],
    y: Real[ArrayLike, " n_train"],
    n_train: int,
    *,
    t: RealLike = np.inf,
    jitter: RealLike = 0.0,
) -> Gaussian:
    r"""The Gaussian that infinitely wide networks, each trained from its own start, follow at time ``t``.

    .. math::

        \mu_t = A_t y, \qquad
        \Sigma_t = K + A_t K_{XX} A_t^\top - A_t K_{X \cdot} - K_{\cdot X} A_t^\top, \qquad
        A_t = \Theta_{\cdot X}\, \Theta_{XX}^{-1} \left(I - e^{-t \Theta_{XX}/N}\right)

    with the covariance :math:`K` at initialisation and the loss averaged over the ``N`` training inputs. At ``t = ∞``
    this is not the Bayesian posterior. Give the NNGP kernel for ``ntk`` too, and it is the ensemble in which only the
    last layer is trained, which does end at the posterior.

    Args:
        nngp: ``(n, n)``; covariance at initialisation, training inputs first.
        ntk: ``(n, n)``; neural tangent kernel, training inputs first.
        y: ``(n_train,)``; targets.
        n_train: how many of the inputs are trained on.
        t: time of the flow on the mean loss ``(1 / 2N) Σ |f - y|²``; a scalar, infinity allowed.
        jitter: added to the diagonal of ``ntk``'s training block, as a fraction of its mean; not negative.

    Returns:
        Mean and covariance at all inputs, in the order given.

    Raises:
        ValueError: shapes do not match, or an argument lies outside its domain.

    Source: Lee et al. (2019), with the mean in the place of their sum over inputs; derived in the chapter.

    >>> one = np.array([[1.0, 0.5], [0.5, 1.0]])
    >>> mean, cov = ensemble_mean_cov(one, 2 * one, np.array([3.0]), 1)
    >>> [mean.round(6).tolist(), cov.round(6).tolist()]
    [[3.0, 1.5], [[0.0, 0.0], [0.0, 0.75]]]
    """
    require.integer(1, n_train=n_train)
    _check_split(y, n_train, nngp=nngp, ntk=ntk)
    require.shape(np.shape(nngp), ntk=ntk)
    require.non_negative(jitter=jitter)
    require.non_negative_or_infinite(t=t)
    require.shape((), t=t, jitter=jitter)
    return Gaussian(*_ensemble(*promote(nngp, ntk, y, t, jitter)))


@jax.jit
def _ensemble(nngp, ntk, y, t, jitter):
    trained = slice(len(y))
    ntk_tt = ntk[trained, trained]
    ntk_tt = ntk_tt + jitter * jnp.mean(jnp.diag(ntk_tt)) * jnp.eye(len(y), dtype=ntk.dtype)
    # what the flow makes of each unit target is a column of A_t
    units = jnp.eye(len(y), dtype=ntk.dtype)
    a = kernel_gradient_flow(ntk_tt, units, t=t, ntk_st=ntk[:, trained]).test
    prior = a @ nngp[trained]
    return a @ y, nngp + a @ nngp[trained, trained] @ a.T - prior - prior.T


def gaussian_process_posterior(
    nngp: Float[ArrayLike, "n n"],
    y: Real[ArrayLike, " n_train"],
    n_train: int,
    *,
    noise: RealLike = 0.0,
) -> Gaussian:
    r"""Bayesian posterior of a Gaussian process, such as a wide network with a prior on all its weights.

    .. math::

        \mu = K_{\cdot X} (K_{XX} + \sigma^2 I)^{-1} y, \qquad
        \Sigma = K - K_{\cdot X} (K_{XX} + \sigma^2 I)^{-1} K_{X \cdot}

    Args:
        nngp: ``(n, n)``; prior covariance, training inputs first.
        y: ``(n_train,)``; targets.
        n_train: how many of the inputs have targets.
        noise: standard deviation of the targets' noise; not negative.

    Returns:
        Mean and covariance at all inputs, in the order given.

    Raises:
        ValueError: shapes do not match, an argument lies outside its domain, or the covariance of the training inputs
            is not positive definite in the precision it has.

    Source: standard; conditioning of a Gaussian.

    >>> mean, cov = gaussian_process_posterior(np.array([[1.0, 0.5], [0.5, 1.0]]), np.array([3.0]), 1)
    >>> [mean.round(6).tolist(), cov.round(6).tolist()]
    [[3.0, 1.5], [[0.0, 0.0], [0.0, 0.75]]]
    """
    _check_split(y, n_train, nngp=nngp)
    require.non_negative(noise=noise)
    nngp, y = promote(nngp, y)
    return _conditioned(nngp, y, jnp.asarray(noise, nngp.dtype))[0]


def _conditioned(nngp, y, noise):
    """The posterior, and the quadratic form of the targets in the inverse of their covariance."""
    prior = nngp[: len(y)]
    root = cholesky(prior[:, : len(y)] + noise**2 * jnp.eye(len(y), dtype=nngp.dtype))
    whitened, targets = (solve_triangular(root, right, lower=True) for right in (prior, y))
    return Gaussian(whitened.T @ targets, nngp - whitened.T @ whitened), targets @ targets


def student_t_predictive(
    nngp: Float[ArrayLike, "n n"],
    y: Real[ArrayLike, " n_train"],
    n_train: int,
    *,
    a: RealLike,
    b: RealLike,
) -> StudentT:
    r"""A wide network whose last-layer variance is itself random: a scale mixture of Gaussian processes.

    With :math:`s^2 \sim \text{InvGamma}(a, b)` and :math:`f \mid s \sim \mathcal{GP}(0, s^2 K)`, the values of ``f``
    are Student-t with ``2a`` degrees of freedom and scale :math:`(b/a) K`. Given ``N`` noise-free targets,

    .. math::

        \nu = 2a + N, \qquad \mu = K_{\cdot X} K_{XX}^{-1} y, \qquad
        S = \frac{2b + y^\top K_{XX}^{-1} y}{2a + N} \left(K - K_{\cdot X} K_{XX}^{-1} K_{X\cdot}\right)

    Args:
        nngp: ``(n, n)``; covariance at ``s = 1``, training inputs first.
        y: ``(n_train,)``; targets; none for the prior.
        n_train: how many of the inputs have targets; 0 for the prior.
        a: shape of the inverse gamma; positive.
        b: its scale; positive.

    Returns:
        Degrees of freedom, centre and scale matrix at all inputs, in the order given.

    Raises:
        ValueError: as :func:`gaussian_process_posterior`, and where ``a`` or ``b`` is not positive.

    Source: Lee, Yun, Yang and Lee (2021) for the mixture; the formulas derived in the chapter.

    >>> prior = student_t_predictive(np.array([[2.0]]), np.array([]), 0, a=2.0, b=3.0)
    >>> [float(prior.dof), prior.scale.item()]
    [4.0, 3.0]
    """
    _check_split(y, n_train, nngp=nngp)
    require.positive(a=a, b=b)
    nngp, y = promote(nngp, y)
    a, b = (jnp.asarray(value, nngp.dtype) for value in (a, b))
    if n_train == 0:
        return StudentT(2 * a, jnp.zeros(nngp.shape[0], nngp.dtype), b / a * nngp)
    (mean, cov), quadratic = _conditioned(nngp, y, jnp.zeros((), nngp.dtype))
    dof = 2 * a + n_train
    return StudentT(dof, mean, (2 * b + quadratic) / dof * cov)


def cholesky(matrix: Float[ArrayLike, "n n"]) -> Float[Array, "n n"]:
    """Lower triangular root of a kernel, or an error that says what to do: never NaN.

    Args:
        matrix: ``(n, n)``; a symmetric matrix of numbers, which a compiled function cannot look at.

    Raises:
        ValueError: the matrix is not positive definite in the precision it has. The message says how far it is from
            that, and what helps.

    Source: standard.

    >>> cholesky(np.array([[4.0]])).item()
    2.0
    """
    require.square(matrix=matrix)
    require.finite(matrix=matrix)
    matrix = jnp.asarray(matrix)
    root = jnp.linalg.cholesky(matrix)
    pivots = np.diag(np.asarray(root)) ** 2
    # a pivot that is all rounding is no better than a negative one, and fills the solution with its noise
    if pivots.min(initial=np.inf) > len(matrix) * jnp.finfo(matrix.dtype).eps * np.max(np.diag(matrix), initial=0):
        return root
    dtype = matrix.dtype
    smallest = float(np.linalg.eigvalsh(np.asarray(matrix, dtype=float))[0])
    mean = float(jnp.mean(jnp.diag(matrix)))
    raise ValueError(
        f"matrix must be positive definite in {dtype}, got a smallest eigenvalue of {smallest:.2g} beside a mean "
        f"diagonal of {mean:.2g}. Remove inputs that occur twice, use float64, or add a jitter of at least "
        f"{max(-smallest, float(jnp.finfo(dtype).eps) * len(matrix) * mean):.1g} to the diagonal"
    )


def _check_split(y, n_train, **kernels) -> None:
    require.integer(0, n_train=n_train)
    require.shape((n_train,), y=y)
    require.finite(y=y)
    for name, kernel in kernels.items():
        require.square(**{name: kernel})
        require.finite(**{name: kernel})
        if len(kernel) < n_train:
            raise ValueError(f"{name} must cover the {n_train} training inputs, got {len(kernel)} rows")
