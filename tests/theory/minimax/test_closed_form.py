"""The closed form of T19 against the linear program: it answers where there is equality, and nowhere else."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.minimax import build
from benchmarks.minimax_equality import compare, random_process
from metaregret.tabular import goals, make
from metaregret.tabular.goals import goal_values
from metaregret.tabular.horizon import GeometricHorizon
from metaregret.tabular.policy import terminal_distribution
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import processes
from metaregret.theory.minimax import closed_form
from metaregret.theory.minimax.closed_form import ClosedForm, Equaliser
from metaregret.theory.minimax.exact import AchievableSuccess, equalise
from metaregret.theory.minimax.flow_program import FlowProgram
from metaregret.theory.minimax.solution import Criterion, Learner
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.success import success_tasks
from metaregret.theory.tasks import Detection, GoalTasks
from tests.theory.minimax.losses import LOSSES


@settings(max_examples=25, deadline=None)
@given(processes(min_states=2), st.sampled_from(LOSSES), st.sampled_from(Detection))
def test_it_agrees_with_the_program_whatever_answers(
    process: ControlledMarkovProcess, loss: tuple[Learner, Criterion, int | None], detect: Detection
) -> None:
    learner, criterion, episodes = loss
    if detect is Detection.VISIT and criterion is not Criterion.REGRET:
        detect = Detection.END
    tasks = GoalTasks.reachable(process, detect)
    found, program = (
        solve_without_memory(
            tasks, learner=learner, criterion=criterion, episodes=episodes, tolerance=1e-8, method=method
        ).value
        for method in ("auto", "program")
    )
    assert max(found.lower, program.lower) <= min(found.upper, program.upper)
    assert found.relative_gap <= 1e-8


@pytest.mark.parametrize("seed", range(12))
def test_equality_is_exactly_where_the_target_is_achievable(seed: int) -> None:
    """The comparison of the benchmark, on processes of another seed; see `benchmarks.minimax_equality`."""
    compare(random_process(np.random.default_rng(10_000 + seed)))


def test_the_noise_of_a_grid_costs_what_the_bound_says() -> None:
    """A slipping grid: the value is the sum of ``v*`` less one; the policy ends in proportion to it."""
    process = make("grid:4x4,slip=1/5").replaced(horizon=7)
    solution = solve_without_memory(GoalTasks.reachable(process))
    exact = goal_values(process, representation="rational").exact
    assert exact is not None
    assert solution.method == "closed form: one linear solve over the goals' policies"
    assert solution.value.contains(sum(exact.tolist(), Fraction(-1)))
    assert solution.exploration is not None
    share = exact.astype(float) / float(sum(exact.tolist()))
    np.testing.assert_allclose(solution.exploration, share, rtol=1e-9)
    np.testing.assert_allclose(solution.least_favourable, share, rtol=1e-9)
    again = terminal_distribution(process, solution.proof.policy).probabilities
    np.testing.assert_allclose(again, share, rtol=1e-9)


def test_soft_planning_answers_where_goals_policies_do_not() -> None:
    process = make("garnet:S=30,A=4,b=5,seed=1").replaced(horizon=20)
    tasks = GoalTasks.reachable(process)
    soft, program = solve_without_memory(tasks), solve_without_memory(tasks, method="program")
    assert "soft planning" in soft.method
    assert soft.value.upper == pytest.approx(goal_values(process).values.sum() - 1, rel=1e-10)
    assert max(soft.value.lower, program.value.lower) <= min(soft.value.upper, program.value.upper)


def beside(
    one: ControlledMarkovProcess, other: ControlledMarkovProcess, share: Fraction
) -> ControlledMarkovProcess:
    """Two processes side by side: the first with probability `share` at the start."""
    rows, start = list[Any](), dict[int, object]()
    for part, shift, weight in ((one, 0, share), (other, one.n_states, 1 - share)):
        assert part.numerators is not None
        assert part.denominators is not None
        assert part.exact_initial is not None
        fractions = map(Fraction, part.numerators.tolist(), part.denominators.tolist())
        for choice, to, chance in zip(part.transition_choice, part.successors, fractions, strict=True):
            state, action = int(part.choice_state[choice]), int(part.choice_action[choice])
            rows.append((state + shift, action, int(to) + shift, chance))
        start |= {state + shift: weight * mass for state, mass in enumerate(part.exact_initial) if mass}
    states, actions = one.n_states + other.n_states, max(one.n_actions, other.n_actions)
    return ControlledMarkovProcess.from_transitions(
        rows, states=states, actions=actions, initial=start, horizon=one.horizon
    )


@settings(max_examples=20, deadline=None)
@given(processes(geometric=False, min_states=2), st.integers(1, 9), st.booleans())
def test_classes_that_nothing_connects_cost_what_the_worst_costs(
    process: ControlledMarkovProcess, tenths: int, crowded: bool
) -> None:
    """Beside a line that gets the other starts: two problems that have nothing in common."""
    line = make("line:4,slip=1/3").replaced(horizon=process.horizon)
    both = beside(process, line, Fraction(tenths, 10))
    apart = [
        solve_without_memory(GoalTasks.reachable(part), tolerance=1e-9).value for part in (process, line)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(closed_form, "CROWDED", 2.0 if crowded else 0.0)
        found = solve_without_memory(GoalTasks.reachable(both), tolerance=1e-9).value
    assert found.lower <= max(value.upper for value in apart) * (1 + 1e-12)
    assert found.upper >= max(value.lower for value in apart) * (1 - 1e-12)


def test_the_destinations_of_a_taxi_are_classes() -> None:
    """Four destinations of a quarter of the starts each; the second costs most."""
    tasks = GoalTasks.reachable(make("gym:Taxi-v4").replaced(horizon=20))
    solution = solve_without_memory(tasks)
    assert "soft planning" in solution.method
    assert solution.value.contains(Fraction(6976, 75))


@pytest.mark.parametrize("spec", ["grid:4x4,slip=1/5", "line:6,slip=1/4"])
def test_many_goals_need_no_matrix(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = GoalTasks.reachable(make(spec).replaced(horizon=7))
    solved = solve_without_memory(tasks)
    monkeypatch.setattr(closed_form, "MANY", 1)
    soft = solve_without_memory(tasks)
    assert ("linear solve" in solved.method, "soft planning" in soft.method) == (True, True)
    assert soft.value.upper == pytest.approx(solved.value.upper, rel=1e-9)
    assert max(soft.value.lower, solved.value.lower) <= min(soft.value.upper, solved.value.upper)


def test_goals_that_are_hardly_ever_reached() -> None:
    """A frozen lake with holes, goals down to a probability of 4e-11: equality, which no mixture of the
    goals' own policies attains."""
    tasks = build("lake:12:0", 24)
    solution = solve_without_memory(tasks, tolerance=1e-7)
    best = goal_values(tasks.process, tasks.goals).values
    assert best.min() < 1e-10
    assert "soft planning" in solution.method
    assert solution.value.upper == pytest.approx(best.sum() - 1, rel=1e-7)


