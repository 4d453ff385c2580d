"""The ladder of learner classes: differences of brackets, their order, and what is asked of the solvers."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from metaregret.tabular.bounds import Bracket
from metaregret.tabular.environments import make
from metaregret.theory.minimax import Criterion, Learner
from metaregret.theory.minimax.ladder import Ladder, ladder
from metaregret.theory.tasks import Detection, GoalTasks


def rungs(*values: Bracket) -> Ladder:
    solutions: list[Any] = [SimpleNamespace(value=value) for value in values]
    return Ladder(SimpleNamespace(), *solutions)


def test_differences_of_bounds_are_outward() -> None:
    found = rungs(Bracket(4.0, 5.0), Bracket(2.0, 2.5), Bracket.of(1))
    for bracket, bounds in ((found.value_of_adaptation, (1.5, 3.0)), (found.value_of_memory, (1.0, 1.5))):
        assert (bracket.lower, bracket.upper) == bounds
        assert bracket.exact is None
        assert bracket.lower_from == bracket.upper_from == "difference of certified bounds"


def test_differences_of_rational_values_are_rational() -> None:
    found = rungs(Bracket.of(Fraction(1, 2)), Bracket.of(Fraction(1, 3)), Bracket.of(Fraction(1, 4)))
    assert found.value_of_adaptation.exact == Fraction(1, 6)
    assert found.value_of_memory.exact == Fraction(1, 12)
    assert found.value_of_memory.lower_from == "exact arithmetic"
    half = Bracket.of(Fraction(1, 2))
    for mixed in (rungs(half, Bracket(0.25, 0.25), half), rungs(Bracket(0.75, 0.75), half, half)):
        assert mixed.value_of_adaptation.exact is None
        assert mixed.value_of_adaptation.lower == 0.25


def test_brackets_that_overlap_are_in_order() -> None:
    low, high = Bracket(1.0, 2.0), Bracket(2.0, 3.0)
    assert rungs(high, low, low).in_order
    assert rungs(low, high, low).in_order  # they touch
    assert rungs(low, low, high).in_order
    above = Bracket(2.5, 3.0)
    assert not rungs(low, above, low).in_order
    assert not rungs(low, low, above).in_order
    assert not rungs(above, low, above).in_order


@pytest.mark.parametrize("criterion", [Criterion.REGRET, Criterion.RATIO])
def test_the_three_classes_are_asked_the_same(criterion: Criterion) -> None:
    tasks = GoalTasks.reachable(make("line:3,start=1").replaced(horizon=2))
    answers, told = {learner: object() for learner in Learner}, list[str]()
    with mock.patch(
        "metaregret.theory.minimax.solve", side_effect=lambda question: answers[question.learner]
    ) as called:
        found = ladder(tasks, 4, criterion=criterion, tolerance=0.125, exact=True, progress=told.append)
    assert found.rungs == (answers[Learner.BLIND], answers[Learner.MEMORYLESS], answers[Learner.MEMORY])
    assert (found.blind, found.memoryless, found.memory) == found.rungs
    assert told == ["blind", "memoryless", "memory"]
    for ((question,), _), learner in zip(called.call_args_list, Learner, strict=True):
        assert (question.tasks, question.learner, question.criterion) == (tasks, learner, criterion)
        assert (question.episodes, question.tolerance, question.exact) == (4, 0.125, True)


def test_a_ladder_by_hand() -> None:
    """Ends of a line of 3, visits, two episodes: blind 2 (1 - 1/2), memoryless 3/4, with memory 1/2."""
    tasks = GoalTasks.reachable(make("line:3,start=1").replaced(horizon=2), Detection.VISIT)
    found = ladder(tasks, 2)
    assert all(rung.value.relative_gap <= 1e-9 and rung.value.exact is None for rung in found.rungs)
    for rung, value in zip(found.rungs, (1.0, 0.75, 0.5), strict=True):
        assert rung.value.midpoint == pytest.approx(value, abs=1e-9)
    assert found.value_of_adaptation.contains(Fraction(1, 4))
    assert found.value_of_memory.contains(Fraction(1, 4))
    assert found.in_order
