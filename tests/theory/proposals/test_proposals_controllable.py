"""On deterministic controllable processes the informative proposals are uniform and minimax (T4, T6)."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular.environments import make
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.proposals import methods, propose

INFORMATIVE = ("capacity", "diayn", "vic", "valor", "smm")
CONTROLLABLE = (
    "line:6",
    "line:7,start=3",
    "grid:4x4",
    "tree:0,0,1,1,2,2",
    "gym:FrozenLake-v1,map_name=4x4,is_slippery=false",
)


@pytest.mark.parametrize(("name", "method"), list(itertools.product(CONTROLLABLE, INFORMATIVE)))
def test_informative_proposals_are_uniform_and_minimax(name: str, method: str) -> None:
    process = make(name)
    found = propose(process, method)
    goals = process.n_states
    np.testing.assert_allclose(found.goal_distribution, 1 / goals, atol=1e-6)
    assert found.matches_uniform
    assert found.matches_minimax
    assert found.worst_case_regret == pytest.approx(goals - 1, rel=1e-4)
    assert found.minimax_regret == pytest.approx(goals - 1, rel=1e-9)
    assert found.mutual_information.lower == pytest.approx(np.log(goals), abs=1e-9)
    assert found.capacity_known
    assert found.price == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("method", ["diayn", "vic", "valor"])
@pytest.mark.parametrize("seed", range(6))
def test_uniform_for_every_seed(method: str, seed: int) -> None:
    found = propose(make("grid:3x3"), method, seed=seed, certify=False)
    np.testing.assert_allclose(found.goal_distribution, 1 / 9, atol=1e-6)


@st.composite
def trees(draw: st.DrawFn) -> ControlledMarkovProcess:
    size = draw(st.integers(1, 5))
    parents = [draw(st.integers(0, node)) for node in range(size)]
    return make("tree:" + ",".join(map(str, parents)))


@given(trees(), st.sampled_from(INFORMATIVE))
@settings(max_examples=15, deadline=None)
def test_uniform_on_every_tree(process: ControlledMarkovProcess, method: str) -> None:
    found = propose(process, method)
    np.testing.assert_allclose(found.goal_distribution, 1 / process.n_states, atol=1e-6)
    assert found.matches_minimax


def test_fewer_skills_than_goals_leave_a_hole() -> None:
    """T17: K' < K deterministic skills cover at most K' goals, and tell at most log K'."""
    process = make("grid:3x3")
    for method in ("capacity", "diayn", "vic", "valor", "uniform"):
        found = propose(process, method, skills=4)
        assert len(found.skills) == 4
        assert found.mutual_information.lower <= np.log(4)
        assert found.mutual_information.lower == pytest.approx(np.log(4), abs=1e-6)
        assert found.coverage == pytest.approx(4 / 9)
        assert found.worst_case_regret == np.inf
        assert found.trained.worst_case.upper == np.inf
        assert not found.matches_uniform
        assert not found.matches_minimax


def test_every_method_is_discovered() -> None:
    named = {"capacity", "diayn", "vic", "valor", "smm", "dads", "carml", "random"}
    assert set(methods()) == named | {"uniform", "hand-made", "scratch", "order", "packing"}
    assert all(method.summary for method in methods().values())


BASELINES = {"capacity", "uniform", "scratch", "random", "order", "packing"}


@pytest.mark.parametrize("name", list(methods()))
def test_every_method_says_what_it_is(name: str) -> None:
    """The objective, what was made discrete, the source, and what differs from it where that is a paper's
    method."""
    text = " ".join((sys.modules[methods()[name].run.__module__].__doc__ or "").split())
    for words in ("Objective:", "Made discrete:", "Source:"):
        assert words in text
    assert name in BASELINES or "Differs from" in text
