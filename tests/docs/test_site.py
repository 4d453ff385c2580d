"""The site that `make docs` has built, in a real browser: widths, colour schemes, links, pictures."""

from __future__ import annotations

import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest

if TYPE_CHECKING:
    from browsing import Open, Scheme

pytest_plugins = ["browsing"]

SITE = Path(os.environ.get("METAREGRET_SITE", Path(__file__).parents[2] / "build" / "docs"))
PAGES = sorted(
    path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html") if "_static" not in path.parts
)
WIDER = "math { letter-spacing: .2em; font-size: 150%; }"
"""Stands for the fonts of another machine."""

pytestmark = pytest.mark.skipif(
    not (SITE / "index.html").is_file(),
    reason="the site is not built, which takes a minute of its own: make docs, then pytest tests/docs",
)


class _Reader(HTMLParser):
    """Links, identifiers and pictures of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.blind: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids.add(values.get("id") or "")
        if tag == "a" and values.get("href"):
            self.links.append(str(values["href"]))
        if tag == "img" and not (values.get("alt") or "").strip():
            self.blind.append(str(values.get("src")))
        if tag == "img":
            self.links.append(str(values["src"]))


@pytest.fixture(scope="module")
def read() -> dict[str, _Reader]:
    return {page: _Reader((SITE / page).read_text(encoding="utf-8")) for page in PAGES}


def test_every_link_and_every_anchor_leads_somewhere(read: dict[str, _Reader]):
    broken = []
    for page, found in read.items():
        for link in found.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            beside = os.path.join(os.path.dirname(page), unquote(parts.path))
            target = os.path.normpath(beside) if parts.path else page
            anchored = target not in read or unquote(parts.fragment) in {"", *read[target].ids}
            if not ((SITE / target).is_file() and anchored):
                broken.append((page, link))
    assert not broken


def test_every_picture_says_in_words_what_it_shows(read: dict[str, _Reader]):
    wordless = {page: found.blind for page, found in read.items() if found.blind}
    assert not wordless
    named = re.compile(r'alt="[^"]*\.(png|svg)"')  # a file name is no description
    assert not [page for page in PAGES if named.search((SITE / page).read_text(encoding="utf-8"))]


def test_figures_of_notebooks_are_pictures():
    shown = re.compile(r"&lt;\w*(Figure|Blank) size")
    assert not [page for page in PAGES if shown.search((SITE / page).read_text(encoding="utf-8"))]


def test_nothing_is_fetched_from_elsewhere():
    remote = re.compile(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"(https?:)?//[^\"]+", re.IGNORECASE)
    assert not [page for page in PAGES if remote.search((SITE / page).read_text(encoding="utf-8"))]


@pytest.mark.parametrize("width", [400, 800, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_the_screen(visiting: Open, width: int, scheme: Scheme):
    """Every second page in each scheme: every page at every width, in one of the schemes."""
    visit = visiting(SITE, width, scheme)
    wide = []
    for page in PAGES[scheme == "dark" :: 2]:
        opened = visit.open(page)
        for style in ("", WIDER):
            if style:
                opened.add_style_tag(content=style)
            if not opened.evaluate("document.documentElement.scrollWidth <= innerWidth"):
                wide.append((page, style))
    visit.wrong = [what for what in visit.wrong if "console: [PST]" not in what]  # the theme talks
    visit.check()
    assert not wide


def test_the_search_finds_a_theorem(visiting: Open):
    visit = visiting(SITE, 1100, "light")
    page = visit.page
    page.goto((SITE / "search.html").as_uri() + "?q=minimax")
    page.wait_for_selector("ul.search li", timeout=10_000)
    assert page.locator("ul.search li").count() > 3
