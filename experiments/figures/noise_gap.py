r"""What noise costs: 2,000 random processes from deterministic to noisy (T4, T6, T7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from experiments.figures.figure import Drawing, Figure
from experiments.figures.style import Style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw the excess regret and the excess adaptation cost against noise."""
    data = excesses(results["noise_gap"])
    figure = style.canvas("line", ratio=0.38)
    left, right = figure.subplots(1, 2)
    draw_excess(left, data, "excess_regret", style)
    left.set_ylabel("regret of the MI marginal\nover minimax regret, minus 1")
    draw_excess(right, data, "excess_cost", style)
    right.set_ylabel("adaptation cost of uniform\nminus capacity (nats)")
    still = data[data["noise_percent"] == 0]
    loud = data[data["noise_percent"] == data["noise_percent"].max()]
    return Drawing(
        figure,
        data,
        {
            "processes": float(len(data)),
            "deterministicRegret": float(still["excess_regret"].max()),
            "deterministicCost": float(still["excess_cost"].max()),
            "noisyRegret": float(loud["excess_regret"].median()),
        },
        f"{len(data)} random processes of 3 or 4 states whose moves are replaced by random transitions to a "
        "growing degree. Left: by how much the goal marginal that maximises mutual information misses the "
        "minimax "
        "regret. Right: by how much $\\max_\\rho KL(\\rho\\|q)$ at uniform $q$ misses its minimum, the "
        "capacity. "
        "Both vanish without noise (T4, T6, T7). Points: single processes; line: mean with bars of two "
        "standard "
        "errors; dashed: median; band: middle half.",
    )


def excesses(data: pd.DataFrame) -> pd.DataFrame:
    """Add the two excesses, which are not negative but for the certified brackets."""
    upper = data["minimax_regret_upper"]
    scale = upper.where(upper > 1e-9, 1.0)
    return data.assign(
        excess_regret=((data["proposal_regret"] - upper) / scale).clip(lower=0.0),
        excess_cost=(data["uniform_cost"] - data["capacity_upper"]).clip(lower=0.0),
    )


def draw_excess(axes: Axes, data: pd.DataFrame, column: str, style: Style) -> None:
    """Draw one excess by level of noise: points, median, middle half, mean with two standard errors."""
    import numpy as np

    groups = data.groupby("noise_percent")[column]
    summary = groups.quantile(np.array([0.25, 0.5, 0.75])).unstack()
    noise = summary.index.to_numpy() / 100
    jitter = (data["copy"] % 20 - 9.5) / 19 * 0.025
    axes.plot(data["noise_percent"] / 100 + jitter, data[column], ",", color="0.55", rasterized=True)
    axes.fill_between(noise, summary[0.25], summary[0.75], color="#56b4e9", alpha=0.45, linewidth=0)
    axes.plot(noise, summary[0.5], **style.series(1, marker=False))
    bars = 2 * groups.std().to_numpy() / np.sqrt(groups.count().to_numpy())
    axes.errorbar(noise, groups.mean(), yerr=bars, **style.series(0))
    top = float(data[column].quantile(0.97))
    axes.set_ylim(-0.03 * top, top)
    axes.set_xlabel("share of noise")


FIGURE = Figure(
    name="noise_gap",
    title="Noise separates mutual information from minimax regret on random processes",
    studies=("noise_gap",),
    theorems=("T04", "T06", "T07"),
    draw=draw,
)
