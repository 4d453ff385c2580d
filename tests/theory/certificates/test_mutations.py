"""No mutation of a valid certificate is accepted unless what it claims is true.

Every example mutates a valid certificate one to three times, anywhere in the document, and hands it to the
checker. What is accepted is judged by an oracle that shares no code with the checker: the true value of the
mutated instance, by linear programming, value iteration or Blahut-Arimoto in floating point (to 1e-7); for
learners with memory, whose instance is left alone, by the closed form of T12, exactly.

300 examples by default; ``METAREGRET_MUTATIONS=100000`` makes it that many. The seed is fixed below; the
counts (mutated, accepted, judged) are printed and checked at the end.
"""

from __future__ import annotations

import copy
import json
import math
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from certificate_builder import (
    certificate,
    cmp_document,
    line,
    minimax,
    rotations,
    uniform,
    visit_orders,
    write,
    z_channel,
)
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from theory.certificates.check import CertificateError, check

SEED = 20240607
EXAMPLES = int(os.environ.get("METAREGRET_MUTATIONS", "300"))
TOLERANCE = 1e-7
COUNTS: Counter[str] = Counter()
Document = dict[str, Any]


def noisy_certificate() -> Document:
    """C1 with the exploration (2/3, 1/3): minimax regret 1/2."""
    rows = [[0, 0, "0", 3, {"safe": "1/3", "noisy": "2/3"}]]
    witness = {"prior": {"1": "2/3", "2": "1/3"}, "learners": [{"weight": 1, "rows": rows}]}
    return certificate(z_channel(), minimax("1/2", "1/2", [1, 2], exact=True), witness)


def memory_certificate() -> Document:
    """T12 on a line of 3: value 1."""
    process, goals = line(3, 1, horizon=2), [0, 1, 2]
    witness = {"prior": uniform(goals), "learners": visit_orders(process, goals, rotations(goals), 3)}
    return certificate(process, minimax(1, 1, goals, learner="memory", episodes=3, exact=True), witness)


def reach_certificate() -> Document:
    """The gambler's ruin with 1 of 4, who may also wait: 1/4."""
    ruin = [(s, "bet", s + d, "1/2") for s in (1, 2, 3) for d in (-1, 1)] + [
        (s, "wait", s, 1) for s in range(5)
    ]
    y = {str(s): f"{s}/4" for s in range(1, 4)}
    claim = {"problem": "planning", "objective": "reach", "goal": "4", "lower": "1/4", "upper": "1/4"}
    values = {"lower": y, "upper": y, "policy": {str(s): "bet" for s in range(1, 4)}}
    return certificate(
        cmp_document(5, ["bet", "wait"], ruin, 1), {**claim, "minimise": False}, {"values": values}
    )


def channel_certificate() -> Document:
    """The Z-channel: ln(5/4)."""
    channel = {"outputs": ["1", "2"], "rows": {"safe": {"1": 1, "2": 0}, "noisy": {"1": "1/2", "2": "1/2"}}}
    claim = {
        "problem": "capacity",
        "channel": channel,
        "lower": "0.2231435513142",
        "upper": "0.2231435513143",
    }
    document = certificate(
        None, claim, {"input": {"safe": "3/5", "noisy": "2/5"}, "output": {"1": "4/5", "2": "1/5"}}
    )
    del document["process"]
    return document


# ------------------------------------------------------------------------------------------- oracles


