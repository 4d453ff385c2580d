"""The parts of the exact solutions one by one, on processes small enough to enumerate every policy.

Written for mutation testing (`docs/explanation/mutation.md`). The oracle pushes distributions forward in
plain fractions (`vertex_enumeration`); no tolerance but where floating point is asked for.
"""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import math
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from types import SimpleNamespace
from typing import Any

import flint
import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from vertex_enumeration import Vector, discounted, push, rows_of

from metaregret.tabular.backup.rational import from_flint, to_flint
from metaregret.tabular.bounds import Bracket, Status
from metaregret.tabular.errors import ConvergenceError, InstanceTooLargeError, NotExactError
from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon, Horizon
from metaregret.tabular.labels import Labels
from metaregret.tabular.policy import deterministic_policy
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rewards import RewardTables
from metaregret.tabular.strategies import policies
from metaregret.theory.minimax import Criterion, Learner, MinimaxSolution
from metaregret.theory.minimax.exact import (
    Achievable,
    AchievableRewards,
    AchievableSuccess,
    achievable,
    outward_bracket,
    sharpen,
    solve_linear,
)
from metaregret.theory.minimax.exact.double_oracle import Strategy, double_oracle, roundings
from metaregret.theory.minimax.proof import Exact
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.success import success_tasks
from metaregret.theory.tasks import Detection, GoalTasks, RewardTasks

START = (Fraction(1, 2), Fraction(1, 3), Fraction(1, 6))
REWARDS = [[Fraction(r, 2) for r in (3, 0, -1, 2, 5, 1, 0, 4, -2, 1)]]
REWARDS += [[Fraction(r) for r in (0, 1, 2, 0, 0, 7, 3, 0, 1, 1)]]


def uneven(horizon: Horizon) -> ControlledMarkovProcess:
    """Three states with one, two and three choices."""
    rows = [(0, 0, 0, "1/4"), (0, 0, 1, "1/2"), (0, 0, 2, "1/4"), (1, 0, 2, 1)]
    rows += [(1, 1, 0, "2/3"), (1, 1, 1, "1/3"), (2, 0, 0, 1), (2, 1, 1, 1)]
    rows += [(2, 2, 0, "1/2"), (2, 2, 2, "1/2")]
    return ControlledMarkovProcess.from_transitions(
        rows, states=3, actions=3, initial=dict(enumerate(START)), horizon=horizon, name="uneven"
    )


PROCESSES = {"finite": uneven(FiniteHorizon(2)), "geometric": uneven(GeometricHorizon(Fraction(2, 3)))}
KINDS = list(itertools.product(PROCESSES, ("success", "rewards")))


def reward_tasks(kind: str, rewards: list[list[Fraction]]) -> RewardTasks:
    process = PROCESSES[kind]
    return RewardTasks(process, RewardTables.from_exact(process, Labels(len(rewards)), rewards))


def polytope(kind: str, what: str) -> Achievable:
    if what == "success":
        return AchievableSuccess(success_tasks(GoalTasks.reachable(PROCESSES[kind])))
    return AchievableRewards(reward_tasks(kind, REWARDS))


def paid(process: ControlledMarkovProcess, current: Vector, chosen: tuple[int, ...]) -> Vector:
    """Expected rewards of one step."""
    total = [Fraction(0)] * len(REWARDS)
    for state, mass in enumerate(current):
        choice = int(process.choice_offsets[state]) + chosen[state]
        for m in range(int(process.offsets[choice]), int(process.offsets[choice + 1])):
            weight = mass * process.exact_probabilities[m]
            total = [x + weight * row[m] for x, row in zip(total, REWARDS, strict=True)]
    return tuple(total)


@cache
def enumerated(kind: str, what: str) -> list[tuple[np.ndarray, Vector]]:
    """Every deterministic policy and its vector, by plain fractions."""
    return list(_enumerated(kind, what))


def _enumerated(kind: str, what: str) -> Iterator[tuple[np.ndarray, Vector]]:
    process = PROCESSES[kind]
    rows, first = rows_of(process), process.choice_offsets[:-1]
    maps = list(itertools.product(range(1), range(2), range(3)))
    if kind == "geometric":
        for chosen in maps:
            end = discounted(rows, START, chosen, Fraction(2, 3))
            yield (
                first + chosen,
                end if what == "success" else tuple(3 * x for x in paid(process, end, chosen)),
            )
        return
    for one, two in itertools.product(maps, maps):
        middle = push(rows, START, one)
        earned = zip(paid(process, START, one), paid(process, middle, two), strict=True)
        vector = push(rows, middle, two) if what == "success" else tuple(a + b for a, b in earned)
        yield np.array([first + one, first + two]), vector


