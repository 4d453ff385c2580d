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
Learner = tuple[Fraction, dict[tuple[int, ...], Vector]]  # weight; (t, s) or (episode, t, s, B) -> probabilities

# The shapes of documents: a type; words "a|b"; [shape] an array; (shape, ...) a row; {"*": shape} an object with
# free names; otherwise an object with these fields and no other, those marked "?" being optional.
NUMBERS, ROWS, MIXTURE = {"*": Fraction}, [(str, str, str, Fraction)], [{"weight?": Fraction, "rows": [list]}]
VALUES = {"lower": NUMBERS, "upper": NUMBERS, "policy?": {"*": str}}
INSTANCE = {"format": "metaregret-cmp/1", "states": object, "actions": object, "initial": NUMBERS}
INSTANCE |= {"transitions": ROWS, "horizon?": int, "gamma?": Fraction, "name?": str}
FILE = {"file": str, "sha256": str, "horizon?": int, "gamma?": Fraction}
CHANNEL = {"outputs": [str], "rows": {"*": NUMBERS}}
TASKS = {"goals?": [str], "rewards?": {"*": ROWS}}
LOSS = {"criterion": "regret|hitting-time|ratio", "tasks": TASKS, "detect": "end|visit", "episodes": object}
CLAIMS: dict[str, dict[str, Any]] = {
    "planning": {"objective": "end|visit|reach|reward|total", "goal?": str, "rewards?": ROWS, "minimise?": bool},
    "minimax": {"learner": "blind|memoryless|memory", **LOSS},
    "proposal": {"learner": "blind|memoryless", **LOSS},
    "capacity": {},
}
WITNESSES: dict[str, dict[str, Any]] = {
    "planning": {"values?": VALUES},
    "minimax": {"prior?": NUMBERS, "reference?": NUMBERS, "learners?": MIXTURE, "optima?": {"*": VALUES}}
    | {"ceiling?": NUMBERS, "occupancy?": {"*": NUMBERS}},
    "proposal": {"learners?": MIXTURE, "optima?": {"*": VALUES}, "occupancy?": {"*": NUMBERS}},
    "capacity": {"input?": NUMBERS, "skills?": MIXTURE, "output?": NUMBERS},
}


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


def parse(data: bytes) -> object:
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
    for name in [*(value.keys() - parts.keys()), *(shape.keys() - value.keys() - {f"{name}?" for name in parts})]:
        need(False, f"{where}: field {name[:40]!a} is {'unknown' if name in value else 'missing'}")
    return {name: read(x, parts[name], f"{where}.{name}") for name, x in value.items()}


def labels(value: object, where: str) -> dict[str, int]:
    """Read distinct names, or their count; return the index of each."""
    if isinstance(value, int):
        need(value is not True and 0 < value <= 10**6, f"{where}: expected a count")
        return {str(i): i for i in range(value)}
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


def vector(given: Mapping[str, Number], names: Mapping[str, int], where: str, total: int | None = None) -> Vector:
    """Return entries by index; with a `total` they must be non-negative and sum to it exactly."""
    entries = {find(names, name, where): Fraction(x) for name, x in given.items()}
    numerators, unit = whole(entries.values(), where)
    need(total is None or min(numerators, default=0) >= 0, f"{where}: a negative entry")
    need(total is None or sum(numerators) == total * unit, f"{where}: does not sum to {total}")
    return entries


