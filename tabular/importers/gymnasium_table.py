"""Gymnasium's transition tables with their rewards: ``P[state][action] = [(probability, next, reward, done),
...]``.

`metaregret.tabular.environments.gymnasium_toy.from_gymnasium` reads the dynamics; here the rewards come
along. Entries that lead to the same state are merged: their probabilities add up, and their reward is the
mean. States entered with the flag ``done`` become absorbing and pay nothing.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from metaregret.tabular.environments.gymnasium_toy import MAX_DENOMINATOR, from_gymnasium
from metaregret.tabular.horizon import Horizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import parse_fraction

__all__ = ["from_gymnasium_table", "to_gymnasium_table"]

Table = dict[int, dict[int, list[tuple[float, int, float, bool]]]]


def from_gymnasium_table(
    table: Table, *, initial: np.ndarray | int = 0, horizon: Horizon | int = 1
) -> tuple[ControlledMarkovProcess, np.ndarray]:
    """Return the exact process and the rational rewards of its transitions.

    Parameters
    ----------
    table : dict
        ``environment.unwrapped.P``.
    initial : ndarray, shape (S,), or int
        ``environment.unwrapped.initial_state_distrib``, or the start state.

    Returns
    -------
    process : ControlledMarkovProcess
    rewards : ndarray of Fraction (object), shape (M,)
        For `metaregret.tabular.engine.solve`, exact or not.

    Raises
    ------
    InvalidProcessError
        If the probabilities of a row, as the nearest fractions with denominators up to 1000, do not sum to
        one.
    """
    if not isinstance(initial, np.ndarray):
        start, initial = int(initial), np.zeros(len(table))
        initial[start] = 1.0
    process = from_gymnasium(table, initial, horizon=horizon)
    done = {
        successor for row in table.values() for moves in row.values() for _, successor, _, end in moves if end
    }
    rewards = np.empty(process.n_transitions, dtype=object)
    for choice in range(process.n_choices):
        state, action = int(process.choice_state[choice]), int(process.choice_action[choice])
        paid: dict[int, Fraction] = {}
        for probability, successor, reward, _ in table[state][action]:
            share = Fraction(float(probability)).limit_denominator(MAX_DENOMINATOR)
            paid[successor] = paid.get(successor, Fraction(0)) + share * parse_fraction(reward, "reward")
        for item in range(int(process.offsets[choice]), int(process.offsets[choice + 1])):
            total = Fraction(0) if state in done else paid[int(process.successors[item])]
            rewards[item] = total / process.exact_probabilities[item]
    return process, rewards


def to_gymnasium_table(process: ControlledMarkovProcess, rewards: np.ndarray) -> Table:
    """Return a table from rewards of the transitions, shape (M,); entries that lead to absorbing states are
    done."""
    absorbing = [
        all(
            process.offsets[c + 1] - process.offsets[c] == 1 and process.successors[process.offsets[c]] == s
            for c in process.choices(s)
        )
        for s in range(process.n_states)
    ]
    table: Table = {}
    for state in range(process.n_states):
        table[state] = {}
        for choice in process.choices(state):
            items = range(int(process.offsets[choice]), int(process.offsets[choice + 1]))
            table[state][int(process.choice_action[choice])] = [
                (
                    float(process.probabilities[item]),
                    int(process.successors[item]),
                    float(rewards[item]),
                    absorbing[int(process.successors[item])],
                )
                for item in items
            ]
    return table
