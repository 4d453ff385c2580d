"""Minimax exploration at scale: the solver's choice against solvers of the monolithic program, in one run.

    python -m benchmarks.minimax                           all rows, anchors up to 60 s each
    python -m benchmarks.minimax --resume                  what the table does not have yet
    python -m benchmarks.minimax --rows grid-100 --anchors --resume

Every row is a process with its horizon; goals are all states that can be reached, detected at the end. Each
method must give a bracket to a relative 1e-6, recomputed from its policy and its weights by the planner; what
an anchor returns within its limit is bracketed in the same way, and the wider bracket shown. Every run is a
process of its own, so that its peak memory is its own. The clock starts once imports and compiled kernels are
loaded and the process is built, which is the same for all. Ratios are of processor seconds, summed over
threads: on a machine that others use they are what can be compared. An anchor that does not finish counts
with what it took, which makes the ratio a lower bound, marked so; programs of over 100,000 variables and all
but two of the random lakes are not handed to anchors. The growth exponents are slopes of log seconds against
log states. Every line is saved as soon as it is there, as CSV and as the table of the handbook.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from metaregret.tabular import make
from metaregret.tabular.occupancy import flow_polytope
from metaregret.theory.minimax.flow_program import FlowProgram, certified_saddle_point
from metaregret.theory.minimax.solution import Criterion, Learner
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.optimise import Attempt
from metaregret.theory.regret import bracketed_loss
from metaregret.theory.success import SuccessTasks, success_tasks
from metaregret.theory.tasks import GoalTasks

TOLERANCE = 1e-6
RESULTS = Path(__file__).resolve().parent / "results" / "minimax.csv"
OURS = "metaregret"
ACCURACY = 1e-8
"""Asked of first-order methods, for the accuracy that the bracket takes."""
HIGHS: dict[str, dict[str, object]] = {
    "HiGHS interior point": {"solver": "ipm", "run_crossover": "off"},
    "HiGHS PDLP": {"solver": "pdlp", "pdlp_optimality_tolerance": ACCURACY},
}
OR_TOOLS = "OR-tools PDLP"
ANCHORS = (*HIGHS, OR_TOOLS)
PATIENCE = 1800.0
"""Seconds that our own solver is given for a row."""
MOST_VARIABLES = 100_000
"""Variables of the monolithic program up to which it is handed to an anchor."""
GRIDS = {f"grid-{side}": (f"grid:{side}x{side},slip=1/10", 2 * side) for side in (20, 30, 50, 70, 100)}
GARNETS = {f"garnet-{n}": (f"garnet:S={n},A=4,b=5,seed=1", 20) for n in (200, 1000, 3000, 10_000)}
NAMED = {
    "lake-60": ("gym:FrozenLake-v1,map_name=8x8", 60),
    "lake-200": ("gym:FrozenLake-v1,map_name=8x8", 200),
    "taxi": ("gym:Taxi-v4", 20),
}
LAKES = {f"random-lake-{seed}": (f"lake:20:{seed}", 40) for seed in range(20)}
ANCHORED = {*GRIDS, *GARNETS, *NAMED, *list(LAKES)[:2]}
ROWS = {**GRIDS, **GARNETS, **NAMED, **LAKES}


def build(spec: str, horizon: int) -> GoalTasks:
    """Return the goals of a row; ``lake:SIDE:SEED`` is a frozen lake with random holes."""
    if not spec.startswith("lake:"):
        return GoalTasks.reachable(make(spec).replaced(horizon=horizon))
    from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv, generate_random_map

    from metaregret.tabular.importers import read

    side, seed = map(int, spec.split(":")[1:])
    env = FrozenLakeEnv(desc=generate_random_map(size=side, seed=seed))
    return GoalTasks.reachable(read(env, horizon=horizon).process)


def solve(tasks: GoalTasks, method: str, limit: float) -> tuple[float, float, str]:
    """Solve once; return ``1 + Reg*`` from below and above, and how."""
    if method == OURS:
        found = solve_without_memory(tasks, tolerance=TOLERANCE)
        return 1 + found.value.lower, 1 + found.value.upper, found.method
    marked = success_tasks(tasks)
    loss = bracketed_loss(Learner.MEMORYLESS, Criterion.REGRET, marked.optimum, None)
    direction = loss.nominal.direction / loss.nominal.direction.max()
    if method == OR_TOOLS:
        policy, weights = or_tools(marked, direction, limit)
        best = certified_saddle_point(marked, loss, policy, weights)
        return 1 + best.lower, 1 + best.upper, method
    attempts = [Attempt(method, "HIGHS", {"highs_options": {**HIGHS[method], "time_limit": limit}})]
    found = FlowProgram(marked).solve(
        loss, np.zeros(len(direction)), direction, tolerance=TOLERANCE, attempts=attempts
    )
    return 1 + found.lower, 1 + found.upper, method


def or_tools(tasks: SuccessTasks, direction: np.ndarray, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the policy and the task weights that PDLP finds for the program of `FlowProgram`.

    It is called directly: cvxpy's interface fails on variables with bounds, and brings HiGHS, of which
    OR-tools holds another version under the same name.
    """
    from ortools.pdlp import solvers_pb2
    from ortools.pdlp.python import pdlp

    polytope = flow_polytope(tasks.process)
    rows = sp.diags_array(1 / direction) @ (tasks.success.T @ polytope.terminal)
    level = sp.csr_array(-np.ones((len(direction), 1)))
    model = pdlp.QuadraticProgram()
    model.constraint_matrix = sp.csr_matrix(
        sp.block_array([[polytope.balance, None], [rows, level]], format="csr")
    )
    supply, none = polytope.supply, np.zeros(len(direction))
    model.constraint_lower_bounds = np.concatenate([supply, none])
    model.constraint_upper_bounds = np.concatenate([supply, none + np.inf])
    variables = len(polytope.choice)
    model.variable_lower_bounds = np.append(np.zeros(variables), -np.inf)
    model.variable_upper_bounds = np.full(variables + 1, np.inf)
    model.objective_vector = np.append(np.zeros(variables), -1.0)
    parameters = solvers_pb2.PrimalDualHybridGradientParams()
    parameters.presolve_options.use_glop = True
    parameters.termination_criteria.time_sec_limit = limit
    enough = parameters.termination_criteria.simple_optimality_criteria
    enough.eps_optimal_absolute = enough.eps_optimal_relative = ACCURACY
    found = pdlp.primal_dual_hybrid_gradient(model, parameters)
    return polytope.policy(found.primal_solution[:-1]), found.dual_solution[len(supply) :] / direction


