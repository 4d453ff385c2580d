"""Blind and memoryless minimax: known values, an independent exact oracle, lying solvers, planted errors."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import cvxpy as cp
import numpy as np
import pytest
import scipy.sparse as sp
from exact_game import (
    LossFunction,
    Vector,
    blind,
    game_value,
    hitting_time,
    is_above,
    is_below,
    memoryless,
    ratio,
    terminal_vertices,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from metaregret.tabular.environments import make
from metaregret.tabular.errors import (
    ConvergenceError,
    InstanceTooLargeError,
    InvalidArgumentError,
    MetaregretError,
    SolverError,
    UnsupportedError,
)
from metaregret.tabular.goals import goal_support
from metaregret.tabular.horizon import GeometricHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import controllable_processes, processes
from metaregret.theory import regret
from metaregret.theory.minimax import flow_program, without_memory
from metaregret.theory.minimax.flow_program import certified_saddle_point
from metaregret.theory.minimax.solution import Criterion, Learner, MinimaxSolution
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.regret import bracketed_loss
from metaregret.theory.success import SuccessTasks, success_tasks
from metaregret.theory.tasks import Detection, GoalTasks, TrajectoryTasks


def goals(specification: str, horizon: int) -> GoalTasks:
    return GoalTasks.reachable(make(specification).replaced(horizon=horizon))


def z_channel() -> ControlledMarkovProcess:
    """One action reaches state 0 surely, the other state 1 with probability one half."""
    rows = [(0, 0, 0, 1), (0, 1, 1, "1/2"), (0, 1, 0, "1/2"), (1, 0, 1, 1)]
    return ControlledMarkovProcess.from_transitions(rows, states=2, actions=2, initial=0, horizon=1)


# ---------------------------------------------------------------- known values


def test_deterministic_grid_is_uniform() -> None:
    """K - 1 = 8 with the uniform prior and the uniform exploration (T4)."""
    solution = solve_without_memory(goals("grid:3x3", 4))
    assert solution.value.contains(8)
    assert solution.value.relative_gap < 1e-9
    assert solution.least_favourable == pytest.approx(np.full(9, 1 / 9), abs=1e-9)
    assert solution.exploration == pytest.approx(np.full(9, 1 / 9), abs=1e-9)
    assert solution.per_task == pytest.approx(np.full(9, 8.0), rel=1e-9)
    assert solution.tasks == tuple("012345678")
    assert solution.status.label == "certified"


@pytest.mark.parametrize(("slip", "value"), [("1/10", 7.1238), ("3/10", 5.2877), ("6/10", 2.6453)])
def test_slipping_grids(slip: str, value: float) -> None:
    """Values of an independent prototype, to the four digits that it printed."""
    solution = solve_without_memory(goals(f"grid:3x3,slip={slip}", 4))
    assert solution.value.midpoint == pytest.approx(value, abs=6e-5)
    assert solution.value.relative_gap < 1e-9


def test_line_with_visits() -> None:
    """line:5 from the middle, T = 4: end to end is not possible, so the two ends share: value 1 (T13)."""
    process = make("line:5,start=2").replaced(horizon=4)
    solution = solve_without_memory(GoalTasks.reachable(process, Detection.VISIT))
    assert solution.value.contains(1)
    assert solution.value.relative_gap < 1e-9


def test_z_channel() -> None:
    """Marginal (2/3, 1/3), regret 1/2 (C1): the goal of v* = 1/2 needs a third."""
    solution = solve_without_memory(GoalTasks.reachable(z_channel()))
    assert solution.value.contains(Fraction(1, 2))
    assert solution.exploration.array == pytest.approx([2 / 3, 1 / 3], abs=1e-9)
    assert solution.per_task.array == pytest.approx([0.5, 0.5], abs=1e-9)


def test_trajectories_of_a_deterministic_process() -> None:
    """|A|**T - 1 = 24 with five actions and two steps (T9)."""
    solution = solve_without_memory(TrajectoryTasks(make("grid:2x2").replaced(horizon=2)))
    assert solution.value.contains(24)
    assert len(solution.tasks) == 25
    assert "0 -right-> 1 -down-> 3" in solution.tasks


@given(process=controllable_processes(max_states=4), episodes=st.sampled_from([None, 1, 2, 7, 1000]))
@settings(max_examples=12)
def test_controllable_processes_have_the_closed_form(
    process: ControlledMarkovProcess, episodes: int | None
) -> None:
    """Uniform exploration is minimax at every N: ``(1 - (1 - 1/K)**N) (K - 1)`` (T1, T4)."""
    count = process.n_states
    solution = solve_without_memory(GoalTasks.reachable(process), episodes=episodes)
    failure = Fraction(count - 1, count) ** episodes if episodes is not None else Fraction(0)
    assert solution.value.contains((1 - failure) * (count - 1))


# ---------------------------------------------------------------- an independent exact oracle

CASES: list[tuple[str, Learner, Criterion, int | None, LossFunction]] = [
    ("memoryless inf", Learner.MEMORYLESS, Criterion.REGRET, None, memoryless(None)),
    ("memoryless 1", Learner.MEMORYLESS, Criterion.REGRET, 1, memoryless(1)),
    ("memoryless 3", Learner.MEMORYLESS, Criterion.REGRET, 3, memoryless(3)),
    ("blind 2", Learner.BLIND, Criterion.REGRET, 2, blind(2)),
    ("hitting inf", Learner.MEMORYLESS, Criterion.HITTING_TIME, None, hitting_time(None)),
    ("hitting 4", Learner.MEMORYLESS, Criterion.HITTING_TIME, 4, hitting_time(4)),
    ("ratio inf", Learner.MEMORYLESS, Criterion.RATIO, None, ratio(None)),
    ("ratio 4", Learner.MEMORYLESS, Criterion.RATIO, 4, ratio(4)),
]
CASE = pytest.mark.parametrize(
    ("learner", "criterion", "episodes", "loss"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
SMALL = processes(max_states=3, max_actions=2, max_steps=2)


def goal_vertices(process: ControlledMarkovProcess) -> set[Vector]:
    """Achievable success vectors on the reachable goals."""
    kept = np.flatnonzero(goal_support(process)).tolist()
    return {tuple(vertex[g] for g in kept) for vertex in terminal_vertices(process)}


@CASE
@given(process=SMALL)
@settings(max_examples=10)
def test_the_bracket_contains_the_exact_value(
    process: ControlledMarkovProcess,
    learner: Learner,
    criterion: Criterion,
    episodes: int | None,
    loss: LossFunction,
) -> None:
    solution = solve_without_memory(
        GoalTasks.reachable(process), learner=learner, criterion=criterion, episodes=episodes, tolerance=1e-8
    )
    vertices = goal_vertices(process)
    assert is_below(loss, vertices, solution.value.lower)
    assert is_above(loss, vertices, solution.value.upper)
    assert solution.value.relative_gap <= 1e-8


@given(process=SMALL)
@settings(max_examples=25)
def test_infinitely_many_episodes_against_the_exact_game(process: ControlledMarkovProcess) -> None:
    """``1 / t* - 1`` with ``t*`` the rational value of the game with payoffs ``rho_g / v_g``."""
    vertices = goal_vertices(process)
    best = [max(column) for column in zip(*vertices, strict=True)]
    level = game_value([tuple(x / v for x, v in zip(vertex, best, strict=True)) for vertex in vertices])
    solution = solve_without_memory(GoalTasks.reachable(process))
    assert solution.value.contains(1 / level - 1)


@given(process=SMALL)
@settings(max_examples=25)
def test_the_least_favourable_distribution_proves_the_lower_bound(process: ControlledMarkovProcess) -> None:
    """Whatever is played, ``E_p[loss] >= lower``: by convexity it is enough to look along tangents, at all
    vertices."""
    tasks = GoalTasks.reachable(process)
    solution = solve_without_memory(tasks)
    prior = [Fraction(float(p)) for p in solution.least_favourable.array]
    assert abs(sum(prior) - 1) < Fraction(1, 10**12)
    vertices = goal_vertices(process)
    best = [max(column) for column in zip(*vertices, strict=True)]
    level = Fraction(solution.value.lower) + 1
    # phi(rho) = v / rho - 1 lies above its tangent at r = v / level, whose slope is -level**2 / v.
    bound = min(
        sum(
            p * (level - 1 - level**2 / v * (x - v / level))
            for p, x, v in zip(prior, vertex, best, strict=True)
        )
        for vertex in vertices
    )
    assert bound >= Fraction(solution.value.lower) * (1 - Fraction(1, 10**8)) - Fraction(1, 10**8)


@given(process=processes(max_states=3, max_actions=2, max_steps=2, geometric=False))
@settings(max_examples=15)
def test_visits_against_the_exact_game(process: ControlledMarkovProcess) -> None:
    """On the process that remembers visits, the vertices are found by the same recursion."""
    tasks = GoalTasks.reachable(process, Detection.VISIT)
    marked = success_tasks(tasks)
    assume(marked.process.n_states <= 12)
    marks = marked.success.toarray()
    vertices = {
        tuple(sum((x for x, m in zip(vertex, column, strict=True) if m), Fraction(0)) for column in marks.T)
        for vertex in terminal_vertices(marked.process)
    }
    solution = solve_without_memory(tasks)
    assert is_below(memoryless(None), vertices, solution.value.lower)
    assert is_above(memoryless(None), vertices, solution.value.upper)


def test_the_oracle_tells_wrong_brackets() -> None:
    """The comparison is not vacuous: bounds off by 1e-9 on the wrong side are refused, and wrong losses
    are."""
    vertices = goal_vertices(z_channel())
    assert is_below(memoryless(None), vertices, 0.5 - 1e-9)
    assert not is_below(memoryless(None), vertices, 0.5 + 1e-9)
    assert is_above(memoryless(None), vertices, 0.5 + 1e-9)
    assert not is_above(memoryless(None), vertices, 0.5 - 1e-9)
    assert not is_above(memoryless(2), vertices, 0.25)
    assert game_value([(Fraction(1), Fraction(0)), (Fraction(0), Fraction(1))]) == Fraction(1, 2)


def test_hitting_time_of_one_goal_at_a_geometric_horizon() -> None:
    """``1 / v*`` exactly, where ``v*`` is known in a bracket only: a bound built on too small a ``v*`` was
    above it."""
    for gamma in (Fraction(9, 10), Fraction(99, 100), Fraction(999, 1000)):
        process = z_channel().replaced(horizon=GeometricHorizon(gamma))
        value = solve_without_memory(
            GoalTasks(process, np.array([1])), criterion=Criterion.HITTING_TIME
        ).value
        truth = (1 - gamma / 2) / (gamma / 2)
        assert Fraction(value.lower) <= truth <= Fraction(value.upper)


# ---------------------------------------------------------------- rounding


@pytest.mark.parametrize("exponent", [3, 9, 100, 153])
@pytest.mark.parametrize("episodes", [None, 5])
@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
def test_tiny_probabilities(exponent: int, episodes: int | None) -> None:
    """The bracket may be wide where solvers give up, but it is true."""
    p = Fraction(1, 10**exponent)
    rows = [(0, 0, 0, 1), (0, 1, 1, p), (0, 1, 0, 1 - p), (1, 0, 2, p), (1, 0, 1, 1 - p), (2, 0, 2, 1)]
    process = ControlledMarkovProcess.from_transitions(rows, states=3, actions=2, initial=0, horizon=2)
    refusal = ""
    bounds = (-math.inf, math.inf)
    try:
        value = solve_without_memory(GoalTasks.reachable(process), episodes=episodes).value
        bounds = (value.lower, value.upper)
    except ConvergenceError as error:
        bounds = (error.lower, error.upper)
    except SolverError as error:  # an honest answer where all coefficients are below a solver's tolerances
        refusal = str(error)
    if refusal:
        assert exponent > 9
        assert "tried" in refusal
        return
    vertices = goal_vertices(process)
    assert is_below(memoryless(episodes), vertices, bounds[0])
    assert is_above(memoryless(episodes), vertices, bounds[1])


@pytest.mark.parametrize("episodes", [10**3, 10**6, 10**12, 2**53])
def test_many_episodes_approach_infinitely_many(episodes: int) -> None:
    """``(1 - (1 - 1/9)**N) 8`` on the 3 x 3 grid, with the power taken to 200 binary digits."""
    value = solve_without_memory(goals("grid:3x3", 4), episodes=episodes).value
    failure = Fraction(8, 9) ** min(episodes, 2000)
    assert Fraction(value.lower) <= 8
    assert Fraction(value.upper) >= 8 * (1 - failure)
    assert value.relative_gap < 1e-9


def test_a_long_horizon() -> None:
    """A line of two at T = 1500: both ends can be reached surely, so the value is 1."""
    value = solve_without_memory(goals("line:2", 1500)).value
    assert value.contains(1)
    assert value.relative_gap < 1e-9


def test_gamma_near_one() -> None:
    gamma = Fraction(9999, 10000)
    process = z_channel().replaced(horizon=GeometricHorizon(gamma))
    vertices = goal_vertices(process)
    value = solve_without_memory(GoalTasks.reachable(process)).value
    assert is_below(memoryless(None), vertices, value.lower)
    assert is_above(memoryless(None), vertices, value.upper)
    assert value.relative_gap < 1e-8


def test_goals_too_rare_for_floating_point_are_named_not_called_unreachable() -> None:
    process = make("line:60").replaced(horizon=GeometricHorizon(Fraction(1, 2)))
    with pytest.raises(UnsupportedError, match="positive but below what floating point certifies"):
        solve_without_memory(GoalTasks.reachable(process))


# ---------------------------------------------------------------- solvers that lie

Lie = Callable[[cp.Problem, np.random.Generator], None]


def _perturbed(scale: float) -> Lie:
    def lie(problem: cp.Problem, random: np.random.Generator) -> None:
        for variable in problem.variables():
            if variable.value is not None:
                variable.save_value(variable.value * (1 + scale * random.standard_normal(variable.shape)))
        for constraint in problem.constraints:
            for dual in constraint.dual_variables:
                if dual.value is not None:
                    dual.save_value(dual.value + scale * random.standard_normal(dual.shape))

    return lie


def _constant(number: float) -> Lie:
    def lie(problem: cp.Problem, random: np.random.Generator) -> None:
        for variable in problem.variables():
            variable.save_value(np.full(variable.shape, number))
        for constraint in problem.constraints:
            for dual in constraint.dual_variables:
                dual.save_value(np.full(dual.shape, number))

    return lie


LIES: list[tuple[str, Lie]] = [
    ("off by 1e-6", _perturbed(1e-6)),
    ("off by 1e-2", _perturbed(1e-2)),
    ("noise", _perturbed(10.0)),
    ("NaN", _constant(float("nan"))),
    ("infinite", _constant(float("inf"))),
    ("minus infinite", _constant(float("-inf"))),
    ("huge", _constant(1e308)),
    ("negative", _constant(-1.0)),
    ("zero", _constant(0.0)),
]
UNUSABLE = ("NaN", "infinite", "minus infinite", "huge")


@pytest.mark.parametrize(("name", "lie"), LIES, ids=[name for name, _ in LIES])
@pytest.mark.parametrize(
    ("specification", "episodes"), [("grid:2x2,slip=1/5", None), ("garnet:S=3,A=2,b=2,seed=4", 3)]
)
def test_a_lying_solver_never_makes_a_wrong_bracket(
    name: str, lie: Lie, episodes: int | None, specification: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever variables come back with the status *optimal*, the bounds hold; at worst they are wide.

    Numbers that are none, or beyond any variable, are refused with what was tried.
    """
    random = np.random.default_rng(7)
    honest = cp.Problem.solve

    def solve(problem: cp.Problem, *arguments: Any, **options: Any) -> Any:
        value = honest(problem, *arguments, **options)
        lie(problem, random)
        return value

    process = make(specification).replaced(horizon=2)
    monkeypatch.setattr(cp.Problem, "solve", solve)
    monkeypatch.setattr(without_memory, "MAX_NEWTON_STEPS", 6)
    if name in UNUSABLE:
        with pytest.raises(SolverError, match="Clarabel: optimal, no usable variables"):
            solve_without_memory(GoalTasks.reachable(process), episodes=episodes, method="program")
        return
    try:
        tasks = GoalTasks.reachable(process)
        value = solve_without_memory(tasks, episodes=episodes, method="program").value
        lower, upper = value.lower, value.upper
    except ConvergenceError as error:
        lower, upper = error.lower, error.upper
    vertices = goal_vertices(process)
    assert is_below(memoryless(episodes), vertices, lower)
    assert is_above(memoryless(episodes), vertices, upper)
    if name in ("noise", "zero"):
        assert upper - lower > 1e-6  # the lie was told


