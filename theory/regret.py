"""The losses of learners without memory as functions of the success probability of their exploration.

Write ``rho`` for the probability that one episode of exploration succeeds at a task and ``v`` for the largest
possible one, ``0 <= rho <= v <= 1``; ``N`` is the number of episodes (None: infinitely many). All of the
following are convex and decreasing in ``rho``:

* memoryless regret, oracle baseline (T1): ``(1 - (1 - rho)**N) (v / rho - 1)``; ``v / rho - 1`` at
``N = inf``;
* blind regret, oracle baseline: ``N (v - rho)``;
* hitting time in episodes: ``sum_{i < N} (1 - rho)**i``; ``1 / rho`` at ``N = inf``;
* ratio: the hitting time over that of ``rho = v``.

The Bayes-baseline regret of the source compares with the best learner that knows the task distribution
instead of the task; see `bayes_regret` and `oracle_regret`. Source: arXiv 1806.04640, goal-reaching case.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from metaregret.tabular.choices import choice
from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError
from metaregret.tabular.goals import TerminalValues
from metaregret.theory.minimax.solution import Criterion, Learner

__all__ = [
    "BlindRegret",
    "BracketedLoss",
    "HittingTime",
    "Loss",
    "MemorylessRegret",
    "Ratio",
    "bayes_regret",
    "bracketed_loss",
    "check_certified",
    "check_episodes",
    "expected_episodes",
    "loss_of",
    "memoryless_regret",
    "oracle_regret",
]

MAX_EPISODES = 2**53
"""Numbers of episodes up to here are exact in floating point."""


def expected_episodes(rho: np.ndarray, episodes: int | None) -> np.ndarray:
    """Return ``sum_{i=0}^{N-1} (1 - rho)**i``, the expected number of episodes up to the first success, at
    most N.

    Parameters
    ----------
    rho : ndarray
        Success probability of an episode, in [0, 1].
    episodes : int or None
        ``N``; None gives ``1 / rho``.

    Returns
    -------
    ndarray
        In episodes; infinite at ``rho = 0`` and ``N = inf``.
    """
    rho = np.asarray(rho, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if episodes is None:
            return np.where(rho > 0, 1.0 / rho, np.inf)
        # 1 - (1 - rho)**N without cancellation for small rho.
        found = -np.expm1(episodes * np.log1p(-np.minimum(rho, 1.0)))
        return np.where(
            rho * episodes > 1e-12, found / rho, float(episodes) * (1.0 - 0.5 * rho * (episodes - 1))
        )


def memoryless_regret(rho: np.ndarray, optimum: np.ndarray, episodes: int | None) -> np.ndarray:
    """Return ``(1 - (1 - rho)**N) (v / rho - 1)``, the oracle-baseline regret of the memoryless learner (T1).

    Parameters
    ----------
    rho, optimum : ndarray
        Success probability of exploration and its largest possible value ``v``.
    episodes : int or None
        ``N``.

    Returns
    -------
    ndarray
        In units of reward; ``N v`` at ``rho = 0``.

    Raises
    ------
    InvalidArgumentError
        If `rho` is negative or larger than `optimum` (beyond a rounding), or `episodes` is malformed.
    """
    check_episodes(episodes)
    _check_success(np.asarray(rho, dtype=float), np.asarray(optimum, dtype=float))
    return _memoryless_regret(rho, optimum, episodes)


def _memoryless_regret(rho: np.ndarray, optimum: np.ndarray, episodes: int | None) -> np.ndarray:
    if episodes is None:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return np.where(np.asarray(rho) > 0, (optimum - rho) / rho, np.inf)
    return expected_episodes(rho, episodes) * (np.asarray(optimum) - rho)


SLACK = 1e-9
"""By how much a computed success probability may exceed its largest possible value, relative to it."""


def _check_success(rho: np.ndarray, optimum: np.ndarray) -> None:
    wrong = ~((rho >= -SLACK) & (rho <= optimum * (1 + SLACK) + 1e-12))
    if wrong.any():
        rho, optimum = np.broadcast_arrays(rho, optimum)
        place = int(np.flatnonzero(np.broadcast_to(wrong, rho.shape))[0])
        raise InvalidArgumentError(
            f"Expected 0 <= rho <= v, but at index {place} rho = {float(rho.flat[place])!r} and "
            f"v = {float(optimum.flat[place])!r}; nothing succeeds more often than the best policy (are the "
            "arguments swapped?)."
        )


class Loss(ABC):
    """Losses ``phi_g(rho_g)`` of ``K`` tasks, each convex and decreasing on ``[0, v_g]``.

    Attributes
    ----------
    optimum : ndarray, shape (K,)
        ``v_g > 0``.
    homogeneous : bool
        Whether ``phi_g(rho) <= theta`` is ``rho >= t(theta) * v_g * c`` with one ``t`` for all tasks, so
        that one linear program suffices.
    """

    homogeneous: bool = False

    def __init__(self, optimum: np.ndarray) -> None:
        bad = np.flatnonzero(~(np.asarray(optimum) > 0))
        if len(bad):
            raise InvalidArgumentError(
                f"Expected v* > 0 for every task, but task {int(bad[0])} has v* = "
                f"{np.asarray(optimum)[bad[0]]!r}; leave "
                "out unreachable goals."
            )
        self.optimum = np.asarray(optimum, dtype=float)

    @abstractmethod
    def value(self, rho: np.ndarray) -> np.ndarray:
        """Return the loss of each task, shape (K,)."""

    @abstractmethod
    def slope(self, rho: np.ndarray) -> np.ndarray:
        """Return ``-d phi_g / d rho_g >= 0``, shape (K,)."""

    @property
    @abstractmethod
    def direction(self) -> np.ndarray:
        """A positive direction in which success probabilities trade off at the optimum, shape (K,)."""

    def required(self, theta: float) -> np.ndarray:
        """Return the smallest ``rho_g`` with ``phi_g(rho_g) <= theta``, by bisection to the last bit,
        shape (K,).

        Where even ``v_g`` is not enough the result is infinite.
        """
        # The bit patterns of non-negative floats are in the order of the numbers: halve the number of
        # patterns left.
        low, high = np.zeros(len(self.optimum), dtype=np.int64), self.optimum.view(np.int64)
        while np.any(high - low > 1):
            middle = low + (high - low) // 2
            enough = self.value(middle.view(np.float64)) <= theta
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        needed = np.where(self.value(np.zeros_like(self.optimum)) <= theta, 0.0, high.view(np.float64))
        return np.where(self.value(self.optimum) > theta, np.inf, needed)


class MemorylessRegret(Loss):
    """Oracle-baseline regret of the memoryless learner (T1, T4)."""

    def __init__(self, optimum: np.ndarray, episodes: int | None) -> None:
        super().__init__(optimum)
        self.episodes = episodes
        self.homogeneous = episodes is None

    def value(self, rho: np.ndarray) -> np.ndarray:
        return _memoryless_regret(rho, self.optimum, self.episodes)

    def slope(self, rho: np.ndarray) -> np.ndarray:
        if self.episodes is None:
            return self.optimum * _episodes_slope(rho, None)
        return expected_episodes(rho, self.episodes) + _episodes_slope(rho, self.episodes) * (
            self.optimum - rho
        )

    @property
    def direction(self) -> np.ndarray:
        return self.optimum

    def required(self, theta: float) -> np.ndarray:
        return self.optimum / (1.0 + theta) if self.episodes is None else super().required(theta)


class BlindRegret(Loss):
    """Oracle-baseline regret of the blind learner: ``N (v - rho)``."""

    def __init__(self, optimum: np.ndarray, episodes: int) -> None:
        super().__init__(optimum)
        self.episodes = episodes

    def value(self, rho: np.ndarray) -> np.ndarray:
        return self.episodes * (self.optimum - rho)

    def slope(self, rho: np.ndarray) -> np.ndarray:
        return np.full_like(self.optimum, float(self.episodes))

    @property
    def direction(self) -> np.ndarray:
        return np.ones_like(self.optimum)

    def required(self, theta: float) -> np.ndarray:
        return np.maximum(self.optimum - theta / self.episodes, 0.0)


class HittingTime(Loss):
    """Expected number of episodes until the first success, at most ``N``."""

    def __init__(self, optimum: np.ndarray, episodes: int | None) -> None:
        super().__init__(optimum)
        self.episodes = episodes
        self.homogeneous = episodes is None

    def value(self, rho: np.ndarray) -> np.ndarray:
        return expected_episodes(rho, self.episodes)

    def slope(self, rho: np.ndarray) -> np.ndarray:
        return _episodes_slope(rho, self.episodes)

    @property
    def direction(self) -> np.ndarray:
        return np.ones_like(self.optimum)

    def required(self, theta: float) -> np.ndarray:
        if self.episodes is None:
            needed = np.full_like(self.optimum, 1.0 / theta if theta > 0 else np.inf)
            return np.where(needed > self.optimum, np.inf, needed)
        return super().required(theta)


class Ratio(HittingTime):
    """The hitting time over the smallest possible for the task."""

    def __init__(self, optimum: np.ndarray, episodes: int | None) -> None:
        super().__init__(optimum, episodes)
        self._least = expected_episodes(self.optimum, episodes)

    def value(self, rho: np.ndarray) -> np.ndarray:
        return super().value(rho) / self._least

    def slope(self, rho: np.ndarray) -> np.ndarray:
        return super().slope(rho) / self._least

    @property
    def direction(self) -> np.ndarray:
        return self.optimum

    def required(self, theta: float) -> np.ndarray:
        if self.episodes is None:
            return self.optimum / theta if theta >= 1 else np.full_like(self.optimum, np.inf)
        return Loss.required(self, theta)


def _episodes_slope(rho: np.ndarray, episodes: int | None) -> np.ndarray:
    """Return ``-d/d rho sum_{i<N} (1 - rho)**i = sum_{i<N} i (1 - rho)**(i - 1)``."""
    rho = np.asarray(rho, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if episodes is None:
            return np.where(rho > 0, 1.0 / rho / rho, np.inf)
        fail = (1.0 - rho) ** (episodes - 1)
        closed = (expected_episodes(rho, episodes) - episodes * fail) / rho
        series = 0.5 * episodes * (episodes - 1) * (1.0 - rho * (episodes - 2) * 2.0 / 3.0)
        return np.where(rho * episodes > 1e-5, closed, series)


def check_episodes(episodes: int | None) -> None:
    """Raise `InvalidArgumentError` unless `episodes` is None or a whole number from 1 to `MAX_EPISODES`."""
    if episodes is None:
        return
    if isinstance(episodes, bool) or not isinstance(episodes, (int, np.integer)):
        raise InvalidArgumentError(f"Expected episodes to be a whole number or None, but got {episodes!r}.")
    if not 1 <= episodes <= MAX_EPISODES:
        shown = str(episodes) if abs(episodes) < 10**20 else "a number of more than 20 digits"
        raise InvalidArgumentError(
            f"Expected 1 <= episodes <= 2**53, but got {shown}; use None (inf) for infinitely many."
        )


def loss_of(
    learner: Learner | str, criterion: Criterion | str, optimum: np.ndarray, episodes: int | None
) -> Loss:
    """Return the loss of a learner without memory under a criterion.

    Raises
    ------
    InvalidArgumentError
        If the number of episodes is not a whole number from 1 to 2**53.
    UnsupportedError
        For the blind learner's regret over infinitely many episodes, which is infinite unless one policy
        is optimal for every task, and for learners with memory.
    """
    learner = choice(Learner, learner, "learner")
    criterion = choice(Criterion, criterion, "criterion")
    check_episodes(episodes)
    if learner is Learner.MEMORY:
        raise UnsupportedError(
            "A learner with memory is not a function of one success probability; solve its game."
        )
    if criterion is Criterion.HITTING_TIME:
        return HittingTime(optimum, episodes)
    if criterion is Criterion.RATIO:
        return Ratio(optimum, episodes)
    if learner is Learner.MEMORYLESS:
        return MemorylessRegret(optimum, episodes)
    if episodes is None:
        raise UnsupportedError(
            "The blind learner's regret over infinitely many episodes is infinite or zero; give a number of "
            "episodes."
        )
    return BlindRegret(optimum, episodes)


def check_certified(optimum: TerminalValues, *, above: float = 0.0) -> None:
    """Raise `UnsupportedError` where a lower bound on ``v*`` is too small for floating point to prove
    anything."""
    weak = np.flatnonzero(~(optimum.lower > above))
    if len(weak):
        raise UnsupportedError(
            f"The best success probability of task {int(weak[0])} is positive but below what floating "
            f"point certifies (at most {float(optimum.upper[weak[0]]):.3g}); raise the horizon or gamma, "
            "or leave the task out."
        )


@dataclass(frozen=True)
class BracketedLoss:
    """Losses whose minimax values lie below, near and above the true one, from bounds on ``v*``.

    Regrets and ratios are non-decreasing in ``v*`` at fixed ``rho``: `low` has the lower bound of ``v*``,
    `high` the upper. The hitting time does not depend on ``v*`` except that ``rho <= v*``: the *upper*
    bound leaves the adversary the weaker claim, so there `low` has the upper bound, too.
    """

    low: Loss
    nominal: Loss
    high: Loss


def bracketed_loss(
    learner: Learner | str, criterion: Criterion | str, optimum: TerminalValues, episodes: int | None
) -> BracketedLoss:
    """Return the loss of a learner without memory with certified bounds of ``v*``; see `loss_of`.

    Raises
    ------
    UnsupportedError
        Also where a lower bound on ``v*`` is zero, so that floating point proves nothing about the task.
    """
    learner = choice(Learner, learner, "learner")
    criterion = choice(Criterion, criterion, "criterion")
    check_certified(optimum)
    cautious = optimum.upper if criterion is Criterion.HITTING_TIME else optimum.lower
    low, nominal, high = (
        loss_of(learner, criterion, values, episodes) for values in (cautious, optimum.values, optimum.upper)
    )
    return BracketedLoss(low, nominal, high)


def oracle_regret(prior: np.ndarray, returns: np.ndarray, oracle: np.ndarray) -> float | Fraction:
    """Return ``Reg_O(f, p) = E_p[R*_z] - E_p[R(f, r_z)]``: the baseline knows the task. Linear in ``p``.

    Parameters
    ----------
    prior : ndarray, shape (K,)
    returns : ndarray, shape (K,)
        ``R(f, r_z)`` of the learner ``f``.
    oracle : ndarray, shape (K,)
        ``R*_z = N v*_z``.
    """
    return prior @ (oracle - returns)


def bayes_regret(prior: np.ndarray, returns: np.ndarray, learners: np.ndarray) -> float | Fraction:
    """Return ``Reg_B(f, p) = max_f' E_p R(f', r) - E_p R(f, r)``: the baseline knows only ``p``. Convex in
    ``p``.

    Parameters
    ----------
    prior : ndarray, shape (K,)
    returns : ndarray, shape (K,)
        ``R(f, r_z)`` of the learner ``f``.
    learners : ndarray, shape (L, K)
        Returns of every learner ``f'`` of the class (or of the vertices of their convex hull).
    """
    return (learners @ prior).max() - prior @ returns
