"""The minimax regret with memory as one linear program over hyperstates, through cvxpy (a cross-check).

    min { theta : x >= 0 a flow of realisation weights, scale_z (offset_z - payoff_z . x) <= theta for all z }

The tests hold it against the decomposition of `solve_memory`, which needs it nowhere; the benchmark measures
what that saves. Both bounds are recomputed: the solver's flow is repaired into a behaviour policy, whose
losses are those of a real learner, and its multipliers are a task distribution, to which a best response is
computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.bounds import Bracket, relative_error
from metaregret.tabular.errors import SolverError, UnsupportedError
from metaregret.tabular.hyperstate import HyperstateGraph
from metaregret.theory.minimax.memory.game import MemoryGame
from metaregret.theory.optimise import LINEAR_SOLVERS, Attempt, solve_certified

__all__ = ["HyperstateProgram", "hyperstate_program", "solve_program"]


@dataclass(frozen=True, eq=False)
class HyperstateProgram:
    """The matrices of the program.

    Attributes
    ----------
    flow : csr_array, shape (hyperstates, columns)
        ``flow @ x`` is 1 for the root and 0 elsewhere.
    payoff : csr_array, shape (K, columns)
    column_row : ndarray of int64, shape (columns,)
        The hyperstate of each column.
    """

    flow: sp.csr_array
    payoff: sp.csr_array
    column_row: np.ndarray


def hyperstate_program(graph: HyperstateGraph) -> HyperstateProgram:
    """Return the program's matrices for a graph of single steps.

    One column for each pair of a hyperstate and a choice. The flow rows say that what leaves a hyperstate has
    entered it; the payoff rows, one for each class, add up what the column pays to the tasks of the
    hyperstate's set.
    """
    flow = _Triplets()
    pays = _Triplets()
    classes, dynamics, splits = graph.signals.n_classes, graph.dynamics, graph.splits
    members = [[z for z in range(classes) if int(row[z >> 6]) >> (z & 63) & 1] for row in graph.sets.words]
    first, column, owner = 0, 0, []
    for index, layer in enumerate(graph.layers):
        signal, paid, leaf = graph.signal(index), graph.payoffs(index), index == len(graph.layers) - 1
        after_layer = first + len(layer.state)
        for node, (state, here) in enumerate(zip(layer.state.tolist(), layer.sets.tolist(), strict=True)):
            children = iter(layer.child[layer.first_child[node] :].tolist())
            for choice in range(*dynamics.choice_offsets[state : state + 2].tolist()):
                flow.add(first + node, column, 1.0)
                owner.append(first + node)
                pays.add_all(members[here], column, paid.toll)
                for transition in range(*dynamics.offsets[choice : choice + 2].tolist()):
                    told, chance = int(signal[transition]), float(dynamics.probability[transition])
                    split = int(splits.at[here * splits.n_signals + told]) if told else -1
                    for block in range(*splits.offsets[split : split + 2].tolist()) if told else (-1,):
                        target = int(splits.block_set[block]) if told else here
                        member = int(splits.block_class[block]) if told else 0
                        if target < 0:  # a single class: it is known from here on
                            later = paid.known[dynamics.successors[transition], member]
                            later = paid.after[member] if paid.closes[told, member] else later
                            pays.add(member, column, chance * (paid.pay[told, member] + later))
                            continue
                        pays.add_all(
                            members[target], column, chance * paid.pay[told, member] if told else 0.0
                        )
                        if not leaf:
                            flow.add(after_layer + next(children), column, -chance)
                column += 1
        first = after_layer
    return HyperstateProgram(flow.matrix((first, column)), pays.matrix((classes, column)), np.array(owner))


class _Triplets:
    """A sparse matrix under construction."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.columns: list[int] = []
        self.values: list[float] = []

    def add(self, row: int, column: int, value: float) -> None:
        self.rows.append(row)
        self.columns.append(column)
        self.values.append(value)

    def add_all(self, rows: Sequence[int], column: int, value: float) -> None:
        if value != 0.0:
            for row in rows:
                self.add(row, column, value)

    def matrix(self, shape: tuple[int, int]) -> sp.csr_array:
        return sp.csr_array((self.values, (self.rows, self.columns)), shape=shape)


def solve_program(game: MemoryGame, *, attempts: Sequence[Attempt] = LINEAR_SOLVERS) -> Bracket:
    """Solve the program; return the bounds that its flow and its multipliers prove.

    The flow describes a learner, whose worst loss is the upper bound; to the multipliers, as a task
    distribution, the Bayes-adaptive oracle answers with the lower one.

    Raises
    ------
    SolverError
        If no solver returns a flow, or the game's graph is collapsed to episodes.
    UnsupportedError
        If all tasks pay the same, so that there is nothing to find out.
    """
    import cvxpy as cp

    if not isinstance(game.graph, HyperstateGraph):
        raise SolverError("The program needs the graph of single steps; build the game with collapse=False.")
    if not game.graph.layers:
        raise UnsupportedError("The program is empty: all tasks pay the same; use solve_memory.")
    graph, program = game.graph, hyperstate_program(game.graph)
    right = np.zeros(program.flow.shape[0])
    right[0] = 1.0
    x = cp.Variable(program.flow.shape[1], nonneg=True)
    theta = cp.Variable()
    payoff = program.payoff[game.task_class]
    # sums over columns and over ways to reach a hyperstate: no term passes through more than all of them
    roundings = relative_error(program.flow.nnz + program.payoff.nnz + 4 * len(graph.layers))
    losses = sp.diags_array(game.scale) @ (game.offset - payoff @ x) <= theta
    problem: Any = cp.Problem(cp.Minimize(theta), [program.flow @ x == right, losses])

    def certify() -> Bracket | None:
        if x.value is None or losses.dual_value is None:
            return None
        realised = _repaired(program, np.maximum(np.asarray(x.value), 0.0), graph)
        upper = float((game.scale * (game.offset - payoff @ realised)).max()) + game.allowance
        upper += roundings * float((game.scale * (abs(payoff) @ realised)).max())
        prior = np.maximum(np.asarray(losses.dual_value), 0.0)
        prior = prior / prior.sum() if prior.sum() > 0 else np.full(len(prior), 1.0 / len(prior))
        return Bracket(min(game.respond(prior).lower, upper), upper)

    best = solve_certified(problem, certify, tolerance=1e-9, attempts=attempts)
    return Bracket(
        best.lower,
        best.upper,
        lower_from="Bayes-adaptive value iteration at the program's multipliers",
        upper_from="losses of the learner that the program's flow describes",
    )


def _repaired(program: HyperstateProgram, x: np.ndarray, graph: HyperstateGraph) -> np.ndarray:
    """Return the exact flow of the behaviour policy ``x(h, a) / x(h)`` (uniform where ``x(h) = 0``)."""
    owner, moves = program.column_row, program.flow.tocsc()
    total, number = np.bincount(owner, x), np.bincount(owner)
    reached = total[owner] > 0
    policy = np.where(reached, x, 1.0) / np.where(reached, total[owner], number[owner])
    realised = np.zeros(len(x))
    entering: np.ndarray = np.zeros(len(number))
    entering[0] = 1.0
    first = column = 0
    for layer in graph.layers:
        last = first + len(layer.state)
        here = slice(column, column + int(number[first:last].sum()))
        realised[here] = policy[here] * entering[owner[here]]
        # flow goes from each layer into the next one only
        entering, first, column = -(moves[:, here] @ realised[here]), last, here.stop
    return realised
