"""Independent checker of certificates: proves ``lower <= value <= upper`` exactly, trusting nothing.

Standard library only, no solver, no tolerance: ``python check.py FILE`` exits with 0 and the proved bracket,
1 and the first thing that fails, or 2 for bad usage. The format and the reasons: `docs/certificates.md`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

MAX_BYTES, MAX_BITS, DIGITS = 1 << 25, 1 << 17, 4000  # of a file, a common denominator, an integer's text
BUDGET, WORK = 20_000_000, {"left": 0}  # units of a few microseconds; they bound the memory too
REAL = rf"-?[0-9]{{1,{DIGITS}}}(/(?=0*[1-9])[0-9]{{1,{DIGITS}}}|(\.[0-9]{{1,400}})?([eE][-+]?[0-9]{{1,3}})?)"
Number = int | Fraction
Bound = Number | float  # a float only where the bound is infinite
Vector = dict[int, Fraction]
Node = tuple[int, int]  # (state, or -1 before an episode; bit set B of the tasks still possible)
Outcome = tuple[int, Number, Node | None]  # (part of B, gain, what follows)
Table = dict[tuple[int, int, int], Number]  # (state, action, successor) -> reward
Learner = dict[tuple[int, ...], Vector]  # (episode, t, s, B) -> probabilities of actions

# Shapes of documents: a type; words "a|b"; [shape] an array; (shape, ...) a row; {"*": shape} an object with
# free names; otherwise an object with these fields and no other, those marked "?" being optional.
NUMBERS, ROWS = {"*": Fraction}, [(str, str, str, Fraction)]
INSTANCE: Any = {"format": "metaregret-cmp/1", "states": object, "actions": object, "initial": NUMBERS}
INSTANCE |= {"transitions": ROWS, "horizon?": int, "gamma?": Fraction, "name?": str}
LOSS: Any = {"learner": "blind|memoryless|memory", "criterion": "regret|hitting-time|ratio"}
LOSS |= {"detect": "end|visit", "tasks": {"goals?": [str], "rewards?": {"*": ROWS}}, "episodes": object}
PLAN: Any = {"objective": "end|visit|reach|reward|total", "goal?": str, "rewards?": ROWS, "minimise?": bool}
CLAIMS: Any = {"planning": PLAN, "minimax": LOSS, "proposal": LOSS}
CLAIMS |= {"capacity": {"channel?": {"outputs": [str], "rows": {"*": NUMBERS}}}}
WITNESS: Any = {"values?": {"lower?": NUMBERS, "upper?": NUMBERS, "policy?": {"*": str}}, "prior?": NUMBERS}
WITNESS |= {"learners?": [{"weight?": Fraction, "rows": [list]}], "input?": NUMBERS, "output?": NUMBERS}
CERTIFICATE: Any = {"format": "metaregret-certificate/1", "comment?": str, "process?": object}
CERTIFICATE |= {"claim": dict, "witness": WITNESS}


class CertificateError(Exception):
    """The certificate does not prove its claim; the message is the first thing that fails."""


def need(condition: object, reason: str) -> bool:
    """Reject unless the condition holds."""
    if not condition:
        raise CertificateError(reason)
    return True


def charge(units: int, size: int = 0) -> None:
    """Spend work on numbers of `size` bits (a gcd is quadratic in it); what is stored is paid for first."""
    WORK["left"] -= units * (1 + size // 256 + (size // 512) ** 2)
    need(WORK["left"] >= 0, "the work budget is spent (--budget UNITS raises it)")


def rational(text: str) -> Fraction:
    """Read "p/q", an integer or a decimal exactly, its length checked before any conversion."""
    need(re.fullmatch(REAL, text), f"not a rational of at most {DIGITS} digits: {text[:40]!a}")
    return Fraction(text)


def parse(path: Path, digest: str = "") -> Any:
    """Read a JSON file strictly: no key twice, no NaN, decimals exact, length and depth limited."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    need(len(data) <= MAX_BYTES, f"the file is larger than {MAX_BYTES} bytes")
    need(not digest or hashlib.sha256(data).hexdigest() == digest, f"{path.name!a} has another SHA-256")
    pairs: Any = lambda items: need(len(dict(items)) == len(items), "a key stands twice") and dict(items)
    whole_number: Any = lambda text: rational(text).numerator
    hooks: Any = {"object_pairs_hook": pairs, "parse_int": whole_number, "parse_constant": rational}
    try:
        return json.loads(data.decode(), parse_float=rational, **hooks)
    except (RecursionError, ValueError) as error:  # nested too deeply, not UTF-8, not JSON
        raise CertificateError(f"not a JSON document: {error}") from None


