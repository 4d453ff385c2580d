"""The certificate holds: on random rational models the exact value lies inside every returned bracket.

``METAREGRET_ENGINE_EXAMPLES=10000`` makes the deep run.
"""

from __future__ import annotations

import os
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metaregret.tabular.bounds import Status
from metaregret.tabular.engine import (
    PlanningSolution,
    discounted,
    elimination_kernels,
    kernels,
    layout,
    solve,
    undiscounted,
)
from metaregret.tabular.environments import make
from metaregret.tabular.errors import ConvergenceError, MetaregretError, UnsupportedError
from metaregret.tabular.process import ControlledMarkovProcess
from tests.tabular.engine.models import gaussian, models, reward_arrays

EXAMPLES = int(os.environ.get("METAREGRET_ENGINE_EXAMPLES", "120"))
many = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TOLERANCE = 1e-9
GAMMAS = [
    Fraction(0),
    Fraction(1, 2),
    Fraction(9, 10),
    Fraction(99, 100),
    Fraction(999, 1000),
    Fraction(9999, 10000),
]


def assert_certified(found: PlanningSolution, exact: PlanningSolution) -> None:
    """Every exact value lies inside its bracket, which is as narrow as asked."""
    assert exact.exact is not None
    assert exact.status is Status.EXACT
    assert exact.value.exact is not None
    for state, value in enumerate(exact.exact):
        if value is None:  # infinite, or without a value
            assert (found.lower[state], found.upper[state]) == (exact.lower[state], exact.upper[state])
            continue
        assert Fraction(found.lower[state]) <= value <= Fraction(found.upper[state]), state
    assert found.value.contains(exact.value.exact)
    finite = np.isfinite(found.lower)
    scale = max(1.0, float(np.max(np.abs(found.lower[finite]), initial=0.0)))
    assert np.all(found.upper[finite] - found.lower[finite] <= TOLERANCE * scale)
    assert found.status is Status.CERTIFIED


SWEEPING = ("value-iteration", "modified-policy-iteration", "gauss-seidel")
SMALL_LIMITS = ({"ELIMINATED_STATES": 0}, {"ELIMINATED_STATES": 0, "SINGLE_PRECISION_STATES": 0})
"""What is chosen above 32 states (sweeps, then policy iteration where they mix slowly), and above 20,000,
where single precision comes first."""


@many
@given(st.data())
def test_discounted(data: st.DataObject) -> None:
    process = data.draw(models())
    rewards = data.draw(reward_arrays(process))
    # Sweeps alone need a time of 1 / (1 - gamma) on chains that do not mix.
    gamma = data.draw(st.sampled_from(GAMMAS[:4] + GAMMAS))
    question: dict[str, Any] = {
        "objective": "discounted",
        "gamma": gamma,
        "maximise": data.draw(st.booleans()),
    }
    exact = solve(process, rewards, **question, exact=True)
    for method in ("auto", "policy-iteration", *(SWEEPING if gamma in GAMMAS[:4] else ())):
        assert_certified(solve(process, rewards, **question, method=method), exact)
    for limits in SMALL_LIMITS:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in limits.items():
                patch.setattr(discounted, name, value)
            assert_certified(solve(process, rewards, **question), exact)


@many
@given(st.data())
def test_finite(data: st.DataObject) -> None:
    process = data.draw(models())
    rewards = data.draw(st.one_of(st.none(), reward_arrays(process)))
    steps = data.draw(st.integers(0, 40))
    terminal = np.array(
        data.draw(st.lists(st.integers(-2, 2), min_size=process.n_states, max_size=process.n_states))
    )
    maximise = data.draw(st.booleans())
    exact = solve(process, rewards, steps=steps, terminal=terminal, maximise=maximise, exact=True)
    assert_certified(solve(process, rewards, steps=steps, terminal=terminal, maximise=maximise), exact)


