"""Noisy targets, drawn again and again, for what stopping in time is worth."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from solvable.randomness import generator

from ..theory import kernel_gradient_flow


def sample_risks(
    ntk_tt: Float[Array, "n n"],
    truth: Float[np.ndarray, " n"],
    *,
    noise: float,
    times: Float[np.ndarray, " times"],
    draws: int,
    key: Key[Array, ""],
) -> Float[np.ndarray, "draws times"]:
    """Mean squared distance from the truth at the training inputs, while the flow fits noisy targets.

    Args:
        ntk_tt: ``(n, n)``; kernel between the training inputs.
        truth: ``(n,)``; targets without their noise; the initial outputs are 0.
        noise: its standard deviation.
        times: of the flow on the mean loss.
        draws: of the noise.
        key: the source of randomness.

    Returns:
        ``(draws, times)``.
    """
    targets = truth[:, None] + noise * generator(key).normal(size=(len(truth), draws))
    fits = kernel_gradient_flow(ntk_tt, targets, t=times).train
    return np.asarray(jnp.mean((fits - truth[:, None]) ** 2, axis=1)).T
