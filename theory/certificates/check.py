"""Independent checker of certificates: proves ``lower <= value <= upper``, trusting nothing.

Standard library only, no solver, no tolerance: ``python check.py FILE`` exits with 0 and the proved
bracket, 1 and the first thing that fails, or 2 for bad usage. `docs/reference/certificates.md`
has the format and the reasons. In the order of reading: what work costs; documents; the process;
the game, solved by dynamic programming; one function for each kind of claim; the command.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import product as product_of
from pathlib import Path
from typing import Any, NamedTuple

MAX_BYTES = 1 << 25
"""Of a file."""
MAX_BITS = 1 << 17
"""Of a common denominator."""
DIGITS = 4000
"""Of an integer's text; Python itself refuses to read more than 4300."""
BUDGET = 15_000_000
"""Units of work, each at most a microsecond of processor time and fifty bytes of memory or so."""
ENTRIES = 4000
"""Numbers, at most, in the ends of plans of several steps, at which convex functions are taken."""
WORK = {"left": 0}
REAL = re.compile(  # sign, whole part; denominator, or decimals and exponent
    rf"(-?)([0-9]{{1,{DIGITS}}})"
    rf"(?:/((?=0*[1-9])[0-9]{{1,{DIGITS}}})|(?:\.([0-9]{{1,400}}))?(?:[eE]([-+]?[0-9]{{1,3}}))?)"
)

Number = int | Fraction
Bound = Number | float  # a float only where the bound is infinite
Bracket = tuple[Bound, Bound]
Document = Mapping[str, Any]
Node = tuple[int, int, int]  # (layer; state, or -1 before an episode; bit set B of possible tasks)
Outcome = tuple[int, Number, Node | None]  # (part of B, gain, what follows)
Form = dict[int, Number]  # affine in the values at places in a list; -1 has the constant
Rows = dict[str, tuple[Number, dict[int, Number]]]  # name -> weight, distribution
Graph = tuple[list[Node], list[list[Form]]]
Learner = dict[str, dict[int, Fraction]]  # key of (episode, t, s, B) -> odds of actions
Table = dict[tuple[int, int, int], Number]  # (state, action, next state) -> number

# Shapes of documents: a type; words "a|b"; [shape] an array; (shape, ...) a row; {"*": shape} an
# object with free names; else an object with these fields and no other, "?" marking optional ones.
NUMBERS, ROWS = {"*": Fraction}, [(str, str, str, Fraction)]
INSTANCE: Document = {
    **{"format": "metaregret-cmp/1", "states": object, "actions": object, "initial": NUMBERS},
    **{"transitions": ROWS, "horizon?": int, "gamma?": Fraction, "name?": str},
}
LOSS: Document = {
    **{"learner": "blind|memoryless|memory", "criterion": "regret|hitting-time|ratio"},
    **{"detect": "end|visit", "episodes": object},
    "tasks": {"goals?": [str], "rewards?": {"*": ROWS}, "trajectories?": bool},
}
PLAN: Document = {
    **{"objective": "end|visit|reach|reward|total", "goal?": str},
    **{"rewards?": ROWS, "minimise?": bool},
}
CHANNEL: Document = {"channel?": {"outputs": [str], "rows": {"*": NUMBERS}}}
ORDER: Document = {**CHANNEL, "order": object}
SIDES: Document = {"lower": object, "upper": object, "exact?": bool}
WITNESS: Document = {
    **{f"{name}?": NUMBERS for name in ("prior", "least", "input", "output", "farthest")},
    **{"level?": Fraction, "policy?": {"*": str}},
    "learners?": [{"weight?": Fraction, "rows": [list]}],
}
CERTIFICATE: Document = {
    **{"format": "metaregret-certificate/1", "comment?": str, "process?": object},
    **{"claim": dict, "witness": WITNESS},
}
NAMED = {str: "a string", int: "an integer", Fraction: "a number", bool: "true or false"}
NAMED |= {dict: "an object", list: "an array"}


class Asked(NamedTuple):
    """What a claim about tasks is about, and the witness's prior."""

    episodes: int | None
    tasks: Sequence[Any]
    prior: Sequence[Fraction]


class CertificateError(Exception):
    """The certificate does not prove its claim; the message is the first thing that fails."""


# ------------------------------------------------------------------------------ what work costs


def need(condition: object, reason: str) -> bool:
    """Reject unless the condition holds."""
    if not condition:
        raise CertificateError(reason)
    return True


