"""One door to models from outside: `read` recognises what it is given, or is told its format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.choices import one_of
from metaregret.tabular.errors import FileFormatError, InvalidArgumentError
from metaregret.tabular.importers.imported import ENDINGS, Imported, Note, as_decimals, with_table
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["FORMATS", "matrix_format", "read"]

FORMATS = {
    "json": "a metaregret-cmp/1 document",
    "npz": "arrays: our own, or P (and R, available, initial), or successors",
    "npy": "one array: P or successors",
    "prism": "a PRISM program (through Storm)",
    "jani": "a JANI model (through Storm)",
    "drn": "Storm's DRN format (through Storm)",
    "explicit": "explicit .tra, .lab and .rew files (through Storm)",
    "specification": "a specification such as grid:5x5",
    "gymnasium": "a Gymnasium environment, or its transition table P",
    "mdptoolbox": "transitions (A, S, S) and rewards, as arrays, lists or sparse matrices",
    "quantecon": "a DiscreteDP, (R, Q) in product form, or (R, Q, states, actions)",
    "msdm": "matrices (S, A, S) with availability masks, or an object that has them",
    "successors": "a table (S, A) of next states",
    "process": "a ControlledMarkovProcess",
}
STEPS = 20
"""Horizon of sources that have none."""


def read(source: Any, format: str | None = None, *, start: Any = None, horizon: Any = None) -> Imported:
    """Read a model from wherever it is.

    Parameters
    ----------
    source : object
        A path, a specification, a Gymnasium environment or table, a QuantEcon ``DiscreteDP``, a pymdptoolbox
        ``MDP``
        or its ``(P, R)``, an msdm problem, matrices, or a process.
    format : str, optional
        One of `FORMATS`, where the source does not tell.
    start : state, array or mapping, optional
        Where episodes start instead.
    horizon : Horizon or int, optional
        By default the discount of the source, else 20 steps.

    Returns
    -------
    Imported
        Unpacks as ``process, rewards, notes``. Floating-point probabilities are read as the decimals that
        they
        print where these sum to one, and stay floating point elsewhere.

    Raises
    ------
    InvalidArgumentError
        If the source is nothing that is known; the message lists what is.
    """
    from metaregret.tabular.environments import exists

    if format is not None:
        one_of(tuple(FORMATS), format, "format")
    kind = format or _recognise(source)
    if isinstance(source, (str, Path)) and kind in ENDINGS.values() and not exists(source):
        raise FileFormatError(f"{str(source)[:200]}: no such file; check the path.")
    model = _READERS[kind](source)
    if model.process.is_exact is False and kind not in ("json", "specification", "process"):
        model = _decimals(model)
    process = model.process
    if horizon is not None:
        process = process.replaced(horizon=horizon)
    if start is not None:
        if kind in ("specification", "gymnasium") and isinstance(start, (str, int)):
            restarted = _READERS[kind](source, start)
            return restarted.with_process(restarted.process.replaced(horizon=process.horizon))
        if isinstance(start, str):
            start = process.states.position(start)
        if isinstance(start, (np.ndarray, list, tuple)):
            from metaregret.tabular.importers.arrays import start_distribution

            start = start_distribution(start, process.n_states)
        process = process.replaced(initial=start)
    return model if process is model.process else model.with_process(process)


def _decimals(model: Imported) -> Imported:
    exact = as_decimals(model.process)
    return model if exact is model.process else model.with_process(exact)


def _recognise(source: Any) -> str:
    """Name the format of a source: the first of `_SIGNS` that fits."""
    for fits, kind in _SIGNS:
        if fits(source):
            return kind if isinstance(kind, str) else kind(source)
    raise InvalidArgumentError(
        f"Expected a model, but got {type(source).__name__}; say what it is by format: {', '.join(FORMATS)}."
    )


def _has(*names: str) -> Callable[[Any], bool]:
    return lambda source: all(hasattr(source, name) for name in names)


def _path_format(source: str | Path) -> str:
    from metaregret.tabular.environments import exists, specifications

    if isinstance(source, str):
        name, colon, _ = source.partition(":")
        if colon and name in specifications():
            return "specification"
    ending = Path(source).suffix.lower()
    if ending in ENDINGS:
        return ENDINGS[ending]
    return "specification" if isinstance(source, str) and not exists(source) else "json"


def matrix_format(matrix: np.ndarray) -> str:
    """Tell (A, S, S) from (S, A, S); where both fit, nobody can."""
    first, second, third = matrix.shape
    if second == third != first:
        return "mdptoolbox"
    if first == third != second:
        return "msdm"
    raise InvalidArgumentError(
        f"Transitions of shape {matrix.shape} may be (A, S, S) or (S, A, S); say format='mdptoolbox' or "
        "format='msdm' "
        "(format='quantecon' for R, Q)."
    )


def _array_format(matrix: np.ndarray) -> str:
    """An array alone is (A, S, S), the form of `ControlledMarkovProcess.from_dense`, where both fit."""
    return "msdm" if matrix.shape[0] == matrix.shape[2] != matrix.shape[1] else "mdptoolbox"


def _list_format(source: list[Any]) -> str:
    """Tell nested lists of matrices from a table of outcomes, whose leaves are tuples of four."""
    try:
        matrix = np.asarray(source)
    except (ValueError, TypeError):
        return "gymnasium"
    if matrix.ndim == 2:
        return "successors"
    return _array_format(matrix) if matrix.ndim == 3 else "gymnasium"


def _pair_format(pair: tuple[Any, Any]) -> str:
    """Tell pymdptoolbox's (P, R) from QuantEcon's (R, Q): by which of the two has three axes."""
    sparse = [isinstance(item, (list, tuple)) and any(map(sp.issparse, item)) for item in pair]
    axes = [3 if is_sparse else np.ndim(item) for is_sparse, item in zip(sparse, pair, strict=True)]
    if axes[0] == 3 and (sparse[0] or axes[1] < 3 or sparse[1]):
        shape = () if sparse[0] else np.shape(pair[0])
        return "msdm" if shape and shape[0] == shape[2] != shape[1] else "mdptoolbox"
    if axes == [2, 3]:
        return "quantecon"
    if axes == [3, 3]:
        return matrix_format(np.asarray(pair[0]))
    raise InvalidArgumentError(
        f"Expected (P, R) or (R, Q), but got two objects with {axes[0]} and {axes[1]} axes; say which "
        "format it is: "
        "'mdptoolbox', 'quantecon' or 'msdm'."
    )


_SIGNS: tuple[tuple[Callable[[Any], bool], str | Callable[[Any], str]], ...] = (
    (lambda source: isinstance(source, ControlledMarkovProcess), "process"),
    (lambda source: isinstance(source, (str, Path)), _path_format),
    (_has("unwrapped", "step"), "gymnasium"),
    (_has("transition_matrix"), "msdm"),
    (_has("Q", "R", "beta"), "quantecon"),
    (_has("P", "R"), "mdptoolbox"),
    (lambda source: isinstance(source, Mapping) and "transition_matrix" in source, "msdm"),
    (lambda source: isinstance(source, Mapping), "gymnasium"),
    (lambda source: isinstance(source, np.ndarray) and source.ndim == 2, "successors"),
    (lambda source: isinstance(source, np.ndarray) and source.ndim == 3, _array_format),
    (lambda source: isinstance(source, list) and any(map(sp.issparse, source)), "mdptoolbox"),
    (lambda source: isinstance(source, list) and bool(source), _list_format),
    (lambda source: isinstance(source, tuple) and len(source) == 4, "quantecon"),
    (lambda source: isinstance(source, tuple) and len(source) == 2, _pair_format),
)
"""What tells a format: what it looks like, and its name or how to find it."""


# ---------------------------------------------------------------- one reader a format


def _read_process(source: Any) -> Imported:
    return Imported(source)


def _read_specification(source: Any, start: Any = None) -> Imported:
    from metaregret.tabular.environments import load

    return load(str(source), start=None if start is None else str(start))


def _read_json(source: Any) -> Imported:
    from metaregret.tabular.files import read_process

    return Imported(read_process(Path(source)))


def _read_npz(source: Any) -> Imported:
    from metaregret.tabular.importers.npz import read_arrays

    return read_arrays(Path(source))


def _read_gymnasium(source: Any, start: Any = None) -> Imported:
    from metaregret.tabular.environments.gymnasium_toy import DEFAULT_HORIZON, read_environment
    from metaregret.tabular.importers.gymnasium_table import read_table

    if hasattr(source, "unwrapped"):
        return read_environment(source, start=start)
    keys = {str(key): key for key in (source if isinstance(source, Mapping) else range(len(source)))}
    first = next(iter(keys.values()), 0) if start is None else keys.get(str(start), start)
    model = read_table(source, initial=first, horizon=DEFAULT_HORIZON)
    if start is None:
        model = model.with_notes(
            Note(f"a table does not say where episodes start: taken to be state {first!r}")
        )
    return model


def _read_mdptoolbox(source: Any) -> Imported:
    from metaregret.tabular.importers.arrays import from_mdptoolbox

    if hasattr(source, "P") and hasattr(source, "R"):
        rewards = tuple(source.R) if isinstance(source.R, (tuple, list)) else source.R
        model = with_table(*from_mdptoolbox(source.P, rewards, horizon=STEPS))
        return model.with_discount(getattr(source, "discount", None))
    if isinstance(source, tuple) and len(source) == 2:
        return with_table(*from_mdptoolbox(*source, horizon=STEPS))
    zero = np.zeros(np.shape(source[0])[-1:] or 1)
    return Imported(from_mdptoolbox(source, zero, horizon=STEPS)[0])


def _read_quantecon(source: Any) -> Imported:
    from metaregret.tabular.importers.arrays import from_matrices
    from metaregret.tabular.importers.state_action import from_state_action

    parts = (
        source
        if isinstance(source, tuple)
        else (source.R, source.Q, getattr(source, "s_indices", None), getattr(source, "a_indices", None))
    )
    rewards, transitions, *pairs = parts
    if not pairs or pairs[0] is None:
        model = with_table(*from_matrices(transitions, rewards, horizon=STEPS))
    else:
        model = with_table(*from_state_action(rewards, transitions, *pairs, horizon=STEPS))
    return model.with_discount(getattr(source, "beta", None))


def _read_msdm(source: Any) -> Imported:
    from metaregret.tabular.importers.arrays import from_matrices, start_distribution

    if isinstance(source, (np.ndarray, list)):
        return with_table(*from_matrices(source, horizon=STEPS))
    if isinstance(source, tuple):
        return with_table(*from_matrices(*source, horizon=STEPS))

    def get(key: str) -> Any:
        return source.get(key) if isinstance(source, Mapping) else getattr(source, key, None)

    names = [None if (given := get(key)) is None else _names(given) for key in ("state_list", "action_list")]
    process, rewards = from_matrices(
        get("transition_matrix"),
        get("reward_matrix"),
        available=get("action_matrix"),
        absorbing=get("absorbing_state_vec"),
        horizon=STEPS,
        states=names[0],
        actions=names[1],
    )
    starts = get("initial_state_vec")
    if starts is not None:
        process = as_decimals(process).replaced(initial=start_distribution(starts, process.n_states))
    return with_table(process, rewards).with_discount(get("discount_rate"))


def _names(given: Any) -> list[str]:
    """Spell keys as names; numbers that repeat as text get their position."""
    names = [str(key) for key in given]
    return names if len(set(names)) == len(names) else [f"{i}: {name}" for i, name in enumerate(names)]


def _read_successors(source: Any) -> Imported:
    from metaregret.tabular.importers.arrays import from_successors

    parts = source if isinstance(source, tuple) else (source,)
    return with_table(*from_successors(*parts, horizon=STEPS))


def _read_storm(source: Any) -> Imported:
    from metaregret.tabular.importers.storm import read_storm

    return read_storm(Path(source))


_READERS: dict[str, Callable[..., Imported]] = {
    "json": _read_json,
    "npz": _read_npz,
    "npy": _read_npz,
    "prism": _read_storm,
    "jani": _read_storm,
    "drn": _read_storm,
    "explicit": _read_storm,
    "specification": _read_specification,
    "gymnasium": _read_gymnasium,
    "mdptoolbox": _read_mdptoolbox,
    "quantecon": _read_quantecon,
    "msdm": _read_msdm,
    "successors": _read_successors,
    "process": _read_process,
}
