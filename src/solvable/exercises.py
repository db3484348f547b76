"""The reader's answers, checked against the chapter's own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module

import numpy as np


@dataclass(frozen=True)
class Exercise:
    """What an answer is held against.

    Attributes:
        reference: the right answer: a number, an array, or a function of one trial's arguments.
        hint: one sentence that helps without giving the answer away; shown when the answer is wrong.
        trials: for a function, the arguments at which both are compared.
        rtol: largest relative difference that counts as right.
        atol: largest absolute difference that counts as right, for answers that pass through zero.
    """

    reference: object
    hint: str
    trials: tuple[tuple, ...] = ()
    rtol: float = 1e-6
    atol: float = 1e-12


def _find(identity: str) -> Exercise:
    chapter, _, name = identity.partition(".")
    try:
        known: Mapping[str, Exercise] = import_module(f"solvable.{chapter}.exercises").EXERCISES
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith(f"solvable.{chapter}"):  # the chapter is there, a package it needs is not
            raise
        raise ValueError(f"identity must begin with a chapter of the book, got {identity!r}") from error
    if name not in known:
        raise ValueError(f"identity must be one of {', '.join(f'{chapter}.{n}' for n in known)}, got {identity!r}")
    return known[name]


def _fault(exercise: Exercise, answer: object) -> str | None:
    """The first way in which the answer is not the reference, or None; ``Ellipsis`` and None are no answer yet."""
    if not exercise.trials:
        return _difference(exercise, exercise.reference, answer)
    if not isinstance(answer, Callable):
        return "the answer should be a function"
    for arguments in exercise.trials:
        difference = _difference(exercise, exercise.reference(*arguments), answer(*arguments))
        if difference:
            return f"at {arguments}: {difference}"
    return None


def _difference(exercise: Exercise, expected: object, got: object) -> str | None:
    expected = np.asarray(expected, dtype=float)
    try:
        got = np.asarray(got, dtype=float)
    except (TypeError, ValueError):
        return f"{got!r} is not a number or an array of numbers"
    if got.shape != expected.shape:
        return f"the shape is {got.shape}, not {expected.shape}"
    if not np.allclose(got, expected, rtol=exercise.rtol, atol=exercise.atol):
        return f"{np.array2string(got, precision=6)} is not it"
    return None


def _is_blank(exercise: Exercise, answer: object) -> bool:
    if exercise.trials and isinstance(answer, Callable):
        answer = answer(*exercise.trials[0])
    return answer is None or answer is Ellipsis


def check(identity: str, answer: object) -> None:
    """Say whether an answer is right; where it is not, say how it differs and give the hint.

    Args:
        identity: ``<chapter>.<name>``, one of that wing's ``exercises.py``.
        answer: a number, an array, or a function, as the exercise asks. ``...`` counts as not answered yet.

    Raises:
        ValueError: there is no such exercise.
    """
    exercise = _find(identity)
    if _is_blank(exercise, answer):
        print(f"exercise {identity}: no answer yet.")
        return
    fault = _fault(exercise, answer)
    if fault is None:
        print(f"exercise {identity}: right.")
    else:
        print(f"exercise {identity}: not yet: {fault}. Hint: {exercise.hint}")
