"""The landing page: a card for each chapter, and a figure that a chapter computed in this build."""

from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from solvable_book import ledger, notebooks


class Cards(SphinxDirective):
    """``{chapter-cards}``: each chapter with its question, its run time and the claims that this build verified."""

    def run(self) -> list[nodes.Node]:
        """Render the cards."""
        ledger.note_reader(self.env)
        items = [self._card(number, docname) for number, docname in enumerate(ledger.chapters(self.env), start=1)]
        return [nodes.container("", *items, classes=["chapter-cards"])]

    def _card(self, number: int, docname: str) -> nodes.Node:
        declared, found = ledger.report(self.env, docname)
        question = notebooks.question(ledger.executed(self.env, docname))
        if question is None:
            raise self.error(f"{docname} has no cell with the tag {notebooks.QUESTION_TAG!r}: its card needs one")
        title = f"{number}. {self.env.titles[docname].astext()}"
        link = pending_xref(
            "", nodes.inline(title, title), refdomain="std", reftype="doc", reftarget=f"/{docname}", refexplicit=True
        )
        link["refdoc"] = self.env.docname
        children, messages = self.state.inline_text(question, self.lineno)
        runtime = (NbMetadataCollector.get_exec_data(self.env, docname) or {}).get("runtime")
        good = sum(record.holds for record in found)
        facts = f"{good} of {len(declared)} claims verified"
        if runtime is not None:
            facts = f"runs in {runtime:.0f} s on the machine that built this page · {facts}"
        return nodes.container(
            "",
            nodes.paragraph("", "", link, classes=["chapter-title"]),
            nodes.paragraph("", "", *children, *messages, classes=["chapter-question"]),
            nodes.paragraph(facts, facts, classes=["chapter-facts"]),
            classes=["chapter-card"],
        )


class ComputedFigure(SphinxDirective):
    """``{computed-figure} notebooks/01_deep_linear fig-name``: a figure taken from an executed chapter.

    The content is the caption; without one, the figure keeps the caption that the chapter gives it.
    """

    required_arguments = 2
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Render the figure."""
        ledger.note_reader(self.env)
        docname, name = self.arguments
        taken = notebooks.figure(ledger.executed(self.env, docname), name)
        if taken is None:
            raise self.error(f"{docname} has no figure named {name!r} with a picture")
        picture, about = taken
        path = ledger.scratch(self.env) / f"{name}.png"
        path.write_bytes(picture)
        # image paths are relative to the page, or absolute from the root of the book
        image = nodes.image(uri="/" + path.relative_to(self.env.srcdir).as_posix(), alt=about["alt"])
        if about["width"]:
            image["width"] = f"{about['width']}px"
        figure = nodes.figure("", image)
        caption = "\n".join(self.content) or about["caption"]
        children, messages = self.state.inline_text(caption, self.lineno)
        # a legend, not a caption: outside its chapter the figure has no number
        figure += nodes.legend("", nodes.paragraph("", "", *children))
        return [figure, *messages]


def setup(app: Sphinx) -> None:
    """Register the directives."""
    app.add_directive("chapter-cards", Cards)
    app.add_directive("computed-figure", ComputedFigure)