# ---------------------------------------------------------------- vertices and mixtures


@pytest.mark.parametrize(("kind", "what"), KINDS)
def test_every_vertex_and_the_support_function(kind: str, what: str) -> None:
    found, everything = polytope(kind, what), enumerated(kind, what)
    for choices, vector in everything:
        assert from_flint(found.vertex(choices)).tolist() == list(vector)
    for drawn in ((1, 0, 0), (0, 1, 0), (2, 3, 0), (1, 4, 2), (3, 1, 5)):
        weights = [Fraction(w, 7) for w in drawn[: found.count]]
        best = max(sum(w * x for w, x in zip(weights, vector, strict=True)) for _, vector in everything)
        support, choices = found.support(to_flint(weights))
        assert support == flint.fmpq(best.numerator, best.denominator)
        assert to_flint(weights) @ found.vertex(choices) == support


@pytest.mark.parametrize("kind", PROCESSES)
def test_the_best_of_every_task_and_a_policy_that_attains_it(kind: str) -> None:
    successes, rewards = polytope(kind, "success"), polytope(kind, "rewards")
    assert isinstance(successes, AchievableSuccess)
    assert isinstance(rewards, AchievableRewards)
    for found, what in ((successes, "success"), (rewards, "rewards")):
        values, chosen = found.optimum()
        vectors = [vector for _, vector in enumerated(kind, what)]
        assert values == [max(column) for column in zip(*vectors, strict=True)]
        for task, choices in enumerate(chosen):
            assert from_flint(found.vertex(choices))[task] == values[task]


def test_occupancy_follows_the_policy_step_by_step() -> None:
    """The mass of a state lies on the choice that is taken there."""
    process, found = PROCESSES["finite"], polytope("finite", "success")
    choices = process.choice_offsets[:-1] + np.array([[0, 1, 2], [0, 0, 1]])
    exact = found.occupancy(deterministic_policy(process, choices), exact=True)
    middle = push(rows_of(process), START, (0, 1, 2))
    for row, chosen, mass in zip(exact, choices, (START, middle), strict=True):
        assert from_flint(row[chosen]).tolist() == list(mass)
        assert row.sum() == 1
    floats = found.occupancy(deterministic_policy(process, choices), exact=False)
    assert floats.dtype == np.float64
    np.testing.assert_allclose(floats, from_flint(exact).astype(float), rtol=1e-14)


def test_stationary_occupancy() -> None:
    process, found = PROCESSES["geometric"], polytope("geometric", "success")
    for choices, vector in enumerated("geometric", "success"):
        exact = found.occupancy(deterministic_policy(process, choices), exact=True)
        assert from_flint(exact[choices]).tolist() == list(vector)
        assert exact.sum() == 1
        floats = found.occupancy(deterministic_policy(process, choices), exact=False)
        assert floats.dtype == np.float64
        np.testing.assert_allclose(floats, from_flint(exact).astype(float), rtol=1e-12)


@pytest.mark.parametrize(("kind", "what"), KINDS)
def test_a_mixture_achieves_the_average(kind: str, what: str) -> None:
    found, everything = polytope(kind, what), enumerated(kind, what)
    chosen = [everything[k] for k in (0, 5, len(everything) - 1)]
    weights = [Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)]
    policy = found.mixture(
        [choices for choices, _ in chosen], [flint.fmpq(w.numerator, w.denominator) for w in weights]
    )
    assert all(isinstance(entry, Fraction) for entry in policy.ravel())
    assert (np.add.reduceat(policy, PROCESSES[kind].choice_offsets[:-1], axis=-1) == 1).all()
    average = [
        sum(w * x for w, x in zip(weights, column, strict=True))
        for column in zip(*(v for _, v in chosen), strict=True)
    ]
    assert from_flint(found.achieved(policy)).tolist() == average
    with pytest.raises(ValueError, match="zip"):  # a weight is not dropped in silence
        found.mixture([everything[0][0]], [flint.fmpq(1, 2)] * 2)


def fork(horizon: Horizon) -> ControlledMarkovProcess:
    """From 0 to 1 or to 2, where one stays by either of two choices."""
    rows = [(0, 0, 1, 1), (0, 1, 2, 1), *((s, a, s, 1) for s in (1, 2) for a in (0, 1))]
    return ControlledMarkovProcess.from_transitions(rows, states=3, actions=2, initial=0, horizon=horizon)


