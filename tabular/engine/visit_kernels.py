"""Compiled plans for goals that pay when they are visited, and policies that visit them once.

A process in which every pair of a step and a state may pay gives upper bounds (`visit_values`) and guides:
partial paths by a beam search (`longest_path`), or the Markov policy that it plays most often
(`play`). What a Markov policy visits is found from below by following one copy of the episode for every
goal, which ends when it meets the goal (`first_visits`). That is linear in the decisions of each single step,
so that the best decisions of a step, all others given, are known, too (`improve`).
"""

from __future__ import annotations

import numpy as np

from metaregret.tabular.jit import njit

__all__ = ["LANES", "first_visits", "improve", "longest_path", "play", "reached", "visit_values"]

LANES = 8
"""Weights planned for at once: a cache line of values for each state."""


@njit(cache=True, nogil=True)
def visit_values(
    choice_offsets: np.ndarray,
    offsets: np.ndarray,
    successors: np.ndarray,
    probabilities: np.ndarray,
    paid: np.ndarray,
    values: np.ndarray,
) -> None:
    """Fill `values`, shape (T + 1, S, LANES): the most that can be earned from a step and state on, ``paid``,
    shape (S, LANES), in every state met."""
    best, total = np.empty(LANES), np.empty(LANES)
    values[-1] = paid
    for step in range(len(values) - 2, -1, -1):
        after = values[step + 1]
        for state in range(len(paid)):
            for lane in range(LANES):
                best[lane] = 0.0
            for choice in range(choice_offsets[state], choice_offsets[state + 1]):
                for lane in range(LANES):
                    total[lane] = 0.0
                for entry in range(offsets[choice], offsets[choice + 1]):
                    share, row = probabilities[entry], successors[entry]
                    for lane in range(LANES):
                        total[lane] += share * after[row, lane]
                for lane in range(LANES):
                    best[lane] = max(best[lane], total[lane])
            for lane in range(LANES):
                values[step, state, lane] = paid[state, lane] + best[lane]


@njit(cache=True, nogil=True)
def _best(
    state: int,
    lane: int,
    after: np.ndarray,
    choice_offsets: np.ndarray,
    offsets: np.ndarray,
    successors: np.ndarray,
    probabilities: np.ndarray,
) -> int:
    most, chosen = -1.0, 0
    for choice in range(choice_offsets[state], choice_offsets[state + 1]):
        total = 0.0
        for entry in range(offsets[choice], offsets[choice + 1]):
            total += probabilities[entry] * after[successors[entry], lane]
        if total > most:
            most, chosen = total, choice
    return chosen


