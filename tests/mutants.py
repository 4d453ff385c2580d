"""Mutation testing of some modules: mutmut makes the mutants, pytest runs the tests, in forks of one process.

    python tests/mutants.py theory/minimax/decomposition.py --tests tests/theory/minimax --save ends.json
    python tests/mutants.py tabular/engine/*.py --tests tests/tabular/engine --sample 200 --plain \\
        --save ends.json

A run goes on from what the file of an earlier one holds (``--minutes`` cuts it into pieces; delete the file
of times beside it when tests have changed); ``--again`` tries the survivors once more. ``--sample`` takes as
many of all mutants by ``--seed``; ``--functions`` takes those of some functions; ``--plain`` runs kernels as
Python, so that they have mutants, too. Mutants of the words of an error are left out.

`mutmut run` starts a session of pytest for each mutant, which takes a second or two; here the tests are
collected once. Every mutant runs in a fork, the fastest of the tests that call the mutated function first
(before them those that killed other mutants of the function), until one fails, until the tests that took
SECONDS without mutants have passed (then it survives), or until it has used ten times as much processor time
and 5 seconds (then it is killed: it does not end).
"""

from __future__ import annotations

import argparse
import ast
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import json
import math
import mmap
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import pytest
from mutmut.mutation import trampoline
from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.utils.format_utils import mangled_name_from_mutant_name

os.environ["NUMBA_THREADING_LAYER"] = "workqueue"  # the others end every fork that uses them

MEMORY = 8 * 2**30
"""Bytes of address space beyond which a mutant is killed."""


def module_of(path: Path) -> str:
    """The name of a module, or of a package by its ``__init__.py``."""
    parts = path.with_suffix("").parts
    return ".".join(("metaregret", *(parts[:-1] if parts[-1] == "__init__" else parts)))


class Wordless(ast.NodeTransformer):
    """Takes the words out of what is raised."""

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                part.value = ""
        return node


def of_words(code: str) -> set[str]:
    """The mutants that differ from the original in the words of an error only."""
    tree = Wordless().visit(ast.parse(code))
    bodies: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and "__mutmut_" in node.name:
            name, node.name = node.name, ""
            bodies[name] = ast.dump(node)
    return {name for name, body in bodies.items() if body == bodies[re.sub(r"\d+$", "orig", name)]}


