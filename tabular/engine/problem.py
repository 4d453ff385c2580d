"""The reading of a planning problem: arguments checked, rewards folded to one number a choice, signs
normalised.

Every solver maximises. A minimisation is posed with negated rewards, and its bounds are negated back at the
end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from tabular.bounds import UNIT_ROUNDOFF, relative_error
from tabular.engine.layout import Rows, frozen, rows_of
from tabular.engine.solution import Objective
from tabular.errors import InvalidArgumentError
from tabular.process import ControlledMarkovProcess
from tabular.rationals import parse_fraction

__all__ = ["DATA_ROUNDINGS", "Problem", "read_problem", "row_mass"]

DATA_ROUNDINGS = 10
"""Roundings on any path of one backup besides its sum: probabilities (3), rewards, discount, products,
shifts."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A checked planning problem in maximisation form.

    Attributes
    ----------
    process : ControlledMarkovProcess
    objective : Objective
    sign : int
        1, or -1 where the caller minimises and rewards and terminal values are negated here.
    given : ndarray or None
        The caller's rewards (not negated): shape (M,), (C,) or (S,).
    rewards : ndarray of float64, shape (C,)
        Expected reward of each choice, times `sign`.
    reward_scale : float
        Largest absolute reward on a single transition.
    gamma : Fraction or None
    steps : int or None
    terminal : ndarray or None
        The caller's terminal values (not negated), shape (S,).
    targets : ndarray of bool, shape (S,), or None
    tolerance : float
        Asked sup-norm gap, relative to ``max(1, largest absolute value)``.
    max_iterations : int
    """

    process: ControlledMarkovProcess
    objective: Objective
    sign: int
    given: np.ndarray | None
    rewards: np.ndarray
    reward_scale: float
    gamma: Fraction | None
    steps: int | None
    terminal: np.ndarray | None
    targets: np.ndarray | None
    tolerance: float
    max_iterations: int

    @cached_property
    def rows(self) -> Rows:
        """The transition rows, laid out."""
        return rows_of(self.process)

    def allowance(self, magnitude: float, length: int | None = None) -> float:
        """Bound the rounding error of one backup of values up to `magnitude`.

        ``gamma_n (|r| + |V|)`` with ``n`` the length of the longest row plus `DATA_ROUNDINGS`: Higham (2002),
        sec. 3.1; it covers any order of summation, and the rounding of exact data to floats.
        """
        longest = self.rows.longest if length is None else length
        return relative_error(longest + DATA_ROUNDINGS) * (self.reward_scale + magnitude) * (1.0 + 1e-6)


_mass: WeakKeyDictionary[ControlledMarkovProcess, tuple[float, float]] = WeakKeyDictionary()


def row_mass(process: ControlledMarkovProcess) -> tuple[float, float]:
    """Return bounds on the row sums: exactly 1 for an exact process, the stored sums widened otherwise."""
    if process.is_exact:
        return 1.0, 1.0
    known = _mass.get(process)
    if known is None:
        sums = np.add.reduceat(process.probabilities, process.offsets[:-1])
        slack = relative_error(int(np.diff(process.offsets).max()))
        known = float(sums.min()) * (1.0 - slack), float(sums.max()) * (1.0 + slack)
        _mass[process] = known
    return known


def read_problem(
    process: ControlledMarkovProcess,
    rewards: np.ndarray | None,
    objective: Objective | str,
    *,
    steps: int | None,
    gamma: float | str | Fraction | None,
    terminal: np.ndarray | None,
    targets: object,
    maximise: bool,
    tolerance: float,
    max_iterations: int,
) -> Problem:
    """Check the arguments of `tabular.engine.solve` and return the problem they pose.

    Raises
    ------
    InvalidArgumentError
        Naming the argument, its value and what was expected.
    """
    kind = _read_objective(objective)
    _reject_strangers(
        kind, {"steps": steps, "gamma": gamma, "terminal": terminal, "targets": targets}, rewards
    )
    if not tolerance > 0:
        raise InvalidArgumentError(
            f"Expected tolerance > 0, but got tolerance={tolerance!r}; use exact=True for 0."
        )
    if max_iterations < 1:
        raise InvalidArgumentError(f"Expected max_iterations >= 1, but got {max_iterations!r}.")
    sign = 1 if maximise else -1
    given = None if rewards is None else _read_vector(rewards, "rewards", _reward_shapes(process))
    folded, scale = _fold(process, given)
    return Problem(
        process=process,
        objective=kind,
        sign=sign,
        given=given,
        rewards=frozen(folded if sign > 0 else -folded),
        reward_scale=scale,
        gamma=_read_gamma(gamma) if kind is Objective.DISCOUNTED and gamma is not None else None,
        steps=_read_steps(steps) if kind is Objective.FINITE else None,
        terminal=None
        if terminal is None
        else _read_vector(terminal, "terminal", {process.n_states: "states"}),
        targets=None if targets is None else _read_targets(process, targets),
        tolerance=float(tolerance),
        max_iterations=int(max_iterations),
    )


def _read_objective(objective: Objective | str) -> Objective:
    try:
        return Objective.parse(objective)
    except (KeyError, AttributeError):
        names = ", ".join(repr(kind.name.lower()) for kind in Objective)
        raise InvalidArgumentError(
            f"Expected objective to be one of {names}, but got {objective!r}."
        ) from None


_WANTS = {
    Objective.FINITE: ("steps",),
    Objective.DISCOUNTED: ("gamma",),
    Objective.REACH: ("targets",),
    Objective.TOTAL: ("rewards",),
}
_ALLOWS = {
    Objective.FINITE: {"steps", "terminal", "rewards"},
    Objective.DISCOUNTED: {"gamma", "rewards"},
    Objective.REACH: {"targets"},
    Objective.TOTAL: {"targets", "rewards"},
}


def _reject_strangers(kind: Objective, options: dict[str, object], rewards: object) -> None:
    present = {name for name, value in options.items() if value is not None}
    if rewards is not None:
        present.add("rewards")
    for name in _WANTS[kind]:
        if name not in present:
            raise InvalidArgumentError(f"Objective {kind.name.lower()!r} needs {name}; pass {name}=....")
    if not present <= _ALLOWS[kind]:
        name = min(present - _ALLOWS[kind])
        raise InvalidArgumentError(
            f"Objective {kind.name.lower()!r} takes no {name}; leave it out, or choose another objective."
        )
    if kind is Objective.FINITE and not present & {"rewards", "terminal"}:
        raise InvalidArgumentError("Objective 'finite' needs rewards or terminal values; pass at least one.")
    if kind is Objective.DISCOUNTED and "rewards" not in present:
        raise InvalidArgumentError("Objective 'discounted' needs rewards; pass rewards=....")


@lru_cache(maxsize=64)
def _read_gamma(gamma: float | str | Fraction) -> Fraction:
    value = parse_fraction(gamma, "gamma")
    if not 0 <= value < 1:
        raise InvalidArgumentError(
            f"Expected 0 <= gamma < 1, but got gamma={gamma}; use objective='total' where nothing is "
            "discounted."
        )
    return value


def _read_steps(steps: object) -> int:
    if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < 0:
        raise InvalidArgumentError(f"Expected steps to be a whole number >= 0, but got steps={steps!r}.")
    return int(steps)


def _reward_shapes(process: ControlledMarkovProcess) -> dict[int, str]:
    # One transition a choice, or one choice a state, make two shapes equal; the two readings then agree.
    return {
        process.n_states: "states",
        process.n_choices: "choices",
        process.n_transitions: "transitions",
    }


def _read_vector(array: object, what: str, shapes: dict[int, str]) -> np.ndarray:
    vector = np.asarray(array)
    if vector.ndim != 1 or len(vector) not in shapes:
        expected = " or ".join(f"({length},) aligned with the {unit}" for length, unit in shapes.items())
        raise InvalidArgumentError(f"Expected {what} of shape {expected}, but got {vector.shape}.")
    if vector.dtype == object:
        items = [parse_fraction(item, f"{what}[{index}]") for index, item in enumerate(vector)]
        vector = np.empty(len(items), dtype=object)
        vector[:] = items
        return vector
    if vector.dtype.kind not in "fiub":
        raise InvalidArgumentError(f"Expected {what} to be numbers, but got an array of {vector.dtype}.")
    vector = vector.astype(np.float64, copy=False)
    if not math.isfinite(largest(vector)):
        index = int(np.flatnonzero(~np.isfinite(vector))[0])
        raise InvalidArgumentError(
            f"Expected {what} to be finite, but {what}[{index}] = {float(vector[index])!r}."
        )
    return vector


def largest(vector: np.ndarray) -> float:
    """Return the largest absolute value; NaN where there is a NaN."""
    from tabular.engine import kernels

    least, greatest = kernels.extremes(frozen(np.ascontiguousarray(vector)))
    return max(greatest, -least)


def _fold(process: ControlledMarkovProcess, given: np.ndarray | None) -> tuple[np.ndarray, float]:
    """Return the expected reward of each choice as floats, and the largest absolute reward."""
    if given is None:
        return np.zeros(process.n_choices), 0.0
    floats = given.astype(np.float64, copy=False)
    scale = largest(floats)
    if len(given) == process.n_choices:
        return floats, scale
    if len(given) == process.n_states:
        return floats[process.choice_state], scale
    return np.add.reduceat(process.probabilities * floats, process.offsets[:-1]), scale * (
        1 + 4 * UNIT_ROUNDOFF
    )


def _read_targets(process: ControlledMarkovProcess, targets: object) -> np.ndarray:
    """Return a mask of target states from a mask, indices, or names."""
    if isinstance(targets, np.ndarray) and targets.dtype == bool:
        if targets.shape != (process.n_states,):
            raise InvalidArgumentError(
                f"Expected a target mask of shape ({process.n_states},), but got {targets.shape}."
            )
        mask = targets.copy()
    else:
        from tabular.process import state_index

        given: Any = targets
        items = [given] if isinstance(given, (int, np.integer, str)) else list(np.atleast_1d(given))
        mask = np.zeros(process.n_states, dtype=bool)
        for item in items:
            mask[state_index(process, str(item) if isinstance(item, str) else int(item))] = True
    if not mask.any():
        raise InvalidArgumentError(
            "Expected at least one target state, but got none; name a state of the process."
        )
    return mask
