"""Runs: jobs done once, their results in an embedded store, safe to kill and to run twice at once.

A `Job` says what its result depends on and how to get it; `run` does what a `Store` does not have yet. Sweeps
and verification are made of such jobs.
"""

from __future__ import annotations

from metaregret.experiments.runs.job import Job, Measurement, Point
from metaregret.experiments.runs.runner import Outcome, run
from metaregret.experiments.runs.store import Record, Store

__all__ = ["Job", "Measurement", "Outcome", "Point", "Record", "Store", "run"]
