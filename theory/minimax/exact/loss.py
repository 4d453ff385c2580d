"""The losses of learners without memory as exact functions of an exact success probability.

The same formulas as in `metaregret.theory.regret`, on `Fraction`. With ``E_N(rho) = sum_{i < N} (1 -
rho)**i`` the expected number of episodes up to the first success:

* memoryless regret ``E_N(rho) (v - rho)``; blind regret ``N (v - rho)``; hitting time ``E_N(rho)``; ratio
  ``E_N(rho) / E_N(v)``.

Where a loss is, up to one increasing function, affine in ``rho`` with the same slope for every task, the
minimax problem is a linear program, ``t* = max { t : rho_g >= base_g + t direction_g }``, and its value
rational; see `LinearForm`. Otherwise (2 episodes or more, but finitely many) the value is in general an
irrational algebraic number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from metaregret.tabular.choices import choice
from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.theory.minimax.solution import Criterion, Learner

__all__ = ["ExactLoss", "LinearForm"]

MAX_POWER_BITS = 1 << 20
"""Largest size of a power ``(1 - rho)**N``, in bits."""


@dataclass(frozen=True)
class LinearForm:
    """``max_g phi_g(rho_g) = value(t)``, decreasing in ``t = min_g (rho_g - base_g) / direction_g``."""

    base: tuple[Fraction, ...]
    direction: tuple[Fraction, ...]
    value: Callable[[Fraction], Fraction]


@dataclass(frozen=True)
class ExactLoss:
    """The losses ``phi_g`` of ``K`` tasks, convex and decreasing on ``[0, v_g]``.

    Attributes
    ----------
    learner, criterion : Learner, Criterion
    episodes : int or None
        ``N``; None for infinitely many.
    optimum : sequence of Fraction, length K
        ``v_g > 0``.
    """

    learner: Learner
    criterion: Criterion
    episodes: int | None
    optimum: Sequence[Fraction]

    def __post_init__(self) -> None:
        object.__setattr__(self, "learner", choice(Learner, self.learner, "learner"))
        object.__setattr__(self, "criterion", choice(Criterion, self.criterion, "criterion"))

    @property
    def is_constant(self) -> bool:
        """Whether nothing that the learner does matters: waiting for a success in a single episode."""
        return self.episodes == 1 and self.criterion is not Criterion.REGRET

    def value(self, task: int, rho: Fraction) -> Fraction | float:
        """Return ``phi_g(rho)``; infinite (a float) only at ``rho = 0`` with infinitely many episodes."""
        best = self.optimum[task]
        if self.criterion is Criterion.REGRET and self.learner is Learner.BLIND:
            assert self.episodes is not None
            return self.episodes * (best - rho)
        if self.episodes is None and rho == 0:
            return float("inf")
        waiting = _expected_episodes(rho, self.episodes)
        if self.criterion is Criterion.REGRET:
            return waiting * (best - rho)
        return waiting if self.criterion is Criterion.HITTING_TIME else waiting / self._least(task)

    def slope(self, task: int, rho: Fraction) -> Fraction:
        """Return ``-phi_g'(rho) >= 0``; with infinitely many episodes, at ``rho > 0``."""
        best = self.optimum[task]
        if self.criterion is Criterion.REGRET and self.learner is Learner.BLIND:
            assert self.episodes is not None
            return Fraction(self.episodes)
        falling = _episodes_slope(rho, self.episodes)
        if self.criterion is Criterion.REGRET:
            return _expected_episodes(rho, self.episodes) + falling * (best - rho)
        return falling if self.criterion is Criterion.HITTING_TIME else falling / self._least(task)

    def _least(self, task: int) -> Fraction:
        return _expected_episodes(self.optimum[task], self.episodes)

    def worst(self, success: Sequence[Fraction]) -> Fraction | float:
        """Return ``max_g phi_g(rho_g)``."""
        return max(self.value(task, rho) for task, rho in enumerate(success))

    def linear_form(self) -> LinearForm | None:
        """Return the linear program that the minimax problem is, or None where it is not one."""
        best = tuple(self.optimum)
        zeros, ones = (Fraction(0),) * len(best), (Fraction(1),) * len(best)
        if self.criterion is Criterion.REGRET and (self.learner is Learner.BLIND or self.episodes == 1):
            episodes = self.episodes
            assert episodes is not None
            return LinearForm(best, ones, lambda t: -episodes * t)
        if self.episodes is not None:
            return None
        if self.criterion is Criterion.REGRET:
            return LinearForm(zeros, best, lambda t: 1 / t - 1)
        return LinearForm(zeros, best if self.criterion is Criterion.RATIO else ones, lambda t: 1 / t)


def _power(base: Fraction, exponent: int) -> Fraction:
    bits = exponent * max(base.numerator.bit_length(), base.denominator.bit_length())
    if bits > MAX_POWER_BITS:
        raise InstanceTooLargeError(
            f"An exact power with {exponent} episodes needs about {bits} bits, over the limit of "
            f"{MAX_POWER_BITS}; solve without exact arithmetic, or with fewer episodes."
        )
    return base**exponent


def _expected_episodes(rho: Fraction, episodes: int | None) -> Fraction:
    if episodes is None:
        return 1 / rho
    return Fraction(episodes) if rho == 0 else (1 - _power(1 - rho, episodes)) / rho


def _episodes_slope(rho: Fraction, episodes: int | None) -> Fraction:
    """Return ``sum_{i < N} i (1 - rho)**(i - 1)``."""
    if episodes is None:
        return 1 / rho**2
    if rho == 0:
        return Fraction(episodes * (episodes - 1), 2)
    return (_expected_episodes(rho, episodes) - episodes * _power(1 - rho, episodes - 1)) / rho
