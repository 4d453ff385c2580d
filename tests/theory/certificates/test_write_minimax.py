"""Written certificates of minimax values: accepted by the checker alone, and no stronger than proved."""

from __future__ import annotations

import dataclasses
import math
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import metaregret.theory.certificates.check as checker
from metaregret.tabular.environments import make
from metaregret.tabular.errors import InstanceTooLargeError, NotExactError, SolverError, UnreachableGoalError
from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon
from metaregret.tabular.labels import Labels
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rewards import RewardTables
from metaregret.theory.certificates.drafting import Document, rounded, write_certificate
from metaregret.theory.certificates.write_minimax import minimax_certificate
from metaregret.theory.certificates.write_steps import least_steps
from metaregret.theory.minimax import Criterion, Learner, solve
from metaregret.theory.tasks import Detection, GoalTasks, RewardTasks, TaskFamily, TrajectoryTasks


def process(spec: str, steps: int) -> ControlledMarkovProcess:
    return make(spec).replaced(horizon=FiniteHorizon(steps))


def goals(spec: str, steps: int, detect: Detection = Detection.END) -> GoalTasks:
    return GoalTasks.reachable(process(spec, steps), detect)


def two_arms() -> RewardTasks:
    """Each task pays on one arm: the first of two episodes is lost with probability 1/2."""
    arms = ControlledMarkovProcess.from_transitions(
        [(0, 0, 0, 1), (0, 1, 0, 1)], states=1, actions=2, initial=0, horizon=1
    )
    one, zero = Fraction(1), Fraction(0)
    return RewardTasks(arms, RewardTables.from_exact(arms, Labels(2), [[one, zero], [zero, one]]))


def geometric(spec: str, gamma: str, detect: Detection = Detection.END) -> GoalTasks:
    return GoalTasks.reachable(make(spec).replaced(horizon=GeometricHorizon(Fraction(gamma))), detect)


ONE_AFTER_ANOTHER = """
import sys
sys.path.insert(0, ".")
import check
for name in sys.argv[1:]:
    print(check.main([name]), flush=True)
"""


def alone(folder: Path, *documents: Document) -> list[tuple[int, str]]:
    """Run a copy of the checker in a directory with nothing else but certificates; statuses and words."""
    shutil.copy(checker.__file__, folder / "check.py")
    names = [f"{index}.json" for index in range(len(documents))]
    for name, document in zip(names, documents, strict=True):
        write_certificate(document, folder / name)
    command = [sys.executable, "-I", "-B", "-c", ONE_AFTER_ANOTHER, *names]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    return [(int(status), words) for words, status in zip(lines[::2], lines[1::2], strict=True)]


