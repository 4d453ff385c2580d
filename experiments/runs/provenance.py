"""Where a result comes from: the code that computed it and the versions of the packages it used."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["code_version", "digest", "package_versions", "version_of"]

ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = (
    "clarabel", "cvxpy", "gymnasium", "highspy", "hypothesis", "numba", "numpy", "pandas", "python-flint",
    "scipy", "sympy",
)  # fmt: skip
"""Packages that results may depend on."""


@cache
def digest(*packages: str) -> str:
    """Return a hash of every source file and witness of the project's `packages`, such as ``"theory"``.

    It tells installed copies and edited checkouts apart without asking a version-control system.
    """
    found = hashlib.sha256()
    for package in packages:
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix in {".py", ".json"}:
                found.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def code_version() -> str:
    """Return the project's version and a digest of its sources, ``0.1.0+3f2a...``."""
    return f"{version_of('metaregret')}+{digest('tabular', 'theory', 'experiments')[:12]}"


@cache
def package_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that compute, by name."""
    return {"python": platform.python_version()} | {name: version_of(name) for name in _PACKAGES}


def version_of(name: str) -> str:
    """Return the version of a distribution, ``not-installed`` if there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not-installed"
