"""Reports of verification runs: one model, several renderers."""

from __future__ import annotations

from metaregret.experiments.report.model import (
    REPORT_FORMAT,
    Row,
    atlas_row,
    control_row,
    planted_rows,
    process_row,
    report_document,
    theorem_row,
)

__all__ = [
    "REPORT_FORMAT",
    "Row",
    "atlas_row",
    "control_row",
    "planted_rows",
    "process_row",
    "report_document",
    "theorem_row",
]
