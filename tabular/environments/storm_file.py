"""Models of PRISM, JANI, DRN and explicit files, through Storm: ``storm:FILE.prism,const=3``."""

from __future__ import annotations

from pathlib import Path

from metaregret.tabular.environments.options import Environment, Options
from metaregret.tabular.importers.imported import Imported

__all__ = ["SOURCE"]


def _build(body: str, options: Options) -> Imported:
    from metaregret.tabular.importers.storm import read_storm

    constants = options.rest()
    suffix = "".join(f",{key}={value}" for key, value in constants.items())
    form = constants.pop("format", None)
    return read_storm(Path(body), constants, format=form, name=f"storm:{Path(body).name}{suffix}")


SOURCE = Environment(
    "storm",
    "storm:FILE[,constant=value...]",
    "a PRISM, JANI, DRN or explicit file, read by Storm (metaregret[storm])",
    (
        "storm:die.prism",
        "storm:consensus.nm,N=2,K=2",
        "storm:model.jani",
        "storm:model.drn",
        "storm:model.tra",
    ),
    _build,
)
