"""Running claims: the jobs of a verification run, in parallel, with finished evidence kept in a file."""

from __future__ import annotations

from metaregret.experiments.verification.jobs import Progress, verify_all
from metaregret.experiments.verification.run import VerificationReport, verify
from metaregret.experiments.verification.store import EvidenceStore, default_store

__all__ = [
    "EvidenceStore",
    "Progress",
    "VerificationReport",
    "default_store",
    "verify",
    "verify_all",
]
