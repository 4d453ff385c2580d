"""Exact mode against brute force over all policies, in the standard library's rationals."""

from __future__ import annotations

import os
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular.engine import gain, solve
from metaregret.tabular.engine.exact import ExactModel, chain_values
from metaregret.tabular.engine.graph import ChoiceGraph
from metaregret.tabular.errors import InstanceTooLargeError, NotExactError, UnsupportedError
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import processes
from tests.tabular.engine.models import (
    INFINITE,
    as_objects,
    brute_force_discounted,
    brute_force_total,
    chain_with_reset,
    reward_arrays,
)

EXAMPLES = int(os.environ.get("METAREGRET_ENGINE_EXAMPLES", "150"))
some = settings(max_examples=min(60, EXAMPLES), deadline=None)
small = processes(max_states=3, max_actions=2)


@some
@given(st.data())
def test_discounted_is_the_best_over_all_policies(data: st.DataObject) -> None:
    process = data.draw(small)
    rewards = data.draw(reward_arrays(process))
    gamma = data.draw(st.sampled_from([Fraction(0), Fraction(1, 2), Fraction(19, 20)]))
    maximise = data.draw(st.booleans())
    found = solve(process, rewards, objective="discounted", gamma=gamma, maximise=maximise, exact=True)
    assert found.exact is not None
    assert list(found.exact) == brute_force_discounted(process, rewards, gamma, maximise=maximise)


@some
@given(st.data())
def test_reach_is_the_best_over_all_policies(data: st.DataObject) -> None:
    process = data.draw(small)
    target = data.draw(st.integers(0, process.n_states - 1))
    maximise = data.draw(st.booleans())
    found = solve(process, objective="reach", targets=[target], maximise=maximise, exact=True)
    assert found.exact is not None
    entering = np.array([Fraction(int(s == target)) for s in process.successors], dtype=object)
    expected = brute_force_total(process, entering, {target}, maximise=maximise)
    for state in range(process.n_states):
        assert found.exact[state] == (1 if state == target else expected[state])


def assert_total_is_right(
    process: ControlledMarkovProcess, rewards: np.ndarray, targets: set[int], *, maximise: bool
) -> bool:
    """Both modes give the best total over all policies, or refuse it by name where it is infinite or does
    not exist; return whether there was one."""
    expected = brute_force_total(process, rewards, targets, maximise=maximise)
    question: dict[str, Any] = {"objective": "total", "maximise": maximise}
    if targets:
        question["targets"] = sorted(targets)
    if not all(isinstance(expected[s], Fraction) for s in np.flatnonzero(process.initial).tolist()):
        for exact in (False, True):
            with pytest.raises(UnsupportedError, match="infinit"):
                solve(process, rewards, **question, exact=exact)
        return False
    found, rough = solve(process, rewards, **question, exact=True), solve(process, rewards, **question)
    assert found.exact is not None
    for s, value in enumerate(expected):
        bounds = (found.lower[s], found.upper[s])
        assert (rough.lower[s], rough.upper[s]) == bounds or np.isfinite(bounds).all()
        if isinstance(value, Fraction):
            assert found.exact[s] == value
            assert Fraction(rough.lower[s]) <= value <= Fraction(rough.upper[s])
            assert rough.upper[s] - rough.lower[s] < 1e-7
        else:  # plus infinity may be found where another policy has no value
            assert found.exact[s] is None
            best = float("inf") if maximise else float("-inf")
            assert bounds in ([(-np.inf, np.inf), (best, best)] if value == INFINITE else [(value, value)])
    return True


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data())
def test_total_is_the_best_over_all_policies(data: st.DataObject) -> None:
    process = data.draw(processes(max_states=4, max_actions=2))
    rewards = data.draw(reward_arrays(process))
    targets = set(data.draw(st.sets(st.integers(0, process.n_states - 1), max_size=1)))
    assert_total_is_right(process, rewards, targets, maximise=data.draw(st.booleans()))


RISK = (
    "around state 's' .index 0., with positive probability it gains for ever, and with positive probability "
    "it loses for ever"
)

LOOPS: dict[str, tuple[str, object]] = {
    "gains": ("s>end s>a end>end a>b:3 b>a:-1", "plus"),
    "loses": ("s>end s>a end>end a>b:1 b>a:-3", 0),
    "one action that gains": ("s>a:3 a>s:-1", "plus"),
    "one action that loses": ("s>a:1 a>s:-3", "minus"),
    "a step that gains two": ("s>s:2", "plus"),
    "pays nothing": ("s>a a>s", 0),
    "cancels": (
        "s>end s>a end>end a>b:1 b>a:-1",
        "around state 'a' .index 2., its rewards cancel in a loop, so that the sums have no limit. Use",
    ),
    "cancels elsewhere": ("s>s a>b:1 b>a:-1", 0),
    "cancels here, and is a risk there": ("s>s a>b:1 b>a:-1 c>d|e d>d:3 e>e:-1", 0),
    "gains elsewhere": ("s>e:3 e>e a>a:1", 3),
    "gains by a hair": (f"s>a:{10**15 + 1} a>s:-{10**15}", "plus"),
    "loses by a hair": (f"s>a:{10**15} a>s:-{10**15 + 1} s>e e>e", 0),
    "gains or loses, by chance": ("s>a|b a>a:3 b>b:-1", RISK),
    "may rest, or gain or lose, by chance": ("s>s s>a|b a>a:3 b>b:-1", RISK),
    "may rest, or gain": ("s>s s>a a>a:3", "plus"),
    "may gain or lose, by chance": ("s>end s>a end>end a>b|c b>b:3 c>c:-1", RISK),
}
"""Choices "state>successor:reward", equally likely successors apart by "|"; and the largest total from s."""


