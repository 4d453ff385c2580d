"""`read` recognises what users have, and every form keeps the process or refuses by name."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest
import scipy.sparse as sp
from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv
from hypothesis import given, settings
from hypothesis import strategies as st

from metaregret.tabular.engine import solve
from metaregret.tabular.environments import make
from metaregret.tabular.errors import (
    FileFormatError,
    InvalidArgumentError,
    InvalidProcessError,
    NotExactError,
)
from metaregret.tabular.files import read_process, read_rewards, write_process, write_rewards
from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon
from metaregret.tabular.importers import (
    FORMATS,
    from_gymnasium_table,
    from_matrices,
    from_mdptoolbox,
    from_state_action,
    from_successors,
    read,
    read_npz,
    to_gymnasium_table,
    to_mdptoolbox,
    to_state_action,
    write_npz,
)
from metaregret.tabular.importers.imported import as_decimals, exactness, reward_table
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import processes

HALF = Fraction(1, 2)
# Wait or cut, two ages: (A, S, S); the trees burn with probability 1/10.
P = np.array([[[0.1, 0.9], [0.1, 0.9]], [[1.0, 0.0], [1.0, 0.0]]])
R = np.array([[0.0, 1.0], [4.0, 2.0]])


def value(model: Any) -> Fraction | None:
    """The best discounted sum of the first task's rewards, exact."""
    assert model.rewards is not None
    assert model.rewards.exact is not None
    rewards = model.rewards.exact[0]
    return solve(model.process, rewards, objective="discounted", gamma=HALF, exact=True).value.exact


SOURCES: dict[str, Callable[[], tuple[Any, str | None]]] = {
    "arrays": lambda: ((P, R), "mdptoolbox"),
    "nested lists of fractions": lambda: (
        ([[["1/10", "9/10"]] * 2, [[1, 0], ["1", "0"]]], R.tolist()),
        "mdptoolbox",
    ),
    "nested lists": lambda: ((P.tolist(), R.tolist()), "mdptoolbox"),
    "lists of arrays": lambda: (([*P], R), "mdptoolbox"),
    "sparse list": lambda: (([sp.csr_matrix(p) for p in P], R), None),
    "sparse and dense": lambda: (([sp.csc_array(P[0]), P[1]], R), None),
    "an MDP of pymdptoolbox": lambda: (
        SimpleNamespace(P=tuple(P), R=tuple(R.T), discount=0.5),
        None,
    ),
    "product form": lambda: ((R, np.swapaxes(P, 0, 1)), None),
    "product form as lists": lambda: ((R.tolist(), np.swapaxes(P, 0, 1).tolist()), "quantecon"),
    "a DiscreteDP": lambda: (
        SimpleNamespace(R=R, Q=np.swapaxes(P, 0, 1), beta=0.5, s_indices=None, a_indices=None),
        None,
    ),
    "pairs": lambda: ((R.ravel(), np.swapaxes(P, 0, 1).reshape(4, 2), [0, 0, 1, 1], [0, 1, 0, 1]), None),
    "pairs, sparse, as a DiscreteDP": lambda: (
        SimpleNamespace(
            R=R.ravel(),
            Q=sp.csr_matrix(np.swapaxes(P, 0, 1).reshape(4, 2)),
            beta=0.5,
            s_indices=np.array([0, 0, 1, 1]),
            a_indices=np.array([0, 1, 0, 1]),
        ),
        None,
    ),
    "msdm": lambda: (
        SimpleNamespace(
            transition_matrix=np.swapaxes(P, 0, 1),
            reward_matrix=np.repeat(R[:, :, None], 2, axis=2),
            action_matrix=np.ones((2, 2)),
            initial_state_vec=np.array([1.0, 0.0]),
            discount_rate=0.5,
            state_list=["young", "old"],
            action_list=["wait", "cut"],
        ),
        None,
    ),
    "a table": lambda: (
        {
            s: {a: [(float(P[a, s, t]), t, R[s, a], False) for t in range(2)] for a in range(2)}
            for s in range(2)
        },
        None,
    ),
    "a table as lists": lambda: (
        [[[(float(P[a, s, t]), t, R[s, a], False) for t in range(2)] for a in range(2)] for s in range(2)],
        None,
    ),
}