def tidy(x: Number) -> Number:
    """Return an integer where the fraction is one: integers are faster."""
    return x.numerator if x.denominator == 1 else x


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
        table: Table = {}
        for s, a, t, x in rows:
            key = find(self.states, s, where), find(self.actions, a, where), find(self.states, t, where)
            need(key not in table, f"{where}: {s[:40]!a}, {a[:40]!a}, {t[:40]!a} is listed twice")
            table[key] = tidy(x)
        whole(table.values(), where)
        return table

    def charge(self, units: int, size: int = 0) -> None:
        """Spend work on numbers of `size` bits (a gcd is quadratic in it); what is stored is paid for first."""
        self.budget -= units * (1 + size // 256 + (size // 2048) ** 2)
        need(self.budget >= 0, "the work budget is spent (--budget UNITS raises it)")

    def mean(self, row: Row, value: Callable[[int], Number]) -> Fraction:
        """Return ``sum_s' P(s') value(s')``."""
        return Fraction(sum(n * value(t) for n, t in row)) / self.unit

    def tasks(self, doc: Mapping[str, Any]) -> Tasks:
        """Return the tasks of a claim in their order."""
        need(len(doc) == 1, "tasks: expected either goals or rewards")
        goals = labels(doc["goals"], "tasks.goals") if "goals" in doc else {}
        tables = {name: self.table(rows, f"tasks.{name[:40]}") for name, rows in doc.get("rewards", {}).items()}
        need(goals or tables, "tasks: there is none")
        return {**{name: find(self.states, name, "tasks.goals") for name in goals}, **tables}

    def mixture(self, documents: Sequence[Mapping[str, Any]], where: str) -> list[Learner]:
        """Return learners with rows ``[t, state, choice]`` or ``[episode, t, state, B, choice]``."""
        learners: list[Learner] = []
        for doc in documents:
            rows: dict[tuple[int, ...], Vector] = {}
            for row in doc["rows"]:
                shape = (int, str, object) if len(row) == 3 else (int, int, str, int, object)
                *when, choice = read(row, shape, where)
                name, at = when[len(when) // 2], f"{where}: row {str(row)[:60]!a}"
                s = when[len(when) // 2] = find(self.states, name, at)
                choice = {choice: 1} if isinstance(choice, str) else read(choice, NUMBERS, at)
                need(tuple(when) not in rows, f"{at} is listed twice")
                rows[tuple(when)] = vector(choice, self.actions, at, total=1)
                need(rows[tuple(when)].keys() <= self.choices[s].keys(), f"{at}: an action that is not available")
            learners.append((doc.get("weight", Fraction(1)), rows))
        numerators, unit = whole([weight for weight, _ in learners], where)
        distribution = min(numerators, default=-1) >= 0 and sum(numerators) == unit
        need(distribution, f"{where}: the weights are not a distribution")
        return learners


class Game:
    """The hyperstates (episode, t, s, B) of a finite horizon: learners that remember all they have seen.

    All tasks share the dynamics and rewards are deterministic, so all that matters of the past is the set B of the
    tasks that agree with every reward seen. Layer ``episode (T + 1) + t + 1`` holds the hyperstates at time t, and
    t = -1 is before the start is drawn. A goal pays 1 when found, and v*_g in every later episode. With `cost` there
    is instead a charge until it is found: 1 per episode, or 1 per step with `visit`, and its `prize` at the end.
    With `close` a learner that knows its task plays optimally.
    """

    def __init__(
        self, process: Process, tasks: Tasks, episodes: int, visit: bool, cost: bool = False, close: bool = False
    ) -> None:
        need(process.horizon > 0, "this claim needs a process with a finite horizon")
        self.process, self.tasks, self.episodes = process, tasks, episodes
        self.visit, self.cost, self.close = visit, cost, close
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
            if hit and self.cost:
                out.append((hit, tick + self.prize[hit.bit_length() - 1], None))
            elif hit:
                out.append((hit, 1 + (self.known(hit.bit_length() - 1, later) if later < self.depth else 0), None))
        for gain, part in parts.items():
            node = None if i + 1 == self.depth else (-1 if last else t, part)
            if node and self.close and not part & (part - 1):
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
        value = Fraction(layers[j][s, 1]) / unit ** (len(layers) - j)
        return tidy(value + later * Fraction(layers[0][-1, 1]) / unit ** len(layers) if later else value)

    def sweep(self, weights: Sequence[int]) -> list[dict[Node, Any]]:
        """Backward induction ``W(h) = opt_a sum P(s'|s,a) sum_parts [weight(part) gain + W(h')]``.

        Only what can be reached is visited. Layer i holds multiples of ``unit ** (i - depth)``, so integers.
        """
        layers: list[dict[Node, Any]] = [{self.start: None}, *({} for _ in range(self.depth - 1))]
        for i, layer in enumerate(layers):
            for s, block in layer:
                rows = self.choices[s].items()
                self.process.charge(10 * sum(len(row) for _, row in rows))
                edges = [[(n, self.outcomes(i, s, a, t, block)) for n, t in row] for a, row in rows]
                layer[s, block] = edges
                nodes = {node: None for row in edges for _, parts in row for _, _, node in parts if node}
                if nodes:
                    layers[i + 1].update(nodes)
        total: dict[int, int] = {}
        below: dict[Node | None, Any] = {None: 0}
        scale = 1
        for layer in reversed(layers):
            for node, edges in layer.items():
                self.process.charge(sum(map(len, edges)), scale.bit_length())
                for part in {part for row in edges for _, parts in row for part, _, _ in parts} - total.keys():
                    total[part] = sum(weights[z] for z in bits(part))
                layer[node] = self.opt(
                    sum(n * (tidy(scale * gain) * total[part] + below[h]) for n, parts in row for part, gain, h in parts)
                    for row in edges
                )
            below, scale = {None: 0, **layer}, scale * self.process.unit
        return layers

    def best(self, weights: Sequence[Number]) -> Number:
        """Return the best weighted sum of the tasks' values over all learners (Bayes-adaptive)."""
        numerators, unit = whole(weights, "weights")
        return Fraction(self.sweep(numerators)[0][self.start]) / (unit * self.process.unit**self.depth)

    def evaluate(self, learners: Sequence[Learner]) -> list[Number]:
        """Return every task's value under a mixture of learners; the lowest action is the default."""
        values: list[Number] = [0] * len(self.prize)
        for weight, rows in learners:
            layer: dict[Node, Number] = {self.start: weight}
            for i in range(self.depth):
                after: dict[Node, Number] = {}
                for (s, block), x in layer.items():
                    self.process.charge(10, x.denominator.bit_length())
                    when = (i // self.span, i % self.span - 1, s, block)
                    row = rows.get(when) or rows.get(when[1:3]) or {min(self.choices[s]): 1}
                    for n, t, a, p in ((n, t, a, p) for a, p in row.items() if p for n, t in self.choices[s][a]):
                        mass = tidy(Fraction(x * p * n) / self.process.unit)
                        for part, gain, node in self.outcomes(i, s, a, t, block):
                            for z in bits(part) if gain else ():
                                values[z] += mass * gain
                            if node:
                                after[node] = after.get(node, 0) + mass
                layer = after
        return values


class Stationary:
    """A process without time: ``y(s) = opt_a E[pay(s, a, s') + discount y(s')]``, and nothing after its goal."""

    def __init__(self, process: Process, pay: Callable[..., Number], discount: Number, goal: int = -1) -> None:
        self.process, self.discount = process, discount
        self.choices = [{} if s == goal else rows for s, rows in enumerate(process.choices)]
        keys = ((s, a, row) for s, rows in enumerate(self.choices) for a, row in rows.items())
        self.pay = {(s, a): process.mean(row, lambda t, s=s, a=a: pay(s, a, t)) for s, a, row in keys}  # type: ignore

    def bracket(self, doc: Mapping[str, Any], least: bool) -> tuple[Fraction, Fraction]:
        """Return both bounds from the value vectors of a witness, and a policy that attains one of them."""
        names = self.process.states
        policy = {find(names, name, "policy"): action for name, action in doc.get("policy", {}).items()}
        return self.bound(doc["lower"], False, least, policy), self.bound(doc["upper"], True, not least, policy)

    def bound(self, given: Mapping[str, Fraction], upper: bool, every: bool, policy: Mapping[int, str]) -> Fraction:
        """Check the Bellman inequalities of y for every choice, or for one choice in each state; return mu0 . y.

        Where discount = 1 (and pay >= 0) an upper bound must besides be >= 0, and a lower bound is exempt from the
        inequalities but <= 0 on the largest set where one can stay for ever, by the choices considered, for nothing.
        """
        process, where = self.process, f"{'upper' if upper else 'lower'} values"
        y = vector(given, process.states, where)
        slack: list[dict[int, Fraction]] = []
        for s, rows in enumerate(self.choices):
            process.charge(5 * sum(map(len, rows.values())), max(x.denominator.bit_length() for x in y.values()))
            one = process.actions.get(policy.get(s, ""), -1)
            need(every or s not in policy or one in rows, f"{where}: the policy takes an action that is not available")
            means = {a: process.mean(row, lambda t: y.get(t, 0)) for a, row in rows.items()}
            margins = {a: self.pay[s, a] + self.discount * x - y.get(s, 0) for a, x in means.items()}
            margins = {a: -x if upper else x for a, x in margins.items()}
            if margins and not every:
                one = one if s in policy else max(margins, key=lambda a: margins[a])
                margins = {one: margins[one]}
            slack.append(margins)
        idle = set(range(len(slack))) if self.discount == 1 and not upper else set()
        while leaving := {s for s in idle if slack[s] and not any(self.stays(s, a, idle) for a in slack[s])}:
            process.charge(10 * len(idle))
            idle -= leaving
        need(not upper or self.discount < 1 or min(y.values()) >= 0, f"{where}: a negative entry")
        need(all(y.get(s, 0) <= 0 for s in idle), f"{where}: positive where one can stay for ever for nothing")
        worst = min((x for s, margins in enumerate(slack) if s not in idle for x in margins.values()), default=0)
        need(worst >= 0, f"{where}: a Bellman inequality fails")
        return process.mean(process.initial, lambda s: y.get(s, 0))

    def stays(self, s: int, a: int, idle: set[int]) -> bool:
        """Whether a choice pays nothing and stays in the set."""
        return self.pay[s, a] == 0 and all(t in idle for _, t in self.choices[s][a])
