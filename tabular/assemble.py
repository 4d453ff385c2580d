"""From rows, dense arrays and sparse matrices to the canonical layout of a process."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.errors import InvalidArgumentError, InvalidProcessError
from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon, Horizon
from metaregret.tabular.labels import Labels
from metaregret.tabular.rationals import nearest_float, parse_fraction, split_fractions
from metaregret.tabular.validation import number_array

__all__ = [
    "assemble",
    "assemble_arrays",
    "assemble_counts",
    "assemble_dense",
    "assemble_sparse",
    "read_horizon",
    "read_initial",
]


MAX_COMMON_BITS = 16_384
"""Longest common denominator of a row's exact probabilities."""
MAX_WEIGHT = 2**31
"""Integer weights above this are handled as rationals, to keep sums within 64 bits."""


def read_horizon(horizon: Horizon | int) -> Horizon:
    """Return a horizon object; a plain integer means that many steps."""
    return horizon if isinstance(horizon, (FiniteHorizon, GeometricHorizon)) else FiniteHorizon(horizon)


def as_labels(names: int | Sequence[str] | Labels, what: str) -> Labels:
    """Return labels made from names or a count."""
    return names if isinstance(names, Labels) else Labels(names, what)


def read_initial(
    initial: Mapping[int, object] | int | str | np.ndarray, states: Labels
) -> tuple[np.ndarray, tuple[Fraction, ...] | None]:
    """Return the initial distribution as floats and, where it sums to one exactly, as rationals."""
    if isinstance(initial, str):
        initial = states.position(initial)
    if isinstance(initial, np.ndarray) and initial.shape != (len(states),):
        raise InvalidProcessError(
            f"Expected initial of shape ({len(states)},), but got {initial.shape}; give one probability "
            "per state."
        )
    if isinstance(initial, np.ndarray) and initial.dtype != object:
        point = np.flatnonzero(initial == 1.0)
        if not (len(point) == 1 and np.count_nonzero(initial) == 1):
            return np.array(initial, dtype=float), None
        initial = int(point[0])
    if isinstance(initial, np.ndarray):
        initial = dict(enumerate(initial.tolist()))
    if isinstance(initial, (int, np.integer)) and not isinstance(initial, bool):
        initial = {int(initial): 1}
    if not isinstance(initial, Mapping):
        raise InvalidProcessError(
            "Expected the start to be a state, a mapping from states to probabilities, or an "
            f"array of shape ({len(states)},), but got {initial!r:.60}."
        )
    if not initial:
        raise InvalidProcessError("The initial distribution is missing; name at least one start state.")
    initial = {states.position(s) if isinstance(s, str) else s: p for s, p in initial.items()}
    exact = [Fraction(0)] * len(states)
    for state, probability in initial.items():
        if (
            isinstance(state, bool)
            or not isinstance(state, (int, np.integer))
            or not 0 <= state < len(states)
        ):
            raise InvalidProcessError(
                f"Initial state index {state!r} is out of range 0..{len(states) - 1}; name a state of the "
                "process."
            )
        exact[state] = parse_fraction(probability, f"initial probability of state {states[state]!r}")
    floats = np.zeros(len(states))
    for state in initial:
        floats[state] = float(exact[state])
    return floats, tuple(exact) if sum(exact[state] for state in initial) == 1 else None


def assemble(
    transitions: Iterable[tuple[int | str, int | str, int | str, object]],
    states: int | Sequence[str] | Labels,
    actions: int | Sequence[str] | Labels,
    initial: Mapping[int, object] | int | str | np.ndarray,
    horizon: Horizon | int,
) -> dict[str, Any]:
    """Assemble rows ``(state, action, successor, probability)``; see
    `ControlledMarkovProcess.from_transitions`."""
    state_labels, action_labels = as_labels(states, "state"), as_labels(actions, "action")
    table: dict[tuple[int, int, int], Fraction] = {}
    for position, row in enumerate(transitions):
        where = f"transition {position}"
        key, probability = _row(row, where, (state_labels, action_labels, state_labels))
        for what, index, labels in (
            ("state", key[0], state_labels),
            ("action", key[1], action_labels),
            ("successor", key[2], state_labels),
        ):
            if not 0 <= index < len(labels):
                raise InvalidProcessError(
                    f"{where}: {what} index {index} is out of range 0..{len(labels) - 1}; mend the index."
                )
        if key in table:
            raise InvalidProcessError(
                f"{where} repeats ({state_labels[key[0]]!r}, {action_labels[key[1]]!r}, "
                f"{state_labels[key[2]]!r}); list it once with the summed probability."
            )
        value = parse_fraction(probability, f"{where}: probability")
        if value.numerator < 0:
            raise InvalidProcessError(
                f"{where} ({state_labels[key[0]]!r}, {action_labels[key[1]]!r}, {state_labels[key[2]]!r}) "
                f"has the negative probability {probability}; probabilities are between 0 and 1."
            )
        table[key] = value
    ordered = sorted(table)
    keys = np.array(ordered, dtype=np.int64).reshape(-1, 3)
    values = [table[key] for key in ordered]
    return assemble_arrays(keys, values, state_labels, action_labels, initial, horizon)


