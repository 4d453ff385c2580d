"""How a planning problem is read: folded rewards, scales, signs, neighbours of the discount, rounding."""

from __future__ import annotations

import math
import re
import sys
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from metaregret.tabular.bounds import SMALLEST, UNIT_ROUNDOFF, relative_error
from metaregret.tabular.engine import Objective
from metaregret.tabular.engine.problem import (
    DATA_ROUNDINGS,
    Discount,
    Problem,
    backup_roundoff,
    read_problem,
    row_mass,
    signed_floats,
)
from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError
from metaregret.tabular.process import ControlledMarkovProcess
from tests.tabular.engine.models import as_objects

HALF = Fraction(1, 2)
FORK = ControlledMarkovProcess.from_transitions(
    [(0, 0, 0, HALF), (0, 0, 1, HALF), (0, 1, 1, 1), (1, 0, 0, Fraction(1, 4)), (1, 0, 1, Fraction(3, 4))],
    states=["a", "b"], actions=2, initial=0, horizon=1,
)  # fmt: skip
"""Two states, three choices, five transitions."""


def read(process: ControlledMarkovProcess = FORK, **given: Any) -> Problem:
    usual: dict[str, Any] = {
        "rewards": None, "objective": "discounted", "steps": None, "gamma": None, "terminal": None,
        "targets": None, "maximise": True, "tolerance": 1e-9, "max_iterations": 10,
    }  # fmt: skip
    asked = usual | given
    return read_problem(process, asked.pop("rewards"), asked.pop("objective"), **asked)


@pytest.mark.parametrize("maximise", [True, False])
@pytest.mark.parametrize("rational", [True, False])
@pytest.mark.parametrize(
    ("rewards", "folded", "scale"),
    [
        ([4, -8], [4, 4, -8], 8),
        ([1, 2, -3], [1, 2, -3], 3),
        ([1, 2, 3, 4, 8], [1.5, 3, 7], 8 * (1 + 4 * UNIT_ROUNDOFF)),
    ],
)
def test_rewards_are_folded_to_choices(
    rewards: list[int], folded: list[float], scale: float, rational: bool, maximise: bool
) -> None:
    """By states, by choices and by transitions; the caller's numbers are kept."""
    given = (
        as_objects([Fraction(reward) for reward in rewards]) if rational else np.array(rewards, dtype=float)
    )
    problem = read(rewards=given, gamma="1/3", maximise=maximise)
    assert problem.process is FORK
    assert problem.objective is Objective.DISCOUNTED
    assert problem.sign == (1 if maximise else -1)
    assert problem.given is not None
    assert problem.given.dtype == given.dtype
    assert problem.given.tolist() == given.tolist()
    assert problem.rewards.tolist() == [problem.sign * reward for reward in folded]
    assert problem.rewards.dtype == np.float64
    assert not problem.rewards.flags.writeable
    assert problem.reward_scale == scale
    assert (problem.steps, problem.terminal, problem.targets) == (None, None, None)
    assert (problem.tolerance, problem.max_iterations, problem.must_reach) == (1e-9, 10, False)


def test_no_rewards_are_zero() -> None:
    problem = read(objective="reach", targets=["b"])
    assert problem.given is None
    assert problem.rewards.tolist() == [0, 0, 0]
    assert problem.reward_scale == 0
    assert problem.discount is None
    assert not problem.rewards.flags.writeable


@pytest.mark.parametrize("gamma", [0, "1/3", 0.1, Fraction(99, 100), "0." + 30 * "9", Fraction(1, 10**400)])
def test_a_discount_lies_between_its_neighbours(gamma: Any) -> None:
    discount = read(rewards=np.ones(3), gamma=gamma).discount
    assert isinstance(discount, Discount)
    exact = Fraction(str(gamma))
    assert discount.exact == exact
    assert discount.nearest == float(exact)
    assert Fraction(discount.below) <= exact <= Fraction(discount.above)
    assert discount.below == max(0.0, math.nextafter(discount.nearest, -1))
    assert discount.above == math.nextafter(discount.nearest, 2)


