"""Hitting times in steps for learners without memory, goals detected on the way.

A learner without memory plays one exploration policy ``x`` in every episode until it meets the goal. With
``c_g(x) = E min(time of the first visit to g, T)`` and ``rho_g(x)`` the probability of a visit in one
episode, the expected number of steps from the beginning of the first episode is, by Wald's identity, ``c_g /
rho_g`` for infinitely many episodes. Both are linear in the occupancy measure of the process that remembers
visited goals:

    min_x max_g c_g(x) / (b_g rho_g(x)),        b_g = 1, or min_x c_g / rho_g for the ratio criterion,

is a generalised linear-fractional program. It is solved by the method of Dinkelbach (1967) in the form of
Crouzeix, Ferland & Schaible (1985): at a level ``theta`` the linear program ``min_x max_g (c_g - theta b_g
rho_g) / d_g`` with ``d_g = b_g rho_g`` of the last iterate gives the next policy, whose worst ratio is the
next level. For dual weights ``w`` of the program every policy has ``max_g c_g / (b_g rho_g) >= sum w c / sum
w b rho``, so that

    min_x sum_g w_g (c_g - theta b_g rho_g) >= 0   proves   theta <= value,

one dynamic program. With finitely many episodes the cost ``c_g (1 - (1 - rho_g)^N) / rho_g`` has level sets
that are not convex in ``x``; that case is refused. Neither is the ratio convex: the reported task
distribution ``p_g`` (proportional to ``w_g b_g rho_g``) makes the policy stationary, but a saddle point need
not exist.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.backup import backup
from metaregret.tabular.bounds import Bracket, relative_error
from metaregret.tabular.engine import PlanningSolution, solve
from metaregret.tabular.errors import ConvergenceError, UnsupportedError
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.modelling import cvxpy as cp
from metaregret.tabular.occupancy import flow_polytope
from metaregret.tabular.policy import deterministic_policy, forward_error, uniform_policy
from metaregret.theory.learners import Progress
from metaregret.theory.minimax.parametric import Brackets, close
from metaregret.theory.minimax.proof import MarkedProof
from metaregret.theory.minimax.solution import MinimaxSolution
from metaregret.theory.optimise import Attempt, Best, solve_certified
from metaregret.theory.question import Question
from metaregret.theory.regret import check_certified
from metaregret.theory.success import SuccessTasks, success_tasks

__all__ = ["StepGame", "answer"]

MAX_ROUNDS = 60
MARGINS = tuple(10.0**k for k in range(-14, 0))
"""Relative distances below the level of Dinkelbach's method at which a lower bound is tried."""
FAR = 1e6
"""The level in episodes to begin with while no policy is known to find every goal."""
RAREST = 1e-300
"""Goals that no policy visits more often are refused: their hitting times are no floating-point numbers."""


@dataclass(frozen=True, eq=False)
class StepPoint:
    """A policy and weights with the bounds that they prove.

    Attributes
    ----------
    lower, upper : float
    policy : ndarray, shape (T, C')
    losses : ndarray, shape (K,)
        Upper bounds on the losses of `policy`.
    found : ndarray, shape (K,)
        Lower bounds on its visit probabilities.
    weights : ndarray, shape (K,)
    """

    lower: float
    upper: float
    policy: np.ndarray
    losses: np.ndarray
    found: np.ndarray
    weights: np.ndarray


