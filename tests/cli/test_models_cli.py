"""Models of other people on the command line: right values, notes on standard error, refusals by name."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli

from metaregret.tabular.labels import split_pairs
from tests.storm import NO_STORM

MODELS = Path(__file__).parents[1] / "tabular" / "importers" / "models"


def exact(cli: Cli, *arguments: str) -> Fraction:
    outcome = cli("plan", *arguments, "--exact", "--json", "-")
    assert outcome.status == 0, outcome.err
    return Fraction(json.loads(outcome.out)["value"]["exact"])


# ---------------------------------------------------------------- Gymnasium


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        # by hand: straight on six times, or one of the two detours of equal length
        (
            ("gym:FrozenLake-v1,success_rate=0.9999", "--goal", "15", "--horizon", "6"),
            Fraction(99950009999000049999, 10**20),
        ),
        (("gym:FrozenLake-v1", "--goal", "15", "--reach"), Fraction(14, 17)),
        (("gym:FrozenLake-v1", "--rewards", "model", "--total"), Fraction(14, 17)),
        (("gym:FrozenLake-v1,success_rate=1/3", "--rewards", "model", "--total"), Fraction(14, 17)),
        (
            (
                "gym:FrozenLake-v1,is_slippery=false,reward_schedule=[3,0,-1/2]",
                "--rewards",
                "model",
                "--total",
            ),
            Fraction(1, 2),
        ),
        (("gym:FrozenLake-v1,desc=SFG/HHH,is_slippery=FALSE", "--goal", "2", "--horizon", "2"), Fraction(1)),
        (
            ('gym:FrozenLake-v1,desc=["SFG","HHH"],is_slippery=false', "--goal", "2", "--horizon", "1"),
            Fraction(0),
        ),
        (("gym:CliffWalking-v1", "--rewards", "model", "--total"), Fraction(-13)),
        (
            ("gym:Taxi-v4,fickle_passenger=true", "--start", "1", "--goal", "85", "--horizon", "30"),
            Fraction(7, 10),
        ),
        (("gym:Taxi-v4", "--start", "1", "--goal", "85", "--horizon", "30"), Fraction(1)),
        # at the passenger's destination, who waits there to be taken nowhere: pick up, drop: -1 + 20
        (("gym:Taxi-v4", "--start", "85", "--rewards", "model", "--horizon", "2"), Fraction(19)),
        (
            (
                "gym:Taxi-v4,fickle_passenger=true,fickle_probability=1/7",
                "--start",
                "1",
                "--goal",
                "85",
                "--horizon",
                "20",
            ),
            Fraction(6, 7),
        ),
        # one square away, a move more
        (("gym:Taxi-v4", "--start", "65", "--rewards", "model", "--horizon", "3"), Fraction(18)),
    ],
)
def test_gymnasium_values(cli: Cli, arguments: tuple[str, ...], value: Fraction) -> None:
    arguments = tuple(word.replace("-1/2", "-0.5") for word in arguments)
    assert exact(cli, *arguments) == value


def test_a_rate_of_decimals(cli: Cli) -> None:
    found = exact(cli, "gym:FrozenLake-v1,success_rate=0.3333", "--goal", "15", "--reach")
    assert float(found) == pytest.approx(0.8235164371, abs=5e-11)


@pytest.mark.parametrize("word", ["no", "off", "null", "false ", "0", "", "nein"])
def test_options_are_read_by_their_own_type(cli: Cli, word: str) -> None:
    outcome = cli("env", "show", f"gym:FrozenLake-v1,is_slippery={word}")
    assert outcome.status == 2
    assert f"is_slippery to be true or false, but got '{word}'" in outcome.err


@pytest.mark.parametrize(
    ("specification", "words"),
    [
        ("gym:FrozenLake-v1,success_rate=often", "success_rate to be a number"),
        ("gym:FrozenLake-v1,success_rate=1.5", "action 0 -> 0 is -1/4; probabilities are between 0 and 1"),
        ("gym:FrozenLake-v1,reward_schedule=1", "reward_schedule to be a list"),
        ("gym:FrozenLake-v1,success_rate=0.99999999999999999999", "is 1.0 to the environment"),
        ("gym:FrozenLake-v1,render_mode=human", "no option 'render_mode'"),
        ("gym:FrozenLake-v1,max_episode_steps=5", "no option 'max_episode_steps'"),
        ("gym:FrozenLake-v1,desc=FF/FG", "needs a tile S"),
        ("gym:FrozenLake-v1,desc=[SF", "does not close"),
        ("gym:Taxi-v4,is_rainy=maybe", "is_rainy to be true or false"),
        ("gym:Taxi-v4,start=900", "Unknown start state '900'"),
        ("gym:Blackjack-v1,start=900", "Unknown start state '900'"),
        ("gym:CartPole-v1", "no transition table P, and its steps cannot be enumerated"),
    ],
)
def test_gymnasium_specifications_that_are_refused(cli: Cli, specification: str, words: str) -> None:
    outcome = cli("env", "show", specification)
    assert outcome.status == 2
    assert words in outcome.err
    assert "Traceback" not in outcome.err


THIRD_PARTY = '''
import gymnasium
from gymnasium import spaces


class Ladder(gymnasium.Env):
    """Climb with probability 0.123; the table says so, unless an option changes the steps only."""

    def __init__(self, height: int = 2, chance: float = 0.123, secret: bool = False, lost: bool = False):
        self.P = {
            s: {0: [(chance, s + 1, 1, s + 1 == height), (1 - chance, s, 0, False)]} for s in range(height)
        }
        self.chance = chance
        self.P[height] = {0: [(1.0, height, 0.0, True)]}
        self.secret = secret
        self.observation_space = spaces.Discrete(height + 1)
        self.action_space = spaces.Discrete(1)
        if not lost:
            self.initial_state_distrib = [1.0] + [0.0] * height

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.s = 0
        return 0, {}

    def step(self, action):
        up = self.np_random.random() < self.chance
        self.s += int(up)
        return self.s, (2.0 if self.secret else 1.0) * up, self.s == len(self.P) - 1, False, {}


gymnasium.register(id="Ladder-v0", entry_point=Ladder)
'''


@pytest.fixture
def ladder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of the current folder that registers an environment."""
    (tmp_path / "ladder_for_tests.py").write_text(THIRD_PARTY)
    monkeypatch.chdir(tmp_path)
    return "gym:ladder_for_tests:Ladder-v0"


