"""Certificates of minimax values: blind and memoryless learners, and learners with memory.

The witness is the least-favourable task distribution (lower bound) and the learner (upper bound): for
learners without memory their exploration policy, with memory a mixture of deterministic learners. Tasks that
are trajectories need no witness (T9), but for random dynamics and finitely many episodes, where they are
stated as goals on the tree of histories. Costs in steps have witnesses of their own,
`metaregret.theory.certificates.write_steps`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from metaregret.tabular.errors import UnsupportedError
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.adversaries import Simplex
from metaregret.theory.certificates.check import BUDGET
from metaregret.theory.certificates.drafting import (
    Document,
    certificate,
    fractions,
    named,
    policy_rows,
    proved,
)
from metaregret.theory.certificates.minimax_claims import (
    exact_prior,
    exploration,
    minimax_claim,
    prior_of,
)
from metaregret.theory.certificates.write_steps import steps_certificate
from metaregret.theory.minimax.proof import MixtureProof
from metaregret.theory.minimax.solution import Criterion, Learner, MinimaxSolution
from metaregret.theory.tasks import Detection, GoalTasks, RewardTasks, TaskFamily, TrajectoryTasks

__all__ = ["minimax_certificate"]


def minimax_certificate(tasks: TaskFamily, solution: MinimaxSolution, *, budget: int = BUDGET) -> Document:
    """Return a certificate of a minimax value, with bounds that the checker has proved.

    Parameters
    ----------
    tasks : TaskFamily
        What was solved.
    solution : MinimaxSolution
        Its solution, exact or not; a solution in floating point is certified by rational numbers near it.
    budget : int
        Units of work for the checker.

    Raises
    ------
    NotExactError
        If the process is known in floating point only.
    InstanceTooLargeError
        If the checker would need more than the budget.
    UnsupportedError
        For what the checker does not know: infinitely many episodes with memory on random dynamics, goals of
        several states.
    """
    if not isinstance(solution.adversary, Simplex):
        raise UnsupportedError(
            "Certificates are written for the unrestricted adversary; solve without a restriction."
        )
    if solution.learner is Learner.MEMORY:
        draft = _memory(tasks, solution)
    elif (
        isinstance(tasks, GoalTasks)
        and tasks.detect is Detection.VISIT
        and solution.criterion is not Criterion.REGRET
    ):
        return steps_certificate(tasks, solution, budget=budget)
    elif isinstance(tasks, RewardTasks):
        draft = _blind_rewards(tasks, solution)
    elif isinstance(tasks, TrajectoryTasks) and _by_dynamics(tasks.process, solution):
        claim = minimax_claim(tasks, solution, {"trajectories": True}, solution.episodes or "inf")
        draft = certificate(tasks.process, claim, {})
    else:
        draft = _without_memory(tasks, solution)
    return proved(draft, budget=budget, exact=solution.value.exact)


# ---------------------------------------------------------------- without memory


def _by_dynamics(process: ControlledMarkovProcess, solution: MinimaxSolution) -> bool:
    """Whether the checker knows the value of trajectory tasks from the dynamics alone."""
    certain = process.is_deterministic and int((process.initial > 0).sum()) == 1
    return solution.episodes is None or certain


def _without_memory(tasks: TaskFamily, solution: MinimaxSolution) -> Document:
    proof = solution.marked_proof
    marked = proof.marked
    process, names, state, block = exploration(tasks, marked)
    policy = proof.policy if proof.exact is None else proof.exact.policy
    assert policy is not None
    rows = policy_rows(marked.process, policy, state=state, block=block)
    claim = minimax_claim(tasks, solution, {"goals": list(names)}, solution.episodes or "inf")
    witness = {"prior": named(names, exact_prior(solution)), "learners": [{"rows": rows}]}
    draft = certificate(process, claim, witness)
    if isinstance(tasks, TrajectoryTasks):
        return {**draft, "comment": "States are histories of the process named; tasks are its trajectories."}
    return draft


def _blind_rewards(tasks: RewardTasks, solution: MinimaxSolution) -> Document:
    proof = solution.policy_proof
    policy = proof.policy if proof.exact is None else proof.exact.policy
    assert policy is not None
    block = [(1 << len(solution.tasks)) - 1] * tasks.process.n_states
    rows = policy_rows(tasks.process, policy, state=list(tasks.process.states), block=block)
    assert solution.episodes is not None
    claim = minimax_claim(tasks, solution, {"rewards": _tables(tasks)}, solution.episodes)
    return certificate(tasks.process, claim, {"prior": prior_of(solution), "learners": [{"rows": rows}]})


# ---------------------------------------------------------------- with memory


def _memory(tasks: TaskFamily, solution: MinimaxSolution) -> Document:
    from metaregret.theory.minimax.memory.export import learner_rows

    proof = solution.proof
    if not isinstance(proof, MixtureProof):
        raise UnsupportedError(
            "The checker replays finitely many episodes, but this value is that of infinitely many on random "
            "dynamics; give a number of episodes."
        )
    game, mixture = proof.game, proof.mixture
    weights = fractions(mixture.weights if proof.exact is None else proof.exact.weights)
    learners = [
        {"weight": str(weight), "rows": learner_rows(game, learner)}
        for weight, learner in zip(weights, mixture.learners, strict=True)
        if weight
    ]
    family: Document = {"goals": list(solution.tasks)}
    if isinstance(tasks, RewardTasks):
        family = {"rewards": _tables(tasks)}
    claim = minimax_claim(tasks, solution, family, solution.episodes or "inf")
    return certificate(tasks.process, claim, {"prior": prior_of(solution), "learners": learners})


def _tables(tasks: RewardTasks) -> dict[str, list[list[Any]]]:
    """Return the reward tables by name, in the order of the tasks, without what pays nothing."""
    process, tables = tasks.process, tasks.tables
    choice = process.transition_choice
    ends = [
        [process.states[int(s)], process.actions[int(a)], process.states[int(t)]]
        for s, a, t in zip(
            process.choice_state[choice], process.choice_action[choice], process.successors, strict=True
        )
    ]
    values = (
        tables.exact if tables.exact is not None else np.vectorize(Fraction, otypes=[object])(tables.values)
    )
    return {
        name: [[*row, str(r)] for row, r in zip(ends, rewards, strict=True) if r]
        for name, rewards in zip(tasks.names, values.tolist(), strict=True)
    }
