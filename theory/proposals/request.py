"""The one protocol of all proposals: a request goes in, a draft of skills comes out.

A method is a module of this folder that defines ``METHOD``; discovery is automatic. It sees a `Request` and
returns a `Draft`; what every proposal has in common (marginals, certified information, regrets) is computed
from the draft in `metaregret.theory.proposals.proposal`, the same way for all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from metaregret.tabular.choices import check_seed
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.goals import goal_support
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.information import Order, as_order
from metaregret.theory.information.channel import as_distribution
from metaregret.theory.skills import (
    Minimum,
    Outcome,
    ProcessCapacity,
    Redundancy,
    States,
    outcome,
    read_states,
)
from metaregret.theory.tasks import GoalTasks

if TYPE_CHECKING:
    from metaregret.theory.covers import FractionalCover

__all__ = ["RESTARTS", "Draft", "Method", "OnTheWay", "Part", "Proof", "Request"]

Proof: TypeAlias = ProcessCapacity | Redundancy | Minimum
"""What certifies that the skills of a proposal are optimal, for methods that compute an optimum."""

MAX_SKILLS = 10_000

RESTARTS = 4
"""Runs of a method that may stop at a local optimum; the best one is kept."""


@dataclass(frozen=True, eq=False)
class Request:
    """What a method is asked for.

    Attributes
    ----------
    process : ControlledMarkovProcess
    states : {"end", "all"}
        Which state tells skills apart: the last one, or one at a uniformly random step.
    skills : int or None
        Number of skills ``K``; None for one per reachable outcome.
    seed : int
        Of everything random.
    test : ndarray, shape (S,), or None
        The distribution of goals that a designer expects to meet, for hand-made proposals; None for the
        adversary's own.
    alpha : Order or None
        Order of the divergence, for methods that have one; None for their usual one.

    Raises
    ------
    InvalidArgumentError
        If `states` is neither of the two, `skills` is not a whole number from 1 to 10,000, or `test` is not a
        distribution on the reachable goals.
    """

    process: ControlledMarkovProcess
    states: States = "end"
    skills: int | None = None
    seed: int = 0
    test: np.ndarray | None = None
    alpha: Order | None = None

    def __post_init__(self) -> None:
        read_states(self.states)
        object.__setattr__(self, "seed", check_seed(self.seed))
        if self.skills is not None and not (
            isinstance(self.skills, int)
            and not isinstance(self.skills, bool)
            and 1 <= self.skills <= MAX_SKILLS
        ):
            raise InvalidArgumentError(
                f"Expected a whole number of skills from 1 to {MAX_SKILLS}, but got skills={self.skills!r}."
            )
        if self.test is not None:
            _check_test(self.process, as_distribution(self.test, "test", self.process.n_states))

    @cached_property
    def outcome(self) -> Outcome:
        """The process whose terminal state the discriminator sees."""
        return outcome(self.process, self.states)

    @cached_property
    def support(self) -> np.ndarray:
        """The states of ``outcome.process`` where an episode can end, as indices."""
        return np.flatnonzero(goal_support(self.outcome.process))

    @property
    def count(self) -> int:
        """The number of skills, one per reachable outcome where none was asked for."""
        return len(self.support) if self.skills is None else self.skills

    def generators(self, runs: int) -> list[np.random.Generator]:
        """Return independent random generators, one a run."""
        return [np.random.default_rng(child) for child in np.random.SeedSequence(self.seed).spawn(runs)]


@dataclass(frozen=True, eq=False)
class Part:
    """Skills that share an outcome process; all but VIC's with several starts have one part.

    Attributes
    ----------
    weight : float
        Probability of the part (of its start state).
    outcome : Outcome
    probabilities : ndarray, shape (n,)
    policies : sequence of ndarray
        On ``outcome.process``.
    rewards : ndarray, shape (n, S')
        The task ``r_z(s)`` that each skill was trained for, on the states of ``outcome.process``.
    """

    weight: float
    outcome: Outcome
    probabilities: np.ndarray
    policies: tuple[np.ndarray, ...]
    rewards: np.ndarray


@dataclass(frozen=True, eq=False)
class OnTheWay:
    """Goals noticed when they are visited.

    Attributes
    ----------
    tasks : GoalTasks
    cover : FractionalCover
        Their fractional packing and cover by the paths of an episode.
    visited : tuple of Fraction, length K
        Chance that an episode with the skills visits each goal.
    """

    tasks: GoalTasks
    cover: FractionalCover
    visited: tuple[Fraction, ...]

    @property
    def worst_case_regret(self) -> Fraction | None:
        """Of the learner that plays the skills; None where a goal is never visited."""
        return 1 / min(self.visited) - 1 if min(self.visited) else None


@dataclass(frozen=True, eq=False)
class Draft:
    """What a method proposes.

    Attributes
    ----------
    parts : tuple of Part
    curves : tuple of tuple of float
        The method's objective by round, one curve per restart.
    goal_distribution : ndarray, shape (S,), or None
        The goals proposed, where they are not the marginal of the skills.
    proof : ProcessCapacity, Redundancy or Minimum, optional
        The certified optimum that the skills are taken from, for methods that compute one.
    on_the_way : OnTheWay, optional
        For methods whose goals are noticed on the way.
    """

    parts: tuple[Part, ...]
    curves: tuple[tuple[float, ...], ...] = ()
    goal_distribution: np.ndarray | None = None
    proof: Proof | None = None
    on_the_way: OnTheWay | None = None


@dataclass(frozen=True)
class Method:
    """A proposal method.

    Attributes
    ----------
    name : str
        As on the command line.
    summary : str
        One line.
    run : callable
        From a `Request` to a `Draft`.
    monotone : bool
        Whether theory says that its objective never decreases from round to round (T8).
    seeded : bool
        Whether what it proposes may depend on the seed.
    on_the_way : bool
        Whether its goals are noticed on the way; its regrets are then not those of the other methods.
    orders : tuple of str or None
        The orders of its divergence that a comparison shows beside the usual one, ``"inf"`` among them if
        it can be infinite; None if it has none.
    """

    name: str
    summary: str
    run: Callable[[Request], Draft]
    monotone: bool = False
    seeded: bool = True
    orders: tuple[str, ...] | None = None
    on_the_way: bool = False

    def of_order(self, alpha: object) -> Method:
        """Return the method with the order of its divergence fixed, named ``name:alpha``.

        Raises
        ------
        InvalidArgumentError
            If it has none, or `alpha` is no order.
        """
        if self.orders is None:
            raise InvalidArgumentError(
                f"Method {self.name!r} has no order alpha; leave it out, or use 'order' or 'diayn'."
            )
        known, run = as_order(alpha), self.run
        if known.is_infinite and "inf" not in self.orders:
            raise InvalidArgumentError(
                f"Method {self.name!r} has finite orders only; use 'order' for alpha=inf."
            )
        return replace(
            self,
            name=f"{self.name}:{known}",
            run=lambda request: run(replace(request, alpha=known)),
            monotone=self.monotone and known.is_one,
            orders=None,
        )


def _check_test(process: ControlledMarkovProcess, test: np.ndarray) -> None:
    beyond = np.flatnonzero((test > 0) & ~goal_support(process))
    if len(beyond):
        raise InvalidArgumentError(
            f"Expected a test distribution on reachable goals, but goal {process.states[int(beyond[0])]!r} "
            f"of probability {float(test[beyond[0]])!r} is out of reach; leave it out, or lengthen the "
            "horizon."
        )
