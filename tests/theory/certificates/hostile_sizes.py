"""Certificates of hostile sizes: each is decided or refused within 20 CPU seconds and 1 GiB.

    python tests/theory/certificates/hostile_sizes.py                # all of them, at the usual budget
    python tests/theory/certificates/hostile_sizes.py NAME ...

Every attack writes a file, of up to 64 MiB with the instance beside it, that asks for as much as it can:
of the parser, of memory, of long fractions, of dictionaries whose keys have equal hashes, of loops that
no step of the budget pays for. The checker runs by itself, in a process of its own whose processor time
and memory are measured. `test_hostile_sizes.py` runs them at a small budget.
"""

from __future__ import annotations

import atexit
import json
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import metaregret.theory.certificates.check as checker

SECONDS, MEMORY = 20.0, 1 << 30
SIZES = (1.0, 0.3)
SEED = 20240607
MERSENNE = (1 << 61) - 1
"""Integers that differ by multiples of this have equal hashes in Python."""

Attack = Callable[[float, random.Random], bytes]
ATTACKS: dict[str, Attack] = {}


class Measured(NamedTuple):
    """What a run took, and its exit status and line of output."""

    seconds: float
    memory: int
    status: int
    output: str
    errors: str


def attack(function: Attack) -> Attack:
    """Add to the attacks; the first argument is the size, 1 being the largest that is allowed or worst."""
    ATTACKS[function.__name__] = function
    return function


LAUNCHER = """
import json, os, subprocess, sys, tempfile
for line in sys.stdin:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(json.loads(line), stdout=out, stderr=err)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        told = [file.seek(0) or file.read().decode(errors="replace") for file in (out, err)]
    ends = [child.returncode, told[0][:500], told[1][-500:]]
    print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, *ends]), flush=True)
"""
"""A small process between: the memory of a child counts from what its parent had."""


@cache
def launcher() -> subprocess.Popen[str]:
    """The process that starts all others, until this one ends."""
    command = [sys.executable, "-I", "-c", LAUNCHER]
    started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(started.communicate)
    return started


def measured(path: Path, budget: int) -> Measured:
    """Run the checker by itself on a file."""
    command = [sys.executable, "-I", checker.__file__, str(path), "--budget", str(budget)]
    asked, told = launcher().stdin, launcher().stdout
    assert asked is not None
    assert told is not None
    print(json.dumps(command), file=asked, flush=True)
    return Measured(*json.loads(told.readline()))


# ---------------------------------------------------------------------------------------------- documents


def document(process: Any, claim: Any, witness: Any) -> bytes:
    """Write a certificate."""
    bounds = {"lower": "-inf", "upper": "inf"}
    parts = {"process": process, "claim": {**bounds, **claim}, "witness": witness}
    return json.dumps({"format": "metaregret-certificate/1", **parts}, separators=(",", ":")).encode()


def instance(states: Any, actions: Any, rows: list[Any], start: Any = None, **time: Any) -> dict[str, Any]:
    """Write a process."""
    start = {"0": 1} if start is None else start
    fields = {"states": states, "actions": actions, "initial": start, "transitions": rows}
    return {"format": "metaregret-cmp/1", **fields, **time}


def losses(goals: Any, **fields: Any) -> dict[str, Any]:
    """Claim a minimax value of goals, or of a family of tasks."""
    claim = {"problem": "minimax", "learner": "memoryless", "criterion": "regret", "detect": "end"}
    family = goals if isinstance(goals, dict) else {"goals": goals}
    return {**claim, "episodes": "inf", "tasks": family, **fields}


def plan(objective: str, **fields: Any) -> dict[str, Any]:
    return {"problem": "planning", "objective": objective, **fields}


def token(part: bytes, size: float, before: bytes = b"[", after: bytes = b"]") -> bytes:
    """Repeat a part up to the limit of a file."""
    count = int(size * (checker.MAX_BYTES - 100)) // (len(part) + 1)
    return before + b",".join([part] * count) + after


