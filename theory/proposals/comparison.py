"""The table proposal x process: what each method proposes, and what it costs in the worst case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tabular.process import ControlledMarkovProcess
from theory.minimax.without_memory import solve_without_memory
from theory.proposals.proposal import Proposal, evaluate
from theory.proposals.request import Method, Request
from theory.skills import States
from theory.tasks import GoalTasks

__all__ = ["COLUMNS", "Comparison", "comparison"]

COLUMNS = (
    "process",
    "method",
    "mutual_information",
    "capacity",
    "coverage",
    "distance_to_uniform",
    "distance_to_minimax",
    "worst_case_regret",
    "minimax_regret",
    "price",
    "trained_worst_case_regret",
)
"""Information in nats, distances in total variation, regrets at ``N = inf``, price their ratio."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Proposals by process and method.

    Attributes
    ----------
    proposals : tuple of Proposal
        Process by process, each with all methods.
    """

    proposals: tuple[Proposal, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return the table as one mapping a row, with the keys of `COLUMNS`; regrets may be infinite."""
        return [_row(proposal) for proposal in self.proposals]


def comparison(
    processes: Iterable[ControlledMarkovProcess],
    methods: Sequence[Method],
    *,
    states: States = "end",
    seed: int = 0,
    certify: bool = True,
) -> Comparison:
    """Run every method on every process.

    Parameters
    ----------
    processes : iterable of ControlledMarkovProcess
    methods : sequence of Method
    states : {"end", "all"}
    seed : int
    certify : bool
        Whether to compute the capacity of each process (once each).
    """
    proposals = []
    for process in processes:
        minimax = solve_without_memory(GoalTasks.reachable(process))
        request = Request(process, states, None, seed)
        proposals += [evaluate(method, request, certify=certify, minimax=minimax) for method in methods]
    return Comparison(tuple(proposals))


def _row(proposal: Proposal) -> dict[str, Any]:
    values = (
        proposal.process.name,
        proposal.method.name,
        proposal.mutual_information.lower,
        proposal.mutual_information.upper if proposal.capacity_known else None,
        proposal.coverage,
        proposal.distance_to_uniform,
        proposal.distance_to_minimax,
        proposal.worst_case_regret,
        proposal.minimax_regret,
        proposal.price,
        proposal.trained.worst_case.midpoint,
    )
    return dict(zip(COLUMNS, values, strict=True))
