r"""The price of mutual information on the noisy goal is exponential in one over its luck (T20, T21)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw the price by luck, one panel a number of sure goals: closed forms as lines, computed as points."""
    import numpy as np

    data = results["noisy_goal_prices"]
    figure = style.canvas("line", ratio=0.42)
    panels = figure.subplots(1, data["sure_goals"].nunique(), sharey=True, squeeze=False)[0]
    for axes, count in zip(panels, sorted(set(data["sure_goals"].to_list())), strict=True):
        rows = data[data["sure_goals"] == count]
        luck = np.linspace(float(rows["probability"].min()), 1.0, 300)
        for index, order in enumerate(dict.fromkeys(rows["order"].to_list())):
            here = rows[rows["order"] == order]
            look = style.series(index, marker=False)
            axes.plot(luck, closed_form(int(count), luck, float(order)), **look)
            axes.plot(here["probability"], here["price"], **style.points(index))
            both = {**style.points(index), "linestyle": look["linestyle"]}
            axes.plot([], [], **both, label="mutual information" if order == "1" else f"order {order}")
        one = rows[rows["order"] == "1"]
        dotted = {"color": "0.35", "linewidth": 0.8}
        axes.plot(one["probability"], one["bound"], **dotted, linestyle=(0, (1, 1.5)), label="bound by $C_1$")
        axes.plot(
            one["probability"],
            one["bound_in_regret"],
            **dotted,
            linestyle=(0, (4, 2)),
            label="bound by the regret",
        )
        axes.set(
            yscale="log",
            xlabel="probability $v$ of the noisy goal",
            title=f"$K={count}$ sure goals",
        )
    panels[0].set_ylabel("price $(1+\\mathrm{Reg}(q_a))/(1+\\mathrm{Reg}^*)$")
    panels[-1].legend(loc="upper right")
    return Drawing(
        figure,
        data,
        {
            "largestPrice": float(data["price"].max()),
            "largestAtTwo": float(data[data["order"] == "2"]["price"].max()),
        },
        "Price of an order on the family of one noisy goal among $K$ sure ones, on a logarithmic scale. "
        "Lines: the closed forms of T21; marks: computed, certified. Dotted: the bound of T20 by the "
        "capacity, $v\\,e^{(C_1+h(v))/v}$, which the family attains in the limit; dashed: the bound by the "
        "minimax regret, $e\\,(1+\\mathrm{Reg}^*)^{1/v}$. Mutual information pays exponentially in $1/v$, "
        "order 2 at most $1/v$.",
    )


def closed_form(count: int, luck: np.ndarray, order: float) -> np.ndarray:
    """Return ``(1 + Reg(q_a)) / (1 + Reg*)`` of ``F(K, v)`` (T21)."""
    import numpy as np
    from scipy.special import entr

    if order == 1:
        inner = (count * np.exp(entr(luck) + entr(1 - luck))) ** (1 / luck)
    else:
        inner = ((count ** (order - 1) - (1 - luck) ** order) / luck**order) ** (1 / (order - 1))
    return np.asarray(luck * (1 + inner) / (count + luck))


FIGURE = Figure(
    name="noisy_goal_prices",
    title="Mutual information pays exponentially for a goal that needs luck",
    studies=("noisy_goal_prices",),
    theorems=("T20", "T21", "C09"),
    draw=draw,
)
