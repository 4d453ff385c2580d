"""The one door to cvxpy: statuses are not trusted, attempts are combined, failure is a typed error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cvxpy as cp
import numpy as np
import pytest

from metaregret.tabular.errors import SolverError
from metaregret.theory.optimise import LINEAR_SOLVERS, Attempt, solve_certified


@dataclass(frozen=True)
class Claim:
    """A bracket for the largest entry of a vector: any point below, any dual vector above."""

    lower: float
    upper: float


def problem() -> tuple[cp.Problem, cp.Variable]:
    x = cp.Variable(3, nonneg=True)
    return cp.Problem(cp.Maximize(x @ np.array([1.0, 2.0, 3.0])), [cp.sum(x) == 1]), x


@pytest.mark.parametrize("attempt", LINEAR_SOLVERS, ids=[attempt.name for attempt in LINEAR_SOLVERS])
def test_every_attempt_solves_a_plain_program(attempt: Attempt) -> None:
    program, x = problem()
    best = solve_certified(
        program,
        lambda: None if x.value is None else Claim(float(x.value @ [1, 2, 3]) - 1e-7, 3.0),
        tolerance=1e-6,
        attempts=(attempt,),
    )
    assert best.lower == pytest.approx(3, abs=1e-6)
    assert best.method == attempt.name


def test_it_stops_at_the_first_tight_bracket_and_goes_on_until_then() -> None:
    program, _ = problem()
    claims = iter([Claim(0.0, 5.0), Claim(2.0, 9.0), Claim(2.9999999999, 3.0), Claim(3.0, 3.0)])
    best = solve_certified(program, lambda: next(claims), tolerance=1e-9)
    assert (best.lower, best.upper) == (2.9999999999, 3.0)
    assert best.method == LINEAR_SOLVERS[2].name
    assert next(claims) == Claim(3.0, 3.0)  # the fourth was not asked


def test_brackets_of_several_attempts_are_intersected() -> None:
    program, _ = problem()
    claims = iter([Claim(2.0, 9.0), Claim(0.0, 4.0), Claim(1.0, 8.0), Claim(1.5, 7.0)])
    best = solve_certified(program, lambda: next(claims), tolerance=1e-9)
    assert (best.lower, best.upper) == (2.0, 4.0)
    assert best.highest == Claim(2.0, 9.0)
    assert best.lowest == Claim(0.0, 4.0)


def test_variables_of_an_earlier_attempt_do_not_linger() -> None:
    """A solver that fails leaves nothing of its predecessor's answer to be certified again."""
    program, x = problem()
    x.save_value(np.ones(3))
    seen: list[Any] = []

    def certify() -> None:
        seen.append(x.value)

    attempts = (Attempt("unknown", "NO_SUCH_SOLVER", {}),)
    with pytest.raises(SolverError, match="unknown: failed"):
        solve_certified(program, certify, tolerance=1e-9, attempts=attempts)
    assert seen == [None]


def test_an_infeasible_program_is_a_typed_error_that_says_what_was_tried() -> None:
    x = cp.Variable(nonneg=True)
    program = cp.Problem(cp.Minimize(x), [x <= -1])
    with pytest.raises(SolverError) as caught:
        solve_certified(program, lambda: None if x.value is None else Claim(0.0, 0.0), tolerance=1e-9)
    told = "; ".join(f"{attempt.name}: infeasible, no usable variables" for attempt in LINEAR_SOLVERS)
    assert str(caught.value) == f"No solver returned usable variables; tried {told}."


def test_no_duals_linger_either() -> None:
    program, _ = problem()
    constraint = program.constraints[0]
    program.solve(solver="HIGHS")
    assert constraint.dual_value is not None
    seen: list[Any] = []

    def certify() -> None:
        seen.append(constraint.dual_value)

    with pytest.raises(SolverError):
        solve_certified(program, certify, tolerance=1e-9, attempts=(Attempt("none", "NO_SUCH_SOLVER", {}),))
    assert seen == [None]


NAMES = [attempt.name for attempt in LINEAR_SOLVERS]


@pytest.mark.parametrize(
    ("claim", "tolerance", "tight"),
    [
        (Claim(0.0, 0.5), 0.5, True),  # exactly the tolerance
        (Claim(0.0, 0.51), 0.5, False),
        (Claim(8.0, 12.0), 0.5, True),  # relative to the lower bound where that is above one
        (Claim(8.0, 12.1), 0.5, False),
        (Claim(-8.0, -4.0), 0.5, True),
        (Claim(-8.0, -3.9), 0.5, False),
        (Claim(1.5, 3.0), 0.75, False),
    ],
)
def test_the_gap_is_relative_to_bounds_above_one(claim: Claim, tolerance: float, tight: bool) -> None:
    program, _ = problem()
    best = solve_certified(program, lambda: claim, tolerance=tolerance)
    assert best.method == (NAMES[0] if tight else NAMES[-1])
    assert (best.lower, best.upper) == (claim.lower, claim.upper)


def test_nothing_from_one_solver_does_not_stop_the_next() -> None:
    program, _ = problem()
    claims = iter([None, Claim(1.0, 1.0)])
    best = solve_certified(program, lambda: next(claims), tolerance=1e-9)
    assert best.method == NAMES[1]
    assert best.lowest == best.highest == Claim(1.0, 1.0)


def test_of_equal_bounds_the_first_is_kept() -> None:
    """Another solver that finds no better bound does not replace what proves the one there is."""
    program, _ = problem()
    claims = [Claim(0.0, 1.0) for _ in LINEAR_SOLVERS]
    told = iter(claims)
    best = solve_certified(program, lambda: next(told), tolerance=1e-9)
    assert best.lowest is best.highest is claims[0]
