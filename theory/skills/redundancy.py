"""Redundancy of order a of a controlled Markov process: one family from density modelling to minimax regret.

    C_a = min over q in M of max over rho in M of D_a(rho || q),      1 <= a <= inf,      in nats

over the terminal distributions ``M`` of all policies, on all states where an episode can end. The minimiser
``q_a`` is the exploration that is nowhere far, in the sense of order a, from what a policy can do.

* *order 1* is the capacity of T7: `metaregret.theory.skills.process_capacity`. There the minimum over all
  distributions lies in ``M`` by itself.
* *order infinity* is the minimax regret of T4, ``exp(C_inf) = 1 + Reg*`` (T19): its linear program,
  `metaregret.theory.minimax.solve_without_memory`.
* *orders in between* take the rounds of order 1 (`metaregret.theory.skills.skill_search`): redundancy of
  the policies at hand, as a convex program; policies that are farther away, by ascent, enumeration or branch
  and bound; policies that make a better mixture, by value iteration; until there are none.

The bracket is recomputed from policies. Above: the mixture of the returned skills, evaluated afresh, is in
``M``, and its farthest point is bounded by enumeration or branch and bound; or ``C_a <= C_inf`` where that
is less, and up to order 2 ``C_a <= log sum v`` (A19). Below: the tangent of a weighted sum of divergences,
largest over ``M`` by value iteration.

Sources: R. G. Gallager (1979); B. Ya. Ryabko (1979); S. Yagli, Y. Altug, S. Verdu, "Minimax Renyi redundancy"
(2018) for the unconstrained problem; the constraint and its bounds are ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from metaregret.tabular.bounds import Bracket, Status, relative_error
from metaregret.tabular.choices import check_tolerance
from metaregret.tabular.errors import ConvergenceError, InvalidArgumentError
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.information import Order, as_order
from metaregret.theory.skills.capacity import process_capacity
from metaregret.theory.skills.dual_bound import support_bound
from metaregret.theory.skills.skill import Skill, make_skills, mixture
from metaregret.theory.skills.skill_search import SkillSearch
from metaregret.theory.skills.vertices import MAX_POINTS

__all__ = ["Redundancy", "process_redundancy"]


@dataclass(frozen=True, eq=False)
class Redundancy:
    """The redundancy of order a of a process, and the exploration found, which attains the upper bound of a
    bracket that is closed.

    Attributes
    ----------
    process : ControlledMarkovProcess
    order : Order
    value : Bracket
        ``C_a`` in nats.
    known : bool
        Whether the bracket is as narrow as asked.
    skills : tuple of Skill
        Policies whose mixture explores with `reference`.
    reference : ndarray, shape (S,)
        ``q_a``, a terminal distribution.
    status : Status
    farthest : tuple of Skill
        At finite orders above 1: policies, weighted, whose tangent is the lower bound; none where they are
        too large a table.
    """

    process: ControlledMarkovProcess
    order: Order
    value: Bracket
    known: bool
    skills: tuple[Skill, ...]
    reference: np.ndarray
    status: Status
    farthest: tuple[Skill, ...] = ()


def process_redundancy(
    process: ControlledMarkovProcess,
    order: object = 1,
    *,
    tolerance: float | None = None,
    max_rounds: int = 100,
    max_points: int = MAX_POINTS,
    max_nodes: int | None = None,
    random_starts: int = 100,
    seed: int = 0,
) -> Redundancy:
    """Return the redundancy of order a of a process and the exploration that attains it.

    Parameters
    ----------
    process : ControlledMarkovProcess
        With a finite or a geometric horizon.
    order : number or str
        ``a``: 1, from 1.001 to 64, or ``"inf"``.
    tolerance : float, optional
        Wanted gap, relative where the value exceeds one nat; by default 1e-9 at orders 1 and infinity and
        1e-6 in between, which is what convex programs over power cones attain.
    max_rounds, max_points, max_nodes, random_starts, seed
        As for `metaregret.theory.skills.process_capacity`.

    Returns
    -------
    Redundancy

    Raises
    ------
    InvalidArgumentError
        If the order, the tolerance or the number of rounds is malformed.
    ConvergenceError
        If policies still improve after `max_rounds`, or the linear program of order infinity was not solved;
        it carries certified bounds, in nats.
    """
    known = as_order(order, "order")
    if max_rounds < 1:
        raise InvalidArgumentError(f"Expected max_rounds >= 1, but got {max_rounds}; one round is the least.")
    if tolerance is None:
        tolerance = 1e-9 if known.is_one or known.is_infinite else 1e-6
    check_tolerance(tolerance)
    if known.is_infinite:
        return _of_regret(process, tolerance)
    limits: dict[str, Any] = {"max_points": max_points, "max_nodes": max_nodes}
    limits |= {"random_starts": random_starts, "seed": seed, "tolerance": tolerance}
    if known.is_one:
        found = process_capacity(process, max_rounds=max_rounds, **limits)
        value, skills = found.mutual_information, found.skills
        return Redundancy(process, known, value, found.known, skills, found.goal_distribution, found.status)
    search = SkillSearch(process, order=known, **limits)
    for _ in range(max_rounds):
        round_ = search.round()
        settled = search.settled(round_)
        if settled:
            break
        search.add(round_.better)
    alone = search.crowded and isinstance(process.horizon, FiniteHorizon)
    skills = search.mixed(round_.channel) if alone else search.skills(round_.channel)
    farthest = () if alone else search.farthest(round_.channel.weights)
    value = _bracket(search, farthest, round_.channel.reference, skills, round_.upper, round_.how)
    if not settled:
        raise ConvergenceError(
            f"Policies still improve after {max_rounds} rounds; raise max_rounds or the tolerance.",
            lower=value.lower,
            upper=value.upper,
        )
    closed = value.relative_gap <= tolerance
    status = value.status(tolerance)
    return Redundancy(process, known, value, closed, skills, mixture(skills), status, farthest)


def _of_regret(process: ControlledMarkovProcess, tolerance: float) -> Redundancy:
    """Order infinity: the linear program of T4, whose value is ``exp(C) - 1``."""
    from metaregret.theory.minimax.without_memory import solve_without_memory
    from metaregret.theory.tasks import GoalTasks

    def nats(lower: float, upper: float) -> tuple[float, float]:
        return math.log1p(max(0.0, lower)) * (1 - 1e-15), math.log1p(upper) * (1 + 1e-15)

    try:
        solution = solve_without_memory(GoalTasks.reachable(process), tolerance=tolerance)
    except ConvergenceError as error:
        low, high = nats(error.lower, error.upper)
        raise ConvergenceError(
            f"The regret whose logarithm this is was not found: {error}", lower=low, upper=high
        ) from error
    value = Bracket(
        *nats(solution.value.lower, solution.value.upper),
        lower_from=solution.value.lower_from,
        upper_from=solution.value.upper_from,
    )
    skills = make_skills(process, [1.0], [solution.policy_proof.policy])
    closed = value.relative_gap <= tolerance
    return Redundancy(process, Order(None), value, closed, skills, mixture(skills), value.status(tolerance))


def _bracket(
    search: SkillSearch,
    farthest: tuple[Skill, ...],
    reference: np.ndarray,
    skills: tuple[Skill, ...],
    upper: float,
    how: str,
) -> Bracket:
    """Return the bounds that policies prove: those of the rounds, made true of the skills returned."""
    low = mixture(skills) - sum(s.probability * s.error for s in skills)
    low = np.maximum(low * (1 - relative_error(2 * len(skills) + 8)), 0.0)
    if search.polytope is not None:
        upper = float(search.polytope.divergences(low, search.order).max())
    elif np.isfinite(upper):
        # The search was made for a mixture that differs by roundings; the divergence falls as q grows.
        q, used = reference / reference.sum(), search.support
        shift = float(np.log(q[used] / low[used]).max()) if (low[used] > 0).all() else math.inf
        upper += max(0.0, shift) + 1e-15 * (1 + upper)
    lower = search.proved_lower(farthest, reference)
    if upper - lower > search.tolerance * max(1.0, abs(lower)):
        upper, how = min((upper, how), search.relaxed(reference / reference.sum()))
    if upper - lower > search.tolerance * max(1.0, abs(lower)):
        try:
            most = _of_regret(search.process, 1e-6).value.upper
        except ConvergenceError as error:
            most = error.upper
        upper, how = min((upper, how), (most, "redundancy of order infinity, which is no less"))
        if search.order.alpha <= 2:
            upper, how = min((upper, how), (support_bound(search.process), "maximal leakage"))
    lower_from = "tangent at the farthest policies, its maximum by value iteration"
    return Bracket(min(lower, upper), upper, lower_from=lower_from, upper_from=how)
