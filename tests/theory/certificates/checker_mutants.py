"""Mutation testing of the checker in one process: mutmut makes mutants, a battery of certificates kills them.

    python tests/theory/certificates/checker_mutants.py --save ends.json
    python tests/theory/certificates/checker_mutants.py --again ends.json --save ends.json
    python tests/mutants.py theory/certificates/check.py --again ends.json --tests ...

Every mutant is called on valid certificates of every kind, which it must accept with the true value, on
altered certificates and broken files, which it must reject for the right reason, and on documents at the
limits. A mutant that does all that right survives. Starting pytest for each of the more than two thousand
mutants takes hours; this takes minutes. The ends are saved as they come: a run that is interrupted, or runs
of parts (--first, --count), go on and come together with --again. They are in the format of
`tests/mutants.py`, which can attack the survivors with the tests that are not in this battery.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import importlib.util
import io
import json
import os
import re
import resource
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from mutation_fuzz import BASES, BESIDE, BUDGET, _instance, base, parsed
from mutmut.mutation import trampoline
from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.utils.format_utils import mangled_name_from_mutant_name
from test_checker_parts import PARTS
from test_hostile import BYTES, HOSTILE, UNSUPPORTED, certificate, valid, z_channel
from test_random_instances import KINDS, STAY, instances, verdict
from test_reasons import BROKEN, REASONS, changed
from test_wrong_by_hand import CASES, PROOFS, WRONG
from truth import truth

import metaregret.theory.certificates.check as original

MODULE = original.__name__
SURVIVED = "survived"
SECONDS, MEMORY = 1.0, 4 * 2**30
"""Processor time beyond ten times the usual, and bytes of address space, at which a mutant is killed."""

Case = Callable[[ModuleType], bool]
Timed = tuple[float, str, Case]


def mutated(folder: Path) -> tuple[ModuleType, list[str]]:
    """The checker with all its mutants, and their names."""
    source = Path(original.__file__).read_text()
    made = mutate_file_contents("theory/certificates/check.py", source)
    path = folder / "mutated.py"
    path.write_text(made.code)
    spec = importlib.util.spec_from_file_location(MODULE, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module
    set_mutant_under_test("none")
    spec.loader.exec_module(module)
    return module, [f"{MODULE}.{name}" for name in made.mutant_names]


def battery(folder: Path) -> Iterator[tuple[str, Case]]:
    """Named cases: whether a checker does right."""
    (folder / BESIDE).write_bytes(_instance())
    (folder / "line.json").write_text(json.dumps(valid()["process"]))
    if not (folder / "link.json").exists():
        os.symlink(folder / "line.json", folder / "link.json")
    for name in BASES:
        document = parsed(base(name))
        process = (
            json.loads(_instance()) if "file" in document.get("process", {}) else document.get("process")
        )
        yield f"valid: {name}", accepts(folder, name, base(name), truth(document, process))
    yield (
        "the budget",
        lambda module: raises(
            module, lambda: module.check(folder / "memory regret.json", 100), "the work budget is spent"
        ),
    )
    yield "the command line", lambda module: command(module, folder)
    slow_last = sorted(HOSTILE.items(), key=lambda item: item[0] == "a million states")
    for name, (change, reason) in slow_last:
        document = copy.deepcopy(valid())
        change(document)
        yield (
            f"altered: {name}",
            rejects(folder, f"h-{len(name)}-{name[:9]}", json.dumps(document).encode(), reason),
        )
    yield from shared(folder)
    for name, data in BYTES.items():
        if len(data) < 2_000_000:
            yield f"broken: {name}", rejects(folder, f"b-{name}", data, "")
    for name, claim in UNSUPPORTED.items():
        witness = {"output": {"1": 1}} if name == "output without mass" else {}
        text = json.dumps(certificate(z_channel(), copy.deepcopy(claim), witness))
        yield f"unsupported: {name}", rejects(folder, f"u-{name}", text.encode(), "")
    for kind, proof in PROOFS.items():
        document = proof()
        value = Fraction(document["claim"]["lower"])
        yield f"by hand: {kind}", accepts(folder, f"p-{kind}", json.dumps(document), (value, value))
    for kind, name in CASES:
        change, words = WRONG[kind][name]
        document = copy.deepcopy(PROOFS[kind]())
        change(document)
        data = json.dumps(document).encode()
        yield f"wrong by hand: {kind}, {name}", rejects(folder, f"w-{kind}-{name}", data, words or "")


def shared(folder: Path) -> Iterator[tuple[str, Case]]:
    """The cases that the tests hold against the checker itself, one by one."""
    for kind in KINDS:
        for number, (document, expected) in enumerate(instances(kind)):
            yield f"{kind} {number}", agrees(folder, f"r-{kind}-{number}", document, expected)
    for name, function in PARTS.items():
        yield f"part: {name}", lambda module, function=function: function(module, folder) is None
    for name in REASONS:
        document, message = changed(name)
        text = json.dumps(document)
        yield f"reason: {name}", rejects(folder, f"m-{name}", text.encode(), f"^{re.escape(message)}$")
    for name, (text, message) in BROKEN.items():
        yield f"broken: {name}", rejects(folder, f"t-{name}", text.encode(), f"^{re.escape(message)}$")


def accepts(folder: Path, name: str, text: str, value: tuple[Any, Any]) -> Case:
    """The checker proves the true value, exactly where it is rational."""
    path = folder / f"{name}.json"
    path.write_text(text)

    def case(module: ModuleType) -> bool:
        words, lower, upper = module.check(path, BUDGET)
        claim = json.loads(text)["claim"]
        right = words.endswith(f": {claim['lower']} <= value <= {claim['upper']}")
        right = right and words.startswith(claim["problem"]) and lower <= value[1] and value[0] <= upper
        if value[0] == value[1]:
            return right and lower == upper == value[0]
        return right and float(upper - lower) < 1e-6

    return case


def agrees(folder: Path, name: str, document: Any, expected: Any) -> Case:
    """The checker finds the bracket, or the reason, that an oracle names."""
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document))
    if verdict(original, path) == STAY:  # which the oracle, that needs no iteration, does not know
        expected = STAY
    return lambda module: verdict(module, path) == expected


def rejects(folder: Path, name: str, data: bytes, reason: str) -> Case:
    """The checker rejects the file for the reason."""
    path = folder / (re.sub(r"\W", "-", name) + ".json")
    path.write_bytes(data)
    return lambda module: raises(module, lambda: module.check(path, 10 * BUDGET), reason)


def raises(module: ModuleType, call: Callable[[], Any], reason: str) -> bool:
    """Whether the call is rejected with the reason."""
    try:
        call()
    except module.CertificateError as error:
        return re.search(reason, str(error)) is not None and str(error) != "None"
    return False


def command(module: ModuleType, folder: Path) -> bool:
    """Exit status and words of the command line."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        good = module.main([str(folder / "reach.json")])
        poor = module.main([str(folder / "reach.json"), "--budget", "3"])
    lines = out.getvalue().splitlines()
    words = "proved: planning, objective 'reach', goal '3'"
    return (
        (good, poor) == (0, 1)
        and lines[0].startswith(words)
        and lines[1].startswith("rejected: the work budget")
    )


