"""Gradient descent of a committee, exactly, in the moments of its neurons.

The loss is the mean squared error over ``P`` inputs, ``(1/P) Σ (f - y)²``, and the learning rate ``eta0 N / alpha²``,
which fixes the pace at the start whatever ``alpha`` and ``N``. Every neuron then makes the same affine step, so that
the two moments of all neurons make a step of their own and the width drops out.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from solvable import require, training
from solvable._types import RealLike, promote

from .committee import Moments, PopulationLoss, loss_of_increments, moments, output_of_increments

FORMS = ("increments", "neurons", "moments")


class MomentRun(NamedTuple):
    """Gradient descent as it was observed; leading axes are those of the arguments over which it was mapped.

    Attributes:
        steps: ``(n,)``; when it was observed.
        train: ``(n,)``; mean squared error on the training inputs.
        test: the same on fresh inputs, in three parts of shape ``(n,)``.
        square_norm: ``(n,)``; mean squared length of a neuron, the trace of M.
        cosine: ``(n,)``; cosine between the change of M and the target's matrix, 0 at the start.
        final: the moments after the last step.
    """

    steps: Int[np.ndarray, " n"]
    train: Float[Array, "... n"]
    test: PopulationLoss
    square_norm: Float[Array, "... n"]
    cosine: Float[Array, "... n"]
    final: Moments


def moment_step(
    now: Moments,
    x: Float[ArrayLike, "p d"],
    targets: Float[ArrayLike, " p"],
    *,
    alpha: RealLike,
    eps: RealLike,
    eta0: RealLike,
) -> Moments:
    r"""One step of gradient descent, in the moments of the neurons.

    .. math::

        \bar w' &= B \bar w - s g, \\
        M' &= B M B - s \left[(B \bar w) g^\top + g (B \bar w)^\top\right] + s^2 g g^\top

    with :math:`B = I - s\epsilon G`, :math:`s = 2\eta_0/\alpha`, and the residuals :math:`r` of the training set in
    :math:`g = \frac1P \sum_\mu r_\mu x_\mu` and :math:`G = \frac1P \sum_\mu r_\mu x_\mu x_\mu^\top`.

    Args:
        now: moments before the step.
        x: ``(P, D)``; training inputs.
        targets: ``(P,)``; for a centred output, plus what the network said at its start.
        alpha: scale of the output; positive.
        eps: bend of the activation.
        eta0: learning rate in units of ``N / alpha²``; positive.

    Returns:
        Moments after the step. Exact for every width; rounding is harmless only while M has full rank.

    Raises:
        ValueError: an argument lies outside its domain, or the shapes do not match.

    Source: derived in the chapter.

    >>> start = Moments(jnp.zeros(1), jnp.eye(1))
    >>> moment_step(start, jnp.ones((1, 1)), jnp.array([1.0]), alpha=1.0, eps=0.0, eta0=0.5).wbar.tolist()
    [1.0]
    """
    _check(x, alpha, eta0, targets=targets)
    wbar, m, x, targets, alpha, eps, eta0 = promote(*now, x, targets, alpha, eps, eta0)
    g, big_g = _forces(x, output_of_increments(alpha * wbar, alpha * m, x, eps) - targets)
    s = 2 * eta0 / alpha
    b = jnp.eye(len(wbar), dtype=m.dtype) - s * eps * big_g
    moved = b @ wbar
    cross = jnp.outer(moved, g)
    return Moments(moved - s * g, b @ m @ b - s * (cross + cross.T) + s**2 * jnp.outer(g, g))


def increment_step(
    now: tuple[Float[Array, " d"], Float[Array, "d d"]],
    start: Moments,
    x: Float[Array, "p d"],
    targets: Float[Array, " p"],
    *,
    inverse_alpha: RealLike,
    eps: RealLike,
    eta0: RealLike,
) -> tuple[Float[Array, " d"], Float[Array, "d d"]]:
    r"""The same step for :math:`u = \alpha (\bar w - \bar w_0)` and :math:`S = \alpha (M - M_0)`, also at
    :math:`\alpha = \infty`.

    .. math::

        u' &= u - c \left(g + \epsilon G \bar w\right), \\
        S' &= S - c \left(\epsilon (G M + M G) + \bar w g^\top + g \bar w^\top\right)
              + \frac{c^2}{\alpha} \left(\epsilon^2 G M G + \epsilon (G \bar w g^\top + g \bar w^\top G)
              + g g^\top\right)

    with :math:`c = 2\eta_0`, :math:`\bar w = \bar w_0 + u/\alpha` and :math:`M = M_0 + S/\alpha`. The centred output is
    :math:`u \cdot x + \frac{\epsilon}{2} x^\top S x`: no difference of large numbers is taken anywhere.

    Args:
        now: ``u``, ``(D,)``, and ``S``, ``(D, D)``.
        start: moments at the start.
        x: ``(P, D)``; training inputs.
        targets: ``(P,)``; of the centred output.
        inverse_alpha: 1 over the scale of the output; 0 is the linearised network.
        eps: bend of the activation.
        eta0: learning rate in units of ``N / alpha²``.

    Source: derived in the chapter.
    """
    u, s = now
    wbar, m = start.wbar + inverse_alpha * u, start.m + inverse_alpha * s
    g, big_g = _forces(x, output_of_increments(u, s, x, eps) - targets)
    c = 2 * eta0
    gw, gm = big_g @ wbar, big_g @ m
    # one outer product holds both terms: w g - (c/alpha) (eps G w + g/2) g, and its transpose
    cross = jnp.outer(wbar - c * inverse_alpha * (eps * gw + g / 2), g)
    second = c * inverse_alpha * eps**2 * (gm @ big_g)
    return u - c * (g + eps * gw), s - c * (eps * (gm + gm.T) + cross + cross.T - second)


def moment_dynamics(
    start: Moments | Float[ArrayLike, "n d"],
    x: Float[ArrayLike, "p d"],
    y: Float[ArrayLike, " p"],
    beta: Float[ArrayLike, " d"],
    *,
    alpha: RealLike,
    eps: RealLike,
    eta0: RealLike,
    steps: Int[np.ndarray, " t"],
    centred: bool = True,
    form: str | None = None,
) -> MomentRun:
    r"""Full-batch gradient descent of a committee of any width, exactly, without its neurons where they are many.

    Args:
        start: the neurons, ``(N, D)``, or their moments alone (:func:`infinite_width`).
        x: ``(P, D)``; training inputs.
        y: ``(P,)``; targets.
        beta: ``(D,)``; direction and size of the target, for the test loss.
        alpha: scale of the output; positive, infinity allowed where the output is centred.
        eps: bend of the activation.
        eta0: learning rate in units of ``N / alpha²``; positive.
        steps: when to observe; strictly increasing.
        centred: whether what the network said at its start is subtracted from its output.
        form: ``increments`` evolves ``u`` and ``S`` (:func:`increment_step`), ``neurons`` every neuron's own
            increment, ``moments`` the moments themselves (:func:`moment_step`). By default ``neurons`` where fewer
            neurons than dimensions are given, and ``increments`` otherwise. Where M is rank deficient the forms in the
            moments are unstable: rounding makes eigenvalues of either sign, and these grow; a run may diverge, or learn
            what so few neurons cannot.

    Returns:
        Losses along the run and the last moments. Not finite where it has diverged.

    Raises:
        ValueError: an argument lies outside its domain, the shapes do not match, ``neurons`` is asked for where only
            moments are given, or an infinite ``alpha`` where it has no meaning.

    The caller maps over ``alpha``, ``eps``, the data or the start with ``jax.vmap``; arguments are then not checked.

    Source: derived in the chapter.

    >>> task = jnp.array([[1.0], [2.0]]), jnp.array([0.5, 2.0]), jnp.array([1.0])
    >>> start = Moments(jnp.zeros(1), jnp.eye(1))
    >>> run = moment_dynamics(start, *task, alpha=1.0, eps=1.0, eta0=0.05, steps=np.array([0, 200]))
    >>> run.test.total.round(6).tolist()
    [0.75, 0.00113]
    """
    _check(x, alpha, eta0, infinite=True, y=y)
    if not isinstance(start, Moments):
        require.shape((None, jnp.shape(x)[1]), start=start)
    require.shape(jnp.shape(x)[1:], beta=beta)
    neurons = not isinstance(start, Moments)
    if form is None:
        form = "neurons" if neurons and jnp.shape(start)[0] < jnp.shape(start)[1] else "increments"
    require.one_of(FORMS, form=form)
    if form == "neurons" and not neurons:
        raise ValueError("form must not be 'neurons' where start is moments alone")
    if not isinstance(alpha, jax.core.Tracer) and np.isinf(alpha).any() and (form == "moments" or not centred):
        raise ValueError(
            f"alpha must be finite in the form 'moments' or where the output is not centred, got {alpha!r}"
        )
    leaves, tree = jax.tree.flatten(start)
    *leaves, x, y, beta, alpha, eps, eta0 = promote(*leaves, x, y, beta, alpha, eps, eta0)
    start = jax.tree.unflatten(tree, leaves)
    birth = moments(start) if neurons else start
    observed, final = _run(
        start, birth, x, y, beta, alpha, eps, eta0, training.intervals_between(steps), centred=centred, form=form
    )
    return MomentRun(np.asarray(steps), *observed, final)


def _check(x, alpha, eta0, *, infinite=False, **targets) -> None:
    require.shape((None, None), x=x)
    require.shape(jnp.shape(x)[:1], **targets)
    require.positive(eta0=eta0)
    (require.positive_or_infinite if infinite else require.positive)(alpha=alpha)


def _forces(x, r):
    """What the residuals pull with: a vector for the bias of all neurons, a matrix for each neuron's own direction."""
    weighted = r[:, None] * x
    return jnp.sum(weighted, axis=0) / len(x), weighted.T @ x / len(x)


