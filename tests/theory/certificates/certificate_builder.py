"""A tiny independent builder of certificates for the tests: no import from the project but the checker."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

Document = dict[str, Any]
MOVES = {"right": (1, 0), "left": (-1, 0), "down": (0, 1), "up": (0, -1), "stay": (0, 0)}


def cmp_document(
    states: int, actions: Sequence[str], rows: Iterable[Any], start: int, **horizon: Any
) -> Document:
    """A `metaregret-cmp/1` document with counted states; probabilities are strings."""
    merged: dict[tuple[str, str, str], Fraction] = {}
    for s, a, t, p in rows:
        key = (str(s), a, str(t))
        merged[key] = merged.get(key, Fraction(0)) + Fraction(p)
    return {
        "format": "metaregret-cmp/1",
        "states": states,
        "actions": list(actions),
        "initial": {str(start): 1},
        "transitions": [[*key, str(p)] for key, p in merged.items()],
        **horizon,
    }


def grid(width: int, height: int, start: int = 0, slip: str = "0", **horizon: Any) -> Document:
    """Moves right, left, down, up, stay; a slip replaces the move by a uniformly random direction."""

    def target(s: int, move: str) -> int:
        x, y = s % width + MOVES[move][0], s // width + MOVES[move][1]
        return y * width + x if 0 <= x < width and 0 <= y < height else s

    rows = []
    for s, a in itertools.product(range(width * height), MOVES):
        rows.append((s, a, target(s, a), 1 - Fraction(slip)))
        if Fraction(slip):
            rows += [(s, a, target(s, d), Fraction(slip) / 4) for d in ("right", "left", "down", "up")]
    return cmp_document(width * height, list(MOVES), rows, start, **horizon)


def line(n: int, start: int, **horizon: Any) -> Document:
    """Moves left, right, stay, in that order."""
    moves = {"left": -1, "right": 1, "stay": 0}
    rows = [(s, a, min(n - 1, max(0, s + d)), 1) for s in range(n) for a, d in moves.items()]
    return cmp_document(n, list(moves), rows, start, **horizon)


def z_channel() -> Document:
    """C1: one action reaches state 1 with certainty, the other state 2 with probability 1/2, else state 1."""
    rows = [(0, "safe", 1, 1), (0, "noisy", 2, "1/2"), (0, "noisy", 1, "1/2")]
    rows += [(s, a, s, 1) for s in (1, 2) for a in ("safe", "noisy")]
    return cmp_document(3, ["safe", "noisy"], rows, 0, horizon=1)


def certificate(process: Any, claim: Document, witness: Document) -> Document:
    return {"format": "metaregret-certificate/1", "process": process, "claim": claim, "witness": witness}


def minimax(lower: Any, upper: Any, goals: Sequence[int], **fields: Any) -> Document:
    claim = {"problem": "minimax", "learner": "memoryless", "criterion": "regret", "detect": "end"}
    claim |= {"episodes": "inf", "tasks": {"goals": [str(g) for g in goals]}, "lower": lower, "upper": upper}
    return {**claim, **fields}


def uniform(goals: Sequence[int]) -> dict[str, str]:
    return {str(g): f"1/{len(goals)}" for g in goals}


def successors(process: Document) -> dict[tuple[str, str], str]:
    """The deterministic dynamics of a document."""
    return {(s, a): t for s, a, t, p in process["transitions"] if Fraction(p) == 1}


def shortest(process: Document, source: str, goal: str, steps: int) -> list[str]:
    """A sequence of exactly `steps` actions from the source to the goal of deterministic dynamics."""
    moves, layers = successors(process), [{goal: ()}]
    plans: list[dict[str, tuple[str, ...]]] = [dict(layers[0])]
    for _ in range(steps):
        plans.append({s: (a, *plans[-1][t]) for (s, a), t in moves.items() if t in plans[-1]})
    return list(plans[-1][source])


def visit_orders(
    process: Document, goals: Sequence[int], orders: Iterable[Sequence[int]], episodes: int
) -> list[Any]:
    """Learners of T12: in episode e go to the e-th goal of the order; each order with the same weight.

    A deterministic learner of end-detected goals: B loses one goal per episode.
    """
    (start,) = process["initial"]
    steps, moves, learners = process["horizon"], successors(process), []
    for order in (orders := list(orders)):
        rows, block = [], (1 << len(goals)) - 1
        for episode, goal in enumerate(list(order)[:episodes]):
            state = start
            if block & (block - 1) == 0:
                break
            for t, action in enumerate(shortest(process, start, str(goal), steps)):
                rows.append([episode, t, state, block, action])
                state = moves[state, action]
            block ^= 1 << list(goals).index(goal)
        learners.append({"weight": f"1/{len(orders)}", "rows": rows})
    return learners


def rotations(goals: Sequence[int]) -> list[list[int]]:
    """The cyclic orders: every goal stands once at every position."""
    return [[*goals[i:], *goals[:i]] for i in range(len(goals))]


def write(path: Path, document: Mapping[str, Any]) -> Path:
    path.write_text(json.dumps(document))
    return path
