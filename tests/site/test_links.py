"""Links inside the site lead somewhere, and no page asks for anything outside it."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from inspection import pages

pytestmark = pytest.mark.site

HOME = "http://the.site/"


class Page(HTMLParser):
    """The ids of a page, where it links to, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids |= {given[key] for key in ("id", "name") if given.get(key)}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        elif tag == "link" and given.get("href"):
            self.loads.append(given["href"])
        elif given.get("src"):
            self.loads.append(given["src"])


def read(site: Path) -> dict[str, Page]:
    return {name: Page((site / name).read_text(encoding="utf-8")) for name in pages()}


def faults(site: Path, read: dict[str, Page]) -> list[str]:
    found = []
    for name, page in read.items():
        for target in page.links + page.loads:
            parts = urlsplit(urljoin(HOME + name, target))
            if not parts.geturl().startswith(HOME):
                if target in page.loads and parts.scheme != "data":
                    found.append(f"{name} loads {target}")
                continue
            path = unquote(parts.path).lstrip("/")
            if not (site / path).is_file():
                found.append(f"{name} leads to {target}, which is not there")
            elif parts.fragment and path in read and unquote(parts.fragment) not in read[path].ids:
                found.append(f"{name} leads to {target}, whose anchor is not there")
    return found


def test_links_lead_somewhere(site):
    assert faults(site, read(site)) == []


@pytest.mark.parametrize(
    "broken", ['<a href="nowhere.html">', '<a href="#nothing">', '<script src="https://example.org/a.js"></script>']
)
def test_broken_link_is_noticed(site, broken):
    known = read(site)
    known["index.html"] = Page(broken)
    assert any(fault.startswith("index.html") for fault in faults(site, known))
