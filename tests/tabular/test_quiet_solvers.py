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


def test_cvxpy_comes_without_what_is_never_asked_for() -> None:
    """JAX and SciPy's statistics are not imported, but there when they are wanted: by the one atom that needs
    them, too; what is there already stays."""
    run = fresh(
        "import sys\nimport scipy.stats as before\nfrom metaregret.tabular.modelling import cvxpy\n"
        "assert sys.modules['scipy.stats'] is before"
    )
    assert run.returncode == 0, run.stderr
    run = fresh(
        "import sys\nfrom metaregret.tabular.modelling import cvxpy\n"
        "assert not {'jax', 'scipy.stats'} & sys.modules.keys()\n"
        "from cvxpy.atoms.quantum_rel_entr import quantum_rel_entr\nimport math\n"
        "value = quantum_rel_entr([[1, 0], [0, 0]], [[0.5, 0], [0, 0.5]]).value\n"
        "assert abs(value - math.log(2)) < 1e-12, value\nassert 'scipy.stats' in sys.modules"
    )
    assert run.returncode == 0, run.stderr


def test_what_was_printed_before_is_not_lost() -> None:
    run = fresh("import ctypes\nctypes.CDLL(None).puts(b'from C')\nprint('from Python')\n" + GROWING)
    assert run.returncode == 0, run.stderr
    assert sorted(run.stdout.split("\n")) == ["", "from C", "from Python"]
