"""Average error of the best of k against PyTorch, as Halder and Pehlevan (2026) measure it; what one more answer costs.

Each side runs in a process of its own, in its own environment: this same file, started with ``--ours`` or ``--peer``,
which stays alive and measures when it is asked to. All ways are asked in turn, round after round, so that a slow moment
of the machine meets them all; a ratio is taken within its round. Both sides get the posterior at the same test inputs.
A way that draws is charged for the time until its standard error, from the spread over inputs, would be one percent of
the average; a quadrature has no such error, and is charged for its whole time. At zero temperature theirs holds every
answer of one k at once, in some two gigabytes at this size, a tenth of the published number of inputs; time and memory
grow with it. Our stream of answers reads the error at powers of two, so it is held against theirs at one.
"""

import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

# both environments have this one; what only one has is imported where it is used
import numpy as np

from benchmarks.sides import Side, cores_in_words, free_cores, show, spread, torch_python

ROUNDS = 5
SAMPLES, DIMENSION, NOISE, PRIOR_SCALE, TEACHER_SCALE = 10_000, 10, 1e-4, 1e-3, 2.0
K, DOUBLINGS = 100, 7
TEMPERATURE, PULL, HOT_DOUBLINGS = 10.0, 5.0, 6
# of their code: answers, trials and inputs that are held at once
CHUNK, HOT_TRIALS, HOT_INPUTS = 128, 128, 1000
PERCENT = 0.01
SAMPLED = (4, 14, 24)
STREAMED = (10, 13, 16)
CORES = (2, 1)


class Size(NamedTuple):
    """How much is measured in one run.

    Attributes:
        inputs: at zero temperature.
        hot_inputs: above it.
        trials: for each input.
        streamed_trials: for each input, where every answer is drawn here.
        draws: of the sampler, where its cost is measured.
        points: inputs of the stream whose memory is measured.
    """

    inputs: int = 10_000
    hot_inputs: int = 2_000
    trials: int = 100
    streamed_trials: int = 8
    draws: int = 500_000
    points: int = 512


SIZE = Size()


class Way(NamedTuple):
    """One way to an average error: above zero temperature or at it, whose and which, of how many answers, precision."""

    hot: bool
    method: str
    k: int
    dtype: str


Measure = Callable[[int], tuple[float, ...]]
"""From a seed, what one run finds: for an average error its value in units of the label's noise, and relative error."""


def summary(errors: np.ndarray) -> tuple[float, float]:
    """Average over inputs, and its relative standard error, which trials of one input do not make independent."""
    average = errors.mean()
    return float(average), float(errors.std(ddof=1) / np.sqrt(errors.size) / average)


