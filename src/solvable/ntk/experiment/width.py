"""How fast the theory becomes true as networks widen, and as their output is scaled up."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from solvable import require
from solvable._types import place
from solvable.randomness import generator

from ..theory import critical_learning_rate, kernel_gradient_descent, nngp_and_ntk, relative_kernel_change
from ..theory.duals import Activation
from .data import Inputs, circle
from .descent import descend
from .many import a_few_at_a_time, at_every
from .networks import apply_mlp, empirical_ntk_mlp, init_mlp

AT_ONCE = 4
"""Networks that are trained side by side; more would not fit into the processor's cache, nor into a small memory."""


def _rms(values):
    return jnp.sqrt(jnp.mean(values**2, axis=-1))


class WidthSweep(NamedTuple):
    """Networks of several widths, trained from several seeds.

    Attributes:
        widths: ``(widths,)``; of every hidden layer.
        kernel_error: ``(widths, seeds)``; distance of the kernel at birth from that of infinite width, relative to it.
        kernel_change: ``(widths, seeds)``; how far the kernel moves in training, relative to where it began.
        weight_change: ``(widths, seeds, layers)``; the same for the weights of each layer.
        to_own_linear: ``(widths, seeds)``; distance of the trained network from its own linear model, root mean square
            over the test inputs.
        to_infinite_width: ``(widths, seeds)``; the same from the prediction with the kernel of infinite width, started
            from this network's own initial function.
    """

    widths: Int[np.ndarray, " widths"]
    kernel_error: Float[np.ndarray, "widths seeds"]
    kernel_change: Float[np.ndarray, "widths seeds"]
    weight_change: Float[np.ndarray, "widths seeds layers"]
    to_own_linear: Float[np.ndarray, "widths seeds"]
    to_infinite_width: Float[np.ndarray, "widths seeds"]


def run_widths(
    task: Inputs,
    widths: Sequence[int],
    *,
    seeds: int,
    key: Key[Array, ""],
    hidden_layers: int = 2,
    activation: Activation = "erf",
    sigma_w: float = 1.5,
    sigma_b: float = 0.1,
    steps: int = 200,
) -> WidthSweep:
    """Train networks of several widths and hold each against its own linear model and against infinite width.

    All are trained at half of the inverse of the largest eigenvalue of the infinite-width kernel over ``N``: a narrow
    network's own largest eigenvalue may be twice as large.

    Args:
        task: training inputs and targets, test inputs.
        widths: of the hidden layers.
        seeds: networks of each width.
        key: the source of randomness.
        hidden_layers: layers of units between input and output.
        activation: as for :func:`apply_mlp`.
        sigma_w: scale of the weights.
        sigma_b: scale of the biases.
        steps: of full-batch gradient descent on the mean loss.

    Returns:
        Distances and changes for each width and seed.
    """
    settings = {"activation": activation, "sigma_w": sigma_w, "sigma_b": sigma_b}
    n = len(task.x)
    inputs, y = place(np.concatenate([task.x, task.x_test])), place(task.y)
    wide = np.asarray(nngp_and_ntk(inputs, hidden_layers=hidden_layers, **settings).ntk)
    eta = float(critical_learning_rate(wide[:n, :n]).stable) / 4

    def one(params):
        trained = descend(
            lambda p: apply_mlp(p, inputs[:n], **settings)[:, 0], params, y, eta=eta, steps=np.array([steps])
        ).parameters
        moved = [
            jnp.linalg.norm(new.weights - old.weights) / jnp.linalg.norm(old.weights)
            for old, new in zip(params, trained, strict=True)
        ]
        kernels, outputs = (
            [function(p, inputs, **settings) for p in (params, trained)] for function in (empirical_ntk_mlp, apply_mlp)
        )
        return kernels, [f[:, 0] for f in outputs], jnp.stack(moved)

    # apart from the training, so that it is compiled once for all widths
    @jax.jit
    @jax.vmap
    def distances(kernels, outputs):
        (before, after), (start, end) = kernels, outputs

        def predicted(ntk):
            return kernel_gradient_descent(
                ntk[:n, :n], y, eta=eta, steps=steps, f0_t=start[:n], f0_s=start[n:], ntk_st=ntk[n:, :n]
            ).test

        return (
            relative_kernel_change(wide, before),
            relative_kernel_change(before, after),
            _rms(end[n:] - predicted(before)),
            _rms(end[n:] - predicted(wide)),
        )

    rows = []
    for width, one_key in zip(widths, jax.random.split(key, len(widths)), strict=True):
        params = init_mlp((inputs.shape[1], *[width] * hidden_layers, 1), key=one_key, networks=seeds)
        *found, moved = a_few_at_a_time(one, params, AT_ONCE)
        error, change, own, infinite = distances(*found)
        rows.append((error, change, moved, own, infinite))
    return WidthSweep(np.asarray(widths), *(np.stack(columns) for columns in zip(*rows, strict=True)))


