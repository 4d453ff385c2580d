"""Sharpen a floating-point minimax solution of a learner without memory to rational bounds.

* Where the problem is a linear program (infinitely many episodes, one episode, or the blind learner's regret)
  the value is rational. Equal bounds come from one rational linear solve where all tasks bind
  (`closed_form`, tried before anything else), and from exact column generation elsewhere.
* With ``2 <= N < inf`` episodes the value is in general irrational. The linear program at a rational point
  near the optimum gives an exact policy, whose worst loss is the upper bound, and weights ``w``. Convexity
  gives the lower bound: with the tangents at ``r``, ``s_g = -phi_g'(r_g)`` and ``p_g`` proportional to
  ``w_g / s_g``,

      min_{rho in M} sum_g p_g phi_g(rho_g) >= sum_g p_g (phi_g(r_g) + s_g r_g) - U(p s),

  one exact dynamic program. The bounds are equal where the optimum itself is rational and was hit; otherwise
  they are a proved bracket and nothing more is claimed.
"""

from __future__ import annotations

import dataclasses
import math
import time
from fractions import Fraction

import numpy as np

from metaregret.tabular.backup.rational import from_flint, to_flint
from metaregret.tabular.bounds import Bracket
from metaregret.tabular.policy import exact_terminal
from metaregret.tabular.rationals import nearest_float
from metaregret.theory.minimax.exact.achievable import Achievable
from metaregret.theory.minimax.exact.generation import LinearOptimum, equalise, solve_linear
from metaregret.theory.minimax.proof import Exact, MarkedProof
from metaregret.theory.minimax.solution import MinimaxSolution
from metaregret.theory.regret import ExactLoss, LinearForm, LossForm

__all__ = ["closed_form", "complete", "outward_bracket", "sharpen"]

DENOMINATORS = (1000, 10**12)
"""Largest denominators of the points at which a convex problem is made linear, tried in this order."""

SLOPE_DENOMINATOR = 10**6
"""Largest denominator of the slopes there; rounding them moves the bounds only to second order."""


def sharpen(achievable: Achievable, solution: MinimaxSolution, tolerance: float) -> MinimaxSolution:
    """Return `solution` with rational bounds, equal wherever the value is found to be rational.

    Parameters
    ----------
    achievable : Achievable
        The polytope of the tasks that were solved.
    solution : MinimaxSolution
        A floating-point solution; only its policy and its weights are used, as starting points.
    tolerance : float
        The relative gap that still counts as certified where the bounds differ.
    """
    began = time.perf_counter()
    loss, vertices = _loss(achievable, solution.criterion.form(solution.learner), solution.episodes)
    vertices += achievable.decompose(solution.policy_proof.policy, achievable.count + 2)
    exact = _solve(achievable, loss, vertices, solution)
    found = complete(solution, loss, exact, tolerance)
    return dataclasses.replace(found, seconds=solution.seconds + time.perf_counter() - began)


def closed_form(
    achievable: Achievable, form: LossForm, episodes: int | None
) -> tuple[ExactLoss, Exact] | None:
    """Return the exact solution by one rational linear solve, None where there is none (see `equalise`)."""
    loss, policies = _loss(achievable, form, episodes)
    linear = loss.linear_form()
    found = None if linear is None else equalise(achievable, linear.base, linear.direction, policies)
    if linear is None or found is None:
        return None
    return loss, _proved(loss, linear, found, "one rational linear solve over the tasks' own policies")


def _loss(achievable: Achievable, form: LossForm, episodes: int | None) -> tuple[ExactLoss, list[np.ndarray]]:
    """Return the loss in exact arithmetic and the policies that are best for one task each."""
    best, policies = achievable.optimum()
    return ExactLoss(form, episodes, tuple(best)), list(policies)


def _solve(
    achievable: Achievable, loss: ExactLoss, vertices: list[np.ndarray], solution: MinimaxSolution
) -> Exact:
    form = loss.linear_form()
    if form is not None:
        return _linear(achievable, loss, form, vertices, solution.least_favourable.array)
    if loss.is_constant:
        ones = (Fraction(1),) * achievable.count
        form = LinearForm((Fraction(0),) * achievable.count, ones, lambda t: Fraction(1))
        return _linear(achievable, loss, form, vertices, solution.least_favourable.array)
    candidates = []
    for denominator in DENOMINATORS:
        candidates.append(_convex(achievable, loss, vertices, solution, denominator))
        if candidates[-1].lower == candidates[-1].upper:
            return candidates[-1]
    # One of them, not the better bound of each: its policy and its tangents belong to the same point.
    return min(candidates, key=lambda candidate: candidate.upper - candidate.lower)


def _linear(
    achievable: Achievable,
    loss: ExactLoss,
    form: LinearForm,
    vertices: list[np.ndarray],
    prior: np.ndarray,
) -> Exact:
    found = solve_linear(achievable, form.base, form.direction, vertices=vertices, prior=prior)
    method = f"exact column generation, {found.rounds} restricted games, {found.vertices} vertices"
    return _proved(loss, form, found, method)


