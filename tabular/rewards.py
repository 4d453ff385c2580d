"""Reward tables ``r_z(s, a, s')``: a finite family of deterministic rewards on the transitions of one
process."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.labels import Labels
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["RewardTables"]


@dataclass(frozen=True, eq=False)
class RewardTables:
    """Rewards of ``Z`` tasks, aligned with the transitions of `process`.

    Attributes
    ----------
    process : ControlledMarkovProcess
    tasks : Labels
        Names of the ``Z`` tasks.
    values : ndarray of float64, shape (Z, M)
        ``values[z, m]`` is the reward of task ``z`` on transition ``m`` (paid when it happens).
    exact : ndarray of Fraction (object), shape (Z, M), or None

    Raises
    ------
    InvalidArgumentError
        If shapes do not match or a reward is not finite.
    """

    process: ControlledMarkovProcess
    tasks: Labels
    values: np.ndarray
    exact: np.ndarray | None = None

    def __post_init__(self) -> None:
        expected = (len(self.tasks), self.process.n_transitions)
        for what, array in (("values", self.values), ("exact", self.exact)):
            if array is not None and array.shape != expected:
                raise InvalidArgumentError(
                    f"Expected {what} of shape (tasks, transitions) = {expected}, but got {array.shape}."
                )
        bad = np.argwhere(~np.isfinite(self.values))
        if len(bad):
            task, transition = map(int, bad[0])
            raise InvalidArgumentError(
                f"Reward of task {self.tasks[task]!r} on transition {transition} is "
                f"{self.values[task, transition]!r}; rewards must be finite."
            )
        self.values.setflags(write=False)

    @classmethod
    def from_exact(
        cls, process: ControlledMarkovProcess, tasks: Labels, rewards: list[list[Fraction]]
    ) -> RewardTables:
        """Build from rationals, one list per task aligned with the transitions."""
        exact = np.empty((len(tasks), process.n_transitions), dtype=object)
        exact[:] = rewards
        try:
            return cls(process, tasks, exact.astype(float), exact)
        except OverflowError:
            raise InvalidArgumentError(
                "A reward is too large for a floating-point number (over 1e308); rescale the rewards."
            ) from None
