r"""The whole story on one page: what is claimed and verified, and four of its pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.experiments.topics.learner_ladder import draw_series
from metaregret.experiments.topics.noise_gap import draw_excess, excesses
from metaregret.experiments.topics.price_of_information import draw_channels
from metaregret.experiments.topics.proposal_simplex import draw_cut
from metaregret.experiments.topics.regret_density import draw_episodes
from metaregret.experiments.topics.verdicts import draw_graph
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw the graph of claims above, and below it panels of other figures."""
    import pandas as pd

    verdicts = results["verdicts"].drop(columns=["code", "seed"])
    density = results["regret_density"]
    ladder = results["learner_ladder"]
    channels = results["noisy_channels"].assign(
        price=lambda rows: rows["proposal_regret"] / rows["minimax_upper"]
    )
    noise = excesses(results["noise_gap"])
    if style.narrow:
        figure = style.canvas(ratio=3.1)
        top, *below = figure.subplots(6, 1, height_ratios=[1.6, 1, 1, 1, 1, 1])
    else:
        figure = style.canvas("line", ratio=1.36)
        grid = figure.add_gridspec(3, 6, height_ratios=[1.45, 1.0, 1.0])
        places = grid[0, :], grid[1, :3], grid[1, 3:], grid[2, :2], grid[2, 2:4], grid[2, 4:]
        top, *below = (figure.add_subplot(place) for place in places)
    density_axes, cut, price, gap, rungs = below
    draw_graph(top, verdicts, style)
    top.set_title("(a) claims, what they rest on, and verdicts")
    draw_episodes(density_axes, density[density["slip"] == "0"], style)
    density_axes.set_title("(b) regret falls with goal density (T01, T02)")
    draw_cut(cut, results["proposal_simplex"], style)
    cut.set_title("(c) the uniform proposal is best (T05)")
    draw_channels(price, channels, style)
    price.set_title("(d) noise has a price (C01)")
    beyond = draw_excess(gap, noise, "excess_regret", style)
    gap.set_ylabel("excess regret (share)")
    gap.set_title("(e) random processes (T06)")
    series = ladder[(ladder["process"] == ladder["process"].iloc[0]) & (ladder["detect"] == "end")]
    draw_series(rungs, series, style)
    rungs.set_title("(f) memory pays (T12)")
    parts = {
        "verdicts": verdicts,
        "density": density,
        "proposals": results["proposal_simplex"],
        "channels": channels,
        "noise": noise,
        "ladder": series,
    }
    held = int(verdicts["as_expected"].sum())
    return Drawing(
        figure,
        pd.concat([part.assign(panel=name) for name, part in parts.items()], ignore_index=True),
        {"claims": float(len(verdicts)), "asExpected": float(held)},
        f"Unsupervised meta-reinforcement learning on tabular problems, verified: {held} of {len(verdicts)} "
        "verdicts are as expected. (a) Theorems and negative controls. (b) Regret of the memoryless learner "
        "against goal density, closed form and simulated learners. (c) Worst case of learners trained on a "
        "proposal. (d) Worst-case regret of the most informative skills over the minimax regret. (e) The "
        f"same minus 1 on random processes; band: middle half; triangles: {beyond} above the scale. (f) "
        "Blind, memoryless and memory learners.",
    )


FIGURE = Figure(
    name="summary",
    title="The theory and its limits on one page",
    studies=(
        "verdicts",
        "regret_density",
        "proposal_simplex",
        "noisy_channels",
        "noise_gap",
        "learner_ladder",
    ),
    theorems=("T01", "T02", "T05", "T06", "T12", "C01"),
    draw=draw,
)
