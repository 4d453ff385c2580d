"""Independent checker of certificates: proves ``lower <= value <= upper`` exactly, trusting nothing.

Standard library only, integers and fractions only, no solver and no tolerance: ``python check.py FILE`` exits
with 0 and the proved bracket, with 1 and the first thing that fails, or with 2 for bad usage. The format and, for
every kind of claim, the reason why what is evaluated here is a proof, are in `docs/certificates.md`.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

MAX_BYTES, MAX_BITS = 1 << 25, 1 << 17  # the size of a file, and of a common denominator
DIGITS = 4000  # of an integer: counted on the text, before any conversion
BUDGET = 20_000_000  # work units of about a microsecond
LITERAL = re.compile(rf"-?[0-9]{{1,{DIGITS}}}(/[0-9]{{1,{DIGITS}}}|(\.[0-9]{{1,400}})?([eE][-+]?[0-9]{{1,3}})?)")
PRECISION = 192  # bits of a logarithm
Number = int | Fraction
Bound = Number | float  # a float only where the bound is infinite
Bracket = tuple[Bound, Bound]
Vector = dict[int, Fraction]
Row = list[tuple[int, int]]  # (numerator of the probability, successor)
Node = tuple[int, int]  # (state, or -1 before an episode; bit set B of the tasks still possible)
Table = dict[tuple[int, int, int], Number]  # (state, action, successor) -> reward
Tasks = dict[str, int | Table]  # goal states or reward tables; bit z of a set B is task z
Learner = dict[tuple[int, ...], Vector]  # (t, s) or (episode, t, s, B) -> probabilities of actions

# The shapes of documents: a type; words "a|b"; [shape] an array; (shape, ...) a row; {"*": shape} an object with
# free names; otherwise an object with these fields and no other, those marked "?" being optional.
NUMBERS, ROWS, MIXTURE = {"*": Fraction}, [(str, str, str, Fraction)], [{"weight?": Fraction, "rows": [list]}]
VALUES = {"lower?": NUMBERS, "upper?": NUMBERS, "policy?": {"*": str}}
INSTANCE = {"format": "metaregret-cmp/1", "states": object, "actions": object, "initial": NUMBERS}
INSTANCE |= {"transitions": ROWS, "horizon?": int, "gamma?": Fraction, "name?": str}
FILE = {"file": str, "sha256": str, "horizon?": int, "gamma?": Fraction}
LOSS = {"learner": "blind|memoryless|memory", "criterion": "regret|hitting-time|ratio", "detect": "end|visit"}
LOSS |= {"tasks": {"goals?": [str], "rewards?": {"*": ROWS}}, "episodes": object}
CLAIMS: dict[str, dict[str, Any]] = {
    "planning": {"objective": "end|visit|reach|reward|total", "goal?": str, "rewards?": ROWS, "minimise?": bool},
    "minimax": LOSS,
    "proposal": LOSS,
    "capacity": {"channel?": {"outputs": [str], "rows": {"*": NUMBERS}}},
}
WITNESS = {"values?": VALUES, "prior?": NUMBERS, "reference?": NUMBERS, "learners?": MIXTURE, "ceiling?": VALUES}
WITNESS |= {"optima?": {"*": VALUES}, "occupancy?": {"*": NUMBERS}, "input?": NUMBERS, "output?": NUMBERS}


class Rejected(Exception):
    """The certificate does not prove its claim; the message is the first thing that fails."""


def need(condition: object, reason: str) -> None:
    """Reject unless the condition holds."""
    if not condition:
        raise Rejected(reason)


def rational(text: str) -> Fraction:
    """Read "p/q", an integer or a decimal exactly, its length checked before any conversion."""
    need(LITERAL.fullmatch(text), f"not a rational of at most {DIGITS} digits: {text[:40]!a}")
    need("/" not in text or text.partition("/")[2].strip("0"), "a denominator of zero")
    return Fraction(text)


def parse(data: bytes) -> Any:
    """Read JSON strictly: no key twice, no NaN or infinity, decimals exact, lengths and depth limited."""

    def pairs(items: list[tuple[str, object]]) -> dict[str, object]:
        need(len(dict(items)) == len(items), "an object has a key twice")
        return dict(items)

    hooks: dict[str, Any] = {"object_pairs_hook": pairs, "parse_float": rational}
    hooks["parse_int"] = lambda text: rational(text).numerator
    hooks["parse_constant"] = lambda text: need(False, f"not a number: {text}")
    try:
        return json.loads(data.decode(), **hooks)
    except RecursionError:
        raise Rejected("nested too deeply") from None
    except ValueError as error:  # neither UTF-8 nor JSON
        raise Rejected(f"not a JSON document: {error}") from None


def read(value: Any, shape: Any, where: str) -> Any:
    """Return the value if it has the shape, its numbers as fractions; a Boolean is no integer."""
    if shape is Fraction and isinstance(value, int | str) and not isinstance(value, bool):
        return rational(value) if isinstance(value, str) else Fraction(value)
    if isinstance(shape, type):
        fits = isinstance(value, shape) and (shape in (bool, object) or not isinstance(value, bool))
        need(fits, f"{where}: expected {shape.__name__}, got {str(value)[:40]!a}")
        return value
    if isinstance(shape, str):
        need(isinstance(value, str) and value in shape.split("|"), f"{where}: expected {shape}")
        return value
    need(isinstance(value, dict if isinstance(shape, dict) else list), f"{where}: expected an object or an array")
    if isinstance(shape, list):
        return [read(x, shape[0], where) for x in value]
    if isinstance(shape, tuple):
        need(len(value) == len(shape), f"{where}: a row of {len(value)} entries")
        return [read(x, part, where) for x, part in zip(value, shape, strict=True)]
    if "*" in shape:
        return {name: read(x, shape["*"], f"{where}.{name[:40]}") for name, x in value.items()}
    parts = {name.rstrip("?"): part for name, part in shape.items()}
    need(value.keys() <= parts.keys(), f"{where}: unknown field {min(value.keys() - parts.keys(), default='')[:40]!a}")
    missing = {name for name in shape if not name.endswith("?")} - value.keys()
    need(not missing, f"{where}: field {min(missing, default='')} is missing")
    return {name: read(x, parts[name], f"{where}.{name}") for name, x in value.items()}


def labels(value: Any, where: str) -> dict[str, int]:
    """Read distinct names, or their count; return the index of each."""
    if not isinstance(value, list):
        need(0 < read(value, int, where) <= 10**6, f"{where}: a count out of range")
        value = [str(i) for i in range(value)]
    names = read(value, [str], where)
    need(0 < len(set(names)) == len(names), f"{where}: expected distinct names")
    return {name: i for i, name in enumerate(names)}


def find(names: Mapping[str, int], name: str, where: str) -> int:
    """Return the index of a name."""
    need(name in names, f"{where}: unknown name {name[:40]!a}")
    return names[name]


def whole(values: Iterable[Number], where: str) -> tuple[list[int], int]:
    """Return integers ``k_i`` and one denominator ``d`` of limited size with ``values_i = k_i / d``."""
    unit, numbers = 1, list(values)
    for x in numbers:
        unit = math.lcm(unit, x.denominator)
        small = unit.bit_length() <= MAX_BITS and unit.bit_length() * len(numbers) <= 1 << 28
        need(small, f"{where}: the common denominator is too large")
    return [x.numerator * (unit // x.denominator) for x in numbers], unit


def add(values: Iterable[Number]) -> Number:
    """Return the sum, an integer where it can be one: integers are faster."""
    numerators, unit = whole(values, "sum")
    return sum(numerators) if unit == 1 else Fraction(sum(numerators), unit)


def vector(given: Mapping[str, Number], names: Mapping[str, int], where: str, total: int | None = None) -> Vector:
    """Return entries by index; with a `total` they must be non-negative and sum to it exactly."""
    entries = {find(names, name, where): Fraction(x) for name, x in given.items()}
    numerators, unit = whole(entries.values(), where)
    need(total is None or min(numerators, default=0) >= 0, f"{where}: a negative entry")
    need(total is None or sum(numerators) == total * unit, f"{where}: does not sum to {total}")
    return entries


def bits(block: int) -> list[int]:
    """Return the members of a bit set."""
    return [z for z in range(block.bit_length()) if block >> z & 1]


class Process:
    """A controlled Markov process in integers: the probability of a transition is ``numerator / unit``."""

    def __init__(self, document: object, budget: int) -> None:
        doc, self.budget = read(document, INSTANCE, "process"), budget
        self.horizon, self.gamma = doc.get("horizon", 0), doc.get("gamma", Fraction(0))
        need(not ("horizon" in doc and "gamma" in doc), "process: both a horizon and a gamma")
        need("horizon" not in doc or 0 < self.horizon <= 10**9, "process: the horizon is out of range")
        need("gamma" not in doc or 0 < self.gamma < 1, "process: expected 0 < gamma < 1")
        self.states, self.actions = labels(doc["states"], "process.states"), labels(doc["actions"], "process.actions")
        start = vector(doc["initial"], self.states, "process.initial", total=1)
        rows = self.table(doc["transitions"], "process.transitions")
        numerators, self.unit = whole([*start.values(), *rows.values()], "process")
        need(min(numerators) >= 0, "process: a negative probability")
        self.initial = [(n, s) for n, s in zip(numerators, start, strict=False) if n]
        self.choices: list[dict[int, Row]] = [{} for _ in self.states]
        for (s, a, t), n in sorted(zip(rows, numerators[len(start) :], strict=True)):
            self.choices[s].setdefault(a, []).extend([(n, t)] * (n > 0))
        for name, s in self.states.items():
            sums = {sum(n for n, _ in row) for row in self.choices[s].values()}
            need(sums == {self.unit}, f"process: state {name[:40]!a} has no action, or a row that does not sum to 1")

    def table(self, rows: Sequence[Sequence[Any]], where: str) -> Table:
        """Return rows ``[state, action, next state, number]`` by index, none of them twice."""
        keys = [(find(self.states, s, where), find(self.actions, a, where), find(self.states, t, where)) for s, a, t, _ in rows]
        numerators, unit = whole((x for *_, x in rows), where)
        need(len(set(keys)) == len(keys), f"{where}: a transition is listed twice")
        return {key: n if unit == 1 else Fraction(n, unit) for key, n in zip(keys, numerators, strict=True)}

    def charge(self, units: int, size: int = 0) -> None:
        """Spend work on numbers of `size` bits (a gcd is quadratic in it); what is stored is paid for first."""
        self.budget -= units * (1 + size // 256 + (size // 2048) ** 2)
        need(self.budget >= 0, "the work budget is spent (--budget UNITS raises it)")

    def tasks(self, doc: Mapping[str, Any]) -> Tasks:
        """Return the tasks of a claim in their order."""
        need(len(doc) == 1, "tasks: expected either goals or rewards")
        goals = labels(doc["goals"], "tasks.goals") if "goals" in doc else {}
        tables = {name: self.table(rows, f"tasks.{name[:40]}") for name, rows in doc.get("rewards", {}).items()}
        need(goals or tables, "tasks: there is none")
        return {**{name: find(self.states, name, "tasks.goals") for name in goals}, **tables}

    def mixture(self, documents: Sequence[Mapping[str, Any]]) -> list[tuple[Fraction, Learner]]:
        """Return weighted learners with rows ``[t, state, choice]`` or ``[episode, t, state, B, choice]``."""
        learners: list[tuple[Fraction, Learner]] = []
        for doc in documents:
            rows: Learner = {}
            for row in doc["rows"]:
                at = f"learners: row {str(row)[:60]!a}"
                *when, choice = read(row, (int, str, object) if len(row) == 3 else (int, int, str, int, object), at)
                s = when[len(when) // 2] = find(self.states, when[len(when) // 2], at)
                need(tuple(when) not in rows, f"{at} is listed twice")
                choice = {choice: 1} if isinstance(choice, str) else read(choice, NUMBERS, at)
                rows[tuple(when)] = vector(choice, self.actions, at, total=1)
                need(rows[tuple(when)].keys() <= self.choices[s].keys(), f"{at}: an action that is not available")
            learners.append((doc.get("weight", Fraction(1)), rows))
        vector({str(i): weight for i, (weight, _) in enumerate(learners)}, labels(len(learners), "learners"), "weights", 1)
        return learners


class Game:
    """The hyperstates (episode, t, s, B) of a finite horizon: learners that remember all they have seen.

    All tasks share the dynamics and rewards are deterministic, so all that matters of the past is the set B of the
    tasks that agree with every reward seen. Layer ``episode (T + 1) + t + 1`` holds the hyperstates at time t, and
    t = -1 is before the start is drawn. A goal pays 1 when found, and v*_g in every later episode. With `cost` there
    is instead a charge until it is found: 1 per episode, or 1 per step with `visit`, and its `prize` at the end.
    One of several tasks that has become the only one left is known, and from then on played optimally.
    """

    def __init__(self, process: Process, tasks: Tasks, episodes: int, visit: bool, cost: bool = False) -> None:
        need(process.horizon > 0, "this claim needs a process with a finite horizon")
        self.process, self.tasks, self.episodes, self.visit, self.cost = process, tasks, episodes, visit, cost
        self.span, self.depth = process.horizon + 1, episodes * (process.horizon + 1)
        process.charge(10 * self.depth)
        self.choices = [*process.choices, {-1: process.initial}]  # the last one, -1, draws the start
        self.opt: Callable[[Iterable[Number]], Number] = min if cost else max
        self.prize: list[Number] = [0] * len(tasks)
        self.goal = {s: 1 << z for z, s in enumerate(tasks.values()) if isinstance(s, int)}
        self.tables = [table for table in tasks.values() if isinstance(table, dict)]
        self.start = (-1, (1 << len(tasks)) - 1)
        self.solved: dict[int, list[dict[Node, Any]]] = {}

    def outcomes(self, i: int, s: int, a: int, t: int, block: int) -> list[tuple[int, Number, Node | None]]:
        """Split B by the reward of a transition from layer i: (part of B, gain, hyperstate that follows)."""
        time = i % self.span  # when the transition arrives
        last, later = time == self.span - 1, i - time + self.span
        tick = int(self.cost and (time > 0 if self.visit else last))
        out: list[tuple[int, Number, Node | None]] = []
        parts: dict[Number, int] = {}
        self.process.charge(1 + block.bit_length() // 8)
        if self.tables:
            for z in bits(block):
                reward = self.tables[z].get((s, a, t), 0)
                parts[reward] = parts.get(reward, 0) | 1 << z
        else:
            hit = self.goal.get(t, 0) & block if last or self.visit else 0
            parts = {tick: block ^ hit} if block != hit else {}
            if hit:
                z = hit.bit_length() - 1
                paid = self.known(z, later) if later < self.depth and not self.cost else 0
                out.append((hit, tick + self.prize[z] if self.cost else 1 + paid, None))
        for gain, part in parts.items():
            node = None if i + 1 == self.depth else (-1 if last else t, part)
            if node and not part & (part - 1) and len(self.tasks) > 1:
                gain, node = gain + self.known(part.bit_length() - 1, i + 1, node[0]), None
            out.append((part, gain, node))
        return out

    def known(self, z: int, i: int = 0, s: int = -1) -> Number:
        """Return the best value from layer i on of a learner that knows the task z."""
        if z not in self.solved:  # where rewards are collected one episode will do: every later one adds v*_z
            task = dict([list(self.tasks.items())[z]])
            alone = Game(self.process, task, self.episodes if self.cost else 1, self.visit, self.cost)
            alone.opt, alone.prize = self.opt, self.prize[z : z + 1]
            self.solved[z] = alone.sweep([1])
        layers, unit = self.solved[z], self.process.unit
        j, later = (i, 0) if self.cost else (i % self.span, self.episodes - 1 - i // self.span)
        value, start = Fraction(layers[j][s, 1]) / unit ** (len(layers) - j), layers[0][-1, 1]
        return add([value, later * Fraction(start) / unit ** len(layers) if later else 0])

    def sweep(self, weights: Sequence[int], learner: Learner | None = None) -> list[dict[Node, Any]]:
        """Backward induction ``W(h) = opt_a sum P(s'|s,a) sum_parts [weight(part) gain + W(h')]``.

        With a `learner` its mean takes the place of the optimum; its default is the lowest action. Only what can be
        reached is visited. Layer i holds multiples of ``unit ** (i - depth)``: integers, but for the learner's.
        """
        layers: list[dict[Node, Any]] = [{self.start: None}, *({} for _ in range(self.depth - 1))]
        for i, layer in enumerate(layers):
            for s, block in layer:
                rows = [[(n, a, t) for n, t in row] for a, row in self.choices[s].items()]
                if learner is not None and s >= 0:
                    when = (i // self.span, i % self.span - 1, s, block)
                    chosen = learner.get(when) or learner.get(when[1:3]) or {min(self.choices[s]): 1}
                    rows = [[(n * p, a, t) for a, p in chosen.items() if p for n, t in self.choices[s][a]]]
                self.process.charge(10 * sum(map(len, rows)))
                edges = [[(n, self.outcomes(i, s, a, t, block)) for n, a, t in row] for row in rows]
                nodes = {node: None for row in edges for _, parts in row for _, _, node in parts if node}
                layer[s, block] = edges
                if nodes:
                    layers[i + 1].update(nodes)
        total, scale, size = {0: 0}, 1, 0
        below: dict[Node | None, Any] = {None: 0}
        for layer in reversed(layers):
            for node, edges in layer.items():
                self.process.charge(sum(map(len, edges)), scale.bit_length() + size)
                for part in {part for row in edges for _, parts in row for part, _, _ in parts} - total.keys():
                    total[part] = sum(weights[z] for z in bits(part))
                layer[node] = self.opt(
                    add(n * (scale * gain * total[part] + below[h]) for n, parts in row for part, gain, h in parts)
                    for row in edges
                )
            below, scale = {None: 0, **layer}, scale * self.process.unit
            size = max((x.denominator.bit_length() for x in layer.values()), default=0)
        return layers

    def best(self, weights: Sequence[Number]) -> Number:
        """Return the best weighted sum of the tasks' values over all learners (Bayes-adaptive)."""
        numerators, unit = whole(weights, "weights")
        return Fraction(self.sweep(numerators)[0][self.start]) / (unit * self.process.unit**self.depth)

    def evaluate(self, learners: Sequence[tuple[Fraction, Learner]]) -> list[Number]:
        """Return every task's value under a mixture of learners."""
        one = [[int(z == y) for y in range(len(self.prize))] for z in range(len(self.prize))]
        sums = [add(w * self.sweep(weights, rows)[0][self.start] for w, rows in learners) for weights in one]
        return [Fraction(x) / self.process.unit**self.depth for x in sums]


