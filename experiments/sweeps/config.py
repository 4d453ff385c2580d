"""Read ``metaregret-sweep/1`` configurations, JSON or TOML: which study, which points, which seed."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from metaregret.experiments.runs import Point
from metaregret.experiments.sweeps.registry import studies, study
from metaregret.experiments.sweeps.study import Scalar, Scale, Study, Sweep
from metaregret.tabular.choices import choice
from metaregret.tabular.documents import abridged, read_bytes, read_document, require
from metaregret.tabular.errors import FileFormatError

__all__ = ["FORMAT", "MAX_POINTS", "read_sweep"]

FORMAT = "metaregret-sweep/1"
MAX_POINTS = 1_000_000
"""Largest grid that a configuration may span."""

_FIELDS = ("format", "study", "seed", "scale", "points", "grid")


def read_sweep(config: str, *, seed: int | None = None, scale: Scale | str | None = None) -> Sweep:
    """Return the sweep that `config` describes: the name of a study, or a JSON or TOML file.

    Parameters
    ----------
    config : str
    seed : int, optional
        Instead of the one of the file.
    scale : Scale, optional
        The same.

    Raises
    ------
    FileFormatError
        Naming the file, the field, its value and what was expected.
    InvalidArgumentError
        If there is no such study.
    """
    scale = None if scale is None else choice(Scale, scale, "scale")
    if config in studies():
        return study(config).sweep(scale or Scale.FULL, seed or 0)
    path = Path(config)
    if path.suffix not in {".json", ".toml"}:
        raise FileFormatError(
            f"{config[:200]!r} is neither a study ({', '.join(studies())}) nor a .json or .toml file."
        )
    document = _toml(path) if path.suffix == ".toml" else read_document(path, FORMAT)
    overriding = ({} if seed is None else {"seed": seed}) | ({} if scale is None else {"scale": scale.value})
    return _sweep({**document, **overriding}, str(path))


def _toml(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(read_bytes(path).decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path}: not a text file (byte {error.start} is not UTF-8).") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise FileFormatError(f"{path}: not valid TOML: {error}; is the file complete?") from None
    if document.get("format") != FORMAT:
        raise FileFormatError(
            f'{path}: expected format = "{FORMAT}", but got {abridged(document.get("format"))}; mend the tag.'
        )
    return document


def _sweep(document: Mapping[str, Any], where: str) -> Sweep:
    for key in document:
        if key not in _FIELDS:
            raise FileFormatError(
                f"{where}: unknown field {abridged(key)}; expected some of {', '.join(_FIELDS)}."
            )
    chosen = study(require(document, "study", str, where))
    seed = document.get("seed", 0)
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**32:
        raise FileFormatError(f'{where}: expected "seed" from 0 to 2**32 - 1, but got {abridged(seed)}.')
    scale = document.get("scale", "full")
    if scale not in [each.value for each in Scale]:  # whatever was given, hashable or not
        raise FileFormatError(
            f'{where}: expected "scale" "full", "short" or "long", but got {abridged(scale)}.'
        )
    if "points" in document and "grid" in document:
        raise FileFormatError(f'{where}: "points" and "grid" are both given; give one of them.')
    default = chosen.sweep(Scale(scale), seed)
    if "points" in document:
        given = _listed(require(document, "points", list, where), where)
    elif "grid" in document:
        given = _spanned(require(document, "grid", dict, where), where)
    else:
        return default
    return chosen.sweep(seed=seed, points=[_checked(chosen, p, default.points, where, i) for i, p in given])


def _listed(points: list[Any], where: str) -> Sequence[tuple[int, Mapping[str, Any]]]:
    if not points:
        raise FileFormatError(f'{where}: "points" is empty; give at least one.')
    for index, point in enumerate(points):
        if not isinstance(point, dict):
            raise FileFormatError(
                f"{where}: expected points[{index}] to be an object, but got {abridged(point)}."
            )
    return list(enumerate(points))


def _spanned(grid: Mapping[str, Any], where: str) -> Sequence[tuple[int, Mapping[str, Any]]]:
    """All combinations of the listed values."""
    count = 1
    for key, values in grid.items():
        if not isinstance(values, list) or not values:
            raise FileFormatError(
                f"{where}: expected grid[{abridged(key)}] to be a list of values, but got {abridged(values)}."
            )
        count *= len(values)
    if not grid or count > MAX_POINTS:
        spanned = count if grid else 0
        raise FileFormatError(f'{where}: "grid" spans {spanned} points; expected 1 to {MAX_POINTS}.')
    combinations = itertools.product(*grid.values())
    return list(enumerate(dict(zip(grid, values, strict=True)) for values in combinations))


def _checked(
    chosen: Study, point: Mapping[str, Any], known: Sequence[Point], where: str, index: int
) -> Point:
    """The point with plain numbers, if it has the parameters of one of the study's own points, in kind."""
    if not any(set(point) == set(one) for one in known):
        raise FileFormatError(
            f"{where}: points[{index}] has the parameters {sorted(point)}, but {chosen.name} takes "
            f"{sorted(known[0])}."
        )
    plain = {key: _scalar(value, f"{where}: points[{index}][{key!r}]") for key, value in point.items()}
    kinds = {key: {_kind(one[key]) for one in known if key in one} for key in plain}
    for key, value in plain.items():
        if _kind(value) not in kinds[key]:
            raise FileFormatError(
                f"{where}: points[{index}][{key!r}] = {abridged(value)} is {_kind(value)}, but {chosen.name} "
                f"takes {' or '.join(sorted(kinds[key]))}."
            )
    return plain


def _scalar(value: Any, where: str) -> Scalar:
    if isinstance(value, Fraction):
        return float(value)
    if not isinstance(value, str | int | float | bool | None):
        raise FileFormatError(f"{where}: expected a string, number or bool, but got {abridged(value)}.")
    return value


def _kind(value: Scalar) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    return "text" if isinstance(value, str) else "a number"
