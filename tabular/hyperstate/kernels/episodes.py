"""Kernels of the collapsed graph, for goals detected at the end: one hyperstate per episode and set.

Nothing is revealed before an episode ends, so its steps are a planning problem with the terminal payoffs

    u(s) = w_k (pay + after) + W(e + 1, B \\ {k})  if goal k of B lies at s,   and   W(e + 1, B)  otherwise.

Where the dynamics are deterministic the plan is just the best terminal state within reach; otherwise it is
solved by backward induction over the steps, without storing anything for a step.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from metaregret.tabular.hyperstate.kernels.induction import Dynamics, add, add_to_members
from metaregret.tabular.hyperstate.kernels.sets import SetTable, contains, empty_slots, intern, plain_sets
from metaregret.tabular.jit import njit

__all__ = ["Episode", "Plan", "episode_values", "goal_sets", "play_episode"]


class Episode(NamedTuple):
    """What an episode pays and where it can go.

    Shapes: `targets` (J,) the goals (classes) that lie at a terminal state within reach, `cells` (J,) those
    states; `others` the terminal states within reach without a goal. `child` (sets, J): the set without
    target j, or ``-2 - c`` where only class ``c`` is left. `first`, `states`: the states within reach after
    t steps are ``states[first[t] : first[t + 1]]``.
    """

    targets: np.ndarray
    cells: np.ndarray
    others: np.ndarray
    child: np.ndarray
    first: np.ndarray
    states: np.ndarray


class Plan(NamedTuple):
    """Payoffs of one episode: of finding each target (J,), of being the only class left (K,), the toll."""

    found: np.ndarray
    left: np.ndarray
    toll: float


@njit(cache=True)
def _doubled(child: np.ndarray) -> np.ndarray:
    longer = empty_slots(2 * len(child))
    for place in range(len(child)):
        longer[place] = child[place]
    return longer


@njit(cache=True)
def goal_sets(
    targets: np.ndarray, n_classes: int, sets: SetTable, rounds: int, limit: int
) -> tuple[tuple[np.ndarray, np.ndarray, int], np.ndarray, np.ndarray]:
    """Enter every set that some targets can leave, in order of how many were removed.

    Parameters
    ----------
    sets : SetTable
        Holding the full set as number 0.
    rounds : int
        Largest number of targets removed.
    limit : int
        Stop once there are more sets than this.

    Returns
    -------
    tuple
        The table (see `plain_sets`), the child table (sets, J), and the number of sets with at most ``m``
        targets removed, (rounds,).
    """
    child = empty_slots(64 * len(targets))
    counts = np.zeros(rounds, dtype=np.int64)
    counts[0] = 1
    done = 0
    for removed in range(1, rounds):
        until = sets.used
        for number in range(done, until):
            for place in range(len(targets)):
                row = sets.words[number].copy()
                if not contains(row, targets[place]):
                    continue
                row[targets[place] >> 6] ^= np.uint64(1) << np.uint64(targets[place] & 63)
                left, last = 0, -1
                for member in range(n_classes):
                    if contains(row, member):
                        left, last = left + 1, member
                if (sets.used + 1) * len(targets) > len(child):
                    child = _doubled(child)
                if left == 1:
                    child[number * len(targets) + place] = -2 - last
                else:
                    entered, sets = intern(row, sets)
                    child[number * len(targets) + place] = entered
            if sets.used > limit:
                return plain_sets(sets), child[: sets.used * len(targets)].reshape((-1, len(targets))), counts
        done = until
        counts[removed] = sets.used
    return plain_sets(sets), child[: sets.used * len(targets)].reshape((-1, len(targets))), counts


@njit(cache=True)
def _target_value(
    number: int,
    place: int,
    row: np.ndarray,
    episode: Episode,
    plan: Plan,
    following: np.ndarray,
    weights: np.ndarray,
) -> float:
    """Return ``u`` at the terminal state of a target; an empty `following` marks the last episode."""
    target = episode.targets[place]
    if not contains(row, target):
        return following[number] if len(following) else 0.0
    value = weights[target] * plan.found[place]
    if len(following):
        child = episode.child[number, place]
        value += following[child] if child >= 0 else weights[-2 - child] * plan.left[-2 - child]
    return value


@njit(cache=True)
def _best_terminal(
    number: int,
    words: np.ndarray,
    episode: Episode,
    plan: Plan,
    following: np.ndarray,
    weights: np.ndarray,
) -> float:
    """Return the largest terminal payoff within reach (deterministic dynamics; the innermost loop)."""
    leaf = len(following) == 0
    best = -np.inf
    if leaf or len(episode.others):
        best = 0.0 if leaf else following[number]
    for place in range(len(episode.targets)):
        target = episode.targets[place]
        value = weights[target] * plan.found[place]
        if leaf:
            if (words[number, target >> 6] >> np.uint64(target & 63)) & np.uint64(1) == np.uint64(0):
                continue
        else:
            child = episode.child[number, place]
            if child >= 0:
                value += following[child]
            elif child == -1:
                value = following[number]
            else:
                value += weights[-2 - child] * plan.left[-2 - child]
        best = max(best, value)
    return best


@njit(cache=True)
def _induction(
    terminal: np.ndarray, episode: Episode, dynamics: Dynamics, values: np.ndarray, choices: np.ndarray
) -> None:
    """Fill values (T + 1, S) and first best choices (T, S) over the states within reach."""
    steps = len(values) - 1
    for state in range(len(terminal)):
        values[steps, state] = terminal[state]
    for step in range(steps - 1, -1, -1):
        for at in range(episode.first[step], episode.first[step + 1]):
            state = episode.states[at]
            best = -np.inf
            for choice in range(dynamics.choice_offsets[state], dynamics.choice_offsets[state + 1]):
                total = 0.0
                for transition in range(dynamics.offsets[choice], dynamics.offsets[choice + 1]):
                    total += (
                        dynamics.probability[transition] * values[step + 1, dynamics.successors[transition]]
                    )
                if total > best:
                    best = total
                    choices[step, state] = choice
            values[step, state] = best


@njit(cache=True)
def _terminal(
    number: int,
    row: np.ndarray,
    episode: Episode,
    plan: Plan,
    following: np.ndarray,
    weights: np.ndarray,
    terminal: np.ndarray,
) -> None:
    """Fill the terminal payoffs of one episode."""
    for cell in episode.others:
        terminal[cell] = following[number] if len(following) else 0.0
    for place in range(len(episode.targets)):
        terminal[episode.cells[place]] = _target_value(number, place, row, episode, plan, following, weights)


@njit(cache=True)
def episode_values(
    count: int,
    words: np.ndarray,
    episode: Episode,
    plan: Plan,
    following: np.ndarray,
    dynamics: Dynamics,
    steps: int,
    deterministic: bool,
    weights: np.ndarray,
    masses: np.ndarray,
) -> np.ndarray:
    """Return ``W(e, B)`` of the first `count` sets from the values of the next episode, shape (count,)."""
    result = np.empty(count)
    n_states = len(dynamics.choice_offsets) - 2
    values, choices = np.zeros((steps + 1, n_states)), np.zeros((steps, n_states), dtype=np.int32)
    terminal = np.zeros(n_states)
    begins = range(dynamics.offsets[len(dynamics.offsets) - 2], dynamics.offsets[len(dynamics.offsets) - 1])
    for number in range(count):
        best = 0.0
        if deterministic:
            best = _best_terminal(number, words, episode, plan, following, weights)
        else:
            _terminal(number, words[number], episode, plan, following, weights, terminal)
            _induction(terminal, episode, dynamics, values, choices)
            for begin in begins:
                best += dynamics.probability[begin] * values[0, dynamics.successors[begin]]
        result[number] = best + plan.toll * masses[number]
    return result


@njit(cache=True)
def _settle(
    number: int,
    reach: float,
    row: np.ndarray,
    arrived: np.ndarray,
    episode: Episode,
    plan: Plan,
    payoff: np.ndarray,
    lost: np.ndarray,
    onward: np.ndarray,
    dropped: np.ndarray,
) -> None:
    """Pay for the end of an episode: toll, targets found, single classes left; pass the rest on."""
    if plan.toll != 0.0:
        add_to_members(row, reach * plan.toll, payoff, lost)
    leaf = len(onward) == 0
    for state in range(0 if leaf else len(episode.others)):
        add(onward, dropped, number, arrived[episode.others[state]])
    for place in range(len(episode.targets)):
        mass = arrived[episode.cells[place]]
        if not contains(row, episode.targets[place]):
            if not leaf:
                add(onward, dropped, number, mass)
            continue
        add(payoff, lost, episode.targets[place], mass * plan.found[place])
        child = -1 if leaf else episode.child[number, place]
        if child >= 0:
            add(onward, dropped, child, mass)
        elif child < -1:
            add(payoff, lost, -2 - child, mass * plan.left[-2 - child])


@njit(cache=True)
def _follow(
    choices: np.ndarray,
    episode: Episode,
    dynamics: Dynamics,
    flow: np.ndarray,
    rows: np.ndarray,
    mass: np.ndarray,
) -> int:
    """Push the flow (T + 1, S) through the choices; list ``(step, state, choice)``; return how many rows."""
    used, dropped = 0, np.zeros(flow.shape)
    for step in range(len(choices)):
        for at in range(episode.first[step], episode.first[step + 1]):
            state = episode.states[at]
            flow[step, state] += dropped[step, state]
            if flow[step, state] == 0.0:
                continue
            choice = choices[step, state]
            rows[used, 0], rows[used, 1], rows[used, 2], mass[used] = step, state, choice, flow[step, state]
            used += 1
            for transition in range(dynamics.offsets[choice], dynamics.offsets[choice + 1]):
                moved = flow[step, state] * dynamics.probability[transition]
                add(flow[step + 1], dropped[step + 1], dynamics.successors[transition], moved)
    for state in range(flow.shape[1]):
        flow[len(choices), state] += dropped[len(choices), state]
    return used


@njit(cache=True)
def play_episode(
    numbers: np.ndarray,
    reach: np.ndarray,
    words: np.ndarray,
    episode: Episode,
    plan: Plan,
    following: np.ndarray,
    dynamics: Dynamics,
    steps: int,
    weights: np.ndarray,
    payoff: np.ndarray,
    lost: np.ndarray,
    onward: np.ndarray,
    dropped: np.ndarray,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Play one episode with the greedy plans; add per-class payoffs, and reach of the next sets to `onward`.

    Parameters
    ----------
    numbers, reach : ndarray, shape (n,)
        Sets that the learner reaches, and their realisation weights.
    lost, dropped : ndarray
        What rounding dropped of `payoff` and `onward`, see `add`.

    Returns
    -------
    tuple
        For each set the rows ``(step, state, choice)`` of the hyperstates reached, and their realisation
        weights.
    """
    n_states = len(dynamics.choice_offsets) - 2
    values, choices = np.zeros((steps + 1, n_states)), np.zeros((steps, n_states), dtype=np.int32)
    terminal = np.zeros(n_states)
    rows, mass = np.empty((steps * n_states, 3), dtype=np.int32), np.empty(steps * n_states)
    begins = range(dynamics.offsets[len(dynamics.offsets) - 2], dynamics.offsets[len(dynamics.offsets) - 1])
    all_rows, all_mass = [], []
    for index in range(len(numbers)):
        row = words[numbers[index]]
        _terminal(numbers[index], row, episode, plan, following, weights, terminal)
        _induction(terminal, episode, dynamics, values, choices)
        flow = np.zeros((steps + 1, n_states))
        for begin in begins:
            flow[0, dynamics.successors[begin]] = reach[index] * dynamics.probability[begin]
        used = _follow(choices, episode, dynamics, flow, rows, mass)
        _settle(numbers[index], reach[index], row, flow[steps], episode, plan, payoff, lost, onward, dropped)
        all_rows.append(rows[:used].copy())
        all_mass.append(mass[:used].copy())
    return all_rows, all_mass
