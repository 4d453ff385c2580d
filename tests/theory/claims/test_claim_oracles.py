"""The brute-force references agree with the library where both apply, and with hand computations."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaregret.tabular.augment import leaves, remember_trajectory
from metaregret.tabular.environments import make
from metaregret.tabular.errors import (
    ConvergenceError,
    InstanceTooLargeError,
    InvalidArgumentError,
    UnsupportedError,
)
from metaregret.tabular.goals import goal_support, goal_values
from metaregret.tabular.policy import terminal_distribution
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import distributions, policies, processes
from metaregret.theory.claims.oracles import (
    bayes_learner,
    bayes_regret_at,
    deterministic_outcomes,
    logarithm_bounds,
    sign_of_log_sum,
    trajectory_tree,
)
from metaregret.theory.minimax.memory import solve_memory
from metaregret.theory.tasks import Detection, GoalTasks

SMALL = processes(max_states=3, max_actions=2, max_steps=2, geometric=False)


@given(st.fractions(Fraction(1, 10**6), 10**6, max_denominator=10**6))
def test_logarithms_are_bracketed(x: Fraction):
    low, high = logarithm_bounds(x)
    assert low <= high
    assert float(high - low) < 1e-12
    assert float(low) - 1e-12 <= math.log(x) <= float(high) + 1e-12
    rough = logarithm_bounds(x, 2)
    assert rough[0] <= low
    assert high <= rough[1]


def test_signs_of_sums_of_logarithms():
    assert sign_of_log_sum([(Fraction(1), Fraction(3)), (Fraction(-1), Fraction(2))]) == 1
    # 2**10 = 1024 > 1000 = 10**3, by a hair in logarithms
    assert sign_of_log_sum([(Fraction(10), Fraction(2)), (Fraction(-3), Fraction(10))]) == 1
    assert sign_of_log_sum([(Fraction(3), Fraction(10)), (Fraction(-10), Fraction(2))]) == -1
    assert sign_of_log_sum([(Fraction(2), Fraction(2)), (Fraction(-1), Fraction(4))]) == 0
    assert sign_of_log_sum([(Fraction(1, 2), Fraction(9)), (Fraction(-1), Fraction(3))]) == 0
    assert sign_of_log_sum([(Fraction(1), Fraction(3)), (Fraction(-1), Fraction(3))]) == 0
    assert sign_of_log_sum([]) == 0
    with pytest.raises(ConvergenceError):
        sign_of_log_sum([(Fraction(10**6), Fraction(2)), (Fraction(-(10**6) // 2), Fraction(4))])
    with pytest.raises(InvalidArgumentError):
        logarithm_bounds(Fraction(0))


@given(SMALL)
def test_outcomes_attain_the_best_value_of_every_goal(process: ControlledMarkovProcess):
    outcomes = deterministic_outcomes(process)
    assert all(sum(rho) == 1 for rho in outcomes)
    exact = goal_values(process, representation="rational").exact
    assert exact is not None
    assert [max(column) for column in zip(*outcomes, strict=True)] == list(exact)


@given(SMALL.flatmap(lambda process: st.tuples(st.just(process), policies(process))), st.data())
def test_no_policy_lies_outside_the_outcomes(situation: tuple, data: st.DataObject):
    process, policy = situation
    rho = terminal_distribution(process, policy, representation="rational").exact
    assert rho is not None
    direction = data.draw(st.lists(st.integers(-3, 3), min_size=process.n_states, max_size=process.n_states))
    here = sum(w * r for w, r in zip(direction, rho, strict=True))
    assert here <= max(
        sum(w * x for w, x in zip(direction, o, strict=True)) for o in deterministic_outcomes(process)
    )


def test_averaged_outcomes_of_a_line():
    process = make("line:3").replaced(horizon=3)
    found = deterministic_outcomes(process, averaged=True)
    assert (Fraction(1), Fraction(0), Fraction(0)) in found
    assert (Fraction(0), Fraction(1, 3), Fraction(2, 3)) in found
    assert max(rho[2] for rho in found) == Fraction(2, 3)


def test_outcomes_refuse_what_is_too_large():
    with pytest.raises(InstanceTooLargeError):
        deterministic_outcomes(make("grid:3x3,slip=1/10").replaced(horizon=4), limit=50)


@given(SMALL, st.data(), st.integers(1, 3), st.sampled_from(Detection))
def test_the_recursion_agrees_with_the_memory_solver(
    process: ControlledMarkovProcess, data: st.DataObject, episodes: int, detect: Detection
):
    goals = np.flatnonzero(goal_support(process, visit=detect is Detection.VISIT))
    prior = data.draw(distributions(len(goals)))
    forced = bayes_regret_at(process, goals.tolist(), prior, episodes, detect)
    solution = solve_memory(GoalTasks(process, goals, detect), episodes)
    respond = solution.proof.game.respond(np.array([float(p) for p in prior]))
    assert respond.lower <= forced + Fraction(1, 10**12)
    assert float(forced) == pytest.approx(respond.lower, abs=1e-9)
    assert float(forced) <= solution.value.upper + 1e-12


@given(SMALL, st.data())
def test_a_learner_is_judged_on_every_task(process: ControlledMarkovProcess, data: st.DataObject):
    goals = np.flatnonzero(goal_support(process)).tolist()
    prior = data.draw(distributions(len(goals)))
    optimum, returns = bayes_learner(process, goals, prior, 2)
    assert all(0 <= r <= 2 * v for r, v in zip(returns, optimum, strict=True))


@given(processes(max_states=3, max_actions=2, max_steps=3, geometric=False))
def test_trees_of_trajectories_have_the_leaves_of_the_library(process: ControlledMarkovProcess):
    roots = trajectory_tree(process)
    uniform = [sum(1 for _ in root.leaves(lambda node: [Fraction(1)] * len(node.actions))) for root in roots]
    assert sum(uniform) == len(leaves(remember_trajectory(process)))


def test_finite_horizons_only():
    process = make("line:2").replaced(horizon=1)
    endless = ControlledMarkovProcess.from_transitions(
        [(0, 0, 0, 1)], states=1, actions=1, initial=0, horizon=process.horizon
    )
    from metaregret.tabular.horizon import GeometricHorizon

    endless = endless.replaced(horizon=GeometricHorizon(Fraction(1, 2)))
    for refused in (
        lambda: deterministic_outcomes(endless),
        lambda: trajectory_tree(endless),
        lambda: bayes_learner(endless, [0], [Fraction(1)], 1),
    ):
        with pytest.raises(UnsupportedError):
            refused()