class StepGame:
    """The game between an exploration policy and a goal, in steps.

    Attributes
    ----------
    marked : SuccessTasks
        The process that remembers visits.
    steps : int
        ``T``.
    at_start : ndarray of bool, shape (K,)
        Goals at which every episode begins: they cost nothing.
    least : tuple of ndarray, shape (K,) each
        Lower and upper bounds on ``b_g``.
    """

    def __init__(self, marked: SuccessTasks, steps: int) -> None:
        self.marked, self.steps, self.process = marked, steps, marked.process
        self._visited = sp.csr_array(marked.success.T)
        # What has been seen stays seen: what is seen in every state was seen in the beginning.
        self.at_start = marked.success.sum(axis=0) == self.process.n_states
        self._operator = backup(self.process)
        ones = np.ones(len(marked.names))
        self.least = (ones, ones)

    def evaluate(self, policy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return an upper bound on ``c_g`` and a lower bound on ``rho_g`` of a policy, shape (K,) each."""
        state, distribution = self.process.choice_state, self._operator.initial()
        seen = np.zeros(len(self.marked.names))
        for weights in policy:
            seen += self._visited @ distribution
            distribution = self._operator.push(distribution[state] * weights)
        error, tiny = forward_error(self.process, self.steps, more=self.steps + self.process.n_states)
        # A goal has been seen at some of the times 0..T-1; the other steps are spent before its first visit.
        cost = (self.steps - seen * (1 - error)) * (1 + relative_error(2))
        found = (self._visited @ distribution) * (1 - error) - self.process.n_states * tiny
        return np.where(self.at_start, 0.0, cost), np.maximum(found, 0.0)

    def losses(self, policy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return upper bounds on the losses of a policy and lower bounds on its visit probabilities."""
        cost, found = self.evaluate(policy)
        with np.errstate(divide="ignore", over="ignore"):
            ratio = np.where(found > 0, cost / (self.least[0] * found), np.inf) * (1 + relative_error(3))
        return ratio, found

    def plan(self, weights: np.ndarray, theta: float) -> PlanningSolution:
        """Minimise ``sum_g w_g (c_g - theta b_g rho_g)`` over policies."""
        step = weights.sum() - self._visited.T @ weights
        end = -theta * (self._visited.T @ (weights * self.least[1]))
        return solve(
            self.process,
            np.maximum(step, 0.0),
            steps=self.steps,
            terminal=end,
            maximise=False,
        )

    def proves(self, weights: np.ndarray, theta: float) -> bool:
        """Whether every policy has ``sum_g w_g (c_g - theta b_g rho_g) >= 0``, roundings included."""
        scale = (self.steps + theta * float(self.least[1].max())) * float(weights.sum())
        allowance = relative_error(2 * len(weights) + 6) * scale
        return self.plan(weights, theta).value.lower >= allowance

    def lower_bound(self, weights: np.ndarray, start: float) -> tuple[float, np.ndarray]:
        """Return a lower bound on the value from weights, and the policy of the last plan.

        Parameters
        ----------
        weights : ndarray, shape (K,)
            Non-negative, not all zero.
        start : float
            A finite level from which Dinkelbach's method descends, not below the smallest ratio.
        """
        theta = start
        for _ in range(MAX_ROUNDS):
            choices = self.plan(weights, theta).policy
            assert choices is not None
            policy = deterministic_policy(self.process, choices)
            cost, found = self.evaluate(policy)
            denominator = float(weights @ (self.least[1] * found))
            following = float(weights @ cost) / denominator if denominator > 0 else np.inf
            if not following < theta * (1 - 1e-15):
                break
            theta = following
        for margin in MARGINS:
            if self.proves(weights, theta * (1 - margin)):
                return theta * (1 - margin), policy
        return 0.0, policy

    def relative_to_best(self) -> None:
        """Set ``b_g`` to the smallest possible cost of every goal (of those that cost anything)."""
        lower, upper = np.ones(len(self.at_start)), np.ones(len(self.at_start))
        for goal in np.flatnonzero(~self.at_start).tolist():
            weights = np.zeros(len(lower))
            weights[goal] = 1.0
            # Whoever visits the goal as surely as possible pays at most T an episode.
            start = self.steps / float(self.marked.optimum.lower[goal])
            lower[goal], policy = self.lower_bound(weights, start)
            upper[goal] = self.losses(policy)[0][goal]
        self.least = (lower, upper)

    def certify(self, policy: np.ndarray, weights: np.ndarray) -> StepPoint:
        """Return the bounds that a policy and weights prove."""
        losses, found = self.losses(policy)
        upper = float(losses.max())
        clean = np.where(self.at_start, 0.0, np.maximum(np.nan_to_num(weights), 0.0))
        clean = clean / clean.max() if clean.max() > 0 else np.where(self.at_start, 0.0, 1.0)
        start = upper if np.isfinite(upper) else FAR * self.steps
        lower, _ = self.lower_bound(clean, start)
        return StepPoint(min(lower, upper), upper, policy, losses, found, clean)


class StepProgram:
    """The linear program at one level, as a function of its policy."""

    def __init__(self, game: StepGame) -> None:
        self.game, self.polytope = game, flow_polytope(game.process)
        self._active = np.flatnonzero(~game.at_start)
        self._visited = sp.csr_array(game.marked.success.T)[self._active]
        self._flow = cp.Variable(len(self.polytope.choice), nonneg=True)
        self._level = cp.Variable()

    def solve(
        self, theta: float, scale: np.ndarray, tolerance: float, attempts: Sequence[Attempt]
    ) -> Best[StepPoint]:
        """Minimise ``max_g (c_g - theta b_g rho_g) / scale_g``; return the certified points."""
        game, active = self.game, self._active
        state = game.process.choice_state[self.polytope.choice]
        seen, found = self._visited[:, state], self._visited @ self.polytope.terminal
        least = sp.diags_array(game.least[1][active])
        gain = sp.diags_array(1.0 / scale[active]) @ (seen + theta * (least @ found))
        goals = game.steps / scale[active] - gain @ self._flow <= self._level
        balance = self.polytope.balance @ self._flow == self.polytope.supply
        problem = cp.Problem(cp.Minimize(self._level), [goals, balance])

        def certify() -> StepPoint | None:
            if self._flow.value is None or goals.dual_value is None:
                return None
            weights = np.zeros(len(scale))
            weights[active] = np.asarray(goals.dual_value) / scale[active]
            return game.certify(self.polytope.policy(self._flow.value), weights)

        return solve_certified(problem, certify, tolerance=tolerance, attempts=attempts)


def answer(question: Question, progress: Progress | None = None) -> MinimaxSolution:
    """Return the policy without memory with the smallest worst hitting time in steps, or ratio.

    Blind and memoryless learners do the same until the first success. Goals that cost nothing are left out
    of the ratio.

    Raises
    ------
    UnsupportedError
        For a ratio without any goal to find, or a goal that is too rare for floating point.
    ConvergenceError
        If no finite bracket was found.
    """
    began, horizon = time.perf_counter(), question.tasks.process.horizon
    assert isinstance(horizon, FiniteHorizon)  # the question refuses others
    game = StepGame(success_tasks(question.tasks), horizon.steps)
    check_certified(game.marked.optimum, above=RAREST)
    if question.criterion.relative:
        if game.at_start.all():
            raise UnsupportedError("Every goal is at the start and costs nothing; name a goal to be found.")
        game.relative_to_best()
    if game.at_start.all():
        policy = uniform_policy(game.process)
        free = StepPoint(0.0, 0.0, policy, *game.losses(policy), np.ones(len(game.at_start)))
        found, size = Brackets(free, free), 0
    else:
        program = StepProgram(game)
        found = _dinkelbach(program, question.tolerance, progress)
        size = len(program.polytope.choice)
    return _solution(question, game, found, size, began)


def _dinkelbach(program: StepProgram, tolerance: float, progress: Progress | None) -> Brackets[StepPoint]:
    """Return the points with the smallest upper and the largest lower bound."""
    game = program.game
    start = game.certify(uniform_policy(game.process), np.ones(len(game.at_start)))
    found = Brackets(start, start)

    def ask(attempts: Sequence[Attempt]) -> Best[StepPoint]:
        lowest = found.best[0]
        theta = lowest.upper if np.isfinite(lowest.upper) else FAR * game.steps
        scale = game.least[1] * np.maximum(lowest.found, 1e-9)
        return program.solve(theta, scale, tolerance, attempts)

    close(found, ask, lambda _: True, tolerance, progress, rounds=MAX_ROUNDS)
    lowest, highest = found.best
    if not np.isfinite(lowest.upper):
        raise ConvergenceError(
            "No policy was found that visits every goal with certified probability; raise the horizon.",
            lower=highest.lower,
        )
    return found


def _solution(
    question: Question,
    game: StepGame,
    found: Brackets[StepPoint],
    variables: int,
    began: float,
) -> MinimaxSolution:
    lowest, highest = found.best
    kept = ~game.at_start | (not question.criterion.relative)
    value = Bracket(
        highest.lower,
        lowest.upper,
        lower_from="dual weights, evaluated by planning at one level",
        upper_from="first-visit times and visit probabilities of the returned policy, evaluated afresh",
    )
    if game.at_start.all():
        value = Bracket.of(0, "every goal is at the start")
    prior = (highest.weights * game.least[1] * lowest.found)[kept]
    return MinimaxSolution.answering(
        question,
        began,
        value=value,
        tasks=tuple(name for name, keep in zip(game.marked.names, kept, strict=True) if keep),
        least_favourable=prior / prior.sum(),
        per_task=lowest.losses[kept],
        exploration=lowest.found[kept],
        method="linear-fractional program over occupancy measures (Dinkelbach, HiGHS)",
        size={"states": game.process.n_states, "tasks": int(kept.sum()), "variables": variables},
        proof=MarkedProof(
            policy=lowest.policy,
            weights=highest.weights,
            marked=game.marked,
            interrupted=found.interrupted,
        ),
    )