def _row(row: Any, where: str, labels: Sequence[Labels]) -> tuple[tuple[int, int, int], object]:
    """Read ``(state, action, successor, probability)``, each of the first three an index or a name."""
    try:
        *parts, probability = row
        state, action, successor = parts
    except (TypeError, ValueError):
        raise InvalidProcessError(
            f"{where} is {row!r:.80}; expected (state, action, successor, probability)."
        ) from None
    try:
        state, action, successor = (
            known.position(part) if isinstance(part, str) else operator.index(part)
            for part, known in zip(parts, labels, strict=True)
        )
    except InvalidArgumentError as error:
        raise InvalidProcessError(f"{where}: {error}") from None
    except TypeError:
        raise InvalidProcessError(
            f"{where} is {row!r:.80}; expected a state, an action and a successor, each by index or name."
        ) from None
    return (state, action, successor), probability


def assemble_arrays(
    keys: np.ndarray,
    values: Sequence[Fraction],
    states: Labels,
    actions: Labels,
    initial: Mapping[int, object] | int | str | np.ndarray,
    horizon: Horizon | int,
) -> dict[str, Any]:
    """Assemble sorted index rows, shape (M, 3), and their rational probabilities."""
    positive = [v.numerator > 0 for v in values]
    layout = _layout(keys, len(states), np.array(positive, dtype=bool))
    kept = list(itertools.compress(values, positive))
    floats, exact_initial = read_initial(initial, states)
    sums = np.array(kept, dtype=object)
    check_denominators(kept, layout["offsets"])
    rows_exact = bool(kept) and all(
        total == 1 for total in np.add.reduceat(sums, layout["offsets"][:-1]).tolist()
    )
    numerators, denominators = split_fractions(kept) if rows_exact and exact_initial else (None, None)
    return {
        **layout,
        "states": states,
        "actions": actions,
        "probabilities": np.array([nearest_float(v) for v in kept]),
        "initial": floats,
        "exact_initial": exact_initial,
        "numerators": numerators,
        "denominators": denominators,
        "horizon": read_horizon(horizon),
    }


def check_denominators(values: Sequence[Fraction], offsets: np.ndarray) -> None:
    """Refuse rows whose exact sum would have an absurdly long denominator, before it is computed.

    Raises
    ------
    InvalidProcessError
        If the common denominator of a choice is longer than `MAX_COMMON_BITS` bits.
    """
    for choice, (start, stop) in enumerate(itertools.pairwise(offsets.tolist())):
        common = 1
        for value in values[start:stop]:
            if common % value.denominator:
                common = math.lcm(common, value.denominator)
            if common.bit_length() > MAX_COMMON_BITS:
                raise InvalidProcessError(
                    f"The probabilities of choice {choice} have a common denominator of more than "
                    f"{MAX_COMMON_BITS} bits; round them to decimals or to fractions with one denominator."
                )


def _layout(keys: np.ndarray, n_states: int, keep: np.ndarray) -> dict[str, np.ndarray]:
    """Offsets of the rows of `keys`, sorted lexicographically; zero-probability rows are left out.

    A choice all of whose transitions have probability zero stays as an empty row, which validation names.
    """
    pairs = keys[:, :2]
    first = np.ones(len(keys), dtype=bool)
    first[1:] = np.any(pairs[1:] != pairs[:-1], axis=1)
    choice_pairs = pairs[first]
    choice_of_row = np.cumsum(first) - 1
    lengths = np.bincount(choice_of_row[keep], minlength=len(choice_pairs)) if len(keys) else np.zeros(0, int)
    per_state = np.bincount(choice_pairs[:, 0], minlength=n_states) if len(keys) else np.zeros(n_states, int)
    return {
        "choice_offsets": np.concatenate([[0], np.cumsum(per_state)]).astype(np.int64),
        "choice_action": choice_pairs[:, 1].astype(np.int64),
        "offsets": np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        "successors": keys[keep, 2].astype(np.int64),
    }


