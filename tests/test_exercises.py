"""The reader's answers: right, wrong, not given, and of the wrong form."""

import sys
from types import ModuleType

import jax.numpy as jnp
import numpy as np
import pytest

from solvable import exercises
from solvable.exercises import Exercise

EXERCISES = {
    "number": Exercise(reference=2.0, hint="Count again."),
    "array": Exercise(reference=np.array([1.0, 0.0]), hint="Mind the sign.", atol=1e-3),
    "function": Exercise(reference=lambda t, s: s * t, hint="It is linear.", trials=((0.0, 1.0), (2.0, 3.0))),
}


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    """A chapter named toy with three exercises."""
    chapter = ModuleType("solvable.toy.exercises")
    chapter.EXERCISES = EXERCISES
    monkeypatch.setitem(sys.modules, "solvable.toy", ModuleType("solvable.toy"))
    monkeypatch.setitem(sys.modules, "solvable.toy.exercises", chapter)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("number", 2),
        ("number", jnp.array(2.0 + 1e-7)),
        ("array", [1.0, 0.0]),
        ("array", jnp.array([1.0, -9e-4])),
        ("function", lambda t, s: t * s),
    ],
)
def test_right(name, answer, capsys):
    exercises.check(f"toy.{name}", answer)
    assert capsys.readouterr().out == f"exercise toy.{name}: right.\n"


@pytest.mark.parametrize(
    ("name", "answer", "difference"),
    [
        ("number", 2.00001, "2.00001 is not it"),
        ("number", np.nan, "nan is not it"),
        ("number", [2.0, 2.0], "the shape is (2,), not ()"),
        ("number", "two", "'two' is not a number"),
        ("array", [1.0, 2e-3], "[1.    0.002] is not it"),
        ("array", [0.0, 1.0], "[0. 1.] is not it"),
        # right at the first trial, wrong at the second
        ("function", lambda t, s: t, "at (2.0, 3.0): 2. is not it"),
        ("function", lambda t, s: [t, s], "at (0.0, 1.0): the shape is (2,), not ()"),
        ("function", 6.0, "the answer should be a function"),
    ],
)
def test_wrong_says_how_it_differs_and_gives_the_hint(name, answer, difference, capsys):
    exercises.check(f"toy.{name}", answer)
    line = capsys.readouterr().out
    assert line.startswith(f"exercise toy.{name}: not yet: {difference}")
    assert line.endswith(f". Hint: {EXERCISES[name].hint}\n")


@pytest.mark.parametrize(
    ("name", "answer"), [("number", ...), ("array", None), ("function", ...), ("function", lambda t, s: ...)]
)
def test_no_answer_yet(name, answer, capsys):
    exercises.check(f"toy.{name}", answer)
    assert "no answer yet" in capsys.readouterr().out


def test_a_mistake_inside_the_readers_function_is_shown_where_it_is():
    with pytest.raises(ZeroDivisionError):
        exercises.check("toy.function", lambda t, s: s / t)


def test_unknown_exercises_are_refused():
    with pytest.raises(ValueError, match=r"must be one of toy\.number, toy\.array, toy\.function, got 'toy\.nothing'"):
        exercises.check("toy.nothing", 1.0)
    with pytest.raises(ValueError, match=r"must begin with a chapter of the book, got 'no_such_chapter\.a'"):
        exercises.check("no_such_chapter.a", 1.0)


def test_a_package_that_a_chapter_needs_and_lacks_is_named(monkeypatch):
    # None in sys.modules makes an import fail as if the module were not there
    monkeypatch.delitem(sys.modules, "solvable.toy.exercises")
    monkeypatch.setattr(exercises, "import_module", lambda name: __import__("no_such_package"))
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        exercises.check("toy.number", 2.0)