def test_a_registered_environment_of_a_third_party(cli: Cli, ladder: str) -> None:
    assert exact(cli, ladder, "--rewards", "model", "--horizon", "1") == Fraction(123, 1000)
    assert exact(cli, f"{ladder},height=3", "--rewards", "model", "--total") == 3
    third = cli("plan", f"{ladder},chance=1/3", "--goal", "1", "--horizon", "1", "--exact", "--json", "-")
    assert "the option 1/3 is the float 0.3333333333333333 to the environment" in third.err
    assert json.loads(third.out)["value"]["exact"] == f"{(10**16 - 1) // 3}/{10**16}"
    told = cli("env", "show", f"{ladder},secret=true")
    assert told.status == 2
    assert "its table P does not list" in told.err
    silent = cli("env", "show", f"{ladder},lost=true")
    assert silent.status == 2
    assert (
        "does not say where episodes start (it has no initial_state_distrib); give start=STATE" in silent.err
    )
    assert exact(cli, f"{ladder},lost=true", "--start", "1", "--rewards", "model", "--total") == 1


def test_blackjack(cli: Cli) -> None:
    """A natural wins at once under Sutton and Barto's rules, so it is worth one minus the dealer's."""
    start = "(21, 5, 1, 'natural')"
    assert exact(cli, "gym:Blackjack-v1", "--start", start, "--rewards", "model", "--total") == 1
    tie = exact(cli, "gym:Blackjack-v1", "--start", "(21, 1, 1, 'natural')", "--rewards", "model", "--total")
    assert tie == 1 - Fraction(4, 13)


