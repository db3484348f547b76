"""Runs that are broken off and go on: what the file holds at every moment, and what is said meanwhile."""

from types import SimpleNamespace

import numpy as np
import pytest

from solvable import long_runs
from solvable.long_runs import resume


class Cells(dict):
    """Cells of which each says when it is computed; ``broken`` names one that fails."""

    def __init__(self, *names, broken=None):
        self.computed = []
        super().__init__({name: lambda name=name: self._compute(name, broken) for name in names})

    def _compute(self, name, broken):
        if name == broken:
            raise InterruptedError
        self.computed.append(name)
        return np.array([len(name), 0.5])


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by ``tick`` seconds with every cell."""
    now = SimpleNamespace(time=100.0)
    monkeypatch.setattr(long_runs, "time", SimpleNamespace(monotonic=lambda: now.time))

    def ticking(cells, tick):
        def late(compute):
            now.time += tick
            return compute()

        return {name: lambda compute=compute: late(compute) for name, compute in cells.items()}

    return ticking


def held(file):
    with np.load(file) as stored:
        return {name: stored[name].tolist() for name in stored}


EXPECTED = {"a": [1, 0.5], "b b.0": [5, 0.5], "ccc": [3, 0.5]}


def test_all_cells_are_computed_once_and_kept_under_their_names(tmp_path):
    cells = Cells(*EXPECTED)
    found = resume(tmp_path / "run.npz", cells)
    assert {name: value.tolist() for name, value in found.items()} == held(tmp_path / "run.npz") == EXPECTED
    again = resume(str(tmp_path / "run.npz"), cells)
    assert {name: value.tolist() for name, value in again.items()} == EXPECTED
    assert cells.computed == list(EXPECTED)
    assert [path.name for path in tmp_path.iterdir()] == ["run.npz"]


def test_a_run_that_is_broken_off_goes_on(tmp_path):
    file = tmp_path / "run.npz"
    broken = Cells(*EXPECTED, broken="ccc")
    with pytest.raises(InterruptedError):
        resume(file, broken)
    assert list(held(file)) == broken.computed == ["a", "b b.0"]
    rest = Cells(*EXPECTED)
    found = resume(file, rest)
    assert rest.computed == ["ccc"]
    assert {name: value.tolist() for name, value in found.items()} == held(file) == EXPECTED


def test_the_file_is_never_half_there(tmp_path, monkeypatch):
    file = tmp_path / "run.npz"
    resume(file, Cells("a"))
    before = file.read_bytes()

    def half(path, **arrays):
        with open(path, "wb") as written:
            written.write(b"PK half of a file")
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez_compressed", half)
        with pytest.raises(OSError, match="no space left"):
            resume(file, Cells("a", "ccc"))
    assert file.read_bytes() == before
    # what is left of it does no harm
    cells = Cells("a", "ccc")
    resume(file, cells)
    assert cells.computed == ["ccc"]
    assert [path.name for path in tmp_path.iterdir()] == ["run.npz"]


def test_cells_of_another_run_in_the_same_file_are_kept_and_not_returned(tmp_path):
    file = tmp_path / "run.npz"
    resume(file, Cells("a", "b b.0"))
    found = resume(file, Cells("ccc"))
    assert list(found) == ["ccc"]
    assert held(file) == EXPECTED
    assert list(resume(file, Cells("b b.0"))) == ["b b.0"]
    assert held(file) == EXPECTED


@pytest.mark.parametrize(("budget", "count"), [(0.0, 1), (9.0, 1), (10.0, 2), (15.0, 2), (20.0, 3)])
def test_no_cell_is_begun_after_the_budget(budget, count, tmp_path, clock, capsys):
    cells = Cells(*EXPECTED)
    # the first begins at 0 seconds, the second at 10, the third at 20
    found = resume(tmp_path / "run.npz", clock(cells, 10.0), budget=budget)
    assert list(found) == cells.computed == list(EXPECTED)[:count]
    assert f"{count} of 3   \n" in capsys.readouterr().err
    assert resume(tmp_path / "run.npz", clock(cells, 10.0)).keys() == EXPECTED.keys()


def test_a_negative_budget_only_reads(tmp_path):
    assert resume(tmp_path / "run.npz", Cells("a"), budget=-1.0) == {}
    assert list(tmp_path.iterdir()) == []


def test_progress_is_told_on_the_side_of_the_results(tmp_path, clock, capsys):
    resume(tmp_path / "run.npz", Cells("a"))
    capsys.readouterr()
    resume(tmp_path / "run.npz", clock(Cells(*EXPECTED, "d"), 120.0))
    said = capsys.readouterr()
    assert said.out == ""
    # a quarter, a half, and three quarters of thirty places, rounded down; two minutes for each of three cells
    lines = [
        "[#######.......................] 1 of 4",
        "[###############...............] 2 of 4, about 4 min left",
        "[######################........] 3 of 4, about 2 min left",
        "[##############################] 4 of 4",
    ]
    assert said.err == "".join(f"\r{line}   " for line in lines) + "\n"


def test_a_run_of_no_cells_is_done_at_once(tmp_path):
    assert resume(tmp_path / "run.npz", {}) == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["run.npy", "run", "run.npz.old"])
def test_other_files_are_refused_before_anything_is_computed(name, tmp_path):
    cells = Cells("a")
    with pytest.raises(ValueError, match=f"file must end in .npz, got '{name}'"):
        resume(tmp_path / name, cells)
    assert cells.computed == []
