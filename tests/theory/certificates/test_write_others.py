"""Written certificates of planning values, capacities and proposals are accepted, altered ones are not."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from metaregret.tabular.environments import make
from metaregret.tabular.errors import InvalidArgumentError, UnsupportedError
from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.certificates.check import CertificateError, check
from metaregret.theory.certificates.drafting import Document, write_certificate
from metaregret.theory.certificates.write_capacity import channel_certificate, process_capacity_certificate
from metaregret.theory.certificates.write_planning import planning_certificate
from metaregret.theory.certificates.write_proposal import proposal_certificate
from metaregret.theory.information import channel_capacity
from metaregret.theory.proposals import propose
from metaregret.theory.skills import process_capacity
from tests.theory.information import textbook


def proved(document: Document, folder: Path) -> tuple[Fraction, Fraction]:
    write_certificate(document, folder / "certificate.json")
    check(folder / "certificate.json")
    return Fraction(document["claim"]["lower"]), Fraction(document["claim"]["upper"])


def ruin() -> ControlledMarkovProcess:
    """Gambler's ruin on 0..4 from 1 at even odds, or waiting; the goal 4 has probability 1/4 (Feller)."""
    rows = [(s, 0, s + d, "1/2") for s in (1, 2, 3) for d in (-1, 1)] + [(s, 1, s, 1) for s in range(5)]
    return ControlledMarkovProcess.from_transitions(rows, states=5, actions=2, initial={1: 1}, horizon=2)


def z_channel() -> ControlledMarkovProcess:
    rows = [(0, 0, 1, 1), (0, 1, 2, "1/2"), (0, 1, 1, "1/2"), (1, 0, 1, 1), (2, 0, 2, 1)]
    return ControlledMarkovProcess.from_transitions(rows, states=3, actions=2, initial=0, horizon=1)


@pytest.mark.parametrize(("minimise", "value"), [(False, Fraction(1, 4)), (True, Fraction(0))])
def test_reaching_for_ever(minimise: bool, value: Fraction, tmp_path: Path) -> None:
    document = planning_certificate(ruin(), goal=4, unbounded=True, minimise=minimise)
    assert proved(document, tmp_path) == (value, value)


def test_ends_of_finite_and_geometric_episodes(tmp_path: Path) -> None:
    # Two steps from 1 to 3: win twice.
    assert proved(planning_certificate(ruin(), goal=3), tmp_path) == (Fraction(1, 4),) * 2
    coin = ControlledMarkovProcess.from_transitions(
        [(0, 0, 1, 1), (1, 0, 1, 1)], states=2, actions=1, initial=0, horizon=GeometricHorizon(Fraction(2, 3))
    )
    assert proved(planning_certificate(coin, goal=1), tmp_path) == (Fraction(2, 3),) * 2


def test_rewards_with_and_without_a_horizon(tmp_path: Path) -> None:
    process = ruin()
    # One is paid for every bet: the game from 1 lasts 1 * (4 - 1) = 3 bets (Feller), or 1 1/2 in two steps.
    bets = [Fraction(int(process.choice_action[c] == 0)) for c in process.transition_choice]
    assert proved(planning_certificate(process, rewards=bets), tmp_path) == (Fraction(3, 2),) * 2
    assert proved(planning_certificate(process, rewards=bets, unbounded=True), tmp_path) == (Fraction(3),) * 2
    geometric = process.replaced(horizon=GeometricHorizon(Fraction(1, 2)))
    lower, upper = proved(planning_certificate(geometric, rewards=bets), tmp_path)
    # x1 = 1 + x2 / 4, x2 = 1 + (x1 + x3) / 4 with x3 = x1: x1 = 10/7.
    assert lower == upper == Fraction(10, 7)


def test_one_question_at_a_time() -> None:
    with pytest.raises(InvalidArgumentError, match="either"):
        planning_certificate(ruin())


def test_altered_values_are_refused(tmp_path: Path) -> None:
    document = planning_certificate(ruin(), goal=4, unbounded=True)
    document["claim"]["lower"] = "251/1000"
    with pytest.raises(CertificateError):
        proved(document, tmp_path)


