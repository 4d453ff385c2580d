"""Parts of the checker by themselves: what work costs, the limits, reading, sums, logarithms, the command.

Every part is a function of the checker and of a folder, so that mutants of the checker are held against it
as well (`checker_mutants`).
"""

from __future__ import annotations

import contextlib
import copy
import io
import itertools
import json
import math
import random
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from certificate_builder import certificate, cmp_document, line, minimax, uniform, write, z_channel
from histories import loss
from test_hostile import valid
from test_random_instances import KINDS, documents, verdict
from test_reasons import FINE, channel
from test_weak_duality import distribution, random_process
from test_wrong_by_hand import PROOFS

import metaregret.theory.certificates.check as the_checker

Part = Callable[[Any, Path], None]
PARTS: dict[str, Part] = {}
OPEN = {"lower": "-inf", "upper": "inf"}


def part(function: Part) -> Part:
    """Add to the parts."""
    PARTS[function.__name__] = function
    return function


@pytest.mark.parametrize("name", PARTS)
def test_parts(name: str, tmp_path: Path) -> None:
    PARTS[name](the_checker, tmp_path)


def reason(checker: Any, call: Callable[..., Any], *arguments: Any, **named: Any) -> str:
    """Why a call is rejected."""
    with pytest.raises(checker.CertificateError) as error:
        call(*arguments, **named)
    return str(error.value)


def spent(checker: Any, call: Callable[..., Any], *arguments: Any) -> int:
    """The units of work that a call costs."""
    checker.WORK["left"] = 10**9
    call(*arguments)
    return 10**9 - checker.WORK["left"]


def proved(checker: Any, folder: Path, document: Any, budget: int = 10**7) -> tuple[Any, Any]:
    return checker.check(write(folder / "part.json", document), budget)[1:]


# ------------------------------------------------------------------------------------------- work and limits


@part
def long_numbers_cost_more(checker: Any, folder: Path) -> None:
    """Once up to 191 bits, linearly at first and then quadratically."""
    prices = [spent(checker, checker.charge, 3, size) for size in (0, 191, 192, 1535, 1536, 3072, 15_360)]
    assert prices == [3, 3, 6, 3 * 8, 3 * (1 + 8 + 1), 3 * (1 + 16 + 4), 3 * (1 + 80 + 100)]
    assert spent(checker, checker.charge, 7) == 7


@part
def a_budget_lasts_to_its_last_unit(checker: Any, folder: Path) -> None:
    path = write(folder / "part.json", valid())
    checker.check(path, 10**6)
    price = 10**6 - checker.WORK["left"]
    assert checker.check(path, price)[1:] == (1, 1)
    words = reason(checker, checker.check, path, price - 1)
    assert words == "the work budget is spent (--budget UNITS raises it)"


def fine_choices() -> Any:
    """A learner whose probabilities have 300 bits."""
    document = PROOFS["blind"]()
    odds = {"x": f"1/{2**300}", "y": f"{2**300 - 1}/{2**300}"}
    document["witness"]["learners"][0]["rows"][0][4] = odds
    return document


def many_goals() -> Any:
    """Sets of tasks of more than one byte."""
    goals = list(range(16))
    return certificate(line(17, 8, horizon=3), minimax("-inf", "inf", goals), {"prior": uniform(goals)})


def states_at_the_end() -> Any:
    """The information of one skill is nothing."""
    claim = {"problem": "capacity", "lower": "-inf", "upper": "inf"}
    return certificate(line(5, 2, horizon=4), claim, {"output": uniform(range(5))})


def fine_trajectories() -> Any:
    """A success with probability 2^-300 a step."""
    rows = [(0, "go", 1, f"1/{2**300}"), (0, "go", 0, f"{2**300 - 1}/{2**300}"), (1, "go", 1, 1)]
    claim = minimax("-inf", "inf", [], criterion="hitting-time")
    process = cmp_document(2, ["go"], rows, 0, horizon=2)
    return certificate(process, {**claim, "tasks": {"trajectories": True}}, {})


