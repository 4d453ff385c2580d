"""The minimax regret with memory as one linear program over hyperstates, through cvxpy (a cross-check).

    min { theta : x >= 0 a flow of realisation weights, scale_z (offset_z - payoff_z . x) <= theta for all z }

(THEORY, section 5.) It is exact but grows with the number of edges; the decomposition of `solve_memory`
needs it nowhere. Both bounds are recomputed: the solver's flow is repaired into a behaviour policy, whose
losses are those of a real learner, and its multipliers are a task distribution, to which a best response is
computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.bounds import Bracket, relative_error
from metaregret.tabular.errors import SolverError, UnsupportedError
from metaregret.tabular.hyperstate import HyperstateGraph
from metaregret.theory.minimax.memory.game import MemoryGame
from metaregret.theory.optimise import LINEAR_SOLVERS, Attempt, solve_certified

if TYPE_CHECKING:
    from metaregret.tabular.hyperstate.kernels.program import Triplets

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
    """Return the program's matrices for a graph of single steps."""
    from metaregret.tabular.hyperstate.kernels.program import Triplets, layer_program, no_triplets

    flow, payoff = no_triplets(), no_triplets()
    row = column = 0
    for index, layer in enumerate(graph.layers):
        *matrices, column = layer_program(
            layer, row, column, index == len(graph.layers) - 1, graph.signal(index), graph.dynamics,
            graph.splits, graph.payoffs(index), graph.sets.words, flow, payoff,
        )  # fmt: skip
        flow, payoff = (Triplets(*matrix) for matrix in matrices)
        row += len(layer.state)
    pays = sp.csr_array(_entries(payoff), shape=(graph.signals.n_classes, column))
    value, (rows, _) = _entries(flow)
    return HyperstateProgram(sp.csr_array(_entries(flow)), pays, rows[value > 0])


def _entries(matrix: Triplets) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    used = slice(matrix.used)
    return matrix.value[used], (matrix.row[used], matrix.column[used])


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
