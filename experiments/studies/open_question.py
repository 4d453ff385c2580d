"""Where least-favourable task distributions put their mass: the open question of the source, measured.

For learners without and with memory, goals detected at the end and on the way, as the steps ``T``, the
episodes ``N`` and the slip grow. Least-favourable distributions need not be unique, so no distribution is
reported but certified ranges of the mass that all of them put on sets of goals
(`metaregret.theory.minimax.least_favourable`). The sets are roles in the graph of moves, for episodes of
``T`` steps:

* ``start``: the first state;
* ``gateway``: every path to some other goal visits it first (the goals of T13);
* ``between``: on a shortest path to another goal, but there are other ways;
* ``tip``: on no shortest path to another goal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from metaregret.experiments.sweeps import Point, Scale, Study

if TYPE_CHECKING:
    import numpy as np

    from metaregret.tabular.process import ControlledMarkovProcess
    from metaregret.theory.minimax.least_favourable import LeastFavourable

ROLES = ("start", "gateway", "between", "tip")
LEARNERS = ("memoryless", "memory")
DETECTIONS = ("end", "visit")

CASES = (
    ("line", "line:5,start=2", 4, 5),
    ("line", "line:7,start=3", 6, 5),
    ("tree", "tree:0,0,1,1,2,2", 2, 5),
    ("tree", "tree:0,0,2,0,4,5", 3, 5),
    ("grid", "grid:3x3", 4, 5),
    ("grid", "grid:3x3,start=4", 4, 5),
    ("grid", "grid:4x3", 5, 5),
    ("four rooms", "four-rooms:1", 4, 5),
    ("four rooms", "four-rooms:2", 8, 3),
)
"""Family, process, steps, episodes: ranges for every goal."""

GROWTH = (
    ("line", "line:5,start=2", 4, (2, 3, 4, 5, 6)),
    ("tree", "tree:0,0,1,1,2,2", 2, (2, 3, 4, 5, 6)),
    ("grid", "grid:3x3", 4, (4, 5, 6, 7)),
    ("four rooms", "four-rooms:1", 4, (4, 5, 6, 7, 8)),
)
"""Family, process, steps where the others grow, steps: ranges for every role."""

EPISODES = (1, 2, 3, 4, 5, 8)
SLIPS = ("0", "1/20", "1/10", "1/5", "2/5")
USUAL, USUAL_WITH_SLIP = 5, 3
"""Episodes where they do not grow."""


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return the cases, and the growth of one of T, N and slip at a time."""
    rows: list[tuple[str, str, int, int, str, str]] = []
    for family, process, horizon, episodes in CASES:
        if scale is Scale.FULL or process in ("line:5,start=2", "four-rooms:1"):
            rows.append((family, process, horizon, episodes, "0", "goals"))
    for family, process, usual, horizons in GROWTH:
        short = scale is Scale.SHORT
        steps: Sequence[int] = (horizons[0], horizons[2]) if short else horizons
        counts: Sequence[int] = (1, USUAL) if short else EPISODES
        slips: Sequence[str] = ("0", "1/10", "2/5") if short else SLIPS
        rows += [(family, process, horizon, USUAL, "0", "roles") for horizon in steps]
        rows += [(family, process, usual, episodes, "0", "roles") for episodes in counts]
        rows += [(family, process, usual, USUAL_WITH_SLIP, slip, "roles") for slip in slips]
    names = ("family", "process", "horizon", "episodes", "slip", "sets", "learner", "detect")
    return [
        dict(zip(names, (*row, learner, detect), strict=True))
        for row, learner, detect in product(dict.fromkeys(rows), LEARNERS, DETECTIONS)
    ]


def measure(point: Point, generator: np.random.Generator) -> Sequence[Mapping[str, Any]]:
    """Solve one game and bound the mass on every goal, or on every role; one row per set of goals."""
    import numpy as np

    from metaregret.tabular import make
    from metaregret.theory.minimax import solve
    from metaregret.theory.minimax.least_favourable import LeastFavourable
    from metaregret.theory.tasks import Detection, GoalTasks

    still = make(point["process"]).replaced(horizon=point["horizon"])
    slip = "" if point["slip"] == "0" else f",slip={point['slip']}"
    process = make(f"{point['process']}{slip}").replaced(horizon=point["horizon"])
    tasks = GoalTasks.reachable(process, Detection(point["detect"]))
    solution = solve(tasks, learner=point["learner"], episodes=point["episodes"])
    distances, role = roles(still)
    goals = tasks.goals
    sets: list[tuple[str, str, int | None, np.ndarray]] = [
        (process.states[int(g)], role[g], int(distances[g]), np.array([k])) for k, g in enumerate(goals)
    ]
    if point["sets"] == "roles":
        members = [(name, np.flatnonzero([role[g] == name for g in goals])) for name in ROLES]
        sets = [(name, name, None, inside) for name, inside in members if len(inside)]
    ranges = LeastFavourable(solution)
    return [
        {
            "set": name,
            "role": kind,
            "distance": distance,
            "uniform_share": len(inside) / len(goals),
            "value_lower": solution.value.lower,
            "value_upper": solution.value.upper,
            **_masses(ranges, inside),
        }
        for name, kind, distance, inside in sets
    ]


def _masses(ranges: LeastFavourable, inside: np.ndarray) -> dict[str, float]:
    found = ranges.mass(inside)
    return {
        "mass_lower": found.lower,
        "mass_upper": found.upper,
        "least": found.least,
        "most": found.most,
        "shortfall": found.shortfall,
    }


def roles(process: ControlledMarkovProcess) -> tuple[np.ndarray, list[str]]:
    """Return each state's distance from the start, shape (S,), and its role, by the graph of moves.

    States that cannot be reached in an episode have the distance -1 and the role ``tip``.
    """
    import networkx as nx
    import numpy as np

    from metaregret.tabular.hyperstate.signals import horizon_steps

    moves = process.matrix.tocoo()
    graph = nx.DiGraph(zip(process.choice_state[moves.row].tolist(), moves.col.tolist(), strict=True))
    start, steps = int(np.argmax(process.initial)), horizon_steps(process)
    apart = dict(nx.all_pairs_shortest_path_length(graph))
    near = [state for state, distance in apart[start].items() if distance <= steps]
    distances, found = np.full(process.n_states, -1), ["tip"] * process.n_states
    for state in near:
        distances[state] = apart[start][state]
        others = [other for other in near if other not in (state, start)]
        if state == start:
            continue
        around = nx.single_source_shortest_path_length(nx.restricted_view(graph, [state], []), start)
        if any(around.get(other, np.inf) > steps for other in others):
            found[state] = "gateway"
        elif any(
            apart[start][state] + apart[state].get(other, np.inf) == apart[start][other] for other in others
        ):
            found[state] = "between"
    found[start] = "start"
    return distances, found


STUDY = Study(
    "open_question",
    "where least-favourable distributions put their mass, with memory and without",
    points,
    measure,
)
