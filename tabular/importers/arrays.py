"""Transition matrices: pymdptoolbox's (A, S, S) arrays, lists and sparse lists, msdm's (S, A, S) matrices
with masks, and (S, A) tables of successors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.errors import InvalidArgumentError, InvalidProcessError
from metaregret.tabular.horizon import Horizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.validation import number_array

__all__ = ["from_matrices", "from_mdptoolbox", "from_successors", "matrix_format", "to_mdptoolbox"]

Matrices = Any
"""An (A, S, S) array or nested list, or a sequence of A arrays, lists or sparse matrices of shape (S, S)."""


def _matrices(given: Any, what: str) -> np.ndarray | list[sp.csr_array]:
    """Return an array, or a list of sparse matrices where any of them is sparse."""
    if sp.issparse(given):
        return [_csr(given, what)]
    if isinstance(given, (Sequence, np.ndarray)) and any(sp.issparse(item) for item in given):
        return [_csr(item, f"{what}[{index}]") for index, item in enumerate(given)]
    return number_array(given, what)


def _csr(given: Any, what: str) -> sp.csr_array:
    """A matrix as sparse rows."""
    matrix: Any = given if sp.issparse(given) else number_array(given, what)
    if matrix.ndim != 2:
        raise InvalidArgumentError(f"Expected {what} of shape (S, S), but got {matrix.shape}.")
    rows = sp.csr_array(matrix)
    return sp.csr_array((number_array(rows.data, what), rows.indices, rows.indptr), shape=rows.shape)


def matrix_format(matrix: np.ndarray) -> str:
    """Tell (A, S, S) from (S, A, S) by the shape.

    Raises
    ------
    InvalidArgumentError
        If both fit, or neither.
    """
    if matrix.ndim != 3:
        raise InvalidArgumentError(f"Expected transitions with 2 or 3 axes, but got shape {matrix.shape}.")
    first, second, third = matrix.shape
    if second == third != first:
        return "mdptoolbox"
    if first == third != second:
        return "msdm"
    raise InvalidArgumentError(
        f"Transitions of shape {matrix.shape} may be (A, S, S) or (S, A, S); say format='mdptoolbox' or "
        "format='msdm' (format='quantecon' for R, Q)."
    )


def from_mdptoolbox(
    transitions: Matrices,
    rewards: Matrices | None = None,
    *,
    initial: np.ndarray | int = 0,
    horizon: Horizon | int = 1,
) -> tuple[ControlledMarkovProcess, np.ndarray | None]:
    """Return the process and the rewards of its transitions.

    Parameters
    ----------
    transitions : array, shape (A, S, S), or one (S, S) matrix per action
        Arrays, nested lists or sparse matrices; one (S, S) matrix alone is a Markov chain.
    rewards : array, shape (S,), (S, A) or (A, S, S), or one (S, S) matrix or (S,) vector per action, optional
    initial, horizon
        As in `ControlledMarkovProcess`; pymdptoolbox has neither.

    Returns
    -------
    process : ControlledMarkovProcess
    rewards : ndarray of float64, shape (M,), or None
        For `metaregret.tabular.engine.solve`.

    Raises
    ------
    InvalidProcessError
        If a row does not sum to one (pymdptoolbox checks this, too).
    InvalidArgumentError
        If the rewards have another shape.
    """
    matrices = _matrices(transitions, "transitions")
    if isinstance(matrices, np.ndarray):
        matrices = matrices[np.newaxis] if matrices.ndim == 2 else matrices
        process = ControlledMarkovProcess.from_dense(matrices, initial=initial, horizon=horizon)
    else:
        process = ControlledMarkovProcess.from_sparse(matrices, initial=initial, horizon=horizon)
    return process, None if rewards is None else transition_rewards(process, rewards)


def transition_rewards(process: ControlledMarkovProcess, rewards: Matrices) -> np.ndarray:
    """Return the reward of each transition, shape (M,), from any of pymdptoolbox's reward forms."""
    n_states, n_actions = process.n_states, process.n_actions
    action = process.choice_action[process.transition_choice]
    state = process.choice_state[process.transition_choice]
    if isinstance(rewards, tuple) and len(rewards) == n_actions and np.ndim(rewards[0]) == 1:
        rewards = np.stack([number_array(column, "rewards") for column in rewards], axis=1)  # MDP.R
    square = (n_states, n_states)
    if hasattr(rewards, "toarray") and (n_actions > 1 or rewards.shape != square):
        rewards = rewards.toarray()  # (S, A)
    matrices = _matrices(rewards, "rewards")
    if isinstance(matrices, np.ndarray) and matrices.shape == square and n_actions == 1 < n_states:
        matrices = matrices[np.newaxis]
    if not isinstance(matrices, np.ndarray):
        if len(matrices) != n_actions or any(matrix.shape != square for matrix in matrices):
            raise InvalidArgumentError(
                f"Expected {n_actions} reward matrices of shape ({n_states}, {n_states}), one per action."
            )
        result = np.zeros(process.n_transitions)
        for index, matrix in enumerate(matrices):
            own = action == index
            result[own] = matrix[state[own], process.successors[own]]
        return result
    kind = object if matrices.dtype == object else np.float64
    if matrices.shape == (n_states,):
        return np.asarray(matrices[state], dtype=kind)
    if matrices.shape == (n_states, n_actions):
        return np.asarray(matrices[state, action], dtype=kind)
    if matrices.shape == (n_actions, n_states, n_states):
        return np.asarray(matrices[action, state, process.successors], dtype=kind)
    raise InvalidArgumentError(
        f"Expected rewards of shape ({n_states},), ({n_states}, {n_actions}) or "
        f"({n_actions}, {n_states}, {n_states}), but got {matrices.shape}."
    )


