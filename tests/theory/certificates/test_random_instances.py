"""On random instances the checker proves exactly what an oracle that shares no code with it computes.

Plans and the losses of given learners: `truth` enumerates stationary policies and histories, and solves one
linear system for each. What arbitrary priors and learners prove: `histories`. Nothing has to be found here,
so both bounds must be the oracle's, and not only on their right sides.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from certificate_builder import certificate, minimax, write
from histories import on_the_way, with_memory, without_memory
from test_weak_duality import distribution, random_learners, random_process
from truth import Model, least_steps, success, truth

import metaregret.theory.certificates.check as checker

Document = dict[str, Any]
Bracket = tuple[Any, Any]
LEVEL, ENDLESS, STAY = (
    "level: not proved",
    "policy: an infinite total",
    "policy: a total where one can stay for ever for nothing",
)


def random_instance(generator: random.Random) -> Document:
    """A process of two to four states with a horizon, or with gamma."""
    process = random_process(generator, generator.randint(2, 4), generator.randint(1, 3))
    if generator.random() < 0.4:
        del process["horizon"]
        process["gamma"] = generator.choice(("1/2", "0.3", "2/3"))
    return process


def random_plan(generator: random.Random) -> Document:
    """A plan for a goal or for rewards, from an arbitrary policy."""
    process = random_instance(generator)
    kind = generator.choice(("end", "visit", "reach", "reward", "total"))
    states = [str(s) for s in range(process["states"])]
    if kind == "total" or generator.random() < 0.3:  # the last state ends it all
        rows = [row for row in process["transitions"] if row[0] != states[-1]]
        process["transitions"] = rows + [[states[-1], a, states[-1], 1] for a in "ab"]
    claim: Document = {"problem": "planning", "objective": kind, "lower": "-inf", "upper": "inf"}
    if kind in ("reward", "total"):
        pays = (0, 1, "1/2", 2) if kind == "total" else (-1, 0, "1/3", 2)
        claim["rewards"] = [
            [s, a, t, generator.choice(pays)]
            for s, a, t, _ in process["transitions"]
            if generator.random() < 0.6 and (kind == "reward" or s != states[-1])
        ]
    else:
        claim["goal"] = generator.choice(states)
    if generator.random() < 0.5:
        claim["minimise"] = True
    return certificate(process, claim, {"policy": {s: generator.choice("ab") for s in states}})


def random_proposal(generator: random.Random) -> Document:
    """A mixture of arbitrary learners, of every criterion and class that the format knows."""
    process = random_instance(generator)
    goals = sorted(generator.sample(range(process["states"]), generator.randint(1, process["states"])))
    claim = minimax("-inf", "inf", goals, problem="proposal")
    claim |= {"learner": generator.choice(("memoryless", "blind"))}
    claim |= {"criterion": generator.choice(("regret", "hitting-time", "ratio"))}
    claim |= {"episodes": generator.choice((1, 2, 5, "inf")), "detect": generator.choice(("end", "visit"))}
    if claim["learner"] == "blind" and claim["criterion"] == "regret":
        claim["episodes"] = 3
    witness: Document = {}
    if claim["detect"] == "visit" and claim["criterion"] != "regret":
        claim["episodes"] = "inf"
        if "gamma" in process:
            claim["detect"] = "end"
        elif claim["criterion"] == "ratio":
            found = [g for g in goals if success(Model(process), g, visit=True)] or goals[:1]
            claim["tasks"]["goals"] = [str(g) for g in found]
            witness["least"] = {str(g): str(least_steps(Model(process), g)) for g in found}
    learners = random_learners(generator, {"horizon": 1, **process}, len(claim["tasks"]["goals"]), 1)
    return certificate(process, claim, {**witness, "learners": learners})


def random_exploration(generator: random.Random) -> Document:
    """A prior and an exploration, for goals without memory."""
    document = random_proposal(generator)
    claim, process = document["claim"], document["process"]
    claim["problem"] = "minimax"
    if "gamma" in process or claim["criterion"] != "regret":
        claim["detect"] = "end"
    document["witness"]["prior"] = distribution(generator, claim["tasks"]["goals"])
    return document


def random_memory(generator: random.Random) -> Document:
    """A prior and a mixture of arbitrary learners with memory, for goals or reward tables."""
    process = random_process(generator, generator.randint(2, 4), generator.randint(1, 3))
    states, n = [str(s) for s in range(process["states"])], generator.randint(1, 3)
    claim = minimax("-inf", "inf", [], learner="memory", episodes=n)
    if generator.random() < 0.3:
        names = list("xyz")[: generator.randint(1, 3)]
        rows = [(s, a, t) for s, a, t, _ in process["transitions"]]
        claim["tasks"] = {
            "rewards": {
                name: [
                    [*row, generator.choice((-1, 0, 1, "1/2"))] for row in rows if generator.random() < 0.5
                ]
                for name in names
            }
        }
    else:
        names = generator.sample(states, generator.randint(1, min(3, len(states))))
        claim |= {"tasks": {"goals": names}, "detect": generator.choice(("end", "visit"))}
        claim |= {"criterion": generator.choice(("regret", "hitting-time", "ratio"))}
    learners = random_learners(generator, process, len(names), n)
    return certificate(process, claim, {"prior": distribution(generator, names), "learners": learners})


def random_steps(generator: random.Random) -> Document:
    """A level for the steps until a visit, right or too high, with the least steps for the ratio."""
    process = random_process(generator, generator.randint(2, 4), generator.randint(1, 3))
    model, criterion = Model(process), generator.choice(("hitting-time", "ratio"))
    found = [g for g in range(process["states"]) if success(model, g, visit=True)]
    goals = sorted(generator.sample(found, generator.randint(1, len(found))))
    claim = minimax("-inf", "inf", goals, learner=generator.choice(("memoryless", "blind")))
    claim |= {"criterion": criterion, "detect": "visit"}
    witness: Document = {"learners": random_learners(generator, process, len(goals), 1)}
    witness["prior"] = distribution(generator, claim["tasks"]["goals"])
    witness["level"] = generator.choice(("0", "1/2", "1", "4/3", "2", "3"))
    if criterion == "ratio":
        witness["least"] = {str(g): str(least_steps(model, g)) for g in goals}
    return certificate(process, claim, witness)


def random_trajectories(generator: random.Random) -> Document:
    """All trajectories of one or two steps; with few episodes only where nothing is random."""
    process = random_process(generator, generator.randint(2, 3), generator.randint(1, 2))
    claim = minimax("-inf", "inf", [], learner=generator.choice(("memoryless", "blind")))
    claim |= {"tasks": {"trajectories": True}, "criterion": generator.choice(("hitting-time", "ratio"))}
    if claim["learner"] == "memoryless" and generator.random() < 0.5:
        claim["criterion"] = "regret"
    if generator.random() < 0.5:
        claim["episodes"] = generator.choice((1, 2, 4))
        moves = {(s, a): generator.choice("01") for s, a, _, _ in process["transitions"]}
        process["transitions"] = [[s, a, t, 1] for (s, a), t in moves.items()]
        process["initial"] = {"0": 1}
    return certificate(process, claim, {})


def known(document: Document) -> Bracket | str:
    """The value of a plan, a proposal or a game over trajectories; an infinite total is rejected."""
    value = truth(document, document["process"])
    return ENDLESS if document["claim"]["problem"] == "planning" and value[1] == math.inf else value


KINDS: dict[str, tuple[Callable[[random.Random], Document], Callable[[Document], Bracket | str], int]] = {
    "plan": (random_plan, known, 160),
    "proposal": (random_proposal, known, 120),
    "memory": (random_memory, with_memory, 80),
    "exploration": (random_exploration, without_memory, 100),
    "steps": (random_steps, lambda document: on_the_way(document) or LEVEL, 80),
    "trajectories": (random_trajectories, known, 12),
}
"""Generator, oracle and number of instances."""


def documents(kind: str, count: int) -> list[Document]:
    """Random certificates; the seed of each is its number."""
    return [KINDS[kind][0](random.Random(seed)) for seed in range(count)]


def instances(kind: str) -> list[tuple[Document, Bracket | str]]:
    """Random certificates with what the checker must find: the bracket, or why it rejects them."""
    _, oracle, count = KINDS[kind]
    return [(document, oracle(document)) for document in documents(kind, count)]


def verdict(module: Any, path: Path) -> Bracket | str:
    """The bracket that a checker proves, or its reason to reject."""
    try:
        lower, upper = module.check(path)[1:]
    except module.CertificateError as reason:
        return str(reason)
    return lower, upper


@pytest.mark.parametrize("kind", KINDS)
def test_the_checker_agrees_with_an_oracle(kind: str, tmp_path: Path) -> None:
    path, brackets, reasons = tmp_path / "certificate.json", 0, set[str]()
    for document, expected in instances(kind):
        found = verdict(checker, write(path, document))
        if isinstance(found, str):
            reasons.add(found)
        if found == STAY:  # the least total: policy iteration got stuck, which the checker must notice
            assert document["claim"]["minimise"]
        else:
            assert found == expected, document
        brackets += not isinstance(found, str)
    assert brackets >= KINDS[kind][2] / 3
    assert reasons <= {"plan": {ENDLESS, STAY}, "steps": {LEVEL}}.get(kind, set())
