r"""C11, a factor of two with noise, too: memory can be worth ``K``.

The false statement: if all goals are equally reachable, memory is worth at most a factor of two, as on
deterministic dynamics (T24). In the witness action ``j`` ends in a uniformly random goal other than
``j``. Without memory the regret is ``1/(K - 1)``. With memory the first episode rules one goal out, and
the action that leaves that one out reaches all others as surely as can be: regret ``1/(K (K - 1))``, a
factor of ``K = 1 + 1/v*`` and the largest that T24 allows at ``v* = 1/(K - 1)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from metaregret.tabular.files import process_document, process_from_document
from metaregret.tabular.goals import exact_goal_values, goal_support
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.certificates.worked import solved
from metaregret.theory.claims import Context, Control, find_witness
from metaregret.theory.minimax.memory.unending import solve_unending
from metaregret.theory.minimax.without_memory import solve_without_memory
from metaregret.theory.tasks import GoalTasks


def _values(process: ControlledMarkovProcess) -> tuple[Fraction, Fraction] | None:
    """Minimax regrets without and with memory over infinitely many episodes; None unless all v* are equal."""
    goals = np.flatnonzero(goal_support(process))
    if len(set(exact_goal_values(process, goals))) > 1:
        return None
    tasks = GoalTasks(process, goals)
    without = solve_without_memory(tasks, exact=True).value.exact
    memory = solve_unending(tasks).value.exact
    return None if without is None or memory is None else (Fraction(without), Fraction(memory))


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: equal v*, and more than twice the regret without memory; both values exactly."""
    found = _values(process_from_document(witness["process"], "witness"))
    if found is None or not found[0] > 2 * found[1]:
        return None
    return {
        "regret without memory": str(found[0]),
        "regret with memory": str(found[1]),
        "factor": "infinite" if not found[1] else str(found[0] / found[1]),
    }


@st.composite
def _channels(draw: st.DrawFn) -> ControlledMarkovProcess:
    """One step; each action is equally likely to end in one of two or more of the three goals."""
    goals = st.integers(0, 2)
    rows = draw(st.lists(st.sets(goals, min_size=2), min_size=2, max_size=3, unique_by=tuple))
    moves: list[tuple[int, int, int, object]] = [
        (0, action, goal + 1, Fraction(1, len(one)))
        for action, one in enumerate(rows)
        for goal in sorted(one)
    ]
    moves += [(goal, 0, goal, 1) for goal in (1, 2, 3)]
    return ControlledMarkovProcess.from_transitions(
        moves, states=4, actions=len(rows), initial=0, horizon=1, name="channel"
    )


def search(context: Context) -> Mapping[str, Any] | None:
    """Look among small channels, from scratch."""

    def excess(process: ControlledMarkovProcess) -> Fraction | None:
        found = _values(process)
        return None if found is None else found[0] - 2 * found[1]

    found = find_witness(_channels(), excess, context, name="C11")
    return None if found is None else {"process": process_document(found)}


CONTROL = Control(
    uid="C11",
    title="Memory is worth a factor of two with noise, too",
    statement=r"v^*_g=v\ \text{for all }g\ \Longrightarrow\ V_{\text{memoryless}}\le 2\,V_{\text{memory}}",
    drops="sure reachability, from T24",
    source="extension by this project",
    refute=refute,
    search=search,
    uses=("T24",),
    certificate=lambda: solved("spread:3"),
)
