"""Where the sources of this book are published: the one place that knows. Standard library only.

Source, Binder and Colab buttons appear on the site exactly when an address is known. It comes from, in this order:
``SOLVABLE_REPOSITORY`` (an https address), GitHub's own variables in its workflows, the git remote ``origin`` where
that is an address on a forge. Nothing else in the tree names it.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

BRANCH = "main"


@dataclass(frozen=True)
class Repository:
    """An address such as ``https://github.com/owner/name`` and the branch that readers get."""

    url: str
    branch: str = BRANCH

    @property
    def on_github(self) -> bool:
        """Binder and Colab open notebooks from GitHub addresses."""
        return urlsplit(self.url).hostname == "github.com"


def parse(remote: str) -> Repository | None:
    """The repository that a git remote names: https or ssh on a host with a dot; a path on a disk is none."""
    remote = remote.strip().removesuffix("/").removesuffix(".git")
    scp_like = re.fullmatch(r"(?:[\w.-]+@)?([\w-]+(?:\.[\w-]+)+):(?!/)([\w./~-]+)", remote)
    if scp_like:
        return Repository("https://{}/{}".format(*scp_like.groups()))
    parts = urlsplit(remote)
    if parts.scheme not in ("https", "http", "ssh") or "." not in (parts.hostname or "") or parts.path.count("/") < 2:
        return None
    if re.fullmatch(r"[\d.]+", parts.hostname):  # a bare network address is a private mirror, not a forge
        return None
    return Repository(f"https://{parts.hostname}{parts.path}")


def find(root: Path, environment: Mapping[str, str] = os.environ) -> Repository | None:
    """The repository's address, or None where none is known."""
    if environment.get("SOLVABLE_REPOSITORY"):
        found = parse(environment["SOLVABLE_REPOSITORY"])
        if found is None:
            raise ValueError(
                "SOLVABLE_REPOSITORY must be an address such as https://github.com/owner/name, "
                f"got {environment['SOLVABLE_REPOSITORY']!r}"
            )
        return found
    if environment.get("GITHUB_REPOSITORY"):
        server = environment.get("GITHUB_SERVER_URL", "https://github.com")
        return Repository(f"{server}/{environment['GITHUB_REPOSITORY']}")
    git = ["git", "-C", root, "remote", "get-url", "origin"]
    try:
        done = subprocess.run(git, capture_output=True, text=True)
    except FileNotFoundError:  # an archive of the sources, on a machine without git
        return None
    return parse(done.stdout) if done.returncode == 0 else None