@pytest.mark.parametrize("horizon", [FiniteHorizon(2), GeometricHorizon(Fraction(1, 2))])
def test_states_that_never_occur_keep_the_choices_of_the_first_policy(horizon: Horizon) -> None:
    found = AchievableSuccess(success_tasks(GoalTasks.reachable(fork(horizon))))
    choices = [np.array([0, 2, 5]), np.array([0, 3, 4])]
    if isinstance(horizon, FiniteHorizon):
        choices = [np.array([row, row]) for row in choices]
    policy = np.atleast_2d(found.mixture(choices, [flint.fmpq(1, 4), flint.fmpq(3, 4)]))[-1]
    assert policy[2:4].tolist() == [Fraction(1, 4), Fraction(3, 4)]
    assert policy[4:].tolist() == [0, 1]


# ---------------------------------------------------------------- decomposition


@pytest.mark.parametrize("kind", PROCESSES)
@settings(max_examples=25)
@given(data=st.data())
def test_a_policy_is_a_mixture_of_its_parts(kind: str, data: st.DataObject) -> None:
    """Non-negative least squares finds the weights; each part empties a choice, so that there are few."""
    process, found = PROCESSES[kind], polytope(kind, "success")
    policy = np.array(data.draw(policies(process)), dtype=float)
    parts = found.decompose(policy, 100)
    flows = [found.occupancy(deterministic_policy(process, part), exact=False).ravel() for part in parts]
    whole = found.occupancy(policy, exact=False).ravel()
    _, residual = scipy.optimize.nnls(np.array(flows).T, whole)
    assert residual < 1e-8
    assert len(parts) <= 1 + np.count_nonzero(policy) - process.n_states * (1 if policy.ndim == 1 else 2)
    assert [part.tolist() for part in found.decompose(policy, 1)] == [parts[0].tolist()]


@pytest.mark.parametrize("kind", PROCESSES)
def test_the_likeliest_part_comes_first(kind: str) -> None:
    process, found = PROCESSES[kind], polytope(kind, "success")
    one, two = (process.choice_offsets[:-1] + np.array(local) for local in ([0, 0, 2], [0, 1, 1]))
    if kind == "finite":
        one, two = np.array([one, one]), np.array([one, two])
    mixed = found.mixture([one, two], [flint.fmpq(3, 4), flint.fmpq(1, 4)]).astype(float)
    assert [part.tolist() for part in found.decompose(mixed, 9)] == [one.tolist(), two.tolist()]
    assert [part.tolist() for part in found.decompose(mixed, 1)] == [one.tolist()]
    assert found.decompose(mixed, 0) == []
    alone = deterministic_policy(process, two)
    assert [part.tolist() for part in found.decompose(alone, 9)] == [two.tolist()]


def test_a_flow_that_is_not_conserved_ends_the_search() -> None:
    """What enters state 2 does not leave it: no part can take anything, and none is tried twice."""
    policy = deterministic_policy(PROCESSES["finite"], np.array([[0, 1, 3], [0, 1, 3]]))
    found = polytope("finite", "success")
    broken = found.occupancy(policy, exact=False)
    broken[1, 3] = 0.0
    with pytest.MonkeyPatch.context() as patch:
        usual = found.occupancy
        patch.setattr(found, "occupancy", lambda p, exact: broken if p is policy else usual(p, exact=exact))
        assert len(found.decompose(policy, 9)) == 1


# ---------------------------------------------------------------- limits

LIMITS = [  # kind, rewards or goals, limit, its size, what is counted
    ("finite", 0, "MAX_TASKS", 3, "tasks"),
    ("finite", 0, "MAX_WORK", 20, "transitions times steps"),
    ("geometric", 0, "MAX_WORK", 10, "transitions times steps"),
    ("finite", 7, "MAX_WORK", 21, "states times tasks"),
    ("geometric", 0, "MAX_DISCOUNTED_STATES", 3, "states at a geometric horizon"),
    ("finite", 0, "MAX_DISCOUNTED_STATES", 0, ""),
]


