"""The reading of a planning problem: arguments checked, rewards folded to one number per choice, signs
normalised.

Every solver maximises. A minimisation is posed with negated rewards, and its bounds are negated back at the
end.
"""

from __future__ import annotations

import math
import sys
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from metaregret.tabular.bounds import SMALLEST, UNIT_ROUNDOFF, relative_error
from metaregret.tabular.choices import check_tolerance, choice
from metaregret.tabular.engine.compiled import compiled
from metaregret.tabular.engine.layout import Rows, frozen, rows_of
from metaregret.tabular.engine.solution import Objective
from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import parse_fraction

__all__ = [
    "DATA_ROUNDINGS",
    "Discount",
    "Problem",
    "backup_roundoff",
    "read_problem",
    "row_mass",
    "signed_floats",
]

DATA_ROUNDINGS = 10
"""Roundings on any path of one backup besides its sum: probabilities (3), rewards, discount, products,
shifts."""


LARGEST_VALUE = 1e306
"""Largest value that is computed in double precision; what is left up to 1.8e308 takes sums on the way."""

LEAST_SCALE = 1e-290
"""Least scale of rewards in double precision: an allowance for roundings relative to it covers underflow."""

TOTAL_RANGE = 1e50
"""Factor between the largest reward and the largest undiscounted total."""


class Discount(NamedTuple):
    """A discount factor in ``[0, 1)``.

    Attributes
    ----------
    exact : Fraction
    nearest : float
    below, above : float
        ``below <= exact <= above``, neighbours of `nearest`.
    """

    exact: Fraction
    nearest: float
    below: float
    above: float