TINY = b'{"format":"metaregret-certificate/1","claim":{"problem":"planning"},"witness":{"prior":'
PARTS: dict[str, bytes] = {
    "ones": b"1",
    "arrays": b"[]",
    "arrays of one": b"[0]",
    "objects": b"{}",
    "objects of one": b'{"a":0}',
    "names": b'"ab"',
    "Booleans": b"true",
    "decimals": b"0.5",
    "long decimals": b"0.12345678901234567",
    "exponents": b"1e999",
    "small exponents": b"1e-999",
    "long integers": b"9" * 4000,
    "integers of twenty digits": b"12345678901234567890",
    "long fractions": b'"' + b"7" * 4000 + b"/" + b"3" * 4000 + b'"',
    "escapes": b'"\\u0041\\n\\ud83d\\ude00"',
    "wide characters": '"\U0001f600"'.encode(),
    "deep arrays": b"[" * 900 + b"]" * 900,
    "zero denominators": b'"1/' + b"0" * 4000 + b'"',
}
for _name, _part in PARTS.items():
    ATTACKS[f"an array of {_name}"] = lambda size, _, part=_part: token(part, size)
    ATTACKS[f"goals that are {_name}"] = lambda size, _, part=_part: (
        b'{"format":"metaregret-certificate/1","claim":{"problem":"minimax","learner":"blind",'
        b'"criterion":"regret","detect":"end","episodes":1,"lower":0,"upper":1,"tasks":{"goals":'
        + token(part, size * 0.99)
        + b'}},"witness":{}}'
    )
    ATTACKS[f"weights that are {_name}"] = lambda size, _, part=_part: (
        b'{"format":"metaregret-certificate/1","claim":{},"witness":{"learners":[{"rows":'
        + token(part, size * 0.99)
        + b"}]}}"
    )


@attack
def one_long_string(size: float, _: random.Random) -> bytes:
    return b'["' + b"\\u00e9" * int(size * checker.MAX_BYTES / 6.01) + b'"]'


@attack
def one_wide_string(size: float, _: random.Random) -> bytes:
    return ('"' + "\U0001f600" * int(size * checker.MAX_BYTES / 4.01) + '"').encode()


@attack
def a_number_of_millions_of_digits(size: float, _: random.Random) -> bytes:
    return b"9" * int(size * checker.MAX_BYTES)


@attack
def a_fraction_of_millions_of_digits(size: float, _: random.Random) -> bytes:
    return TINY + b'{"a":"1/' + b"0" * int(size * checker.MAX_BYTES * 0.99) + b'"}}}'


@attack
def blanks(size: float, _: random.Random) -> bytes:
    return b" " * int(size * checker.MAX_BYTES)


@attack
def deep_arrays(size: float, _: random.Random) -> bytes:
    return b"[" * int(size * checker.MAX_BYTES)


@attack
def deep_objects(size: float, _: random.Random) -> bytes:
    return b'{"a":' * int(size * checker.MAX_BYTES / 5)


@attack
def many_keys(size: float, _: random.Random) -> bytes:
    count = int(size * checker.MAX_BYTES * 0.98 / 12)
    return TINY + b"{" + b",".join(b'"%07d":1' % i for i in range(count)) + b"}}}"


@attack
def many_keys_of_fractions(size: float, _: random.Random) -> bytes:
    count = int(size * checker.MAX_BYTES * 0.98 / 17)
    return TINY + b"{" + b",".join(b'"%06d":"1/3"' % i for i in range(count)) + b"}}}"


@attack
def many_keys_of_exponents(size: float, _: random.Random) -> bytes:
    count = int(size * checker.MAX_BYTES * 0.98 / 19)
    return TINY + b"{" + b",".join(b'"%06d":"1e999"' % i for i in range(count)) + b"}}}"


@attack
def keys_that_stand_twice(size: float, _: random.Random) -> bytes:
    return token(b'"a":1', size, b"{", b"}")


