"""What a method proposes, evaluated the same way for every method: marginals, certified information,
regrets."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from metaregret.tabular.bounds import Bracket
from metaregret.tabular.choices import as_path, one_of
from metaregret.tabular.errors import UnsupportedError
from metaregret.tabular.goals import goal_support
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.by_name import NamedArray
from metaregret.theory.minimax.solution import Learner, MinimaxSolution
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.presentation import number
from metaregret.theory.proposals.presentation import proposal_document, proposal_parts
from metaregret.theory.proposals.references import capacity_of, minimax_of
from metaregret.theory.proposals.regrets import (
    Explorer,
    TrainedLearner,
    realise,
    trained_learner,
    worst_case_regret,
)
from metaregret.theory.proposals.request import Draft, Method, OnTheWay, Part, Proof, Request
from metaregret.theory.proposals.with_memory import WithMemory, with_memory
from metaregret.theory.results import Result
from metaregret.theory.skills import ProcessCapacity, States, information_lower_bound, make_skills, mixture
from metaregret.theory.skills.dual_bound import known_polytope, support_bound
from metaregret.theory.skills.relaxation import node_cost

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from rich.table import Table

__all__ = ["Proposal", "ProposedSkill", "evaluate"]

UNIFORM_TOLERANCE = 1e-6
"""Largest difference between a probability and that of the uniform distribution called equal."""

REGRET_TOLERANCE = 1e-4
"""Largest relative difference between two regrets called equal: the square root of the information's
tolerance."""


MAX_NODE_COST = 1e6
"""Operations per node above which a proposal does not wait for the capacity: ten thousand nodes in ten
seconds."""


@dataclass(frozen=True, eq=False)
class ProposedSkill:
    """One task ``z`` of a proposal, with the policy that solves it.

    Attributes
    ----------
    probability : float
        ``p(z)``.
    marginal : ndarray, shape (S,)
        Distribution of the state that the method looks at: the last one, or one at a random step.
    terminal : ndarray, shape (S,)
        Distribution of the last state.
    policy : ndarray, shape (T, C) or (C,)
    reward : ndarray, shape (S,)
        The task's reward ``r_z(s)``; zero where the method's tasks are not functions of a state.
    start : int or None
        The start state of the skill, for methods with skills by start.
    """

    probability: float
    marginal: np.ndarray
    terminal: np.ndarray
    policy: np.ndarray
    reward: np.ndarray
    start: int | None = None


def _states(proposal: Proposal) -> tuple[Sequence[str], None]:
    return proposal.process.states, None


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Proposal(Result):
    """A proposed distribution of tasks on a process.

    Attributes
    ----------
    method : Method
    process : ControlledMarkovProcess
    states : {"end", "all"}
    seed : int
    goal_distribution : ndarray, shape (S,)
        The goals proposed: the marginal of the skills, unless the method names its goals.
    skills : tuple of ProposedSkill
    mutual_information : Bracket
        In nats. ``lower`` is that of the skills, certified; ``upper`` bounds that of *any* skills.
    capacity_known : bool
        Whether ``upper`` is the certified capacity, and not just a bound.
    exploration : ndarray, shape (S,)
        Terminal distribution of the learner that explores with the proposal; see
        `metaregret.theory.proposals.regrets`.
    regret : Bracket
        Its worst-case memoryless regret (``N = inf``, goals at the end of the episode), possibly infinite.
    minimax : MinimaxSolution
        The best possible.
    curves : tuple of tuple of float
        The method's objective by round, one curve per restart (or phase).
    proof : ProcessCapacity, Redundancy or Minimum, or None
        The certified optimum that the method computed, if it does.
    on_the_way : OnTheWay or None
        Where given, goals are noticed when visited: `regret` and `minimax` count them so, and
        `exploration` is the chance of visiting each.
    learner : Learner or None
        The learner trained on the proposed goals that the document and the text tell of, too.
    episodes : int or None
        Of that learner, if it has memory.

    Examples
    --------
    >>> import metaregret as mr
    >>> proposal = mr.propose(mr.make("noisy-goal:K=4,v=1/2"), "capacity")
    >>> round(proposal.worst_case_regret, 6), round(proposal.minimax_regret, 6), round(proposal.price, 6)
    (31.5, 3.5, 9.0)
    """

    method: Method
    process: ControlledMarkovProcess
    states: States
    seed: int
    goal_distribution: NamedArray = NamedArray(_states)
    skills: tuple[ProposedSkill, ...]
    mutual_information: Bracket
    capacity_known: bool
    exploration: NamedArray = NamedArray(_states)
    regret: Bracket
    minimax: MinimaxSolution
    curves: tuple[tuple[float, ...], ...]
    proof: Proof | None = None
    on_the_way: OnTheWay | None = None
    learner: Learner | None = None
    episodes: int | None = None

    @property
    def worst_case_regret(self) -> float:
        """The worst-case regret as a number; infinite where a reachable goal is never proposed."""
        return self.regret.midpoint

    @property
    def minimax_regret(self) -> float:
        """The smallest worst-case regret of any memoryless learner."""
        return self.minimax.value.midpoint

    @cached_property
    def reachable_goals(self) -> np.ndarray:
        """Which states are reachable goals, shape (S,)."""
        if self.on_the_way is None:
            return goal_support(self.process)
        goals = np.zeros(self.process.n_states, dtype=bool)
        goals[self.on_the_way.tasks.goals] = True
        return goals

    @cached_property
    def uniform_goals(self) -> np.ndarray:
        """The uniform distribution on the reachable goals, shape (S,)."""
        goals = self.reachable_goals
        return np.asarray(goals / goals.sum())

    @property
    def distance_to_uniform(self) -> float:
        """Total-variation distance of the proposed goals from uniform on the reachable goals."""
        return 0.5 * float(np.abs(self.goal_distribution - self.uniform_goals).sum())

    @property
    def distance_to_minimax(self) -> float:
        """Total-variation distance of the exploration from that of the minimax solution found (it may not
        be unique)."""
        assert self.minimax.exploration is not None
        own = self.exploration.array
        if self.on_the_way is not None:
            own = own[self.on_the_way.tasks.goals]
        return 0.5 * float(np.abs(own - self.minimax.exploration.array).sum())

    @property
    def coverage(self) -> float:
        """Share of the reachable goals that the exploration ends in."""
        goals = self.reachable_goals
        return float(np.count_nonzero(self.exploration[goals] > 0) / np.count_nonzero(goals))

    @property
    def price(self) -> float:
        """Worst-case regret over the minimax regret; see `price_of`."""
        return self.price_of(self.worst_case_regret)

    def price_of(self, regret: float) -> float:
        """Return a worst-case regret over the minimax regret: 1 where both vanish, infinite where only the
        latter does."""
        if self.minimax_regret <= 1e-9:
            return 1.0 if regret <= 1e-9 else math.inf
        return regret / self.minimax_regret

    @property
    def matches_uniform(self) -> bool:
        """Whether the proposed goals are uniform on the reachable ones, to 1e-6."""
        return bool(np.abs(self.goal_distribution - self.uniform_goals).max() <= UNIFORM_TOLERANCE)

    @property
    def matches_minimax(self) -> bool:
        """Whether the worst-case regret is the minimax regret, to a relative 1e-4."""
        excess = self.regret.upper - self.minimax.value.lower
        return bool(excess <= REGRET_TOLERANCE * max(1.0, self.minimax_regret))

    @cached_property
    def trained(self) -> TrainedLearner:
        """The Bayes-optimal memoryless learner trained on the proposed goals (T3), computed on first use.

        Raises
        ------
        UnsupportedError
            If goals are noticed on the way.
        """
        self._at_the_end()
        return trained_learner(self.process, self.goal_distribution.array)

    def trained_with_memory(self, episodes: int | None = None) -> WithMemory:
        """Return the Bayes-optimal learner with memory trained on the proposed goals; see
        `metaregret.theory.proposals.with_memory`."""
        self._at_the_end()
        return with_memory(self.process, self.goal_distribution.array, episodes)

    def _at_the_end(self) -> None:
        if self.on_the_way is not None:
            raise UnsupportedError(
                "Learners are trained on goals noticed at the end of an episode, but those of "
                f"{self.method.name!r} are noticed on the way."
            )

    def parts(self) -> Iterator[str | Table]:
        return proposal_parts(self)

    def _document(self) -> dict[str, Any]:
        return proposal_document(self)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per reachable goal: its probability under the proposal, and of ending there when
        exploring with it."""
        import pandas as pd

        goals = np.flatnonzero(self.reachable_goals)
        names = pd.Index([self.process.states[int(goal)] for goal in goals], name="goal")
        columns = {"proposed": self.goal_distribution.array, "explored": self.exploration.array}
        return pd.DataFrame({key: weights[goals] for key, weights in columns.items()}, index=names)

    def plot(self, path: Path | str | None = None) -> Figure:
        """Draw the goals, the exploration and the objective's curves; write them where a path is given.

        Raises
        ------
        InvalidArgumentError
            If the file is no .pdf, .png or .svg, or cannot be written.
        """
        from metaregret.theory.plotting.proposals import proposal_figure

        return proposal_figure(self, path)

    def _picture(self) -> Figure | None:
        return None if self.process.picture is None else self.plot()

    def certificate(self, path: Path | str | None = None, *, of: str = "regret") -> dict[str, Any]:
        """Return a certificate that `metaregret.check` proves; write it to `path` if given.

        Parameters
        ----------
        path : path, optional
        of : {"regret", "information"}
            The worst-case regret; or the capacity (``method="capacity"``) or the redundancy of a whole order
            from 2 (``method="order"``).

        Raises
        ------
        UnsupportedError, NotExactError, InstanceTooLargeError
            As `proposal_certificate` and `information_certificate` of
            `metaregret.theory.certificates.write_proposal`.
        """
        from metaregret.theory.certificates.drafting import write_certificate
        from metaregret.theory.certificates.write_proposal import (
            information_certificate,
            proposal_certificate,
        )

        writers = {"regret": proposal_certificate, "information": information_certificate}
        document = writers[one_of(tuple(writers), of, "of")](self)
        if path is not None:
            write_certificate(document, as_path(path))
        return document

    def __repr__(self) -> str:
        return (
            f"<Proposal of {self.method.name!r} on {self.process.name!r}: worst-case regret "
            f"{number(self.worst_case_regret)}, price {number(self.price)}>"
        )