def test_roundings_of_many_steps_add_up() -> None:
    """A tenth, added 1,000 times, is off by more than the rounding of one step; so is a cost of a tenth."""
    process = ControlledMarkovProcess.from_dense(np.eye(2)[None], horizon=1)
    rewards = np.array([Fraction(1, 10), Fraction(-1, 10)], dtype=object)
    exact = solve(process, rewards, steps=1000, exact=True)
    assert list(exact.exact if exact.exact is not None else ()) == [100, -100]
    found = solve(process, rewards, steps=1000)
    assert_certified(found, exact)
    assert abs(float(found.lower.mean() + found.upper.mean())) < 1e-9


@many
@given(st.data())
def test_reach(data: st.DataObject) -> None:
    process = data.draw(models())
    targets = [data.draw(st.integers(0, process.n_states - 1))]
    question: dict[str, Any] = {
        "objective": "reach",
        "targets": targets,
        "maximise": data.draw(st.booleans()),
    }
    exact = solve(process, **question, exact=True)
    for method in ("auto", "gauss-seidel"):
        assert_certified(solve(process, **question, method=method), exact)
    assert_two_sided(process, question, exact)


@many
@given(st.data())
@pytest.mark.parametrize("low", [-3, 0])
def test_total(low: int, data: st.DataObject) -> None:
    process = data.draw(models())
    targets = data.draw(st.one_of(st.none(), st.integers(0, process.n_states - 1)))
    question: dict[str, Any] = {
        "rewards": data.draw(reward_arrays(process, low)),
        "objective": "total",
        "targets": targets,
        "maximise": data.draw(st.booleans()),
    }
    try:
        exact = solve(process, **question, exact=True)
    except UnsupportedError:
        with pytest.raises(UnsupportedError):  # floating point must not present a number either
            solve(process, **question)
        return
    assert_certified(solve(process, **question), exact)
    assert_two_sided(process, question, exact)


def assert_two_sided(
    process: ControlledMarkovProcess, question: dict[str, Any], exact: PlanningSolution
) -> None:
    """Iteration from both sides meets at the exact value; where it stops early, its bounds still hold it."""
    assert exact.value.exact is not None
    failure: ConvergenceError | UnsupportedError | None = None
    try:
        found = solve(process, **question, method="two-sided", max_iterations=1000)
    except (ConvergenceError, UnsupportedError) as error:
        failure = error
    if isinstance(failure, ConvergenceError):
        assert failure.lower <= exact.value.exact <= failure.upper
    elif failure is not None:
        assert "no upper bound to start from" in str(failure)
    else:
        assert_certified(found, exact)


def plain_float_process(process: ControlledMarkovProcess) -> ControlledMarkovProcess:
    """The same numbers without the knowledge that they are rational."""
    return ControlledMarkovProcess(
        process.states, process.actions, process.choice_offsets, process.choice_action, process.offsets,
        process.successors, process.probabilities, process.initial, process.horizon,
    )  # fmt: skip


@many
@given(st.data())
def test_floating_point_process_brackets_its_literal_numbers(data: st.DataObject) -> None:
    """The stored floats, read as exact binary fractions, define the value that the bounds bracket."""
    process = plain_float_process(data.draw(models(4)))
    rewards = data.draw(reward_arrays(process))
    found = solve(process, rewards, objective="discounted", gamma=Fraction(9, 10))
    literal, states = [Fraction(float(p)) for p in process.probabilities], range(process.n_states)
    assert found.policy is not None
    policy = found.policy.tolist()

    def row(choice: int) -> range:
        return range(int(process.offsets[choice]), int(process.offsets[choice + 1]))

    while True:  # policy iteration over the rationals
        weights = [[Fraction(0)] * process.n_states for _ in states]
        for state in states:
            for m in row(policy[state]):
                weights[state][process.successors[m]] += Fraction(9, 10) * literal[m]
        system = [[int(i == j) - weights[i][j] for j in states] for i in states]
        values = gaussian(system, [sum(literal[m] * rewards[m] for m in row(policy[s])) for s in states])
        worth = [
            sum(
                (literal[m] * (rewards[m] + Fraction(9, 10) * values[process.successors[m]]) for m in row(c)),
                0,
            )
            for c in range(process.n_choices)
        ]
        best = [max(process.choices(s), key=worth.__getitem__) for s in states]
        if all(worth[best[s]] <= values[s] for s in states):
            break
        policy = [best[s] if worth[best[s]] > values[s] else policy[s] for s in states]
    for state, value in enumerate(values):
        assert Fraction(found.lower[state]) <= value <= Fraction(found.upper[state])


