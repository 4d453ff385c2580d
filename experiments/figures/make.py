"""Make figures: run what their studies miss, then draw from the store only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from metaregret.experiments.figures.figure import Figure
from metaregret.experiments.figures.render import FORMATS, draw, write
from metaregret.experiments.sweeps import Scale, Store, Sweep, frame, run, study
from metaregret.tabular.choices import choice
from metaregret.theory.plotting.style import Style

__all__ = ["make_figures", "sweeps_of", "without_results"]


def sweeps_of(figures: Sequence[Figure], scale: Scale | str, seed: int) -> dict[str, Sweep]:
    """Return the sweeps that figures read, by the name of the study; each once."""
    scale = choice(Scale, scale, "scale")
    names = dict.fromkeys(name for figure in figures for name in figure.studies)
    return {name: study(name).sweep(scale, seed) for name in names}


def without_results(figures: Sequence[Figure], sweeps: dict[str, Sweep]) -> list[Figure]:
    """Return the figures that read a study without points: a saved table that is not there."""
    return [f for f in figures if any(not sweeps[name].points for name in f.studies)]


def make_figures(
    figures: Sequence[Figure],
    sweeps: dict[str, Sweep],
    store: Store,
    folder: Path,
    style: Style,
    *,
    formats: Sequence[str] = FORMATS,
    workers: int = 1,
    backend: str = "loky",
    scheduler: str | None = None,
    progress: Callable[[int], None] | None = None,
    options: str = "",
) -> list[dict[str, Any]]:
    """Run the missing points of `sweeps` into `store`, then draw and write each figure; return the manifests.

    `progress` is called with the number of points measured and figures written so far. `options` are those of
    the command line that the results depend on, for the manifest and the macros.

    Raises
    ------
    SolverError
        If a measurement fails; see `metaregret.experiments.sweeps.run`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [job for sweep in sweeps.values() for job in sweep.jobs]
    run(jobs, store, workers=workers, backend=backend, scheduler=scheduler, progress=progress)
    total = sum(len(sweep.points) for sweep in sweeps.values())
    results = {name: frame(store, sweep) for name, sweep in sweeps.items()}
    manifests = []
    for figure in figures:
        drawing = draw(figure, {name: results[name].copy() for name in figure.studies}, style)
        manifests.append(write(figure, drawing, style, folder, formats, options))
        if progress is not None:
            progress(total + len(manifests))
    return manifests