def test_a_solver_that_returns_nothing_is_a_typed_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def solve(*_: Any, **__: Any) -> None:
        raise cp.SolverError("out of order")

    monkeypatch.setattr(cp.Problem, "solve", solve)
    with pytest.raises(SolverError, match=r"HiGHS simplex: failed \(out of order\)"):
        solve_without_memory(goals("grid:2x2", 2), method="program")


# ---------------------------------------------------------------- planted errors


def _planted(tasks: SuccessTasks, success: sp.csc_array) -> SuccessTasks:
    return SuccessTasks(tasks.process, success, tasks.names, tasks.base, tasks.augmented)


def asymmetric() -> ControlledMarkovProcess:
    """Three states whose best probabilities 1, 1/2, 1/3 all differ."""
    rows = [
        (0, 0, 0, 1),
        (0, 1, 1, "1/2"),
        (0, 1, 0, "1/2"),
        (0, 2, 2, "1/3"),
        (0, 2, 0, "2/3"),
        (1, 0, 1, 1),
        (2, 0, 2, 1),
    ]
    return ControlledMarkovProcess.from_transitions(rows, states=3, actions=3, initial=0, horizon=1)


def bracket_of(
    tasks: SuccessTasks, policy: np.ndarray, weights: np.ndarray, optimum: Any = None
) -> tuple[float, float]:
    loss = bracketed_loss(Learner.MEMORYLESS, Criterion.REGRET, optimum or tasks.optimum, None)
    point = certified_saddle_point(tasks, loss, policy, weights)
    return point.lower, point.upper