def bellman(
    process: Process, pay: Callable[..., Number], discount: Number, doc: Any, least: bool = False, goal: int = -1
) -> Bracket:
    """Bracket ``mu0 . y*`` where ``y*(s) = opt_a E[pay(s, a, s') + discount y*(s')]``, and y*(goal) = 0.

    The side that bounds all policies needs the Bellman inequality for every choice, the other one for one choice in
    each state: the policy's, else the best. Where discount = 1 nothing may pay less than 0; an upper y must be >= 0,
    and a lower y <= 0, and nothing else, on the largest set where these choices can stay for ever for nothing.
    """
    names, edges = process.states, sum(len(row) for rows in process.choices for row in rows.values())
    policy = {find(names, s, "policy"): find(process.actions, a, "policy") for s, a in doc.get("policy", {}).items()}
    bounds: list[Bound] = []
    for side, sign in [("lower", 1), ("upper", -1)]:
        y, margins = vector(doc.get(side, {}), names, side), list[Vector]()
        process.charge(10 * edges, max((x.denominator.bit_length() for x in y.values()), default=0))
        for s, rows in enumerate(process.choices):
            means = {
                a: Fraction(add(n * (pay(s, a, t) + discount * y.get(t, 0)) for n, t in row)) / process.unit
                for a, row in rows.items()
            }
            margin = {a: sign * (mean - y.get(s, 0)) for a, mean in means.items() if s != goal}
            if margin and least != (side == "lower"):
                one = policy.get(s, max(margin, key=lambda a: margin[a]))
                need(one in margin, "policy: an action that is not available")
                margin = {one: margin[one]}
            margins.append(margin)
        idle = set(range(len(names))) if discount == 1 and side == "lower" else set()
        while busy := {s for s in idle if margins[s] and not any(
            all(t in idle and pay(s, a, t) == 0 for _, t in process.choices[s][a]) for a in margins[s])}:
            process.charge(edges)
            idle -= busy
        need(discount < 1 or sign > 0 or min(y.values(), default=0) >= 0, "upper: a negative value")
        need(all(y.get(s, 0) <= 0 for s in idle), "lower: positive where one can stay for ever for nothing")
        failing = [s for s, margin in enumerate(margins) if s not in idle and min(margin.values(), default=0) < 0]
        need(not failing or side not in doc, f"{side}: the Bellman inequality fails at state {failing[:1]}")
        value = Fraction(add(n * y.get(s, 0) for n, s in process.initial)) / process.unit
        bounds.append(value if side in doc else -sign * math.inf)
    return bounds[0], bounds[1]


