"""Models read through Storm have the values that Storm's exact engine finds; DRN keeps processes."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular.engine import solve
from metaregret.tabular.environments import load, make
from metaregret.tabular.errors import FileFormatError, UnsupportedError
from metaregret.tabular.importers import Imported, read, read_storm, write_drn, write_explicit
from metaregret.tabular.importers.imported import reward_table
from metaregret.tabular.labels import Labels
from metaregret.tabular.rewards import RewardTables
from metaregret.tabular.strategies import processes
from tests.storm import NO_STORM

stormpy = pytest.importorskip("stormpy", reason=NO_STORM)

MODELS = Path(__file__).parent / "models"
CONSTANTS = {
    "backoff.nm": "",
    "consensus.nm": "K=1",
    "die.prism": "",
    "gambler.prism": "N=6",
    "herman.pm": "b=1/3",
    "leader.pm": "K=3",
    "monty.nm": "",
    "retransmission.pm": "N=4,M=2",
    "robot.nm": "",
    "zeroconf.pm": "K=3,q=1/7",
}


def constants(text: str) -> dict[str, str]:
    return dict(part.split("=") for part in text.split(",") if part)


class Storm:
    """Storm's own exact model checker on a PRISM file."""

    def __init__(self, file: Path, given: str) -> None:
        self.program = stormpy.parse_prism_program(str(file))
        if given:
            self.program, _ = stormpy.instantiate_constants(self.program, given)
        self.model = stormpy.build_model[stormpy.Rational](self.program)

    def value(self, question: str) -> Fraction:
        (formula,) = stormpy.parse_properties(question, self.program)
        found = stormpy.model_checking(self.model, formula)
        return Fraction(str(found[self.model.initial_states[0]]).split()[0])  # "value [lower, upper]"


def values(model: Imported, given: str, file: Path) -> list[tuple[str, Any, Fraction]]:
    """Every question about labels and rewards: its text, our exact value, Storm's."""
    peer = Storm(file, given)
    chain = model.process.n_choices == model.process.n_states
    found = []
    for maximise in (True, False):
        extreme = "" if chain else "max" if maximise else "min"
        for label, states in model.labels.items():
            ours = solve(
                model.process, objective="reach", targets=np.array(states), maximise=maximise, exact=True
            )
            question = f'P{extreme}=? [F "{label}"]'
            found.append((question, ours.value.exact, peer.value(question)))
        assert model.rewards is not None
        assert model.rewards.exact is not None
        for name, rewards in zip(model.rewards.tasks, model.rewards.exact, strict=True):
            for steps in (None, 7):
                objective: dict[str, Any] = (
                    {"objective": "total"} if steps is None else {"objective": "finite", "steps": steps}
                )
                ours = solve(model.process, rewards, **objective, maximise=maximise, exact=True)
                question = f'R{{"{name}"}}{extreme}=? [C{"" if steps is None else f"<={steps}"}]'
                found.append((question, ours.value.exact, peer.value(question)))
    return found


@pytest.mark.parametrize("name", CONSTANTS)
def test_values_are_storms_exact_ones(name: str) -> None:
    model = read_storm(MODELS / name, constants(CONSTANTS[name]))
    assert model.process.is_exact
    found = values(model, CONSTANTS[name], MODELS / name)
    assert len(found) >= 6
    for question, ours, storms in found:
        assert ours == storms, question


def test_a_wrong_model_is_caught_by_these_values() -> None:
    """Planted: other constants than Storm was given."""
    model = read_storm(MODELS / "zeroconf.pm", {"K": "3", "q": "1/8"})
    assert any(ours != storms for _, ours, storms in values(model, "K=3,q=1/7", MODELS / "zeroconf.pm"))


def test_known_answers() -> None:
    """A fair die is fair and takes 11/3 flips (Knuth and Yao 1976)."""
    model = load(f"storm:{MODELS / 'die.prism'}")
    assert {len(states) for states in model.labels.values()} == {1}
    for states in model.labels.values():
        one = solve(model.process, objective="reach", targets=np.array(states), exact=True)
        assert one.value.exact == Fraction(1, 6)
    assert model.rewards is not None
    assert model.rewards.exact is not None
    assert solve(
        model.process, model.rewards.exact[0], objective="total", exact=True
    ).value.exact == Fraction(11, 3)


def test_names_are_values_of_the_variables() -> None:
    model = read_storm(MODELS / "gambler.prism", {"N": "4"})
    assert next(iter(model.process.states)) == "x=1"
    assert set(model.process.actions) == {"timid", "bold", "rest"}
    assert [model.process.states[s] for s in model.labels["rich"]] == ["x=4"]


def test_deadlocks_are_reported() -> None:
    assert any("deadlock" in text for text in read_storm(MODELS / "backoff.nm").warnings())
    assert read_storm(MODELS / "robot.nm").warnings() == ()


