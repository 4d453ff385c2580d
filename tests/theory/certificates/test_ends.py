"""Convex functions over all terminal distributions, bounded by the ends of plans of the last steps."""

from __future__ import annotations

from fractions import Fraction
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

import metaregret.theory.certificates.check as checker
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import stochastic_processes
from metaregret.theory.certificates.drafting import certificate
from metaregret.theory.claims.oracles import deterministic_outcomes


@given(
    stochastic_processes(max_states=3, max_actions=2, max_steps=3),
    st.sampled_from([0, 20, 100, 4000]),
    st.lists(st.fractions(-9, 9, max_denominator=10**50), min_size=3, max_size=3),
)
@settings(max_examples=60, deadline=None)
def test_bounds_hold_at_the_ends_of_all_policies(
    process: ControlledMarkovProcess, room: int, pay: list[Fraction]
) -> None:
    """However many plans there is room for; the maximum itself if for all, or if the function is linear."""
    checker.WORK["left"] = checker.BUDGET
    with patch.object(checker, "ENTRIES", room):
        ends = checker.ends_of(checker.Process(certificate(process, {}, {})["process"]))
    truth = [dict(enumerate(end)) for end in deterministic_outcomes(process, limit=10_000)]

    def linear(row: dict[int, Fraction]) -> Fraction:
        return sum((pay[y] * p for y, p in row.items()), Fraction(0))

    def square(row: dict[int, Fraction]) -> Fraction:
        return sum(((row.get(y, Fraction(0)) - x) ** 2 for y, x in enumerate(pay)), Fraction(0))

    most = ends.most(linear)
    assert 0 <= most - max(map(linear, truth)) <= Fraction(4, 1 << 200)
    bound, value = ends.most(square), max(map(square, truth))
    assert bound >= value
    if not ends.before:
        assert bound == value