class Finder(importlib.abc.MetaPathFinder):
    """Loads modules with all their mutants in place of the modules."""

    def __init__(self, paths: Sequence[Path], folder: Path, plain: bool) -> None:
        self.names: list[str] = []
        self._files: dict[str, Path] = {}
        self._packages: dict[str, list[str]] = {}
        for path in paths:
            module = module_of(path)
            source = path.read_text()
            if plain:
                source = re.sub(r"^@(njit|_straight_line)\(.*\)\n", "", source, flags=re.MULTILINE)
            made = mutate_file_contents(str(path), source)
            left_out = of_words(made.code)
            self._files[module] = folder / f"{module}.py"
            self._files[module].write_text(made.code)
            if path.name == "__init__.py":
                self._packages[module] = [str(path.parent.absolute())]
            self.names += [f"{module}.{name}" for name in made.mutant_names if name not in left_out]

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The mutated file, if the module is one of ours."""
        file = self._files.get(fullname)
        if file is None:
            return None
        folders = self._packages.get(fullname)
        return importlib.util.spec_from_file_location(fullname, file, submodule_search_locations=folders)


class Runner:
    """A plugin of pytest that runs every mutant in place of running every test once."""

    def __init__(
        self,
        mutants: Sequence[str],
        seconds: float,
        minutes: float,
        times: Path | None,
        plain: bool,
        save: Callable[[dict[str, str]], None],
    ) -> None:
        self.mutants, self.seconds, self.times, self.save = mutants, seconds, times, save
        self.plain = plain
        self.stop = time.monotonic() + 60.0 * minutes
        self.outcome: dict[str, str] = {}
        self._failed = self._forked = False
        self._called: dict[str, list[tuple[float, pytest.Item]]] = defaultdict(list)
        self._kills: Counter[tuple[str, str]] = Counter()
        self._last = mmap.mmap(-1, 8)  # the number of the last test of a child, shared with it

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed = self._failed or report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> pytest.TestReport | None:
        """In a fork, a report without the trace of a failure, whose making takes longer than most tests."""
        if not self._forked or call.excinfo is None or call.excinfo.errisinstance(pytest.skip.Exception):
            return None
        return pytest.TestReport(item.nodeid, item.location, {}, "failed", None, "call")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Time the tests without mutants, then run the mutants."""
        if self.times is not None and self.times.exists():
            named = {item.nodeid: item for item in session.items}
            for function, called in json.loads(self.times.read_text()).items():
                self._called[function] = [(spent, named[test]) for spent, test in called]
            trampoline.set_mutant_under_test("none__mutmut_0")
            for item in {item: None for called in self._called.values() for _, item in called}:
                self._run(item)  # what tests import and keep is there in every fork
        else:
            self._time_all(session.items)
        gc.freeze()  # a collection in a child would copy every page
        for number, mutant in enumerate(self.mutants, start=1):
            if time.monotonic() > self.stop:
                break
            self.outcome[mutant] = self._fork(mutant)
            self.save(self.outcome)
            if sys.stderr.isatty():
                print(f"\r{number} of {len(self.mutants)} mutants", end="", file=sys.stderr, flush=True)
        return True

    def _time_all(self, items: Sequence[pytest.Item]) -> None:
        started = time.process_time()
        items = [item for item in items if self._time(item)]
        usual = time.process_time() - started
        # What fails in any fork would kill every mutant.
        if self.mutants and self._child("none__mutmut_0", items, usual) != 0:
            raise SystemExit(f"{self._last_of(items).nodeid} fails in a fork without any mutant")
        if self.times is not None:
            called = {
                name: [(spent, item.nodeid) for spent, item in found] for name, found in self._called.items()
            }
            self.times.write_text(json.dumps(called))

    def _time(self, item: pytest.Item) -> bool:
        """Run a test without mutants; whether it ends in time."""
        if self.plain and self._child("none__mutmut_0", [item], 0.1 * self.seconds) != 0:
            print(f"left out, fails or takes over {self.seconds} s: {item.nodeid}", file=sys.stderr)
            return False
        seen: set[str] = set()
        trampoline.record_trampoline_hit = lambda name, caller: seen.add(name)
        trampoline.set_mutant_under_test("stats")
        started = time.process_time()
        self._run(item)
        spent = time.process_time() - started
        if self._failed:
            raise SystemExit(f"{item.nodeid} fails without any mutant")
        for name in seen:
            self._called[name].append((spent, item))
        return True

    def _run(self, item: pytest.Item) -> None:
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)

    def _tests(self, mutant: str) -> tuple[float, list[pytest.Item]]:
        """The fastest tests of a mutated function, and their time."""
        function = mangled_name_from_mutant_name(mutant)
        total, chosen = 0.0, list[pytest.Item]()
        found = self._called.get(function, [])
        for spent, item in sorted(found, key=lambda pair: pair[0]):
            if total > 0 and total + spent > self.seconds:
                break
            total += spent
            chosen.append(item)
        return total, sorted(chosen, key=lambda item: -self._kills[function, item.nodeid])

    def _fork(self, mutant: str) -> str:
        usual, items = self._tests(mutant)
        if not items:
            return "not called"
        status = self._child(mutant, items, usual)
        if status == 0:
            return "survived"
        self._kills[mangled_name_from_mutant_name(mutant), self._last_of(items).nodeid] += 1
        ends = not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGVTALRM
        return "killed" if ends else "does not end"

    def _child(self, mutant: str, items: Sequence[pytest.Item], usual: float) -> int:
        """Run tests in a fork; return its exit status."""
        child = os.fork()
        if child == 0:
            self._be(mutant, items, 5.0 + 10.0 * usual)
        return os.waitpid(child, 0)[1]

    def _last_of(self, items: Sequence[pytest.Item]) -> pytest.Item:
        return items[int.from_bytes(self._last[:], "little") - 1]

    def _be(self, mutant: str, items: Sequence[pytest.Item], limit: float) -> None:
        """In the child: exit with 1 at the first test that fails, with 0 if none does."""
        code, self._forked = 1, True
        try:
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            signal.setitimer(signal.ITIMER_VIRTUAL, limit)
            trampoline.set_mutant_under_test(mutant)
            for number, item in enumerate(items, start=1):
                self._last[:] = number.to_bytes(8, "little")
                self._run(item)
                if self._failed:
                    break
            else:
                code = 0
        finally:
            os._exit(code)


