"""The one protocol of all proposals: a request goes in, a draft of skills comes out.

A method is a module of this folder that defines ``METHOD``; discovery is automatic. It sees a `Request` and
returns a `Draft`; what every proposal has in common (marginals, certified information, regrets) is computed
from the draft in `metaregret.theory.proposals.proposal`, the same way for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.goals import goal_support
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.information.channel import as_distribution
from metaregret.theory.skills import Outcome, States, outcome, read_states

__all__ = ["RESTARTS", "Draft", "Method", "Part", "Request"]

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

    def __post_init__(self) -> None:
        read_states(self.states)
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
class Draft:
    """What a method proposes.

    Attributes
    ----------
    parts : tuple of Part
    curves : tuple of tuple of float
        The method's objective by round, one curve a restart.
    goal_distribution : ndarray, shape (S,), or None
        The goals proposed, where they are not the marginal of the skills.
    details : mapping
        Anything else worth keeping.
    """

    parts: tuple[Part, ...]
    curves: tuple[tuple[float, ...], ...] = ()
    goal_distribution: np.ndarray | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


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
    """

    name: str
    summary: str
    run: Callable[[Request], Draft]
    monotone: bool = False
    seeded: bool = True


def _check_test(process: ControlledMarkovProcess, test: np.ndarray) -> None:
    beyond = np.flatnonzero((test > 0) & ~goal_support(process))
    if len(beyond):
        raise InvalidArgumentError(
            f"Expected a test distribution on reachable goals, but goal {process.states[int(beyond[0])]!r} "
            f"of probability {float(test[beyond[0]])!r} is out of reach; leave it out, or lengthen the "
            "horizon."
        )
