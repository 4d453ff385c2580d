r"""The price of mutual information on the noisy goal, as its luck runs out (T20, T21).

``F(K, v)``: one step, ``K`` goals reached surely and one reached with probability ``v``. Measured is
``(1 + Reg(q_a)) / (1 + Reg*)`` at orders 1, 2 and 4, with the two bounds of T20 at order 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from metaregret.experiments.sweeps import Point, Scale, Study

if TYPE_CHECKING:
    import numpy as np

SURE = (4, 16)
LUCK = ("1", "9/10", "4/5", "2/3", "1/2", "2/5", "1/3", "1/4", "1/5", "1/6", "1/8")
ORDERS = ("1", "2", "4")


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return two sizes at eleven probabilities, or the smaller at three."""
    full = scale is Scale.FULL
    sizes, chances = (SURE, LUCK) if full else (SURE[:1], ("1", "1/2", "1/4"))
    return [
        {"sure_goals": size, "luck": luck, "order": order}
        for size in sizes
        for luck in chances
        for order in ORDERS
    ]


def measure(point: Point, generator: np.random.Generator) -> Mapping[str, Any]:
    """Return the price and the bounds; nothing is random."""
    import numpy as np

    from metaregret.tabular import make
    from metaregret.theory.proposals.regrets import worst_case_regret
    from metaregret.theory.skills import process_redundancy

    process = make(f"noisy-goal:K={point['sure_goals']},v={point['luck']}")
    found, most = (process_redundancy(process, order) for order in (point["order"], "inf"))
    luck, least = float(Fraction(point["luck"])), float(np.exp(most.value.lower))
    regret = worst_case_regret(process, found.reference).midpoint
    entropy = 0.0 if luck == 1 else float(-luck * np.log(luck) - (1 - luck) * np.log(1 - luck))
    return {
        "probability": luck,
        "redundancy_upper": found.value.upper,
        "known": found.known,
        "price": (1 + regret) / least,
        "bound": luck * float(np.exp((found.value.upper + entropy) / luck)) / least
        if found.order.is_one
        else luck ** (-1 / found.order.power),
        "bound_in_regret": float(np.e * least ** (1 / luck - 1)) if found.order.is_one else None,
    }


STUDY = Study("noisy_goal_prices", "the price of mutual information on the noisy goal", points, measure)
