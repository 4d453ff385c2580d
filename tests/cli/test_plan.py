from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli, full_device

from metaregret import make, plan
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.importers import write_npz
from metaregret.theory.certificates.check import CertificateError


def planned(cli: Cli, *arguments: str) -> dict[str, Any]:
    outcome = cli("plan", *arguments, "--json", "-")
    assert outcome.status == 0, outcome.err
    document = json.loads(outcome.out)
    assert document["format"] == "metaregret-plan/1"
    assert document["status"] == "certified"
    return document


def test_exact_and_float_agree(cli: Cli) -> None:
    arguments = ("grid:3x3,slip=1/10", "--goal", "8", "--horizon", "4")
    exact = Fraction(planned(cli, *arguments, "--exact")["value"]["exact"])
    value = planned(cli, *arguments)["value"]
    assert Fraction(value["lower"]) <= exact <= Fraction(value["upper"])


# 14/17 is the known best reaching probability of slippery FrozenLake 4x4 (any solver, long horizon).
def test_frozen_lake_reachability(cli: Cli) -> None:
    value = planned(cli, "gym:FrozenLake-v1", "--goal", "15", "--reach", "--exact")["value"]
    assert value["exact"] == "14/17"
    assert value["lower"] == value["upper"] == 14 / 17


def test_geometric_goal_is_the_normalised_occupancy(cli: Cli) -> None:
    # From state 0 of a line, state 2 takes two steps: (1 - g) sum_{t >= 2} g**t = g**2.
    document = planned(cli, "line:3", "--goal", "2", "--gamma", "9/10", "--exact")
    assert document["value"]["exact"] == "81/100"
    assert document["policy"]["0"] == "right"


@pytest.fixture
def rewards(tmp_path: Path) -> str:
    file = tmp_path / "pay.json"
    tasks: dict[str, list[list[object]]] = {"end": [["3", "stay", "3", "1/2"], ["2", "right", "*", -1.5]]}
    tasks["right"] = [[str(s), "right", "*", 1] for s in range(4)]
    file.write_text(json.dumps({"format": "metaregret-rewards/1", "tasks": tasks}))
    return str(file)


def test_rewards_finite_discounted_and_minimised(cli: Cli, rewards: str) -> None:
    task = ("line:4", "--rewards", rewards, "--task", "right", "--exact")
    assert planned(cli, *task, "--horizon", "5")["value"]["exact"] == "5"
    assert planned(cli, *task, "--gamma", "1/2")["value"]["exact"] == "2"
    assert planned(cli, *task, "--horizon", "5", "--minimise")["value"]["exact"] == "0"


def test_negative_rewards_on_the_way(cli: Cli, rewards: str) -> None:
    # Three moves to state 3, the last of which costs 3/2, then half a unit a step: at T = 9, 6 / 2 - 3/2 =
    # 3/2.
    task = ("line:4", "--rewards", rewards, "--task", "end", "--horizon", "9", "--exact")
    assert planned(cli, *task)["value"]["exact"] == "3/2"