def fine_rewards() -> Any:
    """A plan for ever whose rewards have 300 bits."""
    claim = {"problem": "planning", "objective": "reward", "lower": "-inf", "upper": "inf"}
    rewards = [[str(s), "right", str(s + 1), f"1/{2**300 + s}"] for s in range(3)]
    return certificate(line(4, 0, gamma="1/2"), {**claim, "rewards": rewards}, {})


def stuck(**policy: str) -> Any:
    """From 0 one pays, at 1 one may as well stay for nothing: 1/2 on average, if the policy sees it."""
    rows = [(0, "go", 2, 1), (1, "go", 2, 1), (1, "stay", 1, 1), (2, "go", 2, 1)]
    process = cmp_document(3, ["go", "stay"], rows, 0)
    process["initial"] = {"0": "1/2", "1": "1/2"}
    claim = {"problem": "planning", "objective": "total", "minimise": True, "lower": "1/2", "upper": 1}
    paid = [["0", "go", "2", 1], ["1", "go", "2", 1]]
    return certificate(process, {**claim, "rewards": paid}, {"policy": policy})


LARGER = {
    f.__name__: f
    for f in (fine_choices, many_goals, states_at_the_end, fine_trajectories, fine_rewards, stuck)
}
PRICES = {
    "plan": 13863,
    "proposal": 51822,
    "memory": 111036,
    "exploration": 52546,
    "steps": 97018,
    "trajectories": 12702,
    "geometric": 2519,
    "for_ever": 17368,
    "blind": 1041,
    "channel": 1360,
    "fine_choices": 1252,
    "many_goals": 14571,
    "states_at_the_end": 4907,
    "fine_trajectories": 614,
    "fine_rewards": 2232,
    "stuck": 685,
}
"""Units for all the random instances of a kind, or for a proof written by hand."""


@part
def prices_stay_what_they_are(checker: Any, folder: Path) -> None:
    """What is proved within a budget by one version is proved within it by the next.

    That they are right, a microsecond a unit at most, is measured by `hostile_sizes`.
    """
    path, prices = folder / "part.json", dict.fromkeys(PRICES, 0)
    written = [(kind, document) for kind in KINDS for document in documents(kind, 10)]
    written += [(kind, make()) for kind, make in (*PROOFS.items(), ("channel", channel), *LARGER.items())]
    for kind, document in written:
        verdict(checker, write(path, document))
        prices[kind] = prices.get(kind, 0) + checker.BUDGET - checker.WORK["left"]
    assert prices == PRICES


@part
def sums_and_products_of_fractions_are_paid_by_their_length(checker: Any, folder: Path) -> None:
    """Short integers cost nothing; a sum is an integer where it can be, which is faster later.

    For n fractions n, one for each change of denominators in their order, then 2 n + 2 times a price.
    """
    assert spent(checker, checker.add, [1, 2, 3]) == 0
    assert spent(checker, checker.add, [Fraction(1, 2), 2, Fraction(3)]) == 3 + 1 + 8
    assert spent(checker, checker.add, [Fraction(1, 2**300), 2]) == 2 + 2 + 6 * 2
    for numbers in ([1, 2], [Fraction(1), 2], []):
        assert type(checker.add(numbers)) is int
    assert checker.add([Fraction(1, 2), Fraction(1, 3)]) == Fraction(5, 6)
    assert reason(checker, checker.add, map(Fraction, FINE)) == "sum: too fine fractions"
    products = ((3, 4, 0), (1 << 200, 1 << 53, 0), (1 << 200, 1 << 54, 1), (1 << 255, 1 << 511, 3))
    for x, y, price in (
        *products,
        (Fraction(1, 2), 3, 2),
        (Fraction(1, 1 << 250), 1 << 4000, 2 * (1 + 22 + 4)),
    ):
        assert checker.product(x, y) == x * y
        assert spent(checker, checker.product, x, y) == spent(checker, checker.product, y, x) == price


