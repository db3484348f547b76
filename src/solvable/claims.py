"""The claims that the book makes, and the checks that hold it to them.

Each wing's ``claims.toml`` declares its claims; its notebook calls :func:`check` once for each, with what it measured.
The verdict that :func:`check` shows is the same on every machine; the exact figure travels beside it, in the metadata
of the cell's output, where the execution cache keeps it, a comparison of outputs does not see it, and the ledger page
of the book finds it (:func:`records`, :func:`audit`).
"""

import textwrap
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources

import numpy as np
from IPython import get_ipython
from IPython.display import display

from solvable import require

KINDS = ("exact", "asymptotic", "statistical", "qualitative", "refuted")
METADATA_KEY = "solvable_claim"
MINIMUM_SEEDS = 3

Number = bool | int | float | list[int] | list[float]


class ClaimError(AssertionError):
    """A claim does not hold, is unknown, or is declared in a form that cannot be checked."""


@dataclass(frozen=True)
class Claim:
    """One entry of a ``claims.toml``.

    Attributes:
        id: ``<chapter>.<name>``.
        statement: what is claimed, in one sentence.
        source: bibliography key and place, or "derived in the chapter".
        kind: one of ``exact``, ``asymptotic``, ``statistical`` (at least three seeds), ``qualitative`` (true or false)
            or ``refuted`` (``expected`` is what holds here, ``published`` what the source says).
        quantity: what is measured, with its unit.
        expected: the value of that quantity; a list where there are several, ``true`` for a qualitative claim.
        tolerance: largest allowed distance between measured and expected, set before the result is known.
        reason: why this tolerance.
        conditions: settings under which the claim is checked.
        published: what the source says, where that is a number or differs from ``expected``.
    """

    id: str
    statement: str
    source: str
    kind: str
    quantity: str
    expected: Number
    tolerance: int | float
    reason: str
    conditions: str
    published: str = ""

    def __post_init__(self) -> None:
        require.one_of(KINDS, kind=self.kind)
        for name in ("statement", "source", "quantity", "reason", "conditions"):
            if not getattr(self, name).strip():
                raise ValueError(f"{name} must not be empty")
        if (self.kind == "qualitative") != isinstance(self.expected, bool):
            raise ValueError("expected must be true or false for a qualitative claim, and for no other")
        require.non_negative(tolerance=self.tolerance)
        if self.kind == "qualitative":
            return
        require.finite(expected=self.expected)
        if np.size(self.expected) == 0 or (self.kind == "statistical" and np.ndim(self.expected) > 0):
            raise ValueError(f"expected must not be empty, and one number for a statistical claim, got {self.expected}")


@dataclass(frozen=True)
class Record:
    """What one check measured: ``measured`` as given, its ``distance`` from expected, whether that is allowed."""

    id: str
    measured: Number
    distance: float
    holds: bool


@cache
def declared(chapter: str) -> Mapping[str, Claim]:
    """The claims of one chapter by id, in the order of its ``claims.toml``.

    Raises:
        ClaimError: there is no such chapter, or an entry lacks a field, has one too many or a value out of range.
    """
    try:
        text = resources.files(f"solvable.{chapter}").joinpath("claims.toml").read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError, NotADirectoryError, TypeError) as error:
        # a TypeError says that this is a module and no package
        raise ClaimError(f"chapter {chapter!r} has no claims.toml") from error
    tables = tomllib.loads(text)
    if set(tables) != {chapter}:
        raise ClaimError(f"claims.toml of {chapter} must hold tables [{chapter}.*] alone, got {', '.join(tables)}")
    claims = {}
    for name, fields in tables[chapter].items():
        identity = f"{chapter}.{name}"
        try:
            claims[identity] = Claim(id=identity, **fields)
        except (TypeError, ValueError) as error:
            raise ClaimError(f"{identity} in claims.toml: {error}") from error
    return claims


def find(identity: str) -> Claim:
    """The claim with this id; a :class:`ClaimError` names the known ones when there is none."""
    known = declared(identity.partition(".")[0])
    if identity not in known:
        raise ClaimError(f"unknown claim {identity!r}; the chapter declares {', '.join(known)}")
    return known[identity]