def arrays(process: Document) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Dense dynamics ``P[s, a, t]``, which actions exist, and the start."""
    names = (
        process["states"]
        if isinstance(process["states"], list)
        else [str(i) for i in range(process["states"])]
    )
    actions = (
        process["actions"]
        if isinstance(process["actions"], list)
        else [str(i) for i in range(process["actions"])]
    )
    dynamics = np.zeros((len(names), len(actions), len(names)))
    exists = np.zeros((len(names), len(actions)), dtype=bool)
    for s, a, t, p in process["transitions"]:
        dynamics[names.index(s), actions.index(a), names.index(t)] = float(Fraction(p))
        exists[names.index(s), actions.index(a)] = True
    start = np.array([float(Fraction(process["initial"].get(name, 0))) for name in names])
    return dynamics, exists, start


def index_of(process: Document, name: str) -> int:
    return process["states"].index(name) if isinstance(process["states"], list) else int(name)


def memoryless_truth(document: Document) -> float | None:
    """The minimax regret by linear programming, over the occupancy measures, where episodes are unlimited."""
    claim, process = document["claim"], document["process"]
    plain = claim["learner"] == "memoryless" and claim["criterion"] == "regret" and claim["detect"] == "end"
    if not plain or claim["problem"] != "minimax" or claim["episodes"] != "inf" or process["horizon"] > 3:
        return None
    dynamics, exists, start = arrays(process)
    (states, actions, _), horizon = dynamics.shape, process["horizon"]
    goals = [index_of(process, goal) for goal in claim["tasks"]["goals"]]
    best = np.eye(states)[goals]
    for _ in range(horizon):
        best = np.where(exists, np.einsum("sat,gt->gsa", dynamics, best), -1.0).max(axis=2)
    size = horizon * states * actions + 1  # x[t, s, a], and the t* to be maximised
    index = np.arange(size - 1).reshape(horizon, states, actions)
    equal, right = np.zeros((horizon * states, size)), np.zeros(horizon * states)
    for t, s in np.ndindex(horizon, states):
        equal[t * states + s, index[t, s]] = 1.0
        if t == 0:
            right[s] = start[s]
        else:
            equal[t * states + s, index[t - 1].ravel()] -= dynamics[:, :, s].ravel()
    less = np.zeros((len(goals), size))
    for row, goal, value in zip(less, goals, best @ start, strict=True):
        row[index[-1].ravel()] = -dynamics[:, :, goal].ravel()
        row[-1] = value
    bounds = [(0, None if flag else 0) for _ in range(horizon) for flag in exists.ravel()] + [(0, 1)]
    cost = np.zeros(size)
    cost[-1] = -1.0
    answer = linprog(cost, less, np.zeros(len(goals)), equal, right, bounds)
    assert answer.status == 0
    return math.inf if answer.x[-1] < 1e-12 else 1 / answer.x[-1] - 1


def reach_truth(document: Document) -> float | None:
    """Reachability by value iteration from below."""
    claim, process = document["claim"], document["process"]
    if claim["objective"] != "reach":
        return None
    dynamics, exists, start = arrays(process)
    goal, least = index_of(process, claim["goal"]), claim.get("minimise", False)
    value = np.zeros(len(start))
    for _ in range(2000):
        value[goal] = 1.0
        ahead = dynamics @ value
        value = (
            np.where(exists, ahead, 2.0).min(axis=1) if least else np.where(exists, ahead, -1.0).max(axis=1)
        )
    value[goal] = 1.0
    return float(value @ start)


def channel_truth(document: Document) -> float | None:
    """Capacity by Blahut-Arimoto."""
    channel = document["claim"]["channel"]
    rows = [[float(Fraction(row.get(y, 0))) for y in channel["outputs"]] for row in channel["rows"].values()]
    matrix, p = np.array(rows), np.full(len(rows), 1 / len(rows))
    value = 0.0
    for _ in range(20_000):
        with np.errstate(divide="ignore", invalid="ignore"):
            d = np.nansum(np.where(matrix > 0, matrix * np.log(matrix / (p @ matrix)), 0.0), axis=1)
        value, high = float(np.log(p @ np.exp(d))), float(d.max())
        if high - value < TOLERANCE / 10:
            break
        p = p * np.exp(d)
        p /= p.sum()
    return value


def memory_truth(document: Document) -> float | None:
    """T12, for the instance that was not touched."""
    original, claim = memory_certificate(), {**document["claim"], "lower": 1, "upper": 1, "exact": True}
    touched = document["process"] != original["process"] or claim != original["claim"]
    return None if touched else 1.0


Oracle = Callable[[Document], float | None]
BASES: dict[str, tuple[Callable[[], Document], Oracle, float]] = {
    "memoryless": (noisy_certificate, memoryless_truth, TOLERANCE),
    "memory": (memory_certificate, memory_truth, 0.0),
    "reach": (reach_certificate, reach_truth, TOLERANCE),
    "channel": (channel_certificate, channel_truth, TOLERANCE),
}


# ------------------------------------------------------------------------------------------- mutations


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every path to an entry of a document."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from places(child, (*path, key))


def other_value(value: Any, generator: random.Random) -> Any:
    """Another value, mostly of the same kind: a number near by, a name that occurs, or rubbish."""
    rubbish = [None, True, [], {}, "", "x", "-1", "1e400", "1/0", 10**50, -1, 0, "inf"]
    try:
        number = Fraction(value) if not isinstance(value, bool) else None
    except (TypeError, ValueError, ZeroDivisionError):
        number = None
    if generator.random() < 0.1:
        return generator.choice(rubbish)
    if isinstance(value, bool):
        return not value
    if number is not None:
        near = [number + Fraction(generator.randint(-3, 3), generator.choice((1, 4, 10, 1000, 10**6)))]
        near += [1 - number, number * 2, number / 2, -number, Fraction(generator.randint(0, 4))]
        chosen = generator.choice(near)
        return chosen.numerator if isinstance(value, int) and chosen.denominator == 1 else str(chosen)
    words = [
        "0",
        "1",
        "2",
        "3",
        "4",
        "left",
        "right",
        "stay",
        "safe",
        "noisy",
        "bet",
        "wait",
        "end",
        "visit",
        "inf",
    ]
    words += [
        "memory",
        "memoryless",
        "blind",
        "regret",
        "ratio",
        "hitting-time",
        "proposal",
        "minimax",
        "total",
    ]
    return generator.choice(words)


def mutate(document: Document, generator: random.Random) -> Document:
    """Change, delete, copy or swap entries, or move the claim, one to three times."""
    document = copy.deepcopy(document)
    for _ in range(generator.choice((1, 1, 2, 3))):
        everywhere = list(places(document))
        if not everywhere:
            break
        *keys, last = generator.choice(everywhere)
        node: Any = document
        for key in keys:
            node = node[key]
        action = generator.random()
        if action < 0.55:
            node[last] = other_value(node[last], generator)
        elif action < 0.7:
            del node[last]
        elif action < 0.8:
            other = generator.choice(list(node) if isinstance(node, dict) else range(len(node)))
            node[last], node[other] = node[other], node[last]
        elif action < 0.9 and isinstance(node, list):
            node.append(copy.deepcopy(node[last]))
        elif isinstance(document.get("claim"), dict):
            side = generator.choice(("lower", "upper"))
            if side in document["claim"]:
                document["claim"][side] = other_value(document["claim"][side], generator)
                document["claim"].pop("exact", None)
    return document


def judge(base: str, path: Path, document: Document) -> None:
    """Check a mutated certificate, and if it is accepted, hold its claim against the oracle."""
    COUNTS["mutated"] += 1
    try:
        check(write(path, document), budget=300_000)
    except CertificateError:
        return
    COUNTS["accepted"] += 1
    truth = BASES[base][1](document)
    if truth is None:
        COUNTS["not judged"] += 1
        return
    COUNTS["judged"] += 1
    claim, tolerance = document["claim"], BASES[base][2]
    low, high = (float(x) if x in ("inf", "-inf") else Fraction(x) for x in (claim["lower"], claim["upper"]))
    assert low <= truth + tolerance, (base, claim, truth)
    assert truth - tolerance <= high, (base, claim, truth)


@pytest.mark.parametrize("base", BASES)
def test_the_oracles_agree_with_the_bases(tmp_path, base):
    make, oracle, tolerance = BASES[base]
    document = make()
    lower, upper = check(write(tmp_path / "certificate.json", document))[1:]
    truth = oracle(document)
    assert truth is not None
    assert float(lower) - max(tolerance, 1e-12) <= truth <= float(upper) + max(tolerance, 1e-12)


@seed(SEED)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.sampled_from(sorted(BASES)), st.integers(0, 2**64))
def test_mutations(tmp_path, base, choice):
    document = BASES[base][0]()
    mutated = mutate(document, random.Random(choice))
    if json.dumps(mutated) == json.dumps(document):
        COUNTS["unchanged"] += 1
        return
    judge(base, tmp_path / "certificate.json", mutated)


def test_false_claims_are_never_accepted(tmp_path):
    """The claim is moved to something false, and then the witness is mutated at will: never accepted."""
    generator = random.Random(SEED)
    for round_ in range(max(EXAMPLES // 3, 100)):
        base = generator.choice(sorted(BASES))
        document = BASES[base][0]()
        side, sign = generator.choice((("lower", 1), ("upper", -1)))
        shift = sign * Fraction(1, 10 ** generator.randint(0, 6 if base == "channel" else 30))
        document["claim"][side] = str(Fraction(document["claim"][side]) + shift)
        document["claim"].pop("exact", None)
        if round_ % 4:
            document["witness"] = mutate({"witness": document["witness"]}, generator).get("witness", {})
        with pytest.raises(CertificateError):
            check(write(tmp_path / "certificate.json", document), budget=300_000)
        COUNTS["false claims rejected"] += 1


def test_counts(capsys):
    """Runs last: how much was mutated, and that enough was accepted for the oracles to have had work."""
    with capsys.disabled():
        print(f"\nmutations, seed {SEED}: {dict(COUNTS)}")
    if COUNTS["mutated"] >= 250:
        assert COUNTS["judged"] >= 10
        assert COUNTS["accepted"] == COUNTS["judged"] + COUNTS["not judged"]
