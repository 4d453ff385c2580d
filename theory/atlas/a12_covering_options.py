r"""A12, covering options: an option between the ends of the Fiedler vector can lengthen the walk.

Statement
---------
Adding an option between the two states farthest apart in the Fiedler vector (the eigenvector of the second
eigenvalue of the graph Laplacian) is meant to lower the expected cover time of the random walk. On a line it
does: the worst start takes ``(n - 1)**2 + floor((n - 1)**2 / 4)`` steps, and ``n (n - 1) / 2`` once the ends
are joined.

Dropped: the line. On the triangular prism with one option, an edge in both directions, as likely as each
other edge, the exact cover time rises from 177/14.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any

import sympy

from metaregret.theory.atlas import _replay as replay
from metaregret.theory.atlas._instances import document
from metaregret.theory.claims import (
    Context,
    Trial,
    agreement,
    all_hold,
    exact_agreement,
    method,
    published,
    vanishes,
)


@dataclass(frozen=True)
class Claim:
    """Cover times from the worst start: of a line of n states, and of the same with its ends joined."""

    line: Any = lambda n: (n - 1) ** 2 + (n - 1) ** 2 // 4
    ring: Any = lambda n: n * (n - 1) // 2


def _line(n: int) -> list[list[int]]:
    return [[k for k in (u - 1, u + 1) if 0 <= k < n] for u in range(n)]


def _ring(n: int) -> list[list[int]]:
    return [[(u - 1) % n, (u + 1) % n] for u in range(n)]


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Linear systems over the sets of visited states, tolerance zero."""
    for n in range(3, 7):
        yield exact_agreement(f"line of {n}", max(replay.cover_times(_line(n))), claim.line(n))
        yield exact_agreement(f"ring of {n}", max(replay.cover_times(_ring(n))), claim.ring(n))


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """Gambler's ruin: from place k the nearer end is found after ``k (m - k)`` steps, and the other end takes
    ``m**2`` more; on a ring the j-th new state takes ``j`` steps."""
    k, m, j, n = sympy.symbols("k m j n", integer=True, positive=True)
    ruin: Any = lambda x: x * (m - x)
    yield vanishes("steps to an end", ruin(k) - 1 - (ruin(k - 1) + ruin(k + 1)) / 2)
    yield vanishes("new states of a ring", sympy.summation(j, (j, 1, n - 1)) - n * (n - 1) / 2)
    for size in range(3, 9):
        best = max(place * (size - 1 - place) for place in range(size)) + (size - 1) ** 2
        yield exact_agreement(f"line of {size}", claim.line(size), best)
        yield exact_agreement(f"ring of {size}", claim.ring(size), size * (size - 1) // 2)
        yield all_hold(f"option on a line of {size}", shorter=claim.ring(size) < claim.line(size))


def simulation(claim: Claim, context: Context) -> Iterable[Trial]:
    """Random walks on the line of four from a middle state, and on the ring: within six standard errors."""
    random = context.generator("A12")
    for graph, expected in ((_line(4), claim.line(4)), (_ring(4), claim.ring(4))):
        lengths = []
        for _ in range(2000):
            place, seen, steps = 1, {1}, 0
            while len(seen) < len(graph):
                place = graph[place][int(random.integers(len(graph[place])))]
                seen.add(place)
                steps += 1
            lengths.append(steps)
        mean = sum(lengths) / len(lengths)
        spread = (sum((x - mean) ** 2 for x in lengths) / len(lengths) ** 2) ** 0.5
        yield agreement(f"walks on {graph}", mean, expected, 6 * spread / max(1, expected))


def _is_fiedler(neighbours: list[list[int]], value: Fraction, vector: list[Fraction]) -> bool:
    """Whether `vector` is an eigenvector of the Laplacian for its second smallest, simple, eigenvalue.

    By Sylvester's law: ``L - x I`` has as many negative eigenvalues as eigenvalues of ``L`` lie below ``x``;
    exactly two lie below a bit more than `value`, one below a bit less, and `value` has one of them.
    """
    laplacian = _laplacian(neighbours)
    image = [sum(a * x for a, x in zip(row, vector, strict=True)) for row in laplacian]
    eigen = any(vector) and image == [value * x for x in vector]
    bit = Fraction(1, 1000)
    return bool(eigen) and _below(laplacian, value - bit) == 1 and _below(laplacian, value + bit) == 2


def _laplacian(neighbours: list[list[int]]) -> list[list[Fraction]]:
    n = len(neighbours)
    return [
        [Fraction(len(neighbours[u]) if u == w else -neighbours[u].count(w)) for w in range(n)]
        for u in range(n)
    ]


def _below(matrix: list[list[Fraction]], shift: Fraction) -> int:
    """The number of eigenvalues below `shift`: negative pivots of an elimination without exchanges."""
    n = len(matrix)
    table = [[x - shift * (i == j) for j, x in enumerate(row)] for i, row in enumerate(matrix)]
    negative = 0
    for i in range(n):
        if not table[i][i]:
            return -1
        negative += table[i][i] < 0
        for r in range(i + 1, n):
            factor = table[r][i] / table[i][i]
            table[r] = [x - factor * y for x, y in zip(table[r], table[i], strict=True)]
    return negative


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: the stated vector is the Fiedler vector, the option joins its extremes, and the exact cover
    time from the worst start rises."""
    graph = [[t for row in rows for t in row] for rows in replay.read(witness["process"]).rows]
    a, b = sorted(map(int, witness["option"]))
    vector = [replay.fraction(x) for x in witness["fiedler_vector"]]
    count = len(graph)
    joined = all(u in graph[w] and u != w for u in range(count) for w in graph[u])
    if not (joined and len(vector) == count and 0 <= a < b < count and b not in graph[a]):
        return None
    if not _is_fiedler(graph, replay.fraction(witness["second_eigenvalue"]), vector):
        return None
    if {vector[a], vector[b]} != {min(vector), max(vector)}:
        return None
    before = replay.cover_times(graph)
    graph[a].append(b)
    graph[b].append(a)
    after = replay.cover_times(graph)
    if not max(after) > max(before):
        return None
    return {
        "option": f"between {a} and {b}",
        "cover time from the worst start": str(max(before)),
        "with the option": f"{max(after)} = {float(max(after)):.6f}",
    }


def search(context: Context) -> Iterable[Mapping[str, Any]]:
    """The prism over a triangle, every pair of states not joined."""
    edges = [(0, 1), (0, 2), (1, 2), (3, 4), (3, 5), (4, 5), (0, 3), (1, 4), (2, 5)]
    moves = [[str(u), f"to {w}", str(w), "1"] for edge in edges for u, w in (edge, edge[::-1])]
    process = document(moves, 2, [str(u) for u in range(6)])
    vector = ["1", "1", "1", "-1", "-1", "-1"]
    for option in combinations(range(6), 2):
        if option not in edges:
            found = {"process": process, "option": list(option), "second_eigenvalue": "2"}
            yield found | {"fiedler_vector": vector}


PUBLISHED = published(
    uid="A12",
    title="Covering options lower the expected cover time",
    statement=r"\mathbb E[\text{cover time of}\ G+\text{option}]<\mathbb E[\text{cover time of}\ G]",
    source="Y. Jinnai, J. W. Park, D. Abel & G. Konidaris, Discovering options for exploration by "
    "minimizing cover time, ICML 2019, arXiv:1903.00606",
    finite="An option is one more edge in both directions, taken as often as each other edge and in one "
    "step; exact expected cover times from the worst start. The paper proves that bounds of the "
    "cover time improve.",
    needs="more than a larger second eigenvalue; on lines the option does what it promises",
    refuted=True,
    holds=(
        "On a line the option between the ends lowers the cover time",
        r"\tfrac{n(n-1)}2<(n-1)^2+\lfloor\tfrac{(n-1)^2}4\rfloor,\quad n\ge3",
    ),
    kind="classical",
    holds_source="gambler's ruin; extension by this project",
    claim=Claim(),
    methods=(
        method("gambler's ruin", "symbolic", symbolic),
        method("linear systems", "exact", exact),
        method("random walks", "simulation", simulation),
    ),
    planted={
        "from an end": Claim(line=lambda n: (n - 1) ** 2),
        "ring squared": Claim(ring=lambda n: n * n // 2),
        "ring doubled": Claim(ring=lambda n: n * (n - 1)),
    },
    fails=(
        "Joining the extremes of the Fiedler vector lowers the expected cover time",
        r"\mathbb E[\text{cover time of}\ G+\text{option}]<\mathbb E[\text{cover time of}\ G]",
    ),
    drops="the line",
    refute=refute,
    search=search,
)
