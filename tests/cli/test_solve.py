from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli

from metaregret.theory.minimax import decomposition
from metaregret.theory.minimax.memory.master import MatrixGame


def solved(cli: Cli, *arguments: str) -> dict[str, Any]:
    outcome = cli("solve", *arguments, "--json", "-")
    assert outcome.status == 0, outcome.err
    document = json.loads(outcome.out)
    assert document["format"] == "metaregret-solution/1"
    assert document["value"]["lower"] <= document["value"]["upper"]
    assert sum(document["least_favourable"].values()) == pytest.approx(1.0, abs=1e-9)
    assert set(document["least_favourable"]) == set(document["per_task"])
    return document


def test_deterministic_grid_is_uniform(cli: Cli) -> None:
    document = solved(cli, "grid:3x3", "--horizon", "4")
    assert document["value"]["lower"] == pytest.approx(8, abs=1e-9)
    assert document["value"]["upper"] == pytest.approx(8, abs=1e-9)
    assert list(document["least_favourable"].values()) == pytest.approx([1 / 9] * 9, abs=1e-9)
    assert document["status"] == "certified"


# Values of the specification, to its digits.
@pytest.mark.parametrize(("slip", "value"), [("1/10", 7.1238), ("3/10", 5.2877), ("6/10", 2.6453)])
def test_slipping_grid(cli: Cli, slip: str, value: float) -> None:
    document = solved(cli, f"grid:3x3,slip={slip}", "--horizon", "4")
    low, high = document["value"]["lower"], document["value"]["upper"]
    assert low == pytest.approx(value, abs=5e-5)
    assert high - low <= 1e-9 * max(1.0, low)


# T13: the value with memory is 1/2 at the two ends of the line; without memory it is 1.
def test_memory_puts_the_mass_on_the_ends(cli: Cli) -> None:
    line = ("line:5,start=2", "--horizon", "4", "--detect", "visit", "--episodes", "5")
    memory = solved(cli, *line, "--learner", "memory")
    assert memory["value"]["upper"] == pytest.approx(0.5, abs=1e-9)
    assert memory["least_favourable"]["0"] == pytest.approx(0.5, abs=1e-6)
    assert memory["least_favourable"]["4"] == pytest.approx(0.5, abs=1e-6)
    history = memory["history"]  # the bracket after each round only narrows
    assert history[-1] == [memory["value"]["lower"], memory["value"]["upper"]]
    assert len(history) == memory["size"]["rounds"] > 1
    assert all(a[0] <= b[0] <= b[1] <= a[1] for a, b in pairwise(history))
    memoryless = solved(cli, *line)
    blind = solved(cli, *line, "--learner", "blind")
    # Two goals, five episodes: sum of 2**-i without memory, 5 (1 - 1/2) without adaptation.
    assert memoryless["value"]["upper"] == pytest.approx(31 / 32, abs=1e-8)
    assert blind["value"]["upper"] == pytest.approx(5 / 2, abs=1e-8)


# T13: every least-favourable distribution has half of its mass at each end, and nothing between.
def test_masses_over_all_least_favourable_distributions(cli: Cli) -> None:
    line = ("line:5,start=2", "--horizon", "4", "--detect", "visit", "--episodes", "5", "--learner", "memory")
    document = solved(cli, *line, "--mass", "each", "--mass", "0,4")
    masses = {tuple(row["tasks"]): (row["lower"], row["upper"]) for row in document["mass"]}
    expected = {("0",): 0.5, ("1",): 0, ("2",): 0, ("3",): 0, ("4",): 0.5, ("0", "4"): 1}
    assert set(masses) == set(expected)
    for tasks, mass in expected.items():
        assert masses[tasks][0] <= mass <= masses[tasks][1]
        assert masses[tasks][1] - masses[tasks][0] <= 1e-6
    assert max(row["shortfall"] for row in document["mass"]) <= 1e-8
    outcome = cli("solve", *line, "--mass", "0,4")
    assert "1.000000" in outcome.out


def test_criteria_are_consistent_at_infinity(cli: Cli) -> None:
    grid = ("grid:3x3,slip=1/10", "--horizon", "4")
    regret = solved(cli, *grid)["value"]["lower"]
    ratio = solved(cli, *grid, "--criterion", "ratio")["value"]["lower"]
    assert ratio == pytest.approx(regret + 1, rel=1e-9)  # v / rho against v / rho - 1
    hitting = solved(cli, "grid:3x3", "--horizon", "4", "--criterion", "hitting-time")["value"]["lower"]
    assert hitting == pytest.approx(9, rel=1e-9)


