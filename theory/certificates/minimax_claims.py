"""What certificates of minimax values share: the claim, the prior, and the process that is explored."""

from __future__ import annotations

from fractions import Fraction
from typing import cast

from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.certificates.drafting import Document, fractions, named
from metaregret.theory.minimax.solution import MinimaxSolution
from metaregret.theory.success import SuccessTasks
from metaregret.theory.tasks import Detection, GoalTasks, TaskFamily, TrajectoryTasks

__all__ = ["exact_prior", "exploration", "minimax_claim", "prior_of"]


def minimax_claim(
    tasks: TaskFamily, solution: MinimaxSolution, family: Document, episodes: int | str
) -> Document:
    """Return the claim about a solution, without bounds."""
    detect = tasks.detect if isinstance(tasks, GoalTasks) else Detection.END
    return {
        "problem": "minimax",
        "learner": solution.learner.value,
        "criterion": solution.criterion.value,
        "detect": detect.value,
        "episodes": episodes,
        "tasks": family,
    }


def prior_of(solution: MinimaxSolution) -> dict[str, str]:
    """Return the least-favourable distribution by task, as rationals."""
    return named(solution.tasks, exact_prior(solution))


def exact_prior(solution: MinimaxSolution) -> list[Fraction]:
    """Return the least-favourable distribution, as it is where it is rational, else near it."""
    prior = solution.least_favourable
    return fractions(prior.array if prior.exact is None else prior.exact)


def exploration(
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