def ending(process: Process, weights: Vector, doc: Any, least: bool = False) -> Bracket:
    """Bracket ``max_rho sum_s weights(s) rho(s)`` for ``rho(s) = (1 - gamma) sum_t gamma^t Pr(s_t = s)``."""
    need(process.gamma, "this claim needs a process with a horizon or a gamma")
    return bellman(process, lambda s, *_: (1 - process.gamma) * weights.get(s, 0), process.gamma, doc, least)


def occupancy(process: Process, doc: Mapping[str, Mapping[str, Number]], exact: bool) -> Vector:
    """Check ``x(s) <= (1 - gamma) mu0(s) + gamma sum x(s', a) P(s|s', a)``, or equality; return rho(s) = x(s)."""
    flow = {find(process.states, s, "occupancy"): vector(row, process.actions, "occupancy") for s, row in doc.items()}
    numerators, _ = whole((x for row in flow.values() for x in row.values()), "occupancy")
    need(min(numerators, default=0) >= 0, "occupancy: a negative entry")
    into: dict[int, list[Number]] = {s: [] for s in range(len(process.states))}
    for n, s in process.initial:
        into[s].append((1 - process.gamma) * Fraction(n, process.unit))
    for s, row in flow.items():
        need(row.keys() <= process.choices[s].keys(), "occupancy: an action that is not available")
        for a, x in row.items():
            for n, t in process.choices[s][a]:
                into[t].append(process.gamma * x * Fraction(n, process.unit))
    rho = {s: Fraction(add(flow.get(s, {}).values())) for s in into}
    slack = [add([*terms, -rho[s]]) for s, terms in into.items()]
    need(min(slack) >= 0 and not (exact and any(slack)), "occupancy: the flow is not conserved")
    return rho


