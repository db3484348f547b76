"""Runs that are broken off and go on: what the file holds at every moment, and what is said meanwhile."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from solvable import long_runs
from solvable.long_runs import carry_on, resume


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


# One run in stretches

SETTINGS = {"size": 2, "rate": 0.5, "name": "a"}
START = {"weights": np.array([1.0, 2.0]), "count": np.array(0, np.int32)}


class Run:
    """Doubles its weights and counts, in stretches; says when it is called, and fails in the stretch ``broken``."""

    def __init__(self, broken=None):
        self.begun, self.broken = [], broken

    def __call__(self, state):
        if self.broken == int(state["count"]):
            raise InterruptedError
        self.begun.append(int(state["count"]))
        new = {"weights": 2 * state["weights"], "count": (state["count"] + 1).astype(np.int32)}
        return new, {"sum": new["weights"].sum(), "pair of": np.array([new["count"], -1.0])}


def assert_is_there(found, count):
    """What ``count`` stretches leave: 1 and 2 times a power of 2, and sums of 3 times one."""
    state, observed = found
    assert set(state) == set(START)
    np.testing.assert_array_equal(state["weights"], np.array([1, 2]) * 2.0**count)
    assert (int(state["count"]), state["count"].dtype) == (count, np.int32)
    assert set(observed) == ({"sum", "pair of"} if count else set())
    if count:
        np.testing.assert_array_equal(observed["sum"], 3 * 2.0 ** np.arange(1, count + 1))
        np.testing.assert_array_equal(observed["pair of"], [[k, -1] for k in range(1, count + 1)])


def test_every_stretch_begins_where_the_last_one_ended(tmp_path):
    run = Run()
    assert_is_there(carry_on(tmp_path / "run.npz", START, run, stretches=4, settings=SETTINGS), 4)
    assert run.begun == [0, 1, 2, 3]
    assert [path.name for path in tmp_path.iterdir()] == ["run.npz"]
    # what is done is read, whatever state is handed over and in whatever order its settings come
    other = {"weights": np.zeros(2), "count": np.array(9, np.int32)}
    turned = dict(reversed(SETTINGS.items()))
    assert_is_there(carry_on(str(tmp_path / "run.npz"), other, run, stretches=4, settings=turned), 4)
    assert len(run.begun) == 4


@pytest.mark.parametrize("broken", [0, 1, 3])
def test_a_run_in_stretches_that_is_broken_off_goes_on(broken, tmp_path):
    file = tmp_path / "run.npz"
    with pytest.raises(InterruptedError):
        carry_on(file, START, Run(broken), stretches=4, settings=SETTINGS)
    assert file.exists() == (broken > 0)
    assert_is_there(carry_on(file, START, Run(), stretches=4, settings=SETTINGS, budget=-1.0), broken)
    run = Run()
    assert_is_there(carry_on(file, START, run, stretches=4, settings=SETTINGS), 4)
    assert run.begun == list(range(broken, 4))


def test_more_stretches_than_before_continue_a_run_and_fewer_read_it(tmp_path, capsys):
    file, run = tmp_path / "run.npz", Run()
    assert_is_there(carry_on(file, START, run, stretches=2, settings=SETTINGS), 2)
    assert_is_there(carry_on(file, START, run, stretches=5, settings=SETTINGS), 5)
    assert run.begun == [0, 1, 2, 3, 4]
    before = file.read_bytes()
    capsys.readouterr()
    assert_is_there(carry_on(file, START, run, stretches=3, settings=SETTINGS), 5)
    assert len(run.begun) == 5
    assert file.read_bytes() == before
    assert capsys.readouterr().err == f"\r[{'#' * 30}] 5 of 5   \n"


@pytest.mark.parametrize(("budget", "count"), [(0.0, 1), (9.0, 1), (10.0, 2), (15.0, 2), (20.0, 3), (np.inf, 4)])
def test_no_stretch_is_begun_after_the_budget(budget, count, tmp_path, clock, capsys):
    # the first begins at 0 seconds, the second at 10, the third at 20
    run = Run()
    late = clock({"run": lambda: None}, 10.0)["run"]
    found = carry_on(
        tmp_path / "run.npz",
        START,
        lambda state: (late(), run(state))[1],
        stretches=4,
        settings=SETTINGS,
        budget=budget,
    )
    assert_is_there(found, count)
    assert f"{count} of 4   \n" in capsys.readouterr().err


def test_the_time_that_is_left_is_that_of_the_stretches_of_this_call(tmp_path, clock, capsys):
    file, run = tmp_path / "run.npz", Run()
    carry_on(file, START, run, stretches=1, settings=SETTINGS)
    capsys.readouterr()
    late = clock({"run": lambda: None}, 120.0)["run"]
    carry_on(file, START, lambda state: (late(), run(state))[1], stretches=4, settings=SETTINGS)
    said = capsys.readouterr()
    assert said.out == ""
    lines = [
        "[#######.......................] 1 of 4",
        "[###############...............] 2 of 4, about 4 min left",
        "[######################........] 3 of 4, about 2 min left",
        "[##############################] 4 of 4",
    ]
    assert said.err == "".join(f"\r{line}   " for line in lines) + "\n"


@pytest.mark.parametrize("other", [{"rate": 0.25}, {"name": "b"}, {"more": None}])
def test_a_run_with_other_settings_is_refused_and_left_as_it_is(other, tmp_path):
    file, run = tmp_path / "run.npz", Run()
    carry_on(file, START, run, stretches=2, settings=SETTINGS)
    before = file.read_bytes()
    with pytest.raises(ValueError, match="file must be new or hold a run with settings") as refused:
        carry_on(file, START, run, stretches=4, settings=SETTINGS | other)
    assert json.dumps(SETTINGS | other, sort_keys=True) in str(refused.value)
    assert str(refused.value).endswith(f"got {json.dumps(SETTINGS, sort_keys=True)}")
    assert file.read_bytes() == before
    assert len(run.begun) == 2


def test_a_file_of_cells_is_refused(tmp_path):
    file = tmp_path / "run.npz"
    resume(file, Cells("a"))
    before = file.read_bytes()
    with pytest.raises(ValueError, match=r"file must be new or hold a run with settings \{.*\}, got None"):
        carry_on(file, START, Run(), stretches=2, settings=SETTINGS)
    assert file.read_bytes() == before
    with pytest.raises(ValueError, match=r"file must end in .npz, got 'run.npy'"):
        carry_on(tmp_path / "run.npy", START, Run(), stretches=2, settings=SETTINGS)


def test_a_file_of_a_run_is_replaced_as_a_whole(tmp_path, monkeypatch):
    file = tmp_path / "run.npz"
    carry_on(file, START, Run(), stretches=1, settings=SETTINGS)
    before = file.read_bytes()

    def half(path, **arrays):
        with open(path, "wb") as written:
            written.write(b"PK half of a file")
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez_compressed", half)
        with pytest.raises(OSError, match="no space left"):
            carry_on(file, START, Run(), stretches=2, settings=SETTINGS)
    assert file.read_bytes() == before
    assert_is_there(carry_on(file, START, Run(), stretches=2, settings=SETTINGS), 2)


def test_no_stretches_leave_the_start(tmp_path):
    state, observed = carry_on(tmp_path / "run.npz", START, Run(), stretches=0, settings=SETTINGS)
    assert_is_there((state, observed), 0)
    assert list(tmp_path.iterdir()) == []


def test_leaves_of_a_state_keep_their_order_and_their_types(tmp_path):
    # more than ten, whose numbers as text are not in order
    start = tuple(np.array(k, dtype) for k, dtype in zip(range(12), ["float32", "float64", "int32"] * 4, strict=True))

    def move(state):
        return tuple(leaf + leaf.dtype.type(1) for leaf in state), {"first": state[0]}

    file = tmp_path / "run.npz"
    for stretches in (1, 3):
        state, _ = carry_on(file, start, move, stretches=stretches, settings={})
        assert [(leaf.dtype, int(leaf)) for leaf in state] == [(old.dtype, int(old) + stretches) for old in start]


def test_a_run_that_observes_nothing_ends_too(tmp_path):
    def advance(state):
        return state + 1, {}

    file = tmp_path / "run.npz"
    first, _ = carry_on(file, np.zeros(2), advance, stretches=2, settings={})
    second, observed = carry_on(file, np.zeros(2), advance, stretches=3, settings={})
    assert first.tolist() == [2, 2]
    assert second.tolist() == [3, 3]
    assert observed == {}