@pytest.mark.parametrize("name", SOURCES)
def test_every_form_of_one_model_has_one_value(name: str) -> None:
    """Waiting: v0 = (v0 / 10 + 9 v1 / 10) / 2 and v1 = 4 + v0, so v0 = 18 / 5; cutting now is worth 1 + v0 /
    2."""
    source, form = SOURCES[name]()
    model = read(source, form)
    assert model.process.is_exact
    assert value(model) == Fraction(18, 5)
    process, rewards, notes = model
    assert process is model.process
    assert rewards is model.rewards
    assert isinstance(notes, tuple)


def test_what_a_source_says_besides() -> None:
    model = read(SOURCES["msdm"]()[0])
    assert list(model.process.states) == ["young", "old"]
    assert list(model.process.actions) == ["wait", "cut"]
    assert model.process.horizon == GeometricHorizon(HALF)
    undiscounted = read(SimpleNamespace(R=R, Q=np.swapaxes(P, 0, 1), beta=1.0))
    assert undiscounted.process.horizon == FiniteHorizon(20)
    assert any("discount 1 " in text for text in undiscounted.warnings())


def test_masks_and_absorbing_states() -> None:
    matrix = np.array([[[0.5, 0.5], [0, 0]], [[7.0, 7.0], [1.0, 0.0]]])
    process, paid = from_matrices(
        matrix, np.ones((2, 2)), available=[[1, 0], [1, 1]], absorbing=[False, True], horizon=3
    )
    assert process.n_choices == 3
    assert process.dense()[:, 1].tolist() == [[0, 1], [0, 1]]
    assert paid is not None
    assert paid.tolist() == [1, 1, 0, 0]
    for of_the_end, left in (([0, 1], 1), ([0, 0], 2)):  # all of them where there would be none
        mask = [[1, 0], of_the_end]
        process, _ = from_matrices(matrix, available=mask, absorbing=[False, True], horizon=3)
        assert len(process.choices(1)) == left
    with pytest.raises(InvalidProcessError, match="sum to"):
        from_matrices(matrix, available=[[1, 1], [1, 1]])


def test_successor_tables() -> None:
    process, paid = from_successors([[0, 1], [1, -1]], [[0, 2], [3, 9]], available=[[1, 1], [1, 0]])
    assert process.is_exact
    assert process.is_deterministic
    assert process.successors.tolist() == [0, 1, 1]
    assert paid is not None
    assert paid.tolist() == [0, 2, 3]
    with pytest.raises(InvalidProcessError, match=r"successors\[1, 1\] = -1"):
        from_successors([[0, 1], [1, -1]])


def foreign(folder: Path, **arrays: Any) -> Path:
    path = folder / "model.npz"
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    "arrays",
    [
        {"P": P[:, [0, 1, 1]][:, :, [0, 1, 1]] * [1, 0.5, 0.5], "R": R[[0, 1, 1]]},
        {"P": np.swapaxes(P[:, [0, 1, 1]][:, :, [0, 1, 1]] * [1, 0.5, 0.5], 0, 1), "R": R[[0, 1, 1]]},
        {"P": np.swapaxes(P, 0, 1), "R": R, "action_mask": np.ones((2, 2)), "gamma": 0.5, "start": 0},
        {
            "Q": np.swapaxes(P, 0, 1).reshape(4, 2),
            "R": R.ravel(),
            "s_indices": [0, 0, 1, 1],
            "a_indices": [0, 1] * 2,
        },
    ],
)
def test_arrays_of_others(arrays: dict[str, Any], tmp_path: Path) -> None:
    model = read(foreign(tmp_path, **arrays))
    assert model.process.name == "model"
    assert value(model) == Fraction(18, 5)


