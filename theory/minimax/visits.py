r"""A bracket for goals noticed on the way, where what an episode has visited is too much to remember.

Let ``x_g`` be the chance that an episode visits ``g``, and ``v_g`` its largest value, found with ``g`` alone
made absorbing.

* *Below.* Pay ``w_g`` for every visit to ``g`` that is new to an agent which remembers only visits near by
  (`metaregret.tabular.augment.remember_recent`). First visits are new whatever is forgotten, so that no
  policy has ``sum_g w_g x_g`` above the most that can be earned: one backward induction over states and
  memories, of which there are few.
* *Above.* Mixtures of policies, each with its chances of visits evaluated. They are what is earned most for
  the prior of the game of the policies so far: where an episode is a path, by a beam search that counts first
  visits and takes what is left from the backward induction (an orienteering problem); else the Markov policy
  that plays the plan as well as it can without memory, improved step by step. The chances of visits are
  linear in the decisions of one step, all others given, so that each such improvement is exact.

The best ``w`` come first from the game in which only staying is remembered, which is cheap; on grids they are
nearly optimal.

Sources: Dantzig & Wolfe, *Decomposition principle for linear programs* (1960); what is forgotten: Baldacci,
Mingozzi & Roberti, *New route relaxation and pricing strategies for the vehicle routing problem* (2011).
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from threadpoolctl import threadpool_limits

from metaregret.tabular.augment import goal_places, remember_recent
from metaregret.tabular.bounds import Bracket, relative_error, underflow_allowance
from metaregret.tabular.engine.visit_kernels import (
    LANES,
    first_visits,
    improve,
    longest_path,
    play,
    reached,
    visit_values,
)
from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.goals import TerminalValues
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.learners import Progress
from metaregret.theory.minimax.central import central_point
from metaregret.theory.minimax.flow_program import SaddlePoint, lower_bound
from metaregret.theory.minimax.proof import Proof
from metaregret.theory.minimax.solution import MinimaxSolution
from metaregret.theory.question import Question
from metaregret.theory.regret import BracketedLoss, bracketed_loss
from metaregret.theory.success import check_reachable
from metaregret.theory.tasks import GoalTasks

__all__ = ["Visits", "applies", "bracket"]

ROUNDS = (10, 40)
"""Rounds of each game."""
ENOUGH = 2e-4
"""Relative gap at which a game ends."""
ASKED = 64
"""Priors asked in a round, at most."""
KEPT = 1.7
"""Policies kept for each goal."""
ROUGH, ROUGHEST = 0.1, 0.01
"""Accuracy of the master in units of the relative gap, and its largest relative one."""
MEMORIES = (2, 3, 4, 6, 8)
"""Lengths of the walks whose visits are remembered, of which the longest that fits is taken."""
MOST_VALUES = 2**19
"""Steps times states with memory in a plan, at most."""
WORK = 1e10
"""Nanoseconds for policies of the second game, about."""
SWEEPS = 1
"""Improvements of a Markov policy, from the last step to the first."""
BEAM = 30
"""Partial paths kept at every step."""
COVERED = 0.25
"""Share of ``v`` with which the second game begins for each goal."""
NEAR = 0.02
"""Smallest disturbance of a prior; the largest is one."""
NEGLIGIBLE = 1e-9
UNLIKELY = 1e-4
"""States reached at a step with no more than this part of the smallest ``v`` are left out of chances of
visits."""
LARGEST = 2**28
"""Largest number of steps times states times goals."""


def applies(question: Question) -> bool:
    """Whether the question has a bracket of this kind, of a size that fits."""
    tasks = question.tasks
    if not isinstance(tasks, GoalTasks) or not isinstance(tasks.process.horizon, FiniteHorizon):
        return False
    whole = question.exact or question.restricted or question.in_steps
    size = (tasks.process.horizon.steps + 1) * tasks.process.n_states * len(tasks.goals)
    return question.on_the_way and not whole and size <= LARGEST


class Visits:
    """Visits of goals by policies of one process at a finite horizon.

    Attributes
    ----------
    optimum : TerminalValues
        ``v_g``, with certified bounds.
    """

    def __init__(self, tasks: GoalTasks) -> None:
        process = self.process = tasks.process
        assert isinstance(process.horizon, FiniteHorizon)
        self.tasks, self.steps, self.count = tasks, process.horizon.steps, len(tasks.goals)
        self.places = goal_places(process, tasks.goals)
        self.arrays = _arrays(process)
        rounded = (self.steps + 1) * (process.n_states + 6) + self.count
        self._error, self._tiny = relative_error(rounded), underflow_allowance(rounded)
        self.is_path = process.is_deterministic and np.count_nonzero(process.initial) == 1
        self.first = _first_steps(process, self.steps)
        found = self._best_chances()
        self.optimum = TerminalValues(found, self.surely(found), self.at_most(found), None, None)
        self.negligible = UNLIKELY * float(found.min())

    def surely(self, found: np.ndarray) -> np.ndarray:
        """Lower bounds on computed chances."""
        return np.minimum(np.maximum(found * (1 - self._error) - self._tiny, 0.0), 1.0)

    def at_most(self, found: np.ndarray) -> np.ndarray:
        """Upper bounds on computed sums of non-negative numbers."""
        return np.asarray(found * (1 + self._error) + self._tiny)

    def _best_chances(self) -> np.ndarray:
        """Largest chance of visiting each goal, shape (K,)."""
        process, marked = self.process, np.flatnonzero(self.places >= 0)
        values = np.zeros((process.n_states, self.count))
        values[marked, self.places[marked]] = 1.0
        for _ in range(self.steps):
            values = np.maximum.reduceat(process.matrix @ values, process.choice_offsets[:-1], axis=0)
            values[marked, self.places[marked]] = 1.0
        return np.asarray(process.initial @ values)

    def far(self) -> np.ndarray:
        """Return weights of all goals that cannot be met in fewer than so many steps, shape (n, K)."""
        first = np.full(self.count + 1, self.steps)  # the last one for states that are no goals
        np.minimum.at(first, self.places, self.first)
        return (first[:-1] >= np.unique(first[:-1])[:, None]) * 1.0

    def evaluate(self, policy: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return lower bounds on the chances that a deterministic Markov policy, shape (T, S) with ranks of
        choices, visits each goal, shape (K,); and the tables of `first_visits`."""
        rows, count = reached(*self.arrays, self.process.initial, policy, self.negligible)
        unseen = np.empty((count, self.count))
        found = first_visits(*self.arrays, self.process.initial, policy, self.places, rows, unseen)
        return self.surely(found), rows, unseen

    def improved(self, policy: np.ndarray, weights: np.ndarray, sweeps: int) -> np.ndarray:
        """Return lower bounds on the chances of visits, shape (K,), of a policy after improvements of all its
        steps in turn; `policy` is changed."""
        found, rows, unseen = self.evaluate(policy)
        for _ in range(sweeps):
            improve(*self.arrays, policy, self.places, rows, unseen, weights, self.first)
            found, rows, unseen = self.evaluate(policy)
        return found


