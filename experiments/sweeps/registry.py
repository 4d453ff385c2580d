"""All studies: what the modules of `experiments/topics` define as ``STUDY``, and the entry points
``metaregret.studies`` of other distributions."""

from __future__ import annotations

from functools import cache

from metaregret.experiments.sweeps.study import Study
from metaregret.tabular.discovery import discover, look_up

__all__ = ["studies", "study"]


@cache
def studies() -> dict[str, Study]:
    """Return every study by its name."""
    return discover("metaregret.experiments.topics", "STUDY", Study, group="metaregret.studies")


def study(name: str) -> Study:
    """Return the study of this name.

    Raises
    ------
    InvalidArgumentError
        If there is none; the message lists what there is.
    """
    return look_up(studies(), name, "study")