def planning(process: Process, claim: Any, witness: Any) -> Bracket:
    """Bracket the best, or with `minimise` the least, probability of a goal or sum of rewards."""
    kind, least, doc = claim["objective"], claim.get("minimise", False), witness.get("values", {})
    need(("goal" in claim) != ("rewards" in claim) == (kind in ("reward", "total")), "planning: a goal, or else rewards")
    goal = find(process.states, claim["goal"], "goal") if "goal" in claim else -1
    table = process.table(claim.get("rewards", []), "rewards")
    if process.horizon and kind in ("end", "visit", "reward"):
        game = Game(process, {"": table if goal < 0 else goal}, 1, kind == "visit")
        game.opt = min if least else max
        return game.known(0), game.known(0)
    if kind == "end":
        return ending(process, {goal: Fraction(1)}, doc, least)
    if kind == "reach":
        low, high = bellman(process, lambda s, a, t: int(t == goal), 1, doc, least, goal)
        start = Fraction(sum(n for n, s in process.initial if s == goal), process.unit)
        return start + low, start + high
    need(kind == "total" or kind == "reward" and process.gamma, "this objective needs another horizon")
    need(kind != "total" or min(table.values(), default=0) >= 0, "total: a reward is negative")
    return bellman(process, lambda *key: table.get(key, 0), 1 if kind == "total" else process.gamma, doc, least)


