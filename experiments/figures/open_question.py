r"""The open question: the mass on tips of the graph as T, N and slip grow, with memory and without (T13).

Bands are certified ranges over all least-favourable distributions, so a band of positive width means that
these are not unique.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.experiments.studies.open_question import DETECTIONS, GROWTH, LEARNERS, USUAL, USUAL_WITH_SLIP
from metaregret.theory.plotting.style import Style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

AXES = (
    ("horizon", "steps $T$"),
    ("episodes", "episodes $N$"),
    ("slip", "slip (probability)"),
)
TIGHT = 1e-4
"""Masses that differ by less are not told apart in the caption."""

PARAMETERS = ("process", "horizon", "episodes", "slip", "learner", "detect")


def draw(results: Mapping[str, pd.DataFrame], style: Style) -> Drawing:
    """Draw one row of panels a family of processes, one column for each of T, N and slip."""
    from fractions import Fraction

    data = results["open_question"]
    roles = data[data["sets"] == "roles"].copy()
    roles["noise"] = [float(Fraction(slip)) for slip in roles["slip"]]
    figure = style.canvas("line", ratio=1.0)
    panels = figure.subplots(len(GROWTH), len(AXES), sharey=True, squeeze=False)
    for line, (family, process, usual, _) in zip(panels, GROWTH, strict=True):
        own = roles[(roles["process"] == process) & (roles["role"] == "tip")]
        for axes, (name, label) in zip(line, AXES, strict=True):
            _panel(axes, _grown(own, name, usual), "noise" if name == "slip" else name, style)
            axes.set(ylim=(-0.04, 1.04), xlabel=label if family == GROWTH[-1][0] else "")
            if name != "slip":
                axes.xaxis.get_major_locator().set_params(integer=True)
        line[0].set_ylabel(f"{family}: mass on tips")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=2, loc="outside upper center")
    ends = roles[(roles["detect"] == "end") & (roles["slip"] == "0")]
    off = max(float((ends[end] - ends["uniform_share"]).abs().max()) for end in ("mass_lower", "mass_upper"))
    only = "uniform is the only one" if off < TIGHT else "uniform is not the only one"
    visits = roles[(roles["detect"] == "visit") & (roles["role"] == "start") & (roles["slip"] == "0")]
    return Drawing(
        figure,
        roles.drop(columns=["noise"]),
        {
            "points": float(len(roles.drop_duplicates(list(PARAMETERS)))),
            "endOffUniform": off,
            "startMass": float(visits["mass_upper"].max()),
        },
        "Mass of least-favourable distributions on tips, the goals on no shortest path to another goal, as "
        f"one of $T$, $N$ and slip grows (otherwise $N={USUAL}$ without slip, $N={USUAL_WITH_SLIP}$ with). "
        "Bands are certified ranges over all least-favourable distributions: where a band is wide they are "
        f"not unique. Dotted: the uniform distribution. Noticed at the end without slip, {only} (to "
        f"{TIGHT:g}), with memory and without; noticed on the way, the mass moves to goals that one "
        "episode cannot visit together.",
    )  # fmt: skip


def _grown(rows: pd.DataFrame, name: str, usual: int) -> pd.DataFrame:
    """The rows in which nothing but `name` differs from the usual."""
    if name == "horizon":
        kept = (rows["episodes"] == USUAL) & (rows["slip"] == "0")
    elif name == "episodes":
        kept = (rows["horizon"] == usual) & (rows["slip"] == "0")
    else:
        kept = (rows["horizon"] == usual) & (rows["episodes"] == USUAL_WITH_SLIP)
    return rows[kept]


def _panel(axes: Axes, rows: pd.DataFrame, name: str, style: Style) -> None:
    for index, (detect, learner) in enumerate((d, one) for d in DETECTIONS for one in LEARNERS):
        own = rows[(rows["detect"] == detect) & (rows["learner"] == learner)].sort_values(name)
        where = "at the end" if detect == "end" else "on the way"
        look = style.series(index)
        axes.fill_between(
            own[name], own["mass_lower"], own["mass_upper"], color=look["color"], alpha=0.18, linewidth=0
        )
        axes.plot(own[name], own["mass_upper"], **look, label=f"{learner}, noticed {where}")
        axes.plot(own[name], own["mass_lower"], **look)
    own = rows[(rows["detect"] == "end")].drop_duplicates(name).sort_values(name)
    axes.plot(own[name], own["uniform_share"], color="0.35", linestyle=":", linewidth=0.9)


FIGURE = Figure(
    name="open_question",
    title="Where least-favourable distributions put their mass as episodes grow longer, more and noisier",
    studies=("open_question",),
    theorems=("T12", "T13", "C03"),
    draw=draw,
)