def read(value: Any, shape: Any, where: str) -> Any:
    """Return the value if it has the shape, its numbers as fractions; a Boolean is no integer."""
    if shape is Fraction and isinstance(value, int | str) and not isinstance(value, bool):
        return rational(value) if isinstance(value, str) else Fraction(value)
    if isinstance(shape, type | str):
        fits = value in shape.split("|") if isinstance(shape, str) else isinstance(value, shape)
        need(fits and (shape in (bool, object) or not isinstance(value, bool)), f"{where}: expected {shape}")
        return value
    need(isinstance(value, dict if isinstance(shape, dict) else list), f"{where}: not an object or array")
    if isinstance(shape, list):
        return [read(x, shape[0], where) for x in value]
    if isinstance(shape, tuple):
        need(len(value) == len(shape), f"{where}: a row of {len(value)} entries")
        return [read(x, part, where) for x, part in zip(value, shape, strict=True)]
    parts = {name.rstrip("?"): part for name, part in shape.items()} if "*" not in shape else {}
    wrong = (value.keys() - parts.keys()) | ({name for name in shape if name[-1] != "?"} - value.keys())
    need(not wrong or "*" in shape, f"{where}: unknown or missing field {min(wrong, default='')[:40]!a}")
    return {key: read(x, parts.get(key, shape.get("*")), f"{where}.{key[:40]}") for key, x in value.items()}


def labels(value: Any, where: str) -> dict[str, int]:
    """Return the indices of distinct names, or of as many as a count says."""
    count = -1 if isinstance(value, list) else read(value, int, where)
    need(count <= 10**6, f"{where}: too many")
    names = [str(i) for i in range(count)] if count >= 0 else read(value, [str], where)
    need(0 < len(set(names)) == len(names), f"{where}: expected distinct names")
    return {name: i for i, name in enumerate(names)}


