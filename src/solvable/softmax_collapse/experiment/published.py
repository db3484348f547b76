"""The published networks at their own size: addition modulo 113 from two fifths of the pairs."""

from functools import partial
from pathlib import Path

import jax
import numpy as np
import optax
from jaxtyping import Array, Key

from solvable import long_runs, require

from ..theory.losses import LOSSES
from .classifier import Classifier, advance, paper_adamw, prepare, train_classifier
from .data import modular_addition
from .orthogonal import orthogonal_gradients

P = 113
FRACTION = 0.4
HIDDEN = (200, 200)
LEARNING_RATE = 0.01
BETA2 = 0.999
EPOCHS = 80_000


def run_paper_orthogonal(*, key: Key[Array, ""], last_step: int = 300, every: int = 10) -> Classifier:
    """AdamW on orthogonal gradients and the plain cross-entropy in float32, at the paper's size.

    Args:
        key: the source of randomness; the paper shows one seed.
        last_step: the paper's is 300.
        every: steps between observations.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: Prieto et al. (2025), figure 1a, with the settings of their code.
    """
    require.integer(1, last_step=last_step, every=every)
    split, start = jax.random.split(key)
    return train_classifier(
        modular_addition(P, fraction=FRACTION, key=split),
        optax.chain(orthogonal_gradients(whole="tensor", rescale=True), paper_adamw(LEARNING_RATE)),
        key=start,
        steps=np.arange(0, last_step + 1, every),
        hidden=HIDDEN,
    )


def run_paper_stablemax(
    file: str | Path,
    *,
    key: Key[Array, ""],
    p: int = P,
    fraction: float = FRACTION,
    hidden: tuple[int, ...] = HIDDEN,
    epochs: int = EPOCHS,
    every: int = 500,
    budget: float = float("inf"),
) -> Classifier:
    """AdamW on StableMax in float64, for tens of thousands of epochs: the paper's grokking without regularisation.

    A second call goes on where the first was broken off. The whole takes about an hour on two cores.

    Args:
        file: an ``.npz``; with other settings than those of the run that it holds it is refused, not replaced.
        key: the source of randomness; the paper shows one seed.
        p: how many numbers.
        fraction: of the pairs that are examples.
        hidden: widths of the hidden layers.
        epochs: of training; a multiple of ``every``. More of them than before continue a run.
        every: epochs between observations, after each of which the file is written.
        budget: seconds after which no new stretch is begun.

    Returns:
        What was observed so far.

    Raises:
        ValueError: an argument lies outside its domain, the file holds another run, or float64 is switched off.

    Source: Prieto et al. (2025), figure 1b, with the settings of their code.
    """
    require.integer(1, epochs=epochs, every=every, hidden=list(hidden))
    if epochs % every:
        raise ValueError(f"every must divide epochs, got {every} and {epochs}")
    if not jax.config.jax_enable_x64:
        raise ValueError("jax_enable_x64 must be switched on for a loss in float64, got False")
    split, start = jax.random.split(key)
    task, optimiser = modular_addition(p, fraction=fraction, key=split), paper_adamw(LEARNING_RATE, beta2=BETA2)
    network, data = prepare(task, start, hidden=hidden, biases=False, dtype="float32")
    train = partial(
        advance,
        optimiser=optimiser,
        steps=(every,),
        loss=LOSSES["stablemax"],
        loss_dtype="float64",
        loss_scale=1.0,
    )

    def stretch(state):
        network, optimiser_state, observed = train(*state, data)
        return (network, optimiser_state), {
            name: np.asarray(curve[0], float) for name, curve in zip(_CURVES, observed, strict=True)
        }

    settings = {"p": int(p), "fraction": float(fraction), "hidden": list(map(int, hidden)), "every": int(every)}
    settings["key"] = jax.random.key_data(key).tolist()
    state = network, optimiser.init(network)
    (network, _), observed = long_runs.carry_on(
        file, state, stretch, stretches=epochs // every, settings=settings, budget=budget
    )
    steps = every * np.arange(1, 1 + len(next(iter(observed.values()), [])))
    curves = (observed.get(name, np.empty(0)) for name in _CURVES)
    return Classifier(steps, *curves, jax.tree.map(np.asarray, network))


_CURVES = Classifier._fields[1:-1]
