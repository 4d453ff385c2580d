"""Capacity of a controlled Markov process: the most that skills can tell through their terminal states (T7).

    C = max_{p(z), pi_z} I(s_T; z) = min_q max_{rho in M} KL(rho || q)        in nats

Method: (1) take all goal-conditioned policies as skills; (2) find the best distribution over the skills at
hand, a channel capacity with a certified bracket; (3) look for policies whose terminal distribution is
further than that from the marginal ``q``, by value iteration on the linearised divergence; (4) add them and
repeat until none is found; (5) prove that there is none: from the vertices of ``M`` where they are known,
else by branch and bound (`metaregret.theory.skills.global_search`), which on the way finds the skills that
local search missed. The bracket ``[I, max_M KL]`` is then certified. Where the process is too large for a
proof the search ends when five rounds move the value by less than 5e-3 nats: the lower bound stands, the
optimum is not claimed, and ``upper`` is whatever bound is certain, at worst ``log sum v``.

The optimal marginal ``q*`` is unique; the skills and their probabilities need not be.

Sources: R. G. Gallager, "Source coding with side information and universal coding" (1979); B. Ya. Ryabko,
"Coding of a source with unknown but ordered probabilities" (1979); the source's mutual-information
objective, arXiv 1806.04640.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from metaregret.tabular.bounds import Bracket, Status
from metaregret.tabular.choices import check_tolerance
from metaregret.tabular.errors import ConvergenceError, InvalidArgumentError
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.skills.skill import Skill, information_lower_bound, mixture
from metaregret.theory.skills.skill_search import Found, SkillSearch
from metaregret.theory.skills.vertices import MAX_POINTS

__all__ = ["ProcessCapacity", "Round", "process_capacity"]


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
    max_nodes: int | None = None,
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
    max_nodes : int or None
        Limit on the branch and bound; None allows some seconds, 0 leaves it out.
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
        If the tolerance is not a positive number or there is no round.
    ConvergenceError
        If skills still improve after `max_rounds`; it carries the certified bounds.
    """
    if max_rounds < 1:
        raise InvalidArgumentError(f"Expected max_rounds >= 1, but got {max_rounds}; one round is the least.")
    check_tolerance(tolerance, below=math.inf)
    search = SkillSearch(
        process,
        tolerance=tolerance,
        max_points=max_points,
        max_nodes=max_nodes,
        random_starts=random_starts,
        seed=seed,
    )
    history: list[Round] = []
    while len(history) < max_rounds:
        found = search.round()
        best = max(found.channel.value.lower, float(found.better.divergences.max(initial=0.0)))
        history.append(Round(found.channel.value.lower, best, len(search.rows)))
        if search.settled(found):
            return _result(search, found, history)
        search.add(found.better)
    bounds = _result(search, found, history).mutual_information
    raise ConvergenceError(
        f"Skills still improve by {history[-1].best_divergence - history[-1].information:.3g} nats after "
        f"{max_rounds} rounds; raise max_rounds or the tolerance.",
        lower=bounds.lower,
        upper=bounds.upper,
    )


def _result(search: SkillSearch, found: Found, history: list[Round]) -> ProcessCapacity:
    skills = search.skills(found.channel)
    lower, upper, how = information_lower_bound(skills), found.upper, found.how
    if upper - lower > search.tolerance:
        q = found.channel.reference
        upper, how = min((upper, how), search.relaxed(q / q.sum()))
    value = Bracket(
        min(lower, upper),
        upper,
        lower_from="mutual information of the returned skills, evaluated afresh",
        upper_from=how,
    )
    return ProcessCapacity(
        search.process,
        value,
        value.gap <= search.tolerance,
        skills,
        mixture(skills),
        tuple(history),
        value.status(search.tolerance),
    )
