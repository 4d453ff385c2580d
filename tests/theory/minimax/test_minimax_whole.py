"""Every minimax solver on four tiny processes, in seconds, against oracles that share no code with it.

Written for mutation testing (`docs/explanation/mutation.md`): vertices of the achievable set in fractions
(`exact_game`), the full tree of histories (`memory/history_tree`), and values by hand.
"""

from __future__ import annotations

import math
import sys
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import exact_game
import flint
import numpy as np
import pytest

from metaregret.tabular.bounds import Status
from metaregret.tabular.environments import make
from metaregret.tabular.errors import (
    ConvergenceError,
    InstanceTooLargeError,
    InvalidArgumentError,
    NotExactError,
    UnreachableGoalError,
    UnsupportedError,
)
from metaregret.tabular.horizon import GeometricHorizon
from metaregret.tabular.labels import Labels
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rewards import RewardTables
from metaregret.theory.minimax import Criterion, Learner, MinimaxSolution, solve
from metaregret.theory.minimax.exact import AchievableSuccess, outward_bracket, solve_linear
from metaregret.theory.minimax.exact.double_oracle import roundings
from metaregret.theory.minimax.memory import bayes_optimal, estimate_size, solve_memory
from metaregret.theory.minimax.memory.horizon import enough_episodes
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.success import success_tasks
from metaregret.theory.tasks import Detection, GoalTasks, RewardTasks, TrajectoryTasks

sys.path.append(str(Path(__file__).parent / "memory"))
import history_tree

REGRET, COST, RATIO = Criterion.REGRET, Criterion.HITTING_TIME, Criterion.RATIO
BLIND, MEMORYLESS, MEMORY = Learner.BLIND, Learner.MEMORYLESS, Learner.MEMORY


@cache
def process(name: str) -> ControlledMarkovProcess:
    if name == "Z-channel":
        rows: list[Any] = [(0, 0, 1, 1), (0, 1, 2, "1/2"), (0, 1, 1, "1/2"), (1, 0, 1, 1), (2, 0, 2, 1)]
        return ControlledMarkovProcess.from_transitions(rows, states=3, actions=2, initial=0, horizon=1)
    if name == "noisy pair":
        rows = [
            (0, 0, 0, "2/3"),
            (0, 0, 1, "1/3"),
            (0, 1, 1, 1),
            (1, 0, 0, "1/4"),
            (1, 0, 1, "3/4"),
            (1, 1, 0, 1),
        ]
        return ControlledMarkovProcess.from_transitions(
            rows, states=2, actions=2, initial={0: "3/4", 1: "1/4"}, horizon=2
        )
    if name == "geometric":
        return process("noisy pair").replaced(horizon=GeometricHorizon(Fraction(1, 2)))
    return make("line:3,start=1").replaced(horizon=2)


NAMES = ("Z-channel", "noisy pair", "geometric", "line")


@cache
def goals(name: str, detect: Detection = Detection.END) -> GoalTasks:
    return GoalTasks.reachable(process(name), detect)


@cache
def vertices(name: str) -> frozenset[Any]:
    found = exact_game.terminal_vertices(process(name))
    return frozenset(tuple(vertex[g] for g in goals(name).goals.tolist()) for vertex in found)


def loss(learner: Learner, criterion: Criterion, episodes: int | None) -> exact_game.LossFunction:
    if criterion is COST:
        return exact_game.hitting_time(episodes)
    if criterion is RATIO:
        return exact_game.ratio(episodes)
    return exact_game.memoryless(episodes) if learner is MEMORYLESS else exact_game.blind(episodes or 0)


