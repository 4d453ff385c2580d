"""Results: named numbers, text, tables, documents, LaTeX, pictures, certificates."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaregret.tabular import Bracket, InvalidArgumentError, Labels, UnsupportedError, make
from metaregret.tabular.errors import UnknownNameError
from metaregret.theory import (
    ByName,
    MinimaxSolution,
    Plan,
    Proposal,
    Result,
    check,
    compare,
    goals,
    plan,
    propose,
    rewards,
    solve,
    trajectories,
)
from metaregret.theory.minimax.ladder import ladder
from metaregret.theory.minimax.memory import bayes_optimal
from metaregret.theory.plotting import style
from metaregret.theory.regret import memoryless_regret


@pytest.fixture(scope="module")
def exact() -> MinimaxSolution:
    return solve(goals(make("grid:3x3,slip=1/10", horizon=4)), exact=True)


@pytest.fixture(scope="module")
def results(exact: MinimaxSolution) -> dict[str, Result]:
    process = make("line:5,start=2", horizon=4)
    return {
        "exact": exact,
        "float": solve(goals(process), episodes=3, learner="blind"),
        "memory": solve(goals(process, detect="visit"), learner="memory", episodes=5, exact=True),
        "trajectories": solve(trajectories(make("line:3", horizon=2))),
        "plan": plan(process, goal="4", exact=True),
        "proposal": propose(process, "uniform", learner="memory", episodes=3),
        "comparison": compare(make("line:3", horizon=2), ["uniform", "capacity"], memory=False),
        "ladder": ladder(goals(process, detect="visit"), 5, exact=True),
        "bayes": bayes_optimal(goals(process, detect="visit"), "0=2/3,4=1/3", 5).beside(
            {"the far end": np.eye(5)[4]}
        ),
    }


NAMES = ("exact", "float", "memory", "trajectories", "plan", "proposal", "comparison", "ladder", "bayes")


# ---------------------------------------------------------------- brackets


@given(st.fractions(max_denominator=10**6))
def test_a_bracket_is_a_number(value: Fraction) -> None:
    exact = Bracket.of(value)
    assert float(exact) == float(value)
    assert f"{exact:.4f}" == f"{float(value):.4f}"
    assert str(exact).partition(" ")[0] == str(value)
    assert f"{exact}" == str(exact)


def test_a_bracket_in_floating_point() -> None:
    value = Bracket(1.0, 2.0)
    assert float(value) == 1.5
    assert f"{value:.2e}" == "1.50e+00"
    assert str(value) == "1.5  (lower 1, upper 2, gap 1.0e+00)"
    assert float(Bracket(1.0, math.inf)) == math.inf


def test_a_rational_number_beyond_floating_point() -> None:
    huge = Bracket.of(Fraction(10**400))
    assert float(huge) == math.inf
    assert huge.to_json() == {"lower": math.inf, "upper": math.inf, "exact": str(10**400)}
    assert "401 characters" in str(huge)


# ---------------------------------------------------------------- named numbers


@given(st.lists(st.fractions(0, 1, max_denominator=50), min_size=1, max_size=6))
def test_by_name_is_a_mapping_and_an_array(values: list[Fraction]) -> None:
    names = [f"task {i}" for i in range(len(values))]
    found = ByName(names, [float(x) for x in values], values)
    assert list(found) == names
    assert [found[name] for name in names] == values
    assert dict(found.items()) == dict(zip(names, values, strict=True))
    np.testing.assert_array_equal(np.asarray(found), [float(x) for x in values])
    np.testing.assert_array_equal(2 * found - found, found.array)
    np.testing.assert_array_equal(found[::-1], found.array[::-1])
    assert float(found @ np.ones(len(values))) == found.array.sum()
    assert found.fractions() == {name: str(x) for name, x in zip(names, values, strict=True)}
    assert names[0] in found
    assert "nobody" not in found


def test_an_unknown_name_lists_those_there_are() -> None:
    found = ByName(("a", "b"), [0.5, 0.5])
    with pytest.raises(UnknownNameError, match="'c'; the names are 'a', 'b'") as caught:
        found["c"]
    assert isinstance(caught.value, KeyError)
    assert isinstance(caught.value, InvalidArgumentError)
    assert found.get("c") is None
    assert found.exact is None
    assert found.fractions() is None
    with pytest.raises(InvalidArgumentError, match=r"shape \(2,\)"):
        ByName(("a", "b"), [1.0])


def test_states_need_no_list_of_names() -> None:
    found = ByName(Labels(10**6), np.arange(1e6))
    assert found["123456"] == 123456.0
    assert repr(found).endswith("1000000 in all>")


def test_the_array_that_was_given_stays_writable() -> None:
    values = np.array([0.5, 0.5])
    ByName(("a", "b"), values)
    values[0] = 1.0


# ---------------------------------------------------------------- minimax solutions


def test_exact_results_show_fractions_everywhere(exact: MinimaxSolution) -> None:
    """Prior, losses and exploration: the prior is a distribution, the losses equal the value exactly."""
    assert exact.value.exact == Fraction(2279601, 320000)
    assert sum(exact.least_favourable.values()) == 1
    assert set(exact.per_task.values()) == {exact.value.exact}
    assert exact.exploration is not None
    assert sum(exact.exploration.values()) == 1
    assert isinstance(exact.exploration["8"], Fraction)
    assert str(exact.least_favourable["4"]) in str(exact)
    frame = exact.to_frame()
    assert frame.loc["4", "least_favourable"] == exact.least_favourable["4"]
    assert isinstance(frame.loc["4", "loss"], Fraction)
    document = exact.to_json()
    assert document["exact"]["least_favourable"]["4"] == str(exact.least_favourable["4"])
    assert document["least_favourable"]["4"] == float(exact.least_favourable["4"])
    assert set(document["exact"]) == {"least_favourable", "per_task", "exploration"}


def test_a_notebook_gets_the_same_text(
    exact: MinimaxSolution, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Asking for the text of a result shows nothing by itself, and returns all of it."""
    text = str(exact)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert str(exact) == text
    assert capsys.readouterr() == ("", "")


