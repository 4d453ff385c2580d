"""`make`: every form of a process, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given

from metaregret.tabular import (
    ControlledMarkovProcess,
    FiniteHorizon,
    GeometricHorizon,
    InvalidArgumentError,
    goal_values,
    make,
    process_document,
    write_process,
)
from metaregret.tabular.importers import write_npz
from metaregret.tabular.strategies import processes


def same(one: ControlledMarkovProcess, other: ControlledMarkovProcess) -> bool:
    fields = ("choice_offsets", "choice_action", "offsets", "successors", "probabilities", "initial")
    return one.horizon == other.horizon and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in fields
    )


FORMS: dict[str, Callable[[ControlledMarkovProcess, Path], Any]] = {
    "itself": lambda process, folder: process,
    "document": lambda process, folder: process_document(process),
    "JSON": lambda process, folder: written(write_process, process, folder / "p.json"),
    "path as text": lambda process, folder: str(written(write_process, process, folder / "p.json")),
    "NPZ": lambda process, folder: written(lambda p, f: write_npz(f, p), process, folder / "p.npz"),
}


def written(write: Callable[[ControlledMarkovProcess, Path], None], p: Any, file: Path) -> Path:
    write(p, file)
    return file


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_process(form: str, tmp_path: Path) -> None:
    process = make("grid:2x3,slip=1/10", horizon=3)
    assert same(make(FORMS[form](process, tmp_path)), process)


@given(processes())
def test_arrays_give_the_same_dynamics(process: ControlledMarkovProcess) -> None:
    """Exact probabilities as text, floats, and sparse matrices; only where every action is available."""
    if process.n_choices < process.n_states * process.n_actions:
        return
    exact = np.zeros(process.dense().shape, dtype=object)
    choice = process.transition_choice
    exact[process.choice_action[choice], process.choice_state[choice], process.successors] = [
        str(p) for p in process.exact_probabilities
    ]
    for form in (exact, exact.tolist(), process.dense(), [sp.csr_array(m) for m in process.dense()]):
        found = make(form, horizon=process.horizon)
        np.testing.assert_allclose(found.dense(), process.dense(), rtol=0, atol=1e-15)
        assert found.horizon == process.horizon
    assert make(exact.tolist()).exact_probabilities.tolist() == process.exact_probabilities.tolist()


def test_a_gymnasium_environment_and_its_table() -> None:
    environment = gymnasium.make("FrozenLake-v1", is_slippery=True)
    named = make("gym:FrozenLake-v1", horizon=4)
    for source in (environment, environment.unwrapped):
        found = make(source, horizon=4)
        assert same(found, named)
    # A table alone does not say that 0.333... stands for a third.
    table = make(environment.unwrapped.P, horizon=4)
    assert not table.is_exact
    assert np.allclose(table.probabilities, named.probabilities, rtol=1e-15, atol=0.0)
    value = goal_values(named, np.array([15]), representation="rational").exact
    assert value is not None
    assert value[0] == goal_values(make(environment, horizon=4), representation="rational").exact[15]


def test_horizon_gamma_and_start_replace_those_of_the_source() -> None:
    assert make("line:5", horizon=7).horizon == FiniteHorizon(7)
    assert make("line:5", horizon=FiniteHorizon(2)).horizon == FiniteHorizon(2)
    assert make("line:5", gamma="9/10").horizon == GeometricHorizon(Fraction(9, 10))
    assert make("line:5", start="3").initial.tolist() == [0, 0, 0, 1, 0]
    assert make("line:5", start=3).initial.tolist() == [0, 0, 0, 1, 0]
    mixed = make("line:5", start={"0": "1/3", 4: "2/3"})
    assert mixed.exact_initial == (Fraction(1, 3), 0, 0, 0, Fraction(2, 3))


@pytest.mark.parametrize(
    ("source", "options", "words"),
    [
        (object(), {}, "got object"),
        (None, {}, "got NoneType"),
        (3, {}, "got int"),
        (b"grid:3x3", {}, "got bytes"),
        ([], {}, "got list"),
        ([[0.5, 0.4], [1, 0]], {}, "sum to 0.9"),
        ([[[1, 0], [0, 1]], [[1]]], {}, "state 0, action 0"),
        ([[["x", 1], [0, 1]]], {}, "'x'"),
        ([[[0.5, 0.4], [0, 1]]], {}, "sum"),
        (np.ones((2, 3)), {}, "shape (2, 3)"),
        ({}, {}, "at least one action"),
        ({0: {0: [(1.0, 5)]}}, {}, "(probability, next, reward, terminated)"),
        ({"a": 3}, {}, "P[state][action]"),
        ({"format": "metaregret-cmp/1"}, {}, "states"),
        ("line:5", {"horizon": 3, "gamma": 0.5}, "not both"),
        ("line:5", {"horizon": "3"}, "horizon"),
        ("line:5", {"horizon": 0}, "horizon=0"),
        ("line:5", {"gamma": 2}, "gamma=2"),
        ("line:5", {"gamma": "x"}, "'x'"),
        ("line:5", {"start": "9"}, "'9'"),
        ("line:5", {"start": 9}, "9"),
        ("line:5", {"start": 1.5}, "start"),
        ("line:5", {"start": {"0": "1/2"}}, "sums to 0.5"),
    ],
)
def test_what_is_refused_by_name(source: object, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        make(source, **options)
    assert words in str(caught.value)
    assert "--" not in str(caught.value)
