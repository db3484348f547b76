"""Our tangent kernels against the library neural-tangents, and their cost against the number of inputs and the width.

That library runs only on a jax of 2023, so each side computes in a process of its own, in its own environment: this
same file, started with ``--ours`` or ``--peer``, which draws the same inputs and weights, stays alive and computes what
it is asked for. The two are asked in turn, round after round, so that a slow moment of the machine meets both; a ratio
is taken within its round. Memory is the peak of a process that computes one kernel and nothing else.
"""

import json
import math
import resource
import shutil
import statistics
import sys
import time
import types
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

# both environments have these two; what only one has is imported where it is used
import jax
import numpy as np

from benchmarks.sides import ROOT, Side, environment, runs, show, spread

ROUNDS = 5
FEATURES, WIDTH, HIDDEN_LAYERS = 32, 512, 3
INPUTS = 256
SIGMA_W, SIGMA_B = math.sqrt(2), 0.1
BLOCK = 512
# calls in a round, so that the fast methods are timed for long enough, and the ratio that is wanted
METHODS = {"layer-wise": (10, 0.5), "analytic": (20, 1.0), "jacobian": (1, 0.6)}

PEER = ROOT / "_build" / "benchmarks" / "neural_tangents"
# structured derivatives fail on jax 0.4.26 and later, importing the library on 0.6 and later
PINS = (
    "frozendict==2.4.6",
    "jax==0.4.23",
    "jaxlib==0.4.23",
    "ml-dtypes==0.5.4",
    "numpy==1.26.4",
    "opt-einsum==3.4.0",
    "scipy==1.12.0",
)
# without its dependencies: it names TensorFlow, which nothing here uses
LIBRARY = "neural-tangents==0.6.5"
PEER_PYTHONS = ("3.11", "3.12", "3.10")

Method = Callable[[], object]


