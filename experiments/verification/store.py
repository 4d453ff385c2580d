"""Finished evidence in an SQLite file, so that a deep run that was killed goes on where it stopped.

An entry is written when its method has finished, in one transaction; its key is a hash of everything that
the evidence depends on (claim, method, seed, instances, code). Entries of other settings or of older code
stay in the file and are never used.
"""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from metaregret.experiments.cache import cache_folder
from metaregret.experiments.verification.fingerprint import code_fingerprint
from metaregret.tabular.errors import FileFormatError, InvalidArgumentError
from metaregret.theory.claims import Context, Evidence, Group, Trial

__all__ = ["EvidenceStore", "default_store", "evidence_key"]

_APPLICATION = 0x6D726576  # "mrev": tells this file from other SQLite files
_SECONDS_TO_WAIT = 30.0


def default_store() -> Path:
    """Return the user's own file of evidence, in the cache folder of the system."""
    return cache_folder() / "evidence.sqlite"


def evidence_key(uid: str, method: str, context: Context, *, code: str = "") -> str:
    """Return the key of the evidence of one method in one setting.

    Parameters
    ----------
    uid, method : str
    context : Context
    code : str
        Further code that it depends on: the text of a claim from outside the project.
    """
    parts = {
        "uid": uid,
        "method": method,
        "seed": context.seed,
        "instances": context.instances,
        "exact": context.exact,
        "shrink": context.shrink,
        "zoo": [specimen.name for specimen in context.zoo],
        "code": code_fingerprint(),
        "own code": code,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class EvidenceStore:
    """Evidence by key, in a file that several runs may use at once.

    Parameters
    ----------
    path : Path
        Made, with its folder, if it does not exist.

    Raises
    ------
    FileFormatError
        If the file is something else than a store of evidence.
    InvalidArgumentError
        If it cannot be opened or made.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidArgumentError(
                f"Cannot make the folder of {path}: {error.strerror}; name another file."
            ) from None
        with self._session() as session:
            (application,) = session.execute("PRAGMA application_id").fetchone()
            (tables,) = session.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if application != _APPLICATION:
                if tables:
                    raise FileFormatError(f"{path}: an SQLite file, but not of evidence; name another file.")
                session.execute(f"PRAGMA application_id = {_APPLICATION}")
            session.execute(
                "CREATE TABLE IF NOT EXISTS evidence (key TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT"
            )

    def get(self, key: str) -> Evidence | None:
        """Return the evidence stored under `key`, if any."""
        with self._session() as session:
            row = session.execute("SELECT document FROM evidence WHERE key = ?", (key,)).fetchone()
        return None if row is None else self._read(row[0])

    def put(self, key: str, evidence: Evidence) -> None:
        """Store evidence; it is on disk when this returns."""
        text = json.dumps(_document(evidence))
        with self._session() as session:
            session.execute("INSERT OR REPLACE INTO evidence VALUES (?, ?)", (key, text))

    def __len__(self) -> int:
        with self._session() as session:
            (count,) = session.execute("SELECT count(*) FROM evidence").fetchone()
        return int(count)

    @contextmanager
    def _session(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = sqlite3.connect(self.path, timeout=_SECONDS_TO_WAIT)
            try:
                with connection:
                    yield connection
            finally:
                connection.close()
        except sqlite3.OperationalError as error:
            raise InvalidArgumentError(f"Cannot use {self.path}: {error}; name another file.") from None
        except sqlite3.DatabaseError as error:
            raise FileFormatError(
                f"{self.path}: not a store of evidence ({error}); delete it or name another file."
            ) from None

    def _read(self, text: str) -> Evidence:
        try:
            return _evidence(json.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FileFormatError(
                f"{self.path}: a damaged entry ({type(error).__name__}: {error}); delete the file, run again."
            ) from None


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)  # JSON has no infinities


def _document(evidence: Evidence) -> dict[str, Any]:
    failure = evidence.failure
    return {
        "name": evidence.name,
        "group": evidence.group.value,
        "solvers": sorted(evidence.solvers),
        "instances": evidence.instances,
        "margin": _number(evidence.margin),
        "seconds": evidence.seconds,
        "general": evidence.general,
        "failure": None
        if failure is None
        else {
            "instance": failure.instance,
            "margin": _number(failure.margin),
            "note": failure.note,
            "witness": failure.witness,
        },
    }


def _evidence(document: Mapping[str, Any]) -> Evidence:
    failure = document["failure"]
    return Evidence(
        name=str(document["name"]),
        group=Group(document["group"]),
        solvers=frozenset(document["solvers"]),
        instances=int(document["instances"]),
        margin=float(document["margin"]),
        seconds=float(document["seconds"]),
        failure=None
        if failure is None
        else Trial(failure["instance"], float(failure["margin"]), failure["note"], failure["witness"]),
        general=document["general"],
    )
