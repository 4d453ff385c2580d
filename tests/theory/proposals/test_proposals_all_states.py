"""All states in place of the last: C2, the random stopping behind it, and trajectories."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings

from metaregret.tabular.environments import make
from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError
from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon
from metaregret.tabular.policy import exact_terminal, terminal_distribution, uniform_policy
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.proposals import propose
from metaregret.theory.skills import Outcome, outcome, trajectory_outcome
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


def lifted(seen: Outcome, policy: np.ndarray) -> np.ndarray:
    """A policy of the base, in the same fractions, on the process that stops; shape (T, C')."""
    one = Fraction(1)
    return np.array(
        [[row[c] if c >= 0 else one for c in seen.base_choice.tolist()] for row in policy.tolist()],
        dtype=object,
    )


@given(processes(max_states=3, max_steps=3))
@settings(max_examples=15, deadline=None)
def test_the_random_step_is_uniform_in_fractions(process: ControlledMarkovProcess) -> None:
    assert isinstance(process.horizon, FiniteHorizon)
    steps, size = process.horizon.steps, process.n_states
    seen = outcome(process, "all")
    assert (seen.base, seen.process.horizon) == (process, process.horizon)
    assert seen.process.name == "drawn, stopped at a random step"
    assert seen.base_state.tolist() == [-1] * (steps * size) + list(range(size))
    assert seen.base_choice.tolist() == list(range(process.n_choices)) * steps + [-1] * size
    policy = np.array([[Fraction(w).limit_denominator(8) for w in row] for row in uniform_policy(process)])
    ends = exact_terminal(seen.process, lifted(seen, policy))
    assert not any(ends[: steps * size])
    assert process.exact_initial is not None
    now, mean = list(process.exact_initial), [Fraction(0)] * size
    for _ in range(steps):
        following = [Fraction(0)] * size
        for m, (choice, to) in enumerate(zip(process.transition_choice, process.successors, strict=True)):
            chance = policy[0][choice] * process.exact_probabilities[m]
            following[to] += now[process.choice_state[choice]] * chance
        now = following
        mean = [a + b / steps for a, b in zip(mean, now, strict=True)]
    assert ends[steps * size :].tolist() == mean
    rewards = np.arange(3.0, 3.0 + len(ends))
    assert seen.rewards(rewards).tolist() == rewards[steps * size :].tolist()


def test_decimals_that_do_not_sum_to_one_stop_as_well() -> None:
    """Two states, 0.333333333333 to move and as often to stay, twice: no fraction is made up."""
    third = "0.3333333333333"
    process = ControlledMarkovProcess.from_transitions(
        [(0, 0, to, third) for to in range(3)] + [(s, 0, s, 1) for s in (1, 2)],
        states=3,
        actions=1,
        initial={0: third, 1: third, 2: third},
        horizon=2,
    )
    seen = outcome(process, "all").process
    assert not process.is_exact
    assert not seen.is_exact
    ends = terminal_distribution(seen, uniform_policy(seen)).probabilities
    np.testing.assert_allclose(ends[6:], [2 / 27, 25 / 54, 25 / 54], rtol=1e-11)


def test_the_mean_reward_of_the_trajectories_that_end_in_a_state() -> None:
    """From 0 in two steps along a line of two: 00, 01, 10 and 11 end in 0, 1, 0 and 1."""
    seen = trajectory_outcome(make("line:2").replaced(horizon=2))
    full = seen.base_state >= 0
    assert sorted(seen.base_state[full].tolist()) == [0, 0, 1, 1]
    rewards = np.where(seen.base_state == 0, np.cumsum(seen.base_state == 0), 0.0)
    np.testing.assert_allclose(seen.rewards(rewards), [1.5, 0.0], rtol=1e-15)
    assert not (seen.base_choice[full[seen.process.choice_state]] >= 0).any()
    assert (seen.base_choice[~full[seen.process.choice_state]] >= 0).all()


def test_a_state_that_no_trajectory_ends_in_has_no_mass_and_no_reward() -> None:
    """One step along a line of three ends in 0 or 1."""
    process = make("line:3").replaced(horizon=1)
    seen = trajectory_outcome(process)
    assert seen.marginal(1.0 * (seen.base_state == 1)).tolist() == [0.0, 1.0, 0.0]
    assert seen.rewards(1.0 * (seen.base_state == 1)).tolist() == [0.0, 1.0, 0.0]
    assert seen.process.name == "line:3 remembering the states of trajectories"
    assert sorted(seen.base_state.tolist()) == [-1, 0, 1]
    assert sorted(seen.base_choice.tolist()) == [-1, -1, 0, 1, 2]


def test_what_is_seen_in_the_end_or_at_a_geometric_horizon_is_the_process_itself() -> None:
    process = make("line:3")
    for horizon, states in ((2, "end"), (GeometricHorizon(Fraction(1, 2)), "all")):
        seen = outcome(process.replaced(horizon=horizon), states)
        assert seen.process is seen.base
        policy = uniform_policy(seen.base)
        assert seen.restore(policy) is policy
        assert seen.marginal(np.array([0.5, 0.25, 0.25])).tolist() == [0.5, 0.25, 0.25]
    with pytest.raises(
        InvalidArgumentError, match="Expected states to be one of 'end', 'all', but got 'some'"
    ):
        outcome(process, "some")
    with pytest.raises(UnsupportedError, match=r"^Skills told apart by trajectory \(states='all'\)"):
        trajectory_outcome(process.replaced(horizon=GeometricHorizon(Fraction(1, 2))))


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
