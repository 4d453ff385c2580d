"""Checks of a controlled Markov process: each names the item, its index, its value and the remedy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from metaregret.tabular.errors import InvalidArgumentError, InvalidProcessError
from metaregret.tabular.rationals import parse_fraction

if TYPE_CHECKING:
    from metaregret.tabular.process import ControlledMarkovProcess

__all__ = [
    "ROW_SUM_TOLERANCE",
    "check_counts_as",
    "check_dense_shapes",
    "check_exact_rows",
    "check_float_rows",
    "check_initial",
    "check_layout",
    "choice_name",
    "number_array",
]

ROW_SUM_TOLERANCE = 1e-9
"""Largest accepted |row sum - 1| of a floating-point process; nothing is ever renormalised."""


def number_array(given: Any, what: str) -> np.ndarray:
    """Return nested lists as an array of numbers; floats of under 64 bits are the decimals they print.

    Raises
    ------
    InvalidArgumentError
        If they are ragged or hold something else.
    """
    try:
        array = np.asarray(given)
    except (ValueError, TypeError) as error:
        raise InvalidArgumentError(
            f"Expected {what} as an array of numbers, but got {error}; mend its shape."
        ) from None
    if np.ma.is_masked(given):
        raise InvalidArgumentError(f"Expected {what} as an array of numbers, but some are masked; fill them.")
    if array.dtype.kind in "US":  # "p/q"
        exact = np.empty(array.size, dtype=object)
        try:
            exact[:] = [parse_fraction(str(item), what) for item in array.ravel().tolist()]
        except InvalidArgumentError as error:
            raise InvalidArgumentError(
                f"Expected {what} as an array of numbers, but got dtype {array.dtype}: {error}"
            ) from None
        return exact.reshape(array.shape)
    if array.dtype.kind == "f" and array.dtype.itemsize < 8:
        return array.astype(str).astype(np.float64)
    if array.dtype == object or np.issubdtype(array.dtype, np.number) or array.dtype == bool:
        return array
    raise InvalidArgumentError(
        f"Expected {what} as an array of numbers, but got dtype {array.dtype}; mend it."
    )


def choice_name(process: ControlledMarkovProcess, choice: int) -> str:
    """Name a choice for a message: state and action."""
    state = int(np.searchsorted(process.choice_offsets, choice, side="right") - 1)
    action = process.actions[int(process.choice_action[choice])]
    return f"state {process.states[state]!r} (index {state}), action {action!r}"


def check_layout(process: ControlledMarkovProcess) -> None:
    """Check shapes, offsets and index ranges of the canonical layout."""
    n_states = len(process.states)
    choices, transitions = len(process.choice_action), len(process.successors)
    _check_offsets("choice_offsets", process.choice_offsets, n_states, choices)
    empty = np.flatnonzero(np.diff(process.choice_offsets) == 0)
    if empty.size:
        state = int(empty[0])
        raise InvalidProcessError(
            f"State {process.states[state]!r} (index {state}) has an empty action set; give it at least one "
            "action, for example one that stays."
        )
    _check_offsets("offsets", process.offsets, choices, transitions)
    for name, array, limit in (
        ("choice_action", process.choice_action, len(process.actions)),
        ("successors", process.successors, n_states),
    ):
        bad = np.flatnonzero((array < 0) | (array >= limit))
        if bad.size:
            raise InvalidProcessError(
                f"{name}[{int(bad[0])}] = {int(array[bad[0]])} is out of range 0..{limit - 1}; mend the "
                "index."
            )
    if process.probabilities.shape != (transitions,):
        raise InvalidProcessError(
            f"Expected probabilities of shape ({transitions},), but got {process.probabilities.shape}; "
            "give one probability per successor."
        )
    _check_increasing(process)


def check_counts_as(process: ControlledMarkovProcess) -> None:
    """Check that states count as goals that count as themselves, or as none."""
    goals = process.counts_as
    if goals is None:
        return
    n_states = len(process.states)
    if goals.shape != (n_states,):
        raise InvalidProcessError(
            f"Expected counts_as of shape ({n_states},), but got {goals.shape}; name one goal per state."
        )
    for state, goal in enumerate(goals.tolist()):
        if goal != -1 and not (0 <= goal < n_states and int(goals[goal]) == goal):
            raise InvalidProcessError(
                f"State {process.states[state]!r} (index {state}) counts as {goal}, which is no state or "
                "counts as another itself; name the goal, or -1 for none."
            )


def _check_offsets(name: str, offsets: np.ndarray, rows: int, total: int) -> None:
    if (
        offsets.shape != (rows + 1,)
        or offsets[0] != 0
        or offsets[-1] != total
        or np.any(np.diff(offsets) < 0)
    ):
        raise InvalidProcessError(
            f"Expected {name} to be {rows + 1} non-decreasing numbers from 0 to {total}, but got shape "
            f"{offsets.shape} from {offsets[:1].tolist()} to {offsets[-1:].tolist()}; rebuild the offsets."
        )


def _check_increasing(process: ControlledMarkovProcess) -> None:
    for name, array, offsets in (
        ("choice_action", process.choice_action, process.choice_offsets),
        ("successors", process.successors, process.offsets),
    ):
        rises = np.diff(array) > 0
        starts = np.zeros(len(array), dtype=bool)
        starts[offsets[:-1][np.diff(offsets) > 0]] = True
        bad = np.flatnonzero(~(rises | starts[1:]))
        if bad.size:
            position = int(bad[0]) + 1
            raise InvalidProcessError(
                f"{name}[{position}] = {int(array[position])} repeats or is out of order within its row; "
                "list each action of a state and each successor of a choice once, in increasing order."
            )


def check_float_rows(process: ControlledMarkovProcess) -> None:
    """Check that probabilities are positive and that each choice's sum to one within `ROW_SUM_TOLERANCE`."""
    bad = np.flatnonzero(~(np.isfinite(process.probabilities) & (process.probabilities > 0)))
    if bad.size:
        position = int(bad[0])
        choice = int(np.searchsorted(process.offsets, position, side="right") - 1)
        successor = int(process.successors[position])
        raise InvalidProcessError(
            f"Probability of {choice_name(process, choice)} -> {process.states[successor]!r} is "
            f"{float(process.probabilities[position])!r}; it must be positive and finite (leave out "
            "impossible moves)."
        )
    lengths = np.diff(process.offsets)
    if np.any(lengths == 0):
        choice = int(np.flatnonzero(lengths == 0)[0])
        raise InvalidProcessError(
            f"The row of {choice_name(process, choice)} is empty: it sums to 0, not 1; list its successors."
        )
    sums = np.add.reduceat(process.probabilities, process.offsets[:-1])
    wrong = np.flatnonzero(~(np.abs(sums - 1.0) <= ROW_SUM_TOLERANCE))
    if wrong.size:
        raise row_sum_error(process, int(wrong[0]), repr(float(sums[wrong[0]])))


