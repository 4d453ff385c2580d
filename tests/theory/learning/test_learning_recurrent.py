"""The recurrent learner against exact evaluation and the Bayes-optimal learner; the trained explorer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from learning_instances import goals_on, random_tasks

from metaregret.tabular.environments import make
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.learning import (
    RecurrentSettings,
    StepTasks,
    dynamics,
    play,
    train_explorer,
    train_recurrent,
)
from metaregret.theory.learning.backend import load_jax
from metaregret.theory.learning.limits import bayes_regret
from metaregret.theory.learning.recurrent import _first_parameters
from metaregret.theory.tasks import Detection, GoalTasks


def exact(tasks: StepTasks, parameters: dict[str, Any], task: int, episodes: int) -> np.ndarray:
    """Expected reward of each episode, by recursion over everything that can happen, with the unit of memory
    written out anew."""
    process = tasks.process
    available = [sorted(process.choice_action[list(process.choices(s))]) for s in range(process.n_states)]
    dense, states, actions = process.dense(), process.n_states, process.n_actions
    w = {name: np.asarray(value, dtype=np.float64) for name, value in parameters.items()}
    hidden = w["memory"].shape[0]
    paid_in = np.zeros(episodes)

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return np.asarray(1 / (1 + np.exp(-x)))

    def follow(memory: np.ndarray, seen: tuple[int, int, float, float], time: int, chance: float) -> None:
        if time == episodes * tasks.steps:
            return
        state, last, reward, done = seen
        x = w["inputs"][state] + w["inputs"][states + last] + reward * w["inputs"][states + actions + 1]
        x = x + done * w["inputs"][states + actions + 2] + w["inputs"][states + actions + 3]
        h = memory @ w["memory"]
        r, u = sigmoid(x[:hidden] + h[:hidden]), sigmoid(x[hidden : 2 * hidden] + h[hidden : 2 * hidden])
        memory = u * memory + (1 - u) * np.tanh(x[2 * hidden :] + r * h[2 * hidden :])
        weights = {a: np.exp((memory @ w["act"])[a]) for a in available[state]}
        step = time % tasks.steps
        ends = step == tasks.steps - 1
        for action, weight in weights.items():
            for to in np.flatnonzero(dense[action, state]).tolist():
                here = chance * weight / sum(weights.values()) * dense[action, state, to]
                paid = float(tasks.rewards[task, step, to])
                paid_in[time // tasks.steps] += here * paid
                onward = int(np.argmax(process.initial)) if ends else to
                follow(memory, (onward, int(action), paid, float(ends)), time + 1, here)

    follow(np.zeros(hidden), (int(np.argmax(process.initial)), actions, 0.0, 0.0), 0, 1.0)
    return paid_in


@pytest.mark.parametrize(("specification", "steps"), [("grid:2x1,slip=1/5", 2), ("tree:0,0,1", 1)])
def test_play_is_what_the_recursion_says(specification: str, steps: int) -> None:
    """Sampled means of 20,000 trials of two episodes are within 4 standard errors for every task and episode;
    of the tasks the other way round they are not."""
    tasks = random_tasks(make(specification), steps, 2, 4)
    world = dynamics(tasks.process)
    drawn = _first_parameters(world, 3, load_jax().random.key(3))
    parameters = {name: 4 * np.asarray(entry) for name, entry in drawn.items()}
    found = play(world, parameters, tasks.rewards, 2, trials=20_000, seed=1)
    truth = np.array([exact(tasks, parameters, task, 2) for task in range(2)])
    error = steps / np.sqrt(20_000)  # rewards are at most 1 a step
    assert np.abs(found - truth).max() < 4 * error
    assert np.abs(found[::-1] - truth).max() > 8 * error


def test_training_comes_close_to_the_bayes_optimal_learner_from_below() -> None:
    """Search without replacement among three goals, from sampled trials alone. The return during training is
    that of the exact evaluation; a learner of one goal, told its task, would be above the bound."""
    tasks = goals_on("tree:0,0", 1)
    world, settings = dynamics(tasks.process), RecurrentSettings(iterations=150, hidden=16)
    weights = np.array([np.full(3, 1 / 3), np.full(3, 1 / 3), [1.0, 0.0, 0.0]])
    learners = train_recurrent(
        world, np.repeat(tasks.rewards[None], 3, axis=0), weights, 3, settings, np.array([0, 0, 1])
    )
    best = 3 - bayes_regret(tasks, 3).lower
    assert best == pytest.approx(2.0)
    each = [{name: value[i] for name, value in learners.parameters.items()} for i in range(3)]
    paid = np.array([[exact(tasks, one, task, 3).sum() for task in range(3)] for one in each])
    assert np.array_equal(learners.curve[0], learners.curve[1])
    assert 1.85 < paid[0].mean() <= best + 1e-6
    spread = 3 / np.sqrt(20 * settings.trials)
    assert abs(learners.curve[0, -20:].mean() - paid[0].mean()) < 4 * spread
    assert learners.curve[0, 0] < 1.4
    assert paid[2, 0] > best + 0.5


def test_malformed_training_is_refused() -> None:
    tasks = goals_on("line:3", 1)
    world, settings = dynamics(tasks.process), RecurrentSettings(iterations=1)
    rewards = tasks.rewards[None]
    with pytest.raises(InvalidArgumentError, match=r"got \(1, 2, 1, 3\), \(1, 3\) and \(1,\)"):
        train_recurrent(world, rewards, np.ones((1, 3)) / 3, 1, settings, np.zeros(1))
    with pytest.raises(InvalidArgumentError, match=r"weights\[0\]"):
        train_recurrent(world, rewards, np.ones((1, 2)), 1, settings, np.zeros(1))
    with pytest.raises(InvalidArgumentError, match="episodes=0"):
        train_recurrent(world, rewards, np.ones((1, 2)) / 2, 0, settings, np.zeros(1))
    with pytest.raises(InvalidArgumentError, match=r"rate=0"):
        RecurrentSettings(rate=0.0)


def test_a_trained_explorer_is_the_ideal_one() -> None:
    """T3, T5: every goal of a line can be reached with certainty, so rho is proportional to sqrt(q)."""
    process = make("line:3,start=1").replaced(horizon=2)
    goals = GoalTasks.reachable(process)
    q = np.array([[0.2, 0.3, 0.5], [1 / 3, 1 / 3, 1 / 3], [0.05, 0.15, 0.8]])
    rho = train_explorer(goals, q)
    ideal = np.sqrt(q) / np.sqrt(q).sum(axis=1, keepdims=True)
    assert np.abs(rho - ideal).max() < 1e-6
    assert np.abs(train_explorer(goals, q, iterations=3) - ideal).max() > 1e-2
    with pytest.raises(InvalidArgumentError, match="detected at the end"):
        train_explorer(GoalTasks(process, goals.goals, Detection.VISIT), q)
    with pytest.raises(InvalidArgumentError, match=r"shape \(B, 3\)"):
        train_explorer(goals, q[:, :2])
    with pytest.raises(InvalidArgumentError, match=r"weights\[1\]"):
        train_explorer(goals, np.stack([q[0], 2 * q[1]]))
    with pytest.raises(InvalidArgumentError, match="iterations=0"):
        train_explorer(goals, q, iterations=0)
