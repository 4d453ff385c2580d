r"""A bracket for goals noticed on the way, where what an episode has visited is too much to remember.

Let ``x_g`` be the chance that an episode visits ``g``, and ``v_g`` its largest value, found with ``g`` alone
made absorbing.

* *Below.* A goal is visited with a chance of at most the expected number of its visits. So for weights ``w``
  on goals no policy has ``sum_g w_g x_g`` above the most that it can earn with ``w_g`` a visit, one backward
  induction without memory. The best ``w`` come from a game of the policies found so far, as in
  `metaregret.theory.minimax.decomposition`. What is lost is that an episode may linger where it is paid.
* *Above.* Mixtures of Markov policies, each with its chances of visits evaluated one goal at a time, that
  goal absorbing. Tried are mixtures of the policies of the first game, played as one Markov policy, with more
  asked of the goals that the last one visited too seldom; then, for the prior of the game of what was
  evaluated, the policies that earn most with every visit paid, or, where an episode is a path, paths found by
  a beam search that pays first visits only (an orienteering problem).

Source of the columns: Dantzig & Wolfe, *Decomposition principle for linear programs* (1960); the two bounds
are ours.
"""

from __future__ import annotations

import heapq
import time

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from metaregret.tabular.bounds import Bracket, relative_error, underflow_allowance
from metaregret.tabular.goals import TerminalValues
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.policy import deterministic_policy
from metaregret.tabular.response import policy_of_mixture
from metaregret.theory.learners import Progress
from metaregret.theory.minimax.central import CentralPoint, central_point
from metaregret.theory.minimax.flow_program import SaddlePoint, lower_bound
from metaregret.theory.minimax.proof import Proof
from metaregret.theory.minimax.solution import MinimaxSolution
from metaregret.theory.question import Question
from metaregret.theory.regret import BracketedLoss, bracketed_loss
from metaregret.theory.success import check_reachable
from metaregret.theory.tasks import GoalTasks

__all__ = ["Visits", "applies", "bracket"]

ROUNDS = 8
"""Rounds of the game of expected visits."""
ENOUGH = 2e-3
"""Relative gap of that game at which it ends."""
ASKED = 120
"""Priors asked in a round, besides those that begin with every goal."""
KEPT = 3
"""Policies kept for each goal."""
MIXTURES = 6
"""Mixtures of policies evaluated, where an episode is no path."""
FINE, ROUGH = 1e-3, 0.05
"""Accuracy of the master in units of the relative gap, and relative of those for mixtures."""
REFINED, FEW = (12, 40), 100
"""Rounds of the game of chances of visits; the second number up to this many goals."""
TRIED = 3
"""Priors in each for which policies are asked."""
EVALUATED = 1e9
"""Multiplications that go into evaluating policies of the first game one by one."""
BEAM = 60
"""Partial paths kept at every step."""
TRUSTED = (0.5, 0.8, 1.0)
"""Shares of what is still to be earned, every visit paid, by which partial paths are compared."""
NEGLIGIBLE = 1e-9
MOST_CHOICES = 2**28
"""Largest table of decisions, over steps, states and policies."""