def evaluate(
    method: Method,
    request: Request,
    *,
    certify: bool = True,
    learner: Learner | None = None,
    episodes: int | None = None,
) -> Proposal:
    """Run a method and evaluate what it proposes.

    Parameters
    ----------
    method : Method
    request : Request
    certify : bool
        Whether to compute the capacity of the process, for the upper bound on the information.
    learner, episodes
        As in `Proposal`.
    """
    draft = method.run(request)
    skills, information = [], 0.0
    for part in draft.parts:
        found, lower = _skills(part, several=len(draft.parts) > 1)
        skills += found
        information += part.weight * lower
    marginal: np.ndarray = sum(
        (s.probability * s.marginal for s in skills), np.zeros(request.process.n_states)
    )
    goals = marginal if draft.goal_distribution is None else draft.goal_distribution
    upper, known, how = _information_bound(draft, certify)
    if draft.on_the_way is None:
        explorer = _explorer(request, draft, skills, goals)
        exploration = explorer.terminal
        regret = worst_case_regret(request.process, exploration, explorer.error)
        minimax = minimax_of(request.process)
    else:
        exploration, regret, minimax = _visiting(draft.on_the_way)
    return Proposal(
        method=method,
        process=request.process,
        states=request.states,
        seed=request.seed,
        goal_distribution=goals,
        skills=tuple(skills),
        mutual_information=Bracket(min(information, upper), upper, lower_from="the skills", upper_from=how),
        capacity_known=known,
        exploration=exploration,
        regret=regret,
        minimax=minimax,
        curves=draft.curves,
        proof=draft.proof,
        on_the_way=draft.on_the_way,
        learner=learner,
        episodes=episodes,
    )


