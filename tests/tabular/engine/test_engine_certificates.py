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
from tests.tabular.engine.models import models, reward_arrays

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


@many
@given(st.data())
@pytest.mark.parametrize("method", ["auto", "policy-iteration", *SWEEPING])
def test_discounted(method: str, data: st.DataObject) -> None:
    process = data.draw(models())
    rewards = data.draw(reward_arrays(process))
    # Sweeps alone need a time of 1 / (1 - gamma) on chains that do not mix.
    gamma = data.draw(st.sampled_from(GAMMAS[:4] if method in SWEEPING else GAMMAS))
    maximise = data.draw(st.booleans())
    question: dict[str, Any] = {"objective": "discounted", "gamma": gamma, "maximise": maximise}
    exact = solve(process, rewards, **question, exact=True)
    assert_certified(solve(process, rewards, **question, method=method), exact)


@many
@given(st.data())
@pytest.mark.parametrize("single", [False, True])
def test_discounted_as_on_larger_models(single: bool, data: st.DataObject) -> None:
    """Sweeps, then policy iteration where they mix slowly: what is chosen above 32 states, and above 20,000,
    where single precision comes first."""
    process = data.draw(models())
    rewards = data.draw(reward_arrays(process))
    question: dict[str, Any] = {"objective": "discounted", "gamma": data.draw(st.sampled_from(GAMMAS))}
    exact = solve(process, rewards, **question, exact=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discounted, "ELIMINATED_STATES", 0)
        if single:
            patch.setattr(discounted, "SINGLE_PRECISION_STATES", 0)
        found = solve(process, rewards, **question)
    assert_certified(found, exact)


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


@many
@given(st.data())
@pytest.mark.parametrize("method", ["auto", "gauss-seidel"])
def test_reach(method: str, data: st.DataObject) -> None:
    process = data.draw(models())
    targets = [data.draw(st.integers(0, process.n_states - 1))]
    maximise = data.draw(st.booleans())
    exact = solve(process, objective="reach", targets=targets, maximise=maximise, exact=True)
    found = solve(process, objective="reach", targets=targets, maximise=maximise, method=method)
    assert_certified(found, exact)


@many
@given(st.data())
@pytest.mark.parametrize("low", [-3, 0])
def test_total(low: int, data: st.DataObject) -> None:
    process = data.draw(models())
    rewards = data.draw(reward_arrays(process, low))
    targets = data.draw(st.one_of(st.none(), st.integers(0, process.n_states - 1)))
    maximise = data.draw(st.booleans())
    try:
        exact = solve(process, rewards, objective="total", targets=targets, maximise=maximise, exact=True)
    except UnsupportedError:
        with pytest.raises(UnsupportedError):  # floating point must not present a number either
            solve(process, rewards, objective="total", targets=targets, maximise=maximise)
        return
    assert_certified(solve(process, rewards, objective="total", targets=targets, maximise=maximise), exact)


@many
@given(st.data())
@pytest.mark.parametrize("objective", ["reach", "total"])
def test_two_sided(objective: str, data: st.DataObject) -> None:
    """Iteration from both sides meets at the exact value; where it stops early, its bounds still hold it."""
    process = data.draw(models())
    maximise = data.draw(st.booleans())
    question: dict[str, Any] = {"objective": objective, "maximise": maximise}
    if objective == "total":
        question["rewards"] = data.draw(reward_arrays(process, data.draw(st.sampled_from([-3, 0]))))
        question["targets"] = data.draw(st.one_of(st.none(), st.integers(0, process.n_states - 1)))
    else:
        question["targets"] = data.draw(st.integers(0, process.n_states - 1))
    try:
        exact = solve(process, **question, exact=True)
    except UnsupportedError:
        return
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
    values = [Fraction(0)] * process.n_states
    literal = [Fraction(float(p)) for p in process.probabilities]
    for _ in range(60):  # an exact contraction: after 60 backups the start matters by less than 0.9**60 * 30
        values = [
            max(
                sum(
                    (literal[m] * (rewards[m] + Fraction(9, 10) * values[process.successors[m]])
                     for m in range(process.offsets[c], process.offsets[c + 1])),
                    Fraction(0),
                )
                for c in process.choices(s)
            )
            for s in range(process.n_states)
        ]  # fmt: skip
        values = [value.limit_denominator(10**18) for value in values]
    remainder = 0.9**60 * 30 + 1e-12
    for state, value in enumerate(values):
        assert found.lower[state] - remainder <= float(value) <= found.upper[state] + remainder


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
        arguments[13][0] = arguments[14][0] + 1e-9
        return result

    monkeypatch.setattr(elimination_kernels, "plan_small", planted)


def perturbed_backup(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiled backup writes a residual that is off by 1e-6 in one state."""
    honest = kernels.backup

    def planted(*arguments: Any) -> tuple[float, float, int]:
        result = honest(*arguments)
        arguments[8][0] += 1e-6
        return result

    monkeypatch.setattr(kernels, "backup", planted)


def perturbed_induction(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiled finite-horizon step is off by 1e-9 in one state."""
    honest = kernels.induct

    def planted(*arguments: Any) -> None:
        honest(*arguments)
        arguments[7][0] -= 1e-9

    monkeypatch.setattr(kernels, "induct", planted)


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
        ("finite", "auto", perturbed_induction),
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