class CircleKernels(NamedTuple):
    """The kernel between one point of the circle and all others, before and after training.

    Attributes:
        angles: ``(n,)``; from the first point, in radians.
        before: ``(seeds, n)``; at birth.
        after: ``(seeds, n)``; after training.
    """

    angles: Float[np.ndarray, " n"]
    before: Float[np.ndarray, "seeds n"]
    after: Float[np.ndarray, "seeds n"]

    @property
    def inflation(self) -> Float[np.ndarray, " seeds"]:
        """Relative growth of the kernel between the point and itself, for each seed."""
        here = np.argmin(np.abs(self.angles))
        return self.after[:, here] / self.before[:, here] - 1


def run_circle(
    width: int,
    *,
    seeds: int,
    key: Key[Array, ""],
    angles: Float[np.ndarray, " n"],
    examples: int = 50,
    steps: int = 200,
) -> CircleKernels:
    """The experiment behind the paper's picture of the kernel: ReLU, three hidden layers, learning rate 1.

    The target is the product of both coordinates of Gaussian inputs; every seed draws its own. In float32.

    Args:
        width: of every hidden layer.
        seeds: how many networks.
        key: the source of randomness.
        angles: where to look at the kernel; in radians.
        examples: training inputs.
        steps: of full-batch gradient descent on the mean loss, at learning rate 1.

    Returns:
        The kernel before and after.
    """
    settings = {"activation": "relu", "sigma_w": 1.0, "sigma_b": 0.1}
    first, second = jax.random.split(key)
    params = init_mlp((2, width, width, width, 1), key=first, networks=seeds, dtype="float32")
    x = place(generator(second).normal(size=(seeds, examples, 2)), "float32")
    points, here = (place(circle(at), "float32") for at in (angles, np.zeros(1)))

    def one(network):
        params, x = network
        trained = descend(
            lambda p: apply_mlp(p, x, **settings)[:, 0], params, x[:, 0] * x[:, 1], eta=1.0, steps=np.array([steps])
        )
        return [empirical_ntk_mlp(p, here, points, **settings)[0] for p in (params, trained.parameters)]

    before, after = a_few_at_a_time(one, (params, x), AT_ONCE)
    return CircleKernels(np.asarray(angles), np.asarray(before), np.asarray(after))


class ScaleSweep(NamedTuple):
    """One narrow network, trained with its output multiplied by several scales, from several seeds.

    Attributes:
        scales: ``(scales,)``; alpha.
        to_own_linear: ``(scales, seeds)``; distance from its own linear model, root mean square over test inputs.
        kernel_change: ``(scales, seeds)``; relative to the kernel at birth.
        moved: ``(scales, seeds)``; norm of the change of all parameters.
    """

    scales: Float[np.ndarray, " scales"]
    to_own_linear: Float[np.ndarray, "scales seeds"]
    kernel_change: Float[np.ndarray, "scales seeds"]
    moved: Float[np.ndarray, "scales seeds"]


def run_output_scales(
    task: Inputs,
    scales: Sequence[float],
    *,
    seeds: int,
    key: Key[Array, ""],
    width: int = 64,
    hidden_layers: int = 2,
    activation: Activation = "erf",
    sigma_w: float = 1.5,
    sigma_b: float = 0.1,
    steps: int = 300,
) -> ScaleSweep:
    r"""Train :math:`\alpha (f - f_0)` on the loss divided by :math:`\alpha^2`, at half of the critical learning rate.

    Args:
        task: training inputs and targets, test inputs.
        scales: alpha; positive.
        seeds: networks for each scale, the same for all.
        key: the source of randomness.
        width: of every hidden layer.
        hidden_layers: layers of units between input and output.
        activation: as for :func:`apply_mlp`.
        sigma_w: scale of the weights.
        sigma_b: scale of the biases.
        steps: of full-batch gradient descent on the mean loss.

    Returns:
        Distances and changes for each scale and seed.
    """
    require.positive(scales=scales)
    settings = {"activation": activation, "sigma_w": sigma_w, "sigma_b": sigma_b}
    n = len(task.x)
    inputs, y = place(np.concatenate([task.x, task.x_test])), place(task.y)

    def one(params, scale):
        start = apply_mlp(params, inputs, **settings)

        def outputs(p, chosen=slice(None)):
            return scale * (apply_mlp(p, inputs[chosen], **settings) - start[chosen])[:, 0]

        before = empirical_ntk_mlp(params, inputs, **settings)
        eta = critical_learning_rate(before[:n, :n]).stable / 2
        trained = descend(
            lambda p: outputs(p, slice(n)), params, y, eta=eta, steps=np.array([steps]), scale=scale
        ).parameters
        linear = kernel_gradient_descent(before[:n, :n], y, eta=eta, steps=steps, ntk_st=before[n:, :n]).test
        moved = jax.tree.map(lambda new, old: jnp.sum((new - old) ** 2), trained, params)
        return (
            _rms(outputs(trained)[n:] - linear),
            relative_kernel_change(before, empirical_ntk_mlp(trained, inputs, **settings)),
            jnp.sqrt(sum(jax.tree.leaves(moved))),
        )

    params = init_mlp((inputs.shape[1], *[width] * hidden_layers, 1), key=key, networks=seeds)
    found = at_every(one, params, place(np.asarray(scales), inputs.dtype))
    return ScaleSweep(np.asarray(scales, dtype=float), *map(np.asarray, found))
