"""The pages as text: what they must say, where their links lead, what must stay text."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from markupsafe import escape

from metaregret.experiments.report import model
from metaregret.experiments.report.html import site as site_pages
from metaregret.experiments.report.html import write_site
from metaregret.experiments.report.html.figures import take_figures
from metaregret.experiments.report.html.graph import HEIGHT, WIDTH, dependency_graph, layout
from metaregret.experiments.report.html.mathml import prose
from metaregret.experiments.report.html.plain_formula import typeset
from metaregret.experiments.report.html.witness import draw_witness
from metaregret.experiments.report.spelling import is_distribution, page_name
from metaregret.tabular.errors import FileFormatError
from metaregret.theory.claims import controls, theorems

pytest_plugins = ["report_pages"]


class Page(HTMLParser):
    """Links, identifiers and elements of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.elements: set[str] = set()
        self.handlers: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]):
        self.elements.add(tag)
        for key, value in attrs:
            if key in ("href", "src"):
                self.links.append(value or "")
            if key == "id":
                self.ids.add(value or "")
            if key.startswith("on"):
                self.handlers.append(key)


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    return {path.name: Page(path.read_text()) for path in site.glob("*.html")}


def test_there_is_a_page_a_claim(document: Mapping[str, Any], pages: dict[str, Page]):
    expected = {page_name(row["uid"]) for row in (*document["theorems"], *document["controls"])}
    sources = {name for name in pages if name.startswith("source_")}
    assert set(pages) - sources == {"index.html", "figures.html", *expected}


def test_links_lead_to_files_and_anchors_of_the_report(site: Path, pages: dict[str, Page]):
    for name, page in pages.items():
        for link in page.links:
            target, _, anchor = link.partition("#")
            if link == "data:,":
                continue
            assert not re.match(r"[a-z]+:|//|/", link), f"{name} reaches out to {link}"
            assert (site / target).is_file() if target else True, f"{name} links to {link}"
            if anchor and (not target or target.endswith(".html")):
                assert anchor in pages[target or name].ids, f"{name} links to {link}"


def test_nothing_on_a_page_runs(pages: dict[str, Page]):
    for name, page in pages.items():
        assert not page.elements & {"script", "iframe", "object", "embed"}, name
        assert not page.handlers, name


def test_a_theorem_page_tells_everything(site: Path, document: Mapping[str, Any]):
    (row,) = (row for row in document["theorems"] if row["uid"] == "T04")
    text = (site / "T04.html").read_text()
    assert "<math" in text
    for words in (row["source"], *(m["name"] for m in row["methods"]), row["command"], "6/6"):
        assert escape(words) in text
    for error in row["planted"]:
        assert prose(typeset(error["name"])) in text
        assert escape(error["method"]) in text
    assert "K for K - 1" not in text, "formulas are typeset"
    assert 'href="certificates/T04.json"' in text
    assert "absent.json" not in text
    assert "C07.html" in text, "what happens when an assumption is dropped"


def test_methods_and_refutations_say_where_their_source_is(
    site: Path, document: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
):
    sources = Path(model.__file__).resolve().parents[2]
    rows = [*(m for row in document["theorems"] for m in row["methods"]), *document["controls"]]
    found = [row["where"] for row in rows if row["where"] is not None and "/" in row["where"]["file"]]
    assert len(found) > 20
    for where in found:
        line = (sources / where["file"]).read_text().splitlines()[where["line"] - 1]
        assert re.search(r"def |lambda|@", line), where
    page, source = (site / "T04.html").read_text(), "source_theory_theorems_t04_minimax_py.html"
    (line,) = {
        where["line"]
        for m in rows[:20]
        if (where := m["where"]) and m["name"] == "dual bound in rationals against policies"
    }
    assert f'href="{source}#L{line}"' in page
    assert f'<code id="L{line}">def ' in (site / source).read_text()
    monkeypatch.setattr(model, "_repository", lambda: "https://example.org/m")
    where = model.where_defined(model.made)
    assert where["link"].startswith("https://example.org/m/blob/v")
    assert where["link"].endswith(f"/experiments/report/model.py#L{where['line']}")


def test_no_file_outside_the_project_is_shown(tmp_path: Path):
    """A result of somebody else's may name any file."""
    root = Path(site_pages.__file__).resolve().parents[3]
    (tmp_path / "secret.py").write_text("secret")
    outside = {"file": os.path.relpath(tmp_path / "secret.py", root), "line": 1}
    inside = {"file": "theory/regret.py", "line": 1}
    rows: list[dict[str, Any]] = [{"where": outside, "methods": [{"where": inside}]}, {"where": None}]
    assert list(site_pages._sources(rows)) == ["theory/regret.py"]


def test_a_control_page_draws_its_witness(site: Path):
    line = (site / "C03.html").read_text()
    assert line.count('class="cell"') == 5
    assert re.search(r'class="share"[^>]*>1/2</text>', line)
    channel = (site / "C01.html").read_text()
    assert "noisy 1/2" in channel
    assert re.search(r'class="share"[^>]*>4/5</text>', channel)
    assert 'class="bar"' in (site / "C06.html").read_text()


def test_a_failure_is_told_and_drawn(site: Path, document: Mapping[str, Any]):
    (row,) = (row for row in document["theorems"] if row["uid"].startswith("X1"))
    text = (site / page_name(row["uid"])).read_text()
    assert "fails on" in text
    assert "not caught" in text
    assert 'class="states"' in text
    assert "secret" not in text
    assert "Not every verdict is as expected" in (site / "index.html").read_text()


