"""The relaxation bounds every policy of a node, is exact where all is fixed, and is not vacuous."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular.environments import make
from metaregret.tabular.goals import goal_support
from metaregret.tabular.horizon import GeometricHorizon, Horizon
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.information import as_order, kl_divergence
from metaregret.theory.skills import global_search, relaxation
from metaregret.theory.skills.global_search import _Tree, search_globally
from metaregret.theory.skills.relaxation import STEP_COST, Nodes, Relaxation, node_cost
from tests.theory.skills.small_processes import all_markov_rows, processes, z_channel


def relaxed(process: ControlledMarkovProcess, weights: list[int]) -> tuple[Relaxation, np.ndarray]:
    support = np.flatnonzero(goal_support(process))
    q = np.zeros(process.n_states)
    q[support] = np.asarray(weights, dtype=float)[support]
    q /= q.sum()
    return Relaxation(process, q, support), q


@given(processes(), st.lists(st.integers(1, 9), min_size=3, max_size=3))
@settings(max_examples=25, deadline=None)
def test_search_finds_the_maximum_that_brute_force_finds(
    process: ControlledMarkovProcess, weights: list[int]
) -> None:
    relaxation, q = relaxed(process, weights)
    truth = max(kl_divergence(row, q) for row in all_markov_rows(process))
    assert relaxation.evaluate(relaxation.root()).bounds[0] >= truth - 1e-12
    proved = search_globally(relaxation, truth + 1e-9, max_nodes=100_000)
    assert proved.upper <= truth + 2e-9
    assert proved.choices.shape[-1] == 0
    # A target below the maximum must be refuted by a policy.
    refuted = search_globally(relaxation, truth - 1e-6, max_nodes=100_000)
    assert refuted.choices.shape[-1] > 0


@given(processes(geometric=True), st.lists(st.integers(1, 9), min_size=3, max_size=3))
@settings(max_examples=15, deadline=None)
def test_geometric_horizons(process: ControlledMarkovProcess, weights: list[int]) -> None:
    relaxation, q = relaxed(process, weights)
    truth = max(kl_divergence(row, q) for row in all_markov_rows(process))
    proved = search_globally(relaxation, truth + 1e-8, max_nodes=100_000)
    assert proved.choices.shape[-1] == 0
    assert proved.upper <= truth + 3e-8
    assert search_globally(relaxation, truth - 1e-6, max_nodes=100_000).choices.shape[-1] > 0


@pytest.mark.parametrize("exponent", [3, 5, 6, 300])
def test_powers_that_overflow_are_no_proof(exponent: int) -> None:
    """Order 64 of the policy (1/2, 1/2): ``2^-64 q^-63`` is beyond floating point from q = 1e-6 on."""
    q = np.array([1 - 10.0**-exponent, 10.0**-exponent])
    relaxation = Relaxation(z_channel(1), q, np.arange(2), as_order(64))
    truth = (-64 * np.log(2) + 63 * exponent * np.log(10)) / 63
    found = search_globally(relaxation, 1.0, max_nodes=None)
    assert truth - 1e-12 <= found.upper
    assert exponent > 5 or found.upper <= truth + 1e-9


def test_bounds_tighten_as_decisions_are_fixed() -> None:
    process = make("grid:3x3,slip=3/10").replaced(horizon=3)
    relaxation, _ = relaxed(process, [1] * 9)
    node = relaxation.root()
    bounds = [relaxation.evaluate(node).bounds[0]]
    rng = np.random.default_rng(0)
    for level in range(3):
        for state in range(9):
            node[0, level, state] = rng.integers(relaxation.counts[state])
        found = relaxation.evaluate(node)
        bounds.append(found.bounds[0])
    assert all(later <= earlier + 1e-12 for earlier, later in itertools.pairwise(bounds))
    assert found.bounds[0] == pytest.approx(found.values[0], abs=1e-10)


def test_a_search_that_is_cut_short_still_bounds() -> None:
    process = make("grid:3x3,slip=3/10").replaced(horizon=3)
    relaxation, _ = relaxed(process, [1] * 9)
    # No policy exceeds log 9, and the root's bound alone proves 5 nats.
    assert search_globally(relaxation, 5.0, max_nodes=1).upper == 5.0
    short = search_globally(relaxation, 1.4, max_nodes=1)
    longer = search_globally(relaxation, 1.4, max_nodes=2000)
    assert short.nodes == 1
    assert 1.4 <= longer.upper < short.upper


def mixing(on: Fraction, back: Fraction, gamma: Fraction) -> ControlledMarkovProcess:
    """Two states and one action."""
    return ControlledMarkovProcess.from_transitions(
        [(0, 0, 1, on), (0, 0, 0, 1 - on), (1, 0, 0, back), (1, 0, 1, 1 - back)],
        states=2,
        actions=1,
        initial=0,
        horizon=GeometricHorizon(gamma),
    )


@pytest.mark.parametrize("case", ["1/2 1/3 1/4", "99/100 1/3 1/4", "999/1000 1/3 1/4", "99/100 1/50 1/40"])
def test_values_at_a_geometric_horizon_are_upper_bounds(case: str) -> None:
    """``(1 - g) (I - g P)^-1 r`` in rational numbers, for every column; no tolerance."""
    gamma, on, back = map(Fraction, case.split())
    relaxation, _ = relaxed(mixing(on, back, gamma), [1, 1])
    rewards = np.random.default_rng(0).normal(size=(1, 2, 20))
    upper = relaxation._best(rewards, relaxation.root())
    # The first row of the inverse, by Cramer's rule.
    first, second = 1 - gamma * (1 - back), gamma * on
    determinant = (1 - gamma * (1 - on)) * first - second * gamma * back
    for bound, column in zip(upper[0], rewards[0].T, strict=True):
        paid = [Fraction(float(r)) for r in column]
        exact = (1 - gamma) * (first * paid[0] + second * paid[1]) / determinant
        assert exact <= Fraction(float(bound)) <= exact + Fraction(1, 10**8)


def test_rare_ends_make_an_action_of_its_own() -> None:
    """One action ends elsewhere with probability 1e-18: ``log(1 + 1e-36 / 1e-60)`` at order 2."""
    rare = Fraction(1, 10**18)
    process = ControlledMarkovProcess.from_transitions(
        [(0, 0, 0, 1), (0, 1, 0, 1 - rare), (0, 1, 1, rare), (1, 0, 1, 1)],
        states=2,
        actions=2,
        initial=0,
        horizon=1,
    )
    made = Relaxation(process, np.array([1.0, 1e-60]), np.arange(2), as_order(2))
    assert made.evaluate(made.root()).bounds[0] >= math.log1p(1e24) - 1e-12


@pytest.mark.parametrize("horizon", [1, GeometricHorizon(Fraction(1, 2))])
def test_a_state_that_is_never_met_adds_nothing(horizon: Horizon | int) -> None:
    """No probability is below zero, whatever the roundings; the two actions end in 1 or 1 - p, and 0 or p."""
    made = Relaxation(z_channel(horizon), np.ones(2) / 2, np.arange(2))
    nodes = np.concatenate([made.root(), made.root()])
    nodes[0, 0, 0] = 0
    low, high = made._ranges(nodes)
    share = 0.5 if horizon == 1 else 1.0 / 3.0
    np.testing.assert_allclose(low, [[1.0, 0.0], [1 - share, 0.0]], atol=1e-12)
    np.testing.assert_allclose(high, [[1.0, 0.0], [1.0, share]], atol=1e-12)
    assert low.min() == 0
    assert high.max() <= 1
    slope, offset = made._chord(low, low)
    assert not slope.any()
    np.testing.assert_array_equal(offset, made.order.terms(low, made.marginal))


class Scripted:
    """One step in four states, of which the last, met most often, has one action; the nodes are written down:
    bound, value, visits of the first three."""

    process, support, width, levels, node_cost = make("line:4"), np.arange(3), 2, 1, 2.0
    counts = np.array([2, 2, 2, 1])

    def __init__(self, **nodes: tuple[float, float, int, int, int]) -> None:
        self.nodes, self.asked = nodes, list[list[str]]()

    def root(self) -> np.ndarray:
        return np.full((1, 1, 4), -1)

    def evaluate(self, fixed: np.ndarray) -> Nodes:
        names = ["node" + "".join("_" if a < 0 else str(a) for a in row[0]) for row in fixed]
        self.asked.append([name.removeprefix("node") for name in names])
        table = np.array([[*self.nodes[name], 9] for name in names])
        return Nodes(table[:, 0], table[:, 1], fixed, table[:, None, 2:])

    def choices(self, actions: np.ndarray) -> np.ndarray:
        return np.moveaxis(actions, 0, -1)


def scripted() -> Scripted:
    """Split at the first state; one half ends alike below a decision that is not met, the other is split at
    the third and then at the second state."""
    return Scripted(
        node____=(1.0, 0.1, 3, 2, 1), node0___=(0.7, 0.1, 1, 0, 0), node1___=(0.9, 0.1, 9, 1, 2),
        node1_0_=(0.5, 0.1, 1, 1, 1), node1_1_=(0.8, 0.5, 1, 1, 1), node101_=(0.4, 0.1, 1, 1, 1),
        node111_=(0.6, 0.1, 1, 1, 1),
    )  # fmt: skip


WHOLE = [["____"], ["0___", "1___"], ["1_0_", "1_1_"], ["101_", "111_"]]


def test_a_node_without_free_decisions_keeps_its_bound() -> None:
    """Its bound stays open however far it is above the target: nothing below it was searched. Others of its
    batch are split on; what reaches the target and no more is neither."""
    made = scripted()
    found = search_globally(cast(Relaxation, made), 0.5, max_nodes=None)
    assert (found.upper, found.choices.shape, found.nodes, made.asked) == (0.7, (1, 4, 0), 7, WHOLE)


@pytest.mark.parametrize(("operations", "upper", "batches"), [(3.9, 1.0, 1), (4.1, 0.9, 2), (8.1, 0.8, 3)])
def test_a_search_without_a_limit_ends_with_its_work(
    operations: float, upper: float, batches: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(global_search, "WORK", operations)
    made = scripted()
    assert search_globally(cast(Relaxation, made), 0.5, max_nodes=None).upper == upper
    assert made.asked == WHOLE[:batches]


def test_a_batch_fits_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """``S A 2 K`` numbers a child, or ``S T`` where there are more steps; one node at least."""
    made = scripted()
    for entries, levels, batch in ((1000, 1, 20), (95, 1, 1), (10, 1, 1), (1000, 50, 5)):
        monkeypatch.setattr(global_search, "BATCH_ENTRIES", entries)
        made.levels = levels
        assert _Tree(cast(Relaxation, made), 0.5)._batch == batch
    monkeypatch.setattr(global_search, "BATCH_ENTRIES", 96)  # two children
    made.levels, both = 1, Scripted(**scripted().nodes | {"node0___": (0.95, 0.1, 1, 1, 0)})
    with pytest.raises(KeyError, match="node00__"):
        search_globally(cast(Relaxation, both), 0.5, max_nodes=None)
    assert both.asked == [["____"], ["0___", "1___"], ["00__", "01__"]]


def coarse(roundings: int) -> float:
    """The error of so many roundings of an arithmetic of nine digits, in which every term shows."""
    return roundings * 2.0**-30


def stuck(states: int, horizon: Horizon | int) -> ControlledMarkovProcess:
    """Nothing to choose and nowhere to go from the first state."""
    return ControlledMarkovProcess.from_transitions(
        [(s, 0, s, 1) for s in range(states)], states=states, actions=1, initial=0, horizon=horizon
    )


@pytest.mark.parametrize("name", ["1", "3"])
@pytest.mark.parametrize("steps", [1, 7])
@pytest.mark.parametrize("mass", [0.25, 4.0])
def test_roundings_of_a_node(name: str, steps: int, mass: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """``e = g(T (S + 6) + 32)``, by which the only state is reached less often; a chord from ``1 - e`` to 1;
    ``2 e`` of all that was added up, and of the divergence."""
    monkeypatch.setattr(relaxation, "relative_error", coarse)
    order, process = as_order(name), stuck(2, steps)
    made = Relaxation(process, np.array([mass, 1.0]), np.array([0]), order)
    assert made.root().tolist() == [[[-1, -1]] * steps]
    found = made.evaluate(made.root())
    e, power = coarse(steps * (2 + 6) + 32), 2

    def term(x: float) -> float:
        return x * math.log(x / mass) if name == "1" else x * ((x / mass) ** power - 1) / power

    slope = (term(1.0) - term(1.0 - e)) / e
    offset, surplus = term(1.0) - slope, math.log(mass)
    total = term(1.0) + 2 * e * (abs(slope) + abs(offset) + abs(surplus) + 1)
    bound = surplus + (total if name == "1" else math.log1p(power * total) / power)
    assert found.bounds == pytest.approx([bound + 2 * e * (1 + abs(bound))], rel=1e-9, abs=1e-15)
    assert found.values == pytest.approx([0.0], abs=1e-15)


@pytest.mark.parametrize("horizon", [2, GeometricHorizon(Fraction(1, 2))])
def test_nodes_are_bounded_one_by_one(horizon: Horizon | int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Allowances included, whatever else is in the batch."""
    monkeypatch.setattr(relaxation, "relative_error", coarse)
    made = Relaxation(z_channel(horizon), np.array([0.9, 0.1]), np.arange(2), as_order(2))
    nodes = np.concatenate([made.root(), made.root(), made.root()])
    nodes[1, :, 0], nodes[2, 0, 0] = 0, 1
    together = made.evaluate(nodes)
    for k in range(3):
        alone = made.evaluate(nodes[[k]])
        for field in ("bounds", "values", "actions", "visits"):
            np.testing.assert_allclose(getattr(together, field)[k], getattr(alone, field)[0], rtol=1e-9)


