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
from functools import cache
from pathlib import Path
from typing import Any

MAX_BYTES, MAX_BITS, DIGITS = 1 << 25, 1 << 17, 4000  # of a file, a common denominator, an integer's text
BUDGET, WORK = 20_000_000, {"left": 0}  # units of a few microseconds; they bound the memory too
REAL = rf"-?[0-9]{{1,{DIGITS}}}(/(?=0*[1-9])[0-9]{{1,{DIGITS}}}|(\.[0-9]{{1,400}})?([eE][-+]?[0-9]{{1,3}})?)"
Number = int | Fraction
Bound = Number | float  # a float only where the bound is infinite
Node = tuple[int, int, int]  # (layer; state, or -1 before an episode; bit set B of the tasks still possible)
Form = dict[int, Number]  # an affine function of the values at places in a list; -1 has the constant
Learner = dict[tuple[int, ...], dict[int, Fraction]]  # (episode, t, s, B) -> probabilities of actions

# Shapes of documents: a type; words "a|b"; [shape] an array; (shape, ...) a row; {"*": shape} an object with
# free names; otherwise an object with these fields and no other, those marked "?" being optional.
NUMBERS, ROWS = {"*": Fraction}, [(str, str, str, Fraction)]
INSTANCE: Any = {"format": "metaregret-cmp/1", "states": object, "actions": object, "initial": NUMBERS}
INSTANCE |= {"transitions": ROWS, "horizon?": int, "gamma?": Fraction, "name?": str}
LOSS: Any = {"learner": "blind|memoryless|memory", "criterion": "regret|hitting-time|ratio"}
LOSS |= {"detect": "end|visit", "episodes": object}
LOSS |= {"tasks": {"goals?": [str], "rewards?": {"*": ROWS}, "trajectories?": bool}}
PLAN: Any = {"objective": "end|visit|reach|reward|total", "goal?": str, "rewards?": ROWS, "minimise?": bool}
CLAIMS: Any = {"planning": PLAN, "minimax": LOSS, "proposal": LOSS}
CLAIMS |= {"capacity": {"channel?": {"outputs": [str], "rows": {"*": NUMBERS}}}}
WITNESS: Any = {f"{name}?": NUMBERS for name in ("prior", "least", "input", "output")} | {"level?": Fraction}
WITNESS |= {"learners?": [{"weight?": Fraction, "rows": [list]}], "policy?": {"*": str}}
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
    if not isinstance(shape, dict):
        row = shape if isinstance(shape, tuple) else shape * len(value)
        need(len(value) == len(row), f"{where}: a row of {len(value)} entries")
        return [read(x, part, where) for x, part in zip(value, row, strict=True)]
    parts = {name.rstrip("?"): part for name, part in shape.items()} if "*" not in shape else {}
    wrong = (value.keys() - parts.keys()) | ({name for name in shape if name[-1] != "?"} - value.keys())
    need(not wrong or "*" in shape, f"{where}: unknown or missing field {min(wrong, default='')[:40]!a}")
    return {key: read(x, parts.get(key, shape.get("*")), f"{where}.{key[:40]}") for key, x in value.items()}


def labels(value: Any, where: str) -> dict[str, int]:
    """Return the indices of distinct names, or of as many as a count says."""
    counted = not isinstance(value, list)
    names = map(str, range(min(read(value, int, where), 10**6))) if counted else read(value, [str], where)
    indices = {name: i for i, name in enumerate(names)}
    need(0 < len(indices) == (value if counted else len(value)), f"{where}: no distinct names, or too many")
    return indices


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
    charge(len(numbers), unit.bit_length())
    return sum(numerators) if unit == 1 else Fraction(sum(numerators), unit)