# ------------------------------------------------------------------------------------- long fractions


def fine(rng: random.Random, digits: int) -> tuple[str, str]:
    """Two probabilities that sum to one, of so many digits."""
    d = rng.randrange(10 ** (digits - 1), 10**digits)
    k = rng.randrange(1, d)
    return f"{k}/{d}", f"{d - k}/{d}"


def noisy(rng: random.Random, states: int, digits: int, choices: int = 1) -> list[Any]:
    """Rows whose denominators have so many digits, all different."""
    rows = []
    for s in range(states):
        for a in range(choices):
            p, q = fine(rng, digits)
            t, u = rng.sample(range(states), 2)
            rows += [[str(s), str(a), str(t), p], [str(s), str(a), str(u), q]]
    return rows


@attack
def elimination_with_long_denominators(size: float, rng: random.Random) -> bytes:
    """Two hundred digits, and one denominator for all: nothing is too fine, and everything mixes."""
    d, states = rng.randrange(10**199, 10**200), int(2000 * size) + 2
    rows = []
    for s in range(states):
        k = rng.randrange(1, d)
        t, u = rng.sample(range(states), 2)
        rows += [[str(s), "0", str(t), f"{k}/{d}"], [str(s), "0", str(u), f"{d - k}/{d}"]]
    process = instance(states, 1, rows, gamma="99/100")
    return document(process, plan("end", goal="1"), {})


@attack
def elimination_with_different_denominators(size: float, rng: random.Random) -> bytes:
    states = int(190 * size) + 2
    process = instance(states, 1, noisy(rng, states, 200), gamma="99/100")
    return document(process, plan("end", goal="1"), {})


@attack
def elimination_of_a_dense_process(size: float, rng: random.Random) -> bytes:
    states = int(600 * size) + 2
    rows = [[str(s), "0", str(t), f"1/{states}"] for s in range(states) for t in range(states)]
    return document(instance(states, 1, rows, gamma="1/2"), plan("end", goal="1"), {})


@attack
def elimination_from_everywhere(size: float, _: random.Random) -> bytes:
    """A start with very many successors."""
    states = int(200_000 * size) + 2
    rows = [[str(s), "0", str(s), 1] for s in range(states)]
    start = {str(s): f"1/{states}" for s in range(states)}
    return document(instance(states, 1, rows, start, gamma="1/2"), plan("end", goal="1"), {})


@attack
def elimination_of_a_chain(size: float, _: random.Random) -> bytes:
    """Every state leads to the next and back to the first."""
    states = int(3000 * size) + 2
    rows = [[str(s), "0", t, "1/2"] for s in range(states) for t in ("0", str(s + 1))]
    rows.append([str(states), "0", str(states), 1])
    return document(instance(states + 1, 1, rows), plan("reach", goal=str(states)), {})


@attack
def backward_induction_with_long_denominators(size: float, rng: random.Random) -> bytes:
    d = rng.randrange(10**199, 10**200)
    rows = []
    for s in range(20):
        k = rng.randrange(1, d)
        t, u = rng.sample(range(20), 2)
        rows += [[str(s), "0", str(t), f"{k}/{d}"], [str(s), "0", str(u), f"{d - k}/{d}"]]
    return document(instance(20, 1, rows, horizon=int(1000 * size) + 1), plan("end", goal="1"), {})


@attack
def backward_induction_with_powers_of_two(size: float, rng: random.Random) -> bytes:
    rows = [[str(s), "0", t, "1/2"] for s in range(50) for t in (str(s), str((s + 1) % 50))]
    process = instance(50, 1, rows, horizon=int(100_000 * size) + 1)
    return document(process, plan("end", goal="1"), {})


