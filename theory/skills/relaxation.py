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
from metaregret.tabular.groups import groups
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
        self.counts, self.choice_of, self._rows = _distinct_actions(process)
        self.width = int(self.counts.max())
        finite = isinstance(process.horizon, FiniteHorizon)
        self.levels = process.layers
        self.gamma = 1.0 if isinstance(process.horizon, FiniteHorizon) else float(process.horizon.gamma)
        self._error = relative_error((self.levels if finite else 4) * (process.n_states + 6) + 32)

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
            relaxed, actions = self._best(self._terminal(slope[:, :, None]), fixed)
            size = np.abs(slope).max(axis=1) + np.abs(offset).sum(axis=1) + abs(self.surplus) + 1.0
            total = relaxed[:, 0] + offset.sum(axis=1) + 2 * self._error * size
            bounds = self.order.divergence(total) + self.surplus
            bounds += 2 * self._error * (1.0 + np.abs(bounds))
            visits, terminal = self._follow(actions)
            terms = self.order.terms(terminal[:, self.support], self.marginal)
            values = self.order.divergence(terms.sum(axis=1)) + self.surplus
        # Powers of large ratios overflow at large orders; what is not known is not bounded.
        return Nodes(np.where(np.isnan(bounds), np.inf, bounds), values, actions, visits)

    def _chord(self, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Slope and offset of the chord of ``f_s`` on ``[low, high]``; zero where a state is never the
        end."""
        width = high - low
        top = self.order.terms(high, self.marginal)
        rise = top - self.order.terms(low, self.marginal)
        slope = np.where(width > 0, rise / np.where(width > 0, width, 1.0), 0.0)
        return slope, top - slope * high

    def choices(self, actions: np.ndarray) -> np.ndarray:
        """Return policies as choice indices: shape (n, L, S) to (T, S, n) or (S, n)."""
        chosen = np.take_along_axis(self.choice_of[None, None], actions[..., None], axis=3)[..., 0]
        moved = np.moveaxis(chosen, 0, -1)
        return moved if self.gamma == 1.0 else moved[0]

    def _terminal(self, rewards: np.ndarray) -> np.ndarray:
        result = np.zeros((len(rewards), self.process.n_states, rewards.shape[2]))
        result[:, self.support] = rewards
        return result

    def _ranges(self, fixed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Certified bounds of every ``rho(s)`` on the support, each of shape (n, K)."""
        count = len(self.support)
        eye = np.eye(count)
        both = np.broadcast_to(np.concatenate([eye, -eye], axis=1), (len(fixed), count, 2 * count))
        best, _ = self._best(self._terminal(both), fixed)
        high = np.minimum(best[:, :count] * (1 + self._error), 1.0)
        return np.clip(-best[:, count:] * (1 - self._error), 0.0, high), high

    def _best(self, rewards: np.ndarray, fixed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Upper bounds on the best expected terminal reward, shape (n, m), and the last column's policies."""
        actions = np.empty(fixed.shape, dtype=np.int64)
        if self.gamma == 1.0:
            values = rewards
            for level in reversed(range(self.levels)):
                values, actions[:, level] = self._backup(values, fixed[:, level])
            return np.einsum("s,nsm->nm", self.process.initial, values), actions
        paid, values = (1.0 - self.gamma) * rewards, rewards
        for _ in range(int(40.0 / (1.0 - self.gamma)) + 1):
            following, actions[:, 0] = self._backup(values, fixed[:, 0])
            change = paid + self.gamma * following - values
            values = values + change
            if np.ptp(change, axis=1).max() <= 1e-13:
                break
        rounding = self._error * np.abs(rewards).max(axis=1)
        tail = (change.max(axis=1) * self.gamma + rounding) / (1.0 - self.gamma)
        return np.einsum("s,nsm->nm", self.process.initial, values) + tail, actions

    def _backup(self, values: np.ndarray, fixed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One maximisation over the free decisions: shape (n, S, m); and the choices of the last column."""
        count, states, columns = values.shape
        q = (self._rows @ values).reshape(count, states, self.width, columns)
        best = q[:, :, 0].copy()
        for option in range(1, self.width):  # whole columns: faster than to reduce an inner axis
            np.maximum(best, q[:, :, option], out=best)
        decided = np.nonzero(fixed >= 0)
        best[decided] = q[(*decided, fixed[decided])]
        return best, np.where(fixed >= 0, fixed, q[..., -1].argmax(axis=2))

    def _follow(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Visits of every (step, state), shape (n, L, S), and terminal distributions, shape (n, S)."""
        states = np.arange(self.process.n_states)
        rows = self._rows.reshape(len(states), self.width, len(states))
        if self.gamma != 1.0:
            system = np.eye(len(states)) - self.gamma * np.swapaxes(rows[states, actions[:, 0]], 1, 2)
            start = np.broadcast_to((1.0 - self.gamma) * self.process.initial, (len(actions), len(states)))
            terminal = np.maximum(np.linalg.solve(system, start[..., None])[..., 0], 0.0)
            return terminal[:, None, :], terminal
        visits = np.empty(actions.shape)
        now = np.broadcast_to(self.process.initial, (len(actions), len(states)))
        for level in range(self.levels):
            visits[:, level] = now
            now = np.einsum("ns,nsz->nz", now, rows[states, actions[:, level]])
        return visits, now


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
        first, _ = groups(dense[options.start : options.stop], 17)
        kinds.append(options.start + np.sort(first))
    counts = np.array([len(kind) for kind in kinds])
    table = np.stack([np.resize(kind, counts.max()) for kind in kinds])
    return counts, table, dense[table.ravel()]
