"""All studies, found by looking into `experiments/studies/`: adding one is adding one file."""

from __future__ import annotations

from functools import cache

from metaregret.experiments.discovery import discover, look_up
from metaregret.experiments.sweeps.study import Study

__all__ = ["studies", "study"]


@cache
def studies() -> dict[str, Study]:
    """Return every study by its name."""
    return discover("metaregret.experiments.studies", "STUDY", Study)


def study(name: str) -> Study:
    """Return the study of this name.

    Raises
    ------
    InvalidArgumentError
        If there is none; the message lists what there is.
    """
    return look_up(studies(), name, "study")
