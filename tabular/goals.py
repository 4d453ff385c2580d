"""The best achievable terminal rewards, for many tasks at once: ``v*_g`` of every goal in one pass.

For a finite horizon, backward induction from the terminal rewards ``h``:

    V_T = h,    V_t = max_a P_a V_{t+1},    v* = mu0 . V_0                         (Puterman 1994, sec. 4.5)

For a geometric horizon, the fixed point ``V = (1 - gamma) h + gamma max_a P_a V``, by value iteration with
the contraction bound: for every column, with ``d = T V - V``,

    V + min(d) / (1 - gamma) <= V* <= V + max(d) / (1 - gamma)                     (MacQueen 1966;
    Puterman, sec. 6.6).

With ``h`` the indicator of goal ``g`` this is ``v*_g = max_pi rho_pi(g)``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.backup import Backup, backup
from metaregret.tabular.bounds import relative_error, underflow_allowance
from metaregret.tabular.errors import ConvergenceError, InstanceTooLargeError, InvalidArgumentError
from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon
from metaregret.tabular.policy import solve_discounted, solve_discounted_exactly
from metaregret.tabular.process import ControlledMarkovProcess, Representation, check_representation

if TYPE_CHECKING:
    from metaregret.tabular.engine.lanes import Lanes, Pass

__all__ = [
    "TerminalValues",
    "exact_goal_values",
    "exact_support",
    "goal_support",
    "goal_values",
    "optimal_terminal_values",
]

SMALL_WORK = 2 * 10**7
"""Multiplications (transitions x steps x tasks) up to which compiled code takes longer to load than to do
without."""

LARGEST_OUTPUT = 2**33
"""Largest number of bytes of policies and bounds together (8 GiB)."""

BLOCK_ENTRIES = 2**22
"""Columns are processed in blocks of at most this many value entries, to stay in cache and memory."""
EVALUATE_EVERY = 256
"""Sweeps of value iteration between steps of policy iteration, which slowly mixing processes need."""
EVALUATE_BELOW = 5_000
"""Number of states up to which such steps are affordable."""


@dataclass(frozen=True, eq=False)
class TerminalValues:
    """Optimal expected terminal rewards of ``K`` tasks.

    Attributes
    ----------
    values : ndarray of float64, shape (K,)
        ``v*`` at the initial distribution.
    lower, upper : ndarray of float64, shape (K,)
        Certified bounds on it (rounding and convergence error included).
    exact : ndarray of Fraction (object), shape (K,), or None
    policies : ndarray of int64, shape (T, S, K) or (S, K), or None
        Optimal choice of each state (and step), where asked for.
    everywhere : ndarray of float64, shape (2, S, K), or None
        Certified lower and upper bounds from every state, where asked for.
    """

    values: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    exact: np.ndarray | None
    policies: np.ndarray | None
    everywhere: np.ndarray | None = None

    @classmethod
    def joined(cls, parts: list[TerminalValues]) -> TerminalValues:
        """Return the values of all tasks of `parts`."""
        if len(parts) == 1:
            return parts[0]

        def each(name: str) -> Any:
            items = [getattr(part, name) for part in parts]
            return None if items[0] is None else np.concatenate(items, axis=-1)

        return cls(*(each(field.name) for field in dataclasses.fields(cls)))


def goal_values(
    process: ControlledMarkovProcess,
    goals: np.ndarray | None = None,
    *,
    representation: Representation | None = None,
    policies: bool = False,
    everywhere: bool = False,
) -> TerminalValues:
    """Return ``v*_g``, the best probability of ending the episode in ``g``, for all goals at once.

    Parameters
    ----------
    goals : ndarray of int, shape (K,), optional
        State indices; all states by default.
    representation : {"dense", "sparse", "rational"}, optional
        ``"rational"`` gives exact values; by default the planner chooses.
    policies : bool
        Whether to keep the goal-conditioned policies, ``T * S * K`` integers.
    everywhere : bool
        Whether to keep bounds from every state, ``2 * S * K`` numbers.

    Raises
    ------
    InvalidArgumentError
        If a goal is not a state.
    InstanceTooLargeError
        If policies and bounds would exceed `LARGEST_OUTPUT` bytes.
    """
    check_representation(representation)
    chosen = np.arange(process.n_states) if goals is None else np.asarray(goals, dtype=np.int64)
    return optimal_terminal_values(
        process,
        goal_columns(process, chosen),
        representation=representation,
        policies=policies,
        everywhere=everywhere,
    )


def goal_columns(process: ControlledMarkovProcess, chosen: np.ndarray) -> sp.csc_array:
    """Return the indicators of goals, one per column, shape (S, K); see `check_goals`."""
    check_goals(process, chosen)
    return sp.csc_array(
        (np.ones(len(chosen)), (chosen, np.arange(len(chosen)))), shape=(process.n_states, len(chosen))
    )


def check_goals(process: ControlledMarkovProcess, chosen: np.ndarray) -> None:
    """Raise `InvalidArgumentError` if a goal is not a state."""
    bad = np.flatnonzero((chosen < 0) | (chosen >= process.n_states))
    if bad.size:
        raise InvalidArgumentError(
            f"goals[{int(bad[0])}] = {int(chosen[bad[0]])} is not a state; states are "
            f"0..{process.n_states - 1}."
        )


def exact_goal_values(
    process: ControlledMarkovProcess, goals: Sequence[int] | np.ndarray | None = None
) -> list[Fraction]:
    """Return ``v*_g`` exactly, of all states by default.

    Raises
    ------
    NotExactError
        If the process is known in floating point only.
    """
    chosen = None if goals is None else np.asarray(goals, dtype=np.int64)
    found = goal_values(process, chosen, representation="rational").exact
    assert found is not None
    return list(found)


def exact_support(
    process: ControlledMarkovProcess,
    goals: Sequence[int] | np.ndarray,
    weights: Sequence[Fraction] | np.ndarray,
) -> Fraction:
    """Return ``max_pi sum_g w_g rho_pi(g)`` exactly, for weights that are not negative; see
    `exact_goal_values`."""
    column = np.full((process.n_states, 1), Fraction(0), dtype=object)
    column[list(goals), 0] = list(weights)
    found = optimal_terminal_values(process, column, representation="rational").exact
    assert found is not None
    return Fraction(found[0])


def optimal_terminal_values(
    process: ControlledMarkovProcess,
    terminal: np.ndarray | sp.csc_array | sp.csr_array,
    *,
    representation: Representation | None = None,
    policies: bool = False,
    everywhere: bool = False,
    tolerance: float = 1e-12,
    max_iterations: int = 1_000_000,
) -> TerminalValues:
    """Return ``max_pi E_pi[h(s_end)]`` for every column ``h`` of `terminal`.

    Parameters
    ----------
    terminal : ndarray or sparse array, shape (S, K)
        Non-negative terminal rewards, one column per task; object arrays of `Fraction` for the rational
        representation.
    policies, everywhere : bool
        What to keep, see `goal_values`.
    tolerance : float
        Width asked of the bracket at a geometric horizon.
    max_iterations : int
        Limit of value-iteration sweeps at a geometric horizon.

    Raises
    ------
    InvalidArgumentError
        If the shape does not match or a reward is negative.
    InstanceTooLargeError
        If policies and bounds would exceed `LARGEST_OUTPUT` bytes.
    ConvergenceError
        If the limit is reached first.
    """
    check_representation(representation)
    _check_shape(process, terminal)
    finite = isinstance(process.horizon, FiniteHorizon)
    steps = process.layers
    size = 8 * terminal.shape[1] * process.n_states * (2 * everywhere + steps * policies)
    if size > LARGEST_OUTPUT:
        raise InstanceTooLargeError(
            f"Policies and values of {terminal.shape[1]} tasks, {process.n_states} states and {steps} steps "
            f"need {size / 2**30:.1f} GiB; pass fewer tasks at a time, or do not keep policies."
        )
    if finite and representation is None and not is_small(process, terminal.shape[1]):
        columns = terminal_columns(process, terminal)
        if process.is_deterministic and (policies or everywhere) and np.all(columns.data == 1):
            return _by_reach(process, columns, policies)
        from metaregret.tabular.engine.lanes import lanes_of

        lanes = lanes_of(process)
        return compiled_values(lanes, columns, lanes.run(columns, everywhere=everywhere, policies=policies))
    operator = backup(process, representation)
    width = max(1, BLOCK_ENTRIES // process.n_choices)
    parts = []
    for start in range(0, max(1, terminal.shape[1]), width):
        block = terminal[:, start : start + width]
        rewards = operator.array(block.toarray() if sp.issparse(block) else np.asarray(block))
        if np.any(rewards < 0):
            raise InvalidArgumentError("Expected non-negative terminal rewards; shift them by a constant.")
        if isinstance(process.horizon, FiniteHorizon):
            parts.append(_finite(operator, rewards, process.horizon, policies, everywhere))
        elif representation == "rational":
            parts.append(_geometric_exact(operator, rewards, process.horizon, everywhere))
        else:
            parts.append(
                _geometric(operator, rewards, process.horizon, tolerance, max_iterations, everywhere)
            )
    found = TerminalValues.joined(parts)
    return found if policies else dataclasses.replace(found, policies=None)


def _check_shape(
    process: ControlledMarkovProcess, terminal: np.ndarray | sp.csc_array | sp.csr_array
) -> None:
    if terminal.ndim != 2 or terminal.shape[0] != process.n_states:
        raise InvalidArgumentError(
            f"Expected terminal rewards of shape ({process.n_states}, K), but got {terminal.shape}."
        )


def terminal_columns(
    process: ControlledMarkovProcess, terminal: np.ndarray | sp.csc_array | sp.csr_array
) -> sp.csc_array:
    """Return terminal rewards as sparse columns of floats, shape (S, K).

    Raises
    ------
    InvalidArgumentError
        If the shape does not match or a reward is negative.
    """
    _check_shape(process, terminal)
    columns = sp.csc_array(terminal, dtype=float)
    if np.any(columns.data < 0):
        raise InvalidArgumentError("Expected non-negative terminal rewards; shift them by a constant.")
    return columns


def is_small(process: ControlledMarkovProcess, columns: int) -> bool:
    """Whether a plan for so many terminal rewards takes less time than loading compiled code."""
    return process.n_transitions * process.layers * columns <= SMALL_WORK


def compiled_values(lanes: Lanes, columns: sp.csc_array, found: Pass) -> TerminalValues:
    """Return the certified values of what one compiled pass found; see `optimal_terminal_values`."""
    process = lanes.process
    assert isinstance(process.horizon, FiniteHorizon)
    policies = _choices(process, found.ranks) if len(found.ranks) else None
    positive = (goal_support(process) @ (columns > 0)) > 0
    values = found.everywhere if len(found.everywhere) else None
    return _certified(process, found.at_start, lanes.roundings, positive, policies, values)


def _choices(process: ControlledMarkovProcess, ranks: np.ndarray) -> np.ndarray:
    """Decisions as choices, shape (T, S, K)."""
    return np.asarray(process.choice_offsets[:-1, None] + ranks.astype(np.int64))


def _certified(
    process: ControlledMarkovProcess,
    at_start: np.ndarray,
    roundings: int,
    positive: np.ndarray,
    policies: np.ndarray | None,
    values: np.ndarray | None,
) -> TerminalValues:
    """Widen what backward induction found by its relative rounding error (`roundings` a step) and what
    products may have lost by underflow; `positive` says which optima are more than zero."""
    assert isinstance(process.horizon, FiniteHorizon)
    rounded = process.horizon.steps * roundings + process.n_states + 3
    error, tiny = relative_error(rounded), underflow_allowance(rounded)

    def bounds(found: np.ndarray) -> np.ndarray:
        return np.stack([np.maximum(found * (1 - error) - tiny, 0.0), found * (1 + error) + tiny])

    lower, upper = bounds(at_start)
    everywhere = None if values is None else bounds(values)
    return TerminalValues(at_start, lower, np.where(positive, upper, 0.0), None, policies, everywhere)


def _by_reach(process: ControlledMarkovProcess, columns: sp.csc_array, policies: bool) -> TerminalValues:
    """Deterministic dynamics and sets of goals: whether they can be reached, in bits and without rounding."""
    from metaregret.tabular.engine.goal_kernels import reach_bits

    assert isinstance(process.horizon, FiniteHorizon)
    count = columns.shape[1]
    words = np.zeros((process.n_states, (count + 63) // 64), dtype=np.uint64)
    column = np.repeat(np.arange(count), np.diff(columns.indptr))
    bit = np.left_shift(np.uint64(1), (column % 64).astype(np.uint64))
    np.bitwise_or.at(words, (columns.indices, column // 64), bit)
    ranks = np.zeros(
        (process.horizon.steps, process.n_states, count) if policies else (0, 0, count), np.uint16
    )
    bits = reach_bits(process.choice_offsets, process.successors, words, process.horizon.steps, ranks)
    flags = np.unpackbits(bits.astype("<u8", copy=False).view(np.uint8), axis=1, bitorder="little")
    values = flags[:, :count].astype(np.float64)
    found = _certified(
        process, process.initial @ values, 0, np.any(values[process.initial > 0], axis=0), None, None
    )
    chosen = _choices(process, ranks) if policies else None
    return dataclasses.replace(found, policies=chosen, everywhere=np.broadcast_to(values, (2, *values.shape)))


def _finite(
    operator: Backup, rewards: np.ndarray, horizon: FiniteHorizon, policies: bool, everywhere: bool
) -> TerminalValues:
    values, stacked = operator.induct(rewards, horizon.steps, policies=policies)
    at_start = operator.initial() @ values
    kept_values = values if everywhere else None
    if operator.dtype is object:
        return _exact_result(at_start, stacked, kept_values)
    return _certified(
        operator.process, at_start, operator.roundings, _possible(operator, rewards), stacked, kept_values
    )


def _possible(operator: Backup, rewards: np.ndarray) -> np.ndarray:
    """Which columns have a positive optimum, decided on the graph alone; shape (K,)."""
    return np.any(goal_support(operator.process)[:, None] & (rewards > 0), axis=0)


def _exact_result(
    at_start: np.ndarray, policies: np.ndarray | None, values: np.ndarray | None
) -> TerminalValues:
    from metaregret.tabular.backup.rational import from_flint

    def bounds(exact: np.ndarray) -> np.ndarray:
        floats = exact.astype(float)
        around = np.stack([np.nextafter(floats, -np.inf), np.nextafter(floats, np.inf)])
        return np.where(np.asarray(exact == floats, dtype=bool), floats, around)

    exact = from_flint(at_start)
    lower, upper = bounds(exact)
    everywhere = None if values is None else bounds(from_flint(values))
    return TerminalValues(exact.astype(float), lower, upper, exact, policies, everywhere)


def _geometric(
    operator: Backup,
    rewards: np.ndarray,
    horizon: GeometricHorizon,
    tolerance: float,
    max_iterations: int,
    everywhere: bool,
) -> TerminalValues:
    horizon.require_floats()
    gamma, stop = float(horizon.gamma), float(1 - horizon.gamma)
    start = operator.initial()
    paid = stop * rewards
    values = np.zeros_like(rewards)
    # Floating-point rows that do not sum to one exactly move a bound by their defect, too.
    error = relative_error(operator.roundings + 6) + (0.0 if operator.process.is_exact else _defect(operator))
    for sweep in range(1, max_iterations + 1):
        q = operator.expected(values)
        backed = paid + gamma * operator.best(q)
        change = backed - values
        largest = np.maximum(np.abs(backed).max(axis=0), np.abs(values).max(axis=0))
        slack = error * largest
        low = (change.min(axis=0) - slack) / stop
        high = (change.max(axis=0) + slack) / stop
        wanted = tolerance * np.clip(start @ values, 0.0, 1.0) + 4 * slack / stop
        unfinished = np.flatnonzero(high - low > wanted)
        if not unfinished.size:
            break
        values = backed
        if sweep % EVALUATE_EVERY == 0 and operator.process.n_states <= EVALUATE_BELOW:
            _evaluate(operator, values, paid, operator.greedy(q), unfinished)
    else:
        raise ConvergenceError(
            f"Value iteration did not close the bracket to {tolerance} in {max_iterations} sweeps; raise "
            "max_iterations or use a smaller gamma.",
            lower=float(low.min()),
            upper=float(high.max()),
        )
    at_start = start @ values
    allowance = relative_error(len(start) + 8) * (np.abs(at_start) + np.abs(low) + np.abs(high) + largest)
    allowance += underflow_allowance(len(start) * operator.roundings) / stop
    lower = np.maximum(at_start + low - allowance, 0.0)
    upper = np.where(_possible(operator, rewards), at_start + high + allowance, 0.0)
    slack = allowance + error * largest
    bounds = np.stack([np.maximum(values + low - slack, 0.0), values + high + slack]) if everywhere else None
    return TerminalValues(0.5 * (lower + upper), lower, upper, None, operator.greedy(q), bounds)


def _defect(operator: Backup) -> float:
    """Largest ``|row sum - 1|``."""
    return float(np.abs(operator.process.matrix.sum(axis=1) - 1.0).max())


def _evaluate(
    operator: Backup, values: np.ndarray, paid: np.ndarray, policies: np.ndarray, columns: np.ndarray
) -> None:
    """Replace columns of `values` by those of their greedy policies, a step of policy iteration.

    The bounds hold from any start, so nothing rests on the accuracy of the linear solver.
    """
    process = operator.process
    assert isinstance(process.horizon, GeometricHorizon)
    for column in columns.tolist():
        chosen = process.matrix[policies[:, column]]
        values[:, column] = solve_discounted(chosen, float(process.horizon.gamma), paid[:, column])


def _geometric_exact(
    operator: Backup, rewards: np.ndarray, horizon: GeometricHorizon, everywhere: bool
) -> TerminalValues:
    """Exact policy iteration, one column at a time, started from the floating-point greedy policy."""
    process = operator.process
    gamma = operator.number(horizon.gamma)
    policies = _first_policies(process, rewards, horizon)
    found = np.empty(rewards.shape, dtype=object)
    for column in range(rewards.shape[1]):
        paid = (operator.number(Fraction(1)) - gamma) * rewards[:, column]
        policy = policies[:, column]
        while True:
            values = solve_discounted_exactly(process, policy, paid, horizon.gamma)
            q = operator.expected(values)
            better = operator.best(q) > q[policy]
            if not np.any(better):
                break
            policy = np.where(better, operator.greedy(q), policy)
        policies[:, column], found[:, column] = policy, values
    return _exact_result(operator.initial() @ found, policies, found if everywhere else None)


def _first_policies(
    process: ControlledMarkovProcess, rewards: np.ndarray, horizon: GeometricHorizon
) -> np.ndarray:
    """Policies to start exact policy iteration from, shape (S, K): near-optimal where floats can find
    such."""
    if not horizon.suits_floats:
        return np.repeat(process.choice_offsets[:-1, None], rewards.shape[1], axis=1)
    floats = np.array([[float(Fraction(int(v.p), int(v.q))) for v in row] for row in rewards])
    policies = _geometric(backup(process), floats, horizon, 1e-9, 1_000_000, False).policies
    assert policies is not None
    return policies


_support: WeakKeyDictionary[ControlledMarkovProcess, tuple[np.ndarray, np.ndarray]] = WeakKeyDictionary()


def goal_support(process: ControlledMarkovProcess, *, visit: bool = False) -> np.ndarray:
    """Which states can be the terminal state (or, with `visit`, be visited) with positive probability.

    Computed on the graph alone, without arithmetic, so that ``v*_g > 0`` is decided exactly; shape (S,).
    """
    known = _support.get(process)
    if known is None:
        last, ever = _occupied(process)
        known = _support[process] = last.copy(), _seen(process, ever)
        for mask in known:
            mask.setflags(write=False)
    return known[visit]


SHORT = 100_000
"""Steps times transitions that are followed one by one."""


def _occupied(process: ControlledMarkovProcess) -> tuple[np.ndarray, np.ndarray]:
    """The states that can be occupied at the end, and at any time."""
    now = process.initial > 0
    if isinstance(process.horizon, GeometricHorizon):
        ever = process.reachable if process.horizon.gamma > 0 else now
        return ever, ever
    graph = process.graph
    ever, kept, since, power = now.copy(), now, 0, 1
    before = np.zeros_like(now)
    for step in range(1, process.horizon.steps + 1):
        left = process.horizon.steps - step + 1
        # No state is lost now, so that none ever will be; SciPy's search takes a while to load.
        if step > 1 and left * graph.nnz > SHORT and np.all(now[before]):
            fresh = np.flatnonzero(now & ~before)
            if len(fresh):
                from scipy.sparse.csgraph import dijkstra

                now = now | (
                    dijkstra(graph, indices=fresh, unweighted=True, min_only=True, limit=left) <= left
                )
            ever |= now
            break
        before, now = now, _following(graph, now)
        ever |= now
        since += 1
        if np.array_equal(now, kept):  # the sets repeat with period `since` (Brent 1980): skip whole periods
            for _ in range((process.horizon.steps - step) % since):
                now = _following(graph, now)
            break
        if since == power:
            kept, power, since = now, 2 * power, 0
    return now, ever


def _seen(process: ControlledMarkovProcess, states: np.ndarray) -> np.ndarray:
    """The goals that being in a set of states counts as a visit to."""
    seen, goals = np.zeros_like(states), process.goal_of[states]
    seen[goals[goals >= 0]] = True
    return seen


def _following(graph: sp.csr_array, now: np.ndarray) -> np.ndarray:
    """The set of states that can follow the set `now`."""
    result = np.zeros_like(now)
    result[graph[np.flatnonzero(now)].indices] = True
    return result
