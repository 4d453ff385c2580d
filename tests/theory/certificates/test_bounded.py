"""Hostile files are rejected within limits of memory and time that the operating system enforces."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from certificate_builder import certificate, grid, minimax, uniform
from test_hostile import BYTES, HOSTILE, valid

import metaregret.theory.certificates.check as checker

MEMORY = 600 * 2**20
"""Bytes of address space: the interpreter, the largest file allowed (32 MiB) and what reading makes of it."""

SECONDS = 60


LIMITED = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))
resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS}, {SECONDS}))
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
"""
"""What a child does first. It is not left to ``preexec_fn``, which is unsafe where threads run (JAX's do)."""


def alone(folder: Path, *files: str) -> subprocess.CompletedProcess[str]:
    """Run the checker by itself on files, one after the other in one interpreter, under the limits."""
    shutil.copy(checker.__file__, folder / "check.py")
    code = LIMITED + "import sys; sys.path.insert(0, '.'); import check\n"
    code += "for name in sys.argv[1:]: print(check.main([name]), flush=True)"
    return subprocess.run(
        [sys.executable, "-B", "-c", code, *files],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def verdicts(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.stderr == ""
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert all(line == "1" for line in lines[1::2]), done.stdout
    return lines[::2]


@pytest.mark.parametrize("name", BYTES)
def test_broken_files(name: str, tmp_path: Path) -> None:
    (tmp_path / "hostile.json").write_bytes(BYTES[name])
    (line,) = verdicts(alone(tmp_path, "hostile.json"))
    assert line.startswith("rejected: ")
    assert len(line) < 300


def test_altered_documents(tmp_path: Path) -> None:
    names = []
    for index, (change, _) in enumerate(HOSTILE.values()):
        document = valid()
        change(document)
        names.append(f"hostile{index}.json")
        (tmp_path / names[-1]).write_text(json.dumps(document))
    lines = verdicts(alone(tmp_path, *names))
    assert len(lines) == len(HOSTILE)
    assert all(line.startswith("rejected: ") for line in lines)


def explosive() -> dict[str, Any]:
    """Small files that ask for enormous work: horizons, episodes, fractions, states, sets of tasks."""
    slippery = grid(3, 3, slip="1/10", horizon=6)
    many = grid(6, 5, horizon=40)
    memory: dict[str, Any] = {"learner": "memory", "episodes": 10**9}
    reward = [[str(s), "stay", str(s), f"1/{p**400}"] for s, p in enumerate((2, 3, 5, 7, 11, 13, 17, 19, 23))]
    total = {"problem": "planning", "objective": "total", "rewards": reward, "lower": 0, "upper": "inf"}
    states = {**slippery, "states": 10**6}
    return {
        "many episodes": certificate(
            slippery, minimax(0, "inf", range(9), **memory), {"prior": uniform(range(9))}
        ),
        "many sets of tasks": certificate(
            many, minimax(0, "inf", range(30), learner="memory", episodes=30), {}
        ),
        "large powers": certificate(
            slippery, minimax(0, "inf", range(9), episodes=10**9), {"prior": uniform(range(9))}
        ),
        "fine rewards": certificate(slippery, total, {"values": {"lower": {}, "upper": {}}}),
        "a million states": certificate(states, minimax(0, "inf", range(9)), {}),
        "a long horizon": certificate({**slippery, "horizon": 10**9}, minimax(0, "inf", range(9)), {}),
    }


@pytest.mark.parametrize("name", explosive())
def test_small_files_that_ask_for_too_much(name: str, tmp_path: Path) -> None:
    document = explosive()[name]
    (tmp_path / "hostile.json").write_text(json.dumps(document))
    (line,) = verdicts(alone(tmp_path, "hostile.json"))
    assert line.startswith("rejected: ")


def test_the_limits_are_enforced(tmp_path: Path) -> None:
    """A process that takes more memory than allowed fails under these limits."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED + "bytearray(700 * 2**20)"], capture_output=True, check=False
    )
    assert b"MemoryError" in done.stderr
