"""The same game on the full history tree: an independent oracle, written from the definitions alone.

Nothing here knows about hyperstates, posterior sets or known-task planning. A history is what the learner
has seen: the states and actions of all episodes and the reward after every step. For each history and
action there is one realisation weight ``x(h a)`` (sequence form, von Stengel 1996); the task's and chance's
moves are summed out, so

    loss(z) = base(z) - sum_h sum_a x(h a) sum_o Pr(o | h, a) r_z(o) [h consistent with z]

and the minimax value is the linear program ``min_x max_z loss(z)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import scipy.optimize as so
import scipy.sparse as sp

from metaregret.tabular.process import ControlledMarkovProcess

TIGHT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
"""At HiGHS's default of 1e-7 the value of a degenerate tree was seen to be off by 1e-7."""

Reward = Callable[[int, int, int, int, tuple[int, ...]], float]
"""``reward(z, t, transition, next_state, states_visited_before)``; t = -1 for the beginning of an episode."""


@dataclass
class Tree:
    """The rows and columns of the sequence-form program."""

    process: ControlledMarkovProcess
    episodes: int
    tasks: int
    reward: Reward
    per_step_cost: Callable[[int, bool], float] = lambda step, found: 0.0
    stops_when_found: bool = False
    flow: list[tuple[int, int, float]] = field(default_factory=list)
    right: list[float] = field(default_factory=list)
    payoff: list[tuple[int, int, float]] = field(default_factory=list)
    constant: np.ndarray = field(default_factory=lambda: np.empty(0))
    columns: int = 0

    def begin(self, episode: int, incoming: int, chance: float, tasks: list[int], found: set[int]) -> None:
        """All ways to begin an episode; `incoming` is the sequence played so far (-1: none)."""
        self._earn(incoming, chance, tasks, lambda z: self.per_step_cost(-1, z in found))
        for state in np.flatnonzero(self.process.initial):
            probability = chance * float(self.process.initial[state])
            self._observe(episode, 0, -1, int(state), (), incoming, probability, tasks, found)

    def _observe(
        self,
        episode: int,
        step: int,
        transition: int,
        state: int,
        before: tuple[int, ...],
        incoming: int,
        chance: float,
        tasks: list[int],
        found: set[int],
    ) -> None:
        """A step was taken: pay the rewards, branch on what the learner sees of them, and go on."""
        seen: dict[float, list[int]] = {}
        for z in tasks:
            seen.setdefault(self.reward(z, step - 1, transition, state, before), []).append(z)
        for reward, group in seen.items():
            if not self.stops_when_found:
                self._earn(incoming, chance, group, lambda z, paid=reward: paid)
            hit = found | set(group) if self.stops_when_found and reward > 0 else found
            self._decide(episode, step, state, (*before, state), incoming, chance, group, hit)

    def _decide(
        self,
        episode: int,
        step: int,
        state: int,
        before: tuple[int, ...],
        incoming: int,
        chance: float,
        tasks: list[int],
        found: set[int],
    ) -> None:
        horizon = self.process.horizon.steps
        if step == horizon:
            if episode + 1 < self.episodes:
                self.begin(episode + 1, incoming, chance, tasks, found)
            return
        row = len(self.right)
        self.right.append(1.0 if incoming < 0 else 0.0)
        if incoming >= 0:
            self.flow.append((row, incoming, -1.0))
        for choice in self.process.choices(state):
            column = self.columns
            self.columns += 1
            self.flow.append((row, column, 1.0))
            self._earn(column, chance, tasks, lambda z: self.per_step_cost(step, z in found))
            for m in range(int(self.process.offsets[choice]), int(self.process.offsets[choice + 1])):
                probability = chance * float(self.process.probabilities[m])
                following = int(self.process.successors[m])
                self._observe(episode, step + 1, m, following, before, column, probability, tasks, found)

    def _earn(self, column: int, chance: float, tasks: list[int], amount: Callable[[int], float]) -> None:
        for z in tasks:
            if column < 0:
                self.constant[z] += chance * amount(z)
            elif amount(z):
                self.payoff.append((z, column, chance * amount(z)))

    def build(self) -> Tree:
        """Expand the whole tree."""
        self.constant = np.zeros(self.tasks)
        self.begin(0, -1, 1.0, list(range(self.tasks)), set())
        return self

    def matrices(self) -> tuple[sp.csr_array, np.ndarray, sp.csr_array]:
        """Return the flow constraints ``E x = e`` and the payoff matrix, shape (tasks, columns)."""
        flow = np.array(self.flow)
        rows, columns = flow[:, 0].astype(int), flow[:, 1].astype(int)
        e = sp.csr_array((flow[:, 2], (rows, columns)), shape=(len(self.right), self.columns))
        payoff = np.array(self.payoff).reshape(-1, 3)
        index = payoff[:, 0].astype(int), payoff[:, 1].astype(int)
        return e, np.array(self.right), sp.csr_array((payoff[:, 2], index), shape=(self.tasks, self.columns))

    def best_payoff(self, weights: np.ndarray) -> float:
        """The largest weighted payoff of any learner (a linear program on the tree)."""
        e, right, payoff = self.matrices()
        found = so.linprog(-(weights @ payoff), A_eq=e, b_eq=right, bounds=(0, None), options=TIGHT)
        assert found.status == 0, found.message
        return float(-found.fun + weights @ self.constant)

    def minimax(self, base: np.ndarray, scale: np.ndarray) -> float:
        """``min_x max_z scale_z (base_z - payoff_z)``."""
        e, right, payoff = self.matrices()
        theta = sp.csr_array(-np.ones((self.tasks, 1)))
        rows = sp.hstack([sp.csr_array(-scale[:, None] * payoff.toarray()), theta])
        found = so.linprog(
            np.append(np.zeros(self.columns), 1.0),
            A_ub=rows,
            b_ub=-scale * (base - self.constant),
            A_eq=sp.hstack([e, sp.csr_array((len(right), 1))]),
            b_eq=right,
            bounds=[(0, None)] * self.columns + [(None, None)],
            options=TIGHT,
        )
        assert found.status == 0, found.message
        return float(found.fun)


