r"""Memory is worth at most a factor of two on deterministic dynamics, and more with noise (T23, T24, T25, "
r"C11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw the regret with memory against that without, and the factor between them against tau*."""
    data = results["worth_of_memory"]
    positive = data[data["memory"] > 0]
    data = positive.assign(factor=positive["memoryless"] / positive["memory"])
    systems, noisy = data[data["family"] == "set system"], data[data["family"] != "set system"]
    figure = style.canvas("line", ratio=0.42)
    left, right = figure.subplots(1, 2)
    _band(left, systems, noisy, style)
    _factors(right, systems, style)
    return Drawing(
        figure,
        data,
        {
            "systems": float(len(systems)),
            "shareAtTheLowerBound": float(systems["is_lower"].astype(float).mean()),
            "largestFactor": float(systems["factor"].max()),
            "smallestFactor": float(systems["factor"].min()),
            "largestFactorWithNoise": float(noisy["factor"].max()),
        },
        "Left: minimax regret with memory against that without, infinitely many episodes, all in rational "
        "numbers. Random set systems (deterministic dynamics) lie in the band of a factor of two (T24); "
        "with noise, \\emph{spread} ($K=3,\\dots,6$; C11) and \\emph{attempts} at two goals ($v=1,1/n$, "
        "$n=3,\\dots,6$; T25) lie below it. Right: the factor on the set systems against the fractional "
        "covering number $\\tau^*$, which is one more than the regret without memory (T23); line: the "
        "largest factor that the bound $m-m(m+1)/(2\\tau^*)$ allows, $m=\\lfloor\\tau^*\\rfloor$. Set "
        "systems of regret zero are left out.",
    )


def _band(axes: Axes, systems: pd.DataFrame, noisy: pd.DataFrame, style: Style) -> None:
    import numpy as np

    low, high = (
        0.5 * float(min(systems["memoryless"].min(), noisy["memoryless"].min())),
        systems["memoryless"].max(),
    )
    ends = np.array([low, 1.3 * float(high)])
    axes.fill_between(ends, ends / 2, ends, color="#56b4e9", alpha=0.25, linewidth=0)
    axes.plot(
        systems["memoryless"],
        systems["memory"],
        **{**style.points(0), "markersize": 1.6},
        label="set systems",
    )
    for index, (family, rows) in enumerate(noisy.groupby("family"), start=1):
        axes.plot(rows["memoryless"], rows["memory"], **style.points(index), label=str(family))
    axes.set(xscale="log", yscale="log", xlabel="regret without memory", ylabel="regret with memory")
    axes.legend(loc="upper left")


def _factors(axes: Axes, systems: pd.DataFrame, style: Style) -> None:
    import numpy as np

    tau = np.linspace(1.02, float(systems["tau_star"].max()), 400)
    whole = np.floor(tau)
    allowed = (tau - 1) / (whole - whole * (whole + 1) / (2 * tau))
    axes.plot(tau, allowed, **style.series(1, marker=False))
    axes.plot(systems["tau_star"], systems["factor"], **{**style.points(0), "markersize": 1.6})
    axes.set(xlabel="fractional covering number $\\tau^*$", ylabel="worth of memory (ratio of regrets)")
    axes.set_ylim(0.95, 2.1)


FIGURE = Figure(
    name="worth_of_memory",
    title="Memory is worth at most a factor of two without noise, and more with it",
    studies=("worth_of_memory",),
    theorems=("T23", "T24", "T25", "C11"),
    draw=draw,
)
