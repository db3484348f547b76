"""Training a deep linear network of any depth: gradient flow by a high-order integrator, gradient descent step by step.

Both minimise the loss over whitened inputs, or over inputs with correlations ``sigma_x``:

    E = 1/2 tr[W sigma_x W^T] - tr[W^T sigma_yx] + const,        W = W_L ... W_1
"""

from functools import reduce
from itertools import pairwise
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Float, Int
from scipy.integrate import solve_ivp

from solvable import require
from solvable.training import train

from .initialisation import Numbers, Weights


class Trajectory(NamedTuple):
    """A network while it learns.

    Attributes:
        times: ``(n,)``; in the unit of ``tau``'s; for gradient descent, learning rate times steps.
        weights: for each layer, ``(n, rows, columns)``.
        products: ``(n, n_out, n_in)``; the map ``W_L ... W_1`` from input to output.
    """

    times: Float[np.ndarray, " n"]
    weights: tuple[Float[np.ndarray, "n _ _"], ...]
    products: Float[np.ndarray, "n n_out n_in"]


def end_to_end(weights):
    """The map ``W_L ... W_1`` from input to output; leading axes of the matrices are kept.

    >>> end_to_end((np.full((2, 1), 3.0), np.full((1, 2), 2.0))).tolist()
    [[12.0]]
    """
    return reduce(lambda product, layer: layer @ product, weights)


def mode_projections(
    products: Float[np.ndarray, "*n n_out n_in"],
    u: Float[np.ndarray, "n_out modes"],
    v: Float[np.ndarray, "n_in modes"],
) -> Float[np.ndarray, "*n modes"]:
    r"""Strengths of given modes, :math:`u_\alpha^\top W v_\alpha`, for one map or a stack of them.

    The vectors stay fixed along a run: a fresh singular value decomposition at every time would swap modes that cross,
    flip their signs and mix those of equal strength.

    >>> mode_projections(np.array([[3.0, 0.0], [0.0, 2.0]]), np.eye(2), np.eye(2)).tolist()
    [3.0, 2.0]
    """
    return np.einsum("im,...ij,jm->...m", u, products, v, optimize=True)


def gradient_flow(
    weights: Weights,
    sigma_yx: Float[np.ndarray, "n_out n_in"],
    times: Float[np.ndarray, " n"],
    *,
    sigma_x: Float[np.ndarray, "_ _"] | None = None,
    tau: float = 1.0,
    rtol: float = 1e-13,
) -> Trajectory:
    r"""Integrate gradient flow with an explicit method of order 8 (DOP853), whatever the depth and the shapes.

    .. math:: \tau \frac{dW_l}{dt} =
              (W_L \cdots W_{l+1})^\top \left(\Sigma^{yx} - W \Sigma^x\right) (W_{l-1} \cdots W_1)^\top

    Args:
        weights: the weight matrices at time 0, from the input to the output.
        sigma_yx: input–output correlations.
        times: where to observe; increasing, not below 0, in the unit of ``tau``.
        sigma_x: input correlations; the identity (whitened inputs) by default.
        tau: time constant; positive.
        rtol: relative tolerance of the integrator, at least 1e-13; the absolute one is this times the largest weight of
            the smallest layer. The default keeps the error of learned modes, which live at the edge of the method's
            stability, below 1e-9.

    Returns:
        Weights and products at ``times``.

    Raises:
        ValueError: shapes that do not fit together, times out of order, or an argument outside its domain.

    >>> run = gradient_flow((np.zeros((1, 1)),), np.ones((1, 1)), np.array([0.0, 1.0]))
    >>> run.products.ravel().round(9).tolist()
    [0.0, 0.632120559]
    """
    _check(weights, sigma_yx, sigma_x)
    require.positive(tau=tau)
    require.within(1e-13, 1e-2, rtol=rtol)
    require.non_negative(times=times)
    times = np.asarray(times, dtype=float)
    if times.ndim != 1 or times.size == 0 or (np.diff(times) <= 0).any() or times[-1] == 0:
        raise ValueError(f"times must be increasing and end above 0, got {times.tolist()}")
    shapes = [w.shape for w in weights]
    ends = np.cumsum([w.size for w in weights])[:-1]

    def unpack(flat):
        return [part.reshape(shape) for part, shape in zip(np.split(flat, ends), shapes, strict=True)]

    def velocity(_, flat):
        layers = unpack(flat)
        below = [None]  # W_{l-1} ... W_1; none below the first layer
        for layer in layers:
            below.append(layer if below[-1] is None else layer @ below[-1])
        product = below.pop()
        back = sigma_yx - (product if sigma_x is None else product @ sigma_x)
        change = []
        for layer, lower in zip(layers[::-1], below[::-1], strict=True):
            change.append(back if lower is None else back @ lower.T)
            back = layer.T @ back
        return np.concatenate([c.ravel() for c in change[::-1]])

    largest = [np.abs(w).max() for w in weights if np.any(w)]
    solution = solve_ivp(
        velocity,
        (0.0, times[-1] / tau),
        np.concatenate([np.ravel(w) for w in weights]),
        method="DOP853",
        t_eval=times / tau,
        rtol=rtol,
        atol=rtol * min(largest, default=1.0),
    )
    layers = [
        part.reshape(-1, *shape) for part, shape in zip(np.split(solution.y.T, ends, axis=1), shapes, strict=True)
    ]
    return Trajectory(times, tuple(layers), end_to_end(layers))


