"""The growing set of skills of one process, and the proof that no policy is missing from it.

A round solves the channel of the skills at hand and looks for policies with ``KL(rho || q) > C``: among the
known vertices of ``M``; else by local ascent from many starts, and where that finds none by branch and bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaregret.tabular.goals import goal_support, goal_values
from metaregret.tabular.optimise import few_positive
from metaregret.tabular.policy import deterministic_policy
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.information import ChannelCapacity, channel_capacity
from metaregret.theory.skills.ascent import Candidates, ascend, starting_points
from metaregret.theory.skills.dual_bound import known_polytope, support_bound
from metaregret.theory.skills.evaluation import distinct, terminal_rows
from metaregret.theory.skills.global_search import search_globally
from metaregret.theory.skills.relaxation import Relaxation
from metaregret.theory.skills.skill import Skill, information_lower_bound, make_skills

__all__ = ["Found", "SkillSearch"]

NEGLIGIBLE = 1e-12
"""Probabilities below this are those of skills that an interior-point method has not quite left out."""

KEPT_STARTS = 4
"""Known vertices, per goal, from which the ascent starts."""


@dataclass(frozen=True, eq=False)
class Found:
    """The outcome of one round.

    Attributes
    ----------
    channel : ChannelCapacity
        Of the skills at hand.
    better : Candidates
        Policies that improve on them; none when the search is over.
    upper : float
        A certified upper bound on the capacity of the process, in nats.
    how : str
        How `upper` was obtained, as a phrase.
    """

    channel: ChannelCapacity
    better: Candidates
    upper: float
    how: str


class SkillSearch:
    """Skills of `process`, starting with all goal-conditioned policies; see
    `metaregret.theory.skills.capacity`."""

    def __init__(
        self,
        process: ControlledMarkovProcess,
        *,
        tolerance: float,
        max_points: int,
        max_nodes: int | None,
        random_starts: int,
        seed: int,
    ) -> None:
        self.process, self.tolerance = process, tolerance
        self.max_nodes, self.random_starts = max_nodes, random_starts
        self.polytope = known_polytope(process, max_points=max_points)
        self.support = np.flatnonzero(goal_support(process))
        self._rng = np.random.default_rng(seed)
        choices = goal_values(process, self.support, policies=True).policies
        assert choices is not None
        rows = terminal_rows(process, choices)
        first = distinct(rows)
        self.rows, self.choices = rows[first], choices[..., first]
        self._input: np.ndarray | None = None

    def round(self) -> Found:
        """Solve the channel of the skills at hand and look for better ones."""
        channel = channel_capacity(self.rows, tolerance=0.25 * self.tolerance, initial=self._input)
        self._input = channel.input_distribution
        q = channel.output_distribution / channel.output_distribution.sum()
        level = channel.capacity.upper + 0.25 * self.tolerance
        better = self._ascend(self._starts(channel, q), q, level)
        upper, how = support_bound(self.process), "logarithm of the number of states where an episode can end"
        if self.polytope is not None:
            enumerated = float(self.polytope.divergences(q).max())
            # Rounding alone can lift the exact vertices' bound above the trivial one.
            upper, how = min(upper, enumerated), self.polytope.how
        elif not len(better.divergences) and self.max_nodes != 0:
            proof = search_globally(
                Relaxation(self.process, q, self.support), level, max_nodes=self.max_nodes
            )
            upper, how = min((upper, how), (proof.upper, f"branch and bound, {proof.nodes} nodes"))
            if proof.choices.shape[-1]:
                better = self._ascend(terminal_rows(self.process, proof.choices), q, level)
        return Found(channel, better, upper, how)

    def add(self, better: Candidates) -> None:
        """Add policies to the skills."""
        self.rows = np.concatenate([self.rows, better.rows])
        self.choices = np.concatenate([self.choices, better.choices], axis=-1)

    def skills(self, channel: ChannelCapacity) -> tuple[Skill, ...]:
        """Return skills that attain the channel's capacity, at most ``S`` of them where rounding allows.

        Every active row has the same divergence from ``q``, so any distribution on them with marginal ``q``
        has the same information; a basic solution of ``p W = q`` has at most as many entries as there are
        states.
        """
        used = np.flatnonzero(channel.input_distribution > NEGLIGIBLE)
        full = self._made(used, channel.input_distribution[used])
        basic = few_positive(self.rows[used].T, channel.output_distribution, residual=1e-9)
        if basic is None:
            return full
        few = self._made(used[basic > 0], basic[basic > 0])
        loss = information_lower_bound(full) - information_lower_bound(few)
        return few if loss <= 0.05 * self.tolerance else full

    def _made(self, index: np.ndarray, probabilities: np.ndarray) -> tuple[Skill, ...]:
        policies = [deterministic_policy(self.process, self.choices[..., z]) for z in index]
        return make_skills(self.process, probabilities, policies)

    def _starts(self, channel: ChannelCapacity, q: np.ndarray) -> np.ndarray:
        if self.polytope is not None:
            # The response to a vertex is at least as good as the vertex: nothing is missed.
            best = np.argsort(self.polytope.divergences(q))[::-1][: KEPT_STARTS * len(self.support)]
            return np.asarray(self.polytope.rows[best])
        active = self.rows[channel.input_distribution > NEGLIGIBLE]
        return starting_points(active, q, self.support, self._rng, self.random_starts)

    def _ascend(self, points: np.ndarray, q: np.ndarray, level: float) -> Candidates:
        found = ascend(self.process, points, q, self.support)
        return found.only(np.flatnonzero(found.divergences > level))
