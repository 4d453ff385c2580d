"""Replay witnesses in rational arithmetic with the standard library: processes, outcomes, divergences, cover
times. Nothing here touches the package's solvers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

from metaregret.tabular.errors import InvalidArgumentError

__all__ = [
    "Model",
    "Outcome",
    "achieved",
    "best",
    "cover_times",
    "distribution",
    "divergence",
    "entropy",
    "fraction",
    "least_ratio",
    "mixed",
    "outcomes",
    "read",
    "solve",
    "visits",
    "weighted",
    "worst",
]

Outcome = tuple[Fraction, ...]
LogSum = list[tuple[Fraction, Fraction]]
"""``sum c_i log x_i`` as pairs ``(c_i, x_i)``; `metaregret.theory.claims.oracles.sign_of_log_sum` tells its
sign."""


@dataclass(frozen=True)
class Model:
    """A process as lists: ``rows[s][a]`` maps successors to probabilities."""

    start: dict[int, Fraction]
    rows: list[list[dict[int, Fraction]]]
    steps: int


def fraction(value: object) -> Fraction:
    """Read an exact number.

    Raises
    ------
    InvalidArgumentError
        If it is none.
    """
    try:
        return Fraction(str(value))
    except (ValueError, ZeroDivisionError) as error:
        raise InvalidArgumentError(
            f"Expected a number such as '1/2' in a witness, but got {value!r}."
        ) from error


def distribution(values: Sequence[object]) -> Outcome:
    """Read a probability vector.

    Raises
    ------
    InvalidArgumentError
        If an entry is negative or the sum is not one.
    """
    result = tuple(map(fraction, values))
    if min(result, default=Fraction(-1)) < 0 or sum(result) != 1:
        raise InvalidArgumentError(
            f"Expected probabilities that sum to one in a witness, but got {list(values)}."
        )
    return result


def read(document: Mapping[str, Any]) -> Model:
    """Read a ``metaregret-cmp/1`` document with a finite horizon.

    Raises
    ------
    InvalidArgumentError
        If rows do not sum to one.
    """
    listed = document["states"]
    states = {
        str(name): place for place, name in enumerate(range(listed) if isinstance(listed, int) else listed)
    }
    rows: list[dict[str, dict[int, Fraction]]] = [{} for _ in states]
    for source, action, target, p in document["transitions"]:
        row = rows[states[source]].setdefault(action, {})
        row[states[target]] = row.get(states[target], Fraction(0)) + fraction(p)
    by_state = [list(by_action.values()) for by_action in rows]
    start = {states[name]: fraction(p) for name, p in document["initial"].items()}
    for row in (start, *(row for choices in by_state for row in choices)):
        distribution(list(row.values()))
    return Model(start, by_state, int(document["horizon"]))


def outcomes(model: Model) -> list[Outcome]:
    """Return the terminal distributions of all deterministic Markov policies: all vertices of ``M`` are among
    them."""
    return sorted({path[-1] for path in _paths(model, keep=1)})


def visits(model: Model) -> list[Outcome]:
    """Return the probabilities of every state at steps 1 to H, of all deterministic Markov policies."""
    return sorted({sum(path[1:], ()) for path in _paths(model, keep=model.steps + 1)})


def _paths(model: Model, keep: int) -> set[tuple[Outcome, ...]]:
    """The distributions at the last `keep` steps of all deterministic Markov policies."""
    count = len(model.rows)
    layer: set[tuple[Outcome, ...]] = {(tuple(model.start.get(s, Fraction(0)) for s in range(count)),)}
    for _ in range(model.steps):
        following: set[tuple[Outcome, ...]] = set()
        for path in layer:
            mass = path[-1]
            support = [s for s in range(count) if mass[s]]
            for chosen in product(*(model.rows[s] for s in support)):
                after = [Fraction(0)] * count
                for s, row in zip(support, chosen, strict=True):
                    for t, p in row.items():
                        after[t] += mass[s] * p
                following.add((*path, tuple(after))[-keep:])
        layer = following
    return layer


def best(points: Iterable[Outcome]) -> Outcome:
    """Return ``v*``: the largest probability of each state."""
    return tuple(max(column) for column in zip(*points, strict=True))


def achieved(witness: Mapping[str, Any]) -> tuple[list[Outcome], Outcome]:
    """Return what the policies of the witness's process can end in, and the best probability of each
    state."""
    points = outcomes(read(witness["process"]))
    return points, best(points)


def least_ratio(points: Sequence[Outcome], weights: Outcome) -> Fraction:
    """Return a lower bound on ``min_rho max_k v_k / rho_k`` over mixtures of the points, from weights on the
    entries that some point has: ``sum_k w_k rho_k / v_k <= most`` for every mixture."""
    reached = [(k, v) for k, v in enumerate(best(points)) if v]
    shares = ((w * x[k] / v for w, (k, v) in zip(weights, reached, strict=True)) for x in points)
    return 1 / max(sum(share, Fraction(0)) for share in shares)


def worst(target: Outcome, point: Outcome) -> Fraction:
    """Return the worst-case regret ``max_g v_g / rho_g - 1`` of a distribution."""
    return max(v / p for v, p in zip(target, point, strict=True) if v) - 1


def mixed(points: Sequence[Outcome], weights: Sequence[Fraction]) -> Outcome:
    """Return the mixture of the points."""
    return tuple(
        sum(w * x for w, x in zip(weights, column, strict=True)) for column in zip(*points, strict=True)
    )


def divergence(row: Outcome, output: Outcome) -> LogSum:
    """Return ``KL(row || output)``; `output` must be positive where `row` is."""
    return [(p, p / q) for p, q in zip(row, output, strict=True) if p]


def entropy(point: Outcome) -> LogSum:
    """Return the Shannon entropy."""
    return [(-p, p) for p in point if p]


def weighted(weight: Fraction | int, terms: LogSum) -> LogSum:
    """Return a multiple of a sum of logarithms."""
    return [(weight * c, x) for c, x in terms]


def solve(matrix: list[list[Fraction]], right: list[Fraction]) -> list[Fraction]:
    """Solve a square linear system by elimination.

    Raises
    ------
    InvalidArgumentError
        If it is singular.
    """
    table = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i in range(len(table)):
        pivot = next((r for r in range(i, len(table)) if table[r][i]), None)
        if pivot is None:
            raise InvalidArgumentError("The witness leads to a singular linear system.")
        table[i], table[pivot] = table[pivot], table[i]
        table[i] = [x / table[i][i] for x in table[i]]
        for r, row in enumerate(table):
            if r != i and row[i]:
                table[r] = [x - row[i] * y for x, y in zip(row, table[i], strict=True)]
    return [row[-1] for row in table]


def cover_times(neighbours: Sequence[Sequence[int]]) -> list[Fraction]:
    """Return the expected number of steps after which a uniform random walk has visited every node, by start.

    Sets of visited nodes from large to small; within one, a linear system over the places of the walk.
    """
    count = len(neighbours)
    full = (1 << count) - 1
    value = {(full, u): Fraction(0) for u in range(count)}
    for visited in sorted(range(1, full), key=lambda mask: -mask.bit_count()):
        members = [u for u in range(count) if visited >> u & 1]
        if len(members) > 1 and any(not any(visited >> w & 1 for w in neighbours[u]) for u in members):
            continue  # not a set that a walk visits
        place = {u: k for k, u in enumerate(members)}
        matrix = [[Fraction(int(i == j)) for j in range(len(members))] for i in range(len(members))]
        right = [Fraction(1)] * len(members)
        for u in members:
            share = Fraction(1, len(neighbours[u]))
            for w in neighbours[u]:
                if visited >> w & 1:
                    matrix[place[u]][place[w]] -= share
                elif (visited | 1 << w, w) in value:
                    right[place[u]] += share * value[visited | 1 << w, w]
        try:
            found = solve(matrix, right)
        except InvalidArgumentError:  # two separate parts: no walk visits such a set
            continue
        value.update({(visited, u): found[k] for u, k in place.items()})
    return [value[1 << u, u] for u in range(count)]
