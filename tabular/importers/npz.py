"""NPZ files: plain arrays, never pickles.

`write_npz` stores a process and, optionally, rewards: the canonical arrays and names; reading them runs all
checks of `ControlledMarkovProcess` again. Integers beyond 64 bits (exact probabilities, rewards) are
decimal text. `read_arrays` also reads what others store.
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
from metaregret.tabular.importers.imported import Imported, reward_table
from metaregret.tabular.labels import Labels
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.tabular.rationals import fraction_text, parse_fraction

__all__ = ["FORMAT", "names_array", "read_arrays", "read_npz", "write_npz"]

FORMAT = "metaregret-npz/1"

ARRAYS = ("choice_offsets", "choice_action", "offsets", "successors", "probabilities", "initial")

LARGEST_MEMBER = 2**34
"""Largest accepted size of one unpacked array (16 GiB): a small archive may unpack to anything."""


def write_npz(path: Path | str, process: ControlledMarkovProcess, rewards: np.ndarray | None = None) -> None:
    """Write a process, and rewards if there are any, to a compressed NPZ file.

    Parameters
    ----------
    path : Path or str
    process : ControlledMarkovProcess
    rewards : ndarray, shape (M,), (C,) or (S,), optional
        Aligned with its transitions, choices or states; floats or `Fraction`.

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
    """Names as text, or their count where they are just numbers.

    Raises
    ------
    InvalidArgumentError
        If a name ends with a null character, which NumPy leaves out.
    """
    stored = np.array(len(labels)) if labels.counted else np.array(list(labels))
    if not labels.counted and stored.tolist() != list(labels):
        raise InvalidArgumentError("A name ends with a null character, which NPZ files lose; rename it.")
    return stored


def _plain(array: np.ndarray | None) -> np.ndarray:
    assert array is not None
    return np.array([str(item) for item in array]) if array.dtype == object else array


def read_npz(path: Path | str) -> tuple[ControlledMarkovProcess, np.ndarray | None]:
    """Read what `write_npz` wrote.

    Parameters
    ----------
    path : Path or str

    Returns
    -------
    process : ControlledMarkovProcess
    rewards : ndarray or None
        As they were written: floats, or an object array of `Fraction`.

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


def read_arrays(path: Path | str, form: str | None = None) -> Imported:
    """Read an NPZ or NPY file: `write_npz`'s own, or arrays by the names of `named.MEANINGS`.

    Raises
    ------
    FileFormatError
        If an array has a name that is not known, or the arrays are no model.
    """
    from metaregret.tabular.importers.named import from_named

    arrays = _load(path)
    if "format" in arrays:
        process, paid = _own(path, arrays)
        return Imported(process, None if paid is None else reward_table(process, paid))
    try:
        model = from_named(arrays, form)
    except InvalidArgumentError as error:
        raise FileFormatError(f"{path}: {error}") from error
    return model.with_process(model.process.replaced(name=Path(path).stem))


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
