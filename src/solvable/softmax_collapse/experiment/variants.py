"""Runs that differ in their loss, its precision or their optimiser alone, and take longer than a notebook may.

They are stored with the book. ``python -m solvable.softmax_collapse.experiment.variants`` trains them afresh, in some
minutes, and stores them beside this file.
"""

import sys
from collections.abc import Mapping
from functools import partial
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, Int, Key

from solvable import require

from .classifier import first_reached, paper_adamw, train_seeds
from .data import modular_addition

SEEDS = 3
HIDDEN = (128, 64)
"""Hidden layers of the chapter's networks: with 128 and 128 the curves are the same, at twice the cost."""


class Variants(NamedTuple):
    """Runs of several seeds for each of several variants.

    Attributes:
        names: of the variants.
        steps: ``(n,)`` at which the runs were observed.
        train_accuracy: share of examples that are classified correctly.
        test_accuracy: share of the pairs kept back that are.
        collapsed: share of examples whose sum of exponentials is its largest term alone.
        lost: share of examples whose loss has no derivative by the right logit.
        gap: median gap between the right logit and the largest other one.
        weight_norm: length of all weights as one vector.
    """

    names: tuple[str, ...]
    steps: Int[np.ndarray, " n"]
    train_accuracy: Float[np.ndarray, "*variants seeds n"]
    test_accuracy: Float[np.ndarray, "*variants seeds n"]
    collapsed: Float[np.ndarray, "*variants seeds n"]
    lost: Float[np.ndarray, "*variants seeds n"]
    gap: Float[np.ndarray, "*variants seeds n"]
    weight_norm: Float[np.ndarray, "*variants seeds n"]

    def variant(self, name: str) -> "Variants":
        """One of them, its curves without the axis of the variants.

        Raises:
            ValueError: there is none of this name.
        """
        require.one_of(self.names, name=name)
        index = self.names.index(name)
        return Variants((name,), self.steps, *(curve[index] for curve in self[2:]))

    def reached(self, values: Float[np.ndarray, "*runs n"], level: float) -> Float[np.ndarray, "*runs"]:
        """First observed step at which values come to ``level``; NaN where they never do."""
        return first_reached(self.steps, values, level)


_CURVES = Variants._fields[2:]

PRECISIONS = {
    "float16": {"loss_dtype": "float16"},
    "float32": {"loss_dtype": "float32"},
    "float64": {"loss_dtype": "float64"},
    "float32, log1p": {"loss": "softmax_log1p"},
}
"""Arithmetic and form of the cross-entropy; the weights are in float32 throughout."""
REMEDIES = {
    "float64": {"loss": "stablemax", "loss_dtype": "float64"},
    "float32": {"loss": "stablemax", "loss_dtype": "float32"},
    "float64, beta2 0.999": {"loss": "stablemax", "loss_dtype": "float64", "beta2": 0.999},
    "Taylor": {"loss": "taylor", "loss_dtype": "float64"},
}
"""StableMax in two precisions and with a longer memory of Adam, and another loss with a tail that is a power."""
CONTROLS = {
    "float64": {"loss_dtype": "float64"},
    "float32, log1p": {"loss": "softmax_log1p", "loss_scale": 768.0},
}
"""Cross-entropy that collapses three times as late, and that never does."""
MAIN = {"p": 31, "learning_rate": 1e-2, "last_step": 6000}
TABLES = {
    "precisions": (PRECISIONS, 0, {"p": 47, "learning_rate": 1e-3, "last_step": 4000, "hidden": (128, 128)}),
    "remedies": (REMEDIES, 0, MAIN),
    "controls": (CONTROLS, 5, MAIN),
}
"""What is stored, by name: the variants, the number of their key, and their common settings."""


def train_variants(
    variants: Mapping[str, Mapping[str, object]],
    *,
    key: Key[Array, ""],
    p: int,
    learning_rate: float,
    last_step: int,
    hidden: tuple[int, ...] = HIDDEN,
    seeds: int = SEEDS,
    every: int = 50,
) -> Variants:
    """Train networks to add modulo ``p`` on four fifths of the pairs, by AdamW as the paper sets it.

    Args:
        variants: by name, the options of ``train_classifier`` that each has of its own, and its ``beta2``.
        key: the source of randomness.
        p: how many numbers.
        learning_rate: of AdamW.
        last_step: of training.
        hidden: widths of the hidden layers.
        seeds: networks for each variant, with the same splits and first weights.
        every: steps between observations; divides ``last_step``.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: smaller siblings of Prieto et al. (2025), figures 2 and 4.
    """
    require.integer(1, every=every, last_step=last_step)
    if last_step % every:
        raise ValueError(f"every must divide last_step, got {every} and {last_step}")
    draw, steps = partial(modular_addition, p, fraction=0.8), np.arange(0, last_step + 1, every)

    def run(beta2=0.99, **options):
        optimiser = paper_adamw(learning_rate, beta2=beta2)
        return train_seeds(draw, optimiser, seeds=seeds, key=key, steps=steps, hidden=hidden, **options)

    runs = [run(**options) for options in variants.values()]
    return Variants(tuple(variants), steps, *(np.stack([getattr(run, name) for run in runs]) for name in _CURVES))


def stored_variants(table: str) -> Variants:
    """Read stored runs of three seeds, rounded to float32.

    Args:
        table: a name in ``TABLES``. ``"precisions"`` has the cross-entropy in several precisions, for p = 47 and a
            learning rate of 0.001; ``"remedies"`` has StableMax and a Taylor softmax in the chapter's main setting,
            ``"controls"`` cross-entropy that collapses later or never, from the same first weights as the notebook.

    Raises:
        ValueError: ``table`` is none of them.

    >>> stored_variants("precisions").test_accuracy.shape
    (4, 3, 81)
    """
    require.one_of(TABLES, table=table)
    with resources.files(__package__).joinpath(f"{table}.npz").open("rb") as file:
        arrays = dict(np.load(file))
    curves = (arrays[name] for name in _CURVES)
    return Variants(tuple(TABLES[table][0]), arrays["steps"], *curves)


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    for table in sys.argv[1:] or TABLES:
        variants, number, settings = TABLES[table]
        found = train_variants(variants, key=jax.random.key(number), **settings)
        for name, lost, test in zip(found.names, found.lost, found.test_accuracy, strict=True):
            print(f"{table}, {name}: {lost[:, -1].round(2)} lost, {test[:, -1].round(3)} right", flush=True)
        stored = {name: getattr(found, name).astype(np.float32) for name in _CURVES}
        np.savez_compressed(Path(__file__).with_name(f"{table}.npz"), steps=found.steps, **stored)
