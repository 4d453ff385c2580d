"""All studies, found by looking into `experiments/studies/`: adding one is adding one file."""

from __future__ import annotations

from functools import cache

from experiments.discovery import discover
from experiments.sweeps.study import Study
from tabular.errors import InvalidArgumentError

__all__ = ["studies", "study"]


@cache
def studies() -> dict[str, Study]:
    """Return every study by its name."""
    return discover("experiments.studies", "STUDY", Study)


def study(name: str) -> Study:
    """Return the study of this name.

    Raises
    ------
    InvalidArgumentError
        If there is none; the message lists what there is.
    """
    known = studies()
    if name not in known:
        raise InvalidArgumentError(f"Unknown study {name[:80]!r}; there are {', '.join(known)}.")
    return known[name]
