"""The hand-made baseline, and learners with memory trained on proposals."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from metaregret.tabular.environments import make
from metaregret.tabular.errors import InstanceTooLargeError, InvalidArgumentError
from metaregret.tabular.horizon import FiniteHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.proposals import compare, methods, propose, with_memory
from metaregret.theory.skills.vertices import terminal_vertices
from tests.theory.skills.small_processes import processes, z_channel


@given(processes())
@settings(max_examples=8, deadline=None)
def test_trained_on_the_adversary_s_goals_a_learner_is_minimax(process: ControlledMarkovProcess) -> None:
    """T4: the minimax learner is the Bayes-optimal one for the least-favourable distribution. (Goals of
    probability zero there do not bind, and the learner is not unique on them.)"""
    found = propose(process, "hand-made", certify=False)
    loss = found.trained.hitting_loss
    assert loss.lower <= found.minimax.value.upper + 1e-7
    assert loss.upper >= found.minimax.value.lower - 1e-7
    if (found.minimax.least_favourable > 1e-6).all():
        assert found.trained.worst_case.lower <= found.minimax_regret + 1e-3 * (1 + found.minimax_regret)


def test_another_proposal_is_not_minimax_for_the_trained_learner() -> None:
    """The planted error of the one above, by hand: C1's uniform goals, where v = (1, 1/2)."""
    trained = propose(z_channel(), "uniform").trained
    # min 1/2 / (1 - x) + 1/4 / x at x = 1 / (1 + sqrt 2) of M = [0, 1/2]; the minimax x is 1/3.
    x = 1 / (1 + np.sqrt(2))
    assert trained.worst_case.midpoint == pytest.approx(max(1 / (1 - x), 0.5 / x) - 1, abs=1e-4)
    assert trained.worst_case.lower > 0.5 + 0.1


@pytest.mark.parametrize("states", ["end", "all"])
def test_hand_made_goals_are_those_given(states: str) -> None:
    process = make("line:4")
    test = np.array([0.5, 0.3, 0.2, 0.0])
    found = propose(process, "hand-made", states="all" if states == "all" else "end", test=test)
    np.testing.assert_allclose(found.goal_distribution, test)
    two = propose(process, "hand-made", skills=2, test=test)
    np.testing.assert_allclose(two.goal_distribution, [0.625, 0.375, 0, 0])


def test_a_test_distribution_out_of_reach_is_refused() -> None:
    process = make("line:4").replaced(horizon=1)
    with pytest.raises(InvalidArgumentError, match="out of reach"):
        propose(process, "hand-made", test=np.array([0.5, 0, 0, 0.5]))
    with pytest.raises(InvalidArgumentError, match="sum to 1"):
        propose(process, "hand-made", test=np.array([0.5, 0, 0, 0]))


def test_with_memory_beside_minimax_on_a_slippery_grid() -> None:
    rows = compare([make("grid:2x3,slip=1/5").replaced(horizon=3)], episodes=4).rows()
    orders = {f"order:{alpha}" for alpha in ("1", "2", "4", "inf")}
    assert {row["method"] for row in rows} == (set(methods()) - {"order", "packing"}) | orders
    for row in rows:
        assert row["episodes"] == 4
        assert row["memory_worst_case_regret"] >= row["memory_minimax_regret"] - 1e-9
        assert row["memory_as_planned"] >= row["memory_worst_case_regret"] - 1e-3
        assert row["memory_minimax_regret"] <= row["minimax_regret"]
    prices = {row["method"]: row["memory_price"] for row in rows}
    assert max(prices.values()) > 1.1


def test_too_large_for_memory_is_said_before_time_is_spent() -> None:
    process = make("grid:9x9")
    with pytest.raises(InstanceTooLargeError, match="fewer episodes"):
        with_memory(process, np.full(81, 1 / 81))
    (entry,) = compare([process], ["uniform"], certify=False).entries
    assert entry.memory is None
    assert "fewer episodes" in entry.why_not
    assert entry.row()["memory_price"] is None


def test_seeds_only_where_they_matter() -> None:
    found = compare([make("line:3")], ["diayn", "uniform", "hand-made", "scratch"], seeds=3, memory=False)
    assert [(p.method.name, p.seed) for p in found.proposals] == [
        *(("diayn", seed) for seed in range(3)),
        ("uniform", 0),
        ("hand-made", 0),
        ("scratch", 0),
    ]
    assert {curve["seed"] for curve in found.curves()} == {0, 1, 2}
    with pytest.raises(InvalidArgumentError, match="seeds=0"):
        compare([make("line:3")], ["diayn"], seeds=0)


