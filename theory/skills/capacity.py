"""Capacity of a controlled Markov process: the most that skills can tell through their terminal states (T7).

    C = max_{p(z), pi_z} I(s_T; z) = min_q max_{rho in M} KL(rho || q)        in nats

Method: (1) take all goal-conditioned policies as skills; (2) find the best distribution over the skills at
hand, a channel capacity with a certified bracket; (3) look for policies whose terminal distribution is
further than that from the marginal ``q``, by value iteration on the linearised divergence; (4) add them and
repeat until none is found. Where the vertices of ``M`` are known the last step is exact, and ``[I,
max_vertices KL]`` is a certified bracket of ``C``. Elsewhere the lower bound stands, the optimum is not
claimed, and the only upper bound is ``log |support|``.

The optimal marginal ``q*`` is unique; the skills and their probabilities need not be.

Sources: R. G. Gallager, "Source coding with side information and universal coding" (1979); B. Ya. Ryabko,
"Coding of a source with unknown but ordered probabilities" (1979); the source's mutual-information
objective, arXiv 1806.04640.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tabular.bounds import Bracket, Status
from tabular.errors import ConvergenceError, InvalidArgumentError
from tabular.goals import goal_support, goal_values
from tabular.policy import deterministic_policy
from tabular.process import ControlledMarkovProcess
from theory.information import ChannelCapacity, channel_capacity
from theory.skills.ascent import Candidates, ascend, starting_points
from theory.skills.dual_bound import TerminalPolytope, known_polytope, support_bound
from theory.skills.evaluation import distinct, terminal_rows
from theory.skills.skill import Skill, information_lower_bound, make_skills, mixture
from theory.skills.vertices import MAX_POINTS

__all__ = ["ProcessCapacity", "Round", "process_capacity"]

NEGLIGIBLE = 1e-9
"""Skills with a smaller probability than this are left out of the result."""


@dataclass(frozen=True)
class Round:
    """One round of the method.

    Attributes
    ----------
    information : float
        Capacity of the channel of the skills at hand, in nats.
    best_divergence : float
        The largest ``KL(rho || q)`` that was found, in nats.
    skills : int
        Number of skills at hand.
    """

    information: float
    best_divergence: float
    skills: int


@dataclass(frozen=True, eq=False)
class ProcessCapacity:
    """The capacity of a process and the skills that attain its lower bound.

    Attributes
    ----------
    process : ControlledMarkovProcess
    mutual_information : Bracket
        In nats. ``lower`` is the mutual information of `skills`, evaluated afresh; ``upper`` is certified
        too, and trivial (``log |support|``) where `known` is false.
    known : bool
        Whether ``upper`` was certified from all vertices of the terminal polytope.
    skills : tuple of Skill
    goal_distribution : ndarray, shape (S,)
        The terminal marginal ``q`` of the skills.
    history : tuple of Round
    status : Status
    """

    process: ControlledMarkovProcess
    mutual_information: Bracket
    known: bool
    skills: tuple[Skill, ...]
    goal_distribution: np.ndarray
    history: tuple[Round, ...]
    status: Status

    @property
    def upper(self) -> float | None:
        """The certified capacity from above, in nats; None where it is not known."""
        return self.mutual_information.upper if self.known else None


def process_capacity(
    process: ControlledMarkovProcess,
    *,
    tolerance: float = 1e-9,
    max_rounds: int = 100,
    max_points: int = MAX_POINTS,
    random_starts: int = 100,
    seed: int = 0,
) -> ProcessCapacity:
    """Return the capacity of a process, the skills that attain it and their terminal marginal.

    Parameters
    ----------
    process : ControlledMarkovProcess
        With a finite or a geometric horizon.
    tolerance : float
        Wanted gap in nats; where the vertices are not known, the largest improvement that no found policy
        offers.
    max_rounds : int
        Limit on the rounds of skills added.
    max_points : int
        Limit on the enumeration of vertices.
    random_starts : int
        Random starting points of the search for better skills, in every round.
    seed : int
        Of the random starting points.

    Returns
    -------
    ProcessCapacity

    Raises
    ------
    InvalidArgumentError
        If the tolerance is not a positive number.
    ConvergenceError
        If skills still improve after `max_rounds`; it carries the certified bounds.
    """
    if not tolerance > 0:
        raise InvalidArgumentError(f"Expected a positive tolerance in nats, but got tolerance={tolerance!r}.")
    search = _Search(process, tolerance, random_starts, seed, known_polytope(process, max_points=max_points))
    history: list[Round] = []
    while len(history) < max_rounds:
        channel, added = search.round()
        best = max(channel.capacity.lower, float(added.divergences.max(initial=0.0)))
        history.append(Round(channel.capacity.lower, best, len(search.rows)))
        if not len(added.divergences):
            return search.result(channel, tuple(history))
        search.add(added)
    result = search.result(channel, tuple(history))
    raise ConvergenceError(
        f"Skills still improve by {history[-1].best_divergence - history[-1].information:.3g} nats after "
        f"{max_rounds} rounds; raise max_rounds or the tolerance.",
        lower=result.mutual_information.lower,
        upper=result.mutual_information.upper,
    )


class _Search:
    """The growing set of skills."""

    def __init__(
        self,
        process: ControlledMarkovProcess,
        tolerance: float,
        random_starts: int,
        seed: int,
        polytope: TerminalPolytope | None,
    ) -> None:
        self.process, self.tolerance, self.random_starts = process, tolerance, random_starts
        self.rng = np.random.default_rng(seed)
        self.polytope = polytope
        self.support = np.flatnonzero(goal_support(process))
        choices = goal_values(process, self.support, policies=True).policies
        assert choices is not None
        rows = terminal_rows(process, choices)
        first = distinct(rows)
        self.rows, self.choices = rows[first], choices[..., first]
        self._input: np.ndarray | None = None

    def round(self) -> tuple[ChannelCapacity, Candidates]:
        """Solve the channel of the skills at hand and look for better ones."""
        channel = channel_capacity(self.rows, tolerance=0.25 * self.tolerance, initial=self._input)
        self._input = channel.input_distribution
        q = self._marginal(channel)
        level = channel.capacity.upper + 0.25 * self.tolerance
        active = self.rows[channel.input_distribution > NEGLIGIBLE]
        points = [starting_points(active, q, self.support, self.rng, self.random_starts)]
        if self.polytope is not None:
            # The vertices that improve are known: the response to a vertex is at least as good as the vertex.
            above = np.argsort(self.polytope.divergences(q))[::-1][: 4 * len(self.support)]
            points = [self.polytope.rows[above]]
        found = ascend(self.process, np.concatenate(points), q, self.support)
        return channel, found.only(np.flatnonzero(found.divergences > level))

    def add(self, found: Candidates) -> None:
        self.rows = np.concatenate([self.rows, found.rows])
        self.choices = np.concatenate([self.choices, found.choices], axis=-1)

    def _marginal(self, channel: ChannelCapacity) -> np.ndarray:
        q = channel.output_distribution
        return np.asarray(q / q.sum())

    def result(self, channel: ChannelCapacity, history: tuple[Round, ...]) -> ProcessCapacity:
        used = np.flatnonzero(channel.input_distribution > NEGLIGIBLE)
        policies = [deterministic_policy(self.process, self.choices[..., z]) for z in used]
        skills = make_skills(self.process, channel.input_distribution[used], policies)
        upper, how = support_bound(self.process), "logarithm of the number of states where an episode can end"
        if self.polytope is not None:
            enumerated = float(self.polytope.divergences(self._marginal(channel)).max())
            upper, how = min((upper, how), (enumerated, self.polytope.how))
        value = Bracket(
            min(information_lower_bound(skills), upper),
            upper,
            lower_from="mutual information of the returned skills, evaluated afresh",
            upper_from=how,
        )
        known = self.polytope is not None or value.gap <= self.tolerance
        return ProcessCapacity(
            self.process, value, known, skills, mixture(skills), history, value.status(self.tolerance)
        )