def test_capacity_of_a_channel_is_that_of_the_z_channel(tmp_path: Path) -> None:
    half, one, zero = Fraction(1, 2), Fraction(1), Fraction(0)
    rows = {"safe": [one, zero], "noisy": [half, half]}
    lower, upper = proved(channel_certificate(rows, ["1", "2"], np.array([0.6, 0.4])), tmp_path)
    assert float(upper - lower) < 1e-9
    assert float(lower) <= math.log(5 / 4) <= float(upper)


def of_matrix(matrix: np.ndarray, largest: int) -> Document:
    """Certify a channel whose entries are rational with small denominators."""
    rows = {
        f"x{i}": [Fraction(x).limit_denominator(largest) for x in row]
        for i, row in enumerate(matrix.tolist())
    }
    prior = channel_capacity(matrix, tolerance=1e-12).input_distribution
    return channel_certificate(rows, [f"y{j}" for j in range(matrix.shape[1])], prior)


@pytest.mark.parametrize(
    "channel",
    [
        textbook.noiseless(5),
        textbook.useless(3, 4),
        textbook.binary_symmetric(0.125),
        textbook.symmetric(4, 0.3),
        textbook.erasure(3, 0.25),
        textbook.noisy_typewriter(6),
        textbook.z_channel(0.5),
        textbook.z_channel(0.1),
    ],
)
def test_textbook_channels(channel: tuple[np.ndarray, float], tmp_path: Path) -> None:
    matrix, value = channel
    lower, upper = proved(of_matrix(matrix, 1000), tmp_path)
    assert lower - Fraction(1, 10**12) <= value <= upper + Fraction(1, 10**12)
    assert upper - lower <= Fraction(1, 10**12)


def test_a_channel_without_structure(tmp_path: Path) -> None:
    """Every row has a denominator of its own, so that sums of logarithms need one in common."""
    counts = np.random.default_rng(0).integers(1, 1000, size=(20, 20))
    rows = {f"x{i}": [Fraction(int(x), int(row.sum())) for x in row] for i, row in enumerate(counts)}
    prior = channel_capacity(counts / counts.sum(axis=1, keepdims=True)).input_distribution
    lower, upper = proved(channel_certificate(rows, [f"y{j}" for j in range(20)], prior), tmp_path)
    assert 0 < upper - lower <= Fraction(1, 10**9)


@pytest.mark.parametrize(
    ("process", "value"),
    [(z_channel(), math.log(5 / 4)), (make("grid:3x2").replaced(horizon=FiniteHorizon(3)), math.log(6))],
)
def test_capacity_of_processes(process: ControlledMarkovProcess, value: float, tmp_path: Path) -> None:
    lower, upper = proved(process_capacity_certificate(process_capacity(process)), tmp_path)
    assert float(upper - lower) < 1e-8
    assert float(lower) <= value * (1 + 1e-15)
    assert value * (1 - 1e-15) <= float(upper)


def test_worst_case_regrets_of_proposals(tmp_path: Path) -> None:
    # C1: the capacity's marginal (4/5, 1/5) has regret (1/2) / (1/5) - 1 = 3/2.
    lower, upper = proved(proposal_certificate(propose(z_channel(), "capacity")), tmp_path)
    assert float(lower) == pytest.approx(1.5, abs=1e-4)
    assert lower == upper
    grid = make("grid:2x2").replaced(horizon=FiniteHorizon(2))
    assert proved(proposal_certificate(propose(grid, "diayn")), tmp_path)[1] == pytest.approx(3.0, abs=1e-4)


def test_a_proposal_that_leaves_a_goal_out_is_infinitely_bad(tmp_path: Path) -> None:
    grid = make("grid:2x2").replaced(horizon=FiniteHorizon(2))
    document = proposal_certificate(propose(grid, "diayn", skills=2))
    write_certificate(document, tmp_path / "certificate.json")
    check(tmp_path / "certificate.json")
    assert document["claim"]["lower"] == document["claim"]["upper"] == "inf"


def test_proposals_at_geometric_horizons(tmp_path: Path) -> None:
    process = make("line:3").replaced(horizon=GeometricHorizon(Fraction(1, 2)))
    assert proved(proposal_certificate(propose(process, "uniform")), tmp_path) == (2, 2)


def test_capacities_at_geometric_horizons_are_refused() -> None:
    process = make("line:3").replaced(horizon=GeometricHorizon(Fraction(1, 2)))
    with pytest.raises(UnsupportedError, match="finite horizon"):
        process_capacity_certificate(process_capacity(process))
