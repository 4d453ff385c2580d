"""Certificates of planning values: the best (or least) probability of a goal, or expected sum of rewards.

With a finite horizon the checker plans for itself and needs no witness. Otherwise the witness is an optimal
policy, from which the checker's policy iteration has nothing left to do but to evaluate it exactly and to
compare every choice with it (Puterman 1994, thm 6.2.2; for totals, sec. 7.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from metaregret.tabular.engine import PlanningSolution, solve
from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError
from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.certificates.check import BUDGET
from metaregret.theory.certificates.drafting import Document, certificate, proved

__all__ = ["check_certifiable", "planning_certificate"]


def planning_certificate(
    process: ControlledMarkovProcess,
    *,
    goal: int | None = None,
    rewards: Sequence[Fraction] | np.ndarray | None = None,
    unbounded: bool = False,
    minimise: bool = False,
    budget: int = BUDGET,
) -> Document:
    """Return a certificate of the exact value of a planning problem.

    Parameters
    ----------
    process : ControlledMarkovProcess
    goal : int, optional
        Be at this state at the end; with `unbounded`, ever.
    rewards : sequence of Fraction, length M, optional
        Or earn these on transitions: over the horizon, or with `unbounded` until nothing more is paid.
    unbounded : bool
        Leave the horizon of the process out.
    minimise : bool
    budget : int
        Units of work for the checker.

    Raises
    ------
    InvalidArgumentError
        Unless exactly one of `goal` and `rewards` is given.
    NotExactError, UnsupportedError, InstanceTooLargeError
        If the exact value cannot be computed, or not checked within the budget.
    """
    if (goal is None) == (rewards is None):
        raise InvalidArgumentError("Give either a goal or rewards.")
    check_certifiable(process, rewards, unbounded)
    objective = "end" if goal is not None else "reward"
    if unbounded:
        objective = "reach" if goal is not None else "total"
    claim: Document = {"problem": "planning", "objective": objective}
    if goal is not None:
        claim["goal"] = process.states[goal]
    if rewards is not None:
        claim["rewards"] = _table(process, rewards)
    if minimise:
        claim["minimise"] = True
    if isinstance(process.horizon, FiniteHorizon) and not unbounded:
        return proved(certificate(process, claim, {}), budget=budget)
    plan = solve(process, **_problem(process, goal, rewards, unbounded), maximise=not minimise, exact=True)
    draft = certificate(process, claim, {"policy": _policy(process, plan)})
    if unbounded:
        draft["process"].pop("horizon", None)
        draft["process"].pop("gamma", None)
    return proved(draft, budget=budget, exact=plan.value.exact)


def check_certifiable(
    process: ControlledMarkovProcess, rewards: Sequence[Fraction] | np.ndarray | None, unbounded: bool
) -> None:
    """Refuse, before any work, a question whose answer no certificate can carry.

    Raises
    ------
    NotExactError
        If the process carries no rational probabilities.
    UnsupportedError
        If a total without a horizon has a negative reward: the checker knows what is earned for ever only
        where nothing is lost.
    """
    process.require_exact()
    if not unbounded or rewards is None:
        return
    for item, reward in enumerate(rewards):
        if reward < 0:
            choice = process.transition_choice[item]
            row = process.choice_state[choice], process.choice_action[choice], process.successors[item]
            names = [
                labels[int(i)]
                for labels, i in zip((process.states, process.actions, process.states), row, strict=True)
            ]
            raise UnsupportedError(
                f"No certificate is offered for a total with negative rewards, but {names} pays {reward}. "
                "Give a horizon or gamma, pose costs as positive numbers and minimise, or ask for the value "
                "without a certificate."
            )


def _table(process: ControlledMarkovProcess, rewards: Sequence[Fraction] | np.ndarray) -> list[list[Any]]:
    choice = process.transition_choice
    return [
        [process.states[int(s)], process.actions[int(a)], process.states[int(t)], str(Fraction(r))]
        for s, a, t, r in zip(
            process.choice_state[choice],
            process.choice_action[choice],
            process.successors,
            rewards,
            strict=True,
        )
        if r
    ]


def _problem(
    process: ControlledMarkovProcess, goal: int | None, rewards: Any, unbounded: bool
) -> dict[str, Any]:
    """Return the arguments of the planner for an infinite horizon."""
    if unbounded:
        if goal is None:
            return {"objective": "total", "rewards": np.asarray(rewards, dtype=object)}
        return {"objective": "reach", "targets": np.array([goal])}
    assert isinstance(process.horizon, GeometricHorizon)
    gamma = process.horizon.gamma
    if goal is None:
        return {"objective": "discounted", "gamma": gamma, "rewards": np.asarray(rewards, dtype=object)}
    pays = np.full(process.n_states, Fraction(0), dtype=object)
    pays[goal] = 1 - gamma
    return {"objective": "discounted", "gamma": gamma, "rewards": pays}


def _policy(process: ControlledMarkovProcess, plan: PlanningSolution) -> dict[str, str]:
    """Return the actions of a stationary policy by the names of the states."""
    assert plan.policy is not None
    return {
        process.states[s]: process.actions[int(process.choice_action[c])]
        for s, c in enumerate(plan.policy.tolist())
        if c >= 0
    }
