"""The parts of the solver with memory one by one, each against its definition, in milliseconds.

Written for mutation testing (`docs/explanation/mutation.md`): expected numbers are exact or follow by hand.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from memory_instances import slippery_ring
from play import Table, payoffs, planned

from benchmarks.hyperstate_program import _repaired, hyperstate_program, solve_program
from metaregret.tabular.environments.line import line
from metaregret.tabular.errors import (
    ConvergenceError,
    InstanceTooLargeError,
    InvalidArgumentError,
    SolverError,
    UnreachableGoalError,
    UnsupportedError,
)
from metaregret.tabular.hyperstate import DeterministicLearner, EpisodeGraph, HyperstateGraph
from metaregret.tabular.hyperstate.learner import classes_of_words
from metaregret.tabular.hyperstate.rational import RationalBayes
from metaregret.tabular.labels import Labels
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rewards import RewardTables
from metaregret.theory.minimax.memory import (
    MemoryGame,
    Mixture,
    TotalVariationBall,
    bayes_optimal,
    enough_episodes,
    estimate_size,
    memory_game,
    sharpen_memory,
    solve_memory,
    trained_with_memory,
)
from metaregret.theory.minimax.memory.export import known_task_choices, learner_rows
from metaregret.theory.minimax.memory.trained import STRICTNESS, _ChargedGame
from metaregret.theory.minimax.solution import Criterion
from metaregret.theory.tasks import Detection, GoalTasks, RewardTasks, TrajectoryTasks

REGRET, COST, RATIO = Criterion.REGRET, Criterion.HITTING_TIME, Criterion.RATIO
END, VISIT = Detection.END, Detection.VISIT


def fork() -> ControlledMarkovProcess:
    """One step from the stem to the left or to the right."""
    rows: list[tuple[int, int, int, object]] = [(0, 0, 1, 1), (0, 1, 2, 1), (1, 0, 1, 1), (2, 0, 2, 1)]
    return ControlledMarkovProcess.from_transitions(
        rows, states=["stem", "left", "right"], actions=["to the left", "to the right"], initial=0, horizon=1
    )


def quarters() -> ControlledMarkovProcess:
    """Two random steps with probabilities that floats hold exactly; one choice only in the last state."""
    rows: list[tuple[int, int, int, object]] = [
        *[(0, 0, 1, "3/4"), (0, 0, 0, "1/4"), (0, 1, 2, "1/2"), (0, 1, 0, "1/2")],
        *[(1, 0, 2, "1/4"), (1, 0, 0, "3/4"), (1, 1, 1, 1), (2, 0, 0, "1/2"), (2, 0, 1, "1/2")],
    ]
    return ControlledMarkovProcess.from_transitions(
        rows, states=["a", "b", "c"], actions=["first", "second"], initial={0: "1/2", 2: "1/2"}, horizon=2
    )


def twins(process: ControlledMarkovProcess) -> RewardTasks:
    """Three tasks; the first and the last pay the same everywhere."""
    rng = np.random.default_rng(2)
    one, two = ([Fraction(int(x), 2) for x in rng.integers(-2, 3, process.n_transitions)] for _ in range(2))
    tables = RewardTables.from_exact(process, Labels(["one", "two", "again"], "task"), [one, two, one])
    return RewardTasks(process, tables)


FORK = GoalTasks(fork(), np.array([1, 2]))
QUARTERS = quarters()
TWINS = twins(QUARTERS)
RING = GoalTasks.reachable(slippery_ring(), VISIT)
FAMILIES: list[tuple[GoalTasks | RewardTasks, Criterion]] = [
    (TWINS, REGRET),
    *[(GoalTasks.reachable(QUARTERS, detect), criterion) for detect in Detection for criterion in Criterion],
]


@cache
def single_steps(index: int, episodes: int = 2) -> MemoryGame:
    return memory_game(*_family(index, episodes), 10**6, collapse=False)


def _family(index: int, episodes: int) -> tuple[GoalTasks | RewardTasks, int, Criterion]:
    return FAMILIES[index][0], episodes, FAMILIES[index][1]


# ---------------------------------------------------------------- the game


def test_the_game_of_a_fork_by_hand() -> None:
    """Two goals, two episodes: the first tried is found at once, the other costs one success."""
    game = memory_game(FORK, 2, REGRET, 100)
    assert (game.names, game.episodes, game.criterion) == (("left", "right"), 2, REGRET)
    assert all(type(name) is str for name in game.names)
    np.testing.assert_array_equal(game.task_class, [0, 1])
    np.testing.assert_array_equal(game.scale, [1.0, 1.0])
    np.testing.assert_array_equal(game.offset, [2.0, 2.0])
    # roundings: two episodes of a beginning and a step; 1 successor + 2 classes + 6 operations in each;
    # 4 for each task; 4 of `relative_error`; times 2 for the difference, 2 episodes that pay at most 1
    unit = 2.0**-53
    assert game.allowance == 4 * (36 + 8 + 4) * unit / (1 - 2 * (36 + 8 + 4) * unit)
    prior = np.array([0.75, 0.25])
    column = game.respond(prior)
    assert column.prior is prior
    np.testing.assert_array_equal(column.loss, [0.0, 1.0])
    assert column.lower == 0.25 - game.allowance
    assert next(row[4] for row in column.learner.rows()) == 0


def test_costs_until_the_first_success_by_hand() -> None:
    """A goal costs its distance from the start; for the ratio the start itself, which costs nothing, is left
    out."""
    tasks = GoalTasks.reachable(line(5, start=1, horizon=3), VISIT)
    cost, ratio = memory_game(tasks, 2, COST, 10**5), memory_game(tasks, 2, RATIO, 10**5)
    assert (cost.names, ratio.names) == (("0", "1", "2", "3", "4"), ("0", "2", "3", "4"))
    np.testing.assert_array_equal(ratio.task_class, [0, 2, 3, 4])
    np.testing.assert_array_equal(ratio.scale, [1.0, 1.0, 1 / 2, 1 / 3])
    np.testing.assert_array_equal(cost.scale, np.ones(5))
    for game in (cost, ratio):
        assert not game.offset.any()
        known = -game.graph.known.start[0][game.task_class]
        np.testing.assert_array_equal(known, [abs(int(name) - 1) for name in game.names])
        for prior in np.eye(len(game.names)):
            column = game.respond(prior)
            best = float(prior @ (game.scale * known))
            assert prior @ column.loss == pytest.approx(best, abs=1e-15)
            assert column.lower == pytest.approx(best - game.allowance, abs=1e-15)
    # 2 episodes of a beginning and 3 steps: 1 + 5 + 6 operations in each; a toll of 3 an episode
    unit = 2.0**-53
    assert cost.allowance == 4 * 3.0 * (96 + 20 + 4) * unit / (1 - 2 * (96 + 20 + 4) * unit)
    assert ratio.allowance == cost.allowance


def test_the_allowance_of_a_ratio_is_scaled_with_the_losses() -> None:
    """Goals at distances 2 and 3: a scale of at most a half."""
    tasks = GoalTasks(line(4, start=0, horizon=3), np.array([2, 3]), VISIT)
    half, whole = (memory_game(tasks, 2, criterion, 10**5).allowance for criterion in (RATIO, COST))
    assert half == whole / 2


def test_classes_that_no_task_of_the_ratio_belongs_to_weigh_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The start is the last goal, costs nothing and is left out: its class has a weight all the same."""
    game = memory_game(GoalTasks.reachable(line(3, start=2, horizon=2), VISIT), 2, RATIO, 10**5)
    asked, answer = list[np.ndarray](), HyperstateGraph.bayes_optimal
    monkeypatch.setattr(
        HyperstateGraph,
        "bayes_optimal",
        lambda self, weights: (asked.append(weights), answer(self, weights))[1],
    )
    game.respond(np.array([0.5, 0.5]))
    np.testing.assert_array_equal(asked, [[0.25, 0.5, 0.0]])


