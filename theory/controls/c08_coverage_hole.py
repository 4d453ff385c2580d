r"""C08, coverage hole: a proposal that leaves out one goal is unboundedly bad.

The false statement: the worst-case regret of a meta-learner trained on a proposal ``q`` is bounded in the
number of episodes, whatever ``q``. It explores with ``rho ∝ sqrt(q)`` (T03); where ``q_g = 0`` it never
finds ``g`` and loses ``v*_g`` in every episode: ``Reg_N = N v*_g`` (T05, T17).
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from metaregret.tabular.files import process_document, process_from_document
from metaregret.tabular.goals import exact_goal_values
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import parse_fraction
from metaregret.tabular.strategies import controllable_processes, distributions
from metaregret.theory.certificates.worked import unexplored, witness_process
from metaregret.theory.claims import Context, Control, find_witness

EPISODES = (1, 2, 4, 8, 64, 1024)


def _regrets(process: ControlledMarkovProcess, roots: list[Fraction], episodes: int) -> list[Fraction]:
    """Memoryless regret on every goal with ``rho ∝ roots``, episode by episode, exactly."""
    optimum, rho = exact_goal_values(process), [r / sum(roots) for r in roots]
    return [
        sum(((1 - r) ** i for i in range(episodes)), Fraction(0)) * (v - r)
        for v, r in zip(optimum, rho, strict=True)
    ]


def _growth(process: ControlledMarkovProcess, roots: list[Fraction]) -> Fraction:
    """``Reg_64 - 32 Reg_2 + 1`` of the worst goal: positive exactly where the regret grows linearly."""
    grown = max(_regrets(process, roots, 64))
    return grown - 32 * max(_regrets(process, roots, 2)) + 1


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: the regret on the worst goal is exactly N times its best reward, for growing N."""
    process = process_from_document(witness["process"], "witness")
    roots = [parse_fraction(r, "roots") for r in witness["roots_of_the_proposal"]]
    if len(roots) != process.n_states or min(roots) < 0 or not any(roots):
        return None
    worst = [max(_regrets(process, roots, n)) for n in EPISODES]
    first = worst[0]
    if first <= 0 or any(w != n * first for n, w in zip(EPISODES, worst, strict=True)):
        return None
    return {
        "proposal, square roots": [str(r) for r in roots],
        "episodes": list(EPISODES),
        "worst-case regret": [str(w) for w in worst],
    }


@st.composite
def _situations(draw: st.DrawFn) -> tuple[ControlledMarkovProcess, list[Fraction]]:
    process = draw(controllable_processes(min_states=2, max_states=4))
    return process, draw(distributions(process.n_states))


def search(context: Context) -> Mapping[str, Any] | None:
    """Look among controllable processes and proposals for regret that grows like N, from scratch."""
    found = find_witness(_situations(), lambda drawn: _growth(*drawn), context, name="C08")
    if found is None:
        return None
    return {"process": process_document(found[0]), "roots_of_the_proposal": [str(r) for r in found[1]]}


CONTROL = Control(
    uid="C08",
    title="A proposal with a coverage hole",
    statement=(
        r"\sup_N\max_g \mathrm{Reg}_N\bigl(\rho\propto\sqrt q;\,g\bigr)<\infty\ \text{ for every proposal } q"
    ),
    drops="full support of the proposal, from T05",
    source="arXiv 1806.04640, goal-reaching case; T17",
    refute=refute,
    search=search,
    uses=("T03", "T05", "T17"),
    certificate=lambda: unexplored(witness_process("C08")),
)
