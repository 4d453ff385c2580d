"""Reward tables ``r_z(s, a, s')``: a finite family of deterministic rewards on the transitions of one
process."""

from __future__ import annotations

from dataclasses import dataclass, replace
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

    def moved_to(self, process: ControlledMarkovProcess) -> RewardTables:
        """Return the same rewards on `process`, which may differ in horizon, start and name only.

        Raises
        ------
        InvalidArgumentError
            If its states, actions or transitions are others.
        """
        ours = self.process
        if process is ours:
            return self
        same = (process.states, process.actions) == (ours.states, ours.actions) and all(
            np.array_equal(getattr(process, name), getattr(ours, name))
            for name in ("choice_offsets", "choice_action", "offsets", "successors", "probabilities")
        )
        if not same:
            raise InvalidArgumentError(
                f"The rewards are on the transitions of {ours.name!r}, and those of {process.name!r} are "
                "others; make the rewards for this process."
            )
        return replace(self, process=process)

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