# -------------------------------------------------------------------------------- the check can fail


def perturbed_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The probabilities in the layout are off by a millionth."""
    honest = layout.lay_out

    def planted(*arrays: np.ndarray) -> layout.Rows:
        rows = honest(*arrays)
        return replace(rows, probabilities=layout.frozen(rows.probabilities * (1 - 1e-6)))

    for module in (layout, undiscounted):
        monkeypatch.setattr(module, "lay_out", planted)


def perturbed_elimination(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiled call for small models returns a lower bound above the upper one in one state."""
    honest = elimination_kernels.plan_small

    def planted(*arguments: Any) -> tuple[float, float, int]:
        result = honest(*arguments)
        arguments[11][0] = arguments[12][0] + 1e-9
        return result

    monkeypatch.setattr(elimination_kernels, "plan_small", planted)


def perturbed_backup(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiled backup writes a result that is off by 1e-6 in one state."""
    honest = kernels.backup

    def planted(*arguments: Any) -> tuple[float, float, int]:
        result = honest(*arguments)
        arguments[9][0] += 1e-6
        return result

    monkeypatch.setattr(kernels, "backup", planted)


def deaf_to_the_residual(monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate takes every residual for zero."""
    honest = discounted.discounted_bounds

    def planted(problem: Any, values: Any, residual: Any, least: float, greatest: float, length: Any) -> Any:
        return honest(problem, values, residual, 0.0, 0.0, length)

    monkeypatch.setattr(discounted, "discounted_bounds", planted)


def inductive_check_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undiscounted values from one round of policy iteration are taken for both bounds, unchecked."""
    monkeypatch.setattr(undiscounted, "_certify", lambda reduced, values: (values - 1e-12, values + 1e-12))
    monkeypatch.setattr(
        undiscounted,
        "_iterate",
        lambda reduced: reduced.solver.solve(reduced.policy, reduced.quotient.rewards[reduced.policy]),
    )


PROCESS = make("garnet:S=6,A=3,b=3,seed=5")
REWARDS = np.arange(18.0) % 7 - 9
QUESTIONS: dict[str, dict[str, Any]] = {
    "discounted": {"rewards": REWARDS, "gamma": Fraction(9, 10)},
    "finite": {"rewards": REWARDS, "steps": 5},
    "total": {"rewards": REWARDS, "targets": [5]},
}


@pytest.mark.parametrize(
    ("objective", "method", "plant"),
    [
        ("discounted", "auto", perturbed_rows),
        ("discounted", "auto", perturbed_elimination),
        ("discounted", "modified-policy-iteration", perturbed_rows),
        ("total", "auto", perturbed_rows),
        ("total", "two-sided", perturbed_rows),
        ("finite", "auto", perturbed_rows),
        ("discounted", "linear-programming", perturbed_backup),
        ("discounted", "gauss-seidel", deaf_to_the_residual),
        ("finite", "auto", perturbed_backup),
        ("total", "auto", inductive_check_off),
    ],
)
def test_a_planted_error_turns_the_check_red(
    objective: str, method: Any, plant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = {"objective": objective, **QUESTIONS[objective]}
    exact = solve(PROCESS, **question, exact=True)
    fresh = replace(PROCESS)  # without the layout that is kept for the original
    if plant is deaf_to_the_residual:
        question["max_iterations"] = 2
    else:
        assert_certified(solve(fresh, **question, method=method), exact)
    plant(monkeypatch)
    with pytest.raises((AssertionError, MetaregretError)):  # red, or no answer at all
        assert_certified(solve(replace(PROCESS), **question, method=method), exact)