KINDS = [(MEMORYLESS, criterion, n) for criterion in Criterion for n in (None, 3)]
KINDS += [(MEMORYLESS, REGRET, 1), (MEMORYLESS, COST, 1), (BLIND, REGRET, 2)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("learner", "criterion", "episodes"), KINDS)
@pytest.mark.parametrize("method", ["program", "decomposition", "exact"])
def test_learners_without_memory(
    name: str, learner: Learner, criterion: Criterion, episodes: int | None, method: Any
) -> None:
    """The bracket contains the exact value and is narrow; what is returned has the losses that it says."""
    options: dict[str, Any] = {"exact": True} if method == "exact" else {"method": method}
    calls: list[tuple[float, float]] = []
    found = solve_without_memory(
        goals(name),
        learner=learner,
        criterion=criterion,
        episodes=episodes,
        progress=lambda low, high: calls.append((low, high)),
        **options,
    )
    function, value = loss(learner, criterion, episodes), found.value
    if episodes == 1 and criterion is not REGRET:  # whatever one does, it takes one episode
        assert value.lower <= 1 <= value.upper
        calls.clear()
    for theta_low, theta_high in [(value.lower, value.upper), *calls] if value.upper != 1 else calls:
        assert exact_game.is_below(function, set(vertices(name)), theta_low)
        assert exact_game.is_above(function, set(vertices(name)), theta_high)
    assert value.gap <= 1e-9 * max(1.0, value.lower)
    assert found.status is (Status.EXACT if value.exact is not None else Status.CERTIFIED)
    assert value.exact is not None or not (method == "exact" and episodes in (None, 1))
    assert found.tasks == goals(name).names
    assert (found.learner, found.criterion, found.episodes) == (learner, criterion, episodes)
    consistent(found, name, function)


def consistent(found: MinimaxSolution, name: str, function: exact_game.LossFunction) -> None:
    """The losses are those of the exploration, the largest is the value, and the prior is a distribution."""
    best = [max(column) for column in zip(*vertices(name), strict=True)]
    assert found.exploration is not None
    assert found.exploration.sum() == pytest.approx(1.0, abs=1e-9)
    for g, v, reported in zip(goals(name).goals, best, found.per_task.array, strict=True):
        rho = min(Fraction(float(found.exploration[g])), v)
        assert reported == pytest.approx(float(function(rho, v)), rel=1e-6, abs=1e-6)
    assert found.per_task.max() == pytest.approx(found.value.upper, rel=1e-7, abs=1e-7)
    assert found.least_favourable.sum() == pytest.approx(1.0, abs=1e-12)
    assert found.least_favourable.min() >= 0
    mean = float(found.least_favourable @ found.per_task)  # complementary slackness
    assert mean == pytest.approx(found.value.upper, rel=1e-4, abs=1e-4)
    assert found.size["states"] == process(name).n_states
    assert found.size["tasks"] == len(found.tasks)
    assert found.seconds > 0


@pytest.mark.parametrize("name", ["noisy pair", "line"])
def test_visits_without_memory(name: str) -> None:
    """``v - rho`` of visits: from a state of the line one episode of two steps sees at most two of three."""
    family = goals(name, Detection.VISIT)
    found, exact = solve(family), solve(family, exact=True)
    assert exact.value.exact is not None
    assert found.value.lower <= exact.value.exact <= found.value.upper
    assert exact.value.exact == {"line": 1, "noisy pair": exact.value.exact}[name]
    assert found.exploration is not None
    assert found.exploration.max() <= 1 + 1e-12


def test_trajectories() -> None:
    """T9: nine sequences of two actions from three; the Z-channel has two actions, one of them noisy."""
    assert solve(TrajectoryTasks(process("line")), exact=True).value.exact == 8
    assert solve(TrajectoryTasks(process("Z-channel")), exact=True).value.exact == 1


# ---------------------------------------------------------------- rewards, one policy for ever


def tables(name: str, seed: int = 0) -> RewardTasks:
    drawn = np.random.default_rng(seed).integers(-2, 3, size=(3, process(name).n_transitions)).tolist()
    rewards = [[Fraction(r, 2) for r in row] for row in drawn]
    return RewardTasks(process(name), RewardTables.from_exact(process(name), Labels(3, "task"), rewards))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [0, 1])
def test_blind_learners_of_rewards(name: str, seed: int) -> None:
    """Exact and floating-point values agree, regrets are non-negative, and N episodes lose N times one."""
    family = tables(name, seed)
    once = solve(family, learner=BLIND, episodes=1, exact=True)
    found = solve(family, learner=BLIND, episodes=4)
    assert once.value.exact is not None
    assert found.value.lower <= 4 * once.value.exact <= found.value.upper
    assert found.value.gap <= 1e-8
    assert found.per_task.max() == pytest.approx(4 * float(once.value.exact), abs=1e-7)
    assert float(found.least_favourable @ found.per_task) == pytest.approx(
        4 * float(once.value.exact), abs=1e-6
    )
    details = once.proof
    losses = [v - r for v, r in zip(details.exact.optimum, details.exact.success, strict=True)]
    assert (
        max(losses)
        == once.value.exact
        == sum(p * x for p, x in zip(details.exact.prior, losses, strict=True))
    )


