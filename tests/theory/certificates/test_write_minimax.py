"""Written certificates of minimax values: accepted by the checker alone, and no stronger than proved."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import theory.certificates.check as checker
from tabular.environments import make
from tabular.errors import InstanceTooLargeError, NotExactError, SolverError, UnsupportedError
from tabular.horizon import FiniteHorizon, GeometricHorizon
from tabular.labels import Labels
from tabular.process import ControlledMarkovProcess
from tabular.rewards import RewardTables
from theory.certificates.drafting import Document, rounded, write_certificate
from theory.certificates.write_minimax import minimax_certificate
from theory.minimax import Criterion, Learner, solve
from theory.tasks import Detection, GoalTasks, RewardTasks, TaskFamily, TrajectoryTasks


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


def alone(folder: Path, document: Document) -> subprocess.CompletedProcess[str]:
    """Run a copy of the checker in a directory with nothing else but the certificate."""
    folder.mkdir()
    shutil.copy(checker.__file__, folder / "check.py")
    write_certificate(document, folder / "certificate.json")
    command = [sys.executable, "-I", "check.py", "certificate.json"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


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
}


@pytest.mark.parametrize("name", CASES)
def test_exact_values_are_proved_by_the_checker_alone(name: str, tmp_path: Path) -> None:
    tasks, learner, criterion, episodes, value = CASES[name]
    solution = solve(tasks, learner=learner, criterion=criterion, episodes=episodes, exact=True)
    assert solution.value.exact is not None
    assert value is None or solution.value.exact == Fraction(value)
    document = minimax_certificate(tasks, solution)
    assert document["claim"]["lower"] == document["claim"]["upper"] == str(solution.value.exact)
    accepted = alone(tmp_path / "accepted", document)
    assert accepted.returncode == 0, accepted.stdout
    for side, sign in (("lower", 1), ("upper", -1)):
        stronger = json.loads(json.dumps(document))
        stronger["claim"] |= {side: str(solution.value.exact + sign * Fraction(1, 10**30)), "exact": False}
        refused = alone(tmp_path / side, stronger)
        assert refused.returncode == 1
        assert "not proved" in refused.stdout


FLOATING: dict[str, tuple[TaskFamily, Learner, Criterion, int | None]] = {
    "memoryless": (goals("grid:3x3,slip=1/10", 4), MEMORYLESS, REGRET, None),
    "finite budget": (goals("grid:3x3,slip=1/10", 3), MEMORYLESS, RATIO, 4),
    "visits": (goals("grid:2x2,slip=1/10", 3, Detection.VISIT), MEMORYLESS, REGRET, None),
    "memory": (goals("line:3,start=1", 2, Detection.VISIT), MEMORY, HITTING, 3),
}


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
    assert alone(tmp_path / "accepted", document).returncode == 0


def test_claims_are_what_the_witness_proves_and_no_more() -> None:
    tasks = goals("grid:2x2", 2)
    solution = solve(tasks, exact=True)
    # A worse prior proves a smaller lower bound; as an exact value that is refused.
    uneven = np.array([Fraction(1, 2), Fraction(1, 6), Fraction(1, 6), Fraction(1, 6)], dtype=object)
    details = {**solution.details, "exact_prior": uneven}
    with pytest.raises(SolverError, match="not the exact value"):
        minimax_certificate(tasks, dataclasses.replace(solution, details=details))
    loose = dataclasses.replace(solution.value, exact=None)
    document = minimax_certificate(tasks, dataclasses.replace(solution, details=details, value=loose))
    assert Fraction(document["claim"]["lower"]) < 3 == Fraction(document["claim"]["upper"])


def test_what_cannot_be_certified_is_refused() -> None:
    geometric = GoalTasks.reachable(make("line:3").replaced(horizon=GeometricHorizon(Fraction(1, 2))))
    with pytest.raises(UnsupportedError, match="finite horizon"):
        minimax_certificate(geometric, solve(geometric))
    steps = goals("line:3,start=1", 2, Detection.VISIT)
    with pytest.raises(UnsupportedError, match="in steps"):
        minimax_certificate(steps, solve(steps, criterion=HITTING))
    tables = two_arms()
    with pytest.raises(UnsupportedError, match="reward tables"):
        minimax_certificate(tables, solve(tables, learner=BLIND, episodes=2))
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
