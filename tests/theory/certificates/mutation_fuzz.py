"""Mutated certificates: none is accepted unless what it then claims is true.

    python tests/theory/certificates/mutation_fuzz.py --mutants 100000 --seed 20240607 --save counts.json

Valid certificates of every kind, written by the project's own writers, are mutated one to three times:
numbers, names and flags of the claim, the witness and the instance, weights moved between entries, entries
deleted, copied or swapped, characters of the JSON text. A fourth of the mutants first have a bound of the
claim moved to something false, by as little as 1e-30. The checker decides; whatever it accepts is judged by
`truth`, which shares no code with it: the claimed bounds must contain the true value of the mutated
instance. A third of the claims are made weaker first, so that mutants of the instance and of the witness
have a chance to be accepted. A mutant that is accepted and cannot be judged counts as a failure too.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import math
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from truth import Bound, NoOracleError, truth

import metaregret.theory.certificates.check as checker
from metaregret.tabular.environments import make
from metaregret.tabular.horizon import GeometricHorizon
from metaregret.tabular.labels import Labels
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rewards import RewardTables
from metaregret.theory.certificates.drafting import certificate
from metaregret.theory.certificates.write_capacity import channel_certificate, process_capacity_certificate
from metaregret.theory.certificates.write_minimax import minimax_certificate
from metaregret.theory.certificates.write_planning import planning_certificate
from metaregret.theory.certificates.write_proposal import proposal_certificate
from metaregret.theory.minimax import Criterion, Learner, solve
from metaregret.theory.proposals import propose
from metaregret.theory.skills import process_capacity
from metaregret.theory.tasks import Detection, GoalTasks, RewardTasks

Document = dict[str, Any]
SEED, BUDGET = 20240607, 200_000
BESIDE = "instance.json"
"""The file beside the certificate that some certificates refer to."""


# ------------------------------------------------------------------------------------------- certificates


def _z_channel() -> ControlledMarkovProcess:
    rows = [(0, 0, 1, 1), (0, 1, 2, "1/2"), (0, 1, 1, "1/2")] + [(s, a, s, 1) for s in (1, 2) for a in (0, 1)]
    return ControlledMarkovProcess.from_transitions(
        rows, states=["start", "near", "far"], actions=["safe", "noisy"], initial=0, horizon=1
    )


def _ruin() -> ControlledMarkovProcess:
    rows = [(s, 0, s + d, "1/2") for s in (1, 2) for d in (-1, 1)] + [(s, 1, s, 1) for s in range(4)]
    return ControlledMarkovProcess.from_transitions(rows, states=4, actions=2, initial={1: 1}, horizon=2)


def _line() -> ControlledMarkovProcess:
    return make("line:3,start=1").replaced(horizon=2)


def _bets(process: ControlledMarkovProcess) -> list[Fraction]:
    return [Fraction(int(process.choice_action[c] == 0)) for c in process.transition_choice]


def _minimax(tasks: Any, learner: Learner, criterion: Criterion, episodes: int | None) -> Document:
    found = solve(tasks, learner=learner, criterion=criterion, episodes=episodes, exact=True)
    return minimax_certificate(tasks, found)


def _tables() -> RewardTasks:
    process, rng = _line(), np.random.default_rng(5)
    values = [
        [Fraction(int(v), 2) for v in row] for row in rng.integers(0, 3, size=(2, process.n_transitions))
    ]
    return RewardTasks(process, RewardTables.from_exact(process, Labels(2, "task"), values))


def _beside() -> Document:
    document = _minimax(GoalTasks.reachable(_z_channel()), Learner.MEMORYLESS, Criterion.REGRET, None)
    return {**document, "process": {"file": BESIDE, "sha256": hashlib.sha256(_instance()).hexdigest()}}


@cache
def _instance() -> bytes:
    document = _minimax(GoalTasks.reachable(_z_channel()), Learner.MEMORYLESS, Criterion.REGRET, None)
    return json.dumps(document["process"]).encode()


def _games() -> Iterator[tuple[str, Callable[[], Document]]]:
    noisy, line, visits = (
        lambda: GoalTasks.reachable(_z_channel()),
        lambda: GoalTasks.reachable(_line()),
        lambda: GoalTasks.reachable(_line(), Detection.VISIT),
    )
    regret, cost, ratio = Criterion.REGRET, Criterion.HITTING_TIME, Criterion.RATIO
    memory, memoryless, blind = Learner.MEMORY, Learner.MEMORYLESS, Learner.BLIND
    for name, tasks, learner, criterion, episodes in (
        ("memoryless regret", noisy, memoryless, regret, None),
        ("memoryless regret, 2 episodes", noisy, memoryless, regret, 2),
        ("memoryless regret of visits", visits, memoryless, regret, None),
        ("memoryless hitting time", noisy, memoryless, cost, None),
        ("memoryless ratio, 3 episodes", line, memoryless, ratio, 3),
        ("blind regret", noisy, blind, regret, 3),
        ("memory regret", line, memory, regret, 2),
        ("memory regret of visits", visits, memory, regret, 2),
        ("memory regret of rewards", _tables, memory, regret, 2),
        ("memory hitting time", noisy, memory, cost, 2),
        ("memory ratio", line, memory, ratio, 2),
    ):
        yield name, lambda t=tasks, k=learner, c=criterion, n=episodes: _minimax(t(), k, c, n)


def _geometric(process: ControlledMarkovProcess) -> ControlledMarkovProcess:
    return process.replaced(horizon=GeometricHorizon(Fraction(1, 2)))


def _claim(
    process: ControlledMarkovProcess, witness: Document, tasks: Document, value: Any, **fields: Any
) -> Document:
    """A certificate written by hand."""
    claim = {"problem": "minimax", "learner": "memoryless", "criterion": "regret", "detect": "end"}
    claim |= {
        "episodes": "inf",
        "tasks": tasks,
        "lower": str(value),
        "upper": str(value),
        "exact": True,
        **fields,
    }
    return certificate(process, claim, witness)


def _trajectories() -> Document:
    """T9: nine sequences of two actions, so the regret is eight."""
    return _claim(_line(), {}, {"trajectories": True}, 8)


def _memory_for_ever() -> Document:
    """T12: what three episodes lose, (K - 1) / 2 = 1, is what any larger number loses."""
    document = _minimax(GoalTasks.reachable(_line()), Learner.MEMORY, Criterion.REGRET, 3)
    document["claim"]["episodes"] = "inf"
    return document


def _steps() -> Document:
    """One end of the line per episode, at even odds: (1 + 2) / 2 steps, of success 1/2."""
    rows = [[0, 0, "1", 5, {"left": "1/2", "right": "1/2"}]]
    witness = {"prior": {"0": "1/2", "2": "1/2"}, "learners": [{"rows": rows}], "level": "3"}
    goals = {"goals": ["0", "1", "2"]}
    return _claim(_line(), witness, goals, 3, criterion="hitting-time", detect="visit")


def _stationary() -> Document:
    """Stop in one of two states: to go and stay is worth 1/2 of an episode for each, so v / rho - 1 = 1."""
    rows = [(0, 0, 1, 1), (0, 1, 2, 1), (1, 0, 1, 1), (2, 0, 2, 1)]
    fork = ControlledMarkovProcess.from_transitions(
        rows, states=3, actions=2, initial=0, horizon=GeometricHorizon(Fraction(1, 2))
    )
    witness = {
        "prior": {"1": "1/2", "2": "1/2"},
        "learners": [{"rows": [[0, 0, "0", 3, {"0": "1/2", "1": "1/2"}]]}],
    }
    return _claim(fork, witness, {"goals": ["1", "2"]}, 1)


def _blind_rewards() -> Document:
    """One pays left, the other right: half of each loses 1/2 per episode, 1 in two."""
    process = make("line:3,start=1").replaced(horizon=1)
    tables = {"west": [["1", "left", "0", 1]], "east": [["1", "right", "2", 1]]}
    witness = {
        "prior": {"west": "1/2", "east": "1/2"},
        "learners": [{"rows": [[0, 0, "1", 3, {"left": "1/2", "right": "1/2"}]]}],
    }
    return _claim(process, witness, {"rewards": tables}, 1, learner="blind", episodes=2)


def _first_visit() -> Document:
    """``gamma^2`` on a line of 3 from an end to the other."""
    process = _geometric(make("line:3,start=0"))
    claim = {"problem": "planning", "objective": "visit", "goal": "2", "lower": "1/4", "upper": "1/4"}
    return certificate(process, claim, {"policy": {"0": "right", "1": "right"}})


BASES: dict[str, Callable[[], Document]] = {
    **dict(_games()),
    "memory regret for ever": _memory_for_ever,
    "trajectories": _trajectories,
    "steps on the way": _steps,
    "geometric regret": _stationary,
    "blind regret of rewards": _blind_rewards,
    "discounted visit": _first_visit,
    "instance beside": _beside,
    "reach": lambda: planning_certificate(_ruin(), goal=3, unbounded=True),
    "least reach": lambda: planning_certificate(_ruin(), goal=3, unbounded=True, minimise=True),
    "end": lambda: planning_certificate(_ruin(), goal=3),
    "reward": lambda: planning_certificate(_ruin(), rewards=_bets(_ruin())),
    "total reward": lambda: planning_certificate(_ruin(), rewards=_bets(_ruin()), unbounded=True),
    "discounted end": lambda: planning_certificate(_geometric(_ruin()), goal=3),
    "discounted reward": lambda: planning_certificate(_geometric(_ruin()), rewards=_bets(_ruin())),
    "capacity of a channel": lambda: channel_certificate(
        {"safe": [Fraction(1), Fraction(0)], "noisy": [Fraction(1, 2)] * 2}, ["1", "2"], np.array([0.6, 0.4])
    ),
    "capacity of a process": lambda: process_capacity_certificate(process_capacity(_z_channel())),
    "proposal": lambda: proposal_certificate(propose(_z_channel(), "capacity")),
}


@cache
def base(name: str) -> str:
    """The text of a valid certificate."""
    return json.dumps(BASES[name]())


# ------------------------------------------------------------------------------------------- mutations

RUBBISH = [
    None,
    True,
    [],
    {},
    "",
    "x",
    "-1",
    "1e400",
    "1/0",
    "NaN",
    10**50,
    -1,
    0,
    "inf",
    "0/1",
    "01",
    "1e-30",
    0.5,
]
WORDS = [
    *("minimax", "planning", "capacity", "proposal", "memory", "memoryless", "blind", "regret", "ratio"),
    *("hitting-time", "end", "visit", "reach", "reward", "total", "goal", "inf", "-inf", "horizon", "gamma"),
    *(
        "0",
        "1",
        "2",
        "3",
        "start",
        "near",
        "far",
        "safe",
        "noisy",
        "left",
        "right",
        "stay",
        "prior",
        "minimise",
    ),
]


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every path to an entry of a document."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from places(child, (*path, key))


def number(value: Any) -> Fraction | None:
    """The number that a JSON value spells, if it does."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    try:
        return Fraction(value)
    except (ValueError, ZeroDivisionError):
        return None


