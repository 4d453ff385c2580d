r"""Regret against goal density: the closed forms of T1 and T2, and simulated learners beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw regret against the density of the goal, for finite N and without end, and with noise."""
    data = results["regret_density"]
    figure = style.canvas("line", ratio=0.40)
    left, right = figure.subplots(1, 2)
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
    import numpy as np

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
    axes.set_ylabel("regret (episodes of reward 1)")
    axes.legend()


def _noise(axes: Axes, data: pd.DataFrame, style: Style) -> None:
    import numpy as np

    ratio = data["density"] / data["optimum"]
    grid = np.geomspace(0.8 * ratio.min(), 1.25 * ratio.max(), 200)
    axes.plot(grid, 1.0 / grid - 1.0, color="0.35", label="$v^*_g/\\rho_g-1$")
    for index, (slip, rows) in enumerate(data.groupby("slip")):
        _points(axes, rows, rows["density"] / rows["optimum"], index, style)
        axes.plot([], [], **style.points(index), label=f"slip {slip}")
    axes.set(xscale="log", yscale="log", xlabel="relative density $\\rho_g/v^*_g$")
    axes.set_ylabel("regret (episodes of reward 1)")
    axes.legend()


def _points(axes: Axes, rows: pd.DataFrame, where: pd.Series, index: int, style: Style) -> None:
    bars = 2 * rows["standard_error"]
    axes.errorbar(where, rows["regret"], yerr=bars, **style.points(index), elinewidth=0.7)


FIGURE = Figure(
    name="regret_density",
    title="Regret falls with the density of the goal: closed form and simulated learners",
    studies=("regret_density",),
    theorems=("T01", "T02"),
    draw=draw,
)
