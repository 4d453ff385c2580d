"""The sign of the largest mean payoff of an end component, which decides whether a total is infinite.

All states of an end component have the same largest gain ``g``, because a policy can walk between any two
of them. For every vector ``h``, with ``T h = max_c (r_c + P_c h)`` over the choices of the component,

    ``min (T h - h) <= g <= max (T h - h)``                       (Puterman 1994, theorem 8.5.5)

so a few backups decide most signs whatever `h` is; each carries its rounding allowance. What they leave open
is decided over the rationals: policy iteration ends with a gain and a bias that no choice improves on. Where
the gain is zero, every loop that attains it consists of choices that are tight at that bias, which shows
whether a policy can earn and lose for ever without a limit (rewards that cancel).

Sources: Howard, *Dynamic Programming and Markov Processes* (1960); Puterman, *Markov Decision Processes*
(1994), chapters 8 and 9.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint
import numpy as np
import scipy.sparse as sp

from metaregret.tabular.engine.graph import ChoiceGraph
from metaregret.tabular.engine.problem import Problem, backup_roundoff, row_mass

__all__ = ["DECIDED_STATES", "Gains", "decide_gains"]

SWEEPS = 400
"""Backups before the rationals are asked."""

DECIDED_STATES = 400
"""Largest component whose sign is decided over the rationals."""

EXACT_ROUNDS = 1000
"""Rounds of exact policy iteration on one component."""


@dataclass(frozen=True, eq=False)
class Gains:
    """Masks of the states, shape (S,), whose end component has a gain of that kind.

    Attributes
    ----------
    positive : ndarray of bool
        Some policy earns without limit.
    cancelling : ndarray of bool
        In a loop of gain zero in which something is paid: its sums have no limit.
    undecided : ndarray of bool
        Components too large for rational arithmetic whose gain is too near to zero for double precision.
    """

    positive: np.ndarray
    cancelling: np.ndarray
    undecided: np.ndarray


def decide_gains(
    problem: Problem, graph: ChoiceGraph, allowed: np.ndarray, least: np.ndarray, greatest: np.ndarray
) -> Gains:
    """Decide the signs of all maximal end components made of `allowed` choices.

    Parameters
    ----------
    problem : Problem
    graph : ChoiceGraph
        Its graph.
    allowed : ndarray of bool, shape (C,)
    least, greatest : ndarray, shape (C,)
        The least and the greatest single reward of each choice, with exact signs.
    """
    positive, cancelling, undecided = np.zeros((3, graph.n_states), dtype=bool)
    paying = allowed & (greatest > 0)
    if not paying.any():
        return Gains(positive, cancelling, undecided)
    labels = graph.end_components(allowed)
    inner = _inner(graph, allowed, labels)
    owner = labels[graph.choice_state]
    # Components without a positive reward lose, or idle for free; a loop that only gains needs no arithmetic.
    mixed = np.isin(np.arange(labels.max() + 1), owner[inner & paying])
    never_losing = inner & (least >= 0)
    small = graph.end_components(never_losing)
    sure = np.unique(owner[_inner(graph, never_losing, small) & paying])
    positive = np.isin(labels, sure)
    mixed[sure] = False
    if not mixed.any():
        return Gains(positive, cancelling, undecided)
    high, low, greedy = _bracketed(problem, graph, inner, labels, mixed)
    for label in np.flatnonzero(mixed).tolist():
        members = np.flatnonzero(labels == label)
        if low[label] > 0.0:
            positive[members] = True
        elif high[label] >= 0.0:
            if len(members) > DECIDED_STATES:
                undecided[members] = True
                continue
            sign, lossless = _over_rationals(problem, graph, members, inner, least, greatest, greedy)
            positive[members] = sign == 1
            cancelling[members] = lossless
            undecided[members] = sign is None
    return Gains(positive, cancelling, undecided)


def _inner(graph: ChoiceGraph, allowed: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mask of the `allowed` choices that stay in the component of their state."""
    source = labels[graph.choice_state]
    leaves = np.zeros(graph.n_choices, dtype=bool)
    leaves[graph.transition_choice[labels[graph.successors] != source[graph.transition_choice]]] = True
    return allowed & (source >= 0) & ~leaves


