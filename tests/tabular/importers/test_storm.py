"""Models read through Storm have the values that Storm's exact engine finds; DRN keeps processes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from metaregret.tabular.engine import solve
from metaregret.tabular.environments import load, make
from metaregret.tabular.errors import FileFormatError, UnsupportedError
from metaregret.tabular.importers import Imported, read, read_storm, write_drn
from metaregret.tabular.importers.imported import reward_table
from metaregret.tabular.strategies import processes

stormpy = pytest.importorskip(
    "stormpy", reason="values are not set beside Storm's: pip install 'metaregret[storm]'"
)

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


@given(processes(max_states=4, random_start=False))
@settings(max_examples=25, deadline=None)
def test_drn_round_trip(process: Any) -> None:
    """The same dynamics, the same expected rewards, the same value."""
    import tempfile

    rewards = np.array([Fraction(i % 7 - 2, 3) for i in range(process.n_transitions)], dtype=object)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.drn"
        write_drn(file, process, reward_table(process, rewards))
        again = read(file)
    for name in ("choice_offsets", "choice_action", "offsets", "successors", "probabilities", "initial"):
        np.testing.assert_array_equal(getattr(process, name), getattr(again.process, name), err_msg=name)
    assert list(again.process.exact_probabilities) == list(process.exact_probabilities)
    assert again.rewards is not None
    assert again.rewards.exact is not None
    values = [
        solve(model, paid, objective="discounted", gamma=Fraction(1, 2), exact=True).value.exact
        for model, paid in ((process, rewards), (again.process, again.rewards.exact[0]))
    ]
    assert values[0] == values[1]


def test_drn_refuses_what_it_cannot_say(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="one initial state"):
        write_drn(tmp_path / "a.drn", make("line:3").replaced(initial={0: "1/2", 1: "1/2"}))
    assert list(tmp_path.iterdir()) == []
