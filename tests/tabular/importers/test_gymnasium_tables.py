"""Tables of outcomes: ``terminated`` belongs to the outcome, floats are the decimals that they print."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular.build import make
from metaregret.tabular.engine import solve
from metaregret.tabular.errors import InvalidArgumentError, InvalidProcessError
from metaregret.tabular.importers import from_gymnasium_table, from_steps, read, to_gymnasium_table
from metaregret.tabular.importers.gymnasium_table import read_table
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import processes

THIRD = Fraction(1, 3)


def best(table: Any, initial: Any = 0, **objective: Any) -> Fraction | None:
    process, rewards = from_gymnasium_table(table, initial=initial)
    return solve(process, rewards, **(objective or {"objective": "total"}), exact=True).value.exact


def test_the_flag_ends_the_outcome_and_not_its_state() -> None:
    """0 goes on to 1, whose own end pays 10; ending at 0 at once pays 5."""
    table = {
        0: {0: [(1.0, 0, 5.0, True)], 1: [(1.0, 1, 0.0, False)]},
        1: {0: [(1.0, 1, 10.0, True)], 1: [(1.0, 0, 0.0, False)]},
    }
    model = read_table(table)
    assert list(model.process.states) == ["0", "1", "0 (ended)", "1 (ended)"]
    assert model.labels == {"0": (0, 2), "1": (1, 3)}
    assert any("'0 (ended)'" in text for text in model.warnings())
    assert best(table) == 10


def test_a_state_entered_with_and_without_the_flag() -> None:
    """Half of the time the walk ends at 1 with 4; else it goes on from 1 and gets 6 more on average 1/2."""
    table = {
        0: {0: [(0.5, 1, 4, True), (0.5, 1, 4, False)]},
        1: {0: [(0.5, 0, 6, True), (0.5, 1, 0, True)]},
    }
    assert best(table) == 4 + Fraction(1, 2) * 3


LADDER = {
    0: {0: [(0.1, 1, 0.1, False), (0.9, 2, 0.0, True)], 1: [(1.0, 2, 0.5, False)]},
    1: {0: [(0.5, 0, 7.0, False), (0.5, 1, 0.0, False)], 1: [(1.0, 2, -1.0, True)]},
    2: {0: [(1.0, 2, 0.0, False)], 1: [(1.0, 2, 3.0, True)]},
}


def in_rows(make: Any) -> list[list[list[Any]]]:
    return [[[make(outcome) for outcome in row] for row in rows.values()] for rows in LADDER.values()]


@pytest.mark.parametrize(
    "table",
    [
        in_rows(list),
        in_rows(np.array),
        tuple(map(tuple, in_rows(tuple))),
        np.array([[*map(tuple, rows), None][:2] for rows in in_rows(tuple)], dtype=object),
        in_rows(lambda o: (np.float32(o[0]), np.int8(o[1]), np.float32(o[2]), np.bool_(o[3]))),
        {str(s): {str(a): [(p, str(to), r, end) for p, to, r, end in o] for a, o in rows.items()}
         for s, rows in LADDER.items()},
    ],
)  # fmt: skip
def test_tables_in_other_clothes(table: Any) -> None:
    """By hand: 1/2 for going on to 2 and 3 for ending there."""
    model = read(table)
    assert model.process.is_exact
    assert model.rewards is not None
    assert model.rewards.exact is not None
    found = solve(model.process, model.rewards.exact[0], objective="finite", steps=2, exact=True)
    assert found.value.exact == Fraction(7, 2)


def test_starts_of_tables_whose_states_have_gaps() -> None:
    table = {0: {0: [(1.0, 5, 2.0, True)]}}
    rare = np.array([0.999999999999, 1e-12])
    assert read_table(table, initial=[1.0]).process.exact_initial == (1, 0)
    assert read_table(LADDER, initial=[*rare, 0.0]).process.exact_initial == (
        1 - Fraction(1, 10**12),
        Fraction(1, 10**12),
        *[0] * (read_table(LADDER).process.n_states - 2),
    )
    with pytest.raises(InvalidProcessError, match="the table has 2 states"):
        read_table(table, initial=[0.0, 1.0])


ENDS_AT_1 = {
    0: {0: [(1.0, 1, 5.0, True)]},
    1: {0: [(1.0, 1, 10.0, True)]},
    2: {0: [(0.5, 1, 1.0, False), (0.5, 0, 2.0, False)]},
}
"""Whether episodes go on from state 1 depends on where they start."""


class Startless(gymnasium.Env[int, int]):
    """Does not say where episodes start."""

    observation_space, action_space = gymnasium.spaces.Discrete(3), gymnasium.spaces.Discrete(1)
    P = ENDS_AT_1


@pytest.mark.parametrize(
    ("start", "worth"),
    [
        (0, 5),
        ("1", 10),
        ({1: 1}, 10),
        ({"2": "1/2", 1: 0.5}, Fraction(19, 2)),
        (np.array([0, 0.5, 0.5]), Fraction(19, 2)),
        ([0.0004, 0.9996, 0], 10 - Fraction(5, 2500)),
    ],
)
@pytest.mark.parametrize("source", [ENDS_AT_1, Startless()])
def test_any_start_means_the_model_from_there(source: Any, start: Any, worth: Any) -> None:
    model = read(source, start=start)
    assert model.rewards is not None
    assert model.rewards.exact is not None
    found = solve(model.process, model.rewards.exact[0], objective="total", exact=True)
    assert found.value.exact == worth
    assert make(source, start=start).exact_initial == model.process.exact_initial


def test_names_of_a_table_are_in_the_order_of_its_rows() -> None:
    named = {"b": {0: [(1.0, "a", 1.0, True)]}, "a": {0: [(1.0, "b", 3.0, False)]}}
    assert read(named, start=[0.25, 0.75]).process.exact_initial == (Fraction(1, 4), Fraction(3, 4), 0)
    assert read(named, start=1).process.exact_initial == read(named, start="a").process.exact_initial
    assert best(named, initial=np.array([0.25, 0.75])) == Fraction(1, 4) + 4 * Fraction(3, 4)
    with pytest.raises(InvalidProcessError, match=r"shape \(2,\)"):
        read(named, start=[1.0])
    numbered = {1: {0: [(1.0, 3, 1, True)]}, 3: {0: [(1.0, 1, 5, True)]}}
    for start in ([0, 1], [0, 0, 0, 1]):  # one for each state, or one for each number
        assert best(numbered, initial=np.array(start)) == 5


def test_a_state_without_episodes_may_lead_on_and_end_at_one_state() -> None:
    table = {0: {0: [(1.0, 1, 0, True)]}, 1: {0: [(1.0, 1, 0, True)]}}
    model = read(table | {2: {0: [(0.5, 1, 4, False), (0.5, 1, 2, True)]}})
    assert model.process.n_transitions == 3
    assert model.rewards is not None
    assert model.rewards.exact is not None
    assert model.rewards.exact[0, -1] == 3


def test_a_goal_means_its_ended_copy_in_every_spelling() -> None:
    table = {"a,b": {0: [(1.0, "c", 0, True)]}, "c": {0: [(1.0, "c", 1, False)]}}
    model = read_table(
        {**table, "d": {0: [(1.0, "c", 0, False), (0.0, 7, 0, True)]}}, initial={"a,b": 0.5, "d": 0.5}
    )
    assert list(model.process.states) == ["a,b", "c", "d", "c (ended)"]
    for text in ("c", '"c"', '["c"]'):
        assert model.goal(text) == [1, 3]
    for text in ('"a,b",c', '["a,b", "c"]'):
        assert model.goal(text) == [0, 1, 3]


def test_outcomes_of_probability_zero_do_not_count() -> None:
    table = {
        0: {0: [(0.0, 0, 99.0, True), (1.0, 1, 2.0, False), (0.0, 1, 0.0, True)]},
        1: {0: [(1.0, 1, 3.0, True)]},
    }
    model = read_table(table)
    assert model.labels == {"1": (1, 2)}
    assert list(model.process.states) == ["0", "1", "1 (ended)"]
    assert best(table) == 5


def test_a_row_of_an_ended_state_is_never_used() -> None:
    """CliffWalking's goal has a row of its own that leads back."""
    table = {0: {0: [(1.0, 1, -1, True)]}, 1: {0: [(1.0, 0, -1, False)]}}
    process, rewards = from_gymnasium_table(table)
    assert process.n_states == 2
    assert rewards.tolist() == [-1, 0]
    # from the goal itself, the episode is going on
    assert best(table, initial=1) == -2


