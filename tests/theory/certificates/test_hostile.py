"""Hostile certificates: each is rejected with a reason, in bounded time and memory."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from certificate_builder import (
    certificate,
    grid,
    line,
    minimax,
    rotations,
    uniform,
    visit_orders,
    write,
    z_channel,
)

import metaregret.theory.certificates.check as checker
from metaregret.theory.certificates.check import CertificateError, check

Document = dict[str, Any]


def valid() -> Document:
    """T12 on a line of 3: value 1."""
    process, goals = line(3, 1, horizon=2), [0, 1, 2]
    witness = {"prior": uniform(goals), "learners": visit_orders(process, goals, rotations(goals), 3)}
    return certificate(process, minimax(1, 1, goals, learner="memory", episodes=3, exact=True), witness)


def put(*path: Any) -> Callable[[Document], None]:
    """Set the entry at all but the last of the path to the last."""

    def change(document: Document) -> None:
        *keys, last, value = path
        for key in keys:
            document = document[key]
        document[last] = value

    return change


def drop(*path: Any) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        *keys, last = path
        for key in keys:
            document = document[key]
        del document[last]

    return change


DIGITS = "1" * 1_000_000
HOSTILE = {
    "a lower bound too high": (put("claim", "lower", "1000001/1000000"), "lower bound is not proved"),
    "an upper bound too low": (put("claim", "upper", "0.999999"), "upper one is not proved"),
    "not exact": (put("claim", "upper", 2), "not proved to be exact"),
    "NaN as text": (put("claim", "lower", "NaN"), "not a rational"),
    "infinite lower bound": (put("claim", "lower", "inf"), "not proved"),
    "minus infinity above": (put("claim", "upper", "-inf"), "not proved"),
    "a Boolean bound": (put("claim", "lower", True), "expected"),
    "a list as bound": (put("claim", "lower", []), "expected"),
    "no bound": (drop("claim", "lower"), "missing field 'lower'"),
    "zero denominator": (put("claim", "lower", "1/000"), "not a rational"),
    "blanks in a number": (put("claim", "lower", " 1"), "not a rational"),
    "underscores in a number": (put("claim", "lower", "1_0"), "not a rational"),
    "digits of another script": (put("claim", "lower", "\u0661"), "not a rational"),
    "a number of a million digits": (put("claim", "lower", f"{DIGITS}/7"), "not a rational"),
    "a huge exponent": (put("claim", "lower", "1e999999999"), "not a rational"),
    "negative prior": (put("witness", "prior", {"0": "-1", "1": 1, "2": 1}), "negative"),
    "prior above one": (put("witness", "prior", {"0": "1/2", "1": "1/2", "2": "1/2"}), "sum is not 1"),
    "prior of an unknown task": (put("witness", "prior", {"7": 1}), "unknown name '7'"),
    "another prior": (put("witness", "prior", {"0": 1}), "lower bound"),
    "no prior": (drop("witness", "prior"), "lower bound"),
    "weights above one": (put("witness", "learners", 0, "weight", "2/3"), "not a distribution"),
    "negative weight": (put("witness", "learners", 0, "weight", "-1/3"), "not a distribution"),
    "no learner": (put("witness", "learners", []), "not a distribution"),
    "one learner fewer": (lambda d: d["witness"]["learners"][0].update(rows=[]), "upper one"),
    "probabilities above one": (
        put("witness", "learners", 0, "rows", 0, 4, {"left": 1, "right": "1/2"}),
        "sum is not 1",
    ),
    "negative probability": (
        put("witness", "learners", 0, "rows", 0, 4, {"left": 2, "right": -1}),
        "negative entry",
    ),
    "unknown action": (put("witness", "learners", 0, "rows", 0, 4, "fly"), "unknown name 'fly'"),
    "action of the wrong type": (put("witness", "learners", 0, "rows", 0, 4, 1), "expected an object"),
    "row of four": (put("witness", "learners", 0, "rows", 0, [0, 0, "1", "left"]), "row of 4"),
    "row that is none": (put("witness", "learners", 0, "rows", 0, "row"), "expected"),
    "a row twice": (
        lambda d: d["witness"]["learners"][0]["rows"].append(d["witness"]["learners"][0]["rows"][0]),
        "twice",
    ),
    "time as a Boolean": (put("witness", "learners", 0, "rows", 0, 1, False), "expected"),
    "unknown field": (put("witness", "hint", 1), "unknown or missing field 'hint'"),
    "unknown claim field": (put("claim", "detect2", "end"), "unknown or missing field 'detect2'"),
    "unknown format": (put("format", "metaregret-certificate/2"), "expected"),
    "unknown problem": (put("claim", "problem", "halting"), "expected"),
    "problem of the wrong type": (put("claim", "problem", ["minimax"]), "expected"),
    "unknown learner": (put("claim", "learner", "psychic"), "expected"),
    "no episode": (put("claim", "episodes", 0), "episodes > 0"),
    "episodes as a Boolean": (put("claim", "episodes", True), "expected"),
    "fractional episodes": (put("claim", "episodes", 2.5), "expected"),
    "gigantic number of episodes": (put("claim", "episodes", 10**9), "work budget"),
    "absurd number of episodes": (put("claim", "episodes", 10**3000), "episodes > 0"),
    "fewer episodes": (put("claim", "episodes", 1), "lower bound"),
    "unknown goal": (put("claim", "tasks", {"goals": ["0", "x"]}), "unknown name 'x'"),
    "a goal twice": (put("claim", "tasks", {"goals": ["0", "0"]}), "distinct"),
    "no goal": (put("claim", "tasks", {"goals": []}), "distinct"),
    "goals and rewards": (put("claim", "tasks", {"goals": ["0"], "rewards": {}}), "one family"),
    "cost of rewards": (
        lambda d: d["claim"].update(tasks={"rewards": {"a": []}}, criterion="ratio"),
        "unknown name '0'|unsupported",
    ),
    "gigantic horizon": (put("process", "horizon", 10**9), "work budget"),
    "absurd horizon": (put("process", "horizon", 10**3000), "out of range"),
    "negative horizon": (put("process", "horizon", -1), "out of range"),
    "shorter horizon": (put("process", "horizon", 1), "lower bound|upper one"),
    "horizon and gamma": (put("process", "gamma", "1/2"), "both"),
    "gamma of one": (lambda d: (d["process"].pop("horizon"), d["process"].update(gamma=1)), "out of range"),
    "a row that does not sum to one": (put("process", "transitions", 0, 3, "1/2"), "does not sum to 1"),
    "a negative transition": (put("process", "transitions", 0, 3, "-1"), "negative"),
    "a transition twice": (
        lambda d: d["process"]["transitions"].append(d["process"]["transitions"][0]),
        "twice",
    ),
    "a transition to nowhere": (put("process", "transitions", 0, 2, "9"), "unknown name '9'"),
    "a state without action": (put("process", "states", 4), "no action"),
    "a million states": (put("process", "states", 10**6 + 1), "too many"),
    "negative number of states": (put("process", "states", -1), "no distinct names"),
    "names twice": (put("process", "actions", ["left", "left", "stay"]), "distinct"),
    "initial distribution": (put("process", "initial", {"1": "1/2"}), "sum is not 1"),
    "another start": (put("process", "initial", {"0": 1}), "upper one"),
    "no process": (drop("process"), "expected a process"),
    "path upwards": (put("process", {"file": "../line.json", "sha256": "0" * 64}), "not a plain file"),
    "absolute path": (put("process", {"file": "/etc/passwd", "sha256": "0" * 64}), "not a plain file"),
    "the folder": (put("process", {"file": ".", "sha256": "0" * 64}), "not a plain file"),
    "a device": (put("process", {"file": "NUL:", "sha256": "0" * 64}), "not a plain file"),
    "wrong hash": (put("process", {"file": "line.json", "sha256": "0" * 64}), "SHA-256"),
    "empty hash": (put("process", {"file": "line.json", "sha256": ""}), "SHA-256"),
    "hash in capitals": (put("process", {"file": "line.json", "sha256": "A" * 64}), "SHA-256"),
    "a link": (put("process", {"file": "link.json", "sha256": "0" * 64}), "not a plain file"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_altered_certificates_are_rejected(tmp_path, name):
    change, reason = HOSTILE[name]
    document = valid()
    check(write(tmp_path / "certificate.json", document))
    write(tmp_path / "line.json", document["process"])
    os.symlink(tmp_path / "line.json", tmp_path / "link.json")
    change(document)
    started = time.monotonic()
    with pytest.raises(CertificateError, match=reason):
        check(write(tmp_path / "certificate.json", document))
    assert time.monotonic() - started < 10


TEXT = json.dumps(valid())
BYTES = {
    "empty": b"",
    "truncated": TEXT[: len(TEXT) // 2].encode(),
    "one byte short": TEXT[:-1].encode(),
    "not UTF-8": TEXT.encode() + b"\xff",
    "byte order mark": b"\xef\xbb\xbf" + TEXT.encode(),
    "two documents": (TEXT + TEXT).encode(),
    "nested arrays": b"[" * 1_000_000,
    "nested objects": b'{"a":' * 1_000_000,
    "nested below a field": TEXT.replace('"witness": {', '"witness": {"prior": ' + "[" * 100_000, 1).encode(),
    "a key twice": TEXT.replace('"lower": 1', '"lower": 1, "lower": 1', 1).encode(),
    "NaN": TEXT.replace('"lower": 1', '"lower": NaN', 1).encode(),
    "Infinity": TEXT.replace('"upper": 1', '"upper": Infinity', 1).encode(),
    "an integer of a million digits": TEXT.replace('"lower": 1', '"lower": ' + DIGITS, 1).encode(),
    "a decimal of a million digits": TEXT.replace('"lower": 1', '"lower": 0.' + DIGITS, 1).encode(),
    "an exponent": TEXT.replace('"lower": 1', '"lower": 1e-99999999', 1).encode(),
    "an array": b"[]",
    "a number": b"1",
    "too large": b" " * (checker.MAX_BYTES + 1),
    "a lone surrogate": TEXT.replace('"minimax"', '"\\ud800"', 1).encode(),
}


@pytest.mark.parametrize("name", BYTES)
def test_broken_files_are_rejected(tmp_path, name, capsys):
    path = tmp_path / "certificate.json"
    path.write_bytes(BYTES[name])
    started = time.monotonic()
    assert checker.main([str(path)]) == 1
    assert time.monotonic() - started < 10
    out = capsys.readouterr().out
    assert out.startswith("rejected: ")
    assert len(out) < 300


def test_fractions_that_explode_are_rejected(tmp_path):
    """Many coprime denominators have a common denominator of millions of digits."""
    document = valid()
    primes = [p for p in range(2, 20_000) if all(p % d for d in range(2, int(p**0.5) + 1))]
    weights = {str(i): f"1/{p**200}" for i, p in enumerate(primes[:500])}
    document["claim"]["tasks"] = {"goals": list(weights)}
    document["process"]["states"] = 500
    document["process"]["initial"] = weights
    started = time.monotonic()
    with pytest.raises(CertificateError, match="too fine"):
        check(write(tmp_path / "certificate.json", document))
    assert time.monotonic() - started < 10


def test_work_is_bounded_and_can_be_raised(tmp_path):
    path = write(tmp_path / "certificate.json", valid())
    with pytest.raises(CertificateError, match="budget UNITS"):
        check(path, budget=100)
    check(path, budget=10**6)


@pytest.mark.parametrize("episodes", [10**5, 10**9])
def test_powers_are_paid_for(tmp_path, episodes):
    process = grid(3, 3, slip="1/10", horizon=6)
    claim = minimax(0, "inf", list(range(9)), episodes=episodes)
    started = time.monotonic()
    with pytest.raises(CertificateError, match=r"work budget|too fine"):
        check(write(tmp_path / "certificate.json", certificate(process, claim, {"prior": uniform(range(9))})))
    assert time.monotonic() - started < 30


UNSUPPORTED = {
    "visits with costs, without memory": minimax(0, "inf", [1, 2], detect="visit", criterion="ratio"),
    "blind for ever": minimax(0, "inf", [1, 2], learner="blind"),
    "proposal with memory": minimax(0, "inf", [1, 2], learner="memory", problem="proposal", episodes=2),
    "rewards without memory": {**minimax(0, "inf", []), "tasks": {"rewards": {"a": []}}},
    "a goal and rewards": {
        "problem": "planning",
        "objective": "end",
        "goal": "1",
        "rewards": [],
        "lower": 0,
        "upper": 1,
    },
    "neither": {"problem": "planning", "objective": "total", "goal": "1", "lower": 0, "upper": 1},
    "channel and process": {
        "problem": "capacity",
        "channel": {"outputs": ["a"], "rows": {}},
        "lower": 0,
        "upper": 1,
    },
    "total of a negative reward": {
        **{"problem": "planning", "objective": "total", "lower": 0, "upper": 1},
        "rewards": [["0", "safe", "1", -1]],
    },
    "output without mass": {"problem": "capacity", "lower": 0, "upper": 9},
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_is_not_supported_is_rejected(tmp_path, name):
    witness = {"output": {"1": 1}} if name == "output without mass" else {}
    with pytest.raises(CertificateError):
        check(
            write(
                tmp_path / "certificate.json",
                certificate(z_channel(), copy.deepcopy(UNSUPPORTED[name]), witness),
            )
        )


def test_alone_in_an_empty_directory(tmp_path):
    """The checker runs by itself, on more than ten thousand hyperstates, in under a minute."""
    shutil.copy(checker.__file__, tmp_path / "check.py")
    process, goals = line(9, 4, horizon=8), list(range(9))
    witness = {"prior": uniform(goals), "learners": visit_orders(process, goals, rotations(goals), 6)}
    game = checker.Game(checker.Process(process), goals, 6, memory=True)
    assert len(game.graph([1] * 9, None)[0]) >= 10_000
    value = "11/3"  # N - N (N + 1)/(2 K) with K = 9, N = 6
    claim = minimax(value, value, goals, learner="memory", episodes=6, exact=True)
    write(tmp_path / "certificate.json", certificate(process, claim, witness))
    started = time.monotonic()
    command = [sys.executable, "-I", "check.py", "certificate.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "11/3 <= value <= 11/3" in done.stdout
    assert time.monotonic() - started < 60
    assert subprocess.run(command[:3], cwd=tmp_path, capture_output=True, check=False).returncode == 2
    assert (
        subprocess.run([*command[:3], "none"], cwd=tmp_path, capture_output=True, check=False).returncode == 2
    )
    source = Path(checker.__file__).read_text()
    assert max(map(len, source.splitlines())) <= 100
    imports = {
        line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith(("import ", "from "))
    }
    assert imports <= {*sys.stdlib_module_names, "__future__"}
    assert (
        hashlib.sha256((tmp_path / "check.py").read_bytes()).digest()
        == hashlib.sha256(source.encode()).digest()
    )
