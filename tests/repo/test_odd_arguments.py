"""Arguments of a wrong kind are refused by name: no bare errors, no flag that "no" makes true."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import metaregret as mr
from metaregret.tabular.errors import InvalidArgumentError, MetaregretError

LINE = mr.make("line:3", horizon=2)
GOALS = mr.goals(LINE)
PAID = {"a": [["0", "0", "0", 1]]}

FLAGS: dict[str, Callable[[Any], Any]] = {
    "exact": lambda word: mr.solve(GOALS, exact=word),
    "minimise": lambda word: mr.plan(LINE, goal=0, minimise=word),
    "exact of a plan": lambda word: mr.plan(LINE, goal=0, exact=word),
    "reach": lambda word: mr.plan(LINE, goal=0, reach=word),
    "total": lambda word: mr.plan(LINE, rewards=PAID, total=word),
    "certify": lambda word: mr.propose(LINE, certify=word),
    "memory": lambda word: mr.compare(LINE, ["uniform"], memory=word),
    "certify of a comparison": lambda word: mr.compare(LINE, ["uniform"], certify=word),
}
RESULTS: dict[str, Callable[[], Any]] = {
    "solution": lambda: mr.solve(GOALS),
    "plan": lambda: mr.plan(LINE, goal=0),
    "proposal": lambda: mr.propose(LINE),
}


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("value", ["no", 1, None, float("nan"), []], ids=repr)
def test_flags_are_true_or_false(flag: str, value: object) -> None:
    with pytest.raises(InvalidArgumentError, match="to be True or False"):
        FLAGS[flag](value)


@pytest.mark.parametrize("name", ["to_json", "to_latex", "plot", "certificate"])
@pytest.mark.parametrize("result", RESULTS)
@pytest.mark.parametrize("path", [1, 2.5, True, b"x", [], object()], ids=lambda path: type(path).__name__)
def test_files_are_named_by_paths(result: str, name: str, path: object) -> None:
    with pytest.raises(InvalidArgumentError, match="path of a file"):
        getattr(RESULTS[result](), name)(path)


@pytest.mark.parametrize("learner", ["memoryless", "memory"])
@pytest.mark.parametrize("progress", ["x", 1, True, []], ids=repr)
def test_progress_is_a_function(learner: str, progress: object) -> None:
    with pytest.raises(InvalidArgumentError, match="progress"):
        mr.solve(GOALS, learner=learner, episodes=2, progress=progress)


@pytest.mark.parametrize("seed", [-1, 2.5, "1", True, [], float("nan")], ids=repr)
def test_seeds_are_whole_numbers(seed: object) -> None:
    with pytest.raises(InvalidArgumentError, match="seed"):
        mr.propose(LINE, "random", seed=seed)
    with pytest.raises(InvalidArgumentError, match="seed"):
        mr.compare(LINE, ["random"], seed=seed)


@pytest.mark.parametrize("method", [[], {}, 3, None], ids=repr)
def test_methods_are_words(method: object) -> None:
    with pytest.raises(InvalidArgumentError, match="method"):
        mr.propose(LINE, method)


@pytest.mark.parametrize("source", ["0" * 5000, "a" * 5000 + ".json", "line:3\0"], ids=lambda text: text[-8:])
def test_text_that_no_file_can_be_called_is_no_model(source: str) -> None:
    with pytest.raises(MetaregretError):
        mr.make(source)


@pytest.mark.parametrize("huge", ["1e999", 10**400])
def test_probabilities_beyond_floating_point(huge: object) -> None:
    with pytest.raises(MetaregretError):
        mr.make([[[huge, 0], [0, 1]]])
