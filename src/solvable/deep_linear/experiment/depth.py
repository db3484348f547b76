"""Depth and initialisation: steps to a small loss, and the singular values that decide them."""

from typing import Literal, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, Int, Key

from solvable import require
from solvable.randomness import generator, orthonormal_columns

from .dynamics import end_to_end
from .initialisation import Numbers, gaussian_initialisation, orthogonal_initialisation

Kind = Literal["gaussian", "orthogonal"]
_INITIALISATIONS = {"gaussian": gaussian_initialisation, "orthogonal": orthogonal_initialisation}

LOW_RANK = (1.0, 0.8, 0.6, 0.4)
"""Singular values of the target of the race: four outputs, far fewer than the width."""
RELATIVE_RATES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0)
"""Learning rates times depth among which the race picks the fastest."""


class DepthRace(NamedTuple):
    """How many steps of gradient descent each depth needs, at its own best learning rate.

    Attributes:
        depths: ``(depths,)``; numbers of weight matrices.
        steps: ``(depths, seeds)``; steps until the loss is 1 % of that of the zero map; ``inf`` where it never was.
        rates: ``(depths, seeds)``; the learning rate times depth that got there first; ``nan`` where none did.
        losses: ``(depths, seeds)``; smallest loss at the end of the race, relative to that of the zero map.
    """

    depths: Int[np.ndarray, " depths"]
    steps: Float[np.ndarray, "depths seeds"]
    rates: Float[np.ndarray, "depths seeds"]
    losses: Float[np.ndarray, "depths seeds"]


def depth_race(
    depths: Numbers,
    *,
    kind: Kind,
    key: Key[Array, ""],
    seeds: int = 3,
    width: int = 32,
    singular_values: Numbers = LOW_RANK,
    rates: Numbers = RELATIVE_RATES,
    fraction: float = 0.01,
    cap: int = 800,
) -> DepthRace:
    """Steps of gradient descent to a small loss, against depth, for one kind of initialisation.

    The target is a random matrix of given singular values from ``width`` whitened inputs to as many outputs as there
    are singular values; all hidden layers have that ``width``. Every learning rate runs at once, and a seed's race ends
    with the first rate to arrive: no other can be faster.

    Args:
        depths: numbers of weight matrices; each at least 1.
        kind: ``"orthogonal"`` (all singular values 1) or ``"gaussian"`` (entries of variance ``1 / width``).
        key: the source of randomness; the same key gives both kinds the same targets.
        seeds: number of independent starts; at least 1.
        width: of the input and of every hidden layer.
        singular_values: of the target; positive, at most ``width`` of them.
        rates: learning rates times depth to try; positive.
        fraction: of the zero map's loss at which a run has arrived; positive.
        cap: steps after which a run has failed.

    Returns:
        Steps, best rates and losses for each depth and seed.

    Raises:
        ValueError: an argument lies outside its domain.

    >>> race = depth_race([2, 8], kind="orthogonal", key=jax.random.key(0), seeds=1)
    >>> bool((race.steps < 20).all())
    True
    """
    require.integer(1, depths=depths, seeds=seeds, width=width, cap=cap)
    require.one_of(_INITIALISATIONS, kind=kind)
    require.positive(singular_values=singular_values, rates=rates, fraction=fraction)
    if len(singular_values) > width:
        raise ValueError(f"singular_values must be at most width = {width}, got {len(singular_values)} of them")
    keys = jax.random.split(key, seeds)
    rates = np.asarray(rates, dtype=float)
    with np.errstate(over="ignore", invalid="ignore"):  # a rate that is too large diverges, and is dropped
        outcome = np.array(
            [
                [_race(depth, k, kind, width, singular_values, rates / depth, fraction, cap) for k in keys]
                for depth in depths
            ]
        )
    steps, best, losses = np.moveaxis(outcome, -1, 0)
    return DepthRace(np.asarray(depths), steps, best * np.asarray(depths)[:, None], losses)


def _race(depth, key, kind, width, singular_values, rates, fraction, cap):
    """Steps, rate and loss of the fastest of ``rates``, which all run side by side in one stack of matrices."""
    target_key, start_key = jax.random.split(key)
    draw = generator(target_key)
    outputs = len(singular_values)
    u, v = orthonormal_columns(outputs, outputs, draw), orthonormal_columns(width, outputs, draw)
    target = u * singular_values @ v.T
    start = _INITIALISATIONS[kind]((*(width,) * depth, outputs), key=start_key)
    layers = [np.repeat(layer[None], len(rates), axis=0) for layer in start]
    whole = np.sum(target**2)
    lost = 1e3 * max(whole, np.sum((target - end_to_end(start)) ** 2))  # a rate beyond this loss does not come back
    step = 0
    while True:
        # the rows of the few outputs are carried from the top down; no product of two square layers is formed
        above = [np.broadcast_to(np.eye(outputs), (len(rates), outputs, outputs))]
        for layer in layers[::-1]:
            above.append(above[-1] @ layer)
        error = target - above.pop()
        losses = np.nan_to_num(np.sum(error**2, axis=(1, 2)), nan=np.inf, posinf=np.inf)
        best = losses.argmin()
        if losses[best] <= fraction * whole:
            return step, rates[best], losses[best] / whole
        alive = losses < lost
        if step == cap or not alive.any():
            return np.inf, np.nan, losses[best] / whole
        if not alive.all():
            rates, error = rates[alive], error[alive]
            layers, above = [layer[alive] for layer in layers], [upper[alive] for upper in above]
        change = rates[:, None, None] * error
        for layer, upper in zip(layers, above[::-1], strict=True):
            lower = change @ layer.swapaxes(1, 2)
            layer += upper.swapaxes(1, 2) @ change
            change = lower
        step += 1