def row_sum_error(process: ControlledMarkovProcess, choice: int, total: str) -> InvalidProcessError:
    """The error for a choice whose probabilities do not sum to one."""
    return InvalidProcessError(
        f"The probabilities of {choice_name(process, choice)} sum to {total}, not 1; mend the row "
        "(nothing is renormalised silently)."
    )


def check_initial(process: ControlledMarkovProcess) -> None:
    """Check the initial distribution."""
    initial = process.initial
    if initial.shape != (len(process.states),):
        raise InvalidProcessError(
            f"Expected initial of shape ({len(process.states)},), but got {initial.shape}; give one "
            "probability per state."
        )
    bad = np.flatnonzero(~(np.isfinite(initial) & (initial >= 0)))
    if bad.size:
        state = int(bad[0])
        raise InvalidProcessError(
            f"Initial probability of state {process.states[state]!r} (index {state}) is "
            f"{float(initial[state])!r}; it must be finite and not negative."
        )
    total = math.fsum(initial)
    if abs(total - 1.0) > ROW_SUM_TOLERANCE:
        raise InvalidProcessError(f"The initial distribution sums to {total!r}, not 1; mend it.")


def check_exact_rows(process: ControlledMarkovProcess) -> None:
    """Check exactly that rational probabilities are positive, sum to one and match the floats."""
    numerators, denominators = process.numerators, process.denominators
    shape = process.probabilities.shape
    if denominators is None or numerators is None or numerators.shape != shape or denominators.shape != shape:
        raise InvalidProcessError(
            f"Expected numerators and denominators of shape {shape}; give both or neither."
        )
    if np.any(numerators <= 0) or np.any(denominators <= 0):
        position = int(np.flatnonzero((numerators <= 0) | (denominators <= 0))[0])
        raise InvalidProcessError(
            f"Transition {position} has the exact probability "
            f"{numerators[position]}/{denominators[position]}; numerator and denominator must be positive."
        )
    if process.exact_initial is None or sum(process.exact_initial) != 1:
        raise InvalidProcessError(
            "The exact initial distribution is missing or does not sum to 1; give both."
        )
    common = 1
    for denominator in np.unique(denominators).tolist():
        common = math.lcm(common, int(denominator))
        if common >= 2**31:
            break
    if common < 2**31:
        scaled = numerators.astype(np.int64) * (common // denominators.astype(np.int64))
        sums = np.add.reduceat(scaled, process.offsets[:-1])
        wrong = np.flatnonzero(sums != common)
        if wrong.size:
            total = Fraction(int(sums[wrong[0]]), common)
            raise row_sum_error(process, int(wrong[0]), str(total))
    else:
        _check_exact_rows_slowly(process, numerators, denominators)
    if object in (numerators.dtype, denominators.dtype):  # longer than 64 bits: divide as integers
        rounded = np.array([int(n) / int(d) for n, d in zip(numerators, denominators, strict=True)])
    else:
        rounded = numerators.astype(float) / denominators.astype(float)
    if np.any(np.abs(rounded - process.probabilities) > 4e-16):
        position = int(np.argmax(np.abs(rounded - process.probabilities)))
        raise InvalidProcessError(
            f"Transition {position}: probability {float(process.probabilities[position])!r} is not the "
            f"float of {numerators[position]}/{denominators[position]}; build both from the same data."
        )


def _check_exact_rows_slowly(
    process: ControlledMarkovProcess, numerators: np.ndarray, denominators: np.ndarray
) -> None:
    for choice, (start, stop) in enumerate(zip(process.offsets[:-1], process.offsets[1:], strict=True)):
        total = sum(
            (Fraction(int(numerators[i]), int(denominators[i])) for i in range(start, stop)), Fraction(0)
        )
        if total != 1:
            raise row_sum_error(process, choice, str(total))


def check_dense_shapes(
    transition: np.ndarray,
    available: np.ndarray | None,
    states: Sequence[str] | None,
    actions: Sequence[str] | None,
) -> None:
    """Check the shapes of a dense transition array and what goes with it."""
    if (transition.dtype != object and not np.issubdtype(transition.dtype, np.number)) or np.issubdtype(
        transition.dtype, np.complexfloating
    ):
        raise InvalidProcessError(
            f"Expected real transition probabilities, but got dtype {transition.dtype}."
        )
    if transition.ndim != 3 or transition.shape[1] != transition.shape[2]:
        raise InvalidProcessError(
            f"Expected transition of shape (A, S, S), but got {transition.shape}; the first axis is the "
            "action."
        )
    if available is not None and available.shape != transition.shape[:2]:
        raise InvalidProcessError(
            f"Expected available of shape {transition.shape[:2]}, but got {available.shape}."
        )
    for what, names, count in (
        ("states", states, transition.shape[1]),
        ("actions", actions, transition.shape[0]),
    ):
        if names is not None and len(names) != count:
            raise InvalidProcessError(f"Expected {count} names of {what}, but got {len(names)}.")