# ---------------------------------------------------------------- what is said


def test_show_says_how_it_was_read(cli: Cli, tmp_path: Path) -> None:
    outcome = cli("env", "show", "gym:FrozenLake-v1", "--json", "-")
    facts = json.loads(outcome.out)
    assert facts["exact"] is True
    assert facts["arithmetic"].startswith("exact")
    assert facts["largest row error"] == 0
    assert facts["absorbing"] == ["5", "7", "11", "12", "15"]
    assert facts["rewards"] == ["model"]
    assert any("made absorbing" in note for note in facts["notes"])
    assert "read as 1/3, as the source has it" in outcome.err
    assert cli("env", "show", "grid:3x3").err == ""
    file = tmp_path / "a.json"
    rows = [["a", "x", "b", 0.3333333333], ["a", "x", "a", 0.6666666666], ["b", "x", "b", 1]]
    document = {"format": "metaregret-cmp/1", "states": ["a", "b"], "actions": ["x"], "initial": {"a": 1}}
    file.write_text(json.dumps(document | {"horizon": 2, "transitions": rows}))
    facts = json.loads(cli("env", "show", str(file), "--json", "-").out)
    assert facts["exact"] is False
    assert "state 'a'" in facts["arithmetic"]
    assert 9e-11 < facts["largest row error"] < 1.1e-10


def test_time_limits_are_noted_where_episodes_are_longer(cli: Cli) -> None:
    limit = "time limit of 100 steps"
    assert limit not in cli("plan", "gym:FrozenLake-v1", "--goal", "15").err
    assert limit in cli("plan", "gym:FrozenLake-v1", "--goal", "15", "--reach").err
    assert limit in cli("plan", "gym:FrozenLake-v1", "--goal", "15", "--horizon", "101").err


# ---------------------------------------------------------------- names


def named(folder: Path, *names: str) -> str:
    """A walk along states of these names."""
    rows: list[list[Any]] = []
    for one, other in zip(names, [*names[1:], names[-1]], strict=True):
        rows += [[one, "go", other, 1], [one, "stay", one, 1]]
    document = {
        "format": "metaregret-cmp/1",
        "states": list(names),
        "actions": ["go", "stay"],
        "initial": {names[0]: 1},
        "horizon": 2,
        "transitions": rows,
    }
    file = folder / "named.json"
    file.write_text(json.dumps(document))
    return str(file)


def test_names_with_commas(cli: Cli, tmp_path: Path) -> None:
    file = named(tmp_path, "4,3", "(0, 1)", "c")
    for goal in ("(0, 1)", '"(0, 1)"', '["(0, 1)"]'):
        assert exact(cli, file, "--goal", goal) == 1
    for goals in ('"4,3","(0, 1)"', '["4,3", "(0, 1)"]'):
        solved = cli("solve", file, "--goals", goals, "--mass", goals, "--json", "-")
        assert solved.status == 0, solved.err
        assert set(json.loads(solved.out)["least_favourable"]) == {"4,3", "(0, 1)"}
        assert json.loads(solved.out)["mass"][0]["tasks"] == ["4,3", "(0, 1)"]
    assert cli("solve", file, "--mass", "4,3").status == 0
    prior = '"4,3"=1/2,"(0, 1)"=1/2'
    found = cli("bayes", file, "--episodes", "2", "--prior", prior, "--json", "-")
    assert found.status == 0, found.err
    assert json.loads(found.out)["prior"] == {"4,3": 0.5, "(0, 1)": 0.5, "c": 0.0}
    pairs = [("4,3", "1/2"), ("(0, 1)", "0.5")]
    assert split_pairs('[["4,3", "1/2"], ["(0, 1)", 0.5]]') == pairs
    assert split_pairs('{"4,3": "1/2", "(0, 1)": 0.5}') == pairs
    assert split_pairs('s=0=1/3,"s=1,d=2"=2/3') == [("s=0", "1/3"), ("s=1,d=2", "2/3")]