MEMORYLESS, BLIND, MEMORY = Learner.MEMORYLESS, Learner.BLIND, Learner.MEMORY
REGRET, HITTING, RATIO = Criterion.REGRET, Criterion.HITTING_TIME, Criterion.RATIO
CASES = {
    "T4 on a grid": (goals("grid:3x3", 4), MEMORYLESS, REGRET, None, "8"),
    "slips": (goals("grid:3x3,slip=1/10", 4), MEMORYLESS, REGRET, None, "2279601/320000"),
    "ratio": (goals("grid:3x3,slip=3/10", 4), MEMORYLESS, RATIO, None, "2012061/320000"),
    "hitting time": (goals("line:3", 2), MEMORYLESS, HITTING, None, "3"),
    "blind": (goals("grid:2x2", 2), BLIND, REGRET, 5, "15/4"),
    "finite budget": (goals("line:3", 2), MEMORYLESS, REGRET, 3, "38/27"),
    "visits": (goals("line:5,start=2", 4, Detection.VISIT), MEMORYLESS, REGRET, None, "1"),
    "trajectories": (TrajectoryTasks(process("line:3", 2)), MEMORYLESS, REGRET, None, "8"),
    "T12": (goals("line:5,start=2", 4), MEMORY, REGRET, 5, "2"),
    "T13": (goals("line:5,start=2", 4, Detection.VISIT), MEMORY, REGRET, 5, "1/2"),
    "memory, steps": (goals("line:5,start=2", 2, Detection.VISIT), MEMORY, HITTING, 2, None),
    "memory, ratio": (goals("line:3,start=1", 2), MEMORY, RATIO, 3, "2"),
    "memory, one goal": (GoalTasks(process("line:3", 2), np.array([2])), MEMORY, HITTING, 2, "1"),
    "reward tables": (two_arms(), MEMORY, REGRET, 2, "1/2"),
    "memory, for ever": (goals("line:5,start=2", 4), MEMORY, REGRET, None, "2"),
    "memory, for ever, costs": (goals("line:5,start=2", 4), MEMORY, HITTING, None, "3"),
    "memory, for ever, visits": (goals("line:5,start=2", 4, Detection.VISIT), MEMORY, REGRET, None, "1/2"),
    "blind reward tables": (two_arms(), BLIND, REGRET, 2, "1"),
    "trajectories, 3 episodes": (TrajectoryTasks(process("line:3", 2)), MEMORYLESS, REGRET, 3, "1736/729"),
    "trajectories, noise": (
        TrajectoryTasks(process("grid:2x2,slip=1/2", 1)),
        MEMORYLESS,
        HITTING,
        None,
        "40",
    ),
    "trajectories, blind": (TrajectoryTasks(process("line:3", 2)), BLIND, REGRET, 5, "40/9"),
    "gamma": (geometric("line:3", "1/2"), MEMORYLESS, REGRET, None, "3/4"),
    "gamma, slips": (geometric("grid:2x2,slip=1/10", "1/2"), MEMORYLESS, REGRET, None, "13746/9823"),
    "gamma, blind": (geometric("line:3", "1/2"), BLIND, REGRET, 3, "3/4"),
    "gamma, ratio": (geometric("line:3", "1/2"), MEMORYLESS, RATIO, None, "7/4"),
    "gamma, visits": (geometric("line:3,start=1", "1/2", Detection.VISIT), MEMORYLESS, REGRET, None, "3/5"),
    "gamma, blind reward tables": (
        RewardTasks(two_arms().process.replaced(horizon=GeometricHorizon(Fraction(1, 2))), two_arms().tables),
        BLIND,
        REGRET,
        2,
        "2",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_exact_values_are_proved_by_the_checker_alone(name: str, tmp_path: Path) -> None:
    tasks, learner, criterion, episodes, value = CASES[name]
    solution = solve(tasks, learner=learner, criterion=criterion, episodes=episodes, exact=True)
    assert solution.value.exact is not None
    assert value is None or solution.value.exact == Fraction(value)
    document = minimax_certificate(tasks, solution)
    assert document["claim"]["lower"] == document["claim"]["upper"] == str(solution.value.exact)
    stronger = [
        {
            **document,
            "claim": document["claim"] | {side: str(solution.value.exact + more), "exact": False},
        }
        for side, more in (("lower", Fraction(1, 10**30)), ("upper", -Fraction(1, 10**30)))
    ]
    accepted, *refused = alone(tmp_path, document, *stronger)
    assert accepted[0] == 0, accepted
    assert [status for status, _ in refused] == [1, 1]
    assert all("not proved" in words for _, words in refused)


FLOATING: dict[str, tuple[TaskFamily, Learner, Criterion, int | None]] = {
    "memoryless": (goals("grid:3x3,slip=1/10", 4), MEMORYLESS, REGRET, None),
    "finite budget": (goals("grid:3x3,slip=1/10", 3), MEMORYLESS, RATIO, 4),
    "visits": (goals("grid:2x2,slip=1/10", 3, Detection.VISIT), MEMORYLESS, REGRET, None),
    "memory": (goals("line:3,start=1", 2, Detection.VISIT), MEMORY, HITTING, 3),
}


STEPS: dict[str, tuple[str, int, Criterion, Fraction | float]] = {
    "both ends": ("line:3,start=1", 2, HITTING, Fraction(3)),
    "both ends, ratio": ("line:3,start=1", 2, RATIO, Fraction(3)),
    "one way": ("line:4", 5, HITTING, Fraction(3)),
    "one way, ratio": ("line:4", 5, RATIO, Fraction(1)),
    "two ways, ratio": ("line:5,start=2", 4, RATIO, (1 + math.sqrt(33)) / 2),
    "slips": ("grid:2x2,slip=1/10", 3, HITTING, 2.2088230286),
}


@pytest.mark.parametrize("name", STEPS)
def test_costs_in_steps(name: str, tmp_path: Path) -> None:
    """Small denominators are found exactly; an irrational value is bracketed; both sides are tight."""
    spec, horizon, criterion, value = STEPS[name]
    tasks = goals(spec, horizon, Detection.VISIT)
    solution = solve(tasks, learner=BLIND, criterion=criterion)
    document = minimax_certificate(tasks, solution)
    lower, upper = Fraction(document["claim"]["lower"]), Fraction(document["claim"]["upper"])
    assert document["claim"].get("exact", False) == isinstance(value, Fraction)
    assert lower - Fraction(1, 10**9) <= value <= upper + Fraction(1, 10**9)
    assert upper - lower <= Fraction(1, 10**8)
    witness = document["witness"]
    raised = {**document, "witness": {**witness, "level": str(lower + Fraction(1, 10**7))}}
    least = {**document, "witness": {**witness, "level": str(lower), "least": {"0": "11/10"}}}
    accepted, *others = alone(tmp_path, document, raised, least)
    assert accepted[0] == 0, accepted
    assert [
        (status, word in words) for (status, words), word in zip(others, ("level", "least"), strict=True)
    ] == [
        (1, True),
        (1, True) if criterion is RATIO else (0, False),
    ]


@pytest.mark.parametrize(("goal", "steps"), [(0, 0), (1, 1), (3, 3)])
def test_least_steps(goal: int, steps: int) -> None:
    assert least_steps(process("line:4", 5), goal) == steps
    # With a slip every step succeeds with 3/4 (right) or 1/2 (the wall): 1 / (1 - slip + slip / 4) steps.
    assert least_steps(process("grid:2x1,slip=1/2", 3), 1) == Fraction(8, 5)
    with pytest.raises(UnreachableGoalError):
        least_steps(process("line:4", 2), 3)


@pytest.mark.parametrize("name", FLOATING)
@pytest.mark.parametrize("exact", [False, True])
def test_brackets_are_proved_and_narrow(name: str, exact: bool, tmp_path: Path) -> None:
    tasks, learner, criterion, episodes = FLOATING[name]
    solution = solve(tasks, learner=learner, criterion=criterion, episodes=episodes, exact=exact)
    document = minimax_certificate(tasks, solution)
    lower, upper = Fraction(document["claim"]["lower"]), Fraction(document["claim"]["upper"])
    assert upper - lower <= Fraction(1, 10**8)
    assert lower <= Fraction(solution.value.upper)
    assert Fraction(solution.value.lower) <= upper
    assert alone(tmp_path, document)[0][0] == 0


def test_claims_are_what_the_witness_proves_and_no_more() -> None:
    tasks = goals("grid:2x2", 2)
    solution = solve(tasks, exact=True)
    # A worse prior proves a smaller lower bound; as an exact value that is refused.
    uneven = np.array([Fraction(1, 2), Fraction(1, 6), Fraction(1, 6), Fraction(1, 6)], dtype=object)
    exact = dataclasses.replace(solution.proof.exact, prior=uneven)
    proof = dataclasses.replace(solution.proof, exact=exact)
    with pytest.raises(SolverError, match="not the exact value"):
        minimax_certificate(tasks, dataclasses.replace(solution, proof=proof))
    loose = dataclasses.replace(solution.value, exact=None)
    document = minimax_certificate(tasks, dataclasses.replace(solution, proof=proof, value=loose))
    assert Fraction(document["claim"]["lower"]) < 3 == Fraction(document["claim"]["upper"])


def test_what_cannot_be_certified_is_refused() -> None:
    floats = ControlledMarkovProcess.from_dense(np.full((1, 3, 3), 1 / 3), horizon=2)
    with pytest.raises(NotExactError):
        minimax_certificate(GoalTasks.reachable(floats), solve(GoalTasks.reachable(floats)))
    large = goals("grid:3x3", 4)
    with pytest.raises(InstanceTooLargeError, match="budget"):
        minimax_certificate(large, solve(large), budget=100)


def test_rounded_distributions_sum_to_one_and_keep_zeros() -> None:
    shares = rounded(np.array([0.1, 0.0, 1e-30, 0.9]))
    assert sum(shares) == 1
    assert shares[1] == 0
    assert max(abs(float(s) - x) for s, x in zip(shares, (0.1, 0, 0, 0.9), strict=True)) < 1e-11
