"""One door to models from outside: `read` recognises what it is given, or is told its format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from metaregret.tabular.choices import one_of
from metaregret.tabular.errors import FileFormatError, InvalidArgumentError
from metaregret.tabular.importers.arrays import (
    from_matrices,
    from_mdptoolbox,
    from_successors,
    matrix_format,
)
from metaregret.tabular.importers.imported import ENDINGS, Imported, Note, as_decimals, with_table
from metaregret.tabular.importers.named import AMBIGUOUS, MEANINGS, STEPS, chain_notes, from_named, is_named
from metaregret.tabular.importers.npz import read_arrays
from metaregret.tabular.importers.state_action import from_state_action
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["FORMATS", "read"]

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
    "arrays": "arrays by name: P or successors, and R, available, initial, gamma",
    "process": "a ControlledMarkovProcess",
}
FORMS = ("mdptoolbox", "quantecon", "msdm", "successors")
"""Forms of arrays, which files can hold as well."""
TABLED = ("specification", "gymnasium")
"""Formats whose models may depend on where episodes start: what a transition table means does."""


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
        Where episodes start instead: a name or index (of a table, a key), probabilities, or
        ``{state: probability}``.
    horizon : Horizon or int, optional
        By default the discount of the source, else 20 steps.

    Returns
    -------
    Imported
        Unpacks as ``process, rewards, notes``. Floating-point probabilities are read as the decimals that
        they print where these sum to one, and stay floating point elsewhere.

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
    if kind in FORMS and isinstance(source, (str, Path)):
        model = read_arrays(Path(source), kind)
    elif kind in FORMS and isinstance(source, Mapping) and is_named(source):
        model = from_named(source, kind)
    elif kind in TABLED:
        model = _READERS[kind](source, start)
    else:
        model = _READERS[kind](source)
    if format is None and kind in FORMS and len(set(_shape(source))) == 1:
        model = model.with_notes(Note(AMBIGUOUS.format(_shape(source), "(A, S, S)")))
    if format is None and kind == "successors":
        model = model.with_notes(*chain_notes(np.asarray(source)))
    if model.process.is_exact is False and kind not in ("json", "specification", "process"):
        model = model.with_process(as_decimals(model.process))
    if start is not None and kind not in TABLED:
        model = model.with_start(start)
    return model if horizon is None else model.with_process(model.process.replaced(horizon=horizon))


def _recognise(source: Any) -> str:
    """Name the format of a source: the first of `_SIGNS` that fits."""
    for fits, kind in _SIGNS:
        if fits(source):
            return kind if isinstance(kind, str) else kind(source)
    raise InvalidArgumentError(
        f"Expected a model, but got {type(source).__name__}; say what it is by format: {', '.join(FORMATS)}."
    )


def _shape(source: Any) -> tuple[int, ...]:
    """The shape of the transitions, if they are an array or a list of three axes."""
    first = source[0] if isinstance(source, tuple) and len(source) == 2 else source
    return np.shape(first) if _axes(first) == 3 and not any(map(sp.issparse, first)) else ()


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


def _array_format(matrix: np.ndarray) -> str:
    """An array alone is (A, S, S), as for `ControlledMarkovProcess.from_dense`, where both fit; (S, S) is a
    chain, and whole numbers (S, A) are successors."""
    if matrix.ndim == 2:
        return (
            "successors" if np.issubdtype(matrix.dtype, np.integer) or not _square(matrix) else "mdptoolbox"
        )
    return "msdm" if matrix.shape[0] == matrix.shape[2] != matrix.shape[1] else "mdptoolbox"


def _square(matrix: np.ndarray) -> bool:
    return matrix.dtype.kind in "fUO" and matrix.shape[0] == matrix.shape[1]


def _ndarray_format(array: np.ndarray) -> str:
    """An array of objects may hold the lists of a table."""
    return _list_format(array.tolist()) if array.dtype == object else _array_format(array)


def _list_format(source: Sequence[Any]) -> str:
    """Tell nested lists of matrices from a table of outcomes, whose leaves are four items, and from pairs."""
    if any(map(sp.issparse, source)):
        return "mdptoolbox"
    try:
        matrix = np.asarray(source)
    except (ValueError, TypeError):
        return (
            _pair_format((source[0], source[1]))
            if len(source) == 2 and _axes(source[0]) == 3
            else "gymnasium"
        )
    return _array_format(matrix) if matrix.ndim in (2, 3) else "gymnasium"


def _axes(item: Any) -> int:
    """How many axes nested lists have; sparse matrices within count as two, ragged ones as none."""
    if sp.issparse(item):
        return 2
    if isinstance(item, (Sequence, np.ndarray)) and any(map(sp.issparse, item)):
        return 3
    try:
        return int(np.ndim(item))
    except ValueError:
        return 0


def _pair_format(pair: tuple[Any, Any]) -> str:
    """Tell pymdptoolbox's (P, R) from QuantEcon's (R, Q): by which of the two has three axes."""
    sparse = [isinstance(item, (Sequence, np.ndarray)) and any(map(sp.issparse, item)) for item in pair]
    axes = [_axes(item) for item in pair]
    if axes[0] == 3 and (sparse[0] or axes[1] < 3 or sparse[1]):
        shape = () if sparse[0] else np.shape(pair[0])
        return "msdm" if shape and shape[0] == shape[2] != shape[1] else "mdptoolbox"
    if axes == [2, 3]:
        return "quantecon"
    if axes == [3, 3]:
        return matrix_format(np.asarray(pair[0]))
    if axes[0] == 2 and axes[1] <= 2 and (sp.issparse(pair[0]) or _square(np.asarray(pair[0]))):
        return "mdptoolbox"
    raise InvalidArgumentError(
        f"Expected (P, R) or (R, Q), but got two objects with {axes[0]} and {axes[1]} axes; say which "
        "format it is: 'mdptoolbox', 'quantecon' or 'msdm'."
    )


def _tuple_format(source: tuple[Any, ...]) -> str:
    """Tell what `DiscreteDP` is made of, (R, Q[, beta][, states, actions]), from pairs and tables."""
    if len(source) == 3 and np.isscalar(source[2]):
        return "quantecon"
    if len(source) in (4, 5) and _axes(source[0]) < _axes(source[1]):
        return "quantecon"
    whole = len(source) == 2 and not any(isinstance(item, str) for item in source)
    return _pair_format((source[0], source[1])) if whole else _list_format(source)


_SIGNS: tuple[tuple[Callable[[Any], bool], str | Callable[[Any], str]], ...] = (
    (lambda source: isinstance(source, ControlledMarkovProcess), "process"),
    (lambda source: isinstance(source, (str, Path)), _path_format),
    (lambda source: not isinstance(source, type) and _has("unwrapped", "step")(source), "gymnasium"),
    (_has("transition_matrix"), "msdm"),
    (_has("Q", "R", "beta"), "quantecon"),
    (_has("P", "R"), "mdptoolbox"),
    (lambda source: isinstance(source, Mapping) and is_named(source), "arrays"),
    (lambda source: isinstance(source, Mapping), "gymnasium"),
    (lambda source: isinstance(source, np.ndarray) and source.ndim in (2, 3), _ndarray_format),
    (sp.issparse, "mdptoolbox"),
    (lambda source: isinstance(source, list) and bool(source), _list_format),
    (lambda source: isinstance(source, tuple) and bool(source), _tuple_format),
)
"""What tells a format: what it looks like, and its name or how to find it."""


# ---------------------------------------------------------------- one reader per format


def _read_specification(source: Any, start: Any = None) -> Imported:
    from metaregret.tabular.environments import load

    return load(str(source), start=start)


def _read_json(source: Any) -> Imported:
    from metaregret.tabular.files import read_process

    return Imported(read_process(Path(source)))


def _read_gymnasium(source: Any, start: Any = None) -> Imported:
    from metaregret.tabular.environments.gymnasium_toy import DEFAULT_HORIZON, read_environment
    from metaregret.tabular.importers.gymnasium_table import read_table

    if hasattr(source, "unwrapped"):
        return read_environment(source, start=start)
    if start is not None:
        return read_table(source, initial=start, horizon=DEFAULT_HORIZON)
    first = next(iter(source if isinstance(source, Mapping) else range(len(source))), 0)
    note = Note(f"a table does not say where episodes start: taken to be state {first!r}")
    return read_table(source, initial=first, horizon=DEFAULT_HORIZON).with_notes(note)


def _read_mdptoolbox(source: Any) -> Imported:
    if hasattr(source, "P") and hasattr(source, "R"):
        rewards = tuple(source.R) if isinstance(source.R, (tuple, list)) else source.R
        steps, discount = getattr(source, "N", None), getattr(source, "discount", None)
        model = with_table(*from_mdptoolbox(source.P, rewards, horizon=steps or STEPS))
        if steps and discount == 1:
            return model
        cut = Note(f"the {steps} steps of the source are left out, since it discounts", differs=True)
        return model.with_discount(discount).with_notes(*[cut] * bool(steps))
    axes = [_axes(item) for item in source] if isinstance(source, (tuple, list)) else []
    if len(axes) == 2 and axes[0] >= 2 and axes != [2, 2]:
        return with_table(*from_mdptoolbox(*source, horizon=STEPS))
    return with_table(*from_mdptoolbox(source, horizon=STEPS))


def _read_quantecon(source: Any) -> Imported:
    beta = getattr(source, "beta", None)
    if isinstance(source, (tuple, list)):
        rewards, transitions, *pairs = source
        beta = pairs.pop(0) if len(pairs) % 2 else None
    else:
        rewards, transitions = source.R, source.Q
        pairs = [getattr(source, "s_indices", None), getattr(source, "a_indices", None)]
    if not pairs or pairs[0] is None:
        model = with_table(*from_matrices(transitions, rewards, horizon=STEPS))
    else:
        model = with_table(*from_state_action(rewards, transitions, *pairs, horizon=STEPS))
    return model.with_discount(beta)


def _read_msdm(source: Any) -> Imported:
    if isinstance(source, (np.ndarray, list, tuple)):
        parts = source if isinstance(source, tuple) else (source,)
        return with_table(*from_matrices(*parts, horizon=STEPS))
    names = [name for meanings in MEANINGS.values() for name in meanings if name.endswith(MSDM)]
    return from_named(
        {name: getattr(source, name) for name in names if getattr(source, name, None) is not None}
    )


MSDM = ("_matrix", "_vec", "_list", "discount_rate")
"""How msdm's attributes are called."""


def _read_successors(source: Any) -> Imported:
    parts = source if isinstance(source, tuple) else (source,)
    return with_table(*from_successors(*parts, horizon=STEPS))


def _read_storm(source: Any, form: str) -> Imported:
    from metaregret.tabular.importers.storm import read_storm

    return read_storm(Path(source), format=form)


_READERS: dict[str, Callable[..., Imported]] = {
    "json": _read_json,
    "npz": read_arrays,
    "npy": read_arrays,
    **{form: partial(_read_storm, form=form) for form in ("prism", "jani", "drn", "explicit")},
    "specification": _read_specification,
    "gymnasium": _read_gymnasium,
    "mdptoolbox": _read_mdptoolbox,
    "quantecon": _read_quantecon,
    "msdm": _read_msdm,
    "successors": _read_successors,
    "arrays": from_named,
    "process": Imported,
}