def test_numbers_by_name_mean_what_they_print() -> None:
    """A discount of 32 bits too; half a state or two discounts are nothing."""
    model = read(
        {"P": P, "R": R, "gamma": np.array([0.95], dtype=np.float32), "start": np.array(1)}, "mdptoolbox"
    )
    assert isinstance(model.process.horizon, GeometricHorizon)
    assert model.process.horizon.gamma == Fraction(19, 20)
    assert model.process.initial.tolist() == [0, 1]
    for wrong in ({"gamma": [0.5, 0.6]}, {"start": 0.7}):
        with pytest.raises((InvalidArgumentError, InvalidProcessError), match="shape"):
            read({"P": P, "R": R, **wrong}, "mdptoolbox")


@pytest.mark.parametrize(
    ("source", "form"),
    [
        ({"P": P, "R": R}, "mdptoolbox"),
        ({"transition_matrix": np.swapaxes(P, 0, 1), "R": R}, None),
        ({"Q": np.swapaxes(P, 0, 1), "R": R, "beta": 0.5}, None),
        ((P.astype(float).astype(np.float32), R), None),
        ((R, np.swapaxes(P, 0, 1), 0.5), None),
        ((R.ravel(), np.swapaxes(P, 0, 1).reshape(4, 2), 0.5, [0, 0, 1, 1], [0, 1] * 2), None),
        ((np.array([*map(sp.csr_matrix, P.astype(float)), None], dtype=object)[:2], R), None),
        ((list(map(sp.lil_matrix, P.astype(float))), sp.csr_matrix(R)), None),
        ([P.tolist(), R.tolist()], None),
    ],
)
def test_other_spellings_of_the_same_model(source: Any, form: str | None, tmp_path: Path) -> None:
    assert value(read(source, form)) == Fraction(18, 5)
    if isinstance(source, dict):
        assert value(read(foreign(tmp_path, **source), form)) == Fraction(18, 5)


def test_axes_that_nobody_can_tell() -> None:
    """Where both (A, S, S) and (S, A, S) fit, what is taken is said."""
    assert any("(A, S, S) or (S, A, S)" in note.text for note in read((P, R)).notes)
    assert not read((P[:, :, [0, 1, 1]][:, [0, 1, 1]] * [1, 0.5, 0.5], R[[0, 1, 1]])).notes


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix, sp.coo_array])
def test_a_chain_has_one_action(kind: Any) -> None:
    """By hand: 1 + 1/2 (1 / (1 - 1/4)) of the visits to state 0, halved each step."""
    chain = kind(np.array([[0.5, 0.5], [0.0, 1.0]]))
    assert read(chain).process.n_actions == 1
    assert value(read((chain, [1.0, 0.0]))) == Fraction(4, 3)
    assert read(tuple(np.eye(3) for _ in range(4))).process.n_actions == 4


def test_names_in_arrays(tmp_path: Path) -> None:
    names = {"states": ["4,3", "(0, 1)"], "actions": ["go [east]"]}
    for arrays in ({"successors": np.array([[1], [1]])}, {"P": np.eye(2)[None]}):
        process = read(foreign(tmp_path, **arrays, **names, initial=[1e-15, 1 - 1e-15])).process
        assert process.exact_initial == (Fraction(1, 10**15), 1 - Fraction(1, 10**15))
        assert list(process.states) == names["states"]
        assert list(process.actions) == names["actions"]


