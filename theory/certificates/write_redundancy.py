"""Certificates of the redundancy of an integer order, or of order infinity, of a channel or of a process.

The value is rational: ``exp((a-1) C_a)``, the least over achievable ``q`` of the largest
``sum rho^a q^(1-a)``, and ``exp(C_inf)`` at order infinity, one plus the minimax regret (T19). The witness is
a mixture, whose own worst case is the upper bound, and weights on its rows (on the ends, at order infinity),
whose tangent is the lower bound; see `metaregret.theory.information.redundancy`. On a process with noise
before its last steps the checker's upper bound is larger than the maximum, except at infinity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from metaregret.tabular.errors import UnsupportedError
from metaregret.theory.certificates.check import BUDGET
from metaregret.theory.certificates.drafting import Document, certificate, fractions, named, proved
from metaregret.theory.certificates.write_capacity import skill_learners
from metaregret.theory.information import as_order, channel_redundancy
from metaregret.theory.skills import Redundancy

__all__ = ["channel_redundancy_certificate", "process_redundancy_certificate"]


def channel_redundancy_certificate(
    rows: Mapping[str, Sequence[Fraction]], outputs: Sequence[str], order: object, *, budget: int = BUDGET
) -> Document:
    """Return a certificate of the redundancy of rational rows.

    Parameters
    ----------
    rows : mapping from names to rows of Fraction
        Distributions on `outputs`.
    outputs : sequence of str
    order : number or str
        A whole number from 2, or ``"inf"``.

    Raises
    ------
    UnsupportedError
        At an order whose powers are not rational.
    """
    claim = {
        **_claim(order),
        "channel": {"outputs": list(outputs), "rows": {n: named(outputs, r) for n, r in rows.items()}},
    }
    table = np.array([[float(x) for x in row] for row in rows.values()])
    found = channel_redundancy(table, order, tolerance=1e-9)
    ends = outputs if found.order.is_infinite else list(rows)
    witness = {
        "input": named(rows, fractions(found.mixture)),
        "farthest": named(ends, fractions(found.weights / found.weights.sum())),
    }
    return proved(certificate(None, claim, witness), budget=budget)


def process_redundancy_certificate(found: Redundancy, *, budget: int = BUDGET) -> Document:
    """Return a certificate of the redundancy of a process, at an integer order.

    Raises
    ------
    UnsupportedError
        At an order whose powers are not rational, at infinity, where the certificate is that of the minimax
        regret, and at a geometric horizon.
    NotExactError
        If the process is known in floating point only.
    """
    process = found.process
    if found.order.is_infinite:
        raise UnsupportedError("Order infinity is the minimax regret: write the certificate of its solution.")
    process.steps_for("Certificates of a redundancy")
    claim = _claim(found.order)
    mixed, far = (
        skill_learners(process, skills, process.n_states) for skills in (found.skills, found.farthest)
    )
    witness = {
        "learners": [*mixed, *({**learner, "weight": "0"} for learner in far)],
        "farthest": {str(len(mixed) + i): learner["weight"] for i, learner in enumerate(far)},
    }
    return proved(certificate(process, claim, witness), budget=budget)


def _claim(order: object) -> dict[str, object]:
    known = as_order(order, "order")
    if known.is_infinite:
        return {"problem": "redundancy", "order": "inf"}
    assert known.exact is not None
    if known.exact.denominator != 1 or known.is_one:
        raise UnsupportedError(
            f"Expected a whole order from 2, or inf, but got {known}: powers of other orders are not "
            "rational, and order 1 is a capacity."
        )
    return {"problem": "redundancy", "order": int(known.exact)}
