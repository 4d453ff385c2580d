"""Imports flow tabular <- theory <- experiments and never back; importing a package costs nothing."""

from __future__ import annotations

import ast
import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("tabular", "theory", "experiments")
PUBLIC = ("metaregret.tabular", "metaregret.theory", "metaregret")
HEAVY = ("cvxpy", "sympy", "numba", "matplotlib", "gymnasium", "flint", "pandas", "highspy", "jax", "optax")


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def layer(name: str) -> str:
    """The layer a dotted name lies in, as it is written from outside; any other package by its first part."""
    parts = name.split(".")
    if parts[0] == "metaregret":
        return parts[1] if len(parts) > 1 and parts[1] in LAYERS else "metaregret"
    return f"{parts[0]} (a folder, not a package)" if parts[0] in LAYERS else parts[0]


def imported(source: str) -> set[str]:
    """Layers and top-level packages that a module imports anywhere, inside functions and TYPE_CHECKING blocks
    included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {layer(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= (
                {"." * node.level} if node.level else {layer(f"{node.module}.{a.name}") for a in node.names}
            )
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                found.add(layer(node.args[0].value))
    return found


def breaches(package: str, source: str) -> set[str]:
    """Imports of a layer above `package`, or relative ones (which hide the layer)."""
    above = set(LAYERS[LAYERS.index(package) + 1 :])
    names = imported(source)
    return {name for name in names if name in above or name.startswith(".") or name == "tests" or " " in name}


@pytest.mark.parametrize("package", LAYERS)
def test_imports_flow_one_way(package: str) -> None:
    paths = sources(package)
    assert paths
    wrong = {str(path.relative_to(ROOT)): breaches(package, path.read_text()) for path in paths}
    assert {path: names for path, names in wrong.items() if names} == {}


@pytest.mark.parametrize(
    "planted",
    [
        "import metaregret.theory",
        "def f():\n    from metaregret.theory.regret import loss_of",
        "from metaregret.experiments import cli",
        "import importlib\nimportlib.import_module('metaregret.theory.regret')",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import metaregret.theory.tasks",
        "from metaregret import theory",
        "from . import errors",
        "import tabular",
        "from theory.regret import loss_of",
    ],
)
def test_a_planted_breach_is_seen(planted: str) -> None:
    assert breaches("tabular", planted)


def modules(package: str) -> list[str]:
    module = importlib.import_module(package)
    return [package, *(info.name for info in pkgutil.walk_packages(module.__path__, f"{package}."))]


@pytest.mark.parametrize("package", PUBLIC)
def test_every_public_name_exists(package: str) -> None:
    """Each `__all__` is there, has no repeats and names what its module has."""
    problems = []
    for name in modules(package):
        if name.endswith("__main__"):
            continue
        module = importlib.import_module(name)
        public = getattr(module, "__all__", None)
        if public is None:
            continue
        problems += [f"{name}.{item}" for item in public if not hasattr(module, item)]
        problems += [f"{name} lists a name twice"] if len(set(public)) != len(public) else []
    assert problems == []


@pytest.mark.parametrize("package", PUBLIC)
def test_the_public_face_is_complete(package: str) -> None:
    """Every name of the stub can be had, and `dir` shows it."""
    module = importlib.import_module(package)
    assert module.__all__
    assert set(module.__all__) <= set(dir(module))
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        module.__getattr__("no_such_name")


@pytest.mark.parametrize("package", PUBLIC)
def test_importing_a_package_is_cheap(package: str) -> None:
    """In a fresh interpreter: no heavy library is loaded, and the best of five imports takes less than 0.3
    s."""
    code = (
        f"import sys, time; began = time.process_time(); import {package};"
        "took = time.process_time() - began;"
        f"print(took, *[name for name in {HEAVY!r} if name in sys.modules])"
    )
    seconds = []
    for _ in range(5):
        run = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
            capture_output=True,
            text=True,
            check=True,
        )
        took, *heavy = run.stdout.split()
        assert heavy == []
        seconds.append(float(took))
    assert min(seconds) < 0.3


LIGHT = (
    "metaregret.tabular.process",
    "metaregret.tabular.goals",
    "metaregret.tabular.policy",
    "metaregret.tabular.occupancy",
    "metaregret.tabular.files",
    "metaregret.tabular.environments",
    "metaregret.tabular.environments.gymnasium_toy",
    "metaregret.tabular.augment",
    "metaregret.tabular.rewards",
    "metaregret.theory.learning",
    "metaregret.theory.tasks",
    "metaregret.theory.success",
    "metaregret.theory.regret",
    "metaregret.theory.optimise",
)


def test_core_modules_load_no_heavy_library() -> None:
    code = "import sys, importlib\n" + "".join(f"importlib.import_module({name!r})\n" for name in LIGHT)
    code += f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == []
