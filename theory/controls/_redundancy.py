"""What C02 and C04 share: is the uniform output the one of least redundancy? Decided without rounding.

The output of a capacity-achieving mixture is the unique minimiser of ``max_{rho in M} KL(rho || q)`` (T07).
So another output with a strictly smaller maximum refutes the claim that the uniform one is optimal. The
maximum over ``M`` is at the outcome of a deterministic policy, of which there are finitely many, all
rational.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import log

import numpy as np

from metaregret.tabular.errors import InstanceTooLargeError
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.claims.oracles import deterministic_outcomes, sign_of_log_sum
from metaregret.theory.information import channel_capacity

__all__ = ["better_output", "divergence", "strictly_better"]

Distribution = Sequence[Fraction]


def divergence(rho: Distribution, output: Distribution) -> float:
    """``KL(rho || output)`` in nats, rounded."""
    return sum(float(r) * log(r / q) for r, q in zip(rho, output, strict=True) if r)


def _terms(rho: Distribution, output: Distribution, sign: int) -> list[tuple[Fraction, Fraction]]:
    return [(sign * r, r / q) for r, q in zip(rho, output, strict=True) if r]


def strictly_better(outcomes: Sequence[Distribution], output: Distribution, other: Distribution) -> bool:
    """Whether ``max_rho KL(rho || output) < max_rho KL(rho || other)``, decided with rational bounds of
    logarithms."""
    hardest = max(outcomes, key=lambda rho: divergence(rho, other))
    return all(sign_of_log_sum(_terms(hardest, other, 1) + _terms(rho, output, -1)) > 0 for rho in outcomes)


def better_output(
    process: ControlledMarkovProcess, *, averaged: bool
) -> tuple[list[Distribution], list[Fraction], list[Fraction], float] | None:
    """Return the outcomes, the uniform output, a rational one near the optimum, and by how much that is
    better."""
    try:
        outcomes: list[Distribution] = list(deterministic_outcomes(process, averaged=averaged, limit=400))
    except InstanceTooLargeError:
        return None
    reached = [s for s in range(process.n_states) if any(rho[s] for rho in outcomes)]
    rows = [[rho[s] for s in reached] for rho in outcomes]
    capacity = channel_capacity(np.array(rows, dtype=float), tolerance=1e-7)
    weights = [Fraction(float(q)).limit_denominator(50) for q in capacity.output_distribution]
    if not all(weights):
        return None
    output = [w / sum(weights) for w in weights]
    uniform = [Fraction(1, len(reached))] * len(reached)
    worst = [max(divergence(rho, q) for rho in rows) for q in (uniform, output)]
    return [*rows], uniform, output, worst[0] - worst[1]
