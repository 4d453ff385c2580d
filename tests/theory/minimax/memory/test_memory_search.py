"""The search for a saddle point on finite games, whose value is known exactly, in milliseconds.

Written for mutation testing (`docs/explanation/mutation.md`). A learner here is a row of losses; the oracle
looks through all rows.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from memory_instances import slippery_ring

from metaregret.tabular.backup.rational import from_flint, to_flint
from metaregret.tabular.bounds import Status
from metaregret.tabular.errors import ConvergenceError, InvalidArgumentError, SolverError, UnsupportedError
from metaregret.tabular.hyperstate import DeterministicLearner
from metaregret.theory.adversaries import Adversary
from metaregret.theory.minimax.exact import solve_game
from metaregret.theory.minimax.memory import (
    KullbackLeiblerBall,
    MemoryGame,
    Simplex,
    TotalVariationBall,
    solve_memory,
)
from metaregret.theory.minimax.memory.game import Column
from metaregret.theory.minimax.memory.master import MatrixGame
from metaregret.theory.minimax.memory.solve import Search, decompose
from metaregret.theory.minimax.solution import Criterion, Learner
from metaregret.theory.tasks import Detection, GoalTasks


def learner(number: int, rows: int = 1) -> DeterministicLearner:
    """A table of `rows` hyperstates, 36 bytes each; the choice tells learners apart."""
    state, words = np.zeros(rows, dtype=np.int64), np.zeros((rows, 1), dtype=np.uint64)
    return DeterministicLearner(*[state.astype(np.int32)] * 3, words, state + number, np.ones(rows))


@dataclass(eq=False)
class TableGame:
    """The learners are the rows of `losses`; bounds are claimed up to an allowance, and off by `error`."""

    losses: np.ndarray
    allowance: float = 0.0
    error: float = 0.0
    asked: list[np.ndarray] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(map(str, range(self.losses.shape[1])))

    def respond(self, prior: np.ndarray) -> Column:
        self.asked.append(prior)
        worth = self.losses @ prior
        best = int(worth.argmin())
        return Column(
            prior, self.losses[best], float(worth[best]) - self.allowance + self.error, learner(best)
        )


class WatchedMaster(MatrixGame):
    """Keeps what every call of `solve` returned."""

    log: list[tuple[np.ndarray, bool]]

    def solve(self) -> tuple[np.ndarray, np.ndarray]:
        found = super().solve()
        self.log.append((found[0], self.settled))
        return found


@pytest.fixture
def masters(monkeypatch: pytest.MonkeyPatch) -> list[tuple[np.ndarray, bool]]:
    """What the master problem proposed after each round, and whether it was settled."""
    monkeypatch.setattr(WatchedMaster, "log", [], raising=False)
    monkeypatch.setattr("metaregret.theory.minimax.memory.solve.MatrixGame", WatchedMaster)
    return WatchedMaster.log


def random_game(seed: int, allowance: float = 1e-12) -> TableGame:
    """Small integers with ties; the last task is a twin of the first: optimal priors are not unique."""
    rng = np.random.default_rng(seed)
    losses = rng.integers(0, 5, size=(12, 4)).astype(float)
    return TableGame(np.column_stack([losses, losses[:, 0]]), allowance)


def exact_value(losses: np.ndarray) -> Fraction:
    return -from_flint(np.array([solve_game(-to_flint(losses.astype(int).astype(object)).T).value]))[0]


UNIFORM = np.full(5, 0.2)
TILTED = np.array([0.4, 0.2, 0.2, 0.1, 0.1])
SETS: list[Adversary] = [Simplex(), TotalVariationBall(TILTED, 0.3), KullbackLeiblerBall(TILTED, 0.2)]


@pytest.mark.parametrize("seed", range(12))
def test_both_bounds_hold_and_are_those_of_the_returned_strategies(seed: int) -> None:
    game, search, calls = random_game(seed), Search(), list[tuple[float, float]]()
    decompose(game, Simplex(), UNIFORM, search, 1e-9, 100, lambda low, high: calls.append((low, high)))
    value = exact_value(game.losses)
    assert Fraction(search.lower) <= value <= Fraction(search.upper)
    assert search.relative_gap <= 1e-9
    assert search.lower == (game.losses @ search.prior).min() - 1e-12
    mixed = search.weights @ np.array(search.losses[: len(search.weights)])
    assert search.upper == mixed.max() + 1e-12
    assert search.history == calls
    assert calls[-1] == (search.lower, search.upper)
    assert all(low <= high for low, high in calls)
    assert len(game.asked) == len(calls) == len(search.losses)
    for index, (prior, loss) in enumerate(zip(search.priors, search.losses, strict=True)):
        assert prior is game.asked[index]
        np.testing.assert_array_equal(game.losses[search.learners[index].choice[0]], loss)


@pytest.mark.parametrize("adversary", SETS, ids=lambda adversary: type(adversary).__name__)
def test_the_oracle_is_asked_half_way_after_an_improvement(
    adversary: Adversary, masters: list[tuple[np.ndarray, bool]]
) -> None:
    """In-out separation: between the best prior and the master's, or at the master's own, and ties stay."""
    ties = exact = 0
    for seed in range(12):
        masters.clear()
        game = random_game(seed)
        first = adversary.start(5)
        decompose(game, adversary, first, Search(), 1e-6, 200)
        assert game.asked[0] is first
        lower, best, improved = -np.inf, first, True
        for query, (proposal, _) in zip(game.asked, [(first, True), *masters], strict=False):
            expected = adversary.inside(0.5 * (best + proposal)) if improved else proposal
            np.testing.assert_array_equal(query, expected)
            found = (game.losses @ query).min() - game.allowance
            ties, exact = ties + (found == lower), exact + (not improved)
            improved = found > lower
            if improved:
                lower, best = found, query
    assert exact > 0
    assert ties > 0 or not isinstance(adversary, Simplex)


@pytest.mark.parametrize("adversary", SETS[:2], ids=lambda adversary: type(adversary).__name__)
def test_a_search_that_rounding_stops_says_so(
    adversary: Adversary, masters: list[tuple[np.ndarray, bool]]
) -> None:
    """It ends when a settled master's own prior brings a learner that was known, and no better bound."""
    for seed in range(8):
        masters.clear()
        game, search = random_game(seed, allowance=1e-3), Search()
        with pytest.raises(ConvergenceError) as caught:
            decompose(game, adversary, adversary.start(5), search, 1e-9, 5000)
        lower, upper = search.lower, search.upper
        assert (caught.value.lower, caught.value.upper) == (lower, upper) == search.history[-1]
        assert str(caught.value) == (
            f"The bracket [{lower!r}, {upper!r}] cannot be narrowed to tolerance=1e-09: rounding may account "
            "for 2.0e-03 of its width; raise the tolerance."
        )
        history, ended = [-np.inf, *[low for low, _ in search.history]], list[bool]()
        for index, loss in enumerate(search.losses):
            own = index > 0 and not history[index] > history[index - 1]
            better = history[index + 1] > history[index]
            known = any(np.array_equal(loss, other) for other in search.losses[:index])
            ended.append(bool(own and masters[index - 1][1] and not better and known))
        assert ended == [False] * (len(ended) - 1) + [True]