def _first_steps(process: ControlledMarkovProcess, steps: int) -> np.ndarray:
    """When each state can be met first; later than the last step where it cannot."""
    first = np.full(process.n_states, steps + 1)
    states, leaving = process.initial > 0, np.repeat(process.choice_state, np.diff(process.offsets))
    for step in range(steps + 1):
        first[states] = np.minimum(first[states], step)
        states[process.successors[states[leaving]]] = True
    return first


def _arrays(process: ControlledMarkovProcess) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    successors = process.successors.astype(np.int32)
    return process.choice_offsets, process.offsets, successors, process.probabilities


class Relaxation:
    """Plans for visits that are new as far as is remembered, see `remember_recent`.

    Raises
    ------
    InstanceTooLargeError
        If that takes more than `MOST_VALUES`.
    """

    def __init__(self, visits: Visits, round_trip: int) -> None:
        self._visits = visits
        process = visits.process
        most = max(2 * process.n_states, MOST_VALUES // (visits.steps + 1))
        augmented, self._new = remember_recent(process, visits.tasks.goals, round_trip, max_states=most)
        self._arrays, self._initial = _arrays(augmented.process), augmented.process.initial
        self._base, self._goals = augmented.base_state, visits.places[augmented.base_state]
        self._first = np.full(process.n_states, -1)
        states, first = np.unique(self._base, return_index=True)
        self._never, self._first[states] = self._first.copy(), first
        self._values = np.empty((visits.steps + 1, len(self._base), LANES))
        self._marks = np.random.default_rng(0).integers(2**63, size=visits.count).astype(np.uint64)
        self.work = float(len(self._arrays[2]) * visits.steps)
        if not visits.is_path:
            dense = process.n_states * visits.count * process.n_transitions / process.n_choices
            self.work += 2 * self.work + SWEEPS * visits.steps * dense / 3  # followed, and improved

    def plan(self, weights: np.ndarray) -> Iterator[tuple[float, int, np.ndarray]]:
        """For rows of weights, shape (n, K), yield an upper bound on the weight that policies visit, a lane
        of the table of values, and what each state pays, shape (S', LANES)."""
        for begin in range(0, len(weights), LANES):
            some = np.zeros((LANES, weights.shape[1] + 1))
            part = weights[begin : begin + LANES]
            some[: len(part), :-1] = part
            paid = np.ascontiguousarray(some[:, self._new].T)  # the last column, of zeros, is number -1
            visit_values(*self._arrays, paid, self._values)
            bounds = self._visits.at_most(self._initial @ self._values[0])
            for lane in range(len(part)):
                yield float(bounds[lane]), lane, paid

    def earned(self, lane: int, follow: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return what the plan earns of each goal, shape (K,), and a Markov policy that is much like it."""
        return play(
            *self._arrays,
            self._initial,
            self._values,
            lane,
            self._new,
            self._base,
            self._first if follow else self._never,
            self._visits.count,
            self._visits.negligible,
        )

    def visited(self, lane: int, paid: np.ndarray, weights: np.ndarray, sweeps: int) -> np.ndarray:
        """Return lower bounds on the chances of visits, shape (K,), of a policy good for the weights."""
        if not self._visits.is_path:
            return self._visits.improved(self.earned(lane, True)[1], weights, sweeps)
        start = int(np.flatnonzero(self._initial)[0])
        choices, _, successors, _ = self._arrays
        path = longest_path(
            choices, successors, start, self._values, lane, paid, self._goals, weights, self._marks, BEAM
        )
        return path * 1.0


class _Game:
    """A game of policies against goals, with the best bounds so far; payoffs are in units of ``v``, so that
    its value is ``1 / (1 + Reg)``.

    Attributes
    ----------
    prior : ndarray, shape (K,)
        The best one known.
    weights, least : ndarray, shape (K,), and float
        Its weights, the largest 1, and the most of them that policies visit.
    payoff : ndarray, shape (K, n)
    success : ndarray, shape (K,)
        What the best mixture visits.
    """

    def __init__(self, visits: Visits) -> None:
        self.visits, self._random = visits, np.random.default_rng(0)
        count = visits.count
        self.prior = np.full(count, 1.0 / count)
        self.least, self.weights, self._scale = np.inf, np.zeros(count), 1.0
        self.restart()

    def restart(self) -> None:
        """Forget all policies."""
        count = self.visits.count
        self.payoff, self.success, self.mixed = np.empty((count, 0)), np.zeros(count), 0
        self._level, self._anchor, self._point = 0.0, self.prior, self.prior

    @property
    def gap(self) -> float:
        """Relative distance of the bounds on the value."""
        return 1.0 if self._level <= 0.0 else max(0.0, self.least * self._scale / self._level - 1.0)

    def ask(self, plans: Relaxation, priors: np.ndarray, sweeps: int | None) -> None:
        """Add policies that are good for rows of priors: with so many improvements, or, where that is None,
        the plans themselves with every payment."""
        unit = self.visits.optimum.values
        priors = priors / priors.sum(axis=1, keepdims=True)
        weights, columns = priors / unit, []
        for one, prior, (most, lane, paid) in zip(weights, priors, plans.plan(weights), strict=True):
            largest = float(one.max())
            if most < self.least * self._scale:
                self.prior, self.weights, self._scale = prior, one / largest, largest
                self.least = most / largest * (1 + relative_error(4))
            columns.append(
                plans.earned(lane)[0] if sweeps is None else plans.visited(lane, paid, one, sweeps)
            )
        self.payoff = np.concatenate([self.payoff, np.array(columns).T / unit[:, None]], axis=1)

    def begin(self, plans: Relaxation, sweeps: int | None) -> None:
        """Ask for far goals together, in the first game, and for every goal alone, in the second one only for
        those that no policy visits so often yet."""
        even = np.full(self.visits.count, 1.0 / self.visits.count)
        if sweeps is None:
            far = self.visits.far()
            self.ask(plans, np.concatenate([far, far * self.visits.optimum.values]), None)
            self._anchor = self.prior
        else:
            self.ask(plans, self.prior[None], sweeps)
        rest = self._random.permutation(self.visits.count)
        while len(rest := rest[(self.payoff[rest].max(axis=1) < COVERED) | (sweeps is None)]):
            now, rest = rest[:LANES], rest[LANES:]
            self.ask(plans, 0.5 * (self.prior + even) + 0.1 * np.eye(self.visits.count)[now], sweeps)
        missed = np.flatnonzero(self.payoff.max(axis=1) <= 0.0)
        if len(missed):
            self.ask(plans, np.eye(self.visits.count)[missed], sweeps)

    def solve(self) -> None:
        """Solve the game of the policies known, keep its mixture if it is the best one, and forget the
        policies that earn least at its prior."""
        count, known = self.payoff.shape
        even, shares = np.full(count, 1.0 / count), np.full(known, 1.0 / known)
        accuracy = min(ROUGHEST, ROUGH * max(ENOUGH, self.gap)) * (
            self._level or 0.1 * self.least * self._scale
        )
        point = central_point(self.payoff, accuracy, even, shares, 0.1 * float((even @ self.payoff).max()))
        self._point = point.prior
        if point.lower > self._level:
            self._level = point.lower
            found = self.payoff @ point.shares * self.visits.optimum.values
            self.success = found * (1 - relative_error(known + 8))
            self.mixed = int(np.count_nonzero(point.shares > NEGLIGIBLE))
        kept = np.sort(np.argsort(point.slack, kind="stable")[: int(KEPT * count)])
        self.payoff = self.payoff[:, kept]

    def around(self, asked: int) -> np.ndarray:
        """Return priors near the solution, half of them towards the best one of the first game."""
        random, shape = self._random, (asked, self.visits.count)
        part = np.where(np.arange(asked) % 2, random.uniform(size=asked), 1.0)[:, None]
        rate = np.exp(random.uniform(np.log(NEAR), 0.0, size=(asked, 1)))
        disturbed = (part * self._point + (1 - part) * self._anchor) * np.exp(
            rate * random.normal(size=shape)
        )
        share = np.arange(LANES)[:, None] / LANES
        return np.vstack([(1 - share) * self._point + share * self.prior, disturbed])


def bracket(question: Question, progress: Progress | None = None) -> MinimaxSolution:
    """Return certified bounds on the minimax loss of a learner without memory; see the module."""
    began, tasks = time.perf_counter(), question.tasks
    assert isinstance(tasks, GoalTasks)
    check_reachable(tasks)
    visits = Visits(tasks)
    loss = bracketed_loss(question.learner, question.criterion, visits.optimum, question.episodes)
    game = _Game(visits)

    def play(rounds: int, plans: Relaxation, asked: int, sweeps: int | None) -> None:
        game.solve()
        for _ in range(rounds):
            if progress is not None:
                progress(_below(loss, game), np.inf if sweeps is None else _above(loss, game))
            if game.gap <= ENOUGH:
                break
            game.ask(plans, game.around(asked), sweeps)
            game.solve()

    with threadpool_limits(1, "blas"):
        plain = Relaxation(visits, 0)
        game.begin(plain, None)
        play(ROUNDS[0], plain, ASKED, None)
        game.restart()
        game.begin(plain, 0)
        plans = _remembering(visits)
        play(ROUNDS[1], plans, min(ASKED, max(LANES, int(WORK / ROUNDS[1] / plans.work))), SWEEPS)
    lower, upper = _below(loss, game), _above(loss, game)
    value = Bracket(
        min(lower, upper),
        upper,
        lower_from="visits that are new as far as is remembered, for the dual weights, by backward induction",
        upper_from="chances of visits of a mixture of policies, each evaluated afresh",
    )
    point = SaddlePoint(lower, upper, np.empty(0), game.success, None, game.weights, game.least)
    from metaregret.theory.minimax.without_memory import least_favourable

    return MinimaxSolution.answering(
        question,
        began,
        value=value,
        tasks=tasks.names,
        least_favourable=least_favourable(loss, point),
        per_task=loss.nominal.value(np.minimum(game.success, loss.nominal.optimum)),
        exploration=game.success,
        method="bracket: recent visits below, policies that visit once above (too much to remember)",
        size={"states": tasks.process.n_states, "tasks": len(tasks.names), "policies": game.mixed},
        proof=Proof(adversary=question.adversary),
    )


def _remembering(visits: Visits) -> Relaxation:
    """Return the plans with the longest memory that fits."""
    plans = Relaxation(visits, MEMORIES[0])
    for round_trip in MEMORIES[1:]:
        try:
            plans = Relaxation(visits, round_trip)
        except InstanceTooLargeError:
            break
    return plans


def _below(loss: BracketedLoss, game: _Game) -> float:
    return lower_bound(loss.low, game.weights, game.least * (1 + relative_error(64))) * (1 - 1e-14)


def _above(loss: BracketedLoss, game: _Game) -> float:
    return float(np.max(loss.high.value(np.minimum(game.success, loss.high.optimum)))) * (1 + 1e-14)
