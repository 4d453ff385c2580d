"""Models as arrays by name: a mapping, an NPZ file, or an object that has them as attributes, as msdm's do.

Names tell what an array is, and for transitions often its axes: QuantEcon's ``Q`` and msdm's
``transition_matrix`` are (S, A, S). Others, such as ``P``, are (A, S, S) or (S, A, S), as their shape says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.importers.arrays import (
    from_matrices,
    from_mdptoolbox,
    from_successors,
    matrix_format,
)
from metaregret.tabular.importers.imported import Imported, Note, as_decimals, with_table
from metaregret.tabular.importers.state_action import from_state_action
from metaregret.tabular.validation import number_array

__all__ = ["MEANINGS", "from_named", "is_named"]

STATE_FIRST = ("Q", "transition_matrix")
"""Transitions that are (S, A, S), whatever their shape."""
MEANINGS = {
    "transitions": ("P", "T", "transitions", "transition", "array", "arr_0", *STATE_FIRST),
    "successors": ("successors", "successor", "next", "next_state", "next_states"),
    "rewards": ("R", "rewards", "reward", "reward_matrix"),
    "available": ("available", "availability", "mask", "action_mask", "action_matrix"),
    "initial": ("initial", "mu0", "isd", "start", "initial_state_distrib", "initial_state_vec"),
    "absorbing": ("absorbing", "absorbing_state_vec"),
    "discount": ("discount", "gamma", "beta", "discount_rate"),
    "s_indices": ("s_indices",),
    "a_indices": ("a_indices",),
    "states": ("states", "state_list"),
    "actions": ("actions", "action_list"),
}
"""What is read, and the names under which others store it."""
_MEANING = {name: meaning for meaning, names in MEANINGS.items() for name in names}


def is_named(source: Mapping[Any, Any]) -> bool:
    """Whether a mapping holds arrays by name: transitions or successors."""
    return any(
        _MEANING.get(name) in ("transitions", "successors") for name in source if isinstance(name, str)
    )


def from_named(arrays: Mapping[str, Any], form: str | None = None) -> Imported:
    """Read arrays by the names of `MEANINGS`.

    Parameters
    ----------
    arrays : mapping
        ``P`` or ``successors`` (S, A); with QuantEcon's pairs also ``s_indices`` and ``a_indices``.
    form : str, optional
        "mdptoolbox" for (A, S, S), "msdm" or "quantecon" for (S, A, S), where the shape does not tell.

    Raises
    ------
    InvalidArgumentError
        If a name is unknown, two names mean the same, or the arrays are no model.
    """
    given: dict[str, Any] = {}
    axes = None
    for name, array in arrays.items():
        meaning = _MEANING.get(name)
        if meaning is None or meaning in given:
            known = ", ".join(names[0] for names in MEANINGS.values())
            raise InvalidArgumentError(
                f"The array {str(name)[:80]!r} is unknown or given twice; known are {known}."
            )
        given[meaning] = array
        axes = "msdm" if name in STATE_FIRST else axes
    model = _model(given, form or axes)
    if "initial" in given:
        start = number_array(given["initial"], "initial")
        model = model.with_process(as_decimals(model.process))
        model = model.with_start(start.item() if start.ndim == 0 else start)
    return model.with_discount(given.get("discount"))


def _model(given: Mapping[str, Any], form: str | None) -> Imported:
    """The model of arrays by their meaning."""
    rewards: Any = given.get("rewards")
    available, ends = given.get("available"), given.get("absorbing")
    names: dict[str, Any] = {key: _names(given[key]) for key in ("states", "actions") if key in given}
    if "successors" not in given and "transitions" not in given:
        raise InvalidArgumentError("Neither transitions (P) nor successors are there; add one of them.")
    own: Any = dict(available=available, horizon=STEPS, **names)
    if "successors" in given:
        _check_used(given, "a table of successors", ("transitions", "absorbing", *PAIRS))
        return with_table(*from_successors(given["successors"], rewards, **own))
    matrix = number_array(given["transitions"], "transitions")
    whole = matrix.ndim == 2 and np.issubdtype(matrix.dtype, np.integer) and "s_indices" not in given
    if whole or form == "successors":
        _check_used(given, "a table of successors", ("absorbing", *PAIRS))
        notes = chain_notes(matrix) if form is None else []
        return with_table(*from_successors(matrix, rewards, **own)).with_notes(*notes)
    if "s_indices" in given and "a_indices" in given and rewards is not None:
        _check_used(given, "pairs", ("available", "absorbing", "states", "actions"))
        return with_table(*from_state_action(rewards, matrix, *(given[p] for p in PAIRS), horizon=STEPS))
    _check_used(given, "matrices", PAIRS)
    masked = available is not None or ends is not None
    notes = []
    if matrix.ndim == 2:
        matrix, form = matrix[np.newaxis], "mdptoolbox"  # a chain
    elif form is None and masked and len(set(matrix.shape)) == 1:
        form, notes = "msdm", [Note(AMBIGUOUS.format(matrix.shape, "(S, A, S)"))]
    form = form or matrix_format(matrix)
    if form == "mdptoolbox" and not (masked or names):
        return with_table(*from_mdptoolbox(matrix, rewards, horizon=STEPS))
    if form == "mdptoolbox":
        matrix = np.swapaxes(matrix, 0, 1)
        rewards = np.swapaxes(rewards, 0, 1) if np.ndim(rewards) == 3 else rewards
    return with_table(*from_matrices(matrix, rewards, absorbing=ends, **own)).with_notes(*notes)


AMBIGUOUS = "transitions of shape {} could be (A, S, S) or (S, A, S): read as {}"
CHAIN = "whole numbers of shape {} could be a Markov chain: read as a table of successors"
PAIRS = ("s_indices", "a_indices")
STEPS = 20
"""Horizon of sources that have none."""


def _check_used(given: Mapping[str, Any], form: str, without: Sequence[str]) -> None:
    """Refuse an array that would be left out."""
    for meaning in without:
        if meaning in given:
            raise InvalidArgumentError(f"{meaning} has no meaning beside {form}; leave it out.")


def chain_notes(table: np.ndarray) -> list[Note]:
    """The note on a table of successors whose rows are distributions as well."""
    square = table.ndim == 2 and table.shape[0] == table.shape[1]
    chain = square and bool((table >= 0).all() and (table.sum(axis=1) == 1).all())
    return [Note(CHAIN.format(table.shape))] if chain else []


def _names(given: Any) -> list[str]:
    """Spell keys as names; numbers that repeat as text get their position."""
    names = [str(key) for key in (given.tolist() if isinstance(given, np.ndarray) else given)]
    return names if len(set(names)) == len(names) else [f"{i}: {name}" for i, name in enumerate(names)]
