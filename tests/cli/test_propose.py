from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli


def proposed(cli: Cli, *arguments: str) -> dict[str, Any]:
    outcome = cli("propose", *arguments, "--json", "-")
    assert outcome.status == 0, outcome.err
    document = json.loads(outcome.out)
    assert document["format"] == "metaregret-proposal/1"
    assert sum(document["goal_distribution"].values()) == pytest.approx(1.0, abs=1e-9)
    return document


def test_capacity_is_uniform_and_minimax_without_noise(cli: Cli) -> None:
    document = proposed(cli, "grid:3x3", "--horizon", "4")
    assert document["matches_uniform"] is True
    assert document["matches_minimax"] is True
    assert document["worst_case_regret"] == pytest.approx(8, abs=1e-6)


# The capacity at slip 1/10 is certified from both sides (branch and bound): 1.79087269 nats, regret 9.5310.
def test_capacity_is_not_minimax_with_noise(cli: Cli) -> None:
    document = proposed(cli, "grid:3x3,slip=1/10", "--horizon", "4")
    information = document["mutual_information"]
    assert information["lower"] <= information["upper"] <= information["lower"] + 1e-8
    assert information["lower"] == pytest.approx(1.79087269, abs=1e-7)
    assert document["worst_case_regret"] == pytest.approx(9.5310, abs=1e-3)
    assert document["minimax_regret"] == pytest.approx(7.1238, abs=1e-4)
    assert document["matches_minimax"] is False


@pytest.mark.parametrize(
    "method", ["diayn", "vic", "valor", "smm", "dads", "carml", "random", "uniform", "scratch"]
)
def test_every_method_runs(cli: Cli, method: str) -> None:
    document = proposed(cli, "line:3", "--horizon", "2", "--method", method)
    assert set(document["goal_distribution"]) == {"0", "1", "2"}


def test_table_and_picture(cli: Cli, tmp_path: Path) -> None:
    picture = tmp_path / "proposal.png"
    outcome = cli("propose", "line:4", "--figure", str(picture))
    assert outcome.status == 0
    assert "mutual information" in outcome.out
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_unknown_method_is_named(cli: Cli) -> None:
    outcome = cli("propose", "line:3", "--method", "divination")
    assert outcome.status == 2
    assert "divination" in outcome.err
    assert "capacity" in outcome.err
