"""A solver that lies never turns a reported bracket into a wrong one.

Every entry point that asks a solver is run with honest solvers first (in exact arithmetic where it can), and
then with solvers that return something else and call it optimal. What comes back must still contain the true
value, or be a typed error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lying_solvers import LIES, WHOM, lying

from benchmarks.hyperstate_program import solve_program
from metaregret.tabular.bounds import Bracket, relative_error
from metaregret.tabular.engine import solve as plan
from metaregret.tabular.environments import make
from metaregret.tabular.errors import MetaregretError, SolverError
from metaregret.tabular.labels import Labels
from metaregret.tabular.optimise import GrowingProgram, few_positive
from metaregret.tabular.policy import terminal_distribution
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rewards import RewardTables
from metaregret.theory.adversaries import (
    ConditionalValueAtRisk,
    KullbackLeiblerBall,
    Polytope,
    TotalVariationBall,
)
from metaregret.theory.claims import Context, Group, Theorem
from metaregret.theory.minimax import Criterion, Learner, solve
from metaregret.theory.minimax.memory import MemoryGame, bayes_optimal, memory_game, solve_memory
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.optimise import LINEAR_SOLVERS
from metaregret.theory.proposals.regrets import realise, trained_learner
from metaregret.theory.skills import process_capacity, process_redundancy
from metaregret.theory.success import success_tasks
from metaregret.theory.tasks import Detection, GoalTasks, RewardTasks
from metaregret.theory.theorems import t03_known_distribution as t03
from metaregret.theory.theorems import t07_redundancy_capacity as t07
from metaregret.theory.theorems import t14_point_masses as t14
from metaregret.theory.theorems import t16_adversary_budget as t16

Bounds = tuple[float | Fraction, float | Fraction]


@cache
def process(index: int) -> ControlledMarkovProcess:
    """Small processes of several kinds, with rational probabilities."""
    specification, steps = (("line:4", 3), ("grid:2x2,slip=1/5", 2), ("garnet:S=4,A=2,b=2,seed=4", 2))[index]
    return make(specification).replaced(horizon=steps)


def goals(index: int, detect: Detection = Detection.END) -> GoalTasks:
    return GoalTasks.reachable(process(index), detect)


def tables(index: int) -> RewardTasks:
    rng = np.random.default_rng(index)
    drawn = rng.integers(-1, 3, size=(3, process(index).n_transitions))
    exact = [[Fraction(int(v), 2) for v in row] for row in drawn]
    return RewardTasks(process(index), RewardTables.from_exact(process(index), Labels(3, "task"), exact))


def bounds(bracket: Any) -> Bounds:
    if isinstance(bracket, Bracket) and bracket.exact is not None:
        return bracket.exact, bracket.exact
    return bracket.lower, bracket.upper


def without_memory(**fields: Any) -> Callable[[int], Bounds]:
    detect = fields.pop("detect", Detection.END)
    return lambda index: bounds(solve(goals(index, detect), **fields).value)


def exactly(**fields: Any) -> Callable[[int], Bounds]:
    """The truth in rational arithmetic: bounds that are proved without any solver."""

    def truth(index: int) -> Bounds:
        details = solve(
            goals(index, fields.get("detect", Detection.END)),
            exact=True,
            **{name: value for name, value in fields.items() if name != "detect"},
        ).proof
        return details.exact.lower, details.exact.upper

    return truth


def adversaries(count: int) -> dict[str, Any]:
    nominal = np.arange(1.0, count + 1) / (count * (count + 1) / 2)
    return {
        "total variation": TotalVariationBall(nominal, 0.2),
        "tail": ConditionalValueAtRisk(nominal, 0.7),
        "divergence": KullbackLeiblerBall(nominal, 0.1),
        "polytope": Polytope(np.eye(count)[:2], np.array([0.3, 0.4])),
        "flat polytope": Polytope(np.stack([np.eye(count)[0], -np.eye(count)[0]]), np.array([0.25, -0.25])),
    }


def restricted(name: str) -> Callable[[int], Bounds]:
    return lambda index: bounds(
        solve_memory(
            goals(index), 2, adversary=adversaries(len(goals(index).names))[name], tolerance=1e-7
        ).value
    )


def worst_of_bayes(name: str) -> Callable[[int], Bounds]:
    def entry(index: int) -> Bounds:
        count = len(goals(index).names)
        learner = bayes_optimal(goals(index), np.full(count, 1.0 / count), 2)
        return bounds(learner.worst_case(adversaries(count)[name]))

    return entry


def planning(objective: str) -> Callable[[int], Bounds]:
    def entry(index: int, **options: Any) -> Bounds:
        rewards = np.random.default_rng(index).integers(0, 4, size=process(index).n_transitions).astype(float)
        if objective == "discounted":
            return bounds(
                plan(process(index), rewards, objective="discounted", gamma=Fraction(9, 10), **options).value
            )
        return bounds(plan(ruin(), ruin_rewards(), objective="total", **options).value)

    return entry


@cache
def ruin() -> ControlledMarkovProcess:
    rows = [(s, 0, s + d, Fraction(1, 2)) for s in (1, 2) for d in (-1, 1)]
    rows += [(s, 1, s + 1, Fraction(1, 3)) for s in (1, 2)] + [(s, 1, s - 1, Fraction(2, 3)) for s in (1, 2)]
    rows += [(s, a, s, 1) for s in (0, 3) for a in (0, 1)]
    return ControlledMarkovProcess.from_transitions(rows, states=4, actions=2, initial=1, horizon=3)


def ruin_rewards() -> np.ndarray:
    target = ruin().successors
    source = np.repeat(ruin().choice_state, np.diff(ruin().offsets))
    return ((target == 3) & (source != 3)).astype(float)


def budget(ball: int) -> Callable[[int], Bounds]:
    def entry(index: int) -> Bounds:
        rng = np.random.default_rng(index)
        optimum, nominal = rng.uniform(0.3, 1.0, 4), rng.dirichlet(np.full(4, 2.0))
        found = t16._bracket(t16.THEOREM.claim, t16.BALLS[ball], optimum, nominal, 0.1)
        slack = 1e-9 * max(1.0, abs(found.upper))  # this one is not rounded outward
        return found.lower - slack, found.upper + slack

    return entry


def budget_on_process(index: int) -> Bounds:
    tasks = success_tasks(goals(index))
    found = t16._OnProcess(tasks, np.full(len(tasks.names), 1.0 / len(tasks.names)), 0.2).solve()
    return found.lower - 1e-9 * abs(found.lower), found.upper + 1e-9 * abs(found.upper)


@dataclass(frozen=True)
class Entry:
    """An entry point and how its true value is found with honest solvers."""

    run: Callable[[int], Bounds]
    truth: Callable[[int], Bounds]


def same(run: Callable[[int], Bounds]) -> Entry:
    return Entry(run, run)


COST, RATIO = Criterion.HITTING_TIME, Criterion.RATIO
VISIT = Detection.VISIT
ENTRIES: dict[str, Entry] = {
    name: Entry(without_memory(**fields), exactly(**fields))
    for name, fields in {
        "memoryless": {},
        "memoryless, 3 episodes": {"episodes": 3},
        "memoryless, visits": {"detect": VISIT},
        "hitting time": {"criterion": COST},
        "hitting time, 3 episodes": {"criterion": COST, "episodes": 3},
        "ratio": {"criterion": RATIO},
        "ratio, 3 episodes": {"criterion": RATIO, "episodes": 3},
        "blind": {"learner": Learner.BLIND, "episodes": 2},
    }.items()
}
ENTRIES |= {
    "memoryless, exact": Entry(exactly(), exactly()),
    "memoryless, 3 episodes, exact": same(exactly(episodes=3)),
    "blind, exact": same(exactly(learner=Learner.BLIND, episodes=2)),
    "steps on the way": same(without_memory(criterion=COST, detect=VISIT)),
    "ratio of steps on the way": same(without_memory(criterion=RATIO, detect=VISIT)),
    "decomposition": Entry(
        lambda index: bounds(solve_without_memory(goals(index), method="decomposition").value), exactly()
    ),
    "decomposition, 3 episodes": Entry(
        lambda index: bounds(solve_without_memory(goals(index), method="decomposition", episodes=3).value),
        exactly(episodes=3),
    ),
    "blind rewards": Entry(
        lambda index: bounds(solve(tables(index), learner=Learner.BLIND, episodes=2).value),
        lambda index: bounds(solve(tables(index), learner=Learner.BLIND, episodes=2, exact=True).value),
    ),
    "blind rewards, exact": same(
        lambda index: bounds(solve(tables(index), learner=Learner.BLIND, episodes=2, exact=True).value)
    ),
    "memory": Entry(
        lambda index: bounds(solve_memory(goals(index), 2).value),
        lambda index: bounds(solve_memory(goals(index), 2, exact=True).value),
    ),
    "memory, exact": same(lambda index: bounds(solve_memory(goals(index), 2, exact=True).value)),
    "memory, rewards": Entry(
        lambda index: bounds(solve_memory(tables(index), 2).value),
        lambda index: bounds(solve_memory(tables(index), 2, exact=True).value),
    ),
    "memory, hitting time": Entry(
        lambda index: bounds(solve_memory(goals(index), 2, criterion=COST).value),
        lambda index: bounds(solve_memory(goals(index), 2, criterion=COST, exact=True).value),
    ),
    "memory as one program": Entry(
        lambda index: bounds(
            solve_program(memory_game(goals(index), 2, Criterion.REGRET, 10**6, collapse=False))
        ),
        lambda index: bounds(solve_memory(goals(index), 2, exact=True).value),
    ),
    **{f"memory against {name}": same(restricted(name)) for name in adversaries(4)},
    **{f"worst case in {name}": same(worst_of_bayes(name)) for name in adversaries(4)},
    "redundancy of order 2": same(lambda index: bounds(process_redundancy(process(index), 2).value)),
    "redundancy of order infinity": same(
        lambda index: bounds(process_redundancy(process(index), "inf").value)
    ),
    "capacity": same(lambda index: bounds(process_capacity(process(index)).mutual_information)),
    "discounted planning": Entry(
        lambda index: planning("discounted")(index, method="linear-programming"),
        lambda index: planning("discounted")(index, exact=True),
    ),
    "total planning": Entry(
        lambda index: planning("total")(index, method="linear-programming"),
        lambda index: planning("total")(index, exact=True),
    ),
    "trained learner": same(
        lambda index: bounds(trained_learner(process(index), rising(index)).hitting_loss)
    ),
    **{f"budget in {ball[0]}": same(budget(place)) for place, ball in enumerate(t16.BALLS)},
    "budget on a process": same(budget_on_process),
}


def rising(index: int) -> np.ndarray:
    weights = np.arange(1.0, process(index).n_states + 1)
    return weights / weights.sum()


@cache
def truth(name: str, index: int) -> Bounds:
    return ENTRIES[name].truth(index)


@pytest.mark.parametrize("name", ENTRIES)
@settings(max_examples=6)
@given(
    index=st.integers(0, 2),
    lie=st.sampled_from(sorted(LIES)),
    whom=st.sampled_from(WHOM),
    honest_every=st.sampled_from([0, 0, 2, 3]),
    seed=st.integers(0, 2**20),
)
def test_a_lie_never_makes_a_bracket_wrong(
    name: str, index: int, lie: str, whom: str, honest_every: int, seed: int
) -> None:
    low, high = truth(name, index)
    try:
        with lying(LIES[lie], whom, seed, honest_every=honest_every):
            lower, upper = ENTRIES[name].run(index)
    except MetaregretError:
        return
    assert lower <= high, (lower, high)
    assert low <= upper, (low, upper)
    assert lower <= upper


@pytest.mark.parametrize("name", ENTRIES)
def test_the_truth_is_narrow(name: str) -> None:
    """With honest solvers every bracket is narrow, so that a wrong one would be seen."""
    for index in range(3):
        low, high = truth(name, index)
        assert high - low <= 1e-4 * max(1, abs(high))


def test_the_lies_are_told() -> None:
    """The doubles are asked and change answers, in cvxpy and in HiGHS itself."""
    for run in (lambda: solve(goals(0), method="program"), lambda: solve_memory(goals(0), 2)):
        with lying(LIES["far off"], "both", 1) as calls, pytest.raises(MetaregretError):
            run()
        assert calls["lies"] > 0


def test_a_believed_lie_would_be_seen() -> None:
    """The test can fail: the objective that the lying solver reports is outside the true bracket."""
    import cvxpy as cp

    x = cp.Variable(3, nonneg=True)
    problem = cp.Problem(cp.Maximize(x @ np.array([1.0, 2.0, 3.0])), [cp.sum(x) == 1])
    with lying(LIES["scaled"], "variables", 0):
        problem.solve()
    assert problem.status == "optimal"
    assert problem.objective.value == pytest.approx(9.0)  # the true value is 3


@pytest.mark.parametrize("lie", sorted(LIES))
def test_an_honest_answer_is_found_behind_a_lie(lie: str) -> None:
    """One honest solver among liars is enough for the exact value."""
    with lying(LIES[lie], "both", 3, honest_every=2):
        value = solve(goals(0)).value
    assert value.lower <= 3 <= value.upper
    assert value.upper - value.lower < 1e-8


@pytest.mark.parametrize("lie", sorted(LIES))
@pytest.mark.parametrize("whom", WHOM)
def test_a_growing_program_is_solved_by_somebody_or_refused(lie: str, whom: str) -> None:
    """max t: t <= -3 p_0, t <= -5 p_1 on the simplex: p = (5, 3)/8, value -15/8, multipliers (5, 3)/8."""

    def answer() -> tuple[np.ndarray, np.ndarray]:
        program = GrowingProgram(
            np.array([0.0, 0.0, -1.0]), np.array([0.0, 0.0, -np.inf]), np.full(3, np.inf)
        )
        program.add_row(np.array([1.0, 1.0, 0.0]), 1.0, 1.0)
        program.add_row(np.array([3.0, 0.0, 1.0]), -np.inf, 0.0)
        program.add_row(np.array([0.0, 5.0, 1.0]), -np.inf, 0.0)
        return program.solve()

    message = ""
    try:
        with lying(LIES[lie], whom, 5):
            x, y = answer()
    except SolverError as error:
        message = str(error)
    if message:
        assert "tried HiGHS simplex, warm" in message
        assert "Clarabel" in message
    else:
        np.testing.assert_allclose(x, [5 / 8, 3 / 8, -15 / 8], atol=1e-5)
        np.testing.assert_allclose(-y[1:], [5 / 8, 3 / 8], atol=1e-5)
    with lying(LIES[lie], whom, 5, honest_every=4):
        x, y = answer()
    np.testing.assert_allclose(x, [5 / 8, 3 / 8, -15 / 8], atol=1e-5)


@pytest.mark.parametrize("lie", sorted(LIES))
def test_nonnegative_solutions_are_checked(lie: str) -> None:
    rng = np.random.default_rng(0)
    matrix = rng.uniform(size=(3, 8))
    right = matrix @ rng.dirichlet(np.ones(8))
    honest = few_positive(matrix, right, residual=1e-9)
    assert honest is not None
    assert np.count_nonzero(honest) <= 3
    with lying(LIES[lie], "variables", 0):
        found = few_positive(matrix, right, residual=1e-9)
    if found is not None:
        assert found.min() >= 0
        np.testing.assert_allclose(matrix @ found, right, atol=1e-8)


@pytest.mark.parametrize("lie", sorted(LIES))
def test_what_is_realised_is_evaluated(lie: str) -> None:
    """An explorer that is returned has the terminal distribution that was asked for."""
    target = terminal_distribution(process(0), np.full((3, process(0).n_choices), 1 / 3)).probabilities
    assert realise(process(0), target) is not None
    try:
        with lying(LIES[lie], "both", 2):
            found = realise(process(0), target)
    except MetaregretError:
        return
    if found is not None:
        assert np.abs(found.terminal - target).sum() <= 1e-8


FALSE = {theorem.uid: theorem for theorem in (t03.THEOREM, t07.THEOREM, t14.THEOREM)}


def rejected(theorem: Theorem, claim: Any) -> bool:
    context = Context(seed=1, instances=4, shrink=False)
    programs = [method for method in theorem.methods if method.group is Group.OPTIMISATION]
    return any(not trial.margin >= 0 for method in programs for trial in method.run(claim, context))


@cache
def rejected_by_honest_solvers(uid: str) -> list[Any]:
    return [planted.claim for planted in FALSE[uid].planted if rejected(FALSE[uid], planted.claim)]


@pytest.mark.parametrize("uid", FALSE)
@pytest.mark.parametrize("lie", ["slightly off", "scaled", "reversed", "zeros"])
def test_a_false_claim_is_not_certified_by_liars(uid: str, lie: str) -> None:
    """What a theorem's programs reject with honest solvers they do not accept from liars."""
    assert rejected_by_honest_solvers(uid)
    for claim in rejected_by_honest_solvers(uid):
        try:
            with lying(LIES[lie], "both", 4):
                assert rejected(FALSE[uid], claim)
        except MetaregretError:
            pass