def _visiting(found: OnTheWay) -> tuple[np.ndarray, Bracket, MinimaxSolution]:
    """The chance of visiting each goal, the skills' worst case and the minimax solution, on the way."""
    visits, tasks = np.zeros(found.tasks.process.n_states), found.tasks
    visits[tasks.goals] = [float(chance) for chance in found.visited]
    worst = found.worst_case_regret
    regret = Bracket(math.inf, math.inf) if worst is None else Bracket.of(worst, "visits of the skills")
    return visits, regret, solve_without_memory(tasks, exact=True)


def _skills(part: Part, *, several: bool) -> tuple[list[ProposedSkill], float]:
    """The skills of a part on the original process, and a certified lower bound on their information."""
    seen = make_skills(part.outcome.process, part.probabilities, part.policies)
    base = part.outcome.base
    start = int(np.argmax(base.initial)) if several else None
    skills = []
    for skill, reward in zip(seen, part.rewards, strict=True):
        policy = part.outcome.restore(skill.policy)
        (plain,) = make_skills(base, [1.0], [policy])
        skills.append(
            ProposedSkill(
                part.weight * skill.probability,
                part.outcome.marginal(skill.terminal),
                plain.terminal,
                policy,
                part.outcome.rewards(reward),
                start,
            )
        )
    return skills, information_lower_bound(seen)


