"""Proposals of order a: from mutual information to the minimax exploration, and DIAYN's Box-Cox reward."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from metaregret.tabular.bounds import Bracket
from metaregret.tabular.environments import make
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.proposals import compare, propose
from metaregret.theory.proposals.alternation import Skills, posterior_rewards
from metaregret.theory.skills import Redundancy
from metaregret.theory.tasks import GoalTasks


def test_the_noisy_goal_pays_what_the_closed_forms_say() -> None:
    """T21 at ``K = 16``, ``v = 1/8``: 1.0937e10 at order 1, ``(16 - 49/64) 64`` inside at order 2, 121/8
    at best."""
    process = make("noisy-goal:K=16,v=1/8")
    regrets = {alpha: propose(process, "order", alpha=alpha).worst_case_regret for alpha in (1, 2, "inf")}
    assert regrets[1] == pytest.approx(1.093713292e10, rel=1e-6)
    assert regrets[2] == pytest.approx(121.0, rel=1e-6)
    assert regrets["inf"] == pytest.approx(15.125, abs=1e-9)
    half = make("noisy-goal:K=5,v=1/2")
    assert propose(half, "order", alpha=1).worst_case_regret == pytest.approx(2 * 25 - 0.5, rel=1e-8)
    assert propose(half, "order", alpha="inf").worst_case_regret == pytest.approx(4.5, abs=1e-9)


def test_order_infinity_is_the_exploration_of_the_minimax_learner() -> None:
    process = make("grid:3x3,slip=1/10").replaced(horizon=4)
    found = propose(process, "order", alpha="inf")
    solution = solve_without_memory(GoalTasks.reachable(process))
    assert solution.exploration is not None
    np.testing.assert_allclose(found.exploration, solution.exploration, atol=1e-9)
    assert found.matches_minimax
    assert found.method.name == "order:inf"


def test_order_one_is_the_capacity_and_two_is_meant_where_none_is_said() -> None:
    process = make("noisy-goal:K=3,v=1/3")
    one, capacity = propose(process, "order", alpha=1), propose(process, "capacity")
    np.testing.assert_allclose(one.goal_distribution, capacity.goal_distribution, atol=1e-9)
    usual, two = propose(process, "order"), propose(process, "order:2")
    np.testing.assert_array_equal(usual.goal_distribution, two.goal_distribution)


def test_the_redundancy_is_shown_with_what_stands_in_the_way() -> None:
    """``C_2`` of F(4, 1/2) is log(64/15): both kinds of action are equally far at ``q_0 = 1/16``."""
    found = propose(make("noisy-goal:K=4,v=1/2"), "order", alpha=2)
    shown = found.to_json()["redundancy"]
    assert shown["order"] == "2"
    assert shown["lower"] <= np.log(64 / 15) <= shown["upper"] < shown["lower"] + 1e-5
    assert "1.450832" in str(found)
    assert "(of order 2)" in str(found)
    assert isinstance(found.proof, Redundancy)
    wide = replace(found.proof, known=False, value=Bracket(1.25, 1.5, upper_from="maximal leakage"))
    text = str(replace(found, proof=wide))
    assert "1.25 to 1.5 nats (of order 2); upper bound: maximal leakage" in text
    assert "redundancy" not in propose(make("noisy-goal:K=4,v=1/2"), "capacity").to_json()


def test_a_comparison_shows_the_orders_beside_the_others() -> None:
    process = make("noisy-goal:K=3,v=1/2")
    rows = compare(process, ["capacity", "order:2", "order:inf", "diayn:2"], memory=False).rows()
    regrets = {row["method"]: row["worst_case_regret"] for row in rows}
    assert list(regrets) == ["capacity", "order:2", "order:inf", "diayn:2"]
    assert regrets["capacity"] > regrets["order:2"] > regrets["order:inf"] == pytest.approx(2.5, abs=1e-8)


def test_diayn_of_order_two_keeps_the_goal_that_mutual_information_leaves_out() -> None:
    process = make("noisy-goal:K=4,v=1/2")
    assert np.isinf(propose(process, "diayn").worst_case_regret)
    assert propose(process, "diayn", alpha=2).worst_case_regret == pytest.approx(4.0, abs=1e-6)
    # Without noise the orders cannot be told apart.
    assert propose(make("line:4"), "diayn", alpha=3).matches_uniform


@pytest.mark.parametrize("alpha", ["3/2", 2, 5])
def test_the_reward_is_the_box_cox_transform_of_the_posterior(alpha: object) -> None:
    from metaregret.theory.information import as_order

    order = as_order(alpha)
    rows = np.array([[0.5, 0.5, 0.0], [0.25, 0.25, 0.5]])
    skills = Skills(np.array([0.5, 0.5]), rows, (), np.zeros_like(rows))
    rewards = posterior_rewards(skills, np.arange(3), np.random.default_rng(0), order)
    posterior = 0.5 * rows / (0.5 * rows).sum(axis=0)
    power = order.alpha - 1
    expected = ((posterior / 0.5) ** power - 1) / power
    np.testing.assert_allclose(rewards[rows > 0], expected[rows > 0], rtol=1e-12)
    near = posterior_rewards(skills, np.arange(3), np.random.default_rng(0), as_order("1.001"))
    plain = posterior_rewards(skills, np.arange(3), np.random.default_rng(0))
    np.testing.assert_allclose(near[rows > 0], plain[rows > 0], atol=1e-3)


@pytest.mark.parametrize(
    ("method", "alpha", "words"),
    [
        ("uniform", 2, "has no order alpha"),
        ("diayn", "inf", "finite orders only"),
        ("order", "1/2", "Expected alpha to be 1"),
        ("order:two", None, "Expected alpha to be 1"),
        ("order:2", 3, "has no order alpha"),
    ],
)
def test_an_order_that_a_method_has_not_is_refused(method: str, alpha: object, words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        propose(make("line:3"), method, alpha=alpha)