def wait(process: Process, n: int | None, rho: Number) -> tuple[Bound, Number]:
    """Return ``C(rho) = sum_{i<n} (1 - rho)^i``, the expected number of episodes to a success, and its derivative."""
    x = Fraction(rho)
    if not x:
        return (math.inf, 0) if n is None else (n, Fraction(-n * (n - 1), 2))
    process.charge(1, (n or 1) * x.denominator.bit_length())
    miss, slope = ((1 - x) ** n, n * (1 - x) ** (n - 1)) if n else (Fraction(0), Fraction(0))
    return (1 - miss) / x, (slope * x - 1 + miss) / x**2


def loss(process: Process, claim: Any, n: int | None, rho: Number, v: Number) -> tuple[Bound, Number]:
    """Return regret ``C (v - rho)`` (blind: ``n (v - rho)``), hitting time C or ratio ``C / C(v)``, and its derivative.

    All are convex and decreasing in rho.
    """
    if claim["criterion"] == "regret" and claim["learner"] == "blind":
        return (n or 0) * (v - rho), -(n or 0)
    count, slope = wait(process, n, rho)
    ideal, _ = wait(process, n, v) if claim["criterion"] == "ratio" else (1, 0)
    if isinstance(count, float) or isinstance(ideal, float):
        return (0 if claim["criterion"] == "regret" and v == 0 else math.inf), 0
    if claim["criterion"] == "regret":
        return count * (v - rho), slope * (v - rho) - count
    return count / Fraction(ideal), slope / Fraction(ideal)


