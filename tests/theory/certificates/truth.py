"""The true value of what a certificate claims, from its document alone and without the checker.

Planning and the losses of a given learner are computed here from the definitions, in fractions: backward
induction, enumeration of stationary policies with one linear system each, enumeration of histories. Minimax
values come from the exact solvers of the project, which share no code with the checker, and capacities from
the channel of all deterministic policies. Every answer is a bracket around the true value, of width zero
wherever the value is rational.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from metaregret.tabular.choices import choice as read
from metaregret.tabular.errors import MetaregretError
from metaregret.tabular.horizon import GeometricHorizon
from metaregret.tabular.labels import Labels
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rewards import RewardTables
from metaregret.theory.information import channel_capacity
from metaregret.theory.minimax import Criterion, Learner, solve
from metaregret.theory.tasks import Detection, GoalTasks, RewardTasks, TrajectoryTasks

Document = dict[str, Any]
Bound = Fraction | float
Pay = dict[tuple[int, int, int], Fraction]

MOST_POLICIES = 100_000


class NoOracleError(Exception):
    """The claim is beyond every method of this module."""


class Model:
    """The process of a document: ``rows[s][a]`` lists successors with their probabilities."""

    def __init__(self, document: Document) -> None:
        self.states, self.actions = (
            [str(i) for i in range(x)] if isinstance(x, int) else list(x)
            for x in (document["states"], document["actions"])
        )
        self.horizon = document.get("horizon")
        self.gamma = Fraction(document["gamma"]) if "gamma" in document else None
        self.initial = {self.state(s): Fraction(p) for s, p in document["initial"].items() if Fraction(p)}
        self.rows: list[dict[int, list[tuple[int, Fraction]]]] = [{} for _ in self.states]
        for s, a, t, p in document["transitions"]:
            row = self.rows[self.state(s)].setdefault(self.actions.index(a), [])
            row += [(self.state(t), Fraction(p))] if Fraction(p) else []

    def state(self, name: str) -> int:
        """The index of a name."""
        return self.states.index(name)

    def pay(self, rows: list[Any]) -> Pay:
        """A table of rewards by index."""
        return {(self.state(s), self.actions.index(a), self.state(t)): Fraction(r) for s, a, t, r in rows}

    def policies(self) -> Iterator[tuple[int, ...]]:
        """All stationary deterministic policies."""
        if math.prod(map(len, self.rows)) > MOST_POLICIES:
            raise NoOracleError("too many policies")
        yield from itertools.product(*self.rows)

    def process(self) -> ControlledMarkovProcess:
        """The same process for the project's solvers."""
        rows = [
            (s, a, t, p) for s, choices in enumerate(self.rows) for a, row in choices.items() for t, p in row
        ]
        return ControlledMarkovProcess.from_transitions(
            rows,
            states=len(self.states),
            actions=len(self.actions),
            initial=self.initial,
            horizon=self.horizon if self.gamma is None else GeometricHorizon(self.gamma),
        )


# ------------------------------------------------------------------------------------------- planning


def planning(model: Model, claim: Document) -> tuple[Bound, Bound]:
    """The best, or least, probability of a goal or sum of rewards."""
    kind, opt = claim["objective"], min if claim.get("minimise") else max
    goal = model.state(claim["goal"]) if "goal" in claim else -1
    pay = model.pay(claim.get("rewards", []))
    if model.horizon and kind in ("end", "visit", "reward"):
        value = backward(model, goal, pay, opt, visit=kind == "visit")
    elif kind in ("reach", "visit"):  # paid on the first arrival; nothing happens after it
        value = arrival(model, goal, model.gamma if kind == "visit" else Fraction(1), opt)
    elif kind == "total":
        value = stationary(model, pay, Fraction(1), opt)
    else:
        assert model.gamma is not None
        if kind == "end":
            pay = {
                (s, a, t): (1 - model.gamma) * (s == goal)
                for s, choices in enumerate(model.rows)
                for a, row in choices.items()
                for t, _ in row
            }
        value = stationary(model, pay, model.gamma, opt)
    return value, value