def save(path: Path | None, outcome: dict[str, str]) -> None:
    """Write what is known so far: a run that is interrupted goes on with --again."""
    if path is not None:
        path.write_text(json.dumps(outcome, indent=1) + "\n")


def main() -> int:
    """Run from the command line; the exit status is 1 if fewer than nine tenths are killed, 2 if the tests
    fail without any mutant."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("modules", nargs="+", type=Path, help="files to mutate")
    parser.add_argument("--tests", nargs="+", required=True, help="files, folders or node ids of tests")
    parser.add_argument("--only", default="", metavar="EXPRESSION", help="as pytest -k")
    parser.add_argument("--functions", default="", metavar="REGEX", help="mutants of these only")
    parser.add_argument("--seconds", type=float, default=10.0, help="time for the tests of a mutant")
    parser.add_argument("--sample", type=int, help="as many of all mutants, at random")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after so long")
    parser.add_argument("--plain", action="store_true", help="kernels run, and are mutated, as Python")
    parser.add_argument("--again", action="store_true", help="run what survived in --save once more")
    parser.add_argument("--save", type=Path, help="this JSON file has the ends; what it holds is kept")
    options = parser.parse_args()
    sys.path.insert(0, os.getcwd())
    if options.plain:
        os.environ["NUMBA_DISABLE_JIT"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        finder = Finder(options.modules, Path(folder), options.plain)
        sys.meta_path.insert(0, finder)
        before = json.loads(options.save.read_text()) if options.save and options.save.exists() else {}
        mutants = [name for name in finder.names if re.search(options.functions, name)]
        if options.sample is not None:
            mutants = random.Random(options.seed).sample(mutants, min(options.sample, len(mutants)))
        done = KILLED if options.again else (*KILLED, "survived", "not called")
        left = [name for name in mutants if before.get(name) not in done]
        runner = Runner(
            left,
            options.seconds,
            options.minutes,
            options.save and options.save.with_suffix(".times"),
            options.plain,
            lambda ends: save(options.save, {**before, **ends}),
        )
        arguments = ["-o", "addopts="]
        for plugin in ("cacheprovider", "terminal", "xdist"):
            arguments += ["-p", f"no:{plugin}"]
        code = pytest.main([*arguments, "-k", options.only, *options.tests], plugins=[runner])
        if code == pytest.ExitCode.INTERNAL_ERROR:
            return 2
    outcome = {**before, **runner.outcome}
    for path in options.modules:
        module = module_of(path)
        found = {name: end for name, end in outcome.items() if name.rpartition(".")[0] == module}
        killed = sum(end in KILLED for end in found.values())
        print(f"{path}: {killed} of {len(found)} mutants killed")
        print("".join(f"  {end}: {name}\n" for name, end in found.items() if end not in KILLED), end="")
    return int(sum(end in KILLED for end in outcome.values()) < 0.9 * len(outcome))


KILLED = ("killed", "does not end")

if __name__ == "__main__":
    raise SystemExit(main())
