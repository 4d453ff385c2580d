"""Learners with memory: the decomposition against HiGHS on the program over hyperstates, and its growth.

    python benchmarks/memory.py                 all of it, about two minutes python benchmarks/memory.py
    --sizes 9 13    the decomposition only, on these lines (n states, N = n episodes)

The line of ``n`` states from the middle, ``T = n - 1`` steps, goals detected at the end. Every size runs in
a process of its own, so that its peak memory is its own; compilation happens before the clock starts and is
reported once.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time

import numpy as np

from tabular.environments.line import line
from theory.minimax.memory import memory_game, solve_memory
from theory.minimax.memory.program import solve_program
from theory.minimax.solution import Criterion
from theory.optimise import Attempt
from theory.tasks import Detection, GoalTasks


def lines(states: int, detect: Detection = Detection.END) -> GoalTasks:
    """The benchmark's tasks."""
    return GoalTasks.reachable(line(states, start=states // 2, horizon=states - 1), detect)


def one_size(states: int, detect: str) -> None:
    """Solve one line and print a row."""
    begun = time.perf_counter()
    for detection in Detection:
        solve_memory(GoalTasks.reachable(line(3, start=1, horizon=1), detection), 2)
    compiled = time.perf_counter() - begun
    tasks = lines(states, Detection(detect))
    begun = time.perf_counter()
    solution = solve_memory(tasks, states)
    seconds = time.perf_counter() - begun
    size = solution.size
    expected = (states - 1) / 2 if detect == "end" else float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{states:3d} {detect:5s} {size['edges']:12,d} {size['rounds']:6d} {seconds:9.3f} "
        f"{1e3 * seconds / size['rounds']:10.2f} {1e9 * seconds / size['rounds'] / size['edges']:10.2f} "
        f"{peak:9.2f} {solution.value.gap:9.1e} {abs(solution.value.midpoint - expected):9.1e} "
        f"{compiled:8.1f}",
        flush=True,
    )


def full_graph(states: int) -> None:
    """The same line on the graph of single steps, one oracle call, for the price of an edge."""
    game_begun = time.perf_counter()
    game = memory_game(lines(states), states, Criterion.REGRET, 10**9, collapse=False)
    built = time.perf_counter() - game_begun
    prior = np.full(states, 1.0 / states)
    begun = time.perf_counter()
    column = game.respond(prior)
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{states:3d} steps {game.graph.size.edges:12,d} built in {built:.2f} s, "
        f"one response {seconds:.2f} s, {peak:.2f} GiB, lower bound {column.lower:.9f}",
        flush=True,
    )


def against_the_program(states: int, solvers: list[str]) -> None:
    """Both methods in one process, build included."""
    tasks = lines(states)
    solve_memory(tasks, states)
    memory_game(lines(3), 2, Criterion.REGRET, 10**6, collapse=False)
    solve_program(memory_game(lines(3), 2, Criterion.REGRET, 10**6, collapse=False))
    ours = []
    for _ in range(3):
        begun = time.perf_counter()
        value = solve_memory(tasks, states).value
        ours.append(time.perf_counter() - begun)
    print(
        f"line {states}, N = {states}: decomposition {np.median(ours):.3f} s, [{value.lower}, {value.upper}]"
    )
    for solver in solvers:
        begun = time.perf_counter()
        program = solve_program(
            memory_game(tasks, states, Criterion.REGRET, 10**8, collapse=False),
            attempts=(Attempt(solver, solver, {}),),
        )
        seconds = time.perf_counter() - begun
        print(
            f"    cvxpy + {solver}: {seconds:.2f} s, upper bound {program.upper:.12f}, "
            f"{seconds / np.median(ours):.0f} times slower",
            flush=True,
        )


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[5, 7, 9, 11, 13, 15])
    parser.add_argument("--visits", type=int, nargs="*", default=[9, 13, 17, 21])
    parser.add_argument("--steps", type=int, nargs="*", default=[9, 13])
    parser.add_argument("--program", type=int, nargs="*", default=[9])
    parser.add_argument("--solvers", nargs="*", default=["HIGHS"])
    parser.add_argument("--one", nargs=2, metavar=("N", "DETECT"))
    arguments = parser.parse_args()
    if arguments.one:
        one_size(int(arguments.one[0]), arguments.one[1])
        return
    print(
        "  n detect        edges rounds   seconds   ms/round  ns/edge,r  peak GiB       gap     error compile"
    )
    for detect, sizes in (("end", arguments.sizes), ("visit", arguments.visits)):
        for states in sizes:
            subprocess.run([sys.executable, __file__, "--one", str(states), detect], check=True)
    for states in arguments.steps:
        full_graph(states)
    for states in arguments.program:
        against_the_program(states, arguments.solvers)


if __name__ == "__main__":
    main()
