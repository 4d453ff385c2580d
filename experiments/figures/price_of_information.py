r"""The price of mutual information as moves become noisy (C01, T15)."""

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
    """Draw the price on classical channels with closed forms, and on grids."""
    import pandas as pd

    channels = results["noisy_channels"].assign(
        price=lambda rows: rows["proposal_regret"] / rows["minimax_upper"]
    )
    grids = results["price_of_information"]
    figure = style.canvas("line", ratio=0.40)
    left, right = figure.subplots(1, 2)
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
    import numpy as np
    from scipy.special import entr

    entropy = entr(slip) + entr(1 - slip)
    return np.asarray(1 + np.exp(entropy / (1 - slip)) - 1 / (1 - slip))


def draw_channels(axes: Axes, rows: pd.DataFrame, style: Style) -> None:
    """Draw the closed forms of the price on two channels and the computed points."""
    import numpy as np

    slip = np.linspace(0.0, 0.9, 200)
    for index, (channel, closed) in enumerate((("Z", z_price(slip)), ("symmetric", np.ones_like(slip)))):
        shown = rows[rows["channel"] == channel]
        look = style.series(index, marker=False)
        within = slip <= shown["noise"].max()
        axes.plot(slip[within], closed[within], **look)
        axes.plot(shown["noise"], shown["price"], **style.points(index))
        both = {**style.points(index), "linestyle": look["linestyle"]}
        axes.plot([], [], **both, label=f"{channel} channel")
    axes.set(xlabel="slip $s$ (probability)", ylabel="price (ratio of regrets)", ylim=(0.0, None))
    axes.legend(loc="upper left")


def _grids(axes: Axes, rows: pd.DataFrame, style: Style) -> None:
    for index, (name, grid) in enumerate(rows.groupby("process", sort=False)):
        size = str(name).partition(":")[2].replace("x", " x ")
        axes.plot(
            grid["noise"], grid["price"], **{**style.series(index), "linestyle": "-"}, label=f"{size} grid"
        )
        dashed = {**style.points(index), "linestyle": (0, (4, 2)), "linewidth": 0.7, "markersize": 2.2}
        axes.plot(grid["noise"], grid["uniform_price"], **dashed)
    axes.set(xlabel="slip (probability)", ylabel="price (ratio of regrets)")
    axes.legend(loc="upper left")


FIGURE = Figure(
    name="price_of_information",
    title="With noise, maximising mutual information has a price",
    studies=("noisy_channels", "price_of_information"),
    theorems=("C01", "T15"),
    draw=draw,
)
