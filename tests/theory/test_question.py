"""A question reads and checks its words in one place, before any work; learner classes, criteria and
adversaries of one's own are objects passed from outside."""

from __future__ import annotations

import pickle
from fractions import Fraction
from typing import Any
from unittest import mock

import numpy as np
import pytest

from metaregret.tabular.environments import make
from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError
from metaregret.tabular.horizon import GeometricHorizon
from metaregret.theory.adversaries import Adversary, Simplex, TotalVariationBall
from metaregret.theory.learners import WithoutMemory
from metaregret.theory.minimax import Criterion, Learner, Method, Question, solve
from metaregret.theory.regret import ExactLoss, HittingTime, LossForm
from metaregret.theory.tasks import Detection, GoalTasks, TrajectoryTasks

LINE = make("line:4").replaced(horizon=3)
ENDS, VISITS = GoalTasks.reachable(LINE), GoalTasks.reachable(LINE, Detection.VISIT)


@pytest.mark.parametrize("endless", [None, "inf", float("inf")])
def test_infinitely_many_episodes_have_three_names(endless: Any) -> None:
    assert Question(ENDS, episodes=endless).episodes is None


@pytest.mark.parametrize(
    ("words", "pattern"),
    [
        ({"learner": "clever"}, "learner to be one of 'blind', 'memoryless', 'memory', but got 'clever'"),
        ({"criterion": "nonsense"}, "criterion to be one of 'regret', 'hitting-time', 'ratio'"),
        ({"criterion": None}, "criterion to be one of"),
        ({"method": "magic"}, "method to be one of 'auto', 'program', 'decomposition'"),
        ({"episodes": "many"}, "episodes to be a whole number or None"),
        ({"episodes": 0}, "1 <= episodes"),
        ({"tolerance": 0.0}, "tolerance between 0 and 1"),
        ({"tolerance": float("nan")}, "tolerance between 0 and 1"),
        ({"tolerance": "small"}, "tolerance between 0 and 1"),
        ({"exact": "yes"}, "exact to be True or False"),
        ({"max_edges": 0}, "max_edges to be a whole number >= 1"),
        ({"max_edges": 2.5}, "max_edges to be a whole number >= 1"),
        ({"adversary": "wasserstein:1"}, "adversary to be simplex, tv:E, kl:E, cvar:A or polytope:FILE"),
        ({"adversary": "tv:x"}, "adversary tv to be a number"),
        ({"adversary": "tv:-1"}, "radius >= 0"),
        ({"adversary": 3}, "adversary to be an Adversary"),
        ({"adversary": TotalVariationBall(np.ones(1), 0.1)}, r"shape \(4,\)"),
    ],
)
def test_words_are_checked_before_any_work(words: dict[str, Any], pattern: str) -> None:
    with (
        mock.patch("metaregret.theory.minimax.without_memory.answer") as work,
        pytest.raises(InvalidArgumentError, match=pattern),
    ):
        solve(ENDS, **words)
    work.assert_not_called()


@pytest.mark.parametrize(
    ("tasks", "words", "pattern"),
    [
        (ENDS, {"learner": "blind"}, "infinite or zero; give a number of episodes"),
        (TrajectoryTasks(LINE), {"learner": "memory", "episodes": 2}, "goals and rewards"),
        (
            TrajectoryTasks(LINE.replaced(horizon=GeometricHorizon(Fraction(1, 2)))),
            {},
            "need a finite horizon",
        ),
        (VISITS, {"criterion": "ratio", "episodes": 3}, "level sets that are not convex"),
        (VISITS, {"criterion": "ratio", "exact": True}, "irrational"),
        (VISITS, {"criterion": "ratio", "method": "decomposition"}, "counted in episodes"),
        (ENDS, {"learner": "memory", "episodes": 2, "method": "program"}, "by decomposition"),
        (ENDS, {"adversary": "tv:1/10", "exact": True}, "unrestricted adversary only"),
        (VISITS, {"criterion": "ratio", "adversary": "tv:1/10"}, "pass a set of task distributions"),
    ],
)
def test_combinations_are_refused_before_any_work(tasks: Any, words: dict[str, Any], pattern: str) -> None:
    with pytest.raises(UnsupportedError, match=pattern) as caught:
        Question(tasks, **words)
    assert "--" not in str(caught.value)


def test_no_other_tasks_and_no_words_beside_a_question() -> None:
    wrong: Any = LINE
    with pytest.raises(InvalidArgumentError, match=r"RewardTasks, but got .* with metaregret\.goals"):
        solve(wrong)
    with pytest.raises(InvalidArgumentError, match="question alone, but got episodes=3"):
        solve(Question(ENDS), episodes=3)


def test_words_and_objects_ask_the_same() -> None:
    worded = Question(ENDS, "blind", "ratio", episodes=3, method="program", adversary="simplex")
    plain = Question(ENDS, Learner.BLIND, Criterion.RATIO, episodes=3, method=Method.PROGRAM)
    for name in ("learner", "criterion", "episodes", "tolerance", "exact", "method", "max_edges"):
        assert getattr(worded, name) == getattr(plain, name), name
    assert type(worded.adversary) is type(plain.adversary) is Simplex
    assert (
        solve(worded).value
        == solve(plain).value
        == solve(ENDS, learner="blind", criterion="ratio", episodes=3, method="program").value
    )
    with pytest.raises(AttributeError):
        plain.episodes = 4


