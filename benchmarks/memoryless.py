"""Memoryless minimax at scale: the decomposition against the monolithic linear program, in one run.

``python -m benchmarks.memoryless [--cmp grid:20x20,slip=1/10] [--horizon 40] [--rounds 3] [--json FILE]``

Both solve the same process to the same certified relative gap; the program goes through cvxpy to HiGHS's
interior point. Rounds are interleaved, and the ratio of each round is reported, since seconds drift with
the machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from tabular import make
from theory.minimax.decomposition import Decomposition
from theory.minimax.flow_program import FlowProgram
from theory.minimax.solution import Criterion, Learner
from theory.optimise import LINEAR_SOLVERS
from theory.regret import bracketed_loss
from theory.success import success_tasks
from theory.tasks import GoalTasks

TOLERANCE = 1e-6


def run(cmp: str, horizon: int, rounds: int, *, program: bool) -> dict[str, Any]:
    """Time both methods and return a document with seconds, gaps and ratios."""
    process = make(cmp).replaced(horizon=horizon)
    tasks = success_tasks(GoalTasks.reachable(process))
    loss = bracketed_loss(Learner.MEMORYLESS, Criterion.REGRET, tasks.optimum, None)
    base, direction = (
        np.zeros_like(tasks.optimum.values),
        loss.nominal.direction / loss.nominal.direction.max(),
    )
    Decomposition(
        success_tasks(GoalTasks.reachable(make("grid:2x2")))
    )  # compiled kernels are loaded beforehand
    interior_point = [attempt for attempt in LINEAR_SOLVERS if "interior point" in attempt.name]
    seconds: dict[str, list[float]] = {"decomposition": [], "program": []}
    gaps: dict[str, float] = {}
    for _ in range(rounds):
        began = time.perf_counter()
        best = Decomposition(tasks).solve(loss, base, direction, tolerance=TOLERANCE)
        seconds["decomposition"].append(time.perf_counter() - began)
        gaps["decomposition"] = (best.upper - best.lower) / best.lower
        if program:
            began = time.perf_counter()
            best = FlowProgram(tasks).solve(
                loss, base, direction, tolerance=TOLERANCE, attempts=interior_point
            )
            seconds["program"].append(time.perf_counter() - began)
            gaps["program"] = (best.upper - best.lower) / best.lower
    ratios = [p / d for p, d in zip(seconds["program"], seconds["decomposition"], strict=False)]
    return {
        "cmp": cmp,
        "horizon": horizon,
        "tolerance": TOLERANCE,
        "seconds": seconds,
        "certified relative gaps": gaps,
        "median ratio": statistics.median(ratios) if ratios else None,
    }


def main() -> None:
    """Parse the command line, run, print and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cmp", default="grid:20x20,slip=1/10")
    parser.add_argument("--horizon", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only-decomposition", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    document = run(options.cmp, options.horizon, options.rounds, program=not options.only_decomposition)
    text = json.dumps(document, indent=1)
    print(text)
    if options.json is not None:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
