"""The pages in a real browser: navigation, keyboard, colours, narrow screens, and nothing hostile running."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from metaregret.experiments.report import control_row, report_document, theorem_row
from metaregret.experiments.report.html import write_site
from metaregret.theory.claims import ControlResult, Verdict, controls, theorem_result, theorems

if TYPE_CHECKING:
    from browsing import Open, Visit
    from playwright.sync_api import Browser

pytest_plugins = ["browsing", "report_pages"]

SCROLLS_IN_ITS_BOX = """() => {
    const box = document.querySelector('.statement'), style = getComputedStyle(box);
    return style.overflowX === 'auto' && style.backgroundAttachment.includes('local') && box.tabIndex === 0;
}"""
"""A statement wider than its box can be scrolled, by keyboard too, and shadows at its ends say so."""

WIDER = "math { letter-spacing: .25em; font-size: 180%; }"
"""Stands for the fonts of another machine."""

LEAST_CONTRAST = 4.5
"""Of text against its background: WCAG 2.1, level AA."""


@pytest.fixture
def visit(visiting: Open, site: Path) -> Visit:
    """A wide and light visit."""
    return visiting(site, 1100, "light")


def names(site: Path) -> list[str]:
    return sorted(path.name for path in site.glob("*.html"))


CONTRASTS = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const rgba = colour => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = c => {
    const linear = x => x <= .04045 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4;
    const [r, g, b] = c.slice(0, 3).map(x => linear(x / 255));
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const ratio = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + .05) / (y + .05);
  };
  const ground = e => {
    const box = e.closest('svg.graph g.node')?.querySelector('rect');
    if (box) return rgba(getComputedStyle(box).fill);
    for (; e; e = e.parentElement) {
      const c = rgba(getComputedStyle(e).backgroundColor);
      if (c[3] === 255) return c;
    }
    return [255, 255, 255, 255];
  };
  const found = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || e.closest('title, style') || !e.getClientRects().length) continue;
    const s = getComputedStyle(e);
    const ink = rgba(e instanceof SVGElement ? s.fill : s.color);
    found.push({text: e.textContent.trim().slice(0, 40), ratio: ratio(ink, ground(e))});
  }
  return found;
}"""

FITS = "document.documentElement.scrollWidth <= innerWidth"
GROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture(scope="module")
def pages(browser: Browser, site: Path) -> Iterator[dict[str, dict[str, Any]]]:
    """What each page shows: wide and light as it is loaded, then dark, then narrow."""
    from browsing import Visit  # a plug-in, imported by pytest first

    visit = Visit(browser, site, 1100, "light")
    found: dict[str, dict[str, Any]] = {}
    for name in names(site):
        page = visit.open(name)
        found[name] = {
            "fits wide": page.evaluate(FITS),
            "broken": page.evaluate("window.broken"),
            "images": page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)"),
            "links": page.evaluate("[...document.querySelectorAll('a')].map(a => a.getAttribute('href'))"),
            "names": page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)"),
            "light": (page.evaluate(CONTRASTS), page.evaluate(GROUND)),
        }
        page.emulate_media(color_scheme="dark")
        found[name]["dark"] = (page.evaluate(CONTRASTS), page.evaluate(GROUND))
        page.set_viewport_size({"width": 360, "height": 800})
        found[name]["fits narrow"] = page.evaluate(FITS)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1100, "height": 800})
    visit.check()
    yield found
    visit.context.close()


def test_pages_load_without_error_and_fit_the_screen(pages: Mapping[str, Mapping[str, Any]]):
    assert len(pages) > 10
    for name, page in pages.items():
        assert page["fits wide"], f"{name} scrolls sideways"
        assert page["fits narrow"], f"{name} scrolls sideways on a narrow screen"
        assert page["broken"] is None, f"a name ran as a script on {name}"
        assert page["images"], name


def test_every_statement_fits_a_narrow_screen(visiting: Open, tmp_path: Path):
    """All claims, without evidence: some browsers fail on long formulas only."""
    found = [theorem_row(theorem_result(theorem, []), []) for theorem in theorems().values()]
    false = [control_row(ControlResult(c, Verdict.REFUTED, None, None, 0.0)) for c in controls().values()]
    settings = {"seed": 0, "instances": 1, "exact": False}
    document = report_document(found, false, [], version="0.1", settings=settings, seconds=0.0)
    write_site(document, tmp_path)
    opened = visiting(tmp_path, 360, "light")
    for uid in (*theorems(), *controls()):
        page = opened.open(f"{uid}.html")
        for wider in ("math {}", WIDER):
            page.add_style_tag(content=wider)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (uid, wider)
            assert page.evaluate(SCROLLS_IN_ITS_BOX), (uid, wider)
    opened.check()