@attack
def a_prior_of_long_fractions(size: float, rng: random.Random) -> bytes:
    """Every value that is stored has sixteen kilobytes."""
    goals = [str(s) for s in range(10)]
    denominators = [rng.randrange(10**3899, 10**3900) for _ in range(9)]
    prior: dict[str, str] = {}
    for z, d in enumerate(denominators):
        prior[goals[z]] = f"{d // 10}/{d}"
    rows = [[g, str(a), str((int(g) + a) % 10), 1] for g in goals for a in range(3)]
    process = instance(10, 3, rows, horizon=int(20_000 * size) + 1)
    least = {**prior, "9": "1/10"}
    claim = losses(goals[:9], criterion="ratio", detect="visit")
    return document(process, claim, {"prior": {"0": 1}, "least": least})


@attack
def weights_of_long_fractions(size: float, rng: random.Random) -> bytes:
    """Rewards of four thousand digits, with memory: masses and values are long."""
    names = [str(z) for z in range(8)]
    rows = [[str(s), str(a), str((s + a) % 8), 1] for s in range(8) for a in range(3)]
    tables = {
        z: [[*row[:3], f"{rng.randrange(10**3999)}/{7**4000}"] for row in rng.sample(rows, 5)] for z in names
    }
    process = instance(8, 3, rows, horizon=int(20 * size) + 1)
    claim = losses({"rewards": tables}, learner="memory", episodes=int(30 * size) + 1)
    return document(process, claim, {"prior": dict.fromkeys(names, "1/8")})


@attack
def a_policy_of_long_fractions(size: float, rng: random.Random) -> bytes:
    rows = [[str(s), str(a), str((s + a) % 5), 1] for s in range(5) for a in range(2)]
    horizon = int(300 * size) + 1
    learner = []
    for t in range(horizon):
        for s in range(5):
            p, q = fine(rng, 3900)
            learner.append([0, t, str(s), 31, {"0": p, "1": q}])
    claim = losses([str(s) for s in range(5)])
    return document(instance(5, 2, rows, horizon=horizon), claim, {"learners": [{"rows": learner}]})


@attack
def a_channel_of_long_fractions(size: float, rng: random.Random) -> bytes:
    count = int(60 * size) + 2
    rows = {}
    for x in range(count):
        p, q = fine(rng, 600)
        rows[str(x)] = {"0": p, "1": q}
    channel = {"outputs": ["0", "1"], "rows": rows}
    claim = {"problem": "capacity", "channel": channel}
    witness = {"input": {str(x): f"1/{count}" for x in range(count)}, "output": {"0": "1/2", "1": "1/2"}}
    found = json.loads(document(None, claim, witness))
    del found["process"]
    return json.dumps(found).encode()


@attack
def a_wide_channel(size: float, _: random.Random) -> bytes:
    """Very many outputs and inputs, hardly any of which is ever used."""
    outputs, inputs = int(400_000 * size) + 1, int(400_000 * size) + 1
    rows = {str(x): {"0": 1} for x in range(inputs)}
    channel = {"outputs": [str(y) for y in range(outputs)], "rows": rows}
    claim = {"problem": "capacity", "channel": channel}
    found = json.loads(document(None, claim, {"input": {"0": 1}, "output": {"0": 1}}))
    del found["process"]
    return json.dumps(found, separators=(",", ":")).encode()


@attack
def a_channel_without_zeros(size: float, rng: random.Random) -> bytes:
    count = int(500 * size) + 2
    rows = {str(x): {str(y): f"1/{count}" for y in range(count)} for x in range(count)}
    claim = {"problem": "capacity", "channel": {"outputs": [str(y) for y in range(count)], "rows": rows}}
    flat = {str(x): f"1/{count}" for x in range(count)}
    found = json.loads(document(None, claim, {"input": flat, "output": flat}))
    del found["process"]
    return json.dumps(found, separators=(",", ":")).encode()


def redundancy(rows: Any, outputs: int, order: Any, **witness: Any) -> bytes:
    """Claim a redundancy of a channel."""
    names = [str(y) for y in range(outputs)]
    claim = {"problem": "redundancy", "channel": {"outputs": names, "rows": rows}, "order": order}
    found = json.loads(document(None, claim, witness))
    del found["process"]
    return json.dumps(found, separators=(",", ":")).encode()