def fate(module: ModuleType, mutant: str, cases: Sequence[Timed]) -> str:
    """Run a mutant in a fork: whether it survived, was killed or does not end."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            code = int(killer(module, mutant, cases) is not None)
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "does not end" if os.WTERMSIG(status) == signal.SIGVTALRM else "killed"
    return "killed" if os.WEXITSTATUS(status) else SURVIVED


def timed(module: ModuleType, cases: Sequence[tuple[str, Case]]) -> dict[str, list[Timed]]:
    """Return for each function of the checker the cases that call it, parts first, then by time."""
    called: dict[str, list[Timed]] = defaultdict(list)
    for name, case in cases:
        seen: set[str] = set()
        trampoline.record_trampoline_hit = lambda function, caller, seen=seen: seen.add(function)
        set_mutant_under_test("stats")
        started = time.process_time()
        if not case(module):
            raise SystemExit(f"the checker itself fails: {name}")
        spent = time.process_time() - started
        for function in seen:
            called[function].append((spent, name, case))

    def order(item: Timed) -> tuple[bool, float]:
        return not item[1].startswith("part: "), item[0]

    return {function: sorted(found, key=order) for function, found in called.items()}


def killer(module: ModuleType, mutant: str, cases: Sequence[Timed]) -> str | None:
    """The first case that a mutant does wrong, or None; a case that takes too long ends the process."""
    set_mutant_under_test(mutant)
    for usual, name, case in cases:
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS + 10 * usual)
        try:
            if not case(module):
                return name
        except (SystemExit, pytest.fail.Exception, Exception) as error:  # argparse ends by SystemExit
            return f"{name} ({type(error).__name__})"
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return None


def known(paths: Sequence[Path]) -> dict[str, str]:
    """Return the ends of earlier runs of the same code; who is killed in one of them is killed."""
    ends: dict[str, str] = {}
    for path in paths:
        saved = json.loads(path.read_text())
        ends |= {name: end for name, end in saved.items() if ends.get(name, SURVIVED) == SURVIVED}
    return ends


def save(path: Path | None, ends: dict[str, str]) -> None:
    """Write what is known so far; an interruption leaves the old file or the new one."""
    if path is not None:
        part = path.with_name(path.name + ".part")
        part.write_text(json.dumps(ends, indent=1) + "\n")
        part.replace(path)


def main() -> int:
    """Run from the command line; the exit status is 1 if fewer than nine tenths are killed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--first", type=int, default=0, help="number of the first mutant, for runs in parts")
    parser.add_argument("--count", type=int, default=10**9, help="how many of them")
    parser.add_argument("--again", type=Path, nargs="+", default=[], help="earlier --save: not those killed")
    parser.add_argument("--save", type=Path, help="write every mutant's end to this JSON file")
    options = parser.parse_args()
    ends = known(options.again)
    with tempfile.TemporaryDirectory() as name:
        module, mutants = mutated(Path(name))
        called = timed(module, list(battery(Path(name))))
        part = mutants[options.first : options.first + options.count]
        chosen = [mutant for mutant in part if ends.get(mutant, SURVIVED) == SURVIVED]
        for number, mutant in enumerate(chosen, start=1):
            ends[mutant] = fate(module, mutant, called.get(mangled_name_from_mutant_name(mutant), []))
            save(options.save, ends)
            if sys.stderr.isatty():
                print(f"\r{number} of {len(chosen)} mutants", end="", file=sys.stderr, flush=True)
    ends = {mutant: ends[mutant] for mutant in mutants if mutant in ends}
    survivors = [mutant for mutant, end in ends.items() if end == SURVIVED]
    print("".join(f"  survived: {mutant}\n" for mutant in survivors), end="")
    print(f"{len(ends) - len(survivors)} of {len(ends)} mutants killed; {len(mutants) - len(ends)} not run")
    return int(len(survivors) > 0.1 * len(ends))


if __name__ == "__main__":
    raise SystemExit(main())
