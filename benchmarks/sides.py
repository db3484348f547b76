"""What comparisons with another library share: its environment, processes that are asked in turn, and tables.

A side is a process that reads requests and writes answers, one line of JSON each. It stays alive, so that what it has
loaded and compiled is timed once, and it may run on another Python with other packages.
"""

import json
import os
import statistics
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


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

    def ask(self, *request: object) -> object:
        """The answer to a request."""
        try:
            print(json.dumps(request), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            raise SystemExit(f"the process {self.process.args} ended before it was asked") from None
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
