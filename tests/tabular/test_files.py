"""Files: exact round trips, a table of malformed files, atomic writes, devices."""

from __future__ import annotations

import json
import os
import time
import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from malformed import GOOD, MALFORMED, Malformed

from metaregret.tabular import documents
from metaregret.tabular.documents import write_text
from metaregret.tabular.environments import make
from metaregret.tabular.errors import FileFormatError, InvalidArgumentError, MetaregretError
from metaregret.tabular.files import (
    process_document,
    process_from_document,
    read_process,
    read_rewards,
    write_process,
)
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.strategies import processes


def same(first: ControlledMarkovProcess, second: ControlledMarkovProcess) -> bool:
    """Whether two processes agree in every number and name."""
    arrays = ("choice_offsets", "choice_action", "offsets", "successors", "probabilities", "initial")
    return (
        first.states == second.states
        and first.actions == second.actions
        and first.horizon == second.horizon
        and first.exact_initial == second.exact_initial
        and first.name == second.name
        and first.picture == second.picture
        and all(np.array_equal(getattr(first, name), getattr(second, name)) for name in arrays)
        and first.is_exact == second.is_exact
        and (not first.is_exact or first.exact_probabilities.tolist() == second.exact_probabilities.tolist())
    )


@given(process=processes(max_states=4))
def test_reading_back_what_was_written_gives_the_same_process(
    process: ControlledMarkovProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("files") / "process.json"
    write_process(process, path)
    assert same(read_process(path), process)


@pytest.mark.parametrize(
    "specification", ["grid:3x2,slip=1/7", "tree:0,0,1", "line:4,start=2", "garnet:S=5,A=2,b=3"]
)
def test_round_trip_of_environments(specification: str, tmp_path: Path) -> None:
    process = make(specification)
    write_process(process, tmp_path / "p.json")
    assert same(read_process(tmp_path / "p.json"), process)
    assert same(make(str(tmp_path / "p.json")), process)


def test_round_trip_tells_a_changed_number() -> None:
    """The comparison above is not vacuous: one changed probability is a difference."""
    first = make("grid:2x2,slip=1/7")
    second = make("grid:2x2,slip=1/8")
    assert not same(first, second)
    assert not same(first, first.replaced(horizon=9))


def test_floating_point_process_round_trip(tmp_path: Path) -> None:
    third = 1.0 / 3.0
    process = ControlledMarkovProcess.from_dense(np.full((1, 3, 3), third), horizon=2)
    write_process(process, tmp_path / "p.json")
    back = read_process(tmp_path / "p.json")
    assert not process.is_exact
    assert not back.is_exact
    assert np.array_equal(back.probabilities, process.probabilities)


@given(numbers=st.lists(st.integers(1, 10**12), min_size=2, max_size=5))
def test_json_decimals_are_exact(numbers: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Decimals in a file mean what they print: a row of twelve-digit decimals that sums to one is exact."""
    total = 10**13
    digits = [*numbers, total - sum(numbers)]
    states = [f"s{i}" for i in range(len(digits))]
    rows = ",".join(f'["s0","a","{state}",0.{d:013d}]' for state, d in zip(states, digits, strict=True))
    stay = ",".join(f'["{state}","a","{state}",1]' for state in states[1:])
    path = tmp_path_factory.mktemp("files") / "decimal.json"
    path.write_text(
        f'{{"format":"metaregret-cmp/1","states":{json.dumps(states)},"actions":["a"],"initial":{{"s0":1.0}},'
        f'"horizon":1,"transitions":[{rows},{stay}]}}'
    )
    process = read_process(path)
    assert process.is_exact
    assert process.exact_probabilities[: len(digits)].tolist() == [Fraction(d, total) for d in digits]


def test_the_good_document_is_good(tmp_path: Path) -> None:
    """Every malformed file differs from this one in one respect."""
    path = tmp_path / "good.json"
    path.write_text(json.dumps(GOOD))
    process = read_process(path)
    assert process.is_exact
    assert process.n_transitions == 4


def test_the_table_is_long_and_distinct() -> None:
    assert len({case.name for case in MALFORMED}) == len(MALFORMED) >= 20
    assert all(len(case.words) >= 1 for case in MALFORMED)


@pytest.mark.parametrize("case", MALFORMED, ids=lambda case: case.name)
def test_malformed_file_is_refused(case: Malformed, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(case.content)
    began = time.perf_counter()
    with pytest.raises(MetaregretError) as caught:
        read_process(path)
    seconds = time.perf_counter() - began
    message = str(caught.value)
    assert [word for word in case.words if word not in message] == []
    assert message.startswith(str(path))
    assert "\n" not in message
    assert len(message) < 400 + len(str(path))
    assert seconds < 2
    assert os.listdir(tmp_path) == ["bad.json"]


def test_large_counts_cost_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(GOOD | {"states": 20_000_000, "initial": {"0": 1}}))
    tracemalloc.start()
    with pytest.raises(InvalidArgumentError, match="empty action set"):
        read_process(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * 2**20


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (Path("/nowhere/p.json"), "no such file"),
        (Path("/"), "is a directory"),
        (Path("x" * 5000), "cannot be read"),
        (Path("a\0b.json"), "not the name of a file"),
    ],
)
def test_unreadable_paths(path: Path, words: str) -> None:
    with pytest.raises(FileFormatError, match=words) as caught:
        read_process(path)
    assert len(str(caught.value)) < 500


def test_endless_device_is_read_up_to_the_limit_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_BYTES", 2**16)
    with pytest.raises(FileFormatError, match="more than the limit of 65536 bytes"):
        read_process(Path("/dev/zero"))


def test_common_denominators_are_limited() -> None:
    """A few thousand coprime denominators of 90 digits would take minutes to sum exactly."""
    rows = [(0, 0, i, Fraction(1, 10**90 + 2 * i + 1)) for i in range(3000)]
    rows += [(i, 0, i, Fraction(1)) for i in range(1, 3001)]
    began = time.perf_counter()
    with pytest.raises(InvalidArgumentError, match="common denominator of more than 16384 bits"):
        ControlledMarkovProcess.from_transitions(rows, states=3001, actions=1, initial=0, horizon=1)
    assert time.perf_counter() - began < 5


# ---------------------------------------------------------------- writing


def test_failed_write_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "p.json"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(InvalidArgumentError, match="No space left on device"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["p.json"]


def test_interrupted_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_text(tmp_path / "p.json", "new")
    assert os.listdir(tmp_path) == []


def test_write_into_a_missing_folder() -> None:
    with pytest.raises(InvalidArgumentError, match=r"Cannot write .*/nowhere/at/all\.json"):
        write_text(Path("/nowhere/at/all.json"), "x")


def test_write_over_a_folder(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidArgumentError, match="directory"):
        write_text(tmp_path / "folder", "x")
    assert os.listdir(tmp_path) == ["folder"]


def test_symbolic_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


def test_devices_are_written_to_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_text(pipe, "through the pipe")
        assert os.read(reader, 100) == b"through the pipe"
        assert not pipe.is_file()
    finally:
        os.close(reader)


def test_written_files_are_readable_as_the_umask_says(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        write_text(tmp_path / "p", "x")
    finally:
        os.umask(mask)
    assert (tmp_path / "p").stat().st_mode & 0o777 == 0o640


def test_document_of_a_process_is_plain_json() -> None:
    document = process_document(make("grid:2x2,slip=1/3"))
    again = json.loads(json.dumps(document))
    assert again == document
    assert document["transitions"][0] == ["0", "right", "0", "1/6"]
    assert same(process_from_document(again | {"format": "metaregret-cmp/1"}), make("grid:2x2,slip=1/3"))


# ---------------------------------------------------------------- rewards

REWARDS = {"format": "metaregret-rewards/1", "tasks": {"end": [["*", "*", "*", 0]]}}


def rewards_file(tmp_path: Path, rows: object, name: str = "t") -> Path:
    path = tmp_path / "rewards.json"
    path.write_text(json.dumps({"format": "metaregret-rewards/1", "tasks": {name: rows}}))
    return path


def test_rewards_match_wildcards_and_later_rows_win(tmp_path: Path) -> None:
    process = make("line:3")
    path = rewards_file(tmp_path, [["1", "*", "*", 0.1], ["1", "left", "0", "1/3"], ["2", "*", "1", -2]])
    tables = read_rewards(path, process)
    # Transitions in order: state 0 (left, right, stay), state 1, state 2.
    tenth, third = Fraction(1, 10), Fraction(1, 3)
    assert tables.exact is not None
    assert tables.exact[0].tolist() == [0, 0, 0, third, tenth, tenth, -2, 0, 0]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([["9", "*", "*", 1]], "Unknown state '9'"),
        ([["*", "left", "0", 1]], "any action or next state; name the state"),
        ([["0", "jump", "0", 1]], "Unknown action 'jump'"),
        ([["0", "left", "2", 1]], "matches no transition"),
        ([["0", "left", "0"]], "length 3"),
        ([["0", "left", "0", "one"]], "'one'"),
        ([["0", "left", "0", True]], "True"),
        ({"a": 1}, "list of rows"),
        ([["0", 0.5, "0", 1]], "quote names"),
    ],
)
def test_malformed_rewards(rows: object, words: str, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=words) as caught:
        read_rewards(rewards_file(tmp_path, rows), make("line:3"))
    assert "'t'" in str(caught.value)


def test_rewards_without_tasks(tmp_path: Path) -> None:
    path = tmp_path / "rewards.json"
    path.write_text(json.dumps({"format": "metaregret-rewards/1", "tasks": {}}))
    with pytest.raises(FileFormatError, match="0 entries"):
        read_rewards(path, make("line:3"))