def test_the_rounding_of_a_backup_grows_with_its_sums() -> None:
    problem = read(rewards=np.array([1.0, -3.0, 2.0]), gamma=0.5)
    for length in (0, 1, 7):
        each = relative_error(length + DATA_ROUNDINGS) * (1 + 1e-6)
        assert backup_roundoff(length) == each
        assert problem.allowance(5.0, length) == each * 8
    assert problem.allowance(5.0) == problem.allowance(5.0, 2) != problem.allowance(5.0, 1)


def test_row_sums_are_bounded() -> None:
    """Exactly one where the numbers are rational; else the stored sums and their rounding."""
    assert row_mass(FORK) == (1.0, 1.0)
    rows = np.array([[[0.1, 0.9 - 4e-10], [0.3, 0.7 + 4e-10]]])
    process = ControlledMarkovProcess.from_dense(rows, horizon=1)
    slack = relative_error(2)
    for _ in range(2):  # kept
        low, high = row_mass(process)
        assert (low, high) == ((0.1 + (0.9 - 4e-10)) * (1 - slack), (0.3 + (0.7 + 4e-10)) * (1 + slack))
    sums = [sum(Fraction(p) for p in row) for row in rows[0].tolist()]
    assert Fraction(low) <= min(sums) < max(sums) <= Fraction(high)


@pytest.mark.parametrize("targets", ["b", ["b"], 1, np.int64(1), [1], np.array([False, True]), np.array([1])])
def test_targets_are_named_numbered_or_masked(targets: Any) -> None:
    problem = read(objective="total", rewards=np.ones(2), targets=targets, must_reach=True)
    assert problem.targets is not None
    assert problem.targets.tolist() == [False, True]
    assert problem.targets.dtype == bool
    assert problem.targets is not targets
    assert problem.must_reach
    assert problem.objective is Objective.TOTAL


@pytest.mark.parametrize("steps", [0, 3, np.int32(3)])
def test_steps_and_terminal_values(steps: Any) -> None:
    problem = read(objective="finite", steps=steps, terminal=np.array([1, -5]), maximise=False, tolerance=1)
    assert problem.steps == steps
    assert type(problem.steps) is int
    assert problem.terminal is not None
    assert problem.terminal.tolist() == [1, -5]  # not negated
    assert type(problem.tolerance) is float
    assert problem.terminal.dtype == np.float64
    third = as_objects([Fraction(1, 3)] * 2)
    exact = read(objective="finite", steps=2, terminal=third).terminal
    assert exact is not None
    assert exact.tolist() == third.tolist()
    with pytest.raises(UnsupportedError, match=r"Expected terminal of at most .* terminal\[1\] is larger"):
        read(objective="finite", steps=2, terminal=as_objects([Fraction(1), Fraction(10**400)]))


def test_numbers_below_the_smallest_float_keep_their_sign() -> None:
    tiny = Fraction(1, 10**400)
    floats = signed_floats(as_objects([tiny, -tiny, Fraction(0), Fraction(1, 3)]))
    assert floats.tolist() == [SMALLEST, -SMALLEST, 0, 1 / 3]
    assert signed_floats(np.array([1, -2])).dtype == np.float64
    huge = as_objects([Fraction(sys.float_info.max), Fraction(-(10**400)), Fraction(10**400)])
    with pytest.raises(
        UnsupportedError, match=r"Expected paid of at most 1\.8e\+308 in size, but paid\[1\] is"
    ):
        signed_floats(huge, "paid")
    with pytest.raises(UnsupportedError, match=r"rewards\[1\]"):
        signed_floats(huge)


