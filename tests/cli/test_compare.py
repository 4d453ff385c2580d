from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import Cli

from metaregret.theory.proposals import COLUMNS, CURVE_COLUMNS, methods


def test_the_table_loads_into_pandas(cli: Cli, tmp_path: Path) -> None:
    table, curves, picture = tmp_path / "table.csv", tmp_path / "curves.csv", tmp_path / "regrets.png"
    outcome = cli(
        *("compare", "line:4", "tree:0,0", "--methods", "capacity,diayn,random,scratch", "--seeds", "2"),
        *("--csv", str(table), "--curves", str(curves), "--figure", str(picture), "--json", "-"),
    )
    assert outcome.status == 0, outcome.err
    document = json.loads(outcome.out)
    assert document["format"] == "metaregret-comparison/1"
    assert document["left_out"] == {}
    frame = pd.read_csv(table)
    assert tuple(frame.columns) == COLUMNS
    # scratch has no seed: 2 processes x (3 methods x 2 seeds + 1).
    assert len(frame) == len(document["rows"]) == 14
    assert set(frame["process"]) == {"line:4", "tree:0,0"}
    informed = frame[frame["method"].isin(["capacity", "diayn"])]
    goals = np.where(informed["process"] == "line:4", 4, 3)
    np.testing.assert_allclose(informed["worst_case_regret"], goals - 1, rtol=1e-4)
    np.testing.assert_allclose(informed["memory_worst_case_regret"], (goals - 1) / 2, rtol=1e-4)
    np.testing.assert_allclose(informed["memory_as_planned"], goals - 1)
    np.testing.assert_allclose(informed[["price", "trained_price", "memory_price"]], 1, rtol=1e-4)
    assert np.isinf(frame[frame["method"] == "random"]["worst_case_regret"]).any()
    rounds = pd.read_csv(curves)
    steps = rounds.groupby(["process", "method", "seed", "run"])["objective"].diff().dropna()
    assert (steps[rounds.loc[steps.index, "monotone"]] >= -1e-9).all()
    assert (steps > 0.1).any()
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("command", ["compare", "propose"])
def test_the_help_lists_every_method(cli: Cli, command: str) -> None:
    outcome = cli(command, "--help")
    assert outcome.status == 0
    assert all(name in outcome.out for name in methods())


def test_the_terminal_shows_the_range_over_seeds(cli: Cli) -> None:
    outcome = cli(
        *("compare", "grid:2x2,slip=3/10", "--horizon", "2", "--methods", "random,uniform", "--seeds", "3"),
        "--no-memory",
    )
    assert outcome.status == 0, outcome.err
    assert "[" in outcome.out
    assert "memory" not in outcome.out


def test_what_is_left_out_is_explained(cli: Cli) -> None:
    outcome = cli("compare", "line:3", "--gamma", "1/2", "--methods", "uniform")
    assert outcome.status == 0, outcome.err
    assert "no learner with memory" in outcome.out
    assert "horizon" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--methods", "capacity,divination"), "divination"),
        (("--episodes", "inf"), "finite"),
        (("--episodes", "3", "--no-memory"), "not both"),
        (("--figure", "table.xyz"), ".pdf"),
        (("--methods", "uniform,uniform"), "'uniform' is given twice"),
        (("line:3", "--methods", "uniform"), "'line:3' is given twice"),
        (("--csv", "-", "--json", "-"), "--json -"),
        (("--csv", "missing/table.csv"), "no folder"),
    ],
)
def test_bad_options_are_explained(cli: Cli, arguments: tuple[str, ...], words: str) -> None:
    outcome = cli("compare", "line:3", *arguments)
    assert outcome.status == 2
    assert words in outcome.err


def test_no_output_overwrites_another_and_none_is_written_alone(cli: Cli, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    same = cli("compare", "line:3", "--csv", str(table), "--curves", str(table))
    assert same.status == 2
    assert "same file" in same.err
    alone = cli("compare", "line:3", "--csv", str(table), "--json", str(tmp_path / "missing" / "x.json"))
    assert alone.status == 2
    assert not table.exists()


def test_curves_of_methods_without_rounds_are_an_empty_table(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "curves.csv"
    outcome = cli("compare", "line:3", "--methods", "uniform", "--no-memory", "--curves", str(file))
    assert outcome.status == 0, outcome.err
    frame = pd.read_csv(file)
    assert tuple(frame.columns) == CURVE_COLUMNS
    assert frame.empty


def test_the_first_seed_can_be_chosen(cli: Cli) -> None:
    arguments = (
        "compare",
        "grid:2x2,slip=3/10",
        "--horizon",
        "2",
        "--methods",
        "random,uniform",
        "--no-memory",
    )
    several = json.loads(cli(*arguments, "--seeds", "3", "--json", "-").out)["rows"]
    later = json.loads(cli(*arguments, "--seed", "1", "--seeds", "2", "--json", "-").out)["rows"]
    assert [row["seed"] for row in later if row["method"] == "random"] == [1, 2]
    assert later[:2] == several[1:3]
    assert several[0]["worst_case_regret"] != several[1]["worst_case_regret"]


def test_a_method_out_of_reach_does_not_cost_the_others(cli: Cli) -> None:
    """VALOR reads whole trajectories with --states all: no bounded length at a geometric horizon."""
    arguments = ("compare", "line:3", "--gamma", "1/2", "--states", "all", "--no-memory", "--methods")
    outcome = cli(*arguments, "valor,uniform", "--json", "-")
    assert outcome.status == 0, outcome.err
    document = json.loads(outcome.out)
    assert [row["method"] for row in document["rows"]] == ["uniform"]
    assert "need a finite horizon" in document["left_out"]["line:3, valor"]
    assert "line:3, valor: left out" in cli(*arguments, "valor,uniform").out
    alone = cli(*arguments, "valor")
    assert alone.status == 2
    assert "need a finite horizon" in alone.err
