"""What can be wrong with a page as a reader's browser shows it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
ADVICE = "the site is not built: run `make book` first"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
LOUD = ("error", "warning")  # what a page may not write to the console
LARGEST_PAGE = 1024 * 1024  # bytes over the wire, compressed as a web host does

# Rules of axe-core that a page may break, each with its reason. They are the theme's; the book's own parts break none.
ALLOWED: dict[str, str] = {}


def give_up(reason: str) -> None:
    """Fail where the browser tests are required, as in CI; skip elsewhere."""
    if os.environ.get("SOLVABLE_REQUIRE_BROWSER") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def pages() -> list[str]:
    """Every page of the built site, relative to its root."""
    found = sorted(p.relative_to(SITE).as_posix() for p in SITE.rglob("*.html"))
    return [name for name in found if not name.startswith(("_static/", "_sources/", "reports/"))]


PROBE = r"""() => {
  const article = document.querySelector("article") ?? document.body;
  const faults = [];

  const texts = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    if (text.parentElement.closest("pre, code, script, style, mjx-container")) continue;
    const raw = text.data.match(/\\\(|\\\)|\\\[|\\\]|\$\$|\$[^$\s][^$]*\$|\\[a-zA-Z]+\{/);
    if (raw) faults.push(`raw TeX on the page: ${text.data.trim().slice(0, 60)}`);
  }
  for (const error of article.querySelectorAll("mjx-merror")) faults.push(`formula with an error: ${error.title}`);

  for (const image of document.images) {
    const source = image.getAttribute("src");
    const decorative = image.closest(".navbar-brand") && image.alt === "";
    const path = /\.(png|svg|jpe?g)$/i.test(image.alt);
    if (!decorative && (!image.alt.trim() || path)) faults.push(`image without a description: ${source}`);
    if (image.complete && image.naturalWidth === 0) faults.push(`image that does not show: ${source}`);
  }

  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 0) {
    const sticksOut = element => element.getBoundingClientRect().right > innerWidth + 1;
    const parts = [...document.querySelectorAll("article *")].filter(sticksOut);
    const names = parts.slice(0, 3).map(e => `${e.tagName.toLowerCase()}.${e.className}`).join(" ");
    faults.push(`page scrolls sideways by ${wide} px: ${names}`);
  }
  return faults;
}"""

SETTLED = """async () => {
  await window.MathJax?.startup?.promise;
  await document.fonts.ready;
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""

# MathJax hides its glyphs from assistive technology and speaks through MathML; to check every glyph takes half the time
AXE_RUN = """within => {
  const parts = { ...(within && { include: [[within]] }), exclude: [["mjx-container"]] };
  return axe.run(parts, { resultTypes: ["violations"] }).then(result => result.violations);
}"""

WEIGHT = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .map(entry => [entry.encodedBodySize, entry.name])"""


def reader(browser: object, *, width: int, theme: str | None) -> object:
    """A browser profile of one width and theme; with ``theme=None``, of one who comes for the first time."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme or "light")
    if theme:
        choice = f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')"
        context.add_init_script(choice)
    return context


@contextmanager
def opened(context: object, address: str) -> Iterator[tuple[object, list[str]]]:
    """An empty page that can reach the site alone, and the list in which its faults appear as they happen."""
    faults: list[str] = []

    def refuse(route: object) -> None:
        faults.append(f"request outside the site: {route.request.url}")
        route.abort()

    page = context.new_page()
    page.route(lambda url: not url.startswith((address, "data:", "blob:")), refuse)
    page.on("console", lambda m: faults.append(f"console {m.type}: {m.text}") if m.type in LOUD else None)
    page.on("pageerror", lambda error: faults.append(f"script error: {error}"))
    page.on("requestfailed", lambda r: faults.append(f"failed request: {r.url}"))
    page.on("response", lambda r: faults.append(f"status {r.status}: {r.url}") if r.status >= 400 else None)
    try:
        yield page, faults
    finally:
        page.close()


@cache
def _axe() -> str:
    return AXE.read_text(encoding="utf-8")


def violations(page: object, *, within: str | None = None) -> list[str]:
    """What axe-core objects to, beyond what is allowed; ``within`` selects a part of the page."""
    page.evaluate(_axe())
    found = page.evaluate(AXE_RUN, within)
    return [
        f"axe {rule['id']} ({rule['impact']}): {len(rule['nodes'])} times, first {rule['nodes'][0]['html'][:160]}"
        for rule in found
        if rule["id"] not in ALLOWED
    ]


def weight(page: object) -> tuple[int, list[tuple[int, str]]]:
    """Bytes over the wire for the page and all it loads, and the parts, heaviest first."""
    parts = sorted(map(tuple, page.evaluate(WEIGHT)), reverse=True)
    return sum(size for size, _ in parts), parts


def inspect(page: object, faults: list[str], url: str, *, accessibility: bool = True) -> list[str]:
    """Open ``url``, wait until it has settled, and say everything that is wrong with it."""
    page.goto(url, wait_until="load")
    page.evaluate(SETTLED)
    total, parts = weight(page)
    heavy = [f"page weighs {total} bytes, heaviest {parts[:3]}"] if total > LARGEST_PAGE else []
    return [*faults, *page.evaluate(PROBE), *heavy, *(violations(page) if accessibility else [])]
