"""The section of ``docs/explanation/learning.md`` that states results, written from the figures' own CSV
files."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from metaregret.experiments.figures._learning import ADAPTATIONS, METHODS, TRAININGS, WORLDS
from metaregret.experiments.figures.learning_comparison import LEVEL
from metaregret.experiments.figures.learning_link import KINDS
from metaregret.experiments.figures.learning_recurrent import TITLES

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["section"]

EARLY = 25


def section(folder: Path) -> str:
    """Return the results as Markdown, from ``learning_*.csv`` in `folder`."""
    import pandas as pd

    tables = {
        name: pd.read_csv(folder / f"learning_{name}.csv")
        for name in ("comparison", "episodes", "regret", "recurrent", "link")
    }
    parts = [
        *_areas(tables["comparison"]),
        *_early(tables["episodes"]),
        *_methods(tables["comparison"]),
        _orderings(tables["comparison"]),
        *_regrets(tables["regret"]),
        *_recurrent(tables["recurrent"]),
        *_link(tables["link"]),
    ]
    return "\n\n".join(parts) + "\n"


def _areas(data: pd.DataFrame) -> list[str]:
    worlds = [world for world in WORLDS if world in set(data["world"])]
    parts = [
        "Mean return while adapting (area under the curve) after MAML, 1 being the optimum. `+`, `-`: above "
        "or below scratch, significant at 5 % (Wilcoxon's signed-rank test on tasks, corrected by Holm)."
    ]
    for adaptation, label in ADAPTATIONS.items():
        chosen = data[(data["adaptation"] == adaptation) & (data["method"] == "maml")]
        rows = [[label, *worlds]]
        base = chosen.groupby("world")["scratch"].first()
        rows.append(["scratch", *(f"{base[world]:.3f}" for world in worlds)])
        for training in [name for name in TRAININGS if name in set(chosen["training"])]:
            line = chosen[chosen["training"] == training].set_index("world").to_dict("index")
            rows.append([training, *(_marked(line[world]) for world in worlds)])
        parts.append(_markdown(rows))
    return parts


def _marked(row: Mapping[Hashable, float]) -> str:
    mark = "" if row["holm"] >= LEVEL else " +" if row["gain"] > 0 else " -"
    return f"{row['area']:.3f}{mark}"


def _early(data: pd.DataFrame) -> list[str]:
    worlds = [world for world in WORLDS if world in set(data["world"])]
    rows = [[f"mean return over the first {EARLY} episodes", *worlds]]
    chosen = data[data["episode"] == EARLY].set_index(["training", "world"]).to_dict("index")
    for training in [name for name in TRAININGS if name in set(data["training"])]:
        means = [chosen[training, world]["mean"] for world in worlds]
        rows.append([training, *(f"{mean:.3f}" for mean in means)])
    best = [chosen["scratch", world]["bayes_optimal"] for world in worlds]
    rows.append(["Bayes-optimal (at most)", *(f"{value:.3f}" for value in best)])
    return [
        "The same early on, where a head start shows (MAML, sampled episodes):",
        _markdown(rows),
    ]


def _methods(data: pd.DataFrame) -> list[str]:
    worlds = [world for world in WORLDS if world in set(data["world"])]
    diayn = data[data["training"] == "diayn"].set_index(["method", "adaptation", "world"]).to_dict("index")
    parts = ["The meta-methods side by side, all trained on DIAYN's tasks:"]
    for adaptation, label in ADAPTATIONS.items():
        rows = [[label, *worlds]]
        for method in [name for name in METHODS if name in set(data["method"])]:
            rows.append([METHODS[method], *(_marked(diayn[method, adaptation, world]) for world in worlds)])
        parts.append(_markdown(rows))
    return parts


def _orderings(data: pd.DataFrame) -> str:
    lines = ["Above / below scratch significantly, out of all worlds where the method was run:"]
    rows = [["", *(f"{label}, {name}" for label in ADAPTATIONS.values() for name in ("diayn", "random"))]]
    for method, label in METHODS.items():
        cells = []
        for adaptation in ADAPTATIONS:
            for training in ("diayn", "random"):
                chosen = data[(data["method"] == method) & (data["adaptation"] == adaptation)]
                chosen = chosen[chosen["training"] == training]
                sure = chosen["gain"][chosen["holm"] < LEVEL]
                cells.append(f"{int((sure > 0).sum())} / {int((sure < 0).sum())} of {len(chosen)}")
        if not all(cell.endswith(" of 0") for cell in cells):
            rows.append([label, *cells])
    return "\n\n".join([*lines, _markdown(rows)])


def _regrets(data: pd.DataFrame) -> list[str]:
    worlds = [world for world in WORLDS if world in set(data["world"])]
    chosen = data[(data["adaptation"] == "episodes") & data["method"].isin(["maml", "scratch"])]
    rows = [["sampled episodes", *worlds]]
    for training in [name for name in TRAININGS if name in set(chosen["training"])]:
        line = chosen[chosen["training"] == training].set_index("world")["mean"]
        rows.append([training, *(f"{line[world]:.3f}" for world in worlds)])
    return [
        "Worst-case regret over all test tasks while adapting after MAML, as a share of the optimum's reward "
        "(mean over seeds, exact):",
        _markdown(rows),
    ]


def _recurrent(data: pd.DataFrame) -> list[str]:
    last = data[data["iteration"] == data["iteration"].max()]
    trainings = [name for name in TRAININGS if name in set(last["training"])]
    rows = [["recurrent learner", *trainings, "Bayes-optimal"]]
    for world, title in TITLES.items():
        line = last[last["world"] == world].set_index("training")
        if len(line):
            means = line["mean"].reindex(trainings)  # a combination that was not run shows as nan
            rows.append([title, *(f"{mean:.3f}" for mean in means), f"{line['bayes_optimal'].iloc[0]:.3f}"])
    return ["Mean return per episode of recurrent learners on equally likely goals, exact:", _markdown(rows)]


def _link(data: pd.DataFrame) -> list[str]:
    from scipy.stats import spearmanr

    rows = [["Spearman's rank correlation with worst-case regret", "distance to uniform", "W(q) of T5"]]
    for kind, label in KINDS.items():
        line = data[data["kind"] == kind]
        if len(line):
            found = [spearmanr(line[name], line["trained"]).statistic for name in ("distance", "theory")]
            rows.append([label, *(f"{value:.2f}" for value in found)])
    count = int((data["kind"] == data["kind"].iloc[0]).sum())
    return [f"Over {count} proposals between uniform and peaked:", _markdown(rows)]


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])