def gradient_descent(
    weights: Weights,
    sigma_yx: Float[np.ndarray, "n_out n_in"],
    steps: Int[np.ndarray, " n"],
    *,
    eta: float,
    sigma_x: Float[np.ndarray, "_ _"] | None = None,
) -> Trajectory:
    """Full-batch gradient descent, run in the dtype of ``weights`` (float64 needs JAX's 64-bit switch).

    Args:
        weights: the weight matrices before the first step, from the input to the output.
        sigma_yx: input–output correlations.
        steps: where to observe; strictly increasing whole numbers from 0 or above.
        eta: learning rate; positive. One step is a time ``eta * tau`` of the flow.
        sigma_x: input correlations; the identity (whitened inputs) by default.

    Returns:
        Weights and products after ``steps``, with ``times = eta * steps``.

    Raises:
        ValueError: shapes that do not fit together, or an argument outside its domain.

    >>> run = gradient_descent((np.zeros((1, 1)),), np.ones((1, 1)), np.array([0, 1, 2]), eta=0.5)
    >>> run.products.ravel().tolist()
    [0.0, 0.5, 0.75]
    """
    _check(weights, sigma_yx, sigma_x)
    require.positive(eta=eta)
    dtype = weights[0].dtype
    target = jnp.asarray(sigma_yx, dtype)
    correlations = None if sigma_x is None else jnp.asarray(sigma_x, dtype)

    def loss(layers):
        product = end_to_end(layers)
        if correlations is None:
            return 0.5 * jnp.sum((target - product) ** 2)
        return 0.5 * jnp.sum(product * (product @ correlations)) - jnp.sum(product * target)

    run = train(loss, tuple(jnp.asarray(w) for w in weights), optax.sgd(float(eta)), steps=steps)
    layers = tuple(np.asarray(w) for w in run.observed)
    return Trajectory(eta * run.steps, layers, end_to_end(layers))


class StepSizeSweep(NamedTuple):
    """How far gradient descent strays from the flow.

    Attributes:
        etas: ``(rates,)``; learning rates.
        gaps: ``(rates,)``; largest difference of any entry of the product at any observed step.
    """

    etas: Float[np.ndarray, " rates"]
    gaps: Float[np.ndarray, " rates"]


def run_step_size_sweep(
    weights: Weights,
    sigma_yx: Float[np.ndarray, "n_out n_in"],
    etas: Numbers,
    *,
    u: Float[np.ndarray, "n_out modes"],
    v: Float[np.ndarray, "n_in modes"],
    end: float,
    observations: int = 200,
) -> StepSizeSweep:
    """Largest gap between the mode strengths of gradient descent and of the flow, over times up to ``end``.

    Args:
        weights: the weight matrices at the start.
        sigma_yx: input–output correlations of whitened inputs.
        etas: learning rates; positive.
        u: left singular vectors to project on.
        v: right singular vectors.
        end: last time, in the unit of ``tau``.
        observations: at most this many steps are compared for each rate.

    Returns:
        The gap for each rate.
    """
    gaps = []
    for eta in etas:
        last = round(end / eta)
        steps = np.unique(np.linspace(0, last, min(observations, last) + 1).astype(int))
        descent = gradient_descent(weights, sigma_yx, steps, eta=eta)
        flow = gradient_flow(weights, sigma_yx, descent.times)
        gap = mode_projections(descent.products, u, v) - mode_projections(flow.products, u, v)
        gaps.append(np.abs(gap).max())
    return StepSizeSweep(np.asarray(etas, dtype=float), np.asarray(gaps))


def _check(weights, sigma_yx, sigma_x):
    for i, (lower, upper) in enumerate(pairwise(weights)):
        require.shape((None, np.shape(lower)[0]), **{f"weights[{i + 1}]": upper})
    n_out, n_in = np.shape(weights[-1])[0], np.shape(weights[0])[1]
    require.shape((n_out, n_in), sigma_yx=sigma_yx)
    require.finite(sigma_yx=sigma_yx)
    if sigma_x is not None:
        require.shape((n_in, n_in), sigma_x=sigma_x)
        require.finite(sigma_x=sigma_x)
