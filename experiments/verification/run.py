"""`verify`: theorems and controls checked in one call, and what came out as a result."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaregret.experiments.cache import keep_out_of_the_way
from metaregret.experiments.report.latex import theorem_table
from metaregret.experiments.report.model import report_document
from metaregret.experiments.report.terminal import counts, report_parts
from metaregret.experiments.runs.provenance import version_of
from metaregret.experiments.verification.jobs import Item, Progress, silent, verify_all
from metaregret.tabular.choices import expect
from metaregret.tabular.errors import InvalidArgumentError
from metaregret.theory.claims import (
    Context,
    Control,
    Published,
    Theorem,
    atlas,
    claim,
    controls,
    from_file,
    theorems,
)
from metaregret.theory.claims.registry import permanent
from metaregret.theory.results import Result, save_text

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table
    from rich.text import Text

__all__ = ["VerificationReport", "verify"]

COLUMNS = ("title", "verdict", "expected", "as_expected")


@dataclass(frozen=True, eq=False, repr=False)
class VerificationReport(Result):
    """The verdicts of a run.

    Attributes
    ----------
    document : mapping
        The ``metaregret-report/1`` document.
    items : mapping
        The claims of the run by identifier.
    resumed : int
        How many pieces of evidence are from an earlier run.

    Examples
    --------
    >>> import metaregret as mr
    >>> report = mr.verify("C05")
    >>> report["C05"]["verdict"], report.as_expected
    ('REFUTED', True)
    """

    document: Mapping[str, Any]
    items: Mapping[str, Item] = field(default_factory=dict)
    resumed: int = 0

    @property
    def as_expected(self) -> bool:
        """Whether every verdict is the expected one, and every planted error was caught."""
        return bool(self.document["summary"]["as_expected"])

    def __getitem__(self, uid: str) -> Mapping[str, Any]:
        """The row of a claim, by identifier (``T4`` and ``T04`` are the same)."""
        rows = {row["uid"]: row for row in self._claims()}
        known = next((name for name in (uid, permanent(uid)) if name in rows), None)
        if known is None:
            raise InvalidArgumentError(f"There is no {uid!r} in this report; there are {', '.join(rows)}.")
        return rows[known]

    def witness(self, uid: str) -> dict[str, Any] | None:
        """The first witness on which a claim fails, or None if it holds on all that was looked at.

        Of a claim about processes, ``witness(uid)["instance"]`` is a document that `make` reads.
        """
        failures = (method["failure"] for method in self[uid].get("methods", ()))
        return next((dict(failure["witness"]) for failure in failures if failure), None)

    def _claims(self) -> list[Mapping[str, Any]]:
        return [*self.document["theorems"], *self.document["controls"], *self.document["atlas"]]

    def parts(self) -> Iterator[Table | Text]:
        return report_parts(self.document)

    def _document(self) -> dict[str, Any]:
        return dict(self.document)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per claim: title, verdict, expected verdict, number of instances and margin."""
        import pandas as pd

        rows = self._claims()
        data = [{key: row.get(key) for key in (*COLUMNS, "instances", "margin")} for row in rows]
        return pd.DataFrame(data, index=pd.Index([row["uid"] for row in rows], name="claim"))

    def to_latex(self, path: Path | str | None = None) -> str:
        """Return the table of theorems for an appendix, and write it where a path is given."""
        text = theorem_table(self.document)
        if path is not None:
            save_text(path, text)
        return text

    def __repr__(self) -> str:
        found = "every verdict is as expected" if self.as_expected else "NOT as expected"
        return f"<VerificationReport: {counts(self.document['summary'])}: {found}>"


OWN_INSTANCES = 100
"""Default for a claim from outside; `metaregret.theory.claims.on_instances` looks at five times as many."""

OWN_SECONDS = 20.0
"""Processor time after which the default search for a counterexample of a claim from outside ends."""


