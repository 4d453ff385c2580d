"""All theorems, controls and published claims, found by looking into their folders (adding one is adding one
file) and at the entry points ``metaregret.theorems``, ``metaregret.controls`` and ``metaregret.atlas`` of
other distributions."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from functools import cache
from pathlib import Path

from metaregret.tabular.choices import did_you_mean
from metaregret.tabular.discovery import discover
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.claims.published import Published
from metaregret.theory.claims.theorem import Control, Theorem

__all__ = ["atlas", "claim", "controls", "explanation", "from_file", "permanent", "theorems"]

ATTRIBUTES: dict[str, type[Theorem | Control | Published]] = {
    "THEOREM": Theorem,
    "CONTROL": Control,
    "PUBLISHED": Published,
}
"""What a file defines, by the name under which it does."""


@cache
def theorems() -> dict[str, Theorem]:
    """Return every theorem by its identifier."""
    return discover("metaregret.theory.theorems", "THEOREM", Theorem, group="metaregret.theorems", key="uid")


@cache
def controls() -> dict[str, Control]:
    """Return every negative control by its identifier."""
    return discover("metaregret.theory.controls", "CONTROL", Control, group="metaregret.controls", key="uid")


@cache
def atlas() -> dict[str, Published]:
    """Return every published claim by its identifier."""
    return discover("metaregret.theory.atlas", "PUBLISHED", Published, group="metaregret.atlas", key="uid")


def permanent(uid: str) -> str:
    """Return an identifier as it is kept: ``T04`` for ``t4``."""
    short = uid.strip().upper()
    return short[:1] + short[1:].zfill(2)


def claim(uid: str) -> Theorem | Control | Published:
    """Return the theorem, control or published claim with this identifier (``T4`` and ``T04`` are the same).

    Raises
    ------
    InvalidArgumentError
        If there is none; the message lists what there is.
    """
    padded = permanent(uid)
    known: dict[str, Theorem | Control | Published] = {**theorems(), **controls()}
    if padded not in known:
        known.update(atlas())
    if padded not in known:
        raise InvalidArgumentError(
            f"Unknown claim {uid!r}; there are {', '.join(known)}, and atlas for all published claims."
            f"{did_you_mean(uid, [*known, 'atlas'])}"
        )
    return known[padded]


def explanation(item: Theorem | Control | Published) -> str:
    """Return the docstring of the file that defines a claim: its statement in words, and what happens when
    an assumption is dropped."""
    for module in list(sys.modules.values()):
        if any(vars(module).get(name) is item for name in ATTRIBUTES):
            return inspect.cleandoc(module.__doc__ or "")
    return ""


def from_file(path: Path) -> Theorem | Control | Published:
    """Import a claim from a Python file outside the project; this runs the file, so only give your own.

    Modules beside the file are found by its imports, as when Python runs it.

    Raises
    ------
    InvalidArgumentError
        If the file cannot be imported or defines neither ``THEOREM`` nor ``CONTROL`` nor ``PUBLISHED``.
    """
    if not path.is_file():
        raise InvalidArgumentError(f"{path}: no such file; check the path.")
    specification = importlib.util.spec_from_file_location(f"claim_{path.stem}", path)
    if specification is None or specification.loader is None:
        raise InvalidArgumentError(f"Cannot import {path}; expected a Python file, whose name ends in .py.")
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    beside = str(path.resolve().parent)
    sys.path.insert(0, beside)
    try:
        specification.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise InvalidArgumentError(f"{path} failed to import: {type(error).__name__}: {error}.") from error
    finally:
        sys.path.remove(beside)
    for attribute, kind in ATTRIBUTES.items():
        item = getattr(module, attribute, None)
        if isinstance(item, kind):
            if not (isinstance(item.uid, str) and item.uid.strip()):
                raise InvalidArgumentError(f"{path}: expected a text for uid, but got {item.uid!r}.")
            return item
    raise InvalidArgumentError(
        f"{path} defines neither THEOREM nor CONTROL nor PUBLISHED; end it with "
        "THEOREM = property_claim(...), from metaregret.theory.claims."
    )