@pytest.mark.parametrize(("kind", "tables", "limit", "size", "what"), LIMITS)
def test_limits_are_met_and_named(
    kind: str, tables: int, limit: str, size: int, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build() -> Achievable:
        if tables:
            return AchievableRewards(reward_tasks(kind, REWARDS[:1] * tables))
        return polytope(kind, "success")

    monkeypatch.setattr(achievable, limit, size)
    assert build().count == (tables or 3)
    if what:
        monkeypatch.setattr(achievable, limit, size - 1)
        with pytest.raises(InstanceTooLargeError) as caught:
            build()
        assert str(caught.value) == (
            f"Exact arithmetic on 'uneven' is limited to {size - 1} {what}, but there are {size}; "
            "solve without it, reduce the process, or name fewer tasks."
        )


def test_floats_are_refused() -> None:
    floats = ControlledMarkovProcess.from_dense(np.full((1, 3, 3), 1 / 3), horizon=2, name="thirds")
    with pytest.raises(NotExactError) as caught:
        AchievableSuccess(success_tasks(GoalTasks.reachable(floats)))
    assert str(caught.value) == "'thirds' is known in floating point only; go on with process.rationalised()."
    tables = RewardTables(PROCESSES["finite"], Labels(1), np.ones((1, 10)))
    with pytest.raises(NotExactError) as caught:
        AchievableRewards(RewardTasks(PROCESSES["finite"], tables))
    assert str(caught.value) == "The rewards are known in floating point only; give them as rationals."


# ---------------------------------------------------------------- column generation


def line() -> AchievableSuccess:
    """Three goals of which a policy reaches any one for certain."""
    rows = [(0, a, a, 1) for a in range(3)] + [(s, 0, s, 1) for s in (1, 2)]
    process = ControlledMarkovProcess.from_transitions(rows, states=3, actions=3, initial=0, horizon=1)
    return AchievableSuccess(success_tasks(GoalTasks.reachable(process)))


LIMIT = "metaregret.theory.minimax.exact.double_oracle.MAX_ROUNDS"
ZEROS, ONES = [Fraction(0)] * 3, [Fraction(1)] * 3
GO = [np.array([[goal, 3, 4]]) for goal in range(3)]


def test_rounds_and_vertices_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """One goal more in each round; equal vertices are one."""
    found = solve_linear(line(), ZEROS, ONES, vertices=[GO[0], GO[0]])
    assert (found.level, found.rounds, found.vertices) == (Fraction(1, 3), 3, 3)
    assert found.prior.tolist() == found.success.tolist() == [Fraction(1, 3)] * 3
    assert found.policy.tolist() == [[Fraction(1, 3)] * 3 + [1, 1]]
    at_once = solve_linear(line(), ZEROS, ONES, vertices=GO)
    assert (at_once.level, at_once.rounds, at_once.vertices) == (Fraction(1, 3), 1, 3)
    monkeypatch.setattr(LIMIT, 3)
    assert solve_linear(line(), ZEROS, ONES, vertices=GO[:1]).rounds == 3
    monkeypatch.setattr(LIMIT, 2)
    with pytest.raises(ConvergenceError, match="did not meet after 2 restricted games; "):
        solve_linear(line(), ZEROS, ONES, vertices=GO[:1])


def test_bounds_that_did_not_meet_are_those_of_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A learner loses 3 or 1, another 1 or 3: with the first alone 3, against its adversary 1."""
    learners = [Strategy(to_flint([Fraction(-x) for x in losses]), None) for losses in ((3, 1), (1, 3))]

    def respond(prior: np.ndarray) -> Strategy[None]:
        return max(learners, key=lambda each: prior @ each.payoff)

    assert double_oracle(learners[:1], respond, sign=-1).value == -2
    monkeypatch.setattr(LIMIT, 1)
    with pytest.raises(ConvergenceError) as caught:
        double_oracle(learners[:1], respond, sign=-1)
    assert (caught.value.lower, caught.value.upper) == (1.0, 3.0)


def test_bases_and_directions_by_hand() -> None:
    """``rho = (b + t d)`` with ``sum rho = 1``: ``t = (1 - sum b) / sum d``; the dual is ``d / sum d``."""
    base, direction = (
        [Fraction(1, 10), Fraction(-1, 10), Fraction(3, 10)],
        [Fraction(1), Fraction(2), Fraction(5)],
    )
    found = solve_linear(line(), base, direction, vertices=GO[1:2])
    assert found.level == Fraction(7, 80)
    assert found.success.tolist() == [Fraction(3, 16), Fraction(3, 40), Fraction(59, 80)]
    assert found.prior.tolist() == [Fraction(1, 8), Fraction(1, 4), Fraction(5, 8)]
    without = solve_linear(line(), base, [Fraction(1), Fraction(0), Fraction(3)], vertices=GO[1:2])
    assert without.level == Fraction(3, 20)
    assert without.prior.tolist() == [Fraction(1, 4), Fraction(0), Fraction(3, 4)]
    assert without.success.tolist() == [Fraction(1, 4), Fraction(0), Fraction(3, 4)]


def test_a_guess_of_the_prior_is_tried_first() -> None:
    """Nothing can be chosen and both goals are as likely: every prior proves the same bound."""
    rows = [(0, 0, 0, "1/2"), (0, 0, 1, "1/2"), (1, 0, 1, 1)]
    process = ControlledMarkovProcess.from_transitions(rows, states=2, actions=1, initial=0, horizon=1)
    found = AchievableSuccess(success_tasks(GoalTasks.reachable(process)))
    stay = [np.array([[0, 1]])]
    for guess in ([0.25, 0.75], [0.6, 0.4]):
        solved = solve_linear(found, ZEROS[:2], ONES[:2], vertices=stay, prior=np.array(guess))
        assert solved.prior.tolist() == [Fraction(str(p)) for p in guess]
        assert solved.level == Fraction(1, 2)
        assert (solved.rounds, solved.vertices) == (1, 1)
    unguided = solve_linear(found, ZEROS[:2], ONES[:2], vertices=stay)
    assert unguided.level == Fraction(1, 2)
    assert sum(unguided.prior) == 1
    # A guess on a task that is left out is left out, too.
    first = solve_linear(
        found, ZEROS[:2], [Fraction(0), Fraction(1)], vertices=stay, prior=np.array([0.9, 0.1])
    )
    assert first.prior.tolist() == [0, 1]


def test_roundings_have_small_denominators_and_no_repeats() -> None:
    def strings(prior: list[float]) -> list[list[str]]:
        return [[str(p) for p in row] for row in roundings(np.array(prior))]

    assert strings([0.25, 0.75]) == [["1/4", "3/4"]]
    assert strings([1.0, 3.0]) == [["1/4", "3/4"]]  # whatever the scale
    assert strings([0.0001, 0.0003]) == [["1/4", "3/4"]]
    rounded = [[Fraction(p) for p in row] for row in strings([0.21, 0.31, 0.48])]
    assert [sum(row) for row in rounded] == [1, 1]  # 4/19 + 5/16 + 11/23 is not one
    assert rounded[-1] == [Fraction(21, 100), Fraction(31, 100), Fraction(12, 25)]
    assert strings([0.5, -1.0, math.nan, 0.5]) == [["1/2", "0", "0", "1/2"]]
    assert strings([1 / 3 + 1e-9, 2 / 3 - 1e-9]) == [["1/3", "2/3"]]
    assert strings([1 / 700, 699 / 700]) == [["0", "1"], ["1/700", "699/700"]]
    assert strings([0.00123, 0.99877])[-1] == ["123/100000", "99877/100000"]
    assert strings([0.0, 0.0]) == strings([-1.0, -2.0]) == strings([math.nan, math.nan]) == []
    # Sixtieths round to zero at denominators up to 24, and all zero is no distribution.
    assert [set(row) for row in strings([1.0] * 60)] == [{"1/60"}]
    assert all(isinstance(p, flint.fmpq) for row in roundings(np.array([1.0, 2.0])) for p in row)


# ---------------------------------------------------------------- sharpened solutions

NAMES = ["lower", "upper", "prior", "weights", "reference", "policy"]
NAMES += ["success", "optimum", "per_task", "exploration"]


def tasks_of(kind: str, detect: Detection = Detection.END) -> GoalTasks:
    return GoalTasks.reachable(PROCESSES[kind], detect)


@pytest.mark.parametrize("kind", PROCESSES)
@pytest.mark.parametrize(
    ("learner", "criterion", "episodes"),
    [
        (Learner.MEMORYLESS, Criterion.REGRET, None),
        (Learner.MEMORYLESS, Criterion.HITTING_TIME, None),
        (Learner.MEMORYLESS, Criterion.RATIO, None),
        (Learner.BLIND, Criterion.REGRET, 3),
        (Learner.MEMORYLESS, Criterion.HITTING_TIME, 1),
    ],
)
def test_what_a_linear_problem_returns(
    kind: str, learner: Learner, criterion: Criterion, episodes: int | None
) -> None:
    options: dict[str, Any] = {"learner": learner, "criterion": criterion, "episodes": episodes}
    marked = success_tasks(tasks_of(kind))
    floats = solve_without_memory(tasks_of(kind), **options)
    found = sharpen(AchievableSuccess(marked), floats, 1e-9)
    details, value = found.proof, found.value.exact
    assert value is not None
    assert value == details.exact.lower == details.exact.upper
    assert abs(value - Fraction(floats.value.upper)) < 1e-8
    assert (
        found.value.lower_from
        == found.value.upper_from
        == ("exact dynamic programming and exact policy evaluation")
    )
    assert found.status is Status.EXACT
    # The vertices of the solver's policy are those of the optimum: one game is enough.
    head, _, tail = found.method.partition(", then exact column generation, 1 restricted games, ")
    assert head == floats.method
    assert re.fullmatch(r"\d+ vertices", tail)
    prior, weights, reference = (getattr(details.exact, name) for name in NAMES[2:5])
    assert sum(prior) == 1
    vectors = [vector for _, vector in enumerated(kind, "success")]
    best = [max(column) for column in zip(*vectors, strict=True)]
    assert details.exact.optimum.tolist() == best
    level = sum(w * r for w, r in zip(weights, reference, strict=True))
    # `weights` as rewards cannot earn more than at `reference`, where every loss is the value.
    assert level == max(sum(w * x for w, x in zip(weights, vector, strict=True)) for vector in vectors)
    if episodes == 1:  # whatever one does, it takes one episode: the policy is one that fails least
        assert weights.tolist() == prior.tolist()
        assert set(reference) == {min(details.exact.success)}
        assert found.per_task.tolist() == [1.0] * 3
    else:
        losses: dict[tuple[Learner, Criterion], Callable[[Fraction, Fraction], Fraction]] = {
            (Learner.BLIND, Criterion.REGRET): lambda rho, v: 3 * (v - rho),
            (Learner.MEMORYLESS, Criterion.REGRET): lambda rho, v: v / rho - 1,
            (Learner.MEMORYLESS, Criterion.HITTING_TIME): lambda rho, v: 1 / rho,
            (Learner.MEMORYLESS, Criterion.RATIO): lambda rho, v: v / rho,
        }
        loss = losses[learner, criterion]
        assert [loss(r, v) for r, v in zip(reference, best, strict=True)] == [value] * 3
        achieved = [loss(r, v) for r, v in zip(details.exact.success, best, strict=True)]
        assert max(achieved) == value
        assert found.per_task.tolist() == [float(loss) for loss in achieved]
    # One and the same in floating point; every array of the proof is of fractions.
    assert found.least_favourable.tolist() == prior.astype(float).tolist()
    assert details.weights.tolist() == weights.astype(float).tolist()
    assert details.policy.tolist() == details.exact.policy.astype(float).tolist()
    assert found.exploration is not None
    assert found.exploration.tolist() == details.exact.success.astype(float).tolist()
    for array in (
        found.least_favourable.array,
        found.per_task.array,
        found.exploration.array,
        details.weights,
    ):
        assert array.dtype == np.float64
    assert all(
        isinstance(entry, Fraction) for name in NAMES[2:] for entry in getattr(details.exact, name).ravel()
    )
    assert details.marked is floats.proof.marked or details.marked.names == floats.proof.marked.names
    for field in ("tasks", "learner", "criterion", "episodes", "size"):
        assert getattr(found, field) == getattr(floats, field)


@pytest.mark.parametrize(
    ("criterion", "episodes"),
    [(Criterion.REGRET, None), (Criterion.HITTING_TIME, 1), (Criterion.REGRET, 2), (Criterion.RATIO, 2)],
)
def test_an_optimal_prior_of_the_solver_is_kept(criterion: Criterion, episodes: int | None) -> None:
    """Nothing can be chosen and both goals are as likely: every prior proves the same bound."""
    rows = [(0, 0, 0, "1/2"), (0, 0, 1, "1/2"), (1, 0, 1, 1)]
    process = ControlledMarkovProcess.from_transitions(rows, states=2, actions=1, initial=0, horizon=1)
    family = GoalTasks.reachable(process)
    floats = solve_without_memory(family, criterion=criterion, episodes=episodes)
    guess = np.array([0.3, 0.7])
    guessed = dataclasses.replace(
        floats, least_favourable=guess, proof=dataclasses.replace(floats.proof, weights=5.0 * guess)
    )
    found = sharpen(AchievableSuccess(success_tasks(family)), guessed, 1e-9)
    assert found.proof.exact.prior.tolist() == [Fraction(3, 10), Fraction(7, 10)]


def test_the_time_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that goes on by one whenever it is read."""
    floats = dataclasses.replace(solve_without_memory(tasks_of("finite")), seconds=5.0)
    module = importlib.import_module(
        "metaregret.theory.minimax.exact.sharpen"
    )  # hidden by the function of its name
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=itertools.count(1000.0).__next__))
    assert sharpen(AchievableSuccess(success_tasks(tasks_of("finite"))), floats, 1e-9).seconds == 6.0


