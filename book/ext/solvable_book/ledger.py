"""The claims ledger: what every claim expects, what this build measured, and a build that fails where they part."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib import resources
from pathlib import Path

import nbformat
from docutils import nodes
from jupyter_cache import get_cache
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from solvable import claims
from solvable_book import notebooks

logger = logging.getLogger(__name__)


def label(identity: str) -> str:
    """The cross-reference label of a claim's entry in the ledger."""
    return f"ledger-{identity}"


def anchor(name: str) -> str:
    """A label as an HTML id."""
    return nodes.make_id(name)


def cell_label(identity: str) -> str:
    """The cross-reference label of the verdict in the chapter."""
    return f"claim-{identity}"


def note_label(env: BuildEnvironment, docname: str, name: str, title: str) -> None:
    """Make ``name`` known to the ``ref`` role."""
    standard = env.get_domain("std")
    standard.anonlabels[name] = docname, anchor(name)
    standard.labels[name] = docname, anchor(name), title


def reference(env: BuildEnvironment, name: str, text: str) -> nodes.Node:
    """A link to a label, resolved when every page has been read."""
    link = pending_xref(
        "", nodes.inline(text, text), refdomain="std", reftype="ref", reftarget=name, refexplicit=True, refwarn=True
    )
    link["refdoc"] = env.docname
    return link


def executed(env: BuildEnvironment, docname: str) -> Mapping:
    """A notebook with the outputs that this build shows."""
    source = nbformat.read(env.doc2path(docname), as_version=4)
    # MyST-NB's own copy beside the pages has the outputs of a fresh execution alone: of a notebook whose outputs come
    # from the cache it is a copy of the source. The cache has both.
    with suppress(KeyError):
        return get_cache(env.mystnb_config.execution_cache_path).merge_match_into_notebook(source)[1]
    return nbformat.read(scratch(env) / f"{docname}.ipynb", as_version=4)


def scratch(env: BuildEnvironment) -> Path:
    """The folder for what the build makes out of notebooks, inside the book's own."""
    return Path(env.mystnb_config.output_folder)


def chapters(env: BuildEnvironment) -> list[str]:
    """The chapters' document names, in the order of the book."""
    return sorted(name for name in env.found_docs if name.startswith(notebooks.FOLDER))


def report(env: BuildEnvironment, docname: str) -> tuple[dict[str, claims.Claim], list[claims.Record]]:
    """A chapter's claims and the records its notebook carries; the page that asks is read again when either changes."""
    chapter = notebooks.chapter_of(docname)
    env.note_dependency(str(resources.files(f"solvable.{chapter}") / "claims.toml"))
    claims.declared.cache_clear()
    return dict(claims.declared(chapter)), claims.records(executed(env, docname))


