"""Memoryless learners on proposals, exactly: explore until the first success, then play optimally (T1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from metaregret.experiments.studies._learning import FEW, arms, groups
from metaregret.experiments.sweeps import Point, Scale, Study
from metaregret.theory.learning.settings import SEEDS

if TYPE_CHECKING:
    import numpy as np

WORLDS = ("grid", "rooms", "line", "ledge")
SHORT_RUN, LONG_RUN = 25, 100
"""Episodes over which regret is counted."""


def points(scale: Scale, seed: int) -> Sequence[Point]:
    """Return one point for each world."""
    if scale is Scale.SHORT:
        return [{"world": world, "few": True, "seeds": 2, "first": seed} for world in ("grid", "ledge")]
    return [_full(world, seed) for world in WORLDS]


def long(seed: int) -> Sequence[Point]:
    """Return the 7 x 7 grid."""
    return [_full("wide", seed)]


def _full(world: str, seed: int) -> Point:
    return {"world": world, "few": False, "seeds": SEEDS, "first": seed}


def measure(point: Point, generator: np.random.Generator) -> Sequence[Mapping[str, Any]]:
    """Compute; one row for each distribution and seed, and one from scratch, with what is best possible.

    `generator` is not used: the point names the first seed.
    """
    import numpy as np

    from metaregret.theory.learning import hitting_times, world
    from metaregret.theory.learning.explorer import exploration, regret, uniform_actions
    from metaregret.theory.learning.limits import bayes_regret, memoryless_regret, minimax_regret
    from metaregret.theory.learning.worlds import goals_of

    tests = world(point["world"])
    goals = goals_of(tests)
    assert goals is not None
    names = FEW if point["few"] else arms(point["world"], exact=True)
    found = groups(tests, names, point["seeds"], point["first"])
    learners = [
        (name, seed, exploration(one)) for name, group in found.items() for seed, one in enumerate(group)
    ]
    limits = {
        "minimax_hitting": 1.0 + memoryless_regret(tests).upper,
        "bayes_regret_25": bayes_regret(tests, SHORT_RUN).lower,
        "minimax_regret_25": None if point["few"] else minimax_regret(tests, SHORT_RUN).lower,
    }
    rows = []
    for name, seed, rho in [("scratch", 0, uniform_actions(tests)), *learners]:
        times = hitting_times(rho, goals)
        early, late = (regret(rho[goals], tests.optimum, episodes) for episodes in (SHORT_RUN, LONG_RUN))
        rows.append(
            {
                "training": name,
                "seed_of_run": seed,
                "mean_hitting": times.mean() if np.isfinite(times).all() else None,
                "worst_hitting": times.max() if np.isfinite(times).all() else None,
                "never_found": int(np.isinf(times).sum()),
                "regret_25": early.mean(),
                "regret_100": late.mean(),
                "worst_regret_100": late.max(),
                "smallest_optimum": tests.optimum.min(),
                **limits,
            }
        )
    return rows


STUDY = Study("learning_memoryless", "Memoryless learners on proposals, exactly", points, measure, long=long)
