"""The price of mutual information as noise grows: what the most informative skills cost in the worst case.

Without noise the skills that maximise ``I(s_T; z)`` explore every goal equally often and are minimax (T6);
with noise they are not (C1). At every slip the capacity of the process is certified, and the worst-case
regret of the learner that explores with its skills is set beside the minimax regret; the price is their
ratio. Uniform goals are measured too, since they need no optimisation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from metaregret.experiments.sweeps import Point, Scale, Study

if TYPE_CHECKING:
    import numpy as np

PROCESSES = {"grid:2x2": 2, "grid:2x3": 3, "grid:5x1": 4, "grid:3x3": 4}
"""Grids and their horizons: long enough to reach every state."""

STEPS = 20
"""Slips are multiples of one over this number, up to the largest below one."""


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return the points: every grid at slips from 0 to 19/20, or the smallest grid at three of them."""
    names = list(PROCESSES) if scale is Scale.FULL else ["grid:2x2"]
    counts = range(STEPS) if scale is Scale.FULL else (0, 2, 8)
    return [
        {"process": name, "horizon": PROCESSES[name], "slip": str(Fraction(count, STEPS))}
        for name in names
        for count in counts
    ]


def measure(point: Point, generator: np.random.Generator) -> Mapping[str, Any]:
    """Return the capacity, the regrets and their price; nothing is random."""
    from metaregret.tabular import make
    from metaregret.theory.proposals import propose

    process = make(f"{point['process']},slip={point['slip']}").replaced(horizon=point["horizon"])
    informed, uniform = (propose(process, method) for method in ("capacity", "uniform"))
    trained = informed.trained.worst_case.midpoint
    return {
        "noise": float(Fraction(point["slip"])),
        "goals": int((informed.uniform_goals > 0).sum()),
        "capacity": informed.mutual_information.lower,
        "capacity_upper": informed.mutual_information.upper,
        "capacity_known": informed.capacity_known,
        "worst_case_regret": informed.worst_case_regret,
        "minimax_regret": informed.minimax_regret,
        "price": informed.price,
        "trained_worst_case_regret": trained,
        "trained_price": informed.price_of(trained),
        "distance_to_uniform": informed.distance_to_uniform,
        "distance_to_minimax": informed.distance_to_minimax,
        "uniform_worst_case_regret": uniform.worst_case_regret,
        "uniform_price": uniform.price,
    }


STUDY = Study("price_of_information", "The price of mutual information as noise grows", points, measure)
