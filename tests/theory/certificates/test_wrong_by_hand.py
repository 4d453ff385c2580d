"""For each kind of claim beyond memoryless goals with a horizon: wrong certificates written by hand."""

from __future__ import annotations

import copy
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from certificate_builder import (
    certificate,
    cmp_document,
    grid,
    line,
    minimax,
    rotations,
    uniform,
    visit_orders,
    write,
    z_channel,
)
from test_hostile import drop, put

from metaregret.theory.certificates.check import CertificateError, check

Document = dict[str, Any]


def geometric() -> Document:
    """From the start, safe leads to state 1, noisy to 1 or 2; the episode goes on with 1/2.

    ``v = (1/2, 1/4)``; with safe at 1/3 ``rho = (1/3, 1/6)``, both ``v/rho - 1 = 1/2``, as in C1.
    """
    process = {**z_channel(), "gamma": "1/2"}
    del process["horizon"]
    rows = [[0, 0, "0", 3, {"safe": "1/3", "noisy": "2/3"}]]
    witness = {"prior": {"1": "2/3", "2": "1/3"}, "learners": [{"rows": rows}]}
    return certificate(process, minimax("1/2", "1/2", [1, 2], exact=True), witness)


def steps() -> Document:
    """Both ends of a line of 3, two steps: one or three steps in an episode's pass, 3 episodes' worth."""
    rows = [[0, 0, "1", 5, {"left": "1/2", "right": "1/2"}]]
    witness = {"prior": {"0": "1/2", "2": "1/2"}, "learners": [{"rows": rows}], "level": 3}
    witness["least"] = {"0": 1, "2": 1}
    claim = minimax(3, 3, [0, 1, 2], detect="visit", criterion="ratio", exact=True)
    return certificate(line(3, 1, horizon=2), claim, witness)


def trajectories() -> Document:
    """T9: a slip of 1/2 on four states leaves 25 answers to two actions."""
    claim = {**minimax(24, 24, [], exact=True), "tasks": {"trajectories": True}}
    return certificate(grid(2, 2, slip="1/2", horizon=2), claim, {})


def for_ever() -> Document:
    """T12 with N = inf: (K - 1)/2."""
    process, goals = line(3, 1, horizon=2), [0, 1, 2]
    witness = {"prior": uniform(goals), "learners": visit_orders(process, goals, rotations(goals), 3)}
    return certificate(process, minimax(1, 1, goals, learner="memory", episodes="inf", exact=True), witness)


def blind() -> Document:
    """Two arms, each task pays on one: half of N episodes is lost, whatever is seen."""
    process = cmp_document(1, ["x", "y"], [(0, "x", 0, 1), (0, "y", 0, 1)], 0, horizon=1)
    tables = {name: [["0", name, "0", 1]] for name in "xy"}
    claim = {
        **minimax("3/2", "3/2", [], learner="blind", episodes=3, exact=True),
        "tasks": {"rewards": tables},
    }
    rows = [[0, 0, "0", 3, {"x": "1/2", "y": "1/2"}]]
    return certificate(process, claim, {"prior": {"x": "1/2", "y": "1/2"}, "learners": [{"rows": rows}]})


def both(**claim: Any) -> Callable[[Document], None]:
    return lambda document: document["claim"].update(claim)


