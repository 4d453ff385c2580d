"""Exact minimax solutions without memory: named values, random processes against vertex enumeration, honest
brackets.

Every tolerance is zero. The expected values follow from theorems T4 and T9 by hand, or from the oracle
`vertex_enumeration`, which shares no code with the solver.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from vertex_enumeration import Vector, game_value, push, rows_of, terminal_vectors

from metaregret.tabular.bounds import Status
from metaregret.tabular.environments import make
from metaregret.tabular.errors import InstanceTooLargeError, NotExactError
from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.minimax import Criterion, Learner, MinimaxSolution, solve
from metaregret.theory.minimax.exact.matrix_game import solve_game
from metaregret.theory.tasks import Detection, GoalTasks, TaskFamily, TrajectoryTasks

RANDOM_PROCESSES = 120


def exact(
    tasks: TaskFamily,
    *,
    learner: Learner = Learner.MEMORYLESS,
    criterion: Criterion = Criterion.REGRET,
    episodes: int | None = None,
) -> MinimaxSolution:
    return solve(tasks, learner=learner, criterion=criterion, episodes=episodes, exact=True)


def goals(spec: str, steps: int, detect: Detection = Detection.END) -> GoalTasks:
    return GoalTasks.reachable(make(spec).replaced(horizon=FiniteHorizon(steps)), detect)


def z_channel() -> ControlledMarkovProcess:
    """One action reaches state 1 with certainty, the other state 2 with probability 1/2, or state 1 (C1)."""
    rows = [(0, 0, 0, 1), (0, 1, 1, "1/2"), (0, 1, 0, "1/2"), (1, 0, 1, 1)]
    return ControlledMarkovProcess.from_transitions(rows, states=2, actions=2, initial=0, horizon=1)


def random_process(rng: np.random.Generator, *, geometric: bool) -> ControlledMarkovProcess:
    states = int(rng.integers(2, 4))
    rows = []
    for state in range(states):
        for action in range(int(rng.integers(1, 4 if geometric else 3))):
            weights = rng.integers(0, 4, states)
            weights[rng.integers(states)] += 1
            total = int(weights.sum())
            rows += [(state, action, s, Fraction(int(w), total)) for s, w in enumerate(weights) if w]
    gamma = (Fraction(1, 2), Fraction(2, 3), Fraction(9, 10))[rng.integers(3)]
    horizon = GeometricHorizon(gamma) if geometric else FiniteHorizon(int(rng.integers(1, 3)))
    return ControlledMarkovProcess.from_transitions(
        rows, states=states, actions=3, initial=0, horizon=horizon
    )


def test_deterministic_controllable_grid_is_number_of_goals_minus_one() -> None:
    solution = exact(goals("grid:3x3", 4))
    assert solution.value.exact == 8
    assert solution.status is Status.EXACT
    assert set(solution.proof.exact.prior) == {Fraction(1, 9)}
    assert set(solution.proof.exact.success) == {Fraction(1, 9)}


@pytest.mark.parametrize("slip", ["1/10", "3/10", "6/10"])
@pytest.mark.parametrize("criterion", [Criterion.REGRET, Criterion.RATIO])
def test_slippery_grid_is_proved_by_plain_fractions(slip: str, criterion: Criterion) -> None:
    tasks = goals(f"grid:3x3,slip={slip}", 4)
    solution = exact(tasks, criterion=criterion)
    value, details = solution.value.exact, solution.proof
    assert value is not None
    best = best_successes(tasks.process)
    level = 1 / (value + 1) if criterion is Criterion.REGRET else 1 / value
    # Upper bound: the policy, pushed forward step by step. Lower bound: p_g / v_g as rewards, planned
    # backward.
    reached = distribution_of(tasks.process, details.exact.policy)
    assert min(r / v for r, v in zip(reached, best, strict=True)) == level
    prior = details.exact.prior.tolist()
    assert min(prior) >= 0
    assert sum(prior) == 1
    assert plan(tasks.process, [p / v for p, v in zip(prior, best, strict=True)]) == level


def distribution_of(process: ControlledMarkovProcess, policy: np.ndarray) -> Vector:
    rows, current = rows_of(process), tuple(process.exact_initial or ())
    for step in policy:
        following = [Fraction(0)] * len(current)
        for state, mass in enumerate(current):
            first = int(process.choice_offsets[state])
            for k, row in enumerate(rows[state]):
                for successor, p in row.items():
                    following[successor] += mass * step[first + k] * p
        current = tuple(following)
    return current


def plan(process: ControlledMarkovProcess, terminal: list[Fraction]) -> Fraction:
    assert isinstance(process.horizon, FiniteHorizon)
    assert process.exact_initial is not None
    rows, values = rows_of(process), list(terminal)
    for _ in range(process.horizon.steps):
        values = [max(sum(p * values[s] for s, p in row.items()) for row in choices) for choices in rows]
    return sum((m * v for m, v in zip(process.exact_initial, values, strict=True)), Fraction(0))


def best_successes(process: ControlledMarkovProcess) -> list[Fraction]:
    size = process.n_states
    return [plan(process, [Fraction(int(s == goal)) for s in range(size)]) for goal in range(size)]


def test_z_channel_regret_is_one_half() -> None:
    solution = exact(GoalTasks(z_channel(), np.array([0, 1])))
    assert solution.value.exact == Fraction(1, 2)
    assert solution.proof.exact.success.tolist() == [Fraction(2, 3), Fraction(1, 3)]


@pytest.mark.parametrize(("start", "value"), [(0, 0), (1, 1), (2, 1)])
def test_visits_on_a_line_cost_one_episode_for_two_ends(start: int, value: int) -> None:
    # From an end one walk visits everything; from inside, T = 4 steps are too few to see both ends.
    steps = 4
    solution = exact(goals(f"line:5,start={start}", steps, Detection.VISIT))
    assert solution.value.exact == value


@pytest.mark.parametrize(("spec", "steps", "histories"), [("line:3", 2, 9), ("line:3,start=1", 3, 27)])
def test_trajectories_cost_their_number_minus_one(spec: str, steps: int, histories: int) -> None:
    process = make(spec).replaced(horizon=FiniteHorizon(steps))
    assert exact(TrajectoryTasks(process)).value.exact == histories - 1


def test_stochastic_trajectories_match_the_recursion_of_t9() -> None:
    # n(leaf) = 1, n(h) = sum_a max_o n(h a o): at T = 1 the Z-channel has two actions, so the value is 2 - 1.
    assert exact(TrajectoryTasks(z_channel())).value.exact == 1


@pytest.mark.parametrize("seed", range(RANDOM_PROCESSES))
def test_random_processes_equal_the_enumeration_of_vertices(seed: int) -> None:
    process = random_process(np.random.default_rng(seed), geometric=seed % 3 == 2)
    tasks = GoalTasks.reachable(process)
    vertices = {tuple(v[g] for g in tasks.goals.tolist()) for v in terminal_vectors(process)}
    best = [max(column) for column in zip(*vertices, strict=True)]
    level = game_value({tuple(r / v for r, v in zip(x, best, strict=True)) for x in vertices})
    assert exact(tasks).value.exact == 1 / level - 1
    # Payoffs 1 + rho - v keep the value of the game positive, as the oracle asks.
    blind = game_value({tuple(1 + r - v for r, v in zip(x, best, strict=True)) for x in vertices})
    if seed % 4 == 0:
        assert exact(tasks, criterion=Criterion.RATIO).value.exact == 1 / level
    elif seed % 4 == 1:
        assert exact(tasks, criterion=Criterion.HITTING_TIME).value.exact == 1 / game_value(vertices)
    elif seed % 4 == 2:
        assert exact(tasks, learner=Learner.BLIND, episodes=7).value.exact == 7 * (1 - blind)
    else:
        assert exact(tasks, episodes=1).value.exact == 1 - blind


@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize("criterion", list(Criterion))
def test_finite_budgets_are_bracketed_and_never_called_exact_without_equal_bounds(
    seed: int, criterion: Criterion
) -> None:
    process = random_process(np.random.default_rng(seed), geometric=seed % 2 == 1)
    tasks = GoalTasks.reachable(process)
    solution = exact(tasks, criterion=criterion, episodes=4)
    low, high = solution.proof.exact.lower, solution.proof.exact.upper
    assert low <= high
    assert (solution.value.exact is not None) == (low == high)
    assert (solution.status is Status.EXACT) == (low == high)
    assert high - low < Fraction(1, 10**9)
    vertices = {tuple(v[g] for g in tasks.goals.tolist()) for v in terminal_vectors(process)}
    best = [max(column) for column in zip(*vertices, strict=True)]
    success = solution.proof.exact.success.tolist()
    assert max(loss(criterion, r, v, 4) for r, v in zip(success, best, strict=True)) == high
    # The lower bound from the tangents at the reference, maximised over all vertices one by one.
    prior, reference = solution.proof.exact.prior.tolist(), solution.proof.exact.reference.tolist()
    tangents = [tangent(criterion, r, v, 4) for r, v in zip(reference, best, strict=True)]
    constant = sum(p * (at - d * r) for p, (at, d), r in zip(prior, tangents, reference, strict=True))
    slopes = [p * d for p, (_, d) in zip(prior, tangents, strict=True)]
    assert low == min(constant + sum(d * r for d, r in zip(slopes, x, strict=True)) for x in vertices)


def loss(criterion: Criterion, rho: Fraction, best: Fraction, episodes: int) -> Fraction:
    waiting, least = (sum(((1 - r) ** i for i in range(episodes)), Fraction(0)) for r in (rho, best))
    if criterion is Criterion.REGRET:
        return waiting * (best - rho)
    return waiting if criterion is Criterion.HITTING_TIME else waiting / least


def tangent(criterion: Criterion, rho: Fraction, best: Fraction, episodes: int) -> tuple[Fraction, Fraction]:
    """Value and derivative, the latter from the difference quotient at five points."""
    points = [Fraction(k, 7) for k in range(-2, 3)]
    values = [loss(criterion, rho + h, best, episodes) for h in points]
    # The five-point formula is exact for polynomials of degree 4.
    derivative = (values[0] - 8 * values[1] + 8 * values[3] - values[4]) / (12 * Fraction(1, 7))
    return values[2], derivative


def test_rational_optimum_of_a_finite_budget_is_found() -> None:
    # On a controllable grid all rho are 1/9, so the regret is sum_{i=1..5} (8/9)^i.
    solution = exact(goals("grid:3x3", 4), episodes=5)
    assert solution.value.exact == sum(Fraction(8, 9) ** i for i in range(1, 6))


def test_waiting_in_a_single_episode_costs_one_episode() -> None:
    assert (
        exact(goals("grid:3x3,slip=1/10", 4), criterion=Criterion.HITTING_TIME, episodes=1).value.exact == 1
    )


def test_floating_point_processes_are_refused() -> None:
    process = ControlledMarkovProcess.from_dense(np.full((1, 3, 3), 1 / 3), horizon=2)
    with pytest.raises(NotExactError, match="floating point"):
        exact(GoalTasks.reachable(process))


def test_large_instances_are_refused_before_time_is_spent() -> None:
    with pytest.raises(InstanceTooLargeError, match="limit"):
        exact(goals("line:500,start=250", 300))


@pytest.mark.parametrize("seed", range(40))
def test_matrix_games_equal_shapley_and_snow(seed: int) -> None:
    import flint

    rng = np.random.default_rng(seed)
    payoff = rng.integers(0, 4, (int(rng.integers(1, 4)), int(rng.integers(1, 7)))) + 1
    solution = solve_game(np.vectorize(flint.fmpq, otypes=[object])(payoff))
    expected = game_value({tuple(map(Fraction, column)) for column in payoff.T.tolist()})
    assert Fraction(int(solution.value.p), int(solution.value.q)) == expected


def test_nearly_singular_games_are_solved_where_floating_point_is_not_enough() -> None:
    import flint

    tiny = flint.fmpq(1, 10**30)
    one, two = flint.fmpq(1), flint.fmpq(2)
    payoff = np.array([[two, one], [one + tiny, two - tiny]], dtype=object)
    flat = np.array([[one, one + tiny], [one + tiny, one]], dtype=object)
    assert solve_game(flat).value == one + tiny / 2
    # Value of a completely mixed game: the determinant over the sum of the cofactors.
    determinant = two * (two - tiny) - one * (one + tiny)
    assert solve_game(payoff).value == determinant / (two - tiny + two - one - one - tiny)


def test_policy_of_the_enumeration_pushes_like_the_process() -> None:
    # The oracle itself, on a case by hand: the second action of the Z-channel.
    assert push(rows_of(z_channel()), (Fraction(1), Fraction(0)), (1, 0)) == (Fraction(1, 2), Fraction(1, 2))