def assemble_counts(
    keys: np.ndarray,
    numerators: np.ndarray,
    denominator: int,
    states: int | Sequence[str] | Labels,
    actions: int | Sequence[str] | Labels,
    initial: Mapping[int, object] | int,
    horizon: Horizon | int,
) -> dict[str, Any]:
    """Assemble integer weights over one denominator; see `ControlledMarkovProcess.from_counts`."""
    state_labels, action_labels = as_labels(states, "state"), as_labels(actions, "action")
    keys, numerators = number_array(keys, "keys"), number_array(numerators, "numerators")
    _check_counts(keys, numerators, denominator, state_labels, action_labels)
    if denominator >= MAX_WEIGHT or numerators.dtype == object:
        return _assemble_long_counts(
            keys, numerators, denominator, state_labels, action_labels, initial, horizon
        )
    order = np.lexsort((keys[:, 2], keys[:, 1], keys[:, 0]))
    ordered = keys[order]
    first = np.ones(len(ordered), dtype=bool)
    first[1:] = np.any(ordered[1:] != ordered[:-1], axis=1)
    starts = np.flatnonzero(first)
    summed = np.add.reduceat(numerators[order].astype(np.int64), starts)
    unique = ordered[starts].astype(np.int64)
    keep = summed > 0
    divisor = np.gcd(summed[keep], denominator)
    exact_numerators = summed[keep] // divisor
    denominators = denominator // divisor
    floats, exact_initial = read_initial(initial, state_labels)
    return {
        **_layout(unique, len(state_labels), keep),
        "states": state_labels,
        "actions": action_labels,
        "probabilities": exact_numerators / denominators,
        "initial": floats,
        "exact_initial": exact_initial,
        "numerators": exact_numerators if exact_initial else None,
        "denominators": denominators if exact_initial else None,
        "horizon": read_horizon(horizon),
    }


def _check_counts(
    keys: np.ndarray, numerators: np.ndarray, denominator: int, states: Labels, actions: Labels
) -> None:
    if keys.ndim != 2 or keys.shape[1] != 3 or numerators.shape != keys.shape[:1] or not len(keys):
        raise InvalidProcessError(
            f"Expected keys of shape (M, 3) and numerators of shape (M,), M >= 1, but got {keys.shape} and "
            f"{numerators.shape}."
        )
    if denominator < 1:
        raise InvalidProcessError(f"Expected a positive denominator, but got {denominator}.")
    limits = np.array([len(states), len(actions), len(states)])
    outside = np.flatnonzero(np.any((keys < 0) | (keys >= limits), axis=1))
    if len(outside):
        raise InvalidProcessError(
            f"keys[{int(outside[0])}] = {keys[outside[0]].tolist()} is out of range for {len(states)} "
            f"states and {len(actions)} actions; mend the index."
        )
    wrong = np.flatnonzero((numerators < 0) | (numerators > denominator))
    if len(wrong):
        raise InvalidProcessError(
            f"numerators[{int(wrong[0])}] = {numerators[wrong[0]]} is not between 0 and the denominator "
            f"{denominator}; mend the weight."
        )


def _assemble_long_counts(
    keys: np.ndarray,
    numerators: np.ndarray,
    denominator: int,
    states: Labels,
    actions: Labels,
    initial: Mapping[int, object] | int,
    horizon: Horizon | int,
) -> dict[str, Any]:
    """Assemble weights that do not fit 64-bit sums, as rationals."""
    table: dict[tuple[int, ...], int] = {}
    for key, weight in zip(map(tuple, keys.tolist()), numerators.tolist(), strict=True):
        table[key] = table.get(key, 0) + int(weight)
    ordered = sorted(table)
    values = [Fraction(table[key], denominator) for key in ordered]
    return assemble_arrays(np.array(ordered, dtype=np.int64), values, states, actions, initial, horizon)


