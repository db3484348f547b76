"""The neural tangent kernel along training: how far it moves, when it aligns, and what the layers conserve."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Key

from solvable import require, tangent_kernel
from solvable.randomness import generator, orthonormal_columns
from solvable.tangent_kernel import kernel_cosine

from .dynamics import end_to_end, gradient_descent, gradient_flow
from .initialisation import Numbers, Weights, balanced_initialisation, gaussian_initialisation, normal_initialisation


@jax.jit
def empirical_ntk(
    weights: tuple[Float[Array, "_ _"], ...], x: Float[Array, "n_in samples"]
) -> Float[Array, "kernel kernel"]:
    r"""Neural tangent kernel by automatic differentiation: inner products of the gradients of all outputs.

    .. math:: K = J J^\top, \qquad J = \frac{\partial \operatorname{vec}(W_L \cdots W_1 x)}{\partial (W_1, …, W_L)}

    Args:
        weights: the weight matrices from the input to the output.
        x: inputs, a column a sample.

    Returns:
        ``(n_out * samples, n_out * samples)``; the first ``samples`` rows belong to the first output.

    >>> float(empirical_ntk((jnp.array([[3.0]]), jnp.array([[2.0]])), jnp.array([[1.0]]))[0, 0])
    13.0
    """
    kernel = tangent_kernel.empirical_ntk(
        lambda layers, rows: rows @ end_to_end(layers).T, weights, x.T, trace_outputs=False
    )
    return jnp.transpose(kernel, (2, 0, 3, 1)).reshape((kernel.shape[0] * kernel.shape[2],) * 2)


_ntk_along = jax.jit(jax.vmap(empirical_ntk, in_axes=(0, None)))


class KernelRun(NamedTuple):
    """A run of gradient flow and its kernel.

    Attributes:
        times: ``(n,)``; in the unit of ``tau``.
        losses: ``(n,)``; relative to the first.
        misalignment: ``(n,)``; 1 minus the cosine between the kernel then and the kernel at the end.
        sizes: ``(n,)``; norm of the kernel relative to that at the end.
    """

    times: Float[np.ndarray, " n"]
    losses: Float[np.ndarray, " n"]
    misalignment: Float[np.ndarray, " n"]
    sizes: Float[np.ndarray, " n"]

    def time_to(self, fraction: float) -> float:
        """Time at which the loss first falls to ``fraction`` of its start, between observations on a log scale."""
        below = np.flatnonzero(self.losses <= fraction)
        if below.size == 0:
            return np.inf
        if below[0] == 0:
            return float(self.times[0])
        pair = slice(below[0] - 1, below[0] + 1)
        position = np.interp(-np.log(fraction), -np.log(self.losses[pair]), self.times[pair])
        return float(position)

    def at_loss(self, fraction: float) -> tuple[float, float]:
        """Misalignment and size of the kernel when the loss first falls to ``fraction`` of its start."""
        time = self.time_to(fraction)
        return (
            float(np.interp(time, self.times, self.misalignment)),
            float(np.interp(time, self.times, self.sizes)),
        )


def run_kernel(
    weights: Weights,
    sigma_yx: Float[np.ndarray, "n_out n_in"],
    times: Float[np.ndarray, " n"],
    *,
    inputs: Float[np.ndarray, "n_in samples"] | None = None,
) -> KernelRun:
    """Follow the kernel of a network under gradient flow.

    Args:
        weights: the weight matrices at the start.
        sigma_yx: input–output correlations.
        times: where to observe; increasing, in the unit of ``tau``; the last is taken for the end of training.
        inputs: samples, a column each, whose correlations ``inputs @ inputs.T`` drive the flow; the identity by
            default. The loss counted is the excess over the smallest that any linear map reaches.

    Returns:
        Loss and kernel along the run.
    """
    n_in = weights[0].shape[1]
    x = np.eye(n_in) if inputs is None else np.asarray(inputs)
    sigma_x = x @ x.T
    flow = gradient_flow(weights, sigma_yx, times, sigma_x=sigma_x)
    best = sigma_yx @ np.linalg.pinv(sigma_x)
    losses = np.sum(((flow.products - best) @ x) ** 2, axis=(1, 2))
    kernels = np.asarray(_ntk_along(tuple(jnp.asarray(w) for w in flow.weights), jnp.asarray(x)))
    norms = np.linalg.norm(kernels, axis=(1, 2))
    return KernelRun(flow.times, losses / losses[0], 1 - kernel_cosine(kernels, kernels[-1]), norms / norms[-1])


class BalancedTask(NamedTuple):
    """A start and what is to be learned from it.

    Attributes:
        weights: both layers, whose imbalance is ``lam`` times the identity.
        sigma_yx: ``(n_out, n_in)``; input–output correlations of whitened inputs.
    """

    weights: Weights
    sigma_yx: Float[np.ndarray, "n_out n_in"]


def balanced_task(
    shape: tuple[int, int, int],
    lam: float,
    *,
    key: Key[Array, ""],
    scale: float = 0.1,
    singular_values: Numbers | None = None,
) -> BalancedTask:
    """Draw a two-layer network with an imbalance of ``lam`` times the identity, and a target for it.

    Args:
        shape: ``(n_in, n_hidden, n_out)``.
        lam: imbalance of the layers; see :func:`balanced_initialisation` for the shapes that allow it.
        key: the source of randomness; the same key gives the same directions at every ``lam``.
        scale: every singular value of the initial map; positive.
        singular_values: of the random target; evenly spread from 1.5 down to 1, as many as fit, by default.

    Returns:
        Weights and target, as :func:`gradient_flow` and :func:`run_kernel` take them.
    """
    n_in, n_hidden, n_out = shape
    require.positive(scale=scale)
    modes = min(shape)
    strengths = np.linspace(1.5, 1.0, modes) if singular_values is None else np.asarray(singular_values, dtype=float)
    target_key, start_key = jax.random.split(key)
    draw = generator(target_key)
    u = orthonormal_columns(n_out, strengths.size, draw)
    v = orthonormal_columns(n_in, strengths.size, draw)
    weights = balanced_initialisation(np.full(modes, scale), n_in, n_hidden, n_out, lam, key=start_key)
    return BalancedTask(weights, u * strengths @ v.T)


def run_silent_alignment(
    scale: float,
    times: Float[np.ndarray, " n"],
    *,
    key: Key[Array, ""],
    widths: tuple[int, int, int] = (10, 50, 1),
    anisotropy: float = 1.0,
) -> KernelRun:
    """Train a two-layer network from Gaussian weights and watch its kernel turn before its loss falls.

    Args:
        scale: standard deviation of all weights; positive.
        times: where to observe; increasing, in the unit of ``tau``.
        key: the source of randomness.
        widths: of the input, the hidden layer and the output.
        anisotropy: smallest standard deviation of an input relative to the largest, which is 1; they are evenly spread
            on a log scale. 1 is white; positive.

    Returns:
        Loss and kernel along the run; the teacher is a random direction of norm 1.
    """
    require.positive(scale=scale, anisotropy=anisotropy)
    start_key, teacher_key = jax.random.split(key)
    teacher = generator(teacher_key).normal(size=(widths[-1], widths[0]))
    teacher /= np.linalg.norm(teacher)
    inputs = np.diag(np.geomspace(1.0, anisotropy, widths[0]))
    weights = normal_initialisation(widths, scale, key=start_key)
    return run_kernel(weights, teacher @ inputs @ inputs.T, times, inputs=inputs)


def imbalances(weights: Sequence[Float[np.ndarray, "*n _ _"]]) -> tuple[Float[np.ndarray, "*n _ _"], ...]:
    r"""What gradient flow conserves, :math:`W_{l+1}^\top W_{l+1} - W_l W_l^\top`, for each pair of adjacent layers.

    >>> imbalances((np.array([[3.0]]), np.array([[2.0]])))[0].item()
    -5.0
    """
    return tuple(upper.swapaxes(-2, -1) @ upper - lower @ lower.swapaxes(-2, -1) for lower, upper in pairwise(weights))


def loss_hessian(
    weights: Weights, sigma_yx: Float[np.ndarray, "n_out n_in"]
) -> Float[np.ndarray, "parameters parameters"]:
    """Second derivatives of the loss by all weights, by automatic differentiation; whitened inputs.

    >>> loss_hessian((np.array([[2.0]]), np.array([[0.5]])), np.array([[1.0]])).tolist()
    [[0.25, 1.0], [1.0, 4.0]]
    """
    flat, unravel = ravel_pytree(tuple(jnp.asarray(w) for w in weights))
    target = jnp.asarray(sigma_yx, flat.dtype)
    return np.asarray(jax.jit(jax.hessian(lambda p: 0.5 * jnp.sum((target - end_to_end(unravel(p))) ** 2)))(flat))


class Conservation(NamedTuple):
    """How far the imbalance of the layers moves, as the largest change of any entry.

    Attributes:
        flow: under gradient flow: the integrator's own error.
        etas: ``(rates,)``; learning rates.
        descent: ``(rates,)``; under gradient descent at each rate.
    """

    flow: float
    etas: Float[np.ndarray, " rates"]
    descent: Float[np.ndarray, " rates"]


def run_conservation(
    etas: Numbers = (0.04, 0.02, 0.01, 0.005),
    *,
    key: Key[Array, ""],
    widths: Sequence[int] = (5, 6, 6, 4),
    scale: float = 1.0,
    end: float = 10.0,
) -> Conservation:
    """Train a network from Gaussian weights by flow and by descent, and compare its imbalance before and after.

    Args:
        etas: learning rates; positive.
        key: the source of randomness.
        widths: of all layers.
        scale: of the Gaussian weights.
        end: time at which the run ends, in the unit of ``tau``.

    Returns:
        Largest change of an entry of any imbalance from the start to the end.
    """
    start_key, target_key = jax.random.split(key)
    weights = gaussian_initialisation(widths, scale, key=start_key)
    sigma_yx = generator(target_key).normal(size=(widths[-1], widths[0])) / np.sqrt(widths[0])
    flow = _drift(gradient_flow(weights, sigma_yx, np.array([0.0, end])).weights)
    descent = [
        _drift(gradient_descent(weights, sigma_yx, np.array([0, round(end / eta)]), eta=eta).weights) for eta in etas
    ]
    return Conservation(flow, np.asarray(etas, dtype=float), np.asarray(descent))


def _drift(weights) -> float:
    return float(max(np.abs(kept[-1] - kept[0]).max() for kept in imbalances(weights)))
