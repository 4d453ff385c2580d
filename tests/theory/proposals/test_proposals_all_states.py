"""All states in place of the last: C2, the random stopping behind it, and trajectories."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings

from metaregret.tabular.environments import make
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.policy import terminal_distribution, uniform_policy
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.proposals import propose
from metaregret.theory.skills import outcome, trajectory_outcome
from tests.theory.skills.small_processes import processes

C2 = (0.41930476, 0.41930476, 0.16139048)


@pytest.mark.parametrize("method", ["capacity", "diayn", "vic"])
def test_all_states_marginal_is_not_uniform(method: str) -> None:
    """C2: I(s_t; z) with t uniform on 1..3 on a deterministic 3-state line."""
    found = propose(make("line:3").replaced(horizon=3), method, states="all")
    np.testing.assert_allclose(found.goal_distribution, C2, atol=1e-4)
    assert not found.matches_uniform
    assert not found.matches_minimax
    assert found.worst_case_regret == pytest.approx(1 / C2[2] - 1, abs=1e-2)
    assert found.minimax_regret == pytest.approx(2, abs=1e-9)


def test_all_states_optimum_by_hand() -> None:
    """Stay, step once and stay, run to the end: the optimum over the three skills, on a fine grid."""
    rows = np.array([[1, 0, 0], [0, 1, 0], [0, 1 / 3, 2 / 3]])
    last = np.linspace(0.2, 0.3, 2001)
    first = np.linspace(0.38, 0.46, 801)
    p = np.stack(np.broadcast_arrays(first[:, None], 1 - first[:, None] - last, last), axis=-1)
    q = p @ rows
    conditional = -(1 / 3 * np.log(1 / 3) + 2 / 3 * np.log(2 / 3))
    information = -(q * np.log(q)).sum(axis=-1) - last * conditional
    at = np.unravel_index(information.argmax(), information.shape)
    np.testing.assert_allclose(q[at], C2, atol=2e-4)


def test_a_fixed_number_of_skills_keeps_the_uniform_prior() -> None:
    found = propose(make("line:3").replaced(horizon=3), "diayn", states="all", skills=3)
    np.testing.assert_allclose([skill.probability for skill in found.skills], 1 / 3)


@given(processes(max_states=3, max_steps=3))
@settings(max_examples=15, deadline=None)
def test_stopping_at_a_random_step_averages_the_marginals(process: ControlledMarkovProcess) -> None:
    assert isinstance(process.horizon, FiniteHorizon)
    seen = outcome(process, "all")
    assert seen.process.is_exact
    rng = np.random.default_rng(0)
    weights = rng.uniform(0.1, 1, (process.horizon.steps, process.n_choices))
    totals = np.add.reduceat(weights, process.choice_offsets[:-1], axis=1)
    policy = weights / np.repeat(totals, np.diff(process.choice_offsets), axis=1)
    now, mean = process.initial, np.zeros(process.n_states)
    for step in policy:
        now = (now[process.choice_state] * step) @ process.matrix
        mean += now / process.horizon.steps
    lifted = np.where(seen.base_choice >= 0, policy[:, np.maximum(seen.base_choice, 0)], 1.0)
    terminal = terminal_distribution(seen.process, lifted).probabilities
    np.testing.assert_allclose(seen.marginal(terminal), mean, atol=1e-12)
    restored = terminal_distribution(process, seen.restore(lifted)).probabilities
    np.testing.assert_allclose(restored, now, atol=1e-12)


def test_trajectories_restore_to_the_same_terminal_distribution() -> None:
    process = make("grid:2x2,slip=1/10").replaced(horizon=2)
    seen = trajectory_outcome(process)
    policy = np.random.default_rng(1).uniform(size=uniform_policy(seen.process).shape)
    totals = np.add.reduceat(policy, seen.process.choice_offsets[:-1], axis=1)
    policy /= np.repeat(totals, np.diff(seen.process.choice_offsets), axis=1)
    remembered = seen.marginal(terminal_distribution(seen.process, policy).probabilities)
    restored = terminal_distribution(process, seen.restore(policy)).probabilities
    np.testing.assert_allclose(restored, remembered, atol=1e-12)


def test_valor_tells_trajectories_apart() -> None:
    process = make("line:3").replaced(horizon=2)
    found = propose(process, "valor", states="all", certify=False)
    # Sequences of states from 0 in two steps: 00, 01, 10, 11, 12 (the moves that stay are not told apart).
    assert found.mutual_information.lower == pytest.approx(np.log(5), abs=1e-9)
    np.testing.assert_allclose(found.goal_distribution, [2 / 5, 2 / 5, 1 / 5], atol=1e-9)


def test_an_unachievable_marginal_is_not_credited() -> None:
    """Two states forced to alternate: half the steps are in each, but every episode ends in the same one."""
    process = ControlledMarkovProcess.from_transitions(
        [(0, 0, 1, 1), (1, 0, 0, Fraction(1))], states=2, actions=1, initial=0, horizon=2
    )
    found = propose(process, "capacity", states="all")
    np.testing.assert_allclose(found.goal_distribution, [0.5, 0.5])
    np.testing.assert_allclose(found.exploration, [1, 0])
    assert found.worst_case_regret == pytest.approx(0, abs=1e-9)
