r"""A13, empowerment: the logarithm of the number of states in reach, if they are reached for sure.

Statement
---------
Empowerment, the capacity of the channel from policies to final states, is ``log K`` where each of the K
states in reach can be reached with certainty; it counts options.

Dropped: certainty. With a coin the capacity of the witness is ``log(5/4)``, and two states are in reach.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations_with_replacement
from math import log
from typing import Any

import numpy as np

from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import controllable_processes
from metaregret.theory.atlas import _replay as replay
from metaregret.theory.atlas._instances import MOST, one_step, outcomes_of
from metaregret.theory.claims import Context, Trial, agreement, all_hold, method, published
from metaregret.theory.claims.oracles import sign_of_log_sum
from metaregret.theory.information import channel_capacity

TOLERANCE = 1e-8


@dataclass(frozen=True)
class Claim:
    """``exp`` of the empowerment, from the number of states in reach."""

    options: Any = lambda count: count


CONTROLLABLE = controllable_processes(max_states=4, extra_steps=1, noisy=True)


def exact(claim: Claim, context: Context) -> Iterable[Trial]:
    """Kuhn-Tucker conditions in rational arithmetic: from the uniform output every policy has a divergence
    of at most the claimed logarithm, and those that reach a state surely attain it."""

    def check(process: ControlledMarkovProcess) -> Trial:
        points = outcomes_of(process)
        count = process.n_states
        flat = (Fraction(1, count),) * count
        level = [(Fraction(-1), Fraction(claim.options(count)))]
        signs = {point: sign_of_log_sum([*replay.divergence(point, flat), *level]) for point in points}
        sure = [signs[point] for point in points if max(point) == 1]
        return all_hold(str(process.name), at_most=max(signs.values()) <= 0, attained=sure == [0] * len(sure))

    return context.examples(CONTROLLABLE, check, name="A13 exact", most=MOST)


def enumeration(claim: Claim, context: Context) -> Iterable[Trial]:
    """One policy per state: the information is the entropy of the mixture; all mixtures of a grid."""
    for count in (2, 3, 4):
        level = [(Fraction(-1), Fraction(claim.options(count)))]
        for weights in combinations_with_replacement(range(1, 5), count):
            mixture = tuple(Fraction(w, sum(weights)) for w in weights)
            sign = sign_of_log_sum([*replay.entropy(mixture), *level])
            flat = len(set(weights)) == 1
            yield all_hold(f"mixture {mixture}", at_most=sign <= 0, attained=(sign == 0) == flat)


def optimisation(claim: Claim, context: Context) -> Iterable[Trial]:
    """Channel capacity of the set of policies, bracketed."""

    def check(process: ControlledMarkovProcess) -> Trial:
        channel = np.array([[float(p) for p in point] for point in outcomes_of(process)])
        found = channel_capacity(channel, tolerance=1e-9).capacity
        middle = (found.lower + found.upper) / 2
        return agreement(str(process.name), middle, log(claim.options(process.n_states)), TOLERANCE)

    return context.examples(CONTROLLABLE, check, name="A13 optimisation", most=MOST)


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: the stated output is that of an optimal mixture (Kuhn-Tucker), and its level is below the
    logarithm of the number of states in reach."""
    points, _ = replay.achieved(witness)
    weights = replay.distribution(witness["weights"])
    level = replay.fraction(witness["exp_empowerment"])
    if len(weights) != len(points) or level <= 0:
        return None
    output = replay.mixed(points, weights)
    reach = sum(v > 0 for v in replay.best(points))
    if any(p and not q for point in points for p, q in zip(point, output, strict=True)):
        return None
    signs = [sign_of_log_sum([*replay.divergence(point, output), (Fraction(-1), level)]) for point in points]
    if max(signs) > 0 or any(w and s for w, s in zip(weights, signs, strict=True)) or not level < reach:
        return None
    return {
        "states in reach": str(reach),
        "exponential of the empowerment": str(level),
        "best output": [str(q) for q in output],
    }


def search(context: Context) -> Iterable[Mapping[str, Any]]:
    """A coin and a sure action: outputs with small fractions."""
    document = one_step([[Fraction(1, 2), Fraction(1, 2)], [Fraction(1), Fraction(0)]])
    for n in range(2, 8):
        for k in range(1, n):
            output = Fraction(k, n)  # of the second state, which the coin reaches
            found = {
                "process": document,
                "weights": [str(2 * output), str(1 - 2 * output)],
                "exp_empowerment": str(1 / (1 - output)),
            }
            if 2 * output <= 1:
                yield found


PUBLISHED = published(
    uid="A13",
    title="Empowerment is the logarithm of the number of states in reach",
    statement=r"\max_{p(\pi)}I(\pi;s_T)=\log\#\{g:v^*_g>0\}",
    source="in the spirit of A. S. Klyubin, D. Polani & C. L. Nehaniv, Keep your options open: an "
    "information-based driving principle for sensorimotor systems, PLoS ONE 2008",
    finite="Capacity from policies (not only action sequences) to the final state.",
    needs="every state in reach can be reached for sure (v* = 1)",
    refuted=True,
    holds=("With sure goals empowerment counts states", r"v^*=1\Rightarrow\max_{p(\pi)}I(\pi;s_T)=\log K"),
    kind="classical",
    holds_source="T. M. Cover & J. A. Thomas, Elements of Information Theory",
    claim=Claim(),
    methods=(
        method("Kuhn-Tucker conditions", "exact", exact),
        method("grids of mixtures", "enumeration", enumeration),
        method("channel capacity", "optimisation", optimisation, "capacity"),
    ),
    planted={
        "one more state": Claim(lambda count: count + 1),
        "one less": Claim(lambda count: max(Fraction(1, 2), Fraction(count - 1))),
        "squared": Claim(lambda count: count**2),
    },
    fails=("Empowerment counts states in reach", r"\max_{p(\pi)}I(\pi;s_T)=\log\#\{g:v^*_g>0\}"),
    drops="sure goals",
    refute=refute,
    search=search,
)
