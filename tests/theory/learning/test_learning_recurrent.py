"""The recurrent learner is evaluated exactly and stays below the Bayes-optimal one; the trained explorer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from learning_instances import goals_on, random_tasks

from metaregret.tabular.environments import make
from metaregret.tabular.errors import InstanceTooLargeError, InvalidArgumentError
from metaregret.theory.learning import (
    HistoryTree,
    RecurrentSchedule,
    StepTasks,
    dynamics,
    history_tree,
    train_explorer,
    train_recurrent,
    unrolled,
)
from metaregret.theory.learning.backend import load_jax
from metaregret.theory.learning.recurrent import _first_parameters, _layers, payoffs
from metaregret.theory.minimax.memory import bayes_optimal
from metaregret.theory.minimax.memory.bayes import BayesLearner
from metaregret.theory.tasks import Detection, GoalTasks

SHORT = RecurrentSchedule(hidden=4, iterations=40, rate=0.05)


def best_in_tree(tree: HistoryTree, prior: np.ndarray) -> float:
    """The best expected reward of any learner, by backward induction through the tree of histories."""
    values = np.zeros(len(tree.layers[-1].state))
    actions = tree.tasks.process.n_actions
    for before, after in zip(tree.layers[-2::-1], tree.layers[:0:-1], strict=True):
        gain = after.chance * ((after.members @ prior) * after.reward + values)
        by_action = np.bincount(after.parent * actions + after.action, gain, len(before.state) * actions)
        reached = np.bincount(after.parent * actions + after.action, minlength=len(by_action)) > 0
        values = np.where(reached, by_action, -np.inf).reshape(-1, actions).max(axis=1)
    return float(tree.layers[0].chance @ values)


def bayes_payoff(learner: BayesLearner, tasks: StepTasks, episodes: int) -> tuple[float, float]:
    """Bounds on the best expected reward, from those on the smallest regret."""
    sure = episodes * float(learner.prior @ tasks.optimum)
    return sure - learner.value.upper - 1e-12, sure - learner.value.lower + 1e-12


@pytest.mark.parametrize(
    ("specification", "steps", "episodes"), [("tree:0,0,1,1", 2, 2), ("grid:2x2,slip=1/5", 2, 2)]
)
def test_the_tree_knows_the_bayes_optimal_value(specification: str, steps: int, episodes: int) -> None:
    """Full histories and the merged graph of hyperstates give the same optimum; rewards by step included."""
    tasks = random_tasks(make(specification), steps, 3, 1)
    tasks = StepTasks(tasks.process, tasks.names, np.round(tasks.rewards))
    prior = np.array([0.5, 0.3, 0.2])
    lower, upper = bayes_payoff(bayes_optimal(unrolled(tasks), prior, episodes), tasks, episodes)
    assert lower <= best_in_tree(history_tree(tasks, episodes), prior) <= upper


def test_goals_unrolled_in_time_are_goals() -> None:
    tasks = goals_on("line:5,start=2", 2)
    prior = np.full(5, 0.2)
    plain = bayes_optimal(GoalTasks.reachable(tasks.process), prior, 3).value
    timed = bayes_optimal(unrolled(tasks), prior, 3).value
    assert max(plain.lower, timed.lower) <= min(plain.upper, timed.upper)
    assert plain.contains(3 - 3 * 4 / 10)  # T12: search without replacement


def excess(tasks: StepTasks, episodes: int, prior: np.ndarray, paid: np.ndarray) -> float:
    """How far a learner's expected reward is above the certified value of the Bayes-optimal learner."""
    _, upper = bayes_payoff(bayes_optimal(unrolled(tasks), prior, episodes), tasks, episodes)
    return float(prior @ paid) - upper


