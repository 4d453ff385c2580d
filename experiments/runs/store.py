"""The store of results: one SQLite file, one row per measurement, safe against SIGKILL and several processes.

Every row is sealed with a hash of what it says: one that was changed or renamed is refused by name.
Results are inserted in one transaction with the release of their claim, in write-ahead mode: a process that
is killed at any moment leaves a sound file with every result that was stored. A process claims a point before
it measures it, so two that run at once share the work. A claim counts while its owner is alive: on the same
machine that is asked of the operating system (process number and start time), elsewhere a heartbeat tells.
Write-ahead mode needs a file system with shared memory: a local disk, not a network share.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from metaregret.experiments.runs.job import Job, Measurement, identifier
from metaregret.experiments.runs.provenance import code_version, package_versions
from metaregret.tabular.errors import FileFormatError, InvalidArgumentError

__all__ = ["LEASE", "Record", "Store"]

APPLICATION = 0x4D524754
"""Marks the SQLite file as a store of this project ("MRGT")."""

LAYOUT = 2
BEAT = 5.0
"""Seconds between two heartbeats of an owner."""

LEASE = 60.0
"""Seconds without a heartbeat after which an owner on another machine counts as dead."""

_TABLES = """
CREATE TABLE results (
  id TEXT PRIMARY KEY, study TEXT NOT NULL, version INTEGER NOT NULL, seed INTEGER NOT NULL,
  point TEXT NOT NULL, status TEXT NOT NULL CHECK (status IN ('done', 'failed')),
  rows TEXT NOT NULL, error TEXT, starts INTEGER NOT NULL, seconds REAL NOT NULL,
  peak_bytes INTEGER NOT NULL, finished REAL NOT NULL, environment INTEGER NOT NULL REFERENCES environments,
  seal TEXT NOT NULL
) STRICT;
CREATE TABLE environments (
  number INTEGER PRIMARY KEY, code TEXT NOT NULL, packages TEXT NOT NULL, UNIQUE (code, packages)
) STRICT;
CREATE TABLE owners (
  owner TEXT PRIMARY KEY, host TEXT NOT NULL, pid INTEGER NOT NULL, began REAL NOT NULL, beat REAL NOT NULL
) STRICT;
CREATE TABLE claims (id TEXT PRIMARY KEY, owner TEXT NOT NULL, starts INTEGER NOT NULL) STRICT;
"""


_COLUMNS = (
    "id", "study", "version", "seed", "point", "status", "rows", "error", "starts", "seconds", "peak_bytes",
    "finished", "code", "packages", "seal",
)  # fmt: skip
_SEALED = _COLUMNS[:8]
"""The columns that a seal covers: all that a result says."""

_RECORDS = (
    f"SELECT {', '.join(_COLUMNS)} FROM results JOIN environments ON environment = number ORDER BY study, id"
)


@dataclass(frozen=True)
class Record:
    """A stored measurement.

    Attributes
    ----------
    id, study : str
    version, seed : int
    point : dict
    status : str
        ``"done"`` or ``"failed"``.
    rows : list of dict
    error : str or None
    starts : int
        How often the measurement was begun: more than once only if a process died during it.
    seconds : float
    peak_bytes : int
    finished : float
        Seconds since 1970.
    code : str
        Version of the project and a digest of its sources.
    packages : dict
        Versions of the packages that compute.
    """

    id: str
    study: str
    version: int
    seed: int
    point: dict[str, Any]
    status: str
    rows: list[dict[str, Any]]
    error: str | None
    starts: int
    seconds: float
    peak_bytes: int
    finished: float
    code: str
    packages: dict[str, str]


class Store:
    """Results of jobs in one file; a context manager.

    Parameters
    ----------
    path : Path
        The file; made if it does not exist. ``Path(":memory:")`` keeps results as long as the store is open.

    Raises
    ------
    InvalidArgumentError
        If the file cannot be made or opened.
    FileFormatError
        If it is not a store of this project.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.owner = uuid.uuid4().hex
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._beating: threading.Thread | None = None
        self._environment: int | None = None
        self._database = _open(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give up all claims of this process and close the file."""
        self._stop.set()
        if self._beating is not None:
            self._beating.join()
        with self._transaction() as database:
            database.execute("DELETE FROM claims WHERE owner = ?", (self.owner,))
            database.execute("DELETE FROM owners WHERE owner = ?", (self.owner,))
        self._database.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock; commit at the end, undo on an exception."""
        with self._lock:
            try:
                self._database.execute("BEGIN IMMEDIATE")
                try:
                    yield self._database
                except BaseException:
                    self._database.execute("ROLLBACK")
                    raise
                self._database.execute("COMMIT")
            except sqlite3.DatabaseError as error:
                raise InvalidArgumentError(f"{self.path}: the store failed: {error}.") from error

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        with self._lock:
            try:
                return self._database.execute(query).fetchall()
            except sqlite3.DatabaseError as error:
                raise FileFormatError(f"{self.path}: the store is damaged: {error}.") from error

    def _appear(self) -> None:
        """Enter this process as an owner of claims and keep its heartbeat going."""
        with self._lock:
            if self._beating is not None:
                return
            with self._transaction() as database:
                began = _process_began(os.getpid()) or 0.0
                row = (self.owner, socket.gethostname(), os.getpid(), began, time.time())
                database.execute("INSERT INTO owners VALUES (?, ?, ?, ?, ?)", row)
            self._beating = threading.Thread(target=self._beat, daemon=True)
            self._beating.start()

    def _beat(self) -> None:
        while not self._stop.wait(BEAT):
            with suppress(InvalidArgumentError), self._transaction() as database:  # a missed beat is no loss
                database.execute("UPDATE owners SET beat = ? WHERE owner = ?", (time.time(), self.owner))

    def claim(self, job: Job) -> bool:
        """Claim a point for this process; False if it is done, or claimed by a process that lives.

        A failed result is dropped, so that the point is tried again.
        """
        self._appear()
        with self._transaction() as database:
            found = database.execute("SELECT status FROM results WHERE id = ?", (job.id,)).fetchone()
            if found is not None and found[0] == "done":
                return False
            held = database.execute("SELECT owner, starts FROM claims WHERE id = ?", (job.id,)).fetchone()
            if held is not None and (held[0] == self.owner or self._lives(held[0])):
                return False
            starts = 1 if held is None else held[1] + 1
            database.execute("DELETE FROM results WHERE id = ?", (job.id,))
            database.execute("INSERT OR REPLACE INTO claims VALUES (?, ?, ?)", (job.id, self.owner, starts))
            return True

    def _lives(self, owner: str) -> bool:
        """Whether the owner of a claim still runs; if not, it is forgotten."""
        query = "SELECT host, pid, began, beat FROM owners WHERE owner = ?"
        found = self._database.execute(query, (owner,)).fetchone()
        if found is None:
            return False
        host, pid, began, beat = found
        fresh = time.time() - beat < LEASE
        if host != socket.gethostname():
            return bool(fresh)
        found_began = _process_began(pid)
        # Clocks that are set forward or back shift the time of the start.
        return found_began is not None and bool(abs(found_began - began) < 2.0 or fresh)

    def insert(self, measurement: Measurement) -> None:
        """Store a measurement and release its claim, in one transaction; the first result of a point
        stays."""
        job = measurement.job
        content = (
            job.id,
            job.name,
            job.version,
            job.seed,
            json.dumps(job.point),
            "done" if measurement.error is None else "failed",
            json.dumps(measurement.rows),
            measurement.error,
        )
        with self._transaction() as database:
            number = self._environment_number(database)
            held = database.execute("SELECT starts FROM claims WHERE id = ?", (job.id,)).fetchone()
            starts = 1 if held is None else held[0]
            cost = (starts, measurement.seconds, measurement.peak_bytes, time.time(), number)
            row = (*content, *cost, _seal(content))
            places = ", ".join("?" * len(row))
            database.execute(f"INSERT INTO results VALUES ({places}) ON CONFLICT DO NOTHING", row)
            database.execute("DELETE FROM claims WHERE id = ?", (job.id,))

    def _environment_number(self, database: sqlite3.Connection) -> int:
        if self._environment is None:
            row = (code_version(), json.dumps(package_versions(), sort_keys=True))
            database.execute(
                "INSERT INTO environments (code, packages) VALUES (?, ?) ON CONFLICT DO NOTHING", row
            )
            query = "SELECT number FROM environments WHERE code = ? AND packages = ?"
            self._environment = int(database.execute(query, row).fetchone()[0])
        return self._environment

    def missing(self, ids: Sequence[str]) -> list[str]:
        """Return those identifiers that have no result yet (or a failed one), in the given order."""
        present = {row[0] for row in self._rows("SELECT id FROM results WHERE status = 'done'")}
        return [name for name in ids if name not in present]

    def records(self, ids: Iterable[str] | None = None) -> list[Record]:
        """Return stored measurements in the order of `ids` (those that are there), or all by study and
        identifier.

        Raises
        ------
        FileFormatError
            If any measurement of the store, wanted or not, is not what was written: one that was given
            another identifier would else be missing without a word.
        """
        found = {row[0]: _record(row, self.path) for row in self._rows(_RECORDS)}
        return [found[name] for name in (found if ids is None else ids) if name in found]

    def sound(self) -> bool:
        """Whether SQLite's integrity check finds nothing."""
        return self._rows("PRAGMA integrity_check") == [("ok",)]


def _record(row: tuple[Any, ...], path: Path) -> Record:
    values = dict(zip(_COLUMNS, row, strict=True))
    try:
        decoded = {name: json.loads(values[name]) for name in ("point", "rows", "packages")}
    except (json.JSONDecodeError, RecursionError) as error:
        raise FileFormatError(
            f"{path}: result {values['id'][:64]!r} is not JSON ({error}); delete the file, or that row."
        ) from None
    rows = decoded["rows"]
    tables = isinstance(rows, list) and all(isinstance(one, dict) for one in rows)
    filled = bool(rows) or values["status"] == "failed"
    if not (tables and filled and all(isinstance(decoded[name], dict) for name in ("point", "packages"))):
        raise FileFormatError(
            f"{path}: result {values['id'][:64]!r} is not a point with rows of values; delete the file, or "
            "that row."
        )
    if (
        _seal(row[: len(_SEALED)]) != values["seal"]
        or identifier(values["study"], values["version"], decoded["point"], values["seed"]) != values["id"]
    ):
        raise FileFormatError(
            f"{path}: result {values['id'][:64]!r} of {values['study']} is not what was measured: it was "
            "changed afterwards; delete that row, and a new run measures it again."
        )
    del values["seal"]
    return Record(**(values | decoded))


def _seal(content: Sequence[Any]) -> str:
    """Return a hash of what a result says, in the order of `_SEALED`: changes by accident or by hand are
    seen."""
    return hashlib.sha256(json.dumps(list(content)).encode()).hexdigest()


def _open(path: Path) -> sqlite3.Connection:
    """Open or make the file; the tables are made in one transaction, by whoever is first."""
    if path.is_dir():
        raise InvalidArgumentError(f"{path} is a directory; name a file for the store.")
    try:
        database = sqlite3.connect(path, timeout=60.0, isolation_level=None, check_same_thread=False)
    except (sqlite3.OperationalError, ValueError) as error:
        raise InvalidArgumentError(
            f"{str(path)[:200]!r} cannot be opened: {error}; check the folder."
        ) from None
    try:
        database.execute("BEGIN IMMEDIATE")
        mark = database.execute("PRAGMA application_id").fetchone()[0]
        tables = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if mark == 0 and tables == 0:
            for statement in _TABLES.split(";"):
                database.execute(statement)
            database.execute(f"PRAGMA application_id = {APPLICATION}")
            database.execute(f"PRAGMA user_version = {LAYOUT}")
            mark = APPLICATION
        layout = database.execute("PRAGMA user_version").fetchone()[0]
        database.execute("COMMIT")
        if mark == APPLICATION and layout == LAYOUT:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            return database
    except sqlite3.OperationalError as error:
        database.close()
        raise InvalidArgumentError(
            f"{path}: cannot be opened as a store: {error}; check the folder."
        ) from None
    except sqlite3.DatabaseError as error:
        database.close()
        raise FileFormatError(f"{path}: not a store of results ({error}); name another file.") from None
    database.close()
    if mark == APPLICATION:
        raise FileFormatError(f"{path}: a store of layout {layout}, but this version writes layout {LAYOUT}.")
    raise FileFormatError(f"{path}: an SQLite file, but not a store of results; name another file.")


def _process_began(pid: int) -> float | None:
    """Return when a process of this machine was started, or None if there is none."""
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None
