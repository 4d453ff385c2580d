"""Environments by name: `make` reads a specification such as ``grid:5x5,slip=1/10`` or the path of a JSON
file.

Adding an environment is adding one file here that defines ``ENVIRONMENT``; discovery is automatic.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from metaregret.tabular.choices import did_you_mean
from metaregret.tabular.discovery import discover
from metaregret.tabular.environments.options import Environment, Options
from metaregret.tabular.errors import EnvironmentSpecError
from metaregret.tabular.importers.imported import ENDINGS, Imported
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["Environment", "environments", "load", "make", "specifications"]


@cache
def environments() -> dict[str, Environment]:
    """Return every environment by name, found by looking into this folder and at the entry points
    ``metaregret.environments`` of other distributions."""
    return discover(__name__, "ENVIRONMENT", Environment, group="metaregret.environments")


def specifications() -> dict[str, Environment]:
    """Return everything that can stand before a colon: the environments, and the files that Storm reads."""
    from metaregret.tabular.environments.storm_file import SOURCE

    return {**environments(), SOURCE.name: SOURCE}


def make(specification: str) -> ControlledMarkovProcess:
    """Return the process that `specification` names; see `load`, which also returns rewards and notes."""
    return load(specification).process


def load(specification: str, *, start: Any = None) -> Imported:
    """Read the model that `specification` names.

    Parameters
    ----------
    specification : str
        ``NAME:BODY,key=value,...`` (see ``metaregret env list``), or the path of a file that
        `metaregret.tabular.importers.read` knows.
    start : state, array or mapping, optional
        Where episodes start instead.

    Raises
    ------
    EnvironmentSpecError
        If there is no such environment, or an option is not understood.
    FileFormatError
        If a file is not what its name promises.
    """
    name, colon, rest = specification.partition(":")
    known = specifications()
    if name in known and colon:
        body, options = _split(rest, f"{name}:")
        if start is not None and known[name].takes_start:
            options.put("start", start)
            start = None
        built = known[name].build(body, options)
        options.finish()
        model = built if isinstance(built, Imported) else Imported(built)
    elif Path(specification[:4096]).suffix.lower() in ENDINGS or exists(specification):
        from metaregret.tabular.importers.read import read

        model = read(Path(specification))
    else:
        raise EnvironmentSpecError(
            f"Unknown process {specification[:200]!r}: expected a file or one of "
            + ", ".join(environment.usage for environment in known.values())
            + "."
            + did_you_mean(name, known)
        )
    return model if start is None else model.with_start(start)


def exists(path: str | Path) -> bool:
    """Whether a file or folder has this name; text that no file can be called names none."""
    try:
        return path != "" and Path(path).exists()
    except (OSError, ValueError):  # not a name that a file could have
        return False


def _split(rest: str, where: str) -> tuple[str, Options]:
    """Split ``body,key=value,...``; parts without ``=`` belong to the body.

    Commas within brackets or quotes do not split: ``desc=["SF","HG"]`` is one value.
    """
    parts = split_outside(rest, where) if rest else []
    values: dict[str, str] = {}
    for part in parts:
        key, equals, value = part.partition("=")
        if equals and key in values:
            raise EnvironmentSpecError(f"{where} option {key!r} is given twice; give it once.")
        if equals:
            values[key] = value
    return ",".join(part for part in parts if "=" not in part), Options(values, where)


def split_outside(text: str, where: str) -> list[str]:
    """Split at commas outside brackets and quotes.

    Raises
    ------
    EnvironmentSpecError
        If a bracket or quote does not close.
    """
    parts, depth, quote = [""], 0, ""
    for position, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote and text[position - 1] != "\\" else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        if letter == "," and depth <= 0 and not quote:
            parts.append("")
        else:
            parts[-1] += letter
    if depth > 0 or quote:
        raise EnvironmentSpecError(f"{where} {text[:80]!r}: a bracket or quote does not close; mend it.")
    return parts
