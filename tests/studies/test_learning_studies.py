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
from metaregret.experiments.studies import learning_curves, learning_limits, learning_link, learning_recurrent
from metaregret.experiments.sweeps import Scale, Study

STUDIES = [item.STUDY for item in (learning_curves, learning_limits, learning_link, learning_recurrent)]


def rows_of(study: Study, point: dict[str, Any], seed: int = 0) -> list[dict[str, Any]]:
    measured = study.measure(point, np.random.default_rng(seed))
    return [dict(row) for row in (measured if isinstance(measured, Sequence) else [measured])]


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_points_are_distinct_and_few_in_short(study: Study) -> None:
    full, short = study.sweep(Scale.FULL), study.sweep(Scale.SHORT)
    assert len(set(full.ids)) == len(full.points) > len(short.points) >= 1


def test_a_trained_explorer_loses_what_theory_says_and_again() -> None:
    """T5 at every proposal, the uniform one first; the same seed gives the same rows, another one others."""
    point = {**learning_link.STUDY.points(Scale.SHORT, 0)[0], "iterations": 600}
    rows = rows_of(learning_link.STUDY, point)
    assert [row["trained"] for row in rows] == pytest.approx([row["theory"] for row in rows], rel=1e-4)
    assert rows[0]["theory"] == pytest.approx(8.0)
    assert rows[0]["distance"] == pytest.approx(0.0, abs=1e-15)
    assert rows == rows_of(learning_link.STUDY, point, seed=1)
    other = rows_of(learning_link.STUDY, {**point, "proposals_from": 1})
    assert other[-1]["distance"] != rows[-1]["distance"]


def test_curves_repeat_and_start_at_the_uniform_policy() -> None:
    point = {"world": "sparse", "method": "scratch", "seeds": 2, "iterations": 1, "steps": 2, "episodes": 2}
    rows = rows_of(learning_curves.STUDY, point)
    assert rows == rows_of(learning_curves.STUDY, point, seed=1)
    assert len(rows) == 2 * 2 * 16
    first = [row["return_00"] for row in rows if row["adaptation"] == "exact" and row["seed_of_run"] == 0]
    assert sum(first) == pytest.approx(1.0)  # a distribution of the last state
    assert all(0 <= row["return_02"] <= 1 for row in rows)


def test_limits_are_brackets() -> None:
    (row,) = rows_of(learning_limits.STUDY, {"world": "speed", "episodes": 2})
    assert 0 < row["best_lower"] <= row["best_upper"] < 1


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
    assert {"learning_curves", "learning_link", "learning_recurrent", "noise_gap"} <= names
