"""Pictures of proposals: the goals proposed beside the objective's curves, a table as dots, class subsets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from metaregret.tabular.goals import goal_support
from metaregret.theory.plotting.state_map import Panel, draw_distribution, new_figure, picture
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from metaregret.theory.proposals import Proposal
    from metaregret.theory.proposals.supervised import SupervisedProposal

__all__ = ["comparison_figure", "proposal_figure", "supervised_figure"]

MOST_INFINITE = 3.0
"""Where a missing goal makes a regret infinite, it is drawn this many times above the largest finite one."""


def proposal_figure(proposal: Proposal, path: Path | str | None = None) -> Figure:
    """Return a picture of a proposal: its goals, the exploration they lead to, and the objective by round."""
    process, goals = proposal.process, np.flatnonzero(goal_support(proposal.process))
    columns = 3 if proposal.curves else 2
    wide = max(len(row) for row in process.picture) if process.picture else 6
    panels = [
        Panel(title, {int(s): float(weights[s]) for s in goals})
        for title, weights in (
            (f"goals proposed by {proposal.method.name}", proposal.goal_distribution),
            ("where its learner explores", proposal.exploration),
        )
    ]
    top = max(max(panel.weights.values()) for panel in panels)
    with picture(path) as finished:
        figure = new_figure(min(columns * max(2.8, 0.6 * wide), 16.0), 3.2)
        for position, panel in enumerate(panels, start=1):
            axes = figure.add_subplot(1, columns, position)
            draw_distribution(figure, axes, process, panel, top, "probability")
        if proposal.curves:
            axes = figure.add_subplot(1, columns, 3)
            for curve in proposal.curves:
                axes.plot(range(len(curve)), curve, marker="." if len(curve) < 30 else "", linewidth=1)
            axes.set_title("objective by round, one line per run", fontsize=9)
            axes.set(xlabel="round", ylabel="objective (nats)")
        return finished(figure)


def comparison_figure(rows: Sequence[Mapping[str, Any]], path: Path | str | None = None) -> Figure:
    """Return a picture of a table of proposals: worst-case regrets by method, one panel per process.

    Parameters
    ----------
    rows : sequence of mapping
        As `metaregret.theory.proposals.Comparison.rows` returns them.
    """
    processes = list(dict.fromkeys(row["process"] for row in rows))
    methods = list(dict.fromkeys(row["method"] for row in rows))
    with picture(path) as finished:
        figure = new_figure(min(1.5 + 3.6 * len(processes), 16.0), 1.4 + 0.3 * len(methods))
        for position, name in enumerate(processes, start=1):
            axes = figure.add_subplot(1, len(processes), position)
            _regret_dots(axes, [row for row in rows if row["process"] == name], methods)
            axes.set_title(name, fontsize=9)
            names = methods if position == 1 else [""] * len(methods)
            axes.set_yticks(range(len(methods)), names, fontsize=8)
            axes.set_ylim(len(methods) - 0.5, -0.5)
            axes.legend(fontsize=6, loc="best")
        return finished(figure)


def _regret_dots(axes: Axes, rows: Sequence[Mapping[str, Any]], methods: Sequence[str]) -> None:
    kinds = {
        "worst_case_regret": "plays the skills",
        "trained_worst_case_regret": "trained, memoryless",
        "memory_worst_case_regret": "trained, with memory",
    }
    finite = [row[key] for row in rows for key in kinds if row[key] and math.isfinite(row[key])]
    edge = MOST_INFINITE * max([*finite, 1.0])
    for index, (key, label) in enumerate(kinds.items()):
        shown = [row for row in rows if row[key] is not None]
        if shown:
            places = [methods.index(row["method"]) for row in shown]
            axes.plot([min(row[key], edge) for row in shown], places, **Style.points(index), label=label)
    for key, label, index in (
        ("minimax_regret", "minimax, memoryless", 0),
        ("memory_minimax_regret", "minimax, with memory", 2),
    ):
        if rows[0][key] is not None:
            look = {**Style.series(index, marker=False), "linewidth": 0.8}
            axes.axvline(rows[0][key], **look, zorder=1, label=label)
    axes.set_xscale("symlog", linthresh=1.0)
    axes.set_xlim(left=0.0, right=1.3 * axes.get_xlim()[1])
    axes.set_xlabel("worst-case regret" + (" (rightmost: infinite)" if _any_infinite(rows) else ""))


def _any_infinite(rows: Sequence[Mapping[str, Any]]) -> bool:
    return any(
        math.isinf(row[key]) for row in rows for key in ("worst_case_regret", "trained_worst_case_regret")
    )


def supervised_figure(proposal: SupervisedProposal, path: Path | str | None = None) -> Figure:
    """Return a picture of a supervised proposal: the regret by pair of classes, averaged over the subsets
    that hold both."""
    regrets = proposal.errors.errors - proposal.oracle.errors
    classes = 1 + max(max(subset) for subset in proposal.errors.subsets)
    total, count = np.zeros((classes, classes)), np.zeros((classes, classes))
    for subset, regret in zip(proposal.errors.subsets, regrets, strict=True):
        pair = np.ix_(subset, subset)
        total[pair] += regret
        count[pair] += 1
    np.fill_diagonal(count, 0)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    title = f"{proposal.method}: mean regret of the {proposal.ways}-way tasks with both classes"
    with picture(path) as finished:
        figure = new_figure(4.6, 3.8)
        axes = figure.add_subplot()
        image = axes.imshow(np.ma.masked_invalid(mean), cmap="cividis")
        axes.set(xticks=range(classes), yticks=range(classes))
        axes.grid(visible=False)
        axes.set_title(title, fontsize=8)
        figure.colorbar(image, ax=axes).set_label("excess error", fontsize=8)
        return finished(figure)