def z_channel() -> ControlledMarkovProcess:
    """One action reaches state 1 surely, the other state 2 or 1 with probability 1/2 each."""
    rows: list[Any] = [(0, 0, 1, 1), (0, 1, 2, "1/2"), (0, 1, 1, "1/2"), (1, 0, 1, 1), (2, 0, 2, 1)]
    return ControlledMarkovProcess.from_transitions(rows, states=3, actions=2, initial=0, horizon=1)


def test_the_z_channel_by_hand() -> None:
    """v = (1, 1/2), so 1 + Reg* = 3/2, attained by the second action with probability 2/3."""
    solution = solve_without_memory(GoalTasks.reachable(z_channel()))
    assert "linear solve" in solution.method
    assert solution.value.contains(Fraction(1, 2))
    np.testing.assert_allclose(solution.proof.policy[0, :2], [1 / 3, 2 / 3], rtol=1e-12)
    np.testing.assert_allclose(solution.least_favourable, [2 / 3, 1 / 3], rtol=1e-12)


@pytest.mark.parametrize(("slip", "words"), [("0", "linear solve"), ("1/5", "linear program")])
def test_fewer_goals_than_states(slip: str, words: str) -> None:
    """The corners of a grid. Where all can be reached surely their policies are all that is needed; with
    slips a policy for one corner gives up what it cannot reach any more, which is not best for all four."""
    process = make(f"grid:3x3,slip={slip}").replaced(horizon=4)
    tasks = GoalTasks(process, np.array([0, 2, 6, 8]))
    found, program = solve_without_memory(tasks), solve_without_memory(tasks, method="program")
    assert words in found.method
    assert max(found.value.lower, program.value.lower) <= min(found.value.upper, program.value.upper)
    assert found.value.upper + 1 >= goal_values(process, tasks.goals).values.sum()


