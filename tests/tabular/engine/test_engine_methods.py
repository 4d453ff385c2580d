"""What the discounted methods hand over to be certified: values, and the Bellman residual at just these."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from metaregret.tabular.engine import (
    chain_kernels,
    discounted,
    elimination_kernels,
    kernels,
    layout,
    linear_program,
)
from metaregret.tabular.engine.certificate import ROUNDING, Certified, contraction
from metaregret.tabular.engine.operator import Operator
from metaregret.tabular.engine.problem import Problem, backup_roundoff, read_problem
from metaregret.tabular.process import ControlledMarkovProcess
from tests.tabular.engine.test_engine_undiscounted import drawn

Handed = dict[str, Any]


def posed(
    process: ControlledMarkovProcess, rewards: np.ndarray, gamma: str = "9/10", **limits: Any
) -> Problem:
    usual: dict[str, Any] = {"tolerance": 1e-9, "max_iterations": 500} | limits
    return read_problem(
        process, rewards, "discounted", steps=None, gamma=gamma, terminal=None, targets=None, maximise=True,
        **usual,
    )  # fmt: skip


@cache
def sparse(seed: int) -> tuple[ControlledMarkovProcess, np.ndarray]:
    """Two to five states; rewards without ties."""
    process, generator = drawn(seed)
    return process, generator.integers(-900, 1000, process.n_choices) / 64


@cache
def full(seed: int, states: int = 33, excess: float = 0.0) -> tuple[ControlledMarkovProcess, np.ndarray]:
    """A dense matrix that mixes fast, rows summing to one and this."""
    generator = np.random.default_rng(seed)
    rows = generator.random((2, states, states)) * (generator.random((2, states, states)) < 0.6)
    rows *= (1 + excess) / rows.sum(axis=2, keepdims=True)
    process = ControlledMarkovProcess.from_dense(rows, horizon=1)
    return process, generator.integers(-900, 1000, process.n_choices) / 64


def worth(process: ControlledMarkovProcess, rewards: np.ndarray, gamma: float, values: np.ndarray) -> Any:
    return rewards + gamma * (process.matrix @ values)


def assert_is_residual(
    process: ControlledMarkovProcess, rewards: np.ndarray, gamma: float, handed: Handed
) -> None:
    """Residual and extremes belong to the values."""
    values, residual = handed["values"], handed["residual"]
    best = np.maximum.reduceat(worth(process, rewards, gamma, values), process.choice_offsets[:-1])
    assert residual == pytest.approx(best - values, rel=0, abs=1e-12 * (1 + np.abs(values).max()))
    assert (handed["least"], handed["greatest"]) == (residual.min(), residual.max())


def assert_greedy(
    process: ControlledMarkovProcess, rewards: np.ndarray, gamma: float, values: np.ndarray, policy: Any
) -> None:
    q = worth(process, rewards, gamma, values)
    for state, choice in enumerate(policy.tolist()):
        assert choice in process.choices(state)
        assert q[choice] == pytest.approx(q[process.choices(state)].max(), abs=1e-9)


# -------------------------------------------------------------------------------- in one compiled call


def interpret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the kernels as Python, so that what they call can be replaced."""
    for module in (kernels, chain_kernels, elimination_kernels):
        for name, value in list(vars(module).items()):
            if hasattr(value, "py_func"):
                monkeypatch.setattr(module, name, value.py_func)


def called(
    module: Any,
    name: str,
    problem: Problem,
    monkeypatch: pytest.MonkeyPatch,
    goal: float,
    *limits: int,
    scale: float = 3.5,
) -> tuple[Handed, tuple[Any, ...], np.ndarray]:
    """Run a compiled method; return what `macqueen` is given, what comes back, and the policy."""
    handed: Handed = {}

    def macqueen(lower: Any, upper: Any, least: float, greatest: float, *rest: float) -> tuple[float, float]:
        handed.update(values=lower.copy(), residual=upper.copy(), least=least, greatest=greatest, rest=rest)
        lower[:], upper[:] = -1.0, 1.0
        return 2.5, 7.5

    interpret(monkeypatch)
    monkeypatch.setattr(module, "macqueen", macqueen)
    states = problem.process.n_states
    lower, upper = np.full(states, np.nan), np.full(states, np.nan)
    policy = np.full(states, 10**6)
    assert problem.discount is not None
    back = getattr(module, name)(
        *problem.rows.arrays, problem.rewards, scale, problem.discount.nearest, 0.25, 0.75, 2.0**-40, lower,
        upper, policy, goal, *limits,
    )  # fmt: skip
    assert handed["rest"] == (0.25, 0.75, 2.0**-40, scale)
    assert back[:2] == (2.5, 7.5)
    assert (lower == -1).all()
    assert (upper == 1).all()
    return handed, back, policy