def _bracketed(
    problem: Problem, graph: ChoiceGraph, inner: np.ndarray, labels: np.ndarray, mixed: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bounds on the gain of the `mixed` components, in units of the largest reward, and greedy choices.

    Lazy value iteration (half a step at a time, so that periodic loops converge), with the best bounds seen.
    """
    process, n_labels = problem.process, len(mixed)
    inside = (labels >= 0) & mixed[labels]
    states, place = np.flatnonzero(inside), np.cumsum(inside) - 1
    kept = inner & mixed[labels[graph.choice_state]]
    choices = np.flatnonzero(kept)
    items = kept[graph.transition_choice]
    lengths = np.diff(graph.offsets)[choices]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    rows = sp.csr_array((process.probabilities[items], place[graph.successors[items]], offsets))
    first = np.searchsorted(graph.choice_state[choices], states)
    rewards, component = problem.rewards[choices] / problem.reward_scale, labels[states]
    least_sum, greatest_sum = row_mass(process)
    # Rows are meant to sum to one, as over the rationals: what a stored row lacks is not lost.
    roundoff = backup_roundoff(int(lengths.max())) + max(1.0 - least_sum, greatest_sum - 1.0)
    high, low = np.full(n_labels, np.inf), np.full(n_labels, -np.inf)
    values = np.zeros(len(states))
    for _ in range(SWEEPS):
        action_values = rewards + rows @ values
        residual = np.maximum.reduceat(action_values, first) - values
        allowance = roundoff * (1.0 + float(np.abs(values).max()))
        most, fewest = np.full(n_labels, -np.inf), np.full(n_labels, np.inf)
        np.maximum.at(most, component, residual)
        np.minimum.at(fewest, component, residual)
        high = np.where(mixed, np.minimum(high, most + allowance), high)
        low = np.where(mixed, np.maximum(low, fewest - allowance), low)
        if np.all((high < 0.0) | (low > 0.0) | ~mixed):
            break
        values += 0.5 * residual
        anchor = np.full(n_labels, -np.inf)
        np.maximum.at(anchor, component, values)
        values -= anchor[component]
    greedy = np.full(graph.n_states, -1, dtype=np.int64)
    best = action_values == np.repeat(
        np.maximum.reduceat(action_values, first), np.diff(np.append(first, len(choices)))
    )
    attained = choices[best]
    greedy[graph.choice_state[attained[::-1]]] = attained[::-1]
    return high, low, greedy


class _Component:
    """One end component over the rationals, its states numbered ``0..n-1``."""

    def __init__(self, problem: Problem, graph: ChoiceGraph, members: np.ndarray, inner: np.ndarray) -> None:
        from metaregret.tabular.engine.exact import ExactModel

        inside = np.zeros(graph.n_states, dtype=bool)
        inside[members] = True
        self.choices = np.flatnonzero(inner & inside[graph.choice_state])
        place = np.cumsum(inside) - 1
        owner = place[graph.choice_state[self.choices]]
        offsets, successors, weights, paid = [0], [], [], []
        for choice in self.choices.tolist():
            row = range(int(graph.offsets[choice]), int(graph.offsets[choice + 1]))
            chances = _chances(problem, row)
            successors += [int(place[graph.successors[item]]) for item in row]
            weights += chances
            paid.append(
                sum(p * _paid(problem, graph, choice, item) for p, item in zip(chances, row, strict=True))
            )
            offsets.append(len(successors))
        starts = np.concatenate([[0], np.cumsum(np.bincount(owner))])
        self.graph = ChoiceGraph(starts, np.array(offsets), np.array(successors))
        self.model = ExactModel(self.graph, np.array(weights), np.array(paid))

    def gain_and_bias(self, policy: np.ndarray, anchor: int) -> tuple[flint.fmpq, np.ndarray]:
        """The gain of a policy that always returns to `anchor`, and its bias, 0 there.

        Rewards and times until the next visit of the anchor are two chains; at the anchor itself they are
        those of a whole round, whose quotient is the gain.
        """
        from metaregret.tabular.engine.exact import ExactModel, chain_values

        graph = self.graph
        cut = self.model.weights.copy()
        cut[graph.successors == anchor] = flint.fmpq(0)
        earned = chain_values(ExactModel(graph, cut, self.model.rewards), policy)
        ones = np.full(graph.n_choices, flint.fmpq(1))
        times = chain_values(ExactModel(graph, cut, ones), policy)
        gain = earned[anchor] / times[anchor]
        bias = earned - gain * times
        bias[anchor] = flint.fmpq(0)
        return gain, bias

    def recurrent(self, policy: np.ndarray) -> list[np.ndarray]:
        """The recurrent classes of the policy's chain."""
        allowed = np.zeros(self.graph.n_choices, dtype=bool)
        allowed[policy] = True
        labels = self.graph.end_components(allowed)
        return [np.flatnonzero(labels == label) for label in range(int(labels.max()) + 1)]

    def toward(self, members: np.ndarray, policy: np.ndarray) -> np.ndarray:
        """The policy inside the closed class `members`; everywhere else, walk there."""
        goal = np.zeros(self.graph.n_states, dtype=bool)
        goal[members] = True
        _, through = self.graph.search_back(goal)
        return np.where(goal, policy, through)


def _chances(problem: Problem, row: range) -> list[flint.fmpq]:
    """The probabilities of one choice; stored floats are read literally and made to sum to one."""
    process = problem.process
    if process.is_exact:
        assert process.numerators is not None
        assert process.denominators is not None
        return [flint.fmpq(int(process.numerators[i]), int(process.denominators[i])) for i in row]
    literal = [Fraction(float(process.probabilities[item])) for item in row]
    total = sum(literal)
    return [flint.fmpq((p / total).numerator, (p / total).denominator) for p in literal]


def _paid(problem: Problem, graph: ChoiceGraph, choice: int, item: int) -> flint.fmpq:
    """The reward of one transition in maximisation form."""
    from metaregret.tabular.rationals import parse_fraction

    given = problem.given
    assert given is not None
    place = {graph.n_choices: choice, len(graph.successors): item}.get(
        len(given), int(graph.choice_state[choice])
    )
    value = problem.sign * parse_fraction(given[place], "rewards")
    return flint.fmpq(value.numerator, value.denominator)


def _over_rationals(
    problem: Problem,
    graph: ChoiceGraph,
    members: np.ndarray,
    inner: np.ndarray,
    least: np.ndarray,
    greatest: np.ndarray,
    greedy: np.ndarray,
) -> tuple[int | None, np.ndarray | bool]:
    """The sign of the gain of one component, and the mask of the members in loops whose rewards cancel.

    Howard's policy iteration for one recurrent class. An improved policy has the old class, or a class with
    a larger gain, towards which all other states then walk; so gains never fall and the loop ends.
    """
    part = _Component(problem, graph, members, inner)
    local = np.searchsorted(part.choices, greedy[members])
    policy = local
    best: Any = None
    for _ in range(EXACT_ROUNDS):
        classes = part.recurrent(policy)
        if len(classes) > 1 or not np.array_equal(classes[0], best):
            rated = []
            for candidate in classes:
                walking = part.toward(candidate, policy)
                gain, bias = part.gain_and_bias(walking, int(candidate[0]))
                rated.append((gain, -int(candidate[0]), candidate, walking, bias))
            gain, _, best, policy, bias = max(rated)
        else:
            gain, bias = part.gain_and_bias(policy, int(best[0]))
        if gain > 0:
            return 1, False
        improved, owner = policy.copy(), part.graph.choice_state
        advantage = part.model.action_values(bias) - gain - bias[owner]
        tight, better = advantage == 0, np.flatnonzero(advantage > 0)
        improved[owner[better]] = better
        if np.array_equal(improved, policy):
            return (-1, False) if gain < 0 else (0, _cancelling(part, tight, least, greatest))
        policy = improved
    return None, False


def _cancelling(part: _Component, tight: np.ndarray, least: np.ndarray, greatest: np.ndarray) -> np.ndarray:
    """Mask of the members in a loop of gain zero (its choices are tight) in which something is paid."""
    labels = part.graph.end_components(tight)
    loops = _inner(part.graph, tight, labels)
    paying = loops & ((least[part.choices] != 0) | (greatest[part.choices] != 0))
    return np.isin(labels, labels[part.graph.choice_state[paying]]) & (labels >= 0)
