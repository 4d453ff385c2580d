"""Packing: propose goals that no single episode can find together, as evenly as a fractional packing allows.

Objective: ``max { sum w : sum_{g in P} w_g <= 1 for every path P }``, the fractional packing number
``tau*`` of the goals by the paths of an episode, which finds the goals that it visits. The goals proposed
are ``w / tau*``, a least-favourable task distribution of memoryless learners whose goals are noticed on
the way, for every number of episodes (T23); the skills are the paths of an optimal fractional cover, and
a learner that plays them is minimax: its worst-case regret is ``tau* - 1``.

With noticing at the end every path holds one goal, and the packing is uniform.

Differs from the other methods: all regrets of this proposal count goals as found when they are visited.

Made discrete: nothing; the linear program is solved in rational numbers with the planner as its oracle. Needs
deterministic dynamics and one first state. With ``skills=K`` the heaviest ``K`` paths are kept.

Source: T23, an extension by this project.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from metaregret.tabular.errors import UnsupportedError
from metaregret.theory.covers.fractional import fractional_cover, path_policies
from metaregret.theory.proposals.request import Draft, Method, OnTheWay, Part, Request
from metaregret.theory.tasks import Detection, GoalTasks

__all__ = ["METHOD", "packing"]


def packing(request: Request) -> Draft:
    """Return the packing as goals, and the paths of the cover as skills.

    Raises
    ------
    UnsupportedError
        For random dynamics, a random first state, or skills told apart by a state at a random step.
    """
    if request.states != "end":
        raise UnsupportedError(
            "The paths of a packing are told apart by their last state; ask for states 'end'."
        )
    tasks = GoalTasks.reachable(request.process, Detection.VISIT)
    cover = fractional_cover(tasks)
    order = np.argsort([-float(path.weight) for path in cover.paths], kind="stable")[: request.skills]
    policies = path_policies(cover)
    weights = np.array([float(cover.paths[i].weight) for i in order])
    goals = np.zeros(request.process.n_states)
    goals[tasks.goals] = [float(p) for p in cover.prior]
    rewards = np.zeros((len(order), request.process.n_states))
    for row, i in enumerate(order):
        seen = list(cover.paths[i].goals)
        rewards[row, tasks.goals[seen]] = 1.0
    kept = [cover.paths[int(i)] for i in order]
    part = Part(
        1.0, request.outcome, weights / weights.sum(), tuple(policies[int(i)] for i in order), rewards
    )
    found = [sum((p.weight for p in kept if g in p.goals), Fraction(0)) for g in range(len(tasks.goals))]
    total = sum(path.weight for path in kept)
    visited = OnTheWay(tasks, cover, tuple(chance / total for chance in found))
    return Draft((part,), goal_distribution=goals, on_the_way=visited)


METHOD = Method(
    "packing",
    "goals that no episode finds together (noticed on the way)",
    packing,
    seeded=False,
    on_the_way=True,
)
