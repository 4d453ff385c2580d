r"""How much mass least-favourable task distributions can put on a set of tasks: certified ranges.

A game often has many least-favourable distributions, and a solver returns any one of them. What can be said
without choosing is the range of ``p(G)`` over all of them. Give the adversary a bonus ``b`` on the tasks of
``G`` and let ``V(b)`` be the minimax value of the game with losses ``loss_z + b [z in G]``. A distribution
``p`` that forces the value ``V(0)`` of the plain game forces at least ``V(0) + b p(G)`` of the other, so for
every least-favourable ``p`` and every ``d > 0``

    (V(0) - V(-d)) / d  <=  p(G)  <=  (V(d) - V(0)) / d.

Both sides are computed from certified bounds on ``V`` rounded the safe way, so they hold whatever ``d`` is;
they are tight as ``d -> 0`` (Danskin's theorem: one-sided derivatives of a maximum; Bertsekas, *Nonlinear
Programming*, B.22). That the ends are reached is shown by the distributions that are least favourable with
the bonus: they come with a certified bound on what they force in the plain game.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError
from metaregret.theory.adversaries import Simplex
from metaregret.theory.minimax.flow_program import support_value
from metaregret.theory.minimax.memory.master import MatrixGame
from metaregret.theory.minimax.proof import MarkedProof, MixtureProof
from metaregret.theory.minimax.solution import Learner, MinimaxSolution
from metaregret.theory.regret import BracketedLoss, Loss, bracketed_loss

__all__ = ["LeastFavourable", "MassRange"]


TIGHT = 1e-6
"""Distance between a certified end of a range and a mass that is reached, below which no step is added."""

MAX_ROUNDS = 500


@dataclass(frozen=True)
class MassRange:
    """The mass of a set of tasks under the least-favourable distributions.

    Attributes
    ----------
    lower, upper : float
        Every least-favourable distribution puts a mass between these on the set: certified.
    least, most : float
        Masses of two distributions that were found.
    shortfall : float
        These two force at least the minimax value's upper bound less this: certified.
    """

    lower: float
    upper: float
    least: float
    most: float
    shortfall: float

    @property
    def always(self) -> bool:
        """Whether every least-favourable distribution puts mass on the set."""
        return self.lower > 0.0

    @property
    def never(self) -> bool:
        """Whether no least-favourable distribution puts more than 1e-4 on the set."""
        return self.upper < 1e-4


@dataclass(frozen=True, eq=False)
class _Shifted:
    """Bounds of a game with a bonus, and a distribution with what it forces in the plain game."""

    lower: float
    upper: float
    prior: np.ndarray
    forced: float


class _Games(Protocol):
    @property
    def steps(self) -> Sequence[float]:
        """Bonuses to try in turn, relative to the value; the smaller, the more is lost to rounding."""

    def solve(self, bonus: np.ndarray) -> _Shifted: ...


class LeastFavourable:
    """The set of least-favourable task distributions of a solved game.

    Parameters
    ----------
    solution : MinimaxSolution
        Of any learner class, over the whole simplex of task distributions.

    Raises
    ------
    UnsupportedError
        For solutions of other games: restricted adversaries, steps on the way without memory, general
        rewards without memory.
    """

    def __init__(self, solution: MinimaxSolution) -> None:
        self.names = solution.tasks
        self._games: _Games = (
            _WithMemory(solution) if solution.learner is Learner.MEMORY else _WithoutMemory(solution)
        )
        self._plain = self._games.solve(np.zeros(len(self.names)))

    def mass(self, members: Sequence[int] | np.ndarray) -> MassRange:
        """Return the range of the mass on the tasks at these positions.

        Raises
        ------
        InvalidArgumentError
            If a position is no task's, or occurs twice.
        """
        inside = np.zeros(len(self.names))
        positions = np.asarray(members, dtype=np.int64)
        if len(positions) and not 0 <= positions.min() <= positions.max() < len(inside):
            raise InvalidArgumentError(
                f"Expected positions in 0..{len(inside) - 1}, but got {positions.min()}..{positions.max()}."
            )
        inside[positions] = 1.0
        if inside.sum() != len(positions):
            raise InvalidArgumentError(f"A task is named twice in {positions.tolist()}; name each once.")
        if inside.all() or not inside.any():
            share = float(inside.all())
            return MassRange(share, share, share, share, 0.0)
        upper, most, short_above = self._end(inside, +1)
        lower, least, short_below = self._end(inside, -1)
        return MassRange(lower, upper, least, most, max(short_above, short_below))

    def _end(self, inside: np.ndarray, sign: int) -> tuple[float, float, float]:
        """Return one certified end of the range, the mass of a distribution near it, and its shortfall."""
        scale = max(1.0, abs(self._plain.upper))
        end, found, shortfall = float(sign > 0), self._plain.prior @ inside, np.inf
        for relative in self._games.steps:
            step = relative * scale
            shifted = self._games.solve(sign * step * inside)
            # Moved outward by more than the roundings of bonus, subtraction and division.
            change = shifted.upper - self._plain.lower + 8e-15 * scale
            bound = sign * change / step
            end = min(end, bound) if sign > 0 else max(end, bound)
            missing = self._plain.upper - shifted.forced
            if missing < shortfall:
                found, shortfall = float(shifted.prior @ inside), missing
            if abs(end - found) <= TIGHT and shortfall <= 1e-8 * scale:
                break
        return end, found, shortfall


class _WithMemory:
    """Games of learners with memory: the best responses do not depend on the bonus, only the master does.

    The value is piecewise linear in the bonus, so that a step is exact unless it passes a kink.
    """

    steps: Sequence[float] = (1e-3, 1e-4, 1e-5)

    def __init__(self, solution: MinimaxSolution) -> None:
        proof = solution.proof
        if not isinstance(proof, MixtureProof):
            raise UnsupportedError(
                "Masses are bounded for finitely many episodes on random dynamics; give a number of episodes."
            )
        if not isinstance(proof.adversary, Simplex):
            raise UnsupportedError("Masses are bounded for the unrestricted adversary only.")
        self._game = proof.game
        self._losses: list[np.ndarray] = list(proof.mixture.losses)
        self._tasks = len(self._game.names)

    def solve(self, bonus: np.ndarray) -> _Shifted:
        """Close the bracket of the shifted game as far as rounding allows."""
        game, allowance = self._game, self._game.allowance
        master = MatrixGame(self._tasks, Simplex())
        for loss in self._losses:
            master.add(loss + bonus)
        best = _Shifted(-np.inf, np.inf, np.zeros(self._tasks), -np.inf)
        for _ in range(MAX_ROUNDS):
            prior, weights = master.solve()
            upper = float((weights @ master.losses).max()) + allowance
            column = game.respond(prior)
            lower = column.lower + float(bonus @ prior)
            best = dataclasses.replace(best, upper=min(best.upper, upper))
            if lower > best.lower:
                best = _Shifted(lower, best.upper, prior, column.lower)
            known = any(np.array_equal(column.loss, loss) for loss in self._losses)
            if known or best.upper - best.lower <= 4 * allowance:
                break
            self._losses.append(column.loss)
            master.add(column.loss + bonus)
        return best


class _Bonus(Loss):
    """A loss with a constant added for some tasks."""

    def __init__(self, inner: Loss, bonus: np.ndarray) -> None:
        super().__init__(inner.form, inner.optimum, inner.episodes)
        self.line, self.homogeneous = None, False
        self._inner, self._bonus = inner, bonus

    def value(self, rho: np.ndarray) -> np.ndarray:
        return self._inner.value(rho) + self._bonus

    def slope(self, rho: np.ndarray) -> np.ndarray:
        return self._inner.slope(np.minimum(rho, self.optimum))  # infinite where even v* is not enough

    @property
    def direction(self) -> np.ndarray:
        return self._inner.direction


class _WithoutMemory:
    """Games of blind and memoryless learners: convex losses of success probabilities.

    The value is curved in the bonus, so that only small steps are exact.
    """

    steps: Sequence[float] = (1e-5,)

    def __init__(self, solution: MinimaxSolution) -> None:
        from metaregret.theory.minimax.without_memory import choose_program

        proof = solution.proof
        if not isinstance(proof, MarkedProof) or proof.required is None:
            raise UnsupportedError(
                f"Masses are bounded for 0-1 tasks counted in episodes, not for this game of the "
                f"{solution.learner.value} learner; use goals and the criterion regret."
            )
        self._marked = marked = proof.marked
        self._loss = bracketed_loss(solution.learner, solution.criterion, marked.optimum, solution.episodes)
        methods = {"linear program": "program", "decomposition": "decomposition"}
        named = [name for phrase, name in methods.items() if phrase in solution.method]
        self._program = choose_program(marked, *named)
        self._level: float | None = None

    def solve(self, bonus: np.ndarray) -> _Shifted:
        """Solve the shifted game as tightly as the solver can."""
        from metaregret.theory.minimax.without_memory import least_favourable, newton

        loss = self._loss
        if bonus.any():
            loss = BracketedLoss(*(_Bonus(part, bonus) for part in (loss.low, loss.nominal, loss.high)))
        primal, dual = newton(self._program, loss, 1e-11, level=self._level).best
        self._level = primal.upper
        prior = least_favourable(loss, dual)
        return _Shifted(dual.lower, primal.upper, prior, self._forced(prior, primal.success))

    def _forced(self, prior: np.ndarray, success: np.ndarray) -> float:
        """Return a certified lower bound on what a distribution forces in the plain game.

        By convexity, with slopes ``s_g`` at any point ``r``, every achievable ``rho`` has ``sum p phi(rho)
        >= sum p_g (phi_g(r_g) + s_g r_g) - max_{rho in M} sum p_g s_g rho_g``.
        """
        loss = self._loss.low
        point = np.minimum(success, loss.optimum)
        weights = prior * loss.slope(point)
        at_point = float(prior @ loss.value(point) + weights @ point)
        support = support_value(self._marked, weights)
        return at_point - support - 1e-13 * (abs(at_point) + support)