def test_chosen_goals_and_start(cli: Cli) -> None:
    document = solved(cli, "line:5", "--horizon", "4", "--goals", "0,4", "--start", "2")
    assert set(document["least_favourable"]) == {"0", "4"}
    assert document["value"]["lower"] == pytest.approx(1, abs=1e-9)


def test_trajectories_match_the_count(cli: Cli) -> None:
    # T09: three actions, two steps, deterministic: 3**2 - 1.
    document = solved(cli, "line:3", "--horizon", "2", "--tasks", "trajectories")
    assert document["value"]["lower"] == pytest.approx(8, rel=1e-9)
    assert len(document["per_task"]) == 9


def test_geometric_horizon(cli: Cli) -> None:
    # Two states, gamma = 1/2: v* = (1, 1/2), and rho mixes "stay" (1, 0) with "go" (1/2, 1/2): rho_1 = u /
    # 2 and # 1 / (1 - u / 2) = (1/2) / (u / 2) at u = 2/3, so the value is 1/2.
    document = solved(cli, "line:2", "--gamma", "1/2")
    assert document["value"]["upper"] - document["value"]["lower"] <= 1e-8
    assert document["value"]["lower"] == pytest.approx(1 / 2, abs=1e-8)


def test_table_shows_map_and_bounds(cli: Cli) -> None:
    outcome = cli("solve", "grid:3x3", "--horizon", "4")
    assert outcome.status == 0
    assert "least-favourable task distribution" in outcome.out
    assert "lower" in outcome.out
    assert outcome.out.count("0.111") >= 9


