"""Runs of hours: every cell is kept as soon as it is there, so that a run goes on where it was broken off."""

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

WIDTH = 30


def resume(
    file: str | Path, cells: Mapping[str, Callable[[], np.ndarray]], *, budget: float = float("inf")
) -> dict[str, np.ndarray]:
    """Compute the cells that ``file`` does not hold yet, one after the other, with a progress bar.

    Args:
        file: an ``.npz``, made where there is none; replaced as a whole after each cell, so that it is never half
            there. What it holds of other cells stays.
        cells: what to compute, by name; each gives an array.
        budget: seconds after which no new cell is begun.

    Returns:
        All that the file holds of these cells.

    Raises:
        ValueError: ``file`` does not end in ``.npz``.
    """
    file = Path(file)
    if file.suffix != ".npz":
        raise ValueError(f"file must end in .npz, got {file.name!r}")
    kept = {}
    if file.exists():
        with np.load(file) as stored:
            kept = dict(stored)
    found = {name: kept[name] for name in cells if name in kept}
    begun, missing = time.monotonic(), [name for name in cells if name not in found]
    for done, name in enumerate(missing):
        spent = time.monotonic() - begun
        if spent > budget:
            break
        _bar(len(found), len(cells), spent / done * (len(missing) - done) if done else None)
        found[name] = kept[name] = cells[name]()
        written = file.with_suffix(".part.npz")
        np.savez_compressed(written, **kept)
        written.replace(file)
    _bar(len(found), len(cells), None)
    sys.stderr.write("\n")
    return found


def _bar(done: int, total: int, left: float | None) -> None:
    filled = WIDTH * done // total if total else WIDTH
    wait = "" if left is None else f", about {left / 60:.0f} min left"
    sys.stderr.write(f"\r[{'#' * filled}{'.' * (WIDTH - filled)}] {done} of {total}{wait}   ")
    sys.stderr.flush()