def arrival(model: Model, goal: int, discount: Fraction, opt: Any) -> Bound:
    """``E discount^(time of the first visit)`` over stationary policies."""
    pay = {(s, a, goal): discount for s, choices in enumerate(model.rows) for a in choices if s != goal}
    trap = Model.__new__(Model)
    trap.__dict__ |= model.__dict__
    trap.rows = [{0: [(goal, Fraction(1))]} if s == goal else row for s, row in enumerate(model.rows)]
    return model.initial.get(goal, Fraction(0)) + stationary(trap, pay, discount, opt)


def success(model: Model, goal: int, *, visit: bool) -> Bound:
    """The largest probability that an episode finds the goal."""
    kind = "visit" if visit else "end"
    return planning(model, {"objective": kind, "goal": model.states[goal]})[1]


def backward(model: Model, goal: int, pay: Pay, opt: Any, *, visit: bool) -> Fraction:
    """Backward induction over the steps of an episode."""
    value = [Fraction(s == goal) for s in range(len(model.states))]
    for _ in range(model.horizon):
        value = [
            Fraction(1)
            if visit and s == goal
            else opt(
                sum((p * (pay.get((s, a, t), 0) + value[t]) for t, p in row), Fraction(0))
                for a, row in choices.items()
            )
            for s, choices in enumerate(model.rows)
        ]
    return sum((p * value[s] for s, p in model.initial.items()), Fraction(0))


def stationary(model: Model, pay: Pay, discount: Fraction, opt: Any) -> Bound:
    """Enumerate stationary policies: one of them is optimal for non-negative or discounted rewards."""
    return opt(_total(model, policy, pay, discount) for policy in model.policies())


def _total(model: Model, policy: tuple[int, ...], pay: Pay, discount: Fraction) -> Bound:
    rows = [model.rows[s][a] for s, a in enumerate(policy)]
    mean = [
        sum((p * pay.get((s, policy[s], t), 0) for t, p in row), Fraction(0)) for s, row in enumerate(rows)
    ]
    size = len(rows)
    ahead = [_reached(rows, s) for s in range(size)]
    if discount == 1:
        recurrent = [all(s in ahead[t] for t in ahead[s]) for s in range(size)]
        if any(recurrent[t] and mean[t] for s in model.initial for t in ahead[s]):
            return math.inf
        zero = {s for s in range(size) if recurrent[s] or any(recurrent[t] and mean[t] for t in ahead[s])}
    else:
        zero = set()
    free = [s for s in range(size) if s not in zero]
    system = [
        [Fraction(s == t) - discount * sum((p for u, p in rows[s] if u == t), Fraction(0)) for t in free]
        + [mean[s]]
        for s in free
    ]
    found = dict(zip(free, _solved(system), strict=True))
    return sum((p * found.get(s, Fraction(0)) for s, p in model.initial.items()), Fraction(0))


def _reached(rows: list[list[tuple[int, Fraction]]], start: int) -> set[int]:
    seen, open_ = {start}, [start]
    while open_:
        for t, _ in rows[open_.pop()]:
            if t not in seen:
                seen.add(t)
                open_.append(t)
    return seen


def _solved(system: list[list[Fraction]]) -> list[Fraction]:
    """Gauss-Jordan elimination of an invertible system, its right side in the last column."""
    size = len(system)
    for i in range(size):
        pivot = next(j for j in range(i, size) if system[j][i])
        system[i], system[pivot] = system[pivot], system[i]
        system[i] = [x / system[i][i] for x in system[i]]
        for j in range(size):
            if j != i and system[j][i]:
                system[j] = [x - system[j][i] * y for x, y in zip(system[j], system[i], strict=True)]
    return [row[-1] for row in system]


