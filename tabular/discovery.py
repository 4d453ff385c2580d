"""Find what a package's modules define, and what other distributions bring: no list kept by hand.

A kind of thing (an environment, a proposal, a theorem, ...) has a folder of modules, each of which defines it
under one attribute, and an entry-point group for other distributions:

    [project.entry-points."metaregret.proposals"]
    mine = "my_package.my_module:METHOD"
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any, TypeVar

from metaregret.tabular.choices import did_you_mean
from metaregret.tabular.errors import InvalidArgumentError

__all__ = ["discover", "look_up"]

Item = TypeVar("Item")


def discover(
    package: str, attribute: str, kind: type[Item], *, group: str = "", key: str = "name"
) -> dict[str, Item]:
    """Return the items of type `kind` that the modules of `package` define as `attribute`, then those of
    other distributions, by name.

    Parameters
    ----------
    package : str
        Modules whose name starts with an underscore, and those without the attribute, are passed over.
    attribute : str
    kind : type
    group : str
        Entry-point group, such as ``"metaregret.proposals"``; none by default.
    key : str
        The attribute of an item that is its name.

    Raises
    ------
    InvalidArgumentError
        If two define items of the same name, or an entry point cannot be loaded or is of another type.
    """
    found: dict[str, Item] = {}
    where: dict[str, str] = {}
    for place, item in [*_of_package(package, attribute), *_of_others(group, kind)]:
        if not isinstance(item, kind):
            continue
        name = str(getattr(item, key))
        if name in found:
            raise InvalidArgumentError(f"{where[name]} and {place} both define {name!r}; rename one.")
        found[name], where[name] = item, place
    return found


def _of_package(package: str, attribute: str) -> Iterator[tuple[str, Any]]:
    folder = importlib.import_module(package)
    for module in sorted(pkgutil.iter_modules(folder.__path__), key=lambda info: info.name):
        if not module.name.startswith("_"):
            name = f"{package}.{module.name}"
            yield name, getattr(importlib.import_module(name), attribute, None)


def _of_others(group: str, kind: type) -> Iterator[tuple[str, Any]]:
    for entry in sorted(entry_points(group=group), key=lambda point: point.name) if group else ():
        place = f"entry point {entry.name!r} of {group} ({entry.value})"
        try:
            item = entry.load()
        except Exception as error:
            raise InvalidArgumentError(
                f"The {place} cannot be loaded: {type(error).__name__}: {error}; mend or uninstall "
                f"{'its distribution' if entry.dist is None else entry.dist.name}."
            ) from error
        if not isinstance(item, kind):
            raise InvalidArgumentError(
                f"The {place} is a {type(item).__name__}, not a {kind.__name__}; point it at one."
            )
        yield place, item


def look_up(known: Mapping[str, Item], name: object, what: str) -> Item:
    """Return the item of this name, of those that `discover` found.

    Raises
    ------
    InvalidArgumentError
        If there is none; the message lists what there is.
    """
    if not isinstance(name, str) or name not in known:
        raise InvalidArgumentError(
            f"Unknown {what} {name!r:.80}; there are {', '.join(known)}." + did_you_mean(name, known)
        )
    return known[name]
