"""Soft planning around a policy: its derivatives, its bounds, and what small steps add up to."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular import make
from metaregret.tabular.conjugate_gradients import conjugate_gradients
from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError
from metaregret.tabular.goals import optimal_terminal_values
from metaregret.tabular.horizon import GeometricHorizon
from metaregret.tabular.policy import check_policy, terminal_distribution
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.soft_planning import SoftPlanner
from metaregret.tabular.strategies import processes

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=40, deadline=None)
@given(processes(geometric=False, min_states=2), SEEDS)
def test_rewards_add_up(process: ControlledMarkovProcess, seed: int) -> None:
    """Two steps lead to the policy of their sum, and raise the soft value by as much."""
    first, second = np.random.default_rng(seed).normal(size=(2, process.n_states))
    stepwise, at_once = SoftPlanner(process), SoftPlanner(process)
    raised = stepwise.respond(first)
    stepwise.keep()
    raised += stepwise.respond(second)
    assert at_once.respond(first + second) == pytest.approx(raised, abs=1e-12)
    np.testing.assert_allclose(stepwise.policy, at_once.policy, atol=1e-12)
    check_policy(process, at_once.policy)
    reached = terminal_distribution(process, at_once.policy).probabilities
    np.testing.assert_allclose(at_once.mass[-1], reached, atol=1e-14)


@settings(max_examples=40, deadline=None)
@given(processes(geometric=False, min_states=2), SEEDS)
def test_changes_are_derivatives(process: ControlledMarkovProcess, seed: int) -> None:
    """The soft value's gradient is the terminal distribution, whose derivative is what `change` returns."""
    rewards, along = np.random.default_rng(seed).normal(size=(2, process.n_states))
    planner, step = SoftPlanner(process), 1e-5
    above, after = planner.respond(rewards + step * along), planner.mass[-1].copy()
    below, before = planner.respond(rewards - step * along), planner.mass[-1].copy()
    planner.respond(rewards)
    assert (above - below) / (2 * step) == pytest.approx(float(planner.mass[-1] @ along), abs=1e-7)
    np.testing.assert_allclose(planner.change(along), (after - before) / (2 * step), atol=1e-7)


@settings(max_examples=40, deadline=None)
@given(processes(geometric=False, min_states=2), SEEDS)
def test_ceilings_are_just_above_the_best_policy(process: ControlledMarkovProcess, seed: int) -> None:
    rewards = np.random.default_rng(seed).uniform(0.1, 1.0, size=process.n_states)
    best = optimal_terminal_values(process, rewards[:, None]).values[0]
    assert best * (1 - 1e-14) <= SoftPlanner(process).ceiling(rewards) <= best * (1 + 1e-12)


def test_distances_are_measured_from_where_they_were_until_they_are_measured_anew() -> None:
    process = make("line:3,start=1,slip=1/4").replaced(horizon=2)
    rewards = np.array([0.0, 0.0, 3.0])
    kept, anew = SoftPlanner(process), SoftPlanner(process)
    for planner in (kept, anew):
        planner.respond(rewards)
    kept.keep()
    anew.recentre()
    for planner in (kept, anew):
        planner.respond(-rewards)
    np.testing.assert_allclose(kept.policy, 1 / 3, atol=1e-12)
    assert np.abs(anew.policy - 1 / 3).max() > 0.01


def test_what_rewards_speak_against_can_come_back() -> None:
    process = make("line:3,start=1").replaced(horizon=1)
    planner = SoftPlanner(process)
    for rewards in (np.array([0.0, 0.0, 1e4]), np.array([1e4, 0.0, 0.0])):
        planner.respond(rewards)
        planner.keep()
    planner.respond(np.array([1e3, 0.0, 0.0]))
    assert planner.mass[-1, 0] == pytest.approx(1.0)


def test_what_the_start_never_does_stays_out() -> None:
    process = make("line:3,start=1").replaced(horizon=1)
    start = np.tile([0.0, 0.5, 0.5], 3)[None]
    planner = SoftPlanner(process, start)
    rewards = np.zeros(3)
    for reached in np.flatnonzero(planner.mass[-1] == 0.0):
        rewards[reached] = 1e6
    planner.respond(rewards)
    assert planner.mass[-1, rewards > 0.0].sum() == 0.0


def test_steps_are_as_long_as_policies_can_be_trusted_to_follow() -> None:
    """The logarithm of ``p`` grows by ``2 - log(p) / 2`` or falls by ``2 / sqrt(p)`` at most."""
    process = make("line:3,start=1").replaced(horizon=1)
    p = 1e-6
    planner = SoftPlanner(process, np.tile([p, 0.5, 0.5 - p], 3)[None])
    moves = process.choice_state == 1
    for sign in (1.0, -1.0):
        rewards = np.zeros(3)
        to = int(process.successors[process.offsets[:-1][moves]][0])
        rewards[to] = sign
        planner.change(rewards)
        grown = np.array([1 - p, -p, -p]) * sign  # the derivative of log pi
        allowed = np.where(grown > 0, 2 - 0.5 * np.log([p, 0.5, 0.5 - p]), 2 / np.sqrt([p, 0.5, 0.5 - p]))
        assert planner.farthest() == pytest.approx(float(np.abs(grown / allowed).max()))


def test_bad_input_is_refused() -> None:
    process = make("line:3").replaced(horizon=GeometricHorizon(Fraction(1, 2)))
    with pytest.raises(UnsupportedError, match="finite horizon"):
        SoftPlanner(process)
    with pytest.raises(InvalidArgumentError):
        SoftPlanner(make("line:3").replaced(horizon=1), np.ones((1, 9)))


# ---------------------------------------------------------------- conjugate gradients


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 8), SEEDS)
def test_conjugate_gradients_solve_in_a_plane(size: int, seed: int) -> None:
    """Against elimination of the constraint ``normal . x = 0``."""
    random = np.random.default_rng(seed)
    root, right, normal = random.normal(size=(size, size)), *random.normal(size=(2, size))
    matrix = root @ root.T + np.eye(size)
    normal /= np.linalg.norm(normal)

    def project(x: np.ndarray) -> np.ndarray:
        return np.asarray(x - (normal @ x) * normal)

    found, done = conjugate_gradients(
        lambda x: matrix @ x, right, project, project, accuracy=1e-10, rounds=100
    )
    bordered = np.block([[matrix, normal[:, None]], [normal[None], np.zeros((1, 1))]])
    assert done
    np.testing.assert_allclose(found, np.linalg.solve(bordered, np.append(right, 0.0))[:-1], atol=1e-7)


def test_conjugate_gradients_say_when_they_have_not_arrived() -> None:
    matrix, right = np.diag([1.0, 10.0, 100.0]), np.ones(3)

    def solve(scale: float, rounds: int) -> tuple[np.ndarray, bool]:
        return conjugate_gradients(
            lambda x: scale * matrix @ x, right, np.copy, np.copy, accuracy=1e-8, rounds=rounds
        )

    assert not solve(1.0, 2)[1]
    found, done = solve(1.0, 3)
    assert done
    np.testing.assert_allclose(found, [1.0, 0.1, 0.01])
    found, done = solve(0.0, 3)
    assert (found.tolist(), done) == ([0.0, 0.0, 0.0], False)
