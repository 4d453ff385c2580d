"""Very large rewards, very rare goals, and bounds that contradict each other."""

from fractions import Fraction
from typing import Any

import pytest

import metaregret as mr
from metaregret.tabular.errors import ContradictionError, SolverError, UnsupportedError
from metaregret.theory.minimax import flow_program

FORK = mr.make([[[0, 1, 0], [0, 1, 0], [0, 0, 1]], [[0, 0, 1], [0, 1, 0], [0, 0, 1]]], horizon=1)


def forked(scale: float | int) -> mr.RewardTasks:
    """Left pays in the first task, right in the second."""
    return mr.rewards(FORK, {"left": [[0, 0, 1, scale]], "right": [[0, 1, 2, scale]]})


@pytest.mark.parametrize("scale", [10**6, 10**16, 10**25, 10**150, 10**300])
@pytest.mark.parametrize(("learner", "lost"), [("memory", Fraction(1, 2)), ("blind", Fraction(1))])
def test_the_value_scales_with_the_rewards(scale: int, learner: str, lost: Fraction) -> None:
    """Two episodes, two tasks: a guess loses half an episode's pay, the blind learner half of both."""
    solution = mr.solve(forked(scale), learner=learner, episodes=2)
    assert Fraction(solution.value.lower) <= lost * scale <= Fraction(solution.value.upper)
    assert solution.value.relative_gap <= 1e-9
    exact = mr.solve(forked(scale), learner=learner, episodes=2, exact=True)
    assert exact.value.exact == lost * scale


def test_one_huge_task_beside_a_small_one() -> None:
    """The learner that never tries the small one loses 1; what it costs to try is 1e30."""
    tables = {"huge": [[0, 0, 1, 10**30]], "small": [[0, 1, 2, 1]]}
    solution = mr.solve(mr.rewards(FORK, tables), learner="memory", episodes=1, exact=True)
    assert solution.value.exact == Fraction(10**30, 10**30 + 1)


@pytest.mark.parametrize("learner", ["memory", "blind"])
@pytest.mark.parametrize("exact", [False, True])
def test_sums_beyond_double_precision_are_refused(learner: str, exact: bool) -> None:
    with pytest.raises(UnsupportedError, match="change the unit of the rewards"):
        mr.solve(forked(1e308), learner=learner, episodes=2, exact=exact)


@pytest.mark.parametrize("rare", ["1/5", "1/1000", "1e-15", "1e-20", "1e-100"])
def test_memory_goes_on_in_rationals_where_floats_stop(rare: str) -> None:
    """Two episodes, goals of probability 1 and ``e``. Trying the sure one first loses ``e`` on the other;
    trying the other first loses ``2 - e`` on the sure one, for its success shows which task it is not. The
    mixture that is indifferent loses ``e (2 - e) / 2``."""
    e = Fraction(rare)
    solution = mr.solve(mr.goals(mr.make(f"attempts:1,{rare}")), learner="memory", episodes=2, exact=True)
    assert solution.value.exact == e * (2 - e) / 2


@pytest.mark.parametrize("rare", ["1e-15", "1e-20", "1e-300"])
def test_rare_goals_without_memory(rare: str) -> None:
    """At N = inf both goals cost ``1 / t - 1`` with ``t = 1/2``; blind, the sure goal is given up by ``x``
    and the other by ``e (1 - x)``: ``N e / (1 + e)``."""
    tasks, e = mr.goals(mr.make(f"attempts:1,{rare}")), Fraction(rare)
    assert mr.solve(tasks, exact=True).value.exact == 1
    assert mr.solve(tasks).value.midpoint == pytest.approx(1.0, abs=1e-9)
    assert mr.solve(tasks, learner="blind", episodes=2, exact=True).value.exact == 2 * e / (1 + e)
    found = mr.solve(tasks, learner="blind", episodes=2).value
    assert Fraction(found.lower) <= 2 * e / (1 + e) <= Fraction(found.upper)


@pytest.mark.parametrize(("learner", "episodes"), [("blind", 2), ("memoryless", None), ("memoryless", 2)])
@pytest.mark.parametrize("exact", [False, True])
def test_goals_too_rare_to_divide_by_are_named(learner: str, episodes: int | None, exact: bool) -> None:
    tasks = mr.goals(mr.make("attempts:1,1e-310"))
    with pytest.raises(UnsupportedError, match="Goal '2' is reached with probability 1e-310"):
        mr.solve(tasks, learner=learner, episodes=episodes, exact=exact)


def test_losses_beyond_floats_do_not_stop_the_exact_game() -> None:
    solution = mr.solve(mr.goals(mr.make("attempts:1,1e-310")), learner="memory")
    e = Fraction("1e-310")
    assert solution.value.exact == e / (1 + e**2)  # ((1 + 1/e)^2 / (1 + 1/e^2) - 1) / 2


def test_a_value_of_infinitely_many_episodes_knows_its_tasks() -> None:
    tasks = mr.goals(mr.make("attempts:1,1/2"))
    solution = mr.solve(tasks, learner="memory")
    assert solution.family is tasks
    assert solution.to_json()["process"] == "attempts:1,1/2"
    with pytest.raises(UnsupportedError, match="give a number of episodes"):
        solution.certificate()


@pytest.mark.parametrize("method", ["auto", "program", "decomposition"])
@pytest.mark.parametrize(("episodes", "true_calls"), [(None, 0), (3, 0), (3, 1)])
def test_a_contradiction_is_said_also_after_true_bounds(
    method: str, episodes: int | None, true_calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lower bound that is too high, at once or after a Newton step: no other solver is asked instead."""
    true, calls = flow_program.lower_bound, [0]

    def lies(*arguments: Any) -> float:
        calls[0] += 1
        return true(*arguments) * (1.0 if calls[0] <= true_calls else 2.0)

    monkeypatch.setattr(flow_program, "lower_bound", lies)
    with pytest.raises(ContradictionError, match="contradict each other"):
        mr.solve(mr.goals(mr.make("noisy-goal:K=3,v=1/2")), episodes=episodes, method=method)
    assert calls[0] == true_calls + 1
    assert issubclass(ContradictionError, SolverError)
