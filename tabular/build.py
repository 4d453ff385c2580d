"""`make`: a controlled Markov process from whatever describes one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from metaregret.tabular.environments import make as make_named
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.tabular.horizon import FiniteHorizon, GeometricHorizon, Horizon
from metaregret.tabular.process import ControlledMarkovProcess, state_index
from metaregret.tabular.rationals import parse_fraction

__all__ = ["make"]

Start = int | str | Mapping[Any, Any]


def make(
    source: object,
    *,
    horizon: int | Horizon | None = None,
    gamma: float | str | Fraction | None = None,
    start: Start | None = None,
) -> ControlledMarkovProcess:
    """Return a controlled Markov process.

    Parameters
    ----------
    source : str, Path, array, mapping, environment or ControlledMarkovProcess
        * a specification such as ``"grid:3x3,slip=1/10"`` (``metaregret env list`` shows them all);
        * the path of a ``metaregret-cmp/1`` document or of an NPZ file of `write_npz`;
        * transition probabilities, shape ``(A, S, S)`` (an array or nested lists, which may hold
          ``"p/q"``), or a list of one sparse ``(S, S)`` matrix per action;
        * a Gymnasium environment with a transition table ``P``, or the table itself;
        * a process, whose horizon or start is to be replaced.
    horizon : int, FiniteHorizon or GeometricHorizon, optional
        Steps an episode; by default that of the source (of arrays: 1).
    gamma : float, str or Fraction, optional
        Instead: the probability that an episode goes on before each step.
    start : int, str or mapping, optional
        A state by index or name, or a distribution ``{state: probability}``.

    Raises
    ------
    InvalidArgumentError
        If the source is none of these, or both `horizon` and `gamma` are given.
    EnvironmentSpecError, FileFormatError, InvalidProcessError
        If a specification, a file or the probabilities are malformed.

    Examples
    --------
    >>> make("line:5", horizon=4, start="2")
    <ControlledMarkovProcess 'line:5': 5 states, 3 actions, 15 transitions, deterministic, exact, horizon=4>
    >>> make([[["1/2", "1/2"], [0, 1]]], horizon=3).is_exact
    True
    """
    if horizon is not None and gamma is not None:
        raise InvalidArgumentError("Give a horizon or a gamma, not both.")
    process = _read(source)
    changes: dict[str, Any] = {}
    if gamma is not None:
        changes["horizon"] = GeometricHorizon(parse_fraction(gamma, "gamma"))
    elif horizon is not None:
        known = isinstance(horizon, FiniteHorizon | GeometricHorizon)
        changes["horizon"] = horizon if known else FiniteHorizon(horizon)  # type: ignore[arg-type]
    if start is not None:
        changes["initial"] = _initial(process, start)
    return process.replaced(**changes) if changes else process


def _initial(process: ControlledMarkovProcess, start: Start) -> int | dict[int, object]:
    if isinstance(start, Mapping):
        return {state_index(process, state): share for state, share in start.items()}
    if not isinstance(start, str | int | np.integer) or isinstance(start, bool):
        raise InvalidArgumentError(
            f"Expected start to be a state's name or index, or a mapping of states to probabilities, but "
            f"got {start!r:.60} of type {type(start).__name__}."
        )
    return state_index(process, start)


def _read(source: object) -> ControlledMarkovProcess:
    if isinstance(source, ControlledMarkovProcess):
        return source
    if isinstance(source, str | Path):
        return _named(str(source))
    if isinstance(source, Mapping):
        return _document(source) if "format" in source else _table(source, 0, "table")
    if isinstance(getattr(getattr(source, "unwrapped", source), "P", None), Mapping):
        return _environment(source)
    if isinstance(source, np.ndarray) or (isinstance(source, Sequence) and source):
        return _arrays(source)
    raise InvalidArgumentError(
        "Expected a specification such as 'grid:3x3', the path of a file, transition probabilities of shape "
        "(A, S, S), a Gymnasium environment with a transition table P, or a process, but got "
        f"{source!r:.60} of type {type(source).__name__}."
    )


def _document(source: Mapping[str, Any]) -> ControlledMarkovProcess:
    from metaregret.tabular.files import process_from_document

    return process_from_document(source)


def _named(source: str) -> ControlledMarkovProcess:
    if source.endswith(".npz"):
        from metaregret.tabular.importers import read_npz

        return read_npz(source)[0]
    return make_named(source)


def _arrays(source: Any) -> ControlledMarkovProcess:
    if not isinstance(source, np.ndarray) and all(hasattr(matrix, "tocsr") for matrix in source):
        return ControlledMarkovProcess.from_sparse(list(source), horizon=1)
    try:
        values = np.array(source, dtype=object)
    except ValueError:
        values = np.empty(0, dtype=object)
    if values.ndim != 3 or values.shape[1] != values.shape[2] or not values.size:
        raise InvalidArgumentError(
            f"Expected transition probabilities of shape (A, S, S), but got shape {values.shape}; the last "
            "two axes are the state and its successor."
        )
    if isinstance(source, np.ndarray) and source.dtype != object:
        return ControlledMarkovProcess.from_dense(source, horizon=1)
    rows = [
        (state, action, successor, share)
        for (action, state, successor), value in np.ndenumerate(values)
        if (share := parse_fraction(value, f"probability {action, state, successor}"))
    ]
    return ControlledMarkovProcess.from_transitions(
        rows, states=values.shape[1], actions=values.shape[0], initial=0, horizon=1, name="arrays"
    )


def _environment(source: Any) -> ControlledMarkovProcess:
    environment = getattr(source, "unwrapped", source)
    initial = getattr(environment, "initial_state_distrib", None)
    specified = getattr(getattr(source, "spec", None), "id", None)
    name = f"gym:{specified}" if specified else type(environment).__name__
    return _table(environment.P, 0 if initial is None else np.asarray(initial, dtype=float), name)


def _table(table: Mapping[Any, Any], initial: Any, name: str) -> ControlledMarkovProcess:
    from metaregret.tabular.importers import from_gymnasium_table

    try:
        process, _ = from_gymnasium_table(dict(table), initial=initial, horizon=1)
    except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
        if isinstance(error, InvalidArgumentError):
            raise
        raise InvalidArgumentError(
            "Expected a table P[state][action] = [(probability, next state, reward, terminated), ...] with "
            f"states counted from 0, but reading it failed: {type(error).__name__}: {error}."
        ) from error
    return dataclasses.replace(process, name=name)