def charge(units: int, bits: int = 0) -> None:
    """Spend units of work on fractions of so many bits in all; their gcd is quadratic in them.

    What is done or stored is paid for first, so the budget bounds time and memory.
    """
    WORK["left"] -= units * (1 + bits // 192 + (bits // 1536) ** 2)
    if WORK["left"] < 0:
        raise CertificateError("the work budget is spent (--budget UNITS raises it)")


def length(x: Number) -> int:
    """Return the bits of numerator and denominator."""
    return x.numerator.bit_length() + x.denominator.bit_length()


def product(x: Number, y: Number) -> Number:
    """Return x y, paid by its length, storage included; short integers are free."""
    if type(x) is int and type(y) is int:
        if (bits := x.bit_length() + y.bit_length()) > 255:
            charge(bits // 256)
    else:
        charge(2, length(x) + length(y))
    return x * y


def power(x: Number, n: int) -> Fraction:
    """Return x^n, paid by its length."""
    charge(1, n * length(x))
    return Fraction(x) ** n


def whole(values: Iterable[Number], where: str) -> tuple[list[int], int]:
    """Return integers ``k_i`` and one denominator ``d`` of limited size: ``values_i = k_i / d``."""
    numbers = list(values)
    charge(len(numbers))
    unit = last = 1
    limit = min(MAX_BITS, (1 << 28) // max(1, len(numbers)))
    for d in sorted([x.denominator for x in numbers]):  # no set: equal hashes are easily made
        if d != last:
            charge(1, unit.bit_length() + d.bit_length())
            unit, last = math.lcm(unit, d), d
            need(unit.bit_length() <= limit, f"{where}: too fine fractions")
    if unit == 1:
        return [x.numerator for x in numbers], unit
    charge(2 + 2 * len(numbers), unit.bit_length())
    return [x.numerator * (unit // x.denominator) for x in numbers], unit


def simple(x: Number) -> Number:
    """Return an integer where it is one: integers are faster."""
    return x.numerator if x.denominator == 1 else x


def add(values: Iterable[Number]) -> Number:
    """Return the sum, an integer where it can be one."""
    numbers = list(values)
    if all(type(x) is int for x in numbers):
        return sum(numbers)
    numerators, unit = whole(numbers, "sum")
    return simple(Fraction(sum(numerators), unit))


def dot(form: Form, values: Mapping[int, Number]) -> Number:
    """Return the value of an affine function, ``values[-1]`` being 1."""
    charge(len(form))
    return add([product(x, values[k]) for k, x in form.items()])


# ------------------------------------------------------------------------------------- documents


def rational(text: str) -> Fraction:
    """Read "p/q", an integer or a decimal exactly, its length checked before any conversion.

    Twice as fast as ``Fraction(text)``, and strangers' files are full of numbers.
    """
    found = REAL.fullmatch(text) if len(text) <= 2 * DIGITS + 2 else None
    if found is None:
        raise CertificateError(f"not a rational of at most {DIGITS} digits: {text[:40]!a}")
    charge(3, 7 * len(text))
    sign, digits, denominator, decimals, exponent = found.groups()
    try:
        n, d, places = int(digits), int(denominator or 1), int(exponent or 0)
        if decimals:
            n, places = n * 10 ** len(decimals) + int(decimals), places - len(decimals)
    except ValueError:  # Python may be told to read fewer digits than 4300
        raise CertificateError(f"this Python does not read numbers like {text[:40]!a}") from None
    n, scale = -n if sign else n, 10 ** abs(places)
    x = Fraction(n * scale, d) if places > 0 else Fraction(n, d * scale)
    charge(length(x) // 256)
    return x


def integer(text: str) -> int:
    """Read an integer of JSON."""
    return int(text) if len(text) < 19 else rational(text).numerator


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object, whose keys must differ."""
    found = dict(pairs)
    need(len(found) == len(pairs), "a key stands twice")
    return found


def parse(path: Path, digest: str = "") -> Any:
    """Read a JSON file strictly: no key twice, no NaN, decimals exact, everything paid before."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    need(len(data) <= MAX_BYTES, f"the file is larger than {MAX_BYTES} bytes")
    same = not digest or hashlib.sha256(data).hexdigest() == digest
    need(same, f"{path.name!a} has another SHA-256")
    charge(len(data) // 32 + 3 * sum(map(data.count, (b",", b":", b"[", b"{"))))
    hooks: Any = {"parse_int": integer, "parse_float": rational, "parse_constant": rational}
    try:
        return json.loads(data.decode(), object_pairs_hook=distinct, **hooks)
    except RecursionError:
        raise CertificateError("not a JSON document: nested too deeply") from None
    except ValueError as error:  # not UTF-8, not JSON
        raise CertificateError(f"not a JSON document: {error}") from None


def read(value: Any, shape: Any, where: str) -> Any:
    """Return the value if it has the shape, its numbers exact; a Boolean is no integer."""
    if shape is Fraction and isinstance(value, str):
        return rational(value)
    if shape is Fraction and isinstance(value, int | Fraction) and not isinstance(value, bool):
        return Fraction(value)
    if isinstance(shape, str):
        fits = isinstance(value, str) and value in shape.split("|")
        need(fits, f"{where}: expected {shape.replace('|', ' or ')}")
        return value
    if isinstance(shape, type):
        fits = isinstance(value, shape) and (shape is not int or not isinstance(value, bool))
        need(fits, f"{where}: expected {NAMED.get(shape)}")
        return value
    kind = dict if isinstance(shape, dict) else list
    need(isinstance(value, kind), f"{where}: expected {NAMED[kind]}")
    charge(2 * len(value))
    if isinstance(shape, dict):
        return fields(value, shape, where)
    row = shape if isinstance(shape, tuple) else shape * len(value)
    need(len(value) == len(row), f"{where}: a row of {len(value)} entries, not {len(row)}")
    return [read(x, part, where) for x, part in zip(value, row, strict=True)]


def fields(value: dict[str, Any], shape: Document, where: str) -> dict[str, Any]:
    """Return an object's fields, which are free where the shape is {"*": ...}."""
    if "*" in shape:
        return {key: read(x, shape["*"], f"{where}.{key[:40]}") for key, x in value.items()}
    parts = {name.rstrip("?"): part for name, part in shape.items()}
    required = {name for name in shape if name[-1] != "?"}
    wrong = (value.keys() - parts.keys()) | (required - value.keys())
    need(not wrong, f"{where}: unknown or missing field {min(wrong, default='')[:40]!a}")
    return {key: read(x, parts[key], f"{where}.{key}") for key, x in value.items()}


def labels(value: Any, where: str) -> dict[str, int]:
    """Return the indices of distinct names, or of as many as a count says."""
    counted = not isinstance(value, list)
    size = read(value, int, where) if counted else len(value)
    need(0 < size <= 10**6, f"{where}: no distinct names, or too many")
    charge(4 * size)
    names = map(str, range(size)) if counted else read(value, [str], where)
    indices = {name: i for i, name in enumerate(names)}
    need(len(indices) == size, f"{where}: no distinct names, or too many")
    return indices


def vector(
    given: Mapping[Any, Number], names: Mapping[Any, int], where: str, total: int = 0
) -> dict[int, Fraction]:
    """Return numbers by index; with a `total` they are non-negative and sum to it exactly."""
    numerators, unit = whole(given.values(), where)
    fits = min(numerators, default=0) >= 0 and sum(numerators) == total * unit
    need(fits or not total, f"{where}: a negative entry, or the sum is not {total}")
    return {names[name]: Fraction(x) for name, x in given.items()}


def text(x: Bound) -> str:
    """Write a number exactly, however long: Python itself writes 4300 digits."""
    if isinstance(x, float):
        return str(x)
    if isinstance(x, Fraction) and x.denominator != 1:
        return f"{text(x.numerator)}/{text(x.denominator)}"
    blocks, left = [], abs(x.numerator)
    while left >= 10**600:
        left, low = divmod(left, 10**600)
        blocks.append(f"{low:0600}")
    return "-" * (x < 0) + "".join([str(left), *reversed(blocks)])


# ----------------------------------------------------------------------------------- the process


class Process:
    """A controlled Markov process: ``choices[s][a]`` lists (probability, successor).

    Actions are in order, and ``choices[-1]``, the last, draws the start, by its one move -1.
    """

    def __init__(self, document: object) -> None:
        doc = read(document, INSTANCE, "process")
        self.horizon: int = doc.get("horizon", 0)
        self.gamma: Fraction = doc.get("gamma", Fraction(0))
        fits = ("horizon" in doc) == (0 < self.horizon <= 10**9)
        fits = fits and ("gamma" in doc) == (0 < self.gamma < 1)
        fits = fits and not (self.horizon and self.gamma)
        need(fits, "process: horizon or gamma out of range, or both")
        self.states = labels(doc["states"], "states")
        self.actions = labels(doc["actions"], "actions")
        start = vector(doc["initial"], self.states, "process.initial", total=1)
        self.initial = [(simple(p), s) for s, p in start.items() if p]
        table = self.table(doc["transitions"], "process.transitions")
        probabilities = [*start.values(), *table.values()]
        self.size = len(probabilities)
        self.certain = all(p in (0, 1) for p in probabilities)  # nothing is random
        need(min(probabilities) >= 0, "process: a negative probability")
        whole(probabilities, "process")
        self.choices: list[dict[int, list[tuple[Number, int]]]] = [{} for _ in self.states]
        for (s, a, t), p in sorted(table.items()):
            self.choices[s].setdefault(a, []).extend([(p, t)] * (p > 0))
        for name, s in self.states.items():
            sums = [add([p for p, _ in row]) for row in self.choices[s].values()]
            fits = bool(sums) and all(x == 1 for x in sums)
            need(fits, f"process: {name[:40]!a} has no action, or a row does not sum to 1")
        self.choices.append({-1: self.initial})

    def table(self, rows: Sequence[Sequence[Any]], where: str) -> Table:
        """Return rows ``[state, action, next state, number]`` by index, none of them twice."""
        charge(10 * len(rows))
        whole([row[3] for row in rows], where)
        table: Table = {}
        for s, a, t, x in rows:
            table[self.states[s], self.actions[a], self.states[t]] = simple(x)
        need(len(table) == len(rows), f"{where}: a transition is listed twice")
        return table

    def mixture(self, witness: Document) -> list[tuple[Fraction, Learner]]:
        """Return weighted learners, their rows being ``[episode, t, state, B, choice]``."""
        learners: list[tuple[Fraction, Learner]] = []
        for i, doc in enumerate(witness.get("learners", [{"rows": []}])):
            rows: Learner = {}
            for j, row in enumerate(doc["rows"]):
                at = f"learners[{i}].rows[{j}]"
                episode, t, state, block, choice = read(row, (int, int, str, int, object), at)
                s, when = self.states[state], key(episode, t, self.states[state], block)
                need(when not in rows, f"{at}: this hyperstate is listed twice")
                odds = {choice: 1} if isinstance(choice, str) else read(choice, NUMBERS, at)
                rows[when] = vector(odds, self.actions, at, total=1)
                available = rows[when].keys() <= self.choices[s].keys()
                need(available, f"{at}: an unavailable action")
            learners.append((doc.get("weight", Fraction(1)), rows))
        numerators, unit = whole([weight for weight, _ in learners], "weights")
        fits = min(numerators, default=-1) >= 0 and sum(numerators) == unit
        need(fits, "weights: not a distribution")
        return learners


# -------------------------------------------------------------------------------------- the game


def key(*numbers: int) -> str:
    """Name a hyperstate by a string: those have secret hashes, while equal ones of integers are
    easily made, and a dictionary full of them is slow."""
    return " ".join([f"{x:x}" for x in numbers])


def bits(block: int) -> Iterator[int]:
    """Yield the members of a bit set."""
    return (z for z, bit in enumerate(reversed(f"{block:b}")) if bit == "1")


def ranked(tables: Sequence[Table]) -> tuple[list[dict[tuple[int, int, int], int]], list[Number]]:
    """Return the tables with places in a list of distinct numbers, [0] being 0; and that list."""
    found = [(x, z, at) for z, table in enumerate(tables) for at, x in table.items() if x]
    charge(4 * len(found))
    found.sort(key=lambda entry: (entry[0].numerator, entry[0].denominator))
    places: list[dict[tuple[int, int, int], int]] = [{} for _ in tables]
    numbers: list[Number] = [0]
    for x, z, at in found:
        if x != numbers[-1]:
            numbers.append(x)
        places[z][at] = len(numbers) - 1
    return places, numbers


class Game:
    """The hyperstates (episode, t, s, B), s = -1 until a start is drawn, and what they pay.

    Tasks are goals (states) or tables of rewards; finding a goal has a `prize`. With `memory`, B
    are the tasks that agree with every reward seen, and the last one is played at best; else B are
    all tasks, or the goals not visited yet. With `cost`, an episode (`visit`: a step) without
    success costs 1. Layer ``episode (T + 1) + t + 1`` is time t; with a `discount` 1 is all t >= 0.
    """

    def __init__(
        self,
        process: Process,
        tasks: Sequence[Any],
        n: int = 1,
        *,
        visit: bool = False,
        cost: bool = False,
        memory: bool = False,
        minimise: bool = False,
        discount: Number | None = None,
        prize: Sequence[Number] | None = None,
        policy: Mapping[int, int] | None = None,
    ) -> None:
        self.process, self.tasks, self.episodes = process, tasks, n
        self.visit, self.cost, self.memory = visit, cost, memory
        self.opt: Callable[[Iterable[Number]], Number] = min if minimise or cost else max
        self.policy = policy or {}
        self.discount = process.gamma if discount is None else discount
        usual = 0 if cost else int(visit) or 1 - self.discount
        self.prize = [usual] * len(tasks) if prize is None else prize
        fits = not (memory or cost) if self.discount else process.horizon
        need(fits, "claim: another horizon")
        self.span = 1 << 40 if self.discount else process.horizon + 1
        charge(0 if self.discount else 10 * n * self.span)
        self.ahead = 1 / Fraction(self.discount or 1)  # on arrival a pay is discounted once more
        charge(len(tasks) ** 2 // 400)  # a bit for each in each
        self.goal = {s: 1 << z for z, s in enumerate(tasks) if isinstance(s, int)}
        if memory and not self.goal:
            self.places, self.numbers = ranked(tasks)

    def outcomes(self, i: int, s: int, a: int, t: int, block: int) -> list[Outcome]:
        """Split B by the reward of a transition from layer i: (part, gain, what follows)."""
        time, later = i % self.span, self.episodes - 1 - i // self.span  # of arrival; to come
        last = time == self.span - 1
        after = None if last and not later else (1 if self.discount else i + 1, -1 if last else t)
        out: list[Outcome] = []
        parts: list[tuple[Number, int]] = [(0, block)]
        if self.goal:
            charge(1 + block.bit_length() // 8)
            tick = int(self.cost and (time > 0 if self.visit else last))
            hit = self.goal.get(t, 0) & block if last or self.visit or self.discount else 0
            left = block ^ hit if last or self.visit else block  # else it ended here by chance
            parts = [(tick, left)] if left else []
            if hit:
                again = (i - time + self.span, -1, hit) if later and not self.cost else None
                out.append((hit, tick + self.prize[hit.bit_length() - 1], again))
        elif self.memory:
            charge(1 + block.bit_length() // 2)
            ranks: dict[int, int] = {}
            for z in bits(block):
                rank = self.places[z].get((s, a, t), 0)
                ranks[rank] = ranks.get(rank, 0) | 1 << z
            parts = [(self.numbers[rank], part) for rank, part in ranks.items()]
        else:
            charge(1 + block.bit_length() // 2)
            for z in bits(block):
                if reward := self.tasks[z].get((s, a, t), 0):
                    out.append((1 << z, product(reward, self.ahead), None))
        return out + [(b, gain, (*after, b) if after else None) for gain, b in parts]

    def graph(self, weights: Sequence[int], learner: Learner | None) -> Graph:
        """Return what can be reached, and the value of each choice there, or the learner's."""
        order: list[Node] = [(0, -1, (1 << len(self.tasks)) - 1)]
        graph, short = list[list[Form]](), len(self.tasks) <= 60  # so that integers' hashes differ
        place: dict[object, int] = {order[0] if short else key(*order[0]): 0}
        mass, longest = dict[object, int](), max([weight.bit_length() for weight in weights])
        for i, s, b in order:
            known = self.memory and not b & (b - 1) and len(self.tasks) > 1
            available = self.process.choices[s]
            mixes: Iterable[Mapping[int, Number]] = ({a: 1} for a in available)
            if learner is not None and s >= 0 and not known:
                charge(2)
                row = learner.get(key(i // self.span, i % self.span - 1, s, b))
                mixes = [row or {next(iter(available)): 1}]
            graph.append([])
            for mix in mixes:
                charge(8 + 8 * sum([len(available[a]) for a in mix]))
                form: Form = {}
                gains: list[Number] = []
                odds = [(a, q) for a, q in mix.items() if q]
                moves = [(product(p, q), a, t) for a, q in odds for p, t in available[a]]
                found = [(p, self.outcomes(i, s, a, t, b)) for p, a, t in moves]
                for p, (part, gain, h) in [(p, x) for p, out in found for x in out]:
                    if gain:
                        name: object = part if short else key(part)
                        if name not in mass:
                            charge((1 + len(weights) // 8) * (1 + longest // 256))
                            mass[name] = sum([weights[z] for z in bits(part)])
                        gains.append(product(product(p, gain), mass[name]))
                    if h:
                        k = place.setdefault(h if short else key(*h), len(place))
                        if k == len(order):
                            order.append(h)
                        x = product(p, self.discount or 1)
                        form[k] = add([form[k], x]) if k in form else x
                form[-1] = add(gains)
                graph[-1].append(form)
        return order, graph

    def value(self, weights: Sequence[Number], learner: Learner | None = None) -> Number:
        """Solve ``W(h) = opt_a sum P(s'|s,a) sum_parts [weight(part) gain + discount W(h')]``.

        A learner takes the place of the optimum. Returned is W at the start. With a finite horizon
        layers are solved from the last to the first, otherwise by policy iteration.
        """
        numerators, unit = whole(weights, "weights")
        order, graph = self.graph(numerators, learner)
        if self.discount:
            return self.iterate(order, graph) / Fraction(unit)
        w: dict[int, Number] = {-1: 1}
        for i in sorted(range(len(order)), key=lambda i: -order[i][0]):
            w[i] = self.opt([dot(form, w) for form in graph[i]])
        return w[0] / Fraction(unit)

    def iterate(self, order: Sequence[Node], graph: Sequence[Sequence[Form]]) -> Number:
        """Solve the equation of `value` by policy iteration, from the witness's `policy`.

        Where discount = 1 no gain may be negative, and what never gains any more is worth 0. To
        minimise, W must then be 0 wherever one can stay for ever without paying.
        """
        policy, places = [], range(len(order))
        for _, s, _ in order:
            available = list(self.process.choices[s])
            charge(len(available))
            wanted = self.policy.get(s)
            policy.append(available.index(wanted) if wanted in available else 0)
        changed = True
        while changed:
            w = self.evaluated([graph[i][a] for i, a in enumerate(policy)])
            changed = False
            for i in places:
                totals = [dot(form, w) for form in graph[i]]
                best = self.opt(totals)
                if best != w[i]:
                    policy[i], changed = totals.index(best), True
        if self.discount == 1 and self.opt is min:
            self.need_no_idling(graph, w)
        return w[0]

    @staticmethod
    def evaluated(chosen: Sequence[Form]) -> dict[int, Number]:
        """Return W of a policy, by eliminating one hyperstate after the other, from the last.

        Each is written as an affine function of the values at earlier places: later ones are put in
        where they occur, and one that leads to itself is solved for.
        """
        forms: dict[int, Form] = {}
        for i in reversed(range(len(chosen))):
            form = dict(chosen[i])
            while (k := max(form)) > i:
                charge(2 + len(form) // 8)
                factor = form.pop(k)
                for j, x in forms[k].items():
                    charge(1)
                    y = product(factor, x)
                    form[j] = add([form[j], y]) if j in form else y
            stay = 1 - form.pop(i, 0)
            need(stay or not form[-1], "policy: an infinite total")
            back = 1 / Fraction(stay or 1)
            forms[i] = form if back == 1 else {k: product(x, back) for k, x in form.items()}
        w: dict[int, Number] = {-1: 1}
        for i in range(len(chosen)):
            w[i] = dot(forms[i], w)
        return w

    @staticmethod
    def need_no_idling(graph: Sequence[Sequence[Form]], w: Mapping[int, Number]) -> None:
        """Reject if W > 0 where one can stay for ever without paying."""
        edges = sum([len(form) for row in graph for form in row])
        idle = {i for i in range(len(graph)) if w[i]}
        while True:
            charge(len(idle) + edges)
            rest = idle | {-1}
            free = {i for i in idle if any(not f[-1] and f.keys() <= rest for f in graph[i])}
            if free == idle:
                break
            idle = free
        need(not idle, "policy: a total where one can stay for ever for nothing")

    def evaluate(self, learners: Sequence[tuple[Fraction, Learner]]) -> list[Number]:
        """Return every task's value under a mixture of learners."""
        tasks = range(len(self.tasks))
        ones = ([int(z == y) for y in tasks] for z in tasks)
        return [add([product(p, self.value(one, f)) for p, f in learners]) for one in ones]


# ------------------------------------------------------------------------------------ the claims


def planning(process: Process, claim: Document, witness: Document) -> Bracket:
    """Return the best, or with `minimise` the least, probability of a goal or sum of rewards.

    Proof: W solves the optimality equation (`Game.value`). With a horizon that is backward
    induction; with discount < 1 the equation is a contraction with one solution; with discount 1
    (no pay is negative) no policy earns more than W, as ``W >= 0`` and ``W >= E[pay + W]``, and no
    one costs less where W is 0 on the set where one can stay for ever for nothing. W is attained.
    """
    kind, rewards = claim["objective"], process.table(claim.get("rewards", []), "rewards")
    fits = ("goal" in claim) != ("rewards" in claim) == (kind in ("reward", "total"))
    need(fits, "claim: goal or rewards")
    fits = kind != "total" or min(rewards.values(), default=0) >= 0
    need(fits, "rewards: a total needs them not negative")
    policy = witness.get("policy", {}).items()
    game = Game(
        process,
        [process.states[claim["goal"]] if "goal" in claim else rewards],
        visit=kind in ("visit", "reach"),
        minimise=claim.get("minimise", False),
        discount=1 if kind in ("reach", "total") else None,
        policy={process.states[s]: process.actions[a] for s, a in policy},
    )
    value = game.value([1])
    return value, value


def loss(claim: Document, n: int | None, x: Fraction, v: Number) -> tuple[Bound, Number]:
    """Return the loss at probability x of success per episode, and its slope there.

    Hitting time ``C(x) = sum_{i<n} (1 - x)^i``, ratio ``C / C(v)``, regret ``C (v - x)``, where the
    blind have n for C. All are convex and decreasing in x.
    """
    count, regret = n or 0, claim["criterion"] == "regret"
    if regret and claim["learner"] == "blind":
        need(n, "blind: an infinite regret")
        charge(4, length(x) + length(v))
        return count * (v - x), -count
    if n is None and x == 0:
        return (0 if regret and v == 0 else math.inf), 0
    charge(6, 2 * (count + 1) * length(x) + length(v))
    first = (1 - x) ** (count - 1) if n else Fraction(0)
    c = (1 - (1 - x) * first) / x if x else Fraction(count)
    slope = (count * first - c) / x if x else Fraction(-count * (count - 1), 2)
    if regret:
        return c * (v - x), slope * (v - x) - c
    if claim["criterion"] != "ratio":
        return c, slope
    best = Fraction(loss({**claim, "criterion": ""}, n, Fraction(v), 0)[0])
    charge(4, length(c) + length(best))
    return c / best, slope / best


def trajectories(process: Process, claim: Document, n: int | None) -> Bracket:
    """Return the least worst loss where every sequence of states and actions is a task (T9).

    Proof: however nature answers, the probabilities pi of the sequences with these answers sum to
    one. So the worst ``1 / (pi w)`` is at least ``m(start)``, where ``m = 1`` at the end and
    ``m(h) = sum_a max_o m(h, a, o) / w(o)``, and pi in proportion to these terms attains it;
    w = P(o) for the hitting time, else 1. Where all is certain pi = rho, and this is so for all n.
    """
    fits = n is None or process.certain
    need(fits, "claim: with n episodes trajectories need deterministic dynamics")
    given = process.horizon and claim["tasks"]["trajectories"]
    need(given, "claim: no horizon, or no trajectories")
    weighted = claim["criterion"] == "hitting-time"

    def worst(row: Sequence[tuple[Number, int]]) -> Number:
        return max([product(m[t], 1 / Fraction(p)) if weighted else m[t] for p, t in row])

    m: list[Number] = [1] * len(process.states)
    for _ in range(process.horizon):
        charge(10 * process.size)
        moves = process.choices[:-1]
        m = [add([worst(row) for row in rows.values()]) for rows in moves]
        charge(sum([length(x) // 256 for x in m]))
    value = loss(claim, n, 1 / Fraction(worst(process.initial)), 1)[0]
    return value, value


def steps(process: Process, claim: Document, witness: Document, asked: Asked) -> Bracket:
    """Bracket the least worst ``c_z / (b_z rho_z)``: steps until z is visited, over their least.

    Here an episode has c steps until the visit, of probability rho, or the end (Wald's identity).
    For the ratio b is the `least` number of steps, otherwise 1. Proof above: the witness's learner.
    Below: with weights w that are not all zero, here ``w = p / (b rho)``, and
    ``min sum w_z (c_z - x b_z rho_z) >= 0``, every policy has a z with ``c_z >= x b_z rho_z``; x is
    the witness's `level`. b is the least if ``min (c_z - b_z rho_z) = 0``.
    """

    _, goals, prior = asked

    def play(tasks: Sequence[int], prize: Sequence[Number]) -> Game:
        return Game(process, tasks, visit=True, cost=True, prize=prize)

    learners, ratio = process.mixture(witness), claim["criterion"] == "ratio"
    cost, saved = (play(goals, [-x] * len(goals)).evaluate(learners) for x in (0, 1))
    least = vector(witness.get("least", {}), process.states, "least")
    b = [least.get(z, Fraction(0)) if ratio else Fraction(1) for z in goals]
    known = (play([z], [-x]).value([1]) == 0 for z, x in zip(goals, b, strict=True))
    need(not ratio or all(known), "least: not the least numbers of steps")
    scale = [Fraction(product(x, c - d)) for x, c, d in zip(b, cost, saved, strict=True)]
    losses: list[Bound] = [
        (c and (product(c, 1 / y) if y else math.inf)) for c, y in zip(cost, scale, strict=True)
    ]
    level = witness.get("level", Fraction(0))
    w = [product(p, 1 / y) if y else 0 for p, y in zip(prior, scale, strict=True)]
    proved = any(w) and play(goals, [-product(level, x) for x in b]).value(w) >= 0
    need(not level or proved, "level: not proved")
    return level, max(losses)


def exploration(process: Process, claim: Document, witness: Document, asked: Asked) -> Bracket:
    """Bracket the least worst loss of one exploration, memoryless or blind.

    Proof above: the witness's rho. Below: losses are convex in rho, so with
    ``c = -p loss'(rho) >= 0`` every rho' loses at least
    ``p . loss(rho') >= p . loss(rho) + c . rho - max_rho' c . rho'``. A task whose loss at rho is
    infinite is left out.
    """
    (n, tasks, prior), visit = asked, claim["detect"] == "visit"
    game = Game(process, tasks, visit=visit)
    best = [Game(process, [z], visit=visit).value([1]) for z in tasks]
    rho = game.evaluate(process.mixture(witness))
    terms = [loss(claim, n, Fraction(x), v) for x, v in zip(rho, best, strict=True)]
    weighed = [(p, x, slope) for p, (x, slope) in zip(prior, terms, strict=True)]
    finite = [product(p, x) for p, x, _ in weighed if not isinstance(x, float)]
    slopes = [product(-p, slope) for p, _, slope in weighed]
    linear = [product(slope, x) for slope, x in zip(slopes, rho, strict=True)]
    tangent = add([*finite, *linear, -game.value(slopes)])
    return max(0, tangent), max([x for x, _ in terms])


def memory(process: Process, claim: Document, witness: Document, asked: Asked) -> Bracket:
    """Bracket the least worst loss of learners with memory over n episodes.

    Proof above: the witness's mixture, task by task. Below: the worst task loses at least the mean
    over the prior, whose least value over all learners is W at the start. Without a last episode,
    where nothing is random and all goals can be found, K goals take K episodes: each one that is of
    use rules a goal out.
    """
    n, tasks, prior = asked
    visit, cost = claim["detect"] == "visit", claim["criterion"] != "regret"
    if n is None:
        goals = all(isinstance(z, int) for z in tasks)
        found = (Game(process, [z], visit=visit).value([1]) == 1 for z in tasks)
        need(process.certain and goals and all(found), "claim: unsupported episodes")
        n = len(tasks)
    game = Game(process, tasks, n, visit=visit, cost=cost, memory=True)
    told, times = (n, 1) if cost else (1, n)  # regret starts afresh in every episode
    alone = [Game(process, [z], told, visit=visit, cost=cost, memory=True) for z in tasks]
    ideal = [times * one.value([1]) for one in alone]
    values = game.evaluate(process.mixture(witness))
    share: list[Number] = [1] * len(tasks)
    if claim["criterion"] == "ratio":  # a goal that costs nothing is left out
        share = [1 / Fraction(x) if x else 0 for x in ideal]
    weights = [product(p, x) for p, x in zip(prior, share, strict=True)]
    bayes = game.value(weights)
    if cost:
        return bayes, max([product(x, y) for x, y in zip(share, values, strict=True)])
    best = [product(p, v) for p, v in zip(prior, ideal, strict=True)]
    losses = [add([v, -x]) for v, x in zip(ideal, values, strict=True)]
    return add([*best, -bayes]), max(losses)


def minimax(process: Process, claim: Document, witness: Document) -> Bracket:
    """Bracket the least worst loss over the tasks, of learners of a class.

    Proof: `memory`, `exploration`, `steps` or `trajectories`.
    """
    doc, visit = claim["tasks"], claim["detect"] == "visit"
    regret, learner = claim["criterion"] == "regret", claim["learner"]
    n = None if claim["episodes"] == "inf" else read(claim["episodes"], int, "episodes")
    fits = len(doc) == 1 and (n is None or 0 < n <= 10**9)
    need(fits, "claim: one family of tasks, and episodes > 0")
    plan = claim["problem"] == "minimax"  # else the proposal's own loss
    if "trajectories" in doc and plan and learner != "memory":
        return trajectories(process, claim, n)
    fits = "rewards" in doc and plan and regret and learner != "memoryless"
    goals = plan if learner == "memory" else regret or n is None or not visit
    fits = fits or ("goals" in doc and goals)
    need(fits, "claim: unsupported tasks, criterion, episodes or learner")
    names = labels([name for family in doc.values() for name in family], "tasks")
    tables = [process.table(rows, "rewards") for rows in doc.get("rewards", {}).values()]
    tasks: list[Any] = tables or [process.states[name] for name in names]
    given = vector(witness.get("prior", {}), names, "prior", total=int("prior" in witness))
    prior = [given.get(z, Fraction(0)) for z in range(len(tasks))]
    solve = memory if learner == "memory" else steps if visit and not regret else exploration
    return solve(process, claim, witness, Asked(n, tasks, prior))


def proposal(process: Process, claim: Document, witness: Document) -> Bracket:
    """Return the worst loss of the witness's own learner, without memory.

    Proof: the upper bound of `minimax` is that number.
    """
    worst = minimax(process, claim, witness)[1]
    return worst, worst


def log(x: Fraction, up: bool) -> Fraction:
    """Bound ln x, x >= 1, above if `up`, else below.

    Proof: ``2 (y - 1) / (y + 1) <= ln y <= (y^2 - 1) / (2 y)`` at y = x^(2^-100), by a hundred
    square roots; every root and quotient is rounded outward.
    """
    if x < 1:
        return -log(1 / x, not up)
    charge(250, length(x) // 2)
    one, sign = 1 << 300, -1 if up else 1
    y = sign * (sign * x.numerator * one // x.denominator)
    for _ in range(100):
        y = math.isqrt(y * one - up) + up
    over, under = (y**2 - one**2, 2 * y * one) if up else (2 * (y - one), y + one)
    return Fraction(sign * (sign * (over << 300) // under), 1 << 200)


def divergence(row: Mapping[int, Number], q: Mapping[int, Number], up: bool) -> Number:
    """Bound ``KL(row || q)`` in nats, above if `up`, else below."""
    ratios = [(p, Fraction(product(p, 1 / Fraction(q[y])))) for y, p in row.items() if p]
    return add([product(p, log(x, up)) for p, x in ratios])


class Ends(NamedTuple):
    """Distributions that every achievable one is a mixture of: the ends of all plans of the last
    steps, by the state before them; and the choices at the steps before those."""

    after: dict[int, list[dict[int, Number]]]
    before: list[dict[int, dict[int, list[tuple[Number, int]]]]]

    def within(self, q: Mapping[int, Number]) -> bool:
        """Say whether q is positive wherever one can end."""
        ends = [row for rows in self.after.values() for row in rows]
        return all(q.get(y) for row in ends for y, p in row.items() if p)

    def most(self, worth: Callable[[Mapping[int, Number]], Number]) -> Number:
        """Bound a convex function above: at what is achieved it is at most its mean at ends, over
        the state before them; the best plan makes that large. Long values are rounded up."""
        charge(sum([3 + len(row) for rows in self.after.values() for row in rows]))
        value = {s: max([worth(row) for row in rows]) for s, rows in self.after.items()}
        for here in reversed(self.before):
            for s, x in value.items():
                if length(x) > 256:
                    charge(2, length(x))
                    value[s] = Fraction(-(-(x.numerator << 200) // x.denominator), 1 << 200)
            found = {}
            for s, moves in here.items():
                charge(8 + 8 * sum(map(len, moves.values())))
                rows = [[product(p, value[t]) for p, t in row] for row in moves.values()]
                found[s] = max(map(add, rows))
            value = found
        return max(value.values())


def ends_of(process: Process) -> Ends:
    """Return the ends of all plans of the last step, and of more steps while they are few."""
    charge(2 * (process.horizon + 1) * process.size)
    layers = [{-1: process.choices[-1]}]  # which draws the start
    for _ in range(process.horizon + 1):
        reached = {t for moves in layers[-1].values() for row in moves.values() for _, t in row}
        layers.append({s: process.choices[s] for s in reached})
    after: dict[int, list[dict[int, Number]]] = {s: [{s: 1}] for s in layers.pop()}
    room = 0 if process.certain else math.inf  # where nothing is random ends are states
    while layers:
        rows = [(s, row) for s, moves in layers[-1].items() for row in moves.values()]
        charge(4 * sum([4 + len(row) for _, row in rows]))
        if plans(rows, after) * len(process.states) > room:
            break
        earlier: dict[int, list[dict[int, Number]]] = {s: [] for s in layers.pop()}
        for s, row in rows:
            for chosen in product_of(*[after[t] for _, t in row]):
                charge(8 + 8 * sum(map(len, chosen)))
                earlier[s].append(mix(zip([p for p, _ in row], chosen, strict=True)))
        after, room = earlier, ENTRIES
    return Ends(after, layers)


def plans(
    rows: Sequence[tuple[int, Sequence[tuple[Number, int]]]],
    after: Mapping[int, Sequence[Mapping[int, Number]]],
) -> int:
    """Count the plans of one more step; long fractions count more."""
    numbers = [x for ends in after.values() for end in ends for x in end.values()]
    charge(len(numbers))
    longest = max(map(length, numbers)) + max([length(p) for _, row in rows for p, _ in row])
    count = sum([math.prod([len(after[t]) for _, t in row]) for _, row in rows])
    return count * (1 + longest // 128)


def mix(rows: Iterable[tuple[Number, Mapping[int, Number]]]) -> dict[int, Number]:
    """Return a weighted sum."""
    parts: dict[int, list[Number]] = {}
    for w, row in rows:
        for y, x in row.items():
            parts.setdefault(y, []).append(product(w, x))
    return {y: add(xs) for y, xs in parts.items()}


def channel(claim: Document, witness: Document) -> tuple[dict[str, int], Rows, Ends]:
    """Return the outputs, the rows with the witness's weights, and the rows of a channel."""
    outputs = labels(claim["channel"]["outputs"], "outputs")
    given = claim["channel"]["rows"]
    inputs = vector(witness.get("input", {}), labels(list(given), "rows"), "input", total=1)
    ends = [dict[int, Number](vector(r, outputs, "channel", total=1)) for r in given.values()]
    weighted = [(inputs.get(x, 0), row) for x, row in enumerate(ends)]
    return outputs, dict(zip(given, weighted, strict=True)), Ends({0: ends}, [])


def skills(process: Process, witness: Document) -> tuple[dict[str, int], Rows, Ends]:
    """Return the states, the skills' weights and ends, and the ends of all plans."""
    need(process.horizon, "claim: a capacity needs a finite horizon")
    game = Game(process, range(len(process.states)))
    learners = process.mixture(witness)
    rows = [(w, dict(enumerate(game.evaluate([(Fraction(1), f)])))) for w, f in learners]
    return process.states, {str(i): row for i, row in enumerate(rows)}, ends_of(process)


def capacity(process: Process | None, claim: Document, witness: Document) -> Bracket:
    """Bracket the capacity of a channel, or of a process (over its achievable rho), in nats.

    Proof: ``I(p) <= C <= max KL(rho || q)`` for any input p and output q; KL is convex in rho.
    """
    names, rows, ends = channel(claim, witness) if process is None else skills(process, witness)
    marginal = mix(rows.values())
    q = vector(witness.get("output", {}), names, "output", total=1)
    need(ends.within(q), "output: no mass where one can end")
    parts = [product(w, divergence(row, marginal, False)) for w, row in rows.values() if w]
    return add(parts), ends.most(lambda row: divergence(row, q, True))


def redundancy(process: Process | None, claim: Document, witness: Document) -> Bracket:
    """Bracket ``min_q max_rho sum rho^a q^(1-a)``, q and rho achievable; ``max rho / q`` at inf.

    Proof: the witness's rows are achievable, so is their mixture q. Above: the sum is convex in
    rho, as for `capacity`; at order inf the best probability v of every end. Below: with ``c =
    sum_i w_i rho_i^a`` for weights w, ``F(x) = sum c x^(1-a)`` is convex and homogeneous, so at
    every achievable x it is at least ``F(q)^a / U^(a-1)``, U the most of ``sum c q^(-a) x``:
    the best tangent at a multiple of q. At order inf, for weights w on ends, ``max v/x >= w.v /
    w.x >= w.v / max w.x``.
    """
    names, rows, ends = channel(claim, witness) if process is None else skills(process, witness)
    q = {y: Fraction(x) for y, x in mix(rows.values()).items()}
    need(ends.within(q), "rows: their mixture has no mass where one can end")

    def most(pay: Mapping[int, Number]) -> Number:
        return ends.most(lambda row: add([product(pay[y], p) for y, p in row.items() if y in pay]))

    order = claim["order"]
    if order != "inf":
        fits = 2 <= read(order, int, "claim.order") <= 64
        need(fits, "claim.order: neither inf nor a whole number from 2 to 64")
    places = names if order == "inf" else {x: i for i, x in enumerate(rows)}
    weights = vector(witness.get("farthest", {}), places, "farthest", total=1)
    if order == "inf":
        best = {y: Fraction(most({y: 1})) for y in names.values()}
        reached = Fraction(add([product(w, best[y]) for y, w in weights.items()]))
        return reached / (most(weights) or 1), max([v / q[y] for y, v in best.items() if v])
    a, listed = order, [row for _, row in rows.values()]
    powers = [(w, {y: power(p, a) for y, p in listed[i].items() if p}) for i, w in weights.items()]
    c = {y: x for y, x in mix(powers).items() if x}
    level = add([product(x, power(1 / q[y], a - 1)) for y, x in c.items()])
    steepest = most({y: product(x, power(1 / q[y], a)) for y, x in c.items()})
    least = product(power(level, a), power(1 / Fraction(steepest), a - 1)) if level else 0
    return least, ends.most(
        lambda row: add([product(power(p, a), power(1 / q[y], a - 1)) for y, p in row.items() if p])
    )


CLAIMS: dict[str, tuple[Document, Callable[[Any, Document, Document], Bracket]]] = {
    "planning": (PLAN, planning),
    "minimax": (LOSS, minimax),
    "proposal": (LOSS, proposal),
    "capacity": (CHANNEL, capacity),
    "redundancy": (ORDER, redundancy),
}


# ----------------------------------------------------------------------------------- the command


def bound(x: Any, where: str) -> Bound:
    """Read a claimed bound, which may be infinite."""
    return float(x) if isinstance(x, str) and x in ("inf", "-inf") else read(x, Fraction, where)


def prove(path: Path) -> tuple[str, Bound, Bound]:
    """Return what a certificate is about and the bracket proved for it, or raise."""
    doc = read(parse(path), CERTIFICATE, "certificate")
    problem = read(doc["claim"].get("problem"), "|".join(CLAIMS), "claim.problem")
    shape, solve = CLAIMS[problem]
    claim = read(doc["claim"], {**shape, **SIDES, "problem": problem}, "claim")
    low, high = bound(claim["lower"], "claim.lower"), bound(claim["upper"], "claim.upper")
    fits = ("process" in doc) != ("channel" in claim)
    need(fits, "certificate: expected a process, or a channel's claim")
    instance = doc.get("process")
    if isinstance(instance, dict) and "file" in instance:
        file = read(instance, {"file": str, "sha256": str}, "process")
        beside = path.parent / file["file"]
        plain: Any = re.fullmatch(r"\w[\w. -]{0,99}", file["file"])
        plain = plain and beside.is_file() and not beside.is_symlink()
        need(plain, "process.file: not a plain file beside")
        instance = parse(beside, file["sha256"] or "none")
    lower, upper = solve(Process(instance) if "process" in doc else None, claim, doc["witness"])
    need(low <= lower, "the lower bound is not proved")
    need(upper <= high, "the upper one is not proved")
    exact = low == lower == upper == high
    need(exact or not claim.get("exact"), "the value is not proved to be exact")
    shown = [name for name in claim if name not in ("problem", "lower", "upper")]
    words = [f", {x} {claim[x]!a}" for x in shown if isinstance(claim[x], str | int)]
    sides = [x if isinstance(x, str) else text(x) for x in (claim["lower"], claim["upper"])]
    return f"{problem}{''.join(words)}: {sides[0]} <= value <= {sides[1]}", lower, upper


def check(path: Path, budget: int = BUDGET) -> tuple[str, Bound, Bound]:
    """Return what a certificate is about and the bracket proved for it.

    Raises
    ------
    CertificateError
        If it is not proved.
    """
    WORK["left"] = budget
    try:
        return prove(path)
    except KeyError as name:
        raise CertificateError(f"unknown name {str(name)[:40]}") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the certificate named on the command line; return the exit status."""
    parser = argparse.ArgumentParser(description="Check a certificate exactly, trusting nothing.")
    parser.add_argument("file", type=Path)
    help_text = "units of work, a microsecond each or less"
    parser.add_argument("--budget", type=int, default=BUDGET, help=help_text)
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
