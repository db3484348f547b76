"""What the site needs beyond Jupyter Book: ledger, verdicts, explorables, cards, the API page, pages, pictures."""

from sphinx.application import Sphinx

from solvable_book import api, chapters, explorables, icons, ledger, pages, pictures, verdicts


def setup(app: Sphinx) -> dict[str, bool]:
    """Register every part with Sphinx."""
    for part in (api, chapters, explorables, icons, ledger, pages, pictures, verdicts):
        part.setup(app)
    # notebooks are read before the pages that report on them, one after the other
    return {"parallel_read_safe": False, "parallel_write_safe": True}