def memoryless(process: Process, claim: Any, witness: Any, n: int | None, prior: list[Number]) -> Bracket:
    """Bracket the worst loss of exploring with one policy until the first success (blind: for ever).

    With ``c_z = -p_z loss'(rho0_z)``, convexity gives ``lower = sum p_z loss(rho0_z) + c . rho0 - max_rho c . rho``.
    """
    tasks, visit, fixed = process.tasks(claim["tasks"]), claim["detect"] == "visit", claim["problem"] == "proposal"
    goals = [s for s in tasks.values() if isinstance(s, int)]
    need(goals and not (visit and claim["criterion"] != "regret"), "memoryless: unsupported tasks or criterion")
    need(n or claim["learner"] != "blind" or claim["criterion"] != "regret", "blind: needs finitely many episodes")
    rho: list[Number] | None = None
    if process.horizon:
        game = Game(process, tasks, 1, visit)
        ideal: list[Bracket] = [(v, v) for v in map(game.known, range(len(goals)))]
        rho = game.evaluate(process.mixture(witness["learners"])) if "learners" in witness else None
    else:
        need(not visit, "detection on the way needs a finite horizon")
        optima = witness.get("optima", {})
        ideal = [ending(process, {s: Fraction(1)}, optima.get(name, {})) for name, s in zip(tasks, goals, strict=True)]
        need(all(isinstance(v, Fraction) for pair in ideal for v in pair), "optima: a goal lacks a bound")
        if "occupancy" in witness:
            flow = occupancy(process, witness["occupancy"], exact=fixed)
            rho = [flow[s] for s in goals]
    low, high = [max(0, Fraction(v)) for v, _ in ideal], [Fraction(v) for _, v in ideal]
    each = [loss(process, claim, n, x, v)[0] for x, v in zip(rho or [], high, strict=False)]
    if fixed:
        need(rho, "proposal: nothing to evaluate")
        return max(loss(process, claim, n, x, v)[0] for x, v in zip(rho or [], low, strict=True)), max(each)
    given = vector(witness.get("reference", {}), {name: z for z, name in enumerate(tasks)}, "reference")
    point = [given.get(z, x) for z, x in enumerate(rho or [0] * len(goals))]
    need(all(0 <= x <= 1 for x in point), "reference: not a probability")
    terms = [(p, x, *loss(process, claim, n, x, v)) for p, x, v in zip(prior, point, low, strict=True)]
    need(not any(p and isinstance(value, float) for p, _, value, _ in terms), "reference: an infinite loss")
    slopes = [-p * slope for p, _, _, slope in terms]
    if process.horizon:
        ceiling: Bound = game.best(slopes)
    else:
        ceiling = ending(process, {s: Fraction(c) for s, c in zip(goals, slopes, strict=True)}, witness.get("ceiling", {}))[1]
    tangent = add(p * value + -p * slope * x for p, x, value, slope in terms if p)
    return max(0, tangent - ceiling), max(each, default=math.inf)


