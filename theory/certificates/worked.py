"""Certificates of worked instances in one call each: what the files of theorems and controls name as theirs.

Everything is imported inside the functions, so that a theorem's file stays light.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaregret.tabular.process import ControlledMarkovProcess
    from metaregret.theory.certificates.drafting import Document

__all__ = ["capacity", "outcomes_channel", "proposed", "solved", "unexplored", "witness_process"]


def _process(given: ControlledMarkovProcess | str, horizon: int | None) -> ControlledMarkovProcess:
    from metaregret.tabular.environments import make

    process = make(given) if isinstance(given, str) else given
    return process if horizon is None else process.replaced(horizon=horizon)


def witness_process(uid: str) -> ControlledMarkovProcess:
    """Return the process of a control's stored witness."""
    from metaregret.tabular.files import process_from_document
    from metaregret.theory.claims.witness import load_witness

    return process_from_document(load_witness(uid)["process"], "witness")


def solved(
    given: ControlledMarkovProcess | str,
    horizon: int | None = None,
    *,
    learner: str = "memoryless",
    criterion: str = "regret",
    detect: str = "end",
    episodes: int | None = None,
    trajectories: bool = False,
) -> Document:
    """Solve exactly for all reachable goals (found on the way: but those at the start), or all trajectories.

    Parameters
    ----------
    given : ControlledMarkovProcess or str
        A process, or its specification.
    horizon : int, optional
    learner, criterion, detect : str
        Values of `Learner`, `Criterion` and `Detection`.
    episodes : int or None
    trajectories : bool
    """
    import numpy as np

    from metaregret.tabular.goals import goal_support
    from metaregret.theory.certificates.write_minimax import minimax_certificate
    from metaregret.theory.minimax import solve
    from metaregret.theory.tasks import Detection, GoalTasks, TaskFamily, TrajectoryTasks

    process = _process(given, horizon)
    kept = goal_support(process, visit=detect == "visit") & ((process.initial == 0) | (detect == "end"))
    kept &= process.goal_of == np.arange(process.n_states)
    tasks: TaskFamily = GoalTasks(process, np.flatnonzero(kept), Detection(detect))
    tasks = TrajectoryTasks(process) if trajectories else tasks
    solution = solve(
        tasks,
        learner=learner,
        criterion=criterion,
        episodes=episodes,
        exact=True,
    )
    return minimax_certificate(tasks, solution)


def proposed(
    given: ControlledMarkovProcess | str, horizon: int | None, method: str, *, skills: int | None = None
) -> Document:
    """Certify the worst-case regret of a proposal."""
    from metaregret.theory.certificates.write_proposal import proposal_certificate
    from metaregret.theory.proposals import propose

    return proposal_certificate(propose(_process(given, horizon), method, skills=skills))


def capacity(given: ControlledMarkovProcess | str, horizon: int | None = None) -> Document:
    """Certify a process's capacity, from both sides where the checker can."""
    from metaregret.theory.certificates.write_capacity import process_capacity_certificate
    from metaregret.theory.skills import process_capacity

    return process_capacity_certificate(process_capacity(_process(given, horizon)))


def outcomes_channel(process: ControlledMarkovProcess, *, averaged: bool) -> Document:
    """Certify the capacity of the channel of all deterministic outcomes: at the end, or over the steps."""
    import numpy as np

    from metaregret.theory.certificates.write_capacity import channel_certificate
    from metaregret.theory.claims.oracles import deterministic_outcomes
    from metaregret.theory.information import channel_capacity

    rows = deterministic_outcomes(process, averaged=averaged)
    prior = channel_capacity(np.array(rows, dtype=float)).input_distribution
    named = {f"outcome {i}": [Fraction(x) for x in row] for i, row in enumerate(rows)}
    return channel_certificate(named, list(process.states), prior)


def unexplored(process: ControlledMarkovProcess) -> Document:
    """Certify that a learner that never varies has unbounded regret."""
    from metaregret.tabular.goals import goal_support
    from metaregret.theory.certificates.drafting import certificate, proved
    from metaregret.theory.certificates.write_proposal import proposal_claim

    goals = [name for name, found in zip(process.states, goal_support(process), strict=True) if found]
    return proved(certificate(process, proposal_claim(goals), {}))