def _information_bound(draft: Draft, certify: bool) -> tuple[float, bool, str]:
    """An upper bound on the information of any skills, whether it is the certified capacity, and how."""
    total, known, how = 0.0, True, "capacity of the process"
    for part in draft.parts:
        if certify and _within_reach(part.outcome.process, draft):
            found = draft.proof
            capacity = found if isinstance(found, ProcessCapacity) else capacity_of(part.outcome.process, 0)
            total += part.weight * capacity.mutual_information.upper
            known, how = known and capacity.known, capacity.mutual_information.upper_from
        else:
            total += part.weight * support_bound(part.outcome.process)
            known, how = False, "logarithm of the number of outcomes"
    return total, known, how


def _within_reach(process: ControlledMarkovProcess, draft: Draft) -> bool:
    """Whether the capacity is known already, by its vertices, or its branch and bound stands a chance."""
    if isinstance(draft.proof, ProcessCapacity) or known_polytope(process) is not None:
        return True
    return node_cost(process, int(np.count_nonzero(goal_support(process)))) <= MAX_NODE_COST


def _explorer(request: Request, draft: Draft, skills: list[ProposedSkill], goals: np.ndarray) -> Explorer:
    """The terminal distribution with which a learner can explore; see
    `metaregret.theory.proposals.regrets`."""
    if draft.goal_distribution is not None or request.states == "all":
        realised = realise(request.process, goals)
        if realised is not None:
            return realised
    evaluated = []
    for part in draft.parts:
        policies = [part.outcome.restore(policy) for policy in part.policies]
        evaluated.append((part.weight, make_skills(part.outcome.base, part.probabilities, policies)))
    terminal: np.ndarray = sum((w * mixture(found) for w, found in evaluated), np.zeros_like(goals))
    error: np.ndarray = sum(
        (w * s.probability * s.error for w, f in evaluated for s in f), np.zeros_like(goals)
    )
    return Explorer(terminal, error + terminal * 1e-15 * (len(skills) + 4))
