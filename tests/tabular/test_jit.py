"""The cache of compiled kernels: an edit anywhere is seen, and so is taking it back."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from metaregret.tabular import jit
from metaregret.tabular.jit import _Files

ROOT = Path(__file__).resolve().parents[2]

CALLEE = """
from metaregret.tabular.jit import njit
@njit(cache=True)
def twice(x):
    return 2 * x
"""
CALLER = """
import sys
from metaregret.tabular.callee import twice
from metaregret.tabular.jit import cache_folder, njit
@njit(cache=True)
def answer(x):
    return twice(x) + 1
print(answer(eval(sys.argv[1])), sum(answer.stats.cache_hits.values()), cache_folder())
"""


def scratch(folder: Path) -> Path:
    """A package of two kernels in two files, behind a link as in this repository; returns its path entry."""
    home = folder / "tabular"
    home.mkdir()
    (folder / "src" / "metaregret").mkdir(parents=True)
    (folder / "src" / "metaregret" / "__init__.py").touch()
    (folder / "src" / "metaregret" / "tabular").symlink_to("../../tabular")
    for name, text in (("__init__.py", ""), ("bounds.py", ""), ("callee.py", CALLEE), ("caller.py", CALLER)):
        (home / name).write_text(text)
    shutil.copy(ROOT / "tabular" / "jit.py", home)
    return folder / "src"


def run(path: Path, argument: str = "5", **environment: str) -> tuple[int, bool, str]:
    """Call the kernel in a new process: its answer, whether it was in the cache, and the folder."""
    command = [sys.executable, "-c", "import metaregret.tabular.caller", argument]
    settings = {"PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    result = subprocess.run(
        command, env={**os.environ, **settings}, capture_output=True, text=True, check=True, timeout=120
    )
    answer, hits, folder = result.stdout.split(" ", 2)
    return int(float(answer)), int(hits) > 0, folder.strip()


def test_an_edited_callee_in_another_file_is_seen_and_its_revert_too(tmp_path: Path) -> None:
    path, callee = scratch(tmp_path), tmp_path / "tabular" / "callee.py"
    assert run(path)[:2] == (11, False)
    callee.write_text(CALLEE.replace("2 * x", "3 * x"))
    assert run(path)[:2] == (16, False)
    callee.write_text(CALLEE)
    assert run(path)[:2] == (11, True)


def test_files_of_other_arguments_and_damaged_files_are_compiled_anew(tmp_path: Path) -> None:
    """The machine code of floats in the file of integers ended the process, or gave wrong numbers."""
    path = scratch(tmp_path)
    folder = Path(run(path)[2])
    [integers] = folder.glob("caller.answer.*.nbc")
    run(path, argument="5.0")
    [floats] = set(folder.glob("caller.answer.*.nbc")) - {integers}
    integers.write_bytes(floats.read_bytes())
    assert run(path)[:2] == (11, False)
    assert run(path)[:2] == (11, True)


def test_what_a_killed_process_leaves_behind_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = _Files(str(tmp_path / "kernel"))
    key, other = ("int64", "cpu"), ("float64", "cpu")
    files.save(key, "machine code")
    [saved] = tmp_path.iterdir()
    whole = saved.read_bytes()
    assert files.load(key) == "machine code"
    assert files.load(other) is None
    for damaged in (b"", whole[:-1], whole[:20], whole[:40] + b"x" + whole[41:]):
        saved.write_bytes(damaged)
        assert files.load(key) is None
    saved.write_bytes(whole)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            files.save(key, "other code")
    assert files.load(key) == "machine code"
    files.save(key, "new code")
    assert files.load(key) == "new code"


def test_a_folder_that_is_gone_is_no_error(tmp_path: Path) -> None:
    files = _Files(str(tmp_path / "gone" / "kernel"))
    files.save("key", "machine code")
    assert files.load("key") is None


def test_without_a_writable_folder_kernels_are_compiled_all_the_same(tmp_path: Path) -> None:
    path = scratch(tmp_path)
    elsewhere = tmp_path / "user"
    (tmp_path / "tabular" / "__pycache__").touch()  # no folder can be made there, whoever runs the test
    answer, _, folder = run(path, XDG_CACHE_HOME=str(elsewhere))
    assert answer == 11
    assert folder.startswith(str(elsewhere))
    elsewhere = tmp_path / "file"
    elsewhere.touch()
    assert run(path, XDG_CACHE_HOME=str(elsewhere)) == (11, False, "None")


ANY_KERNEL = re.compile(r"numba|llvmlite|metaregret\.tabular\.jit import")
"""What every breach has in it: other files need not be parsed."""


def breaches(source: str, covered: set[str]) -> list[str]:
    """Imports of numba, and of constants that the digest does not cover, in a module with kernels."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names if name.name.split(".")[0] in ("numba", "llvmlite")]
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module.split(".")[0] in ("numba", "llvmlite"):
                found.append(node.module)
            elif "metaregret.tabular.jit import" in source and node.module.startswith("metaregret"):
                found += [n.name for n in node.names if n.name.isupper() and node.module not in covered]
    return found