@given(processes(), st.data())
@settings(max_examples=50, deadline=None)
def test_what_nodes_share_is_worth_the_same(process: ControlledMarkovProcess, data: st.DataObject) -> None:
    """To the last bit, wherever a node differs from the one before it in the batch."""
    made, _ = relaxed(process, [1] * process.n_states)
    nodes = np.repeat(made.root(), 4, axis=0)
    for node, level, state in itertools.product(*map(range, nodes.shape)):
        nodes[node, level, state] = data.draw(st.integers(-1, int(made.counts[state]) - 1))
    together = made.evaluate(nodes)
    for k in range(len(nodes)):
        assert together.bounds[k] == made.evaluate(nodes[[k]]).bounds[0]


@pytest.mark.parametrize("gamma", [Fraction(1, 2), Fraction(9, 10)])
def test_roundings_of_values_at_a_geometric_horizon(gamma: Fraction, monkeypatch: pytest.MonkeyPatch) -> None:
    """``e |r| / (1 - g)`` with ``e = g(4 (S + 6) + 32)``: nothing else is left where a state keeps."""
    monkeypatch.setattr(relaxation, "relative_error", coarse)
    made = Relaxation(stuck(3, GeometricHorizon(gamma)), np.ones(3) / 3, np.arange(3))
    rewards = np.array([[[2.0, -3.0], [0.0, 0.0], [-8.0, 0.0]]])
    upper = made._best(rewards, made.root())
    e = coarse(4 * (3 + 6) + 32) / float(1 - gamma)
    np.testing.assert_allclose(upper, [[2 + 8 * e, -3 + 3 * e]], rtol=1e-12)


def test_the_cost_of_a_node() -> None:
    """Sweeps times ``S^2 A (2 K + 1)`` and what a step takes besides; thirty over ``1 - g`` of them,
    thousands at the most."""
    process = z_channel(7)
    assert node_cost(process, 2) == 7 * (2**2 * 2 * 5 + STEP_COST)
    assert Relaxation(process, np.ones(2) / 2, np.arange(2)).node_cost == node_cost(process, 2)
    for gamma, sweeps in ((Fraction(1, 2), 60), (Fraction(9999, 10000), 30_000)):
        assert node_cost(z_channel(GeometricHorizon(gamma)), 1) == pytest.approx(
            sweeps * (2**2 * 2 * 3 + STEP_COST)
        )
