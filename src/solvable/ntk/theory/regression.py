"""Training a wide network on the squared error: linear regression with its kernel, solved at every time and step.

Throughout, the loss is the mean over the ``N`` training inputs, :math:`\\frac{1}{2N} \\sum_i |f(x_i) - y_i|^2`, so that
:math:`\\Theta / N` sets the pace. A library that sums over inputs has a learning rate ``N`` times smaller.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Real

from solvable import require
from solvable._types import RealLike, promote


class Prediction(NamedTuple):
    """What a network says at each time: leading axes are those of the times, then inputs, then outputs if any.

    Attributes:
        train: at the training inputs.
        test: at the test inputs; None where no kernel to them was given.
    """

    train: Float[Array, "..."]
    test: Float[Array, "..."] | None


def kernel_gradient_flow(
    ntk_tt: Float[ArrayLike, "n n"],
    y: Real[ArrayLike, "n ..."],
    *,
    t: RealLike,
    f0_t: RealLike = 0.0,
    f0_s: RealLike = 0.0,
    ntk_st: Float[ArrayLike, "m n"] | None = None,
) -> Prediction:
    r"""Predictions under gradient flow on the mean squared error, with the kernel fixed.

    .. math::

        f_t(X) &= y + e^{-t\Theta/N} (f_0(X) - y), \\
        f_t(x) &= f_0(x) + \Theta(x, X)\, \Theta^{-1} \left(I - e^{-t\Theta/N}\right) (y - f_0(X))

    through the eigenvectors of :math:`\Theta`: of each, only :math:`(1 - e^{-\lambda t})/\lambda` enters, which is
    ``t`` where :math:`\lambda` vanishes, so that a singular kernel does no harm. At ``t = ∞`` directions whose
    eigenvalue is below rounding are left as they were.

    Args:
        ntk_tt: ``(n, n)``; kernel between the training inputs.
        y: ``(n,)`` or ``(n, outputs)``; targets.
        t: times of the flow on the mean loss ``(1 / 2N) Σ |f - y|²``, any shape, infinity allowed. ``k`` steps of
            learning rate ``eta`` take ``t = eta k``.
        f0_t: initial outputs at the training inputs; broadcasts against ``y``.
        f0_s: initial outputs at the test inputs.
        ntk_st: ``(m, n)``; kernel between test and training inputs.

    Returns:
        Predictions of shape ``(*t, n)`` and ``(*t, m)``, each with a last axis for outputs where ``y`` has one.

    Raises:
        ValueError: shapes do not match, a time is negative, or an entry is not finite.

    Source: Jacot, Gabriel and Hongler (2018), section 5.

    >>> flow = kernel_gradient_flow(np.array([[2.0]]), np.array([1.0]), t=np.array([0.0, 0.5, np.inf]))
    >>> np.asarray(flow.train[:, 0]).round(6).tolist()
    [0.0, 0.632121, 1.0]
    """
    require.non_negative_or_infinite(t=t)
    ntk_tt, y, f0_t, f0_s, ntk_st, t = _ready(ntk_tt, y, f0_t, f0_s, ntk_st, t)

    return Prediction(*_flow(ntk_tt, y, f0_t, f0_s, ntk_st, t))


@jax.jit
def _flow(ntk_tt, y, f0_t, f0_s, ntk_st, t):
    def decay(lam, settled):
        # a direction without an eigenvalue never moves, not even in an infinite time
        return jnp.where(settled, 1, jnp.exp(-lam * jnp.where(settled, 0, t[..., None])))

    def integral(lam, settled):
        ends = -jnp.expm1(-lam * jnp.where(settled, 0, t[..., None])) / jnp.where(lam > 0, lam, 1)
        return jnp.where(settled, 0, jnp.where(lam > 0, ends, t[..., None]))

    return _predict(ntk_tt, y, f0_t, f0_s, ntk_st, t, decay, integral)


def kernel_gradient_descent(
    ntk_tt: Float[ArrayLike, "n n"],
    y: Real[ArrayLike, "n ..."],
    *,
    eta: RealLike,
    steps: RealLike,
    f0_t: RealLike = 0.0,
    f0_s: RealLike = 0.0,
    ntk_st: Float[ArrayLike, "m n"] | None = None,
) -> Prediction:
    r"""Predictions after steps of full-batch gradient descent on the mean squared error, with the kernel fixed.

    .. math::

        f_k(X) &= y + \left(I - \frac{\eta \Theta}{N}\right)^k (f_0(X) - y), \\
        f_k(x) &= f_0(x) + \Theta(x, X)\, \Theta^{-1} \left(I - \left(I - \frac{\eta\Theta}{N}\right)^k\right)
                  (y - f_0(X))

    This is what gradient descent on the linearised network does, exactly, at every learning rate, the unstable ones
    included (:func:`critical_learning_rate`).

    Args:
        ntk_tt: ``(n, n)``; kernel between the training inputs.
        y: ``(n,)`` or ``(n, outputs)``; targets.
        eta: learning rate on the mean loss ``(1 / 2N) Σ |f - y|²``; positive, a scalar.
        steps: whole numbers, any shape; infinity is allowed at a stable learning rate.
        f0_t: initial outputs at the training inputs; broadcasts against ``y``.
        f0_s: initial outputs at the test inputs.
        ntk_st: ``(m, n)``; kernel between test and training inputs.

    Returns:
        Predictions of shape ``(*steps, n)`` and ``(*steps, m)``, with a last axis for outputs where ``y`` has one.

    Raises:
        ValueError: shapes do not match, an argument lies outside its domain, or infinitely many steps are asked for at
            a learning rate at which they diverge.

    Source: derived in the chapter.

    >>> descent = kernel_gradient_descent(np.array([[2.0]]), np.array([1.0]), eta=0.25, steps=np.array([0, 1, 2]))
    >>> descent.train[:, 0].tolist()
    [0.0, 0.5, 0.75]
    """
    require.positive(eta=eta)
    require.shape((), eta=eta)
    require.non_negative_or_infinite(steps=steps)
    if not isinstance(steps, jax.core.Tracer):
        finite = np.asarray(steps)[np.isfinite(np.asarray(steps))]
        require.integer(0, steps=finite)
    ntk_tt, y, f0_t, f0_s, ntk_st, steps = _ready(ntk_tt, y, f0_t, f0_s, ntk_st, steps)
    eta = jnp.asarray(eta, ntk_tt.dtype)
    traced = any(isinstance(value, jax.core.Tracer) for value in (ntk_tt, eta, steps))
    if not traced and np.isinf(np.asarray(steps)).any():
        stable = float(critical_learning_rate(ntk_tt).stable)
        if float(eta) >= stable:
            raise ValueError(
                f"steps must be finite where descent diverges, at eta of {stable:.3g} or more, got inf at {eta}"
            )

    return Prediction(*_descent(ntk_tt, y, f0_t, f0_s, ntk_st, eta, steps))


@jax.jit
def _descent(ntk_tt, y, f0_t, f0_s, ntk_st, eta, steps):
    def logarithm(lam, settled):
        """Of the power, for factors not far from 1, whose digits the factor itself would round away."""
        small = eta * lam < 0.5
        return small, jnp.where(settled, 0, steps[..., None]) * jnp.log1p(-eta * jnp.where(small, lam, 0))

    def power(lam, settled):
        small, log = logarithm(lam, settled)
        factor = 1 - eta * lam
        odd = jnp.isfinite(steps) & (jnp.mod(jnp.where(jnp.isfinite(steps), steps, 0), 2) == 1)
        sign = jnp.where((factor < 0) & odd[..., None], -1, 1)
        large = sign * jnp.abs(jnp.where(small, 1, factor)) ** jnp.where(settled, 0, steps[..., None])
        return jnp.where(settled, 1, jnp.where(small, jnp.exp(log), large))

    def integral(lam, settled):
        # small eigenvalues by expm1, where 1 minus the power would cancel; large ones have nothing to lose
        small, log = logarithm(lam, settled)
        learned = jnp.where(small, -jnp.expm1(log), 1 - power(lam, settled))
        moved = jnp.where(lam > 0, learned / jnp.where(lam > 0, lam, 1), eta * steps[..., None])
        return jnp.where(settled, 0, moved)

    return _predict(ntk_tt, y, f0_t, f0_s, ntk_st, steps, power, integral)


def _ready(ntk_tt, y, f0_t, f0_s, ntk_st, when):
    require.square(ntk_tt=ntk_tt)
    n = np.shape(ntk_tt)[0]
    if np.ndim(y) not in (1, 2) or np.shape(y)[0] != n:
        raise ValueError(f"y must have shape ({n},) or ({n}, outputs), got {np.shape(y)}")
    require.finite(ntk_tt=ntk_tt, y=y, f0_t=f0_t, f0_s=f0_s)
    if ntk_st is not None:
        require.shape((None, n), ntk_st=ntk_st)
        require.finite(ntk_st=ntk_st)
    ntk_tt, y, f0_t, f0_s, when = promote(ntk_tt, y, f0_t, f0_s, when)
    try:
        f0_t = jnp.broadcast_to(f0_t, y.shape)
    except ValueError as error:
        raise ValueError(f"f0_t must broadcast to the shape of y, {y.shape}, got {f0_t.shape}") from error
    if ntk_st is not None:
        ntk_st = jnp.asarray(ntk_st, ntk_tt.dtype)
        beyond = (ntk_st.shape[0], *y.shape[1:])
        try:
            f0_s = jnp.broadcast_to(f0_s, beyond)
        except ValueError as error:
            raise ValueError(f"f0_s must broadcast to {beyond}, got {f0_s.shape}") from error
    return ntk_tt, y, f0_t, f0_s, ntk_st, when


def _spectrum(kernel):
    """Eigenvalues of the kernel over ``N``, none below zero, and eigenvectors; in increasing order."""
    values, vectors = jnp.linalg.eigh(kernel)
    return jnp.maximum(values, 0) / kernel.shape[0], vectors


def _is_null(lam, n):
    return lam <= n * jnp.finfo(lam.dtype).eps * jnp.max(lam)


def _predict(ntk_tt, y, f0_t, f0_s, ntk_st, when, decay, integral):
    """Filter the error in the eigenbasis of the kernel: by ``decay`` on the training set, by ``integral`` beyond it."""
    n = y.shape[0]
    lam, vectors = _spectrum(ntk_tt)
    settled = _is_null(lam, n) & jnp.isinf(when)[..., None]
    error = vectors.T @ (f0_t - y).reshape(n, -1)

    def shaped(values, rows):
        return values.reshape(*when.shape, rows, *y.shape[1:])

    train = y + shaped(vectors @ (decay(lam, settled)[..., None] * error), n)
    if ntk_st is None:
        return train, None
    moved = -(ntk_st @ vectors / n) @ (integral(lam, settled)[..., None] * error)
    return train, f0_s + shaped(moved, ntk_st.shape[0])


class PrincipalComponents(NamedTuple):
    """Kernel principal components of a training set.

    Attributes:
        eigenvalues: ``(n,)``; of the kernel over ``N``, in decreasing order: rates of learning.
        functions: ``(n, n)``; a component a column, its values at the training inputs, of mean square 1. The sign is
            that of the entry of the largest size, made positive.
    """

    eigenvalues: Float[Array, " n"]
    functions: Float[Array, "n n"]


def kernel_principal_components(ntk_tt: Float[ArrayLike, "n n"]) -> PrincipalComponents:
    r"""Directions that gradient flow on the mean loss learns by themselves, and how fast it learns each.

    .. math::

        \frac{1}{N} \Theta f^{(i)} = \lambda_i f^{(i)}, \qquad \frac{1}{N}\sum_j f^{(i)}(x_j)^2 = 1, \qquad
        \langle f_t - y, f^{(i)} \rangle = e^{-\lambda_i t} \langle f_0 - y, f^{(i)} \rangle

    Nothing is centred.

    Args:
        ntk_tt: ``(n, n)``; kernel between the training inputs.

    Returns:
        Eigenvalues and components, the largest first.

    Raises:
        ValueError: the kernel is not square, or an entry is not finite.

    Source: Jacot, Gabriel and Hongler (2018), section 5.

    >>> kernel_principal_components(np.array([[2.0, 0.0], [0.0, 6.0]])).eigenvalues.tolist()
    [3.0, 1.0]
    """
    return PrincipalComponents(*_components(_square(ntk_tt)))


@jax.jit
def _components(ntk_tt):
    lam, vectors = _spectrum(ntk_tt)
    lam, vectors = lam[::-1], vectors[:, ::-1]
    largest = jnp.take_along_axis(vectors, jnp.argmax(jnp.abs(vectors), axis=0)[None], axis=0)
    return lam, vectors * jnp.sign(largest) * jnp.sqrt(jnp.asarray(len(lam), lam.dtype))


class CriticalLearningRate(NamedTuple):
    """Learning rates of gradient descent on the mean loss with a fixed kernel.

    Attributes:
        stable: descent converges below, and diverges above.
        fastest: where the slowest component is learned in the fewest steps.
    """

    stable: Float[Array, ""]
    fastest: Float[Array, ""]


def critical_learning_rate(ntk_tt: Float[ArrayLike, "n n"]) -> CriticalLearningRate:
    r"""Largest stable and fastest learning rate of gradient descent on the mean loss of a linearised network.

    .. math::

        \eta_{\text{stable}} = \frac{2}{\lambda_{\max}}, \qquad
        \eta_{\text{fastest}} = \frac{2}{\lambda_{\min} + \lambda_{\max}}, \qquad
        \lambda = \text{eigenvalues of } \Theta / N

    The network itself may survive larger steps, by moving to where its kernel is smaller.

    Args:
        ntk_tt: ``(n, n)``; kernel between the training inputs.

    Raises:
        ValueError: the kernel is not square, or an entry is not finite.

    Source: derived in the chapter.

    >>> [float(rate) for rate in critical_learning_rate(np.array([[2.0, 0.0], [0.0, 6.0]]))]
    [0.6666666666666666, 0.5]
    """
    ntk_tt = _square(ntk_tt)
    lam = jnp.linalg.eigvalsh(ntk_tt) / ntk_tt.shape[0]
    return CriticalLearningRate(2 / lam[-1], 2 / (jnp.maximum(lam[0], 0) + lam[-1]))


def _square(kernel):
    require.square(ntk_tt=kernel)
    require.finite(ntk_tt=kernel)
    return promote(kernel)[0]


def early_stopping_risk(
    eigenvalues: Real[ArrayLike, " n"],
    coefficients: Real[ArrayLike, " n"],
    *,
    noise: RealLike,
    t: RealLike,
) -> Float[Array, "..."]:
    r"""Expected mean squared distance from the noise-free targets while gradient flow fits noisy ones.

    .. math::

        R(t) = \sum_i c_i^2\, e^{-2\lambda_i t} + \frac{\sigma^2}{N} \sum_i \left(1 - e^{-\lambda_i t}\right)^2

    The first sum is what has not been learned yet, the second the noise that has. It is a filter: at time ``t``
    components with :math:`\lambda_i \gg 1/t` have passed and the others have not.

    Args:
        eigenvalues: ``(n,)``; of the kernel over ``N``; not negative.
        coefficients: ``(n,)``; of the noise-free targets, minus the initial outputs, in components of mean square 1.
        noise: standard deviation of the noise on each target; not negative.
        t: times of the flow on the mean loss, any shape; infinity allowed.

    Returns:
        The risk at the training inputs, of the shape of ``t``.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.

    >>> early_stopping_risk(np.array([1.0]), np.array([2.0]), noise=0.5, t=np.array([0.0, np.inf])).tolist()
    [4.0, 0.25]
    """
    require.non_negative(eigenvalues=eigenvalues, noise=noise)
    require.finite(coefficients=coefficients)
    require.non_negative_or_infinite(t=t)
    require.shape(np.shape(eigenvalues), coefficients=coefficients)
    return _risk(*promote(eigenvalues, coefficients, noise, t))


@jax.jit
def _risk(eigenvalues, coefficients, noise, t):
    still = (eigenvalues == 0) & jnp.isinf(t)[..., None]
    exponents = -eigenvalues * jnp.where(still, 0, t[..., None])
    bias = jnp.sum(coefficients**2 * jnp.exp(2 * exponents), axis=-1)
    return bias + noise**2 * jnp.mean(jnp.expm1(exponents) ** 2, axis=-1)