def too_large(name: str) -> str | None:
    """Return why a row is not handed to anchors, or None."""
    if name not in ANCHORED:
        return "not tried"
    spec, horizon = ROWS[name]
    variables = build(spec, horizon).process.n_choices * horizon
    return f"not tried: {variables:,} variables" if variables > MOST_VARIABLES else None


def run_once(name: str, method: str, limit: float) -> dict[str, Any]:
    """Solve a row once by one method and return a line of the table."""
    spec, horizon = ROWS[name]
    _warm(method)
    tasks = build(spec, horizon)
    began, busy = time.perf_counter(), time.process_time()
    line: dict[str, Any] = {"row": name, "cmp": spec, "horizon": horizon, "method": method}
    lower, upper, how = solve(tasks, method, limit)
    return line | {
        "seconds": round(time.perf_counter() - began, 3),
        "processor_seconds": round(time.process_time() - busy, 3),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 3),
        "lower": lower,
        "upper": upper,
        "relative_gap": (upper - lower) / lower,
        "how": how,
    }


def _warm(method: str) -> None:
    """Load solvers and compiled kernels."""
    solve(build("grid:3x3,slip=1/10", 6), method, 10.0)
    if method == OURS:
        from metaregret.tabular.matching import matching_policy
        from metaregret.tabular.response import best_responses, mixed_policy

        process = make("line:3").replaced(horizon=2)
        mixed_policy([best_responses(process, np.eye(3), compiled=True)], np.full(3, 1 / 3))
        matching_policy(process, np.full(3, 1 / 3))


def measure(name: str, method: str, limit: float) -> dict[str, Any]:
    """Run one line in a process of its own; what does not finish is a line without a bracket."""
    command = [sys.executable, "-m", "benchmarks.minimax", "--one", name, method, str(limit)]
    allowed = 3 * limit + 60 if method != OURS else PATIENCE
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=allowed)
        if done.returncode == 0:
            return dict(json.loads(done.stdout.splitlines()[-1]))  # solvers print, too
        why = done.stderr.strip().splitlines()[-1]
    except subprocess.TimeoutExpired:
        why = "stopped"
    spec, horizon = ROWS[name]
    return {"row": name, "cmp": spec, "horizon": horizon, "method": method, "how": f"no answer: {why}"[:200]}


def ratio(ours: dict[str, Any], line: dict[str, Any], limit: float) -> str:
    """Return an anchor's processor seconds over ours; a lower bound where it gave no bracket in its limit,
    from those that it took, or from its limit where they are not known."""
    if not solved(ours) or str(line["how"]).startswith("not tried"):
        return ""
    seconds = float(line.get("processor_seconds") or 0.0)
    if solved(line):
        return f"{seconds / float(ours['processor_seconds']):.1f}"
    return f"> {(seconds or limit) / float(ours['processor_seconds']):.1f}"


def solved(line: dict[str, Any]) -> bool:
    """Whether a line has a bracket as narrow as asked."""
    return float(line.get("relative_gap") or np.inf) <= TOLERANCE


def best_ratio(anchors: list[dict[str, Any]]) -> str:
    """Return the ratio of the fastest anchor: of those that solved the row if any did."""
    ratios = sorted(
        (line["ratio"] for line in anchors if line["ratio"]), key=lambda r: (r[0] == ">", _size(r))
    )
    return ratios[0] if ratios else ""


