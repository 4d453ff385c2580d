"""Every terminal distribution that a deterministic Markov policy can have, exactly: all vertices of ``M``
are among them."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["deterministic_outcomes"]

Distribution = tuple[Fraction, ...]


def deterministic_outcomes(
    process: ControlledMarkovProcess, *, averaged: bool = False, limit: int = 3000
) -> list[Distribution]:
    """Return the distinct terminal distributions of the deterministic Markov policies of an exact process.

    Layer by layer: from every distribution of ``s_t`` found so far, all ways to choose actions on its
    support.

    Parameters
    ----------
    process : ControlledMarkovProcess
        Rational, with a finite horizon.
    averaged : bool
        Distributions of ``s_t`` with ``t`` uniform on ``1..T`` instead of ``t = T``.
    limit : int
        Largest number of distributions in a layer.

    Returns
    -------
    list of tuple of Fraction, length S each
        Sorted. Their convex hull is ``M`` (Puterman 1994, thm 6.9.4, unrolled over the steps).

    Raises
    ------
    InstanceTooLargeError
        If a layer has more than `limit` distributions.
    UnsupportedError
        At a geometric horizon.
    """
    steps = process.steps_for("Lists of policies")
    process.require_exact()
    assert process.exact_initial is not None
    nothing = (Fraction(0),) * process.n_states
    layer = {(tuple(process.exact_initial), nothing)}
    for _ in range(steps):
        following: set[tuple[Distribution, Distribution]] = set()
        for distribution, past in layer:
            support = [state for state, mass in enumerate(distribution) if mass]
            for choices in product(*(process.choices(state) for state in support)):
                flow = [(distribution[s], c) for s, c in zip(support, choices, strict=True)]
                pushed = _pushed(process, flow)
                seen = tuple(a + b / steps for a, b in zip(past, pushed, strict=True)) if averaged else past
                following.add((pushed, seen))
                if len(following) > limit:
                    raise InstanceTooLargeError(f"More than {limit} distributions; use a smaller process.")
        layer = following
    return sorted({seen if averaged else last for last, seen in layer})


def _pushed(process: ControlledMarkovProcess, flow: list[tuple[Fraction, int]]) -> Distribution:
    result = [Fraction(0)] * process.n_states
    probabilities = process.exact_probabilities
    for mass, choice in flow:
        for m in range(int(process.offsets[choice]), int(process.offsets[choice + 1])):
            result[int(process.successors[m])] += mass * probabilities[m]
    return tuple(result)
