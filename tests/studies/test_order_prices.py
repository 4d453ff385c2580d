"""The rows of the studies on orders against the closed forms and bounds of T19 to T21."""

from __future__ import annotations

from itertools import groupby, pairwise

import numpy as np
import pytest

from metaregret.experiments.sweeps import Scale
from metaregret.experiments.topics import noisy_goal_prices, order_prices
from metaregret.experiments.topics.noisy_goal_prices import closed_form


def test_the_price_falls_to_one_and_keeps_the_bound() -> None:
    generator = np.random.default_rng(0)
    rows = [(p, order_prices.measure(p, generator)) for p in order_prices.STUDY.points(Scale.SHORT, 0)]
    for _, of_one in groupby(rows, key=lambda pair: pair[0]["process"]):
        measured = [row for _, row in of_one]
        assert all(row["known"] for row in measured)
        assert all(row["one_plus_regret"] <= row["bound"] * (1 + 1e-6) for row in measured)
        assert measured[-1]["one_plus_regret"] == pytest.approx(measured[-1]["one_plus_minimax"], rel=1e-8)
        assert measured[0]["one_plus_regret"] > 1.05 * measured[-1]["one_plus_minimax"]
        assert all(a["redundancy_lower"] < b["redundancy_upper"] for a, b in pairwise(measured))


def test_prices_of_the_noisy_goal_are_the_closed_forms() -> None:
    generator = np.random.default_rng(0)
    for point in noisy_goal_prices.STUDY.points(Scale.SHORT, 0):
        row = noisy_goal_prices.measure(point, generator)
        expected = closed_form(point["sure_goals"], np.array([row["probability"]]), float(point["order"]))[0]
        assert row["price"] == pytest.approx(expected, rel=1e-6)
        assert 1 - 1e-6 <= row["price"] <= row["bound"] * (1 + 1e-6)
        if point["order"] == "1":
            assert row["price"] <= row["bound_in_regret"] * (1 + 1e-6)


@pytest.mark.parametrize("study", [order_prices.STUDY, noisy_goal_prices.STUDY])
def test_every_point_is_named_once(study: order_prices.Study) -> None:
    for scale in Scale:
        sweep = study.sweep(scale)
        assert len(set(sweep.ids)) == len(sweep.points)
