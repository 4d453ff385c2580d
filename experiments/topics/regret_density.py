r"""The memoryless learner's regret at goals of different density, simulated episode by episode (T1, T2).

A learner explores a grid by random moves until it has found the goal, then goes there. Each replication plays
episodes until the goal is found: with ``tau`` the episode in which it is, the regret is ``v tau - 1`` if
``tau <= N`` and ``N v`` otherwise, and has the mean ``(1 - (1 - rho)**N) (v / rho - 1)``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.experiments.sweeps import Point, Scale, Study
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from metaregret.tabular.process import ControlledMarkovProcess

PROCESS, HORIZON = "grid:4x4", 6
REPLICATIONS = {Scale.FULL: 400, Scale.SHORT: 50}


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return the points: finite and infinite numbers of episodes without slip, infinitely many with."""
    shared = {"process": PROCESS, "horizon": HORIZON, "replications": REPLICATIONS[scale]}
    cases = [(5, "0"), (20, "0"), (80, "0"), (None, "0"), (None, "1/5"), (None, "2/5")]
    return [{**shared, "slip": slip, "episodes": episodes} for episodes, slip in cases]


def measure(point: Point, generator: np.random.Generator) -> Sequence[Mapping[str, Any]]:
    """Simulate the learner at every goal; one row per goal."""
    from metaregret.tabular import goal_values, make, terminal_distribution, uniform_policy
    from metaregret.theory import memoryless_regret

    process = make(f"{point['process']},slip={point['slip']}").replaced(horizon=point["horizon"])
    policy = uniform_policy(process)
    density = terminal_distribution(process, policy).probabilities
    optimum = goal_values(process).values
    episodes, count = point["episodes"], int(point["replications"])
    found = first_success(process, policy, count, episodes, generator)
    if episodes is None:
        samples = optimum * found - 1.0
    else:
        samples = np.where(found <= episodes, optimum * found - 1.0, optimum * episodes)
    closed = memoryless_regret(density, optimum, episodes)
    return [
        {
            "goal": process.states[goal],
            "density": density[goal],
            "optimum": optimum[goal],
            "regret": samples[:, goal].mean(),
            "standard_error": samples[:, goal].std(ddof=1) / np.sqrt(count),
            "closed_form": closed[goal],
        }
        for goal in range(process.n_states)
    ]


def first_success(
    process: ControlledMarkovProcess,
    policy: np.ndarray,
    count: int,
    episodes: int | None,
    generator: np.random.Generator,
) -> np.ndarray:
    """Play episodes of a policy and return in which each state was first the last one, shape (count, S).

    States that do not occur in `episodes` episodes get ``episodes + 1``.
    """
    chains = [np.cumsum(_chain(process, weights), axis=1) for weights in policy]
    found = np.zeros((count, process.n_states), dtype=np.int64)
    played = 0
    while np.any(found == 0) and (episodes is None or played < episodes):
        played += 1
        ends = _last_states(process, chains, count, generator)
        fresh = found[np.arange(count), ends] == 0
        found[np.flatnonzero(fresh), ends[fresh]] = played
    return np.where(found == 0, played + 1, found)


def _chain(process: ControlledMarkovProcess, weights: np.ndarray) -> np.ndarray:
    """The transition matrix of one step of a policy, shape (S, S)."""
    chain = np.zeros((process.n_states, process.n_states))
    moves = process.transition_choice
    where = (process.choice_state[moves], process.successors)
    np.add.at(chain, where, weights[moves] * process.probabilities)
    return chain


def _last_states(
    process: ControlledMarkovProcess, chains: Sequence[np.ndarray], count: int, generator: np.random.Generator
) -> np.ndarray:
    """Play one episode `count` times, step by step, and return the last states."""
    states = generator.choice(process.n_states, size=count, p=process.initial)
    for reached in chains:
        draws = generator.random(count) * reached[states, -1]
        states = (reached[states] > draws[:, None]).argmax(axis=1)
    return states


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw regret against the density of the goal, for finite N and without end, and with noise."""
    data = results["regret_density"]
    figure, (left, right) = style.panels(2, ratio=0.40)
    draw_episodes(left, data[data["slip"] == "0"], style)
    _noise(right, data[data["episodes"].isna()], style)
    error = (data["regret"] - data["closed_form"]).abs() / data["standard_error"]
    share = float((error <= 2).mean())
    return Drawing(
        figure,
        data,
        {
            "coverage": 100 * share,
            "largest": float(error.max()),
            "replications": float(data["replications"].iloc[0]),
        },
        "Regret of the memoryless learner falls with the density $\\rho_g$ of the goal under its "
        "exploration. Lines: closed form $(1-(1-\\rho_g)^N)(v^*_g/\\rho_g-1)$. Markers: means of "
        f"{int(data['replications'].iloc[0])} simulated learners at each of the 16 goals of a 4 x 4 grid "
        "explored by random moves, with bars of two standard errors. Left: moves never slip ($v^*_g=1$), "
        "$N$ episodes. Right: moves slip, infinitely many episodes, against $\\rho_g/v^*_g$; all noise "
        "levels fall on one curve.",
    )


def draw_episodes(axes: Axes, data: pd.DataFrame, style: Style) -> None:
    """Draw regret against density for each number of episodes."""
    from metaregret.theory import memoryless_regret

    density = np.geomspace(0.8 * data["density"].min(), 1.25 * data["density"].max(), 200)
    counts: list[int | None] = [*sorted(data["episodes"].dropna().astype(int).unique()), None]
    for index, episodes in enumerate(counts):
        rows = data[data["episodes"].isna() if episodes is None else data["episodes"] == episodes]
        closed = memoryless_regret(density, np.ones_like(density), episodes)
        axes.plot(density, closed, **style.series(index, marker=False))
        _points(axes, rows, rows["density"], index, style)
        label = "$N=\\infty$" if episodes is None else f"$N={episodes}$"
        both = {**style.points(index), "linestyle": style.series(index)["linestyle"]}
        axes.plot([], [], **both, label=label)
    axes.set(xscale="log", yscale="log", xlabel="goal density $\\rho_g$ (probability per episode)")
    axes.set_ylabel("regret (episodes)")
    axes.legend()


def _noise(axes: Axes, data: pd.DataFrame, style: Style) -> None:
    ratio = data["density"] / data["optimum"]
    grid = np.geomspace(0.8 * ratio.min(), 1.25 * ratio.max(), 200)
    axes.plot(grid, 1.0 / grid - 1.0, color="0.35", label="$v^*_g/\\rho_g-1$")
    for index, (slip, rows) in enumerate(data.groupby("slip")):
        _points(axes, rows, rows["density"] / rows["optimum"], index, style)
        axes.plot([], [], **style.points(index), label=f"slip {slip}")
    axes.set(xscale="log", yscale="log", xlabel="relative density $\\rho_g/v^*_g$")
    axes.set_ylabel("regret (episodes)")
    axes.legend()


def _points(axes: Axes, rows: pd.DataFrame, where: pd.Series, index: int, style: Style) -> None:
    bars = 2 * rows["standard_error"]
    axes.errorbar(where, rows["regret"], yerr=bars, **style.points(index), elinewidth=0.7)


STUDY = Study(
    "regret_density", "regret of memoryless learners at goals of different density", points, measure
)
FIGURE = Figure(
    name="regret_density",
    title="Regret falls with the density of the goal: closed form and simulated learners",
    studies=("regret_density",),
    theorems=("T01", "T02"),
    draw=draw,
)
