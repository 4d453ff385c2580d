"""The solvers under comparison, each as ``prepare(case) -> solve()`` where ``solve()`` returns the values,
shape (S,).

Only ``solve()`` is timed: every library gets its own form of the model beforehand. A peer that is not
installed is left out and reported as missing.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numba import njit, prange

from benchmarks.planning_models import Case
from metaregret.tabular.engine import solve
from metaregret.tabular.engine.layout import rows_of

__all__ = ["ERROR", "SOLVERS", "Prepared", "available"]

ERROR = 1e-8
"""True error that every answer must meet."""


@dataclass(frozen=True)
class Prepared:
    """A solver that has its model: `solve` is timed, `before` runs untimed ahead of every call."""

    solve: Callable[[], np.ndarray]
    before: Callable[[], None] = lambda: None


def ours(case: Case) -> Prepared:
    """This engine, ``method="auto"``; a gap of 2e-8 puts midpoints within 1e-8."""
    process, rewards = case.data
    question = dict(case.question)
    if question["objective"] == "total":
        question["targets"] = [process.n_states - 1]
    tolerance = ERROR if question["objective"] == "finite" else 1e-10
    return Prepared(lambda: solve(process, rewards, tolerance=tolerance, **question).values)


def _discrete_dp(case: Case) -> Any:
    import quantecon as qe

    process, rewards = case.data
    gamma = case.question.get("gamma", 1.0)
    if process.n_transitions == process.n_choices * process.n_states:
        shape = (process.n_states, process.n_actions)
        return qe.markov.DiscreteDP(
            rewards.reshape(shape), process.probabilities.reshape(*shape, process.n_states), gamma
        )
    matrix = sp.csr_matrix(process.matrix)
    return qe.markov.DiscreteDP(rewards, matrix, gamma, process.choice_state, process.choice_action)


def quantecon_mpi(case: Case) -> Prepared:
    """QuantEcon's modified policy iteration with 20 inner sweeps, its fastest method on sparse models."""
    model = _discrete_dp(case)
    return Prepared(lambda: model.solve(method="mpi", epsilon=ERROR, k=20, max_iter=100_000).v)


def quantecon_pi(case: Case) -> Prepared:
    """QuantEcon's policy iteration."""
    model = _discrete_dp(case)
    return Prepared(lambda: model.solve(method="pi", max_iter=1000).v)


def quantecon_finite(case: Case) -> Prepared:
    """QuantEcon's backward induction."""
    import quantecon as qe

    model = _discrete_dp(case)
    return Prepared(lambda: qe.markov.backward_induction(model, case.question["steps"])[0][0])


def mdptoolbox_pi(case: Case) -> Prepared:
    """The pymdptoolbox policy iteration."""
    import mdptoolbox.mdp

    process, rewards = case.data
    transitions = process.dense()
    paid = rewards.reshape(process.n_states, process.n_actions)

    def run() -> np.ndarray:
        model = mdptoolbox.mdp.PolicyIteration(transitions, paid, case.question["gamma"])
        model.run()
        return np.array(model.V)

    return Prepared(run)


def mdpsolver_mpi(case: Case) -> Prepared:
    """The C++ library mdpsolver, modified policy iteration; see `_mdpsolver`."""
    return _mdpsolver(case, parallel=True)


def mdpsolver_serial(case: Case) -> Prepared:
    """The same on one thread, which is its faster setting on small models."""
    return _mdpsolver(case, parallel=False)


def _mdpsolver(case: Case, *, parallel: bool) -> Prepared:
    """Build the model anew, untimed, before every call: a second `solve` would start from the answer."""
    import mdpsolver

    process, rewards = case.data
    columns, weights = [], []
    for state in range(process.n_states):
        spans = [(int(process.offsets[c]), int(process.offsets[c + 1])) for c in process.choices(state)]
        columns.append([process.successors[a:b].tolist() for a, b in spans])
        weights.append([process.probabilities[a:b].tolist() for a, b in spans])
    paid = rewards.reshape(process.n_states, process.n_actions).tolist()
    built: list[Any] = []

    def build() -> None:
        model = mdpsolver.model()
        model.mdp(discount=case.question["gamma"], rewards=paid, tranMatProbs=weights, tranMatColumns=columns)
        built[:] = [model]

    def run() -> np.ndarray:
        built[0].solve(algorithm="mpi", tolerance=ERROR, parallel=parallel)
        return np.array(built[0].getValueVector())

    return Prepared(run, build)


