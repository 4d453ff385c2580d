r"""C06, wrong exponent: exploring in proportion to the task distribution is not optimal, its square root is.

The false statement: ``rho ∝ p`` minimises the expected hitting time ``sum_g p_g / rho_g`` for a known task
distribution. It takes ``K`` episodes for every positive ``p``; the square-root law of T03 takes ``(sum sqrt
p)**2 <= K``, with equality at uniform ``p`` only.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from metaregret.tabular.rationals import parse_fraction
from metaregret.tabular.strategies import distributions
from metaregret.theory.claims import Context, Control, find_witness


def _hitting_time(tasks: list[Fraction], exploration: list[Fraction]) -> Fraction:
    return sum((p / rho for p, rho in zip(tasks, exploration, strict=True)), Fraction(0))


def refute(witness: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Replay: the stated exploration is a distribution and hits sooner than ``rho = p`` does."""
    tasks = [parse_fraction(p, "task distribution") for p in witness["task_distribution"]]
    exploration = [parse_fraction(r, "exploration") for r in witness["exploration"]]
    valid = all(min(vector) > 0 and sum(vector) == 1 for vector in (tasks, exploration))
    if not valid or not _hitting_time(tasks, exploration) < _hitting_time(tasks, tasks):
        return None
    return {
        "episodes with rho = p": str(_hitting_time(tasks, tasks)),
        "episodes with the other exploration": str(_hitting_time(tasks, exploration)),
        "exploration": [str(r) for r in exploration],
    }


_PAIRS = st.integers(2, 3).flatmap(
    lambda size: st.tuples(distributions(size, positive=True), distributions(size, positive=True))
)


def search(context: Context) -> Mapping[str, Any] | None:
    """Look among pairs of distributions, from scratch."""
    found = find_witness(
        _PAIRS, lambda pair: _hitting_time(pair[0], pair[0]) - _hitting_time(*pair), context, name="C06"
    )
    if found is None:
        return None
    tasks, exploration = found
    return {"task_distribution": [str(p) for p in tasks], "exploration": [str(r) for r in exploration]}


CONTROL = Control(
    uid="C06",
    title="Exploring in proportion to p",
    statement=r"\arg\min_{\rho\in\Delta}\sum_g\frac{p_g}{\rho_g}=p",
    drops="the square root, from T03",
    source="arXiv 1806.04640, goal-reaching case, has the square root",
    refute=refute,
    search=search,
    uses=("T03",),
)
