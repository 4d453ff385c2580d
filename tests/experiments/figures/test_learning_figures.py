"""The figures of learners, drawn from results made up so that the right answer is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from metaregret.experiments.figures import (
    learning_comparison,
    learning_episodes,
    learning_link,
    learning_recurrent,
    learning_regret,
    learning_steps,
)
from metaregret.experiments.figures._learning import METHODS, TRAININGS, WORLDS
from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.experiments.figures.registry import figures, figures_of
from metaregret.experiments.figures.render import draw
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.plotting.style import style

TASKS, SEEDS, STEPS = 9, 3, 6
GAIN = {"diayn": 0.2, "random": -0.1, "carml": 0.0, "capacity": 0.1, "uniform": 0.1, "handmade": 0.3}


def made_up_curves() -> pd.DataFrame:
    """Scratch climbs from 0.1 to 0.7, a little differently on each task; others are off by their gain."""
    rows: list[dict[str, Any]] = []
    for world in WORLDS:
        for adaptation in ("exact", "episodes"):
            for method, training in [("scratch", "scratch"), *((m, t) for m in METHODS for t in GAIN)]:
                for seed in range(SEEDS):
                    for task in range(TASKS):
                        base = 0.1 + 0.1 * np.arange(STEPS + 1) + 0.01 * task + 0.001 * seed
                        curve = base + GAIN.get(training, 0.0) * (1.0 + 0.01 * task)
                        rows.append(
                            {"world": world, "method": method, "episodes": 5, "training": training}
                            | {"adaptation": adaptation, "rate": 3.0, "seed_of_run": seed, "task": f"t{task}"}
                            | {f"return_{step:02d}": value for step, value in enumerate(curve)}
                        )
    return pd.DataFrame(rows)


def made_up_limits() -> pd.DataFrame:
    rows = [(world, n, 0.9 - 0.4 / n) for world in WORLDS for n in (1, 2, 16)]
    frame = pd.DataFrame(rows, columns=["world", "episodes", "best_upper"])
    return frame.assign(best_lower=frame["best_upper"] - 1e-12)


def made_up_recurrent() -> pd.DataFrame:
    rows = [
        (world, training, seed, iteration, 0.1 + 0.001 * iteration + 0.01 * seed, 0.62)
        for world in ("star", "line")
        for training in ("handmade", "diayn", "random", "carml")
        for seed in range(SEEDS)
        for iteration in range(0, 401, 10)
    ]
    columns = ["world", "training", "seed_of_run", "iteration", "mean_return", "best_upper"]
    return pd.DataFrame(rows, columns=columns)


def made_up_link() -> pd.DataFrame:
    rows = [
        (kind, c, c, 1 / (1.1 - c), 1 / (1.1 - c) if kind == "explorer" else None, sign * c + 5)
        for kind, sign in zip(learning_link.KINDS, (1, 1, -1, 1), strict=True)
        for c in np.linspace(0, 1, 11).tolist()
    ]
    return pd.DataFrame(rows, columns=["kind", "concentration", "distance", "theory", "ideal", "trained"])


RESULTS = {
    "learning_curves": made_up_curves,
    "learning_limits": made_up_limits,
    "learning_recurrent": made_up_recurrent,
    "learning_link": made_up_link,
}
FIGURES = [item.FIGURE for item in (learning_comparison, learning_episodes, learning_link,
                                    learning_recurrent, learning_regret, learning_steps)]  # fmt: skip


def drawn(figure: Figure, look: str = "icml") -> Drawing:
    return draw(figure, {name: RESULTS[name]() for name in figure.studies}, style(look))


def test_the_command_names_them_all() -> None:
    assert figures_of("learning") == FIGURES
    assert figures_of("regret_density") == [figures()["regret_density"]]
    with pytest.raises(InvalidArgumentError, match="Unknown figure 'learn'"):
        figures_of("learn")


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_every_figure_is_drawn(figure: Figure) -> None:
    drawing = drawn(figure)
    drawing.figure.canvas.draw()
    assert all(axes.get_xlabel() for axes in drawing.figure.axes)
    assert not drawing.data.empty
    assert all(np.isfinite(value) for value in drawing.numbers.values() if isinstance(value, float))


def test_gains_and_their_significance() -> None:
    """Nine tasks, all above or all below: p = 2 / 2^9, and six comparisons make the smallest 6 / 256."""
    table = learning_comparison.comparisons(made_up_curves())
    assert len(table) == len(WORLDS) * 2 * len(METHODS) * len(GAIN)
    one = table[(table["world"] == "paths") & (table["method"] == "maml") & (table["adaptation"] == "exact")]
    one = one.set_index("training")
    for training, gain in GAIN.items():
        assert one.loc[training, "gain"] == pytest.approx(1.04 * gain)
        assert one.loc[training, "lower"] <= one.loc[training, "gain"] <= one.loc[training, "upper"]
    assert one.loc["diayn", "p"] == pytest.approx(2 / 512)
    assert one.loc["diayn", "holm"] == pytest.approx(12 / 512)
    assert one.loc["carml", "holm"] == 1.0
    numbers = drawn(learning_comparison.FIGURE).numbers
    assert (numbers["exactDiaynAbove"], numbers["exactRandomBelow"], numbers["exactRandomAbove"]) == (4, 4, 0)


def test_the_worst_task_is_found() -> None:
    """Task 0 is the worst where gains grow with the task, and the last where they shrink with it faster than
    the tasks get easier."""
    table = learning_regret.worst_cases(made_up_curves()).set_index(
        ["world", "adaptation", "method", "training"]
    )
    scratch = table.loc[("speed", "exact", "scratch", "scratch")]
    area = (0.1 + 0.1 * np.arange(STEPS)).mean()
    assert scratch["mean"] == pytest.approx(1 - area - 0.001)
    assert scratch["largest"] == pytest.approx(1 - area)


def test_the_line_of_the_bayes_optimal_learner() -> None:
    """Known at 1, 2 and 16 episodes; between them and beyond, each further episode pays at most 1."""
    known = made_up_limits().query("world == 'speed'")
    line = learning_episodes.bayes_line(known, np.array([1, 2, 3, 16, 20]))
    assert line == pytest.approx([0.5, 0.7, (2 * 0.7 + 1) / 3, 0.875, (16 * 0.875 + 4) / 20])


def test_a_learner_above_the_line_shows() -> None:
    assert drawn(learning_episodes.FIGURE).numbers["aboveBayes"] < 0
    results = {name: RESULTS[name]() for name in learning_episodes.FIGURE.studies}
    results["learning_limits"]["best_upper"] -= 0.4
    assert draw(learning_episodes.FIGURE, results, style("icml")).numbers["aboveBayes"] > 0
    assert drawn(learning_recurrent.FIGURE).numbers["aboveBayes"] == pytest.approx(0.1 + 0.4 + 0.02 - 0.62)


def test_rank_correlations_have_their_signs() -> None:
    numbers = drawn(learning_link.FIGURE).numbers
    assert numbers["rankMamlExact"] == pytest.approx(1.0)
    assert numbers["rankMamlEpisodes"] == pytest.approx(-1.0)


def test_every_training_distribution_has_a_series() -> None:
    axes = drawn(learning_steps.FIGURE).figure.axes[0]
    labels = axes.get_legend_handles_labels()[1]
    assert labels == [*TRAININGS.values(), "optimum"]
