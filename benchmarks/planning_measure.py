"""Timing of one case: all solvers in turns in one process, every answer checked against a reference."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.planning_models import Case
from benchmarks.planning_peers import ERROR, SOLVERS, Prepared, available
from metaregret.tabular.engine import solve
from metaregret.tabular.errors import ConvergenceError

__all__ = ["OURS", "Comparison", "measure", "timed"]

OURS = "metaregret"

SHORTEST = 1e-2
"""Shorter calls are repeated until they fill so many seconds."""

PAUSE = 0.05
"""Seconds between contestants: the threads of some libraries go on spinning after their last call."""


@dataclass(frozen=True)
class Comparison:
    """One model, its contestants, and what they took.

    Attributes
    ----------
    task, model : str
    states, transitions : int
    times : dict
        Contestant -> seconds of every round.
    errors : dict
        Contestant -> largest absolute error of its values.
    accepted : float
        Largest error that counts as right.
    required : float or None
        Least ratio of the fastest right peer to us.
    missing : list of str
        Peers that are not installed.
    note : str
    """

    task: str
    model: str
    states: int
    transitions: int
    times: dict[str, list[float]]
    errors: dict[str, float]
    accepted: float
    required: float | None
    missing: list[str] = field(default_factory=list)
    note: str = ""

    def seconds(self, name: str) -> float:
        """Median over the rounds."""
        return float(np.median(self.times[name]))

    def right(self, name: str) -> bool:
        """Whether the contestant's answer meets the accuracy that was asked of it."""
        return self.errors[name] <= self.accepted

    def fastest_peer(self) -> str | None:
        """The fastest peer whose answer is right."""
        peers = [name for name in self.times if name != OURS and self.right(name)]
        return min(peers, key=self.seconds, default=None)


def reference(case: Case) -> np.ndarray:
    """Values to a finer tolerance than anything is asked for, by another method where there is one."""
    process, rewards = case.data
    question = dict(case.question)
    if question["objective"] == "finite":
        return solve(process, rewards, keep_policy=False, **question).values
    if question["objective"] == "total":  # the number of moves to the far corner of a square grid
        side = round(process.n_states**0.5)
        y, x = np.divmod(np.arange(process.n_states), side)
        return (2.0 * (side - 1) - x - y).astype(float)
    method: Any = "auto" if "grid" in case.name else "value-iteration"
    for tolerance in (1e-12, 1e-11, 1e-10):
        try:
            return solve(
                process, rewards, tolerance=tolerance, method=method, max_iterations=10_000, **question
            ).values
        except ConvergenceError:
            continue
    raise RuntimeError(f"no reference for {case.name}")


def measure(case: Case, rounds: int, peers: Sequence[str]) -> Comparison:
    """Run every contestant once untimed (compilation, and the check), then `rounds` times in turns."""
    names = [OURS, *(name for name in case.peers if name in peers and available(name))]
    truth = reference(case)
    prepared = {name: SOLVERS[name][1](case) for name in names}
    errors: dict[str, float] = {}
    for name, contestant in prepared.items():
        contestant.before()
        errors[name] = float(np.abs(contestant.solve() - truth).max())
    return Comparison(
        case.task,
        case.name,
        case.data[0].n_states,
        case.data[0].n_transitions,
        in_turns(prepared, rounds),
        errors,
        ERROR,
        case.required,
        [name for name in case.peers if not available(name)],
        case.note,
    )


def in_turns(prepared: dict[str, Prepared], rounds: int) -> dict[str, list[float]]:
    """Time the contestants in turns, so that a slow minute of the machine falls on all of them."""
    times: dict[str, list[float]] = {name: [] for name in prepared}
    for _ in range(rounds):
        for name, contestant in prepared.items():
            time.sleep(PAUSE)
            times[name].append(timed(contestant))
    return times


def timed(contestant: Prepared) -> float:
    """Median seconds of a call, over as many calls as fill `SHORTEST`."""
    calls: list[float] = []
    while sum(calls) < SHORTEST:
        contestant.before()
        start = time.perf_counter()
        contestant.solve()
        calls.append(time.perf_counter() - start)
    return float(np.median(calls))