def covered_modules() -> set[str]:
    """The modules whose sources the digest covers."""
    paths = [
        path
        for path in (ROOT / "tabular").rglob("*.py")
        if "metaregret.tabular.jit import" in path.read_text() or path.name == "bounds.py"
    ]
    return {"metaregret." + ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths}


def test_every_kernel_goes_through_the_door() -> None:
    covered = covered_modules()
    assert len(covered) > 10
    wrong = {}
    for package in ("tabular", "theory", "experiments"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text()
            found = breaches(text, covered) if ANY_KERNEL.search(text) else []
            if path.name == "goal_kernels.py":  # types of arguments and an option of the vectoriser
                found.remove("numba")
            if found and path != ROOT / "tabular" / "jit.py":
                wrong[path.name] = found
            if package != "tabular":
                assert "metaregret.tabular.jit import" not in text, path
    assert wrong == {}


@pytest.mark.parametrize(
    "planted",
    [
        "from numba import njit",
        "import numba.core",
        "from metaregret.tabular.jit import njit\nfrom metaregret.tabular.horizon import STEPS",
    ],
)
def test_a_planted_breach_is_seen(planted: str) -> None:
    assert breaches(planted, covered_modules())


def _named_results(*roots: Path) -> list[str]:
    """Kernels that other modules import and that say they return tuples with names."""
    texts = {path: path.read_text() for root in roots for path in root.rglob("*.py")}

    def nodes(*words: str) -> Iterator[tuple[Path, ast.AST]]:
        """What stands in the files that mention a word: the others need not be parsed."""
        mention = {path: text for path, text in texts.items() if any(word in text for word in words)}
        return ((path, node) for path, text in mention.items() for node in ast.walk(ast.parse(text)))

    named = {
        node.name
        for _, node in nodes("NamedTuple")
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "NamedTuple" for base in node.bases)
    }
    suspects = {
        node.name
        for _, node in nodes("njit")
        if isinstance(node, ast.FunctionDef)
        and "njit" in "".join(map(ast.unparse, node.decorator_list))
        and node.returns is not None
        and any(isinstance(part, ast.Name) and part.id in named for part in ast.walk(node.returns))
    }
    called = {
        alias.name
        for path, node in nodes(*suspects)
        if isinstance(node, ast.ImportFrom)
        and "kernels" not in (path.stem.rpartition("_")[2], path.parent.name)
        for alias in node.names
    }
    return sorted(called & suspects)


def test_what_python_calls_returns_tuples_without_names(tmp_path: Path) -> None:
    """numba makes tuples with names by Python code, and crashes where a signal's handler raises there."""
    assert _named_results(ROOT / "tabular", ROOT / "theory") == []
    (tmp_path / "sum_kernels.py").write_text(
        "class Sum(NamedTuple):\n    total: float\n"
        "@njit(cache=True)\ndef summed(x: float) -> tuple[int, Sum]:\n    return 1, Sum(x)\n"
    )
    (tmp_path / "sums.py").write_text("from sum_kernels import summed\n")
    assert _named_results(tmp_path) == ["summed"]


def test_threads_are_launched_for_a_kernel_that_calls_a_parallel_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found in the cache by a process that has compiled nothing parallel, it ended the process."""
    launched: list[bool] = []
    monkeypatch.setattr(jit.numba, "get_num_threads", lambda: launched.append(True))
    files = _Files(str(tmp_path / "kernel"))
    for code, count in ((b"numba_get_thread_id", 0), (b"\0numba_parallel_for\0", 1), (b"do_scheduling", 2)):
        files.save("key", code)
        assert files.load("key") == code
        assert len(launched) == count
