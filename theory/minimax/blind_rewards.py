"""The minimax blind learner for general reward tables: one policy for all episodes, ``N`` of them.

    min_pi max_{p in U} sum_z p_z N (v_z - E_pi r_z),   v_z = max_pi E_pi r_z,

where an episode's reward is the sum over its steps (at a geometric horizon: the discounted sum). It is a
linear program over occupancy measures (Puterman 1994, sec. 6.9). Nothing that the solver says is believed:
its policy is evaluated afresh (upper bound), and for its dual weights ``p`` the best policy for the rewards
``sum_z p_z r_z`` is planned (lower bound, ``E_p v_z - max_pi E_pi sum_z p_z r_z``). Regret does not change
when a table is shifted by a constant; tables are shifted to be non-negative, so that rounding errors are
relative.
"""

from __future__ import annotations

import dataclasses
import math
import time
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from metaregret.tabular.backup import backup
from metaregret.tabular.bounds import Bracket, Status, relative_error
from metaregret.tabular.engine import Objective, PlanningSolution, solve
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.modelling import cvxpy as cp
from metaregret.tabular.occupancy import flow_polytope
from metaregret.tabular.policy import terminal_distribution
from metaregret.theory.adversaries import Adversary, Simplex
from metaregret.theory.learners import Progress
from metaregret.theory.minimax.exact import AchievableRewards, outward_bracket, solve_linear
from metaregret.theory.minimax.proof import Exact, PolicyProof
from metaregret.theory.minimax.solution import MinimaxSolution
from metaregret.theory.optimise import Best, solve_certified
from metaregret.theory.question import Question
from metaregret.theory.tasks import RewardTasks

__all__ = ["BlindRewards", "RewardPoint", "answer"]

DISTANCES = (0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6)
"""Of the tangents at which a curved set of the adversary is made linear, relative."""


@dataclass(frozen=True, eq=False)
class RewardPoint:
    """A policy and a prior of the adversary's set with the bounds on the minimax regret of one episode that
    they prove.

    Attributes
    ----------
    lower, upper : float
    policy : ndarray, shape (T, C) or (C,)
    regrets : ndarray, shape (Z,)
        Upper bounds on the policy's regret of one episode on each task.
    prior : ndarray, shape (Z,)
    """

    lower: float
    upper: float
    policy: np.ndarray
    regrets: np.ndarray
    prior: np.ndarray


class BlindRewards:
    """The game between a blind learner and an adversary who picks a reward table, or a distribution of them.

    Attributes
    ----------
    adversary : Adversary
    rewards : ndarray, shape (Z, M)
        The tables, each shifted so that its smallest entry is 0.
    """

    def __init__(self, tasks: RewardTasks, tolerance: float, adversary: Adversary | None = None) -> None:
        self.process, self.adversary = tasks.process, Simplex() if adversary is None else adversary
        values = tasks.tables.values
        self.rewards = values - values.min(axis=1, keepdims=True)
        self._tolerance = max(1e-13, 0.01 * tolerance)

    def plan(self, rewards: np.ndarray) -> PlanningSolution:
        """Return the best expected reward of an episode, for rewards of transitions, shape (M,)."""
        horizon = self.process.horizon
        if isinstance(horizon, FiniteHorizon):
            return solve(
                self.process,
                rewards,
                objective=Objective.FINITE,
                steps=horizon.steps,
                tolerance=self._tolerance,
            )
        return solve(
            self.process,
            rewards,
            objective=Objective.DISCOUNTED,
            gamma=horizon.gamma,
            tolerance=self._tolerance,
        )

    @cached_property
    def optimum(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper bounds on ``v_z`` of the shifted tables, shape (Z,) each; the shift rounds once."""
        found = [self.plan(row).value for row in self.rewards]
        error = relative_error(2)
        lower = np.array([value.lower for value in found]) * (1 - error)
        return np.maximum(lower, 0.0), np.array([value.upper for value in found]) * (1 + error)

    @cached_property
    def expected(self) -> np.ndarray:
        """Expected reward of each choice, shape (Z, C)."""
        weighted = self.rewards * self.process.probabilities
        return np.add.reduceat(weighted, self.process.offsets[:-1], axis=1)

    def earned(self, policy: np.ndarray) -> np.ndarray:
        """Return a lower bound on the expected reward of an episode on each task, shape (Z,)."""
        state, horizon = self.process.choice_state, self.process.horizon
        longest = int(np.diff(self.process.offsets).max()) + self.process.n_choices + 8
        if not isinstance(horizon, FiniteHorizon):
            occupied = terminal_distribution(self.process, policy).lower[state] * policy
            earned = self.expected @ occupied / float(1 - horizon.gamma)
            return earned * (1 - relative_error(longest))
        operator = backup(self.process)
        distribution, total = operator.initial(), np.zeros(len(self.rewards))
        for weights in policy:
            flow = distribution[state] * weights
            total += self.expected @ flow
            distribution = operator.push(flow)
        widest = int(np.bincount(self.process.successors).max())
        widest += int(np.diff(self.process.choice_offsets).max()) + 5
        return total * (1 - relative_error(horizon.steps * (widest + 1) + longest))

    def certify(self, policy: np.ndarray, weights: np.ndarray) -> RewardPoint:
        """Return the bounds that a policy and dual weights prove."""
        lower_optimum, upper_optimum = self.optimum
        regrets = np.maximum(np.nextafter(upper_optimum - self.earned(policy), np.inf), 0.0)
        prior = np.maximum(np.nan_to_num(weights), 0.0)
        count = len(prior)
        prior = prior / prior.sum() if prior.sum() > 0 else np.full(count, 1.0 / count)
        prior = self.adversary.inside(prior)
        mean, planned = float(prior @ lower_optimum), self.plan(prior @ self.rewards).value.upper
        # Once for both sums, once because the prior sums to one only up to rounding.
        lower = mean - planned - relative_error(2 * count + 10) * (mean + planned)
        upper = self.adversary.worst(regrets)
        if not isinstance(self.adversary, Simplex):
            upper += relative_error(4 * count + 16) * float(regrets.max())
        return RewardPoint(min(max(lower, 0.0), upper), upper, policy, regrets, prior)


def answer(question: Question, progress: Progress | None = None) -> MinimaxSolution:
    """Return the minimax blind learner for reward tables and the least-favourable task distribution.

    Raises
    ------
    NotExactError, InstanceTooLargeError
        If the exact value is asked for and cannot be computed.
    ConvergenceError
        If the bracket against a restricted adversary does not close to the tolerance.
    """
    began = time.perf_counter()
    tasks, episodes, tolerance = question.tasks, question.episodes, question.tolerance
    assert isinstance(tasks, RewardTasks)  # the question refuses the rest
    assert episodes is not None
    achievable = AchievableRewards(tasks) if question.exact else None
    game = BlindRewards(tasks, tolerance, question.adversary)
    lowest, highest, size = _program(game, episodes, tolerance)
    if progress is not None:
        progress(episodes * highest.lower, episodes * lowest.upper)
    value = Bracket(
        _down(episodes * highest.lower),
        _up(episodes * lowest.upper),
        lower_from="dual weights, evaluated by planning for the weighted rewards",
        upper_from="rewards of the returned policy, evaluated afresh",
    )
    solution = MinimaxSolution(
        value=value,
        tasks=tasks.names,
        least_favourable=highest.prior,
        per_task=episodes * lowest.regrets,
        exploration=None,
        family=question.tasks,
        learner=question.learner,
        criterion=question.criterion,
        episodes=episodes,
        method="linear program over occupancy measures (HiGHS)",
        status=value.status(tolerance),
        seconds=time.perf_counter() - began,
        size=size,
        proof=PolicyProof(policy=lowest.policy, weights=highest.prior, adversary=question.adversary),
    )
    return solution if achievable is None else _sharpen(achievable, solution, episodes, began)


def _down(bound: float) -> float:
    return max(0.0, math.nextafter(bound, -math.inf))


def _up(bound: float) -> float:
    return math.nextafter(bound, math.inf)


def _program(
    game: BlindRewards, episodes: int, tolerance: float
) -> tuple[RewardPoint, RewardPoint, dict[str, int]]:
    """Return the saddle points with the smallest upper and the largest lower bound, and the sizes.

    A curved set of the adversary is a linear model of it, refined around the best prior so far.
    """
    polytope = flow_polytope(game.process)
    lower, upper = game.optimum
    scale = float(upper.max()) or 1.0
    horizon = game.process.horizon
    unit = 1.0 if isinstance(horizon, FiniteHorizon) else 1.0 / float(1 - horizon.gamma)
    flow, loss = cp.Variable(len(polytope.choice), nonneg=True), cp.Variable(len(lower))
    earned = (game.expected[:, polytope.choice] * (unit / scale)) @ flow
    tasks = earned + loss >= 0.5 * (lower + upper) / scale
    flows = polytope.balance @ flow == polytope.supply

    def certify() -> RewardPoint | None:
        if flow.value is None or tasks.dual_value is None:
            return None
        return game.certify(polytope.policy(flow.value), np.asarray(tasks.dual_value))

    best, prior = None, game.adversary.start(len(lower))
    for distance in DISTANCES:
        bound, constraints = game.adversary.model(loss, prior, distance)
        problem = cp.Problem(cp.Minimize(bound), [tasks, flows, *constraints])
        # The gap is asked relative to max(1, N lower): absolute in units of one episode, it is at least this.
        new = solve_certified(problem, certify, tolerance=tolerance / episodes)
        best = (
            new
            if best is None
            else Best(
                min(best.lowest, new.lowest, key=lambda point: point.upper),
                max(best.highest, new.highest, key=lambda point: point.lower),
                new.method,
            )
        )
        if game.adversary.polyhedral or best.upper - best.lower <= tolerance / episodes:
            break
        prior = best.highest.prior
    assert best is not None
    size = {
        "states": game.process.n_states,
        "tasks": len(game.rewards),
        "variables": len(polytope.choice),
        "rows": polytope.balance.shape[0],
    }
    return best.lowest, best.highest, size


def _sharpen(
    achievable: AchievableRewards, solution: MinimaxSolution, episodes: int, began: float
) -> MinimaxSolution:
    """Return the solution with equal rational bounds, by exact column generation."""
    best, vertices = achievable.optimum()
    vertices = vertices + achievable.decompose(solution.policy_proof.policy, achievable.count + 2)
    ones = [Fraction(1)] * len(best)
    found = solve_linear(achievable, best, ones, vertices=vertices, prior=solution.least_favourable.array)
    regret, optimum = -episodes * found.level, np.array(best)
    losses = episodes * (optimum - found.success)
    value = outward_bracket(regret, regret)
    exact = Exact(
        lower=regret,
        upper=regret,
        prior=found.prior,
        weights=found.prior,
        per_task=losses,
        policy=found.policy,
        success=found.success,
        optimum=optimum,
    )
    method = f"exact column generation, {found.rounds} restricted games, {found.vertices} vertices"
    return dataclasses.replace(
        solution,
        value=value,
        least_favourable=np.array(found.prior, dtype=float),
        per_task=losses.astype(float),
        method=f"{solution.method}, then {method}",
        status=Status.EXACT,
        seconds=time.perf_counter() - began,
        proof=dataclasses.replace(
            solution.policy_proof,
            policy=np.array(found.policy, dtype=float),
            weights=np.array(found.prior, dtype=float),
            exact=exact,
        ),
    )
