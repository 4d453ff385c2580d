"""Bayes-adaptive value iteration, one layer at a time, and the walk along its greedy learner.

With unnormalised weights ``w_z`` on the classes of tasks (THEORY, section 5),

    W(h) = toll w(B) + max_a sum_s' P(s' | s, a) sum_blocks [ w(block) r_block + W(h') ]

and a block of one class continues with the value of planning for it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from metaregret.tabular.hyperstate.kernels.expansion import Layer
from metaregret.tabular.hyperstate.kernels.sets import contains, grown
from metaregret.tabular.hyperstate.kernels.splits import SplitTable
from metaregret.tabular.jit import njit

__all__ = ["Dynamics", "Payoffs", "add", "add_to_members", "backward", "forward"]


class Dynamics(NamedTuple):
    """The transitions of a process in its canonical layout; the last state begins an episode.

    Shapes: `choice_offsets` (S + 2,), `offsets` (C + 2,), `successors`, `probability` (M',).
    """

    choice_offsets: np.ndarray
    offsets: np.ndarray
    successors: np.ndarray
    probability: np.ndarray


class Payoffs(NamedTuple):
    """What one layer pays: signals (Q, K), known continuations (S, K), after a find (K,), the toll."""

    pay: np.ndarray
    closes: np.ndarray
    known: np.ndarray
    after: np.ndarray
    toll: float


@njit(cache=True)
def _choice_value(
    choice: int,
    position: int,
    here: int,
    layer: Layer,
    following: np.ndarray,
    signal: np.ndarray,
    dynamics: Dynamics,
    splits: SplitTable,
    payoffs: Payoffs,
    weights: np.ndarray,
    masses: np.ndarray,
) -> tuple[float, int]:
    """Return the weighted payoff of a choice, and the position after its children.

    An empty `following` marks the very last step.
    """
    total = 0.0
    leaf = len(following) == 0
    for transition in range(dynamics.offsets[choice], dynamics.offsets[choice + 1]):
        told = signal[transition]
        if told == 0:
            if not leaf:
                total += dynamics.probability[transition] * following[layer.child[position]]
                position += 1
            continue
        gained = 0.0
        split = splits.at[here * splits.n_signals + told]
        for block in range(splits.offsets[split], splits.offsets[split + 1]):
            member = splits.block_class[block]
            target = splits.block_set[block]
            if target >= 0:
                gained += payoffs.pay[told, member] * masses[target]
                if not leaf:
                    gained += following[layer.child[position]]
                    position += 1
            elif payoffs.closes[told, member]:
                gained += weights[member] * (payoffs.pay[told, member] + payoffs.after[member])
            else:
                later = payoffs.known[dynamics.successors[transition], member]
                gained += weights[member] * (payoffs.pay[told, member] + later)
        total += dynamics.probability[transition] * gained
    return total, position


@njit(cache=True)
def backward(
    layer: Layer,
    following: np.ndarray,
    signal: np.ndarray,
    dynamics: Dynamics,
    splits: SplitTable,
    payoffs: Payoffs,
    weights: np.ndarray,
    masses: np.ndarray,
) -> np.ndarray:
    """Return ``W(h)`` of every hyperstate of a layer from the values of the next one, shape (n,)."""
    value = np.empty(len(layer.state))
    for node in range(len(layer.state)):
        state, here = layer.state[node], layer.sets[node]
        position = layer.first_child[node]
        best = -np.inf
        for choice in range(dynamics.choice_offsets[state], dynamics.choice_offsets[state + 1]):
            total, position = _choice_value(
                choice, position, here, layer, following, signal, dynamics, splits, payoffs, weights, masses
            )
            best = max(best, total)
        value[node] = best + payoffs.toll * masses[here]
    return value


@njit(cache=True)
def _greedy(
    node: int,
    layer: Layer,
    following: np.ndarray,
    signal: np.ndarray,
    dynamics: Dynamics,
    splits: SplitTable,
    payoffs: Payoffs,
    weights: np.ndarray,
    masses: np.ndarray,
) -> tuple[int, int]:
    """Return the first best choice of a hyperstate and the position of its first child."""
    state, here = layer.state[node], layer.sets[node]
    position = layer.first_child[node]
    best, chosen, chosen_position = -np.inf, -1, position
    for choice in range(dynamics.choice_offsets[state], dynamics.choice_offsets[state + 1]):
        begun = position
        total, position = _choice_value(
            choice, position, here, layer, following, signal, dynamics, splits, payoffs, weights, masses
        )
        if total > best:
            best, chosen, chosen_position = total, choice, begun
    return chosen, chosen_position


@njit(cache=True)
def add(total: np.ndarray, lost: np.ndarray, index: int, amount: float) -> None:
    """Add to an entry of a sum; what rounding drops goes to `lost` (Knuth's two-sum; Ogita et al. 2005).

    A learner's payoff is a sum over all hyperstates that it reaches. ``total + lost`` is off by two roundings
    however many terms there are, which is what the rounding allowances count.
    """
    before = total[index]
    after = before + amount
    added = after - before
    lost[index] += (before - (after - added)) + (amount - added)
    total[index] = after


@njit(cache=True)
def add_to_members(row: np.ndarray, amount: float, payoff: np.ndarray, lost: np.ndarray) -> None:
    """Add `amount` to the payoff of every class in the set `row`, in place."""
    for member in range(len(payoff)):
        if contains(row, member):
            add(payoff, lost, member, amount)


@njit(cache=True)
def forward(
    nodes: np.ndarray,
    reach: np.ndarray,
    layer: Layer,
    following: np.ndarray,
    signal: np.ndarray,
    dynamics: Dynamics,
    splits: SplitTable,
    payoffs: Payoffs,
    weights: np.ndarray,
    masses: np.ndarray,
    words: np.ndarray,
    payoff: np.ndarray,
    lost: np.ndarray,
    mark: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Follow the greedy choices of one layer: add per-class payoffs, return choices and what is reached next.

    Parameters
    ----------
    nodes, reach : ndarray, shape (n,)
        Hyperstates of the layer that the learner reaches, and their realisation weights: the probability of
        chance's moves on the way, which is the same for every task of the hyperstate's set.
    payoff, lost : ndarray, shape (K,)
        Expected payoff of each class and what rounding dropped of it, added to in place.
    mark : ndarray of int32, at least as long as the next layer
        Scratch, -1 everywhere before and after.

    Returns
    -------
    tuple
        ``(choices, next_nodes, next_reach)``.
    """
    choices = np.empty(len(nodes), dtype=np.int32)
    reached, onward, dropped = np.empty(256, dtype=np.int64), np.empty(256), np.empty(256)
    n_reached = 0
    leaf = len(following) == 0
    for index in range(len(nodes)):
        here = layer.sets[nodes[index]]
        choice, position = _greedy(
            nodes[index], layer, following, signal, dynamics, splits, payoffs, weights, masses
        )
        choices[index] = choice
        if payoffs.toll != 0.0:
            add_to_members(words[here], reach[index] * payoffs.toll, payoff, lost)
        for transition in range(dynamics.offsets[choice], dynamics.offsets[choice + 1]):
            told = signal[transition]
            weight = reach[index] * dynamics.probability[transition]
            first, after = 0, 1
            if told:
                split = splits.at[here * splits.n_signals + told]
                first, after = splits.offsets[split], splits.offsets[split + 1]
            for block in range(first, after):
                target = splits.block_set[block] if told else here
                if target < 0:
                    member = splits.block_class[block]
                    later = payoffs.known[dynamics.successors[transition], member]
                    if payoffs.closes[told, member]:
                        later = payoffs.after[member]
                    add(payoff, lost, member, weight * (payoffs.pay[told, member] + later))
                    continue
                if told and payoffs.pay[told, splits.block_class[block]] != 0.0:
                    add_to_members(
                        words[target], weight * payoffs.pay[told, splits.block_class[block]], payoff, lost
                    )
                if leaf:
                    continue
                arrived = layer.child[position]
                position += 1
                if mark[arrived] < 0:
                    if n_reached == len(reached):
                        reached, onward = grown(reached, n_reached), grown(onward, n_reached)
                        dropped = grown(dropped, n_reached)
                    mark[arrived], reached[n_reached] = n_reached, arrived
                    onward[n_reached], dropped[n_reached] = 0.0, 0.0
                    n_reached += 1
                add(onward, dropped, mark[arrived], weight)
    for index in range(n_reached):
        mark[reached[index]] = -1
        onward[index] += dropped[index]
    return choices, reached[:n_reached].copy(), onward[:n_reached].copy()
