"""Where the closed forms stop: correlated inputs, float32 at tiny starts, formulas in growing exponentials."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Key

from solvable import require
from solvable.randomness import generator, orthonormal_columns
from solvable.training import train

from .data import Dataset
from .dynamics import end_to_end, gradient_flow, mode_projections
from .initialisation import Numbers, decoupled_initialisation


class ColouredInputs(NamedTuple):
    """Training on inputs that are not white.

    Attributes:
        times: ``(n,)``; in the unit of ``tau``.
        sigma_x: ``(items, items)``; the input correlations.
        strengths: ``(n, modes)``; projections on the modes of the targets.
        leakage: ``(n,)``; largest projection of one mode's input on another's output.
    """

    times: Float[np.ndarray, " n"]
    sigma_x: Float[np.ndarray, "items items"]
    strengths: Float[np.ndarray, "n modes"]
    leakage: Float[np.ndarray, " n"]


def run_coloured_inputs(
    data: Dataset,
    variances: Numbers,
    times: Float[np.ndarray, " n"],
    *,
    rotated: bool,
    key: Key[Array, ""],
    u0: float = 1e-3,
    hidden: int = 16,
) -> ColouredInputs:
    """Train on inputs of given variances, along the modes of the targets or in directions that are not theirs.

    The targets stay the same linear function of the input and can still be learned exactly:
    ``sigma_yx = targets @ sigma_x``.

    Args:
        data: items and their properties.
        variances: of the inputs, one for each item; positive.
        times: where to observe; increasing, in the unit of ``tau``.
        rotated: whether the variances belong to random directions and not to the modes.
        key: the source of randomness.
        u0: initial strength of every mode.
        hidden: width of the hidden layer.

    Returns:
        Strengths of the modes of the targets, and leakage between them.
    """
    require.positive(variances=variances)
    require.shape((data.v.shape[0],), variances=variances)
    axes_key, start_key = jax.random.split(key)
    axes = orthonormal_columns(*data.v.shape, generator(axes_key)) if rotated else data.v
    sigma_x = axes * variances @ axes.T
    weights = decoupled_initialisation(data.u, data.v, u0, hidden, key=start_key)
    flow = gradient_flow(weights, data.targets @ sigma_x, times, sigma_x=sigma_x)
    between = np.abs(data.u.T @ flow.products @ data.v)
    leakage = np.where(np.eye(data.s.size, dtype=bool), 0.0, between).max(axis=(1, 2))
    return ColouredInputs(flow.times, sigma_x, mode_projections(flow.products, data.u, data.v), leakage)


class Precision(NamedTuple):
    """Gradient descent in float32 and in float64 from the same start.

    Attributes:
        u0: ``(starts,)``; initial strengths.
        times: ``(n,)``; learning rate times steps.
        single: ``(starts, n, modes)``; strengths in float32.
        double: ``(starts, n, modes)``; strengths in float64.
    """

    u0: Float[np.ndarray, " starts"]
    times: Float[np.ndarray, " n"]
    single: Float[np.ndarray, "starts n modes"]
    double: Float[np.ndarray, "starts n modes"]

    @property
    def gaps(self) -> Float[np.ndarray, " starts"]:
        """Largest difference between the two precisions, for each start."""
        return np.abs(self.single - self.double).max(axis=(1, 2))


def run_precision(
    data: Dataset,
    starts: Numbers = (1e-3, 1e-6, 1e-12, 1e-20, 1e-30),
    *,
    key: Key[Array, ""],
    eta: float = 0.02,
    hidden: int = 16,
    observations: int = 100,
) -> Precision:
    """Train the whole network by gradient descent in both precisions until the smallest start has learned everything.

    Args:
        data: items and their properties.
        starts: initial strengths of every mode; positive, below every singular value.
        key: the source of randomness; every start has the same directions.
        eta: learning rate.
        hidden: width of the hidden layer.
        observations: number of steps to observe, evenly spread.

    Returns:
        Strengths along the runs, in both precisions. float64 needs JAX's 64-bit switch.
    """
    require.positive(starts=starts, eta=eta)
    weights = [decoupled_initialisation(data.u, data.v, u0, hidden, key=key) for u0 in starts]
    # half-time of the slowest mode from the smallest start, and a while for it to settle
    end = np.log(data.s[-1] / min(starts)) / (2 * data.s[-1]) + 4.0
    steps = np.linspace(0, int(end / eta), observations).astype(int)

    def strengths(dtype):
        target = jnp.asarray(data.targets, dtype)

        def loss(layers):
            return 0.5 * jnp.sum((target - end_to_end(layers)) ** 2)

        def run(layers):
            return train(loss, layers, optax.sgd(eta), steps=steps, observe=end_to_end).observed

        stacked = tuple(jnp.asarray(np.stack(layer), dtype) for layer in zip(*weights, strict=True))
        return mode_projections(np.asarray(jax.vmap(run)(stacked), dtype=float), data.u, data.v)

    return Precision(np.asarray(starts, dtype=float), eta * steps, strengths(np.float32), strengths(np.float64))


def textbook_mode_strength(t: Float[Array, "*n"], s: float, u0: float) -> Float[Array, "*n"]:
    r"""The sigmoid as it is usually printed, in growing exponentials: a demonstration of what not to evaluate.

    .. math:: u(t) = \frac{s\,e^{2st}}{e^{2st} - 1 + s/u_0}

    Args:
        t: times, in the unit of ``tau``; the result has their dtype.
        s: singular value.
        u0: initial strength.

    Returns:
        The strengths; ``nan`` once the exponential overflows, at ``2st`` above 88.7 in float32 and 709.8 in float64.

    >>> bool(jnp.isnan(textbook_mode_strength(jnp.array([50.0], jnp.float32), 1.0, 0.1))[0])
    True
    """
    growth = jnp.exp(2 * s * t)
    return s * growth / (growth - 1 + s / u0)