@pytest.mark.parametrize(("detect", "depth"), [(END, 8), (VISIT, 9)])
def test_payoffs_summed_over_thousands_of_hyperstates_are_within_the_allowance(
    detect: Detection, depth: int
) -> None:
    """A tree of fair dice, and two goals that are never found: every task costs all episodes or steps.

    Added up one after another, thousands of probabilities that floats do not hold were off by more than the
    allowance, and the certified bracket did not contain the value.
    """
    sides = 3
    first = [(sides**t - 1) // (sides - 1) for t in range(depth + 2)]
    rows: list[tuple[int, int, int, object]] = [
        (s, 0, sides * s + side, Fraction(1, sides))
        for s in range(first[depth])
        for side in range(1, sides + 1)
    ]
    rows += [(s, 0, s, 1) for s in range(first[depth], first[depth + 1] + 2)]
    process = ControlledMarkovProcess.from_transitions(
        rows, states=first[depth + 1] + 2, actions=1, initial=0, horizon=depth
    )
    tasks = GoalTasks(process, np.array([first[depth + 1], first[depth + 1] + 1]), detect)
    game = memory_game(tasks, 2, COST, 10**6)
    column = game.respond(np.array([0.5, 0.5]))
    cost = 2 * (depth if detect is VISIT else 1)
    np.testing.assert_allclose(column.loss, cost, rtol=0, atol=game.allowance)
    assert column.lower <= cost
    assert float(column.learner.reach.sum()) == pytest.approx(2 * depth, abs=1e-12)


def test_twin_tasks_share_a_class_and_its_weight() -> None:
    game = memory_game(TWINS, 2, REGRET, 10**5)
    assert game.task_class[0] == game.task_class[2] != game.task_class[1]
    split, whole = game.respond(np.array([0.2, 0.5, 0.3])), game.respond(np.array([0.5, 0.5, 0.0]))
    np.testing.assert_allclose(split.loss, whole.loss, atol=1e-15)
    assert split.loss[0] == split.loss[2]
    assert split.lower == pytest.approx(whole.lower, abs=1e-15)
    size = estimate_size(TWINS, 2)
    assert size.edges >= game.graph.size.edges > 0


def test_episodes_collapse_where_nothing_is_revealed_on_the_way() -> None:
    tasks = GoalTasks.reachable(line(3, start=1, horizon=2))
    assert isinstance(memory_game(tasks, 2, REGRET, 10**5).graph, EpisodeGraph)
    assert isinstance(memory_game(tasks, 2, REGRET, 10**5, collapse=False).graph, HyperstateGraph)


@pytest.mark.parametrize("episodes", [0, -3, True, 1.5, "2"])
def test_numbers_of_episodes_that_make_no_sense(episodes: object) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        memory_game(FORK, episodes, REGRET, 100)
    assert str(caught.value) == (
        f"Expected episodes to be a whole number >= 1, but got episodes={episodes!r}."
    )
    assert memory_game(FORK, 1, REGRET, 100).episodes == 1


def test_refusals_of_the_game_in_full() -> None:
    with pytest.raises(UnsupportedError) as caught:
        memory_game(GoalTasks(fork(), np.array([0]), VISIT), 1, RATIO, 100)
    assert str(caught.value) == (
        "Every goal is found at no cost at the start, so no cost ratio is defined; add another goal."
    )
    with pytest.raises(UnsupportedError) as caught:
        memory_game(TrajectoryTasks(fork()), 1, REGRET, 100)
    assert str(caught.value) == (
        "Learners with memory are solved for goals and reward tables, not TrajectoryTasks; "
        "write the tasks as reward tables."
    )
    with pytest.raises(UnsupportedError) as caught:
        memory_game(TWINS, 1, COST, 100)
    assert str(caught.value) == (
        "Criterion 'hitting-time' counts the cost until the first success, which general rewards do not "
        "define; use criterion regret, or goals."
    )


# ---------------------------------------------------------------- the program over hyperstates


def policy_table(game: MemoryGame, share: np.ndarray) -> Table:
    """A policy on the columns of the program, as a table of hyperstates; beginnings have one column."""
    graph, table, column = game.graph, Table(), 0
    assert isinstance(graph, HyperstateGraph)
    sets = classes_of_words(graph.sets.words[: graph.sets.used])
    for index, layer in enumerate(graph.layers):
        episode, place = divmod(index, graph.signals.steps + 1)
        for state, number in zip(layer.state.tolist(), layer.sets.tolist(), strict=True):
            choices = graph.signals.process.choices(state) if place else [0]
            if place:
                row = {choice: float(share[column + i]) for i, choice in enumerate(choices)}
                table[episode, place - 1, state, sets[number]] = row
            column += len(choices)
    assert column == len(share)
    return table


@pytest.mark.parametrize("index", range(len(FAMILIES)))
def test_any_flow_is_repaired_into_that_of_its_behaviour_policy(index: int) -> None:
    """Shares of what leaves a hyperstate, uniform where nothing does, played by the definitions alone."""
    game = single_steps(index)
    graph = game.graph
    assert isinstance(graph, HyperstateGraph)
    program = hyperstate_program(graph)
    owner, rows = program.column_row, sum(len(layer.state) for layer in graph.layers)
    assert program.flow.shape == (rows, len(owner))
    assert program.payoff.shape == (graph.signals.n_classes, len(owner))
    rng = np.random.default_rng(index)
    for keep in (0.0, 0.4, 1.0):
        x = rng.uniform(size=len(owner)) * (rng.uniform(size=rows) < keep)[owner]
        total, number = np.bincount(owner, x), np.bincount(owner)
        share = np.array([x[i] / total[h] if total[h] > 0 else 1 / number[h] for i, h in enumerate(owner)])
        realised = _repaired(program, x, graph)
        assert realised.min() >= 0
        np.testing.assert_allclose(program.flow @ realised, np.eye(rows)[0], atol=1e-14)
        entering = np.bincount(owner, realised)
        np.testing.assert_allclose(realised, share * entering[owner], atol=1e-15)
        played = payoffs(graph.signals, 2, policy_table(game, share))
        np.testing.assert_allclose(program.payoff @ realised, played, atol=1e-13)


def test_classes_and_columns_that_are_paid_nothing_have_zeros() -> None:
    """One episode on the way to one of two goals: only steps that find a goal pay."""
    tasks = GoalTasks(line(4, start=1, horizon=1), np.array([0, 3]))
    game = memory_game(tasks, 1, REGRET, 100, collapse=False)
    assert isinstance(game.graph, HyperstateGraph)
    program = hyperstate_program(game.graph)
    np.testing.assert_array_equal(program.payoff.toarray(), [[0, 1, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_array_equal(program.column_row, [0, 1, 1, 1])


def test_bounds_of_the_program_say_how_they_were_found() -> None:
    game = single_steps(1)
    found, exact = solve_program(game), solve_memory(*_family(1, 2)[:2], exact=True).value.exact
    assert exact is not None
    assert found.contains(exact)
    assert found.upper - found.lower < 1e-9
    assert found.lower_from == "Bayes-adaptive value iteration at the program's multipliers"
    assert found.upper_from == "losses of the learner that the program's flow describes"


def test_the_program_needs_single_steps_and_two_tasks() -> None:
    message = r"^The program needs the graph of single steps; build the game with collapse=False\.$"
    with pytest.raises(SolverError, match=message):
        solve_program(memory_game(GoalTasks.reachable(line(3, start=1, horizon=2)), 2, REGRET, 10**5))
    message = r"^The program is empty: all tasks pay the same; use solve_memory\.$"
    with pytest.raises(UnsupportedError, match=message):
        solve_program(memory_game(GoalTasks(fork(), np.array([1])), 2, REGRET, 100, collapse=False))


# ---------------------------------------------------------------- rational bounds


@pytest.mark.parametrize("index", range(len(FAMILIES)))
def test_sharpening_from_one_learner_and_any_prior(index: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Roundings of the prior are asked first, the coarsest before the finer; then the game's own strategy."""
    game = memory_game(*_family(index, 2), 10**6)
    weights, respond = list[list[Fraction]](), RationalBayes.respond
    monkeypatch.setattr(
        RationalBayes, "respond", lambda self, given: (weights.append(list(given)), respond(self, given))[1]
    )
    tasks = len(game.names)
    prior = np.eye(tasks)[0] * 0.123456 + np.eye(tasks)[1] * 0.876544
    start = game.respond(np.eye(tasks)[1]).learner
    proved = sharpen_memory(game, prior, [start])
    assert proved.rounds == len(weights) > 3
    scale = [Fraction(s).limit_denominator(10**6) for s in game.scale]
    for asked, limit in zip(weights, (24, 720, 10**5), strict=False):
        rounded = [Fraction(x).limit_denominator(limit) for x in prior.tolist()]
        assert sum(rounded) == 1
        expected = [Fraction(0)] * game.graph.signals.n_classes
        for task, cls in enumerate(game.task_class.tolist()):
            expected[cls] += rounded[task] * scale[task]
        assert asked == expected
    assert sum(proved.prior) == 1 == sum(proved.weights)
    assert min(proved.prior) >= 0 < min(proved.weights)
    mixed = [
        sum(w * row[z] for w, row in zip(proved.weights, proved.losses, strict=True)) for z in range(tasks)
    ]
    assert max(mixed) == proved.value
    oracle = RationalBayes(game.graph.signals, 2, 0)
    best = [oracle.known_start[cls] for cls in game.task_class]
    for learner, row in zip(proved.learners, proved.losses, strict=True):
        paid = [oracle.payoff_of(learner)[cls] for cls in game.task_class]
        if FAMILIES[index][1] is REGRET:
            assert row == tuple(b - x for b, x in zip(best, paid, strict=True))
        else:
            ratio = FAMILIES[index][1] is RATIO
            assert row == tuple(x / b if ratio else -x for b, x in zip(best, paid, strict=True))
    answer = respond(oracle, weights[-1])
    offset = (
        sum(p * b for p, b in zip(proved.prior, best, strict=True)) if FAMILIES[index][1] is REGRET else 0
    )
    assert offset - answer.value == proved.value


def test_a_limit_on_exact_rounds_is_an_error_with_both_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three roundings that prove nothing, then the strategy of the game: one round more than the limit."""
    game = memory_game(FORK, 2, REGRET, 100)
    start, prior = game.respond(np.array([1.0, 0.0])).learner, np.array([0.123456, 0.876544])
    limit = "metaregret.theory.minimax.exact.double_oracle.MAX_ROUNDS"
    monkeypatch.setattr(limit, 2)
    assert sharpen_memory(game, prior, [start]).value == Fraction(1, 2)
    monkeypatch.setattr(limit, 1)
    with pytest.raises(ConvergenceError) as caught:
        sharpen_memory(game, prior, [start])
    assert caught.value.lower < caught.value.upper
    assert str(caught.value) == (
        f"The exact bounds {caught.value.lower!r} and {caught.value.upper!r} did not meet after 1 restricted "
        "games; solve in floating point, whose bracket is certified too."
    )


# ---------------------------------------------------------------- learners as rows and as policies


@pytest.mark.parametrize("index", range(len(FAMILIES)))
def test_known_tasks_are_planned_for_by_the_first_best_choice(index: int) -> None:
    game = single_steps(index)
    found = known_task_choices(game.graph.signals, 2)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, planned(game.graph.signals, 2))


def test_rows_of_a_family_with_twins_in_full() -> None:
    """What the learner does in its hyperstates, then what it plans for the twins everywhere."""
    game = memory_game(TWINS, 2, REGRET, 10**5)
    learner = game.respond(np.array([0.3, 0.5, 0.2])).learner
    rows, signals = learner_rows(game, learner), game.graph.signals
    masks = {int(game.task_class[0]): 0b101, int(game.task_class[1]): 0b010}
    names, process = ("a", "b", "c"), QUARTERS

    def named(choice: int) -> str:
        return ("first", "second")[int(process.choice_action[choice])]

    own = [
        [episode, step, names[state], sum(masks[c] for c in classes), named(choice)]
        for episode, step, state, classes, choice in learner.rows()
    ]
    plan = planned(signals, 2)[..., game.task_class[0]]
    again = [[e, t, names[s], 0b101, named(plan[e, t, s])] for e, t, s in np.ndindex(2, 2, 3)]
    assert rows == own + again
    assert {row[3] for row in own} == {0b111}


def test_one_hyperstate_of_two_learners() -> None:
    """Sets of 65 classes in two words; two of them differ in a bit that floats do not hold."""
    high, low = 1 << 63, 1
    first = DeterministicLearner(
        *(np.array(c, dtype=np.int32) for c in ([0, 0, 1], [0, 1, 0], [0, 2, 0])),
        np.array([[high + low, 1], [high, 1], [high, 1]], dtype=np.uint64),
        np.array([3, 1, 4], dtype=np.int32),
        np.array([1.0, 0.5, 0.25]),
    )
    second = DeterministicLearner(
        *(np.array(c, dtype=np.int32) for c in ([0, 0, 0], [0, 1, 1], [0, 2, 2])),
        np.array([[high + low, 1], [high, 1], [high + low, 1]], dtype=np.uint64),
        np.array([2, 0, 5], dtype=np.int32),
        np.array([1.0, 0.25, 0.5]),
    )
    policy = Mixture(np.array([0.25, 0.75]), (first, second), np.zeros((2, 1)), np.zeros(1)).behaviour()
    with_low, without = frozenset({0, 63, 64}), frozenset({63, 64})
    table = policy.table()
    assert table == {
        (0, 0, 0, with_low): {2: 0.75, 3: 0.25},
        (0, 1, 2, without): {0: pytest.approx(0.6), 1: pytest.approx(0.4)},  # 3/16 and 1/8
        (0, 1, 2, with_low): {5: 1.0},
        (1, 0, 0, without): {4: 1.0},
    }
    for column in (policy.episode, policy.step, policy.state, policy.choice):
        assert column.dtype == np.int32
    assert policy.words.dtype == np.uint64
    assert policy.words.base is None  # a copy: the keys of all columns need not stay in memory
    assert policy.offsets.tolist() == [0, 2, 4, 5, 6]


# ---------------------------------------------------------------- learners for a prior


def test_a_bayes_optimal_learner_by_hand() -> None:
    """The fork: the likelier goal first, so the other one is lost once."""
    learner = bayes_optimal(FORK, np.array([0.75, 0.25 + 1e-11]), 2, criterion=REGRET)
    allowance = learner.game.allowance
    assert learner.tasks == ("left", "right")
    assert learner.prior.sum() == pytest.approx(1.0, abs=1e-16)
    np.testing.assert_array_equal(learner.per_task, [0.0, 1.0])
    assert next(learner.learner.rows())[4] == 0
    # (bracket, value, width in allowances)
    other, even = np.array([0.25, 0.75]), np.array([0.5, 0.5])
    for found, value, width in (
        (learner.value, float(learner.prior[1]), 2),
        (learner.loss_against(other), 0.75, 2),
        (learner.excess_against(other), 0.5, 5),
        (learner.worst_case(), 1.0, 2),
        (learner.worst_case(TotalVariationBall(even, 0.25)), 0.75, 2),
    ):
        assert found.lower < value < found.upper
        assert found.upper - found.lower == pytest.approx(width * allowance, rel=0.1)
        assert found.midpoint == pytest.approx(value, abs=allowance)
    assert learner.excess_against(learner.prior).lower == 0.0
    assert learner.excess_against(learner.prior).upper <= 4 * allowance
    assert bayes_optimal(FORK, even, 2, criterion=COST).value.contains(Fraction(3, 2))


def test_priors_of_a_bayes_optimal_learner_are_checked() -> None:
    learner, wrong = bayes_optimal(FORK, np.array([0.5, 0.5]), 1), np.full(3, 1 / 3)
    shape = r"of shape \(2,\), one entry per task, but got \(3,\)\.$"
    with pytest.raises(InvalidArgumentError, match="^Expected prior " + shape):
        bayes_optimal(FORK, wrong, 1)
    with pytest.raises(InvalidArgumentError, match="^Expected prior " + shape):
        trained_with_memory(learner.game, wrong)
    for against in (learner.loss_against, learner.excess_against):
        with pytest.raises(InvalidArgumentError, match="^Expected p " + shape):
            against(wrong)
    with pytest.raises(InstanceTooLargeError):
        bayes_optimal(RING, np.full(4, 0.25), 3, max_edges=3)


def test_the_charged_game_has_one_more_task_and_proves_its_lower_bounds() -> None:
    """The answer to a prior of tasks and charge is a best response: its loss there is the lower bound."""
    game = memory_game(RING, 2, REGRET, 10**5)
    q = np.array([0.1, 0.2, 0.3, 0.4])
    least = game.respond(q).lower
    charged = _ChargedGame(game, q, least)
    assert charged.names == (*RING.names, "excess under the prior")
    assert charged.allowance == 2e6 * game.allowance
    rng = np.random.default_rng(0)
    for prior in [np.eye(5)[4], np.eye(5)[0], *rng.dirichlet(np.ones(5) * 0.5, size=20)]:
        column = charged.respond(prior)
        assert column.prior is prior
        assert column.loss[4] == pytest.approx(STRICTNESS * (q @ column.loss[:4] - least), rel=1e-9, abs=1e-9)
        assert column.lower <= prior @ column.loss + charged.allowance
        assert column.lower >= prior @ column.loss - 2 * charged.allowance
        weights = prior[:4] + STRICTNESS * prior[4] * q
        best = game.respond(weights / weights.sum())
        np.testing.assert_array_equal(column.loss[:4], best.loss)
        assert list(column.learner.rows()) == list(best.learner.rows())


def test_a_trained_learner_says_how_it_was_found() -> None:
    """The fork, trained on the uniform distribution: any order is Bayes-optimal, a random one loses 1/2."""
    game = memory_game(FORK, 2, REGRET, 100)
    found = trained_with_memory(game, np.array([0.5, 0.5]))
    np.testing.assert_array_equal(found.prior, [0.5, 0.5])
    assert (found.expected.lower, found.expected.upper) == (0.5 - game.allowance, 0.5 + game.allowance)
    assert found.worst_case.contains(0.5)
    assert found.worst_case.gap <= 1e-5
    assert found.worst_case.lower_from == (
        "Bayes-adaptive value iteration at a task distribution and a charge for excess"
    )
    assert found.worst_case.upper_from == "losses of a mixture of learners, and the charge for its excess"
    assert found.as_planned == 1.0


# ---------------------------------------------------------------- infinitely many episodes


def test_enough_episodes_for_goals_within_reach() -> None:
    """At the end two steps away, which neither the first layer nor the last but one reaches; on the way at
    the start, which is never returned to."""
    ahead: list[tuple[int, int, int, object]] = [(0, 0, 1, 1), (1, 0, 2, 1), (2, 0, 2, 1)]
    path = ControlledMarkovProcess.from_transitions(ahead, states=3, actions=1, initial=0, horizon=2)
    assert enough_episodes(GoalTasks(path, np.array([2]))) == 1
    assert enough_episodes(GoalTasks(path, np.arange(3), VISIT)) == 3
    for goals in ([0, 2], [0, 1]):
        with pytest.raises(UnreachableGoalError) as caught:
            enough_episodes(GoalTasks(path, np.array(goals)))
        assert str(caught.value) == (
            "No policy finds goal '0', so its cost over infinitely many episodes is not finite; "
            "leave it out (GoalTasks.reachable)."
        )


def test_what_has_no_enough_episodes_is_refused_in_full() -> None:
    with pytest.raises(UnsupportedError) as caught:
        enough_episodes(TWINS)
    assert str(caught.value) == (
        "Infinitely many episodes with memory are solved for goals only: general rewards may never reveal "
        "the task, and the value then changes with every further episode; give a number of episodes."
    )
    two_starts = fork().replaced(initial={0: Fraction(1, 2), 1: Fraction(1, 2)})
    for process in (two_starts, QUARTERS.replaced(initial=0)):
        with pytest.raises(UnsupportedError) as caught:
            enough_episodes(GoalTasks(process, np.array([1])))
        assert str(caught.value) == (
            "Infinitely many episodes with memory need deterministic dynamics and one first state, but "
            f"{process.name!r} is random, so that the value changes with every further episode; give a "
            "number of episodes."
        )
