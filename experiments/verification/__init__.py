"""Verifying claims: the jobs of a run, and what came out as a report."""

from __future__ import annotations

from metaregret.experiments.verification.jobs import Progress, default_store, verify_all
from metaregret.experiments.verification.run import VerificationReport, verify

__all__ = ["Progress", "VerificationReport", "default_store", "verify", "verify_all"]