def test_the_best_policy_of_every_task_is_a_starting_point() -> None:
    """Whatever the solver's policy is worth: three goals need three policies, and one game."""
    found = line()
    floats = solve_without_memory(GoalTasks.reachable(found.process))
    poor = dataclasses.replace(floats.proof, policy=deterministic_policy(found.process, GO[0]))
    solved = sharpen(found, dataclasses.replace(floats, proof=poor), 1e-9)
    assert solved.value.exact == 2
    assert solved.method.endswith(", then exact column generation, 1 restricted games, 3 vertices")


def test_explorations_of_visits_are_probabilities_of_visits() -> None:
    family = tasks_of("finite", Detection.VISIT)
    found = sharpen(AchievableSuccess(success_tasks(family)), solve_without_memory(family), 1e-9)
    assert found.exploration is not None
    assert found.exploration.array.dtype == np.float64
    assert found.exploration.tolist() == found.proof.exact.success.astype(float).tolist()
    assert found.exploration.sum() > 1


def rare(chance: Fraction) -> ControlledMarkovProcess:
    """Two sides to choose from, or a lottery for the third."""
    rows = [(0, 0, 0, 1), (0, 1, 1, 1), (0, 2, 2, chance), (0, 2, 0, 1 - chance), (1, 0, 1, 1), (2, 0, 2, 1)]
    return ControlledMarkovProcess.from_transitions(rows, states=3, actions=3, initial=0, horizon=1)