def from_matrices(
    transitions: Any,
    rewards: Any = None,
    *,
    available: Any = None,
    absorbing: Any = None,
    initial: np.ndarray | int = 0,
    horizon: Horizon | int = 1,
    states: Sequence[str] | None = None,
    actions: Sequence[str] | None = None,
) -> tuple[ControlledMarkovProcess, np.ndarray | None]:
    """Return the process and transition rewards of (S, A, S) matrices: msdm's, and QuantEcon's product form.

    Parameters
    ----------
    transitions : array, shape (S, A, S)
    rewards : array, shape (S, A, S) or (S, A), optional
        Minus infinity marks a pair that is not available.
    available : array of bool, shape (S, A), optional
    absorbing : array of bool, shape (S,), optional
        States where episodes end: they stay and pay nothing, whatever their rows say.
    initial, horizon
        As in `ControlledMarkovProcess`.
    states, actions : sequence of str, optional
        Names; by default numbers.

    Returns
    -------
    process : ControlledMarkovProcess
    rewards : ndarray, shape (M,), or None
        One reward per transition, floats or `Fraction`, for `metaregret.tabular.engine.solve`.

    Raises
    ------
    InvalidProcessError, InvalidArgumentError
        For wrong shapes and rows that do not sum to one.
    """
    matrix = number_array(transitions, "transitions")
    if matrix.ndim != 3 or matrix.shape[0] != matrix.shape[2]:
        raise InvalidProcessError(
            f"Expected transitions of shape (S, A, S), but got {matrix.shape}; the first axis is the state."
        )
    n_states, n_actions, _ = matrix.shape
    mask = _flags(available, (n_states, n_actions), "available", True)
    paid = None if rewards is None else number_array(rewards, "rewards")
    if paid is not None and paid.shape not in (matrix.shape, mask.shape):
        raise InvalidArgumentError(
            f"Expected rewards of shape {matrix.shape} or {mask.shape}, but got {paid.shape}."
        )
    if paid is not None and paid.shape == mask.shape and paid.dtype != object:
        mask &= ~np.isneginf(paid.astype(float))
    ends = _flags(absorbing, (n_states,), "absorbing", False)
    if ends.any():
        matrix = matrix.copy()
        matrix[ends] = 0
        matrix[ends, :, ends] = 1
        mask[ends] |= ~mask[ends].any(axis=1, keepdims=True)
    process = ControlledMarkovProcess.from_dense(
        np.swapaxes(matrix, 0, 1),
        initial=initial,
        horizon=horizon,
        available=mask.T,
        states=states,
        actions=actions,
    )
    if paid is None:
        return process, None
    state = process.choice_state[process.transition_choice]
    action = process.choice_action[process.transition_choice]
    values = paid[state, action, process.successors] if paid.ndim == 3 else paid[state, action]
    return process, np.where(ends[state], 0, values)


