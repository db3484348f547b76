"""The rich end: with data without end a committee has two numbers left, along the target and across it."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Float
from scipy.integrate import solve_ivp

from solvable import require
from solvable._types import RealLike, promote


class TwoModes(NamedTuple):
    """Training on the population.

    Attributes:
        along: :math:`m_1`, mean square of the neurons along the target.
        across: :math:`m_2`, mean square across it, in each direction.
        loss: mean squared error.
    """

    along: Float[ArrayLike, " n"]
    across: Float[ArrayLike, " n"]
    loss: Float[ArrayLike, " n"]


def _errors(m1, m2, alpha, eps, dim):
    """Entries of A along and across the target, its trace, and the loss; the output is centred, |beta|^2 = D."""
    e1, e2 = dim - alpha * eps * (m1 - 1), -alpha * eps * (m2 - 1)
    trace = e1 + (dim - 1) * e2
    return e1, e2, trace, (trace / dim) ** 2 / 4 + (e1**2 + (dim - 1) * e2**2) / (2 * dim**2)


def population_two_mode_flow(times: Float[ArrayLike, " n"], *, alpha: float, eps: float, dim: int) -> TwoModes:
    r"""Gradient flow of infinitely many neurons on infinitely much data.

    .. math::

        \dot m_1 = k \left(\tfrac{T}{2} + E_1\right) m_1, \qquad
        \dot m_2 = k \left(\tfrac{T}{2} + E_2\right) m_2, \qquad k = \frac{4\epsilon}{\alpha D^2}

    for :math:`M = m_1 \hat\beta\hat\beta^\top + m_2 (I - \hat\beta\hat\beta^\top)` with
    :math:`E_1 = D - \alpha\epsilon (m_1 - 1)`, :math:`E_2 = -\alpha\epsilon (m_2 - 1)` and
    :math:`T = E_1 + (D - 1) E_2`, from :math:`m_1 = m_2 = 1`. The loss is
    :math:`\frac{T^2}{4 D^2} + \frac{E_1^2 + (D-1) E_2^2}{2 D^2}`. It gives the onset of feature learning and knows no
    delay between training and test: there is no training set.

    Args:
        times: ``(n,)``; learning rate ``eta0`` times steps, increasing from 0 or above.
        alpha: scale of the output; positive.
        eps: bend of the activation; positive.
        dim: ``D``; the target has :math:`|\beta|^2 = D`.

    Returns:
        NumPy arrays at every time, from SciPy's integrator of order 8.

    Raises:
        ValueError: an argument lies outside its domain, or the times do not increase.

    Source: derived in the chapter.

    >>> float(population_two_mode_flow(np.array([0.0]), alpha=1.0, eps=0.1, dim=40).loss[0])
    0.75
    """
    require.positive(alpha=alpha, eps=eps)
    require.integer(2, dim=dim)
    require.non_negative(times=times)
    times = np.asarray(times, dtype=float)
    if times.ndim != 1 or times.size == 0 or (np.diff(times) < 0).any():
        raise ValueError(f"times must be one increasing axis, got {times.tolist()}")
    k = 4 * eps / (alpha * dim**2)

    def growth(_, logs):
        # logarithms, which keep both modes positive
        e1, e2, trace, _ = _errors(*np.exp(logs), alpha, eps, dim)
        return k * (trace / 2 + np.array([e1, e2]))

    # the tolerances bound what the integrator adds to each logarithm in a step
    found = solve_ivp(growth, (0, times[-1]), [0, 0], method="DOP853", dense_output=True, rtol=1e-11, atol=1e-12)
    m1, m2 = np.exp(found.sol(times))
    return TwoModes(m1, m2, _errors(m1, m2, alpha, eps, dim)[-1])


def population_two_mode_descent(
    *, alpha: RealLike, eps: RealLike, dim: RealLike, eta0: RealLike, steps: int
) -> TwoModes:
    r"""Gradient descent in the place of the flow: each mode is multiplied by a square at every step.

    .. math:: m_i' = m_i \left(1 + \frac{\eta_0 k}{2} \left(\tfrac{T}{2} + E_i\right)\right)^2

    Args:
        alpha: scale of the output; positive.
        eps: bend of the activation; positive.
        dim: ``D``; the target has :math:`|\beta|^2 = D`.
        eta0: learning rate in units of ``N / alpha²``; positive.
        steps: how many; at least 1.

    Returns:
        Both modes and the loss before the first step and after each, along a first axis.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.

    >>> population_two_mode_descent(alpha=1.0, eps=0.1, dim=40.0, eta0=4.0, steps=1).along.round(4).tolist()
    [1.0, 1.0609]
    """
    require.positive(alpha=alpha, eps=eps, dim=dim, eta0=eta0)
    require.integer(1, steps=steps)
    alpha, eps, dim, eta0 = promote(alpha, eps, dim, eta0)

    def step(state, _):
        e1, e2, trace, loss = _errors(*state, alpha, eps, dim)
        half = 2 * eta0 * eps / (alpha * dim**2)
        moved = tuple(m * (1 + half * (trace / 2 + e)) ** 2 for m, e in zip(state, (e1, e2), strict=True))
        return moved, (*state, loss)

    start = jnp.ones_like(alpha + eps + dim + eta0)
    return TwoModes(*jax.lax.scan(step, (start, start), length=steps + 1)[1])