@pytest.mark.parametrize("name", ["gambler.prism", "consensus.nm", "retransmission.pm"])
def test_jani_has_the_values_of_the_program_it_was_made_from(name: str, tmp_path: Path) -> None:
    program = stormpy.parse_prism_program(str(MODELS / name))
    jani, _ = program.to_jani([])
    file = tmp_path / "model.jani"
    file.write_text(str(jani))
    model = read_storm(file, constants(CONSTANTS[name]))
    peer = Storm(MODELS / name, CONSTANTS[name])
    chain = model.process.n_choices == model.process.n_states
    assert model.rewards is not None
    assert model.rewards.exact is not None
    for task, rewards in zip(model.rewards.tasks, model.rewards.exact, strict=True):
        ours = solve(model.process, rewards, objective="total", exact=True)
        assert ours.value.exact == peer.value(f'R{{"{task}"}}{"" if chain else "max"}=? [C]')


def test_explicit_files(tmp_path: Path) -> None:
    """By hand: from 0, action 0 goes to 1 with 3/10 and pays 4 then, else 3/2; action 1 pays 3/2 and
    stays."""
    (tmp_path / "m.tra").write_text("mdp\n0 0 1 0.3\n0 0 0 0.7\n0 1 0 1\n1 0 1 1\n")
    (tmp_path / "m.lab").write_text("#DECLARATION\ninit goal\n#END\n0 init\n1 goal\n")
    (tmp_path / "m.srew").write_text("0 1.5\n")
    (tmp_path / "m.trew").write_text("0 0 1 2.5\n")
    model = read(tmp_path / "m.tra")
    assert model.labels == {"goal": (1,)}
    assert model.process.is_exact
    assert model.rewards is not None
    assert model.rewards.exact is not None
    assert model.rewards.exact.tolist() == [[Fraction(3, 2), 4, Fraction(3, 2), 0]]
    assert solve(
        model.process, model.rewards.exact[0], objective="finite", steps=1, exact=True
    ).value.exact == Fraction(9, 4)


