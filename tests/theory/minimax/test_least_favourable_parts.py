"""The parts of ranges of mass: slopes in the bonus, games with a bonus, what a distribution forces."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fractions import Fraction
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pytest

from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.adversaries import TotalVariationBall
from metaregret.theory.minimax import Criterion, Learner, MinimaxSolution
from metaregret.theory.minimax.decomposition import Decomposition
from metaregret.theory.minimax.flow_program import FlowProgram
from metaregret.theory.minimax.least_favourable import (
    LeastFavourable,
    MassRange,
    _Bonus,
    _Shifted,
    _WithMemory,
    _WithoutMemory,
)
from metaregret.theory.minimax.proof import MixtureProof, PolicyProof
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.regret import loss_of
from metaregret.theory.tasks import GoalTasks

# ---------------------------------------------------------------- ranges from values of shifted games


class Scripted:
    """Games that answer as they were told, and remember the bonuses."""

    def __init__(self, steps: Sequence[float], answers: Sequence[_Shifted]) -> None:
        self.steps, self.answers = steps, list(answers)
        self.asked: list[list[float]] = []

    def solve(self, bonus: np.ndarray) -> _Shifted:
        self.asked.append(bonus.tolist())
        return self.answers.pop(0)


def shifted(upper: float, prior: Sequence[float], forced: float, lower: float = -9.0) -> _Shifted:
    return _Shifted(lower, upper, np.array(prior), forced)


def ranges(games: Scripted) -> LeastFavourable:
    solution: Any = SimpleNamespace(tasks=("a", "b", "c"), learner=Learner.BLIND)
    with mock.patch("metaregret.theory.minimax.least_favourable._WithoutMemory", return_value=games):
        return LeastFavourable(solution)


def test_ranges_are_slopes_of_the_value_in_the_bonus() -> None:
    """V(0) = 4: the steps are relative to it, the best bound of each end is kept, and the nearest prior."""
    games = Scripted(
        (1 / 8, 1 / 16),
        [
            shifted(4.0, (0.2, 0.3, 0.5), 4.0, lower=4.0),
            shifted(4.2, (0.1, 0.4, 0.5), 3.9),  # a tight bound from a prior that forces too little
            shifted(4.15, (0.3, 0.3, 0.4), 4 - 1e-9),
            shifted(3.95, (0.5, 0.1, 0.4), 4 - 2e-8),  # tight and near: no second step
        ],
    )
    found = ranges(games).mass([1])
    assert games.asked == [[0, 0, 0], [0, 0.5, 0], [0, 0.25, 0], [0, -0.5, 0]]
    assert found.upper == pytest.approx(0.4, rel=1e-12)
    assert found.lower == pytest.approx(0.1, rel=1e-12)
    assert (found.least, found.most) == (0.1, 0.3)
    assert found.shortfall == pytest.approx(2e-8, rel=1e-6)
    assert games.answers == []


def test_ranges_end_at_the_first_step_that_is_tight_and_forces_the_value() -> None:
    """At the very limits: a shortfall of 1e-8 of a value below one, and below a distance of 1e-6."""
    games = Scripted(
        (1 / 8, 1 / 16),
        [
            shifted(0.0, (0.2, 0.3, 0.5), 0.0, lower=0.0),
            shifted(1.0, (0.0, 1.0, 0.0), -1e-8),
            shifted(0.5, (1.0, 1e-6, 0.0), -1e-8),
        ],
    )
    found = ranges(games).mass([1])
    assert games.asked[1:] == [[0, 0.125, 0], [0, -0.125, 0]]
    assert (found.lower, found.upper, found.shortfall) == (0.0, 1.0, 1e-8)


def test_the_larger_shortfall_of_both_ends_is_reported() -> None:
    for above, below in ((2e-9, 1e-9), (1e-9, 2e-9)):
        games = Scripted(
            (1 / 8,),
            [
                shifted(0.0, (0.5, 0.5, 0.0), 0.0, lower=0.0),
                shifted(0.0625, (0.5, 0.5, 0.0), -above),
                shifted(-0.0625, (0.5, 0.5, 0.0), -below),
            ],
        )
        found = ranges(games).mass([0])
        assert found.shortfall == 2e-9
        assert found.lower <= 0.5 <= found.upper


def test_slopes_are_moved_outward_by_the_roundings() -> None:
    plain, up, down = 1e6, 1e6 + 3.3, 1e6 - 0.7
    games = Scripted(
        (1e-5,),
        [
            shifted(plain, (0.5, 0.5, 0.0), plain, lower=plain),
            shifted(up, (0.5, 0.5, 0.0), plain),
            shifted(down, (0.5, 0.5, 0.0), plain),
        ],
    )
    found = ranges(games).mass([0])
    step, slack = Fraction(10), Fraction(plain) / 2**52
    assert Fraction(found.upper) >= (Fraction(up) - Fraction(plain) + slack) / step
    assert Fraction(found.lower) <= (Fraction(plain) - Fraction(down) - slack) / step
    assert found.upper == pytest.approx(0.33, abs=1e-8)
    assert found.lower == pytest.approx(0.07, abs=1e-8)


def test_all_tasks_have_all_mass_and_no_tasks_none() -> None:
    games = Scripted((), [shifted(1.0, (1.0, 0.0, 0.0), 1.0)])
    found = ranges(games)
    assert found.mass([0, 1, 2]) == MassRange(1.0, 1.0, 1.0, 1.0, 0.0)
    assert found.mass([]) == MassRange(0.0, 0.0, 0.0, 0.0, 0.0)
    assert found.mass(np.array([2, 0, 1])).always
    assert found.mass([]).never


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([3], "Expected positions in 0..2, but got 3..3."),
        ([-1, 2], "Expected positions in 0..2, but got -1..2."),
        ([1, 2, 1], "A task is named twice in [1, 2, 1]; name each once."),
    ],
)
def test_positions_that_are_refused(members: list[int], message: str) -> None:
    found = ranges(Scripted((), [shifted(1.0, (1.0, 0.0, 0.0), 1.0)]))
    with pytest.raises(InvalidArgumentError) as caught:
        found.mass(members)
    assert str(caught.value) == message


# ---------------------------------------------------------------- games with memory

ALLOWANCE = 2.0**-10


class Columns:
    """A matrix game of 2 tasks whose learners are all listed: the best response is looked up."""

    names, allowance = ("a", "b"), ALLOWANCE

    def __init__(self, columns: Sequence[Sequence[float]]) -> None:
        self.columns = [np.array(column) for column in columns]
        self.asked: list[list[float]] = []

    def respond(self, prior: np.ndarray) -> Any:
        self.asked.append(prior.tolist())
        best = min(self.columns, key=lambda column: float(column @ prior))
        return SimpleNamespace(loss=best, lower=float(best @ prior) - self.allowance)


def with_memory(game: Any, known: Sequence[Sequence[float]]) -> Any:
    losses = [np.array(column) for column in known]
    return SimpleNamespace(
        tasks=game.names,
        learner=Learner.MEMORY,
        proof=MixtureProof(game=game, mixture=SimpleNamespace(losses=losses)),
    )


def test_a_bonus_moves_the_value_and_not_what_is_forced() -> None:
    """Columns (0, 3) and (2, 0): the prior (3, 2)/5 makes them equal, with or without a bonus on one task."""
    game = Columns([(0.0, 3.0), (2.0, 0.0)])
    games = _WithMemory(with_memory(game, [(0.0, 3.0)]))
    for bonus, value in (((0.0, 0.0), 1.2), ((0.5, 0.0), 1.5), ((0.0, -0.25), 1.1)):
        found = games.solve(np.array(bonus))
        assert found.upper == pytest.approx(value + ALLOWANCE, rel=1e-9)
        assert found.lower == pytest.approx(value - ALLOWANCE, rel=1e-9)
        assert found.forced == pytest.approx(1.2 - ALLOWANCE, rel=1e-9)
    # Only the first game has to look for the second column.
    assert len(game.asked) == 4
    assert len(games._losses) == 2
    for prior in game.asked[1:]:
        assert sorted(prior) != [0.0, 1.0]
    # With a bonus from the start the column enters with it.
    other = _WithMemory(with_memory(game, [(0.0, 3.0)])).solve(np.array([0.5, 0.0]))
    assert other.upper == pytest.approx(1.5 + ALLOWANCE, rel=1e-9)
    assert other.lower == pytest.approx(1.5 - ALLOWANCE, rel=1e-9)


def test_ranges_of_a_game_with_memory() -> None:
    game = Columns([(0.0, 3.0), (2.0, 0.0)])
    found = LeastFavourable(with_memory(game, [(0.0, 3.0)]))
    assert found.names == ("a", "b")
    game.allowance = 1e-12
    one = LeastFavourable(with_memory(game, [(2.0, 0.0)])).mass([0])
    assert one.lower <= 0.6 <= one.upper
    assert one.upper - one.lower <= 1e-6
    assert one.least == pytest.approx(0.6, abs=1e-6)
    assert one.shortfall <= 1e-8


@pytest.mark.parametrize(("gap", "rounds"), [(4.0, 1), (4.5, 2)])
def test_games_end_where_rounding_is_all_that_is_left(gap: float, rounds: int) -> None:
    """At four allowances between the bounds; a learner that is new is entered before that."""
    game = Columns([(0.0, 2.0), (2.0, 0.0)])
    first = SimpleNamespace(loss=np.array([1.0, 1.0]), lower=1 + ALLOWANCE - gap * ALLOWANCE)
    known = SimpleNamespace(loss=np.array([0.0, 2.0]), lower=0.0)
    games = _WithMemory(with_memory(game, [(0.0, 2.0), (2.0, 0.0)]))
    with mock.patch.object(game, "respond", side_effect=[first, known]) as asked:
        found = games.solve(np.zeros(2))
    assert asked.call_count == rounds
    assert len(games._losses) == 1 + rounds
    assert (found.lower, found.forced) == (first.lower, first.lower)
    assert found.upper == 1 + ALLOWANCE
    np.testing.assert_allclose(found.prior, [0.5, 0.5])


def test_the_best_bounds_of_all_rounds_are_kept() -> None:
    """The prior of the first round forces more than that of the second."""
    game = Columns([(0.0, 2.0), (2.0, 0.0)])
    first = SimpleNamespace(loss=np.array([0.5, 2.5]), lower=0.75)
    second = SimpleNamespace(loss=np.array([0.0, 2.0]), lower=0.5)
    games = _WithMemory(with_memory(game, [(0.0, 2.0)]))
    with mock.patch.object(game, "respond", side_effect=[first, second]):
        found = games.solve(np.zeros(2))
    assert (found.lower, found.forced) == (0.75, 0.75)
    assert found.prior.tolist() == [0.0, 1.0]
    assert found.upper == 2 + ALLOWANCE


def test_restricted_adversaries_are_refused() -> None:
    solution = with_memory(Columns([(0.0, 1.0)]), [(0.0, 1.0)])
    ball = TotalVariationBall(np.array([0.5, 0.5]), 0.1)
    solution.proof = dataclasses.replace(solution.proof, adversary=ball)
    with pytest.raises(UnsupportedError) as caught:
        LeastFavourable(solution)
    assert str(caught.value) == "Masses are bounded for the unrestricted adversary only."


# ---------------------------------------------------------------- games without memory


def z_channel() -> GoalTasks:
    rows: list[Any] = [(0, 0, 1, 1), (0, 1, 2, "1/2"), (0, 1, 1, "1/2"), (1, 0, 1, 1), (2, 0, 2, 1)]
    process = ControlledMarkovProcess.from_transitions(rows, states=3, actions=2, initial=0, horizon=1)
    return GoalTasks(process, np.array([1, 2]))


def solved(**options: Any) -> MinimaxSolution:
    return solve_without_memory(z_channel(), **options)


def test_a_bonus_is_added_to_the_loss_and_not_to_its_slope() -> None:
    inner = loss_of(Learner.MEMORYLESS, Criterion.REGRET, np.array([1.0, 0.5]), None)
    loss, rho = _Bonus(inner, np.array([0.25, 0.0])), np.array([0.5, 0.25])
    assert loss.optimum.tolist() == [1.0, 0.5]
    assert loss.value(rho).tolist() == [1.25, 1.0]
    assert loss.slope(rho).tolist() == [4.0, 8.0]
    assert loss.slope(np.array([0.5, np.inf])).tolist() == [4.0, 2.0]  # as at the optimum
    assert loss.direction.tolist() == [1.0, 0.5]


@pytest.mark.parametrize("point", [(2 / 3, 1 / 3), (0.75, 0.25), (0.9, 0.05), (1 + 1e-12, 0.5)])
@pytest.mark.parametrize("prior", [(2 / 3, 1 / 3), (0.25, 0.75), (1.0, 0.0)])
def test_what_a_distribution_forces_is_bounded_by_tangents(
    point: tuple[float, float], prior: tuple[float, float]
) -> None:
    """``sum p (phi(r) + s r)`` less the best of ``sum p s rho`` over the two vertices (1, 0) and (1, 1)/2."""
    games = _WithoutMemory(solved())
    r = [min(Fraction(x), v) for x, v in zip(point, (Fraction(1), Fraction(1, 2)), strict=True)]
    p, v = [Fraction(x) for x in prior], (Fraction(1), Fraction(1, 2))
    slopes = [y / x**2 for x, y in zip(r, v, strict=True)]
    at_point = sum(q * (y / x - 1 + s * x) for q, x, y, s in zip(p, r, v, slopes, strict=True))
    best = max(p[0] * slopes[0], (p[0] * slopes[0] + p[1] * slopes[1]) / 2)
    forced = games._forced(np.array(prior), np.array(point))
    assert Fraction(forced) <= at_point - best
    assert forced == pytest.approx(float(at_point - best), abs=1e-10)


@pytest.mark.parametrize("episodes", [None, 3])
def test_shifted_games_begin_near_the_value_of_the_last(episodes: int | None) -> None:
    """One step for the first game of infinitely many episodes, and few for each of the next."""
    games = _WithoutMemory(solved(episodes=episodes))
    with mock.patch.object(games._program, "solve", wraps=games._program.solve) as asked:
        plain = games.solve(np.zeros(2))
        first = asked.call_count
        assert first == 1 or episodes is not None
        for bonus in (1e-5, -1e-5):
            asked.reset_mock()
            found = games.solve(np.array([bonus, 0.0]))
            assert asked.call_count <= 2
            assert found.upper - found.lower <= 1e-11
            assert (found.upper - plain.upper) / bonus == pytest.approx(found.prior[0], abs=1e-4)
            assert found.forced == pytest.approx(plain.upper, abs=1e-8)
            assert found.forced <= plain.upper


@pytest.mark.parametrize(
    ("method", "kind"), [("program", FlowProgram), ("decomposition", Decomposition)], ids=["program", "other"]
)
def test_shifted_games_are_solved_as_the_plain_one_was(method: Any, kind: type) -> None:
    games = _WithoutMemory(solved(method=method))
    assert type(games._program) is kind
    assert games._program.tasks.names == ("1", "2")


@pytest.mark.parametrize("learner", [Learner.BLIND, Learner.MEMORYLESS])
@pytest.mark.parametrize("criterion", [Criterion.REGRET, Criterion.HITTING_TIME])
def test_shifted_games_are_of_the_same_learner_and_criterion(learner: Learner, criterion: Criterion) -> None:
    # The same method: where several distributions are least favourable, others may find another.
    solution = solved(learner=learner, criterion=criterion, episodes=3, method="program")
    found = _WithoutMemory(solution).solve(np.zeros(2))
    assert found.lower == pytest.approx(solution.value.lower, rel=1e-8)
    np.testing.assert_allclose(found.prior, solution.least_favourable, atol=1e-4)
    raised = _WithoutMemory(solution).solve(np.array([0.125, 0.125]))
    assert raised.upper == pytest.approx(solution.value.upper + 0.125, rel=1e-8)


@pytest.mark.parametrize("missing", ["marked", "required"])
def test_games_of_other_kinds_are_refused(missing: str) -> None:
    honest = solved()
    proof = dataclasses.replace(honest.proof, required=None)
    if missing == "marked":
        proof = PolicyProof(policy=proof.policy, weights=proof.weights)
    solution: Any = SimpleNamespace(proof=proof, learner=Learner.BLIND, tasks=honest.tasks)
    with pytest.raises(UnsupportedError) as caught:
        LeastFavourable(solution)
    assert str(caught.value) == (
        "Masses are bounded for 0-1 tasks counted in episodes, not for this game of the blind learner; use "
        "goals and the criterion regret."
    )
