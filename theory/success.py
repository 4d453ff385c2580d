"""Tasks as success probabilities: one linear image of the flow polytope for every family of 0-1 tasks.

An episode succeeds at task ``z`` if it ends in an (augmented) terminal state marked for ``z``. Goals
detected at the end are marked on the process itself; goals detected on the way on the process that
remembers visits; trajectories on the tree of histories. The vector of success probabilities of a policy is
then ``rho = success^T Pr(s_T)``, and all formulas for goals hold with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.augment import AugmentedProcess, leaves, remember_trajectory, remember_visits
from metaregret.tabular.bounds import relative_error
from metaregret.tabular.errors import UnreachableGoalError, UnsupportedError
from metaregret.tabular.goals import TerminalValues, goal_support, optimal_terminal_values
from metaregret.tabular.occupancy import FlowPolytope
from metaregret.tabular.policy import terminal_distribution
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.response import Responses, best_responses
from metaregret.theory.tasks import Detection, GoalTasks, RewardTasks, TaskFamily, TrajectoryTasks

__all__ = ["Achieved", "Image", "SuccessTasks", "success_tasks"]


class Achieved(NamedTuple):
    """What a policy achieves: lower bounds and computed values, shape (K,) each, and its terminal
    distribution where success is a matter of that."""

    lower: np.ndarray
    nominal: np.ndarray
    terminal: np.ndarray | None


class Image(Protocol):
    """Tasks as a linear image of the flow polytope, which is all that solvers without memory need of them.

    Attributes
    ----------
    what : str
        What is achieved, in words.
    optimum : TerminalValues
        The best that can be achieved on each task.
    scale : ndarray, shape (K,)
        What makes achievements comparable.
    """

    @property
    def what(self) -> str: ...
    @property
    def process(self) -> ControlledMarkovProcess: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def optimum(self) -> TerminalValues: ...
    @property
    def scale(self) -> np.ndarray: ...
    def image(self, polytope: FlowPolytope) -> sp.csr_array:
        """Return what is achieved as a function of the flow, shape (K, variables)."""

    def support(self, weights: np.ndarray) -> float:
        """Return an upper bound on the weighted sum of what any policy achieves."""

    def evaluate(self, policy: np.ndarray) -> Achieved:
        """Return what a policy achieves, evaluated afresh."""


@dataclass(frozen=True, eq=False)
class SuccessTasks:
    """``K`` tasks as marks on the terminal states of a process.

    Attributes
    ----------
    process : ControlledMarkovProcess
        The process on which success is a matter of the terminal state only.
    success : sparse array, shape (S', K)
        One where ending in the state is a success.
    names : tuple of str
    base : ControlledMarkovProcess
        The process the tasks were stated on.
    augmented : AugmentedProcess or None
    """

    process: ControlledMarkovProcess
    success: sp.csc_array
    names: tuple[str, ...]
    base: ControlledMarkovProcess
    augmented: AugmentedProcess | None = field(default=None)
    what: ClassVar[str] = "success probabilities"

    @cached_property
    def optimum(self) -> TerminalValues:
        """``v*_z``, the best success probability of each task, with certified bounds."""
        if "responses" in self.__dict__:
            return self.responses.optimum
        return optimal_terminal_values(self.process, self.success)

    @cached_property
    def scale(self) -> np.ndarray:
        """``1 / v*_z``: solvers' absolute tolerances then mean the same for rare and for sure goals."""
        return 1.0 / np.maximum(self.optimum.values, 1e-300)

    def image(self, polytope: FlowPolytope) -> sp.csr_array:
        """See `Image`."""
        return sp.csr_array(self.success.T @ polytope.terminal)

    def support(self, weights: np.ndarray) -> float:
        """See `Image`; by value iteration."""
        column = np.asarray(self.success @ weights)[:, None]
        return float(optimal_terminal_values(self.process, column).upper[0])

    def evaluate(self, policy: np.ndarray) -> Achieved:
        """See `Image`."""
        found, marks = terminal_distribution(self.process, policy), self.success.T
        # Marks are 0 or 1: summing them rounds at most once a term.
        error = relative_error(int(np.diff(self.success.indptr).max()))
        lower = np.asarray(marks @ found.lower) * (1.0 - error)
        return Achieved(lower, np.asarray(marks @ found.probabilities), found.probabilities)

    @cached_property
    def responses(self) -> Responses:
        """Optimal policies of all tasks, as where they end, with `optimum`: one pass of the planner."""
        return best_responses(self.process, self.success)


def success_tasks(tasks: TaskFamily) -> SuccessTasks:
    """Return the success form of a task family.

    Raises
    ------
    UnreachableGoalError
        If a named goal has ``v* = 0``.
    UnsupportedError
        For general reward tables, which have no notion of a first success.
    InstanceTooLargeError
        If remembering visits or trajectories needs too many states.
    """
    if isinstance(tasks, RewardTasks):
        raise UnsupportedError(
            "General reward tables have no first success; solve them for blind learners or those with memory."
        )
    if isinstance(tasks, TrajectoryTasks):
        return _trajectories(tasks)
    check_reachable(tasks)
    process, goals = tasks.process, tasks.goals
    if tasks.detect is Detection.VISIT:
        augmented, visited = remember_visits(process, goals)
        return SuccessTasks(augmented.process, visited, tasks.names, process, augmented)
    marks = sp.csc_array(
        (np.ones(len(goals)), (goals, np.arange(len(goals)))), shape=(process.n_states, len(goals))
    )
    return SuccessTasks(process, marks, tasks.names, process)


def check_reachable(tasks: GoalTasks) -> None:
    """Raise `UnreachableGoalError` if a goal cannot be reached with positive probability."""
    support = goal_support(tasks.process, visit=tasks.detect is Detection.VISIT)
    missing = tasks.goals[~support[tasks.goals]]
    if len(missing):
        name = tasks.process.states[int(missing[0])]
        raise UnreachableGoalError(
            f"Goal {name!r} (index {int(missing[0])}) cannot be reached in {tasks.process.name!r}: v* = 0, "
            "so no regret is defined; leave it out, or raise the horizon."
        )


def _trajectories(tasks: TrajectoryTasks) -> SuccessTasks:
    tree = remember_trajectory(tasks.process)
    complete = leaves(tree)
    marks = sp.csc_array(
        (np.ones(len(complete)), (complete, np.arange(len(complete)))),
        shape=(tree.process.n_states, len(complete)),
    )
    names = tuple(_spell(tasks.process, tree.memory[leaf]) for leaf in complete)
    return SuccessTasks(tree.process, marks, names, tasks.process, tree)


def _spell(process: ControlledMarkovProcess, memory: object) -> str:
    """Name a trajectory ``s0 -a-> s1 -a-> s2``."""
    assert isinstance(memory, tuple)
    text = process.states[memory[0]]
    for choice, state in zip(memory[1::2], memory[2::2], strict=True):
        text += f" -{process.actions[int(process.choice_action[choice])]}-> {process.states[state]}"
    return text
