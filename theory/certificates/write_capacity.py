"""Certificates of channel capacity, of a channel or of all terminal distributions of a process.

The witness is an input distribution (for a process: skills and their probabilities), whose mutual information
is the lower bound, and an output distribution ``q``, whose largest divergence is the upper bound (T7). The
checker bounds logarithms by rationals, so the bracket never closes, but is as narrow as the distributions are
good. On a process with noise the checker's upper bound is the largest mean divergence of the ends of the last
steps, as many as have few plans: the maximum itself if that is all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from metaregret.tabular.goals import goal_support
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.certificates.check import BUDGET
from metaregret.theory.certificates.drafting import (
    Document,
    certificate,
    fractions,
    named,
    policy_rows,
    proved,
    rounded,
)

if TYPE_CHECKING:
    from metaregret.theory.proposals.proposal import ProposedSkill
    from metaregret.theory.skills import ProcessCapacity, Skill

__all__ = ["channel_certificate", "process_capacity_certificate", "skill_learners"]


def channel_certificate(
    rows: Mapping[str, Sequence[Fraction]],
    outputs: Sequence[str],
    input_distribution: np.ndarray,
    *,
    budget: int = BUDGET,
) -> Document:
    """Return a certificate of the capacity of a rational channel.

    Parameters
    ----------
    rows : mapping from input names to rows of Fraction
        Distributions on `outputs`.
    outputs : sequence of str
    input_distribution : ndarray
        Near the optimum; its output is the witness of the upper bound.
    """
    prior = fractions(input_distribution)
    channel = {"outputs": list(outputs), "rows": {name: named(outputs, row) for name, row in rows.items()}}
    table = np.array([list(row) for row in rows.values()], dtype=object)
    marginal = np.array(prior, dtype=object) @ table
    witness = {
        "input": named(rows, prior),
        "output": named(outputs, _positive(marginal, np.array([any(column) for column in table.T]))),
    }
    return proved(certificate(None, {"problem": "capacity", "channel": channel}, witness), budget=budget)


def process_capacity_certificate(capacity: ProcessCapacity, *, budget: int = BUDGET) -> Document:
    """Return a certificate of the capacity of a process (T7).

    Raises
    ------
    UnsupportedError
        At a geometric horizon.
    NotExactError
        If the process is known in floating point only.
    """
    process = capacity.process
    process.steps_for("Certificates of a process's capacity")
    learners = skill_learners(process, capacity.skills, process.n_states)
    output = _positive(capacity.goal_distribution, goal_support(process))
    witness = {"learners": learners, "output": named(process.states, output)}
    return proved(certificate(process, {"problem": "capacity"}, witness), budget=budget)


def skill_learners(
    process: ControlledMarkovProcess, skills: Sequence[Skill | ProposedSkill], tasks: int
) -> list[dict[str, Any]]:
    """Return skills as weighted learners of one episode whose tasks are detected at the end."""
    block = [(1 << tasks) - 1] * process.n_states
    return [
        {"weight": str(p), "rows": policy_rows(process, one.policy, state=list(process.states), block=block)}
        for p, one in zip(fractions([skill.probability for skill in skills]), skills, strict=True)
        if p
    ]


def _positive(marginal: np.ndarray, support: np.ndarray) -> list[Fraction]:
    """Return a rational distribution near `marginal` that is positive on the support."""
    floats = np.where(support, np.maximum(marginal.astype(float), 2.0**-50), 0.0)
    return rounded(floats, bits=60)