def test_json_file_and_figure(cli: Cli, tmp_path: Path) -> None:
    file, picture = tmp_path / "out.json", tmp_path / "map.png"
    outcome = cli("solve", "grid:2x2", "--json", str(file), "--figure", str(picture))
    assert outcome.status == 0
    assert json.loads(file.read_text())["value"]["lower"] == pytest.approx(3, abs=1e-9)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "value" in outcome.out  # the table is still printed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nonsense:3",), ("nonsense:3", "grid:")),
        (("grid:3by3",), ("grid:3by3", "grid:5x5")),
        (("grid:3x3,slop=1/10",), ("slop",)),
        (("grid:3x3,slip=3/2",), ("slip", "3/2")),
        (("grid:99999x99999",), ("cells",)),
        (("line:0",), ("line length", "'0'")),
        (("line:5,start=7",), ("start=7",)),
        (("tree:0,5",), ("parent of node 2", "5")),
        (("garnet:S=3,A=2,b=9",), ("branching", "9")),
        (("gym:NoSuchThing-v1",), ("NoSuchThing-v1",)),
        (("grid:3x3", "--horizon", "0"), ("horizon=0",)),
        (("grid:3x3", "--horizon", "-4"), ("horizon=-4",)),
        (("grid:3x3", "--gamma", "1"), ("gamma=1",)),
        (("grid:3x3", "--gamma", "nan"), ("--gamma", "nan")),
        (("grid:3x3", "--gamma", "0.9", "--horizon", "4"), ("--horizon", "--gamma")),
        (("grid:3x3", "--start", "99"), ("'99'",)),
        (("line:9", "--horizon", "2", "--goals", "8"), ("'8'", "v* = 0")),
        (("line:9", "--goals", ","), ("empty",)),
        (("line:9", "--goals", "1,1"), ("twice",)),
        (("line:9", "--goals", "there"), ("'there'",)),
        (("line:9", "--episodes", "0"), ("--episodes", "'0'")),
        (("line:9", "--episodes", "many"), ("many",)),
        (("line:9", "--tasks", "dreams"), ("dreams",)),
        (("line:9", "--tasks", "rewards:/nowhere.json"), ("/nowhere.json", "no such file")),
        (("line:9", "--learner", "blind"), ("number of episodes",)),
        (("line:9", "--tolerance", "2"), ("--tolerance",)),
        (("line:9", "--mass", "0,99"), ("--mass 0,99", "'99'", "each")),
        (("line:9", "--mass", "1,1"), ("twice",)),
        (("line:12", "--horizon", "12", "--tasks", "trajectories"), ("trajectories", "reduce")),
        (("line:20000", "--gamma", "1/2"), ("line:20000", "20000 states", "reduce", "fewer goals")),
        (("line:9", "--learner", "memory", "--episodes", "999999999"), ("999,999,999", "reduce", "K")),
        (
            ("line:9", "--detect", "visit", "--learner", "memory", "--episodes", "999999999"),
            ("999,999,999", "reduce"),
        ),
        (("grid:200x200", "--learner", "memory", "--horizon", "398"), ("40,000 goals", "fewer goals")),
        (("grid:6x6", "--learner", "memory", "--episodes", "36"), ("sets of goals", "max_edges", "Reduce")),
        (
            ("grid:5x5,slip=1/10", "--learner", "memory", "--episodes", "9"),
            ("sets of goals", "planning", "Reduce"),
        ),
        (("grid:3x3", "--figure", "map.gif"), ("map.gif", ".png")),
        (("grid:3x3", "--json", "/nowhere/out.json"), ("/nowhere/out.json",)),
    ],
)
def test_bad_usage_is_one_message(cli: Cli, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    outcome = cli("solve", *arguments)
    assert outcome.status == 2
    assert "Traceback" not in outcome.err
    assert outcome.err.strip()
    assert outcome.out == "" or "/nowhere" in str(arguments)
    for word in words:
        assert word in outcome.err


@pytest.mark.parametrize("learner", ["memory", "memoryless"])
def test_an_interrupt_shows_the_best_bracket(cli: Cli, monkeypatch: pytest.MonkeyPatch, learner: str) -> None:
    """Ctrl-C in the third master problem: status 130, and a true bracket wider than the finished one."""
    grid = ("grid:3x3,slip=1/10", "--horizon", "3", "--episodes", "3", "--learner", learner)
    finished = solved(cli, *grid)["value"]
    if learner == "memoryless":
        grid = (*grid, "--method", "decomposition")
    home, name = (MatrixGame, "solve") if learner == "memory" else (decomposition, "central_point")
    solve, calls = getattr(home, name), iter(range(1000))

    def interrupted(*arguments: Any) -> Any:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return solve(*arguments)

    monkeypatch.setattr(home, name, interrupted)
    outcome = cli("solve", *grid, "--json", "-")
    assert outcome.status == 130
    assert "best certified bracket" in outcome.err
    document = json.loads(outcome.out)
    value = document["value"]
    assert value["lower"] <= finished["upper"]
    assert finished["lower"] <= value["upper"]
    assert value["upper"] - value["lower"] > 1e-6 > finished["upper"] - finished["lower"]
    assert document["status"] == "bracketed"


def test_an_interrupt_before_any_bracket_is_only_an_interrupt(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(game: MatrixGame) -> tuple[Any, Any]:
        raise KeyboardInterrupt

    monkeypatch.setattr(MatrixGame, "solve", interrupted)
    outcome = cli("solve", "grid:3x3", "--learner", "memory", "--episodes", "3", "--json", "-")
    assert (outcome.status, outcome.out) == (130, "")


def test_exact_says_so_when_it_can_only_bracket(cli: Cli) -> None:
    """The best two episodes on a noisy grid have an irrational value; one episode has a rational one."""
    arguments = ("solve", "grid:2x2,slip=1/10", "--horizon", "2", "--exact", "--episodes")
    bracketed = cli(*arguments, "3", "--json", "-")
    assert bracketed.status == 0
    assert "no rational value was found" in bracketed.err
    value = json.loads(bracketed.out)["value"]
    assert value["exact"] is None
    assert 0 <= value["upper"] - value["lower"] < 1e-9
    found = cli(*arguments, "1", "--json", "-")
    assert "no rational value" not in found.err
    assert json.loads(found.out)["value"]["exact"] is not None


def test_infinitely_many_episodes_with_memory_know_their_process(cli: Cli, tmp_path: Path) -> None:
    arguments = ("solve", "grid:2x2,slip=1/10", "--horizon", "2", "--learner", "memory")
    picture = tmp_path / "map.png"
    drawn = cli(*arguments, "--figure", str(picture))
    assert drawn.out.startswith("grid:2x2,slip=1/10, T = 2: ")
    assert picture.stat().st_size > 0
    refused = cli(*arguments, "--certificate", str(tmp_path / "c.json"))
    assert refused.status == 2
    assert "give a number of episodes" in refused.err
