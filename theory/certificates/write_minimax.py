"""Certificates of minimax values: blind and memoryless learners, and learners with memory.

The witness is the least-favourable task distribution (lower bound) and the learner (upper bound): for
learners without memory their exploration policy, with memory a mixture of deterministic learners. Tasks that
are trajectories are goals on the tree of histories, and the certificate is about that tree.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, cast

import numpy as np

from tabular.errors import UnsupportedError
from tabular.process import ControlledMarkovProcess
from theory.certificates.check import BUDGET
from theory.certificates.drafting import Document, certificate, finite, fractions, named, policy_rows, proved
from theory.minimax.solution import Criterion, Learner, MinimaxSolution
from theory.success import SuccessTasks
from theory.tasks import Detection, GoalTasks, RewardTasks, TaskFamily, TrajectoryTasks

__all__ = ["minimax_certificate"]


def minimax_certificate(tasks: TaskFamily, solution: MinimaxSolution, *, budget: int = BUDGET) -> Document:
    """Return a certificate of a minimax value, with bounds that the checker has proved.

    Parameters
    ----------
    tasks : TaskFamily
        What was solved.
    solution : MinimaxSolution
        Its solution, exact or not; a solution in floating point is certified by rational numbers near it.
    budget : int
        Units of work for the checker.

    Raises
    ------
    UnsupportedError
        For claims that the certificate format does not cover.
    NotExactError
        If the process is known in floating point only.
    InstanceTooLargeError
        If the checker would need more than the budget.
    """
    if not finite(tasks.process):
        raise UnsupportedError("Certificates of minimax values need a finite horizon; give --horizon T.")
    memory = solution.learner is Learner.MEMORY
    draft = _memory(tasks, solution) if memory else _without_memory(tasks, solution)
    return proved(draft, budget=budget, exact=solution.value.exact)


def _claim(tasks: TaskFamily, solution: MinimaxSolution, family: Document, episodes: int | str) -> Document:
    detect = tasks.detect if isinstance(tasks, GoalTasks) else Detection.END
    return {
        "problem": "minimax",
        "learner": solution.learner.value,
        "criterion": solution.criterion.value,
        "detect": detect.value,
        "episodes": episodes,
        "tasks": family,
    }


def _prior(names: tuple[str, ...], solution: MinimaxSolution) -> dict[str, str]:
    return named(names, fractions(solution.details.get("exact_prior", solution.least_favourable)))


# ---------------------------------------------------------------- without memory


def _without_memory(tasks: TaskFamily, solution: MinimaxSolution) -> Document:
    if isinstance(tasks, RewardTasks):
        raise UnsupportedError(
            "Certificates cover reward tables for learners with memory only; use --learner memory."
        )
    visits = isinstance(tasks, GoalTasks) and tasks.detect is Detection.VISIT
    if visits and solution.criterion is not Criterion.REGRET:
        raise UnsupportedError(
            "Certificates cover hitting times in steps for learners with memory only; use --learner memory."
        )
    marked: SuccessTasks = solution.details["marked"]
    process, names, state, block = _exploration(tasks, marked)
    policy = solution.details.get("exact_policy", solution.details["policy"])
    rows = policy_rows(marked.process, policy, state=state, block=block)
    claim = _claim(tasks, solution, {"goals": list(names)}, solution.episodes or "inf")
    draft = certificate(process, claim, {"prior": _prior(names, solution), "learners": [{"rows": rows}]})
    if isinstance(tasks, TrajectoryTasks):
        return {**draft, "comment": "States are histories of the process named; tasks are its trajectories."}
    return draft


def _exploration(
    tasks: TaskFamily, marked: SuccessTasks
) -> tuple[ControlledMarkovProcess, tuple[str, ...], list[str], list[int]]:
    """Return the process of the certificate, its goals, and each explored state's name and bit set."""
    everything = (1 << len(marked.names)) - 1
    if marked.augmented is None or isinstance(tasks, TrajectoryTasks):
        state = list(marked.process.states)
        goals = tuple(state[s] for s in marked.success.indices.tolist())
        return marked.process, goals, state, [everything] * len(state)
    state = [marked.base.states[int(s)] for s in marked.augmented.base_state]
    block = [everything & ~cast(int, visited) for visited in marked.augmented.memory]
    return marked.base, marked.names, state, block


# ---------------------------------------------------------------- with memory


def _memory(tasks: TaskFamily, solution: MinimaxSolution) -> Document:
    from theory.minimax.memory.export import learner_rows

    game, mixture = solution.details["game"], solution.details["mixture"]
    weights = fractions(solution.details.get("exact_weights", mixture.weights))
    learners = [
        {"weight": str(weight), "rows": learner_rows(game, learner)}
        for weight, learner in zip(weights, mixture.learners, strict=True)
        if weight
    ]
    family: Document = {"goals": list(solution.tasks)}
    if isinstance(tasks, RewardTasks):
        family = {"rewards": _tables(tasks)}
    claim = _claim(tasks, solution, family, int(game.episodes))
    witness = {"prior": _prior(solution.tasks, solution), "learners": learners}
    draft = certificate(tasks.process, claim, witness)
    if solution.episodes is None:
        return {**draft, "comment": "With more episodes than these the value is the same."}
    return draft


def _tables(tasks: RewardTasks) -> dict[str, list[list[Any]]]:
    """Return the reward tables by name, in the order of the tasks, without what pays nothing."""
    process, tables = tasks.process, tasks.tables
    choice = process.transition_choice
    ends = [
        [process.states[int(s)], process.actions[int(a)], process.states[int(t)]]
        for s, a, t in zip(
            process.choice_state[choice], process.choice_action[choice], process.successors, strict=True
        )
    ]
    values = (
        tables.exact if tables.exact is not None else np.vectorize(Fraction, otypes=[object])(tables.values)
    )
    return {
        name: [[*row, str(r)] for row, r in zip(ends, rewards, strict=True) if r]
        for name, rewards in zip(tasks.names, values.tolist(), strict=True)
    }
