"""Round trips through other libraries' forms, and what they refuse."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular.engine import solve
from metaregret.tabular.environments import make
from metaregret.tabular.errors import FileFormatError, InvalidArgumentError, InvalidProcessError
from metaregret.tabular.importers import (
    from_gymnasium_table,
    from_mdptoolbox,
    from_state_action,
    read,
    read_npz,
    to_gymnasium_table,
    to_mdptoolbox,
    to_state_action,
    write_npz,
)
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import processes


def same_dynamics(one: ControlledMarkovProcess, other: ControlledMarkovProcess) -> None:
    for name in ("choice_offsets", "choice_action", "offsets", "successors", "probabilities", "initial"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


# The forest example of pymdptoolbox: wait or cut, three ages of the trees, fire with probability 1/10.
FOREST = np.array([[[0.1, 0.9, 0.0], [0.1, 0.0, 0.9], [0.1, 0.0, 0.9]], [[1, 0, 0], [1, 0, 0], [1, 0, 0]]])
FOREST_REWARDS = np.array([[0.0, 0.0], [0.0, 1.0], [4.0, 2.0]])


@pytest.mark.parametrize("form", ["dense", "sparse", "matrices", "states"])
def test_forest_management(form: str) -> None:
    """The documented answer at discount 0.96: wait in every age; its equations solved by hand in
    rationals."""
    rewards: object = FOREST_REWARDS
    transitions: object = FOREST
    if form == "sparse":
        transitions = [sp.csr_array(matrix) for matrix in FOREST]
        rewards = [sp.csr_array(np.repeat(FOREST_REWARDS[:, [a]], 3, axis=1)) for a in range(2)]
    if form == "matrices":
        rewards = np.stack([np.repeat(FOREST_REWARDS[:, [a]], 3, axis=1) for a in range(2)])
    if form == "states":
        rewards = FOREST_REWARDS[:, 0]
    process, paid = from_mdptoolbox(transitions, rewards)
    found = solve(process, paid, objective="discounted", gamma=0.96)
    assert found.policy is not None
    assert process.choice_action[found.policy].tolist() == [0, 0, 0]
    system = np.eye(3) - 0.96 * FOREST[0]
    np.testing.assert_allclose(found.values, np.linalg.solve(system, FOREST_REWARDS[:, 0]), atol=1e-7)


def test_mdptoolbox_round_trip() -> None:
    process = make("garnet:S=6,A=2,b=3,seed=1")
    rewards = np.random.default_rng(0).normal(size=process.n_transitions)
    again, paid = from_mdptoolbox(*to_mdptoolbox(process, rewards))
    same_dynamics(process, again)
    np.testing.assert_array_equal(paid, rewards)


def test_mdptoolbox_refusals() -> None:
    with pytest.raises(InvalidProcessError, match="sum to"):
        from_mdptoolbox(FOREST * 0.5, FOREST_REWARDS)
    with pytest.raises(InvalidArgumentError, match=r"\(3,\), \(3, 2\) or \(2, 3, 3\)"):
        from_mdptoolbox(FOREST, np.zeros((2, 3)))
    with pytest.raises(InvalidArgumentError, match="2 reward matrices"):
        from_mdptoolbox(FOREST, [sp.csr_array((3, 3))])
    tree = make("tree:0,0")
    with pytest.raises(InvalidArgumentError, match="lacks an action"):
        to_mdptoolbox(tree, np.zeros(tree.n_transitions))


@given(processes(max_states=4), st.integers(0, 10))
@settings(max_examples=40, deadline=None)
def test_state_action_round_trip(process: ControlledMarkovProcess, seed: int) -> None:
    random = np.random.default_rng(seed)
    rewards = random.normal(size=process.n_choices)
    paid, rows, states, actions = to_state_action(process, rewards)
    shuffled = random.permutation(len(paid))
    again, back = from_state_action(
        paid[shuffled], rows[shuffled], states[shuffled], actions[shuffled], initial=process.initial
    )
    same_dynamics(process, again)
    np.testing.assert_array_equal(back, rewards)


def test_state_action_marks_missing_pairs_by_minus_infinity() -> None:
    rewards = np.array([1.0, -np.inf, 0.0])
    rows = np.array([[0.5, 0.5], [0.0, 0.0], [0.0, 1.0]])
    process, paid = from_state_action(rewards, rows, np.array([0, 0, 1]), np.array([0, 1, 0]))
    assert process.n_choices == 2
    assert paid.tolist() == [1.0, 0.0]


def test_state_action_refusals() -> None:
    rows = np.eye(2)
    with pytest.raises(InvalidArgumentError, match="listed twice"):
        from_state_action(np.zeros(2), rows, np.array([0, 0]), np.array([1, 1]))
    with pytest.raises(InvalidArgumentError, match="states of shape"):
        from_state_action(np.zeros(2), rows, np.array([0]), np.array([0, 1]))
    with pytest.raises(InvalidProcessError, match="is empty"):
        from_state_action(np.zeros(2), np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([0, 1]), np.array([0, 0]))
    with pytest.raises(InvalidArgumentError, match="Expected rewards"):
        to_state_action(make("line:4"), np.zeros(3))


def test_expected_rewards_of_transitions_reach_the_state_action_form() -> None:
    process = make("grid:3x3,slip=1/4")
    rewards = np.random.default_rng(2).normal(size=process.n_transitions)
    paid, *_ = to_state_action(process, rewards)
    one = solve(process, rewards, objective="discounted", gamma=0.9)
    other = solve(process, paid, objective="discounted", gamma=0.9)
    np.testing.assert_allclose(one.values, other.values, atol=1e-7)


def test_frozen_lake_is_worth_what_its_table_says() -> None:
    """The best probability of the gift on the slippery 4x4 map is 14/17 (0.8235...)."""
    process, tables, _ = read(gymnasium.make("FrozenLake-v1", is_slippery=True))
    rewards = tables.exact[0]
    exact = solve(process, rewards, objective="total", exact=True)
    assert exact.value.exact == Fraction(14, 17)
    assert solve(process, rewards, objective="total").value.contains(Fraction(14, 17))


def test_cliff_walking_costs_thirteen_steps() -> None:
    environment = gymnasium.make("CliffWalking-v1").unwrapped
    process, rewards = from_gymnasium_table(environment.P, initial=36)
    assert solve(process, rewards, objective="total", exact=True).value.exact == -13


def test_gymnasium_round_trip() -> None:
    process = make("garnet:S=5,A=2,b=2,seed=3")
    rewards = np.random.default_rng(1).integers(-3, 3, size=process.n_transitions).astype(float)
    table = to_gymnasium_table(process, rewards)
    again, paid = from_gymnasium_table(table, initial=0)
    same_dynamics(process, again)
    np.testing.assert_array_equal(paid.astype(float), rewards)


@given(processes(max_states=4), st.booleans())
@settings(max_examples=30, deadline=None)
def test_npz_round_trip(process: ControlledMarkovProcess, exact_rewards: bool) -> None:
    import tempfile

    rewards: np.ndarray = np.arange(process.n_transitions) / 4.0
    if exact_rewards:
        rewards = np.array([Fraction(i, 3) for i in range(process.n_transitions)], dtype=object)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "process.npz"
        write_npz(path, process, rewards)
        again, paid = read_npz(path)
    same_dynamics(process, again)
    assert again.is_exact
    assert again.exact_initial == process.exact_initial
    assert list(again.exact_probabilities) == list(process.exact_probabilities)
    assert again.horizon == process.horizon
    assert again.name == process.name
    assert paid is not None
    assert list(paid) == list(rewards)


def test_npz_keeps_names_and_big_numbers(tmp_path: Path) -> None:
    tiny = Fraction(1, 3**80)
    process = ControlledMarkovProcess.from_transitions(
        [(0, 0, 0, tiny), (0, 0, 1, 1 - tiny), (1, 0, 1, 1)],
        states=["left", "right"],
        actions=["go"],
        initial=0,
        horizon=3,
    )
    write_npz(tmp_path / "a.npz", process)
    again, paid = read_npz(tmp_path / "a.npz")
    assert paid is None
    assert list(again.states) == ["left", "right"]
    assert list(again.actions) == ["go"]
    assert again.exact_probabilities[0] == tiny


def test_npz_refuses_pickles_and_damage(tmp_path: Path) -> None:
    path = tmp_path / "bad.npz"
    np.savez(path, format=np.array("metaregret-npz/1"), states=np.array([object()], dtype=object))
    with pytest.raises(FileFormatError, match="is not a"):
        read_npz(path)
    np.savez(path, format=np.array("something else"))
    with pytest.raises(FileFormatError, match="Expected format"):
        read_npz(path)
    np.savez(path, format=np.array("metaregret-npz/1"))
    with pytest.raises(FileFormatError, match="lacks the array 'choice_offsets'"):
        read_npz(path)
    process = make("line:4")
    write_npz(path, process)
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["probabilities"] = arrays["probabilities"] * 0.5
    np.savez(path, **arrays)
    with pytest.raises(FileFormatError, match=r"malformed process.*sum to"):
        read_npz(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(FileFormatError, match="is not a"):
        read_npz(path)
    with pytest.raises(FileFormatError, match="missing"):
        read_npz(tmp_path / "missing.npz")
