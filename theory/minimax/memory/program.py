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
from typing import Any

import numpy as np
import scipy.sparse as sp

from tabular.bounds import Bracket
from tabular.errors import SolverError
from tabular.hyperstate import HyperstateGraph
from theory.minimax.memory.game import MemoryGame
from theory.optimise import LINEAR_SOLVERS, Attempt, solve_certified

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
    from tabular.hyperstate.kernels.program import layer_program, no_triplets

    flow, payoff = no_triplets(), no_triplets()
    row = column = 0
    for index, layer in enumerate(graph.layers):
        flow, payoff, column = layer_program(
            layer, row, column, index == len(graph.layers) - 1, graph.signal(index), graph.dynamics,
            graph.splits, graph.payoffs(index), graph.sets.words, flow, payoff,
        )  # fmt: skip
        row += len(layer.state)
    shape = (graph.signals.n_classes, column)
    balance = sp.csr_array(
        (flow.value[: flow.used], (flow.row[: flow.used], flow.column[: flow.used])), shape=(row, column)
    )
    pays = sp.csr_array(
        (payoff.value[: payoff.used], (payoff.row[: payoff.used], payoff.column[: payoff.used])), shape=shape
    )
    own = flow.value[: flow.used] > 0
    return HyperstateProgram(balance, pays, flow.row[: flow.used][own])


def solve_program(game: MemoryGame, *, attempts: Sequence[Attempt] = LINEAR_SOLVERS) -> Bracket:
    """Solve the program; return the bounds that its flow and its multipliers prove.

    The flow describes a learner, whose worst loss is the upper bound; to the multipliers, as a task
    distribution, the Bayes-adaptive oracle answers with the lower one.

    Raises
    ------
    SolverError
        If no solver returns a flow.
    """
    import cvxpy as cp

    if not isinstance(game.graph, HyperstateGraph):
        raise SolverError("The program needs the graph of single steps; build the game with collapse=False.")
    graph, program = game.graph, hyperstate_program(game.graph)
    right = np.zeros(program.flow.shape[0])
    right[0] = 1.0
    x = cp.Variable(program.flow.shape[1], nonneg=True)
    theta = cp.Variable()
    payoff = program.payoff[game.task_class]
    losses = sp.diags_array(game.scale) @ (game.offset - payoff @ x) <= theta
    problem: Any = cp.Problem(cp.Minimize(theta), [program.flow @ x == right, losses])

    def certify() -> Bracket | None:
        if x.value is None or losses.dual_value is None:
            return None
        realised = _repaired(program, np.maximum(np.asarray(x.value), 0.0), graph)
        upper = float((game.scale * (game.offset - payoff @ realised)).max()) + game.allowance
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
    rows, total = program.flow.shape[0], np.bincount(program.column_row, x, minlength=program.flow.shape[0])
    number = np.bincount(program.column_row, minlength=rows)
    safe = np.where(total > 0, total, 1.0)
    policy = np.where(
        total[program.column_row] > 0, x / safe[program.column_row], 1.0 / number[program.column_row]
    )
    moves = program.flow.tocsc()
    entering = np.zeros(rows)
    entering[0] = 1.0
    realised = np.zeros(len(x))
    first, columns = 0, np.searchsorted(program.column_row, np.arange(rows + 1))
    for layer in graph.layers:
        here = slice(int(columns[first]), int(columns[first + len(layer.state)]))
        realised[here] = policy[here] * entering[program.column_row[here]]
        sent = -(moves[:, here] @ realised[here])
        sent[first : first + len(layer.state)] = 0.0
        entering += sent
        first += len(layer.state)
    return realised