def storm(case: Case) -> Prepared:
    """Storm through stormpy, sound value iteration off (its default engine)."""
    import stormpy
    from stormpy import datastructures, logic, models

    process, rewards = case.data
    builder = datastructures.SparseMatrixBuilder(0, 0, 0, False, True, 0)
    for state in range(process.n_states):
        builder.new_row_group(int(process.choice_offsets[state]))
        for choice in process.choices(state):
            for item in range(int(process.offsets[choice]), int(process.offsets[choice + 1])):
                builder.add_next_value(
                    choice, int(process.successors[item]), float(process.probabilities[item])
                )
    labels = models.StateLabeling(process.n_states)
    for name, state in (("init", 0), ("goal", process.n_states - 1)):
        labels.add_label(name)
        labels.add_label_to_state(name, state)
    paid = models.SparseRewardModel(optional_state_action_reward_vector=rewards.tolist())
    parts = models.SparseModelComponents(
        transition_matrix=builder.build(), state_labeling=labels, reward_models={"cost": paid}
    )
    model = models.SparseMdp(parts)
    question = logic.parse_properties('R{"cost"}min=? [F "goal"]')[0]
    return Prepared(lambda: np.array(stormpy.model_checking(model, question).get_value_vector()))


def scipy_vi(case: Case) -> Prepared:
    """Value iteration with a scipy CSR product and the span stop."""
    process, rewards = case.data
    gamma, matrix, width = case.question["gamma"], process.matrix, process.n_actions

    def run() -> np.ndarray:
        values = np.zeros(process.n_states)
        while True:
            following = (rewards + gamma * (matrix @ values)).reshape(-1, width).max(axis=1)
            change = following - values
            low, high = change.min(), change.max()
            if gamma * (high - low) / (1 - gamma) < 2 * ERROR:
                return following + gamma * 0.5 * (low + high) / (1 - gamma)
            values = following

    return Prepared(run)


def scipy_finite(case: Case) -> Prepared:
    """Backward induction with a scipy CSR product, policies kept."""
    process, rewards = case.data
    matrix, width, steps = process.matrix, process.n_actions, case.question["steps"]

    def run() -> np.ndarray:
        values = np.zeros(process.n_states)
        policy = np.empty((steps, process.n_states), dtype=np.int64)
        for step in range(steps - 1, -1, -1):
            table = (rewards + matrix @ values).reshape(-1, width)
            policy[step] = table.argmax(axis=1)
            values = table.max(axis=1)
        return values

    return Prepared(run)


@njit(parallel=True, fastmath=True)
def _plain_sweep(
    actions: int,
    width: int,
    successors: np.ndarray,
    probabilities: np.ndarray,
    rewards: np.ndarray,
    gamma: float,
    values: np.ndarray,
    following: np.ndarray,
) -> float:
    change = 0.0
    for state in prange(len(values)):
        best = -np.inf
        for choice in range(state * actions, (state + 1) * actions):
            total = 0.0
            for item in range(choice * width, (choice + 1) * width):
                total += probabilities[item] * values[successors[item]]
            best = max(best, rewards[choice] + gamma * total)
        following[state] = best
        change = max(change, abs(best - values[state]))
    return change


def plain_vi(case: Case) -> Prepared:
    """Plain value iteration from zero with the contraction bound, compiled, on all cores."""
    process, rewards = case.data
    rows, gamma = rows_of(process), case.question["gamma"]

    def run() -> np.ndarray:
        values, following = np.zeros(process.n_states), np.empty(process.n_states)
        while True:
            change = _plain_sweep(
                process.n_actions,
                rows.width,
                rows.successors,
                rows.probabilities,
                rewards,
                gamma,
                values,
                following,
            )
            values, following = following, values
            if gamma * change / (1 - gamma) < ERROR:
                return values

    return Prepared(run)


SOLVERS: dict[str, tuple[str, Callable[[Case], Prepared]]] = {
    "metaregret": ("tabular", ours),
    "quantecon-mpi": ("quantecon", quantecon_mpi),
    "quantecon-pi": ("quantecon", quantecon_pi),
    "quantecon-finite": ("quantecon", quantecon_finite),
    "mdptoolbox-pi": ("mdptoolbox", mdptoolbox_pi),
    "mdpsolver": ("mdpsolver", mdpsolver_mpi),
    "mdpsolver-serial": ("mdpsolver", mdpsolver_serial),
    "storm": ("stormpy", storm),
    "scipy-vi": ("scipy", scipy_vi),
    "scipy-finite": ("scipy", scipy_finite),
    "plain-vi": ("numba", plain_vi),
}
"""Name -> (module that must be installed, how to prepare)."""


def available(name: str) -> bool:
    """Whether the library behind a solver is installed."""
    return importlib.util.find_spec(SOLVERS[name][0]) is not None
