"""The metaregret-proposal/1 document."""

from __future__ import annotations

import json

import pytest

from metaregret.tabular.environments import make
from metaregret.theory.proposals import methods, propose


@pytest.mark.parametrize("method", list(methods()))
def test_document_is_complete_and_plain_json(method: str) -> None:
    slip = "" if methods()[method].on_the_way else ",slip=1/10"
    process = make(f"grid:3x3{slip}").replaced(horizon=3)
    found = propose(process, method, certify=False)
    text = json.dumps(found.to_json(), allow_nan=False)
    document = json.loads(text)
    assert document["format"] == "metaregret-proposal/1"
    assert sum(document["goal_distribution"].values()) == pytest.approx(1)
    assert set(document["goal_distribution"]) <= set(process.states)
    assert sum(skill["probability"] for skill in document["skills"]) == pytest.approx(1)
    for skill in document["skills"]:
        assert sum(skill["marginal"].values()) == pytest.approx(1)
    information = document["mutual_information"]
    assert 0 <= information["lower"] <= information["bound"]
    assert float(document["worst_case_regret"]) >= document["minimax_regret"] - 1e-9
    assert isinstance(document["matches_uniform"], bool)
    assert isinstance(document["matches_minimax"], bool)


def test_infinite_regret_is_a_word() -> None:
    document = propose(make("line:3"), "uniform", skills=2).to_json()
    assert document["worst_case_regret"] == "inf"
    assert document["goal_distribution"] == {"0": 0.5, "1": 0.5, "2": 0.0}
    assert float(document["worst_case_regret"]) == float("inf")
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_upper_is_null_where_the_capacity_is_not_known() -> None:
    process = make("grid:3x3,slip=1/10").replaced(horizon=3)
    assert propose(process, "diayn", certify=False).to_json()["mutual_information"]["upper"] is None
    known = propose(process, "diayn").to_json()["mutual_information"]
    assert known["lower"] <= known["upper"]


def test_the_same_seed_gives_the_same_document() -> None:
    process = make("grid:3x3,slip=3/10").replaced(horizon=2)
    for method in ("diayn", "carml", "dads", "random"):
        first, again = (propose(process, method, seed=3, certify=False).to_json() for _ in range(2))
        assert first == again
    other = propose(process, "random", seed=4, certify=False).to_json()
    assert (
        other["goal_distribution"]
        != propose(process, "random", seed=3, certify=False).to_json()["goal_distribution"]
    )