def test_goals_as_rewards_lose_what_goals_lose() -> None:
    family = goals("Z-channel")
    rows = [[Fraction(int(s == g)) for s in process("Z-channel").successors] for g in family.goals]
    rewards = RewardTasks(
        process("Z-channel"), RewardTables.from_exact(process("Z-channel"), Labels(2), rows)
    )
    value = solve(rewards, learner=BLIND, episodes=2, exact=True).value.exact
    assert value == solve(family, learner=BLIND, episodes=2, exact=True).value.exact == Fraction(1, 2)


# ---------------------------------------------------------------- steps on the way


def test_steps_on_the_way_by_hand() -> None:
    """The ends of a line of 3 from the middle, T = 2, one per episode: (1 + 2) / 2 / (1/2) = 3 steps."""
    family = goals("line", Detection.VISIT)
    found = solve(family, criterion=COST)
    assert found.value.lower <= 3 <= found.value.upper
    assert found.value.gap < 1e-8
    assert found.per_task.max() == pytest.approx(3.0, abs=1e-7)
    assert found.least_favourable.array == pytest.approx([0.5, 0.0, 0.5], abs=1e-6)
    ratio = solve(family, criterion=RATIO)
    assert ratio.tasks == ("0", "2")
    assert ratio.value.lower <= 3 <= ratio.value.upper
    assert ratio.value.gap < 1e-7
    for options, message in (
        ({"episodes": 2}, "level sets"),
        ({"exact": True}, "irrational"),
    ):
        with pytest.raises(UnsupportedError, match=message):
            solve(family, criterion=COST, **options)
    with pytest.raises(UnsupportedError, match="finite horizon"):
        solve(goals("geometric", Detection.VISIT), criterion=COST)
    stay = ControlledMarkovProcess.from_transitions([(0, 0, 0, 1)], states=1, actions=1, initial=0, horizon=3)
    assert solve(GoalTasks.reachable(stay, Detection.VISIT), criterion=COST).value.exact == 0
    with pytest.raises(UnsupportedError, match="at the start"):
        solve(GoalTasks.reachable(stay, Detection.VISIT), criterion=RATIO)


# ---------------------------------------------------------------- with memory

SMALL = ("Z-channel", "noisy pair", "line")


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("detect", list(Detection))
@pytest.mark.parametrize("criterion", list(Criterion))
@pytest.mark.parametrize("episodes", [1, 2])
def test_learners_with_memory(name: str, detect: Detection, criterion: Criterion, episodes: int) -> None:
    """Against the linear program on the full tree of histories; exact and floating-point values agree."""
    family, visit = goals(name, detect), detect is Detection.VISIT
    kept = family
    if criterion is RATIO and visit:
        begins = process(name).initial == 1
        kept = GoalTasks(process(name), np.array([g for g in family.goals if not begins[g]]), detect)
    tree = history_tree.goal_tree(
        process(name), kept.goals, episodes, visit=visit, costs=criterion is not REGRET
    )
    expected = history_tree.value(tree, costs=criterion is not REGRET, ratio=criterion is RATIO)
    found = solve(family, learner=MEMORY, criterion=criterion, episodes=episodes)
    exact = solve(family, learner=MEMORY, criterion=criterion, episodes=episodes, exact=True)
    assert exact.value.exact is not None
    assert float(exact.value.exact) == pytest.approx(expected, abs=1e-8)
    assert found.value.lower <= exact.value.exact <= found.value.upper
    assert found.value.gap <= 1e-9 * max(1.0, found.value.upper)
    assert found.tasks == kept.names == exact.tasks
    for solution in (found, exact):
        mixture = solution.proof.mixture
        assert sum(mixture.weights) == pytest.approx(1.0)
        assert (mixture.weights @ mixture.losses).max() == pytest.approx(expected, abs=1e-7)
        assert solution.per_task.max() == pytest.approx(expected, abs=1e-7)
        assert solution.least_favourable.sum() == pytest.approx(1.0)
        replayed(solution, kept, episodes)
    prior, losses = exact.proof.exact.prior, exact.proof.exact.losses
    weights = exact.proof.exact.weights
    worst = max(sum(w * row[z] for w, row in zip(weights, losses, strict=True)) for z in range(len(prior)))
    assert worst == exact.value.exact
    assert sum(prior) == 1 == sum(weights)


