"""Undiscounted problems brought to a stochastic shortest path without zero-reward end components.

1. States whose value is known from the graph alone are *settled*: targets; probability 0 or 1 of reaching
   them; values of plus or minus infinity.
2. Every maximal end component in which all rewards are zero is *collapsed* to one state: a policy can move
   about in it for free. The collapsed state may also *stay* for ever, which is worth 0.
3. What is left has no loop of reward zero, and a policy that ends with probability one (a *proper* policy)
   from every state; transitions to settled states lead to a *sink* of value 0, and their value moves into
   the reward.

Sources: Bertsekas & Tsitsiklis, *An analysis of stochastic shortest path problems*, Math. Oper. Res. 16
(1991); Haddad & Monmege, *Interval iteration algorithm for MDPs and IMDPs* (2018); Baier et al., *Ensuring
the reliability of your model checker: interval iteration for Markov decision processes* (2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaregret.tabular.engine.gain import Gains, decide_gains
from metaregret.tabular.engine.graph import ChoiceGraph
from metaregret.tabular.engine.layout import frozen
from metaregret.tabular.engine.problem import Problem, signed_floats
from metaregret.tabular.engine.solution import Objective
from metaregret.tabular.errors import UnsupportedError

__all__ = ["Quotient", "Settled", "quotient", "settle"]


@dataclass(frozen=True, eq=False)
class Settled:
    """States whose maximal value is known from the graph.

    Attributes
    ----------
    graph : ChoiceGraph
        The graph of the process.
    mask : ndarray of bool, shape (S,)
    values : ndarray of float64, shape (S,)
        0 where not settled.
    policy : ndarray of int64, shape (S,)
        A choice that attains the value at settled states.
    usable : ndarray of bool, shape (C,)
        Choices of the other states that do not risk a value of minus infinity.
    undefined : ndarray of bool, shape (S,), or None
        Settled states without a value (infinity minus infinity, rewards that cancel); no start leads there.
    undecided : bool
        Whether the sign of the gain of some loop among the other states is not known.
    """

    graph: ChoiceGraph
    mask: np.ndarray
    values: np.ndarray
    policy: np.ndarray
    usable: np.ndarray
    undefined: np.ndarray | None = None
    undecided: bool = False

    @property
    def lower(self) -> np.ndarray:
        """The values, minus infinity where there is none."""
        return self.values if self.undefined is None else np.where(self.undefined, -np.inf, self.values)

    @property
    def upper(self) -> np.ndarray:
        """The values, plus infinity where there is none."""
        return self.values if self.undefined is None else np.where(self.undefined, np.inf, self.values)


@dataclass(frozen=True, eq=False)
class Quotient:
    """The reduced problem; its last state is the sink.

    Attributes
    ----------
    graph : ChoiceGraph
        Graph on ``n + 1`` states.
    probabilities : ndarray of float64, shape (M',)
    rewards : ndarray of float64, shape (C',)
        Expected reward of each choice, with the values of settled successors.
    origin : ndarray of int64, shape (C',)
        The choice of the process, -1 for staying in a collapsed component and for the sink.
    transition : ndarray of int64, shape (M',)
        The transition of the process, -1 for staying and for the sink.
    state_class : ndarray of int64, shape (S,)
        The reduced state of each state of the process; the sink for settled states.
    inner : ndarray of bool, shape (C,)
        Choices inside collapsed components.
    """

    graph: ChoiceGraph
    probabilities: np.ndarray
    rewards: np.ndarray
    origin: np.ndarray
    transition: np.ndarray
    state_class: np.ndarray
    inner: np.ndarray


def graph_of(problem: Problem) -> ChoiceGraph:
    """Return the graph of the process."""
    process = problem.process
    return ChoiceGraph(process.choice_offsets, process.offsets, process.successors)


def settle(problem: Problem) -> Settled:
    """Settle what the graph decides.

    Raises
    ------
    UnsupportedError
        If the value at the start is plus or minus infinity.
    """
    if problem.objective is Objective.REACH:
        return _settle_reach(problem)
    return _settle_total(problem)


def _settle_reach(problem: Problem) -> Settled:
    """Targets 1; probability 0 and 1 by the four qualitative searches of Baier & Katoen, sec. 10.6."""
    graph, targets = graph_of(problem), problem.targets
    assert targets is not None
    policy = problem.process.choice_offsets[:-1].copy()
    if problem.sign > 0:
        never = ~graph.can_reach(targets)
        surely, through = graph.almost_surely(targets)
        policy[surely & ~targets] = through[surely & ~targets]
    else:
        never = graph.can_avoid(targets)
        safe = np.flatnonzero(graph.staying(never) & never[graph.choice_state])
        policy[graph.choice_state[safe]] = safe
        interior = ~targets[graph.choice_state]
        surely = ~graph.can_reach(never, interior) | targets
    mask = never | surely
    values = np.where(surely, float(problem.sign), 0.0)
    return Settled(graph, mask, values, policy, ~mask[graph.choice_state])


def _settle_total(problem: Problem) -> Settled:
    """Infinite values by the signs of the gains of the end components; the rest can end.

    *Goals* are the targets, loops in which nothing is paid, and components that gain. A state from which some
    policy reaches goals almost surely has a value above minus infinity; it is plus infinity where such a
    policy can meet a component that gains. From any other state every policy is caught, with positive
    probability, in components that lose: minus infinity. Where a policy may gain for ever only at the risk of
    losing for ever (infinity minus infinity), or meet a loop whose rewards cancel, no total is defined.
    """
    graph = graph_of(problem)
    targets = np.zeros(graph.n_states, dtype=bool) if problem.targets is None else problem.targets
    least, greatest = transition_rewards(problem)
    interior = ~targets[graph.choice_state]
    allowed = interior
    if problem.must_reach:  # what may miss the targets does not count, whatever is gained there
        allowed = interior & graph.staying(_surely_reaching(problem, graph, targets))
    free = (least == 0) & (greatest == 0) & allowed & (not problem.must_reach)
    idle = graph.end_components(free) >= 0
    gains = decide_gains(problem, graph, allowed, least, greatest)
    safe, _ = graph.almost_surely(targets | idle | gains.positive)
    keeping = interior & graph.staying(safe)
    unbounded = safe & graph.can_reach(gains.positive, keeping)
    _refuse_infinite(problem, unbounded, 1, "a loop earns reward for ever")
    undefined = _undefined(problem, graph, gains, allowed, safe, unbounded) & ~unbounded
    hopeless = ~safe & ~undefined
    _refuse_infinite(problem, hopeless, -1, "every policy keeps collecting such rewards for ever")
    mask = targets | unbounded | hopeless | undefined
    values = np.where(unbounded, np.inf, np.where(hopeless, -np.inf, 0.0))
    usable = keeping & ~mask[graph.choice_state]
    policy = problem.process.choice_offsets[:-1].copy()
    return Settled(graph, mask, values, policy, usable, undefined, bool((gains.undecided & ~mask).any()))


def _surely_reaching(problem: Problem, graph: ChoiceGraph, targets: np.ndarray) -> np.ndarray:
    """Mask of the states from which some policy reaches the targets with probability one.

    Raises
    ------
    UnsupportedError
        If a start is not among them; it names a state from which no target can be reached any more.
    """
    surely, _ = graph.almost_surely(targets)
    starts = np.flatnonzero(~surely & (problem.process.initial > 0))
    if starts.size:
        names = problem.process.states
        lost = int(np.flatnonzero(~graph.can_reach(targets) & problem.process.reachable)[0])
        raise UnsupportedError(
            f"The target may be missed: from the start state {names[int(starts[0])]!r} no policy reaches it "
            f"with probability one, because state {names[lost]!r} (index {lost}) can be met and leads to no "
            "target, so the total until a target is not defined. Name such states as targets, too, or ask "
            "for the total reward without a target."
        )
    return surely


def _undefined(
    problem: Problem,
    graph: ChoiceGraph,
    gains: Gains,
    allowed: np.ndarray,
    safe: np.ndarray,
    unbounded: np.ndarray,
) -> np.ndarray:
    """Mask of the states whose total is not defined, or not decided.

    Raises
    ------
    UnsupportedError
        If such a state can be met from the start.
    """
    risking = graph.can_reach(gains.positive, allowed) & ~unbounded
    why = {
        "its rewards cancel in a loop, so that the sums have no limit": gains.cancelling,
        "with positive probability it gains for ever, and with positive probability it loses for "
        "ever": risking,
        "it lies in a loop whose gain a round is too near to zero for double precision, and which is too "
        "large for rational arithmetic": ~safe & gains.undecided,
    }
    undefined = np.zeros(graph.n_states, dtype=bool)
    for reason, states in why.items():
        if not states.any():
            continue
        undefined |= graph.can_reach(states, allowed)
        if (undefined & (problem.process.initial > 0)).any():
            state = int(np.flatnonzero(states & problem.process.reachable)[0])
            raise UnsupportedError(
                f"The total reward is infinite or does not converge: around state "
                f"{problem.process.states[state]!r} (index {state}), {reason}. Use a finite horizon or "
                "gamma < 1, or name target states where the episode ends."
            )
    return undefined


def transition_rewards(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and greatest single reward of each choice, in maximisation form, shape (C,)."""
    process, given = problem.process, problem.given
    if given is None or len(given) != process.n_transitions:
        return problem.rewards, problem.rewards
    floats = problem.sign * signed_floats(given)
    return np.minimum.reduceat(floats, process.offsets[:-1]), np.maximum.reduceat(
        floats, process.offsets[:-1]
    )


def _refuse_infinite(problem: Problem, infinite: np.ndarray, sign: int, why: str) -> None:
    starts = np.flatnonzero(infinite & (problem.process.initial > 0))
    if starts.size:
        state = int(starts[0])
        raise UnsupportedError(
            f"The total reward from the start state {problem.process.states[state]!r} (index {state}) is "
            f"{'plus' if sign == problem.sign else 'minus'} infinity: {why}. Use a finite horizon or gamma "
            "< 1, or name target states where the episode ends."
        )


def quotient(problem: Problem, settled: Settled) -> Quotient:
    """Collapse the zero-reward end components of the unsettled states and redirect settled successors to the
    sink."""
    graph, process = settled.graph, problem.process
    least, greatest = transition_rewards(problem)
    open_states = ~settled.mask
    free = settled.usable & graph.staying(open_states) & (least == 0) & (greatest == 0)
    labels = graph.end_components(free)
    state_class, n_classes = _classes(labels, open_states)
    source, target = state_class[graph.choice_state], state_class[graph.successors]
    leaves = np.zeros(graph.n_choices, dtype=bool)
    leaves[graph.transition_choice[target != source[graph.transition_choice]]] = True
    inner = free & (labels[graph.choice_state] >= 0) & ~leaves
    kept = np.flatnonzero(settled.usable & ~inner)
    folded = problem.rewards.copy()
    into = settled.usable[graph.transition_choice]  # what is not settled counts as 0
    np.add.at(
        folded,
        graph.transition_choice[into],
        process.probabilities[into] * settled.values[process.successors[into]],
    )
    return _assemble(problem, graph, state_class, n_classes, kept, labels, inner, folded)


def _classes(labels: np.ndarray, open_states: np.ndarray) -> tuple[np.ndarray, int]:
    """Number the components first, then the single states; settled states go to the sink, the last class."""
    n_components = int(labels.max()) + 1
    single = open_states & (labels < 0)
    n_classes = n_components + int(single.sum())
    state_class = np.full(len(labels), n_classes)
    state_class[labels >= 0] = labels[labels >= 0]
    state_class[single] = np.arange(n_components, n_classes)
    return state_class, n_classes


def _assemble(
    problem: Problem,
    graph: ChoiceGraph,
    state_class: np.ndarray,
    n_classes: int,
    kept: np.ndarray,
    labels: np.ndarray,
    inner: np.ndarray,
    folded: np.ndarray,
) -> Quotient:
    """Lay the kept choices out by class, followed by one staying choice for each component and the sink's
    loop."""
    process = problem.process
    # A policy that must reach a target does not stay.
    n_components = 0 if problem.must_reach else int(labels.max()) + 1
    owner = np.concatenate([state_class[graph.choice_state[kept]], np.arange(n_components), [n_classes]])
    origin = np.concatenate([kept, np.full(n_components + 1, -1)])
    order = np.argsort(owner, kind="stable")
    owner, origin = owner[order], origin[order]
    lengths = np.where(origin >= 0, np.diff(process.offsets)[origin], 1)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    own = origin >= 0
    item = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    from_process = np.repeat(own, lengths)
    place = (item + np.repeat(process.offsets[np.maximum(origin, 0)], lengths))[from_process]
    successors = np.full(offsets[-1], n_classes)
    probabilities = np.zeros(offsets[-1])
    successors[from_process] = state_class[process.successors[place]]
    probabilities[from_process] = process.probabilities[place]
    probabilities[successors == n_classes] = 0.0
    transition = np.full(offsets[-1], -1)
    transition[from_process] = place
    rewards = np.where(own, folded[np.maximum(origin, 0)], 0.0)
    choice_offsets = np.concatenate([[0], np.cumsum(np.bincount(owner))])
    reduced = ChoiceGraph(choice_offsets.astype(np.int64), offsets.astype(np.int64), successors)
    return Quotient(reduced, probabilities, frozen(rewards), origin, transition, state_class, inner)
