"""The study's rows against closed forms and exact minimax values."""

from __future__ import annotations

import numpy as np
import pytest

from metaregret.experiments.sweeps import Scale
from metaregret.experiments.topics.price_of_information import STUDY, measure
from metaregret.tabular import make
from metaregret.theory import GoalTasks, solve


def test_without_noise_information_costs_nothing_and_with_noise_it_does() -> None:
    rows = [(point, measure(point, np.random.default_rng(0))) for point in STUDY.points(Scale.SHORT, 0)]
    assert [row["noise"] for _, row in rows] == [0.0, 0.1, 0.4]
    quiet, *noisy = (row for _, row in rows)
    assert quiet["capacity"] == pytest.approx(np.log(4), abs=1e-9)
    assert quiet["worst_case_regret"] == pytest.approx(3, abs=1e-4)
    assert quiet["price"] == pytest.approx(1, abs=1e-4)
    for row in noisy:
        assert row["capacity_known"]
        assert row["capacity"] < quiet["capacity"] - 0.1
        assert row["price"] > row["trained_price"] > 1.05
        assert row["distance_to_minimax"] > 0.01
    for point, row in rows:
        process = make(f"grid:2x2,slip={point['slip']}").replaced(horizon=2)
        exact = solve(GoalTasks.reachable(process), exact=True).value.exact
        assert exact is not None
        assert row["minimax_regret"] == pytest.approx(float(exact), abs=1e-9)
        assert row["price"] == pytest.approx(row["worst_case_regret"] / float(exact), rel=1e-9)


def test_every_point_is_named_once() -> None:
    for scale in Scale:
        sweep = STUDY.sweep(scale)
        assert len(set(sweep.ids)) == len(sweep.points)
    assert len(STUDY.points(Scale.FULL, 0)) == 80