def caught(bounds: Callable[[], tuple[float, float]], vertices: set[Vector]) -> bool:
    """Whether the tests above would fail with these bounds: wrong, contradicting, or not tight."""
    try:
        lower, upper = bounds()
    except SolverError:
        return True
    right = is_below(memoryless(None), vertices, lower) and is_above(memoryless(None), vertices, upper)
    return not right or upper - lower > 1e-6


def test_planted_errors_are_caught_by_the_oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    process = asymmetric()
    vertices = goal_vertices(process)
    solution = solve_without_memory(GoalTasks.reachable(process))
    policy, weights = solution.proof.policy, solution.proof.weights
    marked = success_tasks(GoalTasks.reachable(process))
    assert not caught(lambda: bracket_of(marked, policy, weights), vertices)
    # Two columns of the success matrix exchanged, but v* taken from the right one.
    exchanged = _planted(marked, sp.csc_array(marked.success[:, [0, 2, 1]]))
    assert caught(lambda: bracket_of(exchanged, policy, weights, marked.optimum), vertices)
    # A dropped factor: v* replaced by one.
    ones = type(marked.optimum)(np.ones(3), np.ones(3), np.ones(3), None, None)
    assert caught(lambda: bracket_of(marked, policy, weights, ones), vertices)
    # A wrong exponent in the loss: (v / rho)**2 - 1.
    with monkeypatch.context() as patch:
        patch.setattr(regret.MemorylessRegret, "value", lambda form, rho, v, wait: (v / rho) ** 2 - 1)
        assert caught(lambda: bracket_of(marked, policy, weights), vertices)
    # A support value that is no maximum: the dual bound would be above the truth, and contradicts the primal.
    with monkeypatch.context() as patch:
        patch.setattr(flow_program, "support_value", lambda tasks, w: 0.1 * float(w @ tasks.optimum.values))
        with pytest.raises(SolverError, match="contradict each other"):
            bracket_of(marked, policy, weights)