# ------------------------------------------------------------------------------------------- minimax


def minimax(model: Model, claim: Document) -> tuple[Bound, Bound]:
    """The minimax value, by the project's exact solvers."""
    learner = read(Learner, claim["learner"], "learner")
    criterion = read(Criterion, claim["criterion"], "criterion")
    episodes = None if claim["episodes"] == "inf" else claim["episodes"]
    process = model.process()
    if "rewards" in claim["tasks"]:
        pays = [model.pay(rows) for rows in claim["tasks"]["rewards"].values()]
        keys = [
            (s, a, t)
            for s, choices in enumerate(model.rows)
            for a, row in sorted(choices.items())
            for t, _ in sorted(row)
        ]
        table = [[pay.get(key, Fraction(0)) for key in keys] for pay in pays]
        largest = max([abs(x) for row in table for x in row], default=Fraction(0))
        unit = max(Fraction(1), largest)  # regrets scale with the rewards, which must fit into floats
        table = [[x / unit for x in row] for row in table]
        tasks: Any = RewardTasks(process, RewardTables.from_exact(process, Labels(len(pays), "task"), table))
        low, high = _bounds(solve(tasks, learner=learner, criterion=criterion, episodes=episodes, exact=True))
        return low * unit, high * unit
    if "trajectories" in claim["tasks"]:
        histories = TrajectoryTasks(process)
        return _bounds(solve(histories, learner=learner, criterion=criterion, episodes=episodes, exact=True))
    return _goals(model, claim, learner, criterion, episodes)


def _goals(
    model: Model, claim: Document, learner: Learner, criterion: Criterion, episodes: int | None
) -> tuple[Bound, Bound]:
    visit = claim["detect"] == "visit"
    kept = sorted(model.state(name) for name in claim["tasks"]["goals"])
    found = [g for g in kept if success(model, g, visit=visit)]
    if learner is not Learner.MEMORY and found != kept:
        if criterion is not Criterion.REGRET:
            return _costs_with_a_goal_that_is_never_found(model, found, learner, criterion, episodes)
        kept = found  # nothing is lost on the others
    if criterion is Criterion.RATIO and visit:
        kept = [g for g in kept if model.initial.get(g, 0) != 1]  # those that cost nothing are left out
    if not kept:
        return Fraction(0), Fraction(0)
    family = GoalTasks(model.process(), np.array(kept), Detection.VISIT if visit else Detection.END)
    if visit and criterion is not Criterion.REGRET and learner is not Learner.MEMORY:  # irrational
        value = solve(family, learner=learner, criterion=criterion, episodes=episodes).value
        return value.lower, value.upper
    return _bounds(solve(family, learner=learner, criterion=criterion, episodes=episodes, exact=True))


def _costs_with_a_goal_that_is_never_found(
    model: Model, found: list[int], learner: Learner, criterion: Criterion, episodes: int | None
) -> tuple[Bound, Bound]:
    """It costs everybody the same: all episodes, or a ratio of one, which no other ratio is below."""
    if episodes is None:
        return math.inf, math.inf
    if criterion is Criterion.HITTING_TIME:
        return Fraction(episodes), Fraction(episodes)
    if not found:
        return Fraction(1), Fraction(1)
    family = GoalTasks(model.process(), np.array(found))
    return _bounds(solve(family, learner=learner, criterion=criterion, episodes=episodes, exact=True))


def _bounds(solution: Any) -> tuple[Bound, Bound]:
    if solution.value.exact is not None:
        return solution.value.exact, solution.value.exact
    return solution.proof.exact.lower, solution.proof.exact.upper


