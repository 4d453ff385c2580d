r"""C12, goals that are only some of the states: order 1 is then not bounded by the minimax regret.

The false statement: T20 with goals that are only some of the states where an episode can end, the others
lumped into one symbol that the skills of order 1 tell from the goals:
``1 + Reg(q_1) <= e (1 + Reg*)^(1 / v_min)``. Skills then spend information on a symbol that no task asks
for, while the minimax regret leaves it out; ``C_1 <= C_inf`` fails with it. On ``F(2, 1/4)`` with one
of the sure goals no goal: 38.2 against 18.9.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from metaregret.tabular.rationals import parse_fraction
from metaregret.theory.claims import Context, Control, find_witness
from metaregret.theory.claims.oracles import sign_of_log_sum
from metaregret.theory.claims.oracles.power_moments import best, family, mixed
from metaregret.theory.controls.c09_noisy_goal import equally_far, informed


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: the stated weights maximise mutual information over goals and the lumped rest, and the stated
    exploration bounds the minimax regret from above."""
    count, parts = int(witness["sure_states"]), int(witness["one_in"])
    if not (count >= 2 and parts >= 2):
        return None
    full = family(count, Fraction(1, parts))
    # Goals 0 and 1; the sure states 2..K are lumped into one symbol, whose actions then are one.
    rows = [[row[0], row[1], sum(row[2:], Fraction(0))] for row in full[:3]]
    weights = [
        [parse_fraction(w, name) for w in witness[name]] for name in ("most_informative", "exploration")
    ]
    if any(len(each) != len(rows) or min(each) < 0 or sum(each) != 1 for each in weights):
        return None
    explored, other = (mixed(rows, each) for each in weights)
    values = best(rows)[:2]
    if min(weights[0]) <= 0 or min(other[:2]) <= 0 or not equally_far(rows, explored):
        return None
    informed_regret, least = (
        max(v / s for v, s in zip(values, q[:2], strict=True)) for q in (explored, other)
    )
    # log(1 + Reg(q_1)) - 1 - log(1 + Reg*) / v_min > 0, with 1 < log(27183/10000).
    terms = [
        (Fraction(1), informed_regret),
        (Fraction(-1), Fraction(27183, 10000)),
        (-1 / min(values), least),
    ]
    if sign_of_log_sum(terms) <= 0:
        return None
    return {
        "1 + regret of the most informative exploration": str(informed_regret),
        "1 + regret of another exploration": str(least),
        "bound that would follow": f"{2.718281829 * float(least) ** (1 / float(min(values))):.6f}",
    }


def _witness(parts: int) -> dict[str, Any]:
    """Two sure states: by symmetry the most informative weights are those of ``F(2, v)``."""
    luck = Fraction(1, parts)
    sure = (1 - luck) / 2
    # Goal 1 and goal 0 equally rare: w + (1 - w) sure = 1 - w.
    aimed = (1 - sure) / (2 - sure)
    return {
        "sure_states": 2,
        "one_in": parts,
        "most_informative": [str(w) for w in informed(2, parts)],
        "exploration": [str(1 - aimed), str(aimed), "0"],
    }


def search(context: Context) -> Mapping[str, Any] | None:
    """Look among probabilities ``1 / m`` of the noisy goal, from scratch."""

    def excess(parts: int) -> float:
        luck = Fraction(1, parts)
        regret = float(1 / informed(2, parts)[0])
        least = float(1 / (1 - (1 - (1 - luck) / 2) / (2 - (1 - luck) / 2)))
        return regret / (2.7183 * least**parts) - 1

    found = find_witness(st.integers(2, 8), excess, context, name="C12")
    return None if found is None else _witness(found)


CONTROL = Control(
    uid="C12",
    title="Goals that are only some of the states",
    statement=(
        r"1+\mathrm{Reg}(q_1)\le e\,(1+\mathrm{Reg}^*)^{1/v_{\min}}\ "
        r"\text{with all other states lumped into one symbol}"
    ),
    drops="that every state where an episode can end is a goal, from T20",
    source="extension by this project",
    refute=refute,
    search=search,
    uses=("T07", "T20"),
)
