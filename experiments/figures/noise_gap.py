r"""What noise costs: 2,000 random processes from deterministic to noisy (T4, T6, T7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import numpy as np
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
        "Both vanish without noise (T4, T6, T7). Dots: single processes (the largest are off the scale); "
        "line: "
        "median with 95 % confidence intervals; band: middle half.",
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
    """Draw one excess by level of noise: points, middle half, median with a 95 % confidence interval."""
    import numpy as np

    levels = np.unique(data["noise_percent"].to_numpy())
    samples = [np.sort(data.loc[data["noise_percent"] == level, column].to_numpy()) for level in levels]
    noise = levels / 100
    jitter = (data["copy"] % 20 - 9.5) / 19 * 0.04
    axes.plot(data["noise_percent"] / 100 + jitter, data[column], ".", color="0.55", markersize=0.8)
    low, middle, high = (np.array([np.quantile(rows, q) for rows in samples]) for q in (0.25, 0.5, 0.75))
    axes.fill_between(noise, low, high, color="#56b4e9", alpha=0.45, linewidth=0)
    bounds = np.array([median_interval(rows) for rows in samples])
    bars = np.abs(bounds.T - middle)
    axes.errorbar(noise, middle, yerr=bars, **style.series(0))
    top = float(np.quantile(data[column], 0.96))
    axes.set_ylim(-0.03 * top, top)
    axes.set_xlabel("share of noise")


def median_interval(ordered: np.ndarray) -> tuple[float, float]:
    """Return the closest symmetric order statistics that enclose the median with 95 % confidence.

    The number of values below the median is binomial, so the ``k``-th smallest and largest of ``n`` miss it
    with probability ``2 P(Bin(n, 1/2) < k)``, whatever the distribution (David and Nagaraja, *Order
    Statistics*, 7.1). Fewer than six values cannot reach 95 %; their extremes are returned.
    """
    from scipy.stats import binom

    count = len(ordered)
    rank = max(int(binom.ppf(0.025, count, 0.5)), 1)
    return float(ordered[rank - 1]), float(ordered[count - rank])


FIGURE = Figure(
    name="noise_gap",
    title="Noise separates mutual information from minimax regret on random processes",
    studies=("noise_gap",),
    theorems=("T04", "T06", "T07"),
    draw=draw,
)
