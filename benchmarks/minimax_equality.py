"""T19 on random processes: ``1 + Reg* >= sum v*``, with equality exactly where ``v* / sum v*`` is achievable.

    python -m benchmarks.minimax_equality --processes 2000

For every random rational process four things that share nothing are compared:

* the minimax regret by the linear program in cvxpy, certified by evaluation;
* the sum of the best success probabilities, by exact rational backward induction;
* whether some occupancy measure ends as ``v* / sum v*``: a program of its own, that minimises the largest
  error of a terminal probability;
* the closed form, which must never answer where there is no equality, and what it answers.
"""

from __future__ import annotations

import argparse
import collections
from fractions import Fraction

import cvxpy as cp
import numpy as np

from metaregret.tabular.goals import goal_support, goal_values
from metaregret.tabular.horizon import GeometricHorizon
from metaregret.tabular.occupancy import flow_polytope
from metaregret.tabular.optimise import solve_to
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.tasks import GoalTasks

SAME = 1e-7
"""Relative differences below this are equalities, above `APART` they are none; nothing may lie between."""
APART = 1e-6


def random_process(random: np.random.Generator) -> ControlledMarkovProcess:
    """Return a process of 2 to 7 states with 1 to 3 choices each and successors with small weights."""
    n_states, geometric = int(random.integers(2, 8)), random.random() < 0.2
    rows: list[tuple[int, int, int, object]] = []
    for state in range(n_states):
        for action in range(int(random.integers(1, 4))):
            successors = random.choice(
                n_states, size=int(random.integers(1, min(3, n_states) + 1)), replace=False
            )
            weights = random.integers(1, 6, size=len(successors)).tolist()
            total = sum(weights)
            rows += [
                (state, action, int(s), Fraction(w, total)) for s, w in zip(successors, weights, strict=True)
            ]
    horizon = (
        GeometricHorizon(Fraction(int(random.integers(1, 6)), 6)) if geometric else int(random.integers(1, 6))
    )
    return ControlledMarkovProcess.from_transitions(
        rows, states=n_states, actions=3, initial=0, horizon=horizon, name="random"
    )


def distance(process: ControlledMarkovProcess, target: np.ndarray) -> float:
    """Return the smallest largest error of a terminal distribution, relative to the largest target."""
    polytope = flow_polytope(process)
    flow = cp.Variable(len(polytope.choice), nonneg=True)
    error = cp.norm_inf((polytope.terminal @ flow - target) / target.max())
    problem = cp.Problem(cp.Minimize(error), [polytope.balance @ flow == polytope.supply])
    solve_to(problem, residual=1e-9)
    return float(error.value)


def compare(process: ControlledMarkovProcess) -> str:
    """Return which case the process is, having checked all that must hold."""
    goals = np.flatnonzero(goal_support(process))
    exact = goal_values(process, goals, representation="rational").exact
    assert exact is not None
    total = sum(exact.tolist(), Fraction(0))
    tasks = GoalTasks.reachable(process)
    program = solve_without_memory(tasks, method="program", tolerance=1e-8)
    assert Fraction(program.value.upper) + 1 >= total, "the bound of T19 fails"
    target = np.zeros(process.n_states)
    target[goals] = [float(v / total) for v in exact]
    gap = program.value.upper + 1 - float(total)
    equal, away = gap / float(total), distance(process, target)
    assert equal < SAME or equal > APART, f"undecided: {equal}"
    assert (equal < SAME) == (away < SAME), f"equality {equal}, distance {away}"
    best = solve_without_memory(tasks, tolerance=1e-8)
    closed = "closed form" in best.method
    assert max(best.value.lower, program.value.lower) <= min(best.value.upper, program.value.upper)
    assert not closed or equal < SAME, "the closed form answered without equality"
    if equal >= SAME:
        return "no equality"
    if not closed:
        return "equality, at the boundary: left to the program"
    return "equality, " + ("one linear solve" if "linear solve" in best.method else "soft planning")


def main() -> None:
    """Parse the command line, run and print the counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--processes", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    cases = collections.Counter(compare(random_process(random)) for _ in range(options.processes))
    for case, count in cases.most_common():
        print(f"{count:6d}  {case}")


if __name__ == "__main__":
    main()
