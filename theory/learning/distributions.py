"""Training distributions: the tasks that each proposal gives a meta-learner to practise on.

* ``diayn``: ``r_z(s) = log D(z|s)`` at the end, ``D`` the discriminator of DIAYN's skills, one for each state
  where an episode can end: the source's theory; ``diayn-held-out``: the same with every third task left out;
* ``diayn-2``: DIAYN with the reward of order 2;
* ``diayn-16``, ``diayn-3K``: DIAYN on all states, paid on every step, with 16 skills or three for each goal;
* ``random``: a random discriminator, paid on every step (16 tasks);
* ``uniform``: every reachable goal, equally likely; ``order-1`` (capacity), ``order-2``, ``order-inf``:
  goals as often as makes policies for them end, taken together, as the exploration ``q_a`` of that order
  does;
* ``handmade``: the test tasks themselves, a reference.

No other proposal sees the test tasks. As a discriminator that has been learned is never certain, rewards are
floored at ``log(100 K)`` below a task's largest, ``K`` the number of skills; then each task is scaled to best
return 1 and worst 0, so that one grid of step sizes serves all. Tasks that are the same are put together, and
all are sorted, so that distributions with the same tasks are equal as arrays (`merged`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np

from metaregret.tabular.choices import one_of
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.goals import goal_support
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.information import as_order
from metaregret.theory.information.channel import as_distribution
from metaregret.theory.learning.step_tasks import StepTasks, optimal_ends
from metaregret.theory.learning.worlds import sparse_goals
from metaregret.theory.proposals import Request, methods
from metaregret.theory.skills import process_redundancy

__all__ = ["DISTRIBUTIONS", "HANDMADE", "Training", "goal_frequencies", "merged", "stacked", "training"]

HANDMADE = "handmade"
SKILLS, NATS = 16, 1e-3
ORDERS = {"order-1": "1", "order-2": "2", "order-inf": "inf"}
DISTRIBUTIONS = (
    "diayn", "uniform", *ORDERS, HANDMADE, "diayn-2", "diayn-held-out", "diayn-16", "diayn-3K", "random",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Training:
    """Tasks to practise on and how often each comes up.

    Attributes
    ----------
    name : str
    tasks : StepTasks
    weights : ndarray, shape (Z,)
        ``q``, a distribution.
    """

    name: str
    tasks: StepTasks
    weights: np.ndarray


def training(name: str, tests: StepTasks, seed: int) -> Training:
    """Return the training distribution `name` on the process of the test tasks.

    Parameters
    ----------
    name : str
        One of `DISTRIBUTIONS`.
    tests : StepTasks
        Only their process and number are used, except by ``handmade``.
    seed : int
        Of the proposal.

    Raises
    ------
    InvalidArgumentError
        If there is no such distribution.
    """
    one_of(DISTRIBUTIONS, name, "name")
    process = tests.process
    goals = sparse_goals(process)
    if name == HANDMADE:
        return _gathered(name, tests.normalised(), np.full(len(tests), 1.0 / len(tests)))
    if name == "uniform":
        return _gathered(name, goals.normalised(), np.full(len(goals), 1.0 / len(goals)))
    if name in ORDERS:
        return _gathered(name, goals.normalised(), goal_frequencies(process, ORDERS[name]))
    return _skills(name, tests, seed)


@cache
def goal_frequencies(process: ControlledMarkovProcess, order: str) -> np.ndarray:
    """Return how often to draw each goal so that policies for them end as the exploration ``q_a`` does.

    ``q_a`` has a redundancy within `NATS` of the smallest. Frequencies are from a linear system; where it
    asks for negative ones they are 0, and the others are scaled.
    """
    found = process_redundancy(process, as_order(order), tolerance=None if order == "inf" else NATS)
    goals = np.flatnonzero(goal_support(process))
    wanted = np.asarray(sum(skill.probability * skill.terminal for skill in found.skills))[goals]
    ends = optimal_ends(sparse_goals(process, goals))[:, goals]
    weights = np.linalg.lstsq(ends.T, wanted, rcond=None)[0].clip(0.0)
    return np.asarray(weights / weights.sum())


def _skills(name: str, tests: StepTasks, seed: int) -> Training:
    """The rewards that a method's skills were trained for."""
    method = methods()[name.partition("-")[0]]
    states: Literal["end", "all"] = "end" if name in ("diayn", "diayn-2", "diayn-held-out") else "all"
    skills = {"end": None, "all": 3 * len(tests) if name == "diayn-3K" else SKILLS}[states]
    if name == "diayn-2":
        method = method.of_order(2)
    (part,) = method.run(Request(tests.process, states, skills, seed)).parts
    rewards = np.stack([part.outcome.rewards(reward) for reward in part.rewards])
    floored = np.maximum(rewards, rewards.max(axis=1, keepdims=True) - np.log(100.0 * len(rewards)))
    timed = np.zeros((len(rewards), tests.steps, tests.process.n_states))
    timed[:, slice(None) if states == "all" else slice(tests.steps - 1, None)] = floored[:, None]
    names = tuple(str(index) for index in range(len(rewards)))
    found = _gathered(name, StepTasks(tests.process, names, timed).normalised(), part.probabilities)
    if name != "diayn-held-out":
        return found
    kept = np.arange(len(found.tasks)) % 3 != 1
    tasks = StepTasks(tests.process, names[: int(kept.sum())], found.tasks.rewards[kept])
    return Training(name, tasks, found.weights[kept] / found.weights[kept].sum())


