r"""A20, predictable skills: fitting dynamics and planning again can lower the objective that both serve.

Statement
---------
Skills whose consequences are predictable: fit the next-state distribution ``q_z(s'|s)`` of every skill to its
visits, plan every skill for ``log q_z(s'|s)`` less the logarithm of the average over all skills, repeat. With
a reference that does not move in the place of the average both steps maximise one objective, and no round
lowers it.

Dropped: the fixed reference. The average over skills moves with them: in the witness, two states, two skills
and three steps, every state visited by both skills all the time, a round of exact fitting and exact planning
lowers the objective. Raising the terms of one skill moves the average against the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations_with_replacement, product
from typing import Any

import sympy

from metaregret.tabular.files import process_document
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import processes
from metaregret.theory.atlas import _replay as replay
from metaregret.theory.atlas._instances import MOST, document
from metaregret.theory.claims import Context, Trial, all_hold, method, published, vanishes
from metaregret.theory.claims.oracles import sign_of_log_sum

Plan = tuple[tuple[int, ...], ...]
"""The action of every state (inner) at every step (outer)."""

Dynamics = list[list[Fraction]]
"""``q(s'|s)``, one row per state."""


@dataclass(frozen=True)
class Claim:
    """What skills are planned for: ``own log q_z - reference log r``, ``r`` the average of the skills if it
    is moving, else the dynamics of random actions."""

    own: int = 1
    reference: int = 1
    moving: bool = False


def visits(model: replay.Model, plan: Plan) -> list[list[Fraction]]:
    """Return how often every state is visited at each step, from the first."""
    mass = [model.start.get(s, Fraction(0)) for s in range(len(model.rows))]
    found = []
    for chosen in plan:
        found.append(mass)
        after = [Fraction(0)] * len(mass)
        for s, action in enumerate(chosen):
            for t, p in model.rows[s][action].items():
                after[t] += mass[s] * p
        mass = after
    return found


def fitted(model: replay.Model, plan: Plan) -> Dynamics:
    """Return the most likely dynamics of a skill; of random actions in a state that it never visits."""
    result = _random(model)
    layers = visits(model, plan)
    for s, options in enumerate(model.rows):
        total = sum(layer[s] for layer in layers)
        if total:
            result[s] = [Fraction(0)] * len(model.rows)
            for layer, chosen in zip(layers, plan, strict=True):
                for t, p in options[chosen[s]].items():
                    result[s][t] += layer[s] / total * p
    return result


def _random(model: replay.Model) -> Dynamics:
    return [
        [
            sum((row.get(t, Fraction(0)) for row in options), Fraction(0)) / len(options)
            for t in range(len(model.rows))
        ]
        for options in model.rows
    ]


def average(dynamics: Sequence[Dynamics]) -> Dynamics:
    """Return the average of the skills' dynamics."""
    return [
        list(replay.mixed([tuple(q[s]) for q in dynamics], [Fraction(1, len(dynamics))] * len(dynamics)))
        for s in range(len(dynamics[0]))
    ]


def sign(terms: replay.LogSum) -> int:
    """Return the sign of a sum of logarithms in which ``log 0`` is minus infinity."""
    endless = sum(c for c, x in terms if not x)
    if endless:
        return -1 if endless > 0 else 1
    return sign_of_log_sum([(c, x) for c, x in terms if x])


def merged(*parts: tuple[Fraction | int, replay.LogSum]) -> replay.LogSum:
    """Return a weighted total, each logarithm once."""
    total: dict[Fraction, Fraction] = {}
    for weight, terms in parts:
        for c, x in terms:
            total[x] = total.get(x, Fraction(0)) + weight * c
    return [(c, x) for x, c in total.items() if c]


def planned(model: replay.Model, own: Dynamics, reference: Dynamics, claim: Claim, steps: int) -> Plan:
    """Return a plan of the largest value, by backward induction; the first of equals."""
    values: list[replay.LogSum] = [[] for _ in model.rows]
    plan: list[tuple[int, ...]] = []
    for _ in range(steps):
        chosen, following = [], []
        for s, options in enumerate(model.rows):
            scores = [
                merged(
                    *((p * claim.own, [(Fraction(1), own[s][t])]) for t, p in row.items()),
                    *((-p * claim.reference, [(Fraction(1), reference[s][t])]) for t, p in row.items()),
                    *((p, values[t]) for t, p in row.items()),
                )
                for row in options
            ]
            best = 0
            for action in range(1, len(scores)):
                if sign(merged((1, scores[action]), (-1, scores[best]))) > 0:
                    best = action
            chosen.append(best)
            following.append(scores[best])
        plan.insert(0, tuple(chosen))
        values = following
    return tuple(plan)


def objective(model: replay.Model, plans: Sequence[Plan], reference: Dynamics | None) -> replay.LogSum:
    """Return ``E_z E log q_z(s'|s) - log r(s'|s)`` of fitted skills, summed over the steps; of the average
    skill's dynamics if there is no reference."""
    dynamics = [fitted(model, plan) for plan in plans]
    against = reference or average(dynamics)
    parts = []
    for plan, own in zip(plans, dynamics, strict=True):
        for layer, chosen in zip(visits(model, plan), plan, strict=True):
            for s, action in enumerate(chosen):
                for t, p in model.rows[s][action].items():
                    weight = layer[s] * p / len(plans)
                    if weight:
                        parts.append((weight, [(Fraction(1), own[s][t] / against[s][t])]))
    return merged(*parts)


def next_round(model: replay.Model, plans: Sequence[Plan], claim: Claim) -> list[Plan]:
    """Fit every skill, then plan every skill again."""
    dynamics = [fitted(model, plan) for plan in plans]
    reference = average(dynamics) if claim.moving else _random(model)
    return [planned(model, own, reference, claim, len(plans[0])) for own in dynamics]


def _no_loss(name: str, model: replay.Model, plans: list[Plan], claim: Claim) -> Trial:
    after = next_round(model, plans, claim)
    reference = None if claim.moving else _random(model)
    gained = merged((1, objective(model, after, reference)), (-1, objective(model, plans, reference)))
    return all_hold(name, f"{plans}, then {after}", no_loss=sign(gained) >= 0)


def symbolic(claim: Claim, context: Context) -> Iterable[Trial]:
    """Planning maximises what fitting is scored by; of all dynamics the frequencies score best."""
    q, r, p = sympy.symbols("q r p", positive=True)
    planned_for = claim.own * sympy.log(q) - claim.reference * sympy.log(r)
    yield vanishes("reward", planned_for - (sympy.log(q) - sympy.log(r)))
    yield vanishes("the reference stays", sympy.Integer(int(claim.moving)))
    excess = p * sympy.log(p / q) - p + q  # of frequencies p over any q; both sum to one
    yield vanishes("no excess at the frequencies", excess.subs(q, p))
    yield vanishes("least there", sympy.diff(excess, q).subs(q, p))
    yield vanishes("convex", sympy.diff(excess, q, 2) - p / q**2)


SMALL = processes(max_states=3, max_actions=2, max_steps=3, geometric=False)


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Generated processes, two skills that begin with their first and with their last actions; and the
    witness's."""
    found = crossing(Fraction(1, 10), Fraction(1, 3), Fraction(1, 2))
    yield _no_loss("two states", replay.read(found), [((0, 0),) * 3, ((1, 1),) * 3], claim)

    def check(process: ControlledMarkovProcess) -> Trial:
        model = replay.read(process_document(process))
        ends = [tuple(place % len(options) for options in model.rows) for place in (0, -1)]
        return _no_loss(str(process.name), model, [(end,) * model.steps for end in ends], claim)

    yield from context.examples(SMALL, check, name="A20 exact", share=2, most=MOST)


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """All ways for two skills to begin on one process of two states and two steps."""
    model = replay.read(crossing(Fraction(1, 4), Fraction(1, 3), Fraction(1, 2)))
    choices = [((a, 0), (b, c)) for a, b, c in product(range(2), repeat=3)]  # the first state is known
    for plans in combinations_with_replacement(choices, 2):
        yield _no_loss(f"{plans}", model, list(plans), claim)


def crossing(rare: Fraction, back: Fraction, even: Fraction) -> dict[str, Any]:
    """Return the process of two states in which an action decides how likely the other one comes next."""
    moves = [("left", "a", 1 - rare), ("left", "b", rare), ("right", "a", back), ("right", "b", even)]
    rows = [[s, a, t, str(p)] for s, a, x in moves for t, p in (("right", x), ("left", 1 - x))]
    return document(rows, 3, ["left", "right"])


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: a round of exact fitting and planning from the witness's skills lowers the objective."""
    model = replay.read(witness["process"])
    plans: list[Plan] = [tuple(tuple(map(int, step)) for step in plan) for plan in witness["skills"]]
    fine = all(
        len(plan) == model.steps
        and all(len(step) == len(model.rows) for step in plan)
        and all(0 <= a < len(options) for step in plan for a, options in zip(step, model.rows, strict=True))
        for plan in plans
    )
    if len(plans) < 2 or not fine:
        return None
    after = next_round(model, plans, Claim(moving=True))
    before, now = (objective(model, each, None) for each in (plans, after))
    if sign(merged((1, before), (-1, now))) <= 0:
        return None
    shares = [sum(layer[0] for layer in visits(model, plan)) for plan in plans]
    return {
        "skills after the round": [[list(step) for step in plan] for plan in after],
        "expected visits of the first state, before": [str(x) for x in shares],
        "objective before and after, in nats": [f"{_rounded(each):.6f}" for each in (before, now)],
    }


def _rounded(terms: replay.LogSum) -> float:
    return math.fsum(float(c) * math.log(x) for c, x in terms)


def search(context: Context) -> Iterable[Mapping[str, Any]]:
    """Two states, three steps, and two skills that begin with one action each."""
    tenth, quarter, third, half = (Fraction(1, n) for n in (10, 4, 3, 2))
    for shares in product((tenth, quarter), (third, quarter), (half, third)):
        yield {"process": crossing(*shares), "skills": [[[0, 0]] * 3, [[1, 1]] * 3]}


PUBLISHED = published(
    uid="A20",
    title="Fitting the skills' dynamics and planning again never loses predictability",
    statement=r"J(\pi')\ge J(\pi),\quad "
    r"J=\mathbb E_z\mathbb E\log q_z(s'|s)-\log\tfrac1n\sum_{z'}q_{z'}(s'|s)",
    source="in the spirit of A. Sharma, S. Gu, S. Levine, V. Kumar & K. Hausman, Dynamics-aware unsupervised "
    "discovery of skills, ICLR 2020, arXiv:1907.01657",
    finite="Finite horizon, equally likely skills, exact fitting and planning; the paper samples, and "
    "claims no monotone rounds.",
    needs="a reference in the denominator that does not move with the skills",
    refuted=True,
    verdict="proved",
    holds=(
        "With a fixed reference no round loses",
        r"J_r(\pi')\ge J_r(\pi),\quad J_r=\mathbb E_z\mathbb E\log q_z(s'|s)-\log r(s'|s)",
    ),
    claim=Claim(),
    methods=(
        method(
            "one objective, two steps",
            "symbolic",
            symbolic,
            general="all sizes",
            prose="a step that maximises the objective in one argument, the other fixed, does not lower it",
        ),
        method("rational rounds", "exact", exact),
        method("all ways to begin", "enumeration", enumeration),
    ),
    planted={
        "the average moves": Claim(moving=True),
        "planning for the reference alone": Claim(own=0),
        "the reference counts for, not against": Claim(reference=-1),
        "unpredictable skills": Claim(own=-1),
    },
    drops="the fixed reference",
    refute=refute,
    search=search,
)
