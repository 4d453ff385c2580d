"""The family of one noisy goal among K sure ones: its rows, and malformed specifications."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from metaregret.tabular.environments import make
from metaregret.tabular.errors import EnvironmentSpecError, InstanceTooLargeError
from metaregret.tabular.goals import goal_values


@pytest.mark.parametrize(("count", "luck"), [(1, "1/2"), (4, "1/3"), (16, "1/8"), (3, "1")])
def test_every_sure_goal_is_reached_surely_and_the_noisy_one_by_luck(count: int, luck: str) -> None:
    process = make(f"noisy-goal:K={count},v={luck}")
    goals = np.arange(count + 1)
    values = goal_values(process, goals, representation="rational").exact
    assert values is not None
    assert values.tolist() == [Fraction(luck), *[Fraction(1)] * count]
    assert process.is_exact
    assert process.states[0] == "0"
    noisy = process.choices(process.n_states - 1).start
    row = slice(int(process.offsets[noisy]), int(process.offsets[noisy + 1]))
    spread = dict(
        zip(process.successors[row].tolist(), process.exact_probabilities[row].tolist(), strict=True)
    )
    assert spread.pop(0) == Fraction(luck)
    assert set(spread.values()) <= {(1 - Fraction(luck)) / count}
    assert len(spread) == (count if luck != "1" else 0)


@pytest.mark.parametrize(
    "specification",
    [
        "noisy-goal:K=0",
        "noisy-goal:v=1/2",
        "noisy-goal:4",
        "noisy-goal:K=4,v=0",
        "noisy-goal:K=4,v=2",
        "noisy-goal:K=4,w=1",
    ],
)
def test_malformed_specifications_are_refused(specification: str) -> None:
    with pytest.raises(EnvironmentSpecError):
        make(specification)


def test_a_family_without_limit_is_refused() -> None:
    with pytest.raises((EnvironmentSpecError, InstanceTooLargeError)):
        make("noisy-goal:K=100000000")