@part
def powers_and_logarithms_are_paid_by_their_length(checker: Any, folder: Path) -> None:
    """``x^n`` has n times the bits of x: 6 units, and 250 for a logarithm, times a number's price."""
    claim = {"learner": "memoryless", "criterion": "hitting-time"}
    for n in (1, 41, 42, 340, 341, 999):  # 1/3 has three bits, 1 two
        bits = 2 * (n + 1) * 3 + 2
        price = 6 * (1 + bits // 192 + (bits // 1536) ** 2)
        assert spent(checker, checker.loss, claim, n, Fraction(1, 3), 1) == price
    assert spent(checker, checker.loss, claim, None, Fraction(1, 2**1019), 1) == 6 * (
        1 + (2 * 1021 + 2) // 192 + ((2 * 1021 + 2) // 1536) ** 2
    )
    assert spent(checker, checker.log, 1 + Fraction(1, 2**190), True) == 250
    assert spent(checker, checker.log, 1 + Fraction(1, 2**191), True) == 500


@part
def a_common_denominator_is_the_least_and_limited(checker: Any, folder: Path) -> None:
    assert checker.whole([Fraction(1, 4), Fraction(5, 6), 2], "x") == ([3, 10, 24], 12)
    assert checker.whole([3, 4], "x") == ([3, 4], 1)
    assert checker.whole([], "x") == ([], 1)
    checker.WORK["left"] = 10**9
    game = checker.Game(checker.Process(line(2, 0, horizon=1)), [0] * len(FINE))
    assert reason(checker, game.value, list(map(Fraction, FINE))) == "weights: too fine fractions"
    for count, bits in ((1, 1 << 17), (1 << 12, 1 << 16), (3 << 10, (1 << 28) // (3 << 10))):
        numbers = [Fraction(0)] * (count - 1)
        checker.whole([*numbers, Fraction(1, 1 << (bits - 1))], "x")
        too_fine = [*numbers, Fraction(1, 1 << bits)]
        assert reason(checker, checker.whole, too_fine, "x") == "x: too fine fractions"


@part
def vectors_are_distributions_where_they_have_a_total(checker: Any, folder: Path) -> None:
    names = {"a": 0, "b": 1}
    given = {"a": Fraction(1), "b": Fraction(0)}
    assert checker.vector(given, names, "x", total=1) == {0: 1, 1: 0}
    assert checker.vector({"b": -3}, names, "x") == {1: -3}
    assert checker.vector({}, names, "x") == {}
    for wrong in ({}, {"a": Fraction(1, 2)}, {"a": 2, "b": -1}):
        words = reason(checker, checker.vector, wrong, names, "x", total=1)
        assert words == "x: a negative entry, or the sum is not 1"


@part
def counts_name_states(checker: Any, folder: Path) -> None:
    assert checker.labels(3, "x") == {"0": 0, "1": 1, "2": 2}
    assert len(checker.labels(1000, "x")) == 1000


@part
def horizons_and_episodes_are_limited_to_a_milliard(checker: Any, folder: Path) -> None:
    assert checker.Process(line(2, 0, horizon=10**9)).horizon == 10**9
    document = PROOFS["blind"]()
    document["claim"] |= {"episodes": 10**9, "lower": 10**9 // 2, "upper": 10**9 // 2}
    assert proved(checker, folder, document) == (10**9 // 2,) * 2


class _Tape(io.BytesIO):
    """A file that notes how much is asked of it."""

    name, asked = "tape.json", 0

    def open(self, mode: str) -> Any:
        assert mode == "rb"
        return self

    def read(self, size: int | None = -1) -> bytes:
        type(self).asked = size or -1
        return super().read(size)


@part
def no_more_is_read_than_allowed(checker: Any, folder: Path) -> None:
    """One byte beyond the limit shows that there is more; a file of the limit's size is read."""
    limit = checker.MAX_BYTES
    try:
        checker.MAX_BYTES = 12
        assert checker.parse(_Tape(b" " * 10 + b"[]")) == []
        assert _Tape.asked == 13
        assert reason(checker, checker.parse, _Tape(b" " * 99)) == "the file is larger than 12 bytes"
    finally:
        checker.MAX_BYTES = limit


# ------------------------------------------------------------------------------------------- what is proved


@part
def losses_are_what_their_sums_say(checker: Any, folder: Path) -> None:
    """Loss and slope at the ends and between, also where nobody finds the goal, by `histories.loss`."""
    corners = [Fraction(0), Fraction(1, 3), Fraction(1)]
    for learner, criterion in itertools.product(("memoryless", "blind"), ("regret", "hitting-time", "ratio")):
        for n, x, v in itertools.product((1, 2, 5, None), corners, corners):
            claim = {"learner": learner, "criterion": criterion, "episodes": n or "inf"}
            blind = learner == "blind" and criterion == "regret"
            if x > v or (blind and n is None) or (criterion == "ratio" and (n, v) == (None, 0)):
                continue
            assert checker.loss(claim, n, x, v) == (loss(claim, x, v) or (math.inf, 0))


@part
def decimals_are_exact(checker: Any, folder: Path) -> None:
    """0.1 + 0.2 + 0.7 is one, and 1e-3 a thousandth."""
    document = valid()
    document["witness"]["prior"] = {"0": 0.1, "1": 0.2, "2": 0.7}
    document["claim"] |= {**OPEN, "exact": False}
    assert proved(checker, folder, document)[1] == 1
    (folder / "part.json").write_text("[0.1, 1e-3, -2, 12345678901234567890]")
    found = checker.parse(folder / "part.json")
    assert found == [Fraction(1, 10), Fraction(1, 1000), -2, 12345678901234567890]


@part
def transitions_of_probability_zero_change_nothing(checker: Any, folder: Path) -> None:
    """Wherever they are listed: nature never answers so, and the dynamics stay deterministic."""
    process = line(3, 1, horizon=2)
    trajectories = certificate(process, {**minimax(8, 8, []), "tasks": {"trajectories": True}}, {})
    few = copy.deepcopy(trajectories)
    few["claim"] |= {"episodes": 3, "lower": (8 / Fraction(9) * Fraction(217, 81)).__str__()}
    few["claim"]["upper"] = few["claim"]["lower"]  # (v - rho) (1 + 8/9 + 64/81), rho = 1/9
    costs = copy.deepcopy(trajectories)
    costs["claim"] |= {"criterion": "hitting-time", "lower": 9, "upper": 9}
    for document in (trajectories, few, costs, *(make() for make in PROOFS.values())):
        value = Fraction(document["claim"]["lower"])
        assert proved(checker, folder, document) == (value, value)
        instance = document["process"]
        names = [str(s) for s in range(instance["states"])]
        given = {tuple(row[:3]) for row in instance["transitions"]}
        pairs = {row[:2] for row in given}
        instance["transitions"] += [[s, a, t, 0] for s, a in pairs for t in names if (s, a, t) not in given]
        instance["initial"] = {**dict.fromkeys(names, 0), **instance["initial"]}
        assert proved(checker, folder, document) == (value, value)


@part
def learners_of_weight_zero_and_rewards_of_zero_change_nothing(checker: Any, folder: Path) -> None:
    document = valid()
    document["witness"]["learners"].append({"weight": 0, "rows": []})
    assert proved(checker, folder, document) == (1, 1)
    arms, rows = "xyz", []
    for i in range(3):  # look at one arm, then at the next: T12 with K = 3, N = 2
        rows.append([[0, 0, "0", 7, arms[i]], [1, 0, "0", 7 ^ 1 << i, arms[(i + 1) % 3]]])
    process = cmp_document(1, arms, [(0, a, 0, 1) for a in arms], 0, horizon=1)
    tables = {a: [["0", a, "0", 1]] for a in arms}
    explicit = {**tables, "z": [["0", "x", "0", 0], ["0", "y", "0", "0/7"], *tables["z"]]}
    witness = {
        "prior": dict.fromkeys(arms, "1/3"),
        "learners": [{"weight": "1/3", "rows": plan} for plan in rows],
    }
    for given in (tables, explicit):
        claim = {**minimax(1, 1, [], learner="memory", episodes=2), "tasks": {"rewards": given}}
        assert proved(checker, folder, certificate(process, claim, witness)) == (1, 1)


@part
def a_witness_may_be_missing(checker: Any, folder: Path) -> None:
    """The learner is then the one that always takes the first action, and nothing is proved below."""
    claim = minimax("-inf", "inf", [0, 1, 2], episodes=2)
    assert proved(checker, folder, certificate(line(3, 1, horizon=2), claim, {})) == (0, 2)
    claim |= {"criterion": "hitting-time", "detect": "visit", "episodes": "inf"}
    assert proved(checker, folder, certificate(line(3, 1, horizon=2), claim, {})) == (0, math.inf)
    claim |= {"problem": "planning", "objective": "total", "rewards": [], **OPEN}
    claim = {key: claim[key] for key in ("problem", "objective", "rewards", "lower", "upper")}
    assert proved(checker, folder, certificate(line(3, 1, horizon=2), claim, {})) == (0, 0)


@part
def least_totals_notice_that_staying_is_free(checker: Any, folder: Path) -> None:
    """Though another start pays: a total of 1 would be wrong."""
    words = "policy: a total where one can stay for ever for nothing"
    assert reason(checker, proved, checker, folder, stuck()) == words
    assert proved(checker, folder, stuck(**{"1": "stay"})) == (Fraction(1, 2),) * 2


@part
def infinite_losses_and_free_goals_prove_nothing(checker: Any, folder: Path) -> None:
    """C1 without `noisy` never finds 2; with memory the start is found in no step, whoever looks for it."""
    witness: Any = {"prior": uniform([1, 2]), "learners": [{"rows": [[0, 0, "0", 3, "safe"]]}]}
    document = certificate(z_channel(), minimax(0, "inf", [1, 2]), witness)
    assert proved(checker, folder, document) == (0, math.inf)
    claim = minimax(1, 1, [1, 2], learner="memory", criterion="ratio", detect="visit", episodes=2)
    witness = {"prior": {"1": "1/2", "2": "1/2"}}
    assert proved(checker, folder, certificate(line(3, 1, horizon=2), {**claim, "lower": 0}, witness)) == (
        Fraction(1, 2),
        1,
    )


@part
def with_memory_for_ever_goals_on_the_way_count(checker: Any, folder: Path) -> None:
    """From 0 over 1 to 2: one episode visits both, while only 2 is found at the end."""
    process = cmp_document(3, ["go"], [(0, "go", 1, 1), (1, "go", 2, 1), (2, "go", 2, 1)], 0, horizon=2)
    claim = minimax(0, 0, [1, 2], learner="memory", detect="visit", exact=True)
    witness = {"prior": uniform([1, 2])}
    assert proved(checker, folder, certificate(process, claim, witness)) == (0, 0)
    document = certificate(process, {**claim, "detect": "end"}, witness)
    assert reason(checker, proved, checker, folder, document) == "claim: unsupported episodes"


@part
def one_task_is_played_by_the_learner(checker: Any, folder: Path) -> None:
    """Who knows that there is one task only is not for that reason played at best: rows say how it plays."""
    rows = [[e, t, "1", 1, "stay"] for e in (0, 1) for t in (0, 1)]
    claim = minimax(0, 2, [2], learner="memory", episodes=2)
    document = certificate(line(3, 1, horizon=2), claim, {"prior": {"2": 1}, "learners": [{"rows": rows}]})
    assert proved(checker, folder, document) == (0, 2)


@part
def the_last_task_is_played_at_best(checker: Any, folder: Path) -> None:
    """Whichever of them it is: once the other goals are ruled out the rows say nothing."""
    for goals in ([0, 2], [2, 0]):
        rows = [[0, t, s, 3, "left"] for t, s in ((0, "1"), (1, "0"))]
        claim = minimax("-inf", "inf", goals, learner="memory", episodes=3)
        document = certificate(
            line(3, 1, horizon=2), claim, {"prior": uniform(goals), "learners": [{"rows": rows}]}
        )
        assert proved(checker, folder, document) == (Fraction(1, 2), 1)


# ------------------------------------------------------------------------------------------- information


def ln(x: Fraction) -> Fraction:
    with localcontext() as context:
        context.prec = 110
        return Fraction((Decimal(x.numerator) / Decimal(x.denominator)).ln())


@part
def logarithms_are_directed_outward(checker: Any, folder: Path) -> None:
    """By no more than rounding makes necessary, and at 1 exactly."""
    generator = random.Random(0)
    for _ in range(40):
        x = Fraction(*(generator.randint(1, 10 ** generator.randint(1, 30)) for _ in range(2)))
        low, high = checker.log(x, False), checker.log(x, True)
        assert low <= ln(x) <= high
        assert high - low < Fraction(1, 10**55)
    assert checker.log(Fraction(1), True) == checker.log(Fraction(1), False) == 0
    for power in range(1, 50):  # so small that nothing but the direction of rounding decides
        near = 1 + Fraction(1, 10**power)
        assert checker.log(near, False) <= ln(near) <= checker.log(near, True)


def divergence(row: dict[int, Fraction], q: dict[int, Fraction]) -> Fraction:
    return sum((p * ln(p / q[y]) for y, p in row.items() if p), Fraction(0))


def closely(bracket: tuple[Any, Any], information: Fraction, worst: Fraction) -> None:
    """The bounds are the two numbers, each rounded outward by next to nothing."""
    assert 0 <= information - bracket[0] < Fraction(1, 10**50)
    assert 0 <= bracket[1] - worst < Fraction(1, 10**50)


@part
def channels_are_bracketed_by_information_and_divergence(checker: Any, folder: Path) -> None:
    """``I(p)`` and ``max KL``, for arbitrary inputs and outputs, in 110 digits."""
    generator, names = random.Random(1), list("abc")
    for _ in range(10):
        rows = {x: distribution(generator, names) for x in "xyz"[: generator.randint(1, 3)]}
        witness = {"input": distribution(generator, list(rows)), "output": dict.fromkeys(names, "1/3")}
        document = channel()
        document["claim"] |= {"channel": {"outputs": names, "rows": rows}, **OPEN}
        ends = [{i: Fraction(row[y]) for i, y in enumerate(names)} for row in rows.values()]
        weights = [Fraction(w) for w in witness["input"].values()]
        marginal = {i: sum(w * row[i] for w, row in zip(weights, ends, strict=True)) for i in range(3)}
        information = sum(w * divergence(row, marginal) for w, row in zip(weights, ends, strict=True) if w)
        worst = max(divergence(row, dict.fromkeys(range(3), Fraction(1, 3))) for row in ends)
        closely(proved(checker, folder, {**document, "witness": witness}), information, worst)
    inputs = {"x": {"a": 1}, "y": {"a": "1/2", "b": "1/2"}, "z": {"c": 1}}
    document["claim"] |= {"channel": {"outputs": names, "rows": inputs}}
    witness["input"] = {"x": "1/2", "z": "1/2"}  # what is left out has no probability
    closely(proved(checker, folder, {**document, "witness": witness}), ln(Fraction(2)), ln(Fraction(3)))


Moves = dict[str, dict[str, list[tuple[str, Fraction]]]]


def all_ends(rows: Moves, now: dict[str, Fraction], steps: int) -> list[dict[str, Fraction]]:
    """Where every policy without memory ends."""
    if not steps:
        return [now]
    met = [s for s, p in now.items() if p]
    found = []
    for actions in itertools.product(*[rows[s] for s in met]):
        then = dict.fromkeys(rows, Fraction(0))
        for s, a in zip(met, actions, strict=True):
            for t, p in rows[s][a]:
                then[t] += now[s] * p
        found += all_ends(rows, then, steps - 1)
    return found


def bound_by_plans(rows: Moves, horizon: int, late: int, q: dict[int, Fraction]) -> Fraction:
    """The mean of the largest divergence from q at ends of the late steps, largest over the first one."""
    farthest = {
        s: max(
            divergence({int(t): p for t, p in end.items() if p}, q)
            for end in all_ends(rows, {s: Fraction(1)}, late)
        )
        for s in rows
    }
    first = [[("0", Fraction(1))]] if horizon == late else list(rows["0"].values())
    return max(sum((p * farthest[s] for s, p in row), Fraction(0)) for row in first)


@part
def processes_are_bracketed_by_the_ends_of_plans(checker: Any, folder: Path) -> None:
    """Skills that always take one action each; above, the farthest end, of two steps of three if plans are
    many."""
    for seed in range(12):
        generator = random.Random(seed)
        process = random_process(generator, 3, generator.randint(1, 3))
        process["initial"] = {"0": 1}
        horizon, states = process["horizon"], ["0", "1", "2"]
        rows: dict[str, dict[str, list[tuple[str, Fraction]]]] = {s: {} for s in states}
        for s, a, t, p in process["transitions"]:
            rows[s].setdefault(a, []).append((t, Fraction(p)))
        output, skills, ends = dict.fromkeys(states, "1/3"), [], []
        for a in "ab":
            plan = {s: a if a in rows[s] else "a" for s in states}
            skills.append([[0, t, s, 7, plan[s]] for t in range(horizon) for s in states])
            now = {"0": Fraction(1)}
            for _ in range(horizon):
                then = dict.fromkeys(states, Fraction(0))
                for s, p in now.items():
                    for t, q in rows[s][plan[s]]:
                        then[t] += p * q
                now = then
            ends.append({int(s): p for s, p in now.items()})
        weights = [Fraction(1, 3), Fraction(2, 3)]
        marginal = {i: weights[0] * ends[0][i] + weights[1] * ends[1][i] for i in range(3)}
        information = sum(w * divergence(row, marginal) for w, row in zip(weights, ends, strict=True))
        third = dict.fromkeys(range(3), Fraction(1, 3))
        bounds = [bound_by_plans(rows, horizon, late, third) for late in range(min(horizon, 2), horizon + 1)]
        witness = {
            "learners": [{"weight": str(w), "rows": r} for w, r in zip(weights, skills, strict=True)],
            "output": output,
        }
        document = certificate(process, {"problem": "capacity", **OPEN}, witness)
        bracket = proved(checker, folder, document)
        closely(bracket, information, min(bounds, key=lambda bound: abs(bound - bracket[1])))


# ------------------------------------------------------------------------------------------- the command


def said(checker: Any, *arguments: str) -> tuple[int, str, str]:
    """Exit status, output and errors of the command."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = checker.main(list(arguments))
        except SystemExit as stop:
            status = stop.code
    return status, out.getvalue(), err.getvalue()


@part
def the_command_says_what_it_found(checker: Any, folder: Path) -> None:
    path = write(folder / "part.json", valid())
    claim = "minimax, learner 'memory', criterion 'regret', detect 'end', episodes 3, exact True"
    assert said(checker, str(path)) == (0, f"proved: {claim}: 1 <= value <= 1\n", "")
    missing = said(checker, str(folder / "none.json"))
    assert missing[0] == 2
    assert f"No such file or directory: '{folder / 'none.json'}'" in missing[2]


@part
def the_command_prints_ascii_only(checker: Any, folder: Path) -> None:
    """Nothing that a document contains reaches the terminal as it is."""
    path = folder / "part.json"
    path.write_text(json.dumps({**valid(), "\u00e4\x1b[31m\ud800": 1}))
    status, out, _ = said(checker, str(path))
    words = r"rejected: certificate: unknown or missing field '\xe4\x1b[31m\ud800'"
    assert (status, out) == (1, words + "\n")
    path.write_text(json.dumps({**valid(), "witness": {"prior": {"\u00e4\ud800": None}}}))
    status, out, _ = said(checker, str(path))
    words = r"rejected: certificate.witness.prior.\xe4\ud800: expected a number"
    assert (status, out) == (1, words + "\n")


@part
def the_command_explains_itself(checker: Any, folder: Path) -> None:
    status, out, _ = said(checker, "--help")
    assert status == 0
    assert "Check a certificate exactly, trusting nothing." in out.splitlines()
    assert " ".join(out.split()).endswith("--budget BUDGET units of work, a microsecond each or less")
