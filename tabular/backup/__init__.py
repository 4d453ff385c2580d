"""The Bellman backup in three representations behind one protocol: `backup(process, "sparse")`."""

from __future__ import annotations

from metaregret.tabular.backup.base import Backup
from metaregret.tabular.process import ControlledMarkovProcess, Representation, check_representation

__all__ = ["Backup", "backup"]

DENSE_BELOW = 64
"""Processes with at most this many states are backed up densely when no representation is asked for."""


def backup(process: ControlledMarkovProcess, representation: Representation | None = None) -> Backup:
    """Return the Bellman backup of `process` in a representation (by default dense when small, else sparse).

    Raises
    ------
    NotExactError
        If ``"rational"`` is asked for and the process is known in floating point only.
    """
    check_representation(representation)
    chosen = representation or ("dense" if process.n_states <= DENSE_BELOW else "sparse")
    if chosen == "rational":
        from metaregret.tabular.backup.rational import RationalBackup

        return RationalBackup(process)
    if chosen == "dense":
        from metaregret.tabular.backup.dense import DenseBackup

        return DenseBackup(process)
    from metaregret.tabular.backup.sparse import SparseBackup

    return SparseBackup(process)
