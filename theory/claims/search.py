"""Counterexample search: generate, climb towards failure, shrink."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import TypeVar, cast

from hypothesis import HealthCheck, Phase, find, settings, target
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import SearchStrategy

from metaregret.tabular.domains import belongs
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.claims.context import Context
from metaregret.theory.claims.shrinking import smallest_process

__all__ = ["find_witness"]

Instance = TypeVar("Instance")


def find_witness(
    strategy: SearchStrategy[Instance],
    excess: Callable[[Instance], Fraction | float | None],
    context: Context,
    *,
    name: str,
    threshold: float = 0.0,
    most_examples: int = 1000,
) -> Instance | None:
    """Look for an instance on which a claim fails, from scratch; return the smallest that shrinking reaches.

    Parameters
    ----------
    strategy : SearchStrategy
        Generates the instances.
    excess : callable
        By how much the claim fails on an instance (the search climbs it); None where the claim says nothing.
    name : str
        Names the search, for the seed.
    threshold : float
        An excess above this is a counterexample; positive where `excess` carries rounding errors.
    most_examples : int
        When to give up.

    Returns
    -------
    instance or None
        None if the search found no counterexample, which proves nothing.
    """

    def refutes(instance: Instance) -> bool:
        value = excess(instance)
        if value is None:
            return False
        target(float(value))
        return value > threshold  # the same as _exceeds, without a second evaluation

    try:
        found = find(
            strategy,
            refutes,
            settings=settings(
                max_examples=most_examples,
                database=None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                phases=(Phase.generate, Phase.target, Phase.shrink),
            ),
            random=Random(context.seed + zlib.crc32(name.encode())),
        )
    except NoSuchExample:
        return None
    inside = belongs(strategy)
    if inside is None or not isinstance(found, ControlledMarkovProcess):
        return found
    fails = lambda smaller: inside(smaller) and _exceeds(excess, smaller, threshold)
    return cast(Instance, smallest_process(found, fails))


def _exceeds(excess: Callable[..., Fraction | float | None], instance: object, threshold: float) -> bool:
    value = excess(instance)
    return value is not None and value > threshold