def loop_model(choices: str) -> tuple[ControlledMarkovProcess, list[Fraction]]:
    """Read one of the models of `LOOPS`."""
    listed = [choice.split(">") for choice in choices.split()]
    names = list(dict.fromkeys(state for state, _ in listed))
    rows: list[tuple[int, int, int, object]] = []
    pays: dict[int, Fraction] = {}
    for action, (state, rest) in enumerate(listed):
        successors, _, pays_text = rest.partition(":")
        options = successors.split("|")
        rows += [(names.index(state), action, names.index(to), Fraction(1, len(options))) for to in options]
        pays[action] = Fraction(pays_text or 0)
    process = ControlledMarkovProcess.from_transitions(
        rows, states=names, actions=len(listed), initial=0, horizon=1
    )
    return process, [pays[action] for action in process.choice_action[process.transition_choice].tolist()]


def posed(written: str, *, maximise: bool) -> tuple[int, ControlledMarkovProcess, np.ndarray]:
    """A model and its rewards, or costs of the other sign; and the sign."""
    process, pays = loop_model(written)
    sign = 1 if maximise else -1
    return sign, process, as_objects([sign * pay for pay in pays])


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("maximise", [True, False])
@pytest.mark.parametrize("name", LOOPS)
def test_the_sign_of_a_loop_decides(name: str, maximise: bool, exact: bool) -> None:
    choices, right = LOOPS[name]
    sign, process, rewards = posed(choices, maximise=maximise)
    question: dict[str, Any] = {"objective": "total", "maximise": maximise, "exact": exact}
    if isinstance(right, int):
        assert solve(process, rewards, **question).value.contains(sign * right)
        return
    why = {
        "plus": "a loop earns reward for ever",
        "minus": "every policy keeps collecting such rewards for ever",
    }
    message = str(right)
    if right in why:
        message = (
            f"{right if maximise else 'plus' if right == 'minus' else 'minus'} infinity: {why[message]}."
        )
    with pytest.raises(UnsupportedError, match=message):
        solve(process, rewards, **question)


