"""Why a certificate is rejected, word for word: what is wrong, where, and what was expected there."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from certificate_builder import certificate, line, write
from test_hostile import drop, put, valid
from test_wrong_by_hand import PROOFS, both

import metaregret.theory.certificates.check as checker

Document = dict[str, Any]
Change = Callable[[Document], Any]
PRIMES = [p for p in range(2, 104) if all(p % d for d in range(2, p))]
FINE = [f"1/{p**1300}" for p in PRIMES]
"""Fractions whose common denominator is too long to be worth working with."""

TRIPLES = [(str(s), a, str(t)) for s in range(3) for a in ("left", "right", "stay") for t in range(3)]
TOO_FINE = [[*triple, x] for triple, x in zip(TRIPLES, FINE, strict=True)]
LONG = "a name of far more than forty characters, of which the first are shown"
ROW = ("witness", "learners", 0, "rows", 0)


def channel() -> Document:
    """Two inputs that are told apart without error: ln 2."""
    rows = {"x": {"0": 1}, "y": {"1": 1}}
    claim = {"problem": "capacity", "channel": {"outputs": ["0", "1"], "rows": rows}}
    half = {"0": "1/2", "1": "1/2"}
    document = certificate(None, {**claim, "lower": "0.6931", "upper": "0.6932"}, {"output": half})
    document["witness"]["input"] = {"x": "1/2", "y": "1/2"}
    del document["process"]
    return document


def plan(**claim: Any) -> Document:
    """A plan on a line of 3 from the middle, which has no goal yet."""
    fields = {"problem": "planning", "objective": "end", "lower": 1, "upper": 1}
    return certificate(line(3, 1, horizon=2), {**fields, **claim}, {})


def total(rewards: list[Any], **fields: Any) -> Document:
    process = line(3, 1, horizon=2)
    del process["horizon"]
    return {**plan(objective="total", rewards=rewards, **fields), "process": process}


def fine(*path: Any) -> Change:
    """Put numbers that are too fine in place of an object's."""
    return put(*path, dict(zip(map(str, range(len(FINE))), FINE, strict=True)))


def fine_together(document: Document) -> None:
    """Numbers of 3900 digits, neither the start's nor the transitions' too fine by themselves."""
    powers = [p ** int(3900 / math.log10(p)) for p in PRIMES[2:13]]
    starts = [(f"1/{3 * d}", f"{d - 1}/{3 * d}") for d in powers[:3]]  # a third each
    document["process"]["states"] = 6
    document["process"]["initial"] = {str(i): x for i, x in enumerate(sum(starts, ()))}
    document["process"]["transitions"] = [
        [*triple, f"1/{d}"] for triple, d in zip(TRIPLES, powers[3:], strict=False)
    ]


def nothing(document: Document) -> None:
    """The document is wrong as it is."""


