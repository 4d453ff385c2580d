"""The studies of learners: what they measure, that it repeats, and what they say without their extra."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from metaregret.experiments.cli import main
from metaregret.experiments.sweeps import Scale, Study
from metaregret.experiments.topics import (
    learning_gains,
    learning_memoryless,
    learning_mixture,
    learning_price,
    learning_recurrent,
)

STUDIES = [item.STUDY for item in (learning_gains, learning_memoryless, learning_mixture, learning_price,
                                   learning_recurrent)]  # fmt: skip


def rows_of(study: Study, point: dict[str, Any], seed: int = 0) -> list[dict[str, Any]]:
    measured = study.measure(point, np.random.default_rng(seed))
    return [dict(row) for row in (measured if isinstance(measured, Sequence) else [measured])]


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_points_are_distinct_and_few_in_short(study: Study) -> None:
    full, short, long = (study.sweep(scale) for scale in (Scale.FULL, Scale.SHORT, Scale.LONG))
    assert len(set(full.ids)) == len(full.points) >= len(short.points) >= 1
    assert set(full.ids) <= set(long.ids)


def test_seven_by_seven_and_larger_recurrent_worlds_are_long() -> None:
    def worlds(study: Study, scale: Scale) -> set[str]:
        return {point.get("world", point.get("process")) for point in study.sweep(scale).points}

    assert worlds(learning_gains.STUDY, Scale.LONG) - worlds(learning_gains.STUDY, Scale.FULL) == {"wide"}
    extra = worlds(learning_recurrent.STUDY, Scale.LONG) - worlds(learning_recurrent.STUDY, Scale.FULL)
    assert extra == {"grid:4x4"}


def test_scratch_waits_long_and_proposals_do_not() -> None:
    """On the 4 x 4 grid: K = 16 goals by DIAYN, 86 by uniform actions."""
    rows = rows_of(learning_memoryless.STUDY, {"world": "grid", "few": True, "seeds": 1, "first": 0})
    assert [row["training"] for row in rows] == ["scratch", "diayn = uniform = order-inf"]
    assert rows[0]["mean_hitting"] == pytest.approx(85.6, abs=0.1)
    assert (rows[1]["mean_hitting"], rows[1]["worst_hitting"]) == pytest.approx((16.0, 16.0))
    assert rows[1]["bayes_regret_25"] == 7.5


def test_exact_adaptation_repeats_with_one_rule_for_step_sizes() -> None:
    point = {
        "world": "grid",
        "knob": "exact-scratch",
        "proposal": "diayn",
        "seeds": 2,
        "iterations": 1,
        "first": 0,
    }
    rows = rows_of(learning_gains.STUDY, point)
    assert rows == rows_of(learning_gains.STUDY, point, seed=1)
    assert [row["rule"] for row in rows] == ["own", "own", "tests", "tests"]
    assert rows[0]["rate"] == rows[2]["rate"]  # its own tasks are the test tasks
    assert 0 < rows[0]["area"] < 1
    assert rows[0]["regret_100"] == pytest.approx(100 * (1 - rows[0]["area"]), abs=1e-3)
    assert rows != rows_of(learning_gains.STUDY, {**point, "first": 7})


def test_an_explorer_pays_no_more_than_the_bound() -> None:
    """T26 and T5 for the trained explorer, within what its training leaves; proposals come from the seed."""
    point = {"learner": "explorer", "draws": 1, "iterations": 200, "proposals_from": 0}
    rows = rows_of(learning_price.STUDY, point)
    assert rows == rows_of(learning_price.STUDY, point, seed=1)
    for row in rows:
        assert row["worst_regret"] == pytest.approx(row["theory"], rel=1e-2)
        assert 1 - 1e-3 < row["price"] < row["bound"] + 1e-2
        if row["kind"] == "halves":  # attained
            assert row["price"] == pytest.approx(row["bound"], rel=1e-2)
    assert rows[-2]["price"] > 2


@pytest.mark.parametrize("missing", ["jax", "optax"])
def test_without_the_extra_one_message_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    monkeypatch.delitem(sys.modules, missing, raising=False)
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else found(name))
    with pytest.raises(SystemExit) as stop:
        main(["figures", "learning", "--short"])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert missing in said
    assert "pip install 'metaregret[learn]'" in said


def test_short_and_long_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["figures", "learning", "--short", "--long"])
    assert stop.value.code == 2
    assert "exclude each other" in capsys.readouterr().err


def test_without_the_extra_studies_are_still_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "jax" else found(name))
    with pytest.raises(SystemExit) as stop:
        main(["sweep", "--list", "--json", "-"])
    assert stop.value.code == 0
    names = {study["name"] for study in json.loads(capsys.readouterr().out)["studies"]}
    assert {"learning_adaptation", "learning_price", "learning_recurrent", "noise_gap"} <= names
