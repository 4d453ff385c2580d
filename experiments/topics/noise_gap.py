r"""Random processes from deterministic to noisy: what noise does to T4, T6 and T7.

Each point is one process: random deterministic moves of which a share ``noise`` is replaced by random
transitions, ``P = (1 - noise) D + noise R``. Measured are the minimax regret (T4), the worst-case regret of
the goal marginal that maximises mutual information (T6) with the certified capacity, and the largest cost
``max_rho KL(rho || q)`` of adapting from the uniform prior instead of the optimal one (T7). Without noise
both excesses vanish.
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

LEVELS = (0, 5, 10, 20, 30, 40, 50, 60, 70, 80)
"""Shares of noise in per cent."""

COPIES = {Scale.FULL: 200, Scale.SHORT: 4}
DENOMINATOR = 1000


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return 2,000 points: 200 random processes at each of ten levels of noise."""
    return [{"noise_percent": level, "copy": copy} for copy in range(COPIES[scale]) for level in LEVELS]


def measure(point: Point, generator: np.random.Generator) -> Mapping[str, Any]:
    """Draw a process and measure the three theorems on it."""
    from metaregret.theory.main_claim import check_main_claim
    from metaregret.theory.skills import terminal_vertices

    process = random_process(point["noise_percent"], generator)
    main = check_main_claim(process)
    count = len(main.goals)
    vertices = terminal_vertices(process)[0][:, main.goals]
    return {
        "states": process.n_states,
        "actions": process.n_actions,
        "steps": getattr(process.horizon, "steps", None),
        "goals": count,
        "minimax_regret_lower": main.minimax.value.lower,
        "minimax_regret_upper": main.minimax.value.upper,
        "proposal_regret": main.proposal_regret,
        "capacity_lower": main.mutual_information.lower,
        "capacity_upper": main.mutual_information.upper,
        "capacity_known": main.capacity_known,
        "uniform_cost": divergence(vertices, np.full(count, 1.0 / count)),
        "marginal_cost": divergence(vertices, main.marginal),
    }


def divergence(rows: np.ndarray, output: np.ndarray) -> float:
    """Return ``max_rho KL(rho || q)`` in nats over rows of shape (n, K)."""
    ratio = np.where(rows > 0, rows / output, 1.0)
    return float((rows * np.log(ratio)).sum(axis=1).max())


def random_process(noise_percent: int, generator: np.random.Generator) -> ControlledMarkovProcess:
    """Return an exact process of 3 or 4 states, 2 or 3 actions and 1 or 2 steps, started in state 0.

    Every state has a random deterministic move per action; `noise_percent` of it is replaced by transitions
    with random rational probabilities.
    """
    from metaregret.tabular.process import ControlledMarkovProcess

    states, actions = int(generator.integers(3, 5)), int(generator.integers(2, 4))
    steps = int(generator.integers(1, 3))
    counts = np.zeros((states, actions, states), dtype=np.int64)
    for state, action in np.ndindex(states, actions):
        spread = generator.multinomial(DENOMINATOR, generator.dirichlet(np.ones(states)))
        counts[state, action] = noise_percent * spread
        counts[state, action, generator.integers(states)] += (100 - noise_percent) * DENOMINATOR
    keys = np.stack(np.unravel_index(np.arange(counts.size), counts.shape), axis=1)
    positive = counts.ravel() > 0
    return ControlledMarkovProcess.from_counts(
        keys[positive],
        counts.ravel()[positive],
        100 * DENOMINATOR,
        states=states,
        actions=actions,
        horizon=steps,
        name="random",
    )


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw the excess regret and the excess adaptation cost against noise."""
    data = excesses(results["noise_gap"])
    figure, (left, right) = style.panels(2, ratio=0.38)
    beyond = draw_excess(left, data, "excess_regret", style)
    left.set_ylabel("regret of the MI marginal\nover minimax regret, minus 1")
    beyond += draw_excess(right, data, "excess_cost", style)
    right.set_ylabel("adaptation cost of uniform\nminus capacity (nats)")
    handles, labels = left.get_legend_handles_labels()
    columns = 2 if style.narrow else 4
    figure.legend(handles, labels, ncols=columns, loc="outside upper center", markerscale=1.6)
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
            "beyond": float(beyond),
        },
        f"{len(data)} random processes of 3 or 4 states whose moves are replaced by random transitions to a "
        "growing degree. Left: by how much the goal marginal that maximises mutual information misses the "
        "minimax regret. Right: by how much $\\max_\\rho KL(\\rho\\|q)$ at uniform $q$ misses its minimum, "
        "the capacity. Both vanish without noise (T4, T6, T7). Dots: single processes (triangles: above "
        f"the scale, {beyond} in all); line: median with 95 % confidence intervals; band: middle half.",
    )


def excesses(data: pd.DataFrame) -> pd.DataFrame:
    """Add the two excesses, which are not negative but for the certified brackets."""
    upper = data["minimax_regret_upper"]
    scale = upper.where(upper > 1e-9, 1.0)
    return data.assign(
        excess_regret=((data["proposal_regret"] - upper) / scale).clip(lower=0.0),
        excess_cost=(data["uniform_cost"] - data["capacity_upper"]).clip(lower=0.0),
    )


def draw_excess(axes: Axes, data: pd.DataFrame, column: str, style: Style) -> int:
    """Draw one excess by level of noise: points, middle half, median with a 95 % confidence interval.

    Returns
    -------
    int
        How many points lie above the scale; each is a triangle at its upper end.
    """
    levels = np.unique(data["noise_percent"].to_numpy())
    samples = [np.sort(data.loc[data["noise_percent"] == level, column].to_numpy()) for level in levels]
    noise = levels / 100
    jitter = (data["copy"] % 20 - 9.5) / 19 * 0.04
    top = float(np.quantile(data[column], 0.96))
    above, x = data[column] > top, data["noise_percent"] / 100 + jitter
    axes.plot(x[~above], data.loc[~above, column], ".", color="0.55", markersize=0.8, label="one process")
    look: dict[str, Any] = {
        "color": "0.4",
        "markersize": 1.6,
        "clip_on": False,
        "label": f"above the scale ({above.sum()})",
    }
    axes.plot(x[above], np.full(above.sum(), top), "^", **look)
    low, middle, high = (np.array([np.quantile(rows, q) for rows in samples]) for q in (0.25, 0.5, 0.75))
    axes.fill_between(noise, low, high, color="#56b4e9", alpha=0.45, linewidth=0, label="middle half")
    bounds = np.array([median_interval(rows) for rows in samples])
    bars = np.abs(bounds.T - middle)
    line = {**style.series(0), "markersize": 3.2, "label": "median, 95 % interval"}
    axes.errorbar(noise, middle, yerr=bars, **line)
    axes.set_ylim(-0.03 * top, top)
    axes.set_xlabel("share of noise")
    return int(above.sum())


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


STUDY = Study(
    "noise_gap", "random processes: mutual information against minimax as noise grows", points, measure
)
FIGURE = Figure(
    name="noise_gap",
    title="Noise separates mutual information from minimax regret on random processes",
    studies=("noise_gap",),
    theorems=("T04", "T06", "T07"),
    draw=draw,
)
