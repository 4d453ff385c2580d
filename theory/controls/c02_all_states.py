r"""C02, all states: with the states along the way as skills' traces, the maximiser's marginal is not uniform.

The false statement: on deterministic controllable processes the marginal that maximises ``I(s_t; z)``,
``t`` uniform on ``1..T``, is uniform (T06 with every state of the episode in place of the terminal one).
Practical skill discovery maximises this. States that take long to reach cannot be held for the whole
episode, and are visited less.

The witness replayed here exactly: the line of three states from one end, ``T = 3``; the optimal marginal is
about (0.4193, 0.4193, 0.1614).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.files import process_document, process_from_document
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import parse_fraction
from metaregret.tabular.strategies import controllable_processes
from metaregret.theory.certificates.worked import outcomes_channel, witness_process
from metaregret.theory.claims import CONTROLLABLE, DETERMINISTIC, SINGLE_START, Context, Control, find_witness
from metaregret.theory.claims.oracles import deterministic_outcomes
from metaregret.theory.controls._redundancy import better_output, divergence, strictly_better


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: the stated output has a strictly smaller largest divergence than the uniform one, so that is
    not optimal."""
    process = process_from_document(witness["process"], "witness")
    if not all(assumption.holds(process) for assumption in (DETERMINISTIC, SINGLE_START, CONTROLLABLE)):
        raise InvalidArgumentError("The witness must meet all other assumptions of T06.")
    output = [parse_fraction(q, "output") for q in witness["output"]]
    outcomes = deterministic_outcomes(process, averaged=True)
    uniform = [parse_fraction(f"1/{process.n_states}")] * process.n_states
    if sum(output) != 1 or not strictly_better(outcomes, output, uniform):
        return None
    return {
        "deterministic skills": len(outcomes),
        "output": [str(q) for q in output],
        "its largest divergence": f"{max(divergence(rho, output) for rho in outcomes):.6f}",
        "uniform output, largest divergence": f"{max(divergence(rho, uniform) for rho in outcomes):.6f}",
    }


def excess(process: ControlledMarkovProcess) -> float | None:
    """How far the uniform output is from optimal; None where a state cannot be reached."""
    found = better_output(process, averaged=True)
    return found[3] if found is not None and len(found[1]) == process.n_states else None


def search(context: Context) -> Mapping[str, Any] | None:
    """Look among generated controllable processes, from scratch."""
    strategy = controllable_processes(max_states=4, extra_steps=1)
    process = find_witness(strategy, excess, context, name="C02", threshold=1e-3)
    found = None if process is None else better_output(process, averaged=True)
    if process is None or found is None:
        return None
    return {"process": process_document(process), "output": [str(q) for q in found[2]]}


CONTROL = Control(
    uid="C02",
    title="All states instead of the terminal one",
    statement=(
        r"\text{deterministic, controllable} \Rightarrow "
        r"\arg\max I(s_t;z),\ t\sim\mathrm{unif}\{1,\dots,T\},\ \text{has a uniform state marginal}"
    ),
    drops='"terminal state", from T06',
    source="arXiv 1806.04640 states T06 for terminal states; Eysenbach et al. 2018 (DIAYN) maximises I(s; z)",
    refute=refute,
    search=search,
    uses=("T06", "T07"),
    certificate=lambda: outcomes_channel(witness_process("C02"), averaged=True),
)
