"""The growing set of skills of one process, and the proof that no policy is missing from it.

A round solves the redundancy of order a of the skills at hand (at order 1 the capacity of their channel) and
looks for policies that are farther than that from the mixture ``q``: among the known vertices of ``M``;
else by local ascent from many starts, and where that finds none by branch and bound. Above order 1 the
mixture is bound to ``M``, and policies that make a better mixture are looked for too: those that gain most
on the tangent of the lower bound (`metaregret.theory.information.redundancy`), by value iteration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaregret.tabular.bounds import relative_error
from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.goals import goal_support, optimal_terminal_values
from metaregret.tabular.groups import distinct
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.optimise import few_positive
from metaregret.tabular.policy import deterministic_policy, forward_error
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.response import best_responses, ends_of, goal_responses, policy_of_mixture
from metaregret.theory.information import (
    ChannelRedundancy,
    Order,
    channel_redundancy,
    divergences,
    row_divergences,
)
from metaregret.theory.information.redundancy import tangent
from metaregret.theory.skills.ascent import Candidates, ascend, starting_points
from metaregret.theory.skills.dual_bound import ONE, known_polytope, support_bound
from metaregret.theory.skills.global_search import WORK, search_globally
from metaregret.theory.skills.last_steps import LastSteps
from metaregret.theory.skills.relaxation import Relaxation, node_cost
from metaregret.theory.skills.skill import Skill, information_lower_bound, make_skills
from metaregret.theory.skills.vertices import MAX_POINTS

__all__ = ["Found", "SkillSearch", "require_room"]

NEGLIGIBLE = 1e-12
"""Probabilities below this are those of skills that an interior-point method has not quite left out."""

LATELY, LITTLE = 5, 5e-3
"""Rounds, and nats by which they must move the value where branch and bound is out of reach."""

KEPT_STARTS = 4
"""Known vertices, per goal, from which the ascent starts."""


@dataclass(frozen=True, eq=False)
class Found:
    """The outcome of one round.

    Attributes
    ----------
    channel : ChannelRedundancy
        Of the skills at hand.
    better : Candidates
        Policies that improve on them; none when the search is over.
    upper : float
        A certified upper bound on the redundancy of the process, in nats; above order 1 that of the mixture
        found.
    how : str
        How `upper` was obtained, as a phrase.
    """

    channel: ChannelRedundancy
    better: Candidates
    upper: float
    how: str


FEW = 300
"""Skills up to which all that were found are kept, and that one round may add."""
MOST_ENTRIES = 2**28
"""Largest table of skills, steps and states (2 GiB)."""


def require_room(process: ControlledMarkovProcess, skills: int) -> None:
    """Refuse a table of so many skills that does not fit, before it is made.

    Raises
    ------
    InstanceTooLargeError
    """
    steps = process.layers
    entries = skills * process.n_states * (steps + 1)
    if entries > MOST_ENTRIES:
        raise InstanceTooLargeError(
            f"The skills of {process.name!r} are a table of {skills} skills x {process.n_states} states x "
            f"{steps + 1} steps = {entries:.1e} numbers ({entries / 2**27:.1f} GiB), over the limit of "
            f"{MOST_ENTRIES:.1e}; reduce the horizon or the number of states."
        )


class SkillSearch:
    """Skills of `process`, starting with all goal-conditioned policies; see
    `metaregret.theory.skills.capacity`."""

    def __init__(
        self,
        process: ControlledMarkovProcess,
        *,
        tolerance: float,
        order: Order = ONE,
        max_points: int = MAX_POINTS,
        max_nodes: int | None = None,
        random_starts: int = 100,
        seed: int = 0,
    ) -> None:
        self.process, self.tolerance, self.order = process, tolerance, order
        self.max_nodes, self.random_starts = max_nodes, random_starts
        self.support = np.flatnonzero(goal_support(process))
        require_room(process, len(self.support))
        self.polytope = known_polytope(process, max_points=max_points)
        self._rng = np.random.default_rng(seed)
        goals = goal_responses(process, self.support)
        first = distinct(goals.terminal)
        self.rows, self.choices = goals.terminal[first], goals.choices[..., first]
        self.provable = self.polytope is not None or node_cost(process, len(self.support)) <= WORK
        self._proved, self._history = 0.0, list[np.ndarray]()
        self._weights, self._used = np.empty(0), np.empty(0, dtype=bool)

    def settled(self, found: Found) -> bool:
        """Whether to stop: nothing better was found, or no proof is in reach and five rounds changed next to
        nothing, neither the value of the skills nor the best bound that they prove. The bracket is certified
        either way; in the second case it stays open."""
        self._history.append(np.array([found.channel.value.lower, self._proved]))
        before = self._history[-1 - LATELY] if len(self._history) > LATELY else np.inf
        moved = np.abs(self._history[-1] - before).max()  # above order 1 the value may fall: more are mixed
        return not len(found.better.divergences) or (not self.provable and bool(moved < LITTLE))

    def round(self) -> Found:
        """Solve the channel of the skills at hand and look for better ones."""
        self._forget()
        channel = channel_redundancy(self.rows, self.order, tolerance=0.25 * self.tolerance)
        q, self._weights = channel.reference / channel.reference.sum(), channel.weights
        self._used = (channel.mixture > NEGLIGIBLE) | (channel.weights > NEGLIGIBLE * channel.weights.sum())
        level = channel.value.upper + 0.25 * self.tolerance
        known = np.empty(0) if self.polytope is None else self.polytope.divergences(q, self.order)
        if self.polytope is not None and known.max() <= level:
            better = Candidates(self.rows[:0], self.choices[..., :0], known[:0])
        else:
            better = self._ascend(self._starts(channel, q, known), q, level)
        upper, how = np.inf, "nothing"
        if self.order.is_one:
            upper, how = support_bound(self.process), "maximal leakage"
        if self.polytope is not None:
            # Rounding alone can lift the exact vertices' bound above the trivial one.
            upper, how = min(upper, float(known.max())), self.polytope.how
        elif not len(better.divergences) and (self.max_nodes or (self.max_nodes is None and self.provable)):
            relaxation = Relaxation(self.process, q, self.support, self.order)
            proof = search_globally(relaxation, level, max_nodes=self.max_nodes)
            upper, how = min((upper, how), (proof.upper, f"branch and bound, {proof.nodes} nodes"))
            if proof.choices.shape[-1]:
                better = self._ascend(ends_of(self.process, proof.choices), q, level)
        return Found(channel, better if self.order.is_one else self._mixing(channel, q, better), upper, how)

    def _forget(self) -> None:
        """Forget policies that had no part in the last answer, where there are more than states."""
        if len(self.rows) > max(FEW, len(self.support)):
            kept = np.append(self._used, np.ones(len(self.rows) - len(self._used), dtype=bool))
            self.rows, self.choices = self.rows[kept], self.choices[..., kept]

    def _mixing(self, channel: ChannelRedundancy, q: np.ndarray, better: Candidates) -> Candidates:
        """Add to `better` the policy that gains most on the tangent, if it gains more than those at hand."""
        line = tangent(self.order, self.rows, channel.weights, q)
        response = best_responses(self.process, line.reward[:, None], keep=True)
        self._proved = max(self._proved, line.bound(float(response.optimum.upper[0])))
        if float(response.optimum.values[0]) <= float((self.rows @ line.reward).max()) * (
            1 + 0.1 * self.tolerance
        ):
            return better
        return Candidates(
            np.concatenate([better.rows, response.terminal]),
            np.concatenate([better.choices, response.choices], axis=-1),
            np.append(better.divergences, divergences(self.order, response.terminal, q)),
        )

    def farthest(self, weights: np.ndarray) -> tuple[Skill, ...]:
        """Return the skills at hand that have weight, their probabilities being the weights."""
        used = np.flatnonzero(weights > NEGLIGIBLE * weights.sum())
        return self._made(used, weights[used])

    @property
    def crowded(self) -> bool:
        """Whether one policy for each state is a table too large to hand out."""
        process = self.process
        return len(self.support) * process.layers * process.n_choices > MOST_ENTRIES // 4

    def mixed(self, channel: ChannelRedundancy) -> tuple[Skill, ...]:
        """Return one skill that ends where the mixture does."""
        used = np.flatnonzero(channel.mixture > NEGLIGIBLE)
        mixed = policy_of_mixture(self.process, self.choices[..., used], channel.mixture[used])
        return make_skills(self.process, [1.0], [mixed])

    def proved_lower(self, farthest: tuple[Skill, ...], reference: np.ndarray) -> float:
        """Return the lower bound of a finite order above 1 that weights on skills prove, in nats: on these,
        or on all that the last round had."""
        if farthest:
            rows = np.stack([np.maximum(skill.terminal - skill.error, 0.0) for skill in farthest])
            weights = np.array([skill.probability for skill in farthest])
        else:
            rows, weights = self._surely(self.rows[: len(self._weights)]), self._weights
        line = tangent(self.order, rows, weights, reference)
        return line.bound(float(optimal_terminal_values(self.process, line.reward[:, None]).upper[0]))

    def relaxed(self, q: np.ndarray) -> tuple[float, str]:
        """Return the upper bound of the last steps and how it was obtained; infinite where it was not asked
        for, or there are no last steps."""
        if self.max_nodes == 0 or not isinstance(self.process.horizon, FiniteHorizon):
            return np.inf, "unknown"
        last = LastSteps(self.process, self.order)
        upper, reference = last.best(q)
        if self.order.is_one:
            return upper, last.how
        # Above order 1 the reference must be a mixture of policies: shares that sum to no more than one.
        shares = np.maximum(np.linalg.lstsq(self.rows.T, reference, rcond=None)[0], 0.0)
        inside = shares / shares.sum() @ self._surely(self.rows) * (1 - relative_error(2 * len(shares) + 8))
        return (last.bound(inside) if np.all(inside[self.support] > 0) else np.inf), last.how

    def _surely(self, rows: np.ndarray) -> np.ndarray:
        """Lower bounds on terminal distributions at a finite horizon."""
        assert isinstance(self.process.horizon, FiniteHorizon)
        relative, absolute = forward_error(self.process, self.process.horizon.steps)
        return np.maximum(rows * (1.0 - relative) - absolute, 0.0)

    def add(self, better: Candidates) -> None:
        """Add policies to the skills."""
        self.rows = np.concatenate([self.rows, better.rows])
        self.choices = np.concatenate([self.choices, better.choices], axis=-1)

    def skills(self, channel: ChannelRedundancy) -> tuple[Skill, ...]:
        """Return skills that attain the channel's redundancy, at most ``S`` of them where rounding allows.

        Only their mixture ``q`` counts, at order 1 because every active row has the same divergence from
        it; a basic solution of ``p W = q`` has at most as many entries as there are states.
        """
        used = np.flatnonzero(channel.mixture > NEGLIGIBLE)
        if self.order.is_one:
            used = np.flatnonzero(channel.mixture > 0)
        full = self._made(used, channel.mixture[used])
        reached = np.flatnonzero(channel.reference > 0)
        if len(used) <= len(reached):
            return full
        # In units of the mixture, so that rare states count as much as common ones.
        if self.order.is_one:
            far = row_divergences(self.rows[used], channel.reference / channel.reference.sum())
            used = used[far >= channel.value.lower - 0.05 * self.tolerance]
        scaled = self.rows[np.ix_(used, reached)] / channel.reference[reached]
        basic = few_positive(scaled.T, np.ones(len(reached)), residual=1e-7)
        if basic is None:
            return full
        few = self._made(used[basic > 0], basic[basic > 0])
        if not self.order.is_one:
            return few
        loss = information_lower_bound(full) - information_lower_bound(few)
        return few if loss <= 0.05 * self.tolerance else full

    def _made(self, index: np.ndarray, probabilities: np.ndarray) -> tuple[Skill, ...]:
        policies = [deterministic_policy(self.process, self.choices[..., z]) for z in index]
        return make_skills(self.process, probabilities, policies)

    def _starts(self, channel: ChannelRedundancy, q: np.ndarray, known: np.ndarray) -> np.ndarray:
        if self.polytope is not None:
            # The response to a vertex is at least as good as the vertex: nothing is missed.
            best = np.argsort(known)[::-1][: KEPT_STARTS * len(self.support)]
            return np.asarray(self.polytope.rows[best])
        active = self.rows[(channel.mixture > NEGLIGIBLE) | (channel.weights > NEGLIGIBLE)]
        points = starting_points(active, q, self.support, self._rng, self.random_starts)
        room = MOST_ENTRIES // 16 // (self.process.n_states * self.process.layers)
        # Where there is no room for all: some of each smoothing, and some random ones.
        return points[np.linspace(0, len(points) - 1, min(len(points), max(1, room))).astype(int)]

    def _ascend(self, points: np.ndarray, q: np.ndarray, level: float) -> Candidates:
        found = ascend(self.process, points, q, self.support, self.order)
        farthest = np.argsort(-found.divergences, kind="stable")[: max(FEW, len(self.support) // 4)]
        return found.only(np.sort(farthest[found.divergences[farthest] > level]))