def eliminated(problem: Problem, goal: float, limit: int = 500) -> int:
    """Backups of policy iteration from zero: one a policy, and the last at the values of the best."""
    assert problem.discount is not None
    process, gamma = problem.process, problem.discount.nearest
    values, count = np.zeros(process.n_states), 0
    while True:
        q = worth(process, problem.rewards, gamma, values)
        policy = [max(process.choices(state), key=q.__getitem__) for state in range(process.n_states)]
        residual = q[policy] - values
        count += 1
        reached = np.ptp(residual) <= goal * (max(1.0, np.abs(values).max()) if count > 1 else 1.0)
        if reached or count == limit:
            return count
        chain = process.matrix.toarray()[policy]
        values = np.linalg.solve(np.eye(len(policy)) - gamma * chain, problem.rewards[policy])


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_small_policy_iteration_hands_over_its_last_residual(
    seed: int, ragged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, numbers = sparse(seed)
    layout._rows.pop(process, None)
    if ragged:
        monkeypatch.setattr(layout, "PADDING_LIMIT", -1000.0)
    for rewards in (numbers, numbers / 128):
        problem = posed(process, rewards)
        for goal, limit in (
            (1e-10, 50), (1e-10, 1), (1e-10, 2), (np.inf, 50), (20.0, 50),
            *((0.3 * 2.0**-n, 50) for n in range(9)),
        ):  # fmt: skip
            handed, back, policy = called(
                elimination_kernels, "plan_small", problem, monkeypatch, goal, limit
            )
            assert_is_residual(process, rewards, 0.9, handed)
            assert_greedy(process, rewards, 0.9, handed["values"], policy)
            assert back[2:] == (eliminated(problem, goal, limit),)
            if back[2] == 1:
                assert not handed["values"].any()
    layout._rows.pop(process, None)


def test_small_policy_iteration_gives_up_where_nothing_gets_better(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a discount to speak of the second residual is zero: three more rounds, at no goal at all."""
    process, rewards = sparse(3)
    problem = posed(process, rewards, gamma="0")
    handed, back, _ = called(elimination_kernels, "plan_small", problem, monkeypatch, -1.0, 50)
    assert back[2:] == (2 + elimination_kernels.PATIENCE,)
    assert not handed["residual"].any()
    assert called(elimination_kernels, "plan_small", problem, monkeypatch, 0.0, 50)[1][2:] == (2,)


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("name", ["plan", "plan_roughly_first"])
@pytest.mark.parametrize("seed", range(8))
def test_sweeps_hand_over_their_last_residual(
    seed: int, name: str, ragged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the goal, to a limit of any size, and until patience ends."""
    process, rewards = sparse(seed)
    layout._rows.pop(process, None)
    if ragged:
        monkeypatch.setattr(layout, "PADDING_LIMIT", -1000.0)
    problem = posed(process, rewards)
    for goal, *limits in (
        (1e-12, 3000, 2**62), (1e-3, 3000, 2**62), (np.inf, 3000, 2**62), (1e-12, 1, 2**62),
        (1e-12, 2, 2**62), (1e-12, 5, 2**62), (1e-12, 40, 2**62), (0.0, 3000, 3),
    ):  # fmt: skip
        handed, back, policy = called(chain_kernels, name, problem, monkeypatch, goal, *limits, False)
        assert_is_residual(process, rewards, 0.9, handed)
        assert_greedy(process, rewards, 0.9, handed["values"], policy)
        backups, sweeps = back[2:]
        magnitude = max(1.0, np.abs(handed["values"]).max())
        if limits == [3000, 2**62]:
            assert np.ptp(handed["residual"]) <= goal * magnitude
        if limits[0] == 1 or (goal == np.inf and name == "plan"):
            assert (backups, sweeps) == (1, 0)
            assert not handed["values"].any()
        assert 1 <= backups <= limits[0]
        assert sweeps >= 0
        assert backups + sweeps <= limits[0] + 2 * chain_kernels.MOST_SWEEPS
        if limits[0] in (2, 5, 40) and np.ptp(handed["residual"]) > goal * magnitude:
            assert backups + sweeps >= limits[0]
    layout._rows.pop(process, None)


def test_single_precision_comes_first_where_its_range_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    process, rewards = sparse(1)
    kinds: list[Any] = []
    interpret(monkeypatch)
    iterate = chain_kernels._iterate

    def seen(rows: Any, paid: Any, gamma: float, values: Any, residual: Any, policy: Any, *rest: Any) -> Any:
        assert not values.any() or rest[1] is False
        assert (policy == -1).all() or rest[1] is False
        types = rows[4].dtype, paid.dtype, values.dtype, residual.dtype, rest[0][2].dtype
        kinds.append((*types, *rest[1:4], *rest[5:]))
        asked.append(rest[4])
        return iterate(rows, paid, gamma, values, residual, policy, *rest)

    monkeypatch.setattr(chain_kernels, "_iterate", seen)
    problem = posed(process, rewards)
    single, double = (np.dtype(np.float32),), (np.dtype(np.float64),)
    largest = chain_kernels.LARGEST_SINGLE * (1.0 - 0.9)
    rough = (*single * 5, True, False, chain_kernels.SINGLE_GOAL, 7, False)
    last = (*double * 4, *single, False, True, 1e-12, 7, False)
    for limit, scale, expected in (
        (100, 3.5, [rough, last]), (2, 3.5, [rough, last]), (1, 3.5, [last]), (100, largest, [rough, last]),
        (100, 2 * largest, [last]),
    ):  # fmt: skip
        asked: list[int] = []
        kinds.clear()
        handed, back, _ = called(
            chain_kernels, "plan_roughly_first", problem, monkeypatch, 1e-12, limit, 7, False, scale=scale
        )
        assert_is_residual(process, rewards, 0.9, handed)
        assert back[2] >= 1
        assert kinds == expected
        assert asked[0] == (limit - 1 if len(asked) > 1 else limit)
    kinds.clear()
    called(chain_kernels, "plan_roughly_first", problem, monkeypatch, 1e-3, 100, 7, False)
    assert [kind[7] for kind in kinds] == [1e-3, 1e-3]
    kinds.clear()
    called(chain_kernels, "plan", problem, monkeypatch, 1e-3, 100, 7, False)
    assert kinds == [(*double * 5, True, True, 1e-3, 7, False)]


# -------------------------------------------------------------------------------- one backup at a time


METHODS: dict[str, Callable[[Problem], Certified]] = {
    "value-iteration": discounted.value_iteration,
    "policy-iteration": discounted.policy_iteration,
    "linear-programming": discounted.linear_programming,
    "modified-policy-iteration": lambda problem: discounted.modified_policy_iteration(
        problem, fall_back=False
    ),
}


def certified_by(
    method: Callable[[Problem], Certified], problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> tuple[Handed, Certified]:
    """What `discounted_bounds` is given, and what comes back with its answer 2.5 and 7.5."""
    handed: Handed = {}

    def bounds(
        asked: Problem, values: Any, residual: Any, least: float, greatest: float, length: int
    ) -> tuple[float, float]:
        assert asked is problem
        handed.update(
            values=values.copy(), residual=residual.copy(), least=least, greatest=greatest, length=length
        )
        values[:], residual[:] = -1.0, 1.0
        return 2.5, 7.5

    monkeypatch.setattr(discounted, "discounted_bounds", bounds)
    found = method(problem)
    assert handed
    assert (found.gap, found.scale, found.detail) == (2.5, 7.5, "MacQueen bounds of one backup")
    assert (found.lower == -1).all()
    assert (found.upper == 1).all()
    return handed, found


def swept(problem: Problem) -> int:
    """Backups of value iteration with the level corrected after each."""
    assert problem.discount is not None
    process, gamma = problem.process, problem.discount.nearest
    values, count = np.zeros(process.n_states), 0
    while True:
        best = np.maximum.reduceat(
            worth(process, problem.rewards, gamma, values), process.choice_offsets[:-1]
        )
        residual = best - values
        count += 1
        size = max(1.0, np.abs(values).max())
        if np.ptp(residual) <= discounted.span_goal(problem) * size or count == problem.max_iterations:
            return count
        values = best + gamma * (residual.max() + residual.min()) / 2 / (1 - gamma)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_residual_belongs_to_the_values(
    seed: int, dense: bool, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if method == "modified-policy-iteration" and not dense:
        return  # in one call
    process, rewards = full(seed) if dense else sparse(seed)
    for limit in (500, 1, 2, 3):
        problem = posed(process, rewards, max_iterations=limit)
        if method == "linear-programming" and limit > 1 and (dense or limit < 10):
            continue
        handed, found = certified_by(METHODS[method], problem, monkeypatch)
        assert_is_residual(process, rewards, 0.9, handed)
        assert found.policy is not None
        assert_greedy(process, rewards, 0.9, handed["values"], found.policy)
        assert handed["length"] == (33 if dense else problem.rows.longest)
        assert found.method == method
        expected = 1
        if method == "policy-iteration":
            expected = eliminated(problem, discounted.span_goal(problem), limit)
        elif method != "linear-programming":
            expected = swept(problem)
        assert found.iterations == expected
        assert found.limited_by == ("max_iterations" if expected >= limit else ROUNDING)


@pytest.mark.parametrize("excess", [0.0, 1e-10])
@pytest.mark.parametrize("method", ["value-iteration", "modified-policy-iteration"])
def test_dense_rows_are_left_out_by_certified_bounds(
    method: str, excess: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They contain the optimal values, and spare what a backup rounds and what rows sum to above one; in the
    end one row a state is left, and the answer is the same."""
    process, rewards = full(0, excess=excess)
    problem = posed(process, rewards)
    whole = METHODS[method](problem)
    kept, honest = list[int](), Operator.leave_out

    def leave_out(
        operator: Operator, values: np.ndarray, lower: np.ndarray, upper: np.ndarray, spare: float
    ) -> None:
        assert np.all(lower <= whole.upper)
        assert np.all(upper >= whole.lower)
        rise = float((upper - values).max())
        magnitude = float(np.abs([values, lower, upper]).max())
        rounding = problem.allowance(magnitude, 33)
        assert 2 * rounding + excess * rise <= spare <= 7 * rounding + 3 * excess * magnitude
        honest(operator, values, lower, upper, spare)
        kept.append(len(operator.kept))

    monkeypatch.setattr(discounted, "ELIMINATED_ENTRIES", 0)
    monkeypatch.setattr(Operator, "leave_out", leave_out)
    found = METHODS[method](problem)
    assert kept[-1] == 33
    assert found.policy is not None
    assert whole.policy is not None
    assert found.policy.tolist() == whole.policy.tolist()
    assert np.all(found.lower <= whole.upper)
    assert np.all(whole.lower <= found.upper)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("method", ["value-iteration", "policy-iteration"])
def test_a_rough_goal_is_relative_to_the_largest_value(
    sign: int, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values of either sign, below and above one."""
    for seed in range(4):
        process, numbers = sparse(seed)
        for scale in (1.0, 1 / 4096, 1 / 16384):
            rewards = sign * np.abs(numbers) * scale
            for goal in 0.6 * 2.0 ** -np.arange(12.0):
                monkeypatch.setattr(discounted, "span_goal", lambda problem, goal=goal: goal)
                problem = posed(process, rewards)
                handed, found = certified_by(METHODS[method], problem, monkeypatch)
                assert_is_residual(process, rewards, 0.9, handed)
                expected = swept(problem) if method[0] == "v" else eliminated(problem, goal)
                assert found.iterations == expected


@pytest.mark.parametrize(("goal", "rounds"), [(0.0, 2), (-1.0, 5)])
def test_policy_iteration_gives_up_after_three_rounds_without_a_better_residual(
    goal: float, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two states that rest, so that all is exact; a goal of nothing is reached, one below is not."""
    process = ControlledMarkovProcess.from_transitions(
        [(0, 0, 0, 1), (1, 0, 1, 1)], states=2, actions=1, initial=0, horizon=1
    )
    monkeypatch.setattr(discounted, "span_goal", lambda problem: goal)
    problem = posed(process, np.array([1.0, 3.0]), gamma="1/2")
    handed, found = certified_by(discounted.policy_iteration, problem, monkeypatch)
    assert (handed["values"].tolist(), found.iterations) == ([2.0, 6.0], rounds)
    monkeypatch.setattr(discounted, "span_goal", lambda problem: 0.0)
    problem = posed(process, np.array([1.0, 1.0]), gamma="1/2")
    assert certified_by(discounted.value_iteration, problem, monkeypatch)[1].iterations == 1


def test_an_operator_with_a_matrix_or_without() -> None:
    for (process, rewards), dense in ((full(0), True), (sparse(0), False)):
        problem = posed(process, rewards)
        assert (discounted.new_operator(problem).matrix is not None) == dense
        assert discounted.new_operator(problem, dense=False).matrix is None


def test_a_start_and_what_was_spent_count(monkeypatch: pytest.MonkeyPatch) -> None:
    process, rewards = sparse(2)
    problem = posed(process, rewards)
    _, found = certified_by(discounted.policy_iteration, problem, monkeypatch)
    monkeypatch.undo()
    done = discounted.policy_iteration(problem)
    start = 0.5 * (done.lower + done.upper)
    handed, again = certified_by(
        lambda asked: discounted.policy_iteration(asked, start, 7), problem, monkeypatch
    )
    assert_is_residual(process, rewards, 0.9, handed)
    assert again.iterations == 8
    assert found.iterations > 1


def test_dense_sweeps_that_mix_slowly_are_finished_by_a_factorisation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two halves that hardly meet, and one choice: policy iteration ends at its second backup."""
    half = np.kron(np.eye(2), np.full((20, 20), 1 / 20))
    rows = 0.999 * half + 0.001 / 40
    process = ControlledMarkovProcess.from_dense(rows[None], horizon=1)
    rewards = np.repeat([0.0, 1.0], 20) + np.arange(40) / 64
    problem = posed(process, rewards, gamma="999/1000")
    handed, found = certified_by(
        lambda asked: discounted.modified_policy_iteration(asked, fall_back=True), problem, monkeypatch
    )
    assert_is_residual(process, rewards, 0.999, handed)
    assert found.method == "policy-iteration"
    assert 3 < found.iterations < 20
    _, found = certified_by(
        lambda asked: discounted.modified_policy_iteration(asked, fall_back=False), problem, monkeypatch
    )
    assert found.method == "modified-policy-iteration"
    assert found.iterations == swept(problem) > 20


def test_what_one_call_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data, contraction, roundings and the goal; bounds and policy come back in the arrays it passes."""
    process, rewards = sparse(4)
    problem = posed(process, rewards, max_iterations=9)
    seen: list[Any] = []

    def plan(*rest: Any) -> tuple[float, ...]:
        seen[:] = rest
        rest[11][:], rest[12][:], rest[13][:] = -1.0, 1.0, 5
        return 2.5, 7.5, *counts

    for counts, limit in (((4, 4), ROUNDING), ((4, 5), "max_iterations"), ((9,), "max_iterations")):
        found = discounted._in_one_call(problem, plan, "name", 17, 18)
        assert (found.gap, found.scale, found.method, found.iterations) == (2.5, 7.5, "name", counts[0])
        assert (found.limited_by, found.detail) == (limit, "MacQueen bounds of one backup")
        assert found.lower.tolist() == [-1.0] * process.n_states
        assert found.upper.tolist() == [1.0] * process.n_states
        assert found.policy is not None
        assert found.policy.tolist() == [5] * process.n_states
        assert found.policy.dtype == np.int64
        arrays = problem.rows.arrays
        assert all(given is array for given, array in zip(seen[:5], arrays, strict=True))
        assert seen[5] is problem.rewards
        assert seen[6:11] == [
            problem.reward_scale, 0.9, *contraction(problem), backup_roundoff(problem.rows.longest)
        ]  # fmt: skip
        assert seen[14:] == [discounted.span_goal(problem), 17, 18]


@pytest.mark.parametrize(
    ("gamma", "tolerance", "goal"),
    [
        ("0", 1e-9, np.inf), ("1/2", 1e-9, 0.5e-9), ("3/4", 0.75, 0.125), ("1/2", 1e-300, 4e-15),
    ],
)  # fmt: skip
def test_the_goal_is_half_of_the_tolerance(gamma: str, tolerance: float, goal: float) -> None:
    process, rewards = sparse(0)
    assert discounted.span_goal(posed(process, rewards, gamma, tolerance=tolerance)) == goal


def test_which_method_a_sparse_model_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweeps, in single precision first where the model is large; policy iteration after some hundred."""
    process, rewards = sparse(4)
    problem = posed(process, rewards, max_iterations=5000)
    asked: list[Any] = []
    wide = False

    def in_one_call(given: Problem, plan: Any, method: str, *limits: Any) -> Certified:
        assert given is not None
        asked.append((plan, method, *limits))
        bounds = np.full(process.n_states, 2.0), np.full(process.n_states, 4.0)
        return Certified(*bounds, None, method, 6, "", 2.0 if wide else 0.0, 1.0)

    monkeypatch.setattr(discounted, "_in_one_call", in_one_call)
    name = "modified-policy-iteration"
    for least, plan in ((6, chain_kernels.plan), (process.n_states, chain_kernels.plan_roughly_first)):
        monkeypatch.setattr(discounted, "SINGLE_PRECISION_STATES", least)
        discounted.modified_policy_iteration(problem, fall_back=False)
        assert asked[-1] == (plan, name, 5000, 2**62, False)
        discounted.modified_policy_iteration(problem, fall_back=True)
        assert asked[-1] == (plan, name, discounted.MIXING_SWEEPS, 4, False)
    discounted.modified_policy_iteration(posed(process, rewards, max_iterations=7), fall_back=True)
    assert asked[-1][2:] == (7, 4, False)
    monkeypatch.setattr(discounted, "DIRECT_STATES", process.n_states - 1)
    discounted.modified_policy_iteration(problem, fall_back=True)
    assert asked[-1][2:] == (5000, 2**62, False)
    discounted.small_policy_iteration(problem)
    assert asked[-1] == (elimination_kernels.plan_small, "policy-iteration", 5000)
    monkeypatch.setattr(discounted, "DIRECT_STATES", process.n_states)
    wide = True
    starts: list[Any] = []
    monkeypatch.setattr(discounted, "policy_iteration", lambda *rest: starts.append(rest))
    assert discounted.modified_policy_iteration(problem, fall_back=False).method == name
    discounted.modified_policy_iteration(problem, fall_back=True)
    assert len(starts) == 1
    assert starts[0][0] is problem
    assert starts[0][1].tolist() == [3.0] * process.n_states
    assert starts[0][2:] == (6,)


def test_the_linear_program_of_a_discounted_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    process, rewards = sparse(4)
    problem = posed(process, rewards)
    seen: list[Any] = []

    def least_majorant(*rest: Any) -> list[float]:
        seen[:] = rest
        return [1.0] * process.n_states

    monkeypatch.setattr(linear_program, "least_majorant", least_majorant)
    handed, found = certified_by(discounted.linear_programming, problem, monkeypatch)
    assert seen[0] is process.choice_state
    assert seen[1].toarray().tolist() == (0.9 * process.matrix).toarray().tolist()
    assert seen[2] is problem.rewards
    assert handed["values"].tolist() == [1.0] * process.n_states
    assert_is_residual(process, rewards, 0.9, handed)
    assert (found.method, found.iterations) == ("linear-programming", 1)
