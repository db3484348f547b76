"""Small repairs to what Jupyter Book and its theme put on every page."""

from pathlib import Path

from sphinx.application import Sphinx

import solvable
from solvable_book import notebooks


def without_thebe(scripts: list) -> list:
    """Drop what sphinx-thebe adds to every page, used or not.

    Its constants are emitted twice, which is an error in the browser, and they name an address outside the site.
    """

    def belongs(script: object) -> bool:
        body = getattr(script, "attributes", {}).get("body") or ""
        return "THEBE_JS_URL" in body or "thebe" in str(getattr(script, "filename", script) or "")

    return [script for script in scripts if not belongs(script)]


def without_mathjax(scripts: list, path: str) -> list:
    """Drop the script that sets formulas, and its settings."""

    def belongs(script: object) -> bool:
        body = getattr(script, "attributes", {}).get("body") or ""
        return body.startswith("window.MathJax") or path in str(getattr(script, "filename", script) or "")

    return [script for script in scripts if not belongs(script)]


def _clean(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    scripts = without_thebe(context["script_files"])
    # Sphinx gives the formulas' script to the page above them in the table of contents too
    if not app.env.domaindata["math"]["has_equations"].get(pagename):
        scripts = without_mathjax(scripts, app.config.mathjax_path)
    context["script_files"] = scripts
    context["css_files"] = without_thebe(context["css_files"])


def _depend_on_package(app: Sphinx, docname: str, source: list[str]) -> None:
    """A chapter is read again when the code that it runs has changed: its own cells say nothing of that."""
    if docname.startswith(notebooks.FOLDER):
        for path in sorted(Path(solvable.__file__).parent.rglob("*")):
            if path.suffix in {".py", ".toml"}:
                app.env.note_dependency(str(path))


def setup(app: Sphinx) -> None:
    """Register the repairs."""
    app.connect("html-page-context", _clean, priority=999)
    app.connect("source-read", _depend_on_package)