@partial(jax.jit, static_argnames=("centred", "form"))
def _run(start, birth, x, y, beta, alpha, eps, eta0, intervals, *, centred, form):
    if centred:
        targets, offset = y, Moments(jnp.zeros_like(birth.wbar), jnp.zeros_like(birth.m))
    else:
        # what the network says at its start is no longer hidden: it is in every output, and learned against
        offset = Moments(alpha * birth.wbar, alpha * birth.m)
        targets = y - output_of_increments(*offset, x, eps)
    state, update, increments = _DYNAMICS[form](start, birth, x, targets, 1 / alpha, eps, eta0)

    def observe(state):
        u, s = increments(state)
        size = jnp.linalg.norm(s) * jnp.sum(beta**2)
        return (
            jnp.mean((output_of_increments(u, s, x, eps) - targets) ** 2),
            loss_of_increments(u + offset.wbar, s + offset.m, beta, eps),
            jnp.trace(birth.m + s / alpha),
            jnp.where(size > 0, beta @ s @ beta / jnp.where(size > 0, size, 1), 0),
        )

    state, observed = training.iterate(lambda _, state: update(state), state, intervals, observe)
    u, s = increments(state)
    return observed, Moments(birth.wbar + u / alpha, birth.m + s / alpha)


# each form of the dynamics: a first state, a step, and how the increments of the moments follow from a state