def other(value: Any, rng: random.Random) -> Any:
    """Another value, mostly of the same kind: a number near by, a word that occurs, or rubbish."""
    found = number(value)
    if rng.random() < 0.1:
        return rng.choice(RUBBISH)
    if isinstance(value, bool):
        return not value
    if found is None:
        return rng.choice(WORDS)
    step = Fraction(rng.randint(-3, 3), rng.choice((1, 2, 4, 10, 1000, 10**6, 10**30)))
    chosen = rng.choice(
        [found + step, found + step, 1 - found, found * 2, found / 2, -found, rng.randint(0, 4)]
    )
    whole = isinstance(value, int) and Fraction(chosen).denominator == 1
    return int(chosen) if whole else str(Fraction(chosen))


def mutate(document: Document, rng: random.Random) -> Document:
    """Change, delete, copy, rename or swap entries, or move weight between them, one to three times."""
    document = copy.deepcopy(document)
    for _ in range(rng.choice((1, 1, 2, 3))):
        everywhere = list(places(document))
        if not everywhere:
            break
        part = rng.choice(sorted({path[0] for path in everywhere}))  # the claim as often as the instance
        *keys, last = rng.choice([path for path in everywhere if path[0] == part])
        node: Any = document
        for key in keys:
            node = node[key]
        action = rng.random()
        if action < 0.5:
            node[last] = other(node[last], rng)
        elif action < 0.6:
            del node[last]
        elif action < 0.7:
            place = rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
            node[last], node[place] = node[place], node[last]
        elif action < 0.8:
            move_weight(node, rng)
        elif action < 0.9 and isinstance(node, list):
            node.insert(rng.randrange(len(node) + 1), copy.deepcopy(node[last]))
        elif isinstance(node, dict):
            node[rng.choice(WORDS)] = node.pop(last)
    return document


