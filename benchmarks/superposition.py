"""Training of the superposition autoencoder against a loop in PyTorch, as Liu, Liu and Gore (2025) train it.

Each side trains in a process of its own, in its own environment: this same file, started with ``--ours`` or ``--peer``,
which stays alive and trains when it is asked to. All variants are asked in turn, round after round, so that a slow
moment of the machine meets them all; a ratio is taken within its round. Their loop draws every entry of a batch, twice,
and reads its loss at every step; ours draws the active entries alone and reads nothing, so it is timed with dense draws
as well. Both start from the same weights, and what comes out is held to the same fresh examples.
"""

import json
import math
import os
import statistics
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from unittest.mock import patch

# both environments have this one; what only one has is imported where it is used
import numpy as np

from benchmarks.sides import Side, cores_in_words, free_cores, seconds_per_step, show, spread, torch_python

ROUNDS = 5
GAMMA, LEARNING_RATE, LAST_RATE, WARM_UP = -1.0, 1e-2, 0.05, 0.1
BETAS, EPSILON = (0.9, 0.999), 1e-8
TEST_SAMPLES = 20_000
CORES = (2, 1)


class Size(NamedTuple):
    """What is trained, for how many steps in a round, and for how many before the losses are compared."""

    n: int
    m: int
    batch: int
    steps: int
    compared: int


SIZES = (Size(512, 16, 256, 200, 2000), Size(1000, 25, 2048, 40, 300))

Weights = tuple[np.ndarray, np.ndarray]


class Variant(NamedTuple):
    """Ways to spend a number of steps: to train, which gives weights and biases, and only to draw the examples."""

    train: Callable[[int], Weights]
    draw: Callable[[int], object]


def frequencies(n: int) -> np.ndarray:
    """One active feature in an example on average, the i-th as often as 1/i."""
    p = 1 / np.arange(1, n + 1)
    return p / p.sum()


def own_variants(size: Size, folder: Path) -> tuple[dict[str, Variant], Callable[[str], float]]:
    """What ``solvable`` trains, from a start that it stores; and the loss of stored weights."""
    import jax

    from solvable.superposition.experiment import Settings, autoencode, data, sample_sparse_features
    from solvable.superposition.experiment.model import run_prepared

    p, key = frequencies(size.n), jax.random.key(0)
    authors = Settings(
        batch=size.batch,
        learning_rate=LEARNING_RATE,
        bias_scale=1.0,
        loss_scale=1 / size.n,
        epsilon=EPSILON,
        test_batches=1,
        warm_up=WARM_UP,
    )

    def run(tables: data.Sparse | data.Dense, steps: int, **changes: float) -> Weights:
        found = run_prepared(tables, size.m, GAMMA, key, authors._replace(steps=steps, **changes))
        return np.asarray(found.weights), np.asarray(found.biases)

    def variant(tables: data.Sparse | data.Dense) -> Variant:
        draw = partial(data.draw_batch, tables, size.batch, slots=data.room_for(tables))

        @jax.jit
        def last_drawn(steps: int) -> jax.Array:
            # a batch that is carried along has to be made, whole
            nothing = jax.numpy.zeros((size.batch, size.n), jax.numpy.float32)
            return jax.lax.fori_loop(0, steps, lambda index, _: draw(jax.random.fold_in(key, index)), nothing)

        return Variant(partial(run, tables), lambda steps: jax.block_until_ready(last_drawn(steps)))

    def loss(path: str) -> float:
        with np.load(path) as stored:
            weights, biases = stored["weights"], stored["biases"]
        x = sample_sparse_features(p, TEST_SAMPLES, key=jax.random.key(1))
        return float(np.mean(np.sum((np.asarray(autoencode(weights, biases, x)) - x) ** 2, axis=-1)))

    sparse = data.prepare(p, size.batch)
    with patch.object(data, "OFTEN", 0.0):
        dense = data.prepare(p, size.batch)
    # a step that is lost in rounding leaves the start as it was
    save(folder / "start.npz", run(sparse, 1, learning_rate=1e-30))
    return {"sparse draws": variant(sparse), "dense draws": variant(dense)}, loss


def peer_variants(size: Size, folder: Path) -> tuple[dict[str, Variant], None]:
    """What the authors' code does, in plain PyTorch."""
    import torch

    p = torch.tensor(frequencies(size.n), dtype=torch.float32)
    torch.manual_seed(0)
    with np.load(folder / "start.npz") as stored:
        start = stored["weights"], stored["biases"]

    class PulledAdam(torch.optim.Optimizer):
        """Adam after the decoupled pull of a group on the rows of its parameters."""

        @torch.no_grad()
        def step(self) -> None:
            for group in self.param_groups:
                for parameter in group["params"]:
                    self.update(parameter, group["lr"], group["gamma"])

        def update(self, parameter: torch.Tensor, rate: float, gamma: float) -> None:
            if gamma >= 0:
                parameter.mul_(1 - gamma * rate)
            else:
                lengths = parameter.norm(dim=1, keepdim=True).add_(EPSILON)
                parameter.add_(gamma * parameter * (1 - 1 / lengths), alpha=rate)
            state = self.state[parameter]
            if not state:
                state.update(count=0, mean=torch.zeros_like(parameter), square=torch.zeros_like(parameter))
            state["count"] += 1
            left = [1 - beta ** state["count"] for beta in BETAS]
            mean = state["mean"].mul_(BETAS[0]).add_(parameter.grad, alpha=1 - BETAS[0])
            square = state["square"].mul_(BETAS[1]).addcmul_(parameter.grad, parameter.grad, value=1 - BETAS[1])
            scale = (square.sqrt() / math.sqrt(left[1])).add_(EPSILON)
            parameter.addcdiv_(mean, scale, value=-rate / left[0])

    def draw() -> torch.Tensor:
        return (torch.rand(size.batch, size.n) < p).float() * torch.rand(size.batch, size.n) * 2

    def rate(step: int, steps: int) -> float:
        rise = round(WARM_UP * steps)
        if step < rise:
            return LEARNING_RATE * step / rise
        fall = (1 + math.cos(math.pi * (step - rise) / (steps - rise))) / 2
        return LEARNING_RATE * (LAST_RATE + (1 - LAST_RATE) * fall)

    def train(steps: int) -> Weights:
        weights, biases = (torch.tensor(value, requires_grad=True) for value in start)
        optimiser = PulledAdam([{"params": weights, "gamma": GAMMA}, {"params": biases, "gamma": 0.0}], {})
        losses = torch.zeros(steps)
        for step in range(steps):
            x = draw()
            # their rate is one step ahead of ours, which begins at 0
            for group in optimiser.param_groups:
                group["lr"] = rate(step + 1, steps)
            optimiser.zero_grad()
            loss = torch.nn.functional.mse_loss(torch.relu(x @ weights @ weights.T + biases), x)
            loss.backward()
            optimiser.step()
            losses[step] = loss.item()
        return weights.detach().numpy(), biases.detach().numpy()

    def only_draw(steps: int) -> None:
        for _ in range(steps):
            draw()

    return {"theirs": Variant(train, only_draw)}, None


