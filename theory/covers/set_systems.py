"""Families of sets as bit masks: covering numbers, and the exact value of searching them with memory.

On deterministic dynamics a learner sees nothing new before the goal is found, so that it is a sequence of
sets, and a goal costs the number of episodes before the first set that holds it. For a known prior the
best sequence is that of *min-sum set cover* (Feige, Lovász and Tetali 2004), solved here over subsets of
the goals covered; the game is closed by a double oracle in integers and rationals. Exponential in the
number of goals, and independent of the hyperstate solvers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import lcm

import flint
import numpy as np

from metaregret.tabular.backup.rational import from_flint
from metaregret.tabular.errors import InstanceTooLargeError, InvalidArgumentError
from metaregret.theory.minimax.exact import solve_game
from metaregret.theory.minimax.exact.double_oracle import Strategy, double_oracle

__all__ = [
    "Search",
    "SetSystem",
    "fractional_numbers",
    "search_value",
    "smallest_cover",
]

MAX_GOALS = 16


@dataclass(frozen=True)
class SetSystem:
    """Goals ``0..K-1`` and the sets of them that an episode can find; those inside another are dropped.

    Attributes
    ----------
    count : int
        ``K``.
    masks : tuple of int
        Bit ``g`` of a mask says whether the set holds goal ``g``; increasing.

    Raises
    ------
    InvalidArgumentError
        If the sets do not cover the goals.
    """

    count: int
    masks: tuple[int, ...]

    def __post_init__(self) -> None:
        union = 0
        for mask in self.masks:
            union |= mask
        if self.count < 1 or union != (1 << self.count) - 1:
            raise InvalidArgumentError(
                f"Expected sets that cover goals 0..{self.count - 1} and no other, but they cover "
                f"{_spell(union)}."
            )
        kept = sorted({m for m in self.masks if not any(m != o and m & o == m for o in self.masks)})
        object.__setattr__(self, "masks", tuple(kept))

    @classmethod
    def of(cls, sets: Iterable[Iterable[int]]) -> SetSystem:
        """Return the system of sets of goals, the goals being those named."""
        masks = [sum(1 << goal for goal in set(one)) for one in sets]
        return cls(max((mask.bit_length() for mask in masks), default=0), tuple(masks))

    @property
    def sets(self) -> list[list[int]]:
        """The sets as lists of goals."""
        return [[goal for goal in range(self.count) if mask >> goal & 1] for mask in self.masks]

    @property
    def specification(self) -> str:
        """The system as an environment."""
        return "cover:" + ";".join(".".join(map(str, one)) for one in self.sets)


def _spell(mask: int) -> str:
    return "{" + ", ".join(str(g) for g in range(mask.bit_length()) if mask >> g & 1) + "}"


def fractional_numbers(system: SetSystem) -> tuple[Fraction, tuple[Fraction, ...], tuple[Fraction, ...]]:
    """Return ``tau*``, an optimal packing (one weight per goal) and an optimal cover (one weight per set),
    exactly."""
    one, none = flint.fmpq(1), flint.fmpq(0)
    payoff = np.array(
        [[one if mask >> goal & 1 else none for mask in system.masks] for goal in range(system.count)],
        dtype=object,
    )
    game = solve_game(payoff)
    (level,) = from_flint(np.array([game.value]))
    value = 1 / level
    return value, tuple(value * from_flint(game.rows)), tuple(value * from_flint(game.columns))


def smallest_cover(system: SetSystem, at_least: int = 1) -> tuple[int, ...]:
    """Return as few sets as cover all goals, as masks: ``tau`` of them.

    Depth first: the uncovered goal that fewest sets hold decides what to branch on, so that every cover is
    met.

    Parameters
    ----------
    at_least : int
        A lower bound on ``tau``, such as ``tau*`` rounded up; the search begins there.
    """
    full = (1 << system.count) - 1
    holding = [[mask for mask in system.masks if mask >> goal & 1] for goal in range(system.count)]
    largest = max(mask.bit_count() for mask in system.masks)

    def extend(covered: int, left: int) -> tuple[int, ...] | None:
        missing = full & ~covered
        if not missing:
            return ()
        if missing.bit_count() > left * largest:
            return None
        goal = min((g for g in range(system.count) if missing >> g & 1), key=lambda g: len(holding[g]))
        for mask in holding[goal]:
            rest = extend(covered | mask, left - 1)
            if rest is not None:
                return (mask, *rest)
        return None

    for size in range(at_least, system.count + 1):
        found = extend(0, size)
        if found is not None:
            return found
    raise AssertionError("K sets cover K goals")


@dataclass(frozen=True)
class Search:
    """The game of searching a set system with memory, solved exactly.

    Attributes
    ----------
    value : Fraction
        Minimax regret.
    prior : tuple of Fraction, length K
        Least favourable.
    weights : tuple of Fraction
    losses : tuple of tuple of int
        The learners mixed, by what they lose on each goal.
    """

    value: Fraction
    prior: tuple[Fraction, ...]
    weights: tuple[Fraction, ...]
    losses: tuple[tuple[int, ...], ...]


def search_value(system: SetSystem, episodes: int | None = None) -> Search:
    """Return the minimax regret of learners with memory on a set system, exactly.

    Parameters
    ----------
    episodes : int, optional
        ``N``; as many as are needed by default (``K``).

    Raises
    ------
    InstanceTooLargeError
        For more than 16 goals.
    """
    if system.count > MAX_GOALS:
        raise InstanceTooLargeError(
            f"Searching a set system is solved for at most {MAX_GOALS} goals, but there are {system.count}."
        )
    limit = system.count if episodes is None else min(episodes, system.count)

    def respond(prior: np.ndarray) -> Strategy[None]:
        losses = best_order(system, from_flint(prior).tolist(), limit)
        return Strategy(-np.array([flint.fmpq(x) for x in losses], dtype=object), None)

    even = np.array([flint.fmpq(1, system.count)] * system.count, dtype=object)
    found = double_oracle([respond(even)], respond, sign=-1)
    (value,), prior = from_flint(np.array([-found.value])), from_flint(found.prior)
    weights = from_flint(np.array([weight for weight, _ in found.mixture]))
    losses = [tuple(map(int, from_flint(-each.payoff))) for _, each in found.mixture]
    return Search(value, tuple(prior), tuple(weights), tuple(losses))


def best_order(system: SetSystem, prior: Sequence[Fraction], episodes: int) -> tuple[int, ...]:
    """Return the losses of the sequence of sets that is best for a prior, and for uniform goals among
    those."""
    scale = lcm(*(p.denominator for p in prior)) * (system.count * episodes + 1)
    price = [int(p * scale) + 1 for p in prior]
    full = (1 << system.count) - 1

    @cache
    def cost(mask: int) -> int:
        return sum(price[goal] for goal in range(system.count) if mask >> goal & 1)

    @cache
    def best(covered: int, left: int) -> tuple[int, int]:
        """The cost of the failures to come, and the next set."""
        if covered == full or not left:
            return 0, 0
        following = []
        for mask in system.masks:
            new = covered | mask
            if new != covered:
                following.append((cost(full & ~new) + best(new, left - 1)[0], mask))
        return min(following)

    losses, covered = [0] * system.count, 0
    for left in range(episodes, 0, -1):
        covered |= best(covered, left)[1]
        for goal in range(system.count):
            losses[goal] += not covered >> goal & 1
    return tuple(losses)
