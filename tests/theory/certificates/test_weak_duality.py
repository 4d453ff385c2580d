"""On random instances any two witnesses prove ordered bounds, and the learner classes are ordered (T18)."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from certificate_builder import certificate, cmp_document, minimax, write

from metaregret.theory.certificates.check import check

Document = dict[str, Any]


def distribution(generator: random.Random, names: list[str]) -> dict[str, str]:
    weights = [generator.randint(0, 3) for _ in names]
    weights[generator.randrange(len(names))] += 1
    return {name: f"{weight}/{sum(weights)}" for name, weight in zip(names, weights, strict=True)}


def random_process(generator: random.Random, states: int, horizon: int) -> Document:
    rows: list[Any] = []
    for s, a in itertools.product(range(states), "ab"):
        if a == "a" or generator.random() < 0.8:
            rows += [
                (s, a, t, p) for t, p in distribution(generator, [str(t) for t in range(states)]).items()
            ]
    process = cmp_document(states, ["a", "b"], rows, 0, horizon=horizon)
    return {**process, "initial": distribution(generator, [str(s) for s in range(states)])}


def random_learners(generator: random.Random, process: Document, tasks: int, episodes: int) -> list[Any]:
    available = sorted({(s, a) for s, a, _, _ in process["transitions"]})
    learners = []
    for _ in range(generator.randint(1, 3)):
        rows = {}
        for _ in range(generator.randint(0, 40)):
            s, a = generator.choice(available)
            choices = [b for t, b in available if t == s]
            block = generator.randint(1, 2**tasks - 1)
            key = (generator.randrange(episodes), generator.randrange(process["horizon"]), s, block)
            rows[key] = a if generator.random() < 0.5 else distribution(generator, choices)
        learners.append({"rows": [[*key, choice] for key, choice in rows.items()]})
    weights = distribution(generator, [str(i) for i in range(len(learners))])
    return [{"weight": weights[str(i)], **learner} for i, learner in enumerate(learners)]


def bounds(path: Path, process: Document, claim: Document, witness: Document) -> tuple[Any, Any]:
    return check(write(path, certificate(process, {**claim, "lower": "-inf", "upper": "inf"}, witness)))[1:]


@pytest.mark.parametrize("seed", range(30))
def test_goals(tmp_path, seed):
    generator = random.Random(seed)
    states, horizon, episodes = generator.randint(2, 4), generator.randint(1, 3), generator.randint(1, 3)
    process = random_process(generator, states, horizon)
    goals = sorted(generator.sample(range(states), generator.randint(1, states)))
    detect = generator.choice(("end", "visit"))
    for criterion in ("regret", "hitting-time", "ratio"):
        proved = {}
        for learner in ("memory", "memoryless", "blind"):
            if learner != "memory" and detect == "visit" and criterion != "regret":
                continue
            claim = minimax(
                0, 0, goals, learner=learner, criterion=criterion, detect=detect, episodes=episodes
            )
            brackets = []
            for _ in range(2):
                learners = random_learners(
                    generator, process, len(goals), episodes if learner == "memory" else 1
                )
                witness = {"prior": distribution(generator, [str(g) for g in goals]), "learners": learners}
                brackets.append(bounds(tmp_path / "certificate.json", process, claim, witness))
            proved[learner] = max(low for low, _ in brackets), min(high for _, high in brackets)
            assert proved[learner][0] <= proved[learner][1], (criterion, learner)
        for less, more in itertools.combinations(proved, 2):
            assert proved[less][0] <= proved[more][1], (criterion, less, more)


@pytest.mark.parametrize("seed", range(30))
def test_rewards(tmp_path, seed):
    generator = random.Random(seed)
    states, horizon, episodes = generator.randint(1, 3), generator.randint(1, 2), generator.randint(1, 3)
    process = random_process(generator, states, horizon)
    names = ["x", "y", "z"][: generator.randint(1, 3)]
    tables = {
        name: [[s, a, t, generator.choice((-1, 0, 1, "1/2"))] for s, a, t, _ in process["transitions"]]
        for name in names
    }
    claim = {**minimax(0, 0, [], learner="memory", episodes=episodes), "tasks": {"rewards": tables}}
    brackets = []
    for _ in range(2):
        learners = random_learners(generator, process, len(names), episodes)
        witness = {"prior": distribution(generator, names), "learners": learners}
        brackets.append(bounds(tmp_path / "certificate.json", process, claim, witness))
    assert max(low for low, _ in brackets) <= min(high for _, high in brackets)


@pytest.mark.parametrize("seed", range(30))
def test_capacity(tmp_path, seed):
    """I(p) <= max KL for any skills and any output; and for one skill the information is nothing."""
    generator = random.Random(seed)
    states = generator.randint(2, 3)
    process = random_process(generator, states, generator.randint(1, 3))
    output = {str(s): f"1/{states}" for s in range(states)}
    claim = {"problem": "capacity"}
    learners = random_learners(generator, process, states, 1)
    lower, upper = bounds(tmp_path / "c.json", process, claim, {"learners": learners, "output": output})
    assert lower <= upper
    one = [{"rows": learners[0]["rows"]}]
    lower, _ = bounds(tmp_path / "c.json", process, claim, {"learners": one, "output": output})
    assert -Fraction(1, 10**40) <= lower <= 0