def test_the_limit_on_rounds_is_an_error_with_the_best_bounds() -> None:
    game, search = random_game(3), Search()
    with pytest.raises(ConvergenceError) as caught:
        decompose(game, Simplex(), UNIFORM, search, 1e-9, 2)
    assert (caught.value.lower, caught.value.upper) == (search.lower, search.upper) == search.history[1]
    assert len(search.history) == 2
    assert str(caught.value) == (
        f"After max_rounds=2 rounds the bracket is [{search.lower!r}, {search.upper!r}], relative gap "
        f"{search.relative_gap:.1e} > tolerance=1e-09; raise max_rounds or the tolerance."
    )


def test_a_bracket_as_wide_as_the_tolerance_is_narrow_enough() -> None:
    """Matching pennies at its solution: the first bracket is [1, 2], of relative width one."""
    game, search = TableGame(np.array([[0.0, 2.0], [2.0, 0.0]])), Search()
    decompose(game, Simplex(), np.full(2, 0.5), search, 1.0, 5)
    assert search.history == [(1.0, 2.0)]
    assert search.relative_gap == 1.0


def test_bounds_that_contradict_each_other_are_an_error() -> None:
    """An oracle that claims more than there is, by more than its allowance; equal bounds are fine."""
    losses = np.array([[1.0, 1.0], [2.0, 0.0]])
    search = Search()
    decompose(TableGame(losses), Simplex(), np.array([1.0, 0.0]), search, 1e-9, 5)
    assert search.history == [(1.0, 1.0)]
    game = TableGame(losses, allowance=2.0**-40, error=2.0**-38)
    with pytest.raises(SolverError) as caught:
        decompose(game, Simplex(), np.array([1.0, 0.0]), Search(), 1e-9, 5)
    assert str(caught.value) == (
        f"The bounds {1 + 3 * 2.0**-40!r} and {1 + 2.0**-40!r} contradict each other; report this instance."
    )


