"""The paper's own figures, from its own draws: Figure 1, Figure 4 and its lottery, and the map of Figure 3e.

``python -m solvable.lazy_rich.experiment.published`` computes the stored run of Figure 1 anew.
"""

from functools import partial
from importlib import resources
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from solvable import long_runs, require
from solvable._types import place
from solvable.training import log_spaced_steps

from ..theory import MomentRun, Moments, PopulationLoss, increment_step, moment_dynamics, moments
from ..theory.committee import loss_of_increments, output_of_increments
from .sweeps import recorded_steps
from .task import PaperTask, draw_committee, draw_task, paper_task

FIGURE_1 = {"dim": 100, "samples": 550, "width": 500}
FIGURE_4 = {"dim": 40, "samples": 120, "width": 2}
STORED = "figure_1.npz"

MAP_ALPHAS = np.arange(1, 15) * 0.4
MAP_EPSILONS = np.arange(1, 15) * 0.02
MAP_ETA0 = 20.0
MAP_THRESHOLD = 0.1
"""An absolute loss, as in the authors' code."""
MAP_STALL = 1e-5
"""A run ends where its training loss has changed by less than this in :data:`MAP_STALL_STEPS` steps."""
MAP_STALL_STEPS = 5
MAP_LAST = 110_000


def _run(drawn: PaperTask, *, steps: Int[np.ndarray, " n"], **settings: float) -> MomentRun:
    return moment_dynamics(place(drawn.weights), *map(place, drawn.task), steps=steps, **settings)


def run_figure_1(*, eta0: float = 20.0, steps: int = 5000) -> MomentRun:
    """Figure 1 of Kumar et al. (2024): 500 neurons, 550 examples in 100 dimensions, epsilon = 0.02, centred.

    Args:
        eta0: learning rate in units of ``N / alpha²``. The authors take 1, and 100 000 steps; 20 is still stable, and a
            twentieth of the steps then says the same (:func:`stored_figure_1`).
        steps: of gradient descent.
    """
    return _run(paper_task(**FIGURE_1), alpha=1.0, eps=0.02, eta0=eta0, steps=recorded_steps(steps))


def stored_figure_1() -> MomentRun:
    """The same at the authors' own learning rate and number of steps, which takes minutes: stored with the book."""
    with resources.files(__package__).joinpath(STORED).open("rb") as file, np.load(file) as kept:
        test = PopulationLoss(*kept["test"])
        return MomentRun(*(kept[name] for name in ("steps", "train")), test, kept["square_norm"], kept["cosine"], None)


def run_figure_4(*, steps: int = 20_000) -> MomentRun:
    """Figure 4 of the same paper: 2 neurons, 120 examples in 40 dimensions, epsilon = 0.25, not centred."""
    return _run(paper_task(**FIGURE_4), alpha=1.0, eps=0.25, eta0=0.5, steps=recorded_steps(steps), centred=False)


def run_lottery(networks: int, *, key: Key[Array, ""], steps: int = 20_000) -> Float[np.ndarray, "networks 2"]:
    """The setting of Figure 4 from fresh draws of the inputs, the direction and both neurons.

    Args:
        networks: how many.
        key: the source of randomness.
        steps: of gradient descent.

    Returns:
        Last training and test loss of each network.
    """
    dim, samples, width = FIGURE_4.values()
    data, own = jax.random.split(key)
    tasks = draw_task(dim, samples, key=data, seeds=networks)
    weights = draw_committee(width, dim, key=own, seeds=networks)

    def one(weights, task):
        run = moment_dynamics(weights, *task, alpha=1.0, eps=0.25, eta0=0.5, steps=np.array([steps]), centred=False)
        return jnp.stack([run.train[-1], run.test.total[-1]])

    return np.asarray(jax.jit(jax.vmap(one))(place(weights), type(tasks)(*map(place, tasks))))