def own_ways(size: Size, folder: Path) -> dict[Way, Measure]:
    """What ``solvable`` measures, on a task that it stores for both."""
    import jax

    from solvable import best_of_k as bk

    task = bk.draw_regression(
        SAMPLES,
        DIMENSION,
        noise=NOISE,
        teacher_scale=TEACHER_SCALE,
        key=jax.random.key(0),
        fixed_length=True,
    )
    model = bk.BayesianLinearRegression(NOISE, PRIOR_SCALE)
    posterior = model.posterior(task.features, task.labels)
    features = np.random.default_rng(1).normal(size=(size.inputs, DIMENSION)) / np.sqrt(DIMENSION)
    law = jax.tree.map(np.asarray, model.predictive(posterior, features))
    missed, deviation = law.mean - features @ task.teacher, np.sqrt(law.variance)
    variance = NOISE**2 + np.trace(posterior.covariance) / DIMENSION
    bias_variance = float(np.mean((np.asarray(posterior.mean) - task.teacher) ** 2) / variance)

    equivalents = bk.deterministic_equivalents(
        np.ones(DIMENSION), SAMPLES, teacher_variance=TEACHER_SCALE**2, noise=NOISE, prior_scale=PRIOR_SCALE
    )
    ridge = float(equivalents.ridge)
    np.savez(
        folder / "task.npz",
        mean=missed,
        deviation=deviation,
        expected_mean=-ridge / (ridge + 1) * (features @ task.teacher),
        expected_deviation=np.sqrt(NOISE**2 + PRIOR_SCALE**2 * ridge / (ridge + 1) * np.sum(features**2, axis=1)),
    )

    def streamed(seed: int, dtype: str, inputs: int, doublings: int, t: float, pull: float) -> tuple[float, float]:
        bias = np.tile((missed / deviation)[:inputs].astype(dtype), size.streamed_trials)
        stream = bk.streamed_selection(
            jax.random.key(seed), doublings, t, bias_teacher=bias, bias_reward=(1 + pull) * bias
        )
        errors = stream.error[-1].reshape(size.streamed_trials, inputs).mean(axis=0)
        return summary(errors * deviation[:inputs] ** 2 / NOISE**2)

    def sampled(seed: int) -> tuple[float, float]:
        bias = missed / deviation
        chosen = bk.selection_sampler(jax.random.key(seed), K, size.trials, bias_reward=bias)
        errors = ((np.asarray(chosen) + bias[:, None]) ** 2).mean(axis=1)
        return summary(errors * deviation**2 / NOISE**2)

    def integrated(_: int, k: int, t: float, pull: float) -> tuple[float, float]:
        average = bk.average_error(k, t, bias_variance=bias_variance, offset=pull)
        return float(average) * variance / NOISE**2, 0.0

    cold = {"inputs": size.inputs, "doublings": DOUBLINGS, "t": 0.0, "pull": 0.0}
    t = TEMPERATURE * NOISE**2 / variance
    hot = {"inputs": size.hot_inputs, "doublings": HOT_DOUBLINGS, "t": t, "pull": PULL}
    ways = {
        Way(False, "the chosen answer alone", K, "float64"): sampled,
        Way(False, "quadrature over biases", K, "float64"): partial(integrated, k=K, t=0.0, pull=0.0),
    }
    for options in (cold, hot):
        k = 2 ** options["doublings"]
        for dtype in ("float32", "float64"):
            way = Way(options is hot, "every answer, streamed", k, dtype)
            ways[way] = partial(streamed, dtype=dtype, **options)
    k = 2**HOT_DOUBLINGS
    ways[Way(True, "quadrature over biases", k, "float64")] = partial(integrated, k=k, t=t, pull=PULL)
    return ways


def peer_ways(size: Size, folder: Path) -> dict[Way, Measure]:
    """What the authors' code does, in plain PyTorch."""
    import torch

    with np.load(folder / "task.npz") as stored:
        mean, deviation, expected_mean, expected_deviation = (
            torch.tensor(stored[name], dtype=torch.float32)
            for name in ("mean", "deviation", "expected_mean", "expected_deviation")
        )
    temperature = 2 * NOISE**2 * TEMPERATURE

    def nearest(seed: int, k: int) -> tuple[float, float]:
        torch.manual_seed(seed)
        best = torch.full((size.inputs, size.trials), -torch.inf)
        chosen = torch.zeros(size.inputs, size.trials)
        judge = torch.zeros(size.inputs)
        for start in range(0, k, CHUNK):
            noise = torch.randn(size.inputs, size.trials, min(CHUNK, k - start))
            answers = mean.view(-1, 1, 1) + deviation.view(-1, 1, 1) * noise
            scores, places = (-(answers + judge.view(-1, 1, 1)).pow(2)).max(dim=-1)
            found = answers.gather(-1, places.unsqueeze(-1)).squeeze(-1)
            better = scores > best
            best, chosen = torch.where(better, scores, best), torch.where(better, found, chosen)
        return summary((chosen.pow(2).mean(dim=-1) / NOISE**2).double().numpy())

    def average_of(mean: torch.Tensor, deviation: torch.Tensor, judge: torch.Tensor) -> torch.Tensor:
        """For every input and every number of answers up to the largest."""
        total = torch.zeros(mean.numel(), 2**HOT_DOUBLINGS)
        for start in range(0, size.trials, HOT_TRIALS):
            trials = min(HOT_TRIALS, size.trials - start)
            weights, weighted = torch.zeros(mean.numel(), trials), torch.zeros(mean.numel(), trials)
            errors = torch.zeros_like(total)
            for index in range(2**HOT_DOUBLINGS):
                answers = mean.view(-1, 1) + deviation.view(-1, 1) * torch.randn(mean.numel(), trials)
                weight = torch.exp(-(answers - judge.view(-1, 1)).pow(2) / temperature)
                weights += weight
                weighted += answers.pow(2) * weight
                errors[:, index] = (weighted / weights).mean(dim=1)
            total += errors * trials
        return total / size.trials

    def softmax(seed: int, *, branches: int) -> tuple[float, float]:
        torch.manual_seed(seed)
        found = []
        for start in range(0, size.hot_inputs, HOT_INPUTS):
            here = slice(start, min(start + HOT_INPUTS, size.hot_inputs))
            judge = -PULL * mean[here]
            found.append(average_of(mean[here], deviation[here], judge))
            if branches == 2:
                average_of(expected_mean[here], expected_deviation[here], judge)
        return summary((torch.cat(found)[:, -1] / NOISE**2).double().numpy())

    ways = {Way(False, "theirs", k, "float32"): partial(nearest, k=k) for k in (K, 2**DOUBLINGS)}
    for method, branches in (("theirs", 2), ("theirs, without the predicted law", 1)):
        ways[Way(True, method, 2**HOT_DOUBLINGS, "float32")] = partial(softmax, branches=branches)
    return ways