@pytest.mark.parametrize(("lower", "upper", "gap"), [(0.25, 0.5, 0.25), (4.0, 6.0, 0.5), (-4.0, -2.0, 0.5)])
def test_gaps_are_relative_above_one(lower: float, upper: float, gap: float) -> None:
    assert Search(lower=lower, upper=upper).relative_gap == gap


def test_learners_are_kept_while_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for exactly three tables of 36 bytes: the third fits, the fourth does not."""
    assert learner(0).nbytes == 36
    monkeypatch.setattr("metaregret.theory.minimax.memory.solve.LEARNER_BYTES", 108)
    search = Search()
    for number, rows in enumerate([1, 1, 1, 1]):
        search.enter(Column(UNIFORM, UNIFORM * number, 0.0, learner(number, rows)))
    assert sorted(search.learners) == [0, 1, 2]
    assert len(search.losses) == len(search.priors) == 4
    search = Search()
    for number, rows in enumerate([2, 2, 1]):
        search.enter(Column(UNIFORM, UNIFORM * number, 0.0, learner(number, rows)))
    assert sorted(search.learners) == [0, 2]


def test_a_learner_that_was_not_kept_is_found_again_by_the_same_question() -> None:
    game, search = TableGame(np.array([[0.0, 2.0], [2.0, 0.0]])), Search()
    prior = np.array([0.75, 0.25])
    search.priors, search.losses = [prior], [game.losses[0]]
    assert search.learner(game, 0).choice[0] == 0
    assert game.asked[0] is prior
    search.learners[0] = learner(7)
    assert search.learner(game, 0).choice[0] == 7
    search.learners, search.losses = {}, [game.losses[1]]
    message = r"^The learner of round 0 could not be found again; report this instance\.$"
    with pytest.raises(SolverError, match=message):
        search.learner(game, 0)


# ---------------------------------------------------------------- what a solution says about itself

SMALL = GoalTasks.reachable(slippery_ring(), Detection.VISIT)


def test_a_solution_says_how_it_was_found() -> None:
    begun = time.perf_counter()
    found = solve_memory(SMALL, 3, criterion=Criterion.HITTING_TIME)
    assert 0.0 < found.seconds < time.perf_counter() - begun
    assert found.method == "decomposition: Bayes-adaptive value iteration and a matrix game over learners"
    assert (found.learner, found.criterion, found.episodes) == (Learner.MEMORY, Criterion.HITTING_TIME, 3)
    assert found.exploration is None
    assert found.status is Status.CERTIFIED
    assert found.tasks == SMALL.names
    assert found.value.lower_from == (
        "exact Bayes-adaptive value iteration at the least-favourable distribution"
    )
    assert found.value.upper_from == "losses of the returned mixture of deterministic learners"
    game, mixture, history = found.proof.game, found.proof.mixture, found.proof.history
    assert isinstance(found.proof.adversary, Simplex)
    assert found.proof.interrupted is False
    assert isinstance(history, tuple)
    assert history[-1] == (found.value.lower, found.value.upper)
    assert found.size == {
        "hyperstates": game.graph.size.hyperstates,
        "edges": game.graph.size.edges,
        "task sets": game.graph.size.sets,
        "rounds": len(history),
        "learners": len(mixture.learners),
    }
    assert mixture.weights.min() > 0
    assert mixture.losses.shape == (len(mixture.learners), 4) == (len(mixture.weights), 4)
    assert 1 < len(mixture.learners) < len(history)
    np.testing.assert_array_equal(mixture.task_class, game.task_class)
    np.testing.assert_array_equal(found.per_task, mixture.weights @ mixture.losses)
    assert found.value.lower == game.respond(found.least_favourable).lower
    assert found.value.upper == found.per_task.max() + game.allowance


def test_an_exact_solution_says_how_it_was_found() -> None:
    begun = time.perf_counter()
    rough, found = solve_memory(SMALL, 2), solve_memory(SMALL, 2, exact=True)
    assert 0.0 < found.seconds < time.perf_counter() - begun
    how = "exact Bayes-adaptive value iteration and an exact mixture of learners"
    assert found.value.lower_from == found.value.upper_from == how
    assert found.status is Status.EXACT
    assert rough.proof.exact is None
    details, mixture = found.proof, found.proof.mixture
    for given, exact in (
        (found.least_favourable.array, details.exact.prior),
        (mixture.weights, details.exact.weights),
        (mixture.losses, details.exact.losses),
    ):
        assert given.dtype == np.float64
        np.testing.assert_array_equal(given, np.array(exact, dtype=float))
    np.testing.assert_array_equal(mixture.task_class, details.game.task_class)
    np.testing.assert_array_equal(found.per_task, mixture.weights @ mixture.losses)
    assert len(mixture.learners) == len(mixture.weights)
    assert details.exact.rounds >= 1
    assert (found.method, found.episodes, found.tasks) == (rough.method, 2, rough.tasks)


def test_seconds_are_those_of_the_whole_solution(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that ticks when it is read: begun at 5, solved at 6, proved at 7."""
    ticks = itertools.count(5)
    clock = SimpleNamespace(perf_counter=lambda: next(ticks))
    for module in ("memory.solve", "solution"):
        monkeypatch.setattr(f"metaregret.theory.minimax.{module}.time", clock)
    assert solve_memory(SMALL, 2, exact=True).seconds == 2