@pytest.mark.parametrize("maximise", [True, False])
@pytest.mark.parametrize("name", LOOPS)
def test_every_state_of_a_loop_counts(name: str, maximise: bool) -> None:
    process, pays = loop_model(LOOPS[name][0])
    rewards = as_objects([(1 if maximise else -1) * pay for pay in pays])
    for start in range(process.n_states):
        assert_total_is_right(process.replaced(initial=start), rewards, set(), maximise=maximise)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize(
    ("choices", "right"),
    [
        (
            "s>end s>a end>end a>b:1 b>a:-1",
            "around state 'a' .index 2., it lies in a loop whose gain a round is too near "
            "to zero for double precision, and which is too large for rational arithmetic. Use",
        ),
        ("s>a:1 a>s:-1 s>e e>e", "around state 's' .index 0. some policy stays for ever"),
        ("s>a:1 a>s:-3 s>e e>e", 0),
        ("s>s a>b:1 b>a:-1", 0),
    ],
)
def test_loops_too_large_to_decide(
    choices: str, right: str | int, exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where its gain is not clear a loop is refused, unless it does not matter."""
    monkeypatch.setattr(gain, "DECIDED_STATES", 0)
    process, pays = loop_model(choices)
    if isinstance(right, int):
        assert solve(process, as_objects(pays), objective="total", exact=exact).value.contains(right)
        return
    with pytest.raises(UnsupportedError, match=right):
        solve(process, as_objects(pays), objective="total", exact=exact)


def test_what_follows_a_target_does_not_matter() -> None:
    """It cancels, gains, or may gain or lose."""
    for after in ("t>a a>b:1 b>a:-1", "t>a:3 a>a:1", "t>a|b a>a:1 b>b:-1"):
        process, pays = loop_model(f"s>t:2 {after}")
        for maximise in (True, False):
            assert assert_total_is_right(process, as_objects(pays), {1}, maximise=maximise)


INF = float("inf")
UNTIL: dict[str, tuple[str, list[float]]] = {
    "a trap that gains": ("s>end:1 s>a:5 end>end a>a:1", [1, 0, -INF]),
    "a trap that gains or loses, by chance": (
        "s>end s>a end>end a>b|c b>b:3 c>c:-1",
        [0, 0, -INF, -INF, -INF],
    ),
    "a trap whose rewards cancel": ("s>end:2 s>a end>end a>b:1 b>a:-1", [2, 0, -INF, -INF]),
    "a chance of missing": ("s>end:1 s>a|end:9 end>end a>a", [1, 0, -INF]),
    "a loop that gains and is left": ("s>a end>end a>a:1 a>end", [INF, 0, INF]),
    "a loop that is free": ("s>s s>end:-1 end>end:7", [-1, 0]),
}
"""The largest total until "end" of the policies that reach it with probability one, from every state."""


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("maximise", [True, False])
@pytest.mark.parametrize("name", UNTIL)
def test_what_misses_the_target_does_not_count(name: str, maximise: bool, exact: bool) -> None:
    """Neither does what it gains there, or loses by chance."""
    choices, right = UNTIL[name]
    sign, process, rewards = posed(choices, maximise=maximise)
    question: dict[str, Any] = {
        "objective": "total",
        "targets": [1],
        "must_reach": True,
        "maximise": maximise,
    }
    found = solve(process.replaced(initial=1), rewards, **question, exact=exact)
    np.testing.assert_allclose(found.lower, sign * np.array(right), atol=1e-12)
    np.testing.assert_allclose(found.upper, sign * np.array(right), atol=1e-12)
    assert np.all(found.lower <= sign * np.array(right))
    assert np.all(found.upper >= sign * np.array(right))
    for start, value in enumerate(right):
        if np.isfinite(value):
            assert solve(process.replaced(initial=start), rewards, **question, exact=exact).value.contains(
                sign * value
            )
        else:
            with pytest.raises(
                UnsupportedError, match="missed" if value < 0 else "a loop earns reward for ever"
            ):
                solve(process.replaced(initial=start), rewards, **question, exact=exact)


def test_a_reward_below_the_smallest_float_still_gains() -> None:
    """Beside one that is not that small; by itself it takes exact arithmetic."""
    process = ControlledMarkovProcess.from_transitions(
        [(0, 0, 0, 1), (1, 0, 0, 1)], states=2, actions=1, initial=0, horizon=1
    )
    for other, exact in ((1, False), (0, True)):
        with pytest.raises(UnsupportedError, match="plus infinity"):
            solve(process, as_objects([Fraction(1, 10**390), other]), objective="total", exact=exact)


@some
@given(st.data())
def test_the_returned_policy_attains_the_value(data: st.DataObject) -> None:
    process = data.draw(processes(max_states=4, max_actions=3))
    rewards = data.draw(reward_arrays(process))
    found = solve(process, rewards, objective="discounted", gamma=Fraction(9, 10), exact=True)
    assert found.policy is not None
    assert found.exact is not None
    only = ControlledMarkovProcess.from_transitions(
        [
            (s, 0, int(process.successors[m]), process.exact_probabilities[m])
            for s in range(process.n_states)
            for m in range(int(process.offsets[found.policy[s]]), int(process.offsets[found.policy[s] + 1]))
        ],
        states=process.n_states, actions=1, initial=0, horizon=1,
    )  # fmt: skip
    paid = np.concatenate([rewards[process.offsets[c] : process.offsets[c + 1]] for c in found.policy])
    again = solve(only, paid, objective="discounted", gamma=Fraction(9, 10), exact=True)
    assert again.exact is not None
    assert list(again.exact) == list(found.exact)


def test_long_chain_of_resets_is_exactly_seven_tenths() -> None:
    """Stopping at a step residual of 1e-6 gives 0.6508 for this model with 15 stages and 1.3e-6 with 20."""
    for stages in (15, 20):
        found = solve(chain_with_reset(stages), objective="reach", targets=[stages], exact=True)
        assert found.value.exact == Fraction(7, 10)


def test_a_planted_error_leaves_a_residual() -> None:
    import flint

    graph = ChoiceGraph(np.array([0, 1, 2]), np.array([0, 1, 2]), np.array([1, 1]))
    half = flint.fmpq(1, 2)
    model = ExactModel(graph, np.array([half, half]), np.array([flint.fmpq(1), flint.fmpq(1)]))
    values = chain_values(model, np.array([0, 1]))
    assert [str(value) for value in values] == ["2", "2"]
    assert all(residual == 0 for residual in model.residual(values))
    values[1] += flint.fmpq(1, 10**30)
    assert [residual != 0 for residual in model.residual(values)] == [True, True]


def test_floating_point_process_is_refused() -> None:
    process = ControlledMarkovProcess.from_dense(np.array([[[0.3, 0.7], [0.5, 0.5]]]), horizon=1)
    with pytest.raises(NotExactError, match="floating point only"):
        solve(process, np.ones(2), objective="discounted", gamma=0.5, exact=True)


def test_exact_finite_horizon_refuses_what_would_never_finish() -> None:
    process = chain_with_reset(200)
    with pytest.raises(InstanceTooLargeError, match="word operations"):
        solve(process, np.ones(process.n_states), steps=1_000_000, exact=True)