def test_tasks_that_never_cost_the_value_do_not_bind() -> None:
    """Regret of 2 episodes ``(2 - rho)(1 - rho)`` is 3/4 at ``rho = 1/2``; the third costs 1/50 at most."""
    family = GoalTasks.reachable(rare(Fraction(1, 100)))
    found = solve_without_memory(family, episodes=2, exact=True)
    assert found.value.exact == Fraction(3, 4)
    assert found.proof.exact.prior.tolist() == [Fraction(1, 2), Fraction(1, 2), 0]
    assert found.proof.exact.weights.tolist() == [1, 1, 0]  # half of the slope 3 - 2 rho = 2
    assert found.proof.exact.success.tolist() == [Fraction(1, 2), Fraction(1, 2), 0]
    assert found.per_task.tolist() == [0.75, 0.75, 0.02]
    assert found.method.endswith(
        ", then exact column generation at denominators up to 1000, tangents for the lower bound"
    )


def test_a_task_that_does_not_bind_takes_no_weight() -> None:
    """Three episodes of two goals, irrational; the lottery costs 3/100 at most and takes no part."""
    rows = [(0, 0, 0, 1), (0, 1, 1, "2/3"), (0, 1, 0, "1/3"), (0, 2, 2, "1/100"), (0, 2, 0, "99/100")]
    rows += [(1, 0, 1, 1), (2, 0, 2, 1)]
    process = ControlledMarkovProcess.from_transitions(rows, states=3, actions=3, initial=0, horizon=1)
    found = solve_without_memory(GoalTasks.reachable(process), episodes=3, exact=True)
    assert found.value.exact is None
    assert found.proof.exact.upper - found.proof.exact.lower < 1e-14
    assert found.proof.exact.prior[2] == found.proof.exact.success[2] == 0
    assert min(found.proof.exact.prior[:2]) > 0