Case = tuple[Callable[[], Document], Change, str]
REASONS: dict[str, Case] = {
    "not a rational": (
        valid,
        put("claim", "lower", "?" * 50),
        f"not a rational of at most 4000 digits: '{'?' * 40}'",
    ),
    "format": (valid, put("format", 1), "certificate.format: expected metaregret-certificate/1"),
    "field": (
        valid,
        put(LONG, 1),
        f"certificate: unknown or missing field '{LONG[:40]}'",
    ),
    "claim's field": (valid, put("claim", "hint", 1), "claim: unknown or missing field 'hint'"),
    "problem": (
        valid,
        put("claim", "problem", "halting"),
        "claim.problem: expected planning or minimax or proposal or capacity or redundancy",
    ),
    "criterion": (
        valid,
        put("claim", "criterion", "joy"),
        "claim.criterion: expected regret or hitting-time or ratio",
    ),
    "name of a goal": (
        valid,
        put("claim", "tasks", {"goals": [0]}),
        "claim.tasks.goals: expected a string",
    ),
    "bound": (valid, put("claim", "upper", []), "claim.upper: expected a number"),
    "claim that is a list": (valid, put("claim", []), "certificate.claim: expected an object"),
    "prior that is a list": (
        valid,
        put("witness", "prior", []),
        "certificate.witness.prior: expected an object",
    ),
    "prior of words": (
        valid,
        put("witness", "prior", {LONG: None}),
        f"certificate.witness.prior.{LONG[:40]}: expected a number",
    ),
    "process": (valid, drop("process"), "certificate: expected a process, or a channel's claim"),
    "states": (valid, put("process", "states", "three"), "states: expected an integer"),
    "names of states": (valid, put("process", "states", [0, 1, 2]), "states: expected a string"),
    "states twice": (
        valid,
        put("process", "states", ["0", "0"]),
        "states: no distinct names, or too many",
    ),
    "actions": (valid, put("process", "actions", 0), "actions: no distinct names, or too many"),
    "process's field": (valid, put("process", "hint", 1), "process: unknown or missing field 'hint'"),
    "horizon": (
        valid,
        put("process", "horizon", 10**9 + 1),
        "process: horizon or gamma out of range, or both",
    ),
    "initial": (
        valid,
        put("process", "initial", {"1": "1/2"}),
        "process.initial: a negative entry, or the sum is not 1",
    ),
    "initial, too fine": (
        valid,
        fine("process", "initial"),
        "process.initial: too fine fractions",
    ),
    "transitions, too fine": (
        valid,
        put("process", "transitions", TOO_FINE),
        "process.transitions: too fine fractions",
    ),
    "process, too fine": (valid, fine_together, "process: too fine fractions"),
    "transition twice": (
        valid,
        lambda d: d["process"]["transitions"].append(d["process"]["transitions"][0]),
        "process.transitions: a transition is listed twice",
    ),
    "negative transition": (
        valid,
        lambda d: d["process"]["transitions"][0].__setitem__(3, -1),
        "process: a negative probability",
    ),
    "row of a process": (
        valid,
        lambda d: (
            put("process", "states", ["0", "1", "2", LONG])(d),
            d["process"]["transitions"].append([LONG, "stay", LONG, "1/2"]),
        ),
        f"process: '{LONG[:40]}' has no action, or a row does not sum to 1",
    ),
    "unknown state": (
        valid,
        put("process", "initial", {LONG: 1}),
        f"unknown name '{LONG[:39]}",
    ),
    "row of a learner": (
        valid,
        put(*ROW, [0, 0, "1", 7, {"left": "1/2", "stay": "2/3"}]),
        "learners[0].rows[0]: a negative entry, or the sum is not 1",
    ),
    "long row of a learner": (
        valid,
        put(*ROW, [0, 0, LONG, "7", "left"]),
        "learners[0].rows[0]: expected an integer",
    ),
    "choice of a learner": (
        valid,
        put(*ROW, [0, 0, "1", 7, {"left": []}]),
        "learners[0].rows[0].left: expected a number",
    ),
    "row of a learner twice": (
        valid,
        lambda d: d["witness"]["learners"][0]["rows"].append([0, 0, "1", 7, "left"]),
        "learners[0].rows[4]: this hyperstate is listed twice",
    ),
    "unavailable action": (
        valid,
        lambda d: d["process"].update(
            transitions=[row for row in d["process"]["transitions"] if row[:2] != ["1", "left"]]
        ),
        "learners[0].rows[1]: an unavailable action",
    ),
    "weights": (valid, put("witness", "learners", []), "weights: not a distribution"),
    "weights, too fine": (
        valid,
        put("witness", "learners", [{"weight": x, "rows": []} for x in FINE]),
        "weights: too fine fractions",
    ),
    "prior": (
        valid,
        put("witness", "prior", {"0": 1, "1": -1, "2": 1}),
        "prior: a negative entry, or the sum is not 1",
    ),
    "prior, too fine": (valid, fine("witness", "prior"), "prior: too fine fractions"),
    "tasks": (valid, put("claim", "tasks", {"goals": ["0", "0"]}), "tasks: no distinct names, or too many"),
    "episodes": (
        valid,
        put("claim", "episodes", 10**9 + 1),
        "claim: one family of tasks, and episodes > 0",
    ),
    "episodes in words": (valid, put("claim", "episodes", "many"), "episodes: expected an integer"),
    "unsupported": (
        valid,
        both(problem="proposal"),
        "claim: unsupported tasks, criterion, episodes or learner",
    ),
    "rewards, too fine": (
        valid,
        put("claim", "tasks", {"rewards": {"x": TOO_FINE}}),
        "rewards: too fine fractions",
    ),
    "horizon of another kind": (PROOFS["geometric"], drop("process", "gamma"), "claim: another horizon"),
    "lower bound": (valid, both(lower=2), "the lower bound is not proved"),
    "upper bound": (valid, both(upper="0.99"), "the upper one is not proved"),
    "exact": (valid, both(upper=2), "the value is not proved to be exact"),
    "another instance": (
        valid,
        put("process", {"file": "line.json", "sha256": "0" * 64}),
        "'line.json' has another SHA-256",
    ),
    "no hash": (
        valid,
        put("process", {"file": "line.json", "sha256": ""}),
        "'line.json' has another SHA-256",
    ),
    "no file": (
        valid,
        put("process", {"file": "none.json", "sha256": "0" * 64}),
        "process.file: not a plain file beside",
    ),
    "file of another type": (
        valid,
        put("process", {"file": 1, "sha256": ""}),
        "process.file: expected a string",
    ),
    "goal and objective": (plan, both(goal="1", objective="reward"), "claim: goal or rewards"),
    "total of a negative reward": (
        lambda: total([["1", "left", "0", "-1/2"]]),
        nothing,
        "rewards: a total needs them not negative",
    ),
    "plan's rewards, too fine": (
        lambda: plan(objective="reward", rewards=TOO_FINE),
        nothing,
        "rewards: too fine fractions",
    ),
    "infinite total": (lambda: total([["0", "left", "0", 1]]), nothing, "policy: an infinite total"),
    "least total that is not": (
        lambda: total([["1", a, t, 1] for a, t in (("left", "0"), ("right", "2"))], minimise=True),
        nothing,
        "policy: a total where one can stay for ever for nothing",
    ),
    "blind for ever": (
        PROOFS["trajectories"],
        both(learner="blind"),
        "blind: an infinite regret",
    ),
    "trajectories in noise": (
        PROOFS["trajectories"],
        both(episodes=3),
        "claim: with n episodes trajectories need deterministic dynamics",
    ),
    "no trajectories": (
        PROOFS["trajectories"],
        both(tasks={"trajectories": False}),
        "claim: no horizon, or no trajectories",
    ),
    "level": (PROOFS["steps"], put("witness", "level", 4), "level: not proved"),
    "least steps": (
        PROOFS["steps"],
        put("witness", "least", {"0": 2, "2": 1}),
        "least: not the least numbers of steps",
    ),
    "least steps, too fine": (PROOFS["steps"], fine("witness", "least"), "least: too fine fractions"),
    "for ever": (
        PROOFS["for_ever"],
        lambda d: d["process"].update(initial={"0": "1/2", "1": "1/2"}),
        "claim: unsupported episodes",
    ),
    "outputs": (channel, put("claim", "channel", "outputs", []), "outputs: no distinct names, or too many"),
    "outputs twice": (
        channel,
        put("claim", "channel", "outputs", ["0", "0"]),
        "outputs: no distinct names, or too many",
    ),
    "inputs": (channel, put("claim", "channel", "rows", {}), "rows: no distinct names, or too many"),
    "input": (
        channel,
        put("witness", "input", {"x": 1, "y": 1}),
        "input: a negative entry, or the sum is not 1",
    ),
    "no input": (channel, drop("witness", "input"), "input: a negative entry, or the sum is not 1"),
    "input, too fine": (channel, fine("witness", "input"), "input: too fine fractions"),
    "channel": (
        channel,
        put("claim", "channel", "rows", "x", {"0": "1/2"}),
        "channel: a negative entry, or the sum is not 1",
    ),
    "channel, too fine": (channel, fine("claim", "channel", "rows", "x"), "channel: too fine fractions"),
    "output": (
        channel,
        put("witness", "output", {"0": 1, "1": 1}),
        "output: a negative entry, or the sum is not 1",
    ),
    "no output": (channel, drop("witness", "output"), "output: a negative entry, or the sum is not 1"),
    "output, too fine": (channel, fine("witness", "output"), "output: too fine fractions"),
    "output that misses an end": (
        channel,
        put("witness", "output", {"0": 1}),
        "output: no mass where one can end",
    ),
    "capacity without a horizon": (
        PROOFS["geometric"],
        lambda d: d.update(claim={"problem": "capacity", "lower": 0, "upper": 9}),
        "claim: a capacity needs a finite horizon",
    ),
}
"""A valid document, a change and the message."""

