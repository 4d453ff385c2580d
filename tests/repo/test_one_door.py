"""Every solver is called in one place, `metaregret.tabular.optimise`: nothing else can believe what a
solver says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOOR = ROOT / "tabular" / "optimise.py"
SOLVERS = {
    "highspy",
    "clarabel",
    "scs",
    "ecos",
    "osqp",
    "piqp",
    "cvxopt",
    "mosek",
    "gurobipy",
    "pulp",
    "ortools",
}
SCIPY = {"linprog", "milp", "nnls", "lsq_linear", "linear_sum_assignment", "minimize", "minimize_scalar"}
OPTIONS = {"solver", "verbose", "warm_start", "gp", "qcp", "enforce_dpp", "ignore_dpp", "canon_backend"}


def breaches(source: str) -> list[str]:
    """Calls of solvers in a module: imports of solvers, SciPy's optimisers, ``solve`` of a cvxpy problem."""
    if not any(word in source for word in (*SOLVERS, *SCIPY, "cvxpy")):
        return []  # every breach has one of these words in it: other files need not be parsed
    tree = ast.parse(source)
    found, poses = [], "cvxpy" in source
    problems = {
        name.id
        for node in ast.walk(tree)
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        and node.value is not None
        and _is_problem(node.value)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        for name in ast.walk(target)
        if isinstance(name, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [f"import {a.name}" for a in node.names if a.name.partition(".")[0] in SOLVERS]
        elif isinstance(node, ast.ImportFrom):
            home = node.module or ""
            found += [f"from {home}"] if home.partition(".")[0] in SOLVERS else []
            if home.startswith("scipy.optimize"):
                found += [f"scipy {a.name}" for a in node.names if a.name in SCIPY]
        elif isinstance(node, ast.Attribute) and node.attr in SCIPY:
            found.append(f"scipy {node.attr}")
        elif poses and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            known = _is_problem(owner) or (isinstance(owner, ast.Name) and owner.id in problems)
            options = any(keyword.arg in OPTIONS for keyword in node.keywords)
            if node.func.attr in ("solve", "_solve", "get_problem_data") and (known or options):
                found.append(f"{ast.unparse(node.func)} in line {node.lineno}")
    return found


def _is_problem(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "Problem"
    )


def test_solvers_are_called_in_one_place() -> None:
    paths = [
        path for package in ("tabular", "theory", "experiments") for path in (ROOT / package).rglob("*.py")
    ]
    assert len(paths) > 100
    wrong = {str(path.relative_to(ROOT)): breaches(path.read_text()) for path in paths if path != DOOR}
    assert {path: calls for path, calls in wrong.items() if calls} == {}


def test_the_door_itself_is_seen() -> None:
    """The search finds the calls of the one module that may make them."""
    assert len(breaches(DOOR.read_text())) >= 3


@pytest.mark.parametrize(
    "planted",
    [
        "import highspy",
        "def f():\n    import highspy._core as h",
        "from clarabel import DefaultSolver",
        "import scipy.optimize as so\nso.linprog([1.0])",
        "from scipy.optimize import linprog",
        "import scipy.optimize\nscipy.optimize.nnls(a, b)",
        "import cvxpy as cp\ncp.Problem(cp.Minimize(x)).solve()",
        "import cvxpy as cp\nproblem = cp.Problem(cp.Minimize(x))\nproblem.solve()",
        "import cvxpy as cp\nproblem: object = cp.Problem(cp.Minimize(x))\nproblem.solve()",
        "import cvxpy as cp\ndef f(p):\n    p.solve(solver='SCS')",
        "from cvxpy import Problem\na = Problem(o)\na.solve()",
    ],
)
def test_a_planted_call_is_seen(planted: str) -> None:
    assert breaches(planted)


@pytest.mark.parametrize(
    "harmless",
    [
        "import numpy as np\nnp.linalg.solve(a, b)",
        "import cvxpy as cp\nsolve_certified(cp.Problem(o), certify, tolerance=1e-9)",
        "from metaregret.tabular.engine import solve\nsolve(process, rewards)",
    ],
)
def test_other_calls_are_not(harmless: str) -> None:
    assert breaches(harmless) == []
