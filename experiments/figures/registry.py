"""All figures: what the modules of `experiments/topics` define as ``FIGURE``, and the entry points
``metaregret.figures`` of other distributions."""

from __future__ import annotations

from functools import cache

from metaregret.experiments.figures.figure import Figure
from metaregret.tabular.discovery import discover, look_up

__all__ = ["figure", "figures", "figures_of"]


@cache
def figures() -> dict[str, Figure]:
    """Return every figure by its name."""
    return discover("metaregret.experiments.topics", "FIGURE", Figure, group="metaregret.figures")


def figure(name: str) -> Figure:
    """Return the figure of this name.

    Raises
    ------
    InvalidArgumentError
        If there is none; the message lists what there is.
    """
    return look_up(figures(), name, "figure")


def figures_of(name: str) -> list[Figure]:
    """Return the figure of this name, or all those whose names begin with it and an underscore.

    Raises
    ------
    InvalidArgumentError
        If there is none; the message lists what there is.
    """
    group = [item for key, item in figures().items() if key.startswith(f"{name}_")]
    return group if group and name not in figures() else [figure(name)]
