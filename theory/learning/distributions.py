"""Training distributions: the tasks that each proposal gives a meta-learner to practise on.

* ``diayn``: ``r_z(s) = log D(z|s)`` on every step, ``D`` the discriminator of DIAYN's skills (UML-DIAYN);
* ``random``: the same with a discriminator drawn at random (UML-RANDOM);
* ``carml``: CARML's ``r_z(s)``, on every step;
* ``capacity``: the reward of the most informative skills there are, at the end of the episode;
* ``uniform``: every reachable goal, at the end of the episode, equally likely;
* ``handmade``: the test tasks themselves, an upper reference.

``scratch`` is no distribution: that learner starts from uniform actions.

No proposal sees the test tasks. As a discriminator that has been learned is never certain, rewards are
floored at ``log(100 K)`` below a task's largest, ``K`` the number of skills; then each task is scaled as the
test tasks are, so that one grid of step sizes serves all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.learning.step_tasks import StepTasks, finite_steps
from metaregret.theory.proposals import Request, methods
from metaregret.theory.skills import States

__all__ = ["DISTRIBUTIONS", "HANDMADE", "SKILLS", "Training", "training"]

HANDMADE = "handmade"
DISTRIBUTIONS: dict[str, States] = {
    "diayn": "all",
    "random": "all",
    "carml": "all",
    "capacity": "end",
    "uniform": "end",
}
"""Proposals and the state that tells their skills apart: one at every step, or the last."""

SKILLS = 16
"""Skills of the methods that need a number."""


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


def training(name: str, tests: StepTasks, seed: int, *, skills: int = SKILLS) -> Training:
    """Return the training distribution `name` on the process of the test tasks.

    Parameters
    ----------
    name : str
        ``handmade`` or one of `DISTRIBUTIONS`.
    tests : StepTasks
        Only their process is used, except by ``handmade``.
    seed : int
        Of the proposal.
    skills : int
        Number of skills of the methods that need one.

    Raises
    ------
    InvalidArgumentError
        If there is no such distribution.
    """
    if name == HANDMADE:
        return Training(name, tests, np.full(len(tests), 1.0 / len(tests)))
    if name not in DISTRIBUTIONS:
        known = ", ".join([*DISTRIBUTIONS, HANDMADE])
        raise InvalidArgumentError(f"Expected a training distribution of {known}, but got {name!r}.")
    states = DISTRIBUTIONS[name]
    rewards, weights = _proposed(tests.process, name, states, skills, seed)
    steps = finite_steps(tests.process)
    floored = np.maximum(rewards, rewards.max(axis=1, keepdims=True) - np.log(100.0 * len(rewards)))
    timed = np.zeros((len(rewards), steps, tests.process.n_states))
    timed[:, slice(None) if states == "all" else slice(steps - 1, None)] = floored[:, None]
    names = tuple(f"{name} {index}" for index in range(len(rewards)))
    return Training(name, StepTasks(tests.process, names, timed).normalised(), weights)


def _proposed(
    process: ControlledMarkovProcess, name: str, states: States, skills: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rewards by state, shape (K, S), and probabilities, shape (K,), of a method's skills."""
    draft = methods()[name].run(Request(process, states, skills if states == "all" else None, seed))
    (part,) = draft.parts
    rewards = np.stack([part.outcome.rewards(reward) for reward in part.rewards])
    return rewards, part.probabilities / part.probabilities.sum()