def sampler_ways(size: Size, _: Path) -> dict[int, Measure]:
    """The sampler for numbers of answers, which it names by their logarithms."""
    import jax

    from solvable import best_of_k as bk

    def draw(seed: int, doublings: int) -> tuple[()]:
        chosen = bk.selection_sampler(jax.random.key(seed), 2.0**doublings, size.draws, bias_reward=0.5)
        jax.block_until_ready(chosen)
        return ()

    return {doublings: partial(draw, doublings=doublings) for doublings in SAMPLED}


def stream_ways(size: Size, what: Path) -> dict[tuple[int, int], Measure]:
    """The stream of two to some power of answers; named by the power, and by the memory before it."""
    import jax

    from solvable import best_of_k as bk

    bias = jax.random.normal(jax.random.key(0), (size.points,)) / 2
    doublings = int(what.name)

    def stream(seed: int) -> tuple[int]:
        bk.streamed_selection(jax.random.key(seed), doublings, 0.0, bias_teacher=bias, bias_reward=bias)
        return (peak(),)

    return {(doublings, peak()): stream}


def peak() -> int:
    """The most memory that this process has held, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


SERVED = {"--ours": own_ways, "--peer": peer_ways, "--sampler": sampler_ways, "--stream": stream_ways}


def serve(ways: dict[object, Measure]) -> None:
    """Answer the requests on standard input, one a line, until it ends: the seconds of a run, and what it found."""
    print(json.dumps(list(ways)), flush=True)
    measures = list(ways.values())
    for line in sys.stdin:
        index, seed = json.loads(line)
        begin = time.perf_counter()
        found = measures[index](seed)
        print(json.dumps([time.perf_counter() - begin, *found]), flush=True)


def start_side(python: Path, flag: str, what: str, cores: list[int]) -> Side:
    """A process that measures when asked, on some of the cores."""
    # threads are left to each library's own choice, which is made from the cores that it finds
    arguments, without = (flag, json.dumps(SIZE), what, json.dumps(cores)), ("XLA_", "OMP_", "MKL_", "NPROC")
    env = {"JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": "1"}
    return Side(python, "best_of_k", *arguments, without=without, env=env)


def in_turn(asked: list[Callable[[int], list[float]]]) -> tuple[float, list[list[list[float]]]]:
    """Load average before the rounds, and what each answered in every one of them."""
    for ask in asked:
        ask(0)  # compiles
    load = os.getloadavg()[0]
    rounds = [[ask(seed) for ask in asked] for seed in range(1, ROUNDS + 1)]
    return load, [list(answers) for answers in zip(*rounds, strict=True)]


def charged(seconds: float, _: float, relative_error: float) -> float:
    """Seconds to a standard error of one percent; of the run as it is, where it has none."""
    return seconds * (relative_error / PERCENT) ** 2 if relative_error else seconds


def row_of(way: Way, found: dict[Way, list[list[float]]]) -> list[str]:
    """What the rounds of one way came to, held against theirs for the same number of answers."""
    seconds, average, error = (statistics.median(values) for values in zip(*found[way], strict=True))
    costs = [charged(*answer) for answer in found[way]]
    row = [way.method, str(way.k), way.dtype, f"{average:.4g}", f"{error:.3%}" if error else "none"]
    row += [f"{1e3 * seconds:.4g}", f"{1e3 * statistics.median(costs):.3g}"]
    if (theirs := way._replace(method="theirs", dtype="float32")) in found:
        row.append(spread([charged(*answer) / cost for answer, cost in zip(found[theirs], costs, strict=True)]))
    return row


def compare(pythons: dict[str, Path], cores: list[int]) -> None:
    """All ways to an average error, on some of the cores."""
    with TemporaryDirectory() as folder, ExitStack() as stack:
        # one after the other, as the first stores the task of both
        asked = {}
        for flag, python in pythons.items():
            side = stack.enter_context(start_side(python, flag, folder, cores))
            asked |= {Way(*way): partial(side.ask, index) for index, way in enumerate(side.answer())}
        load, answers = in_turn(list(asked.values()))
    found = dict(zip(asked, answers, strict=True))
    for hot in (False, True):
        rows = [row_of(way, found) for way in found if way.hot == hot]
        inputs = SIZE.hot_inputs if hot else SIZE.inputs
        title = f"T / 2 sigma^2 = {TEMPERATURE:g}, c = {PULL:g}" if hot else "T = 0, judged by the teacher"
        title += f"; n = {SAMPLES}, d = {DIMENSION}, {inputs} inputs, {cores_in_words(cores)}; {ROUNDS} rounds, load"
        title += f" average {load:.1f} before them"
        header = ["way", "k", "precision", "error / sigma^2", "standard error", "ms a run", "ms to 1 %"]
        show(title, [*header, "theirs / this [min, max]"][: len(rows[0])], rows)


def compare_sampler(cores: list[int]) -> None:
    """What a draw of the chosen answer costs, for ever more answers."""
    with start_side(Path(sys.executable), "--sampler", "", cores) as side:
        powers = side.answer()
        load, answers = in_turn([partial(side.ask, index) for index in range(len(powers))])
    costs = [[seconds / SIZE.draws for (seconds,) in each] for each in answers]
    rows = []
    for power, cost in zip(powers, costs, strict=True):
        against = spread([own / first for own, first in zip(cost, costs[0], strict=True)])
        rows.append([f"2^{power}", f"{1e6 * statistics.median(cost):.3f}", against])
    title = f"The chosen answer alone, {SIZE.draws} draws in float64, {cores_in_words(cores)}; {ROUNDS} rounds, load"
    show(f"{title} average {load:.1f} before them", ["k", "us a draw", "times the first [min, max]"], rows)


def compare_memory(cores: list[int]) -> None:
    """Time and memory of ever more answers that are drawn, each number of them in a process of its own."""
    with ExitStack() as stack:
        sides = [
            stack.enter_context(start_side(Path(sys.executable), "--stream", str(power), cores)) for power in STREAMED
        ]
        named = [side.answer()[0] for side in sides]
        load, answers = in_turn([partial(side.ask, 0) for side in sides])
    rows = []
    for (power, before), each in zip(named, answers, strict=True):
        seconds, most = statistics.median(seconds for seconds, _ in each), max(held for _, held in each)
        kept = 8 * SIZE.points * 2**power
        row = [f"2^{power}", f"{seconds:.3f}", f"{1e9 * seconds / (SIZE.points * 2**power):.1f}"]
        rows.append([*row, *(f"{held / 1e6:.0f}" for held in (before, most, most - before, kept))])
    title = f"Every answer, streamed, {SIZE.points} inputs in float64, {cores_in_words(cores)}; {ROUNDS} rounds, load"
    header = ["k", "s a run", "ns an answer", "MB before", "MB at most", "more", "MB of its answers"]
    show(f"{title} average {load:.1f} before them", header, rows)


def main() -> None:
    """Print the tables."""
    pythons = {"--ours": Path(sys.executable)}
    if (python := torch_python()) is not None:
        pythons["--peer"] = python
    free = free_cores()
    for count in CORES if free else (0,):
        compare(pythons, free[:count])
    compare_sampler(free[: CORES[0]])
    compare_memory(free[: CORES[0]])


if __name__ == "__main__":
    if sys.argv[1:]:
        flag, size, what, cores = sys.argv[1:]
        if cores := json.loads(cores):
            # before a library looks for them
            os.sched_setaffinity(0, cores)
        serve(SERVED[flag](Size(*json.loads(size)), Path(what)))
    else:
        main()
