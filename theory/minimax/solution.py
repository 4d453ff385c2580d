"""What every minimax solver returns: a bracket, the least-favourable task distribution, and how it was
obtained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from metaregret.tabular.bounds import Bracket, Status
from metaregret.theory.criteria import Criterion
from metaregret.theory.learners import Learner

__all__ = ["Criterion", "Learner", "MinimaxSolution"]


@dataclass(frozen=True, eq=False)
class MinimaxSolution:
    """A certified solution of ``min_f max_p E_p[loss(f, z)]``.

    Attributes
    ----------
    value : Bracket
        Certified bounds on the minimax value.
    tasks : tuple of str
        Names of the ``K`` tasks.
    least_favourable : ndarray, shape (K,)
        The task distribution whose best response proves ``value.lower``.
    per_task : ndarray, shape (K,)
        Loss of the returned learner on each task; the largest is ``value.upper`` up to rounding.
    exploration : ndarray, shape (S,), or None
        Terminal-state distribution (or visit probabilities) of the returned exploration policy, for
        learners that have one.
    learner, criterion : Learner, Criterion
    episodes : int or None
        ``N``; None stands for infinitely many.
    method : str
    status : Status
    seconds : float
    size : mapping
        Numbers of variables, rows, hyperstates, ... of what was solved.
    details : mapping
        Learner-specific objects (policy, mixture, history of the bracket).
    """

    value: Bracket
    tasks: tuple[str, ...]
    least_favourable: np.ndarray
    per_task: np.ndarray
    exploration: np.ndarray | None
    learner: Learner
    criterion: Criterion
    episodes: int | None
    method: str
    status: Status
    seconds: float
    size: Mapping[str, int]
    details: Mapping[str, Any] = field(default_factory=dict)