@njit(cache=True, nogil=True)
def play(
    choice_offsets: np.ndarray,
    offsets: np.ndarray,
    successors: np.ndarray,
    probabilities: np.ndarray,
    initial: np.ndarray,
    values: np.ndarray,
    lane: int,
    pays: np.ndarray,
    base: np.ndarray,
    first: np.ndarray,
    count: int,
    negligible: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Follow the decisions of a plan.

    Parameters
    ----------
    pays : ndarray of int, shape (S',)
        The goal for which a state pays, or -1.
    base : ndarray of int, shape (S',)
        State of the process without memory.
    first : ndarray of int, shape (S,)
        A state with memory of each, or -1 of those never met.
    count : int
        Number of goals, ``K``.
    negligible : float
        States with no more than this probability are not followed.

    Returns
    -------
    earned : ndarray, shape (K,)
        How often each goal has paid, in expectation.
    policy : ndarray of int32, shape (T, S)
        The rank of the choice that is taken most often in each state of the process without memory; where
        none was, the choice of `first`.
    """
    horizon, known = len(values) - 1, len(first)
    widest = np.max(choice_offsets[1:] - choice_offsets[:-1])
    earned, policy = np.zeros(count), np.zeros((horizon, known), np.int32)
    mass, moved = initial.copy(), np.zeros(len(base))
    active, met = np.flatnonzero(initial), np.zeros(len(base), np.int64)
    for place in range(len(active)):
        if pays[active[place]] >= 0:
            earned[pays[active[place]]] += initial[active[place]]
    flow = np.zeros((known, widest))
    for step in range(horizon):
        after, found = values[step + 1], 0
        for plain in range(known):
            flow[plain] = 0.0
            if first[plain] >= 0:
                usual = int(first[plain])
                chosen = _best(usual, lane, after, choice_offsets, offsets, successors, probabilities)
                policy[step, plain] = chosen - choice_offsets[usual]
        for place in range(len(active)):
            state = int(active[place])
            if mass[state] > negligible:
                chosen = _best(state, lane, after, choice_offsets, offsets, successors, probabilities)
                rank, plain = chosen - choice_offsets[state], int(base[state])
                flow[plain, rank] += mass[state]
                if flow[plain, rank] >= flow[plain, policy[step, plain]]:
                    policy[step, plain] = rank
                for entry in range(offsets[chosen], offsets[chosen + 1]):
                    row = successors[entry]
                    if moved[row] == 0.0:
                        met[found] = row
                        found += 1
                    moved[row] += probabilities[entry] * mass[state]
            mass[state] = 0.0
        active = met[:found].copy()
        mass, moved = moved, mass
        for place in range(found):
            if pays[active[place]] >= 0:
                earned[pays[active[place]]] += mass[active[place]]
    return earned, policy


@njit(cache=True, nogil=True)
def longest_path(
    choice_offsets: np.ndarray,
    successors: np.ndarray,
    start: int,
    values: np.ndarray,
    lane: int,
    paid: np.ndarray,
    goals: np.ndarray,
    weights: np.ndarray,
    marks: np.ndarray,
    width: int,
) -> np.ndarray:
    """Return which goals the best path found by a beam search visits, shape (K,), where choices have one
    successor each: partial paths are compared by what they have earned, every goal once, and the plan's
    value of what is left.

    Parameters
    ----------
    paid : ndarray, shape (S', LANES)
        What the plan pays.
    goals : ndarray of int, shape (S',)
        The goal that a state is, or -1.
    weights : ndarray, shape (K,)
    marks : ndarray of uint64, shape (K,)
        Random numbers: the sum of those of the goals visited tells paths apart.
    width : int
        Partial paths kept at every step.
    """
    widest = np.max(choice_offsets[1:] - choice_offsets[:-1])
    place, earned = np.full(width, start), np.zeros(width)
    seen, mark = np.zeros((width, len(weights)), np.bool_), np.zeros(width, np.uint64)
    if goals[start] >= 0:
        earned[0], mark[0] = weights[goals[start]], marks[goals[start]]
        seen[0, goals[start]] = True
    front = 1
    score, total = np.empty(width * widest), np.empty(width * widest)
    origin, target = np.empty(width * widest, np.int64), np.empty(width * widest, np.int64)
    name = np.empty(width * widest, np.uint64)
    for step in range(1, len(values)):
        offered = 0
        for path in range(front):
            for choice in range(choice_offsets[place[path]], choice_offsets[place[path] + 1]):
                row = successors[choice]
                goal, more, origin[offered], target[offered] = goals[row], 0.0, path, row
                name[offered] = mark[path]
                if goal >= 0 and not seen[path, goal]:
                    more = weights[goal]
                    name[offered] += marks[goal]
                total[offered] = earned[path] + more
                score[offered] = total[offered] + values[step, row, lane] - paid[row, lane]
                offered += 1
        order = np.argsort(-score[:offered], kind="mergesort")
        places, sums, names = np.empty(width, np.int64), np.empty(width), np.empty(width, np.uint64)
        visited, kept = np.empty((width, len(weights)), np.bool_), 0
        for one in order:
            known = False
            for other in range(kept):
                known = known or (names[other] == name[one] and places[other] == target[one])
            if not known:
                places[kept], sums[kept], names[kept] = target[one], total[one], name[one]
                visited[kept] = seen[origin[one]]
                if goals[target[one]] >= 0:
                    visited[kept, goals[target[one]]] = True
                kept += 1
                if kept == width:
                    break
        place, earned, mark, seen, front = places, sums, names, visited, kept
    return seen[np.argmax(earned[:front])]


@njit(cache=True, nogil=True)
def reached(
    choice_offsets: np.ndarray,
    offsets: np.ndarray,
    successors: np.ndarray,
    probabilities: np.ndarray,
    initial: np.ndarray,
    policy: np.ndarray,
    negligible: float,
) -> tuple[np.ndarray, int]:
    """Number the pairs of a step and a state that a policy reaches with more than a negligible probability;
    shape (T + 1, S), -1 elsewhere."""
    rows, count, mass = np.full((len(policy) + 1, len(initial)), -1), 0, initial.copy()
    for step in range(len(rows)):
        moved = np.zeros(len(initial))
        for state in range(len(initial)):
            if mass[state] > negligible:
                rows[step, state] = count
                count += 1
                if step < len(policy):
                    choice = choice_offsets[state] + policy[step, state]
                    for entry in range(offsets[choice], offsets[choice + 1]):
                        moved[successors[entry]] += probabilities[entry] * mass[state]
        mass = moved
    return rows, count


@njit(cache=True, nogil=True)
def first_visits(
    choice_offsets: np.ndarray,
    offsets: np.ndarray,
    successors: np.ndarray,
    probabilities: np.ndarray,
    initial: np.ndarray,
    policy: np.ndarray,
    goals: np.ndarray,
    rows: np.ndarray,
    unseen: np.ndarray,
) -> np.ndarray:
    """Return the chances that a Markov policy visits each goal within the pairs of step and state that have
    a row, shape (K,); fill `unseen`, shape (rows, K), with the chances to be there without having met it."""
    found = np.zeros(unseen.shape[1])
    unseen[:] = 0.0
    for step in range(len(rows)):
        for state in range(len(initial)):
            row, goal = rows[step, state], goals[state]
            if row < 0:
                continue
            if step == 0:
                unseen[row] = initial[state]
            if goal >= 0:
                found[goal] += unseen[row, goal]
                unseen[row, goal] = 0.0
            if step < len(policy):
                choice = choice_offsets[state] + policy[step, state]
                for entry in range(offsets[choice], offsets[choice + 1]):
                    after = rows[step + 1, successors[entry]]
                    if after >= 0:
                        for other in range(len(found)):
                            unseen[after, other] += probabilities[entry] * unseen[row, other]
    return found


@njit(cache=True, nogil=True, fastmath=True)
def _improved(
    choices: range,
    offsets: np.ndarray,
    successors: np.ndarray,
    probabilities: np.ndarray,
    worth: np.ndarray,
    later: np.ndarray,
) -> int:
    most, chosen = -1.0, choices.start
    for choice in choices:
        total = 0.0
        for entry in range(offsets[choice], offsets[choice + 1]):
            earned, after = np.float32(0.0), successors[entry]
            for goal in range(len(worth)):
                earned += worth[goal] * later[after, goal]
            total += probabilities[entry] * earned
        if total > most:
            most, chosen = total, choice
    return chosen


@njit(cache=True, nogil=True, fastmath=True)
def improve(
    choice_offsets: np.ndarray,
    offsets: np.ndarray,
    successors: np.ndarray,
    probabilities: np.ndarray,
    policy: np.ndarray,
    goals: np.ndarray,
    rows: np.ndarray,
    unseen: np.ndarray,
    weights: np.ndarray,
    first: np.ndarray,
) -> None:
    """From the last step back to the first, take the choices with the largest mean weight of the goals that
    are visited, all other steps given (float32: a guide, no bound). States cannot be met before step `first`,
    shape (S,)."""
    known, count = len(goals), len(weights)
    later, now = np.zeros((known, count), np.float32), np.zeros((known, count), np.float32)
    worth = np.empty(count, np.float32)
    for state in range(known):
        if goals[state] >= 0:
            later[state, goals[state]] = 1.0
    for step in range(len(policy) - 1, -1, -1):
        for state in range(known):
            start, row = choice_offsets[state], rows[step, state]
            if first[state] > step:
                continue
            if row >= 0:
                for goal in range(count):
                    worth[goal] = weights[goal] * unseen[row, goal]
                choices = range(start, choice_offsets[state + 1])
                best = _improved(choices, offsets, successors, probabilities, worth, later)
                policy[step, state] = best - start
            choice = start + policy[step, state]
            now[state] = 0.0
            for entry in range(offsets[choice], offsets[choice + 1]):
                share, after = np.float32(probabilities[entry]), successors[entry]
                for goal in range(count):
                    now[state, goal] += share * later[after, goal]
            if goals[state] >= 0:
                now[state, goals[state]] = 1.0
        later, now = now, later