def move_weight(node: Any, rng: random.Random) -> None:
    """Move some of one number to another one of the same object or array: the sum is kept."""
    keys = [
        key for key in (node if isinstance(node, dict) else range(len(node))) if number(node[key]) is not None
    ]
    if len(keys) >= 2:
        first, second = rng.sample(keys, 2)
        moved = Fraction(node[first]) * Fraction(rng.randint(-1, 4), 4)
        node[first], node[second] = str(Fraction(node[first]) - moved), str(Fraction(node[second]) + moved)


def mutate_text(text: str, rng: random.Random) -> str:
    """Change, delete, double or insert characters."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        i = rng.randrange(len(text)) if text else 0
        kind = rng.randrange(4)
        if kind == 0:
            text = text[:i] + rng.choice('0123456789-/.,:"{}[]eE \\u') + text[i + 1 :]
        elif kind == 1:
            text = text[:i] + text[i + rng.randint(1, 3) :]
        elif kind == 2:
            j = min(len(text), i + rng.randint(1, 20))
            text = text[:j] + text[i:j] + text[j:]
        else:
            text = (
                text[:i]
                + rng.choice(("0", "1", "-", "/2", "e1", "e-1", ".5", ",", '"', " ", "[", "}"))
                + text[i:]
            )
    return text


def move_claim(document: Document, rng: random.Random) -> None:
    """Move a bound of the claim to the wrong side of the proved one."""
    claim = document["claim"]
    side, sign = rng.choice((("lower", 1), ("upper", -1)))
    if number(claim[side]) is not None:
        wide = claim["lower"] != claim["upper"]
        claim[side] = str(Fraction(claim[side]) + sign * Fraction(1, 10 ** rng.randint(0, 6 if wide else 30)))
    claim.pop("exact", None)


def weaken_claim(document: Document, rng: random.Random) -> None:
    """Move one bound, or both, away from the value."""
    claim = document["claim"]
    for side, sign in rng.choice(((("lower", -1),), (("upper", 1),), (("lower", -1), ("upper", 1)))):
        if number(claim[side]) is not None:
            claim[side] = str(
                Fraction(claim[side]) + sign * Fraction(rng.randint(1, 8), rng.choice((1, 8, 64)))
            )
    if rng.random() < 0.8:
        claim.pop("exact", None)


# ------------------------------------------------------------------------------------------- judgement


@dataclass
class Report:
    """Counts of a run, and what went wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    widest: float = 0.0

    def summary(self, seed: int, seconds: float) -> Document:
        """The run as a JSON document."""
        return {
            "seed": seed,
            **{key: self.counts[key] for key in ("mutants", "unchanged", "rejected", "accepted", "judged")},
            "wrongly accepted or not judged": len(self.wrong),
            "claims moved to something false first": self.counts["moved"],
            "claims made weaker first": self.counts["weakened"],
            "mutants of the text": self.counts["text"],
            "widest bracket of an oracle": self.widest,
            "accepted by kind": dict(sorted(self.accepted.items())),
            "seconds": round(seconds),
        }


