"""The Bayes-adaptive problem in exact rational arithmetic, for small instances.

The same hyperstates and the same recursion as `metaregret.tabular.hyperstate.graph`, written a second time
in plain Python on `Fraction` and integers: layers are dictionaries keyed by (state, bit mask of classes), and
weights are scaled to integers so that deterministic dynamics need no fractions at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

import numpy as np

from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.hyperstate.known import known_task_values
from metaregret.tabular.hyperstate.learner import DeterministicLearner
from metaregret.tabular.hyperstate.signals import Signals

__all__ = ["MAX_EXACT_EDGES", "MAX_EXACT_RANDOM_EDGES", "ExactResponse", "RationalBayes"]

MAX_EXACT_EDGES = 2_000_000
"""Limit on the edges of a graph solved in rational arithmetic, deterministic dynamics (integers)."""

MAX_EXACT_RANDOM_EDGES = 200_000
"""The same for stochastic dynamics (fractions that grow with every step)."""

Node = tuple[int, int]
Number = int | Fraction
Move = tuple[Number, int, int]
"""Probability of a transition, its successor state, and the signal it carries."""


@dataclass(frozen=True, eq=False)
class ExactResponse:
    """The Bayes-optimal learner for rational weights: its weighted payoff, and its payoff on each class."""

    value: Fraction
    payoff: list[Fraction]
    learner: DeterministicLearner


class RationalBayes:
    """The hyperstates of a task family, solved exactly for any rational weights.

    Parameters
    ----------
    signals : Signals
        With rational probabilities and rewards.
    episodes : int
    edges : int
        Size of the graph, to refuse what would take too long.

    Raises
    ------
    InstanceTooLargeError
    NotExactError
    """

    def __init__(self, signals: Signals, episodes: int, edges: int) -> None:
        limit = MAX_EXACT_EDGES if signals.process.is_deterministic else MAX_EXACT_RANDOM_EDGES
        if edges > limit:
            raise InstanceTooLargeError(
                f"Exact arithmetic on {edges:,} edges is over the limit of {limit:,}; reduce the "
                "number of tasks, episodes or steps, or solve in floating point (certified there too)."
            )
        self._known = known_task_values(signals, episodes, exact=True)
        self._signals, self._episodes, self._period = signals, episodes, signals.steps + 1
        self._toll = [int(value) for value in signals.toll]
        self._root = (signals.process.n_states, (1 << signals.n_classes) - 1)
        self._blocks: dict[tuple[int, int], list[tuple[int, int]]] = {}
        self._moves = [self._choices(place) for place in range(self._period)]
        self._layers = self._reachable() if signals.n_classes > 1 else []

    @property
    def known_start(self) -> list[Fraction]:
        """Best payoff of each class when it is known, length K."""
        return [Fraction(value) for value in self._known.start[0]]

    def respond(self, weights: Sequence[Fraction]) -> ExactResponse:
        """Return the best learner for class weights, length K."""
        unit = lcm(*(weight.denominator for weight in weights))
        numerators = [int(weight * unit) for weight in weights]
        values: list[dict[Node, Number]] = [{}]
        for index in reversed(range(len(self._layers))):
            following, layer = values[-1], {}
            for node in self._layers[index]:
                worths = (self._worth(index, node, c, numerators, following) for c in self._of(index, node))
                toll = self._toll[index % self._period] * self._mass(node[1], numerators)
                layer[node] = max(worths) + toll
            values.append(layer)
        values.reverse()

        def greedy(index: int, node: Node) -> int:
            options = self._of(index, node)
            return max(options, key=lambda c: self._worth(index, node, c, numerators, values[index + 1]))

        payoff, learner = self._walk(greedy)
        value = sum((w * p for w, p in zip(weights, payoff, strict=True)), Fraction(0))
        return ExactResponse(value, payoff, learner)

    def payoff_of(self, learner: DeterministicLearner) -> list[Fraction]:
        """Return the exact payoff of a tabulated learner on each class, length K."""
        period = self._period
        table = {
            (episode * period + step + 1, state, sum(1 << c for c in classes)): choice
            for episode, step, state, classes, choice in learner.rows()
        }
        reset = self._signals.process.n_choices
        return self._walk(lambda index, node: table[index, *node] if index % period else reset)[0]

    # ---------------------------------------------------------------- the game

    def _choices(self, place: int) -> dict[int, dict[int, list[Move]]]:
        """Moves of every state and choice in one layer; the last state draws the first state."""
        signals, process = self._signals, self._signals.process
        assert process.exact_initial is not None
        begins = [(_plain(p), s, int(signals.start[s])) for s, p in enumerate(process.exact_initial) if p]
        if place == 0:
            return {process.n_states: {process.n_choices: begins}}
        told = signals.last if place == self._period - 1 else signals.during
        chance = process.exact_probabilities
        return {
            state: {
                choice: [
                    (_plain(chance[m]), int(process.successors[m]), int(told[m]))
                    for m in range(int(process.offsets[choice]), int(process.offsets[choice + 1]))
                ]
                for choice in process.choices(state)
            }
            for state in range(process.n_states)
        }

    def _of(self, index: int, node: Node) -> dict[int, list[Move]]:
        return self._moves[index % self._period][node[0]]

    def _split(self, mask: int, signal: int) -> list[tuple[int, int]]:
        """Return the blocks of a set under a signal, with the smallest class of each."""
        if (mask, signal) not in self._blocks:
            parts: dict[int, int] = {}
            for member in range(self._signals.n_classes):
                if mask >> member & 1:
                    label = int(self._signals.labels[signal, member])
                    parts[label] = parts.get(label, 0) | 1 << member
            self._blocks[mask, signal] = [(part, (part & -part).bit_length() - 1) for part in parts.values()]
        return self._blocks[mask, signal]

    def _next(self, index: int, arrived: int, mask: int) -> Node | None:
        """Return the hyperstate after arriving, None after the very last step."""
        if index + 1 == self._episodes * self._period:
            return None
        return (self._root[0] if index % self._period == self._period - 1 else arrived), mask

    def _reachable(self) -> list[list[Node]]:
        layers: list[list[Node]] = []
        frontier: dict[Node, None] = {self._root: None}
        for index in range(self._episodes * self._period):
            layers.append(list(frontier))
            following: dict[Node, None] = {}
            for node in frontier:
                for moves in self._of(index, node).values():
                    for _, arrived, signal in moves:
                        for part, _ in self._split(node[1], signal):
                            after = self._next(index, arrived, part)
                            if after is not None and part & (part - 1):
                                following[after] = None
            frontier = following
        return layers

    def _later(self, index: int, arrived: int, signal: int, member: int) -> Fraction:
        """Return what a class left alone goes on to earn."""
        episode, place = divmod(index, self._period)
        if self._signals.closes[signal, member]:
            return Fraction(self._known.after[episode, member])
        return Fraction(self._known.values[episode, place, arrived, member])

    def _pay(self, signal: int, member: int) -> Number:
        assert self._signals.exact_pay is not None
        return _plain(self._signals.exact_pay[signal, member])

    @staticmethod
    def _mass(mask: int, weights: Sequence[int]) -> int:
        return sum(weight for member, weight in enumerate(weights) if mask >> member & 1)

    def _worth(
        self, index: int, node: Node, choice: int, weights: Sequence[int], following: dict[Node, Number]
    ) -> Number:
        total: Number = 0
        for chance, arrived, signal in self._of(index, node)[choice]:
            gained: Number = 0
            for part, member in self._split(node[1], signal):
                if part & (part - 1):
                    pay = self._pay(signal, member)
                    gained += pay * self._mass(part, weights) if pay else 0
                    after = self._next(index, arrived, part)
                    gained += following[after] if after is not None else 0
                elif weights[member]:
                    later = self._later(index, arrived, signal, member)
                    gained += weights[member] * _plain(self._pay(signal, member) + later)
            total += chance * gained
        return total

    def _walk(self, choose: Callable[[int, Node], int]) -> tuple[list[Fraction], DeterministicLearner]:
        """Play a learner: its exact payoffs, and its table."""
        signals = self._signals
        payoff = [Fraction(0)] * signals.n_classes
        if not self._layers:
            payoff = [Fraction(value) for value in self._known.start[0]]
        flow: dict[Node, Fraction] = {self._root: Fraction(1)}
        rows: list[tuple[int, int, int, int, int, float]] = []
        for index in range(len(self._layers)):
            following: dict[Node, Fraction] = {}
            episode, place = divmod(index, self._period)
            for node, reach in flow.items():
                choice = choose(index, node)
                if place:
                    rows.append((episode, place - 1, *node, choice, float(reach)))
                for member in range(signals.n_classes):
                    payoff[member] += reach * self._toll[place] if node[1] >> member & 1 else 0
                for chance, arrived, signal in self._of(index, node)[choice]:
                    for part, first in self._split(node[1], signal):
                        alone = not part & (part - 1)
                        earned = self._pay(signal, first)
                        earned += self._later(index, arrived, signal, first) if alone else 0
                        for member in range(signals.n_classes if earned else 0):
                            payoff[member] += reach * chance * earned if part >> member & 1 else 0
                        after = None if alone else self._next(index, arrived, part)
                        if after is not None:
                            following[after] = following.get(after, Fraction(0)) + reach * chance
            flow = following
        return payoff, _table(rows, (signals.n_classes + 63) // 64)


def _plain(value: Number) -> Number:
    """Return an integer where the fraction is one: integer arithmetic is much faster."""
    return int(value) if value.denominator == 1 else value


def _table(rows: list[tuple[int, int, int, int, int, float]], width: int) -> DeterministicLearner:
    columns = list(zip(*rows, strict=True)) if rows else [()] * 6
    words = [[mask >> (64 * word) & (2**64 - 1) for word in range(width)] for mask in columns[3]]
    episode, step, state, choice = (np.array(columns[i], dtype=np.int32) for i in (0, 1, 2, 4))
    return DeterministicLearner(
        episode,
        step,
        state,
        np.array(words, dtype=np.uint64).reshape(-1, width),
        choice,
        np.array(columns[5]),
    )