@attack
def redundancy_of_a_high_order(size: float, rng: random.Random) -> bytes:
    """Powers of long fractions."""
    count = int(40 * size) + 2
    rows = {str(x): dict(zip("01", fine(rng, 600), strict=True)) for x in range(count)}
    share = dict.fromkeys(rows, f"1/{count}")
    return redundancy(rows, 2, 64, input=share, farthest=share)


@attack
def redundancy_of_order_infinity(size: float, _: random.Random) -> bytes:
    """The best probability of each of very many ends, over very many rows."""
    count = int(300_000 * size) + 1
    rows = {str(x): {str(x % 1000): 1} for x in range(count)}
    share = {str(x): f"1/{min(count, 1000)}" for x in range(min(count, 1000))}
    return redundancy(rows, 1000, "inf", input=share, farthest={"0": 1})


@attack
def redundancy_of_a_wide_channel(size: float, _: random.Random) -> bytes:
    count = int(350 * size) + 2
    rows = {str(x): {str(y): f"1/{count}" for y in range(count)} for x in range(count)}
    flat = {str(x): f"1/{count}" for x in range(count)}
    return redundancy(rows, count, 17, input=flat, farthest=flat)


@attack
def ends_of_many_actions(size: float, _: random.Random) -> bytes:
    """The convex function of the redundancy at the ends of very many plans."""
    count = int(100_000 * size) + 1
    rows = [[s, str(a), t, "1/2"] for s in "01" for a in range(count) for t in "01"]
    claim = {"problem": "redundancy", "order": 2}
    return document(instance(2, count, rows, horizon=3), claim, {"farthest": {"0": 1}})


@attack
def ends_over_a_long_horizon(size: float, _: random.Random) -> bytes:
    """Linear functions, one for each state, planned back to the start."""
    rows = [[str(s), str(a), str(t), "1/20"] for s in range(20) for a in range(2) for t in range(20)]
    claim = {"problem": "redundancy", "order": "inf"}
    return document(instance(20, 2, rows, horizon=int(1000 * size) + 1), claim, {"farthest": {"0": 1}})


@attack
def many_trajectories(size: float, rng: random.Random) -> bytes:
    d = rng.randrange(10**99, 10**100)
    rows = []
    for s in range(50):
        k = rng.randrange(1, d)
        for a in range(3):
            rows += [[str(s), str(a), "0", f"{k}/{d}"], [str(s), str(a), "1", f"{d - k}/{d}"]]
    process = instance(50, 3, rows, horizon=int(5000 * size) + 1)
    return document(process, losses({"trajectories": True}, criterion="hitting-time"), {})


@attack
def powers(size: float, rng: random.Random) -> bytes:
    p, q = fine(rng, 50)
    rows = [["0", "0", "1", p], ["0", "0", "0", q], ["1", "0", "1", 1]]
    claim = losses(["0", "1"], episodes=int(3000 * size) + 1)
    return document(instance(2, 1, rows, horizon=2), claim, {"prior": {"0": "1/2", "1": "1/2"}})


# --------------------------------------------------------------------------------------- equal hashes


def line(states: int) -> list[Any]:
    return [[str(s), "0", str((s + 1) % states), 1] for s in range(states)]


@attack
def rows_with_equal_hashes(size: float, _: random.Random) -> bytes:
    """Sets B that differ by multiples of 2^61 - 1."""
    rows = [[0, 0, "0", i * MERSENNE, "0"] for i in range(int(300_000 * size))]
    return document(instance(2, 1, line(2), horizon=2), losses(["0"]), {"learners": [{"rows": rows}]})


@attack
def denominators_with_equal_hashes(size: float, _: random.Random) -> bytes:
    prior = {str(i): f"1/{1 + i * MERSENNE}" for i in range(int(200_000 * size))}
    process = instance(2, 1, line(2), prior, horizon=2)
    return document(process, plan("end", goal="0"), {})


