"""The values that this project names, each with a command that writes a certificate of it.

    python tests/theory/certificates/must_show.py FOLDER [NAME ...]

runs the commands, writes the certificates into FOLDER, and has each proved again by the checker alone in a
process of its own. `test_must_show.py` does so for the quick ones. A value that is a fraction is proved to be
exactly that; a decimal is proved to within its last digit.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from certificate_builder import certificate, line, minimax, rotations, uniform, visit_orders

import metaregret.theory.certificates.check as checker

__all__ = ["SHOWN", "Shown", "agrees", "write"]

ROOT = Path(__file__).parents[3]
BUDGET = 10**9


@dataclass(frozen=True)
class Shown:
    """A value and what certifies it.

    Attributes
    ----------
    command : str
        Arguments of ``metaregret``, without ``--certificate FILE``; or a description of `build`.
    value : str
        A fraction, ``inf``, or a decimal.
    slow : bool
        Whether writing and checking take more than a few seconds.
    build : callable, optional
        Makes the certificate, where the command would not: its writers keep to the checker's usual budget.
    """

    command: str
    value: str
    slow: bool = False
    build: Callable[[], Any] | None = None


def _memory(n: int, episodes: int, value: str, slow: bool = False) -> Shown:
    game = f"solve line:{n},start={n // 2} --horizon {n - 1} --learner memory --episodes {episodes} --exact"
    return Shown(game, value, slow)


def _orders(n: int) -> Any:
    """T12 with ``N = K = n``: the rotations of one order of the goals find each at every turn once."""
    process, goals = line(n, n // 2, horizon=n - 1), list(range(n))
    witness = {"prior": uniform(goals), "learners": visit_orders(process, goals, rotations(goals), n)}
    value = str(Fraction(n - 1, 2))
    return certificate(
        process, minimax(value, value, goals, learner="memory", episodes=n, exact=True), witness
    )


SHOWN: dict[str, Shown] = {
    # Minimax regret of memoryless learners on a grid, by slip.
    "minimax, slip 0": Shown("solve grid:3x3 --horizon 4 --exact", "8"),
    "minimax, slip 1/10": Shown("solve grid:3x3,slip=1/10 --horizon 4 --exact", "7.1238"),
    "minimax, slip 3/10": Shown("solve grid:3x3,slip=3/10 --horizon 4 --exact", "5.2877"),
    "minimax, slip 6/10": Shown("solve grid:3x3,slip=6/10 --horizon 4 --exact", "2.6453"),
    # Worst-case regret of the capacity's proposal there (the 9.4546 of a local optimum is 9.5310).
    "capacity, slip 0": Shown("propose grid:3x3 --horizon 4 --method capacity", "8"),
    "capacity, slip 1/10": Shown("propose grid:3x3,slip=1/10 --horizon 4 --method capacity", "9.5310"),
    "capacity, slip 3/10": Shown("propose grid:3x3,slip=3/10 --horizon 4 --method capacity", "8.88"),
    "capacity, slip 6/10": Shown("propose grid:3x3,slip=6/10 --horizon 4 --method capacity", "4.97"),
    # Proposals on deterministic controllable processes: K - 1.
    **{
        f"{method} on {name}": Shown(f"propose {name} --horizon {horizon} --method {method}", value)
        for name, horizon, value in (("line:5", 4, "4"), ("grid:3x2", 3, "5"), ("tree:0,0,1,1", 4, "4"))
        for method in ("diayn", "vic", "valor", "smm", "capacity")
    },
    # T12: (K - 1)/2 for N >= K, and N - N (N + 1)/(2 K).
    "T12 (5, 3)": _memory(5, 3, "9/5"),
    "T12 (5, 5)": _memory(5, 5, "2"),
    "T12 (7, 4)": _memory(7, 4, "18/7"),
    "T12 (7, 7)": _memory(7, 7, "3", slow=True),
    "T12 (9, 9)": Shown("rotations of one order of 9 goals", "4", True, partial(_orders, 9)),
    "T12 (11, 11)": Shown("rotations of one order of 11 goals", "5", True, partial(_orders, 11)),
    "T12 (13, 13)": Shown("rotations of one order of 13 goals", "6", True, partial(_orders, 13)),
    # T13 and its grids.
    "T13 line": Shown(
        "solve line:5,start=2 --horizon 4 --detect visit --learner memory --episodes 5 --exact", "1/2"
    ),
    "T13 grid from the corner": Shown(
        "solve grid:3x3 --horizon 4 --detect visit --learner memory --episodes 5 --exact", "1/2", slow=True
    ),
    "T13 grid 4x3": Shown(
        "solve grid:4x3 --horizon 5 --detect visit --learner memory --episodes 5 --exact", "4/5", slow=True
    ),
    "grid from the centre, end": Shown(
        "solve grid:3x3 --start 4 --horizon 4 --learner memory --episodes 5 --exact", "10/3", slow=True
    ),
    # Planning.
    "FrozenLake, reach": Shown("plan gym:FrozenLake-v1 --goal 15 --reach", "14/17"),
    "FrozenLake 8x8, end": Shown("plan gym:FrozenLake-v1,map_name=8x8 --goal 63 --horizon 40", "0.1205"),
    "Taxi, reach": Shown("plan gym:Taxi-v4 --goal 0 --reach", "1/4"),  # where the passenger wants to go
    "CliffWalking, discounted": Shown(  # the shortest way round the cliff has 13 steps
        "plan gym:CliffWalking-v1 --goal 47 --gamma 99/100", str(Fraction(99, 100) ** 13)
    ),
}


def write(shown: Shown, file: Path) -> None:
    """Run the command and write its certificate; its result goes into a file beside."""
    if shown.build is not None:
        file.write_text(json.dumps(shown.build()), encoding="utf-8")
        return
    beside = ("--certificate", str(file), "--json", str(file.with_suffix(".out")))
    command = [sys.executable, "-m", "metaregret", *shown.command.split(), *beside]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{shown.command}: exit status {done.returncode}: {done.stderr}")


def claimed(file: Path) -> tuple[checker.Bound, checker.Bound]:
    """The bounds that a certificate claims."""
    claim = json.loads(file.read_text(encoding="utf-8"))["claim"]
    lower, upper = (float(x) if "inf" in x else Fraction(x) for x in (claim["lower"], claim["upper"]))
    return lower, upper


def agrees(shown: Shown, lower: checker.Bound, upper: checker.Bound) -> bool:
    """Whether proved bounds are the value, or for a decimal round to it."""
    if "." not in shown.value:
        return lower == upper == (float("inf") if shown.value == "inf" else Fraction(shown.value))
    near = Fraction(1, 10 ** len(shown.value.partition(".")[2]))
    value = Fraction(shown.value)
    return value - near <= lower <= upper <= value + near


def run(names: list[str], folder: Path) -> int:
    """Write and check certificates; return how many fail."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(checker.__file__, folder / "check.py")
    failed = 0
    for name in names or list(SHOWN):
        shown, file = SHOWN[name], folder / f"{name.replace(' ', '-').replace('/', '_')}.json"
        began = time.perf_counter()
        write(shown, file)
        written = time.perf_counter()
        command = [sys.executable, "-I", "check.py", file.name, "--budget", str(BUDGET)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        checked = time.perf_counter()
        good = done.returncode == 0 and agrees(shown, *claimed(file))
        failed += not good
        seconds = f"write {written - began:.1f} s, check {checked - written:.1f} s"
        print(f"{'ok ' if good else 'BAD'} {name}: {seconds}")
        print(f"    {done.stdout.strip()}{done.stderr.strip()}", flush=True)
    return failed


if __name__ == "__main__":
    raise SystemExit(min(1, run(sys.argv[2:], Path(sys.argv[1]))))