def test_rewards_beyond_floats_are_refused(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "huge.json"
    file.write_text('{"format": "metaregret-rewards/1", "tasks": {"a": [["0", "right", "*", 1e400]]}}')
    outcome = cli("plan", "line:4", "--rewards", str(file), "--task", "a")
    assert outcome.status == 2
    assert "1e308" in outcome.err


def test_a_policy_too_long_for_a_document_is_left_out_by_name(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metaregret.theory.planning.MOST_ENTRIES", 11)
    assert len(planned(cli, "line:4", "--goal", "3", "--horizon", "2")["policy"]) == 2
    document = planned(cli, "line:4", "--goal", "3", "--horizon", "3")
    assert document["policy"] is None
    assert "12 decisions" in document["policy_omitted"]
    assert document["value"]["upper"] >= 1


def test_no_certificate_of_a_total_with_negative_rewards(cli: Cli, rewards: str, tmp_path: Path) -> None:
    """The value itself is found; the certificate is refused by name, with status 2 and before any work."""
    task = ("line:4", "--rewards", rewards, "--task", "end", "--total")
    file = tmp_path / "c.json"
    outcome = cli("plan", *task, "--certificate", str(file))
    assert outcome.status == 2
    assert "No certificate is offered for a total with negative rewards" in outcome.err
    assert "['2', 'right', '3'] pays -3/2" in outcome.err
    assert (outcome.out, file.exists()) == ("", False)


def test_a_value_without_a_certificate_is_shown(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the checker's limits nothing is written and the status is 2, but the work is not lost."""

    def spent(*_: object) -> None:
        raise CertificateError("the work budget is spent (--budget UNITS raises it)")

    monkeypatch.setattr("metaregret.theory.certificates.check.check", spent)
    file = tmp_path / "c.json"
    for command in (("plan", "line:3", "--goal", "2"), ("solve", "line:3"), ("propose", "line:3")):
        outcome = cli(*command, "--horizon", "2", "--certificate", str(file))
        assert outcome.status == 2
        assert "beyond the checker's limits, so none is written: the work budget is spent." in outcome.err
        assert "certified" in outcome.out
        assert not file.exists()


def test_infinite_total_is_refused(cli: Cli, rewards: str) -> None:
    outcome = cli("plan", "line:4", "--rewards", rewards, "--task", "right", "--total")
    assert outcome.status == 2
    assert "infinity" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ("--goal", "--rewards")),
        (("--goal", "9"), ("'9'",)),
        (("--goal", "1", "--reach", "--horizon", "3"), ("--horizon",)),
        (("--goal", "1", "--total"), ("--reach",)),
        (("--rewards", "/nowhere.json", "--task", "x"), ("no such file",)),
        (("--rewards", "/nowhere.json"), ("no such file",)),
        (("--goal", "1", "--tolerance", "inf"), ("--tolerance", "inf")),
    ],
)
def test_bad_usage(cli: Cli, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    outcome = cli("plan", "line:4", *arguments)
    assert outcome.status == 2
    assert "Traceback" not in outcome.err
    for word in words:
        assert word in outcome.err


def test_total_until_a_target(cli: Cli, tmp_path: Path) -> None:
    """Names with commas in quotes; a target that may be missed is refused by name."""
    rows = [["s", "go", "the goal, there", "1/2"], ["s", "go", "trap", "1/2"]]
    rows += [[name, "go", name, 1] for name in ("the goal, there", "trap")]
    process, rewards = tmp_path / "fork.json", tmp_path / "pay.json"
    states = ["s", "the goal, there", "trap"]
    process.write_text(
        json.dumps(
            {
                "format": "metaregret-cmp/1",
                "states": states,
                "actions": ["go"],
                "initial": {"s": 1},
                "horizon": 1,
                "transitions": rows,
            }
        )
    )
    rewards.write_text(
        json.dumps(
            {
                "format": "metaregret-rewards/1",
                "tasks": {"pay": [["s", "*", "*", 2], ["trap", "go", "trap", 1]]},
            }
        )
    )
    question = ("plan", str(process), "--rewards", str(rewards), "--task", "pay", "--until")
    outcome = cli(*question, '"the goal, there"')
    assert outcome.status == 2
    assert "'trap' (index 2)" in outcome.err
    for names in ('"the goal, there",trap', '["the goal, there", "trap"]'):
        assert planned(cli, *question[1:], names, "--exact")["value"]["exact"] == "2"
    assert cli(*question, "trap", "--total").status == 2


def test_exact_values_of_ten_thousand_digits_are_printed(cli: Cli) -> None:
    document = planned(cli, "grid:3x3,slip=1/10", "--goal", "8", "--horizon", "3000", "--exact")
    assert len(document["value"]["exact"]) > 9000


def test_a_policy_as_arrays(cli: Cli, tmp_path: Path) -> None:
    """It is the policy of the document: of every state, or of every step; -1 where no episode comes."""
    for horizon in ("--horizon", "2"), ("--gamma", "9/10"):
        file = tmp_path / "policy.npz"
        asked = ("line:5", "--goal", "2", *horizon)
        document = planned(cli, *asked, "--policy", str(file))
        with np.load(file, allow_pickle=False) as found:
            action, names = found["action"], found["actions"]
            assert (str(found["format"]), int(found["states"])) == ("metaregret-policy/1", 5)
        steps = document["policy"] if horizon[0] == "--horizon" else [document["policy"]]
        for row, known in zip(action.reshape(-1, 5).tolist(), steps, strict=True):
            assert {str(s): names[a] for s, a in enumerate(row) if a >= 0} == known
    refused = cli("plan", *asked, "--policy", "policy.json")
    assert (refused.status, refused.out) == (2, "")
    assert "an .npz file" in refused.err


@full_device
def test_arrays_that_do_not_fit_leave_nothing(tmp_path: Path) -> None:
    file = tmp_path / "full.npz"
    file.symlink_to("/dev/full")
    with pytest.raises(InvalidArgumentError, match="No space left"):
        plan(make("line:3", horizon=2), goal="2").save_policy(file)
    with pytest.raises(InvalidArgumentError, match="No space left"):
        write_npz(file, make("line:3", horizon=2))
    assert list(tmp_path.iterdir()) == [file]