@pytest.mark.parametrize(
    ("text", "given", "words"),
    [
        ("mdp\nmodule m s:[0..1\nendmodule", {}, "Parsing error"),
        ("mdp\nconst int K;\nmodule m s:[0..1]; endmodule", {}, "the constant K has no value; give K=VALUE"),
        ("mdp\nmodule m s:[0..1]; endmodule", {"K": "1"}, "K is no undefined constant"),
        ("mdp\nconst int K;\nmodule m s:[0..K]; endmodule", {"K": "many"}, "Storm cannot read it"),
    ],
)
def test_files_that_storm_refuses(text: str, given: dict[str, str], words: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.prism"
    file.write_text(text)
    with pytest.raises(FileFormatError, match=words):
        read_storm(file, given)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ctmc\nmodule m\n s:[0..1];\n <> s=0 -> 2 : (s'=1);\nendmodule", "CTMC"),
        ("mdp\nmodule m\n s:[0..1];\n [] true -> true;\nendmodule\ninit true endinit", "2"),
    ],
)
def test_models_that_are_no_process(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "other.prism"
    file.write_text(text)
    with pytest.raises(UnsupportedError, match=words):
        read_storm(file)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(FileFormatError, match="no such file"):
        load("storm:nowhere.prism")
    with pytest.raises(FileFormatError, match="no such file"):
        load("nowhere.drn")


SAME = ("choice_offsets", "choice_action", "offsets", "successors", "initial")


@given(processes(max_states=4, random_start=False), st.sampled_from(["drn", "tra"]))
@settings(max_examples=40, deadline=None)
def test_round_trips_through_storms_files(process: Any, ending: str) -> None:
    """The same dynamics, the same rewards in expectation, the same value; decimals where files hold them."""
    shift = 2 if ending == "drn" else 0
    rewards = np.array([Fraction(i % 7 - shift, 4) for i in range(process.n_transitions)], dtype=object)
    goals = {"goal": (process.n_states - 1,), "not a word": (0,)}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"model.{ending}"
        write = write_drn if ending == "drn" else write_explicit
        notes = write(file, process, reward_table(process, rewards), goals)
        again = read(file)
    for name in SAME:
        np.testing.assert_array_equal(getattr(process, name), getattr(again.process, name), err_msg=name)
    assert again.labels == {"goal": (process.n_states - 1,)}
    assert again.rewards is not None
    assert again.rewards.exact is not None
    spelled = [Fraction(repr(float(p))) for p in process.exact_probabilities]
    decimal = spelled == list(process.exact_probabilities)
    assert [note.text[0] for note in notes if "rounded" in note.text] == [] if decimal or shift else ["0"]
    if not (decimal or shift):
        np.testing.assert_array_equal(process.probabilities, again.process.probabilities)
        return
    assert list(again.process.exact_probabilities) == list(process.exact_probabilities)
    if not shift:
        assert again.rewards.exact.tolist() == [rewards.tolist()]
    values = [
        solve(model, paid, objective="discounted", gamma=Fraction(1, 2), exact=True).value.exact
        for model, paid in ((process, rewards), (again.process, again.rewards.exact[0]))
    ]
    assert values[0] == values[1]


def test_drn_holds_means_of_rewards_and_says_so(tmp_path: Path) -> None:
    line = make("line:3,slip=1/2")
    own = [Fraction(line.choice_action[c] + 1, 3) for c in line.transition_choice.tolist()]
    tables = RewardTables.from_exact(
        line, Labels(["b", "a"], "task"), [own, list(map(Fraction, line.successors.tolist()))]
    )
    (note,) = write_drn(tmp_path / "a.drn", line, tables)
    assert note.differs
    assert "next state are written as their means" in note.text
    again = read(tmp_path / "a.drn").rewards
    assert again is not None
    assert again.exact is not None
    assert list(again.tasks) == ["a", "b"]
    assert again.exact[1].tolist() == own
    assert write_drn(tmp_path / "b.drn", line, RewardTables.from_exact(line, Labels(1, "task"), [own])) == ()


def test_storm_finds_the_same_value_in_explicit_files(tmp_path: Path) -> None:
    """Storm's own reader and checker on what is written: a grid's far corner, and the moves until there."""
    grid = make("grid:3x3,slip=1/5")
    corner = grid.n_states - 1
    paid = np.array([float(grid.choice_state[c] != corner) for c in grid.transition_choice])
    write_explicit(tmp_path / "g.tra", grid, reward_table(grid, paid), {"corner": [corner]})
    files = [str(tmp_path / f"g.{ending}") for ending in ("tra", "lab", "trew")]
    model = stormpy.build_model_from_explicit(files[0], files[1], transition_rewards=files[2])
    (formula,) = stormpy.parse_properties('Rmin=? [F "corner"]')
    storms = float(stormpy.model_checking(model, formula)[0])
    rewards = reward_table(grid, paid).exact
    assert rewards is not None
    ours = solve(grid, -rewards[0], objective="total", targets=np.array([corner]), exact=True)
    assert -float(ours.value) == pytest.approx(storms, abs=1e-5)


def test_what_storms_files_cannot_say_is_refused(tmp_path: Path) -> None:
    line = make("line:3")
    for write in (write_drn, write_explicit):
        with pytest.raises(UnsupportedError, match="one initial state"):
            write(tmp_path / "a.tra", line.replaced(initial={0: "1/2", 1: "1/2"}))
    paid = reward_table(line, np.full(line.n_states, -1))
    with pytest.raises(UnsupportedError, match="no negative rewards"):
        write_explicit(tmp_path / "a.tra", line, paid)
    assert paid.exact is not None
    two = RewardTables.from_exact(line, Labels(2, "task"), [paid.exact[0]] * 2)
    with pytest.raises(UnsupportedError, match="one task's rewards"):
        write_explicit(tmp_path / "a.tra", line, two)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a.srew").write_text("0 1\n")
    with pytest.raises(UnsupportedError, match=r"a\.srew would be read"):
        write_explicit(tmp_path / "a.tra", line)


BOOLEANS = """mdp
module switch
  on : bool init false;
  x : [0..1] init 0;
  [flip] !on -> 0.1 : (on'=true) + 0.9 : (x'=1-x);
  [rest] on -> true;
endmodule
"""


def test_states_are_named_by_truth_values(tmp_path: Path) -> None:
    """A byte order mark is no content, in whatever Storm reads."""
    (tmp_path / "a.prism").write_text(BOOLEANS)
    (tmp_path / "b.prism").write_text("\ufeff" + BOOLEANS)
    (tmp_path / "c.txt").write_text(BOOLEANS)
    for name, form in (("a.prism", None), ("b.prism", None), ("c.txt", "prism")):
        process = read(tmp_path / name, form).process
        assert sorted(process.states) == ["!on,x=0", "!on,x=1", "on,x=0", "on,x=1"]
        assert process.name == name[0]


@pytest.mark.parametrize("ending", ["drn", "tra"])
def test_models_without_a_start_are_refused(ending: str, tmp_path: Path) -> None:
    write = write_drn if ending == "drn" else write_explicit
    write(tmp_path / f"a.{ending}", make("line:3"))
    for file in tmp_path.iterdir():
        file.write_text(file.read_text().replace("init", "begin"))
    with pytest.raises(UnsupportedError, match="one initial state, but got 0"):
        read(tmp_path / f"a.{ending}")