def assemble_dense(
    transition: np.ndarray,
    initial: np.ndarray | int | str,
    horizon: Horizon | int,
    available: np.ndarray | None,
    states: Sequence[str] | None,
    actions: Sequence[str] | None,
) -> dict[str, Any]:
    """Assemble a dense array; see `ControlledMarkovProcess.from_dense`."""
    n_actions, n_states, _ = transition.shape
    mask = np.ones((n_actions, n_states), dtype=bool) if available is None else available.astype(bool)
    by_state = np.swapaxes(transition, 0, 1)
    if transition.dtype == object:
        rows = [
            (s, a, t, by_state[s, a, t])
            for s in range(n_states)
            for a in range(n_actions)
            if mask[a, s]
            for t in range(n_states)
            if by_state[s, a, t] != 0
        ]
        return assemble(rows, states or n_states, actions or n_actions, initial_mapping(initial), horizon)
    # NaN and negative entries are kept, for validation to name them; only true zeros are left out.
    keys = np.argwhere((by_state != 0) & mask.T[:, :, None])
    # An available action whose row is all zero must stay visible as a row that sums to 0.
    empty = np.argwhere(mask.T & ~np.any(by_state != 0, axis=2))
    if len(empty):
        state, action = map(int, empty[0])
        raise InvalidProcessError(
            f"The probabilities of state index {state}, action index {action} sum to 0.0, not 1; mend the "
            "row or mark the action as unavailable."
        )
    values = by_state[keys[:, 0], keys[:, 1], keys[:, 2]].astype(float)
    return _float_fields(keys, values, initial, horizon, n_states, n_actions, states, actions)


def initial_mapping(initial: np.ndarray | int | str) -> Mapping[int, object] | int | str:
    """Return an initial distribution as a mapping from state index to probability; one state as it is."""
    if isinstance(initial, np.ndarray):
        return {i: p for i, p in enumerate(initial.tolist()) if p != 0}
    return initial


def _float_fields(
    keys: np.ndarray,
    values: np.ndarray,
    initial: np.ndarray | int | str,
    horizon: Horizon | int,
    n_states: int,
    n_actions: int,
    states: Sequence[str] | None,
    actions: Sequence[str] | None,
) -> dict[str, Any]:
    state_labels = as_labels(states or n_states, "state")
    floats, exact_initial = read_initial(initial, state_labels)
    certain = exact_initial is not None and bool(np.all(values == 1.0))  # deterministic data is exact data
    ones = np.ones(len(values), dtype=np.int64)
    return {
        **_layout(keys, n_states, np.ones(len(keys), dtype=bool)),
        "states": state_labels,
        "actions": as_labels(actions or n_actions, "action"),
        "probabilities": values,
        "initial": floats,
        "exact_initial": exact_initial,
        "numerators": ones if certain else None,
        "denominators": ones.copy() if certain else None,
        "horizon": read_horizon(horizon),
    }


def assemble_sparse(
    transition: Sequence[sp.csr_array | sp.csc_array | sp.coo_array | sp.csr_matrix | sp.csc_matrix],
    initial: np.ndarray | int | str,
    horizon: Horizon | int,
    states: Sequence[str] | None,
    actions: Sequence[str] | None,
) -> dict[str, Any]:
    """Assemble one sparse matrix per action; see `ControlledMarkovProcess.from_sparse`."""
    if not len(transition):
        raise InvalidProcessError(
            "Expected at least one transition matrix, but got none; give one per action."
        )
    parts, values = [], []
    n_states = -1
    for action, given in enumerate(transition):
        plain: Any = given if sp.issparse(given) else number_array(given, f"matrix {action}")
        if plain.ndim != 2:
            raise InvalidProcessError(f"Expected matrix {action} of shape (S, S), but got {plain.shape}.")
        matrix = sp.csr_array(plain)
        n_states = matrix.shape[0] if action == 0 else n_states
        if matrix.shape != (n_states, n_states):
            raise InvalidProcessError(
                f"Expected matrix {action} of shape ({n_states}, {n_states}), but got {matrix.shape}."
            )
        coo = sp.coo_array(matrix)
        coo.sum_duplicates()
        keep = coo.data != 0
        row, column = coo.coords
        parts.append(np.column_stack([row[keep], np.full(keep.sum(), action), column[keep]]))
        values.append(coo.data[keep].astype(float))
    keys, data = np.concatenate(parts).astype(np.int64), np.concatenate(values)
    order = np.lexsort((keys[:, 2], keys[:, 1], keys[:, 0]))
    return _float_fields(
        keys[order], data[order], initial, horizon, n_states, len(transition), states, actions
    )