def whole(values: Iterable[Number], where: str) -> tuple[list[int], int]:
    """Return integers ``k_i`` and one denominator ``d`` of limited size with ``values_i = k_i / d``."""
    unit, numbers = 1, list(values)
    for d in {x.denominator for x in numbers}:
        unit = math.lcm(unit, d)
        need(unit.bit_length() <= min(MAX_BITS, (1 << 28) // len(numbers)), f"{where}: too fine fractions")
    return [x.numerator * (unit // x.denominator) for x in numbers], unit


def add(values: Iterable[Number]) -> Number:
    """Return the sum, an integer where it can be one: integers are faster."""
    numbers = list(values)
    if all(type(x) is int for x in numbers):
        return sum(numbers)
    numerators, unit = whole(numbers, "sum")
    return sum(numerators) if unit == 1 else Fraction(sum(numerators), unit)


def vector(given: Mapping[str, Number], names: Mapping[str, int], where: str, total: int = 0) -> Vector:
    """Return numbers by index; with a `total` they must be non-negative and sum to it exactly."""
    numerators, unit = whole(given.values(), where)
    fits = min(numerators, default=0) >= 0 and sum(numerators) == total * unit
    need(fits or not total, f"{where}: a negative entry, or the sum is not {total}")
    return {names[name]: Fraction(x) for name, x in given.items()}


class Process:
    """A controlled Markov process in integers: the probability of a transition is ``numerator / unit``."""

    def __init__(self, document: object) -> None:
        doc = read(document, INSTANCE, "process")
        self.horizon, self.gamma = doc.get("horizon", 0), doc.get("gamma", Fraction(0))
        fits = ("horizon" in doc) == (0 < self.horizon <= 10**9) and ("gamma" in doc) == (0 < self.gamma < 1)
        need(fits and not (self.horizon and self.gamma), "process: horizon or gamma out of range, or both")
        self.states, self.actions = labels(doc["states"], "states"), labels(doc["actions"], "actions")
        start = vector(doc["initial"], self.states, "process.initial", total=1)
        rows = self.table(doc["transitions"], "process.transitions")
        numerators, self.unit = whole([*start.values(), *rows.values()], "process")
        need(min(numerators) >= 0, "process: a negative probability")
        self.initial = [(n, s) for n, s in zip(numerators, start, strict=False) if n]
        self.choices: list[dict[int, list[tuple[int, int]]]] = [{} for _ in self.states]
        for (s, a, t), n in sorted(zip(rows, numerators[len(start) :], strict=True)):
            self.choices[s].setdefault(a, []).extend([(n, t)] * (n > 0))
        for name, s in self.states.items():
            sums = {sum(n for n, _ in row) for row in self.choices[s].values()}
            need(sums == {self.unit}, f"process: {name[:40]!a} has no action, or a row does not sum to 1")

    def table(self, rows: Sequence[Sequence[Any]], where: str) -> Table:
        """Return rows ``[state, action, next state, number]`` by index, none of them twice."""
        charge(len(rows), whole((x for *_, x in rows), where)[1].bit_length())
        table = {(self.states[s], self.actions[a], self.states[t]): add([x]) for s, a, t, x in rows}
        need(len(table) == len(rows), f"{where}: a transition is listed twice")
        return table

    def mean(self, terms: Iterable[tuple[int, Number]]) -> Fraction:
        """Return the mean of values given with the numerators of their probabilities."""
        return Fraction(add(n * x for n, x in terms)) / self.unit

    def mixture(self, witness: Mapping[str, Any]) -> list[tuple[Fraction, Learner]]:
        """Return weighted learners, their rows being ``[episode, t, state, B, choice]``."""
        learners: list[tuple[Fraction, Learner]] = []
        for doc in witness.get("learners", [{"rows": []}]):
            rows: Learner = {}
            for row in doc["rows"]:
                at = f"learners: row {str(row)[:60]!a}"
                episode, t, state, block, choice = read(row, (int, int, str, int, object), at)
                when = (episode, t, self.states[state], block)
                need(when not in rows, f"{at} is listed twice")
                choice = {choice: 1} if isinstance(choice, str) else read(choice, NUMBERS, at)
                rows[when] = vector(choice, self.actions, at, total=1)
                need(rows[when].keys() <= self.choices[when[2]].keys(), f"{at}: an unavailable action")
            learners.append((doc.get("weight", Fraction(1)), rows))
        numerators, unit = whole((weight for weight, _ in learners), "weights")
        need(min(numerators, default=-1) >= 0 and sum(numerators) == unit, "weights: not a distribution")
        return learners


class Game:
    """The hyperstates (episode, t, s, B) of a finite horizon: learners that remember all they have seen.

    Layer ``episode (T + 1) + t + 1`` holds those at time t; t = -1 is before the start is drawn; B is the set
    of tasks that agree with every reward seen. A goal pays 1 when found, and v*_g in all later episodes; with
    `cost` it costs 1 per episode, or with `visit` per step, till found. The last task left is played at best.
    """

    def __init__(self, process: Process, tasks: Any, n: int, *,
                 visit: bool, cost: bool = False, opt: Any = max) -> None:  # fmt: skip
        need(process.horizon > 0, "this claim needs a process with a finite horizon")
        self.process, self.tasks, self.episodes, self.visit, self.cost = process, tasks, n, visit, cost
        self.span, self.depth = process.horizon + 1, n * (process.horizon + 1)
        charge(10 * self.depth)
        self.choices = [*process.choices, {-1: process.initial}]  # the last one, -1, draws the start
        self.opt = min if cost else opt
        self.goal = {s: 1 << z for z, s in enumerate(tasks) if isinstance(s, int)}
        self.start = (-1, (1 << len(tasks)) - 1)
        self.solved: dict[int, list[dict[Node, Any]]] = {}

    def outcomes(self, i: int, s: int, a: int, t: int, block: int) -> list[Outcome]:
        """Split B by the reward of a transition from layer i."""
        charge(1 + block.bit_length() // 8)
        time = i % self.span  # when the transition arrives
        last, later = time == self.span - 1, i - time + self.span
        out: list[Outcome] = []
        parts: dict[Number, int] = {}
        if self.goal:
            tick = int(self.cost and (time > 0 if self.visit else last))
            hit = self.goal.get(t, 0) & block if last or self.visit else 0
            parts = {tick: block ^ hit} if block != hit else {}
            if hit:
                again = 0 if self.cost or later == self.depth else self.known(hit.bit_length() - 1, later)
                out.append((hit, tick if self.cost else 1 + again, None))
        for z in (z for z in range(block.bit_length()) if block >> z & 1) if not self.goal else ():
            reward = self.tasks[z].get((s, a, t), 0)
            parts[reward] = parts.get(reward, 0) | 1 << z
        for gain, part in parts.items():
            node = None if i + 1 == self.depth else (-1 if last else t, part)
            alone = node and not part & (part - 1) and len(self.tasks) > 1
            rest = self.known(part.bit_length() - 1, i + 1, node[0]) if alone and node else 0
            out.append((part, gain + rest, None if alone else node))
        return out

    def known(self, z: int, i: int = 0, s: int = -1) -> Number:
        """Return the best value from layer i on of a learner that knows the task z."""
        if z not in self.solved:  # where rewards are collected one episode will do: later ones add v*_z
            n = self.episodes if self.cost else 1
            game = Game(self.process, [self.tasks[z]], n, visit=self.visit, cost=self.cost, opt=self.opt)
            self.solved[z] = game.sweep([1])
        layers, unit = self.solved[z], self.process.unit
        j, later = (i, 0) if self.cost else (i % self.span, self.episodes - 1 - i // self.span)
        start = later * Fraction(layers[0][-1, 1]) / unit ** len(layers) if later else 0
        return add([Fraction(layers[j][s, 1]) / unit ** (len(layers) - j), start])

    def sweep(self, weights: Sequence[int], learner: Learner | None = None) -> list[dict[Node, Any]]:
        """Solve ``W(h) = opt_a sum P(s'|s,a) sum_parts [weight(part) gain + W(h')]`` where it can be reached.

        A `learner` takes the place of the optimum. Layer i holds multiples of ``unit ** (i - depth)``.
        """
        layers: list[dict[Node, Any]] = [{self.start: None}, *({} for _ in range(self.depth - 1))]
        for i, layer in enumerate(layers):
            for s, b in layer:
                rows: list[Any] = [[(n, a, t) for n, t in row] for a, row in self.choices[s].items()]
                if learner is not None and s >= 0:
                    when = (i // self.span, i % self.span - 1, s, b)
                    mix = learner.get(when, {min(self.choices[s]): Fraction(1)})  # by default the lowest
                    rows = [[(n * p, a, t) for a, p in mix.items() if p for n, t in self.choices[s][a]]]
                    charge(10, sum(p.denominator.bit_length() for p in mix.values()))
                charge(10 * sum(map(len, rows)))
                rows = [[(n, *x) for n, a, t in row for x in self.outcomes(i, s, a, t, b)] for row in rows]
                layer[s, b] = rows
                for node in (h for row in rows for *_, h in row if h):
                    layers[i + 1][node] = None
        w: dict[Node | None, Any] = {None: 0}
        p, scale, size = {0: 0}, 1, 0
        for layer in reversed(layers):
            for h, rows in layer.items():
                charge(sum(map(len, rows)), scale.bit_length() + size)
                for b in {b for row in rows for _, b, *_ in row} - p.keys():
                    p[b] = sum(weight for z, weight in enumerate(weights) if b >> z & 1)
                layer[h] = self.opt(add(n * (scale * x * p[b] + w[k]) for n, b, x, k in row) for row in rows)
            w, scale = {None: 0, **layer}, scale * self.process.unit
            size = max((x.denominator.bit_length() for x in layer.values()), default=0)
        return layers

    def value(self, weights: Sequence[Number], learner: Learner | None = None) -> Number:
        """Return the weighted sum of the tasks' values for a learner, or for the best (Bayes-adaptive)."""
        numerators, unit = whole(weights, "weights")
        return Fraction(self.sweep(numerators, learner)[0][self.start], unit * self.process.unit**self.depth)

    def evaluate(self, learners: Sequence[tuple[Fraction, Learner]]) -> list[Number]:
        """Return every task's value under a mixture of learners."""
        each = [[int(z == y) for y in range(len(self.tasks))] for z in range(len(self.tasks))]
        return [add(weight * self.value(one, learner) for weight, learner in learners) for one in each]


def bellman(process: Process, pay: Any, discount: Number, doc: Any, least: bool) -> tuple[Bound, Bound]:
    """Bracket ``mu0 . y*`` where ``y*(s) = opt_a E[pay(s, a, s') + discount y*(s')]`` by inequalities.

    The side that bounds all policies needs them for every choice, the other for one in each state: the
    policy's, else the best. Where discount = 1, pay >= 0; an upper y must be >= 0, and a lower y must be
    <= 0, and needs nothing else, on the largest set where these choices can stay for ever for nothing.
    """
    bounds: dict[str, Bound] = {"lower": -math.inf, "upper": math.inf}
    policy = {process.states[s]: process.actions[a] for s, a in doc.get("policy", {}).items()}
    for side, sign in [(side, 1 if side == "lower" else -1) for side in bounds if side in doc]:
        y, chosen = vector(doc[side], process.states, side), list[dict[int, Fraction]]()
        size = whole([*y.values(), discount, Fraction(1, process.unit)], side)[1].bit_length()
        for s, rows in enumerate(process.choices):
            charge(10 * sum(map(len, rows.values())), size)
            margins = {}
            for a, row in rows.items():
                mean = process.mean((n, pay(s, a, t) + discount * y.get(t, 0)) for n, t in row)
                margins[a] = sign * (mean - y.get(s, 0))
            one = policy.get(s, max(margins, key=margins.__getitem__))
            need(one in margins, "policy: an action that is not available")
            chosen.append(margins if least == (side == "lower") else {one: margins[one]})
        idle = set(range(len(chosen))) if discount == 1 and sign > 0 else set()
        edges = [(s, a, {t for _, t in process.choices[s][a]}) for s, row in enumerate(chosen) for a in row]
        free = [(s, ends) for s, a, ends in edges if not any(pay(s, a, t) for t in ends)]
        while leaving := idle - {s for s, ends in free if ends <= idle}:
            charge(10 * len(edges))
            idle -= leaving
        need(discount < 1 or sign > 0 or min(y.values(), default=0) >= 0, "upper: a negative value")
        need(all(y.get(s, 0) <= 0 for s in idle), "lower: positive where one can stay for ever for nothing")
        fails = [s for s, margins in enumerate(chosen) if s not in idle and min(margins.values()) < 0]
        need(not fails, f"{side}: the Bellman inequality fails at state number {fails[:1]}")
        bounds[side] = process.mean((n, y.get(s, 0)) for n, s in process.initial)
    return bounds["lower"], bounds["upper"]


def planning(process: Process, claim: Any, witness: Any) -> tuple[Bound, Bound]:
    """Bracket the best, or with `minimise` the least, probability of a goal or sum of rewards."""
    kind, least, doc = claim["objective"], claim.get("minimise", False), witness.get("values", {})
    need(("goal" in claim) != ("rewards" in claim) == (kind in ("reward", "total")), "claim: goal or rewards")
    table, gamma = process.table(claim.get("rewards", []), "rewards"), process.gamma
    goal = process.states[claim["goal"]] if "goal" in claim else -1
    if process.horizon and kind in ("end", "visit", "reward"):
        task: Any = goal if "goal" in claim else table
        value = Game(process, [task], 1, visit=kind == "visit", opt=min if least else max).known(0)
        return value, value
    if kind == "reach":  # 1 is paid on arriving at the goal, and nothing happens after it
        process.choices[goal] = {0: [(process.unit, goal)]}
        low, high = bellman(process, lambda s, a, t: int(s != goal == t), 1, doc, least)
        start = process.mean((n, int(s == goal)) for n, s in process.initial)  # begins at the goal
        return start + low, start + high
    need(kind == "total" or (gamma and kind != "visit"), "claim: the objective needs another horizon")
    need(kind != "total" or min(table.values(), default=0) >= 0, "rewards: a total needs them not negative")
    if kind == "end":  # the state at the end is s_t with probability (1 - gamma) gamma^t
        return bellman(process, lambda s, a, t: (1 - gamma) * (s == goal), gamma, doc, least)
    return bellman(process, lambda *key: table.get(key, 0), gamma if kind == "reward" else 1, doc, least)


def loss(claim: Any, n: int | None, x: Fraction, v: Number) -> tuple[Bound, Number]:
    """Return the loss at probability x of success per episode, convex and decreasing in x, and its slope.

    Hitting time ``C(x) = sum_{i<n} (1 - x)^i``, ratio ``C / C(v)``, regret ``C (v - x)``, blind: n for C.
    """
    count, regret = n or 0, claim["criterion"] == "regret"
    if regret and claim["learner"] == "blind":
        return need(n, "blind: an infinite regret") and count * (v - x), -count
    if n is None and x == 0:
        return (0 if regret and v == 0 else math.inf), 0
    charge(6, (count + 1) * x.denominator.bit_length())
    first, miss = ((1 - x) ** (count - 1), (1 - x) ** count) if n else (Fraction(0), Fraction(0))
    c = (1 - miss) / x if x else Fraction(count)
    slope = (count * first - c) / x if x else Fraction(-count * (count - 1), 2)
    if regret:
        return c * (v - x), slope * (v - x) - c
    best = 1 if claim["criterion"] != "ratio" else loss({**claim, "criterion": ""}, n, Fraction(v), 0)[0]
    return c / Fraction(best), slope / Fraction(best)


def minimax(process: Process, claim: Any, witness: Any) -> tuple[Bound, Bound]:
    """Bracket the least worst loss of learners of a class, or the worst loss of a proposal's learner.

    With memory: the prior's Bayes value, and the mixture's worst task. Else they explore in one way until the
    first success (blind: for ever); by convexity, with the exploration rho of the witness and ``c_z = -p_z
    loss'(rho_z)``, they lose at least ``sum p_z loss(rho_z) + c . rho - max_rho c . rho``.
    """
    doc, visit, ratio = claim["tasks"], claim["detect"] == "visit", claim["criterion"] == "ratio"
    n = None if claim["episodes"] == "inf" else read(claim["episodes"], int, "episodes")
    memory, cost = claim["learner"] == "memory", claim["criterion"] != "regret"
    need(len(doc) == 1 and (n is None or 0 < n <= 10**9), "claim: one family of tasks, and episodes > 0")
    fits = n and claim["problem"] == "minimax" and ("goals" in doc or not cost)
    need(fits or not memory, "claim: unsupported episodes, problem or criterion for learners with memory")
    names = labels(doc["goals"] if "goals" in doc else list(doc["rewards"]), "tasks")
    tables = [process.table(rows, "rewards") for rows in doc.get("rewards", {}).values()]
    tasks: list[Any] = tables or [process.states[name] for name in names]
    given = vector(witness["prior"], names, "prior", total=1) if "prior" in witness else {}
    prior = [given.get(z, Fraction(0)) for z in range(len(tasks))]
    game = Game(process, tasks, (n or 0) if memory else 1, visit=visit, cost=cost and memory)
    ideal = [game.known(z) for z in range(len(tasks))]
    values = game.evaluate(process.mixture(witness))
    if not memory:
        need(not tables and not (visit and cost), "claim: this learner needs goals, and visits need regret")
        terms = [loss(claim, n, Fraction(x), v) for x, v in zip(values, ideal, strict=True)]
        worst = max(value for value, _ in terms)
        sure = [0 if isinstance(x, float) else p * x for p, (x, _) in zip(prior, terms, strict=True)]
        slopes = [-p * slope for p, (_, slope) in zip(prior, terms, strict=True)]
        tangent = add([*sure, *map(operator.mul, slopes, values)]) - game.value(slopes)
        return worst if claim["problem"] == "proposal" else max(0, tangent), worst
    share = [(1 / Fraction(x) if x else 0) if ratio else 1 for x in ideal]  # a goal of cost 0 is left out
    bayes = game.value([*map(operator.mul, prior, share)])
    if cost:
        return bayes, max(map(operator.mul, share, values))
    return add([*map(operator.mul, prior, ideal), -bayes]), max(map(operator.sub, ideal, values))


def log(x: Fraction, up: bool) -> Fraction:
    """Bound ln x, above if `up`: ``k ln 2 + 2 atanh((m - 1) / (m + 1))`` with ``x = 2^k m``, 1 <= m < 2."""
    if x < 1:
        return -log(1 / x, not up)
    charge(100, x.denominator.bit_length())
    k, scale = (x.numerator // x.denominator).bit_length() - 1, 1 << 160
    divide: Any = lambda n, d: -(-n // d) if up else n // d

    def series(z: Fraction) -> int:  # scale * 2 (z + z^3/3 + z^5/5 + ...), 0 <= z <= 1/3
        power, square = (divide(z.numerator**e * scale, z.denominator**e) for e in (1, 2))
        total = 0
        for j in range(1, 121, 2):
            total, power = total + divide(2 * power, j), divide(power * square, scale)
        return total + (power if up else 0)  # what is left out is at most 2 power / 121 (1 + 1/9 + ...)

    return Fraction(k * series(Fraction(1, 3)) + series((x - 2**k) / (x + 2**k)), scale)


def divergence(row: Mapping[int, Fraction], q: Vector, up: bool) -> Fraction:
    """Bound ``KL(row || q) = sum_y row(y) ln(row(y) / q(y))``."""
    need(all(q.get(y) for y, p in row.items() if p), "output: no mass where it can be reached")
    return Fraction(add(p * log(p / q[y], up) for y, p in row.items() if p))


def capacity(process: Process | None, claim: Any, witness: Any) -> tuple[Bound, Bound]:
    """Bracket the capacity by ``I(p) <= C <= max KL(rho || q)`` over the rows of a channel, or over rho in M.

    On M, by convexity, ``KL(rho || q) <= max_pi E[KL(P(.|s, a) || q)]`` at ``s = s_{T-1}``.
    """
    rows: list[tuple[Fraction, Vector]] = []
    if process is None:
        names, given = labels(claim["channel"]["outputs"], "outputs"), claim["channel"]["rows"]
        inputs = vector(witness.get("input", {}), labels(list(given), "rows"), "input", total=1)
        for x, row in enumerate(given.values()):
            rows.append((inputs.get(x, Fraction(0)), vector(row, names, "channel", total=1)))
    else:
        names, game = process.states, Game(process, range(len(process.states)), 1, visit=False)
        for weight, skill in process.mixture(witness):
            rows.append((weight, dict(enumerate(map(Fraction, game.evaluate([(Fraction(1), skill)]))))))
    marginal = {y: Fraction(add(w * row.get(y, 0) for w, row in rows)) for y in range(len(names))}
    lower = add(w * divergence(row, marginal, False) for w, row in rows if w)
    q = vector(witness.get("output", {}), names, "output", total=1)
    if process is None:
        return lower, max(divergence(row, q, True) for _, row in rows)
    layers, unit = [{s for _, s in process.initial}], process.unit
    charge(process.horizon * len(names) ** 2, process.horizon * unit.bit_length())
    for _ in range(process.horizon - 1):
        layers.append({t for s in layers[-1] for row in process.choices[s].values() for _, t in row})
    ahead: Any = lambda row: divergence({t: Fraction(n, unit) for n, t in row}, q, True)
    for layer in reversed(layers):
        value = {s: max(ahead(row) for row in process.choices[s].values()) for s in layer}
        ahead = lambda row, value=value: process.mean((n, value[t]) for n, t in row)
    return lower, ahead(process.initial)


def check(path: Path, budget: int = BUDGET) -> tuple[str, Bound, Bound]:
    """Return what a certificate is about and the bracket proved for it, or raise `CertificateError`."""
    WORK["left"] = budget
    doc = read(parse(path), CERTIFICATE, "certificate")
    problem = read(doc["claim"].get("problem"), "|".join(CLAIMS), "claim.problem")
    sides = {"problem": problem, "lower": object, "upper": object, "exact?": bool}
    claim, instance = read(doc["claim"], CLAIMS[problem] | sides, "claim"), doc.get("process")
    need(("process" in doc) != ("channel" in claim), "certificate: expected a process, or a channel's claim")
    if isinstance(instance, dict) and "file" in instance:
        file = read(instance, {"file": str, "sha256": str}, "process")
        beside, plain = path.parent / file["file"], re.fullmatch(r"\w[\w. -]{0,99}", file["file"])
        need(plain and beside.is_file() and not beside.is_symlink(), "process.file: not a plain file beside")
        instance = parse(beside, file["sha256"] or "none")
    solve: Any = {"planning": planning, "capacity": capacity}.get(problem, minimax)
    try:
        lower, upper = solve(Process(instance) if "process" in doc else None, claim, doc["witness"])
    except KeyError as name:
        raise CertificateError(f"unknown name {str(name)[:40]}") from None
    bound: Any = lambda x: float(x) if x in ("inf", "-inf") else read(x, Fraction, "claim")
    low, high = bound(claim["lower"]), bound(claim["upper"])
    need(low <= lower, "the lower bound is not proved") and need(upper <= high, "the upper one is not proved")
    need(not claim.get("exact") or low == lower == upper == high, "the value is not proved to be exact")
    words = (f", {key} {x!a}" for key, x in claim.items() if key not in sides and isinstance(x, str | int))
    return f"{problem}{''.join(words)}: {claim['lower']} <= value <= {claim['upper']}", lower, upper


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the certificate named on the command line; return the exit status."""
    parser = argparse.ArgumentParser(description="Check a certificate exactly, trusting nothing.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--budget", type=int, default=BUDGET, help="units of work of a few microseconds")
    options = parser.parse_args(arguments)
    try:
        print(f"proved: {check(options.file, options.budget)[0]}")
    except CertificateError as reason:
        print(f"rejected: {reason}".encode("ascii", "backslashreplace").decode())
        return 1
    except OSError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