def _proved(loss: ExactLoss, form: LinearForm, found: LinearOptimum, method: str) -> Exact:
    value = form.value(found.level)
    assert loss.worst(found.success.tolist()) == value
    direction = np.array(form.direction)
    weights, reference = found.prior / direction, np.array(form.base) + found.level * direction
    return _exact(value, value, found.prior, weights, reference, found, method)


def _exact(
    lower: Fraction,
    upper: Fraction,
    prior: np.ndarray,
    weights: np.ndarray,
    reference: np.ndarray,
    found: LinearOptimum,
    method: str,
) -> Exact:
    return Exact(
        lower=lower,
        upper=upper,
        prior=prior,
        weights=weights,
        reference=reference,
        policy=found.policy,
        success=found.success,
        method=method,
    )


def _convex(
    achievable: Achievable,
    loss: ExactLoss,
    vertices: list[np.ndarray],
    solution: MinimaxSolution,
    denominator: int,
) -> Exact:
    """Bracket a convex problem by the linear program at a rational point near its optimum."""
    required = solution.marked_proof.required
    assert required is not None
    # Where the bound itself is out of reach by a rounding, the best success probability stands in for it.
    points = [
        min(best, Fraction(required).limit_denominator(denominator)) if math.isfinite(required) else best
        for best, required in zip(loss.optimum, map(float, required), strict=True)
    ]
    # With two episodes or more no slope is below 1/2, so that none is rounded to zero.
    slopes = np.array(
        [
            Fraction(float(loss.slope(task, point))).limit_denominator(SLOPE_DENOMINATOR)
            for task, point in enumerate(points)
        ]
    )
    # A task that costs less than the value even if it never succeeds does not bind; the dearest always does.
    failing = [loss.value(task, Fraction(0)) for task in range(achievable.count)]
    ceiling = min(solution.value.upper, max(failing))
    direction = np.array([cost >= ceiling for cost in failing]) / slopes
    guess = solution.policy_proof.weights * np.array(direction, dtype=float)
    found = solve_linear(achievable, points, direction.tolist(), vertices=vertices, prior=guess)
    success = found.success.tolist()
    upper = loss.worst(success)
    assert isinstance(upper, Fraction)
    lower, prior, rewards = _tangent_bound(achievable, loss, success, found.prior * slopes)
    method = f"exact column generation at denominators up to {denominator}, tangents for the lower bound"
    return _exact(lower, upper, prior, rewards, found.success, found, method)


def _tangent_bound(
    achievable: Achievable, loss: ExactLoss, reference: list[Fraction], weights: np.ndarray
) -> tuple[Fraction, np.ndarray, np.ndarray]:
    """Return the lower bound of the tangents at `reference`, its prior and its rewards."""
    prior = weights / np.array([loss.slope(task, rho) for task, rho in enumerate(reference)])
    prior, rewards = prior / prior.sum(), weights / prior.sum()
    support, _ = achievable.support(to_flint(rewards))
    (best,) = from_flint(np.array([support]))
    at = np.array([Fraction(loss.value(task, rho)) for task, rho in enumerate(reference)])
    return prior @ at + rewards @ np.array(reference) - best, prior, rewards


def complete(solution: MinimaxSolution, loss: ExactLoss, exact: Exact, tolerance: float) -> MinimaxSolution:
    """Return `solution` with all its numbers replaced by the exact ones."""
    value = outward_bracket(exact.lower, exact.upper)
    proof, success, policy = solution.policy_proof, exact.success, exact.policy
    assert success is not None
    assert policy is not None
    explored = success if isinstance(proof, MarkedProof) else None
    if isinstance(proof, MarkedProof) and proof.marked.augmented is None:
        explored = exact_terminal(proof.marked.process, policy)
    losses = np.array([loss.value(task, rho) for task, rho in enumerate(success.tolist())], dtype=object)
    exact = dataclasses.replace(exact, optimum=np.array(loss.optimum), per_task=losses, exploration=explored)
    proof = dataclasses.replace(
        proof,
        policy=np.array(policy, dtype=float),
        weights=np.array(exact.weights, dtype=float),
        exact=exact,
    )
    return dataclasses.replace(
        solution,
        value=value,
        least_favourable=np.array(exact.prior, dtype=float),
        per_task=np.array([nearest_float(loss) for loss in losses]),
        exploration=None if explored is None else np.array(explored, dtype=float),
        method=f"{solution.method}, then {exact.method}",
        status=value.status(tolerance),
        proof=proof,
    )


def outward_bracket(lower: Fraction, upper: Fraction) -> Bracket:
    """Return the bracket of rational bounds, rounded outward where they differ."""
    if lower == upper:
        return Bracket.of(lower, "exact dynamic programming and exact policy evaluation")
    return Bracket(
        Bracket.of(lower).lower,
        Bracket.of(upper).upper,
        lower_from="exact dynamic programming with the tangents of the losses",
        upper_from="exact evaluation of the returned policy",
    )
