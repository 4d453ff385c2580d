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
instead of the task; see `bayes_regret` and `oracle_regret`.

Each loss is one `LossForm`, written in terms of ``E_N(rho) = sum_{i < N} (1 - rho)**i``, which has a version
in floats (`Loss`) and one in fractions (`ExactLoss`). Which form a learner class has under a criterion, they
say themselves: `metaregret.theory.learners`, `metaregret.theory.criteria`. Source: arXiv 1806.04640,
goal-reaching case.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from metaregret.tabular.choices import choice
from metaregret.tabular.errors import InstanceTooLargeError, InvalidArgumentError, UnsupportedError
from metaregret.tabular.goals import TerminalValues

if TYPE_CHECKING:
    from metaregret.theory.criteria import Criterion
    from metaregret.theory.learners import Learner

__all__ = [
    "BlindRegret",
    "BracketedLoss",
    "ExactLoss",
    "HittingTime",
    "Line",
    "LinearForm",
    "Loss",
    "LossForm",
    "MemorylessRegret",
    "Relative",
    "Wait",
    "bayes_regret",
    "bracketed_loss",
    "check_certified",
    "check_episodes",
    "expected_episodes",
    "first_float",
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
        found = np.asarray(-np.expm1(episodes * np.log1p(-np.minimum(rho, 1.0))) / rho)
        tiny = rho * episodes <= 1e-12
        return np.where(tiny, episodes * (1.0 - 0.5 * rho * (episodes - 1)), found) if tiny.any() else found


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


@dataclass(frozen=True)
class Line:
    """A loss that is one increasing function of an affine function of ``rho``, the same for every task.

    ``max_g phi_g(rho_g) = value(t)``, decreasing in ``t = min_g (rho_g - base_g) / direction_g``: the minimax
    problem is a linear program, and its value rational.

    Attributes
    ----------
    from_optimum : bool
        Whether ``base`` is ``v``; else it is 0.
    along_optimum : bool
        Whether ``direction`` is ``v``; else it is 1.
    value : callable
        The loss at a level ``t``.
    required : callable
        The success probability at which the loss is ``theta``, from ``theta`` and ``v``.
    """

    from_optimum: bool
    along_optimum: bool
    value: Callable[[Any], Any]
    required: Callable[[float, np.ndarray], Any]


class LossForm(ABC):
    """A loss ``phi(rho; v, N)``, convex and decreasing in ``rho``, written once for floats and for fractions.

    Attributes
    ----------
    grows_with_optimum : bool
        Whether it is non-decreasing in ``v`` at fixed ``rho``; else it must not depend on ``v``.
    """

    grows_with_optimum = True

    @abstractmethod
    def value(self, rho: Any, best: Any, wait: Wait) -> Any:
        """Return the loss at success probability `rho`, the best possible being `best`."""

    @abstractmethod
    def slope(self, rho: Any, best: Any, wait: Wait) -> Any:
        """Return ``-d phi / d rho >= 0``."""

    def line(self, episodes: int | None) -> Line | None:
        """Return the linear form that the loss has with so many episodes, if it has one."""
        return None

    def direction(self, best: np.ndarray) -> np.ndarray:
        """Return a positive direction in which success probabilities trade off at the optimum."""
        return np.ones_like(best)

    def is_constant(self, episodes: int | None) -> bool:
        """Whether nothing that the learner does matters."""
        return False

    def check(self, episodes: int | None) -> None:
        """Raise `UnsupportedError` where the loss is not defined for so many episodes."""
        assert episodes is None or episodes >= 1


class MemorylessRegret(LossForm):
    """Oracle-baseline regret of the memoryless learner (T1, T4): ``E_N(rho) (v - rho)``."""

    def value(self, rho: Any, best: Any, wait: Wait) -> Any:
        return wait.regret(rho, best)

    def slope(self, rho: Any, best: Any, wait: Wait) -> Any:
        if wait.episodes is None:
            return best * wait.slope(rho)
        return wait(rho) + wait.slope(rho) * (best - rho)

    def line(self, episodes: int | None) -> Line | None:
        if episodes is None:
            return Line(False, True, lambda t: 1 / t - 1, lambda theta, v: v / (1.0 + theta))
        return BlindRegret().line(1) if episodes == 1 else None

    def direction(self, best: np.ndarray) -> np.ndarray:
        return best


class BlindRegret(LossForm):
    """Oracle-baseline regret of the blind learner: ``N (v - rho)``."""

    def value(self, rho: Any, best: Any, wait: Wait) -> Any:
        return wait.episodes * (best - rho)

    def slope(self, rho: Any, best: Any, wait: Wait) -> Any:
        return 0 * rho + wait.episodes

    def line(self, episodes: int | None) -> Line | None:
        assert episodes is not None
        return Line(True, False, lambda t: -episodes * t, lambda theta, v: v - theta / episodes)

    def check(self, episodes: int | None) -> None:
        if episodes is None:
            raise UnsupportedError(
                "The blind learner's regret over infinitely many episodes is infinite or zero; give a number "
                "of episodes."
            )


class HittingTime(LossForm):
    """Expected number of episodes until the first success, at most ``N``: ``E_N(rho)``."""

    grows_with_optimum = False

    def value(self, rho: Any, best: Any, wait: Wait) -> Any:
        return wait(rho)

    def slope(self, rho: Any, best: Any, wait: Wait) -> Any:
        return wait.slope(rho)

    def line(self, episodes: int | None) -> Line | None:
        if episodes is not None:
            return None
        return Line(False, False, lambda t: 1 / t, lambda theta, v: 1.0 / theta if theta > 0 else np.inf)

    def is_constant(self, episodes: int | None) -> bool:
        return episodes == 1


class Relative(LossForm):
    """A loss over its smallest possible value for the task: ``phi(rho; v) / phi(v; v)``."""

    def __init__(self, form: LossForm) -> None:
        self._form = form

    def value(self, rho: Any, best: Any, wait: Wait) -> Any:
        return self._form.value(rho, best, wait) / self._form.value(best, best, wait)

    def slope(self, rho: Any, best: Any, wait: Wait) -> Any:
        return self._form.slope(rho, best, wait) / self._form.value(best, best, wait)

    def line(self, episodes: int | None) -> Line | None:
        if episodes is not None or not isinstance(self._form, HittingTime):
            return None
        return Line(False, True, lambda t: 1 / t, lambda theta, v: v / theta if theta > 0 else np.inf)

    def direction(self, best: np.ndarray) -> np.ndarray:
        return best

    def is_constant(self, episodes: int | None) -> bool:
        return self._form.is_constant(episodes)


class Loss:
    """Losses ``phi_g(rho_g)`` of ``K`` tasks in floating point, each convex and decreasing on ``[0, v_g]``.

    Attributes
    ----------
    form : LossForm
    optimum : ndarray, shape (K,)
        ``v_g > 0``.
    episodes : int or None
    line : Line or None
        The linear form, where there is one.
    homogeneous : bool
        Whether ``phi_g(rho) <= theta`` is ``rho >= t(theta) * v_g * c`` with one ``t`` for all tasks, so
        that one linear program suffices.

    Raises
    ------
    InvalidArgumentError
        If an optimum is not positive.
    UnsupportedError
        If the loss is not defined for so many episodes.
    """

    def __init__(self, form: LossForm, optimum: np.ndarray, episodes: int | None) -> None:
        bad = np.flatnonzero(~(np.asarray(optimum) > 0))
        if len(bad):
            raise InvalidArgumentError(
                f"Expected v* > 0 for every task, but task {int(bad[0])} has v* = "
                f"{np.asarray(optimum)[bad[0]]!r}; leave "
                "out unreachable goals."
            )
        form.check(episodes)
        self.form, self.episodes = form, episodes
        self.optimum = np.asarray(optimum, dtype=float)
        self.line = form.line(episodes)
        self.homogeneous = self.line is not None and not self.line.from_optimum
        self._wait = FloatWait(episodes)

    def value(self, rho: np.ndarray) -> np.ndarray:
        """Return the loss of each task, shape (K,)."""
        return np.asarray(self.form.value(rho, self.optimum, self._wait))

    def slope(self, rho: np.ndarray) -> np.ndarray:
        """Return ``-d phi_g / d rho_g >= 0``, shape (K,)."""
        return np.asarray(self.form.slope(rho, self.optimum, self._wait))

    @property
    def direction(self) -> np.ndarray:
        """A positive direction in which success probabilities trade off at the optimum, shape (K,)."""
        return self.form.direction(self.optimum)

    def required(self, theta: float) -> np.ndarray:
        """Return the smallest ``rho_g`` with ``phi_g(rho_g) <= theta``, in closed form or by search to the
        last bit, shape (K,).

        Where even ``v_g`` is not enough the result is infinite.
        """
        if self.line is not None:
            needed = np.maximum(self.line.required(theta, self.optimum) + np.zeros_like(self.optimum), 0.0)
            return np.where(needed > self.optimum, np.inf, needed)
        least = first_float(lambda rho: self.value(rho) <= theta, self.optimum)
        needed = np.where(self.value(np.zeros_like(self.optimum)) <= theta, 0.0, least)
        return np.where(self.value(self.optimum) > theta, np.inf, needed)


SECTIONS = 1024
"""Numbers at which `first_float` looks at once: fewer of them cost as much."""


def first_float(holds: Callable[[np.ndarray], np.ndarray], largest: np.ndarray) -> np.ndarray:
    """Return for each task the first float in ``(0, largest]`` from which a condition holds, shape (K,).

    The bit patterns of non-negative floats are in the order of the numbers: they are divided into many parts
    at once, until one pattern is left. Where the condition holds nowhere before, `largest` is returned.

    Parameters
    ----------
    holds : callable
        Tells for floats, shape (m, K), whether the condition holds; once it does it goes on to.
    largest : ndarray, shape (K,)
        Positive.
    """
    tasks = np.arange(len(largest))
    low, high = np.zeros(len(largest), dtype=np.int64), largest.view(np.int64)
    parts = max(2, min(32, SECTIONS // max(1, len(largest))))
    shares = np.arange(1, parts + 1)[:, None]
    while len(largest) and (high - low).max() > 1:
        step, rest = np.divmod(high - low, parts)
        points = low + step * shares + rest * shares // parts  # the last is the highest
        with np.errstate(over="ignore", invalid="ignore"):  # losses of the smallest numbers may overflow
            found = holds(points.view(np.float64))
        found[-1] = True
        first = found.argmax(axis=0)
        low, high = np.where(first, points[first - 1, tasks], low), points[first, tasks]
    return high.view(np.float64)


@dataclass(frozen=True)
class ExactLoss:
    """The same losses in fractions.

    Attributes
    ----------
    form : LossForm
    episodes : int or None
        ``N``; None for infinitely many.
    optimum : sequence of Fraction, length K
        ``v_g > 0``.
    """

    form: LossForm
    episodes: int | None
    optimum: Sequence[Fraction]

    @property
    def is_constant(self) -> bool:
        """Whether nothing that the learner does matters: waiting for a success in a single episode."""
        return self.form.is_constant(self.episodes)

    def value(self, task: int, rho: Fraction) -> Fraction | float:
        """Return ``phi_g(rho)``; infinite (a float) only at ``rho = 0`` with infinitely many episodes."""
        if self.episodes is None and rho == 0:
            return float("inf")
        found: Fraction = self.form.value(rho, self.optimum[task], ExactWait(self.episodes))
        return found

    def slope(self, task: int, rho: Fraction) -> Fraction:
        """Return ``-phi_g'(rho) >= 0``; with infinitely many episodes, at ``rho > 0``."""
        found: Fraction = self.form.slope(rho, self.optimum[task], ExactWait(self.episodes))
        return found

    def worst(self, success: Sequence[Fraction]) -> Fraction | float:
        """Return ``max_g phi_g(rho_g)``."""
        return max(self.value(task, rho) for task, rho in enumerate(success))

    def linear_form(self) -> LinearForm | None:
        """Return the linear program that the minimax problem is, or None where it is not one."""
        line, best = self.form.line(self.episodes), tuple(self.optimum)
        if line is None:
            return None
        zeros, ones = (Fraction(0),) * len(best), (Fraction(1),) * len(best)
        base, direction = best if line.from_optimum else zeros, best if line.along_optimum else ones
        return LinearForm(base, direction, line.value)


@dataclass(frozen=True)
class LinearForm:
    """``max_g phi_g(rho_g) = value(t)``, decreasing in ``t = min_g (rho_g - base_g) / direction_g``."""

    base: tuple[Fraction, ...]
    direction: tuple[Fraction, ...]
    value: Callable[[Fraction], Fraction]


# ---------------------------------------------------------------- the two arithmetics


@dataclass(frozen=True)
class Wait(ABC):
    """``E_N(rho)`` and its slope in one arithmetic; losses are written in terms of them."""

    episodes: int | None

    @abstractmethod
    def __call__(self, rho: Any) -> Any:
        """Return ``E_N(rho)``."""

    @abstractmethod
    def slope(self, rho: Any) -> Any:
        """Return ``-E_N'(rho) = sum_{i < N} i (1 - rho)**(i - 1)``."""

    def regret(self, rho: Any, best: Any) -> Any:
        """Return ``E_N(rho) (v - rho)``."""
        return self(rho) * (best - rho)


class FloatWait(Wait):
    """Arrays of floats, without cancellation."""

    def __call__(self, rho: np.ndarray) -> np.ndarray:
        return expected_episodes(rho, self.episodes)

    def slope(self, rho: np.ndarray) -> np.ndarray:
        return _episodes_slope(rho, self.episodes)

    def regret(self, rho: np.ndarray, best: np.ndarray) -> np.ndarray:
        return _memoryless_regret(rho, best, self.episodes)


class ExactWait(Wait):
    """Fractions; with infinitely many episodes only ``rho > 0``."""

    def __call__(self, rho: Fraction) -> Fraction:
        if self.episodes is None:
            return 1 / rho
        return Fraction(self.episodes) if rho == 0 else (1 - _power(1 - rho, self.episodes)) / rho

    def slope(self, rho: Fraction) -> Fraction:
        if self.episodes is None:
            return 1 / rho**2
        if rho == 0:
            return Fraction(self.episodes * (self.episodes - 1), 2)
        return (self(rho) - self.episodes * _power(1 - rho, self.episodes - 1)) / rho


SERIES_BELOW = 0.05
"""Products ``N rho`` below which the slope is summed as a power series: the closed form would cancel."""


def _episodes_slope(rho: np.ndarray, episodes: int | None) -> np.ndarray:
    """Return ``-d/d rho sum_{i<N} (1 - rho)**i = sum_{i<N} i (1 - rho)**(i - 1)``.

    The series is ``sum_k (-1)**k (k + 1) C(N, k + 2) rho**k``.
    """
    rho = np.asarray(rho, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if episodes is None:
            return np.where(rho > 0, 1.0 / rho / rho, np.inf)
        fail = np.exp((episodes - 1) * np.log1p(-np.minimum(rho, 1.0))) if episodes > 1 else np.ones_like(rho)
        closed = (expected_episodes(rho, episodes) - episodes * fail) / rho
        small = np.minimum(rho, SERIES_BELOW / episodes)
        term = np.full_like(rho, 0.5 * episodes * (episodes - 1))
        series = term.copy()
        for k in range(1, min(10, episodes - 1)):
            term = term * (-(k + 1) / k * (episodes - k - 1) / (k + 2)) * small
            series += term
        return np.where(rho * episodes > SERIES_BELOW, closed, series)


MAX_POWER_BITS = 1 << 20
"""Largest size of a power ``(1 - rho)**N``, in bits."""


def _power(base: Fraction, exponent: int) -> Fraction:
    bits = exponent * max(base.numerator.bit_length(), base.denominator.bit_length())
    if bits > MAX_POWER_BITS:
        raise InstanceTooLargeError(
            f"An exact power with {exponent} episodes needs about {bits} bits, over the limit of "
            f"{MAX_POWER_BITS}; solve without exact arithmetic, or with fewer episodes."
        )
    return base**exponent


def check_episodes(episodes: int | str | None) -> None:
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


def form_of(learner: Learner | str, criterion: Criterion | str) -> LossForm:
    """Return the loss of a learner class under a criterion.

    Raises
    ------
    UnsupportedError
        For learners with memory, whose losses are no function of one success probability.
    """
    from metaregret.theory.criteria import Criterion
    from metaregret.theory.learners import Learner

    return choice(Criterion, criterion, "criterion").form(choice(Learner, learner, "learner"))


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
        solves every task, and for learners with memory.
    """
    check_episodes(episodes)
    return Loss(form_of(learner, criterion), optimum, episodes)


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
    check_certified(optimum)
    grows = form_of(learner, criterion).grows_with_optimum
    cautious = optimum.lower if grows else optimum.upper
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
