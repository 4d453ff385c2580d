r"""Infinitely many episodes with memory on random dynamics, exactly.

Goals are found at most once, so all that a learner takes from one episode into the next is the set ``B``
of goals still possible. Summed over all episodes that begin before the goal is found, the loss of task
``g`` is a total cost (a charge each episode), and for a fixed prior the best learner is the solution of a
stochastic shortest path problem over pairs (place in the episode, ``B``): costs are positive until ``B``
is empty, so a stationary deterministic learner is optimal and policy iteration finds it in finitely many
steps (Bertsekas and Tsitsiklis 1991). ``B`` only shrinks: the sets are solved from the smallest up, each
with one unknown, the loss at the beginning of an episode.

The loss of a learner over ``N`` episodes increases to this one, and so does the minimax value (on every
prior by monotone convergence of value iteration; then take the largest). Everything is rational: the prior's
lower bound by policy iteration, the mixture's upper bound by the learners' linear equations, no tolerance.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import flint
import numpy as np

from metaregret.tabular.backup.rational import from_flint, to_flint
from metaregret.tabular.bounds import Bracket, Status
from metaregret.tabular.choices import choice
from metaregret.tabular.errors import ConvergenceError, InstanceTooLargeError, UnsupportedError
from metaregret.tabular.rationals import nearest_float
from metaregret.theory.minimax.exact.double_oracle import Played, Strategy, double_oracle
from metaregret.theory.minimax.exact.successes import AchievableSuccess
from metaregret.theory.minimax.proof import Exact, Proof
from metaregret.theory.minimax.solution import Criterion, Learner, MinimaxSolution
from metaregret.theory.success import success_tasks
from metaregret.theory.tasks import Detection, GoalTasks

__all__ = ["UnendingGame", "solve_unending"]

MAX_WORK = 3_000_000
"""Largest number of sets times transitions of an episode times goals."""
MAX_SWEEPS = 1000
"""Steps of policy iteration for one set; there are rarely more than five."""

Losses = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class _Way:
    """What follows from a place: the losses still to come, and the chance that the episode changes
    nothing."""

    losses: Losses
    stay: Any


class UnendingGame:
    """Learners with memory over infinitely many episodes.

    Parameters
    ----------
    tasks : GoalTasks
        On an exact process with a finite horizon of ``T`` steps.
    criterion : Criterion
        Costs until the first success are counted in episodes, for goals noticed at the end only.

    Raises
    ------
    NotExactError
        If the process is known in floating point only.
    InstanceTooLargeError
        If there are too many sets of goals for rational arithmetic.
    UnreachableGoalError, UnsupportedError
    """

    def __init__(self, tasks: GoalTasks, criterion: Criterion | str = Criterion.REGRET) -> None:
        criterion = choice(Criterion, criterion, "criterion")
        process = tasks.process
        process.require_exact()
        self.steps = process.steps_for("Learners with memory")
        self.on_the_way = tasks.detect is Detection.VISIT
        if self.on_the_way and criterion is not Criterion.REGRET:
            raise UnsupportedError(
                "Steps until goals are noticed on the way, by learners with memory on random dynamics, are "
                "counted over finitely many episodes; give a number of episodes, or ask for regret."
            )
        count = len(tasks.goals)
        work = (1 << min(count, 60)) * self.steps * process.n_transitions * count
        if work > MAX_WORK:
            raise InstanceTooLargeError(
                f"Infinitely many episodes with memory on {process.name!r} need about {work:.1e} rational "
                f"operations, over the limit of {MAX_WORK:.0e}; name fewer goals, or give a number of "
                "episodes."
            )
        self.names, self.count = tasks.names, count
        optimum = to_flint(AchievableSuccess(success_tasks(tasks)).optimum()[0])
        self._charge = [flint.fmpq(1)] * count if criterion is Criterion.HITTING_TIME else list(optimum)
        self._credit = flint.fmpq(1) if criterion is Criterion.REGRET else flint.fmpq(0)
        place = {int(goal): position for position, goal in enumerate(tasks.goals)}
        goal_of = process.goal_of.tolist() if self.on_the_way else range(process.n_states)
        self._goal = [place.get(goal, -1) for goal in goal_of]
        chances = to_flint(process.exact_probabilities)
        self._rows = [
            [
                [
                    (int(process.successors[m]), chances[m])
                    for m in range(*process.offsets[c : c + 2].tolist())
                ]
                for c in process.choices(state)
            ]
            for state in range(process.n_states)
        ]
        assert process.exact_initial is not None
        self._initial = [
            (s, flint.fmpq(p.numerator, p.denominator)) for s, p in enumerate(process.exact_initial) if p
        ]

    def respond(self, prior: Sequence[Any]) -> list[Any]:
        """Return the losses of a learner that is optimal for `prior`, and best for uniform tasks among those.

        The tie-break makes it find every goal, of prior mass zero too.

        Parameters
        ----------
        prior : sequence of fmpq, length K
        """
        solved = _Response(self, prior)
        return [loss - self._credit for loss in solved.losses((1 << self.count) - 1)]


class _Response:
    """The best response to one prior, set by set."""

    def __init__(self, game: UnendingGame, prior: Sequence[Any]) -> None:
        self._game, self._prior = game, prior
        self._nothing: Losses = (flint.fmpq(0),) * game.count
        self._begin: dict[int, Losses] = {0: self._nothing}
        self._places: dict[int, list[list[_Way]]] = {}

    def losses(self, possible: int) -> Losses:
        """Return the losses from the beginning of an episode on."""
        if possible not in self._begin:
            self._solve(possible)
        return self._begin[possible]

    def _rank(self, losses: Losses) -> tuple[Any, Any]:
        expected = sum((p * loss for p, loss in zip(self._prior, losses, strict=True) if p), flint.fmpq(0))
        return expected, sum(losses, flint.fmpq(0))

    def _solve(self, possible: int) -> None:
        """Policy iteration on one unknown, from the learner that is likeliest to learn something."""
        current: Losses | None = None
        for _ in range(MAX_SWEEPS):
            places = self._sweep(possible, current)
            first = self._mixed([(p, self._arrive(0, s, possible, places)) for s, p in self._game._initial])
            left = 1 - first.stay
            following = tuple(
                (self._game._charge[g] + loss) / left if possible >> g & 1 else loss
                for g, loss in enumerate(first.losses)
            )
            if current is not None and self._rank(following) == self._rank(current):
                self._begin[possible], self._places[possible] = following, self._finished(places, following)
                return
            current = following
        raise ConvergenceError("Policy iteration did not end; report this instance.", lower=0.0, upper=np.inf)

    def _sweep(self, possible: int, current: Losses | None) -> list[list[_Way]]:
        """Plan one episode backwards; ``places[t][s]`` while `possible` is unchanged, t = 0..T-1."""
        game = self._game
        places: list[list[_Way]] = [[] for _ in range(game.steps)]
        for step in reversed(range(game.steps)):
            for rows in game._rows:
                ways = [
                    self._mixed([(p, self._arrive(step + 1, s, possible, places)) for s, p in row])
                    for row in rows
                ]
                places[step].append(min(ways, key=lambda way: self._order(way, current)))
        return places

    def _order(self, way: _Way, current: Losses | None) -> tuple[Any, ...]:
        if current is None:
            return (way.stay,)
        return self._rank(tuple(a + way.stay * x for a, x in zip(way.losses, current, strict=True)))

    def _arrive(self, step: int, state: int, possible: int, places: list[list[_Way]]) -> _Way:
        """What follows from being in `state` after `step` steps of an episode."""
        game, goal = self._game, self._game._goal[state]
        last = step == game.steps
        if goal >= 0 and possible >> goal & 1 and (game.on_the_way or last):
            rest = possible & ~(1 << goal)
            if last or not rest:
                return _Way(self.losses(rest), flint.fmpq(0))
            self.losses(rest)
            return self._places[rest][step][state]
        if last:
            return _Way(self._nothing, flint.fmpq(1))
        return places[step][state]

    def _mixed(self, ways: list[tuple[Any, _Way]]) -> _Way:
        if len(ways) == 1:
            return ways[0][1]
        losses = tuple(
            sum((p * way.losses[g] for p, way in ways), flint.fmpq(0)) for g in range(self._game.count)
        )
        return _Way(losses, sum((p * way.stay for p, way in ways), flint.fmpq(0)))

    def _finished(self, places: list[list[_Way]], begin: Losses) -> list[list[_Way]]:
        """Put the loss of starting over into every place, so that larger sets may pass on to it."""
        zero = flint.fmpq(0)
        return [
            [
                _Way(tuple(a + way.stay * x for a, x in zip(way.losses, begin, strict=True)), zero)
                for way in row
            ]
            for row in places
        ]


def solve_unending(tasks: GoalTasks, *, criterion: Criterion | str = Criterion.REGRET) -> MinimaxSolution:
    """Return the exact minimax value over learners with memory and infinitely many episodes.

    A double oracle in rational arithmetic: the matrix game over the learners found so far, and the exact best
    response to its prior, until the two values are one.

    Raises
    ------
    NotExactError, InstanceTooLargeError, UnsupportedError, UnreachableGoalError
        As `UnendingGame`.
    ConvergenceError
        As `double_oracle`.
    """
    begun = time.perf_counter()
    criterion = choice(Criterion, criterion, "criterion")
    game = UnendingGame(tasks, criterion)

    def respond(prior: np.ndarray) -> Strategy[None]:
        return Strategy(-np.array(game.respond(prior.tolist()), dtype=object), None)

    even = np.array([flint.fmpq(1, game.count)] * game.count, dtype=object)
    found = double_oracle([respond(even)], respond, sign=-1)
    return _solution(tasks, game, criterion, found, time.perf_counter() - begun)


def _solution(
    tasks: GoalTasks,
    game: UnendingGame,
    criterion: Criterion,
    found: Played[None],
    seconds: float,
) -> MinimaxSolution:
    (value,), prior = from_flint(np.array([-found.value])), from_flint(found.prior)
    weights = from_flint(np.array([weight for weight, _ in found.mixture]))
    table = from_flint(-np.stack([each.payoff for _, each in found.mixture]))
    return MinimaxSolution(
        value=Bracket.of(
            value, "policy iteration over sets of possible goals, and an exact mixture of learners"
        ),
        tasks=game.names,
        least_favourable=np.array(prior, dtype=float),
        per_task=np.array([nearest_float(loss) for loss in weights @ table]),
        exploration=None,
        family=tasks,
        learner=Learner.MEMORY,
        criterion=criterion,
        episodes=None,
        method="exact double oracle: policy iteration over sets of possible goals",
        status=Status.EXACT,
        seconds=seconds,
        size={"task sets": (1 << game.count) - 1, "rounds": found.rounds, "learners": len(weights)},
        proof=Proof(
            exact=Exact(
                lower=value,
                upper=value,
                prior=tuple(prior),
                weights=tuple(weights),
                per_task=weights @ table,
                losses=tuple(tuple(row) for row in table),
            )
        ),
    )