@pytest.mark.parametrize("lie", ["nothing", "zeros", "off by one per cent"])
@pytest.mark.parametrize("whom", ["variables", "multipliers", "both"])
def test_a_polytope_asks_the_next_solver_where_the_first_lies(lie: str, whom: str) -> None:
    """``p_0 <= 1/4``: the mean of (4, 2, 1) is at most 5/2."""
    loss = np.array([4.0, 2.0, 1.0])
    polytope = Polytope(np.array([[1.0, 0.0, 0.0]]), np.array([0.25]))
    polytope.start(3)  # with honest solvers
    with lying(LIES[lie], whom, 1, honest_every=2):
        assert polytope.worst(loss) == pytest.approx(2.5, abs=1e-9)
    with lying(LIES[lie], whom, 1, honest_every=2):
        assert polytope.response(loss) @ loss == pytest.approx(2.5, abs=1e-9)


def single_steps(tasks: GoalTasks, episodes: int = 2) -> MemoryGame:
    return memory_game(tasks, episodes, Criterion.REGRET, 10**6, collapse=False)


def test_what_is_made_of_zeros() -> None:
    """No flow is the uniform learner: half a success in one episode. No multipliers are a uniform prior."""
    rows: list[tuple[int, int, int, object]] = [(0, 0, 1, 1), (0, 1, 2, 1), (1, 0, 1, 1), (2, 0, 2, 1)]
    fork = ControlledMarkovProcess.from_transitions(rows, states=3, actions=2, initial=0, horizon=1)
    game = single_steps(GoalTasks(fork, np.array([1, 2])), 1)
    with lying(LIES["zeros"], "both", 0):
        found = solve_program(game)
    # 3 columns and 1 move, 4 payoffs (what is known afterwards included), 4 operations in each of 2 layers
    assert found.upper == (0.5 + game.allowance) + 0.5 * relative_error(16)
    assert found.lower == game.respond(np.full(2, 0.5)).lower
    # uniform is not least favourable
    visits = GoalTasks.reachable(make("line:5,start=2").replaced(horizon=4), VISIT)
    game = single_steps(visits, 3)
    honest = solve_program(game)
    with lying(LIES["zeros"], "multipliers", 0):
        found = solve_program(game)
    assert found.lower == game.respond(np.full(5, 0.2)).lower < honest.lower - 0.1
    assert found.upper == pytest.approx(honest.upper, abs=1e-9)


def test_multipliers_of_any_scale_are_a_distribution() -> None:
    game = single_steps(goals(2))
    honest = solve_program(game)
    for factor in (3.0, 1 / 3):
        with lying(lambda value, _, factor=factor: factor * value, "multipliers", 0):
            found = solve_program(game)
        assert found.lower == pytest.approx(honest.lower, abs=1e-12)


def test_the_next_solver_is_asked_after_a_useless_answer_or_a_wide_bracket() -> None:
    game = single_steps(goals(2))
    for lie, whom in (("nothing", "multipliers"), ("nothing", "variables"), ("off by one per cent", "both")):
        with lying(LIES[lie], whom, 0, honest_every=2):
            found = solve_program(game)
        assert found.upper - found.lower < 1e-9
    with lying(LIES["nothing"], "both", 0), pytest.raises(SolverError, match="Clarabel") as caught:
        solve_program(game, attempts=LINEAR_SOLVERS[3:])
    assert "HiGHS" not in str(caught.value)
