"""Where a result comes from: the code that computed it and the versions of the packages it used."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["code_version", "package_versions"]

_PACKAGES = ("cvxpy", "highspy", "numba", "numpy", "pandas", "python-flint", "scipy", "sympy")
"""Packages that results may depend on."""


@cache
def code_version() -> str:
    """Return the project's version and a digest of its Python sources, ``0.1.0+3f2a...``.

    The digest tells installed copies and edited checkouts apart without asking a version-control system.
    """
    root = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256()
    for package in ("tabular", "theory", "experiments"):
        for path in sorted((root / package).rglob("*.py")):
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{_version('metaregret')}+{digest.hexdigest()[:12]}"


@cache
def package_versions() -> dict[str, str]:
    """Return the versions of the packages that compute, by name."""
    import platform

    return {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not-installed"