BROKEN = {
    "a key twice": ('{"a": 1, "a": 1}', "a key stands twice"),
    "a constant": ("[NaN]", "not a rational of at most 4000 digits: 'NaN'"),
    "a long integer": (f"[{'7' * 4100}]", f"not a rational of at most 4000 digits: '{'7' * 40}'"),
    "a huge exponent": ("[1e1000]", "not a rational of at most 4000 digits: '1e1000'"),
    "no document": ("", "not a JSON document: Expecting value: line 1 column 1 (char 0)"),
}


def changed(name: str) -> tuple[Document, str]:
    """A changed document and the message."""
    make, change, message = REASONS[name]
    document = copy.deepcopy(make())
    change(document)
    return document, message


@pytest.mark.parametrize("name", REASONS)
def test_reasons(name: str, tmp_path: Path) -> None:
    document, message = changed(name)
    write(tmp_path / "line.json", line(3, 1, horizon=2))
    with pytest.raises(checker.CertificateError) as reason:
        checker.check(write(tmp_path / "certificate.json", document))
    assert str(reason.value) == message


@pytest.mark.parametrize("name", BROKEN)
def test_reasons_of_broken_files(name: str, tmp_path: Path) -> None:
    text, message = BROKEN[name]
    (tmp_path / "certificate.json").write_text(text)
    with pytest.raises(checker.CertificateError) as reason:
        checker.check(tmp_path / "certificate.json")
    assert str(reason.value) == message


def test_the_channel_is_proved(tmp_path: Path) -> None:
    """What the wrong channels above differ from: ln 2."""
    lower, upper = checker.check(write(tmp_path / "certificate.json", channel()))[1:]
    assert Fraction("0.693147180559945309") < lower <= upper < Fraction("0.693147180559945310")
