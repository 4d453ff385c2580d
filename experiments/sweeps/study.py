"""A study: points to measure, as data, and how to measure one; a sweep: a study with its points and seed.

Each measurement is a `Job`, identified by a hash of all that it depends on: points can be added, removed and
reordered without losing results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from metaregret.experiments.runs import Job, Point
from metaregret.experiments.runs.job import identifier
from metaregret.tabular.choices import choice
from metaregret.tabular.errors import InvalidArgumentError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Row", "Scalar", "Scale", "Study", "Sweep"]

Scalar: TypeAlias = str | int | float | bool | None
"""What a parameter or a measured value can be."""

Row: TypeAlias = dict[str, Scalar]
"""One line of results."""


class Scale(Enum):
    """How much to measure: everything, a little of it for a smoke test, or also what takes hours."""

    FULL = "full"
    SHORT = "short"
    LONG = "long"


@dataclass(frozen=True)
class Study:
    """An experiment: which points, and what is measured at each.

    Attributes
    ----------
    name : str
        Lower case with underscores or hyphens; the name of its file.
    title : str
        One line.
    points : callable
        ``points(scale, seed)`` returns the parameters of every measurement, all or in short: flat mappings of
        JSON scalars.
    measure : callable
        ``measure(point, generator)`` returns a flat mapping of scalars, or a sequence of such mappings with
        the same keys, one per row. It must depend on nothing but its arguments.
    version : int
        Raise it when `measure` changes its meaning: results of older versions are then no longer used.
    needs : callable, optional
        Raises `MissingExtraError` where something that `measure` needs is not installed. Asked before a sweep
        begins, never to list the study: its points are data and need nothing.
    long : callable, optional
        ``long(seed)`` returns the points that take hours, which `Scale.LONG` adds to all others.
    """

    name: str
    title: str
    points: Callable[[Scale, int], Sequence[Point]]
    measure: Callable[[Point, np.random.Generator], Mapping[str, Any] | Sequence[Mapping[str, Any]]]
    version: int = 1
    needs: Callable[[], None] | None = None
    long: Callable[[int], Sequence[Point]] | None = None

    def sweep(
        self, scale: Scale | str = Scale.FULL, seed: int = 0, points: Sequence[Point] | None = None
    ) -> Sweep:
        """Return the sweep over the study's own points, or over `points`.

        Raises
        ------
        MissingExtraError
            If measuring needs a package that is not installed; the message says which extra brings it.
        """
        scale = choice(Scale, scale, "scale")
        if self.needs is not None:
            self.needs()
        if points is None:
            points = self.points(Scale.SHORT if scale is Scale.SHORT else Scale.FULL, seed)
            if scale is Scale.LONG and self.long is not None:
                points = [*points, *self.long(seed)]
        return Sweep(self, tuple(points), seed)

    def rows(self, point: Point, generator: np.random.Generator) -> list[Row]:
        """Measure a point and return plain rows.

        Raises
        ------
        InvalidArgumentError
            If `measure` does not return one or more flat mappings of scalars with the same keys, none of them
            a parameter's.
        """
        measured: Any = self.measure(point, generator)
        listed = [measured] if isinstance(measured, Mapping) else measured
        if not isinstance(listed, Sequence) or isinstance(listed, str) or not listed:
            raise InvalidArgumentError(
                f"{self.name}: measure returned {type(measured).__name__}; expected a mapping or some."
            )
        rows = [{str(key): _plain(self, key, value) for key, value in row.items()} for row in listed]
        for index, row in enumerate(rows):
            if list(row) != list(rows[0]):
                raise InvalidArgumentError(
                    f"{self.name}: row {index} has the keys {list(row)}, but row 0 has {list(rows[0])}."
                )
        if taken := set(rows[0]) & set(point):
            raise InvalidArgumentError(
                f"{self.name}: {sorted(taken)[0]!r} names a parameter and a result; rename the result."
            )
        return rows


@dataclass(frozen=True)
class Sweep:
    """A study with the points to measure and the seed.

    Attributes
    ----------
    study : Study
    points : tuple of mappings
    seed : int

    Raises
    ------
    InvalidArgumentError
        If a point is no flat mapping of JSON scalars, or occurs twice.
    """

    study: Study
    points: tuple[Point, ...]
    seed: int = 0

    def __post_init__(self) -> None:
        first: dict[str, int] = {}
        for index, name in enumerate(self.ids):
            if name in first:
                raise InvalidArgumentError(
                    f"{self.study.name}: points {first[name]} and {index} are the same, "
                    f"{dict(self.points[index])!r}; give each point once."
                )
            first[name] = index

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The identifiers of the points, in their order."""
        name, version = self.study.name, self.study.version
        return tuple(
            identifier(name, version, point, self.seed, f"points[{index}]")
            for index, point in enumerate(self.points)
        )

    @property
    def jobs(self) -> list[Job]:
        """What there is to measure, in the order of the points."""
        study = self.study
        return [Job(study.name, study.version, point, self.seed, study.rows) for point in self.points]


def _plain(study: Study, key: object, value: Any) -> Scalar:
    item = getattr(value, "item", None)  # NumPy's scalars
    plain = item() if callable(item) and getattr(value, "ndim", 0) == 0 else value
    if not isinstance(plain, str | int | float | bool | None):
        raise InvalidArgumentError(
            f"{study.name}: result {key!r} is a {type(plain).__name__}; expected a string, number or bool."
        )
    return plain