@pytest.mark.parametrize(
    ("goals", "words"),
    [
        ("4,3,c", "Unknown state '4'"),
        ('"4,3', "do not close"),
        ('"4,3"c', "Expected a comma"),
        ("c,c", "named twice"),
        ("[1.5, {}]", "Expected a list of states"),
        (",", "the list ',' is empty"),
    ],
)
def test_lists_of_names_that_are_refused(cli: Cli, goals: str, words: str, tmp_path: Path) -> None:
    outcome = cli("solve", named(tmp_path, "4,3", "(0, 1)", "c"), "--goals", goals)
    assert outcome.status == 2
    assert words in outcome.err


def test_several_goals_are_a_set(cli: Cli) -> None:
    """Of three cells in a line, one of the two ends is reached however the walk slips."""
    assert exact(cli, "line:3,start=1,slip=1/2", "--goal", "0,2", "--reach") == 1


def test_control_characters_of_names_are_escaped(cli: Cli, tmp_path: Path) -> None:
    file = named(tmp_path, "a\x1b[31m", "b\u202e", "c\x07")
    for command in (("env", "show", file), ("plan", file, "--goal", "c\x07"), ("solve", file)):
        outcome = cli(*command)
        assert outcome.status == 0
        assert not set("\x1b\u202e\x07") & set(outcome.out + outcome.err)
    assert "c\\x07" in cli("solve", file).out
    refused = cli("plan", file, "--goal", "\x1b[31m")
    assert refused.status == 2
    assert "\x1b" not in refused.err


# ---------------------------------------------------------------- files


def rewards(folder: Path, rows: list[Any], name: str = "pay.json", mark: bytes = b"") -> str:
    file = folder / name
    file.write_bytes(mark + json.dumps({"format": "metaregret-rewards/1", "tasks": {"pay": rows}}).encode())
    return str(file)


def test_one_task_needs_no_name(cli: Cli, tmp_path: Path) -> None:
    pays = rewards(tmp_path, [["2", "*", "*", 3]])
    assert exact(cli, "line:3", "--rewards", pays, "--horizon", "3") == 3
    two = tmp_path / "two.json"
    two.write_text(json.dumps({"format": "metaregret-rewards/1", "tasks": {"one": [], "two": []}}))
    outcome = cli("plan", "line:3", "--rewards", str(two))
    assert outcome.status == 2
    assert "2 tasks ('one', 'two')" in outcome.err


def test_a_byte_order_mark_is_no_content(cli: Cli, tmp_path: Path) -> None:
    mark = b"\xef\xbb\xbf"
    pays = rewards(tmp_path, [["2", "*", "*", 3]], mark=mark)
    assert exact(cli, "line:3", "--rewards", pays, "--horizon", "3") == 3
    file = Path(named(tmp_path, "a", "b"))
    file.write_bytes(mark + file.read_bytes())
    assert exact(cli, str(file), "--goal", "b") == 1


@pytest.mark.parametrize(
    "rows",
    [
        [["2", "stay", "2", 3], ["1", "*", "*", 1], ["2", "stay", "2", 3]],
        [["2", "*", "*", 3], ["2", "*", "*", 4]],
        [["2", "stay", "*", 3], ["2", "*", "2", 4]],
    ],
)
def test_a_reward_listed_twice_is_an_error(cli: Cli, rows: list[Any], tmp_path: Path) -> None:
    outcome = cli("plan", "line:3", "--rewards", rewards(tmp_path, rows))
    assert outcome.status == 2
    assert "list each reward once" in outcome.err


def test_the_more_precise_reward_counts_wherever_it_stands(cli: Cli, tmp_path: Path) -> None:
    rows = [["0", "stay", "0", 5], ["0", "*", "*", 1]]
    assert exact(cli, "line:3", "--rewards", rewards(tmp_path, rows), "--horizon", "2") == 10
    assert exact(cli, "line:3", "--rewards", rewards(tmp_path, rows[::-1]), "--horizon", "2") == 10