class HistoryTree:
    """Learners of two episodes of one step, by full histories: no hyperstates, no planner, linear programs.

    A learner is a choice in the first episode and one after each ``(choice, end, reward, start)``. Column
    ``c`` is the first choice, the others are its follow-ups.
    """

    def __init__(self, process: ControlledMarkovProcess) -> None:
        ends = process.matrix.toarray()
        starts = [int(s) for s in np.flatnonzero(process.initial)]
        self.best = np.array(
            [
                sum(process.initial[s] * ends[process.choices(s), g].max() for s in starts)
                for g in range(ends.shape[1])
            ]
        )
        self.goals = np.flatnonzero(self.best > 0)
        columns = list(itertools.chain.from_iterable(process.choices(s) for s in starts))
        gains = [ends[c][self.goals] for c in columns]
        flows = [
            ({i for i, c in enumerate(columns) if c in process.choices(s)}, None, process.initial[s])
            for s in starts
        ]
        for first, choice in enumerate(list(columns)):
            for end in np.flatnonzero(ends[choice]):
                for rewarded in (self.goals == end, self.goals != end):
                    for start in starts:
                        mass = ends[choice, end] * process.initial[start]
                        position = len(columns)
                        columns += process.choices(start)
                        gains += [ends[c][self.goals] * rewarded for c in process.choices(start)]
                        flows.append((set(range(position, len(columns))), first, mass))
        self.gains = np.array(gains).T
        self.flow, self.root = np.zeros((len(flows), len(columns))), np.zeros(len(flows))
        for row, (out, parent, mass) in enumerate(flows):
            self.flow[row, list(out)] = 1.0
            if parent is None:
                self.root[row] = mass
            else:
                self.flow[row, parent] = -mass

    def worst_case(self, prior: np.ndarray) -> float:
        """The best worst case of the learners without excess under `prior`, to a linear program's 1e-11."""
        oracle = 2 * self.best[self.goals]
        p = prior[self.goals]
        least = linprog(-(p @ self.gains), A_eq=self.flow, b_eq=self.root)
        left = np.column_stack([np.vstack([-self.gains, -(p @ self.gains)]), [*-np.ones(len(p)), 0.0]])
        right = np.append(-oracle, least.fun + 1e-11)
        flow = np.column_stack([self.flow, np.zeros(len(self.flow))])
        cost = np.eye(flow.shape[1])[-1]
        return float(linprog(cost, A_ub=left, b_ub=right, A_eq=flow, b_eq=self.root).fun)


@given(processes(max_steps=1), st.lists(st.integers(0, 4), min_size=3, max_size=3))
@settings(max_examples=25, deadline=None)
def test_exactly_bayes_optimal_learners_lie_where_documented(
    process: ControlledMarkovProcess, weights: list[int]
) -> None:
    tree = HistoryTree(process)
    prior = np.zeros(process.n_states)
    prior[tree.goals] = np.array(weights)[tree.goals]
    if not prior.any():
        prior[tree.goals] = 1
    prior /= prior.sum()
    found = with_memory(process, prior, 2)
    exact = tree.worst_case(prior)
    assert found.worst_case.lower <= exact + 1e-7
    assert exact <= found.as_planned + 1e-7
    assert exact <= found.worst_case.upper + 1e-4


def test_full_histories_by_hand() -> None:
    """T12 for N = 2 of K = 3 goals: N - N (N + 1) / (2 K) = 1 with ties, and N without them."""
    process = make("line:3,start=1").replaced(horizon=1)
    tree = HistoryTree(process)
    uniform, ordered = np.full(3, 1 / 3), np.array([0.5, 0.3, 0.2])
    assert tree.worst_case(uniform) == pytest.approx(1, abs=1e-6)
    assert tree.worst_case(ordered) == pytest.approx(2, abs=1e-6)
    assert with_memory(process, uniform, 2).worst_case.contains(1)
    assert with_memory(process, ordered, 2).worst_case.lower == pytest.approx(2, abs=1e-4)


def test_tables_of_skills_are_refused_by_size() -> None:
    """80 GiB by DADS; uniform goals are only the three in reach."""
    line = make("line:60000").replaced(horizon=FiniteHorizon(2))
    with pytest.raises(InstanceTooLargeError, match="60000 skills x 60000 states x 3 steps"):
        propose(line, "dads")
    assert propose(line, "uniform").goal_distribution["2"] == pytest.approx(1 / 3)
    assert propose(line, "smm").regret.contains(2)
    assert terminal_vertices(line)[0][:, :3].tolist() == np.eye(3).tolist()