def test_a_restricted_adversary_is_the_one_that_was_given() -> None:
    ball = TotalVariationBall(np.array([0.7, 0.1, 0.1, 0.1]), 0.1)
    found = solve_memory(SMALL, 2, adversary=ball)
    assert found.proof.adversary is ball
    assert found.value.upper < solve_memory(SMALL, 2).value.lower
    assert ball.excess(found.least_favourable) <= 1e-12


def test_an_interrupt_ends_the_search_with_a_bracket_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first round there is something to return, in floating point; before it nothing."""

    def stop(lower: float, upper: float) -> None:
        raise KeyboardInterrupt

    found = solve_memory(SMALL, 3, exact=True, progress=stop)
    assert found.proof.interrupted is True
    assert found.status is Status.BRACKETED
    assert found.value.exact is None
    assert found.proof.exact is None
    assert len(found.proof.history) == 1

    def interrupted(game: MemoryGame, prior: np.ndarray) -> Column:
        raise KeyboardInterrupt

    monkeypatch.setattr(MemoryGame, "respond", interrupted)
    with pytest.raises(KeyboardInterrupt):
        solve_memory(SMALL, 3)


def test_refusals_of_the_search_in_full() -> None:
    with pytest.raises(InvalidArgumentError, match=r"^Expected a tolerance .*, but got tolerance=0\.0;"):
        solve_memory(SMALL, 1, tolerance=0.0)
    message = "^Exact bounds are implemented for the unrestricted adversary only: "
    with pytest.raises(UnsupportedError, match=message):
        solve_memory(SMALL, 1, adversary=TotalVariationBall(np.full(4, 0.25), 0.1), exact=True)