def _flags(given: Any, shape: tuple[int, ...], what: str, default: bool) -> np.ndarray:
    """Return an array of truth values, given as such or as zeros and ones."""
    if given is None:
        return np.full(shape, default)
    flags = number_array(given, what)
    if flags.shape != shape:
        raise InvalidArgumentError(f"Expected {what} of shape {shape}, but got {flags.shape}.")
    if not ((flags == 0) | (flags == 1)).all():
        raise InvalidArgumentError(f"Expected {what} as zeros and ones, but got {given!r:.60}.")
    return flags.astype(bool)


def from_successors(
    successors: Any,
    rewards: Any = None,
    *,
    available: Any = None,
    initial: np.ndarray | int = 0,
    horizon: Horizon | int = 1,
    states: Sequence[str] | None = None,
    actions: Sequence[str] | None = None,
) -> tuple[ControlledMarkovProcess, np.ndarray | None]:
    """Return the deterministic process of a table of successors, exact, and the rewards of its transitions.

    Parameters
    ----------
    successors : array of int, shape (S, A)
    rewards : array, shape (S, A), optional
    available : array of bool, shape (S, A), optional
        Which actions each state has.
    initial, horizon
        As in `ControlledMarkovProcess`.
    states, actions : sequence of str, optional
        Names; by default numbers.

    Returns
    -------
    process : ControlledMarkovProcess
    rewards : ndarray, shape (M,), or None
        One reward per transition, floats or `Fraction`, for `metaregret.tabular.engine.solve`.

    Raises
    ------
    InvalidProcessError
        If an entry is no state.
    """
    table = number_array(successors, "successors")
    if table.ndim != 2 or not np.issubdtype(table.dtype, np.integer):
        raise InvalidProcessError(
            f"Expected successors as whole numbers of shape (S, A), but got shape {table.shape}, "
            f"{table.dtype}."
        )
    mask = _flags(available, table.shape, "available", True)
    wrong = np.argwhere(mask & ((table < 0) | (table >= len(table))))
    if len(wrong):
        state, action = map(int, wrong[0])
        raise InvalidProcessError(
            f"successors[{state}, {action}] = {int(table[state, action])} is not a state "
            f"0..{len(table) - 1}; mend it, "
            "or mark the action as not available."
        )
    keys = np.argwhere(mask)
    keys = np.column_stack([keys, table[mask]])
    process = ControlledMarkovProcess.from_counts(
        keys,
        np.ones(len(keys), dtype=np.int64),
        1,
        states=table.shape[0] if states is None else states,
        actions=table.shape[1] if actions is None else actions,
        initial=start_distribution(initial, len(table)),
        horizon=horizon,
    )
    if rewards is None:
        return process, None
    paid = number_array(rewards, "rewards")
    if paid.shape != table.shape:
        raise InvalidArgumentError(f"Expected rewards of shape {table.shape}, but got {paid.shape}.")
    return process, paid[mask]


def start_distribution(initial: Any, n_states: int) -> dict[int, object]:
    """Return a start state or an array of probabilities as a mapping."""
    if isinstance(initial, (int, np.integer)) and not isinstance(initial, bool):
        return {int(initial): 1}
    array = number_array(initial, "initial")
    if array.shape != (n_states,):
        raise InvalidProcessError(f"Expected initial of shape ({n_states},), but got {array.shape}.")
    return {i: p for i, p in enumerate(array.tolist()) if p != 0}


def to_mdptoolbox(process: ControlledMarkovProcess, rewards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the arrays of pymdptoolbox, in floating point.

    Parameters
    ----------
    process : ControlledMarkovProcess
    rewards : ndarray, shape (M,)
        One per transition.

    Returns
    -------
    transitions, rewards : ndarray, shape (A, S, S)

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
