"""What prior and learners of a certificate prove, by recursion over histories: another oracle of the checker.

The tasks that are still possible are a set here, every task's gain is carried by itself, and losses are
summed and differentiated term by term, so neither the layers nor the weighted forms of the checker, nor its
closed formulas, have a counterpart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

from truth import Model, least_steps, played, stationary, success

Gains = dict[int, Fraction]
Node = tuple[int, int, int, frozenset[int]]
"""Episode, time, state and the tasks that agree with every reward seen."""


class Histories:
    """Episodes of one learner against all tasks at once.

    Parameters
    ----------
    model : Model
        The process; its horizon is finite.
    tasks : sequence of int or dict
        Goals, or rewards by ``(s, a, t)``.
    episodes : int
        How many; a cost stops with the first success.
    visit, cost : bool
        Whether a goal counts on the way, and whether episodes (on the way: steps) are counted instead of
        successes.
    """

    def __init__(self, model: Model, tasks: Sequence[Any], episodes: int, *, visit: bool, cost: bool) -> None:
        self.model, self.tasks, self.episodes, self.visit, self.cost = model, tasks, episodes, visit, cost
        self.best = [self._alone(z) for z in range(len(tasks))]
        """What one episode is worth to a learner told the task."""

    def _alone(self, z: int) -> Fraction:
        if isinstance(self.tasks[z], int):
            return Fraction(success(self.model, self.tasks[z], visit=self.visit))
        value = [Fraction(0)] * len(self.model.states)
        for _ in range(self.model.horizon):
            value = [
                max(
                    sum(p * (self.tasks[z].get((s, a, t), 0) + value[t]) for t, p in row)
                    for a, row in row_of.items()
                )
                for s, row_of in enumerate(self.model.rows)
            ]
        return sum((p * value[s] for s, p in self.model.initial.items()), Fraction(0))

    def told(self, z: int) -> Fraction:
        """All episodes of a learner told the task."""
        return self._total(lambda node, choices: self._optimal(choices, {z: Fraction(1)}), frozenset({z}))[z]

    def of(self, rows: Sequence[Any]) -> Gains:
        """The learner of rows ``[episode, t, state, B, choice]``; a task that it knows it plays at best."""
        plan: dict[Any, Any] = {}
        for episode, t, state, block, choice in rows:
            kept = frozenset(z for z in range(len(self.tasks)) if block >> z & 1)
            mixed = {choice: 1} if isinstance(choice, str) else choice
            plan[episode, t, self.model.state(state), kept] = {
                self.model.actions.index(a): Fraction(p) for a, p in mixed.items()
            }

        def choose(node: Node, choices: Mapping[int, Gains]) -> Gains:
            if len(node[3]) == 1 < len(self.tasks):
                return self._optimal(choices, {z: Fraction(1) for z in node[3]})
            chosen = plan.get(node, {min(choices): Fraction(1)})
            return {z: sum((q * choices[a][z] for a, q in chosen.items()), Fraction(0)) for z in node[3]}

        return self._total(choose, frozenset(range(len(self.tasks))))

    def against(self, weights: Sequence[Fraction]) -> Fraction:
        """The weighted total of the best learner for these weights."""
        by_task = dict(enumerate(weights))
        found = self._total(
            lambda node, choices: self._optimal(choices, by_task), frozenset(range(len(weights)))
        )
        return sum((by_task[z] * gain for z, gain in found.items()), Fraction(0))

    def _optimal(self, choices: Mapping[int, Gains], weights: Mapping[int, Fraction]) -> Gains:
        opt = min if self.cost else max
        return opt(choices.values(), key=lambda gains: sum(weights[z] * gain for z, gain in gains.items()))

    def _total(
        self, choose: Callable[[Node, Mapping[int, Gains]], Gains], everything: frozenset[int]
    ) -> Gains:
        """Every task's expected total from the first episode on."""

        def begin(episode: int, kept: frozenset[int]) -> Gains:
            if episode == self.episodes or not kept:
                return dict.fromkeys(kept, Fraction(0))
            return mixed(
                [(p, arrive(episode, 0, s, kept, None)) for s, p in self.model.initial.items()], kept
            )

        def mixed(parts: list[tuple[Fraction, Gains]], kept: frozenset[int]) -> Gains:
            return {z: sum((p * gains[z] for p, gains in parts), Fraction(0)) for z in kept}

        def arrive(episode: int, t: int, s: int, kept: frozenset[int], move: Any) -> Gains:
            """Gains from the arrival in s on: whoever is told apart by it goes on separately."""
            last, gains = t == self.model.horizon, dict[int, Fraction]()
            parts: dict[Fraction, set[int]] = {}
            for z in kept:
                task = self.tasks[z]
                if not isinstance(task, int):
                    parts.setdefault(Fraction(task.get((*move, s), 0) if move else 0), set()).add(z)
                elif task == s and (self.visit or last):
                    later = 0 if self.cost else 1 + begin(episode + 1, frozenset({z}))[z]
                    gains[z] = Fraction(later + (self.cost and (t > 0 or not self.visit)))
                else:
                    tick = (t > 0 if self.visit else last) if self.cost else False
                    parts.setdefault(Fraction(tick), set()).add(z)
            for gain, part in parts.items():
                same = frozenset(part)
                ahead = begin(episode + 1, same) if last else decide((episode, t, s, same))
                gains |= {z: gain + x for z, x in ahead.items()}
            return gains

        @cache
        def decide(node: Node) -> Gains:
            episode, t, s, kept = node
            return choose(
                node,
                {
                    a: mixed([(p, arrive(episode, t + 1, u, kept, (s, a))) for u, p in row], kept)
                    for a, row in self.model.rows[s].items()
                },
            )

        return begin(0, everything)


