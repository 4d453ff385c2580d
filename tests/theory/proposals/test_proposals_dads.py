"""DADS by its definition: the objective of the returned policies in plain loops, its planner by force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings

from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.proposals import propose
from metaregret.theory.proposals.dads import _flows, _plan
from tests.theory.skills.small_processes import processes


def objective(process: ControlledMarkovProcess, policies: list[np.ndarray], unmet: float = 1.0) -> float:
    """``E_z sum_t [log q(s'|s, z) - log mean_z' q(s'|s, z')]`` from plain loops over states.

    `unmet` scales the actions of a skill where it never is, for the planted error.
    """
    size, ends = process.n_states, process.matrix.toarray()
    moves, dynamics = [], []
    for policy in policies:
        plays, now = np.zeros(process.n_choices), process.initial
        for step in policy:
            played = np.array([now[process.choice_state[c]] * step[c] for c in range(process.n_choices)])
            plays, now = plays + played, played @ ends
        q, met = np.zeros((size, size)), np.zeros((size, size))
        for state in range(size):
            own = list(process.choices(state))
            visits = plays[own].sum()
            share = plays[own] / visits if visits > 0 else np.full(len(own), unmet / len(own))
            q[state], met[state] = share @ ends[own], plays[own] @ ends[own]
        moves.append(met)
        dynamics.append(q)
    mean = sum(dynamics) / len(dynamics)
    total = 0.0
    for met, q in zip(moves, dynamics, strict=True):
        used = met > 0
        total += float((met[used] * np.log(q[used] / mean[used])).sum()) / len(policies)
    return total


@given(processes(max_steps=3))
@settings(max_examples=15, deadline=None)
def test_the_objective_is_that_of_the_returned_policies(process: ControlledMarkovProcess) -> None:
    assert isinstance(process.horizon, FiniteHorizon)
    found = propose(process, "dads", skills=3, certify=False)
    value = objective(process, [skill.policy for skill in found.skills])
    assert max(itertools.chain.from_iterable(found.curves)) == pytest.approx(value, abs=1e-12)


def test_states_that_a_skill_never_meets_count() -> None:
    """From 0 one goes to 1 or 2 and on at random: what skills would do where they never are moves J."""
    process = ControlledMarkovProcess.from_transitions(
        [(0, 0, 1, 1), (0, 1, 2, 1), (1, 0, 1, 1), (1, 1, 2, 1), (2, 0, 0, 1)],
        states=3,
        actions=2,
        initial=0,
        horizon=2,
    )
    found = propose(process, "dads", skills=2, certify=False)
    policies = [skill.policy for skill in found.skills]
    assert max(itertools.chain.from_iterable(found.curves)) == pytest.approx(
        objective(process, policies), abs=1e-12
    )
    assert abs(objective(process, policies) - objective(process, policies, unmet=0.5)) > 1e-3


@given(processes(geometric=True))
@settings(max_examples=15, deadline=None)
def test_planning_at_a_geometric_horizon(process: ControlledMarkovProcess) -> None:
    """Against every stationary policy, by linear systems."""
    assert isinstance(process.horizon, GeometricHorizon)
    gamma, ends = float(process.horizon.gamma), process.matrix.toarray()
    reward = np.random.default_rng(0).normal(size=(process.n_choices, 1))

    def value(choices: list[int]) -> np.ndarray:
        system = np.eye(process.n_states) - gamma * ends[choices]
        return np.asarray(np.linalg.solve(system, reward[choices, 0]))

    options = [list(process.choices(s)) for s in range(process.n_states)]
    best = np.max([value(list(plan)) for plan in itertools.product(*options)], axis=0)
    np.testing.assert_allclose(value(_plan(process, reward)[:, 0].tolist()), best, atol=1e-9)


@given(processes(geometric=True))
@settings(max_examples=15, deadline=None)
def test_flows_at_a_geometric_horizon_add_up_step_by_step(process: ControlledMarkovProcess) -> None:
    """``sum_t gamma**t Pr(s_t = s)`` at the chosen choices; many steps leave less than 1e-12."""
    assert isinstance(process.horizon, GeometricHorizon)
    gamma = float(process.horizon.gamma)
    first, last = process.choice_offsets[:-1], process.choice_offsets[1:] - 1
    flows = _flows(process, np.stack([first, last], axis=1))
    for z, chosen in enumerate((first, last)):
        expected, now, ends = np.zeros(process.n_choices), process.initial.copy(), process.matrix.toarray()
        for step in range(300):
            expected[chosen] += gamma**step * now
            now = now @ ends[chosen]
        np.testing.assert_allclose(flows[:, z], expected, atol=1e-10)
