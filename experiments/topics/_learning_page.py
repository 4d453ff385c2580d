"""The tables of ``docs/explanation/learning.md``, written from the figures' own CSV files."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaregret.experiments.topics._learning import KNOBS, TRAINING_WORDS, WORLD_WORDS, leading, records
from metaregret.experiments.topics.learning_price import LEARNERS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["section"]

NAMES = ("memoryless", "gains", "recurrent", "price", "mixture", "orders")


def section(folder: Path) -> str:
    """Return the results as Markdown, from those ``learning_*.csv`` that are in `folder`."""
    import pandas as pd

    files = {name: folder / f"learning_{name}.csv" for name in NAMES}
    tables = {name: pd.read_csv(file) for name, file in files.items() if file.exists()}
    parts = [_memoryless(tables["memoryless"])]
    if "gains" in tables:
        gains = tables["gains"]
        parts += [*_gains(gains), _knobs(gains), _regrets(gains, tables["memoryless"])]
    rest = {"recurrent": _recurrent, "price": _price, "mixture": _mixture, "orders": _orders}
    parts += [table(tables[name]) for name, table in rest.items() if name in tables]
    return "\n\n".join(parts) + "\n"


def _memoryless(data: pd.DataFrame) -> str:
    by = {(row.world, leading(row.training)): row for row in records(data)}
    names = {name: _label(name) for name in ("scratch", *TRAINING_WORDS)}
    rows = _by_world("mean episodes to success, exact", by, names, lambda row: _time(row.mean_hitting))
    worlds = [world for world in WORLD_WORDS if (world, "scratch") in by]
    rows.append(["minimax (worst goal)", *(_time(by[world, "scratch"].minimax_hitting) for world in worlds)])
    return _markdown(rows)


def _gains(data: pd.DataFrame) -> list[str]:
    chosen = data[data["knob"] == "initialisation"]
    parts = []
    for rule, title in {"own": "tuned on own training tasks", "tests": "best on the tests"}.items():
        by = {(row.world, leading(row.training)): row for row in records(chosen[chosen["rule"] == rule])}
        rows = _by_world(f"mean return, step sizes {title}", by, TRAINING_WORDS, _gain)
        scratch = [
            f"{by[world, 'diayn'].scratch_area:.3f}" for world in WORLD_WORDS if (world, "diayn") in by
        ]
        rows.insert(1, ["scratch" + " (tuned on DIAYN's)" * (rule == "own"), *scratch])
        parts.append(_markdown(rows))
    return parts


def _by_world(
    title: str, by: Mapping[tuple[str, str], Any], names: Mapping[str, str], cell: Callable[[Any], str]
) -> list[list[str]]:
    """A row for each name that is found in some world, a column for each world that has one."""
    worlds = [world for world in WORLD_WORDS if any(world == found for found, _ in by)]
    body = [[label, *(cell(by[w, name]) if (w, name) in by else "" for w in worlds)]
            for name, label in names.items() if any((world, name) in by for world in worlds)]  # fmt: skip
    return [[title, *(WORLD_WORDS[world] for world in worlds)], *body]


def _gain(row: Any) -> str:
    values = {name: getattr(row, name) for name in ("area", "gain", "lower", "upper", "above", "seeds")}
    return "{area:.3f}: {gain:+.3f} [{lower:+.3f}, {upper:+.3f}], {above} of {seeds}".format(**values)


def _knobs(data: pd.DataFrame) -> str:
    chosen = data[(data["rule"] == "own") & (data["training"].map(leading) == "diayn")]
    by = {(row.world, row.knob): row for row in records(chosen)}
    return _markdown(_by_world("knob trained on DIAYN's tasks", by, KNOBS, _gain))


def _regrets(data: pd.DataFrame, memoryless: pd.DataFrame) -> str:
    chosen = data[(data["knob"] == "initialisation") & (data["rule"] == "own")]
    limits = memoryless.groupby("world")[["bayes_regret_25", "minimax_regret_25"]].first()
    head = "regret (episodes)", "first 25, mean", "Bayes-optimal", "100, mean", "100, worst goal", "minimax"
    rows = [list(head)]
    for world in [name for name in WORLD_WORDS if name in set(chosen["world"])]:
        here = chosen[chosen["world"] == world]
        bound = limits.loc[world] if world in limits.index else None
        lines = ["", ""] if bound is None else [f"{bound.iloc[0]:.2f}", f"{bound.iloc[1]:.2f}"]
        first = here.iloc[0]
        values = [(f"{WORLD_WORDS[world]}: scratch", "scratch_", first)]
        values += [
            (f"{WORLD_WORDS[world]}: {_label(leading(row['training']))}", "", row)
            for _, row in here.iterrows()
            if leading(row["training"]) in ("diayn", "random")
        ]
        rows += [
            [name, f"{row[f'{kind}regret_25']:.2f}", lines[0], f"{row[f'{kind}regret_100']:.1f}",
             f"{row[f'{kind}worst_regret_100']:.1f}", lines[1]]
            for name, kind, row in values
        ]  # fmt: skip
    return _markdown(rows)


def _recurrent(data: pd.DataFrame) -> str:
    by = data.set_index(["process", "length", "training", "measure"])
    head = "recurrent learner", "all goals", "worst goal", "held-out goals", "last episode", "Bayes-optimal"
    rows = [list(head)]
    for (process, length), here in data.groupby(["process", "length"], sort=False):
        for training in here["training"].unique():
            measures = ("mean_return", "worst_return", "held_out_return", "last_return")
            cells = [_interval(by, (process, length, training, measure), 3) for measure in measures]
            name = f"{process}, {length} episodes: {_label(training)}"
            rows.append([name, *cells, f"{here['bayes'].iloc[0]:.3f}"])
    return _markdown(rows)


def _price(data: pd.DataFrame) -> str:
    from scipy.stats import spearmanr

    levels = sorted(data["hilbert"].round(6).unique())
    last = "rank correlation of worst regret with distance, W(q)"
    rows = [["price of a wrong proposal at $d_H$", *(f"{level:g}" for level in levels), last]]
    line = data.groupby(data["hilbert"].round(6))["bound"].first()
    rows.append(["bound of T26", *(f"{line[level]:.2f}" for level in levels), ""])
    for learner, label in LEARNERS.items():
        here = data[data["learner"] == learner]
        mean = here.groupby(["kind", here["hilbert"].round(6)])["price"].mean()
        ranks = [spearmanr(here[name], here["worst_regret"]).statistic for name in ("distance", "theory")]
        for kind in here["kind"].unique():
            prices = (f"{mean[kind, level]:.2f}" for level in levels)
            rows.append([f"{label}, {kind}", *prices, ", ".join(f"{rank:+.2f}" for rank in ranks)])
    return _markdown(rows)


def _mixture(data: pd.DataFrame) -> str:
    head = (
        "ratio of one goal to the last",
        "worst goal of one learner",
        "of a random one",
        "mean regret",
        "T27",
    )
    rows = [list(head)]
    for row in records(data):
        rows.append(
            [f"{row.ratio:g}", f"{row.one_worst:.2f} [{row.lower:.2f}, {row.upper:.2f}]",
             f"{row.mixture_worst:.2f}", f"{row.mean_regret:.2f}",
             f"{row.theory_one:g} and {row.theory_mixture:g}"]
        )  # fmt: skip
    return _markdown(rows)


def _orders(data: pd.DataFrame) -> str:
    by = data.set_index(["knob", "measure", "training"])
    columns = [(k, m) for k in ("memoryless", "initialisation") for m in ("regret_100", "worst_regret_100")]
    titles = {"memoryless": "memoryless", "initialisation": "trained"}
    measures = {"regret_100": "mean", "worst_regret_100": "worst goal"}
    rows = [["ledge: regret over 100 episodes", *(f"{titles[k]}, {measures[m]}" for k, m in columns)]]
    for training in data["training"].unique():
        cells = [_interval(by, (*column, training), 1) for column in columns]
        rows.append([_label(leading(training)), *cells])
    return _markdown(rows)


def _interval(by: pd.DataFrame, key: Any, digits: int) -> str:
    if key not in by.index:
        return ""
    mean, lower, upper = by.loc[key, ["mean", "lower", "upper"]]
    return f"{mean:.{digits}f} [{lower:.{digits}f}, {upper:.{digits}f}]"


def _label(name: str) -> str:
    return "from scratch" if name == "scratch" else TRAINING_WORDS[name]


def _time(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) else "never"


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])
