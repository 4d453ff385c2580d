"""A proposal as text and as the ``metaregret-proposal/1`` document."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from metaregret.tabular.bounds import Bracket
from metaregret.theory.minimax.solution import Learner
from metaregret.theory.presentation import number, state_map, table
from metaregret.theory.results import MOST_ROWS
from metaregret.theory.skills import Redundancy

if TYPE_CHECKING:
    from rich.table import Table

    from metaregret.theory.covers import FractionalCover
    from metaregret.theory.proposals.proposal import Proposal

__all__ = ["proposal_document", "proposal_parts"]


def proposal_document(proposal: Proposal) -> dict[str, Any]:
    """Return the document; infinite numbers are ``"inf"``."""
    process, upper = proposal.process, proposal.mutual_information.upper

    def by_name(weights: np.ndarray, always: np.ndarray | None = None) -> dict[str, float]:
        """Weights by state name: those that are positive, and those of the states `always` listed."""
        listed = weights > 0 if always is None else (weights > 0) | always
        return {process.states[int(s)]: float(weights[s]) for s in np.flatnonzero(listed)}

    document = {
        "format": "metaregret-proposal/1",
        "process": process.name,
        "method": proposal.method.name,
        "states": proposal.states,
        "seed": proposal.seed,
        "goal_distribution": by_name(proposal.goal_distribution.array, proposal.reachable_goals),
        "mutual_information": {
            "lower": proposal.mutual_information.lower,
            "upper": upper if proposal.capacity_known else None,
            "bound": upper,
        },
        "skills": [
            {"probability": skill.probability, "marginal": by_name(skill.marginal)}
            | ({} if skill.start is None else {"start": process.states[skill.start]})
            for skill in proposal.skills
        ],
        "exploration": by_name(proposal.exploration.array),
        "coverage": proposal.coverage,
        "worst_case_regret": _plain(proposal.worst_case_regret),
        "minimax_regret": _plain(proposal.minimax_regret),
        "minimax": {key: _plain(value) for key, value in proposal.minimax.value.to_json().items()},
        "price": _plain(proposal.price),
        "matches_uniform": proposal.matches_uniform,
        "matches_minimax": proposal.matches_minimax,
        "curves": [list(curve) for curve in proposal.curves],
    }
    if isinstance(proposal.proof, Redundancy):
        found = proposal.proof
        document["redundancy"] = {"order": str(found.order), **_bounds(found.value)}
        document["redundancy"]["upper_from"] = found.value.upper_from
    if proposal.on_the_way is not None:
        document |= {"detect": "visit"} | _cover(proposal.on_the_way.cover)
    return document if proposal.learner is None else document | {"trained": _trained(proposal)}


def _cover(cover: FractionalCover) -> dict[str, Any]:
    """The fractional packing and cover in rational numbers."""
    names = cover.names
    return {
        "tau_star": str(cover.value),
        "packing": {name: str(weight) for name, weight in zip(names, cover.packing, strict=True)},
        "cover": [
            {"weight": str(path.weight), "goals": [names[g] for g in path.goals]} for path in cover.paths
        ],
    }


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _bounds(value: Bracket) -> dict[str, Any]:
    return {"lower": value.lower, "upper": value.upper}


def _trained(proposal: Proposal) -> dict[str, Any]:
    """The trained learner's part of the document."""
    if proposal.learner is Learner.MEMORY:
        memory = proposal.trained_with_memory(proposal.episodes)
        return {
            "learner": "memory",
            "episodes": memory.episodes,
            "expected_regret": _bounds(memory.expected),
            "worst_case_regret": _bounds(memory.worst_case),
            "worst_case_regret_as_planned": memory.as_planned,
            "minimax_regret": _bounds(memory.minimax.value),
            "price": memory.price,
        }
    found = proposal.trained
    return {
        "learner": "memoryless",
        "episodes": "inf",
        "expected_regret": _bounds(found.hitting_loss),
        "worst_case_regret": _bounds(found.worst_case),
        "minimax_regret": _bounds(proposal.minimax.value),
        "price": proposal.price_of(found.worst_case.midpoint),
        "exploration": {
            proposal.process.states[int(s)]: float(found.exploration[s])
            for s in np.flatnonzero(found.exploration > 0)
        },
    }


def proposal_parts(proposal: Proposal) -> Iterator[str | Table]:
    """Yield what is printed."""
    process, information = proposal.process, proposal.mutual_information
    upper = f"{information.upper:.9g}" if proposal.capacity_known else f"at most {information.upper:.9g}"
    yield f"{process.name}: tasks proposed by {proposal.method.name}"
    yield f"mutual information   {information.lower:.9g} nats (certified capacity: {upper})"
    if isinstance(proposal.proof, Redundancy):
        yield f"redundancy           {_redundancy(proposal.proof)}"
    if proposal.on_the_way is not None:
        yield f"tau*                 {proposal.on_the_way.cover.value} (goals are noticed on the way)"
    yield f"worst case regret    {number(proposal.worst_case_regret)}"
    yield f"minimax regret       {number(proposal.minimax_regret)}"
    yield f"matches uniform      {proposal.matches_uniform}"
    yield f"matches minimax      {proposal.matches_minimax}"
    if proposal.learner is not None:
        yield from _trained_lines(_trained(proposal))
    goals = np.flatnonzero((proposal.goal_distribution.array > 0) | proposal.reachable_goals).tolist()
    weights = {goal: float(proposal.goal_distribution.array[goal]) for goal in goals}
    drawing = state_map(process, weights)
    if drawing:
        yield "goal distribution:"
        yield drawing
        return
    order = sorted(weights, key=lambda state: -weights[state])
    if len(order) > MOST_ROWS and np.isclose(weights[order[0]], weights[order[-1]]):
        yield f"every one of the {len(order)} goals has probability {weights[order[0]]:.6g}"
        return
    rows = [(process.states[s], number(weights[s])) for s in order[:MOST_ROWS]]
    title = "goals" if len(rows) == len(order) else f"the {MOST_ROWS} most likely of {len(order)} goals"
    yield table(title, ("goal", "probability"), rows)


def _redundancy(found: Redundancy) -> str:
    """The value, or what is known of it and which bound stands in the way."""
    if found.known:
        return f"{found.value.midpoint:.9g} nats (of order {found.order})"
    bounds = f"{found.value.lower:.9g} to {found.value.upper:.9g} nats (of order {found.order})"
    return f"{bounds}; upper bound: {found.value.upper_from}"


def _trained_lines(trained: Mapping[str, Any]) -> Iterator[str]:
    yield f"trained on them, {trained['learner']}, N = {trained['episodes']}:"
    for key in ("worst_case_regret", "minimax_regret"):
        yield f"  {key.replace('_', ' '):<18} {Bracket(trained[key]['lower'], trained[key]['upper'])}"
    yield f"  {'price':<18} {number(trained['price'])}"