PROOFS = {f.__name__: f for f in (geometric, steps, trajectories, for_ever, blind)}
ROW = ("witness", "learners", 0, "rows", 0)
WRONG = {
    "geometric": {
        "hitting times": (both(criterion="hitting-time"), "upper"),
        "no gamma": (drop("process", "gamma"), "another horizon"),
        "another prior": (put("witness", "prior", {"1": 1}), "lower"),
        "another policy": (put(*ROW, 4, {"safe": "2/3", "noisy": "1/3"}), "lower|upper"),
        "a row at a later time": (put(*ROW, 1, 1), "lower|upper"),
        "a row with part of B": (put(*ROW, 3, 1), "lower|upper"),
        "with memory": (both(learner="memory", episodes=2), "another horizon"),
        "with steps": (both(detect="visit", criterion="hitting-time"), "another horizon"),
        "finitely many episodes": (both(episodes=3), "lower|upper"),
        "the ratio": (both(criterion="ratio"), "lower|upper"),
        "trajectories": (both(tasks={"trajectories": True}), "no horizon"),
        "capacity": (
            lambda d: d.update(claim={"problem": "capacity", "lower": 0, "upper": 9}),
            "finite horizon",
        ),
    },
    "steps": {
        "a higher level": (put("witness", "level", "300001/100000"), "level"),
        "a lower level": (put("witness", "level", "2.99"), "lower"),
        "no level": (drop("witness", "level"), "lower"),
        "a level as text": (put("witness", "level", "three"), "rational"),
        "another prior": (put("witness", "prior", {"0": 1}), "level"),
        "no prior": (drop("witness", "prior"), "level"),
        "a prior on what is never found": (
            lambda d: d["witness"].update(prior={"2": 1}, learners=[{"rows": [[0, 0, "1", 5, "left"]]}]),
            "level",
        ),
        "larger least steps": (put("witness", "least", {"0": 2, "2": 2}), "least"),
        "smaller least steps": (put("witness", "least", {"0": "1/2", "2": "1/2"}), "least"),
        "least steps of one": (put("witness", "least", {"0": 1}), "least"),
        "least steps at the start": (put("witness", "least", {"0": 1, "1": 1, "2": 1}), "least"),
        "no least steps": (drop("witness", "least"), "least"),
        "one side only": (put(*ROW, 4, "left"), "level"),
        "finitely many episodes": (both(episodes=7), "unsupported"),
        "rewards": (both(tasks={"rewards": {"a": []}}), "unsupported"),
        "one step": (put("process", "horizon", 1), None),
    },
    "trajectories": {
        "fewer": (both(lower=23, upper=23), "upper"),
        "more": (both(lower=25, upper=25), "lower"),
        "not asked for": (both(tasks={"trajectories": False}), "no trajectories"),
        "a number": (both(tasks={"trajectories": 1}), "expected"),
        "goals too": (both(tasks={"trajectories": True, "goals": ["0"]}), "one family"),
        "three episodes of noise": (both(episodes=3), "deterministic"),
        "with memory": (both(learner="memory", episodes=3), "unsupported"),
        "a proposal": (both(problem="proposal"), "unsupported"),
        "blind regret for ever": (both(learner="blind"), "infinite regret"),
        "hitting time": (both(criterion="hitting-time"), "upper"),
        "a longer horizon": (put("process", "horizon", 3), "upper"),
    },
    "for_ever": {
        "noise": (
            lambda d: (
                d["process"]["transitions"].extend([["0", "stay", "1", 0], ["1", "stay", "0", 0]])
                or d["process"].update(initial={"0": "1/2", "1": "1/2"})
            ),
            "unsupported episodes",
        ),
        "out of reach": (put("process", "horizon", 1), None),
        "a goal too far": (
            lambda d: d["process"].update(initial={"0": 1}, horizon=1),
            "unsupported episodes",
        ),
        "another prior": (put("witness", "prior", {"0": "1/2", "2": "1/2"}), "lower"),
        "a learner without rows": (put("witness", "learners", [{"rows": []}]), "upper"),
        "rewards": (
            lambda d: d["claim"].update(tasks={"rewards": {"a": []}}) or d["witness"].pop("prior"),
            "unsupported episodes",
        ),
        "zero": (both(lower=0, upper=0), "upper"),
    },
    "blind": {
        "what an adaptive learner loses": (both(lower="1/2", upper="1/2"), "upper"),
        "rows that tell the tasks apart": (
            lambda d: d["witness"]["learners"][0].update(rows=[[0, 0, "0", 1, "x"], [0, 0, "0", 2, "y"]]),
            "upper",
        ),
        "rows of a later episode": (put(*ROW, 0, 1), "upper"),
        "one arm": (put(*ROW, 4, "x"), "upper"),
        "another prior": (put("witness", "prior", {"x": 1}), "lower"),
        "memoryless": (both(learner="memoryless"), "unsupported"),
        "for ever": (both(episodes="inf"), "infinite"),
        "the ratio": (both(criterion="ratio"), "unsupported"),
        "a proposal": (both(problem="proposal"), "unsupported"),
        "another reward": (put("claim", "tasks", "rewards", "x", 0, 3, 2), "lower|upper"),
    },
}
CASES = [(kind, name) for kind, wrong in WRONG.items() for name in wrong]


@pytest.mark.parametrize("kind", PROOFS)
def test_the_originals_are_proved(kind: str, tmp_path: Path) -> None:
    document = PROOFS[kind]()
    value = Fraction(document["claim"]["lower"])
    assert check(write(tmp_path / "certificate.json", document))[1:] == (value, value)


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_wrong_certificates_are_rejected(kind: str, name: str, tmp_path: Path) -> None:
    change, reason = WRONG[kind][name]
    document = copy.deepcopy(PROOFS[kind]())
    change(document)
    with pytest.raises(CertificateError, match=reason):
        check(write(tmp_path / "certificate.json", document))


@pytest.mark.parametrize("kind", ["geometric", "steps", "for_ever", "blind"])
def test_bounds_beyond_the_value_are_rejected(kind: str, tmp_path: Path) -> None:
    for side, sign in (("lower", 1), ("upper", -1)):
        document = PROOFS[kind]()
        moved = Fraction(document["claim"][side]) + sign * Fraction(1, 10**30)
        document["claim"] |= {side: str(moved), "exact": False}
        with pytest.raises(CertificateError, match="not proved"):
            check(write(tmp_path / "certificate.json", document))
