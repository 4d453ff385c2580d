r"""C01, noise: where a goal cannot be reached surely, the MI-optimal goal marginal need not be minimax.

The false statement: on every process whose goals are all reachable, the goal marginal that maximises
mutual information attains the minimax regret (T06 without sure reachability). Noise alone is not the reason:
where every goal can be reached with certainty, T06 holds on stochastic processes, too.

The witness replayed here exactly is a process with one action choice of consequence: the certificate of
its capacity is a pair of equal divergences, ``KL(rho_1 || q) = KL(rho_2 || q)``, compared as rational
powers of their exponentials.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis.errors import NoSuchExample

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.files import process_document, process_from_document
from metaregret.tabular.goals import (
    exact_goal_values,
    exact_support,
    goal_support,
)
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import parse_fraction
from metaregret.tabular.strategies import stochastic_processes
from metaregret.theory.certificates.worked import proposed, witness_process
from metaregret.theory.claims import Context, Control
from metaregret.theory.claims.oracles import deterministic_outcomes
from metaregret.theory.main_claim import check_main_claim

GAP = 1e-3
"""How much worse than minimax a candidate's proposal must be before it is kept as a witness."""


def divergence_power(row: list[Fraction], output: list[Fraction], power: int) -> Fraction:
    """Return ``exp(power * KL(row || output))``, rational when all ``power * row_y`` are whole numbers.

    Raises
    ------
    InvalidArgumentError
        If some ``power * row_y`` is not a whole number.
    """
    result = Fraction(1)
    for w, q in zip(row, output, strict=True):
        exponent = w * power
        if exponent.denominator != 1:
            raise InvalidArgumentError(f"{w} times {power} is not a whole number; choose another power.")
        if w:
            result *= (w / q) ** int(exponent)
    return result


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: the stated marginal is MI-optimal and its worst-case regret exceeds that of the stated
    exploration."""
    process = process_from_document(witness["process"], "witness")
    marginal = [parse_fraction(q, "marginal") for q in witness["mutual_information_marginal"]]
    exploration = [parse_fraction(r, "exploration") for r in witness["minimax_exploration"]]
    weights = [parse_fraction(w, "weights") for w in witness["dual_weights"]]
    power = int(witness["power"])
    rows = [list(row) for row in deterministic_outcomes(process)]
    powers = {divergence_power(row, marginal, power) for row in rows}
    optimum = exact_goal_values(process)
    most = exact_support(process, range(process.n_states), weights)
    lower = sum(w * v for w, v in zip(weights, optimum, strict=True)) / most - 1
    proposal_regret = max(v / q - 1 for v, q in zip(optimum, marginal, strict=True))
    minimax_regret = max(v / r - 1 for v, r in zip(optimum, exploration, strict=True))
    mixes = len(rows) == 2 and all(_between(rows, q) for q in (marginal, exploration))
    if not (len(powers) == 1 and mixes and lower == minimax_regret < proposal_regret):
        return None
    return {
        "mutual-information marginal": [str(q) for q in marginal],
        "its worst-case regret": str(proposal_regret),
        "minimax exploration": [str(r) for r in exploration],
        "minimax regret": str(minimax_regret),
        "exponential of the capacity": f"({powers.pop()})^(1/{power})",
    }


def _between(rows: list[list[Fraction]], point: list[Fraction]) -> bool:
    """Whether `point` is a mixture of the two rows, exactly."""
    first, second = rows
    moving = next((y for y in range(len(point)) if first[y] != second[y]), None)
    if moving is None:
        return point == first
    share = (point[moving] - second[moving]) / (first[moving] - second[moving])
    mixed = [share * a + (1 - share) * b for a, b in zip(first, second, strict=True)]
    return 0 <= share <= 1 and mixed == point


def refutes(process: ControlledMarkovProcess) -> bool:
    """Whether the MI-optimal marginal of `process` is worse than minimax by more than `GAP`."""
    if not np.all(goal_support(process)):
        return False
    main = check_main_claim(process)
    return main.capacity_known and main.mutual_information.gap < 1e-6 and main.gap > GAP


def search(context: Context) -> Mapping[str, Any] | None:
    """Look for a witness among generated processes, from scratch; return the smallest that hypothesis
    shrinks to."""
    try:
        found = find(
            stochastic_processes(max_states=3, max_actions=2, max_steps=2),
            refutes,
            settings=settings(
                max_examples=1000,
                database=None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                phases=(Phase.generate, Phase.shrink),
                derandomize=True,
            ),
        )
    except NoSuchExample:
        return None
    main = check_main_claim(found)
    return {
        "process": process_document(found),
        "mutual_information_marginal": [f"{q:.12g}" for q in main.marginal],
        "worst_case_regret": f"{main.proposal_regret:.12g}",
        "minimax_regret": f"{main.minimax.value.midpoint:.12g}",
    }


CONTROL = Control(
    uid="C01",
    title="Noise: mutual information is not minimax",
    statement=(
        r"\text{all goals reachable} \Rightarrow \max_g \frac{v^*_g}{q^*_{\mathrm{MI}}(g)}-1 = "
        r"\min_{\rho\in M}\max_g\frac{v^*_g}{\rho_g}-1"
    ),
    drops="sure reachability, from T06",
    source="extension by this project; the Z-channel: T. M. Cover & J. A. Thomas, Elements of Information "
    "Theory",
    refute=refute,
    search=search,
    uses=("T04", "T06", "T07"),
    certificate=lambda: proposed(witness_process("C01"), None, "capacity"),
)