def replay(tree: HistoryTree, parameters: Any, task: int) -> float:
    """One task played in full by recursion over episodes, with the unit of memory written out anew."""
    process, tasks = tree.tasks.process, tree.tasks
    available = [sorted(process.choice_action[list(process.choices(s))]) for s in range(process.n_states)]
    dense, width = process.dense(), len(parameters["bias"])
    hidden = parameters["memory"].shape[0]

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return np.asarray(1 / (1 + np.exp(-x)))

    def play(memory: np.ndarray, state: int, last: int, reward: float, done: float, time: int) -> float:
        if time == tree.episodes * tasks.steps:
            return 0.0
        x = parameters["state"][state] + parameters["action"][last]
        x = x + reward * parameters["signals"][0] + done * parameters["signals"][1] + parameters["signals"][2]
        h = memory @ parameters["memory"]
        r, u = sigmoid(x[:hidden] + h[:hidden]), sigmoid(x[hidden : 2 * hidden] + h[hidden : 2 * hidden])
        memory = u * memory + (1 - u) * np.tanh(x[2 * hidden :] + r * h[2 * hidden :])
        logits = memory @ parameters["out"] + parameters["bias"]
        weights = {a: np.exp(logits[a]) for a in available[state]}
        total, step = 0.0, time % tasks.steps
        ends = step == tasks.steps - 1
        for action, weight in weights.items():
            for to in np.flatnonzero(dense[action, state]):
                paid = float(tasks.rewards[task, step, to])
                onward = int(np.argmax(process.initial)) if ends else int(to)
                rest = play(memory, onward, action, paid, float(ends), time + 1)
                total += weight / sum(weights.values()) * dense[action, state, to] * (paid + rest)
        return total

    return play(np.zeros(hidden), int(np.argmax(process.initial)), width, 0.0, 0.0, 0)


def test_trained_learners_stay_below_the_bayes_optimal_one() -> None:
    """Only rounding is allowed above, while training on equally likely goals comes close; a learner told its
    task is caught."""
    tasks = goals_on("tree:0,0,0", 1)
    tree = history_tree(tasks, 2)
    priors = np.array([np.full(4, 0.25), [0.7, 0.1, 0.1, 0.1], np.full(4, 0.25)])
    schedule = RecurrentSchedule(iterations=150, rate=0.02)
    learners = train_recurrent(tree, np.concatenate([priors, np.eye(4)]), np.arange(7), schedule)
    for prior, paid, curve in zip(priors, learners.payoffs[:3], learners.curve[:3], strict=True):
        assert excess(tasks, 2, prior, paid) <= 0
        assert excess(tasks, 2, prior, np.full(4, curve.max())) <= 0
        assert curve[-1] > curve[0] + 0.02
    assert max(-excess(tasks, 2, priors[i], learners.payoffs[i]) for i in (0, 2)) < 0.02
    assert excess(tasks, 2, priors[0], np.diagonal(learners.payoffs[3:])) > 0.2
    parameters = {name: value[1] for name, value in learners.parameters.items()}
    played = [replay(tree, parameters, task) for task in range(4)]
    assert np.abs(learners.payoffs[1] - played).max() < 1e-12


def test_the_exact_value_is_that_of_playing_it_through() -> None:
    """Two episodes of two random steps; a unit that is not told when an episode ends is off."""
    tasks = random_tasks(make("grid:2x1,slip=1/5"), 2, 2, 4)
    tree = history_tree(tasks, 2)
    jax, available = load_jax(), dynamics(tasks.process).available
    drawn = _first_parameters(2, tasks.process.n_actions, SHORT.hidden, jax.random.key(3))
    value = jax.jit(payoffs)
    found = np.asarray(value(_layers(tree), available, drawn))
    parameters = {name: np.asarray(entry) for name, entry in drawn.items()}
    played = [replay(tree, parameters, task) for task in range(2)]
    assert np.abs(found - played).max() < 1e-12
    assert np.abs(found[::-1] - played).max() > 1e-3
    unaware = [{**layer, "done": np.zeros_like(layer["done"])} for layer in _layers(tree)]
    assert np.abs(np.asarray(value(unaware, available, drawn)) - played).max() > 1e-6


def test_too_many_histories_are_refused() -> None:
    tasks = goals_on("grid:3x3", 4)
    with pytest.raises(InstanceTooLargeError, match=r"more than 1000 \(with \d of 12 steps taken\)"):
        history_tree(tasks, 3, max_nodes=1000)
    with pytest.raises(InvalidArgumentError, match="episodes=0"):
        history_tree(tasks, 0)
    with pytest.raises(InvalidArgumentError, match=r"weights of shape \(1, 3\)"):
        train_recurrent(history_tree(goals_on("line:3", 1), 1), np.ones((1, 2)), np.zeros(1), SHORT)
    with pytest.raises(InvalidArgumentError, match=r"weights\[0\]"):
        train_recurrent(history_tree(goals_on("line:3", 1), 1), np.ones((1, 3)), np.zeros(1), SHORT)
    with pytest.raises(InvalidArgumentError, match=r"rate=0"):
        RecurrentSchedule(rate=0.0)


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
