"""T18 attacked from outside: own random processes, every learner listed, no code shared with the theorem.

A deterministic learner is a map from what it has seen to an action. Before the first success all that it has
seen is its path; after it the task is known. So the returns of all learners, one number per goal, follow by a
recursion over paths. Blind and memoryless learners come from the same list for a single episode.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from random import Random

import flint
import numpy as np
import pytest
import scipy.optimize as so

from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.minimax.memory import solve_memory
from metaregret.theory.minimax.solution import Learner
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.tasks import Detection, GoalTasks

ROUNDING = 1e-8
"""Of a linear program over at most a few thousand numbers between 0 and 4."""
MOST_LEARNERS = 4000

Vector = tuple[flint.fmpq, ...]
"""Millions of them are added up: flint's rationals are many times as fast as those of Python."""
Rows = tuple[tuple[tuple[Fraction, ...], ...], ...]


@dataclass(frozen=True)
class Game:
    """Rows of transition probabilities by state and action, all starting in state 0."""

    rows: Rows
    steps: int
    episodes: int
    visit: bool

    @property
    def goals(self) -> list[int]:
        """States that can be found; on the way, the start is found before anything is done."""
        return [s for s in range(1 if self.visit else 0, len(self.rows)) if best(self, s) > 0]

    def process(self) -> ControlledMarkovProcess:
        """The same for the library."""
        moves = [
            (s, a, t, p)
            for s, row in enumerate(self.rows)
            for a, ps in enumerate(row)
            for t, p in enumerate(ps)
            if p
        ]
        return ControlledMarkovProcess.from_transitions(
            moves, states=len(self.rows), actions=len(self.rows[0]), initial=0, horizon=self.steps
        )


@cache
def best(game: Game, goal: int, state: int = 0, step: int = 0) -> Fraction:
    """The best probability of finding a goal in one episode."""
    if step == game.steps or (game.visit and step > 0 and state == goal):
        return Fraction(int(state == goal))
    options = (
        sum((p * best(game, goal, s, step + 1) for s, p in enumerate(row)), Fraction(0))
        for row in game.rows[state]
    )
    return max(options)


@cache
def returns(game: Game, episode: int, state: int, step: int, last: int) -> frozenset[Vector]:
    """Expected successes from here on of all learners, by goal, if that goal has not been found yet.

    The goal that is found in `episode` pays 1 now and its best value in each episode that is left,
    whatever the learner would have done otherwise.
    """
    if step == game.steps:
        after = {(flint.fmpq(0),) * len(game.rows)}
        if episode < last:
            after = set(returns(game, episode + 1, 0, 0, last))
        return frozenset(_found(game, vector, state, episode, last) for vector in after)
    vectors: set[Vector] = set()
    for row in game.rows[state]:
        reached = [(s, rational(p)) for s, p in enumerate(row) if p]
        for parts in itertools.product(*(returns(game, episode, s, step + 1, last) for s, _ in reached)):
            weighted = [[p * x for x in part] for (_, p), part in zip(reached, parts, strict=True)]
            vectors.add(tuple(sum(column, flint.fmpq(0)) for column in zip(*weighted, strict=True)))
            if len(vectors) > MOST_LEARNERS:
                raise OverflowError
    if game.visit and step > 0:
        vectors = {_found(game, vector, state, episode, last) for vector in vectors}
    return frozenset(vectors)


def rational(value: Fraction) -> flint.fmpq:
    return flint.fmpq(value.numerator, value.denominator)


def table(vectors: Iterable[Vector], goals: list[int]) -> np.ndarray:
    """Returns of every learner by goal, shape (learners, goals)."""
    return np.array([[int(vector[g].p) / int(vector[g].q) for g in goals] for vector in sorted(vectors)])


def _found(game: Game, vector: Vector, goal: int, episode: int, last: int) -> Vector:
    paid = 1 + (last - episode) * rational(best(game, goal))
    return tuple(paid if s == goal else x for s, x in enumerate(vector))


def games() -> Iterator[Game]:
    """Random games of two or three states; those with too many learners to list are left out."""
    dice = Random(18)
    while True:
        size = dice.choice((2, 2, 3))
        weights = dice.choice(((0, 0, 1), (0, 1, 1, 2), (1, 2, 3)))
        rows = tuple(tuple(_row(dice, size, weights) for _ in range(2)) for _ in range(size))
        yield Game(rows, dice.choice((1, 1, 2)), dice.choice((1, 2, 3)), dice.random() < 0.5)


