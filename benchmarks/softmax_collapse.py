"""Training of the classifier against a loop in PyTorch, as Prieto et al. (2025) train it, and several seeds at a time.

Each side trains in a process of its own, in its own environment: this same file, started with ``--ours`` or ``--peer``,
which stays alive and trains when it is asked to. Both begin with the same weights and learn the same rows. All variants
are asked in turn, round after round, so that a slow moment of the machine meets them all; a ratio is taken within its
round. Their loop multiplies ones and zeros with the first weights, and brings the rows into a new order at every step,
which changes nothing but rounding; ours picks rows of the weights, in one order. Neither looks at its loss while it
trains, but what ours observes after the last step is timed with it.
"""

import json
import os
import statistics
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

# both environments have this one; what only one has is imported where it is used
import numpy as np

from benchmarks.sides import Side, cores_in_words, free_cores, seconds_per_step, show, spread, torch_python

ROUNDS = 5
LEARNING_RATE, BETAS, EPSILON = 1e-2, (0.9, 0.99), 1e-25
# what their code keeps denominators above
TINY = 1e-30
WANTED = 2.0
CORES = (2, 1)
SEEDS = 3


class Size(NamedTuple):
    """What is trained, for how many steps in a round, and for how many before the losses are compared."""

    p: int
    fraction: float
    hidden: tuple[int, int]
    steps: int
    compared: int


# Later, orthogonal gradients have amplified rounding: after 200 steps for p = 31, another order of the rows changes our
# own loss by four thousandths.
SIZES = (Size(31, 0.8, (128, 128), 150, 50), Size(113, 0.4, (200, 200), 25, 20))


class Variant(NamedTuple):
    """What is minimised, in which precision, by which gradients; and whether their loop is rid of what it can spare."""

    loss: str
    loss_dtype: str
    orthogonal: bool = False
    tuned: bool = False


VARIANTS = {
    "softmax, float32": Variant("softmax", "float32"),
    "the same, against one fused AdamW and rows in one order": Variant("softmax", "float32", tuned=True),
    "StableMax, float64": Variant("stablemax", "float64"),
    "softmax, float32, orthogonal gradients": Variant("softmax", "float32", orthogonal=True),
}

Weights = list[np.ndarray]
"""For each layer ``(inputs, outputs)``."""
Trainer = Callable[[int], Weights]
"""Weights after a number of steps from the start."""


def own_trainers(size: Size, folder: Path) -> tuple[dict[str, Trainer], Callable[[str, str], float]]:
    """What ``solvable`` trains, from a start that it stores; and the loss of stored weights for a variant."""
    import jax
    import optax

    from solvable.softmax_collapse import (
        LOSSES,
        Layer,
        modular_addition,
        network_logits,
        orthogonal_gradients,
        paper_adamw,
    )
    from solvable.softmax_collapse.experiment.classifier import advance, prepare

    task = modular_addition(size.p, fraction=size.fraction, key=jax.random.key(0))
    network, data = prepare(task, jax.random.key(1), hidden=size.hidden, biases=False, dtype="float32")
    save(folder / "start.npz", weights_of(network))
    np.savez(folder / "task.npz", places=task.train_inputs, labels=task.train_labels)

    def trainer(variant: Variant) -> Trainer:
        optimiser = paper_adamw(LEARNING_RATE, beta2=BETAS[1], epsilon=EPSILON)
        if variant.orthogonal:
            optimiser = optax.chain(orthogonal_gradients(whole="tensor", rescale=True), optimiser)
        options = {"optimiser": optimiser, "loss": LOSSES[variant.loss], "loss_dtype": variant.loss_dtype}
        run = partial(advance, network, None, data, loss_scale=1.0, **options)
        return lambda steps: weights_of(run(steps=(steps,))[0])

    def loss(name: str, path: str) -> float:
        layers = tuple(Layer(jax.device_put(weights.astype(float)), None) for weights in load(path))
        inputs, labels = data[0]
        return float(np.mean(LOSSES[VARIANTS[name].loss](network_logits(layers, inputs), labels)))

    return {name: trainer(variant) for name, variant in VARIANTS.items()}, loss


def weights_of(network: tuple) -> Weights:
    """Those of our layers, when they are there."""
    return [np.asarray(layer.weights) for layer in network]


