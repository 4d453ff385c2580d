"""What a method of a claim may draw on: instances, a seed, and how much of everything."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar, cast

import numpy as np
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import seed as hypothesis_seed
from hypothesis.errors import Flaky
from hypothesis.strategies import SearchStrategy

from metaregret.tabular.domains import belongs, edge_cases
from metaregret.tabular.process import ControlledMarkovProcess
from metaregret.theory.claims.assumption import Assumption
from metaregret.theory.claims.evidence import Trial
from metaregret.theory.claims.shrinking import smallest_process
from metaregret.theory.claims.zoo import ZOO, Specimen

__all__ = ["Context"]

Instance = TypeVar("Instance")

KEPT = 100
"""Longest list of instances that is kept in memory."""


@dataclass(frozen=True)
class Context:
    """The setting of one verification run.

    Attributes
    ----------
    seed : int
        Every random draw derives from it and from the name of what is drawn.
    instances : int
        How many random instances a method looks at.
    exact : bool
        Whether floating-point methods are left out.
    zoo : tuple of Specimen
        The named processes.
    shrink : bool
        Whether a failing instance is shrunk; without it a failure is found faster and reported as drawn.
    seconds : float, optional
        Processor time after which a method looks at no further generated instance.
    """

    seed: int = 0
    instances: int = 20
    exact: bool = False
    zoo: tuple[Specimen, ...] = ZOO
    shrink: bool = True
    seconds: float | None = None

    def generator(self, name: str) -> np.random.Generator:
        """Return a random generator that depends on the seed and `name` only."""
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])

    def processes(
        self, *assumptions: Assumption, largest: int | None = None
    ) -> Iterator[tuple[str, ControlledMarkovProcess]]:
        """Yield the named processes that meet the assumptions (and have at most `largest` states)."""
        for specimen in self.zoo:
            process = specimen.process()
            if largest is not None and process.n_states > largest:
                continue
            if all(assumption.holds(process) for assumption in assumptions):
                yield specimen.name, process

    def examples(
        self,
        strategy: SearchStrategy[Instance],
        check: Callable[[Instance], Trial | None],
        *,
        name: str,
        share: float = 1.0,
        most: int = 10_000,
        assumes: bool = False,
    ) -> Sequence[Trial]:
        """Run `check` on generated instances; a failing one is shrunk to the smallest that fails.

        Where the strategy is known to generate processes (`metaregret.tabular.domains`), the edge cases among
        them come first, and a failing process is shrunk further, inside the strategy.

        Parameters
        ----------
        strategy : SearchStrategy
            Generates the instances.
        check : callable
            Returns a trial, or None where the assumptions are not met.
        name : str
            Names the draw, for the seed.
        share : float
            Fraction of `instances` to look at.
        most : int
            Never look at more than this, however deep the run: for checks that are slow on an instance.
        assumes : bool
            Whether `check` may call `hypothesis.assume`; it asks for another instance, so none can be kept.

        Returns
        -------
        sequence of Trial
            All that passed, or the one failure after shrinking.
        """
        passed: list[Trial] = []
        failed: list[tuple[Instance, Trial]] = []
        inside = belongs(strategy)
        cases = [] if inside is None else list(filter(inside, edge_cases()))
        ends = math.inf if self.seconds is None else time.process_time() + self.seconds
        seed, count = self.seed + zlib.crc32(name.encode()), min(most, max(1, round(self.instances * share)))

        def run(instance: Instance) -> None:
            if time.process_time() > ends:
                return
            trial = check(instance)
            if trial is None:
                return
            if not trial.margin >= 0:
                failed.append((instance, trial))
                raise _FailedTrialError
            passed.append(trial)

        try:
            if count <= KEPT and not assumes:
                for instance in (*cast(list[Instance], cases), *_drawn(strategy, seed, count)):
                    run(instance)
                return passed
        except _FailedTrialError:
            if not self.shrink:
                return [failed[-1][1]]
        search = _search(strategy, run, seed, count, shrink=self.shrink)
        for case in reversed(cases):  # the last one added is looked at first
            search = example(case)(search)
        try:
            search()
        except _FailedTrialError:
            pass
        except Flaky:  # what failed was tried again when the time was up
            if time.process_time() <= ends:
                raise
        return [self._smallest(*failed[-1], check, inside)] if failed else passed

    def _smallest(
        self,
        instance: Instance,
        trial: Trial,
        check: Callable[[Instance], Trial | None],
        inside: Callable[[ControlledMarkovProcess], bool] | None,
    ) -> Trial:
        """Shrink a failing process further than the generator can, but to none that it cannot generate."""
        if not self.shrink or inside is None or not isinstance(instance, ControlledMarkovProcess):
            return trial
        judge = cast(Callable[[ControlledMarkovProcess], Trial | None], check)

        def fails(process: ControlledMarkovProcess) -> bool:
            found = judge(process) if inside(process) else None
            return found is not None and not found.margin >= 0

        smallest = smallest_process(instance, fails)
        return trial if smallest is instance else judge(smallest) or trial


def _search(
    strategy: SearchStrategy[Instance],
    run: Callable[[Instance], None],
    seed: int,
    count: int,
    *,
    shrink: bool,
) -> Callable[[], None]:
    """Return the search by Hypothesis: without shrinking, what it draws depends on seed and count alone."""
    chosen = settings(
        max_examples=count,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate, Phase.target, *((Phase.shrink,) if shrink else ())),
        report_multiple_bugs=False,
    )
    return hypothesis_seed(seed)(chosen(given(strategy)(run)))


@lru_cache(maxsize=16)
def _drawn(strategy: SearchStrategy[Instance], seed: int, count: int) -> list[Instance]:
    """Return the instances of a search: a claim and its planted errors are tried on the same ones."""
    drawn: list[Instance] = []

    def keep(instance: Instance) -> None:
        drawn.append(instance)

    _search(strategy, keep, seed, count, shrink=False)()
    return drawn


class _FailedTrialError(Exception):
    """Tells the search that a trial failed; never leaves this module."""