@pytest.mark.parametrize(("digits", "tolerance"), [(3, 1e-2), (14, 1e-9)])
@pytest.mark.parametrize("criterion", [Criterion.HITTING_TIME, Criterion.RATIO])
def test_one_task_binds_where_even_failing_costs_no_more_than_the_bound(
    criterion: Criterion, digits: int, tolerance: float
) -> None:
    """Two episodes wait ``2 - v`` of them, as good as 2 at the tolerance."""
    chance = Fraction(1, 10**digits)
    rows = [(0, 0, 1, chance), (0, 0, 0, 1 - chance), (0, 1, 0, 1), (1, 0, 1, 1)]
    process = ControlledMarkovProcess.from_transitions(rows, states=2, actions=2, initial=0, horizon=1)
    family = GoalTasks(process, np.array([1]))
    floats = solve_without_memory(family, criterion=criterion, episodes=2, tolerance=tolerance)
    loose = dataclasses.replace(floats, value=Bracket(1.0, 2.0))
    found = sharpen(AchievableSuccess(success_tasks(family)), loose, tolerance)
    assert found.value.exact == (2 - chance if criterion is Criterion.HITTING_TIME else 1)


def bracketed(**changes: Any) -> MinimaxSolution:
    """Four episodes at a place where the optimum is irrational."""
    floats = solve_without_memory(tasks_of("finite"), episodes=4)
    floats = dataclasses.replace(floats, proof=dataclasses.replace(floats.proof, **changes))
    return sharpen(AchievableSuccess(success_tasks(tasks_of("finite"))), floats, 1e-9)


def four_episodes(rho: Fraction, best: Fraction) -> Fraction:
    return sum(((1 - rho) ** i for i in range(4)), Fraction(0)) * (best - rho)


