"""Covers, packings and the games that they bound, against one another and against the solvers of
processes."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings

from metaregret.tabular import make
from metaregret.tabular.augment import remember_visits
from metaregret.tabular.environments.attempts import attempts
from metaregret.tabular.environments.cover import cover
from metaregret.tabular.errors import (
    InstanceTooLargeError,
    InvalidArgumentError,
    MetaregretError,
    NotExactError,
    UnsupportedError,
)
from metaregret.tabular.policy import terminal_distribution
from metaregret.tabular.strategies import attempt_chances, processes, set_systems
from metaregret.theory.certificates.write_minimax import minimax_certificate
from metaregret.theory.claims.oracles import bayes_regret_at, order_game
from metaregret.theory.covers import (
    SetSystem,
    fractional_cover,
    fractional_numbers,
    search_value,
    smallest_cover,
)
from metaregret.theory.covers.fractional import path_policies
from metaregret.theory.minimax.least_favourable import LeastFavourable
from metaregret.theory.minimax.memory import solve_memory
from metaregret.theory.minimax.memory.unending import solve_unending
from metaregret.theory.minimax.solution import Criterion
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.proposals import compare, propose
from metaregret.theory.tasks import Detection, GoalTasks

FANO = "cover:0.1.2;0.3.4;0.5.6;1.3.5;1.4.6;2.3.6;2.4.5"
PLANES = "cover:0.2.4.6;1.2.5.6;0.1.4.5;3.4.5.6;0.2.3.5;1.2.3.4;0.1.3.6"


def on_the_way(specification: str) -> GoalTasks:
    return GoalTasks.reachable(make(specification), Detection.VISIT)


def visited_sets(tasks: GoalTasks) -> SetSystem:
    """The sets of goals that an episode can find, from the process that remembers visits."""
    augmented, _ = remember_visits(tasks.process, tasks.goals)
    return SetSystem(len(tasks.goals), tuple({cast(int, memory) for memory in augmented.memory}))


@given(set_systems())
@settings(max_examples=25)
def test_planner_and_incidence_table_find_the_same_number(sets: list[list[int]]) -> None:
    system, tasks = SetSystem.of(sets), GoalTasks.reachable(cover(sets), Detection.VISIT)
    cover_found = fractional_cover(tasks)
    assert cover_found.value == fractional_numbers(system)[0]
    assert cover_found.value <= len(smallest_cover(system))
    assert visited_sets(tasks) == system
    covered = [sum(p.weight for p in cover_found.paths if g in p.goals) for g in range(system.count)]
    assert min(covered) >= 1
    assert all(sum(cover_found.packing[g] for g in one) <= 1 for one in sets)
    assert solve_without_memory(tasks, exact=True).value.exact == cover_found.value - 1


@given(set_systems(max_goals=4, max_sets=4))
@settings(max_examples=25)
def test_search_is_the_game_over_all_sequences(sets: list[list[int]]) -> None:
    system = SetSystem.of(sets)
    found = search_value(system)
    assert (found.value, len(smallest_cover(system)) - 1) == order_game(system.sets, system.count)
    assert search_value(system, 1).value == 1 - 1 / fractional_numbers(system)[0]


@pytest.mark.parametrize(("specification", "tau", "value"), [(FANO, "7/3", "6/7"), (PLANES, "7/4", "4/7")])
def test_known_systems_as_processes(specification: str, tau: str, value: str) -> None:
    tasks = on_the_way(specification)
    assert fractional_cover(tasks).value == Fraction(tau)
    assert len(smallest_cover(visited_sets(tasks))) == 3
    assert solve_memory(tasks, None, exact=True).value.exact == Fraction(value)
    assert search_value(visited_sets(tasks)).value == Fraction(value)


def test_paths_of_a_cover_are_policies_of_the_process() -> None:
    tasks = on_the_way("grid:3x2")
    found = fractional_cover(tasks)
    for path, policy in zip(found.paths, path_policies(found), strict=True):
        ends = terminal_distribution(tasks.process, policy, representation="rational").exact
        assert ends is not None
        (end,) = np.flatnonzero(ends)
        assert found.names.index(tasks.process.states[int(end)]) in path.goals


def test_what_is_no_cover_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="deterministic"):
        fractional_cover(GoalTasks.reachable(make("spread:3")))
    with pytest.raises(InvalidArgumentError, match="cover"):
        SetSystem(3, (1, 2))
    with pytest.raises(InstanceTooLargeError, match="16"):
        search_value(SetSystem(17, ((1 << 17) - 1,)))


# ---------------------------------------------------------------- infinitely many episodes, random dynamics


@given(attempt_chances(max_goals=3))
@settings(max_examples=15)
def test_finitely_many_episodes_stay_below(chances: list[Fraction]) -> None:
    tasks = GoalTasks.reachable(attempts(chances))
    limit = solve_unending(tasks).value.exact
    assert limit is not None
    prior = solve_unending(tasks).proof.exact.prior
    finite = [bayes_regret_at(tasks.process, tasks.goals.tolist(), prior, episodes) for episodes in (1, 3, 5)]
    assert finite == sorted(finite)
    assert finite[-1] <= limit


CERTAIN = processes(
    max_states=3, max_actions=2, max_steps=2, geometric=False, deterministic=True, random_start=False
)


@given(CERTAIN)
@settings(max_examples=20)
def test_without_noise_it_is_the_game_of_enough_episodes(process: object) -> None:
    for detect in Detection:
        tasks = GoalTasks.reachable(process, detect)
        assert solve_unending(tasks).value.exact == solve_memory(tasks, None, exact=True).value.exact


@pytest.mark.parametrize(
    ("specification", "criterion", "value"),
    [
        ("attempts:1,1/2", "regret", "2/5"),
        ("attempts:1,1/5", "regret", "5/26"),
        ("attempts:1,1/2,1/4", "regret", "2/3"),
        ("attempts:1,1/2,1/4", "hitting-time", "5"),
        ("attempts:1,1/2,1/4", "ratio", "5/3"),
        ("spread:3", "regret", "1/6"),
        ("spread:4", "regret", "1/12"),
    ],
)
def test_known_values(specification: str, criterion: str, value: str) -> None:
    tasks = GoalTasks.reachable(make(specification))
    solution = solve_memory(tasks, None, criterion=criterion)
    assert solution.value.exact == Fraction(value)
    mixed = np.array(solution.proof.exact.weights) @ np.array(solution.proof.exact.losses)
    assert max(mixed) == Fraction(value)


def test_visits_under_noise_approach_the_limit() -> None:
    tasks = GoalTasks(make("line:5,start=2,slip=1/10").replaced(horizon=4), np.array([0, 4]), Detection.VISIT)
    limit = solve_memory(tasks, None).value.exact
    assert limit == Fraction(687, 1400)
    finite = solve_memory(tasks, 12).value
    assert finite.lower <= limit <= finite.upper + 1e-9


def test_what_has_no_limit_here_is_refused() -> None:
    process = make("spread:3")
    with pytest.raises(InstanceTooLargeError, match="fewer goals"):
        solve_memory(GoalTasks.reachable(make("spread:20")), None)
    with pytest.raises(UnsupportedError, match="finitely many"):
        solve_memory(GoalTasks.reachable(process, Detection.VISIT), None, criterion=Criterion.HITTING_TIME)
    solution = solve_memory(GoalTasks.reachable(process), None)
    for refuse in (LeastFavourable, lambda s: minimax_certificate(GoalTasks.reachable(process), s)):
        with pytest.raises(UnsupportedError, match="give a number of episodes"):
            refuse(solution)
    with pytest.raises(NotExactError):
        solve_unending(GoalTasks.reachable(dataclasses.replace(process, numerators=None, denominators=None)))


# ---------------------------------------------------------------- packing as a proposal


def test_the_packing_is_proposed_and_its_cover_is_minimax() -> None:
    proposal = propose(make("line:5,start=2").replaced(horizon=4), "packing")
    assert proposal.goal_distribution.tolist() == [0.5, 0, 0, 0, 0.5]
    assert proposal.matches_minimax
    assert not proposal.matches_uniform
    document = proposal.to_json()
    assert (document["tau_star"], document["worst_case_regret"], document["detect"]) == ("2", 1.0, "visit")
    uniform = propose(make(FANO), "packing")
    assert uniform.matches_uniform
    assert uniform.worst_case_regret == pytest.approx(4 / 3)
    few = propose(make(FANO), "packing", skills=2)
    assert few.worst_case_regret == float("inf")


def test_packings_are_not_mixed_with_goals_noticed_at_the_end() -> None:
    process = make("line:3")
    with pytest.raises(UnsupportedError, match="at the end"):
        _ = propose(process, "packing").trained
    with pytest.raises(UnsupportedError, match="end"):
        propose(process, "packing", states="all")
    with pytest.raises(MetaregretError):
        propose(make("spread:3"), "packing")
    assert "packing" not in {row["method"] for row in compare([process], memory=False).rows()}
