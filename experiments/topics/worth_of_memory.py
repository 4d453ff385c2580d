r"""What memory is worth: random set systems, and noise, where the factor of two ends (T23, T24, T25, C11).

A set system is a process with deterministic dynamics: an episode finds one of the sets. Its fractional and
integral covering numbers, and the minimax regret with memory, are computed in rational numbers. Beside them
stand one-step processes with noise: *spread*, where each of ``K`` actions ends in a random goal but one, and
*attempts* at two goals, of which one is found at a try with probability ``1/n``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor
from typing import TYPE_CHECKING, Any

import numpy as np

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.experiments.sweeps import Point, Scale, Study
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    from fractions import Fraction

    import pandas as pd
    from matplotlib.axes import Axes

COPIES = {Scale.FULL: 300, Scale.SHORT: 4}
GOALS = (3, 4, 5, 6, 7, 8)
NOISY = (3, 4, 5, 6)
DENSITIES = (0.3, 0.4, 0.5, 0.6)


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return 300 set systems at each of six numbers of goals, and four processes of each noisy kind."""
    systems = [
        {"family": "set system", "size": goals, "copy": copy}
        for copy in range(COPIES[scale])
        for goals in GOALS
    ]
    noisy = [
        {"family": family, "size": size, "copy": 0} for family in ("spread", "attempts") for size in NOISY
    ]
    return systems + noisy


def measure(point: Point, generator: np.random.Generator) -> Mapping[str, Any]:
    """Return the regrets without and with memory, infinitely many episodes, and the bounds of T24."""
    if point["family"] == "set system":
        return _set_system(int(point["size"]), generator)
    return _noisy(str(point["family"]), int(point["size"]))


def _set_system(count: int, generator: np.random.Generator) -> Mapping[str, Any]:
    from metaregret.theory.covers import fractional_numbers, search_value, smallest_cover

    system = random_system(count, generator)
    tau, whole = fractional_numbers(system)[0], len(smallest_cover(system))
    found = floor(tau)
    value, lower = search_value(system).value, found - found * (found + 1) / (2 * tau)
    return _row(tau - 1, value) | {
        "sets": system.specification,
        "tau_star": float(tau),
        "tau": float(whole),
        "lower": float(lower),
        "upper": min(float(tau - 1), (whole - 1) / 2),
        "is_lower": bool(value == lower),
    }


def _noisy(family: str, size: int) -> Mapping[str, Any]:
    from fractions import Fraction

    from metaregret.tabular.environments.attempts import attempts
    from metaregret.tabular.environments.spread import spread
    from metaregret.theory.minimax.memory import solve_memory
    from metaregret.theory.minimax.without_memory import solve_without_memory
    from metaregret.theory.tasks import GoalTasks

    process = spread(size) if family == "spread" else attempts([1, Fraction(1, size)])
    tasks = GoalTasks.reachable(process)
    without, value = (
        solve_without_memory(tasks, exact=True).value.exact,
        solve_memory(tasks, None, exact=True).value.exact,
    )
    assert without is not None
    assert value is not None
    nothing = {"tau_star": None, "tau": None, "lower": None, "upper": None, "is_lower": None}
    return _row(without, value) | {"sets": process.name} | nothing


def _row(without: Fraction, value: Fraction) -> dict[str, Any]:
    return {"memoryless": float(without), "memory": float(value), "exact": f"{without} {value}"}


def random_system(count: int, generator: np.random.Generator) -> Any:
    """Return a random set system: three to nine sets that hold each goal with one of four chances."""
    from metaregret.theory.covers import SetSystem

    while True:
        number, chance = int(generator.integers(3, 10)), float(generator.choice(DENSITIES))
        held = generator.random((number, count)) < chance
        if held.any(axis=0).all():
            return SetSystem(
                count, tuple(sum(1 << g for g in range(count) if row[g]) for row in held if row.any())
            )


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw the regret with memory against that without, and the factor between them against tau*."""
    data = results["worth_of_memory"]
    positive = data[data["memory"] > 0]
    data = positive.assign(factor=positive["memoryless"] / positive["memory"])
    systems, noisy = data[data["family"] == "set system"], data[data["family"] != "set system"]
    figure, (left, right) = style.panels(2, ratio=0.42)
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
    low, high = (
        0.5 * float(min(systems["memoryless"].min(), noisy["memoryless"].min())),
        systems["memoryless"].max(),
    )
    ends = np.array([low, 1.3 * float(high)])
    axes.fill_between(ends, ends / 2, ends, color="#56b4e9", alpha=0.25, linewidth=0, label="half to all")
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
    tau = np.linspace(1.02, float(systems["tau_star"].max()), 400)
    whole = np.floor(tau)
    allowed = (tau - 1) / (whole - whole * (whole + 1) / (2 * tau))
    axes.plot(tau, allowed, **style.series(1, marker=False), label="largest by T24")
    look = {**style.points(0), "markersize": 1.6}
    axes.plot(systems["tau_star"], systems["factor"], **look, label="set systems")
    axes.legend(loc="lower right")
    axes.set(xlabel="fractional covering number $\\tau^*$", ylabel="worth of memory (ratio of regrets)")
    axes.set_ylim(0.95, 2.1)


STUDY = Study("worth_of_memory", "What memory is worth, and where noise raises it", points, measure)
FIGURE = Figure(
    name="worth_of_memory",
    title="Memory is worth at most a factor of two without noise, and more with it",
    studies=("worth_of_memory",),
    theorems=("T23", "T24", "T25", "C11"),
    draw=draw,
)
