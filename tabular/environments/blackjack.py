"""Blackjack as Gymnasium plays it (``Blackjack-v1``), with an infinite deck: exact, in thirteenths.

States are Gymnasium's observations ``(player's sum, dealer's card, usable ace)``. The dealer's second card
is hidden, so it may be drawn when the player sticks. With ``natural`` or ``sab`` an ace and a ten at the
start are worth more than another 21, which the observation does not show: they have states of their own.
All rewards are paid at the end.

Source: Sutton and Barto, *Reinforcement Learning: An Introduction* (2018), example 5.1.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import product
from typing import Any

from metaregret.tabular.horizon import Horizon
from metaregret.tabular.importers.gymnasium_table import read_table
from metaregret.tabular.importers.imported import Imported

__all__ = ["blackjack"]

CARDS = {card: Fraction(4 if card == 10 else 1, 13) for card in range(1, 11)}
STICK, HIT = 0, 1


def drawn(total: int, ace: bool, card: int) -> tuple[int, bool]:
    """Return the sum and whether an ace counts eleven, after one more card."""
    hard = total - 10 * ace + card
    usable = (ace or card == 1) and hard + 10 <= 21
    return hard + 10 * usable, usable


@cache
def _dealer(total: int, ace: bool) -> dict[int, Fraction]:
    """Distribution of the dealer's final score (0 beyond 21) from a sum at which they may go on."""
    if total >= 17:
        return {total if total <= 21 else 0: Fraction(1)}
    scores: dict[int, Fraction] = {}
    for card, p in CARDS.items():
        for score, q in _dealer(*drawn(total, ace, card)).items():
            scores[score] = scores.get(score, Fraction(0)) + p * q
    return scores


def _stick(
    total: int, shown: int, natural: bool, plays_sab: bool, pays_natural: bool
) -> dict[Fraction, Fraction]:
    """Probability of every reward of sticking: a win pays 1, or more for a natural where the rules say so."""
    chances: dict[Fraction, Fraction] = {}
    for (score, dealer_natural), p in _dealt(shown).items():
        won = Fraction((total > score) - (total < score))
        if natural and plays_sab and not dealer_natural:
            won = Fraction(1)
        elif natural and pays_natural and not plays_sab and won == 1:
            won = Fraction(3, 2)
        chances[won] = chances.get(won, Fraction(0)) + p
    return chances


@cache
def _dealt(shown: int) -> dict[tuple[int, bool], Fraction]:
    """Distribution of the dealer's final score, and whether it is a natural, given the card that one sees."""
    ends: dict[tuple[int, bool], Fraction] = {}
    for hidden, p in CARDS.items():
        for score, q in _dealer(*drawn(*drawn(0, False, shown), hidden)).items():
            end = score, {shown, hidden} == {1, 10}
            ends[end] = ends.get(end, Fraction(0)) + p * q
    return ends


def blackjack(
    *,
    natural: bool = False,
    sab: bool = True,
    horizon: Horizon | int = 20,
    start: Any = None,
    name: str = "gym:Blackjack-v1",
) -> Imported:
    """Return the model of ``gymnasium.make("Blackjack-v1", natural=natural, sab=sab)``.

    Raises
    ------
    InvalidProcessError
        If `start` is no state.
    """
    marked = natural or sab
    initial: dict[Any, Fraction] = {}
    for (first, p), (second, q), (shown, r) in product(CARDS.items(), repeat=3):
        total, ace = drawn(*drawn(0, False, first), second)
        state: Any = (total, shown, int(ace))
        if marked and {first, second} == {1, 10}:
            state = (*state, "natural")
        initial[state] = initial.get(state, Fraction(0)) + p * q * r
    table: dict[Any, dict[int, list[tuple[Fraction, Any, Fraction, bool]]]] = {}
    frontier = sorted(initial, key=str)
    while frontier:
        state = frontier.pop()
        if state in table:
            continue
        total, shown, ace, *mark = state
        hits = []
        for card, p in CARDS.items():
            after, usable = drawn(total, bool(ace), card)
            to = (after, shown, int(usable))
            hits.append((p, to, Fraction(-1 if after > 21 else 0), after > 21))
            if after <= 21:
                frontier.append(to)
        seen = (total, shown, ace)
        stuck = _stick(total, shown, bool(mark), sab, natural).items()
        table[state] = {STICK: [(p, state if mark else seen, won, True) for won, p in stuck], HIT: hits}
    ordered = {key: table[key] for key in sorted(table, key=lambda key: (key[:3], len(key)))}
    return read_table(ordered, initial=initial if start is None else start, horizon=horizon, name=name)
