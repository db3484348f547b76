"""What comparisons with another library share: its environment, processes that are asked in turn, and tables.

A side is a process that reads requests and writes answers, one line of JSON each. It stays alive, so that what it has
loaded and compiled is timed once, and it may run on another Python with other packages.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

PYTORCH = ROOT / "_build" / "benchmarks" / "torch"
# For Linux the package index has only a build that does not even load without 3 GB of CUDA. Where pip is told of an
# index with the build for CPUs alone (PIP_EXTRA_INDEX_URL), it prefers that one; elsewhere the peer is left out.
TORCH = "torch==2.13.0"
# versions that serve every Python from 3.11 on; an optimiser of torch loads all of them
PINS = (
    TORCH,
    "filelock==3.20.0",
    "fsspec==2025.10.0",
    "jinja2==3.1.6",
    "markupsafe==3.0.3",
    "mpmath==1.3.0",
    "networkx==3.5",
    "numpy==2.3.5",
    "sympy==1.14.0",
    "typing-extensions==4.15.0",
)


class Side:
    """A process that answers when asked: one of these modules on some Python, with arguments.

    Variables of the environment that begin with one of ``without`` are withheld from it, as are those of Python, which
    would lead it to other packages.
    """

    def __init__(self, python: Path, module: str, *arguments: str, without: tuple[str, ...], env: Mapping[str, str]):
        kept = {name: value for name, value in os.environ.items() if not name.startswith((*without, "PYTHON"))}
        self.process = subprocess.Popen(
            [python, "-s", "-m", f"benchmarks.{module}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=kept | env,
            cwd=ROOT,
        )

    def __enter__(self) -> "Side":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def answer(self) -> object:
        """The next line that the process writes."""
        if not (line := self.process.stdout.readline()):
            raise SystemExit(f"the process {self.process.args} ended before it answered")
        return json.loads(line)

    def send(self, *request: object) -> None:
        """Make a request, and do not wait for the answer."""
        try:
            print(json.dumps(request), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            raise SystemExit(f"the process {self.process.args} ended before it was asked") from None

    def ask(self, *request: object) -> object:
        """The answer to a request."""
        self.send(*request)
        return self.answer()


def runs(python: str | Path, code: str) -> str | None:
    """What the code prints there, or None where it fails."""
    try:
        done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def environment(
    folder: Path, pins: Sequence[str], *, name: str, cost: str, maker: Callable[[], str | Path | None], proof: str
) -> Path | None:
    """The Python of a peer's environment, which is made the first time; None, and why, where it cannot be.

    Args:
        folder: where it is.
        pins: all that is installed there, without the dependencies of any.
        name: of the peer.
        cost: in space and time, as said before it is made.
        maker: finds the Python that makes it; where there is none it says so and returns None.
        proof: code that has to run there.
    """
    python, stamp = folder / "bin" / "python", folder / ".ready"
    wanted = "\n".join(pins)
    if stamp.is_file() and stamp.read_text() == wanted and runs(python, proof) is not None:
        return python
    if (made_by := maker()) is None:
        return None
    print(f"Making an environment for {name} ({cost})", flush=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]
    try:
        for command in ([made_by, "-m", "venv", "--clear", folder], [*pip, *pins], [python, "-I", "-c", proof]):
            subprocess.run(command, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip() or "no reason given").splitlines()[-1]
        print(f"{name} is left out: its environment could not be made ({reason}).\n")
        return None
    stamp.write_text(wanted)
    return python


def torch_python() -> Path | None:
    """The Python of PyTorch's environment, one for all comparisons."""
    cost, proof = "1 GB, two minutes", "import torch"
    return environment(PYTORCH, PINS, name=TORCH, cost=cost, maker=lambda: sys.executable, proof=proof)


def free_cores() -> list[int]:
    """Those that a process may be held to; macOS cannot hold it to some of its cores."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def cores_in_words(cores: Sequence[int]) -> str:
    """How many of them; an empty list stands for all."""
    return f"{len(cores)} core{'s' if len(cores) > 1 else ''}" if cores else "all cores"


def seconds_per_step(spend: Callable[[int], object], steps: int) -> float:
    """The mean over ``steps`` steps."""
    begin = time.perf_counter()
    spend(steps)
    return (time.perf_counter() - begin) / steps


def show(title: str, header: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print a table, its first column flush left."""
    lines = [list(header), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    print(title)
    for first, *rest in lines:
        print("  ".join([first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(rest, widths[1:], strict=True))]))
    print(flush=True)


def spread(ratios: list[float]) -> str:
    """The median and the range."""
    return f"{statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"
