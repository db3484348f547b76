"""What an executed notebook says about its chapter. Nothing here knows Sphinx."""

import re
import statistics
from base64 import b64decode
from collections.abc import Mapping
from typing import NamedTuple

from solvable.claims import Claim, Record
from solvable.explore.showing import METADATA_KEY

FOLDER = "notebooks/"
QUESTION_TAG = "question"


def chapter_of(docname: str) -> str:
    """The wing that a notebook belongs to: ``notebooks/01_deep_linear`` is checked by ``solvable.deep_linear``.

    >>> chapter_of("notebooks/01_deep_linear")
    'deep_linear'
    """
    return re.sub(r"^\d+_", "", docname.removeprefix(FOLDER))


def _source(cell: Mapping) -> str:
    return "".join(cell["source"])


def question(notebook: Mapping) -> str | None:
    """The question that the chapter asks: the first paragraph, after any heading, of the cell tagged ``question``."""
    for cell in notebook["cells"]:
        if QUESTION_TAG in cell["metadata"].get("tags", ()):
            paragraphs = re.split(r"\n\s*\n", _source(cell).strip())
            return next((p.strip() for p in paragraphs if not p.lstrip().startswith(("#", "("))), None)
    return None


def figure(notebook: Mapping, name: str) -> tuple[bytes, Mapping] | None:
    """The picture of the figure ``name`` and what its cell says of it: ``alt``, ``caption``, ``width`` in pixels."""
    for cell in notebook["cells"]:
        settings = cell["metadata"].get("mystnb", {})
        if settings.get("figure", {}).get("name") != name:
            continue
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", {}):
                size = output.get("metadata", {}).get("image/png", {})
                about = {
                    "alt": settings.get("image", {}).get("alt", ""),
                    "caption": settings["figure"].get("caption", ""),
                    "width": size.get("width"),
                }
                return b64decode(output["data"]["image/png"]), about
    return None


class Shown(NamedTuple):
    """An explorable in an executed notebook: its id, what the notebook measured, its picture at the defaults."""

    identity: str
    markers: Mapping[str, tuple]
    picture: bytes
    width: int


def explorables(notebook: Mapping) -> dict[int, Shown]:
    """The explorables of a notebook, by the position of their cell."""
    found = {}
    for position, cell in enumerate(notebook["cells"]):
        for output in cell.get("outputs", ()):
            about = output.get("metadata", {})
            if METADATA_KEY in about:
                entry = about[METADATA_KEY]
                picture = b64decode(output["data"]["image/png"])
                found[position] = Shown(entry["id"], entry["markers"], picture, about["image/png"]["width"])
    return found


def tidy(text: str) -> str:
    """Write the powers of ten in ``text`` without padding and with a proper minus sign.

    >>> tidy("within 1e-09 of -2.5e+30")
    'within 1e−9 of −2.5e30'
    """
    text = re.sub(r"(?<=\de)([+-]?)0*(?=\d)", lambda sign: "−" if sign[1] == "-" else "", text)
    return re.sub(r"(?<![\w.])-(?=\d)", "−", text)


def number(value: bool | float, digits: int = 6) -> str:
    """So many significant digits.

    >>> number(-1.25e-11), number(True), number(2.0), number(5.6789e-9, 2)
    ('−1.25e−11', 'true', '2', '5.7e−9')
    """
    return str(value).lower() if isinstance(value, bool) else tidy(f"{value:.{digits}g}")


def value(figures: bool | float | list, *, most: int = 6) -> str:
    """A number, or a list of them in round brackets; a longer list than ``most`` is cut and counted.

    >>> value([1.0, 2.0]), value([0.0] * 9, most=2)
    ('(1, 2)', '(0, 0, … 9 in all)')
    """
    if not isinstance(figures, list):
        return number(figures)
    flat = [f for figure in figures for f in (figure if isinstance(figure, list) else [figure])]
    shown = ", ".join(map(number, flat[:most]))
    return f"({shown})" if len(flat) <= most else f"({shown}, … {len(flat)} in all)"


def expected(claim: Claim) -> str:
    """What the claim expects, with its tolerance."""
    if claim.kind == "qualitative":
        return value(claim.expected)
    return f"{value(claim.expected)} ± {number(claim.tolerance)}"


def measured(claim: Claim, record: Record) -> str:
    """What the build measured; the mean and the standard deviation over the seeds for a statistical claim."""
    if claim.kind == "statistical":
        seeds = record.measured
        mean, spread = statistics.fmean(seeds), statistics.stdev(seeds)
        return f"{number(mean, 4)} ± {number(spread, 2)} ({len(seeds)} seeds)"
    return value(record.measured)


def verdict(claim: Claim, record: Record | None) -> str:
    """One word or two: does the claim hold here?"""
    if record is None:
        return "not checked"
    if not record.holds:
        return "does not hold"
    return "refuted here" if claim.kind == "refuted" else "holds"


def source(claim: Claim) -> str:
    """Where the claim comes from, as MyST: every bibliography key, such as ``saxe2013``, becomes a citation."""
    return re.sub(r"\b[a-z]+(?:19|20)\d\d[a-z]?\b", r"{cite:t}`\g<0>`", claim.source)
