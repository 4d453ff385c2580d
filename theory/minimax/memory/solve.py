"""The minimax learner with memory, by decomposition (THEORY, section 5).

Alternate between the exact Bayes-adaptive oracle (`MemoryGame.respond`) and the matrix game over the
learners found so far (`MatrixGame`). Every round gives both bounds: the oracle's value at a prior is a
lower bound on the minimax value, the worst loss of the re-evaluated mixture an upper one; both carry an
allowance for rounding. The priors are stabilised: the oracle is asked half-way between the best prior so
far and the master's (in-out separation, Ben-Ameur and Neto 2007), and at the master's own prior after a
round that did not improve the lower bound. The loop ends on the bracket only.
"""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from metaregret.tabular.bounds import Bracket, Status
from metaregret.tabular.errors import ContradictionError, ConvergenceError, SolverError, UnsupportedError
from metaregret.tabular.hyperstate.learner import DeterministicLearner
from metaregret.theory.adversaries import Adversary
from metaregret.theory.learners import Progress
from metaregret.theory.minimax.memory.exact import sharpen_memory
from metaregret.theory.minimax.memory.game import Column, MemoryGame, memory_game
from metaregret.theory.minimax.memory.horizon import enough_episodes, unending
from metaregret.theory.minimax.memory.master import MatrixGame
from metaregret.theory.minimax.memory.mixture import Mixture
from metaregret.theory.minimax.proof import Exact, MixtureProof
from metaregret.theory.minimax.solution import Learner, MinimaxSolution
from metaregret.theory.question import Method, Question
from metaregret.theory.tasks import GoalTasks, RewardTasks, TrajectoryTasks

__all__ = ["Game", "Search", "answer", "decompose", "refuse", "solve_memory"]

MAX_ROUNDS = 2000
LEARNER_BYTES = 2**28
"""Memory for learners found on the way: one that reaches millions of hyperstates takes 32 bytes for each."""

METHOD = "decomposition: Bayes-adaptive value iteration and a matrix game over learners"


class Game(Protocol):
    """What the decomposition needs of a zero-sum game: `MemoryGame` is one."""

    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def allowance(self) -> float: ...
    def respond(self, prior: np.ndarray) -> Column: ...


@dataclass(eq=False)
class Search:
    """Best bounds so far, and what proves them."""

    lower: float = -np.inf
    upper: float = np.inf
    prior: np.ndarray = field(default_factory=lambda: np.empty(0))
    weights: np.ndarray = field(default_factory=lambda: np.empty(0))
    priors: list[np.ndarray] = field(default_factory=list)
    losses: list[np.ndarray] = field(default_factory=list)
    learners: dict[int, DeterministicLearner] = field(default_factory=dict)
    history: list[tuple[float, float]] = field(default_factory=list)
    interrupted: bool = False

    def enter(self, column: Column) -> None:
        """Keep what a round found; of its learner only as long as all of them fit into `LEARNER_BYTES`."""
        held = sum(learner.nbytes for learner in self.learners.values())
        if held + column.learner.nbytes <= LEARNER_BYTES:
            self.learners[len(self.losses)] = column.learner
        self.priors.append(column.prior)
        self.losses.append(column.loss)

    def learner(self, game: Game, index: int) -> DeterministicLearner:
        """Return the learner of a round; one that was not kept is found again by the same oracle call.

        Raises
        ------
        SolverError
            If the oracle answers the same question differently.
        """
        if index in self.learners:
            return self.learners[index]
        column = game.respond(self.priors[index])
        if not np.array_equal(column.loss, self.losses[index]):
            raise SolverError(f"The learner of round {index} could not be found again; report this instance.")
        return column.learner

    @property
    def relative_gap(self) -> float:
        return (self.upper - self.lower) / max(1.0, abs(self.lower))


def solve_memory(
    tasks: GoalTasks | RewardTasks,
    episodes: int | None,
    *,
    progress: Progress | None = None,
    max_rounds: int = MAX_ROUNDS,
    **words: Any,
) -> MinimaxSolution:
    """Ask a `Question` of the learner with memory: see `metaregret.solve`."""
    return answer(
        Question(tasks, Learner.MEMORY, episodes=episodes, **words), progress, max_rounds=max_rounds
    )


def refuse(question: Question) -> None:
    """Raise `UnsupportedError` for what learners with memory cannot be asked."""
    if isinstance(question.tasks, TrajectoryTasks):
        raise UnsupportedError("Learners with memory are solved for goals and rewards; choose one of those.")
    if question.method is Method.PROGRAM:
        raise UnsupportedError(
            "Learners with memory are solved by decomposition; use method 'auto' or 'decomposition'."
        )
    if question.episodes is None and (question.restricted or not unending(question.tasks)):
        enough_episodes(question.tasks)


def answer(
    question: Question, progress: Progress | None = None, *, max_rounds: int = MAX_ROUNDS
) -> MinimaxSolution:
    """Return the minimax value over all learners with memory, and a learner that attains it.

    Infinitely many episodes are allowed where `enough_episodes` reduces them to finitely many (goals on
    deterministic dynamics), or `solve_unending` solves them exactly (few goals on random ones).

    Returns
    -------
    MinimaxSolution
        ``proof`` has the mixture of learners, the game and the history of the bracket. A keyboard
        interrupt after the first round ends the search and returns the best bracket so far, with status
        ``BRACKETED``.

    Raises
    ------
    ConvergenceError
        With the bounds, if `max_rounds` is reached or rounding hides any further progress.
    InstanceTooLargeError
        Before memory is spent, with the estimated size and what to reduce.
    """
    begun = time.perf_counter()
    tasks, episodes, allowed = question.tasks, question.episodes, question.adversary
    assert not isinstance(tasks, TrajectoryTasks)  # the question refuses them
    if episodes is None and not question.restricted and unending(tasks):
        from metaregret.theory.minimax.memory.unending import solve_unending

        assert isinstance(tasks, GoalTasks)
        return solve_unending(tasks, criterion=question.criterion)
    played = enough_episodes(tasks) if episodes is None else episodes
    game = memory_game(tasks, played, question.criterion, question.max_edges)
    first = allowed.start(len(game.names))
    search = Search()
    try:
        decompose(game, allowed, first, search, question.tolerance, max_rounds, progress, game.unit)
    except KeyboardInterrupt:
        if not np.isfinite(search.upper):
            raise
        search.interrupted = True
    except ConvergenceError:  # rational arithmetic needs only a start
        if not (question.exact and np.isfinite(search.upper)):
            raise
    solution = _solution(question, game, search, begun)
    return _sharpened(solution, begun) if question.exact and not search.interrupted else solution


