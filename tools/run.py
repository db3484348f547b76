"""Running other programs, with a line of advice where they fail. Standard library only."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

# what pip and npm say when a package index cannot be reached
_NO_NETWORK = (
    "NameResolutionError",
    "NewConnectionError",
    "Temporary failure in name resolution",
    "Network is unreachable",
    "Connection refused",
    "ConnectTimeout",
    "ReadTimeoutError",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ETIMEDOUT",
    "Cannot connect to proxy",
)


def fail(message: str) -> NoReturn:
    """Leave with ``message`` and without a traceback."""
    sys.exit(f"\n{message}")


def download(command: Sequence[str | Path], what: str, *, env: Mapping[str, str] | None = None) -> None:
    """Run a command that fetches packages; where it fails, show what it said and what to do about it."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
    if done.returncode == 0:
        return
    print(done.stdout[-4000:], file=sys.stderr)
    if any(sign in done.stdout for sign in _NO_NETWORK):
        fail(f"Could not fetch {what}: no connection to the package index. Connect to a network and run make again.")
    fail(f"Could not install {what}: the reason is above. Running make again continues from here.")
