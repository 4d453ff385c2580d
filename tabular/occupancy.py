"""The flow polytope of occupancy measures, as matrices, and the terminal polytope as its image.

Finite horizon: variables ``x_t(c) = Pr(state-action pair c at step t)`` with ``sum_c x_0 = mu0`` and
``sum_{c of s'} x_{t+1}(c) = sum_c P(s' | c) x_t(c)``; the terminal distribution is ``rho = P^T x_{T-1}``.
Geometric: ``sum_{c of s} x(c) = (1 - gamma) mu0(s) + gamma sum_c P(s | c) x(c)`` and
``rho(s) = sum_{c of s} x(c)``.

``M = {rho}`` is the set of all achievable terminal distributions (Puterman 1994, sec. 6.9; Altman,
*Constrained Markov Decision Processes*, 1999, ch. 3). Only pairs of step and state that can occur get
variables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.policy import policy_shape
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["FlowPolytope", "flow_polytope"]

MAX_VARIABLES = 5_000_000


@dataclass(frozen=True, eq=False)
class FlowPolytope:
    """``{x >= 0 : balance x = supply}`` and its image ``rho = terminal x``.

    Attributes
    ----------
    process : ControlledMarkovProcess
    balance : sparse array, shape (rows, variables)
    supply : ndarray, shape (rows,)
    terminal : sparse array, shape (S, variables)
    step, choice : ndarray of int, shape (variables,)
        The step (0 at a geometric horizon) and choice of each variable.
    """

    process: ControlledMarkovProcess
    balance: sp.csr_array
    supply: np.ndarray
    terminal: sp.csr_array
    step: np.ndarray
    choice: np.ndarray

    def policy(self, flow: np.ndarray) -> np.ndarray:
        """Return the policy proportional to `flow`, repaired: negative flows are dropped, unused states
        uniform.

        Whatever `flow` is, the result is a policy; its own terminal distribution is what counts.
        """
        process = self.process
        weights = np.zeros(policy_shape(process))
        target = weights if weights.ndim == 1 else weights.reshape(-1)
        clean = np.where(np.isfinite(flow), np.maximum(flow, 0.0), 0.0)
        target[self.step * process.n_choices + self.choice] = clean / max(1.0, float(clean.max(initial=0.0)))
        starts, counts = process.choice_offsets[:-1], np.diff(process.choice_offsets)
        totals = np.add.reduceat(weights, starts, axis=-1)
        unused = np.repeat(totals <= 1e-300, counts, axis=-1)
        share = np.repeat(np.where(totals <= 1e-300, 1.0, totals), counts, axis=-1)
        return np.where(unused, 1.0 / np.repeat(counts, counts), weights / share)


def flow_polytope(process: ControlledMarkovProcess, *, max_variables: int = MAX_VARIABLES) -> FlowPolytope:
    """Return the flow polytope of `process`.

    Raises
    ------
    InstanceTooLargeError
        If it would have more than `max_variables` variables; the message says how many.
    """
    if process.layers > max_variables:
        _refuse(process, process.n_choices * process.layers, max_variables)
    if isinstance(process.horizon, FiniteHorizon):
        return _finite(process, process.horizon.steps, max_variables)
    return _geometric(process, float(process.horizon.gamma), max_variables)


def _refuse(process: ControlledMarkovProcess, variables: int, limit: int) -> None:
    raise InstanceTooLargeError(
        f"The flow polytope of {process.name!r} has about {variables} variables, over the limit of "
        f"{limit}; reduce the horizon or the number of states, or use the decomposition."
    )


def _layers(process: ControlledMarkovProcess, steps: int, limit: int) -> list[np.ndarray]:
    """The states that can occur at each step 0..T, as sorted index arrays; refused as soon as they are too
    many."""
    layers = [np.flatnonzero(process.initial > 0)]
    available = np.diff(process.choice_offsets)
    variables = 0
    for step in range(steps):
        variables += int(available[layers[-1]].sum())
        if variables > limit:
            _refuse(process, variables * steps // (step + 1), limit)
        mask = np.zeros(process.n_states, dtype=bool)
        mask[layers[-1]] = True
        following = np.zeros(process.n_states, dtype=bool)
        following[process.successors[mask[process.choice_state[process.transition_choice]]]] = True
        layers.append(np.flatnonzero(following))
        if np.array_equal(layers[-1], layers[-2]):  # and so it stays: the number of variables is known
            total = variables + (steps - step - 1) * int(available[layers[-1]].sum())
            if total > limit:
                _refuse(process, total, limit)
            return layers + [layers[-1]] * (steps - step - 1)
    return layers


def _choices_of(process: ControlledMarkovProcess, states: np.ndarray) -> np.ndarray:
    mask = np.zeros(process.n_states, dtype=bool)
    mask[states] = True
    return np.flatnonzero(mask[process.choice_state])


def _finite(process: ControlledMarkovProcess, steps: int, limit: int) -> FlowPolytope:
    layers = _layers(process, steps, limit)
    # Layers that no longer change are one object, and so are their choices and inflows.
    distinct = {id(layer): layer for layer in layers}
    choices_of = {key: _choices_of(process, layer) for key, layer in distinct.items()}
    inflow_of = {key: sp.coo_array(process.matrix[choice]) for key, choice in choices_of.items()}
    choices = [choices_of[id(layer)] for layer in layers[:-1]]
    sizes = np.array([len(c) for c in choices])
    column = np.concatenate([[0], np.cumsum(sizes)])
    row = np.concatenate([[0], np.cumsum([len(layer) for layer in layers[:-1]])])
    shape = (int(row[-1]), int(column[-1]))
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    row_of = np.zeros(process.n_states, dtype=np.int64)
    for t, (layer, choice) in enumerate(zip(layers[:-1], choices, strict=True)):
        row_of[layer] = row[t] + np.arange(len(layer))
        parts.append(
            (row_of[process.choice_state[choice]], column[t] + np.arange(len(choice)), np.ones(len(choice)))
        )
        if t:
            inflow = inflow_of[id(layers[t - 1])]
            parts.append((row_of[inflow.coords[1]], column[t - 1] + inflow.coords[0], -inflow.data))
    rows, columns, values = (np.concatenate(part) for part in zip(*parts, strict=True))
    supply = np.zeros(shape[0])
    supply[: len(layers[0])] = process.initial[layers[0]]
    last = inflow_of[id(layers[-2])]
    terminal = (last.data, (last.coords[1], column[-2] + last.coords[0]))
    return FlowPolytope(
        process,
        sp.csr_array((values, (rows, columns)), shape=shape),
        supply,
        sp.csr_array(terminal, shape=(process.n_states, shape[1])),
        np.repeat(np.arange(steps), sizes),
        np.concatenate(choices),
    )


def _geometric(process: ControlledMarkovProcess, gamma: float, limit: int) -> FlowPolytope:
    if process.n_choices > limit:
        _refuse(process, process.n_choices, limit)
    states = np.flatnonzero(process.reachable)
    choice = _choices_of(process, states)
    gather = sp.csr_array(
        (np.ones(len(choice)), (process.choice_state[choice], np.arange(len(choice)))),
        shape=(process.n_states, len(choice)),
    )
    balance = sp.csr_array(gather - gamma * process.matrix[choice].T)
    return FlowPolytope(
        process,
        sp.csr_array(balance[states]),
        (1.0 - gamma) * process.initial[states],
        gather,
        np.zeros(len(choice), dtype=np.int64),
        choice,
    )
