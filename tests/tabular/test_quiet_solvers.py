"""The door to solvers keeps standard output clean, and solvers out of one another's way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
THROUGH_CVXPY = """
import cvxpy as cp
from metaregret.tabular.optimise import LINEAR_SOLVERS, run
x = cp.Variable(2, nonneg=True)
for attempt in LINEAR_SOLVERS:
    outcome = run(cp.Problem(cp.Minimize(cp.sum(x)), [x[0] + x[1] >= 1]), attempt)
    assert outcome.residual <= 1e-9, outcome
"""
GROWING = """
import numpy as np
from metaregret.tabular.optimise import GrowingProgram
program = GrowingProgram(np.ones(2), np.zeros(2), np.ones(2))
program.add_row(np.ones(2), 1.0, 2.0)
answer, status = program._highs(None)
assert status == "Optimal", status
assert program.solve()[1].tolist() == [1.0]
"""


def fresh(code: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("code", [THROUGH_CVXPY + GROWING, GROWING + THROUGH_CVXPY])
def test_nothing_is_printed_and_no_solver_falls_back(code: str) -> None:
    """In a fresh process, either way round: HiGHS solves the growing program itself whatever was solved
    before, and no banner is printed."""
    run = fresh(code + "print('the only line')")
    assert run.returncode == 0, run.stderr
    assert run.stdout == "the only line\n"


def test_what_was_printed_before_is_not_lost() -> None:
    run = fresh("import ctypes\nctypes.CDLL(None).puts(b'from C')\nprint('from Python')\n" + GROWING)
    assert run.returncode == 0, run.stderr
    assert sorted(run.stdout.split("\n")) == ["", "from C", "from Python"]