def vector(given: Mapping[Any, Number], names: Any, where: str, total: int = 0) -> dict[int, Fraction]:
    """Return numbers by index; with a `total` they must be non-negative and sum to it exactly."""
    numerators, unit = whole(given.values(), where)
    fits = min(numerators, default=0) >= 0 and sum(numerators) == total * unit
    need(fits or not total, f"{where}: a negative entry, or the sum is not {total}")
    return {names[name]: Fraction(x) for name, x in given.items()}


class Process:
    """A controlled Markov process: ``choices[s][a]`` lists (probability, successor)."""

    def __init__(self, document: object) -> None:
        doc = read(document, INSTANCE, "process")
        self.horizon, self.gamma = doc.get("horizon", 0), doc.get("gamma", Fraction(0))
        fits = ("horizon" in doc) == (0 < self.horizon <= 10**9) and ("gamma" in doc) == (0 < self.gamma < 1)
        need(fits and not (self.horizon and self.gamma), "process: horizon or gamma out of range, or both")
        self.states, self.actions = labels(doc["states"], "states"), labels(doc["actions"], "actions")
        start = vector(doc["initial"], self.states, "process.initial", total=1)
        self.initial = [(add([p]), s) for s, p in start.items() if p]
        table = self.table(doc["transitions"], "process.transitions")
        probabilities = [*start.values(), *table.values()]
        self.size, self.certain = len(probabilities), {0, 1}.issuperset(probabilities)  # nothing is random
        need(min(probabilities) >= 0 and whole(probabilities, "process"), "process: a negative probability")
        self.choices: list[dict[int, list[tuple[Number, int]]]] = [{} for _ in self.states]
        for (s, a, t), p in sorted(table.items()):
            self.choices[s].setdefault(a, []).extend([(p, t)] * (p > 0))
        for name, s in self.states.items():
            sums = {add(p for p, _ in row) for row in self.choices[s].values()}
            need(sums == {1}, f"process: {name[:40]!a} has no action, or a row does not sum to 1")

    def table(self, rows: Sequence[Sequence[Any]], where: str) -> dict[tuple[int, int, int], Number]:
        """Return rows ``[state, action, next state, number]`` by index, none of them twice."""
        charge(len(rows), whole((x for *_, x in rows), where)[1].bit_length())
        table = {(self.states[s], self.actions[a], self.states[t]): add([x]) for s, a, t, x in rows}
        need(len(table) == len(rows), f"{where}: a transition is listed twice")
        return table

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
    """The hyperstates (episode, t, s, B), where s = -1 until a start is drawn. To find a goal has a `prize`.

    With `memory`, B are the tasks that agree with every reward seen, and the last one is played at best; else
    B are all tasks, or the goals not visited yet. With `cost` an episode (`visit`: a step) without success
    costs 1. Layer ``episode (T + 1) + t + 1`` is time t, but with a `discount` layer 1 is all t >= 0.
    """

    def __init__(self, process: Process, tasks: Any, n: int = 1, **rules: Any) -> None:
        self.process, self.tasks, self.episodes = process, tasks, n
        self.visit, self.cost, self.memory = (rules.get(key, False) for key in ("visit", "cost", "memory"))
        self.opt, self.policy = rules.get("opt", min if self.cost else max), rules.get("policy", {})
        self.discount = rules.get("discount", process.gamma)
        self.prize = rules.get("prize", [0 if self.cost else self.visit or 1 - self.discount] * len(tasks))
        need(not (self.memory or self.cost) if self.discount else process.horizon, "claim: another horizon")
        self.span = 1 << 40 if self.discount else process.horizon + 1
        charge(0 if self.discount else 10 * n * self.span)
        self.choices = [*process.choices, {-1: process.initial}]  # the last one, -1, draws the start
        self.goal = {s: 1 << z for z, s in enumerate(tasks) if isinstance(s, int)}

    def outcomes(self, i: int, s: int, a: int, t: int, block: int) -> list[tuple[int, Number, Node | None]]:
        """Split B by the reward of a transition from layer i: (part, gain, what follows)."""
        charge(1 + block.bit_length() // 8)
        time, later = i % self.span, self.episodes - 1 - i // self.span  # of the arrival; episodes to come
        last = time == self.span - 1
        out: list[tuple[int, Number, Node | None]] = []
        parts: dict[Number, int] = {} if self.goal or self.memory else {0: block}
        if self.goal:
            tick = int(self.cost and (time > 0 if self.visit else last))
            hit = self.goal.get(t, 0) & block if last or self.visit or self.discount else 0
            left = block ^ hit if last or self.visit else block  # else it has ended with 1 - discount only
            parts = {tick: left} if left else {}
            if hit:
                again = (i - time + self.span, -1, hit) if later and not self.cost else None
                out.append((hit, tick + self.prize[hit.bit_length() - 1], again))
        for z in (z for z in range(block.bit_length()) if block >> z & 1) if not self.goal else ():
            reward = self.tasks[z].get((s, a, t), 0)
            if self.memory:
                parts[reward] = parts.get(reward, 0) | 1 << z
            elif reward:  # paid on arrival, which is discounted once more than the transition
                out.append((1 << z, reward / Fraction(self.discount or 1), None))
        after = None if last and not later else (1 if self.discount else i + 1, -1 if last else t)
        return out + [(part, gain, (*after, part) if after else None) for gain, part in parts.items()]

    def graph(self, weights: Sequence[int], learner: Learner | None) -> tuple[list[Node], list[list[Form]]]:
        """Return what can be reached, and there the value of each choice, or the learner's, as a form."""
        order: list[Node] = [(0, -1, (1 << len(self.tasks)) - 1)]
        place, graph = {order[0]: 0}, list[list[Form]]()
        mass: Any = cache(lambda block: sum(weight for z, weight in enumerate(weights) if block >> z & 1))
        for i, s, b in order:
            mixes: list[Any] = [{a: 1} for a in self.choices[s]]
            known = self.memory and not b & (b - 1) and len(self.tasks) > 1
            if learner is not None and s >= 0 and not known:
                mixes = [learner.get((i // self.span, i % self.span - 1, s, b), {min(self.choices[s]): 1})]
                charge(10, sum(q.denominator.bit_length() for q in mixes[0].values()))
            graph.append([])
            for mix in mixes:
                charge(10 * sum(len(self.choices[s][a]) for a in mix))
                steps = [(p * q, a, t) for a, q in mix.items() if q for p, t in self.choices[s][a]]
                terms = [(p, *x) for p, a, t in steps for x in self.outcomes(i, s, a, t, b)]
                graph[-1].append(form := {-1: add(p * x * mass(part) for p, part, x, _ in terms if x)})
                for p, h in ((p, h) for p, _, _, h in terms if h):
                    order += [h] * (h not in place)
                    k = place.setdefault(h, len(place))
                    form[k] = form.get(k, 0) + p * (self.discount or 1)
        return order, graph

    def value(self, weights: Sequence[Number], learner: Learner | None = None) -> Number:
        """Solve ``W(h) = opt_a sum P(s'|s,a) sum_parts [weight(part) gain + discount W(h')]`` for the start.

        A learner takes the place of the optimum. Where the horizon is not finite, by policy iteration from
        `policy`. Where discount = 1 no gain may be negative, and what never gains any more is worth 0.
        """
        numerators, unit = whole(weights, "weights")
        order, graph = self.graph(numerators, learner)
        w, places = dict[int, Any]({-1: 1}), range(len(order))
        value: Any = lambda form: add(x * w[k] for k, x in form.items())
        if not self.discount:
            for i in sorted(places, key=lambda i: -order[i][0]):
                w[i] = self.opt(map(value, graph[i]))
            return w[0] / Fraction(unit)
        first: Any = lambda s: [a == self.policy.get(s) for a in self.choices[s]].index
        policy = [first(s)(True) if self.policy.get(s) in self.choices[s] else 0 for _, s, _ in order]
        better = {-1: 0}
        while better:
            forms: dict[int, Form] = {}  # of the policy; later places are put in where they occur
            for i in reversed(places):
                form = dict(graph[i][policy[i]])
                while (k := max(form)) > i:
                    factor = form.pop(k)
                    charge(4 * len(forms[k]), form[-1].denominator.bit_length())
                    form |= {j: form.get(j, 0) + factor * x for j, x in forms[k].items()}
                stay = 1 - form.pop(i, 0)
                need(stay or not form[-1], "policy: an infinite total")
                forms[i] = {k: x / Fraction(stay or 1) for k, x in form.items()}
            for i in places:
                w[i] = value(forms[i])
            totals = [list(map(value, row)) for row in graph]
            better = {i: row.index(self.opt(row)) for i, row in enumerate(totals) if self.opt(row) != w[i]}
            policy = [better.get(i, a) for i, a in enumerate(policy)]
        idle = {i for i in places if w[i] and self.discount == 1 and self.opt is min}
        free: Any = lambda form: not form[-1] and form.keys() - {-1} <= idle
        while idle != (idle := {i for i in idle if any(map(free, graph[i]))}):
            charge(10 * len(places))
        need(not idle, "policy: a total where one can stay for ever for nothing")
        return w[0] / Fraction(unit)

    def evaluate(self, learners: Sequence[tuple[Fraction, Learner]]) -> list[Number]:
        """Return every task's value under a mixture of learners."""
        one: Any = lambda z: [int(z == y) for y in range(len(self.tasks))]
        return [add(p * self.value(one(z), f) for p, f in learners) for z in range(len(self.tasks))]


def planning(process: Process, claim: Any, witness: Any) -> tuple[Bound, Bound]:
    """Return the best, or with `minimise` the least, probability of a goal or sum of rewards."""
    kind, table = claim["objective"], process.table(claim.get("rewards", []), "rewards")
    need(("goal" in claim) != ("rewards" in claim) == (kind in ("reward", "total")), "claim: goal or rewards")
    need(kind != "total" or min(table.values(), default=0) >= 0, "rewards: a total needs them not negative")
    rules: Any = {"discount": 1} if kind in ("reach", "total") else {}
    rules |= {"visit": kind in ("visit", "reach"), "opt": min if claim.get("minimise") else max}
    rules["policy"] = {process.states[s]: process.actions[a] for s, a in witness.get("policy", {}).items()}
    value = Game(process, [process.states[claim["goal"]] if "goal" in claim else table], **rules).value([1])
    return value, value


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
    first = (1 - x) ** (count - 1) if n else Fraction(0)
    c = (1 - (1 - x) * first) / x if x else Fraction(count)
    slope = (count * first - c) / x if x else Fraction(-count * (count - 1), 2)
    if regret:
        return c * (v - x), slope * (v - x) - c
    best = 1 if claim["criterion"] != "ratio" else loss({**claim, "criterion": ""}, n, Fraction(v), 0)[0]
    return c / Fraction(best), slope / Fraction(best)


def trajectories(process: Process, claim: Any, n: int | None) -> tuple[Bound, Bound]:
    """Return the least worst loss where every sequence of states and actions of an episode is a task (T9).

    However nature answers, the probabilities pi of the sequences with these answers sum to one: the worst
    ``1 / (pi w)`` is at least ``m(start)``, ``m(h) = sum_a max_o m(h, a, o) / w(o)``, and pi like these terms
    attains it; w = P(o) for the hitting time, else 1. Where all is certain pi = rho, for all n.
    """
    need(n is None or process.certain, "claim: with n episodes trajectories need deterministic dynamics")
    need(process.horizon and claim["tasks"]["trajectories"], "claim: no horizon, or no trajectories")
    hard, m = claim["criterion"] == "hitting-time", [Fraction(1)] * len(process.states)
    worst: Any = lambda row: max(m[t] / p if hard else m[t] for p, t in row)
    for _ in range(process.horizon):
        charge(10 * process.size, max(x.numerator.bit_length() for x in m))
        m = [Fraction(add(map(worst, choices.values()))) for choices in process.choices]
    value = loss(claim, n, 1 / worst(process.initial), 1)[0]
    return value, value


def steps(process: Process, claim: Any, witness: Any, goals: Any, prior: Any) -> tuple[Bound, Bound]:
    """Bracket the least worst ``c_z / (b_z rho_z)``: the steps until z is visited (Wald), as a multiple of b.

    An episode has c steps until the visit, of probability rho, or the end. No policy is below the `level` x
    if ``min sum w_z (c_z - x b_z rho_z) >= 0`` for weights that are not all zero, here ``w = p / (b rho)``.
    For the ratio, the `least` number of steps b is where ``min (c_z - b_z rho_z) = 0``, otherwise b = 1.
    """
    play: Any = lambda tasks, prize: Game(process, tasks, visit=True, cost=True, prize=prize)
    learners, ones = process.mixture(witness), [Fraction(1)] * len(goals)
    cost, saved = (play(goals, [-x] * len(goals)).evaluate(learners) for x in (0, 1))
    least = vector(witness.get("least", {}), process.states, "least")
    b = [least.get(z, Fraction(0)) for z in goals] if claim["criterion"] == "ratio" else ones
    known = (play([z], [-x]).value([1]) == 0 for z, x in zip(goals, b, strict=True))
    need(b is ones or all(known), "least: not the least numbers of steps")
    scale = [x * Fraction(c - d) for x, c, d in zip(b, cost, saved, strict=True)]
    worst = max(c and (c / y if y else math.inf) for c, y in zip(cost, scale, strict=True))
    level, w = witness.get("level", 0), [y and p / y for p, y in zip(prior, scale, strict=True)]
    need(not level or (any(w) and play(goals, [-level * x for x in b]).value(w) >= 0), "level: not proved")
    return (level if claim["problem"] == "minimax" else worst), worst


def minimax(process: Process, claim: Any, witness: Any) -> tuple[Bound, Bound]:
    """Bracket the least worst loss of learners of a class, or the worst loss of a proposal's learner.

    With memory: the prior's Bayes value, and the mixture's worst task. Else, by convexity, with its rho and
    ``c = -p loss'(rho)``, at least ``p . loss(rho) + c . rho - max_rho c . rho`` is lost by exploration.
    """
    doc, visit, ratio = claim["tasks"], claim["detect"] == "visit", claim["criterion"] == "ratio"
    n = None if claim["episodes"] == "inf" else read(claim["episodes"], int, "episodes")
    memory, cost = claim["learner"] == "memory", claim["criterion"] != "regret"
    need(len(doc) == 1 and (n is None or 0 < n <= 10**9), "claim: one family of tasks, and episodes > 0")
    plan = claim["problem"] == "minimax"  # else the proposal's own loss
    if "trajectories" in doc and plan and not memory:
        return trajectories(process, claim, n)
    fits = "rewards" in doc and plan and not cost and claim["learner"] != "memoryless"
    fits = fits or ("goals" in doc and (plan if memory else not (visit and cost and n)))
    need(fits, "claim: unsupported tasks, criterion, episodes or learner")
    names = labels([name for family in doc.values() for name in family], "tasks")
    tables = [process.table(rows, "rewards") for rows in doc.get("rewards", {}).values()]
    tasks: list[Any] = tables or [process.states[name] for name in names]
    given = vector(witness.get("prior", {}), names, "prior", total=int("prior" in witness))
    prior = [given.get(z, Fraction(0)) for z in range(len(tasks))]
    if visit and cost and not memory:
        return steps(process, claim, witness, tasks, prior)
    if memory and n is None:  # as many as goals will do, as each episode that is of use rules one out
        found = (Game(process, [goal], visit=visit).value([1]) == 1 for goal in tasks)
        n = need(process.certain and not tables and all(found), "claim: unsupported episodes") and len(tasks)
    rules = {"visit": visit, "cost": cost and memory, "memory": memory}
    count, times = (n, 1 if cost else n) if n and memory else (1, 1)
    game = Game(process, tasks, count, **rules)
    ideal = [times * Game(process, [z], count // times, **rules).value([1]) for z in tasks]
    values = game.evaluate(process.mixture(witness))
    if not memory:
        terms = [loss(claim, n, Fraction(x), v) for x, v in zip(values, ideal, strict=True)]
        worst = max(value for value, _ in terms)
        finite = [0 if isinstance(x, float) else p * x for p, (x, _) in zip(prior, terms, strict=True)]
        slopes = [-p * slope for p, (_, slope) in zip(prior, terms, strict=True)]
        tangent = add([*finite, *map(operator.mul, slopes, values)]) - game.value(slopes)
        return max(0, tangent) if plan else worst, worst
    share = [(1 / Fraction(x) if x else 0) if ratio else 1 for x in ideal]  # a goal of cost 0 is left out
    bayes = game.value([*map(operator.mul, prior, share)])
    if cost:
        return bayes, max(map(operator.mul, share, values))
    return add([*map(operator.mul, prior, ideal), -bayes]), max(map(operator.sub, ideal, values))


def log(x: Fraction, up: bool) -> Fraction:
    """Bound ln x, x >= 1, above if `up`: ``2 (y - 1)/(y + 1) <= ln y <= (y^2 - 1)/(2 y)``, y = x^(2^-100)."""
    if x < 1:
        return -log(1 / x, not up)
    charge(100, x.denominator.bit_length())
    one, sign = 1 << 300, -1 if up else 1  # every root and quotient is rounded outward
    y = sign * (sign * x.numerator * one // x.denominator)
    for _ in range(100):
        y = math.isqrt(y * one - up) + up
    over, under = (y**2 - one**2, 2 * y * one) if up else (2 * (y - one), y + one)
    return Fraction(sign * (sign * (over << 300) // under), 1 << 200)


def capacity(process: Process | None, claim: Any, witness: Any) -> tuple[Bound, Bound]:
    """Bracket the capacity by ``I(p) <= C <= max KL(rho || q)`` over the rows of a channel, or over rho in M.

    On M, by convexity, ``KL(rho || q) <= max KL(P(.|s, a) || q)`` over what may be done at ``s = s_{T-1}``.
    """
    if process is None:
        names, given = labels(claim["channel"]["outputs"], "outputs"), claim["channel"]["rows"]
        inputs = vector(witness.get("input", {}), labels(list(given), "rows"), "input", total=1)
        ends: list[Any] = [vector(row, names, "channel", total=1) for row in given.values()]
        rows: list[Any] = [(inputs.get(x, 0), row) for x, row in enumerate(ends)]
    else:
        need(process.horizon, "claim: a capacity needs a finite horizon")
        names, game = process.states, Game(process, range(len(process.states)))
        rows = [(w, dict(enumerate(game.evaluate([(Fraction(1), f)])))) for w, f in process.mixture(witness)]
        charge(process.horizon * process.size)
        here = {s for _, s in process.initial}
        for _ in range(process.horizon - 1):
            here = {t for s in here for row in process.choices[s].values() for _, t in row}
        ends = [{t: p for p, t in row} for s in here for row in process.choices[s].values()]
    marginal = {y: Fraction(add(w * row.get(y, 0) for w, row in rows)) for y in range(len(names))}
    q = vector(witness.get("output", {}), names, "output", total=1)
    need(all(q.get(y) for row in ends for y, p in row.items() if p), "output: no mass where one can end")
    kl: Any = lambda row, q, up: add(p * log(p / q[y], up) for y, p in row.items() if p)
    return add(w * kl(row, marginal, False) for w, row in rows if w), max(kl(row, q, True) for row in ends)


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
