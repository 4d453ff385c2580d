"""How much memory can be worth under noise: the deep search behind the second half of T24.

    python -m benchmarks.memory_under_noise --seconds 600 --equal

Without memory against with memory, goals detected at the end, infinitely many episodes, both values exact. A
random search with hill climbing over small processes looks for the largest factor between them, and for the
largest share of its bound ``(1 + v_max) / v_min``. ``--equal`` keeps to processes in which every goal can be
reached equally well; there the bound is ``1 + 1 / v*``.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random

import numpy as np

from metaregret.tabular.errors import ConvergenceError, InstanceTooLargeError
from metaregret.tabular.files import process_document
from metaregret.tabular.goals import goal_support, goal_values
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.counterexamples import changed_process
from metaregret.theory.minimax.memory.unending import solve_unending
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.tasks import GoalTasks

KEPT = 10
MOST_STATES = 5
RESTART = 300


@dataclass(frozen=True)
class Factor:
    """What memory is worth on one process."""

    process: ControlledMarkovProcess
    without: Fraction
    memory: Fraction
    bound: Fraction

    @property
    def factor(self) -> Fraction:
        """Regret without memory over regret with it."""
        return self.without / self.memory

    @property
    def share(self) -> Fraction:
        """The factor over its bound."""
        return self.factor / self.bound


def factor_of(process: ControlledMarkovProcess, equal: bool) -> Factor | None:
    """Solve both games exactly; None where there is nothing to compare or it would take long."""
    goals = np.flatnonzero(goal_support(process))
    best = goal_values(process, goals, representation="rational").exact
    if len(goals) < 2 or process.n_states > MOST_STATES or best is None or (equal and len(set(best)) > 1):
        return None
    tasks = GoalTasks(process, goals)
    try:
        without = solve_without_memory(tasks, exact=True).value.exact
        memory = solve_unending(tasks).value.exact
    except (ConvergenceError, InstanceTooLargeError):
        return None
    if not without or not memory:
        return None
    bound = (1 + Fraction(max(best))) / Fraction(min(best))
    return Factor(process, Fraction(without), Fraction(memory), bound)


def channel(random: Random, equal: bool) -> ControlledMarkovProcess:
    """Draw a process of one step: an action, then one of two to four goals."""
    count, actions = random.randint(2, 4), random.randint(2, 4)
    moves: list[tuple[int, int, int, object]] = []
    for action in range(actions):
        weights = [random.choice((0, 1) if equal else (0, 0, 1, 2, 9)) for _ in range(count)]
        weights[random.randrange(count)] += 1
        moves += [(0, action, g + 1, Fraction(w, sum(weights))) for g, w in enumerate(weights) if w]
    moves += [(g, 0, g, 1) for g in range(1, count + 1)]
    return ControlledMarkovProcess.from_transitions(
        moves, states=count + 1, actions=actions, initial=0, horizon=1, name="channel"
    )


def climb(seconds: float, seed: int, equal: bool) -> list[Factor]:
    """Return the processes of the largest factors that were found, the largest first."""
    random, ends, tried = Random(seed), time.monotonic() + seconds, 0
    found: list[Factor] = []
    front: list[Factor] = []
    while time.monotonic() < ends:
        tried += 1
        front = front if tried % RESTART else []
        process = channel(random, equal)
        if front and random.random() < 0.8:
            process = changed_process(random.choice(front).process, random)
        one = factor_of(process, equal)
        if one is None:
            continue
        front = sorted([*front, one], key=lambda x: -x.share)[:KEPT]
        if all(one.factor != other.factor for other in found):
            found = sorted([*found, one], key=lambda x: -x.factor)[:KEPT]
    print(f"{tried} processes", file=sys.stderr)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one line per process as CSV, and the witness of the largest factor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--equal", action="store_true", help="every goal can be reached equally well")
    chosen = parser.parse_args(arguments)
    found = climb(chosen.seconds, chosen.seed, chosen.equal)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("factor", "bound", "share", "without_memory", "memory", "states", "choices"))
    for one in found:
        size = one.process.n_states, one.process.n_choices
        writer.writerow((one.factor, one.bound, f"{float(one.share):.6f}", one.without, one.memory, *size))
    if found:
        print(process_document(found[0].process), file=sys.stderr)


if __name__ == "__main__":
    main()
