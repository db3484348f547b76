"""In a chapter, the line that a check prints becomes a box: verdict, exact figure, link to the ledger."""

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

from solvable import claims
from solvable_book import ledger, notebooks

LINE = re.compile(r"claim (?P<id>[\w.]+) holds: (?P<what>.+)", re.DOTALL)


def with_math(text: str) -> list[nodes.Node]:
    """Split ``text`` at its dollar signs into words and formulas."""
    parts = re.split(r"\$([^$]+)\$", text)
    return [nodes.math(part, part) if i % 2 else nodes.Text(part) for i, part in enumerate(parts) if part]


class Verdicts(SphinxTransform):
    """Replace each verdict line among a notebook's outputs."""

    default_priority = 400  # after the notebook is parsed, before the labels are collected

    def apply(self, **options: object) -> None:
        """Replace them all."""
        if not self.env.docname.startswith(notebooks.FOLDER):
            return
        lines = [
            (block, found)
            for block in self.document.findall(nodes.literal_block)
            if (found := LINE.match(block.astext()))
        ]
        if not lines:
            return
        records = {record.id: record for record in claims.records(ledger.executed(self.env, self.env.docname))}
        for block, found in lines:
            record = records.get(found["id"])
            if record is not None:
                block.replace_self(self._box(claims.find(record.id), record, found["what"].strip()))

    def _box(self, claim: claims.Claim, record: claims.Record, what: str) -> nodes.Node:
        name = ledger.cell_label(claim.id)
        ledger.note_label(self.env, self.env.docname, name, claim.id)
        paragraph = nodes.paragraph(
            "", "", ledger.badge(claim, record), nodes.Text(" "), *with_math(notebooks.tidy(what))
        )
        if claim.kind != "qualitative":
            paragraph += [nodes.Text("; measured "), nodes.strong("", notebooks.measured(claim, record))]
        paragraph += [nodes.Text(". "), ledger.reference(self.env, ledger.label(claim.id), "Ledger")]
        return nodes.container("", paragraph, ids=[ledger.anchor(name)], classes=["verdict"])


def setup(app: Sphinx) -> None:
    """Register the transform."""
    app.add_transform(Verdicts)
