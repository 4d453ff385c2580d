"""Upper bounds on ``D_a(rho_pi || q)`` over all policies that keep some decisions fixed.

A node fixes the choice of some (step, state) pairs. Under it every ``rho(s)`` lies in a range ``[l_s,
u_s]``, found exactly by value iteration (the least and the largest probability of every goal). On that
range the convex ``f_s(x) = x b_a(x / q_s)``, ``b_a`` the Box-Cox transform
(`metaregret.theory.information.orders`), lies below its chord ``c_s x + d_s`` (its concave envelope; Falk
and Soland 1969), so

    sum_s f_s(rho(s)) <= sum_s c_s rho(s) + sum_s d_s,

a terminal reward whose best value over the node is value iteration again; the divergence is an increasing
function of the sum. Where all decisions that matter are fixed the ranges are points and the bound is exact.
Many nodes are evaluated at once.

At a geometric horizon decisions are of states only and the values are bracketed by the contraction bound.
Rounding is added outward.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaregret.tabular.bounds import relative_error
from metaregret.tabular.engine.compiled import compiled
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.information import Order
from metaregret.theory.skills.dual_bound import ONE

__all__ = ["Nodes", "Relaxation", "node_cost"]

STEP_COST = 1500.0
"""Operations in the time that a step of a node takes besides its products."""


@dataclass(frozen=True, eq=False)
class Nodes:
    """What is known of ``n`` nodes.

    Attributes
    ----------
    bounds : ndarray, shape (n,)
        Upper bounds on the divergence of every policy of the node, in nats.
    values : ndarray, shape (n,)
        Divergence of one policy of the node, the best for the relaxed reward.
    actions : ndarray of int, shape (n, L, S)
        That policy (``L = T``, or 1 at a geometric horizon), in distinct actions.
    visits : ndarray, shape (n, L, S)
        How often it meets each (step, state).
    """

    bounds: np.ndarray
    values: np.ndarray
    actions: np.ndarray
    visits: np.ndarray


class Relaxation:
    """The relaxed problems of one process and one marginal.

    Parameters
    ----------
    process : ControlledMarkovProcess
    marginal : ndarray, shape (S,)
        ``q``, positive where an episode can end; need not sum to one exactly.
    support : ndarray of int
        The states where an episode can end.
    order : Order
        Finite.
    """

    def __init__(
        self, process: ControlledMarkovProcess, marginal: np.ndarray, support: np.ndarray, order: Order = ONE
    ) -> None:
        self.process, self.support, self.order = process, support, order
        self.marginal = marginal[support]
        self.surplus = float(np.log(self.marginal.sum()))
        self.counts, self.choice_of, dense = _distinct_actions(process)
        self.width = int(self.counts.max())
        finite = isinstance(process.horizon, FiniteHorizon)
        self.levels = process.layers
        self.gamma = 1.0 if isinstance(process.horizon, FiniteHorizon) else float(process.horizon.gamma)
        self._error = relative_error((self.levels if finite else 4) * (process.n_states + 6) + 32)
        self._dense = dense.reshape(process.n_states, self.width, -1)
        # The states that can be met before every decision and at the end.
        self._met = [np.flatnonzero(process.initial)] if finite else [support, support]
        while len(self._met) <= self.levels:
            self._met.append(np.flatnonzero(self._dense[self._met[-1]].any(axis=(0, 1))))
        self._first, self._all_met = np.cumsum([0, *map(len, self._met)]), np.concatenate(self._met)
        self._rows = self.choice_of, process.offsets, process.successors, process.probabilities

    @property
    def node_cost(self) -> float:
        """Floating-point operations of one node, roughly."""
        return node_cost(self.process, len(self.support))

    def root(self) -> np.ndarray:
        """The node that fixes nothing, shape (1, L, S)."""
        return np.full((1, self.levels, self.process.n_states), -1)

    def evaluate(self, fixed: np.ndarray) -> Nodes:
        """Evaluate nodes: `fixed` holds a distinct action, or -1 where the decision is free; shape (n, L,
        S)."""
        with np.errstate(over="ignore", invalid="ignore"):
            low, high = self._ranges(fixed)
            slope, offset = self._chord(low, high)
            actions = np.maximum(fixed, 0)
            relaxed = self._best(slope[..., None], fixed, actions)
            size = np.abs(slope).max(axis=1) + np.abs(offset).sum(axis=1) + abs(self.surplus) + 1.0
            total = relaxed[:, 0] + offset.sum(axis=1) + 2 * self._error * size
            bounds = self.order.divergence(total) + self.surplus
            bounds += 2 * self._error * (1.0 + np.abs(bounds))
            visits, terminal = self._follow(actions)
            terms = self.order.terms(terminal, self.marginal)
            values = self.order.divergence(terms.sum(axis=1)) + self.surplus
        # Powers of large ratios overflow at large orders; what is not known is not bounded.
        return Nodes(np.where(np.isnan(bounds), np.inf, bounds), values, actions, visits)

    def _chord(self, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Slope and offset of the chord of ``f_s`` on ``[low, high]``; zero where a state is never the
        end."""
        width = high - low
        top = self.order.terms(high, self.marginal)
        rise = top - self.order.terms(low, self.marginal)
        slope = rise / np.where(width > 0, width, 1.0)
        return slope, top - slope * high

    def choices(self, actions: np.ndarray) -> np.ndarray:
        """Return policies as choice indices: shape (n, L, S) to (T, S, n) or (S, n)."""
        chosen = np.take_along_axis(self.choice_of[None, None], actions[..., None], axis=3)[..., 0]
        moved = np.moveaxis(chosen, 0, -1)
        return moved if self.gamma == 1.0 else moved[0]

    def _ranges(self, fixed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Certified bounds of every ``rho(s)`` on the support, each of shape (n, K)."""
        count = len(self.support)
        best = self._best(np.concatenate([np.eye(count), -np.eye(count)], axis=1)[None], fixed)
        high = np.minimum(best[:, :count] * (1 + self._error), 1.0)
        return np.maximum(-best[:, count:] * (1 - self._error), 0.0), high

    def _best(self, rewards: np.ndarray, fixed: np.ndarray, actions: np.ndarray | None = None) -> np.ndarray:
        """Upper bounds on the best expected reward at the end, shape (n or 1, K, m) to (n, m); the last
        column's policies into `actions`."""
        start, written = self.process.initial[self._met[0]], fixed[:0] if actions is None else actions

        def backed(values: np.ndarray) -> np.ndarray:
            best: np.ndarray = compiled("node_kernels").best_values(
                values, fixed, self._first, self._all_met, self.counts, *self._rows, written
            )
            return best

        if self.gamma == 1.0:
            return np.asarray(start @ backed(rewards))
        paid = (1.0 - self.gamma) * rewards
        values = np.repeat(rewards, len(fixed) // len(rewards), axis=0)
        for _ in range(int(40.0 / (1.0 - self.gamma)) + 1):
            change = paid + self.gamma * backed(values) - values
            values = values + change
            if np.abs(change).max() <= 1e-13:
                break
        rounding = self._error * np.abs(rewards).max(axis=1)
        tail = (change.max(axis=1) * self.gamma + rounding) / (1.0 - self.gamma)
        return np.asarray(start @ values + tail)

    def _follow(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Visits of every (step, state), shape (n, L, S), and terminal distributions, shape (n, K)."""
        if self.gamma == 1.0:
            visits = compiled("node_kernels").visits_of(
                self.process.initial, actions, self._first, self._all_met, *self._rows
            )
            return visits[:, :-1], np.ascontiguousarray(visits[:, -1, self.support])
        visits, met = np.zeros(actions.shape), self.support
        moves = self._dense[met[None], actions[:, 0, met]][..., met]
        system = np.eye(len(met)) - self.gamma * np.swapaxes(moves, 1, 2)
        start = np.broadcast_to((1.0 - self.gamma) * self.process.initial[met], moves.shape[:2])
        terminal = np.maximum(np.linalg.solve(system, start[..., None])[..., 0], 0.0)
        visits[:, 0, met] = terminal
        return visits, terminal


def node_cost(process: ControlledMarkovProcess, goals: int) -> float:
    """Return the floating-point operations of one node, roughly, without making it."""
    horizon, width = process.horizon, int(np.diff(process.choice_offsets).max())
    if isinstance(horizon, FiniteHorizon):
        sweeps = float(horizon.steps)
    else:
        sweeps = 30.0 / max(1e-3, 1.0 - float(horizon.gamma))
    return float(sweeps * (process.n_states**2 * width * (2 * goals + 1) + STEP_COST))


def _distinct_actions(process: ControlledMarkovProcess) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per state the number of different choices, one choice of each kind, and their rows stacked."""
    dense = process.matrix.toarray()
    kinds = []
    for state in range(process.n_states):
        options = process.choices(state)
        _, first = np.unique(dense[options.start : options.stop], axis=0, return_index=True)
        kinds.append(options.start + np.sort(first))
    counts = np.array([len(kind) for kind in kinds])
    table = np.stack([np.resize(kind, counts.max()) for kind in kinds])
    return counts, table, dense[table.ravel()]