def test_a_transposed_success_matrix_is_caught() -> None:
    """On a square success matrix that is not symmetric the transpose changes the value."""
    process = make("line:3,start=1").replaced(horizon=2)
    tasks = success_tasks(GoalTasks.reachable(process))
    rotated = _planted(tasks, sp.csc_array(np.roll(np.eye(3), 1, axis=1)))
    wrong = _planted(tasks, sp.csc_array(np.roll(np.eye(3), 1, axis=1).T))
    policy = np.tile(np.array([0, 1, 0, 0, 1, 0, 0, 1, 0], dtype=float), (2, 1))  # always right
    right = terminal_success(rotated, policy)
    assert right.tolist() == [1.0, 0.0, 0.0]  # the end of the line is the first task after rotation
    assert terminal_success(wrong, policy).tolist() != right.tolist()


def terminal_success(tasks: SuccessTasks, policy: np.ndarray) -> np.ndarray:
    loss = bracketed_loss(Learner.MEMORYLESS, Criterion.REGRET, tasks.optimum, None)
    return certified_saddle_point(tasks, loss, policy, np.ones(3)).success


# ---------------------------------------------------------------- refused and limits


@pytest.mark.parametrize("episodes", [0, -1, True, 2.5, 2**53 + 1, 10**400, "many", float("nan")])
@pytest.mark.parametrize("learner", [Learner.BLIND, Learner.MEMORYLESS])
def test_numbers_of_episodes_that_make_no_sense(episodes: Any, learner: Learner) -> None:
    with pytest.raises(InvalidArgumentError, match="episodes"):
        solve_without_memory(goals("line:2", 1), learner=learner, episodes=episodes)