def _size(text: str) -> float:
    return float(text.removeprefix("> "))


def growth(lines: list[dict[str, Any]], rows: dict[str, Any]) -> float | None:
    """Return the slope of log processor seconds against log states over the rows that were solved."""
    points = [
        (np.log(float(line["row"].rsplit("-", 1)[1])), np.log(float(line["processor_seconds"])))
        for line in lines
        if line["row"] in rows and line["method"] == OURS and solved(line)
    ]
    if len(points) < 2:
        return None
    x, y = np.array(points).T
    return float(np.polyfit(x, y, 1)[0]) / (2.0 if rows is GRIDS else 1.0)


def main() -> None:
    """Parse the command line, run, print and save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(ROWS), metavar="ROW")
    parser.add_argument("--anchors", nargs="*", choices=list(ANCHORS), default=list(ANCHORS))
    parser.add_argument("--limit", type=float, default=60.0, help="seconds of an anchor (default 60)")
    parser.add_argument("--resume", action="store_true", help="keep the table and run what it does not have")
    parser.add_argument("--one", nargs=3, metavar=("ROW", "METHOD", "LIMIT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(run_once(options.one[0], options.one[1], float(options.one[2]))))
        return
    lines = {(line["row"], line["method"]): line for line in (saved() if options.resume else [])}
    for name in options.rows:
        why = too_large(name)
        for method in (OURS, *options.anchors):
            if (name, method) in lines:
                continue
            if method != OURS and why is not None:
                spec, horizon = ROWS[name]
                lines[name, method] = {
                    "row": name,
                    "cmp": spec,
                    "horizon": horizon,
                    "method": method,
                    "how": why,
                }
            else:
                lines[name, method] = measure(name, method, options.limit)
            ours = lines[name, OURS]
            anchors = [lines[name, anchor] for anchor in ANCHORS if (name, anchor) in lines]
            for line in anchors:
                line["ratio"] = ratio(ours, line, options.limit)
            ours["ratio"] = best_ratio(anchors)
            show(lines[name, method])
            save(list(lines.values()))
    print(table(list(lines.values())))


def table(lines: list[dict[str, Any]]) -> str:
    """Return the table of the handbook, in Markdown: one row per process, and how the time grows."""
    text = "| row | wall s | CPU s | GiB | 1 + Reg* | relative gap | " + " | ".join(ANCHORS) + " |\n"
    text += "|---" * (6 + len(ANCHORS)) + "|\n"
    known = {(line["row"], line["method"]): line for line in lines}
    for name in dict.fromkeys(line["row"] for line in lines):
        ours = known.get((name, OURS), {})
        cells = [name, *("",) * 5]
        if solved(ours):
            seconds, busy, peak = (float(ours[key]) for key in ("seconds", "processor_seconds", "peak_gib"))
            cells = [name, f"{seconds:.2f}", f"{busy:.2f}", f"{peak:.2f}"]
            cells += [f"{float(ours['lower']):.7g}", f"{float(ours['relative_gap']):.0e}"]
        cells += [known.get((name, anchor), {}).get("ratio", "") for anchor in ANCHORS]
        text += "| " + " | ".join(cells) + " |\n"
    for family, rows in (("grids", GRIDS), ("Garnet processes", GARNETS)):
        if (slope := growth(lines, rows)) is not None:
            text += f"\nOn {family} CPU seconds grow as states to the power {slope:.2f}.\n"
    return text


def show(line: dict[str, Any]) -> None:
    """Print one line of the table."""
    name = f"{line['row']:<15} {line['method']:<21}"
    if not line.get("relative_gap"):
        print(f"{name} {line['how']}  ratio {line['ratio']}", flush=True)
        return
    print(
        f"{name} {line['seconds']:9.2f} s wall {line['processor_seconds']:9.2f} s processor "
        f"{line['peak_gib']:6.2f} GiB  1 + Reg* in [{line['lower']:.8f}, {line['upper']:.8f}] "
        f"gap {line['relative_gap']:.1e}  ratio {line['ratio']}  {line['how']}",
        flush=True,
    )


FIELDS = (
    "row", "cmp", "horizon", "method", "seconds", "processor_seconds", "peak_gib", "lower", "upper",
    "relative_gap", "ratio", "how",
)  # fmt: skip


def saved() -> list[dict[str, Any]]:
    """Return the lines of the table, without any if there is none."""
    if not RESULTS.exists():
        return []
    with RESULTS.open(newline="") as stream:
        return [dict(line) for line in csv.DictReader(stream)]


def save(lines: list[dict[str, Any]]) -> None:
    """Write the lines, and the table of the handbook, in the order of the rows."""
    order = {name: place for place, name in enumerate(ROWS)}
    lines = sorted(lines, key=lambda line: order[line["row"]])
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, FIELDS, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(lines)
    RESULTS.with_suffix(".md").write_text(table(lines))


if __name__ == "__main__":
    main()