def chain_steps(
    depth: int, layer_strength: float, *, eta: float, s: float = 1.0, fraction: float = 0.5, cap: int = 1_000_000
) -> int | float:
    r"""Steps of gradient descent of a chain of equal scalar layers until its product is ``fraction`` of ``s``.

    .. math:: a \leftarrow a + \eta\, a^{L-1} (s - a^L)

    Args:
        depth: number of layers ``L``; at least 1.
        layer_strength: initial ``a``; positive.
        eta: learning rate; positive.
        s: the target; positive.
        fraction: of the target that counts as learned; between 0 and 1.
        cap: steps after which the chain has failed.

    Returns:
        The number of steps, ``inf`` where ``cap`` was not enough.

    Raises:
        ValueError: an argument lies outside its domain.

    >>> chain_steps(1, 0.25, eta=0.5)
    1
    """
    require.integer(1, depth=depth, cap=cap)
    require.positive(layer_strength=layer_strength, eta=eta, s=s)
    require.within(0.0, 1.0, fraction=fraction)
    a = layer_strength
    for step in range(cap + 1):
        if a**depth >= fraction * s:
            return step
        a += eta * a ** (depth - 1) * (s - a**depth)
    return np.inf


def product_singular_values(
    depths: Numbers, *, width: int, kind: Kind, gain: float = 1.0, key: Key[Array, ""]
) -> Float[np.ndarray, "depths width"]:
    """Singular values of the product of ``depth`` random square layers, along one chain that grows.

    Args:
        depths: numbers of layers; each at least 1.
        width: of every layer.
        kind: ``"orthogonal"`` or ``"gaussian"`` (entries of variance ``1 / width``).
        gain: factor on every layer; positive.
        key: the source of randomness.

    Returns:
        Singular values in decreasing order, a row a depth. Those below the rounding error of the largest cannot be
        told from 0 and are returned as 0.

    Raises:
        ValueError: an argument lies outside its domain.

    >>> product_singular_values([1, 50], width=8, kind="orthogonal", key=jax.random.key(0)).round(12).min()
    np.float64(1.0)
    """
    require.integer(1, depths=depths, width=width)
    require.one_of(_INITIALISATIONS, kind=kind)
    require.positive(gain=gain)
    layers = _INITIALISATIONS[kind]((width,) * (max(depths) + 1), gain, key=key)
    values = np.array([np.linalg.svd(end_to_end(layers[:depth]), compute_uv=False) for depth in depths])
    noise = width * np.finfo(float).eps * values[:, :1]
    return np.where(values > noise, values, 0.0)


class TanhJacobians(NamedTuple):
    """Deep tanh networks at their start, for several gains.

    Attributes:
        gains: ``(gains,)``.
        activities: ``(gains,)``; root mean square of the last layer's activities.
        singular_values: ``(gains, width)``; of the Jacobian of the last layer by the first, in decreasing order.
    """

    gains: Float[np.ndarray, " gains"]
    activities: Float[np.ndarray, " gains"]
    singular_values: Float[np.ndarray, "gains width"]


def tanh_jacobians(depth: int, gains: Numbers, *, kind: Kind, width: int = 200, key: Key[Array, ""]) -> TanhJacobians:
    r"""Send a random input through :math:`x_{l+1} = \tanh(g W_l x_l)` and differentiate the last layer by the first.

    Args:
        depth: number of layers; at least 1.
        gains: values of :math:`g`; positive. All share the same :math:`W_l` and the same input.
        kind: ``"orthogonal"`` or ``"gaussian"`` (entries of variance ``1 / width``).
        width: of every layer.
        key: the source of randomness.

    Returns:
        The last layer's activity and the singular values of the Jacobian, for each gain.

    Raises:
        ValueError: an argument lies outside its domain.

    >>> import jax
    >>> quiet = tanh_jacobians(30, [0.5], kind="orthogonal", width=20, key=jax.random.key(0))
    >>> bool(quiet.singular_values.max() < 0.5**30)
    True
    """
    require.integer(1, depth=depth, width=width)
    require.positive(gains=gains)
    require.one_of(_INITIALISATIONS, kind=kind)
    start_key, input_key = jax.random.split(key)
    layers = _INITIALISATIONS[kind]((width,) * (depth + 1), key=start_key)
    first = generator(input_key).normal(size=width)
    activities, values = [], []
    for gain in gains:
        x, jacobian = first, np.eye(width)
        for layer in layers:
            x = np.tanh(gain * (layer @ x))
            jacobian = (gain * (1 - x**2))[:, None] * (layer @ jacobian)
        activities.append(np.sqrt(np.mean(x**2)))
        values.append(np.linalg.svd(jacobian, compute_uv=False))
    return TanhJacobians(np.asarray(gains, dtype=float), np.array(activities), np.array(values))