@pytest.mark.parametrize("tolerance", [0.0, -1.0, float("nan"), 1.0, float("inf")])
def test_tolerances_that_make_no_sense(tolerance: float) -> None:
    with pytest.raises(InvalidArgumentError, match="tolerance"):
        solve_without_memory(goals("line:2", 1), tolerance=tolerance)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"learner": Learner.BLIND}, "give a number of episodes"),
        ({"learner": Learner.MEMORY}, "memory"),
    ],
)
def test_combinations_without_a_definition(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UnsupportedError, match=words):
        solve_without_memory(goals("line:2", 1), **options)


@pytest.mark.parametrize(
    "tasks",
    [
        lambda: GoalTasks.reachable(make("line:3").replaced(horizon=10**6)),
        lambda: TrajectoryTasks(make("grid:3x3").replaced(horizon=10**6)),
        lambda: TrajectoryTasks(make("grid:3x3").replaced(horizon=12)),
        lambda: GoalTasks.reachable(make("grid:20x20").replaced(horizon=5_000), Detection.VISIT),
    ],
    ids=["flow", "long trajectories", "many trajectories", "visits"],
)
def test_huge_requests_are_refused_in_time(tasks: Callable[[], Any]) -> None:
    began = time.perf_counter()
    with pytest.raises(InstanceTooLargeError, match=r"reduce|over the limit"):
        solve_without_memory(tasks())
    assert time.perf_counter() - began < 45