def test_rewards_that_are_paid_after_the_end_do_not_count() -> None:
    table = {0: {0: [(1.0, 1, 1.0, True)]}, 1: {0: [(1.0, 1, 7.0, False)]}}
    assert best(table) == 1
    assert best(table, objective="discounted", gamma=Fraction(1, 2)) == 1


def test_repeated_outcomes_are_summed_and_pay_their_mean() -> None:
    table = {0: {0: [(0.25, 1, 8, True), (0.25, 1, 0, True), (0.5, 0, 0, False)]}, 1: {}}
    process, rewards = from_gymnasium_table(table)
    assert process.exact_probabilities.tolist()[:2] == [Fraction(1, 2), Fraction(1, 2)]
    assert rewards.tolist()[:2] == [0, 4]
    assert read(table).warnings()[0].endswith("pay different rewards, read as their mean: from state 0")
    steps = from_steps(lambda draws: 0, lambda s, a, draws: (1, int(draws.integers(2)), True), 1)
    assert any("read as their mean" in text for text in steps.warnings())
    same = {0: {0: [(0.25, 0, 3, False), (0.75, 0, 3, False)]}}
    assert read(same).warnings() == ()


@pytest.mark.parametrize("rare", [0.0004, 1e-5, 1e-12, 0.12345])
def test_rare_outcomes_and_starts_stay(rare: float) -> None:
    """0.12345 is 2469/20000, and 0.0004 is no 0."""
    exact = Fraction(repr(rare))
    rest = float(1 - exact)
    assert Fraction(repr(rest)) + exact == 1, "the decimals of the pair sum to one"
    table = {0: {0: [(rare, 1, 0, True), (rest, 0, 0, False)]}, 1: {0: [(1.0, 1, 0, True)]}}
    process, _ = from_gymnasium_table(table, initial=np.array([rest, rare]))
    assert process.is_exact
    assert not process.is_deterministic
    assert exact in process.exact_probabilities.tolist()
    assert process.exact_initial == (1 - exact, exact)


