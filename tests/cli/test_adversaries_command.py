"""``--adversary`` and ``--nominal`` on solve and bayes; ``--method`` and ``--max-edges`` on solve."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from malformed import Malformed
from malformed_sets import MALFORMED_DISTRIBUTIONS, MALFORMED_POLYTOPES

LINE = ("line:3", "--horizon", "2")


def solved(cli: Cli, *arguments: str) -> dict[str, Any]:
    outcome = cli("solve", *arguments, "--json", "-")
    assert outcome.status == 0, outcome.err
    document: dict[str, Any] = json.loads(outcome.out)
    return document


@pytest.mark.parametrize(
    "learner", [("memoryless",), ("blind", "--episodes", "2"), ("memory", "--episodes", "3")]
)
@pytest.mark.parametrize("adversary", ["tv:1/10", "kl:0.1", "cvar:1/2"])
def test_every_learner_meets_every_ball(cli: Cli, learner: tuple[str, ...], adversary: str) -> None:
    """A ball around a point mass on the goal at the end is easier than all task distributions."""
    words = ("--learner", *learner)
    free = solved(cli, *LINE, *words, "--adversary", "simplex")
    near = solved(cli, *LINE, *words, "--adversary", adversary, "--nominal", "2=9/10,0=1/20,1=1/20")
    assert near["adversary"].startswith(adversary[:3].rstrip(":"))
    assert free["adversary"] == "simplex"
    assert near["value"]["upper"] < free["value"]["lower"]
    assert near["value"]["upper"] - near["value"]["lower"] <= 1e-8


def test_a_ball_of_radius_zero_is_the_square_root_law(cli: Cli) -> None:
    """T3 on a line within reach everywhere: ``(sum sqrt p)**2 - 1`` for ``p = (1/9, 4/9, 4/9)``: 25/9 - 1."""
    found = solved(cli, *LINE, "--adversary", "tv:0", "--nominal", "0=1/9,1=4/9,2=4/9")
    assert found["value"]["lower"] <= 16 / 9 + 1e-12
    assert found["value"]["upper"] >= 16 / 9 - 1e-12
    assert found["least_favourable"] == pytest.approx({"0": 1 / 9, "1": 4 / 9, "2": 4 / 9})


def test_a_polytope_from_a_file(cli: Cli, tmp_path: Path) -> None:
    """At least half on goal 0 and at most 1/8 on goal 2: the square-root law at its best corner."""
    file = tmp_path / "set.json"
    rows = [{"weights": {"0": 1}, "at_least": "1/2"}, {"weights": {"2": 2}, "at_most": 0.25}]
    file.write_text(json.dumps({"format": "metaregret-polytope/1", "rows": rows}))
    found = solved(cli, *LINE, "--adversary", f"polytope:{file}")
    p = (0.5, 0.375, 0.125)
    assert found["value"]["lower"] == pytest.approx(sum(x**0.5 for x in p) ** 2 - 1, rel=1e-7)
    bayes = cli("bayes", *LINE, "--episodes", "2", "--adversary", f"polytope:{file}", "--json", "-")
    assert bayes.status == 0, bayes.err
    assert json.loads(bayes.out)["adversary"]["set"] == f"polytope:{file}"


def test_the_method_is_chosen(cli: Cli) -> None:
    assert "occupancy" in solved(cli, *LINE, "--method", "program")["method"]
    assert "decomposition" in solved(cli, *LINE, "--method", "decomposition")["method"]
    outcome = cli("solve", *LINE, "--learner", "memory", "--episodes", "3", "--max-edges", "2")
    assert outcome.status == 2
    assert "edges" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--adversary", "l2:1"), ("--adversary", "tv:E", "'l2:1'")),
        (("--adversary", "tv:"), ("--adversary", "tv:E")),
        (("--adversary", "kl:-1"), ("radius",)),
        (("--adversary", "cvar:0"), ("alpha",)),
        (("--nominal", "uniform"), ("--nominal", "--adversary")),
        (("--adversary", "simplex", "--nominal", "uniform"), ("--nominal",)),
        (("--adversary", "tv:1/10", "--exact"), ("unrestricted",)),
        (("--adversary", "tv:1/10", "--certificate", "c.json"), ("unrestricted",)),
        (("--tasks", "trajectories", "--adversary", "tv:1/10"), ("--adversary",)),
        (("--adversary", "polytope:/nowhere.json"), ("/nowhere.json", "no such file")),
        (("--method", "program", "--learner", "memory", "--episodes", "2"), ("decomposition",)),
    ],
)
def test_bad_usage_is_one_message(cli: Cli, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    outcome = cli("solve", *LINE, *arguments)
    assert outcome.status == 2
    assert outcome.err.count("\n") == 1
    for word in words:
        assert word in outcome.err


@pytest.mark.parametrize("entry", MALFORMED_POLYTOPES, ids=lambda entry: entry.name)
def test_malformed_polytopes(cli: Cli, tmp_path: Path, entry: Malformed) -> None:
    file = tmp_path / "set.json"
    file.write_bytes(entry.content)
    _one_message(cli, entry, "--adversary", f"polytope:{file}")


@pytest.mark.parametrize("entry", MALFORMED_DISTRIBUTIONS, ids=lambda entry: entry.name)
def test_malformed_distributions(cli: Cli, tmp_path: Path, entry: Malformed) -> None:
    file = tmp_path / "set.json"
    file.write_bytes(entry.content)
    _one_message(cli, entry, "--adversary", "tv:1/10", "--nominal", str(file))


def _one_message(cli: Cli, entry: Malformed, *arguments: str) -> None:
    outcome = cli("solve", *LINE, *arguments)
    assert outcome.status == 2
    assert outcome.out == ""
    assert outcome.err.startswith("metaregret: ")
    assert outcome.err.count("\n") == 1
    for word in entry.words:
        assert word in outcome.err
