"""Certificates of values that THEORY states in closed form, built without the project's solvers."""

from __future__ import annotations

import hashlib
import itertools
import math
import random
from decimal import Decimal, localcontext
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
    shortest,
    successors,
    uniform,
    visit_orders,
    write,
    z_channel,
)  # fmt: skip

from metaregret.theory.certificates.check import CertificateError, check, log, main

Document = dict[str, Any]


def proved(tmp_path: Path, document: Document, budget: int = 20_000_000) -> tuple[Any, Any]:
    return check(write(tmp_path / "certificate.json", document), budget)[1:]


def explorations(process: Document, goals: list[int], weights: list[str], full: int) -> list[Any]:
    """One learner per goal that goes there by deterministic dynamics."""
    (start,) = process["initial"]
    learners = []
    for goal, weight in zip(goals, weights, strict=True):
        rows, state = [], start
        for t, action in enumerate(shortest(process, start, str(goal), process["horizon"])):
            rows.append([0, t, state, full, action])
            state = successors(process)[state, action]
        learners.append({"weight": weight, "rows": rows})
    return learners


@pytest.mark.parametrize(
    ("learner", "criterion", "episodes", "value"),
    [
        ("memoryless", "regret", "inf", Fraction(8)),
        ("memoryless", "hitting-time", "inf", Fraction(9)),
        ("memoryless", "ratio", "inf", Fraction(9)),
        ("blind", "ratio", "inf", Fraction(9)),
        ("memoryless", "regret", 4, sum(Fraction(8, 9) ** i for i in range(1, 5))),
        ("memoryless", "hitting-time", 4, sum(Fraction(8, 9) ** i for i in range(4))),
        ("blind", "regret", 7, 7 * Fraction(8, 9)),
    ],
)
def test_t04_grid_from_the_corner(tmp_path, learner, criterion, episodes, value):
    """T4: every goal of a 3x3 grid can be reached in 4 steps, so the value is K - 1 = 8; T1 for finite N."""
    process, goals = grid(3, 3, horizon=4), list(range(9))
    claim = minimax(
        str(value), str(value), goals, learner=learner, criterion=criterion, episodes=episodes, exact=True
    )
    witness = {"prior": uniform(goals), "learners": explorations(process, goals, ["1/9"] * 9, 511)}
    assert proved(tmp_path, certificate(process, claim, witness)) == (value, value)


def test_c01_unequal_reachability(tmp_path):
    """C1: minimax marginal (2/3, 1/3), regret 1/2; the MI-optimal marginal (4/5, 1/5) has 3/2."""
    learners = [
        {"weight": "1/3", "rows": [[0, 0, "0", 3, "safe"]]},
        {"weight": "2/3", "rows": [[0, 0, "0", 3, "noisy"]]},
    ]
    witness = {"prior": {"1": "2/3", "2": "1/3"}, "learners": learners}
    claim = minimax("1/2", 0.5, [1, 2], exact=True)
    assert proved(tmp_path, certificate(z_channel(), claim, witness)) == (Fraction(1, 2),) * 2
    learners = [{"rows": [[0, 0, "0", 3, {"safe": "3/5", "noisy": "2/5"}]]}]
    claim = minimax("3/2", "3/2", [1, 2], problem="proposal", exact=True)
    assert proved(tmp_path, certificate(z_channel(), claim, {"learners": learners})) == (Fraction(3, 2),) * 2


def test_c08_hole_in_the_coverage_is_infinite(tmp_path):
    learners = [{"rows": [[0, 0, "0", 3, "safe"]]}]
    claim = minimax("inf", "inf", [1, 2], problem="proposal", exact=True)
    assert proved(tmp_path, certificate(z_channel(), claim, {"learners": learners})) == (math.inf, math.inf)
    claim = minimax("7/2", "7/2", [1, 2], problem="proposal", episodes=7)  # N v
    assert proved(tmp_path, certificate(z_channel(), claim, {"learners": learners})) == (Fraction(7, 2),) * 2