def replayed(solution: MinimaxSolution, family: GoalTasks, episodes: int) -> None:
    """The equivalent behaviour policy: probabilities sum to one in every hyperstate, none repeated."""
    table = solution.proof.mixture.behaviour().table()
    assert table or len(family.names) <= 2  # where one is seen at once, the other is known
    for (episode, step, state, classes), row in table.items():
        assert 0 <= episode < episodes
        assert 0 <= step < 2
        assert classes
        assert sum(row.values()) == pytest.approx(1.0)
        assert set(row) <= set(family.process.choices(state))


@pytest.mark.parametrize("name", SMALL)
def test_memory_of_rewards(name: str) -> None:
    family = tables(name)
    values = np.array([[float(r) for r in row] for row in family.tables.exact])
    for episodes in (1, 2):
        tree = history_tree.reward_tree(process(name), values, episodes)
        found = solve(family, learner=MEMORY, episodes=episodes, exact=True)
        assert found.value.exact is not None
        assert float(found.value.exact) == pytest.approx(history_tree.value(tree, costs=False), abs=1e-8)


@pytest.mark.parametrize("prior", [(1.0, 0.0, 0.0), (0.2, 0.3, 0.5), (0.0, 0.5, 0.5)])
def test_bayes_optimal_learners(prior: tuple[float, float, float]) -> None:
    """Line of 3 with three goals and N = 2: search in the order of the prior, one goal per episode."""
    p = np.array(prior)
    learner = bayes_optimal(goals("line"), p, 2)
    order = np.argsort(-p)
    expected = float(
        p[order] @ [0.0, 1.0, 2.0]
    )  # the first goal is found at once, the second costs one episode
    assert learner.value.lower <= expected <= learner.value.upper + 1e-15
    assert learner.value.gap < 1e-12
    assert float(p @ learner.per_task) == pytest.approx(expected)
    assert learner.loss_against(np.array([1.0, 0.0, 0.0])).midpoint == pytest.approx(learner.per_task[0])
    excess = learner.excess_against(np.full(3, 1 / 3))
    own = float(np.full(3, 1 / 3) @ learner.per_task)
    assert excess.lower - 1e-12 <= own - 1.0 <= excess.upper + 1e-12  # uniform: (0 + 1 + 2) / 3
    assert learner.worst_case().midpoint == pytest.approx(float(learner.per_task.max()))


def test_infinitely_many_episodes_with_memory() -> None:
    """T12: ``(K - 1) / 2``, from ``K`` episodes on."""
    family = goals("line")
    assert enough_episodes(family) == 3
    for episodes in (None, 3, 5):
        found = solve_memory(family, episodes, exact=True)
        assert found.value.exact == 1
        assert found.episodes == episodes
    with pytest.raises(UnsupportedError, match="random"):
        enough_episodes(goals("Z-channel"))
    with pytest.raises(UnsupportedError, match="goals only"):
        enough_episodes(tables("line"))
    far = GoalTasks(make("line:5,start=0").replaced(horizon=2), np.array([1, 4]))
    with pytest.raises(UnreachableGoalError, match="'4'"):
        enough_episodes(far)


def test_limits_of_the_search_with_memory() -> None:
    family, calls = goals("noisy pair"), list[tuple[float, float]]()
    found = solve_memory(family, 2, progress=lambda low, high: calls.append((low, high)))
    assert calls == list(found.proof.history)
    assert found.size["rounds"] == len(calls)
    assert all(a[0] <= b[0] and a[1] >= b[1] for a, b in pairwise(calls))
    with pytest.raises(ConvergenceError, match="max_rounds=1") as caught:
        solve_memory(family, 2, max_rounds=1)
    assert caught.value.lower <= found.value.upper
    assert caught.value.upper >= found.value.lower
    with pytest.raises(InstanceTooLargeError):
        solve_memory(family, 2, max_edges=3)
    for options, message in (({"tolerance": 0.0}, "tolerance"), ({"tolerance": -1.0}, "tolerance")):
        with pytest.raises(InvalidArgumentError, match=message):
            solve_memory(family, 2, **options)
    for episodes in (0, -1, True, 1.5):
        with pytest.raises(InvalidArgumentError, match="episodes"):
            solve_memory(family, episodes)
    with pytest.raises(UnsupportedError, match="goals and rewards"):
        solve(TrajectoryTasks(process("line")), learner=MEMORY, episodes=2)
    with pytest.raises(UnsupportedError, match="first success"):
        solve_memory(tables("line"), 2, criterion=COST)
    size = estimate_size(family, 2)
    assert size.hyperstates >= found.size["hyperstates"]


