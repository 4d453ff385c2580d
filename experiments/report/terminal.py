"""The report as terminal tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from metaregret.theory.claims import Verdict
from metaregret.theory.presentation import table

__all__ = ["counts", "report_parts"]


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
        f"{counts(summary)}, "
        f"{summary['planted_errors_caught']} of {summary['planted_errors']} planted errors caught, "
        f"in {summary['seconds']:.0f} s: {word}"
    )


def counts(summary: Mapping[str, Any]) -> str:
    """Return how many claims of each kind there are: "27 theorems, 12 controls, 1 process"."""
    kinds = {"theorem": "theorems", "control": "controls", "published claim": "published claims"}
    kinds |= {"process": "processes"}
    found = [(summary[many.replace(" ", "_")], one, many) for one, many in kinds.items()]
    return ", ".join(f"{number} {one if number == 1 else many}" for number, one, many in found if number)


def _verdict(row: Mapping[str, Any]) -> Text:
    colour = Verdict[row["verdict"]].colour if row["expected"] != "REFUTED" else "green"
    wrong = "" if row["as_expected"] else f" [red](expected {row['expected']})[/]"
    return Text.from_markup(f"[{colour if row['as_expected'] else 'red'}]{row['verdict']}[/]{wrong}")


def _theorems(document: Mapping[str, Any]) -> Table:
    columns = ("", "theorem", "verdict", "methods", "instances", "margin", "planted", "s")
    rows = [
        (
            row["uid"],
            row["title"],
            _verdict(row),
            _groups(row),
            row["instances"],
            "-" if row["margin"] is None else f"{row['margin']:.1e}" if row["margin"] else "0 (exact)",
            _planted(row),
            f"{row['seconds']:.1f}",
        )
        for row in document["theorems"]
    ]
    return table("Theorems", columns, rows, right=columns[4:])


def _groups(row: Mapping[str, Any]) -> str:
    return ", ".join(dict.fromkeys(method["group"] for method in row["methods"]))


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
    columns = ("", "control", "drops", "verdict", "facts of the replayed witness")
    rows = [
        (row["uid"], row["title"], row["drops"], _verdict(row), _facts(row)) for row in document["controls"]
    ]
    return table("Negative controls (each must be refuted by its witness)", columns, rows)


def _facts(row: Mapping[str, Any]) -> str:
    facts = (row["facts"] or {}).items()
    return "; ".join(f"{key}: {_spell(value)}" for key, value in facts) or row["note"]


def _atlas(published: Sequence[Mapping[str, Any]]) -> Table:
    columns = ("", "claim", "verdict", "needs", "methods", "planted", "s", "facts of the replayed witness")
    rows = [
        (
            *(row["uid"], row["title"], _verdict(row), row["needs"], _groups(row), _planted(row)),
            *(f"{row['seconds']:.1f}", _facts(row)),
        )
        for row in published
    ]
    title = "Published claims: what holds, and where it stops"
    return table(title, columns, rows, right=("planted", "s"))


def _spell(value: Any) -> str:
    return "(" + ", ".join(map(_spell, value)) + ")" if isinstance(value, list) else str(value)


def _processes(document: Mapping[str, Any]) -> Table:
    numbers = ("minimax regret", "MI's worst-case regret", "gap", "I (nats)")
    columns = ("process", "T", "goals", "uniform", *numbers)
    rows = []
    for row in document["processes"]:
        colour = ("green" if row["uniform"] else "red") if row["expected_uniform"] else "default"
        low, high = row["minimax_regret"]["lower"], row["minimax_regret"]["upper"]
        uniform = Text("yes" if row["uniform"] else "no", style=colour)
        gap = f"{row['gap']:.4g}" if row["gap"] > 1e-6 else "0"
        regrets = (f"{0.5 * (low + high):.6g}", f"{row['proposal_regret']:.6g}", gap)
        rows.append((row["process"], row["horizon"], row["goals"], uniform, *regrets, _information(row)))
    title = "The main claim, process by process"
    return table(title, columns, rows, right=("T", "goals", *numbers))


def _information(row: Mapping[str, Any]) -> str:
    found = row["mutual_information"]
    return f"{found['lower']:.6f}" + ("" if found["known"] else f" to {found['upper']:.6f}")
