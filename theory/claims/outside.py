"""The shortest way to a claim of one's own: what to draw, and by how much the claim holds on it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import wraps
from typing import Any, TypeVar

import numpy as np
from hypothesis.errors import HypothesisException
from hypothesis.strategies import SearchStrategy

from metaregret.tabular.choices import choice
from metaregret.tabular.errors import ConvergenceError, InstanceTooLargeError, InvalidArgumentError
from metaregret.tabular.files import process_document
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.claims.assumption import Assumption
from metaregret.theory.claims.context import Context
from metaregret.theory.claims.evidence import Group, Trial
from metaregret.theory.claims.theorem import Kind, Method, Theorem
from metaregret.theory.claims.verdict import Verdict

__all__ = ["as_document", "on_instances", "property_claim"]

Instance = TypeVar("Instance")

LONGEST_NOTE = 1500
"""A witness of at most so many characters is shown in full where there is only room for text."""


def as_document(instance: object) -> Any:
    """Return an instance as JSON types: processes as ``metaregret-cmp/1`` documents, rationals as
    ``"p/q"``."""
    if isinstance(instance, ControlledMarkovProcess):
        return process_document(instance)
    if dataclasses.is_dataclass(instance) and not isinstance(instance, type):
        instance = {field.name: getattr(instance, field.name) for field in dataclasses.fields(instance)}
    if isinstance(instance, Mapping):
        return {str(key): as_document(value) for key, value in instance.items()}
    if isinstance(instance, np.ndarray):
        instance = instance.tolist()
    if isinstance(instance, Sequence) and not isinstance(instance, str):
        return [as_document(item) for item in instance]
    plain = instance is None or isinstance(instance, (bool, int, float, str))
    return instance if plain else str(instance)


def _process_in(instance: object) -> ControlledMarkovProcess | None:
    """The process that an instance is, or carries: itself, an entry of a tuple, or its attribute
    ``process``."""
    candidates = [instance, *(instance if isinstance(instance, tuple) else ())]
    candidates += [getattr(item, "process", None) for item in candidates]
    return next((item for item in candidates if isinstance(item, ControlledMarkovProcess)), None)


def _description(instance: object) -> str:
    process = _process_in(instance)
    return str(as_document(instance))[:200] if process is None else repr(process)


def _in_full(instance: object) -> str:
    text = json.dumps(as_document(instance))
    return text if len(text) <= LONGEST_NOTE else _description(instance)


def on_instances(
    name: str,
    strategy: SearchStrategy[Instance],
    margin: Callable[[Instance], float | bool | Fraction | Trial | None],
    *,
    assumptions: Sequence[Assumption] = (),
    group: Group | str = Group.PROPERTY,
    share: float = 5.0,
) -> Method:
    """Return a method that measures a claim on generated instances; the first failure is shrunk and kept.

    Parameters
    ----------
    name : str
    strategy : SearchStrategy
        Draws processes, tuples with a process in them, or anything else.
    margin : callable
        Distance to failure on an instance, negative where the claim fails; True and False for yes-or-no
        claims; None where the claim says nothing.
    assumptions : sequence of Assumption
        Instances whose process does not meet all of them are passed over.
    group : Group
    share : float
        Instances looked at, as a multiple of the run's setting.

    Notes
    -----
    Instances on which a solver cannot decide (it raises `ConvergenceError` or `InstanceTooLargeError`) are
    passed over, too. If nothing is left the verdict is ``VACUOUS``. Any other exception in `margin` or in an
    assumption is a mistake in the claim: the run stops with `InvalidArgumentError`, which names the smallest
    instance on which it happens.
    """

    group = choice(Group, group, "group")

    def check(instance: Instance) -> Trial | None:
        process = _process_in(instance)
        try:
            if process is not None and not all(assumption.holds(process) for assumption in assumptions):
                return None
            found = margin(instance)
            if found is None or isinstance(found, Trial):
                return found
            value = (0.0 if found else -1.0) if isinstance(found, (bool, np.bool_)) else float(found)
        except (ConvergenceError, InstanceTooLargeError):
            return None
        except HypothesisException:  # `assume` and its like speak to the search
            raise
        except Exception as error:
            raise InvalidArgumentError(
                f"{name}: the claim itself failed, with {type(error).__name__}: {error}; mend it so that it "
                f"returns a number, a Boolean or None for {_in_full(instance)}"
            ) from error
        if value >= 0:
            return Trial(_description(instance), value, f"margin {found}")
        witness = {"instance": as_document(instance)}
        text = json.dumps(witness["instance"])
        shown = f"; {text}" if len(text) <= LONGEST_NOTE else "; the JSON report has the witness"
        return Trial(_description(instance), value, f"margin {found}{shown}", witness)

    @wraps(margin)  # a report shows the docstring and the place of what the user wrote
    def run(claim: Any, context: Context) -> Iterable[Trial]:
        return context.examples(strategy, check, name=name, share=share, assumes=True)

    return Method(name, group, run)


def property_claim(
    uid: str,
    title: str,
    statement: str,
    strategy: SearchStrategy[Instance],
    margin: Callable[[Instance], float | bool | Fraction | Trial | None],
    *,
    assumptions: Sequence[Assumption] = (),
    uses: Sequence[str] = (),
    source: str = "no publication named",
) -> Theorem:
    """Return a claim that is tested on generated instances: SUPPORTED if none fails, REFUTED with a shrunk
    witness if one does.

    The parameters are those of `Theorem` and of `on_instances`. Give it a second method of another group, and
    planted errors, to go further than SUPPORTED (``docs/how-to/add-a-theorem.md``).
    """
    return Theorem(
        uid=uid,
        title=title,
        statement=statement,
        kind=Kind.OUTSIDE,
        source=source,
        claim=margin,
        methods=(
            on_instances(f"{title}, on generated instances", strategy, margin, assumptions=assumptions),
        ),
        planted=(),
        assumptions=tuple(assumptions),
        uses=tuple(uses),
        expected=Verdict.SUPPORTED,
    )
