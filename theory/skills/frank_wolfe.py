"""Certified minima of separable convex functions over the terminal polytope ``M``.

    min_{rho in M} F(rho) = sum_s phi_s(rho_s)

by the fully corrective Frank-Wolfe method: keep a set of terminal distributions, minimise ``F`` over their
convex hull (a primal-dual interior-point method in their weights), add the best response to ``-grad F`` by
value iteration, repeat. Every round proves

    F(rho) - max_{v in M} grad F(rho) . (rho - v)  <=  min F  <=  F(rho).

Two functions matter here: the relative entropy to a target (state-marginal matching) and ``sum_g w_g /
rho_g`` (T3, the best exploration of a memoryless learner for a known task distribution).

Sources: M. Frank and P. Wolfe (1956); M. Jaggi, "Revisiting Frank-Wolfe", ICML 2013 (fully corrective
variant and gap); S. J. Wright, *Primal-Dual Interior-Point Methods*, 1997.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import rel_entr

from metaregret.tabular.bounds import Bracket, relative_error
from metaregret.tabular.engine.problem import row_mass
from metaregret.tabular.errors import ConvergenceError
from metaregret.tabular.goals import goal_support
from metaregret.tabular.groups import distinct
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.policy import deterministic_policy
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.response import best_responses, goal_responses
from metaregret.theory.information.separable import Separable, minimise_over_hull
from metaregret.theory.skills.skill import Skill, make_skills, mixture

__all__ = ["Minimum", "inverse_sum", "minimise_over_terminal", "relative_entropy"]

MAX_ROUNDS = 500


def relative_entropy(target: np.ndarray) -> Separable:
    """Return ``KL(rho || target)`` in nats; `target`, shape (S,), is positive wherever an episode can end."""

    def slope(rho: np.ndarray) -> np.ndarray:
        return np.asarray(np.log(np.maximum(rho, 1e-300) / np.maximum(target, 1e-300)) + 1.0)

    return Separable(lambda rho: rel_entr(rho, target), slope, lambda rho: 1.0 / np.maximum(rho, 1e-300))


def inverse_sum(weights: np.ndarray) -> Separable:
    """Return ``sum_g w_g / rho_g`` over the goals of positive weight; `weights` has shape (S,)."""

    def power(rho: np.ndarray, exponent: int) -> np.ndarray:
        return np.asarray(weights / np.maximum(rho, 1e-100) ** exponent)

    return Separable(lambda r: power(r, 1), lambda r: -power(r, 2), lambda r: 2.0 * power(r, 3))


@dataclass(frozen=True, eq=False)
class Minimum:
    """A certified minimum over the terminal polytope.

    Attributes
    ----------
    value : Bracket
    terminal : ndarray, shape (S,)
        The minimising ``rho``.
    skills : tuple of Skill
        Policies whose mixture has that terminal distribution.
    """

    value: Bracket
    terminal: np.ndarray
    skills: tuple[Skill, ...]


def minimise_over_terminal(
    process: ControlledMarkovProcess, objective: Separable, *, tolerance: float = 1e-9
) -> Minimum:
    """Return ``min_{rho in M} F(rho)`` with a certified bracket and policies that attain it.

    Parameters
    ----------
    process : ControlledMarkovProcess
    objective : Separable
        Convex, finite where every state in which an episode can end has positive probability.
    tolerance : float
        Wanted gap relative to ``max(1, |F|)``.

    Raises
    ------
    ConvergenceError
        If the gap does not close; it carries the certified bounds.
    """
    reachable = goal_support(process)
    support = np.flatnonzero(reachable)
    goals = goal_responses(process, support)
    first = distinct(goals.terminal)
    rows, choices = goals.terminal[first], goals.choices[..., first]
    lower, weights, astray = -np.inf, np.ones(len(rows)), _astray(process)
    for _ in range(MAX_ROUNDS):
        weights = minimise_over_hull(rows, objective, weights)
        rho = weights @ rows
        rho /= rho.sum()  # the linearisation holds at a distribution
        value = float(objective.value(rho).sum())
        slope = np.where(reachable, objective.slope(rho), 0.0)  # no policy ends elsewhere
        steepest = slope[support].max()
        reward = np.where(reachable, steepest - slope, 0.0)
        response = best_responses(process, reward[:, None], keep=True)
        # max_v -grad . v = response - max(grad) where v sums to one; the slack covers the rest.
        slack = relative_error(8 * len(support) + 64) * float(np.abs(slope).max() + abs(value))
        slack += abs(float(steepest)) * astray
        lower = max(lower, value - (float(response.optimum.upper[0]) - float(reward @ rho)) - slack)
        if value - lower <= tolerance * max(1.0, abs(value)):
            kept = weights > 1e-13
            policies = [deterministic_policy(process, choices[..., i]) for i in np.flatnonzero(kept)]
            return _certified(objective, lower, make_skills(process, weights[kept], policies))
        rows = np.concatenate([rows, response.terminal])
        choices = np.concatenate([choices, response.choices], axis=-1)
        weights = np.append(weights, 1e-3)
    raise ConvergenceError(
        f"The gap of {value - lower:.3g} did not close to {tolerance} in {MAX_ROUNDS} rounds; raise the "
        "tolerance.",
        lower=lower,
        upper=value,
    )


def _astray(process: ControlledMarkovProcess) -> float:
    """Return how far the sum of the terminal probabilities of any policy may be from one: not at all for an
    exact process; rows of stored floats are taken literally."""
    if process.is_exact:
        return 0.0
    horizon, (low, high), start = process.horizon, row_mass(process), float(process.initial.sum())
    if isinstance(horizon, FiniteHorizon):
        stop, least, most = 1.0, low**horizon.steps, high**horizon.steps
    else:
        gamma, stop = float(horizon.gamma), float(1 - horizon.gamma)
        gain = gamma * (high - 1.0)
        left = stop - gain - relative_error(4) * (stop + abs(gain))  # no more than what is left
        least, most = stop / (1.0 - gamma * low), stop / left if left > 0 else np.inf
    return max(most * start - 1.0, 1.0 - least * start) + relative_error(process.n_states + 64) / stop


def _certified(objective: Separable, lower: float, skills: tuple[Skill, ...]) -> Minimum:
    """Evaluate the returned mixture afresh, at both ends of its error."""
    rho = mixture(skills)
    error = sum(s.probability * s.error for s in skills) + rho * relative_error(len(skills) + 4)
    terms, ends = objective.value(rho), (np.maximum(rho - error, 0.0), rho + error)
    steepest = np.maximum(*(np.abs(objective.slope(end)) for end in ends))
    upper = float(terms.sum() + steepest @ error + relative_error(len(rho) + 16) * np.abs(terms).sum())
    value = Bracket(
        min(lower, upper), upper, lower_from="linearisation, by value iteration", upper_from="evaluation"
    )
    return Minimum(value, rho, skills)
