"""pymdptoolbox's form: transitions (A, S, S), rewards (S,), (S, A) or (A, S, S); a list of sparse matrices,
too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.horizon import Horizon
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["from_mdptoolbox", "to_mdptoolbox"]

Matrices = Sequence[sp.csr_array | sp.csc_array | sp.coo_array | sp.csr_matrix | sp.csc_matrix]


def from_mdptoolbox(
    transitions: np.ndarray | Matrices,
    rewards: np.ndarray | Matrices,
    *,
    initial: np.ndarray | int = 0,
    horizon: Horizon | int = 1,
) -> tuple[ControlledMarkovProcess, np.ndarray]:
    """Return the process and the rewards of its transitions.

    Parameters
    ----------
    transitions : ndarray, shape (A, S, S), or one sparse (S, S) matrix per action
    rewards : ndarray, shape (S,), (S, A) or (A, S, S), or one sparse (S, S) matrix per action
    initial, horizon
        As in `ControlledMarkovProcess`; pymdptoolbox has neither.

    Returns
    -------
    process : ControlledMarkovProcess
    rewards : ndarray of float64, shape (M,)
        For `metaregret.tabular.engine.solve`.

    Raises
    ------
    InvalidProcessError
        If a row does not sum to one (pymdptoolbox checks this, too).
    InvalidArgumentError
        If the rewards have another shape.
    """
    if isinstance(transitions, np.ndarray):
        process = ControlledMarkovProcess.from_dense(transitions, initial=initial, horizon=horizon)
    else:
        process = ControlledMarkovProcess.from_sparse(transitions, initial=initial, horizon=horizon)
    return process, transition_rewards(process, rewards)


def transition_rewards(process: ControlledMarkovProcess, rewards: np.ndarray | Matrices) -> np.ndarray:
    """Return the reward of each transition, shape (M,), from any of pymdptoolbox's reward forms."""
    n_states, n_actions = process.n_states, process.n_actions
    action = process.choice_action[process.transition_choice]
    state = process.choice_state[process.transition_choice]
    if not isinstance(rewards, np.ndarray):
        if len(rewards) != n_actions or any(matrix.shape != (n_states, n_states) for matrix in rewards):
            raise InvalidArgumentError(
                f"Expected {n_actions} reward matrices of shape ({n_states}, {n_states}), one per action."
            )
        result = np.zeros(process.n_transitions)
        for index, matrix in enumerate(rewards):
            own = action == index
            result[own] = sp.csr_array(matrix)[state[own], process.successors[own]]
        return result
    if rewards.shape == (n_states,):
        return np.asarray(rewards[state], dtype=np.float64)
    if rewards.shape == (n_states, n_actions):
        return np.asarray(rewards[state, action], dtype=np.float64)
    if rewards.shape == (n_actions, n_states, n_states):
        return np.asarray(rewards[action, state, process.successors], dtype=np.float64)
    raise InvalidArgumentError(
        f"Expected rewards of shape ({n_states},), ({n_states}, {n_actions}) or "
        f"({n_actions}, {n_states}, {n_states}), but got {rewards.shape}."
    )


def to_mdptoolbox(process: ControlledMarkovProcess, rewards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return transitions and rewards, both (A, S, S), from rewards of the transitions, shape (M,).

    Raises
    ------
    InvalidArgumentError
        If some state lacks an action: the form has no way to say so; or `rewards` has another shape.
    """
    if process.n_choices != process.n_states * process.n_actions:
        lacking = int(np.flatnonzero(np.diff(process.choice_offsets) < process.n_actions)[0])
        raise InvalidArgumentError(
            f"State {process.states[lacking]!r} (index {lacking}) lacks an action, which the (A, S, S) "
            "form cannot say; add the missing actions, or use to_state_action."
        )
    if rewards.shape != (process.n_transitions,):
        raise InvalidArgumentError(
            f"Expected rewards of shape ({process.n_transitions},), one per transition, but got "
            f"{rewards.shape}."
        )
    paid = np.zeros((process.n_actions, process.n_states, process.n_states))
    choice = process.transition_choice
    paid[process.choice_action[choice], process.choice_state[choice], process.successors] = rewards
    return process.dense(), paid
