"""Sweeps: parameters as data, results in an embedded store, safe to kill and to run twice at once.

A `Study` says which points to measure and how; `run` measures what a `Store` does not have yet; `frame` reads
the results. Adding a study is adding one file to `experiments/studies/` that defines ``STUDY``.
"""

from __future__ import annotations

from metaregret.experiments.sweeps.export import export, frame
from metaregret.experiments.sweeps.registry import studies, study
from metaregret.experiments.sweeps.runner import Outcome, run
from metaregret.experiments.sweeps.store import Store
from metaregret.experiments.sweeps.study import Point, Scale, Study, Sweep

__all__ = [
    "Outcome",
    "Point",
    "Scale",
    "Store",
    "Study",
    "Sweep",
    "export",
    "frame",
    "run",
    "studies",
    "study",
]