def proposal(model: Model, claim: Document, witness: Document) -> tuple[Bound, Bound]:
    """The worst loss of the learner of the witness."""
    visit, goals = claim["detect"] == "visit", [model.state(name) for name in claim["tasks"]["goals"]]
    episodes = math.inf if claim["episodes"] == "inf" else claim["episodes"]
    losses = []
    for g, (rho, steps) in zip(goals, played(model, claim, witness), strict=True):
        if visit and claim["criterion"] != "regret":
            losses.append(_steps(model, claim["criterion"], g, rho, steps))
        else:
            v = success(model, g, visit=visit)
            losses.append(_loss(claim["learner"], claim["criterion"], episodes, rho, v))
    return max(losses), max(losses)


def played(model: Model, claim: Document, witness: Document) -> list[tuple[Fraction, Fraction]]:
    """For each goal how probably an episode of the mixture finds it, and its steps, by linear systems."""
    visit, goals = claim["detect"] == "visit", [model.state(name) for name in claim["tasks"]["goals"]]
    found, spent = dict.fromkeys(goals, Fraction(0)), dict.fromkeys(goals, Fraction(0))
    for learner in witness.get("learners", [{"rows": []}]):
        weight = Fraction(learner.get("weight", 1))
        plan: dict[Any, dict[int, Fraction]] = {}
        for _, t, s, block, choice in (row for row in learner["rows"] if row[0] == 0):
            mixed = {choice: 1} if isinstance(choice, str) else choice
            plan[t, model.state(s), block] = {
                model.actions.index(a): Fraction(p) for a, p in mixed.items() if Fraction(p)
            }
        for g in goals:
            rho, steps = _episode(model, goals, g, plan, visit=visit)
            found[g] += weight * rho
            spent[g] += weight * steps
    return [(found[g], spent[g]) for g in goals]


def _episode(
    model: Model, goals: list[int], goal: int, plan: Any, *, visit: bool
) -> tuple[Fraction, Fraction]:
    """How probably an episode of the plan finds the goal, and its steps until the visit or the end.

    The learner knows which goals it has not visited yet. Nodes are (t, state, these goals); at a geometric
    horizon t is always 0, and the number of steps means nothing.
    """
    gamma = model.gamma
    nodes: list[tuple[int, int, int]] = []

    def arrive(t: int, s: int, block: int) -> tuple[int | None, Fraction]:
        """The number of the node that follows, if one does, and what the arrival is worth."""
        if visit and s in goals:
            if s == goal:
                return None, Fraction(1)
            block &= ~(1 << goals.index(s))
        if t == model.horizon:
            return None, Fraction(not visit and s == goal)
        node = (t if gamma is None else 0, s, block)
        if node not in nodes:
            nodes.append(node)
        return nodes.index(node), Fraction(0)

    start = [(p, *arrive(0, s, (1 << len(goals)) - 1)) for s, p in model.initial.items()]
    onward, worth = list[dict[int, Fraction]](), list[Fraction]()
    while len(onward) < len(nodes):
        t, s, block = nodes[len(onward)]
        onward.append({})
        worth.append((1 - gamma) * (s == goal) if gamma is not None and not visit else Fraction(0))
        for a, q in plan.get((t, s, block), {min(model.rows[s]): Fraction(1)}).items():
            for u, p in model.rows[s][a]:
                following, value = arrive(t + 1, u, block)
                factor = q * p * (1 if gamma is None else gamma)
                worth[-1] += factor * value
                if following is not None:
                    onward[-1][following] = onward[-1].get(following, Fraction(0)) + factor

    def solved(right: list[Fraction]) -> list[Fraction]:
        size = range(len(nodes))
        return _solved([[Fraction(i == j) - onward[i].get(j, 0) for j in size] + [right[i]] for i in size])

    found, steps = solved(worth), solved([Fraction(1)] * len(nodes))
    rho = sum((p * (x if node is None else found[node]) for p, node, x in start), Fraction(0))
    return rho, sum((p * steps[node] for p, node, _ in start if node is not None), Fraction(0))