class Problem(NamedTuple):
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
    discount : Discount or None
    steps : int or None
    terminal : ndarray or None
        The caller's terminal values (not negated), shape (S,).
    targets : ndarray of bool, shape (S,), or None
    tolerance : float
        Asked sup-norm gap, relative to ``max(1, largest absolute value)``.
    max_iterations : int
    must_reach : bool
        Whether only policies that reach a target with probability one count.
    """

    process: ControlledMarkovProcess
    objective: Objective
    sign: int
    given: np.ndarray | None
    rewards: np.ndarray
    reward_scale: float
    discount: Discount | None
    steps: int | None
    terminal: np.ndarray | None
    targets: np.ndarray | None
    tolerance: float
    max_iterations: int
    must_reach: bool = False

    @property
    def rows(self) -> Rows:
        """The transition rows, laid out."""
        return rows_of(self.process)

    @property
    def fits_floats(self) -> bool:
        """Whether no value, and no sum on the way to one, can leave the range of double precision; and
        whether rewards and terminal values, if any, reach `LEAST_SCALE`.

        A total without a horizon has no bound in terms of its rewards; there `TOTAL_RANGE` is left for the
        expected time to the end.
        """
        largest = self.reward_scale
        ends = 0.0 if self.terminal is None else max(map(abs, self.terminal.tolist()))
        if 0.0 < max(largest, ends) < LEAST_SCALE:
            return False
        if self.objective is Objective.TOTAL:
            return largest < LARGEST_VALUE / TOTAL_RANGE
        if self.discount is not None:
            return largest < (1.0 - self.discount.above) * LARGEST_VALUE
        return float(ends) + (self.steps or 0) * largest < LARGEST_VALUE

    def require_floats(self) -> None:
        """Raise `UnsupportedError` unless `fits_floats`."""
        if not self.fits_floats:
            raise UnsupportedError(
                f"Rewards of up to {self.reward_scale:.3g} (and terminal values) may leave the range "
                f"of double precision, {LEAST_SCALE:.0e} to {LARGEST_VALUE:.0e}; change the unit, or "
                "use exact=True."
            )

    def allowance(self, magnitude: float, length: int | None = None) -> float:
        """Bound the rounding error of one backup of values up to `magnitude`.

        ``gamma_n (|r| + |V|)`` with ``n`` the length of the longest row plus `DATA_ROUNDINGS`: Higham (2002),
        sec. 3.1; it covers any order of summation, and the rounding of exact data to floats.
        """
        longest = self.rows.longest if length is None else length
        return backup_roundoff(longest) * (self.reward_scale + magnitude)


@lru_cache(maxsize=256)
def backup_roundoff(length: int) -> float:
    """Return the rounding error of a backup with sums of `length` terms, relative to the largest reward and
    value (see `Problem.allowance`)."""
    return relative_error(length + DATA_ROUNDINGS) * (1.0 + 1e-6)


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
    must_reach: bool = False,
) -> Problem:
    """Check the arguments of `metaregret.tabular.engine.solve` and return the problem they pose.

    Raises
    ------
    InvalidArgumentError
        Naming the argument, its value and what was expected.
    """
    kind = _read_objective(
        choice(Objective, objective, "objective"),
        steps is not None,
        gamma is not None,
        terminal is not None,
        targets is not None,
        rewards is not None,
    )
    check_tolerance(tolerance, below=math.inf)
    if max_iterations < 1:
        raise InvalidArgumentError(f"Expected max_iterations >= 1, but got {max_iterations!r}.")
    sign = 1 if maximise else -1
    given, folded, scale = _read_rewards(process, rewards)
    return Problem(
        process,
        kind,
        sign,
        given,
        folded if sign > 0 else frozen(-folded),
        scale,
        None if gamma is None else _read_discount(gamma),
        None if steps is None else _read_steps(steps),
        None if terminal is None else _read_terminal(process, terminal),
        None if targets is None else _read_targets(process, targets),
        float(tolerance),
        int(max_iterations),
        _read_must_reach(must_reach, kind, targets),
    )


def _read_must_reach(must_reach: object, kind: Objective, targets: object) -> bool:
    if not isinstance(must_reach, bool):
        raise InvalidArgumentError(f"Expected must_reach to be a bool, but got {must_reach!r}.")
    if must_reach and (kind is not Objective.TOTAL or targets is None):
        raise InvalidArgumentError("must_reach goes with objective 'total' and targets; give targets.")
    return must_reach


_ARGUMENTS = ("steps", "gamma", "terminal", "targets", "rewards")
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


@lru_cache(maxsize=64)
def _read_objective(kind: Objective, *given: bool) -> Objective:
    """Return the objective; refuse arguments that it needs and that are missing, or that it does not take.

    `given` says which of `_ARGUMENTS` were passed.
    """
    present = {name for name, passed in zip(_ARGUMENTS, given, strict=True) if passed}
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
    return kind


def _read_discount(gamma: object) -> Discount:
    """Read a number or its spelling; repeated factors are read once.

    Raises
    ------
    InvalidArgumentError
        If it is not a number in ``[0, 1)``.
    """
    try:
        return _discount(gamma)
    except TypeError:  # not hashable, so no number: the reader says so by name
        parse_fraction(gamma, "gamma")
        raise


@lru_cache(maxsize=64, typed=True)  # a float is read as the decimal it prints, an equal Fraction as itself
def _discount(gamma: object) -> Discount:
    value = parse_fraction(gamma, "gamma")
    if not 0 <= value < 1:
        raise InvalidArgumentError(
            f"Expected 0 <= gamma < 1, but got gamma={gamma}; use objective='total' where nothing is "
            "discounted."
        )
    nearest = float(value)
    return Discount(value, nearest, max(0.0, math.nextafter(nearest, -1.0)), math.nextafter(nearest, 2.0))


def _read_steps(steps: object) -> int:
    if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < 0:
        raise InvalidArgumentError(f"Expected steps to be a whole number >= 0, but got steps={steps!r}.")
    return int(steps)


def _read_rewards(
    process: ControlledMarkovProcess, rewards: object
) -> tuple[np.ndarray | None, np.ndarray, float]:
    """Return the rewards as given, the expected reward of each choice in floats, and the largest absolute
    reward."""
    if rewards is None:
        return None, frozen(np.zeros(process.n_choices)), 0.0
    vector = np.asarray(rewards)
    unit = _unit(process, vector)
    given, floats, scale = _read_numbers(vector, "rewards")
    if unit == "choices":
        return given, floats, scale
    if unit == "states":
        return given, frozen(floats[process.choice_state]), scale
    folded = np.add.reduceat(process.probabilities * floats, process.offsets[:-1])
    return given, frozen(folded), scale * (1 + 4 * UNIT_ROUNDOFF)


def _unit(process: ControlledMarkovProcess, rewards: np.ndarray) -> str:
    """Say what the rewards are aligned with; where two of the counts are equal, both readings agree."""
    if rewards.ndim == 1:
        if len(rewards) == process.n_choices:
            return "choices"
        if len(rewards) == process.n_states:
            return "states"
        if len(rewards) == process.n_transitions:
            return "transitions"
    raise InvalidArgumentError(
        f"Expected rewards of shape ({process.n_states},) aligned with the states, ({process.n_choices},) "
        f"with the choices or ({process.n_transitions},) with the transitions, but got {rewards.shape}."
    )


def _read_terminal(process: ControlledMarkovProcess, terminal: object) -> np.ndarray:
    vector = np.asarray(terminal)
    if vector.shape != (process.n_states,):
        raise InvalidArgumentError(
            f"Expected terminal of shape ({process.n_states},) aligned with the states, but got "
            f"{vector.shape}."
        )
    return _read_numbers(vector, "terminal")[0]


def _read_numbers(vector: np.ndarray, what: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the numbers as given (floats, or rationals in an object array), as floats for the kernels, and
    the largest absolute value."""
    kind = vector.dtype.kind
    if kind == "O":
        items = [parse_fraction(item, f"{what}[{index}]") for index, item in enumerate(vector)]
        vector = np.empty(len(items), dtype=object)
        vector[:] = items
    elif kind not in "fiub":
        raise InvalidArgumentError(f"Expected {what} to be numbers, but got an array of {vector.dtype}.")
    floats = signed_floats(vector, what)
    given = vector if kind == "O" else floats
    floats = frozen(floats)
    least, greatest = compiled("kernels").extremes(floats)
    scale = max(greatest, -least)
    if not math.isfinite(scale):
        index = int(np.flatnonzero(~np.isfinite(floats))[0])
        raise InvalidArgumentError(
            f"Expected {what} to be finite, but {what}[{index}] = {float(floats[index])!r}; mend it."
        )
    return given, floats, scale


