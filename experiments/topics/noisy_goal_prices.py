r"""The price of mutual information on the noisy goal, as its luck runs out (T20, T21).

``F(K, v)``: one step, ``K`` goals reached surely and one reached with probability ``v``. Measured is
``(1 + Reg(q_a)) / (1 + Reg*)`` at orders 1, 2 and 4, with the two bounds of T20 at order 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.experiments.sweeps import Point, Scale, Study
from metaregret.theory.plotting.style import COLOURS, Style

if TYPE_CHECKING:
    import pandas as pd

SURE = (4, 16)
LUCK = ("1", "9/10", "4/5", "2/3", "1/2", "2/5", "1/3", "1/4", "1/5", "1/6", "1/8")
ORDERS = ("1", "2", "4")


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return two sizes at eleven probabilities, or the smaller at three."""
    full = scale is Scale.FULL
    sizes, chances = (SURE, LUCK) if full else (SURE[:1], ("1", "1/2", "1/4"))
    return [
        {"sure_goals": size, "luck": luck, "order": order}
        for size in sizes
        for luck in chances
        for order in ORDERS
    ]


def measure(point: Point, generator: np.random.Generator) -> Mapping[str, Any]:
    """Return the price and the bounds; nothing is random."""
    from metaregret.tabular import make
    from metaregret.theory.proposals.regrets import worst_case_regret
    from metaregret.theory.skills import process_redundancy

    process = make(f"noisy-goal:K={point['sure_goals']},v={point['luck']}")
    found, most = (process_redundancy(process, order) for order in (point["order"], "inf"))
    luck, least = float(Fraction(point["luck"])), float(np.exp(most.value.lower))
    regret = worst_case_regret(process, found.reference).midpoint
    entropy = 0.0 if luck == 1 else float(-luck * np.log(luck) - (1 - luck) * np.log(1 - luck))
    return {
        "probability": luck,
        "redundancy_upper": found.value.upper,
        "known": found.known,
        "price": (1 + regret) / least,
        "bound": luck * float(np.exp((found.value.upper + entropy) / luck)) / least
        if found.order.is_one
        else luck ** (-1 / found.order.power),
        "bound_in_regret": float(np.e * least ** (1 / luck - 1)) if found.order.is_one else None,
    }


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw the price by luck, one panel per number of sure goals: lines are closed forms, points computed."""
    data = results["noisy_goal_prices"]
    counts = sorted(set(data["sure_goals"].to_list()))
    name = "price $(1+\\mathrm{Reg}(q_a))/(1+\\mathrm{Reg}^*)$"
    figure, panels = style.panels(len(counts), ratio=0.42, ylabel=name)
    for axes, count in zip(panels, counts, strict=True):
        rows = data[data["sure_goals"] == count]
        luck = np.linspace(float(rows["probability"].min()), 1.0, 300)
        one = rows[rows["order"] == "1"]
        wide: dict[str, Any] = {"color": COLOURS[-1], "linewidth": 4.0, "alpha": 0.5}
        axes.plot(one["probability"], one["bound"], **wide, label="bound by $C_1$")
        dashed: dict[str, Any] = {"color": "0.35", "linewidth": 0.8, "linestyle": (0, (4, 2))}
        axes.plot(one["probability"], one["bound_in_regret"], **dashed, label="bound by the regret")
        for index, order in enumerate(dict.fromkeys(rows["order"].to_list())):
            here = rows[rows["order"] == order]
            label = "mutual information" if order == "1" else f"order {order}"
            line = luck, closed_form(int(count), luck, float(order))
            style.curve(axes, index, line, (here["probability"], here["price"]), label)
        axes.set(yscale="log", title=f"$K={count}$ sure goals", xlabel="probability $v$ of the noisy goal")
    panels[-1].legend(loc="upper right")
    return Drawing(
        figure,
        data,
        {
            "largestPrice": float(data["price"].max()),
            "largestAtTwo": float(data[data["order"] == "2"]["price"].max()),
        },
        "Price of an order on the family of one noisy goal among $K$ sure ones, on a logarithmic scale. "
        "Lines: the closed forms of T21; marks: computed, certified. Wide: the bound of T20 by the "
        "capacity, $v\\,e^{(C_1+h(v))/v}$, which the family attains in the limit; dashed: the bound by the "
        "minimax regret, $e\\,(1+\\mathrm{Reg}^*)^{1/v}$. Mutual information pays exponentially in $1/v$, "
        "order 2 at most $1/v$.",
    )


def closed_form(count: int, luck: np.ndarray, order: float) -> np.ndarray:
    """Return ``(1 + Reg(q_a)) / (1 + Reg*)`` of ``F(K, v)`` (T21)."""
    from scipy.special import entr

    if order == 1:
        inner = (count * np.exp(entr(luck) + entr(1 - luck))) ** (1 / luck)
    else:
        inner = ((count ** (order - 1) - (1 - luck) ** order) / luck**order) ** (1 / (order - 1))
    return np.asarray(luck * (1 + inner) / (count + luck))


STUDY = Study("noisy_goal_prices", "the price of mutual information on the noisy goal", points, measure)
FIGURE = Figure(
    name="noisy_goal_prices",
    title="Mutual information pays exponentially for a goal that needs luck",
    studies=("noisy_goal_prices",),
    theorems=("T20", "T21", "C09"),
    draw=draw,
)