def test_a_notebook_shows_figures_without_pyplot(exact: MinimaxSolution) -> None:
    for figure in (exact.plot(), style("icml").canvas()):
        assert figure._repr_png_().startswith(b"\x89PNG")


def test_results_show_numbers_that_python_does_not_print(tmp_path: Path) -> None:
    """Ten thousand digits: text, table, notebook, LaTeX, document; a certificate has a bracket."""
    planned = plan(make("attempts:1/7", horizon=5600), goal="0", exact=True)
    solved = solve(goals(make("noisy-goal:K=3,v=1/7")), episodes=6000, exact=True)
    for result, shown in ((planned, planned.to_json()["value"]), (solved, solved.to_json()["exact"])):
        assert len(str(shown)) > 8000
        assert "exact=" in repr(result.value)
        assert "..." in str(result) or "a rational number of" in str(result)
        assert "<td>" in result._repr_html_()
        assert "None" not in str(result.to_frame())
        assert "$" in result.to_latex()
    claim = planned.certificate(tmp_path / "c.json")["claim"]
    assert Fraction(claim["upper"]) - Fraction(claim["lower"]) == Fraction(1, 10**18)
    assert check(tmp_path / "c.json")


def test_exact_learners_with_memory_show_fractions(results: dict[str, Result]) -> None:
    memory = results["memory"]
    assert isinstance(memory, MinimaxSolution)
    assert memory.value.exact == Fraction(1, 2)
    assert memory.least_favourable["0"] == Fraction(1, 2)
    assert max(memory.per_task.values()) == Fraction(1, 2)
    assert memory.to_json()["exact"]["per_task"]["0"] == "1/2"
    floating = results["float"]
    assert isinstance(floating, MinimaxSolution)
    assert floating.to_json()["exact"] is None
    assert isinstance(floating.least_favourable["0"], float)


def test_a_solution_survives_copies(exact: MinimaxSolution) -> None:
    for copy in (dataclasses.replace(exact, seconds=0.0), pickle.loads(pickle.dumps(exact))):
        assert copy.least_favourable["4"] == exact.least_favourable["4"]
        assert copy.exploration["4"] == exact.exploration["4"]
        assert copy.to_json() == exact.to_json() | {"seconds": copy.seconds}


def test_values_named_by_words_and_members_agree() -> None:
    """Values of the memory, ratio and visit criteria that fell through to a default when given as words."""
    line = make("line:5,start=2", horizon=4)
    assert float(solve(goals(line), learner="memory", episodes=3).value) == pytest.approx(1.8, abs=1e-9)
    assert float(solve(goals(line), criterion="ratio").value) == pytest.approx(5.0, abs=1e-9)
    visit = solve(goals(line, detect="visit"), learner="memory", episodes=5, exact=True)
    assert visit.value.exact == Fraction(1, 2)


