"""Claims from files outside the project: one that is false for a subtle reason, one that is true."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from metaregret.tabular.domains import belongs
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.files import process_from_document
from metaregret.tabular.goals import goal_support, goal_values
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import (
    controllable_processes,
    deterministic_processes,
    distributions,
    processes,
    stochastic_processes,
)
from metaregret.theory.claims import (
    Context,
    Theorem,
    Trial,
    Verdict,
    as_document,
    claim,
    context,
    find_witness,
    from_file,
    property_claim,
    verify_theorem,
)

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"


def test_a_subtly_false_claim_is_refuted_with_a_small_witness():
    false = from_file(EXAMPLES / "false_claim.py")
    assert isinstance(false, Theorem)
    began = time.process_time()
    result = verify_theorem(false, Context())
    assert time.process_time() - began < 30
    assert result.verdict is Verdict.REFUTED
    assert not result.as_expected
    failure = result.evidence[0].failure
    assert failure is not None
    assert failure.witness is not None
    process = process_from_document(failure.witness["instance"])
    assert process.n_states <= 3
    assert false.claim(process) == pytest.approx(failure.margin)


def test_a_true_claim_is_supported_on_a_stated_number_of_instances():
    true = from_file(EXAMPLES / "true_claim.py")
    assert isinstance(true, Theorem)
    result = verify_theorem(true, Context(instances=4))
    assert result.verdict is Verdict.SUPPORTED
    assert result.as_expected
    assert result.instances == 20 + 13, "the edge cases come first"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1", r"neither THEOREM nor CONTROL nor PUBLISHED; end it with THEOREM = property_claim"),
        ("THEOREM = 3", "defines neither THEOREM nor CONTROL"),
        ("raise ValueError('no')", "failed to import: ValueError: no"),
        ("def", "SyntaxError"),
    ],
)
def test_a_file_without_a_claim_is_refused(text: str, words: str, tmp_path: Path):
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(InvalidArgumentError, match=words):
        from_file(path)


def test_a_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(InvalidArgumentError, match="no such file"):
        from_file(tmp_path / "nothing.py")


@pytest.mark.parametrize("uid", ["T4", "T04", " t04 "])
def test_identifiers_are_forgiving(uid: str):
    assert claim(uid).uid == "T04"


def test_an_unknown_identifier_lists_the_known_ones():
    with pytest.raises(InvalidArgumentError, match=r"T01.*C08"):
        claim("T99")


def test_yes_or_no_claims():
    wrong = property_claim("X3", "never three states", "", processes(), lambda p: p.n_states < 3)
    failure = verify_theorem(wrong, Context()).evidence[0].failure
    assert failure is not None
    assert failure.witness is not None
    assert failure.witness["instance"]["states"] == 3


@pytest.mark.parametrize(
    ("margin", "words"),
    [
        (lambda process: 1 / (process.n_states - 2), r"ZeroDivisionError: division by zero.*\"states\": 2,"),
        (lambda process: "one", r"ValueError: could not convert string to float"),
    ],
)
def test_a_claim_that_breaks_is_named_with_the_smallest_instance(margin, words: str):
    broken = property_claim("X5", "broken", "", processes(min_states=2), margin)
    with pytest.raises(InvalidArgumentError, match=rf"broken.*{words}"):
        verify_theorem(broken, Context())


def test_a_claim_may_pass_over_draws():
    def margin(process: ControlledMarkovProcess) -> bool:
        assume(process.n_states > 1)
        return process.n_states > 1

    passing = property_claim("X6", "assumes", "", processes(), margin)
    assert verify_theorem(passing, Context()).verdict is Verdict.SUPPORTED


def test_instances_as_documents(process: ControlledMarkovProcess):
    @dataclasses.dataclass
    class Pair:
        weights: np.ndarray
        name: str

    found = as_document((process, {"p": Fraction(1, 3)}, Pair(np.array([1, 2]), "x"), None, True, {1}))
    assert process_from_document(found[0]).n_states == process.n_states
    assert found[1:] == [{"p": "1/3"}, {"weights": [1, 2], "name": "x"}, None, True, "{1}"]


@pytest.fixture
def process() -> ControlledMarkovProcess:
    return Context().zoo[1].process()


def test_a_witness_is_shrunk_inside_its_strategy():
    """The smallest process on which the claim fails is not one that the strategy generates."""
    wrong = property_claim("X7", "at most two states", "", controllable_processes(), lambda p: p.n_states < 3)
    failure = verify_theorem(wrong, Context()).evidence[0].failure
    assert failure is not None
    assert failure.witness is not None
    process = process_from_document(failure.witness["instance"])
    assert process.n_states == 3
    assert goal_values(process, representation="rational").exact.tolist() == [1, 1, 1]


def test_a_filter_of_the_strategy_is_kept():
    strategy = processes().filter(lambda process: process.n_choices >= 4)
    wrong = property_claim("X8", "never", "", strategy, lambda process: process.n_states < 2)
    failure = verify_theorem(wrong, Context()).evidence[0].failure
    assert failure is not None
    assert failure.witness is not None
    assert process_from_document(failure.witness["instance"]).n_choices >= 4


@pytest.mark.parametrize(
    ("forgotten", "fails"),
    [
        ("periodic", lambda p: p.n_states == 2 and goal_support(p).sum() == 1 and p.n_choices == 2),
        (
            "ties",
            lambda p: any(len(set(p.successors[p.choices(s)])) == 1 < len(p.choices(s)) for s in range(2)),
        ),
        ("absorbing start", lambda p: p.reachable.sum() == 1 < p.n_states),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_edge_cases_come_first(forgotten: str, fails: Callable[[ControlledMarkovProcess], bool]):
    claim_ = property_claim(
        "X9", forgotten, "", deterministic_processes(), lambda p: p.n_states > 1 and not fails(p)
    )
    assert verify_theorem(claim_, Context(instances=1, shrink=False)).verdict is Verdict.REFUTED


def test_the_search_ends_when_its_time_is_up():
    slow = property_claim("X10", "slow", "", distributions(2), lambda p: sum(range(10**6)) > 0)
    few = verify_theorem(slow, Context(instances=10**4, seconds=0.3))
    assert few.verdict is Verdict.SUPPORTED
    assert 0 < few.instances < 1000


@pytest.mark.parametrize(("assumes", "ticks"), [(False, 2), (False, 3), (True, 2)])
def test_what_fails_as_the_time_runs_out_has_failed(
    assumes: bool, ticks: int, monkeypatch: pytest.MonkeyPatch
):
    """Its shrinking is cut short: a claim was taken for sound, or the search ended in an error."""
    clock = iter([0.0] * ticks)
    monkeypatch.setattr(context, "time", SimpleNamespace(process_time=lambda: next(clock, 1.0)))
    check = lambda drawn: Trial("list", -1.0 if drawn else 1.0)
    strategy = st.lists(st.integers(0, 9), min_size=1)
    (trial,) = Context(instances=20, seconds=0.5).examples(strategy, check, name="x", assumes=assumes)
    assert trial.margin == -1.0


@pytest.mark.parametrize(
    "strategy",
    [
        processes(),
        deterministic_processes(),
        stochastic_processes(),
        controllable_processes(),
        controllable_processes(noisy=True),
        processes(max_states=2, geometric=False),
    ],
    ids=["any", "deterministic", "stochastic", "controllable", "noisy", "small"],
)
def test_every_process_that_a_strategy_generates_belongs_to_it(
    strategy: SearchStrategy[ControlledMarkovProcess],
):
    inside = belongs(strategy)
    assert inside is not None
    outside = find_witness(strategy, lambda process: float(not inside(process)), Context(), name="x")
    assert outside is None
