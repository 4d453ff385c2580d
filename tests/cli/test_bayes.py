from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli

LINE = ("line:5,start=2", "--horizon", "4", "--detect", "visit", "--episodes", "5")


def solved(cli: Cli, *arguments: str) -> dict[str, Any]:
    outcome = cli("bayes", *arguments, "--json", "-")
    assert outcome.status == 0, outcome.err
    document = json.loads(outcome.out)
    assert document["format"] == "metaregret-bayes/1"
    return document


# Under the uniform prior one path of four steps visits all but one end, which is missed once: loss 1 there
# and 0 elsewhere, 1/5 in expectation. T13: 1/2 is minimax.
def test_the_line_by_hand(cli: Cli) -> None:
    document = solved(cli, *LINE, "--against", "0=1/2,4=1/2", "--adversary", "tv:1/10")
    losses = document["per_task"]
    assert sorted(losses.values()) == pytest.approx([0, 0, 0, 0, 1], abs=1e-9)
    assert losses["0"] + losses["4"] == pytest.approx(1, abs=1e-9)
    assert document["value"]["lower"] <= 1 / 5 <= document["value"]["upper"]
    assert document["worst_case"]["lower"] <= 1 <= document["worst_case"]["upper"]
    assert document["minimax"]["lower"] <= 1 / 2 <= document["minimax"]["upper"]
    there = document["against"]["0=1/2,4=1/2"]
    assert there["loss"]["lower"] <= 1 / 2 <= there["loss"]["upper"]
    assert there["excess"]["lower"] <= 0 <= there["excess"]["upper"] <= 1e-9
    # A tenth of the mass moves to the missed end: 3/10. The best learner evens the ends out at 1/4.
    near = document["adversary"]
    assert near["worst_case"]["lower"] <= 3 / 10 <= near["worst_case"]["upper"]
    assert near["minimax"]["lower"] <= 1 / 4 <= near["minimax"]["upper"]


def test_what_was_trained_for_one_end_pays_at_the_other(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "q.json"
    file.write_text(json.dumps({"format": "metaregret-distribution/1", "tasks": {"0": "2/3", "4": "1/3"}}))
    document = solved(cli, *LINE, "--prior", str(file), "--against", "4=1")
    assert document["value"]["lower"] <= 1 / 3 <= document["value"]["upper"]
    there = document["against"]["4=1"]
    assert there["excess"]["lower"] == pytest.approx(1, abs=1e-9)  # right first would have found it at once
    outcome = cli("bayes", *LINE, "--prior", str(file), "--adversary", "cvar:1/2")
    assert outcome.status == 0
    assert "worst case within cvar:1/2" in outcome.out
    assert "smallest worst case" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("line:3", "--episodes", "inf"), ("--episodes N",)),
        (("line:3", "--episodes", "2", "--prior", "0=1/2"), ("prior", "sum 1/2")),
        (("line:3", "--episodes", "2", "--prior", "0=1/2,0=1/2"), ("twice",)),
        (("line:3", "--episodes", "2", "--prior", "7=1"), ("'7'", "metaregret-distribution/1")),
        (("line:3", "--episodes", "2", "--prior", "0=-1,1=2"), ("prior", "-1")),
        (("line:3", "--episodes", "2", "--against", "/nowhere.json"), ("/nowhere.json", "no such file")),
        (("line:3", "--episodes", "2", "--adversary", "tv:-1"), ("radius",)),
        (("line:3", "--episodes", "2", "--adversary", "wasserstein:1"), ("wasserstein", "tv:1/10")),
        (("line:3", "--episodes", "2", "--tasks", "trajectories"), ("goals and rewards",)),
        (("line:3", "--episodes", "999999999"), ("999,999,999", "reduce")),
    ],
)
def test_bad_usage_is_one_message(cli: Cli, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    outcome = cli("bayes", *arguments)
    assert outcome.status == 2
    assert outcome.out == ""
    for word in words:
        assert word in outcome.err
