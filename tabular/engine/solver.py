"""`solve`: one door to the planner, and the choice of the algorithm by structure.

What ``method="auto"`` does:

* *finite*: backward induction.
* *discounted*: up to 32 states policy iteration by elimination, all of it in one compiled call; on dense
  models value iteration through BLAS, and policy iteration where the span contracts slowly; on sparse models
  that mix fast, modified policy iteration; on those that do not (a probe finds that few states can be reached
  in few steps) Gauss-Seidel in the order of distance to the best rewards, then policy iteration.
* *reach*, *total*: what the graph settles; policy iteration with direct solves on the rest up to 20,000
  states, Gauss-Seidel in the order of distance to the end beyond.

Where double precision cannot certify the tolerance (values that hang on long chains of resets, a discount
factor very close to one), an exact process of up to 400 states is solved over the rationals instead.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, get_args

import numpy as np

from metaregret.tabular.choices import one_of
from metaregret.tabular.engine import discounted
from metaregret.tabular.engine.certificate import ITERATIONS, Certified, finish
from metaregret.tabular.engine.layout import dense_rows
from metaregret.tabular.engine.ordered import gauss_seidel, mixes_slowly
from metaregret.tabular.engine.problem import Problem, read_problem
from metaregret.tabular.engine.solution import Objective, PlanningSolution
from metaregret.tabular.errors import ConvergenceError, UnsupportedError
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["METHODS", "Method", "solve"]

Method = Literal[
    "auto",
    "value-iteration",
    "modified-policy-iteration",
    "policy-iteration",
    "gauss-seidel",
    "two-sided",
    "linear-programming",
    "backward-induction",
]

METHODS: dict[Objective, tuple[str, ...]] = {
    Objective.FINITE: ("auto", "backward-induction"),
    Objective.DISCOUNTED: (
        "auto",
        "value-iteration",
        "modified-policy-iteration",
        "policy-iteration",
        "gauss-seidel",
        "linear-programming",
    ),
    Objective.REACH: ("auto", "policy-iteration", "gauss-seidel", "two-sided", "linear-programming"),
    Objective.TOTAL: ("auto", "policy-iteration", "gauss-seidel", "two-sided", "linear-programming"),
}
"""Methods that each objective accepts."""

_ALL = get_args(Method)


def solve(
    process: ControlledMarkovProcess,
    rewards: np.ndarray | None = None,
    *,
    objective: Objective | str = Objective.FINITE,
    steps: int | None = None,
    gamma: float | str | Fraction | None = None,
    terminal: np.ndarray | None = None,
    targets: object = None,
    maximise: bool = True,
    method: Method = "auto",
    tolerance: float = 1e-9,
    exact: bool = False,
    keep_policy: bool = True,
    max_iterations: int = 1_000_000,
    must_reach: bool = False,
) -> PlanningSolution:
    """Find the best expected reward from every state, with certified bounds and a policy.

    Parameters
    ----------
    process : ControlledMarkovProcess
        Its own horizon is not used.
    rewards : ndarray, shape (M,), (C,) or (S,), optional
        A reward for each transition, choice or state; floats, or an object array of rationals. With
        ``"reach"``: none.
    objective : Objective or str
        ``"finite"`` (needs `steps`), ``"discounted"`` (needs `gamma`), ``"reach"`` (needs `targets`) or
        ``"total"`` (`targets`, if given, are states where the episode ends and nothing more is earned).
    steps : int, optional
        Number of steps, at least 0.
    gamma : float, str or Fraction, optional
        Discount factor, ``0 <= gamma < 1``; a float means the decimal it prints as.
    terminal : ndarray, shape (S,), optional
        Value of ending in each state (finite horizon only).
    targets : ndarray of bool, shape (S,), or indices or names of states, optional
    maximise : bool
        False to minimise.
    method : str
        See `METHODS`; ``"auto"`` chooses by structure.
    tolerance : float
        Largest gap between the bounds of any state, relative to ``max(1, largest absolute value)``.
    exact : bool
        Rational arithmetic: the result has ``lower == upper`` and was checked by a Bellman residual of zero.
    keep_policy : bool
        Whether a finite-horizon policy, shape (T, S), is kept.
    max_iterations : int
        Limit of sweeps or rounds.
    must_reach : bool
        With ``"total"`` and `targets`: only policies that reach a target with probability one count, so that
        none waits for ever where that is free.

    Returns
    -------
    PlanningSolution

    Raises
    ------
    InvalidArgumentError
        If an argument is missing, superfluous or malformed.
    NotExactError
        If `exact` is asked for and the process carries no rational probabilities.
    UnsupportedError
        If the value is infinite or does not converge, or the method does not solve this objective.
    ConvergenceError
        If a limit was reached, or double precision cannot certify the tolerance; it carries the best bounds.
    """
    one_of(_ALL, method, "method")
    problem = read_problem(
        process,
        rewards,
        objective,
        steps=steps,
        gamma=gamma,
        terminal=terminal,
        targets=targets,
        maximise=maximise,
        tolerance=tolerance,
        max_iterations=max_iterations,
        must_reach=must_reach,
    )
    if method != "auto" and method not in METHODS[problem.objective]:
        raise UnsupportedError(
            f"Objective {problem.objective.name.lower()!r} is solved by "
            f"{', '.join(METHODS[problem.objective])}; "
            f"got method={method!r}."
        )
    if exact:
        from metaregret.tabular.engine.exact import solve_exactly

        return solve_exactly(problem, keep_policy=keep_policy)
    problem.require_floats()
    found = _dispatch(problem, method, keep_policy)
    try:
        return finish(problem, found)
    except ConvergenceError:
        if method != "auto" or found.limited_by == ITERATIONS or not _small_and_exact(problem):
            raise
    from metaregret.tabular.engine.exact import solve_exactly

    return solve_exactly(problem, keep_policy=keep_policy)


SHARPENED_STATES = 400
"""Exact processes up to this size are solved over the rationals where double precision cannot certify the
tolerance."""


def _small_and_exact(problem: Problem) -> bool:
    return problem.process.is_exact and problem.process.n_states <= SHARPENED_STATES


def _dispatch(problem: Problem, method: str, keep_policy: bool) -> Certified:
    if problem.objective is Objective.FINITE:
        from metaregret.tabular.engine.finite import backward_induction

        return backward_induction(problem, keep_policy=keep_policy)
    if problem.objective is Objective.DISCOUNTED:
        return _discounted(problem, method)
    if method == "two-sided":
        from metaregret.tabular.engine.two_sided import interval_iteration

        return interval_iteration(problem)
    from metaregret.tabular.engine.undiscounted import solve_undiscounted

    return solve_undiscounted(problem, method)


def _discounted(problem: Problem, method: str) -> Certified:
    if method == "auto":
        return _by_structure(problem)
    if method == "value-iteration":
        return discounted.value_iteration(problem)
    if method == "policy-iteration":
        return discounted.policy_iteration(problem)
    if method == "linear-programming":
        return discounted.linear_programming(problem)
    if method == "gauss-seidel":
        return gauss_seidel(problem)
    return discounted.modified_policy_iteration(problem, fall_back=False)


SMALL_STATES = 1000
"""Up to this size modified policy iteration, then policy iteration, is fast whatever the structure."""

ORDERED_SWEEPS = 300
"""Gauss-Seidel sweeps on a slowly mixing model before it is factorised, where it is small enough."""


def _by_structure(problem: Problem) -> Certified:
    """Choose the discounted algorithm; see the module's description."""
    n_states = len(problem.process.initial)
    if n_states <= discounted.ELIMINATED_STATES:
        return discounted.small_policy_iteration(problem)
    if n_states <= SMALL_STATES or dense_rows(problem.process) is not None or not mixes_slowly(problem):
        return discounted.modified_policy_iteration(problem, fall_back=True)
    if n_states > FACTORISED_STATES:
        return gauss_seidel(problem)
    found = gauss_seidel(problem, ORDERED_SWEEPS)
    if found.is_narrow(problem):
        return found
    return discounted.policy_iteration(problem, 0.5 * (found.lower + found.upper), found.iterations)


FACTORISED_STATES = 100_000
"""Slowly mixing models (long and thin, or planar) up to this size are factorised without much fill-in."""