def _steps(model: Model, criterion: str, goal: int, rho: Fraction, steps: Fraction) -> Bound:
    """Steps until the first success, by Wald's identity; as a multiple of the least for the ratio."""
    if not steps:
        return Fraction(0)
    if not rho:
        return math.inf
    least = least_steps(model, goal) if criterion == "ratio" else Fraction(1)
    return steps / rho / least


def least_steps(model: Model, goal: int) -> Fraction:
    """The least ``steps / rho``: Dinkelbach's iteration on backward induction, exact when it stops."""
    level = Fraction(10**12)
    while True:
        found = (-level, Fraction(0), Fraction(1))  # steps - level rho, steps, rho
        value = [found if s == goal else (Fraction(0),) * 3 for s in range(len(model.states))]
        for _ in range(model.horizon):
            value = [
                found
                if s == goal
                else min(
                    tuple(sum((p * value[t][k] for t, p in row), Fraction(k < 2)) for k in range(3))
                    for row in choices.values()
                )
                for s, choices in enumerate(model.rows)
            ]
        _, steps, rho = (
            sum((p * value[s][k] for s, p in model.initial.items()), Fraction(0)) for k in range(3)
        )
        if not rho or steps / rho >= level:
            return level
        level = steps / rho


def _loss(learner: str, criterion: str, episodes: float, rho: Fraction, v: Fraction) -> Bound:
    def count(x: Fraction) -> Bound:
        if episodes == math.inf:
            return 1 / x if x else math.inf
        return sum(((1 - x) ** i for i in range(int(episodes))), Fraction(0))

    if criterion == "hitting-time":
        return count(rho)
    if criterion == "ratio":
        return math.inf if count(rho) == math.inf else count(rho) / count(v)
    if learner == "blind":
        return episodes * (v - rho)
    return Fraction(0) if v == 0 else (math.inf if count(rho) == math.inf else count(rho) * (v - rho))


# ------------------------------------------------------------------------------------------- capacity


def capacity(model: Model | None, claim: Document) -> tuple[Bound, Bound]:
    """The capacity of a channel, or of the channel of all deterministic policies of a process."""
    if model is None:
        channel = claim["channel"]
        rows = [
            [float(Fraction(row.get(y, 0))) for y in channel["outputs"]] for row in channel["rows"].values()
        ]
    else:
        now = {tuple(float(model.initial.get(s, 0)) for s in range(len(model.states)))}
        for _ in range(model.horizon):
            if len(now) * math.prod(map(len, model.rows)) > MOST_POLICIES:
                raise NoOracleError("too many policies")
            now = {
                tuple(round(float(x), 15) for x in np.array(rho) @ matrix)
                for rho in now
                for matrix in _matrices(model)
            }
        rows = [list(rho) for rho in now]
    found = channel_capacity(np.array(rows) / np.array(rows).sum(axis=1, keepdims=True)).capacity
    slack = 1e-12  # the channel is rounded to floating point
    return found.lower - slack, found.upper + slack


def _matrices(model: Model) -> list[np.ndarray]:
    result = []
    for policy in model.policies():
        matrix = np.zeros((len(model.states),) * 2)
        for s, a in enumerate(policy):
            for t, p in model.rows[s][a]:
                matrix[s, t] += float(p)
        result.append(matrix)
    return result


def truth(document: Document, process: Document | None) -> tuple[Bound, Bound]:
    """Return a bracket of the true value of a certificate's claim; `process` is its instance.

    Raises
    ------
    NoOracleError
        If no method of this module applies.
    """
    claim = document["claim"]
    model = None if process is None else Model(process)
    if claim["problem"] == "capacity":
        return capacity(model, claim)
    assert model is not None
    if claim["problem"] == "planning":
        return planning(model, claim)
    if claim["problem"] == "proposal":
        return proposal(model, claim, document["witness"])
    try:
        return minimax(model, claim)
    except MetaregretError as error:
        raise NoOracleError(f"{type(error).__name__}: {error}") from error