def compare(claim: Claim, measured: object) -> Record:
    """Hold ``measured`` against the claim.

    The distance is the largest absolute difference over all entries; for a statistical claim, whose ``measured`` holds
    one value for each seed, it is the difference of their mean. A value that is not finite is infinitely far.
    """
    given = np.asarray(measured)
    if (claim.kind == "qualitative") != (given.dtype == bool) or (given.dtype == bool and given.ndim > 0):
        wanted = "true or false" if claim.kind == "qualitative" else "a number or numbers"
        raise ClaimError(f"{claim.id} is {claim.kind}: give {wanted}, got {measured!r}")
    if claim.kind == "qualitative":
        holds = bool(given) == claim.expected
        return Record(claim.id, bool(given), 0.0 if holds else 1.0, holds)
    values = given.astype(float)
    expected = np.asarray(claim.expected, dtype=float)
    if claim.kind == "statistical":
        if values.ndim != 1 or values.size < MINIMUM_SEEDS:
            raise ClaimError(f"{claim.id} is statistical: give one value for each of at least {MINIMUM_SEEDS} seeds")
    elif values.shape != expected.shape:
        raise ClaimError(f"{claim.id}: measured has shape {values.shape}, expected {expected.shape}")
    if not np.isfinite(values).all():
        return Record(claim.id, values.tolist(), np.inf, False)
    difference = (values.mean() if claim.kind == "statistical" else values) - expected
    distance = float(np.max(np.abs(difference)))
    return Record(claim.id, values.tolist(), distance, distance <= claim.tolerance)


def verdict(claim: Claim) -> str:
    """The line that a check which holds shows: nothing in it depends on the last digits of the machine."""
    return f"claim {claim.id} holds: {_finding(claim)}"


def _finding(claim: Claim) -> str:
    if claim.kind == "qualitative":
        return claim.quantity
    average = "mean of " if claim.kind == "statistical" else ""
    return f"{average}{claim.quantity} is within {claim.tolerance:g} of {_brief(claim.expected)}"


def _brief(value: Number) -> str:
    values = np.atleast_1d(np.asarray(value, dtype=float))
    text = ", ".join(f"{v:.6g}" for v in values)
    return text if values.size == 1 else f"({text})"


def check(identity: str, measured: object) -> None:
    """Compare what the notebook measured with what ``claims.toml`` expects; show the verdict and keep the figure.

    Args:
        identity: ``<chapter>.<name>``, declared in that wing's ``claims.toml``.
        measured: a number, an array of the shape of ``expected``, true or false for a qualitative claim, or one value
            for each seed for a statistical one.

    Raises:
        ClaimError: the claim is unknown, or does not hold; the message gives the figure and the tolerance.
    """
    claim = find(identity)
    record = compare(claim, measured)
    if not record.holds:
        raise ClaimError(
            f"claim {claim.id} does not hold: {claim.quantity} measured {record.measured}, expected {claim.expected} "
            f"within {claim.tolerance:g} ({claim.reason})"
        )
    text = verdict(claim)
    if get_ipython() is None:
        print(text)
    else:
        display({"text/plain": text}, metadata={METADATA_KEY: asdict(record)}, raw=True)


def records(notebook: Mapping) -> list[Record]:
    """The records that an executed notebook (as parsed JSON) carries, in the order of its cells."""
    return [
        Record(**output["metadata"][METADATA_KEY])
        for cell in notebook["cells"]
        for output in cell.get("outputs", ())
        if METADATA_KEY in output.get("metadata", {})
    ]


def miscounted(chapter: str, identities: Iterable[str]) -> list[str]:
    """Which claims of a chapter are not checked exactly once, a line a fault, given the id of every check."""
    known = declared(chapter)
    times = Counter(identities)
    faults = [f"{identity} is declared but never checked" for identity in known if identity not in times]
    faults += [f"{identity} is checked {count} times" for identity, count in times.items() if count > 1]
    faults += [f"{identity} is checked but not declared" for identity in times if identity not in known]
    return faults


def audit(chapter: str, found: Iterable[Record]) -> list[str]:
    """What is wrong with the checks of a chapter, a line a fault: claims missing, repeated, unknown, failing."""
    found = list(found)
    faults = miscounted(chapter, [record.id for record in found])
    return faults + [f"{record.id} does not hold" for record in found if not record.holds]


def summary(chapter: str) -> None:
    """Print what the chapter took from papers beside what it found, a paragraph for each claim with such a source.

    Figures are those of ``claims.toml``, which the checks have confirmed; the ledger has the measured ones.
    """
    for claim in declared(chapter).values():
        if claim.source.startswith("derived"):
            continue
        lines = [f"{claim.statement} [{claim.kind}]", f"paper: {claim.source}"]
        if claim.published:
            lines.append(f"paper's value: {claim.published}")
        lines += [f"here:  {_finding(claim)}", f"under: {claim.conditions}"]
        print(*(textwrap.fill(line, 76, subsequent_indent="       ") for line in lines), sep="\n", end="\n\n")
