"""Runs of hours: what is there is kept at once, so that a run goes on where it was broken off."""

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import jax
import numpy as np
from jaxtyping import PyTree

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
    file = _checked(file)
    kept = _read(file)
    found = {name: kept[name] for name in cells if name in kept}
    begun, missing = time.monotonic(), [name for name in cells if name not in found]
    for done, name in enumerate(missing):
        spent = time.monotonic() - begun
        if spent > budget:
            break
        _bar(len(found), len(cells), spent / done * (len(missing) - done) if done else None)
        found[name] = kept[name] = cells[name]()
        _replace(file, kept)
    _bar(len(found), len(cells), None)
    sys.stderr.write("\n")
    return found


def carry_on(
    file: str | Path,
    state: PyTree,
    advance: Callable[[PyTree], tuple[PyTree, Mapping[str, np.ndarray]]],
    *,
    stretches: int,
    settings: Mapping[str, object],
    budget: float = float("inf"),
) -> tuple[PyTree, dict[str, np.ndarray]]:
    """One run in stretches, of which each begins where the last one ended, with a progress bar.

    Args:
        file: an ``.npz``, made where there is none; replaced as a whole after each stretch.
        state: at the start: a pytree of arrays.
        advance: takes a state through one stretch, and says what was observed on the way, by name.
        stretches: how many.
        settings: what the run depends on, in a form that JSON can hold. They are kept in the file.
        budget: seconds after which no new stretch is begun.

    Returns:
        The last state, and the observations of all stretches so far, each with a first axis for the stretches.

    Raises:
        ValueError: ``file`` does not end in ``.npz``, or holds a run with other settings; it is left as it is.
    """
    file = _checked(file)
    kept, said = _read(file), json.dumps(settings, sort_keys=True)
    if kept and str(kept.get("settings")) != said:
        raise ValueError(f"file must be new or hold a run with settings {said}, got {kept.get('settings')}")
    leaves, structure = jax.tree.flatten(state)
    if kept:
        leaves = [kept[f"state {index}"] for index in range(len(leaves))]
    observed = {name.removeprefix("observed "): list(kept[name]) for name in kept if name.startswith("observed ")}
    begun, first = time.monotonic(), int(kept.get("done", 0))
    done = first
    while done < stretches:
        spent = time.monotonic() - begun
        if spent > budget:
            break
        _bar(done, stretches, spent / (done - first) * (stretches - done) if done > first else None)
        state, seen = advance(jax.tree.unflatten(structure, leaves))
        leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(state)]
        for name, value in seen.items():
            observed.setdefault(name, []).append(value)
        rows = {f"observed {name}": np.stack(values) for name, values in observed.items()}
        parts = {f"state {index}": leaf for index, leaf in enumerate(leaves)}
        done += 1
        _replace(file, {"settings": np.array(said), "done": np.array(done)} | parts | rows)
    # a run that went further before is no more than whole
    _bar(done, max(done, stretches), None)
    sys.stderr.write("\n")
    return jax.tree.unflatten(structure, leaves), {name: np.stack(values) for name, values in observed.items()}


def _checked(file: str | Path) -> Path:
    file = Path(file)
    if file.suffix != ".npz":
        raise ValueError(f"file must end in .npz, got {file.name!r}")
    return file


def _read(file: Path) -> dict[str, np.ndarray]:
    if not file.exists():
        return {}
    with np.load(file) as stored:
        return dict(stored)


def _replace(file: Path, arrays: Mapping[str, np.ndarray]) -> None:
    written = file.with_suffix(".part.npz")
    np.savez_compressed(written, **arrays)
    written.replace(file)


def _bar(done: int, total: int, left: float | None) -> None:
    filled = WIDTH * done // total if total else WIDTH
    wait = "" if left is None else f", about {left / 60:.0f} min left"
    sys.stderr.write(f"\r[{'#' * filled}{'.' * (WIDTH - filled)}] {done} of {total}{wait}   ")
    sys.stderr.flush()
