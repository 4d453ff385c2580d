"""Reports of verification runs: one model, several renderers."""

from __future__ import annotations

from experiments.report.model import (
    REPORT_FORMAT,
    Row,
    control_row,
    planted_rows,
    process_row,
    report_document,
    theorem_row,
)

__all__ = [
    "REPORT_FORMAT",
    "Row",
    "control_row",
    "planted_rows",
    "process_row",
    "report_document",
    "theorem_row",
]
