"""The bracket of goals noticed on the way contains the value wherever what was visited can be remembered."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular.augment import remember_visits
from metaregret.tabular.bounds import Status
from metaregret.tabular.environments import make
from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.policy import deterministic_policy, terminal_distribution
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import processes
from metaregret.theory import success
from metaregret.theory.minimax import visits
from metaregret.theory.minimax.visits import Relaxation, Visits, bracket
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.question import Question
from metaregret.theory.success import success_tasks
from metaregret.theory.tasks import Detection, GoalTasks

FINITE = processes(max_states=4, max_steps=4, geometric=False)


def on_the_way(process: ControlledMarkovProcess) -> GoalTasks:
    return GoalTasks.reachable(process, Detection.VISIT)


@given(
    FINITE,
    st.sampled_from([("memoryless", None), ("memoryless", 3), ("blind", 2)]),
)
@settings(max_examples=12, deadline=None)
def test_the_value_of_the_augmented_process_is_in_the_bracket(
    process: ControlledMarkovProcess, asked: tuple[str, int | None]
) -> None:
    learner, episodes = asked
    question = Question(on_the_way(process), learner, episodes=episodes, tolerance=1e-7)
    truth = solve_without_memory(question.tasks, learner=learner, episodes=episodes, tolerance=1e-7).value
    with mock.patch.multiple(visits, ROUNDS=(3, 4), ASKED=8):
        found = bracket(question).value
    assert found.lower <= truth.upper
    assert truth.lower <= found.upper


def some_policy(process: ControlledMarkovProcess, steps: int, rng: np.random.Generator) -> np.ndarray:
    """Ranks of choices, shape (T, S)."""
    width = np.diff(process.choice_offsets)
    return rng.integers(0, width, size=(steps, process.n_states)).astype(np.int32)


@given(FINITE, st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_chances_of_visits_are_those_of_the_process_that_remembers(
    process: ControlledMarkovProcess, seed: int
) -> None:
    """The best for each goal, and those of any Markov policy; less where something is left out."""
    tasks, rng = on_the_way(process), np.random.default_rng(seed)
    found, marked = Visits(tasks), success_tasks(tasks)
    np.testing.assert_allclose(found.optimum.values, marked.optimum.values, rtol=1e-12, atol=1e-15)
    ranks = some_policy(process, found.steps, rng)
    policy = deterministic_policy(process, process.choice_offsets[:-1] + ranks)
    augmented, visited = remember_visits(process, tasks.goals)
    remembered = policy[:, augmented.base_choice]
    width = np.diff(augmented.process.choice_offsets)
    remembered[:, np.repeat(width, width) == 1] = 1.0
    exact = visited.T @ terminal_distribution(augmented.process, remembered).probabilities
    found.negligible = 0.0
    chances = found.evaluate(ranks)[0]
    assert np.all(chances <= exact + 1e-15)
    np.testing.assert_allclose(chances, exact, rtol=1e-11, atol=1e-14)
    found.negligible = 0.2
    assert np.all(found.evaluate(ranks)[0] <= chances + 1e-15)


@given(FINITE, st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_longer_memories_bound_what_can_be_visited_more_tightly(
    process: ControlledMarkovProcess, seed: int
) -> None:
    """At ``T`` steps everything that can be met again is remembered: the bound is attained. What the plan
    earns, followed, is the bound; what a policy visits is less."""
    tasks = on_the_way(process)
    found, weights = Visits(tasks), np.random.default_rng(seed).gamma(0.5, size=(2, len(tasks.goals)))
    most = [success_tasks(tasks).support(one) for one in weights]
    bounds = []
    for round_trip in (0, 1, 2, found.steps):
        plans, now = Relaxation(found, round_trip), []
        for one, (bound, lane, paid) in zip(weights, plans.plan(weights), strict=True):
            now.append(bound)
            assert float(one @ plans.earned(lane)[0]) == pytest.approx(bound, rel=1e-3)
            assert float(one @ plans.visited(lane, paid, one, 1)) <= bound
        bounds.append(now)
    for shorter, longer in itertools.pairwise([*bounds[:3], bounds[2]]):
        assert np.all(np.array(longer) <= np.array(shorter) * (1 + 1e-12))
    assert np.all(np.array(bounds) >= np.array(most) * (1 - 1e-12))
    np.testing.assert_allclose(bounds[-1], most, rtol=1e-11)


@given(FINITE, st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_improvements_end_where_no_decision_can_be_bettered(
    process: ControlledMarkovProcess, seed: int
) -> None:
    tasks, rng = on_the_way(process), np.random.default_rng(seed)
    found, weights = Visits(tasks), rng.gamma(0.5, size=len(tasks.goals))
    found.negligible = 0.0
    policy, values = some_policy(process, found.steps, rng), []
    for _ in range(12):
        values.append(float(weights @ found.evaluate(policy)[0]))
        found.improved(policy, weights, 1)
    assert np.all(np.diff(values) >= -1e-5 * values[-1])
    best = float(weights @ found.evaluate(policy)[0]) * (1 + 1e-5)
    for step, state in np.ndindex(policy.shape):
        for rank in range(int(np.diff(process.choice_offsets)[state])):
            other = policy.copy()
            other[step, state] = rank
            assert float(weights @ found.evaluate(other)[0]) <= best


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=8, deadline=None)
def test_paths_are_paths_and_the_best_ones_on_a_small_grid(seed: int) -> None:
    """All ``5^4`` paths of four steps on a 3x3 grid."""
    process = make("grid:3x3").replaced(horizon=4)
    found, after = Visits(on_the_way(process)), np.split(process.successors, process.choice_offsets[1:-1])
    walks = [[int(np.flatnonzero(process.initial)[0])]]
    for _ in range(4):
        walks = [[*walk, int(state)] for walk in walks for state in after[walk[-1]]]
    sets = {frozenset(found.places[walk].tolist()) for walk in walks}
    weights = np.random.default_rng(seed).gamma(0.5, size=(10, found.count))
    plans = Relaxation(found, 2)
    for one, (_, lane, paid) in zip(weights, plans.plan(weights), strict=True):
        path = plans.visited(lane, paid, one, 0)
        assert frozenset(np.flatnonzero(path).tolist()) in sets
        assert one @ path == pytest.approx(max(one[list(goals)].sum() for goals in sets), rel=1e-12)


@pytest.mark.parametrize(("name", "steps", "value"), [("grid:4x4", 6, 3.0), ("grid:5x5", 8, 10 / 3)])
def test_the_bracket_of_small_grids_is_narrow(name: str, steps: int, value: float) -> None:
    """``tau*`` of T23, from both sides to a thousandth."""
    found = bracket(Question(on_the_way(make(name).replaced(horizon=steps)))).value
    assert 0.999 * value < 1 + found.lower < value <= 1 + found.upper < 1.001 * value


def test_with_noise_the_bracket_is_about_as_narrow() -> None:
    process = make("grid:4x4,slip=1/10").replaced(horizon=5)
    truth = solve_without_memory(on_the_way(process), tolerance=1e-6).value.midpoint
    found = bracket(Question(on_the_way(process))).value
    assert 0.99 * (1 + truth) < 1 + found.lower < 1 + truth < 1 + found.upper < 1.01 * (1 + truth)


def test_more_rounds_never_widen_the_bracket() -> None:
    """The bounds told on the way are monotone, and the last ones are the answer."""
    told: list[tuple[float, float]] = []
    process = make("grid:5x5,slip=1/5").replaced(horizon=6)
    with mock.patch.multiple(visits, ROUNDS=(4, 6), ASKED=8):
        question = Question(on_the_way(process))
        found = bracket(question, lambda low, high: told.append((low, high))).value
        again = bracket(question).value
    assert (found.lower, found.upper) == (again.lower, again.upper)
    told.append((found.lower, found.upper))
    lower, upper = np.array(told).T
    assert np.all(np.diff(lower) >= 0)
    assert np.all(np.diff(upper[np.isfinite(upper)]) <= 1e-12)
    assert np.isfinite(upper).sum() > 5


def test_rare_goals_have_finite_bounds() -> None:
    """A goal that is met once in ten million episodes, and one at the other end."""
    rows = [(0, 0, 1, "1/10000000"), (0, 0, 0, "9999999/10000000"), (0, 1, 2, 1), (1, 0, 1, 1), (2, 0, 2, 1)]
    process = ControlledMarkovProcess.from_transitions(rows, states=3, actions=2, initial=0, horizon=1)
    truth = solve_without_memory(on_the_way(process)).value
    found = bracket(Question(on_the_way(process))).value
    assert found.lower <= truth.upper
    assert truth.lower <= found.upper < 1.01 * truth.upper


@pytest.mark.parametrize("planted", ["half", "forgotten"])
def test_paying_too_little_for_a_visit_is_no_bound(planted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: half of what can be earned; or nothing for a third of the memories."""
    honest, process = Relaxation.plan, make("grid:4x4").replaced(horizon=6)

    def plan(self: Relaxation, weights: np.ndarray) -> Iterator[tuple[float, int, np.ndarray]]:
        if planted == "forgotten":
            self._new[2::3] = -1
        for most, lane, paid in honest(self, weights):
            yield (0.5 * most if planted == "half" else most), lane, paid

    monkeypatch.setattr(Relaxation, "plan", plan)
    monkeypatch.setattr(visits, "ROUNDS", (2, 4))
    monkeypatch.setattr(visits, "_above", lambda loss, game: np.inf)
    assert bracket(Question(on_the_way(process))).value.lower > 2.0


def test_what_is_too_much_to_remember_is_bracketed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A 4x4 grid, eight steps, of which a process that remembers may have 500 states: ``1 + Reg* = 2``."""
    monkeypatch.setattr(success, "remember_visits", partial(remember_visits, max_states=500))
    tasks = on_the_way(make("grid:4x4").replaced(horizon=8))
    solution = solve_without_memory(tasks)
    assert solution.status is Status.BRACKETED
    assert any(str(part).startswith("value   between 0.") for part in solution.parts())
    assert 0.8 < solution.value.lower < 1.0 < solution.value.upper < 1.05
    assert solution.least_favourable.array.sum() == pytest.approx(1.0)
    assert max(solution.per_task.values()) == pytest.approx(solution.value.upper)
    with pytest.raises(InstanceTooLargeError, match="more than 500 augmented states"):
        solve_without_memory(tasks, exact=True)