def test_figures_are_shown_where_they_belong(site: Path):
    assert (site / "figures" / "law.svg").is_file()
    for name in ("figures.html", "T03.html", "C06.html"):
        assert 'src="figures/law.svg"' in (site / name).read_text()
    assert "law.svg" not in (site / "T01.html").read_text()
    assert not (site / "figures" / "unfinished.json").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "../law"}, 'expected the field "name"'),
        ({"theorems": "T03"}, "to be a list"),
        ({"caption": 3}, "to be a string"),
        ({"format": "other/1"}, 'expected "format"'),
    ],
)
def test_malformed_manifests_are_refused(change: dict[str, Any], words: str, gallery: Path, tmp_path: Path):
    source = tmp_path / "gallery"
    source.mkdir()
    (source / "law.svg").write_text("<svg/>")
    (source / "law.json").write_text(json.dumps({**json.loads((gallery / "law.json").read_text()), **change}))
    with pytest.raises(FileFormatError, match=words):
        take_figures(source, tmp_path)
    assert not (tmp_path / "figures").exists()


def rows() -> list[dict[str, Any]]:
    return [
        {"uid": i.uid, "title": i.title, "uses": list(i.uses), "verdict": "PROVED", "as_expected": True}
        for i in {**theorems(), **controls()}.values()
    ]


def test_the_graph_has_every_claim_and_every_dependency():
    graph = dependency_graph(rows())
    assert graph.count("<rect") == graph.count("<a ") == len(rows())
    assert graph.count('class="edge"') == sum(len(row["uses"]) for row in rows())
    boxes = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)"', graph)
    assert len(set(boxes)) == len(rows())
    by_row: dict[str, list[float]] = {}
    for x, y in boxes:
        by_row.setdefault(y, []).append(float(x))
    for places in by_row.values():
        places.sort()
        assert all(b - a >= 88 for a, b in pairwise(places)), "boxes overlap"


def test_no_arrow_runs_through_a_box():
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(row["uid"] for row in rows())
    graph.add_edges_from((used, row["uid"]) for row in rows() for used in row["uses"])
    drawn = layout(graph)
    boxes = {(x, y) for x, y in drawn.places.values()}
    lanes = 0
    for edge, route in drawn.routes.items():
        assert route[0] == (drawn.places[edge[0]][0], drawn.places[edge[0]][1] + HEIGHT / 2)
        assert route[-1] == (drawn.places[edge[1]][0], drawn.places[edge[1]][1] - HEIGHT / 2)
        for (x, top), (same, bottom) in zip(route[1:-1:2], route[2:-1:2], strict=True):
            lanes += 1
            assert x == same
            assert bottom - top == HEIGHT
            assert all(abs(x - a) > WIDTH / 2 for a, b in boxes if top <= b <= bottom), edge
    assert lanes > 20


def test_foundations_stand_above_what_rests_on_them():
    graph = dependency_graph(rows())
    box = re.compile(r"<title>(\w+),[^<]*</title><rect x=\"[\d.]+\" y=\"([\d.]+)\"")
    height = {uid: float(y) for uid, y in box.findall(graph)}
    for row in rows():
        assert all(height[used] < height[row["uid"]] for used in row["uses"])


def test_a_circle_of_claims_is_drawn_all_the_same():
    circle = [
        {"uid": uid, "title": "t", "uses": [used], "verdict": "PROVED", "as_expected": True}
        for uid, used in (("X1", "X2"), ("X2", "X3"), ("X3", "X1"), ("X4", "X4"))
    ]
    assert dependency_graph(circle).count("<rect") == 4
    assert "<rect" in dependency_graph(circle, around="X4")


def test_what_is_not_in_the_report_has_no_link(document: Mapping[str, Any], tmp_path: Path):
    (row,) = (row for row in document["theorems"] if row["uid"] == "T04")
    alone = {**document, "theorems": [row], "controls": [], "processes": []}
    write_site(alone, tmp_path)
    page = Page((tmp_path / "T04.html").read_text())
    assert "T01.html" not in page.links
    assert "not in this report" in (tmp_path / "T04.html").read_text()


def test_distributions_are_told_from_other_lists():
    assert is_distribution(["1/2", "0", "1/2"])
    for other in (["1/2"], ["1", "1"], ["3/2", "-1/2"], ["x"], [], "1", ["1/0"], [["1"]], [1.0], None):
        assert not is_distribution(other)


def test_processes_without_a_picture_are_graphs_and_large_ones_are_not_drawn():
    small = {"format": "metaregret-cmp/1", "states": 5, "initial": {"0": "1"},
             "transitions": [[str(s), "a", str((s + 1) % 5), "1"] for s in range(5)]}  # fmt: skip
    ((caption, drawing),) = draw_witness({"instance": [small, 3]}, {})
    assert caption == "process"
    assert drawing.count('class="cell"') == drawing.count('class="arrow"') == 5
    assert draw_witness({**small, "states": 500}, {}) == []


def test_pages_of_any_name_have_safe_files():
    assert page_name("../../etc") == "etc.html"
    assert page_name("<>") == "unnamed.html"
    assert "/" not in page_name("a/b")