def _row(dice: Random, size: int, weights: tuple[int, ...]) -> tuple[Fraction, ...]:
    drawn = [dice.choice(weights) for _ in range(size)]
    drawn = drawn if sum(drawn) else [1, *drawn[1:]]
    return tuple(Fraction(w, sum(drawn)) for w in drawn)


def play(losses: np.ndarray) -> tuple[float, np.ndarray]:
    """Value and mixture of a matrix game, losses by learner and goal; both sides recomputed."""
    learners, goals = losses.shape
    found = so.linprog(
        [*np.zeros(learners), 1.0],
        A_ub=np.column_stack([losses.T, -np.ones(goals)]),
        b_ub=np.zeros(goals),
        A_eq=[[*np.ones(learners), 0.0]],
        b_eq=[1.0],
        bounds=[*[(0, 1)] * learners, (None, None)],
    )
    mixture = np.maximum(found.x[:-1], 0)
    mixture /= mixture.sum()
    prior = np.maximum(-found.ineqlin.marginals, 0)
    prior /= prior.sum()
    upper, lower = float((mixture @ losses).max()), float((losses @ prior).min())
    assert upper - lower < ROUNDING
    return upper, mixture


def regret(rho: np.ndarray, optimum: np.ndarray, episodes: int) -> np.ndarray:
    """Of stopping at the first success: episode by episode, as in T01."""
    return sum((1 - rho) ** i * (optimum - rho) for i in range(episodes))


def mixtures(count: int, dice: np.random.Generator) -> Iterator[np.ndarray]:
    """Corners, all mixtures in sixths of a few policies, and random ones."""
    yield from np.eye(count)
    if count <= 4:
        for parts in itertools.product(range(7), repeat=count):
            if sum(parts) == 6:
                yield np.array(parts) / 6
    yield from dice.dirichlet(np.ones(count), size=60)


@dataclass(frozen=True)
class Values:
    """The value of memory, the best and the blind-optimal memoryless learner, the value of blindness."""

    memory: float
    memoryless: float
    stopped: float
    blind: float


def solved(game: Game) -> Values:
    goals = game.goals
    optimum = np.array([float(best(game, g)) for g in goals])
    every = table(returns(game, 1, 0, 0, game.episodes), goals)
    once = table(returns(game, 1, 0, 0, 1), goals)
    memory, _ = play(game.episodes * optimum - every)
    blind, mixture = play(game.episodes * (optimum - once))
    tried = mixtures(len(once), np.random.default_rng(18))
    memoryless = min(float(regret(m @ once, optimum, game.episodes).max()) for m in tried)
    stopped = float(regret(mixture @ once, optimum, game.episodes).max())
    return Values(memory, memoryless, stopped, blind)


def listed(count: int) -> list[tuple[Game, Values]]:
    found: list[tuple[Game, Values]] = []
    for game in games():
        if len(found) == count:
            break
        if len(game.goals) >= 2:
            try:
                found.append((game, solved(game)))
            except OverflowError:
                continue
    return found


@pytest.fixture(scope="module")
def instances() -> list[tuple[Game, Values]]:
    return listed(60)


def test_the_classes_are_in_order(instances: list[tuple[Game, Values]]):
    for game, values in instances:
        assert values.memory <= min(values.memoryless, values.stopped) + ROUNDING, game
        assert values.stopped <= values.blind + ROUNDING, game


def test_the_order_is_strict_somewhere_so_that_the_test_can_fail(instances: list[tuple[Game, Values]]):
    assert sum(values.memory < values.memoryless - 1e-3 for _, values in instances) >= 5
    assert sum(values.stopped < values.blind - 1e-3 for _, values in instances) >= 5
    assert {game.visit for game, _ in instances} == {True, False}
    assert {game.episodes for game, _ in instances} == {1, 2, 3}


def test_the_library_agrees_with_the_list(instances: list[tuple[Game, Values]]):
    for game, values in instances[:25]:
        detect = Detection.VISIT if game.visit else Detection.END
        tasks = GoalTasks(game.process(), np.array(game.goals), detect)
        memory = solve_memory(tasks, game.episodes).value
        blind = solve_without_memory(tasks, learner=Learner.BLIND, episodes=game.episodes).value
        memoryless = solve_without_memory(tasks, episodes=game.episodes).value
        assert math.isclose(memory.midpoint, values.memory, abs_tol=1e-7), game
        assert math.isclose(blind.midpoint, values.blind, abs_tol=1e-7), game
        assert values.memory - 1e-7 <= memoryless.lower <= values.memoryless + 1e-9, game
