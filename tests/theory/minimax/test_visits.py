"""The bracket of goals noticed on the way contains the value wherever what was visited can be remembered."""

from __future__ import annotations

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
from metaregret.tabular.policy import terminal_distribution
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import processes
from metaregret.theory import success
from metaregret.theory.minimax import visits
from metaregret.theory.minimax.visits import Visits, bracket
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
    with mock.patch.multiple(visits, ROUNDS=4, REFINED=(3, 3), MIXTURES=3, EVALUATED=1e3):
        found = bracket(question).value
    assert found.lower <= truth.upper
    assert truth.lower <= found.upper


@given(FINITE, st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_chances_of_visits_are_those_of_the_process_that_remembers(
    process: ControlledMarkovProcess, seed: int
) -> None:
    """The best for each goal, those of any Markov policy, and the most for any weights, which is no more than
    what the augmented process can earn and no less than the policy's own."""
    tasks, rng = on_the_way(process), np.random.default_rng(seed)
    found, marked = Visits(tasks), success_tasks(tasks)
    np.testing.assert_allclose(found.optimum.values, marked.optimum.values, rtol=1e-12, atol=1e-15)
    policy = rng.gamma(0.3, size=(found.steps, process.n_choices)) + 1e-3
    sums = np.add.reduceat(policy, process.choice_offsets[:-1], axis=1)
    policy /= np.repeat(sums, np.diff(process.choice_offsets), axis=1)
    augmented, visited = remember_visits(process, tasks.goals)
    remembered = policy[:, augmented.base_choice]
    alone = (
        np.repeat(np.diff(augmented.process.choice_offsets), np.diff(augmented.process.choice_offsets)) == 1
    )
    remembered[:, alone] = 1.0
    exact = visited.T @ terminal_distribution(augmented.process, remembered).probabilities
    chances = found.evaluate(policy)
    assert np.all(chances <= exact + 1e-15)
    np.testing.assert_allclose(chances, exact, rtol=1e-11, atol=1e-14)
    weights = rng.gamma(0.5, size=(1, len(tasks.goals)))
    most, policies = found.most(weights)
    assert most[0] >= marked.support(weights[0]) * (1 - 1e-12)
    assert most[0] == pytest.approx(float(weights[0] @ found.expected(policies)[:, 0]), rel=1e-11)


@pytest.mark.parametrize(("name", "steps", "value"), [("grid:4x4", 6, 3.0), ("grid:5x5", 8, 10 / 3)])
def test_paths_attain_the_fractional_cover_of_small_grids(name: str, steps: int, value: float) -> None:
    """``tau*`` of T23 from above to a thousandth; what lingering may be paid for, from below."""
    found = bracket(Question(on_the_way(make(name).replaced(horizon=steps)))).value
    assert 0.85 * value < 1 + found.lower < value <= 1 + found.upper < 1.001 * value


def test_with_noise_the_bracket_is_about_as_narrow() -> None:
    process = make("grid:4x4,slip=1/10").replaced(horizon=5)
    truth = solve_without_memory(on_the_way(process), tolerance=1e-6).value.midpoint
    found = bracket(Question(on_the_way(process))).value
    assert 0.95 * (1 + truth) < 1 + found.lower < 1 + truth < 1 + found.upper < 1.1 * (1 + truth)


def test_paying_too_little_for_a_visit_is_no_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: half of what can be earned, as if every goal were visited half as often."""
    honest = Visits.most
    monkeypatch.setattr(
        Visits, "most", lambda self, weights: (0.5 * honest(self, weights)[0], honest(self, weights)[1])
    )
    monkeypatch.setattr(visits, "ROUNDS", 5)
    found = bracket(Question(on_the_way(make("grid:4x4").replaced(horizon=6)))).value
    assert found.lower > 2.0


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
