"""Games over all orders of search, listed: slow, small, and sharing nothing with the solvers they judge."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import flint
import numpy as np

from metaregret.tabular.backup.rational import from_flint, to_flint
from metaregret.theory.minimax.exact import solve_game

__all__ = ["mixed_value", "order_game", "sequence_losses"]


def sequence_losses(sets: Sequence[Sequence[int]], count: int) -> list[tuple[int, ...]]:
    """Return what the sequences of sets without useless ones lose on each goal; dominated ones are
    dropped."""
    found: set[tuple[int, ...]] = set()

    def extend(losses: tuple[int, ...], episode: int) -> None:
        if -1 not in losses:
            found.add(losses)
            return
        for one in sets:
            if any(losses[goal] < 0 for goal in one):
                extend(
                    tuple(episode if x < 0 and goal in one else x for goal, x in enumerate(losses)),
                    episode + 1,
                )

    extend((-1,) * count, 0)
    kept: list[tuple[int, ...]] = []
    for losses in sorted(found, key=sum):
        if not any(all(a <= b for a, b in zip(other, losses, strict=True)) for other in kept):
            kept.append(losses)
    return kept


def mixed_value(losses: Sequence[Sequence[Fraction | int]]) -> Fraction:
    """Return the smallest worst loss of a mixture of learners, given what each loses on each task."""
    table = np.array([to_flint([Fraction(x) for x in row]) for row in losses], dtype=object)
    (value,) = from_flint(np.array([flint.fmpq(0) + solve_game(table).value]))
    return Fraction(value)


def order_game(sets: Sequence[Sequence[int]], count: int) -> tuple[Fraction, int]:
    """Return the minimax regret of searching a set system with memory: mixed, and by one sequence."""
    losses = sequence_losses(sets, count)
    return mixed_value(losses), min(max(row) for row in losses)