@pytest.mark.parametrize("option", ["--json", "--certificate"])
def test_inputs_are_never_overwritten(cli: Cli, option: str, tmp_path: Path) -> None:
    file, pays = named(tmp_path, "a", "b"), rewards(tmp_path, [["b", "*", "*", 3]])
    before = Path(file).read_bytes(), Path(pays).read_bytes()
    link = tmp_path / "link.json"
    link.symlink_to(pays)
    for command in (
        ("solve", file, option, file),
        ("plan", file, "--goal", "b", option, f"{tmp_path}/../{tmp_path.name}/named.json"),
        ("plan", file, "--rewards", pays, option, pays),
        ("plan", file, "--rewards", pays, option, str(link)),
        ("solve", file, "--tasks", f"rewards:{pays}", option, pays),
    ):
        outcome = cli(*command)
        assert outcome.status == 2, command
        assert "the command reads this file" in outcome.err
    assert cli("env", "export", file, file).status == 2
    certificate = str(tmp_path / "certificate.json")
    for _ in range(2):  # outputs of an earlier run are replaced
        solved = cli(
            "solve", file, "--exact", "--certificate", certificate, "--json", str(tmp_path / "out.json")
        )
        assert solved.status == 0
    assert cli("check", certificate, "--json", certificate).status == 2
    table = str(tmp_path / "table.csv")
    assert [cli("compare", "line:3", "--methods", "uniform", "--csv", table).status for _ in range(2)] == [
        0,
        0,
    ]
    assert (Path(file).read_bytes(), Path(pays).read_bytes()) == before


def test_exports_come_back(cli: Cli, tmp_path: Path) -> None:
    lake = "gym:FrozenLake-v1"
    pays = tmp_path / "pay.json"
    assert cli("env", "export", lake, str(tmp_path / "a.json"), "--rewards", str(pays)).status == 0
    assert exact(cli, str(tmp_path / "a.json"), "--rewards", str(pays), "--total") == Fraction(14, 17)
    assert cli("env", "export", lake, str(tmp_path / "a.npz")).status == 0
    assert exact(cli, str(tmp_path / "a.npz"), "--rewards", "model", "--total") == Fraction(14, 17)
    outcome = cli("env", "export", "gym:Taxi-v4,fickle_passenger=true,start=1", str(tmp_path / "t.npz"))
    assert "sets of states are left out: '0', '1', '2', '3' and 496 more" in outcome.err
    (tmp_path / "odd").write_bytes((tmp_path / "a.npz").read_bytes())
    assert exact(cli, str(tmp_path / "odd"), "--format", "npz", "--rewards", "model", "--total") == Fraction(
        14, 17
    )
    outcome = cli("plan", "line:3", "--rewards", "model")
    assert outcome.status == 2
    assert "came without rewards" in outcome.err


def test_storm_on_the_command_line(cli: Cli, tmp_path: Path) -> None:
    pytest.importorskip("stormpy", reason=NO_STORM)
    die = f"storm:{MODELS / 'die.prism'}"
    assert exact(cli, die, "--goal", "six", "--reach") == Fraction(1, 6)
    assert exact(cli, die, "--goal", "s=7,d=6", "--reach") == Fraction(1, 6)
    assert exact(cli, die, "--rewards", "model", "--total") == Fraction(11, 3)
    assert exact(cli, f"storm:{MODELS / 'gambler.prism'},N=6", "--goal", "rich", "--reach") == Fraction(8, 95)
    drn = str(tmp_path / "die.drn")
    assert cli("env", "export", die, drn).status == 0
    assert exact(cli, drn, "--rewards", "model", "--task", "flips", "--total") == Fraction(11, 3)
    solved = cli("solve", die, "--tasks", "rewards:model", "--horizon", "4")
    assert solved.status in (0, 2)
    missing = cli("env", "show", f"storm:{MODELS / 'gambler.prism'}")
    assert missing.status == 2
    assert "the constant N has no value" in missing.err
