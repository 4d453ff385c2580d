"""From a proposal to the regret of the learners that use it.

* The *explorer* plays the proposal's skills until the first success: ``rho(g)`` is the mixture's terminal
distribution and its
  worst-case memoryless regret at ``N = inf`` is ``max_g v*_g / rho(g) - 1`` over the reachable goals (T1,
  T4). Where the proposed goal distribution is another one (goals proposed without regard to noise,
  marginals of all states), the explorer realises it if some policy can, and plays the skills otherwise.
* The *trained* learner is Bayes-optimal among memoryless learners for the task distribution that the
proposal's goals define:
  ``min_{rho in M} sum_g p_g v*_g / rho_g`` (T3), a convex program whose minimum is certified. On the full
  simplex it explores with ``rho`` proportional to ``sqrt(p)`` (T5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaregret.tabular.bounds import Bracket
from metaregret.tabular.goals import TerminalValues, goal_support, goal_values
from metaregret.tabular.occupancy import flow_polytope
from metaregret.tabular.policy import terminal_distribution
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.optimise import LINEAR_SOLVERS, solve_certified
from metaregret.theory.skills import Minimum, inverse_sum, minimise_over_terminal

__all__ = ["Explorer", "TrainedLearner", "realise", "trained_learner", "worst_case_regret"]

REALISED = 1e-9
"""Largest l1 distance at which a policy realises a distribution."""


@dataclass(frozen=True, eq=False)
class Explorer:
    """A terminal distribution that some policy has, with the error of its entries.

    Attributes
    ----------
    terminal : ndarray, shape (S,)
    error : ndarray, shape (S,)
    """

    terminal: np.ndarray
    error: np.ndarray


@dataclass(frozen=True, eq=False)
class TrainedLearner:
    """The Bayes-optimal memoryless learner for a distribution of goals.

    Attributes
    ----------
    exploration : ndarray, shape (S,)
        Its terminal distribution ``rho``.
    hitting_loss : Bracket
        ``min sum_g p_g (v_g / rho_g - 1)``: its expected regret on the tasks it was trained on, certified.
    worst_case : Bracket
        Its worst-case regret over the reachable goals.
    """

    exploration: np.ndarray
    hitting_loss: Bracket
    worst_case: Bracket


def worst_case_regret(
    process: ControlledMarkovProcess, terminal: np.ndarray, error: np.ndarray | None = None
) -> Bracket:
    """Return ``max_g v*_g / rho_g - 1`` over the reachable goals, infinite where one is not covered.

    Parameters
    ----------
    terminal : ndarray, shape (S,)
        ``rho``.
    error : ndarray, shape (S,), optional
        Bound on the error of its entries.
    """
    goals = np.flatnonzero(goal_support(process))
    best: TerminalValues = goal_values(process, goals)
    wrong = np.zeros(len(goals)) if error is None else error[goals]
    low = np.where(terminal[goals] > 0, np.maximum(terminal[goals] - wrong, 0.0), 0.0)
    high = np.where(terminal[goals] > 0, terminal[goals] + wrong, 0.0)
    with np.errstate(divide="ignore", over="ignore"):
        lower = float((best.lower / high).max()) * (1 - 1e-15) - 1.0
        upper = float((best.upper / low).max()) * (1 + 1e-15) - 1.0
    lower = max(0.0, lower)
    return Bracket(lower, max(lower, upper), lower_from="largest v*/rho", upper_from="largest v*/rho")


@dataclass(frozen=True, eq=False)
class _Realised:
    lower: float
    upper: float
    explorer: Explorer


def realise(process: ControlledMarkovProcess, target: np.ndarray) -> Explorer | None:
    """Return the explorer whose terminal distribution is `target`, shape (S,), or None where no policy has
    it.

    A linear program over the flow polytope; what counts is the distribution of the policy that comes back.
    """
    from metaregret.tabular.modelling import cvxpy as cp

    support = goal_support(process)
    if target[~support].sum() > REALISED:
        return None
    polytope = flow_polytope(process)
    flow, slack = cp.Variable(len(polytope.choice), nonneg=True), cp.Variable(process.n_states)
    off = polytope.terminal @ flow - target
    constraints = [off <= slack, -off <= slack]
    constraints += [polytope.balance @ flow == polytope.supply]
    problem = cp.Problem(cp.Minimize(np.ones(process.n_states) @ slack), constraints)

    def certify() -> _Realised | None:
        if flow.value is None:
            return None
        found = terminal_distribution(process, polytope.policy(flow.value))
        error = np.maximum(found.upper - found.probabilities, found.probabilities - found.lower)
        distance = float(np.abs(found.probabilities - target).sum())
        return _Realised(0.0, distance, Explorer(found.probabilities, error))

    best = solve_certified(problem, certify, tolerance=REALISED, attempts=LINEAR_SOLVERS[:2])
    return best.lowest.explorer if best.upper <= REALISED else None


def trained_learner(
    process: ControlledMarkovProcess, goal_distribution: np.ndarray, *, tolerance: float = 1e-9
) -> TrainedLearner:
    """Return the memoryless learner that is Bayes-optimal for goals drawn from `goal_distribution`, shape
    (S,).

    Goals that cannot be reached are left out of the distribution.

    Raises
    ------
    ConvergenceError
        If the certified gap does not close to `tolerance`.
    """
    goals = goal_support(process)
    p = np.where(goals, goal_distribution, 0.0)
    p = p / p.sum()
    best = goal_values(process)
    found: Minimum = minimise_over_terminal(process, inverse_sum(p * best.values), tolerance=tolerance)
    error: np.ndarray = sum((s.probability * s.error for s in found.skills), np.zeros(len(p)))
    loss = Bracket(
        max(0.0, found.value.lower - 1.0),
        max(0.0, found.value.upper - 1.0),
        lower_from=found.value.lower_from,
        upper_from=found.value.upper_from,
    )
    return TrainedLearner(found.terminal, loss, worst_case_regret(process, found.terminal, error))
