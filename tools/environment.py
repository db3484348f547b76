"""Make or mend ``.venv``: the pinned packages and the book's own. Standard library only, run by any Python 3.11+."""

import shutil
import subprocess
import sys
from pathlib import Path

from tools.fingerprint import ROOT, fingerprint, is_current, mark
from tools.run import download, fail

VENV = ROOT / ".venv"
STAMP = VENV / ".ready"
OLDEST = (3, 11)
INPUTS = ("requirements.txt", "requirements-dev.txt", "pyproject.toml")


def version_of(python: Path) -> str | None:
    """The version of a virtual environment's Python, or None where it or its pip does not run."""
    try:
        done = subprocess.run(
            [python, "-c", "import pip, sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def serves(found: str | None, mine: str, *, asked: bool) -> bool:
    """Whether an environment of Python ``found`` is kept: it works, is recent, and no other was asked for by name."""
    if found is None or tuple(map(int, found.split("."))) < OLDEST:
        return False
    return found == mine or not asked


def main() -> None:
    """Bring ``.venv`` to the pins; with an argument, to the Python that runs this too."""
    mine = "{}.{}".format(*sys.version_info[:2])
    python = VENV / "bin" / "python"
    found = version_of(python)
    kept = serves(found, mine, asked=len(sys.argv) > 1)
    state = fingerprint(ROOT, INPUTS, extra=found if kept else mine)
    if kept and is_current(STAMP, state):
        STAMP.touch()
        return
    if not kept:
        if VENV.exists():
            print(f".venv {f'has Python {found}, not {mine}' if found else 'is broken'}: making it anew")
            shutil.rmtree(VENV)
        print(f"Creating .venv with Python {mine}", flush=True)
        if subprocess.run([sys.executable, "-m", "venv", VENV]).returncode != 0:
            shutil.rmtree(VENV, ignore_errors=True)
            fail("Could not create .venv. On Debian and Ubuntu: sudo apt install python3-venv")
    STAMP.unlink(missing_ok=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    print("Installing the pinned packages (1 to 3 minutes the first time)", flush=True)
    pins = [f"--requirement={ROOT / name}" for name in ("requirements.txt", "requirements-dev.txt")]
    download([*pip, *pins], "the pinned packages")
    # the build tools are pinned and installed above: no second, unpinned set is fetched for this
    download([*pip, "--no-deps", "--no-build-isolation", f"--editable={ROOT}"], "the package solvable")
    mark(STAMP, state)


if __name__ == "__main__":
    main()