def test_trajectories_at_a_geometric_horizon_have_no_end() -> None:
    process = make("line:2").replaced(horizon=GeometricHorizon(Fraction(1, 2)))
    with pytest.raises(UnsupportedError, match="finite horizon"):
        solve_without_memory(TrajectoryTasks(process))


@given(process=processes(max_states=4, max_steps=3))
@settings(max_examples=8)
def test_more_ability_never_hurts(process: ControlledMarkovProcess) -> None:
    """Memoryless is at most blind, and regret grows with the number of episodes."""
    tasks = GoalTasks.reachable(process)

    def value(learner: Learner, episodes: int | None) -> MinimaxSolution:
        return solve_without_memory(tasks, learner=learner, episodes=episodes, tolerance=1e-8)

    once, thrice, ever = (value(Learner.MEMORYLESS, n).value for n in (1, 3, None))
    assert once.lower <= thrice.upper
    assert thrice.lower <= ever.upper
    assert thrice.lower <= value(Learner.BLIND, 3).value.upper
    same = value(Learner.BLIND, 1).value  # with one episode there is nothing to remember
    assert max(once.lower, same.lower) <= min(once.upper, same.upper)
    assert math.isfinite(ever.upper)


def test_errors_are_typed() -> None:
    with pytest.raises(MetaregretError):
        GoalTasks(make("line:2"), np.array([], dtype=int))
