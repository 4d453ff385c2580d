"""The price of mutual information as noise grows: what the most informative skills cost in the worst case.

Without noise the skills that maximise ``I(s_T; z)`` explore every goal equally often and are minimax (T6);
with noise they are not (C1). At every slip the capacity of the process is certified, and the worst-case
regret of the learner that explores with its skills is set beside the minimax regret; the price is their
ratio. Uniform goals are measured too, since they need no optimisation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.experiments.report.spelling import process_in_words
from metaregret.experiments.sweeps import Point, Scale, Study
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

PROCESSES = {"grid:2x2": 2, "grid:2x3": 3, "grid:5x1": 4, "grid:3x3": 4}
"""Grids and their horizons: long enough to reach every state."""

STEPS = 20
"""Slips are multiples of one over this number, up to the largest below one."""


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return the points: every grid at slips from 0 to 19/20, or the smallest grid at three of them."""
    names = list(PROCESSES) if scale is Scale.FULL else ["grid:2x2"]
    counts = range(STEPS) if scale is Scale.FULL else (0, 2, 8)
    return [
        {"process": name, "horizon": PROCESSES[name], "slip": str(Fraction(count, STEPS))}
        for name in names
        for count in counts
    ]


def measure(point: Point, generator: np.random.Generator) -> Mapping[str, Any]:
    """Return the capacity, the regrets and their price; nothing is random."""
    from metaregret.tabular import make
    from metaregret.theory.proposals import propose

    process = make(f"{point['process']},slip={point['slip']}").replaced(horizon=point["horizon"])
    informed, uniform = (propose(process, method) for method in ("capacity", "uniform"))
    trained = informed.trained.worst_case.midpoint
    return {
        "noise": float(Fraction(point["slip"])),
        "goals": int((informed.uniform_goals > 0).sum()),
        "capacity": informed.mutual_information.lower,
        "capacity_upper": informed.mutual_information.upper,
        "capacity_known": informed.capacity_known,
        "worst_case_regret": informed.worst_case_regret,
        "minimax_regret": informed.minimax_regret,
        "price": informed.price,
        "trained_worst_case_regret": trained,
        "trained_price": informed.price_of(trained),
        "distance_to_uniform": informed.distance_to_uniform,
        "distance_to_minimax": informed.distance_to_minimax,
        "uniform_worst_case_regret": uniform.worst_case_regret,
        "uniform_price": uniform.price,
    }


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw the price on classical channels with closed forms, and on grids."""
    import pandas as pd

    channels = results["noisy_channels"].assign(
        price=lambda rows: rows["proposal_regret"] / rows["minimax_upper"]
    )
    grids = results["price_of_information"]
    figure, (left, right) = style.panels(2, ratio=0.40)
    draw_channels(left, channels, style)
    _grids(right, grids, style)
    half = channels[(channels["channel"] == "Z") & (channels["noise"] == 0.5)]
    data = pd.concat([channels, grids.rename(columns={"process": "channel"})], ignore_index=True)
    return Drawing(
        figure,
        data,
        {
            "priceAtHalf": float(half["price"].iloc[0]),
            "symmetric": float(channels.loc[channels["channel"] == "symmetric", "price"].max()),
            "largestOnGrids": float(grids["price"].max()),
        },
        "Price of mutual information: worst-case regret of exploring with the most informative skills over "
        "the "
        "minimax regret. Left: two channels as processes of one step. On the Z-channel the price follows the "
        "closed form $1+e^{H(s)/(1-s)}-1/(1-s)$ and is 3 at slip 1/2 (C1); a symmetric channel is free at "
        "any "
        "slip (T15). Right: grids whose moves slip; dashed, hollow: uniform goals instead. Without slip the "
        "price is 1 (T6).",
    )


def z_price(slip: np.ndarray) -> np.ndarray:
    """Return the price on the Z-channel, ``((1-s)/q - 1) / (1-s)`` with ``q = 1 / (1 + exp(H(s)/(1-s)))``."""
    from scipy.special import entr

    entropy = entr(slip) + entr(1 - slip)
    return np.asarray(1 + np.exp(entropy / (1 - slip)) - 1 / (1 - slip))


def draw_channels(axes: Axes, rows: pd.DataFrame, style: Style) -> None:
    """Draw the closed forms of the price on two channels and the computed points."""
    slip = np.linspace(0.0, 0.9, 200)
    for index, (channel, closed) in enumerate((("Z", z_price(slip)), ("symmetric", np.ones_like(slip)))):
        shown = rows[rows["channel"] == channel]
        within = slip <= shown["noise"].max()
        computed = shown["noise"], shown["price"]
        style.curve(axes, index, (slip[within], closed[within]), computed, f"{channel} channel")
    axes.set(xlabel="slip $s$ (probability)", ylabel="price (ratio of regrets)", ylim=(0.0, None))
    axes.legend(loc="upper left")


def _grids(axes: Axes, rows: pd.DataFrame, style: Style) -> None:
    dashed: dict[str, Any] = {"linestyle": (0, (4, 2)), "linewidth": 0.7, "markersize": 2.2}
    for index, (name, grid) in enumerate(rows.groupby("process", sort=False)):
        look = {**style.series(index), "linestyle": "-", "markersize": 3.2}
        axes.plot(grid["noise"], grid["price"], **look, label=process_in_words(str(name)))
        axes.plot(grid["noise"], grid["uniform_price"], **{**style.points(index), **dashed})
    hollow = {**style.points(0), **dashed, "color": "0.4"}
    axes.plot([], [], **hollow, label="uniform goals instead")
    axes.set(xlabel="slip (probability)", ylabel="price (ratio of regrets)")
    axes.set_ylim(top=1.3 * float(rows[["price", "uniform_price"]].to_numpy().max()))
    axes.legend(loc="upper left", ncols=2)


STUDY = Study("price_of_information", "The price of mutual information as noise grows", points, measure)
FIGURE = Figure(
    name="price_of_information",
    title="With noise, maximising mutual information has a price",
    studies=("noisy_channels", "price_of_information"),
    theorems=("C01", "T15"),
    draw=draw,
)
