"""What the studies of learners share: the settings of a point, the distributions compared, the extra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metaregret.experiments.sweeps import Point
    from metaregret.theory.learning import StepTasks, Training

__all__ = ["FEW", "arms", "groups", "meta_settings", "needs"]

SURE = ("diayn", "uniform", "order-1", "handmade", "diayn-held-out", "diayn-16", "random")
"""Distributions compared where every goal is reached with certainty (capacity is ``order-1``)."""

NOISY = ("diayn", "uniform", "handmade", "order-1", "order-2", "order-inf", "random")
DENSE = ("diayn", "uniform", "handmade", "diayn-16", "random")
EXACT = (*SURE[:-1], "diayn-3K", "random"), (*NOISY[:-1], "diayn-2", "random")
"""With those that are compared where nothing has to be trained."""

FEW = ("diayn", "uniform", "order-inf")


def needs() -> None:
    """JAX and optax, of the extra ``learn``."""
    from metaregret.theory.learning.backend import require_extra

    require_extra()


def arms(world: str, *, exact: bool = False) -> tuple[str, ...]:
    """Return the distributions that are compared in a world."""
    if exact:
        return EXACT[world == "ledge"]
    return {"ledge": NOISY, "shaped": DENSE}.get(world, SURE)


def groups(tests: StepTasks, names: tuple[str, ...], seeds: int, first: int) -> dict[str, list[Training]]:
    """Return one realisation a seed of each distribution, identical distributions under one name."""
    from metaregret.theory.learning import merged, training

    return merged([training(name, tests, first + seed) for seed in range(seeds)] for name in names)


def meta_settings(point: Point) -> Any:
    """Return the settings of meta-training, with the iterations of the point."""
    from metaregret.theory.learning import MetaSettings

    return MetaSettings(iterations=point["iterations"])
