"""Two layers from any balanced start: the matrix Riccati solution for the Gram matrix of all weights.

    tau d(QQ^T)/dt = F QQ^T + QQ^T F - (QQ^T)^2,        Q = [W1^T; W2]

A two-layer linear network that learns whitened inputs by gradient flow conserves ``W2^T W2 - W1 W1^T``. Where that
difference is ``lam`` times the identity, the blocks of ``QQ^T`` (the map from input to output and the representations
on both sides of the hidden layer) obey the closed equation above.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Real

from solvable import require
from solvable._types import promote

# A step multiplies the fastest mode by at most e^2. Rounding costs e^x / x of an ulp per unit of time for steps of
# size x, least at x = 1; steps of 2 cost a third more and are half as many.
_LONGEST_STEP = 2.0
_LONGEST_TIME = 1e7  # in units of tau / max|d|: some five million steps, about a minute


class GramBlocks(NamedTuple):
    """The blocks of ``QQ^T``; leading axes (times) are kept.

    Attributes:
        input_gram: ``(..., n_in, n_in)``; ``W1^T W1``, the similarity of the hidden representations of the inputs.
        product: ``(..., n_out, n_in)``; ``W2 W1``, the map from input to output.
        output_gram: ``(..., n_out, n_out)``; ``W2 W2^T``, the similarity of the outputs' hidden weights.
    """

    input_gram: Float[Array, "*n n_in n_in"]
    product: Float[Array, "*n n_out n_in"]
    output_gram: Float[Array, "*n n_out n_out"]


def qqt(
    t: Real[ArrayLike, "*n"],
    q0: Real[ArrayLike, "N n_hidden"],
    sigma_yx: Real[ArrayLike, "n_out n_in"],
    *,
    lam: Real[ArrayLike, ""] = 0.0,
    tau: Real[ArrayLike, ""] = 1.0,
) -> Float[Array, "*n N N"]:
    r"""Gram matrix of all weights of a two-layer linear network at time ``t``, for every shape, rank and balance.

    .. math::

        \tau \frac{d\,QQ^\top}{dt} = F QQ^\top + QQ^\top F - (QQ^\top)^2, \qquad
        Q = \begin{pmatrix} W_1^\top \\ W_2 \end{pmatrix}, \qquad
        F = \begin{pmatrix} -\frac{\lambda}{2} I & \Sigma^{yx\top} \\ \Sigma^{yx} & \frac{\lambda}{2} I \end{pmatrix}

    In the eigenvectors of :math:`F = P \operatorname{diag}(d) P^\top`, with :math:`Y = P^\top Q`, a step of any length
    :math:`h` (in units of ``tau``) is exact:

    .. math::

        Y \leftarrow e^{dh}\, Y R^{-1}, \qquad R^\top R = I + Y^\top \frac{e^{2dh} - 1}{2d} Y .

    Taken in one step, the growing exponentials drown the slow modes in rounding errors and then overflow. Here the time
    is cut into steps of :math:`h \max|d| \le 2`, and :math:`R` comes from a QR decomposition of
    :math:`\left[I;\ \sqrt{(e^{2dh} - 1)/2d}\; Y\right]`, which cannot fail, whatever its conditioning. The number of
    steps, and with it the run time, grows as :math:`t \max|d| / \tau`; several times share their steps. Forward-mode
    derivatives (``jax.jvp``) in ``t`` and ``q0`` are exact; there are none in reverse mode, as the number of steps
    depends on ``t``, and none in ``sigma_yx`` or ``lam`` where ``F`` has equal eigenvalues.

    The equation describes the network where ``W2^T W2 - W1 W1^T = lam I`` (see :func:`balance_residual`) and
    inputs are whitened. A direction of ``q0`` that is zero only up to rounding grows from that rounding.

    Args:
        t: times, any shape, in the unit of ``tau``; non-negative, in any order, at most ``1e7 tau / max|d|``.
        q0: ``(n_in + n_out, n_hidden)``; the initial weights, as :func:`stack_weights` lays them out.
        sigma_yx: ``(n_out, n_in)``; input–output correlations, in the unit of ``q0`` squared.
        lam: imbalance of the layers, a scalar of any sign, in the unit of ``q0`` squared.
        tau: time constant, a positive scalar.

    Returns:
        ``QQ^T`` at each time, the matrix on the last two axes; see :func:`split_qqt` for its blocks.

    Raises:
        ValueError: an argument lies outside its domain, or the rows of ``q0`` are not ``n_in + n_out``.

    Source: this form is derived in the chapter. Braun, Dominé, Fitzgerald and Saxe (2022) solve the case ``lam = 0``,
    generalising Fukumizu (1998); Dominé et al. (2024) treat balanced starts of any ``lam``.

    >>> q0 = jnp.array([[0.1], [0.1]])
    >>> np.asarray(qqt(jnp.array([0.0, 1.0, 1e4]), q0, jnp.array([[2.0]]))[:, 1, 0]).round(4).tolist()
    [0.01, 0.4306, 2.0]
    """
    t, q0, sigma_yx, lam, tau = _checked(t, q0, sigma_yx, lam, tau)
    if not any(isinstance(value, jax.core.Tracer) for value in (t, sigma_yx, lam, tau)):
        # max|d|, by the singular values of sigma_yx
        fastest = np.hypot(np.linalg.norm(sigma_yx, 2), lam / 2)
        if np.max(t, initial=0) * fastest > _LONGEST_TIME * tau:
            raise ValueError(f"t must be at most {_LONGEST_TIME * tau / fastest:g} here, got {np.max(t)}")
    return _qqt(t, q0, sigma_yx, lam, tau)


@jax.jit
def _qqt(t, q0, sigma_yx, lam, tau):
    d, p = jnp.linalg.eigh(_growth(sigma_yx, lam))
    fastest = jnp.max(jnp.abs(d))
    hidden = jnp.eye(q0.shape[1], dtype=q0.dtype)

    def step(h, y):
        x = 2 * d * h
        tiny = jnp.abs(x) < jnp.finfo(x.dtype).eps  # x may be 0
        g = h * jnp.where(tiny, 1 + x / 2, jnp.expm1(x) / jnp.where(tiny, 1, x))
        r = jnp.linalg.qr(jnp.concatenate([hidden, jnp.sqrt(g)[:, None] * y]), mode="r")
        grown = jnp.exp(d * h)[:, None] * y
        return jax.scipy.linalg.solve_triangular(r, grown.T, trans="T").T

    def advance(y, interval):
        steps = jnp.maximum(jnp.ceil(interval * fastest / _LONGEST_STEP), 1)
        h = interval / steps
        y = jax.lax.fori_loop(0, steps.astype(int), lambda _, y: step(h, y), y)
        return y, y

    order = jnp.argsort(t.ravel())
    intervals = jnp.diff(t.ravel()[order] / tau, prepend=jnp.zeros(1, t.dtype))
    _, along = jax.lax.scan(advance, p.T @ q0, intervals)
    q = p @ jnp.zeros_like(along).at[order].set(along)
    return (q @ q.mT).reshape(*t.shape, *p.shape)


def qqt_textbook(
    t: Real[ArrayLike, "*n"],
    q0: Real[ArrayLike, "N n_hidden"],
    sigma_yx: Real[ArrayLike, "n_out n_in"],
    *,
    lam: Real[ArrayLike, ""] = 0.0,
    tau: Real[ArrayLike, ""] = 1.0,
) -> Float[Array, "*n N N"]:
    r"""The same solution in growing exponentials, as it is printed: right on paper, wrong in floating point.

    .. math::

        QQ^\top = e^{Ft/\tau} Q_0 \left[I + \tfrac12 Q_0^\top
                  \left(e^{Ft/\tau} F^{-1} e^{Ft/\tau} - F^{-1}\right) Q_0\right]^{-1} Q_0^\top e^{Ft/\tau}

    Fine while :math:`e^{2 d t / \tau}` is small, then lost to cancellation, then NaN. It is here to be seen failing;
    :func:`qqt` is the one to use.

    Args:
        t: times, any shape, in the unit of ``tau``; non-negative.
        q0: ``(n_in + n_out, n_hidden)``; the initial weights.
        sigma_yx: ``(n_out, n_in)``; input–output correlations.
        lam: imbalance of the layers, a scalar of any sign.
        tau: time constant, a positive scalar.

    Returns:
        ``QQ^T`` at each time, with the errors of this form; NaN once the exponentials overflow.

    Raises:
        ValueError: an argument lies outside its domain, or ``F`` has no inverse: ``lam = 0`` with ``sigma_yx`` not
            square or not of full rank.

    Source: derived in the chapter.

    >>> q0 = jnp.array([[0.1], [0.1]])
    >>> np.asarray(qqt_textbook(jnp.array([1.0, 1e4]), q0, jnp.array([[2.0]]))[:, 1, 0]).round(4).tolist()
    [0.4306, nan]
    """
    t, q0, sigma_yx, lam, tau = _checked(t, q0, sigma_yx, lam, tau)
    f = _growth(sigma_yx, lam)
    if not isinstance(f, jax.core.Tracer):
        size = np.abs(np.linalg.eigvalsh(f))
        if size.min() <= f.shape[0] * jnp.finfo(f.dtype).eps * size.max():
            raise ValueError(
                f"sigma_yx must be square and of full rank where lam = 0, got shape {sigma_yx.shape} and lam = {lam}:"
                " the textbook form needs the inverse of F"
            )
    return _qqt_textbook(t, q0, f, tau)


@jax.jit
def _qqt_textbook(t, q0, f, tau):
    d, p = jnp.linalg.eigh(f)

    def at(time):
        growth = (p * jnp.exp(d * time)) @ p.T
        inverse = (p / d) @ p.T
        m = jnp.eye(q0.shape[1], dtype=q0.dtype) + q0.T @ (growth @ inverse @ growth - inverse) @ q0 / 2
        grown = growth @ q0
        return grown @ jnp.linalg.solve(m, grown.T)

    return jax.vmap(at)(t.ravel() / tau).reshape(*t.shape, *f.shape)


def stack_weights(
    w1: Real[ArrayLike, "n_hidden n_in"], w2: Real[ArrayLike, "n_out n_hidden"]
) -> Float[Array, "N n_hidden"]:
    r"""All weights of a two-layer network in one matrix, :math:`Q = [W_1^\top; W_2]`.

    Args:
        w1: ``(n_hidden, n_in)``; first layer.
        w2: ``(n_out, n_hidden)``; second layer.

    Returns:
        ``(n_in + n_out, n_hidden)``.

    Raises:
        ValueError: the layers do not share their hidden units.

    >>> stack_weights(jnp.array([[1.0, 2.0]]), jnp.array([[3.0]])).tolist()
    [[1.0], [2.0], [3.0]]
    """
    require.finite(w1=w1, w2=w2)
    w1, w2 = promote(w1, w2)
    require.shape((None, None), w1=w1)
    require.shape((None, w1.shape[0]), w2=w2)
    return jnp.concatenate([w1.T, w2])


def split_qqt(qqt: Float[ArrayLike, "*n N N"], n_in: int) -> GramBlocks:
    r"""The blocks of ``QQ^T``: what the hidden layer sees, what the network computes, what the outputs share.

    .. math::

        QQ^\top = \begin{pmatrix} W_1^\top W_1 & (W_2 W_1)^\top \\ W_2 W_1 & W_2 W_2^\top \end{pmatrix}

    Args:
        qqt: ``(..., N, N)``; as :func:`qqt` returns it.
        n_in: number of inputs, at least 1 and below ``N``.

    Returns:
        The three distinct blocks, with the leading axes of ``qqt``.

    Raises:
        ValueError: ``n_in`` leaves no output, or ``qqt`` is not square.

    >>> split_qqt(jnp.arange(9.0).reshape(3, 3), 2).product.tolist()
    [[6.0, 7.0]]
    """
    qqt = jnp.asarray(qqt)
    size = qqt.shape[-1]
    if qqt.shape[-2:] != (size, size):
        raise ValueError(f"qqt must be square on its last two axes, got shape {qqt.shape}")
    require.integer(1, n_in=n_in)
    if n_in >= size:
        raise ValueError(f"n_in must be below the size {size} of qqt, got {n_in}")
    return GramBlocks(qqt[..., :n_in, :n_in], qqt[..., n_in:, :n_in], qqt[..., n_in:, n_in:])


def ntk_from_qqt(
    qqt: Float[ArrayLike, "*n N N"], *, n_in: int, x: Real[ArrayLike, "n_in samples"] | None = None
) -> Float[Array, "*n K K"]:
    r"""Neural tangent kernel of a two-layer linear network, from the Gram matrix of its weights.

    .. math:: K = I_{n_{out}} \otimes X^\top W_1^\top W_1 X + W_2 W_2^\top \otimes X^\top X

    Args:
        qqt: ``(..., N, N)``; as :func:`qqt` returns it.
        n_in: number of inputs, at least 1 and below ``N``.
        x: ``(n_in, samples)``; inputs, a column a sample; by default the identity, one sample for each input.

    Returns:
        ``(..., n_out * samples, n_out * samples)``; the first ``samples`` rows belong to the first output.

    Raises:
        ValueError: ``n_in`` leaves no output, or ``x`` does not have ``n_in`` rows.

    Source: derived in the chapter.

    >>> weights = stack_weights(jnp.array([[3.0]]), jnp.array([[2.0]]))
    >>> ntk_from_qqt(weights @ weights.T, n_in=1).tolist()
    [[13.0]]
    """
    blocks = split_qqt(qqt, n_in)
    x = jnp.eye(n_in) if x is None else x
    require.shape((n_in, None), x=x)
    x = jnp.asarray(x, blocks.product.dtype)
    return _kernel(blocks, x)


@jax.jit
def _kernel(blocks, x):
    first, second = x.T @ blocks.input_gram @ x, blocks.output_gram
    n_out, samples = second.shape[-1], x.shape[1]
    # axes: output, sample, output', sample'
    kernel = (
        jnp.eye(n_out, dtype=x.dtype)[:, None, :, None] * first[..., None, :, None, :]
        + second[..., :, None, :, None] * (x.T @ x)[:, None, :]
    )
    return kernel.reshape(*second.shape[:-2], n_out * samples, n_out * samples)


def balance_residual(
    w1: Real[ArrayLike, "n_hidden n_in"], w2: Real[ArrayLike, "n_out n_hidden"], lam: Real[ArrayLike, ""]
) -> Float[Array, ""]:
    r"""How far two layers are from the balance that :func:`qqt` assumes.

    .. math:: \max_{ij} \left| W_2^\top W_2 - W_1 W_1^\top - \lambda I \right|_{ij}

    Args:
        w1: ``(n_hidden, n_in)``; first layer.
        w2: ``(n_out, n_hidden)``; second layer.
        lam: imbalance, a scalar of any sign.

    Returns:
        The largest entry by size, in the unit of the weights squared; zero, up to rounding, for a balanced start.

    Raises:
        ValueError: the layers do not share their hidden units, or a value is not finite.

    >>> float(balance_residual(jnp.array([[1.0]]), jnp.array([[2.0]]), 2.5))
    0.5
    """
    require.finite(w1=w1, w2=w2, lam=lam)
    w1, w2, lam = promote(w1, w2, lam)
    require.shape((None, None), w1=w1)
    require.shape((None, w1.shape[0]), w2=w2)
    return jnp.max(jnp.abs(w2.T @ w2 - w1 @ w1.T - lam * jnp.eye(w1.shape[0], dtype=w1.dtype)))


@jax.jit
def _growth(sigma_yx, lam):
    """The matrix ``F``."""
    n_out, n_in = sigma_yx.shape
    half = jnp.concatenate([jnp.full(n_in, -lam / 2), jnp.full(n_out, lam / 2)])
    return jnp.diag(half).at[:n_in, n_in:].set(sigma_yx.T).at[n_in:, :n_in].set(sigma_yx)


def _checked(t, q0, sigma_yx, lam, tau):
    require.non_negative(t=t)
    require.finite(q0=q0, sigma_yx=sigma_yx, lam=lam)
    require.positive(tau=tau)
    require.shape((None, None), sigma_yx=sigma_yx)
    require.shape((sum(np.shape(sigma_yx)), None), q0=q0)
    require.shape((), lam=lam, tau=tau)
    return promote(t, q0, sigma_yx, lam, tau)