@attack
def sums_with_equal_hashes(size: float, _: random.Random) -> bytes:
    """Very many actions whose probabilities sum to as many numbers."""
    count = int(200_000 * size) + 1
    rows = [["0", str(a), "0", a * MERSENNE] for a in range(count)]
    return document(instance(1, count, rows, horizon=1), plan("end", goal="0"), {})


@attack
def rewards_with_equal_hashes(size: float, _: random.Random) -> bytes:
    """Every task pays another number."""
    count = int(3000 * size) + 1
    tables = {str(z): [["0", "0", "0", z * MERSENNE]] for z in range(count)}
    claim = losses({"rewards": tables}, learner="memory", episodes=100)
    prior = {"0": 1}
    return document(instance(1, 1, [["0", "0", "0", 1]], horizon=100), claim, {"prior": prior})


@attack
def sets_with_equal_hashes(size: float, _: random.Random) -> bytes:
    """Goals in pairs, 61 places apart, of which one is ruled out: 2^z has the hash of 2^(z + 61)."""
    depth = 15 if size > 0.5 else 11
    names = [str(s) for s in range(122)]
    rows = []
    for z in range(depth):
        rows += [[names[z], "0", names[z + 1], "1/2"], [names[z], "0", names[z + 61], "1/2"]]
        rows += [[names[z + 61], "0", names[z + 1], 1]]
    covered = {row[0] for row in rows}
    rows += [[s, "0", s, 1] for s in names if s not in covered]
    process = instance(122, 1, rows, horizon=2 * depth)
    claim = losses(names, learner="blind", detect="visit", episodes=2)
    return document(process, claim, {"prior": {"0": 1}})


# ---------------------------------------------------------------------- what no step of the budget paid for


@attack
def many_goals_of_many_states(size: float, _: random.Random) -> bytes:
    count = int(200_000 * size) + 1
    return document(instance(count, 1, line(count), horizon=1), losses([str(s) for s in range(count)]), {})


@attack
def many_tables_without_rewards(size: float, _: random.Random) -> bytes:
    tables: dict[str, Any] = {str(z): [] for z in range(int(500_000 * size) + 1)}
    claim = losses({"rewards": tables}, learner="blind", episodes=1)
    return document(instance(2, 1, line(2), horizon=10_000), claim, {})


@attack
def many_sets_of_tasks(size: float, rng: random.Random) -> bytes:
    """Tasks with random rewards, told apart in ever new ways."""
    count = int(300 * size) + 2
    rows = [["0", str(a), "0", 1] for a in range(60)]
    tables = {str(z): [["0", str(a), "0", 1] for a in range(60) if rng.random() < 0.5] for z in range(count)}
    claim = losses({"rewards": tables}, learner="memory", episodes=8)
    prior = {str(z): f"1/{count}" for z in range(count)}
    return document(instance(1, 60, rows, horizon=8), claim, {"prior": prior})


@attack
def many_actions_of_one_state(size: float, _: random.Random) -> bytes:
    """The learner takes the first of very many actions, ten thousand times."""
    count = int(200_000 * size) + 1
    rows = [["0", str(a), "0", 1] for a in range(count)]
    return document(instance(1, count, rows, horizon=50_000), {**losses(["0"]), "problem": "proposal"}, {})


@attack
def many_free_actions(size: float, _: random.Random) -> bytes:
    """One may stay for nothing nowhere, as is seen one state after the other."""
    states = int(2000 * size) + 2
    rows, paid = [], []
    for s in range(states):
        for a in range(20):
            rows.append([str(s), str(a), str(min(s + 1, states - 1)), 1])
    paid = [[str(states - 2), str(a), str(states - 1), 1] for a in range(20)]
    claim = plan("total", rewards=paid, minimise=True)
    return document(instance(states, 20, rows), claim, {})