def test_where_not_all_tasks_bind_the_program_answers() -> None:
    """rho = (3/5 - x/10, x/2, 2/5 (1 - x)) and v = (3/5, 1/2, 2/5): x = 1/2 gives t* = 1/2, a regret of one,
    where the sum of v is 3/2 only; the first goal comes for nothing."""
    rows: list[Any] = [(0, 0, 1, "1/2"), (0, 0, 2, "1/2"), (0, 1, 1, "3/5"), (0, 1, 3, "2/5")]
    rows += [(s, 0, s, 1) for s in (1, 2, 3)]
    process = ControlledMarkovProcess.from_transitions(rows, states=4, actions=2, initial=0, horizon=1)
    solution = solve_without_memory(GoalTasks.reachable(process))
    assert "closed form" not in solution.method
    assert solution.value.contains(1)
    assert solution.least_favourable[0] == pytest.approx(0.0, abs=1e-9)
    geometric = process.replaced(horizon=GeometricHorizon(Fraction(1, 2)))
    assert solve_without_memory(GoalTasks.reachable(geometric)).value.relative_gap <= 1e-9


# ---------------------------------------------------------------- guesses that are wrong


def test_a_guess_that_is_not_optimal_is_not_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted errors: another mixture, other weights, another policy from soft planning."""
    process = make("grid:3x3,slip=1/5").replaced(horizon=4)
    even = np.full((4, process.n_choices), 1 / 5)
    tasks = success_tasks(GoalTasks.reachable(process))

    def method() -> str:
        return solve_without_memory(GoalTasks.reachable(process)).method

    assert "linear solve" in method()
    with monkeypatch.context() as patch:
        patch.setattr(Equaliser, "mixture", lambda *_: np.full(9, 1 / 9))
        assert "soft planning" in method()
        patch.setattr(closed_form, "matching_policy", lambda *_, **__: even)
        assert "linear program" in method()
    with monkeypatch.context() as patch:
        patch.setattr(Equaliser, "weights", np.arange(1.0, 10.0))
        patch.setattr(closed_form, "matching_policy", lambda *_, **__: None)
        assert "linear program" in method()
    assert ClosedForm(tasks, FlowProgram).interrupted is False


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_the_equaliser_solves_both_systems(size: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    success = np.eye(size) + random.random((size, size)) / (2 * size)
    weights, direction = random.random(size) + 0.5, random.random(size) + 0.5
    equaliser = Equaliser(success)
    shares = equaliser.mixture(np.zeros(size), direction)
    if shares is not None:
        ratios = shares @ success / direction
        assert shares.sum() == pytest.approx(1.0)
        np.testing.assert_allclose(ratios, ratios[0], rtol=1e-10)
        base = 0.01 * weights
        moved = equaliser.mixture(base, direction)
        if moved is not None:
            levels = (moved @ success - base) / direction
            np.testing.assert_allclose(levels, levels[0], rtol=1e-10)
    if equaliser.weights is not None:
        equal = success @ equaliser.weights
        np.testing.assert_allclose(equal, equal[0], rtol=1e-10)


def test_tasks_served_alike_have_no_equaliser() -> None:
    success = np.ones((2, 2)) / 2
    assert Equaliser(success).mixture(np.zeros(2), np.array([1.0, 2.0])) is None


def test_the_answer_does_not_depend_on_what_computes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = GoalTasks.reachable(make("grid:4x4,slip=1/5").replaced(horizon=7))
    small = solve_without_memory(tasks).value
    monkeypatch.setattr(goals, "SMALL_WORK", -1)
    compiled = solve_without_memory(tasks).value
    assert compiled.upper == pytest.approx(small.upper, rel=1e-11)
    assert max(compiled.lower, small.lower) <= min(compiled.upper, small.upper)


# ---------------------------------------------------------------- in rational arithmetic


def test_the_rational_closed_form_agrees_with_column_generation() -> None:
    """Every criterion that is a linear program, finite and geometric horizons, the latter close to one."""
    random, closed = np.random.default_rng(7), 0
    for index in range(24):
        process = random_process(random)
        if index % 4 == 0:
            gamma = 1 - Fraction(1, 10 ** int(random.integers(4, 10)))
            process = process.replaced(horizon=GeometricHorizon(gamma))
        tasks = GoalTasks.reachable(process)
        learner, criterion, episodes = [*LOSSES[:1], *LOSSES[2:5]][index // 4 % 4]
        found, generated = (
            solve_without_memory(
                tasks, learner=learner, criterion=criterion, episodes=episodes, exact=True, method=method
            )
            for method in ("auto", "program")
        )
        assert found.value.exact is not None
        assert found.value.exact == generated.value.exact
        assert found.value.exact == max(map(Fraction, found.per_task.fractions().values()))
        closed += found.method.startswith("closed form: one rational")
    assert 5 < closed < 24


def test_rational_solves_prove_what_they_return() -> None:
    """Two goals behind one action that mixes them, and a third: nothing binds everywhere, and equal policies
    make the matrix singular."""
    rows = [
        (0, 0, 1, Fraction(1, 2)),
        (0, 0, 2, Fraction(1, 2)),
        (0, 1, 3, 1),
        *((s, 0, s, 1) for s in (1, 2, 3)),
    ]
    process = ControlledMarkovProcess.from_transitions(rows, states=4, actions=2, initial=0, horizon=1)
    achievable = AchievableSuccess(success_tasks(GoalTasks.reachable(process)))
    best, policies = achievable.optimum()
    assert best == [Fraction(1, 2), Fraction(1, 2), Fraction(1)]
    zeros = [Fraction(0)] * 3
    assert equalise(achievable, zeros, best, policies) is None
    found = equalise(achievable, zeros, [Fraction(1), Fraction(0), Fraction(1)], policies)
    assert found is not None
    assert (found.level, found.prior.tolist()) == (
        Fraction(1, 3),
        [Fraction(2, 3), Fraction(0), Fraction(1, 3)],
    )
    # A policy that serves two goals fairly well is best for neither, but what the optimum plays.
    half, fair = Fraction(1, 2), Fraction(2, 5)
    rows = [(0, 0, 1, half), (0, 0, 3, half), (0, 1, 2, half), (0, 1, 3, half)]
    rows += [(0, 2, 1, fair), (0, 2, 2, fair), (0, 2, 3, Fraction(1, 5)), *((s, 0, s, 1) for s in (1, 2, 3))]
    third = ControlledMarkovProcess.from_transitions(rows, states=4, actions=3, initial=0, horizon=1)
    tasks = GoalTasks(third, np.array([1, 2]))
    served = AchievableSuccess(success_tasks(tasks))
    _, own = served.optimum()
    assert equalise(served, zeros[:2], [half, half], own) is None
    assert solve_without_memory(tasks, exact=True).value.exact == Fraction(1, 4)
    # A policy that is not the best one gives equal payoffs, too, but no bound that holds.
    swapped = [policies[2], policies[1], policies[2]]
    assert equalise(achievable, zeros, best, swapped) is None


def test_a_program_that_is_not_asked_is_not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """On 10,000 states it does not fit memory; here it would take a thousand times the closed form's time."""

    def built(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("metaregret.theory.minimax.without_memory.FlowProgram", built)
    process = make("grid:20x20,slip=1/10").replaced(horizon=40)
    solution = solve_without_memory(GoalTasks.reachable(process))
    assert solution.method.startswith("closed form")
