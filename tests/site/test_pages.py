"""Every page, at the width of a laptop and of a phone, in the light and in the dark."""

import random

import pytest
from inspection import ADVICE, give_up, inspect, opened, pages, reader

pytestmark = [pytest.mark.browser, pytest.mark.site]

MODES = [(width, theme) for width in (1280, 390) for theme in ("light", "dark")]
# the slow rules of accessibility depend on the width or on the theme, hardly on their combination
TWO_MODES = [(1280, "light"), (390, "dark")]
# listings of source code are all made alike: the first is looked at as closely as any page, the others once
LISTINGS = [name for name in pages() if name.startswith("_modules/")]


def modes(name: str) -> list[tuple[int, str]]:
    return [(390, "dark")] if name in LISTINGS[1:] else MODES


CASES = [pytest.param(name, mode, id=f"{name}-{mode[0]}-{mode[1]}") for name in pages() for mode in modes(name)]


@pytest.fixture(scope="module")
def readers(browser):
    """One browser profile for each mode, so that what all pages share is loaded once."""
    kept = {mode: reader(browser, width=mode[0], theme=mode[1]) for mode in [*MODES, (1280, None)]}
    yield kept
    for context in kept.values():
        context.close()


@pytest.mark.parametrize(("name", "mode"), CASES or [pytest.param(None, None, id="no-site")])
def test_page_is_sound(readers, address, name, mode):
    if name is None:
        give_up(ADVICE)
    with opened(readers[mode], address) as (page, faults):
        closely = mode in TWO_MODES and name not in LISTINGS[1:]
        assert inspect(page, faults, address + name, accessibility=closely) == []


def test_figures_are_sent_in_the_lightest_form(site):
    assert {path.suffix for path in (site / "_images").iterdir()} == {".webp"}


def test_first_visit_is_sound(readers, address):
    with opened(readers[1280, None], address) as (page, faults):
        assert inspect(page, faults, address + "index.html") == []


def test_search_finds_the_chapter(readers, address):
    with opened(readers[1280, "light"], address) as (page, faults):
        page.goto(address + "search.html?q=gradient")
        page.wait_for_selector("#search-results li a")
        assert page.locator("#search-results li a").count() > 0
        assert faults == []


def test_folded_parts_are_open_on_paper(readers, address):
    chapter = next(name for name in pages() if name.startswith("notebooks/"))
    with opened(readers[1280, "light"], address) as (page, _):
        page.goto(address + chapter)
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("article .toggle-hidden, article details:not([open])").count() == 0


FAULTS = {
    "request outside the site": '<img src="https://example.org/picture.png" alt="a picture">',
    "status 404": '<img src="missing.png" alt="a picture">',
    "console error": "<script>console.error('broken')</script>",
    "console warning": "<script>console.warn('careful')</script>",
    "script error": "<script>undefinedFunction()</script>",
    "raw TeX on the page": '<p class="mathjax_ignore">$x^2$</p>',
    "image without a description": '<img src="_static/favicon.svg">',
    "page scrolls sideways": '<div style="width: 3000px; height: 1px">wide</div>',
    "axe button-name": "<button></button>",
    "axe color-contrast": '<p style="color: #ccc; background: #fff">pale</p>',
    "page weighs": "<!-- {heavy} -->",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_noticed(readers, address, site, fault):
    # noise does not compress
    heavy = random.Random(0).randbytes(1_500_000).hex() if fault == "page weighs" else ""
    source = (site / "index.html").read_text(encoding="utf-8")
    broken = source.replace("</article>", FAULTS[fault].replace("{heavy}", heavy) + "</article>")
    with opened(readers[390, "light"], address) as (page, faults):
        page.route("**/index.html", lambda route: route.fulfill(body=broken, content_type="text/html"))
        assert [found for found in inspect(page, faults, address + "index.html") if found.startswith(fault)]