def goal_tree(
    process: ControlledMarkovProcess, goals: np.ndarray, episodes: int, *, visit: bool, costs: bool
) -> Tree:
    """Goals, straight from their definition; costs count episodes (end) or steps (visit) until found."""
    horizon = process.horizon.steps

    def reward(z: int, step: int, transition: int, state: int, before: tuple[int, ...]) -> float:
        if visit:
            return float(state == goals[z] and goals[z] not in before)
        return float(state == goals[z] and step == horizon - 1)

    def cost(step: int, found: bool) -> float:
        counted = step >= 0 if visit else step < 0
        return -1.0 if counted and not found else 0.0

    if costs:
        return Tree(process, episodes, len(goals), reward, cost, stops_when_found=True).build()
    return Tree(process, episodes, len(goals), reward).build()


def reward_tree(process: ControlledMarkovProcess, values: np.ndarray, episodes: int) -> Tree:
    """General reward tables, shape (Z, M)."""

    def reward(z: int, step: int, transition: int, state: int, before: tuple[int, ...]) -> float:
        return 0.0 if transition < 0 else float(values[z, transition])

    return Tree(process, episodes, len(values), reward).build()


def known_payoffs(tree: Tree) -> np.ndarray:
    """The best payoff on each task when it is known, from the same tree (one task at a time)."""
    return np.array([tree.best_payoff(weights) for weights in np.eye(tree.tasks)])


def value(tree: Tree, *, costs: bool, ratio: bool = False) -> float:
    """The minimax regret, cost or cost ratio of the game on this tree."""
    best = known_payoffs(tree)
    if not costs:
        return tree.minimax(best, np.ones(tree.tasks))
    scale = 1.0 / -best if ratio else np.ones(tree.tasks)
    return tree.minimax(np.zeros(tree.tasks), scale)
