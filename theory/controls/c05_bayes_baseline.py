r"""C05, Bayes baseline: the regret against a baseline that knows the task distribution has no saddle point.

The false statement: ``max_p min_f Reg_B(f, p) = min_f max_p Reg_B(f, p)``. For every ``p`` the learner that
is best for ``p`` has ``Reg_B = 0``, so the left side is 0. The right side is the minimax oracle regret
(T14), which is positive as soon as no single policy is optimal for two tasks. Duals and least-favourable
priors are meaningful for ``Reg_O`` only.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from metaregret.tabular.files import process_document, process_from_document
from metaregret.tabular.goals import (
    exact_goal_values,
    exact_support,
    goal_support,
)
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import parse_fraction
from metaregret.tabular.strategies import processes
from metaregret.theory.claims import Context, Control, find_witness
from metaregret.theory.claims.oracles import deterministic_outcomes
from metaregret.theory.regret import bayes_regret


def _proved(process: ControlledMarkovProcess, prior: list[Fraction]) -> Fraction:
    """``E_p[v*] - max_rho p . rho``: a lower bound on ``min_f max_p Reg_B`` over one episode, exactly."""
    mean = sum((p * v for p, v in zip(prior, exact_goal_values(process), strict=True)), Fraction(0))
    return mean - exact_support(process, range(process.n_states), prior)


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: the best responses to all corners and to the prior have Bayes regret 0, yet no learner has
    less than the bound."""
    process = process_from_document(witness["process"], "witness")
    prior = [parse_fraction(p, "prior") for p in witness["prior"]]
    if sum(prior) != 1 or min(prior) < 0:
        return None
    table = np.array(deterministic_outcomes(process), dtype=object)
    corners = [np.array([Fraction(int(s == t)) for t in range(len(prior))]) for s in range(len(prior))]
    left = max(
        min(bayes_regret(p, returns, table) for returns in table)
        for p in [np.array(prior, dtype=object), *corners]
    )
    right = _proved(process, prior)
    if left != 0 or not right > 0:
        return None
    return {
        "max_p min_f Reg_B": str(left),
        "min_f max_p Reg_B is at least": str(right),
        "proved by the prior": [str(p) for p in prior],
    }


def _uniform(process: ControlledMarkovProcess) -> list[Fraction]:
    support = goal_support(process)
    return [Fraction(int(x), int(support.sum())) for x in support]


def search(context: Context) -> Mapping[str, Any] | None:
    """Look among generated processes with the uniform prior on reachable goals, from scratch."""
    strategy = processes(max_states=3, max_steps=2, geometric=False)
    process = find_witness(strategy, lambda drawn: _proved(drawn, _uniform(drawn)), context, name="C05")
    if process is None:
        return None
    return {"process": process_document(process), "prior": [str(p) for p in _uniform(process)]}


CONTROL = Control(
    uid="C05",
    title="The Bayes baseline has no saddle point",
    statement=r"\max_p\min_f \mathrm{Reg}_B(f,p)=\min_f\max_p\mathrm{Reg}_B(f,p)",
    drops="the oracle baseline, from T04 (the regret of the source used as a zero-sum game)",
    source="extension by this project, on the regret of arXiv 1806.04640",
    refute=refute,
    search=search,
    uses=("T04", "T14"),
)