def slope_of_four(rho: Fraction, best: Fraction) -> Fraction:
    falling = sum((i * (1 - rho) ** (i - 1) for i in range(1, 4)), Fraction(0))
    return sum(((1 - rho) ** i for i in range(4)), falling * (best - rho))


def check_bracket(found: MinimaxSolution) -> Fraction:
    """Both bounds anew, the lower one over all vertices; returns the gap."""
    details, vectors = found.proof, [vector for _, vector in enumerated("finite", "success")]
    best = [max(column) for column in zip(*vectors, strict=True)]
    success, prior, weights = (
        getattr(details.exact, name).tolist() for name in ("success", "prior", "weights")
    )
    assert max(map(four_episodes, success, best)) == details.exact.upper
    at = sum(p * four_episodes(r, v) for p, r, v in zip(prior, details.exact.reference, best, strict=True))
    earned = sum(w * r for w, r in zip(weights, details.exact.reference, strict=True))
    support = max(sum(w * x for w, x in zip(weights, vector, strict=True)) for vector in vectors)
    assert details.exact.lower == at + earned - support
    assert sum(prior) == 1
    slopes = map(slope_of_four, details.exact.reference, best)
    assert weights == [p * slope for p, slope in zip(prior, slopes, strict=True)]
    return details.exact.upper - details.exact.lower


def test_what_a_convex_problem_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    found = bracketed()
    assert 0 < check_bracket(found) < 1e-14
    assert found.value.exact is None
    assert found.status is Status.CERTIFIED
    assert found.value.lower_from == "exact dynamic programming with the tangents of the losses"
    assert found.value.upper_from == "exact evaluation of the returned policy"
    assert Fraction(found.value.lower) <= found.proof.exact.lower
    assert found.proof.exact.upper <= Fraction(found.value.upper)
    ending = "exact column generation at denominators up to {}, tangents for the lower bound"
    assert found.method.endswith(ending.format(10**12))
    # The narrower of the brackets, whichever was found first, and no better bound of the other.
    module = importlib.import_module(
        "metaregret.theory.minimax.exact.sharpen"
    )  # hidden by the function of its name
    monkeypatch.setattr(module, "DENOMINATORS", (10**12, 100))
    again = bracketed()
    assert again.method.endswith(ending.format(10**12))
    assert again.proof.exact.lower == found.proof.exact.lower
    monkeypatch.setattr(module, "DENOMINATORS", (100,))
    coarse = bracketed()
    assert coarse.method.endswith(ending.format(100))
    assert 1e-12 < check_bracket(coarse) < 1e-3
    assert coarse.status is Status.BRACKETED


def test_of_two_brackets_the_narrower_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the one with the smaller upper or the larger lower bound."""
    module = importlib.import_module("metaregret.theory.minimax.exact.sharpen")
    proved = bracketed().proof.exact
    made = {1000: (Fraction(0), Fraction(3)), 10**12: (Fraction(-10), Fraction(1))}

    def convex(*arguments: Any) -> Exact:
        lower, upper = made[arguments[-1]]
        return dataclasses.replace(proved, lower=lower, upper=upper, method=f"at {arguments[-1]}")

    monkeypatch.setattr(module, "_convex", convex)
    found = bracketed()
    assert (found.proof.exact.lower, found.proof.exact.upper) == made[1000]
    assert found.method.endswith(", then at 1000")
    made.update({1000: (Fraction(-10), Fraction(1)), 10**12: (Fraction(0), Fraction(3))})
    assert bracketed().method.endswith(", then at 1000000000000")


@pytest.mark.parametrize("required", [np.full(3, np.inf), np.full(3, np.nan), np.array([0.2, np.inf, 5.0])])
def test_starting_points_are_not_believed(required: np.ndarray) -> None:
    """Where the solver's points make no sense the best success probabilities stand in: wider, but true."""
    assert check_bracket(bracketed(required=required)) >= 0
    assert check_bracket(bracketed(weights=np.zeros(3))) >= 0
    with pytest.raises(ValueError, match="zip"):  # points of other tasks
        bracketed(required=required[:2])


@pytest.mark.parametrize(
    ("lower", "upper"),
    [(Fraction(1, 3), Fraction(2, 3)), (Fraction(2, 3), Fraction(4, 3)), (Fraction(1, 2), Fraction(3, 4))],
)
def test_brackets_are_rounded_outward(lower: Fraction, upper: Fraction) -> None:
    found = outward_bracket(lower, upper)
    assert Fraction(found.lower) <= lower < Fraction(math.nextafter(found.lower, math.inf))
    assert Fraction(math.nextafter(found.upper, 0.0)) < upper <= Fraction(found.upper)
    assert found.exact is None
    assert outward_bracket(upper, upper).exact == upper