def _by_increments(start, birth, x, targets, inverse_alpha, eps, eta0):
    def update(state):
        return increment_step(state, birth, x, targets, inverse_alpha=inverse_alpha, eps=eps, eta0=eta0)

    return (jnp.zeros_like(birth.wbar), jnp.zeros_like(birth.m)), update, lambda state: state


def _by_neurons(weights, birth, x, targets, inverse_alpha, eps, eta0):
    h0 = x @ weights.T

    def update(state):
        h = x @ state.T
        said = jnp.mean((1 + eps * h0) * h + eps / 2 * inverse_alpha * h**2, axis=1)
        slopes = 1 + eps * (h0 + inverse_alpha * h)
        return state - 2 * eta0 * ((said - targets)[:, None] * slopes).T @ x / len(x)

    def increments(state):
        cross = weights.T @ state / len(state)
        return jnp.mean(state, axis=0), cross + cross.T + inverse_alpha * (state.T @ state / len(state))

    return jnp.zeros_like(weights), update, increments


def _by_moments(start, birth, x, targets, inverse_alpha, eps, eta0):
    alpha = 1 / inverse_alpha
    uncentred = targets + output_of_increments(alpha * birth.wbar, alpha * birth.m, x, eps)

    def update(state):
        return moment_step(state, x, uncentred, alpha=alpha, eps=eps, eta0=eta0)

    return birth, update, lambda state: (alpha * (state.wbar - birth.wbar), alpha * (state.m - birth.m))


_DYNAMICS = dict(zip(FORMS, (_by_increments, _by_neurons, _by_moments), strict=True))