def signed_floats(vector: np.ndarray, what: str = "rewards") -> np.ndarray:
    """Return the nearest floats; numbers below the smallest one keep their sign, which decides infinite
    totals."""
    try:
        floats = np.ascontiguousarray(vector, dtype=np.float64)
    except OverflowError:
        index = next(index for index, item in enumerate(vector) if abs(item) > sys.float_info.max)
        raise UnsupportedError(
            f"Expected {what} of at most {sys.float_info.max:.2g} in size, but {what}[{index}] is larger; "
            "change the unit."
        ) from None
    if vector.dtype.kind == "O":
        lost = (floats == 0) & (vector != 0)
        if lost.any():
            floats[lost] = np.copysign(SMALLEST, (vector[lost] > 0) - 0.5)
    return floats


def _read_targets(process: ControlledMarkovProcess, targets: object) -> np.ndarray:
    """Return a mask of target states from a mask, indices, or names."""
    if isinstance(targets, np.ndarray) and targets.dtype == bool:
        if targets.shape != (process.n_states,):
            raise InvalidArgumentError(
                f"Expected a target mask of shape ({process.n_states},), but got {targets.shape}."
            )
        mask = targets.copy()
    else:
        from metaregret.tabular.process import state_index

        items: list[Any] = list(np.atleast_1d(np.asarray(targets)))
        mask = np.zeros(process.n_states, dtype=bool)
        for item in items:
            mask[state_index(process, str(item) if isinstance(item, str) else int(item))] = True
    if not mask.any():
        raise InvalidArgumentError(
            "Expected at least one target state, but got none; name a state of the process."
        )
    return mask
