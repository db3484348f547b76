"""Argument checks: a ``ValueError`` that names the argument, its value and what is allowed.

Each check takes its subjects by keyword, so the message knows their names: ``require.positive(tau=tau)``. A traced
value has no number yet and passes: call the function outside ``jit`` to have its arguments checked.
"""

from collections.abc import Callable, Collection

import jax
import numpy as np


def _every(allowed: Callable[[np.ndarray], np.ndarray], what: str, subjects: dict[str, object]) -> None:
    for name, value in subjects.items():
        if isinstance(value, jax.core.Tracer):
            continue
        try:
            array = np.asarray(value)
        except ValueError as error:  # lists of unequal lengths
            raise ValueError(f"{name} must be {what}, got {value!r}") from error
        # jax knows bfloat16 as a floating type, numpy does not
        if not (np.issubdtype(array.dtype, np.integer) or jax.dtypes.issubdtype(array.dtype, np.floating)):
            raise ValueError(f"{name} must be {what}, got {value!r}")
        wrong = ~np.asarray(allowed(array))
        if wrong.any():
            where = tuple(int(i) for i in np.argwhere(wrong)[0])
            place = f" at index {where}" if array.ndim else ""
            raise ValueError(f"{name} must be {what}, got {array[where].item()!r}{place}")


def positive(**subjects: object) -> None:
    """Every entry is finite and above zero."""
    _every(lambda x: (x > 0) & np.isfinite(x), "positive", subjects)


def positive_or_infinite(**subjects: object) -> None:
    """Every entry is above zero; infinity is allowed (a width, an output scale)."""
    _every(lambda x: x > 0, "positive", subjects)


def non_negative(**subjects: object) -> None:
    """Every entry is finite and not below zero."""
    _every(lambda x: (x >= 0) & np.isfinite(x), "non-negative", subjects)


def non_negative_or_infinite(**subjects: object) -> None:
    """Every entry is not below zero; infinity is allowed (a time, a depth)."""
    _every(lambda x: x >= 0, "non-negative", subjects)


def finite(**subjects: object) -> None:
    """Every entry is a finite number."""
    _every(np.isfinite, "finite", subjects)


def within(low: float, high: float, **subjects: object) -> None:
    """Every entry lies in the closed interval from ``low`` to ``high``."""
    _every(lambda x: (x >= low) & (x <= high), f"between {low} and {high}", subjects)


def integer(minimum: int, **subjects: object) -> None:
    """Every entry is a whole number of at least ``minimum``."""
    _every(
        lambda x: (x == np.floor(x)) & (x >= minimum) & np.isfinite(x),
        f"a whole number of at least {minimum}",
        subjects,
    )


def one_of(choices: Collection[object], **subjects: object) -> None:
    """The value is one of ``choices``."""
    for name, value in subjects.items():
        if value not in choices:
            raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def square(**subjects: object) -> None:
    """The array is a matrix with as many columns as rows."""
    for name, value in subjects.items():
        shape((None, None), **{name: value})
        shape(np.shape(value)[:1] * 2, **{name: value})


def shape(expected: tuple[int | None, ...], **subjects: object) -> None:
    """The array has the shape ``expected``, where ``None`` stands for any size."""
    for name, value in subjects.items():
        found = np.shape(value)
        if len(found) != len(expected) or any(e is not None and e != f for e, f in zip(expected, found, strict=True)):
            sizes = ["any" if e is None else str(e) for e in expected]
            wanted = f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
            raise ValueError(f"{name} must have shape {wanted}, got {found}")