def _gathered(name: str, tasks: StepTasks, weights: np.ndarray) -> Training:
    """Return the distribution with equal tasks put together, in the order of their rewards."""
    flat = np.where(tasks.process.reachable, tasks.rewards, 0.0).reshape(len(tasks), -1).round(9) + 0.0
    _, first, owner = np.unique(-flat, axis=0, return_index=True, return_inverse=True)
    total = np.bincount(owner.ravel(), weights=weights, minlength=len(first))
    kept = StepTasks(
        tasks.process, tuple(map(str, range(len(first)))), flat[first].reshape(-1, *tasks.rewards.shape[1:])
    )
    return Training(name, kept, total / total.sum())


def merged(groups: Iterable[list[Training]]) -> dict[str, list[Training]]:
    """Return the distributions (one realisation per seed) with identical ones under one name, ``a =
    b``."""
    kept: dict[str, list[Training]] = {}
    for group in groups:
        same = [name for name, other in kept.items() if all(map(_equal, group, other))]
        kept[f"{same[0]} = {group[0].name}" if same else group[0].name] = kept.pop(same[0]) if same else group
    return kept


def _equal(one: Training, other: Training) -> bool:
    return (
        len(one.tasks) == len(other.tasks)
        and bool(np.abs(one.tasks.rewards - other.tasks.rewards).max() < 1e-6)
        and bool(np.abs(one.weights - other.weights).max() < 1e-6)
    )


def stacked(group: list[Training], width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rewards, shape (seeds, width, T, S), and weights, (seeds, width), filled up with weights of
    0."""
    rewards = np.zeros((len(group), width, *group[0].tasks.rewards.shape[1:]))
    weights = np.zeros((len(group), width))
    for index, one in enumerate(group):
        rewards[index, : len(one.tasks)], weights[index, : len(one.tasks)] = one.tasks.rewards, one.weights
    return rewards, weights


def check_batch(rewards: np.ndarray, weights: np.ndarray, seeds: np.ndarray) -> None:
    """Refuse numbers of learners or tasks that do not match, and weights that are no distributions."""
    if not len(rewards) == len(weights) == len(seeds) or rewards.shape[1] != weights.shape[1]:
        raise InvalidArgumentError(
            f"Expected rewards (B, Z, T, S), weights (B, Z) and seeds (B,), but got {rewards.shape}, "
            f"{weights.shape} and {seeds.shape}."
        )
    for index, row in enumerate(weights):
        as_distribution(row, f"weights[{index}]")


def train_each(
    run: Callable[..., Any], rewards: np.ndarray, weights: np.ndarray, seeds: np.ndarray, *more: Any
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Train learner by learner in single precision; return parameters and curves, stacked."""
    batch = zip(rewards.astype(np.float32), weights.astype(np.float32), seeds, strict=True)
    found = [run(*one, *more) for one in batch]
    parameters = {name: np.stack([np.asarray(p[name]) for p, _ in found]) for name in found[0][0]}
    return parameters, np.stack([np.asarray(curve) for _, curve in found])