def memory(process: Process, claim: Any, witness: Any, n: int | None, prior: list[Number]) -> Bracket:
    """Bracket the worst loss of learners that remember: the prior's Bayes value, and a mixture's worst task."""
    tasks, cost, ratio = process.tasks(claim["tasks"]), claim["criterion"] != "regret", claim["criterion"] == "ratio"
    need(n and process.horizon, "memory: needs finitely many episodes of a finite horizon")
    need(not cost or "goals" in claim["tasks"], "memory: this criterion needs goals")
    game = Game(process, tasks, n or 0, claim["detect"] == "visit", cost)
    ideal = [game.known(z) for z in range(len(tasks))]
    share = [(1 / Fraction(x) if x else 0) if ratio else 1 for x in ideal]
    bayes = game.best([p * c for p, c in zip(prior, share, strict=True)])
    values = game.evaluate(process.mixture(witness["learners"])) if "learners" in witness else []
    if cost:
        return bayes, max((c * y for c, y in zip(share, values, strict=False)), default=math.inf)
    lower = add(p * x for p, x in zip(prior, ideal, strict=True)) - bayes
    return lower, max((x - y for x, y in zip(ideal, values, strict=False)), default=math.inf)


def log(x: Fraction, up: int) -> Fraction:
    """Return a bound of ln x, above it if `up`: ``2^k m``, ``ln m = 2 atanh((m - 1) / (m + 1))`` for m in (1/2, 2)."""
    k = x.numerator.bit_length() - x.denominator.bit_length()
    m = x / Fraction(2) ** k
    ...
    return x


