"""The theme's icon font, cut down to the icons that the site shows: a seventh of the weight of a page otherwise."""

import re
from pathlib import Path

from fontTools import subset
from sphinx.application import Sphinx

FONT = Path("_static/vendor/fontawesome/webfonts/fa-solid-900.woff2")
SHEETS = "_static/**/*.css"
# what may name an icon by its class; the style sheets name them all
NAMING = ("**/*.html", "_static/scripts/*.js", "_static/*.js")

_RULE = re.compile(r'((?:\.fa-[a-z0-9-]+:before,?)+)\{content:"\\([0-9a-f]+)"\}')
_NAME = re.compile(r"\bfa-([a-z0-9-]+)")
_CODE = re.compile(r'"\\(f[0-9a-f]{3})"')


def shown(sheets: str, pages: str) -> set[int]:
    """Code points of the icons that ``pages`` name by class, and of those that the style sheets draw by themselves."""
    code = {name: int(match[2], 16) for match in _RULE.finditer(sheets) for name in _NAME.findall(match[1])}
    named = {code[name] for name in _NAME.findall(pages) if name in code}
    return named | {int(found, 16) for found in _CODE.findall(_RULE.sub("", sheets))}


def _cut(app: Sphinx, error: Exception | None) -> None:
    site = Path(app.outdir)
    font = site / FONT
    if error or not font.is_file():
        return
    sheets = "".join(path.read_text(encoding="utf-8") for path in site.glob(SHEETS))
    pages = "".join(path.read_text(encoding="utf-8") for pattern in NAMING for path in site.glob(pattern))
    options = subset.Options(flavor="woff2")
    # the complete font lies beside the packed one, so that a second build can cut afresh
    complete = subset.load_font(str(font.with_suffix(".ttf")), options)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=shown(sheets, pages))
    cutter.subset(complete)
    subset.save_font(complete, str(font), options)


def setup(app: Sphinx) -> None:
    """Register the cut."""
    app.connect("build-finished", _cut)
