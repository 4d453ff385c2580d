"""Reports of verification runs: one model, several renderers."""

from __future__ import annotations

from experiments.report.model import REPORT_FORMAT, report_document, report_ok

__all__ = ["REPORT_FORMAT", "report_document", "report_ok"]
