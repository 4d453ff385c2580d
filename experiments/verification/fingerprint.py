"""What evidence depends on besides its own settings: the code that made it and the libraries under it."""

from __future__ import annotations

import hashlib
import importlib.util
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["code_fingerprint"]

_PACKAGES = ("metaregret.tabular", "metaregret.theory")
_LIBRARIES = (
    "numpy", "scipy", "cvxpy", "highspy", "clarabel", "sympy", "hypothesis", "numba", "python-flint",
    "gymnasium", "z3-solver",
)  # fmt: skip


@cache
def code_fingerprint() -> str:
    """Return a hash of every source file and witness of `tabular` and `theory`, and of the versions below
    them."""
    digest = hashlib.sha256(platform.python_version().encode())
    for library in _LIBRARIES:
        try:
            digest.update(f"{library}={version(library)};".encode())
        except PackageNotFoundError:
            digest.update(f"{library} is not installed;".encode())
    for package in _PACKAGES:
        found = importlib.util.find_spec(package)
        assert found is not None
        for folder in found.submodule_search_locations or ():
            for path in sorted(Path(folder).rglob("*")):
                if path.suffix in {".py", ".json"}:
                    digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
