"""Sweeps: studies as data, run into a store of results.

A `Study` says which points to measure and how; `run(sweep.jobs, store)` measures what a `Store` does not have
yet; `frame` reads the results. Adding a study is adding one file to `experiments/topics/`.
"""

from __future__ import annotations

from metaregret.experiments.runs import Outcome, Point, Store, run
from metaregret.experiments.sweeps.export import export, frame
from metaregret.experiments.sweeps.registry import studies, study
from metaregret.experiments.sweeps.study import Scale, Study, Sweep

__all__ = [
    "Outcome", "Point", "Scale", "Store", "Study", "Sweep", "export", "frame", "run", "studies", "study",
]  # fmt: skip
