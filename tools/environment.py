"""Make or mend ``.venv``: the pinned packages and the book's own. Standard library only, run by any Python 3.11+."""

import shutil
import subprocess
import sys
from pathlib import Path

from tools.fingerprint import ROOT, fingerprint, is_current, mark
from tools.run import download, fail

VENV = ROOT / ".venv"
STAMP = VENV / ".ready"
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


def main() -> None:
    """Bring ``.venv`` to the pins; keep it where it already is at them."""
    mine = "{}.{}".format(*sys.version_info[:2])
    python = VENV / "bin" / "python"
    found = version_of(python)
    state = fingerprint(ROOT, INPUTS, extra=mine)
    if found == mine and is_current(STAMP, state):
        STAMP.touch()
        return
    if found != mine:
        if VENV.exists():
            print(
                f".venv has Python {found}, not {mine}: making it anew" if found else ".venv is broken: making it anew"
            )
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