class Ledger(SphinxDirective):
    """``{claims-ledger}``: every chapter's claims; a fault in any of them is a warning, hence the end of the build."""

    def run(self) -> list[nodes.Node]:
        """Render the ledger."""
        note_reader(self.env)
        return [node for docname in chapters(self.env) for node in self._chapter(docname)]

    def _chapter(self, docname: str) -> Iterable[nodes.Node]:
        declared, found = report(self.env, docname)
        for fault in claims.audit(notebooks.chapter_of(docname), found):
            logger.warning("claims: %s", fault, location=docname, type="solvable", subtype="claims")
        records = {record.id: record for record in found}
        section = nodes.section(ids=[anchor(f"ledger-{notebooks.chapter_of(docname)}")])
        title = self.env.titles[docname].astext()
        section += nodes.title(title, title)
        good = sum(record.holds for record in records.values())
        section += self._paragraph(f"{good} of {len(declared)} claims of {{doc}}`/{docname}` hold in this build.")
        section += self._summary(declared, records)
        section += [self._entry(claim, records.get(identity)) for identity, claim in declared.items()]
        return [section]

    def _inline(self, text: str) -> list[nodes.Node]:
        children, messages = self.state.inline_text(notebooks.tidy(text), self.lineno)
        return children + messages

    def _paragraph(self, text: str, *classes: str) -> nodes.paragraph:
        return nodes.paragraph("", "", *self._inline(text), classes=list(classes))

    def _summary(self, declared: dict[str, claims.Claim], records: dict[str, claims.Record]) -> nodes.Node:
        heads = ("Claim", "Kind", "Distance from expected", "Allowed", "Verdict")
        group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in heads), cols=len(heads))
        group += nodes.thead("", nodes.row("", *(nodes.entry("", nodes.paragraph(head, head)) for head in heads)))
        body = nodes.tbody()
        for identity, claim in declared.items():
            record = records.get(identity)
            exact = claim.kind == "qualitative"
            cells = [
                nodes.paragraph("", "", reference(self.env, label(identity), identity)),
                nodes.paragraph("", claim.kind),
                nodes.paragraph("", "–" if record is None or exact else notebooks.number(record.distance, 2)),
                nodes.paragraph("", "–" if exact else notebooks.number(claim.tolerance)),
                nodes.paragraph("", "", badge(claim, record)),
            ]
            body += nodes.row("", *(nodes.entry("", cell) for cell in cells))
        group += body
        return nodes.table("", group, classes=["ledger-summary"])

    def _entry(self, claim: claims.Claim, record: claims.Record | None) -> nodes.Node:
        name = label(claim.id)
        note_label(self.env, self.env.docname, name, claim.id)
        head = nodes.paragraph("", "", nodes.literal(claim.id, claim.id), nodes.Text(" "), badge(claim, record))
        head["classes"] = ["claim-head"]
        facts = {"Source": self._inline(notebooks.source(claim))}
        if claim.published:
            facts["The source says"] = self._inline(claim.published)
        facts["Kind"] = [nodes.Text(claim.kind)]
        facts["Measured quantity"] = self._inline(claim.quantity)
        facts["Expected"] = [nodes.Text(notebooks.expected(claim))]
        if record is not None:
            facts["Measured"] = [nodes.strong("", notebooks.measured(claim, record))]
        if claim.reason:
            facts["Why this tolerance"] = self._inline(claim.reason)
        facts["Conditions"] = self._inline(claim.conditions)
        if record is not None:
            facts["Checked in"] = [reference(self.env, cell_label(claim.id), "the chapter, where it is measured")]
        rows = [
            nodes.definition_list_item(
                "", nodes.term("", term), nodes.definition("", nodes.paragraph("", "", *children))
            )
            for term, children in facts.items()
        ]
        return nodes.container(
            "",
            head,
            self._paragraph(claim.statement, "claim-statement"),
            nodes.definition_list("", *rows, classes=["claim-facts"]),
            ids=[anchor(name)],
            classes=["claim", f"claim-{notebooks.verdict(claim, record).split()[0]}"],
        )


def badge(claim: claims.Claim, record: claims.Record | None) -> nodes.inline:
    """The verdict as a small label; its word carries the meaning, its colour only repeats it."""
    word = notebooks.verdict(claim, record)
    return nodes.inline(word, word, classes=["verdict-badge", f"verdict-{word.split()[0]}"])


def note_reader(env: BuildEnvironment) -> None:
    """Remember that the current page reports on the notebooks."""
    readers(env).add(env.docname)


def readers(env: BuildEnvironment) -> set[str]:
    """The pages that report on the notebooks."""
    if not hasattr(env, "solvable_readers"):
        env.solvable_readers = set()
    return env.solvable_readers


def _outdated(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> Iterable[str]:
    stale = any(name.startswith(notebooks.FOLDER) for name in added | changed | removed)
    return (readers(env) & env.found_docs) - added if stale else ()


def _notebooks_first(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    docnames.sort(key=lambda name: not name.startswith(notebooks.FOLDER))


def setup(app: Sphinx) -> None:
    """Register the directive and the order in which pages are read."""
    app.add_directive("claims-ledger", Ledger)
    app.connect("env-get-outdated", _outdated)
    app.connect("env-before-read-docs", _notebooks_first)
