"""What the figures of learners share: names, curves with intervals, panels for each world."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from metaregret.experiments.statistics import interval
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

__all__ = [
    "ADAPTATIONS",
    "METHODS",
    "TRAININGS",
    "WORLDS",
    "adaptation_panels",
    "areas",
    "curves",
    "draw_curves",
    "panels",
    "returns",
    "shared_legend",
]

TRAININGS = {
    "scratch": "from scratch",
    "diayn": "DIAYN (UML-DIAYN)",
    "random": "random (UML-RANDOM)",
    "carml": "CARML",
    "capacity": "capacity",
    "uniform": "uniform goals",
    "handmade": "test tasks (reference)",
}
ADAPTATIONS = {"exact": "exact gradients", "episodes": "sampled episodes"}
METHODS = {"maml": "MAML", "fomaml": "first-order MAML", "reptile": "Reptile", "pooled": "pooled"}
WORLDS = {
    "sparse": "goals, paid at the end",
    "shaped": "goals, paid by distance",
    "speed": "target speeds on a ring",
    "paths": "paths in four rooms",
}


def returns(rows: pd.DataFrame) -> np.ndarray:
    """Return the curves of one learner, shape (seeds, tasks, steps + 1)."""
    import numpy as np

    columns = sorted(name for name in rows.columns if name.startswith("return_"))
    ordered = rows.sort_values(["seed_of_run", "task"], kind="stable")
    seeds = ordered["seed_of_run"].nunique()
    return np.asarray(ordered[columns], dtype=np.float64).reshape(seeds, len(ordered) // seeds, len(columns))


def areas(rows: pd.DataFrame) -> np.ndarray:
    """Return the mean return while adapting (area under the curve), shape (seeds, tasks)."""
    return returns(rows)[..., :-1].mean(axis=-1)


def curves(data: pd.DataFrame, method: str, adaptation: str, *, running: bool) -> pd.DataFrame:
    """Return means over tasks and seeds with 95 % intervals, by world, training distribution and step.

    Parameters
    ----------
    data : DataFrame
        Results of the study ``learning_curves``.
    running : bool
        Whether to take the mean over all policies played so far, as for a bound on a sum of rewards.
    """
    import numpy as np
    import pandas as pd

    chosen = data[data["method"].isin([method, "scratch"]) & (data["adaptation"] == adaptation)]
    parts = []
    for (world, training), rows in chosen.groupby(["world", "training"], sort=False):
        values = returns(rows.dropna(axis=1, how="all"))
        if running:
            values = np.cumsum(values, axis=-1)[..., :-1] / np.arange(1, values.shape[-1])
        lower, upper = interval(values)
        step = np.arange(values.shape[-1]) + (1 if running else 0)
        found = {"step": step, "mean": values.mean(axis=(0, 1)), "lower": lower, "upper": upper}
        parts.append(pd.DataFrame({"world": world, "training": training, **found}))
    return pd.concat(parts, ignore_index=True)


def panels(figure: Canvas, worlds: list[str], rows: int = 1) -> list[list[Axes]]:
    """Return one panel for each world in every row, with the world as title in the first."""
    grid = figure.subplots(rows, len(worlds), squeeze=False)
    for axes, world in zip(grid[0], worlds, strict=True):
        axes.set_title(WORLDS[world])
    return [list(line) for line in grid]


def adaptation_panels(
    grid: list[list[Axes]], table: pd.DataFrame, worlds: list[str]
) -> Iterator[tuple[Axes, pd.DataFrame, bool]]:
    """Yield each panel of one line per kind of adaptation with its rows, and whether it is the first of the
    line, which names the adaptation."""
    for line, (adaptation, label) in zip(grid, ADAPTATIONS.items(), strict=True):
        line[0].set_ylabel(label)
        for axes, world in zip(line, worlds, strict=True):
            rows = table[(table["world"] == world) & (table["adaptation"] == adaptation)]
            yield axes, rows, axes is line[0]


def draw_curves(axes: Axes, table: pd.DataFrame, column: str, style: Style) -> None:
    """Draw the curves of one world with their intervals."""
    for index, (training, label) in enumerate(TRAININGS.items()):
        rows = table[table["training"] == training]
        if not len(rows):
            continue
        look = style.series(index)
        every = max(1, len(rows) // 5)
        axes.plot(rows[column], rows["mean"], **look, markevery=(index % every, every), label=label)
        axes.fill_between(rows[column], rows["lower"], rows["upper"], color=look["color"], alpha=0.10, lw=0)


def shared_legend(figure: Canvas, axes: Axes, columns: int = 4) -> None:
    """Put one legend below all panels."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns)
