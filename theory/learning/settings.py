"""Every setting of the study of learners, in one place.

They were chosen on returns of learners trained and met on uniform goals, with seeds that the study does not
use, and for what they cost; and committed before its final run. One thing was changed after a look at a test
return: the grid of step sizes was widened for all, since exact adaptation from scratch chose its end (and
still does: without noise no step is too large).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from metaregret.tabular.errors import InvalidArgumentError

__all__ = ["MetaSettings", "RecurrentSettings"]


@dataclass(frozen=True)
class _Settings:
    """Settings that are all positive numbers."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 < value < float("inf"):
                raise InvalidArgumentError(f"Expected a positive {field.name}, but got {field.name}={value}.")


@dataclass(frozen=True)
class MetaSettings(_Settings):
    """How gradient learners are meta-trained, and how they adapt: then and on tests.

    Attributes
    ----------
    iterations : int
        Outer steps of Adam.
    tasks, trials : int
        Tasks in a batch, and trials of each (at least 2: the others are the baseline of the credit).
    steps, episodes : int
        Inner steps, and episodes sampled for each (at least 2).
    outer_rate : float
        Adam's rate.
    first_rate : float
        The inner step size that learning begins with.
    noise : float
        Standard deviation of the first parameters.
    hidden : int
        Units of the learned update rule.
    """

    iterations: int = 100
    tasks: int = 16
    trials: int = 8
    steps: int = 20
    episodes: int = 5
    outer_rate: float = 0.03
    first_rate: float = 5.0
    noise: float = 0.01
    hidden: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("trials", "episodes"):
            if getattr(self, name) < 2:
                raise InvalidArgumentError(
                    f"Expected at least 2 {name} (the others are the baseline), but got "
                    f"{name}={getattr(self, name)}."
                )


@dataclass(frozen=True)
class RecurrentSettings(_Settings):
    """How a recurrent learner is trained by proximal policy optimisation.

    Attributes
    ----------
    iterations : int
        Batches of trials.
    trials : int
        Trials in a batch.
    hidden : int
        Units of the memory.
    rate : float
        Adam's rate, after clipping gradients to norm 1.
    epochs : int
        Gradient steps on one batch.
    clip : float
        Largest change of a probability ratio that still pays.
    entropy : float
        Weight of the entropy at the beginning; falls linearly to 0.
    discount, trace : float
        Of generalised advantage estimation.
    """

    iterations: int = 700
    trials: int = 64
    hidden: int = 32
    rate: float = 0.01
    epochs: int = 4
    clip: float = 0.2
    entropy: float = 0.02
    discount: float = 0.99
    trace: float = 0.95


RATES = (1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 60.0, 100.0, 300.0, 1e3, 3e3, 1e4)
"""Step sizes that learners may take instead of the one that they have learned, for returns from 0 to 1."""

SEEDS = 6
"""Independent runs of proposal and training: the unit of every interval."""

RUNS = 8
"""Adaptations of each trained learner to each test task."""
