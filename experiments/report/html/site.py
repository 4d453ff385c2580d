"""Write the pages: an index, one page per theorem, control and published claim, and one of figures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from metaregret.experiments.report.html.added import Added
from metaregret.experiments.report.html.figures import Shown, take_figures
from metaregret.experiments.report.html.graph import dependency_graph
from metaregret.experiments.report.html.mathml import prose, statement
from metaregret.experiments.report.html.plain_formula import latex_of, typeset
from metaregret.experiments.report.html.witness import draw_witness
from metaregret.experiments.report.spelling import GLYPHS, margin, page_name, seconds, significant, slug, tone
from metaregret.tabular.documents import write_text
from metaregret.theory.claims import Verdict

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["write_site"]

DOWNLOADS = {
    "report.json": "everything on these pages as data",
    "theorems.tex": "a table for the appendix of a paper",
    "numbers.tex": "a LaTeX macro for every number",
}


def write_site(
    document: Mapping[str, Any], folder: Path, figures: Path | None = None, added: Sequence[Added] = ()
) -> list[Path]:
    """Write the pages of a ``metaregret-report/1`` document.

    Parameters
    ----------
    document : mapping
    folder : Path
        Where the pages go. What else is there (``report.json``, certificates) is linked.
    figures : Path, optional
        A folder written by ``metaregret figures``.

    Returns
    -------
    list of Path
        The pages, the index first.

    Raises
    ------
    FileFormatError
        If a figure's manifest is malformed.
    """
    shown = take_figures(figures, folder) if figures is not None else []
    rows = [*document["theorems"], *document["controls"], *document.get("atlas", ())]
    environment = _environment({row["uid"] for row in rows})
    common = {
        "document": document,
        "summary": document["summary"],
        "rows": rows,
        "figures": shown,
        "verdicts": {verdict.name: verdict.value for verdict in Verdict},
        "added": added,
        "sources": (sources := _sources(rows)),
    }
    pages = {"index.html": ("index.html", _index(document, rows, folder))}
    for position, row in enumerate(rows):
        pages[page_name(row["uid"])] = ("claim.html", _claim(position, rows, shown, folder))
    if shown:
        pages["figures.html"] = ("figures.html", {})
    for file in sources:
        pages.setdefault(_source_page(file), ("source.html", {"file": file}))
    written = []
    for name, (template, fields) in pages.items():
        text = environment.get_template(f"{template}.j2").render(**common, **fields, page=name)
        write_text(folder / name, text)
        written.append(folder / name)
    assert environment.loader is not None
    sheets = [environment.loader.get_source(environment, name)[0] for name in ("style.css", "math.css")]
    write_text(folder / "style.css", "\n".join(sheets))
    return written


def _source_page(file: str) -> str:
    return f"source_{slug(file)}.html"


def _sources(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The lines of each file of the project that a row names without a link, for a page of its own."""
    root = Path(__file__).resolve().parents[3]
    places = (part.get("where") for row in rows for part in (row, *row.get("methods", ())))
    named = sorted({str(where["file"]) for where in places if where and not where.get("link")})
    paths = {name: (root / name).resolve() for name in named if "/" in name and name.endswith(".py")}
    return {
        name: path.read_text(encoding="utf-8").splitlines()
        for name, path in paths.items()
        if path.is_relative_to(root) and path.is_file()
    }


def _environment(known: set[str]) -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("metaregret.experiments.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        margin=margin,
        seconds=seconds,
        significant=significant,
        tone=tone,
        href=page_name,
        source_page=_source_page,
        statement=statement,
        prose=prose,
        words=partial(_words, known),
        spell=_spell,
        count=lambda value: f"{value:,}".replace(",", "\u202f"),
    )
    environment.globals["glyphs"] = GLYPHS
    return environment


def _index(document: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], folder: Path) -> dict[str, Any]:
    tied = [*document["theorems"], *document["controls"]]
    return {
        "graph": dependency_graph(tied, label="What rests on what: theorems and controls") if tied else None,
        "downloads": [(n, what) for n, what in DOWNLOADS.items() if (folder / n).is_file()],
        "wrong": [row for row in rows if not row["as_expected"]],
        "processes": document["processes"],
    }


def _claim(
    position: int, rows: Sequence[Mapping[str, Any]], figures: Sequence[Shown], folder: Path
) -> dict[str, Any]:
    row = rows[position]
    uid = row["uid"]
    lead, paragraphs = _explanation(uid, row.get("explanation", ""))
    failures = [method for method in row.get("methods", ()) if method["failure"]]
    return {
        "row": row,
        "before": rows[position - 1] if position else None,
        "after": rows[position + 1] if position + 1 < len(rows) else None,
        "lead": lead,
        "paragraphs": paragraphs,
        "graph": dependency_graph(rows, around=uid, label=f"What {uid} rests on, and what rests on it"),
        "dropped": [other for other in rows if "drops" in other and uid in other["uses"]],
        "drawings": draw_witness(row.get("witness") or {}, row.get("facts") or {}),
        "witness": json.dumps(row["witness"], indent=1) if row.get("witness") else None,
        "failures": [(method, draw_witness(method["failure"]["witness"] or {}, {})) for method in failures],
        "its_figures": [figure for figure in figures if uid in figure.theorems],
        "certificates": list(_existing(row.get("certificates") or (), folder)),
    }


def _existing(names: Iterable[object], folder: Path) -> Iterable[str]:
    """The files inside the report, of those named, that are there."""
    for name in map(str, names):
        parts = PurePosixPath(name).parts
        inside = bool(parts) and not name.startswith("/") and ".." not in parts
        if inside and re.fullmatch(r"[\w./-]+", name, re.ASCII) and (folder / name).is_file():
            yield name


def _explanation(uid: str, text: str) -> tuple[str, list[str]]:
    """The first paragraph of a docstring, without the identifier it starts with, and the others without
    headings."""
    blocks = re.sub(r"^.*\n-{3,}$", "", text, flags=re.MULTILINE).split("\n\n")
    paragraphs = [words for block in blocks if (words := " ".join(block.split()))]
    if not paragraphs:
        return "", []
    lead = paragraphs[0].removeprefix(f"{uid}, ")
    return lead[:1].upper() + lead[1:], paragraphs[1:]


_MARKED = re.compile(r"``(.+?)``|`(.+?)`|\b([TCA]\d\d)\b")


def _words(known: set[str], text: str) -> Markup:
    """Text of a docstring: formulas and code between backquotes, identifiers of claims as links."""
    parts, end, text = [], 0, " ".join(text.split())
    for match in _MARKED.finditer(text):
        parts.append(prose(typeset(text[end : match.start()])))
        code, end = match[1] or match[2], match.end()
        if code:
            latex = latex_of(code)
            parts.append(Markup("<code>{}</code>").format(code) if latex is None else prose(f"${latex}$"))
        elif match[3] in known:
            parts.append(Markup('<a href="{}">{}</a>').format(page_name(match[3]), match[3]))
        else:
            parts.append(escape(match[3]))
    return Markup("").join([*parts, prose(typeset(text[end:]))])


def _spell(value: Any) -> str:
    return "(" + ", ".join(map(_spell, value)) + ")" if isinstance(value, list) else typeset(str(value))
