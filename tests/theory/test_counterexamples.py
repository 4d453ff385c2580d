"""The search for counterexamples: planted false claims are found, the witness is inside the domain and small,
and true claims have none."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import islice, permutations
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import metaregret as mr
from benchmarks.search import PLANTED, values
from metaregret.tabular.domains import belongs
from metaregret.tabular.errors import ConvergenceError, InvalidArgumentError
from metaregret.tabular.files import process_from_document
from metaregret.tabular.strategies import deterministic_processes, processes, stochastic_processes
from metaregret.theory.claims import DETERMINISTIC, atlas, property_claim
from metaregret.theory.counterexamples import (
    DOMAINS,
    MOST_STATES,
    changed_process,
    one_step_processes,
    search,
    simpler_processes,
)

HANDFUL = [
    planted
    for planted in PLANTED
    if planted.name
    in {
        "longer horizons help",
        "no goal is rare",
        "some state is not unlikely",
        "stationary policies reach all ends",
        "late goals are sure",
    }
]


def test_there_are_thirty_planted_claims():
    assert len(PLANTED) == 30
    assert len({(planted.name, planted.domain) for planted in PLANTED}) == 30


@pytest.mark.parametrize("planted", HANDFUL, ids=lambda planted: f"{planted.name}, {planted.domain}")
def test_planted_claims_are_refuted_by_small_witnesses_of_their_domain(planted: Any):
    result = search(planted.claim, domain=planted.domain, seconds=20)
    assert result.found
    assert result.witness is not None
    inside = belongs(DOMAINS[planted.domain](max_states=MOST_STATES))
    assert inside is not None
    assert inside(result.witness)
    assert result.witness.n_states <= 4
    again = process_from_document(json.loads(json.dumps(result.to_json()))["process"])
    margin = planted.claim(again)
    assert margin == result.margin
    assert margin is False or margin < 0


def test_a_true_claim_has_no_counterexample():
    result = search(lambda process: sum(values(process)) - 1, domain="finite", seconds=1)
    assert not result
    assert result.witness is None
    assert result.tried > 13
    assert "this proves nothing" in str(result)
    assert result.to_json()["process"] is None
    assert result.to_frame().empty
    with pytest.raises(InvalidArgumentError, match="no witness to draw"):
        result.plot()


def test_a_witness_is_minimised_in_states_choices_and_denominators():
    result = search(
        lambda process: len([v for v in values(process) if v]) < 2, domain="stochastic", seconds=10
    )
    witness = result.witness
    assert witness is not None
    assert (witness.n_states, witness.n_choices, witness.horizon.steps) == (2, 2, 1)
    assert max(p.denominator for p in witness.exact_probabilities) == 2


def test_claims_that_only_fail_where_values_are_equal_are_refuted():
    result = search(lambda process: values(process) != [Fraction(1, 2)] * 3, domain="stochastic", seconds=20)
    assert result.witness is not None
    assert values(result.witness) == [Fraction(1, 2)] * 3


def test_claims_that_only_fail_on_five_states_are_refuted_by_five():
    result = search(lambda process: 4 - sum(v > 0 for v in values(process)), domain="finite", seconds=20)
    assert result.witness is not None
    assert (result.witness.n_states, result.margin) == (5, -1)


def test_episodes_of_one_step_come_once_for_each_up_to_names_and_simple_ones_first():
    listed = list(islice(one_step_processes(), 150))
    seen = set()
    for process in listed:
        dense = [tuple(row) for row in process.dense()[:, 0][: len(process.choices(0))].tolist()]
        columns = list(zip(*dense, strict=True))
        names = {tuple(sorted(zip(*order, strict=True))) for order in permutations(columns)}
        assert not names & seen
        seen |= names
    assert [process.n_states for process in listed[:3]] == [2, 2, 2]
    assert {len(process.choices(0)) for process in listed} == {1, 2, 3}


def test_results_say_what_was_found(tmp_path: Path):
    result = mr.search(
        lambda process: values(process)[0] - Fraction(1, 2), domain="deterministic", seconds=10
    )
    assert repr(result).startswith("<SearchResult: margin -1/2 on ")
    assert "best probability of ending in each state" in str(result)
    document = result.to_json(tmp_path / "found.json")
    assert document["format"] == "metaregret-search/1"
    assert document["margin"] == "-1/2"
    assert json.loads((tmp_path / "found.json").read_text())["process"]["format"] == "metaregret-cmp/1"
    result.plot(tmp_path / "found.svg")
    assert (tmp_path / "found.svg").stat().st_size > 1000
    assert "<svg" in result._repr_html_()


def test_the_margin_and_the_assumptions_of_a_theorem():
    claim = property_claim(
        "X1", "sure", "x", processes(), lambda process: min(values(process)) >= 1, assumptions=[DETERMINISTIC]
    )
    result = search(claim, domain="finite", seconds=10)
    assert result.witness is not None
    assert result.witness.is_deterministic
    assert result.margin is False
    with pytest.raises(InvalidArgumentError, match="A04 is no claim about processes one by one"):
        search(atlas()["A04"].holds)


def test_domains_are_strategies_too():
    strategy = stochastic_processes(max_states=3, max_actions=1).filter(lambda process: process.n_states == 2)
    inside = belongs(strategy)
    assert inside is not None
    result = search(lambda process: max(values(process)) > Fraction(1, 2), domain=strategy, seconds=10)
    assert result.witness is not None
    assert inside(result.witness)
    assert not inside(mr.make("grid:2x2,slip=1/10", horizon=1))
    assert not inside(mr.make("line:2", horizon=1))
    mapped = deterministic_processes(max_states=3).map(lambda process: process)  # whose extent is not known
    found = search(lambda process: process.n_states < 3, domain=mapped, seconds=10)
    assert found.how == "generated"


def test_what_cannot_be_decided_is_passed_over():
    def undecided(process: mr.ControlledMarkovProcess) -> float:
        raise ConvergenceError("no", lower=0.0, upper=1.0)

    result = search(undecided, domain="finite", seconds=0.3)
    assert not result.found
    assert result.passed_over == result.tried


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"claim": 3}, "a function of a process"),
        ({"domain": "nonsense"}, "'deterministic'"),
        ({"domain": 3}, "domain"),
        ({"domain": st.integers()}, "what the domain draws"),
        ({"seconds": 0}, "seconds"),
        ({"seconds": float("inf")}, "seconds"),
        ({"seconds": "3"}, "seconds"),
        ({"seed": -1}, "seed"),
        ({"threshold": -1}, "threshold"),
        ({"claim": lambda process: 1 / 0}, "ZeroDivisionError"),
        ({"claim": lambda process: "no"}, "a number, a Boolean or None"),
    ],
)
def test_nonsense_is_refused_by_name(arguments: dict[str, Any], words: str):
    claim = arguments.pop("claim", lambda process: 1)
    with pytest.raises(InvalidArgumentError, match=words):
        search(claim, **{"seconds": 1, **arguments})


@settings(max_examples=50)
@given(processes(), st.integers(0, 10**6))
def test_changes_are_valid_processes(process: mr.ControlledMarkovProcess, seed: int):
    changed = changed_process(process, Random(seed))
    assert changed.is_exact
    for simpler in simpler_processes(process):
        assert simpler.n_states <= process.n_states
        assert simpler.n_choices <= process.n_choices