def with_memory(document: Any) -> tuple[Fraction, Fraction]:
    """What prior and learners of a certificate with memory prove, by weak duality."""
    claim, witness, model = document["claim"], document["witness"], Model(document["process"])
    cost, n = claim["criterion"] != "regret", claim["episodes"]
    names = [name for family in claim["tasks"].values() for name in family]
    goals = [model.state(name) for name in claim["tasks"].get("goals", [])]
    tasks: list[Any] = goals or [model.pay(rows) for rows in claim["tasks"]["rewards"].values()]
    game = Histories(model, tasks, n, visit=claim["detect"] == "visit", cost=cost)
    prior = [Fraction(witness["prior"].get(name, 0)) for name in names]
    weighted = [(Fraction(f.get("weight", 1)), game.of(f["rows"])) for f in witness["learners"]]
    values = [sum(w * gains[z] for w, gains in weighted) for z in range(len(tasks))]
    if not cost:
        ideal = [n * x for x in game.best]
        lower = sum(p * x for p, x in zip(prior, ideal, strict=True)) - game.against(prior)
        return lower, max(x - y for x, y in zip(ideal, values, strict=True))
    told = [game.told(z) for z in range(len(tasks))]
    unit = [(1 / x if x else Fraction(0)) if claim["criterion"] == "ratio" else Fraction(1) for x in told]
    return game.against([p * x for p, x in zip(prior, unit, strict=True)]), max(
        x * y for x, y in zip(unit, values, strict=True)
    )


def explored(
    model: Model, goals: Sequence[int], hit: Gains, tick: Gains, *, visit: bool, opt: Any
) -> Fraction:
    """The best sum over one episode: `hit[z]` for finding z, `tick[z]` for each step before that."""

    @cache
    def arrive(t: int, s: int, left: frozenset[int]) -> Fraction:
        last = t == model.horizon
        found = {z for z in left if goals[z] == s and (visit or last)}
        gain, left = sum((hit[z] for z in found), Fraction(0)), left - found
        if last:
            return gain
        step = sum((tick[z] for z in left), Fraction(0))
        rows = model.rows[s].values()
        return gain + step + opt(sum(p * arrive(t + 1, u, left) for u, p in row) for row in rows)

    everything = frozenset(range(len(goals)))
    return sum((p * arrive(0, s, everything) for s, p in model.initial.items()), Fraction(0))