def run_paper_map(
    file: str | Path,
    *,
    alphas: Float[np.ndarray, " a"] = MAP_ALPHAS,
    epsilons: Float[np.ndarray, " e"] = MAP_EPSILONS,
    budget: float = float("inf"),
) -> Float[np.ndarray, "e a 3"]:
    """Figure 3e of the same paper, 14 by 14 runs, by its own rule of when a run ends. It takes hours.

    Every cell is kept in ``file`` as soon as it is there, and a second call goes on where the first was broken off.

    Args:
        file: an ``.npz``.
        alphas: scales of the output.
        epsilons: bends of the activation.
        budget: seconds after which no new cell is begun.

    Returns:
        For each cell the step at which the training loss fell below 0.1, that at which the test loss did, NaN where it
        did not, and the last step; NaN throughout where the cell has not been computed.
    """
    require.positive(alphas=alphas, epsilons=epsilons)
    drawn = paper_task(**FIGURE_1)
    start, x, y, beta = moments(drawn.weights), *map(place, drawn.task)

    def compute(eps, alpha):
        return np.asarray(_until_learned(start, x, y, beta, 1 / alpha, eps))

    # all digits of a value name its cell, so that no two cells of any grid have one name
    eps_names, alpha_names = (
        [np.format_float_positional(value, min_digits=digits) for value in np.round(values, 12)]
        for values, digits in ((epsilons, 2), (alphas, 1))
    )
    cells = {
        f"eps {eps_name} alpha {alpha_name}": partial(compute, eps, alpha)
        for eps, eps_name in zip(epsilons, eps_names, strict=True)
        for alpha, alpha_name in zip(alphas, alpha_names, strict=True)
    }
    found = long_runs.resume(file, cells, budget=budget)
    rows = [found.get(name, np.full(3, np.nan)) for name in cells]
    return np.reshape(rows, (len(epsilons), len(alphas), 3))


@jax.jit
def _until_learned(start: Moments, x, y, beta, inverse_alpha, eps):
    """Step at which each loss fell below the threshold, and the last step."""

    def losses(state):
        u, s = state
        return jnp.mean((output_of_increments(u, s, x, eps) - y) ** 2), loss_of_increments(u, s, beta, eps).total

    def goes_on(carry):
        step, _, recent, reached = carry
        stalled = jnp.abs(recent[-1] - recent[0]) < MAP_STALL
        return (step < MAP_LAST) & ~stalled & jnp.isnan(reached).any()

    def advance(carry):
        step, state, recent, reached = carry
        state = increment_step(state, start, x, y, inverse_alpha=inverse_alpha, eps=eps, eta0=MAP_ETA0)
        now = jnp.stack(losses(state))
        first = jnp.isnan(reached) & (now < MAP_THRESHOLD)
        recent = jnp.concatenate([recent[1:], now[:1]])
        return step + 1, state, recent, jnp.where(first, step + 1, reached)

    state = jnp.zeros_like(start.wbar), jnp.zeros_like(start.m)
    # no loss is near an infinite one, so that no run stalls before it has begun
    recent = jnp.full(MAP_STALL_STEPS + 1, jnp.inf)
    step, *_, reached = jax.lax.while_loop(goes_on, advance, (0, state, recent, jnp.full(2, jnp.nan)))
    return jnp.concatenate([reached, jnp.asarray(step, reached.dtype)[None]])


def store_figure_1(file: Path) -> None:
    """Compute :func:`stored_figure_1` anew, at the authors' settings."""
    drawn = paper_task(**FIGURE_1)
    run = _run(drawn, alpha=1.0, eps=0.02, eta0=1.0, steps=log_spaced_steps(100_000, 400))
    np.savez_compressed(
        file, steps=run.steps, train=run.train, test=np.stack(run.test), square_norm=run.square_norm, cosine=run.cosine
    )


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    store_figure_1(Path(__file__).with_name(STORED))