def test_successors_in_npz_and_npy(tmp_path: Path) -> None:
    table = np.array([[0, 1], [1, 0]])
    for arrays in ({"successors": table, "initial": [0.0, 1.0]}, {"arr_0": table}):
        process = read(foreign(tmp_path, **arrays)).process
        assert process.is_exact
        assert process.successors.tolist() == [0, 1, 1, 0]
    np.save(tmp_path / "table.npy", table)
    assert read(tmp_path / "table.npy").process.n_states == 2


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"P": P, "R": R}, r"may be \(A, S, S\) or \(S, A, S\)"),
        ({"X": P}, "'X' is unknown"),
        ({"P": P, "T": P}, "given twice"),
        ({"R": R}, "Neither transitions"),
        ({"successors": np.array([[0, 7]])}, r"successors\[0, 1\] = 7"),
        ({"P": np.array([["a"]])}, "number or"),
        ({"P": np.eye(2), "gamma": 1.5}, "discount from 0 to 1"),
        ({"P": np.eye(2)[None], "mask": [[1], [0.5]]}, "available as zeros and ones"),
        ({"successors": np.array([[0]]), "mask": [[np.nan]]}, "available as zeros and ones"),
        ({"Q": np.eye(2)[:, None], "absorbing": [0, 2]}, "absorbing as zeros and ones"),
        ({"P": np.array(3.0)}, r"2 or 3 axes, but got shape \(\)"),
        ({"successors": np.array([[0]]), "absorbing": [1]}, "absorbing has no meaning beside a table"),
        ({"successors": np.array([[0]]), "P": np.eye(1)}, "transitions has no meaning beside a table"),
        ({"P": np.eye(2)[None], "s_indices": [0, 1]}, "s_indices has no meaning beside matrices"),
        (
            {"Q": np.eye(2), "R": [0, 0], "s_indices": [0, 1], "a_indices": [0, 0], "mask": np.ones((2, 1))},
            "available has no meaning beside pairs",
        ),
    ],
)
def test_arrays_that_are_no_model(arrays: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=words):
        read(foreign(tmp_path, **arrays))