@pytest.mark.parametrize(
    ("size", "question", "fits"),
    [
        (0.9e306, {"objective": "finite", "steps": 1}, True),
        (1.1e306, {"objective": "finite", "steps": 1}, False),
        (0.6e306, {"objective": "finite", "steps": 2}, False),
        (0.4e306, {"objective": "finite", "steps": 1, "terminal": np.array([0, -0.7e306])}, False),
        (0.4e306, {"objective": "finite", "steps": 1, "terminal": np.array([0, -0.5e306])}, True),
        (0.4e306, {"gamma": "1/2"}, True),
        (0.6e306, {"gamma": "1/2"}, False),
        (0.9e256, {"objective": "total"}, True),
        (1.1e256, {"objective": "total"}, False),
        (0.9e-290, {"gamma": "1/2"}, False),
        (1.1e-290, {"gamma": "1/2"}, True),
        (5e-324, {"objective": "total"}, False),
        (0.0, {"objective": "total"}, True),
        (0.0, {"objective": "finite", "steps": 1, "terminal": np.array([0, -0.9e-290])}, False),
        (0.9e-290, {"objective": "finite", "steps": 1, "terminal": np.array([0, -1.1e-290])}, True),
    ],
)
def test_what_may_leave_double_precision_is_refused(
    size: float, question: dict[str, Any], fits: bool
) -> None:
    problem = read(rewards=size * np.array([1.0, -1, 0]), **question)
    assert problem.fits_floats == fits
    if fits:
        problem.require_floats()
        return
    with pytest.raises(UnsupportedError, match=re.escape(f"Rewards of up to {size:.3g} (and term")):
        problem.require_floats()


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"rewards": np.ones((2, 1)), "gamma": 0.5}, r"\(2,\) aligned .* \(3,\) .* \(5,\) .* got \(2, 1\)"),
        ({"rewards": np.ones(4), "gamma": 0.5}, r"but got \(4,\)"),
        ({"rewards": np.array([1j, 0]), "gamma": 0.5}, "Expected rewards to be numbers, .* complex128"),
        ({"rewards": as_objects([HALF, "x"]), "gamma": 0.5}, r"rewards\[1\]"),
        ({"rewards": np.array([1, 0, np.inf]), "gamma": 0.5}, r"finite, but rewards\[2\] = inf"),
        ({"rewards": np.array([1, np.nan, np.inf]), "gamma": 0.5}, r"finite, but rewards\[1\] = nan"),
        ({"objective": "finite", "steps": 1, "terminal": np.array([1, -np.inf])}, r"terminal\[1\] = -inf"),
        ({"objective": "finite", "steps": 1, "terminal": np.ones(3)}, r"terminal of shape \(2,\).*\(3,\)"),
        ({"objective": "finite", "steps": True, "terminal": np.ones(2)}, "steps to be a whole number"),
        ({"objective": "finite", "steps": 1.0, "terminal": np.ones(2)}, "steps=1.0"),
        ({"objective": "average"}, "objective"),
        ({"rewards": np.ones(2), "gamma": 1}, "Expected 0 <= gamma < 1"),
        ({"rewards": np.ones(2), "gamma": -0.1}, "Expected 0 <= gamma < 1"),
        ({"rewards": np.ones(2), "gamma": {}}, r"gamma to be a number.*\{\}"),
        ({"rewards": np.ones(2), "gamma": 0.5, "max_iterations": 0}, "max_iterations >= 1"),
        ({"rewards": np.ones(2), "gamma": 0.5, "tolerance": -1.0}, "tolerance"),
        ({"objective": "reach", "targets": np.zeros(2, dtype=bool)}, "at least one target state"),
        ({"objective": "reach", "targets": np.ones(3, dtype=bool)}, r"mask of shape \(2,\), but got \(3,\)"),
        ({"objective": "reach", "targets": "c"}, "c"),
        ({"objective": "reach", "targets": 1, "must_reach": True}, "must_reach goes with objective 'total'"),
        ({"objective": "total", "rewards": np.ones(2), "must_reach": True}, "must_reach goes with"),
        ({"objective": "total", "rewards": np.ones(2), "must_reach": 1}, "must_reach to be a bool"),
        ({"objective": "total", "rewards": np.ones(2), "steps": 1}, "takes no steps"),
        ({"objective": "finite", "steps": 1, "terminal": np.ones(2), "targets": 1}, "takes no targets"),
    ],
)
def test_questions_are_refused_by_name(question: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        read(**question)


def test_a_single_backup_is_enough_where_asked() -> None:
    assert read(rewards=np.ones(2), gamma=0.5, max_iterations=1).max_iterations == 1
