"""The table proposal x process: what each method proposes, and what it costs in the worst case."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaregret.tabular.errors import (
    ConvergenceError,
    InstanceTooLargeError,
    UnsupportedError,
)
from metaregret.theory.presentation import number, table
from metaregret.theory.proposals.proposal import Proposal
from metaregret.theory.proposals.with_memory import WithMemory
from metaregret.theory.results import Result
from metaregret.theory.skills import States

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from rich.table import Table

__all__ = ["COLUMNS", "CURVE_COLUMNS", "Comparison", "Entry"]

COLUMNS = (
    *("process", "method", "seed", "mutual_information", "capacity"),
    *(
        "coverage",
        "distance_to_uniform",
        "distance_to_minimax",
        "worst_case_regret",
        "minimax_regret",
        "price",
    ),
    *("trained_worst_case_regret", "trained_price", "episodes"),
    *("memory_worst_case_regret", "memory_as_planned", "memory_minimax_regret", "memory_price"),
)
"""Information in nats, distances in total variation. Regrets and their price (a ratio) at ``N = inf`` are of
the explorer and of the trained memoryless learner; those with memory at ``episodes``, None if left out."""


SHOWN = {
    "mutual_information": "nats",
    "coverage": "coverage",
    "distance_to_uniform": "to uniform",
    "distance_to_minimax": "to minimax",
    "worst_case_regret": "regret",
    "price": "price",
    "trained_worst_case_regret": "trained",
    "trained_price": "price",
    "memory_worst_case_regret": "memory",
    "memory_price": "price",
}
"""Columns that are printed, with their headings."""

CURVE_COLUMNS = ("process", "method", "seed", "run", "round", "objective", "monotone")


@dataclass(frozen=True, eq=False)
class Entry:
    """One proposal of the table.

    Attributes
    ----------
    proposal : Proposal
    memory : WithMemory or None
        The learner with memory trained on it; None where it was not asked for or is out of reach.
    why_not : str
        Why `memory` is missing although it was asked for; else empty.
    """

    proposal: Proposal
    memory: WithMemory | None
    why_not: str = ""

    @classmethod
    def with_memory(cls, proposal: Proposal, episodes: int | None) -> Entry:
        """Train the learner with memory too, where it is within reach."""
        try:
            return cls(proposal, proposal.trained_with_memory(episodes))
        except (ConvergenceError, InstanceTooLargeError, UnsupportedError) as error:
            return cls(proposal, None, str(error))

    def row(self) -> dict[str, Any]:
        """Return one mapping with the keys of `COLUMNS`; regrets may be infinite."""
        found, memory = self.proposal, self.memory
        trained = found.trained.worst_case.midpoint
        row = {key: getattr(found, key) for key in COLUMNS[5:11]}
        row |= {
            "process": found.process.name,
            "method": found.method.name,
            "seed": found.seed,
            "mutual_information": found.mutual_information.lower,
            "capacity": found.mutual_information.upper if found.capacity_known else None,
            "trained_worst_case_regret": trained,
            "trained_price": found.price_of(trained),
        }
        if memory is not None:
            row |= {
                "episodes": memory.episodes,
                "memory_worst_case_regret": memory.worst_case.midpoint,
                "memory_as_planned": memory.as_planned,
                "memory_minimax_regret": memory.minimax.value.midpoint,
                "memory_price": memory.price,
            }
        return {key: row.get(key) for key in COLUMNS}


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Result):
    """Proposals by process, method and seed.

    Attributes
    ----------
    entries : tuple of Entry
        Process by process, each with all methods.
    left_out : mapping of str to str
        Why a method proposes nothing on a process, by ``"process, method"``.
    states : {"end", "all"}

    Examples
    --------
    >>> import metaregret as mr
    >>> table = mr.compare(mr.make("line:3", horizon=2), ["uniform", "scratch"], memory=False)
    >>> [(row["method"], round(row["worst_case_regret"], 6)) for row in table.rows()]
    [('uniform', 2.0), ('scratch', 8.0)]
    """

    entries: tuple[Entry, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    states: States = "end"

    def parts(self) -> Iterator[str | Table]:
        rows = self.rows()
        for process in dict.fromkeys(row["process"] for row in rows):
            yield _process_table(process, [row for row in rows if row["process"] == process])
        for process, why in self.without_memory.items():
            yield f"{process}: no learner with memory: {why}"
        for where, why in self.left_out.items():
            yield f"{where}: left out: {why}"

    @property
    def without_memory(self) -> dict[str, str]:
        """Why learners with memory are missing, by process (the first reason)."""
        reasons: dict[str, str] = {}
        for entry in self.entries:
            if entry.why_not:
                reasons.setdefault(entry.proposal.process.name, entry.why_not)
        return reasons

    def _document(self) -> dict[str, Any]:
        return {
            "format": "metaregret-comparison/1",
            "states": self.states,
            "rows": self.rows(),
            "left_out": self.without_memory | dict(self.left_out),
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row per process, method and seed, with the columns `COLUMNS`."""
        import pandas as pd

        return pd.DataFrame(self.rows(), columns=list(COLUMNS))

    def curves_frame(self) -> pd.DataFrame:
        """Return the objectives by round, with the columns `CURVE_COLUMNS`."""
        import pandas as pd

        return pd.DataFrame(self.curves(), columns=list(CURVE_COLUMNS))

    def plot(self, path: Path | str | None = None) -> Figure:
        """Draw the worst-case regrets by method, one panel per process; write them where a path is given.

        Raises
        ------
        InvalidArgumentError
            If the file is no .pdf, .png or .svg, or cannot be written.
        """
        from metaregret.theory.plotting.proposals import comparison_figure

        return comparison_figure(self.rows(), path)

    def __repr__(self) -> str:
        processes = {entry.proposal.process.name for entry in self.entries}
        return f"<Comparison: {len(self.entries)} proposals on {len(processes)} processes>"

    @property
    def proposals(self) -> tuple[Proposal, ...]:
        """The proposals alone, in the same order."""
        return tuple(entry.proposal for entry in self.entries)

    def rows(self) -> list[dict[str, Any]]:
        """Return the table as one mapping per row, with the keys of `COLUMNS`; regrets may be infinite."""
        return [entry.row() for entry in self.entries]

    def curves(self) -> list[dict[str, Any]]:
        """Return the objectives by round, one mapping per round with the keys of `CURVE_COLUMNS`;
        ``monotone`` says whether by theory the objective never decreases."""
        rows = [
            (found.process.name, found.method.name, found.seed, run, played, value, found.method.monotone)
            for found in self.proposals
            for run, curve in enumerate(found.curves)
            for played, value in enumerate(curve)
        ]
        return [dict(zip(CURVE_COLUMNS, row, strict=True)) for row in rows]


def _process_table(process: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    shown = [key for key in SHOWN if any(row[key] is not None for row in rows)]
    lines = []
    for method in dict.fromkeys(row["method"] for row in rows):
        runs = [row for row in rows if row["method"] == method]
        lines.append((method, *(_cell([run[key] for run in runs]) for key in shown)))
    first = rows[0]
    title = f"{process}: capacity {number(first['capacity'])} nats"
    title += f", minimax regret {number(first['minimax_regret'])}"
    if first["memory_minimax_regret"] is not None:
        title += f"; with memory, N = {first['episodes']}: {number(first['memory_minimax_regret'])}"
    return table(title, ("method", *(SHOWN[key] for key in shown)), lines)


def _cell(values: Sequence[float | None]) -> str:
    """The median, and the range where seeds differ."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return "-"
    middle = known[len(known) // 2]
    low, high = (number(known[i], 4) for i in (0, -1))
    same = low == high or (math.isinf(known[0]) and math.isinf(known[-1]))
    return number(middle, 4) if same else f"{number(middle, 4)} [{low}, {high}]"