def decompose(
    game: Game,
    adversary: Adversary,
    query: np.ndarray,
    search: Search,
    tolerance: float,
    max_rounds: int,
    progress: Progress | None = None,
    unit: float = 1.0,
) -> None:
    """Close the bracket in `search`, in place, beginning with the prior `query`; losses are of size `unit`.

    Raises
    ------
    ConvergenceError
        As `solve_memory`.
    SolverError
        If an upper bound is below a lower one: rounding beyond the game's allowance, or a wrong oracle.
    """
    tasks = len(game.names)
    master = MatrixGame(tasks, adversary, unit)
    exact_query = False
    for _ in range(max_rounds):
        column = game.respond(query)
        improved = column.lower > search.lower
        if improved:
            search.lower, search.prior = column.lower, query
        stuck = exact_query and master.settled and not improved and _known(column, search)
        search.enter(column)
        master.add(column.loss)
        proposal, weights = master.solve()
        upper = adversary.worst(weights @ master.losses) + game.allowance
        if upper < search.upper:
            search.upper, search.weights = upper, weights
        if search.upper < search.lower:
            raise ContradictionError(
                f"The bounds {search.lower!r} and {search.upper!r} contradict each other; "
                "report this instance."
            )
        search.history.append((search.lower, search.upper))
        if progress is not None:
            progress(search.lower, search.upper)
        if search.relative_gap <= tolerance:
            return
        if stuck:
            raise _no_progress(search, tolerance, game)
        exact_query = not improved
        query = proposal if exact_query else adversary.inside(0.5 * (search.prior + proposal))
    raise ConvergenceError(
        f"After max_rounds={max_rounds} rounds the bracket is [{search.lower!r}, {search.upper!r}], relative "
        f"gap {search.relative_gap:.1e} > tolerance={tolerance}; raise max_rounds or the tolerance.",
        lower=search.lower,
        upper=search.upper,
    )


def _known(column: Column, search: Search) -> bool:
    """Whether the learner's losses were found before: the master cannot change any more."""
    return any(np.array_equal(column.loss, loss) for loss in search.losses)


def _no_progress(search: Search, tolerance: float, game: Game) -> ConvergenceError:
    return ConvergenceError(
        f"The bracket [{search.lower!r}, {search.upper!r}] cannot be narrowed to tolerance={tolerance}: "
        f"rounding may account for {2 * game.allowance:.1e} of its width; raise the tolerance.",
        lower=search.lower,
        upper=search.upper,
    )


def _solution(question: Question, game: MemoryGame, search: Search, begun: float) -> MinimaxSolution:
    active = np.flatnonzero(search.weights > 0)
    losses = np.array([search.losses[index] for index in active])
    weights = search.weights[active]
    learners = tuple(search.learner(game, index) for index in active.tolist())
    bracket = Bracket(
        search.lower,
        search.upper,
        lower_from="exact Bayes-adaptive value iteration at the least-favourable distribution",
        upper_from="losses of the returned mixture of deterministic learners",
    )
    size = game.graph.size
    return MinimaxSolution.answering(
        question,
        begun,
        value=bracket,
        tasks=game.names,
        least_favourable=search.prior,
        per_task=weights @ losses,
        exploration=None,
        method=METHOD,
        size={
            "hyperstates": size.hyperstates,
            "edges": size.edges,
            "task sets": size.sets,
            "rounds": len(search.history),
            "learners": len(active),
        },
        proof=MixtureProof(
            mixture=Mixture(weights, learners, losses, game.task_class),
            history=tuple(search.history),
            game=game,
            adversary=question.adversary,
            interrupted=search.interrupted,
        ),
    )


def _sharpened(solution: MinimaxSolution, begun: float) -> MinimaxSolution:
    """Return the solution with its value, distribution and mixture replaced by proved rational ones."""
    proof = solution.mixture_proof
    proved = sharpen_memory(proof.game, solution.least_favourable.array, proof.mixture.learners)
    weights, losses = np.array(proved.weights, dtype=float), np.array(proved.losses, dtype=float)
    per_task = np.array(proved.weights) @ np.array(proved.losses)
    bracket = Bracket.of(
        proved.value, "exact Bayes-adaptive value iteration and an exact mixture of learners"
    )
    exact = Exact(
        lower=proved.value,
        upper=proved.value,
        prior=proved.prior,
        weights=proved.weights,
        per_task=per_task,
        losses=proved.losses,
        rounds=proved.rounds,
    )
    mixture = Mixture(weights, proved.learners, losses, proof.game.task_class)
    return dataclasses.replace(
        solution,
        value=bracket,
        least_favourable=np.array(proved.prior, dtype=float),
        per_task=per_task.astype(float),
        status=Status.EXACT,
        seconds=time.perf_counter() - begun,
        proof=dataclasses.replace(proof, mixture=mixture, exact=exact),
    )
