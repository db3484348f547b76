"""Which components of a data set a network learns first."""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from solvable._types import place

from ..theory import PrincipalComponents
from ..theory.duals import Activation
from .descent import descend
from .many import at_every
from .networks import apply_mlp, init_mlp


class ComponentRun(NamedTuple):
    """Networks that each learn one kernel principal component.

    Attributes:
        steps: ``(n,)``; of gradient descent.
        left: ``(components, seeds, n)``; what is left to learn of the component, as a fraction of the target.
        spilled: ``(components, seeds, n)``; error in all other directions, root mean square, in the same unit.
    """

    steps: Int[np.ndarray, " n"]
    left: Float[np.ndarray, "components seeds n"]
    spilled: Float[np.ndarray, "components seeds n"]

    def steps_to(self, fraction: float) -> Float[np.ndarray, "components seeds"]:
        """Steps until what is left first falls to ``fraction``, or infinity.

        Between steps on a log scale, or on a linear one where a step goes beyond zero.
        """
        below = self.left <= fraction
        first = np.maximum(np.argmax(below, axis=2), 1)
        before, after = (np.take_along_axis(self.left, (first - back)[..., None], axis=2)[..., 0] for back in (1, 0))
        # what is not reached, or has no logarithm, is computed too and then not taken
        with np.errstate(divide="ignore", invalid="ignore"):
            curved = np.log(before / fraction) / np.log(before / after)
            straight = (before - fraction) / (before - after)
        found = first - 1 + np.where(after > 0, curved, straight)
        return np.where(below[..., 0], 0.0, np.where(below.any(axis=2), found, np.inf))


def run_components(
    x: Float[np.ndarray, "n n_in"],
    components: PrincipalComponents,
    which: Sequence[int],
    *,
    width: int,
    seeds: int,
    eta: float,
    steps: int,
    key: Key[Array, ""],
    scale: float = 1.0,
    size: float = 0.5,
    hidden_layers: int = 1,
    activation: Activation = "relu",
    sigma_w: float = 1.0,
    sigma_b: float = 0.1,
) -> ComponentRun:
    r"""Train :math:`\alpha (f - f_0)` on one kernel principal component after another; in float32.

    Args:
        x: ``(n, n_in)``; training inputs.
        components: of the kernel between them.
        which: numbers of the components to learn, from 0.
        width: of every hidden layer.
        seeds: networks for each component, the same for all.
        eta: learning rate on the mean loss.
        steps: of full-batch gradient descent, all observed.
        key: the source of randomness.
        scale: alpha; positive.
        size: the target is ``size`` times the component.
        hidden_layers: layers of units between input and output.
        activation: as for :func:`apply_mlp`.
        sigma_w: scale of the weights.
        sigma_b: scale of the biases.

    Returns:
        The error along each component and beside it.
    """
    settings = {"activation": activation, "sigma_w": sigma_w, "sigma_b": sigma_b}
    params = init_mlp((x.shape[1], *[width] * hidden_layers, 1), key=key, networks=seeds, dtype="float32")
    x = place(x, "float32")
    targets = place(size * np.asarray(components.functions)[:, np.asarray(which)].T, "float32")
    times = np.arange(steps + 1)

    def one(params, y):
        start = apply_mlp(params, x, **settings)

        def error(p):
            return scale * (apply_mlp(p, x, **settings) - start)[:, 0] - y

        def observe(p):
            along = jnp.mean(error(p) * y) / jnp.mean(y**2)
            return -along, jnp.sqrt(jnp.mean((error(p) - along * y) ** 2)) / size

        return descend(lambda p: error(p) + y, params, y, eta=eta, steps=times, observe=observe, scale=scale).observed

    left, spilled = at_every(one, params, targets)
    return ComponentRun(times, np.asarray(left, dtype=float), np.asarray(spilled, dtype=float))
