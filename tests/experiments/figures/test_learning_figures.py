"""The figures of learners, drawn from results made up so that the right answer is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from metaregret.experiments.figures.figure import Drawing, Figure
from metaregret.experiments.figures.registry import figures, figures_of
from metaregret.experiments.figures.render import draw
from metaregret.experiments.topics import (
    learning_gains,
    learning_memoryless,
    learning_mixture,
    learning_orders,
    learning_price,
    learning_recurrent,
)
from metaregret.experiments.topics._learning import MEASURES, gains, leading, over_seeds
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.plotting.style import style

SURE = ("diayn = uniform = order-1 = handmade", "random")
NOISY = ("diayn", "order-1", "order-2", "order-inf", "uniform = handmade", "random")
GAIN = {"initialisation": 0.2, "no-credit": 0.0, "rule": -0.1, "exact": 0.1}


def made_up_adaptation() -> pd.DataFrame:
    """Scratch gets .3 (.5 with exact gradients) and a hundredth more a seed; knobs add their gain."""
    rows: list[dict[str, Any]] = []
    for world, names in (("grid", SURE), ("ledge", NOISY)):
        for knob in ("step-size", "exact-scratch", *GAIN):
            for name in names:
                for rule in ("own", "tests"):
                    for seed in range(4):
                        area = (0.5 if knob.startswith("exact") else 0.3) + 0.01 * seed + GAIN.get(knob, 0.0)
                        area += (seed == 3) * (knob == "no-credit") * 0.04
                        measured = dict.fromkeys(MEASURES, 10 * area) | {"area": area, "rate": 3.0}
                        named = {"world": world, "knob": knob, "training": name, "rule": rule}
                        rows.append(named | {"seed_of_run": seed} | measured)
    return pd.DataFrame(rows)


def made_up_memoryless() -> pd.DataFrame:
    rows = []
    for world, names in (("grid", SURE), ("ledge", NOISY)):
        for name, seed in [("scratch", 0), *((name, seed) for name in names for seed in range(2))]:
            lost = name == "random" and seed == 1
            rows.append(
                {"world": world, "training": name, "seed_of_run": seed, "never_found": int(lost)}
                | {"mean_hitting": None if lost else 16.0, "worst_hitting": None if lost else 32.0}
                | {"regret_25": 5.0, "regret_100": 15.0, "worst_regret_100": 20.0 + seed}
                | {"minimax_hitting": 16.0, "smallest_optimum": 1.0}
                | {"bayes_regret_25": 7.5, "minimax_regret_25": 7.5}
            )  # fmt: skip
    return pd.DataFrame(rows)


def made_up_recurrent() -> pd.DataFrame:
    rows = [
        {"process": "grid:3x3", "training": name, "seed_of_run": seed, "length": length}
        | {"mean_return": 0.5 + 0.01 * seed, "worst_return": 0.1, "last_return": 0.9}
        | {"held_out_return": 0.2 if name == "diayn-held-out" else None}
        | {"trained_to": 0.5, "bayes": 0.555, "memoryless_uniform": 0.42, "memoryless_scratch": 0.37}
        for name in ("diayn", "diayn-held-out", "random")
        for seed in range(3)
        for length in (9, 18)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def made_up_price() -> pd.DataFrame:
    level = np.linspace(0, 6, 7)
    bound = np.cosh(level / 4) ** 2
    parts = [
        pd.DataFrame({"learner": learner, "kind": "halves", "hilbert": level, "bound": bound})
        .assign(distance=level / 10, theory=7 + level, price=1 + share * (bound - 1))
        .assign(mean_regret=7 * bound, worst_regret=7 + sign * level)
        for learner, share, sign in (("explorer", 1.0, 1), ("initialisation", 0.5, -1))
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def made_up_mixture() -> pd.DataFrame:
    """Learner i searches in its own order, of which there are five: regret 0, 1, .., 4 by place."""
    rows = [
        {
            "ratio": ratio,
            "seed_of_run": learner,
            "goal": goal,
            "weight": 0.2,
            "regret": float((goal + learner) % 5),
        }
        for ratio in (1.0, 0.5)
        for learner in range(5)
        for goal in range(5)
    ]
    return pd.DataFrame(rows)


RESULTS = {
    "learning_adaptation": made_up_adaptation,
    "learning_memoryless": made_up_memoryless,
    "learning_recurrent": made_up_recurrent,
    "learning_price": made_up_price,
    "learning_mixture": made_up_mixture,
}
FIGURES = [item.FIGURE for item in (learning_gains, learning_memoryless, learning_mixture, learning_orders,
                                    learning_price, learning_recurrent)]  # fmt: skip


def drawn(figure: Figure) -> Drawing:
    return draw(figure, {name: RESULTS[name]() for name in figure.studies}, style("icml"))


def test_the_command_names_them_all() -> None:
    assert figures_of("learning") == FIGURES
    assert figures_of("regret_density") == [figures()["regret_density"]]
    with pytest.raises(InvalidArgumentError, match="Unknown figure 'learn'"):
        figures_of("learn")


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_every_figure_is_drawn(figure: Figure) -> None:
    drawing = drawn(figure)
    drawing.figure.canvas.draw()
    assert all(axes.get_xlabel() for axes in drawing.figure.axes if axes.get_visible())
    assert not drawing.data.empty
    assert all(np.isfinite(value) for value in drawing.numbers.values() if isinstance(value, float))


def test_gains_are_paired_by_seed_and_counted() -> None:
    table = gains(made_up_adaptation()).set_index(["world", "knob", "training", "rule"]).sort_index()
    assert len(table) == (2 + 6) * 4 * 2
    for knob, gain in GAIN.items():
        row = table.loc[("grid", knob, SURE[0], "own")]
        assert row["gain"] == pytest.approx(gain + 0.01 * (knob == "no-credit"))
        assert row["above"] == {"initialisation": 4, "exact": 4, "rule": 0, "no-credit": row["above"]}[knob]
    sure = table.loc[("ledge", "initialisation", "order-2", "tests")]
    assert (sure["lower"], sure["upper"]) == pytest.approx((0.2, 0.2))
    unsure = table.loc[("grid", "no-credit", "random", "own")]
    assert unsure["lower"] == pytest.approx(0.0, abs=1e-12)
    assert unsure["upper"] > 0.02
    assert table.loc[("grid", "exact", SURE[0], "own"), "scratch_area"] == pytest.approx(0.515)
    assert table.loc[("grid", "rule", SURE[0], "own"), "scratch_area"] == pytest.approx(0.315)


def test_a_goal_that_is_never_found_shows() -> None:
    data = drawn(learning_memoryless.FIGURE).data.set_index(["world", "training"])
    assert np.isnan(data.loc[("grid", "random"), "mean_hitting"])
    assert data.loc[("grid", "random"), "never_found"] == pytest.approx(0.5)
    assert data.loc[("grid", SURE[0]), "mean_hitting"] == 16.0


def test_the_mixture_is_better_than_each_of_its_learners() -> None:
    """Each learner loses 4 on its last goal, one of the five at random 2 on every goal."""
    data = drawn(learning_mixture.FIGURE).data
    assert data["one_worst"].tolist() == [4.0, 4.0]
    assert data["mixture_worst"].tolist() == [2.0, 2.0]


def test_prices_are_compared_with_the_bound() -> None:
    numbers = drawn(learning_price.FIGURE).numbers
    assert numbers["explorerLargestShare"] == pytest.approx(1.0)
    assert numbers["initialisationLargestShare"] == pytest.approx(0.5)
    assert (numbers["explorerTheory"], numbers["initialisationTheory"]) == pytest.approx((1.0, -1.0))


def test_a_learner_above_the_bayes_optimal_one_shows() -> None:
    assert drawn(learning_recurrent.FIGURE).numbers["aboveBayes"] == pytest.approx(0.51 - 0.555)


def test_intervals_leave_out_what_was_not_measured() -> None:
    table = over_seeds(made_up_recurrent(), ["training"], "held_out_return")
    assert table["training"].tolist() == ["diayn-held-out"]
    assert table["seeds"].tolist() == [6]
    assert leading("a = b = c") == "a"