def test_every_link_on_every_page_leads_somewhere(pages: Mapping[str, Mapping[str, Any]], site: Path):
    for name, page in pages.items():
        assert page["links"]
        for link in page["links"]:
            target, _, anchor = link.partition("#")
            assert (site / (target or name)).is_file(), f"{name}: {link}"
            if anchor and not target:
                assert page["names"].count(anchor) == 1, f"{name}: {link}"


def test_a_click_on_a_node_of_the_graph_opens_its_page(visit: Visit):
    visit.open("index.html").locator("svg.graph a[href='T04.html']").click()
    visit.page.wait_for_url(re.compile(r"/T04\.html$"))
    assert visit.page.locator("h1").inner_text().endswith("Minimax regret of memoryless learners")
    visit.page.locator("svg.graph a[href='T01.html']").click()
    visit.page.wait_for_url(re.compile(r"/T01\.html$"))
    visit.check()


def test_everything_is_reached_by_keyboard_and_shows_where_it_is(visit: Visit):
    """Tab goes through all links, nodes of the graph included, in the order of the page; focus is visible."""
    page = visit.open("T04.html")
    focusable = page.locator("a, summary, [tabindex='0']").locator("visible=true").count()
    reached: list[str] = []
    for step in range(focusable):
        page.keyboard.press("Tab")
        found: dict[str, Any] = page.evaluate(
            """() => {
              const e = document.activeElement, s = getComputedStyle(e), r = e.querySelector?.('rect');
              const ring = s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2;
              const box = r && parseFloat(getComputedStyle(r).strokeWidth) >= 4;
              const all = [...document.querySelectorAll("a, summary, [tabindex='0']")]
                .filter(x => x.checkVisibility());
              return {name: e.getAttribute('href') ?? e.tagName, at: all.indexOf(e), visible: ring || !!box};
            }"""
        )
        assert found["at"] == step, f"after {reached[-1:]} Tab goes to {found}"
        assert found["visible"], f"focus on {found['name']} cannot be seen"
        reached.append(found["name"])
    assert "C07.html" in reached
    page.locator("svg.graph a[href='T02.html']").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/T02\.html$"))
    visit.open("T04.html").keyboard.press("Tab")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_url(re.compile(r"#main$"))  # the first Tab offers to skip to the content
    visit.check()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_in_both_colour_schemes(pages: Mapping[str, Mapping[str, Any]], scheme: str):
    for name, page in pages.items():
        found, _ = page[scheme]
        assert len(found) > 10
        assert [item for item in found if item["ratio"] < LEAST_CONTRAST] == [], name
    assert len({page[scheme][1] for page in pages.values()}) == 1


def test_a_planted_poor_contrast_is_seen(visit: Visit):
    page = visit.open("T01.html")
    page.add_style_tag(content=".sentence { color: #bbb }")
    assert any(item["ratio"] < LEAST_CONTRAST for item in page.evaluate(CONTRASTS))


def test_the_colour_schemes_differ(pages: Mapping[str, Mapping[str, Any]]):
    assert pages["index.html"]["light"][1] != pages["index.html"]["dark"][1]


def test_hostile_names_are_shown_as_text(visit: Visit):
    page = visit.open("index.html")
    assert page.evaluate("document.scripts.length") == 0
    assert "<script>window.broken = true</script>" in page.locator("main").inner_text()
    (name,) = (name for name in names(visit.site) if name.startswith("X1"))
    page = visit.open(name)
    for place in ("h1", ".statement", ".evidence", "svg.states"):
        assert "<script>" in (page.locator(place).first.text_content() or ""), place
    assert page.evaluate("window.broken") is None
    visit.check()


def test_formulas_are_drawn_with_limits_below(visit: Visit):
    """The browser lays MathML out: the limit of the first "min" of T04 stands below it."""
    page = visit.open("T04.html")
    below = page.evaluate(
        """() => {
          const [base, limit] = document.querySelector('munder').children;
          return limit.getBoundingClientRect().top >= base.getBoundingClientRect().top + 5;
        }"""
    )
    assert below
    visit.check()


def test_print_hides_what_a_reader_cannot_use(visit: Visit):
    page = visit.open("T04.html")
    page.emulate_media(media="print")
    assert not page.locator(".top").is_visible()
    assert page.locator(".statement").is_visible()
