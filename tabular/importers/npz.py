"""NPZ files: plain arrays, never pickles.

`write_npz` stores a process and, optionally, rewards: the canonical arrays and names; reading them runs all
checks of `ControlledMarkovProcess` again. Integers beyond 64 bits (exact probabilities, rewards) are stored
as
decimal text. `read_arrays` also reads what others store: transition matrices or a table of successors.
"""

from __future__ import annotations

import json
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from metaregret.tabular.documents import write_arrays
from metaregret.tabular.errors import FileFormatError, InvalidArgumentError, InvalidProcessError
from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon, Horizon
from metaregret.tabular.importers.imported import Imported, as_decimals, reward_table, with_table
from metaregret.tabular.labels import Labels
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import fraction_text, parse_fraction

__all__ = ["FORMAT", "names_array", "read_arrays", "read_npz", "write_npz"]

FORMAT = "metaregret-npz/1"

ARRAYS = ("choice_offsets", "choice_action", "offsets", "successors", "probabilities", "initial")

LARGEST_MEMBER = 2**34
"""Largest accepted size of one unpacked array (16 GiB): a small archive may unpack to anything."""


def write_npz(path: Path | str, process: ControlledMarkovProcess, rewards: np.ndarray | None = None) -> None:
    """Write `process`, and `rewards` aligned with its transitions, choices or states, to a compressed NPZ
    file.

    Raises
    ------
    InvalidArgumentError
        If the file cannot be written.
    """
    horizon = process.horizon
    arrays: dict[str, Any] = {name: getattr(process, name) for name in ARRAYS}
    arrays["format"] = np.array(FORMAT)
    arrays["name"] = np.array(process.name)
    arrays["horizon"] = np.array(str(horizon.steps if isinstance(horizon, FiniteHorizon) else 0))
    arrays["gamma"] = np.array("" if isinstance(horizon, FiniteHorizon) else str(horizon.gamma))
    arrays["states"] = names_array(process.states)
    arrays["actions"] = names_array(process.actions)
    if process.counts_as is not None:
        arrays["counts_as"] = process.counts_as
    if process.picture is not None:
        arrays["picture"] = np.array(json.dumps(process.picture))
    if process.is_exact:
        assert process.exact_initial is not None
        arrays["numerators"] = _plain(process.numerators)
        arrays["denominators"] = _plain(process.denominators)
        arrays["exact_initial"] = np.array([fraction_text(p) for p in process.exact_initial])
    if rewards is not None:
        arrays["rewards"] = _plain(rewards)
    write_arrays(Path(path), arrays)


def names_array(labels: Labels) -> np.ndarray:
    """Names as text, or their count where they are just numbers."""
    return np.array(len(labels)) if labels.counted else np.array(list(labels))


def _plain(array: np.ndarray | None) -> np.ndarray:
    assert array is not None
    return np.array([str(item) for item in array]) if array.dtype == object else array


def read_npz(path: Path | str) -> tuple[ControlledMarkovProcess, np.ndarray | None]:
    """Return the process and the rewards (floats, or an object array of `Fraction`; None if there are none).

    Raises
    ------
    FileFormatError
        If the file is not such an archive, lacks an array, carries pickled objects, or its content is
        malformed.
    """
    return _own(path, _load(path))


def _load(path: Path | str) -> dict[str, np.ndarray]:
    try:
        if Path(path).suffix == ".npy":
            with open(path, "rb") as stream:
                return {"array": np.load(stream, allow_pickle=False)}
        _check_sizes(path)
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, KeyError) as error:
        raise FileFormatError(f"{path} is not a {FORMAT} file: {error}; write it with write_npz.") from error


def _own(
    path: Path | str, arrays: dict[str, np.ndarray]
) -> tuple[ControlledMarkovProcess, np.ndarray | None]:
    """The process and rewards of arrays that `write_npz` stored."""
    if "format" not in arrays or str(arrays["format"]) != FORMAT:
        raise FileFormatError(f"Expected format {FORMAT!r} in {path}, but got {str(arrays.get('format'))!r}.")
    for name in (*ARRAYS, "states", "actions", "horizon", "gamma", "name"):
        if name not in arrays:
            raise FileFormatError(f"{path} lacks the array {name!r}; write it again with write_npz.")
    try:
        process = _process(arrays)
        return process, _rewards(arrays.get("rewards"))
    except (InvalidProcessError, InvalidArgumentError, ValueError, TypeError, IndexError) as error:
        raise FileFormatError(f"{path} holds a malformed process: {error}") from error


FOREIGN = {
    "transitions": ("P", "T", "Q", "transitions", "transition", "transition_matrix", "array", "arr_0"),
    "successors": ("successors", "successor", "next", "next_state", "next_states"),
    "rewards": ("R", "rewards", "reward", "reward_matrix"),
    "available": ("available", "availability", "mask", "action_mask", "action_matrix"),
    "initial": ("initial", "mu0", "isd", "start", "initial_state_distrib", "initial_state_vec"),
    "absorbing": ("absorbing", "absorbing_state_vec"),
    "discount": ("discount", "gamma", "beta", "discount_rate"),
    "s_indices": ("s_indices",),
    "a_indices": ("a_indices",),
}
"""Names under which others store arrays."""