@pytest.mark.parametrize(("n", "episodes"), [(3, 2), (3, 3), (5, 3), (5, 5), (5, 8), (7, 4), (7, 7)])
def test_t12_search_without_replacement(tmp_path, n, episodes):
    """T12: (K - 1)/2 for N >= K, and N - N (N + 1)/(2 K) for N <= K."""
    shorter = min(n, episodes)
    value = Fraction(n - 1, 2) if episodes >= n else shorter - Fraction(shorter * (shorter + 1), 2 * n)
    process, goals = line(n, n // 2, horizon=n - 1), list(range(n))
    witness = {"prior": uniform(goals), "learners": visit_orders(process, goals, rotations(goals), episodes)}
    claim = minimax(str(value), str(value), goals, learner="memory", episodes=episodes, exact=True)
    assert proved(tmp_path, certificate(process, claim, witness)) == (value, value)


@pytest.mark.parametrize(("criterion", "value"), [("hitting-time", Fraction(3)), ("ratio", Fraction(3))])
def test_t12_costs(tmp_path, criterion, value):
    """Found in the i-th episode, i uniform on 1..K: (K + 1)/2 episodes."""
    process, goals = line(5, 2, horizon=4), list(range(5))
    witness = {"prior": uniform(goals), "learners": visit_orders(process, goals, rotations(goals), 5)}
    claim = minimax(
        str(value), str(value), goals, learner="memory", criterion=criterion, episodes=5, exact=True
    )
    assert proved(tmp_path, certificate(process, claim, witness)) == (value, value)


def left_first() -> list[Any]:
    """On a line of 5: one side first, then the other; goals 0, 1, 3, 4 are the bits 0..3."""
    left = [[0, 0, "2", 15, "left"], [0, 1, "1", 13, "left"], [1, 0, "2", 12, "right"]]
    right = [[0, 0, "2", 15, "right"], [0, 1, "3", 11, "right"], [1, 0, "2", 3, "left"]]
    return [{"weight": "1/2", "rows": left}, {"weight": "1/2", "rows": right}]


def test_t13_goals_on_the_way(tmp_path):
    """T13: value 1/2, least favourable (1/2, 0, -, 0, 1/2); the uniform prior proves less."""
    process, goals = line(5, 2, horizon=4), [0, 1, 3, 4]
    claim = minimax("1/2", "1/2", goals, learner="memory", detect="visit", episodes=5, exact=True)
    witness = {"prior": {"0": "1/2", "4": "1/2"}, "learners": left_first()}
    assert proved(tmp_path, certificate(process, claim, witness)) == (Fraction(1, 2),) * 2
    claim |= {"lower": 0, "upper": "inf", "exact": False}
    lower, _ = proved(tmp_path, certificate(process, claim, {"prior": uniform(goals)}))
    assert lower < Fraction(1, 2)


def test_visits_in_steps(tmp_path):
    """Hitting time in steps on a line of 5 with T = 2, two goals at the ends: 2 or 4 steps, 3 in the mean."""
    process, goals = line(5, 2, horizon=2), [0, 4]
    one = [[0, 0, "2", 3, "left"], [0, 1, "1", 3, "left"]]
    other = [[0, 0, "2", 3, "right"], [0, 1, "3", 3, "right"]]
    witness = {
        "prior": {"0": "1/2", "4": "1/2"},
        "learners": [{"weight": "1/2", "rows": r} for r in (one, other)],
    }
    for criterion, value in (("hitting-time", 3), ("ratio", "3/2")):
        claim = minimax(
            value, value, goals, learner="memory", criterion=criterion, detect="visit", episodes=2
        )
        assert proved(tmp_path, certificate(process, claim, witness)) == (Fraction(value),) * 2


def unrolled(process: Document, horizon: int) -> tuple[Document, list[int], dict[int, str], dict[int, Any]]:
    """The tree of histories of a process, its leaves being the trajectories of T9, with n(h) of each."""
    by_choice: dict[str, dict[str, list[tuple[str, Fraction]]]] = {}
    for s, a, t, p in process["transitions"]:
        by_choice.setdefault(s, {}).setdefault(a, []).append((t, Fraction(p)))
    rows, leaves, count, sizes, kept = [], [], itertools.count(), {}, {}

    def grow(state: str, left: int) -> int:
        node = next(count)
        if left == 0:
            rows.extend((node, a, node, 1) for a in process["actions"])
            leaves.append(node)
            sizes[node] = 1
            return node
        best = {}
        for a, options in by_choice[state].items():
            children = [(grow(t, left - 1), p) for t, p in options]
            rows.extend((node, a, child, p) for child, p in children)
            best[a] = max((child for child, _ in children), key=lambda child: sizes[child])
        sizes[node] = sum(sizes[child] for child in best.values())
        kept[node] = best
        return node

    (start,) = process["initial"]
    root = grow(start, horizon)
    tree = cmp_document(next(count), process["actions"], rows, root, horizon=horizon)
    return tree, leaves, kept, sizes


@pytest.mark.parametrize("seed", range(6))
def test_t09_trajectories(tmp_path, seed):
    """T9: trajectories are the leaves of the tree of histories; the minimax regret is n(root) - 1."""
    generator, states, horizon = random.Random(seed), 3, 3
    rows = []
    for s, a in itertools.product(range(states), "ab"):
        targets = generator.sample(range(states), generator.choice((1, 1, 2)))
        rows += [(s, a, t, Fraction(1, len(targets))) for t in targets]
    tree, leaves, kept, sizes = unrolled(cmp_document(states, "ab", rows, 0, horizon=horizon), horizon)
    full, chosen, policy, below = (1 << len(leaves)) - 1, [], [], {}
    for s, a, t, _ in tree["transitions"]:
        below.setdefault(s, {}).setdefault(a, []).append(t)
    frontier = [(0, 0, True)]
    while frontier:
        node, t, followed = frontier.pop()
        if t == horizon:
            chosen += [node] * followed
            continue
        shares = {a: f"{sizes[child]}/{sizes[node]}" for a, child in kept[node].items()}
        policy.append([0, t, str(node), full, shares])
        for a, children in below[str(node)].items():
            frontier += [(int(c), t + 1, followed and int(c) == kept[node][a]) for c in children]
    witness = {"prior": {str(leaf): f"1/{len(chosen)}" for leaf in chosen}, "learners": [{"rows": policy}]}
    value = sizes[0] - 1
    claim = minimax(value, value, leaves, exact=True)
    assert proved(tmp_path, certificate(tree, claim, witness)) == (value, value)


def reward_claim(lower: Any, upper: Any, tables: Document, episodes: int) -> Document:
    claim = minimax(lower, upper, [], learner="memory", episodes=episodes)
    return {**claim, "tasks": {"rewards": tables}}


def test_reward_tables(tmp_path):
    """Two arms, each task pays on one of them: the first episode is lost with probability 1/2."""
    process = cmp_document(1, ["x", "y"], [(0, "x", 0, 1), (0, "y", 0, 1)], 0, horizon=1)
    tables = {"x": [["0", "x", "0", 1]], "y": [["0", "y", "0", "1"]], "twin": [["0", "y", "0", 1]]}
    learners = [{"weight": "1/2", "rows": [[0, 0, "0", 7, a], [1, 0, "0", 6, "y"]]} for a in "xy"]
    witness = {"prior": {"x": "1/2", "y": "1/2"}, "learners": learners}
    document = certificate(process, reward_claim("0.5", "1/2", tables, 2), witness)
    assert proved(tmp_path, document) == (Fraction(1, 2), Fraction(1, 2))


def planning(objective: str, value: Any, **fields: Any) -> Document:
    return {
        "problem": "planning",
        "objective": objective,
        "lower": value,
        "upper": value,
        "exact": True,
        **fields,
    }


def test_planning_by_dynamic_programming(tmp_path):
    """A step right succeeds with 3/4; two steps in two: 9/16 at the end, in three visits 27/32."""
    rows = [
        (0, "go", 1, "3/4"),
        (0, "go", 0, "1/4"),
        (1, "go", 2, "3/4"),
        (1, "go", 1, "1/4"),
        (2, "go", 2, 1),
    ]
    two, three = (cmp_document(3, ["go"], rows, 0, horizon=t) for t in (2, 3))
    assert proved(tmp_path, certificate(two, planning("end", "9/16", goal="2"), {}))[0] == Fraction(9, 16)
    assert proved(tmp_path, certificate(three, planning("visit", "27/32", goal="2"), {}))[0] == Fraction(
        27, 32
    )
    reward = [["0", "go", "1", 1], ["1", "go", "2", "-1/2"]]
    assert proved(tmp_path, certificate(two, planning("reward", "21/32", rewards=reward), {}))
    choice = line(3, 1, horizon=1)
    assert proved(tmp_path, certificate(choice, planning("end", 0, goal="2", minimise=True), {}))
    assert proved(tmp_path, certificate(choice, planning("end", 1, goal="2"), {}))


def ruin() -> Document:
    """The gambler's ruin with 1 of 4 at even odds, who may also wait."""
    rows = [(s, "bet", s + d, "1/2") for s in (1, 2, 3) for d in (-1, 1)]
    return cmp_document(5, ["bet", "wait"], rows + [(s, "wait", s, 1) for s in range(5)], 1)


def coin(**horizon: Any) -> Document:
    """Toss a coin that succeeds with 1/3 until it does, at 1 a toss, or pay 4 to be done."""
    rows = [(0, "toss", 1, "1/3"), (0, "toss", 0, "2/3"), (0, "pay", 1, 1), (1, "toss", 1, 1)]
    return cmp_document(2, ["toss", "pay"], rows, 0, **horizon)


COSTS = [["0", "toss", "0", 1], ["0", "toss", "1", 1], ["0", "pay", "1", 4]]


@pytest.mark.parametrize("policy", [{}, {str(s): "bet" for s in range(1, 4)}, {"2": "wait"}])
def test_planning_without_a_horizon(tmp_path, policy):
    """The policy of the witness is only where the checker begins; the values are Feller's."""
    witness = {"policy": policy}
    assert proved(tmp_path, certificate(ruin(), planning("reach", "1/4", goal="4"), witness))
    paid = [[str(s), "bet", str(s + d), 1] for s in (1, 2, 3) for d in (-1, 1)]
    assert proved(tmp_path, certificate(ruin(), planning("total", 3, rewards=paid), witness))
    assert proved(tmp_path, certificate(ruin(), planning("reach", "1", goal="1"), witness))
    costs = planning("total", 3, rewards=COSTS, minimise=True)
    assert proved(tmp_path, certificate(coin(), costs, {"policy": {"0": "pay"} if policy else {}}))
    with pytest.raises(CertificateError, match="not proved"):
        proved(tmp_path, certificate(coin(), {**costs, "lower": 4, "upper": 4}, {"policy": {"0": "pay"}}))


def test_least_values_without_a_horizon(tmp_path):
    """To wait costs nothing and is worth 0; that no choice is better by one step does not prove 1/4."""
    waits = {"policy": {str(s): "wait" for s in range(1, 4)}}
    claim = planning("reach", 0, goal="4", minimise=True)
    assert proved(tmp_path, certificate(ruin(), claim, waits))
    with pytest.raises(CertificateError, match="stay for ever for nothing"):
        proved(tmp_path, certificate(ruin(), {**claim, "lower": "1/4", "upper": "1/4"}, {}))
    paid = [["1", "bet", "0", 1], ["1", "wait", "1", 1]]
    claim = planning("total", 1, rewards=paid, minimise=True)
    with pytest.raises(CertificateError, match="infinite total"):
        proved(tmp_path, certificate(ruin(), claim, {"policy": {"1": "wait"}}))
    claim = planning("total", -1, rewards=[["1", "bet", "0", -1]])
    with pytest.raises(CertificateError, match="not negative"):
        proved(tmp_path, certificate(ruin(), claim, {}))


def test_planning_with_a_geometric_horizon(tmp_path):
    """Pay: at the goal from t = 1 on, ``(1 - g)(g + g^2 + ...) = g``, and visited by then just as often."""
    for objective in ("end", "visit"):
        assert proved(tmp_path, certificate(coin(gamma="1/2"), planning(objective, "1/2", goal="1"), {}))
    # Toss for ever without success: 1 + (2/3)(1/2) x = x, x = 3/2; or pay 4 at once, the most.
    assert proved(tmp_path, certificate(coin(gamma="1/2"), planning("reward", 4, rewards=COSTS), {}))
    claim = planning("reward", "3/2", rewards=COSTS, minimise=True)
    assert proved(tmp_path, certificate(coin(gamma="1/2"), claim, {"policy": {"0": "pay"}}))


def test_capacity_of_the_z_channel(tmp_path):
    """ln(5/4), from p = (3/5, 2/5) and q = (4/5, 1/5): as a channel, and as the process of C1."""
    with localcontext() as context:
        context.prec = 60
        truth = Fraction((Decimal(5) / 4).ln())
    claim = {"problem": "capacity", "lower": "0.223143551314209755", "upper": "0.223143551314209756"}
    channel = {"outputs": ["1", "2"], "rows": {"safe": {"1": 1}, "noisy": {"1": "1/2", "2": "1/2"}}}
    output = {"1": "4/5", "2": "1/5"}
    document = certificate(None, {**claim, "channel": channel}, {"output": output})
    document["witness"]["input"] = {"safe": "3/5", "noisy": "2/5"}
    del document["process"]
    lower, upper = proved(tmp_path, document)
    assert lower <= truth <= upper
    assert upper - lower < Fraction(1, 10**40)
    skills = [{"weight": w, "rows": [[0, 0, "0", 7, a]]} for w, a in (("3/5", "safe"), ("2/5", "noisy"))]
    lower, upper = proved(tmp_path, certificate(z_channel(), claim, {"learners": skills, "output": output}))
    assert lower <= truth <= upper
    assert upper - lower < Fraction(1, 10**40)


def test_capacity_of_a_grid(tmp_path):
    """T6: log K on a deterministic controllable process."""
    process, goals = grid(3, 2, horizon=3), list(range(6))
    skills = explorations(process, goals, ["1/6"] * 6, 63)
    claim = {"problem": "capacity", "lower": "1.791759469228055", "upper": "1.791759469228056"}
    lower, upper = proved(
        tmp_path, certificate(process, claim, {"learners": skills, "output": uniform(goals)})
    )
    assert abs(float(lower) - math.log(6)) < 1e-15
    assert upper - lower < Fraction(1, 10**40)


@pytest.mark.parametrize("seed", range(40))
def test_logarithms_are_directed_outward(seed):
    generator = random.Random(seed)
    x = Fraction(*(generator.randint(1, 10 ** generator.randint(1, 40)) for _ in range(2)))
    with localcontext() as context:
        context.prec = 90
        truth = Fraction((Decimal(x.numerator) / Decimal(x.denominator)).ln())
    low, high = log(x, False), log(x, True)
    assert low <= truth <= high
    assert high - low < Fraction(1, 10**44)
    assert log(Fraction(1), True) == log(Fraction(1), False) == 0


def test_file_beside_the_certificate(tmp_path, capsys):
    beside = write(tmp_path / "line.json", line(3, 1, horizon=2))
    digest = hashlib.sha256(beside.read_bytes()).hexdigest()
    process, goals = line(3, 1, horizon=2), [0, 1, 2]
    witness = {"prior": uniform(goals), "learners": visit_orders(process, goals, rotations(goals), 3)}
    claim = minimax(1, 1, goals, learner="memory", episodes=3, exact=True)
    document = certificate({"file": "line.json", "sha256": digest}, claim, witness)
    path = write(tmp_path / "certificate.json", document)
    assert main([str(path)]) == 0
    assert "1 <= value <= 1" in capsys.readouterr().out
    beside.write_text(beside.read_text() + " ")
    assert main([str(path)]) == 1
    assert "SHA-256" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path / "missing.json")])
    assert stop.value.code == 2
