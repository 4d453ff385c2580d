"""Certificates of integer orders and of order infinity: proved by the checker, and refused where wrong."""

from __future__ import annotations

import copy
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from metaregret.tabular.environments import make
from metaregret.tabular.errors import UnsupportedError
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import stochastic_processes
from metaregret.theory.certificates.check import CertificateError, prove
from metaregret.theory.certificates.write_redundancy import (
    channel_redundancy_certificate,
    process_redundancy_certificate,
)
from metaregret.theory.claims.oracles import deterministic_outcomes
from metaregret.theory.claims.oracles.power_moments import Rows, family, mixtures, moment
from metaregret.theory.information import channel_redundancy
from metaregret.theory.skills import process_redundancy


def bounds(document: object, folder: Path) -> tuple[float, float]:
    file = folder / "certificate.json"
    file.write_text(json.dumps(document))
    _, lower, upper = prove(file)
    return float(lower), float(upper)


def certified(rows: Rows, order: object) -> dict[str, object]:
    outputs = [str(s) for s in range(len(rows[0]))]
    return channel_redundancy_certificate({f"row {i}": row for i, row in enumerate(rows)}, outputs, order)


@pytest.mark.parametrize(("count", "luck"), [(2, Fraction(1, 2)), (4, Fraction(1, 3))])
def test_the_noisy_goal_has_its_closed_form(count: int, luck: Fraction, tmp_path: Path) -> None:
    """T21: both kinds of action are equally far from ``x = 1 / (1 + r)``, and ``exp(C_inf) = K + v``."""
    rows = family(count, luck)
    r = (count - (1 - luck) ** 2) / luck**2
    value = count * (1 + 1 / r)
    lower, upper = bounds(certified(rows, 2), tmp_path)
    assert lower - 1e-12 <= value <= upper + 1e-12
    assert upper - lower <= 1e-6
    lower, upper = bounds(certified(rows, "inf"), tmp_path)
    assert lower - 1e-12 <= count + luck <= upper + 1e-12
    assert upper - lower <= 1e-8


@given(mixtures())
@settings(max_examples=10, deadline=None)
def test_a_proved_bracket_keeps_below_every_mixture(
    tmp_path_factory: pytest.TempPathFactory, drawn: object
) -> None:
    rows, q = drawn
    folder = tmp_path_factory.mktemp("certificates")
    lower, upper = bounds(certified(rows, 3), folder)
    assert lower <= float(max(moment(row, q, 3) for row in rows)) * (1 + 1e-12)
    assert upper <= lower * (1 + 1e-5)


def test_processes(tmp_path: Path) -> None:
    for name, order, steps in (
        ("noisy-goal:K=3,v=1/2", 2, 1),
        ("line:4", 3, 4),
        ("grid:2x2,slip=1/5", 2, 2),
        ("garnet:S=4,A=2,b=2,seed=1", 3, 3),
    ):
        found = process_redundancy(make(name).replaced(horizon=steps), order)
        lower, upper = bounds(process_redundancy_certificate(found), tmp_path)
        value = 2.718281828459045 ** ((order - 1) * found.value.midpoint)
        assert lower <= value * (1 + 1e-5)
        assert value <= upper * (1 + 1e-5)
        assert upper - lower <= 1e-4 * upper


@given(stochastic_processes(max_states=3, max_actions=2, max_steps=3))
@settings(max_examples=15, deadline=None)
def test_brackets_of_noisy_processes_hold_at_all_policies_and_close_where_plans_are_few(
    tmp_path_factory: pytest.TempPathFactory, process: ControlledMarkovProcess
) -> None:
    """Against the redundancy of the ends of all deterministic policies, as a channel."""
    folder = tmp_path_factory.mktemp("certificates")
    ends = deterministic_outcomes(process, limit=10_000)
    table = np.array([[float(x) for x in end] for end in ends])
    truth = channel_redundancy(table[:, table.max(axis=0) > 0], 2, tolerance=1e-9).value
    lower, upper = bounds(process_redundancy_certificate(process_redundancy(process, 2)), folder)
    assert lower <= np.exp(truth.upper) * (1 + 1e-9)
    assert upper >= np.exp(truth.lower) * (1 - 1e-9)
    if process.horizon.steps <= 2:
        assert upper - lower <= 1e-4 * upper


def test_claims_that_are_not_proved_are_refused(tmp_path: Path) -> None:
    document = certified(family(2, Fraction(1, 2)), 2)
    for change in (
        lambda doc: doc["claim"].update(upper="2"),
        lambda doc: doc["claim"].update(lower="3"),
        lambda doc: doc["claim"].update(order=3),
        lambda doc: doc["claim"].update(order=1),
        lambda doc: doc["claim"].update(order="2"),
        lambda doc: doc["witness"].update(farthest={"row 0": "1/2"}),
        lambda doc: doc["witness"].update(input={"row 1": "1"}),
    ):
        wrong = copy.deepcopy(document)
        change(wrong)
        with pytest.raises(CertificateError):
            bounds(wrong, tmp_path)


def test_orders_without_rational_powers_are_refused() -> None:
    for order in (1, "3/2"):
        with pytest.raises(UnsupportedError, match="Expected a whole order"):
            certified(family(2, Fraction(1, 2)), order)
    with pytest.raises(UnsupportedError, match="minimax regret"):
        process_redundancy_certificate(process_redundancy(make("line:3"), "inf"))