def draw(inputs: int, width: int) -> tuple[jax.Array, list[tuple[jax.Array, jax.Array]]]:
    """Inputs, and for each layer weights of shape (out, in) and biases: the same in both environments."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> jax.Array:
        # drawn in float32, so that the draw takes less memory than what is measured
        return jax.numpy.asarray(rng.standard_normal(shape, np.float32), dtype=float)

    widths = [FEATURES, *[width] * HIDDEN_LAYERS, 1]
    return normal(inputs, FEATURES), [(normal(n, m), normal(n)) for m, n in pairwise(widths)]


def own_methods(inputs: int, width: int) -> dict[str, Method]:
    """What ``solvable`` computes."""
    from solvable.ntk import Layer, apply_mlp, empirical_ntk, empirical_ntk_mlp, nngp_and_ntk

    network = {"activation": "relu", "sigma_w": SIGMA_W, "sigma_b": SIGMA_B}
    x, layers = draw(inputs, width)
    params = tuple(Layer(*layer) for layer in layers)
    analytic = partial(nngp_and_ntk, hidden_layers=HIDDEN_LAYERS, **network)
    layer_wise = partial(empirical_ntk_mlp, **network)
    jacobian = partial(empirical_ntk, partial(apply_mlp, **network), method="jacobian")
    return {
        "analytic": partial(jax.jit(analytic), x),
        "layer-wise": partial(jax.jit(layer_wise), params, x),
        "in blocks": partial(jax.jit(partial(layer_wise, block=BLOCK)), params, x),
        "jacobian": partial(jax.jit(jacobian), params, x),
    }


def peer_methods(inputs: int, width: int) -> dict[str, Method]:
    """What neural-tangents computes, with its fastest settings for this network."""
    # the one part of the library that wants TensorFlow
    sys.modules["neural_tangents.experimental"] = types.ModuleType("neural_tangents.experimental")
    import neural_tangents as nt
    from neural_tangents import stax

    dense = partial(stax.Dense, W_std=SIGMA_W, b_std=SIGMA_B, parameterization="ntk")
    hidden = [layer for _ in range(HIDDEN_LAYERS) for layer in (dense(width), stax.Relu())]
    _, apply_fn, kernel_fn = stax.serial(*hidden, dense(1))
    x, layers = draw(inputs, width)
    # a nonlinearity is a layer too, without parameters
    params = [layer for w, b in layers for layer in ((jax.numpy.array(w.T), b[None]), ())][:-1]

    def empirical(implementation: nt.NtkImplementation) -> Method:
        kernel = nt.empirical_ntk_fn(apply_fn, trace_axes=(-1,), vmap_axes=0, implementation=implementation)
        return partial(jax.jit(lambda params, x: kernel(x, None, params)), params, x)

    return {
        "analytic": partial(jax.jit(lambda x: kernel_fn(x, None, ("nngp", "ntk"))), x),
        "layer-wise": empirical(nt.NtkImplementation.STRUCTURED_DERIVATIVES),
        "jacobian": empirical(nt.NtkImplementation.JACOBIAN_CONTRACTION),
    }


def seconds_per_call(method: Method, calls: int) -> float:
    """The mean over ``calls`` calls."""
    begin = time.perf_counter()
    for _ in range(calls):
        jax.block_until_ready(method())
    return (time.perf_counter() - begin) / calls


def save(method: Method, path: str) -> None:
    """Store the tangent kernel; this first call compiles."""
    result = method()
    np.save(path, np.asarray(getattr(result, "ntk", result)))


def peak_mib() -> float:
    """The most memory that this process has held."""
    # Linux counts in KiB, macOS in bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def serve(methods: dict[str, Method]) -> None:
    """Answer the requests on standard input, one a line, until it ends."""
    # the compiler is loaded at its first use, and takes more memory than a small kernel
    jax.block_until_ready(jax.jit(lambda a: jax.numpy.sin(a @ a.T))(jax.numpy.ones((INPUTS, FEATURES))))
    for line in sys.stdin:
        request, *arguments = json.loads(line)
        if request == "peak":
            answer = peak_mib()
        elif request == "save":
            answer = save(methods[arguments[0]], arguments[1])
        else:
            answer = seconds_per_call(methods[arguments[0]], arguments[1])
        print(json.dumps(answer), flush=True)


def start_side(python: Path, flag: str, *, inputs: int = INPUTS, width: int = WIDTH, x64: bool = False) -> Side:
    """A process that computes kernels when asked."""
    # the old jax may not know the settings that were made for the new one, and a cache would hide what compiling takes
    # from the memory
    env = {"JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": str(int(x64))}
    return Side(python, "ntk", flag, str(inputs), str(width), without=("JAX_", "XLA_"), env=env)


def peer_candidate() -> str | None:
    """A Python that the pins support; None, and why, where there is none."""
    ask = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
    for name in (sys.executable, *(f"python{version}" for version in PEER_PYTHONS)):
        # a version manager's shim may stand on the path and start nothing
        if (found := shutil.which(name)) and runs(found, ask) in PEER_PYTHONS:
            return found
    print(f"{LIBRARY} is left out: it needs a Python among {', '.join(PEER_PYTHONS)}, with its venv module.\n")
    return None


def peer_python() -> Path | None:
    """The Python of the library's environment."""
    cost = "0.6 GB, half a minute"
    return environment(PEER, (*PINS, LIBRARY), name=LIBRARY, cost=cost, maker=peer_candidate, proof="")


def in_turn(sides: list[Side], name: str, calls: int) -> list[list[float]]:
    """The seconds of each side, for every round."""
    rounds = [[one.ask("time", name, calls) for one in sides] for _ in range(ROUNDS)]
    return [list(own) for own in zip(*rounds, strict=True)]


def disagreement(sides: list[Side], name: str) -> tuple[float, float]:
    """The largest difference of the two kernels over the largest entry, beside the diagonal and on it.

    On the diagonal of its analytic kernel the library takes the angle between an input and itself from rounded
    products, so that it is off by the square root of the precision there.
    """
    with TemporaryDirectory() as folder:
        kernels = []
        for index, one in enumerate(sides):
            path = str(Path(folder) / f"{index}.npy")
            one.ask("save", name, path)
            kernels.append(np.load(path))
    apart = np.abs(kernels[0] - kernels[-1]) / np.max(np.abs(kernels[-1]))
    return float(np.max(apart - np.diag(np.diag(apart)))), float(np.max(np.diag(apart)))


