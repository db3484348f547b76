"""The API page: every public name of the package, from its docstring, linked to its source."""

import pkgutil

from sphinx.application import Sphinx

import solvable

PAGE = "book/api"
PLACE = "<!-- the modules are put here by the build -->"


def modules() -> list[str]:
    """The chapters' packages, then the modules that every chapter shares; private ones are left out."""
    found = [m for m in pkgutil.iter_modules(solvable.__path__, prefix="solvable.") if "._" not in m.name]
    return [m.name for m in sorted(found, key=lambda m: (not m.ispkg, m.name))]


def section(module: str) -> str:
    """MyST for one module: its first line, then what autodoc finds."""
    return f"(api-{module})=\n## `{module}`\n\n```{{eval-rst}}\n.. automodule:: {module}\n   :members:\n```\n"


def _write(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname == PAGE:
        source[0] = source[0].replace(PLACE, "\n".join(map(section, modules())))


def described_elsewhere(thing: object, module: str | None) -> bool:
    """Whether another module has the description: a chapter may offer a name of a module that all chapters share."""
    home = getattr(thing, "__module__", None)
    return home in modules() and home != module


def _skip(app: Sphinx, what: str, name: str, thing: object, skip: bool, options: object) -> bool | None:
    # named-tuple fields are described in their class; "Alias for field number 0" says nothing
    if type(thing).__name__ == "_tuplegetter":
        return True
    module = app.env.temp_data.get("autodoc:module")
    # twice would confuse the links back from the source, which know one place of a name
    return True if what == "module" and described_elsewhere(thing, module) else None


def setup(app: Sphinx) -> None:
    """Register the page."""
    app.connect("source-read", _write)
    app.connect("autodoc-skip-member", _skip)
