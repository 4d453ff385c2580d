r"""C03, detected on the way: the uniform task distribution is not least favourable.

The false statement: the uniform distribution over goals is least favourable (T04, T12), also when goals are
noticed on the way. Replayed for learners with memory; detection on the way alone moves the mass, and learners
without memory show the same (the test beside this file's has the line of 5). A goal that lies on the way to
another is found in passing; the adversary wastes the mass it puts there (T13). Goals that are visited before
the first step count for nothing and are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from metaregret.tabular.files import process_document, process_from_document
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import parse_fraction
from metaregret.tabular.strategies import controllable_processes
from metaregret.theory.certificates.worked import solved, witness_process
from metaregret.theory.claims import Context, Control, find_witness
from metaregret.theory.claims.oracles import bayes_regret_at
from metaregret.theory.tasks import Detection


def _goals(process: ControlledMarkovProcess) -> list[int]:
    return [int(s) for s in np.flatnonzero(process.reachable & (process.initial == 0))]


def _regrets(
    process: ControlledMarkovProcess, episodes: int, prior: list[Fraction]
) -> tuple[Fraction, Fraction]:
    """Bayes regret of learners with memory at the uniform distribution and at `prior`, exactly."""
    goals = _goals(process)
    uniform = [Fraction(1, len(goals))] * len(goals)
    return (
        bayes_regret_at(process, goals, uniform, episodes, Detection.VISIT),
        bayes_regret_at(process, goals, prior, episodes, Detection.VISIT),
    )


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: the stated prior forces more regret than the uniform one, by exact recursion over
    hyperstates."""
    process = process_from_document(witness["process"], "witness")
    prior = [parse_fraction(p, "prior") for p in witness["prior"]]
    if sum(prior) != 1 or min(prior) < 0 or len(prior) != len(_goals(process)):
        return None
    at_uniform, at_prior = _regrets(process, int(witness["episodes"]), prior)
    if not at_prior > at_uniform:
        return None
    return {
        "goals": [process.states[goal] for goal in _goals(process)],
        "prior": [str(p) for p in prior],
        "regret forced by it": str(at_prior),
        "regret forced by the uniform prior": str(at_uniform),
    }


@st.composite
def _situations(draw: st.DrawFn) -> tuple[ControlledMarkovProcess, list[Fraction]] | None:
    process = draw(controllable_processes(min_states=3, max_states=4, extra_steps=0))
    goals = len(_goals(process))
    chosen = draw(st.lists(st.booleans(), min_size=goals, max_size=goals))
    if not any(chosen):
        return None
    return process, [Fraction(int(x), sum(chosen)) for x in chosen]


def _excess(situation: tuple[ControlledMarkovProcess, list[Fraction]] | None) -> Fraction | None:
    if situation is None:
        return None
    at_uniform, at_prior = _regrets(situation[0], 2, situation[1])
    return at_prior - at_uniform


def search(context: Context) -> Mapping[str, Any] | None:
    """Look among controllable processes and priors that are uniform on some of the goals, from scratch."""
    found = find_witness(_situations(), _excess, context, name="C03")
    if found is None:
        return None
    return {"process": process_document(found[0]), "prior": [str(p) for p in found[1]], "episodes": 2}


CONTROL = Control(
    uid="C03",
    title="Goals noticed on the way: uniform is not least favourable",
    statement=(
        r"p=\bigl(\tfrac1K,\dots,\tfrac1K\bigr)\in\arg\max_p\min_{f\ \text{with memory}}\mathrm{Reg}_O(f,p)"
        r"\ \text{ when visits to goals are noticed}"
    ),
    drops="detection at the end, from T04 and T12",
    source="extension by this project; the open question of arXiv 1806.04640 (T13)",
    refute=refute,
    search=search,
    uses=("T04", "T12", "T13"),
    certificate=lambda: solved(witness_process("C03"), learner="memory", detect="visit", episodes=5),
)
