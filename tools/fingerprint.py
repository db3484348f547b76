"""A hash of the contents of files, by which the commands know what has changed. Standard library only."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"

# what tools leave beside the sources; an edit there changes nothing that is built
LITTER = {"__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".hypothesis", ".ruff_cache"}


def files(root: Path, names: Iterable[str]) -> Iterator[Path]:
    """The files at or below ``root / name`` for each name, sorted, without the litter; a missing name gives none."""
    for name in names:
        path = root / name
        found = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
        yield from (p for p in found if not LITTER.intersection(p.relative_to(root).parts))


def fingerprint(root: Path, names: Iterable[str], *, extra: str = "") -> str:
    """A hash of the paths and contents of those files, and of the text ``extra``."""
    total = hashlib.sha256(extra.encode())
    for path in files(root, names):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"\n{path.relative_to(root).as_posix()} {content}".encode())
    return total.hexdigest()


def is_current(stamp: Path, value: str) -> bool:
    """Whether ``stamp`` was written for this very state."""
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == value


def mark(stamp: Path, value: str) -> None:
    """Record that ``stamp`` stands for this state; its time of change tells make so too."""
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(value, encoding="utf-8")