def read_arrays(path: Path | str) -> Imported:
    """Read an NPZ or NPY file: `write_npz`'s own, or arrays by the names of `FOREIGN`.

    Transitions are (A, S, S) or (S, A, S), successors (S, A); QuantEcon's pairs need ``s_indices`` and
    ``a_indices``.

    Raises
    ------
    FileFormatError
        If an array has a name that is not known, or the arrays are no model.
    """
    from metaregret.tabular.importers.read import read

    arrays = _load(path)
    if "format" in arrays:
        process, paid = _own(path, arrays)
        return Imported(process, None if paid is None else reward_table(process, paid))
    given: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        key = next((key for key, names in FOREIGN.items() if name in names), None)
        if key is None or key in given:
            known = ", ".join(names[0] for names in FOREIGN.values())
            raise FileFormatError(
                f"{path}: the array {name[:80]!r} is unknown or given twice; known are {known}."
            )
        given[key] = array
    table = given.get("transitions")
    if (
        table is not None
        and table.ndim == 2
        and np.issubdtype(table.dtype, np.integer)
        and "s_indices" not in given
    ):
        given["successors"] = given.pop("transitions")
    try:
        model = _foreign(given)
        start = given.get("initial")
        name = Path(path).stem
        if start is not None:
            where = int(start) if start.ndim == 0 else start
            model = read(as_decimals(model.process), start=where).with_rewards(model.rewards)
        return model.with_process(model.process.replaced(name=name)).with_discount(given.get("discount"))
    except InvalidArgumentError as error:
        raise FileFormatError(f"{path}: {error}") from error


def _foreign(given: dict[str, np.ndarray]) -> Imported:
    """The model of arrays by their meaning."""
    from metaregret.tabular.importers.arrays import from_matrices, from_mdptoolbox, from_successors
    from metaregret.tabular.importers.read import matrix_format
    from metaregret.tabular.importers.state_action import from_state_action

    rewards, available = given.get("rewards"), given.get("available")
    if "successors" in given:
        return with_table(*from_successors(given["successors"], rewards, available=available, horizon=20))
    if "transitions" not in given:
        raise InvalidArgumentError("neither transitions (P) nor successors are there; add one of them.")
    matrix = given["transitions"]
    if "s_indices" in given and "a_indices" in given and rewards is not None:
        pairs = given["s_indices"], given["a_indices"]
        return with_table(*from_state_action(rewards, matrix, *pairs, horizon=20))
    masked = available is not None or "absorbing" in given
    if matrix.ndim == 3 and (masked or matrix_format(matrix) == "msdm"):
        ends = given.get("absorbing")
        return with_table(*from_matrices(matrix, rewards, available=available, absorbing=ends, horizon=20))
    paid = np.zeros(matrix.shape[-1]) if rewards is None else rewards
    model = with_table(*from_mdptoolbox(matrix, paid, horizon=20))
    return model if rewards is not None else Imported(model.process)


def _check_sizes(path: Path | str) -> None:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.file_size > LARGEST_MEMBER:
                raise ValueError(f"array {member.filename!r} would unpack to {member.file_size} bytes")


def _process(arrays: dict[str, np.ndarray]) -> ControlledMarkovProcess:
    gamma = str(arrays["gamma"])
    horizon: Horizon = (
        GeometricHorizon(parse_fraction(gamma, "gamma"))
        if gamma
        else FiniteHorizon(int(str(arrays["horizon"])))
    )
    exact = "numerators" in arrays
    return ControlledMarkovProcess(
        states=_labels(arrays["states"], "state"),
        actions=_labels(arrays["actions"], "action"),
        horizon=horizon,
        name=str(arrays["name"]),
        numerators=_integers(arrays["numerators"]) if exact else None,
        denominators=_integers(arrays["denominators"]) if exact else None,
        exact_initial=tuple(parse_fraction(str(p), "initial") for p in arrays["exact_initial"])
        if exact
        else None,
        choice_offsets=arrays["choice_offsets"],
        choice_action=arrays["choice_action"],
        offsets=arrays["offsets"],
        successors=arrays["successors"],
        probabilities=arrays["probabilities"],
        initial=arrays["initial"],
        picture=_picture(arrays),
        counts_as=arrays.get("counts_as"),
    )


def _picture(arrays: dict[str, np.ndarray]) -> tuple[tuple[int | None, ...], ...] | None:
    if "picture" not in arrays:
        return None
    return tuple(tuple(row) for row in json.loads(str(arrays["picture"])))


def _labels(stored: np.ndarray, what: str) -> Labels:
    return Labels(int(stored), what) if stored.ndim == 0 else Labels([str(name) for name in stored], what)


def _integers(stored: np.ndarray) -> np.ndarray:
    if stored.dtype.kind != "U":
        return stored
    result = np.empty(len(stored), dtype=object)
    result[:] = [int(text) for text in stored]
    return result


def _rewards(stored: np.ndarray | None) -> np.ndarray | None:
    if stored is None or stored.dtype.kind != "U":
        return stored
    result = np.empty(len(stored), dtype=object)
    result[:] = [Fraction(text) for text in stored]
    return result