# ---------------------------------------------------------------- exact column generation


@pytest.mark.parametrize("name", NAMES)
def test_column_generation_proves_both_bounds(name: str) -> None:
    """``max { t : rho >= base + t direction }`` against the game over all vertices, from one vertex only."""
    achievable = AchievableSuccess(success_tasks(goals(name)))
    best, policies = achievable.optimum()
    zeros = [Fraction(0)] * len(best)
    start = policies[:1]
    found = solve_linear(achievable, zeros, best, vertices=start)
    rows = [tuple(x / v for x, v in zip(vertex, best, strict=True)) for vertex in vertices(name)]
    assert found.level == exact_game.game_value(rows)
    assert sum(found.prior) == 1
    assert min(found.prior) >= 0
    assert min(r / v for r, v in zip(found.success, best, strict=True)) == found.level
    support = max(
        sum(p * x / v for p, x, v in zip(found.prior, vertex, best, strict=True)) for vertex in vertices(name)
    )
    assert support == found.level
    guided = solve_linear(achievable, zeros, best, vertices=start, prior=np.array(found.prior, dtype=float))
    assert guided.level == found.level
    first_only = [Fraction(1), *[Fraction(0)] * (len(best) - 1)]
    assert solve_linear(achievable, zeros, first_only, vertices=start).level == best[0]


def test_roundings_are_distributions_near_the_prior() -> None:
    found = roundings(np.array([0.3333333, 0.6666667]))
    assert [str(x) for x in found[0]] == ["1/3", "2/3"]
    assert all(sum(row) == 1 for row in found)
    assert roundings(np.array([0.0, 0.0])) == []
    assert roundings(np.array([np.nan, -1.0])) == []
    assert [str(x) for x in roundings(np.array([np.nan, 2.0]))[0]] == ["0", "1"]


@pytest.mark.parametrize("name", NAMES)
def test_policies_are_decomposed_and_mixed(name: str) -> None:
    """The vertices of a decomposition, mixed, achieve the mean of what they achieve."""
    achievable = AchievableSuccess(success_tasks(goals(name)))
    choices = achievable.decompose(solve(goals(name)).proof.policy, 6)
    assert len(choices) > 1
    shares = [flint.fmpq(1, 4), flint.fmpq(3, 4)]
    achieved = achievable.achieved(achievable.mixture(choices[:2], shares))
    first, second = (achievable.vertex(choice) for choice in choices[:2])
    assert (achieved == shares[0] * first + shares[1] * second).all()
    assert len(achievable.decompose(solve(goals(name)).proof.policy, 1)) == 1


def test_outward_brackets() -> None:
    third, half = Fraction(1, 3), Fraction(1, 2)
    assert outward_bracket(third, third).exact == third
    wide = outward_bracket(third, half)
    assert Fraction(wide.lower) <= third < Fraction(math.nextafter(wide.lower, 1))
    assert wide.upper == 0.5
    narrow = outward_bracket(third, third + Fraction(1, 10**30))
    assert Fraction(narrow.lower) <= third
    assert Fraction(narrow.upper) >= third + Fraction(1, 10**30)
    assert narrow.exact is None


def test_refusals_without_memory() -> None:
    floating = ControlledMarkovProcess.from_dense(np.full((1, 3, 3), 1 / 3), horizon=2)
    with pytest.raises(NotExactError):
        solve(GoalTasks.reachable(floating), exact=True)
    for tolerance in (0.0, 1.0, -1.0, math.nan):
        with pytest.raises(InvalidArgumentError, match="tolerance between 0 and 1"):
            solve_without_memory(goals("line"), tolerance=tolerance)
    with pytest.raises(UnsupportedError, match="number of episodes"):
        solve(goals("line"), learner=BLIND)
    with pytest.raises(UnsupportedError):
        solve(tables("line"))
    with pytest.raises(UnsupportedError, match="first success"):
        solve(tables("line"), learner=BLIND, criterion=COST, episodes=2)
    with pytest.raises(UnsupportedError, match="number of episodes"):
        solve(tables("line"), learner=BLIND)
    long = make("line:3,start=1").replaced(horizon=200_000)
    with pytest.raises(InstanceTooLargeError, match="100000 steps"):
        solve(GoalTasks(long, np.array([0, 1])))