def test_estimated_rows_are_floating_point() -> None:
    table = {0: {0: [(1 / 7, 0, 0, False), (6 / 7, 1, 0, False)]}, 1: {0: [(1.0, 1, 0, False)]}}
    process, _ = from_gymnasium_table(table)
    assert not process.is_exact
    assert process.probabilities.tolist() == [1 / 7, 6 / 7, 1.0]


def test_thirds_only_where_the_source_says_so() -> None:
    slip = [(1 / 3, 0, 0, False), ((1 - 1 / 3) / 2, 1, 0, True), ((1 - 1 / 3) / 2, 2, 0, True)]
    table = {0: {0: slip}, 1: {}, 2: {}}
    plain = read_table(table)
    assert not plain.process.is_exact
    assert plain.process.probabilities[:3].tolist() == [p for p, *_ in slip]
    told = read_table(table, spelled={1 / 3: THIRD, (1 - 1 / 3) / 2: THIRD})
    assert told.process.exact_probabilities[:3].tolist() == [THIRD] * 3
    assert any("read as 1/3" in text for text in told.warnings())
    assert not any("1/3" in text for text in plain.warnings())


def test_round_trip_keeps_a_state_that_pays_for_ever() -> None:
    """0 -> 1 pays nothing, 1 -> 1 pays 1: worth 9 at discount 9/10."""
    process = ControlledMarkovProcess.from_transitions(
        [(0, 0, 1, 1), (1, 0, 1, 1)], states=2, actions=1, initial=0, horizon=1
    )
    rewards = np.array([Fraction(0), Fraction(1)], dtype=object)
    table = to_gymnasium_table(process, rewards)
    assert best(table, objective="discounted", gamma=Fraction(9, 10)) == 9


@given(processes(max_states=4), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_round_trip(process: ControlledMarkovProcess, seed: int) -> None:
    """The same numbers, thirds too, and actions, whatever is missing, absorbing or random at the start."""
    draws = np.random.default_rng(seed).integers(-2, 3, process.n_transitions).tolist()
    rewards = np.array([Fraction(draw, 3) for draw in draws], dtype=object)
    again, paid = from_gymnasium_table(to_gymnasium_table(process, rewards), initial=process.exact_initial)
    for name in ("choice_offsets", "choice_action", "offsets", "successors", "exact_probabilities"):
        np.testing.assert_array_equal(getattr(process, name), getattr(again, name), err_msg=name)
    assert again.exact_initial == process.exact_initial
    assert paid.tolist() == rewards.tolist()


def test_states_and_actions_of_any_name() -> None:
    table = {("a", 1): {"go": [(1.0, ("b", 2), 3, True)]}, ("b", 2): {"stay": []}}
    model = read_table(table, initial=("a", 1))
    assert list(model.process.states) == ["('a', 1)", "('b', 2)"]
    assert list(model.process.actions) == ["go", "stay"]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({0: {0: [(1.0, -1, 0, False)]}}, "negative index -1"),
        ({0: {0: [(1.0, 1, 0, False)]}}, "go on from state 1, which has no actions"),
        ({0: {0: [(1.0, 0, 0)]}}, "an outcome of state 0, action 0"),
        ({0: {0: [(1.0, 0, 0, "no")]}}, "flag terminated"),
        ({0: {0: [(0.0, 0, 0, True)]}}, "sums to 0"),
        ({0: {0: [(1.5, 0, 0, True), (-0.5, 0, 0, True)]}}, "-0.5"),
        ({0: {0: [(float("nan"), 0, 0, True)]}}, "finite"),
        ({0: {0: [(0.5, 0, 0, True)]}}, "sum to 0.5"),
        ({0: {0: [(1.0, [1], 0, True)]}}, "successor"),
        ({0: {0: 7}}, "list of outcomes"),
        ({0: 7}, "mapping or a list"),
        (7, "mapping or a list"),
        ({0: {0: [(1.0, 0, float("inf"), True)]}}, "reward of state 0"),
    ],
)
def test_malformed_tables(table: Any, words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        from_gymnasium_table(table)


@pytest.mark.parametrize("initial", [-1, 2, None, True, np.ones(3), {5: 1}])
def test_malformed_starts(initial: Any) -> None:
    with pytest.raises(InvalidProcessError, match=r"initial|start"):
        from_gymnasium_table({0: {0: [(1.0, 0, 0, False)]}, 1: {0: [(1.0, 0, 0, False)]}}, initial=initial)