def applies(question: Question) -> bool:
    """Whether the question has a bracket of this kind, of a size that fits."""
    tasks = question.tasks
    if not isinstance(tasks, GoalTasks) or not isinstance(tasks.process.horizon, FiniteHorizon):
        return False
    whole = question.exact or question.restricted or question.in_steps
    size = tasks.process.n_states * tasks.process.horizon.steps * ((KEPT + 1) * len(tasks.goals) + ASKED)
    return question.on_the_way and not whole and size <= MOST_CHOICES


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
        self.steps, self.count = process.horizon.steps, len(tasks.goals)
        place = np.full(process.n_states, -1)
        place[tasks.goals] = np.arange(self.count)
        goal = np.where(process.goal_of >= 0, place[process.goal_of], -1)
        self._marked = np.flatnonzero(goal >= 0), goal[goal >= 0]
        self._marks = sp.csr_array(
            (np.ones(len(self._marked[0])), self._marked), shape=(process.n_states, self.count)
        )
        self._starts, self._width = process.choice_offsets[:-1], np.diff(process.choice_offsets)
        widest = int(np.diff(process.offsets).max()) + int(self._width.max())
        rounded = (self.steps + 1) * (widest + 6) + process.n_states + self.count
        self._error, self._tiny = relative_error(rounded), underflow_allowance(rounded)
        self.is_path = process.is_deterministic and np.count_nonzero(process.initial) == 1
        found = self._chances(None)
        self.optimum = TerminalValues(found, self.surely(found), self.at_most(found), None, None)

    def surely(self, found: np.ndarray) -> np.ndarray:
        """Lower bounds on computed chances."""
        return np.minimum(np.maximum(found * (1 - self._error) - self._tiny, 0.0), 1.0)

    def at_most(self, found: np.ndarray) -> np.ndarray:
        """Upper bounds on computed sums of non-negative numbers."""
        return np.asarray(found * (1 + self._error) + self._tiny)

    def _chances(self, policy: np.ndarray | None) -> np.ndarray:
        """Chances of visits, shape (K,): under a policy, or under the best one for each goal."""
        process, matrix = self.process, self.process.matrix
        values = self._marks.toarray()
        for step in reversed(range(self.steps)):
            if policy is None:
                values = np.maximum.reduceat(matrix @ values, self._starts, axis=0)
            else:
                shares = (policy[step], (process.choice_state, np.arange(process.n_choices)))
                values = (sp.csr_array(shares, shape=(process.n_states, process.n_choices)) @ matrix) @ values
            values[self._marked] = 1.0
        return np.asarray(process.initial @ values)

    def evaluate(self, policy: np.ndarray) -> np.ndarray:
        """Return lower bounds on the chances that a Markov policy, shape (T, C), visits each goal."""
        return self.surely(self._chances(policy))

    def most(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the most that policies earn with these weights a visit, shape (n,), for weights of shape
        (n, K), and policies that earn it, shape (T, S, n)."""
        paid = self._marks @ weights.T
        values, chosen = paid, np.empty((self.steps, *paid.shape), dtype=np.int32)
        rows = np.arange(self.process.n_choices)[:, None]
        for step in reversed(range(self.steps)):
            offered = self.process.matrix @ values
            best = np.maximum.reduceat(offered, self._starts, axis=0)
            place = np.where(offered == np.repeat(best, self._width, axis=0), rows, len(rows))
            chosen[step] = np.minimum.reduceat(place, self._starts, axis=0)
            values = best + paid
        return self.at_most(self.process.initial @ values), chosen

    def expected(self, policies: np.ndarray) -> np.ndarray:
        """Return the expected numbers of visits of deterministic policies, shape (T, S, n) to (K, n)."""
        forward, columns = self.process.matrix.T.tocsr(), np.arange(policies.shape[-1])
        mass = np.repeat(self.process.initial[:, None], len(columns), axis=1)
        total = mass.copy()
        for chosen in policies:
            through = np.zeros((self.process.n_choices, len(columns)))
            through[chosen, columns] = mass
            mass = forward @ through
            total += mass
        return np.asarray(self._marks.T @ total)

    def tried(self, weights: np.ndarray) -> np.ndarray:
        """Return lower bounds on the chances of visits of policies for weights of shape (n, K), one a
        column: paths where there are such, else the policies that earn most with every visit paid."""
        if self.is_path:
            return np.concatenate([self._paths(w / w.sum(), t) for w in weights for t in TRUSTED], axis=1)
        return self.each(self.most(weights)[1])

    @property
    def cost(self) -> float:
        """Multiplications of evaluating one policy, roughly."""
        process = self.process
        return self.steps * self.count * process.n_states * process.n_transitions / process.n_choices

    def each(self, policies: np.ndarray) -> np.ndarray:
        """Return lower bounds on the chances of visits of deterministic policies, shape (T, S, n) to
        (K, n)."""
        chosen = np.moveaxis(policies, -1, 0)
        return np.stack([self.evaluate(deterministic_policy(self.process, one)) for one in chosen], axis=1)

    def _paths(self, weights: np.ndarray, trusted: float) -> np.ndarray:
        """Return the goals of the best paths of a beam search, shape (K, n)."""
        process, ahead = self.process, [self._marks @ weights]
        for _ in range(self.steps):
            offered = process.matrix @ ahead[-1]
            ahead.append(ahead[0] + np.maximum.reduceat(offered, self._starts))
        places, goals = self._marked[0].tolist(), self._marked[1].tolist()
        bit = dict(zip(places, (1 << goal for goal in goals), strict=True))
        paid, worth = ahead[0].tolist(), [values.tolist() for values in ahead]
        after = np.split(process.successors, process.choice_offsets[1:-1])
        start = int(np.flatnonzero(process.initial)[0])
        front = [(0.0, paid[start], start, bit.get(start, 0))]
        for left in reversed(range(self.steps)):
            reached = {}
            for _, earned, state, seen in front:
                for place in after[state].tolist():
                    mark = bit.get(place, 0)
                    total = earned if seen & mark else earned + paid[place]
                    score = total + trusted * (worth[left][place] - paid[place])
                    reached[place, seen | mark] = (score, total, place, seen | mark)
            front = heapq.nlargest(BEAM, reached.values())
        kept = sorted(front, key=lambda path: -path[1])[:TRIED]
        return np.array([[float(path[3] >> goal & 1) for goal in range(self.count)] for path in kept]).T


def bracket(question: Question, progress: Progress | None = None) -> MinimaxSolution:
    """Return certified bounds on the minimax loss of a learner without memory; see the module."""
    began, tasks = time.perf_counter(), question.tasks
    assert isinstance(tasks, GoalTasks)
    check_reachable(tasks)
    visits = Visits(tasks)
    loss = bracketed_loss(question.learner, question.criterion, visits.optimum, question.episodes)
    with threadpool_limits(1, "blas"):
        game = _Relaxed(visits)
        while game.goes_on():
            game.round()
            if progress is not None:
                progress(_below(loss, game), np.inf)
        success, policies = _mixed(game)
    lower = _below(loss, game)
    upper = float(np.max(loss.high.value(np.minimum(success, loss.high.optimum)))) * (1 + 1e-14)
    value = Bracket(
        min(lower, upper),
        upper,
        lower_from="expected numbers of visits for the dual weights, by value iteration",
        upper_from="chances of visits of a mixture of Markov policies, each evaluated afresh",
    )
    point = SaddlePoint(lower, upper, np.empty(0), success, None, game.weights, game.least)
    from metaregret.theory.minimax.without_memory import least_favourable

    return MinimaxSolution.answering(
        question,
        began,
        value=value,
        tasks=tasks.names,
        least_favourable=least_favourable(loss, point),
        per_task=loss.nominal.value(np.minimum(success, loss.nominal.optimum)),
        exploration=success,
        method="bracket: expected visits below, Markov policies above (too much to remember)",
        size={"states": tasks.process.n_states, "tasks": len(tasks.names), "policies": policies},
        proof=Proof(adversary=question.adversary),
    )


def _below(loss: BracketedLoss, game: _Relaxed) -> float:
    return lower_bound(loss.low, game.weights, game.least * (1 + relative_error(64))) * (1 - 1e-14)


class _Relaxed:
    """The game in which every visit counts, with the policies found and the best weights so far.

    Payoffs are in units of ``v``, so that the value is ``1 / (1 + Reg)`` of the relaxed problem.
    """

    def __init__(self, visits: Visits) -> None:
        self.visits, self._random = visits, np.random.default_rng(0)
        count = visits.count
        self._unit = visits.optimum.values
        self.prior = self._at = np.full(count, 1.0 / count)
        self.least, self.weights, self._scale = np.inf, np.zeros(count), 1.0
        self.policies = np.empty((visits.steps, visits.process.n_states, 0), dtype=np.int32)
        self.payoff, self._value, self._rounds = np.empty((count, 0)), 0.0, 0
        self._ask(np.concatenate([self.prior[None], 0.1 * self.prior + 0.9 * np.eye(count)]))

    def goes_on(self) -> bool:
        """Whether the gap is not yet small."""
        return self._rounds < ROUNDS and self._bound > (1 + ENOUGH) * self._value

    def round(self) -> None:
        """Solve the game of the policies known, and ask around its prior."""
        gap = min(0.3, max(ENOUGH, 1.0 - self._value / max(1e-300, self._bound)))
        point = self.solved(np.ones(self.visits.count), FINE * gap * self._bound)
        self._value, self._at = max(self._value, point.lower), point.prior
        kept = np.sort(np.argsort(point.slack, kind="stable")[: KEPT * self.visits.count])
        self.policies, self.payoff = self.policies[..., kept], self.payoff[:, kept]
        random, count = self._random, self.visits.count
        spread = np.exp(
            random.uniform(0.02, 1.0, size=(ASKED // 2, 1)) * random.normal(size=(ASKED // 2, count))
        )
        one = self._at + 0.3 * np.eye(count)[random.permutation(count)[: ASKED // 2]]
        self._ask(np.concatenate([[self._at, 0.5 * (self._at + self.prior)], self._at * spread, one]))
        self._rounds += 1

    @property
    def _bound(self) -> float:
        return self.least * self._scale

    def solved(self, direction: np.ndarray, tolerance: float) -> CentralPoint:
        """Solve the game with this much asked of each goal."""
        payoff = self.payoff / direction[:, None]
        count, known = payoff.shape
        even = np.full(count, 1.0 / count), np.full(known, 1.0 / known)
        return central_point(payoff, tolerance, *even, 0.1 * float((even[0] @ payoff).max()))

    def _ask(self, priors: np.ndarray) -> None:
        """Add the best policies for rows of priors, and remember the best of these."""
        priors = priors / priors.sum(axis=1, keepdims=True)
        weights = priors / self._unit
        most, policies = self.visits.most(weights)
        best = int(most.argmin())
        if most[best] < self._bound:
            self.prior, largest = priors[best], float(weights[best].max())
            self.weights, self._scale = weights[best] / largest, largest
            self.least = float(self.visits.at_most(most[best] / largest))
        self.policies = np.concatenate([self.policies, policies], axis=-1)
        self.payoff = np.concatenate(
            [self.payoff, self.visits.expected(policies) / self._unit[:, None]], axis=1
        )


def _mixed(game: _Relaxed) -> tuple[np.ndarray, int]:
    """Return lower bounds on what a mixture of policies visits, shape (K,), and of how many it is."""
    visits, unit = game.visits, game.visits.optimum.values
    if visits.is_path:
        found = (visits.expected(game.policies) > 0.5) * 1.0
    else:
        likely = np.argsort(-game.solved(np.ones(visits.count), ROUGH * game._value).shares, kind="stable")
        alone = visits.each(game.policies[..., likely[: max(1, int(EVALUATED / visits.cost))]])
        found = np.concatenate([_together(game), alone], axis=1)
    random, best, chosen = np.random.default_rng(0), -1.0, np.zeros(visits.count)
    policies = 1
    for _ in range(REFINED[visits.count <= FEW]):
        point, alone = _game(found / unit[:, None]), (found / unit[:, None]).min(axis=0)
        one = point.lower <= alone.max()
        shares = np.eye(len(alone))[int(alone.argmax())] if one else point.shares / point.shares.sum()
        if max(point.lower, float(alone.max())) > best:
            best = max(point.lower, float(alone.max()))
            chosen = found @ shares * (1 - relative_error(len(shares) + 4))
            policies = int(np.count_nonzero(shares > NEGLIGIBLE))
        spread = np.exp(random.uniform(0.02, 0.5, (TRIED, 1)) * random.normal(size=(TRIED, visits.count)))
        weights = point.prior * spread / unit
        found = np.concatenate([found, visits.tried(weights)], axis=1)
    return chosen, policies


def _together(game: _Relaxed) -> np.ndarray:
    """Return lower bounds on what mixtures of the game's policies visit, each played as one Markov policy,
    shape (K, n)."""
    visits, unit = game.visits, game.visits.optimum.values
    columns, direction = [], np.ones(visits.count)
    for _ in range(MIXTURES):
        shares = game.solved(direction, ROUGH * game._value).shares
        used = np.flatnonzero(shares > NEGLIGIBLE * shares.max())
        policy = policy_of_mixture(visits.process, game.policies[..., used], shares[used])
        columns.append(visits.evaluate(policy))
        reached = columns[-1] / unit
        direction = direction * np.sqrt(np.median(reached) / np.maximum(reached, 1e-6 * np.median(reached)))
        direction = direction / direction.mean()
    return np.stack(columns, axis=1)


def _game(payoff: np.ndarray) -> CentralPoint:
    count, known = payoff.shape
    prior, shares = np.full(count, 1.0 / count), np.full(known, 1.0 / known)
    level = max(float(payoff.min(axis=0).max()), 0.1 * float(payoff.max()) / count)
    return central_point(payoff, 1e-2 * level, prior, shares, 0.1 * float((prior @ payoff).max()))
