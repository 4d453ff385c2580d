"""QuantEcon's state-action form: ``R`` (L,), ``Q`` (L, S), and the state and action of each of the L
pairs."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.assemble import _float_fields
from metaregret.tabular.errors import InvalidArgumentError, InvalidProcessError
from metaregret.tabular.horizon import Horizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.validation import number_array

__all__ = ["from_state_action", "to_state_action"]


def from_state_action(
    rewards: np.ndarray,
    transitions: np.ndarray | sp.csr_array | sp.csc_array | sp.coo_array | sp.csr_matrix | sp.csc_matrix,
    states: np.ndarray,
    actions: np.ndarray,
    *,
    initial: np.ndarray | int = 0,
    horizon: Horizon | int = 1,
) -> tuple[ControlledMarkovProcess, np.ndarray]:
    """Return the process and the rewards of its choices.

    Parameters
    ----------
    rewards : ndarray, shape (L,)
        Expected reward of each state-action pair; minus infinity marks a pair that is not available.
    transitions : ndarray or sparse, shape (L, S)
    states, actions : ndarray of int, shape (L,)
        The pairs, in any order.
    initial, horizon
        As in `ControlledMarkovProcess`; QuantEcon has neither.

    Returns
    -------
    process : ControlledMarkovProcess
    rewards : ndarray of float64, shape (C,)
        For `metaregret.tabular.engine.solve`.

    Raises
    ------
    InvalidArgumentError
        If the lengths do not match, or a pair is listed twice.
    InvalidProcessError
        If a row is not a distribution.
    """
    rewards, states, actions = (
        number_array(array, name)
        for array, name in ((rewards, "rewards"), (states, "states"), (actions, "actions"))
    )
    transitions = transitions if sp.issparse(transitions) else number_array(transitions, "transitions")
    if transitions.ndim != 2:
        raise InvalidArgumentError(f"Expected transitions of shape (L, S), but got {transitions.shape}.")
    count, n_states = transitions.shape
    for name, array in (("rewards", rewards), ("states", states), ("actions", actions)):
        if array.shape != (count,):
            raise InvalidArgumentError(
                f"Expected {name} of shape ({count},), one per row, but got {array.shape}."
            )
    for name, array, limit in (("states", states, n_states), ("actions", actions, None)):
        if not np.issubdtype(array.dtype, np.integer):
            raise InvalidArgumentError(f"Expected {name} as whole numbers, but got dtype {array.dtype}.")
        wrong = np.flatnonzero((array < 0) | (array >= limit if limit is not None else False))
        if wrong.size:
            raise InvalidArgumentError(
                f"{name}[{int(wrong[0])}] = {int(array[wrong[0]])} is out of range; {name} count from 0"
                + (f" to {limit - 1}." if limit is not None else ".")
            )
    open_pairs = np.flatnonzero(~np.isneginf(rewards.astype(np.float64)))
    order = open_pairs[np.lexsort((actions[open_pairs], states[open_pairs]))]
    same = np.flatnonzero((np.diff(states[order]) == 0) & (np.diff(actions[order]) == 0))
    if same.size:
        pair = order[same[0]]
        raise InvalidArgumentError(
            f"The pair (state {int(states[pair])}, action {int(actions[pair])}) is listed twice; list it "
            "once."
        )
    if not order.size:
        raise InvalidProcessError("No pair is available; give each state at least one action.")
    rows = sp.csr_array(transitions)[order]
    rows.sum_duplicates()
    rows.sort_indices()
    keep = rows.data != 0
    item = np.repeat(np.arange(len(order)), np.diff(rows.indptr))[keep]
    lengths = np.bincount(item, minlength=len(order))
    if np.any(lengths == 0):
        pair = order[int(np.flatnonzero(lengths == 0)[0])]
        raise InvalidProcessError(
            f"The row of state {int(states[pair])}, action {int(actions[pair])} is empty: it sums to 0, "
            "not 1; mark the pair by a reward of minus infinity if it is not available."
        )
    keys = np.column_stack([states[order][item], actions[order][item], rows.indices[keep]]).astype(np.int64)
    fields = _float_fields(
        keys,
        number_array(rows.data[keep], "transitions").astype(np.float64),
        initial,
        horizon,
        n_states,
        int(actions.max()) + 1,
        None,
        None,
    )
    return ControlledMarkovProcess(**fields), rewards[order].astype(
        object if rewards.dtype == object else np.float64
    )


def to_state_action(
    process: ControlledMarkovProcess, rewards: np.ndarray
) -> tuple[np.ndarray, sp.csr_array, np.ndarray, np.ndarray]:
    """Return QuantEcon's arrays, in floating point.

    Parameters
    ----------
    process : ControlledMarkovProcess
    rewards : ndarray, shape (M,), (C,) or (S,)
        Rewards of the transitions, of the choices or of the states.

    Returns
    -------
    R : ndarray, shape (C,)
        Expected reward of each choice.
    Q : sparse array, shape (C, S)
    states, actions : ndarray of int, shape (C,)

    Raises
    ------
    InvalidArgumentError
        If `rewards` has another shape.
    """
    if rewards.shape == (process.n_choices,):
        expected = rewards.astype(np.float64)
    elif rewards.shape == (process.n_transitions,):
        expected = np.add.reduceat(process.probabilities * rewards.astype(np.float64), process.offsets[:-1])
    elif rewards.shape == (process.n_states,):
        expected = rewards[process.choice_state].astype(np.float64)
    else:
        raise InvalidArgumentError(
            f"Expected rewards of shape ({process.n_transitions},), ({process.n_choices},) or "
            f"({process.n_states},), "
            f"but got {rewards.shape}."
        )
    return expected, process.matrix, process.choice_state, process.choice_action
