"""VIC, "Variational intrinsic control": options told apart by where they end, with a learned distribution
over them.

Objective: ``I(s_T; z | s_0)`` over ``p(z|s_0)`` and the policies.

Made discrete: one set of tabular skills for every start state; ``p(z|s_0)`` is the capacity-achieving
distribution of the skills at hand, the posterior is Bayes' rule, the policies are planned exactly.

Differs from the paper: ``p(z|s_0)`` is optimised exactly where the paper follows a gradient (or keeps it
fixed), and ``states="all"``, the state at a random step in place of the last, is not in the paper.

Source: K. Gregor, D. Rezende, D. Wierstra, "Variational intrinsic control", arXiv 1611.07507 (2016).
"""

from __future__ import annotations

import numpy as np

from metaregret.theory.proposals.alternation import best_of_restarts, part_of
from metaregret.theory.proposals.request import Draft, Method, Part, Request

__all__ = ["METHOD", "vic"]


def vic(request: Request) -> Draft:
    """Return VIC's skills, one part for every start state."""
    starts = np.flatnonzero(request.process.initial > 0)
    if len(starts) == 1:
        part, curves = _from_one_start(request, 1.0)
        return Draft((part,), curves)
    parts, curves = [], ()
    for start in starts:
        there = request.process.replaced(initial=int(start))
        single = Request(there, request.states, request.skills, request.seed)
        part, found = _from_one_start(single, float(request.process.initial[start]))
        parts.append(part)
        curves += found
    return Draft(tuple(parts), curves)


def _from_one_start(request: Request, weight: float) -> tuple[Part, tuple[tuple[float, ...], ...]]:
    skills, curves = best_of_restarts(request, learn_prior=True)
    return part_of(request, skills, weight), curves


METHOD = Method("vic", "tell skills apart by a state; learned prior on skills per start", vic, monotone=True)