def compare_times(pythons: dict[str, Path], *, x64: bool) -> None:
    """Each method on both sides."""
    sides = [start_side(python, flag, x64=x64) for flag, python in pythons.items()]
    rows = []
    for name, (calls, wanted) in METHODS.items():
        apart = disagreement(sides, name)  # compiles too
        seconds = in_turn(sides, name, calls)
        row = [name, *(f"{1e3 * statistics.median(own):.2f}" for own in seconds)]
        if len(sides) == 2:
            row += [spread([a / b for a, b in zip(*seconds, strict=True)]), f"{wanted}", *(f"{a:.1e}" for a in apart)]
        rows.append(row)
    for one in sides:
        one.process.communicate()
    title = f"{INPUTS} inputs, {HIDDEN_LAYERS} x {WIDTH} hidden, ReLU, float{64 if x64 else 32}, {ROUNDS} rounds"
    header = ["method", "ours ms", "theirs ms", "ours / theirs [min, max]", "wanted", "difference", "on diagonal"]
    show(title, header if len(sides) == 2 else header[:2], rows)


def peak_of(python: Path, flag: str, name: str, **setting: int) -> tuple[float, float]:
    """The peak of a fresh process, and how far above its start."""
    with start_side(python, flag, **setting) as one:
        start = one.ask("peak")
        one.ask("time", name, 1)
        peak = one.ask("peak")
    return peak, peak - start


def compare_memory(pythons: dict[str, Path]) -> None:
    """Each method on both sides, in a process of its own, and what it adds to that side's jax with nothing to do."""
    rows = []
    for name in METHODS:
        row = [name]
        for values in zip(*(peak_of(python, flag, name) for flag, python in pythons.items()), strict=True):
            row += [f"{value:.0f}" for value in values]
            if len(values) == 2:
                row.append(f"{values[0] / values[1]:.2f}")
        rows.append(row)
    columns = ["ours", "theirs", "ratio"] if len(pythons) == 2 else ["ours"]
    header = ["method", *columns, *(f"added: {column}" for column in columns)]
    show("Peak memory in MiB, float32, and what the method added; wanted ratio: at most 1", header, rows)


def sweep(title: str, axis: str, sizes: list[int], name: str) -> None:
    """Our cost over sizes, each in a process of its own, with the local power of the size from one to the next."""
    rows, before = [], None
    for size in sizes:
        with start_side(Path(sys.executable), "--ours", **{axis: size}) as one:
            start = one.ask("peak")
            one.ask("time", name, 1)
            peak = one.ask("peak")
            calls = max(1, round(0.1 / one.ask("time", name, 1)))
            seconds = statistics.median(one.ask("time", name, calls) for _ in range(3))
        power = "" if before is None else f"{math.log(seconds / before[1]) / math.log(size / before[0]):.2f}"
        before = size, seconds
        rows.append([str(size), f"{1e3 * seconds:.1f}", power, f"{peak:.0f}", f"{peak - start:.0f}"])
    show(title, [axis, "ms", "power", "peak MiB", "added MiB"], rows)


def main() -> None:
    """Print the tables."""
    pythons = {"--ours": Path(sys.executable)}
    if (python := peer_python()) is not None:
        pythons["--peer"] = python
    for x64 in (False, True):
        compare_times(pythons, x64=x64)
    compare_memory(pythons)
    many = [2**k for k in range(8, 14)]
    kernel = 4 * many[-1] ** 2 // 2**20
    title = f"Layer-wise in blocks of {BLOCK}, {HIDDEN_LAYERS} x {WIDTH} hidden, float32"
    sweep(f"{title}; the last kernel itself takes {kernel} MiB", "inputs", many, "in blocks")
    wide = [2**k for k in range(7, 12)]
    sweep(f"Layer-wise, {INPUTS} inputs, {HIDDEN_LAYERS} hidden layers, float32", "width", wide, "layer-wise")


if __name__ == "__main__":
    if sys.argv[1:]:
        flag, *size = sys.argv[1:]
        serve((own_methods if flag == "--ours" else peer_methods)(*map(int, size)))
    else:
        main()
