"""Satisfiability modulo theories: no real numbers at all violate a claim of a fixed size (optional extra
``smt``).

A method of this group states the negation of a claim in real arithmetic and asks z3 for a model. ``unsat``
proves the claim for that size; a model is a counterexample; an answer of ``unknown`` yields no trial.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from typing import Any

from metaregret.theory.claims.context import Context
from metaregret.theory.claims.evidence import Group, Trial
from metaregret.theory.claims.theorem import Method

__all__ = ["no_model", "positive_reals", "smt_method"]

MILLISECONDS = 10_000
"""Time for one query; those of the theorems take less than a tenth of a second."""


def smt_method(
    name: str, run: Callable[[Any, Context], Iterable[Trial]], *, general: str | None = None
) -> tuple[Method, ...]:
    """Return the method, or nothing where z3 is not installed (``pip install 'metaregret[smt]'``)."""
    if find_spec("z3") is None:
        return ()
    return (Method(name, Group.SMT, run, frozenset({"z3"}), general),)


def positive_reals(prefix: str, count: int) -> list[Any]:
    """Return `count` real unknowns; state their positivity with the other constraints."""
    import z3

    return [z3.Real(f"{prefix}_{i}") for i in range(1, count + 1)]


def no_model(instance: str, unknowns: Sequence[Any], constraints: Sequence[Any]) -> Iterable[Trial]:
    """Ask for positive `unknowns` that meet all `constraints`; a trial with margin 0 if there are provably
    none."""
    import z3

    solver = z3.SolverFor("QF_NRA")
    solver.set("timeout", MILLISECONDS)
    solver.add(*[unknown > 0 for unknown in unknowns], *constraints)
    answer = solver.check()
    if answer == z3.unsat:
        yield Trial(instance, 0.0, "no model")
    elif answer == z3.sat:
        model = solver.model()
        found = ", ".join(f"{unknown} = {model[unknown]}" for unknown in unknowns)
        yield Trial(instance, -1.0, f"counterexample: {found}")