def save(path: str | Path, trained: Weights) -> None:
    """Hand weights and biases to the other side."""
    np.savez(path, weights=trained[0], biases=trained[1])


def serve(variants: dict[str, Variant], loss: Callable[[str], float] | None) -> None:
    """Answer the requests on standard input, one a line, until it ends."""
    print(json.dumps(list(variants)), flush=True)
    for line in sys.stdin:
        request, name, *rest = json.loads(line)
        if request == "loss":
            answer = loss(name)
        elif request == "save":
            answer = save(rest[1], variants[name].train(rest[0]))
        else:
            answer = seconds_per_step(getattr(variants[name], request), *rest)
        print(json.dumps(answer), flush=True)


def start_side(python: Path, flag: str, size: Size, folder: str, cores: list[int]) -> Side:
    """A process that trains when asked, on some of the cores."""
    # threads are left to each library's own choice, which is made from the cores that it finds
    arguments = flag, json.dumps(size), folder, json.dumps(cores)
    return Side(python, "superposition", *arguments, without=("XLA_", "OMP_", "MKL_"), env={"JAX_PLATFORMS": "cpu"})


def compare_losses(sides: dict[str, Side], size: Size, folder: str) -> str:
    """The loss of every variant after the same steps from the same start."""
    own = next(iter(sides.values()))
    said = [f"{own.ask('loss', str(Path(folder) / 'start.npz')):.1f} at the start"]
    for name, side in sides.items():
        path = str(Path(folder) / "trained.npz")
        side.ask("save", name, size.compared, path)
        said.append(f"{own.ask('loss', path):.4f} {name}")
    return f"Loss after {size.compared} steps, on the same {TEST_SAMPLES} fresh examples: {', '.join(said)}\n"


def compare(pythons: dict[str, Path], size: Size, cores: list[int], *, losses: bool) -> None:
    """Each variant at one size, on some of the cores."""
    with TemporaryDirectory() as folder, ExitStack() as stack:
        # one after the other, as the first stores the start of both
        sides = {}
        for flag, python in pythons.items():
            side = stack.enter_context(start_side(python, flag, size, folder, cores))
            # the first line names what it can train
            sides |= dict.fromkeys(side.answer(), side)
        requests = [(name, what) for name in sides for what in ("train", "draw")]
        for name, what in requests:
            sides[name].ask(what, name, size.steps)  # compiles
        load = os.getloadavg()[0]
        found = {request: [] for request in requests}
        for _ in range(ROUNDS):
            for name, what in requests:
                found[name, what].append(sides[name].ask(what, name, size.steps))
        rows = []
        for name in sides:
            step, draw = (found[name, what] for what in ("train", "draw"))
            middle = statistics.median(step)
            share = statistics.median(d / s for d, s in zip(draw, step, strict=True))
            row = [name, f"{1e3 * middle:.3f}", f"{1 / middle:.0f}"]
            row += [f"{1e3 * statistics.median(draw):.3f}", f"{share:.0%}"]
            if "theirs" in sides:
                row.append(spread([a / b for a, b in zip(found["theirs", "train"], step, strict=True)]))
            rows.append(row)
        title = f"n = {size.n}, m = {size.m}, batch {size.batch}, {cores_in_words(cores)}"
        title += f"; {ROUNDS} rounds of {size.steps} steps"
        header = ["draws", "ms a step", "steps/s", "draw ms", "of the step", "theirs / this [min, max]"]
        show(f"{title}, load average {load:.1f} before them", header[: len(rows[0])], rows)
        if losses:
            print(compare_losses(sides, size, folder), flush=True)


def main() -> None:
    """Print the tables."""
    pythons = {"--ours": Path(sys.executable)}
    if (python := torch_python()) is not None:
        pythons["--peer"] = python
    free = free_cores()
    for size in SIZES:
        for count in CORES if free else (0,):
            # once is enough, and where their threads do not wait for each other on a busy machine
            compare(pythons, size, free[:count], losses=count == CORES[-1] or not free)


if __name__ == "__main__":
    if sys.argv[1:]:
        flag, size, folder, cores = sys.argv[1:]
        if cores := json.loads(cores):
            # before a library looks for them
            os.sched_setaffinity(0, cores)
        build = own_variants if flag == "--ours" else peer_variants
        serve(*build(Size(*json.loads(size)), Path(folder)))
    else:
        main()