def parsed(text: str) -> Any:
    """The document as the checker reads it: decimals are exact."""
    return json.loads(text, parse_float=Fraction)


def bound(value: Any) -> Bound:
    """A bound of a claim as a number."""
    return float(value) if value in ("inf", "-inf") else Fraction(value)


class Harness:
    """Mutates, checks and judges.

    Parameters
    ----------
    folder : Path
        Where the mutants are written, one at a time.
    check : callable, optional
        The checker; by default the project's.
    """

    def __init__(self, folder: Path, check: Callable[..., Any] = checker.check) -> None:
        self.path, self.check, self.report = folder / "certificate.json", check, Report()
        self._known: dict[str, tuple[Bound, Bound]] = {}
        (folder / BESIDE).write_bytes(_instance())

    def run(
        self, mutants: int, seed: int = SEED, progress: Callable[[int], None] = lambda i: None, first: int = 0
    ) -> Report:
        """Judge so many mutants; the seed and the number of a mutant determine it."""
        names = sorted(BASES)
        for i in range(first, first + mutants):
            rng = random.Random(f"{seed} {i}")
            self.one(names[i % len(names)], rng)
            progress(i)
        return self.report

    def one(self, name: str, rng: random.Random) -> None:
        """Make one mutant of a certificate, and judge it if it is accepted."""
        original, counts = base(name), self.report.counts
        counts["mutants"] += 1
        if rng.random() < 0.15:
            counts["text"] += 1
            text = mutate_text(original, rng)
        else:
            document = json.loads(original)
            moved, weaker = rng.random() < 0.25, rng.random() < 0.4
            if moved:
                counts["moved"] += 1
                move_claim(document, rng)
            elif weaker:
                counts["weakened"] += 1
                weaken_claim(document, rng)
            text = json.dumps(document if moved and rng.random() < 0.25 else mutate(document, rng))
        if text == original:
            counts["unchanged"] += 1
            return
        self.path.write_text(text, encoding="utf-8", errors="surrogatepass")
        try:
            self.check(self.path, BUDGET)
        except checker.CertificateError:
            counts["rejected"] += 1
            return
        counts["accepted"] += 1
        self.report.accepted[name] += 1
        fault = self.fault(parsed(text))
        if fault:
            self.report.wrong.append(f"{name}: {fault}: {text[:2000]}")

    def fault(self, document: Document) -> str:
        """What is wrong with an accepted document; empty where its claim is true."""
        claim, process = document["claim"], document.get("process")
        if isinstance(process, dict) and "file" in process:
            process = json.loads(_instance())
        try:
            low, high = self._truth(document, process)
        except NoOracleError as error:
            return f"not judged ({error})"
        self.report.counts["judged"] += 1
        if math.isfinite(high):
            self.report.widest = max(self.report.widest, float(high - low))
        claimed = bound(claim["lower"]), bound(claim["upper"])
        if claimed[0] <= high and low <= claimed[1] and (not claim.get("exact") or claimed[0] == claimed[1]):
            return ""
        return f"claims {claimed[0]} <= value <= {claimed[1]}, but {low} <= value <= {high}"

    def _truth(self, document: Document, process: Document | None) -> tuple[Bound, Bound]:
        claim = {key: x for key, x in document["claim"].items() if key not in ("lower", "upper", "exact")}
        witness = document["witness"] if claim["problem"] == "proposal" else None
        key = json.dumps([claim, process, witness], default=str, sort_keys=True)
        if key not in self._known:
            self._known[key] = truth(document, process)
        return self._known[key]


def main() -> int:
    """Run from the command line; the exit status is 1 if any mutant is wrongly accepted or not judged."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mutants", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--first", type=int, default=0, help="number of the first mutant, for runs in parts")
    parser.add_argument("--save", type=Path, help="write the counts to this JSON file")
    options = parser.parse_args()
    began = time.perf_counter()

    def progress(i: int) -> None:
        if sys.stderr.isatty() and i % 500 == 0:
            print(f"\r{i} of {options.mutants} mutants", end="", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as folder:
        report = Harness(Path(folder)).run(options.mutants, options.seed, progress, options.first)
    summary = report.summary(options.seed, time.perf_counter() - began)
    print(json.dumps(summary, indent=1))
    for fault in report.wrong[:20]:
        print(fault)
    if options.save is not None:
        options.save.write_text(json.dumps(summary, indent=1) + "\n")
    return int(bool(report.wrong))


if __name__ == "__main__":
    raise SystemExit(main())
