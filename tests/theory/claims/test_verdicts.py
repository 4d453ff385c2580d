"""What a set of evidence allows one to say; a check that cannot fail, or that tested nothing, is no
evidence."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import strategies as st

from metaregret.tabular.domains import belongs, edge_cases
from metaregret.tabular.strategies import deterministic_processes, processes
from metaregret.theory.claims import (
    CONTROLLABLE,
    DETERMINISTIC,
    Assumption,
    Context,
    Group,
    Kind,
    Method,
    Planted,
    Theorem,
    Trial,
    Verdict,
    agreement,
    all_hold,
    exact_agreement,
    planted_score,
    property_claim,
    vanishes,
    verify_theorem,
)
from metaregret.theory.claims.evidence import Evidence, gather
from metaregret.theory.claims.verdict import verdict_of


def evidence(
    group: Group, *solvers: str, instances: int = 3, failed: bool = False, general: str | None = None
) -> Evidence:
    failure = Trial("here", -1.0) if failed else None
    return Evidence("method", group, frozenset(solvers), instances, 0.0, 0.0, failure, general)


EXACT, SYMBOLIC = evidence(Group.EXACT), evidence(Group.SYMBOLIC)
VERDICTS = [
    ("nothing was run", [], Verdict.INCONCLUSIVE),
    ("two groups", [EXACT, SYMBOLIC], Verdict.CERTIFIED),
    ("general derivation and instances", [EXACT, evidence(Group.SYMBOLIC, general="all n")], Verdict.PROVED),
    ("a general derivation alone", [evidence(Group.SYMBOLIC, general="all n")], Verdict.SUPPORTED),
    ("one group twice", [EXACT, EXACT], Verdict.SUPPORTED),
    ("one method", [EXACT], Verdict.SUPPORTED),
    ("sampling only", [evidence(Group.SIMULATION), evidence(Group.PROPERTY)], Verdict.SUPPORTED),
    ("sampling is not certifying", [EXACT, evidence(Group.PROPERTY)], Verdict.SUPPORTED),
    (
        "the same solver twice",
        [evidence(Group.OPTIMISATION, "HiGHS"), evidence(Group.ENUMERATION, "HiGHS")],
        Verdict.SUPPORTED,
    ),
    (
        "two solvers",
        [evidence(Group.OPTIMISATION, "HiGHS"), evidence(Group.ENUMERATION, "Clarabel")],
        Verdict.CERTIFIED,
    ),
    ("one failure", [EXACT, SYMBOLIC, evidence(Group.SIMULATION, failed=True)], Verdict.REFUTED),
    ("one method tested nothing", [EXACT, SYMBOLIC, evidence(Group.PROPERTY, instances=0)], Verdict.VACUOUS),
    (
        "failure beats vacuity",
        [evidence(Group.EXACT, failed=True), evidence(Group.EXACT, instances=0)],
        Verdict.REFUTED,
    ),
]


@pytest.mark.parametrize(("found", "verdict"), [v[1:] for v in VERDICTS], ids=[v[0] for v in VERDICTS])
def test_verdict(found: list[Evidence], verdict: Verdict):
    assert verdict_of(found) is verdict


@pytest.mark.parametrize("verdict", list(Verdict))
def test_only_what_holds_is_green(verdict: Verdict):
    assert (verdict.colour == "green") == (verdict in {Verdict.PROVED, Verdict.CERTIFIED})
    assert verdict.value


def never(process: object) -> bool:
    return False


def test_a_claim_whose_assumptions_are_never_met_is_vacuous_and_fails():
    impossible = Assumption("impossible", "no process meets this", never)
    claim = property_claim(
        "X1", "vacuous", "0=1", processes(), lambda process: -1.0, assumptions=(impossible,)
    )
    result = verify_theorem(claim, Context(instances=5))
    assert result.verdict is Verdict.VACUOUS
    assert not result.as_expected


def test_a_claim_that_says_nothing_anywhere_is_vacuous():
    claim = property_claim("X1", "silent", "", processes(), lambda process: None)
    assert verify_theorem(claim, Context(instances=5)).verdict is Verdict.VACUOUS


@pytest.mark.parametrize("margin", [math.nan, -math.inf, -1e-300])
def test_what_is_not_at_least_zero_fails(margin: float):
    found = gather("m", Group.EXACT, lambda: [Trial("a", 1.0), Trial("b", margin), Trial("c", 1.0)])
    assert found.failure is not None
    assert found.failure.instance == "b"
    assert found.instances == 2


def test_trials_of_numbers():
    assert agreement("x", 1.0, 1.0 + 1e-12, 1e-9).margin > 0
    assert agreement("x", 1.0, 1.1, 1e-9).margin < 0
    assert agreement("x", math.inf, math.inf, 1e-9).margin > 0
    assert agreement("x", math.inf, 1.0, 1e-9).margin < 0
    assert not agreement("x", math.nan, 1.0, 1e-9).margin >= 0
    assert exact_agreement("x", Fraction(1, 3), Fraction(2, 6)).margin == 0
    assert exact_agreement("x", Fraction(1, 3), Fraction(1, 3) + Fraction(1, 10**30)).margin < 0
    assert all_hold("x", "note", first=True, second_one=True).margin == 0
    assert "broken: second one" in all_hold("x", "note", first=True, second_one=False).note


def test_trials_of_identities():
    import sympy

    x = sympy.Symbol("x")
    assert vanishes("square", (x + 1) ** 2 - x**2 - 2 * x - 1).margin == 0
    wrong = vanishes("wrong square", (x + 1) ** 2 - x**2 - 1)
    assert (wrong.margin, wrong.note) == (-1.0, "difference 2/3 at x = 1/3")


def test_identities_hold_where_their_symbols_are():
    """A number is tried only if it may stand for the symbol; without one, or where the value is zero there or
    its digits are not certain, the expression has to be simplified."""
    import sympy

    whole, negative, x = sympy.Symbol("n", integer=True), sympy.Symbol("m", negative=True), sympy.Symbol("x")
    assert vanishes("whole", sympy.sin(sympy.pi * whole)).margin == 0
    assert vanishes("odd", whole - 3).note == "difference -1 at n = 2"
    assert vanishes("absolute", sympy.Abs(negative) + negative).margin == 0
    assert vanishes("wrong sign", sympy.Abs(negative) - negative).note == "difference -2*m"
    assert vanishes("zero at a third", 3 * x - 1).note == "difference 3*x - 1"
    assert vanishes("Pythagoras", sympy.sin(x) ** 2 + sympy.cos(x) ** 2 - 1).margin == 0
    assert vanishes("a logarithm", sympy.log(x)).note == "difference -1.09861 at x = 1/3"
    assert vanishes("a number", sympy.Integer(2)).note == "difference 2"


def example(uid: str, margin: object, planted: tuple[Planted, ...] = ()) -> Theorem:
    """A theorem about small integers with one method in each of two groups."""

    def run(claim: object, context: Context) -> list[Trial]:
        return [Trial(str(n), 0.0 if claim(n) else -1.0) for n in range(5)]

    methods = (Method("one", Group.EXACT, run), Method("two", Group.ENUMERATION, run))
    return Theorem(uid, "t", "s", Kind.EXTENSION, "here", margin, methods, planted)


def test_planted_errors_are_scored():
    theorem = example(
        "X1",
        lambda n: n * n >= n,
        (Planted("wrong", lambda n: n * n > n), Planted("not wrong at all", lambda n: n * n >= 0)),
    )
    score = planted_score(theorem, Context())
    assert [planted.name for planted, _ in score.caught] == ["wrong"]
    assert [planted.name for planted in score.missed] == ["not wrong at all"]
    assert str(score) == "X1: 1 of 2 planted errors caught; missed: not wrong at all"


def test_exact_mode_leaves_out_floating_point():
    def run(claim: object, context: Context) -> list[Trial]:
        return [Trial("x", 0.0)]

    methods = tuple(Method(group.value, group, run) for group in Group)
    theorem = Theorem("X1", "t", "s", Kind.EXTENSION, "here", None, methods, ())
    groups = {item.group for item in verify_theorem(theorem, Context(exact=True)).evidence}
    assert groups == {Group.SYMBOLIC, Group.EXACT, Group.ENUMERATION}


def test_the_same_seed_draws_the_same_instances():
    def drawn(seed: int, name: str) -> list[str]:
        trials = Context(seed=seed, instances=10).examples(
            st.integers(0, 10**9), lambda n: Trial(str(n), 1.0), name=name
        )
        return [trial.instance for trial in trials]

    assert drawn(1, "a") == drawn(1, "a")
    assert drawn(1, "a") != drawn(2, "a")
    assert drawn(1, "a") != drawn(1, "b")


def test_the_number_of_examples_follows_the_setting_and_its_cap():
    def count(**limits: float) -> int:
        check = lambda n: Trial(str(n), 1.0)
        return len(Context(instances=40).examples(st.integers(), check, name="n", **limits))

    assert count() == 40
    assert count(share=0.5) == 20
    assert count(share=5, most=60) == 60


def test_a_claim_and_its_planted_errors_see_the_same_instances():
    """The very same while they are few; equal ones, drawn again, in a deep run and for a check that assumes
    something."""
    strategy = st.lists(st.integers(0, 9), max_size=3)

    def seen(instances: int = 20, limit: int = 4, **more: bool) -> list[list[int]]:
        found = list[list[int]]()

        def check(drawn: list[int]) -> Trial:
            found.append(drawn)
            return Trial("list", float(limit - len(drawn)))

        Context(instances=instances, shrink=False).examples(strategy, check, name="same", **more)
        return found

    first, wrong = seen(), seen(limit=2)
    assert len(first) == 20
    assert list(map(id, seen())) == list(map(id, first))
    assert list(map(id, wrong)) == list(map(id, first[: len(wrong)]))
    assert len(wrong[-1]) == 3
    for again in (seen(assumes=True), seen(instances=101)[:20]):
        assert not set(map(id, again)) & set(map(id, first))
    assert seen(assumes=True) == first
    assert seen(limit=2, assumes=True)[: len(wrong)] == wrong  # then the last one again, to raise it


def test_edge_cases_are_looked_at_in_one_order():
    """Whether instances are kept or not."""
    strategy, name = deterministic_processes(max_states=3), "order"

    def seen(**more: bool) -> list[str]:
        check = lambda process: Trial(process.name, 1.0)
        return [trial.instance for trial in Context(instances=5).examples(strategy, check, name=name, **more)]

    inside = belongs(strategy)
    assert inside is not None
    assert sorted(seen()[:-5]) == sorted(case.name for case in edge_cases() if inside(case))
    assert seen() == seen(assumes=True)


def test_assumptions_hold_where_they_should():
    process = Context().zoo[0].process()
    assert DETERMINISTIC.holds(process)
    assert CONTROLLABLE.holds(process)
    noisy = next(s for s in Context().zoo if "slip=" in s.name).process()
    assert not DETERMINISTIC.holds(noisy)
    assert not CONTROLLABLE.holds(noisy)


def test_named_processes_are_filtered_by_assumptions():
    chosen = dict(Context().processes(DETERMINISTIC, largest=30))
    assert chosen
    assert all(process.is_deterministic and process.n_states <= 30 for process in chosen.values())


def test_failures_are_shrunk():
    trials = Context(instances=200).examples(
        deterministic_processes(max_states=4),
        lambda p: Trial(str(p.n_states), 1.5 - p.n_states),
        name="shrink",
    )
    assert [trial.instance for trial in trials] == ["2"]
