"""The one door to the compiler, with a cache of machine code that an edit cannot make stale.

Numba looks a cached kernel up by its own file alone: where a kernel calls another one, or reads a constant,
in another file, it would go on using what was compiled before that file changed. Here all machine code lies
in a folder named by a digest of every kernel source of the package and of the versions of what compiles
them, so a change anywhere leads to another folder, and taking the change back to the old one.

Numba numbers the files of a kernel's signatures and keeps their numbers in an index, written before them.
Processes that compile at the same time take the same number, and the index written last then leads to
machine code for other arguments, which ends the process or gives wrong numbers. Here a file is named by a
digest of what it is for, holds that in full, and is sealed: whatever a killed or a parallel process leaves
behind, a file is found whole and right, or compiled anew.

The folder is beside the sources (in ``tabular/__pycache__``) where one can write there, else in the user's
cache folder; ``NUMBA_CACHE_DIR`` comes first. Where nothing is writable, kernels are compiled in every
process. Only modules with kernels import this one: it brings numba, and reads the sources once.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import platform
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import llvmlite
import numba
import numpy as np
from numba import prange
from numba.core.serialize import dumps

__all__ = ["cache_folder", "digest", "njit", "prange"]

ROOT = Path(__file__).parent
MARK = b"metaregret.tabular.jit import"
"""What makes a file a kernel source: it imports this module."""

CONSTANTS = ("bounds.py",)
"""Files without kernels whose constants are compiled into kernels."""

KEPT = 4
"""Folders of other digests that are kept, newest first, so that an edit and its revert compile once."""

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


@cache
def digest() -> str:
    """Return the digest of all kernel sources under ``tabular/`` and of the compiling versions."""
    total = hashlib.sha256()
    versions = (platform.python_version(), numba.__version__, llvmlite.__version__, np.__version__)
    total.update(repr(versions).encode())
    for path in sorted(ROOT.rglob("*.py")):
        source = path.read_bytes()
        name = path.relative_to(ROOT).as_posix()
        if MARK in source or name in CONSTANTS or path.name == "jit.py":
            total.update(f"{name}\0{len(source)}\0".encode())
            total.update(source)
    return total.hexdigest()[:20]


@cache
def cache_folder() -> str | None:
    """Return the folder of the machine code of these sources, or None where none can be written."""
    homes = [ROOT / "__pycache__", _user_cache() / "kernels"]
    config: Any = numba.config  # numba sets its options dynamically
    if config.CACHE_DIR:
        homes.insert(0, Path(config.CACHE_DIR))
    for home in homes:
        folder = home / f"metaregret-{digest()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
            os.utime(folder)
            _forget_old(home)
        except OSError:
            continue
        return str(folder)
    return None


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "metaregret"


def _forget_old(home: Path) -> None:
    """Remove all but the newest folders; a process that still reads one compiles what it misses."""
    folders = sorted(home.glob("metaregret-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for folder in folders[KEPT + 1 :]:
        shutil.rmtree(folder, ignore_errors=True)


class _Files:
    """The machine code of one kernel, a sealed file for each signature (in place of numba's index)."""

    def __init__(self, stem: str) -> None:
        self._stem = stem

    def _path(self, key: object) -> str:
        return f"{self._stem}.{hashlib.sha256(repr(key).encode()).hexdigest()[:20]}.nbc"

    def load(self, key: object) -> Any:
        """Return what was saved for `key`; None where nothing was, or something else, or it is damaged."""
        try:
            content = Path(self._path(key)).read_bytes()
        except OSError:
            return None
        if hashlib.sha256(content[SEAL:]).digest() != content[:SEAL]:
            return None
        known, data = pickle.loads(content[SEAL:])
        if any(symbol in content for symbol in PARALLEL):
            numba.get_num_threads()  # launches them
        return data if known == key else None

    def save(self, key: object, data: object) -> None:
        """Write a new file and put it in place at once; where it cannot be written there is none."""
        path, content = self._path(key), cast(Any, dumps)((key, data))
        fresh = f"{path}.{os.getpid()}-{os.urandom(4).hex()}"
        try:
            Path(fresh).write_bytes(hashlib.sha256(content).digest() + content)
            os.replace(fresh, path)
        except OSError:
            Path(fresh).unlink(missing_ok=True)


SEAL = 32
"""Bytes of the digest at the beginning of a file."""

PARALLEL = (b"numba_parallel_for", b"do_scheduling", b"get_num_threads")
"""Symbols that exist once threads are launched. Numba launches them for a parallel kernel that it finds in
the cache, but not for one that calls such a kernel, which then ends the process."""


def njit(*signature: Any, cache: bool = False, **options: Any) -> Callable[[Kernel], Kernel]:
    """Return `numba.njit` as a decorator, its cache (if asked for) in `cache_folder`."""

    def decorate(function: Kernel) -> Kernel:
        compiled: Any = cast(Any, numba.njit)(**options)(function)
        folder = cache_folder() if cache else None
        if folder is not None and hasattr(compiled, "enable_caching"):
            config: Any = numba.config
            before, config.CACHE_DIR = config.CACHE_DIR, folder
            try:
                compiled.enable_caching()
            finally:
                config.CACHE_DIR = before
            name = f"{function.__module__}.{function.__qualname__}".removeprefix("metaregret.tabular.")
            compiled._cache._cache_file = _Files(os.path.join(folder, name))
        if signature and hasattr(compiled, "compile"):
            for types in signature:
                compiled.compile(types)
            compiled.disable_compile()
        return cast(Kernel, compiled)

    return decorate
