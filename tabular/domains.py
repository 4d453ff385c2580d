"""The processes that a strategy can generate, as a predicate; and the small ones that claims fail on first.

A counterexample must come from where the claim was made. Hypothesis shrinks what it generates inside the
strategy, but a search that knows what a process is goes further, and has to ask whether it is still inside:

>>> from metaregret.tabular.domains import belongs
>>> from metaregret.tabular.environments import make
>>> from metaregret.tabular.strategies import deterministic_processes
>>> inside = belongs(deterministic_processes(max_states=4))
>>> inside(make("line:3")), inside(make("line:5")), inside(make("grid:2x2,slip=1/10"))
(True, False, False)
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar, cast
from weakref import WeakKeyDictionary

from hypothesis.strategies import SearchStrategy

from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["belongs", "edge_cases", "generates", "once"]

Options = ParamSpec("Options")
T = TypeVar("T")
Strategy = SearchStrategy[ControlledMarkovProcess]
Predicate = Callable[[ControlledMarkovProcess], bool]

_DOMAINS: WeakKeyDictionary[Strategy, Predicate] = WeakKeyDictionary()
_BY_FUNCTION: dict[Any, Callable[..., bool]] = {}
"""Predicates by the function that a lazy strategy calls: its filters make new strategies, which keep that and
the options."""


def once(strategy: Callable[Options, T]) -> Callable[Options, T]:
    """Make a strategy once for the same arguments: Hypothesis examines every new one, at a third of the cost
    of an instance."""
    return cast(Callable[Options, T], cache(strategy))


def generates(
    inside: Callable[..., bool],
) -> Callable[[Callable[Options, Strategy]], Callable[Options, Strategy]]:
    """Say what a function returning a strategy generates: ``inside(process, **options)`` for its options."""

    def decorate(make: Callable[Options, Strategy]) -> Callable[Options, Strategy]:
        @once
        @wraps(make)
        def strategy(*args: Options.args, **options: Options.kwargs) -> Strategy:
            made = make(*args, **options)
            if made not in _DOMAINS:
                _BY_FUNCTION[getattr(made, "function", None)] = inside
            _DOMAINS[made] = lambda process: inside(process, *args, **options)
            return made

        return strategy

    return decorate


def belongs(strategy: SearchStrategy[Any]) -> Predicate | None:
    """Return the predicate of what a strategy can generate, filters included, or None if it is not known."""
    if steps := getattr(strategy, "_transformations", ()):
        return _filtered(strategy, steps)
    conditions = getattr(strategy, "flat_conditions", None)
    inner = getattr(strategy, "filtered_strategy", None)
    if conditions is None or inner is None:
        return _DOMAINS.get(strategy)
    known = belongs(inner)
    if known is None:
        return None
    return lambda process: known(process) and all(condition(process) for condition in conditions)


def _filtered(strategy: SearchStrategy[Any], steps: tuple[tuple[Any, ...], ...]) -> Predicate | None:
    """The predicate of a lazy strategy that was filtered; None if it was mapped, or is not known."""
    inside = _BY_FUNCTION.get(getattr(strategy, "function", None))
    options = getattr(strategy, "_LazyStrategy__kwargs", None)
    if inside is None or options is None or any(step[0] != "filter" for step in steps):
        return None
    return lambda process: inside(process, **options) and all(step[1](process) for step in steps)


@cache
def edge_cases() -> tuple[ControlledMarkovProcess, ...]:
    """Return small processes with what subtly false claims forget.

    A single state; a state that cannot be left; two states that swap and three in a cycle (periodic); a
    start that absorbs; goals of unequal reachability; ties between actions; a random start; a state that is
    never reached; a goal that is reached with probability 1/4 only; a slip that reaches everything.
    """
    half, quarter = Fraction(1, 2), Fraction(1, 4)
    stay = [(1, 0, 1, 1)]
    cases: list[tuple[str, list[tuple[int, int, int, Fraction | int]], dict[int, Fraction | int], int]] = [
        ("one state", [(0, 0, 0, 1)], {0: 1}, 1),
        ("absorbing start", [(0, 0, 0, 1), (1, 0, 1, 1), (1, 1, 0, 1)], {0: 1}, 1),
        ("swap", [(0, 0, 1, 1), (1, 0, 0, 1)], {0: 1}, 1),
        ("swap, two steps", [(0, 0, 1, 1), (1, 0, 0, 1)], {0: 1}, 2),
        ("cycle", [(0, 0, 1, 1), (1, 0, 2, 1), (2, 0, 0, 1)], {0: 1}, 2),
        ("unequal reachability", [(0, 0, 0, 1), (0, 1, 0, half), (0, 1, 1, half), *stay], {0: 1}, 1),
        ("ties", [(0, 0, 1, 1), (0, 1, 1, 1), (1, 0, 1, 1)], {0: 1}, 2),
        ("both ways", [(0, 0, 0, 1), (0, 1, 1, 1), (1, 0, 1, 1), (1, 1, 0, 1)], {0: 1}, 2),
        ("random start", [(0, 0, 0, 1), (0, 1, 1, 1), *stay], {0: half, 1: half}, 1),
        ("never reached", [(0, 0, 0, 1), (1, 0, 0, 1)], {0: 1}, 1),
        ("coin", [(0, 0, 0, half), (0, 0, 1, half), (1, 0, 0, half), (1, 0, 1, half)], {0: 1}, 1),
        (
            "rare goal",
            [(0, 0, 0, 1), (0, 1, 1, 1), (1, 0, 1, 1 - quarter), (1, 0, 2, quarter), (2, 0, 2, 1)],
            {0: 1},
            2,
        ),
        (
            "two sure goals, one noisy",
            [
                (0, 0, 0, 1),
                (0, 1, 1, 1),
                (0, 2, 0, quarter),
                (0, 2, 1, quarter),
                (0, 2, 2, half),
                *stay,
                (2, 0, 2, 1),
            ],
            {0: 1},
            1,
        ),
    ]
    return tuple(
        ControlledMarkovProcess.from_transitions(
            rows,
            states=1 + max(max(s, t) for s, _, t, _ in rows),
            actions=1 + max(a for _, a, _, _ in rows),
            initial=start,
            horizon=steps,
            name=name,
        )
        for name, rows, start, steps in cases
    )