# ---------------------------------------------------------------- every result


@pytest.mark.parametrize("name", NAMES)
def test_every_result_says_itself(results: dict[str, Result], name: str, tmp_path: Path) -> None:
    result = results[name]
    text = str(result)
    assert text == str(result)
    assert len(text.splitlines()) >= 3
    assert len(repr(result)) < 200
    assert "\n" not in repr(result)
    frame = result.to_frame()
    assert len(frame)
    document = result.to_json(tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text())["format"] == document["format"]
    latex = result.to_latex(tmp_path / "r.tex")
    assert (tmp_path / "r.tex").read_text() == latex
    assert latex.startswith("\\begin{tabular}")
    assert latex.count("\\\\") == len(frame) + (2 if frame.index.name else 1)
    page = result._repr_html_()
    assert "<table" in page
    assert ("<svg" in page) == (name in ("exact", "float", "memory", "plan", "proposal"))


@pytest.mark.parametrize("name", ["exact", "plan", "proposal", "comparison", "ladder"])
def test_pictures_are_figures_and_files(results: dict[str, Any], name: str, tmp_path: Path) -> None:
    figure = results[name].plot(tmp_path / "map.png")
    assert (tmp_path / "map.png").stat().st_size > 1000
    assert figure.axes
    with pytest.raises(InvalidArgumentError, match=r"\.pdf"):
        results[name].plot(tmp_path / "map.gif")


def test_trajectories_have_no_map(results: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError, match="Only tasks that are states"):
        results["trajectories"].plot()


@pytest.mark.parametrize("name", ["exact", "memory", "trajectories", "plan"])
def test_certificates_are_proved(results: dict[str, Any], name: str, tmp_path: Path) -> None:
    results[name].certificate(tmp_path / "c.json")
    proved = check(tmp_path / "c.json")
    assert proved
    assert proved.value.lower <= results[name].value.upper + 1e-9
    assert proved.value.upper >= results[name].value.lower - 1e-9
    if results[name].value.exact is not None:
        assert proved.value.exact == results[name].value.exact


def test_a_wrong_certificate_is_rejected(exact: MinimaxSolution, tmp_path: Path) -> None:
    document = exact.certificate()
    document["claim"]["upper"] = "7"
    (tmp_path / "c.json").write_text(json.dumps(document))
    found = check(tmp_path / "c.json")
    assert not found
    assert "upper" in found.reason
    assert found.to_json()["accepted"] is False
    with pytest.raises(InvalidArgumentError, match="Nothing was proved"):
        _ = found.value
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        check(tmp_path / "absent.json")
    with pytest.raises(InvalidArgumentError, match="path"):
        check(3)
    with pytest.raises(InvalidArgumentError, match="budget"):
        check(tmp_path / "c.json", budget=0)


def test_latex_escapes_names_and_spells_numbers() -> None:
    process = make({"format": "metaregret-cmp/1", "states": ["a_b", "c&d"], "actions": ["go"],
                    "initial": {"a_b": "1/2", "c&d": "1/2"}, "horizon": 1,
                    "transitions": [["a_b", "go", "a_b", 1], ["c&d", "go", "c&d", 1]]})  # fmt: skip
    solution = solve(goals(process), exact=True)
    exact = dataclasses.replace(solution.proof.exact, per_task=[Fraction(1, 2), Fraction(-3)])
    text = dataclasses.replace(solution, proof=dataclasses.replace(solution.proof, exact=exact)).to_latex()
    assert r"a\_b" in text
    assert r"c\&d" in text
    assert r"$\frac{1}{2}$" in text
    assert "$-3$" in text


# ---------------------------------------------------------------- plans, rewards, proposals


