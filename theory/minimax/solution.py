"""What every minimax solver returns: a bracket, the least-favourable task distribution, and how it was
obtained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from metaregret.tabular.bounds import Bracket, Status

__all__ = ["Criterion", "Learner", "MinimaxSolution"]


class Learner(Enum):
    """The learner classes, each larger than the one before."""

    BLIND = "blind"
    MEMORYLESS = "memoryless"
    MEMORY = "memory"


class Criterion(Enum):
    """What the adversary maximises.

    ``regret``: oracle-baseline regret, in units of reward. ``hitting-time``: expected cost until the first
    success (episodes where goals are detected at the end, steps where detected on the way). ``ratio``:
    that cost over the smallest possible for the task.
    """

    REGRET = "regret"
    HITTING_TIME = "hitting-time"
    RATIO = "ratio"


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