def peer_trainers(size: Size, folder: Path) -> tuple[dict[str, Trainer], None]:
    """What the authors' code does, in plain PyTorch."""
    import torch
    from torch.nn import functional

    torch.manual_seed(0)
    start = load(folder / "start.npz")
    with np.load(folder / "task.npz") as stored:
        places, labels = (torch.from_numpy(stored[name]).long() for name in ("places", "labels"))
    inputs = torch.cat([functional.one_hot(places[:, 0], size.p), functional.one_hot(places[:, 1] - size.p, size.p)], 1)
    inputs = inputs.float()

    def first_network() -> torch.nn.Sequential:
        layers = []
        for weights in start:
            linear = torch.nn.Linear(*weights.shape, bias=False)
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(weights.T))
            layers += [linear, torch.nn.ReLU()]
        return torch.nn.Sequential(*layers[:-1])

    def mean_loss(variant: Variant, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        logits = logits.to(getattr(torch, variant.loss_dtype))
        if variant.loss == "softmax":
            logarithms = functional.log_softmax(logits, dim=-1)
        else:
            stable = torch.where(logits < 0, 1 / (1 - logits + TINY), logits + 1)
            logarithms = torch.log(stable / stable.sum(dim=-1, keepdim=True))
        return -torch.gather(logarithms, 1, labels[:, None]).mean()

    @torch.no_grad()
    def project(parameter: torch.Tensor) -> None:
        along, gradient = parameter.view(-1), parameter.grad.view(-1)
        across = gradient - torch.dot(along, gradient) / (torch.dot(along, along) + TINY) * along
        across *= gradient.norm() / (across.norm() + TINY)
        parameter.grad.copy_(across.view_as(parameter))

    def train(variant: Variant, steps: int) -> Weights:
        network = first_network()
        parameters = list(network.parameters())
        settings = {"lr": LEARNING_RATE, "betas": BETAS, "eps": EPSILON, "weight_decay": 0.0}
        optimiser = torch.optim.AdamW(parameters, fused=variant.tuned or None, **settings)
        x, y = inputs, labels
        for _ in range(steps):
            if not variant.tuned:
                order = torch.randperm(len(inputs))
                x, y = inputs[order], labels[order]
            optimiser.zero_grad()
            mean_loss(variant, network(x), y).backward()
            if variant.orthogonal:
                for parameter in parameters:
                    project(parameter)
            optimiser.step()
        return [parameter.detach().numpy().T for parameter in parameters]

    return {name: partial(train, variant) for name, variant in VARIANTS.items()}, None


def seed_ways(size: Size) -> dict[str, Callable[[int], object]]:
    """Ways to train several seeds for a number of steps each in one process."""
    import jax

    from solvable.softmax_collapse import LOSSES, modular_addition, paper_adamw, train_seeds
    from solvable.softmax_collapse.experiment.classifier import advance, prepare
    from solvable.threads import side_by_side

    key, optimiser = jax.random.key(0), paper_adamw(LEARNING_RATE)
    draw = partial(modular_addition, size.p, fraction=size.fraction)
    options = {"optimiser": optimiser, "loss": LOSSES["softmax"], "loss_dtype": "float32", "loss_scale": 1.0}
    prepared = []
    for seed in range(SEEDS):
        split, start = jax.random.split(jax.random.fold_in(key, seed))
        prepared.append(prepare(draw(key=split), start, hidden=size.hidden, biases=False, dtype="float32"))
    stacked = jax.tree.map(lambda *leaves: jax.numpy.stack(leaves), *prepared)

    def one(steps: int, network: object, data: object) -> object:
        return advance(network, None, data, steps=(steps,), **options)

    @partial(jax.jit, static_argnums=0)
    def mapped(steps: int) -> object:
        return jax.vmap(partial(one, steps))(*stacked)

    def as_the_chapter(steps: int) -> object:
        return train_seeds(draw, optimiser, seeds=SEEDS, key=key, steps=np.array([steps]), hidden=size.hidden)

    return {
        "one after the other": lambda steps: [jax.block_until_ready(one(steps, *each)) for each in prepared],
        "in threads": lambda steps: side_by_side([partial(one, steps, *each) for each in prepared]),
        "train_seeds": as_the_chapter,
        "under vmap": lambda steps: jax.block_until_ready(mapped(steps)),
    }


def save(path: str | Path, weights: Weights) -> None:
    """Hand weights to the other side."""
    np.savez(path, *weights)


def load(path: str | Path) -> Weights:
    """Weights as they were stored, layer by layer."""
    with np.load(path) as stored:
        return [stored[name] for name in stored.files]


def serve(trainers: dict[str, Callable[[int], object]], loss: Callable[[str, str], float] | None) -> None:
    """Answer the requests on standard input, one a line, until it ends."""
    print(json.dumps(list(trainers)), flush=True)
    for line in sys.stdin:
        request, name, *rest = json.loads(line)
        if request == "loss":
            answer = loss(name, rest[0])
        elif request == "save":
            answer = save(rest[1], trainers[name](rest[0]))
        else:
            answer = seconds_per_step(trainers[name], rest[0])
        print(json.dumps(answer), flush=True)


def start_side(python: Path, flag: str, size: Size, folder: str, cores: list[int], **env: str) -> Side:
    """A process that trains when asked, on some of the cores."""
    # threads are left to each library's own choice, which is made from the cores that it finds
    arguments, without = (flag, json.dumps(size), folder, json.dumps(cores)), ("XLA_", "OMP_", "MKL_", "NPROC")
    env |= {"JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": "1"}
    return Side(python, "softmax_collapse", *arguments, without=without, env=env)


def compare_losses(sides: dict[str, Side], size: Size, folder: str) -> None:
    """The loss of every variant after the same steps from the same start, in float64."""
    own = sides["ours"]
    rows = []
    for name in VARIANTS:
        losses = [own.ask("loss", name, str(Path(folder) / "start.npz"))]
        for side in sides.values():
            path = str(Path(folder) / "trained.npz")
            side.ask("save", name, size.compared, path)
            losses.append(own.ask("loss", name, path))
        row = [name, *(f"{loss:.8g}" for loss in losses)]
        if "theirs" in sides:
            row.append(f"{abs(losses[2] / losses[1] - 1):.1e}")
        rows.append(row)
    header = ["loss", "at the start", "ours", "theirs", "relative difference"]
    show(f"p = {size.p}, loss after {size.compared} steps, in float64", header[: len(rows[0])], rows)


def compare(pythons: dict[str, Path], size: Size, cores: list[int], *, losses: bool) -> None:
    """Each variant at one size, on some of the cores."""
    with TemporaryDirectory() as folder, ExitStack() as stack:
        # one after the other, as the first stores the start of both
        sides = {}
        for name, python in pythons.items():
            flag = "--ours" if name == "ours" else "--peer"
            sides[name] = stack.enter_context(start_side(python, flag, size, folder, cores))
            sides[name].answer()
        requests = [(variant, name) for variant in VARIANTS for name in sides]
        for variant, name in requests:
            sides[name].ask("time", variant, size.steps)  # compiles
        load = os.getloadavg()[0]
        found = {request: [] for request in requests}
        for _ in range(ROUNDS):
            for variant, name in requests:
                found[variant, name].append(sides[name].ask("time", variant, size.steps))
        rows = []
        for variant in VARIANTS:
            seconds = [found[variant, name] for name in sides]
            middles = [statistics.median(own) for own in seconds]
            row = [variant, *(f"{1e3 * middle:.2f}" for middle in middles)]
            row += [f"{1 / middle:.0f}" for middle in middles]
            if "theirs" in sides:
                row.append(spread([theirs / ours for ours, theirs in zip(*seconds, strict=True)]))
            rows.append(row)
        title = f"p = {size.p}, {int(size.p**2 * size.fraction)} rows, {cores_in_words(cores)}; {ROUNDS} rounds of"
        title += f" {size.steps} steps, load average {load:.1f} before them; wanted: at least {WANTED}"
        header = ["loss", *(f"{name}, ms a step" for name in sides), *(f"{name}, steps/s" for name in sides)]
        header.append("theirs / ours [min, max]")
        show(title, header[: len(rows[0])], rows)
        if losses:
            compare_losses(sides, size, folder)


def compare_seeds(size: Size, cores: list[int]) -> None:
    """Steps of all seeds together in a second, for ways to train several of them."""
    with TemporaryDirectory() as folder, ExitStack() as stack:
        start = partial(start_side, Path(sys.executable), size=size, folder=folder, cores=cores)
        together = stack.enter_context(start("--seeds"))
        ways = together.answer()
        # JAX reads from this variable how many threads to keep; which core a process gets is left to the system
        alone = [stack.enter_context(start("--ours", NPROC="1")) for _ in range(SEEDS)]
        for side in alone:
            side.answer()

        def in_processes(steps: int) -> None:
            for side in alone:
                side.send("time", next(iter(VARIANTS)), steps)
            for side in alone:
                side.answer()

        asked = {way: partial(together.ask, "time", way) for way in ways}
        asked["a process of one thread for each"] = partial(seconds_per_step, in_processes)
        for ask in asked.values():
            ask(size.steps)  # compiles
        load = os.getloadavg()[0]
        rounds = [[ask(size.steps) for ask in asked.values()] for _ in range(ROUNDS)]
        rows = []
        for way, seconds in zip(asked, zip(*rounds, strict=True), strict=True):
            gain = spread([each[0] / own for each, own in zip(rounds, seconds, strict=True)])
            rows.append([way, f"{SEEDS / statistics.median(seconds):.0f}", gain])
        title = f"{SEEDS} seeds, ours, p = {size.p}, softmax in float32, {cores_in_words(cores)}; {ROUNDS} rounds of"
        title += f" {size.steps} steps for each seed, load average {load:.1f} before them"
        show(title, ["way", "seeds' steps/s", "times the first [min, max]"], rows)


def main() -> None:
    """Print the tables."""
    pythons = {"ours": Path(sys.executable)}
    if (python := torch_python()) is not None:
        pythons["theirs"] = python
    free = free_cores()
    for size in SIZES:
        for count in CORES if free else (0,):
            # once is enough, and where their threads do not wait for each other on a busy machine
            compare(pythons, size, free[:count], losses=count == CORES[-1] or not free)
    compare_seeds(SIZES[0], free[: CORES[0]])


if __name__ == "__main__":
    if sys.argv[1:]:
        flag, size, folder, cores = sys.argv[1:]
        if cores := json.loads(cores):
            # before a library looks for them
            os.sched_setaffinity(0, cores)
        size = Size(*json.loads(size))
        if flag == "--seeds":
            serve(seed_ways(size), None)
        else:
            serve(*(own_trainers if flag == "--ours" else peer_trainers)(size, Path(folder)))
    else:
        main()
