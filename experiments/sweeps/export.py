"""Results as data frames, CSV and Parquet."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from metaregret.experiments.runs import Record, Store
from metaregret.experiments.sweeps.study import Sweep
from metaregret.tabular.documents import write_bytes
from metaregret.tabular.errors import InvalidArgumentError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_export", "export", "frame"]

SUFFIXES = (".csv", ".parquet")


def frame(store: Store, sweep: Sweep, *, provenance: bool = False) -> pd.DataFrame:
    """Return the results of a sweep, one line per row, in the order of its points.

    Columns are the parameters, then the results, then with `provenance` the identifier, the seed and what a
    rerun need not reproduce: code, seconds, peak memory. Without it the frame depends on study, points and
    seed only.

    Raises
    ------
    InvalidArgumentError
        If a point has no result yet.
    """
    import pandas as pd

    if absent := store.missing(sweep.ids):
        raise InvalidArgumentError(
            f"{len(absent)} of {len(sweep.ids)} points of {sweep.study.name} are not in {store.path}; "
            "run the sweep first."
        )
    records = store.records(sweep.ids)
    lines = [
        {**record.point, **row, **(_provenance(record) if provenance else {})}
        for record in records
        for row in record.rows
    ]
    return pd.DataFrame(lines)


def _provenance(record: Record) -> dict[str, object]:
    return {
        "id": record.id,
        "seed": record.seed,
        "code": record.code,
        "seconds": record.seconds,
        "peak_bytes": record.peak_bytes,
        "starts": record.starts,
    }


def check_export(path: Path) -> None:
    """Raise `InvalidArgumentError` unless the suffix is one that can be written."""
    if path.suffix not in SUFFIXES:
        raise InvalidArgumentError(
            f"Expected a file ending in {' or '.join(SUFFIXES)} to export to, but got {str(path)!r}."
        )


def export(store: Store, sweep: Sweep, path: Path, *, provenance: bool = False) -> None:
    """Write the results of a sweep as CSV or Parquet, by the file's suffix, atomically.

    Raises
    ------
    InvalidArgumentError
        If the suffix is another, the file cannot be written, or a point has no result yet.
    """
    check_export(path)
    data = frame(store, sweep, provenance=provenance)
    if path.suffix == ".csv":
        content = data.to_csv(index=False, lineterminator="\n").encode()
    else:
        buffer = io.BytesIO()
        data.to_parquet(buffer, index=False)
        content = buffer.getvalue()
    write_bytes(path, content)
