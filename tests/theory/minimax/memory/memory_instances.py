"""Small random instances for the cross-checks: dynamics with slips, goals and general reward tables."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from metaregret.tabular.labels import Labels
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rewards import RewardTables


def random_process(
    rng: np.random.Generator, *, states: int, actions: int, horizon: int, noise: bool
) -> ControlledMarkovProcess:
    """Random deterministic dynamics, or the same with slips of one tenth to a random state."""
    rows = []
    for s in range(states):
        for a in range(actions if s else max(2, actions)):
            target, other = (int(x) for x in rng.integers(states, size=2))
            if noise and other != target and rng.random() < 0.7:
                rows += [(s, a, target, Fraction(9, 10)), (s, a, other, Fraction(1, 10))]
            else:
                rows.append((s, a, target, 1))
    initial: dict[int, object] | int = int(rng.integers(states))
    if noise and rng.random() < 0.3:
        initial = {0: Fraction(1, 3), states - 1: Fraction(2, 3)}
    return ControlledMarkovProcess.from_transitions(
        rows, states=states, actions=max(2, actions), initial=initial, horizon=horizon
    )


def random_tables(rng: np.random.Generator, process: ControlledMarkovProcess, tasks: int) -> RewardTables:
    """Reward tables: negative rewards, twins that nothing tells apart, tasks revealed at once."""
    values = rng.choice([-1, 0, 0, 0, 1, 2], size=(tasks, process.n_transitions))
    kind = rng.integers(4)
    if kind == 0 and tasks > 1:
        values[1] = values[0]  # no reward distinguishes these two
    if kind == 1:
        values[0] = 5  # every step tells this task from all others
    if kind == 2:
        half = process.n_transitions // 2
        values[:, :half] = values[0, :half]  # shared rewards
    rewards = [[Fraction(int(v), 2) for v in row] for row in values]
    return RewardTables.from_exact(process, Labels(tasks, "task"), rewards)


def slippery_ring() -> ControlledMarkovProcess:
    """Four states in a ring; one or two places onward, or staying with probability one tenth; two steps."""
    rows: list[tuple[int, int, int, object]] = []
    for s in range(4):
        for a in (0, 1):
            rows += [(s, a, (s + a + 1) % 4, Fraction(9, 10)), (s, a, s, Fraction(1, 10))]
    return ControlledMarkovProcess.from_transitions(rows, states=4, actions=2, initial=0, horizon=2)
