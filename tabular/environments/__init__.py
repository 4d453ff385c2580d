"""Environments by name: `make` reads a specification such as ``grid:5x5,slip=1/10`` or the path of a JSON
file.

Adding an environment is adding one file here that defines ``ENVIRONMENT``; discovery is automatic.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from metaregret.tabular.discovery import discover
from metaregret.tabular.environments.options import Environment, Options
from metaregret.tabular.errors import EnvironmentSpecError
from metaregret.tabular.process import ControlledMarkovProcess

__all__ = ["Environment", "environments", "make"]


@cache
def environments() -> dict[str, Environment]:
    """Return every environment by name, found by looking into this folder and at the entry points
    ``metaregret.environments`` of other distributions."""
    return discover(__name__, "ENVIRONMENT", Environment, group="metaregret.environments")


def make(specification: str) -> ControlledMarkovProcess:
    """Return the process that `specification` names.

    Parameters
    ----------
    specification : str
        ``NAME:BODY,key=value,...`` (see ``metaregret env list``), or the path of a ``metaregret-cmp/1`` file.

    Raises
    ------
    EnvironmentSpecError
        If there is no such environment, or an option is not understood.
    FileFormatError
        If a file is not a valid ``metaregret-cmp/1`` document.
    """
    name, colon, rest = specification.partition(":")
    known = environments()
    if name in known and colon:
        body, options = _split(rest, f"{name}:")
        process = known[name].build(body, options)
        options.finish()
        return process
    if specification.endswith(".json") or _exists(specification):
        from metaregret.tabular.files import read_process

        return read_process(Path(specification))
    raise EnvironmentSpecError(
        f"Unknown process {specification[:200]!r}: expected a JSON file or one of "
        + ", ".join(environment.usage for environment in known.values())
        + "."
    )


def _exists(path: str) -> bool:
    try:
        return bool(path) and Path(path).exists()
    except (OSError, ValueError):  # not a name that a file could have
        return False


def _split(rest: str, where: str) -> tuple[str, Options]:
    """Split ``body,key=value,...``; parts without ``=`` belong to the body."""
    parts = rest.split(",") if rest else []
    values: dict[str, str] = {}
    for part in parts:
        key, equals, value = part.partition("=")
        if equals and key in values:
            raise EnvironmentSpecError(f"{where} option {key!r} is given twice; give it once.")
        if equals:
            values[key] = value
    return ",".join(part for part in parts if "=" not in part), Options(values, where)
