"""Find what the modules of a package define: one file each, no list kept by hand."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Protocol, TypeVar

from metaregret.tabular.errors import InvalidArgumentError

__all__ = ["discover", "look_up"]


class _Named(Protocol):
    @property
    def name(self) -> str: ...


Item = TypeVar("Item", bound=_Named)


def discover(package: str, attribute: str, kind: type[Item]) -> dict[str, Item]:
    """Return the items of type `kind` that the modules of `package` define as `attribute`, by name.

    Modules whose name starts with an underscore, and those without the attribute, are passed over.

    Raises
    ------
    InvalidArgumentError
        If two modules define items of the same name.
    """
    found: dict[str, Item] = {}
    folder = importlib.import_module(package)
    for module in sorted(pkgutil.iter_modules(folder.__path__), key=lambda info: info.name):
        if module.name.startswith("_"):
            continue
        item = getattr(importlib.import_module(f"{package}.{module.name}"), attribute, None)
        if not isinstance(item, kind):
            continue
        if item.name in found:
            raise InvalidArgumentError(f"Two files of {package} define {item.name!r}; rename one.")
        found[item.name] = item
    return found


def look_up(known: Mapping[str, Item], name: str, what: str) -> Item:
    """Return the item of this name, of those that `discover` found.

    Raises
    ------
    InvalidArgumentError
        If there is none; the message lists what there is.
    """
    if name not in known:
        raise InvalidArgumentError(f"Unknown {what} {name[:80]!r}; there are {', '.join(known)}.")
    return known[name]