@pytest.mark.parametrize("option", [*Learner, *Criterion], ids=lambda option: option.value)
def test_named_options_are_pickled_by_name(option: Any) -> None:
    assert pickle.loads(pickle.dumps(option)) is option


# ---------------------------------------------------------------- from outside


class HalfBlind(WithoutMemory):
    """Notices only every second success on average: explores twice as long as the memoryless learner."""

    value = "half-blind"

    class _Regret(LossForm):
        """``2 (v / rho - 1)``, over infinitely many episodes."""

        def value(self, rho: Any, best: Any, wait: Any) -> Any:
            return 2 * wait.regret(rho, best)

        def slope(self, rho: Any, best: Any, wait: Any) -> Any:
            return 2 * best * wait.slope(rho)

        def direction(self, best: np.ndarray) -> np.ndarray:
            return best

    regret = _Regret()


class SquaredCost(Criterion):
    """Mean of the squared hitting time: ``2 / rho**2 - 1 / rho`` over infinitely many episodes."""

    value, costs = "squared-cost", True

    class _Square(HittingTime):
        def value(self, rho: Any, best: Any, wait: Any) -> Any:
            return wait(rho) * (2 * wait(rho) - 1)

        def slope(self, rho: Any, best: Any, wait: Any) -> Any:
            return (4 * wait(rho) - 1) * wait.slope(rho)

        def line(self, episodes: int | None) -> None:
            return None

    def form(self, learner: Learner) -> LossForm:
        return self._Square()

    def weigh(self, known: Any) -> tuple[Any, Any]:
        raise UnsupportedError("Squared costs are not linear in the payoffs of learners with memory.")


class Either(Adversary):
    """The segment between two task distributions, described by nothing but its two ends."""

    def __init__(self, one: np.ndarray, other: np.ndarray) -> None:
        self.ends = np.array([one, other])

    def start(self, tasks: int) -> np.ndarray:
        return self.ends.mean(axis=0)

    def worst(self, loss: np.ndarray) -> float:
        return float((self.ends @ loss).max())

    def response(self, loss: np.ndarray) -> np.ndarray:
        return self.ends[int((self.ends @ loss).argmax())]

    def inside(self, p: np.ndarray) -> np.ndarray:
        step = self.ends[1] - self.ends[0]
        share = float(np.clip((p - self.ends[0]) @ step / (step @ step), 0.0, 1.0))
        return self.ends[0] + share * step

    def model(self, loss: Any, near: np.ndarray, distance: float) -> tuple[Any, list[Any]]:
        import cvxpy as cp

        level = cp.Variable()
        return level, [level >= self.ends @ loss]


def test_a_learner_class_of_ones_own() -> None:
    """Twice the memoryless regret, K - 1 = 3 at uniform exploration."""
    found = solve(ENDS, learner=HalfBlind())
    assert found.value.midpoint == pytest.approx(6.0, rel=1e-9)
    assert found.value.relative_gap <= 1e-9
    assert solve(ENDS, learner=HalfBlind(), adversary="tv:1/10").value.midpoint == pytest.approx(
        6.0, rel=1e-8
    )


def test_a_criterion_of_ones_own() -> None:
    """At success probability 1/4 each the mean square is 2 * 16 - 4 = 28, in floats and in fractions."""
    found = solve(ENDS, criterion=SquaredCost())
    assert found.value.midpoint == pytest.approx(28.0, rel=1e-9)
    exact = ExactLoss(SquaredCost().form(Learner.MEMORYLESS), None, [Fraction(1)] * 4)
    assert exact.worst([Fraction(1, 4)] * 4) == 28
    assert solve(ENDS, criterion=SquaredCost(), exact=True).value.contains(28)


def test_an_adversary_of_ones_own() -> None:
    """Between two point masses at the ends of a line: like the simplex on these two goals, value 2 - 1."""
    found = solve(ENDS, adversary=Either(np.eye(4)[0], np.eye(4)[3]))
    assert found.value.midpoint == pytest.approx(1.0, rel=1e-9)
    assert np.asarray(found.least_favourable) == pytest.approx([0.5, 0, 0, 0.5], abs=1e-4)
    blind = solve(ENDS, learner="blind", episodes=2, adversary=Either(np.eye(4)[0], np.eye(4)[3]))
    assert blind.value.midpoint == pytest.approx(1.0, rel=1e-9)


def test_a_criterion_or_learners_that_define_nothing_are_refused_by_name() -> None:
    class Bare(Criterion):
        value = "bare"

    class Nobody(Learner):
        value = "nobody"

    refusals = {
        "define form": lambda: Bare().form(Learner.BLIND),
        "define weigh": lambda: Bare().weigh(1),
        "define solve": lambda: Nobody().solve(None, None),
    }
    for words, refused in refusals.items():
        with pytest.raises(UnsupportedError, match=words):
            refused()
