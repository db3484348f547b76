"""Classifiers trained on all examples at once, watched for what their loss no longer sees."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key, PyTree

from solvable import require
from solvable._types import place
from solvable.threads import side_by_side
from solvable.training import train

from ..theory.directions import naive_loss_minimisation_cosine, norm
from ..theory.losses import LOSSES, right_one
from ..theory.precision import DTYPES, collapsed_fraction, log_odds, logit_gap
from .data import Task
from .network import Layer, initial_network, network_logits

Loss = str | Callable[[Array, Array], Array]
"""A name in ``LOSSES``, or a function of logits and labels that gives the loss of each example."""

WEIGHT_DTYPES = ("float32", "float64")


def paper_adamw(
    learning_rate: float, *, beta2: float = 0.99, epsilon: float = 1e-25, weight_decay: float = 0.0
) -> optax.GradientTransformation:
    """AdamW as Prieto et al. (2025) set it: gradients of a collapsing loss are tiny, and so is Adam's epsilon.

    Args:
        learning_rate: positive.
        beta2: memory of the squares, below 1; their runs with StableMax and without weight decay take 0.999.
        epsilon: what the root of the mean square is kept above; positive.
        weight_decay: decoupled, times the learning rate; non-negative.

    Raises:
        ValueError: an argument lies outside its domain.
    """
    require.positive(learning_rate=learning_rate, epsilon=epsilon)
    require.within(0, 1, beta2=beta2)
    if beta2 == 1:
        raise ValueError(f"beta2 must be below 1, got {beta2!r}")
    require.non_negative(weight_decay=weight_decay)
    return optax.adamw(learning_rate, b1=0.9, b2=beta2, eps=epsilon, weight_decay=weight_decay)


def first_reached(
    steps: Int[np.ndarray, " n"], values: Float[np.ndarray, "*runs n"], level: float
) -> Float[np.ndarray, "*runs"]:
    """First of the steps at which values come to ``level``; NaN where they never do."""
    above = np.asarray(values) >= level
    return np.where(above.any(axis=-1), steps[above.argmax(axis=-1)], np.nan)


class Classifier(NamedTuple):
    """A training run, or several with a first axis for the seeds.

    Attributes:
        steps: ``(n,)`` at which it was observed; 0 is before the first update. The same for all seeds.
        train_loss: mean over the examples, in nats.
        train_accuracy: share of examples whose largest logit is the right one.
        test_accuracy: the same of the examples that are kept back.
        collapsed: share of examples whose sum of exponentials is its largest term alone, in the loss's arithmetic.
        lost: share whose own loss has a derivative of exactly 0 by the right logit.
        silent: share whose own loss has no derivative but 0.
        gap: median of the gap from the right logit to the largest other one.
        odds: median of the logarithm of the odds of the right class.
        cosine: between minus the gradient and the weights.
        gradient_norm: length of the gradient of the mean loss.
        weight_norm: length of all weights as one vector.
        network: layers after the last step.
    """

    steps: Int[np.ndarray, " n"]
    train_loss: Float[np.ndarray, "*seeds n"]
    train_accuracy: Float[np.ndarray, "*seeds n"]
    test_accuracy: Float[np.ndarray, "*seeds n"]
    collapsed: Float[np.ndarray, "*seeds n"]
    lost: Float[np.ndarray, "*seeds n"]
    silent: Float[np.ndarray, "*seeds n"]
    gap: Float[np.ndarray, "*seeds n"]
    odds: Float[np.ndarray, "*seeds n"]
    cosine: Float[np.ndarray, "*seeds n"]
    gradient_norm: Float[np.ndarray, "*seeds n"]
    weight_norm: Float[np.ndarray, "*seeds n"]
    network: tuple[Layer, ...]

    def reached(self, values: Float[np.ndarray, "*seeds n"], level: float) -> Float[np.ndarray, "*seeds"]:
        """First observed step at which values come to ``level``; NaN where they never do."""
        return first_reached(self.steps, values, level)


def train_classifier(
    task: Task,
    optimiser: optax.GradientTransformation,
    *,
    key: Key[Array, ""],
    steps: Int[np.ndarray, " n"],
    loss: Loss = "softmax",
    loss_dtype: str = "float32",
    dtype: str = "float32",
    hidden: Sequence[int] = (128, 128),
    biases: bool = False,
    loss_scale: float = 1.0,
) -> Classifier:
    r"""Train a network of ReLUs on all examples of a task, one update a step.

    .. math:: L(\theta) = \frac{1}{n} \sum_{i=1}^{n} \ell\big(f(\theta; x_i),\, y_i\big)

    The weights and all products have one precision, the loss of each example another: logits are rounded to it, and
    the derivatives by the logits are rounded back. Without biases the logits are positively homogeneous in the weights,
    of a degree that is the number of layers.

    Args:
        task: from ``modular_addition`` or ``sparse_parity``.
        optimiser: an optax transformation. Hand the same object over again to train another seed with the program that
            is compiled already.
        key: the source of the first weights.
        steps: at which to observe; the last one is the last.
        loss: a name in ``LOSSES``, or a function of logits ``(n, K)`` and labels ``(n,)`` that gives ``(n,)``.
        loss_dtype: ``"bfloat16"``, ``"float16"``, ``"float32"`` or ``"float64"``.
        dtype: of the weights, ``"float32"`` or ``"float64"``.
        hidden: widths of the hidden layers.
        biases: whether layers have them.
        loss_scale: factor of the gradient. Adam does not see it, but in float32 squares of gradients below 1e-19 are
            flushed to zero.

    Returns:
        What was observed, and the trained network.

    Raises:
        ValueError: an argument lies outside its domain, or float64 is asked for while JAX's is switched off.

    Source: Prieto et al. (2025), with the settings of their code: default initialisation of PyTorch, full batches.
    """
    require.one_of(DTYPES, loss_dtype=loss_dtype)
    require.one_of(WEIGHT_DTYPES, dtype=dtype)
    require.integer(1, hidden=list(hidden))
    require.positive(loss_scale=loss_scale)
    for name, asked in (("loss_dtype", loss_dtype), ("dtype", dtype)):
        if asked == "float64" and not jax.config.jax_enable_x64:
            raise ValueError(f"{name} must be at most 'float32' until jax_enable_x64 is switched on, got {asked!r}")
    if not callable(loss):
        require.one_of(LOSSES, loss=loss)
    network, data = prepare(task, key, hidden=hidden, biases=biases, dtype=dtype)
    network, _, observed = advance(
        network,
        None,
        data,
        optimiser=optimiser,
        steps=tuple(np.asarray(steps).tolist()),
        loss=loss if callable(loss) else LOSSES[loss],
        loss_dtype=loss_dtype,
        loss_scale=loss_scale,
    )
    return Classifier(np.asarray(steps), *(np.asarray(curve, float) for curve in observed), network)


Data = tuple[tuple[Array, Array], tuple[Array, Array]]
"""Inputs and labels to learn from, and those to be judged by."""


def prepare(
    task: Task, key: Key[Array, ""], *, hidden: Sequence[int], biases: bool, dtype: str
) -> tuple[tuple[Layer, ...], Data]:
    """The first weights of a network for a task, and the task as arrays of JAX."""
    network = initial_network((task.width, *hidden, task.classes), biases=biases, key=key, dtype=dtype)
    # whole numbers keep their type, in which they say where the ones are
    whole = np.issubdtype(task.train_inputs.dtype, np.integer)
    inputs = (place(part, np.int32 if whole else dtype) for part in (task.train_inputs, task.test_inputs))
    labels = (place(part, np.int32) for part in (task.train_labels, task.test_labels))
    return network, tuple(zip(inputs, labels, strict=True))


def train_ways(
    draw: Callable[..., Task],
    ways: Mapping[str, Mapping[str, object]],
    *,
    seeds: int,
    key: Key[Array, ""],
    **options: object,
) -> dict[str, Classifier]:
    """Train in several ways from several seeds, each seed with its own split and first weights, which all ways share.

    Args:
        draw: makes the task of a seed: ``partial(modular_addition, 31, fraction=0.8)``, of which ``key`` is left.
        ways: by name, what each has of its own: ``optimiser`` and ``steps``, and any option of ``train_classifier``.
        seeds: how many; at least 1. The first ones do not depend on how many there are.
        key: the source of randomness.
        options: what all ways have in common.

    Returns:
        For each way its runs, with a first axis for the seeds.

    Raises:
        ValueError: ``seeds`` is below 1, or ``train_classifier`` refuses an option.
    """
    require.integer(1, seeds=seeds)

    def one(seed: int, way: str) -> Classifier:
        split, start = jax.random.split(jax.random.fold_in(key, seed))
        return train_classifier(draw(key=split), key=start, **options | ways[way])

    # two run at a time: the longest first, so that they end together, and no way twice before it is compiled
    longest = sorted(ways, key=lambda way: -np.max((options | ways[way])["steps"]))
    jobs = [(seed, way) for seed in range(seeds) for way in longest]
    runs = dict(zip(jobs, side_by_side([partial(one, *job) for job in jobs]), strict=True))
    found = {}
    for way in ways:
        own = [runs[seed, way] for seed in range(seeds)]
        found[way] = jax.tree.map(lambda *leaves: np.stack(leaves), *own)._replace(steps=own[0].steps)
    return found


def train_seeds(
    draw: Callable[..., Task],
    optimiser: optax.GradientTransformation,
    *,
    seeds: int,
    key: Key[Array, ""],
    **options: object,
) -> Classifier:
    """Train in one way from several seeds, each with its own split and first weights.

    Args:
        draw: as for ``train_ways``.
        optimiser: as for ``train_classifier``.
        seeds: how many; at least 1.
        key: the source of randomness.
        options: all others are those of ``train_classifier``.

    Returns:
        The runs, with a first axis for the seeds.

    Raises:
        ValueError: ``seeds`` is below 1, or ``train_classifier`` refuses an option.
    """
    return train_ways(draw, {"": {"optimiser": optimiser}}, seeds=seeds, key=key, **options)[""]


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def _scaled_slope(x: Array, factor: float) -> Array:
    """The same, with a derivative of ``factor``."""
    return x


_scaled_slope.defvjp(lambda x, factor: (x, None), lambda factor, _, slope: (factor * slope,))


@partial(jax.jit, static_argnames=("optimiser", "steps", "loss", "loss_dtype", "loss_scale"))
def advance(
    network: tuple[Layer, ...],
    optimiser_state: PyTree,
    data: Data,
    *,
    optimiser: optax.GradientTransformation,
    steps: tuple[int, ...],
    loss: Callable[[Array, Array], Array],
    loss_dtype: str,
    loss_scale: float,
) -> tuple[tuple[Layer, ...], PyTree, tuple[Array, ...]]:
    """Train up to the last of ``steps``: the network, the optimiser's state, and the curves of a ``Classifier``.

    Without a state the optimiser begins afresh.
    """
    (inputs, labels), (test_inputs, test_labels) = data
    count = len(labels)

    def rows(logits):
        return loss(logits.astype(loss_dtype), labels)

    def total(network):
        # a mean over the examples would scale their derivatives in the loss's precision, where they might underflow
        logits = _scaled_slope(network_logits(network, inputs), loss_scale / count)
        return jnp.sum(rows(logits).astype(logits.dtype))

    def observe(network):
        logits = network_logits(network, inputs)
        seen = logits.astype(loss_dtype)
        slopes = jax.grad(lambda z: jnp.sum(loss(z, labels)))(seen)
        hits = jnp.argmax(logits, axis=-1) == labels
        test_hits = jnp.argmax(network_logits(network, test_inputs), axis=-1) == test_labels
        exact, gradient = logits.astype(float), jax.grad(total)(network)
        return (
            jnp.mean(rows(logits).astype(float)),
            jnp.mean(hits, dtype=float),
            jnp.mean(test_hits, dtype=float),
            collapsed_fraction(seen, labels),
            jnp.mean(right_one(slopes, labels) == 0, dtype=float),
            jnp.mean(jnp.all(slopes == 0, axis=-1), dtype=float),
            jnp.median(logit_gap(exact, labels)),
            jnp.median(log_odds(exact, labels)),
            naive_loss_minimisation_cosine(gradient, network).astype(float),
            norm(gradient).astype(float) / loss_scale,
            norm(network).astype(float),
        )

    # optax raises numbers to the power of its counter, an integer
    with jax.numpy_dtype_promotion("standard"):
        trained = train(
            total, network, optimiser, steps=np.asarray(steps), observe=observe, optimiser_state=optimiser_state
        )
    return trained.parameters, trained.optimiser_state, trained.observed