@attack
def many_improvements(size: float, _: random.Random) -> bytes:
    """Policy iteration that improves one state at a time, from a policy that is bad everywhere."""
    states = int(1500 * size) + 2
    rows = []
    for s in range(states):
        rows += [[str(s), "0", "0", 1], [str(s), "1", str(min(s + 1, states - 1)), 1]]
    process = instance(states, 2, rows, {str(s): f"1/{states}" for s in range(states)}, gamma="99/100")
    return document(process, plan("end", goal=str(states - 1)), {})


@attack
def hyperstates(size: float, _: random.Random) -> bytes:
    """As many as the budget allows."""
    states = 25
    rows = [[str(s), str(a), str((s + a) % states), 1] for s in range(states) for a in range(3)]
    names = [str(s) for s in range(states)]
    claim = losses(names, learner="memory", episodes=int(25 * size) + 1)
    witness = {"prior": dict.fromkeys(names, f"1/{states}")}
    return document(instance(states, 3, rows, horizon=12), claim, witness)


@attack
def hyperstates_on_the_way(size: float, _: random.Random) -> bytes:
    states = 25
    rows = [[str(s), str(a), str((s + a) % states), "1/2"] for s in range(states) for a in range(3)]
    rows += [[str(s), str(a), str((s + 2 * a + 5) % states), "1/2"] for s in range(states) for a in range(3)]
    names = [str(s) for s in range(states)]
    claim = losses(names, detect="visit")
    witness = {"prior": dict.fromkeys(names, f"1/{states}")}
    return document(instance(states, 3, rows, horizon=int(24 * size) + 1), claim, witness)


@attack
def a_million_states(size: float, _: random.Random) -> bytes:
    return document(instance(10**6, 10**6, [["0", "0", "0", 1]], horizon=1), plan("end", goal="0"), {})


@attack
def a_million_rows(size: float, _: random.Random) -> bytes:
    count = int(1_000_000 * size) + 1
    return document(instance(count, 1, line(count), horizon=2), plan("end", goal="0"), {})


@attack
def a_long_horizon(size: float, _: random.Random) -> bytes:
    rows = [[str(s), "0", t, "1/3" if t == "0" else "2/3"] for s in range(2) for t in ("0", "1")]
    return document(instance(2, 1, rows, horizon=int(10**6 * size)), plan("end", goal="0"), {})


@attack
def skills_of_a_large_process(size: float, _: random.Random) -> bytes:
    count = int(2000 * size) + 2
    claim = {"problem": "capacity"}
    output = {str(s): f"1/{count}" for s in range(count)}
    return document(instance(count, 1, line(count), horizon=50), claim, {"output": output})


def trials(names: list[str], size: float, budget: int) -> Iterator[tuple[str, Measured]]:
    """Yield what every attack took."""
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            path = Path(folder) / "hostile.json"
            path.write_bytes(ATTACKS[name](size, random.Random(SEED)))
            yield name, measured(path, budget)


def fault(found: Measured, budget: int) -> str:
    """Return what is wrong with a run: too long, too much memory, a traceback."""
    share = budget / checker.BUDGET
    if found.seconds > SECONDS * share + 1.5:
        return f"{found.seconds:.1f} CPU seconds"
    if found.memory > MEMORY * max(share, 0.2):
        return f"{found.memory >> 20} MiB"
    if found.status not in (0, 1) or found.errors or not re.match("proved: |rejected: ", found.output):
        return f"exit status {found.status}: {found.errors}"
    return ""


def main(names: list[str]) -> int:
    """Run at the usual budget; the exit status is 1 if an attack succeeds."""
    wrong = 0
    for size in SIZES:
        for name, found in trials(names or list(ATTACKS), size, checker.BUDGET):
            reason = fault(found, checker.BUDGET)
            wrong += bool(reason)
            numbers = f"{size:4} {found.seconds:6.2f} s {found.memory >> 20:5} MiB"
            print(f"{numbers}  {name}: {reason or found.output.strip()[:90]}", flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