def test_plans_of_every_kind() -> None:
    line = make("line:4", horizon=5)
    table = {"right": [("0", "right", "*", 1)], "left": [("3", "*", "*", "1/2")]}
    assert plan(line, goal=3, exact=True).value.exact == 1
    assert plan(line, goal="3", reach=True).value.contains(1.0)
    assert plan(line, rewards=table, task="right", exact=True).value.exact == 3
    assert plan(line, rewards=rewards(line, table), task="left", minimise=True, exact=True).value.exact == 0
    paid = np.zeros((4, 3))
    paid[0, list(line.actions).index("right")] = 1.0
    by_shape = plan(line, rewards=paid, exact=True)
    assert by_shape.value.exact == 3
    assert isinstance(by_shape, Plan)
    assert by_shape.policy is not None
    assert by_shape.policy.first()["0"] == "right"
    assert by_shape.values["3"] == by_shape.solution.exact[3]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "either a goal or rewards"),
        ({"goal": "0", "rewards": np.zeros(3)}, "either a goal or rewards"),
        ({"goal": "0", "total": True}, "total"),
        ({"goal": "9"}, "'9'"),
        ({"goal": "0", "tolerance": 2}, "tolerance"),
        ({"goal": "0", "tolerance": "x"}, "tolerance"),
        ({"rewards": np.zeros(3), "reach": True}, "reach"),
        ({"rewards": np.zeros((7, 7))}, "(7, 7)"),
        ({"rewards": {"a": [("0", "right", "1", 1)], "b": [("0", "right", "1", 1)]}}, "say which"),
        ({"rewards": {"a": [("0", "right", "1", 1)]}, "task": "z"}, "'z'"),
        ({"rewards": {"a": [("0", "right")]}}, "four items"),
        ({"rewards": {"a": [("0", "up", "1", 1)]}}, "'up'"),
        ({"rewards": {"a": 3}}, "list of rows"),
        ({"rewards": 3}, "tables"),
    ],
)
def test_questions_to_the_planner_that_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        plan(make("line:4", horizon=3), **options)
    assert words in str(caught.value)


def test_a_proposal_by_name_and_with_a_learner() -> None:
    found = propose(make("line:5", horizon=4), "uniform", learner="memoryless")
    assert isinstance(found, Proposal)
    assert found.goal_distribution["3"] == pytest.approx(0.2)
    assert found.to_json()["trained"]["learner"] == "memoryless"
    assert "trained on them" in str(found)
    copied = propose(make("line:5", horizon=4), "hand-made", test={"0": 1, "4": "3"})
    np.testing.assert_allclose(copied.goal_distribution, [0.25, 0, 0, 0, 0.75])


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (("capacity", "line:3"), {}, "process"),
        ((make("line:3"), "divination"), {}, "divination"),
        ((make("line:3"), 3), {}, "method"),
        ((make("line:3"), "capacity"), {"learner": "blind"}, "memoryless"),
        ((make("line:3"), "capacity"), {"episodes": 3}, "episodes"),
        ((make("line:3"), "capacity"), {"test": {"0": 1}}, "hand-made"),
        ((make("line:3"), "hand-made"), {"test": {"0": 0}}, "positive"),
        ((make("line:3"), "hand-made"), {"test": {"9": 1}}, "'9'"),
    ],
)
def test_proposals_that_are_refused(arguments: tuple[Any, ...], options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        propose(*arguments, **options)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (solve, "metaregret.goals"),
        (lambda p: solve(goals(p), episodes="3"), "episodes"),
        (lambda p: solve(goals(p), tolerance="x"), "tolerance"),
        (lambda p: solve(goals(p), tolerance=0), "tolerance"),
        (lambda p: solve(goals(p), learner="memory", episodes=2, tolerance="x"), "tolerance"),
        (lambda p: goals(goals(p)), "process"),
        (lambda p: goals(p, "4"), "reachable"),
        (lambda p: goals(p, ["nobody"]), "'nobody'"),
        (lambda p: goals(p, [1.5]), "1.5"),
        (lambda p: goals(p, 3), "goals"),
        (lambda p: trajectories("line:3"), "metaregret.make"),
        (lambda p: rewards(p, 3), "tables"),
        (lambda p: compare(3), "processes"),
        (lambda p: compare([3]), "process"),
        (lambda p: memoryless_regret(np.array([0.9]), np.array([0.5]), 3), "rho = 0.9 and v = 0.5"),
        (lambda p: memoryless_regret(np.array([-0.1]), np.array([0.5]), 3), "rho = -0.1"),
        (lambda p: memoryless_regret(np.array([0.1]), np.array([0.5]), "3"), "episodes"),
    ],
)
def test_wrong_types_and_swapped_arguments_are_typed_errors(ask: Any, words: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        ask(make("line:5", horizon=4))
    assert words in str(caught.value)
    assert "--" not in str(caught.value)