@pytest.mark.parametrize(
    ("source", "form", "words"),
    [
        (None, None, "Expected a model"),
        (3.5, None, "Expected a model"),
        ("grid:3x3", "tar", "Expected format to be one of"),
        ((np.full((2, 2, 2), 0.5), np.ones((2, 2, 2))), None, r"\(A, S, S\) or \(S, A, S\)"),
        ([[1, 2], [3]], None, "list of outcomes for state 0"),
        ("nowhere.npz", None, "no such file"),
        ((np.ones(2), np.ones(2)), None, "say which format"),
        (([[[1, 0], [1]]], [0, 1]), "mdptoolbox", "array of numbers"),
        (([[["a"]]], [0]), "mdptoolbox", "number or"),
        (([1.0], [[1.0]], [-1], [0]), "quantecon", r"states\[0\] = -1"),
        (([1.0], [[1.0]], [0], [-1]), "quantecon", r"actions\[0\] = -1"),
        (([1.0], [[1.0]], [3], [0]), "quantecon", r"states\[0\] = 3"),
        ((R[:1], np.swapaxes(P, 0, 1)), "quantecon", "rewards of shape"),
        (np.ma.array(P, mask=P == 0), "mdptoolbox", "some are masked"),
    ],
)
def test_sources_that_are_refused(source: Any, form: str | None, words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        read(source, form)


def test_what_could_be_two_forms_is_noted() -> None:
    for source in ([[0, 1], [1, 0]], {"P": [[0, 1], [1, 0]]}):
        assert [note.text for note in read(source).notes] == [
            "whole numbers of shape (2, 2) could be a Markov chain: read as a table of successors"
        ]
    assert read({"successors": [[0, 1], [1, 0]]}).notes == ()
    assert read([[0, 1], [1, 1]]).notes == ()


def test_steps_of_a_solver_of_finite_horizon() -> None:
    model = read(SimpleNamespace(P=tuple(P), R=tuple(R.T), discount=1, N=3))
    assert model.process.horizon == FiniteHorizon(3)
    assert model.warnings() == ()
    model = read(SimpleNamespace(P=tuple(P), R=tuple(R.T), discount=0.5, N=3))
    assert model.process.horizon == GeometricHorizon(HALF)
    assert "the 3 steps of the source are left out" in model.warnings()[0]


def test_start_and_horizon() -> None:
    model = read("grid:3x3", start="4", horizon=5)
    assert model.process.start[0].tolist() == [4]
    assert model.process.horizon == FiniteHorizon(5)
    table = SOURCES["a table"]()[0]
    assert read(table, start=1).process.start[0].tolist() == [1]
    assert read((P, R), "mdptoolbox", start=[0.5, 0.5]).process.exact_initial == (HALF, HALF)


def test_environments_in_memory() -> None:
    lake = read(gymnasium.make("FrozenLake-v1"))
    assert lake.process.is_exact
    assert lake.rewards is not None
    assert lake.rewards.exact is not None
    assert solve(lake.process, lake.rewards.exact[0], objective="total", exact=True).value.exact == Fraction(
        14, 17
    )
    changed = gymnasium.wrappers.TransformReward(gymnasium.make("FrozenLake-v1"), lambda reward: 2 * reward)
    with pytest.raises(InvalidArgumentError, match="TransformReward"):
        read(changed)


class Generous(FrozenLakeEnv):
    """Pays twice what its table says, far from the start."""

    def step(self, action: int) -> Any:
        state, reward, *rest = super().step(action)
        return state, 2 * reward, *rest


def test_steps_that_differ_far_from_the_start_are_found() -> None:
    environment = Generous(map_name="8x8", is_slippery=False)
    environment.reset(seed=3)
    before = environment.s, environment.np_random.bit_generator.state
    with pytest.raises(InvalidArgumentError, match=r"to state 63 with reward 2\.0"):
        read(environment)
    assert (environment.s, environment.np_random.bit_generator.state) == before
    limited = gymnasium.wrappers.TimeLimit(gymnasium.make("FrozenLake-v1"), 5)
    assert any("5 steps" in text for text in read(limited, horizon=6).warnings())
    with pytest.raises(InvalidArgumentError, match="got type"):
        read(Generous)


def test_formats_are_named_in_one_place() -> None:
    from metaregret.experiments.cli.options import FORMATS as OFFERED

    assert set(OFFERED) <= set(FORMATS)


# ---------------------------------------------------------------- exactness


def test_rationalised_never_gives_another_number() -> None:
    def chain(*row: float) -> ControlledMarkovProcess:
        rows = np.zeros((1, len(row), len(row)))
        rows[0] = row
        return ControlledMarkovProcess.from_dense(rows, horizon=1)

    assert chain(0.12345, 0.87655).rationalised().exact_probabilities[0] == Fraction(2469, 20000)
    assert chain(1 / 3, 1 / 3, 1 / 3).rationalised().exact_probabilities[0] == Fraction(1, 3)
    with pytest.raises(NotExactError, match="decimals"):
        chain(1 / 3, 1 / 3, 1 / 3).rationalised(None)
    with pytest.raises(NotExactError, match="denominators up to 1000"):
        chain(0.123456789, 1 - 0.123456789 + 1e-12).rationalised()


@given(processes(max_states=4), st.floats(0.001, 0.999))
@settings(max_examples=30, deadline=None)
def test_rationalised_keeps_every_float(process: ControlledMarkovProcess, share: float) -> None:
    floats = ControlledMarkovProcess.from_transitions(
        [(0, 0, 0, share), (0, 0, 1, 1 - share), (1, 0, 1, 1)], states=2, actions=1, initial=0, horizon=1
    )
    for one in (
        floats,
        ControlledMarkovProcess.from_dense(process.dense(), horizon=1, available=_mask(process)),
    ):
        try:
            exact = one.rationalised()
        except NotExactError:
            continue
        assert [float(p) for p in exact.exact_probabilities] == one.probabilities.tolist()


def _mask(process: ControlledMarkovProcess) -> np.ndarray:
    mask = np.zeros((process.n_actions, process.n_states), dtype=bool)
    mask[process.choice_action, process.choice_state] = True
    return mask


def test_exactness_says_why() -> None:
    assert exactness(make("grid:2x2")) == ("exact: every row sums to one in rational arithmetic", 0.0)
    thirds = ControlledMarkovProcess.from_dense(np.full((1, 3, 3), 1 / 3), horizon=1)
    text, error = exactness(thirds)
    assert text.startswith("floating point: The decimals of state '0'")
    assert error == abs(np.full(3, 1 / 3).sum() - 1)
    assert as_decimals(thirds) is thirds
    assert exactness(ControlledMarkovProcess.from_dense(P, horizon=1))[0].endswith("reads them as decimals")


# ---------------------------------------------------------------- round trips


def _through_json(process: ControlledMarkovProcess, rewards: np.ndarray, folder: Path) -> Any:
    write_process(process, folder / "a.json")
    write_rewards(reward_table(process, rewards), folder / "r.json")
    again = read_process(folder / "a.json")
    tables = read_rewards(folder / "r.json", again)
    assert tables.exact is not None
    return again, tables.exact[0]


def _through_npz(process: ControlledMarkovProcess, rewards: np.ndarray, folder: Path) -> Any:
    write_npz(folder / "a.npz", process, rewards)
    assert read(folder / "a.npz").process.is_exact == process.is_exact
    return read_npz(folder / "a.npz")


def _through_table(process: ControlledMarkovProcess, rewards: np.ndarray, folder: Path) -> Any:
    return from_gymnasium_table(to_gymnasium_table(process, rewards), initial=process.exact_initial)


def _through_arrays(process: ControlledMarkovProcess, rewards: np.ndarray, folder: Path) -> Any:
    return from_mdptoolbox(*to_mdptoolbox(process, rewards), initial=process.initial)


def _through_pairs(process: ControlledMarkovProcess, rewards: np.ndarray, folder: Path) -> Any:
    again, paid = from_state_action(*to_state_action(process, rewards), initial=process.initial)
    return again, paid[again.transition_choice]


def _through_matrices(process: ControlledMarkovProcess, rewards: np.ndarray, folder: Path) -> Any:
    paid = np.zeros((process.n_states, process.n_actions, process.n_states))
    choice = process.transition_choice
    paid[process.choice_state[choice], process.choice_action[choice], process.successors] = rewards
    matrix = np.swapaxes(process.dense(), 0, 1)
    return from_matrices(matrix, paid, available=_mask(process).T, initial=process.initial)


WAYS = {
    "json": _through_json,
    "npz": _through_npz,
    "gymnasium table": _through_table,
    "pymdptoolbox": _through_arrays,
    "quantecon": _through_pairs,
    "msdm": _through_matrices,
}


@pytest.mark.parametrize("way", WAYS)
@given(processes(max_states=4), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_round_trips(way: str, process: ControlledMarkovProcess, seed: int) -> None:
    """The same layout, floats and values; or a refusal by name."""
    rewards = np.random.default_rng(seed).integers(-3, 4, process.n_transitions).astype(float)
    with tempfile.TemporaryDirectory() as folder:
        if way == "pymdptoolbox" and process.n_choices < process.n_states * process.n_actions:
            with pytest.raises(InvalidArgumentError, match="lacks an action"):
                WAYS[way](process, rewards, Path(folder))
            return
        again, paid = WAYS[way](process, rewards, Path(folder))
    for name in ("choice_offsets", "choice_action", "offsets", "successors", "probabilities", "initial"):
        np.testing.assert_array_equal(getattr(process, name), getattr(again, name), err_msg=name)
    if way in ("json", "npz"):
        assert again.is_exact
        assert again.horizon == process.horizon
        assert again.states == process.states
    before, after = (
        solve(model, rewarded.astype(float), objective="discounted", gamma=0.9, tolerance=1e-9).value
        for model, rewarded in ((process, rewards), (again, np.asarray(paid)))
    )
    assert before.lower <= after.upper
    assert after.lower <= before.upper


def test_npz_refuses_a_name_that_it_would_change(tmp_path: Path) -> None:
    process = ControlledMarkovProcess.from_transitions(
        [(0, 0, 0, 1)], states=["a\0"], actions=1, initial=0, horizon=1
    )
    with pytest.raises(InvalidArgumentError, match="null character"):
        write_npz(tmp_path / "a.npz", process)


def test_npz_keeps_the_picture_and_what_counts_as_a_goal(tmp_path: Path) -> None:
    for specification in ("grid:2x3", "cover:0.1;1.2"):
        process = make(specification)
        write_npz(tmp_path / "a.npz", process)
        again = read(tmp_path / "a.npz").process
        assert again.picture == process.picture
        np.testing.assert_array_equal(again.goal_of, process.goal_of)
