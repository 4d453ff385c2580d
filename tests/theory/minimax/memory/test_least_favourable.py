"""Ranges of mass over least-favourable distributions: against one linear program, and closed forms."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import scipy.optimize as so
from memory_instances import random_process, random_tables

from benchmarks.hyperstate_program import hyperstate_program
from metaregret.tabular.environments import make
from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError
from metaregret.tabular.hyperstate import HyperstateGraph
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.minimax import Criterion, Learner, MinimaxSolution, solve
from metaregret.theory.minimax.least_favourable import LeastFavourable
from metaregret.theory.minimax.memory import memory_game, solve_memory
from metaregret.theory.tasks import Detection, GoalTasks, RewardTasks

SLACK = 1e-9
"""What distributions of the oracle may force less than the value."""


def solved(
    spec: str, steps: int, episodes: int | None, learner: Learner, detect: Detection
) -> MinimaxSolution:
    tasks = GoalTasks.reachable(make(spec).replaced(horizon=steps), detect)
    return solve(tasks, learner=learner, episodes=episodes)


def dual_range(
    tasks: GoalTasks | RewardTasks, episodes: int, members: list[int], value: float
) -> list[float]:
    """Smallest and largest mass, by the dual of the program over hyperstates: one linear program each.

    A distribution ``p`` forces ``p . offset + y_0`` for every ``y`` with ``flow' y + payoff' p <= 0``.
    """
    game = memory_game(tasks, episodes, Criterion.REGRET, 10**5, collapse=False)
    assert isinstance(game.graph, HyperstateGraph)
    program = hyperstate_program(game.graph)
    payoff = program.payoff[game.task_class].toarray()
    rows, count = program.flow.shape[0], len(game.names)
    above = np.hstack([payoff.T, program.flow.toarray().T])
    forces = np.concatenate([-game.offset, -np.eye(rows)[0]])[None]
    inside = np.zeros(count + rows)
    inside[members] = 1.0
    ends = []
    for sign in (1.0, -1.0):
        found = so.linprog(
            sign * inside,
            A_ub=np.vstack([above, forces]),
            b_ub=np.append(np.zeros(len(above)), SLACK - value),
            A_eq=np.concatenate([np.ones(count), np.zeros(rows)])[None],
            b_eq=[1.0],
            bounds=[(0, 1)] * count + [(None, None)] * rows,
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )
        assert found.status == 0
        ends.append(sign * float(found.fun))
    return ends


@pytest.mark.parametrize("seed", range(12))
def test_memory_against_the_dual_program(seed: int) -> None:
    random = np.random.default_rng(seed)
    process = random_process(random, states=3, actions=2, horizon=2, noise=bool(seed % 2))
    families: list[GoalTasks | RewardTasks] = [GoalTasks.reachable(process, detect) for detect in Detection]
    families.append(RewardTasks(process, random_tables(random, process, 3)))
    for tasks in families:
        solution = solve_memory(tasks, 2)
        ranges = LeastFavourable(solution)
        for member in range(len(solution.tasks)):
            found = ranges.mass([member])
            low, high = dual_range(tasks, 2, [member], solution.value.midpoint)
            assert found.lower <= low + 1e-5
            assert high - 1e-5 <= found.upper
            assert found.shortfall <= 1e-8
            # the ends are reached by distributions that force the value
            assert found.least == pytest.approx(found.lower, abs=1e-5)
            assert found.most == pytest.approx(found.upper, abs=1e-5)


def test_the_oracle_notices_the_mass_of_another_set() -> None:
    """The planted error: ranges of the wrong tasks do not pass the comparison above."""
    tasks = GoalTasks.reachable(make("line:5,start=2").replaced(horizon=4), Detection.VISIT)
    solution = solve_memory(tasks, 3)
    low, _ = dual_range(tasks, 3, [0], solution.value.midpoint)
    assert LeastFavourable(solution).mass([0]).lower <= low + 1e-5
    assert LeastFavourable(solution).mass([1]).lower < low - 0.4


# T12: uniform is the only least-favourable distribution where goals are detected at the end. T13: the ends.
# T04: the same without memory. Blind learners: uniform too, by symmetry and strictness.
@pytest.mark.parametrize("learner", [Learner.MEMORY, Learner.MEMORYLESS, Learner.BLIND])
@pytest.mark.parametrize(
    ("detect", "expected"), [(Detection.END, [0.2] * 5), (Detection.VISIT, [0.5, 0, 0, 0, 0.5])]
)
def test_line(learner: Learner, detect: Detection, expected: list[float]) -> None:
    ranges = LeastFavourable(solved("line:5,start=2", 4, 5, learner, detect))
    for position, mass in enumerate(expected):
        found = ranges.mass([position])
        assert found.lower <= mass + 1e-12
        assert mass - 1e-12 <= found.upper
        assert found.upper - found.lower <= 1e-5
        assert (found.always, found.never) == (mass > 0, mass == 0)


def test_z_channel() -> None:
    """C01: M is spanned by (1, 0) and (1/2, 1/2), so the weights are equal and p_g ~ rho_g^2 / v_g."""
    moves = [(0, 0, 0, 1), (0, 1, 0, Fraction(1, 2)), (0, 1, 1, Fraction(1, 2)), (1, 0, 1, 1)]
    process = ControlledMarkovProcess.from_transitions(moves, states=2, actions=2, initial=0, horizon=1)
    solution = solve(GoalTasks.reachable(process))
    found = LeastFavourable(solution).mass([1])
    assert found.lower <= 1 / 3 <= found.upper
    assert found.upper - found.lower <= 1e-4
    assert found.shortfall <= 1e-8


def test_many_least_favourable_distributions() -> None:
    """Grid 3 x 3 from a corner, visits: two goals that no path of four steps joins force the value 1/2."""
    solution = solved("grid:3x3", 4, 5, Learner.MEMORY, Detection.VISIT)
    ranges = LeastFavourable(solution)
    corner = ranges.mass([2])
    assert corner.lower == pytest.approx(0, abs=1e-6)
    assert corner.upper == pytest.approx(1 / 2, abs=1e-6)
    game = solution.proof.game
    for pair in ([2, 6], [2, 7], [5, 6]):
        forced = game.respond(np.bincount(pair, minlength=9) / 2).lower
        assert forced == pytest.approx(1 / 2, abs=1e-9)
    assert ranges.mass([0]).upper <= 1e-6


def test_complements_mirror_each_other() -> None:
    for learner in (Learner.MEMORY, Learner.MEMORYLESS):
        ranges = LeastFavourable(solved("grid:3x2,slip=1/5", 3, 3, learner, Detection.END))
        part, rest = ranges.mass([0, 3]), ranges.mass([1, 2, 4, 5])
        assert part.lower == pytest.approx(1 - rest.upper, abs=1e-4)
        assert part.upper == pytest.approx(1 - rest.lower, abs=1e-4)
        everything, nothing = ranges.mass(range(6)), ranges.mass([])
        assert (everything.lower, everything.upper, nothing.lower, nothing.upper) == (1, 1, 0, 0)


def test_what_cannot_be_bounded_is_refused() -> None:
    ranges = LeastFavourable(solved("line:3,start=1", 2, 2, Learner.MEMORY, Detection.END))
    with pytest.raises(InvalidArgumentError, match=r"0\.\.2"):
        ranges.mass([3])
    with pytest.raises(InvalidArgumentError, match="twice"):
        ranges.mass([1, 1])
    visits = GoalTasks.reachable(make("line:3,start=1").replaced(horizon=2), Detection.VISIT)
    with pytest.raises(UnsupportedError, match="regret"):
        LeastFavourable(solve(visits, criterion=Criterion.HITTING_TIME))
    from metaregret.theory.minimax.memory import TotalVariationBall

    ball = TotalVariationBall(np.full(3, 1 / 3), radius=0.1)
    with pytest.raises(UnsupportedError, match="unrestricted"):
        LeastFavourable(solve_memory(visits, 2, adversary=ball))
