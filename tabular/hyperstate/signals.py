"""What a learner is told: the rewards of a finite task family as *signals* on the steps of an episode.

All tasks share the dynamics, so only rewards carry information about the task. On a step of an episode
every task ``z`` pays a deterministic reward; the vector of these rewards is the *signal* of the step. A
learner that faces task ``z`` sees the entry of its own task and rules out every task whose entry differs:
the signal splits the set of tasks still consistent with the past into blocks of equal entries (THEORY,
section 5, "the compact game").

Three kinds of step carry signals: the beginning of an episode in a state (goals detected on the way may lie
at the start), a transition before the last step, and a transition of the last step (goals detected at the
end pay there).

A *toll* is paid on every layer of an episode until the task's goal has been found; it turns the expected
cost of the hitting-time criterion into a sum of payoffs. A signal entry may *close* its task: the goal is
found, and nothing else is paid in this episode.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from metaregret.tabular.errors import InstanceTooLargeError, InvalidArgumentError
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rewards import RewardTables

__all__ = ["Signals", "goal_signals", "reward_signals"]

LEARNERS = "Learners with memory, whose hyperstates are infinitely many in unbounded episodes,"
"""Who needs a finite horizon, for messages."""

MAX_GOALS = 4096
"""Limit on the number of goals ``K``: the table of signals has ``K (K + 1)`` entries (0.4 GiB)."""


@dataclass(frozen=True, eq=False)
class Signals:
    """The rewards of ``Z`` tasks, merged into ``K <= Z`` classes of tasks with equal rewards everywhere.

    Attributes
    ----------
    process : ControlledMarkovProcess
        With a finite horizon of ``T`` steps.
    task_class : ndarray of int64, shape (Z,)
        The class of each task.
    labels : ndarray of int32, shape (Q, K)
        Classes with the same label are not told apart by signal ``q``; signal 0 says nothing and pays
        nothing.
    pay : ndarray of float64, shape (Q, K)
        Reward of each class under each signal.
    exact_pay : ndarray of Fraction (object), shape (Q, K), or None
    closes : ndarray of bool, shape (Q, K)
        Whether the signal ends the class's payoffs for this episode (its goal is found).
    during, last : ndarray of int32, shape (M,)
        Signal of each transition before the last step, and on the last step, of an episode.
    start : ndarray of int32, shape (S,)
        Signal of beginning an episode in each state.
    toll : ndarray of float64, shape (T + 1,)
        Payoff of layer 0 (the beginning of an episode) and of steps ``1..T`` while the goal is not found.
    restarts : bool
        Whether a found goal goes on paying in later episodes (rewards) or not (costs until the first
        success).
    """

    process: ControlledMarkovProcess
    task_class: np.ndarray
    labels: np.ndarray
    pay: np.ndarray
    exact_pay: np.ndarray | None
    closes: np.ndarray
    during: np.ndarray
    last: np.ndarray
    start: np.ndarray
    toll: np.ndarray
    restarts: bool

    @property
    def steps(self) -> int:
        """Steps per episode ``T``."""
        return self.process.steps_for(LEARNERS)

    @property
    def n_classes(self) -> int:
        """Number of classes ``K``."""
        return int(self.labels.shape[1])

    @property
    def n_tasks(self) -> int:
        """Number of tasks ``Z``."""
        return len(self.task_class)

    @property
    def largest_payoff(self) -> float:
        """A bound on the absolute payoff of one episode, for rounding allowances."""
        start = np.abs(self.pay[self.start]).max(initial=0.0)
        during = np.abs(self.pay[self.during]).max(initial=0.0)
        last = np.abs(self.pay[self.last]).max(initial=0.0)
        if self.closes.any():  # at most one closing payment per episode
            return float(max(start, during, last) + np.abs(self.toll).sum())
        return float(start + (self.steps - 1) * during + last + np.abs(self.toll).sum())


def goal_signals(
    process: ControlledMarkovProcess, goals: np.ndarray, *, visit: bool = False, costs: bool = False
) -> Signals:
    """Return the signals of goal-reaching tasks.

    Parameters
    ----------
    goals : ndarray of int, shape (K,)
        Distinct goal states.
    visit : bool
        Whether a goal is found on the first visit ``s_t = g``, ``t = 0..T``, or only at ``s_T = g``.
    costs : bool
        Whether payoffs are minus the cost until the first success (episodes begun where goals are detected
        at the end, steps taken where detected on the way) instead of the rewards.

    Raises
    ------
    InstanceTooLargeError
        For more than `MAX_GOALS` goals.
    """
    steps, n_goals = process.steps_for(LEARNERS), len(goals)
    if n_goals > MAX_GOALS:
        raise InstanceTooLargeError(
            f"Learners with memory on {process.name!r} have {n_goals:,} goals to tell apart, over the limit "
            f"of {MAX_GOALS:,}; name fewer goals or reduce the number of states."
        )
    reveals = np.zeros((n_goals + 1, n_goals), dtype=np.int32)
    reveals[np.arange(1, n_goals + 1), np.arange(n_goals)] = 1
    arrival = np.zeros(process.n_states, dtype=np.int32)
    arrival[goals] = np.arange(1, n_goals + 1)
    if visit:
        arrival = np.where(process.goal_of >= 0, arrival[process.goal_of], 0).astype(np.int32)
    silent = np.zeros(process.n_transitions, dtype=np.int32)
    toll = np.zeros(steps + 1)
    if costs:
        toll[slice(1, None) if visit else slice(0, 1)] = -1.0
    pay = np.zeros((n_goals + 1, n_goals)) if costs else reveals.astype(float)
    exact = np.full(pay.shape, Fraction(0), dtype=object)
    exact[pay == 1.0] = Fraction(1)
    return Signals(
        process=process,
        task_class=np.arange(n_goals),
        labels=reveals,
        pay=pay,
        exact_pay=exact,
        closes=reveals.astype(bool),
        during=arrival[process.successors] if visit else silent,
        last=arrival[process.successors],
        start=arrival if visit else np.zeros(process.n_states, dtype=np.int32),
        toll=toll,
        restarts=not costs,
    )


def reward_signals(tables: RewardTables) -> Signals:
    """Return the signals of general reward tables; tasks with equal rewards everywhere form one class.

    Rewards are compared as rationals where the tables are exact, and as floating-point numbers otherwise:
    two tasks whose rewards differ in the last bit are told apart.
    """
    process = tables.process
    process.steps_for(LEARNERS)
    rewards = tables.values if tables.exact is None else tables.exact
    ranks = _ranks(rewards)
    _, chosen, task_class = np.unique(ranks, axis=0, return_index=True, return_inverse=True)
    columns = np.concatenate([np.full((len(chosen), 1), _zero_rank(rewards)), ranks[chosen]], axis=1)
    distinct, first, signal = np.unique(columns, axis=1, return_index=True, return_inverse=True)
    signal = np.asarray(signal).ravel()
    order = np.concatenate(
        [[signal[0]], np.delete(np.arange(distinct.shape[1]), signal[0])]
    )  # silence is signal 0
    position = np.argsort(order).astype(np.int32)
    picked = np.concatenate([np.zeros((len(chosen), 1), dtype=rewards.dtype), rewards[chosen]], axis=1)
    pay = picked[:, first[order]].T
    during = position[signal][1:]
    return Signals(
        process=process,
        task_class=np.asarray(task_class).ravel(),
        labels=_labels(distinct[:, order].T),
        pay=pay.astype(float),
        exact_pay=None if tables.exact is None else pay + Fraction(0),
        closes=np.zeros(pay.shape, dtype=bool),
        during=during,
        last=during,
        start=np.zeros(process.n_states, dtype=np.int32),
        toll=np.zeros(process.steps_for(LEARNERS) + 1),
        restarts=True,
    )


def _ranks(rewards: np.ndarray) -> np.ndarray:
    """Return integers that are equal exactly where the rewards are, same shape; the zero reward included."""
    values, inverse = np.unique(np.append(rewards.ravel(), 0 * rewards.ravel()[0]), return_inverse=True)
    if len(values) > 2**31 - 1:
        raise InvalidArgumentError(f"Expected fewer than 2**31 distinct rewards, but got {len(values)}.")
    return np.asarray(inverse)[:-1].reshape(rewards.shape).astype(np.int64)


def _zero_rank(rewards: np.ndarray) -> int:
    values = np.unique(np.append(rewards.ravel(), 0 * rewards.ravel()[0]))
    return int(np.searchsorted(values, 0))


def _labels(columns: np.ndarray) -> np.ndarray:
    """Number the distinct entries of each row from zero, shape kept."""
    rows = [np.unique(row, return_inverse=True)[1].ravel() for row in columns]
    return np.array(rows, dtype=np.int32)
