"""The report as terminal tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from metaregret.theory.claims import Verdict

__all__ = ["report_parts"]


def report_parts(document: Mapping[str, Any]) -> Iterator[Table | Text]:
    """Yield what is printed of a ``metaregret-report/1`` document: theorems, controls, published claims,
    and the main claim by process."""
    if document["theorems"]:
        yield _theorems(document)
        for theorem in document["theorems"]:
            yield from map(Text.from_markup, _explain(theorem))
    if document["controls"]:
        yield _controls(document)
    if published := document.get("atlas"):
        yield _atlas(published)
        for row in published:
            yield from map(Text.from_markup, _explain(row))
    if document["processes"]:
        yield _processes(document)
    summary = document["summary"]
    word = "[green]every verdict is as expected[/]" if summary["as_expected"] else "[red]NOT as expected[/]"
    yield Text.from_markup(
        f"{_count(summary['theorems'], 'theorem')}, {_count(summary['controls'], 'control')}, "
        + (
            f"{_count(published, 'published claim')}, "
            if (published := summary.get("published_claims"))
            else ""
        )
        + f"{_count(summary['processes'], 'process', 'processes')}, "
        f"{summary['planted_errors_caught']} of {summary['planted_errors']} planted errors caught, "
        f"in {summary['seconds']:.0f} s: {word}"
    )


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _verdict(row: Mapping[str, Any]) -> Text:
    colour = Verdict[row["verdict"]].colour if row["expected"] != "REFUTED" else "green"
    wrong = "" if row["as_expected"] else f" [red](expected {row['expected']})[/]"
    return Text.from_markup(f"[{colour if row['as_expected'] else 'red'}]{row['verdict']}[/]{wrong}")


def _theorems(document: Mapping[str, Any]) -> Table:
    table = Table(title="Theorems", title_justify="left")
    for column in ("", "theorem", "verdict", "methods", "instances", "margin", "planted", "s"):
        right = column in ("instances", "margin", "planted", "s")
        table.add_column(column, justify="right" if right else "left")
    for row in document["theorems"]:
        margin = "-" if row["margin"] is None else f"{row['margin']:.1e}" if row["margin"] else "0 (exact)"
        groups = ", ".join(dict.fromkeys(method["group"] for method in row["methods"]))
        table.add_row(
            row["uid"],
            Text(row["title"]),
            _verdict(row),
            groups,
            str(row["instances"]),
            margin,
            _planted(row),
            f"{row['seconds']:.1f}",
        )
    return table


def _planted(row: Mapping[str, Any]) -> Text:
    """Planted errors caught, of how many."""
    total, caught = len(row["planted"]), sum(error["caught"] for error in row["planted"])
    score = f"{caught}/{total}" if total else "-"
    return Text(score, style="" if caught == total else "red")


def _explain(theorem: Mapping[str, Any]) -> Iterator[str]:
    """Say where a theorem failed, and which planted errors its checks missed."""
    for error in theorem["planted"]:
        if not error["caught"]:
            yield f"[red]{theorem['uid']}[/] the planted error {escape(error['name'])!r} was not caught"
    for method in theorem["methods"]:
        if method["failure"] is not None:
            failure = method["failure"]
            yield (
                f"[red]{theorem['uid']}[/] {escape(method['name'])} fails on {escape(failure['instance'])}: "
                f"{escape(failure['note'])}"
            )


def _controls(document: Mapping[str, Any]) -> Table:
    table = Table(title="Negative controls (each must be refuted by its witness)", title_justify="left")
    for column in ("", "control", "drops", "verdict", "facts of the replayed witness"):
        table.add_column(column, overflow="fold")
    for row in document["controls"]:
        facts = (
            "; ".join(f"{key}: {_spell(value)}" for key, value in (row["facts"] or {}).items()) or row["note"]
        )
        table.add_row(row["uid"], Text(row["title"]), Text(row["drops"]), _verdict(row), Text(facts))
    return table


def _atlas(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title="Published claims: what holds, and where it stops", title_justify="left")
    for column in (
        "",
        "claim",
        "verdict",
        "needs",
        "methods",
        "planted",
        "s",
        "facts of the replayed witness",
    ):
        table.add_column(column, overflow="fold", justify="right" if column in ("planted", "s") else "left")
    for row in rows:
        facts = "; ".join(f"{key}: {_spell(value)}" for key, value in (row["facts"] or {}).items())
        table.add_row(
            row["uid"],
            escape(row["title"]),
            _verdict(row),
            escape(row["needs"]),
            ", ".join(dict.fromkeys(method["group"] for method in row["methods"])),
            _planted(row),
            f"{row['seconds']:.1f}",
            escape(facts or row["note"]),
        )
    return table


def _spell(value: Any) -> str:
    return "(" + ", ".join(map(_spell, value)) + ")" if isinstance(value, list) else str(value)


def _processes(document: Mapping[str, Any]) -> Table:
    table = Table(title="The main claim, process by process", title_justify="left")
    for column in (
        "process",
        "T",
        "goals",
        "uniform",
        "minimax regret",
        "MI's worst-case regret",
        "gap",
        "I (nats)",
    ):
        table.add_column(
            column,
            justify="left" if column in ("process", "uniform") else "right",
            overflow="fold",
            no_wrap=False,
        )
    for row in document["processes"]:
        promised = row["expected_uniform"]
        colour = ("green" if row["uniform"] else "red") if promised else "default"
        low, high = row["minimax_regret"]["lower"], row["minimax_regret"]["upper"]
        gap = max(row["gap"], 0.0)
        table.add_row(
            Text(row["process"]),
            str(row["horizon"]),
            str(row["goals"]),
            Text("yes" if row["uniform"] else "no", style=colour),
            f"{0.5 * (low + high):.6g}",
            f"{row['proposal_regret']:.6g}",
            f"{gap:.4g}" if gap > 1e-6 else "0",
            _information(row),
        )
    return table


def _information(row: Mapping[str, Any]) -> str:
    found = row["mutual_information"]
    return f"{found['lower']:.6f}" + ("" if found["known"] else f" to {found['upper']:.6f}")
