r"""C04, adaptation cost: the prior from which adapting is cheapest is not uniform on a stochastic grid.

The false statement: with the cost of adaptation ``max_{rho in M} KL(rho || q)`` in place of regret the
uniform ``q`` is optimal, as it is for the regret on deterministic controllable processes (T04, T07). With
noise the least-redundant prior leans towards states that can be reached reliably.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from metaregret.tabular.environments import make
from metaregret.tabular.files import process_document, process_from_document
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import parse_fraction
from metaregret.theory.claims import DETERMINISTIC, Context, Control, find_witness
from metaregret.theory.claims.oracles import deterministic_outcomes
from metaregret.theory.controls._redundancy import better_output, divergence, strictly_better


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: the stated prior has a strictly smaller worst-case cost than the uniform one."""
    process = process_from_document(witness["process"], "witness")
    prior = [parse_fraction(q, "prior") for q in witness["prior"]]
    outcomes = deterministic_outcomes(process)
    reached = [s for s in range(process.n_states) if any(rho[s] for rho in outcomes)]
    rows = [[rho[s] for s in reached] for rho in outcomes]
    uniform = [Fraction(1, len(reached))] * len(reached)
    stochastic = not DETERMINISTIC.holds(process)
    if not stochastic or sum(prior) != 1 or not strictly_better(rows, prior, uniform):
        return None
    return {
        "prior": [str(q) for q in prior],
        "its worst adaptation cost": f"{max(divergence(rho, prior) for rho in rows):.6f}",
        "worst adaptation cost of the uniform prior": f"{max(divergence(rho, uniform) for rho in rows):.6f}",
    }


_GRIDS = st.builds(
    lambda rows, columns, slip, steps: make(f"grid:{rows}x{columns},slip={slip}").replaced(horizon=steps),
    st.integers(1, 2),
    st.integers(2, 3),
    st.sampled_from(("1/2", "1/3", "1/4", "1/5", "1/10")),
    st.integers(1, 3),
)


def excess(process: ControlledMarkovProcess) -> float | None:
    """How much the uniform prior costs more than a better one; None where the policies are too many to
    list."""
    found = better_output(process, averaged=False)
    return None if found is None else found[3]


def search(context: Context) -> Mapping[str, Any] | None:
    """Look among small grids with slipping moves, from scratch."""
    process = find_witness(_GRIDS, excess, context, name="C04", threshold=1e-3, most_examples=60)
    found = None if process is None else better_output(process, averaged=False)
    if process is None or found is None:
        return None
    return {"process": process_document(process), "prior": [str(q) for q in found[2]]}


CONTROL = Control(
    uid="C04",
    title="KL adaptation cost instead of regret",
    statement=(
        r"\arg\min_q\max_{\rho\in M}\mathrm{KL}(\rho\,\|\,q)=\text{uniform}"
        r"\ \text{ on stochastic grids, as on deterministic ones}"
    ),
    drops="the regret, from T04, and determinism, from T06",
    source="redundancy and capacity: Gallager 1979, Ryabko 1979 (T07); the grid is ours",
    refute=refute,
    search=search,
    uses=("T04", "T07"),
)
