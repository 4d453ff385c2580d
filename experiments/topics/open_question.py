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

import numpy as np

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.experiments.sweeps import Point, Scale, Study
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

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

    moves = process.matrix.tocoo()
    graph = nx.DiGraph(zip(process.choice_state[moves.row].tolist(), moves.col.tolist(), strict=True))
    start, steps = int(np.argmax(process.initial)), process.steps_for("Learners with memory")
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


AXES = (("horizon", "steps $T$"), ("episodes", "episodes $N$"), ("slip", "slip (probability)"))
TIGHT = 1e-4
"""Masses that differ by less are not told apart in the caption."""

PARAMETERS = ("process", "horizon", "episodes", "slip", "learner", "detect")


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw one row of panels a family of processes, one column for each of T, N and slip."""
    from fractions import Fraction

    data = results["open_question"]
    roles = data[data["sets"] == "roles"].copy()
    roles["noise"] = [float(Fraction(slip)) for slip in roles["slip"]]
    figure = style.canvas("line", ratio=2.2 if style.narrow else 1.0)
    panels = figure.subplots(len(GROWTH), len(AXES), sharey=True, squeeze=False)
    for line, (family, process, usual, _) in zip(panels, GROWTH, strict=True):
        own = roles[(roles["process"] == process) & (roles["role"] == "tip")]
        for axes, (name, label) in zip(line, AXES, strict=True):
            _panel(axes, _grown(own, name, usual), "noise" if name == "slip" else name, style)
            axes.set(ylim=(-0.04, 1.04), xlabel=label if family == GROWTH[-1][0] else "")
            if name != "slip":
                axes.xaxis.get_major_locator().set_params(integer=True)
        line[0].set_ylabel(f"{family}: mass on tips")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=1 if style.narrow else 3, loc="outside upper center")
    ends = roles[(roles["detect"] == "end") & (roles["slip"] == "0")]
    off = max(float((ends[end] - ends["uniform_share"]).abs().max()) for end in ("mass_lower", "mass_upper"))
    only = "uniform is the only one" if off < TIGHT else "uniform is not the only one"
    visits = roles[(roles["detect"] == "visit") & (roles["role"] == "start") & (roles["slip"] == "0")]
    return Drawing(
        figure,
        roles.drop(columns=["noise"]),
        {
            "points": float(len(roles.drop_duplicates(list(PARAMETERS)))),
            "endOffUniform": off,
            "startMass": float(visits["mass_upper"].max()),
        },
        "Mass of least-favourable distributions on tips, the goals on no shortest path to another goal, as "
        f"one of $T$, $N$ and slip grows (otherwise $N={USUAL}$ without slip, $N={USUAL_WITH_SLIP}$ with). "
        "Bands are certified ranges over all least-favourable distributions: where a band is wide they are "
        f"not unique. Dotted: the uniform distribution. Noticed at the end without slip, {only} (to "
        f"{TIGHT:g}), with memory and without; noticed on the way, the mass moves to goals that one episode "
        "cannot visit together.",
    )  # fmt: skip


def _grown(rows: pd.DataFrame, name: str, usual: int) -> pd.DataFrame:
    """The rows in which nothing but `name` differs from the usual."""
    if name == "horizon":
        kept = (rows["episodes"] == USUAL) & (rows["slip"] == "0")
    elif name == "episodes":
        kept = (rows["horizon"] == usual) & (rows["slip"] == "0")
    else:
        kept = (rows["horizon"] == usual) & (rows["episodes"] == USUAL_WITH_SLIP)
    return rows[kept]


def _panel(axes: Axes, rows: pd.DataFrame, name: str, style: Style) -> None:
    for index, (detect, learner) in enumerate((d, one) for d in DETECTIONS for one in LEARNERS):
        own = rows[(rows["detect"] == detect) & (rows["learner"] == learner)].sort_values(name)
        where = "at the end" if detect == "end" else "on the way"
        look = {**style.series(index), "markersize": 5.0 - 1.1 * index, "linewidth": 0.8}
        axes.fill_between(
            own[name], own["mass_lower"], own["mass_upper"], color=look["color"], alpha=0.18, linewidth=0
        )
        axes.plot(own[name], own["mass_upper"], **look, label=f"{learner}, noticed {where}")
        axes.plot(own[name], own["mass_lower"], **look)
    own = rows[(rows["detect"] == "end")].drop_duplicates(name).sort_values(name)
    axes.plot(own[name], own["uniform_share"], color="0.35", linestyle=":", linewidth=0.9, label="uniform")


STUDY = Study(
    "open_question",
    "where least-favourable distributions put their mass, with memory and without",
    points,
    measure,
)
FIGURE = Figure(
    name="open_question",
    title="Where least-favourable distributions put their mass as episodes grow longer, more and noisier",
    studies=("open_question",),
    theorems=("T12", "T13", "C03"),
    draw=draw,
)