def verify(
    *uids: str,
    new: Path | str | Item | None = None,
    exact: bool = False,
    instances: int | None = None,
    seed: int = 0,
    workers: int = 1,
    store: Path | str | None = None,
    progress: Progress = silent,
) -> VerificationReport:
    """Verify all theorems and negative controls, or those named.

    Parameters
    ----------
    *uids : str
        Identifiers, such as ``"T04"``; ``"atlas"`` for all published claims; none for all theorems and
        controls, and the main claim process by process.
    new : path, Theorem, Control or Published, optional
        Also (or, without identifiers, only) a claim of one's own: the object, or a Python file that defines
        ``THEOREM``, ``CONTROL`` or ``PUBLISHED`` and is run.
    exact : bool
        Symbolic and rational methods only.
    instances : int, optional
        Random instances per method: 20, where nothing else is said. Of a claim of one's own, the default is
        to look at 500 or more generated instances, for `OWN_SECONDS` of processor time at most.
    seed : int
        Of every random draw.
    workers : int
        Processes.
    store : path, optional
        A file of finished results (made, with its folder, if new), which is used and added to.
    progress : callable
        Given a description and the number of results, a context that yields what is told how many there are.

    Returns
    -------
    VerificationReport
        ``as_expected`` says whether every verdict is the expected one.

    Raises
    ------
    InvalidArgumentError
        If an identifier is unknown, or that of a claim of one's own is taken; if an argument is malformed, or
        the file of a claim cannot be imported.

    Examples
    --------
    >>> import metaregret as mr
    >>> report = mr.verify("T05", "C05", instances=2)
    >>> report.as_expected, report["T05"]["verdict"]
    (True, 'CERTIFIED')
    """
    keep_out_of_the_way()
    deep = instances is None and new is not None
    instances = instances if instances is not None else OWN_INSTANCES if deep else 20
    for name, value, least in (("instances", instances, 1), ("seed", seed, 0), ("workers", workers, 1)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise InvalidArgumentError(
                f"Expected {name} to be a whole number of at least {least}, but got {value!r:.60}."
            )
    for uid in uids:
        expect(str, uid, "uid", "name a claim such as 'T04'")
    if new is not None:
        expect((str, Path, Theorem, Control, Published), new, "new")
    path = Path(new) if isinstance(new, str | Path) else None
    own = from_file(path) if path is not None else new
    assert own is None or isinstance(own, Theorem | Control | Published)
    chosen = [one for uid in uids for one in (atlas() if uid.strip().lower() == "atlas" else [uid])]
    named: list[Item] = list({item.uid: item for item in map(claim, chosen)}.values())
    if own is not None:
        _refuse_taken(own, path or "The claim")
    everything = not named and own is None
    if everything:
        named = [*theorems().values(), *controls().values()]
    context = Context(seed=seed, instances=instances, exact=exact, seconds=OWN_SECONDS if deep else None)
    began = time.perf_counter()
    rows, resumed = verify_all(
        named,
        [specimen.name for specimen in context.zoo] if everything and not exact else [],
        context,
        workers=workers,
        store=None if store is None else _file(Path(store)),
        own=own,
        own_code="" if path is None else path.read_text(encoding="utf-8"),
        progress=progress,
    )
    items = {item.uid: item for item in (*named, *([] if own is None else [own]))}
    document = report_document(
        [row for row in rows.values() if "methods" in row and "needs" not in row],
        [row for row in rows.values() if "drops" in row],
        [row for row in rows.values() if "process" in row],
        atlas=[row for row in rows.values() if "needs" in row],
        version=version_of("metaregret"),
        settings={"seed": seed, "instances": instances, "exact": exact},
        seconds=time.perf_counter() - began,
        files={} if own is None or path is None else {own.uid: str(path)},
    )
    return VerificationReport(document, items, resumed)


def _refuse_taken(own: Item, what: Path | str) -> None:
    """Raise if a claim from outside has the identifier of another; reports go by identifiers."""
    known: dict[str, Item] = {**theorems(), **controls(), **atlas()}
    taken = {permanent(uid): item for uid, item in known.items()}.get(permanent(own.uid), own)
    if taken is not own:
        raise InvalidArgumentError(
            f"{what} defines {own.uid}, which is there already: {taken.title!r}. Give it an identifier of "
            f"its own, such as X01; to check the one that is there, name {taken.uid}."
        )


def _file(path: Path) -> Path:
    """The path, in a folder that exists."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidArgumentError(
            f"Cannot make the folder of {path}: {error.strerror}; name another file."
        ) from None
    return path