def loss(claim: Any, x: Fraction, v: Fraction) -> tuple[Fraction, Fraction] | None:
    """Loss and slope at probability x of success, None where infinite; episodes are summed singly."""

    def count(y: Fraction) -> tuple[Fraction, Fraction] | None:
        if claim["episodes"] == "inf":
            return (1 / y, -1 / y**2) if y else None
        n = range(claim["episodes"])
        return sum(((1 - y) ** i for i in n), Fraction(0)), -sum(
            (i * (1 - y) ** (i - 1) for i in n[1:]), Fraction(0)
        )

    if claim["criterion"] == "regret" and claim["learner"] == "blind":
        return claim["episodes"] * (v - x), Fraction(-claim["episodes"])
    found = count(x)
    if claim["criterion"] == "regret":
        if v == 0:
            return Fraction(0), Fraction(0) if found is None else -found[0]
        return found and (found[0] * (v - x), found[1] * (v - x) - found[0])
    ideal = count(v) if claim["criterion"] == "ratio" else (Fraction(1), Fraction(0))
    return found and ideal and (found[0] / ideal[0], found[1] / ideal[0])


def without_memory(document: Any) -> tuple[Fraction, Fraction | float]:
    """What a prior and an exploration prove by convexity; the linear bound is maximised by recursion."""
    claim, witness, model = document["claim"], document["witness"], Model(document["process"])
    names = list(claim["tasks"]["goals"])
    goals, visit = [model.state(name) for name in names], claim["detect"] == "visit"
    terms = [
        loss(claim, x, success(model, g, visit=visit))
        for g, (x, _) in zip(goals, played(model, claim, witness), strict=True)
    ]
    prior = [Fraction(witness["prior"].get(name, 0)) for name in names]
    slopes = {z: -prior[z] * term[1] if term else Fraction(0) for z, term in enumerate(terms)}
    if model.gamma is None:
        most = explored(model, goals, slopes, dict.fromkeys(slopes, Fraction(0)), visit=visit, opt=max)
    else:
        worth = {goals[z]: (1 - model.gamma) * x for z, x in slopes.items()}
        pay = {
            (s, a, t): worth.get(s, Fraction(0))
            for s, row_of in enumerate(model.rows)
            for a, row in row_of.items()
            for t, _ in row
        }
        most = Fraction(stationary(model, pay, model.gamma, max))
    lower = -most
    for z, (x, _) in enumerate(played(model, claim, witness)):
        lower += (prior[z] * terms[z][0] if terms[z] else 0) + slopes[z] * x
    return max(Fraction(0), lower), math.inf if None in terms else max(term[0] for term in terms if term)


def on_the_way(document: Any) -> tuple[Fraction, Fraction | float] | None:
    """Level and worst steps (the ratio: of the least); None where some policy may be below the level: the
    weights are all zero, or on a goal that this policy finds sooner."""
    claim, witness, model = document["claim"], document["witness"], Model(document["process"])
    goals = [model.state(name) for name in claim["tasks"]["goals"]]
    ratio, level = claim["criterion"] == "ratio", Fraction(witness.get("level", 0))
    prior = [Fraction(witness["prior"].get(name, 0)) for name in claim["tasks"]["goals"]]
    least = [least_steps(model, g) if ratio else Fraction(1) for g in goals]
    losses, hit, tick = [], dict[int, Fraction](), dict[int, Fraction]()
    for z, (rho, steps) in enumerate(played(model, claim, witness)):
        worth = least[z] * rho
        losses.append(steps / worth if worth else math.inf if steps else Fraction(0))
        tick[z] = prior[z] / worth if worth else Fraction(0)
        hit[z] = -level * least[z] * tick[z]
    if level and (not any(tick.values()) or explored(model, goals, hit, tick, visit=True, opt=min) < 0):
        return None
    return level, max(losses)
